//! Between the engine and Graph: something happens when a certain request comes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is to happen; `true` = from then on every connection is refused.
type Event = Box<dyn FnOnce() -> bool + Send>;

struct Shared {
    /// Host and port of Graph, and of the proxy, as they stand in links.
    names: (String, String),
    path: String,
    /// Requests to go before the event.
    left: u64,
    event: Option<Event>,
    open: Vec<TcpStream>,
    stopped: bool,
}

/// Passes everything on until it ends with the test.
pub struct Proxy {
    pub url: String,
}

impl Proxy {
    /// Before Graph at `url`: `event` comes with the `at`-th request (from 0) whose target holds `path`.
    pub fn start(
        url: &str,
        at: u64,
        path: &str,
        event: impl FnOnce() -> bool + Send + 'static,
    ) -> Proxy {
        let graph = url.strip_prefix("http://").unwrap().to_owned();
        // Links are rewritten in place, so both names must be of one length.
        let listener = (0..200)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .find(|l| l.local_addr().unwrap().to_string().len() == graph.len())
            .expect("a port with as many digits");
        let own = listener.local_addr().unwrap().to_string();
        let url = format!("http://{own}");
        let shared = Arc::new(Mutex::new(Shared {
            names: (graph, own),
            path: path.to_owned(),
            left: at,
            event: Some(Box::new(event)),
            open: Vec::new(),
            stopped: false,
        }));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().unwrap().stopped {
                    // The listener goes: nobody answers at this port any more.
                    return;
                }
                let (stream, shared) = (stream.unwrap(), shared.clone());
                std::thread::spawn(move || pass(stream, &shared));
            }
        });
        Proxy { url }
    }
}

fn pass(mut client: TcpStream, shared: &Arc<Mutex<Shared>>) {
    let graph = shared.lock().unwrap().names.0.clone();
    let mut server = TcpStream::connect(graph).unwrap();
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let names = shared.lock().unwrap().names.clone();
    let to_client = names.clone();
    shared
        .lock()
        .unwrap()
        .open
        .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    std::thread::spawn(move || answers(back.0, back.1, &to_client));
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = client.read(&mut buffer) {
        if count == 0 || stopped_by(&buffer[..count], shared) {
            break;
        }
        // A token is asked for in Graph's own name.
        let request = &mut buffer[..count];
        rename(request, &names.1, &names.0);
        if server.write_all(request).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

/// Counts a request, and lets the event come if it is the one; gives whether the service stops with it.
fn stopped_by(bytes: &[u8], shared: &Arc<Mutex<Shared>>) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
    let target = head.lines().next().unwrap_or_default();
    let mut state = shared.lock().unwrap();
    if state.stopped {
        return true;
    }
    if !target.ends_with("HTTP/1.1") || !target.contains(&state.path) {
        return false;
    }
    if state.left > 0 {
        state.left -= 1;
        return false;
    }
    let Some(event) = state.event.take() else {
        return false;
    };
    if !event() {
        return false;
    }
    state.stopped = true;
    for stream in state.open.drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
    // Wakes the listener, so that it goes.
    let _ = TcpStream::connect(state.names.1.as_str());
    true
}

/// Hands answers back, with the proxy's name in the place of Graph's. A name that is cut between two reads is held
/// back until the rest of it has come.
fn answers(mut server: TcpStream, mut client: TcpStream, names: &(String, String)) {
    let graph = names.0.as_bytes();
    let mut held: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = server.read(&mut buffer).unwrap_or(0);
        held.extend_from_slice(&buffer[..count]);
        rename(&mut held, &names.0, &names.1);
        let tail = (1..graph.len().min(held.len() + 1))
            .rev()
            .find(|n| graph.starts_with(&held[held.len() - n..]));
        let ready = held.len() - if count == 0 { 0 } else { tail.unwrap_or(0) };
        let sent = client.write_all(&held[..ready]);
        held.drain(..ready);
        if count == 0 || sent.is_err() {
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Puts one host and port in the place of another of the same length, also where they stand in a form.
fn rename(bytes: &mut [u8], from: &str, to: &str) {
    let in_form = |name: &str| name.replace(':', "%3A");
    for (from, to) in [
        (from.to_owned(), to.to_owned()),
        (in_form(from), in_form(to)),
    ] {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        for at in 0..bytes.len().saturating_sub(from.len() - 1) {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
    }
}
