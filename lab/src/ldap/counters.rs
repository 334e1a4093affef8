//! Counts of what clients did.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Kinds of operations that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Bind,
    Search,
    Add,
    Modify,
    ModifyDn,
    Delete,
    Compare,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 7] = [
        Kind::Bind,
        Kind::Search,
        Kind::Add,
        Kind::Modify,
        Kind::ModifyDn,
        Kind::Delete,
        Kind::Compare,
    ];

    /// The name in counters and faults.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bind => "bind",
            Kind::Search => "search",
            Kind::Add => "add",
            Kind::Modify => "modify",
            Kind::ModifyDn => "modifyDn",
            Kind::Delete => "delete",
            Kind::Compare => "compare",
        }
    }

    /// Whether the operation changes the directory.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Kind::Add | Kind::Modify | Kind::ModifyDn | Kind::Delete
        )
    }
}

/// The counters of one directory.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    kinds: [AtomicU64; 7],
    /// Writes that succeeded.
    writes: AtomicU64,
    /// Values of `member` in writes that succeeded.
    member_values: AtomicU64,
    /// Entries returned with values of `member`.
    pub member_reads: AtomicU64,
}

impl Counters {
    /// Counts one.
    pub fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Counts an operation.
    pub fn operation(&self, kind: Kind) {
        Self::count(&self.kinds[kind as usize], 1);
    }

    /// Counts a write that succeeded.
    pub fn write(&self, member_values: u64) {
        Self::count(&self.writes, 1);
        Self::count(&self.member_values, member_values);
    }

    /// The counters as the lab's control endpoint gives them.
    pub fn report(&self) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let kinds: serde_json::Map<String, Value> = Kind::ALL
            .iter()
            .map(|kind| {
                (
                    kind.name().to_owned(),
                    json!(read(&self.kinds[*kind as usize])),
                )
            })
            .collect();
        json!({
            "connections": read(&self.connections),
            "byKind": kinds,
            "writes": read(&self.writes),
            "memberValues": read(&self.member_values),
            "memberReads": read(&self.member_reads),
        })
    }

    /// Sets all to zero.
    pub fn reset(&self) {
        let others = [
            &self.connections,
            &self.writes,
            &self.member_values,
            &self.member_reads,
        ];
        others
            .into_iter()
            .chain(&self.kinds)
            .for_each(|c| c.store(0, Ordering::Relaxed));
    }
}
