//! The running Samba, with a process for each connection, so that a long request of one client does not keep others
//! waiting. It watches its standard input and ends with it, so it can't outlive the lab, however that ends.

use super::provision::{CONFIGURATION, KRB5_CONFIG};
use super::tools;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a start may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Samba in the foreground; dropping it ends it.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn start(folder: &Path, log: &Path) -> Result<Self, String> {
        let log = log.to_owned();
        let file =
            std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let configuration = folder.join(CONFIGURATION);
        let mut command = tools::program("samba", &configuration);
        command
            .args(["--interactive", "--model=standard", "--debug-stdout", "-s"])
            .arg(&configuration)
            .env("KRB5_CONFIG", folder.join(KRB5_CONFIG))
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(errors);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .spawn()
            .map_err(|error| format!("samba can't be started: {error}"))?;
        Ok(Self { child, log })
    }

    /// Tries until the controller answers, or the process has ended.
    pub(super) fn until_ready<T, F>(
        &mut self,
        runtime: &Handle,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, String>
    where
        F: Future<Output = Result<T, String>>,
    {
        let start = Instant::now();
        loop {
            let reason = match runtime.block_on(attempt()) {
                Ok(made) => return Ok(made),
                Err(reason) => reason,
            };
            let ended = self.child.try_wait().map_err(|error| error.to_string())?;
            if let Some(status) = ended {
                return Err(format!("Samba ended with {status}. {}", self.said()));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("Samba does not answer: {reason}. {}", self.said()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The end of the log.
    fn said(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(15)..];
        format!("Its log ({}) ends: {}", self.log.display(), last.join("\n"))
    }

    /// Whether it ends within this time.
    fn ends_within(&mut self, time: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < time {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if self.ends_within(Duration::from_secs(5)) {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
