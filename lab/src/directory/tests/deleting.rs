//! Tests of deleting and bringing back.

use super::*;
use crate::ldap::message::ChangeKind::{Delete, Replace};
use crate::ldap::message::Scope;

const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";

fn control(oid: &str) -> Control {
    Control {
        oid: oid.to_owned(),
        critical: true,
        value: None,
    }
}

fn deleted(lab: &Lab) -> Vec<Entry> {
    let asked = request(
        BASE,
        Scope::Subtree,
        "(&(isDeleted=TRUE)(objectClass=group))",
        &[],
    );
    lab.ask(asked, &[control(SHOW_DELETED)])
        .expect("a search")
        .entries
}

#[test]
fn a_deleted_group_becomes_a_tombstone_and_leaves_all_groups() {
    let lab = Lab::new(1);
    let dn = format!("CN=g,{OU}");
    lab.add_group("g", 8, &[&user_dn(0)]).expect("a group");
    lab.add_group("outer", 8, &[&dn]).expect("a group");
    lab.modify(
        &dn,
        &[(Replace, "msDS-ExternalDirectoryObjectId", &["Group_1"])],
        &[],
    )
    .expect("a mark");
    lab.modify(&dn, &[(Replace, "adminDescription", &["Group_1"])], &[])
        .expect("a mark");
    let guid = lab.get(&dn, &["objectGUID"]).attributes[0].values[0].clone();
    lab.delete(&dn, &[]).expect("a delete");
    assert_eq!(
        lab.names("(adminDescription=Group_1)"),
        Vec::<String>::new()
    );
    assert_eq!(lab.get(&user_dn(0), &["memberOf"]).attributes, []);
    assert_eq!(
        lab.get(&format!("CN=outer,{OU}"), &["member"]).attributes,
        []
    );
    assert_eq!(deleted(&lab), [], "the account may not see it");
    let admin = lab.by("administrator");
    let found = deleted(&admin);
    let stone = &found[0];
    let guid: [u8; 16] = guid.try_into().expect("a GUID");
    let id = sid::guid_text(&guid);
    assert_eq!(
        stone.dn,
        format!("CN=g\\0ADEL:{id},CN=Deleted Objects,{BASE}")
    );
    assert_eq!(stone.text("lastKnownParent"), OU);
    assert_eq!(
        stone.text("msDS-ExternalDirectoryObjectId"),
        "Group_1",
        "kept by searchFlags"
    );
    assert_eq!(stone.text("adminDescription"), "", "not kept");
    assert_eq!(stone.text("isDeleted"), "TRUE");
    assert_eq!(lab.delete(&dn, &[]).map_err(|f| f.code), Err(32));
    lab.add_group("g", 8, &[]).expect("the name is free");
}

#[test]
fn containers_need_tree_delete() {
    let lab = Lab::new(0).by("administrator");
    let unit = format!("OU=sub,{OU}");
    lab.add(&unit, &[("objectClass", &["organizationalUnit"])])
        .expect("an OU");
    lab.add(&format!("CN=g,{unit}"), &[("objectClass", &["group"])])
        .expect("a group");
    assert_eq!(lab.delete(&unit, &[]).map_err(|f| f.code), Err(66));
    lab.directory
        .protect_container(&unit, true)
        .expect("protected");
    assert_eq!(
        lab.delete(&unit, &[TREE_DELETE]).map_err(|f| f.code),
        Err(50)
    );
    lab.directory
        .protect_container(&unit, false)
        .expect("no longer");
    lab.delete(&unit, &[TREE_DELETE]).expect("a delete");
    assert_eq!(lab.names("(ou=sub)"), Vec::<String>::new());
    let system = format!("CN=System,{BASE}");
    assert_eq!(lab.delete(&system, &[]).map_err(|f| f.code), Err(53));
}

#[test]
fn undelete_brings_back_what_was_kept() {
    for recycle_bin in [false, true] {
        let lab = Lab::new(1).by("administrator");
        lab.directory.set_recycle_bin(recycle_bin);
        let dn = format!("CN=g,{OU}");
        lab.add_group("g", 8, &[&user_dn(0)]).expect("a group");
        lab.modify(&dn, &[(Replace, "description", &["d"])], &[])
            .expect("a value");
        lab.add_group("outer", 8, &[&dn]).expect("a group");
        let before = lab.get(&dn, &["objectSid", "objectGUID"]).attributes;
        lab.delete(&dn, &[]).expect("a delete");
        let stone = deleted(&lab)[0].clone();
        assert_eq!(
            stone.text("isRecycled"),
            if recycle_bin { "" } else { "TRUE" }
        );
        let only_name = [(Replace, "distinguishedName", &[dn.as_str()][..])];
        assert_eq!(
            lab.modify(&stone.dn, &only_name, &[SHOW_DELETED])
                .map_err(|f| f.code),
            Err(53)
        );
        let both = [
            (Delete, "isDeleted", &[][..]),
            (Replace, "distinguishedName", &[dn.as_str()]),
        ];
        assert_eq!(
            lab.modify(&stone.dn, &both, &[]).map_err(|f| f.code),
            Err(32)
        );
        let denied = lab
            .by("svc-writeback")
            .modify(&stone.dn, &both, &[SHOW_DELETED]);
        assert_eq!(denied.map_err(|f| f.code), Err(32), "it can't even see it");
        lab.directory
            .grant_reanimate("svc-writeback")
            .expect("granted");
        lab.by("svc-writeback")
            .modify(&stone.dn, &both, &[SHOW_DELETED])
            .expect("an undelete");
        let back = lab.get(&dn, &["objectSid", "objectGUID", "description", "member"]);
        assert_eq!(back.attributes[..2], before[..]);
        let kept = if recycle_bin { "d" } else { "" };
        assert_eq!(back.text("description"), kept);
        let outer = lab
            .get(&format!("CN=outer,{OU}"), &["member"])
            .texts("member");
        let members = if recycle_bin {
            vec![user_dn(0)]
        } else {
            vec![]
        };
        assert_eq!(back.texts("member"), members);
        assert_eq!(
            outer,
            if recycle_bin {
                vec![dn.clone()]
            } else {
                vec![]
            }
        );
        assert_eq!(deleted(&lab), []);
        assert_eq!(
            lab.get(&dn, &["isDeleted", "lastKnownParent"]).attributes,
            []
        );
    }
}

#[test]
fn an_undelete_needs_a_free_name_and_a_parent() {
    let lab = Lab::new(0).by("administrator");
    let dn = format!("CN=g,{OU}");
    lab.add_group("g", 8, &[]).expect("a group");
    lab.delete(&dn, &[]).expect("a delete");
    lab.add_group("g", 8, &[]).expect("another group");
    let stone = deleted(&lab)[0].dn.clone();
    let back = |to: &str| {
        let both = [
            (Delete, "isDeleted", &[][..]),
            (Replace, "distinguishedName", &[to]),
        ];
        lab.modify(&stone, &both, &[SHOW_DELETED])
            .map_err(|failure| failure.code)
    };
    assert_eq!(back(&dn), Err(68));
    assert_eq!(back(&format!("CN=g,OU=none,{BASE}")), Err(32));
    assert_eq!(back(&format!("CN=h,{OU}")), Ok(0));
}
