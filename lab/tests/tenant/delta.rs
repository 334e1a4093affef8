//! Delta over HTTP: rounds, tokens that age, faults that break rounds.

use crate::client::{Client, Groups, SELECT};
use group_writeback_lab::client::send;
use group_writeback_lab::serve::LabOptions;
use serde_json::{Value, json};

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
