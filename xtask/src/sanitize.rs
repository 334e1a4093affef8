//! Builds `fuzz/`: the attack on the ABI and the fuzz targets, with AddressSanitizer and libFuzzer's instrumentation.
//!
//! One build for all of them, in a folder of its own: everything linked is compiled anew, so nothing is shared with
//! plain builds anyway. Any toolchain can do it (RUSTC_BOOTSTRAP); `cargo fuzz` itself is not needed.

use std::path::PathBuf;
use std::process::Command;

use crate::system;

/// What `cargo fuzz` gives the compiler, but for release builds.
const FLAGS: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Zsanitizer=address",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cforce-frame-pointers=yes",
];

/// The folder with the programs; the inner `Err` says why they can't be built here.
pub fn build() -> Result<Result<PathBuf, String>, String> {
    let target = match supported()? {
        Ok(target) => target,
        Err(reason) => return Ok(Err(reason)),
    };
    let folder = system::target_dir().join("attack");
    system::run(
        system::cargo(["build", "--quiet", "--bins", "--manifest-path"])
            .arg(system::root().join("fuzz/Cargo.toml"))
            // Named, so that build scripts and macros stay without instrumentation.
            .args(["--target", &target])
            .env("CARGO_TARGET_DIR", &folder)
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
            .env("RUSTC_BOOTSTRAP", "1"),
    )?;
    Ok(Ok(folder.join(target).join("debug")))
}

/// The host's target when its toolchain brings the sanitizer's runtime.
fn supported() -> Result<Result<String, String>, String> {
    if !cfg!(target_os = "linux") {
        return Ok(Err("AddressSanitizer is used on Linux only".into()));
    }
    let ask = |argument: &[&str]| {
        let output = Command::new("rustc")
            .args(argument)
            .current_dir(system::root())
            .output()
            .map_err(|e| format!("cannot start rustc: {e}"))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let about = ask(&["-vV"])?;
    let target = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or("rustc names no host")?
        .to_owned();
    let libraries = ask(&["--print", "target-libdir"])?;
    let has_runtime = std::fs::read_dir(libraries.trim())
        .map_err(|e| format!("{}: {e}", libraries.trim()))?
        .filter_map(Result::ok)
        .any(|file| {
            let name = file.file_name();
            name.to_string_lossy().ends_with("_rt.asan.a")
        });
    Ok(if has_runtime {
        Ok(target)
    } else {
        Err("this toolchain has no runtime of AddressSanitizer".into())
    })
}
