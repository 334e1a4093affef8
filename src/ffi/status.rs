//! What every function returns. Numbers are for life: a retired one stays here as a comment and is never reused.

use crate::error::ErrorId;

/// Version of this interface. It changes when anything in the header or in docs/abi.md changes incompatibly.
pub const GWB_ABI_VERSION: u32 = 1;

/// Done.
pub const GWB_OK: i32 = 0;

/// gwb_next: nothing yet, ask again.
pub const GWB_PENDING: i32 = 1;

/// gwb_next: the operation has ended and every event was taken.
pub const GWB_END: i32 = 2;

/// No such session or operation: stale, released, or never given out.
pub const GWB_INVALID_HANDLE: i32 = 100;

/// Null pointer, bad UTF-8, bad JSON, unknown request.
pub const GWB_INVALID_ARGUMENT: i32 = 101;

/// The request was understood and refused; the error object says why.
pub const GWB_ERROR: i32 = 102;

/// A defect of the library was contained; the error object names the function.
pub const GWB_PANIC: i32 = 103;

/// The status that goes with an error.
pub(super) fn of(id: ErrorId) -> i32 {
    match id {
        ErrorId::NativeHandleInvalid => GWB_INVALID_HANDLE,
        ErrorId::InvalidArgument => GWB_INVALID_ARGUMENT,
        ErrorId::NativeEnginePanic => GWB_PANIC,
        _ => GWB_ERROR,
    }
}
