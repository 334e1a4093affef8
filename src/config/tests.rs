use serde_json::{Value, json};

use super::*;

fn valid() -> Configuration {
    Configuration {
        enabled: true,
        organizational_unit: "OU=Groups,DC=contoso,DC=com".into(),
        connection: Connection {
            tenant_id: "contoso.onmicrosoft.com".into(),
            client_id: "6f9619ff-8b86-d011-b42d-00c04fc964ff".into(),
            server: "dc1.contoso.com:636".into(),
            ..Connection::default()
        },
        ..Configuration::default()
    }
}

fn paths(config: &Configuration) -> Vec<String> {
    validate(config).into_iter().map(|f| f.path).collect()
}

#[test]
fn what_is_valid() {
    assert_eq!(validate(&valid()), []);
    // Before Enable nothing has to be there.
    assert_eq!(validate(&Configuration::default()), []);
    let mut lab = valid();
    lab.connection.environment = Environment::Custom;
    lab.connection.login_endpoint = Some("http://127.0.0.1:40001".into());
    lab.connection.graph_endpoint = Some("https://graph.example.org/".into());
    lab.connection.server = "localhost:40003".into();
    assert_eq!(validate(&lab), []);
    for sign_in in [
        SignIn::AccessToken,
        SignIn::ManagedIdentity { client_id: None },
    ] {
        let mut config = valid();
        config.connection.tenant_id.clear();
        config.connection.client_id.clear();
        config.connection.sign_in = sign_in;
        assert_eq!(validate(&config), []);
    }
}

/// A change that makes the valid configuration wrong, and the paths of the faults it must give.
type Wrong = (fn(&mut Configuration), &'static [&'static str]);

#[test]
fn every_fault_has_its_path() {
    let cases: &[Wrong] = &[
        (|c| c.organizational_unit.clear(), &["organizationalUnit"]),
        (
            |c| c.organizational_unit = "Groups".into(),
            &["organizationalUnit"],
        ),
        (
            |c| c.target_rule = Some("[dispalyName]".into()),
            &["targetRule"],
        ),
        (
            |c| c.target_rule = Some("[groupTypes]".into()),
            &["targetRule"],
        ),
        (
            |c| c.cloud_filter = Some("displayName eq".into()),
            &["cloudFilter"],
        ),
        (
            |c| c.name_pattern = Some("[displayName]".into()),
            &["namePattern"],
        ),
        (
            |c| c.naming_preset = Some(NamingPreset::Custom),
            &["namePattern"],
        ),
        (
            |c| {
                c.naming_preset = Some(NamingPreset::Custom);
                c.name_pattern = Some("Left(".into());
            },
            &["namePattern"],
        ),
        (
            |c| c.sam_account_name_pattern = Some("x".into()),
            &["samAccountNamePattern"],
        ),
        (
            |c| insert(c, "member", "[mail]"),
            &["attributeMapping.member"],
        ),
        (|c| insert(c, "info", "Left("), &["attributeMapping.info"]),
        (
            |c| c.deprovision_action = DeprovisionAction::Move,
            &["deprovisionContainer"],
        ),
        (
            |c| c.deprovision_container = Some("Old".into()),
            &["deprovisionContainer"],
        ),
        (
            |c| c.deprovision_container = Some("ou=groups,DC=contoso,DC=com".into()),
            &["deprovisionContainer"],
        ),
        (|c| c.grace_days = 4000, &["graceDays"]),
        (|c| c.batch_size = 0, &["batchSize"]),
        (|c| c.batch_size = 5001, &["batchSize"]),
        (
            |c| c.thresholds.deletion_threshold_percent = 101,
            &["thresholds.deletionThresholdPercent"],
        ),
        (
            |c| c.thresholds.member_removal_threshold_percent = 101,
            &["thresholds.memberRemovalThresholdPercent"],
        ),
        (|c| c.connection.tenant_id.clear(), &["connection.tenantId"]),
        (
            |c| c.connection.tenant_id = "contoso".into(),
            &["connection.tenantId"],
        ),
        (|c| c.connection.client_id.clear(), &["connection.clientId"]),
        (
            |c| c.connection.client_id = "app".into(),
            &["connection.clientId"],
        ),
        (|c| c.connection.server.clear(), &["connection.server"]),
        (
            |c| c.connection.server = "http://dc1".into(),
            &["connection.server"],
        ),
        (
            |c| c.connection.server = "dc1:99999".into(),
            &["connection.server"],
        ),
        (
            |c| c.connection.server = "dc1:".into(),
            &["connection.server"],
        ),
        (
            |c| c.connection.environment = Environment::Custom,
            &["connection.loginEndpoint", "connection.graphEndpoint"],
        ),
        (
            |c| c.connection.login_endpoint = Some("https://login.example.org".into()),
            &["connection.loginEndpoint"],
        ),
        (
            |c| {
                c.connection.environment = Environment::Custom;
                c.connection.login_endpoint = Some("http://login.example.org".into());
                c.connection.graph_endpoint = Some("https://graph.example.org/v1.0".into());
            },
            &["connection.loginEndpoint", "connection.graphEndpoint"],
        ),
        (
            |c| {
                c.connection.sign_in = SignIn::CertificateFile {
                    path: String::new(),
                }
            },
            &["connection.signIn.path"],
        ),
        (
            |c| {
                c.connection.sign_in = SignIn::HostCertificate {
                    thumbprint: "12".into(),
                    sha256: "x".into(),
                };
            },
            &["connection.signIn.thumbprint", "connection.signIn.sha256"],
        ),
        (
            |c| {
                c.connection.sign_in = SignIn::ManagedIdentity {
                    client_id: Some("x".into()),
                };
            },
            &["connection.signIn.clientId"],
        ),
    ];
    for (number, (change, expected)) in cases.iter().enumerate() {
        let mut config = valid();
        change(&mut config);
        assert_eq!(paths(&config), *expected, "case {number}");
    }
}

