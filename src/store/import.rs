//! Pages of Graph into the cache: changes with their pending work, full reads into the staging tables.
//!
//! Rows come in any order, replayed and cut in slices; what they say twice changes nothing the second time.

use rusqlite::params;

use super::groups::{self, Generation};
use super::objects;
use super::pending::{self, MemberWork};
use super::sql::{Outcome, Tx, collect, first, int_column, run};
use super::{
    CachedGroup, Feed, GroupChange, GroupPatch, MemberChange, ObjectChange, Removal, ScopeFn,
    Target, Watermark,
};
use crate::model::{CloudGroup, CloudState, MemberKind, ObjectId};

int_column!(Feed { Groups = 0, Users = 1, Devices = 2 });

pub(super) fn save_watermark(tx: &Tx<'_>, feed: Feed, watermark: &Watermark) -> Outcome<()> {
    run(
        tx.c,
        "INSERT OR REPLACE INTO watermarks (feed, link, selected, saved_at) VALUES (?, ?, ?, ?)",
        params![feed, watermark.link, watermark.select, tx.now],
    )?;
    Ok(())
}

pub(super) fn apply_groups(
    tx: &Tx<'_>,
    target: Target,
    rows: &[GroupChange],
    in_scope: ScopeFn<'_>,
    watermark: Option<&Watermark>,
) -> Outcome<()> {
    for row in rows {
        match target {
            Target::Live => live_group(tx, row, in_scope)?,
            Target::Staging => staged_group(tx, row, in_scope)?,
        }
    }
    if let Some(watermark) = watermark {
        save_watermark(tx, Feed::Groups, watermark)?;
    }
    Ok(())
}

pub(super) fn apply_objects(
    tx: &Tx<'_>,
    target: Target,
    rows: &[ObjectChange],
    watermark: Option<(Feed, &Watermark)>,
) -> Outcome<()> {
    for row in rows {
        match target {
            Target::Live => objects::put(tx, row)?,
            Target::Staging => staged_object(tx, row)?,
        }
    }
    if let Some((feed, watermark)) = watermark {
        save_watermark(tx, feed, watermark)?;
    }
    Ok(())
}

fn live_group(tx: &Tx<'_>, change: &GroupChange, in_scope: ScopeFn<'_>) -> Outcome<()> {
    let old = groups::load(tx.c, Generation::Live, change.id)?;
    if let Some(removal) = change.removed {
        let base = match old {
            Some(row) => row,
            // Never read, but written: the removal matters.
            None if groups::is_known(tx.c, change.id)? => groups::fresh(change.id, tx.now),
            None => return Ok(()),
        };
        let state = groups::state_after(base.state, removal);
        return set_state(tx, base, state);
    }
    let row = updated(tx, Target::Live, old.as_ref(), change, in_scope);
    let changed = old.as_ref() != Some(&row);
    let matters = row.in_scope
        || old.as_ref().is_some_and(|o| o.in_scope)
        || groups::is_known(tx.c, change.id)?;
    if changed {
        groups::save(tx, Generation::Live, &row)?;
        objects::put(tx, &as_object(&row))?;
        if matters {
            let from = old.as_ref();
            // What happened while it was away, out of scope or unreadable was not recorded.
            let verify = from.is_none_or(|o| {
                o.state != CloudState::Active
                    || !o.listed
                    || (row.in_scope && !o.in_scope)
                    || (row.readable && !o.readable)
            });
            pending::mark(tx, change.id, true, verify)?;
        }
    }
    match &change.members {
        Some(members) if keeps_members(&row) => live_members(tx, change.id, members, matters),
        _ => Ok(()),
    }
}

