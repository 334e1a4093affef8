//! Durable state: configuration, lease, watermarks, the cloud cache, pending work, written groups, plans, runs.
//!
//! [`Store`] is what the rest of the engine sees. All calls block for as long as the disk takes, so the cycle makes
//! them from blocking threads. Lists are paged by the last id of the page before.
//!
//! A run's writes carry its lease's [`Fence`] and fail with `LeaseLost` once another run has taken over.
//!
//! What a cycle has to know:
//! - Users and devices before groups: then members have their keys at once. After a read: `unconfirmed_groups` (ask,
//!   `set_cloud_state`), `incomplete_groups` (read, `replace_members`), `unknown_members` (ask by id, `apply_objects`),
//!   `unresolved_objects` (look up in AD, `set_resolutions`).
//! - `new_plan` before reading pending work: its export clears exactly what was pending then, whatever comes later.
//! - A group that is not `listed` or not `readable`, or whose members are not complete, is left untouched and pending.
//! - A member of a plan without key is looked up by `member_view` when its group is written; those found are named to
//!   `complete_group` (`resolved`), for a nested group that got its SID meanwhile has made its parents pending anew.
//! - Commits are on the disk when a call returns, so small calls cost a flush each: pass pages and batches.

mod ends;
mod groups;
mod import;
mod known;
mod lease;
mod objects;
mod pending;
mod plans;
mod private;
mod records;
mod runs;
mod schema;
mod sql;
mod sqlite;
mod sqlite_store;
mod swap;
mod types;
mod vault;

pub use records::*;
pub use sqlite::SqliteStore;
pub use types::*;
pub use vault::Vault;

use crate::config::Configuration;
use crate::error::{Error, Result};
use crate::model::{
    CloudGroup, CloudState, DirectoryGroup, Guid, MemberKey, MemberKind, ObjectId, SkipReason,
};
use crate::plan::{GroupPlan, PlannedMember};

/// Decides from its properties whether a group is a source in scope: only then are its members kept, and only such
/// (and written) groups become pending.
pub type ScopeFn<'a> = &'a dyn Fn(&CloudGroup) -> bool;

/// Durable state of one configuration.
pub trait Store: Send + Sync {
    // Configuration

    /// The configuration; `None` before the first save.
    fn configuration(&self) -> Result<Option<Configuration>>;
    /// Saves the configuration, thresholds included.
    fn save_configuration(&self, configuration: &Configuration) -> Result<()>;
    /// A small value by key.
    fn meta(&self, key: &str) -> Result<Option<String>>;
    /// Sets or (with `None`) removes a small value; with the fence when a run does it.
    fn set_meta(&self, fence: Option<Fence>, key: &str, value: Option<&str>) -> Result<()>;

    // Lease and runs

    /// Takes the lease; `SyncCycleAlreadyRunning` ("... is busy ...") while another run holds it. Runs that died
    /// without an end are recorded as failed.
    fn acquire_lease(&self, run_id: Guid, host: &str, pid: u32) -> Result<Lease>;
    /// Records the start of the lease's run.
    fn begin_run(&self, fence: Fence, run: &RunHeader) -> Result<()>;
    /// Records how far it is. One small write: at most about one a second.
    fn progress(
        &self,
        fence: Fence,
        run_id: Guid,
        phase: &str,
        done: u64,
        total: Option<u64>,
    ) -> Result<()>;
    /// Records its end.
    fn end_run(&self, fence: Fence, run_id: Guid, end: &RunEnd) -> Result<()>;
    /// The run whose lease is really held. A run whose process died is recorded as failed and not given.
    fn running(&self) -> Result<Option<RunningRun>>;
    /// The last runs, newest first.
    fn runs(&self, limit: usize) -> Result<Vec<RunRecord>>;
    /// A run by id.
    fn run(&self, run_id: Guid) -> Result<Option<RunRecord>>;
    /// Asks a run, of whatever process, to stop; false when no such run is under way.
    fn request_cancel(&self, run_id: Guid) -> Result<bool>;
    /// Whether it was asked to.
    fn cancel_requested(&self, run_id: Guid) -> Result<bool>;

    // Reading the cloud

