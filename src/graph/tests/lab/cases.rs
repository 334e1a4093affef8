//! What must hold against a tenant that behaves, and one that doesn't.

use std::collections::{BTreeSet, HashMap};

use super::super::*;
use super::{Copy, Lab};

#[tokio::test]
async fn a_full_read_and_changes_match_the_truth() {
    let lab = Lab::start().await;
    lab.no_faults().await;
    let (client, host) = lab.client().await;
    let mut copy = Copy::default();
    copy.read(&client, DeltaStart::Full).await.unwrap();
    copy.check(&lab.control("dump", None).await);
    for seed in 1..=3 {
        lab.control("churn", Some(json!({"operations": 300, "seed": seed})))
            .await;
        let link = copy.link.clone().unwrap();
        copy.read(&client, DeltaStart::Link(link)).await.unwrap();
        copy.check(&lab.control("dump", None).await);
        println!("after churn {seed}: {:?}", client.counters());
    }
    // And a fresh full read agrees.
    let mut fresh = Copy::default();
    fresh.read(&client, DeltaStart::Full).await.unwrap();
    fresh.check(&lab.control("dump", None).await);
    assert!(host.warnings().is_empty(), "{:?}", host.warnings());
    println!("{} pages, {:?}", copy.pages, client.counters());
}

