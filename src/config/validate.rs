//! Validation and changes of a configuration: all faults at once, each with its path.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Configuration, Thresholds};
use crate::error::{Error, ErrorId};

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Where: `batchSize`, `attributeMapping.description`, `connection.tenantId`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Fault {
            path: path.into(),
            message: message.into(),
        }
    }

    /// One error that names them all.
    pub fn into_error(faults: &[Fault]) -> Error {
        let lines: Vec<String> = faults
            .iter()
            .map(|f| format!("{}: {}", f.path, f.message))
            .collect();
        let mut error = Error::new(ErrorId::ConfigurationInvalid, lines.join("\n"));
        if let [only] = faults {
            error = error.target(&only.path);
        }
        error
    }
}

/// Checks a configuration with a shape check of DNs. Empty = valid.
pub fn validate(config: &Configuration) -> Vec<Fault> {
    validate_with(config, &|_| Ok(()))
}

/// Checks a configuration with the caller's DN parser (`Err` = what is wrong with the text).
#[allow(unused_variables)]
pub fn validate_with(
    config: &Configuration,
    check_dn: &dyn Fn(&str) -> Result<(), String>,
) -> Vec<Fault> {
    Vec::new()
}

/// Applies the changes of `Set-GroupWritebackConfiguration` (parameter names in camelCase; null resets to the default).
///
/// Changes that are right are applied even when others are not: work on a copy, then [`validate`] it and report the
/// faults of both together.
#[allow(unused_variables)]
pub fn apply_changes(config: &mut Configuration, changes: &Map<String, Value>) -> Vec<Fault> {
    Vec::new()
}

/// Applies the changes of the threshold commands, in the same way.
#[allow(unused_variables)]
pub fn apply_threshold_changes(
    thresholds: &mut Thresholds,
    changes: &Map<String, Value>,
) -> Vec<Fault> {
    Vec::new()
}
