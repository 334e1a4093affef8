//! Arguments in memory of their own, so that AddressSanitizer sees every byte too many.

use std::ptr;

use super::bytes::{Dice, mutate, odd};

/// An input in memory of exactly its length, so that a byte read too many is noticed, and freed after the call.
pub(super) struct Input {
    pub(super) bytes: Vec<u8>,
    pub(super) ptr: *const u8,
    pub(super) len: usize,
}

/// An out-parameter in memory of its own.
pub(super) struct Out<T> {
    place: *mut T,
    /// What the library is given.
    pub(super) ptr: *mut T,
}

impl<T> Out<T> {
    pub(super) fn new(value: T, dice: &mut Dice, null: usize) -> Self {
        let place = Box::into_raw(Box::new(value));
        let ptr = match dice.below(null) {
            0 => ptr::null_mut(),
            // Not aligned: must be refused, never written.
            1 => place.wrapping_byte_add(1),
            _ => place,
        };
        Out { place, ptr }
    }

    pub(super) fn usable(&self) -> bool {
        self.ptr == self.place
    }

    pub(super) fn get(&self) -> &T {
        // SAFETY: ours since `new`, and no call is under way.
        unsafe { &*self.place }
    }

    pub(super) fn take(self) -> T {
        let place = std::mem::ManuallyDrop::new(self).place;
        // SAFETY: from `Box::into_raw`, and not dropped any more.
        unsafe { *Box::from_raw(place) }
    }
}

impl<T> Drop for Out<T> {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw`; `take` does not come here.
        drop(unsafe { Box::from_raw(self.place) });
    }
}

impl Input {
    /// Good bytes, mostly as they are; else odd ones. Now and then with a pointer or length that is a lie.
    pub(super) fn new(dice: &mut Dice, good: Option<Vec<u8>>) -> Self {
        let mut bytes = match good {
            Some(good) if !dice.once_in(3) => good,
            Some(mut good) => {
                mutate(dice, &mut good);
                good
            }
            None => odd(dice),
        };
        if dice.once_in(40) {
            bytes.truncate(dice.below(bytes.len() + 1));
        }
        let bytes = bytes.into_boxed_slice().into_vec();
        let (ptr, len) = match dice.below(60) {
            0 => (ptr::null(), 0),
            1 => (ptr::null(), 1 + dice.below(100)),
            // Refused before they are believed.
            2 => (bytes.as_ptr(), usize::MAX - dice.below(3)),
            3 => (bytes.as_ptr(), (16 << 20) + 1),
            _ => (bytes.as_ptr(), bytes.len()),
        };
        Input { bytes, ptr, len }
    }
}
