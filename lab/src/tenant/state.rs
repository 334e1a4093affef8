//! The tenant's objects in memory: one arena of objects addressed by number, and the log of what changed.
//!
//! It is built for size: members are sorted arrays of numbers, and only what changed after the start
//! of the lab has a history. A group's starting members (`base`) never change; later changes lie over
//! them (`overlay`), so the position of a reader in a long member list stays true between pages.

use crate::ids::Guid;
use std::collections::{BTreeMap, HashMap};

/// The number of an object in the arena.
pub(crate) type Index = u32;

/// A point in the tenant's history: how many changes came before it.
pub(crate) type Version = u32;

/// Whether an object is there, in the recycle bin, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    SoftDeleted,
    HardDeleted,
}

/// One directory object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: Guid,
    pub(crate) state: State,
    /// The last change of this object, 0 for none since the start.
    pub(crate) last_change: Version,
    pub(crate) data: Data,
}

/// What kind of object it is, with its properties.
#[derive(Debug)]
pub(crate) enum Data {
    User(User),
    Group(Box<Group>),
    Device(Device),
    OrgContact(Named),
    ServicePrincipal(Named),
}

/// A user, synced from AD or born in the cloud.
#[derive(Debug, Default)]
pub(crate) struct User {
    pub(crate) display_name: Box<str>,
    pub(crate) upn: Box<str>,
    pub(crate) mail: Option<Box<str>>,
    pub(crate) guest: bool,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) dn: Option<Box<str>>,
}

/// How the cloud knows an object of AD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) rid: u32,
    /// A few synced users have no SID in the cloud, only the immutable id.
    pub(crate) sid_in_cloud: bool,
    /// `objectGUID` or `mS-DS-ConsistencyGuid`, raw.
    pub(crate) immutable: [u8; 16],
    /// Whether it is the latter.
    pub(crate) consistency: bool,
}

/// A device; hybrid joined ones have a relative identifier.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) display_name: Box<str>,
    pub(crate) device_id: Guid,
    pub(crate) rid: Option<u32>,
}

/// An object of which the lab only needs a name (and perhaps an address).
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) display_name: Box<str>,
    pub(crate) mail: Option<Box<str>>,
}

/// A group of any kind.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) display_name: Box<str>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) mail: Option<Box<str>>,
    pub(crate) mail_nickname: Option<Box<str>>,
    pub(crate) proxy_addresses: Vec<Box<str>>,
    pub(crate) unified: bool,
    pub(crate) dynamic: bool,
    pub(crate) security_enabled: bool,
    pub(crate) mail_enabled: bool,
    pub(crate) hidden_membership: bool,
    pub(crate) allow_external_senders: bool,
    pub(crate) writeback: Option<Writeback>,
    /// Set for groups synced from AD.
    pub(crate) rid: Option<u32>,
    /// Members at the start, ascending; never changed afterwards.
    pub(crate) base: Box<[Index]>,
    /// The last change of each member that changed.
    pub(crate) overlay: BTreeMap<Index, MemberChange>,
    /// The last change of the membership.
    pub(crate) members_changed: Version,
    pub(crate) deleted_at: i64,
    /// Where the group was a member when it was soft-deleted.
    pub(crate) former_parents: Vec<Index>,
}

/// The writeback flag as the beta schema has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writeback {
    pub(crate) is_enabled: Option<bool>,
    pub(crate) on_premises_group_type: Option<Box<str>>,
}

/// The last change of one member of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemberChange {
    pub(crate) version: Version,
    pub(crate) present: bool,
}

impl Group {
    /// Whether `member` is a member now.
    pub(crate) fn has(&self, member: Index) -> bool {
        match self.overlay.get(&member) {
            Some(change) => change.present,
            None => self.in_base(member),
        }
    }

    /// Whether `member` was a member at the start.
    pub(crate) fn in_base(&self, member: Index) -> bool {
        self.base.binary_search(&member).is_ok()
    }

    /// The members now: first those of the start, then those added later.
    pub(crate) fn members(&self) -> impl Iterator<Item = Index> {
        let stayed = self.base.iter().copied().filter(|member| self.has(*member));
        let added = self
            .overlay
            .iter()
            .filter(|(member, change)| change.present && !self.in_base(**member));
        stayed.chain(added.map(|(member, _)| *member))
    }

    /// Whether the group is a cloud group that may be a source of writeback.
    pub(crate) fn is_cloud(&self) -> bool {
        self.rid.is_none()
    }
}

impl Object {
    /// The group, if it is one.
    pub(crate) fn group(&self) -> Option<&Group> {
        match &self.data {
            Data::Group(group) => Some(group),
            _ => None,
        }
    }

    /// The user, if it is one.
    pub(crate) fn user(&self) -> Option<&User> {
        match &self.data {
            Data::User(user) => Some(user),
            _ => None,
        }
    }

