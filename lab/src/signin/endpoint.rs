//! The token endpoint and the device code endpoint: forms in, tokens or AADSTS errors out.

use super::token::{Holder, LIFETIME};
use super::{device_code, same_secret};
use crate::clock::iso;
use crate::ids::Guid;
use crate::lab::Lab;
use crate::rng::mix;
use crate::tenant::errors::Answer;
use crate::tenant::query::Query;
use serde_json::json;
use std::time::Instant;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Why there is no token.
#[derive(Debug)]
pub(super) struct Denial {
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Denial {
    pub(super) fn new(error: &'static str, code: u32, message: &str) -> Self {
        Self {
            error,
            code,
            message: message.to_owned(),
        }
    }

    /// `invalid_client`
    pub(super) fn client(code: u32, message: &str) -> Self {
        Self::new("invalid_client", code, message)
    }

    fn into_answer(self, lab: &Lab) -> Answer {
        let now = iso(lab.clock.now()).replace('T', " ");
        let (trace, correlation) = (lab.new_guid(), lab.new_guid());
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            self.code, self.message
        );
        let status = if self.error == "invalid_client" {
            401
        } else {
            400
        };
        let body = json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": now,
            "trace_id": trace.to_string(),
            "correlation_id": correlation.to_string(),
            "error_uri": format!("{}/error?code={}", lab.base, self.code),
        });
        Answer {
            status,
            ..Answer::json(body)
        }
    }
}

/// `POST /{tenant}/oauth2/v2.0/token`
pub(crate) fn token(lab: &Lab, tenant: &str, form: &str) -> Answer {
    lab.counters.kind("token");
    grant(lab, tenant, &Query::parse(form)).unwrap_or_else(|denial| denial.into_answer(lab))
}

/// `POST /{tenant}/oauth2/v2.0/devicecode`
pub(crate) fn device_code(lab: &Lab, tenant: &str, form: &str) -> Answer {
    lab.counters.kind("deviceCode");
    open_flow(lab, tenant, &Query::parse(form)).unwrap_or_else(|denial| denial.into_answer(lab))
}

fn grant(lab: &Lab, tenant: &str, form: &Query) -> Result<Answer, Denial> {
    check_tenant(lab, tenant)?;
    let now = lab.clock.now();
    let field = |name: &str| form.get(name).filter(|value| !value.is_empty());
    match field("grant_type") {
        None => Err(missing("grant_type")),
        Some("client_credentials") => {
            check_client(lab, form)?;
            check_credential(lab, tenant, form, now)?;
            check_scope(lab, form)?;
            Ok(success(lab, Holder::Application, false))
        }
        Some(DEVICE_CODE) => {
            check_client(lab, form)?;
            let code = field("device_code").ok_or_else(|| missing("device_code"))?;
            lab.signin.flows.poll(code, now, Instant::now())?;
            Ok(success(lab, Holder::Person, true))
        }
        Some("refresh_token") => {
            check_client(lab, form)?;
            let token = field("refresh_token").ok_or_else(|| missing("refresh_token"))?;
            if !lab.signin.is_refresh_token(token) {
                return Err(Denial::new(
                    "invalid_grant",
                    9002313,
                    "The refresh token is not valid.",
                ));
            }
            Ok(success(lab, Holder::Person, true))
        }
        Some(other) => {
            let message = format!("The app requested an unsupported grant type '{other}'.");
            Err(Denial::new("unsupported_grant_type", 70003, &message))
        }
    }
}

fn missing(name: &str) -> Denial {
    let message = format!("The request body must contain the following parameter: '{name}'.");
    Denial::new("invalid_request", 900144, &message)
}

fn check_tenant(lab: &Lab, tenant: &str) -> Result<(), Denial> {
    if lab.signin.is_tenant(tenant) {
        return Ok(());
    }
    let message = format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct \
                           tenant ID and are signing into the correct cloud."
    );
    Err(Denial::new("invalid_request", 90002, &message))
}

