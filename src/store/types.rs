//! What goes into the store and comes out of it. Plain data.

use crate::clock::Millis;
use crate::model::{
    CloudGroup, CloudState, DirectoryGroup, Guid, MemberKey, MemberKind, ObjectId, Sid, SkipReason,
    WritebackFlag,
};

/// The number a run's writes carry; the store refuses all but the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);

/// The right to write, held for one run. Dropping it frees the lease; so does the death of the process.
pub struct Lease {
    /// Carried by every write of the run.
    pub fence: Fence,
    /// The run it was taken for.
    pub run_id: Guid,
    /// Frees the lease when dropped.
    pub(crate) _guard: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({}, run {})", self.fence.0, self.run_id)
    }
}

/// A stream of cloud changes with its own watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    /// Groups with their members.
    Groups,
    /// Users: anchors.
    Users,
    /// Devices: anchors.
    Devices,
}

/// Where a feed goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The deltaLink, opaque.
    pub link: String,
    /// What was selected; a difference means a full read.
    pub select: String,
    /// When it was stored; the store's clock, ignored on input.
    pub saved_at: Millis,
}

/// Where rows of a read go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Changes: applied to the cache, with their pending work.
    Live,
    /// A full read: kept aside until `finish_full`.
    Staging,
}

/// `@removed.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Removal {
    /// `changed`: can be restored.
    Soft,
    /// `deleted`: gone for good.
    Permanent,
}

/// Properties in a row: outer `None` = not in the row (unchanged), inner `None` = null (cleared).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPatch {
    /// displayName
    pub display_name: Option<Option<String>>,
    /// description
    pub description: Option<Option<String>>,
    /// mail
    pub mail: Option<Option<String>>,
    /// mailNickname
    pub mail_nickname: Option<Option<String>>,
    /// proxyAddresses
    pub proxy_addresses: Option<Vec<String>>,
    /// groupTypes
    pub group_types: Option<Vec<String>>,
    /// securityEnabled
    pub security_enabled: Option<bool>,
    /// mailEnabled
    pub mail_enabled: Option<bool>,
    /// onPremisesSyncEnabled
    pub on_premises_sync_enabled: Option<bool>,
    /// onPremisesSecurityIdentifier
    pub on_premises_sid: Option<Option<Sid>>,
    /// visibility
    pub visibility: Option<Option<String>>,
    /// writebackConfiguration
    pub writeback: Option<Option<WritebackFlag>>,
    /// allowExternalSenders
    pub allow_external_senders: Option<Option<bool>>,
}

/// One member entry of a group row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// The member.
    pub id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// Taken out of the group.
    pub removed: bool,
}

/// One group row of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group.
    pub id: ObjectId,
    /// False when the app may not read it: its properties are then not taken over.
    pub readable: bool,
    /// The group was deleted.
    pub removed: Option<Removal>,
    /// Properties in the row.
    pub patch: GroupPatch,
    /// Members in the row; `None` = no information on members.
    pub members: Option<Vec<MemberChange>>,
}

impl GroupChange {
    /// A readable row without any property.
    pub fn new(id: ObjectId) -> Self {
        GroupChange {
            id,
            readable: true,
            removed: None,
            patch: GroupPatch::default(),
            members: None,
        }
    }
}

/// One user or device row, or an object asked for by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectChange {
    /// The object.
    pub id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// False when the app may not read it: known anchors are kept.
    pub readable: bool,
    /// The object was deleted.
    pub removed: Option<Removal>,
    /// displayName
    pub display_name: Option<Option<String>>,
    /// onPremisesSecurityIdentifier
    pub sid: Option<Option<Sid>>,
    /// onPremisesImmutableId
    pub immutable_id: Option<Option<String>>,
}

impl ObjectChange {
    /// A readable row without any property.
    pub fn new(id: ObjectId, kind: MemberKind) -> Self {
        ObjectChange {
            id,
            kind,
            readable: true,
            removed: None,
            display_name: None,
            sid: None,
            immutable_id: None,
        }
    }
}

