//! Plans: what-if, thresholds, approval, chosen operations, failures, and the runs that end writeback.
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
use support::fixture::{OU, enabled};
use support::ldap;

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
