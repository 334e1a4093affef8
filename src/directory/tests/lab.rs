//! Against the lab's directory, with its faults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use group_writeback_lab::directory as lab;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::super::*;
use super::steps;
use crate::error::{Error, ErrorId};
use crate::model::{GroupType, Guid, MemberKey};

/// What the labs' certificates are valid for.
const NAMES: [&str; 3] = ["localhost", "dc1.contoso.test", "dc2.contoso.test"];

pub(super) struct Lab {
    pub server: lab::Directory,
    pub port: u16,
    pub plain_port: u16,
    pub ca: tempfile::NamedTempFile,
    _stop: watch::Sender<bool>,
}

pub(super) async fn start() -> Lab {
    let account = |name: &str, rights| lab::Account {
        name: name.to_owned(),
        password: "secret".to_owned(),
        rights,
    };
    let server = lab::Directory::new(lab::DirectoryOptions {
        domain: "contoso.test".to_owned(),
        exchange: lab::ExchangeLevel::Prepared,
        schema_2016: true,
        ous: Vec::new(),
        domain_sid: "S-1-5-21-1004336348-1177238915-682003330".to_owned(),
        accounts: vec![
            account("administrator", lab::Rights::Admin),
            account("svc-readonly", lab::Rights::ReadOnly),
        ],
        seed: 1,
    })
    .unwrap();
    let listen = || TcpListener::bind("127.0.0.1:0");
    let (ldap, ldaps) = (listen().await.unwrap(), listen().await.unwrap());
    let (tls, file) = identity();
    let (stop, stopped) = watch::channel(false);
    let lab = Lab {
        server: server.clone(),
        port: ldaps.local_addr().unwrap().port(),
        plain_port: ldap.local_addr().unwrap().port(),
        ca: file,
        _stop: stop,
    };
    tokio::spawn(server.serve(ldap, ldaps, Arc::new(tls), stopped));
    lab
}

/// A server's side of TLS for the names above, and the CA of its certificate.
pub(super) fn identity() -> (rustls::ServerConfig, tempfile::NamedTempFile) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ca_certificate.pem()).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(NAMES.map(str::to_owned))
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (tls, file)
}

impl Lab {
    pub fn connection(&self) -> Connection {
        Connection {
            server: format!("localhost:{}", self.port),
            user_name: "administrator@contoso.test".to_owned(),
            certificate_authority_path: self.ca.path().to_str().map(str::to_owned),
            ..Connection::default()
        }
    }

    pub async fn attempt(&self, connection: &Connection, seconds: u64) -> Result<Directory> {
        let password = Zeroizing::new(b"secret".to_vec());
        let timeout = Duration::from_secs(seconds);
        Directory::connect(connection, password, timeout, &Cancel::default()).await
    }

    async fn connect(&self) -> Directory {
        self.attempt(&self.connection(), 20).await.unwrap()
    }

    fn fault(&self, fault: serde_json::Value) {
        self.server.add_fault(0, &fault).unwrap();
    }
}

