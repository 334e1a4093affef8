//! Live changes of groups and members, and what they make pending.

use super::*;

#[test]
fn a_new_group_is_pending_with_all_its_members() {
    let f = fixture();
    f.users(&[user(10, Some(10))]);
    f.live(&[with_members(named(1, "one"), &[10, 11], &[])]);
    let pending = f.pending_of(1);
    assert!(pending.attributes && pending.verify && !pending.member_changes);
    let members = f.store.members(id(1), None, 10).unwrap();
    let of = |n| {
        members
            .iter()
            .find(|m| m.member_id == id(n))
            .unwrap()
            .clone()
    };
    assert_eq!(of(10).key, Some(sid_key(10)));
    assert!(of(10).known && !of(11).known && of(11).key.is_none());
    assert_eq!(
        f.store.unknown_members(None, 10).unwrap(),
        vec![(id(11), MemberKind::User)]
    );
    f.users(&[user(11, None)]);
    assert!(f.store.unknown_members(None, 10).unwrap().is_empty());
    assert!(
        f.store
            .members(id(1), None, 10)
            .unwrap()
            .iter()
            .any(|m| m.cloud_only)
    );
    assert_eq!(f.store.count_members(id(1)).unwrap(), 2);
}

#[test]
fn only_real_differences_become_pending() {
    let f = fixture();
    let mut row = with_members(named(1, "one"), &[10], &[]);
    row.patch.proxy_addresses = Some(vec!["SMTP:a@b".into(), "smtp:c@d".into()]);
    f.live(&[row.clone()]);
    f.settle();
    row.patch.proxy_addresses = Some(vec!["smtp:c@d".into(), "SMTP:a@b".into()]);
    f.live(&[
        row.clone(),
        row.clone(),
        with_members(named(1, "one"), &[], &[77]),
    ]);
    assert!(
        f.pending().is_empty(),
        "a replay and another order of values change nothing"
    );

    row.patch.mail = Some(Some("m@x".into()));
    f.live(&[row]);
    let pending = f.pending_of(1);
    assert!(pending.attributes && !pending.verify && !pending.member_changes);
    f.settle();
    let mut cleared = GroupChange::new(id(1));
    cleared.patch.mail = Some(None);
    f.live(&[cleared]);
    assert!(f.pending_of(1).attributes);
    let group = f.store.cloud_group(id(1)).unwrap().unwrap().group;
    assert_eq!(
        (group.mail, group.display_name.as_deref()),
        (None, Some("one")),
        "absent is unchanged, null is cleared"
    );
}

#[test]
fn members_come_and_go() {
    let f = fixture();
    f.users(&[user(10, Some(10)), user(11, Some(11))]);
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    f.settle();
    f.live(&[with_members(GroupChange::new(id(1)), &[11], &[10])]);
    let mut expected = vec![
        (id(11), true, Some(sid_key(11))),
        (id(10), false, Some(sid_key(10))),
    ];
    expected.sort_unstable();
    assert_eq!(f.work(1), expected);
    assert_eq!(f.member_ids(1), [id(11)]);
    assert!(f.pending_of(1).member_changes && !f.pending_of(1).attributes);

    // Back again: the removal is dropped, but an export may have been cut off, so the addition stands.
    f.live(&[with_members(GroupChange::new(id(1)), &[10], &[11])]);
    let mut expected = vec![
        (id(10), true, Some(sid_key(10))),
        (id(11), false, Some(sid_key(11))),
    ];
    expected.sort_unstable();
    assert_eq!(f.work(1), expected);
}

#[test]
fn within_a_page_the_later_row_wins() {
    let f = fixture();
    f.live(&[named(1, "one")]);
    f.settle();
    f.live(&[
        with_members(GroupChange::new(id(1)), &[10], &[10]),
        with_members(GroupChange::new(id(1)), &[11], &[]),
        with_members(GroupChange::new(id(1)), &[], &[11]),
        with_members(GroupChange::new(id(1)), &[11], &[]),
    ]);
    assert_eq!(f.member_ids(1), [id(11)]);
}

