//! Safety from the first day: one writer, one tenant, hidden members, cancelling, bad input, secrets. What breaks in
//! mid-run is in `faults.rs`, what is killed in `kills.rs`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Lab;
use support::engine::{Engine, connection, secrets};
use support::fixture::{OU, assert_exact, parts as enabled};
use support::ldap;

#[test]
fn a_hidden_membership_is_no_empty_one() {
    let (lab, store, engine) = enabled(&["--m365-groups", "60"]);
    assert!(engine.cycle("Initial").error.is_none());
    let dump = lab.dump();
    let hidden = dump["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| {
            g["visibility"] == "HiddenMembership" && !g["members"].as_array().unwrap().is_empty()
        })
        .expect("the lab has a group with hidden membership");
    drop(engine);
    let roles = [
        "GroupMember.Read.All",
        "User.Read.All",
        "Device.Read.All",
        "Group.Read.All",
    ];
    lab.control("permissions", Some(json!({ "roles": roles })));
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    let before = ldap::groups(&lab, OU);
    let ended = engine.cycle("Initial");
    assert!(ended.error.is_none(), "{:#?}", ended.error);
    let told = ended
        .errors()
        .iter()
        .any(|e| e["target"] == hidden["id"] && e["id"] == "SourceReadIncomplete");
    assert!(told, "{:#?}", ended.errors());
    assert_eq!(ldap::groups(&lab, OU), before);
}

#[test]
fn another_tenant_is_no_mass_deletion() {
    let (lab, store, engine) = enabled(&[
        "--m365-groups",
        "15",
        "--memberships",
        "150",
        "--largest-group",
        "40",
    ]);
    assert!(engine.cycle("Initial").error.is_none());
    drop(engine);
    let other = Lab::start(&["--seed", "7"]);
    let mut wrong = connection(&lab);
    for (name, from) in [
        ("loginEndpoint", "login"),
        ("graphEndpoint", "graph"),
        ("tenantId", "tenantId"),
        ("clientId", "clientId"),
    ] {
        wrong[name] = json!(other.text(from));
    }
    let mut keys = secrets(&lab);
    keys["clientSecret"] = json!(other.text("clientSecret"));
    let open = json!({"storeDirectory": store.path(), "connection": wrong});
    let engine = Engine::open(&open, keys).unwrap();
    engine.connect();
    let before = ldap::groups(&lab, OU);
    for policy in ["Initial", "Delta"] {
        assert_eq!(engine.cycle(policy).error_id(), "ConfigurationInvalid");
    }
    let enable = json!({"organizationalUnit": OU, "version": "V1", "takeOver": true});
    assert_eq!(
        engine.call("enable", enable).error_id(),
        "ConfigurationInvalid"
    );
    assert_eq!(ldap::groups(&lab, OU), before);
}

#[test]
fn only_one_writer() {
    let (lab, store, engine) = enabled(&[]);
    lab.fault(json!({"fault": "slow", "milliseconds": 400}));
    let running = engine
        .start("sync", &json!({"action": "cycle", "policyType": "Initial"}))
        .unwrap();
    let second = Engine::on(&lab, store.path());
    second.connect();
    let status = (0..50)
        .find_map(|_| {
            let status = second
                .query(json!({"op": "runStatus"}))
                .items("RunStatus")
                .first()
                .map(|s| (*s).clone());
            std::thread::sleep(Duration::from_millis(50));
            status
        })
        .expect("the run shows in the other session");
    assert_eq!(status["RunState"], "Busy");
    let refused = second.cycle("Delta");
    assert_eq!(refused.error_id(), "SyncCycleAlreadyRunning");
    assert!(
        refused.error.unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("is busy")
    );
    // Stopping works from the other session too, within a second or so, and the next cycle completes.
    second.query(json!({"op": "stopRun"})).ok();
    let ended = engine.drive(running, |_| ());
    assert_eq!(ended.error_id(), "OperationCancelled");
    lab.clear_faults();
    assert!(second.cycle("Delta").error.is_none());
    assert_exact(&lab);
}

