use super::*;
use crate::config::Thresholds;
use crate::error::ErrorId;

fn blank() -> GroupPlan {
    GroupPlan {
        object_id: id(1),
        name: "Sales".into(),
        dn: "CN=Sales_1,OU=Groups,DC=x".into(),
        guid: Some(id(100)),
        usn_changed: 7,
        reason: None,
        changes: vec![],
        adds: vec![],
        removes: vec![],
        count_before: 0,
        notes: vec![],
        hands_off: None,
    }
}

fn create() -> Change {
    Change::CreateGroup {
        parent_dn: "OU=Groups,DC=x".into(),
        cn: "Sales_1".into(),
        group_type: GroupType(8),
        sam_account_name: None,
        attributes: Attributes::new(),
    }
}

fn rename() -> Change {
    Change::RenameGroup {
        old_cn: "Old".into(),
        new_cn: "Sales_1".into(),
    }
}

fn set(attribute: &str) -> Change {
    Change::SetAttribute {
        attribute: attribute.into(),
        old: vec![],
        new: vec!["a".into(), "b".into()],
    }
}

fn convert(old: i32, new: i32) -> Change {
    Change::ConvertGroup {
        old: GroupType(old),
        new: GroupType(new),
    }
}

fn delete() -> Change {
    Change::DeleteGroup {
        reason: AbsentReason::HardDeleted,
    }
}

const SECURITY: i32 = -2147483640;

#[test]
fn summaries() {
    let many = |n: u32| (0..n).map(member).collect::<Vec<_>>();
    let of = |changes: Vec<Change>, adds: u32, removes: u32| {
        summary(&GroupPlan {
            changes,
            adds: many(adds),
            removes: many(removes),
            ..blank()
        })
    };
    assert_eq!(of(vec![create()], 12, 0), "Create with 12 members");
    assert_eq!(of(vec![create()], 1, 0), "Create with 1 member");
    assert_eq!(of(vec![create()], 0, 0), "Create");
    assert_eq!(
        of(vec![rename(), set("a"), set("b")], 12, 3),
        "Rename; set 2 attributes; add 12, remove 3 members"
    );
    assert_eq!(of(vec![], 12, 3), "Add 12, remove 3 members");
    assert_eq!(of(vec![], 0, 1), "Remove 1 member");
    assert_eq!(of(vec![set("a")], 0, 0), "Set 1 attribute");
    assert_eq!(of(vec![delete()], 0, 0), "Delete");
    assert_eq!(
        of(vec![convert(SECURITY, 8)], 0, 0),
        "Convert to distribution"
    );
    assert_eq!(
        of(vec![convert(8, SECURITY)], 2, 0),
        "Convert to security; add 2 members"
    );
    assert_eq!(of(vec![], 0, 0), "Nothing to do");
}

#[test]
fn totals() {
    let mut totals = Totals::default();
    for plan in [
        GroupPlan {
            changes: vec![create()],
            adds: vec![member(1), member(2)],
            ..blank()
        },
        GroupPlan {
            changes: vec![rename(), set("a"), set("b")],
            removes: vec![member(3)],
            ..blank()
        },
        GroupPlan {
            changes: vec![convert(8, SECURITY)],
            ..blank()
        },
        GroupPlan {
            changes: vec![delete()],
            ..blank()
        },
    ] {
        totals.add(&plan);
    }
    let expected = Totals {
        creates: 1,
        updates: 1,
        renames: 1,
        converts: 1,
        deletes: 1,
        member_adds: 2,
        member_removals: 1,
    };
    assert_eq!(totals, expected);
}

#[test]
fn rows() {
    let plan = GroupPlan {
        changes: vec![rename(), set("mail"), convert(SECURITY, 8)],
        adds: vec![keyless(5)],
        removes: vec![
            PlannedMember {
                key: Some(key(3)),
                member_id: None,
            },
            member(4),
        ],
        ..blank()
    };
    let rows: Vec<_> = operations(&plan)
        .map(|r| {
            (
                r.action,
                r.attribute,
                r.old_value,
                r.new_value,
                r.member_dn,
                r.reason,
                r.severity,
            )
        })
        .collect();
    let s = |t: &str| Some(t.to_owned());
    assert_eq!(
        rows,
        [
            (
                "RenameGroup",
                s("cn"),
                s("Old"),
                s("Sales_1"),
                None,
                "CloudChange",
                Severity::Warning
            ),
            (
                "SetAttribute",
                s("mail"),
                None,
                s("a; b"),
                None,
                "CloudChange",
                Severity::Information
            ),
            (
                "ConvertGroup",
                s("groupType"),
                s("-2147483640"),
                s("8"),
                None,
                "CloudChange",
                Severity::Critical
            ),
            (
                "AddMember",
                None,
                None,
                None,
                None,
                "CloudChange",
                Severity::Information
            ),
            (
                "RemoveMember",
                None,
                None,
                None,
                s("<SID=S-1-5-21-1-2-3-3>"),
                "OnlyInDirectory",
                Severity::Warning
            ),
            (
                "RemoveMember",
                None,
                None,
                None,
                s("<GUID=04040404-0404-0404-0404-040404040404>"),
                "CloudChange",
                Severity::Warning
            ),
        ]
    );
    let gone = GroupPlan {
        reason: Some(AbsentReason::OutOfScope),
        removes: vec![PlannedMember {
            key: Some(key(3)),
            member_id: None,
        }],
        ..blank()
    };
    assert_eq!(
        operations(&gone).map(|r| r.reason).collect::<Vec<_>>(),
        ["OutOfScope"]
    );
    let json = serde_json::to_value(operations(&gone).next()).unwrap();
    assert_eq!(json["GroupDN"], "CN=Sales_1,OU=Groups,DC=x");
    assert_eq!(json["MemberDN"], "<SID=S-1-5-21-1-2-3-3>");
    assert_eq!(json["Id"], "01010101-0101-0101-0101-010101010101:0");
}

