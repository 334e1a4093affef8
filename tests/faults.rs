//! The fault matrix: what may go wrong on each side, and what must come of it. One row, one test.
//!
//! A row is played on a tenant whose writeback is exact and in which everything has just changed that can change.
//! While the fault lasts AD may only move towards the wanted state, or not at all; whatever is said names a cause of
//! the table of ids and advises something; the fault must have struck; and the next clean cycle makes AD exact.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

#[path = "support/faults/mod.rs"]
mod harness;
mod support;

use harness::Ad::{Exact, ExactButFailed, Towards, Untouched};
use harness::Ends::{Clean, Either, Fails, Groups, Maybe};
use harness::{Cycle, Row, play};
use serde_json::json;

/// The table. `name: [cycles] => how it ends, AD meanwhile, faults...;` and what differs from the usual at the end.
macro_rules! table {
    ($embedded:expr; $($name:ident: [$($cycle:ident)+] => $ends:expr, $ad:expr, [$($fault:tt),+] $(, $field:ident = $value:expr)*;)+) => {
        $(mod $name {
            use super::*;
            fn row(name: &'static str, cycle: Cycle) -> Row {
                let mut row = Row::new(name, cycle, $ends, $ad, vec![$(json!($fault)),+]);
                row.embedded = $embedded;
                $(row.$field = $value;)*
                row
            }
            $(#[test]
            fn $cycle() {
                play(&row(concat!(module_path!(), "::", stringify!($cycle)), Cycle::$cycle()));
            })+
        })+
    };
}

/// Rows for either directory are in modules `both`, by which `cargo xtask test` finds those for Samba; the others say why
/// the embedded directory is enough.
macro_rules! rows {
    (both { $($rows:tt)+ }) => {
        mod both {
            use super::*;
            table! { None; $($rows)+ }
        }
    };
    (embedded $why:literal { $($rows:tt)+ }) => {
        table! { Some($why); $($rows)+ }
    };
}

const INCOMPLETE: &str = "SourceReadIncomplete";
const GRAPH_DOWN: &str = "GraphUnavailable";
const NO_RIGHT: &str = "GraphPermissionMissing";
const FAILED: &str = "DirectoryOperationFailed";
const DENIED: &str = "DirectoryAccessDenied";
const LIMIT: &str = "DirectoryLimitExceeded";
const TAKEN: &str = "GroupNameConflict";
const DOWN: &str = "DirectoryUnavailable";
const STORE: &str = "StoreUnavailable";

/// Graph throttles, loses its place, fails.
mod graph {
    use super::*;

    rows! { both {
        an_empty_page_that_claims_to_be_all: [initial delta] => Clean, Towards, [{"fault": "emptyPages", "last": true, "path": "groups/delta", "times": 1}], next = Cycle::initial();
        null_members: [initial delta] => Maybe(&[INCOMPLETE]), Towards, [{"fault": "nullMembers"}];
        null_members_and_a_lost_store: [initial] => Groups(&[INCOMPLETE]), Towards, [{"store": "lost"}, {"fault": "nullMembers"}], next = Cycle::initial();
        no_right_to_members: [delta] => Groups(&[NO_RIGHT]), ExactButFailed, [{"fault": "status", "code": 403, "errorCode": "Authorization_RequestDenied", "path": "/members"}];
        rights_taken_away_in_mid_run: [initial] => Either(&[NO_RIGHT, INCOMPLETE]), Towards, [{"at": 2, "path": "users/delta", "roles": []}], options = &["--page-size", "20"];
    } }

