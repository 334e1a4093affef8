use super::*;

fn set(attribute: &str, old: &[&str], new: &[&str]) -> Change {
    let own = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    Change::SetAttribute {
        attribute: attribute.into(),
        old: own(old),
        new: own(new),
    }
}

#[test]
fn nothing_to_do_is_no_plan() {
    let input = present(desired(), Some(actual()), full(&[1, 2], &[1, 2]));
    assert_eq!(plan_group(&input, &Policy::default()), None);
    let gone = GroupInput {
        wanted: Wanted::Absent {
            reason: AbsentReason::HardDeleted,
            grace_over: true,
        },
        actual: None,
        ..input
    };
    assert_eq!(plan_group(&gone, &Policy::default()), None);
}

#[test]
fn renames_when_the_name_differs_exactly() {
    for (cn, differs) in [("Sales_1", false), ("sales_1", true), ("Other", true)] {
        let input = present(
            DesiredGroup {
                cn: cn.into(),
                ..desired()
            },
            Some(actual()),
            MemberInput::Untouched,
        );
        let rename = Change::RenameGroup {
            old_cn: "Sales_1".into(),
            new_cn: cn.into(),
        };
        let expected = differs.then(|| vec![rename]);
        assert_eq!(
            plan_group(&input, &Policy::default()).map(|p| p.changes),
            expected
        );
    }
    // The name is taken from the DN when `cn` wasn't read.
    let mut without_cn = actual();
    without_cn.attributes.remove("cn");
    let input = present(desired(), Some(without_cn), MemberInput::Untouched);
    assert_eq!(plan_group(&input, &Policy::default()), None);
}

#[test]
fn moves_only_by_a_target_rule_or_back_from_where_it_was_put_away() {
    let elsewhere = |dn: &str| {
        Some(DirectoryGroup {
            dn: dn.into(),
            ..actual()
        })
    };
    let enforced = DesiredGroup {
        enforce_parent: true,
        ..desired()
    };
    let move_from = |old: &str| {
        Some(vec![Change::MoveGroup {
            old_parent: old.into(),
            new_parent: "OU=Groups,DC=x".into(),
        }])
    };
    for (wanted, dn, policy, expected) in [
        (
            desired(),
            "CN=Sales_1,OU=Other,DC=x",
            Policy::default(),
            None,
        ),
        (
            enforced.clone(),
            "CN=Sales_1,OU=Other,DC=x",
            Policy::default(),
            move_from("OU=Other,DC=x"),
        ),
        (
            enforced,
            "cn=Sales_1, ou=groups,dc=X",
            Policy::default(),
            None,
        ),
        (desired(), "CN=Sales_1,OU=Old,DC=x", Policy::default(), None),
        (
            desired(),
            "CN=Sales_1,OU=Old,DC=x",
            when_gone(DeprovisionAction::Move),
            move_from("OU=Old,DC=x"),
        ),
        (
            desired(),
            "CN=Sales_1,OU=Other,DC=x",
            when_gone(DeprovisionAction::Move),
            None,
        ),
    ] {
        let input = present(wanted, elsewhere(dn), MemberInput::Untouched);
        assert_eq!(
            plan_group(&input, &policy).map(|p| p.changes),
            expected,
            "{dn}"
        );
    }
}

#[test]
fn attributes_compare_as_sets_of_exact_texts() {
    let mut wanted = desired();
    wanted.attributes.insert(
        "proxyAddresses".into(),
        vec!["SMTP:a".into(), "smtp:b".into()],
    );
    let mut has = actual();
    has.attributes.insert(
        "PROXYADDRESSES".into(),
        vec!["smtp:b".into(), "SMTP:a".into()],
    );
    has.attributes
        .insert("info".into(), vec!["a note of an administrator".into()]);
    let input = present(wanted.clone(), Some(has.clone()), MemberInput::Untouched);
    assert_eq!(plan_group(&input, &Policy::default()), None);

    has.attributes
        .insert("description".into(), vec!["old".into()]);
    has.attributes
        .insert("displayName".into(), vec!["sales".into()]);
    wanted.sam_account_name = Some("sam".into());
    has.attributes
        .insert("sAMAccountName".into(), vec!["$V31000-U46U2D83SO25".into()]);
    let input = present(wanted, Some(has), MemberInput::Untouched);
    assert_eq!(
        plan(&input, &Policy::default()).changes,
        [
            set("description", &["old"], &[]),
            set("displayName", &["sales"], &["Sales"]),
            set("sAMAccountName", &["$V31000-U46U2D83SO25"], &["sam"]),
        ]
    );
}

