//! The gateway: the lab's door to another directory. It takes LDAP and LDAPS as the embedded directory
//! does, passes messages on as they are over one LDAPS connection for each client, and looks at them just
//! enough to count the same things and play the same faults.
//!
//! `glance` reads what matters of a message in place; `relay` talks to one client; `upward` talks to the
//! directory behind.

mod glance;
mod relay;
mod upward;

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::ldap::front::{Front, fronted};
use crate::ldap::stream::receive;
use relay::Relay;

/// The directory behind a gateway.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it takes LDAPS.
    pub address: SocketAddr,
    /// The name its certificate must carry.
    pub name: ServerName<'static>,
    /// Whom to trust.
    pub tls: Arc<rustls::ClientConfig>,
}

struct Inner {
    upstream: Upstream,
    front: Front,
}

/// A gateway. Clones are handles to the same one.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

fronted!(Gateway);

impl Gateway {
    /// A gateway to a directory.
    pub fn new(upstream: Upstream) -> Self {
        let front = Front::default();
        Self(Arc::new(Inner { upstream, front }))
    }

    /// What clients meet first.
    pub(crate) fn front(&self) -> &Front {
        &self.0.front
    }

    fn upstream(&self) -> &Upstream {
        &self.0.upstream
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
            let clear = move |stream| Relay::new(clear, controller, false).converse(stream);
            let secure = async move |stream| {
                Relay::new(secure, controller, true).converse(stream).await;
            };
            receive(guest, Arc::clone(&tls), clear, secure)
        };
        self.front()
            .serve(controller, listeners, shutdown, talk)
            .await;
    }
}
