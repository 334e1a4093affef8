//! The state AD should be in, computed from the lab's dump by a few lines that share nothing with the engine.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use serde_json::Value;

use super::Lab;
use super::ldap::{AdGroup, Sids, groups, sids};

/// Attributes (lower case) as sets of values, and members as SIDs.
type Expected = (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>);

fn left448(text: &str) -> String {
    let (mut units, mut out) = (0, String::new());
    for c in text.trim().chars() {
        units += c.len_utf16();
        if units > 448 {
            break;
        }
        out.push(c);
    }
    out
}

/// V1's result for every active M365 group of the dump: attributes and members by mark.
pub fn v1(dump: &Value, sids: &Sids, own: &BTreeMap<String, String>) -> BTreeMap<String, Expected> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let mut anchors: BTreeMap<String, String> = BTreeMap::new();
    for object in dump["users"]
        .as_array()
        .unwrap()
        .iter()
        .chain(dump["devices"].as_array().unwrap())
    {
        let sid = text(&object["onPremisesSecurityIdentifier"]).or_else(|| {
            let guid = base64::engine::general_purpose::STANDARD
                .decode(object["onPremisesImmutableId"].as_str()?)
                .ok()?;
            sids.by_guid.get(&guid).cloned()
        });
        if let Some(sid) = sid {
            anchors.insert(text(&object["id"]).unwrap(), sid);
        }
    }
    let all = dump["groups"].as_array().unwrap();
    let written: Vec<&Value> = all
        .iter()
        .filter(|g| {
            g["state"] == "active"
                && g["groupTypes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|t| t == "Unified")
        })
        .collect();
    for group in all {
        if let Some(sid) = text(&group["onPremisesSecurityIdentifier"]) {
            anchors.insert(text(&group["id"]).unwrap(), sid);
        }
    }
    for group in &written {
        let id = text(&group["id"]).unwrap();
        if let Some(sid) = own.get(&id) {
            anchors.insert(id, sid.clone());
        }
    }
    let present: BTreeSet<&String> = sids.by_dn.values().collect();
    written
        .iter()
        .map(|group| {
            let id = text(&group["id"]).unwrap();
            let mut attributes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            let mut set = |name: &str, value: Option<String>| {
                if let Some(value) = value.filter(|v| !v.is_empty()) {
                    attributes.entry(name.to_owned()).or_default().insert(value);
                }
            };
            set("cn", Some(format!("Group_{id}")));
            set("grouptype", Some("8".into()));
            set("admindescription", Some(format!("Group_{id}")));
            set(
                "msds-externaldirectoryobjectid",
                Some(format!("Group_{id}")),
            );
            set("displayname", text(&group["displayName"]));
            set(
                "description",
                text(&group["description"]).map(|d| left448(&d)),
            );
            set("mail", text(&group["mail"]));
            set("mailnickname", text(&group["mailNickname"]));
            set("msexchrequireauthtosendto", Some("TRUE".into()));
            set("reporttooriginator", Some("TRUE".into()));
            for address in group["proxyAddresses"].as_array().unwrap() {
                set("proxyaddresses", text(address));
            }
            let members = group["members"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|m| anchors.get(m["id"].as_str().unwrap()).cloned())
                .filter(|sid| present.contains(sid) && !sids.domain_local.contains(sid))
                .collect();
            (id, (attributes, members))
        })
        .collect()
}

/// Every difference between AD under `ou` and the expected state, one line each; empty = exact.
/// `kept` are ids of groups that stay in AD although the cloud has them no more (frozen).
pub fn differences(lab: &Lab, ou: &str, kept: &BTreeSet<String>) -> Vec<String> {
    let sids = sids(lab);
    let found = groups(lab, ou);
    let mut by_mark: BTreeMap<String, &AdGroup> = BTreeMap::new();
    let mut out = Vec::new();
    for group in found.values() {
        match group
            .attributes
            .get("admindescription")
            .and_then(|v| v.first())
            .and_then(|v| v.strip_prefix("Group_"))
        {
            Some(id) => {
                if by_mark.insert(id.to_owned(), group).is_some() {
                    out.push(format!("two groups carry the mark of {id}"));
                }
            }
            None => out.push(format!("{} has no mark", group.dn)),
        }
    }
    let own = by_mark
        .iter()
        .map(|(id, g)| (id.clone(), sids.by_dn[&g.dn.to_lowercase()].clone()))
        .collect();
    let expected = v1(&lab.dump(), &sids, &own);
    for (id, (attributes, members)) in &expected {
        let Some(group) = by_mark.remove(id) else {
            out.push(format!("{id} is missing"));
            continue;
        };
        let names: BTreeSet<&String> = attributes.keys().collect();
        for name in names {
            if group.attributes.get(name) != attributes.get(name) {
                out.push(format!(
                    "{id} {name}: {:?} instead of {:?}",
                    group.attributes.get(name),
                    attributes.get(name)
                ));
            }
        }
        for name in [
            "mail",
            "mailnickname",
            "proxyaddresses",
            "description",
            "displayname",
        ] {
            if !attributes.contains_key(name) && group.attributes.contains_key(name) {
                out.push(format!(
                    "{id} {name}: {:?} instead of nothing",
                    group.attributes[name]
                ));
            }
        }
        out.extend(
            members
                .difference(&group.members)
                .map(|m| format!("{id} lacks {m}")),
        );
        out.extend(
            group
                .members
                .difference(members)
                .map(|m| format!("{id} has {m} too many")),
        );
    }
    out.extend(
        by_mark
            .keys()
            .filter(|id| !kept.contains(*id))
            .map(|id| format!("{id} is still there")),
    );
    out
}

/// Ids of groups that stay in AD although the cloud has soft-deleted them.
pub fn frozen(dump: &Value) -> BTreeSet<String> {
    let groups = dump["groups"].as_array().unwrap();
    groups
        .iter()
        .filter(|g| g["state"] == "softDeleted")
        .map(|g| g["id"].as_str().unwrap().to_owned())
        .collect()
}
