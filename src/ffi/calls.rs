//! The bodies of the exported functions, for any engine.
//!
//! Each is unsafe for one reason: pointers are the caller's. What they must be is said at the exported functions.
#![allow(clippy::missing_safety_doc)]

use std::time::Duration;

use serde_json::{Value, json};

use super::boundary::{Out, bytes, guard, object};
use super::buffer::gwb_buffer;
use super::core::Core;
use super::engine::Engine;
use super::status::{GWB_ABI_VERSION, GWB_END, GWB_OK, GWB_PENDING};
use crate::operation::queue::Next;
use crate::session::Request;

type Error = *mut gwb_buffer;

pub(super) fn abi_version<E: Engine>(core: &Core<E>) -> u32 {
    let mut version = 0;
    guard(core, "gwb_abi_version", std::ptr::null_mut(), || {
        version = GWB_ABI_VERSION;
        Ok(GWB_OK)
    });
    version
}

pub(super) unsafe fn version<E: Engine>(core: &Core<E>, out: *mut gwb_buffer, error: Error) -> i32 {
    guard(core, "gwb_version", error, || {
        let out = Out::new(out, "out")?;
        let version = json!({"version": env!("CARGO_PKG_VERSION"), "abi": GWB_ABI_VERSION});
        // SAFETY: by the exported function's contract.
        unsafe { out.write(core.lend(version.to_string().into_bytes())) };
        Ok(GWB_OK)
    })
}

pub(super) unsafe fn open<E: Engine>(
    core: &Core<E>,
    ptr: *const u8,
    len: usize,
    session: *mut u64,
    error: Error,
) -> i32 {
    guard(core, "gwb_open", error, || {
        let session = Out::new(session, "session")?;
        // SAFETY: by the exported function's contract.
        let config = unsafe { object(ptr, len)? };
        let token = core.open(&config)?;
        // SAFETY: by the exported function's contract.
        unsafe { session.write(token) };
        Ok(GWB_OK)
    })
}

pub(super) unsafe fn close<E: Engine>(core: &Core<E>, session: u64, error: Error) -> i32 {
    guard(core, "gwb_close", error, || {
        core.close(session).map(|()| GWB_OK)
    })
}

/// What the four functions that start an operation are given.
pub(super) struct Start {
    pub(super) function: &'static str,
    pub(super) request: fn(Value) -> Request,
    pub(super) session: u64,
    pub(super) ptr: *const u8,
    pub(super) len: usize,
    pub(super) operation: *mut u64,
}

pub(super) unsafe fn start<E: Engine>(core: &Core<E>, start: Start, error: Error) -> i32 {
    guard(core, start.function, error, || {
        let operation = Out::new(start.operation, "operation")?;
        // SAFETY: by the exported function's contract.
        let members = unsafe { object(start.ptr, start.len)? };
        let token = core.start(start.function, start.session, (start.request)(members))?;
        // SAFETY: by the exported function's contract.
        unsafe { operation.write(token) };
        Ok(GWB_OK)
    })
}

pub(super) unsafe fn next<E: Engine>(
    core: &Core<E>,
    operation: u64,
    timeout_ms: u32,
    events: *mut gwb_buffer,
    error: Error,
) -> i32 {
    guard(core, "gwb_next", error, || {
        let events = Out::new(events, "events")?;
        match core.next(operation, Duration::from_millis(timeout_ms.into()))? {
            Next::Batch(batch) => {
                // SAFETY: by the exported function's contract.
                unsafe { events.write(core.lend(batch.into_bytes())) };
                Ok(GWB_OK)
            }
            Next::Pending => Ok(GWB_PENDING),
            Next::End | Next::Gone => Ok(GWB_END),
        }
    })
}

pub(super) unsafe fn answer<E: Engine>(
    core: &Core<E>,
    operation: u64,
    ptr: *const u8,
    len: usize,
    error: Error,
) -> i32 {
    guard(core, "gwb_answer", error, || {
        // SAFETY: by the exported function's contract.
        let bytes = unsafe { bytes(ptr, len)? };
        core.answer(operation, bytes).map(|()| GWB_OK)
    })
}

pub(super) unsafe fn cancel<E: Engine>(core: &Core<E>, operation: u64, error: Error) -> i32 {
    guard(core, "gwb_cancel", error, || {
        core.cancel(operation).map(|()| GWB_OK)
    })
}

pub(super) unsafe fn release<E: Engine>(core: &Core<E>, operation: u64, error: Error) -> i32 {
    guard(core, "gwb_release", error, || {
        core.release(operation).map(|()| GWB_OK)
    })
}

pub(super) unsafe fn buffer_free<E: Engine>(core: &Core<E>, buffer: *mut gwb_buffer) {
    guard(core, "gwb_buffer_free", std::ptr::null_mut(), || {
        if let Ok(out) = Out::new(buffer, "buffer") {
            // SAFETY: not null and aligned (else `new` had failed), readable by the exported function's contract.
            core.take_back(unsafe { &*buffer });
            // SAFETY: by the exported function's contract.
            unsafe { out.write(gwb_buffer::empty()) };
        }
        Ok(GWB_OK)
    });
}
