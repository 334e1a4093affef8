//! What clients meet first: the listeners of two controllers, counts, and faults on order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::counters::{Counters, Kind};
use super::faults::{Disturbance, Faults};

/// Controllers of the same data that a lab has.
pub const CONTROLLERS: usize = 2;

/// The front of one directory.
#[derive(Debug, Default)]
pub struct Front {
    /// What clients did.
    pub counters: Counters,
    faults: Faults,
    doors: [Door; CONTROLLERS],
}

/// A client that came in.
pub struct Guest {
    /// Its connection.
    pub stream: TcpStream,
    /// Whether it came by the port for TLS.
    pub secure: bool,
}

impl Front {
    /// Hands every client of one controller to `talk` until `shutdown` becomes true or its sender
    /// goes away. A conversation is dropped where it stands when its controller is stopped.
    pub async fn serve<Talk>(
        &self,
        controller: usize,
        listeners: [TcpListener; 2],
        mut shutdown: watch::Receiver<bool>,
        talk: impl Fn(Guest) -> Talk,
    ) where
        Talk: Future<Output = ()> + Send + 'static,
    {
        let Some(door) = self.doors.get(controller) else {
            return;
        };
        door.furnish(listeners);
        loop {
            let accepted = tokio::select! {
                accepted = door.accept() => accepted,
                _ = shutdown.wait_for(|stop| *stop) => {
                    door.close_for_good();
                    return;
                }
            };
            let Ok((stream, secure, turn)) = accepted else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            Counters::count(&self.counters.connections, 1);
            // Small answers are not held back for more to come.
            let _ = stream.set_nodelay(true);
            let talk = talk(Guest { stream, secure });
            let mut turns = door.turns.subscribe();
            let mut shutdown = shutdown.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = talk => {}
                    _ = turns.wait_for(|now| *now != turn) => {}
                    _ = shutdown.wait_for(|stop| *stop) => {}
                }
            });
        }
    }

    /// Counts a request and says what the faults do to it.
    pub fn request(&self, controller: usize, kind: Kind, later_slice: bool) -> Disturbance {
        self.counters.operation(kind);
        let disturbance = self.faults.strike(controller, kind, later_slice);
        if disturbance.down {
            self.fail(Some(controller));
        }
        disturbance
    }

    /// Adds a fault described as in `docs/lab.md`.
    pub fn add_fault(&self, spec: &Value) -> Result<(), String> {
        if let Some(down) = self.faults.add(spec)? {
            self.fail(down.server);
        }
        Ok(())
    }

    /// How often each fault that waits for requests has struck, in the order they were set.
    pub fn fault_hits(&self) -> Vec<u64> {
        self.faults.hits()
    }

    /// Removes all faults; controllers that one of them took down are back when this returns.
    pub fn clear_faults(&self) {
        self.faults.clear();
        for door in &self.doors {
            // A port that somebody else took stays closed: clients see the difference.
            let _ = door.change(|state| state.failed = false);
        }
    }

    /// Closes the ports of a controller and drops its connections.
    pub fn stop_server(&self, controller: usize) -> Result<(), String> {
        self.door(controller)?.change(|state| state.stopped = true)
    }

    /// Opens the same ports again.
    pub fn start_server(&self, controller: usize) -> Result<(), String> {
        self.door(controller)?.change(|state| state.stopped = false)
    }

    fn door(&self, controller: usize) -> Result<&Door, String> {
        let door = self.doors.get(controller);
        door.filter(|door| door.state().addresses.is_some())
            .ok_or_else(|| format!("there is no controller {controller}"))
    }

    fn fail(&self, controller: Option<usize>) {
        let all = self.doors.iter().enumerate();
        for (_, door) in all.filter(|(index, _)| controller.is_none_or(|one| one == *index)) {
            // Closing can't fail.
            let _ = door.change(|state| state.failed = true);
        }
    }
}

/// The ports of one controller.
#[derive(Debug, Default)]
struct Door {
    state: Mutex<State>,
    /// Counts openings and closings; a connection lives as long as its turn.
    turns: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    addresses: Option<[SocketAddr; 2]>,
    listeners: Option<[TcpListener; 2]>,
    stopped: bool,
    failed: bool,
}

impl Door {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn furnish(&self, listeners: [TcpListener; 2]) {
        let mut state = self.state();
        let [plain, secure] = &listeners;
        if let (Ok(plain), Ok(secure)) = (plain.local_addr(), secure.local_addr()) {
            state.addresses = Some([plain, secure]);
        }
        if !state.stopped && !state.failed {
            state.listeners = Some(listeners);
        }
    }

    fn close_for_good(&self) {
        let mut state = self.state();
        state.addresses = None;
        state.listeners = None;
    }

    /// Changes what is wanted, and closes or opens the ports accordingly before it returns.
    fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), String> {
        let mut state = self.state();
        change(&mut state);
        let open = !state.stopped && !state.failed;
        if open == state.listeners.is_some() {
            return Ok(());
        }
        let Some([plain, secure]) = state.addresses else {
            return Ok(());
        };
        state.listeners = if open {
            Some([listen(plain)?, listen(secure)?])
        } else {
            None
        };
        self.turns.send_modify(|turn| *turn += 1);
        Ok(())
    }

    /// The next client, whether it wants TLS at once, and the turn it belongs to.
    async fn accept(&self) -> std::io::Result<(TcpStream, bool, u64)> {
        let mut turns = self.turns.subscribe();
        loop {
            let accepted = std::future::poll_fn(|context| self.poll(context));
            tokio::select! {
                accepted = accepted => return accepted,
                // The door itself holds the sender, so this is always a change.
                _ = turns.changed() => {}
            }
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<std::io::Result<(TcpStream, bool, u64)>> {
        let state = self.state();
        for (listener, secure) in state.listeners.iter().flatten().zip([false, true]) {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                let turn = *self.turns.borrow();
                return Poll::Ready(accepted.map(|(stream, _)| (stream, secure, turn)));
            }
        }
        Poll::Pending
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    listener.map_err(|error| format!("port {}: {error}", address.port()))
}

/// What a server of the lab does with faults, counts and controllers, told to its front.
macro_rules! fronted {
    ($server:ty) => {
        impl $server {
            /// What clients did, as in `docs/lab.md`.
            pub fn counters(&self) -> serde_json::Value {
                self.front().counters.report()
            }

            /// Sets the counters to zero.
            pub fn reset_counters(&self) {
                self.front().counters.reset();
            }

            /// Adds a fault described as in `docs/lab.md`.
            pub fn add_fault(&self, _id: u64, spec: &serde_json::Value) -> Result<(), String> {
                self.front().add_fault(spec)
            }

            /// Removes all faults.
            pub fn clear_faults(&self) {
                self.front().clear_faults();
            }

            /// Closes the ports of a controller and drops its connections.
            pub fn stop_server(&self, controller: usize) -> Result<(), String> {
                self.front().stop_server(controller)
            }

            /// Opens the ports of a stopped controller again.
            pub fn start_server(&self, controller: usize) -> Result<(), String> {
                self.front().start_server(controller)
            }

            /// Serves clients as the first controller until `shutdown` becomes true or its sender goes away.
            pub async fn serve(
                self,
                ldap: tokio::net::TcpListener,
                ldaps: tokio::net::TcpListener,
                tls: std::sync::Arc<rustls::ServerConfig>,
                shutdown: tokio::sync::watch::Receiver<bool>,
            ) {
                self.serve_as(0, [ldap, ldaps], tls, shutdown).await;
            }
        }
    };
}
pub(crate) use fronted;
