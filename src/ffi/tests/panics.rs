//! Panics, everywhere they could come from.

use std::process::Command;

use serde_json::json;

use super::engine::PANIC_IN;
use super::*;

/// Sets the function that panics on this thread, and unsets it at the end.
struct Armed;

impl Armed {
    fn new(function: &'static str) -> Self {
        PANIC_IN.set(function);
        Armed
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        PANIC_IN.set("");
    }
}

fn assert_panic(function: &str, failed: Result<impl std::fmt::Debug, Failed>) {
    let (status, error) = failed.unwrap_err();
    assert_eq!(status, GWB_PANIC, "{function}");
    assert_eq!(error["id"], "NativeEnginePanic");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(function) && message.contains(".rs:"),
        "{message}"
    );
}

#[test]
fn every_function_contains_a_panic() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c.start(session, &json!({"op": "wait"})).unwrap();
    let mut seen = 0;
    for function in function_names() {
        let armed = Armed::new(function);
        let mut out = gwb_buffer::empty();
        let mut token = 0;
        let start = |request: fn(Value) -> Request, token: &mut u64| Start {
            function,
            request,
            session,
            ptr: b"{}".as_ptr(),
            len: 2,
            operation: token,
        };
        // SAFETY: every pointer below is valid.
        let result = c.call(|core, error| unsafe {
            match function {
                "gwb_abi_version" => {
                    assert_eq!(calls::abi_version(core), 0);
                    drop(armed);
                    calls::version(core, ptr::null_mut(), error)
                }
                "gwb_version" => calls::version(core, &mut out, error),
                "gwb_open" => calls::open(core, b"{}".as_ptr(), 2, &mut token, error),
                "gwb_close" => calls::close(core, session, error),
                "gwb_enable" => calls::start(core, start(Request::Enable, &mut token), error),
                "gwb_disable" => calls::start(core, start(Request::Disable, &mut token), error),
                "gwb_sync" => calls::start(core, start(Request::Sync, &mut token), error),
                "gwb_query" => calls::start(core, start(Request::Query, &mut token), error),
                "gwb_next" => calls::next(core, operation, 0, &mut out, error),
                "gwb_answer" => calls::answer(core, operation, b"{}".as_ptr(), 2, error),
                "gwb_cancel" => calls::cancel(core, operation, error),
                "gwb_release" => calls::release(core, operation, error),
                "gwb_buffer_free" => {
                    calls::buffer_free(core, &mut out);
                    drop(armed);
                    calls::version(core, ptr::null_mut(), error)
                }
                other => panic!("{other} is not tested"),
            }
        });
        match function {
            // Without an error to hand out: it is enough that they came back.
            "gwb_abi_version" | "gwb_buffer_free" => {
                assert_eq!(result.unwrap_err().0, GWB_INVALID_ARGUMENT);
            }
            _ => assert_panic(function, result),
        }
        assert!(
            out.ptr.is_null() && token == 0,
            "{function} wrote an output"
        );
        seen += 1;
    }
    assert_eq!(seen, 13);
    // The session has survived all of it.
    c.cancel(operation).unwrap();
    assert_eq!(c.drain(operation).len(), 1);
    assert_eq!(c.close(session), GWB_OK);
}

/// The exported functions, from the source of truth.
fn function_names() -> Vec<&'static str> {
    include_str!("../exports.rs")
        .split("extern \"C\" fn ")
        .skip(1)
        .filter_map(|rest| rest.split('(').next())
        .collect()
}

#[test]
fn panics_of_the_engine_are_contained() {
    let c = Caller::new();
    assert_panic("gwb_open", c.open(r#"{"panic":true}"#));
    let session = c.open(r#"{"panicClose":true}"#).unwrap();
    assert_panic("gwb_query", c.start(session, &json!({"op": "panicStart"})));
    for (op, words) in [("panic", "in the work"), ("bomb", "no message")] {
        let operation = c.start(session, &json!({"op": op})).unwrap();
        let events = c.drain(operation);
        let error = &events.last().unwrap()["error"];
        assert_eq!(error["id"], "NativeEnginePanic");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("gwb_query") && message.contains(words),
            "{message}"
        );
    }
    assert_eq!(c.close(session), GWB_PANIC);
    assert_eq!(c.close(session), GWB_INVALID_HANDLE);
    assert_eq!(c.core.live(), (0, 0));
}

/// Runs one of the ignored tests below in a process of its own: what it prints, and its errors.
fn child(name: &str) -> (String, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "--quiet"])
        .arg(format!("ffi::tests::panics::{name}"))
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
    (out, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[ignore = "run by nothing_is_printed"]
fn ours() {
    every_function_contains_a_panic();
    panics_of_the_engine_are_contained();
}

#[test]
fn nothing_is_printed() {
    let (out, err) = child("ours");
    assert_eq!(err, "");
    assert!(!out.contains("panicked"), "{out}");
}

#[test]
#[ignore = "run by other_panics_are_printed_as_before"]
fn not_ours() {
    let c = Caller::new();
    assert!(c.open(r#"{"panic":true}"#).is_err());
    assert!(std::panic::catch_unwind(|| panic!("not ours")).is_err());
}

#[test]
fn other_panics_are_printed_as_before() {
    let (_, err) = child("not_ours");
    assert!(err.contains("not ours") && !err.contains("open 1"), "{err}");
}
