//! Sessions, operations, events, answers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::engine::CLOSED;
use super::*;

fn id(error: Result<impl std::fmt::Debug, Failed>) -> (i32, String) {
    let (status, error) = error.unwrap_err();
    (status, error["id"].as_str().unwrap().to_owned())
}

#[test]
fn statuses_follow_the_errors() {
    let c = Caller::new();
    let invalid = (GWB_INVALID_ARGUMENT, "InvalidArgument".to_owned());
    assert_eq!(id(c.open("{")), invalid);
    assert_eq!(id(c.open("[]")), invalid);
    assert_eq!(id(c.open("")), invalid);
    assert_eq!(
        id(c.open(r#"{"refuse":true}"#)),
        (GWB_ERROR, "ConfigurationInvalid".to_owned())
    );
    let session = c.open("{}").unwrap();
    assert_eq!(id(c.start(session, &json!({}))), invalid);
    assert_eq!(
        id(c.start(session, &json!({"op": "refuse"}))),
        (GWB_ERROR, "NotConnected".to_owned())
    );
    assert_eq!(c.core.live(), (1, 0), "nothing is left of what failed");
}

#[test]
fn events_come_in_order_and_completely() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    // About 20 MB through a queue of one.
    let operation = c
        .start(
            session,
            &json!({"op": "items", "count": 20_000, "size": 1000}),
        )
        .unwrap();
    let events = c.drain(operation);
    assert_eq!(events.len(), 20_001);
    for (n, event) in events.iter().take(20_000).enumerate() {
        assert_eq!(event["event"], "item");
        assert_eq!(event["type"], "Row");
        assert_eq!(event["value"]["N"], n);
    }
    assert_eq!(
        events[20_000],
        json!({"event": "result", "type": "Test", "value": {"Count": 20_000}})
    );
}

#[test]
fn an_event_larger_than_a_batch_comes_alone() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c
        .start(
            session,
            &json!({"op": "items", "count": 3, "size": 2_000_000}),
        )
        .unwrap();
    let events = c.drain(operation);
    assert_eq!(events.len(), 4);
    assert_eq!(
        events[2]["value"]["Text"].as_str().unwrap().len(),
        2_000_000
    );
}

#[test]
fn names_differ_in_more_than_case() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let value =
        json!({"Map": {"mail": 1, "Mail": 2, "MAIL_2": 3, "": 4}, "List": [{"É": 1, "é": 2}]});
    let operation = c
        .start(session, &json!({"op": "item", "value": value}))
        .unwrap();
    let events = c.drain(operation);
    let map = events[0]["value"]["Map"].as_object().unwrap();
    let mut names: Vec<_> = map.keys().map(|name| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "{map:?}");
    assert!(!names.contains(&String::new()));
    assert_eq!(events[0]["value"]["List"][0].as_object().unwrap().len(), 2);
    assert_eq!(
        events[1],
        json!({"event": "result", "type": null, "value": null})
    );
}

#[test]
fn progress_is_thinned_out_and_its_last_state_delivered() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let begin = Instant::now();
    let operation = c
        .start(
            session,
            &json!({"op": "progress", "count": 10_000, "ms": 15}),
        )
        .unwrap();
    let events = c.drain(operation);
    let most = begin.elapsed().as_millis() as usize / 100 + 2;
    let progress: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "progress")
        .collect();
    assert!(
        (5..=most).contains(&progress.len()),
        "{} of {most}",
        progress.len()
    );
    let last = progress.last().unwrap();
    assert_eq!(
        (&last["done"], &last["total"]),
        (&json!(10_000), &json!(10_000))
    );
    assert_eq!(last["secondsLeft"], 0);
    assert!(last["rate"].as_f64().unwrap() > 100.0, "{last}");
    assert!(
        progress
            .iter()
            .any(|event| event["secondsLeft"].as_u64().is_some_and(|left| left > 0))
    );
}

