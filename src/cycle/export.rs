//! Export: a stored plan into AD. Creates first, then changes and members, deletions last; every write can be repeated.
//!
//! A group's pending work is cleared only after its last write was acknowledged, so a run that dies anywhere is
//! completed by the next one. Groups that ended while the store was busy are recorded together: a commit is a flush.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::apply::{Created, Done, Part, Shared, apply, create, created_whole};
use super::import::is_of_the_run;
use super::lookup::containers;
use super::on_disk;
use super::replication;
use super::run::Run;
use crate::error::{Error, ErrorId, Result};
use crate::model::{DirectoryGroup, Guid, ObjectId, SkipReason};
use crate::plan::{Change, PlannedMember};
use crate::store::{
    Direction, GroupEnd, OperationStatus, Ordinals, PlanRecord, PlanState, StoredGroupPlan,
};

/// Groups worked on at the same time; the writer bounds its own requests.
const GROUPS_IN_FLIGHT: usize = 16;
/// Members of groups worked on at the same time; one group may have more, then it is alone.
const MEMBERS_IN_FLIGHT: u64 = 20_000;
/// Groups read from the plan in one go.
const PAGE: usize = 100;
/// Members read from the plan in one go.
const MEMBERS_PAGE: usize = 5000;

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
        members_in_flight: BTreeMap::new(),
        plan_id: plan.header.plan_id,
        shared,
        chosen,
        refused,
    };
    if export.total > 0 {
        replication::writing(run)?;
    }
    // Totals of the whole plan tell which rounds have anything to do.
    if totals.creates > 0 {
        export.creates(run).await?;
    }
    export.changes(run, false).await?;
    if totals.deletes > 0 {
        export.changes(run, true).await?;
    }
    if chosen.is_none() {
        run.store()
            .set_plan_state(run.fence(), plan.header.plan_id, PlanState::Applied)?;
    }
    Ok(())
}

struct Export<'a> {
    shared: Arc<Shared>,
    plan_id: Guid,
    chosen: Option<&'a BTreeSet<String>>,
    refused: &'a BTreeSet<ObjectId>,
    /// Groups created in this run, with how many of their members the Add held.
    created: BTreeMap<ObjectId, usize>,
    failed: BTreeSet<ObjectId>,
    members_in_flight: BTreeMap<ObjectId, u64>,
    units: u64,
    total: u64,
}

