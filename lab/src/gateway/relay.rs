//! One client of the gateway, in clear or in TLS.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use super::Gateway;
use super::glance::{Asked, Proof, Work, request};
use super::upward::Upward;
use crate::directory::results::{Failure, code};
use crate::ldap::counters::Kind;
use crate::ldap::faults::{Closing, Disturbance};
use crate::ldap::message::{self, Answer, extended, response};
use crate::ldap::stream::{End, Messages, Queue, pump};

/// Longest request that is passed on; the directory behind has a limit of its own below this.
const LONGEST_REQUEST: usize = 64 << 20;

/// One conversation.
pub struct Relay {
    gateway: Gateway,
    controller: usize,
    secure: bool,
    upward: Option<Upward>,
    delayed: JoinSet<()>,
    waiting: HashMap<i32, AbortHandle>,
    kill: Arc<Notify>,
}

/// What to do after a request.
enum Next {
    Continue,
    Close,
    /// Close as the directory behind did: what came from there is passed on, and no farewell.
    Break,
    StartTls,
}

impl Relay {
    /// A conversation with nobody bound yet.
    pub fn new(gateway: Gateway, controller: usize, secure: bool) -> Self {
        Self {
            gateway,
            controller,
            secure,
            upward: None,
            delayed: JoinSet::new(),
            waiting: HashMap::new(),
            kill: Arc::default(),
        }
    }

