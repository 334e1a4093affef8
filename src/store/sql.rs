//! How our words are kept in SQLite: columns, faults, and the transaction that writes run in.

use std::cell::Cell;
use std::path::Path;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Fence, PolicyType};
use crate::clock::{self, Millis};
use crate::error::{Error, ErrorId};
use crate::model::{CloudState, Guid, MemberKey, MemberKind, Sid, SkipReason};

/// What can go wrong below the trait; the path is added at the boundary.
pub(super) enum Fault {
    /// SQLite's.
    Sql(rusqlite::Error),
    /// Content that this version can't have written.
    Content(String),
    /// Ready for the caller.
    Ours(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Ours(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Content(error.to_string())
    }
}

pub(super) type Outcome<T> = Result<T, Fault>;

/// What to do about a file that can't be used any more.
pub(super) const REBUILD: &str = "Move the file (with its -wal and -shm) away and connect again: import the exported \
configuration or run Enable-GroupWriteback, then Start-GroupWritebackSyncCycle -PolicyType Initial. \
The groups in AD are recognised by their marks, so nothing is created twice.";

impl Fault {
    /// The error for callers.
    pub(super) fn at(self, path: &Path) -> Error {
        let file = path.display();
        match self {
            Fault::Ours(error) => error,
            Fault::Content(text) => unavailable(
                path,
                format!("The store {file} holds what can't be read: {text}."),
            )
            .action(REBUILD),
            Fault::Sql(error) => {
                let code = error.sqlite_error_code();
                let unreadable = matches!(
                    error,
                    rusqlite::Error::FromSqlConversionFailure(..)
                        | rusqlite::Error::IntegralValueOutOfRange(..)
                        | rusqlite::Error::InvalidColumnType(..)
                        | rusqlite::Error::Utf8Error(..)
                );
                let (what, action) = match code {
                    None if unreadable => {
                        ("is damaged: it holds what can't be read", Some(REBUILD))
                    }
                    Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                        ("is damaged", Some(REBUILD))
                    }
                    Some(ErrorCode::DiskFull) => (
                        "can't be written: the disk is full",
                        Some(
                            "Free space on that disk, then try again; what was committed is kept.",
                        ),
                    ),
                    Some(ErrorCode::ReadOnly) => (
                        "can't be written: it is read-only",
                        Some("Give the account write access to the file and its directory."),
                    ),
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
                        "is locked by another process",
                        Some("Wait, or end the program that keeps the file open."),
                    ),
                    // A full disk as well: not every place where SQLite meets it is told apart.
                    Some(ErrorCode::SystemIoFailure) => (
                        "can't be read or written: the disk is full or fails",
                        Some(
                            "Look at that disk's free space and health, then try again; what was committed is kept.",
                        ),
                    ),
                    Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                        ("can't be opened", None)
                    }
                    _ => ("failed", None),
                };
                let mut result = unavailable(path, format!("The store {file} {what}."));
                if let Some(action) = action {
                    result = result.action(action);
                }
                result.caused_by(&error)
            }
        }
    }
}

/// `StoreUnavailable` about a file.
pub(super) fn unavailable(path: &Path, message: String) -> Error {
    Error::new(ErrorId::StoreUnavailable, message).target(path.display())
}

impl ToSql for Guid {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for Guid {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(Guid)
    }
}

impl ToSql for Sid {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for Sid {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Sid::from_bytes(value.as_blob()?).ok_or(FromSqlError::InvalidType)
    }
}

/// A member key as a column: a SID as it is (its first byte is 1), a GUID after a byte 0. Comparable in SQL with a
/// SID column, and GUIDs can't be taken for SIDs of two parts, which have 16 bytes too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyColumn(pub MemberKey);

impl KeyColumn {
    pub(super) fn bytes(key: &MemberKey) -> Vec<u8> {
        match key {
            MemberKey::Sid(sid) => sid.as_bytes().to_vec(),
            MemberKey::Guid(guid) => [&[0], &guid.0[..]].concat(),
        }
    }

    /// Where "no key" is an empty value (parts of primary keys).
    pub(super) fn bytes_or_empty(key: Option<&MemberKey>) -> Vec<u8> {
        key.map(Self::bytes).unwrap_or_default()
    }
}

impl ToSql for KeyColumn {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(Self::bytes(&self.0).into())
    }
}

