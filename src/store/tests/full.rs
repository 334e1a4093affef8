//! Full reads: staged, swapped in, and what they say about groups that are not listed.

use super::*;

#[test]
fn nothing_shows_before_the_end() {
    let f = fixture();
    f.full(&[with_members(named(1, "one"), &[10], &[])]);
    f.settle();
    f.store.begin_full(f.lease.fence, Feed::Groups).unwrap();
    let rows = [with_members(named(1, "new"), &[11], &[]), named(2, "two")];
    f.store
        .apply_groups(f.lease.fence, Target::Staging, &rows, &cloud_only, None)
        .unwrap();
    assert_eq!(f.member_ids(1), [id(10)]);
    assert!(f.pending().is_empty() && f.store.cloud_group(id(2)).unwrap().is_none());

    // Begun anew, what was staged is forgotten.
    f.full(&[named(1, "newer")]);
    assert!(f.store.cloud_group(id(2)).unwrap().is_none() && f.member_ids(1).is_empty());
    assert_eq!(
        f.store.watermark(Feed::Groups).unwrap().unwrap().link,
        "full"
    );
    assert!(f.pending_of(1).verify && f.pending_of(1).attributes);
}

#[test]
fn slices_merge_and_members_may_come_before_the_name() {
    let f = fixture();
    f.full(&[
        with_members(GroupChange::new(id(1)), &[10, 11], &[]),
        with_members(GroupChange::new(id(2)), &[10], &[]),
        with_members(named(1, "one"), &[12, 10], &[]),
        named(2, "out"),
        with_members(GroupChange::new(id(1)), &[], &[11]),
        GroupChange::new(id(1)),
    ]);
    let mut expected = [id(10), id(12)];
    expected.sort_unstable();
    assert_eq!(f.member_ids(1), expected);
    assert!(f.member_ids(2).is_empty(), "out of scope");
    assert!(f.store.incomplete_groups(None, 10).unwrap().is_empty());
    let unknown = f.store.unknown_members(None, 10).unwrap();
    assert_eq!(unknown.len(), 2);
    assert_eq!(
        f.store.unknown_members(Some(unknown[0].0), 10).unwrap(),
        unknown[1..]
    );
}

#[test]
fn a_group_that_is_not_listed_is_asked_for() {
    let f = fixture();
    f.full(&[
        with_members(named(1, "one"), &[10], &[]),
        named(2, "two"),
        named(3, "three"),
    ]);
    f.known(1, 100);
    f.known(9, 900);
    f.settle();
    f.full(&[named(2, "two")]);
    let mut expected = [id(1), id(3), id(9)];
    expected.sort_unstable();
    assert_eq!(f.store.unconfirmed_groups(None, 10).unwrap(), expected);
    let one = f.store.cloud_group(id(1)).unwrap().unwrap();
    assert!(!one.listed && one.state == CloudState::Active);
    assert_eq!(f.member_ids(1), [id(10)]);

    f.settle();
    let confirm = |n, state| {
        f.store
            .set_cloud_state(f.lease.fence, id(n), state)
            .unwrap()
    };
    confirm(1, CloudState::Active);
    assert!(f.pending_of(1).verify);
    assert_eq!(f.store.incomplete_groups(None, 10).unwrap(), [id(1)]);
    confirm(3, CloudState::HardDeleted);
    confirm(9, CloudState::SoftDeleted);
    assert!(f.store.unconfirmed_groups(None, 10).unwrap().is_empty());
    assert!(f.pending_of(9).attributes);
    f.settle();
    assert!(f.store.cloud_group(id(3)).unwrap().is_none());
}

#[test]
fn states_survive_a_full_read() {
    let f = fixture();
    f.live(&[
        named(1, "one"),
        named(2, "two"),
        named(3, "three"),
        named(4, "four"),
    ]);
    for n in 1..=4 {
        f.known(n, n);
    }
    f.live(&[
        removed(1, Removal::Soft),
        removed(2, Removal::Permanent),
        removed(3, Removal::Soft),
    ]);
    f.settle();
    let since = f.store.cloud_group(id(2)).unwrap().unwrap().since;
    f.full(&[named(3, "three"), removed(4, Removal::Soft)]);
    let of = |n| f.store.cloud_group(id(n)).unwrap().unwrap();
    assert_eq!(
        (of(1).state, of(1).listed),
        (CloudState::SoftDeleted, false)
    );
    assert_eq!(
        (of(2).state, of(2).listed, of(2).since),
        (CloudState::HardDeleted, true, since)
    );
    assert_eq!((of(3).state, of(3).listed), (CloudState::Active, true));
    assert_eq!((of(4).state, of(4).listed), (CloudState::SoftDeleted, true));
    assert_eq!(of(4).group.display_name.as_deref(), Some("four"));
    assert!(f.pending().len() == 4 && f.pending().iter().all(|p| p.verify));
}

#[test]
fn unreadable_groups_keep_what_was_known() {
    let f = fixture();
    let mut row = named(1, "one");
    row.patch.on_premises_sid = Some(Some(sid(1)));
    f.full(&[row]);
    f.full(&[GroupChange {
        readable: false,
        ..GroupChange::new(id(1))
    }]);
    let one = f.store.cloud_group(id(1)).unwrap().unwrap();
    assert_eq!(
        (
            one.group.display_name.as_deref(),
            one.readable,
            one.in_scope
        ),
        (Some("one"), false, true)
    );
    assert_eq!(f.store.object(id(1)).unwrap().unwrap().sid, Some(sid(1)));
    assert!(f.store.incomplete_groups(None, 10).unwrap().is_empty());
    f.live(&[named(1, "one")]);
    assert_eq!(f.store.incomplete_groups(None, 10).unwrap(), [id(1)]);
}

