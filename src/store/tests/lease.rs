//! One writer at a time, within a process and across processes; runs and their end.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

pub(super) fn run_header(n: u32) -> RunHeader {
    RunHeader {
        run_id: id(n),
        configuration: "Default".into(),
        policy_type: PolicyType::Delta,
        started: 1_000,
        server: "dc1.contoso.test".into(),
    }
}

pub(super) fn run_end() -> RunEnd {
    RunEnd {
        result: RunOutcome::Success,
        ended: 2_000,
        plan_id: Some(id(3)),
        counts: RunCounts {
            created: 4,
            ..RunCounts::default()
        },
        steps: vec![RunStep {
            step_number: 1,
            name: "Import".into(),
            result: RunOutcome::Success,
            started: 1_000,
            ended: Some(1_500),
            done: 9,
        }],
        message: None,
    }
}

#[test]
fn a_second_session_is_told_who_is_busy() {
    let f = fixture();
    let other = make_store(&f.dir);
    for store in [&f.store, &other] {
        let refused = store.acquire_lease(id(2), "OTHER", 2).unwrap_err();
        assert_eq!(refused.id, ErrorId::SyncCycleAlreadyRunning);
        assert!(
            refused.message.contains("is busy") && refused.message.contains("HOST"),
            "{refused}"
        );
        assert!(refused.message.contains("since 20"), "{refused}");
    }
    let first = f.lease.fence;
    drop(f.lease);
    let lease = other.acquire_lease(id(2), "OTHER", 2).unwrap();
    assert!(lease.fence > first);
}

#[test]
fn a_run_without_its_lease_can_write_nothing() {
    let f = fixture();
    let old = f.lease.fence;
    let lost = |r: Result<()>, word: &str| {
        let error = r.unwrap_err();
        assert_eq!(error.id, ErrorId::LeaseLost);
        assert!(error.message.contains(word), "{error}");
    };
    drop(f.lease);
    lost(f.store.set_meta(Some(old), "a", Some("b")), "given up");
    let new = f.store.acquire_lease(id(2), "THIRD", 2).unwrap();
    let plan = PlanHeader {
        plan_id: id(1),
        configuration: String::new(),
        origin: String::new(),
        policy_type: PolicyType::Delta,
        created: 0,
        replica: String::new(),
    };
    let (run, end, none, totals) = (
        run_header(1),
        run_end(),
        serde_json::Value::Null,
        PlanTotals::default(),
    );
    let s = &f.store;
    let writes: Vec<Result<()>> = vec![
        s.set_meta(Some(old), "a", None),
        s.begin_run(old, &run),
        s.progress(old, id(1), "x", 0, None),
        s.end_run(old, id(1), &end),
        s.clear_watermark(old, Feed::Groups),
        s.begin_full(old, Feed::Groups),
        s.apply_groups(old, Target::Live, &[named(1, "a")], &everything, None),
        s.apply_groups(old, Target::Staging, &[named(1, "a")], &everything, None),
        s.apply_objects(old, Target::Live, &[user(1, None)], None),
        s.finish_full(old, Feed::Groups, &link("a")),
        s.replace_members(old, id(1), &[]),
        s.set_cloud_state(old, id(1), CloudState::Active),
        s.set_resolutions(old, &[]),
        s.mark_pending(old, &[id(1)], true),
        s.complete_group(old, id(1), id(1), &[]),
        s.complete_groups(old, id(1), &[]),
        s.fail_group(old, id(1), ""),
        s.save_known_groups(old, &[directory_group(1, 1)]),
        s.forget_known_group(old, id(1)),
        s.record_skipped(old, &[]),
        s.new_plan(old, &plan),
        s.add_group_plans(old, id(1), &[]),
        s.add_plan_members(old, id(1), id(1), Direction::Add, &[]),
        s.finish_plan(old, id(1), &totals, true, PlanState::Ready, &none),
        s.set_plan_state(old, id(1), PlanState::Stale),
        s.set_change_status(old, id(1), id(1), 0, OperationStatus::Applied, None),
        s.set_member_status(
            old,
            id(1),
            id(1),
            Direction::Add,
            Ordinals::All,
            OperationStatus::Applied,
            None,
        ),
        s.purge(old, 1, 1),
    ];
    for result in writes {
        lost(result, "THIRD");
    }
    assert!(
        s.cloud_groups(None, 1).unwrap().is_empty()
            && s.pending_groups(None, 1).unwrap().is_empty()
    );
    s.set_meta(Some(new.fence), "a", Some("b")).unwrap();
    assert_eq!(s.meta("a").unwrap().as_deref(), Some("b"));
}

