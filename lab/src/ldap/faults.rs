//! Faults on order.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::counters::Kind;
use super::front::CONTROLLERS;
use super::message::Answer;

/// What a broken range ends with when nothing else is asked for.
const UNAVAILABLE: u64 = 52;

#[derive(Debug, Clone, PartialEq)]
enum Effect {
    Result(Answer),
    Drop(Closing),
    Down,
    Slow(Duration),
    BrokenRange(Answer),
    CutSearch(usize),
}

#[derive(Debug, Clone)]
struct Fault {
    effect: Effect,
    operation: Option<Kind>,
    server: Option<usize>,
    times: Option<u64>,
    every: u64,
    after: u64,
    seen: u64,
    struck: u64,
}

/// When a connection is closed instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Before the work is done.
    Before,
    /// After the work was done.
    After,
    /// After the work was done and half of the answer was sent.
    Amid,
}

/// A controller that goes away at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// Which one; all of them when none is named.
    pub server: Option<usize>,
}

/// What faults do to one request.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Disturbance {
    /// Wait first.
    pub delay: Option<Duration>,
    /// Answer this instead of doing the work.
    pub answer: Option<Answer>,
    /// Close the connection.
    pub close: Option<Closing>,
    /// The controller goes away, the work isn't done.
    pub down: bool,
    /// End the search after this many entries.
    pub cut: Option<usize>,
}

/// The faults that are set.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault described as in `docs/lab.md`. One that strikes without a request is given back.
    pub fn add(&self, spec: &Value) -> Result<Option<Down>, String> {
        let number = |name: &str| spec.get(name).and_then(Value::as_u64);
        let text = |name: &str| spec.get(name).and_then(Value::as_str);
        let operation = text("operation").map(|name| {
            let named = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            named.ok_or_else(|| format!("{name} is not an operation"))
        });
        let operation = operation.transpose()?;
        let server = match number("server").map(usize::try_from) {
            None => None,
            Some(Ok(index)) if index < CONTROLLERS => Some(index),
            Some(_) => return Err("'server' is 0 or 1".to_owned()),
        };
        let effect = effect(spec)?;
        let on_request = ["operation", "after", "every"]
            .iter()
            .any(|name| spec.get(name).is_some());
        if effect == Effect::Down && !on_request {
            return Ok(Some(Down { server }));
        }
        self.list().push(Fault {
            effect,
            operation,
            server,
            times: number("times"),
            every: number("every").unwrap_or(1).max(1),
            after: number("after").unwrap_or(0),
            seen: 0,
            struck: 0,
        });
        Ok(None)
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.list().clear();
    }

    /// How often each fault that waits for requests has struck, in the order they were set.
    pub fn hits(&self) -> Vec<u64> {
        self.list().iter().map(|fault| fault.struck).collect()
    }

    /// What the faults do to a request; `later_slice` marks a ranged read after its first slice.
    pub fn strike(&self, server: usize, kind: Kind, later_slice: bool) -> Disturbance {
        let mut disturbance = Disturbance::default();
        for fault in self.list().iter_mut() {
            let concerned = fault.operation.is_none_or(|operation| operation == kind)
                && fault.server.is_none_or(|one| one == server)
                && match &fault.effect {
                    Effect::BrokenRange(_) => kind == Kind::Search && later_slice,
                    Effect::CutSearch(_) => kind == Kind::Search,
                    _ => true,
                };
            if !concerned || !fault.hits() {
                continue;
            }
            match &fault.effect {
                Effect::Result(answer) | Effect::BrokenRange(answer) => {
                    disturbance.answer = Some(answer.clone());
                }
                Effect::Drop(closing) => disturbance.close = Some(*closing),
                Effect::Down => {
                    disturbance.close = Some(Closing::Before);
                    disturbance.down = true;
                }
                Effect::Slow(delay) => disturbance.delay = Some(*delay),
                Effect::CutSearch(count) => disturbance.cut = Some(*count),
            }
        }
        disturbance
    }
}

