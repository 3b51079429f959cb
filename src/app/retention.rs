//! What is kept for a limited time: every class of data, its time, and the module that deletes it.

use anyhow::Context as _;
use sqlx::PgConnection;

use super::AppState;
use foundation::{
    events, idempotency,
    retention::{self, RetentionBatch, RetentionClass},
    sessions,
};
use registers::parties;
use system_users::retention::{self as requests, ClosedRequests};

/// Deletes what was kept for long enough, class by class. A class that fails does not keep others from
/// being done.
///
/// # Errors
/// Names the classes that failed, with the first cause.
pub async fn apply(state: &AppState) -> anyhow::Result<()> {
    // What is too old in a database that lacks something is looked for once it does not: its end is no end of the
    // audit trail, and has no place among the checkpoints.
    if !state.recovery.is_complete() {
        return Ok(());
    }
    let mut failed = Vec::new();
    let mut first = None;
    for &class in RetentionClass::ALL {
        match apply_one(state, class).await {
            Ok(()) => retention::note_success(class),
            Err(error) => {
                failed.push(class.wire());
                first.get_or_insert(error);
            }
        }
    }
    match first {
        None => Ok(()),
        Some(error) => Err(error).with_context(|| format!("retention of {}", failed.join(", "))),
    }
}

async fn apply_one(state: &AppState, class: RetentionClass) -> anyhow::Result<()> {
    let settings = &state.config.settings;
    let (kept, pool) = (&settings.retention, &state.db);
    let closed = |days| ClosedRequests {
        lifetime_days: settings.requests.lifetime_days,
        days,
    };
    macro_rules! in_batches {
        (|$tx:ident| $work:expr) => {{
            fn checked<F: for<'c> Fn(&'c mut PgConnection) -> RetentionBatch<'c>>(work: F) -> F {
                work
            }
            let work = checked(move |$tx| Box::pin($work));
            retention::apply(pool, class, work).await?;
        }};
    }
    match class {
        RetentionClass::Sessions => {
            let (idle, days) = (settings.session.idle_minutes, kept.sessions_days);
            in_batches!(|tx| sessions::delete_ended(tx, idle, days));
        }
        RetentionClass::Logins => {
            let days = kept.sessions_days;
            in_batches!(|tx| edges::pages::delete_old_logins(tx, days));
        }
        RetentionClass::UsedIds => in_batches!(|tx| edges::pages::delete_expired_ids(tx)),
        RetentionClass::IdempotencyKeys => in_batches!(|tx| idempotency::delete_old(tx)),
        RetentionClass::Outbox => {
            let days = kept.outbox_days;
            in_batches!(|tx| events::delete_old(tx, days));
        }
        RetentionClass::Decisions => {
            retention::drop_expired_decisions(pool, settings.audit.decision_retention_months)
                .await?;
        }
        RetentionClass::AuditTrail => {
            let years = settings.audit.retention_years;
            let checkpoints = state.checkpoints.as_deref();
            retention::drop_expired_trail(pool, checkpoints, years, state.clock.now()).await?;
        }
        RetentionClass::DeletedRequests => {
            let days = settings.requests.archive_after_days;
            in_batches!(|tx| requests::archive_requests(tx, days));
        }
        RetentionClass::RequestPersons if kept.requests_days > 0 => {
            let old = closed(kept.requests_days);
            in_batches!(|tx| requests::remove_persons(tx, old));
        }
        RetentionClass::Requests if kept.requests_remove_days > 0 => {
            let old = closed(kept.requests_remove_days);
            in_batches!(|tx| requests::delete_requests(tx, old));
        }
        // Off, as the settings say.
        RetentionClass::RequestPersons | RetentionClass::Requests => {}
        RetentionClass::SystemUsers => {
            let days = kept.system_users_days;
            in_batches!(|tx| requests::delete_system_users(tx, days));
        }
        RetentionClass::Persons => {
            let days = kept.persons_days;
            in_batches!(|tx| parties::delete_dropped_persons(tx, days));
        }
        RetentionClass::ImportRuns => {
            let days = kept.import_runs_days;
            in_batches!(|tx| edges::import::delete_old_runs(tx, days));
        }
    }
    Ok(())
}
