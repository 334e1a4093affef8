//! Tests of delta rounds: a reader that merges pages must end with exactly the tenant's truth.

use super::*;
use crate::ad::Wishes;
use crate::tenant::change::{Change, Surroundings};
use crate::tenant::churn;
use crate::tenant::delta_token::DeltaToken;
use crate::world::{self, WorldOptions};
use std::collections::{BTreeMap, BTreeSet};

const EVERYTHING: Access = Access {
    groups: true,
    write_groups: true,
    users: true,
    devices: true,
    contacts: true,
    services: true,
    hidden: true,
    settings: true,
    write_settings: true,
    organization: true,
    sync: true,
    write_sync: true,
};

/// What a careful reader believes about one group.
#[derive(Clone, Debug, Default, PartialEq)]
struct Belief {
    properties: BTreeMap<String, Value>,
    members: BTreeSet<String>,
}

/// A reader that merges rows by id, as the contract of delta asks.
#[derive(Default)]
struct Mirror {
    groups: BTreeMap<String, Belief>,
    rows: usize,
}

impl Mirror {
    fn take(&mut self, rows: &[Value]) {
        for row in rows {
            self.rows += 1;
            let id = row["id"].as_str().unwrap().to_owned();
            if row.get("@removed").is_some() {
                self.groups.remove(&id);
                continue;
            }
            let belief = self.groups.entry(id).or_default();
            for (name, value) in row.as_object().unwrap() {
                if name.as_str() == "members@delta" {
                    for member in value.as_array().unwrap() {
                        let id = member["id"].as_str().unwrap();
                        if member.get("@removed").is_some() {
                            belief.members.remove(id);
                        } else {
                            belief.members.insert(id.to_owned());
                        }
                    }
                } else if name != "id" {
                    belief.properties.insert(name.clone(), value.clone());
                }
            }
            belief.properties.retain(|_, value| !value.is_null());
        }
    }
}

fn query(select: &[&str]) -> DeltaQuery {
    DeltaQuery {
        collection: Collection::Groups,
        beta: false,
        select: Some(select.iter().map(|name| (*name).to_owned()).collect()),
        ids: Vec::new(),
    }
}

const SELECT: &[&str] = &[
    "id",
    "displayName",
    "description",
    "mail",
    "proxyAddresses",
    "groupTypes",
    "members",
];

fn limits(page_size: usize, slice_size: usize, replay_percent: u32) -> Limits {
    Limits {
        page_size,
        slice_size,
        replay_percent,
        seed: 9,
    }
}

fn truth(tenant: &Tenant) -> BTreeMap<String, Belief> {
    let active = tenant
        .groups
        .iter()
        .map(|index| tenant.object(*index))
        .filter(|o| o.is_active());
    active
        .map(|object| {
            let properties = SELECT
                .iter()
                .filter(|name| !matches!(**name, "id" | "members"))
                .filter_map(|name| {
                    let value = properties::value(tenant, object, name)?;
                    (!value.is_null()).then(|| ((*name).to_owned(), value))
                });
            let properties = properties.collect();
            let members = object.group().unwrap().members();
            let members = members
                .map(|member| tenant.object(member).id.to_string())
                .collect();
            (
                object.id.to_string(),
                Belief {
                    properties,
                    members,
                },
            )
        })
        .collect()
}

struct Round<'a> {
    query: &'a DeltaQuery,
    limits: Limits,
    minimal: bool,
    reorder: bool,
}

impl Round<'_> {
    /// Reads a whole round; `between` may change the tenant between pages.
    fn read(
        &self,
        tenant: &mut Tenant,
        mirror: &mut Mirror,
        since: Option<Version>,
        mut between: impl FnMut(&mut Tenant),
    ) -> (Version, usize) {
        let until = tenant.version();
        let mut cursor = start(since, until);
        for pages in 1.. {
            let reader = Reader {
                tenant,
                query: self.query,
                access: EVERYTHING,
                limits: self.limits,
                minimal: self.minimal,
                reorder: self.reorder,
            };
            let page = reader.page(&cursor);
            mirror.take(&page.rows);
            let Some(next) = page.next else {
                return (until, pages);
            };
            // Through the token's text and back, as over the wire.
            let token = DeltaToken {
                query: self.query.clone(),
                cursor: next,
                issued: 0,
            };
            cursor = DeltaToken::decode(&token.encode()).unwrap().cursor;
            between(tenant);
            assert!(pages < 100_000, "the round does not end");
        }
        unreachable!()
    }
}

fn tenant() -> Tenant {
    world::build(&WorldOptions::default(), &Wishes).unwrap()
}

fn shake(tenant: &mut Tenant, rng: &mut Rng, operations: usize) {
    let mut around = Surroundings {
        rng,
        ad: &Wishes,
        now: 1_000,
    };
    churn(tenant, &mut around, operations).unwrap();
}

