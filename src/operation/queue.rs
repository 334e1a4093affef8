//! The queue between an operation and its caller: bounded, so that a slow caller slows the work instead of filling
//! the memory. Progress takes no room in it: only the latest of each phase is kept.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use zeroize::Zeroizing;

use super::progress::Phases;
use super::{Answer, Ask, Cancel, Event, Host, wire};
use crate::error::{Error, ErrorId, Result};
use crate::session::Outcome;

/// Most bytes in a batch; a longer event is delivered alone.
pub const BATCH_BYTES: usize = 256 * 1024;
/// Most bytes waiting for the caller.
const QUEUE_BYTES: usize = 4 * BATCH_BYTES;
/// Most events waiting for the caller.
const QUEUE_EVENTS: usize = 8192;

/// What a caller gets when it asks for events.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// JSON objects, separated by line feeds.
    Batch(String),
    /// Nothing yet.
    Pending,
    /// Every event was taken.
    End,
    /// The caller's handle was released while it waited.
    Gone,
}

/// Both sides of one operation's events.
pub struct Queue {
    state: Mutex<State>,
    /// Something to take.
    ready: Condvar,
    /// Room, or the end of waiting for it.
    room: Notify,
    cancel: Cancel,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    phases: Phases,
    asks: HashMap<u64, Question>,
    last_ask: u64,
    /// `result` or `failed`, outside the bound: it always finds room.
    last: Option<String>,
    last_taken: bool,
    gone: bool,
}

struct Line {
    text: String,
    /// Number of the question when it is one.
    ask: Option<u64>,
}

enum Question {
    Waiting(Wanted, oneshot::Sender<Answer>),
    Answered,
    /// Nobody waits for the answer any more; one that is under way is no mistake of the caller's.
    Withdrawn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Bytes,
    Approval,
}

