//! Plans: header, groups, and members in narrow rows of their own (a group may have 250,000 of them).

use rusqlite::{Connection, Row, params};

use super::runs::{count, number};
use super::sql::{
    IntColumn, KeyColumn, Outcome, Tx, after, collect, first, from_json, int_column, limit, run,
    to_json,
};
use super::{
    ChangeStatus, Direction, OperationStatus, Ordinals, PlanHeader, PlanRecord, PlanState,
    PlanTotals, StoredGroupPlan, StoredPlanMember, plan_not_found,
};
use crate::error::{Error, ErrorId};
use crate::model::{Guid, ObjectId};
use crate::plan::{GroupPlan, PlannedMember};

int_column!(PlanState { Building = 0, Ready = 1, Blocked = 2, Applied = 3, Stale = 4 });
int_column!(OperationStatus { Planned = 0, Applied = 1, Skipped = 2, Failed = 3, NotConfirmed = 4 });
int_column!(Direction { Add = 0, Remove = 1 });

const COLUMNS: &str = "plan_id, configuration, origin, policy, created, totals, complete, state, breaches, replica FROM plans";

pub(super) fn create(tx: &Tx<'_>, header: &PlanHeader) -> Outcome<()> {
    run(
        tx.c,
        "INSERT INTO plans (plan_id, configuration, origin, policy, created, replica, change_seq, state, complete,
         totals, breaches) SELECT ?, ?, ?, ?, ?, ?, change_seq, ?, 0, '{}', 'null' FROM counter",
        params![
            header.plan_id,
            header.configuration,
            header.origin,
            header.policy_type,
            header.created,
            header.replica,
            PlanState::Building
        ],
    )?;
    Ok(())
}

/// The newest change when the plan was begun.
pub(super) fn change_seq(c: &Connection, plan: Guid) -> Outcome<i64> {
    first(
        c,
        "SELECT change_seq FROM plans WHERE plan_id = ?",
        [plan],
        |r| r.get(0),
    )?
    .ok_or_else(|| plan_not_found(plan).into())
}

fn number_of(c: &Connection, plan: Guid) -> Outcome<i64> {
    first(c, "SELECT no FROM plans WHERE plan_id = ?", [plan], |r| {
        r.get(0)
    })?
    .ok_or_else(|| plan_not_found(plan).into())
}

pub(super) fn add_groups(tx: &Tx<'_>, plan: Guid, groups: &[GroupPlan]) -> Outcome<()> {
    let no = number_of(tx.c, plan)?;
    for group in groups {
        run(
            tx.c,
            "INSERT INTO plan_groups (plan_no, group_id, adds, removes, data) VALUES (?, ?, 0, 0, ?)",
            params![no, group.object_id, to_json(&shallow(group))?],
        )?;
        append(tx, no, group.object_id, Direction::Add, &group.adds)?;
        append(tx, no, group.object_id, Direction::Remove, &group.removes)?;
    }
    Ok(())
}

/// A copy without the member lists.
fn shallow(group: &GroupPlan) -> GroupPlan {
    GroupPlan {
        object_id: group.object_id,
        name: group.name.clone(),
        dn: group.dn.clone(),
        guid: group.guid,
        usn_changed: group.usn_changed,
        changes: group.changes.clone(),
        adds: Vec::new(),
        removes: Vec::new(),
        count_before: group.count_before,
        notes: group.notes.clone(),
        reason: group.reason,
        hands_off: group.hands_off.clone(),
    }
}

pub(super) fn add_members(
    tx: &Tx<'_>,
    plan: Guid,
    group: ObjectId,
    direction: Direction,
    members: &[PlannedMember],
) -> Outcome<()> {
    append(tx, number_of(tx.c, plan)?, group, direction, members)
}

fn append(
    tx: &Tx<'_>,
    no: i64,
    group: ObjectId,
    direction: Direction,
    members: &[PlannedMember],
) -> Outcome<()> {
    if members.is_empty() {
        return Ok(());
    }
    let grow = match direction {
        Direction::Add => {
            "UPDATE plan_groups SET adds = adds + ?1 WHERE plan_no = ?2 AND group_id = ?3 RETURNING adds - ?1"
        }
        Direction::Remove => {
            "UPDATE plan_groups SET removes = removes + ?1 WHERE plan_no = ?2 AND group_id = ?3 RETURNING removes - ?1"
        }
    };
    let size = count(members.len() as u64);
    let from: i64 = first(tx.c, grow, params![size, no, group], |r| r.get(0))?
        .ok_or_else(|| not_in_plan(group))?;
    let mut insert = tx.c.prepare_cached(
        "INSERT INTO plan_members (plan_no, group_id, remove, ordinal, member_id, key, status)
         VALUES (?, ?, ?, ?, ?, ?, 0)",
    )?;
    for (ordinal, member) in (from..).zip(members) {
        let key = member.key.as_ref().map(KeyColumn::bytes);
        insert.execute(params![
            no,
            group,
            direction,
            ordinal,
            member.member_id,
            key
        ])?;
    }
    Ok(())
}

