//! The gateway in front of the embedded directory: the same answers and the same counts as without it.

use crate::places::{BASE, OU, PASSWORD, Place, USER, connect, said, user_sid};
use group_writeback_lab::directory::Limits;
use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, Mod, Scope, SearchEntry};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PERMISSIVE: &str = "1.2.840.113556.1.4.1413";

fn group(cn: &str) -> String {
    format!("CN={cn},{OU}")
}

fn control(oid: &str) -> RawControl {
    RawControl {
        ctype: oid.to_owned(),
        crit: true,
        val: None,
    }
}

async fn add(client: &mut Ldap, cn: &str, members: &[String]) -> String {
    let mut attributes = vec![("objectClass", HashSet::from(["group"]))];
    if !members.is_empty() {
        attributes.push(("member", members.iter().map(String::as_str).collect()));
    }
    said(client.add(&group(cn), attributes).await)
}

async fn member(client: &mut Ldap, cn: &str, number: usize) -> String {
    let sid = user_sid(number);
    let change = vec![Mod::Add("member", HashSet::from([sid.as_str()]))];
    said(client.modify(&group(cn), change).await)
}

/// Names and values of an entry in a stable order.
fn printed(entry: SearchEntry) -> String {
    let mut attributes: Vec<(String, Vec<String>)> = entry.attrs.into_iter().collect();
    attributes
        .iter_mut()
        .for_each(|(_, values)| values.sort_unstable());
    attributes.sort_unstable();
    format!("{} {attributes:?}", entry.dn)
}

async fn find(client: &mut Ldap, base: &str, filter: &str, names: Vec<&str>) -> Vec<String> {
    match client.search(base, Scope::Subtree, filter, names).await {
        Ok(found) => {
            let (entries, end) = (found.0, said(Ok(found.1)));
            let entries = entries.into_iter().filter(|entry| !entry.is_ref());
            let mut told: Vec<String> = entries
                .map(|entry| printed(SearchEntry::construct(entry)))
                .collect();
            told.push(end);
            told
        }
        Err(_) => vec!["closed".to_owned()],
    }
}

/// Everything a client does in a run, and what it was told.
async fn story(place: &Place) -> Vec<String> {
    let mut told = Vec::new();
    let mut client = place.connect(0).await.unwrap();
    told.push(said(client.simple_bind(USER, "wrong").await));
    told.extend(find(&mut client, BASE, "(cn=x)", vec!["cn"]).await);
    told.push(said(client.simple_bind(USER, PASSWORD).await));
    let members: Vec<String> = (0..1600).map(user_sid).collect();
    told.push(add(&mut client, "Big", &members).await);
    told.push(add(&mut client, "Big", &members).await);
    told.push(add(&mut client, "Vertrieb (Süd)", &[]).await);
    told.push(member(&mut client, "Big", 1600).await);
    told.push(member(&mut client, "Big", 5).await);
    client.with_controls(control(PERMISSIVE));
    told.push(member(&mut client, "Big", 5).await);
    client.with_controls(control("1.2.3.4"));
    told.push(member(&mut client, "Big", 5).await);
    let is = client.compare(&group("Big"), "cn", "big").await;
    told.push(is.map_or("closed".into(), |is| said(Ok(is.0))));
    for name in ["member;range=0-*", "member;range=1500-*", "memberOf"] {
        let filter = "(cn=Big)";
        told.extend(find(&mut client, OU, filter, vec![name, "uSNChanged"]).await);
    }
    let mut cookie = Vec::new();
    loop {
        client.with_controls(PagedResults { size: 400, cookie });
        let filter = "(sAMAccountName=user*)";
        let found = client
            .search(BASE, Scope::Subtree, filter, vec!["objectGUID"])
            .await;
        let found = found.unwrap();
        told.push(format!("{} in a page", found.0.len()));
        let next = found.1.ctrls.iter().find_map(|control| match control {
            Control(Some(ControlType::PagedResults), raw) => Some(raw.parse::<PagedResults>()),
            _ => None,
        });
        cookie = next.unwrap().cookie;
        if cookie.is_empty() {
            break;
        }
    }
    let dn = group("Big");
    told.push(said(client.modifydn(&dn, "CN=Bigger", true, None).await));
    told.push(said(client.delete(&group("Big")).await));
    told.push(said(client.delete(&group("Bigger")).await));
    let who = client.extended(ldap3::exop::WhoAmI).await.unwrap().0;
    told.push(String::from_utf8(who.val.unwrap_or_default()).unwrap());
    client.unbind().await.unwrap();
    told
}

