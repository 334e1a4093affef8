//! From SIDs, GUIDs and anchors to objects, in bulk; containers; who the account is.

use std::collections::{HashMap, HashSet};

use ldap3::LdapResult;
use ldap3::exop::{WhoAmI, WhoAmIResp};

use super::Directory;
use super::acl;
use super::dn::{self, Dn};
use super::entry::Entry;
use super::filter;
use super::link::{Answer, Kind};
use super::search::{self, Spec};
use super::types::{Container, Resolved, Scope};
use super::writer::gone;
use crate::error::{Error, ErrorId, Result};
use crate::model::{GroupType, Guid, MemberKey, Sid, SkipReason};

/// Terms of one filter.
const TERMS: usize = 200;
/// Anchors up to which one search names them; beyond, all objects that have one are read.
const FEW_ANCHORS: usize = 20;
/// `DACL_SECURITY_INFORMATION`
pub(super) const DACL: u8 = 4;
/// Anchor that Entra Connect prefers to objectGUID.
const CONSISTENCY_GUID: &str = "mS-DS-ConsistencyGuid";

const IDENTITY: [&str; 3] = ["objectGUID", "objectSid", "groupType"];

fn resolved(entry: &Entry) -> Option<Resolved> {
    Some(Resolved {
        dn: entry.dn.clone(),
        guid: entry.guid()?,
        sid: entry.sid(),
        group_type: entry.parsed("groupType").map(GroupType),
    })
}

/// Objects found by anchor or by objectGUID.
struct Anchored<'a> {
    wanted: &'a HashSet<[u8; 16]>,
    by_anchor: HashMap<[u8; 16], Vec<MemberKey>>,
    by_guid: HashMap<[u8; 16], MemberKey>,
}

impl Anchored<'_> {
    fn take(&mut self, entry: &Entry) {
        let Some(object) = resolved(entry) else {
            return;
        };
        let anchor: Option<[u8; 16]> = entry
            .value(CONSISTENCY_GUID)
            .and_then(|bytes| bytes.try_into().ok());
        let id = object.guid.to_ad_bytes();
        match anchor {
            Some(anchor) if self.wanted.contains(&anchor) => {
                let keys = self.by_anchor.entry(anchor).or_default();
                // The same object may come in answer to two searches.
                if !keys.contains(&object.key()) {
                    keys.push(object.key());
                }
            }
            None if self.wanted.contains(&id) => {
                self.by_guid.insert(id, object.key());
            }
            _ => {}
        }
    }

    /// The anchor goes before the GUID; one that two objects carry stands for neither.
    fn keys(self) -> HashMap<[u8; 16], MemberKey> {
        let mut keys = self.by_guid;
        for (anchor, found) in self.by_anchor {
            match <[MemberKey; 1]>::try_from(found) {
                Ok([key]) => keys.insert(anchor, key),
                Err(_) => keys.remove(&anchor),
            };
        }
        keys
    }
}

struct Who {
    name: Option<String>,
    result: LdapResult,
}

impl Answer for Who {
    fn result(&self) -> &LdapResult {
        &self.result
    }
}

impl Directory {
    /// Objects of the controller's domain by SID; those that don't exist there are left out.
    pub async fn resolve_sids(&self, sids: &[Sid]) -> Result<HashMap<Sid, Resolved>> {
        let entries = search::chunked(self.link(), sids, TERMS, |chunk| {
            let any = filter::or(chunk.iter().map(|sid| filter::sid("objectSid", sid)));
            let mut spec = self.domain_wide(any);
            spec.attributes = IDENTITY.map(str::to_owned).to_vec();
            spec
        })
        .await?;
        Ok(entries
            .iter()
            .filter_map(|e| Some((e.sid()?, resolved(e)?)))
            .collect())
    }

