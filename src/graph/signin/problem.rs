//! What the sign-in service says when it refuses ("Microsoft Entra authentication and authorization
//! error codes"), told so that an administrator knows what to do.

use std::time::SystemTime;

use serde_json::Value;

use crate::error::{Error, ErrorId};
use crate::graph::wire::Answer;

/// A refusal of the token endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    /// OAuth error, e.g. `invalid_client`.
    pub error: String,
    /// AADSTS numbers.
    pub codes: Vec<u64>,
    description: String,
    trace: String,
    server_time: Option<SystemTime>,
    status: u16,
}

/// Whose sign-in it was.
pub(super) struct Who<'a> {
    pub tenant: &'a str,
    pub client_id: &'a str,
    pub login: &'a str,
}

impl Problem {
    pub(super) fn of(answer: &Answer) -> Problem {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        Problem {
            error: text("error").to_owned(),
            codes: body["error_codes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .collect(),
            // The lines after the first repeat ids and times.
            description: text("error_description")
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(600)
                .collect(),
            trace: text("trace_id").to_owned(),
            server_time: answer.date(),
            status: answer.status,
        }
    }

    /// One that no server sent.
    pub(super) fn named(error: &str) -> Problem {
        Problem {
            error: error.to_owned(),
            ..Problem::default()
        }
    }

    /// Whether the secret itself was refused: it must be asked for again.
    pub(super) fn blames_secret(&self) -> bool {
        self.codes
            .iter()
            .any(|c| matches!(c, 7_000_215 | 7_000_222))
    }

    pub(super) fn into_error(self, who: &Who<'_>) -> Error {
        let Who {
            tenant,
            client_id,
            login,
        } = who;
        let (message, action) = match self.known() {
            Some(7_000_222) => (
                format!("The client secret of the app {client_id} has expired."),
                "Create a new client secret at the app registration and connect with it; a certificate lasts longer.",
            ),
            Some(7_000_215) => (
                format!("The client secret of the app {client_id} is wrong."),
                "Give the secret's value, not its id; the value is shown only once, when the secret is created.",
            ),
            Some(700_016) => (
                format!("The tenant {tenant} has no app {client_id}."),
                "Check the client id and the tenant; the app must be registered in, or consented to by, this tenant.",
            ),
            Some(7_000_229) => (
                format!("The app {client_id} has no service principal in the tenant {tenant}."),
                "Give admin consent to the app in this tenant.",
            ),
            Some(90_002 | 900_023 | 900_971) => (
                format!("There is no tenant {tenant} at {login}."),
                "Check the tenant id, and that the environment (cloud) is the tenant's.",
            ),
            Some(700_027) => (
                format!(
                    "The sign-in service doesn't accept the signature of the app {client_id}: the certificate is not registered at the app, or the key is another one."
                ),
                "Upload the certificate (without key) to the app registration, and check its thumbprint.",
            ),
            Some(700_024) => (
                format!(
                    "The sign-in assertion of the app {client_id} is outside its time: the clocks differ.{}",
                    self.clocks()
                ),
                "Set this machine's clock (time service), then connect again.",
            ),
            Some(70_021 | 700_213 | 700_211 | 700_212) => (
                format!("The app {client_id} has no federated credential that fits the assertion."),
                "Check issuer, subject and audience of the federated credential at the app registration.",
            ),
            Some(7_000_112) => (
                format!("The app {client_id} is disabled in the tenant {tenant}."),
                "Enable the app (enterprise application) for sign-in.",
            ),
            Some(7_000_218) => (
                format!(
                    "The app {client_id} must prove itself: public client flows are not allowed for it."
                ),
                "Allow public client flows at the app registration (Authentication), or connect with a certificate or secret.",
            ),
            Some(50_034) => (
                format!("There is no such account in the tenant {tenant}."),
                "Sign in with an account of this tenant.",
            ),
            Some(500_011) => (
                format!("The tenant {tenant} doesn't know this Graph endpoint."),
                "Check that the environment (cloud) is the tenant's.",
            ),
            Some(65_001) => (
                format!("Consent for the app {client_id} is missing in the tenant {tenant}."),
                "Give admin consent to the app's permissions.",
            ),
            Some(53_003 | 53_000 | 53_001 | 50_105) => (
                "A policy of the tenant doesn't allow this sign-in.".to_owned(),
                "Check the tenant's conditional access policies for this app.",
            ),
            _ if self.error == "authorization_declined" || self.error == "access_denied" => (
                "The sign-in was declined.".to_owned(),
                "Start again and accept the sign-in.",
            ),
            _ if self.error == "expired_token" => (
                "Nobody signed in with the code in time.".to_owned(),
                "Start again and enter the code sooner.",
            ),
            _ => (
                format!("The sign-in of the app {client_id} to the tenant {tenant} was refused."),
                ErrorId::GraphAuthenticationFailed.recommended_action(),
            ),
        };
        let trace = if self.trace.is_empty() {
            "none"
        } else {
            &self.trace
        };
        let said = if self.error.is_empty() {
            format!("status {}", self.status)
        } else {
            self.error.clone()
        };
        let mut error = Error::new(
            ErrorId::GraphAuthenticationFailed,
            format!("{message} The service said: {said} (trace_id {trace})."),
        )
        .target(login)
        .action(action);
        if !self.description.is_empty() {
            error.causes.push(self.description);
        }
        error
    }

    /// The code with an advice of its own; services list the most telling one first.
    fn known(&self) -> Option<u64> {
        const KNOWN: &[u64] = &[
            7_000_222, 7_000_215, 700_016, 7_000_229, 90_002, 900_023, 900_971, 700_027, 700_024,
            7_000_112, 7_000_218, 50_034, 70_021, 700_213, 700_211, 700_212, 500_011, 65_001,
            53_003, 53_000, 53_001, 50_105,
        ];
        self.codes.iter().copied().find(|c| KNOWN.contains(c))
    }

    fn clocks(&self) -> String {
        let local = SystemTime::now();
        match self.server_time {
            Some(server) => format!(
                " Local time {}, server time {}.",
                httpdate::fmt_http_date(local),
                httpdate::fmt_http_date(server)
            ),
            None => format!(" Local time {}.", httpdate::fmt_http_date(local)),
        }
    }
}
