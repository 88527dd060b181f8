//! What SQLite says, as the contract has it.

use rusqlite::{Error, ErrorCode};
use streams_core::{StoreError, StoreErrorKind};

const DAMAGED: (StoreErrorKind, &str) = (
    StoreErrorKind::Corrupt,
    "the store is damaged: `streams verify` tells what of it is whole; bring the rest from a peer or an archive",
);

/// The kind of a failure, in a sentence that says what to do.
pub(crate) fn store_error(error: Error) -> StoreError {
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (StoreErrorKind::Busy, "another process writes to the store: try again")
        }
        Some(ErrorCode::DiskFull) => (StoreErrorKind::Full, "the disk is full: nothing of this was kept"),
        Some(ErrorCode::DatabaseCorrupt) => DAMAGED,
        Some(ErrorCode::NotADatabase) => {
            (StoreErrorKind::Corrupt, "the file is no SQLite database, or its beginning is damaged")
        }
        Some(ErrorCode::ReadOnly) => {
            (StoreErrorKind::Other, "the store may not be written: look at the permissions of file and folder")
        }
        Some(ErrorCode::CannotOpen) => (
            StoreErrorKind::Other,
            "the store cannot be opened: look at its path, and at the permissions of the folder",
        ),
        _ if is_misfit(&error) => DAMAGED,
        _ => (StoreErrorKind::Other, "SQLite failed"),
    };
    StoreError::new(kind, message).because(error)
}

/// Whether a value, or a table, is not as it is written here: our own statements fit both.
fn is_misfit(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(failure, _) | Error::SqlInputError { error: failure, .. } => {
            failure.extended_code == rusqlite::ffi::SQLITE_ERROR
        }
        Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..) => true,
        _ => false,
    }
}
