//! Store room: reading objects the way clients see them, computed attributes included.

use super::dn::escape;
use super::object::{Id, Identity, NOBODY};
use super::schema::{AttrId, ClassId};
use super::store::Store;
use super::values::time_text;

/// `sAMAccountType` of a group of this type.
pub fn group_account_type(group_type: i64) -> i64 {
    let security = group_type & 0x8000_0000 != 0;
    let local = group_type & 4 != 0;
    match (local, security) {
        (false, true) => 0x1000_0000,
        (false, false) => 0x1000_0001,
        (true, true) => 0x2000_0000,
        (true, false) => 0x2000_0001,
    }
}

impl Store {
    /// The distinguished name of an object.
    pub fn dn(&self, id: Id) -> String {
        let mut parts = Vec::new();
        let mut at = id;
        while at != self.marks.domain && at != NOBODY {
            parts.push(at);
            at = self.object(at).parent;
        }
        let mut text = String::with_capacity(self.base_dn.len() + 24 * parts.len());
        for part in parts {
            self.push_rdn(part, &mut text);
            text.push(',');
        }
        text.push_str(&self.base_dn);
        text
    }

    /// Appends `CN=name` of an object.
    pub fn push_rdn(&self, id: Id, text: &mut String) {
        let object = self.object(id);
        let kind = self.schema.class(object.class).rdn;
        text.push_str(match kind {
            kind if kind == self.schema.a.cn => "CN",
            kind if kind == self.schema.a.ou => "OU",
            kind if kind == self.schema.a.dc => "DC",
            _ => "UID",
        });
        text.push('=');
        text.push_str(&escape(&object.rdn));
    }

    /// The canonical name: `contoso.test/OU/name`.
    pub fn canonical(&self, id: Id) -> String {
        let domain: Vec<&str> = self.base.iter().map(|part| part.value.as_str()).collect();
        let mut names = Vec::new();
        let mut at = id;
        while at != self.marks.domain && at != NOBODY {
            names.push(
                self.object(at)
                    .rdn
                    .replace('\\', "\\\\")
                    .replace('/', "\\/"),
            );
            at = self.object(at).parent;
        }
        names.reverse();
        format!("{}/{}", domain.join("."), names.join("/"))
    }

    /// The schema object that `objectCategory` of a class names.
    pub fn category(&self, class: ClassId) -> Id {
        let c = self.schema.c;
        let person =
            self.schema.derives(class, c.person) && !self.schema.derives(class, c.computer);
        self.class_objects[if person { c.person } else { class } as usize]
    }

    /// Calls `see` with the objects that a reference attribute names until it says true.
    pub fn each_reference(
        &self,
        id: Id,
        attribute: AttrId,
        mut see: impl FnMut(Id) -> bool,
    ) -> bool {
        let a = &self.schema.a;
        let about = self.schema.attribute(attribute);
        if about.link.is_some() {
            return self.linked(id, attribute).iter().any(|other| see(*other));
        }
        if attribute == a.distinguished_name {
            return see(id);
        }
        if attribute == a.object_category {
            return see(self.category(self.object(id).class));
        }
        if attribute == a.parent_dn {
            let parent = self.object(id).parent;
            return parent != NOBODY && see(parent);
        }
        if attribute == a.member_of_transitive || attribute == a.member_transitive {
            let reached = self.closure(id, a.member, attribute == a.member_transitive);
            return reached.into_iter().any(see);
        }
        self.object(id)
            .bag
            .get(attribute)
            .iter()
            .any(|value| match (**value).try_into() {
                Ok(bytes) => see(Id::from_le_bytes(bytes)),
                Err(_) => false,
            })
    }

    /// What a linked attribute lists, whichever end it is.
    pub fn linked(&self, id: Id, attribute: AttrId) -> &[Id] {
        let about = self.schema.attribute(attribute);
        if about.forward_link() {
            return self.links.targets(id, attribute);
        }
        about
            .partner
            .map_or(&[], |forward| self.links.sources(id, forward))
    }

    /// Everything reached from `id` over links of a forward attribute, downwards or upwards; `id` itself only in a cycle.
    pub fn closure(&self, id: Id, forward: AttrId, down: bool) -> std::collections::BTreeSet<Id> {
        let mut reached = std::collections::BTreeSet::new();
        let mut todo = vec![id];
        while let Some(at) = todo.pop() {
            let next = if down {
                self.links.targets(at, forward)
            } else {
                self.links.sources(at, forward)
            };
            todo.extend(next.iter().filter(|found| reached.insert(**found)));
        }
        reached
    }

