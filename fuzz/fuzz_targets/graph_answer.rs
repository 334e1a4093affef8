//! Other answers: batches, errors, tokens, device codes, links.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::graph::answer(data);
});
