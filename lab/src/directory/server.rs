//! Request room: connections: reading requests, answering them in order of arrival or as they finish.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::Directory;
use super::counters::{Counters, Kind};
use super::faults::Disturbance;
use super::output::split_range;
use super::results::{Failure, code};
use super::session::{Found, kind};
use super::wire::ber;
use super::wire::message::{
    self, Answer, Operation, Request, SearchRequest, decode, entry, extended, reference, response,
    tags,
};

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
const DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
/// Searches and delayed requests of one connection that run at a time.
const CONCURRENT: usize = 64;

impl Directory {
    /// Serves clients until `shutdown` becomes true or its sender goes away.
    pub async fn serve(
        self,
        ldap: TcpListener,
        ldaps: TcpListener,
        tls: Arc<rustls::ServerConfig>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let acceptor = TlsAcceptor::from(tls);
        loop {
            let (accepted, secure) = tokio::select! {
                accepted = ldap.accept() => (accepted, false),
                accepted = ldaps.accept() => (accepted, true),
                changed = shutdown.changed() => {
                    if changed.is_err() || *shutdown.borrow() {
                        return;
                    }
                    continue;
                }
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let (directory, acceptor) = (self.clone(), acceptor.clone());
            let mut shutdown = shutdown.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = directory.connection(stream, acceptor, secure) => {}
                    _ = shutdown.wait_for(|stop| *stop) => {}
                }
            });
        }
    }

    async fn connection(&self, stream: TcpStream, acceptor: TlsAcceptor, secure: bool) {
        Counters::count(&self.0.counters.connections, 1);
        // Small answers are not held back for more to come.
        let _ = stream.set_nodelay(true);
        if secure {
            if let Ok(stream) = acceptor.accept(stream).await {
                Connection::new(self.clone(), true).converse(stream).await;
            }
            return;
        }
        let plain = Connection::new(self.clone(), false).converse(stream).await;
        if let Some(stream) = plain
            && let Ok(stream) = acceptor.accept(stream).await
        {
            Connection::new(self.clone(), true).converse(stream).await;
        }
    }
}

type Queue = mpsc::Sender<Vec<u8>>;

/// One conversation, in clear or in TLS.
struct Connection {
    directory: Directory,
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

impl Connection {
    fn new(directory: Directory, secure: bool) -> Self {
        Self {
            directory,
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
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (out, mut queue) = mpsc::channel::<Vec<u8>>(64);
        let pump = tokio::spawn(async move {
            while let Some(mut bytes) = queue.recv().await {
                while bytes.len() < 64 * 1024 {
                    match queue.try_recv() {
                        Ok(more) => bytes.extend_from_slice(&more),
                        Err(_) => break,
                    }
                }
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
            }
            writer
        });
        let kill = Arc::clone(&self.kill);
        let mut buffer = BytesMut::with_capacity(16 * 1024);
        let next = loop {
            match self.frame(&mut buffer) {
                Ok(Some(frame)) => {
                    let Ok(request) = decode(&frame) else {
                        farewell(&out, "The request could not be decoded").await;
                        break Next::Close;
                    };
                    match self.handle(request, &out).await {
                        Next::Continue => continue,
                        end => break end,
                    }
                }
                Ok(None) => {}
                Err(comment) => {
                    farewell(&out, comment).await;
                    break Next::Close;
                }
            }
            tokio::select! {
                read = reader.read_buf(&mut buffer) => match read {
                    Ok(0) | Err(_) => break Next::Close,
                    Ok(_) => {}
                },
                () = kill.notified() => {
                    pump.abort();
                    break Next::Close;
                }
            }
        };
        if !matches!(next, Next::StartTls) {
            self.cancel_all();
        }
        drop(out);
        let writer = tokio::time::timeout(Duration::from_secs(5), pump).await;
        let Ok(Ok(mut writer)) = writer else {
            return None;
        };
        if matches!(next, Next::StartTls) {
            return Some(reader.unsplit(writer));
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), writer.shutdown()).await;
        None
    }