#[test]
fn marks_are_completed_first_and_whatever_the_drift_action() {
    let mark = mark(1);
    let taken_over = format!("TakenOver_{mark}");
    let mut has = actual();
    has.attributes
        .insert("adminDescription".into(), vec![taken_over.clone()]);
    has.attributes.remove("msDS-ExternalDirectoryObjectId");
    has.attributes
        .insert("displayName".into(), vec!["Old".into()]);
    let input = present(desired(), Some(has), MemberInput::Untouched);
    let marks = [
        set("adminDescription", &[&taken_over], &[&mark]),
        set("msDS-ExternalDirectoryObjectId", &[], &[&mark]),
    ];
    for drift in [DriftAction::Report, DriftAction::Ignore] {
        assert_eq!(plan(&input, &policy(drift, true)).changes, marks);
    }
    let repaired = plan(&input, &policy(DriftAction::Repair, true));
    assert_eq!(repaired.changes[..2], marks);
    assert_eq!(repaired.changes.len(), 3);
}

#[test]
fn drift_is_repaired_reported_or_ignored_in_full_cycles_only() {
    let mut has = actual();
    has.attributes
        .insert("displayName".into(), vec!["Edited".into()]);
    let input = present(desired(), Some(has), MemberInput::Untouched);
    let repair = vec![set("displayName", &["Edited"], &["Sales"])];
    for (drift, full, changes, notes) in [
        (DriftAction::Repair, true, repair.clone(), 0),
        (DriftAction::Report, false, repair.clone(), 0),
        (DriftAction::Ignore, false, repair, 0),
        (DriftAction::Report, true, vec![], 1),
    ] {
        let plan = plan(&input, &policy(drift, full));
        assert_eq!(
            (plan.changes, plan.notes.len()),
            (changes, notes),
            "{drift:?} {full}"
        );
    }
    assert_eq!(plan_group(&input, &policy(DriftAction::Ignore, true)), None);
}

#[test]
fn a_type_changes_only_where_no_access_is_lost_or_it_was_asked_for() {
    const US: i32 = -2147483640;
    const GS: i32 = -2147483646;
    for (has, wants, explicit, expected, notes) in [
        (8, US, false, Some(US), 0),
        (US, 8, false, None, 1),
        (US, 8, true, Some(8), 0),
        (GS, US, false, None, 1),
        (2, US, false, Some(GS), 1),
        (GS, 8, true, Some(2), 1),
        (2, 8, false, None, 1),
        (8, 8, true, None, 0),
    ] {
        let input = present(
            DesiredGroup {
                group_type: GroupType(wants),
                type_is_explicit: explicit,
                ..desired()
            },
            Some(DirectoryGroup {
                group_type: GroupType(has),
                ..actual()
            }),
            MemberInput::Untouched,
        );
        let plan = plan_group(&input, &Policy::default());
        let changes = plan.as_ref().map(|p| p.changes.clone()).unwrap_or_default();
        let convert = expected.map(|new| Change::ConvertGroup {
            old: GroupType(has),
            new: GroupType(new),
        });
        assert_eq!(changes, Vec::from_iter(convert), "{has} {wants} {explicit}");
        assert_eq!(
            plan.map_or(0, |p| p.notes.len()),
            notes,
            "{has} {wants} {explicit}"
        );
    }
}

