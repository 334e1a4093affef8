//! Sign-in: one token for a session, renewed before it ends.
//!
//! Secrets stay in this room, zeroed when dropped, and are in no error and no `Debug`.

mod assertion;
mod device;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod key;
mod login;
mod managed;
mod problem;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::endpoint::checked_tenant;
use super::session::{Session, add};
use super::wire::read_file;
use crate::config::{Connection, SignIn};
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::operation::{self, Ask, Context, Level};
use login::Login;
use managed::ManagedIdentity;

/// Renewal starts this long before the end.
const EARLY: Duration = Duration::from_secs(300);
/// After a failed renewal, while the old token is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// An access token.
pub(super) struct Token {
    pub value: Zeroizing<String>,
    /// Tells tokens apart without comparing them.
    pub serial: u64,
    expires: Instant,
    renew_at: Instant,
    granted: Option<Vec<String>>,
}

/// What the token endpoint gave.
struct Fetched {
    access: Zeroizing<String>,
    refresh: Option<Zeroizing<String>>,
    life: Option<Duration>,
}

impl Fetched {
    /// From `{"access_token":...,"expires_in":...}`; `expires_in` may be text.
    fn parse(body: &[u8]) -> Option<Fetched> {
        #[derive(serde::Deserialize)]
        struct Raw {
            access_token: Zeroizing<String>,
            refresh_token: Option<Zeroizing<String>>,
            #[serde(default)]
            expires_in: Value,
        }
        let raw: Raw = serde_json::from_slice(body).ok()?;
        (!raw.access_token.is_empty()).then_some(Fetched {
            life: device::number(&raw.expires_in).map(Duration::from_secs),
            access: raw.access_token,
            refresh: raw.refresh_token,
        })
    }
}

/// The configured kind of sign-in with what it remembers.
enum Method {
    ClientSecret {
        secret: Option<Zeroizing<String>>,
    },
    Certificate {
        path: String,
        key: Option<Arc<key::CertificateKey>>,
    },
    HostCertificate {
        sha256: String,
    },
    AccessToken,
    Federated {
        path: String,
    },
    DeviceCode {
        refresh: Option<Zeroizing<String>>,
    },
    Managed(ManagedIdentity),
}

/// Sign-in state of a session.
pub(super) struct SignInState {
    tenant: String,
    client_id: String,
    current: RwLock<Option<Arc<Token>>>,
    serial: AtomicU64,
    /// Held while a token is fetched, so that one call fetches and the others wait.
    method: Mutex<Method>,
    /// A new token needs a person or the host's own token.
    pub interactive: bool,
}

impl SignInState {
    pub(super) fn new(connection: &Connection) -> Result<SignInState> {
        let method = match &connection.sign_in {
            SignIn::ClientSecret => Method::ClientSecret { secret: None },
            SignIn::CertificateFile { path } => Method::Certificate {
                path: path.clone(),
                key: None,
            },
            SignIn::HostCertificate { sha256, .. } => {
                // base64url of 32 bytes; with padding or hexadecimal the service would refuse it.
                if sha256.len() != 43
                    || !sha256
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                {
                    return Err(Error::new(
                        ErrorId::ConfigurationInvalid,
                        "The certificate's sha256 must be the base64url form of the SHA-256 of its DER, without padding.",
                    )
                    .target("connection.signIn.sha256"));
                }
                Method::HostCertificate {
                    sha256: sha256.clone(),
                }
            }
            SignIn::AccessToken => Method::AccessToken,
            SignIn::FederatedFile { path } => Method::Federated { path: path.clone() },
            SignIn::DeviceCode => Method::DeviceCode { refresh: None },
            SignIn::ManagedIdentity { client_id } => Method::Managed(ManagedIdentity::detect(
                client_id.clone().filter(|id| !id.is_empty()),
                |name| std::env::var(name).ok(),
                managed::agent_installed(),
            )?),
        };
        if !matches!(method, Method::AccessToken | Method::Managed(_)) {
            checked_tenant(&connection.tenant_id)?;
            if connection.client_id.is_empty() {
                return Err(Error::new(
                    ErrorId::ConfigurationInvalid,
                    "The app's client id is needed to sign in.",
                )
                .target("connection.clientId"));
            }
        }
        Ok(SignInState {
            tenant: connection.tenant_id.clone(),
            client_id: connection.client_id.clone(),
            current: RwLock::new(None),
            serial: AtomicU64::new(1),
            interactive: matches!(method, Method::AccessToken | Method::DeviceCode { .. }),
            method: Mutex::new(method),
        })
    }

    fn current(&self) -> Option<Arc<Token>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn replace(&self, token: Token) -> Arc<Token> {
        let token = Arc::new(token);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
        token
    }

    /// Tenant and app by the current token's own word, for showing.
    pub(super) fn identity(&self) -> (Option<String>, Option<String>) {
        let claims = self
            .current()
            .and_then(|token| assertion::claims(&token.value));
        let claim = |name: &str| {
            claims
                .as_ref()
                .and_then(|c| c[name].as_str())
                .map(str::to_owned)
        };
        (claim("tid"), claim("appid").or_else(|| claim("azp")))
    }

