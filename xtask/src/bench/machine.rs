//! Where the figures come from.

use std::process::Command;

use serde_json::{Value, json};

use crate::system;

/// Processor, cores, memory, system, commit.
pub fn describe() -> Value {
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map(|kib| (kib / 1024.0 / 1024.0).round());
    json!({
        "cpu": field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memoryGib": memory,
        "system": std::env::consts::OS,
        "kernel": said("uname", &["-r"]),
        "commit": said("git", &["rev-parse", "--short", "HEAD"]),
        "load": std::fs::read_to_string("/proc/loadavg").ok().map(|l| l.trim().to_owned()),
    })
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (_, value) = text
        .lines()
        .find_map(|l| l.split_once(':').filter(|(n, _)| n.trim() == name))?;
    Some(value.trim().to_owned())
}

fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(system::root())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
