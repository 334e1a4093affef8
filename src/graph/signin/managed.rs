//! Managed identity: tokens from the machine itself ("How to use managed identities on an Azure VM",
//! "Authenticate against Azure resources with Azure Arc-enabled servers"). Nothing to keep secret here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, Url};
use zeroize::Zeroizing;

use super::Fetched;
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::graph::endpoint::is_loopback;
use crate::graph::limiter::{backoff, wait};
use crate::graph::wire::{Answer, Wire, random_share, read_file};
use crate::operation::Context;

const IMDS: &str = "http://169.254.169.254";
const ARC: &str = "http://localhost:40342/metadata/identity/oauth2/token";
/// The agent's key files are small; a larger one is not the agent's.
const KEY_LIMIT: u64 = 4096;
const ATTEMPTS: u32 = 5;

/// Where this machine's identity is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Instance metadata of an Azure VM.
    Vm { url: String },
    /// The Azure Arc agent of a machine elsewhere.
    Arc { url: String, key_folder: PathBuf },
}

/// A managed identity.
#[derive(Clone, Debug)]
pub(super) struct ManagedIdentity {
    pub service: Service,
    pub client_id: Option<String>,
}

impl ManagedIdentity {
    /// Looks where the machine says it serves identities.
    pub(super) fn detect(
        client_id: Option<String>,
        environment: impl Fn(&str) -> Option<String>,
        agent_installed: bool,
    ) -> Result<ManagedIdentity> {
        let given = environment("IDENTITY_ENDPOINT").filter(|v| !v.is_empty());
        // App Service sets IDENTITY_ENDPOINT too, with another protocol; the engine doesn't run there.
        let arc = given.or_else(|| agent_installed.then(|| ARC.to_owned()));
        let service = match arc {
            Some(url) => Service::Arc {
                url,
                key_folder: key_folder(&environment),
            },
            None => {
                let base =
                    environment("AZURE_POD_IDENTITY_AUTHORITY_HOST").filter(|v| !v.is_empty());
                let base = base.as_deref().unwrap_or(IMDS).trim_end_matches('/');
                Service::Vm {
                    url: format!("{base}/metadata/identity/oauth2/token"),
                }
            }
        };
        if matches!(service, Service::Arc { .. }) && client_id.is_some() {
            return Err(Error::new(
                ErrorId::ConfigurationInvalid,
                "A machine connected by Azure Arc has only its own identity; leave the client id out.",
            )
            .target("connection.signIn.clientId"));
        }
        Ok(ManagedIdentity { service, client_id })
    }

    /// Gets a token for `resource`.
    pub(super) async fn fetch(
        &self,
        wire: &Wire,
        resource: &str,
        timeout: Duration,
        ctx: &Context,
    ) -> Result<Fetched> {
        let mut attempt = 0;
        loop {
            let outcome = ctx
                .cancel
                .guard(async { Ok(self.once(wire, resource, timeout).await) })
                .await?;
            attempt += 1;
            match outcome {
                // "Retry guidance": 404 and 410 while the service is updated, 429, 5xx.
                Ok(answer)
                    if matches!(answer.status, 404 | 410 | 429 | 500..=599)
                        && attempt < ATTEMPTS => {}
                Ok(answer) if answer.status == 200 => {
                    return Fetched::parse(&answer.body).ok_or_else(|| refused(&answer));
                }
                Ok(answer) => return Err(refused(&answer)),
                Err(error) if error.id == ErrorId::GraphUnavailable && attempt < 2 => {}
                Err(error) => return Err(error),
            }
            let pause = backoff(
                attempt,
                Duration::from_millis(500),
                Duration::from_secs(10),
                random_share(),
            );
            wait(&ctx.cancel, pause).await?;
        }
    }

