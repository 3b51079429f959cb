//! Failures of the database: the ones that pass, and the ones that are bugs.

/// A database call that failed. Functions whose only error is this one do not repeat it in their
/// documentation; neither do those that return it inside an `ApiError`.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Away, overloaded or in conflict: the same call may succeed after so many seconds.
    #[error("database unavailable: {1}")]
    Unavailable(u32, String),
    /// A text that Postgres cannot hold: it contains NUL. What holds such a text is nowhere to be
    /// found.
    #[error("text with a NUL character")]
    Unstorable,
    /// Anything else.
    #[error(transparent)]
    Other(sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(inner) = &error
            && inner.code().as_deref() == Some("22021")
        {
            return Self::Unstorable;
        }
        match retry_after(&error) {
            Some(seconds) => Self::Unavailable(seconds, error.to_string()),
            None => Self::Other(error),
        }
    }
}

fn retry_after(error: &sqlx::Error) -> Option<u32> {
    match error {
        sqlx::Error::PoolTimedOut => Some(1),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(5),
        sqlx::Error::Database(error) => match error.code()?.as_ref() {
            // lock and statement time-outs, serialization failures, deadlocks, too many connections
            "55P03" | "57014" | "40001" | "40P01" | "53300" => Some(1),
            // shut down, crashed, starting up, read-only, idle in transaction for too long
            "57P01" | "57P02" | "57P03" | "25006" | "25P03" => Some(5),
            code if code.starts_with("08") => Some(5),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an error is the violation of this unique index.
#[must_use]
pub fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    matches!(error, sqlx::Error::Database(e) if e.is_unique_violation() && e.constraint() == Some(constraint))
}

impl DbError {
    /// Whether this is the violation of that unique index.
    #[must_use]
    pub fn violates(&self, constraint: &str) -> bool {
        matches!(self, Self::Other(error) if violates(error, constraint))
    }
}