/// The row after a change that is no removal. Members of a group that was away may have changed unseen: they are read
/// by themselves.
fn updated(
    tx: &Tx<'_>,
    target: Target,
    old: Option<&CachedGroup>,
    change: &GroupChange,
    in_scope: ScopeFn<'_>,
) -> CachedGroup {
    let mut row = old
        .cloned()
        .unwrap_or_else(|| groups::fresh(change.id, tx.now));
    if row.state != CloudState::Active {
        row.state = CloudState::Active;
        row.since = tx.now;
        row.members_complete = false;
        if is_whole(&change.patch) {
            // What was cleared before it went was told by no row, and this one is silent on it: not there is not set.
            row.group = CloudGroup {
                writeback: row.group.writeback,
                allow_external_senders: row.group.allow_external_senders,
                ..CloudGroup::new(change.id)
            };
        }
    }
    if !row.listed {
        row.listed = true;
        row.members_complete = false;
    }
    row.readable = change.readable;
    if change.readable {
        patch(&mut row.group, &change.patch);
        row.in_scope = in_scope(&row.group);
    }
    if old.is_none() {
        // A full read tells all members. Changes do if they tell any: without, the group may be an old one restored.
        let told = matches!(target, Target::Staging) || change.members.is_some();
        row.members_complete = told && (row.in_scope || !properties_seen(&row));
    }
    row
}

/// Whether a row tells everything that is set, as that of a group that comes back does: it has what every group has.
fn is_whole(patch: &GroupPatch) -> bool {
    patch.display_name.is_some() && patch.security_enabled.is_some() && patch.mail_enabled.is_some()
}

/// A slice with members may come before the one with the properties that decide the scope.
fn properties_seen(row: &CachedGroup) -> bool {
    row.group.display_name.is_some()
}

/// Members of a group out of scope are kept on when they are complete, so that its return costs no extra read.
fn keeps_members(row: &CachedGroup) -> bool {
    row.members_complete || row.in_scope
}

fn as_object(row: &CachedGroup) -> ObjectChange {
    ObjectChange {
        readable: row.readable,
        display_name: Some(row.group.display_name.clone()),
        sid: Some(row.group.on_premises_sid.clone()),
        ..ObjectChange::new(row.group.id, MemberKind::Group)
    }
}

fn patch(group: &mut CloudGroup, patch: &GroupPatch) {
    fn set<T: Clone>(from: &Option<T>, to: &mut T) {
        if let Some(value) = from {
            to.clone_from(value);
        }
    }
    /// The order of values has no meaning: another one is no change.
    fn set_values(from: &Option<Vec<String>>, to: &mut Vec<String>) {
        if let Some(values) = from {
            let sorted = |v: &[String]| {
                let mut v = v.to_vec();
                v.sort_unstable();
                v
            };
            if sorted(values) != sorted(to) {
                to.clone_from(values);
            }
        }
    }
    set(&patch.display_name, &mut group.display_name);
    set(&patch.description, &mut group.description);
    set(&patch.mail, &mut group.mail);
    set(&patch.mail_nickname, &mut group.mail_nickname);
    set_values(&patch.proxy_addresses, &mut group.proxy_addresses);
    set_values(&patch.group_types, &mut group.group_types);
    set(&patch.security_enabled, &mut group.security_enabled);
    set(&patch.mail_enabled, &mut group.mail_enabled);
    set(
        &patch.on_premises_sync_enabled,
        &mut group.on_premises_sync_enabled,
    );
    set(&patch.on_premises_sid, &mut group.on_premises_sid);
    set(&patch.visibility, &mut group.visibility);
    set(&patch.writeback, &mut group.writeback);
    set(
        &patch.allow_external_senders,
        &mut group.allow_external_senders,
    );
}

