//! Scopes of groups: which group may hold which, known before anything is written. Windows refuses the others with the
//! whole request; Samba takes them, and a universal group with a domain local member is illegal on the next controller.

use std::collections::BTreeSet;

use super::assemble::Members;
use super::run::Run;
use crate::error::Result;
use crate::model::{GroupType, MemberKey, MemberKind, ObjectId, Sid, SkipReason};
use crate::plan::{MemberInput, PlannedMember};
use crate::store::{PendingMember, PolicyType};

/// Takes out of a plan's members the groups that a group of type `holder` may not hold.
pub(super) async fn forbid(
    run: &mut Run<'_>,
    holder: GroupType,
    members: &mut Members,
) -> Result<()> {
    let groups = std::mem::take(&mut members.groups);
    if groups.is_empty() || holder.is_domain_local() {
        return Ok(());
    }
    learn(run, &groups).await?;
    let mut forbidden = BTreeSet::new();
    for (id, key) in &groups {
        if group_type(run, *id, key.as_ref())?.is_some_and(|of| !holder.may_hold(of)) {
            forbidden.insert(*id);
        }
    }
    if forbidden.is_empty() {
        return Ok(());
    }
    let allowed = |m: &PlannedMember| m.member_id.is_none_or(|id| !forbidden.contains(&id));
    match &mut members.input {
        MemberInput::Full { desired, .. } => desired.retain(allowed),
        MemberInput::Changes { adds, .. } => adds.retain(allowed),
        MemberInput::Untouched => {}
    }
    members.cleared.retain(|id| !forbidden.contains(id));
    let why = |id| (id, SkipReason::ScopeForbidden);
    members.skipped.extend(forbidden.into_iter().map(why));
    Ok(())
}

/// Members that were left out for their scope and whose scope has been changed in AD since: pending again. A full cycle
/// looks at everything anyhow.
pub(super) async fn reconsider(run: &mut Run<'_>) -> Result<()> {
    if run.policy == PolicyType::Initial {
        return Ok(());
    }
    let store = run.store();
    let mut open = Vec::new();
    for (group, member) in store.skipped_because(SkipReason::ScopeForbidden)? {
        let key = store.member_view(member, MemberKind::Group)?.key;
        open.push((group, (member, key)));
    }
    let members: Vec<_> = open.iter().map(|(_, member)| member.clone()).collect();
    learn(run, &members).await?;
    for (group, (member, key)) in open {
        let (Some(holder), Some(of)) = (
            store.known_group(group)?,
            group_type(run, member, key.as_ref())?,
        ) else {
            continue;
        };
        if holder.group.group_type.may_hold(of) {
            let again = PendingMember {
                member_id: member,
                kind: MemberKind::Group,
                add: true,
                key: None,
            };
            store.add_pending_member(run.fence(), group, &again)?;
        }
    }
    Ok(())
}

/// Asks AD, once a run, for the types of the groups that are not written by us. Of another domain of the forest this
/// controller can't tell.
async fn learn(run: &mut Run<'_>, members: &[(ObjectId, Option<MemberKey>)]) -> Result<()> {
    let forest = run.engine.directory.forest();
    let mut sids = BTreeSet::new();
    for (id, key) in members {
        if let Some(MemberKey::Sid(sid)) = key
            && forest.is_own(sid)
            && !run.group_types.contains_key(sid)
            && run.store().known_group(*id)?.is_none()
        {
            sids.insert(sid.clone());
        }
    }
    if sids.is_empty() {
        return Ok(());
    }
    let sids: Vec<Sid> = sids.into_iter().collect();
    let found = run.engine.directory.resolve_sids(&sids).await?;
    for sid in sids {
        let group_type = found.get(&sid).and_then(|object| object.group_type);
        run.group_types.insert(sid, group_type);
    }
    Ok(())
}

/// The type a member group has in AD, or will have when this run creates it; `None` = not known, AD decides.
fn group_type(
    run: &Run<'_>,
    member: ObjectId,
    key: Option<&MemberKey>,
) -> Result<Option<GroupType>> {
    Ok(match (run.store().known_group(member)?, key) {
        (Some(ours), _) => Some(ours.group.group_type),
        (None, Some(MemberKey::Sid(sid))) => run.group_types.get(sid).copied().flatten(),
        (None, Some(MemberKey::Guid(_))) => None,
        (None, None) => Some(run.engine.config.group_scope.group_type()),
    })
}
