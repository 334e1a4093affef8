//! What a group's export came to: statuses in the plan, what AD said, and the pending work that is done.

use super::plans::MemberList;
use super::sql::{Outcome, Tx};
use super::{GroupEnd, KnownChange, Ordinals, known, objects, pending, plans};
use crate::model::{Guid, ObjectId};

/// Writes one group's end; the caller's transaction may hold those of others.
pub(super) fn record(tx: &Tx<'_>, plan_id: Guid, group: ObjectId, end: &GroupEnd) -> Outcome<()> {
    for (change, (status, word)) in &end.changes {
        plans::set_change_status(tx, plan_id, group, *change, *status, word.as_deref())?;
    }
    for (direction, ordinals, (status, word)) in &end.members {
        let list = MemberList {
            plan: plan_id,
            group,
            direction: *direction,
        };
        let which = ordinals.as_deref().map_or(Ordinals::All, Ordinals::Some);
        plans::set_member_status(tx, &list, &which, *status, word.as_deref())?;
    }
    for (id, resolution) in &end.resolutions {
        objects::set_resolution(tx, *id, resolution)?;
    }
    known::update_skipped(tx, group, &end.skipped, &[])?;
    match &end.known {
        Some(KnownChange::Save(saved)) => known::save(tx, saved)?,
        Some(KnownChange::Forget) => known::forget(tx, group)?,
        None => {}
    }
    match &end.complete {
        Some(late) => pending::complete_plan(tx, plan_id, group, late),
        None => Ok(()),
    }
}
