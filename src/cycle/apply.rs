//! One group's part of a plan, written to AD: created with its first members, changed, its members, or deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::directory::{CreateOutcome, DirectoryWriter};
use crate::error::{Error, ErrorId, Result};
use crate::model::{Attributes, DirectoryGroup, Guid, MemberKey, ObjectId, SkipReason};
use crate::plan::{Change, GroupPlan, PlannedMember, operations};
use crate::store::{Direction, GroupEnd, KnownChange, OperationStatus, Resolution, Store};

/// What every task of an export shares.
pub(super) struct Shared {
    pub writer: DirectoryWriter,
    pub store: Arc<dyn Store>,
    pub batch_size: usize,
}

/// A group's part of a plan: all of it, or the operations that were chosen, with their places in the whole.
pub(super) struct Part {
    pub plan: GroupPlan,
    /// Place of each change.
    pub changes: Vec<usize>,
    /// Ordinal of each added member.
    pub adds: Vec<u64>,
    /// Ordinal of each removed member.
    pub removes: Vec<u64>,
    /// Nothing was left out: the group's pending work is done with it.
    pub whole: bool,
}

impl Part {
    /// All of a group's plan, or the operations whose id is chosen.
    pub fn new(plan: GroupPlan, chosen: Option<&BTreeSet<String>>) -> Part {
        let (changes, adds, removes) = (plan.changes.len(), plan.adds.len(), plan.removes.len());
        let Some(chosen) = chosen else {
            return Part {
                changes: (0..changes).collect(),
                adds: (0..adds as u64).collect(),
                removes: (0..removes as u64).collect(),
                whole: true,
                plan,
            };
        };
        // Rows come as changes, adds, removes (`operations`): a row's number tells its list and its place there.
        let taken: Vec<bool> = operations(&plan).map(|o| chosen.contains(&o.id)).collect();
        let places =
            |from: usize, count: usize| (0..count).filter(|n| taken[from + n]).collect::<Vec<_>>();
        let ordinals = |from, count| places(from, count).into_iter().map(|n| n as u64).collect();
        Part {
            changes: places(0, changes),
            adds: ordinals(changes, adds),
            removes: ordinals(changes + adds, removes),
            whole: false,
            plan: plan.restricted_to(|id| chosen.contains(id)),
        }
    }
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
    /// AD's words about the first of them that it refused without a known reason.
    pub word: Option<String>,
    pub units: u64,
    pub error: Option<Error>,
    /// For the store.
    pub end: GroupEnd,
    /// Indexes of the changes that were written.
    applied: BTreeSet<usize>,
    /// Members were written, but for these ordinals, with AD's word.
    members_written: bool,
    refused: Vec<(Direction, u64, String)>,
    resolutions: Vec<(ObjectId, Resolution)>,
    /// Members without key in the plan that are written now.
    late: Vec<ObjectId>,
    known: Option<KnownChange>,
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

/// Applies one group's part. What it came to is in `Done::end`, to be recorded: what was written, what not, and that
/// its pending work is done when everything was.
pub(super) async fn apply(shared: &Shared, part: Part, held: Option<usize>) -> (ObjectId, Done) {
    let mut done = Done::default();
    let written = write(shared, &part, held, &mut done).await;
    done.end = end(&part, &mut done, written.as_ref().err());
    done.error = written.err();
    (part.plan.object_id, done)
}

/// The end of a group whose Add held all there was to write.
pub(super) fn created_whole() -> GroupEnd {
    let applied = (OperationStatus::Applied, None);
    GroupEnd {
        changes: vec![(0, applied.clone())],
        members: vec![(Direction::Add, None, applied)],
        complete: Some(Vec::new()),
        ..GroupEnd::default()
    }
}

async fn write(shared: &Shared, part: &Part, held: Option<usize>, done: &mut Done) -> Result<()> {
    let plan = &part.plan;
    let known = shared.store.known_group(plan.object_id)?.map(|k| k.group);
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
        done.applied.extend(0..plan.changes.len());
        done.known = Some(KnownChange::Forget);
        return Ok(());
    }
    let mut changed = known;
    change_group(shared, plan, guid, &mut changed, done).await?;
    change_members(shared, part, guid, held.unwrap_or(0), done).await?;
    if let Some(mut group) = changed {
        let before = group.member_count.unwrap_or(plan.count_before);
        group.member_count = Some((before + done.added).saturating_sub(done.removed));
        done.known = Some(KnownChange::Save(Box::new(group)));
    }
    Ok(())
}

