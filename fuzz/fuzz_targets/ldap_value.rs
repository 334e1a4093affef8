//! One value of an attribute: GUID, SID, extended DN, range option, mark, any text.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::directory::value(data);
});
