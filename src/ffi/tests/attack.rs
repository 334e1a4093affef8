//! The caller that knows no rules (`ffi::attack`), on an engine that panics, hangs, floods and asks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::ffi::attack::{self, Abi, Attack, Material, StartKind};

impl Abi for Core<TestEngine> {
    fn abi_version(&self) -> u32 {
        calls::abi_version(self)
    }
    unsafe fn version(&self, out: *mut gwb_buffer, error: *mut gwb_buffer) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::version(self, out, error) }
    }
    unsafe fn open(
        &self,
        ptr: *const u8,
        len: usize,
        session: *mut u64,
        error: *mut gwb_buffer,
    ) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::open(self, ptr, len, session, error) }
    }
    unsafe fn close(&self, session: u64, error: *mut gwb_buffer) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::close(self, session, error) }
    }
    unsafe fn start(
        &self,
        kind: StartKind,
        session: u64,
        ptr: *const u8,
        len: usize,
        operation: *mut u64,
        error: *mut gwb_buffer,
    ) -> i32 {
        let (function, request): (_, fn(Value) -> Request) = match kind {
            StartKind::Enable => ("gwb_enable", Request::Enable),
            StartKind::Disable => ("gwb_disable", Request::Disable),
            StartKind::Sync => ("gwb_sync", Request::Sync),
            StartKind::Query => ("gwb_query", Request::Query),
        };
        let start = Start {
            function,
            request,
            session,
            ptr,
            len,
            operation,
        };
        // SAFETY: by this function's contract.
        unsafe { calls::start(self, start, error) }
    }
    unsafe fn next(
        &self,
        operation: u64,
        ms: u32,
        events: *mut gwb_buffer,
        error: *mut gwb_buffer,
    ) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::next(self, operation, ms, events, error) }
    }
    unsafe fn answer(
        &self,
        operation: u64,
        ptr: *const u8,
        len: usize,
        error: *mut gwb_buffer,
    ) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::answer(self, operation, ptr, len, error) }
    }
    unsafe fn cancel(&self, operation: u64, error: *mut gwb_buffer) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::cancel(self, operation, error) }
    }
    unsafe fn release(&self, operation: u64, error: *mut gwb_buffer) -> i32 {
        // SAFETY: by this function's contract.
        unsafe { calls::release(self, operation, error) }
    }
    unsafe fn buffer_free(&self, buffer: *mut gwb_buffer) {
        // SAFETY: by this function's contract.
        unsafe { calls::buffer_free(self, buffer) }
    }
    fn live(&self) -> (usize, usize) {
        Core::live(self)
    }
}

/// What the test engine understands.
fn material() -> Material {
    let requests = [
        r#"{"op":"items","count":50,"size":100}"#,
        r#"{"op":"items","count":100000,"size":1000}"#,
        r#"{"op":"wait"}"#,
        r#"{"op":"secret"}"#,
        r#"{"op":"ask","kind":"sign"}"#,
        r#"{"op":"ask","kind":"approve"}"#,
        r#"{"op":"progress","count":1000,"ms":1}"#,
        r#"{"op":"panic"}"#,
        r#"{"op":"panicStart"}"#,
        r#"{"op":"bomb"}"#,
        r#"{"op":"refuse"}"#,
        r#"{"op":"fail"}"#,
    ];
    Material {
        configs: [
            "{}",
            r#"{"panic":true}"#,
            r#"{"panicClose":true}"#,
            r#"{"refuse":true}"#,
        ]
        .map(str::to_owned)
        .to_vec(),
        requests: requests
            .map(|text| (StartKind::Query, text.to_owned()))
            .to_vec(),
        secrets: BTreeMap::from([("clientSecret".to_owned(), b"secret".to_vec())]),
        panics: true,
        running: 60,
    }
}

/// `GWB_ATTACK_SEED` replays; `fuzz/attack.rs` runs this too, under AddressSanitizer.
pub fn on_the_test_engine(seed: u64, calls: usize, time: Duration) -> attack::Report {
    let core: Core<TestEngine> = Core::new();
    attack::run(
        &core,
        &material(),
        &Attack {
            seed,
            threads: 4,
            calls,
            time,
        },
    )
}

#[cfg(test)]
#[test]
fn any_call_in_any_order() {
    let seed = std::env::var("GWB_ATTACK_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0x5eed);
    // Under an interpreter every call takes a thousand times as long.
    let calls = if cfg!(miri) { 300 } else { 60_000 };
    let report = on_the_test_engine(seed, calls, Duration::from_secs(60));
    assert!(
        report.violations.is_empty(),
        "GWB_ATTACK_SEED={seed}: {}",
        report.violations.join("\n")
    );
    assert!(cfg!(miri) || report.results > 0);
    for status in [
        GWB_OK,
        GWB_PENDING,
        GWB_END,
        GWB_INVALID_HANDLE,
        GWB_INVALID_ARGUMENT,
        GWB_ERROR,
        GWB_PANIC,
    ] {
        assert!(
            cfg!(miri) || report.by_status.contains_key(&status),
            "status {status} was never provoked: {report:?}"
        );
    }
}
