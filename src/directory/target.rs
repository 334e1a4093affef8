//! One controller and how to sign in to it: TCP, TLS, bind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use super::codes::{self, code};
use super::dns::Dns;
use super::kerberos::{Kerberos, Peer};
use super::locate::{Candidate, Layer};
use super::result::{self, Operation};
use super::tls::{self, Trust};
use super::wire;
use crate::config::{AuthType, Connection};
use crate::error::{Error, ErrorId, Result};

/// Longest DN AD takes in a simple bind.
const BIND_DN_LIMIT: usize = 255;

/// How to sign in, to whichever controller.
pub(super) struct Access {
    login: Login,
    trust: Trust,
    /// For connecting and for each answer.
    pub timeout: Duration,
}

enum Login {
    Simple {
        user: String,
        password: Zeroizing<String>,
    },
    Kerberos(Arc<Kerberos>),
}

/// A signed-in connection.
pub(super) struct Opened {
    pub ldap: Ldap,
    pub address: SocketAddr,
}

impl Access {
    /// Checks everything that can be checked without the network. With Kerberos an empty password is none.
    pub fn new(
        connection: &Connection,
        password: Zeroizing<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Access> {
        let fault = |field: &str, text: String| {
            Err(Error::new(ErrorId::InvalidArgument, text).target(field))
        };
        let Ok(text) = std::str::from_utf8(&password) else {
            return fault("directoryPassword", "The password is not UTF-8.".to_owned());
        };
        let password = Zeroizing::new(text.to_owned());
        let login = match connection.auth_type {
            AuthType::Negotiate => {
                let password = (!password.is_empty()).then_some(password);
                Login::Kerberos(Arc::new(Kerberos::new(connection, password)?))
            }
            AuthType::Basic => {
                // A name or password that is empty makes an anonymous bind, which succeeds and sees nothing.
                if connection.user_name.trim().is_empty() {
                    return fault(
                        "userName",
                        "The account to sign in with is missing.".to_owned(),
                    );
                }
                if connection.user_name.len() > BIND_DN_LIMIT {
                    return fault(
                        "userName",
                        format!(
                            "AD takes at most {BIND_DN_LIMIT} bytes as the name in a simple bind: use the UPN."
                        ),
                    );
                }
                if password.is_empty() {
                    return Err(Error::new(
                        ErrorId::SecretUnavailable,
                        "The password of the directory account is empty.",
                    )
                    .target("directoryPassword"));
                }
                Login::Simple {
                    user: connection.user_name.clone(),
                    password,
                }
            }
        };
        Ok(Access {
            login,
            trust: Trust::new(connection.certificate_authority_path.as_deref())?,
            timeout,
        })
    }

    /// The account, as given or as its ticket says.
    pub fn user(&self) -> String {
        match &self.login {
            Login::Simple { user, .. } => user.clone(),
            Login::Kerberos(kerberos) => kerberos
                .owner()
                .unwrap_or_else(|| "the Kerberos account".to_owned()),
        }
    }
}

/// One controller.
pub(super) struct Target {
    access: Arc<Access>,
    dns: Dns,
    host: String,
    port: u16,
    layer: Layer,
    /// For connecting and for each answer.
    pub timeout: Duration,
}

impl Target {
    pub fn new(access: Arc<Access>, dns: Dns, candidate: Candidate) -> Target {
        Target {
            timeout: access.timeout,
            access,
            dns,
            host: candidate.host,
            port: candidate.port,
            layer: candidate.layer,
        }
    }

    /// `host:port`.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The account, as given or as its ticket says.
    pub fn user(&self) -> String {
        self.access.user()
    }

