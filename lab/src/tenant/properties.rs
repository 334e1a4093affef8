//! The properties of directory objects: which there are, which come by default, and their values.

use super::errors::Refusal;
use super::query::Query;
use super::state::{Data, Device, Group, Named, Object, Tenant, User, Writeback};
use crate::clock::iso;
use crate::ids::base64;
use serde_json::{Map, Value, json};

/// A kind of object as Graph's types know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    Group,
    User,
    Device,
    OrgContact,
    ServicePrincipal,
    /// Anything: the union of all, for lists of mixed objects.
    DirectoryObject,
}

#[rustfmt::skip]
const GROUP: &[&str] = &[
    "deletedDateTime", "createdDateTime", "description", "displayName", "groupTypes", "mail", "mailEnabled", "mailNickname",
    "membershipRule", "onPremisesDomainName", "onPremisesNetBiosName", "onPremisesSamAccountName", "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled", "proxyAddresses", "securityEnabled", "securityIdentifier", "visibility",
];
#[rustfmt::skip]
const USER_DEFAULT: &[&str] = &["displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName"];
#[rustfmt::skip]
const USER_MORE: &[&str] = &[
    "accountEnabled", "deletedDateTime", "mailNickname", "onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesImmutableId",
    "onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "onPremisesUserPrincipalName", "proxyAddresses", "userType",
];
#[rustfmt::skip]
const DEVICE: &[&str] = &["accountEnabled", "deviceId", "displayName", "operatingSystem", "trustType", "onPremisesSyncEnabled"];
const DEVICE_MORE: &[&str] = &["onPremisesSecurityIdentifier", "deletedDateTime"];
const CONTACT: &[&str] = &[
    "displayName",
    "mail",
    "proxyAddresses",
    "onPremisesSyncEnabled",
];
const SERVICE: &[&str] = &["displayName", "appDisplayName", "servicePrincipalType"];

impl Entity {
    /// The entity of an object.
    pub(crate) fn of(object: &Object) -> Self {
        match object.data {
            Data::User(_) => Self::User,
            Data::Group(_) => Self::Group,
            Data::Device(_) => Self::Device,
            Data::OrgContact(_) => Self::OrgContact,
            Data::ServicePrincipal(_) => Self::ServicePrincipal,
        }
    }

    /// The type's name as `@odata.type` and cast segments write it.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Group => "microsoft.graph.group",
            Self::User => "microsoft.graph.user",
            Self::Device => "microsoft.graph.device",
            Self::OrgContact => "microsoft.graph.orgContact",
            Self::ServicePrincipal => "microsoft.graph.servicePrincipal",
            Self::DirectoryObject => "microsoft.graph.directoryObject",
        }
    }

    /// The properties that come without `$select`, besides the id.
    pub(crate) fn default_properties(self) -> &'static [&'static str] {
        match self {
            Self::Group => GROUP,
            Self::User => USER_DEFAULT,
            Self::Device => DEVICE,
            Self::OrgContact => CONTACT,
            Self::ServicePrincipal => SERVICE,
            Self::DirectoryObject => &[],
        }
    }

    /// The table's own text of a property, if the type has it.
    pub(crate) fn property(self, name: &str, beta_flag: bool) -> Option<&'static str> {
        let search = |lists: &[&'static [&'static str]]| {
            let mut names = lists.iter().flat_map(|list| list.iter());
            names
                .find(|known| known.eq_ignore_ascii_case(name))
                .copied()
        };
        match self {
            _ if name.eq_ignore_ascii_case("id") => Some("id"),
            Self::Group if beta_flag && name.eq_ignore_ascii_case("writebackConfiguration") => {
                Some("writebackConfiguration")
            }
            Self::Group => search(&[GROUP, &["allowExternalSenders", "members"]]),
            Self::User => search(&[USER_DEFAULT, USER_MORE]),
            Self::Device => search(&[DEVICE, DEVICE_MORE]),
            Self::OrgContact => search(&[CONTACT]),
            Self::ServicePrincipal => search(&[SERVICE]),
            Self::DirectoryObject => {
                search(&[GROUP, USER_DEFAULT, USER_MORE, DEVICE, DEVICE_MORE, SERVICE])
            }
        }
    }

    /// `$select` checked against the type; the default properties without it.
    pub(crate) fn selection(
        self,
        query: &Query,
        beta_flag: bool,
    ) -> Result<Option<Vec<&'static str>>, Refusal> {
        let Some(select) = query.get("$select") else {
            return Ok(None);
        };
        let mut out = Vec::new();
        for name in select
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let Some(known) = self.property(name, beta_flag) else {
                return Err(Refusal::bad(format!(
                    "Parsing OData Select and Expand failed: Could not find a property named \
                     '{name}' on type '{}'.",
                    self.type_name()
                )));
            };
            if !out.contains(&known) {
                out.push(known);
            }
        }
        Ok(Some(out))
    }
}

