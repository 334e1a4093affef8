//! Which controller is used: lists, domains, those that are down, don't answer, can't be trusted or can't be written.

use std::net::Ipv4Addr;

use group_writeback_lab::dns::{Data, DnsServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::*;
use super::lab::{Lab, failed, start};
use crate::config::Connection;
use crate::error::ErrorId;

const DOMAIN: &str = "contoso.test";

/// A port where nobody listens.
async fn closed_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

fn to(lab: &Lab, server: &str) -> Connection {
    Connection {
        server: server.to_owned(),
        ..lab.connection()
    }
}

/// Binds that a lab has seen.
fn binds(lab: &Lab) -> u64 {
    lab.server.counters()["byKind"]["bind"].as_u64().unwrap()
}

/// One file with the CAs of all.
fn trust(labs: &[&Lab]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let pem = labs
        .iter()
        .map(|lab| std::fs::read_to_string(lab.ca.path()).unwrap());
    std::fs::write(file.path(), pem.collect::<String>()).unwrap();
    file
}

fn services(dns: &DnsServer, name: &str, records: &[(u16, u16, u16, &str)]) {
    for (priority, weight, port, host) in records {
        let host = (*host).to_owned();
        dns.add(name, Data::Service(*priority, *weight, *port, host));
    }
}

fn addresses(dns: &DnsServer) {
    for host in ["dc1.contoso.test", "dc2.contoso.test", "localhost"] {
        dns.add(host, Data::Address(Ipv4Addr::LOCALHOST));
    }
}

/// The domain as its name, with the DNS server that knows it.
fn domain(lab: &Lab, dns: &DnsServer, site: Option<&str>) -> Connection {
    Connection {
        site: site.map(str::to_owned),
        dns_server: Some(dns.address.to_string()),
        ..to(lab, DOMAIN)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_a_list_that_can_be_used_is() {
    let (one, two) = (start().await, start().await);
    let closed = closed_port().await;
    let list = format!(
        "localhost:{closed}, localhost:{}, localhost:{}",
        one.port, two.port
    );
    let directory = one.attempt(&to(&one, &list), 20).await.unwrap();
    assert_eq!(directory.server(), format!("localhost:{}", one.port));
    assert_eq!((binds(&one), binds(&two)), (1, 0));

    // One whose certificate isn't trusted (each lab has a CA of its own) is passed over, and only then.
    let list = format!("localhost:{},localhost:{}", two.port, one.port);
    let directory = one.attempt(&to(&one, &list), 20).await.unwrap();
    assert_eq!(directory.server(), format!("localhost:{}", one.port));
    let none = format!("localhost:{},localhost:{closed}", two.port);
    let error = failed(one.attempt(&to(&one, &none), 20).await);
    assert_eq!(error.id, ErrorId::DirectoryUnavailable);
    let causes = error.causes.join("\n");
    assert!(
        causes.contains("can't be trusted") && causes.contains("no connection"),
        "{causes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_not_tried_elsewhere() {
    let (one, two) = (start().await, start().await);
    let both = trust(&[&one, &two]);
    let wrong = Connection {
        user_name: "nobody@contoso.test".to_owned(),
        certificate_authority_path: both.path().to_str().map(str::to_owned),
        ..to(
            &one,
            &format!("localhost:{},localhost:{}", one.port, two.port),
        )
    };
    let error = failed(one.attempt(&wrong, 20).await);
    assert_eq!(error.id, ErrorId::DirectoryAuthenticationFailed);
    assert_eq!((binds(&one), binds(&two)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_one_is_given_up_soon_and_a_read_only_one_at_once() {
    let (good, read_only) = (start().await, start().await);
    read_only.server.set_read_only_controller(true);
    let list = format!("localhost:{}", read_only.port);
    let error = failed(read_only.attempt(&to(&read_only, &list), 20).await);
    assert_eq!(error.id, ErrorId::DirectoryReadOnly);

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let list = format!(
        "localhost:{},localhost:{}",
        silent.local_addr().unwrap().port(),
        good.port
    );
    let directory = good.attempt(&to(&good, &list), 600).await.unwrap();
    assert_eq!(directory.server(), format!("localhost:{}", good.port));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_asked_for_its_controllers() {
    let lab = start().await;
    let dns = DnsServer::start().unwrap();
    addresses(&dns);
    let closed = closed_port().await;
    let all = "_ldap._tcp.dc._msdcs.contoso.test";
    services(
        &dns,
        all,
        &[
            (5, 0, lab.port, "dc2.contoso.test"),
            (0, 0, closed, "dc1.contoso.test"),
        ],
    );
    let directory = lab.attempt(&domain(&lab, &dns, None), 20).await.unwrap();
    assert_eq!(directory.server(), format!("dc2.contoso.test:{}", lab.port));

    // The site's own come first, and the others when none of them answers.
    let near = "_ldap._tcp.Berlin._sites.dc._msdcs.contoso.test";
    services(&dns, near, &[(100, 0, lab.port, "dc1.contoso.test")]);
    let directory = lab
        .attempt(&domain(&lab, &dns, Some("Berlin")), 20)
        .await
        .unwrap();
    assert_eq!(directory.server(), format!("dc1.contoso.test:{}", lab.port));
    dns.clear();
    addresses(&dns);
    services(&dns, near, &[(100, 0, closed, "dc1.contoso.test")]);
    services(
        &dns,
        all,
        &[
            (0, 0, closed, "dc1.contoso.test"),
            (0, 0, lab.port, "dc2.contoso.test"),
        ],
    );
    let directory = lab
        .attempt(&domain(&lab, &dns, Some("Berlin")), 20)
        .await
        .unwrap();
    assert_eq!(directory.server(), format!("dc2.contoso.test:{}", lab.port));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_controllers_come_over_tcp() {
    let lab = start().await;
    let dns = DnsServer::start().unwrap();
    addresses(&dns);
    let all = "_ldap._tcp.dc._msdcs.contoso.test";
    services(&dns, all, &[(0, 0, lab.port, "dc1.contoso.test")]);
    let names: Vec<String> = (10..60).map(|n| format!("dc{n}.contoso.test")).collect();
    for name in &names {
        services(&dns, all, &[(1, 0, 1, name)]);
    }
    let directory = lab.attempt(&domain(&lab, &dns, None), 20).await.unwrap();
    assert_eq!(directory.server(), format!("dc1.contoso.test:{}", lab.port));
    assert!(
        dns.asked().contains(&format!("tcp:{all}")),
        "{:?}",
        dns.asked()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_service_records_is_a_controller() {
    let lab = start().await;
    let dns = DnsServer::start().unwrap();
    addresses(&dns);
    let named = Connection {
        server: format!("dc1.contoso.test:{}", lab.port),
        ..domain(&lab, &dns, None)
    };
    let directory = lab.attempt(&named, 20).await.unwrap();
    assert_eq!(directory.server(), named.server);
    assert!(
        dns.asked()
            .contains(&"_ldap._tcp.dc._msdcs.dc1.contoso.test".to_owned())
    );
    // A DNS server that says nothing: told when the name itself can't be resolved either.
    drop(dns);
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let unknown = Connection {
        dns_server: Some(silent.local_addr().unwrap().to_string()),
        ..named
    };
    let error = failed(lab.attempt(&unknown, 20).await);
    assert_eq!(error.id, ErrorId::DirectoryUnavailable);
    assert!(error.message.contains("can't be resolved"), "{error}");
    assert!(
        error.causes.iter().any(|c| c.contains("DNS")),
        "{:?}",
        error.causes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_takes_another_when_the_one_is_gone() {
    let (one, two) = (start().await, start().await);
    let both = trust(&[&one, &two]);
    let connection = Connection {
        certificate_authority_path: both.path().to_str().map(str::to_owned),
        ..to(
            &one,
            &format!("localhost:{},localhost:{}", one.port, two.port),
        )
    };
    let directory = one.attempt(&connection, 20).await.unwrap();
    let same = directory.at_hand(&Cancel::default()).await.unwrap();
    assert_eq!((same.server(), binds(&one)), (directory.server(), 1));

    let gone = one.port;
    drop(one);
    let next = directory.at_hand(&Cancel::default()).await.unwrap();
    assert_eq!(next.server(), format!("localhost:{}", two.port));
    // Within a run there is no change of controller.
    assert_eq!(directory.server(), format!("localhost:{gone}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn start_tls_is_verified_like_ldaps() {
    let lab = start().await;
    let server = format!("ldap://localhost:{}", lab.plain_port);
    let directory = lab.attempt(&to(&lab, &server), 20).await.unwrap();
    super::steps::facts_of_the_controller(directory).await;

    let untrusted = Connection {
        certificate_authority_path: None,
        ..to(&lab, &server)
    };
    let error = failed(lab.attempt(&untrusted, 20).await);
    assert_eq!(error.id, ErrorId::TlsVerificationFailed);
    assert!(error.message.contains("issuer is not trusted"), "{error}");
    let misnamed = to(&lab, &format!("ldap://127.0.0.1:{}", lab.plain_port));
    let error = failed(lab.attempt(&misnamed, 20).await);
    assert_eq!(error.id, ErrorId::TlsVerificationFailed);
    assert!(error.message.contains("valid for localhost"), "{error}");
    // Nobody was signed in on the way.
    assert_eq!(binds(&lab), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_start_tls_nothing_is_sent() {
    let lab = start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1024];
        let length = stream.read(&mut request).await.unwrap();
        // Extended response, protocolError.
        stream
            .write_all(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00")
            .await
            .unwrap();
        request.truncate(length);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        (request, rest)
    });
    let error = failed(
        lab.attempt(&to(&lab, &format!("ldap://localhost:{port}")), 20)
            .await,
    );
    assert_eq!(error.id, ErrorId::DirectoryUnavailable);
    assert!(error.message.contains("refuses StartTLS"), "{error}");
    let (request, rest) = server.await.unwrap();
    let all = [request, rest].concat();
    assert!(
        !all.windows(6).any(|w| w == b"secret"),
        "the password left in clear"
    );
}

/// Kerberos without a ticket fails before anything is sent, with a library or without one.
#[tokio::test(flavor = "multi_thread")]
async fn kerberos_needs_a_name_and_a_readable_keytab() {
    let lab = start().await;
    let kerberos = |server: String, keytab: &str| Connection {
        auth_type: crate::config::AuthType::Negotiate,
        keytab_path: Some(keytab.to_owned()),
        ..to(&lab, &server)
    };
    let by_address = kerberos(format!("ldap://127.0.0.1:{}", lab.plain_port), "/nowhere");
    let error = failed(lab.attempt(&by_address, 20).await);
    assert_eq!(
        (error.id, error.target.as_deref()),
        (ErrorId::InvalidArgument, Some("server"))
    );
    let no_file = kerberos(
        format!("ldap://localhost:{}", lab.plain_port),
        "/nowhere/to/be/found.keytab",
    );
    let error = failed(lab.attempt(&no_file, 20).await);
    assert_eq!(error.id, ErrorId::KerberosKeytabUnusable);
    assert_eq!(binds(&lab), 0);
}
