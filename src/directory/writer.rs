//! Writing: every operation may be repeated without harm. The only part of the room that changes anything.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ldap3::controls::RawControl;
use ldap3::{LdapResult, Mod};

use super::Directory;
use super::codes::{self, code};
use super::dn::{self, Dn};
use super::entry::Entry;
use super::filter;
use super::link::{Kind, Reply};
use super::lookup::DACL;
use super::marks;
use super::result::{self, MemberFault, Operation};
use super::search::{self, Spec, control, oid};
use super::types::CreateOutcome;
use crate::error::{Error, ErrorId, Result};
use crate::model::{Attributes, GroupType, Guid, MemberKey, ObjectId, Sid};

/// Operations of one modify that AD recommends at most.
pub(super) const LARGEST_BATCH: usize = 5000;

type Changes = Vec<Mod<Vec<u8>>>;

/// Writes to the directory. A run that only plans never makes one.
#[derive(Clone)]
pub struct DirectoryWriter {
    pub(super) directory: Directory,
    /// Size of batches, once the controller has refused larger ones.
    pub(super) limit: Arc<AtomicUsize>,
}

impl DirectoryWriter {
    pub(super) fn new(directory: Directory) -> DirectoryWriter {
        DirectoryWriter {
            directory,
            limit: Arc::new(AtomicUsize::new(LARGEST_BATCH)),
        }
    }

