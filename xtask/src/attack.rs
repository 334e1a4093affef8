//! The C ABI under attack (`fuzz/attack.rs`), and its unsafe code in Miri.

use std::path::Path;
use std::process::Command;

use crate::{build, sanitize, system};

/// How long the attack runs as a part of `cargo xtask test`.
const SECONDS: u64 = 60;

/// The part `attack`; what could not be run is added to `not_run`.
pub fn test(not_run: &mut Vec<String>) -> Result<(), String> {
    run(&["--seconds".into(), SECONDS.to_string()], not_run)?;
    miri(not_run)
}

/// `torture abi`: so many calls, from a new seed or a given one.
pub fn torture(calls: u64, seed: Option<u64>) -> Result<(), String> {
    let mut args = vec!["--calls".to_owned(), calls.to_string()];
    if let Some(seed) = seed {
        args.extend(["--seed".to_owned(), seed.to_string()]);
    }
    let mut not_run = Vec::new();
    run(&args, &mut not_run)?;
    for line in not_run {
        println!("NOT RUN {line}");
    }
    Ok(())
}

fn run(args: &[String], not_run: &mut Vec<String>) -> Result<(), String> {
    let programs = match sanitize::build()? {
        Ok(programs) => programs,
        Err(reason) => {
            not_run.push(format!("attack on the ABI: {reason}"));
            return Ok(());
        }
    };
    let lab = build::build()?.lab;
    let attack = programs.join("attack");
    let leaks = leaks_are_found(&attack);
    if !leaks {
        not_run.push("leak detection: LeakSanitizer can't look at processes here".into());
    }
    let mut command = Command::new(&attack);
    command.args(args).arg("--lab").arg(lab);
    // Freed memory is kept from reuse for a while; a larger quarantine would only hide growth.
    let options = format!(
        "quarantine_size_mb=64:detect_leaks={}:strict_string_checks=1:detect_stack_use_after_return=1",
        u8::from(leaks)
    );
    command.env("ASAN_OPTIONS", options).env(
        "LSAN_OPTIONS",
        format!(
            "print_suppressions=0:suppressions={}",
            system::root().join("fuzz/leaks.txt").display()
        ),
    );
    system::run(&mut command).map_err(|error| {
        format!("{error}; its seed stands above: cargo xtask torture abi CALLS --seed SEED")
    })
}

/// Whether leaks can be found here: a container may forbid what LeakSanitizer needs. The program leaks on purpose.
fn leaks_are_found(attack: &Path) -> bool {
    Command::new(attack)
        .arg("--leak")
        .env("ASAN_OPTIONS", "detect_leaks=1:exitcode=86")
        .output()
        .is_ok_and(|output| output.status.code() == Some(86))
}

/// The unsafe code that needs no system call of its own, in Miri, where a toolchain has it.
fn miri(not_run: &mut Vec<String>) -> Result<(), String> {
    let toolchain = ["+nightly", ""].into_iter().find(|toolchain| {
        Command::new("cargo")
            .args(
                [*toolchain, "miri", "--version"]
                    .iter()
                    .filter(|a| !a.is_empty()),
            )
            .output()
            .is_ok_and(|output| output.status.success())
    });
    let Some(toolchain) = toolchain else {
        not_run.push(
            "Miri: no toolchain here has the component (rustup +nightly component add miri)".into(),
        );
        return Ok(());
    };
    system::run(
        // Not cargo's own: that one would be told which toolchain to take.
        Command::new("cargo")
            .args([toolchain, "miri", "test"].iter().filter(|a| !a.is_empty()))
            .args(["-p", "group-writeback", "--lib", "--", "ffi::"])
            .current_dir(system::root())
            .env("CARGO_TARGET_DIR", system::target_dir().join("miri"))
            .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks")
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN"),
    )
}
