//! Anchors of users, devices and groups: who a member is in AD.

use rusqlite::{Connection, Row, params};

use super::sql::{IntColumn, KeyColumn, Outcome, Tx, after, collect, first, limit, run};
use super::{AnchorObject, MemberView, ObjectChange, Resolution, pending};
use crate::model::{MemberKey, MemberKind, ObjectId, Sid, SkipReason};

/// The key AD is told for object `o` or the written group `k`: what a look-up said, else the own SID, else the SID
/// of the written group.
macro_rules! key_of {
    () => {
        "coalesce(CASE WHEN o.resolution = 1 THEN o.key WHEN o.resolution >= 2 THEN NULL ELSE o.sid END, k.sid)"
    };
}
pub(super) use key_of;

const NOT_FOUND: i64 = 2;
const OTHER: i64 = 10;

fn resolution_columns(resolution: &Resolution) -> (i64, Option<Vec<u8>>) {
    match resolution {
        Resolution::Unresolved => (0, None),
        Resolution::Key(key) => (1, Some(KeyColumn::bytes(key))),
        Resolution::NotFound => (NOT_FOUND, None),
        Resolution::Other(reason) => (OTHER + reason.number(), None),
    }
}

fn resolution(r: &Row<'_>, number: usize, key: usize) -> rusqlite::Result<Resolution> {
    Ok(match r.get::<_, Option<i64>>(number)?.unwrap_or(0) {
        1 => Resolution::Key(r.get::<_, KeyColumn>(key)?.0),
        NOT_FOUND => Resolution::NotFound,
        n if n > OTHER => Resolution::Other(SkipReason::from_number(n - OTHER)?),
        _ => Resolution::Unresolved,
    })
}

/// The key of a member now.
pub(super) fn key(c: &Connection, id: ObjectId) -> Outcome<Option<MemberKey>> {
    let sql = concat!(
        "SELECT ",
        key_of!(),
        " FROM (SELECT ?1 AS id) i LEFT JOIN objects o ON o.id = i.id LEFT JOIN known_groups k ON k.id = i.id"
    );
    Ok(first(c, sql, [id], |r| r.get::<_, Option<KeyColumn>>(0))?
        .flatten()
        .map(|k| k.0))
}

pub(super) fn get(c: &Connection, id: ObjectId) -> Outcome<Option<AnchorObject>> {
    first(
        c,
        "SELECT id, kind, name, sid, immutable_id, readable, removed, resolution, key FROM objects WHERE id = ?",
        [id],
        anchor,
    )
}

fn anchor(r: &Row<'_>) -> rusqlite::Result<AnchorObject> {
    Ok(AnchorObject {
        id: r.get(0)?,
        kind: r.get(1)?,
        display_name: r.get(2)?,
        sid: r.get(3)?,
        immutable_id: r.get(4)?,
        readable: r.get(5)?,
        removed: r.get(6)?,
        resolution: resolution(r, 7, 8)?,
    })
}

/// Takes over what a row says; a changed key makes the groups that have the object pending.
pub(super) fn put(tx: &Tx<'_>, change: &ObjectChange) -> Outcome<()> {
    if change.removed.is_some() {
        return remove(tx, change.id);
    }
    let old = get(tx.c, change.id)?;
    let mut new = match old.clone() {
        Some(object) => object,
        None => AnchorObject {
            id: change.id,
            kind: change.kind,
            display_name: None,
            sid: None,
            immutable_id: None,
            readable: change.readable,
            removed: false,
            resolution: Resolution::Unresolved,
        },
    };
    new.kind = change.kind;
    new.readable = change.readable;
    new.removed = false;
    if change.readable {
        fn take<T: Clone>(from: &Option<Option<T>>, to: &mut Option<T>) {
            if let Some(value) = from {
                to.clone_from(value);
            }
        }
        take(&change.display_name, &mut new.display_name);
        take(&change.sid, &mut new.sid);
        take(&change.immutable_id, &mut new.immutable_id);
    }
    if old.as_ref() == Some(&new) {
        return Ok(());
    }
    let moved = old
        .as_ref()
        .is_none_or(|o| o.sid != new.sid || o.immutable_id != new.immutable_id);
    if moved {
        new.resolution = Resolution::Unresolved;
    }
    let before = if moved { key(tx.c, new.id)? } else { None };
    let (resolution, resolved_key) = resolution_columns(&new.resolution);
    run(
        tx.c,
        "INSERT INTO objects (id, kind, name, sid, immutable_id, readable, removed, resolution, key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind,
         name = excluded.name, sid = excluded.sid, immutable_id = excluded.immutable_id,
         readable = excluded.readable, removed = excluded.removed, resolution = excluded.resolution,
         key = excluded.key",
        params![
            new.id,
            new.kind,
            new.display_name,
            new.sid,
            new.immutable_id,
            new.readable,
            new.removed,
            resolution,
            resolved_key
        ],
    )?;
    if old.is_none() {
        run(tx.c, "DELETE FROM unknown_members WHERE id = ?", [new.id])?;
    }
    if moved {
        let now = key(tx.c, new.id)?;
        if before != now {
            pending::rekey(tx, new.id, before.as_ref())?;
        }
    }
    Ok(())
}

/// Deleted in the cloud: its anchor stays while a group has it, for its removal must name a key.
pub(super) fn remove(tx: &Tx<'_>, id: ObjectId) -> Outcome<()> {
    run(
        tx.c,
        "UPDATE objects SET removed = 1 WHERE id = ? AND removed = 0",
        [id],
    )?;
    drop_orphan(tx, id)
}

