//! Kerberos bind (SASL mechanism GSSAPI, RFC 4752): sealed by the session key on port 389, tied to the TLS channel
//! (RFC 5929, `tls-server-end-point`) elsewhere. One or the other always protects what follows.
//!
//! The LDAP library has a GSSAPI bind of its own, which isn't used: it doesn't check the offered layer, and loses
//! answers when a sealed buffer holds more than one message or a packet ends within a length. Here the bind is ours,
//! and the library gets one end of a pair of sockets that [`layer`] serves.

#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod layer;
mod problem;
mod system;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use ldap3::StdStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use super::codes::code;
use super::message;
use super::result::{self, Operation};
use super::wire;
use crate::config::Connection;
use crate::error::{Error, ErrorId, Result};
use problem::Attempt;
use system::{Problem, Source, Talk, Tickets};

/// `saslBindInProgress`
const IN_PROGRESS: u32 = 14;
/// Security layers of RFC 4752.
const LAYER_NONE: u8 = 1;
const LAYER_SEALED: u8 = 4;

/// Who signs in, by which tickets; kept for all connections to a controller and its successors.
pub(super) struct Kerberos {
    source: Source,
    user: Option<String>,
    tickets: Mutex<Option<Tickets>>,
}

/// A controller as Kerberos sees it.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// `host:port`, for messages.
    pub server: String,
    /// The name in its service principal.
    pub host: String,
    /// What ties the sign-in to the TLS channel below; `None` = no TLS, so it will be sealed.
    pub binding: Option<Vec<u8>>,
}

impl Kerberos {
    /// By keytab if one is named, by password if one was given, else by the tickets that are there.
    pub fn new(connection: &Connection, password: Option<Zeroizing<String>>) -> Result<Kerberos> {
        let fault =
            |field: &str, text: &str| Err(Error::new(ErrorId::InvalidArgument, text).target(field));
        let name = connection.user_name.trim();
        if name.contains('\\') || (name.contains('=') && name.contains(',')) {
            return fault(
                "userName",
                "Kerberos wants the account as user@DOMAIN, with the domain's DNS name.",
            );
        }
        let source = match (&connection.keytab_path, password) {
            (Some(path), _) => Source::Keytab(path.clone()),
            (None, Some(password)) if name.is_empty() => {
                drop(password);
                return fault("userName", "A password was given, but no account.");
            }
            (None, Some(password)) => Source::Password(password),
            (None, None) => Source::Cache,
        };
        if cfg!(windows) && matches!(source, Source::Keytab(_)) {
            return fault(
                "keytabPath",
                "Windows has no keytabs: leave it out to sign in as the account that runs, or give -Credential.",
            );
        }
        Ok(Kerberos {
            source,
            user: (!name.is_empty()).then(|| principal(name)),
            tickets: Mutex::default(),
        })
    }

