//! Plan: every group with pending work against what AD has, into a stored plan, with the thresholds' verdict.

use std::collections::BTreeMap;

use serde_json::Value;

use super::assemble::{Members, assemble, resolve_members, wanted};
use super::import::is_of_the_run;
use super::lookup::{containers, find_in_ad};
use super::run::{Run, new_guid};
use super::{Manner, on_disk, scopes};
use crate::clock;
use crate::config::DeprovisionAction;
use crate::error::{Error, ErrorId, Result};
use crate::model::{DirectoryGroup, Guid, MemberKey, ObjectId};
use crate::operation::Level;
use crate::plan::{
    AbsentReason, GroupInput, GroupPlan, MemberInput, Policy, ThresholdCheck, Totals, Wanted,
    plan_group,
};
use crate::store::{
    PendingGroup, PlanHeader, PlanRecord, PlanState, PlanTotals, PolicyType, SkippedChange,
};

/// Origin of plans that switch the feature off.
pub(super) const ORIGIN_DISABLE: &str = "Disable";
/// Groups looked up in AD in one go.
const CHUNK: usize = 100;
/// Members kept in memory before plans are flushed to the store.
const FLUSH_MEMBERS: usize = 20_000;

/// Which groups a plan is about.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All with pending work; after a full import also what only AD knows.
    Pending,
    /// These, compared in full.
    Groups(Vec<ObjectId>),
    /// All written ones, to end their writeback.
    Disable(DisableAction),
}

/// What disabling does to the written groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableAction {
    /// Deleted.
    Delete,
    /// Lose their security flag.
    ConvertToDistribution,
}

/// A plan being made.
struct Planner {
    plan_id: Guid,
    check: ThresholdCheck,
    totals: Totals,
    /// Every group could be planned.
    complete: bool,
    buffer: Vec<GroupPlan>,
    buffered_skipped: Vec<SkippedChange>,
    buffered_members: usize,
    /// Groups with nothing to do: their pending work is done.
    settled: Vec<ObjectId>,
    what_if: bool,
    done: u64,
    total: u64,
}

/// Makes a plan and stores it, `Ready` or `Blocked`.
pub(super) async fn plan(
    run: &mut Run<'_>,
    selection: &Selection,
    manner: Manner,
) -> Result<PlanRecord> {
    run.step("Plan").await;
    if !matches!(selection, Selection::Disable(_)) {
        resolve_members(run).await?;
        scopes::reconsider(run).await?;
        announce_new_groups(run)?;
    }
    let store = run.store();
    let header = PlanHeader {
        plan_id: new_guid()?,
        configuration: run.engine.name.clone(),
        origin: match selection {
            Selection::Pending => "Cycle",
            Selection::Groups(_) => "Group",
            Selection::Disable(_) => ORIGIN_DISABLE,
        }
        .to_owned(),
        policy_type: run.policy,
        created: clock::now(),
        replica: run.engine.directory.root().replica(),
    };
    store.new_plan(run.fence(), &header)?;
    let mut planner = Planner {
        plan_id: header.plan_id,
        check: ThresholdCheck::new(&run.engine.config.thresholds, store.count_known_groups()?),
        totals: Totals::default(),
        complete: true,
        buffer: Vec::new(),
        buffered_skipped: Vec::new(),
        buffered_members: 0,
        settled: Vec::new(),
        what_if: manner.what_if,
        done: 0,
        total: store.count_pending()?,
    };
    match selection {
        Selection::Pending if run.policy == PolicyType::Initial => planner.everything(run).await?,
        Selection::Pending => planner.pending(run).await?,
        Selection::Groups(ids) => planner.chosen(run, ids).await?,
        Selection::Disable(action) => planner.disable(run, *action).await?,
    }
    planner.finish(run).await
}

/// Groups that will be created make their parents pending: the membership can be written now.
fn announce_new_groups(run: &Run<'_>) -> Result<()> {
    let store = run.store();
    let mut after = None;
    loop {
        let page = store.pending_groups(after, 1000)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.id);
        for group in page {
            if store.known_group(group.id)?.is_some() {
                continue;
            }
            for parent in store.parents_of(group.id)? {
                let waiting = store
                    .skipped(Some(parent), None, usize::MAX)?
                    .into_iter()
                    .any(|s| {
                        s.member_id == group.id
                            && s.reason == crate::model::SkipReason::NestedGroupNotWritten
                    });
                if waiting {
                    store.add_pending_member(
                        run.fence(),
                        parent,
                        &crate::store::PendingMember {
                            member_id: group.id,
                            kind: crate::model::MemberKind::Group,
                            add: true,
                            key: None,
                        },
                    )?;
                }
            }
        }
    }
}

