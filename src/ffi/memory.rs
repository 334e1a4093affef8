//! Memory is zeroed when it is given back.
//!
//! The engine zeroes its own copies of secrets, but what sends them makes more: the HTTP client a form and a header,
//! the LDAP client a bind request, each in buffers that grow and move. None of these can be reached from here; all of
//! them come from this allocator. So nothing that was freed is left for a core dump, a crash report or the next owner
//! of the memory, and a session that was closed leaves no secret behind (tests/secrets).

use std::alloc::{GlobalAlloc, Layout, System};

/// Larger blocks are moved by the system, which need not copy them: they are lists of Graph and LDAP, whose growth would
/// cost several times as much. What holds a secret is far smaller.
const LARGE: usize = 64 << 10;

/// The system's allocator, which forgets what it held.
struct Forgetful;

#[global_allocator]
static ALLOCATOR: Forgetful = Forgetful;

// SAFETY: every block is the system allocator's, from the same layout; it is written only while it is still owned.
unsafe impl GlobalAlloc for Forgetful {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives up `layout.size()` bytes that are its own.
        unsafe { ptr.write_bytes(0, layout.size()) };
        // Or the compiler would see that nobody reads the zeros, and leave them out.
        std::hint::black_box(ptr);
        // SAFETY: by this function's contract.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.size() > LARGE {
            // SAFETY: by this function's contract.
            return unsafe { System.realloc(ptr, layout, new_size) };
        }
        // The system might move the block and leave the old one as it was: moved here instead.
        // SAFETY: `new_size` is not 0 and fits, by this function's contract.
        let new =
            unsafe { System.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both are at least that long, and the new one is nobody else's.
            unsafe { new.copy_from_nonoverlapping(ptr, layout.size().min(new_size)) };
            // SAFETY: the old block, which is no longer used.
            unsafe { self.dealloc(ptr, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_moves_stays_whole() {
        let mut bytes = Vec::new();
        for n in 0..100_000_u32 {
            bytes.extend_from_slice(&n.to_le_bytes());
        }
        bytes.truncate(5000);
        bytes.shrink_to_fit();
        let right = (0..1250_u32).flat_map(u32::to_le_bytes);
        assert!(bytes.iter().copied().eq(right));
    }
}
