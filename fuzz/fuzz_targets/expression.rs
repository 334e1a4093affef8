//! A mapping expression.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &str| {
    fuzzing::mapping::expression(data);
});