#[test]
fn a_secret_is_asked_for_and_answered() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c.start(session, &json!({"op": "secret"})).unwrap();
    let ask = c.wait_for(operation, "ask");
    assert_eq!(
        ask,
        json!({"event": "ask", "ask": 1, "kind": "secret", "name": "clientSecret", "prompt": "The secret"})
    );
    let invalid = (GWB_INVALID_ARGUMENT, "InvalidArgument".to_owned());
    for wrong in [
        &b""[..],
        b"\n",
        b"hidden",
        b"{\"ask\":1}",
        b"{\"ask\":1}\n",
        b"{\"ask\":2}\nhidden",
        b"{\"ask\":1,\"approve\":true}",
        b"{\"ask\":1,\"secret\":\"hidden\"}\n",
        b"{\"ask\":1,\"unavailable\":true}\nhidden",
        b"{\"ask\":\"hidden\"}\nhidden",
        b"\xff\xfe\nhidden",
    ] {
        let failed = c.answer(operation, wrong);
        assert!(
            !failed
                .as_ref()
                .unwrap_err()
                .1
                .to_string()
                .contains("hidden"),
            "{failed:?}"
        );
        assert_eq!(id(failed), invalid);
    }
    assert_eq!(c.next(operation, 0).unwrap(), Some(vec![]));
    c.answer(operation, b"{\"ask\":1}\n\xff\n\x00a").unwrap();
    assert_eq!(id(c.answer(operation, b"{\"ask\":1}\nb")), invalid);
    let events = c.drain(operation);
    assert_eq!(
        events.last().unwrap()["value"],
        json!({"Length": 4, "Sum": 255 + 10 + 97})
    );
}

#[test]
fn other_answers() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    for (kind, answer, value) in [
        ("sign", &b"{\"ask\":1}\nsignature"[..], json!({"Bytes": 9})),
        (
            "sign",
            b"{\"ask\":1,\"unavailable\":true}\n",
            json!("unavailable"),
        ),
        (
            "approve",
            b"{\"ask\":1,\"approve\":true}",
            json!({"Refused": []}),
        ),
        (
            "approve",
            b"{\"ask\":1,\"approve\":true,\"refused\":[\"a\"]}\n",
            json!({"Refused": ["a"]}),
        ),
        (
            "approve",
            b"{\"ask\":1,\"approve\":false}\n",
            json!("refused"),
        ),
    ] {
        let operation = c
            .start(session, &json!({"op": "ask", "kind": kind}))
            .unwrap();
        let ask = c.wait_for(operation, "ask");
        assert_eq!(ask["kind"], kind);
        if kind == "sign" {
            assert_eq!(
                (&ask["algorithm"], &ask["data"]),
                (&json!("PS256"), &json!("dG8gc2lnbg=="))
            );
        } else {
            assert_eq!((&ask["planId"], &ask["groups"]), (&json!("p"), &json!(2)));
            assert!(
                c.answer(operation, b"{\"ask\":1,\"unavailable\":true}")
                    .is_err()
            );
            assert!(c.answer(operation, b"{\"ask\":1}\nx").is_err());
        }
        c.answer(operation, answer).unwrap();
        assert_eq!(c.drain(operation).last().unwrap()["value"], value);
    }
}

#[test]
fn cancelling_frees_every_waiter() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    for request in [
        json!({"op": "wait"}),
        json!({"op": "secret"}),
        json!({"op": "ask"}),
        json!({"op": "items", "count": 1_000_000, "size": 10_000}),
    ] {
        let operation = c.start(session, &request).unwrap();
        std::thread::sleep(Duration::from_millis(30));
        c.cancel(operation).unwrap();
        c.cancel(operation).unwrap();
        // An answer under way is no mistake.
        if request["op"] == "secret" {
            std::thread::sleep(Duration::from_millis(30));
            c.answer(operation, b"{\"ask\":1}\nx").unwrap();
        }
        let last = c.drain(operation).pop().unwrap();
        assert_eq!(last["event"], "failed");
        assert_eq!(last["error"]["id"], "OperationCancelled");
        c.cancel(operation).unwrap();
        c.release(operation).unwrap();
        let gone = (GWB_INVALID_HANDLE, "NativeHandleInvalid".to_owned());
        assert_eq!(id(c.release(operation)), gone);
        assert_eq!(id(c.cancel(operation)), gone);
        assert_eq!(id(c.next(operation, 0)), gone);
        assert_eq!(id(c.answer(operation, b"{\"ask\":1}\nx")), gone);
    }
}

#[test]
fn sessions_and_operations_are_told_apart() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c.start(session, &json!({"op": "wait"})).unwrap();
    let gone = (GWB_INVALID_HANDLE, "NativeHandleInvalid".to_owned());
    assert_eq!(id(c.next(session, 0)), gone);
    assert_eq!(id(c.release(session)), gone);
    assert_eq!(id(c.start(operation, &json!({"op": "wait"}))), gone);
    assert_eq!(c.close(operation), GWB_INVALID_HANDLE);
    // And nothing of this did any harm.
    assert_eq!(c.next(operation, 0).unwrap(), Some(vec![]));
    assert_eq!(c.close(session), GWB_OK);
    assert_eq!(id(c.next(operation, 0)), gone);
    assert_eq!(c.close(session), GWB_INVALID_HANDLE);
    assert_eq!(c.core.live(), (0, 0));
}

