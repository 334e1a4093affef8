//! What must hold of expressions, filters and configurations, whatever they are.

use serde_json::{Map, Value};

use super::{AnySchema, Mapping, expression::Expression, filter::CloudFilter};
use crate::config::{self, Configuration};
use crate::model::{CloudGroup, Guid, WritebackFlag};

/// A group with everything, and one with nothing.
fn groups() -> [CloudGroup; 2] {
    let full = CloudGroup {
        display_name: Some("  Sales Team \u{1f600} ".into()),
        description: Some("a\nb\u{e9}".into()),
        mail: Some("john.doe@contoso.test".into()),
        mail_nickname: Some("john_doe72".into()),
        proxy_addresses: vec!["SMTP:a@contoso.test".into(), "smtp:b@contoso.test".into()],
        group_types: vec!["Unified".into()],
        mail_enabled: true,
        writeback: Some(WritebackFlag {
            is_enabled: Some(true),
            on_premises_group_type: Some("universalSecurityGroup".into()),
        }),
        ..CloudGroup::new(Guid([0x5a; 16]))
    };
    [full, CloudGroup::new(Guid([0; 16]))]
}

/// A mapping expression.
pub fn expression(text: &str) {
    match Expression::parse(text) {
        Ok(expression) => {
            assert_eq!(expression.as_str(), text);
            for group in groups() {
                assert_eq!(expression.eval(&group), expression.eval(&group));
                let _ = expression.unread(&group);
            }
            let _ = (expression.attributes(), expression.texts());
        }
        Err(error) => {
            assert!(error.position <= text.encode_utf16().count());
            assert!(!error.message.is_empty());
        }
    }
}

/// A filter on cloud groups.
pub fn cloud_filter(text: &str) {
    match CloudFilter::parse(text) {
        Ok(filter) => {
            assert_eq!(filter.as_str(), text);
            let not = CloudFilter::parse(&format!("not ({text})"));
            for group in groups() {
                let passes = filter.matches(&group);
                // One level deeper may be one too many.
                if let Ok(not) = &not {
                    assert_eq!(not.matches(&group), !passes);
                }
                let _ = filter.unread(&group);
            }
        }
        Err(error) => {
            assert!(error.position <= text.encode_utf16().count());
            assert!(!error.message.is_empty());
        }
    }
}

/// A recorded configuration, or changes of one.
pub fn configuration(data: &[u8]) {
    if let Ok(recorded) = serde_json::from_slice::<Configuration>(data) {
        whole(&recorded);
    }
    if let Ok(changes) = serde_json::from_slice::<Map<String, Value>>(data) {
        let mut config = Configuration::default();
        let faults = config::apply_changes(&mut config, &changes);
        assert!(faults.iter().all(|fault| !fault.message.is_empty()));
        whole(&config);
        let mut again = config.clone();
        if faults.is_empty() && !changes.contains_key("attributeMapping") {
            let _ = config::apply_changes(&mut again, &changes);
            assert_eq!(again, config, "the same changes again change nothing");
        }
        let _ = config::apply_threshold_changes(&mut config.thresholds, &changes);
    }
}

fn whole(config: &Configuration) {
    let Ok(text) = serde_json::to_string(config) else {
        unreachable!("a configuration is written");
    };
    let again = serde_json::from_str::<Configuration>(&text);
    assert_eq!(again.as_ref().ok(), Some(config), "{text}");
    let faults = config::validate(config);
    match Mapping::compile(config, &AnySchema) {
        Ok(mapping) => {
            for group in groups() {
                let _ = mapping.preview(&group);
                if let Ok(desired) = mapping.desired(&group) {
                    assert!(!desired.cn.is_empty() && desired.cn.encode_utf16().count() <= 64);
                }
            }
        }
        // What can't be compiled was to be refused when it was set.
        Err(error) => assert!(!faults.is_empty(), "{error:?}"),
    }
}
