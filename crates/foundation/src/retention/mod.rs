//! Retention: what is kept for a limited time is deleted afterwards, in batches, each with its row in
//! the audit trail. Which rows a class has is known by the module that stores them; how they are
//! deleted, counted and recorded is the same for all.

mod partitions;
mod store;

use std::pin::Pin;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

pub use partitions::{drop_expired_decisions, drop_expired_trail};

use crate::{
    audit::{self, Action, Actor, ObjectKind},
    clock::Clock,
    db::{DbError, try_lead_retention},
    telemetry::metrics::{RETENTION_ROWS, RETENTION_SUCCESS},
};

/// Rows of one transaction.
pub const BATCH: i64 = 1_000;

macro_rules! classes {
    ($($variant:ident = $word:literal, $effect:ident, $about:literal;)*) => {
        /// A class of data that is kept for a limited time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RetentionClass {
            $(#[doc = concat!("`", $word, "`: ", $about)] $variant,)*
        }

        impl RetentionClass {
            /// Every class there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As a label of metrics, and as the object of a row of the audit trail.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What is done with its rows.
            const fn action(self) -> Action {
                match self { $(Self::$variant => Action::$effect,)* }
            }
        }
    };
}

classes! {
    Sessions = "sessions", RetentionDeleted, "sessions of browsers that ended.";
    Logins = "logins", RetentionDeleted, "logins that were begun, and records of log-outs.";
    UsedIds = "used_ids", RetentionDeleted, "identifiers that were used once and have expired.";
    IdempotencyKeys = "idempotency_keys", RetentionDeleted, "answers that a repeated request would get again.";
    Outbox = "outbox", RetentionDeleted, "messages that vendors could read for long enough.";
    Decisions = "decisions", RetentionDeleted, "partitions of the decision log.";
    AuditTrail = "audit_trail", RetentionDeleted, "partitions of the audit trail.";
    DeletedRequests = "deleted_requests", RetentionArchived, "deleted requests, which move to the archive.";
    RequestPersons = "request_persons", RetentionTombstoned, "references to persons in old requests.";
    Requests = "requests", RetentionDeleted, "old requests.";
    SystemUsers = "system_users", RetentionDeleted, "deleted system users.";
    Persons = "persons", RetentionDeleted, "persons whom their register no longer names, and who hold nothing.";
    ImportRuns = "import_runs", RetentionDeleted, "records of finished imports.";
}

/// What a batch comes to: the rows that it deleted.
pub type RetentionBatch<'c> = Pin<Box<dyn Future<Output = Result<u64, DbError>> + Send + 'c>>;

/// Applies the retention of a class: batches, each in a transaction with its row of the audit trail,
/// until less than [`BATCH`] rows were left. While another instance does the same, nothing happens.
///
/// # Errors
/// The database fails; the batches before stay done.
pub async fn apply(
    pool: &PgPool,
    class: RetentionClass,
    batch: impl for<'c> Fn(&'c mut PgConnection) -> RetentionBatch<'c> + Send + Sync,
) -> Result<u64, DbError> {
    let mut all = 0;
    loop {
        let mut tx = pool.begin().await?;
        if !try_lead_retention(&mut tx, class.wire()).await? {
            return Ok(all);
        }
        let rows = batch(&mut tx).await?;
        if rows > 0 {
            record(&mut tx, class, rows).await?;
            crate::db::commit(tx).await?;
        }
        count(class, rows);
        all += rows;
        if rows < BATCH.unsigned_abs() {
            return Ok(all);
        }
    }
}

/// Records that rows of a class were deleted.
///
/// # Errors
/// The database fails; the change must then not be committed.
pub async fn record(
    tx: &mut PgConnection,
    class: RetentionClass,
    rows: u64,
) -> Result<(), DbError> {
    let event = audit::AuditEvent {
        actor: Actor::Job,
        action: class.action(),
        object_kind: ObjectKind::Retention,
        object_id: class.wire().to_owned(),
        party_org: None,
        vendor_org: None,
        detail: Some(json!({"rows": rows})),
    };
    audit::record(tx, event).await
}

/// Counts rows of a class that were deleted.
pub fn count(class: RetentionClass, rows: u64) {
    metrics::counter!(RETENTION_ROWS.name, "class" => class.wire()).increment(rows);
}

/// Records that the retention of a class was applied.
pub fn note_success(class: RetentionClass) {
    let now = Clock::default().now().timestamp();
    metrics::gauge!(RETENTION_SUCCESS.name, "class" => class.wire()).set(now as f64);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::RetentionClass;

    #[test]
    fn no_two_classes_share_a_name() {
        let names: HashSet<&str> = RetentionClass::ALL.iter().map(|c| c.wire()).collect();
        assert_eq!(names.len(), RetentionClass::ALL.len());
    }
}
