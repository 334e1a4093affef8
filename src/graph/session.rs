//! What all clones of a client share, and the one place from which Graph is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use tokio::time::Instant;

use super::endpoint::Endpoints;
use super::fault::{Fault, Refusal, shown};
use super::limiter::{HIGH_PERCENTAGE, Limiter, Permit, backoff, retry_after, wait};
use super::permissions::Task;
use super::signin::SignInState;
use super::wire::{Answer, Lost, Wire, new_guid, random_share};
use super::{GraphClient, GraphCounters};
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::operation::Level;

/// How stubborn the client is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// Attempts a call when the service fails or answers are cut.
    pub attempts: u32,
    /// Attempts a call when the service gives no answer in time (each as long as the timeout).
    pub slow_attempts: u32,
    /// How often one call obeys `Retry-After` before the read is given up.
    pub throttle_attempts: u32,
    /// First wait; doubles each time.
    pub base_wait: Duration,
    /// Longest wait.
    pub most_wait: Duration,
    /// Consecutive pages without news before a list is taken for endless.
    pub barren_pages: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            attempts: 7,
            slow_attempts: 3,
            throttle_attempts: 20,
            base_wait: Duration::from_millis(500),
            most_wait: Duration::from_secs(30),
            barren_pages: 500,
        }
    }
}

#[derive(Default)]
pub(super) struct Counts {
    pub requests: AtomicU64,
    pub batched: AtomicU64,
    pub tokens: AtomicU64,
    pub resource_units: AtomicU64,
    pub throttled: AtomicU64,
    pub retries: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// Shared by all clones of a client.
pub(super) struct Session {
    pub endpoints: Endpoints,
    pub timeout: Duration,
    pub tuning: Tuning,
    pub wire: Wire,
    pub limiter: Arc<Limiter>,
    pub sign_in: SignInState,
    pub counts: Counts,
}

impl Session {
    pub(super) fn counters(&self) -> GraphCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GraphCounters {
            requests: get(&self.counts.requests),
            batched_requests: get(&self.counts.batched),
            tokens: get(&self.counts.tokens),
            resource_units: get(&self.counts.resource_units),
            throttled: get(&self.counts.throttled),
            throttled_wait_ms: u64::try_from(self.limiter.waited().as_millis()).unwrap_or(u64::MAX),
            retries: get(&self.counts.retries),
        }
    }
}

/// A Graph request that may be repeated safely.
#[derive(Clone)]
pub(super) struct Call {
    pub method: Method,
    pub url: Url,
    pub body: Option<Vec<u8>>,
    pub prefer: Option<&'static str>,
    /// For the message of a 403.
    pub task: &'static Task,
}

impl Call {
    pub(super) fn get(url: Url, task: &'static Task) -> Call {
        Call {
            method: Method::GET,
            url,
            body: None,
            prefer: None,
            task,
        }
    }

    pub(super) fn with_json(
        method: Method,
        url: Url,
        body: &serde_json::Value,
        task: &'static Task,
    ) -> Call {
        Call {
            method,
            url,
            body: Some(body.to_string().into_bytes()),
            prefer: None,
            task,
        }
    }

    pub(super) fn shown(&self) -> String {
        shown(&self.method, &self.url)
    }

    fn request(&self, token: &str) -> Result<Request> {
        let bad = |_| {
            Error::new(
                ErrorId::GraphAuthenticationFailed,
                "The access token holds characters that no token has.",
            )
        };
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).map_err(bad)?;
        authorization.set_sensitive(true);
        let mut request = Request::new(self.method.clone(), self.url.clone());
        let id = HeaderValue::from_str(&new_guid()?.to_string()).map_err(bad)?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert("client-request-id", id);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(prefer) = self.prefer {
            headers.insert("prefer", HeaderValue::from_static(prefer));
        }
        if let Some(body) = &self.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }
}

/// Why a call is tried again.
enum Trouble {
    Throttled {
        wait: Option<Duration>,
        status: u16,
        scope: String,
    },
    Failing(Error),
    Slow(Error),
    /// With the start of the attempt.
    Unreachable(Error, Instant),
}

