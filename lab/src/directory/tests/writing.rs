//! Tests of adding, modifying and renaming.

use super::*;
use crate::ldap::message::ChangeKind::{Add, Delete, Replace};

fn win32(result: Result<u32, Failure>) -> (u32, String) {
    let failure = result.expect_err("a failure");
    (failure.code, failure.message.chars().take(8).collect())
}

fn is(code: u32, win32: &str) -> (u32, String) {
    (code, win32.to_owned())
}

#[test]
fn adds_are_checked_against_schema_and_tree() {
    let lab = Lab::new(1);
    let group: (&str, &[&str]) = ("objectClass", &["group"]);
    let add = |rdn: &str, extra: &[(&str, &[&str])]| {
        let mut attributes = vec![group];
        attributes.extend_from_slice(extra);
        win32(lab.add(&format!("{rdn},{OU}"), &attributes))
    };
    lab.add(
        &format!("CN=taken,{OU}"),
        &[group, ("sAMAccountName", &["taken-sam"])],
    )
    .expect("ok");
    assert_eq!(add("CN=TAKEN", &[]), is(68, "00002071"));
    assert_eq!(
        add("CN=Tàken", &[]),
        is(68, "00002071"),
        "accents don't count"
    );
    assert_eq!(
        add("CN=ｔａｋｅｎ", &[]),
        is(68, "00002071"),
        "width doesn't count"
    );
    assert_eq!(
        add("CN=a", &[("sAMAccountName", &["Taken-Sam"])]),
        is(68, "00000526")
    );
    assert_eq!(
        add("CN=a", &[("sAMAccountName", &["user0"])]),
        is(68, "00000524")
    );
    assert_eq!(add("CN=a", &[("sAMAccountName", &["a/b"])]).0, 19);
    assert_eq!(add("CN=a", &[("sAMAccountName", &["a."])]).0, 19);
    assert_eq!(
        add("CN=a", &[("sAMAccountName", &["a", "b"])]),
        is(19, "00002081")
    );
    assert_eq!(add("CN=a", &[("frobnicate", &["1"])]), is(16, "00000057"));
    assert_eq!(
        add("CN=a", &[("userPrincipalName", &["a@b"])]),
        is(65, "0000207D")
    );
    assert_eq!(
        add("CN=a", &[("displayName", &["a", "b"])]),
        is(19, "00002081")
    );
    assert_eq!(
        add("CN=a", &[("displayName", &[&"x".repeat(257)])]),
        is(19, "00002082")
    );
    assert_eq!(add("CN=a", &[("displayName", &[""])]).0, 21);
    assert_eq!(add("CN=a", &[("objectGUID", &["0123456789abcdef"])]).0, 19);
    assert_eq!(
        add("CN=a", &[("memberOf", &[&format!("CN=taken,{OU}")])]).0,
        53
    );
    assert_eq!(add("CN=a", &[("cn", &["b"])]).0, 34);
    assert_eq!(add("OU=a", &[]).0, 64);
    assert_eq!(
        add(&format!("CN={}", "x".repeat(65)), &[]),
        is(19, "00002082")
    );
    assert_eq!(
        add(&format!("CN={}", "😀".repeat(33)), &[]),
        is(19, "00002082")
    );
    assert_eq!(add("CN=a,CN=taken", &[]).0, 64, "groups don't hold objects");
    assert_eq!(win32(lab.add("nonsense", &[group])).0, 34);
    assert_eq!(win32(lab.add(&format!("CN=a,{OU}"), &[])).0, 65);
    assert_eq!(
        win32(lab.add(&format!("CN=a,{OU}"), &[("objectClass", &["top"])])).0,
        53,
        "an abstract class"
    );
    assert_eq!(
        win32(lab.add(&format!("CN=a,{OU}"), &[("objectClass", &["x"])])).0,
        16
    );
    let orphan = lab
        .add(&format!("CN=a,OU=none,{OU}"), &[group])
        .expect_err("no parent");
    assert_eq!((orphan.code, orphan.matched.as_str()), (32, OU));
    lab.add(&format!("CN={},{OU}", "😀".repeat(32)), &[group])
        .expect("64 units");
}

