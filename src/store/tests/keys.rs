//! Anchors, look-ups and nested groups: how a member's key changes and what follows.

use super::*;

/// One settled group with one member.
fn one_member(anchor: ObjectChange) -> Fixture {
    let f = fixture();
    f.users(&[anchor]);
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    f.settle();
    f
}

#[test]
fn a_sid_that_comes_changes_and_goes() {
    let f = one_member(user(10, None));
    f.users(&[user(10, Some(10))]);
    assert_eq!(f.work(1), [(id(10), true, Some(sid_key(10)))]);
    f.settle();
    f.users(&[user(10, Some(10))]);
    assert!(f.pending().is_empty());
    f.users(&[user(10, Some(20))]);
    assert_eq!(
        f.work(1),
        [
            (id(10), true, Some(sid_key(20))),
            (id(10), false, Some(sid_key(10)))
        ]
    );
    // Back before the export: nothing is to be removed.
    f.users(&[user(10, Some(10))]);
    assert_eq!(
        f.work(1),
        [
            (id(10), true, Some(sid_key(10))),
            (id(10), false, Some(sid_key(20)))
        ]
    );
    f.settle();
    f.users(&[user(10, None)]);
    assert_eq!(
        f.work(1),
        [(id(10), true, None), (id(10), false, Some(sid_key(10)))]
    );
}

#[test]
fn an_immutable_id_is_looked_up() {
    let anchored = |text: &str| ObjectChange {
        immutable_id: Some(Some(text.into())),
        ..user(10, None)
    };
    let f = one_member(anchored("a"));
    let asked = f.store.unresolved_objects(None, 10).unwrap();
    assert_eq!(
        asked
            .iter()
            .map(|o| (o.id, o.immutable_id.as_deref()))
            .collect::<Vec<_>>(),
        [(id(10), Some("a"))]
    );
    let resolve = |r: Resolution| {
        f.store
            .set_resolutions(f.lease.fence, &[(id(10), r)])
            .unwrap()
    };

    resolve(Resolution::NotFound);
    assert_eq!(
        f.store.unresolved_objects(None, 10).unwrap().len(),
        1,
        "asked again each cycle"
    );
    assert!(f.pending().is_empty());
    let key = MemberKey::Guid(id(4242));
    resolve(Resolution::Key(key.clone()));
    assert_eq!(f.work(1), [(id(10), true, Some(key.clone()))]);
    assert!(f.store.unresolved_objects(None, 10).unwrap().is_empty());
    assert_eq!(
        f.store.object_by_key(&key).unwrap().map(|o| o.id),
        Some(id(10))
    );
    f.settle();

    // Another anchor: the old key goes unless the look-up finds the same object.
    f.users(&[anchored("b")]);
    assert_eq!(
        f.work(1),
        [(id(10), true, None), (id(10), false, Some(key.clone()))]
    );
    assert_eq!(f.store.unresolved_objects(None, 10).unwrap().len(), 1);
    resolve(Resolution::Key(key.clone()));
    assert_eq!(f.work(1), [(id(10), true, Some(key))]);
}

#[test]
fn a_sid_ad_does_not_know_is_skipped_until_found() {
    let f = one_member(user(10, Some(10)));
    let resolve = |r: Resolution| {
        f.store
            .set_resolutions(f.lease.fence, &[(id(10), r)])
            .unwrap()
    };
    for reason in [
        Resolution::NotFound,
        Resolution::Other(SkipReason::OtherForest),
    ] {
        resolve(reason.clone());
        let view = f.store.members(id(1), None, 1).unwrap().remove(0);
        assert_eq!((view.key, view.resolution), (None, reason));
        assert!(f.pending().is_empty());
        assert_eq!(f.store.unresolved_objects(None, 10).unwrap().len(), 1);
    }
    resolve(Resolution::Unresolved);
    assert_eq!(f.work(1), [(id(10), true, Some(sid_key(10)))]);
}

#[test]
fn a_deleted_object_keeps_its_anchor_while_a_group_has_it() {
    let f = one_member(user(10, Some(10)));
    let gone = ObjectChange {
        removed: Some(Removal::Soft),
        ..ObjectChange::new(id(10), MemberKind::Other)
    };
    f.users(std::slice::from_ref(&gone));
    assert!(f.store.object(id(10)).unwrap().unwrap().removed && f.pending().is_empty());
    f.live(&[with_members(GroupChange::new(id(1)), &[], &[10])]);
    assert_eq!(f.work(1), [(id(10), false, Some(sid_key(10)))]);
    assert!(f.store.object(id(10)).unwrap().is_none());
    f.users(&[user(10, Some(10)), gone]);
    assert!(f.store.object(id(10)).unwrap().is_none());
}

#[test]
fn an_object_made_anew_with_the_same_sid_is_not_removed() {
    let f = one_member(user(10, Some(10)));
    f.users(&[user(11, Some(10))]);
    f.live(&[with_members(GroupChange::new(id(1)), &[11], &[10])]);
    let mut expected = vec![(id(11), true, Some(sid_key(10))), (id(10), false, None)];
    expected.sort_unstable();
    assert_eq!(f.work(1), expected);
}

