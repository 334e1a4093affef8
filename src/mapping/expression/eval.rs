//! Tree to value. Total: every tree the parser makes gives a value or an error for any group.

use super::super::text;
use super::functions::Function as F;
use super::{Comparison, EvalError, Node, Value, diacritics};
use crate::model::CloudGroup;

type Evaluated<T> = Result<T, EvalError>;

fn fail<T>(message: impl Into<String>) -> Evaluated<T> {
    Err(EvalError {
        function: None,
        message: message.into(),
    })
}

pub(super) fn eval(node: &Node, group: &CloudGroup) -> Evaluated<Value> {
    match node {
        Node::Literal(value) => Ok(value.clone()),
        Node::Attribute(source) => Ok(source.read(group)),
        Node::Compare(comparison, left, right) => {
            let (left, right) = (eval(left, group)?, eval(right, group)?);
            compare(*comparison, left, right).map(Value::Bool)
        }
        Node::Call(function, arguments) => Call {
            function: *function,
            arguments,
            group,
        }
        .run(),
    }
}

/// A value where one text is needed; truth values as the original writes them.
fn one_text(value: Value) -> Evaluated<String> {
    match value {
        Value::Null | Value::NoFlow => Ok(String::new()),
        Value::Text(text) => Ok(text),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Texts(mut texts) if texts.len() < 2 => Ok(texts.pop().unwrap_or_default()),
        Value::Texts(texts) => fail(format!(
            "one value is needed, and there are {}",
            texts.len()
        )),
    }
}

fn truth(value: Value) -> Evaluated<bool> {
    match value {
        Value::Bool(b) => Ok(b),
        Value::Number(n) => Ok(n != 0),
        other => {
            let text = one_text(other)?;
            match text.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" | "" => Ok(false),
                _ => fail(format!("\"{text}\" is neither true nor false")),
            }
        }
    }
}

fn whole_number(value: Value) -> Evaluated<i64> {
    match value {
        Value::Number(number) => Ok(number),
        other => {
            let text = one_text(other)?;
            match text.trim().parse() {
                Ok(number) => Ok(number),
                Err(_) => fail(format!("\"{text}\" is not a whole number")),
            }
        }
    }
}

/// Numbers as numbers, truth values as truth values, everything else as text, case-sensitive. No value equals `""`.
fn compare(comparison: Comparison, left: Value, right: Value) -> Evaluated<bool> {
    let ordering = match (&left, &right) {
        (Value::Number(_), _) | (_, Value::Number(_)) => {
            match (whole_number(left.clone()), whole_number(right.clone())) {
                (Ok(l), Ok(r)) => l.cmp(&r),
                _ => one_text(left)?.cmp(&one_text(right)?),
            }
        }
        (Value::Bool(_), _) | (_, Value::Bool(_)) if !left.is_null() && !right.is_null() => {
            truth(left)?.cmp(&truth(right)?)
        }
        _ => one_text(left)?.cmp(&one_text(right)?),
    };
    Ok(match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    })
}

struct Call<'a> {
    function: F,
    arguments: &'a [Option<Node>],
    group: &'a CloudGroup,
}

