//! The lab in process, walked over HTTP as a client would.

use group_writeback_lab::WorldOptions;
use group_writeback_lab::client::{Reply, send};
use group_writeback_lab::serve::{LabOptions, RunningLab, start};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SELECT: &str = "$select=id,displayName,description,members";

struct Client {
    lab: RunningLab,
}

impl Client {
    async fn start(options: LabOptions) -> Self {
        Self {
            lab: start(options).await.unwrap(),
        }
    }

    fn ready(&self, name: &str) -> &str {
        self.lab.ready()[name].as_str().unwrap()
    }

    async fn get(&self, url: &str) -> Reply {
        self.get_with(url, &[]).await
    }

    async fn get_with(&self, url: &str, more: &[(&str, &str)]) -> Reply {
        let url = match url.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.ready("graph")),
            None => url.to_owned(),
        };
        let bearer = format!("Bearer {}", self.ready("accessToken"));
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend_from_slice(more);
        send("GET", &url, &headers, "").await.unwrap()
    }

    async fn json(&self, url: &str) -> Value {
        let reply = self.get(url).await;
        assert_eq!(reply.status, 200, "{url}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    async fn write(&self, method: &str, path: &str, body: Value) -> Reply {
        let url = format!("{}{path}", self.ready("graph"));
        let bearer = format!("Bearer {}", self.ready("accessToken"));
        send(
            method,
            &url,
            &[("Authorization", &bearer)],
            &body.to_string(),
        )
        .await
        .unwrap()
    }

    async fn control(&self, method: &str, verb: &str, body: Value) -> Value {
        let url = format!("{}/{verb}", self.ready("control"));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let reply = send(method, &url, &[], &body).await.unwrap();
        assert_eq!(reply.status, 200, "{verb}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    async fn token(&self, form: &str) -> (u16, Value) {
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            self.ready("login"),
            self.ready("tenantId")
        );
        let reply = send("POST", &url, &[], form).await.unwrap();
        assert!(reply.header("date").is_some());
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    /// Walks a delta to its end; answers the deltaLink and the number of pages.
    async fn walk(&self, first: &str, groups: &mut Groups) -> (String, usize) {
        let mut url = first.to_owned();
        for pages in 1.. {
            let page = self.json(&url).await;
            groups.take(page["value"].as_array().unwrap());
            if let Some(link) = page["@odata.deltaLink"].as_str() {
                return (link.to_owned(), pages);
            }
            url = page["@odata.nextLink"].as_str().unwrap().to_owned();
        }
        unreachable!()
    }

    async fn truth(&self) -> Groups {
        let dump = self.control("GET", "dump", Value::Null).await;
        let mut groups = Groups::default();
        for group in dump["groups"].as_array().unwrap() {
            if group["state"] == "active" {
                let members = group["members"].as_array().unwrap();
                let members = members.iter().map(|m| m["id"].as_str().unwrap().to_owned());
                let entry = (group["displayName"].clone(), group["description"].clone());
                let id = group["id"].as_str().unwrap().to_owned();
                groups.0.insert(id, (entry, members.collect()));
            }
        }
        groups
    }

    async fn error_code(&self, url: &str) -> (u16, String) {
        let reply = self.get(url).await;
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        (
            reply.status,
            body["error"]["code"].as_str().unwrap().to_owned(),
        )
    }
}

/// Groups as a reader that merges by id knows them.
#[derive(Debug, Default, PartialEq)]
struct Groups(BTreeMap<String, ((Value, Value), BTreeSet<String>)>);

impl Groups {
    fn take(&mut self, rows: &[Value]) {
        for row in rows {
            let id = row["id"].as_str().unwrap().to_owned();
            if row.get("@removed").is_some() {
                self.0.remove(&id);
                continue;
            }
            let (properties, members) = self.0.entry(id).or_default();
            if let Some(name) = row.get("displayName") {
                properties.0 = name.clone();
            }
            if let Some(description) = row.get("description") {
                properties.1 = description.clone();
            }
            for member in row["members@delta"].as_array().into_iter().flatten() {
                let id = member["id"].as_str().unwrap().to_owned();
                if member.get("@removed").is_some() {
                    members.remove(&id);
                } else {
                    members.insert(id);
                }
            }
        }
    }
}

fn small_pages() -> LabOptions {
    LabOptions {
        page_size: 20,
        slice_size: 25,
        replay_percent: 10,
        ..LabOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_walk_ends_with_the_truth_and_follows_churn() {
    let client = Client::start(small_pages()).await;
    let mut groups = Groups::default();
    let (mut link, pages) = client
        .walk(&format!("/v1.0/groups/delta?{SELECT}"), &mut groups)
        .await;
    assert!(pages > 4);
    assert!(groups == client.truth().await);
    for seed in 0..3 {
        let body = json!({"operations": 200, "seed": seed});
        client.control("POST", "churn", body).await;
        (link, _) = client.walk(&link, &mut groups).await;
        assert!(groups == client.truth().await);
    }
    client.control("POST", "counters/reset", json!({})).await;
    let (_, pages) = client.walk(&link, &mut groups).await;
    assert_eq!(pages, 1);
    let counters = client.control("GET", "counters", Value::Null).await;
    assert_eq!(counters["graph"]["byKind"], json!({"groupsDelta": 1}));
    assert_eq!(counters["graph"]["resourceUnits"], 1);
    client.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_tokens_age_and_faults_break_rounds() {
    let client = Client::start(small_pages()).await;
    let latest = client
        .json("/v1.0/groups/delta?$deltatoken=latest&$select=id")
        .await;
    assert_eq!(latest["value"], json!([]));
    let link = latest["@odata.deltaLink"].as_str().unwrap().to_owned();

    client
        .control("POST", "fault", json!({"fault": "gone", "times": 1}))
        .await;
    let reply = client.get(&link).await;
    assert_eq!(reply.status, 410);
    let mut groups = Groups::default();
    client
        .walk(reply.header("location").unwrap(), &mut groups)
        .await;
    assert_eq!(groups.0.len(), client.truth().await.0.len());
    client
        .control(
            "POST",
            "fault",
            json!({"fault": "expireDeltaTokens", "times": 1}),
        )
        .await;
    assert_eq!(
        client.error_code(&link).await,
        (400, "syncStateNotFound".into())
    );

    client
        .control("POST", "fault", json!({"fault": "dropDeltaLink"}))
        .await;
    let page = client.json(&link).await;
    assert!(page.get("@odata.deltaLink").is_none() && page.get("@odata.nextLink").is_none());
    client.control("DELETE", "fault", Value::Null).await;
    client
        .control("POST", "fault", json!({"fault": "endlessPages"}))
        .await;
    let mut url = link.clone();
    for _ in 0..30 {
        url = client.json(&url).await["@odata.nextLink"]
            .as_str()
            .unwrap()
            .to_owned();
    }
    client.control("DELETE", "fault", Value::Null).await;
    client
        .control("POST", "fault", json!({"fault": "emptyPages", "times": 3}))
        .await;
    client
        .control("POST", "fault", json!({"fault": "reorderSlices"}))
        .await;
    let mut groups = Groups::default();
    client
        .walk(&format!("/v1.0/groups/delta?{SELECT}"), &mut groups)
        .await;
    assert!(groups == client.truth().await);
    client.control("DELETE", "fault", Value::Null).await;

    let id = groups.0.keys().nth(3).unwrap().clone();
    let dump = client.control("GET", "dump", Value::Null).await;
    let cloud = dump["groups"].as_array().unwrap().iter();
    let id = cloud
        .filter(|g| g["groupTypes"] == json!(["Unified"]))
        .nth(2)
        .map_or(id, |group| group["id"].as_str().unwrap().to_owned());
    client
        .control(
            "POST",
            "fault",
            json!({"fault": "lateVisibility", "changes": 1}),
        )
        .await;
    let late = client
        .json("/v1.0/groups/delta?$deltatoken=latest&$select=displayName")
        .await;
    let late = late["@odata.deltaLink"].as_str().unwrap();
    let change = json!({"changes": [{"op": "setGroup", "id": id, "displayName": "Late"}]});
    client.control("POST", "change", change).await;
    assert_eq!(client.json(late).await["value"], json!([]));
    client.control("DELETE", "fault", Value::Null).await;
    let page = client.json(late).await;
    assert_eq!(page["value"], json!([{"id": id, "displayName": "Late"}]));

    client
        .control("POST", "clock", json!({"advanceSeconds": 7 * 86_400 + 60}))
        .await;
    assert_eq!(client.error_code(&link).await.0, 401);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}/.default",
        client.ready("clientId"),
        client.ready("clientSecret").replace('~', "%7E"),
        client.ready("graph")
    );
    let bearer = format!(
        "Bearer {}",
        client.token(&form).await.1["access_token"]
            .as_str()
            .unwrap()
    );
    let reply = send("GET", &link, &[("Authorization", &bearer)], "")
        .await
        .unwrap();
    assert!(
        reply.status == 400 && reply.body.contains("syncStateNotFound"),
        "{}",
        reply.body
    );
    client.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_tells_every_mistake_apart() {
    let client = Client::start(LabOptions::default()).await;
    let id = client.ready("clientId");
    let scope = format!("{}/.default", client.ready("graph"));
    let form = |id: &str, secret: &str| {
        let secret = secret.replace('~', "%7E");
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}")
    };
    let (status, body) = client.token(&form(id, client.ready("clientSecret"))).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
    let wrong = "00000000-0000-0000-0000-000000000000";
    for (form, code) in [
        (form(id, "wrong"), 7000215),
        (form(id, client.ready("expiredSecret")), 7000222),
        (form(wrong, "x"), 700016),
        ("grant_type=password".into(), 70003),
        (
            format!("grant_type=client_credentials&client_id={id}&scope={scope}"),
            7000218,
        ),
    ] {
        let (status, body) = client.token(&form).await;
        assert!(status >= 400);
        assert_eq!(body["error_codes"], json!([code]));
        assert!(
            body["error_description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("AADSTS{code}"))
        );
    }
    let url = format!("{}/elsewhere/oauth2/v2.0/token", client.ready("login"));
    let reply = send("POST", &url, &[], "grant_type=client_credentials")
        .await
        .unwrap();
    assert!(reply.body.contains("90002"));

    let url = client.ready("login").to_owned() + "/contoso.test/oauth2/v2.0/devicecode";
    let reply = send("POST", &url, &[], &format!("client_id={id}&scope={scope}"))
        .await
        .unwrap();
    let flow: Value = serde_json::from_str(&reply.body).unwrap();
    let poll = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={id}&device_code={}",
        flow["device_code"].as_str().unwrap()
    );
    assert_eq!(
        client.token(&poll).await.1["error"],
        "authorization_pending"
    );
    let approve = json!({"userCode": flow["user_code"], "action": "approve"});
    client.control("POST", "devicecode", approve).await;
    let (status, body) = client.token(&poll).await;
    assert_eq!(status, 200);
    let again = format!(
        "grant_type=refresh_token&client_id={id}&refresh_token={}",
        body["refresh_token"].as_str().unwrap()
    );
    assert_eq!(client.token(&again).await.0, 200);

    let endpoint = client.ready("identityEndpoint");
    let graph = client.ready("graph");
    let imds = format!("{endpoint}?api-version=2018-02-01&resource={graph}");
    assert_eq!(send("GET", &imds, &[], "").await.unwrap().status, 400);
    let reply = send("GET", &imds, &[("Metadata", "true")], "")
        .await
        .unwrap();
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &body["expires_in"]), (200, &json!("3599")));
    let arc = format!("{endpoint}?api-version=2020-06-01&resource={graph}");
    let reply = send("GET", &arc, &[("Metadata", "true")], "")
        .await
        .unwrap();
    assert_eq!(reply.status, 401);
    let file = reply
        .header("www-authenticate")
        .unwrap()
        .strip_prefix("Basic realm=")
        .unwrap();
    assert!(file.starts_with(client.ready("arcTokenFolder")));
    let basic = format!("Basic {}", std::fs::read_to_string(file).unwrap());
    let headers = [("Metadata", "true"), ("Authorization", &basic)];
    assert_eq!(send("GET", &arc, &headers, "").await.unwrap().status, 200);
    assert_eq!(send("GET", &arc, &headers, "").await.unwrap().status, 401);
    client.lab.stop().await;
}

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
