//! Microsoft Graph: sign-in, national clouds, paging, delta, throttling, batching.
//!
//! The rules are those of the public Graph documents ("Get delta", "Throttling limits", "JSON
//! batching", "National clouds"): pages are followed as given, `Retry-After` is obeyed in full by the
//! whole client, and a read that breaks off is an error, never a shorter list.

mod delta;
mod permissions;
mod rows;

use std::time::Duration;

pub use delta::{DeltaError, DeltaPage, DeltaReader, DeltaStart};
pub use permissions::{MissingRole, Task};
pub use rows::{
    DEVICE_SELECT, GROUP_SELECT, GroupPatch, GroupRow, MemberRow, ObjectRow, Patch, USER_SELECT,
};

use crate::config::Connection;
use crate::error::{Error, ErrorId, Result};
use crate::model::{CloudGroup, MemberKind, ObjectId, WritebackFlag};
use crate::operation::Context;
use rows::Reading;

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

/// A tenant switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantFeature {
    /// `unifiedGroupWritebackEnabled` (V1).
    UnifiedGroupWriteback,
    /// `groupWriteBackEnabled` (V2).
    GroupWriteback,
}

/// The tenant switches; `None` = the cloud doesn't say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFeatures {
    /// Id of the `onPremisesDirectorySynchronization` object.
    pub id: Option<String>,
    /// `unifiedGroupWritebackEnabled` (V1).
    pub unified_group_writeback: Option<bool>,
    /// `groupWriteBackEnabled` (V2).
    pub group_writeback: Option<bool>,
    /// `writebackConfiguration.unifiedGroupContainer` of beta: a hint to an existing V1 container.
    pub unified_group_container: Option<String>,
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
    pub server_date: Option<std::time::SystemTime>,
    /// Local clock minus server clock, in seconds.
    pub clock_difference_seconds: Option<i64>,
}

/// A signed-in Graph client. Clones share session, token and budget.
#[derive(Clone)]
pub struct GraphClient {
    ctx: Context,
}

/// Pages of a group's direct members.
pub struct MembersReader {
    client: GraphClient,
    group: ObjectId,
}

impl MembersReader {
    /// The next page; `None` after the last. Only then is the list whole.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ObjectRow>>> {
        let _ = (&self.client, self.group);
        Err(not_yet())
    }
}

pub(super) fn not_yet() -> Error {
    Error::new(ErrorId::GraphUnavailable, "Not built yet.")
}

impl GraphClient {
    /// Signs in once and reads the granted roles. No Graph request.
    pub async fn connect(
        _connection: &Connection,
        _timeout: Duration,
        _ctx: &Context,
    ) -> Result<GraphClient> {
        Err(not_yet())
    }

    /// The `roles` claim of the current token (for a person's token, its `scp`), as a hint.
    pub fn roles(&self) -> Vec<String> {
        Vec::new()
    }

    /// Tasks that the roles don't allow, with the permissions that would. Empty when the token is
    /// opaque.
    pub fn missing_roles(&self) -> Vec<MissingRole> {
        Vec::new()
    }

    /// Graph's base URL.
    pub fn endpoint(&self) -> &str {
        ""
    }

    /// The same session for another operation: its host is asked, its cancellation obeyed.
    pub fn with_context(&self, ctx: &Context) -> GraphClient {
        let mut client = self.clone();
        client.ctx = ctx.clone();
        client
    }

    /// Groups with members, in full or changes.
    pub fn groups_delta(&self, start: DeltaStart) -> DeltaReader<GroupRow> {
        DeltaReader::new(
            self.clone(),
            Reading {
                kind: MemberKind::Group,
                whole_objects: false,
            },
            start,
        )
    }

    /// Users' anchors, in full or changes.
    pub fn users_delta(&self, start: DeltaStart) -> DeltaReader<ObjectRow> {
        let whole_objects = start == DeltaStart::Full;
        DeltaReader::new(
            self.clone(),
            Reading {
                kind: MemberKind::User,
                whole_objects,
            },
            start,
        )
    }

    /// Devices' anchors, in full or changes.
    pub fn devices_delta(&self, start: DeltaStart) -> DeltaReader<ObjectRow> {
        let whole_objects = start == DeltaStart::Full;
        DeltaReader::new(
            self.clone(),
            Reading {
                kind: MemberKind::Device,
                whole_objects,
            },
            start,
        )
    }

    /// One group, with `allowExternalSenders`; `None` when there is none (404).
    pub async fn group(&self, _id: ObjectId) -> Result<Option<CloudGroup>> {
        Err(not_yet())
    }

    /// `allowExternalSenders` of many groups; `None` where the group has no such property or is
    /// gone.
    pub async fn groups_allow_external_senders(
        &self,
        _ids: &[ObjectId],
    ) -> Result<Vec<(ObjectId, Option<bool>)>> {
        Err(not_yet())
    }

    /// The per-group flags of all groups that have one (beta). `WritebackFlagUnavailable` when the
    /// cloud has none.
    pub async fn group_flags(&self) -> Result<Vec<(ObjectId, WritebackFlag)>> {
        Err(not_yet())
    }

    /// Writes the per-group flag (beta); nulls are sent as nulls.
    pub async fn set_group_flag(&self, _id: ObjectId, _flag: &WritebackFlag) -> Result<()> {
        Err(not_yet())
    }

    /// Where groups stand. [`Presence::Gone`] only on positive evidence; anything unclear is an
    /// error.
    pub async fn deletion_state(&self, _ids: &[ObjectId]) -> Result<Vec<(ObjectId, Presence)>> {
        Err(not_yet())
    }

    /// Users, devices, groups and contacts by id, with anchors. Ids without object are left out.
    pub async fn objects_by_id(&self, _ids: &[ObjectId]) -> Result<Vec<ObjectRow>> {
        Err(not_yet())
    }

    /// Direct members of a group, with anchors.
    pub async fn members(&self, group: ObjectId) -> MembersReader {
        MembersReader {
            client: self.clone(),
            group,
        }
    }

    /// The tenant switches.
    pub async fn tenant_features(&self) -> Result<TenantFeatures> {
        Err(not_yet())
    }

    /// Turns a tenant switch on or off.
    pub async fn set_tenant_feature(&self, _feature: TenantFeature, _on: bool) -> Result<()> {
        Err(not_yet())
    }

    /// `NewUnifiedGroupWritebackDefault` of the directory setting; `None` = not set, which means
    /// "written".
    pub async fn new_group_default(&self) -> Result<Option<bool>> {
        Err(not_yet())
    }

    /// What this session has asked of Graph so far.
    pub fn counters(&self) -> GraphCounters {
        GraphCounters::default()
    }

    /// Measures sign-in and a small read, and compares clocks.
    pub async fn check(&self) -> Result<GraphCheck> {
        Err(not_yet())
    }
}
