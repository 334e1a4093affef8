//! Groups with their update sequence numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Lab;
use crate::support::expected::v1;
use crate::support::fixture::OU;
use crate::support::ldap::{self, AdGroup};

struct Seen {
    group: AdGroup,
    created: String,
    changed: String,
}

pub struct View {
    groups: BTreeMap<String, Seen>,
}

impl View {
    /// AD now; two groups with one mark end the test.
    pub fn of(lab: &Lab) -> View {
        // The container itself may not be there yet, or be gone.
        let filter = "(objectClass=group)";
        let numbers = ldap::search(lab, OU, "sub", filter, &["uSNCreated", "uSNChanged"]);
        let mut groups = BTreeMap::new();
        for (dn, group) in ldap::groups(lab, OU) {
            let number = |name: &str| String::from_utf8(numbers[&dn][name][0].clone()).unwrap();
            let mark = group.attributes["admindescription"].first().unwrap();
            let seen = Seen {
                created: number("usncreated"),
                changed: number("usnchanged"),
                group: group.clone(),
            };
            let twice = groups.insert(mark.clone(), seen);
            assert!(twice.is_none(), "{mark} is there twice");
        }
        View { groups }
    }

    pub fn count(&self) -> usize {
        self.groups.len()
    }

    /// Groups that are as they should be already.
    pub fn finished(&self, lab: &Lab) -> BTreeSet<String> {
        let sids = ldap::sids(lab);
        let sid = |g: &AdGroup| sids.by_dn[&g.dn.to_lowercase()].clone();
        let own = self
            .groups
            .iter()
            .map(|(mark, seen)| (mark.replace("Group_", ""), sid(&seen.group)))
            .collect();
        let wanted = v1(&lab.dump(), &sids, &own);
        let is_done = |id: &str, group: &AdGroup| {
            wanted.get(id).is_some_and(|(attributes, members)| {
                let same = |(name, values)| group.attributes.get(name) == Some(values);
                attributes.iter().all(same)
                    && *members == group.members
                    && !["description", "mail"]
                        .iter()
                        .any(|n| group.attributes.contains_key(*n) && !attributes.contains_key(*n))
            })
        };
        let done = self
            .groups
            .iter()
            .filter(|(mark, seen)| is_done(&mark.replace("Group_", ""), &seen.group));
        done.map(|(mark, _)| mark.clone()).collect()
    }

    /// No finished group was written again, and no group was made anew.
    pub fn assert_untouched(&self, finished: &BTreeSet<String>, after: &View, when: &str) {
        for (mark, was) in &self.groups {
            let Some(is) = after.groups.get(mark) else {
                assert!(!finished.contains(mark), "{when}: {mark} is gone");
                continue;
            };
            assert_eq!(was.created, is.created, "{when}: {mark} was made anew");
            if finished.contains(mark) {
                assert_eq!(was.changed, is.changed, "{when}: {mark} was written again");
            }
        }
    }
}