fn effect(spec: &Value) -> Result<Effect, String> {
    let number = |name: &str| spec.get(name).and_then(Value::as_u64);
    let text = |name: &str| spec.get(name).and_then(Value::as_str);
    let set = |name: &str| spec.get(name).and_then(Value::as_bool).unwrap_or(false);
    let answer = |code: u64| Answer {
        code: code as u32,
        matched: String::new(),
        message: text("message")
            .unwrap_or("a fault that the lab was told to make")
            .to_owned(),
    };
    Ok(match text("fault").or_else(|| text("kind")) {
        Some("ldapResult") => {
            Effect::Result(answer(number("code").ok_or("ldapResult needs a code")?))
        }
        Some("ldapDrop") => Effect::Drop(match (set("partial"), set("applied")) {
            (true, _) => Closing::Amid,
            (false, true) => Closing::After,
            (false, false) => Closing::Before,
        }),
        Some("ldapDown") => Effect::Down,
        Some("ldapSlow") => Effect::Slow(Duration::from_millis(
            number("milliseconds").ok_or("ldapSlow needs milliseconds")?,
        )),
        Some("ldapBrokenRange") => {
            Effect::BrokenRange(answer(number("code").unwrap_or(UNAVAILABLE)))
        }
        Some("ldapCutSearch") => {
            Effect::CutSearch(number("entries").map_or(1, |count| count as usize))
        }
        other => {
            let name = other.unwrap_or("?");
            return Err(format!("{name} is not a fault of the directory"));
        }
    })
}

impl Fault {
    /// Counts a matching request and says whether it is hit.
    fn hits(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.after || !(self.seen - self.after).is_multiple_of(self.every) {
            return false;
        }
        if self.times.is_some_and(|times| self.struck >= times) {
            return false;
        }
        self.struck += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_every_and_after_are_obeyed() {
        let faults = Faults::default();
        let spec = json!({"fault": "ldapResult", "code": 51, "operation": "modify",
            "after": 1, "every": 2, "times": 2});
        faults.add(&spec).expect("a fault");
        let hits: Vec<bool> = (0..8)
            .map(|_| faults.strike(0, Kind::Modify, false).answer.is_some())
            .collect();
        assert_eq!(hits, [false, false, true, false, true, false, false, false]);
        assert_eq!(faults.hits(), [2]);
        assert_eq!(faults.strike(0, Kind::Add, false), Disturbance::default());
        faults.clear();
        assert_eq!(
            faults.strike(0, Kind::Modify, false),
            Disturbance::default()
        );
    }

    #[test]
    fn a_broken_range_hits_later_slices_only() {
        let faults = Faults::default();
        faults
            .add(&json!({"fault": "ldapBrokenRange"}))
            .expect("a fault");
        assert_eq!(faults.strike(0, Kind::Search, false).answer, None);
        assert_eq!(
            faults.strike(0, Kind::Search, true).answer.map(|a| a.code),
            Some(52)
        );
    }

    #[test]
    fn a_fault_of_one_server_spares_the_other() {
        let faults = Faults::default();
        let spec = json!({"fault": "ldapDrop", "partial": true, "server": 1});
        assert_eq!(faults.add(&spec), Ok(None));
        assert_eq!(faults.strike(0, Kind::Modify, false).close, None);
        let struck = faults.strike(1, Kind::Modify, false);
        assert_eq!(struck.close, Some(Closing::Amid));
    }

    #[test]
    fn going_down_waits_for_a_request_when_one_is_described() {
        let faults = Faults::default();
        let now = faults.add(&json!({"fault": "ldapDown", "server": 1}));
        assert_eq!(now, Ok(Some(Down { server: Some(1) })));
        let later = json!({"fault": "ldapDown", "operation": "modify", "after": 1});
        assert_eq!(faults.add(&later), Ok(None));
        let down = |_| faults.strike(0, Kind::Modify, false).down;
        assert_eq!([0, 1].map(down), [false, true]);
    }

    #[test]
    fn rubbish_is_refused() {
        let faults = Faults::default();
        for spec in [
            json!({}),
            json!({"fault": "gone"}),
            json!({"fault": "ldapResult"}),
            json!({"fault": "ldapDrop", "operation": "frobnicate"}),
            json!({"fault": "ldapDown", "server": 2}),
        ] {
            assert!(faults.add(&spec).is_err(), "{spec}");
        }
    }
}
