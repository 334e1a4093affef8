//! What the directory tells its callers: facts of the controller, containers, found groups, outcomes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::Error;
use crate::model::{DirectoryGroup, GroupType, Guid, MemberKey, ObjectId, Sid, SkipReason};

/// What the controller says about itself before anything else is asked (rootDSE, MS-ADTS 3.1.1.3.2).
#[derive(Clone, Debug, Default)]
pub struct RootDse {
    /// DN of the controller's domain.
    pub default_naming_context: String,
    /// DN of the forest's configuration.
    pub configuration_naming_context: String,
    /// DN of the forest's schema.
    pub schema_naming_context: String,
    /// DN of the forest's root domain.
    pub root_domain_naming_context: String,
    /// The controller's own name: the whole run talks to it and no other.
    pub dns_host_name: String,
    /// USN at the time of connecting.
    pub highest_committed_usn: i64,
    /// `domainControllerFunctionality`; 7 = 2016 or later.
    pub functional_level: i64,
    /// OIDs of the controls it knows.
    pub supported_controls: BTreeSet<String>,
    /// `invocationId` of its database, when the account may read it: USNs compare only under the same one.
    pub invocation_id: Option<Guid>,
    /// The forest's Recycle Bin is on: deleted objects keep their attributes and members.
    pub recycle_bin: bool,
    /// DN of its NTDS settings object.
    pub ds_service_name: Option<String>,
}

impl RootDse {
    /// Whether the controller knows the control.
    pub fn supports(&self, oid: &str) -> bool {
        self.supported_controls.contains(oid)
    }

    /// Under what its USNs compare: its database, else its name.
    pub fn replica(&self) -> String {
        match &self.invocation_id {
            Some(id) => id.to_string(),
            None => self.dns_host_name.to_ascii_lowercase(),
        }
    }

    /// `contoso.test` of `DC=contoso,DC=test`.
    pub fn domain_dns_name(&self) -> String {
        super::dn::Dn::parse(&self.default_naming_context)
            .map(|dn| dn.dns_name())
            .unwrap_or_default()
    }
}

/// One attribute of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeFacts {
    /// At most one value.
    pub single_valued: bool,
    /// Longest value (characters) or largest number.
    pub range_upper: Option<i64>,
}

/// How far the forest is prepared for Exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeFacts {
    /// The recipient attributes exist and are allowed on groups. This alone decides what is written.
    pub attributes: bool,
    /// `rangeUpper` of `ms-Exch-Schema-Version-Pt`: for display, no gate.
    pub schema_version: Option<i64>,
    /// Name of the Exchange organization.
    pub organization: Option<String>,
    /// At least one Exchange server is there: `Update-Recipient` can be run.
    pub servers: bool,
    /// `CN=Microsoft Exchange System Objects` exists in the domain.
    pub domain_prepared: bool,
}

/// What the schema allows on groups.
#[derive(Clone, Debug, Default)]
pub struct SchemaFacts {
    /// `msDS-ExternalDirectoryObjectId` (Windows Server 2016) can be written.
    pub external_directory_object_id: bool,
    /// Exchange.
    pub exchange: ExchangeFacts,
    /// By lower-case `lDAPDisplayName`: attributes that exist and are allowed on `group`.
    pub(super) attributes: HashMap<String, AttributeFacts>,
}

impl SchemaFacts {
    /// The attribute exists and is allowed on the class `group`.
    pub fn has(&self, attribute: &str) -> bool {
        self.facts(attribute).is_some()
    }

    /// Whether the attribute takes one value at most; `false` for an unknown one.
    pub fn is_single_valued(&self, attribute: &str) -> bool {
        self.facts(attribute).is_some_and(|f| f.single_valued)
    }

    /// `rangeUpper`: the longest value AD takes.
    pub fn range_upper(&self, attribute: &str) -> Option<i64> {
        self.facts(attribute)?.range_upper
    }

    /// What is known of an attribute that groups may have.
    pub fn facts(&self, attribute: &str) -> Option<&AttributeFacts> {
        self.attributes.get(&attribute.to_ascii_lowercase())
    }
}

