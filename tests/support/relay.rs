//! A stretch of wire between the engine and a controller: it can be cut, mended and listened to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    heard: Mutex<Vec<u8>>,
    connections: Mutex<usize>,
}

pub struct Relay {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// From a free loopback port to `host:port`.
    pub fn to(target: &str) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let (of, target) = (shared.clone(), target.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if of.cut.load(Ordering::SeqCst) {
                    continue;
                }
                let address: SocketAddr = std::net::ToSocketAddrs::to_socket_addrs(target.as_str())
                    .expect("an address")
                    .next()
                    .expect("one");
                let Ok(far) = TcpStream::connect(address) else {
                    continue;
                };
                *of.connections.lock().unwrap() += 1;
                let ends = [near.try_clone().unwrap(), far.try_clone().unwrap()];
                of.open.lock().unwrap().extend(ends);
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far, near),
                ] {
                    let of = of.clone();
                    std::thread::spawn(move || {
                        let mut bytes = [0; 16384];
                        while let Ok(length @ 1..) = from.read(&mut bytes) {
                            of.heard.lock().unwrap().extend(&bytes[..length]);
                            if to.write_all(&bytes[..length]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Relay { port, shared }
    }

    /// Breaks what is connected and takes nothing new.
    pub fn cut(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.shared.cut.store(false, Ordering::SeqCst);
    }

    /// How many connections went through.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Everything that was said, both ways.
    pub fn heard(&self) -> Vec<u8> {
        self.shared.heard.lock().unwrap().clone()
    }
}