/// Puts a cached (or only written) group into a state, on positive evidence.
pub(super) fn set_state(tx: &Tx<'_>, base: CachedGroup, state: CloudState) -> Outcome<()> {
    let id = base.group.id;
    let mut row = base.clone();
    if row.state != state {
        row.state = state;
        row.since = tx.now;
    }
    row.listed = true;
    let back = state == CloudState::Active && (!base.listed || base.state != CloudState::Active);
    if back {
        row.members_complete = false;
    }
    if state == CloudState::HardDeleted {
        row.members_complete = false;
        drop_members(tx, id)?;
    }
    if groups::load(tx.c, Generation::Live, id)?.as_ref() == Some(&row) {
        return Ok(());
    }
    groups::save(tx, Generation::Live, &row)?;
    if state == CloudState::HardDeleted {
        objects::remove(tx, id)?;
    }
    if groups::matters(tx.c, id)? {
        pending::mark(tx, id, true, back)?;
    } else if state == CloudState::HardDeleted {
        run(tx.c, "DELETE FROM groups WHERE id = ?", [id])?;
    }
    Ok(())
}

fn drop_members(tx: &Tx<'_>, group: ObjectId) -> Outcome<()> {
    let gone = collect(
        tx.c,
        "DELETE FROM members WHERE group_id = ? RETURNING member_id",
        [group],
        |r| Ok(r.get::<_, ObjectId>(0)?),
    )?;
    for member in gone {
        objects::drop_orphan(tx, member)?;
    }
    run(
        tx.c,
        "DELETE FROM pending_members WHERE group_id = ?",
        [group],
    )?;
    Ok(())
}

fn live_members(
    tx: &Tx<'_>,
    group: ObjectId,
    members: &[MemberChange],
    matters: bool,
) -> Outcome<()> {
    let mut work = if matters {
        Some(MemberWork::of(tx, group)?)
    } else {
        None
    };
    for member in members {
        if member.removed {
            remove_member(tx, group, member.id, work.as_mut())?;
        } else {
            add_member(tx, group, member.id, member.kind, work.as_mut())?;
        }
    }
    Ok(())
}

fn add_member(
    tx: &Tx<'_>,
    group: ObjectId,
    member: ObjectId,
    kind: MemberKind,
    work: Option<&mut MemberWork<'_, '_>>,
) -> Outcome<()> {
    let sql = "INSERT OR IGNORE INTO members (group_id, member_id, kind) VALUES (?, ?, ?)";
    if run(tx.c, sql, params![group, member, kind])? == 0 {
        return Ok(());
    }
    run(
        tx.c,
        "INSERT OR IGNORE INTO unknown_members (id, kind)
         SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM objects WHERE id = ?1)",
        params![member, kind],
    )?;
    match work {
        Some(work) => work.add(member, kind),
        None => Ok(()),
    }
}

fn remove_member(
    tx: &Tx<'_>,
    group: ObjectId,
    member: ObjectId,
    work: Option<&mut MemberWork<'_, '_>>,
) -> Outcome<()> {
    let sql = "DELETE FROM members WHERE group_id = ? AND member_id = ? RETURNING kind";
    let Some(kind) = first(tx.c, sql, params![group, member], |r| {
        r.get::<_, MemberKind>(0)
    })?
    else {
        return Ok(());
    };
    if let Some(work) = work {
        work.remove(member, kind)?;
    }
    objects::drop_orphan(tx, member)
}

/// A group's complete list from a read of its own.
pub(super) fn replace_members(
    tx: &Tx<'_>,
    group: ObjectId,
    wanted: &[(ObjectId, MemberKind)],
) -> Outcome<()> {
    let mut row = groups::require(tx.c, group)?;
    let matters = groups::matters(tx.c, group)?;
    if !row.members_complete {
        row.members_complete = true;
        groups::save(tx, Generation::Live, &row)?;
        if matters {
            // AD may have members that were never cached.
            pending::mark(tx, group, false, true)?;
        }
    }
    let mut wanted: Vec<_> = wanted
        .iter()
        .map(|&(id, kind)| MemberChange {
            id,
            kind,
            removed: false,
        })
        .collect();
    wanted.sort_unstable_by_key(|m| m.id);
    let mut changes = collect(
        tx.c,
        "SELECT member_id, kind FROM members WHERE group_id = ?",
        [group],
        |r| {
            Ok(MemberChange {
                id: r.get(0)?,
                kind: r.get(1)?,
                removed: true,
            })
        },
    )?;
    changes.retain(|m| wanted.binary_search_by_key(&m.id, |w| w.id).is_err());
    changes.extend(wanted);
    live_members(tx, group, &changes, matters)
}

