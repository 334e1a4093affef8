//! Which controllers come into question, and in which order: named ones as they are named, those of a domain as its
//! DNS says (RFC 2782; MS-ADTS 6.3.2.3 has the names of the records).

use super::dns::Dns;
use crate::config::server::{self, Entry};
use crate::config::{AuthType, Connection};
use crate::error::{Error, ErrorId, Result};

const LDAPS: u16 = 636;
const LDAP: u16 = 389;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// TLS from the first byte.
    Ldaps,
    /// TLS by the extended operation.
    StartTls,
    /// Kerberos seals.
    Sealed,
}

/// One controller to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub host: String,
    pub port: u16,
    pub layer: Layer,
}

/// A service record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub host: String,
}

/// The controllers that come into question.
#[derive(Clone)]
pub(super) struct Places {
    entries: Vec<Entry>,
    site: Option<String>,
    kerberos: bool,
    pub dns: Dns,
}

impl Places {
    /// Checks everything that can be checked without the network.
    pub fn new(connection: &Connection) -> Result<Places> {
        let server = connection.server.as_str();
        let entries = server::parse(server).ok_or_else(|| {
            Error::new(
                ErrorId::InvalidArgument,
                format!("'{server}' is not a server name: write dc1.contoso.com, dc1.contoso.com:636, contoso.com for any controller of the domain, or several with commas between."),
            )
            .target("server")
        })?;
        if let Some(port) = entries
            .iter()
            .find_map(|e| e.port.filter(|p| matches!(p, 3268 | 3269)))
        {
            return Err(Error::new(
                ErrorId::InvalidArgument,
                format!("Port {port} is the global catalog, which is read-only: use 636."),
            )
            .target("server"));
        }
        Ok(Places {
            entries,
            site: connection.site.clone().filter(|s| !s.trim().is_empty()),
            kerberos: connection.auth_type == AuthType::Negotiate,
            dns: Dns::new(connection.dns_server.as_deref())?,
        })
    }

    /// As it was given, for messages.
    pub fn name(&self) -> String {
        let names: Vec<String> = self
            .entries
            .iter()
            .map(|e| match e.port {
                Some(port) => format!("{}:{port}", e.host),
                None => e.host.clone(),
            })
            .collect();
        names.join(", ")
    }

    /// In the order in which to try them, and what DNS failed to tell.
    pub async fn candidates(&self) -> (Vec<Candidate>, Vec<String>) {
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            let records = if may_be_domain(&entry.host) {
                self.records(&entry.host).await.unwrap_or_else(|note| {
                    notes.push(note);
                    Vec::new()
                })
            } else {
                Vec::new()
            };
            if records.is_empty() {
                found.push(self.candidate(entry, &entry.host, None));
            }
            for record in in_order(records, &mut random) {
                found.push(self.candidate(entry, &record.host, Some(record.port)));
            }
        }
        let mut seen = Vec::new();
        found.retain(|candidate: &Candidate| {
            let new = !seen.contains(candidate);
            seen.push(candidate.clone());
            new
        });
        (found, notes)
    }

    /// The controllers of a domain: of the site first, then all.
    async fn records(&self, domain: &str) -> std::result::Result<Vec<Record>, String> {
        if let Some(site) = &self.site {
            let name = format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}");
            let near = self.dns.services(&name).await?;
            let all = self
                .dns
                .services(&format!("_ldap._tcp.dc._msdcs.{domain}"))
                .await
                .unwrap_or_default();
            // Those elsewhere come only when no near one answers: behind them, whatever their priority.
            let mut records = near;
            let last = records.iter().map(|r| r.priority).max();
            for mut record in all {
                if records
                    .iter()
                    .all(|r| !r.host.eq_ignore_ascii_case(&record.host))
                {
                    if let Some(last) = last {
                        record.priority = record.priority.saturating_add(last).saturating_add(1);
                    }
                    records.push(record);
                }
            }
            return Ok(records);
        }
        self.dns
            .services(&format!("_ldap._tcp.dc._msdcs.{domain}"))
            .await
    }

    fn candidate(&self, entry: &Entry, host: &str, recorded: Option<u16>) -> Candidate {
        // AD records 389 for all its ways; another number is somebody's intention.
        let port = entry.port.or(recorded.filter(|p| *p != LDAP));
        let secure = entry.secure.unwrap_or(match port {
            Some(port) => port != LDAP,
            None => !self.kerberos,
        });
        let layer = match (secure, self.kerberos) {
            (true, _) => Layer::Ldaps,
            (false, true) => Layer::Sealed,
            (false, false) => Layer::StartTls,
        };
        Candidate {
            host: host.to_owned(),
            port: port.unwrap_or(if secure { LDAPS } else { LDAP }),
            layer,
        }
    }
}

/// A name with a dot that is no address: only such have service records.
fn may_be_domain(host: &str) -> bool {
    host.contains('.') && host.parse::<std::net::IpAddr>().is_err()
}

