//! What a running piece of work may say to and ask of its caller. The engine's only way out.
//!
//! `ffi` puts a queue behind it; tests a recorder.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorId, Result};

#[cfg(fuzzing)]
pub mod fuzzing;
mod progress;
pub mod queue;
mod wire;

/// What an operation tells its caller; `docs/abi.md` gives the JSON form.
#[derive(Clone, Debug)]
pub enum Event {
    /// How far a phase is. `rate` and `secondsLeft` are added by the queue.
    Progress {
        /// Phase: Connect, Import, Plan, Export, ...
        phase: &'static str,
        /// Units done.
        done: u64,
        /// Units in all, when known.
        total: Option<u64>,
        /// One line for people.
        text: String,
    },
    /// For the log streams.
    Message {
        /// Which stream.
        level: Level,
        /// Text.
        text: String,
    },
    /// Something was left out; the operation goes on.
    Warning(Error),
    /// One object failed; the operation goes on.
    Failure(Error),
    /// An output object.
    Item {
        /// Output type without its prefix.
        kind: &'static str,
        /// Its properties in PascalCase.
        value: Value,
    },
}

/// Log streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Details for who looks.
    Verbose,
    /// Details for developers.
    Debug,
    /// Shown by default, e.g. the device code's message.
    Information,
}

/// What the engine asks of the host.
#[derive(Clone, Debug)]
pub enum Ask {
    /// A secret by name: `clientSecret`, `certificatePassword`, `accessToken`, `directoryPassword`.
    Secret {
        /// Name.
        name: &'static str,
        /// What to show a person.
        prompt: String,
    },
    /// A signature (PS256: RSASSA-PSS, SHA-256, salt 32 bytes) over these bytes.
    Sign {
        /// Bytes to sign.
        data: Vec<u8>,
    },
    /// Which of the groups just listed may be written.
    Approve {
        /// The plan.
        plan_id: String,
        /// Number of `PlanGroup` items before this.
        groups: u64,
    },
}

/// The host's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A secret or a signature.
    Bytes(Zeroizing<Vec<u8>>),
    /// The host has no such thing.
    Unavailable,
    /// Approval, except of these group ids.
    Approved {
        /// Refused groups.
        refused: Vec<String>,
    },
    /// No approval at all.
    Refused,
}

/// The caller's side of an operation.
pub trait Host: Send + Sync {
    /// Takes an event; waits while the queue is full.
    fn emit(&self, event: Event) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// Asks and waits for the answer, or for cancellation.
    fn ask(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + '_>>;
}

/// Set once, seen by everything that works for an operation.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<(AtomicBool, Notify)>);

impl Cancel {
    /// Asks everything to stop at its next safe point.
    pub fn cancel(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    /// The error to end with when cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(
                ErrorId::OperationCancelled,
                "The operation was cancelled.",
            ));
        }
        Ok(())
    }

    /// Ends when cancelled; for `select!`.
    pub async fn cancelled(&self) {
        loop {
            let notified = self.0.1.notified();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }

    /// Runs `work` unless cancelled first.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.cancelled() => Err(Error::new(ErrorId::OperationCancelled, "The operation was cancelled.")),
            result = work => result,
        }
    }
}

/// What work is handed: its host and its cancellation.
#[derive(Clone)]
pub struct Context {
    /// The caller's side.
    pub host: Arc<dyn Host>,
    /// Cancellation.
    pub cancel: Cancel,
}

impl Context {
    /// Emits progress.
    pub async fn progress(
        &self,
        phase: &'static str,
        done: u64,
        total: Option<u64>,
        text: impl Into<String>,
    ) {
        self.host
            .emit(Event::Progress {
                phase,
                done,
                total,
                text: text.into(),
            })
            .await;
    }

    /// Emits a log line.
    pub async fn message(&self, level: Level, text: impl Into<String>) {
        self.host
            .emit(Event::Message {
                level,
                text: text.into(),
            })
            .await;
    }

    /// Emits a warning.
    pub async fn warn(&self, warning: Error) {
        self.host.emit(Event::Warning(warning)).await;
    }

    /// Emits a failure of one object.
    pub async fn fail(&self, failure: Error) {
        self.host.emit(Event::Failure(failure)).await;
    }

    /// Emits an output object.
    pub async fn item(&self, kind: &'static str, value: Value) {
        self.host.emit(Event::Item { kind, value }).await;
    }

    /// Asks for a secret; `SecretUnavailable` when the host has none.
    pub async fn secret(
        &self,
        name: &'static str,
        prompt: impl Into<String>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let prompt = prompt.into();
        match self
            .host
            .ask(Ask::Secret {
                name,
                prompt: prompt.clone(),
            })
            .await?
        {
            Answer::Bytes(bytes) => Ok(bytes),
            _ => Err(Error::new(
                ErrorId::SecretUnavailable,
                format!("{prompt} is needed and was not given."),
            )
            .target(name)),
        }
    }
}