/// Forgets a deleted object that no group has any more.
pub(super) fn drop_orphan(tx: &Tx<'_>, id: ObjectId) -> Outcome<()> {
    run(
        tx.c,
        "DELETE FROM objects WHERE id = ?1 AND removed = 1
         AND NOT EXISTS (SELECT 1 FROM members WHERE member_id = ?1)",
        [id],
    )?;
    Ok(())
}

pub(super) fn set_resolution(tx: &Tx<'_>, id: ObjectId, resolution: &Resolution) -> Outcome<()> {
    let before = key(tx.c, id)?;
    let (number, bytes) = resolution_columns(resolution);
    run(
        tx.c,
        "UPDATE objects SET resolution = ?, key = ? WHERE id = ? AND (resolution, key) IS NOT (?1, ?2)",
        params![number, bytes, id],
    )?;
    let now = key(tx.c, id)?;
    // A key that AD doesn't know can't be removed from anything: nothing becomes pending for a loss.
    if now.is_some() && before != now {
        pending::rekey(tx, id, before.as_ref())?;
    }
    Ok(())
}

pub(super) fn unresolved(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<AnchorObject>> {
    let sql = "SELECT id, kind, name, sid, immutable_id, readable, removed, resolution, key
        FROM objects o INDEXED BY objects_to_look_up
        WHERE (resolution >= 2 OR (resolution = 0 AND sid IS NULL AND immutable_id IS NOT NULL))
        AND id > ? AND EXISTS (SELECT 1 FROM members m WHERE m.member_id = o.id) ORDER BY id LIMIT ?";
    collect(c, sql, params![after(from), limit(most)], |r| {
        Ok(anchor(r)?)
    })
}

pub(super) fn unknown(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<(ObjectId, MemberKind)>> {
    let sql = "SELECT id, kind FROM unknown_members u WHERE id > ?
        AND EXISTS (SELECT 1 FROM members m WHERE m.member_id = u.id) ORDER BY id LIMIT ?";
    collect(c, sql, params![after(from), limit(most)], |r| {
        Ok((r.get(0)?, r.get(1)?))
    })
}

pub(super) fn unreadable(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<ObjectId>> {
    let sql = "SELECT id FROM objects o INDEXED BY objects_unreadable WHERE readable = 0 AND removed = 0 AND id > ?
        AND kind <> 1 AND EXISTS (SELECT 1 FROM members m WHERE m.member_id = o.id) ORDER BY id LIMIT ?";
    collect(c, sql, params![after(from), limit(most)], |r| Ok(r.get(0)?))
}

pub(super) fn parents(c: &Connection, member: ObjectId) -> Outcome<Vec<ObjectId>> {
    let sql = "SELECT group_id FROM members WHERE member_id = ? ORDER BY group_id";
    collect(c, sql, [member], |r| Ok(r.get(0)?))
}

macro_rules! view_columns {
    () => {
        concat!(
            "i.member_id, i.kind, o.name, ",
            key_of!(),
            ", k.sid, o.resolution, o.key, o.readable, o.immutable_id IS NOT NULL, o.sid IS NULL, o.id IS NOT NULL"
        )
    };
}

pub(super) fn members(
    c: &Connection,
    group: ObjectId,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<MemberView>> {
    let sql = concat!(
        "SELECT ",
        view_columns!(),
        " FROM members i LEFT JOIN objects o ON o.id = i.member_id
          LEFT JOIN known_groups k ON i.kind = 1 AND k.id = i.member_id
          WHERE i.group_id = ? AND i.member_id > ? ORDER BY i.member_id LIMIT ?"
    );
    collect(c, sql, params![group, after(from), limit(most)], |r| {
        Ok(view(r)?)
    })
}

pub(super) fn member_view(c: &Connection, id: ObjectId, kind: MemberKind) -> Outcome<MemberView> {
    let sql = concat!(
        "SELECT ",
        view_columns!(),
        " FROM (SELECT ? AS member_id, ? AS kind) i LEFT JOIN objects o ON o.id = i.member_id
          LEFT JOIN known_groups k ON k.id = i.member_id"
    );
    Ok(c.prepare_cached(sql)?.query_row(params![id, kind], view)?)
}

fn view(r: &Row<'_>) -> rusqlite::Result<MemberView> {
    let known: bool = r.get(10)?;
    let readable = r.get::<_, Option<bool>>(7)?.unwrap_or(true);
    let (has_immutable_id, no_sid): (bool, bool) = (r.get(8)?, r.get(9)?);
    Ok(MemberView {
        member_id: r.get(0)?,
        kind: r.get(1)?,
        display_name: r.get(2)?,
        key: r.get::<_, Option<KeyColumn>>(3)?.map(|k| k.0),
        nested: r.get::<_, Option<Sid>>(4)?,
        resolution: resolution(r, 5, 6)?,
        readable,
        has_immutable_id,
        cloud_only: known && readable && no_sid && !has_immutable_id,
        known,
    })
}

/// The object that AD's member with this key stands for.
pub(super) fn by_key(c: &Connection, key: &MemberKey) -> Outcome<Option<AnchorObject>> {
    let sql = "SELECT id, kind, name, sid, immutable_id, readable, removed, resolution, key FROM objects
        WHERE sid = ?1 UNION ALL
        SELECT id, kind, name, sid, immutable_id, readable, removed, resolution, key FROM objects WHERE key = ?1";
    first(c, sql, [KeyColumn::bytes(key)], anchor)
}