/// By priority; within one, by chance in proportion to the weights (RFC 2782).
fn in_order(mut records: Vec<Record>, random: &mut impl FnMut(u64) -> u64) -> Vec<Record> {
    // Those of weight 0 first, so that they are chosen rarely.
    records.sort_by_key(|r| (r.priority, r.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|r| r.priority) {
        let same = records.iter().take_while(|r| r.priority == priority);
        let total: u64 = same.map(|r| u64::from(r.weight)).sum();
        let drawn = random(total + 1);
        let mut sum = 0;
        let chosen = records
            .iter()
            .position(|r| {
                sum += u64::from(r.weight);
                sum >= drawn
            })
            .unwrap_or(0);
        ordered.push(records.remove(chosen));
    }
    ordered
}

/// A number below `n`.
fn random(n: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() % n.max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn places(server: &str, auth_type: AuthType) -> Places {
        Places::new(&Connection {
            server: server.to_owned(),
            auth_type,
            ..Connection::default()
        })
        .unwrap()
    }

    fn record(priority: u16, weight: u16, host: &str) -> Record {
        Record {
            priority,
            weight,
            port: 389,
            host: host.to_owned(),
        }
    }

    #[tokio::test]
    async fn the_port_says_how_it_is_protected() {
        for (server, auth, port, layer) in [
            ("dc1", AuthType::Basic, 636, Layer::Ldaps),
            ("dc1:389", AuthType::Basic, 389, Layer::StartTls),
            ("ldap://dc1:1389", AuthType::Basic, 1389, Layer::StartTls),
            ("LDAPS://dc1:389", AuthType::Basic, 389, Layer::Ldaps),
            ("127.0.0.1:40003", AuthType::Basic, 40003, Layer::Ldaps),
            ("dc1", AuthType::Negotiate, 389, Layer::Sealed),
            ("dc1:389", AuthType::Negotiate, 389, Layer::Sealed),
            ("dc1:636", AuthType::Negotiate, 636, Layer::Ldaps),
            ("ldaps://dc1", AuthType::Negotiate, 636, Layer::Ldaps),
            (
                "ldap://dc1:40002",
                AuthType::Negotiate,
                40002,
                Layer::Sealed,
            ),
        ] {
            let (found, _) = places(server, auth).candidates().await;
            assert_eq!(found.len(), 1, "{server}");
            assert_eq!(
                (found[0].port, found[0].layer),
                (port, layer),
                "{server} {auth:?}"
            );
        }
        let (found, _) = places("dc1 , [::1]:636,dc1,::1", AuthType::Basic)
            .candidates()
            .await;
        let named: Vec<_> = found.iter().map(|c| (c.host.as_str(), c.port)).collect();
        assert_eq!(named, [("dc1", 636), ("::1", 636)]);
    }

    #[test]
    fn the_global_catalog_is_refused() {
        for server in ["dc1:3269", "dc1,dc2:3268"] {
            let catalog = Connection {
                server: server.to_owned(),
                ..Connection::default()
            };
            assert_eq!(
                Places::new(&catalog).err().unwrap().id,
                ErrorId::InvalidArgument
            );
        }
    }

    #[test]
    fn lower_priorities_come_first_and_weights_draw() {
        let records = vec![
            record(10, 0, "far"),
            record(0, 0, "idle"),
            record(0, 60, "large"),
            record(0, 40, "small"),
        ];
        let hosts = |draws: Vec<u64>| {
            let mut draws = draws.into_iter();
            let mut bounds = Vec::new();
            let ordered = in_order(records.clone(), &mut |n| {
                bounds.push(n);
                draws.next().unwrap()
            });
            let hosts: Vec<_> = ordered.into_iter().map(|r| r.host).collect();
            (hosts.join(" "), bounds)
        };
        // Drawn up to the running sums: idle 0, small 40, large 100.
        assert_eq!(hosts(vec![0, 0, 0, 0]).0, "idle small large far");
        assert_eq!(
            hosts(vec![100, 40, 0, 0]),
            ("large small idle far".to_owned(), vec![101, 41, 1, 1])
        );
        assert_eq!(hosts(vec![41, 1, 0, 0]).0, "large small idle far");
        assert_eq!(hosts(vec![40, 60, 0, 0]).0, "small large idle far");
    }

    #[test]
    fn heavier_records_come_first_more_often() {
        let records = vec![record(0, 90, "large"), record(0, 10, "small")];
        let mut seed = 1u64;
        let mut next = |n: u64| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        let first = |next: &mut dyn FnMut(u64) -> u64| {
            in_order(records.clone(), &mut |n| next(n))[0].host == "large"
        };
        let large = (0..1000).filter(|_| first(&mut next)).count();
        assert!((800..=970).contains(&large), "{large}");
    }
}
