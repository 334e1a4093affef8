//! A running lab that ends with us, whatever happens: its standard input is ours to close.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A lab process; dropping it ends the process and waits for it.
pub struct Lab {
    child: Child,
    /// The ready line: endpoints and credentials (docs/lab.md).
    pub ready: Value,
}

impl Lab {
    /// Starts `program serve` and waits for its ready line.
    pub fn start(program: &Path, options: &[&str]) -> Result<Lab, String> {
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--until-stdin-closes")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start the lab ({}): {e}", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|e| format!("the lab's ready line: {e}"))?;
        }
        match serde_json::from_str(&line) {
            Ok(ready) => Ok(Lab { child, ready }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("the lab did not start: {error}: {line}"))
            }
        }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