impl Planner {
    /// A full cycle: AD's groups with their members in one search, then what is pending and not in AD.
    async fn everything(&mut self, run: &mut Run<'_>) -> Result<()> {
        let directory = run.engine.directory.clone();
        let containers = containers(run);
        // First only the marks: two groups with one mark must be known before either is planned.
        let (mut seen, mut doubled) =
            (BTreeMap::<ObjectId, (Guid, String)>::new(), BTreeMap::new());
        let mut reader = directory.owned_groups(&containers, &[], false);
        while let Some(page) = reader.next_page().await? {
            for found in page {
                let (id, guid, dn) = (found.group.object_id, found.group.guid, found.group.dn);
                if let Some((other, other_dn)) = seen.insert(id, (guid, dn.clone()))
                    && other != guid
                {
                    doubled.insert(id, format!("{other_dn} and {dn}"));
                }
            }
        }
        for skipped in reader.skipped() {
            run.ctx
                .message(
                    Level::Verbose,
                    format!("{}: {}", skipped.dn, skipped.reason),
                )
                .await;
        }
        self.report_doubled(run, &doubled).await;
        let mut reader = directory.owned_groups(&containers, run.engine.mapping.attributes(), true);
        while let Some(page) = reader.next_page().await? {
            run.ctx.cancel.check()?;
            let groups: Vec<DirectoryGroup> = page
                .iter()
                .filter(|f| !doubled.contains_key(&f.group.object_id))
                .map(|f| DirectoryGroup {
                    member_count: f.members.as_ref().map(|m| m.len() as u64),
                    ..f.group.clone()
                })
                .collect();
            self.learn(run, &groups)?;
            for found in page {
                let id = found.group.object_id;
                if !doubled.contains_key(&id) {
                    let pending = run.store().pending_group(id)?;
                    self.one(run, id, pending, Some(found.group), found.members)
                        .await?;
                }
            }
        }
        let mut after = None;
        loop {
            let mut page = run.store().pending_groups(after, CHUNK)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            page.retain(|pending| !seen.contains_key(&pending.id));
            self.chunk(run, page, false).await?;
        }
    }

    /// A delta cycle: only pending groups are looked up, without their members.
    async fn pending(&mut self, run: &mut Run<'_>) -> Result<()> {
        let mut after = None;
        loop {
            let page = run.store().pending_groups(after, CHUNK)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            self.chunk(run, page, true).await?;
        }
    }

    /// Chosen groups, compared in full.
    async fn chosen(&mut self, run: &mut Run<'_>, ids: &[ObjectId]) -> Result<()> {
        self.total = ids.len() as u64;
        run.store().mark_pending(run.fence(), ids, true)?;
        for ids in ids.chunks(CHUNK) {
            let mut page = Vec::new();
            for id in ids {
                page.extend(run.store().pending_group(*id)?);
            }
            self.chunk(run, page, true).await?;
        }
        Ok(())
    }

    /// Two groups in AD with one mark: which is ours can't be told, so neither is touched.
    async fn report_doubled(&mut self, run: &mut Run<'_>, doubled: &BTreeMap<ObjectId, String>) {
        for (id, which) in doubled {
            self.complete = false;
            run.group_failed(
                Error::new(ErrorId::AmbiguousIdentity, format!("Two groups in AD carry the same mark: {which}. Both were left alone."))
                    .target(id)
                    .action("Delete or unmark (adminDescription, msDS-ExternalDirectoryObjectId) the one that is not ours."),
            )
            .await;
        }
    }

