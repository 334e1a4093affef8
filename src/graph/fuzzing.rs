//! What must hold of Graph's answers, whatever they are.

use std::time::SystemTime;

use reqwest::header::HeaderMap;

use super::batch::Responses;
use super::endpoint::Endpoints;
use super::fault::Refusal;
use super::limiter::retry_after;
use super::pager::RawPage;
use super::permissions::READ_GROUPS;
use super::rows::{FromJson, GroupRow, ObjectRow, Patch, Reading};
use super::wire::Answer;
use crate::config::{Connection, Environment};
use crate::model::{CloudGroup, MemberKind};

/// A page of `groups/delta`, of `users/delta` or of members.
pub fn page(data: &[u8]) {
    groups(data);
    for whole_objects in [false, true] {
        objects(data, whole_objects);
    }
}

fn rows<T: FromJson>(data: &[u8], reading: &Reading) -> Option<(Vec<T>, usize)> {
    let page: RawPage<T::Raw> = serde_json::from_slice(data).ok()?;
    let mut faults = Vec::new();
    let count = page.value.len();
    let rows: Vec<T> = page
        .value
        .into_iter()
        .map(|row| T::from_raw(row, reading, &mut faults))
        .collect();
    // A row is never lost: a missing one would pass for "nothing to do".
    assert_eq!(rows.len(), count);
    let unreadable = rows.iter().filter(|row| !row.is_readable()).count();
    assert!(faults.is_empty() || unreadable > 0, "{faults:?}");
    Some((rows, unreadable))
}

fn groups(data: &[u8]) {
    let reading = Reading {
        kind: MemberKind::Group,
        whole_objects: false,
    };
    let Some((rows, _)) = rows::<GroupRow>(data, &reading) else {
        return;
    };
    for row in rows {
        let GroupRow::Changed(patch) = row else {
            continue;
        };
        assert!(!patch.readable || !patch.display_name.is_null());
        let mut group = CloudGroup::new(patch.id);
        group.description = Some("before".to_owned());
        let before = group.clone();
        patch.apply(&mut group);
        if !patch.readable {
            // The nulls of a row that may not be read are no facts.
            assert_eq!(group, before);
        } else if patch.description.is_absent() {
            assert_eq!(group.description, before.description);
        }
        let once = group.clone();
        patch.apply(&mut group);
        assert_eq!(group, once, "a repeated row changes nothing");
    }
}

fn objects(data: &[u8], whole_objects: bool) {
    let reading = Reading {
        kind: MemberKind::User,
        whole_objects,
    };
    let Some((rows, _)) = rows::<ObjectRow>(data, &reading) else {
        return;
    };
    for row in rows {
        if let ObjectRow::Changed {
            display_name,
            readable,
            sid,
            ..
        } = row
        {
            assert!(!readable || !display_name.is_null());
            assert!(!readable || !whole_objects || !display_name.is_absent());
            if let Patch::Value(sid) = sid {
                assert_eq!(sid.to_string().parse(), Ok(sid));
            }
        }
    }
}

/// A batch's answer, an error's body, a sign-in's answer, links.
pub fn answer(data: &[u8]) {
    if let Ok(batch) = serde_json::from_slice::<Responses>(data) {
        for response in batch.responses {
            let wait = response.retry_after();
            assert!(wait.is_none_or(|wait| wait.as_secs() <= 7 * 86_400));
            let refusal = Refusal::of_body(
                response.status,
                &response.body,
                "GET /v1.0/groups".to_owned(),
                &READ_GROUPS,
            );
            judge(refusal);
        }
    }
    for status in [200, 302, 400, 401, 403, 404, 410, 429, 500] {
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: data.to_vec(),
        };
        judge(Refusal::new(
            &answer,
            "GET /v1.0/groups".to_owned(),
            &READ_GROUPS,
        ));
    }
    super::signin::fuzzing::answer(data);
    if let Ok(text) = std::str::from_utf8(data) {
        link(text);
        let _ = retry_after(text, Some(SystemTime::UNIX_EPOCH));
        // Longer waits are obeyed only as seconds; a date may lie anywhere.
        let _ = retry_after(text, None);
    }
}

/// Only Graph's own word, with the status that goes with it, says that an object is gone.
fn judge(refusal: Refusal) {
    assert!(!refusal.is_object_missing() || refusal.status == 404);
    assert!(!refusal.is_object_missing() || !refusal.codes.is_empty());
    assert!(!refusal.is_resync() || (400..500).contains(&refusal.status));
    let error = refusal.into_error();
    assert!(!error.message.is_empty());
}

/// The token goes along with a link: never to another host, never in clear text where TLS was configured.
fn link(text: &str) {
    let lab = Connection {
        environment: Environment::Custom,
        login_endpoint: Some("https://login.contoso.test".to_owned()),
        graph_endpoint: Some("https://graph.contoso.test:444".to_owned()),
        ..Connection::default()
    };
    for connection in [Connection::default(), lab] {
        let endpoints = Endpoints::of(&connection);
        let Ok(endpoints) = endpoints else {
            unreachable!("the endpoints are sound");
        };
        if let Ok(url) = endpoints.follow(text) {
            let own = connection.graph_endpoint.is_some();
            let host = if own {
                "graph.contoso.test"
            } else {
                "graph.microsoft.com"
            };
            assert_eq!(url.host_str(), Some(host));
            assert_eq!(url.scheme(), "https");
            assert_eq!(
                url.port_or_known_default(),
                Some(if own { 444 } else { 443 })
            );
            assert!(url.username().is_empty() && url.password().is_none());
        }
    }
}

/// A certificate file, without and with a password; the CA file.
pub fn key_file(data: &[u8]) {
    super::signin::fuzzing::key_file(data);
    if let Ok(certificates) = super::tls::certificates("ca.pem", data) {
        assert!(!certificates.is_empty());
    }
}