fn not_in_plan(group: ObjectId) -> Error {
    Error::new(
        ErrorId::GroupNotFound,
        format!("The plan has no group {group}."),
    )
    .target(group)
}

pub(super) fn finish(
    tx: &Tx<'_>,
    plan: Guid,
    totals: &PlanTotals,
    complete: bool,
    state: PlanState,
    breaches: &serde_json::Value,
) -> Outcome<()> {
    change_state(
        tx,
        plan,
        state,
        &[PlanState::Building],
        &[PlanState::Ready, PlanState::Blocked],
    )?;
    run(
        tx.c,
        "UPDATE plans SET totals = ?, complete = ?, breaches = ? WHERE plan_id = ?",
        params![to_json(totals)?, complete, to_json(breaches)?, plan],
    )?;
    Ok(())
}

pub(super) fn set_state(tx: &Tx<'_>, plan: Guid, state: PlanState) -> Outcome<()> {
    change_state(
        tx,
        plan,
        state,
        &[PlanState::Ready, PlanState::Blocked],
        &[PlanState::Applied, PlanState::Stale],
    )
}

fn change_state(
    tx: &Tx<'_>,
    plan: Guid,
    to: PlanState,
    from: &[PlanState],
    allowed: &[PlanState],
) -> Outcome<()> {
    let now: PlanState = first(
        tx.c,
        "SELECT state FROM plans WHERE plan_id = ?",
        [plan],
        |r| r.get(0),
    )?
    .ok_or_else(|| plan_not_found(plan))?;
    if !from.contains(&now) || !allowed.contains(&to) {
        return Err(Error::new(
            ErrorId::PlanStale,
            format!("The plan {plan} is {now:?} and can't become {to:?}."),
        )
        .target(plan)
        .into());
    }
    run(
        tx.c,
        "UPDATE plans SET state = ? WHERE plan_id = ?",
        params![to, plan],
    )?;
    Ok(())
}

pub(super) fn get(c: &Connection, plan: Guid) -> Outcome<Option<PlanRecord>> {
    Ok(collect(
        c,
        &format!("SELECT {COLUMNS} WHERE plan_id = ?"),
        [plan],
        record,
    )?
    .pop())
}

pub(super) fn list(c: &Connection, most: usize) -> Outcome<Vec<PlanRecord>> {
    let sql = format!("SELECT {COLUMNS} WHERE state <> 0 ORDER BY no DESC LIMIT ?");
    collect(c, &sql, [limit(most)], record)
}

fn record(r: &Row<'_>) -> Outcome<PlanRecord> {
    Ok(PlanRecord {
        header: PlanHeader {
            plan_id: r.get(0)?,
            configuration: r.get(1)?,
            origin: r.get(2)?,
            policy_type: r.get(3)?,
            created: r.get(4)?,
            replica: r.get(9)?,
        },
        totals: from_json(&r.get::<_, String>(5)?)?,
        complete: r.get(6)?,
        state: r.get(7)?,
        breaches: from_json(&r.get::<_, String>(8)?)?,
    })
}