#[tokio::test]
async fn answers_and_counts_are_those_of_the_directory_itself() {
    let (direct, gateway) = (Place::direct(1700).await, Place::gateway(1700).await);
    let expected = story(&direct).await;
    assert_eq!(story(&gateway).await, expected);
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(gateway.counters(), direct.counters());
    assert_eq!(gateway.directory.counters(), direct.counters());
    assert_eq!(gateway.counters()["memberValues"], json!(1602));
    assert_eq!(gateway.counters()["memberReads"], json!(2));
    gateway.reset_counters();
    assert_eq!(gateway.counters()["byKind"]["modify"], json!(0));
}

/// What happens to a client while a fault is set: a few of every kind of request, on a new connection
/// whenever the one before broke, and what is in the directory in the end.
async fn faulted(place: &Place, fault: &Value) -> Vec<String> {
    let mut client = place.bound().await;
    add(&mut client, "old", &[user_sid(0), user_sid(1)]).await;
    place.fault(fault);
    let mut told = Vec::new();
    for step in 0..8 {
        let name = format!("g{step}");
        let answer = match step {
            0 => said(client.simple_bind(USER, PASSWORD).await),
            1 | 2 => add(&mut client, &name, &[user_sid(3)]).await,
            3 => member(&mut client, "old", 2).await,
            4 => {
                let dn = group("g1");
                said(client.modifydn(&dn, "CN=renamed", true, None).await)
            }
            5 => said(client.delete(&group("g2")).await),
            6 => find(&mut client, OU, "(objectClass=group)", vec!["member"])
                .await
                .join("; "),
            _ => find(&mut client, OU, "(cn=old)", vec!["member;range=1-*"])
                .await
                .join("; "),
        };
        if answer.ends_with("closed") {
            client = match place.connect(0).await {
                Ok(mut client) => {
                    let bound = said(client.simple_bind(USER, PASSWORD).await);
                    told.push(format!("{step}: again {bound}"));
                    client
                }
                Err(_) => {
                    told.push(format!("{step}: refused"));
                    break;
                }
            };
        }
        told.push(format!("{step}: {answer}"));
    }
    place.clear_faults();
    let mut client = place.bound().await;
    told.extend(find(&mut client, OU, "(objectClass=group)", vec!["cn", "member"]).await);
    told
}

#[tokio::test]
async fn every_fault_strikes_as_in_the_directory_itself() {
    let strikes = [
        json!({"fault": "ldapResult", "code": 51, "message": "busy", "every": 2}),
        json!({"fault": "ldapResult", "code": 50, "operation": "bind", "times": 1}),
        json!({"fault": "ldapResult", "code": 53, "operation": "add", "after": 1}),
        json!({"fault": "ldapDrop", "operation": "add", "times": 1}),
        json!({"fault": "ldapDrop", "operation": "modify", "applied": true}),
        json!({"fault": "ldapDrop", "operation": "delete", "partial": true}),
        json!({"fault": "ldapDrop", "operation": "modifyDn", "applied": true, "server": 0}),
        json!({"fault": "ldapDrop", "operation": "search"}),
        json!({"fault": "ldapDrop", "operation": "search", "applied": true}),
        json!({"fault": "ldapDrop", "operation": "search", "partial": true}),
        json!({"fault": "ldapDrop", "operation": "bind", "times": 1}),
        json!({"fault": "ldapBrokenRange"}),
        json!({"fault": "ldapBrokenRange", "code": 1, "times": 1}),
        json!({"fault": "ldapCutSearch"}),
        json!({"fault": "ldapCutSearch", "entries": 0}),
        json!({"fault": "ldapDown", "operation": "delete"}),
        json!({"fault": "ldapDown", "after": 2}),
    ];
    let spares = [
        json!({"fault": "ldapSlow", "milliseconds": 1}),
        json!({"fault": "ldapDrop", "operation": "modifyDn", "server": 1}),
        json!({"fault": "ldapDown", "after": 2, "server": 1}),
        json!({"fault": "ldapCutSearch", "entries": 2}),
    ];
    let nothing = faulted(&Place::direct(10).await, &spares[0]).await;
    let rows = strikes.iter().map(|fault| (fault, true));
    for (fault, strikes) in rows.chain(spares.iter().map(|fault| (fault, false))) {
        let (direct, gateway) = (Place::direct(10).await, Place::gateway(10).await);
        let expected = faulted(&direct, fault).await;
        assert_eq!(expected != nothing, strikes, "{fault}: {expected:?}");
        assert_eq!(faulted(&gateway, fault).await, expected, "{fault}");
        assert_eq!(gateway.counters(), direct.counters(), "{fault}");
    }
}

