//! Rules room: a change being prepared: attributes and links before they are committed, all or nothing.

use std::collections::{BTreeMap, HashSet};

use super::dn::{Reference, parse_reference};
use super::object::{Bag, Flags, Id, Identity, Object, Value};
use super::principals::{self, Scope};
use super::results::Failure;
use super::schema::{AttrId, ClassId, Syntax};
use super::sid::Sid;
use super::store::Store;

/// What a linked value names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An object of the directory.
    Object(Id),
    /// A principal of another domain that isn't here yet.
    Foreign(Sid),
}

/// Links of one attribute, as a difference from what is stored.
#[derive(Debug, Default, Clone)]
pub struct LinkDraft {
    added: HashSet<Target>,
    removed: HashSet<Id>,
}

/// An object as it will be.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The object, unless it is new.
    pub id: Option<Id>,
    /// Its class.
    pub class: ClassId,
    /// Stored attributes.
    pub bag: Bag,
    links: BTreeMap<AttrId, LinkDraft>,
}

impl Draft {
    /// A draft of a new object.
    pub fn new(class: ClassId) -> Self {
        Self {
            id: None,
            class,
            bag: Bag::default(),
            links: BTreeMap::new(),
        }
    }

    /// A draft of an object that is there.
    pub fn of(store: &Store, id: Id) -> Self {
        let object = store.object(id);
        Self {
            id: Some(id),
            class: object.class,
            bag: object.bag.clone(),
            links: BTreeMap::new(),
        }
    }

    fn stored<'a>(&self, store: &'a Store, attribute: AttrId) -> &'a [Id] {
        self.id.map_or(&[], |id| store.links.targets(id, attribute))
    }

    /// Whether the draft has this link.
    pub fn linked(&self, store: &Store, attribute: AttrId, target: &Target) -> bool {
        let draft = self.links.get(&attribute);
        if draft.is_some_and(|draft| draft.added.contains(target)) {
            return true;
        }
        let (Target::Object(target), Some(id)) = (target, self.id) else {
            return false;
        };
        !draft.is_some_and(|draft| draft.removed.contains(target))
            && store.links.contains(id, attribute, *target)
    }

    /// Adds a link; false when it is there.
    pub fn link(&mut self, store: &Store, attribute: AttrId, target: Target) -> bool {
        if self.linked(store, attribute, &target) {
            return false;
        }
        let draft = self.links.entry(attribute).or_default();
        let restored = matches!(&target, Target::Object(id) if draft.removed.remove(id));
        if !restored {
            draft.added.insert(target);
        }
        true
    }

    /// Removes a link; false when it isn't there.
    pub fn unlink(&mut self, store: &Store, attribute: AttrId, target: &Target) -> bool {
        if !self.linked(store, attribute, target) {
            return false;
        }
        let draft = self.links.entry(attribute).or_default();
        if !draft.added.remove(target)
            && let Target::Object(id) = target
        {
            draft.removed.insert(*id);
        }
        true
    }

    /// Removes every link of an attribute; false when there was none.
    pub fn unlink_all(&mut self, store: &Store, attribute: AttrId) -> bool {
        let had = self.count(store, attribute) > 0;
        let stored = self.stored(store, attribute).iter().copied().collect();
        let draft = self.links.entry(attribute).or_default();
        draft.added.clear();
        draft.removed = stored;
        had
    }

    /// How many links the draft has in an attribute.
    pub fn count(&self, store: &Store, attribute: AttrId) -> usize {
        let (added, removed) = self
            .links
            .get(&attribute)
            .map_or((0, 0), |draft| (draft.added.len(), draft.removed.len()));
        self.stored(store, attribute).len() + added - removed
    }

    /// Objects that the draft links to in an attribute.
    pub fn targets<'a>(&'a self, store: &'a Store, attribute: AttrId) -> impl Iterator<Item = Id> {
        let draft = self.links.get(&attribute);
        let kept = self.stored(store, attribute).iter().copied();
        let kept = kept.filter(move |id| !draft.is_some_and(|draft| draft.removed.contains(id)));
        let added = draft.into_iter().flat_map(|draft| &draft.added);
        kept.chain(added.filter_map(|target| match target {
            Target::Object(id) => Some(*id),
            Target::Foreign(_) => None,
        }))
    }

    /// Whether the draft has a value in this attribute.
    pub fn has(&self, store: &Store, attribute: AttrId) -> bool {
        if store.schema.attribute(attribute).forward_link() {
            self.count(store, attribute) > 0
        } else {
            !self.bag.get(attribute).is_empty()
        }
    }

    /// The scope of the group that the draft describes.
    pub fn scope(&self, store: &Store) -> Option<Scope> {
        principals::scope(self.bag.number(store.schema.a.group_type)?)
    }

    /// What a raw value of a linked attribute names.
    pub fn target(&self, store: &Store, attribute: AttrId, raw: &[u8]) -> Result<Target, Failure> {
        let about = store.schema.attribute(attribute);
        let text = std::str::from_utf8(raw).map_err(|_| Failure::syntax(about))?;
        let reference = parse_reference(text).ok_or_else(|| Failure::bad_dn(text))?;
        let member = attribute == store.schema.a.member;
        match (store.resolve(&reference), reference) {
            (Ok(id), _) if !store.object(id).flags.deleted => Ok(Target::Object(id)),
            (_, _) if !member => Err(Failure::no_reference(about)),
            (Err(_), Reference::Sid(sid)) if !store.issued(&sid) => Ok(Target::Foreign(sid)),
            (_, Reference::Sid(_)) => Err(Failure::unknown_sid()),
            (_, _) => Err(Failure::no_member()),
        }
    }

    /// Checks that a new member fits the group.
    pub fn check_member(&self, store: &Store, target: &Target) -> Result<(), Failure> {
        let Some(scope) = self.scope(store) else {
            return Ok(());
        };
        match target {
            Target::Object(id) => principals::check_member(store, scope, *id),
            Target::Foreign(_) => principals::check_foreign(scope),
        }
    }

    /// Whether committing would change anything.
    pub fn differs(&self, store: &Store) -> bool {
        let links = self
            .links
            .values()
            .any(|draft| !draft.added.is_empty() || !draft.removed.is_empty());
        links || self.id.is_none_or(|id| store.object(id).bag != self.bag)
    }

    /// Writes the draft's attributes and links to its object.
    pub fn commit(self, store: &mut Store, id: Id) {
        let mut names: Vec<AttrId> = store.object(id).bag.iter().map(|(name, _)| name).collect();
        names.extend(self.bag.iter().map(|(name, _)| name));
        names.sort_unstable();
        names.dedup();
        for name in names {
            if store.object(id).bag.get(name) != self.bag.get(name) {
                store.set(id, name, self.bag.get(name).to_vec());
            }
        }
        for (attribute, draft) in self.links {
            let mut added = Vec::with_capacity(draft.added.len());
            for target in draft.added {
                added.push(match target {
                    Target::Object(id) => id,
                    Target::Foreign(sid) => foreign_principal(store, sid),
                });
            }
            store
                .links
                .apply(id, attribute, added, draft.removed.into_iter().collect());
        }
    }
}