    async fn chunk(
        &mut self,
        run: &mut Run<'_>,
        page: Vec<PendingGroup>,
        by_mark: bool,
    ) -> Result<()> {
        run.ctx.cancel.check()?;
        let ids: Vec<ObjectId> = page.iter().map(|p| p.id).collect();
        let mut found = find_in_ad(run, &ids, by_mark).await?;
        self.report_doubled(run, &found.doubled).await;
        self.report_away(run, &found.away).await;
        let groups: Vec<DirectoryGroup> = found.groups.values().cloned().collect();
        self.learn(run, &groups)?;
        for pending in page {
            if found.doubled.contains_key(&pending.id) || found.away.contains_key(&pending.id) {
                continue;
            }
            let actual = found.groups.remove(&pending.id);
            if actual.is_none() {
                self.gone(run, pending.id)?;
            }
            self.one(run, pending.id, Some(pending), actual, None)
                .await?;
        }
        Ok(())
    }

    /// Outside of our containers even our own groups are left alone: no update, and no second group for the same cloud group.
    async fn report_away(&mut self, run: &mut Run<'_>, away: &BTreeMap<ObjectId, String>) {
        for (id, dn) in away {
            self.complete = false;
            run.group_failed(
                Error::new(ErrorId::GroupNotOwned, format!("{dn} was moved out of the configured container and is left alone."))
                    .target(id)
                    .action("Move the group back under the container, or delete it there: the next cycle then goes on."),
            )
            .await;
        }
    }

    /// Keeps what AD said, with the member count where it was not read.
    fn learn(&self, run: &Run<'_>, groups: &[DirectoryGroup]) -> Result<()> {
        let mut known = Vec::with_capacity(groups.len());
        for group in groups {
            let mut group = group.clone();
            if group.member_count.is_none() {
                group.member_count = run
                    .store()
                    .known_group(group.object_id)?
                    .and_then(|k| k.group.member_count);
            }
            // What only AD knows is not ours to remember: it may be another tenant's.
            if run.store().cloud_group(group.object_id)?.is_some() {
                known.push(group);
            }
        }
        run.store().save_known_groups(run.fence(), &known)
    }

    fn gone(&self, run: &Run<'_>, id: ObjectId) -> Result<()> {
        if run.store().known_group(id)?.is_some() {
            run.store().forget_known_group(run.fence(), id)?;
        }
        Ok(())
    }

    /// Plans one group.
    async fn one(
        &mut self,
        run: &mut Run<'_>,
        id: ObjectId,
        pending: Option<PendingGroup>,
        actual: Option<DirectoryGroup>,
        members: Option<Vec<MemberKey>>,
    ) -> Result<()> {
        self.done += 1;
        run.at(self.done, Some(self.total.max(self.done)), "").await;
        let Some(cached) = run.store().cloud_group(id)? else {
            if let Some(actual) = actual {
                run.ctx.warn(stranger(&actual)).await;
            }
            return Ok(());
        };
        let Some(pending) = pending else {
            return Ok(());
        };
        let planned = match wanted(run, &cached) {
            Ok(Some(wanted)) => {
                let hides_members = cached.group.hides_members();
                self.compare(run, wanted, &pending, actual, members, hides_members)
                    .await
            }
            Ok(None) => {
                self.settled.push(id);
                Ok(())
            }
            Err(error) => Err(error),
        };
        match planned {
            Ok(()) => Ok(()),
            Err(error) if is_of_the_run(&error) => Err(error),
            Err(error) => {
                self.complete = false;
                run.store()
                    .fail_group(run.fence(), id, &error.to_string())?;
                run.group_failed(error.target(id)).await;
                Ok(())
            }
        }
    }

