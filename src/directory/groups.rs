//! Reading groups: ours by mark or GUID, their members, deleted ones, and free searches.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Directory;
use super::dn::{self, Dn};
use super::entry::{Entry, display_value};
use super::filter::{self, Filter};
use super::marks;
use super::members::{self, Values};
use super::owned::{OwnedGroupReader, outermost};
use super::search::{self, Spec, no_container, oid};
use super::types::{DeletedGroup, FoundObject, Scope};
use crate::error::{Error, ErrorId, Result};
use crate::model::{Attributes, DirectoryGroup, GroupType, Guid, MemberKey, ObjectId};

/// Read of every group besides the attributes of the mapping.
const ALWAYS: [&str; 9] = [
    "objectGUID",
    "objectSid",
    "groupType",
    "uSNChanged",
    "adminDescription",
    "msDS-ExternalDirectoryObjectId",
    "isCriticalSystemObject",
    "adminCount",
    "objectClass",
];
/// Terms of one filter.
const TERMS: usize = 200;

/// The attributes to ask for: those of the mapping and those always needed.
pub(super) fn wanted(attributes: &[String]) -> Vec<String> {
    let mut names: Vec<String> = ALWAYS.iter().map(|a| (*a).to_owned()).collect();
    for attribute in attributes {
        let new = !names.iter().any(|n| n.eq_ignore_ascii_case(attribute));
        if new && !attribute.eq_ignore_ascii_case("member") {
            names.push(attribute.clone());
        }
    }
    names
}

/// A group of ours as it came, or why it can't be taken.
pub(super) fn group(
    entry: &Entry,
    attributes: &[String],
) -> std::result::Result<DirectoryGroup, String> {
    let name = Dn::parse(&entry.dn).map_err(|e| e.message)?;
    if name.is_mangled() {
        return Err(
            "the object is a replication conflict (CNF) or deleted: clean it up by hand".to_owned(),
        );
    }
    let object_id = marks::of(entry)?;
    Ok(DirectoryGroup {
        object_id,
        guid: entry.guid().ok_or("objectGUID can't be read")?,
        sid: entry.sid().ok_or("objectSid can't be read")?,
        dn: entry.dn.clone(),
        group_type: GroupType(entry.parsed("groupType").ok_or("groupType can't be read")?),
        attributes: texts(entry, attributes),
        usn_changed: entry.parsed("uSNChanged").unwrap_or_default(),
        member_count: None,
        protected: entry.is_true("isCriticalSystemObject") || entry.text("adminCount") == Some("1"),
    })
}

/// A group's attribute with more values than one answer holds would be a shorter list.
pub(super) fn whole(entries: &[Entry], attributes: &[String]) -> Result<()> {
    for entry in entries {
        for attribute in attributes {
            if matches!(entry.slice(attribute), Some((_, Some(_)))) {
                return Err(Error::new(
                    ErrorId::SourceReadIncomplete,
                    format!(
                        "'{}' has more values of {attribute} than the controller gives at once.",
                        entry.dn
                    ),
                )
                .target(&entry.dn));
            }
        }
    }
    Ok(())
}

/// The attributes asked for, under the names they were asked for.
fn texts(entry: &Entry, attributes: &[String]) -> Attributes {
    attributes
        .iter()
        .filter_map(|name| {
            let values = entry.values(name);
            let texts = || {
                values
                    .iter()
                    .map(|v| display_value(v).into_owned())
                    .collect()
            };
            (!values.is_empty()).then(|| (name.clone(), texts()))
        })
        .collect()
}

pub(super) fn ours(directory: &Directory) -> Filter {
    filter::and([
        filter::eq("objectClass", "group"),
        marks::any_filter(directory.schema().external_directory_object_id),
    ])
}

impl Directory {
    /// Pages through the groups that carry either mark, below the containers. `with_members` asks for members in the
    /// same search and completes long ones.
    pub fn owned_groups(
        &self,
        containers: &[String],
        attributes: &[String],
        with_members: bool,
    ) -> OwnedGroupReader {
        OwnedGroupReader::new(self, containers, attributes, with_members)
    }

    /// Groups of ours by objectGUID, wherever they are in the domain; those that are gone or lost their mark are left out.
    pub async fn groups_by_guid(
        &self,
        guids: &[Guid],
        attributes: &[String],
    ) -> Result<Vec<DirectoryGroup>> {
        let entries = search::chunked(self.link(), guids, TERMS, |chunk| {
            let any = filter::or(chunk.iter().map(|g| filter::guid("objectGUID", *g)));
            let mut spec = self.domain_wide(filter::and([filter::eq("objectClass", "group"), any]));
            spec.attributes = wanted(attributes);
            spec
        })
        .await?;
        whole(&entries, attributes)?;
        Ok(entries
            .iter()
            .filter_map(|e| group(e, attributes).ok())
            .collect())
    }

