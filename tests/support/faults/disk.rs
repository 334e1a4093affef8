//! The store's folder: filled, locked, damaged, read-only, gone, and mended again.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use rusqlite::Connection;

use super::Row;

const INSIDE: &str = "GROUPWRITEBACK_OWN_DISK";

pub struct Disk {
    folder: tempfile::TempDir,
    own: bool,
    /// The fault that was played, and what holds it up.
    played: Mutex<Option<String>>,
    lock: Mutex<Option<Connection>>,
    /// The format's number before it was changed.
    format: Mutex<i32>,
}

/// Plays the row again in a mount namespace of its own, where it may mount; gives whether it did.
pub fn elsewhere(row: &Row) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let namespaces = ["-m", "-rm"];
    let Some(namespace) = namespaces.into_iter().find(|n| {
        let tried = Command::new("unshare")
            .args([n, "mount", "-t", "tmpfs", "none", "/mnt"])
            .output();
        tried.is_ok_and(|o| o.status.success())
    }) else {
        eprintln!("{}: not played, nothing can be mounted here", row.name);
        return true;
    };
    let output = Command::new("unshare")
        .arg(namespace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", row.name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    true
}

impl Disk {
    pub fn new(own: bool) -> Disk {
        let folder = tempfile::tempdir().unwrap();
        if own {
            mount(&["-t", "tmpfs", "-o", "size=64m", "none"], folder.path());
        }
        Disk {
            folder,
            own,
            played: Mutex::default(),
            lock: Mutex::default(),
            format: Mutex::default(),
        }
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("Default.db")
    }

    /// Takes away the write-ahead log while the file is open: what a crash and a careless copy leave.
    pub fn leave_log_behind(&self) {
        let copy = std::fs::read(self.file()).unwrap();
        let log = std::fs::metadata(self.file().with_extension("db-wal")).unwrap();
        assert!(log.len() > 0, "something is in the log");
        std::fs::write(self.folder.path().join("copy.db"), copy).unwrap();
    }

    /// Plays a fault; gives whether the store is new afterwards.
    pub fn play(&self, fault: &str) -> bool {
        *self.played.lock().unwrap() = Some(fault.to_owned());
        match fault {
            "lost" => self.empty(),
            "full" => self.fill(),
            "locked" => *self.lock.lock().unwrap() = Some(self.locked()),
            "lockedForAMoment" => {
                let held = self.locked();
                std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(800));
                    drop(held);
                });
            }
            "damagedHeader" => self.change(|bytes| bytes[..100].fill(0xee)),
            "damagedInside" => self.change(|bytes| {
                let third = bytes.len() / 3;
                bytes[third..].fill(0xee);
            }),
            "truncated" => self.change(|bytes| bytes.truncate(bytes.len() / 2)),
            "withoutLog" => {
                let copy = std::fs::read(self.folder.path().join("copy.db")).unwrap();
                self.empty();
                std::fs::create_dir_all(self.folder()).unwrap();
                std::fs::write(self.file(), copy).unwrap();
            }
            "older" => {
                let other = Connection::open(self.file()).unwrap();
                other
                    .execute_batch(
                        "DROP INDEX objects_unreadable; ALTER TABLE runs DROP COLUMN server;
                         ALTER TABLE plans DROP COLUMN replica;",
                    )
                    .unwrap();
                self.set_format(1);
            }
            "unknown" => self.set_format(0),
            "newer" => self.set_format(1000),
            "readOnly" => mount(&["-o", "remount,ro"], self.folder.path()),
            "gone" => self.empty(),
            other => panic!("no fault {other}"),
        }
        fault == "lost"
    }

    /// Mends it, by what the error advises; gives whether the store is a new one.
    pub fn heal(&self) -> bool {
        let Some(fault) = self.played.lock().unwrap().take() else {
            return false;
        };
        match fault.as_str() {
            "full" => std::fs::remove_file(self.folder().join("filler")).unwrap(),
            "locked" => drop(self.lock.lock().unwrap().take()),
            "newer" => {
                let before = *self.format.lock().unwrap();
                self.set_format(before);
            }
            "readOnly" => mount(&["-o", "remount,rw"], self.folder.path()),
            "damagedHeader" | "damagedInside" | "truncated" | "unknown" => {
                self.empty();
                return true;
            }
            _ => {}
        }
        false
    }

    fn empty(&self) {
        std::fs::remove_dir_all(self.folder()).unwrap();
    }

    /// Until nothing goes on it any more.
    fn fill(&self) {
        assert!(self.own, "never the machine's own disk");
        let mut filler = std::fs::File::create(self.folder().join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
        let full = filler.write(&[0]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    }

    fn locked(&self) -> Connection {
        let other = Connection::open(self.file()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(self.file()).unwrap();
        change(&mut bytes);
        std::fs::write(self.file(), bytes).unwrap();
    }

    fn set_format(&self, number: i32) {
        let other = Connection::open(self.file()).unwrap();
        *self.format.lock().unwrap() = other
            .pragma_query_value(None, "user_version", |r| r.get(0))
            .unwrap();
        other.pragma_update(None, "user_version", number).unwrap();
    }
}

fn mount(options: &[&str], place: &Path) {
    let output = Command::new("mount").args(options).arg(place).output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "mount: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