    /// Whose tickets were used.
    pub fn owner(&self) -> Option<String> {
        let tickets = self.lock().clone();
        tickets
            .and_then(|t| t.owner())
            .or_else(|| self.user.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Tickets>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, problem: &Problem, peer: &Peer) -> Error {
        problem::error(
            problem,
            &Attempt {
                server: &peer.server,
                host: &peer.host,
                user: self.user.as_deref(),
                keytab: match &self.source {
                    Source::Keytab(path) => Some(path),
                    _ => None,
                },
                password: matches!(self.source, Source::Password(_)),
            },
        )
    }

    /// The first token. Asks the KDC, so not on a thread of the runtime.
    fn begin(&self, peer: &Peer) -> Result<(Talk, Vec<u8>)> {
        if let Source::Keytab(path) = &self.source {
            // The library says "no credentials" of a file that isn't there.
            std::fs::File::open(path).map_err(|e| {
                Error::new(
                    ErrorId::KerberosKeytabUnusable,
                    format!("The keytab {path} can't be read."),
                )
                .target("keytabPath")
                .caused_by(&e)
            })?;
        }
        let failed = |problem: Problem| self.error(&problem, peer);
        let kept = self.lock().clone().filter(Tickets::are_fresh);
        let tickets = match kept {
            Some(tickets) => tickets,
            None => Tickets::obtain(&self.source, self.user.as_deref()).map_err(failed)?,
        };
        let begun = Talk::start(&tickets, &peer.host, peer.binding.clone()).map_err(failed)?;
        *self.lock() = Some(tickets);
        Ok(begun)
    }

    /// Signs in over `stream` and gives the stream over which the LDAP library goes on.
    pub async fn bind<S>(self: Arc<Self>, mut stream: S, peer: Peer) -> Result<StdStream>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (own, to) = (self.clone(), peer.clone());
        // A thread of its own: a KDC that is silent must hold up neither the runtime nor its end.
        std::thread::Builder::new()
            .name("gwb-kerberos".to_owned())
            .spawn(move || {
                let _ = sender.send(own.begin(&to));
            })
            .map_err(|e| lost(&peer, "no thread can be started").caused_by(&e))?;
        let (mut talk, mut token) = match receiver.await {
            Ok(begun) => begun?,
            Err(_) => return Err(lost(&peer, "the Kerberos library failed")),
        };
        let mut id = 0;
        let offer = loop {
            id += 1;
            let (answer, credentials) = self.exchange(&mut stream, id, &token, &peer).await?;
            if answer != IN_PROGRESS {
                return Err(refused(
                    &peer,
                    "it ended the sign-in before a protection was agreed",
                ));
            }
            let credentials = credentials.unwrap_or_default();
            if talk.is_complete() {
                break credentials;
            }
            token = talk
                .step(&credentials)
                .map_err(|problem| self.error(&problem, &peer))?;
            if token.is_empty() && !talk.is_complete() || id > 8 {
                return Err(refused(&peer, "it doesn't prove who it is"));
            }
        };
        let (answer, most) = self.choose_layer(&mut talk, &offer, &peer)?;
        let (code, _) = self.exchange(&mut stream, id + 1, &answer, &peer).await?;
        if code != code::SUCCESS {
            return Err(refused(&peer, "it wants to go on after the last step"));
        }
        let cut = |e: io::Error| lost(&peer, "no socket can be made").caused_by(&e);
        if peer.binding.is_some() {
            return wire::inspected(stream).map_err(cut);
        }
        let (clear, ours) = tokio::io::duplex(wire::PIECE);
        // Both end when either side closes; the library's waiters then see a closed connection.
        tokio::spawn(async move {
            let _ = layer::carry(ours, stream, talk, most).await;
        });
        wire::inspected(clear).map_err(cut)
    }

    /// One request of the bind and its answer.
    async fn exchange<S>(
        &self,
        wire: &mut S,
        id: u8,
        credentials: &[u8],
        peer: &Peer,
    ) -> Result<(u32, Option<Vec<u8>>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let broken = |e: io::Error| lost(peer, "the connection broke off at sign-in").caused_by(&e);
        wire.write_all(&message::bind_request(id, credentials))
            .await
            .map_err(broken)?;
        wire.flush().await.map_err(broken)?;
        let mut bytes = Vec::new();
        let length = loop {
            match message::answer_length(&bytes) {
                Err(what) => return Err(lost(peer, &format!("it answered with {what}"))),
                Ok(Some(length)) if bytes.len() >= length => break length,
                Ok(_) => {}
            }
            if wire.read_buf(&mut bytes).await.map_err(broken)? == 0 {
                return Err(lost(peer, "the connection broke off at sign-in"));
            }
        };
        // Nothing may follow the answer: what isn't protected yet could be anybody's.
        let answer = message::bind_response(&bytes).filter(|_| bytes.len() == length);
        let Some((result, credentials)) = answer else {
            return Err(lost(peer, "it answered with a malformed message"));
        };
        if matches!(result.rc, code::SUCCESS | IN_PROGRESS) {
            return Ok((result.rc, credentials));
        }
        let who = self.user.as_deref().unwrap_or("the Kerberos account");
        let error = result::error(Operation::Bind, who, &peer.server, &result);
        Err(match result.rc {
            // Some controllers take no Kerberos within TLS.
            code::STRONGER_AUTH if peer.binding.is_some() => {
                error.action("Connect to port 389, where Kerberos seals the connection itself.")
            }
            _ => error,
        })
    }

