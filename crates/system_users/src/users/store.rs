//! All SQL of system users.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::missing_token::MissingTokenFacts;
use super::model::{NewSystemUser, RegisterSystemUser, SystemUser};
use crate::systems::AccessPackage;
use authorization::delegation;
use authorization::live_system_users::SystemUserKind;
use foundation::db::{AdvisoryLock, Column, DbError};
use registers::parties;

struct SystemUserRow {
    id: Uuid,
    integration_title: String,
    system_id: String,
    system_internal_id: Uuid,
    vendor_org_number: String,
    owner_key: i32,
    party_id: Option<i32>,
    reportee_org_no: String,
    kind: Column<SystemUserKind>,
    external_ref: String,
    access_packages: Column<Json<Vec<AccessPackage>>>,
    created: DateTime<Utc>,
    sequence_no: i64,
}

impl TryFrom<SystemUserRow> for SystemUser {
    type Error = DbError;

    fn try_from(row: SystemUserRow) -> Result<Self, DbError> {
        let id = row.id;
        Ok(Self {
            id,
            integration_title: row.integration_title,
            system_id: row.system_id,
            system_internal_id: row.system_internal_id,
            vendor_org: row.vendor_org_number,
            owner_key: row.owner_key,
            owner_party_id: row.party_id,
            reportee_org_no: row.reportee_org_no,
            kind: row.kind.read("system_user.kind", id)?,
            external_ref: row.external_ref,
            access_packages: row
                .access_packages
                .read("system_user.access_packages", id)?
                .0,
            created: row.created,
        })
    }
}

macro_rules! system_users {
    ($rest:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            SystemUserRow,
            r#"select u.id, u.integration_title, s.system_id, u.system_internal_id, s.vendor_org_number, u.owner_key, o.party_id,
                 u.reportee_org_no, u.kind as "kind: Column<SystemUserKind>", u.external_ref,
                 u.access_packages as "access_packages: Column<Json<Vec<AccessPackage>>>", u.created, u.sequence_no
               from "system_user" u join system s on s.system_internal_id = u.system_internal_id join party o on o.key = u.owner_key "# + $rest
            $(, $value)*
        )
    };
}

struct RegisterRow {
    id: Uuid,
    reportee_org_no: String,
    party_id: Option<i32>,
    integration_title: String,
    is_deleted: bool,
    last_changed: DateTime<Utc>,
    created: DateTime<Utc>,
    sequence_no: i64,
    kind: Column<SystemUserKind>,
}

impl TryFrom<RegisterRow> for RegisterSystemUser {
    type Error = DbError;

    fn try_from(row: RegisterRow) -> Result<Self, DbError> {
        let id = row.id;
        Ok(Self {
            id,
            party_org_no: row.reportee_org_no,
            party_id: row.party_id.map(|id| id.to_string()).unwrap_or_default(),
            integration_title: row.integration_title,
            is_deleted: row.is_deleted,
            last_changed: row.last_changed,
            created: row.created,
            sequence_no: row.sequence_no,
            system_user_type: row.kind.read("system_user.kind", id)?,
        })
    }
}

macro_rules! register_rows {
    ($rest:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            RegisterRow,
            r#"select u.id, u.reportee_org_no, o.party_id, u.integration_title, u.is_deleted, u.last_changed, u.created, u.sequence_no,
                 u.kind as "kind: Column<SystemUserKind>"
               from "system_user" u join party o on o.key = u.owner_key "# + $rest
            $(, $value)*
        )
    };
}

/// An active system user.
pub async fn by_id(db: &mut PgConnection, id: Uuid) -> Result<Option<SystemUser>, DbError> {
    system_users!("where u.id = $1 and not u.is_deleted", id)
        .fetch_optional(db)
        .await?
        .map(SystemUser::try_from)
        .transpose()
}

/// The active system user of this system, owner and reference, whatever its kind.
pub async fn active_with_key(
    db: &mut PgConnection,
    system_id: &str,
    org_no: &str,
    external_ref: &str,
) -> Result<Option<SystemUser>, DbError> {
    system_users!(
        "where s.system_id = $1 and u.reportee_org_no = $2 and u.external_ref = $3 and not u.is_deleted",
        system_id,
        org_no,
        external_ref
    )
    .fetch_optional(db)
    .await?
    .map(SystemUser::try_from)
        .transpose()
}

