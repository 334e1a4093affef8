//! Security descriptors, as far as they must be read and extended (MS-DTYP 2.4.6, 2.4.5, 2.4.4).

use crate::model::{Guid, Sid};

/// `ACCESS_DENIED_ACE_TYPE`
const DENIED: u8 = 1;
/// `ACCESS_ALLOWED_OBJECT_ACE_TYPE`
const ALLOWED_OBJECT: u8 = 5;
/// `CONTAINER_INHERIT_ACE`
const CONTAINER_INHERIT: u8 = 2;
/// `INHERITED_ACE`
const INHERITED: u8 = 0x10;
/// `ACE_OBJECT_TYPE_PRESENT`, `ACE_INHERITED_OBJECT_TYPE_PRESENT`
const TYPE: u32 = 1;
const INHERITED_TYPE: u32 = 2;
/// Create child, delete child.
const CREATE_DELETE: u32 = 0x3;
/// List, self write, read and write properties, delete tree, list object, delete, read control.
const WRITE_GROUP: u32 = 0x0003_00fc;
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

/// The entries of a DACL in order. `None` when it isn't a security descriptor; an absent DACL has no entries.
fn entries(descriptor: &[u8]) -> Option<Vec<&[u8]>> {
    if descriptor.first() != Some(&1) {
        return None;
    }
    let offset = u32_at(descriptor, 16)? as usize;
    if offset == 0 {
        return Some(Vec::new());
    }
    let acl = descriptor.get(offset..)?;
    let count = u16_at(acl, 4)?;
    let mut at = 8;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let ace = acl.get(at..)?;
        let size = u16_at(ace, 2)?.max(8);
        entries.push(ace.get(..size)?);
        at += size;
    }
    Some(entries)
}

/// Whether everyone is denied to delete the object: "protect from accidental deletion". `None` when it isn't a
/// security descriptor.
pub(super) fn deletion_denied(descriptor: &[u8]) -> Option<bool> {
    let denies = |ace: &[u8]| {
        let mask = u32_at(ace, 4).unwrap_or_default();
        ace[0] == DENIED
            && ace[1] & INHERIT_ONLY == 0
            && mask & (DELETE | DELETE_TREE) != 0
            && ace.get(8..) == Some(&EVERYONE[..])
    };
    Some(entries(descriptor)?.into_iter().any(denies))
}

/// One entry that allows something about a class of objects.
fn allow(flags: u8, mask: u32, kind: u32, class: Guid, account: &Sid) -> Vec<u8> {
    let size = 28 + account.as_bytes().len();
    let mut ace = vec![ALLOWED_OBJECT, flags];
    ace.extend((size as u16).to_le_bytes());
    ace.extend(mask.to_le_bytes());
    ace.extend(kind.to_le_bytes());
    ace.extend(class.to_ad_bytes());
    ace.extend(account.as_bytes());
    ace
}

/// What lets an account create and delete groups in a container, and write those below it:
/// `(OA;CI;CCDC;<group>;;S)` and `(OA;CIIO;LCSWRPWPDTLOSDRC;;<group>;S)`.
fn writeback_entries(group_class: Guid, account: &Sid) -> [Vec<u8>; 2] {
    let below = CONTAINER_INHERIT | INHERIT_ONLY;
    [
        allow(CONTAINER_INHERIT, CREATE_DELETE, TYPE, group_class, account),
        allow(below, WRITE_GROUP, INHERITED_TYPE, group_class, account),
    ]
}

/// Whether `there` gives at least what `wanted` gives.
fn covers(there: &[u8], wanted: &[u8]) -> bool {
    let (Some(mask), Some(needed)) = (u32_at(there, 4), u32_at(wanted, 4)) else {
        return false;
    };
    there[0] == wanted[0]
        && there[1] & !INHERITED == wanted[1]
        && mask & needed == needed
        && there.get(8..) == wanted.get(8..)
}

/// The descriptor with what the account lacks added, everything else as it is; `Ok(None)` when nothing is lacking.
pub(super) fn grant_writeback(
    descriptor: &[u8],
    group_class: Guid,
    account: &Sid,
) -> Result<Option<Vec<u8>>, &'static str> {
    let there = entries(descriptor).ok_or("its security descriptor can't be read")?;
    if u32_at(descriptor, 16) == Some(0) {
        return Err("it has no access control list");
    }
    let missing: Vec<Vec<u8>> = writeback_entries(group_class, account)
        .into_iter()
        .filter(|wanted| !there.iter().any(|ace| covers(ace, wanted)))
        .collect();
    if missing.is_empty() {
        return Ok(None);
    }
    // Explicit entries stand before inherited ones, denials before grants.
    let explicit = there
        .iter()
        .position(|ace| ace[1] & INHERITED != 0)
        .unwrap_or(there.len());
    let mut body = Vec::new();
    body.extend(there[..explicit].concat());
    body.extend(missing.concat());
    body.extend(there[explicit..].concat());
    let size = u16::try_from(8 + body.len()).map_err(|_| "its access control list is full")?;
    let count = u16::try_from(there.len() + missing.len())
        .map_err(|_| "its access control list is full")?;
    // Present, self-relative, and what was said about inheritance.
    let control = u16_at(descriptor, 2).unwrap_or_default() as u16 & 0x1500 | 0x8004;
    let mut out = vec![1, 0];
    out.extend(control.to_le_bytes());
    out.extend([0; 12]);
    out.extend(20u32.to_le_bytes());
    out.extend([4, 0]);
    out.extend(size.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend([0, 0]);
    out.extend(body);
    Ok(Some(out))
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
    #[test]
    fn rights_are_added_once_and_nothing_is_lost() {
        let class = "bf967a9c-0de6-11d0-a285-00aa003049e2".parse().unwrap();
        let account: Sid = "S-1-5-21-1-2-3-1104".parse().unwrap();
        let before = descriptor(1, 0x10040, &EVERYONE);
        let after = grant_writeback(&before, class, &account).unwrap().unwrap();
        assert_eq!(deletion_denied(&after), Some(true));
        let there = entries(&after).unwrap();
        assert_eq!(there.len(), 3);
        assert_eq!(there[0], entries(&before).unwrap()[0]);
        assert_eq!(grant_writeback(&after, class, &account), Ok(None));
        let other: Sid = "S-1-5-21-1-2-3-1105".parse().unwrap();
        assert!(grant_writeback(&after, class, &other).unwrap().is_some());
        assert!(grant_writeback(&[], class, &account).is_err());
    }
}