#[test]
fn cancelling_ends_within_a_second() {
    let (lab, _store, engine) = enabled(&[]);
    lab.fault(json!({"fault": "slow", "milliseconds": 30000}));
    let running = engine
        .start("sync", &json!({"action": "cycle", "policyType": "Initial"}))
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    Engine::cancel(running);
    let ended = engine.drive(running, |_| ());
    assert_eq!(ended.error_id(), "OperationCancelled");
    // Bounded by far more than it takes: the answer would come after thirty seconds.
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn bad_input_has_its_own_clear_error_and_changes_nothing() {
    let lab = Lab::start(&["--ou", OU]);
    let good = connection(&lab);
    let with = |changes: Value| {
        let mut c = good.clone();
        c.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        c
    };
    let mut wrong_secret = secrets(&lab);
    wrong_secret["clientSecret"] = json!("not the secret");
    let mut expired = secrets(&lab);
    expired["clientSecret"] = json!(lab.text("expiredSecret"));
    let mut wrong_password = secrets(&lab);
    wrong_password["directoryPassword"] = json!("wrong");
    let missing_file =
        json!({"signIn": {"kind": "certificateFile", "path": "/nonexistent/app.pem"}});
    let no_certificate = json!({"signIn": {"kind": "certificateFile", "path": lab.text("caFile")}});
    let dead = "127.0.0.1:9";
    let cases: Vec<(&str, Value, Value, &str, &str)> = vec![
        (
            "wrong tenant",
            with(json!({"tenantId": "00000000-0000-0000-0000-000000000001"})),
            secrets(&lab),
            "GraphAuthenticationFailed",
            "tenant",
        ),
        (
            "unknown app",
            with(json!({"clientId": "00000000-0000-0000-0000-000000000002"})),
            secrets(&lab),
            "GraphAuthenticationFailed",
            "app",
        ),
        (
            "wrong secret",
            good.clone(),
            wrong_secret,
            "GraphAuthenticationFailed",
            "secret",
        ),
        (
            "expired secret",
            good.clone(),
            expired,
            "GraphAuthenticationFailed",
            "expired",
        ),
        (
            "no certificate file",
            with(missing_file),
            secrets(&lab),
            "GraphAuthenticationFailed",
            "/nonexistent/app.pem",
        ),
        (
            "a file without key",
            with(no_certificate),
            secrets(&lab),
            "GraphAuthenticationFailed",
            "key",
        ),
        (
            "cloud unreachable",
            with(
                json!({"loginEndpoint": format!("http://{dead}"), "graphEndpoint": format!("http://{dead}")}),
            ),
            secrets(&lab),
            "GraphUnavailable",
            dead,
        ),
        (
            "directory unreachable",
            with(json!({"server": dead})),
            secrets(&lab),
            "DirectoryUnavailable",
            "127.0.0.1",
        ),
        (
            "wrong password",
            good.clone(),
            wrong_password,
            "DirectoryAuthenticationFailed",
            "52e",
        ),
        (
            "unknown CA",
            with(json!({"certificateAuthorityPath": null})),
            secrets(&lab),
            "TlsVerificationFailed",
            "localhost",
        ),
    ];
    lab.reset_counters();
    for (name, connection, secrets, id, hint) in cases {
        let store = tempfile::tempdir().unwrap();
        let folder = store.path().join("none");
        let open =
            json!({"storeDirectory": folder, "connection": connection, "clientTimeoutSec": 5});
        let engine = Engine::open(&open, secrets).unwrap_or_else(|e| panic!("{name}: {e:#}"));
        let begun = Instant::now();
        let ended = engine.query(json!({"op": "connect"}));
        assert_eq!(ended.error_id(), id, "{name}: {:#?}", ended.error);
        let error = ended.error.unwrap();
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .to_lowercase()
                .contains(&hint.to_lowercase()),
            "{name}: {error:#}"
        );
        assert!(
            !error["recommendedAction"].as_str().unwrap().is_empty(),
            "{name}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{name} took {:?}",
            begun.elapsed()
        );
        assert!(!folder.exists(), "{name} left a store");
    }
    assert_eq!(lab.counters()["ldap"]["writes"], 0);

    // Malformed configuration: all faults at once, nothing opened.
    let error = Engine::open(
        &json!({"connection": {"environment": "Moon", "tenantId": 5, "colour": "red"}}),
        json!({}),
    )
    .err()
    .unwrap();
    for word in ["environment", "tenantId", "colour"] {
        assert!(
            error["message"].as_str().unwrap().contains(word),
            "{error:#}"
        );
    }

    // Enable: every failed check is named at once, and nothing is changed.
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    for (ou, id) in [
        ("OU=Nowhere,DC=contoso,DC=test", "ContainerNotFound"),
        ("not a DN", "ConfigurationInvalid"),
    ] {
        let ended = engine.call("enable", json!({"organizationalUnit": ou, "version": "V1"}));
        assert_eq!(ended.error_id(), id, "{:#?}", ended.error);
    }
    let mut readonly = secrets(&lab);
    readonly["directoryPassword"] = json!(lab.text("readOnlyPassword"));
    let open = json!({"storeDirectory": store.path(), "connection": with(json!({"userName": lab.text("readOnlyUser")}))});
    let engine = Engine::open(&open, readonly).unwrap();
    engine.connect();
    lab.control(
        "permissions",
        Some(json!({"roles": ["GroupMember.Read.All"]})),
    );
    let ended = engine.call("enable", json!({"organizationalUnit": OU, "version": "V1"}));
    assert_eq!(
        ended.error_id(),
        "DirectoryAccessDenied",
        "{:#?}",
        ended.error
    );
    assert_eq!(lab.counters()["ldap"]["writes"], 0);
    assert_eq!(
        engine.query(json!({"op": "feature"})).ok()["Enabled"],
        false
    );
}

#[test]
fn a_clock_that_is_off_is_named() {
    let lab = Lab::start(&[]);
    lab.control("clock", Some(json!({"advanceSeconds": 3600})));
    let mut connection = connection(&lab);
    connection["signIn"] = json!({"kind": "certificateFile", "path": lab.text("certificatePem")});
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::open(
        &json!({"storeDirectory": store.path(), "connection": connection}),
        secrets(&lab),
    )
    .unwrap();
    let ended = engine.query(json!({"op": "connect"}));
    assert_eq!(ended.error_id(), "GraphAuthenticationFailed");
    let message = ended.error.unwrap()["message"]
        .as_str()
        .unwrap()
        .to_lowercase();
    assert!(
        message.contains("clock") || message.contains("time"),
        "{message}"
    );
}
