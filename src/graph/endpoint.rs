//! Where the clouds are ("National clouds"), and which addresses a token may be sent to.

use std::net::IpAddr;

use reqwest::Url;

use crate::config::{Connection, Environment};
use crate::error::{Error, ErrorId};
use crate::graph::Result;

/// Sign-in and Graph of one cloud.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// Sign-in host, without trailing slash.
    pub login: String,
    /// Graph host (also the token's audience), without trailing slash.
    pub graph: String,
    graph_url: Url,
}

impl Endpoints {
    /// The hosts of the connection's cloud.
    pub(super) fn of(connection: &Connection) -> Result<Endpoints> {
        let (login, graph) = match connection.environment {
            Environment::Global => (
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com",
            ),
            Environment::USGov => (
                "https://login.microsoftonline.us",
                "https://graph.microsoft.us",
            ),
            Environment::USGovDoD => (
                "https://login.microsoftonline.us",
                "https://dod-graph.microsoft.us",
            ),
            Environment::China => (
                "https://login.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
            ),
            Environment::Custom => {
                let given = |value: &Option<String>, field: &str| {
                    value.clone().filter(|v| !v.is_empty()).ok_or_else(|| {
                        invalid(
                            field,
                            format!("{field} is needed with the environment Custom."),
                        )
                    })
                };
                let login = given(&connection.login_endpoint, "connection.loginEndpoint")?;
                let graph = given(&connection.graph_endpoint, "connection.graphEndpoint")?;
                return Endpoints::new(&login, &graph);
            }
        };
        if connection.login_endpoint.is_some() || connection.graph_endpoint.is_some() {
            return Err(invalid(
                "connection.environment",
                "Endpoints may be given only with the environment Custom.".to_owned(),
            ));
        }
        Endpoints::new(login, graph)
    }

    fn new(login: &str, graph: &str) -> Result<Endpoints> {
        let login = checked(login, "connection.loginEndpoint")?;
        let graph = checked(graph, "connection.graphEndpoint")?;
        Ok(Endpoints {
            login: trimmed(&login),
            graph: trimmed(&graph),
            graph_url: graph,
        })
    }

    /// A Graph address of ours; `path` starts with `/v1.0` or `/beta`.
    pub(super) fn graph_address(&self, path: &str) -> Result<Url> {
        Url::parse(&format!("{}{path}", self.graph)).map_err(|e| {
            Error::new(
                ErrorId::GraphRequestRejected,
                format!("{path} is not an address."),
            )
            .caused_by(&e)
        })
    }

