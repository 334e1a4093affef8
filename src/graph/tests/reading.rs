//! Delta rounds and lists: whole or an error.

use super::*;
use crate::model::CloudGroup;

async fn groups(reader: &mut DeltaReader<GroupRow>) -> Result<(Vec<GroupRow>, String), DeltaError> {
    let (mut rows, mut link) = (Vec::new(), None);
    while let Some(page) = reader.next_page().await? {
        assert!(link.is_none(), "the deltaLink is on the last page");
        rows.extend(page.rows);
        link = page.delta_link;
    }
    Ok((rows, link.unwrap()))
}

fn failed(error: DeltaError) -> Error {
    match error {
        DeltaError::Failed(error) => error,
        DeltaError::ResyncRequired(error) => panic!("resync: {error}"),
    }
}

fn next(seen: &Seen, n: usize) -> String {
    format!(
        "http://{}/v1.0/groups/delta?$skiptoken=page{n}",
        seen.header("host").unwrap()
    )
}

fn delta(seen: &Seen) -> String {
    format!(
        "http://{}/v1.0/groups/delta?$deltatoken=D1",
        seen.header("host").unwrap()
    )
}

#[tokio::test]
async fn slices_replays_and_removals_come_through_in_order() {
    let server = Server::graph(|seen, n| match n {
        0 => Reply::ok(json!({"@odata.nextLink": next(seen, 1), "value": [
            {"id": id(1), "displayName": "Sales", "mail": "s@x", "groupTypes": ["Unified"], "securityEnabled": false,
             "mailEnabled": true, "onPremisesSyncEnabled": null,
             "members@delta": [{"@odata.type": "#microsoft.graph.user", "id": id(10)},
                               {"@odata.type": "#microsoft.graph.group", "id": id(11)}]}]})),
        1 => Reply::ok(json!({"@odata.nextLink": next(seen, 2), "value": []})),
        _ => Reply::ok(json!({"@odata.deltaLink": delta(seen), "value": [
            {"id": id(1), "members@delta": [
                {"@odata.type": "#microsoft.graph.user", "id": id(10), "@removed": {"reason": "deleted"}},
                {"@odata.type": "#microsoft.graph.novelty", "id": id(12)}]},
            {"id": id(2), "description": null},
            {"id": id(3), "@removed": {"reason": "changed"}},
            {"id": id(4), "@removed": {"reason": "deleted"}}]})),
    })
    .await;
    let host = Recorder::new();
    let client = server.client(&host).await;
    let (rows, link) = groups(&mut client.groups_delta(DeltaStart::Full))
        .await
        .unwrap();
    assert!(link.ends_with("$deltatoken=D1"));
    assert_eq!(rows.len(), 5);
    let GroupRow::Changed(first) = &rows[0] else {
        panic!()
    };
    let mut group = CloudGroup::new(id(1));
    first.apply(&mut group);
    assert!(group.is_m365() && group.mail_enabled && !group.on_premises_sync_enabled);
    assert_eq!(first.members.as_ref().unwrap()[1].kind, MemberKind::Group);
    let GroupRow::Changed(slice) = &rows[1] else {
        panic!()
    };
    assert!(slice.readable && slice.display_name.is_absent());
    slice.apply(&mut group);
    assert_eq!(
        group.display_name.as_deref(),
        Some("Sales"),
        "absent leaves alone"
    );
    let members = slice.members.as_ref().unwrap();
    assert!(members[0].removed && members[1].kind == MemberKind::Other);
    let GroupRow::Changed(other) = &rows[2] else {
        panic!()
    };
    assert_eq!(
        (other.members.as_ref(), other.description.is_null()),
        (None, true),
        "no key = no information"
    );
    assert_eq!(
        rows[3],
        GroupRow::Removed {
            id: id(3),
            permanent: false
        }
    );
    assert_eq!(
        rows[4],
        GroupRow::Removed {
            id: id(4),
            permanent: true
        }
    );

    let seen = server.seen();
    assert!(
        seen[0].target.contains("members") && !seen[0].target.contains("top"),
        "{}",
        seen[0].target
    );
    let ids: std::collections::HashSet<_> = seen
        .iter()
        .map(|s| s.header("client-request-id").unwrap())
        .collect();
    assert_eq!(ids.len(), 3, "a new id a call");
    assert_eq!(client.counters().requests, 3);
}