#[tokio::test]
async fn pipelined_requests_keep_their_answers() {
    let place = Place::gateway(0).await;
    let client = place.bound().await;
    let adds = (0..200).map(|number| {
        let mut client = client.clone();
        async move { add(&mut client, &format!("g{number}"), &[]).await }
    });
    let told = futures_util::future::join_all(adds).await;
    assert!(told.iter().all(|answer| answer == "0"), "{told:?}");
    assert_eq!(place.counters()["writes"], json!(200));
}

#[tokio::test]
async fn clear_text_is_refused_here_and_start_tls_helps() {
    let place = Place::gateway(0).await;
    let url = format!("ldap://{}", place.ldap[0]);
    let mut client = connect(&url, false).await.unwrap();
    assert_eq!(said(client.simple_bind(USER, PASSWORD).await), "8 00002028");
    assert_eq!(
        place.directory.counters()["byKind"]["bind"],
        json!(0),
        "the password went nowhere"
    );
    let found = find(&mut client, BASE, "(cn=x)", vec!["cn"]).await;
    assert_eq!(found, ["1 000004DC"], "nobody is bound");
    let mut client = connect(&url, true).await.unwrap();
    assert_eq!(said(client.simple_bind(USER, PASSWORD).await), "0");
    let who = client.extended(ldap3::exop::WhoAmI).await.unwrap().0;
    assert_eq!(who.val.as_deref(), Some(&b"u:CONTOSO\\svc-writeback"[..]));
}

#[tokio::test]
async fn a_refused_bind_leaves_nobody_bound() {
    let place = Place::gateway(0).await;
    let mut client = place.bound().await;
    place.fault(&json!({"fault": "ldapResult", "code": 49, "operation": "bind", "times": 1}));
    assert_eq!(said(client.simple_bind(USER, PASSWORD).await), "49");
    let found = find(&mut client, BASE, "(cn=x)", vec!["cn"]).await;
    assert_eq!(found, ["1 000004DC"]);
}

#[tokio::test]
async fn a_controller_goes_and_comes_back_on_the_same_ports() {
    for place in [Place::direct(0).await, Place::gateway(0).await] {
        let (mut first, mut second) = (place.bound().await, place.connect(1).await.unwrap());
        assert_eq!(said(second.simple_bind(USER, PASSWORD).await), "0");
        place.stop_server(0).unwrap();
        assert_eq!(said(first.delete(&group("x")).await), "closed");
        assert!(place.connect(0).await.is_err());
        assert_eq!(said(second.delete(&group("x")).await), "32 0000208D");
        place.start_server(0).unwrap();
        assert_eq!(said(first.delete(&group("x")).await), "closed");
        place.bound().await;

        place.fault(&json!({"fault": "ldapDown", "server": 1}));
        assert_eq!(said(second.delete(&group("x")).await), "closed");
        assert!(place.connect(1).await.is_err());
        place.start_server(1).unwrap();
        assert!(place.connect(1).await.is_err(), "the fault is still there");
        place.stop_server(1).unwrap();
        place.clear_faults();
        assert!(place.connect(1).await.is_err(), "it was stopped as well");
        place.start_server(1).unwrap();
        place.connect(1).await.unwrap();
        assert!(place.stop_server(2).is_err());
    }
}