    /// Permissions by the current token's own word; `None` = opaque token.
    pub(super) fn granted(&self) -> Option<Vec<String>> {
        self.current().and_then(|token| token.granted.clone())
    }
}

impl Session {
    /// A good token. `rejected`: the serial of one that Graph has just refused.
    pub(super) async fn token(&self, ctx: &Context, rejected: Option<u64>) -> Result<Arc<Token>> {
        let usable =
            |token: &Arc<Token>| Some(token.serial) != rejected && Instant::now() < token.renew_at;
        if let Some(token) = self.sign_in.current().filter(usable) {
            return Ok(token);
        }
        let mut method = self.sign_in.method.lock().await;
        let current = self.sign_in.current();
        if let Some(token) = current.clone().filter(usable) {
            return Ok(token);
        }
        match self.fetch(&mut method, ctx, rejected.is_some()).await {
            Ok(fetched) => Ok(self.accept(fetched, &method)),
            Err(error) => {
                let still_good = current.filter(|token| {
                    Some(token.serial) != rejected
                        && Instant::now() < token.expires
                        && error.id != ErrorId::OperationCancelled
                });
                let Some(old) = still_good else {
                    return Err(error);
                };
                // The renewal starts early enough to survive a sign-in service that is down for a while.
                ctx.message(
                    Level::Verbose,
                    format!("The token could not be renewed yet: {error}"),
                )
                .await;
                // A host that has nothing to give is not asked every half minute.
                let next = match error.id {
                    ErrorId::SecretUnavailable => old.expires,
                    _ => (Instant::now() + RENEWAL_PAUSE).min(old.expires),
                };
                Ok(self.sign_in.replace(Token {
                    value: old.value.clone(),
                    serial: old.serial,
                    expires: old.expires,
                    renew_at: next,
                    granted: old.granted.clone(),
                }))
            }
        }
    }

    /// Fetches a token now, whatever the current one; for measuring.
    pub(super) async fn fresh_token(&self, ctx: &Context) -> Result<Duration> {
        let mut method = self.sign_in.method.lock().await;
        let start = Instant::now();
        let fetched = self.fetch(&mut method, ctx, false).await?;
        self.accept(fetched, &method);
        Ok(start.elapsed())
    }

    fn accept(&self, fetched: Fetched, method: &Method) -> Arc<Token> {
        add(&self.counts.tokens, 1);
        let now = Instant::now();
        let life = fetched
            .life
            .unwrap_or(Duration::from_secs(3600))
            .min(Duration::from_secs(7 * 86_400));
        // Asking early is for free, unless a person would be asked, or the host has no newer one.
        let old = self.sign_in.current();
        let same = old.is_some_and(|old| *old.value == *fetched.access);
        let late = same || matches!(method, Method::DeviceCode { refresh: None });
        // Tokens of a short life are renewed at half of it.
        let early = if late {
            Duration::ZERO
        } else {
            EARLY.min(life / 2)
        };
        self.sign_in.replace(Token {
            granted: assertion::granted(&fetched.access),
            value: fetched.access,
            serial: self.sign_in.serial.fetch_add(1, Ordering::Relaxed),
            expires: now + life,
            renew_at: now + life - early,
        })
    }

