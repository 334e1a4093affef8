//! The store's behaviour, told over the trait: whatever implements it has to pass. What is SQLite's own is in `file`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod changes;
mod file;
mod full;
mod keys;
mod lease;
mod plans;
mod random;
mod speed;
mod world;

use super::*;
use crate::error::ErrorId;
use crate::model::{GroupType, Sid};
use tempfile::TempDir;

/// The implementation under test.
pub(super) fn make_store(dir: &TempDir) -> Box<dyn Store> {
    Box::new(SqliteStore::open(dir.path(), "Default").unwrap())
}

/// A store with a run under way.
pub(super) struct Fixture {
    pub dir: TempDir,
    pub store: Box<dyn Store>,
    pub lease: Lease,
}

pub(super) fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = make_store(&dir);
    let lease = store.acquire_lease(id(999), "HOST", 1).unwrap();
    Fixture { dir, store, lease }
}

pub(super) fn id(n: u32) -> Guid {
    let mut bytes = [0x11; 16];
    // Spread, so that the order of ids is not that of numbers.
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b1).to_be_bytes());
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    Guid(bytes)
}

pub(super) fn sid(n: u32) -> Sid {
    format!("S-1-5-21-1-2-3-{n}").parse().unwrap()
}

pub(super) fn sid_key(n: u32) -> MemberKey {
    MemberKey::Sid(sid(n))
}

pub(super) fn everything(_: &CloudGroup) -> bool {
    true
}

/// Like the cycle's: synced groups are no sources; one by name is out of scope.
pub(super) fn cloud_only(group: &CloudGroup) -> bool {
    !group.on_premises_sync_enabled && group.display_name.as_deref() != Some("out")
}

pub(super) fn link(text: &str) -> Watermark {
    Watermark {
        link: text.into(),
        select: "id".into(),
        saved_at: 0,
    }
}

pub(super) fn named(group: u32, name: &str) -> GroupChange {
    let mut row = GroupChange::new(id(group));
    row.patch.display_name = Some(Some(name.into()));
    row
}

pub(super) fn removed(group: u32, removal: Removal) -> GroupChange {
    GroupChange {
        removed: Some(removal),
        ..GroupChange::new(id(group))
    }
}

pub(super) fn member(n: u32, removed: bool) -> MemberChange {
    MemberChange {
        id: id(n),
        kind: MemberKind::User,
        removed,
    }
}

pub(super) fn with_members(mut row: GroupChange, add: &[u32], remove: &[u32]) -> GroupChange {
    let add = add.iter().map(|n| member(*n, false));
    row.members = Some(add.chain(remove.iter().map(|n| member(*n, true))).collect());
    row
}

pub(super) fn user(n: u32, sid_of: Option<u32>) -> ObjectChange {
    ObjectChange {
        display_name: Some(Some(format!("user {n}"))),
        sid: Some(sid_of.map(sid)),
        ..ObjectChange::new(id(n), MemberKind::User)
    }
}

pub(super) fn directory_group(n: u32, sid_of: u32) -> DirectoryGroup {
    DirectoryGroup {
        object_id: id(n),
        guid: id(n + 50_000),
        sid: sid(sid_of),
        dn: format!("CN=Group_{n},OU=G,DC=x"),
        group_type: GroupType::UNIVERSAL_SECURITY,
        attributes: [("mail".to_owned(), vec!["a@b".to_owned()])].into(),
        usn_changed: 7,
        member_count: Some(3),
        protected: false,
    }
}

impl Fixture {
    pub fn live(&self, rows: &[GroupChange]) {
        self.store
            .apply_groups(self.lease.fence, Target::Live, rows, &cloud_only, None)
            .unwrap();
    }

    pub fn users(&self, rows: &[ObjectChange]) {
        self.store
            .apply_objects(self.lease.fence, Target::Live, rows, None)
            .unwrap();
    }

    pub fn full(&self, rows: &[GroupChange]) {
        self.store
            .begin_full(self.lease.fence, Feed::Groups)
            .unwrap();
        self.store
            .apply_groups(self.lease.fence, Target::Staging, rows, &cloud_only, None)
            .unwrap();
        self.store
            .finish_full(self.lease.fence, Feed::Groups, &link("full"))
            .unwrap();
    }

    pub fn known(&self, n: u32, sid_of: u32) {
        self.store
            .save_known_groups(self.lease.fence, &[directory_group(n, sid_of)])
            .unwrap();
    }

    /// Begins a plan.
    pub fn plan(&self, n: u32) -> Guid {
        let header = PlanHeader {
            plan_id: id(n),
            configuration: "Default".into(),
            origin: "test".into(),
            policy_type: PolicyType::Delta,
            created: 5,
            replica: "replica".into(),
        };
        self.store.new_plan(self.lease.fence, &header).unwrap();
        id(n)
    }

    /// Plans and exports everything that is pending.
    pub fn settle(&self) {
        let plan = self.plan(700_000 + u32::try_from(clock_tick()).unwrap());
        for group in self.pending() {
            self.store
                .complete_group(self.lease.fence, plan, group.id, &[])
                .unwrap();
        }
        assert!(self.pending().is_empty());
    }

    pub fn pending(&self) -> Vec<PendingGroup> {
        self.store.pending_groups(None, 1000).unwrap()
    }

    pub fn pending_of(&self, group: u32) -> PendingGroup {
        self.store.pending_group(id(group)).unwrap().unwrap()
    }

    /// (member, add, key) of a group, sorted by member number's id.
    pub fn work(&self, group: u32) -> Vec<(Guid, bool, Option<MemberKey>)> {
        let rows = self.store.pending_members(id(group), None, 1000).unwrap();
        rows.into_iter()
            .map(|m| (m.member_id, m.add, m.key))
            .collect()
    }

    pub fn member_ids(&self, group: u32) -> Vec<Guid> {
        self.store
            .members(id(group), None, 10_000)
            .unwrap()
            .into_iter()
            .map(|m| m.member_id)
            .collect()
    }

    pub fn state(&self, group: u32) -> CloudState {
        self.store.cloud_group(id(group)).unwrap().unwrap().state
    }
}

/// Numbers for plan ids.
fn clock_tick() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
