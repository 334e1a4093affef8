//! The HTTP server: which room a request goes to, and how answers and damaged answers leave.

use crate::clock::http_date;
use crate::control;
use crate::lab::Lab;
use crate::rng::mix;
use crate::signin::endpoint;
use crate::signin::managed_identity::{self, IdentityHeaders};
use crate::tenant::batch::batch;
use crate::tenant::call::{Call, Headers};
use crate::tenant::errors::{Answer, Refusal};
use crate::tenant::fault::Traits;
use crate::tenant::graph::{Damage, Outcome, perform};
use crate::tenant::query::{Query, decode};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bodies of Graph requests are small; changes through the control endpoint may be large.
const GRAPH_BODY: usize = 4 << 20;
const CONTROL_BODY: usize = 256 << 20;

/// The server's routes: everything goes through one door.
pub(crate) fn router(lab: Arc<Lab>) -> axum::Router {
    axum::Router::new().fallback(answer).with_state(lab)
}

async fn answer(State(lab): State<Arc<Lab>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let control = path.strip_prefix("/lab/").map(str::to_owned);
    let limit = if control.is_some() {
        CONTROL_BODY
    } else {
        GRAPH_BODY
    };
    let Ok(body) = axum::body::to_bytes(body, limit).await else {
        let refusal = Refusal::new(413, "RequestEntityTooLarge", "The body is too large.");
        return send(&lab, plain(refusal.into_answer("", "", ""))).await;
    };
    let method = parts.method.as_str().to_owned();
    let worker = Arc::clone(&lab);
    // Large pages and dumps take a while: not on the threads that serve connections.
    let work = tokio::task::spawn_blocking(move || {
        if let Some(verb) = control {
            return Work::Text(control::answer(&worker, &method, &verb, &body));
        }
        worker.counters.request();
        Work::Outcome(dispatch(
            &worker,
            &method,
            &path,
            &query,
            &parts.headers,
            &body,
        ))
    });
    match work.await {
        Ok(Work::Text((status, text))) => respond(&lab, status, "application/json", text),
        Ok(Work::Outcome(outcome)) => send(&lab, outcome).await,
        Err(_) => {
            let refusal = Refusal::new(500, "InternalServerError", "The lab failed.");
            send(&lab, plain(refusal.into_answer("", "", ""))).await
        }
    }
}

/// What a worker brings back.
enum Work {
    Text((u16, String)),
    Outcome(Outcome),
}

fn plain(answer: Answer) -> Outcome {
    Outcome {
        answer,
        delay: 0,
        damage: None,
    }
}

