//! Work that the export has still to do.
//!
//! Every row carries the number of the transaction that made it (`Tx::seq`); a plan notes the newest number when it
//! is begun and its export clears only what isn't newer. A group that waits for a full comparison of its members
//! needs no rows for single ones: its number is renewed instead.

use rusqlite::{Connection, Row, params};

use super::objects::key_of;
use super::sql::{KeyColumn, Outcome, Tx, after, collect, first, limit, run};
use super::{PendingGroup, PendingMember, groups, objects, plans};
use crate::model::{CloudState, Guid, MemberKey, MemberKind, ObjectId};

/// Makes a group pending.
pub(super) fn mark(tx: &Tx<'_>, group: ObjectId, attributes: bool, verify: bool) -> Outcome<()> {
    let seq = tx.seq()?;
    run(
        tx.c,
        "INSERT INTO pending_groups (id, attr_seq, verify_seq, since) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET attr_seq = max(attr_seq, excluded.attr_seq),
         verify_seq = max(verify_seq, excluded.verify_seq)",
        params![
            group,
            if attributes { seq } else { 0 },
            if verify { seq } else { 0 },
            tx.now
        ],
    )?;
    if verify {
        run(
            tx.c,
            "DELETE FROM pending_members WHERE group_id = ?",
            [group],
        )?;
    }
    Ok(())
}

/// Records changes of one group's members.
pub(super) struct MemberWork<'t, 'c> {
    tx: &'t Tx<'c>,
    group: ObjectId,
    verify: bool,
    marked: bool,
}

impl<'t, 'c> MemberWork<'t, 'c> {
    /// For a group that matters.
    pub(super) fn of(tx: &'t Tx<'c>, group: ObjectId) -> Outcome<Self> {
        let sql = "SELECT verify_seq > 0 FROM pending_groups WHERE id = ?";
        let verify = first(tx.c, sql, [group], |r| r.get(0))?.unwrap_or(false);
        Ok(MemberWork {
            tx,
            group,
            verify,
            marked: false,
        })
    }

    /// The same, with a row for each member even if all are compared anyway.
    fn row_by_row(tx: &'t Tx<'c>, group: ObjectId) -> Self {
        MemberWork {
            tx,
            group,
            verify: false,
            marked: false,
        }
    }

    /// True when a row has to be written.
    fn row_needed(&mut self) -> Outcome<bool> {
        if !self.marked {
            mark(self.tx, self.group, false, self.verify)?;
            self.marked = true;
        }
        Ok(!self.verify)
    }

    /// The member came, or has another key now.
    pub(super) fn add(&mut self, member: ObjectId, kind: MemberKind) -> Outcome<()> {
        if !self.row_needed()? {
            return Ok(());
        }
        let key = objects::key(self.tx.c, member)?;
        run(
            self.tx.c,
            "DELETE FROM pending_members WHERE group_id = ? AND member_id = ? AND remove = 1 AND key IN (?, x'')",
            params![self.group, member, KeyColumn::bytes_or_empty(key.as_ref())],
        )?;
        self.insert(member, kind, false, None)
    }

    /// The member went; its key now is what AD knows it by.
    pub(super) fn remove(&mut self, member: ObjectId, kind: MemberKind) -> Outcome<()> {
        if !self.row_needed()? {
            return Ok(());
        }
        let key = objects::key(self.tx.c, member)?;
        self.remove_key(member, kind, key.as_ref())
    }

    /// This key has to go.
    fn remove_key(
        &mut self,
        member: ObjectId,
        kind: MemberKind,
        key: Option<&MemberKey>,
    ) -> Outcome<()> {
        if !self.row_needed()? {
            return Ok(());
        }
        run(
            self.tx.c,
            "DELETE FROM pending_members WHERE group_id = ? AND member_id = ? AND remove = 0",
            params![self.group, member],
        )?;
        self.insert(member, kind, true, key)
    }

