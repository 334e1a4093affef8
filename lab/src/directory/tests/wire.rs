//! Tests over the network, with a client that knows nothing of this server.

use std::collections::HashSet;
use std::sync::Arc;

use ldap3::controls::{Control as ClientControl, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope as ClientScope, SearchEntry};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;

struct Server {
    lab: Lab,
    ldap: String,
    ldaps: String,
    stop: watch::Sender<bool>,
}

impl Server {
    async fn new(users: u32) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let lab = Lab::new(users);
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
            .expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .expect("a key");
        let tls = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a TLS configuration");
        let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let secure = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let ldap = format!(
            "ldap://localhost:{}",
            plain.local_addr().expect("an address").port()
        );
        let ldaps = format!(
            "ldaps://localhost:{}",
            secure.local_addr().expect("an address").port()
        );
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(
            lab.directory
                .clone()
                .serve(plain, secure, Arc::new(tls), stopped),
        );
        Self {
            lab,
            ldap,
            ldaps,
            stop,
        }
    }

    async fn open(&self, url: &str, start_tls: bool) -> Ldap {
        let settings = LdapConnSettings::new()
            .set_no_tls_verify(true)
            .set_starttls(start_tls);
        let (connection, client) = LdapConnAsync::with_settings(settings, url)
            .await
            .expect("a connection");
        tokio::spawn(async move {
            let _ = connection.drive().await;
        });
        client
    }

    async fn bound(&self) -> Ldap {
        let mut client = self.open(&self.ldaps, false).await;
        let name = "svc-writeback@contoso.test";
        client
            .simple_bind(name, "svc-writeback-password")
            .await
            .expect("an answer")
            .success()
            .expect("bound");
        client
    }
}

fn raw_control(oid: &str, value: Option<Vec<u8>>) -> RawControl {
    RawControl {
        ctype: oid.to_owned(),
        crit: true,
        val: value,
    }
}

