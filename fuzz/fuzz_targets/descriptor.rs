//! A security descriptor.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::directory::descriptor(data);
});
