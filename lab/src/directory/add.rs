//! Rules room: adding objects.

use super::access::Principal;
use super::dn::{self, Rdn};
use super::draft::{Draft, check, stored_value};
use super::modify::present;
use super::object::{Flags, Id, Identity, Object, Value};
use super::principals;
use super::results::{Failure, code};
use super::schema::{AttrId, ClassId};
use super::store::Store;
use super::text::utf16_len;
use crate::ldap::message::RawAttribute;

/// Longest relative name in UTF-16 units.
const LONGEST_NAME: usize = 64;
/// `groupType` of a group that comes without one: global security.
const DEFAULT_GROUP_TYPE: &str = "-2147483646";

/// Adds an object.
pub fn add(
    store: &mut Store,
    who: &Principal,
    dn: &str,
    attributes: &[RawAttribute],
    most_values: usize,
) -> Result<Id, Failure> {
    let parts = dn::parse(dn).filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(|| Failure::bad_dn(dn))?;
    let parent = store.by_dn(&parts[1..]).map_err(|nearest| {
        Failure::no_object(nearest.map_or_else(String::new, |id| store.dn(id)))
    })?;
    if store.object(parent).flags.deleted {
        return Err(Failure::unwilling(0x2077));
    }
    let named = names(store, attributes)?;
    let class = class(store, attributes)?;
    if !who.may_create(store, parent, class) {
        return Err(Failure::rights());
    }
    check_name(store, class, parent, &parts[0])?;
    let draft = draft(store, class, &parts[0], &named, most_values)?;
    check(store, &draft)?;
    if store.child(parent, &parts[0].value).is_some() {
        return Err(Failure::name_taken());
    }
    Ok(insert(store, parent, &parts[0].value, draft))
}

/// Attributes of the request by id.
fn names<'a>(
    store: &Store,
    attributes: &'a [RawAttribute],
) -> Result<Vec<(AttrId, &'a RawAttribute)>, Failure> {
    attributes
        .iter()
        .map(|attribute| {
            let id = store
                .schema
                .find(&attribute.name)
                .ok_or_else(Failure::unknown_attribute)?;
            Ok((id, attribute))
        })
        .collect()
}

/// The structural class that the request's `objectClass` values describe.
fn class(store: &Store, attributes: &[RawAttribute]) -> Result<ClassId, Failure> {
    let schema = &store.schema;
    let listed = attributes
        .iter()
        .filter(|a| a.name.eq_ignore_ascii_case("objectClass"));
    let mut best: Option<ClassId> = None;
    for value in listed.flat_map(|attribute| &attribute.values) {
        let name = std::str::from_utf8(value).map_err(|_| Failure::unknown_attribute())?;
        let class = schema
            .find_class(name)
            .ok_or_else(Failure::unknown_attribute)?;
        best = match best {
            None => Some(class),
            Some(best) if schema.derives(class, best) => Some(class),
            Some(best) if schema.derives(best, class) => Some(best),
            Some(_) if schema.class(class).category == 3 => best,
            Some(_) => return Err(Failure::class()),
        };
    }
    let best = best.ok_or_else(Failure::class)?;
    match schema.class(best).category {
        1 if !schema.class(best).system_only => Ok(best),
        _ => Err(Failure::unwilling(0x2035)),
    }
}

/// Checks a relative name for a class below a parent.
pub fn check_name(store: &Store, class: ClassId, parent: Id, name: &Rdn) -> Result<(), Failure> {
    let about = store.schema.class(class);
    if store.schema.find(&name.kind) != Some(about.rdn)
        || !store.schema.may_be_below(class, store.object(parent).class)
    {
        return Err(Failure::naming());
    }
    let attribute = store.schema.attribute(about.rdn);
    if name.value.is_empty() || utf16_len(&name.value) > LONGEST_NAME {
        return Err(Failure::range(attribute, name.value.len()));
    }
    if name.value.contains(['\n', '\0']) {
        return Err(Failure::bad_dn(&dn::text(std::slice::from_ref(name))));
    }
    Ok(())
}

