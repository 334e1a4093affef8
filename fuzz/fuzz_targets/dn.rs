//! A distinguished name.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &str| {
    fuzzing::directory::name(data);
});
