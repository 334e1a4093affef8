//! The JSON of events and answers, as `docs/abi.md` gives it. Every event is one line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::queue::secret;
use super::{Answer, Ask, Event, Level};
use crate::error::{Error, ErrorId, Result};
use crate::session::Outcome;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
enum Line<'a> {
    #[serde(rename_all = "camelCase")]
    Progress {
        phase: &'a str,
        done: u64,
        total: Option<u64>,
        rate: Option<f64>,
        seconds_left: Option<u64>,
        text: &'a str,
    },
    Message {
        level: &'a str,
        text: &'a str,
    },
    Warning(&'a Error),
    Error {
        error: &'a Error,
    },
    Item {
        r#type: &'a str,
        value: &'a Value,
    },
    Ask {
        ask: u64,
        #[serde(flatten)]
        question: Question<'a>,
    },
    Result {
        r#type: Option<&'a str>,
        value: Option<&'a Value>,
    },
    Failed {
        error: &'a Error,
    },
}

#[derive(Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Question<'a> {
    Secret { name: &'a str, prompt: &'a str },
    Sign { algorithm: &'a str, data: String },
    Approve { plan_id: &'a str, groups: u64 },
}

/// The line's text. The types above can't fail to serialize; should they ever, the caller hears of it.
fn text(line: &Line<'_>) -> String {
    serde_json::to_string(line).unwrap_or_else(|_| {
        r#"{"event":"message","level":"debug","text":"An event could not be written."}"#.to_owned()
    })
}

/// Every event but progress, which [`progress`] writes.
pub(super) fn event(event: Event) -> String {
    match event {
        Event::Progress {
            phase,
            done,
            total,
            text,
        } => progress(phase, done, total, None, None, &text),
        Event::Message { level, text: words } => text(&Line::Message {
            level: match level {
                Level::Verbose => "verbose",
                Level::Debug => "debug",
                Level::Information => "information",
            },
            text: &words,
        }),
        Event::Warning(warning) => text(&Line::Warning(&warning)),
        Event::Failure(error) => text(&Line::Error { error: &error }),
        Event::Item { kind, mut value } => {
            distinguish_keys(&mut value);
            text(&Line::Item {
                r#type: kind,
                value: &value,
            })
        }
    }
}

pub(super) fn progress(
    phase: &str,
    done: u64,
    total: Option<u64>,
    rate: Option<f64>,
    seconds_left: Option<u64>,
    words: &str,
) -> String {
    text(&Line::Progress {
        phase,
        done,
        total,
        rate,
        seconds_left,
        text: words,
    })
}

pub(super) fn ask(number: u64, ask: &Ask) -> String {
    let question = match ask {
        Ask::Secret { name, prompt } => Question::Secret { name, prompt },
        Ask::Sign { data } => Question::Sign {
            algorithm: "PS256",
            data: STANDARD.encode(data),
        },
        Ask::Approve { plan_id, groups } => Question::Approve {
            plan_id,
            groups: *groups,
        },
    };
    text(&Line::Ask {
        ask: number,
        question,
    })
}

/// `result` or `failed`.
pub(super) fn last(result: Result<Outcome>) -> String {
    match result {
        Ok(Outcome { kind, mut value }) => {
            if let Some(value) = &mut value {
                distinguish_keys(value);
            }
            text(&Line::Result {
                r#type: kind,
                value: value.as_ref(),
            })
        }
        Err(error) => text(&Line::Failed { error: &error }),
    }
}

/// PowerShell takes neither empty names nor names that differ in case only, and would lose the whole batch over one.
/// Types have none; maps with an administrator's words as names may.
fn distinguish_keys(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(distinguish_keys),
        Value::Object(members) => {
            members.values_mut().for_each(distinguish_keys);
            let mut seen = std::collections::HashSet::new();
            if members
                .keys()
                .all(|name| !name.is_empty() && seen.insert(name.to_lowercase()))
            {
                return;
            }
            let mut distinct = Map::new();
            seen.clear();
            for (name, value) in std::mem::take(members) {
                let stem = if name.is_empty() { "_" } else { name.as_str() };
                let mut name = stem.to_owned();
                let mut number = 1;
                while !seen.insert(name.to_lowercase()) {
                    number += 1;
                    name = format!("{stem}_{number}");
                }
                distinct.insert(name, value);
            }
            *members = distinct;
        }
        _ => {}
    }
}

/// The JSON line of an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerHeader {
    pub(super) ask: u64,
    #[serde(default)]
    unavailable: Option<bool>,
    #[serde(default)]
    approve: Option<bool>,
    #[serde(default)]
    refused: Option<Vec<String>>,
}

/// Reads the JSON line of an answer. What is in it is never repeated in a message: a host that mixes up line and
/// payload must not find its secret in a log.
pub(super) fn answer_header(line: &[u8]) -> Result<AnswerHeader> {
    serde_json::from_slice(line).map_err(|error| {
        wrong(format!(
            "The answer's first line is not of the form needed (column {}).",
            error.column()
        ))
    })
}

impl AnswerHeader {
    /// The answer, if it is one to the question.
    pub(super) fn answer(&self, approval: bool, payload: Option<&[u8]>) -> Result<Answer> {
        let payload = payload.unwrap_or_default();
        if self.unavailable == Some(true) {
            return if approval {
                Err(self.wrong("an approval is asked for"))
            } else if self.approve.is_none() && self.refused.is_none() && payload.is_empty() {
                Ok(Answer::Unavailable)
            } else {
                Err(self.wrong("'unavailable' goes with nothing else"))
            };
        }
        match (approval, self.approve) {
            (true, Some(true)) if payload.is_empty() => Ok(Answer::Approved {
                refused: self.refused.clone().unwrap_or_default(),
            }),
            (true, Some(false)) if payload.is_empty() && self.refused.is_none() => {
                Ok(Answer::Refused)
            }
            (true, _) => Err(self.wrong("an approval is asked for")),
            (false, None) if self.refused.is_none() && !payload.is_empty() => {
                Ok(Answer::Bytes(secret(payload)))
            }
            // No empty secrets: a directory takes an empty password for an anonymous bind and lets it pass.
            (false, _) => Err(self.wrong("a payload after the first line is asked for")),
        }
    }

    fn wrong(&self, what: &str) -> Error {
        wrong(format!(
            "The answer to ask {} does not fit: {what}.",
            self.ask
        ))
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorId::InvalidArgument, message)
}
