//! Microsoft Graph: sign-in, national clouds, paging, delta, throttling, batching.
//!
//! The rules are those of the public Graph documents ("Use delta query", "Throttling limits", "JSON
//! batching", "National clouds"): pages are followed as given, `Retry-After` is obeyed in full by the
//! whole client, and a read that breaks off is an error, never a shorter list.
//!
//! `signin` gets tokens, `wire` does one exchange, `session` calls Graph stubbornly (with `limiter`),
//! `pager` walks lists, `delta`, `batch`, `groups` and `tenant` are the requests, `rows` what they give.

mod batch;
mod delta;
mod endpoint;
mod fault;
#[cfg(fuzzing)]
pub mod fuzzing;
mod groups;
mod limiter;
mod pager;
mod permissions;
mod rows;
mod session;
mod signin;
mod tenant;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]
mod tests;
mod tls;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

pub use delta::{DeltaError, DeltaPage, DeltaReader, DeltaStart};
pub use groups::MembersReader;
pub use permissions::MissingRole;
pub use rows::{
    DEVICE_SELECT, GROUP_SELECT, GroupPatch, GroupRow, MemberRow, ObjectRow, Patch, USER_SELECT,
};
pub use tenant::{TenantFeature, TenantFeatures};

use crate::config::Connection;
use crate::error::{Error, ErrorId};
use crate::model::{MemberKind, ObjectId};
use crate::operation::Context;
use endpoint::Endpoints;
use limiter::Limiter;
use permissions::{READ_DEVICES, READ_GROUPS, READ_USERS};
use rows::Reading;
use session::{Call, Counts, Session, Tuning};
use signin::SignInState;
use wire::{Answer, Wire, read_file};

/// The crate's result, with room for the errors that only this room knows.
type Result<T, E = Error> = std::result::Result<T, E>;

/// The three lists that have a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// `groups/delta`, with members.
    Groups,
    /// `users/delta`.
    Users,
    /// `devices/delta`.
    Devices,
}

/// What identifies the shape of a feed's rows: store it with the deltaLink and start in full when it
/// differs, because the query options are baked into the link.
pub fn select_fingerprint(feed: Feed) -> String {
    let (name, select) = match feed {
        Feed::Groups => ("groups", GROUP_SELECT),
        Feed::Users => ("users", USER_SELECT),
        Feed::Devices => ("devices", DEVICE_SELECT),
    };
    format!("v1.0/{name}?{select}")
}

/// Where a group stands, on evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// `GET /groups/{id}` finds it.
    Active,
    /// Only the deleted items have it: it can be restored.
    SoftDeleted,
    /// Neither has it, both said so with 404.
    Gone,
}

/// What a session has asked of Graph so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphCounters {
    /// HTTP requests to Graph, repetitions included.
    pub requests: u64,
    /// Requests inside `$batch` calls.
    pub batched_requests: u64,
    /// Tokens fetched.
    pub tokens: u64,
    /// Sum of `x-ms-resource-unit`.
    pub resource_units: u64,
    /// 429 (and 503 with Retry-After) answers.
    pub throttled: u64,
    /// Time in which the client was told to send nothing.
    pub throttled_wait_ms: u64,
    /// Repetitions for other reasons: 5xx, cut bodies, lost connections.
    pub retries: u64,
}

/// What a connectivity check measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphCheck {
    /// How long a new token took; `None` when one would have needed a person.
    pub token_latency: Option<Duration>,
    /// How long a small read took.
    pub graph_latency: Duration,
    /// `Date` of Graph's answer.
    pub server_date: Option<SystemTime>,
    /// Local clock minus server clock, in seconds.
    pub clock_difference_seconds: Option<i64>,
}

/// A signed-in Graph client. Clones share session, token and budget.
#[derive(Clone)]
pub struct GraphClient {
    session: Arc<Session>,
    ctx: Context,
}

impl std::fmt::Debug for GraphClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphClient")
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}

impl GraphClient {
    /// Signs in once and reads the granted roles; no Graph request. An unreachable host costs no more
    /// than `timeout`, which is also the limit of each later request.
    pub async fn connect(
        connection: &Connection,
        timeout: Duration,
        ctx: &Context,
    ) -> Result<GraphClient> {
        GraphClient::connect_tuned(connection, timeout, ctx, Tuning::default()).await
    }

