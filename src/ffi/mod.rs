//! The C ABI: exported functions around the engine. The only unsafe code of the crate, and it knows nothing of groups.
//!
//! `exports` has the functions, `calls` their bodies for any engine, `boundary` what all of them go through,
//! `core` sessions, operations and the runtime, `handle` the tokens, `buffer` the bytes lent to callers. `gssapi` and
//! `os` are the other way round: what we call of the system.
//! `docs/abi.md` is the contract.

use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(windows)]
pub mod access;
#[cfg(any(test, fuzzing))]
pub mod attack;
mod boundary;
mod buffer;
mod calls;
mod core;
#[cfg(windows)]
pub mod dpapi;
mod engine;
mod exports;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub mod gssapi;
mod handle;
mod memory;
pub mod os;
#[cfg(windows)]
pub mod sspi;
mod status;
#[cfg(any(test, fuzzing))]
pub mod tests;

pub use buffer::gwb_buffer;
pub use exports::*;
pub use status::*;

/// Locks; a panic elsewhere leaves nothing half done under our locks, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
