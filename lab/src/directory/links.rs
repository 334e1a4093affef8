//! Store room: links between objects, both directions, as sorted lists of object indexes.

use std::collections::HashMap;

use super::object::Id;
use super::schema::AttrId;

/// All links of the directory.
#[derive(Debug, Clone, Default)]
pub struct Links {
    forward: HashMap<(Id, AttrId), Vec<Id>>,
    backward: HashMap<(Id, AttrId), Vec<Id>>,
}

impl Links {
    /// Objects that `source` names in `attribute`, in ascending order.
    pub fn targets(&self, source: Id, attribute: AttrId) -> &[Id] {
        self.forward
            .get(&(source, attribute))
            .map_or(&[], Vec::as_slice)
    }

    /// Objects that name `target` in `attribute` (the forward attribute), in ascending order.
    pub fn sources(&self, target: Id, attribute: AttrId) -> &[Id] {
        self.backward
            .get(&(target, attribute))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether the link is there.
    pub fn contains(&self, source: Id, attribute: AttrId, target: Id) -> bool {
        let (targets, sources) = (
            self.targets(source, attribute),
            self.sources(target, attribute),
        );
        if sources.len() < targets.len() {
            sources.binary_search(&source).is_ok()
        } else {
            targets.binary_search(&target).is_ok()
        }
    }

    /// Adds and removes links of one source in one pass, whatever the number of values.
    pub fn apply(&mut self, source: Id, attribute: AttrId, mut add: Vec<Id>, mut remove: Vec<Id>) {
        add.sort_unstable();
        add.dedup();
        remove.sort_unstable();
        let list = self.forward.entry((source, attribute)).or_default();
        for target in &remove {
            if let Some(back) = self.backward.get_mut(&(*target, attribute)) {
                take(back, source);
                if back.is_empty() {
                    self.backward.remove(&(*target, attribute));
                }
            }
        }
        for target in &add {
            put(
                self.backward.entry((*target, attribute)).or_default(),
                source,
            );
        }
        if add.len() + remove.len() <= 4 {
            remove.iter().for_each(|target| take(list, *target));
            add.iter().for_each(|target| put(list, *target));
        } else {
            if !remove.is_empty() {
                list.retain(|target| remove.binary_search(target).is_err());
            }
            *list = merge(list, &add);
        }
        if list.is_empty() {
            self.forward.remove(&(source, attribute));
        }
    }

    /// Removes every link from and to `object` of the given forward attributes; returns the sources that changed.
    pub fn detach(&mut self, object: Id, attributes: &[AttrId]) -> Vec<Id> {
        let mut changed = Vec::new();
        for attribute in attributes {
            let targets = self.targets(object, *attribute).to_vec();
            if !targets.is_empty() {
                self.apply(object, *attribute, vec![], targets);
            }
            for source in self.sources(object, *attribute).to_vec() {
                self.apply(source, *attribute, vec![], vec![object]);
                changed.push(source);
            }
        }
        changed
    }
}

fn put(list: &mut Vec<Id>, id: Id) {
    if let Err(at) = list.binary_search(&id) {
        list.insert(at, id);
    }
}

fn take(list: &mut Vec<Id>, id: Id) {
    if let Ok(at) = list.binary_search(&id) {
        list.remove(at);
    }
}

fn merge(left: &[Id], right: &[Id]) -> Vec<Id> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        match (left.get(i), right.get(j)) {
            (Some(a), Some(b)) if a == b => {
                merged.push(*a);
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), Some(b)) if a < b => {
                merged.push(*a);
                i += 1;
            }
            (Some(a), None) => {
                merged.push(*a);
                i += 1;
            }
            (_, Some(b)) => {
                merged.push(*b);
                j += 1;
            }
            (None, None) => break,
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn lists_agree_with_sets(steps in prop::collection::vec(
            (prop::collection::vec(0u32..40, 0..12), prop::collection::vec(0u32..40, 0..12)), 0..12)) {
            let mut links = Links::default();
            let mut expected = BTreeSet::new();
            for (add, remove) in steps {
                for id in &remove { expected.remove(id); }
                expected.extend(add.iter().copied());
                links.apply(100, 1, add, remove);
                let found: Vec<_> = expected.iter().copied().collect();
                prop_assert_eq!(links.targets(100, 1), found.as_slice());
                for id in 0..40 {
                    prop_assert_eq!(links.contains(100, 1, id), expected.contains(&id));
                    prop_assert_eq!(links.sources(id, 1), if expected.contains(&id) { &[100][..] } else { &[] });
                }
            }
        }
    }

    #[test]
    fn detaching_clears_both_directions() {
        let mut links = Links::default();
        links.apply(1, 9, vec![2, 3], vec![]);
        links.apply(2, 9, vec![1], vec![]);
        assert_eq!(links.detach(2, &[9]), [1]);
        assert_eq!(links.targets(1, 9), [3]);
        assert!(links.sources(1, 9).is_empty());
    }
}