    /// Talks until the client leaves; gives the stream back when TLS is to be started on it.
    pub async fn converse<S>(mut self, stream: S) -> Option<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let mut pumping = JoinSet::new();
        let out = pump(&mut pumping, writer);
        let mut messages = Messages::new(reader, LONGEST_REQUEST);
        let kill = Arc::clone(&self.kill);
        let next = loop {
            let message = tokio::select! {
                biased;
                () = kill.notified() => return None,
                _ = pumping.join_next() => return None,
                () = ended(self.upward.as_ref()) => break Next::Break,
                message = messages.next() => message,
            };
            let next = match message {
                Ok(message) => self.handle(message, &out).await,
                Err(End::Wrong(comment)) => farewell(&out, Failure::protocol(comment)).await,
                Err(End::Closed) => Next::Close,
            };
            if !matches!(next, Next::Continue) {
                break next;
            }
        };
        drop((self, out));
        let pumped = tokio::time::timeout(Duration::from_secs(5), pumping.join_next()).await;
        let mut writer = pumped.ok()??.ok()??;
        match next {
            Next::StartTls => return Some(messages.into_inner().unsplit(writer)),
            Next::Close => {
                let _ = tokio::time::timeout(Duration::from_secs(1), writer.shutdown()).await;
            }
            Next::Break | Next::Continue => {}
        }
        None
    }

    async fn handle(&mut self, message: Bytes, out: &Queue) -> Next {
        let Ok(request) = request(&message) else {
            return farewell(out, Failure::protocol("The request could not be decoded")).await;
        };
        let id = request.id;
        match request.asked {
            Asked::Work(work) => return self.work(id, work, message, out).await,
            Asked::Unbind => {
                if let Some(upward) = &self.upward {
                    upward.send(message).await;
                }
                return Next::Close;
            }
            Asked::Abandon(other) => match (self.waiting.remove(&other), &self.upward) {
                (Some(waiting), _) => waiting.abort(),
                (None, Some(upward)) => upward.send(message).await,
                (None, None) => {}
            },
            Asked::StartTls => {
                let (answer, next) = match self.secure {
                    false => (Answer::default(), Next::StartTls),
                    true => (Failure::tls_in_place().into(), Next::Continue),
                };
                let answer = extended(id, &answer, Some(message::START_TLS), None);
                let _ = out.send(answer.into()).await;
                return next;
            }
            Asked::Extended => match self.upward(out).await {
                Ok(upward) => upward.send(message).await,
                Err(failure) => return farewell(out, failure).await,
            },
        }
        Next::Continue
    }

    async fn work(&mut self, id: i32, work: Work, message: Bytes, out: &Queue) -> Next {
        let front = self.gateway.front();
        let disturbance = front.request(self.controller, work.kind, work.later_slice);
        if work.kind == Kind::Bind {
            return self.bind(id, work, disturbance, message, out).await;
        }
        let local = disturbance.answer.is_some() || disturbance.close == Some(Closing::Before);
        let upward = match local {
            true => None,
            false => match self.upward(out).await {
                Ok(upward) => Some(upward.clone()),
                Err(failure) => return farewell(out, failure).await,
            },
        };
        let delay = disturbance.delay;
        let job = Job {
            id,
            work,
            disturbance,
            message,
            upward,
            kill: Arc::clone(&self.kill),
            out: out.clone(),
        };
        let Some(delay) = delay else {
            job.run().await;
            return Next::Continue;
        };
        self.waiting.retain(|_, waiting| !waiting.is_finished());
        let waiting = self.delayed.spawn(async move {
            tokio::time::sleep(delay).await;
            job.run().await;
        });
        self.waiting.insert(id, waiting);
        Next::Continue
    }

    async fn bind(
        &mut self,
        id: i32,
        work: Work,
        disturbance: Disturbance,
        message: Bytes,
        out: &Queue,
    ) -> Next {
        if let Some(delay) = disturbance.delay {
            tokio::time::sleep(delay).await;
        }
        if disturbance.close.is_some() {
            return Next::Close;
        }
        // The connection behind is always in TLS: what this client sent in clear must not profit from that.
        let refusal = match (self.secure, work.proof) {
            _ if disturbance.answer.is_some() => disturbance.answer.clone(),
            (true, _) | (_, Proof::None) => None,
            (false, Proof::Password) => Some(Failure::needs_signing().into()),
            (false, Proof::Other) => Some(Failure::auth_method().into()),
        };
        if let Some(answer) = refusal {
            // Whoever was bound is no longer.
            self.upward = None;
            let answer = response(id, work.answer, &answer, &[]);
            let _ = out.send(answer.into()).await;
            return Next::Continue;
        }
        match self.upward(out).await {
            Ok(upward) => upward.ask(id, &work, &disturbance, message).await,
            Err(failure) => return farewell(out, failure).await,
        }
        Next::Continue
    }

    /// The connection to the directory behind, opened when it is first needed.
    async fn upward(&mut self, out: &Queue) -> Result<&Upward, Failure> {
        let upward = match self.upward.take() {
            Some(upward) => upward,
            None => {
                let (gateway, kill) = (self.gateway.clone(), Arc::clone(&self.kill));
                let connected = Upward::connect(gateway, out.clone(), kill).await;
                connected.map_err(|error| {
                    let text =
                        format!("The directory behind the gateway can't be reached: {error}");
                    Failure::new(code::UNAVAILABLE, text)
                })?
            }
        };
        Ok(self.upward.insert(upward))
    }
}

async fn ended(upward: Option<&Upward>) {
    match upward {
        Some(upward) => upward.ended().await,
        None => std::future::pending().await,
    }
}

async fn farewell(out: &Queue, failure: Failure) -> Next {
    let notice = message::disconnection(&failure.into());
    let _ = out.send(notice.into()).await;
    Next::Close
}

/// One request with all it needs to be answered here or passed on.
struct Job {
    id: i32,
    work: Work,
    disturbance: Disturbance,
    message: Bytes,
    /// Where to pass it on; absent when a fault answers.
    upward: Option<Upward>,
    kill: Arc<Notify>,
    out: Queue,
}

impl Job {
    async fn run(self) {
        let disturbance = &self.disturbance;
        match (&self.upward, &disturbance.answer) {
            (Some(upward), _) => {
                upward
                    .ask(self.id, &self.work, disturbance, self.message)
                    .await;
            }
            (None, Some(answer)) if disturbance.close != Some(Closing::Before) => {
                let answer = response(self.id, self.work.answer, answer, &[]);
                let _ = self.out.send(answer.into()).await;
            }
            (None, _) => self.kill.notify_one(),
        }
    }
}
