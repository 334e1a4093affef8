//! `cargo xtask test`: every check there is, in the order in which a mistake shows soonest.

use std::path::PathBuf;
use std::process::Command;
use std::thread::{self, JoinHandle};

use crate::counts::Counts;
use crate::package::{self, Native};
use crate::wine::Wine;
use crate::{attack, build, dll, fuzz, licences, pwsh, samba, system, windows};

const PARTS: &[&str] = &[
    "fmt",
    "licences",
    "clippy",
    "rust",
    "samba",
    "powershell",
    "windows",
    "attack",
    "fuzz",
];

/// Runs the parts, all of them unless told otherwise; ends at the first that fails.
pub fn run(args: &[String]) -> Result<(), String> {
    let (parts, dll) = chosen(args)?;
    system::ensure(&["cc", "c++", "ldapsearch"])?;
    let ci = std::env::var_os("CI").is_some_and(|v| v == "true");
    let mut not_run = Vec::new();
    let (mut linux, mut beside) = (None, Beside(None));
    let for_wine = dll.is_none() && parts.contains(&"windows");
    for part in parts {
        println!("\n==== {part}");
        if for_wine && matches!(part, "samba" | "powershell") && Wine::ready(false).is_ok() {
            beside.start();
        }
        match part {
            "licences" => licences::check()?,
            "fmt" => system::run(&mut system::cargo(["fmt", "--all", "--check"]))?,
            "clippy" => system::run(&mut system::cargo([
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))?,
            "rust" => {
                // Integration tests start the lab and load the library: both must be there first.
                build::build()?;
                // A stale header must fail here, not be mended by the build.
                let mut test = system::cargo(["test", "--workspace", "--no-fail-fast"]);
                system::run(test.env("GWB_HEADER", "check"))?;
            }
            "attack" => attack::test(&mut not_run)?,
            "fuzz" => fuzz::test(&mut not_run)?,
            "samba" => match system::ensure(samba::PROGRAMS) {
                Ok(()) => {
                    samba::test()?;
                    match pwsh::find() {
                        Some(pwsh) => {
                            powershell(&pwsh, "samba", samba::STORIES)?;
                        }
                        None if ci => return Err(pwsh::ADVICE.into()),
                        None => not_run.push(format!("samba, from PowerShell: {}", pwsh::ADVICE)),
                    }
                }
                Err(advice) if ci => return Err(advice),
                Err(advice) => not_run.push(format!("samba: {advice}")),
            },
            "windows" => match Wine::ready(dll.is_some()) {
                Ok(wine) => {
                    let dll = dll.clone().map_or_else(|| beside.library(), Ok)?;
                    dll::check(&dll)?;
                    wine.test(dll, linux.as_ref())?;
                }
                Err(advice) if ci => return Err(advice),
                Err(advice) => not_run.push(format!("windows: {advice}")),
            },
            _ => match pwsh::find() {
                Some(pwsh) => linux = Some(powershell(&pwsh, "embedded", &[""])?),
                None if ci => return Err(pwsh::ADVICE.into()),
                None => not_run.push(format!("powershell: {}", pwsh::ADVICE)),
            },
        }
    }
    println!();
    for line in &not_run {
        println!("NOT RUN {line}");
    }
    println!(
        "{}",
        if not_run.is_empty() {
            "All parts passed."
        } else {
            "The parts that ran passed."
        }
    );
    Ok(())
}

/// The library for Windows, compiled while other parts wait for the servers that they start.
struct Beside(Option<JoinHandle<Result<PathBuf, String>>>);

impl Beside {
    fn start(&mut self) {
        self.0
            .get_or_insert_with(|| thread::spawn(windows::library));
    }

    /// Waits for it, or makes it now.
    fn library(&mut self) -> Result<PathBuf, String> {
        match self.0.take() {
            Some(work) => work
                .join()
                .map_err(|_| "the build for Windows ended by a panic")?,
            None => windows::library(),
        }
    }
}

impl Drop for Beside {
    /// Nothing is left running.
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            let _ = work.join();
        }
    }
}

/// The parts to run, and a Windows library that is built already.
fn chosen(args: &[String]) -> Result<(Vec<&'static str>, Option<PathBuf>), String> {
    let known = |name: Option<&String>| {
        let name = name.ok_or("a part's name is missing")?;
        PARTS
            .iter()
            .find(|p| *p == name)
            .copied()
            .ok_or(format!("unknown part '{name}'; parts: {}", PARTS.join(" ")))
    };
    let (mut only, mut skip, mut dll) = (Vec::new(), Vec::new(), None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--only" => only.push(known(args.next())?),
            "--skip" => skip.push(known(args.next())?),
            "--dll" => dll = Some(PathBuf::from(args.next().ok_or("--dll wants a file")?)),
            other => return Err(format!("test has no option '{other}'")),
        }
    }
    let parts = PARTS
        .iter()
        .copied()
        .filter(|p| (only.is_empty() || only.contains(p)) && !skip.contains(p))
        .collect();
    Ok((parts, dll))
}

/// Runs test files (all of them by an empty name) on a package of what is here, with labs that have this directory.
fn powershell(pwsh: &std::path::Path, directory: &str, files: &[&str]) -> Result<Counts, String> {
    let built = build::build()?;
    // The library of the other tests: one as it is shipped is the same code and takes minutes more.
    let native = Native::host(built.library.clone())?;
    let package = package::lay_out(&system::target_dir().join("dist"), &[native])?;
    let mut command: Command = pwsh::command(pwsh, &built);
    if let Some(folder) = pwsh::pester_folder(pwsh)? {
        let mut path = folder.into_os_string();
        if let Some(old) = std::env::var_os("PSModulePath") {
            path.push(if cfg!(windows) { ";" } else { ":" });
            path.push(old);
        }
        command.env("PSModulePath", path);
    }
    command.env("GROUPWRITEBACK_MODULE", &package.module);
    command.env_remove("GROUPWRITEBACK_LIBRARY");
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let result = scratch.path().join("result.json");
    command.env("GROUPWRITEBACK_STORE", scratch.path().join("store"));
    command.env("PWSH", pwsh);
    command.env("GROUPWRITEBACK_TEST_DIRECTORY", directory);
    let folder = system::root().join("tests/powershell");
    let paths = files
        .iter()
        .map(|file| folder.join(file).display().to_string());
    command
        .arg("-File")
        .arg(folder.join("Run.ps1"))
        .arg("-Path")
        .arg(paths.collect::<Vec<_>>().join(","))
        .arg("-Result")
        .arg(&result);
    system::run(&mut command)?;
    Counts::read(&result)
}
