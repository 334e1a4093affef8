//! Builds the library and the lab and tells where they are.

use std::path::PathBuf;

use crate::system::{cargo, root, run, target_dir};
use crate::{dll, windows};

/// The library's file name on this machine.
const LIBRARY: &str = if cfg!(windows) {
    "group_writeback.dll"
} else if cfg!(target_os = "macos") {
    "libgroup_writeback.dylib"
} else {
    "libgroup_writeback.so"
};

/// What the demo and the PowerShell tests need.
pub struct Built {
    /// The cdylib.
    pub library: PathBuf,
    /// The lab's program.
    pub lab: PathBuf,
}

/// `cargo xtask build`: makes the library and tells where it is.
pub fn command(args: &[String]) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let library = match args.as_slice() {
        [] => release()?.library,
        ["--target", windows::TARGET] => windows::library()?,
        ["--target", other] => {
            return Err(format!(
                "no target '{other}'; there is: {}",
                windows::TARGET
            ));
        }
        _ => return Err("build takes --target NAME or nothing".into()),
    };
    if library.extension().is_some_and(|e| e == "dll") {
        return dll::check(&library);
    }
    let size = std::fs::metadata(&library).map_err(|e| format!("{}: {e}", library.display()))?;
    println!("{} ({} bytes)", library.display(), size.len());
    Ok(())
}

/// Builds with the `dev` profile, which is quicker to make than it is slow to run.
pub fn build() -> Result<Built, String> {
    build_as("dev", "debug")
}

/// Builds as it is shipped.
pub fn release() -> Result<Built, String> {
    build_as("release", "release")
}

/// Builds the library alone as it is published: without symbols, and without a path of this machine in it, so that the
/// same sources give the same bytes in any folder.
pub fn shipped() -> Result<PathBuf, String> {
    let folder = target_dir().join("shipped");
    run(
        cargo(["build", "--quiet", "--release", "--locked", "--lib"])
            .args(["-p", "group-writeback", "--target-dir"])
            .arg(&folder)
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .env("CARGO_ENCODED_RUSTFLAGS", hidden_paths()?.join("\u{1f}"))
            .env("CFLAGS", c_hidden_paths()?.join(" ")),
    )?;
    Ok(folder.join("release").join(LIBRARY))
}

/// Compiler flags that give paths of this machine other names.
fn hidden_paths() -> Result<Vec<String>, String> {
    Ok(renamed()?
        .iter()
        .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()))
        .collect())
}

/// The same for C: SQLite and ring.
fn c_hidden_paths() -> Result<Vec<String>, String> {
    Ok(renamed()?
        .iter()
        .map(|(path, name)| format!("-ffile-prefix-map={}={name}", path.display()))
        .collect())
}

fn renamed() -> Result<Vec<(PathBuf, &'static str)>, String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .ok_or("neither CARGO_HOME nor HOME is set")?;
    Ok(vec![
        (root(), "group-writeback"),
        (target_dir(), "target"),
        (home.join("registry/src"), "crates"),
    ])
}

fn build_as(profile: &str, folder: &str) -> Result<Built, String> {
    run(&mut cargo([
        "build",
        "--quiet",
        "--profile",
        profile,
        "-p",
        "group-writeback",
        "-p",
        "group-writeback-lab",
    ]))?;
    let out = target_dir().join(folder);
    let lab = format!("group-writeback-lab{}", std::env::consts::EXE_SUFFIX);
    Ok(Built {
        library: out.join(LIBRARY),
        lab: out.join(lab),
    })
}
