//! A plan as people see it: one line, totals, rows.

use serde::Serialize;

use super::{AbsentReason, Change, GroupPlan, PlannedMember};
use crate::model::{MemberKey, ObjectId};

/// `<SID=...>` or `<GUID=...>`: what `member` takes.
pub(super) fn address(key: &MemberKey) -> String {
    match key {
        MemberKey::Sid(sid) => format!("<SID={sid}>"),
        MemberKey::Guid(guid) => format!("<GUID={guid}>"),
    }
}

fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// One line: `Rename; set 2 attributes; add 12, remove 3 members`.
pub fn summary(plan: &GroupPlan) -> String {
    summary_of(plan, plan.adds.len() as u64, plan.removes.len() as u64)
}

/// The same of a plan whose members are counted, not carried.
pub fn summary_of(plan: &GroupPlan, adds: u64, removes: u64) -> String {
    let mut parts = Vec::new();
    let mut created = false;
    for change in &plan.changes {
        match change {
            Change::CreateGroup { .. } => created = true,
            Change::RenameGroup { .. } => parts.push("rename".to_owned()),
            Change::MoveGroup { .. } => parts.push("move".to_owned()),
            Change::ConvertGroup { new, .. } if new.is_security() => {
                parts.push("convert to security".to_owned());
            }
            Change::ConvertGroup { .. } => parts.push("convert to distribution".to_owned()),
            Change::DeleteGroup { .. } => parts.push("delete".to_owned()),
            Change::SetAttribute { .. } => {}
        }
    }
    let set = plan
        .changes
        .iter()
        .filter(|c| matches!(c, Change::SetAttribute { .. }))
        .count();
    if set > 0 {
        parts.push(format!("set {}", counted(set as u64, "attribute")));
    }
    match (created, adds, removes) {
        (true, 0, _) => parts.insert(0, "create".to_owned()),
        (true, adds, _) => parts.insert(0, format!("create with {}", counted(adds, "member"))),
        (false, 0, 0) => {}
        (false, adds, 0) => parts.push(format!("add {}", counted(adds, "member"))),
        (false, 0, removes) => parts.push(format!("remove {}", counted(removes, "member"))),
        (false, adds, removes) => {
            parts.push(format!("add {adds}, remove {}", counted(removes, "member")));
        }
    }
    if parts.is_empty() {
        return "Nothing to do".to_owned();
    }
    let line = parts.join("; ");
    let first = line.chars().next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(line.chars().skip(1)).collect()
}

/// Sums over plans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Totals {
    /// Groups created.
    pub creates: u64,
    /// Existing groups whose attributes or place change.
    pub updates: u64,
    /// Groups renamed.
    pub renames: u64,
    /// Groups whose type changes.
    pub converts: u64,
    /// Groups deleted.
    pub deletes: u64,
    /// Members added.
    pub member_adds: u64,
    /// Members removed.
    pub member_removals: u64,
}

impl Totals {
    /// Adds a plan.
    pub fn add(&mut self, plan: &GroupPlan) {
        let any = |test: fn(&Change) -> bool| u64::from(plan.changes.iter().any(test));
        self.creates += any(|c| matches!(c, Change::CreateGroup { .. }));
        self.updates +=
            any(|c| matches!(c, Change::SetAttribute { .. } | Change::MoveGroup { .. }));
        self.renames += any(|c| matches!(c, Change::RenameGroup { .. }));
        self.converts += any(|c| matches!(c, Change::ConvertGroup { .. }));
        self.deletes += any(|c| matches!(c, Change::DeleteGroup { .. }));
        self.member_adds += plan.adds.len() as u64;
        self.member_removals += plan.removes.len() as u64;
    }
}

/// How much a row can hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// Adds something, or changes what is shown.
    Information,
    /// Changes a name or a place, or takes somebody's access away.
    Warning,
    /// Takes away the group, or everybody's access through it.
    Critical,
}

/// A row of a plan, with the properties of the output type `Operation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Operation {
    /// Stable within the plan: `<group id>:<number>`.
    pub id: String,
    /// The cloud group.
    pub group_id: ObjectId,
    /// Its displayName.
    pub group_name: String,
    /// Its DN now, or where it will be created.
    #[serde(rename = "GroupDN")]
    pub group_dn: String,
    /// CreateGroup, RenameGroup, MoveGroup, SetAttribute, AddMember, RemoveMember, ConvertGroup, DeleteGroup.
    pub action: &'static str,
    /// lDAPDisplayName.
    pub attribute: Option<String>,
    /// Value now; several separated by `; `.
    pub old_value: Option<String>,
    /// Value wanted.
    pub new_value: Option<String>,
    /// The member in the cloud.
    pub member_id: Option<ObjectId>,
    /// The member in AD: `<SID=...>` while no DN is known.
    #[serde(rename = "MemberDN")]
    pub member_dn: Option<String>,
    /// NewGroup, CloudChange, OnlyInDirectory, SoftDeleted, HardDeleted, OutOfScope or FeatureDisabled.
    pub reason: &'static str,
    /// How much it can hurt.
    pub severity: Severity,
}