impl Export<'_> {
    /// All new groups before any member change: then every nested reference exists (directory.md section 1).
    async fn creates(&mut self, run: &mut Run<'_>) -> Result<()> {
        let mut after = None;
        loop {
            let page = run.store().group_plans(self.plan_id, after, PAGE)?;
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
                // The Add takes no more of them; the rest is read when its turn comes.
                let Some(part) = self.load(&stored, self.shared.batch_size as u64)? else {
                    continue;
                };
                if tasks.len() >= GROUPS_IN_FLIGHT
                    && let Some(done) = tasks.join_next().await
                {
                    self.take_created(run, joined(done)?).await?;
                }
                let shared = self.shared.clone();
                tasks.spawn(async move { create(&shared, &part.plan).await });
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
            let page = run.store().group_plans(self.plan_id, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.plan.object_id);
            let mut ended = Vec::new();
            for stored in page {
                let id = stored.plan.object_id;
                let is_delete = super::is_delete(&stored.plan);
                if is_delete != deletions || self.failed.contains(&id) || stored_is_empty(&stored) {
                    continue;
                }
                run.ctx.cancel.check()?;
                if self.is_refused(&stored)? {
                    self.refuse(run, &stored).await?;
                    continue;
                }
                if self.is_done_by_its_add(run, &stored)? {
                    ended.push((id, created_whole()));
                    continue;
                }
                let members = stored.adds + stored.removes;
                while tasks.len() >= GROUPS_IN_FLIGHT
                    || (!tasks.is_empty() && self.in_flight() + members > MEMBERS_IN_FLIGHT)
                {
                    self.take_ended(run, &mut tasks).await?;
                }
                let Some(part) = self.load(&stored, u64::MAX)? else {
                    continue;
                };
                self.members_in_flight.insert(id, members);
                let (shared, held) = (self.shared.clone(), self.created.get(&id).copied());
                tasks.spawn(async move { apply(&shared, part, held).await });
            }
            self.record(run, &ended)?;
        }
        while !tasks.is_empty() {
            self.take_ended(run, &mut tasks).await?;
        }
        Ok(())
    }

    /// A group that was created in this run with all its members and is known by now.
    fn is_done_by_its_add(&self, run: &Run<'_>, stored: &StoredGroupPlan) -> Result<bool> {
        let id = stored.plan.object_id;
        let whole = self.chosen.is_none()
            && stored.plan.changes.len() == 1
            && stored.removes == 0
            && self
                .created
                .get(&id)
                .is_some_and(|held| *held as u64 == stored.adds);
        Ok(whole && run.store().known_group(id)?.is_some())
    }

    /// Waits for a group and takes all that have ended: one commit records them.
    async fn take_ended(
        &mut self,
        run: &mut Run<'_>,
        tasks: &mut JoinSet<(ObjectId, Done)>,
    ) -> Result<()> {
        let mut ended = Vec::new();
        ended.extend(tasks.join_next().await);
        while let Some(another) = tasks.try_join_next() {
            ended.push(another);
        }
        let mut groups = ended
            .into_iter()
            .map(joined)
            .collect::<Result<Vec<(ObjectId, Done)>>>()?;
        for (id, _) in &groups {
            self.members_in_flight.remove(id);
        }
        let ends: Vec<(ObjectId, GroupEnd)> = groups
            .iter_mut()
            .map(|(id, done)| (*id, std::mem::take(&mut done.end)))
            .collect();
        self.record(run, &ends)?;
        for (id, done) in groups {
            self.take(run, id, done).await?;
        }
        Ok(())
    }

    fn in_flight(&self) -> u64 {
        self.members_in_flight.values().sum()
    }

    fn record(&self, run: &Run<'_>, ends: &[(ObjectId, GroupEnd)]) -> Result<()> {
        if ends.is_empty() {
            return Ok(());
        }
        on_disk(|| run.store().finish_groups(run.fence(), self.plan_id, ends))
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
            let refused = refused_members(id, &done.skipped, done.word);
            run.ctx.warn(refused).await;
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
        run.group_failed(error.target(id)).await;
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
                self.plan_id,
                id,
                change,
                OperationStatus::NotConfirmed,
                None,
            )?;
        }
        for direction in [Direction::Add, Direction::Remove] {
            store.set_member_status(
                run.fence(),
                self.plan_id,
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

    /// The group's part with its first so many members: all, or only the chosen operations; `None` when nothing of it
    /// is chosen.
    fn load(&self, stored: &StoredGroupPlan, most: u64) -> Result<Option<Part>> {
        let mut plan = stored.plan.clone();
        plan.adds =
            self.load_members(stored.plan.object_id, Direction::Add, stored.adds.min(most))?;
        plan.removes = self.load_members(
            stored.plan.object_id,
            Direction::Remove,
            stored.removes.min(most),
        )?;
        let part = Part::new(plan, self.chosen);
        Ok((!part.plan.is_empty()).then_some(part))
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
                self.shared
                    .store
                    .plan_members(self.plan_id, group, direction, after, MEMBERS_PAGE)
            })?;
            let Some(last) = page.last() else { break };
            after = Some(last.ordinal);
            members.extend(page.into_iter().map(|m| m.member));
        }
        members.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(members)
    }
}

/// One warning a group for what AD would not take.
fn refused_members(
    group: ObjectId,
    skipped: &[(ObjectId, SkipReason)],
    word: Option<String>,
) -> Error {
    let forbidden = skipped
        .iter()
        .any(|(_, reason)| *reason == SkipReason::ScopeForbidden);
    let id = if word.is_some() {
        ErrorId::DirectoryOperationFailed
    } else if forbidden {
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
    let mut error = Error::new(
        id,
        format!("AD did not take {count} {noun} of group {group}; the others were written."),
    )
    .target(group);
    error.causes.extend(word);
    error
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
