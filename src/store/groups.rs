//! Rows of cached groups, live and staged.

use rusqlite::{Connection, Row, params};

use super::sql::{Outcome, Tx, after, collect, first, from_json, limit, run, to_json};
use super::{CachedGroup, Removal};
use crate::clock::Millis;
use crate::error::{Error, ErrorId};
use crate::model::{CloudGroup, CloudState, ObjectId};

/// Which generation a row belongs to.
#[derive(Clone, Copy)]
pub(super) enum Generation {
    Live,
    Staged,
}

const COLUMNS: &str = "data, state, since, listed, readable, in_scope, complete";

pub(super) fn load(
    c: &Connection,
    generation: Generation,
    id: ObjectId,
) -> Outcome<Option<CachedGroup>> {
    let sql = match generation {
        Generation::Live => {
            "SELECT data, state, since, listed, readable, in_scope, complete FROM groups WHERE id = ?"
        }
        Generation::Staged => {
            "SELECT data, state, since, listed, readable, in_scope, complete FROM stage_groups WHERE id = ?"
        }
    };
    Ok(collect(c, sql, [id], cached)?.pop())
}

pub(super) fn save(tx: &Tx<'_>, generation: Generation, row: &CachedGroup) -> Outcome<()> {
    let sql = match generation {
        Generation::Live => {
            "INSERT INTO groups (id, state, since, listed, readable, in_scope, complete, name, sid, data)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,
             since = excluded.since, listed = excluded.listed, readable = excluded.readable,
             in_scope = excluded.in_scope, complete = excluded.complete, name = excluded.name, sid = excluded.sid,
             data = excluded.data"
        }
        Generation::Staged => {
            "INSERT INTO stage_groups (id, state, since, listed, readable, in_scope, complete, name, sid, data)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,
             since = excluded.since, listed = excluded.listed, readable = excluded.readable,
             in_scope = excluded.in_scope, complete = excluded.complete, name = excluded.name, sid = excluded.sid,
             data = excluded.data"
        }
    };
    let group = &row.group;
    run(
        tx.c,
        sql,
        params![
            group.id,
            row.state,
            row.since,
            row.listed,
            row.readable,
            row.in_scope,
            row.members_complete,
            group.display_name,
            group.on_premises_sid,
            to_json(group)?
        ],
    )?;
    Ok(())
}

/// A row for a group that was not cached before.
pub(super) fn fresh(id: ObjectId, now: Millis) -> CachedGroup {
    CachedGroup {
        group: CloudGroup::new(id),
        state: CloudState::Active,
        since: now,
        listed: true,
        readable: true,
        in_scope: false,
        members_complete: false,
    }
}

/// The state after a removal. Gone for good stays gone: a later "can be restored" is a replay.
pub(super) fn state_after(state: CloudState, removal: Removal) -> CloudState {
    match removal {
        Removal::Permanent => CloudState::HardDeleted,
        Removal::Soft if state == CloudState::HardDeleted => state,
        Removal::Soft => CloudState::SoftDeleted,
    }
}

pub(super) fn is_known(c: &Connection, id: ObjectId) -> Outcome<bool> {
    Ok(
        first(c, "SELECT 1 FROM known_groups WHERE id = ?", [id], |_| {
            Ok(())
        })?
        .is_some(),
    )
}

/// Whether the group may become pending: in scope, or written.
pub(super) fn matters(c: &Connection, id: ObjectId) -> Outcome<bool> {
    let sql = "SELECT 1 FROM groups WHERE id = ?1 AND in_scope = 1 UNION ALL SELECT 1 FROM known_groups WHERE id = ?1";
    Ok(first(c, sql, [id], |_| Ok(()))?.is_some())
}

pub(super) fn page(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<CachedGroup>> {
    let sql = format!("SELECT {COLUMNS} FROM groups WHERE id > ? ORDER BY id LIMIT ?");
    collect(c, &sql, params![after(from), limit(most)], cached)
}

pub(super) fn find(c: &Connection, text: &str, most: usize) -> Outcome<Vec<CachedGroup>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM groups WHERE name = ?1 COLLATE NOCASE OR data ->> '$.mail' = ?1 COLLATE NOCASE
         OR data ->> '$.mailNickname' = ?1 COLLATE NOCASE ORDER BY id LIMIT ?2"
    );
    collect(c, &sql, params![text, limit(most)], cached)
}

pub(super) fn unconfirmed(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<ObjectId>> {
    let sql = "SELECT id FROM groups WHERE listed = 0 AND id > ? ORDER BY id LIMIT ?";
    collect(c, sql, params![after(from), limit(most)], |r| Ok(r.get(0)?))
}

pub(super) fn incomplete(
    c: &Connection,
    from: Option<ObjectId>,
    most: usize,
) -> Outcome<Vec<ObjectId>> {
    let sql = "SELECT id FROM groups WHERE in_scope = 1 AND complete = 0 AND state = 0 AND listed = 1 AND readable = 1
               AND id > ? ORDER BY id LIMIT ?";
    collect(c, sql, params![after(from), limit(most)], |r| Ok(r.get(0)?))
}

/// The group must be there for what the caller wants.
pub(super) fn require(c: &Connection, id: ObjectId) -> Outcome<CachedGroup> {
    match load(c, Generation::Live, id)? {
        Some(row) => Ok(row),
        None => Err(Error::new(
            ErrorId::GroupNotFound,
            format!("The group {id} is not in the cloud cache."),
        )
        .target(id)
        .into()),
    }
}

fn cached(r: &Row<'_>) -> Outcome<CachedGroup> {
    Ok(CachedGroup {
        group: from_json(r.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?,
        state: r.get(1)?,
        since: r.get(2)?,
        listed: r.get(3)?,
        readable: r.get(4)?,
        in_scope: r.get(5)?,
        members_complete: r.get(6)?,
    })
}
