//! What Graph says when it says no ("Microsoft Graph error responses and resource types").
//!
//! Branches on status and codes, never on messages; always names the request-id, never a token.

use reqwest::Url;
use serde_json::Value;

use super::permissions::Task;
use super::wire::Answer;
use crate::error::{Error, ErrorId};

/// Why a call gave nothing.
pub(super) enum Fault {
    /// Nothing to decide.
    Fatal(Error),
    /// Graph answered with a status that may mean something to the caller.
    Refused(Box<Refusal>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Fatal(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Fatal(error) => error,
            Fault::Refused(refusal) => refusal.into_error(),
        }
    }
}

/// A definite no.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub status: u16,
    /// `code`, then nested codes.
    pub codes: Vec<String>,
    message: String,
    request_id: String,
    location: Option<String>,
    request: String,
    task: &'static Task,
}

impl Refusal {
    pub(super) fn new(answer: &Answer, request: String, task: &'static Task) -> Refusal {
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let mut refusal = Refusal::of_body(answer.status, &body, request, task);
        if refusal.request_id.is_empty() {
            refusal.request_id = answer.header("request-id").unwrap_or_default().to_owned();
        }
        // Only the host: a location may hold a link's token.
        refusal.location = answer
            .header("location")
            .and_then(|l| Url::parse(l).ok())
            .and_then(|l| l.host_str().map(str::to_owned));
        refusal
    }

    /// From a body alone, as inside a batch.
    pub(super) fn of_body(
        status: u16,
        body: &Value,
        request: String,
        task: &'static Task,
    ) -> Refusal {
        let error = &body["error"];
        let mut codes = Vec::new();
        collect_codes(error, &mut codes, 0);
        let inner = ["innerError", "innererror"]
            .iter()
            .find_map(|k| error.get(k));
        fn text(value: Option<&Value>) -> &str {
            value.and_then(Value::as_str).unwrap_or_default()
        }
        Refusal {
            status,
            codes,
            message: text(error.get("message")).chars().take(500).collect(),
            request_id: text(inner.and_then(|i| i.get("request-id"))).to_owned(),
            location: None,
            request,
            task,
        }
    }

    fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|c| c.eq_ignore_ascii_case(code))
    }

    /// Graph itself says that there is no such object. A 404 without Graph's code (a proxy, a path
    /// that this cloud doesn't have) is no evidence.
    pub(super) fn is_object_missing(&self) -> bool {
        self.status == 404
            && (self.has("Request_ResourceNotFound")
                || self.has("ResourceNotFound")
                || self.has("ItemNotFound"))
    }

    /// The delta link or page token is no longer valid.
    pub(super) fn is_resync(&self) -> bool {
        self.status == 410
            || ((400..500).contains(&self.status)
                && (self.has("syncStateNotFound")
                    || self.has("resyncRequired")
                    || self.is_page_token_expired()))
    }

    /// Only the page token is over: the list starts again.
    pub(super) fn is_page_token_expired(&self) -> bool {
        self.status == 400 && self.has("Directory_ExpiredPageToken")
    }

    pub(super) fn into_error(self) -> Error {
        let mut said = format!("{} {}", self.status, self.codes.join("/"));
        if !self.message.is_empty() {
            said = format!("{}: {}", said.trim_end(), self.message);
        }
        let id = if self.request_id.is_empty() {
            "none"
        } else {
            &self.request_id
        };
        let tail = format!(
            "{} (request-id {id}). Request: {}",
            said.trim_end(),
            self.request
        );
        match self.status {
            300..=399 => Error::new(
                ErrorId::GraphUnavailable,
                format!(
                    "A redirect to {} came instead of an answer and was not followed: is there a proxy that wants a sign-in? {tail}",
                    self.location.as_deref().unwrap_or("an unknown host"),
                ),
            ),
            401 => Error::new(
                ErrorId::GraphAuthenticationFailed,
                format!("Graph does not accept the access token, not even a new one: {tail}"),
            )
            .action("Check that the token is for this cloud's Graph endpoint and that the app and its consent still exist."),
            403 => Error::new(
                ErrorId::GraphPermissionMissing,
                format!(
                    "The app may not {}. It needs one of the application permissions {}. Graph said {tail}",
                    self.task.name,
                    self.task.any_of.join(", ")
                ),
            ),
            429 => Error::new(ErrorId::GraphThrottled, format!("Graph asks to wait: {tail}")),
            408 | 500..=599 => {
                Error::new(ErrorId::GraphUnavailable, format!("Graph keeps failing: {tail}"))
            }
            _ if self.is_resync() => Error::new(
                ErrorId::SourceReadIncomplete,
                format!("Graph can't continue from the stored position; a full import is needed. Graph said {tail}"),
            ),
            _ => Error::new(
                ErrorId::GraphRequestRejected,
                format!("Graph rejected a request: {tail}"),
            ),
        }
        .target(self.request)
    }
}

