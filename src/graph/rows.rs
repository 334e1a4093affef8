//! Rows of Graph lists as patches: what a row says, and what it says nothing about.
//!
//! Delta rows may carry any part of an object ("Get delta": absent = unchanged, null = cleared), so
//! every property is a [`Patch`]. Identifiers are parsed strictly: a value that is not what it should
//! be never passes for "no value".

use serde::Deserialize;
use serde_json::Value;

use crate::model::{CloudGroup, MemberKind, ObjectId, Sid};

/// Properties asked for in group lists and delta (graph.md section 3). `allowExternalSenders` is not
/// in lists; `proxyAddresses` and the SID are ours to add.
pub const GROUP_SELECT: &str = "id,displayName,description,mail,mailNickname,proxyAddresses,\
groupTypes,securityEnabled,mailEnabled,onPremisesSyncEnabled,onPremisesSecurityIdentifier,visibility,members";
/// Properties asked for in user lists and delta; `displayName` and `userPrincipalName` are the
/// sentinels that tell "has none" from "may not be read".
pub const USER_SELECT: &str =
    "id,displayName,userPrincipalName,onPremisesSecurityIdentifier,onPremisesImmutableId";
/// Properties asked for in device lists and delta.
pub const DEVICE_SELECT: &str = "id,displayName,onPremisesSecurityIdentifier";

/// What a row says about one property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Patch<T> {
    /// Nothing: unchanged.
    #[default]
    Absent,
    /// `null`: cleared.
    Null,
    /// A value.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the row says nothing about it.
    pub fn is_absent(&self) -> bool {
        matches!(self, Patch::Absent)
    }

    /// Whether the row says it has no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Patch::Null)
    }

    /// The value, if the row gives one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Patch::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Writes what the row says into `slot`; an absent property leaves it alone.
    pub fn apply_to(&self, slot: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Patch::Absent => {}
            Patch::Null => *slot = None,
            Patch::Value(value) => *slot = Some(value.clone()),
        }
    }

    /// Same, for a property whose "no value" is its default.
    pub fn apply_or_default(&self, slot: &mut T)
    where
        T: Clone + Default,
    {
        match self {
            Patch::Absent => {}
            Patch::Null => *slot = T::default(),
            Patch::Value(value) => *slot = value.clone(),
        }
    }
}

/// A row of `groups/delta`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupRow {
    /// `@removed`. Forget its members: should it be restored, it comes back with those it has then,
    /// and nothing tells who left meanwhile.
    Removed {
        /// The group.
        id: ObjectId,
        /// Reason `deleted` (gone for good); otherwise `changed` (soft-deleted, can be restored).
        permanent: bool,
    },
    /// The group exists; what the row says about it. Slices of one group are rows like any other.
    Changed(GroupPatch),
}

/// What a row says about a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupPatch {
    /// The group.
    pub id: ObjectId,
    /// displayName; the sentinel, see [`GroupPatch::readable`].
    pub display_name: Patch<String>,
    /// description.
    pub description: Patch<String>,
    /// mail.
    pub mail: Patch<String>,
    /// mailNickname.
    pub mail_nickname: Patch<String>,
    /// proxyAddresses.
    pub proxy_addresses: Patch<Vec<String>>,
    /// groupTypes.
    pub group_types: Patch<Vec<String>>,
    /// securityEnabled.
    pub security_enabled: Patch<bool>,
    /// mailEnabled.
    pub mail_enabled: Patch<bool>,
    /// onPremisesSyncEnabled.
    pub on_premises_sync_enabled: Patch<bool>,
    /// onPremisesSecurityIdentifier.
    pub on_premises_sid: Patch<Sid>,
    /// visibility: `HiddenMembership` needs a permission of its own to see members.
    pub visibility: Patch<String>,
    /// `members@delta`. `None` = the row has no such key: no member information, not "no members".
    /// A later row on the same member wins.
    pub members: Option<Vec<MemberRow>>,
    /// False when displayName came back null or a value is malformed: leave the group untouched.
    pub readable: bool,
}

impl GroupPatch {
    /// A patch that says nothing.
    pub fn new(id: ObjectId) -> Self {
        GroupPatch {
            id,
            display_name: Patch::Absent,
            description: Patch::Absent,
            mail: Patch::Absent,
            mail_nickname: Patch::Absent,
            proxy_addresses: Patch::Absent,
            group_types: Patch::Absent,
            security_enabled: Patch::Absent,
            mail_enabled: Patch::Absent,
            on_premises_sync_enabled: Patch::Absent,
            on_premises_sid: Patch::Absent,
            visibility: Patch::Absent,
            members: None,
            readable: true,
        }
    }

