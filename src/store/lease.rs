//! One writer at a time: an OS file lock that dies with its process, and a number for what outlives it.
//!
//! The lock says whether somebody holds the lease, across processes and within one; the `lease` row says who, for
//! messages, and carries the fencing number that every write of a run is compared with.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::params;

use super::private::open_file;
use super::sql::{Outcome, first, run, unavailable};
use super::sqlite::Shared;
use super::{Fence, Lease, runs};
use crate::clock;
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;

/// Others take the lock for moments to see whether it is held.
const PATIENCE: Duration = Duration::from_millis(500);

/// Frees the lease when dropped.
struct Guard {
    shared: Arc<Shared>,
    fence: Fence,
    // Dropped after the row is cleared, and freed by the OS whatever happens to us.
    _lock: File,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Only for messages: a failure leaves a name behind that the next holder overwrites.
        let _ = self.shared.write(None, |tx| {
            run(
                tx.c,
                "UPDATE lease SET run_id = NULL, host = NULL, pid = NULL, since = NULL WHERE fence = ?",
                [self.fence.0],
            )
        });
    }
}

pub(super) fn acquire(shared: &Arc<Shared>, run_id: Guid, host: &str, pid: u32) -> Result<Lease> {
    let lock = open_file(&shared.lock_path).map_err(|e| lock_failed(&shared.lock_path, &e))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(shared.read(busy)?),
            Err(TryLockError::Error(e)) => return Err(lock_failed(&shared.lock_path, &e)),
        }
    }
    let fence = shared.write(None, |tx| {
        runs::close_dead(tx)?;
        let fence = tx
            .c
            .prepare_cached(
                "UPDATE lease SET fence = fence + 1, run_id = ?, host = ?, pid = ?, since = ? RETURNING fence",
            )?
            .query_row(params![run_id, host, pid, tx.now], |r| r.get(0))?;
        Ok(Fence(fence))
    })?;
    let guard = Guard {
        shared: Arc::clone(shared),
        fence,
        _lock: lock,
    };
    Ok(Lease {
        fence,
        run_id,
        _guard: Box::new(guard),
    })
}

/// Runs `work` while nobody can hold the lease; `None` when somebody does.
pub(super) fn while_free<T>(
    shared: &Shared,
    work: impl FnOnce() -> Result<T>,
) -> Result<Option<T>> {
    let lock = open_file(&shared.lock_path).map_err(|e| lock_failed(&shared.lock_path, &e))?;
    // Shared, so that two who look don't take each other for a holder.
    match lock.try_lock_shared() {
        Ok(()) => work().map(Some),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(lock_failed(&shared.lock_path, &e)),
    }
}

/// The error that names the holder.
fn busy(c: &rusqlite::Connection) -> Outcome<Error> {
    type Holder = (Option<Guid>, Option<String>, Option<u32>, Option<i64>);
    let holder: Option<Holder> = first(c, "SELECT run_id, host, pid, since FROM lease", [], |r| {
        Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
    })?;
    let (message, target) = match holder {
        Some((Some(run_id), Some(host), Some(pid), Some(since))) => (
            format!(
                "The configuration is busy: run {run_id} has been going on host {host} (process {pid}) since {}.",
                clock::rfc3339(since)
            ),
            Some(run_id),
        ),
        // Taken, but not named yet.
        _ => (
            "The configuration is busy: another run is just starting.".to_owned(),
            None,
        ),
    };
    let error = Error::new(ErrorId::SyncCycleAlreadyRunning, message);
    Ok(match target {
        Some(run_id) => error.target(run_id),
        None => error,
    })
}

fn lock_failed(path: &Path, cause: &std::io::Error) -> Error {
    unavailable(
        path,
        format!("The lock file {} can't be used.", path.display()),
    )
    .caused_by(cause)
}
