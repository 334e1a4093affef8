//! The signed assertion with which an app proves that it holds its certificate's key
//! ("Microsoft identity platform application authentication certificate credentials").

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::graph::Result;
use crate::graph::wire::new_guid;

/// Life of an assertion; one is made for each token.
const LIFE_SECONDS: u64 = 600;
/// So that a clock slightly ahead doesn't make an assertion of the future.
const EARLY_SECONDS: u64 = 60;

/// `type` of the assertion in the token request.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Header and claims, ready to be signed with PS256. `thumbprint` is `x5t#S256`.
pub(super) fn unsigned(thumbprint: &str, client_id: &str, audience: &str) -> Result<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
    let claims = json!({
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": new_guid()?,
        "nbf": now.saturating_sub(EARLY_SECONDS),
        "iat": now,
        "exp": now + LIFE_SECONDS,
    });
    Ok(format!("{}.{}", encode(&header), encode(&claims)))
}

/// The finished JWT.
pub(super) fn signed(unsigned: String, signature: &[u8]) -> String {
    format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// The claims of a JWT, not verified: for hints only.
pub(super) fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

/// Granted permissions by the token's own word: `roles` of an app, `scp` of a person. `None` = the
/// token is opaque.
pub(super) fn granted(token: &str) -> Option<Vec<String>> {
    let claims = claims(token)?;
    let roles = claims["roles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let scopes = claims["scp"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace();
    Some(roles.chain(scopes).map(str::to_owned).collect())
}
