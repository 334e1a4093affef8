//! Export: a stored plan into AD. Creates first, then changes and members, deletions last; every write can be repeated.
//!
//! A group's pending work is cleared only after its last write was acknowledged, so a run that dies anywhere is
//! completed by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::import::is_of_the_run;
use super::lookup::containers;
use super::on_disk;
use super::run::Run;
use crate::directory::{CreateOutcome, DirectoryWriter};
use crate::error::{Error, ErrorId, Result};
use crate::model::{Attributes, DirectoryGroup, Guid, MemberKey, ObjectId, SkipReason};
use crate::plan::{Change, GroupPlan, PlannedMember};
use crate::store::{
    Direction, Fence, OperationStatus, Ordinals, PlanRecord, PlanState, Resolution, Store,
    StoredGroupPlan,
};

/// Groups worked on at the same time; the writer bounds its own requests.
const GROUPS_IN_FLIGHT: usize = 16;
/// Groups read from the plan in one go.
const PAGE: usize = 100;
/// Members read from the plan in one go.
const MEMBERS_PAGE: usize = 5000;

/// What every task of an export shares.
struct Shared {
    writer: DirectoryWriter,
    store: Arc<dyn Store>,
    fence: Fence,
    plan_id: Guid,
    batch_size: usize,
}

/// What one group came to.
#[derive(Default)]
struct Done {
    updated: u64,
    renamed: u64,
    converted: u64,
    deleted: u64,
    added: u64,
    removed: u64,
    skipped: Vec<(ObjectId, SkipReason)>,
    units: u64,
    error: Option<Error>,
}

/// Applies a plan, without the refused groups, only the chosen operations if some are chosen.
pub(super) async fn export(
    run: &mut Run<'_>,
    plan: &PlanRecord,
    chosen: Option<&BTreeSet<String>>,
    refused: &BTreeSet<ObjectId>,
) -> Result<()> {
    run.step("Export").await;
    let shared = Arc::new(Shared {
        writer: run.engine.directory.writer(),
        store: run.engine.store.clone(),
        fence: run.fence(),
        plan_id: plan.header.plan_id,
        batch_size: run.engine.config.batch_size as usize,
    });
    let totals = &plan.totals;
    let mut export = Export {
        total: totals.creates
            + totals.updates
            + totals.renames
            + totals.converts
            + totals.deletes
            + totals.member_adds
            + totals.member_removals,
        units: 0,
        created: BTreeMap::new(),
        failed: BTreeSet::new(),
        shared,
        chosen,
        refused,
    };
    export.creates(run).await?;
    export.changes(run, false).await?;
    export.changes(run, true).await?;
    if chosen.is_none() {
        run.store()
            .set_plan_state(run.fence(), plan.header.plan_id, PlanState::Applied)?;
    }
    Ok(())
}

struct Export<'a> {
    shared: Arc<Shared>,
    chosen: Option<&'a BTreeSet<String>>,
    refused: &'a BTreeSet<ObjectId>,
    /// Groups created in this run, with how many of their members the Add held.
    created: BTreeMap<ObjectId, usize>,
    failed: BTreeSet<ObjectId>,
    units: u64,
    total: u64,
}

