use super::*;

#[test]
fn creates_with_all_members_and_no_empty_attribute() {
    let mut wanted = members(&[1, 2]);
    wanted.push(keyless(3));
    let input = present(
        DesiredGroup {
            cn: "a,b".into(),
            sam_account_name: Some("sam".into()),
            ..desired()
        },
        None,
        MemberInput::Full {
            desired: wanted.clone(),
            actual: keys(&[9]),
        },
    );
    let plan = plan(&input, &Policy::default());
    let mut expected = desired().attributes;
    expected.remove("description");
    assert_eq!(
        plan.changes,
        [Change::CreateGroup {
            parent_dn: "OU=Groups,DC=x".into(),
            cn: "a,b".into(),
            group_type: GroupType::UNIVERSAL_SECURITY,
            sam_account_name: Some("sam".into()),
            attributes: expected,
        }]
    );
    assert_eq!(plan.dn, "CN=a\\,b,OU=Groups,DC=x");
    assert_eq!((plan.adds, plan.removes, plan.guid), (wanted, vec![], None));
}

#[test]
fn a_group_whose_members_were_not_read_is_created_empty_and_says_so() {
    let plan = plan(
        &present(desired(), None, MemberInput::Untouched),
        &Policy::default(),
    );
    assert!(plan.adds.is_empty());
    assert_eq!(
        plan.notes,
        ["created without members: they could not be read completely"]
    );
}

#[test]
fn changes_are_taken_as_given_without_repetition() {
    let input = present(
        desired(),
        Some(actual()),
        MemberInput::Changes {
            adds: vec![member(1), member(1), keyless(7), keyless(7), member(2)],
            removes: vec![
                member(3),
                member(3),
                // The same account, deleted and recreated in the cloud.
                PlannedMember {
                    member_id: Some(id(50)),
                    ..member(2)
                },
                keyless(8),
            ],
            count_before: 40,
        },
    );
    for drift in [
        DriftAction::Repair,
        DriftAction::Report,
        DriftAction::Ignore,
    ] {
        let plan = plan(&input, &policy(drift, false));
        assert_eq!(plan.adds, [member(1), keyless(7), member(2)]);
        assert_eq!(plan.removes, [member(3)]);
        assert_eq!(plan.count_before, 40);
        assert_eq!(plan.notes, ["1 members to remove have no address in AD"]);
    }
}

#[test]
fn extra_members_by_drift_action() {
    let mut wanted = members(&[1, 2]);
    wanted.push(keyless(7));
    let input = present(
        desired(),
        Some(actual()),
        MemberInput::Full {
            desired: wanted,
            actual: keys(&[2, 3]),
        },
    );
    for (drift, removed, notes) in [
        (DriftAction::Repair, vec![key(3)], vec![]),
        (
            DriftAction::Report,
            vec![],
            vec!["drift: <SID=S-1-5-21-1-2-3-3> is a member only in AD"],
        ),
        (DriftAction::Ignore, vec![], vec![]),
    ] {
        for full in [true, false] {
            let plan = plan(&input, &policy(drift, full));
            assert_eq!(plan.adds, [member(1), keyless(7)]);
            assert_eq!(plan.count_before, 2);
            let keys: Vec<_> = plan
                .removes
                .iter()
                .map(|m| m.key.clone().unwrap())
                .collect();
            assert_eq!(
                (keys, plan.notes),
                (
                    removed.clone(),
                    notes.iter().map(|n| (*n).to_owned()).collect()
                )
            );
            assert!(plan.removes.iter().all(|m| m.member_id.is_none()));
        }
    }
    let many: Vec<u32> = (0..50).collect();
    let input = present(desired(), Some(actual()), full(&[], &many));
    let notes = plan(&input, &policy(DriftAction::Report, true)).notes;
    assert_eq!(
        (notes.len(), notes[20].as_str()),
        (21, "drift: 30 more members only in AD")
    );
}

#[test]
fn unsorted_lists_remove_nobody_by_mistake() {
    let input = present(
        desired(),
        Some(actual()),
        MemberInput::Full {
            desired: vec![member(3), member(1), member(2), member(1)],
            actual: vec![key(2), key(3), key(1), key(1)],
        },
    );
    assert_eq!(plan_group(&input, &Policy::default()), None);
}
