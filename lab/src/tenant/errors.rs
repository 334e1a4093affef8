//! What Graph answers, and how it says no.

use serde_json::{Value, json};

/// An answer to one Graph request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

impl Answer {
    /// A JSON body with status 200.
    pub(crate) fn json(body: Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Some(body),
        }
    }

    /// A JSON body with status 201.
    pub(crate) fn created(body: Value) -> Self {
        Self {
            status: 201,
            ..Self::json(body)
        }
    }

    /// No body, status 204.
    pub(crate) fn no_content() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// Why a request is refused; becomes the error JSON of Graph.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// 400 `Request_BadRequest`.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    /// 400 `Request_UnsupportedQuery`.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    /// 404 `Request_ResourceNotFound`.
    pub(crate) fn not_found(id: &str) -> Self {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are \
             not present."
        );
        Self::new(404, "Request_ResourceNotFound", message)
    }

    /// 403 `Authorization_RequestDenied`.
    pub(crate) fn denied() -> Self {
        let message = "Insufficient privileges to complete the operation.";
        Self::new(403, "Authorization_RequestDenied", message)
    }

    /// 401 `InvalidAuthenticationToken`.
    pub(crate) fn token(message: &str) -> Self {
        Self::new(401, "InvalidAuthenticationToken", message).with(
            "WWW-Authenticate",
            "Bearer realm=\"\", error=\"invalid_token\"",
        )
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The error as Graph writes it.
    pub(crate) fn into_answer(self, date: &str, request_id: &str, client_id: &str) -> Answer {
        let inner = json!({
            "date": date.trim_end_matches('Z'),
            "request-id": request_id,
            "client-request-id": client_id,
        });
        let error = json!({"code": self.code, "message": self.message, "innerError": inner});
        let body = Some(json!({ "error": error }));
        Answer {
            status: self.status,
            headers: self.headers,
            body,
        }
    }
}