    /// Writes the properties into `group` (members live elsewhere). An unreadable row changes
    /// nothing: its nulls are no facts.
    pub fn apply(&self, group: &mut CloudGroup) {
        if !self.readable {
            return;
        }
        self.display_name.apply_to(&mut group.display_name);
        self.description.apply_to(&mut group.description);
        self.mail.apply_to(&mut group.mail);
        self.mail_nickname.apply_to(&mut group.mail_nickname);
        self.proxy_addresses
            .apply_or_default(&mut group.proxy_addresses);
        self.group_types.apply_or_default(&mut group.group_types);
        self.security_enabled
            .apply_or_default(&mut group.security_enabled);
        self.mail_enabled.apply_or_default(&mut group.mail_enabled);
        self.on_premises_sync_enabled
            .apply_or_default(&mut group.on_premises_sync_enabled);
        self.on_premises_sid.apply_to(&mut group.on_premises_sid);
        self.visibility.apply_to(&mut group.visibility);
    }
}

/// An entry of `members@delta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberRow {
    /// The member.
    pub id: ObjectId,
    /// Its type, from `@odata.type`.
    pub kind: MemberKind,
    /// `@removed`: no longer a member.
    pub removed: bool,
}

/// A row of a list of users, devices or mixed objects, with anchors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectRow {
    /// `@removed`.
    Removed {
        /// The object.
        id: ObjectId,
        /// Reason `deleted`.
        permanent: bool,
    },
    /// The object exists.
    Changed {
        /// The object.
        id: ObjectId,
        /// Its type.
        kind: MemberKind,
        /// onPremisesSecurityIdentifier.
        sid: Patch<Sid>,
        /// onPremisesImmutableId (base64 of a GUID, as given).
        immutable_id: Patch<String>,
        /// displayName.
        display_name: Patch<String>,
        /// False when a sentinel came back null or a value is malformed: null anchors are then no
        /// proof of "cloud-only".
        readable: bool,
    },
}

impl ObjectRow {
    /// The object.
    pub fn id(&self) -> ObjectId {
        match self {
            ObjectRow::Removed { id, .. } | ObjectRow::Changed { id, .. } => *id,
        }
    }
}

/// `@odata.type` to kind; unknown types are [`MemberKind::Other`].
pub(super) fn kind_of(odata_type: Option<&str>) -> MemberKind {
    match odata_type.map(|t| t.strip_prefix("#microsoft.graph.").unwrap_or(t)) {
        Some("user") => MemberKind::User,
        Some("group") => MemberKind::Group,
        Some("device") => MemberKind::Device,
        Some("orgContact") => MemberKind::Contact,
        Some("servicePrincipal") => MemberKind::ServicePrincipal,
        _ => MemberKind::Other,
    }
}

/// Makes a row from its JSON. A row without a sound id doesn't even parse: then the answer as a
/// whole can't be trusted.
pub(super) trait FromJson: std::hash::Hash + Sized + Send + 'static {
    /// The JSON form.
    type Raw: for<'de> Deserialize<'de> + Send;

    /// Malformed values are described in `faults`, and the row is marked unreadable.
    fn from_raw(raw: Self::Raw, reading: &Reading, faults: &mut Vec<String>) -> Self;

    /// False when the object may not be read, see [`ObjectRow::Changed`].
    fn is_readable(&self) -> bool;
}

/// How rows of one read are to be understood.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The type of rows that don't name theirs.
    pub kind: MemberKind,
    /// Every object is given in full, so an absent sentinel is a null one.
    pub whole_objects: bool,
}

type Properties = serde_json::Map<String, Value>;

/// A group row: members typed (there may be many), everything else by name.
#[derive(Deserialize)]
pub(super) struct RawGroup {
    id: ObjectId,
    #[serde(rename = "@removed")]
    removed: Option<RawRemoved>,
    #[serde(rename = "members@delta")]
    members: Option<Vec<RawMember>>,
    #[serde(flatten)]
    properties: Properties,
}

#[derive(Deserialize)]
struct RawRemoved {
    reason: Option<String>,
}

impl RawRemoved {
    /// Only the word that says so is proof of a deletion for good.
    fn permanent(&self) -> bool {
        self.reason.as_deref() == Some("deleted")
    }
}

#[derive(Deserialize)]
struct RawMember {
    id: ObjectId,
    #[serde(rename = "@odata.type")]
    odata_type: Option<String>,
    #[serde(rename = "@removed")]
    removed: Option<serde::de::IgnoredAny>,
}

