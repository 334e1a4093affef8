//! Tables and their migrations. Nothing secret has a column here.
//!
//! Ids are 16-byte BLOBs, times milliseconds since 1970 UTC. Narrow tables that are read by their key are
//! `WITHOUT ROWID`; tables with JSON are not, for long rows make such trees slow. The cache has no foreign keys on
//! purpose: rows of Graph come in any order and name objects that may never be read.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::sql::{Fault, Outcome, REBUILD, unavailable};

/// "GWB" and a digit: tells our files from other SQLite files.
const APPLICATION_ID: i32 = 0x4757_4231;

/// One entry a version; entries are never changed once released.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

const VERSION_1: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE counter (one INTEGER PRIMARY KEY CHECK (one = 1), change_seq INTEGER NOT NULL) STRICT;
INSERT INTO counter VALUES (1, 0);
CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), fence INTEGER NOT NULL,
    run_id BLOB, host TEXT, pid INTEGER, since INTEGER) STRICT;
INSERT INTO lease (one, fence) VALUES (1, 0);
CREATE TABLE watermarks (feed INTEGER PRIMARY KEY, link TEXT NOT NULL, selected TEXT NOT NULL,
    saved_at INTEGER NOT NULL) STRICT;

-- The cloud cache. `complete`: all members are in `members`.
CREATE TABLE groups (id BLOB PRIMARY KEY, state INTEGER NOT NULL, since INTEGER NOT NULL, listed INTEGER NOT NULL,
    readable INTEGER NOT NULL, in_scope INTEGER NOT NULL, complete INTEGER NOT NULL, name TEXT, sid BLOB,
    data TEXT NOT NULL) STRICT;
CREATE INDEX groups_unlisted ON groups (id) WHERE listed = 0;
CREATE INDEX groups_incomplete ON groups (id) WHERE in_scope = 1 AND complete = 0;
CREATE TABLE members (group_id BLOB NOT NULL, member_id BLOB NOT NULL, kind INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id)) WITHOUT ROWID, STRICT;
CREATE INDEX members_by_member ON members (member_id);
-- `resolution`: 0 none, 1 `key`, 2 not found, 10 and more: 10 + skip reason.
CREATE TABLE objects (id BLOB PRIMARY KEY, kind INTEGER NOT NULL, name TEXT, sid BLOB, immutable_id TEXT,
    readable INTEGER NOT NULL, removed INTEGER NOT NULL, resolution INTEGER NOT NULL DEFAULT 0, key BLOB)
    WITHOUT ROWID, STRICT;
CREATE INDEX objects_by_sid ON objects (sid) WHERE sid IS NOT NULL;
CREATE INDEX objects_by_key ON objects (key) WHERE key IS NOT NULL;
CREATE INDEX objects_to_look_up ON objects (id)
    WHERE resolution >= 2 OR (resolution = 0 AND sid IS NULL AND immutable_id IS NOT NULL);
-- Members without a row in `objects`; may hold ids that have no group any more.
CREATE TABLE unknown_members (id BLOB PRIMARY KEY, kind INTEGER NOT NULL) WITHOUT ROWID, STRICT;

-- Full reads in progress.
CREATE TABLE stage_groups (id BLOB PRIMARY KEY, state INTEGER NOT NULL, since INTEGER NOT NULL,
    listed INTEGER NOT NULL, readable INTEGER NOT NULL, in_scope INTEGER NOT NULL, complete INTEGER NOT NULL,
    name TEXT, sid BLOB, data TEXT NOT NULL) STRICT;
CREATE TABLE stage_members (group_id BLOB NOT NULL, member_id BLOB NOT NULL, kind INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id)) WITHOUT ROWID, STRICT;
CREATE TABLE stage_objects (feed INTEGER NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, name TEXT, sid BLOB,
    immutable_id TEXT, readable INTEGER NOT NULL, PRIMARY KEY (feed, id)) WITHOUT ROWID, STRICT;

-- Work to do; a sequence number of 0 = no such work.
CREATE TABLE pending_groups (id BLOB PRIMARY KEY, attr_seq INTEGER NOT NULL, verify_seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT, since INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE pending_members (group_id BLOB NOT NULL, member_id BLOB NOT NULL, remove INTEGER NOT NULL,
    key BLOB NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id, remove, key)) WITHOUT ROWID, STRICT;

CREATE TABLE known_groups (id BLOB PRIMARY KEY, guid BLOB NOT NULL, sid BLOB NOT NULL, dn TEXT NOT NULL,
    group_type INTEGER NOT NULL, usn_changed INTEGER NOT NULL, member_count INTEGER, protected INTEGER NOT NULL,
    attributes TEXT NOT NULL, saved_at INTEGER NOT NULL) STRICT;
