//! What a controller has received from the others: its up-to-dateness vector (MS-DRSR 5.166).
//!
//! Its cursor for another one's database (`invocationId`) says: every change that originated there under a USN up to
//! this one is here. Vectors are only ever taken over whole, so having one controller's changes means having those that
//! were there before them.

use super::Directory;
use super::entry::Entry;
use super::search::{self, Spec};
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;

/// `DS_REPL_CURSOR_BLOB` (MS-ADTS 2.2.6), of a constructed attribute; Windows has it.
const CURSORS: &str = "msDS-NCReplCursors;binary";
/// The vector as it is stored; all that Samba gives.
const VECTOR: &str = "replUpToDateVector";

/// The cursors of one controller for the domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpToDateness(Vec<(Guid, i64)>);

impl UpToDateness {
    /// The cursor for a database; `None`: the controller has nothing from there.
    pub fn cursor(&self, invocation_id: Guid) -> Option<i64> {
        let of = self.0.iter().filter(|(id, _)| *id == invocation_id);
        of.map(|(_, usn)| *usn).max()
    }

    /// `None` when neither attribute is there: it has no partners, or the account may not read them.
    fn of(entry: &Entry) -> Option<UpToDateness> {
        let blobs = entry.values("msDS-NCReplCursors");
        let mut cursors: Vec<(Guid, i64)> = blobs.iter().filter_map(|v| cursor(v)).collect();
        let stored = entry.value(VECTOR).and_then(vector);
        if blobs.is_empty() && stored.is_none() {
            return None;
        }
        cursors.extend(stored.unwrap_or_default());
        Some(UpToDateness(cursors))
    }
}

/// The first 24 bytes of every form: `invocationId`, USN.
fn cursor(bytes: &[u8]) -> Option<(Guid, i64)> {
    let id = Guid::from_ad_bytes(bytes.get(..16)?)?;
    let usn = i64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?);
    Some((id, usn))
}

/// `UPTODATE_VECTOR_V1_EXT` and `V2` (MS-DRSR 5.205): version, reserved, count, reserved, cursors.
pub(super) fn vector(bytes: &[u8]) -> Option<Vec<(Guid, i64)>> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let size = match number(0)? {
        1 => 24,
        2 => 32,
        _ => return None,
    };
    let (count, rest) = (usize::try_from(number(8)?).ok()?, bytes.get(16..)?);
    let cursors: Vec<(Guid, i64)> = rest.chunks_exact(size).map_while(cursor).collect();
    // All of it or nothing: a cursor that is cut off would pass for "never heard of".
    (cursors.len() == count && rest.len() == count * size).then_some(cursors)
}

impl Directory {
    /// What this controller has received of the domain; `None` when it doesn't tell.
    pub async fn up_to_dateness(&self) -> Result<Option<UpToDateness>> {
        let head = Spec::object(&self.root().default_naming_context, &[CURSORS, VECTOR]);
        let entry = search::object(self.link(), &head).await?;
        Ok(entry.as_ref().and_then(UpToDateness::of))
    }

    /// `highestCommittedUSN`: every write that was answered before has a USN of at most this.
    pub async fn highest_usn(&self) -> Result<i64> {
        let root = Spec::object("", &["highestCommittedUSN"]);
        let entry = search::object(self.link(), &root).await?;
        entry
            .and_then(|e| e.parsed("highestCommittedUSN"))
            .ok_or_else(|| {
                Error::new(
                    ErrorId::DirectoryOperationFailed,
                    format!("{} doesn't tell its highestCommittedUSN.", self.server()),
                )
                .target(self.server())
            })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// As Samba 4.17 writes it (python3-samba, `drsblobs.replUpToDateVectorBlob`).
    const SAMBA: &str = "02000000000000000200000000000000\
         ff19966f868b11d0b42d00c04fc964ff671200000000000000000000 00001d00\
         01000000020003000405060708090a0b141a99be1c00000000000000 00001d00";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex
            .chars()
            .filter_map(|c| c.to_digit(16))
            .map(|d| d as u8)
            .collect();
        digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
    }

    fn id(text: &str) -> Guid {
        text.parse().unwrap()
    }

    #[test]
    fn stored_vectors_are_read_whole_or_not_at_all() {
        let value = bytes(SAMBA);
        let known = id("6f9619ff-8b86-d011-b42d-00c04fc964ff");
        let other = id("00000001-0002-0003-0405-060708090a0b");
        let found = UpToDateness(vector(&value).unwrap());
        assert_eq!(found.cursor(known), Some(4711));
        assert_eq!(found.cursor(other), Some(123_456_789_012));
        assert_eq!(found.cursor(Guid([9; 16])), None);
        for cut in 0..value.len() {
            assert_eq!(vector(&value[..cut]), None, "{cut}");
        }
        let mut first = value[..16].to_vec();
        first[0] = 1;
        first[8] = 1;
        first.extend(&value[16..40]);
        assert_eq!(vector(&first), Some(vec![(known, 4711)]));
        assert_eq!(vector(&[3; 64]), None);
    }

    #[test]
    fn the_highest_of_both_attributes_counts() {
        use lber::common::TagClass;
        use lber::structure::{PL, StructureTag};
        let tag = |id, payload| StructureTag {
            class: TagClass::Universal,
            id,
            payload,
        };
        let octets = |bytes: &[u8]| tag(4, PL::P(bytes.to_vec()));
        let attribute = |name: &str, value: &[u8]| {
            let values = tag(17, PL::C(vec![octets(value)]));
            tag(16, PL::C(vec![octets(name.as_bytes()), values]))
        };
        let of = |attributes| {
            let parts = vec![octets(b"DC=x"), tag(16, PL::C(attributes))];
            UpToDateness::of(&Entry::from_ber(tag(4, PL::C(parts))).unwrap())
        };
        let known = id("6f9619ff-8b86-d011-b42d-00c04fc964ff");
        let mut blob = bytes("ff19966f868b11d0b42d00c04fc964ff");
        blob.extend(4712i64.to_le_bytes());
        blob.extend([0; 12]);
        let both = of(vec![
            attribute(CURSORS, &blob),
            attribute(VECTOR, &bytes(SAMBA)),
        ]);
        assert_eq!(both.unwrap().cursor(known), Some(4712));
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![attribute(VECTOR, b"?")]), None);
        // Readable, but of nobody: that is an answer.
        assert_eq!(
            of(vec![attribute(CURSORS, &blob[..20])]),
            Some(UpToDateness::default())
        );
    }
}