impl Export<'_> {
    /// All new groups before any member change: then every nested reference exists (directory.md section 1).
    async fn creates(&mut self, run: &mut Run<'_>) -> Result<()> {
        let mut after = None;
        loop {
            let page = run.store().group_plans(self.shared.plan_id, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.plan.object_id);
            let mut tasks = JoinSet::new();
            for stored in page
                .into_iter()
                .filter(|g| matches!(g.plan.changes.first(), Some(Change::CreateGroup { .. })))
            {
                run.ctx.cancel.check()?;
                if self.is_refused(&stored)? {
                    continue;
                }
                let Some(plan) = self.load(&stored)? else {
                    continue;
                };
                if tasks.len() >= GROUPS_IN_FLIGHT
                    && let Some(done) = tasks.join_next().await
                {
                    self.take_created(run, joined(done)?).await?;
                }
                let shared = self.shared.clone();
                tasks.spawn(async move { create(&shared, &plan).await });
            }
            while let Some(done) = tasks.join_next().await {
                self.take_created(run, joined(done)?).await?;
            }
        }
        self.learn_created(run).await
    }

    async fn take_created(&mut self, run: &mut Run<'_>, created: Created) -> Result<()> {
        let Created { id, held, result } = created;
        match result {
            Ok(new) => {
                self.created.insert(id, held);
                run.counts.created += u64::from(new);
                run.counts.members_added += held as u64;
                self.advance(run, 1 + held as u64).await;
                Ok(())
            }
            Err(error) => self.group_failed(run, id, error).await,
        }
    }

    /// GUIDs and SIDs of the new groups, in bulk: nested references need them.
    async fn learn_created(&mut self, run: &mut Run<'_>) -> Result<()> {
        let ids: Vec<ObjectId> = self.created.keys().copied().collect();
        let (containers, attributes) = (containers(run), run.engine.mapping.attributes());
        for ids in ids.chunks(PAGE) {
            let found = run
                .engine
                .directory
                .groups_by_mark(ids, &containers, attributes)
                .await?;
            let known: Vec<DirectoryGroup> = found
                .into_iter()
                .map(|g| DirectoryGroup {
                    member_count: self.created.get(&g.object_id).map(|held| *held as u64),
                    ..g
                })
                .collect();
            on_disk(|| run.store().save_known_groups(run.fence(), &known))?;
        }
        Ok(())
    }

    /// Everything but creates: changes and members, or (in the last round) deletions.
    async fn changes(&mut self, run: &mut Run<'_>, deletions: bool) -> Result<()> {
        let mut after = None;
        let mut tasks = JoinSet::new();
        loop {
            let page = run.store().group_plans(self.shared.plan_id, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.plan.object_id);
            for stored in page {
                let id = stored.plan.object_id;
                let is_delete = super::is_delete(&stored.plan);
                if is_delete != deletions || self.failed.contains(&id) || stored_is_empty(&stored) {
                    continue;
                }
                run.ctx.cancel.check()?;
                if self.is_refused(&stored)? {
                    if !matches!(
                        stored.plan.changes.first(),
                        Some(Change::CreateGroup { .. })
                    ) {
                        self.refuse(run, &stored).await?;
                    }
                    continue;
                }
                let Some(plan) = self.load(&stored)? else {
                    continue;
                };
                if tasks.len() >= GROUPS_IN_FLIGHT
                    && let Some(done) = tasks.join_next().await
                {
                    let (id, done) = joined(done)?;
                    self.take(run, id, done).await?;
                }
                let (shared, held) = (self.shared.clone(), self.created.get(&id).copied());
                let whole = self.chosen.is_none();
                tasks.spawn(async move { apply(&shared, plan, held, whole).await });
            }
        }
        while let Some(done) = tasks.join_next().await {
            let (id, done) = joined(done)?;
            self.take(run, id, done).await?;
        }
        Ok(())
    }

    async fn take(&mut self, run: &mut Run<'_>, id: ObjectId, done: Done) -> Result<()> {
        let counts = &mut run.counts;
        counts.updated += done.updated;
        counts.renamed += done.renamed;
        counts.converted += done.converted;
        counts.deleted += done.deleted;
        counts.members_added += done.added;
        counts.members_removed += done.removed;
        counts.members_skipped += done.skipped.len() as u64;
        self.advance(run, done.units).await;
        if !done.skipped.is_empty() {
            run.ctx.warn(refused_members(id, &done.skipped)).await;
        }
        match done.error {
            Some(error) => self.group_failed(run, id, error).await,
            None => Ok(()),
        }
    }

    async fn group_failed(&mut self, run: &mut Run<'_>, id: ObjectId, error: Error) -> Result<()> {
        if is_of_the_run(&error) {
            return Err(error);
        }
        self.failed.insert(id);
        run.store()
            .fail_group(run.fence(), id, &error.to_string())?;
        let error = if error.target.is_none() {
            error.target(id)
        } else {
            error
        };
        run.group_failed(error).await;
        Ok(())
    }

    async fn advance(&mut self, run: &mut Run<'_>, units: u64) {
        self.units += units;
        let total = self.total.max(self.units);
        run.at(self.units, Some(total), "").await;
    }

    fn is_refused(&self, stored: &StoredGroupPlan) -> Result<bool> {
        Ok(self.refused.contains(&stored.plan.object_id))
    }

    async fn refuse(&self, run: &mut Run<'_>, stored: &StoredGroupPlan) -> Result<()> {
        let (store, id) = (run.store(), stored.plan.object_id);
        for change in 0..stored.plan.changes.len() {
            store.set_change_status(
                run.fence(),
                self.shared.plan_id,
                id,
                change,
                OperationStatus::NotConfirmed,
                None,
            )?;
        }
        for direction in [Direction::Add, Direction::Remove] {
            store.set_member_status(
                run.fence(),
                self.shared.plan_id,
                id,
                direction,
                Ordinals::All,
                OperationStatus::NotConfirmed,
                None,
            )?;
        }
        run.ctx
            .warn(
                Error::new(
                    ErrorId::NotConfirmed,
                    format!(
                        "'{}' was not confirmed and stays as it is.",
                        stored.plan.name
                    ),
                )
                .target(id),
            )
            .await;
        Ok(())
    }

    /// The group's plan with its members, only the chosen operations; `None` when nothing of it is chosen.
    fn load(&self, stored: &StoredGroupPlan) -> Result<Option<GroupPlan>> {
        let mut plan = stored.plan.clone();
        plan.adds = self.load_members(stored.plan.object_id, Direction::Add, stored.adds)?;
        plan.removes =
            self.load_members(stored.plan.object_id, Direction::Remove, stored.removes)?;
        if let Some(chosen) = self.chosen {
            plan = plan.restricted_to(|id| chosen.contains(id));
        }
        Ok((!plan.is_empty()).then_some(plan))
    }

    fn load_members(
        &self,
        group: ObjectId,
        direction: Direction,
        count: u64,
    ) -> Result<Vec<PlannedMember>> {
        let mut members = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        let mut after = None;
        while (members.len() as u64) < count {
            let page = on_disk(|| {
                self.shared.store.plan_members(
                    self.shared.plan_id,
                    group,
                    direction,
                    after,
                    MEMBERS_PAGE,
                )
            })?;
            let Some(last) = page.last() else { break };
            after = Some(last.ordinal);
            members.extend(page.into_iter().map(|m| m.member));
        }
        Ok(members)
    }
}

