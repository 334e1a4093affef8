//! Why one group can't be mapped.

use std::fmt;

use super::naming;
use crate::error::{Error, ErrorId};
use crate::model::ObjectId;

/// Why one group can't be mapped. The group is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError {
    /// The group.
    pub group: ObjectId,
    /// What was being made: an attribute's name, `cn`, `sAMAccountName`, `parent` or `scope`.
    pub target: String,
    /// What is wrong.
    pub kind: MappingErrorKind,
}

/// Kinds of [`MappingError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingErrorKind {
    /// `displayName` is null: the app may not read this group.
    NotReadable,
    /// A property that the mapping needs was not read.
    NotRead(&'static str),
    /// The group is not to be written.
    OutOfScope(String),
    /// The expression can't be computed from this group's values.
    Expression(String),
    /// The result is no usable name.
    Name(naming::NameError),
    /// Several values for a single-valued attribute.
    SeveralValues(usize),
    /// A value that may not be shortened is longer than the attribute takes.
    TooLong {
        /// UTF-16 units.
        length: usize,
        /// Limit.
        limit: usize,
    },
    /// Not of the attribute's syntax.
    Syntax(String),
    /// The target rule gives no DN.
    Parent(String),
}

impl fmt::Display for MappingErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReadable => {
                f.write_str("the app may not read this group (displayName is null)")
            }
            Self::NotRead(name) => write!(f, "{name} was not read"),
            Self::OutOfScope(why) => write!(f, "the group is not written: {why}"),
            Self::Expression(what) | Self::Syntax(what) => f.write_str(what),
            Self::Name(error) => error.fmt(f),
            Self::SeveralValues(count) => {
                write!(f, "{count} values for an attribute that takes one")
            }
            Self::TooLong { length, limit } => {
                write!(
                    f,
                    "{length} characters, and the attribute takes {limit}; an address is not cut"
                )
            }
            Self::Parent(given) => write!(
                f,
                "the target rule gives no distinguished name: \"{given}\""
            ),
        }
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of group {}: {}", self.target, self.group, self.kind)
    }
}

impl std::error::Error for MappingError {}

impl From<MappingError> for Error {
    fn from(error: MappingError) -> Error {
        let (id, action) = match &error.kind {
            MappingErrorKind::NotReadable | MappingErrorKind::NotRead(_) => {
                (ErrorId::SourceReadIncomplete, None)
            }
            MappingErrorKind::OutOfScope(_) => (ErrorId::GroupNotFound, None),
            _ => (
                ErrorId::ConfigurationInvalid,
                Some("Correct the expression named in the message, or the group's value."),
            ),
        };
        let made = Error::new(id, error.to_string()).target(error.group);
        match action {
            Some(action) => made.action(action),
            None => made,
        }
    }
}