fn apply(tenant: &mut Tenant, change: Value) -> Option<String> {
    let change: Change = serde_json::from_value(change).unwrap();
    let mut rng = Rng::new(tenant.log.len() as u64, "apply");
    let mut around = Surroundings {
        rng: &mut rng,
        ad: &Wishes,
        now: 1_000,
    };
    tenant
        .apply(&mut around, change)
        .unwrap()
        .map(|id| id.to_string())
}

#[test]
fn slices_and_replays_reassemble_to_the_exact_membership() {
    let query = query(SELECT);
    for (page, slice, replay) in [
        (999, 800, 0),
        (7, 5, 0),
        (1, 1, 30),
        (50, 3, 100),
        (999, 20, 2),
    ] {
        for reorder in [false, true] {
            let mut tenant = tenant();
            let mut mirror = Mirror::default();
            let limits = limits(page, slice, replay);
            let round = Round {
                query: &query,
                limits,
                minimal: false,
                reorder,
            };
            let (_, pages) = round.read(&mut tenant, &mut mirror, None, |_| {});
            assert!(
                mirror.groups == truth(&tenant),
                "{page} {slice} {replay} {reorder}"
            );
            assert!(pages == 1 || page < 999 || slice < 800);
            assert!(replay == 0 || mirror.rows > tenant.groups.len());
        }
    }
}

#[test]
fn rounds_follow_a_changing_tenant() {
    let query = query(SELECT);
    for minimal in [false, true] {
        let mut tenant = tenant();
        let mut rng = Rng::new(5, "shake");
        let mut mirror = Mirror::default();
        let round = Round {
            query: &query,
            limits: limits(9, 7, 10),
            minimal,
            reorder: minimal,
        };
        // The tenant changes while rounds run; what a round misses, the next one brings.
        let mut busy = Rng::new(6, "busy");
        let mut since = None;
        for _ in 0..12 {
            let disturb = |tenant: &mut Tenant| shake(tenant, &mut busy, 2);
            let (until, _) = round.read(&mut tenant, &mut mirror, since, disturb);
            since = Some(until);
            shake(&mut tenant, &mut rng, 60);
        }
        let (until, _) = round.read(&mut tenant, &mut mirror, since, |_| {});
        assert!(mirror.groups == truth(&tenant));
        // Nothing has changed since: one page without rows.
        let before = mirror.rows;
        let (_, pages) = round.read(&mut tenant, &mut mirror, Some(until), |_| {});
        assert_eq!((pages, mirror.rows), (1, before));
        // And a new reader learns the same from the beginning.
        let mut fresh = Mirror::default();
        round.read(&mut tenant, &mut fresh, None, |_| {});
        assert!(fresh.groups == mirror.groups);
    }
}

#[test]
fn only_selected_changes_surface_a_group() {
    let mut tenant = tenant();
    let group = tenant.object(tenant.groups[10]).id.to_string();
    let since = tenant.version();
    apply(
        &mut tenant,
        json!({"op": "setGroup", "id": group, "description": "other"}),
    );
    let rows = |tenant: &mut Tenant, select: &[&str], since: Version, minimal: bool| {
        let query = query(select);
        let reader = Reader {
            tenant,
            query: &query,
            access: EVERYTHING,
            limits: limits(9, 9, 0),
            minimal,
            reorder: false,
        };
        reader
            .page(&start(Some(since), reader.tenant.version()))
            .rows
    };
    assert!(rows(&mut tenant, &["id", "displayName", "members"], since, false).is_empty());
    let full = rows(&mut tenant, SELECT, since, false);
    assert_eq!(full.len(), 1);
    assert!(full[0].get("displayName").is_some() && full[0].get("members@delta").is_none());
    let minimal = rows(&mut tenant, SELECT, since, true);
    assert_eq!(minimal, vec![json!({"id": group, "description": "other"})]);
    apply(
        &mut tenant,
        json!({"op": "setGroup", "id": group, "description": null}),
    );
    let cleared = rows(&mut tenant, SELECT, since, true);
    assert_eq!(cleared, vec![json!({"id": group, "description": null})]);
    let since = tenant.version();
    apply(
        &mut tenant,
        json!({"op": "setGroup", "id": group,
        "writebackConfiguration": {"isEnabled": true}, "allowExternalSenders": true}),
    );
    assert!(rows(&mut tenant, SELECT, since, false).is_empty());
}

