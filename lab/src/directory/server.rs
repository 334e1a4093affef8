//! Request room: connections: reading requests, answering them in order of arrival or as they finish.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::Directory;
use super::results::{Failure, code};
use super::session::{Found, kind};
use crate::ldap::counters::{Counters, Kind};
use crate::ldap::faults::{Closing, Disturbance};
use crate::ldap::front::{Front, fronted};
use crate::ldap::message::{
    self, Answer, Operation, Request, SearchRequest, decode, entry, extended, reference, response,
    tags,
};
use crate::ldap::stream::{End, Messages, Outgoing, Queue, pump, receive};

/// Searches and delayed requests of one connection that run at a time.
const CONCURRENT: usize = 64;

fronted!(Directory);

impl Directory {
    /// What clients meet first.
    pub(crate) fn front(&self) -> &Front {
        &self.0.front
    }

    /// Serves clients as one of two controllers until `shutdown` becomes true or its sender goes away.
    pub async fn serve_as(
        self,
        controller: usize,
        listeners: [TcpListener; 2],
        tls: Arc<rustls::ServerConfig>,
        shutdown: watch::Receiver<bool>,
    ) {
        let talk = |guest| {
            let (clear, secure) = (self.clone(), self.clone());
            let clear = move |stream| Connection::new(clear, controller, false).converse(stream);
            let secure = async move |stream| {
                Connection::new(secure, controller, true)
                    .converse(stream)
                    .await;
            };
            receive(guest, Arc::clone(&tls), clear, secure)
        };
        self.front()
            .serve(controller, listeners, shutdown, talk)
            .await;
    }
}

/// One conversation, in clear or in TLS.
struct Connection {
    directory: Directory,
    controller: usize,
    secure: bool,
    who: Option<String>,
    running: Arc<Mutex<HashMap<i32, Arc<AtomicBool>>>>,
    slots: Arc<Semaphore>,
    kill: Arc<Notify>,
}

/// What to do after a request.
enum Next {
    Continue,
    Close,
    StartTls,
}

impl Drop for Connection {
    /// Nothing is done any more for a client that is gone.
    fn drop(&mut self) {
        self.jobs()
            .drain()
            .for_each(|(_, flag)| flag.store(true, Ordering::Relaxed));
    }
}

impl Connection {
    fn new(directory: Directory, controller: usize, secure: bool) -> Self {
        Self {
            directory,
            controller,
            secure,
            who: None,
            running: Arc::default(),
            slots: Arc::new(Semaphore::new(CONCURRENT)),
            kill: Arc::default(),
        }
    }

    /// Talks until the client leaves; gives the stream back when TLS is to be started on it.
    async fn converse<S>(mut self, stream: S) -> Option<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let mut pumping = JoinSet::new();
        let out = pump(&mut pumping, writer);
        let mut messages = Messages::new(reader, self.directory.limits().max_receive_buffer);
        let kill = Arc::clone(&self.kill);
        let next = loop {
            let message = tokio::select! {
                biased;
                () = kill.notified() => return None,
                _ = pumping.join_next() => return None,
                message = messages.next() => message,
            };
            let next = match message.map(|message| decode(&message)) {
                Ok(Ok(request)) => self.handle(request, &out).await,
                Ok(Err(_)) => farewell(&out, "The request could not be decoded").await,
                Err(End::Wrong(comment)) => farewell(&out, comment).await,
                Err(End::Closed) => Next::Close,
            };
            if !matches!(next, Next::Continue) {
                break next;
            }
        };
        let start_tls = matches!(next, Next::StartTls);
        drop((self, out));
        let pumped = tokio::time::timeout(Duration::from_secs(5), pumping.join_next()).await;
        let mut writer = pumped.ok()??.ok()??;
        if start_tls {
            return Some(messages.into_inner().unsplit(writer));
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), writer.shutdown()).await;
        None
    }

    async fn handle(&mut self, request: Request, out: &Queue) -> Next {
        let id = request.id;
        match &request.operation {
            Operation::Unbind => return Next::Close,
            Operation::Abandon(other) => {
                if let Some(flag) = self.jobs().remove(other) {
                    flag.store(true, Ordering::Relaxed);
                }
                return Next::Continue;
            }
            Operation::Extended { oid, .. } => return self.extended(id, oid, out).await,
            _ => {}
        }
        let Some((kind, tag)) = kind(&request.operation) else {
            return Next::Continue;
        };
        let later = matches!(&request.operation, Operation::Search(search)
            if search.attributes.iter().any(|name| message::later_slice(name)));
        let front = self.directory.front();
        let disturbance = front.request(self.controller, kind, later);
        let job = Job {
            directory: self.directory.clone(),
            controller: self.controller,
            who: self.who.clone(),
            request,
            kind,
            tag,
            disturbance,
            cancelled: Arc::default(),
            kill: Arc::clone(&self.kill),
            out: out.clone(),
        };
        if kind == Kind::Bind {
            return self.bind(job).await;
        }
        if kind != Kind::Search && job.disturbance.delay.is_none() {
            job.run().await;
            return Next::Continue;
        }
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Next::Close;
        };
        self.jobs().insert(id, Arc::clone(&job.cancelled));
        let running = Arc::clone(&self.running);
        tokio::spawn(async move {
            let mine = Arc::clone(&job.cancelled);
            job.run().await;
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            if running
                .get(&id)
                .is_some_and(|flag| Arc::ptr_eq(flag, &mine))
            {
                running.remove(&id);
            }
            drop(slot);
        });
        Next::Continue
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<i32, Arc<AtomicBool>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn bind(&mut self, job: Job) -> Next {
        if let Some(delay) = job.disturbance.delay {
            tokio::time::sleep(delay).await;
        }
        if job.disturbance.close.is_some() {
            return Next::Close;
        }
        self.who = None;
        let Operation::Bind {
            version,
            name,
            credentials,
        } = &job.request.operation
        else {
            return Next::Continue;
        };
        let answer = match job.disturbance.answer.clone() {
            Some(answer) => answer,
            None => match self
                .directory
                .bind(*version, name, credentials, self.secure)
            {
                Ok(who) => {
                    self.who = who;
                    Answer::default()
                }
                Err(failure) => failure.into(),
            },
        };
        job.send(response(job.request.id, tags::BIND, &answer, &[]))
            .await;
        Next::Continue
    }

    async fn extended(&self, id: i32, oid: &str, out: &Queue) -> Next {
        let done = Answer::default();
        match oid {
            message::WHO_AM_I => {
                let name = self.directory.who_am_i(self.who.as_deref());
                let answer = extended(id, &done, None, Some(name.as_bytes()));
                let _ = out.send(answer.into()).await;
            }
            message::START_TLS if !self.secure => {
                let answer = extended(id, &done, Some(message::START_TLS), None);
                let _ = out.send(answer.into()).await;
                return Next::StartTls;
            }
            message::START_TLS => {
                let answer = Failure::tls_in_place().into();
                let answer = extended(id, &answer, Some(message::START_TLS), None);
                let _ = out.send(answer.into()).await;
            }
            _ => {
                let text = "0000203D: LdapErr: DSID-0C0910B8, comment: Unknown extended request OID, data 0, v4563";
                let answer = Failure::new(code::PROTOCOL_ERROR, text).into();
                let _ = out.send(extended(id, &answer, None, None).into()).await;
            }
        }
        Next::Continue
    }
}

