//! What the lab counts about Graph, so that tests and benchmarks can speak in numbers.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
struct Numbers {
    requests: u64,
    by_kind: BTreeMap<&'static str, u64>,
    resource_units: u64,
    throttled: u64,
    early: u64,
}

/// The counters of the tenant's side.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Numbers>);

impl Counters {
    fn with(&self, change: impl FnOnce(&mut Numbers)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// An HTTP request came in.
    pub(crate) fn request(&self) {
        self.with(|numbers| numbers.requests += 1);
    }

    /// A request, or one inside a batch, is of this kind.
    pub(crate) fn kind(&self, kind: &'static str) {
        self.with(|numbers| *numbers.by_kind.entry(kind).or_default() += 1);
    }

    pub(crate) fn units(&self, units: u64) {
        self.with(|numbers| numbers.resource_units += units);
    }

    pub(crate) fn throttled(&self) {
        self.with(|numbers| numbers.throttled += 1);
    }

    /// A request came before its client was to come back.
    pub(crate) fn early(&self) {
        self.with(|numbers| numbers.early += 1);
    }

    pub(crate) fn reset(&self) {
        self.with(|numbers| *numbers = Numbers::default());
    }

    /// The numbers as the control verb shows them.
    pub(crate) fn to_json(&self) -> Value {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        json!({
            "requests": numbers.requests,
            "byKind": numbers.by_kind,
            "resourceUnits": numbers.resource_units,
            "throttled": numbers.throttled,
            "retriesBeforeRetryAfter": numbers.early,
        })
    }
}
