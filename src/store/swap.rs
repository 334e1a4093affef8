//! The end of a full read: what was staged becomes the cache, in one transaction.

use rusqlite::params;

use super::groups::{self, Generation};
use super::import::save_watermark;
use super::sql::{Outcome, Tx, collect, first, run};
use super::{Feed, ObjectChange, Watermark, objects};
use crate::model::{CloudState, MemberKind, ObjectId};

/// Objects compared at a time.
const PAGE: i64 = 4096;

pub(super) fn begin(tx: &Tx<'_>, feed: Feed) -> Outcome<()> {
    match feed {
        Feed::Groups => {
            tx.c.execute_batch("DELETE FROM stage_groups; DELETE FROM stage_members")?
        }
        Feed::Users | Feed::Devices => {
            run(tx.c, "DELETE FROM stage_objects WHERE feed = ?", [feed])?;
        }
    }
    Ok(())
}

pub(super) fn finish(tx: &Tx<'_>, feed: Feed, watermark: &Watermark) -> Outcome<()> {
    match feed {
        Feed::Groups => finish_groups(tx)?,
        Feed::Users => finish_objects(tx, feed, MemberKind::User)?,
        Feed::Devices => finish_objects(tx, feed, MemberKind::Device)?,
    }
    save_watermark(tx, feed, watermark)
}

fn finish_groups(tx: &Tx<'_>) -> Outcome<()> {
    keep_unlisted(tx)?;
    mend_staged(tx)?;
    // The old members go with their index; the new ones get theirs at once, which is far cheaper than row by row.
    tx.c.execute_batch(
        "DELETE FROM groups;
         INSERT INTO groups SELECT * FROM stage_groups ORDER BY id;
         DELETE FROM stage_groups;
         DROP TABLE members;
         ALTER TABLE stage_members RENAME TO members;
         CREATE INDEX members_by_member ON members (member_id);
         CREATE TABLE stage_members (group_id BLOB NOT NULL, member_id BLOB NOT NULL, kind INTEGER NOT NULL,
             PRIMARY KEY (group_id, member_id)) WITHOUT ROWID, STRICT;",
    )?;
    groups_as_objects(tx)?;
    everything_pending(tx)
}

/// Groups that the read didn't list: no reason to delete anything, but to ask.
fn keep_unlisted(tx: &Tx<'_>) -> Outcome<()> {
    run(
        tx.c,
        "INSERT INTO stage_groups (id, state, since, listed, readable, in_scope, complete, name, sid, data)
         SELECT id, state, since, state = ?1, readable, in_scope, complete, name, sid, data FROM groups g
         WHERE NOT EXISTS (SELECT 1 FROM stage_groups s WHERE s.id = g.id)
         AND (state = ?2 OR EXISTS (SELECT 1 FROM known_groups k WHERE k.id = g.id))",
        params![CloudState::HardDeleted, CloudState::Active],
    )?;
    run(
        tx.c,
        "INSERT OR IGNORE INTO stage_members SELECT m.group_id, m.member_id, m.kind FROM stage_groups s
         CROSS JOIN members m ON m.group_id = s.id WHERE s.listed = 0",
        [],
    )?;
    let written_only = collect(
        tx.c,
        "SELECT id FROM known_groups k WHERE NOT EXISTS (SELECT 1 FROM stage_groups s WHERE s.id = k.id)",
        [],
        |r| Ok(r.get::<_, ObjectId>(0)?),
    )?;
    for id in written_only {
        let mut row = groups::fresh(id, tx.now);
        row.listed = false;
        groups::save(tx, Generation::Staged, &row)?;
    }
    Ok(())
}

/// Takes from the old generation what the new one doesn't know better.
fn mend_staged(tx: &Tx<'_>) -> Outcome<()> {
    let unreadable = collect(
        tx.c,
        "SELECT id FROM stage_groups WHERE readable = 0 AND listed = 1",
        [],
        |r| Ok(r.get::<_, ObjectId>(0)?),
    )?;
    for id in unreadable {
        let Some(mut row) = groups::load(tx.c, Generation::Staged, id)? else {
            continue;
        };
        if row.group.display_name.is_none()
            && let Some(old) = groups::load(tx.c, Generation::Live, id)?
        {
            row.group = old.group;
            row.in_scope = old.in_scope;
        }
        // Its members may be hidden just as well; they are read by themselves once it is readable.
        row.members_complete = false;
        groups::save(tx, Generation::Staged, &row)?;
    }
    tx.c.execute_batch(
        "UPDATE stage_groups SET since = o.since FROM groups o
           WHERE o.id = stage_groups.id AND o.state = stage_groups.state;
         DELETE FROM stage_members WHERE group_id IN (SELECT id FROM stage_groups
           WHERE in_scope = 0 AND complete = 1 AND listed = 1 AND state = 0);
         UPDATE stage_groups SET complete = 0 WHERE in_scope = 0 AND complete = 1 AND listed = 1 AND state = 0;
         DELETE FROM stage_groups WHERE state = 2
           AND NOT EXISTS (SELECT 1 FROM known_groups k WHERE k.id = stage_groups.id);",
    )?;
    Ok(())
}