#[tokio::test]
async fn the_stored_link_is_followed_as_given() {
    let server =
        Server::graph(|seen, _| Reply::ok(json!({"@odata.deltaLink": delta(seen), "value": []})))
            .await;
    let client = server.client(&Recorder::new()).await;
    let link = format!(
        "{}/v1.0/groups/delta?$deltatoken=a%2Fb%3D~c-%C3%A4",
        server.url
    );
    groups(&mut client.groups_delta(DeltaStart::Link(link)))
        .await
        .unwrap();
    let seen = server.seen();
    assert_eq!(
        seen[0].target,
        "/v1.0/groups/delta?$deltatoken=a%2Fb%3D~c-%C3%A4"
    );
    assert!(seen[0].header("prefer").unwrap().contains("return=minimal"));
    groups(&mut client.groups_delta(DeltaStart::Latest))
        .await
        .unwrap();
    assert!(server.seen()[1].target.contains("$deltatoken=latest"));
}

#[tokio::test]
async fn a_round_without_delta_link_is_incomplete() {
    let server = Server::graph(|_, _| Reply::ok(json!({"value": []}))).await;
    let client = server.client(&Recorder::new()).await;
    let error = failed(
        groups(&mut client.groups_delta(DeltaStart::Full))
            .await
            .unwrap_err(),
    );
    assert_eq!(error.id, ErrorId::SourceReadIncomplete);
}

