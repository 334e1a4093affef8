//! Failover before replication: what one controller has and the next one lacks would be created a second time, so the run
//! is refused until it is there, or until an administrator says that the first controller is gone for good.
//!
//! On the embedded directory only: its second controller can be held back.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use serde_json::{Value, json};
use support::engine::{Ended, Engine, connection, secrets};
use support::fixture::{OU, assert_exact};
use support::relay::Relay;
use support::{Directory, Lab};

/// Two controllers by wires that can be cut.
struct Two {
    lab: Lab,
    first: Relay,
    second: Relay,
    store: tempfile::TempDir,
}

impl Two {
    fn start() -> Two {
        let lab = Lab::start_on(Directory::Embedded, &["--seed", "23"]);
        let relay = |server: usize| Relay::to(lab.ready["servers"][server].as_str().unwrap());
        let [first, second] = [0, 1].map(relay);
        Two {
            lab,
            first,
            second,
            store: tempfile::tempdir().unwrap(),
        }
    }

    /// A process of its own: enabled, before anything was written.
    fn enabled(&self) -> Engine {
        let engine = self.engine();
        engine.enable(OU);
        engine
    }

    fn engine(&self) -> Engine {
        let mut connection = connection(&self.lab);
        connection["server"] = json!(format!(
            "localhost:{},localhost:{}",
            self.first.port, self.second.port
        ));
        let open = json!({"storeDirectory": self.store.path(), "connection": connection, "clientTimeoutSec": 20});
        let engine = Engine::open(&open, secrets(&self.lab)).unwrap();
        engine.connect();
        engine
    }

    fn hold(&self, on: bool) {
        self.lab
            .administer(json!({"op": "holdReplication", "on": on}));
    }

    fn churn(&self, seed: u32) {
        let wanted = json!({"operations": 60, "seed": seed});
        self.lab.control("churn", Some(wanted));
    }

    fn writes(&self) -> Value {
        self.lab.control("counters", None)["ldap"]["writes"].clone()
    }

    /// Ends without any error; AD is exact, without a second group for any.
    #[track_caller]
    fn exact(&self, ended: Ended) -> Value {
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        assert_eq!(ended.errors(), Vec::<&Value>::new());
        assert_exact(&self.lab);
        ended.value
    }

    /// Refused before anything was written or planned.
    #[track_caller]
    fn refused(&self, engine: &Engine, words: &str) {
        let before = self.writes();
        for request in [
            json!({"action": "cycle", "policyType": "Delta"}),
            json!({"action": "cycle", "policyType": "Initial"}),
            json!({"action": "cycle", "whatIf": true}),
            json!({"action": "cycle", "removedServer": "dc3.contoso.test"}),
        ] {
            let ended = engine.call("sync", request);
            assert_eq!(ended.error_id(), "DirectoryReplicationPending");
            let error = ended.error.unwrap();
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("dc2.contoso.test"), "{message}");
            assert!(message.contains("dc1.contoso.test"), "{message}");
            assert!(message.contains(words), "{message}");
            let action = error["recommendedAction"].as_str().unwrap();
            assert!(
                action.contains("-RemovedServer dc1.contoso.test"),
                "{action}"
            );
        }
        assert_eq!(self.writes(), before);
        let runs = engine.query(json!({"op": "runResult", "numberRequested": 1}));
        assert_eq!(runs.items("RunResult")[0]["Result"], "Failed");
    }

    fn removed(engine: &Engine) -> Ended {
        let request = json!({"action": "cycle", "removedServer": "DC1.contoso.test"});
        engine.call("sync", request)
    }
}

#[test]
fn refused_while_behind_then_exact_without_duplicates() {
    let two = Two::start();
    let engine = two.enabled();
    two.hold(true);
    two.exact(engine.cycle("Initial"));
    two.first.cut();
    two.refused(&engine, "lacks");
    // Another process is refused just the same.
    two.refused(&two.engine(), "lacks");
    two.hold(false);
    two.churn(1);
    let result = two.exact(engine.cycle("Delta"));
    assert_eq!(result["Server"], "dc2.contoso.test");
    assert_eq!(result["PolicyType"], "Delta");

    // The other way round: now the first is behind.
    two.first.mend();
    two.second.cut();
    two.churn(2);
    let result = two.exact(engine.cycle("Delta"));
    assert_eq!(result["Server"], "dc1.contoso.test");
}

