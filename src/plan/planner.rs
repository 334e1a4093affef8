//! One group: what the cloud wants against what AD has.

use std::collections::BTreeSet;

use super::members::{self, MemberPlan};
use super::{AbsentReason, Change, DesiredGroup, GroupInput, GroupPlan, Wanted, dn, summary};
use crate::config::{DeprovisionAction, DriftAction};
use crate::mapping::{INDEXED_MARK, MARK};
use crate::model::{Attributes, DirectoryGroup, GroupType, ObjectId};

/// What the configuration says about differences and about groups that should not be any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Changes made in AD by others.
    pub drift: DriftAction,
    /// Soft-deleted and out-of-scope groups, and all groups while writeback is being switched off.
    pub deprovision: DeprovisionAction,
    /// Target of `Move`; a group that is wanted again is moved back from there.
    pub deprovision_container: Option<String>,
    /// A verifying cycle: a difference may be somebody's change in AD (drift), and `drift` decides. False: the group is
    /// planned because the cloud or the configuration changed, so every difference is ours to write.
    pub full: bool,
}

impl AbsentReason {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            AbsentReason::SoftDeleted => "soft-deleted in the cloud",
            AbsentReason::HardDeleted => "deleted in the cloud",
            AbsentReason::OutOfScope => "no longer selected",
            AbsentReason::FeatureDisabled => "writeback is being switched off",
        }
    }
}

/// Plans one group. `None` = nothing to do and nothing to note.
///
/// - A protected group, and one whose marks name another cloud group, is never touched; what would have been done is
///   noted.
/// - Names compare exactly: a CN that differs in case only is renamed.
/// - An existing group keeps its scope. It may become a security group; it loses its security flag only when
///   `onPremisesGroupType` of that very group asks for it, or by the deprovision action.
/// - Attributes that the mapping doesn't name are not touched; values compare as sets of exact texts.
/// - The ownership marks are completed whatever the drift action.
/// - In a full comparison of members a missing one may be a missed change, so it is added whatever the drift action;
///   one too many is removed under `Repair`, noted under `Report`, passed over under `Ignore`.
pub fn plan_group(input: &GroupInput, policy: &Policy) -> Option<GroupPlan> {
    let mut plan = match (&input.wanted, &input.actual) {
        (Wanted::Absent { .. }, None) => return None,
        (Wanted::Present(desired), None) => create(input, desired, policy),
        (Wanted::Present(desired), Some(actual)) => update(input, desired, actual, policy),
        (Wanted::Absent { reason, grace_over }, Some(actual)) => {
            deprovision(input, actual, *reason, *grace_over, policy)
        }
    };
    if let Some(why) = hands_off(input)
        && !plan.is_empty()
    {
        plan.notes.push(format!(
            "left as it is: {why}; not done: {}",
            summary(&plan)
        ));
        plan.hands_off = Some(why.to_owned());
        plan.changes.clear();
        plan.adds.clear();
        plan.removes.clear();
    }
    (!plan.is_empty() || !plan.notes.is_empty()).then_some(plan)
}

/// Why the AD object must not be touched at all.
fn hands_off(input: &GroupInput) -> Option<&'static str> {
    if let Wanted::Present(desired) = &input.wanted
        && desired.object_id != input.object_id
    {
        return Some("the plan was asked for another cloud group");
    }
    let actual = input.actual.as_ref()?;
    if actual.object_id != input.object_id || has_foreign_mark(actual, input.object_id) {
        return Some("it carries the mark of another cloud group");
    }
    actual
        .protected
        .then_some("it is a critical system object or protected by AdminSDHolder")
}

/// A mark that names another group. Any other text in such an attribute is no mark.
fn has_foreign_mark(actual: &DirectoryGroup, id: ObjectId) -> bool {
    [MARK, INDEXED_MARK]
        .iter()
        .flat_map(|name| values(&actual.attributes, name))
        .filter_map(|value| {
            let value = value.strip_prefix("TakenOver_").unwrap_or(value);
            value.strip_prefix("Group_")?.parse::<ObjectId>().ok()
        })
        .any(|named| named != id)
}

/// An attribute's values; names compare without case, as AD does.
fn values<'a>(attributes: &'a Attributes, name: &str) -> &'a [String] {
    match attributes.get(name) {
        Some(values) => values,
        None => attributes
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or(&[], |(_, values)| values),
    }
}

