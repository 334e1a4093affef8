//! Lists, members, permissions, switches, throttling over HTTP.

use crate::client::Client;
use group_writeback_lab::WorldOptions;
use group_writeback_lab::client::send;
use group_writeback_lab::serve::LabOptions;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn lists_members_and_permissions_are_those_of_graph() {
    let client = Client::start(LabOptions::default()).await;
    let url = "/v1.0/groups?$filter=groupTypes/any(c:c eq 'Unified')&$select=id&$top=25";
    let mut unified = 0;
    let mut next = Some(url.to_owned());
    while let Some(url) = next {
        let page = client.json(&url).await;
        unified += page["value"].as_array().unwrap().len();
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(unified, 60);

    // Every member of the truth, but service principals only in beta.
    let dump = client.control("GET", "dump", Value::Null).await;
    let groups = dump["groups"].as_array().unwrap();
    let with_service = groups.iter().find(|group| {
        group["members"]
            .as_array()
            .unwrap()
            .iter()
            .any(|m| m["kind"] == "servicePrincipal")
    });
    let group = with_service.unwrap();
    let (id, count) = (
        group["id"].as_str().unwrap(),
        group["members"].as_array().unwrap().len(),
    );
    let page = client
        .json(&format!("/beta/groups/{id}/members?$top=999"))
        .await;
    assert_eq!(page["value"].as_array().unwrap().len(), count);
    let page = client
        .json(&format!("/v1.0/groups/{id}/members?$top=999"))
        .await;
    assert_eq!(page["value"].as_array().unwrap().len(), count - 1);

    let one = client
        .json(&format!("/v1.0/groups/{id}?$select=allowExternalSenders"))
        .await;
    assert!(one["allowExternalSenders"].is_boolean());
    let flag = "?$select=writebackConfiguration";
    assert_eq!(
        client
            .error_code(&format!("/v1.0/groups/{id}{flag}"))
            .await
            .0,
        400
    );
    let body = json!({"writebackConfiguration":
        {"isEnabled": true, "onPremisesGroupType": "universalSecurityGroup"}});
    let v1 = client
        .write("PATCH", &format!("/v1.0/groups/{id}"), body.clone())
        .await;
    assert_eq!(v1.status, 400);
    let beta = client
        .write("PATCH", &format!("/beta/groups/{id}"), body.clone())
        .await;
    assert_eq!(beta.status, 204);
    let one = client.json(&format!("/beta/groups/{id}{flag}")).await;
    assert_eq!(
        one["writebackConfiguration"],
        body["writebackConfiguration"]
    );
    let wrong = json!({"writebackConfiguration":
        {"onPremisesGroupType": "universalDistributionGroup"}});
    assert_eq!(
        client
            .write("PATCH", &format!("/beta/groups/{id}"), wrong)
            .await
            .status,
        400
    );

    let user = &dump["users"][5];
    let ids = json!({"ids": [user["id"], id], "types": ["user", "group"]});
    let reply = client
        .write("POST", "/v1.0/directoryObjects/getByIds", ids)
        .await;
    let found: Value = serde_json::from_str(&reply.body).unwrap();
    let anchor = &found["value"][0]["onPremisesImmutableId"];
    assert_eq!(anchor, &user["onPremisesImmutableId"]);

    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": format!("/groups/{id}?$select=displayName")},
        {"id": "2", "method": "GET", "url": "/groups/00000000-0000-0000-0000-000000000000"},
        {"id": "3", "method": "GET", "url": "/users?$top=1", "dependsOn": ["2"]},
    ]});
    let reply = client.write("POST", "/v1.0/$batch", batch).await;
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    let status: BTreeMap<&str, i64> = body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|response| {
            (
                response["id"].as_str().unwrap(),
                response["status"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(status, BTreeMap::from([("1", 200), ("2", 404), ("3", 424)]));

    client
        .control(
            "POST",
            "permissions",
            json!({"roles": ["GroupMember.Read.All"]}),
        )
        .await;
    let denied = (403, "Authorization_RequestDenied".to_owned());
    assert_eq!(client.error_code("/v1.0/users").await, denied);
    let page = client
        .json(&format!("/v1.0/groups/{id}/members?$select=id,displayName"))
        .await;
    let people = page["value"].as_array().unwrap().iter();
    let people: Vec<&Value> = people
        .filter(|row| row["@odata.type"] == "#microsoft.graph.user")
        .collect();
    assert!(!people.is_empty() && people.iter().all(|row| row["displayName"].is_null()));
    client
        .control("POST", "permissions", json!({"roles": []}))
        .await;
    assert_eq!(client.error_code("/v1.0/groups/delta").await, denied);
    client.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_broken_answers() {
    let world = WorldOptions {
        users: 40,
        ..WorldOptions::default()
    };
    let options = LabOptions {
        world,
        resource_units: Some(20),
        ..LabOptions::default()
    };
    let client = Client::start(options).await;
    let url = "/v1.0/organization";
    let fault = json!({"fault": "throttle", "retryAfterSeconds": 30, "times": 1});
    client.control("POST", "fault", fault).await;
    let reply = client.get(url).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("30"))
    );
    assert!(reply.header("x-ms-throttle-scope").is_some());
    assert_eq!(client.get(url).await.status, 200);
    let counters = client.control("GET", "counters", Value::Null).await;
    assert_eq!(counters["graph"]["throttled"], 1);
    assert_eq!(counters["graph"]["retriesBeforeRetryAfter"], 1);

    for fault in ["garbage", "cutBody"] {
        client
            .control("POST", "fault", json!({"fault": fault, "times": 1}))
            .await;
        let bearer = format!("Bearer {}", client.ready("accessToken"));
        let url = format!("{}{url}", client.ready("graph"));
        let reply = send("GET", &url, &[("Authorization", &bearer)], "").await;
        let body = reply.map(|reply| serde_json::from_str::<Value>(&reply.body).is_ok());
        assert_ne!(body, Ok(true), "{fault}");
    }
    let mut last = client.get(url).await;
    for _ in 0..30 {
        if last.status == 429 {
            break;
        }
        last = client.get(url).await;
    }
    assert_eq!(last.status, 429);
    assert!(last.header("x-ms-throttle-limit-percentage").is_some());
    let seconds: u64 = last.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&seconds));
    client.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_anchors_and_hidden_ones_show_as_null() {
    let options = LabOptions {
        replay_percent: 0,
        ..LabOptions::default()
    };
    let client = Client::start(options).await;
    let select = "$select=userPrincipalName,onPremisesSecurityIdentifier,onPremisesImmutableId";
    let page = client.json(&format!("/v1.0/users/delta?{select}")).await;
    let rows = page["value"].as_array().unwrap();
    assert_eq!(rows.len(), 400);
    // A property that was never set is not there at all.
    let cloud_only = rows
        .iter()
        .find(|row| row.get("onPremisesImmutableId").is_none())
        .unwrap();
    let upn = cloud_only["userPrincipalName"].as_str().unwrap();
    assert!(upn.contains("onmicrosoft.com"));
    let link = page["@odata.deltaLink"].as_str().unwrap();
    let guests = "/v1.0/users?$select=userType&$top=999";
    let guests = client.json(guests).await;
    let guest = |row: &&Value| row["userType"] == "Guest";
    assert_eq!(
        guests["value"]
            .as_array()
            .unwrap()
            .iter()
            .filter(guest)
            .count(),
        12
    );

    let dump = client.control("GET", "dump", Value::Null).await;
    let members = dump["users"].as_array().unwrap().iter();
    let mut candidates = members.filter(|user| {
        let upn = user["userPrincipalName"].as_str().unwrap();
        user["onPremisesImmutableId"].is_null() && !upn.contains("#EXT#")
    });
    let id = candidates.next().unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let sync = json!({"changes": [{"op": "syncUser", "id": id}]});
    client.control("POST", "change", sync).await;
    let page = client.json(link).await;
    let rows = page["value"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"], json!(id));
    assert!(rows[0]["onPremisesImmutableId"].is_string());
    let removed = json!({"changes": [{"op": "deleteUser", "id": id}]});
    client.control("POST", "change", removed).await;
    let page = client
        .json(page["@odata.deltaLink"].as_str().unwrap())
        .await;
    assert_eq!(
        page["value"],
        json!([{"id": id, "@removed": {"reason": "changed"}}])
    );

    client
        .control("POST", "fault", json!({"fault": "nullMembers"}))
        .await;
    let url = "/v1.0/users?$select=displayName&$filter=onPremisesSyncEnabled eq true";
    let page = client.json(url).await;
    assert!(
        page["value"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["displayName"].is_null())
    );
    let page = client.json("/v1.0/devices?$select=displayName").await;
    assert!(
        page["value"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["displayName"].is_string())
    );
    client.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switches_settings_and_the_recycle_bin() {
    let client = Client::start(LabOptions::default()).await;
    let sync = client
        .json("/v1.0/directory/onPremisesSynchronization")
        .await;
    let sync = &sync["value"][0];
    assert_eq!(sync["features"]["groupWriteBackEnabled"], false);
    let path = format!(
        "/v1.0/directory/onPremisesSynchronization/{}",
        sync["id"].as_str().unwrap()
    );
    let body = json!({"features": {"groupWriteBackEnabled": true}});
    assert_eq!(client.write("PATCH", &path, body).await.status, 204);
    let body = json!({"features": {"groupWritebackEnabled": true}});
    assert_eq!(client.write("PATCH", &path, body).await.status, 400);
    let sync = client
        .json("/v1.0/directory/onPremisesSynchronization")
        .await;
    assert_eq!(sync["value"][0]["features"]["groupWriteBackEnabled"], true);

    assert_eq!(client.json("/beta/settings").await["value"], json!([]));
    let template = client.json("/beta/directorySettingTemplates").await["value"][0].clone();
    let name = "NewUnifiedGroupWritebackDefault";
    let few = json!({"templateId": template["id"], "values": [{"name": name, "value": "false"}]});
    assert_eq!(
        client
            .write("POST", "/beta/settings", few.clone())
            .await
            .status,
        400
    );
    let all = template["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| json!({"name": value["name"], "value": value["defaultValue"]}));
    let all = json!({"templateId": template["id"], "values": all.collect::<Vec<_>>()});
    let made = client.write("POST", "/beta/settings", all).await;
    assert_eq!(made.status, 201);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let path = format!("/beta/settings/{}", made["id"].as_str().unwrap());
    assert_eq!(client.write("PATCH", &path, few).await.status, 204);
    let settings = client.json("/v1.0/groupSettings").await;
    let values = settings["value"][0]["values"].as_array().unwrap();
    assert!(values.contains(&json!({"name": name, "value": "false"})));

    let created = json!({"changes": [
        {"op": "addGroup", "displayName": "Short lived", "kind": "m365"},
    ]});
    let answer = client.control("POST", "change", created).await;
    let id = answer["ids"][0].as_str().unwrap();
    let deleted = json!({"changes": [{"op": "softDeleteGroup", "id": id}]});
    client.control("POST", "change", deleted).await;
    assert_eq!(
        client.error_code(&format!("/v1.0/groups/{id}")).await.0,
        404
    );
    let bin = client
        .json("/v1.0/directory/deletedItems/microsoft.graph.group")
        .await;
    assert_eq!(bin["value"][0]["id"], *id);
    let one = client
        .json(&format!("/v1.0/directory/deletedItems/{id}"))
        .await;
    assert!(one["deletedDateTime"].is_string());
    assert_eq!(
        client.json("/v1.0/organization").await["value"][0]["onPremisesSyncEnabled"],
        true
    );
    client.lab.stop().await;

    let national = LabOptions {
        beta_flag: false,
        ..LabOptions::default()
    };
    let client = Client::start(national).await;
    let url = "/beta/groups?$select=writebackConfiguration";
    assert_eq!(
        client.error_code(url).await,
        (400, "Request_BadRequest".into())
    );
    client.lab.stop().await;
}
