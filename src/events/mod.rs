//! The outbox: what others should learn about a change, stored in the transaction that makes it.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::DbError;

/// Something worth telling.
#[derive(Debug)]
pub struct Message<'a> {
    /// Stable name, such as `systemuser_request_created`.
    pub event: &'static str,
    /// Kind of the subject: `request`, `change_request`, `system_user`.
    pub subject_kind: &'static str,
    /// Id of the subject. One message per event and subject.
    pub subject_id: Uuid,
    /// Customer organisation.
    pub party_org: &'a str,
    /// Vendor organisation.
    pub vendor_org: &'a str,
    /// Facts for the reader; no identity numbers.
    pub payload: Value,
}

/// Puts a message into the outbox. A repeat of the same event on the same subject changes nothing.
///
/// # Errors
/// As the database says.
pub async fn post(tx: &mut PgConnection, message: Message<'_>) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into outbox (id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict (event, subject_id) do nothing"#,
        Uuid::now_v7(),
        message.event,
        message.subject_kind,
        message.subject_id,
        message.party_org,
        message.vendor_org,
        message.payload,
    )
    .execute(tx)
    .await?;
    Ok(())
}
