//! Figures, on demand: `cargo test --release --lib store::tests::speed -- --ignored --nocapture`.
//! `GWB_SPEED_MEMBERS` sets the number of memberships (5,000,000 by default).

use std::io::Write;
use std::time::Instant;

use super::*;

const PER_GROUP: u32 = 100;
const GROUPS_PER_PAGE: u32 = 1000;

/// Tests must not print by macro (lints), and these are read by people.
fn say(text: String) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}

fn timed<T>(what: &str, rows: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    say(format!(
        "{what:<48} {seconds:>8.2} s {:>12.0} rows/s  {}",
        rows as f64 / seconds,
        memory()
    ));
    result
}

/// Most memory used so far, where /proc tells.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap_or_default()
        .replace('\t', " ")
}

/// A random id, always the same for a number.
fn random_id(n: u64) -> Guid {
    let mix = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let (a, b) = (mix(n), mix(n ^ 0x9e37_79b9_7f4a_7c15));
    Guid(((u128::from(a) << 64) | u128::from(b)).to_be_bytes())
}

fn user_id(n: u64) -> Guid {
    random_id((1 << 40) | n)
}

fn page(first: u32, users: u64) -> Vec<GroupChange> {
    (first..first + GROUPS_PER_PAGE)
        .map(|g| {
            let mut row = GroupChange::new(random_id(u64::from(g)));
            row.patch.display_name = Some(Some(format!("Group number {g}")));
            row.patch.mail = Some(Some(format!("group{g}@contoso.example")));
            row.patch.mail_nickname = Some(Some(format!("group{g}")));
            row.patch.proxy_addresses = Some(vec![format!("SMTP:group{g}@contoso.example")]);
            row.patch.group_types = Some(vec!["Unified".into()]);
            let member = |m: u32| MemberChange {
                id: user_id((u64::from(g) * 7919 + u64::from(m) * 104_729) % users),
                kind: MemberKind::User,
                removed: false,
            };
            row.members = Some((0..PER_GROUP).map(member).collect());
            row
        })
        .collect()
}

#[test]
#[ignore = "takes minutes; for figures"]
fn five_million_memberships() {
    let memberships: u32 = std::env::var("GWB_SPEED_MEMBERS")
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(5_000_000);
    let groups = memberships / PER_GROUP;
    let users = u64::from(memberships / 20);
    let f = fixture();
    let fence = f.lease.fence;
    let database = f.dir.path().join("Default.db");
    let size = |what: &str| {
        let of = |p: &std::path::Path| std::fs::metadata(p).map_or(0, |m| m.len() >> 20);
        say(format!(
            "  {what}: {} MiB, journal {} MiB",
            of(&database),
            of(&f.dir.path().join("Default.db-wal"))
        ));
    };

    let user_rows = |from: u64, to: u64| -> Vec<ObjectChange> {
        (from..to)
            .map(|n| ObjectChange {
                display_name: Some(Some(format!("User number {n}"))),
                sid: Some(Some(sid(u32::try_from(n).unwrap()))),
                ..ObjectChange::new(user_id(n), MemberKind::User)
            })
            .collect()
    };
    let import_users = |label: &str| {
        timed(label, users, || {
            f.store.begin_full(fence, Feed::Users).unwrap();
            for from in (0..users).step_by(999) {
                f.store
                    .apply_objects(
                        fence,
                        Target::Staging,
                        &user_rows(from, users.min(from + 999)),
                        None,
                    )
                    .unwrap();
            }
            f.store.finish_full(fence, Feed::Users, &link("u")).unwrap();
        });
    };
    let f2 = fixture();
    timed(
        "first changes of an empty store, 100,000 members",
        100_000,
        || {
            let rows = page(0, users);
            f2.store
                .apply_groups(f2.lease.fence, Target::Live, &rows, &everything, None)
                .unwrap();
        },
    );
    import_users("users, full");
    let import_groups = |label: &str| {
        f.store.begin_full(fence, Feed::Groups).unwrap();
        timed(
            &format!("{label}: pages of 1,000 groups, 100,000 members"),
            u64::from(memberships),
            || {
                for first in (0..groups).step_by(GROUPS_PER_PAGE as usize) {
                    let rows = page(first, users);
                    f.store
                        .apply_groups(fence, Target::Staging, &rows, &everything, None)
                        .unwrap();
                }
            },
        );
        size("staged");
        timed(&format!("{label}: swap"), u64::from(memberships), || {
            f.store
                .finish_full(fence, Feed::Groups, &link("g"))
                .unwrap();
        });
        size("swapped");
    };
    import_groups("groups, full");
    timed("all members read by group", u64::from(memberships), || {
        for g in 0..groups {
            assert_eq!(
                f.store
                    .members(random_id(u64::from(g)), None, 10_000)
                    .unwrap()
                    .len(),
                PER_GROUP as usize
            );
        }
    });
    import_users("users, full again");
    timed("plan: 250,000 members in one group", 250_000, || {
        let plan = f.plan(1);
        let members: Vec<_> = (0..250_000)
            .map(|n| PlannedMember {
                key: Some(sid_key(n)),
                member_id: Some(random_id(u64::from(n))),
            })
            .collect();
        let group = super::plans::group_plan(1, 0, 0);
        f.store.add_group_plans(fence, plan, &[group]).unwrap();
        for chunk in members.chunks(10_000) {
            f.store
                .add_plan_members(fence, plan, id(1), Direction::Add, chunk)
                .unwrap();
        }
    });
    let plan = f.plan(2);
    timed(
        "pending cleared, 500 groups a transaction",
        u64::from(groups),
        || {
            let all: Vec<_> = (0..groups).map(|g| random_id(u64::from(g))).collect();
            for chunk in all.chunks(500) {
                f.store.complete_groups(fence, plan, chunk).unwrap();
            }
        },
    );
    timed("one member changed, one transaction", 1, || {
        let mut row = page(0, users).remove(0);
        row.members = Some(vec![MemberChange {
            id: random_id(7),
            kind: MemberKind::User,
            removed: false,
        }]);
        f.store
            .apply_groups(fence, Target::Live, &[row], &everything, None)
            .unwrap();
    });
    let rows = page(groups, users);
    timed(
        "changes: 1,000 new groups, 100,000 members",
        100_000,
        || {
            f.store
                .apply_groups(fence, Target::Live, &rows, &everything, None)
                .unwrap();
        },
    );
    timed(
        "changes: 100,000 members into settled groups",
        100_000,
        || {
            let mut rows = page(0, users);
            for (g, row) in (0u32..).zip(&mut rows) {
                for (m, member) in (0u32..).zip(row.members.iter_mut().flatten()) {
                    member.id = user_id(u64::from(g * 31 + m * 7 + 1_000_003) % users);
                }
            }
            f.store
                .apply_groups(fence, Target::Live, &rows, &everything, None)
                .unwrap();
        },
    );
    import_groups("groups, full again");
}
