//! One HTTP exchange: sent, answered in full or not at all. No retries, no meaning.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Client, Request, Url, redirect};

use super::endpoint::is_loopback;
use super::tls::{self, Refused};
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::model::Guid;

/// A body that is larger than this is no answer of Graph.
const BODY_LIMIT: usize = 256 << 20;

/// HTTP clients of a session.
pub(super) struct Wire {
    /// Through the system's or environment's proxy.
    web: Client,
    /// For loopback and link-local hosts: never through a proxy.
    direct: Client,
    refused: Arc<Refused>,
}

/// A complete answer.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's clock.
    pub(super) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header("date")?).ok()
    }
}

/// Why there is no answer.
pub(super) enum Lost {
    /// No connection came about.
    Unreachable(Error),
    /// The time was over.
    TimedOut(Error),
    /// The connection ended in the middle.
    Cut(Error),
    /// The server could not prove who it is.
    Tls(Error),
}

impl Lost {
    pub(super) fn into_error(self) -> Error {
        match self {
            Lost::Unreachable(e) | Lost::TimedOut(e) | Lost::Cut(e) | Lost::Tls(e) => e,
        }
    }
}

impl Wire {
    /// `https`: whether any host in use needs TLS, hence the system's certificates.
    pub(super) fn new(
        ca_pem: Option<(&str, &[u8])>,
        https: bool,
        timeout: Duration,
    ) -> Result<Wire> {
        let (config, refused) = tls::config(ca_pem, https)?;
        let build = |direct: bool| {
            let mut builder = Client::builder()
                .tls_backend_preconfigured(config.clone())
                // A redirect would take the token along: it is looked at, never followed.
                .redirect(redirect::Policy::none())
                .connect_timeout(timeout.min(Duration::from_secs(20)))
                .pool_idle_timeout(Duration::from_secs(50))
                .tcp_keepalive(Duration::from_secs(30))
                .user_agent(concat!("GroupWriteback/", env!("CARGO_PKG_VERSION")));
            if direct {
                builder = builder.no_proxy();
            }
            builder.build().map_err(|e| {
                Error::new(
                    ErrorId::GraphUnavailable,
                    "The HTTP client can't be set up.",
                )
                .caused_by(&e)
            })
        };
        Ok(Wire {
            web: build(false)?,
            direct: build(true)?,
            refused,
        })
    }

    /// Sends and reads the whole body. `direct`: not through a proxy whatever the host.
    pub(super) async fn send(
        &self,
        mut request: Request,
        timeout: Duration,
        direct: bool,
    ) -> Result<Answer, Lost> {
        *request.timeout_mut() = Some(timeout);
        let url = request.url().clone();
        let client = if direct || is_loopback(&url) {
            &self.direct
        } else {
            &self.web
        };
        let mut response = match client.execute(request).await {
            Ok(response) => response,
            Err(e) => return Err(self.lost(e, &url, timeout)),
        };
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_LIMIT => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return Err(Lost::Cut(Error::new(
                        ErrorId::SourceReadIncomplete,
                        format!("{} sent more than {BODY_LIMIT} bytes.", host(&url)),
                    )));
                }
                Ok(None) => break,
                Err(e) if e.is_timeout() => return Err(self.lost(e, &url, timeout)),
                Err(e) => {
                    return Err(Lost::Cut(
                        Error::new(
                            ErrorId::SourceReadIncomplete,
                            format!("The answer of {} broke off.", host(&url)),
                        )
                        .target(host(&url))
                        .caused_by(&e.without_url()),
                    ));
                }
            }
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// A form to be posted; the secrets in it are in memory only until it is sent.
    pub(super) fn form(&self, url: Url, form: &[(&str, &str)]) -> Result<Request> {
        let builder = self
            .direct
            .post(url)
            .form(form)
            .header("accept", "application/json");
        builder.build().map_err(|e| {
            Error::new(
                ErrorId::GraphUnavailable,
                "The sign-in request can't be made.",
            )
            .caused_by(&e.without_url())
        })
    }

    fn lost(&self, error: reqwest::Error, url: &Url, timeout: Duration) -> Lost {
        // The address may hold an opaque link or an identity: the host is enough.
        let error = error.without_url();
        let host = host(url);
        let unavailable = |text: String| {
            Error::new(ErrorId::GraphUnavailable, text)
                .target(&host)
                .caused_by(&error)
        };
        if let Some(cause) = tls::tls_error(&error) {
            if let rustls::Error::InvalidCertificate(reason) = cause {
                let certificate = url
                    .host_str()
                    .and_then(|h| self.refused.certificate(h))
                    .unwrap_or_else(|| "not recorded".to_owned());
                return Lost::Tls(
                    Error::new(
                        ErrorId::TlsVerificationFailed,
                        format!(
                            "The certificate of {host} was not accepted: {reason:?}. Certificate: {certificate}."
                        ),
                    )
                    .target(&host)
                    .caused_by(cause),
                );
            }
            return Lost::Unreachable(unavailable(format!(
                "No TLS connection to {host}: {cause}."
            )));
        }
        if error.is_connect() {
            Lost::Unreachable(unavailable(format!("{host} can't be reached.")))
        } else if error.is_timeout() {
            Lost::TimedOut(unavailable(format!(
                "{host} gave no answer within {} s.",
                timeout.as_secs_f64().ceil()
            )))
        } else if error.is_builder() {
            Lost::Tls(unavailable(format!("The request to {host} can't be made.")))
        } else {
            Lost::Cut(unavailable(format!("The connection to {host} was lost.")))
        }
    }
}

fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

/// Random bytes; zeros never: without randomness nothing is sent.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0u8; N];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).map_err(|_| {
        Error::new(
            ErrorId::GraphUnavailable,
            "The system's random number generator gave nothing.",
        )
    })?;
    Ok(bytes)
}

/// A new GUID (version 4).
pub(super) fn new_guid() -> Result<Guid> {
    let mut bytes: [u8; 16] = random()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Guid(bytes))
}

/// A number from 0 to 1, for jitter.
pub(super) fn random_share() -> f64 {
    random::<4>().map_or(0.5, |b| {
        f64::from(u32::from_le_bytes(b)) / f64::from(u32::MAX)
    })
}

/// Reads a small file off the runtime's threads.
pub(super) async fn read_file(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut content = Vec::new();
        std::fs::File::open(&path)?
            .take(limit + 1)
            .read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("the file is larger than {limit} bytes"),
            ));
        }
        Ok(content)
    })
    .await
    .map_err(std::io::Error::other)?
}
