//! Publishes time-outs of requests to vendors. The time-out itself is computed
//! wherever a request is read.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{changes, model::TimedOutRequest, store};
use foundation::{
    db::DbError,
    events::{self, EventKind, OutboxMessage},
};

/// Number of time-outs that one transaction publishes, of each kind.
const MAX_PER_TRANSACTION: i64 = 500;

/// Publishes to vendors every request and change request that has timed out since the last call.
/// Returns how many.
///
/// # Errors
/// What was published before the error stays published.
pub async fn publish_time_outs(pool: &PgPool, lifetime_days: i32) -> Result<usize, DbError> {
    let mut published = 0;
    loop {
        let mut tx = pool.begin().await?;
        let requests = store::take_timed_out(&mut tx, lifetime_days, MAX_PER_TRANSACTION).await?;
        let changes = changes::take_timed_out(&mut tx, lifetime_days, MAX_PER_TRANSACTION).await?;
        for request in &requests {
            publish(&mut tx, request, EventKind::RequestTimedOut).await?;
        }
        for change in &changes {
            publish(&mut tx, change, EventKind::ChangeRequestTimedOut).await?;
        }
        foundation::db::commit(tx).await?;
        let found = requests.len() + changes.len();
        published += found;
        if found == 0 {
            return Ok(published);
        }
    }
}

async fn publish(
    tx: &mut PgConnection,
    request: &TimedOutRequest,
    event: EventKind,
) -> Result<(), DbError> {
    let mut payload = json!({"systemId": request.system_id, "externalRef": request.external_ref, "status": "New"});
    if let Some(user) = request.system_user_id {
        payload["systemUserId"] = json!(user);
    }
    let (party_org, vendor_org) = (request.party_org_no.as_str(), request.vendor_org.as_str());
    events::post(
        tx,
        OutboxMessage {
            event,
            subject_id: request.id,
            party_org,
            vendor_org,
            payload,
        },
    )
    .await
}