    fn insert(
        &self,
        member: ObjectId,
        kind: MemberKind,
        remove: bool,
        key: Option<&MemberKey>,
    ) -> Outcome<()> {
        run(
            self.tx.c,
            "INSERT INTO pending_members (group_id, member_id, remove, key, kind, seq) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET seq = excluded.seq",
            params![self.group, member, remove, KeyColumn::bytes_or_empty(key), kind, self.tx.seq()?],
        )?;
        Ok(())
    }
}

/// The groups that have the member and matter, with its kind there.
fn concerned(c: &Connection, member: ObjectId) -> Outcome<Vec<(ObjectId, MemberKind)>> {
    collect(
        c,
        "SELECT m.group_id, m.kind FROM members m JOIN groups g ON g.id = m.group_id WHERE m.member_id = ?
         AND (g.in_scope = 1 OR EXISTS (SELECT 1 FROM known_groups k WHERE k.id = g.id))",
        [member],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// An object's key changed: in every group that has it the old one has to go and the one it has now to come.
pub(super) fn rekey(tx: &Tx<'_>, member: ObjectId, old: Option<&MemberKey>) -> Outcome<()> {
    for (group, kind) in concerned(tx.c, member)? {
        let mut work = MemberWork::of(tx, group)?;
        if old.is_some() {
            work.remove_key(member, kind, old)?;
        }
        work.add(member, kind)?;
    }
    Ok(())
}

/// A written group got another SID; with `old`, that one has to go. Its parents get a row of their own even when they
/// wait for a full comparison: a parent that is just being exported with the new SID clears that row by name
/// (`complete_group(resolved)`), one that isn't keeps it.
pub(super) fn rekey_nested(tx: &Tx<'_>, member: ObjectId, old: Option<&MemberKey>) -> Outcome<()> {
    for (group, kind) in concerned(tx.c, member)? {
        let mut work = MemberWork::row_by_row(tx, group);
        if old.is_some() {
            work.remove_key(member, kind, old)?;
        }
        work.add(member, kind)?;
    }
    Ok(())
}

/// A single membership by the caller's choice.
pub(super) fn add_member(tx: &Tx<'_>, group: ObjectId, member: &PendingMember) -> Outcome<()> {
    let mut work = MemberWork::of(tx, group)?;
    if member.add {
        work.add(member.member_id, member.kind)
    } else {
        work.remove_key(member.member_id, member.kind, member.key.as_ref())
    }
}

/// The group's part of a plan with this number is done.
pub(super) fn complete(
    tx: &Tx<'_>,
    upto: i64,
    group: ObjectId,
    resolved: &[ObjectId],
) -> Outcome<()> {
    run(
        tx.c,
        "DELETE FROM pending_members WHERE group_id = ? AND seq <= ?",
        params![group, upto],
    )?;
    for member in resolved {
        run(
            tx.c,
            "DELETE FROM pending_members WHERE group_id = ? AND member_id = ? AND remove = 0",
            params![group, member],
        )?;
    }
    run(
        tx.c,
        "UPDATE pending_groups SET attempts = 0, last_error = NULL, attr_seq = iif(attr_seq <= ?1, 0, attr_seq),
         verify_seq = iif(verify_seq <= ?1, 0, verify_seq) WHERE id = ?2",
        params![upto, group],
    )?;
    run(
        tx.c,
        "DELETE FROM pending_groups WHERE id = ?1 AND attr_seq = 0 AND verify_seq = 0
         AND NOT EXISTS (SELECT 1 FROM pending_members WHERE group_id = ?1)",
        [group],
    )?;
    forget_if_gone(tx, group)
}

/// A group that is gone from the cloud for good and from AD leaves the cache.
fn forget_if_gone(tx: &Tx<'_>, group: ObjectId) -> Outcome<()> {
    let gone = "DELETE FROM groups WHERE id = ?1 AND state = ?2
                AND NOT EXISTS (SELECT 1 FROM known_groups WHERE id = ?1)
                AND NOT EXISTS (SELECT 1 FROM pending_groups WHERE id = ?1)";
    if run(tx.c, gone, params![group, CloudState::HardDeleted])? > 0 {
        run(
            tx.c,
            "DELETE FROM skipped_members WHERE group_id = ?",
            [group],
        )?;
        objects::drop_orphan(tx, group)?;
    }
    Ok(())
}

pub(super) fn complete_plan(
    tx: &Tx<'_>,
    plan: Guid,
    group: ObjectId,
    resolved: &[ObjectId],
) -> Outcome<()> {
    complete(tx, plans::change_seq(tx.c, plan)?, group, resolved)
}

pub(super) fn fail(tx: &Tx<'_>, group: ObjectId, error: &str) -> Outcome<()> {
    let failed = "UPDATE pending_groups SET attempts = attempts + 1, last_error = ? WHERE id = ?";
    if run(tx.c, failed, params![error, group])? == 0 && groups::matters(tx.c, group)? {
        // Exported on demand without being pending: the next cycle tries again.
        mark(tx, group, true, true)?;
        run(tx.c, failed, params![error, group])?;
    }
    Ok(())
}

const GROUP: &str = "SELECT id, attr_seq > 0, verify_seq > 0, EXISTS (SELECT 1 FROM pending_members m \
    WHERE m.group_id = p.id), attempts, last_error, since FROM pending_groups p";

pub(super) fn page(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<PendingGroup>> {
    let sql = format!("{GROUP} WHERE id > ? ORDER BY id LIMIT ?");
    collect(c, &sql, params![after(from), limit(most)], |r| {
        Ok(pending_group(r)?)
    })
}

pub(super) fn get(c: &Connection, id: ObjectId) -> Outcome<Option<PendingGroup>> {
    first(c, &format!("{GROUP} WHERE id = ?"), [id], pending_group)
}

fn pending_group(r: &Row<'_>) -> rusqlite::Result<PendingGroup> {
    Ok(PendingGroup {
        id: r.get(0)?,
        attributes: r.get(1)?,
        verify: r.get(2)?,
        member_changes: r.get(3)?,
        attempts: r.get(4)?,
        last_error: r.get(5)?,
        since: r.get(6)?,
    })
}

pub(super) fn members(
    c: &Connection,
    group: ObjectId,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<PendingMember>> {
    // The join order is forced: the other one would go through all members of the group for each row.
    // An object deleted and made anew in the cloud leaves under one id and comes under another with the same SID.
    const MEMBERS: &str = concat!(
        "SELECT p.member_id, p.kind, p.remove = 0, CASE WHEN p.remove = 0 THEN ",
        key_of!(),
        " WHEN p.key = x'' OR EXISTS (SELECT 1 FROM objects x INDEXED BY objects_by_sid
            CROSS JOIN members m ON m.group_id = p.group_id AND m.member_id = x.id WHERE x.sid = p.key AND x.resolution = 0)
          OR EXISTS (SELECT 1 FROM objects x INDEXED BY objects_by_key
            CROSS JOIN members m ON m.group_id = p.group_id AND m.member_id = x.id WHERE x.key = p.key) THEN NULL ELSE p.key END
         FROM pending_members p LEFT JOIN objects o ON o.id = p.member_id
         LEFT JOIN known_groups k ON k.id = p.member_id WHERE p.group_id = ?1 "
    );
    let page =
        format!("{MEMBERS} AND p.member_id > ?2 ORDER BY p.member_id, p.remove, p.key LIMIT ?3");
    let mut out = collect(c, &page, params![group, after(from), limit(most)], |r| {
        Ok(pending_member(r)?)
    })?;
    // The limit may have cut between the rows of the last member.
    if let Some(last) = out.last().map(|m| m.member_id) {
        while out.last().is_some_and(|m| m.member_id == last) {
            out.pop();
        }
        let rest = format!("{MEMBERS} AND p.member_id = ?2 ORDER BY p.remove, p.key");
        out.extend(collect(c, &rest, params![group, last], |r| {
            Ok(pending_member(r)?)
        })?);
    }
    Ok(out)
}

fn pending_member(r: &Row<'_>) -> rusqlite::Result<PendingMember> {
    Ok(PendingMember {
        member_id: r.get(0)?,
        kind: r.get(1)?,
        add: r.get(2)?,
        key: r.get::<_, Option<KeyColumn>>(3)?.map(|k| k.0),
    })
}