#[tokio::test]
async fn anchors_match_the_truth() {
    let lab = Lab::start().await;
    lab.no_faults().await;
    let (client, _) = lab.client().await;
    let truth = lab.control("dump", None).await;
    let mut wanted: HashMap<ObjectId, (Option<String>, Option<String>)> = HashMap::new();
    for list in ["users", "devices"] {
        for object in truth[list].as_array().unwrap() {
            let text = |key: &str| object[key].as_str().map(str::to_owned);
            wanted.insert(
                object["id"].as_str().unwrap().parse().unwrap(),
                (
                    text("onPremisesSecurityIdentifier"),
                    text("onPremisesImmutableId"),
                ),
            );
        }
    }
    let check = |rows: Vec<ObjectRow>, what: &str| {
        let mut count = BTreeSet::new();
        for row in rows {
            let ObjectRow::Changed {
                id,
                sid,
                immutable_id,
                readable,
                kind,
                ..
            } = row
            else {
                continue;
            };
            if !matches!(kind, MemberKind::User | MemberKind::Device) {
                continue;
            }
            assert!(readable, "{what} {id}");
            let found = (
                sid.value().map(ToString::to_string),
                immutable_id.value().cloned(),
            );
            assert_eq!(found, wanted[&id], "{what} {id} {kind:?}");
            count.insert(id);
        }
        count
    };
    let mut count = BTreeSet::new();
    let mut reader = client.users_delta(DeltaStart::Full);
    while let Some(page) = reader.next_page().await.unwrap() {
        count.extend(check(page.rows, "users")); // rows may be replayed
    }
    let mut reader = client.devices_delta(DeltaStart::Full);
    while let Some(page) = reader.next_page().await.unwrap() {
        count.extend(check(page.rows, "devices"));
    }
    assert_eq!(count.len(), wanted.len());
    let ids: Vec<ObjectId> = wanted.keys().copied().collect();
    assert_eq!(
        check(client.objects_by_id(&ids).await.unwrap(), "byId").len(),
        ids.len()
    );
    let largest = truth["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| g["state"] == "active")
        .max_by_key(|g| g["members"].as_array().unwrap().len())
        .unwrap();
    let mut members = client
        .members(largest["id"].as_str().unwrap().parse().unwrap())
        .await;
    let mut all = Vec::new();
    while let Some(page) = members.next_page().await.unwrap() {
        all.extend(page);
    }
    let expected = largest["members"].as_array().unwrap();
    let visible = expected
        .iter()
        .filter(|m| m["kind"] != "servicePrincipal")
        .count();
    assert_eq!(all.len(), visible);
    check(all, "members");
}

#[tokio::test]
async fn single_groups_flags_deletions_and_tenant() {
    let lab = Lab::start().await;
    lab.no_faults().await;
    let (client, host) = lab.client().await;
    let made = lab
        .change(json!([
            {"op": "addGroup", "displayName": "Probe A", "kind": "m365"},
            {"op": "addGroup", "displayName": "Probe B", "kind": "m365"},
            {"op": "addGroup", "displayName": "Probe C", "kind": "security"}]))
        .await;
    let ids: Vec<ObjectId> = made["ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().parse().unwrap())
        .collect();
    lab.change(json!([
        {"op": "setGroup", "id": ids[0], "allowExternalSenders": true,
         "writebackConfiguration": {"isEnabled": true, "onPremisesGroupType": "universalSecurityGroup"}},
        {"op": "softDeleteGroup", "id": ids[1]},
        {"op": "hardDeleteGroup", "id": ids[2]}]))
    .await;
    let group = client.group(ids[0]).await.unwrap().unwrap();
    assert_eq!(group.display_name.as_deref(), Some("Probe A"));
    assert_eq!(group.allow_external_senders, Some(true));
    assert!(client.group(ids[1]).await.unwrap().is_none());
    let states = client.deletion_state(&ids).await.unwrap();
    let found: Vec<Presence> = states.iter().map(|s| s.1).collect();
    assert_eq!(
        found,
        [Presence::Active, Presence::SoftDeleted, Presence::Gone]
    );
    let flags = client.group_flags().await.unwrap();
    let flag = flags.iter().find(|f| f.0 == ids[0]).unwrap();
    assert_eq!(flag.1.is_enabled, Some(true));
    let off = crate::model::WritebackFlag {
        is_enabled: Some(false),
        on_premises_group_type: None,
    };
    client.set_group_flag(ids[0], &off).await.unwrap();
    let flags = client.group_flags().await.unwrap();
    assert_eq!(
        flags.iter().find(|f| f.0 == ids[0]).unwrap().1.is_enabled,
        Some(false)
    );

    let truth = lab.control("dump", None).await;
    let all: Vec<(ObjectId, Option<bool>)> = truth["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| {
            g["state"] == "active"
                && g["groupTypes"]
                    .as_array()
                    .unwrap()
                    .contains(&json!("Unified"))
        })
        .map(|g| {
            (
                g["id"].as_str().unwrap().parse().unwrap(),
                g["allowExternalSenders"].as_bool(),
            )
        })
        .collect();
    let asked: Vec<ObjectId> = all.iter().map(|g| g.0).collect();
    assert_eq!(
        client.groups_allow_external_senders(&asked).await.unwrap(),
        all
    );

    println!("{:?}", client.tenant_features().await);
    client
        .set_tenant_feature(TenantFeature::GroupWriteback, true)
        .await
        .unwrap();
    assert_eq!(
        client.tenant_features().await.unwrap().group_writeback,
        Some(true)
    );
    println!(
        "{:?} {:?}",
        client.new_group_default().await,
        client.check().await
    );
    println!(
        "{:?} {:?} {:?}",
        client.roles(),
        client.missing_roles(),
        host.warnings()
    );
}

#[tokio::test]
async fn every_sign_in_works() {
    let lab = Lab::start().await;
    lab.no_faults().await;
    let pem = SignIn::CertificateFile {
        path: lab.text("certificatePem"),
    };
    let federated = SignIn::FederatedFile {
        path: lab.text("federatedTokenFile"),
    };
    let pfx = SignIn::CertificateFile {
        path: lab.text("certificatePfx"),
    };
    for sign_in in [
        SignIn::ClientSecret,
        pem,
        pfx,
        federated,
        SignIn::AccessToken,
    ] {
        let host = lab.host();
        let client = GraphClient::connect(
            &lab.connection(sign_in.clone()),
            Duration::from_secs(10),
            &host.context(),
        )
        .await
        .unwrap_or_else(|e| panic!("{sign_in:?}: {e:?}"));
        client
            .check()
            .await
            .unwrap_or_else(|e| panic!("{sign_in:?}: {e:?}"));
    }
    let expired = lab.text("expiredSecret");
    let host = Recorder::answering(move |_| secret(expired.as_bytes()));
    let error = GraphClient::connect(
        &lab.connection(SignIn::ClientSecret),
        Duration::from_secs(10),
        &host.context(),
    )
    .await
    .unwrap_err();
    assert!(error.message.contains("expired"), "{error}");
    let host = Recorder::new();
    let error = GraphClient::connect(
        &lab.connection(SignIn::ClientSecret),
        Duration::from_secs(10),
        &host.context(),
    )
    .await
    .unwrap_err();
    assert!(error.message.contains("is wrong"), "{error}");
    for (tenant, client, words) in [
        ("nowhere.test", None, "no tenant"),
        ("", Some(Guid([7; 16])), "has no app"),
    ] {
        let mut connection = lab.connection(SignIn::ClientSecret);
        if !tenant.is_empty() {
            connection.tenant_id = tenant.to_owned();
        }
        if let Some(client) = client {
            connection.client_id = client.to_string();
        }
        let error =
            GraphClient::connect(&connection, Duration::from_secs(10), &lab.host().context())
                .await
                .unwrap_err();
        assert!(error.message.contains(words), "{error}");
    }
    // A wrong clock.
    lab.control("clock", Some(json!({"advanceSeconds": 7200})))
        .await;
    let pem = SignIn::CertificateFile {
        path: lab.text("certificatePem"),
    };
    let error = GraphClient::connect(
        &lab.connection(pem),
        Duration::from_secs(10),
        &lab.host().context(),
    )
    .await;
    println!("{error:?}");
    assert!(error.unwrap_err().message.contains("server time"));
}

#[tokio::test]
async fn faults_are_ridden_out_or_told() {
    let lab = Lab::start().await;
    lab.no_faults().await;
    let (client, host) = lab.client().await;
    // Ridden out: the result is the truth all the same.
    for fault in [
        json!({"fault": "throttle", "retryAfterSeconds": 1, "times": 2}),
        json!({"fault": "status", "code": 503, "times": 2}),
        json!({"fault": "status", "code": 500, "times": 1}),
        json!({"fault": "cutBody", "times": 2}),
        json!({"fault": "garbage", "times": 1}),
        json!({"fault": "emptyPages", "times": 3}),
        json!({"fault": "replaySlices"}),
        json!({"fault": "reorderSlices"}),
        json!({"fault": "expireTokens", "times": 1}),
        json!({"fault": "slow", "milliseconds": 50}),
    ] {
        lab.fault(fault.clone()).await;
        let mut copy = Copy::default();
        copy.read(&client, DeltaStart::Full)
            .await
            .unwrap_or_else(|e| panic!("{fault}: {e:?}"));
        copy.check(&lab.control("dump", None).await);
        lab.no_faults().await;
    }
    // Told.
    for fault in ["dropDeltaLink", "endlessPages"].map(|f| json!({"fault": f})) {
        lab.fault(fault.clone()).await;
        match Copy::default().read(&client, DeltaStart::Full).await {
            Err(DeltaError::Failed(e)) => {
                assert_eq!(e.id, ErrorId::SourceReadIncomplete, "{fault}: {e}");
                println!("{e}");
            }
            other => panic!("{fault}: {other:?}"),
        }
        lab.no_faults().await;
    }
    let mut copy = Copy::default();
    copy.read(&client, DeltaStart::Full).await.unwrap();
    lab.fault(json!({"fault": "expireDeltaTokens", "times": 1}))
        .await;
    let outcome = copy
        .read(&client, DeltaStart::Link(copy.link.clone().unwrap()))
        .await;
    assert!(
        matches!(outcome, Err(DeltaError::ResyncRequired(_))),
        "{outcome:?}"
    );
    lab.no_faults().await;
    lab.fault(json!({"fault": "nullMembers"})).await;
    let page = client
        .users_delta(DeltaStart::Full)
        .next_page()
        .await
        .unwrap()
        .unwrap();
    assert!(
        page.rows
            .iter()
            .all(|r| !matches!(r, ObjectRow::Changed { readable: true, .. }))
    );
    lab.no_faults().await;
    // Missing permission.
    lab.control("permissions", Some(json!({"roles": ["User.Read.All"]})))
        .await;
    let error = Error::from(
        Copy::default()
            .read(&client, DeltaStart::Full)
            .await
            .unwrap_err(),
    );
    assert_eq!(error.id, ErrorId::GraphPermissionMissing);
    let roles = ["GroupMember.Read.All"];
    lab.control("permissions", Some(json!({"roles": roles})))
        .await;
    let mut reader = client.users_delta(DeltaStart::Full);
    println!(
        "without User.Read.All: {:?}",
        reader.next_page().await.map(|p| p.map(|p| p.rows.len()))
    );
    println!("{:?}", host.warnings());
    let roles = [
        "GroupMember.Read.All",
        "User.Read.All",
        "Device.Read.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "OnPremDirectorySynchronization.ReadWrite.All",
    ];
    lab.control("permissions", Some(json!({"roles": roles})))
        .await;
    let counters = lab.control("counters", None).await;
    println!("{} {:?}", counters["graph"], client.counters());
    assert_eq!(counters["graph"]["retriesBeforeRetryAfter"], 0);
}

#[tokio::test]
async fn many_calls_at_once() {
    let lab = Lab::start().await;
    lab.no_faults().await;
    let (client, _) = lab.client().await;
    lab.fault(json!({"fault": "throttle", "retryAfterSeconds": 1, "share": 0.02}))
        .await;
    // Each asked once: a request told to wait is not to be met again by accident.
    let many: Vec<ObjectId> = (0..2000).map(id).collect();
    let start = Instant::now();
    assert_eq!(client.deletion_state(&many).await.unwrap().len(), 2000);
    println!("{:?} {:?}", start.elapsed(), client.counters());
    lab.no_faults().await;
    assert_eq!(
        lab.control("counters", None).await["graph"]["retriesBeforeRetryAfter"],
        0
    );
}

#[tokio::test]
async fn people_sign_in_by_a_code() {
    let lab = Lab::start().await;
    let (client, message) =
        device_code(&lab, |code| json!({"userCode": code, "action": "approve"})).await;
    assert!(message.contains("enter the code"), "{message}");
    let client = client.unwrap();
    client.check().await.unwrap();
    println!("{:?}", client.roles());
    assert!(!client.roles().is_empty(), "a person's scopes");

    // Declined, and never answered: each says so.
    let (found, message) =
        device_code(&lab, |code| json!({"userCode": code, "action": "decline"})).await;
    assert!(found.unwrap_err().message.contains("declined"), "{message}");
    let host = lab.host();
    let signing_in = tokio::spawn({
        let (connection, ctx) = (lab.connection(SignIn::DeviceCode), host.context());
        async move { GraphClient::connect(&connection, Duration::from_secs(10), &ctx).await }
    });
    asked(&host).await;
    lab.control("clock", Some(json!({"advanceSeconds": 1000})))
        .await;
    let found = signing_in.await.unwrap().unwrap_err();
    assert!(found.message.contains("in time"), "{found}");
}

/// What the person is told, once it is told.
async fn asked(host: &Recorder) -> String {
    loop {
        if let Some(message) = host.messages().first() {
            return message.clone();
        }
        tokio::task::yield_now().await;
    }
}

/// The code in it: the one word of capitals and digits.
fn code_of(message: &str) -> String {
    message
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .find(|w| w.len() >= 8 && !w.chars().any(|c| c.is_ascii_lowercase()))
        .unwrap()
        .to_owned()
}

/// Signs in by a device code about which a person decides.
async fn device_code(lab: &Lab, decide: impl Fn(&str) -> Value) -> (Result<GraphClient>, String) {
    let host = lab.host();
    let signing_in = tokio::spawn({
        let (connection, ctx) = (lab.connection(SignIn::DeviceCode), host.context());
        async move { GraphClient::connect(&connection, Duration::from_secs(10), &ctx).await }
    });
    let message = asked(&host).await;
    lab.control("devicecode", Some(decide(&code_of(&message))))
        .await;
    (signing_in.await.unwrap(), message)
}

#[tokio::test]
async fn federated_assertions_are_checked_before_and_after_they_are_sent() {
    let lab = Lab::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assertion.jwt");
    let sign_in = || SignIn::FederatedFile {
        path: path.to_str().unwrap().to_owned(),
    };
    let connect = async || {
        let (connection, host) = (lab.connection(sign_in()), lab.host());
        GraphClient::connect(&connection, Duration::from_secs(10), &host.context()).await
    };
    let sound = lab.control("federatedassertion", Some(json!({}))).await;
    let sound = sound["assertion"]
        .as_str()
        .unwrap_or_else(|| panic!("{sound}"))
        .to_owned();
    let expired = lab
        .control(
            "federatedassertion",
            Some(json!({"expiresInSeconds": -600})),
        )
        .await["assertion"]
        .as_str()
        .unwrap()
        .to_owned();
    let (head, signature) = sound.rsplit_once('.').unwrap();
    let forged: String = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let before = lab.control("counters", None).await["graph"]["byKind"]["token"].clone();
    for (content, words) in [
        ("", "is empty"),
        ("root:x:0:0", "is no assertion"),
        ("a.b", "is no assertion"),
    ] {
        std::fs::write(&path, content).unwrap();
        let found = connect().await.unwrap_err();
        assert_eq!(found.id, ErrorId::GraphAuthenticationFailed);
        assert!(found.message.contains(words), "{found}");
    }
    let after = lab.control("counters", None).await["graph"]["byKind"]["token"].clone();
    assert_eq!(before, after, "what is no assertion leaves this machine");
    for (content, words) in [
        (expired, "outside its time"),
        (forged, "no federated credential"),
        ("e30.e30.AAAA".to_owned(), "accept the signature"),
    ] {
        std::fs::write(&path, content).unwrap();
        let found = connect().await.unwrap_err();
        assert!(found.message.contains(words), "{found} {:?}", found.causes);
    }
    std::fs::write(&path, format!("{sound}\n")).unwrap();
    connect().await.unwrap().check().await.unwrap();
}