/// The object that stands for a principal of another domain, made when it isn't there.
fn foreign_principal(store: &mut Store, sid: Sid) -> Id {
    if let Some(id) = store.by_sid(&sid) {
        return id;
    }
    let (guid, usn, now) = (store.new_guid(), store.next_usn(), Store::now());
    store.insert(Object {
        parent: store.marks.foreign,
        rdn: sid.to_string().into(),
        class: store.schema.c.foreign,
        guid,
        identity: Identity::Other(Box::new(sid)),
        usn_created: usn,
        usn_changed: usn,
        created: now,
        changed: now,
        flags: Flags::default(),
        bag: Bag::default(),
    })
}

/// Checks a value for an unlinked attribute and gives its stored form.
pub fn stored_value(store: &Store, attribute: AttrId, raw: &[u8]) -> Result<Value, Failure> {
    let about = store.schema.attribute(attribute);
    if about.syntax != Syntax::Dn {
        return super::values::accept(about, raw);
    }
    let text = std::str::from_utf8(raw).map_err(|_| Failure::syntax(about))?;
    let reference = parse_reference(text).ok_or_else(|| Failure::bad_dn(text))?;
    match store.resolve(&reference) {
        Ok(id) => Ok(id.to_le_bytes().into()),
        Err(_) => Err(Failure::no_reference(about)),
    }
}

/// Checks the whole draft: attributes allowed on the class, mandatory ones there, single values, account names.
pub fn check(store: &Store, draft: &Draft) -> Result<(), Failure> {
    let (schema, a) = (&store.schema, &store.schema.a);
    for (attribute, values) in draft.bag.iter() {
        let about = schema.attribute(attribute);
        if !schema.allows(draft.class, attribute) {
            return Err(Failure::not_allowed());
        }
        if about.single && values.len() > 1 {
            return Err(Failure::single(about));
        }
    }
    for attribute in draft.links.keys() {
        let about = schema.attribute(*attribute);
        if !schema.allows(draft.class, *attribute) {
            return Err(Failure::not_allowed());
        }
        if about.single && draft.count(store, *attribute) > 1 {
            return Err(Failure::single(about));
        }
    }
    for attribute in &schema.class(draft.class).must {
        let about = schema.attribute(*attribute);
        let given = about.system_only
            || *attribute == a.descriptor
            || *attribute == a.object_class
            || *attribute == a.object_category
            || *attribute == a.instance_type
            || *attribute == a.object_sid
            || *attribute == a.sam_account_name
            || *attribute == schema.class(draft.class).rdn
            || *attribute == a.cn;
        if !given && !draft.has(store, *attribute) {
            return Err(Failure::missing());
        }
    }
    Ok(())
}
