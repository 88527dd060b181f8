//! What the server says, as the kinds of failure that a caller can act on.

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use streams_core::{StoreError, StoreErrorKind};
use tokio_postgres::error::{DbError, SqlState};

/// The failure of a statement.
pub(crate) fn failed(error: tokio_postgres::Error) -> StoreError {
    let (kind, message) = match error.as_db_error() {
        Some(told) => (kind(told.code()), sentence(told)),
        // Nobody knows what became of it: who looks again will see.
        None if is_lost(&error) => (StoreErrorKind::Busy, chain(&error)),
        None => (StoreErrorKind::Other, chain(&error)),
    };
    StoreError::new(kind, format!("PostgreSQL: {message}")).because(error)
}

/// The failure to have a connection to the server at this address.
pub(crate) fn not_connected(error: PoolError, address: &str) -> StoreError {
    let busy = |message: String| StoreError::new(StoreErrorKind::Busy, message);
    match error {
        PoolError::Closed => StoreError::closed(),
        PoolError::Timeout(TimeoutType::Wait) => busy("all connections to PostgreSQL are in use".into()),
        PoolError::Timeout(_) => busy(format!("the PostgreSQL server at {address} does not answer")),
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            let (kind, message) = match error.as_db_error() {
                Some(told) => (kind(told.code()), sentence(told)),
                None if is_lost(&error) => (StoreErrorKind::Busy, format!("{}; is the server running?", chain(&error))),
                None => (StoreErrorKind::Other, chain(&error)),
            };
            StoreError::new(kind, format!("no connection to PostgreSQL at {address}: {message}")).because(error)
        }
        error => StoreError::new(StoreErrorKind::Other, error.to_string()),
    }
}

/// What was read is not what was written.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("the database holds {what} that nobody wrote so"))
}

/// Sixteen bytes that nobody else has.
pub(crate) fn random() -> Result<[u8; 16], StoreError> {
    let mut bytes = [0; 16];
    let missing = |error| StoreError::new(StoreErrorKind::Other, "the system gives no random bytes").because(error);
    getrandom::fill(&mut bytes).map(|()| bytes).map_err(missing)
}

fn kind(code: &SqlState) -> StoreErrorKind {
    // Whole classes first: a connection that fails, a server that has too little of something, or goes down.
    match (code.code().get(..2), code) {
        (_, &SqlState::DISK_FULL) => StoreErrorKind::Full,
        (_, &SqlState::READ_ONLY_SQL_TRANSACTION) => StoreErrorKind::Unsupported,
        (_, &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => StoreErrorKind::Corrupt,
        (Some("08" | "40" | "53" | "57"), _) => StoreErrorKind::Busy,
        (_, &SqlState::LOCK_NOT_AVAILABLE | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT) => StoreErrorKind::Busy,
        _ => StoreErrorKind::Other,
    }
}

/// What the server says, and what it advises.
fn sentence(told: &DbError) -> String {
    let mut sentence = told.message().to_owned();
    for more in [told.detail(), told.hint()].into_iter().flatten() {
        sentence.push_str("; ");
        sentence.push_str(more);
    }
    let advice = match *told.code() {
        SqlState::INVALID_CATALOG_NAME => "; make it with createdb",
        SqlState::READ_ONLY_SQL_TRANSACTION => "; a store is written, so it needs the primary server",
        _ => "",
    };
    format!("{sentence}{advice} ({})", told.code().code())
}

/// An error and its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |chain, cause| format!("{chain}: {cause}"))
}

/// Whether there is nobody at the other end, or nobody any more: a server that goes while it greets just closes.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    error.is_closed()
        || std::iter::successors(Some(first), |error| error.source()).any(|error| error.is::<std::io::Error>())
}
