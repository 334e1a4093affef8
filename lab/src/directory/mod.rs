//! A stand-in for the embedded directory: it remembers objects and answers no LDAP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How far Exchange has been set up in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeLevel {
    /// Schema and organization.
    Prepared,
    /// Schema only.
    Schema,
    /// Neither.
    None,
}

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything.
    Admin,
    /// Create OUs below the base DN and groups below any OU.
    Writeback,
    /// Read.
    ReadOnly,
}

/// An account that may bind.
#[derive(Clone, Debug)]
pub struct Account {
    /// sAMAccountName; the UPN is `name@domain`.
    pub name: String,
    /// Its password.
    pub password: String,
    /// Its rights.
    pub rights: Rights,
}

/// What a directory is made of.
#[derive(Clone, Debug)]
pub struct DirectoryOptions {
    /// DNS name of the domain.
    pub domain: String,
    /// Exchange level.
    pub exchange: ExchangeLevel,
    /// Whether the 2016 schema is there.
    pub schema_2016: bool,
    /// Organizational units to create.
    pub ous: Vec<String>,
    /// SID of the domain.
    pub domain_sid: String,
    /// Accounts that may bind.
    pub accounts: Vec<Account>,
    /// Seed.
    pub seed: u64,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Common name.
    pub cn: String,
    /// sAMAccountName.
    pub sam: String,
    /// userPrincipalName.
    pub upn: String,
    /// Relative identifier.
    pub rid: u32,
    /// objectGUID.
    pub object_guid: [u8; 16],
    /// displayName.
    pub display_name: String,
    /// mail.
    pub mail: Option<String>,
    /// mS-DS-ConsistencyGuid.
    pub consistency_guid: Option<[u8; 16]>,
}

/// A computer to create.
#[derive(Clone, Debug)]
pub struct NewComputer {
    /// Common name.
    pub cn: String,
    /// Relative identifier.
    pub rid: u32,
    /// objectGUID.
    pub object_guid: [u8; 16],
}

/// A group to create.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Common name.
    pub cn: String,
    /// sAMAccountName.
    pub sam: String,
    /// Relative identifier.
    pub rid: u32,
    /// objectGUID.
    pub object_guid: [u8; 16],
    /// groupType.
    pub group_type: i32,
    /// Members.
    pub member_rids: Vec<u32>,
}

/// The stand-in.
#[derive(Clone, Default)]
pub struct Directory {
    names: Arc<Mutex<HashMap<u32, String>>>,
    base: String,
}

impl Directory {
    /// A new directory.
    pub fn new(options: DirectoryOptions) -> Result<Self, String> {
        let base = options.domain.split('.').map(|part| format!("DC={part}"));
        Ok(Self {
            names: Arc::default(),
            base: base.collect::<Vec<_>>().join(","),
        })
    }

    fn add(&self, rid: u32, cn: &str) -> Result<String, String> {
        let dn = format!("CN={cn},CN=Users,{}", self.base);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(rid, dn.clone());
        Ok(dn)
    }

    /// Adds a user.
    pub fn add_user(&self, user: NewUser) -> Result<String, String> {
        self.add(user.rid, &user.cn)
    }

    /// Adds a computer.
    pub fn add_computer(&self, computer: NewComputer) -> Result<String, String> {
        self.add(computer.rid, &computer.cn)
    }

    /// Adds a group.
    pub fn add_group(&self, group: NewGroup) -> Result<String, String> {
        self.add(group.rid, &group.cn)
    }

    /// Deletes an object.
    pub fn delete_by_rid(&self, rid: u32) -> bool {
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&rid)
            .is_some()
    }

    /// Serves LDAP until told to stop.
    pub async fn serve(
        self,
        _ldap: tokio::net::TcpListener,
        _ldaps: tokio::net::TcpListener,
        _tls: Arc<rustls::ServerConfig>,
        mut shutdown: tokio::sync::watch::Receiver<bool>,
    ) {
        let _ = shutdown.wait_for(|stop| *stop).await;
    }

    /// Counters.
    pub fn counters(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    /// Zeroes the counters.
    pub fn reset_counters(&self) {}

    /// Adds an ldap* fault.
    pub fn add_fault(&self, _id: u64, _spec: &serde_json::Value) -> Result<(), String> {
        Err("the directory is a stand-in".into())
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {}
}
