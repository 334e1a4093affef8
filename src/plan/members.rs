//! Member changes of one group.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use super::{MemberInput, PlannedMember};
use crate::config::DriftAction;
use crate::model::{DirectoryGroup, MemberKey, ObjectId};

/// Members named in notes at most, the rest by number.
const NAMED: usize = 20;

/// What is to be done to the members.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MemberPlan {
    pub(super) adds: Vec<PlannedMember>,
    pub(super) removes: Vec<PlannedMember>,
    pub(super) notes: Vec<String>,
}

/// What makes two members the same: the AD object; for one without address yet, the cloud object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    Key(MemberKey),
    Id(ObjectId),
}

fn identity(member: &PlannedMember) -> Option<Identity> {
    match (&member.key, member.member_id) {
        (Some(key), _) => Some(Identity::Key(key.clone())),
        (None, Some(id)) => Some(Identity::Id(id)),
        (None, None) => None,
    }
}

fn distinct<'a>(members: impl IntoIterator<Item = &'a PlannedMember>) -> Vec<PlannedMember> {
    let mut seen = HashSet::new();
    members
        .into_iter()
        .filter(|member| identity(member).is_some_and(|i| seen.insert(i)))
        .cloned()
        .collect()
}

/// Members of the AD group before the plan, for the percentage.
pub(super) fn count_before(input: &MemberInput, actual: &DirectoryGroup) -> u64 {
    match input {
        MemberInput::Untouched => actual.member_count.unwrap_or(0),
        MemberInput::Changes { count_before, .. } => *count_before,
        MemberInput::Full { actual, .. } => actual.len() as u64,
    }
}

/// A group that is about to be created has nobody to remove.
pub(super) fn of_new_group(input: &MemberInput, drift: DriftAction) -> MemberPlan {
    match input {
        MemberInput::Untouched => MemberPlan {
            notes: vec!["created without members: they could not be read completely".to_owned()],
            ..MemberPlan::default()
        },
        MemberInput::Changes { adds, .. } => MemberPlan {
            adds: distinct(adds),
            ..MemberPlan::default()
        },
        MemberInput::Full { desired, .. } => full(desired, &[], drift),
    }
}

pub(super) fn of_existing_group(input: &MemberInput, drift: DriftAction) -> MemberPlan {
    match input {
        MemberInput::Untouched => MemberPlan::default(),
        MemberInput::Changes { adds, removes, .. } => changes(adds, removes),
        MemberInput::Full { desired, actual } => full(desired, actual, drift),
    }
}

/// Everybody in AD; `None` when that is not known.
pub(super) fn of_emptied_group(input: &MemberInput) -> Option<Vec<PlannedMember>> {
    match input {
        MemberInput::Full { actual, .. } => Some(actual.iter().map(only_in_ad).collect()),
        _ => None,
    }
}

fn only_in_ad(key: &MemberKey) -> PlannedMember {
    PlannedMember {
        key: Some(key.clone()),
        member_id: None,
    }
}

/// As given. Who is both added and removed stays: a person who was deleted and recreated in the cloud is the same account
/// in AD.
fn changes(adds: &[PlannedMember], removes: &[PlannedMember]) -> MemberPlan {
    let adds = distinct(adds);
    let added: HashSet<_> = adds.iter().filter_map(identity).collect();
    let mut removes = distinct(removes);
    removes.retain(|member| identity(member).is_none_or(|i| !added.contains(&i)));
    let before = removes.len();
    // Without an address there is nothing in AD yet that could be removed.
    removes.retain(|member| member.key.is_some());
    let notes = match before - removes.len() {
        0 => Vec::new(),
        n => vec![format!("{n} members to remove have no address in AD")],
    };
    MemberPlan {
        adds,
        removes,
        notes,
    }
}

/// A list that keeps the promise of being sorted without repetition; made so when it doesn't. A merge-join of unsorted
/// lists would remove members that should stay.
fn sorted<T: Clone + Ord>(list: &[T]) -> Cow<'_, [T]> {
    if list.is_sorted_by(|a, b| a < b) {
        return Cow::Borrowed(list);
    }
    let mut list = list.to_vec();
    list.sort();
    list.dedup();
    Cow::Owned(list)
}

/// Merge-join of both sides.
fn full(desired: &[PlannedMember], actual: &[MemberKey], drift: DriftAction) -> MemberPlan {
    let mut plan = MemberPlan::default();
    let keyed = desired
        .iter()
        .filter_map(|m| Some((m.key.as_ref()?, m.member_id)));
    let keyed: Vec<_> = keyed.collect();
    let keyed = sorted(&keyed);
    let actual = sorted(actual);
    let mut extra: Vec<&MemberKey> = Vec::new();
    let mut last = None;
    let (mut left, mut right) = (keyed.iter().peekable(), actual.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some((wanted, _)), Some(present)) => (*wanted).cmp(*present),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        if order.is_gt() {
            extra.extend(right.next());
            continue;
        }
        if order.is_eq() {
            last = right.next();
        }
        if let Some((key, member_id)) = left.next()
            && last != Some(*key)
        {
            last = Some(*key);
            plan.adds.push(PlannedMember {
                key: Some((*key).clone()),
                member_id: *member_id,
            });
        }
    }
    plan.adds
        .extend(distinct(desired.iter().filter(|m| m.key.is_none())));
    match drift {
        DriftAction::Repair => plan.removes = extra.into_iter().map(only_in_ad).collect(),
        DriftAction::Report => plan.notes = drift_notes(&extra),
        DriftAction::Ignore => {}
    }
    plan
}

fn drift_notes(extra: &[&MemberKey]) -> Vec<String> {
    let mut notes: Vec<String> = extra
        .iter()
        .take(NAMED)
        .map(|key| {
            format!(
                "drift: {} is a member only in AD",
                super::operations::address(key)
            )
        })
        .collect();
    if extra.len() > NAMED {
        notes.push(format!(
            "drift: {} more members only in AD",
            extra.len() - NAMED
        ));
    }
    notes
}
