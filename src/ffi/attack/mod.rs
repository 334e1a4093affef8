//! A caller that knows no rules: all functions in any order from several threads, with live, stale, freed, doubled
//! and invented handles and hostile bytes. It may get any status; nothing may break, lie, block or leak.
//!
//! The unit tests let it loose on an engine that panics, hangs and floods; `fuzz/attack.rs` on the exported functions,
//! with sessions that really work. Everything it does follows from the seed, but for the threads' interleaving and
//! the answers it gets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_safety_doc,
    missing_docs
)]

mod arguments;
mod bytes;
mod caller;
mod exported;
mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::buffer::gwb_buffer;
pub use exported::Exported;
use watch::World;

type Error = *mut gwb_buffer;

/// The thirteen functions; those that start an operation are one here.
pub trait Abi: Sync {
    fn abi_version(&self) -> u32;
    unsafe fn version(&self, out: *mut gwb_buffer, error: Error) -> i32;
    unsafe fn open(&self, ptr: *const u8, len: usize, session: *mut u64, error: Error) -> i32;
    unsafe fn close(&self, session: u64, error: Error) -> i32;
    unsafe fn start(
        &self,
        kind: StartKind,
        session: u64,
        ptr: *const u8,
        len: usize,
        operation: *mut u64,
        error: Error,
    ) -> i32;
    unsafe fn next(&self, operation: u64, ms: u32, events: *mut gwb_buffer, error: Error) -> i32;
    unsafe fn answer(&self, operation: u64, ptr: *const u8, len: usize, error: Error) -> i32;
    unsafe fn cancel(&self, operation: u64, error: Error) -> i32;
    unsafe fn release(&self, operation: u64, error: Error) -> i32;
    unsafe fn buffer_free(&self, buffer: *mut gwb_buffer);
    /// Handles and buffers that are given out.
    fn live(&self) -> (usize, usize);
}

/// Which of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartKind {
    Enable,
    Disable,
    Sync,
    Query,
}

/// What the caller knows of the world it attacks.
#[derive(Default)]
pub struct Material {
    /// Inputs of `gwb_open` that are taken.
    pub configs: Vec<String>,
    /// Requests that are taken.
    pub requests: Vec<(StartKind, String)>,
    /// Payloads of right answers by the name of the secret.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Whether `GWB_PANIC` may come: the engine's panics are part of the game.
    pub panics: bool,
    /// Operations that may run at a time.
    pub running: usize,
}

/// How long and how wild.
pub struct Attack {
    pub seed: u64,
    pub threads: usize,
    /// Ends after so many calls.
    pub calls: usize,
    /// Ends after this time as well.
    pub time: Duration,
}

/// What happened.
#[derive(Debug, Default)]
pub struct Report {
    pub calls: usize,
    pub by_function: BTreeMap<&'static str, usize>,
    pub by_status: BTreeMap<i32, usize>,
    pub events: BTreeMap<String, usize>,
    /// Operations that ended in these errors.
    pub failures: BTreeMap<String, usize>,
    /// Operations that ended well.
    pub results: usize,
    /// Calls but closing that took longer than the contract says. The machine may be busy: no violation.
    pub slow: BTreeMap<&'static str, usize>,
    /// What may never be; the first ends the attack.
    pub violations: Vec<String>,
}

impl Report {
    /// Adds another's counts.
    pub fn add(&mut self, other: Report) {
        self.calls += other.calls;
        self.results += other.results;
        for (name, count) in other.by_function {
            *self.by_function.entry(name).or_default() += count;
        }
        for (name, count) in other.slow {
            *self.slow.entry(name).or_default() += count;
        }
        for (status, count) in other.by_status {
            *self.by_status.entry(status).or_default() += count;
        }
        for (name, count) in other.events {
            *self.events.entry(name).or_default() += count;
        }
        for (name, count) in other.failures {
            *self.failures.entry(name).or_default() += count;
        }
        self.violations.extend(other.violations);
    }
}

/// When all threads stop.
struct End {
    stop: AtomicBool,
    left: AtomicUsize,
    until: Instant,
}

impl End {
    /// Takes one call from the budget.
    fn take(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
            && Instant::now() < self.until
    }
}

/// Attacks, gives everything back, and looks whether the library agrees.
pub fn run(abi: &impl Abi, material: &Material, attack: &Attack) -> Report {
    let world = World::default();
    let end = End {
        stop: AtomicBool::new(false),
        left: AtomicUsize::new(attack.calls),
        until: Instant::now() + attack.time,
    };
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=attack.threads as u64)
            .map(|number| {
                let (world, end) = (&world, &end);
                // Far apart, so that no thread follows in another's steps.
                let seed = attack.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                scope.spawn(move || caller::Caller::new(abi, material, world, end, seed).run())
            })
            .collect();
        for thread in threads {
            report.add(thread.join().unwrap());
        }
    });
    for session in world.live_sessions() {
        // SAFETY: null is allowed.
        unsafe { abi.close(session, std::ptr::null_mut()) };
    }
    let live = abi.live();
    if live != (0, 0) {
        report
            .violations
            .push(format!("handles and buffers left over: {live:?}"));
    }
    report
}
