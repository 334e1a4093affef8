//! Throttling by resource units, and whether clients wait as long as they were told to.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The window of the resource-unit bucket.
const WINDOW: Duration = Duration::from_secs(10);
/// The window of the write bucket, and its size.
const WRITE_WINDOW: Duration = Duration::from_secs(150);
const WRITES: u64 = 3_000;
/// Requests that were under way when a client was told to wait are forgiven for this long.
const GRACE: Duration = Duration::from_millis(250);
/// What timers may be early.
const EARLY: Duration = Duration::from_millis(20);

/// The resource units an application may use in ten seconds in a tenant of this size.
pub(crate) fn bucket_size(users: usize) -> u64 {
    match users {
        0..50 => 3_500,
        50..=500 => 5_000,
        _ => 8_000,
    }
}

/// What a request costs.
pub(crate) fn cost(base: u64, select: bool, expand: bool, small_top: bool) -> u64 {
    (base + u64::from(expand))
        .saturating_sub(u64::from(select) + u64::from(small_top))
        .max(1)
}

/// A sliding window with a limit.
#[derive(Debug)]
struct Bucket {
    window: Duration,
    limit: u64,
    used: u64,
    entries: VecDeque<(Instant, u64)>,
}

impl Bucket {
    fn new(window: Duration, limit: u64) -> Self {
        Self {
            window,
            limit,
            used: 0,
            entries: VecDeque::new(),
        }
    }

    /// Adds units and answers the level, 1.0 being full.
    fn add(&mut self, now: Instant, units: u64) -> f64 {
        while let Some(&(at, old)) = self.entries.front() {
            if now.duration_since(at) < self.window {
                break;
            }
            self.entries.pop_front();
            self.used -= old;
        }
        self.entries.push_back((now, units));
        self.used += units;
        self.used as f64 / self.limit as f64
    }

    /// Seconds until enough has left the window for the level to be below 1, at least 1.
    fn seconds_to_wait(&self, now: Instant) -> u64 {
        let mut over = self.used.saturating_sub(self.limit);
        for &(at, units) in &self.entries {
            over = over.saturating_sub(units);
            if over == 0 {
                let leaves = (at + self.window).saturating_duration_since(now);
                return leaves.as_secs_f64().ceil().max(1.0) as u64;
            }
        }
        self.window.as_secs()
    }
}

/// What the buckets say about a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// How full the bucket is, 1.0 being the limit.
    pub(crate) level: f64,
    /// Seconds to wait and why, when the request is refused.
    pub(crate) wait: Option<(u64, &'static str)>,
}

/// The buckets of the one application and the waits it has been told.
#[derive(Debug)]
pub(crate) struct Throttle {
    units: Bucket,
    writes: Bucket,
    /// The whole application was told to wait: from when on requests count as early, and until when.
    told: Option<(Instant, Instant)>,
    /// Waits by request.
    told_one: HashMap<String, Instant>,
}

impl Throttle {
    /// Buckets with this many resource units in ten seconds.
    pub(crate) fn new(units: u64) -> Self {
        Self {
            units: Bucket::new(WINDOW, units),
            writes: Bucket::new(WRITE_WINDOW, WRITES),
            told: None,
            told_one: HashMap::new(),
        }
    }

    /// Whether a request comes before its client was to come back; `alone` when only a wait that
    /// was told to this very request counts.
    pub(crate) fn is_early(&mut self, now: Instant, target: &str, alone: bool) -> bool {
        let early = |until: Instant| now + EARLY < until;
        let one = self.told_one.remove(target).is_some_and(early);
        let all = self
            .told
            .is_some_and(|(from, until)| now >= from && early(until));
        one || (all && !alone)
    }

    /// Charges a request.
    pub(crate) fn charge(&mut self, now: Instant, units: u64, write: bool) -> Verdict {
        let level = self.units.add(now, units);
        if write && self.writes.add(now, 1) > 1.0 {
            let wait = Some((self.writes.seconds_to_wait(now), "WriteLimitExceeded"));
            return Verdict { level, wait };
        }
        let wait =
            (level > 1.0).then(|| (self.units.seconds_to_wait(now), "ResourceUnitLimitExceeded"));
        Verdict { level, wait }
    }

    /// Remembers that a client was told to wait; `alone` when only this request is concerned.
    pub(crate) fn tell(&mut self, now: Instant, target: &str, seconds: u64, alone: bool) {
        let until = now + Duration::from_secs(seconds);
        self.told_one.retain(|_, until| *until > now);
        self.told_one.insert(target.to_owned(), until);
        if alone {
            return;
        }
        self.told = match self.told {
            // Told before and still waiting: no new grace.
            Some((from, old)) if old > now => Some((from, old.max(until))),
            _ => Some((now + GRACE, until)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_follow_the_published_rules() {
        assert_eq!(cost(3, false, false, false), 3);
        assert_eq!(cost(3, true, false, false), 2);
        assert_eq!(cost(3, true, false, true), 1);
        assert_eq!(cost(1, true, false, true), 1);
        assert_eq!(cost(1, false, true, false), 2);
    }

    #[test]
    fn a_full_bucket_refuses_until_its_window_has_moved_on() {
        let start = Instant::now();
        let mut throttle = Throttle::new(10);
        assert_eq!(
            throttle.charge(start, 8, false),
            Verdict {
                level: 0.8,
                wait: None
            }
        );
        let later = start + Duration::from_secs(4);
        let verdict = throttle.charge(later, 3, false);
        assert_eq!(verdict.wait, Some((6, "ResourceUnitLimitExceeded")));
        let verdict = throttle.charge(start + Duration::from_secs(11), 3, false);
        assert_eq!(verdict.wait, None);
    }

    #[test]
    fn coming_back_early_is_noticed_and_requests_under_way_are_forgiven() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut throttle = Throttle::new(10);
        throttle.tell(start, "/a", 2, false);
        assert!(!throttle.is_early(at(100), "/b", false));
        assert!(throttle.is_early(at(100), "/a", false));
        assert!(throttle.is_early(at(1000), "/b", false));
        assert!(!throttle.is_early(at(1000), "/b", true));
        assert!(!throttle.is_early(at(1990), "/a", false));
        assert!(!throttle.is_early(at(2500), "/b", false));
        throttle.tell(at(3000), "/c", 2, true);
        assert!(!throttle.is_early(at(4000), "/d", false));
        assert!(throttle.is_early(at(4000), "/c", false));
    }
}
