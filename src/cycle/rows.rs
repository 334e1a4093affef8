//! Rows of Graph as the store takes them. Two vocabularies, so that neither room knows the other.

use crate::graph::{self, GroupRow, ObjectRow, Patch};
use crate::model::{CloudGroup, MemberKind};
use crate::store::{GroupChange, GroupPatch, MemberChange, ObjectChange, Removal};

fn nullable<T>(patch: Patch<T>) -> Option<Option<T>> {
    match patch {
        Patch::Absent => None,
        Patch::Null => Some(None),
        Patch::Value(value) => Some(Some(value)),
    }
}

fn defaulted<T: Default>(patch: Patch<T>) -> Option<T> {
    nullable(patch).map(Option::unwrap_or_default)
}

fn removal(permanent: bool) -> Option<Removal> {
    Some(if permanent {
        Removal::Permanent
    } else {
        Removal::Soft
    })
}

/// A group row.
pub(super) fn group(row: GroupRow) -> GroupChange {
    match row {
        GroupRow::Removed { id, permanent } => GroupChange {
            removed: removal(permanent),
            ..GroupChange::new(id)
        },
        GroupRow::Changed(row) => GroupChange {
            id: row.id,
            readable: row.readable,
            removed: None,
            patch: patch(&row),
            members: row.members.map(|members| {
                members
                    .into_iter()
                    .map(|m| MemberChange {
                        id: m.id,
                        kind: m.kind,
                        removed: m.removed,
                    })
                    .collect()
            }),
        },
    }
}

fn patch(row: &graph::GroupPatch) -> GroupPatch {
    GroupPatch {
        display_name: nullable(row.display_name.clone()),
        description: nullable(row.description.clone()),
        mail: nullable(row.mail.clone()),
        mail_nickname: nullable(row.mail_nickname.clone()),
        proxy_addresses: defaulted(row.proxy_addresses.clone()),
        group_types: defaulted(row.group_types.clone()),
        security_enabled: defaulted(row.security_enabled.clone()),
        mail_enabled: defaulted(row.mail_enabled.clone()),
        on_premises_sync_enabled: defaulted(row.on_premises_sync_enabled.clone()),
        on_premises_sid: nullable(row.on_premises_sid.clone()),
        visibility: nullable(row.visibility.clone()),
        writeback: None,
        allow_external_senders: None,
    }
}

/// A group that was read by itself: what it doesn't have is null.
pub(super) fn whole_group(group: CloudGroup) -> GroupChange {
    GroupChange {
        readable: true,
        patch: GroupPatch {
            display_name: Some(group.display_name),
            description: Some(group.description),
            mail: Some(group.mail),
            mail_nickname: Some(group.mail_nickname),
            proxy_addresses: Some(group.proxy_addresses),
            group_types: Some(group.group_types),
            security_enabled: Some(group.security_enabled),
            mail_enabled: Some(group.mail_enabled),
            on_premises_sync_enabled: Some(group.on_premises_sync_enabled),
            on_premises_sid: Some(group.on_premises_sid),
            visibility: Some(group.visibility),
            writeback: None,
            allow_external_senders: None,
        },
        ..GroupChange::new(group.id)
    }
}

/// A user or device row. `kind` is that of the feed, for rows that carry only an id.
pub(super) fn object(row: ObjectRow, kind: MemberKind) -> ObjectChange {
    match row {
        ObjectRow::Removed { id, permanent } => ObjectChange {
            removed: removal(permanent),
            ..ObjectChange::new(id, kind)
        },
        ObjectRow::Changed {
            id,
            kind,
            sid,
            immutable_id,
            display_name,
            readable,
        } => ObjectChange {
            id,
            kind,
            readable,
            removed: None,
            display_name: nullable(display_name),
            sid: nullable(sid),
            immutable_id: nullable(immutable_id),
        },
    }
}