#[test]
fn closing_wakes_who_waits() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c.start(session, &json!({"op": "wait"})).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            while c.next(operation, 250).is_ok() {}
            Instant::now()
        });
        std::thread::sleep(Duration::from_millis(20));
        let begin = Instant::now();
        assert_eq!(c.close(session), GWB_OK);
        assert!(waiter.join().unwrap() - begin < Duration::from_secs(2));
    });
}

#[test]
fn closing_breaks_off_what_does_not_stop() {
    let c = Caller::new();
    let closed = CLOSED.load(Ordering::SeqCst);
    let session = c.open(r#"{"hangClose":true}"#).unwrap();
    let stubborn = c.start(session, &json!({"op": "stubborn"})).unwrap();
    // Released work still belongs to the session.
    c.start(session, &json!({"op": "stubborn"})).unwrap();
    c.release(stubborn).unwrap();
    let begin = Instant::now();
    assert_eq!(c.close(session), GWB_OK);
    let elapsed = begin.elapsed();
    assert!(
        elapsed > Duration::from_millis(600) && elapsed < Duration::from_secs(4),
        "{elapsed:?}"
    );
    assert!(CLOSED.load(Ordering::SeqCst) > closed);
}

#[test]
fn closing_leaves_behind_what_blocks() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    c.start(session, &json!({"op": "block", "ms": 6_000}))
        .unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let begin = Instant::now();
    assert_eq!(c.close(session), GWB_OK);
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    // Not to wait for the thread, as dropping the runtime would.
    std::mem::forget(c);
}

#[test]
fn two_threads_share_an_operation() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c
        .start(
            session,
            &json!({"op": "items", "count": 30_000, "size": 100}),
        )
        .unwrap();
    let take = || {
        let mut events = Vec::new();
        while let Some(batch) = c.next(operation, 250).unwrap() {
            events.extend(batch);
        }
        events
    };
    let (first, second) = std::thread::scope(|scope| {
        let (a, b) = (scope.spawn(take), scope.spawn(take));
        (a.join().unwrap(), b.join().unwrap())
    });
    let rows = |events: &[Value]| {
        events
            .iter()
            .filter_map(|event| event["value"]["N"].as_u64())
            .collect::<Vec<_>>()
    };
    for part in [&first, &second] {
        assert!(rows(part).is_sorted(), "a batch is taken whole");
    }
    let mut all = rows(&first);
    all.extend(rows(&second));
    all.sort_unstable();
    assert!(all.into_iter().eq(0..30_000));
}

#[test]
fn a_buffer_is_freed_once() {
    let c = Caller::new();
    let mut out = gwb_buffer::empty();
    // SAFETY: valid pointers.
    c.call(|core, error| unsafe { calls::version(core, &mut out, error) })
        .unwrap();
    let (ptr, len) = (out.ptr, out.len);
    let copy = || gwb_buffer { ptr, len };
    let mut cut = gwb_buffer { ptr, len: len - 1 };
    let mut inside = gwb_buffer {
        ptr: ptr.wrapping_add(1),
        len,
    };
    for (buffer, left) in [
        (&mut cut, 1),
        (&mut inside, 1),
        (&mut out, 0),
        (&mut copy(), 0),
        (&mut copy(), 0),
    ] {
        // SAFETY: a valid structure.
        unsafe { calls::buffer_free(&c.core, buffer) };
        assert!(buffer.ptr.is_null() && buffer.len == 0);
        assert_eq!(c.core.live(), (0, left));
    }
}

#[test]
fn waiting_is_bounded() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c.start(session, &json!({"op": "wait"})).unwrap();
    for (asked, least) in [(0, 0), (60, 60), (u32::MAX, 250)] {
        let begin = Instant::now();
        assert_eq!(c.next(operation, asked).unwrap(), Some(vec![]));
        let took = begin.elapsed().as_millis();
        assert!((least..least + 1000).contains(&took), "{asked}: {took}");
    }
}

#[test]
fn a_failure_is_the_last_event() {
    let c = Caller::new();
    let session = c.open("{}").unwrap();
    let operation = c.start(session, &json!({"op": "fail"})).unwrap();
    let events = c.drain(operation);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event"], "failed");
    assert_eq!(events[0]["error"]["id"], "GroupNotFound");
    assert_eq!(events[0]["error"]["category"], "ObjectNotFound");
    assert_eq!(events[0]["error"]["target"], "g");
}