#[test]
fn runs_are_seen_from_everywhere() {
    let f = fixture();
    let other = make_store(&f.dir);
    assert_eq!(other.running().unwrap(), None);
    let run = run_header(1);
    f.store.begin_run(f.lease.fence, &run).unwrap();
    f.store
        .progress(f.lease.fence, id(1), "Export", 3, Some(9))
        .unwrap();
    let seen = other.running().unwrap().unwrap();
    assert_eq!(
        (seen.header, seen.host.as_str(), seen.pid),
        (run, "HOST", 1)
    );
    assert_eq!(
        (seen.phase.as_str(), seen.done, seen.total),
        ("Export", 3, Some(9))
    );

    assert!(!f.store.cancel_requested(id(1)).unwrap() && !other.request_cancel(id(77)).unwrap());
    assert!(other.request_cancel(id(1)).unwrap());
    assert!(f.store.cancel_requested(id(1)).unwrap());
    assert!(other.running().unwrap().unwrap().cancel_requested);
    assert_eq!(other.run(id(1)).unwrap().unwrap().end, None);

    f.store.end_run(f.lease.fence, id(1), &run_end()).unwrap();
    assert_eq!(other.running().unwrap(), None);
    assert!(!other.request_cancel(id(1)).unwrap());
    assert_eq!(other.run(id(1)).unwrap().unwrap().end, Some(run_end()));
    assert_eq!(other.runs(10).unwrap().len(), 1);
    let unknown = f
        .store
        .end_run(f.lease.fence, id(5), &run_end())
        .unwrap_err();
    assert_eq!(unknown.id, ErrorId::InvalidArgument);
}

#[test]
fn many_who_look_are_not_taken_for_a_holder() {
    let f = fixture();
    f.store.begin_run(f.lease.fence, &run_header(1)).unwrap();
    drop(f.lease);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let store = make_store(&f.dir);
                for _ in 0..30 {
                    store.running().unwrap();
                }
            });
        }
        for n in 10..20 {
            f.store.acquire_lease(id(n), "H", 1).unwrap();
        }
    });
}

/// Not a test of its own: the other process of the one below.
#[test]
#[ignore = "a helper that another test starts"]
fn helper_that_holds_the_lease() {
    let Ok(dir) = std::env::var("GWB_TEST_STORE_DIR") else {
        return;
    };
    let store = SqliteStore::open(std::path::Path::new(&dir), "Default").unwrap();
    let lease = store
        .acquire_lease(id(1), "CHILD", std::process::id())
        .unwrap();
    store.begin_run(lease.fence, &run_header(1)).unwrap();
    store
        .progress(lease.fence, id(1), "Export", 1, None)
        .unwrap();
    // Half of a full read and half of a transaction are under way when it is killed.
    store.begin_full(lease.fence, Feed::Groups).unwrap();
    store
        .apply_groups(
            lease.fence,
            Target::Staging,
            &[named(5, "five")],
            &everything,
            None,
        )
        .unwrap();
    let never_ends = |group: &CloudGroup| {
        if group.display_name.as_deref() == Some("last") {
            writeln!(std::io::stderr(), "ready").unwrap();
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        true
    };
    let rows = [
        with_members(named(1, "changed"), &[11], &[10]),
        named(2, "last"),
    ];
    store
        .apply_groups(
            lease.fence,
            Target::Live,
            &rows,
            &never_ends,
            Some(&link("lost")),
        )
        .unwrap();
}

#[test]
fn a_killed_process_leaves_all_or_nothing_and_no_lease() {
    let f = fixture();
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    f.settle();
    drop(f.lease);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::tests::lease::helper_that_holds_the_lease",
            "--ignored",
            "--nocapture",
        ])
        .env("GWB_TEST_STORE_DIR", f.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap() == "ready"));
    let store = make_store(&f.dir);
    let seen = store.running().unwrap().unwrap();
    assert_eq!((seen.host.as_str(), seen.pid), ("CHILD", child.id()));
    let refused = store.acquire_lease(id(2), "ME", 2).unwrap_err();
    assert!(refused.message.contains("CHILD"), "{refused}");

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(store.running().unwrap(), None);
    let end = store.run(id(1)).unwrap().unwrap().end.unwrap();
    assert_eq!(end.result, RunOutcome::Failed);
    assert!(end.message.unwrap().contains("CHILD"));
    let lease = store.acquire_lease(id(2), "ME", 2).unwrap();
    let one = store.cloud_group(id(1)).unwrap().unwrap();
    assert_eq!(one.group.display_name.as_deref(), Some("one"));
    assert_eq!(store.members(id(1), None, 9).unwrap()[0].member_id, id(10));
    assert!(store.pending_groups(None, 9).unwrap().is_empty());
    assert_eq!(store.watermark(Feed::Groups).unwrap(), None);
    assert!(store.cloud_group(id(5)).unwrap().is_none());
    store.begin_full(lease.fence, Feed::Groups).unwrap();
    store
        .finish_full(lease.fence, Feed::Groups, &link("x"))
        .unwrap();
    assert!(
        store.cloud_group(id(5)).unwrap().is_none(),
        "what was staged before doesn't count"
    );
}
