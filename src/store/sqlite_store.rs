//! The trait over SQLite: each call is one read or one transaction of the rooms beside this one.

use rusqlite::params;

use super::groups::Generation;
use super::plans::MemberList;
use super::sql::{first, from_json, run, to_json};
use super::{
    AnchorObject, CachedGroup, Direction, Feed, Fence, GroupChange, GroupEnd, KnownGroup, Lease,
    MemberView, ObjectChange, OperationStatus, Ordinals, PendingGroup, PendingMember, PlanHeader,
    PlanRecord, PlanState, PlanTotals, Resolution, RunEnd, RunHeader, RunRecord, RunningRun,
    ScopeFn, SkippedChange, SkippedRow, SqliteStore, Store, StoredGroupPlan, StoredPlanMember,
    Target, Watermark,
};
use super::{ends, groups, import, known, lease, objects, pending, plans, runs, swap};
use crate::config::Configuration;
use crate::error::Result;
use crate::model::{CloudState, DirectoryGroup, Guid, MemberKey, MemberKind, ObjectId, SkipReason};
use crate::plan::{GroupPlan, PlannedMember};

const CONFIGURATION: &str = "configuration";

impl Store for SqliteStore {
    fn configuration(&self) -> Result<Option<Configuration>> {
        self.shared.read(|c| {
            let text = first(
                c,
                "SELECT value FROM meta WHERE key = ?",
                [CONFIGURATION],
                |r| r.get::<_, String>(0),
            )?;
            text.map(|t| from_json(&t)).transpose()
        })
    }

    fn save_configuration(&self, configuration: &Configuration) -> Result<()> {
        self.shared.write(None, |tx| {
            let text = to_json(configuration)?;
            run(
                tx.c,
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
                params![CONFIGURATION, text],
            )?;
            Ok(())
        })
    }

    fn meta(&self, key: &str) -> Result<Option<String>> {
        let key = format!("meta.{key}");
        self.shared.read(|c| {
            first(c, "SELECT value FROM meta WHERE key = ?", [key], |r| {
                r.get(0)
            })
        })
    }

    fn set_meta(&self, fence: Option<Fence>, key: &str, value: Option<&str>) -> Result<()> {
        let key = format!("meta.{key}");
        self.shared.write(fence, |tx| {
            match value {
                Some(value) => run(
                    tx.c,
                    "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
                    params![key, value],
                )?,
                None => run(tx.c, "DELETE FROM meta WHERE key = ?", [key])?,
            };
            Ok(())
        })
    }

    fn acquire_lease(&self, run_id: Guid, host: &str, pid: u32) -> Result<Lease> {
        lease::acquire(&self.shared, run_id, host, pid)
    }

    fn begin_run(&self, fence: Fence, run: &RunHeader) -> Result<()> {
        self.shared.write(Some(fence), |tx| runs::begin(tx, run))
    }

