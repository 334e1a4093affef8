//! Killed anywhere: a process is killed with SIGKILL at a point drawn by a seed, the next run completes its work, AD is
//! exact and nothing that was done already is done again.
//!
//! `GROUPWRITEBACK_KILLS` sets how many, `GROUPWRITEBACK_KILL_SEED` the seed; the many of `cargo xtask torture` are the
//! ignored tests.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

#[path = "support/kills/mod.rs"]
mod harness;
mod support;

use harness::{Kind, campaign, child, enable_part_by_part};

/// Not a test of its own: the process that the others kill.
#[test]
fn child_that_is_killed() {
    child();
}

/// Of a hundred kills, eighty hit cycles.
#[test]
fn killed_in_a_cycle() {
    campaign(Kind::Cycle, harness::wanted(100) * 8 / 10);
}

#[test]
fn killed_in_enable() {
    campaign(Kind::Enable, harness::wanted(100) / 10);
}

#[test]
fn killed_in_each_part_of_enable() {
    enable_part_by_part();
}

#[test]
fn killed_in_disable() {
    campaign(Kind::Disable, harness::wanted(100) / 10);
}

#[test]
#[ignore = "a thousand kills: cargo xtask torture kills"]
fn torture() {
    let kills = harness::wanted(1000);
    campaign(Kind::Enable, kills / 10);
    campaign(Kind::Disable, kills / 10);
    campaign(Kind::Cycle, kills - kills / 10 * 2);
}
