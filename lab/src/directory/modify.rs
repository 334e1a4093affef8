//! Rules room: modifying objects. One request is one transaction.

use super::access::Principal;
use super::add::{accounts, check_writable, same};
use super::delete::restore;
use super::dn::parse_reference;
use super::draft::{Draft, Target, check, stored_value};
use super::object::{Id, Value};
use super::principals;
use super::results::{Failure, code};
use super::schema::{AttrId, Syntax};
use super::search::locate;
use super::store::Store;
use crate::ldap::message::{ChangeKind, RawAttribute};

/// Controls of a modify.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Present values may be added, absent ones deleted.
    pub permissive: bool,
    /// Deleted objects can be named.
    pub deleted: bool,
}

/// Modifies an object.
pub fn modify(
    store: &mut Store,
    who: &Principal,
    dn: &str,
    changes: &[(ChangeKind, RawAttribute)],
    manner: Manner,
    most_values: usize,
) -> Result<(), Failure> {
    let reference = parse_reference(dn).ok_or_else(|| Failure::bad_dn(dn))?;
    let id = locate(store, &reference)?;
    let flags = store.object(id).flags;
    if flags.deleted && id != store.marks.deleted {
        if !(manner.deleted && who.sees_deleted()) {
            return Err(Failure::no_object(String::new()));
        }
        return restore(store, who, id, changes);
    }
    let mut named = Vec::with_capacity(changes.len());
    for (kind, attribute) in changes {
        let name = store
            .schema
            .find(&attribute.name)
            .ok_or_else(Failure::unknown_attribute)?;
        named.push((*kind, name, attribute));
    }
    if changes
        .iter()
        .map(|(_, attribute)| attribute.values.len())
        .sum::<usize>()
        > most_values
    {
        return Err(Failure::admin_limit());
    }
    let writable = |attribute: AttrId| who.may_write(store, id, attribute);
    if !named.iter().all(|(_, name, _)| writable(*name)) {
        return Err(Failure::rights());
    }
    let mut draft = Draft::of(store, id);
    for (kind, name, attribute) in named {
        change(store, &mut draft, kind, name, attribute, manner)?;
    }
    finish(store, id, &draft)?;
    if draft.differs(store) {
        draft.commit(store, id);
        store.touch(id);
    }
    Ok(())
}

fn change(
    store: &Store,
    draft: &mut Draft,
    kind: ChangeKind,
    name: AttrId,
    attribute: &RawAttribute,
    manner: Manner,
) -> Result<(), Failure> {
    let (schema, a) = (&store.schema, &store.schema.a);
    let about = schema.attribute(name);
    if name == a.name || name == schema.class(draft.class).rdn {
        return Err(Failure::on_rdn());
    }
    if name == a.object_class {
        return Err(Failure::class());
    }
    if name == a.object_sid {
        return Err(Failure::unwilling(0x209A));
    }
    check_writable(store, name)?;
    if kind == ChangeKind::Increment {
        return Err(Failure::protocol("Increment is not supported"));
    }
    if !schema.allows(draft.class, name) {
        return Err(Failure::not_allowed());
    }
    let result = if about.forward_link() {
        change_links(store, draft, kind, name, attribute, manner)
    } else {
        change_values(store, draft, kind, name, attribute, manner)
    };
    result?;
    if about.single && kind != ChangeKind::Delete && draft.bag.get(name).len() > 1 {
        return Err(Failure::value_exists(about));
    }
    Ok(())
}

fn change_links(
    store: &Store,
    draft: &mut Draft,
    kind: ChangeKind,
    name: AttrId,
    attribute: &RawAttribute,
    manner: Manner,
) -> Result<(), Failure> {
    let member = name == store.schema.a.member;
    let about = store.schema.attribute(name);
    let permissive = manner.permissive && !(member && store.strict_members);
    if kind == ChangeKind::Delete && attribute.values.is_empty() {
        let had = draft.unlink_all(store, name);
        return if had || permissive {
            Ok(())
        } else {
            Err(Failure::no_value(about))
        };
    }
    let mut targets = Vec::with_capacity(attribute.values.len());
    for value in &attribute.values {
        targets.push(match draft.target(store, name, value) {
            // A name that leads nowhere can't be a member's: this is not looked at any closer.
            Err(failure) if kind == ChangeKind::Delete && names_by_dn(value, &failure) => {
                return Err(Failure::unwilling(0x2035));
            }
            target => target?,
        });
    }
    if kind == ChangeKind::Replace {
        draft.unlink_all(store, name);
    } else if attribute.values.is_empty() {
        return Err(Failure::syntax(about));
    }
    for target in targets {
        if kind == ChangeKind::Delete {
            if !draft.unlink(store, name, &target) && !permissive {
                return Err(match member {
                    true => Failure::unwilling(0x561),
                    false => Failure::no_value(about),
                });
            }
            continue;
        }
        if member {
            draft.check_member(store, &target)?;
        }
        link(
            store,
            draft,
            name,
            target,
            permissive || kind == ChangeKind::Replace,
        )?;
    }
    Ok(())
}