/// Checks that clients may write this attribute at all.
pub fn check_writable(store: &Store, attribute: AttrId) -> Result<(), Failure> {
    let a = &store.schema.a;
    let about = store.schema.attribute(attribute);
    if about.back_link() || attribute == a.descriptor {
        return Err(Failure::unwilling(0x2035));
    }
    if attribute == a.sam_account_type || attribute == a.critical {
        return Err(Failure::unwilling(0x209A));
    }
    let system = about.system_only
        || about.constructed()
        || [
            a.object_sid,
            a.object_guid,
            a.usn_changed,
            a.usn_created,
            a.is_deleted,
        ]
        .contains(&attribute);
    if system {
        Err(Failure::system_only(about))
    } else {
        Ok(())
    }
}

fn draft(
    store: &Store,
    class: ClassId,
    name: &Rdn,
    named: &[(AttrId, &RawAttribute)],
    most_values: usize,
) -> Result<Draft, Failure> {
    let (schema, a) = (&store.schema, &store.schema.a);
    let rdn = schema.class(class).rdn;
    let mut draft = Draft::new(class);
    if named
        .iter()
        .map(|(_, attribute)| attribute.values.len())
        .sum::<usize>()
        > most_values
    {
        return Err(Failure::admin_limit());
    }
    if let Some((_, value)) = named.iter().find(|(id, _)| *id == a.group_type) {
        let about = schema.attribute(a.group_type);
        let [value] = value.values.as_slice() else {
            return Err(Failure::single(about));
        };
        draft.bag.set(
            a.group_type,
            vec![stored_value(store, a.group_type, value)?],
        );
    } else if schema.derives(class, schema.c.group) {
        draft.bag.set_text(a.group_type, DEFAULT_GROUP_TYPE);
    }
    if schema.derives(class, schema.c.group) {
        principals::check_type(draft.bag.number(a.group_type).unwrap_or(0))?;
    }
    for (id, attribute) in named {
        let id = *id;
        let about = schema.attribute(id);
        if id == a.object_class || id == a.group_type {
            continue;
        }
        if id == rdn || id == a.name {
            let fits = |value: &Vec<u8>| {
                std::str::from_utf8(value)
                    .is_ok_and(|text| super::text::fold(text) == super::text::fold(&name.value))
            };
            if attribute.values.is_empty() || !attribute.values.iter().all(fits) {
                return Err(Failure::new(
                    code::INVALID_DN,
                    "00002032: NameErr: DSID-03050F78, problem 2006 (BAD_NAME), data 0, best match of:\n\t''\n",
                ));
            }
            continue;
        }
        if id == a.instance_type && attribute.values == [b"4"] {
            continue;
        }
        if id == a.object_category || id == a.distinguished_name {
            continue;
        }
        check_writable(store, id)?;
        if attribute.values.is_empty() {
            return Err(Failure::syntax(about));
        }
        if about.forward_link() {
            for value in &attribute.values {
                let target = draft.target(store, id, value)?;
                if id == a.member {
                    draft.check_member(store, &target)?;
                }
                if !draft.link(store, id, target) {
                    return Err(present(store, id));
                }
            }
            continue;
        }
        let mut values: Vec<Value> = draft.bag.get(id).to_vec();
        for value in &attribute.values {
            let value = stored_value(store, id, value)?;
            if values.iter().any(|other| same(store, id, other, &value)) {
                return Err(Failure::value_exists(about));
            }
            values.push(value);
        }
        draft.bag.set(id, values);
    }
    accounts(store, &draft)?;
    Ok(draft)
}

