//! One budget for everything a session sends: how many calls are in flight, and when none may be.
//!
//! "Throttling limits": calls made while throttled still count, so a `Retry-After` closes the gate for
//! all callers. The number in flight grows by one per round of successes and halves on a 429 or when
//! `x-ms-throttle-limit-percentage` reaches 0.8; one overload halves it once, however many answers
//! report it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::graph::Result;
use crate::operation::Cancel;

/// Calls in flight at the start.
const START: f64 = 8.0;
/// Calls in flight at most: latency is the limit, not resource units, but sockets aren't free.
const MOST: f64 = 64.0;
/// From here on the service asks for less.
pub(super) const HIGH_PERCENTAGE: f64 = 0.8;

struct State {
    window: f64,
    in_flight: usize,
    closed_until: Option<Instant>,
    halved_at: Option<Instant>,
    waited: Duration,
}

/// Shared by all clones of a client.
pub(super) struct Limiter {
    state: Mutex<State>,
    changed: Notify,
}

/// Leave to send one request; gives its place back when dropped.
pub(super) struct Permit {
    limiter: Arc<Limiter>,
    issued: Instant,
}

enum Turn {
    Go,
    WaitUntil(Instant),
    WaitForPlace,
}

impl Limiter {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Limiter {
            state: Mutex::new(State {
                window: START,
                in_flight: 0,
                closed_until: None,
                halved_at: None,
                waited: Duration::ZERO,
            }),
            changed: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the numbers consistent, so a panic elsewhere doesn't matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for leave to send. Dropping the future gives up the wait.
    pub(super) async fn acquire(self: &Arc<Self>) -> Permit {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.turn() {
                Turn::Go => {
                    return Permit {
                        limiter: Arc::clone(self),
                        issued: Instant::now(),
                    };
                }
                Turn::WaitUntil(until) => tokio::time::sleep_until(until).await,
                Turn::WaitForPlace => changed.await,
            }
        }
    }

    fn turn(&self) -> Turn {
        let mut state = self.state();
        if let Some(until) = state.closed_until {
            if Instant::now() < until {
                return Turn::WaitUntil(until);
            }
            state.closed_until = None;
        }
        if state.in_flight < state.window as usize {
            state.in_flight += 1;
            Turn::Go
        } else {
            Turn::WaitForPlace
        }
    }

    /// The service said to wait: nothing goes out before. Returns whether this prolonged the wait.
    pub(super) fn close_for(&self, wait: Duration) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let until = now + wait;
        let already = state.closed_until.map_or(now, |t| t.max(now));
        if until <= already {
            return false;
        }
        state.waited += until - already;
        state.closed_until = Some(until);
        true
    }

    /// Time for which the gate was closed so far.
    pub(super) fn waited(&self) -> Duration {
        self.state().waited
    }

    #[cfg(test)]
    pub(super) fn window(&self) -> f64 {
        self.state().window
    }
}

impl Permit {
    /// The call went well.
    pub(super) fn succeeded(&self) {
        let mut state = self.limiter.state();
        state.window = (state.window + 1.0 / state.window).min(MOST);
    }

    /// The service is (nearly) overloaded.
    pub(super) fn overloaded(&self) {
        let mut state = self.limiter.state();
        // A call sent before the last halving tells nothing about the smaller window.
        if state.halved_at.is_some_and(|at| self.issued <= at) {
            return;
        }
        state.window = (state.window / 2.0).max(1.0);
        state.halved_at = Some(Instant::now());
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.state().in_flight -= 1;
        // The window may have grown or shrunk: everybody looks again.
        self.limiter.changed.notify_waiters();
    }
}

/// `Retry-After`: seconds or an HTTP date ("Throttling guidance", RFC 9110 10.2.3), counted from the
/// server's own `Date` where it gives one, because the clocks may differ.
pub(super) fn retry_after(
    value: &str,
    server_now: Option<std::time::SystemTime>,
) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds.is_finite() && (0.0..=86_400.0 * 7.0).contains(&seconds))
            .then(|| Duration::from_secs_f64(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let now = server_now.unwrap_or_else(std::time::SystemTime::now);
    Some(date.duration_since(now).unwrap_or_default())
}

/// Sleeps, unless cancelled.
pub(super) async fn wait(cancel: &Cancel, time: Duration) -> Result<()> {
    let sleep = async {
        tokio::time::sleep(time).await;
        Ok(())
    };
    cancel.guard(sleep).await
}

/// Exponential wait with jitter: 50 to 100 % of `base * 2^attempt`, at most `most`.
pub(super) fn backoff(attempt: u32, base: Duration, most: Duration, random: f64) -> Duration {
    let full = base
        .saturating_mul(2u32.saturating_pow(attempt.min(16)))
        .min(most);
    full.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_out_while_told_to_wait() {
        let limiter = Limiter::new();
        let start = Instant::now();
        assert!(limiter.close_for(Duration::from_secs(30)));
        assert!(
            !limiter.close_for(Duration::from_secs(10)),
            "a shorter wait changes nothing"
        );
        let calls: Vec<_> = (0..5)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move {
                    let _permit = limiter.acquire().await;
                    Instant::now()
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(
            limiter.close_for(Duration::from_secs(40)),
            "prolonged while waiting"
        );
        for call in calls {
            assert!(call.await.unwrap() - start >= Duration::from_secs(60));
        }
        assert_eq!(limiter.waited(), Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn window_grows_by_one_a_round_and_halves_once_per_overload() {
        let limiter = Limiter::new();
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(limiter.acquire().await);
        }
        assert!(
            tokio::time::timeout(Duration::from_secs(1), limiter.acquire())
                .await
                .is_err()
        );
        for permit in &permits {
            permit.succeeded();
        }
        assert!((8.9..9.1).contains(&limiter.window()));
        for permit in &permits {
            permit.overloaded();
        }
        assert!(
            (4.4..4.6).contains(&limiter.window()),
            "{}",
            limiter.window()
        );
        permits.clear();
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..10 {
            let permit = limiter.acquire().await;
            tokio::time::advance(Duration::from_secs(1)).await;
            permit.overloaded();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(limiter.window(), 1.0, "never below one");
    }

    #[test]
    fn retry_after_seconds_and_dates() {
        assert_eq!(retry_after("17", None), Some(Duration::from_secs(17)));
        assert_eq!(retry_after(" 0 ", None), Some(Duration::ZERO));
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:50:07 GMT", Some(now)),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:00:00 GMT", Some(now)),
            Some(Duration::ZERO)
        );
        for bad in ["", "soon", "-1", "NaN", "inf", "1e300"] {
            assert_eq!(retry_after(bad, None), None, "{bad}");
        }
    }

    #[test]
    fn backoff_doubles_with_jitter_and_is_capped() {
        let base = Duration::from_millis(500);
        let most = Duration::from_secs(30);
        assert_eq!(backoff(0, base, most, 1.0), base);
        assert_eq!(backoff(0, base, most, 0.0), base / 2);
        assert_eq!(backoff(3, base, most, 1.0), Duration::from_secs(4));
        assert_eq!(backoff(40, base, most, 1.0), most);
    }
}
