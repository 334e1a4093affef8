//! What the account may do, asked before or after a write, in words that name the attribute, the container and the way
//! out (directory.md section 10 of the facts: rights of the writeback account).

use super::Directory;
use super::acl;
use super::codes;
use super::dn::{self, Dn};
use super::lookup::DACL;
use super::search::{self, Spec};
use super::types::Container;
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;

use ldap3::LdapResult;

/// Classes that a container for groups can be of.
const CONTAINERS: [&str; 4] = [
    "organizationalUnit",
    "container",
    "domainDNS",
    "builtinDomain",
];

impl Directory {
    /// Those of the attributes that the account may not write on this object.
    pub async fn unwritable(&self, guid: Guid, attributes: &[String]) -> Result<Vec<String>> {
        let effective = self.effective_attributes(guid).await?;
        let lacking = |name: &&String| !effective.contains(&name.to_ascii_lowercase());
        Ok(attributes.iter().filter(lacking).cloned().collect())
    }

    /// The error for attributes that may not be written on groups of a container.
    pub fn may_not_write(&self, attributes: &[String], container: &str) -> Error {
        let account = self.account_name();
        let error = Error::new(
            ErrorId::DirectoryAccessDenied,
            format!(
                "{account} may not write {} of groups in {container}.",
                listed(attributes)
            ),
        )
        .target(container);
        let [attribute] = attributes else {
            return error.action(self.how_to_grant(container));
        };
        error.action(format!(
            "As a domain administrator: dsacls \"{container}\" /I:S /G \"{account}:WP;{attribute};group\". If that changes nothing, an entry that denies it comes first: dsacls \"{container}\" lists it."
        ))
    }

    /// The error for a container in which no groups may be created.
    pub fn may_not_create(&self, container: &str) -> Error {
        let account = self.account_name();
        Error::new(
            ErrorId::DirectoryAccessDenied,
            format!("{account} may not create groups in {container}."),
        )
        .target(container)
        .action(self.how_to_grant(container))
    }

    fn how_to_grant(&self, container: &str) -> String {
        let account = self.account_name();
        format!(
            "As a domain administrator run Initialize-GroupWritebackContainer -OrganizationalUnit '{container}' -Account '{account}': it grants create and delete of groups, and read and write of all their properties, in this container."
        )
    }

    /// The error for a container that isn't there.
    pub fn no_container(&self, container: &str) -> Error {
        Error::new(
            ErrorId::ContainerNotFound,
            format!("{container} doesn't exist on {}.", self.server()),
        )
        .target(container)
        .action(format!(
            "Run Initialize-GroupWritebackContainer -OrganizationalUnit '{container}' as an account that may create it, or Enable-GroupWriteback with -CreateContainer."
        ))
    }

    /// The error for a container that isn't there and may not be made by the account.
    pub fn may_not_create_container(&self, container: &str) -> Error {
        let account = self.account_name();
        let parent = Dn::parse(container).ok().and_then(|dn| dn.parent());
        let parent = parent.map_or_else(|| "its parent".to_owned(), |p| format!("'{p}'"));
        Error::new(
            ErrorId::DirectoryAccessDenied,
            format!("{container} doesn't exist, and {account} may not create it (or {parent} doesn't exist either)."),
        )
        .target(container)
        .action(format!(
            "As a domain administrator run Initialize-GroupWritebackContainer -OrganizationalUnit '{container}' -Account '{account}', or grant the account 'Create organizationalUnit objects' on {parent}."
        ))
    }

    /// The container, or why groups can't be written there: another domain, no container, no right.
    pub async fn container_for_groups(&self, container: &str) -> Result<Option<Container>> {
        let domain = Dn::parse(&self.root().default_naming_context)?;
        if !Dn::parse(container)?.is_under(&domain) {
            return Err(Error::new(
                ErrorId::ContainerNotFound,
                format!("{container} is not in {domain}, the domain of {}.", self.server()),
            )
            .target(container)
            .action("Name a container of this domain, or connect to a controller of the container's domain with -Server."));
        }
        let Some(found) = self.container(container).await? else {
            return Ok(None);
        };
        if !CONTAINERS
            .iter()
            .any(|c| c.eq_ignore_ascii_case(&found.class))
        {
            return Err(Error::new(
                ErrorId::ConfigurationInvalid,
                format!("{container} is a {}, which holds no groups.", found.class),
            )
            .target(container)
            .action("Name an organizational unit or a container."));
        }
        if found.can_create_groups {
            Ok(Some(found))
        } else {
            Err(self.may_not_create(container))
        }
    }

    /// What a refusal for lack of rights (result 50) is about: the attributes, or the protection of the object.
    pub(super) async fn why_denied(
        &self,
        guid: Guid,
        attributes: &[String],
        deleting: bool,
        answer: &LdapResult,
    ) -> Option<Error> {
        let mut spec = Spec::object(&dn::by_guid(guid), &["objectGUID", "nTSecurityDescriptor"]);
        spec.sd_flags = DACL;
        let entry = search::object(self.link(), &spec).await.ok()??;
        let descriptor = entry.value("nTSecurityDescriptor");
        if deleting {
            if descriptor.and_then(acl::deletion_denied) != Some(true) {
                return None;
            }
            return Some(
                Error::new(
                    ErrorId::DirectoryAccessDenied,
                    format!("'{}' is protected from accidental deletion and was left there.", entry.dn),
                )
                .target(&entry.dn)
                .saying(answer)
                .action("Clear 'Protect object from accidental deletion' on it (Set-ADObject -ProtectedFromAccidentalDeletion $false); the next cycle then deletes it. Group Writeback never clears it."),
            );
        }
        let lacking = self.unwritable(guid, attributes).await.ok()?;
        if lacking.is_empty() {
            return None;
        }
        let parent = Dn::parse(&entry.dn).ok()?.parent()?.to_string();
        let mut error = self.may_not_write(&lacking, &parent);
        error.message = format!(
            "'{}' was not changed: {} may not write {}.",
            entry.dn,
            self.account_name(),
            listed(&lacking)
        );
        Some(error.target(&entry.dn).saying(answer))
    }
}

impl Error {
    /// The controller's own words, for who wants to know.
    fn saying(mut self, answer: &LdapResult) -> Error {
        self.causes.push(codes::words(answer));
        self
    }
}

fn listed(names: &[String]) -> String {
    names.join(", ")
}
