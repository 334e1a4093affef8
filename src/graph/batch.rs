//! Many small GETs in few calls ("Combine multiple HTTP requests using JSON batching").

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::GraphClient;
use super::fault::Refusal;
use super::limiter::retry_after;
use super::permissions::Task;
use super::session::{Attempts, Call, add, json as parse};
use crate::error::{Error, ErrorId};
use crate::graph::Result;

/// The most that one batch takes.
const SIZE: usize = 20;
/// Batches prepared at a time; the limiter decides how many are in flight.
const AHEAD: usize = 64;

/// Answer to one inner request.
pub(super) struct Reply {
    pub status: u16,
    pub body: Value,
    request: String,
    task: &'static Task,
}

impl Reply {
    /// For statuses other than 2xx.
    pub(super) fn refusal(&self) -> Refusal {
        Refusal::of_body(self.status, &self.body, self.request.clone(), self.task)
    }
}

#[derive(Deserialize)]
pub(super) struct Responses {
    pub(super) responses: Vec<Response>,
}

#[derive(Deserialize)]
pub(super) struct Response {
    id: String,
    pub(super) status: u16,
    #[serde(default)]
    headers: HashMap<String, Value>,
    #[serde(default)]
    pub(super) body: Value,
}

impl Response {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let value = self
            .headers
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case("retry-after"))?
            .1;
        match value {
            Value::String(text) => retry_after(text, None),
            other => retry_after(&other.to_string(), None),
        }
    }
}

impl GraphClient {
    /// Answers to GETs of `urls` (paths below `/v1.0`), in their order. Inner requests that are
    /// throttled or fail are repeated; every other status is the caller's to judge.
    pub(super) async fn batch(&self, urls: Vec<String>, task: &'static Task) -> Result<Vec<Reply>> {
        let mut chunks: Vec<(usize, Vec<String>)> = urls
            .chunks(SIZE)
            .map(<[String]>::to_vec)
            .enumerate()
            .collect();
        chunks.reverse();
        let mut running = JoinSet::new();
        let mut done: Vec<(usize, Vec<Reply>)> = Vec::new();
        loop {
            while running.len() < AHEAD
                && let Some((index, chunk)) = chunks.pop()
            {
                let client = self.clone();
                running
                    .spawn(async move { client.one_batch(chunk, task).await.map(|r| (index, r)) });
            }
            // An error drops the set, which ends the others.
            match running.join_next().await {
                Some(Ok(result)) => done.push(result?),
                Some(Err(e)) => {
                    return Err(Error::new(
                        ErrorId::SourceReadIncomplete,
                        "A batch of requests broke off.",
                    )
                    .caused_by(&e));
                }
                None => break,
            }
        }
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().flat_map(|(_, replies)| replies).collect())
    }

    async fn one_batch(&self, urls: Vec<String>, task: &'static Task) -> Result<Vec<Reply>> {
        let session = &*self.session;
        let mut replies: Vec<Option<Reply>> = urls.iter().map(|_| None).collect();
        let mut attempts = Attempts::default();
        loop {
            let open: Vec<usize> = (0..urls.len()).filter(|i| replies[*i].is_none()).collect();
            if open.is_empty() {
                return Ok(replies.into_iter().flatten().collect());
            }
            let requests: Vec<Value> = open
                .iter()
                .map(|i| json!({"id": i.to_string(), "method": "GET", "url": urls[*i]}))
                .collect();
            let url = session.endpoints.graph_address("/v1.0/$batch")?;
            let call = Call::with_json(Method::POST, url, &json!({"requests": requests}), task);
            add(&session.counts.batched, open.len() as u64);
            let answer: Responses = self.call(&call, parse).await.map_err(Error::from)?;

            let mut wait: Option<Duration> = None;
            let mut throttled = false;
            let mut failing = None;
            for response in answer.responses {
                let Some(index) = response
                    .id
                    .parse::<usize>()
                    .ok()
                    .filter(|i| open.contains(i))
                else {
                    continue;
                };
                let reply = Reply {
                    status: response.status,
                    request: format!("GET /v1.0{}", urls[index]),
                    task,
                    body: Value::Null,
                };
                match response.status {
                    429 => {
                        throttled = true;
                        wait = wait.max(response.retry_after());
                    }
                    408 | 424 | 500..=599 => {
                        if let Some(asked) = response.retry_after() {
                            throttled = true;
                            wait = wait.max(Some(asked));
                        }
                        failing = Some(Reply {
                            body: response.body,
                            ..reply
                        });
                    }
                    _ => {
                        replies[index] = Some(Reply {
                            body: response.body,
                            ..reply
                        })
                    }
                }
            }
            if throttled {
                self.obey(&mut attempts, wait, 429, " (inside a batch)")
                    .await?;
            } else if replies.iter().any(Option::is_none) {
                // Failed or not answered at all.
                if attempts.failed(session) {
                    return Err(match failing {
                        Some(reply) => reply.refusal().into_error(),
                        None => Error::new(
                            ErrorId::SourceReadIncomplete,
                            "Graph left requests of a batch without an answer.",
                        )
                        .target(call.shown()),
                    });
                }
                add(&session.counts.retries, 1);
                self.pause(attempts.backoff(&session.tuning)).await?;
            }
        }
    }
}
