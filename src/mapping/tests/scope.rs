use super::*;

#[test]
fn v1_writes_m365_groups_whatever_their_flag() {
    let mapping = mapping(&config(V1));
    let desired = mapping
        .desired(&flagged(
            m365(),
            Some(false),
            Some("universalSecurityGroup"),
        ))
        .unwrap();
    assert_eq!(desired.cn, MARK_TEXT);
    assert_eq!(desired.name, "Sales");
    assert_eq!(desired.parent_dn, "OU=Groups,DC=x");
    assert!(!desired.enforce_parent && !desired.type_is_explicit);
    assert_eq!(desired.group_type, GroupType::UNIVERSAL_DISTRIBUTION);
    assert_eq!(desired.sam_account_name, None);
    let expected: BTreeMap<&str, Vec<&str>> = [
        ("adminDescription", vec![MARK_TEXT]),
        ("description", vec![]),
        ("displayName", vec!["Sales"]),
        ("mail", vec!["sales@contoso.com"]),
        ("mailNickname", vec!["sales"]),
        ("msDS-ExternalDirectoryObjectId", vec![MARK_TEXT]),
        ("msExchRequireAuthToSendTo", vec!["TRUE"]),
        (
            "proxyAddresses",
            vec!["SMTP:sales@contoso.com", "smtp:s@contoso.com"],
        ),
        ("reportToOriginator", vec!["TRUE"]),
    ]
    .into();
    assert_eq!(shown(&desired.attributes), expected);
    let mut read = vec!["cn", "groupType"];
    read.extend(expected.keys());
    read.sort_unstable();
    assert_eq!(mapping.attributes(), read);
    assert!(!mapping.needs_external_senders());
    assert!(mapping.omitted().is_empty());
    assert_eq!(mapping.scope(&security()), Scope::Out(OutReason::Kind));
}

#[test]
fn scope_by_version() {
    use OutReason::*;
    let synced = |g: CloudGroup| CloudGroup {
        on_premises_sync_enabled: true,
        ..g
    };
    let unreadable = |g: CloudGroup| CloudGroup {
        display_name: None,
        ..g
    };
    let mail_security = CloudGroup {
        mail_enabled: true,
        ..security()
    };
    let list = CloudGroup {
        security_enabled: false,
        mail_enabled: true,
        ..security()
    };
    let not_read = Scope::Unknown(UnknownReason::NotRead("writebackConfiguration"));
    let kind = |k: &str| Scope::Unknown(UnknownReason::GroupType(k.into()));
    let on = |g, k: Option<&str>| flagged(g, Some(true), k);
    for (version, group, expected) in [
        (V1, m365(), Scope::In),
        (V1, synced(m365()), Scope::Out(Synced)),
        (
            V1,
            unreadable(m365()),
            Scope::Unknown(UnknownReason::NotReadable),
        ),
        (V1, security(), Scope::Out(Kind)),
        (V1, list.clone(), Scope::Out(Kind)),
        (V2, flagged(m365(), None, None), Scope::In),
        (V2, on(m365(), None), Scope::In),
        (V2, flagged(m365(), Some(false), None), Scope::Out(FlagOff)),
        (V2, m365(), not_read.clone()),
        (
            V2,
            on(m365(), Some("universalDistributionGroup")),
            Scope::In,
        ),
        (
            V2,
            on(m365(), Some("universalMailEnabledSecurityGroup")),
            Scope::In,
        ),
        (V2, on(m365(), Some("universalSecurityGroup")), Scope::In),
        (V2, on(m365(), Some("globalGroup")), kind("globalGroup")),
        (V2, on(security(), None), Scope::In),
        (
            V2,
            on(security(), Some("universalSecurityGroup")),
            Scope::In,
        ),
        (
            V2,
            on(security(), Some("universalDistributionGroup")),
            kind("universalDistributionGroup"),
        ),
        (V2, flagged(security(), None, None), Scope::Out(FlagNotSet)),
        (
            V2,
            flagged(security(), Some(false), None),
            Scope::Out(FlagOff),
        ),
        (V2, security(), not_read),
        (V2, on(mail_security.clone(), None), Scope::Out(Kind)),
        (V2, on(list.clone(), None), Scope::Out(Kind)),
        (V2, synced(on(security(), None)), Scope::Out(Synced)),
        (CloudSync, security(), Scope::In),
        (CloudSync, flagged(security(), Some(false), None), Scope::In),
        (CloudSync, synced(security()), Scope::Out(Synced)),
        (
            CloudSync,
            unreadable(synced(security())),
            Scope::Unknown(UnknownReason::NotReadable),
        ),
        (CloudSync, mail_security, Scope::Out(Kind)),
        (CloudSync, m365(), Scope::Out(Kind)),
        (CloudSync, list, Scope::Out(Kind)),
    ] {
        let mapping = mapping(&config(version));
        assert_eq!(mapping.scope(&group), expected, "{version:?} {group:?}");
        assert_eq!(mapping.desired(&group).is_ok(), expected == Scope::In);
    }
}

