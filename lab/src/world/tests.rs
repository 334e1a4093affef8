//! Tests of the generator: same seed, same world.

use super::*;
use crate::ad::Wishes;
use crate::tenant::dump::dump;
use std::collections::HashMap;

fn world(options: &WorldOptions) -> Tenant {
    build(options, &Wishes).unwrap()
}

#[test]
fn same_seed_same_dump_and_another_seed_another() {
    let options = WorldOptions::default();
    let first = dump(&world(&options));
    assert!(first == dump(&world(&options)));
    assert!(
        first
            != dump(&world(&WorldOptions {
                seed: 43,
                ..options
            }))
    );
}

#[test]
fn numbers_are_what_was_asked_for() {
    let options = WorldOptions::default();
    let tenant = world(&options);
    let groups: Vec<&Group> = tenant
        .groups
        .iter()
        .filter_map(|index| tenant.object(*index).group())
        .collect();
    let cloud = || groups.iter().filter(|group| group.is_cloud());
    assert_eq!(cloud().filter(|group| group.unified).count(), 60);
    assert_eq!(cloud().filter(|group| !group.unified).count(), 15);
    assert_eq!(groups.len() - cloud().count(), 8);
    assert_eq!(cloud().map(|group| group.base.len()).sum::<usize>(), 1500);
    assert_eq!(cloud().map(|group| group.base.len()).max(), Some(200));
    assert!(
        groups
            .iter()
            .all(|group| group.base.windows(2).all(|pair| pair[0] < pair[1]))
    );
    let users = tenant
        .users
        .iter()
        .filter_map(|index| tenant.object(*index).user());
    assert_eq!(users.clone().filter(|user| user.guest).count(), 12);
    assert_eq!(
        users
            .filter(|user| user.anchor.is_none() && !user.guest)
            .count(),
        24
    );
}

#[test]
fn security_groups_nest_hold_every_kind_and_make_one_cycle() {
    let tenant = world(&WorldOptions::default());
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    let mut cycle = false;
    for &index in &tenant.groups {
        let Some(group) = tenant.object(index).group() else {
            continue;
        };
        for member in group.members() {
            *kinds.entry(tenant.object(member).kind()).or_default() += 1;
            assert_ne!(member, index);
            if let Some(child) = tenant.object(member).group() {
                assert!(!group.unified);
                cycle |= child.has(index);
            }
        }
    }
    assert!(cycle);
    for kind in ["user", "group", "device", "orgContact", "servicePrincipal"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 0), "no {kind}");
    }
}
