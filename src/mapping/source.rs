//! The cloud attributes that expressions and filters may name.

use super::expression::Value;
use super::text;
use crate::model::CloudGroup;

/// A property of a cloud group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    ObjectId,
    DisplayName,
    Description,
    Mail,
    MailNickname,
    ProxyAddresses,
    GroupTypes,
    SecurityEnabled,
    MailEnabled,
    OnPremisesSyncEnabled,
    OnPremisesSecurityIdentifier,
    AllowExternalSenders,
    WritebackEnabled,
    OnPremisesGroupType,
}

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    Texts,
    Bool,
}

use Source::*;

/// Names by which a property is known; the first one is ours, the others are Graph's or Cloud Sync's.
const NAMES: &[(&str, Source)] = &[
    ("objectId", ObjectId),
    ("displayName", DisplayName),
    ("description", Description),
    ("mail", Mail),
    ("mailNickname", MailNickname),
    ("proxyAddresses", ProxyAddresses),
    ("groupTypes", GroupTypes),
    ("securityEnabled", SecurityEnabled),
    ("mailEnabled", MailEnabled),
    ("onPremisesSyncEnabled", OnPremisesSyncEnabled),
    ("onPremisesSecurityIdentifier", OnPremisesSecurityIdentifier),
    ("allowExternalSenders", AllowExternalSenders),
    ("writebackConfiguration.isEnabled", WritebackEnabled),
    (
        "writebackConfiguration.onPremisesGroupType",
        OnPremisesGroupType,
    ),
    ("id", ObjectId),
    ("dirSyncEnabled", OnPremisesSyncEnabled),
    ("writebackConfiguration/isEnabled", WritebackEnabled),
    (
        "writebackConfiguration/onPremisesGroupType",
        OnPremisesGroupType,
    ),
];

impl Source {
    /// By name, in any case.
    pub(crate) fn find(name: &str) -> Option<Source> {
        NAMES
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, s)| *s)
    }

    /// The nearest known name.
    pub(crate) fn nearest(name: &str) -> Option<&'static str> {
        text::nearest(name, NAMES.iter().map(|(n, _)| *n))
    }

    /// Our name for it.
    pub(crate) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, s)| *s == self)
            .map_or("", |(n, _)| n)
    }

    /// What it holds.
    pub(crate) fn holds(self) -> Holds {
        match self {
            ProxyAddresses | GroupTypes => Holds::Texts,
            SecurityEnabled
            | MailEnabled
            | OnPremisesSyncEnabled
            | AllowExternalSenders
            | WritebackEnabled => Holds::Bool,
            _ => Holds::Text,
        }
    }

    /// The group's value.
    pub(crate) fn read(self, group: &CloudGroup) -> Value {
        let text = |t: &Option<String>| t.clone().map_or(Value::Null, Value::Text);
        let flag = group.writeback.as_ref();
        match self {
            ObjectId => Value::Text(group.id.to_string()),
            DisplayName => text(&group.display_name),
            Description => text(&group.description),
            Mail => text(&group.mail),
            MailNickname => text(&group.mail_nickname),
            ProxyAddresses => Value::Texts(group.proxy_addresses.clone()),
            GroupTypes => Value::Texts(group.group_types.clone()),
            SecurityEnabled => Value::Bool(group.security_enabled),
            MailEnabled => Value::Bool(group.mail_enabled),
            OnPremisesSyncEnabled => Value::Bool(group.on_premises_sync_enabled),
            OnPremisesSecurityIdentifier => group
                .on_premises_sid
                .as_ref()
                .map_or(Value::Null, |s| Value::Text(s.to_string())),
            AllowExternalSenders => group
                .allow_external_senders
                .map_or(Value::Null, Value::Bool),
            WritebackEnabled => flag
                .and_then(|f| f.is_enabled)
                .map_or(Value::Null, Value::Bool),
            OnPremisesGroupType => flag.map_or(Value::Null, |f| text(&f.on_premises_group_type)),
        }
    }

    /// Whether the property is one that lists leave out and that was not read for this group: its null means nothing.
    pub(crate) fn unread(self, group: &CloudGroup) -> bool {
        match self {
            // Only Microsoft 365 groups have it.
            AllowExternalSenders => group.is_m365() && group.allow_external_senders.is_none(),
            WritebackEnabled | OnPremisesGroupType => group.writeback.is_none(),
            _ => false,
        }
    }
}

/// Names of a set of properties, sorted, each once.
pub(crate) fn names(sources: &[Source]) -> Vec<&'static str> {
    let mut names: Vec<_> = sources.iter().map(|s| s.name()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
