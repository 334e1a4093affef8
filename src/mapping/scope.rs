//! Which groups are written, and as what.

use serde::Serialize;

use super::filter::CloudFilter;
use crate::config::{GroupScope, Version};
use crate::model::{CloudGroup, GroupType};

/// Whether a cloud group is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Written.
    In,
    /// Not selected: a written group is deprovisioned.
    Out(OutReason),
    /// Can't be told from what was read: not created, and what exists is left exactly as it is; to be reported.
    Unknown(UnknownReason),
}

/// Why a group is not selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum OutReason {
    /// Synced from AD: never a source.
    Synced,
    /// Of a kind this version doesn't write.
    Kind,
    /// `writebackConfiguration.isEnabled` is false.
    FlagOff,
    /// A security group without `isEnabled` true.
    FlagNotSet,
    /// The cloud filter excludes it.
    Filter,
}

impl OutReason {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            OutReason::Synced => "it is synced from Active Directory",
            OutReason::Kind => "this version does not write groups of its kind",
            OutReason::FlagOff => "its writeback flag is off",
            OutReason::FlagNotSet => "it is a security group whose writeback flag is not set",
            OutReason::Filter => "the cloud filter excludes it",
        }
    }
}

/// What keeps the scope from being decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum UnknownReason {
    /// `displayName` is null: the app may not read this group.
    NotReadable,
    /// A property that decides was not read (its name). Where the cloud doesn't have the flag at all, give the group
    /// an empty [`WritebackFlag`](crate::model::WritebackFlag): that is "not set".
    NotRead(&'static str),
    /// `onPremisesGroupType` has a value that this version doesn't know or that this kind of group can't have.
    GroupType(String),
    /// A Microsoft 365 group without flag, while the tenant's `NewUnifiedGroupWritebackDefault` is false: what Microsoft
    /// does is not published, so nothing new is created and nothing is taken away.
    NewGroupDefaultOff,
}

impl UnknownReason {
    /// For people.
    pub fn text(&self) -> String {
        match self {
            UnknownReason::NotReadable => {
                "the app may not read it (displayName is null)".to_owned()
            }
            UnknownReason::NotRead(name) => format!("{name} was not read"),
            UnknownReason::GroupType(given) => {
                format!("onPremisesGroupType {given} is unknown or not possible for this group")
            }
            UnknownReason::NewGroupDefaultOff => {
                "its writeback flag is not set, and the tenant's default for new groups is off"
                    .to_owned()
            }
        }
    }
}

/// What becomes of the mail attributes of a written group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailRows {
    /// Written.
    Written,
    /// Cleared: a Microsoft 365 group that is wanted as a plain security group.
    Cleared,
    /// Left alone: security groups have no mail in the cloud, and AD people may have mail-enabled them.
    Untouched,
}

/// As what a group is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) security: bool,
    /// Chosen by `onPremisesGroupType`.
    pub(crate) explicit: bool,
    pub(crate) mail: MailRows,
}

impl Shape {
    const DISTRIBUTION: Shape = Shape {
        security: false,
        explicit: false,
        mail: MailRows::Written,
    };
    const SECURITY: Shape = Shape {
        security: true,
        explicit: false,
        mail: MailRows::Untouched,
    };

    /// What a group's kind suggests, whether it is written or not.
    pub(crate) fn of(group: &CloudGroup) -> Shape {
        if group.is_m365() {
            Shape::DISTRIBUTION
        } else {
            Shape::SECURITY
        }
    }

    pub(crate) fn group_type(self, scope: GroupScope) -> GroupType {
        let flags = scope.group_type().0;
        GroupType(if self.security {
            flags | i32::MIN
        } else {
            flags
        })
    }
}

/// The version's clause and the filter, ANDed; `unflagged` tells whether V2 writes Microsoft 365 groups whose flag is not
/// set. `Ok` gives the shape of a group in scope.
pub(crate) fn decide(
    version: Version,
    unflagged: bool,
    filter: Option<&CloudFilter>,
    group: &CloudGroup,
) -> Result<Shape, Scope> {
    // Nothing else of such a group can be believed.
    if group.display_name.is_none() {
        return Err(Scope::Unknown(UnknownReason::NotReadable));
    }
    if group.on_premises_sync_enabled {
        return Err(Scope::Out(OutReason::Synced));
    }
    let shape = match version {
        Version::V1 if group.is_m365() => Ok(Shape::DISTRIBUTION),
        Version::V1 => Err(Scope::Out(OutReason::Kind)),
        Version::V2 => flagged(group, unflagged),
        Version::CloudSync if group.security_enabled && !group.mail_enabled => Ok(Shape::SECURITY),
        Version::CloudSync => Err(Scope::Out(OutReason::Kind)),
    }?;
    if let Some(filter) = filter {
        if let Some(name) = filter.unread(group) {
            return Err(Scope::Unknown(UnknownReason::NotRead(name)));
        }
        if !filter.matches(group) {
            return Err(Scope::Out(OutReason::Filter));
        }
    }
    Ok(shape)
}

/// V2: Microsoft 365 groups unless switched off, security groups only when switched on.
fn flagged(group: &CloudGroup, unflagged: bool) -> Result<Shape, Scope> {
    let m365 = group.is_m365();
    if !m365 && (!group.security_enabled || group.mail_enabled) {
        return Err(Scope::Out(OutReason::Kind));
    }
    let Some(flag) = &group.writeback else {
        return Err(Scope::Unknown(UnknownReason::NotRead(
            "writebackConfiguration",
        )));
    };
    match flag.is_enabled {
        Some(false) => return Err(Scope::Out(OutReason::FlagOff)),
        None if !m365 => return Err(Scope::Out(OutReason::FlagNotSet)),
        None if !unflagged => return Err(Scope::Unknown(UnknownReason::NewGroupDefaultOff)),
        _ => {}
    }
    let usual = if m365 {
        Shape::DISTRIBUTION
    } else {
        Shape::SECURITY
    };
    let Some(wanted) = &flag.on_premises_group_type else {
        return Ok(usual);
    };
    let (security, mail) = match (wanted.to_ascii_lowercase().as_str(), m365) {
        ("universaldistributiongroup", true) => (false, MailRows::Written),
        ("universalmailenabledsecuritygroup", true) => (true, MailRows::Written),
        ("universalsecuritygroup", true) => (true, MailRows::Cleared),
        ("universalsecuritygroup", false) => (true, MailRows::Untouched),
        _ => return Err(Scope::Unknown(UnknownReason::GroupType(wanted.clone()))),
    };
    Ok(Shape {
        security,
        explicit: true,
        mail,
    })
}
