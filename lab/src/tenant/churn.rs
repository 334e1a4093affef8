//! Random but legal changes in bulk, for soak tests and benchmarks.

use super::change::{Change, GroupKind, GroupProperties, Surroundings};
use super::state::{Group, Index, Object, State, Tenant};
use crate::world::{fresh_group, fresh_person};
use std::collections::BTreeMap;

/// Makes `operations` changes; answers how many of each kind.
pub(crate) fn churn(
    tenant: &mut Tenant,
    around: &mut Surroundings<'_>,
    operations: usize,
) -> Result<BTreeMap<&'static str, usize>, String> {
    let mut counts = BTreeMap::new();
    let mut done = 0;
    while done < operations {
        let (kind, change) = draw(tenant, around)?;
        match tenant.apply(around, change) {
            // Someone has deleted that account already: draw again.
            Err(_) if kind == "unlink" => continue,
            result => result?,
        };
        *counts.entry(kind).or_default() += 1;
        done += 1;
    }
    Ok(counts)
}

type Drawn = (&'static str, Change);

/// Draws a change; one that is not possible just now is replaced by another.
fn draw(tenant: &Tenant, around: &mut Surroundings<'_>) -> Result<Drawn, String> {
    for _ in 0..200 {
        let drawn = match around.rng.below(1000) {
            0..420 => add_members(tenant, around),
            420..670 => remove_members(tenant, around),
            670..840 => Some(set_group(tenant, around)?),
            840..870 => Some(add_group(around)),
            870..890 => soft_delete(tenant, around),
            890..905 => hard_delete(tenant, around),
            905..925 => restore(tenant, around),
            925..960 => Some(add_user(around)),
            960..970 => delete_user(tenant, around),
            970..990 => sync_user(tenant, around),
            _ => unlink(tenant, around),
        };
        if let Some(drawn) = drawn {
            return Ok(drawn);
        }
    }
    Err("the tenant is too small to change".into())
}

fn add_members(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let (id, group) = cloud_group(tenant, around)?;
    let mut members = Vec::new();
    for _ in 0..=around.rng.below(3) {
        let index = if group.unified || around.rng.percent(85) {
            user(tenant, around, |_| true)?
        } else {
            other(tenant, around)?
        };
        let object = tenant.object(index);
        if object.id.to_string() != id && !group.has(index) {
            members.push(object.id.to_string());
        }
    }
    (!members.is_empty()).then_some(("addMembers", Change::AddMembers { id, members }))
}

fn remove_members(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let (id, group) = cloud_group(tenant, around)?;
    // A member from near a random place of the list, without walking the whole of it.
    let start = around.rng.below(group.base.len().max(1));
    let near = group
        .base
        .iter()
        .skip(start)
        .chain(group.overlay.keys())
        .take(64);
    let present = near.copied().filter(|member| group.has(*member));
    let wanted = 1 + around.rng.below(2);
    let members: Vec<String> = present
        .take(wanted)
        .map(|member| tenant.object(member).id.to_string())
        .collect();
    (!members.is_empty()).then_some(("removeMembers", Change::RemoveMembers { id, members }))
}

fn set_group(tenant: &Tenant, around: &mut Surroundings<'_>) -> Result<Drawn, String> {
    let (id, group) = cloud_group(tenant, around).ok_or("there is no cloud group to change")?;
    let (name, _) = fresh_group(around.rng);
    let mut properties = GroupProperties::default();
    match around.rng.below(4) {
        0 => properties.display_name = Some(name),
        1 => properties.description = Some(Some(format!("Changed: {name}"))),
        2 => properties.description = Some(None),
        _ if group.unified => {
            let mut all: Vec<String> = group
                .proxy_addresses
                .iter()
                .map(|a| a.to_string())
                .collect();
            let number = around.rng.below(1_000_000);
            all.push(format!("smtp:extra{number}@{}", tenant.identity.domain));
            properties.proxy_addresses = Some(Some(all));
        }
        _ => properties.mail_nickname = Some(Some(format!("nick{}", around.rng.below(1_000_000)))),
    }
    Ok(("setGroup", Change::SetGroup { id, properties }))
}

fn add_group(around: &mut Surroundings<'_>) -> Drawn {
    let (display_name, plain) = fresh_group(around.rng);
    let kind = if around.rng.percent(75) {
        GroupKind::M365
    } else {
        GroupKind::Security
    };
    let mail_nickname = Some(format!("{plain}{:08x}", around.rng.next() as u32));
    let members = Vec::new();
    let change = Change::AddGroup {
        display_name,
        description: None,
        mail_nickname,
        kind,
        members,
    };
    ("addGroup", change)
}

fn soft_delete(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let (id, group) = cloud_group(tenant, around)?;
    group
        .unified
        .then_some(("softDeleteGroup", Change::SoftDeleteGroup { id }))
}

fn hard_delete(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let (id, group) = cloud_group(tenant, around)?;
    // M365 groups go through the recycle bin first; those in it may be purged.
    if !group.unified {
        return Some(("hardDeleteGroup", Change::HardDeleteGroup { id }));
    }
    let id = soft_deleted(tenant, around)?;
    Some(("hardDeleteGroup", Change::HardDeleteGroup { id }))
}

fn restore(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let id = soft_deleted(tenant, around)?;
    Some(("restoreGroup", Change::RestoreGroup { id }))
}

fn add_user(around: &mut Surroundings<'_>) -> Drawn {
    let display_name = fresh_person(around.rng);
    let synced = around.rng.percent(90);
    (
        "addUser",
        Change::AddUser {
            display_name,
            synced,
            in_directory: true,
        },
    )
}

fn delete_user(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let index = user(tenant, around, |_| true)?;
    let id = tenant.object(index).id.to_string();
    Some(("deleteUser", Change::DeleteUser { id }))
}

fn sync_user(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let cloud_only = |object: &Object| {
        object
            .user()
            .is_some_and(|user| user.anchor.is_none() && !user.guest)
    };
    let index = user(tenant, around, cloud_only)?;
    let id = tenant.object(index).id.to_string();
    Some(("syncUser", Change::SyncUser { id }))
}

fn unlink(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Drawn> {
    let index = user(tenant, around, |object| {
        object.user().is_some_and(|user| user.dn.is_some())
    })?;
    let member_id = tenant.object(index).id.to_string();
    Some(("unlink", Change::Unlink { member_id }))
}

fn cloud_group<'a>(
    tenant: &'a Tenant,
    around: &mut Surroundings<'_>,
) -> Option<(String, &'a Group)> {
    let fits = |object: &Object| object.is_active() && object.group().is_some_and(Group::is_cloud);
    let object = tenant.object(some(tenant, &tenant.groups, around, fits)?);
    Some((object.id.to_string(), object.group()?))
}

fn soft_deleted(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<String> {
    let fits = |object: &Object| object.state == State::SoftDeleted;
    let index = some(tenant, &tenant.groups, around, fits)?;
    Some(tenant.object(index).id.to_string())
}

fn user(
    tenant: &Tenant,
    around: &mut Surroundings<'_>,
    fits: impl Fn(&Object) -> bool,
) -> Option<Index> {
    some(tenant, &tenant.users, around, |object| {
        object.is_active() && fits(object)
    })
}

/// A device or a security group.
fn other(tenant: &Tenant, around: &mut Surroundings<'_>) -> Option<Index> {
    if around.rng.percent(50) {
        return some(tenant, &tenant.devices, around, Object::is_active);
    }
    let fits =
        |object: &Object| object.is_active() && object.group().is_some_and(|group| !group.unified);
    some(tenant, &tenant.groups, around, fits)
}

/// A random object of a list that fits, or `None` after some tries.
fn some(
    tenant: &Tenant,
    list: &[Index],
    around: &mut Surroundings<'_>,
    fits: impl Fn(&Object) -> bool,
) -> Option<Index> {
    if list.is_empty() {
        return None;
    }
    (0..64).find_map(|_| {
        let index = *around.rng.pick(list);
        fits(tenant.object(index)).then_some(index)
    })
}
