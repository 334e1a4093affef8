//! Delta rounds: which rows a page carries, given where the round stands. No I/O.
//!
//! A round runs from what the reader knows (`since`) to the tenant's state when the round began
//! (`until`). Changes made while it runs are left for the next one. Large groups come in slices that
//! re-appear on later pages between other groups, as Graph sends them.

use super::delta_token::{Collection, Cursor, DeltaQuery, MemberCursor};
use super::permissions::Access;
use super::properties::{self, Entity};
use super::state::{History, Index, Object, State, Tenant, Version};
use crate::rng::{Rng, mix};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// At most this many groups are open at once; keeps tokens short.
const MAX_PENDING: usize = 32;
/// At most this many repeated rows wait for the next page.
const MAX_REPLAY: usize = 64;

/// How pages are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) page_size: usize,
    pub(crate) slice_size: usize,
    pub(crate) replay_percent: u32,
    pub(crate) seed: u64,
}

/// What one page holds and how the round goes on.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Value>,
    /// The next page; `None` when the round is complete.
    pub(crate) next: Option<Cursor>,
}

/// Renders the pages of one query.
pub(crate) struct Reader<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) query: &'a DeltaQuery,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    /// `Prefer: return=minimal`
    pub(crate) minimal: bool,
    /// Rows in any order, slices cut once more (a fault).
    pub(crate) reorder: bool,
}

/// A rendered row.
struct Row {
    value: Map<String, Value>,
    members: usize,
    more: Option<MemberCursor>,
}

/// One slice of a member list.
struct Slice {
    rows: Vec<Value>,
    more: Option<MemberCursor>,
}

