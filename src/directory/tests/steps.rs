//! What a reader and a writer must do on any controller. The steps work in organizational units of their own and leave
//! them empty.

use std::io::Write;
use std::time::Instant;

use super::super::*;
use crate::error::ErrorId;
use crate::model::{
    Attributes, DirectoryGroup, GroupType, Guid, MemberKey, ObjectId, Sid, SkipReason,
};

/// Timings are what these tests are also run for.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

pub fn id(series: u8, n: u32) -> ObjectId {
    let mut bytes = [series; 16];
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    Guid(bytes)
}

pub fn attributes(directory: &Directory, id: ObjectId, name: &str) -> Attributes {
    let mut attributes = Attributes::from([
        ("displayName".to_owned(), vec![name.to_owned()]),
        (marks::ADMIN_DESCRIPTION.to_owned(), vec![marks::value(id)]),
    ]);
    if directory.schema().external_directory_object_id {
        attributes.insert(marks::EXTERNAL_ID.to_owned(), vec![marks::value(id)]);
    }
    attributes
}

/// An empty organizational unit.
pub async fn unit(directory: &Directory, name: &str) -> String {
    let base = Dn::parse(&directory.root().default_naming_context).unwrap();
    let unit = base.child("OU", name).to_string();
    directory.writer().create_container(&unit).await.unwrap();
    empty(directory, &unit).await;
    unit
}

pub async fn read(directory: &Directory, unit: &str, with_members: bool) -> Vec<FoundGroup> {
    let names = ["displayName".to_owned()];
    let mut reader = directory.owned_groups(&[unit.to_owned()], &names, with_members);
    let mut found = Vec::new();
    while let Some(page) = reader.next_page().await.unwrap() {
        found.extend(page);
    }
    found
}

pub async fn empty(directory: &Directory, unit: &str) {
    let found = read(directory, unit, false).await;
    let mut running = tokio::task::JoinSet::new();
    for one in found {
        let writer = directory.writer();
        running.spawn(async move { writer.delete(one.group.guid).await.unwrap() });
    }
    while let Some(result) = running.join_next().await {
        result.unwrap();
    }
}

pub async fn create_many(
    directory: &Directory,
    unit: &str,
    series: u8,
    count: u32,
) -> Vec<DirectoryGroup> {
    let mut running = tokio::task::JoinSet::new();
    for n in 0..count {
        let (directory, unit) = (directory.clone(), unit.to_owned());
        running.spawn(async move {
            let attributes = attributes(&directory, id(series, n), &format!("Team {n}"));
            let cn = format!("Group_{}", id(series, n));
            directory
                .writer()
                .create_group(
                    &unit,
                    &cn,
                    GroupType::UNIVERSAL_SECURITY,
                    None,
                    &attributes,
                    &[],
                )
                .await
                .unwrap()
        });
    }
    while let Some(result) = running.join_next().await {
        assert_eq!(result.unwrap(), CreateOutcome::Created);
    }
    let found = read(directory, unit, false).await;
    assert_eq!(found.len(), count as usize);
    found.into_iter().map(|f| f.group).collect()
}

pub fn keys(groups: &[DirectoryGroup]) -> Vec<MemberKey> {
    let mut keys: Vec<MemberKey> = groups
        .iter()
        .map(|g| MemberKey::Sid(g.sid.clone()))
        .collect();
    keys.sort();
    keys
}

pub fn missing(directory: &Directory, n: u32) -> MemberKey {
    let domain = directory.forest().domain_sid.clone().unwrap();
    MemberKey::Sid(format!("{domain}-{}", 4_000_000_000 + n).parse().unwrap())
}

pub async fn facts_of_the_controller(directory: Directory) {
    note(&format!("{:?}", directory.root()));
    note(&format!("{:?}", directory.schema().exchange));
    note(&format!("{:?}", directory.forest()));
    assert!(directory.schema().has("displayName") && directory.schema().has("member"));
    assert!(!directory.schema().has("nonsense") && !directory.schema().has("userAccountControl"));
    assert!(directory.schema().is_single_valued("displayName"));
    assert_eq!(directory.schema().range_upper("displayName"), Some(256));
    assert!(directory.forest().domain_sid.is_some());
    let base = directory.root().default_naming_context.clone();
    let container = directory.container(&base).await.unwrap().unwrap();
    note(&format!("{container:?}"));
    assert!(container.can_create_ou);
    assert!(
        directory
            .container(&format!("OU=Nowhere,{base}"))
            .await
            .unwrap()
            .is_none()
    );
    note(&format!(
        "account {:?}",
        directory.account_sid().await.unwrap()
    ));
    note(&format!("{:?}", directory.counters()));
}