    rows! { embedded "the fault is over before the first write, and the tenant is the same in front of either directory" {
        a_third_is_throttled: [initial delta] => Clean, Exact, [{"fault": "throttle", "retryAfterSeconds": 1, "share": 0.34}], options = &["--page-size", "50"];
        nine_tenths_are_throttled_for_a_while: [initial] => Clean, Exact, [{"fault": "throttle", "retryAfterSeconds": 1, "share": 0.9, "times": 7}];
        everything_is_throttled_for_good: [delta] => Fails(&["GraphThrottled"]), Untouched, [{"fault": "throttle", "retryAfterSeconds": 0}];
        throttled_inside_a_batch: [initial] => Clean, Towards, [{"fault": "emptyPages", "last": true, "path": "groups/delta", "times": 1}, {"fault": "throttle", "retryAfterSeconds": 1, "path": "directory/deletedItems", "times": 2}], next = Cycle::initial();
        failing_inside_a_batch_for_good: [initial] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "emptyPages", "last": true, "path": "groups/delta", "times": 1}, {"fault": "status", "code": 500, "path": "directory/deletedItems"}], next = Cycle::initial();
        gone: [delta] => Clean, Exact, [{"fault": "gone", "times": 1}];
        delta_tokens_called_expired: [delta] => Clean, Exact, [{"fault": "expireDeltaTokens", "times": 3}];
        delta_tokens_expired: [delta] => Clean, Exact, [{"clock": 691_200}];
        page_tokens_expired: [initial] => Clean, Exact, [{"at": 2, "path": "users/delta", "clock": 90_000}], options = &["--page-size", "20"];
        groups_page_tokens_expired: [initial] => Clean, Exact, [{"at": 2, "path": "groups/delta", "clock": 90_000}], options = &["--page-size", "5"];
        a_500_once: [initial delta] => Clean, Exact, [{"fault": "status", "code": 500, "path": "groups/delta", "times": 1}];
        a_502_once: [delta] => Clean, Exact, [{"fault": "status", "code": 502, "path": "groups/delta", "times": 1}];
        a_503_once: [delta] => Clean, Exact, [{"fault": "status", "code": 503, "retryAfterSeconds": 1, "path": "groups/delta", "times": 1}];
        a_504_once: [delta] => Clean, Exact, [{"fault": "status", "code": 504, "path": "users/delta", "times": 1}];
        several_errors_in_a_row: [initial] => Clean, Exact, [{"fault": "status", "code": 503, "path": "groups/delta", "times": 1}, {"fault": "status", "code": 500, "path": "groups/delta", "after": 1, "times": 2}];
        a_500_for_good: [initial delta] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "status", "code": 500, "path": "groups/delta"}];
        a_502_for_good: [delta] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "status", "code": 502, "path": "devices/delta"}];
        a_503_for_good_late_in_the_read: [initial] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "status", "code": 503, "path": "groups/delta", "after": 2}], options = &["--page-size", "5"];
        a_503_with_waits_for_good: [delta] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "status", "code": 503, "retryAfterSeconds": 0, "path": "groups/delta"}];
        a_504_for_good: [delta] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "status", "code": 504, "path": "users/delta"}];
        cut_once: [initial delta] => Clean, Exact, [{"fault": "cutBody", "path": "groups/delta", "times": 1}];
        cut_for_good: [delta] => Fails(&[INCOMPLETE, GRAPH_DOWN]), Untouched, [{"fault": "cutBody", "path": "groups/delta"}];
        cut_for_good_late_in_the_read: [initial] => Fails(&[INCOMPLETE, GRAPH_DOWN]), Untouched, [{"fault": "cutBody", "path": "users/delta", "after": 1}], options = &["--page-size", "20"];
        half_a_json_a_page_of_html_another_shape: [initial delta] => Clean, Exact, [{"fault": "garbage", "path": "groups/delta", "times": 3}];
        garbage_for_good: [delta] => Fails(&[INCOMPLETE]), Untouched, [{"fault": "garbage", "path": "groups/delta"}];
        garbage_for_good_late_in_the_read: [initial] => Fails(&[INCOMPLETE]), Untouched, [{"fault": "garbage", "path": "groups/delta", "after": 2}], options = &["--page-size", "5"];
        no_delta_link: [initial delta] => Fails(&[INCOMPLETE]), Untouched, [{"fault": "dropDeltaLink", "path": "groups/delta"}];
        no_delta_link_of_users: [initial] => Fails(&[INCOMPLETE]), Untouched, [{"fault": "dropDeltaLink", "path": "users/delta"}];
        links_without_end: [initial delta] => Fails(&[INCOMPLETE]), Untouched, [{"fault": "endlessPages", "path": "groups/delta"}];
        empty_pages_with_links: [initial delta] => Clean, Exact, [{"fault": "emptyPages"}];
        an_empty_page_of_users_that_claims_to_be_all: [initial] => Clean, Towards, [{"fault": "emptyPages", "last": true, "path": "users/delta", "times": 1}], next = Cycle::initial();
        repeated_slices: [initial delta] => Clean, Exact, [{"fault": "replaySlices"}], options = &["--slice-size", "7", "--replay-percent", "40"];
        reordered_slices: [initial delta] => Clean, Exact, [{"fault": "reorderSlices"}], options = &["--slice-size", "7"];
        repeated_reordered_and_empty: [initial delta] => Clean, Exact, [{"fault": "replaySlices"}, {"fault": "reorderSlices"}, {"fault": "emptyPages"}], options = &["--slice-size", "7", "--replay-percent", "40"];
        late_visibility: [delta] => Clean, Towards, [{"fault": "lateVisibility", "changes": 30}];
        late_visibility_of_users: [delta] => Maybe(&[INCOMPLETE]), Towards, [{"fault": "lateVisibility", "changes": 40, "path": "users/delta"}];
        a_token_that_expires_in_mid_run: [initial] => Clean, Exact, [{"fault": "expireTokens", "times": 1, "after": 3}], options = &["--page-size", "20"];
        a_token_that_expires_by_the_clock: [initial] => Clean, Exact, [{"at": 2, "path": "users/delta", "clock": 5_400}], options = &["--page-size", "20"];
        an_expired_token_and_no_new_one: [delta] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "expireTokens"}, {"fault": "status", "code": 503, "path": "oauth2/v2.0/token"}];
        unauthorized_in_mid_run: [initial] => Fails(&["GraphAuthenticationFailed"]), Untouched, [{"fault": "expireTokens", "after": 3}], options = &["--page-size", "20"];
        unauthorized_at_once: [delta] => Fails(&["GraphAuthenticationFailed"]), Untouched, [{"fault": "status", "code": 401, "errorCode": "InvalidAuthenticationToken", "path": "groups/delta"}];
        no_right_to_groups: [initial delta] => Fails(&[NO_RIGHT]), Untouched, [{"fault": "status", "code": 403, "errorCode": "Authorization_RequestDenied", "path": "groups/delta"}];
        no_right_to_users: [initial delta] => Fails(&[NO_RIGHT]), Untouched, [{"fault": "status", "code": 403, "errorCode": "Authorization_RequestDenied", "path": "users/delta"}];
        the_right_to_groups_taken_away_in_mid_run: [initial] => Either(&[NO_RIGHT, INCOMPLETE]), Towards, [{"at": 2, "path": "groups/delta", "roles": ["User.Read.All", "Device.Read.All"]}], options = &["--page-size", "5"];
        slow_answers: [delta] => Clean, Exact, [{"fault": "slow", "milliseconds": 300}];
        no_answer_once: [delta] => Clean, Exact, [{"fault": "slow", "milliseconds": 60_000, "path": "groups/delta", "times": 1}], timeout = 2;
        no_answer_for_good: [initial] => Fails(&[GRAPH_DOWN]), Untouched, [{"fault": "slow", "milliseconds": 60_000, "path": "groups/delta"}], timeout = 1;
        refused_for_good_in_mid_run: [initial] => Fails(&[GRAPH_DOWN]), Untouched, [{"at": 3, "path": "users/delta", "stop": "graph"}], options = &["--page-size", "20"], timeout = 3;
    } }
}

