//! Progress, thinned out: at most ten events a second and phase, the latest state of each always delivered in the
//! end, with a rate and the time left from the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::wire;

/// Least time between two events of a phase.
const INTERVAL: Duration = Duration::from_millis(100);
/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// A shorter look back says nothing.
const SHORTEST: Duration = Duration::from_millis(500);
/// Least time between two samples of the window, to bound their number.
const SAMPLE: Duration = Duration::from_millis(250);

/// Most bytes of a phase's text.
const LONGEST_TEXT: usize = 1024;

/// The phases seen so far, in their order.
#[derive(Default)]
pub(super) struct Phases(Vec<Phase>);

struct Phase {
    name: &'static str,
    done: u64,
    total: Option<u64>,
    text: String,
    /// Not delivered yet.
    news: bool,
    delivered: Option<Instant>,
    samples: VecDeque<(Instant, u64)>,
}

impl Phase {
    fn due(&self) -> Option<Instant> {
        self.delivered.map(|at| at + INTERVAL)
    }

    fn sample(&mut self, now: Instant, done: u64) {
        if self.samples.back().is_some_and(|(_, last)| done < *last) {
            // The phase starts anew, as a second cycle in the same operation does.
            self.samples.clear();
        }
        while self
            .samples
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
        {
            self.samples.pop_front();
        }
        if self
            .samples
            .back()
            .is_none_or(|(at, _)| now.saturating_duration_since(*at) >= SAMPLE)
        {
            self.samples.push_back((now, done));
        }
    }

    /// Units a second, when enough was seen to tell.
    fn rate(&self, now: Instant) -> Option<f64> {
        let (at, from) = self.samples.front()?;
        let seconds = now.saturating_duration_since(*at);
        if seconds < SHORTEST {
            return None;
        }
        Some(self.done.saturating_sub(*from) as f64 / seconds.as_secs_f64())
    }

    fn line(&self, now: Instant) -> String {
        let rate = self.rate(now);
        let left = match (self.total, rate) {
            (Some(total), _) if total <= self.done => Some(0),
            (Some(total), Some(rate)) if rate > 0.0 => {
                // A float cast saturates: an absurd estimate stays a number.
                Some(((total - self.done) as f64 / rate).ceil() as u64)
            }
            _ => None,
        };
        let rate = rate.map(|rate| (rate * 10.0).round() / 10.0);
        wire::progress(self.name, self.done, self.total, rate, left, &self.text)
    }
}

impl Phases {
    /// Records how far a phase is.
    pub(super) fn set(
        &mut self,
        name: &'static str,
        done: u64,
        total: Option<u64>,
        mut text: String,
        now: Instant,
    ) {
        // One line for people; a bound here keeps batches within theirs.
        if text.len() > LONGEST_TEXT {
            text = text.chars().take(LONGEST_TEXT / 4).collect();
        }
        let index = match self.0.iter().position(|phase| phase.name == name) {
            Some(index) => index,
            None => {
                self.0.push(Phase {
                    name,
                    done: 0,
                    total: None,
                    text: String::new(),
                    news: false,
                    delivered: None,
                    samples: VecDeque::new(),
                });
                self.0.len() - 1
            }
        };
        if let Some(phase) = self.0.get_mut(index) {
            phase.sample(now, done);
            phase.done = done;
            phase.total = total;
            phase.text = text;
            phase.news = true;
        }
    }

    /// The next line to deliver. A later phase waits for an earlier one, so that people don't see them jump back;
    /// at the end nothing waits.
    pub(super) fn take(&mut self, now: Instant, end: bool) -> Option<String> {
        let phase = self.0.iter_mut().find(|phase| phase.news)?;
        if !end && phase.due().is_some_and(|due| due > now) {
            return None;
        }
        phase.news = false;
        phase.delivered = Some(now);
        Some(phase.line(now))
    }

    /// When the next line may be delivered, if there is one.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().find(|phase| phase.news)?.due()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn take(phases: &mut Phases, now: Instant) -> Option<Value> {
        phases
            .take(now, false)
            .map(|line| serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn rate_and_time_left_come_from_the_last_seconds() {
        let start = Instant::now();
        let mut phases = Phases::default();
        phases.set("Import", 0, Some(1000), String::new(), start);
        let first = take(&mut phases, start).unwrap();
        assert_eq!(
            (&first["rate"], &first["secondsLeft"]),
            (&Value::Null, &Value::Null)
        );
        // 10 a second for 20 seconds, then 20 a second for 15.
        for tick in 1..=200 {
            phases.set(
                "Import",
                tick,
                Some(1000),
                String::new(),
                at(start, tick * 100),
            );
        }
        let slow = take(&mut phases, at(start, 20_000)).unwrap();
        assert_eq!(
            (&slow["rate"], &slow["secondsLeft"]),
            (&10.0.into(), &80.into())
        );
        for tick in 1..=150 {
            phases.set(
                "Import",
                200 + 2 * tick,
                Some(1000),
                String::new(),
                at(start, 20_000 + tick * 100),
            );
        }
        let fast = take(&mut phases, at(start, 35_000)).unwrap();
        assert_eq!(
            (&fast["rate"], &fast["secondsLeft"]),
            (&20.0.into(), &25.into())
        );
        assert!(phases.0[0].samples.len() <= 42, "the window is bounded");
        // A phase that starts anew doesn't count backwards.
        phases.set("Import", 0, None, String::new(), at(start, 36_000));
        let anew = take(&mut phases, at(start, 36_000)).unwrap();
        assert_eq!(
            (&anew["rate"], &anew["secondsLeft"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn a_later_phase_waits_for_an_earlier_one() {
        let start = Instant::now();
        let mut phases = Phases::default();
        phases.set("Import", 1, None, String::new(), start);
        assert!(take(&mut phases, start).is_some());
        phases.set("Import", 2, None, String::new(), at(start, 10));
        phases.set("Export", 1, None, String::new(), at(start, 20));
        assert_eq!(take(&mut phases, at(start, 30)), None);
        assert_eq!(phases.due(), Some(at(start, 100)));
        assert_eq!(take(&mut phases, at(start, 100)).unwrap()["done"], 2);
        assert_eq!(
            take(&mut phases, at(start, 100)).unwrap()["phase"],
            "Export"
        );
        assert_eq!(take(&mut phases, at(start, 100)), None);
        assert_eq!(phases.due(), None);
        // At the end nothing waits.
        phases.set("Export", 2, None, "x".repeat(5000), at(start, 101));
        let last = phases.take(at(start, 101), true).unwrap();
        assert!(last.len() < 2 * LONGEST_TEXT);
    }
}
