//! A DNS server for tests: answers service and address records of one domain on a loopback port, over UDP and TCP.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const A: u16 = 1;
const SRV: u16 = 33;
/// Longest answer over UDP without extensions; what is longer is asked for again over TCP.
const UDP_LIMIT: usize = 512;

/// A record's data.
#[derive(Clone, Debug)]
pub enum Data {
    /// An address.
    Address(Ipv4Addr),
    /// Priority, weight, port and host of a service.
    Service(u16, u16, u16, String),
}

type Records = Arc<Mutex<BTreeMap<String, Vec<Data>>>>;

/// A running server; it ends with the process, and answers nothing any more once dropped.
pub struct DnsServer {
    /// Where it listens.
    pub address: SocketAddr,
    records: Records,
    asked: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl DnsServer {
    /// Starts without records.
    pub fn start() -> std::io::Result<DnsServer> {
        let tcp = TcpListener::bind(("127.0.0.1", 0))?;
        let address = tcp.local_addr()?;
        let udp = UdpSocket::bind(address)?;
        let server = DnsServer {
            address,
            records: Records::default(),
            asked: Arc::default(),
            stopped: Arc::default(),
        };
        let one = server.answerer();
        std::thread::spawn(move || {
            let mut query = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut query) {
                let Some(answer) = one(&query[..length], UDP_LIMIT) else {
                    continue;
                };
                let _ = udp.send_to(&answer, from);
            }
        });
        let one = server.answerer();
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let _ = converse(stream, &one);
            }
        });
        Ok(server)
    }

    /// Adds a record.
    pub fn add(&self, name: &str, data: Data) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.entry(name.to_lowercase()).or_default().push(data);
    }

    /// Forgets all records.
    pub fn clear(&self) {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Names that were asked for, over TCP with `tcp:` before them.
    pub fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn answerer(&self) -> impl Fn(&[u8], usize) -> Option<Vec<u8>> + Send + 'static {
        let (records, asked, stopped) = (
            self.records.clone(),
            self.asked.clone(),
            self.stopped.clone(),
        );
        move |query, limit| {
            if stopped.load(Ordering::Relaxed) {
                return None;
            }
            let (name, kind, end) = question(query)?;
            let way = if limit == UDP_LIMIT { "" } else { "tcp:" };
            asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{way}{name}"));
            let records = records.lock().unwrap_or_else(PoisonError::into_inner);
            let known = records.get(&name);
            Some(answer(query, end, kind, known.map(Vec::as_slice), limit))
        }
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

fn converse(
    mut stream: TcpStream,
    one: &impl Fn(&[u8], usize) -> Option<Vec<u8>>,
) -> std::io::Result<()> {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query)?;
        let Some(answer) = one(&query, usize::MAX) else {
            return Ok(());
        };
        let mut bytes = (answer.len() as u16).to_be_bytes().to_vec();
        bytes.extend(answer);
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// Name (lower case), type, and where the question ends.
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
    let kind = query.get(at..at + 4)?;
    Some((
        labels.join("."),
        u16::from_be_bytes([kind[0], kind[1]]),
        at + 4,
    ))
}

fn answer(query: &[u8], end: usize, kind: u16, known: Option<&[Data]>, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let mut count = 0u16;
    for data in known.unwrap_or_default() {
        let (of, bytes) = match data {
            Data::Address(address) => (A, address.octets().to_vec()),
            Data::Service(priority, weight, port, host) => {
                let mut bytes = Vec::new();
                for number in [priority, weight, port] {
                    bytes.extend(number.to_be_bytes());
                }
                for label in host.split('.') {
                    bytes.push(label.len() as u8);
                    bytes.extend(label.as_bytes());
                }
                bytes.push(0);
                (SRV, bytes)
            }
        };
        if of == kind {
            count += 1;
            // The name is the question's; class IN, an hour to live.
            body.extend([0xc0, 12]);
            body.extend(of.to_be_bytes());
            body.extend([0, 1, 0, 0, 0x0e, 0x10]);
            body.extend((bytes.len() as u16).to_be_bytes());
            body.extend(bytes);
        }
    }
    let whole = end + body.len() <= limit;
    let no_such_name = known.is_none();
    let mut out = query[..2].to_vec();
    // Response, authoritative, recursion available; cut when it doesn't fit.
    out.push(0x85 | if whole { 0 } else { 2 });
    out.push(0x80 | if no_such_name { 3 } else { 0 });
    out.extend([0, 1]);
    out.extend(if whole { count } else { 0 }.to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(&query[12..end]);
    if whole {
        out.extend(body);
    }
    out
}
