//! Exactness at size, and cost that follows the change: counted by the lab, compared member for member.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::time::Instant;

use serde_json::json;
use support::Lab;
use support::engine::Engine;
use support::fixture::{assert_exact, parts};

fn enabled(options: &[&str]) -> (Lab, tempfile::TempDir, Engine) {
    let (lab, store, engine) = parts(options);
    // A thousand random changes are no accident here.
    engine
        .query(json!({"op": "setThreshold", "enabled": false}))
        .ok();
    (lab, store, engine)
}

fn cycle_is_exact(lab: &Lab, engine: &Engine, policy: &str) {
    let begun = Instant::now();
    let ended = engine.cycle(policy);
    assert!(ended.error.is_none(), "{:#?}", ended.error);
    let took = begun.elapsed();
    assert_exact(lab);
    eprintln!("{policy}: {took:.1?}, {}", ended.value);
}

#[test]
fn two_thousand_groups_and_sixty_thousand_memberships() {
    let (lab, _store, engine) = enabled(&[
        "--seed",
        "42",
        "--m365-groups",
        "2000",
        "--users",
        "20000",
        "--memberships",
        "60000",
        "--largest-group",
        "10000",
    ]);
    cycle_is_exact(&lab, &engine, "Initial");
    lab.control("churn", Some(json!({"operations": 1000, "seed": 1})));
    cycle_is_exact(&lab, &engine, "Delta");
}

#[test]
fn one_member_of_fifty_thousand_costs_one_modify() {
    let (lab, _store, engine) = enabled(&[
        "--m365-groups",
        "3",
        "--security-groups",
        "0",
        "--users",
        "51000",
        "--memberships",
        "50020",
        "--largest-group",
        "50000",
    ]);
    cycle_is_exact(&lab, &engine, "Initial");
    let dump = lab.dump();
    let largest = dump["groups"]
        .as_array()
        .unwrap()
        .iter()
        .max_by_key(|g| g["members"].as_array().unwrap().len())
        .unwrap();
    assert!(largest["members"].as_array().unwrap().len() >= 49_000);
    let synced: std::collections::BTreeSet<&str> = dump["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|u| u["onPremisesSecurityIdentifier"].is_string())
        .map(|u| u["id"].as_str().unwrap())
        .collect();
    let member = largest["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| synced.contains(m["id"].as_str().unwrap()))
        .unwrap();
    for op in ["removeMembers", "addMembers"] {
        lab.change(json!([{"op": op, "id": largest["id"], "members": [member["id"]]}]));
        lab.reset_counters();
        let ended = engine.cycle("Delta");
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        let counters = lab.counters();
        assert_eq!(
            counters["ldap"]["byKind"]["modify"], 1,
            "{op}: {counters:#}"
        );
        assert_eq!(counters["ldap"]["writes"], 1, "{op}: {counters:#}");
        assert_eq!(counters["ldap"]["memberValues"], 1, "{op}: {counters:#}");
        assert_eq!(counters["ldap"]["memberReads"], 0, "{op}: {counters:#}");
        assert!(
            counters["graph"]["requests"].as_u64().unwrap() <= 3,
            "{op}: {counters:#}"
        );
    }
    assert_exact(&lab);
}

#[test]
fn nesting_three_deep_and_a_cycle() {
    let (lab, _store, engine) = enabled(&[
        "--m365-groups",
        "10",
        "--memberships",
        "100",
        "--largest-group",
        "30",
    ]);
    let dump = lab.dump();
    let m365: Vec<_> = dump["groups"]
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
        .map(|g| g["id"].clone())
        .collect();
    // a > b > c > a, and d holds all of them.
    lab.change(json!([
        {"op": "addMembers", "id": m365[0], "members": [m365[1]]},
        {"op": "addMembers", "id": m365[1], "members": [m365[2]]},
        {"op": "addMembers", "id": m365[2], "members": [m365[0]]},
        {"op": "addMembers", "id": m365[3], "members": [m365[0], m365[1], m365[2]]},
    ]));
    cycle_is_exact(&lab, &engine, "Initial");
    // A new group inside an old one, both in one delta; then the nesting goes again.
    let new =
        lab.change(json!([{"op": "addGroup", "displayName": "Inner", "kind": "m365"}]))["ids"][0]
            .clone();
    lab.change(json!([{"op": "addMembers", "id": m365[4], "members": [new]}]));
    cycle_is_exact(&lab, &engine, "Delta");
    lab.change(json!([{"op": "removeMembers", "id": m365[0], "members": [m365[1]]}, {"op": "hardDeleteGroup", "id": new}]));
    cycle_is_exact(&lab, &engine, "Delta");
    cycle_is_exact(&lab, &engine, "Initial");
}