    /// Connects and binds; all of it within the time limit. `pinned`: the address of the first connection, so that a
    /// name that stands for several controllers keeps standing for one. `patience`: for reaching it, when there are
    /// others to try.
    pub async fn open(
        &self,
        pinned: Option<SocketAddr>,
        patience: Option<Duration>,
    ) -> Result<Opened> {
        let deadline = Instant::now() + self.timeout;
        let reached = Instant::now() + patience.unwrap_or(self.timeout).min(self.timeout);
        let (stream, address) = match timeout_at(reached, self.dial(pinned)).await {
            Ok(dialled) => dialled?,
            Err(_) => return Err(self.late(patience)),
        };
        let ldap = match &self.access.login {
            Login::Simple { user, password } => {
                let mut ldap = match timeout_at(reached, self.protected(stream)).await {
                    Ok(shaken) => shaken?,
                    Err(_) => return Err(self.late(patience)),
                };
                match timeout_at(deadline, ldap.simple_bind(user, password)).await {
                    Ok(Ok(answer)) if answer.rc == code::SUCCESS => ldap,
                    Ok(Ok(answer)) => {
                        return Err(result::error(
                            Operation::Bind,
                            user,
                            &self.server(),
                            &answer,
                        ));
                    }
                    Ok(Err(error)) => {
                        return Err(self
                            .unreachable("the connection broke off at sign-in".to_owned())
                            .caused_by(&error));
                    }
                    Err(_) => return Err(self.late(None)),
                }
            }
            Login::Kerberos(kerberos) => {
                let bound = self.kerberos(kerberos.clone(), stream, reached, patience);
                match timeout_at(deadline, bound).await {
                    Ok(bound) => bound?,
                    Err(_) => return Err(self.late(None)),
                }
            }
        };
        Ok(Opened { ldap, address })
    }

    fn late(&self, patience: Option<Duration>) -> Error {
        let limit = patience.unwrap_or(self.timeout).min(self.timeout);
        self.unreachable(format!("no answer within {} s", limit.as_secs_f32().ceil()))
    }

    /// A connection in TLS, not yet signed in. Without TLS no simple bind is ever sent.
    async fn protected(&self, stream: std::net::TcpStream) -> Result<Ldap> {
        let mut stream = self.taken(stream)?;
        if self.layer != Layer::Ldaps {
            let broken = |e: std::io::Error| {
                self.unreachable("the connection broke off at StartTLS".to_owned())
                    .caused_by(&e)
            };
            let answer = tls::ask(&mut stream).await.map_err(broken)?;
            if answer.rc != code::SUCCESS {
                let words = codes::words(&answer);
                return Err(self.unreachable(format!("it refuses StartTLS ({words})")));
            }
        }
        let stream = self.shaken(stream).await?;
        let carried = wire::inspected(stream).map_err(|e| self.no_socket(&e))?;
        self.library(carried).await
    }

    fn taken(&self, stream: std::net::TcpStream) -> Result<TcpStream> {
        TcpStream::from_std(stream).map_err(|e| {
            self.unreachable("the connection broke off".to_owned())
                .caused_by(&e)
        })
    }

    fn no_socket(&self, error: &std::io::Error) -> Error {
        self.unreachable("no socket can be made".to_owned())
            .caused_by(error)
    }

    /// TLS over a connection.
    async fn shaken(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
        let (config, witness) = self.access.trust.client()?;
        let shaken = tls::connect(config, &self.host, stream).await;
        shaken.map_err(|error| self.tls_error(&error, witness.failure()))
    }

    /// The LDAP library over a stream of ours.
    async fn library(&self, carried: StdStream) -> Result<Ldap> {
        let url = match carried {
            StdStream::Tcp(_) => "ldap://localhost",
            _ => "ldapi:///",
        };
        let settings = LdapConnSettings::new().set_std_stream(carried);
        let opened = LdapConnAsync::with_settings(settings, url).await;
        let (connection, ldap) = opened.map_err(|e| {
            self.unreachable("the connection broke off at sign-in".to_owned())
                .caused_by(&e)
        })?;
        drive(connection);
        Ok(ldap)
    }

