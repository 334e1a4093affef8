//! Which AD group stands for a cloud group: by GUID where we know it, else by mark, and only under our containers.

use std::collections::BTreeMap;

use super::run::Run;
use crate::directory::dn::Dn;
use crate::error::Result;
use crate::model::{DirectoryGroup, ObjectId};

/// Containers in which groups of ours are looked for; outside of them nothing is touched, marked or not.
pub(super) fn containers(run: &Run<'_>) -> Vec<String> {
    let mut containers = run.engine.mapping.containers();
    containers.extend(run.engine.config.deprovision_container.clone());
    containers
}

fn is_under_any(containers: &[String], dn: &str) -> bool {
    let Ok(dn) = Dn::parse(dn) else { return false };
    containers
        .iter()
        .any(|c| Dn::parse(c).is_ok_and(|c| dn.is_under(&c)))
}

/// What AD has of some cloud groups.
#[derive(Default)]
pub(super) struct Found {
    /// Ours to touch.
    pub groups: BTreeMap<ObjectId, DirectoryGroup>,
    /// Marks that stand on two groups, with their DNs.
    pub doubled: BTreeMap<ObjectId, String>,
    /// Groups that somebody moved out of our containers, with their DNs.
    pub away: BTreeMap<ObjectId, String>,
}

/// AD's groups for these cloud groups. `by_mark` false: the marks under the containers were seen already, and these
/// are not among them.
pub(super) async fn find_in_ad(run: &Run<'_>, ids: &[ObjectId], by_mark: bool) -> Result<Found> {
    let (directory, attributes) = (&run.engine.directory, run.engine.mapping.attributes());
    let containers = containers(run);
    let mut guids = Vec::new();
    for id in ids {
        guids.extend(run.store().known_group(*id)?.map(|k| k.group.guid));
    }
    let mut found = Found::default();
    if !guids.is_empty() {
        for group in directory.groups_by_guid(&guids, attributes).await? {
            // A group whose mark was changed to another id is not the one we knew.
            if !ids.contains(&group.object_id) {
                continue;
            }
            if is_under_any(&containers, &group.dn) {
                found.groups.insert(group.object_id, group);
            } else {
                found.away.insert(group.object_id, group.dn);
            }
        }
    }
    let missing: Vec<ObjectId> = ids
        .iter()
        .filter(|id| !found.groups.contains_key(id) && !found.away.contains_key(id))
        .copied()
        .collect();
    if by_mark && !missing.is_empty() {
        for group in directory
            .groups_by_mark(&missing, &containers, attributes)
            .await?
        {
            let (id, dn) = (group.object_id, group.dn.clone());
            if let Some(other) = found.groups.insert(id, group) {
                found.doubled.insert(id, format!("{} and {dn}", other.dn));
            }
        }
    }
    let Found {
        groups, doubled, ..
    } = &mut found;
    groups.retain(|id, _| !doubled.contains_key(id));
    Ok(found)
}