impl Reader<'_> {
    /// The page at `cursor`.
    pub(crate) fn page(&self, cursor: &Cursor) -> Page {
        let since = cursor.since;
        let mut out = Rows {
            limits: self.limits,
            rows: Vec::new(),
            members: 0,
            replay: Vec::new(),
        };
        for &(index, at) in &cursor.replay {
            if let Some(row) = self.row(since, cursor.until, index, at) {
                out.rows.push(row.value);
            }
        }
        let mut pending = Vec::new();
        for &(index, at) in &cursor.pending {
            if let Some(row) = self.row(since, cursor.until, index, at) {
                pending.extend(row.more.map(|more| (index, more)));
                out.push(index, at, row);
            }
        }
        let mut source = Source::new(self, cursor);
        while pending.len() < MAX_PENDING && out.has_room() {
            let Some(index) = source.next() else { break };
            let at = MemberCursor::default();
            if let Some(row) = self.row(since, cursor.until, index, at) {
                pending.extend(row.more.map(|more| (index, more)));
                out.push(index, at, row);
            }
        }
        let complete = pending.is_empty() && source.is_finished();
        let kept = if complete {
            0
        } else {
            MAX_REPLAY.min(out.replay.len())
        };
        for (index, at) in out.replay.split_off(kept) {
            let row = self.row(since, cursor.until, index, at);
            out.rows.extend(row.map(|row| row.value));
        }
        let next = Cursor {
            position: source.position,
            pending,
            replay: out.replay,
            page: cursor.page + 1,
            after_empty: false,
            ..*cursor
        };
        let rows = if self.reorder {
            self.shuffled(out.rows, cursor)
        } else {
            out.rows
        };
        let rows = rows.into_iter().map(Value::Object).collect();
        Page {
            rows,
            next: (!complete).then_some(next),
        }
    }

    /// The row of an object, or the slice of it at `at`; `None` when nothing of it is news.
    fn row(
        &self,
        since: Option<Version>,
        until: Version,
        index: Index,
        at: MemberCursor,
    ) -> Option<Row> {
        let object = self.tenant.object(index);
        let mut value = Map::new();
        value.insert("id".into(), json!(object.id.to_string()));
        let removed = match object.state {
            State::Active => None,
            State::SoftDeleted => Some("changed"),
            State::HardDeleted => Some("deleted"),
        };
        if let Some(reason) = removed {
            value.insert("@removed".into(), json!({ "reason": reason }));
            return Some(Row {
                value,
                members: 0,
                more: None,
            });
        }
        let none = History::default();
        let history = self.tenant.history.get(&index).unwrap_or(&none);
        let known = since.filter(|since| history.created.max(history.restored) <= *since);
        let changed = |name: &str| {
            let version = history.properties.get(name).copied().unwrap_or(0);
            version > 0 && known.is_none_or(|known| version > known)
        };
        let names = self.selected(object);
        let news = names.iter().any(|name| changed(name));
        let slice = self.slice(object, known, since, until, at);
        if known.is_some() && !news && slice.is_none() {
            return None;
        }
        for name in names {
            let property = properties::value(self.tenant, object, name);
            let Some(property) = property else { continue };
            let version = history.properties.get(name).copied().unwrap_or(0);
            let wanted = match known {
                // Never set: not there. Cleared since the reader last looked: null.
                _ if property.is_null() => since.is_some_and(|since| version > since),
                Some(_) if self.minimal => changed(name),
                _ => true,
            };
            if wanted {
                value.insert(name.to_owned(), property);
            }
        }
        let (members, more) = match slice {
            Some(slice) => {
                let count = slice.rows.len();
                value.insert("members@delta".into(), Value::Array(slice.rows));
                (count, slice.more)
            }
            None => (0, None),
        };
        Some(Row {
            value,
            members,
            more,
        })
    }

    /// The properties this query reports of an object.
    fn selected(&self, object: &Object) -> Vec<&str> {
        match &self.query.select {
            Some(select) => select
                .iter()
                .map(String::as_str)
                .filter(|name| !matches!(*name, "id" | "members" | "allowExternalSenders"))
                .collect(),
            None => Entity::of(object).default_properties().to_vec(),
        }
    }

    fn wants_members(&self) -> bool {
        let select = self.query.select.as_ref();
        self.query.collection == Collection::Groups
            && select.is_none_or(|names| names.iter().any(|name| name == "members"))
    }

    /// Member rows from `at` on. `known` is `None` when the reader has to learn the whole list.
    fn slice(
        &self,
        object: &Object,
        known: Option<Version>,
        since: Option<Version>,
        until: Version,
        at: MemberCursor,
    ) -> Option<Slice> {
        let group = object.group().filter(|_| self.wants_members())?;
        if group.hidden_membership && !self.access.hidden {
            return None;
        }
        if known.is_some_and(|known| group.members_changed <= known) {
            return None;
        }
        let mut rows = Vec::new();
        let mut more = None;
        let MemberCursor(mut part, mut position) = at;
        if part == 0 && known.is_none() {
            let mut next = position as usize;
            while let Some(&member) = group.base.get(next) {
                if rows.len() == self.limits.slice_size {
                    more = Some(MemberCursor(0, next as u32));
                    break;
                }
                if group.has(member) {
                    rows.push(self.member(member, true));
                }
                next += 1;
            }
        }
        if more.is_none() {
            if part == 0 {
                (part, position) = (1, 0);
            }
            debug_assert_eq!(part, 1);
            for (&member, change) in group.overlay.range(position..) {
                let report = match known {
                    Some(known) => change.version > known && change.version <= until,
                    // The whole list: additions, and what went while the reader was away.
                    None if change.present => !group.in_base(member),
                    None => since.is_some_and(|since| change.version > since),
                };
                if !report {
                    continue;
                }
                if rows.len() == self.limits.slice_size {
                    more = Some(MemberCursor(1, member));
                    break;
                }
                rows.push(self.member(member, change.present));
            }
        }
        (!rows.is_empty()).then_some(Slice { rows, more })
    }

    fn member(&self, member: Index, present: bool) -> Value {
        let object = self.tenant.object(member);
        let mut row = Map::new();
        row.insert(
            "@odata.type".into(),
            json!(format!("#{}", Entity::of(object).type_name())),
        );
        row.insert("id".into(), json!(object.id.to_string()));
        if !present {
            row.insert("@removed".into(), json!({"reason": "deleted"}));
        }
        Value::Object(row)
    }

    /// The rows of a page in another order, with each member list cut in two, the second half first.
    fn shuffled(&self, rows: Vec<Map<String, Value>>, cursor: &Cursor) -> Vec<Map<String, Value>> {
        let mut out = Vec::with_capacity(rows.len() * 2);
        for mut row in rows {
            if let Some(Value::Array(members)) = row.get_mut("members@delta")
                && members.len() > 1
            {
                let tail = members.split_off(members.len() / 2);
                let mut second = Map::new();
                second.extend(row.get("id").map(|id| ("id".to_owned(), id.clone())));
                second.insert("members@delta".into(), Value::Array(tail));
                out.push(second);
            }
            out.push(row);
        }
        Rng::new(self.limits.seed ^ u64::from(cursor.page), "reorder").shuffle(&mut out);
        out
    }
}

