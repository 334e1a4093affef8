//! What the application has been granted, and what each kind of request needs.

use super::errors::Refusal;
use super::properties::Entity;
use super::state::Object;

/// The application permissions granted at the start: everything the product can use.
pub(crate) const DEFAULT_ROLES: &[&str] = &[
    "GroupMember.Read.All",
    "Group.ReadWrite.All",
    "User.Read.All",
    "Device.Read.All",
    "OrgContact.Read.All",
    "Application.Read.All",
    "Member.Read.Hidden",
    "Directory.ReadWrite.All",
    "Organization.Read.All",
    "OnPremDirectorySynchronization.ReadWrite.All",
];

/// What the granted roles add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Access {
    /// Groups and their memberships.
    pub(crate) groups: bool,
    pub(crate) write_groups: bool,
    pub(crate) users: bool,
    pub(crate) devices: bool,
    pub(crate) contacts: bool,
    pub(crate) services: bool,
    /// Memberships that are hidden.
    pub(crate) hidden: bool,
    pub(crate) settings: bool,
    pub(crate) write_settings: bool,
    pub(crate) organization: bool,
    pub(crate) sync: bool,
    pub(crate) write_sync: bool,
}

impl Access {
    /// Adds up granted roles.
    pub(crate) fn of(roles: &[String]) -> Self {
        let any = |wanted: &[&str]| roles.iter().any(|role| wanted.contains(&role.as_str()));
        let directory = any(&["Directory.Read.All", "Directory.ReadWrite.All"]);
        let write_directory = any(&["Directory.ReadWrite.All"]);
        let read = |wanted: &[&str]| directory || any(wanted);
        Self {
            groups: read(&["GroupMember.Read.All", "GroupMember.ReadWrite.All"])
                || any(&["Group.Read.All", "Group.ReadWrite.All"]),
            write_groups: write_directory || any(&["Group.ReadWrite.All"]),
            users: read(&["User.Read.All", "User.ReadWrite.All"]),
            devices: read(&["Device.Read.All", "Device.ReadWrite.All"]),
            contacts: read(&["OrgContact.Read.All"]),
            services: read(&["Application.Read.All", "Application.ReadWrite.All"]),
            hidden: any(&["Member.Read.Hidden"]),
            settings: read(&["GroupSettings.Read.All", "GroupSettings.ReadWrite.All"]),
            write_settings: write_directory || any(&["GroupSettings.ReadWrite.All"]),
            organization: read(&["Organization.Read.All", "Organization.ReadWrite.All"])
                || any(&["User.Read.All"]),
            sync: any(&[
                "OnPremDirectorySynchronization.Read.All",
                "OnPremDirectorySynchronization.ReadWrite.All",
            ]),
            write_sync: any(&["OnPremDirectorySynchronization.ReadWrite.All"]),
        }
    }

    /// Whether an object's properties may be read; ids and types always come.
    pub(crate) fn may_read(self, object: &Object) -> bool {
        match Entity::of(object) {
            Entity::Group => self.groups,
            Entity::User => self.users,
            Entity::Device => self.devices,
            Entity::OrgContact => self.contacts,
            Entity::ServicePrincipal => self.services,
            Entity::DirectoryObject => false,
        }
    }
}

/// Refuses when a permission is missing.
pub(crate) fn need(granted: bool) -> Result<(), Refusal> {
    if granted {
        Ok(())
    } else {
        Err(Refusal::denied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_permission_reads_groups_but_not_people() {
        let access = Access::of(&["GroupMember.Read.All".to_owned()]);
        assert!(access.groups && !access.users && !access.hidden && !access.write_groups);
        let all: Vec<String> = DEFAULT_ROLES
            .iter()
            .map(|role| (*role).to_owned())
            .collect();
        let access = Access::of(&all);
        assert!(access.hidden && access.write_groups && access.write_sync && access.services);
    }
}