    async fn once(&self, wire: &Wire, resource: &str, timeout: Duration) -> Result<Answer> {
        // Local services answer at once or not at all.
        let timeout = timeout.min(Duration::from_secs(10));
        match &self.service {
            Service::Vm { url } => {
                let mut url = address(url)?;
                url.query_pairs_mut()
                    .append_pair("api-version", "2018-02-01")
                    .append_pair("resource", resource);
                if let Some(client_id) = &self.client_id {
                    url.query_pairs_mut().append_pair("client_id", client_id);
                }
                wire.send(metadata_request(url), timeout, true)
                    .await
                    .map_err(|lost| no_service(lost.into_error()))
            }
            Service::Arc { url, key_folder } => {
                let mut url = address(url)?;
                if !is_loopback(&url) {
                    return Err(Error::new(
                        ErrorId::ConfigurationInvalid,
                        "IDENTITY_ENDPOINT must be on this machine: a key is sent to it.",
                    )
                    .target("IDENTITY_ENDPOINT"));
                }
                url.query_pairs_mut()
                    .append_pair("api-version", "2020-06-01")
                    .append_pair("resource", resource);
                let send = |request| wire.send(request, timeout, true);
                let first = send(metadata_request(url.clone()))
                    .await
                    .map_err(|lost| no_service(lost.into_error()))?;
                if first.status != 401 {
                    return Ok(first);
                }
                let key = agent_key(&first, key_folder).await?;
                let mut request = metadata_request(url);
                let mut value = HeaderValue::from_str(&format!("Basic {}", key.as_str()))
                    .map_err(|_| bad_key("holds characters that no key has"))?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
                send(request)
                    .await
                    .map_err(|lost| no_service(lost.into_error()))
            }
        }
    }
}

/// Whether the Azure Arc agent is installed here.
pub(super) fn agent_installed() -> bool {
    if cfg!(windows) {
        let folder = std::env::var_os("ProgramFiles").unwrap_or_else(|| r"C:\Program Files".into());
        Path::new(&folder)
            .join(r"AzureConnectedMachineAgent\himds.exe")
            .exists()
    } else {
        Path::new("/opt/azcmagent/bin/himds").exists()
    }
}

fn key_folder(environment: &impl Fn(&str) -> Option<String>) -> PathBuf {
    if cfg!(windows) {
        let data = environment("ProgramData").unwrap_or_else(|| r"C:\ProgramData".to_owned());
        Path::new(&data)
            .join("AzureConnectedMachineAgent")
            .join("Tokens")
    } else {
        PathBuf::from("/var/opt/azcmagent/tokens")
    }
}

fn address(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|e| {
        Error::new(
            ErrorId::ConfigurationInvalid,
            format!("The managed identity endpoint is not an address: {text}"),
        )
        .caused_by(&e)
    })
}

fn metadata_request(url: Url) -> Request {
    let mut request = Request::new(Method::GET, url);
    request
        .headers_mut()
        .insert("metadata", HeaderValue::from_static("true"));
    request
}

/// The key the agent points to. What is read goes back over the wire, so only a small `.key` file in
/// the agent's own folder is read, whatever the answer names.
async fn agent_key(answer: &Answer, folder: &Path) -> Result<Zeroizing<String>> {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let named = challenge
        .strip_prefix("Basic realm=")
        .map(|v| v.trim().trim_matches('"'))
        .filter(|v| !v.is_empty())
        .ok_or_else(|| bad_key("is not named by the agent"))?;
    let path = Path::new(named);
    if path.extension().is_none_or(|e| e != "key") {
        return Err(bad_key("has not the extension .key"));
    }
    // Resolved, so that neither `..` nor a link leads out of the folder.
    let file = std::fs::canonicalize(path).map_err(|e| bad_key("can't be found").caused_by(&e))?;
    let folder =
        std::fs::canonicalize(folder).map_err(|e| bad_key("has no folder").caused_by(&e))?;
    if file.parent() != Some(folder.as_path()) || file.extension().is_none_or(|e| e != "key") {
        return Err(bad_key("is not in the agent's folder"));
    }
    let content = read_file(&file, KEY_LIMIT).await.map_err(|e| {
        bad_key("can't be read")
            .action("Run as an administrator, or as a member of 'Hybrid agent extension applications' (Windows) or the group himds (Linux).")
            .caused_by(&e)
    })?;
    let content = Zeroizing::new(content);
    // The agent writes text; anything else is sent in base64, as other clients do.
    Ok(Zeroizing::new(match std::str::from_utf8(&content) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => STANDARD.encode(&*content),
    }))
}

fn bad_key(text: &str) -> Error {
    Error::new(
        ErrorId::GraphAuthenticationFailed,
        format!("The key file of the Azure Arc agent {text}."),
    )
    .action("Check that the Azure Connected Machine agent is installed and runs.")
}

fn no_service(error: Error) -> Error {
    let mut unavailable = Error::new(
        ErrorId::GraphUnavailable,
        "This machine serves no managed identity.",
    )
    .action("Assign a managed identity to the VM, or connect the machine to Azure Arc; otherwise sign in with a certificate.");
    unavailable.causes.push(error.message);
    unavailable.causes.extend(error.causes);
    unavailable
}

