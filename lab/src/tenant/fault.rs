//! Faults that a test injects into Graph: which requests they hit, and what they do to them.

use serde::Deserialize;
use serde_json::Value;

/// A fault as the control verb takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Kind {
    Throttle {
        retry_after_seconds: u64,
        #[serde(default)]
        share: Option<f64>,
    },
    Status {
        code: u16,
        #[serde(default)]
        error_code: Option<String>,
        #[serde(default)]
        retry_after_seconds: Option<u64>,
    },
    Gone,
    CutBody,
    Garbage,
    NullMembers,
    DropDeltaLink,
    EndlessPages,
    EmptyPages {
        #[serde(default)]
        last: bool,
    },
    ReplaySlices,
    ReorderSlices,
    Slow {
        milliseconds: u64,
    },
    ExpireDeltaTokens {
        #[serde(default)]
        error_code: Option<String>,
    },
    ExpireTokens,
    LateVisibility {
        changes: usize,
    },
}

/// Which requests a fault hits.
#[derive(Clone, Debug, Default, Deserialize)]
struct Aim {
    #[serde(default)]
    times: Option<u64>,
    #[serde(default)]
    every: Option<u64>,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    path: Option<String>,
}

#[derive(Debug)]
struct Fault {
    kind: Kind,
    aim: Aim,
    seen: u64,
    hits: u64,
}

/// What is known of a request when faults are consulted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits<'a> {
    /// Path and query, decoded.
    pub(crate) target: &'a str,
    /// A Graph request (faults without a path hit no other).
    pub(crate) graph: bool,
    /// A delta request.
    pub(crate) delta: bool,
    /// A delta request that carries a token.
    pub(crate) resumed: bool,
    /// A request for a page of a list.
    pub(crate) paged: bool,
    /// The page before was an injected empty one.
    pub(crate) after_empty: bool,
    /// The answer is made and it is the last page.
    pub(crate) last_page: bool,
}

/// What the faults do to one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injected {
    pub(crate) throttle: Option<u64>,
    pub(crate) status: Option<(u16, Option<String>, Option<u64>)>,
    pub(crate) gone: bool,
    pub(crate) cut_body: bool,
    /// Which kind of garbage, counted up.
    pub(crate) garbage: Option<u64>,
    pub(crate) null_members: bool,
    pub(crate) drop_delta_link: bool,
    pub(crate) endless: bool,
    /// An empty page; `true` when it is to look like the last one.
    pub(crate) empty: Option<bool>,
    pub(crate) replay: bool,
    pub(crate) reorder: bool,
    pub(crate) delay: u64,
    pub(crate) expired_delta: Option<String>,
    pub(crate) expired_token: bool,
    /// How many of the last changes are not visible yet.
    pub(crate) lag: usize,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    faults: Vec<Fault>,
}

impl FaultBook {
    /// Adds a fault.
    pub(crate) fn add(&mut self, spec: &Value) -> Result<(), String> {
        let kind = Kind::deserialize(spec).map_err(|error| error.to_string())?;
        let aim = Aim::deserialize(spec).map_err(|error| error.to_string())?;
        if let Kind::Throttle {
            share: Some(share), ..
        } = &kind
            && !(0.0..=1.0).contains(share)
        {
            return Err("share must be between 0 and 1".into());
        }
        if let Kind::Status { code, .. } = &kind
            && !(400..600).contains(code)
        {
            return Err("code must be an HTTP error status".into());
        }
        if aim.every == Some(0) {
            return Err("every must be at least 1".into());
        }
        self.faults.push(Fault {
            kind,
            aim,
            seen: 0,
            hits: 0,
        });
        Ok(())
    }

    /// Removes all faults.
    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    /// How often each fault has hit, in the order they were set.
    pub(crate) fn hits(&self) -> Vec<u64> {
        self.faults.iter().map(|fault| fault.hits).collect()
    }