#[test]
fn protected_groups_and_groups_of_others_are_never_touched() {
    let other_mark = mark(2);
    let foreign = |name: &str, value: &str| {
        let mut group = actual();
        group
            .attributes
            .retain(|n, _| !n.eq_ignore_ascii_case(name));
        group.attributes.insert(name.into(), vec![value.into()]);
        group
    };
    for untouchable in [
        DirectoryGroup {
            protected: true,
            ..actual()
        },
        DirectoryGroup {
            object_id: id(2),
            ..actual()
        },
        foreign("adminDescription", &other_mark),
        foreign("msds-externaldirectoryobjectid", &other_mark),
        foreign("adminDescription", &format!("TakenOver_{other_mark}")),
    ] {
        let inputs = [
            present(
                DesiredGroup {
                    cn: "New".into(),
                    ..desired()
                },
                Some(untouchable.clone()),
                full(&[1], &[2]),
            ),
            GroupInput {
                actual: Some(untouchable.clone()),
                ..absent(AbsentReason::HardDeleted, full(&[], &[2]))
            },
        ];
        for input in inputs {
            let plan = plan(&input, &when_gone(DeprovisionAction::Delete));
            assert!(plan.is_empty(), "{untouchable:?}");
            assert!(
                plan.notes[0].starts_with("left as it is: it "),
                "{:?}",
                plan.notes
            );
        }
    }
    let misdirected = present(
        DesiredGroup {
            object_id: id(2),
            ..desired()
        },
        None,
        MemberInput::Untouched,
    );
    assert!(plan(&misdirected, &Policy::default()).is_empty());
    // Any other text is no mark, and no reason to leave our group alone.
    let noted = foreign("adminDescription", "Group of the sales people");
    let input = present(desired(), Some(noted), MemberInput::Untouched);
    assert_eq!(plan(&input, &Policy::default()).changes.len(), 1);
}

#[test]
fn each_reason_with_each_action() {
    use AbsentReason::*;
    use DeprovisionAction::*;
    let security = GroupType::UNIVERSAL_SECURITY;
    for reason in [SoftDeleted, OutOfScope, FeatureDisabled, HardDeleted] {
        for action in [
            Freeze,
            Delete,
            ConvertToDistribution,
            RemoveMembers,
            Move,
            Report,
        ] {
            let plan = plan(&absent(reason, full(&[1, 3], &[1, 2])), &when_gone(action));
            let action = if reason == HardDeleted {
                Delete
            } else {
                action
            };
            let (changes, removes, notes) = match action {
                Freeze | Report => (vec![], vec![], 1),
                Delete => (vec![Change::DeleteGroup { reason }], vec![], 0),
                ConvertToDistribution => (
                    vec![Change::ConvertGroup {
                        old: security,
                        new: GroupType(8),
                    }],
                    vec![],
                    0,
                ),
                RemoveMembers => (vec![], keys(&[1, 2]), 0),
                Move => (
                    vec![Change::MoveGroup {
                        old_parent: "OU=Groups,DC=x".into(),
                        new_parent: "OU=Old,DC=x".into(),
                    }],
                    vec![],
                    0,
                ),
            };
            let removed: Vec<_> = plan
                .removes
                .iter()
                .map(|m| m.key.clone().unwrap())
                .collect();
            assert_eq!(
                (&plan.changes, removed, plan.notes.len()),
                (&changes, removes, notes)
            );
            assert!(plan.adds.is_empty());
            assert_eq!(plan.reason, Some(reason));
        }
    }
}

#[test]
fn nothing_happens_during_the_days_of_grace() {
    for reason in [AbsentReason::HardDeleted, AbsentReason::SoftDeleted] {
        let input = GroupInput {
            wanted: Wanted::Absent {
                reason,
                grace_over: false,
            },
            ..absent(reason, full(&[], &[1, 2]))
        };
        let plan = plan(&input, &when_gone(DeprovisionAction::Delete));
        assert!(plan.is_empty());
        assert_eq!(plan.notes.len(), 1);
    }
}

#[test]
fn what_cannot_be_done_is_noted() {
    let noted = |input: &GroupInput, policy: &Policy| {
        let plan = plan(input, policy);
        assert!(plan.is_empty() && plan.notes.len() == 1, "{plan:?}");
    };
    let reason = AbsentReason::OutOfScope;
    noted(
        &absent(reason, MemberInput::Untouched),
        &when_gone(DeprovisionAction::RemoveMembers),
    );
    let nowhere = Policy {
        deprovision_container: None,
        ..when_gone(DeprovisionAction::Move)
    };
    noted(&absent(reason, MemberInput::Untouched), &nowhere);
    let distribution = GroupInput {
        actual: Some(DirectoryGroup {
            group_type: GroupType(8),
            ..actual()
        }),
        ..absent(reason, MemberInput::Untouched)
    };
    noted(
        &distribution,
        &when_gone(DeprovisionAction::ConvertToDistribution),
    );
}
