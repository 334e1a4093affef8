//! No password, token or key is left anywhere: secrets of every kind are planted, every way of signing in succeeds and
//! fails, and everything that remains is searched for each in every form.
#![cfg(target_os = "linux")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod host;
mod needles;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};
use support::Lab;
use support::engine::{Ended, connection, secrets};
use support::fixture::OU;

use host::Host;
use needles::Needles;

/// Where Azure Arc's agent keeps its keys: nowhere else is one read.
const ARC: &str = "/var/opt/azcmagent";

/// A folder outside, made for the test and gone with it.
struct Borrowed(Option<&'static Path>);

impl Borrowed {
    /// Only where it isn't: a real agent's keys are none of ours.
    fn arc() -> Self {
        let path = Path::new(ARC);
        Borrowed(std::fs::create_dir(path).is_ok().then_some(path))
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn plant(lab: &Lab) -> Needles {
    let mut needles = Needles::default();
    for name in [
        "clientSecret",
        "bindPassword",
        "pfxPassword",
        "readOnlyPassword",
    ] {
        needles.add(name, lab.text(name).as_bytes());
    }
    needles.add("a wrong secret", b"wrong-client-secret-1!");
    needles.add("a wrong password", b"wrong-directory-password-1!");
    needles.add("a wrong file password", b"wrong-certificate-password-1!");
    // The first part of a token of this lab, by which any of them is found; and the last part of single ones.
    let token = lab.text("accessToken");
    needles.add("a token", token.split('.').next().unwrap().as_bytes());
    needles.add("accessToken", token.rsplit('.').next().unwrap().as_bytes());
    let assertion = std::fs::read_to_string(lab.text("federatedTokenFile")).unwrap();
    needles.add(
        "federated assertion",
        assertion.trim().rsplit('.').next().unwrap().as_bytes(),
    );
    let pem = std::fs::read_to_string(lab.text("certificatePem")).unwrap();
    let (_, key) = pem.split_once("PRIVATE KEY-----").unwrap();
    let (key, _) = key.split_once("-----END").unwrap();
    let key: String = key.split_whitespace().collect();
    let key = base64::engine::general_purpose::STANDARD
        .decode(key)
        .unwrap();
    // Behind the modulus, which is public: the private exponent and the primes.
    for (place, name) in [(2, "private exponent"), (4, "prime")] {
        let at = key.len() / 6 * place;
        needles.add(name, &key[at..at + 24]);
    }
    needles
}

/// Ways to sign in, each with what its failure needs.
fn ways(lab: &Lab) -> Vec<(&'static str, Value)> {
    vec![
        ("client secret", json!({"kind": "clientSecret"})),
        (
            "PFX",
            json!({"kind": "certificateFile", "path": lab.text("certificatePfx")}),
        ),
        (
            "PEM",
            json!({"kind": "certificateFile", "path": lab.text("certificatePem")}),
        ),
        ("token", json!({"kind": "accessToken"})),
        (
            "federated",
            json!({"kind": "federatedFile", "path": lab.text("federatedTokenFile")}),
        ),
        ("device code", json!({"kind": "deviceCode"})),
        ("managed identity", json!({"kind": "managedIdentity"})),
    ]
}

fn config(lab: &Lab, store: &Path, sign_in: &Value) -> Value {
    let mut connection = connection(lab);
    connection["signIn"] = sign_in.clone();
    if sign_in["kind"] == "managedIdentity" {
        connection.as_object_mut().unwrap().remove("clientId");
    }
    json!({"storeDirectory": store, "connection": connection, "clientTimeoutSec": 5})
}

fn wrong() -> Value {
    json!({
        "clientSecret": "wrong-client-secret-1!", "directoryPassword": "wrong-directory-password-1!",
        "certificatePassword": "wrong-certificate-password-1!",
        "accessToken": "eyJhbGciOiJub25lIn0.e30.wrong-client-secret-1!"
    })
}

fn fine(what: &str, ended: &Ended) {
    assert!(ended.error.is_none(), "{what}: {:#?}", ended.error);
}

/// Success and failure of one way; the session is closed at the end.
fn live(host: &mut Host<'_>, lab: &Lab, store: &Path, (name, sign_in): &(&str, Value)) {
    let good = secrets(lab);
    let connect = || json!({"op": "connect"});
    host.open(&config(lab, store, sign_in));
    let ended = host.call("query", connect(), &wrong());
    assert!(ended.error.is_some(), "{name}: wrong secrets were taken");
    let mut bad_password = good.clone();
    bad_password["directoryPassword"] = json!("wrong-directory-password-1!");
    // A person is not asked more often than needed: each time takes seconds.
    let person = *name == "device code";
    if !person {
        let ended = host.call("query", connect(), &bad_password);
        assert_eq!(ended.error_id(), "DirectoryAuthenticationFailed", "{name}");
    }
    fine(name, &host.call("query", connect(), &good));
    let enable = json!({"organizationalUnit": OU, "version": "V1", "createContainer": true, "takeOver": true});
    fine(name, &host.call("enable", enable, &good));
    let cycle = |more: &str| json!({"action": "cycle", "policyType": "Initial", "whatIf": more == "whatIf"});
    fine(name, &host.call("sync", cycle("whatIf"), &good));
    fine(name, &host.call("sync", cycle(""), &good));
    // The engine's stubbornness takes its time: each fault where it is met first.
    let faults = [
        (
            "client secret",
            json!({"fault": "expireTokens", "times": 1}),
        ),
        (
            "PFX",
            json!({"fault": "status", "code": 403, "path": "groups", "times": 2}),
        ),
        (
            "PEM",
            json!({"fault": "garbage", "path": "groups", "times": 1}),
        ),
        (
            "federated",
            json!({"fault": "ldapResult", "code": 53, "operation": "search", "times": 1}),
        ),
        (
            "token",
            json!({"fault": "ldapDrop", "operation": "search", "times": 1}),
        ),
        (
            "managed identity",
            json!({"fault": "throttle", "retryAfterSeconds": 1, "times": 1}),
        ),
        ("Azure Arc", json!({"fault": "cutBody", "times": 1})),
    ];
    for (_, fault) in faults.into_iter().filter(|(way, _)| way == name) {
        lab.fault(fault);
        host.call("sync", cycle(""), &good);
        host.call("query", json!({"op": "testConnectivity"}), &good);
        lab.clear_faults();
    }
    host.call(
        "query",
        json!({"op": "runResult", "runStepDetails": true}),
        &good,
    );
    host.call("query", json!({"op": "configuration"}), &good);
    host.call("query", json!({"op": "context"}), &good);
    host.close();
    // By what was recorded, and with nobody who could vouch for the controller.
    host.open(&json!({"storeDirectory": store, "clientTimeoutSec": 5}));
    if !person {
        fine(name, &host.call("query", connect(), &good));
    }
    host.close();
    let mut untrusted = config(lab, store, sign_in);
    untrusted["connection"]["certificateAuthorityPath"] = Value::Null;
    untrusted["configurationName"] = json!("Untrusted");
    host.open(&untrusted);
    if !person {
        let ended = host.call("query", connect(), &good);
        assert_eq!(ended.error_id(), "TlsVerificationFailed", "{name}");
    }
    host.close();
}

#[test]
fn planted_secrets_are_nowhere() {
    let arc = Borrowed::arc();
    let mut options = vec!["--users", "40", "--m365-groups", "6", "--memberships", "60"];
    options.extend(["--largest-group", "20"]);
    if arc.0.is_some() {
        options.extend(["--data-dir", ARC]);
    }
    let lab = Lab::start(&options);
    let needles = plant(&lab);
    let scratch = tempfile::tempdir().unwrap();
    let host_of = |folder: &str, variables: &[(&str, &str)]| {
        let folder = scratch.path().join(folder);
        std::fs::create_dir(&folder).unwrap();
        Host::start(&lab, &folder, variables)
    };
    let vm = lab.text("login").to_owned();
    let mut hosts = Vec::new();
    let mut host = host_of("host", &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &vm)]);
    for way in ways(&lab) {
        // A configuration belongs to one way of signing in.
        let store = scratch.path().join(format!("store {}", way.0));
        live(&mut host, &lab, &store, &way);
    }
    hosts.push(host);
    if arc.0.is_some() {
        let mut host = host_of(
            "arc",
            &[("IDENTITY_ENDPOINT", lab.text("identityEndpoint"))],
        );
        let way = ("Azure Arc", json!({"kind": "managedIdentity"}));
        live(&mut host, &lab, &scratch.path().join("store arc"), &way);
        hosts.push(host);
    } else {
        eprintln!("NOT RUN: the key of Azure Arc's agent ({ARC} can't be made, or is there)");
    }

    let mut left = Vec::new();
    let mut in_memory = BTreeSet::new();
    for host in hosts {
        left.extend(
            needles
                .find(&host.said)
                .into_iter()
                .map(|what| format!("{what} in the events")),
        );
        for region in memory(host.id()) {
            in_memory.extend(needles.find(&region));
        }
        match host.abort() {
            Some(core) => in_memory.extend(needles.find(&core)),
            None => eprintln!("NOT RUN: the core (this machine leaves none in the working folder)"),
        }
    }
    // Events, stores with their journals and locks, temporary files, what was printed.
    left.extend(needles.in_files(scratch.path()));
    assert!(left.is_empty(), "{left:#?}");
    assert!(in_memory.is_empty(), "{in_memory:#?}");
}

/// What the process could leave in a core: its writable memory.
fn memory(id: u32) -> Vec<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
    let Ok(mut file) = std::fs::File::open(format!("/proc/{id}/mem")) else {
        eprintln!("NOT RUN: the memory of another process can't be read here");
        return Vec::new();
    };
    let mut regions = Vec::new();
    for line in maps.lines() {
        let mut words = line.split(' ');
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (from, to) = (number(from), number(to));
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from)).unwrap();
        if (&mut file).take(to - from).read_to_end(&mut bytes).is_ok() {
            regions.push(bytes);
        }
    }
    regions
}
