//! Answers of the host, and events to it.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::operation::answer(data);
    fuzzing::operation::item(data);
});
