//! A tenant put into another directory: every synced object is there under the SID that the tenant names from then on.

use crate::client::Client;
use group_writeback_lab::WorldOptions;
use group_writeback_lab::serve::LabOptions;
use ldap3::{LdapConnAsync, LdapConnSettings, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::sync::Arc;

/// An empty domain, with a tenant of another seed in front of it that nobody asks.
fn empty() -> LabOptions {
    LabOptions {
        world: WorldOptions {
            seed: 7,
            users: 0,
            m365_groups: 0,
            security_groups: 0,
            synced_groups: 0,
            devices: 0,
            memberships: 0,
            ..WorldOptions::default()
        },
        ..LabOptions::default()
    }
}

async fn administrator(ready: &Value) -> ldap3::Ldap {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(ready["caFile"].as_str().unwrap()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let settings = LdapConnSettings::new().set_config(Arc::new(tls));
    let url = ready["ldaps"].as_str().unwrap();
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, url).await.unwrap();
    ldap3::drive!(connection);
    let (user, password) = (&ready["adminUser"], &ready["adminPassword"]);
    let bound = ldap.simple_bind(user.as_str().unwrap(), password.as_str().unwrap());
    bound.await.unwrap().success().unwrap();
    ldap
}

/// The object of a SID.
async fn by_sid(ldap: &mut ldap3::Ldap, sid: &str, names: Vec<&str>) -> SearchEntry {
    let dn = format!("<SID={sid}>");
    let found = ldap.search(&dn, Scope::Base, "(objectClass=*)", names);
    let (entries, _) = found.await.unwrap().success().unwrap();
    SearchEntry::construct(entries.into_iter().next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_names_what_the_other_directory_gave() {
    let client = Client::start(LabOptions::default()).await;
    let other = Client::start(empty()).await;
    let ready = other.lab.ready().clone();
    let before = client.control("GET", "dump", Value::Null).await;
    let ca = std::fs::read_to_string(ready["caFile"].as_str().unwrap()).unwrap();
    let body = json!({
        "directory": ready["ldaps"], "ca": ca,
        "user": ready["adminUser"], "password": ready["adminPassword"],
    });
    let answer = client.control("POST", "populate", body).await;
    let domain = answer["domainSid"].as_str().unwrap();

    let mut ldap = administrator(&ready).await;
    let dump = client.control("GET", "dump", Value::Null).await;
    let mut checked = 0;
    for user in dump["users"].as_array().unwrap() {
        let Some(sid) = user["onPremisesSecurityIdentifier"].as_str() else {
            continue;
        };
        assert!(sid.starts_with(domain), "{user}");
        let entry = by_sid(&mut ldap, sid, vec!["userPrincipalName"]).await;
        let upn = user["userPrincipalName"].as_str().unwrap();
        assert_eq!(entry.attrs["userPrincipalName"], [upn]);
        checked += 1;
    }
    assert!(checked > 300);
    let group = |group: &&Value| group["onPremisesSecurityIdentifier"].is_string();
    let group = dump["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(group)
        .unwrap();
    let sid = group["onPremisesSecurityIdentifier"].as_str().unwrap();
    let entry = by_sid(&mut ldap, sid, vec!["displayName", "member"]).await;
    assert_eq!(
        entry.attrs["displayName"],
        [group["displayName"].as_str().unwrap()]
    );
    assert_eq!(
        entry.attrs["member"].len(),
        group["members"].as_array().unwrap().len()
    );
    assert_ne!(dump, before);

    // What changes later reaches that directory too.
    let change = json!({"changes": [{"op": "addUser", "displayName": "Ann New", "synced": true}]});
    let made = client.control("POST", "change", change).await;
    let dump = client.control("GET", "dump", Value::Null).await;
    let ann = |user: &&Value| user["id"] == made["ids"][0];
    let ann = dump["users"].as_array().unwrap().iter().find(ann).unwrap();
    let sid = ann["onPremisesSecurityIdentifier"].as_str().unwrap();
    let entry = by_sid(&mut ldap, sid, vec!["displayName"]).await;
    assert_eq!(entry.attrs["displayName"], ["Ann New"]);
}
