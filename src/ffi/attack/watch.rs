//! What all threads know of the handles, and what may never happen to one.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use serde_json::Value;

use super::super::lock;
use super::super::status::{GWB_ERROR, GWB_INVALID_ARGUMENT, GWB_INVALID_HANDLE, GWB_PANIC};

/// Handles that are remembered; older ones are forgotten, but for live ones.
const REMEMBERED: usize = 3000;

/// What is known of a handle.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// Of an operation: its session. 0 = it is a session.
    session: u64,
    /// Closed or released: it must miss from then on.
    pub(super) dead: bool,
    /// Its last event was taken.
    pub(super) ended: bool,
}

/// A question that may still be open.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) operation: u64,
    pub(super) number: u64,
    pub(super) kind: String,
    pub(super) name: String,
}

#[derive(Default)]
struct Handles {
    known: HashMap<u64, Known>,
    order: VecDeque<u64>,
    live_sessions: Vec<u64>,
    live_operations: Vec<u64>,
    questions: VecDeque<Question>,
}

/// Shared by all threads.
#[derive(Default)]
pub(super) struct World(Mutex<Handles>);

impl World {
    pub(super) fn born(&self, token: u64, session: u64) {
        let mut all = lock(&self.0);
        // The session may have been closed before this thread could say that its operation began.
        let dead = session != 0 && all.known.get(&session).is_none_or(|s| s.dead);
        let known = Known {
            session,
            dead,
            ended: false,
        };
        all.known.insert(token, known);
        all.order.push_back(token);
        match (dead, session) {
            (true, _) => {}
            (_, 0) => all.live_sessions.push(token),
            _ => all.live_operations.push(token),
        }
        if all.order.len() > REMEMBERED
            && let Some(old) = all.order.pop_front()
        {
            if all.known.get(&old).is_some_and(|k| !k.dead) {
                all.order.push_back(old);
            } else {
                all.known.remove(&old);
            }
        }
    }

    pub(super) fn died(&self, token: u64) {
        let mut all = lock(&self.0);
        let mut dead = vec![token];
        dead.extend(
            all.known
                .iter()
                .filter(|(_, k)| k.session == token)
                .map(|(t, _)| *t),
        );
        for token in &dead {
            if let Some(known) = all.known.get_mut(token) {
                known.dead = true;
            }
        }
        all.live_sessions.retain(|t| !dead.contains(t));
        all.live_operations.retain(|t| !dead.contains(t));
        all.questions.retain(|q| !dead.contains(&q.operation));
    }

    pub(super) fn known(&self, token: u64) -> Option<Known> {
        lock(&self.0).known.get(&token).copied()
    }

    pub(super) fn live_sessions(&self) -> Vec<u64> {
        lock(&self.0).live_sessions.clone()
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        let all = lock(&self.0);
        (all.live_sessions.len(), all.live_operations.len())
    }

    /// The `index`-th (modulo their number) of the live sessions, the live operations, or all handles.
    pub(super) fn session(&self, index: usize) -> Option<u64> {
        let all = lock(&self.0);
        let count = all.live_sessions.len();
        all.live_sessions.get(index.checked_rem(count)?).copied()
    }

    pub(super) fn operation(&self, index: usize) -> Option<u64> {
        let all = lock(&self.0);
        let count = all.live_operations.len();
        all.live_operations.get(index.checked_rem(count)?).copied()
    }

    pub(super) fn any(&self, index: usize) -> Option<u64> {
        let all = lock(&self.0);
        let count = all.order.len();
        all.order.get(index.checked_rem(count)?).copied()
    }

    pub(super) fn question(&self, index: usize) -> Option<Question> {
        let all = lock(&self.0);
        let count = all.questions.len();
        all.questions.get(index.checked_rem(count)?).cloned()
    }

    fn ask(&self, question: Question) {
        let mut all = lock(&self.0);
        if all.known.get(&question.operation).is_some_and(|k| !k.dead) {
            all.questions.push_back(question);
        }
        if all.questions.len() > 200 {
            all.questions.pop_front();
        }
    }