    /// Takes one whole message from the buffer, if there is one.
    fn frame(&self, buffer: &mut BytesMut) -> Result<Option<Vec<u8>>, &'static str> {
        let most = self.directory.limits().max_receive_buffer;
        match ber::header(buffer) {
            Ok(None) => Ok(None),
            Ok(Some((ber::SEQUENCE, head, length))) => {
                if length > most {
                    return Err("The request is larger than MaxReceiveBuffer");
                }
                if buffer.len() < head + length {
                    buffer.reserve(head + length - buffer.len());
                    return Ok(None);
                }
                let frame = buffer[..head + length].to_vec();
                buffer.advance(head + length);
                Ok(Some(frame))
            }
            _ => Err("The request is not an LDAP message"),
        }
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
        self.directory.0.counters.operation(kind);
        let later = matches!(&request.operation, Operation::Search(search) if later_slice(search));
        let disturbance = self.directory.0.faults.strike(kind, later);
        let job = Job {
            directory: self.directory.clone(),
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

    fn cancel_all(&self) {
        self.jobs()
            .drain()
            .for_each(|(_, flag)| flag.store(true, Ordering::Relaxed));
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
            WHO_AM_I => {
                let name = self.directory.who_am_i(self.who.as_deref());
                let _ = out
                    .send(extended(id, &done, None, Some(name.as_bytes())))
                    .await;
            }
            START_TLS if !self.secure => {
                let _ = out.send(extended(id, &done, Some(START_TLS), None)).await;
                return Next::StartTls;
            }
            START_TLS => {
                let text = "00000000: LdapErr: DSID-0C0910FB, comment: TLS or SSL already in effect, data 0, v4563";
                let answer = Failure::new(code::OPERATIONS_ERROR, text).into();
                let _ = out.send(extended(id, &answer, Some(START_TLS), None)).await;
            }
            _ => {
                let text = "0000203D: LdapErr: DSID-0C0910B8, comment: Unknown extended request OID, data 0, v4563";
                let answer = Failure::new(code::PROTOCOL_ERROR, text).into();
                let _ = out.send(extended(id, &answer, None, None)).await;
            }
        }
        Next::Continue
    }
}

fn later_slice(search: &SearchRequest) -> bool {
    let range = |name: &String| split_range(name).1.is_some_and(|range| range.from > 0);
    search.attributes.iter().any(range)
}

async fn farewell(out: &Queue, comment: &str) {
    let answer = Failure::protocol(comment).into();
    let _ = out
        .send(extended(0, &answer, Some(DISCONNECTION), None))
        .await;
}

/// One request with all it needs to be answered on its own.
struct Job {
    directory: Directory,
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
        !self.cancelled.load(Ordering::Relaxed) && self.out.send(bytes).await.is_ok()
    }

    async fn answer(&self, answer: &Answer) {
        self.send(response(self.request.id, self.tag, answer, &[]))
            .await;
    }

    async fn run(&self) {
        if let Some(delay) = self.disturbance.delay {
            tokio::time::sleep(delay).await;
        }
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        if self.disturbance.close == Some(false) {
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
        let result = self
            .directory
            .perform(self.who.as_deref(), operation, controls);
        debug_assert!(self.kind.writes() || self.kind == Kind::Compare);
        if self.disturbance.close == Some(true) {
            self.kill.notify_one();
            return;
        }
        self.answer(&result.unwrap_or_else(Into::into)).await;
    }

    async fn search(&self, request: &SearchRequest) {
        let id = self.request.id;
        let found = self
            .directory
            .search(self.who.as_deref(), request, &self.request.controls);
        let (mut search, who) = match found {
            Err(failure) => return self.answer(&failure.into()).await,
            Ok(Found::Root(root)) => {
                if let Some(attributes) = root {
                    self.send(entry(id, "", &attributes)).await;
                }
                return self.answer(&Answer::default()).await;
            }
            Ok(Found::Entries(search, who)) => (search, who),
        };
        let mut sent = 0;
        loop {
            let step = search.step(&self.directory.read(), &who, id);
            for entry in step.entries {
                if self.disturbance.cut.is_some_and(|most| sent >= most) {
                    let text = "000020D8: SvcErr: DSID-03140381, problem 5008 (ADMIN_LIMIT_EXCEEDED), data 0";
                    return self
                        .answer(&Failure::new(code::SIZE_LIMIT, text).into())
                        .await;
                }
                if !self.send(entry).await {
                    return;
                }
                sent += 1;
            }
            let Some(done) = step.done else {
                tokio::task::yield_now().await;
                continue;
            };
            Counters::count(&self.directory.0.counters.member_reads, search.member_reads);
            if self.disturbance.close.is_some() {
                self.kill.notify_one();
                return;
            }
            if done.failure.is_none() {
                for uri in &search.references {
                    self.send(reference(id, uri)).await;
                }
            }
            let answer = done.failure.map_or_else(Answer::default, Into::into);
            self.send(message::response(id, self.tag, &answer, &done.controls))
                .await;
            return;
        }
    }
}