/// Whether two stored values of an attribute match.
pub fn same(store: &Store, attribute: AttrId, left: &[u8], right: &[u8]) -> bool {
    let about = store.schema.attribute(attribute);
    let key = |value: &[u8]| super::values::key(about, value);
    left == right || matches!((key(left), key(right)), (Some(l), Some(r)) if l == r)
}

/// Checks the names that must be unique in the domain.
pub fn accounts(store: &Store, draft: &Draft) -> Result<(), Failure> {
    let a = &store.schema.a;
    if let Some(name) = draft.bag.text(a.sam_account_name) {
        principals::check_account_name(store, draft.class, name)?;
        principals::check_account_free(store, name, draft.id)?;
    }
    if let Some(name) = draft.bag.text(a.user_principal_name) {
        principals::check_upn_free(store, name, draft.id)?;
    }
    Ok(())
}

/// Whether objects of this class are security principals.
fn principal(store: &Store, class: ClassId) -> bool {
    store.schema.allows(class, store.schema.a.sam_account_name)
}

fn insert(store: &mut Store, parent: Id, rdn: &str, mut draft: Draft) -> Id {
    let (a, c, class) = (store.schema.a, store.schema.c, draft.class);
    let identity = if principal(store, class) {
        if draft.bag.get(a.sam_account_name).is_empty() {
            let name = principals::generated_name(store);
            draft.bag.set_text(a.sam_account_name, &name);
        }
        Identity::Domain(store.new_rid())
    } else {
        Identity::None
    };
    if store.schema.derives(class, c.user) {
        let computer = store.schema.derives(class, c.computer);
        if draft.bag.get(a.user_account_control).is_empty() {
            let control = if computer { "4128" } else { "546" };
            draft.bag.set_text(a.user_account_control, control);
        }
        if draft.bag.get(a.primary_group_id).is_empty() {
            draft
                .bag
                .set_text(a.primary_group_id, if computer { "515" } else { "513" });
        }
    }
    let (guid, usn, now) = (store.new_guid(), store.next_usn(), Store::now());
    let id = store.insert(Object {
        parent,
        rdn: rdn.into(),
        class,
        guid,
        identity,
        usn_created: usn,
        usn_changed: usn,
        created: now,
        changed: now,
        flags: Flags::default(),
        bag: super::object::Bag::default(),
    });
    draft.commit(store, id);
    id
}

/// Adds an object with a given identity, without the checks of a client's request.
pub fn insert_given(
    store: &mut Store,
    parent: Id,
    rdn: &str,
    guid: [u8; 16],
    identity: Identity,
    draft: Draft,
) -> Result<Id, String> {
    if store.child(parent, rdn).is_some() {
        return Err(format!("{rdn} is taken"));
    }
    if store.by_guid(&guid).is_some() {
        return Err(format!("the GUID of {rdn} is taken"));
    }
    if let Identity::Domain(rid) = &identity
        && store.by_rid(*rid).is_some()
    {
        return Err(format!("the RID {rid} is taken"));
    }
    check(store, &draft).map_err(|failure| failure.message)?;
    accounts(store, &draft).map_err(|failure| failure.message)?;
    let (usn, now) = (store.next_usn(), Store::now());
    let id = store.insert(Object {
        parent,
        rdn: rdn.into(),
        class: draft.class,
        guid,
        identity,
        usn_created: usn,
        usn_changed: usn,
        created: now,
        changed: now,
        flags: Flags::default(),
        bag: super::object::Bag::default(),
    });
    draft.commit(store, id);
    Ok(id)
}

/// Stored values for an unlinked attribute that a request sets.
pub fn stored_attribute(
    store: &Store,
    attribute: AttrId,
    raw: &RawAttribute,
) -> Result<Vec<Value>, Failure> {
    check_writable(store, attribute)?;
    if store.schema.attribute(attribute).forward_link() {
        return Err(Failure::unwilling(0x2035));
    }
    raw.values
        .iter()
        .map(|value| stored_value(store, attribute, value))
        .collect()
}
