//! An LDAP filter, and a value put into one.
#![no_main]

use group_writeback::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &str| {
    fuzzing::directory::search_filter(data);
});