    fn login(&self) -> Login<'_> {
        Login {
            session: self,
            base: &self.endpoints.login,
            tenant: &self.sign_in.tenant,
            client_id: &self.sign_in.client_id,
            scope: format!("{}/.default", self.endpoints.graph),
            person_scope: format!("{}/.default offline_access", self.endpoints.graph),
        }
    }

    async fn fetch(&self, method: &mut Method, ctx: &Context, rejected: bool) -> Result<Fetched> {
        let login = self.login();
        match method {
            Method::ClientSecret { secret } => {
                let value = match secret {
                    Some(value) => value.clone(),
                    None => {
                        let prompt = format!("Client secret of the app {}", login.client_id);
                        text(ask_secret(ctx, "clientSecret", prompt).await?)?
                    }
                };
                let form = login.app_form(&[("client_secret", &value)]);
                let outcome = login.token(&form, ctx).await;
                // A refused secret is asked for again; otherwise once is enough for a session.
                let refused = matches!(&outcome, Ok(Err(problem)) if problem.blames_secret());
                *secret = (!refused).then_some(value);
                outcome?.map_err(|problem| problem.into_error(&login.who()))
            }
            Method::Certificate { path, key } => {
                let key = match key {
                    Some(key) => Arc::clone(key),
                    None => {
                        let loaded = Arc::new(key::load(path, ctx).await?);
                        warn_of_end(&loaded, path, ctx).await;
                        Arc::clone(key.insert(loaded))
                    }
                };
                let unsigned =
                    assertion::unsigned(&key.thumbprint, login.client_id, &login.address("token"))?;
                let signature = key.sign(unsigned.as_bytes())?;
                login
                    .with_assertion(&assertion::signed(unsigned, &signature), ctx)
                    .await
            }
            Method::HostCertificate { sha256 } => {
                let unsigned =
                    assertion::unsigned(sha256, login.client_id, &login.address("token"))?;
                let ask = Ask::Sign {
                    data: unsigned.clone().into_bytes(),
                };
                match ctx.cancel.guard(ctx.host.ask(ask)).await? {
                    operation::Answer::Bytes(signature) => {
                        login.with_assertion(&assertion::signed(unsigned, &signature), ctx).await
                    }
                    _ => Err(Error::new(
                        ErrorId::SecretUnavailable,
                        "The sign-in needs a signature with the certificate's key, and the host gave none.",
                    )
                    .target("hostCertificate")),
                }
            }
            Method::AccessToken => {
                let access = text(
                    ask_secret(
                        ctx,
                        "accessToken",
                        "Access token for Microsoft Graph".to_owned(),
                    )
                    .await?,
                )?;
                given_token(
                    access,
                    rejected,
                    self.sign_in.current().as_deref(),
                    &self.endpoints.graph,
                )
            }
            Method::Federated { path } => {
                // Read again each time: whoever issues it replaces it before it ends.
                let content = read_file(path.as_ref(), 64 << 10).await.map_err(|e| {
                    Error::new(
                        ErrorId::GraphAuthenticationFailed,
                        format!("The assertion file {path} can't be read."),
                    )
                    .target("connection.signIn.path")
                    .action("Check the path and that this account may read the file.")
                    .caused_by(&e)
                })?;
                let content = text(Zeroizing::new(content))?;
                let content = content.trim();
                check_assertion(content, path)?;
                login.with_assertion(content, ctx).await
            }
            Method::DeviceCode { refresh } => device::fetch(&login, refresh, ctx).await,
            Method::Managed(identity) => {
                let resource = &self.endpoints.graph;
                identity
                    .fetch(&self.wire, resource, self.timeout, ctx)
                    .await
            }
        }
    }
}

/// Only what has the form of an assertion is sent: the path may be wrong, and the file somebody's secret.
fn check_assertion(content: &str, path: &str) -> Result<()> {
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(base64url);
    let fault = match content {
        "" => "is empty",
        _ if content.split('.').count() != 3 || !content.split('.').all(is_part) => {
            "is no assertion (a signed JWT)"
        }
        _ => return Ok(()),
    };
    Err(Error::new(
        ErrorId::GraphAuthenticationFailed,
        format!("What is in the assertion file {path} {fault}."),
    )
    .target("connection.signIn.path")
    .action("Check the path, and that what issues the assertions runs."))
}

async fn ask_secret(
    ctx: &Context,
    name: &'static str,
    prompt: String,
) -> Result<Zeroizing<Vec<u8>>> {
    ctx.cancel.guard(ctx.secret(name, prompt)).await
}

fn text(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>> {
    std::str::from_utf8(&bytes)
        .map(|text| Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        .map_err(|_| {
            Error::new(
                ErrorId::GraphAuthenticationFailed,
                "What was given to sign in is not text (UTF-8).",
            )
        })
}

/// A token from the host: its end is read from its own claims.
fn given_token(
    access: Zeroizing<String>,
    rejected: bool,
    current: Option<&Token>,
    graph: &str,
) -> Result<Fetched> {
    let claims = assertion::claims(&access);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let expires = claims
        .as_ref()
        .and_then(|c| c["exp"].as_u64())
        .map(Duration::from_secs);
    let refused = |text: String| {
        Error::new(ErrorId::GraphAuthenticationFailed, text)
            .target("accessToken")
            .action("Connect again with a new access token for the Graph endpoint.")
    };
    if rejected && current.is_some_and(|old| *old.value == *access) {
        let audience = claims
            .as_ref()
            .and_then(|c| c["aud"].as_str())
            .unwrap_or("unknown")
            .to_owned();
        return Err(refused(format!(
            "Graph at {graph} doesn't accept the access token (audience {audience}), and the host gave the same one again."
        )));
    }
    if expires.is_some_and(|end| end <= now) {
        return Err(refused("The access token has expired.".to_owned()));
    }
    Ok(Fetched {
        access,
        refresh: None,
        life: expires.map(|end| end.saturating_sub(now)),
    })
}

/// Certificates end; better told before than after.
async fn warn_of_end(key: &key::CertificateKey, path: &str, ctx: &Context) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let days = (key.not_after - i64::try_from(now).unwrap_or(i64::MAX)).div_euclid(86_400);
    if days < 30 {
        let text = if days < 0 {
            format!("The certificate in {path} has expired.")
        } else {
            format!("The certificate in {path} expires in {days} days.")
        };
        ctx.warn(
            Error::new(ErrorId::GraphAuthenticationFailed, text)
                .target(path)
                .action("Register a new certificate at the app."),
        )
        .await;
    }
}
