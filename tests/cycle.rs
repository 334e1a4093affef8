//! The main job against the lab: first sync, delta, life of groups, names, drift, foreign objects, left-out members.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::collections::BTreeMap;

use serde_json::json;
use support::Lab;
use support::engine::Engine;
use support::expected::{differences, frozen};
use support::fixture::{Fixture, OU, enabled};
use support::ldap;

#[test]
fn first_sync_then_random_changes_are_exact() {
    let f = enabled(&["--seed", "5"]);
    let result = f.cycle_is_exact("Initial");
    assert_eq!(result["Created"], 60);
    assert_eq!(result["Result"], "Success");
    for round in 0..4 {
        f.lab
            .control("churn", Some(json!({"operations": 120, "seed": round})));
        f.cycle_is_exact("Delta");
    }
    f.cycle_is_exact("Initial");
}

#[test]
fn a_cycle_without_changes_costs_three_calls_and_no_write() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    f.lab.reset_counters();
    let result = f.cycle_is_exact("Delta");
    let counters = f.lab.counters();
    let graph: u64 = [
        "groupsDelta",
        "usersDelta",
        "devicesDelta",
        "batch",
        "getByIds",
        "members",
    ]
    .iter()
    .map(|k| counters["graph"]["byKind"][k].as_u64().unwrap_or(0))
    .sum();
    assert!(graph <= 3, "{counters:#}");
    assert!(
        counters["graph"]["requests"].as_u64().unwrap() <= 3,
        "{counters:#}"
    );
    assert_eq!(counters["ldap"]["writes"], 0, "{counters:#}");
    assert_eq!(result["Result"], "Success");
    // A second full cycle finds nothing to do either.
    f.lab.reset_counters();
    f.cycle_is_exact("Initial");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
}

#[test]
fn rename_soft_delete_restore_hard_delete() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    let id = group["id"].as_str().unwrap();
    let mark = format!("(adminDescription=Group_{id})");
    let sid = |f: &Fixture| {
        let found = ldap::search(&f.lab, OU, "sub", &mark, &["objectSid", "member"]);
        found
            .into_values()
            .next()
            .map(|e| ldap::sid_text(&e["objectsid"][0]))
    };
    let before = sid(&f).unwrap();

    f.lab.change(json!([{"op": "setGroup", "id": id, "displayName": "Renamed, with a comma + \"quotes\"", "description": null}]));
    f.cycle_is_exact("Delta");
    assert_eq!(sid(&f).as_deref(), Some(before.as_str()));

    // Soft delete: the AD group stays as it is, whatever kind of cycle follows.
    f.lab.change(json!([{"op": "softDeleteGroup", "id": id}]));
    f.cycle_is_exact("Delta");
    f.cycle_is_exact("Initial");
    assert_eq!(sid(&f).as_deref(), Some(before.as_str()));

    // Restore: the same AD object, completed again.
    f.lab.change(json!([{"op": "restoreGroup", "id": id}, {"op": "setGroup", "id": id, "displayName": "Back again"}]));
    f.cycle_is_exact("Delta");
    assert_eq!(sid(&f).as_deref(), Some(before.as_str()));

    f.lab.change(json!([{"op": "hardDeleteGroup", "id": id}]));
    let result = f.cycle_is_exact("Delta");
    assert_eq!(result["Deleted"], 1);
    assert_eq!(sid(&f), None);
}

#[test]
fn a_group_hard_deleted_while_the_delta_was_lost_goes_on_evidence() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    f.lab
        .change(json!([{"op": "hardDeleteGroup", "id": group["id"]}]));
    // The row is never seen as a delta: the next read is a full one, which the group is simply not in.
    let result = f.cycle_is_exact("Initial");
    assert_eq!(result["Deleted"], 1);
}

