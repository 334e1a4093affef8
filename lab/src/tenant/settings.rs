//! Tenant-wide switches: directory synchronization features, directory settings, the organization.

use super::errors::{Answer, Refusal};
use super::state::Tenant;
use crate::clock::iso;
use crate::ids::Guid;
use crate::rng::Rng;
use serde_json::{Map, Value, json};

/// The id of the `Group.Unified` template, the same in every tenant.
const TEMPLATE: &str = "62375ab9-6b52-47ed-826b-58e47e0e304b";

/// The template's values: name, default.
const TEMPLATE_VALUES: &[(&str, &str)] = &[
    ("NewUnifiedGroupWritebackDefault", "true"),
    ("EnableMIPLabels", "false"),
    ("CustomBlockedWordsList", ""),
    ("EnableMSStandardBlockedWords", "false"),
    ("ClassificationDescriptions", ""),
    ("DefaultClassification", ""),
    ("PrefixSuffixNamingRequirement", ""),
    ("AllowGuestsToBeGroupOwner", "false"),
    ("AllowGuestsToAccessGroups", "true"),
    ("GuestUsageGuidelinesUrl", ""),
    ("GroupCreationAllowedGroupId", ""),
    ("AllowToAddGuests", "true"),
    ("UsageGuidelinesUrl", ""),
    ("ClassificationList", ""),
    ("EnableGroupCreation", "true"),
];

/// The features of directory synchronization as a tenant without group writeback has them.
pub(crate) fn default_features() -> Map<String, Value> {
    let mut features = Map::new();
    for (name, value) in [
        ("blockCloudObjectTakeoverThroughHardMatchEnabled", false),
        ("blockSoftMatchEnabled", false),
        ("cloudPasswordPolicyForPasswordSyncedUsersEnabled", false),
        ("concurrentCredentialUpdateEnabled", false),
        ("deviceWritebackEnabled", false),
        ("directoryExtensionsEnabled", false),
        ("fopeConflictResolutionEnabled", false),
        // The capital B is Graph's.
        ("groupWriteBackEnabled", false),
        ("passwordSyncEnabled", true),
        ("passwordWritebackEnabled", false),
        ("quarantineUponProxyAddressesConflictEnabled", true),
        ("quarantineUponUpnConflictEnabled", true),
        ("softMatchOnUpnEnabled", true),
        ("synchronizeUpnForManagedUsersEnabled", true),
        ("unifiedGroupWritebackEnabled", false),
        ("userForcePasswordChangeOnLogonEnabled", false),
        ("userWritebackEnabled", false),
    ] {
        features.insert(name.to_owned(), Value::Bool(value));
    }
    features
}

/// One `onPremisesDirectorySynchronization` object.
pub(crate) fn synchronization(tenant: &Tenant, beta: bool) -> Value {
    let mut configuration = json!({
        "accidentalDeletionPrevention": {
            "synchronizationPreventionType": "enabledForCount",
            "alertThreshold": 500,
        },
        "synchronizationInterval": "PT30M",
        "customerRequestedSynchronizationInterval": null,
    });
    if beta {
        configuration["writebackConfiguration"] =
            json!({"unifiedGroupContainer": null, "userContainer": null});
    }
    json!({
        "id": tenant.identity.tenant_id.to_string(),
        "configuration": configuration,
        "features": tenant.features,
    })
}

/// Switches features; unknown names and other types are refused.
pub(crate) fn patch_synchronization(
    tenant: &mut Tenant,
    id: &str,
    body: &Value,
) -> Result<Answer, Refusal> {
    if id != tenant.identity.tenant_id.to_string() {
        return Err(Refusal::not_found(id));
    }
    let Some(features) = body.get("features").and_then(Value::as_object) else {
        return Err(Refusal::bad("The request has no features."));
    };
    for (name, value) in features {
        if !value.is_boolean() || !tenant.features.contains_key(name) {
            return Err(Refusal::bad(format!(
                "Invalid value specified for property '{name}'."
            )));
        }
    }
    tenant.features.extend(features.clone());
    Ok(Answer::no_content())
}

