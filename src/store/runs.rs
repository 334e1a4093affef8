//! The history of runs, and the one under way.

use rusqlite::{Connection, Row, params};

use super::sql::{Outcome, Tx, collect, first, from_json, int_column, limit, run, to_json};
use super::{RunEnd, RunHeader, RunOutcome, RunRecord, RunningRun};
use crate::error::{Error, ErrorId};
use crate::model::Guid;

int_column!(RunOutcome { Success = 0, CompletedWithErrors = 1, Stopped = 2, Blocked = 3, Failed = 4 });

const COLUMNS: &str = "run_id, configuration, policy, started, host, pid, result, ended, plan_id, counts, steps, message, server";

pub(super) fn begin(tx: &Tx<'_>, header: &RunHeader) -> Outcome<()> {
    run(
        tx.c,
        "INSERT INTO runs (run_id, configuration, policy, started, server, host, pid)
         SELECT ?, ?, ?, ?, ?, coalesce(host, ''), coalesce(pid, 0) FROM lease",
        params![
            header.run_id,
            header.configuration,
            header.policy_type,
            header.started,
            header.server
        ],
    )?;
    Ok(())
}

pub(super) fn progress(
    tx: &Tx<'_>,
    id: Guid,
    phase: &str,
    done: u64,
    total: Option<u64>,
) -> Outcome<()> {
    let changed = run(
        tx.c,
        "UPDATE runs SET phase = ?, done = ?, total = ? WHERE run_id = ?",
        params![phase, count(done), total.map(count), id],
    )?;
    found(changed, id)
}

pub(super) fn end(tx: &Tx<'_>, id: Guid, end: &RunEnd) -> Outcome<()> {
    let changed = run(
        tx.c,
        "UPDATE runs SET result = ?, ended = ?, plan_id = ?, counts = ?, steps = ?, message = ? WHERE run_id = ?",
        params![
            end.result,
            end.ended,
            end.plan_id,
            to_json(&end.counts)?,
            to_json(&end.steps)?,
            end.message,
            id
        ],
    )?;
    found(changed, id)
}

/// Records runs without an end as failed. Only while nobody holds the lease.
pub(super) fn close_dead(tx: &Tx<'_>) -> Outcome<()> {
    run(
        tx.c,
        "UPDATE runs SET result = ?, ended = ?, message = 'Its process (' || pid || ' on host ' || host || ') ended \
         before the run did, in phase \"' || phase || '\". The next cycle completes the work.' WHERE result IS NULL",
        params![RunOutcome::Failed, tx.now],
    )?;
    Ok(())
}

pub(super) fn any_open(c: &Connection) -> Outcome<bool> {
    Ok(first(
        c,
        "SELECT 1 FROM runs WHERE result IS NULL LIMIT 1",
        [],
        |_| Ok(()),
    )?
    .is_some())
}

/// The newest run without an end.
pub(super) fn open_run(c: &Connection) -> Outcome<Option<RunningRun>> {
    first(
        c,
        "SELECT run_id, configuration, policy, started, host, pid, phase, done, total, cancel_requested, server
         FROM runs WHERE result IS NULL ORDER BY no DESC LIMIT 1",
        [],
        |r| {
            Ok(RunningRun {
                header: header(r, 10)?,
                host: r.get(4)?,
                pid: r.get(5)?,
                phase: r.get(6)?,
                done: number(r.get(7)?),
                total: r.get::<_, Option<i64>>(8)?.map(number),
                cancel_requested: r.get(9)?,
            })
        },
    )
}

pub(super) fn list(c: &Connection, most: usize) -> Outcome<Vec<RunRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY no DESC LIMIT ?");
    collect(c, &sql, [limit(most)], record)
}

pub(super) fn get(c: &Connection, id: Guid) -> Outcome<Option<RunRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE run_id = ?");
    Ok(collect(c, &sql, [id], record)?.pop())
}

pub(super) fn request_cancel(tx: &Tx<'_>, id: Guid) -> Outcome<bool> {
    Ok(run(
        tx.c,
        "UPDATE runs SET cancel_requested = 1 WHERE run_id = ? AND result IS NULL",
        [id],
    )? > 0)
}

pub(super) fn cancel_requested(c: &Connection, id: Guid) -> Outcome<bool> {
    Ok(first(
        c,
        "SELECT cancel_requested FROM runs WHERE run_id = ?",
        [id],
        |r| r.get(0),
    )?
    .unwrap_or(false))
}

pub(super) fn purge(tx: &Tx<'_>, keep: usize) -> Outcome<()> {
    run(
        tx.c,
        "DELETE FROM runs WHERE result IS NOT NULL AND no NOT IN (SELECT no FROM runs ORDER BY no DESC LIMIT ?)",
        [limit(keep)],
    )?;
    Ok(())
}

fn header(r: &Row<'_>, server: usize) -> rusqlite::Result<RunHeader> {
    Ok(RunHeader {
        run_id: r.get(0)?,
        configuration: r.get(1)?,
        policy_type: r.get(2)?,
        started: r.get(3)?,
        server: r.get(server)?,
    })
}

fn record(r: &Row<'_>) -> Outcome<RunRecord> {
    let end = match r.get::<_, Option<RunOutcome>>(6)? {
        None => None,
        Some(result) => Some(RunEnd {
            result,
            ended: r.get::<_, Option<i64>>(7)?.unwrap_or_default(),
            plan_id: r.get(8)?,
            counts: r
                .get::<_, Option<String>>(9)?
                .map_or(Ok(Default::default()), |t| from_json(&t))?,
            steps: r
                .get::<_, Option<String>>(10)?
                .map_or(Ok(Vec::new()), |t| from_json(&t))?,
            message: r.get(11)?,
        }),
    };
    Ok(RunRecord {
        header: header(r, 12)?,
        host: r.get(4)?,
        pid: r.get(5)?,
        end,
    })
}

fn found(changed: usize, id: Guid) -> Outcome<()> {
    if changed > 0 {
        return Ok(());
    }
    Err(Error::new(
        ErrorId::InvalidArgument,
        format!("There is no run {id} in the store."),
    )
    .target(id)
    .into())
}

/// SQLite's integers are signed.
pub(super) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
