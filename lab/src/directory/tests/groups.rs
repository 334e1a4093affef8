//! Tests of groups: types, members, ranges of members.

use super::*;
use crate::ldap::message::ChangeKind::{Add, Delete, Replace};
use crate::ldap::message::Scope;

const UNIVERSAL: i64 = -2_147_483_640;
const GLOBAL: i64 = 2;
const LOCAL: i64 = 4;

fn win32(result: Result<u32, Failure>) -> (u32, String) {
    let failure = result.expect_err("a failure");
    (failure.code, failure.message.chars().take(8).collect())
}

fn members(lab: &Lab, cn: &str) -> Vec<String> {
    lab.get(&format!("CN={cn},{OU}"), &["member"])
        .texts("member")
}

#[test]
fn a_new_group_gets_what_the_system_gives() {
    let lab = Lab::new(0);
    lab.add(&format!("CN=a,{OU}"), &[("objectClass", &["top", "group"])])
        .expect("a group");
    let group = lab.get(&format!("CN=a,{OU}"), &[]);
    assert_eq!(group.text("groupType"), "-2147483646");
    assert_eq!(group.text("sAMAccountType"), "268435456");
    assert_eq!(group.text("instanceType"), "4");
    assert_eq!(group.text("objectClass"), "top|group");
    assert_eq!(group.text("name"), "a");
    assert_eq!(group.text("uSNCreated"), group.text("uSNChanged"));
    assert!(
        group
            .text("objectCategory")
            .starts_with("CN=Group,CN=Schema,")
    );
    let name = group.text("sAMAccountName");
    assert!(
        name.len() == 20 && name.starts_with('$') && &name[7..8] == "-",
        "{name}"
    );
    let with = |name: &str| group.attributes.iter().any(|a| a.name == name);
    assert!(with("objectGUID") && with("objectSid") && !with("member"));
}

#[test]
fn group_types_are_checked() {
    let lab = Lab::new(0);
    for wrong in [0, 1, 6, 16, 10, -2_147_483_648] {
        assert_eq!(
            win32(lab.add_group("x", wrong, &[])),
            (53, "00002141".into()),
            "{wrong}"
        );
    }
    for (at, right) in [2, 4, 8, -2_147_483_646, -2_147_483_644, UNIVERSAL]
        .into_iter()
        .enumerate()
    {
        lab.add_group(&format!("g{at}"), right, &[])
            .expect("a group");
    }
}

#[test]
fn members_come_as_dn_guid_or_sid() {
    let lab = Lab::new(4);
    let by_guid = format!("<GUID={}>", sid::guid_text(&guid(1)));
    lab.add_group("g", UNIVERSAL, &[&user_dn(0)])
        .expect("a group");
    let dn = format!("CN=g,{OU}");
    lab.modify(&dn, &[(Add, "member", &[&by_guid, &user_sid(2)])], &[])
        .expect("members");
    assert_eq!(members(&lab, "g"), [user_dn(0), user_dn(1), user_dn(2)]);
    lab.modify(&dn, &[(Delete, "member", &[&user_sid(0), &by_guid])], &[])
        .expect("fewer");
    assert_eq!(members(&lab, "g"), [user_dn(2)]);
    let member = lab.get(&user_dn(2), &["memberOf"]);
    assert_eq!(member.text("memberOf"), dn);
    lab.modify(&dn, &[(Replace, "member", &[&user_dn(3)])], &[])
        .expect("others");
    assert_eq!(members(&lab, "g"), [user_dn(3)]);
    lab.modify(&dn, &[(Delete, "member", &[])], &[])
        .expect("none");
    assert_eq!(lab.get(&dn, &["member"]).attributes, []);
}

