//! A plan as people see it: one line, totals, rows.

use serde::Serialize;

use super::GroupPlan;
use crate::model::ObjectId;

/// One line: `Rename; set 2 attributes; add 12, remove 3 members`.
#[allow(unused_variables)]
pub fn summary(plan: &GroupPlan) -> String {
    String::new()
}

/// Sums over plans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Totals {
    /// Groups created.
    pub creates: u64,
    /// Groups whose attributes or place change.
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
    #[allow(unused_variables)]
    pub fn add(&mut self, plan: &GroupPlan) {}
}

/// How much a row can hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// Adds something.
    Information,
    /// Changes or takes away something that can be brought back.
    Warning,
    /// Takes away access or the group itself.
    Critical,
}

/// A row of a plan, with the properties of the output type `Operation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Operation {
    /// Stable within the plan.
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
    /// Why.
    pub reason: &'static str,
    /// How much it can hurt.
    pub severity: Severity,
}

/// The rows of a plan, in the order they are applied.
#[allow(unused_variables)]
pub fn operations(plan: &GroupPlan) -> impl Iterator<Item = Operation> {
    std::iter::empty()
}

impl GroupPlan {
    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.adds.is_empty() && self.removes.is_empty()
    }

    /// The plan with only the operations whose id is chosen.
    #[must_use]
    #[allow(unused_variables)]
    pub fn restricted_to(&self, chosen: impl Fn(&str) -> bool) -> GroupPlan {
        self.clone()
    }
}