#[test]
fn other_kinds_of_objects_can_be_added() {
    let lab = Lab::new(0).by("administrator");
    lab.add(
        &format!("OU=sub,{OU}"),
        &[("objectClass", &["organizationalUnit"])],
    )
    .expect("an OU");
    lab.add(
        &format!("CN=c,{OU}"),
        &[("objectClass", &["contact"]), ("mail", &["c@x"])],
    )
    .expect("a contact");
    lab.add(
        &format!("CN=u,{OU}"),
        &[("objectClass", &["user"]), ("userPrincipalName", &["u@x"])],
    )
    .expect("a user");
    assert_eq!(
        lab.get(&format!("CN=u,{OU}"), &["userAccountControl"])
            .text("userAccountControl"),
        "546"
    );
    let twice = lab.add(
        &format!("CN=v,{OU}"),
        &[("objectClass", &["user"]), ("userPrincipalName", &["U@X"])],
    );
    assert_eq!(win32(twice), is(19, "000021C8"));
    let contact = lab.get(&format!("CN=c,{OU}"), &["objectSid", "objectCategory"]);
    assert_eq!(contact.text("objectSid"), "");
    assert!(contact.text("objectCategory").starts_with("CN=Person,"));
}

#[test]
fn modifies_follow_the_values() {
    let lab = Lab::new(1);
    lab.add_group("g", 8, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    let change = |kind, name: &str, values: &[&str]| lab.modify(&dn, &[(kind, name, values)], &[]);
    change(Add, "displayName", &["a"]).expect("a value");
    assert_eq!(
        win32(change(Add, "displayName", &["b"])),
        is(20, "00002083")
    );
    assert_eq!(
        win32(change(Replace, "displayName", &["b", "c"])),
        is(20, "00002083")
    );
    assert_eq!(
        win32(change(
            Replace,
            "managedBy",
            &[&user_dn(0), &format!("CN=g,{OU}")]
        )),
        is(19, "00002081")
    );
    assert_eq!(
        win32(change(
            Replace,
            "managedBy",
            &["CN=none,DC=contoso,DC=test"]
        )),
        is(19, "000020B5")
    );
    assert_eq!(
        win32(change(Replace, "canonicalName", &["x"])),
        is(19, "0000202F")
    );
    assert_eq!(
        win32(change(Replace, "objectSid", &["S-1-5-21-1-2-3-4"])),
        is(53, "0000209A")
    );
    assert_eq!(
        win32(change(Add, "displayName", &["A"])),
        is(20, "00002083")
    );
    assert_eq!(
        win32(change(Delete, "displayName", &["z"])),
        is(16, "00002085")
    );
    assert_eq!(win32(change(Delete, "mail", &[])), is(16, "00002085"));
    assert_eq!(win32(change(Replace, "frob", &["z"])), is(16, "00000057"));
    assert_eq!(
        win32(change(Replace, "userPrincipalName", &["z"])),
        is(65, "0000207D")
    );
    assert_eq!(win32(change(Replace, "cn", &["z"])), is(67, "00002016"));
    assert_eq!(win32(change(Replace, "name", &["z"])), is(67, "00002016"));
    assert_eq!(win32(change(Replace, "objectClass", &["user"])).0, 65);
    assert_eq!(
        win32(change(Replace, "objectGUID", &["0123456789abcdef"])).0,
        19
    );
    assert_eq!(win32(change(Replace, "sAMAccountType", &["1"])).0, 53);
    assert_eq!(
        win32(change(Delete, "sAMAccountName", &[])),
        is(53, "00002077")
    );
    assert_eq!(
        win32(change(Replace, "sAMAccountName", &["user0"])),
        is(68, "00000524")
    );
    assert_eq!(win32(change(Delete, "groupType", &[])).0, 53);
    assert_eq!(win32(change(Replace, "groupType", &["x"])).0, 21);
    assert_eq!(win32(change(Replace, "nTSecurityDescriptor", &["x"])).0, 53);
    change(Replace, "sAMAccountName", &["G"]).expect("another name");
    change(Replace, "mail", &[]).expect("nothing to replace");
    change(Delete, "displayName", &["A"]).expect("the value");
    assert_eq!(lab.get(&dn, &["displayName"]).attributes, []);
}

#[test]
fn a_modify_is_all_or_nothing_and_sees_its_own_steps() {
    let lab = Lab::new(1);
    lab.add_group("g", 8, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    let steps: [(_, _, &[&str]); 3] = [
        (Replace, "displayName", &["x"]),
        (Add, "proxyAddresses", &["smtp:a@b"]),
        (Delete, "proxyAddresses", &["smtp:z@b"]),
    ];
    assert_eq!(win32(lab.modify(&dn, &steps, &[])).0, 16);
    assert_eq!(
        lab.get(&dn, &["displayName", "proxyAddresses"]).attributes,
        []
    );
    let steps: [(_, _, &[&str]); 3] = [
        (Add, "proxyAddresses", &["smtp:a@b", "SMTP:c@b"]),
        (Delete, "proxyAddresses", &["SMTP:A@B"]),
        (Replace, "managedBy", &[&user_dn(0)]),
    ];
    lab.modify(&dn, &steps, &[]).expect("a modify");
    let entry = lab.get(&dn, &["proxyAddresses", "managedBy"]);
    assert_eq!(entry.text("proxyAddresses"), "SMTP:c@b");
    assert_eq!(entry.text("managedBy"), user_dn(0));
    assert_eq!(
        lab.get(&user_dn(0), &["managedObjects"])
            .text("managedObjects"),
        dn
    );
}

#[test]
fn permissive_modify_forgives_values_too() {
    let lab = Lab::new(0);
    lab.add_group("g", 8, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    let change =
        |kind, values: &[&str]| lab.modify(&dn, &[(kind, "proxyAddresses", values)], &[PERMISSIVE]);
    change(Add, &["smtp:a@b", "smtp:a@b"]).expect("twice the same");
    change(Add, &["SMTP:A@B"]).expect("present");
    change(Delete, &["smtp:z"]).expect("absent");
    change(Delete, &[]).expect("all");
    change(Delete, &[]).expect("none left");
}

#[test]
fn the_entry_can_be_named_by_guid() {
    let lab = Lab::new(0);
    lab.add_group("g", 8, &[]).expect("a group");
    let entry = lab.get(&format!("CN=g,{OU}"), &["objectGUID"]);
    let name: [u8; 16] = entry.attributes[0].values[0]
        .clone()
        .try_into()
        .expect("a GUID");
    let by_guid = format!("<GUID={}>", sid::guid_text(&name));
    lab.modify(&by_guid, &[(Replace, "description", &["d"])], &[])
        .expect("a modify");
    lab.rename(&by_guid, "CN=h", None).expect("a rename");
    assert_eq!(lab.get(&by_guid, &["description"]).dn, format!("CN=h,{OU}"));
    lab.delete(&by_guid, &[]).expect("a delete");
    let nobody = "<GUID=11111111-1111-1111-1111-111111111111>";
    assert_eq!(
        win32(lab.modify(nobody, &[(Replace, "mail", &["a"])], &[])).0,
        32
    );
}

#[test]
fn renames_and_moves_keep_identity_and_links() {
    let lab = Lab::new(1);
    let unit = format!("OU=sub,{OU}");
    lab.add(&unit, &[("objectClass", &["organizationalUnit"])])
        .expect("an OU");
    lab.add_group("inner", 8, &[&user_dn(0)]).expect("a group");
    lab.add_group("outer", 8, &[&format!("CN=inner,{OU}")])
        .expect("a group");
    let old = lab
        .get(&format!("CN=inner,{OU}"), &["objectSid", "objectGUID"])
        .attributes;
    assert_eq!(
        win32(lab.rename(&format!("CN=inner,{OU}"), "CN=Outer", None)),
        is(68, "00002071")
    );
    assert_eq!(
        win32(lab.rename(&format!("CN=inner,{OU}"), "OU=x", None)).0,
        64
    );
    assert_eq!(
        win32(lab.rename(&format!("CN=inner,{OU}"), "CN=a,OU=b", None)).0,
        34
    );
    assert_eq!(
        win32(lab.rename(&format!("CN=inner,{OU}"), "CN=x", Some("OU=no,DC=x"))),
        is(80, "00002089")
    );
    lab.rename(&format!("CN=inner,{OU}"), "CN=INNER", None)
        .expect("another case");
    lab.rename(&format!("CN=inner,{OU}"), "CN=moved\\, here", Some(&unit))
        .expect("a move");
    let new = format!("CN=moved\\, here,{unit}");
    assert_eq!(lab.get(&new, &["objectSid", "objectGUID"]).attributes, old);
    assert_eq!(lab.get(&user_dn(0), &["memberOf"]).text("memberOf"), new);
    assert_eq!(
        lab.get(&format!("CN=outer,{OU}"), &["member"])
            .text("member"),
        new
    );
    assert_eq!(lab.names("(cn=moved, here)"), ["moved, here"]);
    let admin = lab.by("administrator");
    admin
        .rename(&unit, "OU=renamed", None)
        .expect("a container");
    let under = format!("CN=moved\\, here,OU=renamed,{OU}");
    assert_eq!(lab.get(&user_dn(0), &["memberOf"]).text("memberOf"), under);
    let inside = admin.rename(OU, "OU=x", Some(&format!("OU=renamed,{OU}")));
    assert_eq!(win32(inside), is(53, "00002077"), "not below itself");
}

#[test]
fn given_names_that_collide_are_made_unique() {
    let lab = Lab::new(0);
    let mut first = user(1);
    first.cn = "Zoë".to_owned();
    let mut second = user(2);
    second.cn = "ZOE".to_owned();
    let mut third = user(3);
    third.cn = "x".repeat(80);
    assert_eq!(
        lab.directory.add_user(first.clone()),
        Ok(format!("CN=Zoë,CN=Users,{BASE}"))
    );
    assert_eq!(
        lab.directory.add_user(second),
        Ok(format!("CN=ZOE (2002),CN=Users,{BASE}"))
    );
    assert!(lab.directory.add_user(third).is_ok_and(|dn| dn.len() < 100));
    assert!(
        lab.directory.add_user(first).is_err(),
        "the identity is taken"
    );
    let computer = NewComputer {
        cn: "PC-1".into(),
        rid: 9001,
        object_guid: guid(9001),
    };
    assert_eq!(
        lab.directory.add_computer(computer),
        Ok(format!("CN=PC-1,CN=Computers,{BASE}"))
    );
    let group = NewGroup {
        cn: "Synced".into(),
        sam: "synced".into(),
        rid: 9002,
        object_guid: guid(9002),
        group_type: 8,
        member_rids: vec![2001, 9001],
    };
    lab.directory.add_group(group).expect("a group");
    assert_eq!(
        lab.names("(memberOf=CN=Synced,CN=Users,DC=contoso,DC=test)"),
        ["PC-1", "Zoë"]
    );
    assert!(lab.directory.delete_by_rid(2001) && !lab.directory.delete_by_rid(2001));
    assert_eq!(
        lab.names("(memberOf=CN=Synced,CN=Users,DC=contoso,DC=test)"),
        ["PC-1"]
    );
}
