//! Tests of client assertions: what is accepted and which error each flaw gives.

use super::*;
use crate::certs::{sign_as_app, test_certificate};
use crate::ids::Guid;
use crate::signin::AppSecrets;
use crate::world::{WorldOptions, identity};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use serde_json::json;

const NOW: i64 = 1_800_000_000;
const BASE: &str = "http://127.0.0.1:1";

fn signin() -> SignIn {
    let secrets = AppSecrets {
        client_id: Guid([7; 16]),
        client_secret: "s".into(),
        expired_secret: "e".into(),
        signing_key: [1; 32],
    };
    SignIn::new(
        &identity(&WorldOptions::default()),
        secrets,
        test_certificate(),
        BASE,
    )
}

/// A good header and good claims, to be spoilt by tests.
fn good(signin: &SignIn) -> (Value, Value) {
    let header = json!({
        "alg": "PS256", "typ": "JWT", "x5t#S256": base64url(&signin.certificate.sha256),
    });
    let client = signin.client_id.to_string();
    let claims = json!({
        "aud": format!("{BASE}/{}/oauth2/v2.0/token", signin.tenant_id),
        "iss": client, "sub": client, "jti": "one", "nbf": NOW - 10, "exp": NOW + 300,
    });
    (header, claims)
}

fn jwt(padding: &'static dyn RsaEncoding, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = base64url(&sign_as_app(padding, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn code(signin: &SignIn, assertion: &str) -> u32 {
    signin
        .check_assertion(assertion, "contoso.test", NOW)
        .err()
        .map_or(0, |denial| denial.code)
}

#[test]
fn both_signatures_are_accepted_and_each_assertion_only_once() {
    let signin = signin();
    let (header, mut claims) = good(&signin);
    let assertion = jwt(&RSA_PSS_SHA256, &header, &claims);
    assert_eq!(code(&signin, &assertion), 0);
    assert_eq!(code(&signin, &assertion), 700027);
    let header = json!({"alg": "RS256", "x5t": base64url(&signin.certificate.sha1)});
    claims["jti"] = json!("two");
    claims["aud"] = json!(format!("{BASE}/contoso.test/oauth2/v2.0/token"));
    assert_eq!(code(&signin, &jwt(&RSA_PKCS1_SHA256, &header, &claims)), 0);
}

/// Spoils a header or claims.
type Spoil = fn(&mut Value, &mut Value);

#[test]
fn every_flaw_has_its_error() {
    let signin = signin();
    let flaws: &[(u32, Spoil)] = &[
        (700027, |header, _| header["alg"] = json!("none")),
        (700027, |header, _| header["alg"] = json!("RS256")),
        (700027, |header, _| header["x5t#S256"] = json!("other")),
        (700023, |_, claims| {
            claims["aud"] = json!("https://elsewhere/token")
        }),
        (700021, |_, claims| claims["iss"] = json!("someone")),
        (700021, |_, claims| claims["sub"] = json!("someone")),
        (700024, |_, claims| claims["nbf"] = json!(NOW + 1000)),
        (700024, |_, claims| claims["exp"] = json!(NOW - 1000)),
        (700027, |_, claims| claims["exp"] = Value::Null),
        (700027, |_, claims| claims["jti"] = Value::Null),
    ];
    for (place, (expected, spoil)) in flaws.iter().enumerate() {
        let (mut header, mut claims) = good(&signin);
        spoil(&mut header, &mut claims);
        assert_eq!(
            code(&signin, &jwt(&RSA_PSS_SHA256, &header, &claims)),
            *expected,
            "{place}"
        );
    }
    let (header, claims) = good(&signin);
    let mut tampered = jwt(&RSA_PSS_SHA256, &header, &claims);
    let end = tampered.len() - 10;
    tampered.replace_range(
        end..end + 1,
        if &tampered[end..=end] == "A" {
            "B"
        } else {
            "A"
        },
    );
    assert_eq!(code(&signin, &tampered), 700027);
    for malformed in ["", "a.b", "a.b.c.d", "!.!.!"] {
        assert_eq!(code(&signin, malformed), 50027);
    }
}

#[test]
fn the_federated_assertion_is_taken_while_it_is_valid() {
    let signin = signin();
    assert_eq!(code(&signin, &signin.federated_assertion(NOW, 60)), 0);
    assert_eq!(
        code(&signin, &signin.federated_assertion(NOW - 1000, 60)),
        700024
    );
    let other = signin.access_token(crate::signin::token::Holder::Application, &[], NOW);
    assert_eq!(code(&signin, &other), 70021);
}

#[test]
fn access_tokens_expire_and_foreign_ones_are_refused() {
    use crate::signin::token::{Holder, LIFETIME};
    let signin = signin();
    let token = format!(
        "Bearer {}",
        signin.access_token(Holder::Application, &[], NOW)
    );
    let status = |header: Option<&str>, now| signin.check(header, now).err().map(|r| r.status);
    assert_eq!(status(Some(&token), NOW), None);
    assert_eq!(status(Some(&token), NOW + LIFETIME), Some(401));
    assert_eq!(status(None, NOW), Some(401));
    assert_eq!(status(Some("Basic x"), NOW), Some(401));
    assert_eq!(status(Some("Bearer x.y.z"), NOW), Some(401));
    let foreign = signin.federated_assertion(NOW, 60);
    assert_eq!(status(Some(&format!("Bearer {foreign}")), NOW), Some(401));
}