fn names_by_dn(value: &[u8], failure: &Failure) -> bool {
    failure.code != code::INVALID_DN && !value.starts_with(b"<")
}

fn link(
    store: &Store,
    draft: &mut Draft,
    name: AttrId,
    target: Target,
    permissive: bool,
) -> Result<(), Failure> {
    if draft.link(store, name, target) || permissive {
        return Ok(());
    }
    Err(present(store, name))
}

/// Why a link that is there isn't added.
pub fn present(store: &Store, name: AttrId) -> Failure {
    if name == store.schema.a.member {
        Failure::taken(0x562)
    } else {
        Failure::value_exists(store.schema.attribute(name))
    }
}

fn change_values(
    store: &Store,
    draft: &mut Draft,
    kind: ChangeKind,
    name: AttrId,
    attribute: &RawAttribute,
    manner: Manner,
) -> Result<(), Failure> {
    let about = store.schema.attribute(name);
    let old = draft.bag.get(name).to_vec();
    if kind == ChangeKind::Delete && attribute.values.is_empty() {
        if old.is_empty() && !manner.permissive {
            return Err(Failure::no_value(about));
        }
        draft.bag.set(name, Vec::new());
        return Ok(());
    }
    if kind == ChangeKind::Add && attribute.values.is_empty() {
        return Err(Failure::syntax(about));
    }
    let mut given: Vec<Value> = Vec::with_capacity(attribute.values.len());
    for value in &attribute.values {
        given.push(stored_value(store, name, value)?);
    }
    let is = |left: &Value, right: &Value| same(store, name, left, right);
    let mut values = if kind == ChangeKind::Replace {
        Vec::new()
    } else {
        old
    };
    for value in given {
        let at = values.iter().position(|other| is(other, &value));
        match (kind, at) {
            (ChangeKind::Delete, Some(at)) => {
                values.remove(at);
            }
            (ChangeKind::Delete, None) if !manner.permissive => {
                return Err(Failure::no_value(about));
            }
            (ChangeKind::Delete, None) => {}
            (_, None) => values.push(value),
            (_, Some(_)) if manner.permissive => {}
            (_, Some(_)) => return Err(Failure::value_exists(about)),
        }
    }
    draft.bag.set(name, values);
    Ok(())
}

/// Checks the draft as a whole against what is stored.
fn finish(store: &Store, id: Id, draft: &Draft) -> Result<(), Failure> {
    let (schema, a) = (&store.schema, &store.schema.a);
    let before = &store.object(id).bag;
    if before.get(a.sam_account_name) != draft.bag.get(a.sam_account_name)
        || before.get(a.user_principal_name) != draft.bag.get(a.user_principal_name)
    {
        if draft.bag.get(a.sam_account_name).is_empty()
            && !before.get(a.sam_account_name).is_empty()
        {
            return Err(Failure::unwilling(0x2077));
        }
        accounts(store, draft)?;
    }
    if before.get(a.group_type) != draft.bag.get(a.group_type)
        && schema.derives(draft.class, schema.c.group)
    {
        let new = draft
            .bag
            .number(a.group_type)
            .ok_or_else(|| Failure::unwilling(0x2035))?;
        let to = principals::check_type(new)?;
        let from = before
            .number(a.group_type)
            .and_then(principals::scope)
            .unwrap_or(to);
        principals::check_transition(store, id, from, to, draft.targets(store, a.member))?;
    }
    debug_assert!(schema.attribute(a.member).syntax == Syntax::Dn);
    check(store, draft)
}
