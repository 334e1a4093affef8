//! The main job against the lab: first sync, delta, life of groups, drift, what-if, thresholds, disable.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use serde_json::json;
use support::Lab;
use support::engine::Engine;
use support::expected::{differences, frozen};
use support::ldap;

const OU: &str = "OU=Cloud Groups,DC=contoso,DC=test";

struct Fixture {
    engine: Engine,
    lab: Lab,
    _store: tempfile::TempDir,
}

/// A lab with an enabled, connected engine; nothing written yet.
fn enabled(options: &[&str]) -> Fixture {
    let lab = Lab::start(options);
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    engine.enable(OU);
    Fixture {
        engine,
        lab,
        _store: store,
    }
}

impl Fixture {
    /// Runs a cycle that must end without any error, and compares AD with the truth.
    fn cycle_is_exact(&self, policy: &str) -> serde_json::Value {
        let ended = self.engine.cycle(policy);
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        assert_eq!(ended.errors(), Vec::<&serde_json::Value>::new());
        let differences = differences(&self.lab, OU, &frozen(&self.lab.dump()));
        assert!(
            differences.is_empty(),
            "{} differences: {:#?}",
            differences.len(),
            &differences[..differences.len().min(8)]
        );
        ended.value
    }

    fn first_m365(&self) -> serde_json::Value {
        self.lab.dump()["groups"]
            .as_array()
            .unwrap()
            .iter()
            .find(|g| {
                g["state"] == "active"
                    && g["groupTypes"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|t| t == "Unified")
                    && g["members"].as_array().unwrap().len() > 5
            })
            .expect("an M365 group with members")
            .clone()
    }
}

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
fn what_if_plans_the_same_and_writes_nothing() {
    let f = enabled(&[]);
    f.lab.reset_counters();
    let ended = f.engine.call(
        "sync",
        json!({"action": "cycle", "policyType": "Initial", "whatIf": true}),
    );
    assert_eq!(ended.items("PlanGroup").len(), 60);
    let plan = ended.ok();
    assert_eq!(plan["Creates"], 60);
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    let operations = f
        .engine
        .query(json!({"op": "operations", "planId": plan["PlanId"]}));
    let adds = operations
        .items("Operation")
        .iter()
        .filter(|o| o["Action"] == "AddMember")
        .count() as u64;
    assert_eq!(Some(adds), plan["MemberAdds"].as_u64());
    let result = f.cycle_is_exact("Delta");
    assert_eq!(result["Created"], 60);
    assert_eq!(result["MembersAdded"], plan["MemberAdds"]);
}

#[test]
fn a_mass_deletion_stops_before_the_first_write() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let dump = f.lab.dump();
    let ids: Vec<_> = dump["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| {
            g["groupTypes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|t| t == "Unified")
        })
        .take(30)
        .map(|g| json!({"op": "hardDeleteGroup", "id": g["id"]}))
        .collect();
    f.lab.change(json!(ids));
    f.lab.reset_counters();
    let ended = f.engine.cycle("Delta");
    assert_eq!(ended.error_id(), "DeletionThresholdExceeded");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    let older = ended.error.unwrap()["target"].clone();
    // Again, also as a full cycle: it stays blocked, and the older plan is no longer the valid one.
    let ended = f.engine.cycle("Initial");
    assert_eq!(ended.error_id(), "DeletionThresholdExceeded");
    let plan = ended.error.unwrap()["target"].clone();
    let stale = f.engine.call(
        "sync",
        json!({"action": "invoke", "planId": older, "approveThreshold": true}),
    );
    assert_eq!(stale.error_id(), "PlanStale");
    // Without approval the plan does not run either.
    let refused = f
        .engine
        .call("sync", json!({"action": "invoke", "planId": plan}));
    assert_eq!(refused.error_id(), "DeletionThresholdExceeded");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    let summary = f
        .engine
        .query(json!({"op": "operations", "planId": plan, "summary": true}));
    assert_eq!(
        summary.items("Plan").first().map(|p| p["State"].clone()),
        Some(json!("Blocked")),
        "{summary:#?}"
    );
    let result = f
        .engine
        .call(
            "sync",
            json!({"action": "invoke", "planId": plan, "approveThreshold": true}),
        )
        .ok();
    assert_eq!(result["Deleted"], 30);
    f.cycle_is_exact("Delta");
}

