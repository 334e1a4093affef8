//! The library for Windows: built here, on Windows or on Linux.
//!
//! On Linux there are two ways: a Windows target that rustup has installed, else Debian's own toolchain, which brings
//! the sources of the standard library to build it from. Each has a target folder of its own, so neither makes the
//! other, or this machine's own builds, stale.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::system::{self, cargo, run, target_dir};

/// The name of the one Windows target, as NuGet has it (a RID).
pub const TARGET: &str = "win-x64";

const TRIPLE: &str = "x86_64-pc-windows-gnu";
const LINKER: &str = "x86_64-w64-mingw32-gcc-posix";
/// Debian's Rust, which may stand beside one of rustup.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// Looks for a toolchain and installs one where that is allowed; else says what is missing.
pub fn ready() -> Result<(), String> {
    if cfg!(windows) {
        return Ok(());
    }
    system::ensure(&[LINKER, "x86_64-w64-mingw32-windres"])?;
    match rustup_target() {
        true => Ok(()),
        false => debian().map(|_| ()),
    }
}

/// Builds `group_writeback.dll` as it is shipped.
pub fn library() -> Result<PathBuf, String> {
    if cfg!(windows) {
        return Ok(crate::build::release()?.library);
    }
    system::ensure(&[LINKER, "x86_64-w64-mingw32-windres"])?;
    let (mut command, folder) = match rustup_target() {
        true => (cargo(["build"]), target_dir().join("win-x64-rustup")),
        false => (debian()?, target_dir().join(TARGET)),
    };
    command
        .args(["--quiet", "--release", "--locked", "--lib"])
        .args(["-p", "group-writeback", "--target", TRIPLE])
        .arg("--target-dir")
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", flags()?.join("\u{1f}"))
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", LINKER)
        // What C code there is (SQLite, ring) comes from the same compiler.
        .env("CC_x86_64_pc_windows_gnu", LINKER)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    run(&mut command)?;
    Ok(folder.join(TRIPLE).join("release/group_writeback.dll"))
}

/// Whether the toolchain in use can make Windows programs by itself.
fn rustup_target() -> bool {
    sysroot("rustc").is_some_and(|root| root.join("lib/rustlib").join(TRIPLE).is_dir())
}

fn sysroot(rustc: &str) -> Option<PathBuf> {
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .current_dir(system::root())
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !path.trim().is_empty()).then(|| PathBuf::from(path.trim()))
}

/// Debian's cargo, told to build the standard library as well.
fn debian() -> Result<Command, String> {
    if !debian_is_ready() {
        system::install(
            "a Rust toolchain for Windows",
            &["rustc-web", "cargo-web", "rust-web-src"],
        )?;
        if !debian_is_ready() {
            return Err(format!(
                "{DEBIAN_RUSTC} is older than this project needs, or its sources are missing (rustc-web, rust-web-src)"
            ));
        }
    }
    let mut command = Command::new(DEBIAN_CARGO);
    command
        .args(["build", "-Zbuild-std=std,panic_unwind"])
        // Without backtraces: nothing here ever prints one.
        .arg("-Zbuild-std-features=panic-unwind")
        .current_dir(system::root())
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("CARGO");
    Ok(command)
}

fn debian_is_ready() -> bool {
    let wanted = version(env!("CARGO_PKG_RUST_VERSION"));
    let found = Command::new(DEBIAN_RUSTC).arg("--version").output();
    let recent = found.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split(' ').nth(1).and_then(version) >= wanted
    });
    recent && Path::new(DEBIAN_CARGO).is_file() && source().is_some()
}

/// The standard library's sources of Debian's toolchain.
fn source() -> Option<PathBuf> {
    let source = sysroot(DEBIAN_RUSTC)?.join("lib/rustlib/src/rust");
    source
        .join("library/Cargo.lock")
        .is_file()
        .then_some(source)
}

/// The first two numbers of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Compiler flags: everything linked in, addresses anywhere, no data executed, and nothing of this machine in the file.
fn flags() -> Result<Vec<String>, String> {
    let mut flags: Vec<String> = [
        "-Ctarget-feature=+crt-static",
        "-Clink-arg=-static-libgcc",
        "-Clink-arg=-Wl,--dynamicbase,--high-entropy-va,--nxcompat",
        // The same sources give the same bytes.
        "-Clink-arg=-Wl,--no-insert-timestamp",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut hide = |path: PathBuf, name: &str| {
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    };
    hide(system::root(), "group-writeback");
    if let Some(source) = source() {
        hide(source, "rust");
    }
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .ok_or("neither CARGO_HOME nor HOME is set")?;
    hide(home.join("registry/src"), "crates");
    Ok(flags)
}