    /// Groups of ours by the cloud group they stand for, below the containers.
    pub async fn groups_by_mark(
        &self,
        ids: &[ObjectId],
        containers: &[String],
        attributes: &[String],
    ) -> Result<Vec<DirectoryGroup>> {
        let indexed = self.schema().external_directory_object_id;
        let mut found: HashMap<Guid, DirectoryGroup> = HashMap::new();
        let mut open: Vec<ObjectId> = ids.to_vec();
        // The indexed mark first: the other one makes the controller look at every object below the container.
        for attribute in [marks::EXTERNAL_ID, marks::ADMIN_DESCRIPTION] {
            if (attribute == marks::EXTERNAL_ID && !indexed) || open.is_empty() {
                continue;
            }
            for container in outermost(containers) {
                let entries = search::chunked(self.link(), &open, TERMS, |chunk| {
                    let any = filter::or(chunk.iter().map(|id| marks::filter(attribute, *id)));
                    let group = filter::eq("objectClass", "group");
                    let mut spec =
                        Spec::new(&container, Scope::Subtree, filter::and([group, any]), &[]);
                    spec.domain_scope = self.root().supports(oid::DOMAIN_SCOPE);
                    spec.attributes = wanted(attributes);
                    spec
                })
                .await?;
                whole(&entries, attributes)?;
                let groups = entries.iter().filter_map(|e| group(e, attributes).ok());
                found.extend(groups.map(|g| (g.guid, g)));
            }
            let known: HashSet<ObjectId> = found.values().map(|g| g.object_id).collect();
            open.retain(|id| !known.contains(id));
        }
        Ok(found.into_values().collect())
    }

    /// All members of a group, complete and sorted.
    pub async fn members(&self, guid: Guid) -> Result<Vec<MemberKey>> {
        members::rest(self.link(), guid, Values::default()).await
    }

    /// `allowedAttributesEffective` in lower case: what the account may write on this object.
    pub async fn effective_attributes(&self, guid: Guid) -> Result<BTreeSet<String>> {
        let spec = Spec::object(&dn::by_guid(guid), &["allowedAttributesEffective"]);
        let entry = search::object(self.link(), &spec).await?.ok_or_else(|| {
            Error::new(
                ErrorId::GroupNotFound,
                format!("There is no object with the GUID {guid}."),
            )
            .target(guid)
        })?;
        Ok(entry
            .texts("allowedAttributesEffective")
            .map(str::to_ascii_lowercase)
            .collect())
    }

    /// Any objects by a filter that a person wrote; at most `limit`, 0 = all.
    pub async fn find(
        &self,
        filter: &str,
        base: &str,
        scope: Scope,
        attributes: &[String],
        limit: usize,
    ) -> Result<Vec<FoundObject>> {
        let base = if base.is_empty() {
            &self.root().default_naming_context
        } else {
            base
        };
        let mut spec = Spec::new(base, scope, Filter::parse(filter)?, &[]);
        spec.attributes = wanted(attributes);
        spec.domain_scope = self.root().supports(oid::DOMAIN_SCOPE);
        let limit = if limit == 0 { usize::MAX } else { limit };
        let entries = search::some(self.link(), &spec, limit)
            .await?
            .ok_or_else(|| no_container(base, &self.server()))?;
        whole(&entries, attributes)?;
        Ok(entries
            .into_iter()
            .map(|entry| FoundObject {
                guid: entry.guid(),
                group: group(&entry, attributes).ok(),
                attributes: texts(&entry, attributes),
                dn: entry.dn,
            })
            .collect())
    }

    /// Groups of ours among the deleted objects of the domain.
    pub async fn deleted_by_mark(&self, ids: &[ObjectId]) -> Result<Vec<DeletedGroup>> {
        let indexed = self.schema().external_directory_object_id;
        let entries = search::chunked(self.link(), ids, TERMS, |chunk| {
            let marked = filter::or(chunk.iter().map(|id| marks::either_filter(*id, indexed)));
            let mut spec = self.domain_wide(filter::and([filter::eq("isDeleted", "TRUE"), marked]));
            spec.deleted = true;
            spec.attributes = wanted(&[
                "name".to_owned(),
                "lastKnownParent".to_owned(),
                "isRecycled".to_owned(),
            ]);
            spec
        })
        .await?;
        // Without a Recycle Bin tombstones are called recycled from the start and can be reanimated all the same.
        let bin = self.root().recycle_bin;
        let read = |entry: &Entry| {
            let name = entry.text("name")?;
            Some(DeletedGroup {
                object_id: marks::of(entry).ok()?,
                guid: entry.guid()?,
                sid: entry.sid(),
                cn: name.split('\n').next().unwrap_or(name).to_owned(),
                last_known_parent: entry.text("lastKnownParent").map(str::to_owned),
                recycled: bin && entry.is_true("isRecycled"),
            })
        };
        Ok(entries.iter().filter_map(read).collect())
    }

    /// A search of the whole domain of the controller.
    pub(super) fn domain_wide(&self, filter: Filter) -> Spec {
        let mut spec = Spec::new(
            &self.root().default_naming_context,
            Scope::Subtree,
            filter,
            &[],
        );
        spec.domain_scope = self.root().supports(oid::DOMAIN_SCOPE);
        spec
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_asked_for_once() {
        let names =
            wanted(&["groupType", "displayName", "Member", "OBJECTGUID"].map(str::to_owned));
        assert_eq!(names.len(), ALWAYS.len() + 1);
    }
}
