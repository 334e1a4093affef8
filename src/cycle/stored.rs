//! A stored plan on its way to be applied: is it still true on both sides, and may it run.

use std::collections::BTreeMap;

use super::lookup::containers;
use super::run::Run;
use crate::clock;
use crate::error::{Error, ErrorId, Result};
use crate::model::{DirectoryGroup, Guid, ObjectId};
use crate::store::{PlanRecord, PlanState};

/// Groups looked up in AD in one go.
const CHUNK: usize = 100;

/// A stored plan that is about to be applied: still valid on both sides.
pub(super) async fn check_stored(run: &mut Run<'_>, plan_id: Guid) -> Result<PlanRecord> {
    run.step("Check").await;
    let store = run.store();
    let plan = store.plan(plan_id)?.ok_or_else(|| {
        Error::new(
            ErrorId::PlanNotFound,
            format!("There is no plan {plan_id} in this configuration."),
        )
        .target(plan_id)
    })?;
    let stale = |why: String| {
        Error::new(
            ErrorId::PlanStale,
            format!(
                "The plan of {} is no longer valid: {why}.",
                clock::rfc3339(plan.header.created)
            ),
        )
        .target(plan_id)
    };
    match plan.state {
        PlanState::Ready | PlanState::Blocked => {}
        PlanState::Applied => return Err(stale("it was applied already".into())),
        PlanState::Stale | PlanState::Building => {
            return Err(stale("a newer one has taken its place".into()));
        }
    }
    if !plan.header.replica.is_empty()
        && plan.header.replica != run.engine.directory.root().replica()
    {
        // Change numbers are one controller's own: those of the plan say nothing here.
        return Err(stale(format!(
            "it was made on another domain controller than {}",
            run.engine.directory.root().dns_host_name
        )));
    }
    if let Some(group) = store.stale_groups(plan_id, 1)?.first() {
        store.set_plan_state(run.fence(), plan_id, PlanState::Stale)?;
        return Err(stale(format!(
            "group {group} has changed in the cloud since"
        )));
    }
    let mut after = None;
    loop {
        let page = store.group_plans(plan_id, after, CHUNK)?;
        let Some(last) = page.last() else { break };
        after = Some(last.plan.object_id);
        let planned: Vec<_> = page
            .iter()
            .filter(|g| !g.plan.changes.is_empty() || g.adds + g.removes > 0)
            .collect();
        let guids: Vec<Guid> = planned.iter().filter_map(|g| g.plan.guid).collect();
        let created: Vec<ObjectId> = planned
            .iter()
            .filter(|g| g.plan.guid.is_none())
            .map(|g| g.plan.object_id)
            .collect();
        let found: BTreeMap<Guid, DirectoryGroup> = if guids.is_empty() {
            BTreeMap::new()
        } else {
            run.engine
                .directory
                .groups_by_guid(&guids, &[])
                .await?
                .into_iter()
                .map(|g| (g.guid, g))
                .collect()
        };
        for group in planned {
            let Some(guid) = group.plan.guid else {
                continue;
            };
            let usn = found.get(&guid).map(|g| g.usn_changed);
            if usn != Some(group.plan.usn_changed) {
                store.set_plan_state(run.fence(), plan_id, PlanState::Stale)?;
                return Err(stale(format!(
                    "'{}' ({}) has changed in AD since",
                    group.plan.name, group.plan.dn
                )));
            }
        }
        if !created.is_empty()
            && let Some(there) = run
                .engine
                .directory
                .groups_by_mark(&created, &containers(run), &[])
                .await?
                .first()
        {
            store.set_plan_state(run.fence(), plan_id, PlanState::Stale)?;
            return Err(stale(format!(
                "group {} was created in AD since",
                there.object_id
            )));
        }
    }
    Ok(plan)
}

/// The error of a plan past a threshold, from its stored breaches.
pub(super) fn blocked(plan: &PlanRecord) -> Error {
    let id = match plan.breaches["id"].as_str() {
        Some("MemberRemovalThresholdExceeded") => ErrorId::MemberRemovalThresholdExceeded,
        _ => ErrorId::DeletionThresholdExceeded,
    };
    let message = plan.breaches["message"]
        .as_str()
        .unwrap_or("The plan is past a threshold.");
    Error::new(
        id,
        format!(
            "{}. Nothing was written. Plan {}.",
            message.trim_end_matches('.'),
            plan.header.plan_id
        ),
    )
    .target(plan.header.plan_id)
}
