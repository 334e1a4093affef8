//! Tests of rights: what accounts may do, and that the directory says the same.

use super::*;
use crate::ldap::message::ChangeKind::Replace;
use crate::ldap::message::Credentials;

fn denied(result: Result<u32, Failure>) -> bool {
    result.is_err_and(|failure| failure.code == 50 && failure.message.starts_with("00002098"))
}

#[test]
fn accounts_bind_by_upn_short_name_or_dn() {
    let lab = Lab::new(0);
    let bind = |name: &str, password: &str, secure: bool| {
        let proof = Credentials::Simple(password.as_bytes().to_vec());
        lab.directory
            .bind(3, name, &proof, secure)
            .map_err(|failure| failure.code)
    };
    let word = "svc-readonly-password";
    let who = Ok(Some("svc-readonly".to_owned()));
    assert_eq!(bind("svc-readonly@contoso.test", word, true), who);
    assert_eq!(bind("SVC-ReadOnly@CONTOSO.TEST", word, true), who);
    assert_eq!(bind("CONTOSO\\svc-readonly", word, true), who);
    assert_eq!(
        bind(&format!("cn=svc-readonly,CN=Users,{BASE}"), word, true),
        who
    );
    assert_eq!(bind("svc-readonly@contoso.test", "wrong", true), Err(49));
    assert_eq!(bind("svc-readonly@contoso.test", "", true), Err(49));
    assert_eq!(bind("svc-readonly@other.test", word, true), Err(49));
    assert_eq!(bind("nobody@contoso.test", word, true), Err(49));
    assert_eq!(bind("svc-readonly@contoso.test", word, false), Err(8));
    assert_eq!(bind("", "", false), Ok(None));
    let sasl = Credentials::Sasl("GSSAPI".to_owned());
    assert_eq!(
        lab.directory.bind(3, "", &sasl, true).map_err(|f| f.code),
        Err(7)
    );
    assert_eq!(
        lab.directory.bind(2, "", &sasl, true).map_err(|f| f.code),
        Err(2)
    );
}

#[test]
fn anonymous_reads_the_root_only() {
    let lab = Lab::new(0);
    let ask = |base: &str| {
        let asked = request(base, Scope::Base, "(objectClass=*)", &[]);
        lab.directory
            .search(0, None, &asked, &[])
            .map(|_| ())
            .map_err(|failure| failure.code)
    };
    assert_eq!(ask(""), Ok(()));
    assert_eq!(ask(BASE), Err(1));
    let write = lab
        .directory
        .perform(0, None, &Operation::Delete(OU.to_owned()), &[]);
    assert_eq!(write.map(|_| ()).map_err(|failure| failure.code), Err(1));
}

#[test]
fn writeback_writes_groups_below_ous_and_nothing_else() {
    let lab = Lab::new(1);
    let group: &[(&str, &[&str])] = &[("objectClass", &["group"])];
    let unit: &[(&str, &[&str])] = &[("objectClass", &["organizationalUnit"])];
    lab.add(&format!("OU=new,{BASE}"), unit)
        .expect("an OU below the domain");
    lab.add(&format!("OU=sub,{OU}"), unit)
        .expect("an OU below an OU");
    lab.add(&format!("CN=g,OU=sub,{OU}"), group)
        .expect("a group below it");
    assert!(denied(lab.add(&format!("CN=g,CN=Users,{BASE}"), group)));
    assert!(denied(lab.add(&format!("CN=g,{BASE}"), group)));
    assert!(denied(
        lab.add(&format!("CN=u,{OU}"), &[("objectClass", &["user"])])
    ));
    let change: &[(_, &str, &[&str])] = &[(Replace, "description", &["x"])];
    lab.modify(&format!("CN=g,OU=sub,{OU}"), change, &[])
        .expect("its group");
    assert!(denied(lab.modify(&user_dn(0), change, &[])));
    assert!(denied(lab.modify(OU, change, &[])));
    assert!(denied(lab.modify(
        &format!("CN=Domain Users,CN=Users,{BASE}"),
        change,
        &[]
    )));
    assert!(denied(lab.delete(&format!("OU=new,{BASE}"), &[])));
    assert!(denied(lab.delete(&user_dn(0), &[])));
    let users = format!("CN=Users,{BASE}");
    assert!(denied(lab.rename(
        &format!("CN=g,OU=sub,{OU}"),
        "CN=g",
        Some(&users)
    )));
    let reader = lab.by("svc-readonly");
    assert!(denied(reader.add(&format!("CN=r,{OU}"), group)));
    assert!(denied(reader.modify(
        &format!("CN=g,OU=sub,{OU}"),
        change,
        &[]
    )));
    assert!(denied(reader.rename(
        &format!("CN=g,OU=sub,{OU}"),
        "CN=r",
        None
    )));
    assert!(denied(reader.delete(&format!("CN=g,OU=sub,{OU}"), &[])));
    assert_eq!(
        reader.get(&format!("CN=g,OU=sub,{OU}"), &["cn"]).text("cn"),
        "g"
    );
}