impl Queue {
    /// An empty queue; `cancel` frees everybody who waits in it.
    pub fn new(cancel: Cancel) -> Arc<Queue> {
        Arc::new(Queue {
            state: Mutex::default(),
            ready: Condvar::new(),
            room: Notify::new(),
            cancel,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to take, at most `wait`. Several threads may wait: each event goes to one.
    pub fn next(&self, wait: Duration) -> Next {
        let deadline = Instant::now() + wait;
        let mut state = self.state();
        loop {
            let now = Instant::now();
            if state.gone {
                return Next::Gone;
            }
            let had = state.lines.len();
            let batch = state.take(now);
            if state.lines.len() < had {
                self.room.notify_waiters();
            }
            if !state.lines.is_empty() || state.last.is_some() {
                // More than a batch: another waiting thread may have the rest.
                self.ready.notify_one();
            }
            if !batch.is_empty() {
                return Next::Batch(batch);
            }
            if state.last_taken {
                return Next::End;
            }
            if now >= deadline {
                return Next::Pending;
            }
            let until = state.phases.due().map_or(deadline, |due| due.min(deadline));
            state = self
                .ready
                .wait_timeout(state, until.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The operation's end. Everything emitted before is still delivered; a second end is ignored.
    pub fn finish(&self, result: Result<Outcome>) {
        let line = wire::last(result);
        let mut state = self.state();
        if state.last.is_none() && !state.last_taken {
            state.last = Some(line);
        }
        drop(state);
        self.ready.notify_all();
    }

    /// The caller has gone: drops what waits and everything that still comes.
    pub fn abandon(&self) {
        let mut state = self.state();
        state.gone = true;
        state.lines.clear();
        state.bytes = 0;
        state.asks.clear();
        drop(state);
        self.ready.notify_all();
        self.room.notify_waiters();
    }

    /// Gives an answer to whoever waits for it. The bytes are `docs/abi.md`'s: one JSON line, a line feed, the payload.
    pub fn answer(&self, bytes: &[u8]) -> Result<()> {
        let (header, payload) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (bytes.get(..end), bytes.get(end + 1..)),
            None => (Some(bytes), None),
        };
        let header = wire::answer_header(header.unwrap_or_default())?;
        let mut state = self.state();
        let wanted = match state.asks.get(&header.ask) {
            Some(Question::Waiting(wanted, _)) => *wanted,
            Some(Question::Withdrawn) => return Ok(()),
            Some(Question::Answered) => {
                return Err(wrong(format!("Ask {} was answered already.", header.ask)));
            }
            None => return Err(wrong(format!("There is no ask {}.", header.ask))),
        };
        // Before the question is taken: a wrong answer leaves it open for the right one.
        let answer = header.answer(wanted == Wanted::Approval, payload)?;
        if let Some(Question::Waiting(_, sender)) =
            state.asks.insert(header.ask, Question::Answered)
        {
            drop(state);
            // Fails when the asker has just stopped waiting; the answer is zeroized as it is dropped.
            drop(sender.send(answer));
        }
        Ok(())
    }

    /// Puts a line in as soon as there is room; gives up when the operation is cancelled or abandoned.
    async fn push(&self, mut line: Line) {
        loop {
            let mut room = pin!(self.room.notified());
            // Registered before the look at the queue, so that no notice is lost between.
            room.as_mut().enable();
            match self.state().put(line) {
                Ok(()) => {
                    self.ready.notify_one();
                    return;
                }
                Err(back) => line = back,
            }
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = room => {}
            }
        }
    }
}

impl State {
    fn put(&mut self, line: Line) -> std::result::Result<(), Line> {
        if self.gone || self.last.is_some() || self.last_taken {
            // Nobody to tell, or a straggler after the end: dropped.
            return Ok(());
        }
        let fits = self.lines.len() < QUEUE_EVENTS && self.bytes + line.text.len() <= QUEUE_BYTES;
        if !fits && !self.lines.is_empty() {
            return Err(line);
        }
        self.bytes += line.text.len();
        self.lines.push_back(line);
        Ok(())
    }

    fn progress(&mut self, phase: &'static str, done: u64, total: Option<u64>, text: String) {
        if !self.gone && self.last.is_none() && !self.last_taken {
            self.phases.set(phase, done, total, text, Instant::now());
        }
    }

    /// Numbers a question; `None` when nobody takes events any more.
    fn question(&mut self, wanted: Wanted, sender: oneshot::Sender<Answer>) -> Option<u64> {
        if self.gone || self.last.is_some() || self.last_taken {
            return None;
        }
        self.last_ask += 1;
        let number = self.last_ask;
        self.asks.insert(number, Question::Waiting(wanted, sender));
        Some(number)
    }

    /// What is to be delivered now; empty when nothing is.
    fn take(&mut self, now: Instant) -> String {
        let mut batch = String::new();
        let fits = |batch: &String, line: &str| {
            batch.is_empty() || batch.len() + 1 + line.len() <= BATCH_BYTES
        };
        let add = |batch: &mut String, line: &str| {
            if !batch.is_empty() {
                batch.push('\n');
            }
            batch.push_str(line);
        };
        // There are few phases and one line of each: these always fit.
        while let Some(line) = self.phases.take(now, self.last.is_some()) {
            add(&mut batch, &line);
        }
        while let Some(line) = self.lines.front() {
            if !fits(&batch, &line.text) {
                return batch;
            }
            add(&mut batch, &line.text);
            self.bytes -= line.text.len();
            self.lines.pop_front();
        }
        if let Some(last) = self.last.take_if(|last| fits(&batch, last)) {
            add(&mut batch, &last);
            self.last_taken = true;
        }
        batch
    }
}

impl Host for Queue {
    fn emit(&self, event: Event) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            match event {
                Event::Progress {
                    phase,
                    done,
                    total,
                    text,
                } => {
                    self.state().progress(phase, done, total, text);
                    self.ready.notify_one();
                }
                event => {
                    let text = wire::event(event);
                    self.push(Line { text, ask: None }).await;
                }
            }
        })
    }

    fn ask(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + '_>> {
        Box::pin(async move {
            let wanted = match &ask {
                Ask::Secret { .. } | Ask::Sign { .. } => Wanted::Bytes,
                Ask::Approve { .. } => Wanted::Approval,
            };
            let (sender, receiver) = oneshot::channel();
            let Some(number) = self.state().question(wanted, sender) else {
                // What outlives its operation, a detached run, has nobody to ask.
                return Ok(Answer::Unavailable);
            };
            let _withdraw = Withdraw {
                queue: self,
                number,
            };
            self.push(Line {
                text: wire::ask(number, &ask),
                ask: Some(number),
            })
            .await;
            tokio::select! {
                biased;
                answer = receiver => Ok(answer.unwrap_or(Answer::Unavailable)),
                () = self.cancel.cancelled() => Err(cancelled()),
            }
        })
    }
}

/// Takes a question back when its asker stops waiting, however that happens.
struct Withdraw<'a> {
    queue: &'a Queue,
    number: u64,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        if let Some(question @ Question::Waiting(..)) = state.asks.get_mut(&self.number) {
            *question = Question::Withdrawn;
            let State { lines, bytes, .. } = &mut *state;
            if let Some(place) = lines.iter().position(|line| line.ask == Some(self.number))
                && let Some(line) = lines.remove(place)
            {
                *bytes -= line.text.len();
            }
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorId::OperationCancelled, "The operation was cancelled.")
}

fn wrong(message: String) -> Error {
    Error::new(ErrorId::InvalidArgument, message)
}

/// The payload of an answer, in memory that is zeroed when dropped.
pub(super) fn secret(payload: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(payload.to_vec())
}

#[cfg(test)]
mod tests;
