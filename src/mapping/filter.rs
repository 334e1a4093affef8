//! The cloud filter: the part of OData's `$filter` that can be computed here from what was read of a group.
//!
//! `eq ne gt ge lt le in`, `and or not` and parentheses, `startswith endswith contains`, `tolower toupper`, `any` on
//! attributes with several values, `null true false`. Texts compare by code unit, case-sensitively, as Cloud Sync's
//! scoping filters do (Graph itself ignores case). A missing value equals only `null`; every other test of it is false.

mod parse;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::HashSet;

use super::expression::Value;
use super::source::{self, Source};
use super::text;
use crate::model::CloudGroup;

/// Text that is no filter, with the place.
pub type FilterError = super::expression::ExpressionError;

/// A parsed filter on cloud groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudFilter {
    text: String,
    root: Condition,
    sources: Vec<Source>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    All(Vec<Condition>),
    OneOf(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Comparison, Operand, Operand),
    In(Operand, HashSet<String>, bool),
    Test(Test, Operand, Operand),
    /// `true` when any value passes; without condition: when there is one.
    Any(Source, Option<Box<Condition>>),
    True(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Property(Source),
    /// The variable of the enclosing `any`.
    Element,
    Literal(Value),
    Lower(Box<Operand>),
    Upper(Box<Operand>),
}

impl CloudFilter {
    /// Parses; the error points at the place.
    pub fn parse(text: &str) -> Result<CloudFilter, FilterError> {
        let (root, sources) = parse::parse(text)?;
        Ok(CloudFilter {
            text: text.to_owned(),
            root,
            sources,
        })
    }

    /// Whether the group passes.
    pub fn matches(&self, group: &CloudGroup) -> bool {
        holds(&self.root, group, None)
    }

    /// Cloud attributes used, sorted, each once.
    pub fn attributes(&self) -> Vec<&'static str> {
        source::names(&self.sources)
    }

    /// The text it was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A property used here that was not read for this group.
    pub(crate) fn unread(&self, group: &CloudGroup) -> Option<&'static str> {
        let source = self.sources.iter().find(|s| s.unread(group))?;
        Some(source.name())
    }
}

fn holds(condition: &Condition, group: &CloudGroup, element: Option<&str>) -> bool {
    let value = |operand: &Operand| value_of(operand, group, element);
    match condition {
        Condition::All(parts) => parts.iter().all(|p| holds(p, group, element)),
        Condition::OneOf(parts) => parts.iter().any(|p| holds(p, group, element)),
        Condition::Not(inner) => !holds(inner, group, element),
        Condition::Compare(comparison, left, right) => {
            let (left, right) = (value(left), value(right));
            let order = || match (&left, &right) {
                (Value::Text(l), Value::Text(r)) => Some(by_code_unit(l, r)),
                _ => None,
            };
            match comparison {
                Comparison::Equal => left == right,
                Comparison::NotEqual => left != right,
                Comparison::Greater => order().is_some_and(Ordering::is_gt),
                Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
                Comparison::Less => order().is_some_and(Ordering::is_lt),
                Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
            }
        }
        Condition::In(operand, texts, null) => match value(operand) {
            Value::Text(text) => texts.contains(&text),
            Value::Null => *null,
            _ => false,
        },
        Condition::Test(test, text, part) => match (value(text), value(part)) {
            (Value::Text(text), Value::Text(part)) => match test {
                Test::StartsWith => text.starts_with(&part),
                Test::EndsWith => text.ends_with(&part),
                Test::Contains => text.contains(&part),
            },
            _ => false,
        },
        Condition::Any(source, inner) => match source.read(group) {
            Value::Texts(texts) => texts
                .iter()
                .any(|t| inner.as_ref().is_none_or(|c| holds(c, group, Some(t)))),
            _ => false,
        },
        Condition::True(operand) => value(operand) == Value::Bool(true),
    }
}

fn value_of(operand: &Operand, group: &CloudGroup, element: Option<&str>) -> Value {
    let mapped = |inner: &Operand, upper: bool| match value_of(inner, group, element) {
        Value::Text(t) => Value::Text(t.chars().map(|c| text::simple_case(c, upper)).collect()),
        other => other,
    };
    match operand {
        Operand::Property(source) => source.read(group),
        Operand::Element => element.map_or(Value::Null, |t| Value::Text(t.to_owned())),
        Operand::Literal(value) => value.clone(),
        Operand::Lower(inner) => mapped(inner, false),
        Operand::Upper(inner) => mapped(inner, true),
    }
}

/// The order of .NET's ordinal comparison, which is not that of UTF-8 for characters beyond U+FFFF.
fn by_code_unit(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}