fn insert(config: &mut Configuration, name: &str, expression: &str) {
    config
        .attribute_mapping
        .insert(name.into(), expression.into());
}

#[test]
fn all_faults_at_once_and_in_one_error() {
    let mut config = valid();
    config.batch_size = 0;
    config.cloud_filter = Some("nonsense".into());
    insert(&mut config, "cn", "[mail]");
    let faults = validate(&config);
    assert_eq!(faults.len(), 3);
    let error = Fault::into_error(&faults);
    assert_eq!(error.id, crate::error::ErrorId::ConfigurationInvalid);
    for path in [
        "batchSize: ",
        "cloudFilter: at character 1: ",
        "attributeMapping.cn: ",
    ] {
        assert!(error.message.contains(path), "{}", error.message);
    }
    assert_eq!(
        Fault::into_error(&faults[..1]).target,
        Some(faults[0].path.clone())
    );
}

#[test]
fn dns_are_checked_by_the_callers_parser() {
    let mut config = valid();
    config.deprovision_container = Some("OU=Old,DC=contoso,DC=com".into());
    let faults = validate_with(&config, &|dn| Err(format!("bad {dn}")));
    let messages: Vec<_> = faults.into_iter().map(|f| f.message).collect();
    assert_eq!(
        messages,
        [
            "bad OU=Groups,DC=contoso,DC=com",
            "bad OU=Old,DC=contoso,DC=com"
        ]
    );
}

#[test]
fn endpoints_in_clear_only_on_this_machine() {
    let custom = |url: &str| {
        let mut config = valid();
        config.connection.environment = Environment::Custom;
        config.connection.login_endpoint = Some(url.into());
        config.connection.graph_endpoint = Some(url.into());
        validate(&config).is_empty()
    };
    for good in [
        "https://a.b",
        "https://a.b:8443/",
        "http://localhost:1",
        "http://127.3.2.1",
        "http://[::1]:80",
    ] {
        assert!(custom(good), "{good}");
    }
    for bad in [
        "",
        "a.b",
        "ftp://a.b",
        "http://a.b",
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
        "https://a.b/path",
        "https://user@a.b",
        "https://a.b?x",
        "http://[::2]",
        "http://0.0.0.0",
        "https://",
    ] {
        assert!(!custom(bad), "{bad}");
    }
}

fn changed(config: &mut Configuration, changes: Value) -> Vec<(String, String)> {
    let faults = apply_changes(config, changes.as_object().unwrap());
    faults.into_iter().map(|f| (f.path, f.message)).collect()
}

#[test]
fn every_parameter_changes_and_resets() {
    let mut config = valid();
    let faults = changed(
        &mut config,
        json!({
            "organizationalUnit": " OU=New,DC=x ", "targetRule": "\"OU=a,DC=x\"", "cloudFilter": "mail ne null",
            "namingPreset": "custom", "namePattern": "[displayName]", "samAccountNamePattern": "[mailNickname]",
            "groupScope": "GLOBAL", "attributeMapping": {"info": "[mail]", "description": ""},
            "deprovisionAction": "Move", "deprovisionContainer": "OU=Old,DC=x", "graceDays": 7,
            "driftAction": "ignore", "batchSize": 1000,
        }),
    );
    assert_eq!(faults, []);
    let expected = Configuration {
        organizational_unit: "OU=New,DC=x".into(),
        target_rule: Some("\"OU=a,DC=x\"".into()),
        cloud_filter: Some("mail ne null".into()),
        naming_preset: Some(NamingPreset::Custom),
        name_pattern: Some("[displayName]".into()),
        sam_account_name_pattern: Some("[mailNickname]".into()),
        group_scope: GroupScope::Global,
        attribute_mapping: [
            ("info".into(), "[mail]".into()),
            ("description".into(), String::new()),
        ]
        .into(),
        deprovision_action: DeprovisionAction::Move,
        deprovision_container: Some("OU=Old,DC=x".into()),
        grace_days: 7,
        drift_action: DriftAction::Ignore,
        batch_size: 1000,
        ..valid()
    };
    assert_eq!(config, expected);
    assert_eq!(validate(&config), []);

    let nulls = json!({
        "organizationalUnit": null, "targetRule": null, "cloudFilter": "", "namingPreset": null, "namePattern": null,
        "samAccountNamePattern": null, "groupScope": null, "attributeMapping": null, "deprovisionAction": null,
        "deprovisionContainer": null, "graceDays": null, "driftAction": null, "batchSize": null,
    });
    assert_eq!(changed(&mut config, nulls), []);
    let expected = Configuration {
        organizational_unit: String::new(),
        ..valid()
    };
    assert_eq!(config, expected);
}

