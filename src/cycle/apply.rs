//! One group's part of a plan, written to AD: created with its first members, changed, its members, or deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::on_disk;
use crate::directory::{CreateOutcome, DirectoryWriter};
use crate::error::{Error, ErrorId, Result};
use crate::model::{Attributes, DirectoryGroup, Guid, MemberKey, ObjectId, SkipReason};
use crate::plan::{Change, GroupPlan};
use crate::store::{Direction, Fence, OperationStatus, Ordinals, Resolution, Store};

/// What every task of an export shares.
pub(super) struct Shared {
    pub writer: DirectoryWriter,
    pub store: Arc<dyn Store>,
    pub fence: Fence,
    pub plan_id: Guid,
    pub batch_size: usize,
}

/// What one group came to.
#[derive(Default)]
pub(super) struct Done {
    pub updated: u64,
    pub renamed: u64,
    pub converted: u64,
    pub deleted: u64,
    pub added: u64,
    pub removed: u64,
    pub skipped: Vec<(ObjectId, SkipReason)>,
    pub units: u64,
    pub error: Option<Error>,
}

pub(super) struct Created {
    pub id: ObjectId,
    /// Members that were part of the Add.
    pub held: usize,
    /// Whether it is new.
    pub result: Result<bool>,
}

/// Creates one group, with as many members as one request takes.
pub(super) async fn create(shared: &Shared, plan: &GroupPlan) -> Created {
    let id = plan.object_id;
    let Some(Change::CreateGroup {
        parent_dn,
        cn,
        group_type,
        sam_account_name,
        attributes,
    }) = plan.changes.first()
    else {
        return Created {
            id,
            held: 0,
            result: Ok(false),
        };
    };
    let keys: Vec<MemberKey> = plan
        .adds
        .iter()
        .map_while(|m| m.key.clone())
        .take(shared.batch_size)
        .collect();
    let (held, sam) = (keys.len(), sam_account_name.as_deref());
    let outcome = shared
        .writer
        .create_group(parent_dn, cn, *group_type, sam, attributes, &keys)
        .await;
    match outcome {
        Ok(CreateOutcome::Created) => Created {
            id,
            held,
            result: Ok(true),
        },
        // The members then follow in modifies, which isolate the one that AD refuses.
        Ok(CreateOutcome::CreatedWithoutMembers) => Created {
            id,
            held: 0,
            result: Ok(true),
        },
        // Another run's work, maybe half of it: its members are all written again, which is harmless.
        Ok(CreateOutcome::AlreadyOurs { guid }) => {
            let wanted = complete(attributes);
            let result = shared
                .writer
                .set_attributes(guid, &wanted)
                .await
                .map(|()| false);
            Created {
                id,
                held: 0,
                result,
            }
        }
        Err(error) => Created {
            id,
            held: 0,
            result: Err(error),
        },
    }
}

