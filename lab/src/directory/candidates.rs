//! Search room: which objects need to be looked at, found through indexes where there are some.

use std::collections::HashSet;

use super::filter::{Check, Test};
use super::object::{Id, Value};
use super::schema::AttrId;
use super::store::Store;

/// Counting stops here; an index range this large is no better than a scan.
const COUNT_LIMIT: usize = 200_000;

/// About how many candidates a test leaves; `None` when no index helps.
pub fn estimate(store: &Store, test: &Test) -> Option<usize> {
    match test {
        Test::Constant(Some(false) | None) => Some(0),
        Test::Constant(Some(true)) | Test::Not(_) => None,
        Test::And(parts) => parts.iter().filter_map(|part| estimate(store, part)).min(),
        Test::Or(parts) => parts
            .iter()
            .map(|part| estimate(store, part))
            .sum::<Option<usize>>(),
        Test::Objects(objects) => Some(objects.len()),
        Test::Class(class) => Some(
            classes(store, *class)
                .filter_map(|class| store.of_class(class))
                .map(|s| s.len())
                .sum(),
        ),
        Test::References(attribute, targets) => {
            if *attribute == store.schema.a.object_category {
                let sets = categories(store, targets).filter_map(|class| store.of_class(class));
                return Some(sets.map(|set| set.len()).sum());
            }
            let about = store.schema.attribute(*attribute);
            let linked = |target: &Id| holders(store, *attribute, *target).len();
            about.link.map(|_| targets.iter().map(linked).sum())
        }
        Test::Present(attribute) => {
            if *attribute == store.schema.a.is_deleted {
                return Some(store.deleted().len());
            }
            let attribute = index_of(store, *attribute)?;
            Some(store.index(attribute).map_or(0, |index| index.len()))
        }
        Test::Value(attribute, check) => match check {
            Check::OneOf(_) if *attribute == store.schema.a.is_deleted => {
                Some(store.deleted().len())
            }
            Check::OneOf(keys) => index_of(store, *attribute).map(|_| keys.len()),
            Check::Substrings(first, _, _) if !first.is_empty() => {
                let attribute = index_of(store, *attribute)?;
                Some(prefix(store, attribute, first).take(COUNT_LIMIT).count())
            }
            _ => None,
        },
    }
}

/// The candidates of a test for which [`estimate`] gave a number, in ascending order without repeats.
pub fn collect(store: &Store, test: &Test) -> Vec<Id> {
    let mut found = Vec::new();
    gather(store, test, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn gather(store: &Store, test: &Test, found: &mut Vec<Id>) {
    match test {
        Test::Constant(_) | Test::Not(_) => {}
        Test::And(parts) => {
            let best = parts
                .iter()
                .filter_map(|part| estimate(store, part).map(|count| (count, part)))
                .min_by_key(|(count, _)| *count);
            if let Some((_, part)) = best {
                gather(store, part, found);
            }
        }
        Test::Or(parts) => parts.iter().for_each(|part| gather(store, part, found)),
        Test::Objects(objects) => found.extend(objects),
        Test::Class(class) => {
            for class in classes(store, *class) {
                found.extend(store.of_class(class).into_iter().flatten());
            }
        }
        Test::References(attribute, targets) if *attribute == store.schema.a.object_category => {
            for class in categories(store, targets) {
                found.extend(store.of_class(class).into_iter().flatten());
            }
        }
        Test::References(attribute, targets) => {
            for target in targets {
                found.extend(holders(store, *attribute, *target));
            }
        }
        Test::Present(attribute) if *attribute == store.schema.a.is_deleted => {
            found.extend(store.deleted());
        }
        Test::Present(attribute) => {
            let index = index_of(store, *attribute).and_then(|attribute| store.index(attribute));
            found.extend(index.into_iter().flatten().map(|(_, id)| *id));
        }
        Test::Value(attribute, Check::OneOf(keys)) => {
            if *attribute == store.schema.a.is_deleted {
                found.extend(store.deleted());
            } else if let Some(attribute) = index_of(store, *attribute) {
                for key in keys {
                    found.extend(store.lookup(attribute, key));
                }
            }
        }
        Test::Value(attribute, Check::Substrings(first, _, _)) => {
            if let Some(attribute) = index_of(store, *attribute) {
                found.extend(prefix(store, attribute, first));
            }
        }
        Test::Value(..) => {}
    }
}

/// The attribute whose index answers for this one.
fn index_of(store: &Store, attribute: AttrId) -> Option<AttrId> {
    let a = &store.schema.a;
    if attribute == a.cn || attribute == a.ou || attribute == a.dc {
        return Some(a.name);
    }
    store
        .schema
        .attribute(attribute)
        .indexed
        .then_some(attribute)
}

/// Objects that name `target` in a linked attribute: what its other end lists.
fn holders(store: &Store, attribute: AttrId, target: Id) -> &[Id] {
    let about = store.schema.attribute(attribute);
    if about.forward_link() {
        return store.links.sources(target, attribute);
    }
    about
        .partner
        .map_or(&[], |forward| store.links.targets(target, forward))
}

fn classes(store: &Store, ancestor: u16) -> impl Iterator<Item = u16> {
    let schema = &store.schema;
    schema
        .classes
        .iter()
        .map(|class| class.id)
        .filter(move |id| schema.derives(*id, ancestor))
}

/// Classes whose `objectCategory` is one of these schema objects.
fn categories(store: &Store, targets: &HashSet<Id>) -> impl Iterator<Item = u16> {
    let classes = store.schema.classes.iter().map(|class| class.id);
    classes.filter(move |class| targets.contains(&store.category(*class)))
}

fn prefix<'a>(store: &'a Store, attribute: AttrId, first: &[u8]) -> impl Iterator<Item = Id> + 'a {
    let start: Value = first.into();
    let first = first.to_vec();
    store
        .index(attribute)
        .into_iter()
        .flat_map(move |index| index.range((start.clone(), 0)..))
        .take_while(move |(key, _)| key.starts_with(&first))
        .map(|(_, id)| *id)
}
