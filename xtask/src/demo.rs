//! `cargo xtask demo`: the story of one writeback, on a lab of its own, through PowerShell (else through the C ABI).

use std::process::Command;

use crate::{build, lab::Lab, pwsh, samba, system};

/// Builds, starts a lab, runs the story, leaves nothing behind.
pub fn run(args: &[String]) -> Result<(), String> {
    let directory = match args {
        [] => "embedded",
        [option, value] if option == "--directory" => match value.as_str() {
            "embedded" => "embedded",
            "samba" => "samba",
            other => {
                return Err(format!(
                    "there is no directory '{other}': embedded or samba"
                ));
            }
        },
        _ => return Err("demo takes --directory embedded or --directory samba".into()),
    };
    if directory == "samba" {
        system::ensure(samba::PROGRAMS)?;
    }
    println!("Building the library and the lab ...");
    system::ensure(&["cc"])?;
    let built = build::build()?;
    let pwsh = pwsh::find();
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let data = scratch.path().join("lab");
    if directory == "samba" {
        println!("Starting a Samba domain controller ...");
    }
    let data = data.to_string_lossy();
    let lab = Lab::start(&built.lab, &["--directory", directory, "--data-dir", &data])?;
    let ready = scratch.path().join("lab.json");
    std::fs::write(&ready, lab.ready.to_string()).map_err(|e| e.to_string())?;
    let mut command = match &pwsh {
        Some(pwsh) => {
            let mut command = pwsh::command(pwsh, &built);
            command
                .arg("-File")
                .arg(system::root().join("powershell/demo/Demo.ps1"))
                .arg("-LabPath")
                .arg(&ready);
            command
        }
        None => {
            println!(
                "{}\nThe story is told through the C ABI instead.\n",
                pwsh::ADVICE
            );
            let program = compile_story(&built, scratch.path())?;
            let mut command = Command::new(program);
            command.arg(&ready);
            // A search path from outside (cargo's, of another profile) comes before the program's own, and may hold
            // the library of an earlier build.
            for variable in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
                command.env_remove(variable);
            }
            command
        }
    };
    command.env("GROUPWRITEBACK_STORE", scratch.path().join("store"));
    command.env("GROUPWRITEBACK_LAB", &built.lab);
    let result = system::run(&mut command);
    drop(lab);
    scratch.close().map_err(|e| format!("clean-up: {e}"))?;
    result
}

/// Compiles the C program that tells the same story, against the header and the library just built.
fn compile_story(
    built: &build::Built,
    scratch: &std::path::Path,
) -> Result<std::path::PathBuf, String> {
    let program = scratch.join("story");
    let folder = built.library.parent().ok_or("the library has no folder")?;
    system::run(
        Command::new("cc")
            .args([
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-D_POSIX_C_SOURCE=200809L",
                "-o",
            ])
            .arg(&program)
            .arg(system::root().join("tests/c/story.c"))
            .arg("-I")
            .arg(system::root().join("include"))
            .arg("-L")
            .arg(folder)
            .arg("-lgroup_writeback")
            .arg(format!("-Wl,-rpath,{}", folder.display())),
    )?;
    Ok(program)
}
