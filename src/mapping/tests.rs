//! What every test of the mapping needs: schemas, configurations, groups.

mod rows;
mod scope;

use std::collections::BTreeMap;

use super::*;
use crate::config::Version::{CloudSync, V1, V2};
use crate::model::{GroupType, WritebackFlag};

/// A schema by what is missing from it and what it limits.
#[derive(Default)]
struct Schema {
    no_exchange: bool,
    missing: &'static [&'static str],
    single: &'static [&'static str],
    range: Option<(&'static str, usize)>,
}

impl SchemaView for Schema {
    fn has_attribute(&self, name: &str) -> bool {
        !self.missing.contains(&name)
    }
    fn exchange_attributes(&self) -> bool {
        !self.no_exchange
    }
    fn is_single_valued(&self, name: &str) -> bool {
        self.single.contains(&name)
    }
    fn range_upper(&self, name: &str) -> Option<usize> {
        self.range.filter(|(n, _)| *n == name).map(|(_, r)| r)
    }
}

fn config(version: Version) -> Configuration {
    Configuration {
        version,
        organizational_unit: "OU=Groups,DC=x".into(),
        ..Configuration::default()
    }
}

fn with_rows(version: Version, rows: &[(&str, &str)]) -> Configuration {
    Configuration {
        attribute_mapping: rows
            .iter()
            .map(|(n, e)| ((*n).to_owned(), (*e).to_owned()))
            .collect(),
        ..config(version)
    }
}

fn mapping(config: &Configuration) -> Mapping {
    Mapping::compile(config, &Schema::default()).unwrap()
}

const ID: &str = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
const MARK_TEXT: &str = "Group_6f9619ff-8b86-d011-b42d-00c04fc964ff";

fn m365() -> CloudGroup {
    CloudGroup {
        display_name: Some("Sales".into()),
        mail: Some("sales@contoso.com".into()),
        mail_nickname: Some("sales".into()),
        proxy_addresses: vec!["smtp:s@contoso.com".into(), "SMTP:sales@contoso.com".into()],
        group_types: vec!["Unified".into()],
        mail_enabled: true,
        ..CloudGroup::new(ID.parse().unwrap())
    }
}

fn security() -> CloudGroup {
    CloudGroup {
        display_name: Some("Admins".into()),
        security_enabled: true,
        ..CloudGroup::new(ID.parse().unwrap())
    }
}

fn flagged(group: CloudGroup, is_enabled: Option<bool>, kind: Option<&str>) -> CloudGroup {
    CloudGroup {
        writeback: Some(WritebackFlag {
            is_enabled,
            on_premises_group_type: kind.map(str::to_owned),
        }),
        ..group
    }
}

fn shown(attributes: &Attributes) -> BTreeMap<&str, Vec<&str>> {
    attributes
        .iter()
        .map(|(n, v)| (n.as_str(), v.iter().map(String::as_str).collect()))
        .collect()
}
