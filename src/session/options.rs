//! The options of `gwb_open`, validated as a whole: every fault is named with its path.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::members::{Faults, Form, Shape};
use crate::config::{Connection, server};
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;

/// What `gwb_open` was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which configuration of the store.
    pub configuration_name: String,
    /// Where the store is; `None` = the usual place.
    pub store_directory: Option<String>,
    /// Limit for one request to a service.
    pub client_timeout_sec: u32,
    /// Secrets that saved ones may stand for; the host is asked for the others, and for what isn't saved.
    pub saved_secrets: Vec<String>,
    /// What was given of the connection, checked, without nulls; what is missing is as recorded.
    given: Option<Map<String, Value>>,
}

const OPTIONS: Shape = &[
    ("configurationName", Form::Text),
    ("storeDirectory", Form::Text),
    ("clientTimeoutSec", Form::Number(1, 86_400)),
    ("connection", Form::Object),
    ("savedSecrets", Form::Texts),
];
const CONNECTION: Shape = &[
    (
        "environment",
        Form::Choice(&["Global", "USGov", "USGovDoD", "China", "Custom"]),
    ),
    ("loginEndpoint", Form::Text),
    ("graphEndpoint", Form::Text),
    ("tenantId", Form::Text),
    ("clientId", Form::Text),
    ("signIn", Form::Object),
    ("server", Form::Text),
    ("site", Form::Text),
    ("dnsServer", Form::Text),
    ("authType", Form::Choice(&["Basic", "Negotiate"])),
    ("userName", Form::Text),
    ("keytabPath", Form::Text),
    ("certificateAuthorityPath", Form::Text),
];
/// Members by `kind`; but for the managed identity's, all are needed.
const SIGN_IN: &[(&str, Shape)] = &[
    ("clientSecret", &[]),
    ("certificateFile", &[("path", Form::Text)]),
    (
        "hostCertificate",
        &[("thumbprint", Form::Text), ("sha256", Form::Text)],
    ),
    ("accessToken", &[]),
    ("federatedFile", &[("path", Form::Text)]),
    ("deviceCode", &[]),
    ("managedIdentity", &[("clientId", Form::Text)]),
];

impl Options {
    /// The folder of the stores: the one given, the environment's, else the system's place for state.
    pub fn store_folder(&self) -> Result<PathBuf> {
        if let Some(given) = &self.store_directory {
            return Ok(PathBuf::from(given));
        }
        let variable = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        if let Some(given) = variable("GROUPWRITEBACK_STORE") {
            return Ok(given);
        }
        let place = if cfg!(windows) {
            variable("ProgramData").map(|data| data.join("GroupWriteback"))
        } else if crate::ffi::os::is_root() {
            Some(PathBuf::from("/var/lib/group-writeback"))
        } else {
            variable("XDG_STATE_HOME")
                .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
                .map(|state| state.join("group-writeback"))
        };
        place.ok_or_else(|| {
            Error::new(
                ErrorId::StoreUnavailable,
                "There is no usual place for the store: neither ProgramData nor XDG_STATE_HOME nor HOME is set.",
            )
            .action("Name a folder with -StoreDirectory or in the environment variable GROUPWRITEBACK_STORE.")
        })
    }

    /// Reads the JSON of `gwb_open`.
    pub fn parse(config: &Value) -> Result<Options> {
        let Some(members) = config.as_object() else {
            return Err(Error::new(
                ErrorId::InvalidArgument,
                "The options are not a JSON object.",
            ));
        };
        let mut faults = Faults::default();
        faults.compare("", members, OPTIONS);
        let connection = members.get("connection").and_then(Value::as_object);
        if let Some(connection) = connection {
            check_connection(connection, &mut faults);
        }
        if let Some(text) = faults.text() {
            return Err(Error::new(ErrorId::ConfigurationInvalid, text));
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Options {
            configuration_name: text("configurationName").unwrap_or_else(|| "Default".to_owned()),
            store_directory: text("storeDirectory"),
            client_timeout_sec: members
                .get("clientTimeoutSec")
                .and_then(Value::as_u64)
                .and_then(|seconds| seconds.try_into().ok())
                .unwrap_or(100),
            saved_secrets: super::texts(config, "savedSecrets"),
            given: connection.map(|given| {
                let mut given = given.clone();
                given.retain(|_, value| !value.is_null());
                given
            }),
        })
    }

