//! The mapping expressions of Cloud Sync, as its public reference describes them.
//!
//! An expression is a function call, an attribute in brackets, a text in double quotes, a number or TRUE/FALSE;
//! arguments may be compared with `= <> < <= > >=`. Names are taken in any case (the original is strict). Inside a text a
//! quote or backslash is written `\"` and `\\`; `""` stands for a quote too. Positions and lengths are UTF-16 units.

mod diacritics;
mod eval;
mod functions;
mod parse;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::fmt;

use super::source::{self, Source};
use crate::model::CloudGroup;

/// Text that is no expression (or filter), with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// Place in UTF-16 units from the start, 0-based.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

impl ExpressionError {
    /// An error at a byte offset of the text.
    pub(crate) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        ExpressionError {
            position: super::text::units(before),
            message: message.into(),
        }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.position + 1, self.message)
    }
}

impl std::error::Error for ExpressionError {}

/// A correct expression whose result can't be computed for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// The innermost function that could not do its work; `None` = a comparison.
    pub function: Option<&'static str>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.function {
            Some(function) => write!(f, "{function}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for EvalError {}

/// Result of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// Truth value.
    Bool(bool),
    /// Whole number.
    Number(i64),
    /// `IgnoreFlowIfNullOrEmpty` of nothing: the attribute is left as it is in AD.
    NoFlow,
}

impl Value {
    /// No value at all; an empty text is a value.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null | Value::NoFlow => true,
            Value::Texts(texts) => texts.is_empty(),
            _ => false,
        }
    }

    /// No value, or nothing but empty texts.
    pub fn is_null_or_empty(&self) -> bool {
        match self {
            Value::Text(text) => text.is_empty(),
            Value::Texts(texts) => texts.iter().all(String::is_empty),
            other => other.is_null(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Literal(Value),
    Attribute(Source),
    /// Empty arguments are `None`.
    Call(functions::Function, Vec<Option<Node>>),
    Compare(Comparison, Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: String,
    root: Node,
    sources: Vec<Source>,
}

impl Expression {
    /// Parses; the error points at the place.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        let (root, sources) = parse::parse(text)?;
        Ok(Expression {
            text: text.to_owned(),
            root,
            sources,
        })
    }

    /// Computes the result for a group.
    pub fn eval(&self, group: &CloudGroup) -> Result<Value, EvalError> {
        eval::eval(&self.root, group)
    }

    /// Cloud attributes used, sorted, each once.
    pub fn attributes(&self) -> Vec<&'static str> {
        source::names(&self.sources)
    }

    /// The text it was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The texts that stand in it.
    pub(crate) fn texts(&self) -> Vec<&str> {
        fn collect<'a>(node: &'a Node, out: &mut Vec<&'a str>) {
            match node {
                Node::Literal(Value::Text(text)) => out.push(text),
                Node::Literal(_) | Node::Attribute(_) => {}
                Node::Call(_, arguments) => {
                    arguments.iter().flatten().for_each(|n| collect(n, out));
                }
                Node::Compare(_, left, right) => {
                    collect(left, out);
                    collect(right, out);
                }
            }
        }
        let mut out = Vec::new();
        collect(&self.root, &mut out);
        out
    }

    /// A property used here that was not read for this group.
    pub(crate) fn unread(&self, group: &CloudGroup) -> Option<&'static str> {
        let source = self.sources.iter().find(|s| s.unread(group))?;
        Some(source.name())
    }

    /// Whether the result can be several texts.
    pub(crate) fn is_list(&self) -> bool {
        self.root.kind() == functions::Kind::List
    }
}
