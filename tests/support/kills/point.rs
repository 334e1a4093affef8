//! When a process is killed: a point that a seed draws and that can be drawn again.

use serde_json::{Value, json};

use super::Kind;

/// Random numbers of one round (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64, kind: u64, round: u64) -> Dice {
        Dice(seed ^ (kind << 56) ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 16
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

/// When.
#[derive(Clone, Debug)]
pub enum Point {
    /// So many microseconds after the process said that its run begins: anywhere, the store's commits among it.
    Time(u64),
    /// When the process has told so many steps of its progress.
    Step(u64),
    /// When these faults hold it up: at a request that the service has not done, or has done and not answered.
    Held(Vec<Value>),
}

/// For longer than any process lives.
const FOR_EVER: u64 = 3_600_000;

impl Point {
    pub fn draw(dice: &mut Dice, kind: Kind) -> Point {
        match (dice.below(10), kind) {
            (0..3, _) => Point::Time(dice.below(250_000)),
            (3, Kind::Cycle | Kind::Disable) => Point::Step(dice.below(8)),
            (3..6, Kind::Cycle | Kind::Enable) => {
                let after = dice.below(if kind == Kind::Cycle { 12 } else { 6 });
                Point::Held(vec![
                    json!({"fault": "slow", "milliseconds": FOR_EVER, "after": after, "times": 1}),
                ])
            }
            (6, _) => Point::before("search", dice.below(8)),
            (7 | 8, Kind::Cycle) => {
                Point::write(dice, &["modify", "modify", "add", "delete"], 24, 2)
            }
            (_, Kind::Cycle) => Point::write(dice, &["modify"], 60, 2),
            (_, Kind::Enable) => Point::write(dice, &["add"], 1, 1),
            (_, Kind::Disable) => Point::write(dice, &["delete"], 40, 2),
        }
    }

    /// Behind each thing that Enable does: the container (made, and not answered), the configuration in the store (the
    /// switch is read next), the note that the switch is ours, the switch, everything.
    pub fn parts_of_enable() -> Vec<Point> {
        let held = |path: &str, after: u64| json!({"fault": "slow", "milliseconds": FOR_EVER, "path": path, "after": after, "times": 1});
        let switch = "onPremisesSynchronization";
        vec![
            Point::answer_lost("add", 0, 1),
            Point::Held(vec![held(switch, 0)]),
            Point::Held(vec![held(switch, 1)]),
            Point::Held(vec![held(switch, 2)]),
            Point::Held(vec![held("ettings", 0)]),
        ]
    }

    /// Before a write is done, or when it is done and the process doesn't know.
    fn write(dice: &mut Dice, operations: &[&str], most: u64, binds: u64) -> Point {
        let operation = operations[dice.below(operations.len() as u64) as usize];
        let rare = matches!(operation, "add" | "delete") && operations.len() > 2;
        let after = dice.below(if rare { 4 } else { most });
        if dice.below(2) == 0 {
            return Point::before(operation, after);
        }
        Point::answer_lost(operation, after, binds)
    }

    /// `binds`: how often the process signs in before it does so to repeat its request.
    fn answer_lost(operation: &str, after: u64, binds: u64) -> Point {
        Point::Held(vec![
            json!({"fault": "ldapDrop", "operation": operation, "applied": true, "after": after, "times": 1}),
            json!({"fault": "ldapSlow", "operation": "bind", "milliseconds": FOR_EVER, "after": binds}),
        ])
    }

    fn before(operation: &str, after: u64) -> Point {
        Point::Held(vec![
            json!({"fault": "ldapSlow", "operation": operation, "milliseconds": FOR_EVER, "after": after, "times": 1}),
        ])
    }
}
