//! From desired and actual state to operations. Pure: no I/O, no clock, no randomness.

mod dn;
#[cfg(fuzzing)]
pub mod fuzzing;
mod members;
mod operations;
mod planner;
#[cfg(test)]
mod tests;
mod thresholds;

use serde::{Deserialize, Serialize};

use crate::model::{Attributes, DirectoryGroup, GroupType, Guid, MemberKey, ObjectId, SkipReason};

pub(crate) use dn::is_dn;
pub use operations::{
    Operation, Severity, Totals, operations, operations_from, summary, summary_of,
};
pub use planner::{Policy, plan_group};
pub use thresholds::{Breach, Limit, ThresholdCheck};

/// A group as it should be in AD, without members: the mapping's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredGroup {
    /// The cloud group.
    pub object_id: ObjectId,
    /// displayName, for people.
    pub name: String,
    /// CN, unescaped, 1 to 64 UTF-16 units.
    pub cn: String,
    /// DN of the parent of a new group.
    pub parent_dn: String,
    /// Whether an existing group elsewhere is moved to `parent_dn` (a target rule is configured).
    pub enforce_parent: bool,
    /// groupType.
    pub group_type: GroupType,
    /// The type was chosen for this very group (`onPremisesGroupType`), not by a preset: only then may an existing
    /// security group become a distribution group.
    #[serde(default)]
    pub type_is_explicit: bool,
    /// sAMAccountName; `None` = AD generates one and ours is not to judge.
    pub sam_account_name: Option<String>,
    /// Values of every attribute the mapping writes; a mapped attribute without value is present with no values.
    pub attributes: Attributes,
}

/// Why a written group should not be (kept up) any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AbsentReason {
    /// Soft-deleted in the cloud.
    SoftDeleted,
    /// Gone for good, on positive evidence.
    HardDeleted,
    /// No longer selected by version, flag or filter.
    OutOfScope,
    /// Writeback is being switched off.
    FeatureDisabled,
}

/// What the cloud wants of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Written like this.
    Present(DesiredGroup),
    /// Not written; `grace_over` tells whether the configured days have passed.
    Absent {
        /// Why.
        reason: AbsentReason,
        /// The grace time has passed.
        grace_over: bool,
    },
}

/// A member as a plan names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedMember {
    /// How AD is told. `None`: a group written in the same run, resolved at export by `member_id`.
    pub key: Option<MemberKey>,
    /// The cloud object; `None` for a member that only AD knows (drift).
    pub member_id: Option<ObjectId>,
}

/// What is known of the members of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberInput {
    /// Nothing to do, or not allowed to do anything (incomplete or unreadable).
    Untouched,
    /// The cloud's changes since the last export; no member of AD was read.
    Changes {
        /// To add.
        adds: Vec<PlannedMember>,
        /// To remove.
        removes: Vec<PlannedMember>,
        /// Members before these changes, for the percentage.
        count_before: u64,
    },
    /// Both sides in full, each complete and sorted by key without repetition.
    Full {
        /// Cloud side; members without key (written in the same run) come last.
        desired: Vec<PlannedMember>,
        /// AD side.
        actual: Vec<MemberKey>,
    },
}

/// Everything the planner needs for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInput {
    /// The cloud group.
    pub object_id: ObjectId,
    /// What the cloud wants.
    pub wanted: Wanted,
    /// What AD has, freshly read by mark or GUID; `None` = nothing of ours.
    pub actual: Option<DirectoryGroup>,
    /// Members.
    pub members: MemberInput,
}

/// One change of one group besides member values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all_fields = "camelCase")]
pub enum Change {
    /// New group with these attributes (marks among them).
    CreateGroup {
        /// DN of the parent.
        parent_dn: String,
        /// CN.
        cn: String,
        /// groupType.
        group_type: GroupType,
        /// sAMAccountName, if ours to choose.
        sam_account_name: Option<String>,
        /// Attributes.
        attributes: Attributes,
    },
    /// New CN under the same parent.
    RenameGroup {
        /// CN now.
        old_cn: String,
        /// CN wanted.
        new_cn: String,
    },
    /// Another parent, same CN.
    MoveGroup {
        /// Parent now.
        old_parent: String,
        /// Parent wanted.
        new_parent: String,
    },
    /// An attribute's values, replaced whole.
    SetAttribute {
        /// lDAPDisplayName.
        attribute: String,
        /// Values now.
        old: Vec<String>,
        /// Values wanted; none = cleared.
        new: Vec<String>,
    },
    /// groupType.
    ConvertGroup {
        /// Now.
        old: GroupType,
        /// Wanted.
        new: GroupType,
    },
    /// Delete the group.
    DeleteGroup {
        /// Why.
        reason: AbsentReason,
    },
}

/// What is to be done to one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPlan {
    /// The cloud group.
    pub object_id: ObjectId,
    /// displayName, for people.
    pub name: String,
    /// DN now, or where it will be created.
    pub dn: String,
    /// objectGUID; `None` when it is to be created.
    pub guid: Option<Guid>,
    /// uSNChanged when the plan was made; 0 for a new one.
    pub usn_changed: i64,
    /// Why the group is being deprovisioned; `None` = it is kept up.
    #[serde(default)]
    pub reason: Option<AbsentReason>,
    /// Changes in the order to apply.
    pub changes: Vec<Change>,
    /// Members to add.
    pub adds: Vec<PlannedMember>,
    /// Members to remove.
    pub removes: Vec<PlannedMember>,
    /// Members in AD before, for the percentage.
    pub count_before: u64,
    /// Findings that are reported and not written (drift under `Report`, frozen groups).
    pub notes: Vec<String>,
    /// Why nothing of what would have been done may be done; the notes say what that was.
    #[serde(default)]
    pub hands_off: Option<String>,
}

/// A member that is left out, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedMember {
    /// The group.
    pub group_id: ObjectId,
    /// The member.
    pub member_id: ObjectId,
    /// Why.
    pub reason: SkipReason,
}