pub(super) fn failed<T>(result: Result<T>) -> Error {
    result.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn facts() {
    let lab = start().await;
    let directory = lab.connect().await;
    assert!(directory.schema().external_directory_object_id);
    assert!(directory.schema().exchange.attributes && directory.schema().exchange.servers);
    assert!(directory.account_sid().await.unwrap().is_some());
    steps::facts_of_the_controller(directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn life_of_a_group() {
    let lab = start().await;
    for recycle_bin in [false, true] {
        lab.server.set_recycle_bin(recycle_bin);
        steps::life_of_a_group(lab.connect().await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_members() {
    let lab = start().await;
    let limits = lab::Limits {
        max_val_range: 150,
        max_page_size: 300,
        max_values_per_write: 120,
        ..lab::Limits::default()
    };
    lab.server.set_limits(limits);
    steps::many_members(lab.connect().await, 700).await;
}

/// A controller that ignores permissive modify for members: a change is one modify, a repeat one more and a search, and
/// the members of the group are never read for a few values.
#[tokio::test(flavor = "multi_thread")]
async fn members_without_permissive_modify() {
    let lab = start().await;
    lab.server.set_strict_members(true);
    let directory = lab.connect().await;
    let unit = steps::unit(&directory, "Strict").await;
    let groups = steps::create_many(&directory, &unit, 7, 40).await;
    let (guid, keys) = (groups[0].guid, steps::keys(&groups[1..]));
    let writer = directory.writer();
    let change = async |adds: &[MemberKey], removes: &[MemberKey], modifies: u64| {
        let before = directory.counters().by_kind["modify"];
        lab.server.reset_counters();
        let outcome = writer
            .modify_members(guid, adds, removes, 500)
            .await
            .unwrap();
        let counts = (
            outcome.added.len(),
            outcome.removed.len(),
            outcome.failed.len(),
        );
        assert_eq!(counts, (adds.len(), removes.len(), 0));
        assert_eq!(directory.counters().by_kind["modify"] - before, modifies);
        assert_eq!(lab.server.counters()["memberReads"], 0);
    };
    change(&keys[..10], &[], 1).await;
    change(&keys[..1], &[], 1).await;
    change(&keys[..12], &[], 2).await;
    change(&[], &keys[..2], 1).await;
    change(&[], &keys[..1], 1).await;
    change(&[], &keys[..4], 2).await;
    let mut expected = keys[4..12].to_vec();
    expected.sort();
    assert_eq!(directory.members(guid).await.unwrap(), expected);
    steps::many_members(directory, 700).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_connections() {
    let lab = start().await;
    let good = lab.connection();
    let with = |change: &dyn Fn(&mut Connection)| {
        let mut connection = good.clone();
        change(&mut connection);
        connection
    };
    let untrusted = with(&|c| c.certificate_authority_path = None);
    let refused = failed(lab.attempt(&untrusted, 3).await);
    assert_eq!(refused.id, ErrorId::TlsVerificationFailed, "{refused:?}");
    let misnamed = with(&|c| c.server = format!("127.0.0.1:{}", lab.port));
    let refused = failed(lab.attempt(&misnamed, 3).await);
    assert_eq!(refused.id, ErrorId::TlsVerificationFailed);
    assert!(
        refused
            .message
            .contains("valid for localhost, dc1.contoso.test, dc2.contoso.test only"),
        "{refused}"
    );
    let clear = with(&|c| c.server = format!("localhost:{}", lab.plain_port));
    let refused = failed(lab.attempt(&clear, 3).await);
    assert_eq!(refused.id, ErrorId::DirectoryUnavailable, "{refused:?}");
    let unknown = with(&|c| c.user_name = "nobody@contoso.test".to_owned());
    let refused = failed(lab.attempt(&unknown, 3).await);
    assert_eq!(refused.id, ErrorId::DirectoryAuthenticationFailed);
    lab.fault(json!({"fault": "ldapSlow", "milliseconds": 10_000, "operation": "bind"}));
    let start = Instant::now();
    let refused = failed(lab.attempt(&good, 1).await);
    assert_eq!(refused.id, ErrorId::DirectoryUnavailable);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn breaks_and_busy_answers_lose_nothing_and_do_nothing_twice() {
    let lab = start().await;
    let directory = lab.connect().await;
    let writer = directory.writer();
    let unit = steps::unit(&directory, "Faults").await;
    lab.fault(json!({"fault": "ldapDrop", "operation": "add", "applied": true, "every": 13}));
    lab.fault(json!({"fault": "ldapDrop", "operation": "add", "every": 11}));
    lab.fault(json!({"fault": "ldapResult", "code": 51, "operation": "add", "every": 4}));
    let mut running = tokio::task::JoinSet::new();
    for n in 0..60 {
        let (directory, unit) = (directory.clone(), unit.clone());
        running.spawn(async move {
            let id = steps::id(4, n);
            let attributes = steps::attributes(&directory, id, "x");
            let kind = GroupType::UNIVERSAL_SECURITY;
            let cn = format!("Group_{id}");
            let writer = directory.writer();
            writer
                .create_group(&unit, &cn, kind, None, &attributes, &[])
                .await
        });
    }
    while let Some(created) = running.join_next().await {
        created.unwrap().unwrap();
    }
    lab.server.clear_faults();
    let groups = steps::read(&directory, &unit, false).await;
    assert_eq!(groups.len(), 60);

    let (first, rest) = groups.split_first().unwrap();
    let guid = first.group.guid;
    let keys: Vec<MemberKey> = rest
        .iter()
        .map(|g| MemberKey::Sid(g.group.sid.clone()))
        .collect();
    lab.fault(json!({"fault": "ldapDrop", "operation": "modify", "applied": true, "every": 3}));
    lab.fault(json!({"fault": "ldapResult", "code": 51, "operation": "modify", "every": 4}));
    let outcome = writer.modify_members(guid, &keys, &[], 10).await.unwrap();
    assert_eq!((outcome.added.len(), outcome.failed.len()), (keys.len(), 0));
    lab.server.clear_faults();
    assert_eq!(directory.members(guid).await.unwrap().len(), keys.len());

    lab.fault(json!({"fault": "ldapDrop", "operation": "modifyDn", "applied": true, "times": 1}));
    assert!(
        writer
            .rename(guid, "Other name")
            .await
            .unwrap()
            .starts_with("CN=Other name,")
    );
    lab.fault(json!({"fault": "ldapDrop", "operation": "delete", "applied": true, "times": 1}));
    writer.delete(guid).await.unwrap();
    assert_eq!(steps::read(&directory, &unit, false).await.len(), 59);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_read_is_never_a_shorter_list() {
    let lab = start().await;
    lab.server.set_limits(lab::Limits {
        max_val_range: 20,
        max_page_size: 20,
        ..lab::Limits::default()
    });
    let directory = lab.connect().await;
    let unit = steps::unit(&directory, "Reads").await;
    let groups = steps::create_many(&directory, &unit, 5, 60).await;
    let guid = groups[0].guid;
    let keys = steps::keys(&groups[1..]);
    directory
        .writer()
        .modify_members(guid, &keys, &[], 500)
        .await
        .unwrap();
    let read = |with_members| {
        let mut reader = directory.owned_groups(std::slice::from_ref(&unit), &[], with_members);
        async move {
            let mut count = 0;
            loop {
                match reader.next_page().await {
                    Ok(Some(page)) => count += page.len(),
                    Ok(None) => return Ok(count),
                    Err(error) => return Err(error),
                }
            }
        }
    };
    assert_eq!(read(true).await.unwrap(), 60);
    let faults = [
        json!({"fault": "ldapCutSearch"}),
        json!({"fault": "ldapDrop", "operation": "search", "after": 1}),
        json!({"fault": "ldapResult", "code": 3, "operation": "search", "after": 1}),
        json!({"fault": "ldapResult", "code": 80, "operation": "search"}),
        json!({"fault": "ldapResult", "code": 10, "operation": "search"}),
        json!({"fault": "ldapBrokenRange", "code": 80}),
    ];
    for fault in faults {
        lab.fault(fault.clone());
        let error = failed(read(true).await);
        let honest = [ErrorId::SourceReadIncomplete, ErrorId::DirectoryUnavailable];
        assert!(honest.contains(&error.id), "{fault} {error:?}");
        lab.server.clear_faults();
    }
    lab.fault(json!({"fault": "ldapBrokenRange", "code": 80}));
    let error = failed(directory.members(guid).await);
    assert_eq!(error.id, ErrorId::SourceReadIncomplete);
    lab.server.clear_faults();
    // A page that is lost in the middle ends the read, however well the connection recovers.
    lab.fault(json!({"fault": "ldapDrop", "operation": "search", "after": 1, "times": 1}));
    let error = failed(read(false).await);
    assert_eq!(error.id, ErrorId::SourceReadIncomplete, "{error:?}");
    // What can be begun anew is.
    lab.server.clear_faults();
    lab.fault(json!({"fault": "ldapDrop", "operation": "search", "after": 2, "times": 1}));
    assert_eq!(directory.members(guid).await.unwrap(), keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_cancellation_end_every_wait() {
    let lab = start().await;
    let cancel = Cancel::default();
    let password = Zeroizing::new(b"secret".to_vec());
    let short = Duration::from_secs(1);
    let directory = Directory::connect(&lab.connection(), password, short, &cancel)
        .await
        .unwrap();
    lab.fault(json!({"fault": "ldapSlow", "milliseconds": 60_000, "operation": "modify"}));
    let start = Instant::now();
    let writer = directory.writer();
    let kind = GroupType::UNIVERSAL_SECURITY;
    let error = failed(writer.set_group_type(Guid([1; 16]), kind).await);
    assert_eq!(error.id, ErrorId::DirectoryUnavailable, "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(6));
    let start = Instant::now();
    let waiting = tokio::spawn(async move { writer.set_group_type(Guid([1; 16]), kind).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    cancel.cancel();
    assert_eq!(
        failed(waiting.await.unwrap()).id,
        ErrorId::OperationCancelled
    );
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_rights_is_told_which() {
    let lab = start().await;
    let admin = lab.connect().await;
    let unit = steps::unit(&admin, "Rights").await;
    let groups = steps::create_many(&admin, &unit, 6, 2).await;
    let reader = Connection {
        user_name: "svc-readonly@contoso.test".to_owned(),
        ..lab.connection()
    };
    let directory = lab.attempt(&reader, 10).await.unwrap();
    let container = directory.container(&unit).await.unwrap().unwrap();
    assert!(!container.can_create_groups && !container.can_create_ou);
    assert!(!directory.parent_can_create_ou(&unit).await.unwrap());
    let effective = directory
        .effective_attributes(groups[0].guid)
        .await
        .unwrap();
    assert!(!effective.contains("member"));
    let writer = directory.writer();
    let attributes = steps::attributes(&directory, steps::id(6, 9), "x");
    let kind = GroupType::UNIVERSAL_SECURITY;
    let denied = [
        failed(
            writer
                .create_group(&unit, "x", kind, None, &attributes, &[])
                .await,
        ),
        failed(writer.set_group_type(groups[0].guid, kind).await),
        failed(
            writer
                .modify_members(groups[0].guid, &steps::keys(&groups[1..]), &[], 5)
                .await,
        ),
        failed(writer.rename(groups[0].guid, "y").await),
        failed(writer.delete(groups[0].guid).await),
    ];
    for (error, named) in denied.into_iter().zip([
        "may not create groups in",
        "groupType",
        "member",
        "may not write cn, name",
        "delete",
    ]) {
        assert_eq!(error.id, ErrorId::DirectoryAccessDenied, "{error:?}");
        assert!(
            error.message.to_lowercase().contains(&named.to_lowercase()),
            "{named}: {error}"
        );
    }
    lab.server.protect_container(&unit, true).unwrap();
    let container = admin.container(&unit).await.unwrap().unwrap();
    assert_eq!(container.protected, Some(true));
}
