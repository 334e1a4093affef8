//! Members of a group, whatever their number: the first slice and then ranges until the last one.

use std::sync::Arc;

use super::dn;
use super::entry::{Entry, ExtendedDn};
use super::link::Link;
use super::search::{self, Spec};
use crate::error::{Error, ErrorId, Result};
use crate::model::{Guid, MemberKey};

/// Reads that stop in the middle because the group shrank are begun anew this often.
const RESTARTS: u32 = 2;

/// Members read so far.
#[derive(Debug, Default)]
pub(super) struct Values {
    keys: Vec<MemberKey>,
    started: bool,
    next: Option<u64>,
}

/// A slice that doesn't continue the one before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SliceFault {
    /// No values where there were some: the group changed meanwhile.
    Gap,
    /// A value that is not an extended DN.
    Unreadable(String),
}

impl Values {
    /// Index of the next slice; `None` when nothing is missing.
    pub fn next(&self) -> Option<u64> {
        if self.started { self.next } else { Some(0) }
    }

    /// Takes the slice that begins at `start`.
    pub fn slice(&mut self, entry: &Entry, start: u64) -> std::result::Result<(), SliceFault> {
        self.started = true;
        let Some((values, next)) = entry.slice("member") else {
            // An empty group has no attribute at all; later slices always have one.
            self.next = None;
            return if start == 0 {
                Ok(())
            } else {
                Err(SliceFault::Gap)
            };
        };
        if entry.slice_start("member").unwrap_or(0) != start {
            return Err(SliceFault::Gap);
        }
        self.keys.reserve(values.len());
        for value in values {
            let name = ExtendedDn::parse(value).ok_or_else(|| {
                SliceFault::Unreadable(String::from_utf8_lossy(value).into_owned())
            })?;
            self.keys.push(name.key());
        }
        if next.is_some_and(|next| next <= start) {
            return Err(SliceFault::Gap);
        }
        self.next = next;
        Ok(())
    }

    /// The same with a proper error.
    pub fn take(&mut self, entry: &Entry, start: u64) -> Result<()> {
        self.slice(entry, start)
            .map_err(|fault| incomplete(&entry.dn, &fault))
    }

    /// Sorted and without repetitions.
    pub fn finish(mut self) -> Vec<MemberKey> {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.keys
    }
}

fn incomplete(dn: &str, fault: &SliceFault) -> Error {
    let why = match fault {
        SliceFault::Gap => "they changed while they were read".to_owned(),
        SliceFault::Unreadable(value) => format!("'{value}' can't be understood"),
    };
    Error::new(
        ErrorId::SourceReadIncomplete,
        format!("The members of '{dn}' couldn't be read whole: {why}."),
    )
    .target(dn)
}

/// Reads what is missing. Any failure is an error: there is no shorter list.
pub(super) async fn rest(link: &Arc<Link>, guid: Guid, values: Values) -> Result<Vec<MemberKey>> {
    let base = dn::by_guid(guid);
    let mut values = values;
    let mut restarts = 0;
    while let Some(start) = values.next() {
        let wanted = format!("member;range={start}-*");
        let mut spec = Spec::object(&base, &[&wanted]);
        spec.extended = true;
        let entry = search::object(link, &spec).await?.ok_or_else(|| {
            Error::new(
                ErrorId::SourceReadIncomplete,
                format!("The group {base} was not there when its members were read."),
            )
            .target(guid)
        })?;
        match values.slice(&entry, start) {
            Ok(()) => {}
            Err(SliceFault::Gap) if restarts < RESTARTS => {
                restarts += 1;
                values = Values::default();
            }
            Err(fault) => return Err(incomplete(&entry.dn, &fault)),
        }
    }
    Ok(values.finish())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lber::common::TagClass;
    use lber::structure::{PL, StructureTag};

    use super::*;

    fn tag(id: u64, payload: PL) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id,
            payload,
        }
    }

    fn entry(attributes: &[(&str, Vec<String>)]) -> Entry {
        let octets = |text: &str| tag(4, PL::P(text.as_bytes().to_vec()));
        let attributes = attributes
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|v| octets(v)).collect();
                tag(16, PL::C(vec![octets(name), tag(17, PL::C(values))]))
            })
            .collect();
        let parts = vec![octets("CN=g"), tag(16, PL::C(attributes))];
        Entry::from_ber(tag(4, PL::C(parts))).unwrap()
    }

    fn names(range: std::ops::Range<u32>) -> Vec<String> {
        range
            .map(|i| format!("<GUID=00000000-0000-0000-0000-{i:012x}>;<SID=S-1-5-21-1-{i}>;CN={i}"))
            .collect()
    }

    #[test]
    fn slices_are_put_together() {
        let mut values = Values::default();
        assert_eq!(values.next(), Some(0));
        let first = entry(&[("member", vec![]), ("member;range=0-2", names(0..3))]);
        assert_eq!(values.slice(&first, 0), Ok(()));
        assert_eq!(values.next(), Some(3));
        let last = entry(&[("member;range=3-*", names(2..5))]);
        assert_eq!(values.slice(&last, 3), Ok(()));
        assert_eq!(values.next(), None);
        assert_eq!(values.finish().len(), 5);
    }

    #[test]
    fn an_empty_group_is_complete_and_a_gap_is_not() {
        let mut values = Values::default();
        assert_eq!(values.slice(&entry(&[]), 0), Ok(()));
        assert_eq!(values.next(), None);
        let mut values = Values::default();
        assert_eq!(values.slice(&entry(&[]), 3), Err(SliceFault::Gap));
        let wrong = entry(&[("member;range=0-2", names(0..3))]);
        assert_eq!(values.slice(&wrong, 3), Err(SliceFault::Gap));
        let plain = entry(&[("member", vec!["CN=x".to_owned()])]);
        assert!(matches!(
            values.slice(&plain, 0),
            Err(SliceFault::Unreadable(_))
        ));
    }
}