#[test]
fn groups_under_the_protection_of_administrators_are_out_of_reach() {
    let lab = Lab::new(0);
    lab.add_group("g", 8, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    lab.by("administrator")
        .modify(&dn, &[(Replace, "adminCount", &["1"])], &[])
        .expect("admin");
    assert!(denied(lab.modify(
        &dn,
        &[(Replace, "description", &["x"])],
        &[]
    )));
    assert!(denied(lab.delete(&dn, &[])));
}

#[test]
fn effective_attributes_tell_the_truth() {
    let lab = Lab::new(0);
    lab.add_group("g", 8, &[]).expect("a group");
    let dn = format!("CN=g,{OU}");
    let attributes = |who: &str| {
        lab.by(who)
            .get(&dn, &["allowedAttributesEffective"])
            .texts("allowedAttributesEffective")
    };
    let has = |list: &[String], name: &str| list.iter().any(|entry| entry == name);
    let before = attributes("svc-writeback");
    assert!(has(&before, "member") && has(&before, "mailNickname"));
    assert!(!has(&before, "memberOf") && !has(&before, "objectSid"));
    assert_eq!(attributes("svc-readonly"), Vec::<String>::new());
    lab.directory
        .deny_attribute("svc-writeback", "mailNickname")
        .expect("denied");
    assert!(!has(&attributes("svc-writeback"), "mailNickname"));
    assert!(denied(lab.modify(
        &dn,
        &[(Replace, "mailNickname", &["x"])],
        &[]
    )));
    let with: &[(&str, &[&str])] = &[("objectClass", &["group"]), ("mailNickname", &["x"])];
    // Who may create an object may give it any attribute (MS-ADTS 3.1.1.5.2.1; Samba too).
    lab.add(&format!("CN=h,{OU}"), with).expect("a group");
    lab.modify(&dn, &[(Replace, "mail", &["x"])], &[])
        .expect("another attribute");
    let classes = |who: &str, dn: &str| {
        let name = "allowedChildClassesEffective";
        lab.by(who).get(dn, &[name]).text(name)
    };
    assert_eq!(classes("svc-writeback", OU), "group|organizationalUnit");
    assert_eq!(classes("svc-writeback", BASE), "organizationalUnit");
    assert_eq!(classes("svc-writeback", &format!("CN=Users,{BASE}")), "");
    assert_eq!(classes("svc-readonly", OU), "");
    assert!(classes("administrator", OU).contains("user"));
    let allowed = lab
        .get(&dn, &["allowedAttributes"])
        .texts("allowedAttributes");
    assert!(has(&allowed, "memberOf") && has(&allowed, "msDS-ExternalDirectoryObjectId"));
}

#[test]
fn the_descriptor_shows_the_grants() {
    let lab = Lab::new(0);
    let read = |dn: &str| {
        let mut entry = lab.get(dn, &["nTSecurityDescriptor"]);
        entry.attributes.remove(0).values.remove(0)
    };
    let group_class = sid::parse_guid("bf967a9c-0de6-11d0-a285-00aa003049e2").expect("a GUID");
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
    assert!(contains(&read(OU), &group_class));
    assert!(!contains(&read(&format!("CN=Users,{BASE}")), &group_class));
    let plain = read(OU).len();
    lab.directory
        .protect_container(OU, true)
        .expect("protected");
    assert_eq!(read(OU).len(), plain + 20, "one more entry: deny everyone");
}
