//! AD before, while and after: has anything been done that should not be?

use std::collections::{BTreeMap, BTreeSet};

use super::stage::Stage;
use super::{Ad, Row};
use crate::support::Lab;
use crate::support::expected::{differences, frozen, v1};
use crate::support::fixture::OU;
use crate::support::ldap::{self, AdGroup, Sids};

/// Attributes that follow the cloud.
const FOLLOWING: [&str; 5] = [
    "displayname",
    "description",
    "mail",
    "mailnickname",
    "proxyaddresses",
];

/// The written groups by their cloud id.
pub struct View {
    pub groups: BTreeMap<String, AdGroup>,
}

impl View {
    /// AD now; a group without a mark, or two with the same, end the test.
    pub fn of(lab: &Lab) -> View {
        let mut groups = BTreeMap::new();
        for group in ldap::groups(lab, OU).into_values() {
            let mark = group.attributes["admindescription"].first().unwrap();
            let id = mark.strip_prefix("Group_").unwrap().to_owned();
            let dn = group.dn.clone();
            let twice = groups.insert(id, group);
            assert!(twice.is_none(), "{dn} is there twice");
        }
        View { groups }
    }
}

/// Checks AD after the faulty cycle.
pub fn check(row: &Row, stage: &Stage, before: &View, now: &View, failed: &BTreeSet<String>) {
    if matches!(row.ad, Ad::Untouched) {
        for (id, group) in &before.groups {
            assert_eq!(now.groups.get(id), Some(group), "{}: {id}", row.name);
        }
        assert_eq!(now.groups.len(), before.groups.len(), "{}", row.name);
        return;
    }
    let mut found = wrong_moves(stage, before, now);
    match row.ad {
        Ad::Exact => found.extend(differing(row, stage)),
        Ad::ExactButFailed => found.extend(differing(row, stage).into_iter().filter(|line| {
            let id = line.split(' ').next().unwrap_or_default();
            !failed.contains(id)
        })),
        Ad::Towards | Ad::Untouched => {}
    }
    assert!(found.is_empty(), "{}: {found:#?}", row.name);
}

/// AD is what the tenant says, and every group is called what it should be.
pub fn assert_exact(row: &Row, stage: &Stage) {
    let found = differing(row, stage);
    assert!(found.is_empty(), "{}: {found:#?}", row.name);
}

fn differing(row: &Row, stage: &Stage) -> Vec<String> {
    let (lab, dump) = (&stage.lab, stage.lab.dump());
    let mut kept = frozen(&dump);
    if stage.renewed {
        // A new store can't tell a group that the cloud has deleted for good from another tenant's.
        let groups = dump["groups"].as_array().unwrap().iter();
        let gone = groups.filter(|g| g["state"] == "hardDeleted");
        kept.extend(gone.map(|g| g["id"].as_str().unwrap().to_owned()));
    }
    let mut found = differences(lab, OU, &kept);
    if row.base != "modifyDn" {
        return found;
    }
    // The independent state knows the other way of naming only.
    found.retain(|line| !line.contains(" cn: "));
    for (id, group) in View::of(lab).groups {
        let named = group.attributes["cn"].first().unwrap();
        let shown = group.attributes["displayname"].first();
        let start = shown.and_then(|n| n.chars().find(|c| c.is_alphabetic()));
        let end = id[id.len() - 12..].to_owned();
        if !named.ends_with(&end) || start.is_some_and(|c| !named.contains(c)) {
            found.push(format!("{id} is called {named}"));
        }
    }
    found
}

