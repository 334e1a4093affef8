//! Changes of the tenant, as the control verb `change` takes them, with their trace in the change log.

use super::state::{Data, Group, Index, MemberChange, State, Tenant, Version, Writeback};
use crate::ad::Ad;
use crate::clock::DAY;
use crate::ids::Guid;
use crate::rng::Rng;
use crate::world::{PersonSpec, add_person, anchor};
use serde::{Deserialize, Deserializer};

/// How long a soft-deleted object can be restored.
const RECYCLE_SECONDS: i64 = 30 * DAY;

/// One change.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) enum Change {
    AddGroup {
        display_name: String,
        #[serde(default)]
        description: Option<String>,
        #[serde(default)]
        mail_nickname: Option<String>,
        kind: GroupKind,
        #[serde(default)]
        members: Vec<String>,
    },
    SetGroup {
        id: String,
        #[serde(flatten)]
        properties: GroupProperties,
    },
    SoftDeleteGroup {
        id: String,
    },
    HardDeleteGroup {
        id: String,
    },
    RestoreGroup {
        id: String,
    },
    AddMembers {
        id: String,
        members: Vec<String>,
    },
    RemoveMembers {
        id: String,
        members: Vec<String>,
    },
    AddUser {
        display_name: String,
        synced: bool,
        #[serde(default = "yes")]
        in_directory: bool,
    },
    DeleteUser {
        id: String,
    },
    SyncUser {
        id: String,
    },
    Unlink {
        member_id: String,
    },
    SetAnchor {
        id: String,
        #[serde(default)]
        sid: Option<String>,
        #[serde(default)]
        immutable_id: Option<String>,
    },
}

/// What kind of cloud group to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GroupKind {
    M365,
    Security,
}

/// Properties to set; absent ones stay, `null` clears.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupProperties {
    #[serde(default)]
    pub(crate) display_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) mail: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) mail_nickname: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) proxy_addresses: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) allow_external_senders: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) writeback_configuration: Option<Option<WritebackProperties>>,
}

/// The writeback flag; absent parts stay, `null` clears.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WritebackProperties {
    #[serde(default, deserialize_with = "present")]
    pub(crate) is_enabled: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) on_premises_group_type: Option<Option<String>>,
}

fn yes() -> bool {
    true
}

/// Tells a property that is `null` from one that is absent.
fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// What a change needs besides the tenant.
pub(crate) struct Surroundings<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) ad: &'a dyn Ad,
    pub(crate) now: i64,
}

impl Tenant {
    /// Applies one change; answers the id of the object it created, if any.
    pub(crate) fn apply(
        &mut self,
        around: &mut Surroundings<'_>,
        change: Change,
    ) -> Result<Option<Guid>, String> {
        match change {
            Change::AddGroup {
                display_name,
                description,
                mail_nickname,
                kind,
                members,
            } => {
                let members = self.indexes(&members)?;
                let id = Guid::random(around.rng.bytes());
                let group = self.new_group(display_name, description, mail_nickname, kind);
                let index = self.insert(id, Data::Group(Box::new(group)));
                self.created(index);
                self.change_members(index, &members, true)?;
                return Ok(Some(id));
            }
            Change::SetGroup { id, properties } => {
                let index = self.active_group(&id)?;
                self.set_group(index, properties)?;
            }
            Change::SoftDeleteGroup { id } => {
                let index = self.active_group(&id)?;
                self.delete_group(index, State::SoftDeleted, around.now);
            }
            Change::HardDeleteGroup { id } => {
                let index = self.any_group(&id)?;
                if self.object(index).state == State::HardDeleted {
                    return Err(format!("group {id} is gone already"));
                }
                self.delete_group(index, State::HardDeleted, around.now);
            }
            Change::RestoreGroup { id } => {
                let index = self.any_group(&id)?;
                if self.object(index).state != State::SoftDeleted {
                    return Err(format!("group {id} is not soft-deleted"));
                }
                self.restore_group(index);
            }
            Change::AddMembers { id, members } => {
                let (index, members) = (self.active_group(&id)?, self.indexes(&members)?);
                self.change_members(index, &members, true)?;
            }
            Change::RemoveMembers { id, members } => {
                let (index, members) = (self.active_group(&id)?, self.indexes(&members)?);
                self.change_members(index, &members, false)?;
            }
            Change::AddUser {
                display_name,
                synced,
                in_directory,
            } => {
                let (given, family) = ("new", "person");
                let spec = PersonSpec {
                    display_name,
                    given,
                    family,
                    guest: false,
                    synced,
                    in_directory,
                };
                let index = add_person(self, around.rng, around.ad, spec)?;
                self.created(index);
                return Ok(Some(self.object(index).id));
            }
            Change::DeleteUser { id } => {
                let index = self.active_user(&id)?;
                self.leave_groups(index);
                self.objects[index as usize].state = State::SoftDeleted;
                self.touch(index);
            }
            Change::SyncUser { id } => {
                let index = self.active_user(&id)?;
                if self
                    .object(index)
                    .user()
                    .is_some_and(|user| user.anchor.is_some())
                {
                    return Err(format!("user {id} is synced already"));
                }
                anchor(self, around.rng, around.ad, index, true)?;
                self.resynced(index);
            }
            Change::SetAnchor {
                id,
                sid,
                immutable_id,
            } => {
                let index = *self.indexes(&[id])?.first().ok_or("no object")?;
                let told = [
                    ("onPremisesSyncEnabled", true.into()),
                    ("onPremisesSecurityIdentifier", sid.into()),
                    ("onPremisesImmutableId", immutable_id.into()),
                ];
                let told = told.map(|(name, value)| (name.to_owned(), value));
                self.told
                    .insert(self.object(index).id, told.into_iter().collect());
                let version = self.touch(index);
                self.note(index, version, SYNC_PROPERTIES);
            }
            Change::Unlink { member_id } => {
                let index = *self.indexes(&[member_id])?.first().ok_or("no member")?;
                let rid = match &self.object(index).data {
                    Data::User(user) => user.anchor.map(|anchor| anchor.rid),
                    Data::Group(group) => group.rid,
                    Data::Device(device) => device.rid,
                    _ => None,
                };
                let rid = rid.ok_or("the object has no counterpart in AD")?;
                if !around.ad.delete(rid)? {
                    return Err("the directory has no such object any more".into());
                }
            }
        }
        Ok(None)
    }