fn staged_group(tx: &Tx<'_>, change: &GroupChange, in_scope: ScopeFn<'_>) -> Outcome<()> {
    let staged = groups::load(tx.c, Generation::Staged, change.id)?;
    if let Some(removal) = change.removed {
        return staged_removal(tx, change.id, staged, removal);
    }
    let row = updated(tx, Target::Staging, staged.as_ref(), change, in_scope);
    if staged.as_ref() != Some(&row) {
        groups::save(tx, Generation::Staged, &row)?;
    }
    let Some(members) = change.members.as_ref().filter(|_| keeps_members(&row)) else {
        return Ok(());
    };
    let mut add = tx.c.prepare_cached(
        "INSERT OR IGNORE INTO stage_members (group_id, member_id, kind) VALUES (?, ?, ?)",
    )?;
    let mut remove =
        tx.c.prepare_cached("DELETE FROM stage_members WHERE group_id = ? AND member_id = ?")?;
    for member in members {
        if member.removed {
            remove.execute(params![change.id, member.id])?;
        } else {
            add.execute(params![change.id, member.id, member.kind])?;
        }
    }
    Ok(())
}

fn staged_removal(
    tx: &Tx<'_>,
    id: ObjectId,
    staged: Option<CachedGroup>,
    removal: Removal,
) -> Outcome<()> {
    let mut row = match staged {
        Some(row) => row,
        None => match groups::load(tx.c, Generation::Live, id)? {
            Some(row) => {
                run(
                    tx.c,
                    "INSERT OR IGNORE INTO stage_members SELECT group_id, member_id, kind FROM members
                     WHERE group_id = ?",
                    [id],
                )?;
                row
            }
            None if groups::is_known(tx.c, id)? => groups::fresh(id, tx.now),
            None => return Ok(()),
        },
    };
    let state = groups::state_after(row.state, removal);
    if row.state != state {
        row.state = state;
        row.since = tx.now;
    }
    row.listed = true;
    if state == CloudState::HardDeleted {
        row.members_complete = false;
        run(tx.c, "DELETE FROM stage_members WHERE group_id = ?", [id])?;
    }
    groups::save(tx, Generation::Staged, &row)
}

fn staged_object(tx: &Tx<'_>, change: &ObjectChange) -> Outcome<()> {
    // A full read of a feed has rows of one kind; whatever else comes is kept with the users.
    let feed = if change.kind == MemberKind::Device {
        Feed::Devices
    } else {
        Feed::Users
    };
    if change.removed.is_some() {
        // The kind of a removed row isn't known.
        run(
            tx.c,
            "DELETE FROM stage_objects WHERE id = ? AND feed IN (1, 2)",
            [change.id],
        )?;
        return Ok(());
    }
    let told = change.readable;
    run(
        tx.c,
        "INSERT INTO stage_objects (feed, id, kind, readable, name, sid, immutable_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (feed, id) DO UPDATE SET kind = ?3, readable = ?4,
         name = iif(?8, ?5, name), sid = iif(?9, ?6, sid), immutable_id = iif(?10, ?7, immutable_id)",
        params![
            feed,
            change.id,
            change.kind,
            change.readable,
            change.display_name.as_ref().filter(|_| told).and_then(|v| v.as_ref()),
            change.sid.as_ref().filter(|_| told).and_then(|v| v.as_ref()),
            change.immutable_id.as_ref().filter(|_| told).and_then(|v| v.as_ref()),
            told && change.display_name.is_some(),
            told && change.sid.is_some(),
            told && change.immutable_id.is_some(),
        ],
    )?;
    Ok(())
}