#[test]
fn drift_is_repaired_on_a_full_cycle() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let groups = ldap::groups(&f.lab, OU);
    let mut victims = groups.values().filter(|g| g.members.len() > 3);
    let (emptied, edited, deleted) = (
        victims.next().unwrap(),
        victims.next().unwrap(),
        victims.next().unwrap(),
    );
    ldap::modify(
        &f.lab,
        &format!(
            "dn: {}\nchangetype: modify\ndelete: member\n-\n",
            emptied.dn
        ),
    );
    ldap::modify(
        &f.lab,
        &format!(
            "dn: {}\nchangetype: modify\nreplace: description\ndescription: edited by hand\n-\ndelete: mail\n-\n",
            edited.dn
        ),
    );
    ldap::modify(&f.lab, &format!("dn: {}\nchangetype: delete\n", deleted.dn));
    let result = f.cycle_is_exact("Initial");
    assert_eq!(result["Created"], 1, "{result:#}");
}

#[test]
fn foreign_objects_are_never_touched() {
    let f = enabled(&[]);
    ldap::modify(
        &f.lab,
        &format!(
            "dn: CN=Payroll,{OU}\nchangetype: add\nobjectClass: group\ngroupType: -2147483640\ndescription: not yours\n"
        ),
    );
    // A foreign group sits where one of ours would go, and another carries a mark of no group we know.
    let taken = f.first_m365();
    let taken_id = taken["id"].as_str().unwrap();
    ldap::modify(
        &f.lab,
        &format!(
            "dn: CN=Group_{taken_id},{OU}\nchangetype: add\nobjectClass: group\ngroupType: 8\ndescription: in the way\n"
        ),
    );
    ldap::modify(
        &f.lab,
        &format!(
            "dn: CN=Other,{OU}\nchangetype: add\nobjectClass: group\ngroupType: 8\nadminDescription: Group_00000000-1111-2222-3333-444444444444\n"
        ),
    );
    let foreign = || {
        let found = ldap::search(
            &f.lab,
            OU,
            "sub",
            "(|(cn=Payroll)(cn=Other)(description=in the way))",
            &["*", "uSNChanged"],
        );
        assert_eq!(found.len(), 3);
        found
    };
    let before = foreign();
    let ended = f.engine.cycle("Initial");
    assert!(ended.error.is_none(), "{:#?}", ended.error);
    assert_eq!(ended.value["Result"], "CompletedWithErrors");
    let errors = ended.errors();
    assert!(
        errors
            .iter()
            .any(|e| e["id"] == "GroupNameConflict"
                && e["target"].as_str().unwrap().contains(taken_id)),
        "{errors:#?}"
    );
    f.engine.cycle("Delta");
    f.engine.cycle("Initial");
    assert_eq!(foreign(), before);
    // The conflict gone, the next cycle completes.
    ldap::modify(
        &f.lab,
        &format!("dn: CN=Group_{taken_id},{OU}\nchangetype: delete\n"),
    );
    ldap::modify(
        &f.lab,
        &format!("dn: CN=Payroll,{OU}\nchangetype: delete\n"),
    );
    ldap::modify(&f.lab, &format!("dn: CN=Other,{OU}\nchangetype: delete\n"));
    f.cycle_is_exact("Delta");
}

#[test]
fn members_that_cannot_be_written_are_reported_with_reason() {
    let f = enabled(&["--cloud-only-percent", "20"]);
    f.cycle_is_exact("Initial");
    let rows = f
        .engine
        .query(json!({"op": "runResult", "skipped": true, "numberRequested": 1}));
    let reasons: std::collections::BTreeSet<_> = rows
        .items("Operation")
        .iter()
        .map(|o| o["Reason"].as_str().unwrap().to_owned())
        .collect();
    assert!(reasons.contains("CloudOnly"), "{reasons:?}");
    // A cloud-only member is synchronised later: the next delta brings it in.
    let dump = f.lab.dump();
    let group = dump["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| {
            g["groupTypes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|t| t == "Unified")
        })
        .unwrap();
    let user = f
        .lab
        .change(json!([{"op": "addUser", "displayName": "Late Arrival", "synced": false}]))["ids"]
        [0]
    .clone();
    f.lab
        .change(json!([{"op": "addMembers", "id": group["id"], "members": [user]}]));
    f.cycle_is_exact("Delta");
    f.lab.change(json!([{"op": "syncUser", "id": user}]));
    f.lab.reset_counters();
    let result = f.cycle_is_exact("Delta");
    assert_eq!(result["MembersAdded"], 1);
    assert_eq!(f.lab.counters()["ldap"]["writes"], 1);
}