    fn progress(
        &self,
        fence: Fence,
        run_id: Guid,
        phase: &str,
        done: u64,
        total: Option<u64>,
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            runs::progress(tx, run_id, phase, done, total)
        })
    }

    fn end_run(&self, fence: Fence, run_id: Guid, end: &RunEnd) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| runs::end(tx, run_id, end))
    }

    fn running(&self) -> Result<Option<RunningRun>> {
        if !self.shared.read(runs::any_open)? {
            return Ok(None);
        }
        match lease::while_free(&self.shared, || self.shared.write(None, runs::close_dead))? {
            Some(()) => Ok(None),
            None => self.shared.read(runs::open_run),
        }
    }

    fn runs(&self, limit: usize) -> Result<Vec<RunRecord>> {
        self.shared.read(|c| runs::list(c, limit))
    }

    fn run(&self, run_id: Guid) -> Result<Option<RunRecord>> {
        self.shared.read(|c| runs::get(c, run_id))
    }

    fn request_cancel(&self, run_id: Guid) -> Result<bool> {
        self.shared
            .write(None, |tx| runs::request_cancel(tx, run_id))
    }

    fn cancel_requested(&self, run_id: Guid) -> Result<bool> {
        self.shared.read(|c| runs::cancel_requested(c, run_id))
    }

    fn watermark(&self, feed: Feed) -> Result<Option<Watermark>> {
        self.shared.read(|c| {
            first(
                c,
                "SELECT link, selected, saved_at FROM watermarks WHERE feed = ?",
                [feed],
                |r| {
                    Ok(Watermark {
                        link: r.get(0)?,
                        select: r.get(1)?,
                        saved_at: r.get(2)?,
                    })
                },
            )
        })
    }

    fn clear_watermark(&self, fence: Fence, feed: Feed) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            run(tx.c, "DELETE FROM watermarks WHERE feed = ?", [feed]).map(drop)
        })
    }

    fn begin_full(&self, fence: Fence, feed: Feed) -> Result<()> {
        self.shared.write(Some(fence), |tx| swap::begin(tx, feed))
    }

    fn apply_groups(
        &self,
        fence: Fence,
        target: Target,
        rows: &[GroupChange],
        in_scope: ScopeFn<'_>,
        watermark: Option<&Watermark>,
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            import::apply_groups(tx, target, rows, in_scope, watermark)
        })
    }

    fn apply_objects(
        &self,
        fence: Fence,
        target: Target,
        rows: &[ObjectChange],
        watermark: Option<(Feed, &Watermark)>,
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            import::apply_objects(tx, target, rows, watermark)
        })
    }

    fn finish_full(&self, fence: Fence, feed: Feed, watermark: &Watermark) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| swap::finish(tx, feed, watermark))?;
        self.shared.checkpoint();
        Ok(())
    }

    fn replace_members(
        &self,
        fence: Fence,
        group: ObjectId,
        members: &[(ObjectId, MemberKind)],
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            import::replace_members(tx, group, members)
        })
    }

    fn set_cloud_state(&self, fence: Fence, group: ObjectId, state: CloudState) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            import::set_state(tx, groups::require(tx.c, group)?, state)
        })
    }

    fn cloud_group(&self, id: ObjectId) -> Result<Option<CachedGroup>> {
        self.shared.read(|c| groups::load(c, Generation::Live, id))
    }

    fn cloud_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<CachedGroup>> {
        self.shared.read(|c| groups::page(c, after, limit))
    }

    fn find_cloud_groups(&self, text: &str, limit: usize) -> Result<Vec<CachedGroup>> {
        self.shared.read(|c| groups::find(c, text, limit))
    }

    fn unconfirmed_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<ObjectId>> {
        self.shared.read(|c| groups::unconfirmed(c, after, limit))
    }

    fn incomplete_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<ObjectId>> {
        self.shared.read(|c| groups::incomplete(c, after, limit))
    }

    fn object(&self, id: ObjectId) -> Result<Option<AnchorObject>> {
        self.shared.read(|c| objects::get(c, id))
    }

    fn object_by_key(&self, key: &MemberKey) -> Result<Option<AnchorObject>> {
        self.shared.read(|c| objects::by_key(c, key))
    }

    fn members(
        &self,
        group: ObjectId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<MemberView>> {
        self.shared
            .read(|c| objects::members(c, group, after, limit))
    }

    fn member_view(&self, member: ObjectId, kind: MemberKind) -> Result<MemberView> {
        self.shared.read(|c| objects::member_view(c, member, kind))
    }

    fn count_members(&self, group: ObjectId) -> Result<u64> {
        let sql = "SELECT count(*) FROM members WHERE group_id = ?";
        self.shared
            .read(|c| Ok(first(c, sql, [group], |r| r.get(0))?.map_or(0, runs::number)))
    }

    fn parents_of(&self, member: ObjectId) -> Result<Vec<ObjectId>> {
        self.shared.read(|c| objects::parents(c, member))
    }

    fn unknown_members(
        &self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<(ObjectId, MemberKind)>> {
        self.shared.read(|c| objects::unknown(c, after, limit))
    }

    fn unreadable_members(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<ObjectId>> {
        self.shared.read(|c| objects::unreadable(c, after, limit))
    }

    fn unresolved_objects(
        &self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<AnchorObject>> {
        self.shared.read(|c| objects::unresolved(c, after, limit))
    }

    fn set_resolutions(&self, fence: Fence, resolutions: &[(ObjectId, Resolution)]) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            resolutions
                .iter()
                .try_for_each(|(id, resolution)| objects::set_resolution(tx, *id, resolution))
        })
    }

    fn pending_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<PendingGroup>> {
        self.shared.read(|c| pending::page(c, after, limit))
    }

    fn pending_group(&self, id: ObjectId) -> Result<Option<PendingGroup>> {
        self.shared.read(|c| pending::get(c, id))
    }

    fn count_pending(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM pending_groups";
        self.shared
            .read(|c| Ok(first(c, sql, [], |r| r.get(0))?.map_or(0, runs::number)))
    }

    fn pending_members(
        &self,
        group: ObjectId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<PendingMember>> {
        self.shared
            .read_together(|c| pending::members(c, group, after, limit))
    }

    fn mark_pending(&self, fence: Fence, groups: &[ObjectId], verify: bool) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            groups
                .iter()
                .try_for_each(|id| pending::mark(tx, *id, true, verify))
        })
    }

    fn add_pending_member(
        &self,
        fence: Fence,
        group: ObjectId,
        member: &PendingMember,
    ) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| pending::add_member(tx, group, member))
    }

    fn complete_group(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        resolved: &[ObjectId],
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            pending::complete_plan(tx, plan_id, group, resolved)
        })
    }

    fn finish_groups(
        &self,
        fence: Fence,
        plan_id: Guid,
        groups: &[(ObjectId, GroupEnd)],
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            groups
                .iter()
                .try_for_each(|(group, end)| ends::record(tx, plan_id, *group, end))
        })
    }

    fn complete_groups(&self, fence: Fence, plan_id: Guid, groups: &[ObjectId]) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            groups
                .iter()
                .try_for_each(|group| pending::complete_plan(tx, plan_id, *group, &[]))
        })
    }

    fn fail_group(&self, fence: Fence, group: ObjectId, error: &str) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| pending::fail(tx, group, error))
    }

    fn known_group(&self, id: ObjectId) -> Result<Option<KnownGroup>> {
        self.shared.read(|c| known::get(c, id))
    }

    fn known_group_by_key(&self, key: &MemberKey) -> Result<Option<KnownGroup>> {
        self.shared.read(|c| known::by_key(c, key))
    }

    fn save_known_groups(&self, fence: Fence, groups: &[DirectoryGroup]) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            groups.iter().try_for_each(|group| known::save(tx, group))
        })
    }

    fn forget_known_group(&self, fence: Fence, id: ObjectId) -> Result<()> {
        self.shared.write(Some(fence), |tx| known::forget(tx, id))
    }

    fn known_groups(&self, after: Option<ObjectId>, limit: usize) -> Result<Vec<KnownGroup>> {
        self.shared.read(|c| known::page(c, after, limit))
    }

    fn count_known_groups(&self) -> Result<u64> {
        self.shared.read(known::total)
    }

    fn record_skipped(&self, fence: Fence, groups: &[SkippedChange]) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            groups
                .iter()
                .try_for_each(|change| known::record_skipped(tx, change))
        })
    }

    fn skipped(
        &self,
        group: Option<ObjectId>,
        after: Option<(ObjectId, ObjectId)>,
        limit: usize,
    ) -> Result<Vec<SkippedRow>> {
        self.shared.read(|c| known::skipped(c, group, after, limit))
    }

    fn skipped_because(&self, reason: SkipReason) -> Result<Vec<(ObjectId, ObjectId)>> {
        self.shared.read(|c| known::skipped_because(c, reason))
    }

    fn skipped_by_reason(&self, group: Option<ObjectId>) -> Result<Vec<(SkipReason, u64)>> {
        self.shared.read(|c| known::skipped_by_reason(c, group))
    }

    fn skipped_by_group(
        &self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<(ObjectId, u64)>> {
        self.shared
            .read(|c| known::skipped_by_group(c, after, limit))
    }

    fn new_plan(&self, fence: Fence, header: &PlanHeader) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| plans::create(tx, header))
    }

    fn add_group_plans(&self, fence: Fence, plan_id: Guid, groups: &[GroupPlan]) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| plans::add_groups(tx, plan_id, groups))
    }

    fn add_plan_members(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        direction: Direction,
        members: &[PlannedMember],
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            plans::add_members(tx, plan_id, group, direction, members)
        })
    }

    fn finish_plan(
        &self,
        fence: Fence,
        plan_id: Guid,
        totals: &PlanTotals,
        complete: bool,
        state: PlanState,
        breaches: &serde_json::Value,
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            plans::finish(tx, plan_id, totals, complete, state, breaches)
        })
    }

    fn set_plan_state(&self, fence: Fence, plan_id: Guid, state: PlanState) -> Result<()> {
        self.shared
            .write(Some(fence), |tx| plans::set_state(tx, plan_id, state))
    }

    fn plan(&self, plan_id: Guid) -> Result<Option<PlanRecord>> {
        self.shared.read(|c| plans::get(c, plan_id))
    }

    fn latest_plan(&self) -> Result<Option<PlanRecord>> {
        self.shared.read(|c| Ok(plans::list(c, 1)?.pop()))
    }

    fn plans(&self, limit: usize) -> Result<Vec<PlanRecord>> {
        self.shared.read(|c| plans::list(c, limit))
    }

    fn group_plans(
        &self,
        plan_id: Guid,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<StoredGroupPlan>> {
        self.shared
            .read_together(|c| plans::groups(c, plan_id, after, limit))
    }

    fn group_plan(&self, plan_id: Guid, group: ObjectId) -> Result<Option<StoredGroupPlan>> {
        self.shared
            .read_together(|c| plans::group(c, plan_id, group))
    }

    fn plan_members(
        &self,
        plan_id: Guid,
        group: ObjectId,
        direction: Direction,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<StoredPlanMember>> {
        self.shared
            .read(|c| plans::members(c, plan_id, group, direction, after, limit))
    }

    fn set_change_status(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        change: usize,
        status: OperationStatus,
        error: Option<&str>,
    ) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            plans::set_change_status(tx, plan_id, group, change, status, error)
        })
    }

    fn set_member_status(
        &self,
        fence: Fence,
        plan_id: Guid,
        group: ObjectId,
        direction: Direction,
        members: Ordinals<'_>,
        status: OperationStatus,
        error: Option<&str>,
    ) -> Result<()> {
        let list = MemberList {
            plan: plan_id,
            group,
            direction,
        };
        self.shared.write(Some(fence), |tx| {
            plans::set_member_status(tx, &list, &members, status, error)
        })
    }

    fn stale_groups(&self, plan_id: Guid, limit: usize) -> Result<Vec<ObjectId>> {
        self.shared
            .read_together(|c| plans::stale_groups(c, plan_id, limit))
    }

    fn purge(&self, fence: Fence, plans: usize, runs: usize) -> Result<()> {
        self.shared.write(Some(fence), |tx| {
            plans::purge(tx, plans)?;
            runs::purge(tx, runs)
        })
    }
}
