//! The decision log as operators take it out.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::{line, store};

/// So much time is read at once.
const STEP: TimeDelta = TimeDelta::minutes(1);

/// Passes each decision of a period to a writer, in order of time, with about how many
/// there are in all.
///
/// # Errors
/// The database or the writer fails.
pub async fn each(
    db: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    mut put: impl FnMut(i64, &Map<String, Value>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let total = store::count(&mut *db, from, to).await?;
    let mut at = from;
    while let Some(next) = store::next(&mut *db, at, to).await? {
        at = (next + STEP).min(to);
        for line in store::between(&mut *db, next, at).await? {
            put(total, &line::to_json(&line))?;
        }
    }
    Ok(())
}
