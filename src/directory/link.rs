//! Connections to one controller: pipelining, time limits, repeats after a break, counting. Everything the room sends
//! goes through [`Link::call`].

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapError, LdapResult};
use tokio::sync::{Mutex, OnceCell, Semaphore};

use super::codes::{code, win32};
use super::target::{SharedTarget, Target, is_broken};
use super::types::DirectoryCounters;
use crate::error::{Error, ErrorId, Result};
use crate::operation::Cancel;

/// Requests under way on one connection.
const IN_FLIGHT: usize = 16;
/// Connections that write. Reads have one of their own: their answers are long, and a controller that waits to send
/// one must not be what a long modify waits for.
const WRITERS: usize = 2;
/// Attempts after the first when the connection breaks, some 10 s in all. A break hits everything under way on the
/// connection, so one request may be its victim several times.
const RECONNECTS: u32 = 8;
/// Attempts after the first when the controller says busy.
const BUSY_REPEATS: u32 = 6;
/// Attempts that are made even when they take longer than the time limit of one answer.
const SURE_REPEATS: u32 = 3;

/// Kinds of request, for counting and for choosing the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Search,
    Extended,
    Add,
    Modify,
    ModifyDn,
    Delete,
}

const KINDS: [(&str, bool); 7] = [
    ("bind", false),
    ("search", false),
    ("extended", false),
    ("add", true),
    ("modify", true),
    ("modifyDn", true),
    ("delete", true),
];
const BIND: usize = 0;

impl Kind {
    fn index(self) -> usize {
        match self {
            Kind::Search => 1,
            Kind::Extended => 2,
            Kind::Add => 3,
            Kind::Modify => 4,
            Kind::ModifyDn => 5,
            Kind::Delete => 6,
        }
    }

    fn writes(self) -> bool {
        KINDS[self.index()].1
    }
}

/// What went wrong below the level of LDAP results.
#[derive(Debug)]
pub(super) enum Fault {
    /// The library's error.
    Ldap(LdapError),
    /// An answer that is not LDAP.
    Malformed(&'static str),
}

impl From<LdapError> for Fault {
    fn from(error: LdapError) -> Self {
        Fault::Ldap(error)
    }
}

/// An answer with the LDAP result in it.
pub(super) trait Answer {
    /// The result.
    fn result(&self) -> &LdapResult;
}

impl Answer for LdapResult {
    fn result(&self) -> &LdapResult {
        self
    }
}

/// An answer, and how it came about.
pub(super) struct Reply<T> {
    pub answer: T,
    /// Which connection it came over.
    pub ticket: Ticket,
}

/// Names one connection for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    lane: usize,
    generation: u64,
}

struct Lane {
    slots: Semaphore,
    /// Connections tried so far.
    dials: AtomicU64,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    generation: u64,
    ldap: Option<Ldap>,
    /// What the last attempt to connect came to, if it failed.
    lost: Option<Lost>,
}

/// A connection that broke or was not to be had.
#[derive(Clone)]
struct Lost {
    error: Error,
    /// The controller was silent for the whole time limit.
    silent: bool,
}

/// How often a request was tried again, and since when.
#[derive(Default)]
struct Repeats {
    count: u32,
    since: Option<Instant>,
}

impl Repeats {
    /// Counts one more; `false` when it would be one too many, or would go on for longer than one answer may take.
    fn another(&mut self, most: u32, limit: Duration) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.count += 1;
        self.count <= most && (self.count <= SURE_REPEATS || since.elapsed() < limit)
    }
}

/// A handful of connections to one controller.
pub(super) struct Link {
    target: SharedTarget,
    address: SocketAddr,
    /// The controller's own name: a connection that reaches another one is refused.
    identity: OnceCell<String>,
    lanes: Vec<Lane>,
    next: AtomicU64,
    cancel: Cancel,
    counts: [AtomicU64; KINDS.len()],
    member_values: AtomicU64,
}

impl Link {
    /// The first connection; the others follow when they are needed.
    /// `patience`: for reaching the controller and its first word, when there are others to try.
    pub async fn open(
        target: SharedTarget,
        patience: Option<Duration>,
        cancel: Cancel,
    ) -> Result<Link> {
        let opened = cancel
            .guard(async {
                let opened = target.open(None, patience).await?;
                if let Some(patience) = patience {
                    name_of(&target, &mut opened.ldap.clone(), patience).await?;
                }
                Ok(opened)
            })
            .await?;
        let mut lanes: Vec<Lane> = (0..=WRITERS)
            .map(|_| Lane {
                slots: Semaphore::new(IN_FLIGHT),
                dials: AtomicU64::new(0),
                current: Mutex::default(),
            })
            .collect();
        if let Some(first) = lanes.first_mut() {
            first.current = Mutex::new(Current {
                generation: 1,
                ldap: Some(opened.ldap),
                lost: None,
            });
        }
        let link = Link {
            target,
            address: opened.address,
            identity: OnceCell::new(),
            lanes,
            next: AtomicU64::new(0),
            cancel,
            counts: Default::default(),
            member_values: AtomicU64::new(0),
        };
        link.counts[BIND].fetch_add(1, Ordering::Relaxed);
        Ok(link)
    }