fn empty_plan(input: &GroupInput, name: String, dn: String) -> GroupPlan {
    GroupPlan {
        object_id: input.object_id,
        name,
        dn,
        guid: input.actual.as_ref().map(|a| a.guid),
        usn_changed: input.actual.as_ref().map_or(0, |a| a.usn_changed),
        reason: None,
        changes: Vec::new(),
        adds: Vec::new(),
        removes: Vec::new(),
        count_before: 0,
        notes: Vec::new(),
        hands_off: None,
    }
}

fn take_members(plan: &mut GroupPlan, members: MemberPlan) {
    plan.adds = members.adds;
    plan.removes = members.removes;
    plan.notes.extend(members.notes);
}

fn create(input: &GroupInput, desired: &DesiredGroup, policy: &Policy) -> GroupPlan {
    let dn = dn::child(&desired.cn, &desired.parent_dn);
    let mut plan = empty_plan(input, desired.name.clone(), dn);
    let mut attributes = desired.attributes.clone();
    attributes.retain(|_, values| !values.is_empty());
    plan.changes.push(Change::CreateGroup {
        parent_dn: desired.parent_dn.clone(),
        cn: desired.cn.clone(),
        group_type: desired.group_type,
        sam_account_name: desired.sam_account_name.clone(),
        attributes,
    });
    take_members(
        &mut plan,
        members::of_new_group(&input.members, policy.drift),
    );
    plan
}

fn update(
    input: &GroupInput,
    desired: &DesiredGroup,
    actual: &DirectoryGroup,
    policy: &Policy,
) -> GroupPlan {
    let mut plan = empty_plan(input, desired.name.clone(), actual.dn.clone());
    let mut found = Vec::new();
    found.extend(rename(desired, actual));
    found.extend(relocate(desired, actual, policy));
    found.extend(convert(desired, actual, &mut plan.notes));
    let (marks, others): (Vec<_>, Vec<_>) = set_attributes(desired, actual)
        .into_iter()
        .partition(|(name, _)| [MARK, INDEXED_MARK].contains(&name.as_str()));
    found.extend(others.into_iter().map(|(_, change)| change));
    if policy.full && policy.drift != DriftAction::Repair {
        if policy.drift == DriftAction::Report {
            plan.notes.extend(found.iter().map(difference));
        }
        found.clear();
    }
    // Ownership first: if a run ends in the middle, the group is still known as ours.
    plan.changes = marks.into_iter().map(|(_, change)| change).collect();
    plan.changes.append(&mut found);
    plan.count_before = members::count_before(&input.members, actual);
    take_members(
        &mut plan,
        members::of_existing_group(&input.members, policy.drift),
    );
    plan
}

fn rename(desired: &DesiredGroup, actual: &DirectoryGroup) -> Option<Change> {
    let old_cn = match values(&actual.attributes, "cn").first() {
        Some(cn) => cn.clone(),
        None => dn::first_value(&actual.dn)?,
    };
    (old_cn != desired.cn).then(|| Change::RenameGroup {
        old_cn,
        new_cn: desired.cn.clone(),
    })
}

/// A target rule moves; without one a group stays wherever it is, unless it was put away and is wanted again.
fn relocate(desired: &DesiredGroup, actual: &DirectoryGroup, policy: &Policy) -> Option<Change> {
    let old_parent = dn::parent(&actual.dn)?;
    let put_away = policy.deprovision == DeprovisionAction::Move
        && policy
            .deprovision_container
            .as_deref()
            .is_some_and(|container| dn::same(container, old_parent));
    let wanted = desired.enforce_parent || put_away;
    (wanted && !dn::same(old_parent, &desired.parent_dn)).then(|| Change::MoveGroup {
        old_parent: old_parent.to_owned(),
        new_parent: desired.parent_dn.clone(),
    })
}

fn convert(
    desired: &DesiredGroup,
    actual: &DirectoryGroup,
    notes: &mut Vec<String>,
) -> Option<Change> {
    const SCOPE: i32 = 0xf;
    let (old, wanted) = (actual.group_type, desired.group_type);
    if old.0 & SCOPE != wanted.0 & SCOPE {
        notes.push(format!(
            "its scope is not the configured one (groupType {}, configured {}): the scope of an existing group is not changed",
            old.0, wanted.0
        ));
    }
    let new = if wanted.is_security() {
        GroupType(old.0 | i32::MIN)
    } else if !old.is_security() || desired.type_is_explicit {
        old.as_distribution()
    } else {
        notes.push(
            "it is a security group in AD and would be a distribution group: not converted, because access would be \
             lost; set onPremisesGroupType of the cloud group to convert it"
                .to_owned(),
        );
        old
    };
    (new != old).then_some(Change::ConvertGroup { old, new })
}