fn dispatch(
    lab: &Lab,
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Outcome {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    if path == "/metadata/identity/oauth2/token" && method == "GET" {
        let own = IdentityHeaders {
            metadata: text("metadata"),
            forwarded: headers.contains_key("x-forwarded-for"),
            authorization: text("authorization"),
        };
        return aimed(lab, path, || {
            managed_identity::token(lab, &Query::parse(query), &own)
        });
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let form = String::from_utf8_lossy(body);
    match (method, parts.as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => {
            return aimed(lab, path, || endpoint::token(lab, tenant, &form));
        }
        ("POST", [tenant, "oauth2", "v2.0", "devicecode"]) => {
            return aimed(lab, path, || endpoint::device_code(lab, tenant, &form));
        }
        _ => {}
    }
    let own = Headers {
        authorization: text("authorization"),
        prefer: headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect::<Vec<_>>()
            .join(","),
        consistency_level: text("consistencylevel").unwrap_or_default(),
        client_request_id: text("client-request-id").unwrap_or_default(),
    };
    let json: Option<Value> = serde_json::from_slice(body).ok();
    if json.is_none() && !body.is_empty() {
        let refusal = Refusal::bad("Unable to read JSON request payload.");
        return plain(refusal.into_answer("", "", &own.client_request_id));
    }
    if let ("POST", [version @ ("v1.0" | "beta"), last]) = (method, parts.as_slice())
        && decode(last, false) == "$batch"
    {
        let injected = consult(lab, &format!("/{version}/$batch"), false);
        if let Some(outcome) = injected.1 {
            return outcome;
        }
        let mut outcome = batch(lab, version, &own, json);
        outcome.delay += injected.0.delay;
        outcome.damage = outcome.damage.or(injected.0.damage);
        return outcome;
    }
    let url = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    match Call::new(method, &url, own, json) {
        Some(call) => perform(lab, &call, false),
        None => {
            lab.counters.kind("other");
            let refusal = Refusal::new(404, "NotFound", format!("The lab has nothing at {path}."));
            plain(refusal.into_answer("", "", ""))
        }
    }
}

/// A sign-in request: faults hit it only when their path names it.
fn aimed(lab: &Lab, path: &str, make: impl FnOnce() -> Answer) -> Outcome {
    let (spoilt, instead) = consult(lab, path, true);
    if let Some(outcome) = instead {
        return outcome;
    }
    Outcome {
        answer: make(),
        ..plain(Answer::no_content())
    }
    .spoilt(spoilt)
}

/// What faults add to an answer.
#[derive(Clone, Copy, Default)]
struct Spoilt {
    delay: u64,
    damage: Option<Damage>,
}

impl Outcome {
    fn spoilt(self, spoilt: Spoilt) -> Self {
        Self {
            delay: spoilt.delay,
            damage: spoilt.damage,
            ..self
        }
    }
}

/// The faults that name this path: what they add, or what they answer instead.
fn consult(lab: &Lab, path: &str, sign_in: bool) -> (Spoilt, Option<Outcome>) {
    let (now, waiting) = (Instant::now(), format!("POST {path}"));
    // A wait for Graph is none for sign-in.
    if lab.throttle().is_early(now, &waiting, sign_in) {
        lab.counters.early();
    }
    let traits = Traits {
        target: path,
        ..Traits::default()
    };
    let injected = lab.faults().consult(traits);
    let garbage = injected.garbage.map(Damage::Garbage);
    let damage = if injected.cut_body {
        Some(Damage::Cut)
    } else {
        garbage
    };
    let spoilt = Spoilt {
        delay: injected.delay,
        damage,
    };
    let (status, code, seconds) = match (injected.throttle, injected.status) {
        (Some(seconds), _) => {
            lab.counters.throttled();
            lab.throttle().tell(now, &waiting, seconds, true);
            (429, None, Some(seconds))
        }
        (None, Some(status)) => status,
        (None, None) => return (spoilt, None),
    };
    let code = code.unwrap_or_else(|| {
        if sign_in {
            "temporarily_unavailable"
        } else {
            "ServiceUnavailable"
        }
        .to_owned()
    });
    let message = "A fault was injected.";
    let body = if sign_in {
        json!({"error": code, "error_description": message, "error_codes": []})
    } else {
        json!({"error": {"code": code, "message": message}})
    };
    let mut answer = Answer {
        status,
        ..Answer::json(body)
    };
    if let Some(seconds) = seconds {
        answer = answer.with("Retry-After", seconds);
    }
    (spoilt, Some(plain(answer).spoilt(spoilt)))
}

/// Sends an answer: late, cut or replaced where a fault says so.
async fn send(lab: &Lab, outcome: Outcome) -> Response {
    if outcome.delay > 0 {
        tokio::time::sleep(Duration::from_millis(outcome.delay)).await;
    }
    let Answer {
        status,
        headers,
        body,
    } = outcome.answer;
    let mut text = body
        .map(|body| body.to_string().into_bytes())
        .unwrap_or_default();
    let mut kind = "application/json;odata.metadata=minimal;charset=utf-8";
    let mut status = status;
    if let Some(Damage::Garbage(number)) = outcome.damage {
        status = 200;
        match number % 3 {
            0 => text.truncate(text.len() / 2),
            1 => {
                kind = "text/html";
                text = b"<!DOCTYPE html><html><body>Sign in to continue</body></html>".into();
            }
            _ => {
                text = json!({"value": {"unexpected": mix(number)}})
                    .to_string()
                    .into_bytes()
            }
        }
    }
    let mut response = respond(lab, status, kind, String::new());
    let dated = headers.iter().any(|(name, _)| *name == "Date");
    if dated {
        response.headers_mut().remove(header::DATE);
    }
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    if text.is_empty() {
        response.headers_mut().remove(header::CONTENT_TYPE);
    } else if outcome.damage == Some(Damage::Cut) {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, text.len().into());
        *response.body_mut() = cut(text);
    } else {
        *response.body_mut() = Body::from(text);
    }
    response
}

/// Half a body, then the connection breaks.
fn cut(mut text: Vec<u8>) -> Body {
    text.truncate(text.len() / 2);
    let stream = futures_util::stream::unfold(Some(text), |left| async {
        match left {
            Some(half) if !half.is_empty() => Some((Ok(Bytes::from(half)), Some(Vec::new()))),
            Some(_) => {
                // Let the first half leave before the connection goes.
                tokio::time::sleep(Duration::from_millis(30)).await;
                Some((Err(std::io::Error::other("cut by a fault")), None))
            }
            None => None,
        }
    });
    Body::from_stream(stream)
}

fn respond(lab: &Lab, status: u16, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if let Ok(now) = http_date(lab.clock.now()).parse() {
        headers.insert(header::DATE, now);
    }
    response
}