/// Every step that leads neither to the state that is wanted now nor to that of the cloud's groups as they were at the
/// start, which is all that a run may know that was not told of their changes.
fn wrong_moves(stage: &Stage, before: &View, now: &View) -> Vec<String> {
    let (dump, sids) = (stage.lab.dump(), ldap::sids(&stage.lab));
    let kept = frozen(&dump);
    let own = own_sids(now, &sids);
    let wanted = v1(&dump, &sids, &own);
    let mut earlier = dump.clone();
    earlier["groups"] = stage.groups_at_start.clone();
    let earlier = v1(&earlier, &sids, &own);
    let none = BTreeSet::new();
    let was_wanted = |id: &String| earlier.get(id).map_or(&none, |e| &e.1);
    let present: BTreeSet<&String> = sids.by_dn.values().collect();
    let mut wrong = Vec::new();
    for (id, group) in &now.groups {
        let was = before.groups.get(id);
        let Some((attributes, members)) = wanted.get(id) else {
            // To be deleted, or frozen: as it was, but for members that AD itself has lost.
            let lost = |was: &AdGroup| {
                let lost = was.members.difference(&group.members);
                lost.filter(|sid| present.contains(sid)).count()
            };
            let won = |was: &AdGroup| {
                let mut won = group.members.difference(&was.members);
                won.any(|sid| !was_wanted(id).contains(sid))
            };
            match was {
                Some(was) if !won(was) && lost(was) == 0 => {}
                Some(_) => wrong.push(format!("{id} was changed and should not have been")),
                None => wrong.push(format!("{id} was created and should not have been")),
            }
            continue;
        };
        let had = was.map_or(&none, |g| &g.members);
        for member in &group.members {
            let known = members.contains(member) || had.contains(member);
            if !known && !was_wanted(id).contains(member) {
                wrong.push(format!("{id}: {member} was added and should not have been"));
            }
        }
        for member in had.intersection(members) {
            if !group.members.contains(member) {
                wrong.push(format!(
                    "{id}: {member} was removed and should not have been"
                ));
            }
        }
        for name in FOLLOWING {
            let value = group.attributes.get(name);
            let was = was.map(|g| g.attributes.get(name));
            if value != attributes.get(name) && Some(value) != was {
                wrong.push(format!("{id}: {name} is {value:?}, which nobody wanted"));
            }
        }
    }
    for id in before.groups.keys() {
        let gone = !now.groups.contains_key(id);
        if gone && (wanted.contains_key(id) || kept.contains(id)) {
            wrong.push(format!("{id} was deleted and should not have been"));
        }
    }
    wrong
}

fn own_sids(view: &View, sids: &Sids) -> BTreeMap<String, String> {
    let sid = |g: &AdGroup| sids.by_dn[&g.dn.to_lowercase()].clone();
    view.groups
        .iter()
        .map(|(id, group)| (id.clone(), sid(group)))
        .collect()
}

/// Every member value was written once since the counters were reset, no more and no fewer. `steps`: AD before anything
/// had changed, when everything had, after the faulty cycle, and after the clean one.
pub fn assert_written_once(row: &Row, stage: &Stage, steps: [&View; 4]) {
    let [start, before, ..] = steps;
    let (mut dump, sids) = (stage.lab.dump(), ldap::sids(&stage.lab));
    dump["groups"] = stage.groups_at_start.clone();
    let at_start = v1(&dump, &sids, &own_sids(steps[3], &sids));
    let present: BTreeSet<&String> = sids.by_dn.values().collect();
    let none = BTreeSet::new();
    let members = |view: &'_ View, id: &String| {
        let group = view.groups.get(id);
        group.map_or_else(BTreeSet::new, |g| g.members.clone())
    };
    let (mut needed, mut possible) = (0u64, 0u64);
    for step in steps[1..].windows(2) {
        // A group that is deleted takes its members along.
        for (id, group) in &step[1].groups {
            for member in group.members.symmetric_difference(&members(step[0], id)) {
                // What AD itself took out may have been taken out by us before.
                possible += 1;
                needed += u64::from(present.contains(member));
            }
        }
    }
    for (id, group) in &before.groups {
        // What AD had taken out is taken out once more: nobody looks first.
        let first = members(start, id);
        possible += first.difference(&group.members).count() as u64;
        // So is who left a group and got a SID at the same time: AD never had them.
        let last = members(steps[3], id);
        let were = at_start.get(id).map_or(&none, |wanted| &wanted.1);
        possible += were
            .iter()
            .filter(|m| !first.contains(*m) && !last.contains(*m))
            .count() as u64;
    }
    let counters = stage.lab.counters();
    let written = counters["ldap"]["memberValues"].as_u64().unwrap();
    assert!(
        (needed..=possible).contains(&written),
        "{}: {written} member values were written where {needed} to {possible} were needed",
        row.name
    );
}