#[test]
fn the_former_controller_is_gone_back_to_when_it_answers() {
    let two = Two::start();
    let engine = two.enabled();
    two.hold(true);
    two.exact(engine.cycle("Initial"));
    two.first.cut();
    two.refused(&engine, "lacks");
    two.first.mend();
    two.churn(3);
    // The session has the second at hand, which still answers.
    let ended = engine.cycle("Delta");
    let said = format!("{:?}", ended.events);
    assert!(said.contains("this run uses dc1.contoso.test"), "{said}");
    let result = two.exact(ended);
    assert_eq!(result["Server"], "dc1.contoso.test");
}

#[test]
fn after_a_run_that_broke_off_only_that_controller_knows() {
    let two = Two::start();
    let engine = two.enabled();
    let fault = json!({"fault": "ldapDown", "server": 0, "operation": "add", "after": 3});
    two.lab.fault(fault);
    let ended = engine.cycle("Initial");
    assert!(ended.error.is_some());
    two.first.cut();
    two.lab.clear_faults();
    // Replication is not held, and still: nobody but the first can tell what its last write was.
    two.refused(&engine, "broke off");
    two.first.mend();
    let result = two.exact(engine.cycle("Delta"));
    assert_eq!(result["Server"], "dc1.contoso.test");
    // That run has told the USN: from now on the second's cursor decides.
    two.first.cut();
    two.churn(4);
    let result = two.exact(engine.cycle("Delta"));
    assert_eq!(result["Server"], "dc2.contoso.test");
}

#[test]
fn one_that_is_gone_for_good_is_named_and_everything_is_compared() {
    let two = Two::start();
    let engine = two.enabled();
    two.exact(engine.cycle("Initial"));
    two.hold(true);
    two.churn(5);
    two.exact(engine.cycle("Delta"));
    two.first.cut();
    two.refused(&engine, "lacks");
    let shown = engine.call(
        "sync",
        json!({"action": "cycle", "removedServer": "dc1.contoso.test", "whatIf": true}),
    );
    assert!(shown.error.is_none(), "{:#?}", shown.error);
    two.refused(&engine, "lacks");

    let ended = Two::removed(&engine);
    assert!(ended.error.is_none(), "{:#?}", ended.error);
    assert_eq!(ended.value["PolicyType"], "Initial");
    assert_eq!(ended.value["Server"], "dc2.contoso.test");
    let warned = format!("{:?}", ended.warnings());
    assert!(warned.contains("named as removed"), "{warned}");

    // The first is set up anew: another database, the second's data.
    two.lab.administer(json!({"op": "rebuildServer"}));
    assert_exact(&two.lab);
    two.first.mend();
    two.second.cut();
    two.churn(6);
    let result = two.exact(engine.cycle("Delta"));
    assert_eq!(result["Server"], "dc1.contoso.test");
}

#[test]
fn restored_from_a_backup_a_controller_is_another_one() {
    let two = Two::start();
    let engine = two.enabled();
    two.hold(true);
    two.exact(engine.cycle("Initial"));
    // What the second never got is lost with the first's old database.
    two.lab.administer(json!({"op": "rebuildServer"}));
    two.first.cut();
    two.first.mend();
    let ended = engine.cycle("Delta");
    assert_eq!(ended.error_id(), "DirectoryReplicationPending");
    let message = ended.error.unwrap()["message"].to_string();
    assert!(message.contains("received nothing"), "{message}");
    let result = two.exact(Two::removed(&engine));
    assert_eq!(result["PolicyType"], "Initial");
    two.churn(7);
    two.exact(engine.cycle("Delta"));
}