/// Clearing and deleting between two reads is told as a deletion alone; the row after the restoration has no place for
/// what is not set.
#[test]
fn a_restored_group_has_nothing_that_its_row_does_not_name() {
    let f = fixture();
    let mut whole = named(1, "one");
    whole.patch.security_enabled = Some(false);
    whole.patch.mail_enabled = Some(true);
    let mut described = whole.clone();
    described.patch.description = Some(Some("long ago".into()));
    let description = || {
        let group = f.store.cloud_group(id(1)).unwrap().unwrap().group;
        (group.description, group.mail_enabled)
    };
    f.live(&[described]);
    f.live(&[removed(1, Removal::Soft)]);
    assert_eq!(description(), (Some("long ago".into()), true));
    f.live(&[whole.clone()]);
    assert_eq!(description(), (None, true));
    // On a group that is there, absent means unchanged.
    let mut anew = whole.clone();
    anew.patch.description = Some(Some("anew".into()));
    f.live(&[anew]);
    f.live(&[whole]);
    assert_eq!(description(), (Some("anew".into()), true));
}

#[test]
fn deletion_restoration_and_the_end() {
    let f = fixture();
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    f.known(1, 500);
    f.settle();
    f.live(&[removed(1, Removal::Soft)]);
    assert_eq!(f.state(1), CloudState::SoftDeleted);
    let since = f.store.cloud_group(id(1)).unwrap().unwrap().since;
    assert!(f.pending_of(1).attributes && !f.pending_of(1).verify);
    f.settle();
    f.live(&[removed(1, Removal::Soft)]);
    assert!(f.pending().is_empty());
    assert_eq!(f.store.cloud_group(id(1)).unwrap().unwrap().since, since);

    f.live(&[named(1, "one")]);
    assert_eq!(f.state(1), CloudState::Active);
    assert!(
        f.pending_of(1).verify,
        "what happened meanwhile was not told"
    );
    assert_eq!(f.store.incomplete_groups(None, 10).unwrap(), [id(1)]);
    assert_eq!(f.member_ids(1), [id(10)]);
    f.settle();

    f.live(&[removed(1, Removal::Permanent), removed(1, Removal::Soft)]);
    assert_eq!(f.state(1), CloudState::HardDeleted);
    assert!(f.pending_of(1).attributes);
    let plan = f.plan(2);
    f.store.forget_known_group(f.lease.fence, id(1)).unwrap();
    f.store
        .complete_group(f.lease.fence, plan, id(1), &[])
        .unwrap();
    assert!(f.store.cloud_group(id(1)).unwrap().is_none() && f.pending().is_empty());
}

#[test]
fn removals_of_strangers_are_ignored_unless_written() {
    let f = fixture();
    f.known(2, 500);
    f.live(&[
        removed(1, Removal::Permanent),
        removed(2, Removal::Permanent),
    ]);
    assert!(f.store.cloud_group(id(1)).unwrap().is_none());
    assert_eq!(f.state(2), CloudState::HardDeleted);
    assert_eq!(
        f.pending().iter().map(|p| p.id).collect::<Vec<_>>(),
        [id(2)]
    );
}

#[test]
fn unreadable_rows_take_nothing_away() {
    let f = fixture();
    f.users(&[user(10, Some(10))]);
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    f.settle();
    let mut row = GroupChange {
        readable: false,
        ..GroupChange::new(id(1))
    };
    row.patch.display_name = Some(None);
    f.live(&[row]);
    let cached = f.store.cloud_group(id(1)).unwrap().unwrap();
    assert!(!cached.readable && cached.in_scope);
    assert_eq!(cached.group.display_name.as_deref(), Some("one"));

    f.users(&[ObjectChange {
        readable: false,
        ..user(10, None)
    }]);
    let view = &f.store.members(id(1), None, 1).unwrap()[0];
    assert_eq!(
        (view.key.clone(), view.readable, view.cloud_only),
        (Some(sid_key(10)), false, false)
    );
    f.settle();
    f.live(&[named(1, "one")]);
    assert!(f.pending_of(1).verify);
}

