//! Tests that cost doesn't grow where it must not.

use super::*;
use crate::ldap::message::ChangeKind::Add;
use std::time::Instant;

#[test]
fn a_large_group_takes_more_members_quickly_and_look_ups_stay_fast() {
    const USERS: u32 = 30_000;
    let lab = Lab::new(USERS);
    let rids = (0..USERS - 1000).map(|number| 2000 + number).collect();
    let group = NewGroup {
        cn: "large".into(),
        sam: "large".into(),
        rid: 900_000,
        object_guid: guid(900_000),
        group_type: 8,
        member_rids: rids,
    };
    let dn = lab.directory.add_group(group).expect("a group");
    let sids: Vec<String> = (USERS - 1000..USERS).map(user_sid).collect();
    let sids: Vec<&str> = sids.iter().map(String::as_str).collect();
    let admin = lab.by("administrator");
    let start = Instant::now();
    for _ in 0..20 {
        admin
            .modify(&dn, &[(Add, "member", &sids)], &[PERMISSIVE])
            .expect("members");
    }
    let store = lab.directory.read();
    let id = store.by_rid(900_000).expect("the group");
    assert_eq!(
        store.links.targets(id, store.schema.a.member).len(),
        USERS as usize
    );
    drop(store);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let start = Instant::now();
    for number in 0..500 {
        assert_eq!(
            lab.names(&format!("(sAMAccountName=user{number})")).len(),
            1
        );
        assert_eq!(
            lab.names(&format!("(adminDescription=Group_{number})"))
                .len(),
            0
        );
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