    /// Where the feed goes on; `None` = a full read is due.
    fn watermark(&self, feed: Feed) -> Result<Option<Watermark>>;
    /// Forgets it: the next read is full.
    fn clear_watermark(&self, fence: Fence, feed: Feed) -> Result<()>;
    /// Starts a full read: empties the feed's staging.
    fn begin_full(&self, fence: Fence, feed: Feed) -> Result<()>;
    /// Applies a page of group rows in one transaction, the watermark with it when it is the last page of a delta.
    fn apply_groups(
        &self,
        fence: Fence,
        target: Target,
        rows: &[GroupChange],
        in_scope: ScopeFn<'_>,
        watermark: Option<&Watermark>,
    ) -> Result<()>;
    /// Applies a page of user or device rows. Objects asked for by id go to `Live`.
    fn apply_objects(
        &self,
        fence: Fence,
        target: Target,
        rows: &[ObjectChange],
        watermark: Option<(Feed, &Watermark)>,
    ) -> Result<()>;
    /// Ends a full read: what was staged becomes the cache, in one transaction with the watermark. Groups: all in
    /// scope or written become pending with verification; those not listed any more turn up in `unconfirmed_groups`.
    fn finish_full(&self, fence: Fence, feed: Feed, watermark: &Watermark) -> Result<()>;
    /// A single group's complete member list; the differences become pending.
    fn replace_members(
        &self,
        fence: Fence,
        group: ObjectId,
        members: &[(ObjectId, MemberKind)],
    ) -> Result<()>;
    /// What Graph said when asked about one group: it is `listed` again. `Active` after `unconfirmed`: verification
    /// is pending and `incomplete_groups` names it.
    fn set_cloud_state(&self, fence: Fence, group: ObjectId, state: CloudState) -> Result<()>;

    // The cloud cache