    /// The reader of the same connections.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) fn error(&self, operation: Operation, target: &str, result: &LdapResult) -> Error {
        result::error(operation, target, &self.directory.server(), result)
    }

    /// The error of a refused change of an existing object; a policy that protects it is named as the cause.
    pub(super) async fn refused(
        &self,
        operation: Operation,
        guid: Guid,
        target: &str,
        attributes: &[&str],
        result: &LdapResult,
    ) -> Error {
        if matches!(
            result.rc,
            code::CONSTRAINT | code::ACCESS_DENIED | code::UNWILLING
        ) && let Ok(Some(protected)) = self.directory.cloud_protection(guid).await
        {
            return protected;
        }
        if result.rc == code::NO_SUCH_OBJECT {
            return gone(guid);
        }
        if result.rc == code::ACCESS_DENIED {
            let names: Vec<String> = attributes.iter().map(|a| (*a).to_owned()).collect();
            let deleting = matches!(operation, Operation::Delete | Operation::Move);
            let why = self
                .directory
                .why_denied(guid, &names, deleting, result)
                .await;
            if let Some(why) = why {
                return why;
            }
        }
        self.error(operation, target, result)
    }

    pub(super) async fn modify(
        &self,
        dn: &str,
        changes: &Changes,
        controls: &[RawControl],
    ) -> Result<Reply<LdapResult>> {
        let link = self.directory.link();
        link.call(Kind::Modify, None, |mut ldap| async move {
            let ldap = ldap
                .with_controls(controls.to_vec())
                .with_timeout(link.timeout());
            Ok(ldap.modify(dn, changes.clone()).await?)
        })
        .await
    }

    async fn add(&self, dn: &str, attributes: &Values) -> Result<Reply<LdapResult>> {
        let link = self.directory.link();
        link.call(Kind::Add, None, |mut ldap| async move {
            let ldap = ldap.with_timeout(link.timeout());
            Ok(ldap.add(dn, attributes.clone()).await?)
        })
        .await
    }

    /// Creates a group in one request; `attributes` hold the marks. A DN that is taken by a group with the same mark
    /// is ours already; by anything else it is a conflict, never adopted by name.
    pub async fn create_group(
        &self,
        parent_dn: &str,
        cn: &str,
        group_type: GroupType,
        sam: Option<&str>,
        attributes: &Attributes,
        members: &[MemberKey],
    ) -> Result<CreateOutcome> {
        let mark = marks::of_attributes(attributes).ok_or_else(|| {
            Error::new(
                ErrorId::InvalidArgument,
                "A group is created with its ownership mark or not at all.",
            )
            .target(cn)
        })?;
        let name = Dn::parse(parent_dn)?.child("CN", cn).to_string();
        let mut values: Values = vec![
            one("objectClass", "group"),
            one("groupType", &group_type.0.to_string()),
        ];
        if let Some(sam) = sam {
            values.push(one("sAMAccountName", sam));
        }
        // AD would make a foreign security principal of such a SID, or refuse the whole request.
        let foreign = members.iter().any(|key| self.is_foreign(key));
        let members = if foreign { &[] } else { members };
        for (attribute, texts) in attributes.iter().filter(|(_, texts)| !texts.is_empty()) {
            values.push((attribute.clone().into_bytes(), bytes(texts)));
        }
        if !members.is_empty() {
            let keys = members.iter().map(|key| dn::by_key(key).into_bytes());
            values.push((b"member".to_vec(), keys.collect()));
            self.directory.link().count_members(members.len());
        }
        let answer = self.add(&name, &values).await?.answer;
        match answer.rc {
            code::SUCCESS if foreign => Ok(CreateOutcome::CreatedWithoutMembers),
            code::SUCCESS => Ok(CreateOutcome::Created),
            code::ALREADY_EXISTS => self.taken(&name, mark, sam, &answer).await,
            // One bad value spoils the whole request: the group first, its members as a change of their own.
            _ if !members.is_empty() && result::member_fault(&answer) != MemberFault::Fatal => {
                values.pop();
                let bare = self.add(&name, &values).await?.answer;
                match bare.rc {
                    code::SUCCESS => Ok(CreateOutcome::CreatedWithoutMembers),
                    code::ALREADY_EXISTS => self.taken(&name, mark, sam, &bare).await,
                    _ => Err(self.error(Operation::Add, &name, &bare)),
                }
            }
            code::ACCESS_DENIED => {
                let container = self.directory.container_for_groups(parent_dn).await;
                Err(container
                    .err()
                    .unwrap_or_else(|| self.error(Operation::Add, &name, &answer)))
            }
            _ => Err(self.error(Operation::Add, &name, &answer)),
        }
    }

    /// Whose the name is that we wanted.
    async fn taken(
        &self,
        name: &str,
        mark: ObjectId,
        sam: Option<&str>,
        answer: &LdapResult,
    ) -> Result<CreateOutcome> {
        let wanted = [
            "objectGUID",
            "objectClass",
            marks::ADMIN_DESCRIPTION,
            marks::EXTERNAL_ID,
        ];
        let link = self.directory.link();
        if let Some(holder) = search::object(link, &Spec::object(name, &wanted)).await? {
            let is_group = holder.texts("objectClass").any(|c| c == "group");
            if is_group
                && marks::of(&holder).ok() == Some(mark)
                && let Some(guid) = holder.guid()
            {
                return Ok(CreateOutcome::AlreadyOurs { guid });
            }
            let class = holder.texts("objectClass").last().unwrap_or("object");
            let whose = match marks::of(&holder) {
                Ok(other) => format!("it stands for the cloud group {other}"),
                Err(_) => "it has no mark of ours".to_owned(),
            };
            return Err(Error::new(
                ErrorId::GroupNameConflict,
                format!(
                    "The name '{}' is taken by a {class}; {whose}, so it is left alone. {}.",
                    holder.dn,
                    codes::words(answer)
                ),
            )
            .target(&holder.dn));
        }
        let Some(sam) = sam else {
            return Err(self.error(Operation::Add, name, answer));
        };
        let mut spec = self
            .directory
            .domain_wide(filter::eq("sAMAccountName", sam));
        spec.attributes = vec!["cn".to_owned()];
        let holder = search::some(link, &spec, 1).await?.unwrap_or_default();
        let holder = holder
            .first()
            .map_or("an object that the account can't see", |e| e.dn.as_str());
        Err(Error::new(
            ErrorId::GroupNameConflict,
            format!(
                "'{name}' can't be created: its sAMAccountName '{sam}' is that of '{holder}'. {}.",
                codes::words(answer)
            ),
        )
        .target(holder)
        .action("Change the pattern of sAMAccountName, or leave it to AD."))
    }

    /// Replaces attributes; no values = the attribute is cleared.
    pub async fn set_attributes(
        &self,
        guid: Guid,
        changes: &[(String, Vec<String>)],
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mods: Changes = changes
            .iter()
            .map(|(name, values)| Mod::Replace(name.clone().into_bytes(), bytes(values)))
            .collect();
        let address = dn::by_guid(guid);
        let permissive = [control(oid::PERMISSIVE_MODIFY, None)];
        let answer = self.modify(&address, &mods, &permissive).await?.answer;
        match answer.rc {
            code::SUCCESS => Ok(()),
            _ => {
                let names: Vec<&str> = changes.iter().map(|(name, _)| name.as_str()).collect();
                Err(self
                    .refused(Operation::Modify, guid, &address, &names, &answer)
                    .await)
            }
        }
    }

    /// Changes `groupType`.
    pub async fn set_group_type(&self, guid: Guid, group_type: GroupType) -> Result<()> {
        let value = vec![group_type.0.to_string()];
        self.set_attributes(guid, &[("groupType".to_owned(), value)])
            .await
    }

    /// Gives the group another CN under the same parent; gives the new DN.
    pub async fn rename(&self, guid: Guid, new_cn: &str) -> Result<String> {
        let rdn = Dn::default().child("CN", new_cn).to_string();
        self.modify_dn(Operation::Rename, guid, &rdn, None).await
    }

    /// Moves the group under another parent; gives the new DN.
    pub async fn move_to(&self, guid: Guid, new_parent: &str) -> Result<String> {
        let parent = Dn::parse(new_parent)?;
        let now = Dn::parse(&self.dn_of(guid).await?)?;
        self.modify_dn(Operation::Move, guid, &now.rdn(), Some(&parent.to_string()))
            .await
    }

    async fn modify_dn(
        &self,
        operation: Operation,
        guid: Guid,
        rdn: &str,
        parent: Option<&str>,
    ) -> Result<String> {
        // Unlike modify and delete, ModifyDN doesn't take <GUID=...> everywhere (Samba).
        let now = self.dn_of(guid).await?;
        let (name, link) = (now.as_str(), self.directory.link());
        let answer = link
            .call(Kind::ModifyDn, None, |mut ldap| async move {
                let ldap = ldap.with_timeout(link.timeout());
                Ok(ldap.modifydn(name, rdn, true, parent).await?)
            })
            .await?
            .answer;
        if answer.rc == code::SUCCESS {
            return self.dn_of(guid).await;
        }
        // After a repeat the request fails on what the first one did.
        let now = self.dn_of(guid).await?;
        let (is, wanted) = (Dn::parse(&now)?, Dn::parse(rdn)?);
        let there = parent.map(Dn::parse).transpose()?;
        if is.rdn_value() == wanted.rdn_value() && (there.is_none() || is.parent() == there) {
            return Ok(now);
        }
        if let Some(parent) = parent
            && self.directory.container(parent).await?.is_none()
        {
            return Err(search::no_container(parent, &self.directory.server()));
        }
        let names = ["cn", "name"];
        Err(self.refused(operation, guid, &now, &names, &answer).await)
    }

    async fn dn_of(&self, guid: Guid) -> Result<String> {
        let spec = Spec::object(&dn::by_guid(guid), &["objectGUID"]);
        let entry = search::object(self.directory.link(), &spec).await?;
        Ok(entry.ok_or_else(|| gone(guid))?.dn)
    }

    /// Deletes a group with our mark; one that is gone already is a success.
    pub async fn delete(&self, guid: Guid) -> Result<()> {
        let address = dn::by_guid(guid);
        let address = address.as_str();
        let link = self.directory.link();
        let wanted = [
            "objectClass",
            "isCriticalSystemObject",
            marks::ADMIN_DESCRIPTION,
            marks::EXTERNAL_ID,
        ];
        // A look before the one step that can't be taken back.
        let Some(entry) = search::object(link, &Spec::object(address, &wanted)).await? else {
            return Ok(());
        };
        if !is_ours(&entry) {
            return Err(Error::new(
                ErrorId::GroupNotOwned,
                format!("'{}' is not deleted: it has no mark of Group Writeback, or is critical for the system.", entry.dn),
            )
            .target(&entry.dn));
        }
        let answer = link
            .call(Kind::Delete, None, |mut ldap| async move {
                Ok(ldap.with_timeout(link.timeout()).delete(address).await?)
            })
            .await?
            .answer;
        match answer.rc {
            code::SUCCESS | code::NO_SUCH_OBJECT => Ok(()),
            _ => Err(self
                .refused(Operation::Delete, guid, &entry.dn, &[], &answer)
                .await),
        }
    }

    /// Creates an organizational unit (`OU=`) or container (`CN=`); one that is there already is a success.
    pub async fn create_container(&self, dn: &str) -> Result<()> {
        let name = Dn::parse(dn)?;
        let class = match name.rdn_attribute() {
            Some(a) if a.eq_ignore_ascii_case("OU") => "organizationalUnit",
            Some(a) if a.eq_ignore_ascii_case("CN") => "container",
            _ => {
                return Err(Error::new(
                    ErrorId::InvalidArgument,
                    format!("'{dn}' names no organizational unit."),
                )
                .target(dn));
            }
        };
        let name = name.to_string();
        let answer = self
            .add(&name, &vec![one("objectClass", class)])
            .await?
            .answer;
        match answer.rc {
            code::SUCCESS => Ok(()),
            code::ALREADY_EXISTS if self.directory.container(dn).await?.is_some() => Ok(()),
            _ => Err(self.error(Operation::AddContainer, &name, &answer)),
        }
    }

    /// Adds to a container's permissions what lets the account create groups there and write and delete those below;
    /// keeps everything else. `false` = it had all of it.
    pub async fn grant_writeback_rights(&self, container: &str, account: &Sid) -> Result<bool> {
        let Some(descriptor) = self.directory.missing_rights(container, account).await? else {
            return Ok(false);
        };
        let changes = vec![Mod::Replace(
            b"nTSecurityDescriptor".to_vec(),
            HashSet::from([descriptor]),
        )];
        let flags = [control(oid::SD_FLAGS, Some(vec![0x30, 3, 2, 1, DACL]))];
        let answer = self.modify(container, &changes, &flags).await?.answer;
        match answer.rc {
            code::SUCCESS => Ok(true),
            _ => Err(self.error(Operation::Grant, container, &answer)),
        }
    }

    /// Brings a deleted group back with its GUID and SID (MS-ADTS 3.1.1.5.3.7); gives its DN. Without the Recycle Bin
    /// most attributes and all members are lost and have to be written again.
    pub async fn undelete(&self, guid: Guid, new_parent: &str, cn: &str) -> Result<String> {
        let name = Dn::parse(new_parent)?.child("CN", cn).to_string();
        let link = self.directory.link();
        // By its name among the deleted ones: <GUID=...> is not taken everywhere here (Samba).
        let mut spec = Spec::object(&dn::by_guid(guid), &["isDeleted"]);
        spec.deleted = true;
        let entry = search::object(link, &spec).await?;
        let entry = entry.ok_or_else(|| gone(guid))?;
        if !entry.is_true("isDeleted") {
            return Ok(entry.dn);
        }
        let changes = vec![
            Mod::Delete(b"isDeleted".to_vec(), HashSet::new()),
            Mod::Replace(
                b"distinguishedName".to_vec(),
                HashSet::from([name.clone().into_bytes()]),
            ),
        ];
        let controls = [control(oid::SHOW_DELETED, None)];
        let answer = self.modify(&entry.dn, &changes, &controls).await?.answer;
        match answer.rc {
            code::SUCCESS => Ok(name),
            code::ALREADY_EXISTS => Err(Error::new(
                ErrorId::GroupNameConflict,
                format!(
                    "'{name}' is taken, so the deleted group can't come back there. {}.",
                    codes::words(&answer)
                ),
            )
            .target(name)),
            _ => match self.dn_of(guid).await {
                // A repeat: it is back already.
                Ok(now) => Ok(now),
                Err(_) => Err(self.error(Operation::Undelete, &name, &answer)),
            },
        }
    }
}

type Values = Vec<(Vec<u8>, HashSet<Vec<u8>>)>;

fn one(name: &str, value: &str) -> (Vec<u8>, HashSet<Vec<u8>>) {
    (
        name.as_bytes().to_vec(),
        HashSet::from([value.as_bytes().to_vec()]),
    )
}

fn bytes(texts: &[String]) -> HashSet<Vec<u8>> {
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

fn is_ours(entry: &Entry) -> bool {
    entry.texts("objectClass").any(|c| c == "group")
        && marks::of(entry).is_ok()
        && !entry.is_true("isCriticalSystemObject")
}

pub(super) fn gone(guid: Guid) -> Error {
    Error::new(
        ErrorId::GroupNotFound,
        format!("The group with the GUID {guid} is no longer in the directory."),
    )
    .target(guid)
}
