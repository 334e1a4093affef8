//! The directory that clients of the lab talk to: the embedded one, or Samba.

use crate::ad::{self, Controller};
use crate::directory::Directory;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Which directory a lab has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// In memory, in this process.
    #[default]
    Embedded,
    /// A Samba domain controller on a loopback address.
    Samba,
}

/// The directory of a running lab.
pub(crate) enum Backend {
    Embedded(Directory),
    Samba { controller: Arc<Controller> },
}

/// What the control verb `directory` asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) enum Operation {
    DenyAttribute {
        account: String,
        attribute: String,
    },
    Protect {
        dn: String,
        protected: bool,
    },
    AddGroup {
        name: String,
        group_type: i32,
        #[serde(default)]
        members: Vec<String>,
    },
    RecycleBin {
        on: bool,
    },
}

impl Backend {
    pub(crate) fn counters(&self) -> Value {
        match self {
            Self::Embedded(directory) => directory.counters(),
            Self::Samba { .. } => json!({}),
        }
    }

    pub(crate) fn reset_counters(&self) {
        match self {
            Self::Embedded(directory) => directory.reset_counters(),
            Self::Samba { .. } => {}
        }
    }

    pub(crate) fn add_fault(&self, id: u64, fault: &Value) -> Result<(), String> {
        match self {
            Self::Embedded(directory) => directory.add_fault(id, fault),
            Self::Samba { .. } => Err("faults of LDAP need the gateway".into()),
        }
    }

    pub(crate) fn clear_faults(&self) {
        match self {
            Self::Embedded(directory) => directory.clear_faults(),
            Self::Samba { .. } => {}
        }
    }

    /// Does something to the directory that no client can do, or should not be seen doing.
    pub(crate) fn perform(&self, operation: Operation) -> Result<Value, String> {
        match self {
            Self::Embedded(directory) => embedded(directory, operation),
            Self::Samba { controller } => Handle::current().block_on(real(controller, operation)),
        }
    }
}

fn embedded(directory: &Directory, operation: Operation) -> Result<Value, String> {
    match operation {
        Operation::DenyAttribute { account, attribute } => {
            directory.deny_attribute(&account, &attribute)?;
        }
        Operation::Protect { dn, protected } => directory.protect_container(&dn, protected)?,
        Operation::RecycleBin { on } => directory.set_recycle_bin(on),
        Operation::AddGroup {
            name,
            group_type,
            members,
        } => {
            let (dn, sid, guid) = directory.add_any_group(&name, group_type, &members)?;
            return Ok(json!({"dn": dn, "sid": sid, "guid": guid}));
        }
    }
    Ok(json!({}))
}

async fn real(controller: &Controller, operation: Operation) -> Result<Value, String> {
    match operation {
        Operation::DenyAttribute { account, attribute } => {
            ad::deny_attribute(controller, &account, &attribute).await?;
        }
        Operation::Protect { dn, protected } => ad::protect(controller, &dn, protected).await?,
        Operation::RecycleBin { .. } => {
            return Err("Samba's recycle bin can't be switched".into());
        }
        Operation::AddGroup {
            name,
            group_type,
            members,
        } => {
            let placed = controller.add_group(&name, group_type, &members).await?;
            let sid = format!("{}-{}", controller.domain_sid(), placed.rid);
            let guid = crate::ids::Guid::from_ad(placed.object_guid).to_string();
            return Ok(json!({"dn": placed.dn, "sid": sid, "guid": guid}));
        }
    }
    Ok(json!({}))
}
