//! Store room: all objects with their names, identities, links and indexes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::dn::{self, Rdn, Reference};
use super::links::Links;
use super::object::{Id, Identity, NOBODY, Object, Value};
use super::schema::{AttrId, ClassId, Schema};
use super::sid::{Guid, Sid};
use super::text::fold;
use super::values;
use crate::ldap::front::CONTROLLERS;

/// First RID of objects made over LDAP; callers of the lab choose smaller ones.
const FIRST_POOLED_RID: u32 = 0x2000_0000;

/// Objects that the rules need by name.
#[derive(Debug, Clone, Copy)]
pub struct Landmarks {
    /// Head of the domain.
    pub domain: Id,
    /// Head of the configuration.
    pub configuration: Id,
    /// Head of the schema.
    pub schema: Id,
    /// `CN=Deleted Objects`.
    pub deleted: Id,
    /// `CN=Users`.
    pub users: Id,
    /// `CN=Computers`.
    pub computers: Id,
    /// `CN=ForeignSecurityPrincipals`.
    pub foreign: Id,
    /// NTDS settings of the controllers.
    pub dsas: [Id; CONTROLLERS],
}

/// What an undelete with the Recycle Bin brings back: links by forward attribute.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// Links from the object.
    pub targets: Vec<(AttrId, Vec<Id>)>,
    /// Links to the object.
    pub sources: Vec<(AttrId, Vec<Id>)>,
}

/// All objects.
#[derive(Debug, Clone)]
pub struct Store {
    /// Attributes and classes.
    pub schema: Arc<Schema>,
    /// Objects by id; deleted ones stay.
    pub objects: Vec<Object>,
    /// Links.
    pub links: Links,
    /// Named objects.
    pub marks: Landmarks,
    /// Schema objects by class.
    pub class_objects: Vec<Id>,
    /// Components of the domain's DN.
    pub base: Vec<Rdn>,
    /// The domain's DN.
    pub base_dn: String,
    /// SID of the domain.
    pub domain_sid: Sid,
    /// Highest committed USN.
    pub usn: u64,
    /// Up to which USN the changes of each controller are here; `None`: all.
    pub received: [Option<u64>; CONTROLLERS],
    /// Whether deleted objects keep their attributes and links.
    pub recycle_bin: bool,
    /// Whether its controllers have read-only copies.
    pub read_only: bool,
    /// Whether permissive modify is ignored for members.
    pub strict_members: bool,
    /// Links of objects in the Recycle Bin.
    pub saved: HashMap<Id, Saved>,
    /// Objects of accounts with writeback rights.
    pub writers: Vec<Id>,
    /// Forward link attributes of the schema.
    pub forward: Vec<AttrId>,
    children: HashMap<Id, BTreeSet<Id>>,
    names: HashMap<(Id, Box<str>), Id>,
    guids: HashMap<Guid, Id>,
    rids: HashMap<u32, Id>,
    sids: HashMap<Sid, Id>,
    index: HashMap<AttrId, BTreeSet<(Value, Id)>>,
    classes: HashMap<ClassId, BTreeSet<Id>>,
    deleted: BTreeSet<Id>,
    next_rid: u32,
    random: u64,
}

impl Store {
    /// An empty store for a domain.
    pub fn new(schema: Arc<Schema>, domain: &str, domain_sid: Sid, seed: u64) -> Self {
        let base: Vec<Rdn> = domain
            .split('.')
            .map(|label| Rdn {
                kind: "DC".to_owned(),
                value: label.to_owned(),
            })
            .collect();
        let forward = schema
            .attributes
            .iter()
            .filter(|a| a.forward_link())
            .map(|a| a.id)
            .collect();
        Self {
            objects: Vec::new(),
            links: Links::default(),
            marks: Landmarks {
                domain: 0,
                configuration: 0,
                schema: 0,
                deleted: 0,
                users: 0,
                computers: 0,
                foreign: 0,
                dsas: [0; CONTROLLERS],
            },
            class_objects: vec![NOBODY; schema.classes.len()],
            base_dn: dn::text(&base),
            base,
            domain_sid,
            usn: 4096,
            received: [None; CONTROLLERS],
            recycle_bin: false,
            read_only: false,
            strict_members: false,
            saved: HashMap::new(),
            writers: Vec::new(),
            forward,
            children: HashMap::new(),
            names: HashMap::new(),
            guids: HashMap::new(),
            rids: HashMap::new(),
            sids: HashMap::new(),
            index: HashMap::new(),
            classes: HashMap::new(),
            deleted: BTreeSet::new(),
            next_rid: FIRST_POOLED_RID,
            random: seed ^ 0x6c61_6221_6469_7221,
            schema,
        }
    }

