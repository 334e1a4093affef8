//! Access control lists as bytes (MS-DTYP 2.4.4 to 2.4.6), as far as the lab edits them.

use crate::directory::sid::Sid;

/// One entry of a list, whole.
pub(crate) type Ace = Vec<u8>;

const ALLOW: u8 = 0;
const DENY: u8 = 1;
const INHERITED: u8 = 0x10;

/// `CONTAINER_INHERIT_ACE`
pub(crate) const INHERIT: u8 = 2;
/// `INHERIT_ONLY_ACE`
pub(crate) const BELOW_ONLY: u8 = 8;
pub(crate) const CREATE_CHILD: u32 = 1;
pub(crate) const WRITE_PROPERTY: u32 = 0x20;
/// DELETE and "delete tree": what the box "protect from accidental deletion" denies.
pub(crate) const DELETE_AND_TREE: u32 = 0x0001_0040;

/// Who and what an entry is about.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) who: &'a Sid,
    pub(crate) flags: u8,
    pub(crate) mask: u32,
    /// The class to create or the attribute to write; any if absent.
    pub(crate) object: Option<[u8; 16]>,
    /// The class of objects that inherit it; any if absent.
    pub(crate) heirs: Option<[u8; 16]>,
}

pub(crate) fn allow(about: About<'_>) -> Ace {
    ace(ALLOW, about)
}

pub(crate) fn deny(about: About<'_>) -> Ace {
    ace(DENY, about)
}

fn ace(kind: u8, about: About<'_>) -> Ace {
    let About {
        who,
        flags,
        mask,
        object,
        heirs,
    } = about;
    let of_object = object.is_some() || heirs.is_some();
    let mut out = vec![if of_object { kind + 5 } else { kind }, flags, 0, 0];
    out.extend(mask.to_le_bytes());
    if of_object {
        let present = u32::from(object.is_some()) | (u32::from(heirs.is_some()) << 1);
        out.extend(present.to_le_bytes());
        out.extend(object.into_iter().chain(heirs).flatten());
    }
    out.extend(who.as_bytes());
    let size = (out.len() as u16).to_le_bytes();
    out[2..4].copy_from_slice(&size);
    out
}

/// A self-relative descriptor with entries taken from its list and others put into it; denials stand before grants, and
/// both before what is inherited. `None` when it can't be read.
pub(crate) fn edit(descriptor: &[u8], remove: &[Ace], add: &[Ace]) -> Option<Vec<u8>> {
    let there = entries(descriptor)?;
    let own = |ace: &&Ace| ace[1] & INHERITED == 0;
    let denies = |ace: &&Ace| matches!(ace[0], DENY | 6);
    let kept = there
        .iter()
        .filter(|ace| !remove.contains(ace) && !add.contains(ace));
    let (explicit, inherited): (Vec<&Ace>, Vec<&Ace>) = kept.chain(add).partition(own);
    let (denials, grants): (Vec<&Ace>, Vec<&Ace>) = explicit.into_iter().partition(denies);
    let all: Vec<&Ace> = denials.into_iter().chain(grants).chain(inherited).collect();

    let body = all
        .iter()
        .map(|ace| ace.as_slice())
        .collect::<Vec<_>>()
        .concat();
    let size = u16::try_from(8 + body.len()).ok()?;
    // Present, self-relative, and what was said about inheritance.
    let control = u16::from_le_bytes(descriptor.get(2..4)?.try_into().ok()?) & 0x1500 | 0x8004;
    let mut out = vec![1, 0];
    out.extend(control.to_le_bytes());
    out.extend([0; 12]);
    out.extend(20u32.to_le_bytes());
    out.extend([4, 0]);
    out.extend(size.to_le_bytes());
    out.extend((all.len() as u16).to_le_bytes());
    out.extend([0, 0]);
    out.extend(body);
    Some(out)
}

fn entries(descriptor: &[u8]) -> Option<Vec<Ace>> {
    let word = |at: usize| {
        Some(u16::from_le_bytes(
            descriptor.get(at..at + 2)?.try_into().ok()?,
        ))
    };
    let list = u32::from_le_bytes(descriptor.get(16..20)?.try_into().ok()?) as usize;
    if list == 0 {
        return None;
    }
    let mut at = list + 8;
    let mut out = Vec::new();
    for _ in 0..word(list + 4)? {
        let size = usize::from(word(at + 2)?);
        if size < 8 {
            return None;
        }
        out.push(descriptor.get(at..at + size)?.to_vec());
        at += size;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_in_the_order_that_windows_wants_and_go_again() {
        let who = Sid::parse("S-1-5-21-1-2-3-1104").unwrap();
        let about = |flags, mask, object| About {
            who: &who,
            flags,
            mask,
            object,
            heirs: None,
        };
        let inherited = deny(about(INHERITED, 1, None));
        let grant = allow(about(0, 2, Some([7; 16])));
        let mut empty = vec![1, 0, 4, 0x84];
        empty.extend([0; 12]);
        empty.extend([20, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0, 0]);
        let first = edit(&empty, &[], &[inherited.clone(), grant.clone()]).unwrap();
        assert_eq!(entries(&first).unwrap(), [grant.clone(), inherited.clone()]);
        let denial = deny(about(INHERIT, 4, Some([8; 16])));
        let second = edit(&first, &[], std::slice::from_ref(&denial)).unwrap();
        let all = [denial.clone(), grant, inherited];
        assert_eq!(entries(&second).unwrap(), all);
        // Adding it once more changes nothing.
        let again = edit(&second, &[], std::slice::from_ref(&denial)).unwrap();
        assert_eq!(again, second);
        assert_eq!(edit(&second, &[denial], &[]).unwrap(), first);
        for end in 0..second.len() {
            assert_eq!(edit(&second[..end], &[], &[]), None, "{end}");
        }
    }
}
