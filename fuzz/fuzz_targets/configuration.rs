//! A recorded configuration, or changes of one.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::mapping::configuration(data);
});