fn complete(attributes: &Attributes) -> Vec<(String, Vec<String>)> {
    attributes
        .iter()
        .filter(|(_, v)| !v.is_empty())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// Applies one group's plan and, when all of it was written, clears its pending work.
pub(super) async fn apply(
    shared: &Shared,
    plan: GroupPlan,
    held: Option<usize>,
    whole: bool,
) -> (ObjectId, Done) {
    let mut done = Done::default();
    done.error = try_apply(shared, &plan, held, whole, &mut done).await.err();
    (plan.object_id, done)
}

async fn try_apply(
    shared: &Shared,
    plan: &GroupPlan,
    held: Option<usize>,
    whole: bool,
    done: &mut Done,
) -> Result<()> {
    let id = plan.object_id;
    let known = shared.store.known_group(id)?.map(|k| k.group);
    let Some(guid) = known.as_ref().map(|k| k.guid).or(plan.guid) else {
        return Err(Error::new(
            ErrorId::GroupNotFound,
            format!(
                "'{}' was created and is not found again; the next cycle completes it.",
                plan.name
            ),
        ));
    };
    if super::is_delete(plan) {
        shared.writer.delete(guid).await?;
        done.deleted += 1;
        done.units += 1;
        record_changes(shared, plan)?;
        shared.store.forget_known_group(shared.fence, id)?;
        return if whole {
            shared
                .store
                .complete_group(shared.fence, shared.plan_id, id, &[])
        } else {
            Ok(())
        };
    }
    let mut changed = known;
    change_group(shared, plan, guid, &mut changed, done).await?;
    record_changes(shared, plan)?;
    let late = change_members(shared, plan, guid, held.unwrap_or(0), done).await?;
    if let Some(mut group) = changed {
        let before = group.member_count.unwrap_or(plan.count_before);
        group.member_count = Some((before + done.added).saturating_sub(done.removed));
        on_disk(|| shared.store.save_known_groups(shared.fence, &[group]))?;
    }
    if whole {
        on_disk(|| {
            shared
                .store
                .complete_group(shared.fence, shared.plan_id, id, &late)
        })
    } else {
        Ok(())
    }
}

/// Attributes in one modify, then type, name and place.
async fn change_group(
    shared: &Shared,
    plan: &GroupPlan,
    guid: Guid,
    known: &mut Option<DirectoryGroup>,
    done: &mut Done,
) -> Result<()> {
    let sets: Vec<(String, Vec<String>)> = plan
        .changes
        .iter()
        .filter_map(|c| match c {
            Change::SetAttribute { attribute, new, .. } => Some((attribute.clone(), new.clone())),
            _ => None,
        })
        .collect();
    if !sets.is_empty() {
        shared.writer.set_attributes(guid, &sets).await?;
        done.updated += 1;
        done.units += 1;
        if let Some(group) = known {
            group.attributes.extend(sets);
        }
    }
    for change in &plan.changes {
        let dn = match change {
            Change::ConvertGroup { new, .. } => {
                shared.writer.set_group_type(guid, *new).await?;
                done.converted += 1;
                if let Some(group) = known {
                    group.group_type = *new;
                }
                None
            }
            Change::RenameGroup { new_cn, .. } => Some(shared.writer.rename(guid, new_cn).await?),
            Change::MoveGroup { new_parent, .. } => {
                Some(shared.writer.move_to(guid, new_parent).await?)
            }
            Change::CreateGroup { .. }
            | Change::SetAttribute { .. }
            | Change::DeleteGroup { .. } => continue,
        };
        done.units += 1;
        if let Some(dn) = dn {
            done.renamed += 1;
            if let Some(group) = known {
                group.dn = dn;
            }
        }
    }
    Ok(())
}

fn record_changes(shared: &Shared, plan: &GroupPlan) -> Result<()> {
    on_disk(|| {
        for index in 0..plan.changes.len() {
            shared.store.set_change_status(
                shared.fence,
                shared.plan_id,
                plan.object_id,
                index,
                OperationStatus::Applied,
                None,
            )?;
        }
        Ok(())
    })
}

/// Members, adds before removes; gives the members that were keyless in the plan and are written now.
async fn change_members(
    shared: &Shared,
    plan: &GroupPlan,
    guid: Guid,
    held: usize,
    done: &mut Done,
) -> Result<Vec<ObjectId>> {
    let id = plan.object_id;
    let (mut adds, mut by_key, mut late) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (ordinal, member) in plan.adds.iter().enumerate().skip(held) {
        let key = match (&member.key, member.member_id) {
            (Some(key), _) => key.clone(),
            (None, Some(nested)) => match shared.store.known_group(nested)? {
                Some(known) => {
                    late.push(nested);
                    MemberKey::Sid(known.group.sid)
                }
                None => {
                    done.skipped
                        .push((nested, SkipReason::NestedGroupNotWritten));
                    continue;
                }
            },
            (None, None) => continue,
        };
        by_key.insert(key.clone(), (ordinal as u64, member.member_id));
        adds.push(key);
    }
    let removes: Vec<MemberKey> = plan.removes.iter().filter_map(|m| m.key.clone()).collect();
    // In slices, so that progress shows and a request to stop is heard in a very large group.
    let slice = shared.batch_size.max(1) * 8;
    let mut failed = Vec::new();
    for adds in adds.chunks(slice) {
        let outcome = shared
            .writer
            .modify_members(guid, adds, &[], shared.batch_size)
            .await?;
        done.added += outcome.added.len() as u64;
        done.units += adds.len() as u64;
        failed.extend(outcome.failed);
    }
    for removes in removes.chunks(slice) {
        let outcome = shared
            .writer
            .modify_members(guid, &[], removes, shared.batch_size)
            .await?;
        done.removed += outcome.removed.len() as u64;
        done.units += removes.len() as u64;
        failed.extend(outcome.failed);
    }
    on_disk(|| record_members(shared, plan, &failed, &by_key, done, id))?;
    Ok(late)
}

/// Statuses of the members, and for those AD refused why: they are looked up again in later cycles.
fn record_members(
    shared: &Shared,
    plan: &GroupPlan,
    failed: &[(MemberKey, SkipReason, Error)],
    by_key: &BTreeMap<MemberKey, (u64, Option<ObjectId>)>,
    done: &mut Done,
    id: ObjectId,
) -> Result<()> {
    let (store, fence, plan_id) = (&shared.store, shared.fence, shared.plan_id);
    for (direction, members) in [
        (Direction::Add, &plan.adds),
        (Direction::Remove, &plan.removes),
    ] {
        if !members.is_empty() {
            store.set_member_status(
                fence,
                plan_id,
                id,
                direction,
                Ordinals::All,
                OperationStatus::Applied,
                None,
            )?;
        }
    }
    let mut resolutions = Vec::new();
    for (key, reason, error) in failed {
        let Some((ordinal, member)) = by_key.get(key) else {
            continue;
        };
        store.set_member_status(
            fence,
            plan_id,
            id,
            Direction::Add,
            Ordinals::Some(&[*ordinal]),
            OperationStatus::Skipped,
            Some(&error.to_string()),
        )?;
        let Some(member) = member else { continue };
        done.skipped.push((*member, *reason));
        resolutions.push((
            *member,
            match reason {
                SkipReason::NotFoundInDirectory => Resolution::NotFound,
                other => Resolution::Other(*other),
            },
        ));
    }
    if !resolutions.is_empty() {
        store.set_resolutions(fence, &resolutions)?;
    }
    if !done.skipped.is_empty() {
        store.update_skipped(fence, id, &done.skipped, &[])?;
    }
    Ok(())
}
