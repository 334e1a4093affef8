//! Kerberos on a real controller: ticket cache, keytab, password, what is refused, and a sealed cycle that is exact.
//!
//! Runs when the tests' directory has a KDC (`GROUPWRITEBACK_TEST_DIRECTORY=samba`). Kerberos libraries take their
//! configuration from the environment, so each attempt is a process of its own.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod support;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use group_writeback_lab::dns::{Data, DnsServer};
use serde_json::{Value, json};
use support::engine::{Engine, connection, secrets};
use support::fixture::{OU, assert_exact};
use support::relay::Relay;
use support::{Directory, Lab};

/// The part that children play: one session, told by the environment.
#[test]
fn child_session() {
    let Ok(config) = std::env::var("GWB_CHILD_CONFIG") else {
        return;
    };
    let config: Value = serde_json::from_str(&config).unwrap();
    let engine = Engine::open(&config["open"], config["secrets"].clone()).unwrap();
    let connected = engine.query(json!({"op": "connect"}));
    let mut report = json!({"error": connected.error, "context": connected.value});
    if let Some(ou) = config["enable"].as_str() {
        engine.enable(ou);
    }
    if let Some(policy) = config["cycle"].as_str() {
        let cycle = engine.cycle(policy);
        report["errors"] = json!(cycle.errors());
        report["error"] = json!(cycle.error);
        report["result"] = cycle.value;
    }
    println!("REPORT {report}");
}

struct Realm {
    lab: Lab,
    dns: DnsServer,
    folder: tempfile::TempDir,
    /// Between us and the controller's port 389.
    wire: Relay,
}

/// One attempt.
#[derive(Default)]
struct Attempt<'a> {
    server: Option<&'a str>,
    user: &'a str,
    password: Option<&'a str>,
    keytab: Option<&'a str>,
    authority: Option<&'a str>,
    cache: &'a str,
    krb5: Option<&'a Path>,
    enable: bool,
    cycle: Option<&'a str>,
    /// Nothing but the store says how to connect.
    recorded: bool,
}

impl Realm {
    fn start() -> Option<Realm> {
        let lab = Lab::start(&["--seed", "11", "--users", "300"]);
        if lab.directory != Directory::Samba {
            return None;
        }
        let dns = DnsServer::start().unwrap();
        let host: Ipv4Addr = lab.text("directHost").parse().unwrap();
        dns.add("relay.contoso.test", Data::Address(Ipv4Addr::LOCALHOST));
        dns.add(lab.text("directHostName"), Data::Address(host));
        dns.add("dc9.contoso.test", Data::Address(host));
        let wire = Relay::to(&format!("{host}:389"));
        Some(Realm {
            lab,
            dns,
            folder: tempfile::tempdir().unwrap(),
            wire,
        })
    }

    fn cache(&self, name: &str) -> String {
        format!("FILE:{}", self.folder.path().join(name).display())
    }

    fn kinit(&self, cache: &str, life: &str) {
        let principal = format!("svc-writeback@{}", self.lab.text("realm"));
        let output = Command::new("kinit")
            .env("KRB5_CONFIG", self.lab.text("krb5Config"))
            .env("KRB5CCNAME", cache)
            .args(["-l", life, "-k", "-t", self.lab.text("keytab"), &principal])
            .output()
            .expect("kinit is installed");
        assert!(output.status.success(), "{output:?}");
    }

    fn attempt(&self, attempt: &Attempt) -> Value {
        let lab = &self.lab;
        let mut given = connection(lab);
        let server = attempt.server.unwrap_or(lab.text("directHostName"));
        for (name, value) in [
            ("server", json!(server)),
            ("authType", json!("Negotiate")),
            (
                "userName",
                json!(Some(attempt.user).filter(|u| !u.is_empty())),
            ),
            ("certificateAuthorityPath", json!(attempt.authority)),
            ("keytabPath", json!(attempt.keytab)),
            ("dnsServer", json!(self.dns.address.to_string())),
        ] {
            given[name] = value;
        }
        let mut open = json!({"storeDirectory": self.folder.path(), "clientTimeoutSec": 60});
        if !attempt.recorded {
            open["connection"] = given;
        }
        let mut secrets = secrets(lab);
        secrets["directoryPassword"] = json!(attempt.password);
        let config = json!({
            "open": open, "secrets": secrets, "enable": attempt.enable.then_some(OU), "cycle": attempt.cycle
        });
        let krb5 = attempt.krb5.unwrap_or(Path::new(lab.text("krb5Config")));
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_session", "--nocapture"])
            .env("GWB_CHILD_CONFIG", config.to_string())
            .env("KRB5_CONFIG", krb5)
            .env("KRB5CCNAME", attempt.cache)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // The harness may have written before it on the same line.
        let report = text.lines().find_map(|l| Some(l.split_once("REPORT ")?.1));
        let report = report.unwrap_or_else(|| {
            panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
        });
        for secret in attempt
            .password
            .into_iter()
            .chain([lab.text("clientSecret")])
        {
            assert!(!text.contains(secret), "a secret in {text}");
        }
        serde_json::from_str(report).unwrap()
    }

