//! Reading the members of a JSON object with all faults found at once, each with its path.

use serde_json::{Map, Value};

/// What a member may hold.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// `true` or `false`.
    Flag,
    /// Text, not empty.
    Text,
    /// Exactly one of these.
    Choice(&'static [&'static str]),
    /// A whole number between these.
    Number(u64, u64),
    /// A list of texts.
    Texts,
    /// An object, looked at elsewhere.
    Object,
}

impl Form {
    /// What is wrong with a value of this form.
    fn fault(self, value: &Value) -> Option<String> {
        match self {
            Form::Flag if !value.is_boolean() => Some("must be true or false".to_owned()),
            Form::Text if value.as_str().is_none_or(|text| text.trim().is_empty()) => {
                Some("must be a text that is not empty".to_owned())
            }
            Form::Choice(choices) if value.as_str().is_none_or(|text| !choices.contains(&text)) => {
                Some(format!("must be one of {}", choices.join(", ")))
            }
            Form::Number(least, most)
                if value
                    .as_u64()
                    .is_none_or(|number| !(least..=most).contains(&number)) =>
            {
                Some(format!("must be a whole number from {least} to {most}"))
            }
            Form::Texts
                if value
                    .as_array()
                    .is_none_or(|list| !list.iter().all(Value::is_string)) =>
            {
                Some("must be a list of texts".to_owned())
            }
            Form::Object if !value.is_object() => Some("must be an object".to_owned()),
            _ => None,
        }
    }
}

/// The members that an object may have.
pub type Shape = &'static [(&'static str, Form)];

/// Faults found so far: path and what is wrong.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<(String, String)>);

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push((path.into(), message.into()));
    }

    /// Compares an object with its shape. `null` is as good as absent. `prefix` ends in a dot or is empty.
    pub fn compare(&mut self, prefix: &str, members: &Map<String, Value>, shape: Shape) {
        for (name, value) in members {
            let path = format!("{prefix}{name}");
            match shape.iter().find(|(known, _)| known == name) {
                Some((_, form)) => {
                    if let Some(fault) = Some(value)
                        .filter(|value| !value.is_null())
                        .and_then(|value| form.fault(value))
                    {
                        self.add(path, fault);
                    }
                }
                None => {
                    let known: Vec<_> = shape.iter().map(|(known, _)| *known).collect();
                    let message = match known.join(", ").as_str() {
                        "" => "is not known; there are no members here".to_owned(),
                        known => format!("is not known; there are {known}"),
                    };
                    self.add(path, message);
                }
            }
        }
    }

    /// All faults as lines, `None` when there are none.
    pub fn text(&self) -> Option<String> {
        let lines: Vec<_> = self
            .0
            .iter()
            .map(|(path, message)| format!("{path}: {message}"))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}