pub async fn life_of_a_group(directory: Directory) {
    let writer = directory.writer();
    let unit = unit(&directory, "GWB Test Life, \"quoted\" + #1").await;
    let other = self::unit(&directory, "GWB Test Other").await;
    let mark = id(1, 1);
    let named = attributes(&directory, mark, "Größe (a*b)");
    let create = |cn: &'static str, named: Attributes| {
        let (writer, unit) = (writer.clone(), unit.clone());
        async move {
            writer
                .create_group(
                    &unit,
                    cn,
                    GroupType::UNIVERSAL_DISTRIBUTION,
                    None,
                    &named,
                    &[],
                )
                .await
        }
    };
    assert_eq!(
        create(" A,b=c #", named.clone()).await.unwrap(),
        CreateOutcome::Created
    );
    assert!(matches!(
        create(" A,b=c #", named.clone()).await.unwrap(),
        CreateOutcome::AlreadyOurs { .. }
    ));
    let foreign = attributes(&directory, id(1, 2), "x");
    let conflict = create(" a,B=C #", foreign).await.unwrap_err();
    assert_eq!(conflict.id, ErrorId::GroupNameConflict, "{conflict:?}");
    note(&conflict.message);

    let names = ["displayName".to_owned()];
    let found = directory
        .groups_by_mark(&[mark, id(1, 2)], std::slice::from_ref(&unit), &names)
        .await
        .unwrap();
    let group = &found[0];
    assert_eq!((found.len(), group.object_id), (1, mark));
    assert_eq!(group.attributes["displayName"], ["Größe (a*b)"]);
    assert_eq!(group.group_type, GroupType::UNIVERSAL_DISTRIBUTION);
    let guid = group.guid;

    writer
        .set_attributes(
            guid,
            &[
                ("displayName".to_owned(), vec!["New".to_owned()]),
                ("description".to_owned(), vec![]),
            ],
        )
        .await
        .unwrap();
    writer
        .set_group_type(guid, GroupType::UNIVERSAL_SECURITY)
        .await
        .unwrap();
    let renamed = writer.rename(guid, "B; <x>\\").await.unwrap();
    assert_eq!(Dn::parse(&renamed).unwrap().rdn_value(), Some("B; <x>\\"));
    assert_eq!(writer.rename(guid, "B; <x>\\").await.unwrap(), renamed);
    assert!(writer.rename(guid, "b; <X>\\").await.unwrap().contains("b"));
    let moved = writer.move_to(guid, &other).await.unwrap();
    assert_eq!(
        Dn::parse(&moved).unwrap().parent(),
        Some(Dn::parse(&other).unwrap())
    );
    assert_eq!(writer.move_to(guid, &other).await.unwrap(), moved);
    let nowhere = writer
        .move_to(guid, &format!("OU=Nowhere,{other}"))
        .await
        .unwrap_err();
    note(&format!("move to nowhere: {nowhere:?}"));
    let again = directory
        .groups_by_guid(&[guid, id(9, 9)], &names)
        .await
        .unwrap();
    assert_eq!(again[0].attributes["displayName"], ["New"]);
    assert_eq!(again[0].group_type, GroupType::UNIVERSAL_SECURITY);
    assert!(
        directory
            .effective_attributes(guid)
            .await
            .unwrap()
            .contains("member")
    );
    let free = directory
        .find("(displayName=N*)", &other, Scope::OneLevel, &names, 5)
        .await
        .unwrap();
    assert!(free.len() == 1 && free[0].group.is_some());
    assert!(
        directory
            .find("(displayName=N", &other, Scope::Subtree, &names, 0)
            .await
            .is_err()
    );

    let sid = again[0].sid.clone();
    writer.delete(guid).await.unwrap();
    writer.delete(guid).await.unwrap();
    let lost = writer
        .set_group_type(guid, GroupType::UNIVERSAL_SECURITY)
        .await
        .unwrap_err();
    assert_eq!(lost.id, ErrorId::GroupNotFound);
    assert!(
        directory
            .groups_by_mark(&[mark], std::slice::from_ref(&other), &names)
            .await
            .unwrap()
            .is_empty()
    );
    let deleted = directory.deleted_by_mark(&[mark]).await.unwrap();
    note(&format!("deleted: {deleted:?}"));
    let deleted = deleted.iter().find(|d| d.guid == guid);
    if let Some(deleted) = deleted {
        let back = writer.undelete(guid, &other, &deleted.cn).await;
        note(&format!("undelete: {back:?}"));
        if let Ok(dn) = back {
            let names = directory.resolve_guids(&[guid]).await.unwrap();
            assert_eq!(names[&guid].sid.as_ref(), Some(&sid));
            assert_eq!(
                Dn::parse(&names[&guid].dn).unwrap(),
                Dn::parse(&dn).unwrap()
            );
            writer
                .set_attributes(
                    guid,
                    &[(
                        marks::ADMIN_DESCRIPTION.to_owned(),
                        vec![marks::value(mark)],
                    )],
                )
                .await
                .unwrap();
            writer.delete(guid).await.unwrap();
        }
    }
    let base = &directory.root().default_naming_context;
    let users = format!("{}-513", directory.forest().domain_sid.clone().unwrap());
    let users: Sid = users.parse().unwrap();
    let resolved = directory
        .resolve_sids(std::slice::from_ref(&users))
        .await
        .unwrap();
    let kept = writer.delete(resolved[&users].guid).await.unwrap_err();
    assert_eq!(kept.id, ErrorId::GroupNotOwned);
    let nowhere = writer
        .create_group(
            &format!("OU=Nowhere,{base}"),
            "x",
            GroupType::UNIVERSAL_SECURITY,
            None,
            &named,
            &[],
        )
        .await
        .unwrap_err();
    assert_eq!(nowhere.id, ErrorId::ContainerNotFound, "{nowhere:?}");
    let taken = writer
        .create_group(
            &other,
            "y",
            GroupType::UNIVERSAL_SECURITY,
            Some("Domain Users"),
            &named,
            &[],
        )
        .await
        .unwrap_err();
    note(&format!("sAMAccountName taken: {taken:?}"));
    assert_eq!(taken.id, ErrorId::GroupNameConflict);
    let mut reader = directory.owned_groups(&[format!("OU=Nowhere,{base}")], &[], true);
    assert_eq!(
        reader.next_page().await.unwrap_err().id,
        ErrorId::ContainerNotFound
    );
    assert!(reader.next_page().await.is_err());
}