    /// A connection signed in by Kerberos: sealed, or tied to the TLS below it.
    async fn kerberos(
        &self,
        kerberos: Arc<Kerberos>,
        stream: std::net::TcpStream,
        reached: Instant,
        patience: Option<Duration>,
    ) -> Result<Ldap> {
        if self.host.parse::<std::net::IpAddr>().is_ok() {
            return Err(Error::new(
                ErrorId::InvalidArgument,
                format!(
                    "Kerberos knows controllers by name: {} is an address.",
                    self.host
                ),
            )
            .target("server"));
        }
        let stream = self.taken(stream)?;
        let mut peer = Peer {
            server: self.server(),
            host: self.host.to_ascii_lowercase(),
            binding: None,
        };
        let carried = if self.layer == Layer::Ldaps {
            let stream = match timeout_at(reached, self.shaken(stream)).await {
                Ok(stream) => stream?,
                Err(_) => return Err(self.late(patience)),
            };
            peer.binding = Some(
                tls::end_point(&stream)
                    .ok_or_else(|| self.unreachable("its certificate can't be read".to_owned()))?,
            );
            kerberos.bind(stream, peer).await?
        } else {
            kerberos.bind(stream, peer).await?
        };
        self.library(carried).await
    }

    async fn dial(&self, pinned: Option<SocketAddr>) -> Result<(std::net::TcpStream, SocketAddr)> {
        let addresses = match pinned {
            Some(address) => vec![address],
            None => self
                .dns
                .addresses(&self.host, self.port)
                .await
                .map_err(|e| {
                    self.unreachable("its name can't be resolved".to_owned())
                        .caused_by(&e)
                })?,
        };
        let mut last = None;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let ready = stream.set_nodelay(true).and_then(|()| stream.into_std());
                    match ready {
                        Ok(stream) => return Ok((stream, address)),
                        Err(error) => last = Some(error),
                    }
                }
                Err(error) => last = Some(error),
            }
        }
        let error = self.unreachable("no connection".to_owned());
        Err(match last {
            Some(last) => error.caused_by(&last),
            None => error,
        })
    }

    fn tls_error(&self, error: &std::io::Error, refused: Option<String>) -> Error {
        if let Some(refused) = refused {
            return Error::new(
                ErrorId::TlsVerificationFailed,
                format!("{} can't be trusted: {refused}.", self.server()),
            )
            .target(self.server());
        }
        self.unreachable("the TLS handshake failed; is this an LDAPS port?".to_owned())
            .caused_by(error)
    }

    /// The error for a controller that can't be talked to.
    pub fn unreachable(&self, reason: String) -> Error {
        Error::new(
            ErrorId::DirectoryUnavailable,
            format!(
                "The domain controller {} can't be reached: {reason}.",
                self.server()
            ),
        )
        .target(self.server())
    }
}

/// Runs a connection until its last handle is dropped or it breaks; those waiting are told by closed channels.
fn drive(connection: LdapConnAsync) {
    tokio::spawn(async move {
        let _ = connection.drive().await;
    });
}

/// Keeps the reason when the type is no more than "the channel was closed".
pub(super) fn is_broken(error: &LdapError) -> bool {
    !matches!(
        error,
        LdapError::FilterParsing | LdapError::AddNoValues | LdapError::DecodingUTF8
    )
}

/// Shares one target between all connections.
pub(super) type SharedTarget = Arc<Target>;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unsafe_is_started() {
        let id = |user: &str, auth_type, password: &[u8]| {
            let connection = Connection {
                server: "dc1".to_owned(),
                user_name: user.to_owned(),
                auth_type,
                ..Connection::default()
            };
            let password = Zeroizing::new(password.to_vec());
            Access::new(&connection, password, Duration::from_secs(1))
                .err()
                .map(|e| e.id)
        };
        for (user, auth, password, expected) in [
            ("a@b", AuthType::Basic, "", ErrorId::SecretUnavailable),
            (" ", AuthType::Basic, "x", ErrorId::InvalidArgument),
            ("", AuthType::Negotiate, "x", ErrorId::InvalidArgument),
            ("D\\a", AuthType::Negotiate, "x", ErrorId::InvalidArgument),
        ] {
            assert_eq!(
                id(user, auth, password.as_bytes()),
                Some(expected),
                "{user} {auth:?}"
            );
        }
        assert_eq!(
            id("a@b", AuthType::Basic, b"\xff"),
            Some(ErrorId::InvalidArgument)
        );
        assert_eq!(
            id(&"a".repeat(256), AuthType::Basic, b"x"),
            Some(ErrorId::InvalidArgument)
        );
        assert_eq!(id("a@b", AuthType::Basic, b"x"), None);
        assert_eq!(id("", AuthType::Negotiate, b""), None);
    }
}
