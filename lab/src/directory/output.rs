//! Search room: entries the way they go over the wire: selection, ranges, extended names.

use std::collections::{HashMap, HashSet};

use super::access::Principal;
use super::object::{Id, NOBODY};
use super::schema::{AttrId, Syntax};
use super::sid::{guid_text, hex};
use super::store::Store;
use crate::ldap::message::{Range, RawAttribute, split_range};

/// Which attributes a search wants.
#[derive(Debug, Default, Clone)]
pub struct Selection {
    /// Everything that is stored.
    everything: bool,
    /// Attributes by name, some with a range.
    named: Vec<(AttrId, Option<Range>)>,
}

/// How to print entries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Extended names: 0 for hexadecimal, 1 for text identifiers.
    pub extended: Option<i64>,
    /// Names of attributes only.
    pub types_only: bool,
    /// Security descriptor parts that were asked for by control.
    pub descriptor: Option<i64>,
    /// Most values of an attribute in one answer.
    pub max_values: usize,
}

impl Selection {
    /// Reads the attribute list of a search.
    pub fn new(store: &Store, names: &[String]) -> Self {
        let mut selection = Selection {
            everything: names.is_empty(),
            named: Vec::new(),
        };
        for name in names {
            match name.as_str() {
                "*" => selection.everything = true,
                "1.1" | "+" => {}
                name => {
                    let (name, range) = split_range(name);
                    if let Some(id) = store.schema.find(name) {
                        selection.named.push((id, range));
                    }
                }
            }
        }
        selection
    }

    /// Whether a ranged read goes on after its first slice.
    pub fn continues(&self) -> bool {
        self.named
            .iter()
            .any(|(_, range)| range.is_some_and(|range| range.from > 0))
    }
}

/// Prints entries of one search; remembers what names have in common.
pub struct Printer<'a> {
    store: &'a Store,
    who: &'a Principal,
    style: Style,
    parents: HashMap<Id, String>,
}

impl<'a> Printer<'a> {
    /// A printer for one caller.
    pub fn new(store: &'a Store, who: &'a Principal, style: Style) -> Self {
        Self {
            store,
            who,
            style,
            parents: HashMap::new(),
        }
    }

    fn plain_dn(&mut self, id: Id) -> String {
        let parent = self.store.object(id).parent;
        if id == self.store.marks.domain || parent == NOBODY {
            return self.store.dn(id);
        }
        let store = self.store;
        let above = self
            .parents
            .entry(parent)
            .or_insert_with(|| store.dn(parent));
        let mut text = String::with_capacity(above.len() + 24);
        store.push_rdn(id, &mut text);
        text.push(',');
        text.push_str(above);
        text
    }

    /// The name of an object in the form asked for.
    pub fn dn(&mut self, id: Id) -> String {
        let plain = self.plain_dn(id);
        let object = self.store.object(id);
        let (guid, sid) = match self.style.extended {
            None => return plain,
            Some(0) => (
                hex(&object.guid),
                self.store.sid(id).map(|sid| hex(sid.as_bytes())),
            ),
            Some(_) => (
                guid_text(&object.guid),
                self.store.sid(id).map(|sid| sid.to_string()),
            ),
        };
        let sid = sid.map_or_else(String::new, |sid| format!("<SID={sid}>;"));
        format!("<GUID={guid}>;{sid}{plain}")
    }

    /// The wanted attributes of an object.
    pub fn attributes(&mut self, id: Id, selection: &Selection) -> Vec<RawAttribute> {
        let mut out = Vec::new();
        let mut wanted: Vec<(AttrId, Option<Range>)> = Vec::new();
        if selection.everything {
            wanted.extend(self.stored(id).into_iter().map(|id| (id, None)));
        }
        for (attribute, range) in &selection.named {
            let listed = wanted.iter().position(|(id, _)| id == attribute);
            match (listed, range) {
                (Some(at), Some(_)) if wanted[at].1.is_none() => wanted[at].1 = *range,
                (Some(_), None) => {}
                _ => wanted.push((*attribute, *range)),
            }
        }
        for (attribute, range) in wanted {
            self.push(id, attribute, range, &mut out);
        }
        if self.style.types_only {
            out.iter_mut()
                .for_each(|attribute| attribute.values.clear());
        }
        out
    }

