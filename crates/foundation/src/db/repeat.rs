//! Repeating a transaction that Postgres rolled back for another one.

use std::time::Duration;

use uuid::Uuid;

use super::{DbError, DbFault};
use crate::telemetry::metrics;

/// How often a transaction is tried again after its first attempt.
const MAX_REPEATS: u32 = 3;
/// Pause before the next attempt, in milliseconds: a random value of this range, so that two
/// transactions do not meet again.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 10..=100;

/// An error of a function that opens, fills and commits a transaction.
pub trait TransactionError {
    /// The conflict for which Postgres rolled the transaction back, when that is the error.
    fn conflict(&self) -> Option<DbFault>;
}

impl TransactionError for DbError {
    fn conflict(&self) -> Option<DbFault> {
        match self {
            Self::Unavailable(error) => Some(error.fault).filter(|fault| fault.is_conflict()),
            Self::Busy | Self::Unstorable | Self::Unreadable { .. } | Self::Other(_) => None,
        }
    }
}

/// Does the work of a whole transaction, from its begin to its commit, and repeats all of it when
/// Postgres rolled it back for a serialization failure or a deadlock.
///
/// The work must have no effect outside its transaction. It is not repeated after any other error:
/// when a connection breaks in a commit, it is unknown whether the transaction is stored.
///
/// # Errors
/// That of the work; a conflict when it is the last of four attempts.
pub async fn repeat_on_conflict<T, E, W>(work: impl Fn() -> W) -> Result<T, E>
where
    E: TransactionError,
    W: Future<Output = Result<T, E>>,
{
    let mut repeats = 0;
    loop {
        let result = work().await;
        let Some(fault) = result.as_ref().err().and_then(TransactionError::conflict) else {
            return result;
        };
        if repeats == MAX_REPEATS {
            return result;
        }
        repeats += 1;
        ::metrics::counter!(metrics::TRANSACTIONS_REPEATED.name, "fault" => fault.wire())
            .increment(1);
        tracing::debug!(
            fault = fault.wire(),
            repeats,
            "a transaction is repeated after a conflict"
        );
        tokio::time::sleep(pause()).await;
    }
}

fn pause() -> Duration {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    // The upper half of the number is random; the version of the uuid is in the lower half.
    let span = PAUSE_MS.end() - PAUSE_MS.start() + 1;
    Duration::from_millis(PAUSE_MS.start() + (random >> 32) % span)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::db::DbUnavailable;

    fn failure(fault: DbFault) -> DbError {
        DbError::Unavailable(DbUnavailable {
            fault,
            message: "x".into(),
        })
    }

    /// Attempts of a work that fails for the first of them.
    async fn attempts(fault: DbFault, failing: u32) -> (u32, bool) {
        let made = Cell::new(0);
        let result = repeat_on_conflict(|| async {
            made.set(made.get() + 1);
            if made.get() <= failing {
                return Err(failure(fault));
            }
            Ok(())
        })
        .await;
        (made.get(), result.is_ok())
    }

    #[tokio::test]
    async fn conflicts_are_repeated_three_times() {
        assert_eq!(attempts(DbFault::Deadlock, 0).await, (1, true));
        assert_eq!(attempts(DbFault::Deadlock, 1).await, (2, true));
        assert_eq!(attempts(DbFault::Serialization, 3).await, (4, true));
        assert_eq!(attempts(DbFault::Serialization, 4).await, (4, false));
    }

    #[tokio::test]
    async fn nothing_else_is_repeated() {
        for fault in DbFault::ALL.iter().filter(|fault| !fault.is_conflict()) {
            assert_eq!(attempts(*fault, 1).await, (1, false), "{fault:?}");
        }
    }

    #[test]
    fn pauses_are_between_ten_and_a_hundred_milliseconds() {
        for _ in 0..1_000 {
            assert!(PAUSE_MS.contains(&(pause().as_millis() as u64)));
        }
    }
}
