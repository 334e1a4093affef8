//! The kill harness: rounds of change, run, kill, next run, and what is looked at after each.

mod point;
mod victim;
mod view;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Lab;
use crate::support::engine::{Engine, connection, secrets};
use crate::support::fixture::{OU, assert_exact};
use point::{Dice, Point};
use victim::Victim;
use view::View;

pub use victim::child;

const WORLD: &[&str] = &[
    "--users",
    "200",
    "--m365-groups",
    "40",
    "--security-groups",
    "8",
    "--synced-groups",
    "3",
    "--devices",
    "8",
    "--memberships",
    "900",
    "--largest-group",
    "90",
    "--page-size",
    "40",
];

/// What the killed process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Cycle,
    Enable,
    Disable,
}

/// How many kills are wanted in all.
pub fn wanted(usual: u64) -> u64 {
    number("GROUPWRITEBACK_KILLS").unwrap_or(usual)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// Where everything happens.
struct Scene {
    lab: Lab,
    folder: tempfile::TempDir,
    engine: Option<Engine>,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            lab: Lab::start(WORLD),
            folder: tempfile::tempdir().unwrap(),
            engine: None,
        }
    }

    fn open(&self) -> Value {
        json!({"storeDirectory": self.folder.path(), "connection": connection(&self.lab)})
    }

    fn engine(&mut self) -> &Engine {
        if self.engine.is_none() {
            let engine = Engine::open(&self.open(), secrets(&self.lab)).unwrap();
            engine.connect();
            self.engine = Some(engine);
        }
        self.engine.as_ref().unwrap()
    }

    fn enable(&mut self) {
        let enable = json!({
            "organizationalUnit": OU, "version": "V1", "createContainer": true, "takeOver": true
        });
        let engine = self.engine();
        engine.call("enable", enable).ok();
        engine
            .query(json!({"op": "setThreshold", "enabled": false}))
            .ok();
        // Small batches, so that a group's members come in several writes.
        let changes = json!({"batchSize": 20});
        engine
            .query(json!({"op": "setConfiguration", "changes": changes}))
            .ok();
    }

    /// The tenant's switch.
    fn switch(&mut self) -> Value {
        let feature = self.engine().query(json!({"op": "feature"})).ok();
        feature["UnifiedGroupWriteback"].clone()
    }

    /// A run that is to go well.
    fn cycle(&mut self, policy: &str, when: &str) {
        let ended = self.engine().cycle(policy);
        assert!(ended.error.is_none(), "{when}: {:#?}", ended.error);
        assert_eq!(ended.errors(), Vec::<&Value>::new(), "{when}");
    }

    /// Nothing is left to do: a third run writes nothing.
    fn assert_settled(&mut self, when: &str) {
        self.lab.reset_counters();
        self.cycle("Delta", when);
        let writes = self.lab.counters()["ldap"]["writes"].clone();
        assert_eq!(writes, 0, "{when}: an idle cycle writes");
    }
}

/// Kills so often, and prints where.
pub fn campaign(kind: Kind, kills: u64) {
    let seed = number("GROUPWRITEBACK_KILL_SEED").unwrap_or_else(rand);
    eprintln!("{kind:?}: {kills} kills, GROUPWRITEBACK_KILL_SEED={seed}");
    let mut where_killed: BTreeMap<String, u64> = BTreeMap::new();
    let mut scene = Scene::new();
    let mut killed = 0;
    let mut round = 0;
    // A process that ends before its point comes was not killed, and doesn't count; the bound is for a broken harness.
    while killed < kills {
        assert!(round < kills * 3 + 20, "hardly any process is killed");
        let mut dice = Dice::new(seed, kind as u64, round);
        let place = match kind {
            Kind::Cycle => cycle_round(&mut scene, round, &mut dice),
            Kind::Enable => enable_round(&mut dice),
            Kind::Disable => disable_round(&mut scene, round, &mut dice),
        };
        killed += u64::from(place != victim::ENDED);
        *where_killed.entry(place).or_default() += 1;
        round += 1;
    }
    eprintln!("{kind:?}, seed {seed}: {where_killed:#?}");
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() % 1_000_000
}

