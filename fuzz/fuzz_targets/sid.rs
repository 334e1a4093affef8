//! A SID, binary or text.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::directory::sid(data);
});
