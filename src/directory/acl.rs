//! Security descriptors, as far as they must be read (MS-DTYP 2.4.6, 2.4.5, 2.4.4).

/// `ACCESS_DENIED_ACE_TYPE`
const DENIED: u8 = 1;
/// Standard right DELETE.
const DELETE: u32 = 0x0001_0000;
/// Directory right "delete tree".
const DELETE_TREE: u32 = 0x0000_0040;
/// `INHERIT_ONLY_ACE`
const INHERIT_ONLY: u8 = 8;
/// S-1-1-0
const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(u16::from_le_bytes(pair.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Whether everyone is denied to delete the object: "protect from accidental deletion". `None` when it isn't a
/// security descriptor.
pub(super) fn deletion_denied(descriptor: &[u8]) -> Option<bool> {
    if descriptor.first() != Some(&1) {
        return None;
    }
    let offset = u32_at(descriptor, 16)? as usize;
    if offset == 0 {
        // No DACL: nothing is denied.
        return Some(false);
    }
    let acl = descriptor.get(offset..)?;
    let count = u16_at(acl, 4)?;
    let mut at = 8;
    for _ in 0..count {
        let ace = acl.get(at..)?;
        let size = u16_at(ace, 2)?;
        let ace = ace.get(..size.max(8))?;
        let applies = ace[0] == DENIED && ace[1] & INHERIT_ONLY == 0;
        if applies
            && u32_at(ace, 4)? & (DELETE | DELETE_TREE) != 0
            && ace.get(8..) == Some(&EVERYONE[..])
        {
            return Some(true);
        }
        at += size.max(8);
    }
    Some(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn descriptor(ace_type: u8, mask: u32, sid: &[u8]) -> Vec<u8> {
        let mut out = vec![1, 0, 4, 0x80];
        out.extend([0; 12]);
        out.extend(20u32.to_le_bytes());
        let size = (8 + sid.len()) as u16;
        out.extend([4, 0]);
        out.extend((8 + size).to_le_bytes());
        out.extend([1, 0, 0, 0]);
        out.extend([ace_type, 0]);
        out.extend(size.to_le_bytes());
        out.extend(mask.to_le_bytes());
        out.extend(sid);
        out
    }

    #[test]
    fn protection_is_seen() {
        assert_eq!(
            deletion_denied(&descriptor(1, 0x10040, &EVERYONE)),
            Some(true)
        );
        assert_eq!(
            deletion_denied(&descriptor(0, 0x10040, &EVERYONE)),
            Some(false)
        );
        assert_eq!(
            deletion_denied(&descriptor(1, 0x20, &EVERYONE)),
            Some(false)
        );
        let other = [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
        assert_eq!(
            deletion_denied(&descriptor(1, 0x10040, &other)),
            Some(false)
        );
        let whole = descriptor(1, 0x10040, &EVERYONE);
        for end in 1..whole.len() {
            assert_ne!(deletion_denied(&whole[..end]), Some(true), "{end}");
        }
        assert_eq!(deletion_denied(&[]), None);
    }
}
