//! Rules room: deleting objects and bringing them back.

use super::access::Principal;
use super::add::{accounts, check_name, stored_attribute};
use super::dn::{self, parse_reference};
use super::draft::Draft;
use super::object::Id;
use super::results::Failure;
use super::search::locate;
use super::sid::guid_text;
use super::store::{Saved, Store};
use crate::ldap::message::{ChangeKind, RawAttribute};

/// Attributes of a tombstone, besides those whose `searchFlags` say so.
const KEPT: [&str; 8] = [
    "sAMAccountName",
    "groupType",
    "userAccountControl",
    "lastKnownParent",
    "msDS-LastKnownRDN",
    "systemFlags",
    "dNSHostName",
    "legacyExchangeDN",
];

/// Deletes an object, with everything below it when `tree` is set.
pub fn delete(store: &mut Store, who: &Principal, dn: &str, tree: bool) -> Result<(), Failure> {
    let reference = parse_reference(dn).ok_or_else(|| Failure::bad_dn(dn))?;
    let id = locate(store, &reference)?;
    if store.object(id).flags.deleted && id != store.marks.deleted {
        return Err(Failure::no_object(String::new()));
    }
    let mut doomed = vec![id];
    let mut at = 0;
    while let Some(next) = doomed.get(at) {
        doomed.extend(store.children(*next).into_iter().flatten());
        at += 1;
    }
    if doomed.len() > 1 && !tree {
        let allowed = who.may_delete(store, id);
        return Err(if allowed {
            Failure::children()
        } else {
            Failure::rights()
        });
    }
    if !doomed.iter().all(|id| who.may_delete(store, *id)) {
        return Err(Failure::rights());
    }
    let system = |id: &Id| store.object(*id).flags.system || store.object(*id).flags.head;
    if doomed.iter().any(system) {
        return Err(Failure::unwilling(0x2035));
    }
    for id in doomed.into_iter().rev() {
        bury(store, id);
    }
    Ok(())
}

/// Turns an object into a deleted one and takes it out of every link.
pub fn bury(store: &mut Store, id: Id) {
    let a = store.schema.a;
    let object = store.object(id);
    let (parent, rdn) = (object.parent, object.rdn.to_string());
    let mangled = format!("{rdn}\nDEL:{}", guid_text(&object.guid));
    let forward = store.forward.clone();
    if store.recycle_bin {
        let keep = |list: &[Id]| (!list.is_empty()).then(|| list.to_vec());
        let targets = forward
            .iter()
            .filter_map(|a| Some((*a, keep(store.links.targets(id, *a))?)));
        let sources = forward
            .iter()
            .filter_map(|a| Some((*a, keep(store.links.sources(id, *a))?)));
        let saved = Saved {
            targets: targets.collect(),
            sources: sources.collect(),
        };
        store.saved.insert(id, saved);
    }
    store.links.detach(id, &forward);
    if !store.recycle_bin {
        let schema = std::sync::Arc::clone(&store.schema);
        store.strip(id, |attribute| {
            let about = schema.attribute(attribute);
            about.search_flags & 8 != 0 || KEPT.contains(&about.name.as_str())
        });
    }
    store.set(id, a.last_known_parent, vec![parent.to_le_bytes().into()]);
    store.set(id, a.last_known_rdn, vec![rdn.as_bytes().into()]);
    let recycled = !store.recycle_bin;
    store.set_deleted(id, true, recycled);
    store.relocate(id, store.marks.deleted, &mangled);
    store.touch(id);
}

/// Brings a deleted object back: `isDeleted` deleted and `distinguishedName` replaced in one modify.
pub fn restore(
    store: &mut Store,
    who: &Principal,
    id: Id,
    changes: &[(ChangeKind, RawAttribute)],
) -> Result<(), Failure> {
    let a = store.schema.a;
    let mut undeletes = false;
    let mut new_name = None;
    let mut rest = Vec::new();
    for (kind, attribute) in changes {
        let name = store
            .schema
            .find(&attribute.name)
            .ok_or_else(Failure::unknown_attribute)?;
        if name == a.is_deleted && *kind == ChangeKind::Delete {
            undeletes = true;
        } else if name == a.distinguished_name && *kind == ChangeKind::Replace {
            new_name = attribute.values.first();
        } else {
            rest.push((*kind, name, attribute));
        }
    }
    let (true, Some(new_name)) = (undeletes, new_name) else {
        return Err(Failure::unwilling(0x2035));
    };
    let text = String::from_utf8_lossy(new_name);
    let parts = dn::parse(&text).filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(|| Failure::bad_dn(&text))?;
    let parent = locate(store, &dn::Reference::Dn(parts[1..].to_vec()))?;
    if !who.may_restore(store, id, parent) {
        return Err(Failure::rights());
    }
    let class = store.object(id).class;
    check_name(store, class, parent, &parts[0])?;
    if store.child(parent, &parts[0].value).is_some() {
        return Err(Failure::name_taken());
    }
    let mut draft = Draft::of(store, id);
    draft.bag.set(a.last_known_parent, Vec::new());
    draft.bag.set(a.last_known_rdn, Vec::new());
    for (kind, name, attribute) in rest {
        let values = match kind {
            ChangeKind::Replace | ChangeKind::Add => stored_attribute(store, name, attribute)?,
            _ => Vec::new(),
        };
        draft.bag.set(name, values);
    }
    accounts(store, &draft)?;
    super::draft::check(store, &draft)?;
    draft.commit(store, id);
    store.set_deleted(id, false, false);
    store.relocate(id, parent, &parts[0].value);
    if let Some(saved) = store.saved.remove(&id) {
        let alive = |store: &Store, id: &Id| !store.object(*id).flags.deleted;
        for (attribute, mut targets) in saved.targets {
            targets.retain(|target| alive(store, target));
            store.links.apply(id, attribute, targets, Vec::new());
        }
        for (attribute, sources) in saved.sources {
            for source in sources {
                if !alive(store, &source) {
                    continue;
                }
                store.links.apply(source, attribute, vec![id], Vec::new());
            }
        }
    }
    store.touch(id);
    Ok(())
}
