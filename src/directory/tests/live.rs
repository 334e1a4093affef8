//! The steps against any real controller. Ignored unless asked for:
//!
//!     GWB_TEST_LDAP_SERVER=dc1.contoso.test GWB_TEST_LDAP_USER=administrator@contoso.test GWB_TEST_LDAP_PASSWORD=... \
//!     GWB_TEST_LDAP_CA=/path/ca.pem cargo test --lib directory::tests::live -- --ignored --test-threads=1
//!
//! `GWB_TEST_LDAP_AUTH=Negotiate` signs in by Kerberos: with `GWB_TEST_LDAP_KEYTAB`, else with the password, else with
//! the ticket that is there. `GWB_TEST_LDAP_DNS` names the DNS server that knows the controller.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::super::*;
use super::steps::{self, note};
use crate::config::AuthType;
use crate::error::ErrorId;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn connection() -> Connection {
    let optional = |name: &str| std::env::var(name).ok();
    Connection {
        server: variable("GWB_TEST_LDAP_SERVER"),
        user_name: optional("GWB_TEST_LDAP_USER").unwrap_or_default(),
        auth_type: match optional("GWB_TEST_LDAP_AUTH").as_deref() {
            Some("Negotiate") => AuthType::Negotiate,
            _ => AuthType::Basic,
        },
        keytab_path: optional("GWB_TEST_LDAP_KEYTAB"),
        dns_server: optional("GWB_TEST_LDAP_DNS"),
        certificate_authority_path: std::env::var("GWB_TEST_LDAP_CA").ok(),
        ..Connection::default()
    }
}

async fn connect() -> Directory {
    let password = std::env::var("GWB_TEST_LDAP_PASSWORD").unwrap_or_default();
    Directory::connect(
        &connection(),
        Zeroizing::new(password.into_bytes()),
        Duration::from_secs(60),
        &Cancel::default(),
    )
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a domain controller"]
async fn facts_of_the_controller() {
    let start = Instant::now();
    let directory = connect().await;
    note(&format!("connect and facts: {:?}", start.elapsed()));
    steps::facts_of_the_controller(directory).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a domain controller"]
async fn life_of_a_group() {
    steps::life_of_a_group(connect().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a domain controller"]
async fn rights_of_a_container() {
    steps::rights_of_a_container(connect().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a domain controller"]
async fn many_members() {
    let count = std::env::var("GWB_TEST_LDAP_MEMBERS").ok();
    let count = count.and_then(|v| v.parse().ok()).unwrap_or(3000);
    steps::many_members(connect().await, count).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a domain controller"]
async fn refusals_at_connect() {
    let attempt = |connection: Connection, password: &'static [u8]| async move {
        let start = Instant::now();
        let error = Directory::connect(
            &connection,
            Zeroizing::new(password.to_vec()),
            Duration::from_secs(3),
            &Cancel::default(),
        )
        .await
        .err()
        .unwrap();
        note(&format!(
            "{error} {:?} ({:?})",
            error.causes,
            start.elapsed()
        ));
        assert!(start.elapsed() < Duration::from_secs(5));
        error.id
    };
    let good = connection();
    assert_eq!(
        attempt(good.clone(), b"wrong").await,
        ErrorId::DirectoryAuthenticationFailed
    );
    let untrusted = Connection {
        certificate_authority_path: None,
        ..good.clone()
    };
    if good.certificate_authority_path.is_some() {
        assert_eq!(
            attempt(untrusted, b"x").await,
            ErrorId::TlsVerificationFailed
        );
    }
    let (host, _) = good.server.split_once(':').unwrap_or((&good.server, ""));
    let closed = Connection {
        server: format!("{host}:1"),
        ..good.clone()
    };
    assert_eq!(attempt(closed, b"x").await, ErrorId::DirectoryUnavailable);
}

/// For restarting the controller meanwhile by hand: nothing is lost, nothing is left half done.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a domain controller"]
async fn work_survives_a_restart() {
    let directory = connect().await;
    let writer = directory.writer();
    let unit = steps::unit(&directory, "GWB Test Restart").await;
    let groups = steps::create_many(&directory, &unit, 8, 30).await;
    let (first, rest) = (groups[0].guid, steps::keys(&groups[1..]));
    let seconds = std::env::var("GWB_TEST_LDAP_SECONDS").ok();
    let seconds = seconds.and_then(|v| v.parse().ok()).unwrap_or(5);
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        let (add, remove) = if rounds % 2 == 0 {
            (&rest[..], &[][..])
        } else {
            (&[][..], &rest[..])
        };
        let outcome = writer.modify_members(first, add, remove, 4).await.unwrap();
        assert!(outcome.failed.is_empty());
        let expected = if rounds % 2 == 0 {
            rest.clone()
        } else {
            Vec::new()
        };
        assert_eq!(directory.members(first).await.unwrap(), expected);
        rounds += 1;
    }
    let binds = directory.counters().by_kind["bind"];
    note(&format!("{rounds} rounds, {binds} binds"));
    steps::empty(&directory, &unit).await;
}
