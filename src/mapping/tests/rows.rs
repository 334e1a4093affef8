use super::*;

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
