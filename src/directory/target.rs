//! One controller and how to sign in to it: TCP, TLS, simple bind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use zeroize::Zeroizing;

use super::codes::{self, code};
use super::result::{self, Operation};
use super::tls::Trust;
use crate::config::{AuthType, Connection};
use crate::error::{Error, ErrorId, Result};

const LDAPS: u16 = 636;
const LDAP: u16 = 389;

/// Longest DN AD takes in a simple bind.
const BIND_DN_LIMIT: usize = 255;

/// Where to connect and as whom.
pub(super) struct Target {
    host: String,
    port: u16,
    user: String,
    password: Zeroizing<String>,
    trust: Trust,
    /// For connecting and for each answer.
    pub timeout: Duration,
}

/// A signed-in connection.
pub(super) struct Opened {
    pub ldap: Ldap,
    pub address: SocketAddr,
}

impl Target {
    /// Checks everything that can be checked without the network.
    pub fn new(
        connection: &Connection,
        password: Zeroizing<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Target> {
        let fault = |field: &str, text: String| {
            Err(Error::new(ErrorId::InvalidArgument, text).target(field))
        };
        if connection.auth_type == AuthType::Negotiate {
            return fault(
                "authType",
                "Kerberos binds come with a later version: use Basic, which is sent inside TLS only."
                    .to_owned(),
            );
        }
        let (host, port) = split_server(&connection.server)?;
        if matches!(port, 3268 | 3269) {
            return fault(
                "server",
                format!("Port {port} is the global catalog, which is read-only: use 636."),
            );
        }
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
        let Ok(text) = std::str::from_utf8(&password) else {
            return fault("directoryPassword", "The password is not UTF-8.".to_owned());
        };
        if text.is_empty() {
            return Err(Error::new(
                ErrorId::SecretUnavailable,
                "The password of the directory account is empty.",
            )
            .target("directoryPassword"));
        }
        Ok(Target {
            host,
            port,
            user: connection.user_name.clone(),
            password: Zeroizing::new(text.to_owned()),
            trust: Trust::new(connection.certificate_authority_path.as_deref())?,
            timeout,
        })
    }

    /// `host:port`.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The account as given.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Connects and binds; all of it within the time limit. `pinned`: the address of the first connection, so that a
    /// name that stands for several controllers leads to the same one.
    pub async fn open(&self, pinned: Option<SocketAddr>) -> Result<Opened> {
        let deadline = tokio::time::Instant::now() + self.timeout;
        let late = || {
            self.unreachable(format!(
                "no answer within {} s",
                self.timeout.as_secs_f32().ceil()
            ))
        };
        let (stream, address) = match timeout_at(deadline, self.dial(pinned)).await {
            Ok(dialled) => dialled?,
            Err(_) => return Err(late()),
        };
        let (config, witness) = self.trust.client()?;
        // On port 389 the TLS layer comes by StartTLS; without TLS no bind is ever sent.
        let start_tls = self.port == LDAP;
        let settings = LdapConnSettings::new()
            .set_std_stream(StdStream::Tcp(stream))
            .set_config(config)
            .set_starttls(start_tls);
        let scheme = if start_tls { "ldap" } else { "ldaps" };
        let url = format!("{scheme}://{}:{}", self.host, self.port);
        let shaken = timeout_at(deadline, LdapConnAsync::with_settings(settings, &url)).await;
        let (connection, mut ldap) = match shaken {
            Ok(Ok(pair)) => pair,
            Ok(Err(error)) => return Err(self.tls_error(&error, witness.failure())),
            Err(_) => return Err(late()),
        };
        // Ends when the last handle is dropped or the connection breaks; those waiting are told by closed channels.
        tokio::spawn(async move {
            let _ = connection.drive().await;
        });
        match timeout_at(deadline, ldap.simple_bind(&self.user, &self.password)).await {
            Ok(Ok(answer)) if answer.rc == code::SUCCESS => Ok(Opened { ldap, address }),
            Ok(Ok(answer)) => Err(result::error(
                Operation::Bind,
                &self.user,
                &self.server(),
                &answer,
            )),
            Ok(Err(error)) => Err(self
                .unreachable("the connection broke off at sign-in".to_owned())
                .caused_by(&error)),
            Err(_) => Err(late()),
        }
    }

    async fn dial(&self, pinned: Option<SocketAddr>) -> Result<(std::net::TcpStream, SocketAddr)> {
        let addresses = match pinned {
            Some(address) => vec![address],
            None => tokio::net::lookup_host((self.host.as_str(), self.port))
                .await
                .map_err(|e| {
                    self.unreachable("its name can't be resolved".to_owned())
                        .caused_by(&e)
                })?
                .collect(),
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

    fn tls_error(&self, error: &LdapError, refused: Option<String>) -> Error {
        if let Some(refused) = refused {
            return Error::new(
                ErrorId::TlsVerificationFailed,
                format!("{} can't be trusted: {refused}.", self.server()),
            )
            .target(self.server());
        }
        if let LdapError::LdapResult { result } = error {
            return self
                .unreachable(format!("it refuses StartTLS ({})", codes::words(result)))
                .caused_by(error);
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

/// `host[:port]`; LDAPS unless a port is given.
fn split_server(server: &str) -> Result<(String, u16)> {
    let fault = || {
        Error::new(
            ErrorId::InvalidArgument,
            format!(
                "'{server}' is not a server name: write dc1.contoso.com or dc1.contoso.com:636."
            ),
        )
        .target("server")
    };
    let server = server.trim();
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| fault())?),
        None => (server, LDAPS),
    };
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(legal) || port == 0 {
        return Err(fault());
    }
    Ok((host.to_owned(), port))
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

    fn connection(server: &str, user: &str) -> Connection {
        Connection {
            server: server.to_owned(),
            user_name: user.to_owned(),
            ..Connection::default()
        }
    }

    #[test]
    fn servers() {
        assert_eq!(
            split_server("dc1.x.test").unwrap(),
            ("dc1.x.test".to_owned(), 636)
        );
        assert_eq!(
            split_server("127.0.0.1:40003").unwrap(),
            ("127.0.0.1".to_owned(), 40003)
        );
        for bad in [
            "",
            ":636",
            "dc1:",
            "dc1:x",
            "ldaps://dc1",
            "dc1/x",
            "dc1:0",
            "a@b",
        ] {
            assert!(split_server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_unsafe_is_started() {
        let secret = || Zeroizing::new(b"x".to_vec());
        let id = |c: &Connection, p| {
            Target::new(c, p, Duration::from_secs(1))
                .err()
                .map(|e| e.id)
        };
        let good = connection("dc1", "a@b");
        assert_eq!(
            id(&good, Zeroizing::new(Vec::new())),
            Some(ErrorId::SecretUnavailable)
        );
        assert_eq!(
            id(&connection("dc1", " "), secret()),
            Some(ErrorId::InvalidArgument)
        );
        assert_eq!(
            id(&connection("dc1:3269", "a"), secret()),
            Some(ErrorId::InvalidArgument)
        );
        let kerberos = Connection {
            auth_type: AuthType::Negotiate,
            ..good
        };
        assert_eq!(id(&kerberos, secret()), Some(ErrorId::InvalidArgument));
    }
}