/// A user, device or other directory object.
#[derive(Deserialize)]
pub(super) struct RawObject {
    id: ObjectId,
    #[serde(rename = "@odata.type")]
    odata_type: Option<String>,
    #[serde(rename = "@removed")]
    removed: Option<RawRemoved>,
    #[serde(flatten)]
    properties: Properties,
}

/// Takes typed properties out of a row and remembers what was malformed.
struct Take<'a> {
    id: ObjectId,
    properties: Properties,
    faults: &'a mut Vec<String>,
    sound: bool,
}

impl Take<'_> {
    fn get<T>(&mut self, name: &str, convert: impl FnOnce(Value) -> Option<T>) -> Patch<T> {
        match self.properties.remove(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => match convert(value) {
                Some(value) => Patch::Value(value),
                None => {
                    self.sound = false;
                    self.faults.push(format!("{} of {}", name, self.id));
                    Patch::Absent
                }
            },
        }
    }

    fn text(&mut self, name: &str) -> Patch<String> {
        self.get(name, text)
    }

    fn flag(&mut self, name: &str) -> Patch<bool> {
        self.get(name, |v| v.as_bool())
    }

    fn texts(&mut self, name: &str) -> Patch<Vec<String>> {
        self.get(name, |v| match v {
            Value::Array(items) => items.into_iter().map(text).collect(),
            _ => None,
        })
    }

    fn sid(&mut self, name: &str) -> Patch<Sid> {
        self.get(name, |v| v.as_str()?.parse().ok())
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

impl FromJson for GroupRow {
    type Raw = RawGroup;

    fn from_raw(raw: RawGroup, _: &Reading, faults: &mut Vec<String>) -> Self {
        match raw.removed {
            Some(removed) => GroupRow::Removed {
                id: raw.id,
                permanent: removed.permanent(),
            },
            None => GroupRow::Changed(group_patch(raw.id, raw.properties, raw.members, faults)),
        }
    }

    fn is_readable(&self) -> bool {
        matches!(
            self,
            GroupRow::Removed { .. } | GroupRow::Changed(GroupPatch { readable: true, .. })
        )
    }
}

fn group_patch(
    id: ObjectId,
    properties: Properties,
    members: Option<Vec<RawMember>>,
    faults: &mut Vec<String>,
) -> GroupPatch {
    let mut take = Take {
        id,
        properties,
        faults,
        sound: true,
    };
    let mut patch = GroupPatch {
        id,
        display_name: take.text("displayName"),
        description: take.text("description"),
        mail: take.text("mail"),
        mail_nickname: take.text("mailNickname"),
        proxy_addresses: take.texts("proxyAddresses"),
        group_types: take.texts("groupTypes"),
        security_enabled: take.flag("securityEnabled"),
        mail_enabled: take.flag("mailEnabled"),
        on_premises_sync_enabled: take.flag("onPremisesSyncEnabled"),
        on_premises_sid: take.sid("onPremisesSecurityIdentifier"),
        visibility: take.text("visibility"),
        members: members.map(|members| {
            members
                .into_iter()
                .map(|m| MemberRow {
                    id: m.id,
                    kind: kind_of(m.odata_type.as_deref()),
                    removed: m.removed.is_some(),
                })
                .collect()
        }),
        readable: true,
    };
    patch.readable = take.sound && !patch.display_name.is_null();
    patch
}

impl FromJson for ObjectRow {
    type Raw = RawObject;

    fn from_raw(raw: RawObject, reading: &Reading, faults: &mut Vec<String>) -> Self {
        if let Some(removed) = raw.removed {
            return ObjectRow::Removed {
                id: raw.id,
                permanent: removed.permanent(),
            };
        }
        let kind = match raw.odata_type.as_deref() {
            None => reading.kind,
            some => kind_of(some),
        };
        let mut take = Take {
            id: raw.id,
            properties: raw.properties,
            faults,
            sound: true,
        };
        let display_name = take.text("displayName");
        let principal_name = take.text("userPrincipalName");
        let sid = take.sid("onPremisesSecurityIdentifier");
        let immutable_id = take.text("onPremisesImmutableId");
        // Devices and contacts may really have no name in odd tenants, but then nothing is lost by
        // treating them as unreadable: their group is left alone, never emptied.
        let sentinel_missing = display_name.is_null()
            || (kind == MemberKind::User && principal_name.is_null())
            || (reading.whole_objects && display_name.is_absent());
        ObjectRow::Changed {
            id: raw.id,
            kind,
            sid,
            immutable_id,
            display_name,
            readable: take.sound && !sentinel_missing,
        }
    }

    fn is_readable(&self) -> bool {
        matches!(
            self,
            ObjectRow::Removed { .. } | ObjectRow::Changed { readable: true, .. }
        )
    }
}
