//! Batches, evidence of deletions, flags, tenant switches, the check.

use super::*;
use crate::model::WritebackFlag;

/// Answers a batch by a function of the inner url.
fn batch(seen: &Seen, answer: impl Fn(&str) -> (u16, Value, Value)) -> Reply {
    let requests = seen.json()["requests"].as_array().unwrap().clone();
    assert!(requests.len() <= 20);
    let mut responses: Vec<Value> = requests
        .iter()
        .map(|r| {
            let (status, headers, body) = answer(r["url"].as_str().unwrap());
            json!({"id": r["id"], "status": status, "headers": headers, "body": body})
        })
        .collect();
    responses.reverse(); // unordered, says the contract
    Reply::ok(json!({"responses": responses}))
}

fn missing() -> (u16, Value, Value) {
    (
        404,
        json!({}),
        json!({"error": {"code": "Request_ResourceNotFound", "message": "m"}}),
    )
}

fn number(url: &str) -> u32 {
    url.split('?')
        .next()
        .unwrap()
        .rsplit('-')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn batches_are_matched_by_id_and_inner_throttling_is_obeyed() {
    let rounds = Mutex::new(0);
    let server = Server::graph(move |seen, _| {
        let mut rounds = rounds.lock().unwrap();
        *rounds += 1;
        let first = *rounds == 1;
        batch(seen, |url| match number(url) {
            7 if first => (429, json!({"Retry-After": "1"}), json!({})),
            8 if first => (503, json!({}), json!({"error": {"code": "x"}})),
            9 => missing(),
            12 => (
                403,
                json!({}),
                json!({"error": {"code": "ErrorAccessDenied"}}),
            ),
            n => (
                200,
                json!({}),
                json!({"id": id(n), "allowExternalSenders": n % 2 == 0}),
            ),
        })
    })
    .await;
    let host = Recorder::new();
    let client = server.client(&host).await;
    let ids: Vec<ObjectId> = (0..45).map(id).collect();
    let values = client.groups_allow_external_senders(&ids).await.unwrap();
    assert_eq!(values.len(), 45);
    for (n, (group, value)) in values.iter().enumerate() {
        let expected = match n {
            9 | 12 => None,
            n => Some(n % 2 == 0),
        };
        assert_eq!((*group, *value), (id(n as u32), expected));
    }
    let seen = server.seen();
    assert_eq!(
        seen.len(),
        4,
        "three batches, and one for the two that were put off"
    );
    assert_eq!(seen[3].json()["requests"].as_array().unwrap().len(), 2);
    assert!(seen[3].at - seen[0].at >= Duration::from_millis(990));
    assert_eq!(client.counters().batched_requests, 47);
    assert_eq!(host.warnings().len(), 1);
}

#[tokio::test]
async fn gone_needs_two_404s_of_graphs_own() {
    let server = Server::graph(|seen, _| {
        batch(seen, |url| {
            let n = number(url);
            let found = (200, json!({}), json!({"id": id(n)}));
            match (n, url.starts_with("/groups/")) {
                (1, true) | (2, false) => found,
                _ => missing(),
            }
        })
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let states = client.deletion_state(&[id(1), id(2), id(3)]).await.unwrap();
    assert_eq!(
        states,
        [
            (id(1), Presence::Active),
            (id(2), Presence::SoftDeleted),
            (id(3), Presence::Gone)
        ]
    );

    for (status, body) in [
        (404, json!({"error": {"code": "UnknownError"}})),
        (404, json!("<html>not found</html>")),
        (
            403,
            json!({"error": {"code": "Authorization_RequestDenied"}}),
        ),
        (200, json!({"id": id(99)})),
        (204, Value::Null),
    ] {
        let shown = format!("{status} {body}");
        let server =
            Server::graph(move |seen, _| batch(seen, |_| (status, json!({}), body.clone()))).await;
        let client = server.client(&Recorder::new()).await;
        assert!(client.deletion_state(&[id(3)]).await.is_err(), "{shown}");
    }
    // Restored while we looked.
    let server = Server::graph(|seen, n| {
        batch(seen, |_| {
            if n < 2 {
                missing()
            } else {
                (200, json!({}), json!({"id": id(3)}))
            }
        })
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    assert_eq!(
        client.deletion_state(&[id(3)]).await.unwrap(),
        [(id(3), Presence::Active)]
    );
}

#[tokio::test]
async fn a_batch_that_leaves_answers_out_is_incomplete() {
    let server = Server::graph(|_, _| Reply::ok(json!({"responses": []}))).await;
    let client = server.client(&Recorder::new()).await;
    let error = client.deletion_state(&[id(1)]).await.unwrap_err();
    assert_eq!(error.id, ErrorId::SourceReadIncomplete);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn one_group_with_its_external_senders() {
    let server = Server::graph(|seen, _| match seen.target.as_str() {
        "/v1.0/$batch" => batch(seen, |_| {
            (200, json!({}), json!({"allowExternalSenders": true}))
        }),
        t if t.contains("000000000001?") => Reply::ok(
            json!({"id": id(1), "displayName": "Sales", "groupTypes": ["Unified"],
            "proxyAddresses": ["SMTP:s@x"], "onPremisesSecurityIdentifier": null}),
        ),
        t if t.contains("000000000002?") => Reply::error(404, "Request_ResourceNotFound"),
        t if t.contains("000000000003?") => Reply::ok(json!({"id": id(3), "displayName": null})),
        _ => Reply::new(404, "not Graph"),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let group = client.group(id(1)).await.unwrap().unwrap();
    assert_eq!(
        (group.allow_external_senders, group.proxy_addresses.len()),
        (Some(true), 1)
    );
    assert!(client.group(id(2)).await.unwrap().is_none());
    assert_eq!(
        client.group(id(3)).await.unwrap_err().id,
        ErrorId::GraphPermissionMissing
    );
    assert_eq!(
        client.group(id(4)).await.unwrap_err().id,
        ErrorId::GraphRequestRejected
    );
}

#[tokio::test]
async fn flags_are_read_or_known_to_be_unavailable() {
    let server = Server::graph(|seen, n| match n {
        0 => Reply::ok(json!({"@odata.nextLink": format!("http://{}/beta/groups?$skiptoken=1", seen.header("host").unwrap()),
            "value": [{"id": id(1), "writebackConfiguration": {"isEnabled": null, "onPremisesGroupType": "universalSecurityGroup"}},
                      {"id": id(2), "writebackConfiguration": null}]})),
        1 => Reply::error(400, "Directory_ExpiredPageToken"),
        2 => Reply::ok(json!({"value": [{"id": id(3), "writebackConfiguration": {"isEnabled": true, "onPremisesGroupType": null}}]})),
        3 => Reply::error(400, "Request_BadRequest"),
        _ => Reply::ok(json!({"value": [{"id": id(3), "displayName": "x"}]})),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let flags = client.group_flags().await.unwrap();
    let enabled = WritebackFlag {
        is_enabled: Some(true),
        on_premises_group_type: None,
    };
    assert_eq!(flags, [(id(3), enabled)], "started again, not gone on");
    for _ in 0..2 {
        assert_eq!(
            client.group_flags().await.unwrap_err().id,
            ErrorId::WritebackFlagUnavailable
        );
    }
}

#[tokio::test]
async fn writing_a_flag_sends_nulls_and_outlasts_spurious_refusals() {
    let server = Server::graph(|_, n| match n {
        0 => Reply::error(404, "Request_ResourceNotFound"),
        1 => Reply::error(403, "Authorization_RequestDenied"),
        _ => Reply::new(204, ""),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let flag = WritebackFlag {
        is_enabled: None,
        on_premises_group_type: Some("universalSecurityGroup".to_owned()),
    };
    client.set_group_flag(id(1), &flag).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[2].method, "PATCH");
    assert!(seen[2].target.starts_with("/beta/groups/"));
    assert!(
        seen[2].body.contains("\"isEnabled\":null"),
        "{}",
        seen[2].body
    );
}

#[tokio::test]
async fn objects_come_by_thousands_and_members_by_pages() {
    let server = Server::graph(|seen, n| {
        if seen.target.starts_with("/v1.0/directoryObjects/getByIds") {
            let ids = seen.json()["ids"].as_array().unwrap().clone();
            assert!(ids.len() <= 1000);
            let rows: Vec<Value> = ids
                .iter()
                .map(|id| json!({"@odata.type": "#microsoft.graph.device", "id": id, "displayName": "d", "onPremisesSecurityIdentifier": "S-1-5-21-9"}))
                .collect();
            return Reply::ok(json!({"value": rows}));
        }
        match n {
            2 => Reply::ok(json!({"@odata.nextLink": format!("http://{}/v1.0/groups/x/members?$skiptoken=1", seen.header("host").unwrap()),
                "value": [{"@odata.type": "#microsoft.graph.user", "id": id(1), "displayName": "A"}]})),
            3 => Reply::ok(json!({"value": [{"@odata.type": "#microsoft.graph.user", "id": id(2), "displayName": null}]})),
            _ => Reply::error(404, "Request_ResourceNotFound"),
        }
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let ids: Vec<ObjectId> = (0..1500).map(id).collect();
    let rows = client.objects_by_id(&ids).await.unwrap();
    assert_eq!(rows.len(), 1500);
    assert!(rows.iter().all(|r| matches!(
        r,
        ObjectRow::Changed {
            kind: MemberKind::Device,
            readable: true,
            ..
        }
    )));

    let mut members = client.members(id(5)).await;
    assert_eq!(members.next_page().await.unwrap().unwrap().len(), 1);
    let second = members.next_page().await.unwrap().unwrap();
    assert!(matches!(
        second[0],
        ObjectRow::Changed {
            readable: false,
            ..
        }
    ));
    assert!(members.next_page().await.unwrap().is_none());
    let error = client.members(id(6)).await.next_page().await.unwrap_err();
    assert_eq!(error.id, ErrorId::GroupNotFound);
}

#[tokio::test]
async fn tenant_switches_and_defaults() {
    let server = Server::graph(
        |seen, _| match (seen.method.as_str(), seen.target.as_str()) {
            ("GET", "/v1.0/directory/onPremisesSynchronization") => {
                Reply::ok(json!({"value": [{"id": "abc-1",
            "features": {"unifiedGroupWritebackEnabled": true, "groupWriteBackEnabled": false}}]}))
            }
            ("GET", "/beta/directory/onPremisesSynchronization") => {
                Reply::ok(json!({"value": [{"configuration":
            {"writebackConfiguration": {"unifiedGroupContainer": "OU=Groups,DC=x"}}}]}))
            }
            ("PATCH", "/v1.0/directory/onPremisesSynchronization/abc-1") => Reply::new(204, ""),
            ("GET", "/beta/settings") => Reply::ok(
                json!({"value": [{"templateId": "62375AB9-6b52-47ed-826b-58e47e0e304b",
            "values": [{"name": "NewUnifiedGroupWritebackDefault", "value": "False"}]}]}),
            ),
            other => panic!("{other:?}"),
        },
    )
    .await;
    let client = server.client(&Recorder::new()).await;
    let features = client.tenant_features().await.unwrap();
    assert_eq!(
        features,
        TenantFeatures {
            id: Some("abc-1".to_owned()),
            unified_group_writeback: Some(true),
            group_writeback: Some(false),
            unified_group_container: Some("OU=Groups,DC=x".to_owned()),
        }
    );
    client
        .set_tenant_feature(TenantFeature::GroupWriteback, true)
        .await
        .unwrap();
    assert_eq!(
        server.seen().last().unwrap().json(),
        json!({"features": {"groupWriteBackEnabled": true}})
    );
    assert_eq!(client.new_group_default().await.unwrap(), Some(false));

    let bare = Server::graph(|seen, _| match seen.target.as_str() {
        "/beta/settings" => Reply::ok(json!({"value": []})),
        _ => Reply::error(404, "Request_ResourceNotFound"),
    })
    .await;
    let client = bare.client(&Recorder::new()).await;
    assert_eq!(
        client.tenant_features().await.unwrap(),
        TenantFeatures::default()
    );
    assert_eq!(client.new_group_default().await.unwrap(), None);
}

#[tokio::test]
async fn the_check_compares_clocks() {
    let server = Server::graph(|_, _| {
        let ahead = SystemTime::now() + Duration::from_secs(600);
        Reply::ok(json!({"value": []})).with("date", httpdate::fmt_http_date(ahead))
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let check = client.check().await.unwrap();
    assert!(check.token_latency.is_some());
    assert!((-601..=-598).contains(&check.clock_difference_seconds.unwrap()));
    assert_eq!(client.counters().tokens, 2);
    assert_eq!(client.roles(), ["GroupMember.Read.All"]);
    assert!(
        client
            .missing_roles()
            .iter()
            .any(|m| m.required && m.any_of[0] == "User.Read.All")
    );
}