#[test]
fn permissive_modify_forgives_present_and_absent_members() {
    let lab = Lab::new(2);
    lab.add_group("g", UNIVERSAL, &[&user_dn(0)])
        .expect("a group");
    let dn = format!("CN=g,{OU}");
    let usn = || lab.get(&dn, &["uSNChanged"]).text("uSNChanged");
    let before = usn();
    let (present, absent) = (user_sid(0), user_sid(1));
    let add = [(Add, "member", &[present.as_str()][..])];
    let delete = [(Delete, "member", &[absent.as_str()][..])];
    assert_eq!(win32(lab.modify(&dn, &add, &[])), (68, "00000562".into()));
    assert_eq!(
        win32(lab.modify(&dn, &delete, &[])),
        (53, "00000561".into())
    );
    lab.modify(&dn, &add, &[PERMISSIVE]).expect("forgiven");
    lab.modify(&dn, &delete, &[PERMISSIVE]).expect("forgiven");
    assert_eq!(usn(), before, "nothing changed");
    lab.modify(&dn, &[(Add, "member", &[&absent])], &[PERMISSIVE])
        .expect("added");
    assert_ne!(usn(), before);
}

#[test]
fn one_bad_member_undoes_the_whole_modify() {
    let lab = Lab::new(3);
    lab.add_group("g", UNIVERSAL, &[]).expect("a group");
    lab.add_group("local", LOCAL, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    let try_with = |bad: &str| {
        let values = [user_sid(0), bad.to_owned(), user_sid(1)];
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let result = win32(lab.modify(&dn, &[(Add, "member", &values)], &[PERMISSIVE]));
        assert_eq!(members(&lab, "g"), Vec::<String>::new());
        result
    };
    assert_eq!(
        try_with(&format!("CN=nobody,{OU}")),
        (32, "00000525".into())
    );
    let unknown = "<GUID=11111111-1111-1111-1111-111111111111>";
    assert_eq!(try_with(unknown), (32, "00000525".into()));
    assert_eq!(
        try_with(&format!("<SID={SID}-999999>")),
        (53, "00002141".into())
    );
    assert_eq!(
        try_with("<SID=S-1-5-21-1-2-3-1001>"),
        (53, "00002035".into())
    );
    assert_eq!(try_with(&format!("CN=local,{OU}")), (53, "00002146".into()));
    assert_eq!(try_with("<GUID=zz>").0, 34);
    assert_eq!(try_with("nonsense").0, 34);
}

#[test]
fn the_same_member_in_two_forms_is_one() {
    let lab = Lab::new(2);
    let twice = [user_sid(0), user_dn(0)];
    let twice: Vec<&str> = twice.iter().map(String::as_str).collect();
    let added = lab.add_group("g", UNIVERSAL, &twice);
    assert_eq!(win32(added), (68, "00000562".into()));
    lab.add_group("g", UNIVERSAL, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    let add = |controls: &[&str]| lab.modify(&dn, &[(Add, "member", &twice)], controls);
    assert_eq!(win32(add(&[])), (68, "00000562".into()));
    add(&[PERMISSIVE]).expect("permission");
    assert_eq!(members(&lab, "g"), [user_dn(0)]);
}

#[test]
fn members_that_are_gone_are_told_by_how_they_were_named() {
    let lab = Lab::new(2);
    lab.add_group("g", UNIVERSAL, &[&user_dn(1)])
        .expect("a group");
    assert!(lab.directory.delete_by_rid(2000));
    let dn = format!("CN=g,{OU}");
    let with = |kind, value: &str| win32(lab.modify(&dn, &[(kind, "member", &[value])], &[]));
    let nobody = format!("CN=nobody,{OU}");
    assert_eq!(with(Add, &user_sid(0)), (53, "00002141".into()));
    assert_eq!(with(Add, &nobody), (32, "00000525".into()));
    assert_eq!(with(Delete, &user_sid(0)), (53, "00002141".into()));
    assert_eq!(with(Delete, &nobody), (53, "00002035".into()));
    assert_eq!(with(Delete, "nonsense").0, 34);
}

#[test]
fn scopes_decide_who_may_be_inside() {
    let lab = Lab::new(1);
    for (name, kind) in [
        ("u", 8),
        ("u2", 8),
        ("g", GLOBAL),
        ("g2", GLOBAL),
        ("l", LOCAL),
        ("l2", LOCAL),
    ] {
        lab.add_group(name, kind, &[]).expect("a group");
    }
    let put = |outer: &str, inner: &str| {
        let inner = format!("CN={inner},{OU}");
        lab.modify(
            &format!("CN={outer},{OU}"),
            &[(Add, "member", &[&inner])],
            &[],
        )
    };
    assert_eq!(win32(put("u", "l")), (53, "00002146".into()));
    assert_eq!(win32(put("g", "l")), (53, "00002144".into()));
    assert_eq!(win32(put("g", "u")), (53, "00002145".into()));
    for (outer, inner) in [
        ("u", "g"),
        ("u", "u2"),
        ("g", "g2"),
        ("l", "u"),
        ("l", "l2"),
        ("u2", "u"),
    ] {
        put(outer, inner).unwrap_or_else(|f| panic!("{inner} into {outer}: {}", f.message));
    }
}

#[test]
fn a_local_group_takes_principals_of_other_domains() {
    let lab = Lab::new(0);
    let foreign = "S-1-5-21-1-2-3-1001";
    lab.add_group("l", LOCAL, &[&format!("<SID={foreign}>")])
        .expect("a group");
    let expected = format!("CN={foreign},CN=ForeignSecurityPrincipals,{BASE}");
    assert_eq!(members(&lab, "l"), [expected]);
    lab.add_group("l2", LOCAL, &[&format!("<SID={foreign}>")])
        .expect("the same principal");
}

#[test]
fn scope_changes_go_through_universal() {
    let lab = Lab::new(1);
    lab.add_group("g", GLOBAL, &[]).expect("a group");
    lab.add_group("outer", GLOBAL, &[&format!("CN=g,{OU}")])
        .expect("a group");
    let turn = |name: &str, kind: i64| {
        let kind = kind.to_string();
        lab.modify(
            &format!("CN={name},{OU}"),
            &[(Replace, "groupType", &[&kind])],
            &[],
        )
    };
    assert_eq!(win32(turn("g", LOCAL)), (53, "00002141".into()));
    assert_eq!(
        win32(turn("g", 8)),
        (53, "00002145".into()),
        "it is in a global group"
    );
    turn("outer", 8).expect("universal");
    turn("g", 8).expect("universal");
    assert_eq!(
        win32(turn("outer", GLOBAL)),
        (53, "00002145".into()),
        "it holds a universal group"
    );
    assert_eq!(
        win32(turn("g", LOCAL)),
        (53, "00002146".into()),
        "it is in a universal group"
    );
    let sid = lab.get(&format!("CN=outer,{OU}"), &["objectSid"]);
    turn("outer", UNIVERSAL).expect("security");
    assert_eq!(lab.get(&format!("CN=outer,{OU}"), &["objectSid"]), sid);
    assert_eq!(win32(turn("outer", 0)), (53, "00002141".into()));
}

#[test]
fn a_local_group_with_local_members_stays_local() {
    let lab = Lab::new(0);
    lab.add_group("inner", LOCAL, &[]).expect("a group");
    lab.add_group("outer", LOCAL, &[&format!("CN=inner,{OU}")])
        .expect("a group");
    let change = [(Replace, "groupType", &["8"][..])];
    assert_eq!(
        win32(lab.modify(&format!("CN=outer,{OU}"), &change, &[])),
        (53, "00002146".into())
    );
}

#[test]
fn more_values_than_the_limit_are_refused() {
    let lab = Lab::new(12);
    lab.directory.set_limits(Limits {
        max_values_per_write: 10,
        ..Limits::default()
    });
    lab.add_group("g", UNIVERSAL, &[]).expect("a group");
    let sids: Vec<String> = (0..11).map(user_sid).collect();
    let sids: Vec<&str> = sids.iter().map(String::as_str).collect();
    let dn = format!("CN=g,{OU}");
    assert_eq!(
        win32(lab.modify(&dn, &[(Add, "member", &sids)], &[])),
        (11, "00002024".into())
    );
    assert_eq!(
        win32(lab.add_group("h", UNIVERSAL, &sids)),
        (11, "00002024".into())
    );
    lab.modify(&dn, &[(Add, "member", &sids[..10])], &[])
        .expect("ten");
}

#[test]
fn members_are_read_in_ranges() {
    let lab = Lab::new(7);
    lab.directory.set_limits(Limits {
        max_val_range: 3,
        ..Limits::default()
    });
    let sids: Vec<String> = (0..7).map(user_sid).collect();
    let sids: Vec<&str> = sids.iter().map(String::as_str).collect();
    lab.add_group("g", UNIVERSAL, &sids).expect("a group");
    lab.add_group("small", UNIVERSAL, &sids[..3])
        .expect("a group");
    lab.add_group("empty", UNIVERSAL, &[]).expect("a group");
    let ask = |cn: &str, name: &str| {
        let entry = lab.get(&format!("CN={cn},{OU}"), &[name]);
        let shape = |a: &RawAttribute| (a.name.clone(), a.values.len());
        entry.attributes.iter().map(shape).collect::<Vec<_>>()
    };
    let is = |name: &str, count: usize| (name.to_owned(), count);
    assert_eq!(
        ask("g", "member"),
        [is("member", 0), is("member;range=0-2", 3)]
    );
    assert_eq!(ask("g", "member;range=0-*"), [is("member;range=0-2", 3)]);
    assert_eq!(ask("g", "member;range=3-*"), [is("member;range=3-5", 3)]);
    assert_eq!(ask("g", "member;range=6-*"), [is("member;range=6-*", 1)]);
    assert_eq!(ask("g", "member;range=5-9"), [is("member;range=5-*", 2)]);
    assert_eq!(ask("g", "member;range=1-2"), [is("member;range=1-2", 2)]);
    assert_eq!(ask("g", "member;range=7-*"), []);
    assert_eq!(ask("small", "member"), [is("member", 3)]);
    assert_eq!(
        ask("small", "member;range=0-*"),
        [is("member;range=0-*", 3)]
    );
    assert_eq!(ask("empty", "member"), []);
    assert_eq!(ask("empty", "member;range=0-*"), []);
    assert_eq!(
        ask("g", "objectClass;range=0-0"),
        [is("objectClass;range=0-0", 1)]
    );
}

#[test]
fn chains_of_groups_are_followed_even_in_a_circle() {
    let lab = Lab::new(1);
    let dn = |cn: &str| format!("CN={cn},{OU}");
    lab.add_group("a", UNIVERSAL, &[&user_dn(0)])
        .expect("a group");
    lab.add_group("b", UNIVERSAL, &[&dn("a")]).expect("a group");
    lab.add_group("c", UNIVERSAL, &[&dn("b")]).expect("a group");
    lab.modify(&dn("a"), &[(Add, "member", &[&dn("c")])], &[])
        .expect("a circle");
    let rule = "1.2.840.113556.1.4.1941";
    assert_eq!(
        lab.names(&format!("(member:{rule}:={})", user_dn(0))),
        ["a", "b", "c"]
    );
    assert_eq!(
        lab.names(&format!(
            "(&(objectClass=user)(memberOf:{rule}:={}))",
            dn("c")
        )),
        ["User 0"]
    );
    let tokens = lab.get(&user_dn(0), &["tokenGroups"]);
    assert_eq!(tokens.texts("tokenGroups").len(), 3);
    let found = lab.find(&dn("a"), Scope::Base, "(member=*)", &["primaryGroupToken"]);
    assert_ne!(found[0].text("primaryGroupToken"), "");
}
