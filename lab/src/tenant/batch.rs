//! `$batch`: up to twenty requests in one, each throttled and failing by itself.

use super::call::{Call, Headers};
use super::errors::{Answer, Refusal};
use super::graph::{Outcome, perform};
use crate::clock::{http_date, iso};
use crate::lab::Lab;
use crate::rng::mix;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Graph takes no more than this many.
const MAX_REQUESTS: usize = 20;

/// Answers a batch. Answers come in another order than the requests, as Graph warns.
pub(crate) fn batch(lab: &Lab, version: &str, headers: &Headers, body: Option<Value>) -> Outcome {
    lab.counters.kind("batch");
    let mut outcome = Outcome {
        answer: Answer::no_content(),
        delay: 0,
        damage: None,
    };
    let result = lab
        .signin
        .check(headers.authorization.as_deref(), lab.clock.now())
        .and_then(|_| run(lab, version, headers, body, &mut outcome));
    let request_id = lab.new_guid().to_string();
    let now = lab.clock.now();
    let client_id = &headers.client_request_id;
    let mut answer =
        result.unwrap_or_else(|refusal| refusal.into_answer(&iso(now), &request_id, client_id));
    answer.headers.push(("request-id", request_id));
    answer
        .headers
        .push(("client-request-id", client_id.clone()));
    answer.headers.push(("Date", http_date(now)));
    outcome.answer = answer;
    outcome
}

fn run(
    lab: &Lab,
    version: &str,
    headers: &Headers,
    body: Option<Value>,
    outcome: &mut Outcome,
) -> Result<Answer, Refusal> {
    let bad = |message: &str| Refusal::new(400, "BadRequest", message);
    let requests = body.as_ref().and_then(|body| body["requests"].as_array());
    let requests = requests.ok_or_else(|| bad("Invalid batch payload format."))?;
    if requests.is_empty() || requests.len() > MAX_REQUESTS {
        return Err(bad(
            "The number of batch requests must be between 1 and 20.",
        ));
    }
    let mut done: HashMap<&str, u16> = HashMap::new();
    let mut responses = Vec::with_capacity(requests.len());
    for request in requests {
        let id = request["id"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| bad("A batch request has no id."))?;
        if done.contains_key(id) {
            return Err(bad("Two batch requests have the same id."));
        }
        let depends: Vec<&str> = request["dependsOn"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if depends.iter().any(|other| !done.contains_key(other)) {
            return Err(bad(
                "A batch request depends on one that does not come before it.",
            ));
        }
        let failed = depends
            .iter()
            .any(|other| done.get(other).is_some_and(|code| *code >= 400));
        let (status, response) = if failed {
            let message = "The request's dependency failed.";
            let error = json!({"error": {"code": "FailedDependency", "message": message}});
            (424, json!({"id": id, "status": 424, "body": error}))
        } else {
            let inner = one(lab, version, headers, request)?;
            outcome.delay = outcome.delay.max(inner.delay);
            outcome.damage = outcome.damage.or(inner.damage);
            (inner.answer.status, response(id, inner.answer))
        };
        done.insert(id, status);
        responses.push(response);
    }
    responses.sort_by_key(|response| {
        let id = response["id"].as_str().unwrap_or_default();
        id.bytes().fold(lab.settings.world.seed, |hash, byte| {
            mix(hash ^ u64::from(byte))
        })
    });
    Ok(Answer::json(json!({ "responses": responses })))
}

fn one(lab: &Lab, version: &str, headers: &Headers, request: &Value) -> Result<Outcome, Refusal> {
    let bad = |message: &str| Refusal::new(400, "BadRequest", message);
    let method = request["method"]
        .as_str()
        .ok_or_else(|| bad("A request has no method."))?;
    let url = request["url"]
        .as_str()
        .ok_or_else(|| bad("A request has no url."))?;
    // Relative to the version, with or without the slash; a whole nextLink is accepted too.
    let relative = url.strip_prefix(lab.base.as_str()).unwrap_or(url);
    let relative = relative.trim_start_matches('/');
    let versioned = relative.starts_with("v1.0/") || relative.starts_with("beta/");
    let path = if versioned {
        format!("/{relative}")
    } else {
        format!("/{version}/{relative}")
    };
    let own = |wanted: &str| {
        let mut all = request["headers"].as_object().into_iter().flatten();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let inner = Headers {
        authorization: headers.authorization.clone(),
        prefer: own("Prefer"),
        consistency_level: own("ConsistencyLevel"),
        client_request_id: headers.client_request_id.clone(),
    };
    let body = request.get("body").cloned();
    let call = Call::new(&method.to_uppercase(), &path, inner, body)
        .ok_or_else(|| bad("A request's url is not relative to the version."))?;
    Ok(perform(lab, &call, true))
}

fn response(id: &str, answer: Answer) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in answer.headers {
        if name != "Date" {
            headers.insert(name.to_owned(), json!(value));
        }
    }
    if answer.body.is_some() {
        headers.insert("Content-Type".into(), json!("application/json"));
    }
    let mut out = json!({"id": id, "status": answer.status, "headers": headers});
    if let Some(body) = answer.body {
        out["body"] = body;
    }
    out
}
