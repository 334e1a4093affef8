//! Tests of searching.

use super::super::filter::{compile, matches};
use super::*;
use crate::ldap::message::ChangeKind::{Add, Replace};
use crate::ldap::message::{Filter, Scope};
use proptest::prelude::*;

const EXTENDED: &str = "1.2.840.113556.1.4.529";

#[test]
fn bases_and_scopes() {
    let lab = Lab::new(2);
    let find = |base: &str, scope| {
        lab.find(base, scope, "(objectClass=user)", &["1.1"])
            .into_iter()
            .map(|e| e.dn)
            .collect::<Vec<_>>()
    };
    let users = format!("CN=Users,{BASE}");
    assert_eq!(find(&user_dn(0), Scope::Base), [user_dn(0)]);
    assert_eq!(
        find(&users, Scope::One).len(),
        5,
        "two users, three accounts"
    );
    assert_eq!(find(BASE, Scope::One).len(), 0);
    assert_eq!(find(BASE, Scope::Subtree).len(), 5);
    assert_eq!(find(&user_sid(1), Scope::Base), [user_dn(1)]);
    let by_guid = format!("<GUID={}>", sid::guid_text(&guid(1)));
    assert_eq!(find(&by_guid, Scope::Base), [user_dn(1)]);
    let wrong = |base: &str| {
        let asked = request(base, Scope::Subtree, "(cn=*)", &[]);
        lab.ask(asked, &[])
            .err()
            .map(|failure| (failure.code, failure.matched))
    };
    assert_eq!(wrong(&format!("CN=no,{OU}")), Some((32, OU.to_owned())));
    assert_eq!(wrong("DC=other"), Some((32, String::new())));
    assert_eq!(wrong("nonsense").map(|(code, _)| code), Some(34));
    assert_eq!(wrong("").map(|(code, _)| code), Some(32));
    assert_eq!(
        wrong("<SID=S-1-5-21-9-9-9-9>").map(|(code, _)| code),
        Some(32)
    );
}

#[test]
fn naming_contexts_are_searched_apart() {
    let lab = Lab::new(0);
    let count = |base: &str, controls: &[Control]| {
        let asked = request(base, Scope::Subtree, "(objectClass=classSchema)", &["1.1"]);
        let answer = lab.ask(asked, controls).expect("a search");
        (answer.entries.len(), answer.references)
    };
    let schema = format!("CN=Schema,CN=Configuration,{BASE}");
    let (classes, _) = count(&schema, &[]);
    assert!(classes > 30);
    assert_eq!(
        count(BASE, &[]),
        (0, 1),
        "with a reference to the configuration"
    );
    let scope = Control {
        oid: "1.2.840.113556.1.4.1339".into(),
        critical: true,
        value: None,
    };
    assert_eq!(count(BASE, &[scope]), (0, 0));
    let phantom = numbered("1.2.840.113556.1.4.1340", 2);
    assert_eq!(count("", &[phantom]), (classes, 0));
}

#[test]
fn the_schema_answers_for_exchange() {
    let lab = Lab::new(0);
    let schema = format!("CN=Schema,CN=Configuration,{BASE}");
    let find = |filter: &str| lab.find(&schema, Scope::One, filter, &[]);
    let nickname = find("(lDAPDisplayName=mailNickname)");
    assert_eq!(nickname[0].text("rangeUpper"), "64");
    assert_eq!(
        find("(&(objectClass=attributeSchema)(linkID=2))")[0].text("cn"),
        "Member"
    );
    let version = lab.get(
        &format!("CN=ms-Exch-Schema-Version-Pt,{schema}"),
        &["rangeUpper"],
    );
    assert_eq!(version.text("rangeUpper"), "17003");
    let config = format!("CN=Configuration,{BASE}");
    let organization = lab.find(
        &config,
        Scope::Subtree,
        "(objectClass=msExchOrganizationContainer)",
        &["cn"],
    );
    assert_eq!(
        organization[0].dn,
        format!("CN=Contoso,CN=Microsoft Exchange,CN=Services,{config}")
    );
    let servers = lab.find(
        &organization[0].dn,
        Scope::Subtree,
        "(objectClass=msExchExchangeServer)",
        &[],
    );
    assert_eq!(servers.len(), 1);
    assert_eq!(lab.names("(cn=Microsoft Exchange System Objects)").len(), 1);
    let mut bare = options("contoso.test");
    bare.exchange = ExchangeLevel::None;
    bare.schema_2016 = false;
    let lab = Lab {
        directory: Directory::new(bare).expect("a directory"),
        who: "svc-writeback".into(),
    };
    assert_eq!(
        lab.find(&schema, Scope::One, "(lDAPDisplayName=mailNickname)", &[]),
        []
    );
    assert_eq!(
        lab.find(&config, Scope::Subtree, "(cn=Microsoft Exchange)", &[]),
        []
    );
    let changes: &[(&str, &[&str])] = &[
        ("objectClass", &["group"]),
        ("msDS-ExternalDirectoryObjectId", &["Group_1"]),
    ];
    assert_eq!(
        lab.add(&format!("CN=g,{OU}"), changes).map_err(|f| f.code),
        Err(16)
    );
}

