//! The C ABI with an engine made for it: what no program on the outside can provoke.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// Of all this, `fuzz/` needs the engine alone.
#![cfg_attr(not(test), allow(dead_code, unused_imports))]

mod attack;
#[cfg(test)]
mod contract;
mod engine;
#[cfg(test)]
mod panics;

pub use attack::on_the_test_engine;

use std::ptr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::buffer::gwb_buffer;
use super::calls::{self, Start};
use super::core::Core;
use super::status::*;
use crate::session::Request;
use engine::TestEngine;

// Time limits here are far above those of the contract: the machine may be busy.

/// A caller in C's place. Every call is checked: outputs only on success, `error` only on failure, in time.
struct Caller {
    core: Core<TestEngine>,
}

type Failed = (i32, Value);

impl Caller {
    fn new() -> Self {
        Caller { core: Core::new() }
    }

    fn read(&self, mut buffer: gwb_buffer) -> Vec<u8> {
        assert!(!buffer.ptr.is_null());
        // SAFETY: filled by the library, not freed yet.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.ptr, buffer.len) }.to_vec();
        // SAFETY: a valid structure.
        unsafe { calls::buffer_free(&self.core, &mut buffer) };
        assert!(buffer.ptr.is_null() && buffer.len == 0);
        bytes
    }

    /// Runs one call; `Ok` with its status, `Err` with its status and error object.
    fn call(
        &self,
        call: impl FnOnce(&Core<TestEngine>, *mut gwb_buffer) -> i32,
    ) -> Result<i32, Failed> {
        let mut error = gwb_buffer::empty();
        let begin = Instant::now();
        let status = call(&self.core, &mut error);
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
        if status < GWB_INVALID_HANDLE {
            assert!(error.ptr.is_null(), "an error object with status {status}");
            return Ok(status);
        }
        let error: Value = serde_json::from_slice(&self.read(error)).unwrap();
        for name in ["id", "category", "message", "recommendedAction"] {
            assert!(
                error[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name} in {error}"
            );
        }
        assert!(error["causes"].is_array());
        Err((status, error))
    }

    fn open(&self, config: &str) -> Result<u64, Failed> {
        let mut session = 7;
        let result = self.call(|core, error| {
            // SAFETY: valid pointers.
            unsafe { calls::open(core, config.as_ptr(), config.len(), &mut session, error) }
        });
        assert_eq!(result.is_err(), session == 7);
        result.map(|_| session)
    }

    fn start(&self, session: u64, request: &Value) -> Result<u64, Failed> {
        let request = request.to_string();
        let mut operation = 7;
        let start = Start {
            function: "gwb_query",
            request: Request::Query,
            session,
            ptr: request.as_ptr(),
            len: request.len(),
            operation: &mut operation,
        };
        // SAFETY: valid pointers.
        let result = self.call(|core, error| unsafe { calls::start(core, start, error) });
        assert_eq!(result.is_err(), operation == 7);
        result.map(|_| operation)
    }

    /// One batch: `None` at the end.
    fn next(&self, operation: u64, ms: u32) -> Result<Option<Vec<Value>>, Failed> {
        let mut events = gwb_buffer::empty();
        // SAFETY: valid pointers.
        let status = self
            .call(|core, error| unsafe { calls::next(core, operation, ms, &mut events, error) })?;
        if status != GWB_OK {
            assert!(events.ptr.is_null());
            return Ok((status == GWB_PENDING).then(Vec::new));
        }
        let bytes = self.read(events);
        let text = std::str::from_utf8(&bytes).unwrap();
        let lines: Vec<Value> = text
            .split('\n')
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(bytes.len() <= 256 * 1024 || lines.len() == 1);
        Ok(Some(lines))
    }

    fn answer(&self, operation: u64, bytes: &[u8]) -> Result<i32, Failed> {
        // SAFETY: valid pointers.
        self.call(|core, error| unsafe {
            calls::answer(core, operation, bytes.as_ptr(), bytes.len(), error)
        })
    }

    fn cancel(&self, operation: u64) -> Result<i32, Failed> {
        // SAFETY: valid pointers.
        self.call(|core, error| unsafe { calls::cancel(core, operation, error) })
    }

    fn release(&self, operation: u64) -> Result<i32, Failed> {
        // SAFETY: valid pointers.
        self.call(|core, error| unsafe { calls::release(core, operation, error) })
    }

    /// Closing may take its time; the caller of this judges how much.
    fn close(&self, session: u64) -> i32 {
        // SAFETY: null is allowed.
        unsafe { calls::close(&self.core, session, ptr::null_mut()) }
    }

    /// All events to the end.
    fn drain(&self, operation: u64) -> Vec<Value> {
        let begin = Instant::now();
        let mut events = Vec::new();
        while let Some(batch) = self.next(operation, 250).unwrap() {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "no end: {events:?}"
            );
            events.extend(batch);
        }
        assert_eq!(self.next(operation, 0).unwrap(), None, "the end stays");
        events
    }

    /// Waits for the first event of a kind.
    fn wait_for(&self, operation: u64, kind: &str) -> Value {
        for _ in 0..40 {
            let batch = self.next(operation, 250).unwrap().expect("no end yet");
            if let Some(event) = batch.into_iter().find(|event| event["event"] == kind) {
                return event;
            }
        }
        panic!("no {kind}");
    }
}
