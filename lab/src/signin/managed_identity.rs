//! Managed identity: the endpoint of an Azure VM, and that of an Azure Arc agent with its key file.

use super::same_secret;
use super::token::{Holder, LIFETIME};
use crate::ids::Guid;
use crate::lab::Lab;
use crate::tenant::errors::Answer;
use crate::tenant::query::Query;
use serde_json::json;
use std::path::Path;
use std::sync::PoisonError;

/// The request headers that matter here.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityHeaders {
    pub(crate) metadata: Option<String>,
    pub(crate) forwarded: bool,
    pub(crate) authorization: Option<String>,
}

/// `GET /metadata/identity/oauth2/token`
pub(crate) fn token(lab: &Lab, query: &Query, headers: &IdentityHeaders) -> Answer {
    lab.counters.kind("managedIdentity");
    if headers
        .metadata
        .as_deref()
        .is_none_or(|value| !value.eq_ignore_ascii_case("true"))
    {
        return refuse(
            400,
            "invalid_request",
            "Required metadata header not specified",
        );
    }
    if headers.forwarded {
        return refuse(
            400,
            "invalid_request",
            "Requests with X-Forwarded-For are not served",
        );
    }
    let resource = query
        .get("resource")
        .map(|resource| resource.trim_end_matches('/'));
    if resource != Some(lab.base.as_str()) {
        let message = "AADSTS500011: The resource principal was not found in the tenant";
        return refuse(400, "invalid_resource", message);
    }
    if query
        .get("client_id")
        .is_some_and(|id| Guid::parse(id) != Some(lab.signin.client_id))
    {
        return refuse(400, "invalid_request", "Identity not found");
    }
    match query.get("api-version") {
        Some("2018-02-01") => success(lab),
        Some("2020-06-01" | "2019-11-01") => arc(lab, headers),
        _ => refuse(
            400,
            "invalid_request",
            "The api-version is missing or not supported",
        ),
    }
}

/// The agent's way: prove that you can read a file only its users can read.
fn arc(lab: &Lab, headers: &IdentityHeaders) -> Answer {
    let mut open = lab
        .signin
        .challenges
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let shown = headers
        .authorization
        .as_deref()
        .and_then(|value| value.strip_prefix("Basic "));
    if let Some(shown) = shown {
        let found = open
            .iter()
            .find(|(_, content)| same_secret(content, shown.trim()));
        let Some(path) = found.map(|(path, _)| path.clone()) else {
            return refuse(401, "unauthorized", "The key is not valid");
        };
        open.remove(&path);
        // The file is in the lab's own folder; if someone has removed it already, all the better.
        let _ = std::fs::remove_file(&path);
        return success(lab);
    }
    let path = lab
        .settings
        .token_dir
        .join(format!("{}.key", lab.new_guid()));
    let content = match fresh_key() {
        Ok(content) => content,
        Err(message) => return refuse(500, "server_error", &message),
    };
    if let Err(error) = write_key(&path, &content) {
        return refuse(
            500,
            "server_error",
            &format!("The key file can't be written: {error}"),
        );
    }
    let path = path.to_string_lossy().into_owned();
    let answer = refuse(401, "unauthorized", "Answer the challenge")
        .with("WWW-Authenticate", format!("Basic realm={path}"));
    open.insert(path, content);
    answer
}

fn fresh_key() -> Result<String, String> {
    let mut bytes = [0; 48];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| "no randomness".to_owned())?;
    Ok(crate::ids::base64url(&bytes))
}

fn write_key(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)
}

fn success(lab: &Lab) -> Answer {
    let now = lab.clock.now();
    // Numbers come as strings here.
    Answer::json(json!({
        "access_token": lab.signin.access_token(Holder::Application, &lab.roles(), now),
        "client_id": lab.signin.client_id.to_string(),
        "expires_in": LIFETIME.to_string(),
        "ext_expires_in": LIFETIME.to_string(),
        "expires_on": (now + LIFETIME).to_string(),
        "not_before": now.to_string(),
        "resource": lab.base,
        "token_type": "Bearer",
    }))
}

fn refuse(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({"error": error, "error_description": description});
    Answer {
        status,
        ..Answer::json(body)
    }
}