#[test]
fn a_member_missing_in_ad_does_not_hold_up_the_others() {
    let f = enabled(&[]);
    let group = f.first_m365();
    let dump = f.lab.dump();
    let synced: Vec<_> = dump["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|u| u["onPremisesSecurityIdentifier"].is_string())
        .collect();
    let gone = group["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| synced.iter().any(|u| u["id"] == m["id"]))
        .expect("a synced member");
    f.lab
        .change(json!([{"op": "unlink", "memberId": gone["id"]}]));
    f.cycle_is_exact("Initial");
    let rows = f
        .engine
        .query(json!({"op": "runResult", "skipped": true, "numberRequested": 1}));
    assert!(
        rows.items("Operation")
            .iter()
            .any(|o| o["MemberId"] == gone["id"] && o["Reason"] == "NotFoundInDirectory")
    );
}

#[test]
fn a_group_moved_out_of_the_container_is_left_alone() {
    let f = enabled(&[
        "--m365-groups",
        "8",
        "--ou",
        "OU=Elsewhere,DC=contoso,DC=test",
    ]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    let mark = format!("(adminDescription=Group_{})", group["id"].as_str().unwrap());
    let dn = ldap::search(&f.lab, OU, "sub", &mark, &["cn"])
        .into_keys()
        .next()
        .unwrap();
    let rdn = dn.split(',').next().unwrap();
    ldap::modify(
        &f.lab,
        &format!(
            "dn: {dn}\nchangetype: moddn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: OU=Elsewhere,DC=contoso,DC=test\n"
        ),
    );
    f.lab
        .change(json!([{"op": "setGroup", "id": group["id"], "displayName": "Elsewhere"}]));
    for policy in ["Delta", "Initial"] {
        f.lab.reset_counters();
        let ended = f.engine.cycle(policy);
        assert!(
            ended
                .errors()
                .iter()
                .any(|e| e["id"] == "GroupNotOwned" && e["target"] == group["id"]),
            "{ended:#?}"
        );
        assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    }
}

#[test]
fn display_names_as_names_are_renamed_in_place() {
    let f = enabled(&["--m365-groups", "30", "--memberships", "200"]);
    f.cycle_is_exact("Initial");
    let sids = |f: &Fixture| -> std::collections::BTreeMap<String, (String, String)> {
        ldap::search(
            &f.lab,
            OU,
            "sub",
            "(objectClass=group)",
            &["objectSid", "adminDescription", "cn"],
        )
        .into_values()
        .map(|e| {
            let text = |name: &str| String::from_utf8(e[name][0].clone()).unwrap();
            (
                text("admindescription"),
                (ldap::sid_text(&e["objectsid"][0]), text("cn")),
            )
        })
        .collect()
    };
    let before = sids(&f);
    let changes = json!({"namingPreset": "ConnectV1DisplayName"});
    f.engine
        .query(json!({"op": "setConfiguration", "changes": changes}))
        .ok();
    // A Delta is asked for; new names need everything compared, so a full cycle runs.
    let ended = f.engine.cycle("Delta");
    assert!(
        ended.error.is_none() && ended.errors().is_empty(),
        "{ended:#?}"
    );
    assert_eq!(
        (&ended.value["PolicyType"], &ended.value["Renamed"]),
        (&json!("Initial"), &json!(30))
    );
    let renamed = sids(&f);
    for (mark, (sid, cn)) in &renamed {
        assert_eq!(&before[mark].0, sid);
        assert!(
            cn.ends_with(&mark[mark.len() - 13..].replace('-', "_")),
            "{cn} of {mark}"
        );
        assert!(cn.encode_utf16().count() <= 64, "{cn}");
    }
    let group = f.first_m365();
    f.lab.change(json!([{"op": "setGroup", "id": group["id"], "displayName": "Nach, der + \"Umbenennung\" \u{1F9ED}"}]));
    let ended = f.engine.cycle("Delta");
    assert_eq!(
        (&ended.value["PolicyType"], &ended.value["Renamed"]),
        (&json!("Delta"), &json!(1))
    );
    let mark = format!("Group_{}", group["id"].as_str().unwrap());
    let (sid, cn) = &sids(&f)[&mark];
    assert_eq!(sid, &before[&mark].0);
    assert!(
        cn.starts_with("Nach, der + \"Umbenennung\" \u{1F9ED}_"),
        "{cn}"
    );
    // Nothing is left to do.
    f.lab.reset_counters();
    f.engine.cycle("Initial");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
}

/// A rule says which container a group lies in; it follows its rule from one to the other and stays the same group.
#[test]
fn groups_lie_where_the_target_rule_says() {
    const WRITTEN: &str = "OU=Written,DC=contoso,DC=test";
    let usual = format!("OU=Usual,{WRITTEN}");
    let special = format!("OU=Special,{WRITTEN}");
    let lab = Lab::start(&["--seed", "9", "--ou", WRITTEN, "--ou", &special]);
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    engine.enable(&usual);
    let rule = format!(r#"IIF(Left([displayName],7)="Special","{special}","{usual}")"#);
    engine
        .query(json!({"op": "setConfiguration", "changes": {"targetRule": rule}}))
        .ok();
    let unified = |g: &&serde_json::Value| {
        g["state"] == "active"
            && g["groupTypes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|t| t == "Unified")
    };
    let dump = lab.dump();
    let groups = dump["groups"].as_array().unwrap().iter().filter(unified);
    let ids: Vec<&str> = groups.map(|g| g["id"].as_str().unwrap()).collect();
    let name = |id: &str, name: &str| {
        lab.change(json!([{"op": "setGroup", "id": id, "displayName": name}]));
    };
    for id in &ids[..3] {
        name(id, &format!("Special {id}"));
    }
    // Where each group lies, with its SID.
    let cycle = |policy: &str| -> BTreeMap<String, (bool, String)> {
        let ended = engine.cycle(policy);
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        assert_eq!(ended.errors(), Vec::<&serde_json::Value>::new());
        let found = differences(&lab, WRITTEN, &frozen(&lab.dump()));
        assert!(found.is_empty(), "{found:#?}");
        let sids = ldap::sids(&lab).by_dn;
        let placed = ldap::groups(&lab, WRITTEN).into_values().map(|group| {
            let (_, parent) = group.dn.split_once(',').unwrap();
            let is_special = parent.eq_ignore_ascii_case(&special);
            assert!(
                is_special || parent.eq_ignore_ascii_case(&usual),
                "{}",
                group.dn
            );
            let mark = group.attributes["admindescription"].first().unwrap();
            let sid = sids[&group.dn.to_lowercase()].clone();
            (mark.replace("Group_", ""), (is_special, sid))
        });
        placed.collect()
    };
    let first = cycle("Initial");
    assert_eq!(first.len(), ids.len());
    for (id, (is_special, _)) in &first {
        assert_eq!(*is_special, ids[..3].contains(&id.as_str()), "{id}");
    }

    name(ids[0], "Usual from now on");
    name(ids[5], "Special from now on");
    lab.change(json!([{"op": "hardDeleteGroup", "id": ids[1]}]));
    let mut wanted = first.clone();
    wanted.remove(ids[1]);
    wanted.get_mut(ids[0]).unwrap().0 = false;
    wanted.get_mut(ids[5]).unwrap().0 = true;
    assert_eq!(cycle("Delta"), wanted);

    lab.reset_counters();
    assert_eq!(cycle("Initial"), wanted);
    assert_eq!(lab.counters()["ldap"]["writes"], 0);
}