impl Call<'_> {
    fn run(&self) -> Evaluated<Value> {
        self.value_of().map_err(|e| EvalError {
            function: e.function.or(Some(self.function.name())),
            ..e
        })
    }

    fn value(&self, index: usize) -> Evaluated<Value> {
        match self.arguments.get(index) {
            Some(Some(node)) => eval(node, self.group),
            _ => Ok(Value::Null),
        }
    }

    fn text(&self, index: usize) -> Evaluated<String> {
        one_text(self.value(index)?)
    }

    fn number(&self, index: usize) -> Evaluated<i64> {
        whole_number(self.value(index)?)
    }

    fn given(&self, index: usize) -> bool {
        matches!(self.arguments.get(index), Some(Some(_)))
    }

    fn list(&self, index: usize) -> Evaluated<Vec<String>> {
        Ok(match self.value(index)? {
            Value::Texts(texts) => texts,
            value if value.is_null() => Vec::new(),
            value => vec![one_text(value)?],
        })
    }

    /// A function of one text that leaves "no value" alone.
    fn map(&self, change: impl FnOnce(&str) -> String) -> Evaluated<Value> {
        let value = self.value(0)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        Ok(Value::Text(change(&one_text(value)?)))
    }

    fn value_of(&self) -> Evaluated<Value> {
        match self.function {
            F::Append => Ok(Value::Text(self.text(0)? + &self.text(1)?)),
            F::CStr => self.map(str::to_owned),
            F::Coalesce => self.coalesce(),
            F::Count => Ok(Value::Number(
                i64::try_from(self.list(0)?.len()).unwrap_or(i64::MAX),
            )),
            F::IgnoreFlowIfNullOrEmpty => {
                let value = self.value(0)?;
                Ok(if value.is_null_or_empty() {
                    Value::NoFlow
                } else {
                    value
                })
            }
            F::Iif => self.value(if truth(self.value(0)?)? { 1 } else { 2 }),
            F::InStr => self.in_str(),
            F::IsNull => Ok(Value::Bool(self.value(0)?.is_null())),
            F::IsNullOrEmpty => Ok(Value::Bool(self.value(0)?.is_null_or_empty())),
            F::IsPresent => Ok(Value::Bool(!self.value(0)?.is_null_or_empty())),
            F::Item => self.item(),
            F::Join => self.join(),
            F::Left => {
                let (text, count) = (self.text(0)?, self.number(1)?);
                // Documented: a negative number gives the whole text.
                Ok(Value::Text(match usize::try_from(count) {
                    Ok(count) => text::left(&text, count).to_owned(),
                    Err(_) => text,
                }))
            }
            F::Right => {
                let (text, count) = (self.text(0)?, self.number(1)?);
                Ok(Value::Text(match usize::try_from(count) {
                    Ok(count) => text::right(&text, count).to_owned(),
                    Err(_) => text,
                }))
            }
            F::Mid => {
                let (start, count) = (self.number(1)?, self.number(2)?);
                let start = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
                let count = usize::try_from(count).unwrap_or(0);
                self.map(|text| text::mid(text, start, count).to_owned())
            }
            F::NormalizeDiacritics => self.map(diacritics::normalize),
            F::Not => Ok(Value::Bool(!truth(self.value(0)?)?)),
            F::RemoveDuplicates => {
                let mut seen = Vec::new();
                for text in self.list(0)? {
                    if !seen.contains(&text) {
                        seen.push(text);
                    }
                }
                Ok(Value::Texts(seen))
            }
            F::Replace => self.replace(),
            F::Split => self.split(),
            F::StripSpaces => self.map(|text| text.replace(' ', "")),
            F::Switch => self.switch(),
            F::ToLower => self.map(|t| t.chars().map(|c| text::simple_case(c, false)).collect()),
            F::ToUpper => self.map(|t| t.chars().map(|c| text::simple_case(c, true)).collect()),
            F::Trim => self.map(|text| text.trim().to_owned()),
            F::Word => self.word(),
        }
    }

    fn coalesce(&self) -> Evaluated<Value> {
        for index in 0..self.arguments.len() {
            let value = self.value(index)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }

    /// 1-based place of the first occurrence, 0 when there is none.
    fn in_str(&self) -> Evaluated<Value> {
        let (text, wanted) = (self.text(0)?, self.text(1)?);
        let start = if self.given(2) { self.number(2)? } else { 1 };
        let ignore_case = self.given(3) && self.number(3)? == 1;
        let Some(skip) = start.checked_sub(1).and_then(|s| usize::try_from(s).ok()) else {
            return fail("the first position is 1");
        };
        let fold = |c: char| {
            if ignore_case {
                text::simple_case(c, false)
            } else {
                c
            }
        };
        let wanted: Vec<char> = wanted.chars().map(fold).collect();
        let mut at = 0;
        for (byte, c) in text.char_indices() {
            if at >= skip {
                let mut rest = text[byte..].chars().map(fold);
                if wanted.iter().all(|w| rest.next() == Some(*w)) {
                    return Ok(Value::Number(i64::try_from(at).unwrap_or(i64::MAX) + 1));
                }
            }
            at += c.len_utf16();
        }
        Ok(Value::Number(0))
    }

    fn item(&self) -> Evaluated<Value> {
        let index = self.number(1)?;
        let Some(index) = index.checked_sub(1).and_then(|i| usize::try_from(i).ok()) else {
            return fail("the first item has index 1");
        };
        Ok(self
            .list(0)?
            .into_iter()
            .nth(index)
            .map_or(Value::Null, Value::Text))
    }

    /// Values that are not there are left out together with their separator.
    fn join(&self) -> Evaluated<Value> {
        let separator = self.text(0)?;
        let mut parts = Vec::new();
        for index in 1..self.arguments.len() {
            parts.extend(
                self.list(index)?
                    .into_iter()
                    .filter(|part| !part.is_empty()),
            );
        }
        Ok(Value::Text(parts.join(&separator)))
    }

    fn replace(&self) -> Evaluated<Value> {
        let old = self.text(1)?;
        if self.given(6) {
            let (source, template) = (self.text(0)?, self.text(6)?);
            return Ok(Value::Text(if old.is_empty() {
                template
            } else {
                template.replace(&old, &source)
            }));
        }
        let new = self.text(4)?;
        self.map(|text| {
            if old.is_empty() {
                text.to_owned()
            } else {
                text.replace(&old, &new)
            }
        })
    }

    /// Parts without the space around them, as in the documented example; empty ones are no values.
    fn split(&self) -> Evaluated<Value> {
        let (text, delimiter) = (self.text(0)?, self.text(1)?);
        let parts: Vec<&str> = if delimiter.is_empty() {
            vec![&text]
        } else {
            text.split(delimiter.as_str()).collect()
        };
        Ok(Value::Texts(
            parts
                .into_iter()
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        ))
    }

    fn switch(&self) -> Evaluated<Value> {
        let source = self.text(0)?;
        let mut index = 2;
        while index + 1 < self.arguments.len() {
            if self.text(index)? == source {
                return self.value(index + 1);
            }
            index += 2;
        }
        self.value(1)
    }

    fn word(&self) -> Evaluated<Value> {
        let (text, number, delimiters) = (self.text(0)?, self.number(1)?, self.text(2)?);
        let word = usize::try_from(number.saturating_sub(1))
            .ok()
            .and_then(|index| {
                text.split(|c| delimiters.contains(c))
                    .filter(|word| !word.is_empty())
                    .nth(index)
            });
        Ok(Value::Text(word.unwrap_or_default().to_owned()))
    }
}