/// One warning a group for what AD would not take.
fn refused_members(group: ObjectId, skipped: &[(ObjectId, SkipReason)]) -> Error {
    let forbidden = skipped
        .iter()
        .any(|(_, reason)| *reason == SkipReason::ScopeForbidden);
    let id = if forbidden {
        ErrorId::MemberScopeInvalid
    } else {
        ErrorId::MemberNotOnPremises
    };
    let (count, noun) = (
        skipped.len(),
        if skipped.len() == 1 {
            "member"
        } else {
            "members"
        },
    );
    Error::new(
        id,
        format!("AD did not take {count} {noun} of group {group}; the others were written."),
    )
    .target(group)
}

fn stored_is_empty(stored: &StoredGroupPlan) -> bool {
    stored.plan.changes.is_empty() && stored.adds + stored.removes == 0
}

/// A task that panicked is a defect of ours and ends the run.
fn joined<T>(done: std::result::Result<T, tokio::task::JoinError>) -> Result<T> {
    done.map_err(|e| {
        Error::new(
            ErrorId::NativeEnginePanic,
            format!("A task of the export ended abnormally: {e}."),
        )
    })
}

struct Created {
    id: ObjectId,
    /// Members that were part of the Add.
    held: usize,
    /// Whether it is new.
    result: Result<bool>,
}

/// Creates one group, with as many members as one request takes.
async fn create(shared: &Shared, plan: &GroupPlan) -> Created {
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
async fn apply(
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