    #[track_caller]
    fn works(&self, attempt: &Attempt) -> Value {
        let report = self.attempt(attempt);
        assert_eq!(report["error"], Value::Null, "{report:#}");
        assert_eq!(
            report["errors"].as_array().map_or(0, Vec::len),
            0,
            "{report:#}"
        );
        let account = report["context"]["DirectoryAccount"].as_str().unwrap();
        assert_eq!(account, format!("svc-writeback@{}", self.lab.text("realm")));
        report
    }

    #[track_caller]
    fn fails(&self, attempt: &Attempt, id: &str, words: &str) {
        let report = self.attempt(attempt);
        let error = &report["error"];
        assert_eq!(error["id"], id, "{report:#}");
        let said = format!("{} {}", error["message"], error["causes"]);
        assert!(said.contains(words), "{said}");
        assert_ne!(error["recommendedAction"], "");
    }
}

#[test]
fn every_kind_of_ticket_on_a_real_controller() {
    let Some(realm) = Realm::start() else { return };
    let lab = &realm.lab;
    let (user, keytab) = (lab.text("bindUser"), lab.text("keytab"));
    let none = realm.cache("none");
    let by_cache = Attempt {
        cache: &none,
        ..Attempt::default()
    };
    let by_password = Attempt {
        user,
        password: Some(lab.text("bindPassword")),
        cache: &none,
        ..Attempt::default()
    };
    let by_keytab = Attempt {
        keytab: Some(keytab),
        cache: &none,
        ..Attempt::default()
    };

    realm.fails(&by_cache, "KerberosTicketMissing", "none");
    let cache = realm.cache("cache");
    realm.kinit(&cache, "1h");
    realm.works(&Attempt {
        cache: &cache,
        ..Attempt::default()
    });
    realm.works(&Attempt {
        cache: &cache,
        user,
        ..Attempt::default()
    });
    realm.fails(
        &Attempt {
            cache: &cache,
            user: "else@contoso.test",
            ..Attempt::default()
        },
        "KerberosTicketMissing",
        "else@CONTOSO.TEST",
    );
    realm.works(&by_keytab);
    realm.works(&Attempt { user, ..by_keytab });
    realm.works(&by_password);
    assert!(
        !realm.folder.path().join("none").exists(),
        "a ticket on disk"
    );

    // Tied to the TLS channel instead of sealed.
    let tls = format!("{}:636", lab.text("directHostName"));
    let within_tls = Attempt {
        server: Some(&tls),
        authority: Some(lab.text("directCaFile")),
        ..by_keytab
    };
    // Samba before 4.21 takes none within TLS, and says so.
    if realm.attempt(&within_tls)["error"].is_null() {
        realm.works(&within_tls);
    } else {
        realm.fails(
            &within_tls,
            "DirectoryAuthenticationFailed",
            "Sign or Seal are required",
        );
    }
    realm.fails(
        &Attempt {
            server: Some(&tls),
            ..by_keytab
        },
        "TlsVerificationFailed",
        "issuer",
    );
}