#[test]
fn pages_follow_each_other() {
    let lab = Lab::new(25);
    let filter = "(&(objectClass=user)(sAMAccountName=user*))";
    let asked = || request(BASE, Scope::Subtree, filter, &["cn"]);
    let mut cookie = Vec::new();
    let mut sizes = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    loop {
        let answer = lab.ask(asked(), &[page(10, &cookie)]).expect("a page");
        assert_eq!(answer.code, 0);
        sizes.push(answer.entries.len());
        names.extend(answer.entries.into_iter().map(|entry| entry.dn));
        cookie = answer.cookie;
        if cookie.is_empty() {
            break;
        }
    }
    assert_eq!((sizes, names.len()), (vec![10, 10, 5], 25));
    let first = lab.ask(asked(), &[page(25, &[])]).expect("a page");
    assert!(first.cookie.is_empty(), "exactly one full page");
    let other = request(BASE, Scope::Subtree, "(cn=*)", &[]);
    let cookie = lab.ask(asked(), &[page(10, &[])]).expect("a page").cookie;
    assert!(
        lab.ask(other, &[page(10, &cookie)]).is_err(),
        "a cookie of another search"
    );
}

#[test]
fn searches_end_at_their_limits() {
    let lab = Lab::new(8);
    lab.directory.set_limits(Limits {
        max_page_size: 5,
        ..Limits::default()
    });
    let mut asked = request(BASE, Scope::Subtree, "(sAMAccountName=user*)", &["cn"]);
    let answer = lab.ask(asked.clone(), &[]).expect("a search");
    assert_eq!((answer.entries.len(), answer.code), (5, 4));
    let answer = lab.ask(asked.clone(), &[page(1000, &[])]).expect("a page");
    assert_eq!((answer.entries.len(), answer.code), (5, 0));
    asked.size_limit = 2;
    let answer = lab.ask(asked.clone(), &[]).expect("a search");
    assert_eq!((answer.entries.len(), answer.code), (2, 4));
    let limits = Limits {
        max_query_duration: Duration::ZERO,
        ..Limits::default()
    };
    lab.directory.set_limits(limits);
    assert_eq!(lab.ask(asked, &[]).expect("a search").code, 3);
}

#[test]
fn extended_names_carry_guid_and_sid() {
    let lab = Lab::new(1).by("administrator");
    let contact = format!("CN=c,{OU}");
    lab.add(&contact, &[("objectClass", &["contact"])])
        .expect("a contact");
    lab.add_group("g", 8, &[&user_dn(0), &contact])
        .expect("a group");
    let dn = format!("CN=g,{OU}");
    let asked = || request(&dn, Scope::Base, "(objectClass=*)", &["member"]);
    let text = lab
        .ask(asked(), &[numbered(EXTENDED, 1)])
        .expect("a search")
        .entries
        .remove(0);
    let id = sid::guid_text(&guid(0));
    let members = text.texts("member");
    assert_eq!(
        members[0],
        format!("<GUID={id}>;<SID={SID}-2000>;{}", user_dn(0))
    );
    assert!(!members[1].contains("<SID="), "a contact has none");
    assert!(text.dn.starts_with("<GUID=") && text.dn.ends_with(&dn));
    let hexadecimal = lab
        .ask(asked(), &[numbered(EXTENDED, 0)])
        .expect("a search")
        .entries
        .remove(0);
    let expected = format!("<GUID={}>;<SID=0105000000000005", sid::hex(&guid(0)));
    assert!(hexadecimal.texts("member")[0].starts_with(&expected));
    let bare = Control {
        oid: EXTENDED.into(),
        critical: true,
        value: None,
    };
    let default = lab
        .ask(asked(), &[bare])
        .expect("a search")
        .entries
        .remove(0);
    assert_eq!(default, hexadecimal);
}

