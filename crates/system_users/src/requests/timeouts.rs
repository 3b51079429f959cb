//! Telling vendors of requests that nobody answered in time. The time-out itself is computed
//! wherever a request is read.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{changes, model::TimedOut, store};
use foundation::{
    db::DbError,
    events::{self, EventKind, Message},
};

/// So many are told of in one transaction.
const BATCH: i64 = 500;

/// Tells vendors of every request and change request that has timed out since the last time.
/// Returns how many.
///
/// # Errors
/// As the database says; what was told stays told.
pub async fn announce(pool: &PgPool, lifetime_days: i32) -> Result<usize, DbError> {
    let mut told = 0;
    loop {
        let mut tx = pool.begin().await?;
        let requests = store::take_timed_out(&mut tx, lifetime_days, BATCH).await?;
        let changes = changes::take_timed_out(&mut tx, lifetime_days, BATCH).await?;
        for request in &requests {
            tell(&mut tx, request, EventKind::RequestTimedOut).await?;
        }
        for change in &changes {
            tell(&mut tx, change, EventKind::ChangeRequestTimedOut).await?;
        }
        tx.commit().await?;
        let found = requests.len() + changes.len();
        told += found;
        if found == 0 {
            return Ok(told);
        }
    }
}

async fn tell(tx: &mut PgConnection, request: &TimedOut, event: EventKind) -> Result<(), DbError> {
    let mut payload = json!({"systemId": request.system_id, "externalRef": request.external_ref, "status": "New"});
    if let Some(user) = request.system_user_id {
        payload["systemUserId"] = json!(user);
    }
    let (party_org, vendor_org) = (request.party_org_no.as_str(), request.vendor_org.as_str());
    events::post(
        tx,
        Message {
            event,
            subject_id: request.id,
            party_org,
            vendor_org,
            payload,
        },
    )
    .await
}
