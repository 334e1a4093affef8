//! What every test of the planner needs: groups, inputs, and a directory of one group that a plan is applied to.

mod members;
mod planner;
mod properties;
mod shown;

use std::collections::BTreeSet;

use super::*;
use crate::config::{DeprovisionAction, DriftAction};
use crate::model::Sid;

fn id(n: u8) -> ObjectId {
    Guid([n; 16])
}

fn key(n: u32) -> MemberKey {
    if n % 5 == 4 {
        return MemberKey::Guid(Guid([n as u8; 16]));
    }
    MemberKey::Sid(format!("S-1-5-21-1-2-3-{n}").parse::<Sid>().unwrap())
}

fn member(n: u32) -> PlannedMember {
    PlannedMember {
        key: Some(key(n)),
        member_id: Some(id(n as u8)),
    }
}

fn keyless(n: u8) -> PlannedMember {
    PlannedMember {
        key: None,
        member_id: Some(id(n)),
    }
}

fn members(numbers: &[u32]) -> Vec<PlannedMember> {
    let mut members: Vec<_> = numbers.iter().map(|n| member(*n)).collect();
    members.sort();
    members
}

fn keys(numbers: &[u32]) -> Vec<MemberKey> {
    let mut keys: Vec<_> = numbers.iter().map(|n| key(*n)).collect();
    keys.sort();
    keys
}

fn attributes(pairs: &[(&str, &[&str])]) -> Attributes {
    pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), v.iter().map(|v| (*v).to_owned()).collect()))
        .collect()
}

fn mark(n: u8) -> String {
    format!("Group_{}", id(n))
}

fn desired() -> DesiredGroup {
    let mark = mark(1);
    DesiredGroup {
        object_id: id(1),
        name: "Sales".into(),
        cn: "Sales_1".into(),
        parent_dn: "OU=Groups,DC=x".into(),
        enforce_parent: false,
        group_type: GroupType::UNIVERSAL_SECURITY,
        type_is_explicit: false,
        sam_account_name: None,
        attributes: attributes(&[
            ("displayName", &["Sales"]),
            ("description", &[]),
            ("adminDescription", &[&mark]),
            ("msDS-ExternalDirectoryObjectId", &[&mark]),
        ]),
    }
}

fn actual() -> DirectoryGroup {
    let desired = desired();
    let mut attributes = desired.attributes;
    attributes.retain(|_, v| !v.is_empty());
    attributes.insert("cn".into(), vec![desired.cn]);
    DirectoryGroup {
        object_id: id(1),
        guid: id(100),
        sid: "S-1-5-21-1-2-3-9999".parse().unwrap(),
        dn: "CN=Sales_1,OU=Groups,DC=x".into(),
        group_type: desired.group_type,
        attributes,
        usn_changed: 7,
        member_count: None,
        protected: false,
    }
}

fn present(
    desired: DesiredGroup,
    actual: Option<DirectoryGroup>,
    members: MemberInput,
) -> GroupInput {
    GroupInput {
        object_id: id(1),
        wanted: Wanted::Present(desired),
        actual,
        members,
    }
}

fn absent(reason: AbsentReason, members: MemberInput) -> GroupInput {
    GroupInput {
        object_id: id(1),
        wanted: Wanted::Absent {
            reason,
            grace_over: true,
        },
        actual: Some(actual()),
        members,
    }
}

fn full(desired: &[u32], actual: &[u32]) -> MemberInput {
    MemberInput::Full {
        desired: members(desired),
        actual: keys(actual),
    }
}

fn policy(drift: DriftAction, full: bool) -> Policy {
    Policy {
        drift,
        full,
        ..Policy::default()
    }
}

fn when_gone(deprovision: DeprovisionAction) -> Policy {
    Policy {
        deprovision,
        deprovision_container: Some("OU=Old,DC=x".into()),
        ..Policy::default()
    }
}

fn plan(input: &GroupInput, policy: &Policy) -> GroupPlan {
    plan_group(input, policy).expect("a plan")
}

/// Applies a plan as a directory would. `None` = the group is gone.
fn apply(
    plan: &GroupPlan,
    before: Option<&DirectoryGroup>,
    members: &BTreeSet<MemberKey>,
    resolve: impl Fn(ObjectId) -> MemberKey,
) -> (Option<DirectoryGroup>, BTreeSet<MemberKey>) {
    let mut group = before.cloned();
    let mut members = members.clone();
    for change in &plan.changes {
        match (change, &mut group) {
            (
                Change::CreateGroup {
                    parent_dn,
                    cn,
                    group_type,
                    sam_account_name,
                    attributes,
                },
                none,
            ) => {
                assert!(none.is_none(), "created twice");
                assert!(
                    attributes.values().all(|v| !v.is_empty()),
                    "AD has no empty attributes"
                );
                let mut attributes = attributes.clone();
                attributes.insert("cn".into(), vec![cn.clone()]);
                attributes.extend(
                    sam_account_name
                        .iter()
                        .map(|s| ("sAMAccountName".into(), vec![s.clone()])),
                );
                *none = Some(DirectoryGroup {
                    object_id: plan.object_id,
                    dn: dn::child(cn, parent_dn),
                    group_type: *group_type,
                    attributes,
                    ..actual()
                });
            }
            (Change::RenameGroup { old_cn, new_cn }, Some(group)) => {
                assert_eq!(group.attributes.get("cn"), Some(&vec![old_cn.clone()]));
                group.dn = dn::child(new_cn, dn::parent(&group.dn).unwrap());
                group.attributes.insert("cn".into(), vec![new_cn.clone()]);
            }
            (Change::MoveGroup { new_parent, .. }, Some(group)) => {
                group.dn = dn::child(&group.attributes["cn"][0], new_parent);
            }
            (Change::SetAttribute { attribute, new, .. }, Some(group)) => {
                let known = group
                    .attributes
                    .keys()
                    .find(|k| k.eq_ignore_ascii_case(attribute));
                let name = known.unwrap_or(attribute).clone();
                if new.is_empty() {
                    group.attributes.remove(&name);
                } else {
                    group.attributes.insert(name, new.clone());
                }
            }
            (Change::ConvertGroup { old, new }, Some(group)) => {
                assert_eq!(group.group_type, *old);
                group.group_type = *new;
            }
            (Change::DeleteGroup { .. }, some) => {
                *some = None;
                members.clear();
            }
            (change, None) => panic!("{change:?} of a group that isn't there"),
        }
    }
    for removed in &plan.removes {
        members.remove(removed.key.as_ref().expect("an address"));
    }
    for added in &plan.adds {
        members.insert(
            added
                .key
                .clone()
                .unwrap_or_else(|| resolve(added.member_id.unwrap())),
        );
    }
    (group, members)
}
