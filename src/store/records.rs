//! Records of plans and runs. Plain data.

use serde::{Deserialize, Serialize};

use super::Resolution;
use crate::clock::Millis;
use crate::model::{DirectoryGroup, Guid, ObjectId, SkipReason};
use crate::plan::{GroupPlan, PlannedMember};

/// Kind of cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyType {
    /// Changes only.
    Delta,
    /// Everything, with verification.
    Initial,
}

/// A new plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanHeader {
    /// Its id.
    pub plan_id: Guid,
    /// Configuration it was made for.
    pub configuration: String,
    /// What asked for it (command or cycle).
    pub origin: String,
    /// Kind of cycle.
    pub policy_type: PolicyType,
    /// When.
    pub created: Millis,
    /// Whose USNs it holds: the controller's database. Empty = not known (an older version's plan).
    pub replica: String,
}

/// Operations of a plan by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanTotals {
    /// Groups to create.
    pub creates: u64,
    /// Groups with attributes to set or to move.
    pub updates: u64,
    /// Groups to rename.
    pub renames: u64,
    /// Groups to convert.
    pub converts: u64,
    /// Groups to delete.
    pub deletes: u64,
    /// Members to add.
    pub member_adds: u64,
    /// Members to remove.
    pub member_removals: u64,
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanState {
    /// Being made; not shown by `latest_plan`.
    Building,
    /// Can be applied.
    Ready,
    /// Past a threshold: waits for approval.
    Blocked,
    /// Applied.
    Applied,
    /// The world has moved on.
    Stale,
}

/// A plan without its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRecord {
    /// Header.
    pub header: PlanHeader,
    /// Totals.
    pub totals: PlanTotals,
    /// False: something could not be read and is not in the plan.
    pub complete: bool,
    /// State.
    pub state: PlanState,
    /// Threshold breaches, as JSON of the caller.
    pub breaches: serde_json::Value,
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationStatus {
    /// Not tried yet.
    #[default]
    Planned,
    /// Done.
    Applied,
    /// Left out.
    Skipped,
    /// Refused by AD.
    Failed,
    /// Refused at the prompt.
    NotConfirmed,
}

/// Status of one change (index into `GroupPlan::changes`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeStatus {
    /// Status.
    pub status: OperationStatus,
    /// Error text.
    pub error: Option<String>,
}

/// A group of a plan: `plan.adds` and `plan.removes` are empty here, their numbers given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGroupPlan {
    /// The group's plan without members.
    pub plan: GroupPlan,
    /// Members to add.
    pub adds: u64,
    /// Members to remove.
    pub removes: u64,
    /// One a change, same order.
    pub statuses: Vec<ChangeStatus>,
}

/// Which of the two member lists of a group plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `adds`
    Add,
    /// `removes`
    Remove,
}

/// A member of a group plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPlanMember {
    /// Place in its list, from 0.
    pub ordinal: u64,
    /// The member.
    pub member: PlannedMember,
    /// Status.
    pub status: OperationStatus,
    /// Error text.
    pub error: Option<String>,
}

/// What an operation came to, with AD's or our word on it.
pub type Ending = (OperationStatus, Option<String>);

/// What the export knows of an AD group afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownChange {
    /// As it is now.
    Save(Box<DirectoryGroup>),
    /// Not there any more.
    Forget,
}

/// What one group's export came to, recorded in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupEnd {
    /// By place of the change.
    pub changes: Vec<(usize, Ending)>,
    /// By ordinals, `None` = all of the list; a later row goes over an earlier one.
    pub members: Vec<(Direction, Option<Vec<u64>>, Ending)>,
    /// Members left out.
    pub skipped: Vec<(ObjectId, SkipReason)>,
    /// What AD said about members.
    pub resolutions: Vec<(ObjectId, Resolution)>,
    /// The AD group.
    pub known: Option<KnownChange>,
    /// Everything was written: clears the pending work, these late members' too.
    pub complete: Option<Vec<ObjectId>>,
}

/// Which members of a list a status is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordinals<'a> {
    /// All of the list.
    All,
    /// `from..to`
    Range(u64, u64),
    /// These.
    Some(&'a [u64]),
}

/// A new run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHeader {
    /// Its id.
    pub run_id: Guid,
    /// Configuration.
    pub configuration: String,
    /// Kind of cycle.
    pub policy_type: PolicyType,
    /// When.
    pub started: Millis,
    /// The domain controller that it reads and writes. Empty = not known (an older version's run).
    pub server: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunOutcome {
    /// All done.
    Success,
    /// Some objects failed.
    CompletedWithErrors,
    /// Cancelled.
    Stopped,
    /// Past a threshold.
    Blocked,
    /// Ended by an error, or its process died.
    Failed,
}

/// Numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunCounts {
    /// Group rows read from the cloud.
    pub groups_read: u64,
    /// Groups created.
    pub created: u64,
    /// Groups with attributes set or moved.
    pub updated: u64,
    /// Groups renamed.
    pub renamed: u64,
    /// Groups converted.
    pub converted: u64,
    /// Groups deleted.
    pub deleted: u64,
    /// Members added.
    pub members_added: u64,
    /// Members removed.
    pub members_removed: u64,
    /// Members left out.
    pub members_skipped: u64,
    /// Groups that failed.
    pub groups_failed: u64,
    /// Requests to Graph.
    pub graph_requests: u64,
    /// Operations of LDAP.
    pub directory_operations: u64,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    /// From 1.
    pub step_number: u32,
    /// Name.
    pub name: String,
    /// How it ended.
    pub result: RunOutcome,
    /// Start.
    pub started: Millis,
    /// End.
    pub ended: Option<Millis>,
    /// Units done.
    pub done: u64,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// How.
    pub result: RunOutcome,
    /// When.
    pub ended: Millis,
    /// The plan it made or applied.
    pub plan_id: Option<Guid>,
    /// Numbers.
    pub counts: RunCounts,
    /// Steps.
    pub steps: Vec<RunStep>,
    /// Error or remark, for people.
    pub message: Option<String>,
}

/// A run, ended or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Header.
    pub header: RunHeader,
    /// Host it ran on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// `None` while it runs.
    pub end: Option<RunEnd>,
}

/// The run that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningRun {
    /// Header.
    pub header: RunHeader,
    /// Host it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Phase.
    pub phase: String,
    /// Units done.
    pub done: u64,
    /// Units in all, when known.
    pub total: Option<u64>,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
}