#[test]
fn nested_groups_get_their_key_when_they_are_written() {
    let f = fixture();
    let nested = |row: GroupChange| GroupChange {
        members: Some(vec![MemberChange {
            id: id(2),
            kind: MemberKind::Group,
            removed: false,
        }]),
        ..row
    };
    f.live(&[nested(named(1, "parent")), named(2, "child")]);
    assert_eq!(f.store.parents_of(id(2)).unwrap(), [id(1)]);
    let plan = f.plan(50);
    f.known(2, 22);
    let view = f.store.members(id(1), None, 1).unwrap().remove(0);
    assert_eq!(
        (view.key, view.nested, view.known),
        (Some(sid_key(22)), Some(sid(22)), true)
    );
    // The parent was exported with the new SID in the same run: nothing is left.
    f.store
        .complete_group(f.lease.fence, plan, id(1), &[id(2)])
        .unwrap();
    f.store
        .complete_group(f.lease.fence, plan, id(2), &[])
        .unwrap();
    assert!(f.pending().is_empty());

    // The child is made anew after its parent was exported: the addition stays.
    let plan = f.plan(51);
    f.known(2, 23);
    f.store
        .complete_group(f.lease.fence, plan, id(1), &[])
        .unwrap();
    assert_eq!(
        f.work(1),
        [
            (id(2), true, Some(sid_key(23))),
            (id(2), false, Some(sid_key(22)))
        ]
    );
    f.settle();
    f.known(2, 23);
    assert!(f.pending().is_empty());

    f.store.forget_known_group(f.lease.fence, id(2)).unwrap();
    assert_eq!(
        f.work(1),
        [(id(2), true, None)],
        "AD took the membership with the group; it is to be reported"
    );
}

#[test]
fn written_groups_are_found_by_every_key() {
    let f = fixture();
    f.known(1, 100);
    f.known(2, 200);
    let one = f.store.known_group(id(1)).unwrap().unwrap();
    assert_eq!(one.group, directory_group(1, 100));
    assert_eq!(
        f.store
            .known_group_by_key(&sid_key(200))
            .unwrap()
            .unwrap()
            .group
            .object_id,
        id(2)
    );
    assert_eq!(
        f.store
            .known_group_by_key(&MemberKey::Guid(id(50_001)))
            .unwrap()
            .unwrap(),
        one
    );
    assert_eq!(f.store.known_group_by_key(&sid_key(9)).unwrap(), None);
    assert_eq!(f.store.count_known_groups().unwrap(), 2);
    assert_eq!(f.store.known_groups(None, 10).unwrap().len(), 2);
    f.store.forget_known_group(f.lease.fence, id(1)).unwrap();
    assert_eq!(f.store.known_group(id(1)).unwrap(), None);
}

#[test]
fn left_out_members_have_names_and_reasons() {
    let f = fixture();
    f.users(&[user(10, None)]);
    f.live(&[
        with_members(named(1, "one"), &[10, 11], &[]),
        named(2, "two"),
    ]);
    let (cloud, kind) = (SkipReason::CloudOnly, SkipReason::KindNotSupported);
    let only = |n: u32, set: &[(ObjectId, SkipReason)]| SkippedChange {
        group: id(n),
        only_these: true,
        set: set.to_vec(),
        clear: Vec::new(),
    };
    f.store
        .record_skipped(
            f.lease.fence,
            &[
                only(1, &[(id(10), cloud), (id(11), kind)]),
                only(2, &[(id(10), cloud)]),
            ],
        )
        .unwrap();
    let all = f.store.skipped(None, None, 10).unwrap();
    assert_eq!(all.len(), 3);
    let rest = f
        .store
        .skipped(None, Some((all[0].group_id, all[0].member_id)), 10)
        .unwrap();
    assert_eq!(rest, all[1..]);
    let row = all
        .iter()
        .find(|r| r.group_id == id(1) && r.member_id == id(10))
        .unwrap();
    assert_eq!(
        (row.group_name.as_deref(), row.member_name.as_deref()),
        (Some("one"), Some("user 10"))
    );
    assert_eq!(
        f.store.skipped_by_reason(None).unwrap(),
        [(cloud, 2), (kind, 1)]
    );
    f.store
        .record_skipped(
            f.lease.fence,
            &[SkippedChange {
                group: id(1),
                only_these: false,
                set: vec![(id(12), cloud)],
                clear: vec![id(11)],
            }],
        )
        .unwrap();
    assert_eq!(
        f.store.skipped_by_reason(Some(id(1))).unwrap(),
        [(cloud, 2)]
    );
    let mut counts = vec![(id(1), 2), (id(2), 1)];
    counts.sort_unstable();
    assert_eq!(f.store.skipped_by_group(None, 10).unwrap(), counts);
    assert_eq!(f.store.skipped(Some(id(2)), None, 10).unwrap().len(), 1);
}
