//! A lab with a connected engine whose writeback is on: where most tests begin.

use super::Lab;
use super::engine::Engine;
use super::expected::{differences, frozen};

/// Container of the written groups.
pub const OU: &str = "OU=Cloud Groups,DC=contoso,DC=test";

pub struct Fixture {
    pub engine: Engine,
    pub lab: Lab,
    store: tempfile::TempDir,
}

/// A lab, a store folder and an enabled, connected engine; nothing written yet.
pub fn parts(options: &[&str]) -> (Lab, tempfile::TempDir, Engine) {
    let lab = Lab::start(options);
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    engine.enable(OU);
    (lab, store, engine)
}

/// The same as one thing, for tests that never look at its parts.
pub fn enabled(options: &[&str]) -> Fixture {
    let (lab, store, engine) = parts(options);
    Fixture { engine, lab, store }
}

/// AD is what the tenant's truth says, member for member.
pub fn assert_exact(lab: &Lab) {
    let differences = differences(lab, OU, &frozen(&lab.dump()));
    assert!(
        differences.is_empty(),
        "{} differences: {:#?}",
        differences.len(),
        &differences[..differences.len().min(8)]
    );
}

impl Fixture {
    /// Where the engine keeps its state: another session on it is another process's.
    pub fn store(&self) -> &std::path::Path {
        self.store.path()
    }

    /// Runs a cycle that must end without any error, and compares AD with the truth.
    pub fn cycle_is_exact(&self, policy: &str) -> serde_json::Value {
        let ended = self.engine.cycle(policy);
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        assert_eq!(ended.errors(), Vec::<&serde_json::Value>::new());
        assert_exact(&self.lab);
        ended.value
    }

    pub fn first_m365(&self) -> serde_json::Value {
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
