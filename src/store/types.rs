//! What goes into the store and comes out of it. Plain data.

use serde::{Deserialize, Serialize};

use crate::model::{
    CloudGroup, CloudState, DirectoryGroup, Guid, MemberKey, MemberKind, ObjectId, Sid, SkipReason,
    WritebackFlag,
};
use crate::plan::{GroupPlan, PlannedMember};

/// Milliseconds since 1970-01-01 UTC.
pub type UtcMillis = i64;

/// The number a run's writes carry; the store refuses all but the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);

/// The right to write, held for one run. Dropping it frees the lease; so does the death of the process.
pub struct Lease {
    /// Carried by every write of the run.
    pub fence: Fence,
    /// The run it was taken for.
    pub run_id: Guid,
    /// Frees the lease when dropped.
    pub(crate) _guard: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({}, run {})", self.fence.0, self.run_id)
    }
}

/// A stream of cloud changes with its own watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    /// Groups with their members.
    Groups,
    /// Users: anchors.
    Users,
    /// Devices: anchors.
    Devices,
}

/// Where a feed goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The deltaLink, opaque.
    pub link: String,
    /// What was selected; a difference means a full read.
    pub select: String,
    /// When it was stored; the store's clock, ignored on input.
    pub saved_at: UtcMillis,
}

/// Where rows of a read go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Changes: applied to the cache, with their pending work.
    Live,
    /// A full read: kept aside until `finish_full`.
    Staging,
}

/// `@removed.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Removal {
    /// `changed`: can be restored.
    Soft,
    /// `deleted`: gone for good.
    Permanent,
}

/// Properties in a row: outer `None` = not in the row (unchanged), inner `None` = null (cleared).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPatch {
    /// displayName
    pub display_name: Option<Option<String>>,
    /// description
    pub description: Option<Option<String>>,
    /// mail
    pub mail: Option<Option<String>>,
    /// mailNickname
    pub mail_nickname: Option<Option<String>>,
    /// proxyAddresses
    pub proxy_addresses: Option<Vec<String>>,
    /// groupTypes
    pub group_types: Option<Vec<String>>,
    /// securityEnabled
    pub security_enabled: Option<bool>,
    /// mailEnabled
    pub mail_enabled: Option<bool>,
    /// onPremisesSyncEnabled
    pub on_premises_sync_enabled: Option<bool>,
    /// onPremisesSecurityIdentifier
    pub on_premises_sid: Option<Option<Sid>>,
    /// writebackConfiguration
    pub writeback: Option<Option<WritebackFlag>>,
    /// allowExternalSenders
    pub allow_external_senders: Option<Option<bool>>,
}

/// One member entry of a group row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// The member.
    pub id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// Taken out of the group.
    pub removed: bool,
}

/// One group row of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group.
    pub id: ObjectId,
    /// False when the app may not read it: its properties are then not taken over.
    pub readable: bool,
    /// The group was deleted.
    pub removed: Option<Removal>,
    /// Properties in the row.
    pub patch: GroupPatch,
    /// Members in the row; `None` = no information on members.
    pub members: Option<Vec<MemberChange>>,
}

impl GroupChange {
    /// A readable row without any property.
    pub fn new(id: ObjectId) -> Self {
        GroupChange {
            id,
            readable: true,
            removed: None,
            patch: GroupPatch::default(),
            members: None,
        }
    }
}

/// One user or device row, or an object asked for by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectChange {
    /// The object.
    pub id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// False when the app may not read it: known anchors are kept.
    pub readable: bool,
    /// The object was deleted.
    pub removed: Option<Removal>,
    /// displayName
    pub display_name: Option<Option<String>>,
    /// onPremisesSecurityIdentifier
    pub sid: Option<Option<Sid>>,
    /// onPremisesImmutableId
    pub immutable_id: Option<Option<String>>,
}