/// Only with an administrator.
pub async fn rights_of_a_container(directory: Directory) {
    let unit = unit(&directory, "GWB Test Rights").await;
    let name = std::env::var("GWB_TEST_LDAP_ACCOUNT").unwrap_or_else(|_| "Guest".to_owned());
    let (_, guest) = directory.account(&name).await.unwrap().unwrap();
    let writer = directory.writer();
    let before = directory.container(&unit).await.unwrap().unwrap();
    writer.grant_writeback_rights(&unit, &guest).await.unwrap();
    assert!(directory.has_writeback_rights(&unit, &guest).await.unwrap());
    assert!(!writer.grant_writeback_rights(&unit, &guest).await.unwrap());
    assert_eq!(directory.container(&unit).await.unwrap().unwrap(), before);
    let nowhere = format!("OU=Nowhere,{unit}");
    let error = writer.grant_writeback_rights(&nowhere, &guest).await;
    assert_eq!(error.unwrap_err().id, ErrorId::ContainerNotFound);
}

pub async fn many_members(directory: Directory, count: u32) {
    let writer = directory.writer();
    let unit = unit(&directory, "GWB Test Members").await;
    let start = Instant::now();
    let groups = create_many(&directory, &unit, 2, count).await;
    note(&format!("{count} groups created: {:?}", start.elapsed()));
    let (big, rest) = groups.split_first().unwrap();
    let everyone = keys(rest);

    let start = Instant::now();
    let outcome = writer
        .modify_members(big.guid, &everyone, &[], 500)
        .await
        .unwrap();
    note(&format!(
        "{} members added: {:?}",
        everyone.len(),
        start.elapsed()
    ));
    assert_eq!(
        (outcome.added.len(), outcome.failed.len()),
        (everyone.len(), 0)
    );
    let start = Instant::now();
    assert_eq!(directory.members(big.guid).await.unwrap(), everyone);
    note(&format!("read by ranges: {:?}", start.elapsed()));
    let start = Instant::now();
    let found = read(&directory, &unit, true).await;
    note(&format!(
        "{} groups read with members: {:?}",
        found.len(),
        start.elapsed()
    ));
    for one in &found {
        let expected = if one.group.guid == big.guid {
            everyone.clone()
        } else {
            Vec::new()
        };
        assert_eq!(one.members.as_ref(), Some(&expected));
    }

    let half = &everyone[..everyone.len() / 2];
    let again = writer
        .modify_members(big.guid, half, &[], 1000)
        .await
        .unwrap();
    assert_eq!((again.added.len(), again.failed.len()), (half.len(), 0));
    for _ in 0..2 {
        let gone = writer
            .modify_members(big.guid, &[], half, 1000)
            .await
            .unwrap();
        assert_eq!((gone.removed.len(), gone.failed.len()), (half.len(), 0));
    }
    assert_eq!(
        directory.members(big.guid).await.unwrap(),
        &everyone[everyone.len() / 2..]
    );

    let mut spoiled = half[..100].to_vec();
    spoiled.extend([missing(&directory, 1), missing(&directory, 2)]);
    spoiled.push(MemberKey::Guid(id(7, 7)));
    spoiled.push(MemberKey::Sid("S-1-5-21-9-9-9-500".parse().unwrap()));
    let before = directory.counters();
    let outcome = writer
        .modify_members(big.guid, &spoiled, &[], 500)
        .await
        .unwrap();
    let after = directory.counters();
    note(&format!(
        "bad values isolated in {} operations",
        after.operations - before.operations
    ));
    for (key, reason, error) in &outcome.failed {
        note(&format!(
            "{key:?}: {reason:?}: {} {:?}",
            error.message, error.causes
        ));
    }
    assert_eq!((outcome.added.len(), outcome.failed.len()), (100, 4));
    let gone = [missing(&directory, 3)];
    let outcome = writer
        .modify_members(big.guid, &[], &gone, 500)
        .await
        .unwrap();
    assert_eq!((outcome.removed.len(), outcome.failed.len()), (1, 0));

    let local = attributes(&directory, id(3, 1), "Local");
    let outcome = writer
        .create_group(
            &unit,
            "local",
            GroupType(-2147483644),
            None,
            &local,
            &everyone[..2],
        )
        .await
        .unwrap();
    assert_eq!(outcome, CreateOutcome::Created);
    let local = directory
        .groups_by_mark(&[id(3, 1)], std::slice::from_ref(&unit), &[])
        .await
        .unwrap();
    assert_eq!(
        directory.members(local[0].guid).await.unwrap(),
        &everyone[..2]
    );
    let nested = [MemberKey::Sid(local[0].sid.clone()), everyone[0].clone()];
    let outcome = writer
        .modify_members(big.guid, &nested, &[], 500)
        .await
        .unwrap();
    note(&format!(
        "domain local into universal: {:?}",
        outcome.failed
    ));
    // Samba lets it pass.
    assert!(
        outcome
            .failed
            .iter()
            .all(|f| f.1 == SkipReason::ScopeForbidden)
    );
    assert!(outcome.failed.len() <= 1);
    let spoiled = attributes(&directory, id(3, 2), "Spoiled");
    let outcome = writer
        .create_group(
            &unit,
            "spoiled",
            GroupType::UNIVERSAL_SECURITY,
            None,
            &spoiled,
            &[everyone[0].clone(), missing(&directory, 1)],
        )
        .await
        .unwrap();
    assert_eq!(outcome, CreateOutcome::CreatedWithoutMembers);

    let anchors: Vec<[u8; 16]> = rest
        .iter()
        .take(300)
        .map(|g| g.guid.to_ad_bytes())
        .collect();
    let start = Instant::now();
    let found = directory.resolve_immutable_ids(&anchors).await.unwrap();
    note(&format!("300 anchors: {:?}", start.elapsed()));
    assert_eq!(found.len(), anchors.len());
    let sids: Vec<Sid> = rest.iter().map(|g| g.sid.clone()).collect();
    let start = Instant::now();
    assert_eq!(
        directory.resolve_sids(&sids).await.unwrap().len(),
        sids.len()
    );
    note(&format!("{} SIDs: {:?}", sids.len(), start.elapsed()));
    let ids: Vec<ObjectId> = rest.iter().map(|g| g.object_id).collect();
    let start = Instant::now();
    let found = directory
        .groups_by_mark(&ids, std::slice::from_ref(&unit), &[])
        .await
        .unwrap();
    note(&format!("{} marks: {:?}", ids.len(), start.elapsed()));
    assert_eq!(found.len(), ids.len());
    let start = Instant::now();
    empty(&directory, &unit).await;
    note(&format!("all deleted: {:?}", start.elapsed()));
    note(&format!("{:?}", directory.counters()));
}