    /// The connection given over the recorded one; `None` when there is neither.
    pub fn connection_over(&self, recorded: Option<&Connection>) -> Result<Option<Connection>> {
        let Some(given) = &self.given else {
            return Ok(recorded.cloned());
        };
        if recorded.is_none() && given.keys().all(|name| name == "userName") {
            // An account alone is no connection: it goes with what is recorded.
            return Ok(None);
        }
        let mut members = match recorded.map(super::objects::to_value) {
            Some(Value::Object(recorded)) => recorded,
            _ => Map::new(),
        };
        if given.contains_key("environment") {
            // Hosts belong to their cloud.
            members.retain(|name, _| name != "loginEndpoint" && name != "graphEndpoint");
        }
        // Account and keytab belong to the kind of sign-in, and a keytab to its account.
        let another = given
            .get("authType")
            .is_some_and(|kind| members.get("authType") != Some(kind));
        if another {
            members.remove("userName");
        }
        if another || given.contains_key("userName") {
            members.remove("keytabPath");
        }
        members.extend(given.clone());
        serde_json::from_value(Value::Object(members))
            .map(Some)
            .map_err(|error| {
                Error::new(
                    ErrorId::ConfigurationInvalid,
                    "connection: can't be understood.",
                )
                .caused_by(&error)
            })
    }
}

fn check_connection(members: &Map<String, Value>, faults: &mut Faults) {
    faults.compare("connection.", members, CONNECTION);
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let custom = text("environment") == Some("Custom");
    for name in ["loginEndpoint", "graphEndpoint"] {
        let path = format!("connection.{name}");
        match text(name) {
            Some(_) if !custom => faults.add(path, "goes with the environment Custom only"),
            Some(url) => {
                if let Some(fault) = endpoint_fault(url) {
                    faults.add(path, fault);
                }
            }
            None if custom => faults.add(path, "is needed with the environment Custom"),
            None => {}
        }
    }
    if text("clientId").is_some_and(|id| id.parse::<Guid>().is_err()) {
        faults.add("connection.clientId", "must be a GUID");
    }
    if text("tenantId")
        .is_some_and(|id| id.parse::<Guid>().is_err() && !is_host_name(id, id.contains('.')))
    {
        faults.add("connection.tenantId", "must be a GUID or a domain");
    }
    if text("server").is_some_and(|text| server::parse(text).is_none()) {
        faults.add(
            "connection.server",
            "must be host or host:port, or several with commas between",
        );
    }
    if text("dnsServer").is_some_and(|text| server::dns(text).is_none()) {
        faults.add(
            "connection.dnsServer",
            "must be an address, or address:port",
        );
    }
    if text("site").is_some_and(|site| !is_host_name(site, true)) {
        faults.add("connection.site", "must be the name of an AD site");
    }
    if text("keytabPath").is_some() && text("authType") == Some("Basic") {
        faults.add(
            "connection.keytabPath",
            "goes with the authType Negotiate only",
        );
    }
    if let Some(sign_in) = members.get("signIn").and_then(Value::as_object) {
        check_sign_in(sign_in, faults);
    }
}

fn check_sign_in(members: &Map<String, Value>, faults: &mut Faults) {
    let path = "connection.signIn.";
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let kind = text("kind").unwrap_or_default();
    let Some((kind, shape)) = SIGN_IN.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<_> = SIGN_IN.iter().map(|(known, _)| *known).collect();
        faults.add(
            format!("{path}kind"),
            format!("must be one of {}", known.join(", ")),
        );
        return;
    };
    let mut others = members.clone();
    others.remove("kind");
    faults.compare(path, &others, shape);
    for (name, _) in *shape {
        if *kind != "managedIdentity" && members.get(*name).is_none_or(Value::is_null) {
            faults.add(format!("{path}{name}"), format!("is needed with {kind}"));
        }
    }
    if text("thumbprint")
        .is_some_and(|hex| hex.len() != 40 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        faults.add(
            format!("{path}thumbprint"),
            "must be a SHA-1, 40 hexadecimal digits",
        );
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text("sha256").is_some_and(|hash| hash.len() != 43 || !hash.bytes().all(base64url)) {
        faults.add(
            format!("{path}sha256"),
            "must be a SHA-256, 43 base64url characters",
        );
    }
    if *kind == "managedIdentity" && text("clientId").is_some_and(|id| id.parse::<Guid>().is_err())
    {
        faults.add(format!("{path}clientId"), "must be a GUID");
    }
}

