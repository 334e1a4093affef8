//! Device code: a person signs in on another device while the program polls.

use super::endpoint::Denial;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Seconds a code lives, by the tenant's clock.
pub(super) const LIFETIME: i64 = 900;
/// Seconds between polls at the beginning. Entra says 5; the lab keeps tests short.
pub(super) const INTERVAL: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Pending,
    Approved,
    Declined,
}

#[derive(Debug)]
struct Flow {
    user_code: String,
    expires: i64,
    interval: u64,
    last_poll: Option<Instant>,
    decision: Decision,
}

/// The flows that are open, by device code.
#[derive(Debug, Default)]
pub(crate) struct DeviceFlows(Mutex<HashMap<String, Flow>>);

impl DeviceFlows {
    pub(super) fn open(&self, device_code: String, user_code: String, now: i64) {
        let flow = Flow {
            user_code,
            expires: now + LIFETIME,
            interval: INTERVAL,
            last_poll: None,
            decision: Decision::Pending,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(device_code, flow);
    }

    /// What the person decided.
    pub(crate) fn decide(&self, user_code: &str, approve: bool) -> Result<(), String> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flow = flows
            .values_mut()
            .find(|flow| flow.user_code.eq_ignore_ascii_case(user_code));
        let flow = flow.ok_or_else(|| format!("there is no user code {user_code}"))?;
        flow.decision = if approve {
            Decision::Approved
        } else {
            Decision::Declined
        };
        Ok(())
    }

    /// One poll of the token endpoint; success closes the flow.
    pub(super) fn poll(&self, device_code: &str, now: i64, at: Instant) -> Result<(), Denial> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(flow) = flows.get_mut(device_code) else {
            return Err(Denial::new(
                "invalid_grant",
                70008,
                "The device code is not known.",
            ));
        };
        if flow.expires <= now {
            flows.remove(device_code);
            return Err(Denial::new(
                "expired_token",
                70020,
                "The device code has expired.",
            ));
        }
        match flow.decision {
            Decision::Approved => {
                flows.remove(device_code);
                Ok(())
            }
            Decision::Declined => {
                flows.remove(device_code);
                let message = "The end user denied the authorization request.";
                Err(Denial::new("authorization_declined", 70018, message))
            }
            Decision::Pending => {
                let last = flow.last_poll.replace(at);
                // A little earlier than told is forgiven.
                let least = Duration::from_secs(flow.interval).mul_f32(0.9);
                if last.is_some_and(|last| at.duration_since(last) < least) {
                    flow.interval += 5;
                    let message = "The program polls too often.";
                    return Err(Denial::new("slow_down", 70016, message));
                }
                let message = "OAuth 2.0 device flow error. Authorization is pending. Continue \
                               polling.";
                Err(Denial::new("authorization_pending", 70016, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(result: Result<(), Denial>) -> &'static str {
        result.err().map_or("", |denial| denial.error)
    }

    #[test]
    fn a_flow_is_pending_then_decided_once() {
        let flows = DeviceFlows::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        flows.open("device".into(), "USER".into(), 100);
        assert_eq!(
            error(flows.poll("device", 100, at(0))),
            "authorization_pending"
        );
        assert_eq!(error(flows.poll("device", 100, at(0))), "slow_down");
        assert_eq!(
            error(flows.poll("device", 100, at(6))),
            "authorization_pending"
        );
        assert!(flows.decide("nobody", true).is_err());
        flows.decide("user", true).unwrap();
        assert_eq!(error(flows.poll("device", 100, at(12))), "");
        assert_eq!(error(flows.poll("device", 100, at(18))), "invalid_grant");
        flows.open("second".into(), "OTHER".into(), 100);
        assert_eq!(
            error(flows.poll("second", 100 + LIFETIME, at(20))),
            "expired_token"
        );
        flows.open("third".into(), "THIRD".into(), 100);
        flows.decide("THIRD", false).unwrap();
        assert_eq!(
            error(flows.poll("third", 100, at(20))),
            "authorization_declined"
        );
    }
}
