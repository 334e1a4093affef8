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
fn without_exchange_or_new_schema_rows_are_left_out_and_named() {
    let schema = Schema {
        no_exchange: true,
        missing: &["msDS-ExternalDirectoryObjectId", "extensionAttribute1"],
        ..Schema::default()
    };
    let rows = [("extensionAttribute1", "[mail]"), ("mail", "[mail]")];
    let mapping = Mapping::compile(&with_rows(V1, &rows), &schema).unwrap();
    let names: Vec<_> = mapping
        .desired(&m365())
        .unwrap()
        .attributes
        .into_keys()
        .collect();
    // `mail` is there because it was asked for: it exists without Exchange.
    assert_eq!(
        names,
        ["adminDescription", "description", "displayName", "mail"]
    );
    assert_eq!(
        mapping.omitted(),
        [
            "extensionAttribute1",
            "mailNickname",
            "msExchRequireAuthToSendTo",
            "proxyAddresses",
            "reportToOriginator",
            "msDS-ExternalDirectoryObjectId",
        ]
    );
    assert!(
        !mapping
            .attributes()
            .iter()
            .any(|a| a == "extensionAttribute1")
    );
}

#[test]
fn rows_are_overridden_added_and_switched_off() {
    let rows = [
        ("DISPLAYNAME", r#"Append("Cloud ",[displayName])"#),
        ("description", " "),
        ("info", "[objectId]"),
        ("proxyAddresses", r#"Append("SMTP:",[mail])"#),
        ("msExchRequireAuthToSendTo", "Not([allowExternalSenders])"),
        (
            "extensionAttribute1",
            "IgnoreFlowIfNullOrEmpty([description])",
        ),
        ("msExchHideFromAddressLists", "[securityEnabled]"),
    ];
    let mapping = mapping(&with_rows(V1, &rows));
    assert!(mapping.needs_external_senders());
    let mut group = m365();
    let unread = mapping.desired(&group).unwrap_err();
    assert_eq!(
        unread.kind,
        MappingErrorKind::NotRead("allowExternalSenders")
    );
    assert_eq!(
        Error::from(unread).id,
        crate::error::ErrorId::SourceReadIncomplete
    );
    group.allow_external_senders = Some(true);
    let desired = mapping.desired(&group).unwrap();
    let attributes = shown(&desired.attributes);
    assert_eq!(attributes["displayName"], ["Cloud Sales"]);
    assert!(!attributes.contains_key("DISPLAYNAME"));
    assert!(!attributes.contains_key("description"));
    assert_eq!(attributes["info"], [ID]);
    assert_eq!(attributes["proxyAddresses"], ["SMTP:sales@contoso.com"]);
    assert_eq!(attributes["msExchRequireAuthToSendTo"], ["FALSE"]);
    assert_eq!(attributes["msExchHideFromAddressLists"], ["FALSE"]);
    assert!(
        !attributes.contains_key("extensionAttribute1"),
        "left as it is"
    );
    assert!(
        mapping
            .attributes()
            .iter()
            .any(|a| a == "extensionAttribute1")
    );
    assert!(!mapping.attributes().iter().any(|a| a == "description"));
}

#[test]
fn values_are_made_fit_for_ad() {
    let rows = [
        ("info", "[description]"),
        (
            "proxyAddresses",
            r#"Split(Append("smtp:A@x,SMTP:a@X,SMTP:,x500:/o=x,",[mail]),",")"#,
        ),
        ("extensionAttribute1", "[description]"),
        ("msExchHideFromAddressLists", r#""true""#),
    ];
    let schema = Schema {
        range: Some(("info", 5)),
        ..Schema::default()
    };
    let mapping = Mapping::compile(&with_rows(V1, &rows), &schema).unwrap();
    let group = CloudGroup {
        display_name: Some(format!("{}😀", "x".repeat(255))),
        description: Some(format!(" abc\0d😀{}", "y".repeat(2000))),
        mail: None,
        ..m365()
    };
    let desired = mapping.desired(&group).unwrap();
    let attributes = shown(&desired.attributes);
    assert_eq!(
        attributes["displayName"],
        ["x".repeat(255)],
        "cut before the pair"
    );
    assert_eq!(
        attributes["info"],
        [" abcd"],
        "cut at the schema's limit, no NUL"
    );
    assert_eq!(attributes["description"][0].encode_utf16().count(), 447);
    assert_eq!(
        attributes["extensionAttribute1"][0].encode_utf16().count(),
        1024
    );
    // AD would refuse values that differ in case only, and an address without address is none.
    assert_eq!(attributes["proxyAddresses"], ["SMTP:a@X", "x500:/o=x"]);
    assert_eq!(attributes["mail"], [""; 0]);
    assert_eq!(attributes["msExchHideFromAddressLists"], ["TRUE"]);
    let blank = CloudGroup {
        description: Some("   ".into()),
        ..m365()
    };
    let desired = mapping.desired(&blank).unwrap();
    assert_eq!(
        shown(&desired.attributes)["description"],
        [""; 0],
        "cleared, never an empty text"
    );
}

#[test]
fn a_group_that_cannot_be_mapped_says_why() {
    let fails = |rows: &[(&str, &str)], schema: Schema, group: CloudGroup| {
        Mapping::compile(&with_rows(V1, rows), &schema)
            .unwrap()
            .desired(&group)
            .unwrap_err()
    };
    let long = CloudGroup {
        mail_nickname: Some("x".repeat(65)),
        ..m365()
    };
    let error = fails(&[], Schema::default(), long);
    assert_eq!(error.target, "mailNickname");
    assert_eq!(
        error.kind,
        MappingErrorKind::TooLong {
            length: 65,
            limit: 64
        }
    );

    let unreadable = CloudGroup {
        display_name: None,
        ..m365()
    };
    let error = fails(&[], Schema::default(), unreadable);
    assert_eq!(error.kind, MappingErrorKind::NotReadable);
    assert_eq!(
        Error::from(error).id,
        crate::error::ErrorId::SourceReadIncomplete
    );

    let error = fails(
        &[("reportToOriginator", "[mail]")],
        Schema::default(),
        m365(),
    );
    assert_eq!(
        error.kind,
        MappingErrorKind::Syntax("\"sales@contoso.com\" is neither TRUE nor FALSE".into())
    );

    let error = fails(
        &[("info", r#"Left("x",[mail])"#)],
        Schema::default(),
        m365(),
    );
    assert_eq!(
        error.to_string(),
        format!("info of group {ID}: Left: \"sales@contoso.com\" is not a whole number")
    );
    let error = Error::from(error);
    assert_eq!(
        (error.id, error.target),
        (crate::error::ErrorId::ConfigurationInvalid, Some(ID.into()))
    );

    let error = fails(
        &[],
        Schema {
            single: &["proxyAddresses"],
            ..Schema::default()
        },
        m365(),
    );
    assert_eq!(error.kind, MappingErrorKind::SeveralValues(2));

    let error = fails(&[], Schema::default(), security());
    assert!(matches!(error.kind, MappingErrorKind::OutOfScope(_)));
}

#[test]
fn faults_come_all_at_once_with_their_paths() {
    let mut config = with_rows(
        V1,
        &[
            ("member", "[mail]"),
            ("CN", "[mail]"),
            ("adminDescription", ""),
            ("MSDS-externalDirectoryObjectId", "[mail]"),
            ("nTSecurityDescriptor", "[mail]"),
            ("member;range=0-1", "[mail]"),
            ("info", "[mail]"),
            ("description", "Lefft([mail],3)"),
            ("INFO", "[mail]"),
            ("extensionAttribute1", "[proxyAddresses]"),
        ],
    );
    config.target_rule = Some("[groupTypes]".into());
    config.cloud_filter = Some("mail eq".into());
    config.naming_preset = Some(NamingPreset::Custom);
    config.sam_account_name_pattern = Some("[nothing]".into());
    let schema = Schema {
        single: &["extensionAttribute1"],
        ..Schema::default()
    };
    let error = Mapping::compile(&config, &schema).unwrap_err();
    assert_eq!(error.id, crate::error::ErrorId::ConfigurationInvalid);
    let lines: Vec<_> = error
        .message
        .lines()
        .map(|l| l.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "cloudFilter",
            "targetRule",
            "samAccountNamePattern",
            "namePattern",
            "attributeMapping.CN",
            "attributeMapping.MSDS-externalDirectoryObjectId",
            "attributeMapping.adminDescription",
            "attributeMapping.info",
            "attributeMapping.member",
            "attributeMapping.member;range=0-1",
            "attributeMapping.nTSecurityDescriptor",
            "attributeMapping.description",
            "attributeMapping.extensionAttribute1",
        ]
    );
    for part in [
        "attributeMapping.description: at character 1: unknown function Lefft; did you mean Left?",
        "attributeMapping.info: the attribute is there twice",
    ] {
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[test]
fn names_and_places_by_rule() {
    let mut config = config(V1);
    config.naming_preset = Some(NamingPreset::Custom);
    config.name_pattern = Some(r#"Append("M365 ",[displayName])"#.into());
    config.sam_account_name_pattern = Some(r#"Replace([mailNickname],"none","")"#.into());
    config.target_rule = Some(
        r#"Switch([displayName],"OU=Other,DC=x","Sales","OU=Sales,DC=x","Stay",IgnoreFlowIfNullOrEmpty(""),"Bad","nowhere","Empty","")"#
            .into(),
    );
    let mapping = mapping(&config);
    let named = |name: &str, nickname: &str| CloudGroup {
        display_name: Some(name.into()),
        mail_nickname: Some(nickname.into()),
        ..m365()
    };
    let place = |name: &str| {
        let desired = mapping.desired(&named(name, "x"))?;
        Ok((desired.parent_dn, desired.enforce_parent))
    };
    assert_eq!(place("Sales"), Ok(("OU=Sales,DC=x".into(), true)));
    assert_eq!(place("Any"), Ok(("OU=Other,DC=x".into(), true)));
    assert_eq!(place("Stay"), Ok(("OU=Groups,DC=x".into(), false)));
    let wrong = |name: &str| {
        place(name)
            .map_err(|e: MappingError| (e.target, e.kind))
            .unwrap_err()
    };
    assert_eq!(
        wrong("Bad"),
        ("parent".into(), MappingErrorKind::Parent("nowhere".into()))
    );
    assert_eq!(
        wrong("Empty"),
        ("parent".into(), MappingErrorKind::Parent(String::new()))
    );
    assert_eq!(
        mapping.containers(),
        ["OU=Groups,DC=x", "OU=Other,DC=x", "OU=Sales,DC=x"]
    );

    let desired = mapping.desired(&named("Sales", "a/b.")).unwrap();
    assert_eq!(
        (desired.cn.as_str(), desired.sam_account_name.as_deref()),
        ("M365 Sales", Some("a_b"))
    );
    assert!(mapping.attributes().iter().any(|a| a == "sAMAccountName"));
    assert_eq!(
        mapping
            .desired(&named("Sales", "none"))
            .unwrap()
            .sam_account_name,
        None
    );
    let dots = mapping.desired(&named("Sales", "...")).unwrap_err();
    assert_eq!(
        (dots.target.as_str(), dots.kind),
        (
            "sAMAccountName",
            MappingErrorKind::Name(naming::NameError::Empty)
        )
    );
}

#[test]
fn preview_shows_every_row() {
    let rows = [
        ("info", r#"Left("x",[mail])"#),
        ("description", "IgnoreFlowIfNullOrEmpty([description])"),
    ];
    let mapping = mapping(&with_rows(V2, &rows));
    let rows = mapping.preview(&flagged(m365(), Some(false), None));
    let row = |name: &str| rows.iter().find(|r| r.target == name).unwrap();
    assert_eq!(
        row("scope").note.as_deref(),
        Some("not written: its writeback flag is off")
    );
    assert_eq!(row("cn").values, [MARK_TEXT]);
    assert_eq!(row("groupType").values, ["8"]);
    assert_eq!(row("adminDescription").values, [MARK_TEXT]);
    assert_eq!(row("mail").source, "[mail]");
    assert_eq!(row("mail").values, ["sales@contoso.com"]);
    assert_eq!(row("description").note.as_deref(), Some("left as it is"));
    assert!(
        row("info")
            .note
            .as_deref()
            .unwrap()
            .contains("not a whole number")
    );
    assert_eq!(
        mapping.preview(&flagged(m365(), None, None))[0].values,
        ["In"]
    );
}
