//! What the integration tests share: a lab process, a caller of the C ABI, and an independent view of AD by `ldapsearch`.
//!
//! The expected state is computed here from the lab's dump by a few lines that know nothing of the engine.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

pub mod engine;
pub mod expected;
pub mod fixture;
pub mod ldap;
pub mod relay;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Where cargo put the lab's program: two folders above this test's.
pub fn lab_program() -> PathBuf {
    if let Some(given) = std::env::var_os("GROUPWRITEBACK_LAB") {
        return given.into();
    }
    let exe = std::env::current_exe().expect("own path");
    let program = exe
        .parent()
        .and_then(|d| d.parent())
        .expect("target folder")
        .join("group-writeback-lab");
    assert!(
        program.is_file(),
        "{} is missing: cargo build -p group-writeback-lab",
        program.display()
    );
    program
}

/// The directory that the tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// The lab's own, in memory.
    Embedded,
    /// A Samba AD DC behind the lab's gateway.
    Samba,
}

/// A lab that ends with its owner.
pub struct Lab {
    child: Child,
    pub ready: Value,
    pub directory: Directory,
}

impl Directory {
    /// The one that `GROUPWRITEBACK_TEST_DIRECTORY` names.
    fn named() -> Directory {
        let named = std::env::var("GROUPWRITEBACK_TEST_DIRECTORY").unwrap_or_default();
        match named.as_str() {
            "" | "embedded" => Directory::Embedded,
            "samba" => Directory::Samba,
            other => panic!("GROUPWRITEBACK_TEST_DIRECTORY: embedded or samba, not '{other}'"),
        }
    }
}

/// Whether labs have Samba as their directory.
pub fn on_samba() -> bool {
    Directory::named() == Directory::Samba
}

impl Lab {
    /// A lab with the directory that `GROUPWRITEBACK_TEST_DIRECTORY` names.
    pub fn start(options: &[&str]) -> Lab {
        Lab::start_on(Directory::named(), options)
    }

    /// For what only one kind of directory can do.
    pub fn start_on(directory: Directory, options: &[&str]) -> Lab {
        let chosen = match directory {
            Directory::Embedded => "embedded",
            Directory::Samba => "samba",
        };
        let mut child = Command::new(lab_program())
            .args(["serve", "--until-stdin-closes", "--directory", chosen])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the lab starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("stdout"))
            .read_line(&mut line)
            .expect("ready line");
        let ready =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("ready line: {e}: {line}"));
        Lab {
            child,
            ready,
            directory,
        }
    }

    pub fn text(&self, name: &str) -> &str {
        self.ready[name]
            .as_str()
            .unwrap_or_else(|| panic!("the ready line has no {name}"))
    }

    pub fn base(&self) -> &str {
        self.text("baseDn")
    }

    /// Calls a control verb: POST with a body, GET without.
    pub fn control(&self, verb: &str, body: Option<Value>) -> Value {
        let mut command = Command::new(lab_program());
        command.args(["control", "--control", self.text("control"), verb]);
        if let Some(body) = body {
            command.arg(body.to_string());
        }
        let output = command.output().expect("the lab's control command");
        assert!(
            output.status.success(),
            "control {verb}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    pub fn change(&self, changes: Value) -> Value {
        self.control("change", Some(serde_json::json!({ "changes": changes })))
    }

    /// What an administrator of the directory does.
    pub fn administer(&self, op: Value) -> Value {
        self.control("directory", Some(op))
    }

    pub fn fault(&self, fault: Value) -> Value {
        self.control("fault", Some(fault))
    }

    pub fn clear_faults(&self) {
        let mut command = Command::new(lab_program());
        command.args([
            "control",
            "--control",
            self.text("control"),
            "--delete",
            "fault",
        ]);
        assert!(
            command
                .output()
                .expect("the lab's control command")
                .status
                .success()
        );
    }

    pub fn counters(&self) -> Value {
        self.control("counters", None)
    }

    pub fn reset_counters(&self) {
        self.control("counters/reset", Some(serde_json::json!({})));
    }

    pub fn dump(&self) -> Value {
        self.control("dump", None)
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
