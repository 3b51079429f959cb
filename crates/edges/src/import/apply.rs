//! The one transaction that merges a staged file.

use sqlx::PgConnection;

use super::{
    kinds,
    merge::{Merge, MergeResult},
};
use foundation::{
    db::{
        DbError,
        feed::{self, FeedEntryKind},
    },
    events::EventKind,
};

/// Merges what is staged, in the caller's transaction.
///
/// # Errors
/// See [`super::merge::MergeError`].
pub async fn apply(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    // The limit is checked when all lines have been read, so that the report contains every
    // finding.
    merge.take_findings(&mut *tx).await?;
    sqlx::query!("delete from staging.touched")
        .execute(&mut *tx)
        .await?;
    sqlx::query!("delete from staging.unhanded")
        .execute(&mut *tx)
        .await?;
    let counts = kinds::merge(&mut *tx, merge).await?;
    merge.check_limit()?;
    publish_lost_clients(&mut *tx).await?;
    publish(tx).await?;
    Ok(counts)
}

/// More touched parties than this become one entry of the change feed.
const MAX_ENTRIES: i64 = 10_000;

/// Publishes to vendors which clients their agents have lost for good.
async fn publish_lost_clients(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into outbox (id, event, subject_kind, subject_id, party_org_no, vendor_org_no, payload)
           select gen_random_uuid(), $1, $2, gen_random_uuid(), u.reportee_org_no, s.vendor_org_number,
             jsonb_build_object('systemId', s.system_id, 'externalRef', u.external_ref, 'systemUserId', u.id, 'client', c.uuid)
           from staging.unhanded g join party a on a.key = g.system_user_key join "system_user" u on u.id = a.uuid and not u.is_deleted
           join system s on s.system_internal_id = u.system_internal_id join party c on c.key = g.client_key
           where not exists (
             select from client_delegation d join client_delegation_package p on p.delegation_id = d.id
             where d.system_user_key = g.system_user_key and d.client_key = g.client_key)"#,
        EventKind::ClientRemoved.wire(),
        EventKind::ClientRemoved.subject().wire()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Appends what was touched to the change feed.
async fn publish(tx: &mut PgConnection) -> Result<(), DbError> {
    let touched = sqlx::query_scalar!(r#"select count(*) as "count!" from staging.touched"#)
        .fetch_one(&mut *tx)
        .await?;
    if touched == 0 {
        return Ok(());
    }
    if touched > MAX_ENTRIES {
        feed::append(tx, FeedEntryKind::Everything, "import").await?;
        return Ok(());
    }
    feed::append_parties(tx).await?;
    Ok(())
}