    /// The object with this id.
    pub fn object(&self, id: Id) -> &Object {
        &self.objects[id as usize]
    }

    /// Seconds since 1970.
    pub fn now() -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| {
                i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
            })
    }

    /// The next pseudo-random number; the sequence is a function of the seed.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A new object GUID (version 4).
    pub fn new_guid(&mut self) -> Guid {
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&self.random().to_le_bytes());
        guid[8..].copy_from_slice(&self.random().to_le_bytes());
        guid[7] = (guid[7] & 0x0f) | 0x40;
        guid[8] = (guid[8] & 0x3f) | 0x80;
        guid
    }

    /// A RID from the pool.
    pub fn new_rid(&mut self) -> u32 {
        while self.rids.contains_key(&self.next_rid) {
            self.next_rid += 1;
        }
        self.next_rid += 1;
        self.next_rid - 1
    }

    /// The next USN, for a change that is about to be made.
    pub fn next_usn(&mut self) -> u64 {
        self.usn += 1;
        self.usn
    }

    /// Stamps an object as changed.
    pub fn touch(&mut self, id: Id) {
        let (usn, now) = (self.next_usn(), Self::now());
        let object = &mut self.objects[id as usize];
        object.usn_changed = usn;
        object.changed = now;
    }

    /// Direct children, deleted or not, in order of their ids.
    pub fn children(&self, parent: Id) -> Option<&BTreeSet<Id>> {
        self.children.get(&parent)
    }

    /// Whether an object has children.
    pub fn has_children(&self, id: Id) -> bool {
        self.children
            .get(&id)
            .is_some_and(|children| !children.is_empty())
    }

    /// Objects of exactly this class.
    pub fn of_class(&self, class: ClassId) -> Option<&BTreeSet<Id>> {
        self.classes.get(&class)
    }

    /// Deleted objects.
    pub fn deleted(&self) -> &BTreeSet<Id> {
        &self.deleted
    }

    /// The index of an attribute: pairs of comparison key and object.
    pub fn index(&self, attribute: AttrId) -> Option<&BTreeSet<(Value, Id)>> {
        self.index.get(&attribute)
    }

    /// Objects with exactly this key in an indexed attribute.
    pub fn lookup(&self, attribute: AttrId, key: &[u8]) -> impl Iterator<Item = Id> {
        let key: Value = key.into();
        self.index
            .get(&attribute)
            .into_iter()
            .flat_map(move |index| index.range((key.clone(), 0)..=(key.clone(), Id::MAX)))
            .map(|(_, id)| *id)
    }

    /// A child by relative name.
    pub fn child(&self, parent: Id, rdn: &str) -> Option<Id> {
        self.names.get(&(parent, fold(rdn).into())).copied()
    }

    /// An object by GUID.
    pub fn by_guid(&self, guid: &Guid) -> Option<Id> {
        self.guids.get(guid).copied()
    }

    /// An object by RID of this domain.
    pub fn by_rid(&self, rid: u32) -> Option<Id> {
        self.rids.get(&rid).copied()
    }

    /// An object by SID.
    pub fn by_sid(&self, sid: &Sid) -> Option<Id> {
        match sid.split() {
            Some((domain, rid)) if domain == self.domain_sid => self.by_rid(rid),
            _ => self.sids.get(sid).copied(),
        }
    }

    /// Whether a SID is of this domain.
    pub fn issued(&self, sid: &Sid) -> bool {
        sid.split()
            .is_some_and(|(domain, _)| domain == self.domain_sid)
    }

    /// The SID of an object.
    pub fn sid(&self, id: Id) -> Option<Sid> {
        match &self.object(id).identity {
            Identity::None => None,
            Identity::Domain(rid) => Some(self.domain_sid.child(*rid)),
            Identity::Other(sid) => Some((**sid).clone()),
        }
    }

    /// An object by DN; when it isn't there, the deepest ancestor that is.
    pub fn by_dn(&self, parts: &[Rdn]) -> Result<Id, Option<Id>> {
        let split = parts.len().checked_sub(self.base.len()).ok_or(None)?;
        let same = |left: &Rdn, right: &Rdn| {
            left.kind.eq_ignore_ascii_case(&right.kind) && fold(&left.value) == fold(&right.value)
        };
        if !parts[split..]
            .iter()
            .zip(&self.base)
            .all(|(left, right)| same(left, right))
        {
            return Err(None);
        }
        let mut found = self.marks.domain;
        for part in parts[..split].iter().rev() {
            let child = self.child(found, &part.value).ok_or(Some(found))?;
            let kind = self.schema.class(self.object(child).class).rdn;
            if self.schema.find(&part.kind) != Some(kind) {
                return Err(Some(found));
            }
            found = child;
        }
        Ok(found)
    }

    /// An object by any form of reference.
    pub fn resolve(&self, reference: &Reference) -> Result<Id, Option<Id>> {
        match reference {
            Reference::Dn(parts) => self.by_dn(parts),
            Reference::Guid(guid) => self.by_guid(guid).ok_or(None),
            Reference::Sid(sid) => self.by_sid(sid).ok_or(None),
        }
    }

    /// Whether `id` is `ancestor` or below it.
    pub fn within(&self, mut id: Id, ancestor: Id) -> bool {
        while id != NOBODY {
            if id == ancestor {
                return true;
            }
            id = self.object(id).parent;
        }
        false
    }

    /// The head of the naming context an object is in.
    pub fn context(&self, mut id: Id) -> Id {
        while !self.object(id).flags.head && self.object(id).parent != NOBODY {
            id = self.object(id).parent;
        }
        id
    }

    /// Adds an object and indexes it.
    pub fn insert(&mut self, object: Object) -> Id {
        let id = self.objects.len() as Id;
        self.children.entry(object.parent).or_default().insert(id);
        self.names
            .insert((object.parent, fold(&object.rdn).into()), id);
        self.guids.insert(object.guid, id);
        match &object.identity {
            Identity::None => {}
            Identity::Domain(rid) => {
                self.rids.insert(*rid, id);
            }
            Identity::Other(sid) => {
                self.sids.insert((**sid).clone(), id);
            }
        }
        self.classes.entry(object.class).or_default().insert(id);
        let key = fold(&object.rdn).into_bytes().into();
        self.index
            .entry(self.schema.a.name)
            .or_default()
            .insert((key, id));
        for (attribute, values) in object.bag.iter() {
            for key in keys(&self.schema, attribute, values) {
                self.index.entry(attribute).or_default().insert((key, id));
            }
        }
        self.objects.push(object);
        id
    }

    /// Replaces the values of a stored attribute.
    pub fn set(&mut self, id: Id, attribute: AttrId, new: Vec<Value>) {
        if self.schema.attribute(attribute).indexed {
            let object = &self.objects[id as usize];
            let old = keys(&self.schema, attribute, object.bag.get(attribute));
            let added = keys(&self.schema, attribute, &new);
            let index = self.index.entry(attribute).or_default();
            for key in old {
                index.remove(&(key, id));
            }
            for key in added {
                index.insert((key, id));
            }
        }
        self.objects[id as usize].bag.set(attribute, new);
    }

    /// Removes stored attributes that `keep` doesn't want.
    pub fn strip(&mut self, id: Id, keep: impl Fn(AttrId) -> bool) {
        let gone: Vec<AttrId> = self
            .object(id)
            .bag
            .iter()
            .map(|(a, _)| a)
            .filter(|a| !keep(*a))
            .collect();
        for attribute in gone {
            self.set(id, attribute, Vec::new());
        }
    }

    /// Gives an object another name or parent.
    pub fn relocate(&mut self, id: Id, parent: Id, rdn: &str) {
        let object = &mut self.objects[id as usize];
        let old = std::mem::replace(&mut object.rdn, rdn.into());
        let from = std::mem::replace(&mut object.parent, parent);
        self.names.remove(&(from, fold(&old).into()));
        self.names.insert((parent, fold(rdn).into()), id);
        if from != parent {
            if let Some(children) = self.children.get_mut(&from) {
                children.remove(&id);
            }
            self.children.entry(parent).or_default().insert(id);
        }
        let index = self.index.entry(self.schema.a.name).or_default();
        index.remove(&(fold(&old).into_bytes().into(), id));
        index.insert((fold(rdn).into_bytes().into(), id));
    }

    /// Changes whether an object counts as deleted.
    pub fn set_deleted(&mut self, id: Id, deleted: bool, recycled: bool) {
        let flags = &mut self.objects[id as usize].flags;
        flags.deleted = deleted;
        flags.recycled = recycled;
        if deleted {
            self.deleted.insert(id);
        } else {
            self.deleted.remove(&id);
        }
    }
}

fn keys(schema: &Schema, attribute: AttrId, stored: &[Value]) -> Vec<Value> {
    let attribute = schema.attribute(attribute);
    if !attribute.indexed {
        return Vec::new();
    }
    stored
        .iter()
        .filter_map(|value| values::key(attribute, value))
        .map(Into::into)
        .collect()
}