/// Active system users of one kind that a party owns, oldest first. Those of deleted systems too.
pub async fn of_owner(
    db: &mut PgConnection,
    owner_key: i32,
    kind: SystemUserKind,
) -> Result<Vec<SystemUser>, DbError> {
    let found = system_users!(
        "where u.owner_key = $1 and u.kind = $2 and not u.is_deleted order by u.created, u.id",
        owner_key,
        kind.as_str()
    );
    found
        .fetch_all(db)
        .await?
        .into_iter()
        .map(SystemUser::try_from)
        .collect()
}

/// Active system users of a system, in the order of their sequence numbers, from a number on.
pub async fn of_system(
    db: &mut PgConnection,
    system_internal_id: Uuid,
    from: i64,
    limit: i64,
) -> Result<Vec<(i64, SystemUser)>, DbError> {
    let found = system_users!(
        "where u.system_internal_id = $1 and u.sequence_no >= $2 and not u.is_deleted order by u.sequence_no limit $3",
        system_internal_id,
        from,
        limit
    );
    found
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| Ok((row.sequence_no, SystemUser::try_from(row)?)))
        .collect()
}

/// The highest sequence number, and the system users after a number, deleted ones included.
///
/// A transaction that takes a number holds [`lock_sequence`] until it commits, so a number that is
/// not seen yet is always higher than those that are.
pub async fn stream(
    db: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<(i64, Vec<RegisterSystemUser>), DbError> {
    // The end is read first: what comes between the two queries is at most shown too early in the
    // list, never lost.
    let end =
        sqlx::query_scalar!(r#"select coalesce(max(sequence_no), 0) as "end!" from "system_user""#)
            .fetch_one(&mut *db)
            .await?;
    let found = register_rows!(
        "where u.sequence_no > $1 order by u.sequence_no limit $2",
        after,
        limit
    )
    .fetch_all(db)
    .await?;
    let users: Vec<RegisterSystemUser> = found
        .into_iter()
        .map(RegisterSystemUser::try_from)
        .collect::<Result<_, _>>()?;
    Ok((
        users.last().map_or(end, |last| last.sequence_no.max(end)),
        users,
    ))
}

/// One active system user as the platform's other parts see it.
pub async fn registered(
    db: &mut PgConnection,
    id: Uuid,
) -> Result<Option<RegisterSystemUser>, DbError> {
    register_rows!("where u.id = $1 and not u.is_deleted", id)
        .fetch_optional(db)
        .await?
        .map(RegisterSystemUser::try_from)
        .transpose()
}

/// What Maskinporten asks: the active system user of an existing system that has this client, of
/// this vendor, for this owner and reference.
pub async fn by_external_id(
    db: &mut PgConnection,
    client_id: &str,
    vendor_org: &str,
    owner_org: &str,
    external_ref: &str,
) -> Result<Option<SystemUser>, DbError> {
    system_users!(
        r#"/* hot path */ join system_client c on c.system_internal_id = s.system_internal_id and c.released_at is null and lower(c.client_id) = lower($1)
             and c.client_id = $1 and c.vendor_org_number = s.vendor_org_number
           where s.vendor_org_number = $2 and u.reportee_org_no = $3 and u.external_ref = $4 and not u.is_deleted and not s.is_deleted
           order by u.created limit 1"#,
        client_id,
        vendor_org,
        owner_org,
        external_ref
    )
    .fetch_optional(db)
    .await?
    .map(SystemUser::try_from)
        .transpose()
}

/// What is known of an organisation and the system of a vendor that has a client; none when none has
/// it. An open request is one that is not older than so many days.
pub async fn token_facts(
    db: &mut PgConnection,
    client_id: &str,
    vendor_org: &str,
    owner_org: &str,
    lifetime_days: i32,
) -> Result<Option<MissingTokenFacts>, DbError> {
    Ok(sqlx::query!(
        r#"select s.is_deleted as "is_system_deleted!",
             array(select external_ref from "system_user" u where u.system_internal_id = s.system_internal_id
               and u.reportee_org_no = $3 and not u.is_deleted) as "active!: Vec<String>",
             exists (select from "system_user" u where u.system_internal_id = s.system_internal_id
               and u.reportee_org_no = $3 and u.is_deleted) as "has_deleted!",
             exists (select from request r where r.system_id = s.system_id and r.party_org_no = $3 and not r.is_deleted
               and r.status = 'New' and r.created > service_now() - make_interval(days => $4)) as "has_open_request!",
             exists (select from request r where r.system_id = s.system_id and r.party_org_no = $3 and not r.is_deleted
               and r.status in ('Rejected', 'Denied')) as "has_rejected_request!",
             exists (select from party client join client_delegation d on d.client_key = client.key
               join party agent on agent.key = d.system_user_key join "system_user" u on u.id = agent.uuid
               where client.org_number = $3 and u.system_internal_id = s.system_internal_id and not u.is_deleted) as "is_client!"
           from system_client c join system s on s.system_internal_id = c.system_internal_id
           where lower(c.client_id) = lower($1) and c.client_id = $1 and c.vendor_org_number = $2
             and (c.released_at is null or s.is_deleted)
           order by s.is_deleted, s.created desc limit 1"#,
        client_id,
        vendor_org,
        owner_org,
        lifetime_days
    )
    .fetch_optional(db)
    .await?
    .map(|row| MissingTokenFacts {
        is_system_deleted: row.is_system_deleted,
        active: row.active,
        has_deleted: row.has_deleted,
        has_open_request: row.has_open_request,
        has_rejected_request: row.has_rejected_request,
        is_client: row.is_client,
    }))
}

/// Serialises writers of the sequence until the transaction ends, so that a reader of the sequence
/// never passes by a row still in flight. A transaction that takes a number from it holds this lock.
pub async fn lock_sequence(tx: &mut PgConnection) -> Result<(), DbError> {
    AdvisoryLock::SystemUserSequence.take(tx).await
}

/// Stores a system user whose party is there already. It holds the sequence until the transaction
/// ends, so this comes last.
///
/// # Errors
/// The database fails; `system_user_active_key` when an active one has this key already.
pub async fn insert(tx: &mut PgConnection, user: &NewSystemUser<'_>) -> Result<(), DbError> {
    lock_sequence(&mut *tx).await?;
    sqlx::query!(
        r#"insert into "system_user" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, access_packages,
             created_by, sequence_no)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, nextval('system_user_sequence'))"#,
        user.id,
        user.integration_title,
        user.system_internal_id,
        user.owner_key,
        user.reportee_org_no,
        user.kind.as_str(),
        user.external_ref,
        Json(user.access_packages) as Json<&[AccessPackage]>,
        user.created_by,
    )
    .execute(&mut *tx)
    .await?;
    foundation::db::feed::append(
        tx,
        foundation::db::feed::FeedEntryKind::SystemUser,
        &user.id.to_string(),
    )
    .await?;
    Ok(())
}

