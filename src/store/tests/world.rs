//! A small tenant, its store, and an AD that only sees exports.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

pub(super) const GROUPS: std::ops::Range<u32> = 1..5;
pub(super) const USERS: std::ops::Range<u32> = 10..15;

#[derive(Clone, Debug)]
pub(super) enum Op {
    /// A member comes or goes (users and groups alike).
    Member {
        group: u32,
        member: u32,
        add: bool,
        replay: bool,
    },
    /// Few SIDs for many users, so that two may share one for a while.
    Sid {
        user: u32,
        sid: Option<u32>,
    },
    Rename {
        group: u32,
        name: &'static str,
    },
    Delete {
        group: u32,
        removal: Removal,
    },
    /// A plan is begun and read; what is in it is exported later.
    Plan,
    /// It is written to AD, and reported done unless the process dies in between.
    Export {
        dies: bool,
    },
    /// A full read of everything.
    Full {
        users_too: bool,
    },
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let member = prop_oneof![4 => USERS, 1 => GROUPS];
    prop_oneof![
        8 => (GROUPS, member, any::<bool>(), any::<bool>())
            .prop_map(|(group, member, add, replay)| Op::Member { group, member, add, replay }),
        3 => (USERS, proptest::option::of(100..103u32)).prop_map(|(user, sid)| Op::Sid { user, sid }),
        2 => (GROUPS, prop_oneof![Just("a"), Just("b"), Just("out")])
            .prop_map(|(group, name)| Op::Rename { group, name }),
        1 => (GROUPS, prop_oneof![Just(Removal::Soft), Just(Removal::Permanent)])
            .prop_map(|(group, removal)| Op::Delete { group, removal }),
        3 => Just(Op::Plan),
        3 => any::<bool>().prop_map(|dies| Op::Export { dies }),
        1 => any::<bool>().prop_map(|users_too| Op::Full { users_too }),
    ]
}

#[derive(Clone, Default)]
struct CloudTruth {
    name: &'static str,
    members: BTreeSet<u32>,
    soft_deleted: bool,
}

/// What the planner would have read for one group.
struct Planned {
    group: Guid,
    verify: bool,
    removes: Vec<MemberKey>,
    /// Key at planning, if there was one.
    adds: Vec<(Guid, MemberKind, Option<MemberKey>)>,
    state: Option<CloudState>,
    in_scope: bool,
    name: Option<String>,
}

#[derive(Default)]
struct AdGroup {
    name: Option<String>,
    members: BTreeSet<MemberKey>,
}

/// The cloud as it is, what the store was told of it, and what AD was told.
pub(super) struct World {
    pub f: Fixture,
    cloud: BTreeMap<u32, CloudTruth>,
    sids: BTreeMap<u32, Option<u32>>,
    ad: BTreeMap<Guid, AdGroup>,
    plan: Option<(Guid, Vec<Planned>)>,
    next: u32,
}

fn number(id_of: Guid) -> u32 {
    u32::from_be_bytes(id_of.0[12..].try_into().unwrap())
}

fn kind(n: u32) -> MemberKind {
    if GROUPS.contains(&n) {
        MemberKind::Group
    } else {
        MemberKind::User
    }
}

impl World {
    pub fn new() -> Self {
        let sids = USERS.map(|n| (n, None)).collect();
        World {
            f: fixture(),
            cloud: BTreeMap::new(),
            sids,
            ad: BTreeMap::new(),
            plan: None,
            next: 1000,
        }
    }