    /// Objects of the controller's domain by GUID; those that don't exist there are left out.
    pub async fn resolve_guids(&self, guids: &[Guid]) -> Result<HashMap<Guid, Resolved>> {
        let entries = search::chunked(self.link(), guids, TERMS, |chunk| {
            let any = filter::or(chunk.iter().map(|guid| filter::guid("objectGUID", *guid)));
            let mut spec = self.domain_wide(any);
            spec.attributes = IDENTITY.map(str::to_owned).to_vec();
            spec
        })
        .await?;
        Ok(entries
            .iter()
            .filter_map(|e| Some((e.guid()?, resolved(e)?)))
            .collect())
    }

    /// Objects by the 16 bytes of a cloud user's `onPremisesImmutableId`: `mS-DS-ConsistencyGuid` first, then
    /// `objectGUID` of objects without another anchor. Ambiguous anchors are left out.
    pub async fn resolve_immutable_ids(
        &self,
        ids: &[[u8; 16]],
    ) -> Result<HashMap<[u8; 16], MemberKey>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted: HashSet<[u8; 16]> = ids.iter().copied().collect();
        let mut found = Anchored {
            wanted: &wanted,
            by_anchor: HashMap::new(),
            by_guid: HashMap::new(),
        };
        let attributes = || {
            let names = IDENTITY.iter().chain([&CONSISTENCY_GUID]);
            names.map(|name| (*name).to_owned()).collect()
        };
        let by_guid = search::chunked(self.link(), ids, TERMS, |chunk| {
            let terms = chunk.iter().map(|id| filter::eq_bytes("objectGUID", id));
            let mut spec = self.domain_wide(filter::or(terms));
            spec.attributes = attributes();
            spec
        })
        .await?;
        by_guid.iter().for_each(|entry| found.take(entry));
        // The anchor has no index: the controller looks at every object, and compares it with every term.
        let anchored = if ids.len() > FEW_ANCHORS {
            filter::present(CONSISTENCY_GUID)
        } else {
            filter::or(ids.iter().map(|id| filter::eq_bytes(CONSISTENCY_GUID, id)))
        };
        let mut spec = self.domain_wide(anchored);
        spec.attributes = attributes();
        search::each(self.link(), &spec, |entry| found.take(entry)).await?;
        Ok(found.keys())
    }

    /// Which of these are members of the group, by asking for them alone: the cost doesn't follow the size of the group.
    /// Members of other domains are not seen.
    pub(super) async fn members_among(
        &self,
        group: Guid,
        keys: &[MemberKey],
    ) -> Result<HashSet<MemberKey>> {
        let spec = Spec::object(&dn::by_guid(group), &["objectGUID"]);
        let group = search::object(self.link(), &spec)
            .await?
            .ok_or_else(|| gone(group))?;
        let entries = search::chunked(self.link(), keys, TERMS, |chunk| {
            let any = filter::or(chunk.iter().map(|key| match key {
                MemberKey::Sid(sid) => filter::sid("objectSid", sid),
                MemberKey::Guid(guid) => filter::guid("objectGUID", *guid),
            }));
            let mut spec = self.domain_wide(filter::and([filter::eq("memberOf", &group.dn), any]));
            spec.attributes = IDENTITY.map(str::to_owned).to_vec();
            spec
        })
        .await?;
        let found = entries.iter().filter_map(resolved);
        let keys_of = |r: Resolved| [r.sid.map(MemberKey::Sid), Some(MemberKey::Guid(r.guid))];
        let found: HashSet<MemberKey> = found.flat_map(keys_of).flatten().collect();
        Ok(keys.iter().filter(|k| found.contains(k)).cloned().collect())
    }

    /// A container and what the account may do there; `None` when it doesn't exist.
    pub async fn container(&self, dn: &str) -> Result<Option<Container>> {
        let name = Dn::parse(dn)?;
        let mut spec = Spec::object(
            &name.to_string(),
            &[
                "objectGUID",
                "objectClass",
                "allowedChildClassesEffective",
                "nTSecurityDescriptor",
            ],
        );
        spec.sd_flags = DACL;
        let Some(entry) = search::object(self.link(), &spec).await? else {
            return Ok(None);
        };
        let may_create = |class: &str| {
            entry
                .texts("allowedChildClassesEffective")
                .any(|c| c.eq_ignore_ascii_case(class))
        };
        Ok(Some(Container {
            guid: entry.guid().ok_or_else(|| {
                Error::new(
                    ErrorId::DirectoryAccessDenied,
                    format!("The account can't read objectGUID of '{dn}'."),
                )
                .target(dn)
            })?,
            class: entry
                .texts("objectClass")
                .last()
                .unwrap_or_default()
                .to_owned(),
            can_create_groups: may_create("group"),
            can_create_ou: may_create("organizationalUnit"),
            protected: entry
                .value("nTSecurityDescriptor")
                .and_then(acl::deletion_denied),
            dn: entry.dn,
        }))
    }

    /// Whether the account may create an organizational unit where this DN would be.
    pub async fn parent_can_create_ou(&self, dn: &str) -> Result<bool> {
        let Some(parent) = Dn::parse(dn)?.parent() else {
            return Ok(false);
        };
        Ok(self
            .container(&parent.to_string())
            .await?
            .is_some_and(|c| c.can_create_ou))
    }

    /// The account's SID, by asking the controller who we are (RFC 4532).
    pub async fn account_sid(&self) -> Result<Option<Sid>> {
        let reply = self
            .link()
            .call(Kind::Extended, None, |mut ldap| async move {
                let answer = ldap.extended(WhoAmI).await?;
                let name = (answer.1.rc == 0 && answer.0.val.is_some())
                    .then(|| answer.0.parse::<WhoAmIResp>().authzid);
                Ok(Who {
                    name,
                    result: answer.1,
                })
            })
            .await?;
        // A controller without this operation (Samba) leaves the name we signed in with.
        let name = reply.answer.name;
        let name = name.map_or_else(
            || self.link().user(),
            |n| n.trim_start_matches("u:").to_owned(),
        );
        Ok(self.account(&name).await?.map(|(_, sid)| sid))
    }

    /// DN and SID of an account by UPN, `DOMAIN\name`, DN or plain account name; `None` unless exactly one has it.
    pub async fn account(&self, name: &str) -> Result<Option<(String, Sid)>> {
        let who = match (name.rsplit_once('\\'), name.split_once('@')) {
            (Some((_, account)), _) if !name.contains('=') => filter::eq("sAMAccountName", account),
            (None, Some((account, _))) => filter::or([
                filter::eq("userPrincipalName", name),
                filter::eq("sAMAccountName", account),
            ]),
            _ if name.contains('=') => filter::eq("distinguishedName", name),
            _ => filter::eq("sAMAccountName", name),
        };
        let mut spec = self.domain_wide(who);
        spec.attributes = vec!["objectSid".to_owned()];
        let found = search::some(self.link(), &spec, 2)
            .await?
            .unwrap_or_default();
        Ok(match found.as_slice() {
            [one] => one.sid().map(|sid| (one.dn.clone(), sid)),
            _ => None,
        })
    }

    /// What would have to be written so that the account may create, write and delete groups below the container.
    pub(super) async fn missing_rights(
        &self,
        container: &str,
        account: &Sid,
    ) -> Result<Option<Vec<u8>>> {
        let class = Spec::new(
            &self.root().schema_naming_context,
            Scope::OneLevel,
            filter::and([
                filter::eq("objectClass", "classSchema"),
                filter::eq("lDAPDisplayName", "group"),
            ]),
            &["schemaIDGUID"],
        );
        let class = search::some(self.link(), &class, 1)
            .await?
            .unwrap_or_default()
            .first()
            .and_then(|e| Guid::from_ad_bytes(e.value("schemaIDGUID")?));
        let mut spec = Spec::object(container, &["nTSecurityDescriptor"]);
        spec.sd_flags = DACL;
        let entry = search::object(self.link(), &spec)
            .await?
            .ok_or_else(|| search::no_container(container, &self.server()))?;
        let unreadable = |why: &str| {
            Error::new(
                ErrorId::DirectoryAccessDenied,
                format!("The rights on '{container}' can't be looked at: {why}."),
            )
            .target(container)
            .action(
                "Connect as an account that may read and write the permissions of the container.",
            )
        };
        let class = class.ok_or_else(|| unreadable("the class 'group' can't be read"))?;
        let descriptor = entry
            .value("nTSecurityDescriptor")
            .ok_or_else(|| unreadable("the account may not read its permissions"))?;
        acl::grant_writeback(descriptor, class, account).map_err(unreadable)
    }

    /// Whether the container's own list gives the account what writeback needs (inherited entries count, those for
    /// groups the account is in don't).
    pub async fn has_writeback_rights(&self, container: &str, account: &Sid) -> Result<bool> {
        Ok(self.missing_rights(container, account).await?.is_none())
    }

    /// Whether a policy of the controllers protects this object from us (`msDS-ObjectSoa`): the error that says so.
    pub async fn cloud_protection(&self, guid: Guid) -> Result<Option<Error>> {
        const SOA: &str = "msDS-ObjectSoa";
        if !self.schema().has(SOA) {
            return Ok(None);
        }
        let object = search::object(self.link(), &Spec::object(&dn::by_guid(guid), &[SOA])).await?;
        let Some(object) = object.filter(|o| o.text(SOA).is_some()) else {
            return Ok(None);
        };
        let policy = format!(
            "CN=Cloud,CN=SOA-Policies,CN=System,{}",
            self.root().default_naming_context
        );
        let policy =
            search::object(self.link(), &Spec::object(&policy, &["msDS-Settings"])).await?;
        let Some(policy) = policy else {
            return Ok(None);
        };
        let sid = self.account_sid().await?.map(|sid| sid.to_string());
        let listed = sid
            .as_deref()
            .is_some_and(|sid| policy.texts("msDS-Settings").any(|v| v.contains(sid)));
        if listed {
            return Ok(None);
        }
        let sid = sid.unwrap_or_else(|| format!("of the account {}", self.link().user()));
        Ok(Some(
            Error::new(
                ErrorId::CloudManagedObjectProtected,
                format!("'{}' is managed from the cloud ({SOA}), and the controllers' policy lets only listed accounts change it; add the SID {sid}.", object.dn),
            )
            .target(&object.dn)
            .action(format!("Add the SID {sid} to msDS-Settings of '{}'.", policy.dn)),
        ))
    }

    /// Why some of these can't be members of a group of this type, as far as a look at the directory tells.
    /// SIDs of other domains of the forest are beyond this controller and never judged.
    pub(super) async fn unfit_members(
        &self,
        keys: &[MemberKey],
        group_type: GroupType,
    ) -> Result<HashMap<MemberKey, SkipReason>> {
        let mut unfit = HashMap::new();
        let (mut sids, mut guids) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                MemberKey::Guid(guid) => guids.push(*guid),
                MemberKey::Sid(sid) if self.forest().is_own(sid) => sids.push(sid.clone()),
                // S-1-5-32-..., S-1-5-11 and the like have no place here either.
                MemberKey::Sid(sid) if !self.forest().contains(sid) => {
                    unfit.insert(key.clone(), SkipReason::OtherForest);
                }
                MemberKey::Sid(_) => {}
            }
        }
        let mut judge = |key: MemberKey, found: Option<&Resolved>| match found {
            None => {
                unfit.insert(key, SkipReason::NotFoundInDirectory);
            }
            Some(object) => {
                if object.group_type.is_some_and(|of| !group_type.may_hold(of)) {
                    unfit.insert(key, SkipReason::ScopeForbidden);
                }
            }
        };
        let found = self.resolve_sids(&sids).await?;
        for sid in sids {
            let object = found.get(&sid);
            judge(MemberKey::Sid(sid), object);
        }
        let found = self.resolve_guids(&guids).await?;
        for guid in guids {
            judge(MemberKey::Guid(guid), found.get(&guid));
        }
        Ok(unfit)
    }
}
