//! Plans, their members and statuses; retention.

use super::*;
use crate::model::GroupType;
use crate::plan::Change;

pub(super) fn group_plan(group: u32, adds: u32, removes: u32) -> GroupPlan {
    let planned = |n: u32| PlannedMember {
        key: Some(sid_key(n)),
        member_id: Some(id(n)),
    };
    GroupPlan {
        object_id: id(group),
        name: format!("group {group}"),
        dn: format!("CN={group},DC=x"),
        guid: None,
        usn_changed: 3,
        reason: None,
        changes: vec![
            Change::ConvertGroup {
                old: GroupType(8),
                new: GroupType::UNIVERSAL_SECURITY,
            },
            Change::RenameGroup {
                old_cn: "a".into(),
                new_cn: "b".into(),
            },
        ],
        adds: (0..adds).map(planned).collect(),
        removes: (1000..1000 + removes).map(planned).collect(),
        count_before: 12,
        notes: vec!["note".into()],
        hands_off: None,
    }
}

#[test]
fn a_plan_comes_back_as_it_went_in() {
    let f = fixture();
    let fence = f.lease.fence;
    let plan = f.plan(1);
    assert_eq!(
        f.store.latest_plan().unwrap(),
        None,
        "not while it is being made"
    );
    let mut whole = group_plan(1, 3, 2);
    whole.adds.push(PlannedMember {
        key: Some(MemberKey::Guid(id(5))),
        member_id: None,
    });
    whole.adds.push(PlannedMember {
        key: None,
        member_id: Some(id(6)),
    });
    f.store
        .add_group_plans(fence, plan, &[whole.clone(), group_plan(2, 0, 0)])
        .unwrap();
    let more = PlannedMember {
        key: None,
        member_id: Some(id(77)),
    };
    f.store
        .add_plan_members(
            fence,
            plan,
            id(1),
            Direction::Add,
            std::slice::from_ref(&more),
        )
        .unwrap();
    let totals = PlanTotals {
        creates: 1,
        member_adds: 6,
        ..PlanTotals::default()
    };
    let breaches = serde_json::json!([{"kind": "deletions"}]);
    f.store
        .finish_plan(fence, plan, &totals, true, PlanState::Blocked, &breaches)
        .unwrap();

    let record = f.store.latest_plan().unwrap().unwrap();
    assert_eq!(record, f.store.plan(plan).unwrap().unwrap());
    assert_eq!(
        (record.totals, record.complete, record.state),
        (totals, true, PlanState::Blocked)
    );
    assert_eq!(
        (record.breaches, record.header.origin.as_str()),
        (breaches, "test")
    );

    let groups = f.store.group_plans(plan, None, 10).unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!(
        f.store
            .group_plans(plan, Some(groups[0].plan.object_id), 10)
            .unwrap(),
        groups[1..]
    );
    let one = f.store.group_plan(plan, id(1)).unwrap().unwrap();
    assert_eq!((one.adds, one.removes), (6, 2));
    whole.adds.push(more);
    let list = |direction, after, limit| {
        f.store
            .plan_members(plan, id(1), direction, after, limit)
            .unwrap()
    };
    let adds = list(Direction::Add, None, 100);
    assert_eq!(
        adds.iter().map(|m| m.member.clone()).collect::<Vec<_>>(),
        whole.adds
    );
    assert_eq!(list(Direction::Add, Some(1), 2), adds[2..4]);
    assert_eq!(list(Direction::Remove, None, 100).len(), 2);
    whole.adds.clear();
    whole.removes.clear();
    assert_eq!(one.plan, whole);
    assert!(f.store.group_plan(plan, id(3)).unwrap().is_none());
}