    /// Deletes for good what has been in the recycle bin for 30 days.
    pub(crate) fn purge(&mut self, now: i64) {
        let expired: Vec<Index> = self
            .groups
            .iter()
            .copied()
            .filter(|index| {
                let object = self.object(*index);
                object.state == State::SoftDeleted
                    && object
                        .group()
                        .is_some_and(|g| g.deleted_at + RECYCLE_SECONDS <= now)
            })
            .collect();
        for index in expired {
            self.delete_group(index, State::HardDeleted, now);
        }
    }

    /// Sets properties of a group and notes those that really changed.
    pub(crate) fn set_group(
        &mut self,
        index: Index,
        properties: GroupProperties,
    ) -> Result<(), String> {
        let Some(group) = self.group_mut(index) else {
            return Err("the object is not a group".into());
        };
        let mut changed = Vec::new();
        if let Some(name) = properties.display_name
            && *name != *group.display_name
        {
            group.display_name = name.into();
            changed.push("displayName");
        }
        let texts = [
            (
                "description",
                &mut group.description,
                properties.description,
            ),
            ("mail", &mut group.mail, properties.mail),
            (
                "mailNickname",
                &mut group.mail_nickname,
                properties.mail_nickname,
            ),
        ];
        for (name, slot, wanted) in texts {
            let Some(wanted) = wanted else { continue };
            let wanted = wanted.map(String::into_boxed_str);
            if *slot != wanted {
                *slot = wanted;
                changed.push(name);
            }
        }
        if let Some(wanted) = properties.proxy_addresses {
            let wanted: Vec<Box<str>> = wanted
                .unwrap_or_default()
                .into_iter()
                .map(String::into_boxed_str)
                .collect();
            if group.proxy_addresses != wanted {
                group.proxy_addresses = wanted;
                changed.push("proxyAddresses");
            }
        }
        if let Some(wanted) = properties.allow_external_senders {
            group.allow_external_senders = wanted.unwrap_or(false);
        }
        if let Some(wanted) = properties.writeback_configuration {
            group.writeback = wanted.map(|wanted| {
                let old = group.writeback.take().unwrap_or_default();
                let kind = wanted.on_premises_group_type;
                Writeback {
                    is_enabled: wanted.is_enabled.unwrap_or(old.is_enabled),
                    on_premises_group_type: kind.map_or(old.on_premises_group_type, |kind| {
                        kind.map(String::into_boxed_str)
                    }),
                }
            });
        }
        if !changed.is_empty() {
            let version = self.touch(index);
            self.note(index, version, &changed);
        }
        Ok(())
    }

    /// Adds or removes members; those that are there (or gone) already are left alone.
    pub(crate) fn change_members(
        &mut self,
        index: Index,
        members: &[Index],
        present: bool,
    ) -> Result<(), String> {
        if present && members.contains(&index) {
            return Err("a group can't be a member of itself".into());
        }
        let Some(group) = self.object(index).group() else {
            return Err("the object is not a group".into());
        };
        let mut news: Vec<Index> = members
            .iter()
            .copied()
            .filter(|member| group.has(*member) != present)
            .collect();
        news.sort_unstable();
        news.dedup();
        if news.is_empty() {
            return Ok(());
        }
        let version = self.touch(index);
        if let Some(group) = self.group_mut(index) {
            group.members_changed = version;
            group.overlay.extend(
                news.into_iter()
                    .map(|member| (member, MemberChange { version, present })),
            );
        }
        Ok(())
    }