#[test]
fn groups_out_of_scope_keep_no_members_and_never_wait() {
    let f = fixture();
    let mut synced = with_members(named(1, "synced"), &[10], &[]);
    synced.patch.on_premises_sync_enabled = Some(true);
    synced.patch.on_premises_sid = Some(Some(sid(1)));
    f.live(&[synced, with_members(named(2, "two"), &[1], &[])]);
    assert!(f.member_ids(1).is_empty());
    assert_eq!(
        f.pending().iter().map(|p| p.id).collect::<Vec<_>>(),
        [id(2)]
    );
    assert_eq!(
        f.store.members(id(2), None, 1).unwrap()[0].key,
        Some(sid_key(1))
    );

    // It comes into scope: its members were never kept.
    let mut row = GroupChange::new(id(1));
    row.patch.on_premises_sync_enabled = Some(false);
    f.live(&[row]);
    assert!(f.pending_of(1).verify);
    assert_eq!(f.store.incomplete_groups(None, 10).unwrap(), [id(1)]);
    f.store
        .replace_members(f.lease.fence, id(1), &[(id(10), MemberKind::User)])
        .unwrap();
    assert!(f.store.incomplete_groups(None, 10).unwrap().is_empty());
    assert_eq!(f.member_ids(1), [id(10)]);
}

#[test]
fn leaving_scope_is_pending_and_coming_back_needs_no_read() {
    let f = fixture();
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    f.settle();
    f.live(&[named(1, "out")]);
    assert!(f.pending_of(1).attributes);
    f.settle();
    f.live(&[with_members(GroupChange::new(id(1)), &[11], &[])]);
    assert!(f.pending().is_empty());
    f.live(&[named(1, "one")]);
    assert!(f.pending_of(1).verify && f.store.incomplete_groups(None, 1).unwrap().is_empty());
    assert_eq!(f.store.count_members(id(1)).unwrap(), 2);
}

#[test]
fn a_list_of_its_own_is_compared() {
    let f = fixture();
    f.users(&[user(10, Some(10)), user(11, Some(11)), user(12, Some(12))]);
    f.live(&[with_members(named(1, "one"), &[10, 11], &[])]);
    f.settle();
    let list = [(id(12), MemberKind::User), (id(11), MemberKind::User)];
    f.store
        .replace_members(f.lease.fence, id(1), &list)
        .unwrap();
    let mut expected = vec![
        (id(12), true, Some(sid_key(12))),
        (id(10), false, Some(sid_key(10))),
    ];
    expected.sort_unstable();
    assert_eq!(f.work(1), expected);
    let missing = f
        .store
        .replace_members(f.lease.fence, id(44), &[])
        .unwrap_err();
    assert_eq!(missing.id, ErrorId::GroupNotFound);
}

#[test]
fn watermarks_go_with_the_last_page() {
    let f = fixture();
    assert_eq!(f.store.watermark(Feed::Groups).unwrap(), None);
    f.store
        .apply_groups(
            f.lease.fence,
            Target::Live,
            &[named(1, "one")],
            &everything,
            Some(&link("next")),
        )
        .unwrap();
    let saved = f.store.watermark(Feed::Groups).unwrap().unwrap();
    assert_eq!((saved.link.as_str(), saved.select.as_str()), ("next", "id"));
    assert!(saved.saved_at > 0);
    f.store
        .apply_objects(
            f.lease.fence,
            Target::Live,
            &[user(1, None)],
            Some((Feed::Users, &link("users"))),
        )
        .unwrap();
    assert_eq!(
        f.store.watermark(Feed::Users).unwrap().unwrap().link,
        "users"
    );
    assert_eq!(f.store.watermark(Feed::Devices).unwrap(), None);
    f.store
        .clear_watermark(f.lease.fence, Feed::Groups)
        .unwrap();
    assert_eq!(f.store.watermark(Feed::Groups).unwrap(), None);
}

#[test]
fn groups_are_found_by_name_and_mail() {
    let f = fixture();
    let mut row = named(1, "Sales");
    row.patch.mail = Some(Some("sales@x.org".into()));
    f.live(&[row, named(2, "Other")]);
    for text in ["sales", "SALES@x.org"] {
        let found = f.store.find_cloud_groups(text, 10).unwrap();
        assert_eq!(
            found.iter().map(|g| g.group.id).collect::<Vec<_>>(),
            [id(1)],
            "{text}"
        );
    }
    assert_eq!(f.store.cloud_groups(None, 10).unwrap().len(), 2);
    let first = f.store.cloud_groups(None, 1).unwrap()[0].group.id;
    assert_eq!(f.store.cloud_groups(Some(first), 10).unwrap().len(), 1);
}
