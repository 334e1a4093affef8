//! Active Directory over LDAP: connect and bind, read, write.
//!
//! [`Directory`] reads, [`DirectoryWriter`] is the only thing that writes, both over the few connections to one
//! controller that [`link`] keeps. [`dn`] and [`filter`] are the only places that build names and filters, [`result`]
//! is the only one that judges result codes, [`search`] the only one that searches. Everything a controller may answer
//! is either understood whole or an error: there is no shorter list.

pub mod dn;
pub mod filter;
pub mod marks;
pub mod types;

mod acl;
mod batches;
mod codes;
mod entry;
mod facts;
mod groups;
mod link;
mod lookup;
mod members;
mod membership;
mod owned;
mod result;
mod rights;
mod search;
mod target;
mod tls;
mod writer;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::config::Connection;
use crate::error::Result;
use crate::operation::Cancel;

pub use dn::Dn;
pub use owned::OwnedGroupReader;
pub use types::*;
pub use writer::DirectoryWriter;

struct Inner {
    link: Arc<link::Link>,
    root: RootDse,
    schema: SchemaFacts,
    forest: ForestFacts,
}

/// A reader of one domain controller. Clones share its connections. Nothing here writes.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

impl Directory {
    /// Connects by LDAPS (or StartTLS on port 389), verifies the certificate, binds, and reads what the controller,
    /// its schema and its forest are. `timeout` bounds connecting and each answer; `cancel` ends every wait.
    pub async fn connect(
        connection: &Connection,
        password: Zeroizing<Vec<u8>>,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Directory> {
        let target = Arc::new(target::Target::new(connection, password, timeout)?);
        let link = Arc::new(link::Link::open(target, cancel.clone()).await?);
        let root = facts::root(&link).await?;
        link.set_identity(&root.dns_host_name);
        let forest = facts::forest(&link, &root).await?;
        let schema = facts::schema(&link, &root, &forest).await?;
        Ok(Directory(Arc::new(Inner {
            link,
            root,
            schema,
            forest,
        })))
    }

    /// The controller's own words about itself.
    pub fn root(&self) -> &RootDse {
        &self.0.root
    }

    /// What groups may have.
    pub fn schema(&self) -> &SchemaFacts {
        &self.0.schema
    }

    /// The domains of the forest.
    pub fn forest(&self) -> &ForestFacts {
        &self.0.forest
    }

    /// `host:port` as connected.
    pub fn server(&self) -> String {
        self.0.link.server()
    }

    /// What was sent so far, over all clones and writers.
    pub fn counters(&self) -> DirectoryCounters {
        self.0.link.counters()
    }

    /// A writer over the same connections.
    pub fn writer(&self) -> DirectoryWriter {
        DirectoryWriter::new(self.clone())
    }

    fn link(&self) -> &Arc<link::Link> {
        &self.0.link
    }
}
