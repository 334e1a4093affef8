//! How a row of the fault matrix is played, and what is looked at.

mod changes;
mod compare;
mod disk;
mod proxy;
mod stage;
mod told;

use serde_json::{Value, json};

use crate::support::engine::Ended;
use crate::support::on_samba;
use compare::View;
use stage::Stage;

/// Which kind of cycle.
#[derive(Clone, Copy)]
pub struct Cycle(&'static str);

impl Cycle {
    pub const fn initial() -> Cycle {
        Cycle("Initial")
    }
    pub const fn delta() -> Cycle {
        Cycle("Delta")
    }
}

/// How the faulty cycle ends. Every id that is told is one of those named.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    /// Without any error.
    Clean,
    /// The run ends with one of these.
    Fails(&'static [&'static str]),
    /// The run goes on, single groups fail.
    Groups(&'static [&'static str]),
    /// Single groups may fail: which request is hit is chance.
    Maybe(&'static [&'static str]),
    /// The run or single groups fail.
    Either(&'static [&'static str]),
}

/// What AD looks like after the faulty cycle.
#[derive(Clone, Copy, Debug)]
pub enum Ad {
    /// As before.
    Untouched,
    /// As it should be.
    Exact,
    /// As it should be, but for the groups of which an error was told; those have moved towards it or not at all.
    ExactButFailed,
    /// Nothing was done that should not be done.
    Towards,
}

/// One row.
pub struct Row {
    pub name: &'static str,
    pub cycle: Cycle,
    pub ends: Ends,
    pub ad: Ad,
    /// Of the lab (`fault`), of its clock or rights (`clock`, `roles`), of the store (`store`), or that the service
    /// goes away (`stop`); `at` and `path`: when that request comes.
    pub faults: Vec<Value>,
    /// The cycle that makes AD exact afterwards.
    pub next: Cycle,
    /// Options of the lab.
    pub options: &'static [&'static str],
    /// The caller's timeout in seconds.
    pub timeout: u64,
    /// A word of the message.
    pub says: &'static str,
    /// What the tenant is like: `modifyDn` (groups are named by display name), `largeGroup`, or as usual.
    pub base: &'static str,
    /// Why it is played on the embedded directory only; nothing if on Samba too.
    pub embedded: Option<&'static str>,
    /// The first of two controllers stays away, and the cycle that makes AD exact runs on the second.
    pub failover: bool,
}

impl Row {
    pub fn new(name: &'static str, cycle: Cycle, ends: Ends, ad: Ad, faults: Vec<Value>) -> Row {
        Row {
            // Without the crate: as the test runner says it.
            name: name.split_once("::").map_or(name, |(_, rest)| rest),
            cycle,
            ends,
            ad,
            faults,
            next: Cycle::delta(),
            options: &[],
            timeout: 8,
            says: "",
            base: "",
            embedded: None,
            failover: false,
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.faults.iter().any(|f| f.get(kind).is_some())
    }

    fn store_fault(&self) -> Option<&str> {
        self.faults.iter().find_map(|f| f["store"].as_str())
    }

    /// The same for a row whenever it is played.
    fn seed(&self) -> u64 {
        let hash = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        self.name.bytes().fold(0xcbf2_9ce4_8422_2325, hash) >> 16
    }
}

/// Plays a row.
pub fn play(row: &Row) {
    if let Some(why) = row.embedded
        && on_samba()
    {
        eprintln!("{}: on the embedded directory only: {why}", row.name);
        return;
    }
    let own_disk = matches!(row.store_fault(), Some("full" | "readOnly"));
    if own_disk && disk::elsewhere(row) {
        return;
    }
    let mut stage = Stage::set(row, own_disk);
    let start = View::of(&stage.lab);
    changes::change_everything(&stage.lab, row.seed());
    let before = View::of(&stage.lab);
    stage.lab.reset_counters();

    let ended = stage.faulty_cycle(row);
    let failed = told::check(row, &ended);
    stage.assert_it_struck(row);
    // The faults would strike those who look as well.
    stage.lab.clear_faults();
    let during = View::of(&stage.lab);
    compare::check(row, &stage, &before, &during, &failed);
    let counters = stage.lab.counters();
    assert_eq!(
        counters["graph"]["retriesBeforeRetryAfter"], 0,
        "{counters:#}"
    );

    stage.heal();
    let ended = if row.failover {
        stage.take_over(row.next)
    } else {
        stage.cycle(row.next)
    };
    assert!(ended.error.is_none(), "clean: {:#?}", ended.error);
    assert_eq!(ended.errors(), Vec::<&Value>::new(), "the clean cycle");
    compare::assert_exact(row, &stage);
    if !row.faults.iter().any(breaks_writes) {
        let after = View::of(&stage.lab);
        compare::assert_written_once(row, &stage, [&start, &before, &during, &after]);
    }
    stage.lab.reset_counters();
    let ended = stage.cycle(Cycle::delta());
    assert!(ended.error.is_none(), "idle: {:#?}", ended.error);
    let counters = stage.lab.counters();
    assert_eq!(counters["ldap"]["writes"], 0, "an idle cycle writes");
}

/// Whether writes may have to be repeated: answers to them get lost, or the whole is written again.
fn breaks_writes(fault: &Value) -> bool {
    let kind = fault["fault"].as_str().unwrap_or_default();
    // A member that is refused on its own is looked up anew, and, found, written into all its groups once more.
    let refuses_members = matches!(fault["code"].as_u64(), Some(53 | 80))
        && fault["operation"] == "modify"
        && fault.get("times").is_none();
    refuses_members
        || matches!(kind, "ldapDrop" | "ldapSlow" | "ldapDown")
        || fault["store"] == json!("lost")
        || fault["store"] == json!("gone")
}

/// The id of what ended the run.
fn final_id(ended: &Ended) -> Option<&str> {
    ended.error.as_ref().map(|e| e["id"].as_str().unwrap())
}