async fn farewell(out: &Queue, comment: &str) -> Next {
    let answer = Failure::protocol(comment).into();
    let _ = out.send(message::disconnection(&answer).into()).await;
    Next::Close
}

/// One request with all it needs to be answered on its own.
struct Job {
    directory: Directory,
    controller: usize,
    who: Option<String>,
    request: Request,
    kind: Kind,
    tag: u8,
    disturbance: Disturbance,
    cancelled: Arc<AtomicBool>,
    kill: Arc<Notify>,
    out: Queue,
}

impl Job {
    async fn send(&self, bytes: Vec<u8>) -> bool {
        !self.cancelled.load(Ordering::Relaxed) && self.out.send(bytes.into()).await.is_ok()
    }

    async fn answer(&self, answer: &Answer) {
        self.send(response(self.request.id, self.tag, answer, &[]))
            .await;
    }

    /// Sends the answer to work that was done, unless a fault is in the way.
    async fn finish(&self, answer: Vec<u8>) {
        match self.disturbance.close {
            None => {
                self.send(answer).await;
            }
            Some(Closing::Amid) => {
                let half = answer[..answer.len() / 2].to_vec();
                let _ = self.out.send(Outgoing::Last(half.into())).await;
            }
            Some(_) => self.kill.notify_one(),
        }
    }

    async fn run(&self) {
        if let Some(delay) = self.disturbance.delay {
            tokio::time::sleep(delay).await;
        }
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        if self.disturbance.close == Some(Closing::Before) {
            self.kill.notify_one();
            return;
        }
        if let Some(answer) = &self.disturbance.answer {
            return self.answer(answer).await;
        }
        if let Operation::Search(search) = &self.request.operation {
            return self.search(search).await;
        }
        let (operation, controls) = (&self.request.operation, &self.request.controls);
        let result =
            self.directory
                .perform(self.controller, self.who.as_deref(), operation, controls);
        debug_assert!(self.kind.writes() || self.kind == Kind::Compare);
        let answer = result.unwrap_or_else(Into::into);
        self.finish(response(self.request.id, self.tag, &answer, &[]))
            .await;
    }

    async fn search(&self, request: &SearchRequest) {
        let (id, controls) = (self.request.id, &self.request.controls);
        let who = self.who.as_deref();
        let done = |answer: &Answer| response(id, self.tag, answer, &[]);
        let found = self
            .directory
            .search(self.controller, who, request, controls);
        let (mut search, who) = match found {
            Err(failure) => return self.finish(done(&failure.into())).await,
            Ok(Found::Root(root)) => {
                if let Some(attributes) = root {
                    self.send(entry(id, "", &attributes)).await;
                }
                return self.finish(done(&Answer::default())).await;
            }
            Ok(Found::Entries(search, who)) => (search, who),
        };
        let mut sent = 0;
        let member_reads = &self.directory.front().counters.member_reads;
        loop {
            let step = self
                .directory
                .reading(self.controller, |store| search.step(store, &who, id));
            for entry in step.entries {
                if self.disturbance.cut.is_some_and(|most| sent >= most) {
                    return self.answer(&Failure::size_limit().into()).await;
                }
                if !self.send(entry.message).await {
                    return;
                }
                Counters::count(member_reads, u64::from(entry.members));
                sent += 1;
            }
            let Some(done) = step.done else {
                tokio::task::yield_now().await;
                continue;
            };
            if done.failure.is_none() && self.disturbance.close.is_none() {
                for uri in &search.references {
                    self.send(reference(id, uri)).await;
                }
            }
            let answer = done.failure.map_or_else(Answer::default, Into::into);
            return self
                .finish(response(id, self.tag, &answer, &done.controls))
                .await;
        }
    }
}
