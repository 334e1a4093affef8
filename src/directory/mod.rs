//! Active Directory over LDAP: connect and bind, read, write.

pub mod types;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::config::Connection;
use crate::error::{Error, ErrorId, Result};
use crate::model::{Attributes, DirectoryGroup, GroupType, Guid, MemberKey, ObjectId, Sid};
use crate::operation::Cancel;

pub use types::*;

struct Inner {
    root: RootDse,
    schema: SchemaFacts,
    forest: ForestFacts,
}

/// A reader.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

fn unfinished<T>() -> Result<T> {
    Err(Error::new(
        ErrorId::DirectoryUnavailable,
        "Not finished yet.",
    ))
}

#[allow(unused_variables, missing_docs)]
impl Directory {
    pub async fn connect(
        connection: &Connection,
        password: Zeroizing<Vec<u8>>,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Directory> {
        unfinished()
    }
    pub fn root(&self) -> &RootDse {
        &self.0.root
    }
    pub fn schema(&self) -> &SchemaFacts {
        &self.0.schema
    }
    pub fn forest(&self) -> &ForestFacts {
        &self.0.forest
    }
    /// `server:port` as connected.
    pub fn server(&self) -> &str {
        ""
    }
    pub fn counters(&self) -> DirectoryCounters {
        DirectoryCounters::default()
    }
    pub async fn container(&self, dn: &str) -> Result<Option<Container>> {
        unfinished()
    }
    /// Whether an OU can be created under the parent of this DN.
    pub async fn parent_can_create_ou(&self, dn: &str) -> Result<bool> {
        unfinished()
    }
    pub fn owned_groups(
        &self,
        containers: &[String],
        attributes: &[String],
        with_members: bool,
    ) -> OwnedGroupReader {
        OwnedGroupReader {}
    }
    pub async fn groups_by_guid(
        &self,
        guids: &[Guid],
        attributes: &[String],
    ) -> Result<Vec<DirectoryGroup>> {
        unfinished()
    }
    pub async fn groups_by_mark(
        &self,
        ids: &[ObjectId],
        containers: &[String],
        attributes: &[String],
    ) -> Result<Vec<DirectoryGroup>> {
        unfinished()
    }
    pub async fn members(&self, guid: Guid) -> Result<Vec<MemberKey>> {
        unfinished()
    }
    pub async fn resolve_sids(&self, sids: &[Sid]) -> Result<HashMap<Sid, Resolved>> {
        unfinished()
    }
    pub async fn resolve_immutable_ids(
        &self,
        ids: &[[u8; 16]],
    ) -> Result<HashMap<[u8; 16], MemberKey>> {
        unfinished()
    }
    /// `allowedAttributesEffective` of an object, lower case: what the account may write.
    pub async fn effective_attributes(&self, guid: Guid) -> Result<BTreeSet<String>> {
        unfinished()
    }
    /// Free search; at most `limit` objects (0 = all).
    pub async fn find(
        &self,
        filter: &str,
        base: &str,
        scope: Scope,
        attributes: &[String],
        limit: usize,
    ) -> Result<Vec<FoundObject>> {
        unfinished()
    }
    pub async fn deleted_by_mark(&self, ids: &[ObjectId]) -> Result<Vec<DeletedGroup>> {
        unfinished()
    }
    /// The only thing that can write.
    pub fn writer(&self) -> DirectoryWriter {
        DirectoryWriter {
            directory: self.clone(),
        }
    }
}

/// Pages of groups of ours.
pub struct OwnedGroupReader {}

#[allow(missing_docs)]
impl OwnedGroupReader {
    pub async fn next_page(&mut self) -> Result<Option<Vec<FoundGroup>>> {
        unfinished()
    }
    /// Objects left out so far (replication conflicts, deleted names, unreadable marks).
    pub fn skipped(&self) -> &[SkippedObject] {
        &[]
    }
}

/// Writes.
#[derive(Clone)]
pub struct DirectoryWriter {
    directory: Directory,
}

#[allow(unused_variables, missing_docs, clippy::too_many_arguments)]
impl DirectoryWriter {
    pub fn directory(&self) -> &Directory {
        &self.directory
    }
    pub async fn create_group(
        &self,
        parent_dn: &str,
        cn: &str,
        group_type: GroupType,
        sam: Option<&str>,
        attributes: &Attributes,
        members: &[MemberKey],
    ) -> Result<CreateOutcome> {
        unfinished()
    }
    pub async fn set_attributes(
        &self,
        guid: Guid,
        changes: &[(String, Vec<String>)],
    ) -> Result<()> {
        unfinished()
    }
    pub async fn set_group_type(&self, guid: Guid, group_type: GroupType) -> Result<()> {
        unfinished()
    }
    pub async fn modify_members(
        &self,
        guid: Guid,
        adds: &[MemberKey],
        removes: &[MemberKey],
        batch_size: usize,
    ) -> Result<MemberOutcome> {
        unfinished()
    }
    /// Gives the new DN.
    pub async fn rename(&self, guid: Guid, new_cn: &str) -> Result<String> {
        unfinished()
    }
    /// Gives the new DN.
    pub async fn move_to(&self, guid: Guid, new_parent: &str) -> Result<String> {
        unfinished()
    }
    /// Only a group with our mark; one that is gone already is a success.
    pub async fn delete(&self, guid: Guid) -> Result<()> {
        unfinished()
    }
    pub async fn create_container(&self, dn: &str) -> Result<()> {
        unfinished()
    }
    /// Brings a deleted group back under `new_parent` with `cn`; gives its DN.
    pub async fn undelete(&self, guid: Guid, new_parent: &str, cn: &str) -> Result<String> {
        unfinished()
    }
}

/// Names.
pub mod dn {
    use crate::error::{Error, ErrorId, Result};
    /// A DN.
    #[derive(Clone, Debug)]
    pub struct Dn(String);
    #[allow(unused_variables, missing_docs)]
    impl Dn {
        pub fn parse(text: &str) -> Result<Dn> {
            Err(Error::new(ErrorId::InvalidArgument, "Not finished yet."))
        }
        pub fn parent(&self) -> Option<Dn> {
            None
        }
        /// Unescaped value of the first RDN.
        pub fn rdn_value(&self) -> Option<String> {
            None
        }
        pub fn child(&self, attribute: &str, value: &str) -> Dn {
            self.clone()
        }
        pub fn is_under(&self, other: &Dn) -> bool {
            false
        }
        pub fn dns_name(&self) -> String {
            String::new()
        }
    }
    impl std::fmt::Display for Dn {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }
}
