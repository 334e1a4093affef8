//! Groups written to AD, and members that were left out.

use rusqlite::{Connection, Row, params};

use super::objects;
use super::pending;
use super::runs::{count, number};
use super::sql::{Outcome, Tx, after, collect, first, from_json, limit, run, to_json};
use super::{KnownGroup, SkippedChange, SkippedRow};
use crate::model::{DirectoryGroup, GroupType, MemberKey, ObjectId, SkipReason};

const COLUMNS: &str = "id, guid, sid, dn, group_type, usn_changed, member_count, protected, attributes, saved_at FROM known_groups";

pub(super) fn get(c: &Connection, id: ObjectId) -> Outcome<Option<KnownGroup>> {
    Ok(collect(c, &format!("SELECT {COLUMNS} WHERE id = ?"), [id], known)?.pop())
}

pub(super) fn by_key(c: &Connection, key: &MemberKey) -> Outcome<Option<KnownGroup>> {
    let mut found = match key {
        MemberKey::Sid(sid) => collect(
            c,
            &format!("SELECT {COLUMNS} WHERE sid = ? LIMIT 1"),
            [sid],
            known,
        )?,
        MemberKey::Guid(guid) => collect(
            c,
            &format!("SELECT {COLUMNS} WHERE guid = ? LIMIT 1"),
            [guid],
            known,
        )?,
    };
    Ok(found.pop())
}

pub(super) fn page(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<KnownGroup>> {
    let sql = format!("SELECT {COLUMNS} WHERE id > ? ORDER BY id LIMIT ?");
    collect(c, &sql, params![after(from), limit(most)], known)
}

pub(super) fn total(c: &Connection) -> Outcome<u64> {
    Ok(first(c, "SELECT count(*) FROM known_groups", [], |r| r.get(0))?.map_or(0, number))
}

fn known(r: &Row<'_>) -> Outcome<KnownGroup> {
    Ok(KnownGroup {
        group: DirectoryGroup {
            object_id: r.get(0)?,
            guid: r.get(1)?,
            sid: r.get(2)?,
            dn: r.get(3)?,
            group_type: GroupType(r.get(4)?),
            usn_changed: r.get(5)?,
            member_count: r.get::<_, Option<i64>>(6)?.map(number),
            protected: r.get(7)?,
            attributes: from_json(&r.get::<_, String>(8)?)?,
        },
        saved_at: r.get(9)?,
    })
}

pub(super) fn save(tx: &Tx<'_>, group: &DirectoryGroup) -> Outcome<()> {
    let before = objects::key(tx.c, group.object_id)?;
    run(
        tx.c,
        "INSERT INTO known_groups (id, guid, sid, dn, group_type, usn_changed, member_count, protected, attributes,
         saved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET guid = excluded.guid,
         sid = excluded.sid, dn = excluded.dn, group_type = excluded.group_type, usn_changed = excluded.usn_changed,
         member_count = excluded.member_count, protected = excluded.protected, attributes = excluded.attributes,
         saved_at = excluded.saved_at",
        params![
            group.object_id,
            group.guid,
            group.sid,
            group.dn,
            group.group_type.0,
            group.usn_changed,
            group.member_count.map(count),
            group.protected,
            to_json(&group.attributes)?,
            tx.now
        ],
    )?;
    let now = objects::key(tx.c, group.object_id)?;
    if before != now {
        pending::rekey_nested(tx, group.object_id, before.as_ref())?;
    }
    Ok(())
}

pub(super) fn forget(tx: &Tx<'_>, id: ObjectId) -> Outcome<()> {
    let before = objects::key(tx.c, id)?;
    if run(tx.c, "DELETE FROM known_groups WHERE id = ?", [id])? > 0 {
        let now = objects::key(tx.c, id)?;
        if before != now {
            // The group is gone from AD and its memberships with it: nothing to remove, but to report.
            pending::rekey_nested(tx, id, None)?;
        }
    }
    Ok(())
}

pub(super) fn record_skipped(tx: &Tx<'_>, change: &SkippedChange) -> Outcome<()> {
    if change.only_these {
        run(
            tx.c,
            "DELETE FROM skipped_members WHERE group_id = ?",
            [change.group],
        )?;
    }
    update_skipped(tx, change.group, &change.set, &change.clear)
}

pub(super) fn update_skipped(
    tx: &Tx<'_>,
    group: ObjectId,
    set: &[(ObjectId, SkipReason)],
    clear: &[ObjectId],
) -> Outcome<()> {
    for member in clear {
        run(
            tx.c,
            "DELETE FROM skipped_members WHERE group_id = ? AND member_id = ?",
            params![group, member],
        )?;
    }
    for (member, reason) in set {
        run(
            tx.c,
            "INSERT OR REPLACE INTO skipped_members (group_id, member_id, reason) VALUES (?, ?, ?)",
            params![group, member, reason],
        )?;
    }
    Ok(())
}

pub(super) fn skipped(
    c: &Connection,
    group: Option<ObjectId>,
    from: Option<(ObjectId, ObjectId)>,
    most: usize,
) -> Outcome<Vec<SkippedRow>> {
    const SELECT: &str =
        "SELECT s.group_id, g.name, s.member_id, o.name, o.kind, s.reason FROM skipped_members s
        LEFT JOIN groups g ON g.id = s.group_id LEFT JOIN objects o ON o.id = s.member_id";
    let (after_group, after_member) = (after(from.map(|f| f.0)), after(from.map(|f| f.1)));
    let row = |r: &Row<'_>| {
        Ok(SkippedRow {
            group_id: r.get(0)?,
            group_name: r.get(1)?,
            member_id: r.get(2)?,
            member_name: r.get(3)?,
            kind: r.get(4)?,
            reason: r.get(5)?,
        })
    };
    match group {
        Some(group) => {
            let sql = format!(
                "{SELECT} WHERE s.group_id = ? AND s.member_id > ? ORDER BY s.member_id LIMIT ?"
            );
            collect(c, &sql, params![group, after_member, limit(most)], row)
        }
        None => {
            let sql = format!(
                "{SELECT} WHERE (s.group_id, s.member_id) > (?, ?) ORDER BY s.group_id, s.member_id LIMIT ?"
            );
            collect(
                c,
                &sql,
                params![after_group, after_member, limit(most)],
                row,
            )
        }
    }
}