#[test]
fn losing_most_members_of_a_group_stops_too() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let dump = f.lab.dump();
    let largest = dump["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| {
            g["groupTypes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|t| t == "Unified")
        })
        .max_by_key(|g| g["members"].as_array().unwrap().len())
        .unwrap();
    let members: Vec<_> = largest["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["id"].clone())
        .collect();
    f.lab.change(json!([{"op": "removeMembers", "id": largest["id"], "members": members[..members.len() * 3 / 4]}]));
    f.lab.reset_counters();
    assert_eq!(
        f.engine.cycle("Delta").error_id(),
        "MemberRemovalThresholdExceeded"
    );
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    f.engine
        .query(json!({"op": "setThreshold", "enabled": false}))
        .ok();
    f.cycle_is_exact("Delta");
}

#[test]
fn a_stored_plan_is_refused_when_ad_moved_on() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    f.lab
        .change(json!([{"op": "setGroup", "id": group["id"], "displayName": "New name"}]));
    let plan = f
        .engine
        .call(
            "sync",
            json!({"action": "cycle", "policyType": "Delta", "whatIf": true}),
        )
        .ok();
    let dn = ldap::search(
        &f.lab,
        OU,
        "sub",
        &format!("(adminDescription=Group_{})", group["id"].as_str().unwrap()),
        &["cn"],
    );
    let dn = dn.keys().next().unwrap();
    ldap::modify(
        &f.lab,
        &format!("dn: {dn}\nchangetype: modify\nreplace: info\ninfo: touched\n-\n"),
    );
    let ended = f.engine.call(
        "sync",
        json!({"action": "invoke", "planId": plan["PlanId"]}),
    );
    assert_eq!(ended.error_id(), "PlanStale");
    f.cycle_is_exact("Delta");
}

#[test]
fn one_group_now() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    f.lab
        .change(json!([{"op": "setGroup", "id": group["id"], "displayName": "Now"}]));
    let ended = f.engine.call(
        "sync",
        json!({"action": "group", "identity": [group["id"]]}),
    );
    assert!(ended.error.is_none(), "{:#?}", ended.error);
    assert!(
        ended
            .items("Operation")
            .iter()
            .any(|o| o["NewValue"] == "Now" && o["Status"] == "Applied"),
        "{ended:#?}"
    );
    let unknown = f.engine.call(
        "sync",
        json!({"action": "group", "identity": ["00000000-0000-0000-0000-00000000abcd"]}),
    );
    assert!(
        unknown.errors().iter().any(|e| e["id"] == "GroupNotFound"),
        "{unknown:#?}"
    );
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
fn disable_keeps_or_deletes_as_asked() {
    let f = enabled(&[
        "--m365-groups",
        "12",
        "--memberships",
        "200",
        "--largest-group",
        "40",
    ]);
    f.cycle_is_exact("Initial");
    let before = ldap::groups(&f.lab, OU);
    let feature = f
        .engine
        .call("disable", json!({"groupAction": "Keep"}))
        .ok();
    assert_eq!(feature["Enabled"], false);
    assert_eq!(ldap::groups(&f.lab, OU), before);
    assert_eq!(f.engine.cycle("Delta").error_id(), "FeatureNotEnabled");
    // Enabling again adopts what is there: same objects, no write.
    f.engine.enable(OU);
    f.lab.reset_counters();
    f.cycle_is_exact("Initial");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    let ended = f.engine.call("disable", json!({"groupAction": "Delete"}));
    assert_eq!(ended.ok()["Enabled"], false);
    assert!(ldap::groups(&f.lab, OU).is_empty());
}

#[test]
fn disable_with_deletion_obeys_the_threshold() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let ended = f.engine.call("disable", json!({"groupAction": "Delete"}));
    assert_eq!(ended.error_id(), "DeletionThresholdExceeded");
    assert_eq!(ldap::groups(&f.lab, OU).len(), 60);
    assert_eq!(
        f.engine.query(json!({"op": "feature"})).ok()["Enabled"],
        true
    );
    let plan = ended.error.unwrap()["target"].clone();
    f.engine
        .call(
            "sync",
            json!({"action": "invoke", "planId": plan, "approveThreshold": true}),
        )
        .ok();
    assert!(ldap::groups(&f.lab, OU).is_empty());
    assert_eq!(
        f.engine.query(json!({"op": "feature"})).ok()["Enabled"],
        false
    );
}

