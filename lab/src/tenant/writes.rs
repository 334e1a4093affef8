//! The few writes Graph takes here: a group's properties, first of all its writeback flag.

use super::call::Call;
use super::change::GroupProperties;
use super::errors::{Answer, Refusal};
use super::permissions::{Access, need};
use super::state::{Group, Tenant};
use crate::ids::Guid;
use serde::Deserialize;
use serde_json::Value;

/// The values of `onPremisesGroupType`.
const TYPES: &[&str] = &[
    "universalDistributionGroup",
    "universalSecurityGroup",
    "universalMailEnabledSecurityGroup",
];

/// `PATCH /groups/{id}`; the flag is known where the beta schema has it.
pub(crate) fn patch_group(
    tenant: &mut Tenant,
    access: Access,
    call: &Call,
    id: &str,
    beta_flag: bool,
) -> Result<Answer, Refusal> {
    need(access.write_groups)?;
    let found = Guid::parse(id).and_then(|id| tenant.find_group(id));
    let (index, group) = found.ok_or_else(|| Refusal::not_found(id))?;
    let body = call.body.as_ref().and_then(Value::as_object);
    let body = body.ok_or_else(|| Refusal::bad("The request has no body."))?;
    for name in body.keys() {
        let writable = match name.as_str() {
            "displayName" | "description" | "mailNickname" | "allowExternalSenders" => true,
            "writebackConfiguration" => beta_flag,
            _ => false,
        };
        if !writable {
            let message = format!("Invalid property '{name}'.");
            return Err(Refusal::bad(message));
        }
    }
    let properties = GroupProperties::deserialize(&Value::Object(body.clone()))
        .map_err(|error| Refusal::bad(format!("Invalid value: {error}")))?;
    if let Some(Some(flag)) = &properties.writeback_configuration
        && let Some(Some(kind)) = &flag.on_premises_group_type
    {
        check_type(group, kind)?;
    }
    if !group.is_cloud() {
        let message = "Unable to update the specified properties for on-premises mastered \
                       Directory Sync objects or objects currently undergoing migration.";
        return Err(Refusal::bad(message));
    }
    tenant.set_group(index, properties).map_err(Refusal::bad)?;
    Ok(Answer::no_content())
}

fn check_type(group: &Group, kind: &str) -> Result<(), Refusal> {
    let fits = TYPES.contains(&kind) && (group.unified || kind == "universalSecurityGroup");
    if fits {
        return Ok(());
    }
    let message = format!("Invalid value '{kind}' specified for property 'onPremisesGroupType'.");
    Err(Refusal::bad(message))
}
