//! The machine: running commands, what is installed, what apt may install.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Remembers that the user pressed Ctrl+C (or that we were asked to end).
pub fn note_interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
}

/// Whether to stop before the next step.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// The checkout's top folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs a command with our streams; an error names it and how it ended.
pub fn run(command: &mut Command) -> Result<(), String> {
    if interrupted() {
        return Err("interrupted".into());
    }
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(|e| format!("cannot start {name}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} ended with {status}"))
    }
}

/// Looks a program up on PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Programs the tests need, with the Debian packages that bring them.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("cc", "gcc libc6-dev"),
    ("c++", "g++"),
    ("ldapsearch", "ldap-utils"),
    ("curl", "curl"),
    ("samba", "samba-ad-dc samba-ad-provision samba-dsdb-modules"),
    ("samba-tool", "python3-samba"),
    ("ldbadd", "ldb-tools"),
    ("kinit", "krb5-user"),
    ("x86_64-w64-mingw32-gcc-posix", "gcc-mingw-w64-x86-64-posix"),
    ("x86_64-w64-mingw32-windres", "binutils-mingw-w64-x86-64"),
    ("wine", "wine"),
    ("wineserver", "wine64"),
    ("xz", "xz-utils"),
];

/// Installs by apt what is missing, where that is allowed; else says what to install.
pub fn ensure(programs: &[&str]) -> Result<(), String> {
    let missing: Vec<&(&str, &str)> = PROGRAMS
        .iter()
        .filter(|(p, _)| programs.contains(p) && on_path(p).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|(_, p)| p.split(' ')).collect();
    let names: Vec<&str> = missing.iter().map(|(p, _)| *p).collect();
    install(&names.join(", "), &packages)
}

/// Installs packages by apt, where that is allowed; else says which are missing for what.
pub fn install(missing: &str, packages: &[&str]) -> Result<(), String> {
    let advice = format!(
        "missing: {missing}. Install with: apt-get install {}",
        packages.join(" ")
    );
    if on_path("apt-get").is_none() || !is_root() {
        return Err(advice);
    }
    println!("Installing {} ...", packages.join(", "));
    let apt = |args: &[&str]| {
        run(Command::new("apt-get")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // The programs are wanted, not the services that come with some packages.
            .env("RUNLEVEL", "1")
            .stdout(Stdio::null()))
    };
    apt(&["update", "-qq"]).map_err(|e| format!("{advice} ({e})"))?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(packages);
    apt(&install).map_err(|e| format!("{advice} ({e})"))
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

/// A cargo command in the checkout.
pub fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}
