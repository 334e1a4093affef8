//! Tokens of this lab: how they are made and checked.

use super::SignIn;
use crate::ids::{base64url, from_base64url};
use crate::tenant::errors::Refusal;
use ring::hmac;
use serde_json::{Value, json};

/// Seconds an access token lives, as Entra says it.
pub(crate) const LIFETIME: i64 = 3599;
/// Who issues the assertion of the federated identity, for whom, and about whom.
const FEDERATION_ISSUER: &str = "https://federation.lab.test/";
const FEDERATION_AUDIENCE: &str = "api://AzureADTokenExchange";
const FEDERATION_SUBJECT: &str = "group-writeback";

/// For whom a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The application itself: its permissions are roles.
    Application,
    /// A person through the application: the permissions are scopes.
    Person,
}

impl SignIn {
    /// An access token with the permissions granted now.
    pub(crate) fn access_token(&self, holder: Holder, roles: &[String], now: i64) -> String {
        let mut claims = json!({
            "aud": self.base,
            "iss": format!("{}/{}/", self.base, self.tenant_id),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "app_displayname": "Group Writeback",
            "appid": self.client_id.to_string(),
            "tid": self.tenant_id.to_string(),
            "ver": "1.0",
        });
        match holder {
            Holder::Application => {
                claims["idtyp"] = json!("app");
                claims["roles"] = json!(roles);
            }
            Holder::Person => {
                claims["idtyp"] = json!("user");
                claims["scp"] = json!(roles.join(" "));
            }
        }
        self.sign(&claims)
    }

    /// A refresh token: only this lab can read it.
    pub(super) fn refresh_token(&self, now: i64) -> String {
        let claims = json!({"use": "refresh", "tid": self.tenant_id.to_string(), "iat": now});
        self.sign(&claims)
    }

    /// Whether a refresh token is one of this lab.
    pub(super) fn is_refresh_token(&self, text: &str) -> bool {
        self.open(text)
            .is_some_and(|claims| claims["use"] == "refresh")
    }

    /// The assertion of the federated identity, valid for some seconds.
    pub(crate) fn federated_assertion(&self, now: i64, seconds: i64) -> String {
        let claims = json!({
            "iss": FEDERATION_ISSUER,
            "sub": FEDERATION_SUBJECT,
            "aud": FEDERATION_AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
        });
        self.sign(&claims)
    }

    /// The claims of a federated assertion that this lab issued for the application.
    pub(super) fn open_federated(&self, text: &str) -> Option<Value> {
        let claims = self.open(text)?;
        let fits = claims["iss"] == FEDERATION_ISSUER
            && claims["sub"] == FEDERATION_SUBJECT
            && claims["aud"] == FEDERATION_AUDIENCE;
        fits.then_some(claims)
    }

    /// Checks the `Authorization` header of a Graph request.
    pub(crate) fn check(&self, header: Option<&str>, now: i64) -> Result<(), Refusal> {
        let header = header.ok_or_else(|| Refusal::token("Access token is empty."))?;
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(Refusal::token("Access token is empty.")),
        };
        let Some(claims) = self.open(token) else {
            return Err(Refusal::token(
                "JWT is not well formed or its signature is not valid.",
            ));
        };
        if claims["aud"] != self.base.as_str() {
            return Err(Refusal::token(
                "Access token validation failure. Invalid audience.",
            ));
        }
        if claims["exp"].as_i64().is_none_or(|end| end <= now) {
            let message = "Lifetime validation failed, the token is expired.";
            return Err(Refusal::token(message));
        }
        Ok(())
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": "HS256", "kid": "lab"});
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", base64url(signature.as_ref()))
    }

    fn open(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &from_base64url(signature)?).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&from_base64url(claims)?).ok()
    }
}