    /// Fixes the controller's name.
    pub fn set_identity(&self, dns_host_name: &str) {
        let _ = self.identity.set(dns_host_name.to_owned());
    }

    /// `host:port`.
    pub fn server(&self) -> String {
        self.target.server()
    }

    /// The account, as given or as its ticket says.
    pub fn user(&self) -> String {
        self.target.user()
    }

    /// Adds to the number of member values written.
    pub fn count_members(&self, values: usize) {
        self.member_values
            .fetch_add(values as u64, Ordering::Relaxed);
    }

    /// What was sent so far.
    pub fn counters(&self) -> DirectoryCounters {
        let mut counters = DirectoryCounters {
            member_values: self.member_values.load(Ordering::Relaxed),
            ..DirectoryCounters::default()
        };
        for ((name, writes), count) in KINDS.iter().zip(&self.counts) {
            let count = count.load(Ordering::Relaxed);
            counters.operations += count;
            counters.writes += if *writes { count } else { 0 };
            counters.by_kind.insert(name, count);
        }
        counters
    }

    /// Sends a request and gives its answer. A broken connection is opened again, to the same controller, and the
    /// request repeated; `busy` is waited out. Only for requests that may be repeated, which here is all of them.
    ///
    /// With `pinned` the request makes sense on that connection only (the next page of a search).
    pub async fn call<T, F, R>(
        &self,
        kind: Kind,
        pinned: Option<Ticket>,
        request: F,
    ) -> Result<Reply<T>>
    where
        T: Answer,
        F: Fn(Ldap) -> R,
        R: Future<Output = std::result::Result<T, Fault>>,
    {
        let lane = match pinned {
            Some(ticket) => ticket.lane,
            None if kind.writes() => {
                1 + (self.next.fetch_add(1, Ordering::Relaxed) % WRITERS as u64) as usize
            }
            None => 0,
        };
        let Some(at) = self.lanes.get(lane) else {
            return Err(self.target.unreachable("no such connection".to_owned()));
        };
        let (mut broken, mut busy) = (Repeats::default(), Repeats::default());
        loop {
            self.cancel.check()?;
            let slot = self.cancel.guard(async { Ok(at.slots.acquire().await) });
            let _slot = slot.await?;
            let connected = self
                .cancel
                .guard(async { Ok(self.connected(lane, at).await) });
            let (ticket, ldap) = match connected.await? {
                Ok(pair) => pair,
                Err(lost) => {
                    self.repeat(&mut broken, lost).await?;
                    continue;
                }
            };
            if pinned.is_some_and(|pinned| pinned != ticket) {
                return Err(Error::new(
                    ErrorId::SourceReadIncomplete,
                    format!(
                        "The connection to {} broke off in the middle of a paged read.",
                        self.server()
                    ),
                )
                .target(self.server()));
            }
            self.counts[kind.index()].fetch_add(1, Ordering::Relaxed);
            let sent = contained(request(ldap));
            let answered = self
                .cancel
                .guard(async { Ok(tokio::time::timeout(self.limit(kind), sent).await) })
                .await?;
            let (error, silent) = match answered {
                Ok(Ok(answer)) => {
                    let result = answer.result();
                    match result.rc {
                        code::BUSY | code::UNAVAILABLE
                            if busy.another(BUSY_REPEATS, self.timeout()) =>
                        {
                            self.pause(busy.count).await?;
                            continue;
                        }
                        // "a successful bind must be completed": the controller forgot who we are.
                        code::OPERATIONS_ERROR if win32(&result.text) == Some(0x4dc) => (
                            self.target
                                .unreachable("it has ended the session".to_owned()),
                            false,
                        ),
                        _ => {
                            return Ok(Reply { answer, ticket });
                        }
                    }
                }
                Ok(Err(Fault::Ldap(error))) if !is_broken(&error) => {
                    return Err(Error::new(
                        ErrorId::InvalidArgument,
                        "The request can't be put into LDAP.",
                    )
                    .caused_by(&error));
                }
                Ok(Err(Fault::Ldap(error))) => {
                    let late = matches!(error, LdapError::Timeout { .. });
                    let lost = self
                        .target
                        .unreachable("the connection broke off".to_owned());
                    (lost.caused_by(&error), late)
                }
                Ok(Err(Fault::Malformed(what))) => (
                    self.target.unreachable(format!("it answered with {what}")),
                    false,
                ),
                Err(_) => (
                    self.target.unreachable(format!(
                        "no answer within {} s",
                        self.limit(kind).as_secs_f32().ceil()
                    )),
                    true,
                ),
            };
            self.drop_connection(at, ticket).await;
            self.repeat(&mut broken, Lost { error, silent }).await?;
        }
    }

    /// Waits before a request is tried over another connection, or gives it up.
    async fn repeat(&self, broken: &mut Repeats, lost: Lost) -> Result<()> {
        if lost.error.id != ErrorId::DirectoryUnavailable {
            return Err(lost.error);
        }
        if lost.silent {
            // A controller that is silent for the whole time limit gets one more chance, not all.
            broken.count += RECONNECTS - 1;
        }
        if !broken.another(RECONNECTS, self.timeout()) {
            return Err(lost.error);
        }
        self.pause(broken.count).await
    }