    async fn compare(
        &mut self,
        run: &mut Run<'_>,
        wanted: Wanted,
        pending: &PendingGroup,
        actual: Option<DirectoryGroup>,
        members: Option<Vec<MemberKey>>,
        hides_members: bool,
    ) -> Result<()> {
        let id = pending.id;
        let waiting = matches!(
            wanted,
            Wanted::Absent {
                grace_over: false,
                ..
            }
        );
        let present = matches!(wanted, Wanted::Present(_));
        let name = match &wanted {
            Wanted::Present(desired) => desired.name.clone(),
            Wanted::Absent { .. } => String::new(),
        };
        let full = pending.verify || actual.is_none();
        let (input, members) = assemble(run, wanted, pending, actual, members).await?;
        if present {
            // Before anything is planned: a group of which a part is unknown is left as it is, whole, and stays pending.
            unread(run, &members, hides_members, &name)?;
            let count = members.skipped.len();
            run.counts.members_skipped += count as u64;
            if count > 0 {
                run.ctx.warn(left_out(id, &name, &members.skipped)).await;
            }
            self.skipped(
                run,
                SkippedChange {
                    group: id,
                    only_these: full,
                    set: members.skipped,
                    clear: members.cleared,
                },
            )?;
        }
        let config = &run.engine.config;
        let policy = Policy {
            drift: config.drift_action,
            deprovision: config.deprovision_action,
            deprovision_container: config.deprovision_container.clone(),
            full,
        };
        let plan = plan_group(&input, &policy);
        drop(input);
        match plan {
            // Not for us, though there is something to do: said each time, and looked at again.
            Some(plan) if plan.hands_off.is_some() => return Err(left_alone(&plan)),
            Some(plan) => self.add(run, plan).await?,
            None if !waiting => self.settled.push(id),
            None => {}
        }
        Ok(())
    }

    /// Ends the writeback of every written group that still carries our mark.
    async fn disable(&mut self, run: &mut Run<'_>, action: DisableAction) -> Result<()> {
        let policy = Policy {
            deprovision: match action {
                DisableAction::Delete => DeprovisionAction::Delete,
                DisableAction::ConvertToDistribution => DeprovisionAction::ConvertToDistribution,
            },
            ..Policy::default()
        };
        self.total = run.store().count_known_groups()?;
        let mut after = None;
        loop {
            let page = run.store().known_groups(after, CHUNK)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.group.object_id);
            let ids: Vec<ObjectId> = page.iter().map(|k| k.group.object_id).collect();
            let found = find_in_ad(run, &ids, true).await?;
            self.report_doubled(run, &found.doubled).await;
            self.report_away(run, &found.away).await;
            for (object_id, actual) in found.groups {
                self.done += 1;
                run.at(self.done, Some(self.total), "").await;
                let input = GroupInput {
                    object_id,
                    wanted: Wanted::Absent {
                        reason: AbsentReason::FeatureDisabled,
                        grace_over: true,
                    },
                    actual: Some(actual),
                    members: MemberInput::Untouched,
                };
                match plan_group(&input, &policy) {
                    Some(plan) if plan.hands_off.is_some() => {
                        self.complete = false;
                        run.group_failed(left_alone(&plan).target(object_id)).await;
                    }
                    Some(plan) => self.add(run, plan).await?,
                    None => {}
                }
            }
        }
    }

    async fn add(&mut self, run: &Run<'_>, mut plan: GroupPlan) -> Result<()> {
        if plan.name.is_empty()
            && let Some(cached) = run.store().cloud_group(plan.object_id)?
        {
            plan.name = cached.group.display_name.unwrap_or_default();
        }
        for note in &plan.notes {
            run.ctx
                .message(Level::Verbose, format!("{}: {note}", plan.name))
                .await;
        }
        if plan.is_empty() {
            // Only noted (frozen, drift under Report): nothing is left to do.
            self.settled.push(plan.object_id);
            return Ok(());
        }
        self.check.see(&plan);
        self.totals.add(&plan);
        self.buffered_members += plan.adds.len() + plan.removes.len();
        self.buffer.push(plan);
        self.flush_if_full(run)
    }

    fn skipped(&mut self, run: &Run<'_>, change: SkippedChange) -> Result<()> {
        if !change.only_these && change.set.is_empty() && change.clear.is_empty() {
            return Ok(());
        }
        self.buffered_members += change.set.len() + change.clear.len();
        self.buffered_skipped.push(change);
        self.flush_if_full(run)
    }

    fn flush_if_full(&mut self, run: &Run<'_>) -> Result<()> {
        let groups = self.buffer.len().max(self.buffered_skipped.len());
        if groups >= CHUNK || self.buffered_members >= FLUSH_MEMBERS {
            self.flush(run)?;
        }
        Ok(())
    }

    fn flush(&mut self, run: &Run<'_>) -> Result<()> {
        let (store, fence) = (run.store(), run.fence());
        on_disk(|| {
            if !self.buffered_skipped.is_empty() {
                store.record_skipped(fence, &self.buffered_skipped)?;
            }
            if self.buffer.is_empty() {
                return Ok(());
            }
            store.add_group_plans(fence, self.plan_id, &self.buffer)
        })?;
        self.buffered_skipped.clear();
        self.buffer.clear();
        self.buffered_members = 0;
        Ok(())
    }

    async fn finish(mut self, run: &mut Run<'_>) -> Result<PlanRecord> {
        self.flush(run)?;
        let store = run.store();
        if !self.what_if {
            for ids in self.settled.chunks(CHUNK) {
                on_disk(|| store.complete_groups(run.fence(), self.plan_id, ids))?;
            }
        }
        let verdict = self.check.error();
        let breaches = verdict.as_ref().map_or(
            Value::Null,
            |e| serde_json::json!({"id": e.id.as_str(), "message": e.message}),
        );
        let state = if verdict.is_some() {
            PlanState::Blocked
        } else {
            PlanState::Ready
        };
        let totals = PlanTotals {
            creates: self.totals.creates,
            updates: self.totals.updates,
            renames: self.totals.renames,
            converts: self.totals.converts,
            deletes: self.totals.deletes,
            member_adds: self.totals.member_adds,
            member_removals: self.totals.member_removals,
        };
        store.finish_plan(
            run.fence(),
            self.plan_id,
            &totals,
            self.complete,
            state,
            &breaches,
        )?;
        store.plan(self.plan_id)?.ok_or_else(|| {
            Error::new(
                ErrorId::StoreUnavailable,
                "The store has lost the plan just made.",
            )
        })
    }
}