CREATE INDEX known_groups_by_guid ON known_groups (guid);
CREATE INDEX known_groups_by_sid ON known_groups (sid);
CREATE TABLE skipped_members (group_id BLOB NOT NULL, member_id BLOB NOT NULL, reason INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id)) WITHOUT ROWID, STRICT;

CREATE TABLE plans (no INTEGER PRIMARY KEY AUTOINCREMENT, plan_id BLOB NOT NULL UNIQUE, configuration TEXT NOT NULL,
    origin TEXT NOT NULL, policy INTEGER NOT NULL, created INTEGER NOT NULL, change_seq INTEGER NOT NULL,
    state INTEGER NOT NULL, complete INTEGER NOT NULL, totals TEXT NOT NULL, breaches TEXT NOT NULL) STRICT;
CREATE TABLE plan_groups (plan_no INTEGER NOT NULL REFERENCES plans ON DELETE CASCADE, group_id BLOB NOT NULL,
    adds INTEGER NOT NULL, removes INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (plan_no, group_id)) STRICT;
CREATE TABLE plan_changes (plan_no INTEGER NOT NULL REFERENCES plans ON DELETE CASCADE, group_id BLOB NOT NULL,
    ordinal INTEGER NOT NULL, status INTEGER NOT NULL, error TEXT,
    PRIMARY KEY (plan_no, group_id, ordinal)) WITHOUT ROWID, STRICT;
CREATE TABLE plan_members (plan_no INTEGER NOT NULL REFERENCES plans ON DELETE CASCADE, group_id BLOB NOT NULL,
    remove INTEGER NOT NULL, ordinal INTEGER NOT NULL, member_id BLOB, key BLOB, status INTEGER NOT NULL,
    error TEXT, PRIMARY KEY (plan_no, group_id, remove, ordinal)) WITHOUT ROWID, STRICT;

CREATE TABLE runs (no INTEGER PRIMARY KEY AUTOINCREMENT, run_id BLOB NOT NULL UNIQUE, configuration TEXT NOT NULL,
    policy INTEGER NOT NULL, started INTEGER NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0, result INTEGER, ended INTEGER, plan_id BLOB, counts TEXT,
    steps TEXT, message TEXT) STRICT;
CREATE INDEX runs_open ON runs (no) WHERE result IS NULL;
";

/// Which controller: a run belongs to one, and a plan's USNs are those of one.
const VERSION_2: &str = "
ALTER TABLE runs ADD COLUMN server TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN replica TEXT NOT NULL DEFAULT '';
";

/// Objects that came without their properties are asked for again in every cycle.
const VERSION_3: &str = "
CREATE INDEX objects_unreadable ON objects (id) WHERE readable = 0;
";

/// Brings the file to this version's tables.
pub(super) fn migrate(c: &mut Connection, path: &Path) -> Outcome<()> {
    let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    let version = |c: &Connection| c.pragma_query_value(None, "user_version", number);
    if version(c)? == known {
        return check_ours(c, path);
    }
    // Two processes may open a new file at once: look again under the write lock.
    let tx = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&tx)?;
    if found > known {
        return Err(newer(path, found, known));
    }
    if found > 0 {
        check_ours(&tx, path)?;
    } else if tx.query_row("SELECT count(*) FROM sqlite_schema", [], number)? > 0 {
        let ours = tx.pragma_query_value(None, "application_id", number)? == APPLICATION_ID;
        return Err(if ours { older(path) } else { foreign(path) });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()?;
    Ok(())
}

fn check_ours(c: &Connection, path: &Path) -> Outcome<()> {
    if c.pragma_query_value(None, "application_id", number)? == APPLICATION_ID {
        Ok(())
    } else {
        Err(foreign(path))
    }
}

fn number(row: &rusqlite::Row<'_>) -> rusqlite::Result<i32> {
    row.get(0)
}

fn older(path: &Path) -> Fault {
    unavailable(
        path,
        format!(
            "The store {} says of itself that it is older than the first version there was.",
            path.display()
        ),
    )
    .action(REBUILD)
    .into()
}

fn newer(path: &Path, found: i32, known: i32) -> Fault {
    unavailable(
        path,
        format!(
            "The store {} was written by a newer version (format {found}; this one knows {known}).",
            path.display()
        ),
    )
    .action("Update the GroupWriteback module on this host.")
    .into()
}

fn foreign(path: &Path) -> Fault {
    unavailable(
        path,
        format!(
            "{} is a SQLite file, but no store of Group Writeback.",
            path.display()
        ),
    )
    .action("Choose another directory or configuration name.")
    .into()
}
