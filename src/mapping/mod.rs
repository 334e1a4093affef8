//! How a cloud group should look in AD: scope, names, attribute flow. Pure.
//!
//! A version ([`crate::config::Version`]) is a preset of all three; every part of it can be changed by the
//! configuration. [`Mapping::compile`] checks everything once, so that what is left to fail later concerns one group.

mod error;
pub mod expression;
pub mod filter;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod naming;
mod preview;
mod rows;
mod scope;
mod source;
#[cfg(test)]
mod tests;
mod text;

use crate::config::{Configuration, Fault, GroupScope, NamingPreset, Version};
use crate::error::Error;
use crate::model::{Attributes, CloudGroup};
use crate::plan::DesiredGroup;
use expression::Expression;
use filter::CloudFilter;
use naming::Naming;
use rows::Row;
use scope::Shape;

pub use error::{MappingError, MappingErrorKind};
pub use preview::PreviewRow;
pub use rows::{INDEXED_MARK, MARK};
pub use scope::{OutReason, Scope, UnknownReason};
pub(crate) use text::nearest;

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

/// A schema that has everything: for checks while no directory is at hand.
struct AnySchema;

impl SchemaView for AnySchema {
    fn has_attribute(&self, _: &str) -> bool {
        true
    }
    fn exchange_attributes(&self) -> bool {
        true
    }
    fn is_single_valued(&self, _: &str) -> bool {
        false
    }
    fn range_upper(&self, _: &str) -> Option<usize> {
        None
    }
}

/// A configuration's mapping, compiled against a schema.
#[derive(Clone, Debug)]
pub struct Mapping {
    version: Version,
    /// V2 writes Microsoft 365 groups whose flag is not set.
    unflagged: bool,
    filter: Option<CloudFilter>,
    naming: Naming,
    sam_account_name: Option<Expression>,
    organizational_unit: String,
    target_rule: Option<Expression>,
    group_scope: GroupScope,
    rows: Vec<Row>,
    /// Attributes that hold the mark.
    marks: Vec<&'static str>,
    attributes: Vec<String>,
    omitted: Vec<String>,
}

/// Parses an expression of the configuration; a fault gets the field's path.
fn field(path: &str, text: Option<&str>, faults: &mut Vec<Fault>) -> Option<Expression> {
    match Expression::parse(text?) {
        Ok(expression) if expression.is_list() => {
            faults.push(Fault::new(
                path,
                "one value is needed and the expression gives several",
            ));
            None
        }
        Ok(expression) => Some(expression),
        Err(error) => {
            faults.push(Fault::new(path, error.to_string()));
            None
        }
    }
}

/// Faults of everything in a configuration that is mapping, without a schema.
pub(crate) fn faults(config: &Configuration) -> Vec<Fault> {
    Mapping::build(config, &AnySchema).1
}

/// The text of a mark.
fn mark(group: &CloudGroup) -> String {
    format!("Group_{}", group.id)
}

impl Mapping {
    /// Compiles what the configuration says of scope, names and attributes. All faults at once, each with its path.
    pub fn compile(config: &Configuration, schema: &dyn SchemaView) -> Result<Mapping, Error> {
        let (mapping, faults) = Mapping::build(config, schema);
        if faults.is_empty() {
            Ok(mapping)
        } else {
            Err(Fault::into_error(&faults))
        }
    }

    /// Takes the tenant's `NewUnifiedGroupWritebackDefault` into account (absent there = true). Only V2 asks for it.
    #[must_use]
    pub fn with_new_group_default(mut self, written: bool) -> Mapping {
        self.unflagged = written;
        self
    }

    fn build(config: &Configuration, schema: &dyn SchemaView) -> (Mapping, Vec<Fault>) {
        let mut faults = Vec::new();
        let filter = config.cloud_filter.as_deref().and_then(|text| {
            CloudFilter::parse(text)
                .map_err(|error| faults.push(Fault::new("cloudFilter", error.to_string())))
                .ok()
        });
        let target_rule = field("targetRule", config.target_rule.as_deref(), &mut faults);
        let pattern = config.sam_account_name_pattern.as_deref();
        let sam_account_name = field("samAccountNamePattern", pattern, &mut faults);
        let preset = config
            .naming_preset
            .unwrap_or(naming::default_preset(config.version));
        let pattern = field("namePattern", config.name_pattern.as_deref(), &mut faults);
        let naming = match (preset, pattern) {
            (NamingPreset::ConnectV1, _) => Naming::ObjectId,
            (NamingPreset::ConnectV1DisplayName | NamingPreset::CloudSync, _) => {
                Naming::DisplayName
            }
            (NamingPreset::Custom, Some(pattern)) => Naming::Custom(pattern),
            (NamingPreset::Custom, None) => {
                if config.name_pattern.is_none() {
                    faults.push(Fault::new(
                        "namePattern",
                        "needed with the naming preset Custom",
                    ));
                }
                Naming::ObjectId
            }
        };
        let (rows, mut omitted) = rows::compile(config, schema, &mut faults);
        let mut marks = vec![MARK];
        if schema.has_attribute(INDEXED_MARK) {
            marks.push(INDEXED_MARK);
        } else {
            omitted.push(INDEXED_MARK.to_owned());
        }
        let mut attributes: Vec<String> = rows.iter().map(|r| r.target.clone()).collect();
        attributes.extend(
            marks
                .iter()
                .chain(&["cn", "groupType"])
                .map(|a| (*a).to_owned()),
        );
        if sam_account_name.is_some() {
            attributes.push("sAMAccountName".to_owned());
        }
        attributes.sort();
        let mapping = Mapping {
            version: config.version,
            unflagged: true,
            filter,
            naming,
            sam_account_name,
            organizational_unit: config.organizational_unit.clone(),
            target_rule,
            group_scope: config.group_scope,
            rows,
            marks,
            attributes,
            omitted,
        };
        (mapping, faults)
    }