/// `GET /organization`
pub(crate) fn organization(tenant: &Tenant, now: i64) -> Value {
    let identity = &tenant.identity;
    let domain = |name: &str, initial: bool| {
        json!({
            "name": name, "type": "Managed", "isInitial": initial, "isDefault": !initial,
            "capabilities": "Email, OfficeCommunicationsOnline",
        })
    };
    json!({
        "id": identity.tenant_id.to_string(),
        "displayName": identity.domain.split('.').next(),
        "countryLetterCode": "US",
        "onPremisesSyncEnabled": true,
        "onPremisesLastSyncDateTime": iso(now - now.rem_euclid(1800)),
        "verifiedDomains": [domain(&identity.domain, false), domain(&identity.initial_domain, true)],
    })
}

/// The template with all its values.
pub(crate) fn template() -> Value {
    let values = TEMPLATE_VALUES.iter().map(|(name, default)| {
        let kind = if matches!(*default, "true" | "false") {
            "Boolean"
        } else {
            "String"
        };
        json!({
            "name": name, "type": format!("System.{kind}"), "defaultValue": default,
            "description": "",
        })
    });
    json!({
        "id": TEMPLATE,
        "displayName": "Group.Unified",
        "description": "Setting templates define the different settings that can be used for the \
                        associated ObjectSettings.",
        "values": values.collect::<Vec<_>>(),
    })
}

/// Creates a setting from the template.
pub(crate) fn create_setting(
    tenant: &mut Tenant,
    rng: &mut Rng,
    body: &Value,
) -> Result<Answer, Refusal> {
    if body["templateId"] != TEMPLATE {
        return Err(Refusal::bad("The template is unknown."));
    }
    if !tenant.settings.is_empty() {
        let message = "A conflicting object with one or more of the specified property values is \
                       present in the directory.";
        return Err(Refusal::new(400, "Request_BadRequest", message));
    }
    let values = checked_values(body)?;
    let missing = TEMPLATE_VALUES
        .iter()
        .find(|(name, _)| !values.iter().any(|(n, _)| n == name));
    if let Some((name, _)) = missing {
        return Err(Refusal::bad(format!("The value of '{name}' is missing.")));
    }
    let setting = json!({
        "id": Guid::random(rng.bytes()).to_string(),
        "displayName": "Group.Unified",
        "templateId": TEMPLATE,
        "values": pairs(&values),
    });
    tenant.settings.push(setting.clone());
    Ok(Answer::created(setting))
}

/// Changes values of a setting.
pub(crate) fn patch_setting(
    tenant: &mut Tenant,
    id: &str,
    body: &Value,
) -> Result<Answer, Refusal> {
    let Some(setting) = tenant
        .settings
        .iter_mut()
        .find(|setting| setting["id"] == id)
    else {
        return Err(Refusal::not_found(id));
    };
    let mut all: Vec<(String, String)> = read_values(setting);
    for (name, value) in checked_values(body)? {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some(slot) => slot.1 = value,
            None => all.push((name, value)),
        }
    }
    setting["values"] = pairs(&all);
    Ok(Answer::no_content())
}

fn read_values(body: &Value) -> Vec<(String, String)> {
    let values = body["values"].as_array().into_iter().flatten();
    values
        .filter_map(|pair| {
            Some((
                pair["name"].as_str()?.to_owned(),
                pair["value"].as_str()?.to_owned(),
            ))
        })
        .collect()
}

/// The values of a request: every one must be a text and of the template.
fn checked_values(body: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let sent = body["values"].as_array().map_or(0, Vec::len);
    let values = read_values(body);
    let known = |name: &String| TEMPLATE_VALUES.iter().any(|(known, _)| known == name);
    if values.len() != sent || !values.iter().all(|(name, _)| known(name)) {
        return Err(Refusal::bad(
            "A value is not a text or not in the template.",
        ));
    }
    Ok(values)
}

fn pairs(values: &[(String, String)]) -> Value {
    values
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}