/// The controller answers with a result other than success; `once` and for good.
mod ldap {
    use super::*;

    macro_rules! results {
        ($($operation:ident { both { $($both:tt)+ } embedded { $($embedded:tt)+ } })+) => {
            $(#[allow(non_snake_case, reason = "the names are the protocol's")]
            mod $operation {
                use super::*;
                mod both {
                    use super::*;
                    codes! { $operation, None; $($both)+ }
                }
                codes! { $operation, Some("what follows from a result is seen on those for both"); $($embedded)+ }
            })+
        };
    }

    macro_rules! codes {
        ($operation:ident, $embedded:expr; $($name:ident: $code:literal, $once:expr, $good:expr;)+) => {
            $(mod $name {
                use super::*;
                table! { $embedded;
                    once: [delta] => $once, $crate::ldap::meanwhile($once), [{"fault": "ldapResult", "code": $code, "operation": (stringify!($operation)), "after": (first(stringify!($operation))), "times": 1}], base = stringify!($operation);
                    for_good: [delta] => $good, Towards, [{"fault": "ldapResult", "code": $code, "operation": (stringify!($operation))}], base = stringify!($operation);
                }
            })+
        };
    }

    /// Which request of its kind is struck: the first search of a run only looks whether the controller is there.
    fn first(operation: &str) -> u64 {
        u64::from(operation == "search")
    }

    /// What one answer leaves behind.
    fn meanwhile(ends: harness::Ends) -> harness::Ad {
        match ends {
            Clean => Exact,
            Fails(_) | Either(_) => Towards,
            Groups(_) | Maybe(_) => ExactButFailed,
        }
    }