/// The value of a property; `None` when objects of this kind have no such property.
pub(crate) fn value(tenant: &Tenant, object: &Object, name: &str) -> Option<Value> {
    if !tenant.told.is_empty()
        && let Some(told) = tenant.told.get(&object.id).and_then(|told| told.get(name))
    {
        return Some(told.clone());
    }
    match name {
        "id" => Some(json!(object.id.to_string())),
        "displayName" => Some(json!(object.display_name())),
        "deletedDateTime" => Some(match object.group() {
            Some(group) if !object.is_active() => json!(iso(group.deleted_at)),
            _ => Value::Null,
        }),
        _ => match &object.data {
            Data::Group(group) => group_value(tenant, object, group, name),
            Data::User(user) => user_value(tenant, user, name),
            Data::Device(device) => device_value(tenant, device, name),
            Data::OrgContact(named) | Data::ServicePrincipal(named) => named_value(named, name),
        },
    }
}

fn group_value(tenant: &Tenant, object: &Object, group: &Group, name: &str) -> Option<Value> {
    let synced = |value: Value| {
        if group.rid.is_some() {
            value
        } else {
            Value::Null
        }
    };
    Some(match name {
        "description" => json!(group.description),
        "mail" => json!(group.mail),
        "mailNickname" => json!(group.mail_nickname),
        "groupTypes" => group_types(group),
        "securityEnabled" => json!(group.security_enabled),
        "mailEnabled" => json!(group.mail_enabled),
        "proxyAddresses" => json!(group.proxy_addresses),
        "onPremisesSyncEnabled" => synced(json!(true)),
        "onPremisesSecurityIdentifier" => json!(group.rid.map(|rid| tenant.sid(rid))),
        "onPremisesDomainName" => synced(json!(tenant.identity.domain)),
        "onPremisesNetBiosName" => synced(json!(net_bios_name(tenant))),
        "onPremisesSamAccountName" => synced(json!(group.mail_nickname)),
        "membershipRule" => {
            json!(group.dynamic.then_some("(user.accountEnabled -eq true)"))
        }
        "visibility" => json!(visibility(group)),
        "createdDateTime" => json!("2024-03-01T08:00:00Z"),
        "securityIdentifier" => json!(cloud_sid(object)),
        "allowExternalSenders" => json!(group.allow_external_senders),
        "writebackConfiguration" => writeback_value(group.writeback.as_ref()),
        _ => return None,
    })
}

/// `groupTypes` of a group.
pub(crate) fn group_types(group: &Group) -> Value {
    let mut types = Vec::new();
    if group.unified {
        types.push("Unified");
    }
    if group.dynamic {
        types.push("DynamicMembership");
    }
    json!(types)
}

/// `visibility` of a group.
pub(crate) fn visibility(group: &Group) -> Option<&'static str> {
    match (group.hidden_membership, group.unified) {
        (true, _) => Some("HiddenMembership"),
        (false, true) => Some("Private"),
        (false, false) => None,
    }
}