fn collect_codes(error: &Value, codes: &mut Vec<String>, depth: u8) {
    if depth > 5 {
        return;
    }
    if let Some(code) = error.get("code").and_then(Value::as_str)
        && !codes.iter().any(|c| c == code)
    {
        codes.push(code.chars().take(100).collect());
    }
    for key in ["innerError", "innererror"] {
        if let Some(inner) = error.get(key) {
            collect_codes(inner, codes, depth + 1);
        }
    }
    for detail in error
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect_codes(detail, codes, depth + 1);
    }
}

/// A request as it may be shown: without the tokens that links carry.
pub(super) fn shown(method: &reqwest::Method, url: &Url) -> String {
    let mut text = format!("{method} {}", url.path());
    for (index, (name, value)) in url.query_pairs().enumerate() {
        let hidden = matches!(
            name.to_ascii_lowercase().as_str(),
            "$skiptoken" | "$deltatoken"
        ) && value != "latest";
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(&name);
        text.push('=');
        text.push_str(if hidden { "..." } else { &value });
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::graph::permissions::READ_GROUPS;
    use serde_json::json;

    fn refusal(status: u16, body: Value) -> Refusal {
        Refusal::of_body(
            status,
            &body,
            "GET /v1.0/groups/delta".to_owned(),
            &READ_GROUPS,
        )
    }

    #[test]
    fn codes_are_found_at_any_depth() {
        let nested = refusal(
            400,
            json!({"error":{"code":"badRequest","message":"m","innerError":{"code":"resyncRequired","request-id":"r1"}}}),
        );
        assert!(nested.is_resync() && !nested.is_page_token_expired());
        assert!(nested.clone().into_error().message.contains("r1"));
        assert!(refusal(410, Value::Null).is_resync());
        assert!(
            refusal(400, json!({"error":{"code":"Directory_ExpiredPageToken"}}))
                .is_page_token_expired()
        );
        assert!(
            !refusal(
                400,
                json!({"error":{"code":"Request_BadRequest","message":"resyncRequired"}})
            )
            .is_resync()
        );
    }

    #[test]
    fn only_graphs_own_404_is_evidence() {
        assert!(
            refusal(404, json!({"error":{"code":"Request_ResourceNotFound"}})).is_object_missing()
        );
        assert!(!refusal(404, Value::Null).is_object_missing());
        assert!(!refusal(404, json!({"error":{"code":"UnknownError"}})).is_object_missing());
        assert!(
            !refusal(403, json!({"error":{"code":"Request_ResourceNotFound"}})).is_object_missing()
        );
    }

    #[test]
    fn a_403_names_the_permissions() {
        let error =
            refusal(403, json!({"error":{"code":"Authorization_RequestDenied"}})).into_error();
        assert_eq!(error.id, ErrorId::GraphPermissionMissing);
        assert!(
            error.message.contains("GroupMember.Read.All")
                && error.message.contains("Directory.Read.All")
        );
    }

    #[test]
    fn links_are_shown_without_their_tokens() {
        let url =
            Url::parse("https://g/v1.0/groups/delta?$skiptoken=SECRET&$select=id,members").unwrap();
        let text = shown(&reqwest::Method::GET, &url);
        assert!(
            !text.contains("SECRET") && text.contains("$select=id,members"),
            "{text}"
        );
    }
}