impl ObjectChange {
    /// A readable row without any property.
    pub fn new(id: ObjectId, kind: MemberKind) -> Self {
        ObjectChange {
            id,
            kind,
            readable: true,
            removed: None,
            display_name: None,
            sid: None,
            immutable_id: None,
        }
    }
}

/// A cloud group as cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedGroup {
    /// Properties.
    pub group: CloudGroup,
    /// State.
    pub state: CloudState,
    /// When it came into that state.
    pub since: UtcMillis,
    /// False: the last full read didn't list it, and nothing says it is deleted. To be confirmed, untouched until then.
    pub listed: bool,
    /// False: the last row about it could not be read.
    pub readable: bool,
    /// The scope predicate's answer when it was last read.
    pub in_scope: bool,
    /// Members are cached and complete. False with `in_scope`: its members must be read by themselves.
    pub members_complete: bool,
}

/// What a look-up in AD said about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// Not looked up (a SID needs no look-up).
    #[default]
    Unresolved,
    /// Found under this key.
    Key(MemberKey),
    /// AD has no such object; asked again each cycle.
    NotFound,
    /// It can't be a member for this reason; asked again each cycle.
    Other(SkipReason),
}

/// An object's anchors as cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorObject {
    /// The object.
    pub id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// displayName
    pub display_name: Option<String>,
    /// onPremisesSecurityIdentifier
    pub sid: Option<Sid>,
    /// onPremisesImmutableId
    pub immutable_id: Option<String>,
    /// False: the last row about it could not be read.
    pub readable: bool,
    /// Deleted in the cloud, kept while a group has it.
    pub removed: bool,
    /// What AD said.
    pub resolution: Resolution,
}

/// A group with work to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingGroup {
    /// The group.
    pub id: ObjectId,
    /// Properties or state changed.
    pub attributes: bool,
    /// All members are to be compared.
    pub verify: bool,
    /// Members changed (`pending_members`).
    pub member_changes: bool,
    /// Exports that failed.
    pub attempts: u32,
    /// Error of the last failed export.
    pub last_error: Option<String>,
    /// Pending since.
    pub since: UtcMillis,
}

/// A membership with work to do. A member whose key changed has a removal (old key) and an addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMember {
    /// The member.
    pub member_id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// Add or remove.
    pub add: bool,
    /// Additions: the key now. Removals: the key when it went; `None` = it never had one.
    pub key: Option<MemberKey>,
}

/// A cached member with all that decides how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The member.
    pub member_id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// displayName, when known.
    pub display_name: Option<String>,
    /// How AD is told: by look-up, else its own SID, else the SID of the written group it stands for.
    pub key: Option<MemberKey>,
    /// SID of the AD group written for it, when it is one of ours.
    pub nested: Option<Sid>,
    /// What AD said.
    pub resolution: Resolution,
    /// False: the app may not read it, or not any more.
    pub readable: bool,
    /// It has an ImmutableId.
    pub has_immutable_id: bool,
    /// Readable, and has neither SID nor ImmutableId.
    pub cloud_only: bool,
    /// An object row exists; else it must be asked for by id.
    pub known: bool,
}

/// A left-out member with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRow {
    /// The group.
    pub group_id: ObjectId,
    /// Its displayName.
    pub group_name: Option<String>,
    /// The member.
    pub member_id: ObjectId,
    /// Its displayName.
    pub member_name: Option<String>,
    /// Its kind.
    pub kind: Option<MemberKind>,
    /// Why.
    pub reason: SkipReason,
}

/// A written group as last seen in AD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGroup {
    /// The AD group, `member_count` included.
    pub group: DirectoryGroup,
    /// When it was saved.
    pub saved_at: UtcMillis,
}

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
    pub created: UtcMillis,
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
    pub started: UtcMillis,
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
    pub started: UtcMillis,
    /// End.
    pub ended: Option<UtcMillis>,
    /// Units done.
    pub done: u64,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// How.
    pub result: RunOutcome,
    /// When.
    pub ended: UtcMillis,
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