fn check_client(lab: &Lab, form: &Query) -> Result<(), Denial> {
    let id = form.get("client_id").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| missing("client_id"))?;
    if Guid::parse(id) == Some(lab.signin.client_id) {
        return Ok(());
    }
    let message = format!(
        "Application with identifier '{id}' was not found in the directory. \
                           This can happen if the application has not been installed by the \
                           administrator of the tenant."
    );
    Err(Denial::new("unauthorized_client", 700016, &message))
}

fn check_credential(lab: &Lab, tenant: &str, form: &Query, now: i64) -> Result<(), Denial> {
    if let Some(assertion) = form.get("client_assertion") {
        if form.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(missing("client_assertion_type"));
        }
        return lab.signin.check_assertion(assertion, tenant, now);
    }
    let Some(secret) = form.get("client_secret") else {
        let message = "The request body must contain the following parameter: 'client_assertion' \
                       or 'client_secret'.";
        return Err(Denial::client(7000218, message));
    };
    if same_secret(secret, &lab.signin.client_secret) {
        return Ok(());
    }
    if same_secret(secret, &lab.signin.expired_secret) {
        let message = format!(
            "The provided client secret keys for app '{}' are expired.",
            lab.signin.client_id
        );
        return Err(Denial::client(7000222, &message));
    }
    let message = format!(
        "Invalid client secret provided. Ensure the secret being sent in the \
                           request is the client secret value, not the client secret ID, for a \
                           secret added to app '{}'.",
        lab.signin.client_id
    );
    Err(Denial::client(7000215, &message))
}

fn check_scope(lab: &Lab, form: &Query) -> Result<(), Denial> {
    let scope = form.get("scope").filter(|scope| !scope.is_empty());
    let scope = scope.ok_or_else(|| missing("scope"))?;
    if scope
        .strip_suffix("/.default")
        .map(|host| host.trim_end_matches('/'))
        == Some(&lab.base)
    {
        return Ok(());
    }
    let message = format!(
        "The provided request must include a 'scope' input parameter. The \
                           provided value '{scope}' is not valid: it must be the address of \
                           Graph in this cloud with /.default."
    );
    Err(Denial::new("invalid_scope", 70011, &message))
}

fn success(lab: &Lab, holder: Holder, refresh: bool) -> Answer {
    let now = lab.clock.now();
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "access_token": lab.signin.access_token(holder, &lab.roles(), now),
    });
    if refresh {
        body["scope"] = json!(lab.roles().join(" "));
        body["refresh_token"] = json!(lab.signin.refresh_token(now));
    }
    Answer::json(body).with("Cache-Control", "no-store, no-cache")
}

fn open_flow(lab: &Lab, tenant: &str, form: &Query) -> Result<Answer, Denial> {
    check_tenant(lab, tenant)?;
    check_client(lab, form)?;
    if form.get("scope").is_none_or(str::is_empty) {
        return Err(missing("scope"));
    }
    let device_code = format!("{}{}", lab.new_guid(), lab.new_guid()).replace('-', "");
    let mut number = mix(lab.next_number() ^ lab.settings.world.seed);
    let user_code: String = (0..9)
        .map(|_| {
            let letters = b"BCDFGHJKLMNPQRSTVWXZ";
            let letter = letters[(number % 20) as usize];
            number /= 20;
            char::from(letter)
        })
        .collect();
    lab.signin
        .flows
        .open(device_code.clone(), user_code.clone(), lab.clock.now());
    let uri = format!("{}/devicelogin", lab.base);
    let message = format!(
        "To sign in, use a web browser to open the page {uri} and enter the \
                           code {user_code} to authenticate."
    );
    Ok(Answer::json(json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": uri,
        "expires_in": device_code::LIFETIME,
        "interval": device_code::INTERVAL,
        "message": message,
    })))
}
