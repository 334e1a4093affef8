//! A process that holds a session of the shipped library, as a host would; asked for work line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Bench;
use super::lab::Parts;
use crate::{build::Built, system};

/// Container of the written groups.
pub const OU: &str = "OU=Cloud Groups,DC=contoso,DC=test";

/// Compiles `host.c` against the header and the library just built.
pub fn compile(built: &Built, scratch: &Path) -> Result<PathBuf, String> {
    let program = scratch.join("host");
    let folder = built.library.parent().ok_or("the library has no folder")?;
    let root = system::root();
    system::run(
        Command::new("cc")
            .args([
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-O2",
                "-D_POSIX_C_SOURCE=200809L",
                "-o",
            ])
            .arg(&program)
            .arg(root.join("xtask/src/bench/host.c"))
            .arg("-I")
            .arg(root.join("include"))
            .arg("-L")
            .arg(folder)
            .arg("-lgroup_writeback")
            .arg(format!("-Wl,-rpath,{}", folder.display())),
    )?;
    Ok(program)
}

/// How one request ended.
pub struct Ended {
    pub seconds: f64,
}

/// The process; dropping it closes the session.
pub struct Host {
    child: Child,
    answers: BufReader<ChildStdout>,
    _store: TempDir,
}

impl Host {
    /// A session on a lab, with a store of its own, connected and with writeback on: idle.
    pub fn start(bench: &Bench, parts: &Parts) -> Result<Host, String> {
        let store = bench.folder()?;
        let (ready, config) = (
            store.path().join("ready.json"),
            store.path().join("config.json"),
        );
        let write = |path: &Path, value: &Value| {
            std::fs::write(path, value.to_string()).map_err(|e| e.to_string())
        };
        write(&ready, &parts.lab.ready)?;
        write(
            &config,
            &json!({"storeDirectory": store.path().join("store"), "clientTimeoutSec": 60, "connection": parts.connection()}),
        )?;
        let mut command = Command::new(&bench.host);
        command
            .arg(&ready)
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // A search path from outside (cargo's, of another profile) would come before the program's own.
        command.env_remove("LD_LIBRARY_PATH");
        let mut child = command
            .spawn()
            .map_err(|e| format!("cannot start the host: {e}"))?;
        let answers = BufReader::new(child.stdout.take().ok_or("the host has no output")?);
        let mut host = Host {
            child,
            answers,
            _store: store,
        };
        host.ask("query", &json!({"op": "connect"}))?;
        host.ask(
            "enable",
            &json!({"organizationalUnit": OU, "version": "V1", "createContainer": true}),
        )?;
        Ok(host)
    }

    /// Runs one request to its end; a failure, also of a single group, ends the measurement.
    pub fn ask(&mut self, call: &str, request: &Value) -> Result<Ended, String> {
        let input = self.child.stdin.as_mut().ok_or("the host has no input")?;
        writeln!(input, "{call} {request}").map_err(|e| format!("the host is gone: {e}"))?;
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .map_err(|e| e.to_string())?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|e| format!("the host said '{line}': {e}"))?;
        let end = &answer["end"];
        if end["event"] != "result" || answer["problems"] != 0 {
            return Err(format!(
                "{call} {request} ended with {end}, first problem {}",
                answer["problem"]
            ));
        }
        Ok(Ended {
            seconds: answer["seconds"].as_f64().unwrap_or(f64::NAN),
        })
    }

    /// A cycle.
    pub fn cycle(&mut self, policy: &str) -> Result<Ended, String> {
        self.ask("sync", &json!({"action": "cycle", "policyType": policy}))
    }

    /// Resident memory now, in bytes.
    pub fn resident(&self) -> Result<u64, String> {
        of_process(self.child.id(), "VmRSS")
    }

    /// The highest resident memory since `forget_peak`, in bytes.
    pub fn peak(&self) -> Result<u64, String> {
        of_process(self.child.id(), "VmHWM")
    }

    /// The peak is what is resident now.
    pub fn forget_peak(&self) -> Result<(), String> {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(&file, "5").map_err(|e| format!("{file}: {e}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A row of `/proc/<id>/status` in bytes.
pub fn of_process(id: u32, row: &str) -> Result<u64, String> {
    let file = format!("/proc/{id}/status");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix(row)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or(format!("{file} has no {row}"))
}
