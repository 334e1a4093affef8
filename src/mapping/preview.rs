//! What a group would look like: for people who try out a configuration.

use serde::Serialize;

use super::expression::Expression;
use super::filter::CloudFilter;
use super::naming::Naming;
use super::scope::{Scope, Shape};
use super::{Mapping, MappingErrorKind, mark};
use crate::model::CloudGroup;

/// One line of what a group would look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PreviewRow {
    /// `scope`, `parent`, `cn`, `groupType`, `sAMAccountName` or an attribute.
    pub target: String,
    /// The expression or preset.
    pub source: String,
    /// Values; none = cleared or not written.
    pub values: Vec<String>,
    /// What there is to say: why nothing is written, or what is wrong.
    pub note: Option<String>,
}

impl Mapping {
    /// What the group would look like, row by row. A group that is not written is shown as if it were, as far as its
    /// kind allows; the row `scope` says why it isn't.
    pub fn preview(&self, group: &CloudGroup) -> Vec<PreviewRow> {
        fn row(
            target: &str,
            source: &str,
            result: Result<Option<Vec<String>>, String>,
        ) -> PreviewRow {
            let (values, note) = match result {
                Ok(Some(values)) => (values, None),
                Ok(None) => (Vec::new(), Some("left as it is".to_owned())),
                Err(note) => (Vec::new(), Some(note)),
            };
            PreviewRow {
                target: target.to_owned(),
                source: source.to_owned(),
                values,
                note,
            }
        }
        let one = |result: Result<String, MappingErrorKind>| {
            result.map(|v| Some(vec![v])).map_err(|e| e.to_string())
        };
        let decided = self.shape(group);
        let scope = match &decided {
            Ok(_) | Err(Scope::In) => Ok(Some(vec!["In".to_owned()])),
            Err(Scope::Out(why)) => Err(format!("not written: {}", why.text())),
            Err(Scope::Unknown(why)) => Err(format!("left as it is: {}", why.text())),
        };
        let filter = self.filter.as_ref().map_or("", CloudFilter::as_str);
        let shape = decided.unwrap_or(Shape::of(group));
        let naming = match &self.naming {
            Naming::ObjectId => "Group_<objectId>",
            Naming::DisplayName => "<displayName>_<last 12 of objectId>",
            Naming::Custom(pattern) => pattern.as_str(),
        };
        let rule = self
            .target_rule
            .as_ref()
            .map_or("organizationalUnit", Expression::as_str);
        let group_type = shape.group_type(self.group_scope).0.to_string();
        let mut out = vec![
            row("scope", filter, scope),
            row("parent", rule, one(self.parent(group).map(|(dn, _)| dn))),
            row("cn", naming, one(self.cn(group))),
            row("groupType", "", Ok(Some(vec![group_type]))),
        ];
        if let Some(pattern) = &self.sam_account_name {
            let sam = self.sam(group).map(|s| s.map(|s| vec![s]));
            out.push(row(
                "sAMAccountName",
                pattern.as_str(),
                sam.map_err(|e| e.to_string()),
            ));
        }
        for name in &self.marks {
            out.push(row(
                name,
                "Append(\"Group_\",[objectId])",
                Ok(Some(vec![mark(group)])),
            ));
        }
        for rule in &self.rows {
            let values = rule.values(group, shape.mail).map_err(|e| e.to_string());
            out.push(row(&rule.target, rule.expression.as_str(), values));
        }
        out
    }
}