    async fn connect_tuned(
        connection: &Connection,
        timeout: Duration,
        ctx: &Context,
        tuning: Tuning,
    ) -> Result<GraphClient> {
        ctx.cancel.check()?;
        let endpoints = Endpoints::of(connection)?;
        let sign_in = SignInState::new(connection)?;
        let ca = match &connection.certificate_authority_path {
            Some(path) => {
                let content = read_file(Path::new(path), 4 << 20).await.map_err(|e| {
                    Error::new(
                        ErrorId::ConfigurationInvalid,
                        format!("The certificate authority file {path} can't be read."),
                    )
                    .target("connection.certificateAuthorityPath")
                    .caused_by(&e)
                })?;
                Some((path.as_str(), content))
            }
            None => None,
        };
        let https = [&endpoints.login, &endpoints.graph]
            .iter()
            .any(|e| e.starts_with("https:"));
        let timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(3600));
        let wire = Wire::new(ca.as_ref().map(|(p, c)| (*p, c.as_slice())), https, timeout)?;
        let client = GraphClient {
            session: Arc::new(Session {
                endpoints,
                timeout,
                tuning,
                wire,
                limiter: Limiter::new(),
                sign_in,
                counts: Counts::default(),
            }),
            ctx: ctx.clone(),
        };
        ctx.cancel.guard(client.session.token(ctx, None)).await?;
        Ok(client)
    }

    /// The `roles` claim of the current token (for a person's token, its `scp`), not verified: a hint.
    pub fn roles(&self) -> Vec<String> {
        self.session.sign_in.granted().unwrap_or_default()
    }

    /// Tenant and app as the current token names them (`tid`, `appid`), not verified: for showing.
    pub fn token_identity(&self) -> (Option<String>, Option<String>) {
        self.session.sign_in.identity()
    }

    /// Tasks that the roles don't allow, with the permissions that would. Empty when the token is
    /// opaque: Graph decides.
    pub fn missing_roles(&self) -> Vec<MissingRole> {
        self.session
            .sign_in
            .granted()
            .map(|roles| permissions::missing(&roles))
            .unwrap_or_default()
    }

    /// Graph's base URL.
    pub fn endpoint(&self) -> &str {
        &self.session.endpoints.graph
    }

    /// Base URL of the sign-in service.
    pub fn login_endpoint(&self) -> &str {
        &self.session.endpoints.login
    }

    /// The same session for another operation: its host is asked, its cancellation obeyed.
    pub fn with_context(&self, ctx: &Context) -> GraphClient {
        GraphClient {
            session: Arc::clone(&self.session),
            ctx: ctx.clone(),
        }
    }

    /// Groups with members, in full or changes.
    pub fn groups_delta(&self, start: DeltaStart) -> DeltaReader<GroupRow> {
        // Slices of a group come without its properties: an absent name is no null name.
        let reading = Reading {
            kind: MemberKind::Group,
            whole_objects: false,
        };
        DeltaReader::new(
            self.clone(),
            "groups",
            GROUP_SELECT,
            &READ_GROUPS,
            reading,
            start,
        )
    }

    /// Users' anchors, in full or changes.
    pub fn users_delta(&self, start: DeltaStart) -> DeltaReader<ObjectRow> {
        let reading = Reading {
            kind: MemberKind::User,
            whole_objects: start == DeltaStart::Full,
        };
        DeltaReader::new(
            self.clone(),
            "users",
            USER_SELECT,
            &READ_USERS,
            reading,
            start,
        )
    }

    /// Devices' anchors, in full or changes.
    pub fn devices_delta(&self, start: DeltaStart) -> DeltaReader<ObjectRow> {
        let reading = Reading {
            kind: MemberKind::Device,
            whole_objects: start == DeltaStart::Full,
        };
        DeltaReader::new(
            self.clone(),
            "devices",
            DEVICE_SELECT,
            &READ_DEVICES,
            reading,
            start,
        )
    }

    /// Direct members of a group, with anchors.
    pub async fn members(&self, group: ObjectId) -> MembersReader {
        MembersReader::new(self.clone(), group)
    }

    /// What this session has asked of Graph so far.
    pub fn counters(&self) -> GraphCounters {
        self.session.counters()
    }

    /// Measures sign-in and a small read, and compares clocks.
    pub async fn check(&self) -> Result<GraphCheck> {
        let cancel = &self.ctx.cancel;
        let token_latency = if self.session.sign_in.interactive {
            None
        } else {
            Some(cancel.guard(self.session.fresh_token(&self.ctx)).await?)
        };
        let url = self
            .session
            .endpoints
            .graph_address("/v1.0/groups?$select=id&$top=1")?;
        let start = Instant::now();
        let date = |answer: &Answer| {
            serde_json::from_slice::<serde_json::Value>(&answer.body)?;
            Ok(answer.date())
        };
        let server_date = self
            .call(&Call::get(url, &READ_GROUPS), date)
            .await
            .map_err(Error::from)?;
        Ok(GraphCheck {
            token_latency,
            graph_latency: start.elapsed(),
            server_date,
            clock_difference_seconds: server_date.map(seconds_ahead),
        })
    }
}

/// Local clock minus `server`, in whole seconds.
fn seconds_ahead(server: SystemTime) -> i64 {
    let local = SystemTime::now();
    let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
    match local.duration_since(server) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}