    /// A search sends many messages, each within the limit; the rest is one answer.
    fn limit(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Search => self.target.timeout * 10,
            _ => self.target.timeout,
        }
    }

    /// Time limit of one answer.
    pub fn timeout(&self) -> Duration {
        self.target.timeout
    }

    async fn connected(&self, lane: usize, at: &Lane) -> std::result::Result<(Ticket, Ldap), Lost> {
        let seen = at.dials.load(Ordering::Acquire);
        let mut current = at.current.lock().await;
        let generation = current.generation;
        if let Some(ldap) = &mut current.ldap
            && !ldap.is_closed()
        {
            let ticket = Ticket { lane, generation };
            return Ok((ticket, ldap.clone()));
        }
        // What another request's attempt came to while this one waited for it holds for both: each trying for itself,
        // one after the other, a silent controller would be waited for by all of them in turn.
        if at.dials.load(Ordering::Acquire) > seen
            && let Some(lost) = &current.lost
        {
            return Err(lost.clone());
        }
        at.dials.fetch_add(1, Ordering::AcqRel);
        let begun = Instant::now();
        match self.dial().await {
            Ok(ldap) => {
                let generation = generation + 1;
                *current = Current {
                    generation,
                    ldap: Some(ldap.clone()),
                    lost: None,
                };
                Ok((Ticket { lane, generation }, ldap))
            }
            Err(error) => {
                let silent = begun.elapsed() >= self.timeout();
                let lost = Lost { error, silent };
                current.lost = Some(lost.clone());
                Err(lost)
            }
        }
    }

    /// A new connection to the same controller.
    async fn dial(&self) -> Result<Ldap> {
        let opened = self.target.open(Some(self.address), None).await?;
        self.counts[BIND].fetch_add(1, Ordering::Relaxed);
        let mut ldap = opened.ldap;
        self.recognise(&mut ldap).await?;
        Ok(ldap)
    }

    /// One address may stand for several controllers; USNs and fresh writes are those of one.
    async fn recognise(&self, ldap: &mut Ldap) -> Result<()> {
        let Some(expected) = self.identity.get() else {
            return Ok(());
        };
        let name = name_of(&self.target, ldap, self.target.timeout).await?;
        self.counts[Kind::Search.index()].fetch_add(1, Ordering::Relaxed);
        match name {
            Some(name) if name.eq_ignore_ascii_case(expected) => Ok(()),
            Some(name) => Err(self.target.unreachable(format!(
                "another controller ({name}) answers there now, the run belongs to {expected}"
            ))),
            None => Err(self
                .target
                .unreachable("it doesn't give its name".to_owned())),
        }
    }

    /// Whether the controller still answers, over the connection that is there.
    pub async fn is_alive(&self, patience: Duration) -> bool {
        let Some(lane) = self.lanes.first() else {
            return false;
        };
        let Some(mut ldap) = lane.current.lock().await.ldap.clone() else {
            return false;
        };
        if ldap.is_closed() {
            return false;
        }
        self.counts[Kind::Search.index()].fetch_add(1, Ordering::Relaxed);
        name_of(&self.target, &mut ldap, patience).await.is_ok()
    }

    async fn drop_connection(&self, at: &Lane, ticket: Ticket) {
        let mut current = at.current.lock().await;
        if current.generation == ticket.generation {
            current.ldap = None;
        }
    }

    /// Waits before attempt `n`: 100 ms doubling, at most 5 s, give or take half.
    async fn pause(&self, n: u32) -> Result<()> {
        let base = 100u64.saturating_mul(1 << n.min(6)).min(5000) / 2;
        let wait = Duration::from_millis(base / 2 + random() % base.max(1));
        self.cancel
            .guard(async {
                tokio::time::sleep(wait).await;
                Ok(())
            })
            .await
    }
}

/// The controller's own name, which it tells at once or not at all.
async fn name_of(target: &Target, ldap: &mut Ldap, patience: Duration) -> Result<Option<String>> {
    ldap.with_timeout(patience);
    let found = ldap
        .search("", ldap3::Scope::Base, "(objectClass=*)", ["dnsHostName"])
        .await
        .map_err(|e| {
            target
                .unreachable("the connection broke off".to_owned())
                .caused_by(&e)
        })?;
    Ok(found
        .0
        .into_iter()
        .find_map(|e| super::entry::Entry::from_ber(e.0))
        .and_then(|e| e.text("dnsHostName").map(str::to_owned)))
}

/// Any number: hash maps' seeds are random.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

/// The LDAP library asserts that answers are well-formed; a panic about one that isn't ends the request, not the run.
async fn contained<T>(
    work: impl Future<Output = std::result::Result<T, Fault>>,
) -> std::result::Result<T, Fault> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        let step = AssertUnwindSafe(|| work.as_mut().poll(context));
        match std::panic::catch_unwind(step) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(Err(Fault::Malformed("a malformed message"))),
        }
    })
    .await
}