    /// The name people see.
    pub(crate) fn display_name(&self) -> &str {
        match &self.data {
            Data::User(user) => &user.display_name,
            Data::Group(group) => &group.display_name,
            Data::Device(device) => &device.display_name,
            Data::OrgContact(named) | Data::ServicePrincipal(named) => &named.display_name,
        }
    }

    /// The kind as `dump` and the cast segments write it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.data {
            Data::User(_) => "user",
            Data::Group(_) => "group",
            Data::Device(_) => "device",
            Data::OrgContact(_) => "orgContact",
            Data::ServicePrincipal(_) => "servicePrincipal",
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state == State::Active
    }
}

/// One line of the change log; its version is its place in the log, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogEntry {
    pub(crate) object: Index,
    /// The change of the same object before this one.
    pub(crate) previous: Version,
}

/// When an object and its properties changed; kept only for objects that did.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) created: Version,
    pub(crate) restored: Version,
    pub(crate) properties: HashMap<&'static str, Version>,
}

/// Facts about the tenant itself.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) tenant_id: Guid,
    pub(crate) domain: String,
    pub(crate) domain_sid: String,
    /// The tenant's initial name, `<first label>.onmicrosoft.com`.
    pub(crate) initial_domain: String,
}

/// The whole tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) identity: Identity,
    pub(crate) objects: Vec<Object>,
    pub(crate) by_id: HashMap<Guid, Index>,
    pub(crate) groups: Vec<Index>,
    pub(crate) users: Vec<Index>,
    pub(crate) devices: Vec<Index>,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) history: HashMap<Index, History>,
    /// The next relative identifier for an object synced from AD.
    pub(crate) next_rid: u32,
    /// The tenant's writeback switches and other features of directory synchronization.
    pub(crate) features: serde_json::Map<String, serde_json::Value>,
    /// Directory settings created from templates.
    pub(crate) settings: Vec<serde_json::Value>,
    /// Properties that the cloud gives of an object whatever is true in AD.
    pub(crate) told: HashMap<Guid, serde_json::Map<String, serde_json::Value>>,
}

impl Tenant {
    /// An empty tenant.
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            objects: Vec::new(),
            by_id: HashMap::new(),
            groups: Vec::new(),
            users: Vec::new(),
            devices: Vec::new(),
            log: Vec::new(),
            history: HashMap::new(),
            next_rid: 1104,
            features: super::settings::default_features(),
            settings: Vec::new(),
            told: HashMap::new(),
        }
    }

    /// Puts an object into the arena.
    pub(crate) fn insert(&mut self, id: Guid, data: Data) -> Index {
        let index = self.objects.len() as Index;
        match data {
            Data::User(_) => self.users.push(index),
            Data::Group(_) => self.groups.push(index),
            Data::Device(_) => self.devices.push(index),
            Data::OrgContact(_) | Data::ServicePrincipal(_) => {}
        }
        self.by_id.insert(id, index);
        self.objects.push(Object {
            id,
            state: State::Active,
            last_change: 0,
            data,
        });
        index
    }

    pub(crate) fn object(&self, index: Index) -> &Object {
        &self.objects[index as usize]
    }

    /// An object that is not deleted, by its id.
    pub(crate) fn find(&self, id: Guid) -> Option<(Index, &Object)> {
        let index = *self.by_id.get(&id)?;
        let object = self.object(index);
        object.is_active().then_some((index, object))
    }

    /// An active group by its id.
    pub(crate) fn find_group(&self, id: Guid) -> Option<(Index, &Group)> {
        let (index, object) = self.find(id)?;
        Some((index, object.group()?))
    }

    pub(crate) fn group_mut(&mut self, index: Index) -> Option<&mut Group> {
        match &mut self.objects.get_mut(index as usize)?.data {
            Data::Group(group) => Some(group),
            _ => None,
        }
    }

    pub(crate) fn user_mut(&mut self, index: Index) -> Option<&mut User> {
        match &mut self.objects.get_mut(index as usize)?.data {
            Data::User(user) => Some(user),
            _ => None,
        }
    }

    /// The version after the last change.
    pub(crate) fn version(&self) -> Version {
        self.log.len() as Version
    }

    /// Writes a change of `object` into the log and answers its version.
    pub(crate) fn touch(&mut self, object: Index) -> Version {
        let slot = &mut self.objects[object as usize];
        self.log.push(LogEntry {
            object,
            previous: slot.last_change,
        });
        slot.last_change = self.log.len() as Version;
        slot.last_change
    }

    /// A relative identifier that no object has yet.
    pub(crate) fn take_rid(&mut self) -> u32 {
        self.next_rid += 1;
        self.next_rid - 1
    }

    /// The SID of an object of the AD domain.
    pub(crate) fn sid(&self, rid: u32) -> String {
        format!("{}-{rid}", self.identity.domain_sid)
    }
}
