use proptest::prelude::*;

use super::*;
use crate::config::Thresholds;

fn numbers() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(0u32..40, 0..30).prop_map(|s| s.into_iter().collect())
}

fn a_drift() -> impl Strategy<Value = DriftAction> {
    prop::sample::select(vec![
        DriftAction::Repair,
        DriftAction::Report,
        DriftAction::Ignore,
    ])
}

fn a_policy() -> impl Strategy<Value = Policy> {
    let actions = prop::sample::select(vec![
        DeprovisionAction::Freeze,
        DeprovisionAction::Delete,
        DeprovisionAction::ConvertToDistribution,
        DeprovisionAction::RemoveMembers,
        DeprovisionAction::Move,
        DeprovisionAction::Report,
    ]);
    (a_drift(), actions, any::<bool>(), any::<bool>()).prop_map(
        |(drift, deprovision, container, full)| Policy {
            drift,
            deprovision,
            deprovision_container: container.then(|| "OU=Old,DC=x".to_owned()),
            full,
        },
    )
}

fn some_attributes() -> impl Strategy<Value = Attributes> {
    let name = prop::sample::select(vec![
        "displayName",
        "description",
        "mail",
        "proxyAddresses",
        "info",
    ]);
    let values = prop::collection::vec(prop::sample::select(vec!["a", "A", "b", "c"]), 0..3);
    prop::collection::btree_map(name.prop_map(str::to_owned), values, 0..4).prop_map(|m| {
        m.into_iter()
            .map(|(n, v)| (n, v.into_iter().map(str::to_owned).collect()))
            .collect()
    })
}

fn a_type() -> impl Strategy<Value = GroupType> {
    prop::sample::select(vec![8, 2, 4, -2147483640, -2147483646, -2147483644]).prop_map(GroupType)
}

fn a_cn() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["Sales", "sales", "a,b", "#x", "Müller 😀"]).prop_map(str::to_owned)
}

fn a_parent() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "OU=Groups,DC=x",
        "ou=groups,dc=x",
        "OU=Old,DC=x",
        "OU=a\\,b,DC=x",
    ])
    .prop_map(str::to_owned)
}

prop_compose! {
    fn a_desired()(
        cn in a_cn(), parent_dn in a_parent(), enforce_parent in any::<bool>(), group_type in a_type(),
        type_is_explicit in any::<bool>(), sam in prop::option::of(a_cn()), attributes in some_attributes(),
    ) -> DesiredGroup {
        let mut attributes = attributes;
        attributes.insert("adminDescription".into(), vec![mark(1)]);
        attributes.insert("msDS-ExternalDirectoryObjectId".into(), vec![mark(1)]);
        DesiredGroup { cn, parent_dn, enforce_parent, group_type, type_is_explicit, sam_account_name: sam, attributes, ..desired() }
    }
}

prop_compose! {
    fn an_actual()(
        cn in a_cn(), parent in a_parent(), group_type in a_type(), attributes in some_attributes(),
        marks in 0..4, protected in prop::bool::weighted(0.1), foreign in prop::bool::weighted(0.1),
    ) -> DirectoryGroup {
        let mut attributes = attributes;
        attributes.retain(|_, v| !v.is_empty());
        attributes.insert("cn".into(), vec![cn.clone()]);
        let ours = mark(if foreign { 2 } else { 1 });
        if marks != 1 {
            attributes.insert("adminDescription".into(), vec![if marks == 3 { format!("TakenOver_{ours}") } else { ours.clone() }]);
        }
        if marks != 2 {
            attributes.insert("msDS-ExternalDirectoryObjectId".into(), vec![ours]);
        }
        DirectoryGroup { dn: dn::child(&cn, &parent), group_type, attributes, protected, ..actual() }
    }
}

fn member_input() -> impl Strategy<Value = MemberInput> {
    prop_oneof![
        Just(MemberInput::Untouched),
        (numbers(), numbers(), 0u64..50).prop_map(|(adds, removes, count_before)| {
            MemberInput::Changes {
                adds: members(&adds),
                removes: members(&removes),
                count_before,
            }
        }),
        (numbers(), numbers(), prop::collection::vec(60u8..64, 0..3)).prop_map(
            |(wanted, has, later)| {
                let mut desired = members(&wanted);
                desired.extend(later.into_iter().map(keyless));
                MemberInput::Full {
                    desired,
                    actual: keys(&has),
                }
            }
        ),
    ]
}

prop_compose! {
    fn an_input()(
        desired in a_desired(), actual in prop::option::weighted(0.8, an_actual()), members in member_input(),
        absent in prop::option::weighted(0.4, prop::sample::select(vec![
            AbsentReason::SoftDeleted, AbsentReason::HardDeleted, AbsentReason::OutOfScope, AbsentReason::FeatureDisabled,
        ])),
        grace_over in any::<bool>(),
    ) -> GroupInput {
        let wanted = match absent {
            Some(reason) => Wanted::Absent { reason, grace_over },
            None => Wanted::Present(desired),
        };
        GroupInput { object_id: id(1), wanted, actual, members }
    }
}