impl GraphClient {
    /// Calls Graph and parses the answer, as stubbornly as [`Tuning`] says.
    pub(super) async fn call<T>(
        &self,
        call: &Call,
        parse: impl Fn(&Answer) -> serde_json::Result<T>,
    ) -> Result<T, Fault> {
        let session = &*self.session;
        let mut rejected = None;
        let mut attempts = Attempts::default();
        loop {
            let cancel = &self.ctx.cancel;
            let token = cancel.guard(session.token(&self.ctx, rejected)).await?;
            let permit = cancel
                .guard(async { Ok(session.limiter.acquire().await) })
                .await?;
            let request = call.request(&token.value)?;
            add(&session.counts.requests, 1);
            let timeout = attempts.timeout(session.timeout);
            let started = Instant::now();
            let outcome = cancel
                .guard(async { Ok(session.wire.send(request, timeout, false).await) })
                .await?;
            let trouble = match outcome {
                Err(Lost::Tls(error)) => return Err(error.into()),
                Err(Lost::Unreachable(error)) => Trouble::Unreachable(error, started),
                Err(Lost::TimedOut(error)) => Trouble::Slow(error),
                Err(Lost::Cut(error)) => Trouble::Failing(error),
                Ok(answer) => {
                    let calm = session.note(&answer, &permit);
                    match answer.status {
                        200..=299 => match parse(&answer) {
                            Ok(value) => {
                                if calm {
                                    permit.succeeded();
                                }
                                return Ok(value);
                            }
                            Err(e) => Trouble::Failing(unreadable(call, &answer, &e)),
                        },
                        401 if rejected.is_none() => {
                            rejected = Some(token.serial);
                            continue;
                        }
                        429 | 500 | 502 | 503 | 504 | 408 | 509 => failing(call, &answer),
                        _ => {
                            return Err(Fault::Refused(Box::new(Refusal::new(
                                &answer,
                                call.shown(),
                                call.task,
                            ))));
                        }
                    }
                }
            };
            if matches!(trouble, Trouble::Throttled { .. }) {
                permit.overloaded();
            }
            drop(permit);
            self.ride_out(&mut attempts, trouble).await?;
        }
    }

    /// Waits before the next attempt, or gives up.
    async fn ride_out(&self, attempts: &mut Attempts, trouble: Trouble) -> Result<()> {
        let session = &*self.session;
        let tuning = &session.tuning;
        if !matches!(trouble, Trouble::Unreachable(..)) {
            attempts.unreachable_since = None;
        }
        match trouble {
            Trouble::Throttled {
                wait,
                status,
                scope,
            } => {
                return self.obey(attempts, wait, status, &scope).await;
            }
            Trouble::Failing(error) => {
                if attempts.failed(session) {
                    return Err(error);
                }
            }
            Trouble::Slow(error) => {
                attempts.slow += 1;
                if attempts.slow >= tuning.slow_attempts {
                    return Err(error);
                }
            }
            Trouble::Unreachable(error, started) => {
                // The caller's timeout is for this: how long an unreachable host may cost.
                let since = *attempts.unreachable_since.get_or_insert(started);
                attempts.failures += 1;
                let over = since.elapsed() + tuning.base_wait >= session.timeout;
                if over || attempts.failures >= tuning.attempts {
                    return Err(error);
                }
            }
        }
        add(&session.counts.retries, 1);
        self.pause(attempts.backoff(tuning)).await
    }

    /// Closes the gate for as long as the service asks.
    pub(super) async fn obey(
        &self,
        attempts: &mut Attempts,
        wait: Option<Duration>,
        status: u16,
        scope: &str,
    ) -> Result<()> {
        let session = &*self.session;
        let tuning = &session.tuning;
        let wait = wait.unwrap_or_else(|| {
            backoff(
                attempts.throttled + 1,
                tuning.base_wait,
                tuning.most_wait,
                random_share(),
            )
        });
        add(&session.counts.throttled, 1);
        attempts.throttled += 1;
        let seconds = wait.as_secs_f64().ceil();
        if attempts.throttled >= tuning.throttle_attempts {
            let id = if status == 429 {
                ErrorId::GraphThrottled
            } else {
                ErrorId::GraphUnavailable
            };
            return Err(Error::new(
                id,
                format!(
                    "Graph asked to wait {} times for the same request{scope}; the last time for {seconds} s.",
                    attempts.throttled
                ),
            )
            .target(&session.endpoints.graph));
        }
        if session.limiter.close_for(wait) {
            let text =
                format!("Graph asks to wait {seconds} s{scope}; nothing is sent until then.");
            let told = async {
                self.ctx.message(Level::Verbose, text).await;
                Ok(())
            };
            self.ctx.cancel.guard(told).await?;
        }
        Ok(())
    }