/// The flag as beta writes it: the object is always there, its values may be null.
pub(crate) fn writeback_value(flag: Option<&Writeback>) -> Value {
    let flag = flag.cloned().unwrap_or_default();
    json!({"isEnabled": flag.is_enabled, "onPremisesGroupType": flag.on_premises_group_type})
}

/// The SID that Entra derives from an object's id.
fn cloud_sid(object: &Object) -> String {
    let part = |at: usize| {
        u32::from_be_bytes([
            object.id.0[at],
            object.id.0[at + 1],
            object.id.0[at + 2],
            object.id.0[at + 3],
        ])
    };
    format!("S-1-12-1-{}-{}-{}-{}", part(0), part(4), part(8), part(12))
}

fn net_bios_name(tenant: &Tenant) -> String {
    tenant
        .identity
        .domain
        .split('.')
        .next()
        .unwrap_or_default()
        .to_uppercase()
}

fn user_value(tenant: &Tenant, user: &User, name: &str) -> Option<Value> {
    let synced = |value: Value| {
        if user.anchor.is_some() {
            value
        } else {
            Value::Null
        }
    };
    let local = user.upn.split(['@', '#']).next().unwrap_or_default();
    Some(match name {
        "userPrincipalName" => json!(user.upn),
        "mail" => json!(user.mail),
        "mailNickname" => json!(local),
        "userType" => json!(if user.guest { "Guest" } else { "Member" }),
        "accountEnabled" => json!(true),
        "onPremisesSyncEnabled" => synced(json!(true)),
        "onPremisesSecurityIdentifier" => {
            let visible = user.anchor.filter(|anchor| anchor.sid_in_cloud);
            json!(visible.map(|anchor| tenant.sid(anchor.rid)))
        }
        "onPremisesImmutableId" => json!(user.anchor.map(|anchor| base64(&anchor.immutable))),
        "onPremisesDistinguishedName" => json!(user.dn),
        "onPremisesDomainName" => synced(json!(tenant.identity.domain)),
        "onPremisesSamAccountName" => synced(json!(local)),
        "onPremisesUserPrincipalName" => synced(json!(user.upn)),
        "proxyAddresses" => {
            json!(
                user.mail
                    .iter()
                    .map(|mail| format!("SMTP:{mail}"))
                    .collect::<Vec<_>>()
            )
        }
        "givenName" | "jobTitle" | "mobilePhone" | "officeLocation" | "preferredLanguage"
        | "surname" => Value::Null,
        _ => return None,
    })
}

fn device_value(tenant: &Tenant, device: &Device, name: &str) -> Option<Value> {
    let hybrid = device.rid.is_some();
    Some(match name {
        "accountEnabled" => json!(true),
        "deviceId" => json!(device.device_id.to_string()),
        "operatingSystem" => json!("Windows"),
        "trustType" => json!(if hybrid { "ServerAd" } else { "AzureAd" }),
        "onPremisesSyncEnabled" => json!(hybrid.then_some(true)),
        "onPremisesSecurityIdentifier" => json!(device.rid.map(|rid| tenant.sid(rid))),
        _ => return None,
    })
}

fn named_value(named: &Named, name: &str) -> Option<Value> {
    Some(match name {
        "mail" => json!(named.mail),
        "proxyAddresses" => {
            json!(
                named
                    .mail
                    .iter()
                    .map(|mail| format!("SMTP:{mail}"))
                    .collect::<Vec<_>>()
            )
        }
        "appDisplayName" => json!(named.display_name),
        "servicePrincipalType" => json!("Application"),
        "onPremisesSyncEnabled" => Value::Null,
        _ => return None,
    })
}

/// An object as JSON: its id and the chosen properties, those that its kind has.
pub(crate) fn render(
    tenant: &Tenant,
    object: &Object,
    selected: Option<&[&'static str]>,
) -> Map<String, Value> {
    let names = selected.unwrap_or_else(|| Entity::of(object).default_properties());
    let mut out = Map::new();
    out.insert("id".into(), json!(object.id.to_string()));
    for name in names {
        if let Some(value) = value(tenant, object, name) {
            out.insert((*name).to_owned(), value);
        }
    }
    out
}