#[test]
fn wrong_changes_are_named_and_the_right_ones_applied() {
    let mut config = valid();
    let faults = changed(
        &mut config,
        json!({
            "batchSize": 7, "graceDays": -1, "namingPreset": "ConnectV3", "targetRule": 5, "batchsize": 1,
            "deletionThreshold": 3, "driftAction": true, "attributeMapping": [1], "organizationalUnit": {},
        }),
    );
    let faults: std::collections::BTreeMap<_, _> = faults.into_iter().collect();
    assert_eq!(
        config,
        Configuration {
            batch_size: 7,
            ..valid()
        }
    );
    assert_eq!(faults["graceDays"], "expected a whole number, not negative");
    assert_eq!(
        faults["namingPreset"],
        "one of ConnectV1, ConnectV1DisplayName, CloudSync, Custom"
    );
    assert_eq!(
        faults["batchsize"],
        "unknown parameter; did you mean batchSize?"
    );
    assert_eq!(faults["deletionThreshold"], "unknown parameter");
    assert_eq!(faults.len(), 8);
}

#[test]
fn attribute_mapping_is_replaced_or_edited() {
    let mut config = valid();
    let mapping = |config: &Configuration| {
        let rows = config.attribute_mapping.iter();
        rows.map(|(n, e)| format!("{n}={e}")).collect::<Vec<_>>()
    };
    for (change, expected) in [
        (
            json!({"info": "[mail]", "mail": ""}),
            vec!["info=[mail]", "mail="],
        ),
        (
            json!({"Add": {"INFO": "[description]"}}),
            vec!["INFO=[description]", "mail="],
        ),
        (json!({"Remove": "Mail"}), vec!["INFO=[description]"]),
        (json!({"Remove": ["nothing"]}), vec!["INFO=[description]"]),
        (
            json!({"add": {"displayName": null}, "remove": ["info"]}),
            vec!["displayName="],
        ),
        (json!({}), vec![]),
    ] {
        assert_eq!(
            changed(&mut config, json!({"attributeMapping": change})),
            []
        );
        assert_eq!(mapping(&config), expected);
    }
    for wrong in [
        json!({"Add": 5}),
        json!({"Remove": 5}),
        json!({"Remove": [5]}),
        json!({"info": 5}),
        json!("x"),
    ] {
        assert_eq!(
            changed(&mut config, json!({"attributeMapping": wrong})).len(),
            1,
            "{wrong}"
        );
    }
}

#[test]
fn thresholds_change_and_reset() {
    let mut thresholds = Thresholds::default();
    let change = |t: &mut Thresholds, changes: Value| {
        let faults = apply_threshold_changes(t, changes.as_object().unwrap());
        faults.into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    let all = json!({
        "enabled": false, "deletionThreshold": 1, "deletionThresholdPercent": 2, "memberRemovalThreshold": 3,
        "memberRemovalThresholdPercent": 100, "minimumGroupSize": 0,
    });
    assert!(change(&mut thresholds, all).is_empty());
    let expected = Thresholds {
        enabled: false,
        deletion_threshold: 1,
        deletion_threshold_percent: 2,
        member_removal_threshold: 3,
        member_removal_threshold_percent: 100,
        minimum_group_size: 0,
    };
    assert_eq!(thresholds, expected);
    let wrong = json!({
        "enabled": "yes", "deletionThreshold": 4294967296u64, "deletionThresholdPercent": 101,
        "memberRemovalThreshold": 1.5, "minimumGroupSiz": 1,
    });
    assert_eq!(change(&mut thresholds, wrong).len(), 5);
    assert_eq!(thresholds, expected);
    let nulls = json!({
        "enabled": null, "deletionThreshold": null, "deletionThresholdPercent": null, "memberRemovalThreshold": null,
        "memberRemovalThresholdPercent": null, "minimumGroupSize": null,
    });
    assert!(change(&mut thresholds, nulls).is_empty());
    assert_eq!(thresholds, Thresholds::default());
}