    fn new_group(
        &self,
        display_name: String,
        description: Option<String>,
        mail_nickname: Option<String>,
        kind: GroupKind,
    ) -> Group {
        let unified = kind == GroupKind::M365;
        let letters = display_name.chars().filter(char::is_ascii_alphanumeric);
        let stem: String = letters.take(40).collect::<String>().to_lowercase();
        let default = || format!("{stem}{}", self.objects.len());
        let nickname = mail_nickname.unwrap_or_else(default);
        let mail = unified.then(|| format!("{nickname}@{}", self.identity.domain));
        Group {
            display_name: display_name.into(),
            description: description.map(String::into_boxed_str),
            proxy_addresses: mail
                .iter()
                .map(|mail| format!("SMTP:{mail}").into())
                .collect(),
            mail: mail.map(String::into_boxed_str),
            mail_nickname: Some(nickname.into()),
            unified,
            mail_enabled: unified,
            security_enabled: !unified,
            ..Group::default()
        }
    }

    fn delete_group(&mut self, index: Index, state: State, now: i64) {
        let parents = self.leave_groups(index);
        self.objects[index as usize].state = state;
        if let Some(group) = self.group_mut(index) {
            if state == State::SoftDeleted {
                group.deleted_at = now;
                group.former_parents = parents;
            } else {
                group.former_parents.clear();
            }
        }
        self.touch(index);
    }

    fn restore_group(&mut self, index: Index) {
        self.objects[index as usize].state = State::Active;
        let version = self.touch(index);
        self.history.entry(index).or_default().restored = version;
        let parents = self
            .group_mut(index)
            .map(|group| std::mem::take(&mut group.former_parents));
        for parent in parents.unwrap_or_default() {
            if self.object(parent).is_active() {
                // The parent is a group, so this can't fail.
                let _ = self.change_members(parent, &[index], true);
            }
        }
    }

    /// Takes an object out of every group; answers those it was in.
    fn leave_groups(&mut self, member: Index) -> Vec<Index> {
        let holds = |index: &Index| self.object(*index).group().is_some_and(|g| g.has(member));
        let parents: Vec<Index> = self.groups.iter().copied().filter(holds).collect();
        for &parent in &parents {
            let _ = self.change_members(parent, &[member], false);
        }
        parents
    }

    fn created(&mut self, index: Index) {
        let version = self.touch(index);
        self.history.entry(index).or_default().created = version;
    }

    /// Notes that what the cloud knows of an object's counterpart in AD has changed.
    pub(crate) fn resynced(&mut self, index: Index) {
        let version = self.touch(index);
        self.note(index, version, SYNC_PROPERTIES);
    }

    fn note(&mut self, index: Index, version: Version, names: &[&'static str]) {
        let history = self.history.entry(index).or_default();
        history
            .properties
            .extend(names.iter().map(|name| (*name, version)));
    }

    fn any_group(&self, id: &str) -> Result<Index, String> {
        let guid = Guid::parse(id).ok_or_else(|| format!("'{id}' is not an id"))?;
        let index = self.by_id.get(&guid).copied();
        index
            .filter(|index| self.object(*index).group().is_some_and(Group::is_cloud))
            .ok_or_else(|| format!("there is no cloud group {id}"))
    }

    fn active_group(&self, id: &str) -> Result<Index, String> {
        let index = self.any_group(id)?;
        let active = self.object(index).is_active();
        active
            .then_some(index)
            .ok_or_else(|| format!("group {id} is deleted"))
    }

    fn active_user(&self, id: &str) -> Result<Index, String> {
        let guid = Guid::parse(id).ok_or_else(|| format!("'{id}' is not an id"))?;
        let found = self
            .find(guid)
            .filter(|(_, object)| object.user().is_some());
        found
            .map(|(index, _)| index)
            .ok_or_else(|| format!("there is no user {id}"))
    }

    fn indexes(&self, ids: &[String]) -> Result<Vec<Index>, String> {
        ids.iter()
            .map(|id| {
                let guid = Guid::parse(id).ok_or_else(|| format!("'{id}' is not an id"))?;
                let found = self.find(guid).map(|(index, _)| index);
                found.ok_or_else(|| format!("there is no object {id}"))
            })
            .collect()
    }
}

/// What changes when a person gets synced.
const SYNC_PROPERTIES: &[&str] = &[
    "onPremisesSyncEnabled",
    "onPremisesSecurityIdentifier",
    "onPremisesImmutableId",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesSamAccountName",
    "onPremisesUserPrincipalName",
    "userPrincipalName",
    "mailNickname",
];
