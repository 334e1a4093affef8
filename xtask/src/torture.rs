//! `cargo xtask torture`: what takes too long for every change.

use crate::{attack, build, fuzz, system};

/// Kills and calls unless told otherwise.
const KILLS: u64 = 1_000;
const CALLS: u64 = 10_000_000;
/// Seconds for each fuzz target.
const FUZZ: u64 = 300;

/// Runs one kind, or kills and attack when none is named.
pub fn run(args: &[String]) -> Result<(), String> {
    let mut args = args.iter().map(String::as_str);
    let kind = args.next();
    let (mut count, mut seed) = (None, None);
    while let Some(arg) = args.next() {
        if arg == "--seed" && kind == Some("abi") {
            seed = Some(number(args.next().unwrap_or_default())?);
        } else if count.is_none() && !arg.starts_with('-') {
            count = Some(number(arg)?);
        } else {
            return Err(format!("torture does not know '{arg}'"));
        }
    }
    match kind {
        None => {
            kills(KILLS)?;
            attack::torture(CALLS, None)
        }
        Some("kills") => kills(count.unwrap_or(KILLS)),
        Some("abi") => attack::torture(count.unwrap_or(CALLS), seed),
        Some("fuzz") => fuzz::torture(count.unwrap_or(FUZZ)),
        Some(other) => Err(format!("no torture '{other}'; there are kills, abi, fuzz")),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "")
        .parse()
        .ok()
        .filter(|n| *n > 0)
        .ok_or(format!("'{text}' is not a number above zero"))
}

/// Cycles killed at random points (tests/kills.rs).
fn kills(count: u64) -> Result<(), String> {
    // The test starts the lab's program: it must be there.
    build::build()?;
    system::run(
        system::cargo(["test", "-p", "group-writeback", "--test", "kills"])
            .args(["--", "--ignored", "--nocapture"])
            .env("GROUPWRITEBACK_KILLS", count.to_string()),
    )
}
