//! The fuzz targets of `fuzz/`: their corpora again, then new inputs for a while.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::{sanitize, system};

/// Seconds for each target as a part of `cargo xtask test`.
const SECONDS: u64 = 20;

/// The part `fuzz`; what could not be run is added to `not_run`.
pub fn test(not_run: &mut Vec<String>) -> Result<(), String> {
    // Not a member of the workspace, so not seen by the part `fmt`.
    system::run(&mut system::cargo([
        "fmt",
        "--check",
        "--manifest-path",
        "fuzz/Cargo.toml",
    ]))?;
    match sanitize::build()? {
        Ok(programs) => run(&programs, SECONDS),
        Err(reason) => {
            not_run.push(format!("fuzz targets: {reason}"));
            Ok(())
        }
    }
}

/// `torture fuzz`: the same for longer.
pub fn torture(seconds: u64) -> Result<(), String> {
    run(&sanitize::build()??, seconds)
}

/// Every target for so many seconds, as many at a time as there are processors.
fn run(programs: &Path, seconds: u64) -> Result<(), String> {
    let targets = Mutex::new(targets()?);
    let failed = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    // The lock is released before the target runs.
                    let next = targets.lock().ok().and_then(|mut left| left.pop());
                    let Some(target) = next else {
                        return;
                    };
                    if let Err(error) = one(programs, &target, seconds)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(error);
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_default().as_slice() {
        [] => Ok(()),
        failed => Err(failed.join("\n")),
    }
}

/// Their names: a source file each.
fn targets() -> Result<Vec<String>, String> {
    let folder = system::root().join("fuzz/fuzz_targets");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .filter_map(Result::ok)
        .filter_map(|file| Some(file.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort_by(|a, b| b.cmp(a));
    Ok(names)
}

fn one(programs: &Path, target: &str, seconds: u64) -> Result<(), String> {
    let corpus = system::root().join("fuzz/corpus").join(target);
    if !corpus.is_dir() {
        return Err(format!("{target} has no corpus ({})", corpus.display()));
    }
    let folder = |kind: &str| -> Result<PathBuf, String> {
        let folder = system::target_dir().join("attack").join(kind).join(target);
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(folder)
    };
    // New inputs go into the first folder; the committed ones stay as they are.
    let (found, crashes) = (folder("found")?, folder("crashes")?);
    let output = Command::new(programs.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=20", "-rss_limit_mb=2048", "-print_funcs=0"])
        .args(["-print_final_stats=1", "-max_len=4096"])
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .args([&found, &corpus])
        .env(
            "ASAN_OPTIONS",
            "quarantine_size_mb=16:detect_odr_violation=0",
        )
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot start {target}: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let count = said
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
            .unwrap_or("?");
        println!("{target}: {} inputs", count.trim());
        return Ok(());
    }
    let why: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with(['#', '\t']))
        .take(60)
        .collect();
    Err(format!(
        "{target} failed ({}):\n{}\nReplay: {} FILE (see {})",
        output.status,
        why.join("\n"),
        programs.join(target).display(),
        crashes.display()
    ))
}
