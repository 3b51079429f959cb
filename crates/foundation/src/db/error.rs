//! Failures of the database: the ones that pass, and the ones that are bugs.

use std::borrow::Cow;

macro_rules! faults {
    ($($variant:ident = $word:literal, $seconds:literal, $about:literal;)*) => {
        /// Why the database could not do its work now. The call may be repeated later.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DbFault {
            $(#[doc = $about] $variant,)*
        }

        impl DbFault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in logs and metrics.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Seconds after which the same call may succeed.
            #[must_use]
            pub const fn retry_after(self) -> u32 {
                match self { $(Self::$variant => $seconds,)* }
            }
        }
    };
}

faults! {
    PoolExhausted = "pool_exhausted", 1, "No connection of the pool became free in time.";
    LockTimeout = "lock_timeout", 1, "Another transaction held a lock for too long.";
    StatementTimeout = "statement_timeout", 1, "A statement took too long, or was cancelled.";
    Serialization = "serialization_failure", 1, "The transaction was rolled back for a concurrent one.";
    Deadlock = "deadlock", 1, "The transaction was rolled back since it and another waited for each other.";
    TooManyConnections = "too_many_connections", 1, "The server or the role has no connection to give.";
    OutOfMemory = "out_of_memory", 1, "The server has no memory left.";
    LimitExceeded = "configuration_limit", 1, "A limit of the server's configuration is reached.";
    IdleTimeout = "idle_timeout", 1, "The server ended a transaction or a session that did nothing for too long.";
    DiskFull = "disk_full", 5, "The server has no disk space left.";
    InputOutput = "server_io_error", 5, "The server cannot read or write its files.";
    ReadOnly = "read_only", 5, "The session or the server is read-only.";
    ShuttingDown = "shutting_down", 5, "The server stops, starts, or ended the session.";
    Unreachable = "unreachable", 5, "The server cannot be reached, or the connection broke.";
    Refused = "refused", 5, "The server does not admit the role, or has no such database.";
    PermissionDenied = "permission_denied", 5, "The role lacks a privilege.";
    CommitTimeout = "commit_timeout", 5, "A commit was not answered in time, as when a synchronous standby is away: whether it is stored is not known.";
    StandbyAway = "standby_away", 5, "Other changes wait for a synchronous standby; this one was not made.";
}

impl DbFault {
    /// Whether Postgres rolled the transaction back for another one, so that the whole of it may be
    /// repeated at once.
    #[must_use]
    pub const fn is_conflict(self) -> bool {
        match self {
            Self::Serialization | Self::Deadlock => true,
            Self::PoolExhausted
            | Self::LockTimeout
            | Self::StatementTimeout
            | Self::TooManyConnections
            | Self::OutOfMemory
            | Self::LimitExceeded
            | Self::IdleTimeout
            | Self::DiskFull
            | Self::InputOutput
            | Self::ReadOnly
            | Self::ShuttingDown
            | Self::Unreachable
            | Self::Refused
            | Self::PermissionDenied
            | Self::CommitTimeout
            | Self::StandbyAway => false,
        }
    }

    /// Whether the server itself gave this answer while it can serve: it is busy, not away.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        match self {
            Self::PoolExhausted
            | Self::LockTimeout
            | Self::StatementTimeout
            | Self::Serialization
            | Self::Deadlock
            | Self::TooManyConnections
            | Self::OutOfMemory
            | Self::LimitExceeded
            | Self::IdleTimeout
            | Self::DiskFull
            | Self::ReadOnly
            | Self::CommitTimeout
            | Self::StandbyAway => true,
            Self::InputOutput
            | Self::ShuttingDown
            | Self::Unreachable
            | Self::Refused
            | Self::PermissionDenied => false,
        }
    }

    /// Whether an operator must act before it passes.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        match self {
            Self::DiskFull
            | Self::InputOutput
            | Self::OutOfMemory
            | Self::LimitExceeded
            | Self::Refused
            | Self::PermissionDenied
            | Self::CommitTimeout
            | Self::StandbyAway => true,
            Self::PoolExhausted
            | Self::LockTimeout
            | Self::StatementTimeout
            | Self::Serialization
            | Self::Deadlock
            | Self::TooManyConnections
            | Self::IdleTimeout
            | Self::ReadOnly
            | Self::ShuttingDown
            | Self::Unreachable => false,
        }
    }

    /// The fault that a code of the server means; none for errors of a statement or of its values.
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    #[must_use]
    pub fn of_sqlstate(code: &str) -> Option<Self> {
        Some(match code {
            "25006" => Self::ReadOnly,
            "25P03" | "57P05" => Self::IdleTimeout,
            "40001" => Self::Serialization,
            "40P01" => Self::Deadlock,
            "42501" => Self::PermissionDenied,
            "53100" => Self::DiskFull,
            "53200" => Self::OutOfMemory,
            "53300" => Self::TooManyConnections,
            "55P03" => Self::LockTimeout,
            "57014" => Self::StatementTimeout,
            "57P01" | "57P02" | "57P03" | "57P04" => Self::ShuttingDown,
            "3D000" => Self::Refused,
            _ => match code.get(..2)? {
                "08" => Self::Unreachable,
                "28" => Self::Refused,
                "53" => Self::LimitExceeded,
                "58" => Self::InputOutput,
                _ => return None,
            },
        })
    }

    fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::PoolTimedOut => Some(Self::PoolExhausted),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            // Who answers is no Postgres: a balancer that has none behind it takes a connection and
            // closes it.
            | sqlx::Error::Protocol(_) => Some(Self::Unreachable),
            sqlx::Error::Database(error) => Self::of_sqlstate(&error.code()?),
            _ => None,
        }
    }
}