/// A cloud group as cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedGroup {
    /// Properties.
    pub group: CloudGroup,
    /// State.
    pub state: CloudState,
    /// When it came into that state.
    pub since: Millis,
    /// False: the last full read didn't list it, and nothing says it is deleted. To be confirmed, untouched until then.
    pub listed: bool,
    /// False: the last row about it could not be read.
    pub readable: bool,
    /// The scope predicate's answer when it was last read.
    pub in_scope: bool,
    /// Members are cached and complete. False with `in_scope`: its members must be read by themselves.
    pub members_complete: bool,
}

/// What a look-up in AD said about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// Not looked up (a SID needs no look-up).
    #[default]
    Unresolved,
    /// Found under this key.
    Key(MemberKey),
    /// AD has no such object; asked again each cycle.
    NotFound,
    /// It can't be a member for this reason; asked again each cycle.
    Other(SkipReason),
}

/// An object's anchors as cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorObject {
    /// The object.
    pub id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// displayName
    pub display_name: Option<String>,
    /// onPremisesSecurityIdentifier
    pub sid: Option<Sid>,
    /// onPremisesImmutableId
    pub immutable_id: Option<String>,
    /// False: the last row about it could not be read.
    pub readable: bool,
    /// Deleted in the cloud, kept while a group has it.
    pub removed: bool,
    /// What AD said.
    pub resolution: Resolution,
}

/// A group with work to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingGroup {
    /// The group.
    pub id: ObjectId,
    /// Properties or state changed.
    pub attributes: bool,
    /// All members are to be compared.
    pub verify: bool,
    /// Members changed (`pending_members`).
    pub member_changes: bool,
    /// Exports that failed.
    pub attempts: u32,
    /// Error of the last failed export.
    pub last_error: Option<String>,
    /// Pending since.
    pub since: Millis,
}

/// A membership with work to do. A member whose key changed has a removal (old key) and an addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMember {
    /// The member.
    pub member_id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// Add or remove.
    pub add: bool,
    /// Additions: the key now. Removals: the key when it went; `None` = it never had one.
    pub key: Option<MemberKey>,
}

/// A cached member with all that decides how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The member.
    pub member_id: ObjectId,
    /// Its kind.
    pub kind: MemberKind,
    /// displayName, when known.
    pub display_name: Option<String>,
    /// How AD is told: by look-up, else its own SID, else the SID of the written group it stands for.
    pub key: Option<MemberKey>,
    /// SID of the AD group written for it, when it is one of ours.
    pub nested: Option<Sid>,
    /// What AD said.
    pub resolution: Resolution,
    /// False: the app may not read it, or not any more.
    pub readable: bool,
    /// It has an ImmutableId.
    pub has_immutable_id: bool,
    /// Readable, and has neither SID nor ImmutableId.
    pub cloud_only: bool,
    /// An object row exists; else it must be asked for by id.
    pub known: bool,
}

/// News on a group's left-out members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedChange {
    /// The group.
    pub group: ObjectId,
    /// Nobody but those of `set` is left out; else the others stay as they are.
    pub only_these: bool,
    /// Left out, and why.
    pub set: Vec<(ObjectId, SkipReason)>,
    /// No longer left out.
    pub clear: Vec<ObjectId>,
}

/// A left-out member with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRow {
    /// The group.
    pub group_id: ObjectId,
    /// Its displayName.
    pub group_name: Option<String>,
    /// The member.
    pub member_id: ObjectId,
    /// Its displayName.
    pub member_name: Option<String>,
    /// Its kind.
    pub kind: Option<MemberKind>,
    /// Why.
    pub reason: SkipReason,
}

/// A written group as last seen in AD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGroup {
    /// The AD group, `member_count` included.
    pub group: DirectoryGroup,
    /// When it was saved.
    pub saved_at: Millis,
}