#[test]
fn unknown_critical_controls_are_refused() {
    let lab = Lab::new(0);
    let mut control = Control {
        oid: "1.2.3.4".into(),
        critical: true,
        value: None,
    };
    let asked = || request(BASE, Scope::Base, "(objectClass=*)", &[]);
    assert_eq!(
        lab.ask(asked(), &[control.clone()]).err().map(|f| f.code),
        Some(12)
    );
    control.critical = false;
    assert!(lab.ask(asked(), &[control]).is_ok());
}

#[test]
fn compare_uses_the_same_rules() {
    let lab = Lab::new(1);
    let compare = |name: &str, value: &str| {
        let operation = Operation::Compare {
            dn: user_dn(0),
            attribute: name.to_owned(),
            value: value.as_bytes().to_vec(),
        };
        lab.run(operation, &[]).map_err(|failure| failure.code)
    };
    assert_eq!(compare("displayName", "USER 0"), Ok(6));
    assert_eq!(compare("displayName", "other"), Ok(5));
    assert_eq!(compare("no-such", "x"), Err(16));
}

#[test]
fn attribute_lists_select() {
    let lab = Lab::new(1);
    let names = |list: &[&str]| {
        let entry = lab.get(&user_dn(0), list);
        entry
            .attributes
            .into_iter()
            .map(|a| a.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["1.1"]), Vec::<String>::new());
    assert_eq!(names(&["CN", "no-such"]), ["cn"]);
    assert_eq!(names(&["2.5.4.3"]), ["cn"], "by object identifier");
    let all = names(&["*", "canonicalName"]);
    assert!(all.contains(&"canonicalName".into()) && all.contains(&"objectSid".into()));
    assert!(!names(&[]).contains(&"canonicalName".into()));
    let mut asked = request(&user_dn(0), Scope::Base, "(objectClass=*)", &["cn"]);
    asked.types_only = true;
    let types = lab.ask(asked, &[]).expect("a search").entries.remove(0);
    assert_eq!(
        types.attributes,
        [RawAttribute {
            name: "cn".into(),
            values: vec![]
        }]
    );
    assert_eq!(
        lab.get(&user_dn(0), &["canonicalName"])
            .text("canonicalName"),
        "contoso.test/Users/User 0"
    );
}

#[test]
fn filters_follow_the_syntaxes() {
    let lab = Lab::new(12);
    lab.add_group("Größe", -2_147_483_640, &[&user_dn(3)])
        .expect("a group");
    let dn = format!("CN=Größe,{OU}");
    lab.modify(
        &dn,
        &[
            (Replace, "description", &["Straße 1"]),
            (Add, "mailNickname", &["gr"]),
        ],
        &[],
    )
    .expect("values");
    let groups = |filter: &str| lab.names(&format!("(&(!(isCriticalSystemObject=TRUE)){filter})"));
    for hit in [
        "(cn=GROSSE)",
        "(cn=gr*SS*e)",
        "(description=strasse 1)",
        "(description=*raße*)",
        "(&(objectClass=group)(mailNickname=*))",
        "(member=CN=user 3,cn=users,DC=CONTOSO,dc=test)",
        "(groupType:1.2.840.113556.1.4.803:=2147483648)",
        "(&(objectCategory=group)(groupType:1.2.840.113556.1.4.804:=12))",
        "(groupType=-2147483640)",
        "(&(objectClass=group)(uSNCreated>=4200)(!(description=x)))",
        "(&(objectClass=group)(!(displayName=x)))",
        "(|(cn=nothing)(mailNickname=GR))",
        "(anr=größ)",
    ] {
        assert_eq!(groups(hit), ["Größe"], "{hit}");
    }
    for miss in [
        "(cn=gro)",
        "(&(cn=gr*)(no-such=*))",
        "(&(objectClass=group)(!(no-such=1)))",
        "(groupType=x)",
        "(member=nonsense)",
        "(objectClass=no-such)",
        "(|)",
    ] {
        assert_eq!(groups(miss), Vec::<String>::new(), "{miss}");
    }
    let escaped = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|b| format!("\\{b:02x}"))
            .collect::<String>()
    };
    assert_eq!(
        lab.names(&format!("(objectGUID={})", escaped(&guid(7)))),
        ["User 7"]
    );
    assert_eq!(lab.names(&format!("(objectSid={SID}-2007)")), ["User 7"]);
    let binary = sid::Sid::parse(&format!("{SID}-2007")).expect("a SID");
    assert_eq!(
        lab.names(&format!("(objectSid={})", escaped(binary.as_bytes()))),
        ["User 7"]
    );
    let consistency = escaped(&guid(0x1000_0005));
    assert_eq!(
        lab.names(&format!("(mS-DS-ConsistencyGuid={consistency})")),
        ["User 5"]
    );
    let many: String = (0..300)
        .map(|n| format!("(objectSid={SID}-{})", 2000 + 2 * n))
        .collect();
    assert_eq!(lab.names(&format!("(|{many})")).len(), 6);
    assert_eq!(
        lab.names("(memberOf=CN=Größe,OU=Groups,DC=contoso,DC=test)"),
        ["User 3"]
    );
    assert_eq!(lab.names("(&(objectClass=user)(name>=User 8))").len(), 2);
}

