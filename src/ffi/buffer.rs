//! Bytes lent to the caller. The library keeps owning them, in a registry: what a caller gives back is looked up,
//! so a copied, doubled or invented buffer is ignored instead of corrupting the heap.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::Mutex;

use libc::size_t;

use super::lock;

/// Bytes given out by the library. They are the caller's until it gives the structure to gwb_buffer_free.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)] // the name in the header
pub struct gwb_buffer {
    /// The first byte; null when the structure is empty.
    pub ptr: *mut u8,
    /// Number of bytes.
    pub len: size_t,
}

impl gwb_buffer {
    /// An empty structure.
    pub const fn empty() -> Self {
        gwb_buffer {
            ptr: ptr::null_mut(),
            len: 0,
        }
    }
}

/// Every buffer that callers hold, by address.
#[derive(Default)]
pub(super) struct Lent(Mutex<BTreeMap<usize, Vec<u8>>>);

impl Lent {
    pub(super) const fn new() -> Self {
        Lent(Mutex::new(BTreeMap::new()))
    }

    /// Lends bytes. No bytes give an empty structure: there is nothing to free.
    pub(super) fn lend(&self, mut bytes: Vec<u8>) -> gwb_buffer {
        if bytes.is_empty() {
            return gwb_buffer::empty();
        }
        let buffer = gwb_buffer {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
        };
        // Moving a Vec moves neither its bytes nor the right to reach them through `ptr`.
        lock(&self.0).insert(buffer.ptr.addr(), bytes);
        buffer
    }

    /// Takes bytes back; whatever was not lent, or not like this, is left alone.
    pub(super) fn take_back(&self, buffer: &gwb_buffer) -> bool {
        let address = buffer.ptr.addr();
        let mut lent = lock(&self.0);
        if lent.get(&address).map(Vec::len) != Some(buffer.len) {
            return false;
        }
        let bytes = lent.remove(&address);
        drop(lent);
        bytes.is_some()
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn count(&self) -> usize {
        lock(&self.0).len()
    }
}