    fn shape(&self, group: &CloudGroup) -> Result<Shape, Scope> {
        scope::decide(self.version, self.unflagged, self.filter.as_ref(), group)
    }

    /// Whether the group is to be written: the version's clause ANDed with the filter. A synced group is never a source.
    pub fn scope(&self, group: &CloudGroup) -> Scope {
        match self.shape(group) {
            Ok(_) => Scope::In,
            Err(scope) => scope,
        }
    }

    /// How the group should look in AD.
    pub fn desired(&self, group: &CloudGroup) -> Result<DesiredGroup, MappingError> {
        let fail = |target: &str, kind| MappingError {
            group: group.id,
            target: target.to_owned(),
            kind,
        };
        let shape = self.shape(group).map_err(|scope| {
            let kind = match scope {
                Scope::Unknown(UnknownReason::NotReadable) => MappingErrorKind::NotReadable,
                Scope::Unknown(UnknownReason::NotRead(name)) => MappingErrorKind::NotRead(name),
                Scope::Unknown(why) => MappingErrorKind::OutOfScope(why.text()),
                Scope::Out(why) => MappingErrorKind::OutOfScope(why.text().to_owned()),
                Scope::In => MappingErrorKind::OutOfScope(String::new()),
            };
            fail("scope", kind)
        })?;
        let mut attributes = Attributes::new();
        for row in &self.rows {
            let values = row
                .values(group, shape.mail)
                .map_err(|kind| fail(&row.target, kind))?;
            if let Some(values) = values {
                attributes.insert(row.target.clone(), values);
            }
        }
        for name in &self.marks {
            attributes.insert((*name).to_owned(), vec![mark(group)]);
        }
        let (parent_dn, enforce_parent) =
            self.parent(group).map_err(|kind| fail("parent", kind))?;
        Ok(DesiredGroup {
            object_id: group.id,
            name: group.display_name.clone().unwrap_or_default(),
            cn: self.cn(group).map_err(|kind| fail("cn", kind))?,
            parent_dn,
            enforce_parent,
            group_type: shape.group_type(self.group_scope),
            type_is_explicit: shape.explicit,
            sam_account_name: self
                .sam(group)
                .map_err(|kind| fail("sAMAccountName", kind))?,
            attributes,
        })
    }

    fn cn(&self, group: &CloudGroup) -> Result<String, MappingErrorKind> {
        if let Naming::Custom(pattern) = &self.naming {
            read(pattern, group)?;
        }
        self.naming.cn(group).map_err(MappingErrorKind::Name)
    }

    /// A pattern without result leaves the name to AD.
    fn sam(&self, group: &CloudGroup) -> Result<Option<String>, MappingErrorKind> {
        let Some(pattern) = &self.sam_account_name else {
            return Ok(None);
        };
        read(pattern, group)?;
        match naming::evaluate(pattern, group).map_err(MappingErrorKind::Name)? {
            Some(text) if !text.is_empty() => naming::clean_sam_account_name(&text)
                .map(Some)
                .map_err(MappingErrorKind::Name),
            _ => Ok(None),
        }
    }

    /// The parent, and whether an existing group is moved there. A rule that ignores the flow (`IgnoreFlowIfNullOrEmpty`)
    /// leaves the group to the usual container.
    fn parent(&self, group: &CloudGroup) -> Result<(String, bool), MappingErrorKind> {
        let Some(rule) = &self.target_rule else {
            return Ok((self.organizational_unit.clone(), false));
        };
        read(rule, group)?;
        let value = rule
            .eval(group)
            .map_err(|e| MappingErrorKind::Expression(e.to_string()))?;
        match value {
            expression::Value::NoFlow => Ok((self.organizational_unit.clone(), false)),
            expression::Value::Text(dn) if crate::plan::is_dn(&dn) => Ok((dn, true)),
            expression::Value::Text(other) => Err(MappingErrorKind::Parent(other)),
            _ => Err(MappingErrorKind::Parent(String::new())),
        }
    }

    /// AD attributes to read back for comparison: targets, marks, `cn`, `groupType`; sorted.
    pub fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// Whether `allowExternalSenders` must be read (one request a group).
    pub fn needs_external_senders(&self) -> bool {
        let patterns = [&self.sam_account_name, &self.target_rule];
        let naming = match &self.naming {
            Naming::Custom(pattern) => Some(pattern),
            _ => None,
        };
        self.rows
            .iter()
            .map(|row| &row.expression)
            .chain(patterns.into_iter().flatten())
            .chain(naming)
            .map(Expression::attributes)
            .chain(self.filter.iter().map(CloudFilter::attributes))
            .any(|names| names.contains(&"allowExternalSenders"))
    }

    /// Where groups may be written, as far as the configuration names it: the organizational unit, and every DN that
    /// stands as a text in the target rule.
    pub fn containers(&self) -> Vec<String> {
        let mut all = vec![self.organizational_unit.clone()];
        for text in self.target_rule.iter().flat_map(Expression::texts) {
            if crate::plan::is_dn(text) && !all.iter().any(|c| c.eq_ignore_ascii_case(text)) {
                all.push(text.to_owned());
            }
        }
        all.retain(|container| !container.is_empty());
        all
    }

    /// Attributes left out because the schema lacks them, for the report.
    pub fn omitted(&self) -> Vec<String> {
        self.omitted.clone()
    }
}

/// Whether everything the expression needs was read.
fn read(expression: &Expression, group: &CloudGroup) -> Result<(), MappingErrorKind> {
    match expression.unread(group) {
        Some(name) => Err(MappingErrorKind::NotRead(name)),
        None => Ok(()),
    }
}
