//! What the lab does by itself to the Active Directory that the tenant is synced from: the embedded directory or a
//! controller elsewhere (Samba, or any other). Nothing here is seen by the counters and faults of what clients use.

mod controller;
mod descriptor;
mod population;
mod rights;

pub(crate) use controller::{Controller, Target, trusting};
pub(crate) use population::{ldif, planned};
pub(crate) use rights::{deny_attribute, grant_writeback, protect};

use crate::directory::{Directory, NewComputer, NewGroup, NewUser};

/// An object to create. Its identifiers are wishes: a real directory gives its own.
#[derive(Clone, Debug)]
pub(crate) enum Account {
    User(NewUser),
    Computer(NewComputer),
    Group(NewGroup),
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) dn: String,
    pub(crate) rid: u32,
    /// In stored byte order.
    pub(crate) object_guid: [u8; 16],
}

/// The AD that changes of the tenant reach.
pub(crate) trait Ad: Send + Sync {
    fn add(&self, account: Account) -> Result<Placed, String>;
    /// Deletes the object with this relative identifier; false when there is none.
    fn delete(&self, rid: u32) -> Result<bool, String>;
}

impl Account {
    pub(crate) fn rid(&self) -> u32 {
        match self {
            Account::User(user) => user.rid,
            Account::Computer(computer) => computer.rid,
            Account::Group(group) => group.rid,
        }
    }

    fn object_guid(&self) -> [u8; 16] {
        match self {
            Account::User(user) => user.object_guid,
            Account::Computer(computer) => computer.object_guid,
            Account::Group(group) => group.object_guid,
        }
    }
}

impl Ad for Directory {
    fn add(&self, account: Account) -> Result<Placed, String> {
        let (rid, object_guid) = (account.rid(), account.object_guid());
        let dn = match account {
            Account::User(user) => self.add_user(user),
            Account::Computer(computer) => self.add_computer(computer),
            Account::Group(group) => self.add_group(group),
        }?;
        Ok(Placed {
            dn,
            rid,
            object_guid,
        })
    }

    fn delete(&self, rid: u32) -> Result<bool, String> {
        Ok(self.delete_by_rid(rid))
    }
}

/// An AD that grants every wish and keeps nothing: for a tenant that is made before its directory.
pub(crate) struct Wishes;

impl Ad for Wishes {
    fn add(&self, account: Account) -> Result<Placed, String> {
        Ok(Placed {
            dn: String::new(),
            rid: account.rid(),
            object_guid: account.object_guid(),
        })
    }

    fn delete(&self, _rid: u32) -> Result<bool, String> {
        Ok(true)
    }
}