fn values(list: &[String]) -> HashSet<&str> {
    list.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_client_writes_and_reads_groups() {
    let server = Server::new(1700).await;
    let mut client = server.bound().await;
    let dn = format!("CN=Vertrieb (Süd),{OU}");
    let sids: Vec<String> = (0..1600).map(user_sid).collect();
    let answer = client
        .add(
            &dn,
            vec![
                ("objectClass", HashSet::from(["group"])),
                ("groupType", HashSet::from(["-2147483640"])),
                ("member", values(&sids)),
            ],
        )
        .await
        .expect("an answer");
    assert_eq!(answer.rc, 0, "{}", answer.text);
    let member = user_sid(5);
    let change = || vec![Mod::Add("member", HashSet::from([member.as_str()]))];
    assert_eq!(
        client.modify(&dn, change()).await.expect("an answer").rc,
        68
    );
    let permissive = raw_control(PERMISSIVE, None);
    let answer = client.with_controls(permissive).modify(&dn, change()).await;
    assert_eq!(answer.expect("an answer").rc, 0);

    let mut read = Vec::new();
    let mut next = Some(0usize);
    while let Some(from) = next {
        let name = format!("member;range={from}-*");
        let extended = raw_control("1.2.840.113556.1.4.529", Some(vec![0x30, 3, 2, 1, 1]));
        let (entries, answer) = client
            .with_controls(extended)
            .search(&dn, ClientScope::Base, "(objectClass=*)", vec![name])
            .await
            .expect("an answer")
            .success()
            .expect("found");
        assert_eq!(answer.rc, 0);
        let entry = SearchEntry::construct(entries.into_iter().next().expect("an entry"));
        let (name, slice) = entry.attrs.into_iter().next().expect("a slice");
        read.extend(slice);
        let last = name.rsplit('-').next().expect("an end");
        next = last.parse().ok().map(|last: usize| last + 1);
    }
    assert_eq!(read.len(), 1600);
    assert!(
        read.iter()
            .all(|value| value.starts_with("<GUID=") && value.contains(";<SID=S-1-5-21-"))
    );
    assert_eq!(server.lab.directory.counters()["memberReads"], json!(2));
    assert_eq!(server.lab.directory.counters()["memberValues"], json!(1601));

    let mut cookie = Vec::new();
    let mut seen = 0;
    loop {
        let paged = PagedResults { size: 400, cookie };
        let (entries, answer) = client
            .with_controls(paged)
            .search(
                BASE,
                ClientScope::Subtree,
                "(sAMAccountName=user*)",
                vec!["objectGUID"],
            )
            .await
            .expect("an answer")
            .success()
            .expect("a page");
        seen += entries.len();
        let control = answer.ctrls.iter().find_map(|control| match control {
            ClientControl(Some(ControlType::PagedResults), raw) => {
                Some(raw.parse::<PagedResults>())
            }
            _ => None,
        });
        cookie = control.expect("a page control").cookie;
        if cookie.is_empty() {
            break;
        }
    }
    assert_eq!(
        seen,
        1700 + 1,
        "the reference counts as an entry for this client"
    );
    client.unbind().await.expect("unbound");
    server.stop.send(true).expect("stopped");
}

#[tokio::test]
async fn clear_text_is_refused_and_start_tls_helps() {
    let server = Server::new(0).await;
    let mut client = server.open(&server.ldap, false).await;
    let bind = client
        .simple_bind("svc-readonly@contoso.test", "svc-readonly-password")
        .await;
    let answer = bind.expect("an answer");
    assert_eq!(answer.rc, 8);
    assert!(answer.text.starts_with("00002028"), "{}", answer.text);
    let mut client = server.open(&server.ldap, true).await;
    let bind = client
        .simple_bind("svc-readonly@contoso.test", "svc-readonly-password")
        .await;
    assert_eq!(bind.expect("an answer").rc, 0);
    let (response, answer) = client
        .extended(ldap3::exop::WhoAmI)
        .await
        .expect("an answer")
        .success()
        .map(|x| (x.0, x.1))
        .expect("a name");
    assert_eq!(answer.rc, 0);
    assert_eq!(
        response.val.as_deref(),
        Some(&b"u:CONTOSO\\svc-readonly"[..])
    );
}

#[tokio::test]
async fn requests_are_pipelined_and_faults_strike() {
    let server = Server::new(0).await;
    let client = server.bound().await;
    let adds = (0..200).map(|number| {
        let mut client = client.clone();
        async move {
            let dn = format!("CN=g{number},{OU}");
            client
                .add(&dn, vec![("objectClass", HashSet::from(["group"]))])
                .await
                .map(|a| a.rc)
        }
    });
    let codes = futures_util::future::join_all(adds).await;
    assert!(
        codes
            .into_iter()
            .all(|code| code.is_ok_and(|code| code == 0))
    );
    let directory = &server.lab.directory;
    assert_eq!(directory.counters()["byKind"]["add"], json!(200));
    assert_eq!(directory.counters()["writes"], json!(200));

    directory
        .add_fault(1, &json!({"fault": "ldapResult", "code": 51, "message": "busy", "operation": "delete", "times": 1}))
        .expect("a fault");
    let mut one = client.clone();
    let dn = format!("CN=g1,{OU}");
    assert_eq!(one.delete(&dn).await.expect("an answer").rc, 51);
    assert_eq!(one.delete(&dn).await.expect("an answer").rc, 0);

    directory
        .add_fault(2, &json!({"fault": "ldapCutSearch", "entries": 3}))
        .expect("a fault");
    let found = one
        .search(OU, ClientScope::OneLevel, "(objectClass=group)", vec!["cn"])
        .await;
    let found = found.expect("an answer");
    assert_eq!((found.0.len(), found.1.rc), (3, 4));
    directory.clear_faults();

    directory
        .add_fault(
            3,
            &json!({"fault": "ldapDrop", "operation": "delete", "applied": true}),
        )
        .expect("a fault");
    assert!(
        one.delete(&format!("CN=g2,{OU}")).await.is_err(),
        "no answer came"
    );
    assert_eq!(
        server.lab.names("(cn=g2)"),
        Vec::<String>::new(),
        "but the work was done"
    );
    directory.clear_faults();
    directory
        .add_fault(4, &json!({"fault": "ldapDrop", "operation": "delete"}))
        .expect("a fault");
    let mut again = server.bound().await;
    assert!(again.delete(&format!("CN=g3,{OU}")).await.is_err());
    assert_eq!(server.lab.names("(cn=g3)"), ["g3"]);
    directory.clear_faults();

    directory
        .add_fault(5, &json!({"fault": "ldapSlow", "milliseconds": 150}))
        .expect("a fault");
    let client = {
        let mut client = server.open(&server.ldaps, false).await;
        let bind = client
            .simple_bind("svc-writeback@contoso.test", "svc-writeback-password")
            .await;
        assert_eq!(bind.expect("an answer").rc, 0);
        client
    };
    let start = std::time::Instant::now();
    let deletes = (10..30).map(|number| {
        let mut client = client.clone();
        async move {
            client
                .delete(&format!("CN=g{number},{OU}"))
                .await
                .map(|a| a.rc)
        }
    });
    let codes = futures_util::future::join_all(deletes).await;
    assert!(
        codes
            .into_iter()
            .all(|code| code.is_ok_and(|code| code == 0))
    );
    assert!(
        start.elapsed() < std::time::Duration::from_millis(1500),
        "delays overlap"
    );
    directory.reset_counters();
    assert_eq!(directory.counters()["byKind"]["delete"], json!(0));
}

#[tokio::test]
async fn rubbish_ends_the_connection_only() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::new(0).await;
    let address = server.ldap.trim_start_matches("ldap://").to_owned();
    for rubbish in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2],
        &[0x30, 3, 2, 1, 1],
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address)
            .await
            .expect("a connection");
        stream.write_all(rubbish).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the end");
        assert!(
            answer.windows(10).any(|part| part == b"1.3.6.1.4."),
            "a notice of disconnection"
        );
    }
    server.bound().await;
}
