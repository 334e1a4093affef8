//! Observation room: faults on order.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::counters::Kind;
use super::results::code;
use super::wire::message::Answer;

#[derive(Debug, Clone, PartialEq)]
enum Effect {
    Result(Answer),
    Drop { applied: bool },
    Slow(Duration),
    BrokenRange(Answer),
    CutSearch(usize),
}

#[derive(Debug, Clone)]
struct Fault {
    effect: Effect,
    operation: Option<Kind>,
    times: Option<u64>,
    every: u64,
    after: u64,
    seen: u64,
}

/// What faults do to one request.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Disturbance {
    /// Wait first.
    pub delay: Option<Duration>,
    /// Answer this instead of doing the work.
    pub answer: Option<Answer>,
    /// Close the connection: `Some(true)` after the work was done.
    pub close: Option<bool>,
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

    /// Adds a fault described as in `docs/lab.md`.
    pub fn add(&self, spec: &Value) -> Result<(), String> {
        let number = |name: &str| spec.get(name).and_then(Value::as_u64);
        let text = |name: &str| spec.get(name).and_then(Value::as_str);
        let answer = |fallback: u32| Answer {
            code: number("code").map_or(fallback, |code| code as u32),
            matched: String::new(),
            message: text("message")
                .unwrap_or("a fault that the lab was told to make")
                .to_owned(),
        };
        let operation = match text("operation") {
            None => None,
            Some(name) => Some(
                Kind::ALL
                    .into_iter()
                    .find(|kind| kind.name() == name)
                    .ok_or_else(|| format!("{name} is not an operation"))?,
            ),
        };
        let effect = match text("fault").or_else(|| text("kind")) {
            Some("ldapResult") => {
                number("code").ok_or("ldapResult needs a code")?;
                Effect::Result(answer(code::OPERATIONS_ERROR))
            }
            Some("ldapDrop") => Effect::Drop {
                applied: spec
                    .get("applied")
                    .and_then(Value::as_bool)
                    .unwrap_or(false),
            },
            Some("ldapSlow") => Effect::Slow(Duration::from_millis(
                number("milliseconds").ok_or("ldapSlow needs milliseconds")?,
            )),
            Some("ldapBrokenRange") => Effect::BrokenRange(answer(52)),
            Some("ldapCutSearch") => {
                Effect::CutSearch(number("entries").map_or(1, |count| count as usize))
            }
            other => {
                return Err(format!(
                    "{} is not a fault of the directory",
                    other.unwrap_or("?")
                ));
            }
        };
        self.list().push(Fault {
            effect,
            operation,
            times: number("times"),
            every: number("every").unwrap_or(1).max(1),
            after: number("after").unwrap_or(0),
            seen: 0,
        });
        Ok(())
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.list().clear();
    }

    /// What the faults do to a request; `later_slice` marks a ranged read after its first slice.
    pub fn strike(&self, kind: Kind, later_slice: bool) -> Disturbance {
        let mut disturbance = Disturbance::default();
        for fault in self.list().iter_mut() {
            let concerned = fault.operation.is_none_or(|operation| operation == kind)
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
                Effect::Drop { applied } => disturbance.close = Some(*applied),
                Effect::Slow(delay) => disturbance.delay = Some(*delay),
                Effect::CutSearch(count) => disturbance.cut = Some(*count),
            }
        }
        disturbance
    }
}

impl Fault {
    /// Counts a matching request and says whether it is hit.
    fn hits(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.after || !(self.seen - self.after).is_multiple_of(self.every) {
            return false;
        }
        match &mut self.times {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
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
            .map(|_| faults.strike(Kind::Modify, false).answer.is_some())
            .collect();
        assert_eq!(hits, [false, false, true, false, true, false, false, false]);
        assert_eq!(faults.strike(Kind::Add, false), Disturbance::default());
        faults.clear();
        assert_eq!(faults.strike(Kind::Modify, false), Disturbance::default());
    }

    #[test]
    fn a_broken_range_hits_later_slices_only() {
        let faults = Faults::default();
        faults
            .add(&json!({"fault": "ldapBrokenRange"}))
            .expect("a fault");
        assert_eq!(faults.strike(Kind::Search, false).answer, None);
        assert_eq!(
            faults.strike(Kind::Search, true).answer.map(|a| a.code),
            Some(52)
        );
    }

    #[test]
    fn rubbish_is_refused() {
        let faults = Faults::default();
        for spec in [
            json!({}),
            json!({"fault": "gone"}),
            json!({"fault": "ldapResult"}),
            json!({"fault": "ldapDrop", "operation": "frobnicate"}),
        ] {
            assert!(faults.add(&spec).is_err(), "{spec}");
        }
    }
}
