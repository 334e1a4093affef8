//! Starting a lab: world, certificates, ports; what the ready line says; stopping it.

use crate::backend::{Filled, Kind, Passwords};
use crate::certs;
use crate::directory::{ExchangeLevel, dn};
use crate::http;
use crate::ids::{Guid, base64url};
use crate::lab::{Lab, Settings, State};
use crate::ldap::front::CONTROLLERS;
use crate::rng::Rng;
use crate::samba::Samba;
use crate::signin::token::Holder;
use crate::signin::{AppSecrets, SignIn};
use crate::tenant::permissions::DEFAULT_ROLES;
use crate::tenant::throttle::bucket_size;
use crate::world::{self, WorldOptions};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Everything that can be chosen about a lab.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// Seed and sizes.
    pub world: WorldOptions,
    /// Which directory clients talk to.
    pub directory: Kind,
    /// Where provisioned Samba directories are kept to copy from; a folder of our own choice if absent.
    pub samba_templates: Option<PathBuf>,
    /// How far Exchange is set up in the directory.
    pub exchange: ExchangeLevel,
    /// Whether the directory has the schema of Windows Server 2016.
    pub schema_2016: bool,
    /// Organizational units to create at the start.
    pub ous: Vec<String>,
    /// Whether beta has `writebackConfiguration`, as in every cloud but USNat and USSec.
    pub beta_flag: bool,
    /// Port of sign-in, Graph and control; 0 is any free one.
    pub graph_port: u16,
    /// Port of LDAP.
    pub ldap_port: u16,
    /// Port of LDAPS.
    pub ldaps_port: u16,
    /// Where files go; a temporary folder if absent.
    pub data_dir: Option<PathBuf>,
    /// Cap of page sizes.
    pub page_size: usize,
    /// Members in a group row of a delta page.
    pub slice_size: usize,
    /// Share of rows that are repeated.
    pub replay_percent: u32,
    /// Resource units in ten seconds; by the size of the tenant if absent.
    pub resource_units: Option<u64>,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self {
            world: WorldOptions::default(),
            directory: Kind::default(),
            samba_templates: None,
            exchange: ExchangeLevel::Prepared,
            schema_2016: true,
            ous: Vec::new(),
            beta_flag: true,
            graph_port: 0,
            ldap_port: 0,
            ldaps_port: 0,
            data_dir: None,
            page_size: 999,
            slice_size: 800,
            replay_percent: 2,
            resource_units: None,
        }
    }
}

/// A lab that runs; dropping it without [`RunningLab::stop`] leaves its tasks to the runtime.
pub struct RunningLab {
    ready: Value,
    shutdown: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    samba: Option<Samba>,
    // Removed when the lab goes.
    _folder: Option<tempfile::TempDir>,
}

impl RunningLab {
    /// What the ready line says.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Waits until someone asks the lab to stop.
    pub async fn until_shutdown(&self) {
        // The sender lives as long as the lab, so waiting can't fail.
        let _ = self.shutdown.subscribe().wait_for(|stop| *stop).await;
    }

    /// Stops the servers and waits for them a little.
    pub async fn stop(self) {
        self.shutdown.send_replace(true);
        for mut task in self.tasks {
            let patience = std::time::Duration::from_secs(2);
            if tokio::time::timeout(patience, &mut task).await.is_err() {
                task.abort();
            }
        }
        // It waits for the process.
        let samba = self.samba;
        let _ = tokio::task::spawn_blocking(move || drop(samba)).await;
    }
}

/// Secrets and passwords: a function of the seed, so that a script can be repeated.
struct Secrets {
    app: AppSecrets,
    pfx: String,
    passwords: Passwords,
}

fn secrets(seed: u64) -> Secrets {
    let mut rng = Rng::new(seed, "secrets");
    let client_id = Guid::random(rng.bytes());
    let mut signing_key = [0; 32];
    signing_key[..16].copy_from_slice(&rng.bytes());
    signing_key[16..].copy_from_slice(&rng.bytes());
    let mut secret = |start: &str| format!("{start}{}", base64url(&rng.bytes()));
    Secrets {
        app: AppSecrets {
            client_id,
            client_secret: secret("lab8Q~"),
            expired_secret: secret("old8Q~"),
            signing_key,
        },
        pfx: secret("Pfx-"),
        passwords: Passwords {
            bind: secret("Bind-1!"),
            read_only: secret("Read-1!"),
            admin: secret("Admin-1!"),
        },
    }
}

/// Starts a lab.
pub async fn start(options: LabOptions) -> Result<RunningLab, String> {
    let (folder, temporary) = match &options.data_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("{} can't be created: {error}", folder.display()))?;
            (folder.clone(), None)
        }
        None => {
            let made = tempfile::Builder::new()
                .prefix("group-writeback-lab-")
                .tempdir();
            let made = made.map_err(|error| format!("no temporary folder: {error}"))?;
            (made.path().to_owned(), Some(made))
        }
    };
    let graph = listen(options.graph_port).await?;
    let controllers = [
        [
            listen(options.ldap_port).await?,
            listen(options.ldaps_port).await?,
        ],
        [listen(0).await?, listen(0).await?],
    ];
    let ports = Ports {
        graph: port(&graph)?,
        ldap: port(&controllers[0][0])?,
        ldaps: [port(&controllers[0][1])?, port(&controllers[1][1])?],
    };
    let (shutdown, stopped) = watch::channel(false);

    let made = Make {
        options,
        folder,
        ports,
        shutdown: shutdown.clone(),
    };
    // A large world takes a while to make.
    let made = tokio::task::spawn_blocking(move || made.make()).await;
    let Made {
        lab,
        ready,
        tls,
        samba,
    } = made.map_err(|error| format!("the world: {error}"))??;

    let lab = Arc::new(lab);
    let mut tasks = Vec::new();
    for (controller, listeners) in controllers.into_iter().enumerate() {
        let directory = lab.directory.clone();
        let serving = directory.serve_as(controller, listeners, tls.clone(), stopped.clone());
        tasks.push(tokio::spawn(serving));
    }
    let mut until = stopped;
    let server = axum::serve(graph, http::router(lab)).with_graceful_shutdown(async move {
        let _ = until.wait_for(|stop| *stop).await;
    });
    tasks.push(tokio::spawn(async move {
        // Nothing is left to tell when the server ends: its port goes with it.
        let _ = server.await;
    }));
    Ok(RunningLab {
        ready,
        shutdown,
        tasks,
        samba,
        _folder: temporary,
    })
}

async fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port}: {error}"))
}

fn port(listener: &TcpListener) -> Result<u16, String> {
    listener
        .local_addr()
        .map(|address| address.port())
        .map_err(|error| error.to_string())
}

#[derive(Clone, Copy)]
struct Ports {
    graph: u16,
    ldap: u16,
    /// Of both controllers.
    ldaps: [u16; CONTROLLERS],
}

/// What a lab is made from.
struct Make {
    options: LabOptions,
    folder: PathBuf,
    ports: Ports,
    shutdown: watch::Sender<bool>,
}

/// What comes out.
struct Made {
    lab: Lab,
    ready: Value,
    tls: Arc<rustls::ServerConfig>,
    samba: Option<Samba>,
}

impl Make {
    fn make(self) -> Result<Made, String> {
        let Self {
            options,
            folder,
            ports,
            shutdown,
        } = self;
        let seed = options.world.seed;
        let domain = options.world.domain.clone();
        let Secrets {
            app,
            pfx,
            passwords,
        } = secrets(seed);
        let certificates = certs::create(&folder, &domain, &pfx)?;
        let identity = world::identity(&options.world);
        let filled = match options.directory {
            Kind::Embedded => Filled::embedded(&options, &passwords)?,
            Kind::Samba => {
                let authority = Arc::new(certificates.authority);
                Filled::samba(&options, &passwords, &folder, authority)?
            }
        };
        let base = format!("http://127.0.0.1:{}", ports.graph);
        let settings = Settings {
            page_size: options.page_size.max(1),
            slice_size: options.slice_size.max(1),
            replay_percent: options.replay_percent,
            beta_flag: options.beta_flag,
            token_dir: folder.join("tokens"),
            federated_file: folder.join("federated.jwt"),
            world: options.world,
        };
        let roles = DEFAULT_ROLES
            .iter()
            .map(|role| (*role).to_owned())
            .collect::<Vec<_>>();
        let units = options
            .resource_units
            .unwrap_or_else(|| bucket_size(settings.world.users));
        let ready_secrets = (app.client_secret.clone(), app.expired_secret.clone());
        let signin = SignIn::new(&identity, app, certificates.app, &base);
        let lab = Lab {
            base: base.clone(),
            clock: Default::default(),
            counters: Default::default(),
            signin,
            directory: filled.backend,
            shutdown,
            state: State::new(filled.tenant, filled.ad, roles.clone(), units, seed),
            settings,
        };
        let now = lab.clock.now();
        let assertion = lab.signin.federated_assertion(now, 3600);
        std::fs::write(&lab.settings.federated_file, assertion)
            .map_err(|error| format!("the federated assertion can't be written: {error}"))?;
        let servers = ports.ldaps.map(|port| format!("localhost:{port}"));
        let mut ready = json!({
            "ready": true,
            "directory": match options.directory {
                Kind::Embedded => "embedded",
                Kind::Samba => "samba",
            },
            "pid": std::process::id(),
            "seed": seed,
            "login": base,
            "graph": base,
            "control": format!("{base}/lab"),
            "tenantId": lab.signin.tenant_id.to_string(),
            "clientId": lab.signin.client_id.to_string(),
            "clientSecret": ready_secrets.0,
            "expiredSecret": ready_secrets.1,
            "certificatePem": certificates.app_pem,
            "certificatePfx": certificates.app_pfx,
            "pfxPassword": pfx,
            "certificateThumbprint": certificates.thumbprint,
            "federatedTokenFile": lab.settings.federated_file,
            "identityEndpoint": format!("{base}/metadata/identity/oauth2/token"),
            "arcTokenFolder": lab.settings.token_dir,
            "accessToken": lab.signin.access_token(Holder::Application, &roles, now),
            "ldap": format!("ldap://127.0.0.1:{}", ports.ldap),
            "ldaps": format!("ldaps://{}", servers[0]),
            "server": servers[0],
            "servers": servers,
            "caFile": certificates.ca_file,
            "domain": domain,
            "baseDn": dn::of_domain(&domain),
            "bindUser": format!("svc-writeback@{domain}"),
            "bindPassword": passwords.bind,
            "readOnlyUser": format!("svc-readonly@{domain}"),
            "readOnlyPassword": passwords.read_only,
            "adminUser": format!("administrator@{domain}"),
            "adminPassword": passwords.admin,
        });
        if let (Value::Object(ready), Some(samba)) = (&mut ready, &filled.samba) {
            ready.extend(samba.ready());
        }
        Ok(Made {
            lab,
            ready,
            tls: certificates.tls,
            samba: filled.samba,
        })
    }
}
