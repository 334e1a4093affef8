//! One lab: the tenant, the directory, and everything that decides how they answer.

use crate::ad::Ad;
use crate::backend::Backend;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::ids::Guid;
use crate::ldap::front::Front;
use crate::rng::{Rng, mix};
use crate::signin::SignIn;
use crate::tenant::fault::FaultBook;
use crate::tenant::permissions::Access;
use crate::tenant::state::Tenant;
use crate::tenant::throttle::Throttle;
use crate::world::WorldOptions;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// How the tenant answers.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) world: WorldOptions,
    pub(crate) page_size: usize,
    pub(crate) slice_size: usize,
    pub(crate) replay_percent: u32,
    /// Whether beta has `writebackConfiguration` in this cloud.
    pub(crate) beta_flag: bool,
    /// Where key files of the managed identity go.
    pub(crate) token_dir: PathBuf,
    pub(crate) federated_file: PathBuf,
}

/// The whole lab, shared by all requests.
pub(crate) struct Lab {
    pub(crate) settings: Settings,
    /// `http://127.0.0.1:port`
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) signin: SignIn,
    pub(crate) directory: Backend,
    pub(crate) shutdown: watch::Sender<bool>,
    pub(crate) state: State,
}

/// What changes while the lab runs.
pub(crate) struct State {
    tenant: RwLock<Tenant>,
    /// Where changes of the tenant's synced objects go.
    ad: RwLock<Arc<dyn Ad>>,
    roles: RwLock<Vec<String>>,
    faults: Mutex<FaultBook>,
    throttle: Mutex<Throttle>,
    rng: Mutex<Rng>,
    sequence: AtomicU64,
}

impl State {
    pub(crate) fn new(
        tenant: Tenant,
        ad: Arc<dyn Ad>,
        roles: Vec<String>,
        units: u64,
        seed: u64,
    ) -> Self {
        Self {
            tenant: RwLock::new(tenant),
            ad: RwLock::new(ad),
            roles: RwLock::new(roles),
            faults: Mutex::default(),
            throttle: Mutex::new(Throttle::new(units)),
            rng: Mutex::new(Rng::new(seed, "changes")),
            sequence: AtomicU64::new(0),
        }
    }
}

impl Lab {
    /// What clients of the directory meet first.
    pub(crate) fn front(&self) -> &Front {
        self.directory.front()
    }

    pub(crate) fn tenant(&self) -> RwLockReadGuard<'_, Tenant> {
        self.state
            .tenant
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tenant_mut(&self) -> RwLockWriteGuard<'_, Tenant> {
        self.state
            .tenant
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ad(&self) -> Arc<dyn Ad> {
        let ad = self.state.ad.read();
        Arc::clone(&ad.unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_ad(&self, ad: Arc<dyn Ad>) {
        *self
            .state
            .ad
            .write()
            .unwrap_or_else(PoisonError::into_inner) = ad;
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultBook> {
        self.state
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.state
            .throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The generator of changes.
    pub(crate) fn rng(&self) -> MutexGuard<'_, Rng> {
        self.state
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the application is granted.
    pub(crate) fn roles(&self) -> Vec<String> {
        self.state
            .roles
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_roles(&self, roles: Vec<String>) {
        *self
            .state
            .roles
            .write()
            .unwrap_or_else(PoisonError::into_inner) = roles;
    }

    pub(crate) fn access(&self) -> Access {
        Access::of(
            &self
                .state
                .roles
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The next number of this run.
    pub(crate) fn next_number(&self) -> u64 {
        self.state.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// A GUID for a request or a fault; not part of the world.
    pub(crate) fn new_guid(&self) -> Guid {
        let number = self.next_number();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&mix(number ^ self.settings.world.seed).to_be_bytes());
        bytes[8..].copy_from_slice(&mix(!number).to_be_bytes());
        Guid::random(bytes)
    }
}