fn cycle_round(scene: &mut Scene, round: u64, dice: &mut Dice) -> String {
    if round == 0 {
        scene.enable();
    }
    let when = format!("round {round}");
    let operations = 20 + dice.below(120);
    let churn = json!({"operations": operations, "seed": dice.next()});
    scene.lab.control("churn", Some(churn));
    // Every fourth cycle is a full one, killed in places of its own; so is the first.
    let policy = if round % 4 == 3 { "Initial" } else { "Delta" };
    let point = Point::draw(dice, Kind::Cycle);
    let request = json!({"action": "cycle", "policyType": policy});
    let place =
        Victim::start(&scene.open(), &scene.lab, "sync", &request).kill_at(&scene.lab, &point);

    eprintln!("{when}: {policy} killed in {place} by {point:?}");

    // What is as it should be before the next run must not be touched by it.
    let before = View::of(&scene.lab);
    let finished = before.finished(&scene.lab);
    scene.lab.reset_counters();
    scene.cycle("Delta", &when);
    assert_exact(&scene.lab);
    let after = View::of(&scene.lab);
    before.assert_untouched(
        &finished,
        &after,
        &format!("{when}, killed at {place} by {point:?}"),
    );
    scene.assert_settled(&when);
    place
}

/// Enable of a fresh tenant and store is killed, then done again.
fn enable_round(dice: &mut Dice) -> String {
    let mut scene = Scene::new();
    let point = Point::draw(dice, Kind::Enable);
    let request = json!({"organizationalUnit": OU, "version": "V1", "createContainer": true});
    let place =
        Victim::start(&scene.open(), &scene.lab, "enable", &request).kill_at(&scene.lab, &point);
    scene.enable();
    scene.cycle("Unspecified", "after a killed Enable");
    assert_exact(&scene.lab);
    scene.assert_settled("after a killed Enable");
    place
}

/// Enable is killed in each of its parts: it can be done again, and undone.
pub fn enable_part_by_part() {
    for point in Point::parts_of_enable() {
        let mut scene = Scene::new();
        let request = json!({"organizationalUnit": OU, "version": "V1", "createContainer": true});
        let place = Victim::start(&scene.open(), &scene.lab, "enable", &request)
            .kill_at(&scene.lab, &point);
        let when = format!("Enable killed by {point:?}");
        assert_ne!(place, victim::ENDED, "{when}");
        scene.enable();
        assert_eq!(scene.switch(), true, "{when}");
        scene.cycle("Unspecified", &when);
        assert_exact(&scene.lab);
        scene.assert_settled(&when);
        let disable = json!({"groupAction": "Delete"});
        scene.engine().call("disable", disable).ok();
        assert_eq!(View::of(&scene.lab).count(), 0, "{when}: groups are left");
        assert_eq!(
            scene.switch(),
            false,
            "{when}: set by Enable, so taken back"
        );
    }
}

/// Disable with the groups' removal is killed, then done again: no group is left. Then everything is written anew.
fn disable_round(scene: &mut Scene, round: u64, dice: &mut Dice) -> String {
    if round == 0 {
        scene.enable();
        scene.cycle("Initial", "first");
    }
    let when = format!("round {round}");
    let point = Point::draw(dice, Kind::Disable);
    let request = json!({"groupAction": "Delete"});
    let place =
        Victim::start(&scene.open(), &scene.lab, "disable", &request).kill_at(&scene.lab, &point);
    let again = scene.engine().call("disable", request);
    let done = again.error.is_none() || again.error_id() == "FeatureNotEnabled";
    assert!(done, "{when}, killed at {place}: {:#?}", again.error);
    assert_eq!(View::of(&scene.lab).count(), 0, "{when}: groups are left");
    scene.enable();
    scene.cycle("Initial", &when);
    assert_exact(&scene.lab);
    scene.assert_settled(&when);
    place
}
