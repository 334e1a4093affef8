//! Builds the library and the lab and tells where they are.

use std::path::PathBuf;

use crate::system::{cargo, run, target_dir};
use crate::{dll, windows};

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
    let library = if cfg!(windows) {
        "group_writeback.dll"
    } else if cfg!(target_os = "macos") {
        "libgroup_writeback.dylib"
    } else {
        "libgroup_writeback.so"
    };
    let lab = format!("group-writeback-lab{}", std::env::consts::EXE_SUFFIX);
    Ok(Built {
        library: out.join(library),
        lab: out.join(lab),
    })
}
