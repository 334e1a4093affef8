//! DNS as the directory needs it: service records, and addresses from a server of one's choice.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::locate::Record;
use crate::config;
use crate::error::{Error, ErrorId, Result};

/// A question that has no answer by then goes on without.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the system's DNS servers, or the one given.
#[derive(Clone)]
pub(super) struct Dns {
    /// `address[:port]` as given.
    server: Option<SocketAddr>,
}

impl Dns {
    /// `server`: address and, unless 53, port of the DNS server to ask.
    pub fn new(server: Option<&str>) -> Result<Dns> {
        let server = server
            .map(|text| {
                config::server::dns(text).ok_or_else(|| {
                    Error::new(
                        ErrorId::InvalidArgument,
                        format!("'{text}' is not the address of a DNS server: write 10.0.0.1 or 10.0.0.1:53."),
                    )
                    .target("dnsServer")
                })
            })
            .transpose()?;
        Ok(Dns { server })
    }

    fn resolver(&self) -> std::result::Result<TokioResolver, String> {
        let mut builder = match self.server {
            None => TokioResolver::builder_tokio().map_err(|e| e.to_string())?,
            Some(address) => {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = address.port();
                }
                let server = NameServerConfig::new(address.ip(), true, connections);
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                let mut builder =
                    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
                *builder.options_mut() = ResolverOpts::default();
                builder.options_mut().use_hosts_file = ResolveHosts::Never;
                builder
            }
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 1;
        // Each lookup is of now: a controller that left DNS is not to be found in a cache.
        options.cache_size = 0;
        builder.build().map_err(|e| e.to_string())
    }

    /// The service records of a name; none when there is no such name. An error = nobody knows.
    pub async fn services(&self, name: &str) -> std::result::Result<Vec<Record>, String> {
        let resolver = self.resolver()?;
        // With its final dot: the machine's search domains are none of this domain's.
        let name = format!("{}.", name.trim_end_matches('.'));
        let asked = tokio::time::timeout(
            PATIENCE * 2,
            resolver.lookup(name.as_str(), RecordType::SRV),
        );
        let found = match asked.await {
            Err(_) => return Err(format!("DNS gave no answer for {name}")),
            Ok(Err(error)) if error.is_no_records_found() => return Ok(Vec::new()),
            Ok(Err(error)) => return Err(format!("DNS: {name}: {error}")),
            Ok(Ok(found)) => found,
        };
        Ok(found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                // A target of "." says that the service isn't there.
                RData::SRV(srv) if !srv.target.is_root() => Some(Record {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    host: srv.target.to_ascii().trim_end_matches('.').to_owned(),
                }),
                _ => None,
            })
            .collect())
    }

    /// Addresses of a host.
    pub async fn addresses(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        if self.server.is_none() || host.parse::<IpAddr>().is_ok() {
            return Ok(tokio::net::lookup_host((host, port)).await?.collect());
        }
        let resolver = self.resolver().map_err(std::io::Error::other)?;
        let name = format!("{}.", host.trim_end_matches('.'));
        let found = resolver
            .lookup_ip(name.as_str())
            .await
            .map_err(std::io::Error::other)?;
        Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}
