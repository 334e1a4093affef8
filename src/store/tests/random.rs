//! Random histories of a small tenant: nothing may be lost between the cloud, the store and AD.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{GROUPS, USERS, World, op};
use super::*;

type CachedView = (CloudGroup, CloudState, bool, Vec<(Guid, MemberKind)>);

/// A cached group, as far as a fresh read can know it.
fn cached_view(store: &dyn Store, unread: &[Guid]) -> Vec<CachedView> {
    let groups = store.cloud_groups(None, 1000).unwrap().into_iter();
    groups
        .filter(|g| g.state != CloudState::HardDeleted)
        .map(|g| {
            let members = store.members(g.group.id, None, 1000).unwrap();
            let members = members
                .into_iter()
                .filter(|_| g.in_scope && !unread.contains(&g.group.id))
                .map(|m| (m.member_id, m.kind))
                .collect();
            (g.group, g.state, g.in_scope, members)
        })
        .collect()
}

fn row() -> impl Strategy<Value = GroupChange> {
    let name = proptest::option::of(prop_oneof![Just("a"), Just("b"), Just("out")]);
    let members = proptest::option::of(proptest::collection::vec((USERS, any::<bool>()), 0..4));
    let removal = prop_oneof![8 => Just(None), 1 => Just(Some(Removal::Soft)), 1 => Just(Some(Removal::Permanent))];
    (GROUPS, name, members, removal).prop_map(|(group, name, members, removal)| {
        let mut row = GroupChange::new(id(group));
        if removal.is_some() {
            row.removed = removal;
            return row;
        }
        row.patch.display_name = name.map(|n| Some(n.to_owned()));
        row.members = members.map(|m| {
            m.into_iter()
                .map(|(n, removed)| member(n, removed))
                .collect()
        });
        row
    })
}

/// What is gone for good doesn't come back.
fn history() -> impl Strategy<Value = Vec<GroupChange>> {
    proptest::collection::vec(row(), 1..40).prop_map(|mut rows| {
        let mut gone = BTreeSet::new();
        rows.retain(|row| {
            let stays = !gone.contains(&row.id);
            if row.removed == Some(Removal::Permanent) {
                gone.insert(row.id);
            }
            stays
        });
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64),
        // A case that was found becomes a test of its own.
        failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_on_the_way_to_ad(ops in proptest::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        world.f.users(&USERS.map(|n| user(n, None)).collect::<Vec<_>>());
        for op in &ops {
            world.apply(op);
            world.read_incomplete();
            world.check();
        }
        // One clean cycle; a second for what the first made known (nested groups).
        for _ in 0..2 {
            world.make_plan();
            world.export(false);
            world.check();
        }
        prop_assert!(world.f.pending().is_empty());
        world.check();
    }

    #[test]
    fn a_staged_history_gives_the_cache_that_changes_give(rows in history()) {
        let live = fixture();
        live.live(&rows);
        let staged = fixture();
        staged.store.begin_full(staged.lease.fence, Feed::Groups).unwrap();
        for page in rows.chunks(7) {
            staged.store.apply_groups(staged.lease.fence, Target::Staging, page, &cloud_only, None).unwrap();
        }
        staged.store.finish_full(staged.lease.fence, Feed::Groups, &link("x")).unwrap();
        // Members that the live side knows it has to read by themselves can't be compared.
        let unread = live.store.cloud_groups(None, 100).unwrap();
        let unread: Vec<_> = unread.iter().filter(|g| !g.members_complete).map(|g| g.group.id).collect();
        prop_assert_eq!(cached_view(&*live.store, &unread), cached_view(&*staged.store, &unread));
        prop_assert!(staged.store.unconfirmed_groups(None, 10).unwrap().is_empty());
    }
}
