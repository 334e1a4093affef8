//! The directory that clients of the lab talk to: the embedded one, or Samba behind the gateway.

use crate::ad::{self, Ad, Controller, Wishes};
use crate::certs::Authority;
use crate::directory::{Account, CreatedGroup, Directory, DirectoryOptions, Rights};
use crate::gateway::Gateway;
use crate::ids::Guid;
use crate::ldap::front::Front;
use crate::samba::{self, Samba};
use crate::serve::LabOptions;
use crate::tenant::state::Tenant;
use crate::world;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Which directory a lab has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// In memory, in this process.
    #[default]
    Embedded,
    /// A Samba domain controller on a loopback address.
    Samba,
}

/// Passwords of the accounts in the directory.
pub(crate) struct Passwords {
    pub(crate) bind: String,
    pub(crate) read_only: String,
    pub(crate) admin: String,
}

/// The directory of a running lab. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) enum Backend {
    Embedded(Directory),
    Samba {
        gateway: Gateway,
        /// Past the gateway, as its administrator.
        controller: Arc<Controller>,
    },
}

impl Backend {
    /// What clients meet first.
    pub(crate) fn front(&self) -> &Front {
        match self {
            Self::Embedded(directory) => directory.front(),
            Self::Samba { gateway, .. } => gateway.front(),
        }
    }

    /// Serves clients as one of two controllers until `shutdown` becomes true.
    pub(crate) async fn serve_as(
        self,
        index: usize,
        listeners: [TcpListener; 2],
        tls: Arc<rustls::ServerConfig>,
        shutdown: watch::Receiver<bool>,
    ) {
        match self {
            Self::Embedded(directory) => {
                directory.serve_as(index, listeners, tls, shutdown).await;
            }
            Self::Samba { gateway, .. } => {
                gateway.serve_as(index, listeners, tls, shutdown).await;
            }
        }
    }

    /// Takes the right to write one attribute from an account.
    pub(crate) fn deny_attribute(&self, account: &str, attribute: &str) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => directory.deny_attribute(account, attribute),
            Self::Samba { controller, .. } => {
                Handle::current().block_on(ad::deny_attribute(controller, account, attribute))
            }
        }
    }

    /// Protects an object from accidental deletion, or no longer.
    pub(crate) fn protect_container(&self, dn: &str, protected: bool) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => directory.protect_container(dn, protected),
            Self::Samba { controller, .. } => {
                Handle::current().block_on(ad::protect(controller, dn, protected))
            }
        }
    }

    /// Switches the recycle bin.
    pub(crate) fn set_recycle_bin(&self, on: bool) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => {
                directory.set_recycle_bin(on);
                Ok(())
            }
            Self::Samba { .. } => Err("Samba has no recycle bin that can be switched".into()),
        }
    }

    /// Makes the controllers read-only ones.
    pub(crate) fn set_read_only(&self, on: bool) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => {
                directory.set_read_only_controller(on);
                Ok(())
            }
            Self::Samba { .. } => Err("Samba can't be made read-only here".into()),
        }
    }

    /// Holds replication to the second controller, or lets it catch up.
    pub(crate) fn hold_replication(&self, held: bool) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => directory.hold_replication(held),
            Self::Samba { .. } => Err("both controllers are the same Samba".into()),
        }
    }

    /// Sets the first controller up anew from the second.
    pub(crate) fn rebuild_first(&self) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => directory.rebuild_first(),
            Self::Samba { .. } => Err("both controllers are the same Samba".into()),
        }
    }

    /// Makes the embedded directory treat members as Samba does.
    pub(crate) fn set_strict_members(&self, on: bool) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => {
                directory.set_strict_members(on);
                Ok(())
            }
            Self::Samba { .. } if on => Ok(()),
            Self::Samba { .. } => Err("Samba ignores permissive modify for members".into()),
        }
    }

    /// Creates a group of any type below `CN=Users`, with members by SID.
    pub(crate) fn create_group(
        &self,
        name: &str,
        group_type: i32,
        members: &[String],
    ) -> Result<CreatedGroup, String> {
        let controller = match self {
            Self::Embedded(directory) => return directory.create_group(name, group_type, members),
            Self::Samba { controller, .. } => controller,
        };
        let made = controller.add_group(name, group_type, members);
        let placed = Handle::current().block_on(made)?;
        Ok(CreatedGroup {
            dn: placed.dn,
            sid: format!("{}-{}", controller.domain_sid(), placed.rid),
            guid: Guid::from_ad(placed.object_guid).to_string(),
        })
    }
}

/// A tenant and the directory it is synced from.
pub(crate) struct Filled {
    pub(crate) tenant: Tenant,
    pub(crate) backend: Backend,
    pub(crate) ad: Arc<dyn Ad>,
    pub(crate) samba: Option<Samba>,
}

impl Filled {
    pub(crate) fn embedded(options: &LabOptions, passwords: &Passwords) -> Result<Self, String> {
        let account = |name: &str, password: &str, rights| Account {
            name: name.into(),
            password: password.into(),
            rights,
        };
        let directory = Directory::new(DirectoryOptions {
            domain: options.world.domain.clone(),
            exchange: options.exchange,
            schema_2016: options.schema_2016,
            ous: options.ous.clone(),
            domain_sid: world::identity(&options.world).domain_sid,
            accounts: vec![
                account("administrator", &passwords.admin, Rights::Admin),
                account("svc-writeback", &passwords.bind, Rights::Writeback),
                account("svc-readonly", &passwords.read_only, Rights::ReadOnly),
            ],
            seed: options.world.seed,
        })?;
        Ok(Self {
            tenant: world::build(&options.world, &directory)?,
            ad: Arc::new(directory.clone()),
            backend: Backend::Embedded(directory),
            samba: None,
        })
    }

    /// The tenant comes first, its synced objects go into the directory, which gives them their identities.
    pub(crate) fn samba(
        options: &LabOptions,
        passwords: &Passwords,
        folder: &Path,
        authority: Arc<Authority>,
    ) -> Result<Self, String> {
        let setup = samba::Setup {
            domain: options.world.domain.clone(),
            exchange: options.exchange,
            schema_2016: options.schema_2016,
            domain_sid: world::identity(&options.world).domain_sid,
            admin_password: passwords.admin.clone(),
            bind_password: passwords.bind.clone(),
            read_only_password: passwords.read_only.clone(),
            authority,
            templates: options
                .samba_templates
                .clone()
                .unwrap_or_else(samba::default_templates),
        };
        let mut tenant = world::build(&options.world, &Wishes)?;
        let population = ad::planned(&tenant, &setup.base());
        let runtime = Handle::current();
        let (samba, controller) = Samba::start(setup, folder, &ad::ldif(&population), &runtime)?;
        runtime.block_on(async {
            for ou in &options.ous {
                controller.add_ou(ou).await?;
            }
            let placed = controller.read_back(&population).await?;
            tenant.adopt(&controller, &population, &placed, false)
        })?;
        let gateway = Gateway::new(samba.upstream()?);
        let controller = Arc::new(controller);
        Ok(Self {
            tenant,
            ad: controller.clone(),
            backend: Backend::Samba {
                gateway,
                controller,
            },
            samba: Some(samba),
        })
    }
}
