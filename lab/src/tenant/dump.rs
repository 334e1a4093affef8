//! The truth about the tenant, as JSON sorted by id, to compare with what a client believes.

use super::properties::value;
use super::state::{Index, Object, State, Tenant};
use serde_json::{Map, Value, json};

const USER: &[&str] = &[
    "id",
    "displayName",
    "userPrincipalName",
    "onPremisesSyncEnabled",
    "onPremisesSecurityIdentifier",
    "onPremisesImmutableId",
];
const DEVICE: &[&str] = &["id", "displayName", "onPremisesSecurityIdentifier"];
const GROUP: &[&str] = &[
    "id",
    "displayName",
    "description",
    "mail",
    "mailNickname",
    "proxyAddresses",
    "groupTypes",
    "securityEnabled",
    "mailEnabled",
    "onPremisesSyncEnabled",
    "onPremisesSecurityIdentifier",
    "allowExternalSenders",
    "visibility",
    "writebackConfiguration",
];

/// The dump as text. It is written piece by piece: a large tenant's is hundreds of megabytes.
pub(crate) fn dump(tenant: &Tenant) -> String {
    let mut out = format!(
        "{{\"tenantId\":\"{}\",\"users\":[",
        tenant.identity.tenant_id
    );
    let active = |index: &Index| tenant.object(*index).is_active();
    let users = tenant.users.iter().copied().filter(active).collect();
    list(tenant, &mut out, users, |object| {
        plain(tenant, object, USER)
    });
    out.push_str("],\"devices\":[");
    let devices = tenant.devices.iter().copied().filter(active).collect();
    list(tenant, &mut out, devices, |object| {
        plain(tenant, object, DEVICE)
    });
    out.push_str("],\"groups\":[");
    list(tenant, &mut out, tenant.groups.clone(), |object| {
        group(tenant, object)
    });
    out.push_str("]}");
    out
}

fn list(
    tenant: &Tenant,
    out: &mut String,
    mut indexes: Vec<Index>,
    render: impl Fn(&Object) -> Map<String, Value>,
) {
    indexes.sort_unstable_by_key(|index| tenant.object(*index).id);
    for (place, index) in indexes.into_iter().enumerate() {
        if place > 0 {
            out.push_str(",\n");
        }
        out.push_str(&Value::Object(render(tenant.object(index))).to_string());
    }
}

fn plain(tenant: &Tenant, object: &Object, names: &[&str]) -> Map<String, Value> {
    let properties = names.iter().map(|name| {
        let value = value(tenant, object, name).unwrap_or(Value::Null);
        ((*name).to_owned(), value)
    });
    properties.collect()
}

fn group(tenant: &Tenant, object: &Object) -> Map<String, Value> {
    let mut out = plain(tenant, object, GROUP);
    let state = match object.state {
        State::Active => "active",
        State::SoftDeleted => "softDeleted",
        State::HardDeleted => "hardDeleted",
    };
    out.insert("state".into(), json!(state));
    let mut members: Vec<&Object> = match object.group() {
        Some(group) if object.state != State::HardDeleted => group
            .members()
            .map(|member| tenant.object(member))
            .collect(),
        _ => Vec::new(),
    };
    members.sort_unstable_by_key(|member| member.id);
    let members = members
        .into_iter()
        .map(|member| json!({"id": member.id.to_string(), "kind": member.kind()}));
    out.insert("members".into(), Value::Array(members.collect()));
    out
}