fn leaf() -> impl Strategy<Value = Filter> {
    let name = prop::sample::select(vec![
        "sAMAccountName",
        "displayName",
        "name",
        "cn",
        "mail",
        "adminDescription",
        "no-such",
        "member",
        "objectClass",
        "isDeleted",
        "memberOf",
        "userAccountControl",
    ]);
    let value = prop::sample::select(vec![
        "user1",
        "USER 2",
        "User 1",
        "user3@contoso.test",
        "u",
        "er",
        "512",
        "group",
        "user",
        "TRUE",
        "CN=g,OU=Groups,DC=contoso,DC=test",
        "CN=User 2,CN=Users,DC=contoso,DC=test",
    ]);
    (name, value, 0..5).prop_map(|(name, value, kind)| {
        let (name, bytes) = (name.to_owned(), value.as_bytes().to_vec());
        match kind {
            0 => Filter::Present(name),
            1 => Filter::Substrings(name, Some(bytes), vec![], None),
            2 => Filter::Substrings(name, None, vec![bytes], None),
            _ => Filter::Equal(name, bytes),
        }
    })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Filter::Or),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

/// Three-valued logic written down plainly, leaf by leaf.
fn plainly(store: &store::Store, id: u32, filter: &Filter) -> Option<bool> {
    match filter {
        Filter::And(parts) => {
            let all: Vec<_> = parts.iter().map(|part| plainly(store, id, part)).collect();
            if all.contains(&Some(false)) {
                Some(false)
            } else if all.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        Filter::Or(parts) => {
            let all: Vec<_> = parts.iter().map(|part| plainly(store, id, part)).collect();
            if all.contains(&Some(true)) {
                Some(true)
            } else if all.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Filter::Not(part) => plainly(store, id, part).map(|answer| !answer),
        leaf => matches(store, id, &compile(store, leaf)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn indexes_and_shortcuts_never_change_an_answer(filter in any_filter()) {
        thread_local! { static LAB: Lab = {
            let lab = Lab::new(6);
            lab.add_group("g", 8, &[&user_dn(1), &user_dn(2)]).expect("a group");
            lab.add_group("dead", 8, &[&user_dn(1)]).expect("a group");
            lab.delete(&format!("CN=dead,{OU}"), &[]).expect("a delete");
            lab
        } }
        LAB.with(|lab| {
            let asked = SearchRequest { filter: filter.clone(), ..request(BASE, Scope::Subtree, "(cn=*)", &["1.1"]) };
            let found: Vec<String> =
                lab.ask(asked, &[]).expect("a search").entries.into_iter().map(|e| e.dn).collect();
            let store = lab.directory.read();
            let expected: Vec<String> = (0..store.objects.len() as u32)
                .filter(|id| store.context(*id) == store.marks.domain && !store.object(*id).flags.deleted)
                .filter(|id| plainly(&store, *id, &filter) == Some(true))
                .map(|id| store.dn(id))
                .collect();
            prop_assert_eq!(found, expected);
            Ok(())
        })?;
    }
}
