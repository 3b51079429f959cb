//! Service owners, as they are shown. All SQL about that.

use foundation::db::DbError;
use serde_json::Value;
use sqlx::PgConnection;

/// A service owner.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct ServiceOwnerRow {
    pub orgcode: String,
    pub org_number: String,
    /// Language to text.
    pub name: Value,
    pub logo: Option<String>,
    pub emblem: Option<String>,
    pub homepage: Option<String>,
    pub environments: Vec<String>,
    /// `phone` and `url`
    pub contact: Option<Value>,
}

/// Every service owner, by code.
pub async fn all(db: &mut PgConnection) -> Result<Vec<ServiceOwnerRow>, DbError> {
    Ok(sqlx::query_as!(
        ServiceOwnerRow,
        r#"select orgcode, org_number, name, logo, emblem, homepage, environments, contact
           from service_owner order by orgcode collate "C""#
    )
    .fetch_all(db)
    .await?)
}
