//! What must hold of answers from the host and of events to it, whatever they are.

use serde_json::Value;

use super::{Answer, Event, wire};

/// The bytes of `gwb_answer`.
pub fn answer(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let header = data.get(..end.unwrap_or(data.len())).unwrap_or_default();
    let payload = end.and_then(|end| data.get(end + 1..));
    let Ok(header) = wire::answer_header(header) else {
        return;
    };
    for approval in [false, true] {
        match header.answer(approval, payload) {
            Ok(Answer::Bytes(bytes)) => {
                assert!(!approval && !bytes.is_empty());
                assert_eq!(Some(bytes.as_slice()), payload);
            }
            Ok(Answer::Approved { .. } | Answer::Refused) => assert!(approval),
            Ok(Answer::Unavailable) => assert!(!approval),
            Err(_) => {}
        }
    }
}

/// An item with any value: PowerShell takes neither empty names nor names that differ in case only.
pub fn item(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let line = wire::event(Event::Item { kind: "Row", value });
    assert!(!line.contains('\n'));
    let Ok(event) = serde_json::from_str::<Value>(&line) else {
        unreachable!("{line}");
    };
    names(&event);
}

fn names(value: &Value) {
    match value {
        Value::Array(values) => values.iter().for_each(names),
        Value::Object(members) => {
            let mut seen = std::collections::HashSet::new();
            for (name, value) in members {
                assert!(
                    !name.is_empty() && seen.insert(name.to_lowercase()),
                    "{name}"
                );
                names(value);
            }
        }
        _ => {}
    }
}