    results! {
        add {
            both {
                access_denied: 50, Groups(&[DENIED]), Groups(&[DENIED]);
                busy: 51, Clean, Fails(&[DOWN]);
                already_exists: 68, Groups(&[TAKEN]), Groups(&[TAKEN]);
            }
            embedded {
                time_limit: 3, Groups(&[FAILED]), Groups(&[FAILED]);
                size_limit: 4, Groups(&[FAILED]), Groups(&[FAILED]);
                admin_limit: 11, Maybe(&[LIMIT]), Groups(&[LIMIT]);
                unavailable: 52, Clean, Fails(&[DOWN]);
                unwilling: 53, Maybe(&[FAILED]), Groups(&[FAILED]);
                other: 80, Maybe(&[FAILED]), Groups(&[FAILED]);
            }
        }
        modify {
            both {
                admin_limit: 11, Maybe(&[LIMIT]), Groups(&[LIMIT]);
                access_denied: 50, Groups(&[DENIED]), Groups(&[DENIED]);
                unavailable: 52, Clean, Fails(&[DOWN]);
                unwilling: 53, Maybe(&[FAILED]), Groups(&[FAILED]);
                already_exists: 68, Maybe(&[FAILED]), Groups(&[FAILED]);
            }
            embedded {
                time_limit: 3, Groups(&[FAILED]), Groups(&[FAILED]);
                size_limit: 4, Groups(&[FAILED]), Groups(&[FAILED]);
                busy: 51, Clean, Fails(&[DOWN]);
                other: 80, Maybe(&[FAILED]), Groups(&[FAILED]);
            }
        }
        modifyDn {
            both {
                access_denied: 50, Groups(&[DENIED]), Groups(&[DENIED]);
            }
            embedded {
                already_exists: 68, Groups(&[TAKEN]), Groups(&[TAKEN]);
                time_limit: 3, Groups(&[FAILED]), Groups(&[FAILED]);
                admin_limit: 11, Groups(&[LIMIT]), Groups(&[LIMIT]);
                busy: 51, Clean, Fails(&[DOWN]);
                unavailable: 52, Clean, Fails(&[DOWN]);
                unwilling: 53, Groups(&[FAILED]), Groups(&[FAILED]);
                other: 80, Groups(&[FAILED]), Groups(&[FAILED]);
            }
        }
        delete {
            both {
                access_denied: 50, Groups(&[DENIED]), Groups(&[DENIED]);
                other: 80, Groups(&[FAILED]), Groups(&[FAILED]);
            }
            embedded {
                time_limit: 3, Groups(&[FAILED]), Groups(&[FAILED]);
                admin_limit: 11, Groups(&[LIMIT]), Groups(&[LIMIT]);
                busy: 51, Clean, Fails(&[DOWN]);
                unavailable: 52, Clean, Fails(&[DOWN]);
                unwilling: 53, Groups(&[FAILED]), Groups(&[FAILED]);
            }
        }
        search {
            both {
                time_limit: 3, Clean, Either(&[INCOMPLETE]);
                size_limit: 4, Clean, Either(&[INCOMPLETE]);
                admin_limit: 11, Clean, Either(&[INCOMPLETE]);
            }
            embedded {
                access_denied: 50, Either(&[DENIED]), Either(&[DENIED]);
                busy: 51, Clean, Fails(&[DOWN]);
                unavailable: 52, Clean, Fails(&[DOWN]);
                unwilling: 53, Either(&[INCOMPLETE]), Either(&[INCOMPLETE]);
                other: 80, Either(&[INCOMPLETE]), Either(&[INCOMPLETE]);
            }
        }
        bind {
            both {
                wrong_password: 49, Fails(&["DirectoryAuthenticationFailed"]), Fails(&["DirectoryAuthenticationFailed"]);
            }
            embedded {
                unavailable: 52, Clean, Fails(&[DOWN]);
                access_denied: 50, Either(&[DENIED]), Either(&[DENIED]);
                busy: 51, Clean, Fails(&[DOWN]);
                unwilling: 53, Either(&[FAILED]), Either(&[FAILED]);
                other: 80, Either(&[FAILED]), Either(&[FAILED]);
            }
        }
    }
}

/// The connection to the controller breaks, or reads end early.
mod connection {
    use super::*;

