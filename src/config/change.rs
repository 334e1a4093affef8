//! Changes of a configuration as `Set-GroupWritebackConfiguration` and the threshold commands give them.

use serde_json::{Map, Value};

use super::{
    Configuration, DeprovisionAction, DriftAction, Fault, GroupScope, NamingPreset, Thresholds,
};
use crate::mapping::nearest;

/// Parameters of `Set-GroupWritebackConfiguration`.
const PARAMETERS: &[&str] = &[
    "organizationalUnit",
    "targetRule",
    "cloudFilter",
    "namingPreset",
    "namePattern",
    "samAccountNamePattern",
    "groupScope",
    "attributeMapping",
    "deprovisionAction",
    "deprovisionContainer",
    "graceDays",
    "driftAction",
    "batchSize",
];

/// Parameters of the threshold commands.
const THRESHOLDS: &[&str] = &[
    "enabled",
    "deletionThreshold",
    "deletionThresholdPercent",
    "memberRemovalThreshold",
    "memberRemovalThresholdPercent",
    "minimumGroupSize",
];

const PRESETS: &[(&str, NamingPreset)] = &[
    ("ConnectV1", NamingPreset::ConnectV1),
    ("ConnectV1DisplayName", NamingPreset::ConnectV1DisplayName),
    ("CloudSync", NamingPreset::CloudSync),
    ("Custom", NamingPreset::Custom),
];
const SCOPES: &[(&str, GroupScope)] = &[
    ("Universal", GroupScope::Universal),
    ("Global", GroupScope::Global),
    ("DomainLocal", GroupScope::DomainLocal),
];
const DEPROVISION: &[(&str, DeprovisionAction)] = &[
    ("Freeze", DeprovisionAction::Freeze),
    ("Delete", DeprovisionAction::Delete),
    (
        "ConvertToDistribution",
        DeprovisionAction::ConvertToDistribution,
    ),
    ("RemoveMembers", DeprovisionAction::RemoveMembers),
    ("Move", DeprovisionAction::Move),
    ("Report", DeprovisionAction::Report),
];
const DRIFT: &[(&str, DriftAction)] = &[
    ("Repair", DriftAction::Repair),
    ("Report", DriftAction::Report),
    ("Ignore", DriftAction::Ignore),
];

/// Applies the changes of `Set-GroupWritebackConfiguration` (parameter names in camelCase; null resets to the default).
///
/// `attributeMapping` takes a whole mapping, or `{"Add":{...},"Remove":[...]}` as Exchange's multi-valued parameters do.
/// Changes that are right are applied even when others are not: work on a copy, then [`validate`](super::validate) it and
/// report the faults of both together.
pub fn apply_changes(config: &mut Configuration, changes: &Map<String, Value>) -> Vec<Fault> {
    let usual = Configuration::default();
    let mut faults = Vec::new();
    for (name, value) in changes {
        let done = match name.as_str() {
            "organizationalUnit" => text(value, &mut config.organizational_unit),
            "targetRule" => optional(value, &mut config.target_rule),
            "cloudFilter" => optional(value, &mut config.cloud_filter),
            "namingPreset" if value.is_null() => {
                config.naming_preset = None;
                Ok(())
            }
            "namingPreset" => one_of(value, PRESETS).map(|v| config.naming_preset = Some(v)),
            "namePattern" => optional(value, &mut config.name_pattern),
            "samAccountNamePattern" => optional(value, &mut config.sam_account_name_pattern),
            "groupScope" => {
                or_default(value, one_of(value, SCOPES)).map(|v| config.group_scope = v)
            }
            "attributeMapping" => mapping(value, config),
            "deprovisionAction" => {
                or_default(value, one_of(value, DEPROVISION)).map(|v| config.deprovision_action = v)
            }
            "deprovisionContainer" => optional(value, &mut config.deprovision_container),
            "graceDays" => number(value, usual.grace_days).map(|v| config.grace_days = v),
            "driftAction" => {
                or_default(value, one_of(value, DRIFT)).map(|v| config.drift_action = v)
            }
            "batchSize" => number(value, usual.batch_size).map(|v| config.batch_size = v),
            _ => Err(unknown(name, PARAMETERS)),
        };
        if let Err(message) = done {
            faults.push(Fault::new(name, message));
        }
    }
    faults
}

