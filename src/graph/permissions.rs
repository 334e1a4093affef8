//! Which application permissions each task needs ("Permissions reference" and the permission tables
//! of the requests). A hint for messages and reports only: Graph decides.

/// A task and the permissions that allow it; any one of `any_of` will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// What it is for, for people.
    pub name: &'static str,
    /// Permissions, least first.
    pub any_of: &'static [&'static str],
    /// Whether nothing works without it.
    pub required: bool,
}

/// A task that the token's roles don't allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingRole {
    /// What can't be done.
    pub task: &'static str,
    /// Permissions that would do, least first.
    pub any_of: &'static [&'static str],
    /// Whether nothing works without it.
    pub required: bool,
}

pub(super) const READ_GROUPS: Task = Task {
    name: "read groups and their members",
    any_of: &[
        "GroupMember.Read.All",
        "Group.Read.All",
        "Directory.Read.All",
        "GroupMember.ReadWrite.All",
        "Group.ReadWrite.All",
        "Directory.ReadWrite.All",
    ],
    required: true,
};
pub(super) const READ_USERS: Task = Task {
    name: "read the on-premises identifiers of users",
    any_of: &[
        "User.Read.All",
        "Directory.Read.All",
        "User.ReadWrite.All",
        "Directory.ReadWrite.All",
    ],
    required: true,
};
pub(super) const READ_HIDDEN: Task = Task {
    name: "read members of groups with hidden membership",
    any_of: &["Member.Read.Hidden"],
    required: false,
};
pub(super) const READ_DEVICES: Task = Task {
    name: "read the on-premises identifiers of devices",
    any_of: &[
        "Device.Read.All",
        "Directory.Read.All",
        "Device.ReadWrite.All",
        "Directory.ReadWrite.All",
    ],
    required: false,
};
pub(super) const READ_OBJECTS: Task = Task {
    name: "read objects by id",
    any_of: &[
        "Directory.Read.All",
        "User.Read.All",
        "Directory.ReadWrite.All",
    ],
    required: false,
};
pub(super) const READ_DELETED: Task = Task {
    name: "read deleted groups",
    any_of: &[
        "GroupMember.Read.All",
        "Group.Read.All",
        "Directory.Read.All",
        "Group.ReadWrite.All",
        "Directory.ReadWrite.All",
    ],
    required: false,
};
pub(super) const SET_FLAG: Task = Task {
    name: "set the writeback flag of groups",
    any_of: &["Group.ReadWrite.All", "Directory.ReadWrite.All"],
    required: false,
};
pub(super) const READ_SETTINGS: Task = Task {
    name: "read directory settings",
    any_of: &["Directory.Read.All", "Directory.ReadWrite.All"],
    required: false,
};
pub(super) const READ_SWITCHES: Task = Task {
    name: "read the tenant's writeback switches",
    any_of: &[
        "OnPremDirectorySynchronization.Read.All",
        "OnPremDirectorySynchronization.ReadWrite.All",
    ],
    required: false,
};
pub(super) const SET_SWITCHES: Task = Task {
    name: "set the tenant's writeback switches",
    any_of: &["OnPremDirectorySynchronization.ReadWrite.All"],
    required: false,
};

/// What is told at connect.
const TASKS: &[Task] = &[
    READ_GROUPS,
    READ_USERS,
    READ_HIDDEN,
    READ_DEVICES,
    SET_FLAG,
    READ_SETTINGS,
    READ_SWITCHES,
    SET_SWITCHES,
];

/// Tasks that none of `roles` allows.
pub(super) fn missing(roles: &[String]) -> Vec<MissingRole> {
    TASKS
        .iter()
        .filter(|task| {
            !task
                .any_of
                .iter()
                .any(|wanted| roles.iter().any(|role| role.eq_ignore_ascii_case(wanted)))
        })
        .map(|task| MissingRole {
            task: task.name,
            any_of: task.any_of,
            required: task.required,
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn any_alternative_will_do() {
        let roles = ["GroupMember.Read.All", "user.read.all"].map(str::to_owned);
        let missing = missing(&roles);
        assert!(missing.iter().all(|m| !m.required), "{missing:?}");
        assert!(missing.iter().any(|m| m.any_of == ["Member.Read.Hidden"]));
        let nothing = super::missing(&[]);
        assert_eq!(nothing.len(), TASKS.len());
        assert!(
            super::missing(&["Directory.ReadWrite.All".to_owned()])
                .iter()
                .all(|m| !m.required)
        );
    }
}
