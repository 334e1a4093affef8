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
mod dns;
mod entry;
mod facts;
#[cfg(fuzzing)]
pub mod fuzzing;
mod groups;
mod kerberos;
mod link;
mod locate;
mod lookup;
mod members;
mod membership;
mod message;
mod owned;
mod replication;
mod result;
mod rights;
mod search;
mod target;
mod tls;
mod wire;
mod writer;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::config::Connection;
use crate::error::{Error, ErrorId, Result};
use crate::operation::Cancel;

pub use dn::Dn;
pub use owned::OwnedGroupReader;
pub use replication::UpToDateness;
pub use types::*;
pub use writer::DirectoryWriter;

/// For reaching one controller when there are others to try.
const PATIENCE: Duration = Duration::from_secs(5);

struct Inner {
    link: Arc<link::Link>,
    root: RootDse,
    schema: SchemaFacts,
    forest: ForestFacts,
    access: Arc<target::Access>,
    places: locate::Places,
}

/// A reader of one domain controller. Clones share its connections. Nothing here writes.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

impl Directory {
    /// Connects to the first controller in question that can be used: by LDAPS, by StartTLS, or sealed by Kerberos.
    /// Verifies it, binds, and reads what the controller, its schema and its forest are. `timeout` bounds connecting
    /// and each answer; `cancel` ends every wait.
    pub async fn connect(
        connection: &Connection,
        password: Zeroizing<Vec<u8>>,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Directory> {
        let places = locate::Places::new(connection)?;
        let access = Arc::new(target::Access::new(connection, password, timeout)?);
        Self::reach(places, access, cancel).await
    }

    async fn reach(
        places: locate::Places,
        access: Arc<target::Access>,
        cancel: &Cancel,
    ) -> Result<Directory> {
        let (candidates, notes) = cancel
            .guard(async { Ok(places.candidates().await) })
            .await?;
        let patience = (candidates.len() > 1).then_some(PATIENCE);
        let mut failures = Vec::new();
        for candidate in candidates {
            match Self::open(&places, &access, candidate, patience, cancel).await {
                Err(error) if concerns_one(error.id) => failures.push(error),
                other => return other,
            }
        }
        if failures.len() == 1
            && let Some(mut only) = failures.pop()
        {
            only.causes.extend(notes);
            return Err(only);
        }
        let mut error = Error::new(
            ErrorId::DirectoryUnavailable,
            format!("No domain controller of {} can be used.", places.name()),
        )
        .target(places.name());
        for failure in failures {
            error.causes.push(failure.message);
            error.causes.extend(failure.causes);
        }
        error.causes.extend(notes);
        Err(error)
    }

    async fn open(
        places: &locate::Places,
        access: &Arc<target::Access>,
        candidate: locate::Candidate,
        patience: Option<Duration>,
        cancel: &Cancel,
    ) -> Result<Directory> {
        let target = target::Target::new(access.clone(), places.dns.clone(), candidate);
        let link = Arc::new(link::Link::open(Arc::new(target), patience, cancel.clone()).await?);
        let root = facts::root(&link).await?;
        link.set_identity(&root.dns_host_name);
        let forest = facts::forest(&link, &root).await?;
        let schema = facts::schema(&link, &root, &forest).await?;
        Ok(Directory(Arc::new(Inner {
            link,
            root,
            schema,
            forest,
            access: access.clone(),
            places: places.clone(),
        })))
    }

    /// This controller while it answers, else the next that can be used: for the beginning of a run, never within one.
    pub async fn at_hand(&self, cancel: &Cancel) -> Result<Directory> {
        let alive = cancel
            .guard(async { Ok(self.0.link.is_alive(PATIENCE).await) })
            .await?;
        if alive {
            return Ok(self.clone());
        }
        Self::reach(self.0.places.clone(), self.0.access.clone(), cancel).await
    }

    /// The controller with this database (`RootDse::replica`), if it is among those in question and can be used.
    pub async fn with_replica(
        &self,
        replica: &str,
        name: &str,
        cancel: &Cancel,
    ) -> Result<Option<Directory>> {
        /// A large domain isn't searched through.
        const MOST: usize = 8;
        let (places, access) = (&self.0.places, &self.0.access);
        let (mut candidates, _) = cancel
            .guard(async { Ok(places.candidates().await) })
            .await?;
        candidates.sort_by_key(|c| !c.host.eq_ignore_ascii_case(name));
        for candidate in candidates.into_iter().take(MOST) {
            if format!("{}:{}", candidate.host, candidate.port) == self.server() {
                continue;
            }
            match Self::open(places, access, candidate, Some(PATIENCE), cancel).await {
                Ok(found) if found.root().replica() == replica => return Ok(Some(found)),
                Err(error) if error.id == ErrorId::OperationCancelled => return Err(error),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The account it is signed in as.
    pub fn account_name(&self) -> String {
        self.0.link.user()
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

/// Faults of one controller, with which another may serve. Refused credentials are none of them: trying them at every
/// controller would lock the account.
fn concerns_one(id: ErrorId) -> bool {
    matches!(
        id,
        ErrorId::DirectoryUnavailable
            | ErrorId::TlsVerificationFailed
            | ErrorId::DirectoryReadOnly
            | ErrorId::KerberosServiceUnknown
    )
}
