//! All SQL of versions of the catalogue, and of what still needs an element that goes.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use foundation::db::{AdvisoryLock, DbError};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::WholeCatalogue;

/// Where a version came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueSource {
    /// The program brought it.
    Shipped,
    /// An operator imported it.
    Imported,
}

impl CatalogueSource {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Imported => "imported",
        }
    }
}

/// The version that is in force.
#[derive(Debug)]
pub struct CatalogueVersion {
    /// Its number.
    pub seq: i64,
    /// Hash of its content.
    pub sha256: Vec<u8>,
    /// Whether an operator imported it.
    pub is_imported: bool,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Who made it.
    pub made_by: String,
    /// The catalogue.
    pub content: Json<WholeCatalogue>,
}

impl CatalogueVersion {
    /// The hash in hexadecimal digits.
    #[must_use]
    pub fn sha256_text(&self) -> String {
        HEXLOWER.encode(&self.sha256)
    }
}

/// The version that is in force; none where none was stored yet.
///
/// # Errors
/// See [`DbError`].
pub async fn current(db: &mut PgConnection) -> Result<Option<CatalogueVersion>, DbError> {
    Ok(sqlx::query_as!(
        CatalogueVersion,
        r#"select seq, sha256, source = 'imported' as "is_imported!", made_at, made_by,
             content as "content: Json<WholeCatalogue>"
           from catalogue_version order by seq desc limit 1"#
    )
    .fetch_optional(db)
    .await?)
}

/// Hash of the version that is in force, and whether an operator imported it; none where none was stored
/// yet.
pub(super) async fn current_hash(
    db: &mut PgConnection,
) -> Result<Option<(Vec<u8>, bool)>, DbError> {
    let row = sqlx::query!(
        r#"select sha256, source = 'imported' as "is_imported!" from catalogue_version order by seq desc limit 1"#
    );
    let row = row.fetch_optional(db).await?;
    Ok(row.map(|row| (row.sha256, row.is_imported)))
}

/// The number of the version that is in force; 0 where there is none.
///
/// # Errors
/// See [`DbError`].
pub async fn version(db: &mut PgConnection) -> Result<i64, DbError> {
    Ok(
        sqlx::query_scalar!(r#"select coalesce(max(seq), 0) as "seq!" from catalogue_version"#)
            .fetch_one(db)
            .await?,
    )
}

/// Keeps one version at a time from being made, until the transaction ends.
pub(super) async fn lock(tx: &mut PgConnection) -> Result<(), DbError> {
    AdvisoryLock::Start.take(tx).await
}

/// Stores a version.
pub(super) async fn add_version(
    tx: &mut PgConnection,
    whole: &WholeCatalogue,
    sha256: &[u8],
    source: CatalogueSource,
    files: &[String],
    by: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into catalogue_version (sha256, source, files, content, made_by) values ($1, $2, $3, $4, $5)",
        sha256,
        source.as_str(),
        files,
        Json(whole) as _,
        by
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What needs an element of the catalogue: what it is, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementNeed {
    /// URN or code of the element.
    pub name: String,
    /// What needs it.
    pub kind: String,
    /// How many.
    pub count: i64,
}

/// What needs these packages, by their URNs.
pub(super) async fn needs_of_packages(
    db: &mut PgConnection,
    urns: &[String],
) -> Result<Vec<ElementNeed>, DbError> {
    Ok(sqlx::query_as!(
        ElementNeed,
        r#"with asked as (select urn, key from package where urn = any($1)),
           named(urn, kind) as (
             select p->>'urn', 'systems' from system s cross join lateral jsonb_array_elements(s.access_packages) p where not s.is_deleted
             union all
             select p->>'urn', 'open requests' from request r cross join lateral jsonb_array_elements(r.access_packages) p
             where r.status = 'New' and not r.is_deleted
             union all
             select p->>'urn', 'open change requests' from change_request r
             cross join lateral jsonb_array_elements(r.required_access_packages || r.unwanted_access_packages) p
             where r.status = 'New' and not r.is_deleted
             union all
             select p->>'urn', 'system users' from "system_user" u cross join lateral jsonb_array_elements(u.access_packages) p
             where not u.is_deleted
             union all
             select a.urn, 'grants' from assignment_package k join asked a on a.key = k.package_id
             union all
             select a.urn, 'client delegations' from client_delegation_package k join asked a on a.key = k.package_id
             union all
             select subject_urn, 'policies' from resource_subject where not deleted and subject_urn = any($1))
           select n.urn as "name!", n.kind as "kind!", count(*) as "count!" from named n join asked a on a.urn = n.urn
           group by n.urn, n.kind order by n.urn, n.kind"#,
        urns
    )
    .fetch_all(db)
    .await?)
}

/// What needs these roles, by their ids.
pub(super) async fn needs_of_roles(
    db: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<ElementNeed>, DbError> {
    Ok(sqlx::query_as!(
        ElementNeed,
        r#"with asked as (select key, urn, legacy_urn from role where id = any($1)),
           needed(urn, kind) as (
             select a.urn, 'roles of the register' from register_role r join asked a on a.key = r.role_id
             union all
             select a.urn, 'roles of the register without a known holder' from unresolved_holder r join asked a on a.key = r.role_id
             union all
             select a.urn, 'relations' from assignment r join asked a on a.key = r.role_id
             union all
             select a.urn, 'client delegations' from client_delegation d join asked a on a.key = d.role_id
             union all
             select a.urn, 'policies' from resource_subject s join asked a on s.subject_urn in (lower(a.urn), lower(a.legacy_urn))
             where not s.deleted)
           select urn as "name!", kind as "kind!", count(*) as "count!" from needed group by urn, kind order by urn, kind"#,
        ids
    )
    .fetch_all(db)
    .await?)
}

/// What needs these forms, by their ids.
pub(super) async fn needs_of_variants(
    db: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<ElementNeed>, DbError> {
    Ok(sqlx::query_as!(
        ElementNeed,
        r#"select v.code as "name!", 'parties' as "kind!", count(*) as "count!" from party p join entity_variant v on v.key = p.form_id
           where v.id = any($1) group by v.code order by v.code"#,
        ids
    )
    .fetch_all(db)
    .await?)
}