/// Stores that a system user changed, for those who follow the stream. The caller holds the
/// sequence.
pub async fn touch(tx: &mut PgConnection, id: Uuid, by: &str) -> Result<(), DbError> {
    sqlx::query!(
        r#"update "system_user" set changed_by = $2, last_changed = service_now(), sequence_no = nextval('system_user_sequence')
           where id = $1 and not is_deleted"#,
        id,
        by
    )
    .execute(&mut *tx)
    .await?;
    foundation::db::feed::append(
        tx,
        foundation::db::feed::FeedEntryKind::SystemUser,
        &id.to_string(),
    )
    .await?;
    Ok(())
}

/// Gives a system user another title. The caller holds the sequence and notes the change with
/// [`touch`].
pub async fn rename(tx: &mut PgConnection, id: Uuid, title: &str) -> Result<(), DbError> {
    sqlx::query!(
        "update \"system_user\" set integration_title = $2 where id = $1 and not is_deleted",
        id,
        title
    )
    .execute(&mut *tx)
    .await?;
    parties::rename_system_user_party(tx, id, title).await
}

/// Deletes a system user with everything it holds, and the request it came from. Returns whether it
/// was active.
pub async fn delete(tx: &mut PgConnection, user: &SystemUser, by: &str) -> Result<bool, DbError> {
    lock_sequence(&mut *tx).await?;
    let deleted = sqlx::query!(
        r#"update "system_user" set is_deleted = true, deleted_at = service_now(), last_changed = service_now(), changed_by = $2,
             sequence_no = nextval('system_user_sequence')
           where id = $1 and not is_deleted"#,
        user.id,
        by
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if deleted == 0 {
        return Ok(false);
    }
    if let Some(party) = parties::party_by_uuid(&mut *tx, user.id).await? {
        delegation::revoke_all(&mut *tx, party.key).await?;
    }
    sqlx::query!(
        r#"update request set is_deleted = true, deleted_at = service_now(), last_changed = service_now(), changed_by = $5
           where system_id = $1 and party_org_no = $2 and external_ref = $3 and kind = $4 and not is_deleted"#,
        user.system_id,
        user.reportee_org_no,
        user.external_ref,
        user.kind.as_str(),
        by
    )
    .execute(&mut *tx)
    .await?;
    foundation::db::feed::append(
        tx,
        foundation::db::feed::FeedEntryKind::SystemUser,
        &user.id.to_string(),
    )
    .await?;
    Ok(true)
}
