//! What was said: ids of the published table, messages and advice that are more than a word.

use std::collections::BTreeSet;

use group_writeback::error::ErrorId;
use serde_json::Value;

use super::{Ends, Row, final_id};
use crate::support::engine::Ended;

/// Checks how the cycle ended and everything it said; gives the groups of which an error was told.
pub fn check(row: &Row, ended: &Ended) -> BTreeSet<String> {
    let errors = ended.errors();
    let ids: Vec<&str> = errors.iter().map(|e| e["id"].as_str().unwrap()).collect();
    let last = final_id(ended);
    let seen = || {
        format!(
            "{}: expected {:?}, ended with {:#?}, groups {errors:#?}, warnings {:#?}",
            row.name,
            row.ends,
            ended.error,
            ended.warnings()
        )
    };
    let all_in = |named: &[&str]| ids.iter().chain(&last).all(|id| named.contains(id));
    let as_expected = match row.ends {
        Ends::Clean => last.is_none() && ids.is_empty(),
        Ends::Fails(named) => last.is_some() && all_in(named),
        Ends::Groups(named) => last.is_none() && !ids.is_empty() && all_in(named),
        Ends::Maybe(named) => last.is_none() && all_in(named),
        Ends::Either(named) => (last.is_some() || !ids.is_empty()) && all_in(named),
    };
    assert!(as_expected, "{}", seen());
    let mut said = String::new();
    let warned = ended.warnings();
    for error in errors.iter().copied().chain(&ended.error).chain(warned) {
        check_error(row, error);
        said += error["message"].as_str().unwrap();
    }
    assert!(
        said.contains(row.says),
        "{}: {said} {:#?}",
        row.name,
        ended.error
    );
    errors
        .iter()
        .filter_map(|e| e["target"].as_str().map(str::to_owned))
        .collect()
}

fn check_error(row: &Row, error: &Value) {
    let text = |name: &str| error[name].as_str().unwrap_or_default().trim();
    let known = ErrorId::ALL.iter().any(|id| id.as_str() == text("id"));
    assert!(known, "{}: not in the table: {error:#}", row.name);
    for member in ["message", "recommendedAction"] {
        let words = text(member).split_whitespace().count();
        assert!(words >= 4, "{}: {member}: {error:#}", row.name);
    }
}