impl FromSql for KeyColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let key = match bytes.split_first() {
            Some((0, guid)) => guid.try_into().ok().map(|g| MemberKey::Guid(Guid(g))),
            _ => Sid::from_bytes(bytes).map(MemberKey::Sid),
        };
        key.map(KeyColumn).ok_or(FromSqlError::InvalidType)
    }
}

/// An enum as a small integer.
pub(super) trait IntColumn: Sized {
    fn number(&self) -> i64;
    fn from_number(number: i64) -> FromSqlResult<Self>;
}

/// The numbers are for life.
macro_rules! int_column {
    ($type:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl $crate::store::sql::IntColumn for $type {
            fn number(&self) -> i64 {
                match self { $($type::$variant => $number),* }
            }
            fn from_number(number: i64) -> rusqlite::types::FromSqlResult<Self> {
                match number {
                    $($number => Ok($type::$variant),)*
                    other => Err(rusqlite::types::FromSqlError::OutOfRange(other)),
                }
            }
        }
        impl rusqlite::types::ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok($crate::store::sql::IntColumn::number(self).into())
            }
        }
        impl rusqlite::types::FromSql for $type {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                $crate::store::sql::IntColumn::from_number(value.as_i64()?)
            }
        }
    };
}
pub(super) use int_column;

int_column!(MemberKind { User = 0, Group = 1, Device = 2, Contact = 3, ServicePrincipal = 4, Other = 9 });
int_column!(CloudState { Active = 0, SoftDeleted = 1, HardDeleted = 2 });
int_column!(PolicyType { Delta = 0, Initial = 1 });
int_column!(SkipReason {
    CloudOnly = 1, NotFoundInDirectory = 2, OtherForest = 3, ScopeForbidden = 4, NestedGroupNotWritten = 5,
    KindNotSupported = 6, NotReadable = 7, RefusedByDirectory = 8,
});

pub(super) fn to_json<T: Serialize>(value: &T) -> Outcome<String> {
    Ok(serde_json::to_string(value)?)
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Outcome<T> {
    Ok(serde_json::from_str(text)?)
}

/// `LIMIT` takes signed numbers.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Where a page begins: ids are never empty, so an empty value is before all.
pub(super) fn after(id: Option<Guid>) -> Vec<u8> {
    id.map(|id| id.0.to_vec()).unwrap_or_default()
}

/// Rows of a query, each through `map`.
pub(super) fn collect<T>(
    c: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    mut map: impl FnMut(&rusqlite::Row<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(map(row)?);
    }
    Ok(out)
}

/// The row of a query, if there is one.
pub(super) fn first<T>(
    c: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    map: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Outcome<Option<T>> {
    Ok(c.prepare_cached(sql)?.query_row(params, map).optional()?)
}

/// A statement without result; gives the number of rows changed.
pub(super) fn run(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Outcome<usize> {
    Ok(c.prepare_cached(sql)?.execute(params)?)
}

/// A write under way.
pub(super) struct Tx<'c> {
    pub(super) c: &'c Connection,
    pub(super) now: Millis,
    seq: Cell<i64>,
}

impl<'c> Tx<'c> {
    pub(super) fn new(c: &'c Connection) -> Self {
        Tx {
            c,
            now: clock::now(),
            seq: Cell::new(0),
        }
    }

    /// Refuses a run that has lost its lease.
    pub(super) fn check(&self, fence: Fence) -> Outcome<()> {
        type Holder = (i64, Option<Guid>, Option<String>);
        let (current, run, host): Holder = self
            .c
            .prepare_cached("SELECT fence, run_id, host FROM lease")?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        if current == fence.0 && run.is_some() {
            return Ok(());
        }
        let message = match host {
            Some(host) if current != fence.0 => {
                format!("The lease of this run was lost: host {host} has taken over.")
            }
            _ => "The lease of this run was given up.".to_owned(),
        };
        Err(Error::new(ErrorId::LeaseLost, message).into())
    }

    /// The number of this transaction among those that made something pending: what a plan covers is what has a
    /// number up to its own.
    pub(super) fn seq(&self) -> Outcome<i64> {
        if self.seq.get() == 0 {
            let seq = self
                .c
                .prepare_cached(
                    "UPDATE counter SET change_seq = change_seq + 1 RETURNING change_seq",
                )?
                .query_row(params![], |r| r.get(0))?;
            self.seq.set(seq);
        }
        Ok(self.seq.get())
    }
}
