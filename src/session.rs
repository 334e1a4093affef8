//! What a caller's session handle stands for: options, store, clients, running work. Dispatches requests to their rooms.

mod connect;
mod connectivity;
mod container;
mod feature;
#[cfg(fuzzing)]
pub mod fuzzing;
mod groups;
mod members;
mod objects;
mod options;
mod plans;
mod requests;
mod runs;
mod secrets;
mod settings;
mod sync;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::config::{Configuration, Connection, Version};
use crate::cycle::{Engine, SchemaFacade, replication};
use crate::directory::Directory;
use crate::error::{Error, ErrorId, Result};
use crate::graph::GraphClient;
use crate::mapping::Mapping;
use crate::operation::{Cancel, Context, Level};
use crate::store::{SqliteStore, Store};

pub use options::Options;

/// How long `close` waits for detached runs to stop.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// What a caller asks for; `docs/abi.md` gives the members.
#[derive(Clone, Debug)]
pub enum Request {
    /// `gwb_enable`.
    Enable(Value),
    /// `gwb_disable`.
    Disable(Value),
    /// `gwb_sync`.
    Sync(Value),
    /// `gwb_query`.
    Query(Value),
}

/// What a successful operation ends with.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Output type without its prefix.
    pub kind: Option<&'static str>,
    /// Its properties in PascalCase.
    pub value: Option<Value>,
}

impl Outcome {
    fn of(kind: &'static str, object: &impl serde::Serialize) -> Outcome {
        Outcome {
            kind: Some(kind),
            value: Some(objects::to_value(object)),
        }
    }
}

/// An operation's work, ready to be driven by the runtime.
pub type Work = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

/// Clients of a connected session.
#[derive(Clone)]
struct Clients {
    connection: Connection,
    graph: GraphClient,
    directory: Directory,
}

impl Clients {
    /// The tenant by the token's own word, else as it was given.
    fn tenant(&self) -> String {
        self.graph
            .token_identity()
            .0
            .unwrap_or_else(|| self.connection.tenant_id.clone())
    }
}

/// Store key: the tenant whose groups were written.
const TENANT: &str = "tenant";

/// One connection of one caller.
pub struct Session {
    options: Options,
    folder: PathBuf,
    store: Mutex<Option<Arc<dyn Store>>>,
    clients: Mutex<Option<Clients>>,
    /// Ends what goes on behind operations: directory reconnects, detached runs.
    closing: Cancel,
    detached: Mutex<Vec<(Cancel, JoinHandle<()>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Reads and validates the options of `gwb_open`. No network, and nothing on disk.
    pub fn open(config: &Value) -> Result<Arc<Session>> {
        let options = Options::parse(config)?;
        let folder = options.store_folder()?;
        Ok(Arc::new(Session {
            options,
            folder,
            store: Mutex::default(),
            clients: Mutex::default(),
            closing: Cancel::default(),
            detached: Mutex::default(),
        }))
    }

    /// Validates a request at once and gives the work as a future, to be driven by the runtime.
    pub fn start(self: &Arc<Self>, request: Request, ctx: Context) -> Result<Work> {
        requests::check(&request)?;
        let session = self.clone();
        let ctx = self.with_saved(ctx);
        Ok(Box::pin(async move {
            match request {
                Request::Enable(members) => session.enable(&members, &ctx).await,
                Request::Disable(members) => session.disable(&members, &ctx).await,
                Request::Sync(members) => session.sync(&members, &ctx).await,
                Request::Query(members) => session.query(&members, &ctx).await,
            }
        }))
    }

    async fn query(self: &Arc<Self>, members: &Value, ctx: &Context) -> Result<Outcome> {
        match text(members, "op").unwrap_or_default() {
            "connect" => self.connect(ctx).await,
            "context" => Ok(self.context()),
            "feature" => self.feature(ctx).await,
            "threshold" => self.threshold(),
            "setThreshold" => self.set_threshold(members),
            "configuration" => self.configurations(members, ctx).await,
            "saveSecrets" => self.save_secrets(members, ctx).await,
            "forgetSecrets" => self.forget_secrets(),
            "setConfiguration" => self.set_configuration(members),
            "initializeContainer" => self.initialize_container(members, ctx).await,
            "testConnectivity" => self.test_connectivity(members, ctx).await,
            "runStatus" => self.run_status(ctx).await,
            "runResult" => self.run_result(members, ctx).await,
            "waitRun" => self.wait_run(members, ctx).await,
            "stopRun" => self.stop_run(),
            "groups" => self.groups(members, ctx).await,
            "plan" => self.new_plan(members, ctx).await,
            "operations" => self.stored_operations(members, ctx).await,
            other => Err(Error::new(
                ErrorId::InvalidArgument,
                format!("There is no query '{other}'."),
            )
            .target("op")),
        }
    }

    /// Stops background work and forgets secrets.
    pub async fn close(&self) {
        self.closing.cancel();
        let detached = std::mem::take(&mut *lock(&self.detached));
        for (cancel, _) in &detached {
            cancel.cancel();
        }
        let all = async {
            for (_, task) in detached {
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_PATIENCE, all).await;
        *lock(&self.clients) = None;
        *lock(&self.store) = None;
    }

    fn name(&self) -> &str {
        &self.options.configuration_name
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.options.client_timeout_sec))
    }