/// The database could not do its work: the fault, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("database unavailable ({}): {message}", .fault.wire())]
pub struct DbUnavailable {
    /// What kind of fault it is.
    pub fault: DbFault,
    /// The message of the server or of the driver.
    pub message: Cow<'static, str>,
}

/// A database call that failed. Functions whose only error is this one do not repeat it in their
/// documentation; neither do those that return it inside an `ApiError`.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Away, overloaded, full or in conflict: the same call may succeed later.
    #[error(transparent)]
    Unavailable(DbUnavailable),
    /// The work on what was read took too long: the same call may succeed later.
    #[error("the work on what was read took too long")]
    Busy,
    /// A text that Postgres cannot hold: it contains NUL. What holds such a text is nowhere to be
    /// found.
    #[error("text with a NUL character")]
    Unstorable,
    /// A stored row that this program cannot read.
    #[error("`{column}` of the row {key} cannot be read: {reason}")]
    Unreadable {
        /// Table and column.
        column: &'static str,
        /// Identifies the row.
        key: String,
        /// What does not fit.
        reason: String,
    },
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
        let Some(fault) = DbFault::of(&error) else {
            return Self::Other(error);
        };
        metrics::counter!(crate::telemetry::metrics::DATABASE_ERRORS.name, "fault" => fault.wire())
            .increment(1);
        Self::Unavailable(DbUnavailable {
            fault,
            message: error.to_string().into(),
        })
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::DbFault;

    #[rstest]
    #[case("53100", DbFault::DiskFull, 5)]
    #[case("53200", DbFault::OutOfMemory, 1)]
    #[case("53300", DbFault::TooManyConnections, 1)]
    #[case("53400", DbFault::LimitExceeded, 1)]
    #[case("53000", DbFault::LimitExceeded, 1)]
    #[case("25006", DbFault::ReadOnly, 5)]
    #[case("25P03", DbFault::IdleTimeout, 1)]
    #[case("40001", DbFault::Serialization, 1)]
    #[case("40P01", DbFault::Deadlock, 1)]
    #[case("42501", DbFault::PermissionDenied, 5)]
    #[case("55P03", DbFault::LockTimeout, 1)]
    #[case("57014", DbFault::StatementTimeout, 1)]
    #[case("57P01", DbFault::ShuttingDown, 5)]
    #[case("57P03", DbFault::ShuttingDown, 5)]
    #[case("08006", DbFault::Unreachable, 5)]
    #[case("28P01", DbFault::Refused, 5)]
    #[case("3D000", DbFault::Refused, 5)]
    #[case("58030", DbFault::InputOutput, 5)]
    fn codes_of_the_server_have_their_fault(
        #[case] code: &str,
        #[case] fault: DbFault,
        #[case] seconds: u32,
    ) {
        let found = DbFault::of_sqlstate(code);
        assert_eq!(found, Some(fault));
        assert_eq!(fault.retry_after(), seconds);
    }

    #[test]
    fn a_balancer_without_a_server_behind_it_is_an_unreachable_server() {
        let error = sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".into());
        assert_eq!(DbFault::of(&error), Some(DbFault::Unreachable));
    }

    #[rstest]
    #[case("23505")]
    #[case("42601")]
    #[case("40003")]
    #[case("XX000")]
    #[case("é")]
    fn faults_of_a_statement_are_bugs(#[case] code: &str) {
        assert_eq!(DbFault::of_sqlstate(code), None);
    }
}