/// What is wrong with an endpoint: tokens and secrets go there.
fn endpoint_fault(url: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(url) else {
        return Some("must be a URL");
    };
    let host = url.host_str().unwrap_or_default();
    // The address is judged as parsed: "127.0.0.1.example.org" is no loopback.
    let loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !url.username().is_empty() || url.password().is_some() {
        return Some("must not hold credentials");
    }
    match url.scheme() {
        "https" => None,
        "http" if loopback => None,
        "http" => Some("must be https; http goes to a loopback host only"),
        _ => Some("must be an https URL"),
    }
}

fn is_host_name(name: &str, dotted: bool) -> bool {
    dotted
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_is_optional() {
        let options = Options::parse(&json!({})).unwrap();
        assert_eq!(options.configuration_name, "Default");
        assert_eq!(options.client_timeout_sec, 100);
        assert_eq!(options.connection_over(None).unwrap(), None);
    }

    #[test]
    fn a_full_connection_is_read() {
        let options = Options::parse(&json!({
            "configurationName": "Lab", "storeDirectory": "/tmp/x", "clientTimeoutSec": 5,
            "connection": {
                "environment": "Custom",
                "loginEndpoint": "http://127.0.0.1:1", "graphEndpoint": "https://graph.example.test",
                "tenantId": "contoso.test", "clientId": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
                "signIn": {"kind": "certificateFile", "path": "/a.pem"},
                "server": "dc1.contoso.test:636", "authType": "Basic", "userName": "svc@contoso.test",
                "certificateAuthorityPath": null
            }
        }))
        .unwrap();
        let connection = options.connection_over(None).unwrap().unwrap();
        assert_eq!(connection.server, "dc1.contoso.test:636");
        assert_eq!(connection.certificate_authority_path, None);
    }

    #[test]
    fn what_is_given_goes_over_what_is_recorded() {
        let recorded = Connection {
            server: "dc1".to_owned(),
            auth_type: crate::config::AuthType::Negotiate,
            user_name: "svc@contoso.test".to_owned(),
            keytab_path: Some("/k".to_owned()),
            ..Connection::default()
        };
        let over = |given| {
            let options = Options::parse(&json!({"connection": given})).unwrap();
            let merged = options.connection_over(Some(&recorded)).unwrap().unwrap();
            (merged.server, merged.user_name, merged.keytab_path)
        };
        let text = str::to_owned;
        let key = || Some(text("/k"));
        let svc = || text("svc@contoso.test");
        for (given, expected) in [
            (
                json!({"server": "dc2,dc3"}),
                (text("dc2,dc3"), svc(), key()),
            ),
            (
                json!({"authType": "Negotiate"}),
                (text("dc1"), svc(), key()),
            ),
            (
                json!({"authType": "Basic", "userName": "a"}),
                (text("dc1"), text("a"), None),
            ),
            (
                json!({"authType": "Basic"}),
                (text("dc1"), String::new(), None),
            ),
            (json!({"userName": "a@b"}), (text("dc1"), text("a@b"), None)),
            (
                json!({"userName": "a@b", "keytabPath": "/l"}),
                (text("dc1"), text("a@b"), Some(text("/l"))),
            ),
        ] {
            assert_eq!(over(given.clone()), expected, "{given}");
        }
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let error = Options::parse(&json!({
            "configurationname": "x", "clientTimeoutSec": 0,
            "connection": {
                "environment": "Global", "loginEndpoint": "https://a.test", "tenantId": "a b", "clientId": "me",
                "server": "dc1:0", "authType": "NTLM", "password": "p",
                "signIn": {"kind": "hostCertificate", "thumbprint": "xx", "path": "y"}
            }
        }))
        .unwrap_err();
        assert_eq!(error.id, ErrorId::ConfigurationInvalid);
        for path in [
            "configurationname",
            "clientTimeoutSec",
            "connection.loginEndpoint",
            "connection.tenantId",
            "connection.clientId",
            "connection.server",
            "connection.authType",
            "connection.password",
            "connection.signIn.thumbprint",
            "connection.signIn.sha256",
            "connection.signIn.path",
        ] {
            assert!(
                error.message.contains(&format!("{path}: ")),
                "{path} in {}",
                error.message
            );
        }
    }

    #[test]
    fn plain_http_goes_to_loopback_only() {
        for good in [
            "http://localhost:1",
            "http://127.0.0.1",
            "http://[::1]:5",
            "https://a.test",
        ] {
            assert_eq!(endpoint_fault(good), None, "{good}");
        }
        for bad in [
            "http://a.test",
            "http://127.0.0.1.a.test",
            "http://localhost@a.test",
            "ftp://localhost",
            "https://user:pw@a.test",
            "a.test",
        ] {
            assert!(endpoint_fault(bad).is_some(), "{bad}");
        }
    }
}
