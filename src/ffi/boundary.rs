//! What every exported function goes through: panics end here, errors become objects, pointers are looked at.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::task::Poll;

use serde_json::Value;

use super::buffer::gwb_buffer;
use super::core::Core;
use super::engine::Engine;
use super::status::{self, GWB_PANIC};
use crate::error::{Error, ErrorId, Result};
use crate::session::{Outcome, Work};

#[cfg(panic = "abort")]
compile_error!("panics must be contained at the boundary: build with panic = \"unwind\"");

/// Most bytes of an input. Larger ones could not be read within the time a call may take.
const LONGEST_INPUT: usize = 16 * 1024 * 1024;

thread_local! {
    /// How many calls of ours this thread is in; threads of our runtime never leave.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the last panic of this thread was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the body of an exported function: nothing unwinds out of it, and nothing is printed.
pub(super) fn guard<E: Engine>(
    core: &Core<E>,
    function: &'static str,
    error: *mut gwb_buffer,
    body: impl FnOnce() -> Result<i32>,
) -> i32 {
    let result = contain(function, || {
        E::entered(function);
        body()
    });
    let failure = match result {
        Ok(status) => return status,
        Err(failure) => failure,
    };
    let status = status::of(failure.id);
    // Writing the error may fail as anything else; the status then stands alone.
    let written = catch_unwind(AssertUnwindSafe(|| {
        if !error.is_null() && error.is_aligned() {
            let bytes = serde_json::to_vec(&failure).unwrap_or_default();
            // SAFETY: not null, aligned, and by the function's contract writable.
            unsafe { error.write(core.lend(bytes)) };
        }
    }));
    match written {
        Ok(()) => status,
        Err(payload) => {
            discard(payload);
            GWB_PANIC
        }
    }
}

/// Runs something; a panic becomes the error `NativeEnginePanic` that names `function`.
pub(super) fn contain<T>(function: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let _inside = Inside::enter();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        silence();
        body()
    }));
    caught.unwrap_or_else(|payload| {
        let mut error = panicked(function, payload);
        if let Ok(Some(place)) = PLACE.try_with(RefCell::take) {
            error.message = format!("{} (at {place})", error.message);
        }
        Err(error)
    })
}

/// [`contain`] for work that is polled: here the place of the panic is still known.
pub(super) async fn contain_work(function: &str, mut work: Work) -> Result<Outcome> {
    std::future::poll_fn(
        |context| match contain(function, || Ok(work.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(error) => Poll::Ready(Err(error)),
        },
    )
    .await
}

/// The error for a caught panic.
pub(super) fn panicked(function: &str, payload: Box<dyn Any + Send>) -> Error {
    let words = if let Some(words) = payload.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = payload.downcast_ref::<String>() {
        words.clone()
    } else {
        "no message".to_owned()
    };
    discard(payload);
    Error::new(
        ErrorId::NativeEnginePanic,
        format!("{function} met a defect of the library: {words}"),
    )
    .target(function)
}

/// A payload may be of any type, and dropping it may panic again: then it is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

struct Inside;

impl Inside {
    fn enter() -> Self {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

/// Marks the calling thread as ours for its whole life.
pub(super) fn own_thread() {
    std::mem::forget(Inside::enter());
}

/// Keeps the panic hook from printing on our threads and inside our calls; elsewhere the hook that was there before
/// goes on as it did. (In the shared library the hook is only ours: it has its own copy of the standard library.)
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if DEPTH.try_with(Cell::get).is_ok_and(|depth| depth == 0) {
                before(info);
                return;
            }
            let place = info.location().map(ToString::to_string);
            let _ = PLACE.try_with(|last| last.replace(place));
        }));
    });
}

/// An out-parameter that is looked at before any work is done, and written only on success.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    pub(super) fn new(pointer: *mut T, name: &str) -> Result<Self> {
        if pointer.is_null() {
            return Err(wrong(format!("The out-parameter '{name}' is null.")));
        }
        if !pointer.is_aligned() {
            return Err(wrong(format!("The out-parameter '{name}' is not aligned.")));
        }
        Ok(Out(pointer))
    }

    /// Writes the value; what was there is overwritten, not freed.
    ///
    /// # Safety
    /// The pointer must be writable, as the exported functions' contract says.
    pub(super) unsafe fn write(self, value: T) {
        // SAFETY: checked for null and alignment in `new`; writable by this function's contract.
        unsafe { self.0.write(value) };
    }
}

/// The bytes of an input.
///
/// # Safety
/// `ptr` must be readable for `len` bytes while `'a` lasts.
pub(super) unsafe fn bytes<'a>(ptr: *const u8, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(wrong(format!("The input is null, but {len} bytes long.")));
    }
    if len > LONGEST_INPUT {
        return Err(wrong(format!(
            "The input is {len} bytes long; {LONGEST_INPUT} are the most."
        )));
    }
    // SAFETY: not null, shorter than isize::MAX, and by this function's contract readable for `len` bytes.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}

/// The JSON object of an input.
///
/// # Safety
/// As for [`bytes`].
pub(super) unsafe fn object(ptr: *const u8, len: usize) -> Result<Value> {
    // SAFETY: by this function's contract.
    let bytes = unsafe { bytes(ptr, len)? };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        wrong(format!(
            "The input is not UTF-8: see byte {}.",
            error.valid_up_to()
        ))
    })?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| wrong("The input is not JSON.".to_owned()).caused_by(&error))?;
    if !value.is_object() {
        return Err(wrong("The input is not a JSON object.".to_owned()));
    }
    Ok(value)
}

pub(super) fn wrong(message: String) -> Error {
    Error::new(ErrorId::InvalidArgument, message)
}