pub(super) fn groups(
    c: &Connection,
    plan: Guid,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<StoredGroupPlan>> {
    let no = number_of(c, plan)?;
    collect(
        c,
        "SELECT data, adds, removes FROM plan_groups WHERE plan_no = ? AND group_id > ? ORDER BY group_id LIMIT ?",
        params![no, after(from), limit(most)],
        |r| stored(c, no, r),
    )
}

pub(super) fn group(
    c: &Connection,
    plan: Guid,
    group: ObjectId,
) -> Outcome<Option<StoredGroupPlan>> {
    let no = number_of(c, plan)?;
    let found = collect(
        c,
        "SELECT data, adds, removes FROM plan_groups WHERE plan_no = ? AND group_id = ?",
        params![no, group],
        |r| stored(c, no, r),
    )?;
    Ok(found.into_iter().next())
}

fn stored(c: &Connection, no: i64, r: &Row<'_>) -> Outcome<StoredGroupPlan> {
    let plan: GroupPlan = from_json(&r.get::<_, String>(0)?)?;
    let mut statuses = vec![ChangeStatus::default(); plan.changes.len()];
    let known = collect(
        c,
        "SELECT ordinal, status, error FROM plan_changes WHERE plan_no = ? AND group_id = ?",
        params![no, plan.object_id],
        |r| {
            Ok((
                r.get::<_, u32>(0)?,
                ChangeStatus {
                    status: r.get(1)?,
                    error: r.get(2)?,
                },
            ))
        },
    )?;
    for (ordinal, status) in known {
        if let Some(slot) = usize::try_from(ordinal)
            .ok()
            .and_then(|i| statuses.get_mut(i))
        {
            *slot = status;
        }
    }
    Ok(StoredGroupPlan {
        plan,
        adds: number(r.get(1)?),
        removes: number(r.get(2)?),
        statuses,
    })
}

pub(super) fn members(
    c: &Connection,
    plan: Guid,
    group: ObjectId,
    direction: Direction,
    from: Option<u64>,
    most: usize,
) -> Outcome<Vec<StoredPlanMember>> {
    collect(
        c,
        "SELECT ordinal, key, member_id, status, error FROM plan_members
         WHERE plan_no = ? AND group_id = ? AND remove = ? AND ordinal > ? ORDER BY ordinal LIMIT ?",
        params![number_of(c, plan)?, group, direction, from.map_or(-1, count), limit(most)],
        |r| {
            Ok(StoredPlanMember {
                ordinal: number(r.get(0)?),
                member: PlannedMember {
                    key: r.get::<_, Option<KeyColumn>>(1)?.map(|k| k.0),
                    member_id: r.get(2)?,
                },
                status: r.get(3)?,
                error: r.get(4)?,
            })
        },
    )
}

pub(super) fn set_change_status(
    tx: &Tx<'_>,
    plan: Guid,
    group: ObjectId,
    change: usize,
    status: OperationStatus,
    error: Option<&str>,
) -> Outcome<()> {
    run(
        tx.c,
        "INSERT OR REPLACE INTO plan_changes (plan_no, group_id, ordinal, status, error) VALUES (?, ?, ?, ?, ?)",
        params![
            number_of(tx.c, plan)?,
            group,
            count(change as u64),
            status,
            error
        ],
    )?;
    Ok(())
}

/// Members of one list of a plan.
pub(super) struct MemberList {
    pub plan: Guid,
    pub group: ObjectId,
    pub direction: Direction,
}

pub(super) fn set_member_status(
    tx: &Tx<'_>,
    list: &MemberList,
    members: &Ordinals<'_>,
    status: OperationStatus,
    error: Option<&str>,
) -> Outcome<()> {
    let no = number_of(tx.c, list.plan)?;
    let set = |from: i64, to: i64| {
        run(
            tx.c,
            "UPDATE plan_members SET status = ?, error = ?
             WHERE plan_no = ? AND group_id = ? AND remove = ? AND ordinal >= ? AND ordinal < ?",
            params![
                status,
                error,
                no,
                list.group,
                list.direction.number(),
                from,
                to
            ],
        )
    };
    match members {
        Ordinals::All => set(0, i64::MAX).map(drop),
        Ordinals::Range(from, to) => set(count(*from), count(*to)).map(drop),
        Ordinals::Some(ordinals) => {
            for ordinal in *ordinals {
                set(count(*ordinal), count(ordinal.saturating_add(1)))?;
            }
            Ok(())
        }
    }
}

pub(super) fn stale_groups(c: &Connection, plan: Guid, most: usize) -> Outcome<Vec<ObjectId>> {
    collect(
        c,
        "SELECT p.id FROM pending_groups p JOIN plan_groups g ON g.plan_no = ?1 AND g.group_id = p.id
         WHERE p.attr_seq > ?2 OR p.verify_seq > ?2
         OR EXISTS (SELECT 1 FROM pending_members m WHERE m.group_id = p.id AND m.seq > ?2)
         ORDER BY p.id LIMIT ?3",
        params![number_of(c, plan)?, change_seq(c, plan)?, limit(most)],
        |r| Ok(r.get(0)?),
    )
}

pub(super) fn purge(tx: &Tx<'_>, keep: usize) -> Outcome<()> {
    run(
        tx.c,
        "DELETE FROM plans WHERE no NOT IN (SELECT no FROM plans ORDER BY no DESC LIMIT ?)",
        [limit(keep)],
    )?;
    Ok(())
}