#[test]
fn what_kerberos_refuses_is_told_by_its_cause() {
    let Some(realm) = Realm::start() else { return };
    let lab = &realm.lab;
    let (user, keytab) = (lab.text("bindUser"), lab.text("keytab"));
    let none = realm.cache("none");
    let by_keytab = Attempt {
        keytab: Some(keytab),
        cache: &none,
        ..Attempt::default()
    };
    let by_password = Attempt {
        user,
        password: Some("Not-1!the-password"),
        cache: &none,
        ..Attempt::default()
    };
    realm.fails(&by_password, "DirectoryAuthenticationFailed", "is wrong");
    realm.fails(
        &Attempt {
            user: "nobody@contoso.test",
            ..by_password
        },
        "DirectoryAuthenticationFailed",
        "knows no account nobody@CONTOSO.TEST",
    );
    realm.fails(
        &Attempt {
            user: "svc-writeback@elsewhere.test",
            ..by_password
        },
        "KerberosRealmUnavailable",
        "ELSEWHERE.TEST",
    );
    realm.fails(
        &Attempt {
            user: "CONTOSO\\svc-writeback",
            ..by_password
        },
        "InvalidArgument",
        "user@DOMAIN",
    );
    realm.fails(
        &Attempt {
            user: "other@contoso.test",
            ..by_keytab
        },
        "KerberosKeytabUnusable",
        "other@CONTOSO.TEST",
    );
    let garbage = realm.folder.path().join("garbage.keytab");
    std::fs::write(&garbage, b"no keytab").unwrap();
    realm.fails(
        &Attempt {
            keytab: garbage.to_str(),
            ..by_keytab
        },
        "KerberosKeytabUnusable",
        "garbage",
    );
    realm.fails(
        &Attempt {
            keytab: Some("/nowhere.keytab"),
            ..by_keytab
        },
        "KerberosKeytabUnusable",
        "can't be read",
    );
    realm.fails(
        &Attempt {
            server: Some("dc9.contoso.test"),
            ..by_keytab
        },
        "KerberosServiceUnknown",
        "ldap/dc9.contoso.test",
    );
    realm.fails(
        &Attempt {
            server: Some(lab.text("directHost")),
            ..by_keytab
        },
        "InvalidArgument",
        "is an address",
    );

    // A KDC that nobody answers for.
    let down = realm.folder.path().join("down.conf");
    let text = std::fs::read_to_string(lab.text("krb5Config")).unwrap();
    std::fs::write(&down, text.replace(lab.text("directHost"), "127.0.0.1:1")).unwrap();
    realm.fails(
        &Attempt {
            krb5: Some(&down),
            ..by_keytab
        },
        "KerberosRealmUnavailable",
        "CONTOSO.TEST",
    );

    let short = realm.cache("short");
    realm.kinit(&short, "2s");
    let is_good = || {
        let mut klist = Command::new("klist");
        klist
            .arg("-s")
            .env("KRB5CCNAME", &short)
            .status()
            .unwrap()
            .success()
    };
    while is_good() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    realm.fails(
        &Attempt {
            cache: &short,
            ..Attempt::default()
        },
        "KerberosTicketExpired",
        "xpired",
    );
}

#[test]
fn a_sealed_cycle_is_exact_and_nothing_is_seen_on_the_wire() {
    let Some(realm) = Realm::start() else { return };
    let lab = &realm.lab;
    let none = realm.cache("none");
    // The name is the controller's, the address that of the wire we listen to.
    realm.dns.clear();
    realm.dns.add(
        lab.text("directHostName"),
        Data::Address(Ipv4Addr::LOCALHOST),
    );
    let server = format!("ldap://{}:{}", lab.text("directHostName"), realm.wire.port);
    let first = Attempt {
        server: Some(&server),
        keytab: Some(lab.text("keytab")),
        cache: &none,
        enable: true,
        cycle: Some("Initial"),
        ..Attempt::default()
    };
    let report = realm.works(&first);
    assert_eq!(report["result"]["Result"], "Success", "{report:#}");
    assert_eq!(report["result"]["Server"], lab.text("directHostName"));
    assert_exact(lab);

    // Unattended: the store knows server, keytab and account, and no secret is asked for.
    lab.control("churn", Some(json!({"operations": 150, "seed": 3})));
    let again = Attempt {
        recorded: true,
        enable: false,
        cycle: Some("Delta"),
        ..first
    };
    let report = realm.works(&again);
    assert_eq!(report["result"]["Result"], "Success", "{report:#}");
    assert_exact(lab);

    let heard = realm.wire.heard();
    assert!(heard.len() > 100_000, "{}", heard.len());
    for clear in [
        "Group_",
        "adminDescription",
        "objectClass",
        "defaultNamingContext",
        "S-1-5-21",
    ] {
        let seen = heard.windows(clear.len()).any(|w| w == clear.as_bytes());
        assert!(!seen, "{clear} went over the wire in clear");
    }
    assert!(heard.windows(6).any(|w| w == b"GSSAPI"), "this is the wire");
}