/// The rows of the page in the making.
struct Rows {
    limits: Limits,
    rows: Vec<Map<String, Value>>,
    members: usize,
    replay: Vec<(Index, MemberCursor)>,
}

impl Rows {
    fn push(&mut self, index: Index, at: MemberCursor, row: Row) {
        self.members += row.members;
        self.rows.push(row.value);
        let place = u64::from(index) << 34 | u64::from(at.0) << 33 | u64::from(at.1);
        if mix(self.limits.seed ^ place) % 100 < u64::from(self.limits.replay_percent) {
            self.replay.push((index, at));
        }
    }

    fn has_room(&self) -> bool {
        self.rows.len() < self.limits.page_size && self.members < self.limits.slice_size * 4
    }
}

/// Where new objects come from: the collection in the first round, the change log afterwards.
struct Source<'a> {
    tenant: &'a Tenant,
    collection: Collection,
    since: Option<Version>,
    until: Version,
    position: usize,
    /// Chosen objects, if the query chose any.
    chosen: Option<Vec<Index>>,
    chosen_set: HashSet<Index>,
}

impl<'a> Source<'a> {
    fn new(reader: &Reader<'a>, cursor: &Cursor) -> Self {
        let query = reader.query;
        let ids = query
            .ids
            .iter()
            .filter_map(|id| crate::ids::Guid::parse(id));
        let indexes = ids.filter_map(|id| reader.tenant.by_id.get(&id).copied());
        let chosen: Option<Vec<Index>> = (!query.ids.is_empty()).then(|| indexes.collect());
        Self {
            tenant: reader.tenant,
            collection: query.collection,
            since: cursor.since,
            until: cursor.until,
            position: cursor.position,
            chosen_set: chosen.iter().flatten().copied().collect(),
            chosen,
        }
    }

    fn belongs(&self, index: Index) -> bool {
        let entity = match self.collection {
            Collection::Groups => Entity::Group,
            Collection::Users => Entity::User,
            Collection::Devices => Entity::Device,
        };
        Entity::of(self.tenant.object(index)) == entity
            && (self.chosen.is_none() || self.chosen_set.contains(&index))
    }

    fn next(&mut self) -> Option<Index> {
        loop {
            let index = match self.since {
                None => *self.list().get(self.position)?,
                Some(_) if self.position >= self.until as usize => return None,
                Some(since) => {
                    let entry = self.tenant.log.get(self.position)?;
                    // An object's first change of the round stands for all of them.
                    if entry.previous > since {
                        self.position += 1;
                        continue;
                    }
                    entry.object
                }
            };
            self.position += 1;
            let born = self
                .tenant
                .history
                .get(&index)
                .map_or(0, |history| history.created);
            if self.belongs(index) && (self.since.is_some() || born <= self.until) {
                return Some(index);
            }
        }
    }

    fn list(&self) -> &[Index] {
        match (&self.chosen, self.collection) {
            (Some(chosen), _) => chosen,
            (None, Collection::Groups) => &self.tenant.groups,
            (None, Collection::Users) => &self.tenant.users,
            (None, Collection::Devices) => &self.tenant.devices,
        }
    }

    fn is_finished(&self) -> bool {
        match self.since {
            None => self.position >= self.list().len(),
            Some(_) => self.position >= self.until as usize,
        }
    }
}

/// A cursor at the start of a round.
pub(crate) fn start(since: Option<Version>, until: Version) -> Cursor {
    Cursor {
        since,
        until,
        position: since.unwrap_or(0) as usize,
        ..Cursor::default()
    }
}

#[cfg(test)]
mod tests;
