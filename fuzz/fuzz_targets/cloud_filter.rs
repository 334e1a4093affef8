//! A filter on cloud groups.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &str| {
    fuzzing::mapping::cloud_filter(data);
});