    rows! { both {
        dropped_before_an_add: [delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "add", "times": 1}];
        dropped_after_an_add: [delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "add", "applied": true, "times": 2}];
        dropped_before_a_modify: [initial delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "modify", "after": 2, "times": 2}];
        dropped_after_a_modify: [initial delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "modify", "applied": true, "after": 1, "times": 3}];
        dropped_after_a_rename: [delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "modifyDn", "applied": true, "times": 1}], base = "modifyDn";
        dropped_before_a_delete: [delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "delete", "times": 1}];
        dropped_after_a_delete: [delta] => Clean, Exact, [{"fault": "ldapDrop", "operation": "delete", "applied": true, "times": 1}];
        dropped_in_mid_search: [initial] => Clean, Exact, [{"fault": "ldapDrop", "operation": "search", "after": 1, "times": 1}];
        away_for_good_before_the_first_write: [delta] => Fails(&[DOWN]), Untouched, [{"fault": "ldapDrop"}], timeout = 4;
        away_for_good_in_mid_export: [delta] => Fails(&[DOWN]), Towards, [{"fault": "ldapDrop", "operation": "modify", "after": 3}, {"fault": "ldapDrop", "operation": "bind", "after": 2}], timeout = 4;
        away_for_good_in_mid_read: [initial] => Fails(&[DOWN, INCOMPLETE]), Untouched, [{"fault": "ldapDrop", "after": 2}], timeout = 4;
        a_search_cut_short: [initial delta] => Either(&[INCOMPLETE]), Towards, [{"fault": "ldapCutSearch"}];
        gone_for_good_and_another_takes_over: [initial delta] => Fails(&[DOWN]), Towards, [{"fault": "ldapDown", "server": 0, "operation": "modify", "after": 3}], timeout = 4, failover = true;
        gone_for_good_while_groups_are_made: [delta] => Fails(&[DOWN]), Towards, [{"fault": "ldapDown", "server": 0, "operation": "add", "after": 1}], timeout = 4, failover = true;
    } }

    rows! { embedded "Samba gives all members at once" {
        a_ranged_read_that_breaks: [initial] => Either(&[INCOMPLETE, DOWN]), Towards, [{"fault": "ldapBrokenRange"}], base = "largeGroup";
    } }

    rows! { embedded "the lab's front holds the answer back, whatever is behind it" {
        silent_for_good_in_mid_export: [delta] => Fails(&[DOWN]), Towards, [{"fault": "ldapSlow", "milliseconds": 600_000, "operation": "modify", "after": 1}, {"fault": "ldapSlow", "milliseconds": 600_000, "operation": "bind", "after": 2}], timeout = 2;
        silent_once: [delta] => Clean, Exact, [{"fault": "ldapSlow", "milliseconds": 600_000, "operation": "modify", "times": 1}], timeout = 3;
    } }
}

/// The disk, the file and whoever else uses it.
mod store {
    use super::*;

    rows! { both {
        gone_in_mid_run: [initial] => Fails(&[STORE]), Towards, [{"at": 2, "path": "groups/delta", "store": "gone"}], options = &["--page-size", "5"];
    } }

    rows! { embedded "the store has nothing of the directory" {
        the_disk_is_full: [initial delta] => Fails(&[STORE]), Untouched, [{"store": "full"}], says = "full";
        the_disk_fills_up_in_mid_run: [initial] => Fails(&[STORE]), Towards, [{"at": 2, "path": "groups/delta", "store": "full"}], options = &["--page-size", "5"], says = "full";
        the_disk_fills_up_while_graph_is_slow: [initial] => Fails(&[STORE]), Towards, [{"at": 2, "path": "groups/delta", "store": "full"}, {"fault": "slow", "milliseconds": 2_000, "path": "groups/delta", "after": 2}], options = &["--page-size", "5"], says = "full";
        locked_by_another_program: [delta] => Fails(&[STORE]), Untouched, [{"store": "locked"}], timeout = 3, says = "locked";
        locked_for_a_moment: [delta] => Clean, Exact, [{"store": "lockedForAMoment"}];
        a_damaged_header: [delta] => Fails(&[STORE]), Untouched, [{"store": "damagedHeader"}], says = "damaged";
        damaged_further_in: [delta] => Fails(&[STORE]), Untouched, [{"store": "damagedInside"}], says = "damaged";
        cut_in_half: [delta] => Fails(&[STORE]), Untouched, [{"store": "truncated"}], says = "damaged";
        without_its_log: [delta] => Clean, Exact, [{"store": "withoutLog"}];
        of_an_older_version: [initial delta] => Clean, Exact, [{"store": "older"}];
        of_a_version_that_never_was: [delta] => Fails(&[STORE]), Untouched, [{"store": "unknown"}], says = "older";
        of_a_newer_version: [delta] => Fails(&[STORE]), Untouched, [{"store": "newer"}], says = "newer";
        read_only: [delta] => Fails(&[STORE]), Untouched, [{"store": "readOnly"}];
    } }
}
