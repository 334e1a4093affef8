//! How a cloud group should look in AD: scope, names, attribute flow. Pure.

pub mod expression;
pub mod filter;
pub mod naming;
mod source;
mod text;

use std::fmt;

use serde::Serialize;

use crate::config::Configuration;
use crate::error::{Error, ErrorId};
use crate::model::CloudGroup;
use crate::plan::DesiredGroup;

/// What the mapping must know of the forest's schema.
pub trait SchemaView {
    /// The attribute exists and groups may have it.
    fn has_attribute(&self, name: &str) -> bool;
    /// The Exchange recipient attributes are there.
    fn exchange_attributes(&self) -> bool;
    /// At most one value.
    fn is_single_valued(&self, name: &str) -> bool;
    /// Longest value in UTF-16 units, where the schema limits it.
    fn range_upper(&self, name: &str) -> Option<usize>;
}

/// Whether a cloud group is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Written.
    In,
    /// Not selected: a written group is deprovisioned.
    Out(OutReason),
    /// Can't be told from what was read: not created, and what exists is left exactly as it is; to be reported.
    Unknown(UnknownReason),
}

/// Why a group is not selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum OutReason {
    /// Synced from AD: never a source.
    Synced,
    /// Of a kind this version doesn't write.
    Kind,
    /// `writebackConfiguration.isEnabled` is false.
    FlagOff,
    /// A security group without `isEnabled` true.
    FlagNotSet,
    /// The cloud filter excludes it.
    Filter,
}

/// What keeps the scope from being decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum UnknownReason {
    /// `displayName` is null: the app may not read this group.
    NotReadable,
    /// A property that decides was not read (name of the property).
    NotRead(&'static str),
    /// `onPremisesGroupType` has a value that this version doesn't know or doesn't allow for this kind of group.
    GroupType(String),
}

/// Why one group can't be mapped. The group is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError {
    /// The group.
    pub group: crate::model::ObjectId,
    /// What was being made: an attribute's name, `cn`, `sAMAccountName`, `parent`.
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
    /// The group is not in scope.
    OutOfScope,
    /// The expression can't be computed from this group's values.
    Expression(String),
    /// The result is no usable name.
    Name(String),
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

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.target, self.kind)
    }
}

impl std::error::Error for MappingError {}

impl From<MappingError> for Error {
    fn from(error: MappingError) -> Error {
        Error::new(ErrorId::ConfigurationInvalid, error.to_string()).target(error.group)
    }
}

/// A configuration's mapping, compiled against a schema.
#[derive(Clone, Debug)]
pub struct Mapping {
    attributes: Vec<String>,
    omitted: Vec<String>,
}

/// One line of what a group would look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PreviewRow {
    /// `Scope`, `parent`, `cn`, `groupType`, `sAMAccountName` or an attribute.
    pub target: String,
    /// The expression or preset.
    pub source: String,
    /// Values; none = cleared or not written.
    pub values: Vec<String>,
    /// What there is to say: why nothing is written, or what is wrong.
    pub note: Option<String>,
}

#[allow(unused_variables)]
impl Mapping {
    /// Compiles what the configuration says of scope, names and attributes. All faults at once, each with its path.
    pub fn compile(config: &Configuration, schema: &dyn SchemaView) -> Result<Mapping, Error> {
        Err(Error::new(
            ErrorId::ConfigurationInvalid,
            "Not finished yet.",
        ))
    }

    /// Whether the group is to be written.
    pub fn scope(&self, group: &CloudGroup) -> Scope {
        Scope::Out(OutReason::Kind)
    }

    /// How the group should look in AD.
    pub fn desired(&self, group: &CloudGroup) -> Result<DesiredGroup, MappingError> {
        Err(MappingError {
            group: group.id,
            target: String::new(),
            kind: MappingErrorKind::OutOfScope,
        })
    }

    /// AD attributes to read back for comparison: targets, marks, `cn`, `groupType`.
    pub fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// Whether `allowExternalSenders` must be read (one request a group).
    pub fn needs_external_senders(&self) -> bool {
        false
    }

    /// Attributes left out because the schema lacks them, for the report.
    pub fn omitted(&self) -> Vec<String> {
        self.omitted.clone()
    }

    /// What the group would look like, row by row, faults included.
    pub fn preview(&self, group: &CloudGroup) -> Vec<PreviewRow> {
        Vec::new()
    }
}