#[test]
fn every_operation_has_a_status() {
    let f = fixture();
    let fence = f.lease.fence;
    let plan = f.plan(1);
    f.store
        .add_group_plans(fence, plan, &[group_plan(1, 6, 1)])
        .unwrap();
    f.store
        .set_change_status(fence, plan, id(1), 1, OperationStatus::Failed, Some("53"))
        .unwrap();
    let statuses = f.store.group_plan(plan, id(1)).unwrap().unwrap().statuses;
    assert_eq!(statuses[0], ChangeStatus::default());
    assert_eq!(
        statuses[1],
        ChangeStatus {
            status: OperationStatus::Failed,
            error: Some("53".into())
        }
    );

    let set = |which: Ordinals<'_>, status| {
        f.store
            .set_member_status(fence, plan, id(1), Direction::Add, which, status, None)
            .unwrap();
    };
    set(Ordinals::All, OperationStatus::NotConfirmed);
    set(Ordinals::Range(0, 4), OperationStatus::Applied);
    set(Ordinals::Some(&[1, 5]), OperationStatus::Skipped);
    let adds = f
        .store
        .plan_members(plan, id(1), Direction::Add, None, 10)
        .unwrap();
    use OperationStatus::{Applied, NotConfirmed, Planned, Skipped};
    let expected = [Applied, Skipped, Applied, Applied, NotConfirmed, Skipped];
    assert_eq!(adds.iter().map(|m| m.status).collect::<Vec<_>>(), expected);
    assert_eq!(
        f.store
            .plan_members(plan, id(1), Direction::Remove, None, 10)
            .unwrap()[0]
            .status,
        Planned
    );
}

#[test]
fn states_go_one_way() {
    let f = fixture();
    let fence = f.lease.fence;
    let plan = f.plan(1);
    let finish = |state| {
        f.store.finish_plan(
            fence,
            plan,
            &PlanTotals::default(),
            true,
            state,
            &serde_json::Value::Null,
        )
    };
    let set = |state| f.store.set_plan_state(fence, plan, state);
    let stale = |r: Result<()>| assert_eq!(r.unwrap_err().id, ErrorId::PlanStale);
    stale(set(PlanState::Applied));
    stale(finish(PlanState::Applied));
    finish(PlanState::Ready).unwrap();
    stale(finish(PlanState::Ready));
    stale(set(PlanState::Blocked));
    set(PlanState::Applied).unwrap();
    stale(set(PlanState::Applied));
    assert_eq!(
        f.store.plan(plan).unwrap().unwrap().state,
        PlanState::Applied
    );
    let unknown = f
        .store
        .set_plan_state(fence, id(8), PlanState::Stale)
        .unwrap_err();
    assert_eq!(unknown.id, ErrorId::PlanNotFound);
    assert_eq!(f.store.plan(id(8)).unwrap(), None);
    assert_eq!(
        f.store.group_plans(id(8), None, 1).unwrap_err().id,
        ErrorId::PlanNotFound
    );
}

#[test]
fn a_kept_plan_knows_what_has_changed_since() {
    let f = fixture();
    f.live(&[named(1, "one"), named(2, "two"), named(3, "three")]);
    let plan = f.plan(1);
    let groups = [group_plan(1, 0, 0), group_plan(2, 0, 0)];
    f.store
        .add_group_plans(f.lease.fence, plan, &groups)
        .unwrap();
    assert!(f.store.stale_groups(plan, 10).unwrap().is_empty());
    f.live(&[named(2, "changed"), named(3, "changed")]);
    assert_eq!(f.store.stale_groups(plan, 10).unwrap(), [id(2)]);
}

#[test]
fn old_plans_and_runs_are_purged() {
    let f = fixture();
    for n in 1..=5 {
        let plan = f.plan(n);
        f.store
            .add_group_plans(f.lease.fence, plan, &[group_plan(1, 2, 2)])
            .unwrap();
        f.store
            .set_change_status(
                f.lease.fence,
                plan,
                id(1),
                0,
                OperationStatus::Applied,
                None,
            )
            .unwrap();
        let totals = PlanTotals::default();
        let none = serde_json::Value::Null;
        f.store
            .finish_plan(f.lease.fence, plan, &totals, true, PlanState::Ready, &none)
            .unwrap();
        let run = super::lease::run_header(n);
        f.store.begin_run(f.lease.fence, &run).unwrap();
        f.store
            .end_run(f.lease.fence, run.run_id, &super::lease::run_end())
            .unwrap();
    }
    let open = super::lease::run_header(6);
    f.store.begin_run(f.lease.fence, &open).unwrap();
    f.store.purge(f.lease.fence, 2, 3).unwrap();
    let plans: Vec<_> = f
        .store
        .plans(10)
        .unwrap()
        .iter()
        .map(|p| p.header.plan_id)
        .collect();
    assert_eq!(plans, [id(5), id(4)]);
    let runs: Vec<_> = f
        .store
        .runs(10)
        .unwrap()
        .iter()
        .map(|r| r.header.run_id)
        .collect();
    assert_eq!(runs, [id(6), id(5), id(4)]);
    assert_eq!(
        f.store
            .plan_members(id(4), id(1), Direction::Add, None, 10)
            .unwrap()
            .len(),
        2
    );
}