fn resolved(member: ObjectId) -> MemberKey {
    MemberKey::Guid(member)
}

/// The input of the next run, when the plan has been written.
fn after(input: &GroupInput, plan: &GroupPlan) -> GroupInput {
    let before: BTreeSet<MemberKey> = match &input.members {
        MemberInput::Full { actual, .. } if input.actual.is_some() => {
            actual.iter().cloned().collect()
        }
        _ => BTreeSet::new(),
    };
    let (actual, has) = apply(plan, input.actual.as_ref(), &before, resolved);
    let members = match &input.members {
        MemberInput::Untouched => MemberInput::Untouched,
        MemberInput::Changes { count_before, .. } => MemberInput::Changes {
            adds: vec![],
            removes: vec![],
            count_before: *count_before,
        },
        MemberInput::Full { desired, .. } => {
            let mut desired: Vec<_> = desired
                .iter()
                .map(|m| PlannedMember {
                    key: Some(
                        m.key
                            .clone()
                            .unwrap_or_else(|| resolved(m.member_id.unwrap())),
                    ),
                    member_id: m.member_id,
                })
                .collect();
            desired.sort();
            MemberInput::Full {
                desired,
                actual: has.into_iter().collect(),
            }
        }
    };
    GroupInput {
        actual,
        members,
        ..input.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_planner_applied_to_its_own_result_has_nothing_to_do(input in an_input(), policy in a_policy()) {
        if let Some(plan) = plan_group(&input, &policy) {
            let again = plan_group(&after(&input, &plan), &policy);
            prop_assert!(again.as_ref().is_none_or(GroupPlan::is_empty), "{plan:?}\n{again:?}");
        }
    }

    #[test]
    fn what_must_not_be_touched_is_not(input in an_input(), policy in a_policy()) {
        let Some(plan) = plan_group(&input, &policy) else { return Ok(()) };
        if let Some(actual) = &input.actual {
            let foreign = actual.attributes.values().flatten().any(|v| v.contains(&id(2).to_string()));
            prop_assert!(plan.is_empty() || !actual.protected && !foreign);
        }
        if let Wanted::Absent { grace_over: false, .. } = input.wanted {
            prop_assert!(plan.is_empty());
        }
        if let Wanted::Absent { .. } = input.wanted {
            prop_assert!(plan.adds.is_empty());
            prop_assert!(plan.removes.is_empty() || policy.deprovision == DeprovisionAction::RemoveMembers);
        }
        if input.members == MemberInput::Untouched {
            prop_assert!(plan.adds.is_empty() && plan.removes.is_empty());
        }
        for change in &plan.changes {
            match change {
                Change::DeleteGroup { reason } => {
                    let hard = *reason == AbsentReason::HardDeleted;
                    prop_assert!(hard || policy.deprovision == DeprovisionAction::Delete);
                    prop_assert!(plan.adds.is_empty() && plan.removes.is_empty());
                }
                Change::ConvertGroup { old, new } => {
                    prop_assert_eq!(old.0 & 0xf, new.0 & 0xf, "the scope of a group never changes");
                    if old.is_security() {
                        let asked = match &input.wanted {
                            Wanted::Present(desired) => desired.type_is_explicit,
                            Wanted::Absent { .. } => policy.deprovision == DeprovisionAction::ConvertToDistribution,
                        };
                        prop_assert!(asked);
                    }
                }
                Change::SetAttribute { attribute, .. } => {
                    let Wanted::Present(desired) = &input.wanted else { panic!("{change:?}") };
                    prop_assert!(attribute == "sAMAccountName" || desired.attributes.contains_key(attribute));
                }
                Change::CreateGroup { .. } => prop_assert!(input.actual.is_none()),
                _ => {}
            }
        }
    }

    #[test]
    fn merge_join_is_set_difference(
        wanted in prop::collection::vec(0u32..40, 0..40), has in prop::collection::vec(0u32..40, 0..40),
        drift in a_drift(), shuffled in any::<bool>(),
    ) {
        let mut desired: Vec<_> = wanted.iter().map(|n| member(*n)).collect();
        let mut present_keys: Vec<_> = has.iter().map(|n| key(*n)).collect();
        if !shuffled {
            desired.sort();
            desired.dedup();
            present_keys.sort();
            present_keys.dedup();
        }
        let input = present(super::desired(), Some(actual()), MemberInput::Full { desired, actual: present_keys });
        let plan = plan_group(&input, &policy(drift, true));
        let keys_of = |list: &[PlannedMember]| list.iter().map(|m| m.key.clone().unwrap()).collect::<Vec<_>>();
        let (adds, removes) = plan.map_or((vec![], vec![]), |p| (keys_of(&p.adds), keys_of(&p.removes)));
        let wanted: BTreeSet<_> = wanted.iter().map(|n| key(*n)).collect();
        let has: BTreeSet<_> = has.iter().map(|n| key(*n)).collect();
        prop_assert_eq!(adds, wanted.difference(&has).cloned().collect::<Vec<_>>());
        let extra = if drift == DriftAction::Repair { has.difference(&wanted).cloned().collect() } else { vec![] };
        prop_assert_eq!(removes, extra);
    }

    #[test]
    fn thresholds_hold_for_any_plans(
        inputs in prop::collection::vec(an_input(), 0..30), policy in a_policy(), extra_written in 0u64..40,
        deletion_threshold in 0u32..20, deletion_threshold_percent in 0u8..=100,
        member_removal_threshold in 0u32..20, member_removal_threshold_percent in 0u8..=100, minimum_group_size in 0u32..30,
    ) {
        let limits = Thresholds {
            enabled: true, deletion_threshold, deletion_threshold_percent, member_removal_threshold,
            member_removal_threshold_percent, minimum_group_size,
        };
        let plans: Vec<_> = inputs.iter().filter_map(|i| plan_group(i, &policy)).collect();
        let written = inputs.len() as u64 + extra_written;
        let mut check = ThresholdCheck::new(&limits, written);
        plans.iter().for_each(|p| check.see(p));
        let verdict = check.verdict();

        // Counted in another way: by what the directory would have lost.
        let lost = plans.iter().filter(|p| {
            p.changes.iter().any(|c| match c {
                Change::DeleteGroup { .. } => true,
                Change::ConvertGroup { old, new } => old.0 < 0 && new.0 >= 0,
                _ => false,
            }) || p.reason.is_some() && !p.removes.is_empty()
        }).count() as f64;
        let too_many = lost > f64::from(deletion_threshold)
            || written >= u64::from(minimum_group_size) && lost / (written as f64) > f64::from(deletion_threshold_percent) / 100.0 + 1e-9;
        prop_assert_eq!(verdict.iter().any(|b| matches!(b, Breach::Deletions { .. })), too_many);
        let deleting = |p: &GroupPlan| p.changes.iter().any(|c| matches!(c, Change::DeleteGroup { .. }));
        let stripped = plans.iter().filter(|p| {
            let (removed, before) = (p.removes.len() as f64, (p.count_before as f64).max(p.removes.len() as f64));
            !deleting(p) && (removed > f64::from(member_removal_threshold)
                || before >= f64::from(minimum_group_size) && removed > 0.0
                    && removed / before > f64::from(member_removal_threshold_percent) / 100.0 + 1e-9)
        }).count();
        prop_assert_eq!(verdict.iter().filter(|b| matches!(b, Breach::MemberRemovals { .. })).count(), stripped);
        prop_assert_eq!(check.error().is_some(), !verdict.is_empty());

        let mut off = ThresholdCheck::new(&Thresholds { enabled: false, ..limits }, written);
        plans.iter().for_each(|p| off.see(p));
        prop_assert_eq!(off.verdict(), vec![]);
    }

    #[test]
    fn rows_tell_the_whole_plan(input in an_input(), policy in a_policy(), pick in any::<u64>()) {
        let Some(plan) = plan_group(&input, &policy) else { return Ok(()) };
        let rows: Vec<_> = operations(&plan).collect();
        prop_assert_eq!(rows.len(), plan.changes.len() + plan.adds.len() + plan.removes.len());
        let ids: BTreeSet<_> = rows.iter().map(|r| r.id.clone()).collect();
        prop_assert_eq!(ids.len(), rows.len());
        prop_assert_eq!(plan.restricted_to(|_| true), plan.clone());
        prop_assert!(plan.restricted_to(|_| false).is_empty());
        prop_assert_eq!(summary(&plan) == "Nothing to do", plan.is_empty());
        // What is chosen is what is left, except members of a group that is not created.
        let chosen: BTreeSet<_> = rows.iter().enumerate().filter(|(i, _)| pick >> (i % 64) & 1 == 1).map(|(_, r)| r.id.clone()).collect();
        let left = plan.restricted_to(|id| chosen.contains(id));
        if plan.guid.is_some() {
            let strip = |r: Operation| Operation { id: String::new(), ..r };
            let expected: Vec<_> = rows.into_iter().filter(|r| chosen.contains(&r.id)).map(strip).collect();
            prop_assert_eq!(operations(&left).map(strip).collect::<Vec<_>>(), expected);
        } else {
            prop_assert!(!left.changes.is_empty() || left.is_empty());
        }
    }
}