    /// A link that Graph gave. It is opaque, but the token goes with it, so it must lead to Graph.
    pub(super) fn follow(&self, link: &str) -> Result<Url> {
        let refused = |text: &str| {
            Error::new(
                ErrorId::SourceReadIncomplete,
                format!("Graph gave a link to continue that {text}; it was not followed."),
            )
            .target(&self.graph)
        };
        let url = Url::parse(link).map_err(|_| refused("is no address"))?;
        if url.origin() != self.graph_url.origin() {
            let host = url.host_str().unwrap_or("?");
            return Err(refused(&format!(
                "leads to another host ({}://{host}), to which the token must not be sent",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("carries credentials"));
        }
        Ok(url)
    }
}

fn invalid(field: &str, message: String) -> Error {
    Error::new(ErrorId::ConfigurationInvalid, message).target(field)
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn checked(text: &str, field: &str) -> Result<Url> {
    let url = Url::parse(text)
        .map_err(|e| invalid(field, format!("{field} is not an address: {text}")).caused_by(&e))?;
    let plain_allowed = url.scheme() == "http" && is_loopback(&url);
    if url.scheme() != "https" && !plain_allowed {
        return Err(invalid(
            field,
            format!("{field} must be https (plain http only to a loopback host): {text}"),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the message: it may hold a password.
        return Err(invalid(
            field,
            format!("{field} must not hold credentials."),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(
            field,
            format!("{field} must be a host only: {text}"),
        ));
    }
    Ok(url)
}

/// Whether an address never leaves this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// The tenant goes into the token endpoint's path: a GUID or a domain name, nothing else.
pub(super) fn checked_tenant(tenant: &str) -> Result<&str> {
    let sound = !tenant.is_empty()
        && tenant.len() <= 253
        && !tenant.starts_with('.')
        && tenant
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    if sound {
        Ok(tenant)
    } else {
        Err(invalid(
            "connection.tenantId",
            format!("The tenant must be an id or a domain name: '{tenant}'."),
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn custom(login: &str, graph: &str) -> Result<Endpoints> {
        Endpoints::of(&Connection {
            environment: Environment::Custom,
            login_endpoint: Some(login.to_owned()),
            graph_endpoint: Some(graph.to_owned()),
            ..Connection::default()
        })
    }

    #[test]
    fn clouds_have_their_own_hosts() {
        for (environment, login, graph) in [
            (
                Environment::Global,
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com",
            ),
            (
                Environment::USGov,
                "https://login.microsoftonline.us",
                "https://graph.microsoft.us",
            ),
            (
                Environment::USGovDoD,
                "https://login.microsoftonline.us",
                "https://dod-graph.microsoft.us",
            ),
            (
                Environment::China,
                "https://login.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
            ),
        ] {
            let connection = Connection {
                environment,
                ..Connection::default()
            };
            let endpoints = Endpoints::of(&connection).unwrap();
            assert_eq!(
                (endpoints.login.as_str(), endpoints.graph.as_str()),
                (login, graph)
            );
            let with_host = Connection {
                graph_endpoint: Some(graph.to_owned()),
                ..connection
            };
            assert_eq!(
                Endpoints::of(&with_host).unwrap_err().id,
                ErrorId::ConfigurationInvalid
            );
        }
    }

    #[test]
    fn plain_http_only_to_loopback() {
        for sound in [
            "http://127.0.0.1:4000",
            "http://localhost:1/",
            "http://[::1]:9",
            "https://graph.example",
        ] {
            assert!(custom(sound, sound).is_ok(), "{sound}");
        }
        for bad in [
            "http://graph.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "graph.example",
            "https://user:secret@graph.example",
            "https://graph.example/?x=1",
        ] {
            let error = custom("https://login.example", bad).unwrap_err();
            assert_eq!(error.id, ErrorId::ConfigurationInvalid, "{bad}");
            assert!(!error.to_string().contains("secret"));
        }
        assert!(
            Endpoints::of(&Connection {
                environment: Environment::Custom,
                ..Connection::default()
            })
            .is_err()
        );
    }

    #[test]
    fn links_lead_to_graph_only() {
        let endpoints = custom("https://login.example", "https://graph.example").unwrap();
        assert!(
            endpoints
                .follow("https://graph.example/v1.0/groups/delta?$skiptoken=a%2Fb")
                .is_ok()
        );
        assert!(endpoints.follow("https://graph.example:443/v1.0/x").is_ok());
        for bad in [
            "https://evil.example/v1.0/groups",
            "http://graph.example/v1.0/groups",
            "https://graph.example:444/v1.0",
            "https://graph.example@evil.example/",
            "https://user@graph.example/",
            "/v1.0/groups",
        ] {
            assert_eq!(
                endpoints.follow(bad).unwrap_err().id,
                ErrorId::SourceReadIncomplete,
                "{bad}"
            );
        }
    }

    #[test]
    fn tenants_stay_one_path_segment() {
        assert!(checked_tenant("contoso.onmicrosoft.com").is_ok());
        assert!(checked_tenant("6f9619ff-8b86-d011-b42d-00c04fc964ff").is_ok());
        for bad in ["", "a/b", "..", "a?b", "a b", "a%2f"] {
            assert!(checked_tenant(bad).is_err(), "{bad}");
        }
    }
}