    /// The store, which must exist.
    fn store(&self) -> Result<Arc<dyn Store>> {
        self.store_opened_by(SqliteStore::open_existing)
    }

    /// The store, made if need be: only Enable records anything.
    fn store_or_new(&self) -> Result<Arc<dyn Store>> {
        self.store_opened_by(SqliteStore::open)
    }

    fn store_opened_by(
        &self,
        open: fn(&std::path::Path, &str) -> Result<SqliteStore>,
    ) -> Result<Arc<dyn Store>> {
        let mut store = lock(&self.store);
        if let Some(store) = store.as_ref() {
            return Ok(store.clone());
        }
        let opened = open(&self.folder, self.name())?;
        opened.wait_at_most(self.timeout())?;
        let opened: Arc<dyn Store> = Arc::new(opened);
        *store = Some(opened.clone());
        Ok(opened)
    }

    /// The recorded configuration, if there is one.
    fn recorded(&self) -> Result<Option<Configuration>> {
        match self.store() {
            Ok(store) => store.configuration(),
            Err(error) if error.id == ErrorId::ConfigurationNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The configuration, on or off.
    fn configuration(&self) -> Result<Configuration> {
        self.recorded()?.ok_or_else(|| self.not_enabled())
    }

    fn not_enabled(&self) -> Error {
        Error::new(
            ErrorId::FeatureNotEnabled,
            format!(
                "Group writeback is not enabled in configuration '{}'.",
                self.name()
            ),
        )
        .target(self.name())
    }

    /// The clients, bound to this operation's host.
    fn clients(&self, ctx: &Context) -> Result<Clients> {
        let clients = lock(&self.clients).clone().ok_or_else(|| {
            Error::new(
                ErrorId::NotConnected,
                format!(
                    "The session for configuration '{}' is not connected.",
                    self.name()
                ),
            )
        })?;
        Ok(Clients {
            graph: clients.graph.with_context(ctx),
            ..clients
        })
    }

    /// The groups written so far are those of one tenant: to another one they all would seem deleted.
    fn check_tenant(&self, clients: &Clients, store: &dyn Store) -> Result<()> {
        let Some(recorded) = store.meta(TENANT)? else {
            return Ok(());
        };
        let here = clients.tenant();
        if recorded.eq_ignore_ascii_case(&here) || store.count_known_groups()? == 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorId::ConfigurationInvalid,
            format!("Configuration '{}' holds the groups of tenant {recorded}, and this session is connected to tenant {here}.", self.name()),
        )
        .target("connection.tenantId")
        .action("Connect to the recorded tenant, or use another configuration (-ConfigurationName) for this one."))
    }