#[test]
fn deleted_and_restored_groups_say_what_became_of_them() {
    let mut tenant = tenant();
    let query = query(SELECT);
    let round = Round {
        query: &query,
        limits: limits(99, 99, 0),
        minimal: true,
        reorder: false,
    };
    let index = tenant.groups[10];
    let group = tenant.object(index).id.to_string();
    let member = tenant.object(tenant.users[0]).id.to_string();
    apply(
        &mut tenant,
        json!({"op": "addMembers", "id": group, "members": [member]}),
    );
    let mut mirror = Mirror::default();
    let (since, _) = round.read(&mut tenant, &mut mirror, None, |_| {});
    let reason = |tenant: &Tenant, since: Option<Version>| {
        let reader = Reader {
            tenant,
            query: &query,
            access: EVERYTHING,
            limits: limits(999, 999, 0),
            minimal: false,
            reorder: false,
        };
        let rows = reader.page(&start(since, tenant.version())).rows;
        let row = rows.into_iter().find(|row| row["id"] == *group).unwrap();
        row["@removed"]["reason"].as_str().map(str::to_owned)
    };
    apply(&mut tenant, json!({"op": "softDeleteGroup", "id": group}));
    assert_eq!(reason(&tenant, Some(since)).as_deref(), Some("changed"));
    assert_eq!(reason(&tenant, None).as_deref(), Some("changed"));
    apply(&mut tenant, json!({"op": "restoreGroup", "id": group}));
    assert_eq!(reason(&tenant, Some(since)), None);
    // Whole again, members and all, for a reader that has dropped it meanwhile.
    let mut other = Mirror {
        groups: mirror.groups.clone(),
        rows: 0,
    };
    other.groups.remove(&group);
    round.read(&mut tenant, &mut other, Some(since), |_| {});
    assert!(other.groups == truth(&tenant));
    apply(&mut tenant, json!({"op": "hardDeleteGroup", "id": group}));
    assert_eq!(reason(&tenant, Some(since)).as_deref(), Some("deleted"));
    // After 30 days in the recycle bin a group is gone by itself.
    let second = tenant.object(tenant.groups[11]).id.to_string();
    apply(&mut tenant, json!({"op": "softDeleteGroup", "id": second}));
    tenant.purge(1_000 + 29 * 86_400);
    assert_eq!(tenant.object(tenant.groups[11]).state, State::SoftDeleted);
    tenant.purge(1_000 + 30 * 86_400);
    assert_eq!(tenant.object(tenant.groups[11]).state, State::HardDeleted);
}

#[test]
fn one_change_in_a_large_group_is_one_small_row() {
    let options = WorldOptions {
        largest_group: 390,
        memberships: 3000,
        ..Default::default()
    };
    let mut tenant = world::build(&options, &Wishes).unwrap();
    let index = *tenant
        .groups
        .iter()
        .max_by_key(|index| {
            tenant
                .object(**index)
                .group()
                .map_or(0, |group| group.base.len())
        })
        .unwrap();
    let group = tenant.object(index).id.to_string();
    let first = tenant
        .object(tenant.object(index).group().unwrap().base[0])
        .id
        .to_string();
    let since = tenant.version();
    apply(
        &mut tenant,
        json!({"op": "removeMembers", "id": group, "members": [first]}),
    );
    let query = query(&["id", "members"]);
    let reader = Reader {
        tenant: &tenant,
        query: &query,
        access: EVERYTHING,
        limits: limits(999, 10, 0),
        minimal: false,
        reorder: false,
    };
    let page = reader.page(&start(Some(since), tenant.version()));
    assert!(page.next.is_none());
    let removed = json!({"@odata.type": "#microsoft.graph.user", "id": first,
        "@removed": {"reason": "deleted"}});
    assert_eq!(
        page.rows,
        vec![json!({"id": group, "members@delta": [removed]})]
    );
}

#[test]
fn chosen_ids_are_the_only_ones() {
    let mut tenant = tenant();
    let ids: Vec<String> = tenant.groups[8..11]
        .iter()
        .map(|index| tenant.object(*index).id.to_string())
        .collect();
    let chosen = DeltaQuery {
        ids: ids[..2].to_vec(),
        ..query(SELECT)
    };
    let round = Round {
        query: &chosen,
        limits: limits(1, 99, 0),
        minimal: false,
        reorder: false,
    };
    let mut mirror = Mirror::default();
    let (since, _) = round.read(&mut tenant, &mut mirror, None, |_| {});
    assert_eq!(mirror.groups.len(), 2);
    for id in &ids {
        apply(
            &mut tenant,
            json!({"op": "setGroup", "id": id, "displayName": "new"}),
        );
    }
    let before = mirror.rows;
    round.read(&mut tenant, &mut mirror, Some(since), |_| {});
    assert_eq!(mirror.rows - before, 2);
}

#[test]
fn hidden_memberships_need_their_permission() {
    let tenant = tenant();
    let hidden = tenant.groups.iter().find(|index| {
        tenant
            .object(**index)
            .group()
            .is_some_and(|g| g.hidden_membership && !g.base.is_empty())
    });
    let id = tenant.object(*hidden.unwrap()).id.to_string();
    let query = query(SELECT);
    for (access, expected) in [
        (EVERYTHING, true),
        (
            Access {
                hidden: false,
                ..EVERYTHING
            },
            false,
        ),
    ] {
        let limits = limits(999, 999, 0);
        let reader = Reader {
            tenant: &tenant,
            query: &query,
            access,
            limits,
            minimal: false,
            reorder: false,
        };
        let rows = reader.page(&start(None, 0)).rows;
        let row = rows.iter().find(|row| row["id"] == *id).unwrap();
        assert_eq!(row.get("members@delta").is_some(), expected);
    }
}
