//! The embedded directory: an LDAP server with the semantics of Active Directory, in memory.
//!
//! Rooms: bytes, counts and faults are `crate::ldap`'s; requests in `server`, `session`, `controls`, `rootdse`; searching in
//! `search`, `filter`, `candidates`, `output`; rules of writing in `add`, `modify`, `relocate`, `delete`,
//! `draft`, `principals`; rights in `access`, `descriptor`; storing in `store`, `object`, `links`, `read`, `replication`;
//! names and values in `dn`, `sid`, `text`, `values`, `schema`; the first tree in `seed`.

mod access;
mod add;
mod candidates;
mod controls;
mod delete;
mod descriptor;
pub mod dn;
mod draft;
mod filter;
mod links;
mod modify;
mod object;
mod output;
mod people;
mod principals;
mod read;
mod relocate;
mod replication;
pub(crate) mod results;
mod rootdse;
mod schema;
mod search;
mod seed;
mod server;
mod session;
pub mod sid;
mod store;
mod text;
mod values;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use access::Principal;
use schema::{Additions, Schema};
use store::Store;

use crate::ldap::front::Front;

/// How far the forest is prepared for Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeLevel {
    /// Schema, organization, a server, and the domain.
    Prepared,
    /// Schema only.
    Schema,
    /// Not at all.
    None,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Everything.
    Admin,
    /// Create OUs below the domain and write groups below any OU.
    Writeback,
    /// Read.
    ReadOnly,
}

/// An account that can bind, as `name@domain`, `DOMAIN\name` or by DN.
#[derive(Debug, Clone)]
pub struct Account {
    /// `sAMAccountName`.
    pub name: String,
    /// Password.
    pub password: String,
    /// What it may do.
    pub rights: Rights,
}

/// What a new directory is like.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// DNS name of the domain.
    pub domain: String,
    /// Preparation for Exchange.
    pub exchange: ExchangeLevel,
    /// Whether the schema has the additions of Windows Server 2016.
    pub schema_2016: bool,
    /// Distinguished names of organizational units to create, parents first.
    pub ous: Vec<String>,
    /// SID of the domain.
    pub domain_sid: String,
    /// Accounts that can bind.
    pub accounts: Vec<Account>,
    /// Seed of GUIDs and generated names.
    pub seed: u64,
}

/// A user to create with a given identity.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Relative name.
    pub cn: String,
    /// `sAMAccountName`.
    pub sam: String,
    /// `userPrincipalName`.
    pub upn: String,
    /// RID of its SID.
    pub rid: u32,
    /// `objectGUID` in stored byte order.
    pub object_guid: [u8; 16],
    /// `displayName`.
    pub display_name: String,
    /// `mail`.
    pub mail: Option<String>,
    /// `mS-DS-ConsistencyGuid`.
    pub consistency_guid: Option<[u8; 16]>,
}

/// A computer to create with a given identity.
#[derive(Debug, Clone)]
pub struct NewComputer {
    /// Relative name; the account name is this with `$`.
    pub cn: String,
    /// RID of its SID.
    pub rid: u32,
    /// `objectGUID` in stored byte order.
    pub object_guid: [u8; 16],
}

/// A group to create with a given identity.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Relative name.
    pub cn: String,
    /// `sAMAccountName`.
    pub sam: String,
    /// RID of its SID.
    pub rid: u32,
    /// `objectGUID` in stored byte order.
    pub object_guid: [u8; 16],
    /// `groupType`.
    pub group_type: i32,
    /// RIDs of its members.
    pub member_rids: Vec<u32>,
}

/// A group that was created.
#[derive(Debug, Clone)]
pub struct CreatedGroup {
    /// Its DN.
    pub dn: String,
    /// Its SID, as text.
    pub sid: String,
    /// Its GUID, as text.
    pub guid: String,
}