    /// A cached group.
    fn cloud_group(&self, id: ObjectId) -> Result<Option<CachedGroup>>;
    /// All cached groups by id.
    fn cloud_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<CachedGroup>>;
    /// Cached groups with this displayName, mail or mailNickname (case ignored).
    fn find_cloud_groups(&self, text: &str, limit: usize) -> Result<Vec<CachedGroup>>;
    /// Groups that a full read didn't list and that must be asked for.
    fn unconfirmed_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<ObjectId>>;
    /// Active groups in scope whose members must be read by themselves (`replace_members`): come into scope, restored,
    /// confirmed, readable again, or new without a word on members.
    fn incomplete_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<ObjectId>>;
    /// An object's anchors.
    fn object(&self, id: ObjectId) -> Result<Option<AnchorObject>>;
    /// The object that a member of AD with this key stands for.
    fn object_by_key(&self, key: &MemberKey) -> Result<Option<AnchorObject>>;
    /// A group's members by id, with how each is written.
    fn members(
        &self,
        group: ObjectId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<MemberView>>;
    /// One member's view, whatever group it is in (to resolve at export).
    fn member_view(&self, member: ObjectId, kind: MemberKind) -> Result<MemberView>;
    /// Number of a group's members.
    fn count_members(&self, group: ObjectId) -> Result<u64>;
    /// Cached groups that have this member.
    fn parents_of(&self, member: ObjectId) -> Result<Vec<ObjectId>>;
    /// Members without an object row (not groups of the cache): to be asked for by id.
    fn unknown_members(
        &self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<(ObjectId, MemberKind)>>;
    /// Members whose row came without its properties: to be asked for again.
    fn unreadable_members(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<ObjectId>>;
    /// Members that need a look-up in AD: only an ImmutableId, or not found the last time.
    fn unresolved_objects(
        &self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<AnchorObject>>;
    /// What AD said; a new key makes the groups that have the member pending.
    fn set_resolutions(&self, fence: Fence, resolutions: &[(ObjectId, Resolution)]) -> Result<()>;

    // Pending work

    /// Groups with work to do, by id.
    fn pending_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<PendingGroup>>;
    /// One group's pending work.
    fn pending_group(&self, id: ObjectId) -> Result<Option<PendingGroup>>;
    /// Number of groups with work to do.
    fn count_pending(&self) -> Result<u64>;
    /// A group's pending memberships, by member. All of a member are on one page, which may exceed `limit` for that.
    /// A removal's key is left out while another member of the group has it (an object made anew in the cloud).
    fn pending_members(
        &self,
        group: ObjectId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<PendingMember>>;
    /// Makes groups pending (attributes), with a full comparison of members if `verify`.
    fn mark_pending(&self, fence: Fence, groups: &[ObjectId], verify: bool) -> Result<()>;
    /// Makes one membership pending. A removal's `key` is what will be removed.
    fn add_pending_member(
        &self,
        fence: Fence,
        group: ObjectId,
        member: &PendingMember,
    ) -> Result<()>;
    /// The group's part of the plan is done: clears the work that was pending when the plan was begun, and the
    /// additions of `resolved` (members without key in the plan that were found and written at export). What came
    /// later stays. A hard-deleted group that isn't written any more leaves the cache.
    fn complete_group(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        resolved: &[ObjectId],
    ) -> Result<()>;
    /// Records what the export of these groups came to, all in one transaction.
    fn finish_groups(
        &self,
        fence: Fence,
        plan_id: Guid,
        ends: &[(ObjectId, GroupEnd)],
    ) -> Result<()>;
    /// `complete_group` for many (without late members) in one transaction.
    fn complete_groups(&self, fence: Fence, plan_id: Guid, groups: &[ObjectId]) -> Result<()>;
    /// The group's export failed: stays pending.
    fn fail_group(&self, fence: Fence, group: ObjectId, error: &str) -> Result<()>;

    // Written groups

    /// The AD group written for a cloud group.
    fn known_group(&self, id: ObjectId) -> Result<Option<KnownGroup>>;
    /// The same by SID or GUID.
    fn known_group_by_key(&self, key: &MemberKey) -> Result<Option<KnownGroup>>;
    /// Saves what was read or written. A new SID makes the groups that have it as member pending.
    fn save_known_groups(&self, fence: Fence, groups: &[DirectoryGroup]) -> Result<()>;
    /// It is not there any more (or not ours any more).
    fn forget_known_group(&self, fence: Fence, id: ObjectId) -> Result<()>;
    /// All, by cloud id.
    fn known_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<KnownGroup>>;
    /// How many.
    fn count_known_groups(&self) -> Result<u64>;

    // Left-out members

    /// Which members of these groups are left out, in one transaction.
    fn record_skipped(&self, fence: Fence, groups: &[SkippedChange]) -> Result<()>;
    /// Left-out members of one group or of all, by group and member.
    fn skipped(
        &self,
        group: Option<ObjectId>,
        after: Option<(ObjectId, ObjectId)>,
        limit: usize,
    ) -> Result<Vec<SkippedRow>>;
    /// Group and member of those left out for this reason.
    fn skipped_because(&self, reason: SkipReason) -> Result<Vec<(ObjectId, ObjectId)>>;
    /// How many, by reason.
    fn skipped_by_reason(&self, group: Option<ObjectId>) -> Result<Vec<(SkipReason, u64)>>;
    /// How many, by group.
    fn skipped_by_group(
        &self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<(ObjectId, u64)>>;

    // Plans

    /// Begins a plan. What becomes pending after this is not cleared by its export: read pending work after it.
    fn new_plan(&self, fence: Fence, header: &PlanHeader) -> Result<()>;
    /// Adds groups with their members, in one transaction.
    fn add_group_plans(&self, fence: Fence, plan_id: Guid, groups: &[GroupPlan]) -> Result<()>;
    /// Appends members to a group of the plan.
    fn add_plan_members(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        direction: Direction,
        members: &[PlannedMember],
    ) -> Result<()>;
    /// Ends the making of a plan: `Ready` or `Blocked`.
    fn finish_plan(
        &self,
        fence: Fence,
        plan_id: Guid,
        totals: &PlanTotals,
        complete: bool,
        state: PlanState,
        breaches: &serde_json::Value,
    ) -> Result<()>;
    /// `Ready` or `Blocked` to `Applied` or `Stale`; anything else is `PlanStale`.
    fn set_plan_state(&self, fence: Fence, plan_id: Guid, state: PlanState) -> Result<()>;
    /// A plan.
    fn plan(&self, plan_id: Guid) -> Result<Option<PlanRecord>>;
    /// The newest finished plan.
    fn latest_plan(&self) -> Result<Option<PlanRecord>>;
    /// The last finished plans, newest first.
    fn plans(&self, limit: usize) -> Result<Vec<PlanRecord>>;
    /// Groups of a plan by id, without members.
    fn group_plans(
        &self,
        plan_id: Guid,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<StoredGroupPlan>>;
    /// One group of a plan, without members.
    fn group_plan(&self, plan_id: Guid, group: ObjectId) -> Result<Option<StoredGroupPlan>>;
    /// Members of a group of a plan, in order, after this ordinal.
    fn plan_members(
        &self,
        plan_id: Guid,
        group: ObjectId,
        direction: Direction,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<StoredPlanMember>>;
    /// What became of one change of a group.
    fn set_change_status(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        change: usize,
        status: OperationStatus,
        error: Option<&str>,
    ) -> Result<()>;
    /// What became of members of a group.
    #[allow(
        clippy::too_many_arguments,
        reason = "each one names a part of the key or the status"
    )]
    fn set_member_status(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        direction: Direction,
        members: Ordinals<'_>,
        status: OperationStatus,
        error: Option<&str>,
    ) -> Result<()>;
    /// Groups of the plan about which the cloud copy has changed since it was begun.
    fn stale_groups(&self, plan_id: Guid, limit: usize) -> Result<Vec<ObjectId>>;
    /// Keeps the last so many plans and runs.
    fn purge(&self, fence: Fence, plans: usize, runs: usize) -> Result<()>;
}

/// The error for a plan id that isn't there.
fn plan_not_found(plan_id: Guid) -> Error {
    Error::new(
        crate::error::ErrorId::PlanNotFound,
        format!("There is no plan {plan_id} in the store."),
    )
    .target(plan_id)
}

#[cfg(test)]
mod tests;
