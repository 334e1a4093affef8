//! The way up: one connection to the directory behind, with what is asked there and not yet answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::glance::{Told, Work, reply};
use super::{Gateway, Upstream};
use crate::directory::results::Failure;
use crate::ldap::counters::{Counters, Kind};
use crate::ldap::faults::{Closing, Disturbance};
use crate::ldap::message::{response, tags};
use crate::ldap::stream::{Messages, Outgoing, Queue, pump};

/// Longest message that is taken from the directory behind; a group with all its members fits.
const LONGEST_ANSWER: usize = 1 << 30;

type Stream = TlsStream<TcpStream>;

/// A connection to the directory behind. It outlives its client until every write that was passed on is
/// answered: what the directory did is counted, whether anybody heard of it or not.
#[derive(Clone)]
pub struct Upward {
    queue: Queue,
    exchange: Arc<Exchange>,
}

/// What both directions of a connection share.
struct Exchange {
    asked: Mutex<HashMap<i32, Asked>>,
    ended: Notify,
}

/// A request that was passed on.
struct Asked {
    kind: Kind,
    members: u64,
    close: Option<Closing>,
    cut: Option<usize>,
    entries: usize,
    /// The client had its answer already.
    over: bool,
}

/// What becomes of an answer.
enum Verdict {
    Pass,
    Swallow,
    Instead(Vec<u8>),
    /// Half of it, and the connection ends.
    Half,
    Kill,
}

impl Upward {
    /// Connects. Answers go to `client`; `kill` tells that its connection must be dropped.
    pub async fn connect(
        gateway: Gateway,
        client: Queue,
        kill: Arc<Notify>,
    ) -> std::io::Result<Self> {
        let Upstream { address, name, tls } = gateway.upstream().clone();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(tls).connect(name, stream).await?;
        let (reader, writer) = tokio::io::split(stream);
        let mut writing = JoinSet::new();
        let queue = pump(&mut writing, writer);
        let exchange = Arc::new(Exchange {
            asked: Mutex::default(),
            ended: Notify::new(),
        });
        let answers = Answers {
            gateway,
            exchange: Arc::clone(&exchange),
            client,
            kill,
        };
        tokio::spawn(async move {
            answers.carry(reader, writing).await;
            answers.exchange.ended.notify_one();
        });
        Ok(Self { queue, exchange })
    }

    /// Waits until the directory behind closed the connection.
    pub async fn ended(&self) {
        self.exchange.ended.notified().await;
    }

    /// Passes a request on whose answer is looked at.
    pub async fn ask(&self, id: i32, work: &Work, disturbance: &Disturbance, message: Bytes) {
        let asked = Asked {
            kind: work.kind,
            members: work.members,
            close: disturbance.close,
            cut: disturbance.cut,
            entries: 0,
            over: false,
        };
        self.exchange.asked().insert(id, asked);
        self.send(message).await;
    }

    /// Passes a message on.
    pub async fn send(&self, message: Bytes) {
        // When the connection is gone, `ended` tells.
        let _ = self.queue.send(Outgoing::Message(message)).await;
    }
}

impl Exchange {
    fn asked(&self) -> MutexGuard<'_, HashMap<i32, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writes_are_open(&self) -> bool {
        self.asked().values().any(|asked| asked.kind.writes())
    }
}

/// Carries answers down.
struct Answers {
    gateway: Gateway,
    exchange: Arc<Exchange>,
    client: Queue,
    kill: Arc<Notify>,
}

impl Answers {
    async fn carry(
        &self,
        reader: ReadHalf<Stream>,
        mut writing: JoinSet<Option<WriteHalf<Stream>>>,
    ) {
        let mut messages = Messages::new(reader, LONGEST_ANSWER);
        let mut writer = None;
        // Nobody can ask any more when the writer comes back.
        while !writing.is_empty() || self.exchange.writes_are_open() {
            tokio::select! {
                message = messages.next() => match message {
                    Ok(message) => self.hand_down(message).await,
                    Err(_) => break,
                },
                Some(finished) = writing.join_next() => writer = finished.ok().flatten(),
            }
        }
        if let Some(mut writer) = writer {
            let _ = tokio::time::timeout(Duration::from_secs(1), writer.shutdown()).await;
        }
    }

    async fn hand_down(&self, message: Bytes) {
        let outgoing = match self.judge(&message) {
            Verdict::Pass => Outgoing::Message(message),
            Verdict::Swallow => return,
            Verdict::Instead(other) => other.into(),
            Verdict::Half => Outgoing::Last(message.slice(..message.len() / 2)),
            Verdict::Kill => return self.kill.notify_one(),
        };
        // A client that is gone doesn't keep answers from being counted.
        let _ = self.client.send(outgoing).await;
    }

    fn judge(&self, message: &[u8]) -> Verdict {
        let Ok(reply) = reply(message) else {
            return Verdict::Pass;
        };
        let counters = &self.gateway.front().counters;
        let mut open = self.exchange.asked();
        match reply.told {
            Told::Done { success } => {
                let Some(asked) = open.remove(&reply.id) else {
                    return Verdict::Pass;
                };
                if success && asked.kind.writes() {
                    counters.write(asked.members);
                }
                match asked.close {
                    _ if asked.over => Verdict::Swallow,
                    None => Verdict::Pass,
                    Some(Closing::Amid) => Verdict::Half,
                    Some(Closing::Before | Closing::After) => Verdict::Kill,
                }
            }
            Told::More => match open.get(&reply.id) {
                Some(asked) if asked.over || asked.close.is_some() => Verdict::Swallow,
                _ => Verdict::Pass,
            },
            Told::Entry { members } => {
                if let Some(asked) = open.get_mut(&reply.id) {
                    if asked.over {
                        return Verdict::Swallow;
                    }
                    if asked.cut.is_some_and(|most| asked.entries >= most) {
                        asked.over = true;
                        let answer = Failure::size_limit().into();
                        return Verdict::Instead(response(
                            reply.id,
                            tags::SEARCH_DONE,
                            &answer,
                            &[],
                        ));
                    }
                    asked.entries += 1;
                }
                Counters::count(&counters.member_reads, u64::from(members));
                Verdict::Pass
            }
        }
    }
}
