//! Configuration and thresholds: reading, and changing with every fault named at once.

use serde_json::{Map, Value, json};

use super::{Outcome, Session, flag, text};
use crate::config::{
    Configuration, Fault, Thresholds, apply_changes, apply_threshold_changes, validate_with,
};
use crate::directory::dn::Dn;
use crate::error::Result;
use crate::operation::Context;
use crate::store::{SqliteStore, Store};

/// What changes take effect only by a comparison of everything.
fn needs_full_cycle(before: &Configuration, after: &Configuration) -> bool {
    let scope = |c: &Configuration| {
        let mut c = c.clone();
        c.thresholds = Thresholds::default();
        c.batch_size = 0;
        c.connection = Default::default();
        c.enabled = false;
        c.drift_action = Default::default();
        c
    };
    scope(before) != scope(after)
}

impl Session {
    pub(super) async fn configurations(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let pattern = text(members, "name").unwrap_or("*");
        for name in SqliteStore::configurations(&self.folder)? {
            if !wildcard(pattern, &name) {
                continue;
            }
            let config = SqliteStore::open_existing(&self.folder, &name)?
                .configuration()?
                .unwrap_or_default();
            ctx.item("Configuration", object(&name, &config)).await;
        }
        Ok(Outcome::default())
    }

    pub(super) fn set_configuration(&self, members: &Value) -> Result<Outcome> {
        let before = self.configuration()?;
        let mut config = before.clone();
        let empty = Map::new();
        let changes = members["changes"].as_object().unwrap_or(&empty);
        let mut faults = apply_changes(&mut config, changes);
        if config.enabled
            && !super::feature::same_dn(&config.organizational_unit, &before.organizational_unit)
        {
            faults.push(Fault::new(
                "organizationalUnit",
                "can't be changed while writeback is on: disable with -GroupAction Keep, move the groups, and enable again",
            ));
        }
        faults.extend(validate_with(&config, &|dn| {
            Dn::parse(dn).map(|_| ()).map_err(|e| e.message)
        }));
        if !faults.is_empty() {
            return Err(Fault::into_error(&faults));
        }
        if !flag(members, "whatIf") {
            let store = self.store()?;
            store.save_configuration(&config)?;
            if needs_full_cycle(&before, &config) {
                store.set_meta(None, crate::cycle::FULL_REQUIRED, Some("configuration"))?;
            }
        }
        Ok(Outcome {
            kind: Some("Configuration"),
            value: Some(object(self.name(), &config)),
        })
    }

    pub(super) fn threshold(&self) -> Result<Outcome> {
        Ok(threshold_outcome(&self.configuration()?.thresholds))
    }

    pub(super) fn set_threshold(&self, members: &Value) -> Result<Outcome> {
        let mut config = self.configuration()?;
        let mut changes = members.as_object().cloned().unwrap_or_default();
        changes.remove("op");
        changes.retain(|_, value| !value.is_null());
        let faults = apply_threshold_changes(&mut config.thresholds, &changes);
        if !faults.is_empty() {
            return Err(Fault::into_error(&faults));
        }
        self.store()?.save_configuration(&config)?;
        Ok(threshold_outcome(&config.thresholds))
    }
}

fn threshold_outcome(t: &Thresholds) -> Outcome {
    Outcome {
        kind: Some("Threshold"),
        value: Some(thresholds(t)),
    }
}

fn thresholds(t: &Thresholds) -> Value {
    json!({
        "Enabled": t.enabled,
        "DeletionThreshold": t.deletion_threshold,
        "DeletionThresholdPercent": t.deletion_threshold_percent,
        "MemberRemovalThreshold": t.member_removal_threshold,
        "MemberRemovalThresholdPercent": t.member_removal_threshold_percent,
        "MinimumGroupSize": t.minimum_group_size,
    })
}

/// One property a parameter of Set-GroupWritebackConfiguration, then the thresholds.
fn object(name: &str, config: &Configuration) -> Value {
    let mut value = json!({
        "ConfigurationName": name,
        "Enabled": config.enabled,
        "Version": config.version,
        "OrganizationalUnit": config.organizational_unit,
        "TargetRule": config.target_rule,
        "CloudFilter": config.cloud_filter,
        "NamingPreset": config.naming_preset,
        "NamePattern": config.name_pattern,
        "SamAccountNamePattern": config.sam_account_name_pattern,
        "GroupScope": config.group_scope,
        "AttributeMapping": config.attribute_mapping.iter().map(|(a, e)| format!("{a} = {e}")).collect::<Vec<_>>(),
        "DeprovisionAction": config.deprovision_action,
        "DeprovisionContainer": config.deprovision_container,
        "GraceDays": config.grace_days,
        "DriftAction": config.drift_action,
        "BatchSize": config.batch_size,
    });
    if let (Some(value), Value::Object(limits)) =
        (value.as_object_mut(), thresholds(&config.thresholds))
    {
        for (name, limit) in limits {
            // `Enabled` is the writeback's here.
            let name = if name == "Enabled" {
                "ThresholdEnabled".to_owned()
            } else {
                name
            };
            value.insert(name, limit);
        }
    }
    value
}

/// `*` and `?`, case ignored, as in PowerShell.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (
        pattern.to_lowercase().chars().collect(),
        text.to_lowercase().chars().collect(),
    );
    // matches[j]: the pattern so far fits the first j characters.
    let mut matches: Vec<bool> = (0..=text.len()).map(|j| j == 0).collect();
    for p in pattern {
        let before = matches.clone();
        for j in 0..=text.len() {
            matches[j] = match p {
                '*' => before[j] || (j > 0 && matches[j - 1]),
                '?' => j > 0 && before[j - 1],
                c => j > 0 && before[j - 1] && text[j - 1] == c,
            };
        }
    }
    matches.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_those_of_powershell() {
        for (pattern, text, expected) in [
            ("*", "Default", true),
            ("def*", "Default", true),
            ("D?fault", "Default", true),
            ("D?fault", "Dfault", false),
            ("*a*t", "Default", true),
            ("Default", "Default2", false),
            ("", "", true),
            ("?", "", false),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn limits_and_batch_size_need_no_full_cycle_but_names_do() {
        let before = Configuration::default();
        let mut after = before.clone();
        after.batch_size = 7;
        after.thresholds.enabled = false;
        assert!(!needs_full_cycle(&before, &after));
        after.name_pattern = Some("[displayName]".into());
        assert!(needs_full_cycle(&before, &after));
    }
}