    pub(super) fn answered(&self, question: &Question) {
        lock(&self.0)
            .questions
            .retain(|q| (q.operation, q.number) != (question.operation, question.number));
    }

    /// Takes note of the end; `false` when there was one before.
    fn end(&self, operation: u64) -> bool {
        let mut all = lock(&self.0);
        all.questions.retain(|q| q.operation != operation);
        match all.known.get_mut(&operation) {
            Some(known) => !std::mem::replace(&mut known.ended, true),
            None => true,
        }
    }

    /// Looks at a batch: whole JSON lines of the contract's kinds, nothing behind the end, one end.
    pub(super) fn batch(
        &self,
        operation: u64,
        bytes: &[u8],
        panics: bool,
    ) -> Result<Vec<Value>, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| format!("events: {e}"))?;
        let lines: Vec<&str> = text.split('\n').collect();
        if bytes.len() > 256 * 1024 && lines.len() > 1 {
            return Err(format!("a batch of {} bytes", bytes.len()));
        }
        let mut events = Vec::with_capacity(lines.len());
        let mut last_ask = 0;
        for (place, line) in lines.iter().enumerate() {
            let event: Value =
                serde_json::from_str(line).map_err(|e| format!("event {line}: {e}"))?;
            let kind = event["event"].as_str().unwrap_or_default();
            let last = place + 1 == lines.len();
            let sound = match kind {
                "progress" => event["phase"].is_string() && event["done"].is_u64(),
                "message" => event["level"].is_string() && event["text"].is_string(),
                "item" => event["type"].is_string() && event.get("value").is_some(),
                "warning" => error(&event, panics).is_ok(),
                "error" => error(&event["error"], panics).is_ok(),
                "ask" => {
                    let number = event["ask"].as_u64().unwrap_or_default();
                    let rising = number > last_ask;
                    last_ask = number;
                    self.ask(Question {
                        operation,
                        number,
                        kind: event["kind"].as_str().unwrap_or_default().to_owned(),
                        name: event["name"].as_str().unwrap_or_default().to_owned(),
                    });
                    rising && event["kind"].is_string()
                }
                "result" => last && event.get("type").is_some() && event.get("value").is_some(),
                "failed" => last && error(&event["error"], panics).is_ok(),
                _ => false,
            };
            if !sound {
                return Err(format!("event {line}"));
            }
            if last && matches!(kind, "result" | "failed") && !self.end(operation) {
                return Err(format!("a second end: {line}"));
            }
            events.push(event);
        }
        Ok(events)
    }
}

/// An error object has all its members.
fn error(value: &Value, panics: bool) -> Result<(), String> {
    for name in ["id", "category", "message", "recommendedAction"] {
        if value[name].as_str().is_none_or(str::is_empty) {
            return Err(format!("{name} in {value}"));
        }
    }
    if !value["causes"].is_array() {
        return Err(format!("causes in {value}"));
    }
    if value["id"] == "NativeEnginePanic" && !panics {
        return Err(format!("a panic: {value}"));
    }
    Ok(())
}

/// The error object that goes with a status.
pub(super) fn failure(status: i32, bytes: &[u8], panics: bool) -> Result<(), String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("error object: {e}"))?;
    error(&value, panics)?;
    let right = match value["id"].as_str() {
        Some("NativeHandleInvalid") => GWB_INVALID_HANDLE,
        Some("InvalidArgument") => GWB_INVALID_ARGUMENT,
        Some("NativeEnginePanic") => GWB_PANIC,
        _ => GWB_ERROR,
    };
    if status != right {
        return Err(format!("status {status} with {value}"));
    }
    Ok(())
}

/// Whether a call may end so with a handle that was dead before it began, or was never given out.
pub(super) fn misses(status: i32) -> bool {
    matches!(status, GWB_INVALID_HANDLE | GWB_INVALID_ARGUMENT)
}
