//! The SQLite file of a configuration: opening it, reading and writing in it.
//!
//! Two connections: one writes, one reads, so that looking at a long run never waits for its transactions (WAL).
//! `synchronous=FULL`: a commit that was reported is on the disk. With NORMAL a power cut could take the last
//! commits back, so a run reported as done would be unknown, an approved plan be open again. The price is one
//! flush a commit, which is why the trait takes pages and batches.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::Fence;
use super::private;
use super::schema;
use super::sql::{Outcome, REBUILD, Tx, unavailable};
use crate::error::{Error, ErrorId, Result};

/// Longer than the longest transaction (the end of a full read of a large tenant).
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Memory for pages of the file, in MiB. A sort (an index made anew) takes as much again. What doesn't fit is in the
/// system's cache of the file.
const WRITER_CACHE: i64 = 16;
const READER_CACHE: i64 = 8;

/// A store in one SQLite file, `<directory>/<configuration name>.db`.
pub struct SqliteStore {
    pub(super) shared: Arc<Shared>,
}

/// What the store and its leases hold.
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) lock_path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens the configuration's store, making it if it isn't there.
    pub fn open(directory: &Path, name: &str) -> Result<Self> {
        Self::open_waiting(directory, name, BUSY_TIMEOUT)
    }

    /// Opens the configuration's store; `ConfigurationNotFound` if it isn't there.
    pub fn open_existing(directory: &Path, name: &str) -> Result<Self> {
        let path = file_of(directory, name)?;
        if path.is_file() {
            return Self::open(directory, name);
        }
        let there = Self::configurations(directory)?;
        let there = if there.is_empty() {
            "none".to_owned()
        } else {
            there.join(", ")
        };
        Err(Error::new(
            ErrorId::ConfigurationNotFound,
            format!(
                "There is no configuration {name} in {}; there is: {there}.",
                directory.display()
            ),
        )
        .target(name))
    }

    /// The names of the configurations in a directory, sorted.
    pub fn configurations(directory: &Path) -> Result<Vec<String>> {
        let failed = |e: io::Error| {
            unavailable(
                directory,
                format!("The directory {} can't be listed.", directory.display()),
            )
            .caused_by(&e)
        };
        let entries = match std::fs::read_dir(directory) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|e| e == "db") && path.is_file() {
                names.extend(
                    path.file_stem()
                        .and_then(|s| s.to_str())
                        .filter(|n| is_name(n))
                        .map(str::to_owned),
                );
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// For a caller less patient with other programs' transactions than is usual.
    pub fn wait_at_most(&self, patience: Duration) -> Result<()> {
        let patience = patience.min(BUSY_TIMEOUT);
        let set = |c: &Connection| -> Outcome<()> { Ok(c.busy_timeout(patience)?) };
        self.shared.read(set)?;
        set(&take(&self.shared.writer)).map_err(|f| f.at(&self.shared.path))
    }

    pub(super) fn open_waiting(directory: &Path, name: &str, patience: Duration) -> Result<Self> {
        let path = file_of(directory, name)?;
        let failed = |what: &Path, e: &io::Error| {
            unavailable(
                what,
                format!("The store {} can't be opened.", what.display()),
            )
            .caused_by(e)
        };
        private::make_directory(directory).map_err(|e| failed(directory, &e))?;
        private::check_directory(directory)?;
        if !path.exists() {
            // SQLite would make it readable to all; its -wal and -shm take the file's mode.
            private::open_file(&path).map_err(|e| failed(&path, &e))?;
        }
        let mut writer = connect(&path, patience, WRITER_CACHE).map_err(|f| f.at(&path))?;
        schema::migrate(&mut writer, &path).map_err(|f| f.at(&path))?;
        let reader = connect(&path, patience, READER_CACHE)
            .and_then(|c| Ok(c.pragma_update(None, "query_only", true).map(|()| c)?))
            .map_err(|f| f.at(&path))?;
        let shared = Shared {
            lock_path: path.with_extension("lock"),
            path,
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        };
        Ok(SqliteStore {
            shared: Arc::new(shared),
        })
    }
}

impl Shared {
    /// Reads what is committed.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        work(&take(&self.reader)).map_err(|f| f.at(&self.path))
    }

    /// Reads in one transaction what several queries must see alike.
    pub(super) fn read_together<T>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Result<T> {
        self.read(|c| {
            let tx = c.unchecked_transaction()?;
            let result = work(&tx)?;
            tx.commit()?;
            Ok(result)
        })
    }

    /// Writes all or nothing; with a fence, only if it is the current one.
    pub(super) fn write<T>(
        &self,
        fence: Option<Fence>,
        work: impl FnOnce(&Tx<'_>) -> Outcome<T>,
    ) -> Result<T> {
        // A file that was removed still takes what is written to it, and nobody will ever read it.
        if matches!(self.path.try_exists(), Ok(false)) {
            let text = format!(
                "The store {} was removed while it was in use.",
                self.path.display()
            );
            return Err(unavailable(&self.path, text).action(REBUILD));
        }
        let mut writer = take(&self.writer);
        let transact = || -> Outcome<T> {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let tx = Tx::new(&transaction);
            if let Some(fence) = fence {
                tx.check(fence)?;
            }
            let result = work(&tx)?;
            transaction.commit()?;
            Ok(result)
        };
        transact().map_err(|f| f.at(&self.path))
    }

    /// Gives the space of a large transaction's journal back; best effort.
    pub(super) fn checkpoint(&self) {
        let _ = take(&self.writer).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

/// A panic elsewhere left the connection in order: its transaction was rolled back.
fn take(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, patience: Duration, cache_mib: i64) -> Outcome<Connection> {
    // No SQLITE_OPEN_URI: a name is never read as options.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags)?;
    c.busy_timeout(patience)?;
    c.set_prepared_statement_cache_capacity(128);
    use_wal(&c, patience)?;
    c.pragma_update(None, "synchronous", "FULL")?;
    c.pragma_update(None, "foreign_keys", true)?;
    c.pragma_update(None, "cache_size", -1024 * cache_mib)?;
    c.pragma_update(None, "wal_autocheckpoint", 8192)?;
    c.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(c)
}

/// SQLite doesn't wait by itself when several open a new file at once and each switches it to WAL.
fn use_wal(c: &Connection, patience: Duration) -> Outcome<()> {
    let deadline = Instant::now() + patience;
    loop {
        match c.pragma_update(None, "journal_mode", "WAL") {
            Err(e)
                if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return Ok(result?),
        }
    }
}

/// The file of a configuration. The name becomes a file name everywhere, so it is kept to what is harmless.
fn file_of(directory: &Path, name: &str) -> Result<PathBuf> {
    if is_name(name) {
        return Ok(directory.join(format!("{name}.db")));
    }
    Err(Error::new(
        ErrorId::InvalidArgument,
        format!("{name:?} can't be the name of a configuration: 1 to 64 letters, digits, spaces and - _ . are \
                 possible, no space or dot first or last, and no device name of Windows."),
    )
    .target(name))
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    let edge = |c: char| matches!(c, ' ' | '.');
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|n| n.chars().count() == 1)
    };
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || numbered("COM")
        || numbered("LPT");
    (1..=64).contains(&name.chars().count())
        && name.chars().all(allowed)
        && !name.starts_with(edge)
        && !name.ends_with(edge)
        && !device
}