fn refused(answer: &Answer) -> Error {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |key: &str| {
        body[key]
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(300)
            .collect::<String>()
    };
    let id = match answer.status {
        429 => ErrorId::GraphThrottled,
        404 | 410 | 500..=599 => ErrorId::GraphUnavailable,
        _ => ErrorId::GraphAuthenticationFailed,
    };
    Error::new(
        id,
        format!(
            "The machine's managed identity gave no token: status {} {} {}",
            answer.status,
            text("error"),
            text("error_description")
        )
        .trim_end()
        .to_owned(),
    )
    .action(match id {
        ErrorId::GraphAuthenticationFailed => {
            "Check that an identity is assigned to this machine, and its client id when it has several."
        }
        _ => "The machine's identity service is busy or being updated: try again later.",
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::graph::tests::{Recorder, Reply, Seen, Server};

    fn wire() -> Wire {
        Wire::new(None, false, Duration::from_secs(5)).unwrap()
    }

    async fn fetch(identity: &ManagedIdentity, host: &Arc<Recorder>) -> Result<Fetched> {
        let timeout = Duration::from_secs(5);
        identity
            .fetch(&wire(), "https://graph.example", timeout, &host.context())
            .await
    }

    fn good() -> Reply {
        Reply::ok(json!({"access_token": "T", "expires_in": "3599", "resource": "r"}))
    }

    fn metadata(seen: &Seen) {
        assert_eq!(seen.header("metadata"), Some("true"));
        assert!(seen.header("x-forwarded-for").is_none());
        assert!(
            seen.target.contains("resource=https%3A%2F%2Fgraph.example"),
            "{}",
            seen.target
        );
    }

    #[test]
    fn the_environment_says_where() {
        let none = |_: &str| None;
        let vm = ManagedIdentity::detect(Some("c".to_owned()), none, false).unwrap();
        let url = format!("{IMDS}/metadata/identity/oauth2/token");
        assert_eq!(vm.service, Service::Vm { url });
        assert!(matches!(
            ManagedIdentity::detect(None, none, true).unwrap().service,
            Service::Arc { .. }
        ));
        assert!(ManagedIdentity::detect(Some("c".to_owned()), none, true).is_err());
        let pod = |n: &str| {
            (n == "AZURE_POD_IDENTITY_AUTHORITY_HOST").then(|| "http://127.0.0.1:9/".to_owned())
        };
        let url = "http://127.0.0.1:9/metadata/identity/oauth2/token".to_owned();
        assert_eq!(
            ManagedIdentity::detect(None, pod, false).unwrap().service,
            Service::Vm { url }
        );
    }

    #[tokio::test]
    async fn a_vm_asks_its_metadata_service_and_outlasts_updates() {
        let server = Server::start(|seen, n| {
            metadata(seen);
            assert!(
                seen.target.contains("api-version=2018-02-01")
                    && seen.target.contains("client_id=c")
            );
            if n == 0 { Reply::new(404, "") } else { good() }
        })
        .await;
        let url = format!("{}/metadata/identity/oauth2/token", server.url);
        let identity = ManagedIdentity {
            service: Service::Vm { url },
            client_id: Some("c".to_owned()),
        };
        let fetched = fetch(&identity, &Recorder::new()).await.unwrap();
        assert_eq!(fetched.life, Some(Duration::from_secs(3599)));
        let refusing = Server::start(|_, _| {
            Reply::new(
                400,
                json!({"error": "invalid_request", "error_description": "Identity not found"}),
            )
        })
        .await;
        let service = Service::Vm {
            url: format!("{}/token", refusing.url),
        };
        let error = fetch(
            &ManagedIdentity {
                service,
                client_id: None,
            },
            &Recorder::new(),
        )
        .await
        .err()
        .unwrap();
        assert_eq!(error.id, ErrorId::GraphAuthenticationFailed);
        assert!(error.message.contains("Identity not found"));
    }

    /// The lab plays both services with their real answers.
    #[tokio::test(flavor = "multi_thread")]
    async fn both_services_give_tokens_and_say_why_not() {
        let lab = crate::graph::tests::lab::Lab::start().await;
        let (url, graph) = (lab.text("identityEndpoint"), lab.text("graph"));
        let vm = |client_id: Option<&str>| ManagedIdentity {
            service: Service::Vm { url: url.clone() },
            client_id: client_id.map(str::to_owned),
        };
        let agent = ManagedIdentity {
            service: Service::Arc {
                url: url.clone(),
                key_folder: lab.text("arcTokenFolder").into(),
            },
            client_id: None,
        };
        let ask = async |identity: &ManagedIdentity, resource: &str| {
            let timeout = Duration::from_secs(5);
            identity
                .fetch(&wire(), resource, timeout, &Recorder::new().context())
                .await
        };
        for identity in [&vm(None), &vm(Some(&lab.text("clientId"))), &agent] {
            let fetched = ask(identity, &graph).await.unwrap();
            assert!(fetched.life.unwrap() > Duration::from_secs(3000));
        }
        let failed = |r: Result<Fetched>| r.err().unwrap();
        let unknown = failed(ask(&vm(Some("00000000-0000-0000-0000-000000000001")), &graph).await);
        assert_eq!(unknown.id, ErrorId::GraphAuthenticationFailed);
        assert!(
            unknown
                .message
                .contains("invalid_request Identity not found"),
            "{unknown}"
        );
        let other = failed(ask(&vm(None), "https://other.example").await);
        assert!(other.message.contains("invalid_resource"), "{other}");

        // Busy, updated, broken: ridden out; for good: told as what it is.
        for code in [410, 429, 500] {
            let fault = |times: u32| json!({"fault": "status", "code": code, "path": "metadata/identity", "times": times});
            lab.fault(fault(2)).await;
            ask(&vm(None), &graph).await.unwrap();
            lab.fault(fault(5)).await;
            let error = failed(ask(&vm(None), &graph).await);
            let expected = if code == 429 {
                ErrorId::GraphThrottled
            } else {
                ErrorId::GraphUnavailable
            };
            assert_eq!(error.id, expected, "{error}");
        }
        ask(&agent, &graph).await.unwrap();
        let elsewhere = ManagedIdentity {
            service: Service::Arc {
                url: url.clone(),
                key_folder: std::env::temp_dir(),
            },
            client_id: None,
        };
        let error = failed(ask(&elsewhere, &graph).await);
        assert!(
            error.message.contains("not in the agent's folder"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn the_arc_agent_is_answered_only_with_its_own_key() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let put = |folder: &tempfile::TempDir, name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let sound = put(&folder, "a.key", b"K3Y");
        let outside = put(&elsewhere, "b.key", b"SECRET");
        let wrong_kind = put(&folder, "passwd", b"SECRET");
        let large = put(&folder, "c.key", &[b'x'; 4097]);
        let dots = format!(
            "{}/../{}/b.key",
            folder.path().display(),
            elsewhere.path().file_name().unwrap().to_str().unwrap()
        );
        let mut bad = vec![
            outside.clone(),
            wrong_kind,
            large,
            dots,
            String::new(),
            "missing.key".to_owned(),
        ];
        #[cfg(unix)]
        {
            let link = folder.path().join("d.key");
            std::os::unix::fs::symlink(&outside, &link).unwrap();
            bad.push(link.to_str().unwrap().to_owned());
        }
        for (named, is_good) in
            std::iter::once((sound, true)).chain(bad.into_iter().map(|b| (b, false)))
        {
            let realm = named.clone();
            let server = Server::start(move |seen, _| {
                metadata(seen);
                assert!(seen.target.contains("api-version=2020-06-01"));
                match seen.header("authorization") {
                    Some("Basic K3Y") => good(),
                    Some(other) => panic!("leaked {other}"),
                    None => {
                        Reply::new(401, "").with("www-authenticate", format!("Basic realm={realm}"))
                    }
                }
            })
            .await;
            let service = Service::Arc {
                url: format!("{}/token", server.url),
                key_folder: folder.path().to_owned(),
            };
            let outcome = fetch(
                &ManagedIdentity {
                    service,
                    client_id: None,
                },
                &Recorder::new(),
            )
            .await;
            assert_eq!(outcome.is_ok(), is_good, "{named}");
            if let Err(error) = outcome {
                assert_eq!(error.id, ErrorId::GraphAuthenticationFailed, "{named}");
                assert_eq!(server.all_seen().len(), 1, "{named}");
            }
        }
        let service = Service::Arc {
            url: "http://192.0.2.1/token".to_owned(),
            key_folder: folder.path().to_owned(),
        };
        let error = fetch(
            &ManagedIdentity {
                service,
                client_id: None,
            },
            &Recorder::new(),
        )
        .await
        .err()
        .unwrap();
        assert_eq!(error.id, ErrorId::ConfigurationInvalid);
    }
}
