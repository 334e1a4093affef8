//! Places to connect to: the embedded directory itself, and a gateway in front of one.

use group_writeback_lab::directory::{
    Account, Directory, DirectoryOptions, ExchangeLevel, Limits, NewUser, Rights,
};
use group_writeback_lab::gateway::{Gateway, Upstream};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapResult};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub const BASE: &str = "DC=contoso,DC=test";
pub const OU: &str = "OU=Groups,DC=contoso,DC=test";
pub const SID: &str = "S-1-5-21-1004336348-1177238915-682003330";
pub const USER: &str = "svc-writeback@contoso.test";
pub const PASSWORD: &str = "svc-writeback-password";

/// What answers.
#[derive(Clone)]
pub enum Door {
    Direct(Directory),
    Gateway(Gateway),
}

/// Two controllers with their ports.
pub struct Place {
    pub door: Door,
    /// The directory, or the one behind the gateway.
    pub directory: Directory,
    pub ldap: [SocketAddr; 2],
    pub ldaps: [SocketAddr; 2],
    /// Where the directory behind a gateway takes TLS.
    pub behind: [SocketAddr; 2],
    /// Trusts whoever answers here.
    pub trust: Arc<rustls::ClientConfig>,
    stops: Vec<watch::Sender<bool>>,
}

type Tls = (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>);

/// A certificate for `localhost`, and who trusts it.
fn tls() -> Tls {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// A directory with an OU and users with RIDs from 2000.
pub fn directory(users: u32) -> Directory {
    let account = |name: &str, rights| Account {
        name: name.to_owned(),
        password: format!("{name}-password"),
        rights,
    };
    let directory = Directory::new(DirectoryOptions {
        domain: "contoso.test".to_owned(),
        exchange: ExchangeLevel::Prepared,
        schema_2016: true,
        ous: vec![OU.to_owned()],
        domain_sid: SID.to_owned(),
        accounts: vec![
            account("administrator", Rights::Admin),
            account("svc-writeback", Rights::Writeback),
        ],
        seed: 42,
    });
    let directory = directory.unwrap();
    for number in 0..users {
        let mut object_guid = [0x5a; 16];
        object_guid[..4].copy_from_slice(&number.to_le_bytes());
        let user = NewUser {
            cn: format!("User {number}"),
            sam: format!("user{number}"),
            upn: format!("user{number}@contoso.test"),
            rid: 2000 + number,
            object_guid,
            display_name: format!("User {number}"),
            mail: None,
            consistency_guid: None,
        };
        directory.add_user(user).unwrap();
    }
    directory
}

pub fn user_sid(number: usize) -> String {
    format!("<SID={SID}-{}>", 2000 + number)
}

impl Place {
    /// The embedded directory.
    pub async fn direct(users: u32) -> Self {
        let directory = directory(users);
        Self::open(Door::Direct(directory.clone()), directory, &tls()).await
    }

    /// A gateway in front of an embedded directory.
    pub async fn gateway(users: u32) -> Self {
        let (directory, tls) = (directory(users), tls());
        let mut behind = Self::open(Door::Direct(directory.clone()), directory, &tls).await;
        let gateway = Gateway::new(Upstream {
            address: behind.ldaps[0],
            name: ServerName::try_from("localhost").unwrap(),
            tls: behind.trust,
        });
        let mut place = Self::open(Door::Gateway(gateway), behind.directory, &tls).await;
        place.behind = behind.ldaps;
        place.stops.append(&mut behind.stops);
        place
    }

    async fn open(door: Door, directory: Directory, tls: &Tls) -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let (stop, stopped) = watch::channel(false);
        let mut place = Self {
            door,
            directory,
            ldap: [nowhere; 2],
            ldaps: [nowhere; 2],
            behind: [nowhere; 2],
            trust: tls.1.clone(),
            stops: vec![stop],
        };
        for controller in 0..2 {
            let mut listeners = Vec::new();
            for address in [&mut place.ldap[controller], &mut place.ldaps[controller]] {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                *address = listener.local_addr().unwrap();
                listeners.push(listener);
            }
            let listeners = <[TcpListener; 2]>::try_from(listeners).unwrap();
            let (tls, stopped) = (tls.0.clone(), stopped.clone());
            match place.door.clone() {
                Door::Direct(it) => tokio::spawn(it.serve_as(controller, listeners, tls, stopped)),
                Door::Gateway(it) => tokio::spawn(it.serve_as(controller, listeners, tls, stopped)),
            };
        }
        place
    }

    /// Ends the directory behind a gateway.
    pub fn stop_behind(&self) {
        self.stops[1].send_replace(true);
    }

    pub fn limits(&self, limits: Limits) {
        self.directory.set_limits(limits);
    }

    pub fn counters(&self) -> Value {
        match &self.door {
            Door::Direct(it) => it.counters(),
            Door::Gateway(it) => it.counters(),
        }
    }

    pub fn reset_counters(&self) {
        match &self.door {
            Door::Direct(it) => it.reset_counters(),
            Door::Gateway(it) => it.reset_counters(),
        }
    }

    pub fn fault(&self, spec: &Value) {
        match &self.door {
            Door::Direct(it) => it.add_fault(1, spec),
            Door::Gateway(it) => it.add_fault(1, spec),
        }
        .unwrap();
    }

    pub fn clear_faults(&self) {
        match &self.door {
            Door::Direct(it) => it.clear_faults(),
            Door::Gateway(it) => it.clear_faults(),
        }
    }

    pub fn stop_server(&self, controller: usize) -> Result<(), String> {
        match &self.door {
            Door::Direct(it) => it.stop_server(controller),
            Door::Gateway(it) => it.stop_server(controller),
        }
    }

    pub fn start_server(&self, controller: usize) -> Result<(), String> {
        match &self.door {
            Door::Direct(it) => it.start_server(controller),
            Door::Gateway(it) => it.start_server(controller),
        }
    }

    /// A connection to a controller; an error when it takes none.
    pub async fn connect(&self, controller: usize) -> ldap3::result::Result<Ldap> {
        connect(&format!("ldaps://{}", self.ldaps[controller]), false).await
    }

    /// A connection on which the writeback account is bound.
    pub async fn bound(&self) -> Ldap {
        let mut client = self.connect(0).await.unwrap();
        let bound = client.simple_bind(USER, PASSWORD).await;
        assert_eq!(said(bound), "0");
        client
    }
}

/// Connects without a look at the certificate.
pub async fn connect(url: &str, start_tls: bool) -> ldap3::result::Result<Ldap> {
    let settings = LdapConnSettings::new()
        .set_no_tls_verify(true)
        .set_starttls(start_tls);
    let (connection, client) = LdapConnAsync::with_settings(settings, url).await?;
    tokio::spawn(async move {
        let _ = connection.drive().await;
    });
    Ok(client)
}

/// An answer in short: result code and the Win32 code of the message, or that the connection broke.
pub fn said(answer: ldap3::result::Result<LdapResult>) -> String {
    match answer {
        Ok(answer) => in_short(&answer),
        Err(_) => "closed".to_owned(),
    }
}

/// Result code and the Win32 code that the message begins with.
pub fn in_short(answer: &LdapResult) -> String {
    let code = answer.text.split(':').next().unwrap_or_default();
    let told = code.len() == 8 && code.bytes().all(|digit| digit.is_ascii_hexdigit());
    match told && answer.rc != 0 {
        true => format!("{} {code}", answer.rc),
        false => answer.rc.to_string(),
    }
}
