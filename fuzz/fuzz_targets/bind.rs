//! A controller's answer to a Kerberos bind, and the names of controllers.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::directory::bind(data);
});