/// What is for somebody else to settle: an object that must not be touched although something is to be done.
fn left_alone(plan: &GroupPlan) -> Error {
    let why = plan.notes.last().map_or("", String::as_str);
    Error::new(
        ErrorId::GroupNotOwned,
        format!("'{}' is {why}.", plan.dn),
    )
    .action("Take the group out of the groups that AD protects and clear its adminCount, or delete or unmark it: the next cycle then goes on.")
}

/// Whether members of a group may be missing from what was read (graph.md section 6, rule 1 of the design).
/// A group whose mark names a cloud group that the store has never heard of: of another tenant, or of this one and
/// deleted there before the store was made anew. Neither is ours to delete.
fn stranger(group: &DirectoryGroup) -> Error {
    Error::new(
        ErrorId::GroupNotOwned,
        format!(
            "'{}' carries the mark of the group {}, which the cloud doesn't list and the store doesn't know; it is left alone.",
            group.dn, group.object_id
        ),
    )
    .target(&group.dn)
    .action("If it was written for this tenant before its store was lost, its cloud group is gone: delete it in AD.")
}

fn unread(run: &Run<'_>, members: &Members, hides_members: bool, name: &str) -> Result<()> {
    let incomplete = |what: String, remedy: &str| {
        Err(Error::new(
            ErrorId::SourceReadIncomplete,
            format!("{what}; the group was left as it is."),
        )
        .action(format!(
            "Grant the app {remedy} with admin consent; the next cycle tries again."
        )))
    };
    if !members.unreadable.is_empty() {
        let what = format!(
            "{} members of '{name}' could not be read",
            members.unreadable.len()
        );
        return incomplete(what, "User.Read.All (and Device.Read.All for devices)");
    }
    let roles = run.engine.graph.roles();
    if hides_members && !roles.is_empty() && !roles.iter().any(|r| r == "Member.Read.Hidden") {
        return incomplete(
            format!("The membership of '{name}' is hidden from the app"),
            "Member.Read.Hidden",
        );
    }
    Ok(())
}

/// One warning a group, with the count; the rows are in the store.
fn left_out(id: ObjectId, name: &str, skipped: &[(ObjectId, crate::model::SkipReason)]) -> Error {
    let mut by_reason = BTreeMap::new();
    for (_, reason) in skipped {
        *by_reason.entry(format!("{reason:?}")).or_insert(0u64) += 1;
    }
    let reasons: Vec<String> = by_reason
        .into_iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let noun = if skipped.len() == 1 {
        "member"
    } else {
        "members"
    };
    Error::new(
        ErrorId::MemberNotOnPremises,
        format!(
            "{} {noun} of '{name}' left out: {}.",
            skipped.len(),
            reasons.join(", ")
        ),
    )
    .target(id)
}
