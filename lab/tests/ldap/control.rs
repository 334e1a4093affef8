//! What tests turn about the directory and its two controllers, over the control endpoint.

use crate::places::{connect, said};
use group_writeback_lab::client;
use group_writeback_lab::serve::{LabOptions, RunningLab, start};
use ldap3::{Ldap, Mod, Scope, SearchEntry};
use serde_json::{Value, json};
use std::collections::HashSet;

async fn post(lab: &RunningLab, verb: &str, body: Value) -> Result<Value, String> {
    let url = format!("{}/{verb}", lab.ready()["control"].as_str().unwrap());
    let reply = client::send("POST", &url, &[], &body.to_string()).await;
    let reply = reply.unwrap();
    let value: Value = serde_json::from_str(&reply.body).unwrap();
    match reply.status {
        200 => Ok(value),
        _ => Err(value["error"].as_str().unwrap().to_owned()),
    }
}

async fn bound(lab: &RunningLab, server: usize) -> ldap3::result::Result<Ldap> {
    let address = lab.ready()["servers"][server].as_str().unwrap();
    let mut client = connect(&format!("ldaps://{address}"), false).await?;
    let text = |name: &str| lab.ready()[name].as_str().unwrap();
    client
        .simple_bind(text("bindUser"), text("bindPassword"))
        .await?
        .success()?;
    Ok(client)
}

async fn lab() -> RunningLab {
    let options = LabOptions {
        ous: vec!["OU=Groups,DC=contoso,DC=test".to_owned()],
        ..LabOptions::default()
    };
    let lab = start(options).await.unwrap();
    assert_eq!(lab.ready()["directory"], json!("embedded"));
    assert_eq!(lab.ready()["server"], lab.ready()["servers"][0]);
    lab
}

#[tokio::test]
async fn two_controllers_serve_the_same_data_and_stop_one_by_one() {
    let lab = lab().await;
    let (mut first, mut second) = (bound(&lab, 0).await.unwrap(), bound(&lab, 1).await.unwrap());
    let dn = "CN=g,OU=Groups,DC=contoso,DC=test";
    let class = || vec![("objectClass", HashSet::from(["group"]))];
    assert_eq!(said(first.add(dn, class()).await), "0");
    assert_eq!(said(second.add(dn, class()).await), "68 00002071");
    let stop = json!({"op": "stopServer", "index": 0});
    post(&lab, "directory", stop).await.unwrap();
    assert_eq!(said(first.delete(dn).await), "closed");
    assert!(bound(&lab, 0).await.is_err());
    assert_eq!(said(second.delete(dn).await), "0");
    let start = json!({"op": "startServer", "index": 0});
    post(&lab, "directory", start).await.unwrap();
    bound(&lab, 0).await.unwrap();
    let down = json!({"fault": "ldapDown", "server": 0});
    post(&lab, "fault", down).await.unwrap();
    assert!(bound(&lab, 0).await.is_err());
    let url = format!("{}/fault", lab.ready()["control"].as_str().unwrap());
    client::send("DELETE", &url, &[], "").await.unwrap();
    bound(&lab, 0).await.unwrap();
    for wrong in [
        json!({"op": "stopServer", "index": 2}),
        json!({"op": "stopServer"}),
        json!({"op": "unplug"}),
    ] {
        post(&lab, "directory", wrong).await.unwrap_err();
    }
}

#[tokio::test]
async fn an_administrator_denies_protects_and_adds() {
    let lab = lab().await;
    let mut client = bound(&lab, 0).await.unwrap();
    let member = {
        let filter = "(sAMAccountName=svc-writeback)";
        let found = client
            .search(
                "DC=contoso,DC=test",
                Scope::Subtree,
                filter,
                vec!["objectSid"],
            )
            .await
            .unwrap();
        let mut entries = found.0.into_iter().filter(|entry| !entry.is_ref());
        let entry = SearchEntry::construct(entries.next().unwrap());
        let sid = &entry.bin_attrs["objectSid"][0];
        let parts: Vec<String> = sid[8..]
            .chunks(4)
            .map(|part| u32::from_le_bytes(part.try_into().unwrap()).to_string())
            .collect();
        format!("S-1-5-{}", parts.join("-"))
    };
    let local = json!({"op": "addGroup", "name": "Printers", "groupType": -2147483644, "members": [member]});
    let made = post(&lab, "directory", local).await.unwrap();
    assert_eq!(made["dn"], json!("CN=Printers,CN=Users,DC=contoso,DC=test"));
    let base = format!("<GUID={}>", made["guid"].as_str().unwrap());
    let names = vec!["member", "groupType"];
    let found = client
        .search(&base, Scope::Base, "(objectClass=*)", names)
        .await;
    let entry = SearchEntry::construct(found.unwrap().0.remove(0));
    assert_eq!(entry.attrs["groupType"], ["-2147483644"]);
    assert_eq!(
        entry.attrs["member"],
        ["CN=svc-writeback,CN=Users,DC=contoso,DC=test"]
    );
    assert!(made["sid"].as_str().unwrap().starts_with("S-1-5-21-"));

    let deny = json!({"op": "denyAttribute", "account": "svc-writeback", "attribute": "mail"});
    post(&lab, "directory", deny).await.unwrap();
    let attributes = vec![
        ("objectClass", HashSet::from(["group"])),
        ("mail", HashSet::from(["g@contoso.test"])),
    ];
    // A right to write one attribute is asked for at a change, not when the object is made.
    let group = "CN=g,OU=Groups,DC=contoso,DC=test";
    assert_eq!(said(client.add(group, attributes).await), "0");
    let change = vec![Mod::Replace("mail", HashSet::from(["h@contoso.test"]))];
    assert_eq!(said(client.modify(group, change).await), "50 00002098");
    let ou = "OU=Groups,DC=contoso,DC=test";
    let protect = json!({"op": "protect", "dn": ou, "protected": true});
    post(&lab, "directory", protect).await.unwrap();
    assert_eq!(said(client.delete(ou).await), "50 00002098");
    for wrong in [
        json!({"op": "denyAttribute", "account": "nobody", "attribute": "mail"}),
        json!({"op": "protect", "dn": "OU=nowhere,DC=contoso,DC=test", "protected": true}),
        json!({"op": "recycleBin", "on": "yes"}),
        json!({"op": "addGroup", "name": "Printers", "groupType": 7, "members": []}),
    ] {
        post(&lab, "directory", wrong).await.unwrap_err();
    }
    post(&lab, "directory", json!({"op": "recycleBin", "on": true}))
        .await
        .unwrap();
}