/// Applies the changes of the threshold commands, in the same way.
pub fn apply_threshold_changes(
    thresholds: &mut Thresholds,
    changes: &Map<String, Value>,
) -> Vec<Fault> {
    let usual = Thresholds::default();
    let mut faults = Vec::new();
    for (name, value) in changes {
        let done =
            match name.as_str() {
                "enabled" => match value {
                    Value::Null => Ok(usual.enabled),
                    Value::Bool(on) => Ok(*on),
                    _ => Err("true or false".to_owned()),
                }
                .map(|v| thresholds.enabled = v),
                "deletionThreshold" => number(value, usual.deletion_threshold)
                    .map(|v| thresholds.deletion_threshold = v),
                "deletionThresholdPercent" => percent(value, usual.deletion_threshold_percent)
                    .map(|v| thresholds.deletion_threshold_percent = v),
                "memberRemovalThreshold" => number(value, usual.member_removal_threshold)
                    .map(|v| thresholds.member_removal_threshold = v),
                "memberRemovalThresholdPercent" => {
                    percent(value, usual.member_removal_threshold_percent)
                        .map(|v| thresholds.member_removal_threshold_percent = v)
                }
                "minimumGroupSize" => number(value, usual.minimum_group_size)
                    .map(|v| thresholds.minimum_group_size = v),
                _ => Err(unknown(name, THRESHOLDS)),
            };
        if let Err(message) = done {
            faults.push(Fault::new(name, message));
        }
    }
    faults
}

fn unknown(name: &str, known: &[&'static str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("unknown parameter; did you mean {near}?"),
        None => "unknown parameter".to_owned(),
    }
}

fn text(value: &Value, target: &mut String) -> Result<(), String> {
    match value {
        Value::Null => target.clear(),
        Value::String(text) => *target = text.trim().to_owned(),
        _ => return Err("expected a text".to_owned()),
    }
    Ok(())
}

/// An empty text resets too: that is how PowerShell passes "none".
fn optional(value: &Value, target: &mut Option<String>) -> Result<(), String> {
    match value {
        Value::Null => *target = None,
        Value::String(text) if text.trim().is_empty() => *target = None,
        Value::String(text) => *target = Some(text.trim().to_owned()),
        _ => return Err("expected a text".to_owned()),
    }
    Ok(())
}

/// In any case, as PowerShell's ValidateSet takes it.
fn one_of<T: Copy>(value: &Value, known: &[(&str, T)]) -> Result<T, String> {
    value
        .as_str()
        .and_then(|text| {
            known
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(text))
        })
        .map(|(_, v)| *v)
        .ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            format!("one of {}", names.join(", "))
        })
}

fn or_default<T: Default>(value: &Value, parsed: Result<T, String>) -> Result<T, String> {
    if value.is_null() {
        Ok(T::default())
    } else {
        parsed
    }
}

fn number(value: &Value, usual: u32) -> Result<u32, String> {
    if value.is_null() {
        return Ok(usual);
    }
    value
        .as_u64()
        .and_then(|n| u32::try_from(n).ok())
        .ok_or_else(|| "expected a whole number, not negative".to_owned())
}

fn percent(value: &Value, usual: u8) -> Result<u8, String> {
    let number = number(value, usual.into())?;
    u8::try_from(number)
        .ok()
        .filter(|n| *n <= 100)
        .ok_or_else(|| "from 0 to 100".to_owned())
}

fn mapping(value: &Value, config: &mut Configuration) -> Result<(), String> {
    let rows = match value {
        Value::Null => {
            config.attribute_mapping.clear();
            return Ok(());
        }
        Value::Object(rows) => rows,
        _ => return Err("expected attributes with their expressions".to_owned()),
    };
    let named = |name: &str| {
        rows.iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    };
    let (add, remove) = (named("Add"), named("Remove"));
    let editing = !rows.is_empty()
        && rows
            .keys()
            .all(|k| k.eq_ignore_ascii_case("Add") || k.eq_ignore_ascii_case("Remove"));
    if !editing {
        config.attribute_mapping = expressions(rows)?.into_iter().collect();
        return Ok(());
    }
    let added = match add {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(rows)) => expressions(rows)?,
        Some(_) => return Err("Add takes attributes with their expressions".to_owned()),
    };
    let removed = match remove {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => names(value)?,
    };
    // An attribute's name has no case: what is added takes the place of the same in another spelling.
    let gone = |name: &str| {
        removed.iter().any(|r| r.eq_ignore_ascii_case(name))
            || added.iter().any(|(a, _)| a.eq_ignore_ascii_case(name))
    };
    config.attribute_mapping.retain(|name, _| !gone(name));
    config.attribute_mapping.extend(added);
    Ok(())
}

fn expressions(rows: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    rows.iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name.trim().to_owned(), text.trim().to_owned())),
            // Nothing is how PowerShell writes "no row".
            Value::Null => Ok((name.trim().to_owned(), String::new())),
            _ => Err(format!("the expression of {name} is not a text")),
        })
        .collect()
}

fn names(value: &Value) -> Result<Vec<String>, String> {
    let wrong = || "Remove takes names of attributes".to_owned();
    match value {
        Value::String(name) => Ok(vec![name.trim().to_owned()]),
        Value::Array(names) => names
            .iter()
            .map(|n| n.as_str().map(|n| n.trim().to_owned()).ok_or_else(wrong))
            .collect(),
        _ => Err(wrong()),
    }
}
