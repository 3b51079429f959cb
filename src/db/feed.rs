//! The change feed: what a committed change touches, for caches that keep decisions true.

use sqlx::PgConnection;

use super::DbError;

/// What was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// A system user: its state or its grants. Key: its uuid.
    SystemUser,
    /// A registered system. Key: its public id.
    System,
    /// A party or its relations. Key: its uuid.
    Party,
    /// A resource or its policy. Key: its identifier.
    Resource,
    /// More than is worth naming.
    Everything,
}

impl Touched {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SystemUser => "system-user",
            Self::System => "system",
            Self::Party => "party",
            Self::Resource => "resource",
            Self::Everything => "everything",
        }
    }
}

/// Appends an entry in the transaction that makes the change, and returns its position.
///
/// # Errors
/// As the database says.
pub async fn append(tx: &mut PgConnection, touched: Touched, key: &str) -> Result<i64, DbError> {
    let told = sqlx::query!(
        r#"with told as (insert into change_feed (kind, key) values ($1, $2) returning seq)
           select seq, pg_notify('change_feed', seq::text) as notified from told"#,
        touched.as_str(),
        key
    );
    Ok(told.fetch_one(tx).await?.seq)
}

/// Appends an entry for each party among those that an import touched.
///
/// # Errors
/// As the database says.
pub async fn append_parties(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"with told as (
             insert into change_feed (kind, key)
             select case when p.kind = 'system-user' then 'system-user' else 'party' end, p.uuid::text
             from staging.touched t join party p on p.key = t.party_key returning seq)
           select pg_notify('change_feed', max(seq)::text) as notified from told"#
    )
    .fetch_one(tx)
    .await?;
    Ok(())
}