/// Groups are members too. No single key change is recorded here, for all groups are about to be compared in full.
fn groups_as_objects(tx: &Tx<'_>) -> Outcome<()> {
    tx.c.execute_batch(
        "INSERT INTO objects (id, kind, name, sid, readable, removed)
           SELECT id, 1, name, sid, 1, 0 FROM groups WHERE readable = 1 AND state <> 2
           ON CONFLICT (id) DO UPDATE SET kind = 1, name = excluded.name,
             resolution = iif(sid IS excluded.sid, resolution, 0), key = iif(sid IS excluded.sid, key, NULL),
             sid = excluded.sid, readable = 1, removed = 0;
         INSERT INTO objects (id, kind, name, sid, readable, removed)
           SELECT id, 1, name, sid, 0, 0 FROM groups WHERE readable = 0 AND state <> 2
           ON CONFLICT (id) DO UPDATE SET readable = 0, removed = 0;
         UPDATE objects SET removed = 1 WHERE kind = 1
           AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = objects.id AND g.state <> 2);
         DELETE FROM objects WHERE removed = 1
           AND NOT EXISTS (SELECT 1 FROM members m WHERE m.member_id = objects.id);
         DELETE FROM unknown_members;
         INSERT INTO unknown_members (id, kind)
           SELECT id, (SELECT kind FROM members m WHERE m.member_id = d.id LIMIT 1)
           FROM (SELECT DISTINCT member_id AS id FROM members) d
           WHERE NOT EXISTS (SELECT 1 FROM objects o WHERE o.id = d.id);
         DELETE FROM skipped_members WHERE group_id NOT IN (SELECT id FROM groups);",
    )?;
    Ok(())
}

fn everything_pending(tx: &Tx<'_>) -> Outcome<()> {
    tx.c.execute_batch(
        "DELETE FROM pending_members;
         DELETE FROM pending_groups WHERE id NOT IN
           (SELECT id FROM groups WHERE in_scope = 1 AND state = 0 UNION SELECT id FROM known_groups);",
    )?;
    run(
        tx.c,
        "INSERT INTO pending_groups (id, attr_seq, verify_seq, since)
         SELECT id, ?1, ?1, ?2 FROM (SELECT id FROM groups WHERE in_scope = 1 AND state = 0
           UNION SELECT id FROM known_groups) WHERE true
         ON CONFLICT (id) DO UPDATE SET attr_seq = excluded.attr_seq, verify_seq = excluded.verify_seq",
        params![tx.seq()?, tx.now],
    )?;
    Ok(())
}

fn finish_objects(tx: &Tx<'_>, feed: Feed, kind: MemberKind) -> Outcome<()> {
    // The first full read: all groups wait for a full comparison anyway, or there are none yet. New objects then go
    // in at once, without looking for the groups of each.
    let not_waiting = "SELECT 1 FROM groups g
        WHERE (in_scope = 1 AND state = 0 OR EXISTS (SELECT 1 FROM known_groups k WHERE k.id = g.id))
        AND NOT EXISTS (SELECT 1 FROM pending_groups p WHERE p.id = g.id AND p.verify_seq > 0) LIMIT 1";
    if first(tx.c, not_waiting, [], |_| Ok(()))?.is_none() {
        run(
            tx.c,
            "UPDATE pending_groups SET verify_seq = ? WHERE verify_seq > 0",
            [tx.seq()?],
        )?;
        run(
            tx.c,
            "INSERT INTO objects (id, kind, name, sid, immutable_id, readable, removed)
             SELECT id, kind, name, sid, immutable_id, readable, 0 FROM stage_objects s WHERE feed = ?
             AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.id = s.id)",
            [feed],
        )?;
        run(
            tx.c,
            "DELETE FROM unknown_members WHERE EXISTS (SELECT 1 FROM objects o WHERE o.id = unknown_members.id)",
            [],
        )?;
    }
    changed_objects(tx, feed)?;
    run(
        tx.c,
        "UPDATE objects SET removed = 1 WHERE kind = ?1 AND removed = 0
         AND NOT EXISTS (SELECT 1 FROM stage_objects s WHERE s.feed = ?2 AND s.id = objects.id)",
        params![kind, feed],
    )?;
    run(
        tx.c,
        "DELETE FROM objects WHERE removed = 1
         AND NOT EXISTS (SELECT 1 FROM members m WHERE m.member_id = objects.id)",
        [],
    )?;
    begin(tx, feed)
}

/// Row by row where something differs.
fn changed_objects(tx: &Tx<'_>, feed: Feed) -> Outcome<()> {
    let mut last = Vec::new();
    loop {
        let page = collect(
            tx.c,
            "SELECT s.id, s.kind, s.name, s.sid, s.immutable_id, s.readable FROM stage_objects s
             LEFT JOIN objects o ON o.id = s.id WHERE s.feed = ? AND s.id > ? AND (o.id IS NULL OR o.removed = 1
             OR (o.kind, o.name, o.sid, o.immutable_id, o.readable) IS NOT
                (s.kind, s.name, s.sid, s.immutable_id, s.readable)) ORDER BY s.id LIMIT ?",
            params![feed, last, PAGE],
            |r| {
                Ok(ObjectChange {
                    id: r.get(0)?,
                    kind: r.get(1)?,
                    display_name: Some(r.get(2)?),
                    sid: Some(r.get(3)?),
                    immutable_id: Some(r.get(4)?),
                    readable: r.get(5)?,
                    removed: None,
                })
            },
        )?;
        let Some(end) = page.last() else {
            return Ok(());
        };
        last = end.id.0.to_vec();
        for change in &page {
            objects::put(tx, change)?;
        }
    }
}
