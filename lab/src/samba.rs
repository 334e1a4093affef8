//! Samba as the directory: a real Active Directory domain controller on a loopback address of its own.
//!
//! `template` keeps provisioned and filled directories to copy from, `provision` makes them, `process` runs one,
//! `address` finds a free place for it, `tools` calls Samba's programs.

mod address;
mod process;
mod provision;
mod template;
mod tools;

use crate::ad::{Controller, Target, trusting};
use crate::certs::Authority;
use crate::directory::ExchangeLevel;
use crate::gateway::Upstream;
use address::Address;
use process::Process;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Handle;

pub(crate) use template::default_folder as default_templates;

/// Name of the domain controller in its domain.
pub(crate) const HOST: &str = "dc1";

/// What a directory is like.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) domain: String,
    pub(crate) exchange: ExchangeLevel,
    pub(crate) schema_2016: bool,
    pub(crate) domain_sid: String,
    pub(crate) admin_password: String,
    pub(crate) bind_password: String,
    pub(crate) read_only_password: String,
    /// Signs the controller's certificate.
    pub(crate) authority: Arc<Authority>,
    /// Where provisioned directories are kept.
    pub(crate) templates: PathBuf,
}

impl Setup {
    pub(crate) fn base(&self) -> String {
        crate::directory::dn::of_domain(&self.domain)
    }

    fn realm(&self) -> String {
        self.domain.to_uppercase()
    }

    /// The domain's short name.
    fn workgroup(&self) -> String {
        let label = self.domain.split('.').next().unwrap_or_default();
        label.chars().take(15).collect::<String>().to_uppercase()
    }
}

/// A domain controller that runs; it ends with this value.
pub(crate) struct Samba {
    // Ends before its address is free again.
    _process: Process,
    address: Address,
    folder: PathBuf,
    setup: Setup,
    // Removed last.
    _copy: Option<TempDir>,
}

/// Samba's sockets lie in its folder and have names of at most 107 bytes.
const LONGEST_FOLDER: usize = 80;

impl Samba {
    /// Runs a directory filled with the LDIF `population`; its log goes into `folder`. Waits until LDAPS answers.
    pub(crate) fn start(
        setup: Setup,
        folder: &Path,
        population: &str,
        runtime: &Handle,
    ) -> Result<(Self, Controller), String> {
        tools::check()?;
        let copy = workspace(folder)?;
        template::copy(&setup, population, copy.path(), runtime)?;
        let place = copy.path().to_owned();
        let (mut samba, controller) = Self::run(setup, place, &folder.join("samba.log"), runtime)?;
        samba._copy = Some(copy);
        Ok((samba, controller))
    }

    /// Runs the directory that is in `folder`.
    fn run(
        setup: Setup,
        folder: PathBuf,
        log: &Path,
        runtime: &Handle,
    ) -> Result<(Self, Controller), String> {
        let address = Address::take()?;
        provision::configure(&setup, &folder, address.ip())?;
        let mut process = Process::start(&folder, log)?;
        let target = administrator(&setup, address.ip())?;
        let controller = process.until_ready(runtime, || Controller::connect(target.clone()))?;
        let samba = Self {
            _process: process,
            address,
            folder,
            setup,
            _copy: None,
        };
        Ok((samba, controller))
    }

    /// What a gateway leads to.
    pub(crate) fn upstream(&self) -> Result<Upstream, String> {
        let ip = IpAddr::from(self.address.ip());
        Ok(Upstream {
            address: (ip, 636).into(),
            name: ServerName::from(ip),
            tls: trusting(&self.setup.authority.pem())?,
        })
    }

    /// What the ready line says of it.
    pub(crate) fn ready(&self) -> serde_json::Map<String, serde_json::Value> {
        let ip = self.address.ip();
        let ready = serde_json::json!({
            "directLdap": format!("ldap://{ip}"),
            "directLdaps": format!("ldaps://{ip}:636"),
            "directServer": format!("{ip}:636"),
            "directCaFile": self.folder.join(provision::CA_FILE),
            "directHost": ip.to_string(),
            "directHostName": format!("{HOST}.{}", self.setup.domain),
            "realm": self.setup.realm(),
            "krb5Config": self.folder.join(provision::KRB5_CONFIG),
            "keytab": self.folder.join(provision::KEYTAB),
        });
        match ready {
            serde_json::Value::Object(ready) => ready,
            _ => Default::default(),
        }
    }
}

/// A folder to work in: in this one, or among the system's temporary files if the path is too long.
fn workspace(folder: &Path) -> Result<TempDir, String> {
    let short = folder.as_os_str().len() + 15 < LONGEST_FOLDER;
    let temporary = std::env::temp_dir();
    let parent = if short { folder } else { &temporary };
    let made = tempfile::Builder::new().prefix("samba-").tempdir_in(parent);
    made.map_err(|error| format!("{}: {error}", parent.display()))
}

fn administrator(setup: &Setup, ip: Ipv4Addr) -> Result<Target, String> {
    let user = format!("administrator@{}", setup.domain);
    let url = format!("ldaps://{ip}");
    Target::new(&url, &setup.authority.pem(), &user, &setup.admin_password)
}