    /// The clients for a run: with the controller that is there, else with the next that can be used. Once chosen, it
    /// stays for the whole run.
    async fn clients_for_run(&self, ctx: &Context) -> Result<Clients> {
        let mut clients = self.clients(ctx)?;
        let before = clients.directory.clone();
        let now = match ctx.cancel.guard(before.at_hand(&self.closing)).await {
            Ok(now) => now,
            Err(error) if error.id == ErrorId::OperationCancelled => return Err(error),
            Err(error) => {
                // The run says so itself, and is in the history then.
                ctx.warn(error).await;
                return Ok(clients);
            }
        };
        let (old, new) = (&before.root().dns_host_name, &now.root().dns_host_name);
        if old != new {
            ctx.message(
                Level::Information,
                format!("{old} doesn't answer; this run uses {new}."),
            )
            .await;
        }
        let now = self.with_last_writes(now, ctx).await?;
        if let Some(kept) = lock(&self.clients).as_mut() {
            kept.directory = now.clone();
        }
        clients.directory = now;
        Ok(clients)
    }

    /// This controller, or the one of the last writes while this one may lack them and that one answers.
    async fn with_last_writes(&self, now: Directory, ctx: &Context) -> Result<Directory> {
        let Ok(store) = self.store() else {
            return Ok(now);
        };
        let former = ctx.cancel.guard(replication::former(store.as_ref(), &now));
        let Ok(Some((replica, name))) = former.await else {
            // What is wrong the run finds as well, and says so in the history.
            return Ok(now);
        };
        let found = now.with_replica(&replica, &name, &self.closing);
        let Some(found) = ctx.cancel.guard(found).await? else {
            return Ok(now);
        };
        let (here, there) = (&now.root().dns_host_name, &found.root().dns_host_name);
        ctx.message(
            Level::Information,
            format!("{here} may lack what the last run wrote to {there}; this run uses {there}."),
        )
        .await;
        Ok(found)
    }

    /// What a run works with; writeback must be on.
    async fn engine(&self, ctx: &Context) -> Result<Engine> {
        let clients = self.clients_for_run(ctx).await?;
        let config = self.configuration()?;
        if !config.enabled {
            return Err(self.not_enabled());
        }
        let store = self.store()?;
        self.check_tenant(&clients, store.as_ref())?;
        let mut mapping = Mapping::compile(&config, &SchemaFacade(clients.directory.schema()))?;
        if config.version == Version::V2
            && let Some(written) = clients.graph.new_group_default().await?
        {
            mapping = mapping.with_new_group_default(written);
        }
        Ok(Engine {
            name: self.name().to_owned(),
            config,
            store,
            graph: clients.graph,
            directory: clients.directory,
            mapping,
            host_name: crate::ffi::os::host_name().unwrap_or_else(|| "localhost".to_owned()),
        })
    }
}

/// A text member of a request.
fn text<'a>(members: &'a Value, name: &str) -> Option<&'a str> {
    members[name].as_str()
}

/// A flag of a request; absent = false.
fn flag(members: &Value, name: &str) -> bool {
    members[name].as_bool().unwrap_or(false)
}

/// A list of texts of a request; absent = empty.
fn texts(members: &Value, name: &str) -> Vec<String> {
    members[name]
        .as_array()
        .map(|list| {
            list.iter()
                .filter_map(|t| t.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
}

/// A GUID of a request.
fn guid(members: &Value, name: &str) -> Result<Option<crate::model::Guid>> {
    text(members, name)
        .map(|t| {
            t.parse().map_err(|_| {
                Error::new(
                    ErrorId::InvalidArgument,
                    format!("{name}: '{t}' is no GUID."),
                )
                .target(name)
            })
        })
        .transpose()
}
