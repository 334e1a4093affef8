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