fn reason_name(reason: AbsentReason) -> &'static str {
    match reason {
        AbsentReason::SoftDeleted => "SoftDeleted",
        AbsentReason::HardDeleted => "HardDeleted",
        AbsentReason::OutOfScope => "OutOfScope",
        AbsentReason::FeatureDisabled => "FeatureDisabled",
    }
}

/// The rows of a plan, in the order they are applied: changes, added members, removed members.
pub fn operations(plan: &GroupPlan) -> impl Iterator<Item = Operation> {
    operations_from(plan, 0)
}

/// The same of a part of a plan whose first row has this number in the whole.
pub fn operations_from(plan: &GroupPlan, first: usize) -> impl Iterator<Item = Operation> {
    let changes = plan.changes.iter().map(|change| change_row(plan, change));
    let adds = plan
        .adds
        .iter()
        .map(|member| member_row(plan, member, true));
    let removes = plan
        .removes
        .iter()
        .map(|member| member_row(plan, member, false));
    changes
        .chain(adds)
        .chain(removes)
        .enumerate()
        .map(move |(number, row)| Operation {
            id: operation_id(plan, first + number),
            ..row
        })
}

fn operation_id(plan: &GroupPlan, number: usize) -> String {
    format!("{}:{number}", plan.object_id)
}

fn blank(plan: &GroupPlan, action: &'static str, severity: Severity) -> Operation {
    Operation {
        id: String::new(),
        group_id: plan.object_id,
        group_name: plan.name.clone(),
        group_dn: plan.dn.clone(),
        action,
        attribute: None,
        old_value: None,
        new_value: None,
        member_id: None,
        member_dn: None,
        reason: plan.reason.map_or("CloudChange", reason_name),
        severity,
    }
}

fn change_row(plan: &GroupPlan, change: &Change) -> Operation {
    let joined = |values: &[String]| (!values.is_empty()).then(|| values.join("; "));
    let changed = |attribute: &str, old: String, new: String, row: Operation| Operation {
        attribute: Some(attribute.to_owned()),
        old_value: Some(old),
        new_value: Some(new),
        ..row
    };
    match change {
        Change::CreateGroup { .. } => Operation {
            new_value: Some(plan.dn.clone()),
            reason: "NewGroup",
            ..blank(plan, "CreateGroup", Severity::Information)
        },
        Change::RenameGroup { old_cn, new_cn } => {
            let row = blank(plan, "RenameGroup", Severity::Warning);
            changed("cn", old_cn.clone(), new_cn.clone(), row)
        }
        Change::MoveGroup {
            old_parent,
            new_parent,
        } => {
            let row = blank(plan, "MoveGroup", Severity::Warning);
            Operation {
                attribute: None,
                ..changed("", old_parent.clone(), new_parent.clone(), row)
            }
        }
        Change::SetAttribute {
            attribute,
            old,
            new,
        } => Operation {
            attribute: Some(attribute.clone()),
            old_value: joined(old),
            new_value: joined(new),
            ..blank(plan, "SetAttribute", Severity::Information)
        },
        Change::ConvertGroup { old, new } => {
            let severity = if new.is_security() {
                Severity::Warning
            } else {
                Severity::Critical
            };
            let row = blank(plan, "ConvertGroup", severity);
            changed("groupType", old.0.to_string(), new.0.to_string(), row)
        }
        Change::DeleteGroup { reason } => Operation {
            old_value: Some(plan.dn.clone()),
            reason: reason_name(*reason),
            ..blank(plan, "DeleteGroup", Severity::Critical)
        },
    }
}

fn member_row(plan: &GroupPlan, member: &PlannedMember, add: bool) -> Operation {
    let (action, severity) = if add {
        ("AddMember", Severity::Information)
    } else {
        ("RemoveMember", Severity::Warning)
    };
    let row = blank(plan, action, severity);
    let only_in_ad = !add && member.member_id.is_none() && plan.reason.is_none();
    Operation {
        member_id: member.member_id,
        member_dn: member.key.as_ref().map(address),
        reason: if only_in_ad {
            "OnlyInDirectory"
        } else {
            row.reason
        },
        ..row
    }
}

impl GroupPlan {
    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.adds.is_empty() && self.removes.is_empty()
    }

    /// The plan with only the operations whose id is chosen. Without its creation a new group gets no members either.
    #[must_use]
    pub fn restricted_to(&self, chosen: impl Fn(&str) -> bool) -> GroupPlan {
        let mut number = 0;
        let mut keep = || {
            number += 1;
            chosen(&operation_id(self, number - 1))
        };
        let mut plan = self.clone();
        plan.changes.retain(|_| keep());
        plan.adds.retain(|_| keep());
        plan.removes.retain(|_| keep());
        if self.guid.is_none() && plan.changes.is_empty() {
            plan.adds.clear();
        }
        plan
    }
}