    /// What the faults do to this request, and counts the hits.
    pub(crate) fn consult(&mut self, traits: Traits<'_>) -> Injected {
        let mut out = Injected::default();
        for fault in &mut self.faults {
            if !fault.concerns(traits) || !fault.strikes() {
                continue;
            }
            match &fault.kind {
                Kind::Throttle {
                    retry_after_seconds,
                    ..
                } => {
                    out.throttle = Some(*retry_after_seconds);
                }
                Kind::Status {
                    code,
                    error_code,
                    retry_after_seconds,
                } => {
                    out.status = Some((*code, error_code.clone(), *retry_after_seconds));
                }
                Kind::Gone => out.gone = true,
                Kind::CutBody => out.cut_body = true,
                Kind::Garbage => out.garbage = Some(fault.hits - 1),
                Kind::NullMembers => out.null_members = true,
                Kind::DropDeltaLink => out.drop_delta_link = true,
                Kind::EndlessPages => out.endless = true,
                Kind::EmptyPages { last } => out.empty = Some(*last),
                Kind::ReplaySlices => out.replay = true,
                Kind::ReorderSlices => out.reorder = true,
                Kind::Slow { milliseconds } => out.delay += milliseconds,
                Kind::ExpireDeltaTokens { error_code } => {
                    let code = error_code.clone();
                    out.expired_delta = Some(code.unwrap_or_else(|| "syncStateNotFound".into()));
                }
                Kind::ExpireTokens => out.expired_token = true,
                Kind::LateVisibility { changes } => out.lag = *changes,
            }
        }
        out
    }
}

impl Fault {
    /// Whether the request is of the kind that this fault can hit.
    fn concerns(&self, traits: Traits<'_>) -> bool {
        let aimed = match &self.aim.path {
            Some(path) => traits.target.contains(path.as_str()),
            None => traits.graph,
        };
        let at_the_end = matches!(self.kind, Kind::DropDeltaLink | Kind::EndlessPages);
        let fits = match self.kind {
            Kind::Gone | Kind::ExpireDeltaTokens { .. } => traits.resumed,
            Kind::DropDeltaLink => traits.delta,
            Kind::ReplaySlices | Kind::ReorderSlices | Kind::LateVisibility { .. } => traits.delta,
            Kind::EmptyPages { .. } => traits.paged && !traits.after_empty,
            Kind::EndlessPages => traits.paged,
            _ => true,
        };
        aimed && fits && at_the_end == traits.last_page
    }

    /// Counts a matching request and tells whether the fault hits it.
    fn strikes(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.aim.after || self.aim.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        let place = self.seen - self.aim.after;
        if !(place - 1).is_multiple_of(self.aim.every.unwrap_or(1)) {
            return false;
        }
        if let Kind::Throttle {
            share: Some(share), ..
        } = self.kind
        {
            // Evenly spread: a hit whenever the expected number of hits passes a whole number.
            let expected = |count: u64| (count as f64 * share).floor();
            if expected(place) <= expected(place - 1) {
                return false;
            }
        }
        self.hits += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn book(spec: Value) -> FaultBook {
        let mut book = FaultBook::default();
        book.add(&spec).unwrap();
        book
    }

    fn graph(target: &str) -> Traits<'_> {
        Traits {
            target,
            graph: true,
            ..Traits::default()
        }
    }

    #[test]
    fn after_every_and_times_choose_the_requests() {
        let mut book =
            book(json!({"fault": "status", "code": 500, "after": 2, "every": 3, "times": 2}));
        let hit: Vec<bool> = (0..12)
            .map(|_| book.consult(graph("/v1.0/groups")).status.is_some())
            .collect();
        let at: Vec<usize> = (0..12).filter(|place| hit[*place]).collect();
        assert_eq!(at, vec![2, 5]);
        assert_eq!(book.hits(), [2]);
    }

    #[test]
    fn a_share_of_requests_is_spread_evenly() {
        let mut book = book(json!({"fault": "throttle", "retryAfterSeconds": 1, "share": 0.25}));
        let hits = (0..100).filter(|_| book.consult(graph("/v1.0/users")).throttle.is_some());
        assert_eq!(hits.count(), 25);
    }

    #[test]
    fn paths_and_kinds_aim() {
        let mut book = book(json!({"fault": "slow", "milliseconds": 5, "path": "/users"}));
        assert_eq!(book.consult(graph("/v1.0/groups")).delay, 0);
        assert_eq!(book.consult(graph("/v1.0/users?$top=1")).delay, 5);
        book.add(&json!({"fault": "gone"})).unwrap();
        assert!(!book.consult(graph("/v1.0/groups/delta")).gone);
        let resumed = Traits {
            delta: true,
            resumed: true,
            ..graph("/v1.0/groups/delta")
        };
        assert!(book.consult(resumed).gone);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            json!({"fault": "unknown"}),
            json!({"fault": "status"}),
            json!({"fault": "status", "code": 200}),
            json!({"fault": "throttle", "retryAfterSeconds": 1, "share": 2.0}),
            json!({"fault": "cutBody", "every": 0}),
        ] {
            assert!(FaultBook::default().add(&bad).is_err(), "{bad}");
        }
    }
}
