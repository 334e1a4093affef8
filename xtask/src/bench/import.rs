//! (e) What Import-Module adds to the start of PowerShell.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::Bench;
use super::report::Figure;
use crate::{pwsh, system};

/// Seconds that importing may add; people wait for it at every start.
const MOST: f64 = 0.3;

/// Starts by turns, bare and with the module.
pub fn measure(bench: &Bench) -> Result<Vec<Figure>, String> {
    let pwsh = pwsh::find().ok_or(pwsh::ADVICE)?;
    let module = system::root().join("powershell/GroupWriteback/GroupWriteback.psd1");
    let import = format!("Import-Module '{}'", module.display());
    let (mut bare, mut with) = (Vec::new(), Vec::new());
    for round in 0..bench.size(5, 15) {
        let pair = [
            start(pwsh::command(&pwsh, &bench.built), "1")?,
            start(pwsh::command(&pwsh, &bench.built), &import)?,
        ];
        // The first start reads the files from the disk.
        if round > 0 {
            bare.push(pair[0]);
            with.push(pair[1]);
        }
    }
    let over = bare
        .iter()
        .zip(&with)
        .map(|(bare, with)| with - bare)
        .collect();
    Ok(vec![
        Figure::limited("Import-Module over a bare start", "s", over, MOST),
        Figure::told("a bare start", "s", bare),
        Figure::told("a start with Import-Module", "s", with),
    ])
}

fn start(mut command: Command, script: &str) -> Result<f64, String> {
    let before = Instant::now();
    let status = command
        .args(["-Command", script])
        .stdout(Stdio::null())
        .status()
        .map_err(|e| format!("cannot start PowerShell: {e}"))?;
    let seconds = before.elapsed().as_secs_f64();
    if status.success() {
        Ok(seconds)
    } else {
        Err(format!("{script}: PowerShell ended with {status}"))
    }
}