    /// Waits, unless cancelled.
    pub(super) async fn pause(&self, time: Duration) -> Result<()> {
        wait(&self.ctx.cancel, time).await
    }
}

impl Session {
    /// Takes note of the throttling headers; false when the service is nearly overloaded.
    fn note(&self, answer: &Answer, permit: &Permit) -> bool {
        let number = |name: &str| {
            answer
                .header(name)
                .and_then(|v| v.trim().parse::<f64>().ok())
        };
        if let Some(units) = number("x-ms-resource-unit").filter(|u| *u >= 0.0) {
            add(&self.counts.resource_units, units as u64);
        }
        let near = number("x-ms-throttle-limit-percentage").is_some_and(|p| p >= HIGH_PERCENTAGE);
        if near {
            permit.overloaded();
        }
        !near
    }
}

/// What one call has been through.
#[derive(Default)]
pub(super) struct Attempts {
    failures: u32,
    slow: u32,
    throttled: u32,
    failing_since: Option<Instant>,
    unreachable_since: Option<Instant>,
}

impl Attempts {
    /// While a host stays unreachable, all attempts together take no longer than one may.
    fn timeout(&self, timeout: Duration) -> Duration {
        match self.unreachable_since {
            Some(since) => timeout
                .saturating_sub(since.elapsed())
                .max(Duration::from_secs(1)),
            None => timeout,
        }
    }

    /// Counts one more failure of the service; `true` when it was the last that is put up with: after so many, or when
    /// they would go on for longer than one request may take (the caller's timeout), but never before the third.
    pub(super) fn failed(&mut self, session: &Session) -> bool {
        let tuning = &session.tuning;
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        self.failures += 1;
        let few = self.failures < tuning.slow_attempts;
        let over = since.elapsed() + self.backoff(tuning) >= session.timeout;
        self.failures >= tuning.attempts || (over && !few)
    }

    /// How long to wait before the next attempt.
    pub(super) fn backoff(&self, tuning: &Tuning) -> Duration {
        let attempt = (self.failures + self.slow).saturating_sub(1);
        backoff(attempt, tuning.base_wait, tuning.most_wait, random_share())
    }
}

fn unreadable(call: &Call, answer: &Answer, cause: &serde_json::Error) -> Error {
    Error::new(
        ErrorId::SourceReadIncomplete,
        format!(
            "Graph's answer is not what it should be (request-id {}). Request: {}",
            answer.header("request-id").unwrap_or("none"),
            call.shown()
        ),
    )
    .caused_by(cause)
    .target(call.shown())
}

fn failing(call: &Call, answer: &Answer) -> Trouble {
    let wait = answer
        .header("retry-after")
        .and_then(|v| retry_after(v, answer.date()));
    if answer.status == 429 || wait.is_some() {
        let part = |name: &str| {
            answer
                .header(name)
                .map(|v| format!(", {v}"))
                .unwrap_or_default()
        };
        return Trouble::Throttled {
            wait,
            status: answer.status,
            scope: format!(
                " ({}{}{})",
                answer.status,
                part("x-ms-throttle-scope"),
                part("x-ms-throttle-information")
            ),
        };
    }
    Trouble::Failing(Refusal::new(answer, call.shown(), call.task).into_error())
}

/// The usual way to read an answer.
pub(super) fn json<T: serde::de::DeserializeOwned>(answer: &Answer) -> serde_json::Result<T> {
    serde_json::from_slice(&answer.body)
}

/// For answers whose content doesn't matter (204 has none).
pub(super) fn nothing(_: &Answer) -> serde_json::Result<()> {
    Ok(())
}