#[test]
fn the_filter_is_anded() {
    let filtered = |text: &str, version| {
        mapping(&Configuration {
            cloud_filter: Some(text.into()),
            ..config(version)
        })
    };
    let mapping = filtered("displayName eq 'Sales'", V1);
    assert_eq!(mapping.scope(&m365()), Scope::In);
    let other = CloudGroup {
        display_name: Some("Other".into()),
        ..m365()
    };
    assert_eq!(mapping.scope(&other), Scope::Out(OutReason::Filter));
    let synced = CloudGroup {
        on_premises_sync_enabled: true,
        ..m365()
    };
    assert_eq!(
        filtered("displayName ne null", V1).scope(&synced),
        Scope::Out(OutReason::Synced)
    );
    // What was not read decides nothing.
    let senders = filtered("allowExternalSenders eq true", V1);
    assert!(senders.needs_external_senders());
    let unknown = Scope::Unknown(UnknownReason::NotRead("allowExternalSenders"));
    assert_eq!(senders.scope(&m365()), unknown);
    let read = CloudGroup {
        allow_external_senders: Some(true),
        ..m365()
    };
    assert_eq!(senders.scope(&read), Scope::In);
}

#[test]
fn v2_types_and_mail() {
    let mapping = mapping(&config(V2));
    let of = |group: CloudGroup, kind: Option<&str>| {
        let desired = mapping.desired(&flagged(group, Some(true), kind)).unwrap();
        let mail = desired.attributes.get("proxyAddresses").map(Vec::len);
        (desired.group_type.0, desired.type_is_explicit, mail)
    };
    assert_eq!(of(m365(), None), (8, false, Some(2)));
    assert_eq!(
        of(m365(), Some("universalDistributionGroup")),
        (8, true, Some(2))
    );
    assert_eq!(
        of(m365(), Some("universalMailEnabledSecurityGroup")),
        (-2147483640, true, Some(2))
    );
    // Cleared, so that a former distribution group leaves the address list.
    assert_eq!(
        of(m365(), Some("universalSecurityGroup")),
        (-2147483640, true, Some(0))
    );
    // Left to AD.
    assert_eq!(of(security(), None), (-2147483640, false, None));
}

#[test]
fn cloud_sync_names_types_and_rows() {
    let mapping = mapping(&config(CloudSync));
    let desired = mapping.desired(&security()).unwrap();
    assert_eq!(desired.cn, "Admins_00c04fc964ff");
    assert_eq!(desired.group_type, GroupType::UNIVERSAL_SECURITY);
    let names: Vec<_> = desired.attributes.keys().map(String::as_str).collect();
    let expected = [
        "adminDescription",
        "description",
        "displayName",
        "msDS-ExternalDirectoryObjectId",
    ];
    assert_eq!(names, expected);
}

#[test]
fn group_scope_is_the_configured_one() {
    for (scope, security, distribution) in [
        (GroupScope::Universal, -2147483640, 8),
        (GroupScope::Global, -2147483646, 2),
        (GroupScope::DomainLocal, -2147483644, 4),
    ] {
        let mut config = config(V2);
        config.group_scope = scope;
        let mapping = mapping(&config);
        let of = |g| {
            mapping
                .desired(&flagged(g, Some(true), None))
                .unwrap()
                .group_type
                .0
        };
        assert_eq!((of(self::security()), of(m365())), (security, distribution));
    }
}

#[test]
fn the_tenants_default_decides_on_unflagged_m365_groups() {
    let mapping = mapping(&config(V2)).with_new_group_default(false);
    let unknown = Scope::Unknown(UnknownReason::NewGroupDefaultOff);
    assert_eq!(mapping.scope(&flagged(m365(), None, None)), unknown);
    assert_eq!(mapping.scope(&flagged(m365(), Some(true), None)), Scope::In);
    let off = Scope::Out(OutReason::FlagNotSet);
    assert_eq!(mapping.scope(&flagged(security(), None, None)), off);
}
