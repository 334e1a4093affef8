//! Rules room: groups, their types and members, and account names.

use super::object::Id;
use super::results::{Failure, code};
use super::schema::ClassId;
use super::store::Store;
use super::text::fold;

/// Scope of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Account group of one domain.
    Global,
    /// Resource group of one domain.
    Local,
    /// Group of the whole forest.
    Universal,
}

const INVALID_GROUP_TYPE: u32 = 0x2141;
const GLOBAL_HAS_LOCAL: u32 = 0x2144;
const GLOBAL_HAS_UNIVERSAL: u32 = 0x2145;
const UNIVERSAL_HAS_LOCAL: u32 = 0x2146;
const GLOBAL_HAS_FOREIGN: u32 = 0x2147;
const UNWILLING: u32 = 0x2035;

/// The scope in a `groupType`, when there is exactly one.
pub fn scope(group_type: i64) -> Option<Scope> {
    match group_type & 0xe {
        2 => Some(Scope::Global),
        4 => Some(Scope::Local),
        8 => Some(Scope::Universal),
        _ => None,
    }
}

/// Checks a `groupType` that a client writes.
pub fn check_type(group_type: i64) -> Result<Scope, Failure> {
    let known = 0x8000_000e;
    if (group_type as u32) & !known != 0 {
        return Err(Failure::unwilling(INVALID_GROUP_TYPE));
    }
    scope(group_type).ok_or_else(|| Failure::unwilling(INVALID_GROUP_TYPE))
}

fn scope_of(store: &Store, id: Id) -> Option<Scope> {
    scope(store.object(id).bag.number(store.schema.a.group_type)?)
}

/// Whether an object of another forest or a well-known principal.
fn foreign(store: &Store, id: Id) -> bool {
    store.object(id).class == store.schema.c.foreign
}

/// Checks that a group of this scope may have this member.
pub fn check_member(store: &Store, group: Scope, member: Id) -> Result<(), Failure> {
    let refused = match (group, scope_of(store, member)) {
        (Scope::Local, _) => None,
        (Scope::Global, _) if foreign(store, member) => Some(GLOBAL_HAS_FOREIGN),
        (Scope::Global, Some(Scope::Local)) => Some(GLOBAL_HAS_LOCAL),
        (Scope::Global, Some(Scope::Universal)) => Some(GLOBAL_HAS_UNIVERSAL),
        (Scope::Universal, _) if foreign(store, member) => Some(UNWILLING),
        (Scope::Universal, Some(Scope::Local)) => Some(UNIVERSAL_HAS_LOCAL),
        _ => None,
    };
    refused.map_or(Ok(()), |win32| Err(Failure::unwilling(win32)))
}

/// The failure for a SID of another domain in a group that can't have a foreign principal.
pub fn check_foreign(group: Scope) -> Result<(), Failure> {
    match group {
        Scope::Local => Ok(()),
        Scope::Global => Err(Failure::unwilling(GLOBAL_HAS_FOREIGN)),
        Scope::Universal => Err(Failure::unwilling(UNWILLING)),
    }
}

/// Checks a change of a group's scope against its members and its own memberships.
pub fn check_transition(
    store: &Store,
    id: Id,
    from: Scope,
    to: Scope,
    members: impl Iterator<Item = Id>,
) -> Result<(), Failure> {
    if from == to {
        return Ok(());
    }
    if from != Scope::Universal && to != Scope::Universal {
        return Err(Failure::unwilling(INVALID_GROUP_TYPE));
    }
    let mut members = members;
    members.try_for_each(|member| check_member(store, to, member))?;
    let parents = store.links.sources(id, store.schema.a.member);
    let inside = |scope: Scope| {
        parents
            .iter()
            .any(|parent| scope_of(store, *parent) == Some(scope))
    };
    match (from, to) {
        (Scope::Global, Scope::Universal) if inside(Scope::Global) => {
            Err(Failure::unwilling(GLOBAL_HAS_UNIVERSAL))
        }
        (Scope::Universal, Scope::Local) if inside(Scope::Universal) => {
            Err(Failure::unwilling(UNIVERSAL_HAS_LOCAL))
        }
        _ => Ok(()),
    }
}

/// Checks the characters of an account name and, for users, its length.
pub fn check_account_name(store: &Store, class: ClassId, name: &str) -> Result<(), Failure> {
    let attribute = store.schema.attribute(store.schema.a.sam_account_name);
    let group = store.schema.derives(class, store.schema.c.group);
    let forbidden = |letter: char| (letter as u32) < 32 || "\"/\\[]:;|=,+*?<>".contains(letter);
    let wrong = name.contains(forbidden)
        || name.ends_with('.')
        || name.chars().all(|letter| letter == ' ' || letter == '.')
        || (!group && name.chars().count() > 20);
    if wrong {
        return Err(Failure::new(
            code::CONSTRAINT,
            Failure::system_only(attribute).message,
        ));
    }
    Ok(())
}

/// Checks that nobody but `own` has this account name.
pub fn check_account_free(store: &Store, name: &str, own: Option<Id>) -> Result<(), Failure> {
    let a = &store.schema.a;
    let holder = store
        .lookup(a.sam_account_name, fold(name).as_bytes())
        .find(|id| Some(*id) != own && !store.object(*id).flags.deleted);
    match holder {
        None => Ok(()),
        Some(id)
            if store
                .schema
                .derives(store.object(id).class, store.schema.c.group) =>
        {
            Err(Failure::taken(0x526))
        }
        Some(_) => Err(Failure::taken(0x524)),
    }
}

/// Checks that nobody but `own` has this `userPrincipalName`.
pub fn check_upn_free(store: &Store, name: &str, own: Option<Id>) -> Result<(), Failure> {
    let attribute = store.schema.attribute(store.schema.a.user_principal_name);
    let taken = store
        .lookup(attribute.id, fold(name).as_bytes())
        .any(|id| Some(id) != own && !store.object(id).flags.deleted);
    if !taken {
        return Ok(());
    }
    let mut failure = Failure::system_only(attribute);
    failure.message = failure.message.replace("0000202F", "000021C8");
    Err(failure)
}

/// An account name for an object that came without one, such as `$V31000-U46U2D83SO25`.
pub fn generated_name(store: &mut Store) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    loop {
        let mut name = String::from("$");
        for position in 0..18 {
            if position == 6 {
                name.push('-');
            }
            name.push(LETTERS[(store.random() % 32) as usize] as char);
        }
        if check_account_free(store, &name, None).is_ok() {
            return name;
        }
    }
}