#[tokio::test]
async fn the_second_controller_has_its_own_name_and_database() {
    let place = Place::direct(0).await;
    let mut services = HashSet::new();
    let mut databases = HashSet::new();
    for controller in 0..2 {
        let mut client = place.connect(controller).await.unwrap();
        client.simple_bind(USER, PASSWORD).await.unwrap();
        let names = vec!["dnsHostName", "dsServiceName"];
        let found = client
            .search("", Scope::Base, "(objectClass=*)", names)
            .await;
        let root = SearchEntry::construct(found.unwrap().0.remove(0));
        let host = format!("dc{}.contoso.test", controller + 1);
        assert_eq!(root.attrs["dnsHostName"], [host]);
        let service = &root.attrs["dsServiceName"][0];
        let names = vec!["invocationId"];
        let found = client.search(service, Scope::Base, "(objectClass=*)", names);
        let entry = SearchEntry::construct(found.await.unwrap().0.remove(0));
        databases.insert(entry.bin_attrs["invocationId"][0].clone());
        services.insert(service.clone());
    }
    assert_eq!((services.len(), databases.len()), (2, 2));
}

#[tokio::test]
async fn a_group_with_all_its_members_passes_in_one_message() {
    let place = Place::gateway(9000).await;
    place.limits(Limits {
        max_val_range: 100_000,
        max_values_per_write: 100_000,
        ..Limits::default()
    });
    let mut client = place.bound().await;
    let members: Vec<String> = (0..9000).map(user_sid).collect();
    assert_eq!(add(&mut client, "Huge", &members).await, "0");
    let found = client
        .search(OU, Scope::OneLevel, "(cn=Huge)", vec!["member"])
        .await
        .unwrap();
    let entry = SearchEntry::construct(found.0.into_iter().next().unwrap());
    assert_eq!(entry.attrs["member"].len(), 9000);
    assert_eq!(place.counters()["memberValues"], json!(9000));
    assert_eq!(place.counters()["memberReads"], json!(1));
}

/// Waits for what is sure to come; a minute is for the case that it isn't.
async fn until(mut there: impl FnMut() -> bool) {
    let waiting = async {
        while !there() {
            tokio::task::yield_now().await;
        }
    };
    let minute = std::time::Duration::from_secs(60);
    tokio::time::timeout(minute, waiting).await.unwrap();
}

#[tokio::test]
async fn what_the_directory_did_is_counted_without_its_client() {
    let place = Place::gateway(0).await;
    let client = place.bound().await;
    // The directory behind is slow, not the gateway.
    let slow = json!({"fault": "ldapSlow", "operation": "add", "milliseconds": 300});
    place.directory.add_fault(1, &slow).unwrap();
    let mut lost = client.clone();
    let asked = tokio::spawn(async move { add(&mut lost, "lost", &[]).await });
    until(|| place.directory.counters()["byKind"]["add"] == json!(1)).await;
    place.fault(&json!({"fault": "ldapDrop", "operation": "delete"}));
    let mut client = client;
    assert_eq!(said(client.delete(&group("x")).await), "closed");
    // Whether the answer was faster doesn't matter.
    asked.await.unwrap();
    until(|| place.counters()["writes"] == json!(1)).await;
    assert_eq!(place.directory.counters()["writes"], json!(1));
}

#[tokio::test]
async fn a_directory_that_is_gone_is_told() {
    let place = Place::gateway(0).await;
    let mut client = place.bound().await;
    place.stop_behind();
    assert_eq!(said(client.delete(&group("x")).await), "closed");
    let mut client = place.connect(0).await.unwrap();
    assert_eq!(said(client.simple_bind(USER, PASSWORD).await), "closed");
}

