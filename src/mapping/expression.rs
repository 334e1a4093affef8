//! The mapping expressions of Cloud Sync.

use std::fmt;

use crate::model::CloudGroup;

/// Text that is no expression (or filter), with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// Place in UTF-16 units from the start, 0-based.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
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
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: String,
}

#[allow(unused_variables)]
impl Expression {
    /// Parses; the error points at the place.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        Ok(Expression {
            text: text.to_owned(),
        })
    }

    /// Computes the result for a group.
    pub fn eval(&self, group: &CloudGroup) -> Result<Value, EvalError> {
        Ok(Value::Null)
    }

    /// Cloud attributes used, sorted, each once.
    pub fn attributes(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The text it was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
