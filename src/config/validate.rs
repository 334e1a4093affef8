//! Validation of a configuration: all faults at once, each with its path.

use serde::Serialize;

use super::server::is_host;
use super::{
    AuthType, Configuration, Connection, DeprovisionAction, Environment, NamingPreset, SignIn,
    Thresholds,
};
use crate::error::{Error, ErrorId};
use crate::model::Guid;

/// Members in one modify at most: Microsoft's recommended limit of operations in an LDAP transaction.
const MAX_BATCH: u32 = 5_000;
/// Days of grace at most. A soft-deleted group is gone after 30 days; ten years are surely a slip.
const MAX_GRACE_DAYS: u32 = 3_650;

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Where: `batchSize`, `attributeMapping.description`, `connection.tenantId`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Fault {
            path: path.into(),
            message: message.into(),
        }
    }

    /// One error that names them all.
    pub fn into_error(faults: &[Fault]) -> Error {
        let lines: Vec<String> = faults
            .iter()
            .map(|f| format!("{}: {}", f.path, f.message))
            .collect();
        let mut error = Error::new(ErrorId::ConfigurationInvalid, lines.join("\n"));
        if let [only] = faults {
            error = error.target(&only.path);
        }
        error
    }
}

/// Checks a configuration, DNs by their shape. Empty = valid.
pub fn validate(config: &Configuration) -> Vec<Fault> {
    validate_with(config, &|dn| {
        if crate::plan::is_dn(dn) {
            Ok(())
        } else {
            Err("not a distinguished name, e.g. OU=Groups,DC=contoso,DC=com".to_owned())
        }
    })
}

/// Checks a configuration with the caller's DN parser (`Err` = what is wrong with the text).
///
/// What Enable fills in (container, tenant, application, server) may be missing until then.
pub fn validate_with(
    config: &Configuration,
    check_dn: &dyn Fn(&str) -> Result<(), String>,
) -> Vec<Fault> {
    let mut check = Check { faults: Vec::new() };
    check.dn("organizationalUnit", &config.organizational_unit, check_dn);
    if config.enabled {
        check.needed("organizationalUnit", &config.organizational_unit);
    }
    check.naming(config);
    check.faults.extend(crate::mapping::faults(config));
    check.deprovisioning(config, check_dn);
    check.that(
        (1..=MAX_BATCH).contains(&config.batch_size),
        "batchSize",
        format!("from 1 to {MAX_BATCH}"),
    );
    check.thresholds(&config.thresholds);
    check.connection(&config.connection, config.enabled);
    check.faults
}

struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn that(&mut self, good: bool, path: &str, message: impl Into<String>) {
        if !good {
            self.faults.push(Fault::new(path, message));
        }
    }

    fn needed(&mut self, path: &str, text: &str) {
        self.that(!text.trim().is_empty(), path, "needed");
    }

    /// An empty text is another check's business.
    fn dn(&mut self, path: &str, dn: &str, check_dn: &dyn Fn(&str) -> Result<(), String>) {
        if !dn.is_empty()
            && let Err(message) = check_dn(dn)
        {
            self.faults.push(Fault::new(path, message));
        }
    }

    fn naming(&mut self, config: &Configuration) {
        let custom = config.naming_preset == Some(NamingPreset::Custom);
        self.that(
            custom || config.name_pattern.is_none(),
            "namePattern",
            "only with the naming preset Custom",
        );
    }

    fn deprovisioning(
        &mut self,
        config: &Configuration,
        check_dn: &dyn Fn(&str) -> Result<(), String>,
    ) {
        let container = config.deprovision_container.as_deref().unwrap_or_default();
        self.dn("deprovisionContainer", container, check_dn);
        self.that(
            config.deprovision_action != DeprovisionAction::Move || !container.is_empty(),
            "deprovisionContainer",
            "needed with the deprovision action Move",
        );
        // A group put there would count as being where it belongs.
        self.that(
            container.is_empty() || !container.eq_ignore_ascii_case(&config.organizational_unit),
            "deprovisionContainer",
            "must not be the organizational unit of the written groups",
        );
        self.that(
            config.grace_days <= MAX_GRACE_DAYS,
            "graceDays",
            format!("from 0 to {MAX_GRACE_DAYS}"),
        );
    }

    fn thresholds(&mut self, thresholds: &Thresholds) {
        for (name, percent) in [
            (
                "deletionThresholdPercent",
                thresholds.deletion_threshold_percent,
            ),
            (
                "memberRemovalThresholdPercent",
                thresholds.member_removal_threshold_percent,
            ),
        ] {
            self.that(
                percent <= 100,
                &format!("thresholds.{name}"),
                "from 0 to 100",
            );
        }
    }

    fn connection(&mut self, connection: &Connection, enabled: bool) {
        let tenant = connection.tenant_id.as_str();
        self.that(
            tenant.is_empty() || tenant.parse::<Guid>().is_ok() || is_domain(tenant),
            "connection.tenantId",
            "a GUID or a domain, e.g. contoso.onmicrosoft.com",
        );
        let client = connection.client_id.as_str();
        self.that(
            client.is_empty() || client.parse::<Guid>().is_ok(),
            "connection.clientId",
            "a GUID",
        );
        if enabled {
            self.needed("connection.server", &connection.server);
            // A ready token and the machine's own identity bring tenant and application along.
            let own = matches!(
                connection.sign_in,
                SignIn::AccessToken | SignIn::ManagedIdentity { .. }
            );
            if !own {
                self.needed("connection.tenantId", tenant);
                self.needed("connection.clientId", client);
            }
        }
        let server = connection.server.as_str();
        self.that(
            server.is_empty() || super::server::parse(server).is_some(),
            "connection.server",
            "a controller or a domain, with :port if it is not the usual one; several with commas between; no path",
        );
        self.that(
            connection
                .dns_server
                .as_deref()
                .is_none_or(|text| super::server::dns(text).is_some()),
            "connection.dnsServer",
            "an address, with :port if it is not 53",
        );
        self.that(
            connection.site.as_deref().is_none_or(is_host),
            "connection.site",
            "the name of an AD site",
        );
        self.that(
            connection.keytab_path.is_none() || connection.auth_type == AuthType::Negotiate,
            "connection.keytabPath",
            "only with the authentication type Negotiate",
        );
        self.endpoints(connection);
        self.sign_in(&connection.sign_in);
    }

    fn endpoints(&mut self, connection: &Connection) {
        let custom = connection.environment == Environment::Custom;
        for (path, endpoint) in [
            ("connection.loginEndpoint", &connection.login_endpoint),
            ("connection.graphEndpoint", &connection.graph_endpoint),
        ] {
            match endpoint {
                None => self.that(!custom, path, "needed with the environment Custom"),
                Some(_) if !custom => self.that(false, path, "only with the environment Custom"),
                Some(url) => self.that(
                    is_endpoint(url),
                    path,
                    "an https address without path; http only to a loopback host",
                ),
            }
        }
    }

    fn sign_in(&mut self, sign_in: &SignIn) {
        match sign_in {
            SignIn::CertificateFile { path } | SignIn::FederatedFile { path } => {
                self.needed("connection.signIn.path", path);
            }
            SignIn::HostCertificate { thumbprint, sha256 } => {
                self.that(
                    thumbprint.len() == 40 && thumbprint.bytes().all(|b| b.is_ascii_hexdigit()),
                    "connection.signIn.thumbprint",
                    "the SHA-1 of the certificate: 40 hexadecimal digits",
                );
                let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                self.that(
                    sha256.len() == 43 && sha256.bytes().all(base64url),
                    "connection.signIn.sha256",
                    "the SHA-256 of the certificate: 43 characters of base64url",
                );
            }
            SignIn::ManagedIdentity {
                client_id: Some(id),
            } => self.that(
                id.parse::<Guid>().is_ok(),
                "connection.signIn.clientId",
                "a GUID",
            ),
            _ => {}
        }
    }
}

/// Labels of letters, digits and hyphens with at least one dot.
fn is_domain(text: &str) -> bool {
    text.contains('.') && is_host(text)
}

/// `host[:port]`
fn is_authority(text: &str) -> bool {
    split_port(text).is_some_and(|host| {
        let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        match v6 {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_host(host),
        }
    })
}

/// The host before `:port`; `None` when the port is none.
fn split_port(text: &str) -> Option<&str> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse::<u16>().ok()?;
            (digits && port > 0).then_some(host)
        }
        _ => Some(text),
    }
}

/// `https://host[:port]`, or the same with `http` to this machine: tokens must not cross a network in clear.
fn is_endpoint(url: &str) -> bool {
    let (rest, clear) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return false,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if !is_authority(rest) {
        return false;
    }
    let host = split_port(rest).unwrap_or(rest);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    !clear || loopback
}