    /// Calls `see` with an attribute's values in wire form until it says true. Not for references.
    pub fn each_value(
        &self,
        id: Id,
        attribute: AttrId,
        mut see: impl FnMut(&[u8]) -> bool,
    ) -> bool {
        let schema = &self.schema;
        let a = &schema.a;
        let object = self.object(id);
        let about = schema.attribute(attribute);
        let stored = object.bag.get(attribute);
        if !stored.is_empty() {
            return stored.iter().any(|value| see(value));
        }
        let number =
            |value: i64, see: &mut dyn FnMut(&[u8]) -> bool| see(value.to_string().as_bytes());
        if attribute == a.object_class || attribute == a.structural_class {
            let chain = &schema.class(object.class).chain;
            return chain
                .iter()
                .any(|class| see(schema.class(*class).name.as_bytes()));
        }
        if attribute == a.name || attribute == schema.class(object.class).rdn {
            return see(object.rdn.as_bytes());
        }
        if attribute == a.object_guid {
            return see(&object.guid);
        }
        if attribute == a.object_sid {
            return self.sid(id).is_some_and(|sid| see(sid.as_bytes()));
        }
        if attribute == a.instance_type {
            return number(if object.flags.head { 5 } else { 4 }, &mut see);
        }
        if attribute == a.usn_created {
            return number(object.usn_created as i64, &mut see);
        }
        if attribute == a.usn_changed {
            return number(object.usn_changed as i64, &mut see);
        }
        if attribute == a.when_created || attribute == a.create_time {
            return see(time_text(object.created).as_bytes());
        }
        if attribute == a.when_changed || attribute == a.modify_time {
            return see(time_text(object.changed).as_bytes());
        }
        if attribute == a.is_deleted && object.flags.deleted {
            return see(b"TRUE");
        }
        if attribute == a.is_recycled && object.flags.recycled {
            return see(b"TRUE");
        }
        if attribute == a.critical && object.flags.system {
            return see(b"TRUE");
        }
        if attribute == a.up_to_date && id == self.marks.domain {
            return see(&self.up_to_date_vector());
        }
        if attribute == a.sam_account_type {
            return self
                .account_type(id)
                .is_some_and(|value| number(value, &mut see));
        }
        if attribute == a.canonical_name {
            return see(self.canonical(id).as_bytes());
        }
        if attribute == a.parent_guid {
            return object.parent != NOBODY && see(&self.object(object.parent).guid);
        }
        if attribute == a.primary_group_token {
            return match (
                &object.identity,
                schema.derives(object.class, schema.c.group),
            ) {
                (Identity::Domain(rid), true) => number(i64::from(*rid), &mut see),
                _ => false,
            };
        }
        if about.constructed() {
            self.each_other(id, attribute, &mut see)
        } else {
            false
        }
    }

    /// Constructed attributes that are seldom asked for and don't depend on who asks.
    fn each_other(&self, id: Id, attribute: AttrId, see: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let schema = &self.schema;
        let a = &schema.a;
        let object = self.object(id);
        if attribute == a.allowed_attributes {
            let may = &schema.class(object.class).may;
            return may
                .iter()
                .any(|id| see(schema.attribute(*id).name.as_bytes()));
        }
        if attribute == a.allowed_classes {
            return self
                .child_classes(id)
                .any(|class| see(schema.class(class).name.as_bytes()));
        }
        if attribute == a.token_groups {
            let groups = self.closure(id, a.member, false);
            return groups
                .into_iter()
                .filter(|group| {
                    self.object(*group)
                        .bag
                        .number(a.group_type)
                        .is_some_and(|t| t < 0)
                })
                .filter_map(|group| self.sid(group))
                .any(|sid| see(sid.as_bytes()));
        }
        if attribute == a.principal_name {
            return self
                .principal_name(id)
                .is_some_and(|name| see(name.as_bytes()));
        }
        if attribute == a.subschema {
            let text = format!("CN=Aggregate,{}", self.dn(self.marks.schema));
            return see(text.as_bytes());
        }
        false
    }

    /// Structural classes whose objects may be below this object, in order of their names.
    pub fn child_classes(&self, id: Id) -> impl Iterator<Item = ClassId> {
        let parent = self.object(id).class;
        let schema = &self.schema;
        schema
            .classes
            .iter()
            .filter(move |class| class.category == 1 && schema.may_be_below(class.id, parent))
            .map(|class| class.id)
    }

    /// `DOMAIN\name`.
    pub fn principal_name(&self, id: Id) -> Option<String> {
        let account = self.object(id).bag.text(self.schema.a.sam_account_name)?;
        Some(format!("{}\\{account}", self.netbios()))
    }

    /// The domain's short name.
    pub fn netbios(&self) -> String {
        self.base.first().map_or_else(String::new, |part| {
            part.value.to_uppercase().chars().take(15).collect()
        })
    }

    fn account_type(&self, id: Id) -> Option<i64> {
        let object = self.object(id);
        let schema = &self.schema;
        if object.flags.recycled {
            return None;
        }
        if schema.derives(object.class, schema.c.group) {
            let group_type = object.bag.number(schema.a.group_type)?;
            return Some(group_account_type(group_type));
        }
        if schema.derives(object.class, schema.c.computer) {
            return Some(805_306_369);
        }
        schema
            .derives(object.class, schema.c.user)
            .then_some(805_306_368)
    }
}
