//! An engine for tests: requests say how it behaves.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, ErrorId, Result};
use crate::ffi::engine::Engine;
use crate::operation::{Answer, Ask, Context};
use crate::session::{Outcome, Request, Work};

thread_local! {
    /// The function that is to panic on this thread.
    pub static PANIC_IN: Cell<&'static str> = const { Cell::new("") };
}

/// Calls of `close`.
pub static CLOSED: AtomicUsize = AtomicUsize::new(0);

pub struct TestEngine {
    config: Value,
}

/// Panics again while it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropping the payload");
    }
}

fn number(members: &Value, name: &str) -> u64 {
    members[name].as_u64().unwrap_or_default()
}

impl Engine for TestEngine {
    fn open(config: &Value) -> Result<Arc<Self>> {
        if config["panic"] == true {
            panic!("open {}", 1);
        }
        if config["refuse"] == true {
            return Err(Error::new(ErrorId::ConfigurationInvalid, "refused"));
        }
        Ok(Arc::new(TestEngine {
            config: config.clone(),
        }))
    }

    fn start(self: &Arc<Self>, request: Request, context: Context) -> Result<Work> {
        let (Request::Enable(members)
        | Request::Disable(members)
        | Request::Sync(members)
        | Request::Query(members)) = request;
        match members["op"].as_str() {
            Some("refuse") => return Err(Error::new(ErrorId::NotConnected, "refused")),
            Some("panicStart") => panic!("start"),
            None => return Err(Error::new(ErrorId::InvalidArgument, "no op")),
            Some(_) => {}
        }
        Ok(Box::pin(work(members, context)))
    }

    async fn close(&self) {
        CLOSED.fetch_add(1, Ordering::SeqCst);
        if self.config["panicClose"] == true {
            panic!("close");
        }
        if self.config["hangClose"] == true {
            std::future::pending::<()>().await;
        }
    }

    fn entered(function: &'static str) {
        if PANIC_IN.get() == function {
            panic!("inside {function}");
        }
    }
}

async fn work(members: Value, context: Context) -> Result<Outcome> {
    let done = |value: Value| {
        Ok(Outcome {
            kind: Some("Test"),
            value: Some(value),
        })
    };
    match members["op"].as_str().unwrap_or_default() {
        "items" => {
            let text = "x".repeat(number(&members, "size") as usize);
            for n in 0..number(&members, "count") {
                context.cancel.check()?;
                context.item("Row", json!({"N": n, "Text": text})).await;
            }
            done(json!({"Count": members["count"]}))
        }
        "item" => {
            context.item("Row", members["value"].clone()).await;
            Ok(Outcome::default())
        }
        "wait" => {
            context.cancel.cancelled().await;
            context.cancel.check()?;
            Ok(Outcome::default())
        }
        "stubborn" => std::future::pending().await,
        "block" => {
            std::thread::sleep(Duration::from_millis(number(&members, "ms")));
            Ok(Outcome::default())
        }
        "secret" => {
            let secret = context.secret("clientSecret", "The secret").await?;
            done(
                json!({"Length": secret.len(), "Sum": secret.iter().map(|b| u64::from(*b)).sum::<u64>()}),
            )
        }
        "ask" => {
            let ask = match members["kind"].as_str() {
                Some("sign") => Ask::Sign {
                    data: b"to sign".to_vec(),
                },
                _ => Ask::Approve {
                    plan_id: "p".to_owned(),
                    groups: 2,
                },
            };
            match context.host.ask(ask).await? {
                Answer::Bytes(bytes) => done(json!({"Bytes": bytes.len()})),
                Answer::Unavailable => done(json!("unavailable")),
                Answer::Approved { refused } => done(json!({"Refused": refused})),
                Answer::Refused => done(json!("refused")),
            }
        }
        "progress" => {
            let count = number(&members, "count");
            for n in 1..=count {
                context
                    .progress("Import", n, Some(count), format!("{n} of {count}"))
                    .await;
                if n % 100 == 0 {
                    tokio::time::sleep(Duration::from_millis(number(&members, "ms"))).await;
                }
            }
            done(json!({}))
        }
        "panic" => panic!("in the {}", "work"),
        "bomb" => std::panic::panic_any(Bomb),
        "fail" => Err(Error::new(ErrorId::GroupNotFound, "no group").target("g")),
        _ => Ok(Outcome::default()),
    }
}