#[test]
fn chosen_operations_alone_are_applied_and_say_so() {
    let f = enabled(&[]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    f.lab.change(json!([{"op": "setGroup", "id": group["id"], "displayName": "Chosen", "description": "not chosen"}]));
    let planned = json!({"action": "cycle", "policyType": "Delta", "whatIf": true});
    let plan = f.engine.call("sync", planned).ok()["PlanId"].clone();
    let operations = f
        .engine
        .query(json!({"op": "operations", "planId": plan, "action": ["SetAttribute"]}));
    let of = |attribute: &str| {
        let found = operations
            .items("Operation")
            .into_iter()
            .find(|o| o["Attribute"] == attribute);
        found.expect("planned")["Id"].clone()
    };
    let invoke = json!({"action": "invoke", "planId": plan, "operationIds": [of("displayName")], "passThru": true});
    let ended = f.engine.call("sync", invoke);
    assert!(ended.error.is_none(), "{:#?}", ended.error);
    let rows = ended.items("Operation");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["NewValue"], &rows[0]["Status"]),
        (&json!("Chosen"), &json!("Applied"))
    );
    let after = f.engine.query(json!({"op": "operations", "planId": plan}));
    let description = after
        .items("Operation")
        .into_iter()
        .find(|o| o["Id"] == of("description"))
        .unwrap();
    assert_eq!(description["Status"], "Planned");
    // What was not chosen is still to be done.
    f.cycle_is_exact("Delta");
}

#[test]
fn a_failed_operation_keeps_its_reason() {
    let f = enabled(&["--m365-groups", "5", "--memberships", "40"]);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    f.lab
        .change(json!([{"op": "setGroup", "id": group["id"], "displayName": "Refused"},
        {"op": "removeMembers", "id": group["id"], "members": [group["members"][0]["id"], group["members"][1]["id"]]}]));
    f.lab
        .fault(json!({"fault": "ldapResult", "code": 50, "operation": "modify"}));
    let ended = f.engine.cycle("Delta");
    assert_eq!(
        ended.value["Result"], "CompletedWithErrors",
        "{:#?}",
        ended.error
    );
    assert!(
        ended
            .errors()
            .iter()
            .any(|e| e["id"] == "DirectoryAccessDenied" && e["target"] == group["id"])
    );
    let rows = f
        .engine
        .query(json!({"op": "operations", "planId": ended.value["PlanId"]}));
    let row = rows
        .items("Operation")
        .into_iter()
        .find(|o| o["NewValue"] == "Refused")
        .unwrap();
    assert_eq!(row["Status"], "Failed");
    assert!(
        row["Error"]
            .as_str()
            .unwrap()
            .contains("DirectoryAccessDenied"),
        "{row:#}"
    );
    let groups = f
        .engine
        .query(json!({"op": "groups", "identity": [group["id"]]}));
    assert_eq!(groups.items("Group")[0]["State"], "Failed");
    f.lab.clear_faults();
    f.cycle_is_exact("Delta");
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

#[test]
fn security_groups_lose_access_and_keep_their_sid() {
    let lab = Lab::start(&[]);
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    let enable = json!({"organizationalUnit": OU, "version": "CloudSync", "createContainer": true});
    engine.call("enable", enable).ok();
    let ended = engine.cycle("Initial");
    assert!(
        ended.error.is_none() && ended.errors().is_empty(),
        "{ended:#?}"
    );
    assert_eq!(ended.value["Created"], 15);
    let types = |expected: &str| {
        let found = ldap::search(
            &lab,
            OU,
            "sub",
            "(objectClass=group)",
            &["groupType", "objectSid", "mail"],
        );
        assert_eq!(found.len(), 15);
        assert!(
            found
                .values()
                .all(|e| e["grouptype"][0] == expected.as_bytes() && !e.contains_key("mail"))
        );
        found
            .into_values()
            .map(|e| e["objectsid"][0].clone())
            .collect::<Vec<_>>()
    };
    let before = types("-2147483640");
    engine
        .call("disable", json!({"groupAction": "ConvertToDistribution"}))
        .ok();
    assert_eq!(types("8"), before);
}