#[test]
fn users_are_swapped_too() {
    let f = fixture();
    let read = |rows: &[ObjectChange]| {
        f.store.begin_full(f.lease.fence, Feed::Users).unwrap();
        f.store
            .apply_objects(f.lease.fence, Target::Staging, rows, None)
            .unwrap();
        f.store
            .finish_full(f.lease.fence, Feed::Users, &link("u"))
            .unwrap();
    };
    read(&[
        user(10, Some(10)),
        user(11, None),
        user(12, Some(12)),
        user(13, Some(13)),
        user(15, Some(15)),
    ]);
    f.full(&[with_members(named(1, "one"), &[10, 11, 12, 14, 15], &[])]);
    f.settle();
    let slice = ObjectChange {
        sid: None,
        ..user(10, None)
    };
    let unreadable = ObjectChange {
        readable: false,
        ..user(15, None)
    };
    read(&[
        user(10, Some(20)),
        slice,
        user(11, Some(11)),
        user(14, Some(14)),
        unreadable,
    ]);
    let mut expected = vec![
        (id(10), true, Some(sid_key(20))),
        (id(10), false, Some(sid_key(10))),
        (id(11), true, Some(sid_key(11))),
        (id(14), true, Some(sid_key(14))),
    ];
    expected.sort_by_key(|(member, add, _)| (*member, !add));
    assert_eq!(f.work(1), expected);
    let of = |n| f.store.object(id(n)).unwrap();
    assert!(of(13).is_none(), "in no group");
    assert!(
        of(12).is_some_and(|o| o.removed && o.sid == Some(sid(12))),
        "a group has it"
    );
    assert!(of(15).is_some_and(|o| !o.readable && !o.removed && o.sid == Some(sid(15))));
    assert!(f.store.unknown_members(None, 10).unwrap().is_empty());
    assert_eq!(f.store.watermark(Feed::Users).unwrap().unwrap().link, "u");
}

#[test]
fn what_came_after_a_plan_is_not_cleared_by_it() {
    let f = fixture();
    f.full(&[with_members(named(1, "one"), &[10], &[]), named(2, "two")]);
    let first = f.plan(60);
    f.live(&[with_members(GroupChange::new(id(1)), &[11], &[])]);
    f.store
        .complete_groups(f.lease.fence, first, &[id(1), id(2)])
        .unwrap();
    assert_eq!(
        f.pending()
            .iter()
            .map(|p| (p.id, p.verify, p.attributes))
            .collect::<Vec<_>>(),
        [(id(1), true, false)]
    );
    f.settle();

    f.live(&[with_members(named(1, "other"), &[12], &[])]);
    let second = f.plan(61);
    f.live(&[with_members(GroupChange::new(id(1)), &[13], &[12])]);
    f.store
        .complete_group(f.lease.fence, second, id(1), &[])
        .unwrap();
    let mut expected = vec![(id(12), false, None), (id(13), true, None)];
    expected.sort_unstable();
    assert_eq!(f.work(1), expected);
    assert!(!f.pending_of(1).attributes);
}

#[test]
fn failures_are_counted() {
    let f = fixture();
    f.live(&[named(1, "one")]);
    for n in 1..=2 {
        f.store.fail_group(f.lease.fence, id(1), "LDAP 53").unwrap();
        assert_eq!(
            (
                f.pending_of(1).attempts,
                f.pending_of(1).last_error.as_deref()
            ),
            (n, Some("LDAP 53"))
        );
    }
    f.settle();
    f.store.fail_group(f.lease.fence, id(1), "LDAP 53").unwrap();
    assert!(f.pending_of(1).verify && f.pending_of(1).attempts == 1);
    f.settle();
    f.store
        .mark_pending(f.lease.fence, &[id(1)], false)
        .unwrap();
    assert!(!f.pending_of(1).verify && f.store.count_pending().unwrap() == 1);
    let member = PendingMember {
        member_id: id(7),
        kind: MemberKind::User,
        add: false,
        key: Some(sid_key(7)),
    };
    f.store
        .add_pending_member(f.lease.fence, id(1), &member)
        .unwrap();
    assert_eq!(f.store.pending_members(id(1), None, 1).unwrap(), [member]);
}

#[test]
fn pages_of_pending_members_never_cut_one_in_two() {
    let f = fixture();
    f.users(&(10..30).map(|n| user(n, Some(n))).collect::<Vec<_>>());
    f.live(&[with_members(
        named(1, "one"),
        &(10..30).collect::<Vec<_>>(),
        &[],
    )]);
    f.settle();
    f.users(&(10..30).map(|n| user(n, Some(n + 100))).collect::<Vec<_>>());
    let (mut seen, mut from) = (Vec::new(), None);
    loop {
        let page = f.store.pending_members(id(1), from, 3).unwrap();
        let Some(last) = page.last() else { break };
        from = Some(last.member_id);
        assert_eq!(page.len(), 4);
        seen.extend(page);
    }
    assert_eq!(seen, f.store.pending_members(id(1), None, 1000).unwrap());
    assert_eq!(seen.len(), 40);
}

#[test]
fn a_group_restored_after_a_full_read_has_its_members_read() {
    let f = fixture();
    f.live(&[
        with_members(named(1, "one"), &[10], &[]),
        removed(1, Removal::Soft),
    ]);
    f.full(&[]);
    assert!(
        f.store.cloud_group(id(1)).unwrap().is_none(),
        "neither listed nor written"
    );
    f.live(&[named(1, "one")]);
    assert_eq!(f.store.incomplete_groups(None, 10).unwrap(), [id(1)]);
}
