//! The exported functions, in the order of the header. docs/abi.md is their contract.

use libc::size_t;

use super::buffer::gwb_buffer;
use super::calls::{self, Start};
use super::core::Core;
use crate::session::{Request, Session};

/// The library's only state.
static CORE: Core<Session> = Core::new();

/// Handles and buffers that are given out.
#[cfg(any(test, fuzzing))]
pub fn live() -> (usize, usize) {
    CORE.live()
}

/// The version of this interface, GWB_ABI_VERSION. Compare it before calling anything else.
#[unsafe(no_mangle)]
pub extern "C" fn gwb_abi_version() -> u32 {
    calls::abi_version(&CORE)
}

/// The versions of the library and of this interface, as JSON: {"version":"0.1.0","abi":1}.
///
/// # Safety
/// `out` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_version(out: *mut gwb_buffer, error: *mut gwb_buffer) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::version(&CORE, out, error) }
}

/// Opens a session. Reads and validates the configuration; no network.
///
/// # Safety
/// `ptr` is readable for `len` bytes; `session` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_open(
    ptr: *const u8,
    len: size_t,
    session: *mut u64,
    error: *mut gwb_buffer,
) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::open(&CORE, ptr, len, session, error) }
}

/// Closes a session: cancels what runs, waits for it (at most 10 seconds), forgets secrets. The handles of its
/// operations are dead from then on.
///
/// # Safety
/// `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_close(session: u64, error: *mut gwb_buffer) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::close(&CORE, session, error) }
}

/// Starts an operation that switches writeback on.
///
/// # Safety
/// `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_enable(
    session: u64,
    ptr: *const u8,
    len: size_t,
    operation: *mut u64,
    error: *mut gwb_buffer,
) -> i32 {
    let start = Start {
        function: "gwb_enable",
        request: Request::Enable,
        session,
        ptr,
        len,
        operation,
    };
    // SAFETY: by this function's contract.
    unsafe { calls::start(&CORE, start, error) }
}

/// Starts an operation that switches writeback off.
///
/// # Safety
/// `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_disable(
    session: u64,
    ptr: *const u8,
    len: size_t,
    operation: *mut u64,
    error: *mut gwb_buffer,
) -> i32 {
    let start = Start {
        function: "gwb_disable",
        request: Request::Disable,
        session,
        ptr,
        len,
        operation,
    };
    // SAFETY: by this function's contract.
    unsafe { calls::start(&CORE, start, error) }
}

/// Starts an operation that writes groups: a cycle, single groups, or a stored plan.
///
/// # Safety
/// `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_sync(
    session: u64,
    ptr: *const u8,
    len: size_t,
    operation: *mut u64,
    error: *mut gwb_buffer,
) -> i32 {
    let start = Start {
        function: "gwb_sync",
        request: Request::Sync,
        session,
        ptr,
        len,
        operation,
    };
    // SAFETY: by this function's contract.
    unsafe { calls::start(&CORE, start, error) }
}

/// Starts any other operation; the member `op` of the request says which.
///
/// # Safety
/// `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_query(
    session: u64,
    ptr: *const u8,
    len: size_t,
    operation: *mut u64,
    error: *mut gwb_buffer,
) -> i32 {
    let start = Start {
        function: "gwb_query",
        request: Request::Query,
        session,
        ptr,
        len,
        operation,
    };
    // SAFETY: by this function's contract.
    unsafe { calls::start(&CORE, start, error) }
}

/// Takes a batch of events, waiting for them at most `timeout_ms` and never longer than 250 milliseconds: GWB_OK with
/// JSON objects separated by line feeds, GWB_PENDING, or GWB_END.
///
/// # Safety
/// `events` is writable; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_next(
    operation: u64,
    timeout_ms: u32,
    events: *mut gwb_buffer,
    error: *mut gwb_buffer,
) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::next(&CORE, operation, timeout_ms, events, error) }
}

/// Answers an `ask` event: one line of JSON, a line feed, the payload as raw bytes. The caller may zero its bytes as
/// soon as the function has returned.
///
/// # Safety
/// `ptr` is readable for `len` bytes; `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_answer(
    operation: u64,
    ptr: *const u8,
    len: size_t,
    error: *mut gwb_buffer,
) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::answer(&CORE, operation, ptr, len, error) }
}

/// Asks an operation to stop; its last event is then `failed` with the error OperationCancelled. Asking again, or
/// after the end, does nothing.
///
/// # Safety
/// `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_cancel(operation: u64, error: *mut gwb_buffer) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::cancel(&CORE, operation, error) }
}

/// Forgets an operation, and cancels it if it still runs. Its handle is dead from then on.
///
/// # Safety
/// `error` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_release(operation: u64, error: *mut gwb_buffer) -> i32 {
    // SAFETY: by this function's contract.
    unsafe { calls::release(&CORE, operation, error) }
}

/// Frees a buffer and empties the structure. Null, an empty structure, and one that was freed before are ignored.
///
/// # Safety
/// `buffer` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gwb_buffer_free(buffer: *mut gwb_buffer) {
    // SAFETY: by this function's contract.
    unsafe { calls::buffer_free(&CORE, buffer) }
}