    /// Reads which layers are offered and chooses ours: sealed without TLS, none within it.
    fn choose_layer(&self, talk: &mut Talk, offer: &[u8], peer: &Peer) -> Result<(Vec<u8>, usize)> {
        let failed = |problem: Problem| self.error(&problem, peer);
        let (offer, _) = talk.unwrap(offer).map_err(failed)?;
        let &[layers, a, b, c] = offer.as_slice() else {
            return Err(refused(peer, "its offer of protection can't be understood"));
        };
        let theirs = u32::from_be_bytes([0, a, b, c]);
        let (wanted, receive) = match peer.binding {
            Some(_) => (LAYER_NONE, 0),
            None => (LAYER_SEALED, layer::RECEIVE),
        };
        if layers & wanted == 0 {
            return Err(refused(
                peer,
                "it doesn't offer the protection that is needed",
            ));
        }
        let mut most = 0;
        if wanted == LAYER_SEALED {
            if !talk.can_seal() {
                return Err(refused(peer, "Kerberos gives no key to seal with"));
            }
            most = talk.limit(theirs).map_err(failed)?;
            if most == 0 {
                return Err(refused(peer, "it takes no sealed messages"));
            }
        }
        let [_, a, b, c] = receive.to_be_bytes();
        let (answer, _) = talk.wrap(false, &[wanted, a, b, c]).map_err(failed)?;
        Ok((answer, most as usize))
    }
}

impl layer::Seal for Talk {
    fn seal(&mut self, clear: &[u8]) -> io::Result<Vec<u8>> {
        match self.wrap(true, clear) {
            Ok((sealed, true)) => Ok(sealed),
            Ok((_, false)) => Err(io::Error::other("the message was not sealed")),
            Err(problem) => Err(io::Error::other(format!("{problem:?}"))),
        }
    }

    fn open(&mut self, sealed: &[u8]) -> io::Result<Vec<u8>> {
        match self.unwrap(sealed) {
            Ok((clear, true)) => Ok(clear),
            Ok((_, false)) => Err(io::Error::other("the controller's message is not sealed")),
            Err(problem) => Err(io::Error::other(format!("{problem:?}"))),
        }
    }
}

/// `user@realm` with the realm in capitals, as AD's realms are; a name alone is of the machine's default realm.
fn principal(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((user, realm)) => format!("{user}@{}", realm.to_uppercase()),
        None => name.to_owned(),
    }
}

fn lost(peer: &Peer, reason: &str) -> Error {
    Error::new(
        ErrorId::DirectoryUnavailable,
        format!(
            "The domain controller {} can't be reached: {reason}.",
            peer.server
        ),
    )
    .target(&peer.server)
}

fn refused(peer: &Peer, reason: &str) -> Error {
    Error::new(
        ErrorId::KerberosProtectionRefused,
        format!(
            "The Kerberos sign-in to {} was given up: {reason}.",
            peer.server
        ),
    )
    .target(&peer.server)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn accounts_become_principals() {
        assert_eq!(principal("svc@contoso.test"), "svc@CONTOSO.TEST");
        assert_eq!(principal("svc"), "svc");
        let connection = |user: &str, keytab: Option<&str>| Connection {
            user_name: user.to_owned(),
            keytab_path: keytab.map(str::to_owned),
            ..Connection::default()
        };
        let password = || Some(Zeroizing::new("p".to_owned()));
        for (user, given) in [
            ("", password()),
            ("CONTOSO\\svc", None),
            ("CN=a,DC=b", None),
        ] {
            let error = Kerberos::new(&connection(user, None), given).err().unwrap();
            assert_eq!(error.id, ErrorId::InvalidArgument, "{user}");
        }
        assert!(Kerberos::new(&connection("", None), None).is_ok());
        let by_key = Kerberos::new(&connection("a@b", Some("/k")), None);
        assert_eq!(by_key.is_ok(), cfg!(unix));
    }
}
