//! A certificate file: PEM or PFX.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::graph::key_file(data);
});
