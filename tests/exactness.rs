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
use support::engine::{Engine, connection, secrets};
use support::fixture::{OU, assert_exact, parts};
use support::{Directory, Lab};

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

/// Not a test of its own: a cycle in a process whose memory is looked at.
#[test]
fn child_cycle() {
    let Some(config) = std::env::var_os("GWB_CHILD_CONFIG") else {
        return;
    };
    let config: serde_json::Value = serde_json::from_str(config.to_str().unwrap()).unwrap();
    let engine = Engine::open(&config["open"], config["secrets"].clone()).unwrap();
    engine.connect();
    let ended = engine.cycle(config["policy"].as_str().unwrap());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB").to_owned();
    assert!(ended.errors().is_empty(), "{:#?}", ended.errors());
    println!(
        "\ncycle {}",
        json!({"peak": peak.parse::<u64>().unwrap(), "result": ended.ok()})
    );
}

/// Two hundred and fifty thousand members: written, one of them changed, compared in full, and AD is exact. A group's
/// members are in memory while that group is compared, and nothing else follows their number: a change of one needs no
/// more memory than a cycle without any.
#[cfg(target_os = "linux")]
#[test]
fn a_quarter_of_a_million_members() {
    const MEMBERS: u64 = 250_000;
    /// Both sides of a comparison, as SIDs with what belongs to them.
    const BYTES_A_MEMBER: u64 = 600;
    let lab = Lab::start_on(
        Directory::Embedded,
        &[
            "--m365-groups",
            "2",
            "--security-groups",
            "0",
            "--users",
            "250500",
            "--cloud-only-percent",
            "0",
            "--guest-percent",
            "0",
            "--memberships",
            "250010",
            "--largest-group",
            "250000",
        ],
    );
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    engine.enable(OU);
    drop(engine);
    let open = json!({"storeDirectory": store.path(), "connection": connection(&lab), "clientTimeoutSec": 60});
    let cycle = |policy: &str| {
        let config = json!({"open": open, "secrets": secrets(&lab), "policy": policy});
        lab.reset_counters();
        let begun = Instant::now();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_cycle", "--nocapture"])
            .env("GWB_CHILD_CONFIG", config.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|l| l.strip_prefix("cycle "));
        let said =
            line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        let said: serde_json::Value = serde_json::from_str(said).unwrap();
        let peak = said["peak"].as_u64().unwrap();
        eprintln!("{policy}: {:.1?}, {peak} kB", begun.elapsed());
        (peak, said["result"].clone(), lab.counters()["ldap"].clone())
    };
    let (first, result, _) = cycle("Initial");
    assert!(
        result["MembersAdded"].as_u64().unwrap() >= MEMBERS,
        "{result:#}"
    );
    let (idle, _, counters) = cycle("Delta");
    assert_eq!(counters["writes"], 0);
    let dump = lab.dump();
    let groups = dump["groups"].as_array().unwrap();
    let largest = groups
        .iter()
        .max_by_key(|g| g["members"].as_array().unwrap().len())
        .unwrap();
    assert_eq!(largest["members"].as_array().unwrap().len() as u64, MEMBERS);
    let member = largest["members"][MEMBERS as usize / 2]["id"].clone();
    for op in ["removeMembers", "addMembers"] {
        lab.change(json!([{"op": op, "id": largest["id"], "members": [member]}]));
        let (peak, _, counters) = cycle("Delta");
        let cost = ["writes", "memberValues", "memberReads"].map(|n| counters[n].as_u64().unwrap());
        assert_eq!(cost, [1, 1, 0], "{op}: {counters:#}");
        assert!(
            peak < idle + 16 * 1024,
            "{op}: {peak} kB, {idle} kB without a change"
        );
    }
    let (full, _, counters) = cycle("Initial");
    assert_eq!(counters["writes"], 0);
    for peak in [first, full] {
        let bound = idle + MEMBERS * BYTES_A_MEMBER / 1024;
        assert!(peak < bound, "{peak} kB of at most {bound} kB");
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