#[tokio::test]
async fn lost_positions_ask_for_a_resync() {
    for reply in [
        Reply::new(410, "").with(
            "location",
            "http://127.0.0.1/v1.0/groups/delta?$deltatoken=",
        ),
        Reply::error(400, "syncStateNotFound"),
        Reply::error(404, "resyncRequired"),
        Reply::error(400, "Directory_ExpiredPageToken"),
        Reply::new(
            400,
            json!({"error": {"code": "badRequest", "innerError": {"code": "resyncRequired"}}}),
        ),
    ] {
        let text = format!("{reply:?}");
        let server = Server::graph(move |_, _| reply.clone()).await;
        let client = server.client(&Recorder::new()).await;
        let outcome = groups(&mut client.groups_delta(DeltaStart::Full)).await;
        assert!(
            matches!(outcome, Err(DeltaError::ResyncRequired(_))),
            "{text}"
        );
    }
    let server = Server::graph(|_, _| Reply::ok(json!({"value": []}))).await;
    let client = server.client(&Recorder::new()).await;
    let foreign =
        DeltaStart::Link("https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=x".to_owned());
    let outcome = client.groups_delta(foreign).next_page().await;
    assert!(matches!(outcome, Err(DeltaError::ResyncRequired(_))));
    assert!(server.seen().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn tokens_never_follow_links_to_other_hosts() {
    let thief = Server::start(|_, _| Reply::ok(json!({"value": []}))).await;
    let url = thief.url.clone();
    let server = Server::graph(move |_, n| match n {
        0 => Reply::ok(json!({"value": [], "@odata.nextLink": format!("{url}/v1.0/groups/delta?$skiptoken=x")})),
        1 => Reply::ok(json!({"value": [], "@odata.deltaLink": format!("{url}/v1.0/groups/delta?$deltatoken=x")})),
        _ => Reply::new(302, "").with("location", format!("{url}/v1.0/groups")),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    for _ in 0..2 {
        let error = failed(
            groups(&mut client.groups_delta(DeltaStart::Full))
                .await
                .unwrap_err(),
        );
        assert_eq!(error.id, ErrorId::SourceReadIncomplete);
        assert!(error.message.contains("127.0.0.1"), "{error}");
    }
    let error = failed(
        groups(&mut client.groups_delta(DeltaStart::Full))
            .await
            .unwrap_err(),
    );
    assert_eq!(error.id, ErrorId::GraphUnavailable, "{error}");
    assert!(thief.all_seen().is_empty());
}

#[tokio::test]
async fn endless_lists_end_as_incomplete() {
    // The same link again.
    let server =
        Server::graph(|seen, _| Reply::ok(json!({"value": [], "@odata.nextLink": next(seen, 1)})))
            .await;
    let client = server.client(&Recorder::new()).await;
    let error = failed(
        groups(&mut client.groups_delta(DeltaStart::Full))
            .await
            .unwrap_err(),
    );
    assert_eq!(error.id, ErrorId::SourceReadIncomplete);
    assert_eq!(server.seen().len(), 2);
    // New links, no news: empty pages, then a page that was there before.
    for row in [json!([]), json!([{"id": id(1), "displayName": "again"}])] {
        let server = Server::graph(move |seen, n| {
            Reply::ok(json!({"value": row, "@odata.nextLink": next(seen, n + 1)}))
        })
        .await;
        let client = server.client(&Recorder::new()).await;
        let error = failed(
            groups(&mut client.groups_delta(DeltaStart::Full))
                .await
                .unwrap_err(),
        );
        assert_eq!(error.id, ErrorId::SourceReadIncomplete);
        assert!((8..=9).contains(&server.seen().len()));
    }
    // Some barren pages are nothing bad.
    let server = Server::graph(|seen, n| match n % 5 {
        _ if n == 30 => Reply::ok(json!({"value": [], "@odata.deltaLink": delta(seen)})),
        4 => Reply::ok(json!({"value": [{"id": id(n as u32), "displayName": "n"}], "@odata.nextLink": next(seen, n + 1)})),
        _ => Reply::ok(json!({"value": [], "@odata.nextLink": next(seen, n + 1)})),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    assert_eq!(
        groups(&mut client.groups_delta(DeltaStart::Full))
            .await
            .unwrap()
            .0
            .len(),
        6
    );
}

#[tokio::test]
async fn null_sentinels_and_malformed_values_make_rows_unreadable() {
    let server = Server::graph(|seen, _| {
        Reply::ok(json!({"@odata.deltaLink": delta(seen), "value": [
            {"id": id(1), "displayName": "A", "userPrincipalName": "a@x", "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-4", "onPremisesImmutableId": "x=="},
            {"id": id(2), "displayName": "B", "userPrincipalName": "b@x", "onPremisesSecurityIdentifier": null, "onPremisesImmutableId": null},
            {"id": id(3), "displayName": null, "userPrincipalName": null, "onPremisesSecurityIdentifier": null},
            {"id": id(4), "displayName": "D", "userPrincipalName": "d@x", "onPremisesSecurityIdentifier": "S-1-banana"},
            {"id": id(5)},
            {"id": id(6), "@removed": {"reason": "changed"}}]}))
    })
    .await;
    let host = Recorder::new();
    let client = server.client(&host).await;
    let page = client
        .users_delta(DeltaStart::Full)
        .next_page()
        .await
        .unwrap()
        .unwrap();
    let readable: Vec<bool> = page
        .rows
        .iter()
        .map(|row| matches!(row, ObjectRow::Changed { readable: true, .. }))
        .collect();
    assert_eq!(readable, [true, true, false, false, false, false]);
    let ObjectRow::Changed { sid, kind, .. } = &page.rows[0] else {
        panic!()
    };
    assert_eq!(
        (sid.value().unwrap().to_string().as_str(), *kind),
        ("S-1-5-21-1-2-3-4", MemberKind::User)
    );
    let ObjectRow::Changed { sid, .. } = &page.rows[1] else {
        panic!()
    };
    assert!(sid.is_null());
    let ObjectRow::Changed { sid, .. } = &page.rows[3] else {
        panic!()
    };
    assert!(!sid.is_null(), "a malformed SID is no cleared SID");
    let warnings = host.warnings();
    assert!(warnings.iter().any(|w| w.id == ErrorId::GraphPermissionMissing && w.message.contains("User.Read.All")));
    assert!(
        warnings
            .iter()
            .any(|w| w.message.contains("onPremisesSecurityIdentifier"))
    );

    // In later rounds only changes come: an absent name says nothing.
    let link = format!("{}/v1.0/users/delta?$deltatoken=x", server.url);
    let page = client
        .users_delta(DeltaStart::Link(link))
        .next_page()
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        page.rows[4],
        ObjectRow::Changed { readable: true, .. }
    ));
}

#[tokio::test]
async fn an_unreadable_group_row_changes_nothing() {
    let server = Server::graph(|seen, _| {
        Reply::ok(json!({"@odata.deltaLink": delta(seen), "value": [
            {"id": id(1), "displayName": null, "mail": null, "members@delta": null},
            {"id": id(2), "displayName": "x", "securityEnabled": "yes"}]}))
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let (rows, _) = groups(&mut client.groups_delta(DeltaStart::Full))
        .await
        .unwrap();
    for row in rows {
        let GroupRow::Changed(patch) = row else {
            panic!()
        };
        assert!(!patch.readable && patch.members.is_none());
        let before = CloudGroup {
            mail: Some("m@x".to_owned()),
            ..CloudGroup::new(patch.id)
        };
        let mut group = before.clone();
        patch.apply(&mut group);
        assert_eq!(group, before);
    }
}

#[tokio::test]
async fn pages_that_are_no_pages_are_tried_again_and_then_incomplete() {
    for body in [
        "",
        "<html>",
        "{\"value\":[{\"id\":\"no guid\"}]}",
        "{\"value\":{}}",
        "{}",
        "[1",
    ] {
        let server = Server::graph(move |_, _| Reply::new(200, body)).await;
        let client = server.client(&Recorder::new()).await;
        let error = failed(
            groups(&mut client.groups_delta(DeltaStart::Full))
                .await
                .unwrap_err(),
        );
        assert_eq!(error.id, ErrorId::SourceReadIncomplete, "{body}");
        assert_eq!(server.seen().len(), 3, "{body}");
    }
}
