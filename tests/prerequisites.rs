//! What writeback needs and doesn't find: Enable, Initialize and the cycle name exactly what is missing and what to do,
//! and change nothing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use serde_json::{Value, json};
use support::engine::{Ended, Engine, connection, secrets};
use support::fixture::{OU, assert_exact, enabled};
use support::ldap;
use support::{Directory, Lab};

const SMALL: [&str; 8] = [
    "--users",
    "40",
    "--m365-groups",
    "6",
    "--memberships",
    "60",
    "--largest-group",
    "20",
];

fn small(more: &[&'static str]) -> Vec<&'static str> {
    SMALL.iter().chain(more).copied().collect()
}

/// The error's id, and that message and advice hold all of these.
fn says(error: &Value, id: &str, words: &[&str]) {
    assert_eq!(error["id"], id, "{error:#}");
    let text = format!(
        "{} | {}",
        error["message"].as_str().unwrap(),
        error["recommendedAction"].as_str().unwrap()
    );
    eprintln!("{id}: {text}\n");
    for word in words {
        assert!(text.contains(word), "'{word}' is missing in: {text}");
    }
}

/// A session as another account.
fn signed_in_as(lab: &Lab, store: &std::path::Path, user: &str, password: &str) -> Engine {
    let mut connection = connection(lab);
    connection["userName"] = json!(lab.text(user));
    let mut keys = secrets(lab);
    keys["directoryPassword"] = json!(lab.text(password));
    let open = json!({"storeDirectory": store, "connection": connection});
    let engine = Engine::open(&open, keys).unwrap();
    engine.connect();
    engine
}

fn enable(engine: &Engine, ou: &str, more: Value) -> Ended {
    let mut request = json!({"organizationalUnit": ou, "version": "V1"});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    engine.call("enable", request)
}

/// A lab with an engine that is connected and not enabled.
fn connected(options: &[&str]) -> (Lab, tempfile::TempDir, Engine) {
    let lab = Lab::start(options);
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    (lab, store, engine)
}

fn without_mail(lab: &Lab) {
    for (dn, group) in ldap::groups(lab, OU) {
        for name in [
            "mailnickname",
            "msexchrequireauthtosendto",
            "reporttooriginator",
        ] {
            assert!(!group.attributes.contains_key(name), "{dn} has {name}");
        }
    }
}

#[test]
fn a_forest_without_exchange_schema() {
    let (lab, _store, engine) = connected(&small(&["--exchange", "none"]));
    lab.reset_counters();
    let refused = enable(&engine, OU, json!({"createContainer": true}));
    says(
        refused.error.as_ref().unwrap(),
        "DirectorySchemaMissing",
        &["Exchange attributes", "/PrepareSchema", "-WithoutExchange"],
    );
    assert_eq!(lab.counters()["ldap"]["writes"], 0);
    assert_eq!(
        engine.query(json!({"op": "feature"})).ok()["Enabled"],
        false
    );
    // Accepted: the groups are written with what the schema has.
    enable(
        &engine,
        OU,
        json!({"createContainer": true, "withoutExchange": true}),
    )
    .ok();
    let ended = engine.cycle("Initial");
    assert!(ended.errors().is_empty(), "{ended:#?}");
    assert_eq!(ended.ok()["Created"], 6);
    assert_eq!(ldap::groups(&lab, OU).len(), 6);
    without_mail(&lab);
}

#[test]
fn the_schema_without_an_organization() {
    let (lab, _store, engine) = connected(&small(&["--exchange", "schema"]));
    lab.reset_counters();
    let refused = enable(&engine, OU, json!({"createContainer": true}));
    says(
        refused.error.as_ref().unwrap(),
        "DirectorySchemaMissing",
        &["no Exchange organization", "/PrepareAD", "-WithoutExchange"],
    );
    assert_eq!(lab.counters()["ldap"]["writes"], 0);
    enable(
        &engine,
        OU,
        json!({"createContainer": true, "withoutExchange": true}),
    )
    .ok();
    let ended = engine.cycle("Initial");
    assert!(ended.errors().is_empty(), "{ended:#?}");
    // The attributes are there, so they are written: who adds the organization later finds them.
    assert_exact(&lab);
}

#[test]
fn a_forest_older_than_2016_is_said_and_served() {
    let (lab, _store, engine) = connected(&small(&["--schema-2016", "false"]));
    let ended = enable(&engine, OU, json!({"createContainer": true}));
    let warnings = ended.warnings();
    assert_eq!(warnings.len(), 1, "{ended:#?}");
    says(
        warnings[0],
        "DirectorySchemaMissing",
        &[
            "msDS-ExternalDirectoryObjectId",
            "adminDescription",
            "adprep /forestprep",
        ],
    );
    ended.ok();
    for policy in ["Initial", "Delta", "Initial"] {
        let ended = engine.cycle(policy);
        assert!(
            ended.error.is_none() && ended.errors().is_empty(),
            "{ended:#?}"
        );
        let groups = ldap::groups(&lab, OU);
        assert_eq!(groups.len(), 6);
        for group in groups.values() {
            assert!(group.attributes.contains_key("admindescription"));
        }
    }
}

#[test]
fn an_account_that_may_only_read() {
    let f = enabled(&small(&[]));
    let fresh = tempfile::tempdir().unwrap();
    let reader =
        |store: &std::path::Path| signed_in_as(&f.lab, store, "readOnlyUser", "readOnlyPassword");
    let account = f.lab.text("readOnlyUser").to_owned();
    f.lab.reset_counters();
    let engine = reader(fresh.path());
    let create = [
        account.as_str(),
        "may not create groups",
        OU,
        "Initialize-GroupWritebackContainer",
        "-Account",
    ];
    let refused = enable(&engine, OU, json!({}));
    says(
        refused.error.as_ref().unwrap(),
        "DirectoryAccessDenied",
        &create,
    );
    // A container to be made first.
    let other = format!("OU=Other,{}", f.lab.base());
    let refused = enable(&engine, &other, json!({"createContainer": true}));
    let unit = [
        other.as_str(),
        "doesn't exist",
        &account,
        "Create organizationalUnit objects",
        "Initialize-GroupWritebackContainer",
    ];
    says(
        refused.error.as_ref().unwrap(),
        "DirectoryAccessDenied",
        &unit,
    );
    let initialize =
        |ou: &str| engine.query(json!({"op": "initializeContainer", "organizationalUnit": ou}));
    says(
        initialize(&other).error.as_ref().unwrap(),
        "DirectoryAccessDenied",
        &unit,
    );
    let report = initialize(OU);
    let rows = report.items("PermissionReport");
    assert_eq!(rows[0]["Granted"], false);
    assert!(
        rows[0]["Remedy"]
            .as_str()
            .unwrap()
            .contains("Initialize-GroupWritebackContainer"),
        "{rows:#?}"
    );
    drop(engine);
    // The cycle of a configuration that was enabled with better rights says it once, and not for each group.
    let ended = reader(f.store()).cycle("Initial");
    says(
        ended.error.as_ref().unwrap(),
        "DirectoryAccessDenied",
        &create,
    );
    assert!(ended.errors().is_empty(), "{ended:#?}");
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    // With groups there, each attribute is named.
    f.engine.connect();
    f.cycle_is_exact("Initial");
    let report =
        reader(f.store()).query(json!({"op": "initializeContainer", "organizationalUnit": OU}));
    let rows = report.items("PermissionReport");
    assert!(
        rows.len() > 8 && rows.iter().all(|r| r["Granted"] == false),
        "{rows:#?}"
    );
    let group = f.first_m365();
    f.lab
        .change(json!([{"op": "setGroup", "id": group["id"], "displayName": "Renamed"}]));
    let ended = reader(f.store()).cycle("Delta");
    let errors = ended.errors();
    assert_eq!(errors.len(), 1, "{ended:#?}");
    says(
        errors[0],
        "DirectoryAccessDenied",
        &[&account, "may not write displayName", "dsacls", OU],
    );
    f.engine.connect();
    f.cycle_is_exact("Delta");
}

#[test]
fn an_account_that_may_not_write_one_attribute() {
    let f = enabled(&small(&[]));
    f.cycle_is_exact("Initial");
    let deny =
        json!({"op": "denyAttribute", "account": "svc-writeback", "attribute": "proxyAddresses"});
    f.lab.administer(deny);
    let account = f.lab.text("bindUser").to_owned();
    let words = [
        account.as_str(),
        "may not write proxyAddresses",
        "dsacls",
        ":WP;proxyAddresses;group",
        "denies",
    ];
    // The cycle: the group, the attribute, the way out; the other groups are written.
    let groups = f.lab.dump()["groups"].clone();
    let groups = groups.as_array().unwrap().iter();
    let mut m365 = groups.filter(|g| {
        let unified = g["groupTypes"].as_array().unwrap().iter();
        g["state"] == "active" && unified.clone().any(|t| t == "Unified")
    });
    let (one, two) = (m365.next().unwrap(), m365.next().unwrap());
    f.lab.change(json!([
        {"op": "setGroup", "id": one["id"], "displayName": "Has A New Address", "proxyAddresses": ["SMTP:new@contoso.test"]},
        {"op": "setGroup", "id": two["id"], "displayName": "Only A New Name"},
    ]));
    let ended = f.engine.cycle("Delta");
    let errors = ended.errors();
    assert_eq!(errors.len(), 1, "{ended:#?}");
    assert_eq!(errors[0]["target"], one["id"]);
    says(errors[0], "DirectoryAccessDenied", &words);
    let mark = format!("(adminDescription=Group_{})", two["id"].as_str().unwrap());
    let found = ldap::search(&f.lab, OU, "sub", &mark, &["displayName"]);
    assert_eq!(
        found.into_values().next().unwrap()["displayname"][0],
        b"Only A New Name"
    );
    // Enable and Initialize see it by the groups that are there.
    let store = tempfile::tempdir().unwrap();
    let other = Engine::on(&f.lab, store.path());
    other.connect();
    let refused = enable(&other, OU, json!({"takeOver": true}));
    says(
        refused.error.as_ref().unwrap(),
        "DirectoryAccessDenied",
        &words,
    );
    let report = other.query(json!({"op": "initializeContainer", "organizationalUnit": OU}));
    let rows = report.items("PermissionReport");
    let denied: Vec<_> = rows.iter().filter(|r| r["Granted"] == false).collect();
    assert_eq!(denied.len(), 1, "{rows:#?}");
    assert_eq!(denied[0]["Right"], "Write proxyAddresses");
    assert!(denied[0]["Remedy"].as_str().unwrap().contains("dsacls"));
}

#[test]
fn protection_against_deletion_is_respected_and_named() {
    let f = enabled(&small(&[]));
    f.lab
        .administer(json!({"op": "protect", "dn": OU, "protected": true}));
    // A protected container is no obstacle, neither for enabling nor for anything that happens in it.
    let store = tempfile::tempdir().unwrap();
    let other = Engine::on(&f.lab, store.path());
    other.connect();
    enable(&other, OU, json!({})).ok();
    drop(other);
    f.cycle_is_exact("Initial");
    let group = f.first_m365();
    let id = group["id"].as_str().unwrap();
    let mark = format!("(adminDescription=Group_{id})");
    let dn = ldap::search(&f.lab, OU, "sub", &mark, &["cn"]);
    let dn = dn.into_keys().next().unwrap();
    f.lab
        .administer(json!({"op": "protect", "dn": dn, "protected": true}));
    f.lab
        .change(json!([{"op": "setGroup", "id": id, "displayName": "Protected, yet kept up"}]));
    f.cycle_is_exact("Delta");
    f.lab.change(json!([{"op": "hardDeleteGroup", "id": id}]));
    for policy in ["Delta", "Initial"] {
        let ended = f.engine.cycle(policy);
        let errors = ended.errors();
        assert_eq!(errors.len(), 1, "{ended:#?}");
        assert_eq!(errors[0]["target"], id);
        says(
            errors[0],
            "DirectoryAccessDenied",
            &[
                &dn,
                "protected from accidental deletion",
                "-ProtectedFromAccidentalDeletion $false",
            ],
        );
        assert_eq!(ldap::search(&f.lab, OU, "sub", &mark, &["cn"]).len(), 1);
    }
    f.lab
        .administer(json!({"op": "protect", "dn": dn, "protected": false}));
    let result = f.cycle_is_exact("Delta");
    assert_eq!(result["Deleted"], 1);
}

#[test]
fn containers_that_are_not_there_or_none() {
    let (lab, _store, engine) = connected(&small(&[]));
    let base = lab.base().to_owned();
    lab.reset_counters();
    let missing = format!("OU=Nowhere,{base}");
    let below = format!("OU=Deep,OU=Nowhere,{base}");
    let administrator = format!("CN=Administrator,CN=Users,{base}");
    let elsewhere = "OU=Cloud Groups,DC=fabrikam,DC=test";
    let cases: [(&str, bool, &str, &[&str]); 5] = [
        (
            &missing,
            false,
            "ContainerNotFound",
            &[
                "doesn't exist",
                "Initialize-GroupWritebackContainer",
                "-CreateContainer",
            ],
        ),
        (
            &below,
            true,
            "DirectoryAccessDenied",
            &[
                "may not create it",
                "OU=Nowhere",
                "Initialize-GroupWritebackContainer",
            ],
        ),
        (
            elsewhere,
            true,
            "ContainerNotFound",
            &["is not in", base.as_str(), "-Server"],
        ),
        (
            &administrator,
            false,
            "ConfigurationInvalid",
            &["is a user", "organizational unit"],
        ),
        ("not a DN", false, "ConfigurationInvalid", &["not a DN"]),
    ];
    for (ou, create, id, words) in cases {
        let refused = enable(&engine, ou, json!({"createContainer": create}));
        says(refused.error.as_ref().unwrap(), id, words);
    }
    assert_eq!(lab.counters()["ldap"]["writes"], 0);
}

#[test]
fn a_container_that_has_gone_since() {
    let f = enabled(&small(&[]));
    ldap::modify(&f.lab, &format!("dn: {OU}\nchangetype: delete\n"));
    f.lab.reset_counters();
    for policy in ["Initial", "Delta"] {
        let ended = f.engine.cycle(policy);
        says(
            ended.error.as_ref().unwrap(),
            "ContainerNotFound",
            &[OU, "Initialize-GroupWritebackContainer"],
        );
    }
    assert_eq!(f.lab.counters()["ldap"]["writes"], 0);
    ldap::modify(
        &f.lab,
        &format!("dn: {OU}\nchangetype: add\nobjectClass: organizationalUnit\n"),
    );
    f.cycle_is_exact("Delta");
}

#[test]
fn a_read_only_controller() {
    let lab = Lab::start_on(Directory::Embedded, &small(&["--ou", OU]));
    let store = tempfile::tempdir().unwrap();
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    engine.enable(OU);
    lab.administer(json!({"op": "readOnly", "on": true}));
    let engine = Engine::on(&lab, store.path());
    let refused = engine.query(json!({"op": "connect"}));
    says(
        refused.error.as_ref().unwrap(),
        "DirectoryReadOnly",
        &["read-only domain controller", "-Server"],
    );
    assert_eq!(lab.counters()["ldap"]["writes"], 0);
    lab.administer(json!({"op": "readOnly", "on": false}));
    let engine = Engine::on(&lab, store.path());
    engine.connect();
    assert!(engine.cycle("Delta").error.is_none());
    assert_exact(&lab);
}

#[test]
fn all_that_is_missing_is_said_at_once() {
    let (lab, store, engine) = connected(&small(&["--exchange", "none", "--ou", OU]));
    drop(engine);
    lab.control(
        "permissions",
        Some(json!({"roles": ["GroupMember.Read.All"]})),
    );
    let engine = signed_in_as(&lab, store.path(), "readOnlyUser", "readOnlyPassword");
    let refused = enable(&engine, OU, json!({}));
    says(
        refused.error.as_ref().unwrap(),
        "PrerequisitesNotMet",
        &[
            "User.Read.All",
            "may not create groups",
            "/PrepareSchema",
            "Initialize-GroupWritebackContainer",
        ],
    );
}
