//! Rights room: a security descriptor that says in Windows' terms what the directory enforces.
//!
//! Owner and group are Domain Admins. The list grants administrators everything and everybody who is
//! authenticated reading; a protected object carries the denial that the "protect" box sets. Grants of
//! the writeback account are shown on organizational units. Descriptors can be read, not written.

use super::object::{Id, Identity};
use super::sid::Sid;
use super::store::Store;

const FULL: u32 = 0x000f_01ff;
const READ: u32 = 0x0002_0094;
const DELETE_AND_TREE: u32 = 0x0001_0040;
const CREATE_AND_DELETE_CHILD: u32 = 0x3;
const CONTAINER_INHERIT: u8 = 2;
const INHERIT_ONLY: u8 = 8;
const GROUP_RIGHTS: u32 = 0x0003_007c;

/// The self-relative descriptor of an object; `parts` are the flags of the SD flags control.
pub fn build(store: &Store, id: Id, parts: i64) -> Vec<u8> {
    let admins = store.domain_sid.child(512);
    let mut list = Vec::new();
    if store.object(id).flags.protected
        && let Some(everyone) = Sid::parse("S-1-1-0")
    {
        list.push(ace(1, 0, DELETE_AND_TREE, None, None, &everyone));
    }
    list.push(ace(0, 0, FULL, None, None, &admins));
    if let Some(system) = Sid::parse("S-1-5-18") {
        list.push(ace(0, 0, FULL, None, None, &system));
    }
    if let Some(users) = Sid::parse("S-1-5-11") {
        list.push(ace(0, CONTAINER_INHERIT, READ, None, None, &users));
    }
    let schema = &store.schema;
    if store.object(id).class == schema.c.organizational_unit {
        let group = &schema.class(schema.c.group).guid;
        for writer in &store.writers {
            if let Identity::Domain(rid) = store.object(*writer).identity {
                let sid = store.domain_sid.child(rid);
                let create = CREATE_AND_DELETE_CHILD;
                list.push(ace(5, CONTAINER_INHERIT, create, Some(group), None, &sid));
                let flags = CONTAINER_INHERIT | INHERIT_ONLY;
                list.push(ace(5, flags, GROUP_RIGHTS, None, Some(group), &sid));
            }
        }
    }
    assemble(&admins, &list, parts)
}

fn assemble(owner: &Sid, list: &[Vec<u8>], parts: i64) -> Vec<u8> {
    let size = 8 + list.iter().map(Vec::len).sum::<usize>();
    let mut acl = vec![4, 0];
    acl.extend_from_slice(&(size as u16).to_le_bytes());
    acl.extend_from_slice(&(list.len() as u16).to_le_bytes());
    acl.extend_from_slice(&[0, 0]);
    list.iter().for_each(|ace| acl.extend_from_slice(ace));

    let mut body = Vec::new();
    let mut place = |wanted: bool, bytes: &[u8]| {
        if !wanted {
            return 0u32;
        }
        let at = 20 + body.len() as u32;
        body.extend_from_slice(bytes);
        at
    };
    let owner_at = place(parts & 1 != 0, owner.as_bytes());
    let group_at = place(parts & 2 != 0, owner.as_bytes());
    let dacl_at = place(parts & 4 != 0, &acl);
    let control: u16 = 0x8000 | if parts & 4 != 0 { 0x0404 } else { 0 };
    let mut out = vec![1, 0];
    out.extend_from_slice(&control.to_le_bytes());
    for offset in [owner_at, group_at, 0, dacl_at] {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    out.extend_from_slice(&body);
    out
}

fn ace(
    kind: u8,
    flags: u8,
    mask: u32,
    object: Option<&[u8; 16]>,
    inherited: Option<&[u8; 16]>,
    sid: &Sid,
) -> Vec<u8> {
    let mut out = vec![kind, flags, 0, 0];
    out.extend_from_slice(&mask.to_le_bytes());
    if kind == 5 {
        let present = u32::from(object.is_some()) | (u32::from(inherited.is_some()) << 1);
        out.extend_from_slice(&present.to_le_bytes());
        object
            .into_iter()
            .chain(inherited)
            .for_each(|guid| out.extend_from_slice(guid));
    }
    out.extend_from_slice(sid.as_bytes());
    let size = (out.len() as u16).to_le_bytes();
    out[2..4].copy_from_slice(&size);
    out
}