/// An element with content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag, u8::try_from(content.len()).unwrap()];
    bytes.extend_from_slice(content);
    bytes
}

/// A message with an operation.
fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    element(0x30, &[&[2, 1, id], operation].concat())
}

fn bind() -> Vec<u8> {
    let (name, password) = (
        element(4, USER.as_bytes()),
        element(0x80, PASSWORD.as_bytes()),
    );
    message(
        1,
        &element(0x60, &[&[2, 1, 3], &name[..], &password].concat()),
    )
}

fn delete(id: u8, cn: &str) -> Vec<u8> {
    message(id, &element(0x4a, group(cn).as_bytes()))
}

type Stream = tokio_rustls::client::TlsStream<tokio::net::TcpStream>;

async fn raw(place: &Place, address: SocketAddr) -> Stream {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let tls = tokio_rustls::TlsConnector::from(place.trust.clone());
    tls.connect(name, stream).await.unwrap()
}

/// One message, all of whose lengths are below 64 KiB.
async fn receive(stream: &mut Stream) -> Vec<u8> {
    let mut bytes = vec![0; 2];
    stream.read_exact(&mut bytes).await.unwrap();
    let more = usize::from(bytes[1].saturating_sub(0x80));
    let mut length = usize::from(bytes[1]);
    if more > 0 {
        let mut octets = vec![0; more];
        stream.read_exact(&mut octets).await.unwrap();
        length = octets
            .iter()
            .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
        bytes.extend(octets);
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    stream.read_exact(&mut bytes[start..]).await.unwrap();
    bytes
}

#[tokio::test]
async fn bytes_pass_as_they_are() {
    let place = Place::gateway(0).await;
    let (base, filter) = (element(4, OU.as_bytes()), element(0x87, b"objectClass"));
    let limits = [10, 1, 2, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0];
    // A length that takes more octets than it needs is kept as well.
    let search = [&base[..], &limits, &filter, &[0x30, 0x81, 0]].concat();
    let search = message(77, &element(0x63, &search));
    let mut heard = Vec::new();
    for address in [place.behind[0], place.ldaps[0]] {
        let mut stream = raw(&place, address).await;
        stream.write_all(&bind()).await.unwrap();
        let mut told = vec![receive(&mut stream).await];
        stream.write_all(&search).await.unwrap();
        told.push(receive(&mut stream).await);
        told.push(receive(&mut stream).await);
        stream.write_all(&delete(2, "x")).await.unwrap();
        told.push(receive(&mut stream).await);
        heard.push(told);
    }
    let entry = String::from_utf8_lossy(&heard[0][1]).into_owned();
    assert!(entry.contains("organizationalUnit"), "{entry}");
    assert_eq!(heard[0], heard[1]);
}

#[tokio::test]
async fn a_partial_answer_is_half_of_it_after_the_work_was_done() {
    let place = Place::gateway(0).await;
    let mut client = place.bound().await;
    for cn in ["whole", "half"] {
        assert_eq!(add(&mut client, cn, &[]).await, "0");
    }
    let drop = json!({"fault": "ldapDrop", "operation": "delete", "after": 1, "partial": true});
    for front in [true, false] {
        match front {
            true => place.fault(&drop),
            false => place.directory.add_fault(1, &drop).unwrap(),
        }
        let mut stream = raw(&place, place.ldaps[0]).await;
        stream.write_all(&bind()).await.unwrap();
        receive(&mut stream).await;
        stream.write_all(&delete(2, "whole")).await.unwrap();
        let whole = receive(&mut stream).await;
        stream.write_all(&delete(2, "half")).await.unwrap();
        let mut half = Vec::new();
        // The end comes without a word: to TLS that is an error.
        assert!(stream.read_to_end(&mut half).await.is_err());
        // Both failed or succeeded alike, so their answers have one length.
        if front {
            assert_eq!(half, whole[..whole.len() / 2]);
            assert_eq!(find(&mut client, OU, "(cn=half)", vec!["cn"]).await, ["0"]);
        } else {
            assert_eq!(half, b"", "half a message isn't passed on");
        }
        place.clear_faults();
    }
}