/// Which domains belong to the forest.
#[derive(Clone, Debug, Default)]
pub struct ForestFacts {
    /// SID of the controller's domain.
    pub domain_sid: Option<Sid>,
    /// SIDs of all domains known to be of this forest, the own one first.
    pub domain_sids: Vec<Sid>,
}

impl ForestFacts {
    /// Whether an account SID is of a domain of this forest.
    pub fn contains(&self, sid: &Sid) -> bool {
        sid.domain().is_some_and(|d| self.domain_sids.contains(&d))
    }

    /// Whether an account SID is of the controller's own domain, so that a search here is the last word on it.
    pub fn is_own(&self, sid: &Sid) -> bool {
        self.domain_sid.is_some() && sid.domain() == self.domain_sid
    }
}

/// A container or organizational unit, as far as the account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// DN as the controller writes it.
    pub dn: String,
    /// objectGUID.
    pub guid: Guid,
    /// Structural class: `organizationalUnit`, `container`, `domainDNS`, ...
    pub class: String,
    /// `allowedChildClassesEffective` holds `group`.
    pub can_create_groups: bool,
    /// `allowedChildClassesEffective` holds `organizationalUnit`.
    pub can_create_ou: bool,
    /// Deletion is denied to everyone ("protect from accidental deletion"); `None` when its ACL can't be read.
    pub protected: Option<bool>,
}

/// A group found by its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGroup {
    /// The group.
    pub group: DirectoryGroup,
    /// Its members, complete and sorted, when they were asked for.
    pub members: Option<Vec<MemberKey>>,
}

/// An object that carries a mark and was left out all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedObject {
    /// Its DN.
    pub dn: String,
    /// Why, for people.
    pub reason: String,
}

/// What a SID or GUID stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// DN now.
    pub dn: String,
    /// objectGUID.
    pub guid: Guid,
    /// objectSid.
    pub sid: Option<Sid>,
    /// Of a group.
    pub group_type: Option<GroupType>,
}

impl Resolved {
    /// How it is addressed as a member.
    pub fn key(&self) -> MemberKey {
        match &self.sid {
            Some(sid) => MemberKey::Sid(sid.clone()),
            None => MemberKey::Guid(self.guid),
        }
    }
}

/// Any object a free search found.
#[derive(Clone, Debug)]
pub struct FoundObject {
    /// DN.
    pub dn: String,
    /// objectGUID, when readable.
    pub guid: Option<Guid>,
    /// The group of ours, when it is one.
    pub group: Option<DirectoryGroup>,
    /// The attributes asked for, as text (binary ones as base64).
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A group of ours in Deleted Objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedGroup {
    /// The cloud group it stood for.
    pub object_id: ObjectId,
    /// objectGUID: kept by an undelete.
    pub guid: Guid,
    /// objectSid: kept by an undelete.
    pub sid: Option<Sid>,
    /// CN before it was deleted.
    pub cn: String,
    /// Where it was.
    pub last_known_parent: Option<String>,
    /// Recycled, which under a Recycle Bin is the end: it can't be brought back.
    pub recycled: bool,
}

/// What a create found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// It is new, with the members given.
    Created,
    /// It is new, but AD refused one or more members: none of them is in, `modify_members` finds the bad ones.
    CreatedWithoutMembers,
    /// A group with the same mark is already there (a repeat, or another run's work): its attributes weren't touched.
    AlreadyOurs {
        /// Its objectGUID.
        guid: Guid,
    },
}

/// What became of a group's member changes.
#[derive(Clone, Debug, Default)]
pub struct MemberOutcome {
    /// Members that are in the group now.
    pub added: Vec<MemberKey>,
    /// Members that are no longer in it.
    pub removed: Vec<MemberKey>,
    /// Members AD refused, each with its reason.
    pub failed: Vec<(MemberKey, SkipReason, Error)>,
}

/// What was asked of the controller so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryCounters {
    /// All requests, repeats included.
    pub operations: u64,
    /// Requests that write.
    pub writes: u64,
    /// Member values written.
    pub member_values: u64,
    /// Requests by kind: bind, search, add, modify, modifyDn, delete.
    pub by_kind: BTreeMap<&'static str, u64>,
}

/// How far below its base a search looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The base object itself.
    Base,
    /// Its children.
    OneLevel,
    /// Everything below and the base itself.
    #[default]
    Subtree,
}
