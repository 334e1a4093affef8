//! Tests against a tiny scripted server: answers as odd as Graph's and its intermediaries'.

pub(super) mod lab;
mod reading;
mod requests;
mod signin;
mod stubborn;
mod trust;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

use super::session::Tuning;
use super::*;
use crate::config::{Environment, SignIn};
use crate::model::Guid;
use crate::operation::{self, Ask, Cancel, Event, Host};

pub(super) const TENANT: &str = "contoso.test";
pub(super) const CLIENT: &str = "6f9619ff-8b86-d011-b42d-00c04fc964ff";

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: tokio::time::Instant,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the server does.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Close after this many bytes of the body.
    pub cut: Option<usize>,
    pub delay: Duration,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl ToString) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: body.to_string(),
            cut: None,
            delay: Duration::ZERO,
        }
    }

    pub(super) fn ok(body: Value) -> Reply {
        Reply::new(200, body)
    }

    pub(super) fn error(status: u16, code: &str) -> Reply {
        let inner = json!({"request-id": "rid-1"});
        Reply::new(
            status,
            json!({"error": {"code": code, "message": "words", "innerError": inner}}),
        )
    }

    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(super) fn cut_at(mut self, bytes: usize) -> Reply {
        self.cut = Some(bytes);
        self
    }
}

type Handler = Arc<dyn Fn(&Seen, usize) -> Reply + Send + Sync>;

/// Answers by a function of the request and the number of Graph requests before it.
pub(super) struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Token requests are answered by the way, with tokens `t-1`, `t-2`, ... in their claims.
    pub(super) async fn graph(
        answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let tokens = Mutex::new(0);
        Server::start(move |seen, n| {
            if seen.target.ends_with("/oauth2/v2.0/token") {
                let mut count = tokens.lock().unwrap();
                *count += 1;
                return Reply::ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token(*count, &["GroupMember.Read.All"])}));
            }
            answer(seen, n)
        })
        .await
    }

    pub(super) async fn start(
        answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answer): (_, Handler) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, log, answer).await });
            }
        });
        Server { url, seen }
    }

    /// Requests that were not for tokens.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let all = self.seen.lock().unwrap();
        all.iter()
            .filter(|s| !s.target.contains("/oauth2/v2.0/"))
            .cloned()
            .collect()
    }

    pub(super) fn all_seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connection(&self, sign_in: SignIn) -> Connection {
        Connection {
            environment: Environment::Custom,
            login_endpoint: Some(self.url.clone()),
            graph_endpoint: Some(self.url.clone()),
            tenant_id: TENANT.to_owned(),
            client_id: CLIENT.to_owned(),
            sign_in,
            ..Connection::default()
        }
    }

    pub(super) async fn client(&self, host: &Arc<Recorder>) -> GraphClient {
        let connection = self.connection(SignIn::ClientSecret);
        GraphClient::connect_tuned(
            &connection,
            Duration::from_secs(5),
            &host.context(),
            quick(),
        )
        .await
        .unwrap()
    }
}

/// Short waits, few attempts.
pub(super) fn quick() -> Tuning {
    Tuning {
        attempts: 3,
        slow_attempts: 2,
        throttle_attempts: 4,
        base_wait: Duration::from_millis(5),
        most_wait: Duration::from_millis(20),
        barren_pages: 8,
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Handler) {
    let mut data = Vec::new();
    let mut buffer = [0u8; 8192];
    let (head, length) = loop {
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        data.extend_from_slice(&buffer[..n]);
        if let Some(end) = data.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(data.drain(..end + 4).collect()).unwrap();
            let length = head
                .lines()
                .find_map(|l| {
                    l.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(|v| v.parse().unwrap())
                })
                .unwrap_or(0);
            break (head, length);
        }
    };
    while data.len() < length {
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        data.extend_from_slice(&buffer[..n]);
    }
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let seen = Seen {
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        headers: lines
            .filter_map(|l| l.split_once(": "))
            .map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()))
            .collect(),
        body: String::from_utf8(data).unwrap(),
        at: tokio::time::Instant::now(),
    };
    let number = {
        let mut log = log.lock().unwrap();
        let number = log
            .iter()
            .filter(|s| !s.target.contains("/oauth2/v2.0/"))
            .count();
        log.push(seen.clone());
        number
    };
    let reply = answer(&seen, number);
    tokio::time::sleep(reply.delay).await;
    let mut text = format!(
        "HTTP/1.1 {} X\r\nconnection: close\r\ncontent-type: application/json\r\n",
        reply.status
    );
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
    let body = &reply.body.as_bytes()[..reply.cut.unwrap_or(reply.body.len())];
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.write_all(body).await;
    let _ = stream.shutdown().await;
}

/// An unsigned JWT that nobody verifies.
pub(super) fn token(number: u32, roles: &[&str]) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.c2ln",
        part(json!({"alg": "none"})),
        part(json!({"jti": format!("t-{number}"), "roles": roles}))
    )
}

type Answering = Box<dyn Fn(&Ask) -> operation::Answer + Send + Sync>;

/// A host that writes down what it is told and answers asks by a function.
pub(super) struct Recorder {
    pub events: Mutex<Vec<Event>>,
    pub asks: Mutex<Vec<Ask>>,
    answer: Answering,
    pub cancel: Cancel,
}

impl Recorder {
    /// Gives "s3cr3t-value" for every secret.
    pub(super) fn new() -> Arc<Recorder> {
        Recorder::answering(|_| secret(b"s3cr3t-value"))
    }

    pub(super) fn answering(
        answer: impl Fn(&Ask) -> operation::Answer + Send + Sync + 'static,
    ) -> Arc<Recorder> {
        Arc::new(Recorder {
            events: Mutex::default(),
            asks: Mutex::default(),
            answer: Box::new(answer),
            cancel: Cancel::default(),
        })
    }

    pub(super) fn context(self: &Arc<Self>) -> Context {
        Context {
            host: Arc::clone(self) as Arc<dyn Host>,
            cancel: self.cancel.clone(),
        }
    }

    pub(super) fn warnings(&self) -> Vec<Error> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|e| match e {
                Event::Warning(error) => Some(error.clone()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn messages(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|e| match e {
                Event::Message { text, .. } => Some(text.clone()),
                _ => None,
            })
            .collect()
    }
}

pub(super) fn secret(bytes: &[u8]) -> operation::Answer {
    operation::Answer::Bytes(Zeroizing::new(bytes.to_vec()))
}

impl Host for Recorder {
    fn emit(&self, event: Event) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.events.lock().unwrap().push(event);
        Box::pin(async {})
    }

    fn ask(
        &self,
        ask: Ask,
    ) -> Pin<Box<dyn Future<Output = crate::error::Result<operation::Answer>> + Send + '_>> {
        let answer = (self.answer)(&ask);
        self.asks.lock().unwrap().push(ask);
        Box::pin(async move { Ok(answer) })
    }
}

/// A readable id.
pub(super) fn id(n: u32) -> ObjectId {
    format!("00000000-0000-4000-8000-{n:012}").parse().unwrap()
}
