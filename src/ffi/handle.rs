//! The table behind the handles. A token carries the slot, the slot's generation, the kind and random bits; it is
//! good only while the slot holds exactly that token, so stale, doubled and invented numbers all miss.

use std::hash::{BuildHasher, RandomState};

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Session,
    Operation,
}

const SLOT_BITS: u32 = 20;
const GENERATION_BITS: u32 = 20;
const SLOTS: usize = 1 << SLOT_BITS;
const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;

struct Slot<T> {
    generation: u32,
    /// 0 while empty.
    token: u64,
    value: Option<T>,
}

/// Values by token.
pub(super) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Gives the value a token; the value comes back when every slot is taken.
    pub(super) fn insert(&mut self, kind: Kind, value: T) -> Result<u64, T> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < SLOTS => {
                self.slots.push(Slot {
                    generation: 0,
                    token: 0,
                    value: None,
                });
                self.slots.len() - 1
            }
            None => return Err(value),
        };
        let Some(slot) = self.slots.get_mut(index) else {
            return Err(value);
        };
        slot.token = token(index, slot.generation, kind);
        slot.value = Some(value);
        Ok(slot.token)
    }

    /// The value of a token.
    pub(super) fn get(&self, token: u64) -> Option<&T> {
        let slot = self.slots.get(index(token))?;
        if token == 0 || slot.token != token {
            return None;
        }
        slot.value.as_ref()
    }

    /// Takes the value; the token is dead from now on.
    pub(super) fn remove(&mut self, token: u64) -> Option<T> {
        let index = index(token);
        let slot = self.slots.get_mut(index)?;
        if token == 0 || slot.token != token {
            return None;
        }
        slot.token = 0;
        let value = slot.value.take();
        // A slot whose generations are used up is retired, so that no token is ever given twice.
        if slot.generation < LAST_GENERATION {
            slot.generation += 1;
            self.free.push(index);
        }
        value
    }

    /// Live tokens whose value fits.
    pub(super) fn tokens(&self, fits: impl Fn(&T) -> bool) -> Vec<u64> {
        self.slots
            .iter()
            .filter(|slot| slot.value.as_ref().is_some_and(&fits))
            .map(|slot| slot.token)
            .collect()
    }
}

fn index(token: u64) -> usize {
    // 20 bits fit a usize everywhere.
    (token & (SLOTS as u64 - 1)) as usize
}

fn token(index: usize, generation: u32, kind: Kind) -> u64 {
    let kind: u64 = match kind {
        Kind::Session => 1,
        Kind::Operation => 2,
    };
    // RandomState is seeded by the operating system and differs at each call.
    let salt = RandomState::new().hash_one(generation) >> (SLOT_BITS + GENERATION_BITS + 2);
    // The kind is never 0, so neither is the token.
    (((salt << 2 | kind) << GENERATION_BITS | u64::from(generation)) << SLOT_BITS) | index as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_reused() {
        let mut table = Table::new();
        let mut seen = std::collections::HashSet::new();
        let mut last = None;
        for round in 0..10_000 {
            let token = table.insert(Kind::Operation, round).unwrap();
            assert_ne!(token, 0);
            assert!(seen.insert(token));
            if let Some(old) = last.replace(token) {
                assert_eq!(table.get(old), None);
                assert_eq!(table.remove(old), None);
            }
            assert_eq!(table.get(token), Some(&round));
            assert_eq!(table.remove(token), Some(round));
        }
        assert_eq!(table.slots.len(), 1);
    }

    #[test]
    fn a_used_up_slot_is_retired() {
        let mut table = Table::new();
        let first = table.insert(Kind::Session, 1).unwrap();
        table.slots[0].generation = LAST_GENERATION;
        table.remove(first).unwrap();
        let second = table.insert(Kind::Session, 2).unwrap();
        assert_eq!(index(second), 1);
        assert_eq!(table.get(first), None);
    }

    #[test]
    fn neighbours_of_a_token_miss() {
        let mut table = Table::new();
        let token = table.insert(Kind::Session, ()).unwrap();
        for bit in 0..64 {
            assert_eq!(table.get(token ^ (1 << bit)), None, "bit {bit}");
        }
        assert_eq!(table.get(0), None);
        assert_eq!(table.get(u64::MAX), None);
    }
}