    fn tick(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn group(&mut self, n: u32) {
        if self.cloud.get(&n).is_none_or(|g| g.soft_deleted) {
            let old = self.cloud.entry(n).or_insert(CloudTruth {
                name: "a",
                ..CloudTruth::default()
            });
            old.soft_deleted = false;
            let name = old.name;
            self.f.live(&[named(n, name)]);
        }
    }

    pub fn apply(&mut self, op: &Op) {
        match *op {
            Op::Member {
                group,
                member,
                add,
                replay,
            } => {
                let missing =
                    kind(member) == MemberKind::Group && !self.cloud.contains_key(&member);
                if group == member || (add && missing) {
                    return;
                }
                self.group(group);
                let members = &mut self.cloud.get_mut(&group).unwrap().members;
                if add {
                    members.insert(member)
                } else {
                    members.remove(&member)
                };
                let change = MemberChange {
                    id: id(member),
                    kind: kind(member),
                    removed: !add,
                };
                let row = GroupChange {
                    members: Some(vec![change]),
                    ..GroupChange::new(id(group))
                };
                self.f.live(std::slice::from_ref(&row));
                if replay {
                    self.f.live(&[row.clone(), row]);
                }
            }
            Op::Sid { user: n, sid } => {
                self.sids.insert(n, sid);
                self.f.users(&[user(n, sid)]);
            }
            Op::Rename { group, name } => {
                self.group(group);
                self.cloud.get_mut(&group).unwrap().name = name;
                self.f.live(&[named(group, name)]);
            }
            Op::Delete { group, removal } => {
                match removal {
                    Removal::Permanent => drop(self.cloud.remove(&group)),
                    Removal::Soft => {
                        if let Some(truth) = self.cloud.get_mut(&group) {
                            truth.soft_deleted = true;
                        }
                    }
                }
                self.f.live(&[removed(group, removal)]);
                if removal == Removal::Permanent {
                    // The cloud takes it out of its parents too.
                    for (parent, truth) in &mut self.cloud {
                        if truth.members.remove(&group) && !truth.soft_deleted {
                            let change = MemberChange {
                                id: id(group),
                                kind: MemberKind::Group,
                                removed: true,
                            };
                            let row = GroupChange {
                                members: Some(vec![change]),
                                ..GroupChange::new(id(*parent))
                            };
                            self.f.live(&[row]);
                        }
                    }
                }
            }
            Op::Plan => self.make_plan(),
            Op::Export { dies } => self.export(dies),
            Op::Full { users_too } => self.full(users_too),
        }
    }

    pub fn make_plan(&mut self) {
        let plan = self.tick();
        let plan = self.f.plan(plan);
        let store = &self.f.store;
        let planned = self.f.pending().into_iter().map(|pending| {
            let cached = store.cloud_group(pending.id).unwrap();
            let (removes, adds) = if pending.verify {
                let members = store.members(pending.id, None, 1000).unwrap();
                (
                    Vec::new(),
                    members
                        .into_iter()
                        .map(|m| (m.member_id, m.kind, m.key))
                        .collect(),
                )
            } else {
                let rows = store.pending_members(pending.id, None, 1000).unwrap();
                let removes = rows
                    .iter()
                    .filter(|m| !m.add)
                    .filter_map(|m| m.key.clone())
                    .collect();
                (
                    removes,
                    rows.into_iter()
                        .filter(|m| m.add)
                        .map(|m| (m.member_id, m.kind, m.key))
                        .collect(),
                )
            };
            Planned {
                group: pending.id,
                verify: pending.verify,
                removes,
                adds,
                state: cached.as_ref().map(|c| c.state),
                in_scope: cached.as_ref().is_some_and(|c| c.in_scope),
                name: cached.and_then(|c| c.group.display_name),
            }
        });
        self.plan = Some((plan, planned.collect()));
    }

    pub fn export(&mut self, dies: bool) {
        let Some((plan, groups)) = self.plan.take() else {
            return;
        };
        let fence = self.f.lease.fence;
        for planned in groups {
            let mut resolved = Vec::new();
            match planned.state {
                Some(CloudState::HardDeleted) | None => {
                    // AD takes the group out of its parents.
                    if let Some(known) = self.f.store.known_group(planned.group).unwrap() {
                        let key = MemberKey::Sid(known.group.sid);
                        self.ad.remove(&planned.group);
                        for parent in self.ad.values_mut() {
                            parent.members.remove(&key);
                        }
                        self.f
                            .store
                            .forget_known_group(fence, planned.group)
                            .unwrap();
                    }
                }
                // Frozen: this test leaves it as it is.
                Some(CloudState::SoftDeleted) => {}
                Some(CloudState::Active) if !planned.in_scope => {}
                Some(CloudState::Active) => {
                    if self.f.store.known_group(planned.group).unwrap().is_none() {
                        let sid = self.tick();
                        self.f.known(number(planned.group), sid);
                    }
                    let group = self.ad.entry(planned.group).or_default();
                    group.name = planned.name;
                    if planned.verify {
                        group.members.clear();
                    }
                    for key in &planned.removes {
                        group.members.remove(key);
                    }
                    for (member, kind, key) in planned.adds {
                        let key = key.or_else(|| {
                            let late = self.f.store.member_view(member, kind).unwrap().key?;
                            resolved.push(member);
                            Some(late)
                        });
                        group.members.extend(key);
                    }
                }
            }
            if !dies {
                self.f
                    .store
                    .complete_group(fence, plan, planned.group, &resolved)
                    .unwrap();
            }
        }
    }

    fn full(&mut self, users_too: bool) {
        let fence = self.f.lease.fence;
        let store = &self.f.store;
        if users_too {
            store.begin_full(fence, Feed::Users).unwrap();
            let rows: Vec<_> = self.sids.iter().map(|(n, sid)| user(*n, *sid)).collect();
            store
                .apply_objects(fence, Target::Staging, &rows, None)
                .unwrap();
            store.finish_full(fence, Feed::Users, &link("u")).unwrap();
        }
        let rows: Vec<_> = self
            .cloud
            .iter()
            .filter(|(_, g)| !g.soft_deleted)
            .flat_map(|(n, g)| {
                let members = g.members.iter();
                let members = members
                    .map(|m| MemberChange {
                        id: id(*m),
                        kind: kind(*m),
                        removed: false,
                    })
                    .collect();
                [
                    GroupChange {
                        members: Some(members),
                        ..GroupChange::new(id(*n))
                    },
                    named(*n, g.name),
                ]
            })
            .collect();
        self.f.full(&rows);
        // The cycle asks for what is not listed, and for members it has never kept.
        for group in store.unconfirmed_groups(None, 100).unwrap() {
            let state = match self.cloud.get(&number(group)) {
                Some(_) => CloudState::SoftDeleted,
                None => CloudState::HardDeleted,
            };
            store.set_cloud_state(fence, group, state).unwrap();
        }
        self.read_incomplete();
    }

    pub fn read_incomplete(&self) {
        for group in self.f.store.incomplete_groups(None, 100).unwrap() {
            let members = &self.cloud[&number(group)].members;
            let members: Vec<_> = members.iter().map(|m| (id(*m), kind(*m))).collect();
            self.f
                .store
                .replace_members(self.f.lease.fence, group, &members)
                .unwrap();
        }
    }

    /// A group for which nothing is pending is in AD as it is in the cloud.
    pub fn check(&self) {
        let pending: BTreeSet<_> = self.f.pending().into_iter().map(|p| p.id).collect();
        for (n, truth) in &self.cloud {
            if truth.soft_deleted || truth.name == "out" || pending.contains(&id(*n)) {
                continue;
            }
            let key = |m: &u32| match kind(*m) {
                MemberKind::Group => self
                    .f
                    .store
                    .known_group(id(*m))
                    .unwrap()
                    .map(|k| MemberKey::Sid(k.group.sid)),
                _ => self.sids[m].map(sid_key),
            };
            let wanted: BTreeSet<_> = truth.members.iter().filter_map(key).collect();
            let actual = self
                .ad
                .get(&id(*n))
                .unwrap_or_else(|| panic!("group {n} was never written"));
            assert_eq!(
                (actual.name.as_deref(), &actual.members),
                (Some(truth.name), &wanted),
                "group {n}"
            );
        }
    }
}
