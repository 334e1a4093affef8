//! Samba's programs.

use std::path::Path;
use std::process::{Command, Stdio};

/// What it takes, with the advice for those who lack it.
const PROGRAMS: &[&str] = &["samba", "samba-tool", "ldbadd", "ldbmodify"];
const ADVICE: &str = "Samba as the directory needs Linux, root (for the ports 88, 389 and 636 of a loopback address) and \
    these packages: apt-get install samba-ad-dc samba-ad-provision samba-dsdb-modules ldb-tools python3-samba";

/// Fails with the advice when something is missing.
pub(super) fn check() -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there =
        |program: &&&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|program| !there(program))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Err(format!("{} not found. {ADVICE}", missing.join(", ")));
    }
    if !is_root() {
        return Err(format!("the lab does not run as root. {ADVICE}"));
    }
    Ok(())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// A program of Samba, which reads this configuration instead of the machine's.
pub(super) fn program(name: &str, configuration: &Path) -> Command {
    let mut command = Command::new(name);
    command
        .env("SMB_CONF_PATH", configuration)
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end; what it said is the error.
pub(super) fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name} can't be started: {error}. {ADVICE}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{name} ended with {}: {said}{error}",
        output.status
    ))
}