fn set_attributes(desired: &DesiredGroup, actual: &DirectoryGroup) -> Vec<(String, Change)> {
    let sam = desired
        .sam_account_name
        .iter()
        .map(|name| ("sAMAccountName".to_owned(), vec![name.clone()]));
    desired
        .attributes
        .iter()
        .map(|(name, new)| (name.clone(), new.clone()))
        .chain(sam)
        .filter_map(|(attribute, new)| {
            let old = values(&actual.attributes, &attribute);
            let differ = old.iter().collect::<BTreeSet<_>>() != new.iter().collect::<BTreeSet<_>>();
            differ.then(|| {
                let old = old.to_vec();
                (
                    attribute.clone(),
                    Change::SetAttribute {
                        attribute,
                        old,
                        new,
                    },
                )
            })
        })
        .collect()
}

/// A difference that is only reported.
fn difference(change: &Change) -> String {
    let show = |values: &[String]| match values {
        [] => "nothing".to_owned(),
        values => format!("\"{}\"", values.join("; ")),
    };
    match change {
        Change::RenameGroup { old_cn, new_cn } => {
            format!("drift: its name is \"{old_cn}\" and should be \"{new_cn}\"")
        }
        Change::MoveGroup {
            old_parent,
            new_parent,
        } => {
            format!("drift: it is under {old_parent} and should be under {new_parent}")
        }
        Change::SetAttribute {
            attribute,
            old,
            new,
        } => {
            format!(
                "drift: {attribute} is {} and should be {}",
                show(old),
                show(new)
            )
        }
        Change::ConvertGroup { old, new } => {
            format!("drift: groupType is {} and should be {}", old.0, new.0)
        }
        Change::CreateGroup { .. } | Change::DeleteGroup { .. } => String::new(),
    }
}

/// A group that should not be (kept up) any more. Only a group that is gone from the cloud for good is deleted without
/// being asked for, and nothing at all happens before the days of grace are over.
fn deprovision(
    input: &GroupInput,
    actual: &DirectoryGroup,
    reason: AbsentReason,
    grace_over: bool,
    policy: &Policy,
) -> GroupPlan {
    let name = values(&actual.attributes, "displayName").first().cloned();
    let name = name
        .or_else(|| dn::first_value(&actual.dn))
        .unwrap_or_default();
    let mut plan = empty_plan(input, name, actual.dn.clone());
    plan.reason = Some(reason);
    plan.count_before = members::count_before(&input.members, actual);
    let why = reason.text();
    if !grace_over {
        plan.notes.push(format!(
            "left as it is: {why}, and its days of grace are not over"
        ));
        return plan;
    }
    let action = match reason {
        AbsentReason::HardDeleted => DeprovisionAction::Delete,
        _ => policy.deprovision,
    };
    match action {
        DeprovisionAction::Freeze => plan.notes.push(format!("left as it is: {why}")),
        DeprovisionAction::Report => plan.notes.push(format!("only reported: {why}")),
        DeprovisionAction::Delete => plan.changes.push(Change::DeleteGroup { reason }),
        DeprovisionAction::ConvertToDistribution if actual.group_type.is_security() => {
            plan.changes.push(Change::ConvertGroup {
                old: actual.group_type,
                new: actual.group_type.as_distribution(),
            });
        }
        DeprovisionAction::ConvertToDistribution => {
            plan.notes
                .push(format!("left as it is: {why}, and it gives no access"));
        }
        DeprovisionAction::RemoveMembers => match members::of_emptied_group(&input.members) {
            Some(removes) => plan.removes = removes,
            None => plan.notes.push(format!(
                "left as it is: {why}, and its members in AD were not read"
            )),
        },
        DeprovisionAction::Move => put_away(&mut plan, policy),
    }
    plan
}

fn put_away(plan: &mut GroupPlan, policy: &Policy) {
    match (&policy.deprovision_container, dn::parent(&plan.dn)) {
        (Some(container), Some(parent)) if !dn::same(parent, container) => {
            plan.changes.push(Change::MoveGroup {
                old_parent: parent.to_owned(),
                new_parent: container.clone(),
            });
        }
        (Some(_), Some(_)) => {}
        _ => plan
            .notes
            .push("left as it is: no container to move it to".to_owned()),
    }
}