#[test]
fn members_are_not_added_to_a_group_whose_creation_was_not_chosen() {
    let plan = GroupPlan {
        guid: None,
        changes: vec![create()],
        adds: vec![member(1)],
        ..blank()
    };
    let creation = operations(&plan).next().unwrap().id;
    assert!(plan.restricted_to(|id| id != creation).is_empty());
    assert_eq!(plan.restricted_to(|id| id == creation).changes.len(), 1);
}

fn limits() -> Thresholds {
    Thresholds {
        enabled: true,
        deletion_threshold: 5,
        deletion_threshold_percent: 20,
        member_removal_threshold: 100,
        member_removal_threshold_percent: 50,
        minimum_group_size: 20,
    }
}

fn deletions(limits: &Thresholds, written: u64, plans: usize, plan: &GroupPlan) -> Option<Limit> {
    let mut check = ThresholdCheck::new(limits, written);
    (0..plans).for_each(|_| check.see(plan));
    check.verdict().into_iter().find_map(|b| match b {
        Breach::Deletions { limit, .. } => Some(limit),
        Breach::MemberRemovals { .. } => None,
    })
}

#[test]
fn deletions_are_limited_by_count_and_share() {
    let deleted = GroupPlan {
        changes: vec![delete()],
        ..blank()
    };
    let disarmed = GroupPlan {
        changes: vec![convert(SECURITY, 8)],
        ..blank()
    };
    let emptied = GroupPlan {
        reason: Some(AbsentReason::OutOfScope),
        removes: vec![member(1)],
        ..blank()
    };
    for lost in [&deleted, &disarmed, &emptied] {
        assert_eq!(deletions(&limits(), 1000, 5, lost), None);
        assert_eq!(deletions(&limits(), 1000, 6, lost), Some(Limit::Count(5)));
        assert_eq!(deletions(&limits(), 20, 4, lost), None);
        assert_eq!(deletions(&limits(), 20, 5, lost), Some(Limit::Percent(20)));
        assert_eq!(
            deletions(&limits(), 19, 5, lost),
            None,
            "below the minimum size"
        );
        assert_eq!(
            deletions(
                &Thresholds {
                    enabled: false,
                    ..limits()
                },
                20,
                20,
                lost
            ),
            None
        );
    }
    let kept = GroupPlan {
        changes: vec![rename(), convert(8, SECURITY)],
        removes: vec![member(1)],
        ..blank()
    };
    assert_eq!(deletions(&limits(), 20, 20, &kept), None);
}

#[test]
fn member_removals_are_limited_by_group() {
    let removing = |removed: u32, count_before: u64| GroupPlan {
        removes: (0..removed)
            .map(|n| PlannedMember {
                key: Some(key(n)),
                member_id: None,
            })
            .collect(),
        count_before,
        ..blank()
    };
    let limit_of = |plan: &GroupPlan| {
        let mut check = ThresholdCheck::new(&limits(), 1000);
        check.see(plan);
        check.verdict().into_iter().find_map(|b| match b {
            Breach::MemberRemovals { limit, .. } => Some(limit),
            Breach::Deletions { .. } => None,
        })
    };
    assert_eq!(limit_of(&removing(100, 1000)), None);
    assert_eq!(limit_of(&removing(101, 1000)), Some(Limit::Count(100)));
    assert_eq!(limit_of(&removing(10, 20)), None);
    assert_eq!(limit_of(&removing(11, 20)), Some(Limit::Percent(50)));
    assert_eq!(limit_of(&removing(19, 19)), None, "below the minimum size");
    assert_eq!(
        limit_of(&removing(30, 0)),
        Some(Limit::Percent(50)),
        "an unknown count is no excuse"
    );
    let with_deletion = GroupPlan {
        changes: vec![delete()],
        ..removing(1000, 1000)
    };
    assert_eq!(limit_of(&with_deletion), None, "counts as a deletion only");
    let emptied = GroupPlan {
        reason: Some(AbsentReason::OutOfScope),
        ..removing(20, 20)
    };
    assert_eq!(limit_of(&emptied), Some(Limit::Percent(50)));
}

#[test]
fn the_error_names_the_breaches() {
    let mut check = ThresholdCheck::new(&limits(), 100);
    assert!(check.error().is_none());
    let removes: Vec<_> = (0..30).map(member).collect();
    check.see(&GroupPlan {
        removes: removes.clone(),
        count_before: 40,
        ..blank()
    });
    let error = check.error().unwrap();
    assert_eq!(error.id, ErrorId::MemberRemovalThresholdExceeded);
    assert_eq!(
        error.message,
        "30 of 40 members would be removed from \"Sales\" (01010101-0101-0101-0101-010101010101); the limit is 50 %."
    );
    assert_eq!(error.target, Some(id(1).to_string()));
    (0..6).for_each(|_| {
        check.see(&GroupPlan {
            changes: vec![delete()],
            ..blank()
        })
    });
    (0..12).for_each(|_| {
        check.see(&GroupPlan {
            removes: removes.clone(),
            count_before: 40,
            ..blank()
        })
    });
    let error = check.error().unwrap();
    assert_eq!(error.id, ErrorId::DeletionThresholdExceeded);
    assert!(error.message.starts_with(
        "6 of 100 written groups would be deleted or lose their access; the limit is 5.\n"
    ));
    assert!(
        error.message.ends_with("\nand 4 more groups"),
        "{}",
        error.message
    );
    assert_eq!(check.verdict()[0].id(), ErrorId::DeletionThresholdExceeded);
}