pub(super) fn skipped_because(
    c: &Connection,
    reason: SkipReason,
) -> Outcome<Vec<(ObjectId, ObjectId)>> {
    let sql = "SELECT group_id, member_id FROM skipped_members WHERE reason = ? ORDER BY group_id, member_id";
    collect(c, sql, [reason], |r| Ok((r.get(0)?, r.get(1)?)))
}

pub(super) fn skipped_by_reason(
    c: &Connection,
    group: Option<ObjectId>,
) -> Outcome<Vec<(SkipReason, u64)>> {
    let row = |r: &Row<'_>| Ok((r.get(0)?, number(r.get(1)?)));
    match group {
        Some(group) => collect(
            c,
            "SELECT reason, count(*) FROM skipped_members WHERE group_id = ? GROUP BY reason ORDER BY reason",
            [group],
            row,
        ),
        None => collect(
            c,
            "SELECT reason, count(*) FROM skipped_members GROUP BY reason ORDER BY reason",
            [],
            row,
        ),
    }
}

pub(super) fn skipped_by_group(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<(ObjectId, u64)>> {
    let sql = "SELECT group_id, count(*) FROM skipped_members WHERE group_id > ? GROUP BY group_id
               ORDER BY group_id LIMIT ?";
    collect(c, sql, params![after(from), limit(most)], |r| {
        Ok((r.get(0)?, number(r.get(1)?)))
    })
}
