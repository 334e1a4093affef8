//! Members that need care, each with the end that it has: written, left out with its reason, or taken in later. The rest
//! of its group is written in every case, and AD is compared member for member.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Value, json};
use support::Directory;
use support::fixture::{Fixture, OU, enabled};
use support::ldap;

/// A small tenant: M365 groups only are written, the security groups are there to be nested.
fn small() -> Fixture {
    enabled(&[
        "--users",
        "60",
        "--m365-groups",
        "8",
        "--security-groups",
        "2",
        "--memberships",
        "120",
        "--largest-group",
        "30",
    ])
}

fn is_m365(group: &Value) -> bool {
    group["groupTypes"]
        .as_array()
        .unwrap()
        .iter()
        .any(|t| t == "Unified")
}

fn m365(f: &Fixture) -> Vec<String> {
    let dump = f.lab.dump();
    let groups = dump["groups"].as_array().unwrap().iter();
    let active = groups.filter(|g| is_m365(g) && g["state"] == "active");
    active
        .map(|g| g["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Ids of synced groups: those a universal group may hold, and the domain local ones.
fn synced_groups(f: &Fixture) -> (Vec<String>, Vec<String>) {
    let sids = ldap::sids(&f.lab);
    let dump = f.lab.dump();
    let groups = dump["groups"].as_array().unwrap().iter();
    let synced = groups.filter_map(|g| {
        let sid = g["onPremisesSecurityIdentifier"].as_str()?;
        Some((
            g["id"].as_str()?.to_owned(),
            sids.domain_local.contains(sid),
        ))
    });
    let (local, fit): (Vec<_>, Vec<_>) = synced.partition(|(_, local)| *local);
    let ids = |list: Vec<(String, bool)>| list.into_iter().map(|(id, _)| id).collect();
    (ids(fit), ids(local))
}

/// Members left out of a group now, with the reason, as `Get-GroupWritebackRunResult -Skipped` lists them.
fn left_out(f: &Fixture, group: &str) -> BTreeMap<String, String> {
    let rows = f
        .engine
        .query(json!({"op": "runResult", "skipped": true, "numberRequested": 1}));
    let of_group = |o: &&&Value| o["GroupId"] == group;
    rows.items("Operation")
        .iter()
        .filter(of_group)
        .map(|o| {
            let text = |name: &str| o[name].as_str().unwrap().to_owned();
            assert_eq!(text("Status"), "Skipped");
            (text("MemberId"), text("Reason"))
        })
        .collect()
}

/// The members of one written group as SIDs.
fn members_in_ad(f: &Fixture, group: &str) -> std::collections::BTreeSet<String> {
    let mark = format!("Group_{group}");
    let groups = ldap::groups(&f.lab, OU);
    let ours = groups.into_values().find(|g| {
        g.attributes
            .get("admindescription")
            .is_some_and(|v| v.contains(&mark))
    });
    ours.expect("the group is written").members
}

fn sid_of(f: &Fixture, id: &str) -> String {
    let dump = f.lab.dump();
    let lists = ["users", "devices", "groups"];
    let mut objects = lists.iter().flat_map(|l| dump[l].as_array().unwrap());
    let object = objects
        .find(|o| o["id"] == id)
        .expect("in the tenant's truth");
    object["onPremisesSecurityIdentifier"]
        .as_str()
        .expect("a synced object")
        .to_owned()
}

fn add_members(f: &Fixture, group: &str, members: &[&str]) {
    f.lab
        .change(json!([{"op": "addMembers", "id": group, "members": members}]));
}

fn new_user(f: &Fixture, name: &str, synced: bool) -> String {
    let made = f
        .lab
        .change(json!([{"op": "addUser", "displayName": name, "synced": synced}]));
    made["ids"][0].as_str().unwrap().to_owned()
}

/// A synced user whose SID the cloud tells.
fn new_synced_user(f: &Fixture, name: &str) -> (String, String) {
    let id = new_user(f, name, true);
    let dump = f.lab.dump();
    let users = dump["users"].as_array().unwrap();
    let user = users.iter().find(|u| u["id"] == id.as_str()).unwrap();
    match user["onPremisesSecurityIdentifier"].as_str() {
        Some(sid) => (id, sid.to_owned()),
        None => new_synced_user(f, &format!("{name} again")),
    }
}

#[test]
fn every_kind_of_member_ends_as_it_should() {
    let f = small();
    let groups = m365(&f);
    let group = groups[0].as_str();
    let (fit, local) = synced_groups(&f);
    let dump = f.lab.dump();
    let devices = dump["devices"].as_array().unwrap();
    let device = |hybrid: bool| {
        let wanted = |d: &&Value| d["onPremisesSecurityIdentifier"].is_string() == hybrid;
        devices.iter().find(wanted).unwrap()["id"].as_str().unwrap()
    };
    let security = dump["groups"].as_array().unwrap().iter().find(|g| {
        !is_m365(g) && g["onPremisesSecurityIdentifier"].is_null() && g["state"] == "active"
    });
    let security = security.unwrap()["id"].as_str().unwrap();
    let cloud_only = new_user(&f, "Born In The Cloud", false);
    let (synced, _) = new_synced_user(&f, "Synced Person");
    add_members(
        &f,
        group,
        &[
            &fit[0],
            &local[0],
            device(true),
            device(false),
            security,
            &groups[1],
            &cloud_only,
            &synced,
        ],
    );
    f.cycle_is_exact("Initial");
    let written = members_in_ad(&f, group);
    for id in [&fit[0], device(true), &synced] {
        assert!(written.contains(&sid_of(&f, id)), "{id} is written");
    }
    let reasons = left_out(&f, group);
    assert_eq!(reasons[&local[0]], "ScopeForbidden");
    assert_eq!(reasons[device(false)], "CloudOnly");
    assert_eq!(reasons[&cloud_only], "CloudOnly");
    assert_eq!(reasons[security], "NestedGroupNotWritten");
    for written in [fit[0].as_str(), device(true), &groups[1], &synced] {
        assert!(!reasons.contains_key(written));
    }
    let shown = f.engine.query(json!({"op": "groups", "identity": [group]}));
    let shown = shown.items("Group")[0];
    assert_eq!(
        shown["SkippedMemberCount"],
        reasons.len() as u64,
        "{shown:#}"
    );
    // Nothing is left to do, and what was left out is not tried again.
    f.lab.reset_counters();
    f.cycle_is_exact("Delta");
    f.cycle_is_exact("Initial");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
}

#[test]
fn groups_in_groups_three_deep_and_in_circles() {
    let f = small();
    let g = m365(&f);
    // 0 > 1 > 2 > 3, which holds 0 again; 5 holds all of them.
    for (holder, member) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        add_members(&f, &g[holder], &[&g[member]]);
    }
    add_members(&f, &g[5], &[&g[0], &g[1], &g[2], &g[3]]);
    f.cycle_is_exact("Initial");
    // A new group inside a new group inside an old one, all in one delta.
    let add = |name: &str, members: &[&str]| {
        let op =
            json!([{"op": "addGroup", "displayName": name, "kind": "m365", "members": members}]);
        f.lab.change(op)["ids"][0].as_str().unwrap().to_owned()
    };
    let inner = add("Inner", &[&g[0]]);
    let outer = add("Outer", &[&inner]);
    add_members(&f, &g[6], &[&outer]);
    f.cycle_is_exact("Delta");
    // One of the circle goes, and comes back as an object of its own.
    f.lab.change(json!([{"op": "hardDeleteGroup", "id": g[2]}]));
    f.cycle_is_exact("Delta");
    f.lab
        .change(json!([{"op": "removeMembers", "id": g[6], "members": [outer]}]));
    f.cycle_is_exact("Delta");
    f.cycle_is_exact("Initial");
}

#[test]
fn a_domain_local_group_is_taken_in_when_it_has_become_universal() {
    let f = small();
    let g = m365(&f);
    f.cycle_is_exact("Initial");
    // Into a group that exists, together with somebody who can be written.
    let (_, local) = synced_groups(&f);
    let (synced, sid) = new_synced_user(&f, "Goes With It");
    add_members(&f, &g[0], &[&local[0], &synced]);
    f.lab.reset_counters();
    let result = f.cycle_is_exact("Delta");
    assert_eq!(
        (&result["MembersAdded"], &result["MembersSkipped"]),
        (&json!(1), &json!(1))
    );
    // It is known to be forbidden: AD was not asked to take it.
    let counters = f.lab.counters();
    assert_eq!(counters["ldap"]["writes"], 1, "{counters:#}");
    assert!(members_in_ad(&f, &g[0]).contains(&sid));
    assert_eq!(left_out(&f, &g[0])[&local[0]], "ScopeForbidden");
    // As long as it is domain local nothing is tried.
    f.lab.reset_counters();
    f.cycle_is_exact("Delta");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    let dn = ldap::search(
        &f.lab,
        f.lab.base(),
        "sub",
        &ldap::sid_filter(&sid_of(&f, &local[0])),
        &["cn"],
    );
    let dn = dn.keys().next().unwrap();
    ldap::modify(
        &f.lab,
        &format!("dn: {dn}\nchangetype: modify\nreplace: groupType\ngroupType: -2147483640\n-\n"),
    );
    let result = f.cycle_is_exact("Delta");
    assert_eq!(result["MembersAdded"], 1);
    assert!(!left_out(&f, &g[0]).contains_key(&local[0]));
}

#[test]
fn a_domain_local_group_that_somebody_added_in_ad_goes_again() {
    let f = small();
    f.cycle_is_exact("Initial");
    // Only Samba lets this happen; on Windows, and in the embedded directory, the controller refuses.
    if f.lab.directory != Directory::Samba {
        return;
    }
    let (_, local) = synced_groups(&f);
    let dn = ldap::groups(&f.lab, OU).into_keys().next().unwrap();
    let member = sid_of(&f, &local[0]);
    ldap::modify(
        &f.lab,
        &format!("dn: {dn}\nchangetype: modify\nadd: member\nmember: <SID={member}>\n-\n"),
    );
    f.cycle_is_exact("Initial");
}

#[test]
fn a_member_of_another_forest_is_never_written() {
    let f = small();
    let g = m365(&f);
    let foreign = new_user(&f, "Of Another Forest", false);
    let sid = "S-1-5-21-1000000001-1000000002-1000000003-1104";
    f.lab
        .change(json!([{"op": "setAnchor", "id": foreign, "sid": sid}]));
    let (synced, own) = new_synced_user(&f, "Of This Forest");
    add_members(&f, &g[0], &[&foreign, &synced]);
    let principals = || {
        let base = format!("CN=ForeignSecurityPrincipals,{}", f.lab.base());
        let found = ldap::search(&f.lab, &base, "sub", "(objectClass=*)", &["cn"]);
        found.into_keys().collect::<Vec<_>>()
    };
    let before = principals();
    f.cycle_is_exact("Initial");
    assert_eq!(left_out(&f, &g[0])[&foreign], "OtherForest");
    assert!(members_in_ad(&f, &g[0]).contains(&own));
    // The same as a change of a group that exists, and as part of a new one.
    add_members(&f, &g[1], &[&foreign]);
    let new = json!([{"op": "addGroup", "displayName": "New", "kind": "m365", "members": [foreign, synced]}]);
    let new = f.lab.change(new)["ids"][0].as_str().unwrap().to_owned();
    f.cycle_is_exact("Delta");
    for group in [&g[1], &new] {
        assert_eq!(left_out(&f, group)[&foreign], "OtherForest");
    }
    assert!(members_in_ad(&f, &new).contains(&own));
    assert_eq!(
        principals(),
        before,
        "no foreign security principal was made"
    );
}

#[test]
fn a_member_deleted_in_ad_comes_back_with_its_account() {
    for policy in ["Delta", "Initial"] {
        let f = small();
        let g = m365(&f);
        let (gone, sid) = new_synced_user(&f, "Comes And Goes");
        let (other, _) = new_synced_user(&f, "Stays");
        add_members(&f, &g[0], &[&gone]);
        f.cycle_is_exact("Initial");
        assert!(members_in_ad(&f, &g[0]).contains(&sid));
        f.lab.change(json!([{"op": "unlink", "memberId": gone}]));
        // AD has taken it out of the group by itself; the group's next change does not stumble over it.
        add_members(&f, &g[0], &[&other]);
        f.cycle_is_exact("Delta");
        // Known to be gone from here on, also by who adds it elsewhere.
        add_members(&f, &g[1], &[&gone]);
        f.cycle_is_exact("Delta");
        assert_eq!(left_out(&f, &g[1])[&gone], "NotFoundInDirectory");
        f.cycle_is_exact("Initial");
        assert_eq!(left_out(&f, &g[0])[&gone], "NotFoundInDirectory");
        ldap::undelete(
            &f.lab,
            &sid,
            &format!("CN=Back Again,CN=Users,{}", f.lab.base()),
        );
        let result = f.cycle_is_exact(policy);
        assert_eq!(result["MembersAdded"], 2, "{policy}: {result:#}");
        assert!(members_in_ad(&f, &g[0]).contains(&sid));
        assert!(!left_out(&f, &g[0]).contains_key(&gone));
    }
}

#[test]
fn a_member_that_appears_in_ad_later_is_taken_in_by_the_next_cycle() {
    let f = small();
    let g = m365(&f);
    for (round, policy) in (1u8..).zip(["Delta", "Initial"]) {
        // The cloud knows the account by its ImmutableId only, and AD doesn't have it yet.
        let anchor = [round; 16];
        let encoded = base64::engine::general_purpose::STANDARD.encode(anchor);
        let late = new_user(&f, &format!("Late {round}"), false);
        f.lab
            .change(json!([{"op": "setAnchor", "id": late, "immutableId": encoded}]));
        add_members(&f, &g[0], &[&late]);
        f.cycle_is_exact(policy);
        assert_eq!(left_out(&f, &g[0])[&late], "NotFoundInDirectory");
        ldap::modify(
            &f.lab,
            &format!(
                "dn: CN=Late {round},CN=Users,{}\nchangetype: add\nobjectClass: user\nsAMAccountName: late{round}\nmS-DS-ConsistencyGuid:: {encoded}\n",
                f.lab.base()
            ),
        );
        let result = f.cycle_is_exact(policy);
        assert_eq!(result["MembersAdded"], 1, "{policy}: {result:#}");
        assert!(!left_out(&f, &g[0]).contains_key(&late));
    }
}

#[test]
fn a_group_that_ad_protects_is_never_touched_nor_taken_over() {
    let f = small();
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    let id = group["id"].as_str().unwrap();
    let mark = format!("(adminDescription=Group_{id})");
    let look = || {
        let found = ldap::search(&f.lab, OU, "sub", &mark, &["*", "uSNChanged"]);
        assert_eq!(found.len(), 1);
        found
    };
    let dn = look().into_keys().next().unwrap();
    ldap::modify(
        &f.lab,
        &format!("dn: {dn}\nchangetype: modify\nreplace: adminCount\nadminCount: 1\n-\n"),
    );
    let before = look();
    let (user, _) = new_synced_user(&f, "Wants In");
    add_members(&f, id, &[&user]);
    f.lab
        .change(json!([{"op": "setGroup", "id": id, "displayName": "Other name"}]));
    for policy in ["Delta", "Delta", "Initial"] {
        f.lab.reset_counters();
        let ended = f.engine.cycle(policy);
        assert_eq!(
            ended.value["Result"], "CompletedWithErrors",
            "{:#?}",
            ended.error
        );
        let errors = ended.errors();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert_eq!(
            (&errors[0]["id"], &errors[0]["target"]),
            (&json!("GroupNotOwned"), &json!(id))
        );
        let message = errors[0]["message"].as_str().unwrap();
        assert!(
            message.contains("AdminSDHolder") && message.contains("add 1 member"),
            "{message}"
        );
        assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    }
    // Nor by a configuration that takes over what is there, nor deleted with the feature.
    let store = tempfile::tempdir().unwrap();
    let other = support::engine::Engine::on(&f.lab, store.path());
    other.connect();
    let enable = json!({"organizationalUnit": OU, "version": "V1", "takeOver": true});
    other.call("enable", enable).ok();
    let ended = other.cycle("Initial");
    assert!(
        ended.errors().iter().any(|e| e["id"] == "GroupNotOwned"),
        "{ended:#?}"
    );
    other
        .query(json!({"op": "setThreshold", "enabled": false}))
        .ok();
    let ended = other.call("disable", json!({"groupAction": "Delete"}));
    assert!(
        ended.errors().iter().any(|e| e["id"] == "GroupNotOwned"),
        "{ended:#?}"
    );
    assert_eq!(look(), before);
}

#[test]
fn a_removal_that_the_controller_refuses_is_no_success() {
    let f = small();
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    let (member, sid) = {
        let written = members_in_ad(&f, group["id"].as_str().unwrap());
        let dump = f.lab.dump();
        let users = dump["users"].as_array().unwrap();
        let user = users.iter().find(|u| {
            let sid = u["onPremisesSecurityIdentifier"].as_str();
            let member = group["members"].as_array().unwrap().iter();
            sid.is_some_and(|s| written.contains(s)) && member.clone().any(|m| m["id"] == u["id"])
        });
        let user = user.expect("a written member");
        let sid = user["onPremisesSecurityIdentifier"].as_str().unwrap();
        (user["id"].clone(), sid.to_owned())
    };
    f.lab
        .change(json!([{"op": "removeMembers", "id": group["id"], "members": [member]}]));
    f.lab
        .fault(json!({"fault": "ldapResult", "code": 53, "operation": "modify"}));
    let ended = f.engine.cycle("Delta");
    let errors = ended.errors();
    assert_eq!(errors.len(), 1, "{ended:#?}");
    assert_eq!(errors[0]["id"], "DirectoryOperationFailed");
    let message = errors[0]["message"].as_str().unwrap();
    assert!(
        message.contains(&sid) && message.contains("still a member"),
        "{message}"
    );
    assert_eq!(ended.value["MembersRemoved"], 0);
    f.lab.clear_faults();
    let result = f.cycle_is_exact("Delta");
    assert_eq!(result["MembersRemoved"], 1);
}
