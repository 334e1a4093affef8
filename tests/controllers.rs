//! One controller a run: the first that can be used; gone in the middle, the run fails and the next one takes another.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use serde_json::{Value, json};
use support::Lab;
use support::engine::{Engine, connection, secrets};
use support::fixture::{OU, assert_exact};
use support::relay::Relay;

/// Two ways to the lab's directory, as two controllers of a domain are.
struct Two {
    lab: Lab,
    first: Relay,
    second: Relay,
    store: tempfile::TempDir,
}

impl Two {
    fn start() -> Two {
        let lab = Lab::start(&["--seed", "21"]);
        let relay = |server: usize| Relay::to(lab.ready["servers"][server].as_str().unwrap());
        let [first, second] = [0, 1].map(relay);
        Two {
            lab,
            first,
            second,
            store: tempfile::tempdir().unwrap(),
        }
    }

    fn engine(&self) -> Engine {
        let mut connection = connection(&self.lab);
        connection["server"] = json!(format!(
            "localhost:{},localhost:{}",
            self.first.port, self.second.port
        ));
        let open = json!({"storeDirectory": self.store.path(), "connection": connection, "clientTimeoutSec": 20});
        Engine::open(&open, secrets(&self.lab)).unwrap()
    }

    #[track_caller]
    fn cycle_is_exact(&self, engine: &Engine, policy: &str) -> Value {
        let ended = engine.cycle(policy);
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        assert_eq!(ended.errors(), Vec::<&Value>::new());
        assert_exact(&self.lab);
        ended.value
    }
}

#[test]
fn the_second_is_used_while_the_first_is_down() {
    let two = Two::start();
    two.first.cut();
    let engine = two.engine();
    engine.connect();
    engine.enable(OU);
    let result = two.cycle_is_exact(&engine, "Initial");
    // Samba is one controller behind both doors.
    let name = match two.lab.text("directory") {
        "samba" => "dc1.contoso.test",
        _ => "dc2.contoso.test",
    };
    assert_eq!(result["Server"], name);
    assert_eq!(two.first.connections(), 0);
    assert!(two.second.connections() > 0);
    let runs = engine.query(json!({"op": "runResult"}));
    assert_eq!(runs.items("RunResult")[0]["Server"], name);
}

#[test]
fn gone_in_mid_run_the_run_fails_and_the_next_takes_the_other() {
    let two = Two::start();
    let engine = two.engine();
    engine.connect();
    engine.enable(OU);
    assert_eq!(two.second.connections(), 0);
    // Gone for good when the fourth group is being created.
    two.lab
        .fault(json!({"fault": "ldapDown", "server": 0, "operation": "add", "after": 3}));
    let ended = engine.cycle("Initial");
    // What was under way fails, and nothing of the run goes to another controller.
    let text = format!("{:?} {:?}", ended.error, ended.errors());
    assert!(text.contains("DirectoryUnavailable"), "{text}");
    assert_eq!(two.second.connections(), 0);

    // Still gone for the engine; `ldapsearch` may look.
    two.first.cut();
    two.lab.clear_faults();
    if two.lab.text("directory") == "samba" {
        // One database behind both doors: nothing can be missing.
        let result = two.cycle_is_exact(&engine, "Delta");
        assert_eq!(result["Result"], "Success");
    } else {
        // Only the first could tell what it wrote last (tests/replication.rs).
        let ended = engine.cycle("Delta");
        assert_eq!(ended.error_id(), "DirectoryReplicationPending");
        let removed = json!({"action": "cycle", "removedServer": "dc1.contoso.test"});
        assert!(engine.call("sync", removed).error.is_none());
        assert_exact(&two.lab);
    }
    assert!(two.second.connections() > 0);

    // Back again, the one in use is kept while it answers.
    two.first.mend();
    let (first, second) = (two.first.connections(), two.second.connections());
    two.lab
        .control("churn", Some(json!({"operations": 50, "seed": 1})));
    two.cycle_is_exact(&engine, "Delta");
    assert_eq!(two.first.connections(), first);
    assert!(two.second.connections() >= second);
}

#[test]
fn with_none_left_the_run_says_so_and_changes_nothing() {
    let two = Two::start();
    let engine = two.engine();
    engine.connect();
    engine.enable(OU);
    two.cycle_is_exact(&engine, "Initial");
    two.lab
        .control("churn", Some(json!({"operations": 50, "seed": 2})));
    two.first.cut();
    two.second.cut();
    let ended = engine.cycle("Delta");
    assert_eq!(
        ended.error_id(),
        "DirectoryUnavailable",
        "{:#?}",
        ended.error
    );
    let warned = format!("{:?}", ended.warnings());
    assert!(warned.contains("No domain controller of"), "{warned}");
    two.first.mend();
    two.cycle_is_exact(&engine, "Delta");
}
