//! Device code: a person signs in with a browser elsewhere ("OAuth 2.0 device authorization grant").

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Fetched;
use super::login::Login;
use super::problem::Problem;
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::graph::limiter::wait;
use crate::operation::{Context, Level};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[derive(Deserialize)]
struct Code {
    device_code: Zeroizing<String>,
    user_code: String,
    verification_uri: String,
    #[serde(default)]
    message: String,
    #[serde(default = "usual_interval")]
    interval: Value,
    #[serde(default)]
    expires_in: Value,
}

fn usual_interval() -> Value {
    Value::from(5)
}

/// A number that some services send as text.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(n) => n
            .as_u64()
            .or_else(|| n.as_f64().filter(|f| *f >= 0.0).map(|f| f as u64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Signs in with what the person granted before, or asks the person.
pub(super) async fn fetch(
    login: &Login<'_>,
    refresh: &mut Option<Zeroizing<String>>,
    ctx: &Context,
) -> Result<Fetched> {
    if let Some(token) = refresh.clone() {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", login.client_id),
            ("refresh_token", token.as_str()),
            ("scope", login.person_scope.as_str()),
        ];
        // Refused (revoked, too old): the person is asked again.
        if let Ok(fetched) = login.token(&form, ctx).await? {
            *refresh = fetched.refresh.clone().or(Some(token));
            return Ok(fetched);
        }
        *refresh = None;
    }
    let fetched = ask_person(login, ctx).await?;
    *refresh = fetched.refresh.clone();
    Ok(fetched)
}

async fn ask_person(login: &Login<'_>, ctx: &Context) -> Result<Fetched> {
    let form = [
        ("client_id", login.client_id),
        ("scope", login.person_scope.as_str()),
    ];
    let answer = login.post("devicecode", &form, ctx).await?;
    if answer.status != 200 {
        return Err(Problem::of(&answer).into_error(&login.who()));
    }
    let code: Code = serde_json::from_slice(&answer.body).map_err(|e| {
        Error::new(
            ErrorId::GraphAuthenticationFailed,
            "The sign-in service gave no device code.",
        )
        .target(login.base)
        .caused_by(&e)
    })?;
    let text = if code.message.is_empty() {
        format!(
            "To sign in, open {} in a browser and enter the code {}.",
            code.verification_uri, code.user_code
        )
    } else {
        code.message.clone()
    };
    ctx.message(Level::Information, text).await;

    let mut interval = Duration::from_secs(number(&code.interval).unwrap_or(5).clamp(1, 60));
    let life = Duration::from_secs(number(&code.expires_in).unwrap_or(900).clamp(1, 3600));
    let end = Instant::now() + life;
    let form = [
        ("grant_type", GRANT),
        ("client_id", login.client_id),
        ("device_code", code.device_code.as_str()),
    ];
    while Instant::now() < end {
        wait(&ctx.cancel, interval).await?;
        let problem = match login.token(&form, ctx).await? {
            Ok(fetched) => return Ok(fetched),
            Err(problem) => problem,
        };
        match problem.error.as_str() {
            "authorization_pending" => {}
            "slow_down" => interval += Duration::from_secs(5),
            _ => return Err(problem.into_error(&login.who())),
        }
    }
    Err(Problem::named("expired_token").into_error(&login.who()))
}

#[cfg(fuzzing)]
pub(super) fn fuzz(body: &[u8]) {
    if let Ok(code) = serde_json::from_slice::<Code>(body) {
        let _ = (number(&code.interval), number(&code.expires_in));
    }
}