/// Attributes in one modify, then type, name and place.
async fn change_group(
    shared: &Shared,
    plan: &GroupPlan,
    guid: Guid,
    known: &mut Option<DirectoryGroup>,
    done: &mut Done,
) -> Result<()> {
    let mut sets: Vec<(String, Vec<String>)> = Vec::new();
    let mut set_at = Vec::new();
    for (index, change) in plan.changes.iter().enumerate() {
        match change {
            Change::SetAttribute { attribute, new, .. } => {
                sets.push((attribute.clone(), new.clone()));
                set_at.push(index);
            }
            // Done before this, by `create`.
            Change::CreateGroup { .. } => {
                done.applied.insert(index);
            }
            _ => {}
        }
    }
    if !sets.is_empty() {
        shared.writer.set_attributes(guid, &sets).await?;
        done.updated += 1;
        done.units += 1;
        done.applied.extend(set_at);
        if let Some(group) = known {
            group.attributes.extend(sets);
        }
    }
    for (index, change) in plan.changes.iter().enumerate() {
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
        done.applied.insert(index);
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

/// Members, adds before removes.
async fn change_members(
    shared: &Shared,
    part: &Part,
    guid: Guid,
    held: usize,
    done: &mut Done,
) -> Result<()> {
    let plan = &part.plan;
    // In slices: a very large group must not be in memory several times over.
    let slice = shared.batch_size.max(1) * 8;
    let adds: Vec<(&PlannedMember, u64)> = plan
        .adds
        .iter()
        .zip(part.adds.iter().copied())
        .skip(held)
        .collect();
    for adds in adds.chunks(slice) {
        add_members(shared, guid, adds, done).await?;
    }
    let removes: Vec<(&PlannedMember, u64)> = plan
        .removes
        .iter()
        .zip(part.removes.iter().copied())
        .collect();
    let mut kept = None;
    for removes in removes.chunks(slice) {
        let refusal = remove_members(shared, guid, removes, done).await?;
        kept = kept.or(refusal);
    }
    done.members_written = true;
    // Who was to be removed still has access: the group stays pending and the run says so.
    kept.map_or(Ok(()), |error| Err(not_removed(&plan.name, error)))
}

async fn add_members(
    shared: &Shared,
    guid: Guid,
    members: &[(&PlannedMember, u64)],
    done: &mut Done,
) -> Result<()> {
    let (mut adds, mut by_key) = (Vec::new(), BTreeMap::new());
    for (member, ordinal) in members {
        let key = match (&member.key, member.member_id) {
            (Some(key), _) => key.clone(),
            (None, Some(nested)) => match shared.store.known_group(nested)? {
                Some(known) => {
                    done.late.push(nested);
                    MemberKey::Sid(known.group.sid)
                }
                None => {
                    done.skipped
                        .push((nested, SkipReason::NestedGroupNotWritten));
                    let why = "The nested group is not written yet.".to_owned();
                    done.refused.push((Direction::Add, *ordinal, why));
                    continue;
                }
            },
            (None, None) => continue,
        };
        by_key.insert(key.clone(), (*ordinal, member.member_id));
        adds.push(key);
    }
    let outcome = shared
        .writer
        .modify_members(guid, &adds, &[], shared.batch_size)
        .await?;
    done.added += outcome.added.len() as u64;
    done.units += adds.len() as u64;
    for (key, reason, error) in outcome.failed {
        let Some((ordinal, member)) = by_key.get(&key) else {
            continue;
        };
        done.refused
            .push((Direction::Add, *ordinal, error.to_string()));
        if reason == SkipReason::RefusedByDirectory {
            done.word = done.word.take().or_else(|| error.causes.first().cloned());
        }
        let Some(member) = member else { continue };
        done.skipped.push((*member, reason));
        // Looked up again in later cycles.
        done.resolutions.push((
            *member,
            match reason {
                SkipReason::NotFoundInDirectory => Resolution::NotFound,
                other => Resolution::Other(other),
            },
        ));
    }
    Ok(())
}

/// Gives why the first of those that stayed did.
async fn remove_members(
    shared: &Shared,
    guid: Guid,
    members: &[(&PlannedMember, u64)],
    done: &mut Done,
) -> Result<Option<Error>> {
    let keyed = members
        .iter()
        .filter_map(|(m, ordinal)| Some((m.key.clone()?, *ordinal)));
    let by_key: BTreeMap<MemberKey, u64> = keyed.collect();
    let removes: Vec<MemberKey> = by_key.keys().cloned().collect();
    let outcome = shared
        .writer
        .modify_members(guid, &[], &removes, shared.batch_size)
        .await?;
    done.removed += outcome.removed.len() as u64;
    done.units += removes.len() as u64;
    let mut kept = None;
    for (key, _, error) in outcome.failed {
        if let Some(ordinal) = by_key.get(&key) {
            done.refused
                .push((Direction::Remove, *ordinal, error.to_string()));
        }
        kept = kept.or(Some(error));
    }
    Ok(kept)
}

fn not_removed(name: &str, refusal: Error) -> Error {
    let who = refusal.target.clone().unwrap_or_default();
    let mut error = Error::new(
        ErrorId::DirectoryOperationFailed,
        format!("{who} is still a member of '{name}': the controller refused to remove it."),
    );
    error.causes = refusal.causes;
    error
}

/// What became of every operation of the part.
fn end(part: &Part, done: &mut Done, error: Option<&Error>) -> GroupEnd {
    let why = error.map(ToString::to_string);
    let ending = |applied: bool| {
        if applied {
            (OperationStatus::Applied, None)
        } else {
            (OperationStatus::Failed, why.clone())
        }
    };
    let changes = part
        .changes
        .iter()
        .enumerate()
        .map(|(index, place)| (*place, ending(done.applied.contains(&index))))
        .collect();
    let mut members = Vec::new();
    for (direction, ordinals) in [
        (Direction::Add, &part.adds),
        (Direction::Remove, &part.removes),
    ] {
        if !ordinals.is_empty() {
            let which = if part.whole {
                None
            } else {
                Some(ordinals.clone())
            };
            members.push((direction, which, ending(done.members_written)));
        }
    }
    for (direction, ordinal, word) in std::mem::take(&mut done.refused) {
        let status = match direction {
            Direction::Add => OperationStatus::Skipped,
            Direction::Remove => OperationStatus::Failed,
        };
        members.push((direction, Some(vec![ordinal]), (status, Some(word))));
    }
    let complete = part.whole && error.is_none();
    GroupEnd {
        changes,
        members,
        skipped: done.skipped.clone(),
        resolutions: std::mem::take(&mut done.resolutions),
        known: done.known.take(),
        complete: complete.then(|| std::mem::take(&mut done.late)),
    }
}
