//! The exported functions themselves.

use super::{Abi, Error, StartKind};
use crate::ffi::{self, gwb_buffer};

/// The library as it is exported.
pub struct Exported;

// Each function's contract is that of the exported one.
impl Abi for Exported {
    fn abi_version(&self) -> u32 {
        ffi::gwb_abi_version()
    }
    unsafe fn version(&self, out: *mut gwb_buffer, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_version(out, error) }
    }
    unsafe fn open(&self, ptr: *const u8, len: usize, session: *mut u64, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_open(ptr, len, session, error) }
    }
    unsafe fn close(&self, session: u64, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_close(session, error) }
    }
    unsafe fn start(
        &self,
        kind: StartKind,
        session: u64,
        ptr: *const u8,
        len: usize,
        operation: *mut u64,
        error: Error,
    ) -> i32 {
        let function = match kind {
            StartKind::Enable => ffi::gwb_enable,
            StartKind::Disable => ffi::gwb_disable,
            StartKind::Sync => ffi::gwb_sync,
            StartKind::Query => ffi::gwb_query,
        };
        // SAFETY: by this function's contract.
        unsafe { function(session, ptr, len, operation, error) }
    }
    unsafe fn next(&self, operation: u64, ms: u32, events: *mut gwb_buffer, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_next(operation, ms, events, error) }
    }
    unsafe fn answer(&self, operation: u64, ptr: *const u8, len: usize, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_answer(operation, ptr, len, error) }
    }
    unsafe fn cancel(&self, operation: u64, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_cancel(operation, error) }
    }
    unsafe fn release(&self, operation: u64, error: Error) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_release(operation, error) }
    }
    unsafe fn buffer_free(&self, buffer: *mut gwb_buffer) {
        // SAFETY: by this function's contract.
        unsafe { ffi::gwb_buffer_free(buffer) }
    }
    fn live(&self) -> (usize, usize) {
        ffi::live()
    }
}
