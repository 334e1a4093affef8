//! Rules room: renaming and moving objects.

use super::access::Principal;
use super::add::check_name;
use super::dn::{self, parse_reference};
use super::results::Failure;
use super::search::locate;
use super::store::Store;

/// Renames an object, and moves it when there is a new parent.
pub fn relocate(
    store: &mut Store,
    who: &Principal,
    dn: &str,
    new_rdn: &str,
    delete_old: bool,
    new_superior: Option<&str>,
) -> Result<(), Failure> {
    let reference = parse_reference(dn).ok_or_else(|| Failure::bad_dn(dn))?;
    let id = locate(store, &reference)?;
    let object = store.object(id);
    if object.flags.deleted {
        return Err(Failure::no_object(String::new()));
    }
    let name = dn::parse(new_rdn).and_then(|mut parts| {
        let first = parts.pop();
        first.filter(|_| parts.is_empty())
    });
    let name = name.ok_or_else(|| Failure::bad_dn(new_rdn))?;
    let parent = match new_superior {
        None => object.parent,
        Some(text) => {
            let reference = parse_reference(text).ok_or_else(|| Failure::bad_dn(text))?;
            store
                .resolve(&reference)
                .map_err(|_| Failure::no_new_parent())?
        }
    };
    if !who.may_relocate(store, id, parent) {
        return Err(Failure::rights());
    }
    // MS-ADTS 3.1.1.5.4.1.2.
    if !delete_old {
        return Err(Failure::unwilling(0x57));
    }
    let elsewhere = store.context(parent) != store.context(id);
    if object.flags.system
        || object.flags.head
        || elsewhere
        || store.object(parent).flags.deleted
        || store.within(parent, id)
    {
        return Err(Failure::unwilling(0x2077));
    }
    check_name(store, object.class, parent, &name)?;
    if store
        .child(parent, &name.value)
        .is_some_and(|taken| taken != id)
    {
        return Err(Failure::name_taken());
    }
    if object.parent == parent && *object.rdn == *name.value {
        return Ok(());
    }
    store.relocate(id, parent, &name.value);
    store.touch(id);
    Ok(())
}