/// Limits that the server enforces; the defaults are Active Directory's.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `MaxPageSize`: entries in one answer.
    pub max_page_size: usize,
    /// `MaxValRange`: values of an attribute in one answer.
    pub max_val_range: usize,
    /// `MaxReceiveBuffer`: bytes of one request.
    pub max_receive_buffer: usize,
    /// `MaxQueryDuration`.
    pub max_query_duration: Duration,
    /// Values in one write.
    pub max_values_per_write: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_page_size: 1000,
            max_val_range: 1500,
            max_receive_buffer: 10_485_760,
            max_query_duration: Duration::from_secs(120),
            max_values_per_write: 5000,
        }
    }
}

struct Inner {
    store: RwLock<Store>,
    /// What the second controller has while replication is held.
    second: RwLock<Option<Store>>,
    accounts: RwLock<HashMap<String, Principal>>,
    limits: RwLock<Limits>,
    front: Front,
}

/// An embedded directory. Clones are handles to the same one.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

impl Directory {
    /// Makes a directory with its naming contexts, organizational units and accounts.
    pub fn new(options: DirectoryOptions) -> Result<Self, String> {
        if options.domain.is_empty() || options.domain.split('.').any(str::is_empty) {
            return Err(format!("{:?} is not a DNS name", options.domain));
        }
        let additions = Additions {
            exchange: options.exchange != ExchangeLevel::None,
            server_2016: options.schema_2016,
        };
        let mut store = seed::plant(Schema::new(additions)?, &options)?;
        let accounts = people::accounts(&mut store, &options)?;
        let directory = Self(Arc::new(Inner {
            store: RwLock::new(store),
            second: RwLock::default(),
            accounts: RwLock::new(accounts),
            limits: RwLock::new(Limits::default()),
            front: Front::default(),
        }));
        for ou in &options.ous {
            directory.add_ou(ou)?;
        }
        Ok(directory)
    }

    fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.0.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.0.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> Limits {
        *self.0.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the limits of the server.
    pub fn set_limits(&self, limits: Limits) {
        *self
            .0
            .limits
            .write()
            .unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Whether `member` is changed as on Samba 4.17: a present member can't be added nor an absent one removed, permissive
    /// modify or not.
    pub fn set_strict_members(&self, on: bool) {
        self.write().strict_members = on;
    }

    /// Whether deleted objects keep their attributes and links (the Recycle Bin; off at first).
    pub fn set_recycle_bin(&self, on: bool) {
        self.write().recycle_bin = on;
    }

    /// Whether it says that it is a read-only controller. Writes are as before: nobody should try.
    pub fn set_read_only_controller(&self, on: bool) {
        self.write().read_only = on;
    }

    fn principal(&self, name: &str) -> Option<Principal> {
        let accounts = self
            .0
            .accounts
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        accounts.get(name).cloned()
    }

    fn with_account(&self, name: &str, change: impl FnOnce(&mut Principal)) -> Result<(), String> {
        let mut accounts = self
            .0
            .accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let account = accounts.get_mut(&name.to_lowercase());
        change(account.ok_or_else(|| format!("no account {name}"))?);
        Ok(())
    }

    /// Takes the right to write one attribute from an account.
    pub fn deny_attribute(&self, account: &str, attribute: &str) -> Result<(), String> {
        let id = self
            .read()
            .schema
            .find(attribute)
            .ok_or_else(|| format!("no {attribute}"))?;
        self.with_account(account, |account| {
            account.denied.insert(id);
        })
    }

    /// Lets an account see and bring back deleted objects.
    pub fn grant_reanimate(&self, account: &str) -> Result<(), String> {
        self.with_account(account, |account| account.reanimate = true)
    }

    /// Protects an object from accidental deletion, or no longer.
    pub fn protect_container(&self, dn: &str, protected: bool) -> Result<(), String> {
        let mut store = self.write();
        let parts = dn::parse(dn).ok_or_else(|| format!("{dn} is not a DN"))?;
        let id = store
            .by_dn(&parts)
            .map_err(|_| format!("{dn} is not there"))?;
        store.objects[id as usize].flags.protected = protected;
        Ok(())
    }
}
