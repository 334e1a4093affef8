//! Rights room: who may do what.

use std::collections::HashSet;

use super::Rights;
use super::object::Id;
use super::schema::{AttrId, ClassId};
use super::store::Store;

/// An account that can bind, with what it may do.
#[derive(Debug, Clone)]
pub struct Principal {
    /// `sAMAccountName`.
    pub name: String,
    /// Its password.
    pub password: String,
    /// Kind of rights.
    pub rights: Rights,
    /// Its object.
    pub object: Id,
    /// Attributes it may not write, whatever its rights.
    pub denied: HashSet<AttrId>,
    /// Whether it may see and bring back deleted objects.
    pub reanimate: bool,
}

impl Principal {
    fn admin(&self) -> bool {
        self.rights == Rights::Admin
    }

    /// May see deleted objects.
    pub fn sees_deleted(&self) -> bool {
        self.admin() || self.reanimate
    }

    /// May add an object of `class` below `parent`.
    pub fn may_create(&self, store: &Store, parent: Id, class: ClassId) -> bool {
        let c = &store.schema.c;
        match self.rights {
            Rights::Admin => true,
            Rights::ReadOnly => false,
            Rights::Writeback if class == c.organizational_unit => {
                let kind = store.object(parent).class;
                parent == store.marks.domain || kind == c.organizational_unit
            }
            Rights::Writeback => {
                store.schema.derives(class, c.group) && below_unit(store, parent, true)
            }
        }
    }

    /// May write this attribute of this object.
    pub fn may_write(&self, store: &Store, id: Id, attribute: AttrId) -> bool {
        !self.denied.contains(&attribute) && self.may_change(store, id)
    }

    /// May change the object at all.
    fn may_change(&self, store: &Store, id: Id) -> bool {
        match self.rights {
            Rights::Admin => true,
            Rights::ReadOnly => false,
            Rights::Writeback => {
                let object = store.object(id);
                let reachable = if object.flags.deleted {
                    self.reanimate
                } else {
                    below_unit(store, object.parent, true)
                };
                store.schema.derives(object.class, store.schema.c.group)
                    && reachable
                    && !object.flags.system
                    && object.bag.text(store.schema.a.admin_count) != Some("1")
            }
        }
    }

    /// May delete the object.
    pub fn may_delete(&self, store: &Store, id: Id) -> bool {
        !store.object(id).flags.protected && self.may_change(store, id)
    }

    /// May rename the object, and move it below `parent` if that is another one.
    pub fn may_relocate(&self, store: &Store, id: Id, parent: Id) -> bool {
        let a = &store.schema.a;
        let object = store.object(id);
        let kind = store.schema.class(object.class).rdn;
        let renames = self.may_write(store, id, a.name) && self.may_write(store, id, kind);
        let moves = object.parent == parent
            || (!object.flags.protected && self.may_create(store, parent, object.class));
        renames && moves
    }

    /// May bring this deleted object back below `parent`.
    pub fn may_restore(&self, store: &Store, id: Id, parent: Id) -> bool {
        self.sees_deleted() && self.may_create(store, parent, store.object(id).class)
    }
}

fn below_unit(store: &Store, mut id: Id, live: bool) -> bool {
    let unit = store.schema.c.organizational_unit;
    while id != super::object::NOBODY {
        let object = store.object(id);
        if live && object.flags.deleted {
            return false;
        }
        if object.class == unit {
            return true;
        }
        id = object.parent;
    }
    false
}