    /// What `*` stands for on this object.
    fn stored(&self, id: Id) -> Vec<AttrId> {
        let (store, a) = (self.store, &self.store.schema.a);
        let object = store.object(id);
        let secret = HashSet::from([a.password, a.user_password]);
        let mut list = vec![a.object_class, store.schema.class(object.class).rdn];
        list.extend(
            object
                .bag
                .iter()
                .map(|(id, _)| id)
                .filter(|id| !secret.contains(id)),
        );
        for attribute in [
            a.distinguished_name,
            a.instance_type,
            a.when_created,
            a.when_changed,
            a.usn_created,
            a.usn_changed,
            a.name,
            a.object_guid,
            a.object_sid,
            a.sam_account_type,
            a.object_category,
            a.is_deleted,
            a.is_recycled,
            a.critical,
        ] {
            if !list.contains(&attribute) {
                list.push(attribute);
            }
        }
        if object.flags.deleted && id != store.marks.deleted {
            list.retain(|id| *id != a.object_category);
        }
        for attribute in &store.schema.attributes {
            if attribute.link.is_some() && store.each_reference(id, attribute.id, |_| true) {
                list.push(attribute.id);
            }
        }
        if self.style.descriptor.is_some() {
            list.push(a.descriptor);
        }
        list
    }

    fn push(
        &mut self,
        id: Id,
        attribute: AttrId,
        range: Option<Range>,
        out: &mut Vec<RawAttribute>,
    ) {
        let store = self.store;
        let a = &store.schema.a;
        let about = store.schema.attribute(attribute);
        if attribute == a.password || attribute == a.user_password {
            return;
        }
        if about.syntax == Syntax::Dn {
            let mut gathered = Vec::new();
            let targets = if about.link.is_some() {
                store.linked(id, attribute)
            } else {
                store.each_reference(id, attribute, |target| {
                    gathered.push(target);
                    false
                });
                &gathered
            };
            let Some((name, from, to)) = self.window(&about.name, targets.len(), range, out) else {
                return;
            };
            let values = targets[from..to]
                .iter()
                .map(|id| self.dn(*id).into_bytes())
                .collect();
            out.push(RawAttribute { name, values });
            return;
        }
        let mut values: Vec<Vec<u8>> = Vec::new();
        if !self.personal(id, attribute, &mut values) {
            store.each_value(id, attribute, |value| {
                values.push(value.to_vec());
                false
            });
        }
        let Some((name, from, to)) = self.window(&about.name, values.len(), range, out) else {
            return;
        };
        values.truncate(to);
        values.drain(..from);
        out.push(RawAttribute { name, values });
    }

    /// The slice of values to give and the name that goes with it.
    fn window(
        &self,
        name: &str,
        count: usize,
        range: Option<Range>,
        out: &mut Vec<RawAttribute>,
    ) -> Option<(String, usize, usize)> {
        let most = self.style.max_values;
        let range = match range {
            None if count == 0 => return None,
            None if count <= most => return Some((name.to_owned(), 0, count)),
            None => {
                out.push(RawAttribute {
                    name: name.to_owned(),
                    values: Vec::new(),
                });
                Range { from: 0, to: None }
            }
            Some(range) => range,
        };
        let end = range.to.map_or(count, |to| to.saturating_add(1)).min(count);
        if range.from >= end {
            return None;
        }
        let end = end.min(range.from + most);
        let last = if end == count {
            "*".to_owned()
        } else {
            (end - 1).to_string()
        };
        Some((
            format!("{name};range={}-{last}", range.from),
            range.from,
            end,
        ))
    }

    /// Attributes whose values depend on who asks.
    fn personal(&self, id: Id, attribute: AttrId, values: &mut Vec<Vec<u8>>) -> bool {
        let (store, a, who) = (self.store, &self.store.schema.a, self.who);
        if attribute == a.allowed_attributes_effective {
            let schema = &store.schema;
            for attribute in &schema.class(store.object(id).class).may {
                let about = schema.attribute(*attribute);
                let writable = !about.system_only && !about.constructed() && !about.back_link();
                if writable && who.may_write(store, id, *attribute) {
                    values.push(about.name.clone().into_bytes());
                }
            }
        } else if attribute == a.allowed_classes_effective {
            for class in store.child_classes(id) {
                if who.may_create(store, id, class) {
                    values.push(store.schema.class(class).name.clone().into_bytes());
                }
            }
        } else if attribute == a.descriptor {
            let parts = self.style.descriptor.unwrap_or(7);
            values.push(super::descriptor::build(store, id, parts));
        } else if attribute == a.sd_rights {
            values.push(b"0".to_vec());
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_options_are_read() {
        assert_eq!(split_range("member"), ("member", None));
        assert_eq!(
            split_range("member;range=0-*"),
            ("member", Some(Range { from: 0, to: None }))
        );
        assert_eq!(
            split_range("member;Range=1500-2999"),
            (
                "member",
                Some(Range {
                    from: 1500,
                    to: Some(2999)
                })
            )
        );
        assert_eq!(split_range("member;binary"), ("member", None));
        assert_eq!(split_range("member;range=x-*"), ("member", None));
    }
}
