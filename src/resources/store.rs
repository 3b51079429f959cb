//! All SQL of the resource registry.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgConnection;

use super::policies;
use crate::{
    db::DbError,
    token::sha256,
    xacml::{Policy, ids, policy::Match},
};

/// A resource as the decision path needs it.
#[derive(Debug)]
pub struct CurrentRow {
    pub identifier: String,
    pub resource_type: String,
    pub delegable: bool,
    pub access_list_enabled: bool,
    pub owner_org: String,
    pub owner_code: String,
    pub sha256: Option<Vec<u8>>,
}

/// The latest version of a live resource, with the digest of its current policy.
pub async fn current(db: &mut PgConnection, identifier: &str) -> Result<Option<CurrentRow>, DbError> {
    Ok(sqlx::query_as!(
        CurrentRow,
        r#"select r.identifier, coalesce(v.document->>'resourceType', 'Default') as "resource_type!",
             coalesce((v.document->>'delegable')::bool, true) as "delegable!",
             coalesce(v.document->>'accessListMode' = 'Enabled', false) as "access_list_enabled!",
             coalesce(v.document#>>'{hasCompetentAuthority,organization}', '') as "owner_org!",
             lower(coalesce(v.document#>>'{hasCompetentAuthority,orgcode}', 'unknown')) as "owner_code!",
             p.sha256 as "sha256?"
           from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           left join lateral (select sha256 from resource_policy where identifier = r.identifier order by version desc limit 1) p on true
           where r.identifier = $1 and r.deleted is null"#,
        identifier
    )
    .fetch_optional(db)
    .await?)
}

/// The text of a policy.
pub async fn policy_text(db: &mut PgConnection, identifier: &str, digest: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
    Ok(sqlx::query_scalar!("select xml from resource_policy where identifier = $1 and sha256 = $2 order by version desc limit 1", identifier, digest)
        .fetch_optional(db)
        .await?)
}

/// Type of a resource, for those that list resources as rights.
#[derive(Debug, Clone)]
pub struct ResourceKind {
    /// `resourceType`
    pub resource_type: String,
}

/// Types of the live resources among these identifiers.
///
/// # Errors
/// As the database says.
pub async fn kinds(db: &mut PgConnection, identifiers: &[String]) -> Result<HashMap<String, ResourceKind>, DbError> {
    let rows = sqlx::query!(
        r#"select r.identifier, coalesce(v.document->>'resourceType', 'Default') as "resource_type!"
           from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.identifier = any($1) and r.deleted is null"#,
        identifiers
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.identifier, ResourceKind { resource_type: r.resource_type })).collect())
}

/// Documents of the live resources among these identifiers, for display.
///
/// # Errors
/// As the database says.
pub async fn names(db: &mut PgConnection, identifiers: &[String]) -> Result<HashMap<String, Value>, DbError> {
    let rows = sqlx::query!(
        r#"select r.identifier, v.document from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.identifier = any($1) and r.deleted is null"#,
        identifiers
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.identifier, r.document)).collect())
}

/// Action filters of the access lists that connect this resource with this party; none at all when it is on no list.
/// An empty filter admits every action.
///
/// # Errors
/// As the database says.
pub async fn access_list_filters(db: &mut PgConnection, resource: &str, party_key: i32) -> Result<Vec<Vec<String>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select c.action_filters from access_list_connection c join access_list_member m on m.list = c.list
           where c.resource = $1 and m.party_key = $2"#,
        resource,
        party_key
    )
    .fetch_all(db)
    .await?)
}

/// Stores a resource and its policy. What is stored already is left alone; returns whether anything changed.
///
/// # Errors
/// As the database says.
pub async fn upsert(tx: &mut PgConnection, document: &Value, xml: &[u8], owner_org: Option<&str>) -> Result<bool, DbError> {
    let identifier = document.get("identifier").and_then(Value::as_str).unwrap_or_default();
    sqlx::query!("insert into resource (identifier) values ($1) on conflict do nothing", identifier).execute(&mut *tx).await?;
    let versions = sqlx::query!(
        r#"insert into resource_version (identifier, document)
           select $1, $2 where (select document from resource_version where identifier = $1 order by version_id desc limit 1) is distinct from $2"#,
        identifier,
        document
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let digest = sha256(xml);
    let policies = sqlx::query!(
        r#"insert into resource_policy (identifier, version, xml, sha256, uploaded_by_org)
           select $1, coalesce((select max(version) from resource_policy where identifier = $1), 0) + 1, $2, $3, $4
           where (select sha256 from resource_policy where identifier = $1 order by version desc limit 1) is distinct from $3"#,
        identifier,
        xml,
        &digest[..],
        owner_org
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let changed = versions + policies > 0;
    if policies > 0 {
        index_subjects(&mut *tx, identifier, xml).await?;
    }
    if changed {
        crate::db::feed::append(tx, crate::db::feed::Touched::Resource, identifier).await?;
    }
    Ok(changed)
}

/// Rebuilds the index of which subjects a resource's policy names.
async fn index_subjects(tx: &mut PgConnection, identifier: &str, xml: &[u8]) -> Result<(), DbError> {
    let Ok(policy) = Policy::parse(xml, &policies::LOAD) else { return Ok(()) };
    let matches = policy.rules.iter().flat_map(|r| r.target.iter().flatten().flatten());
    let subject =
        |m: &Match| m.designator().filter(|d| d.category == ids::SUBJECT).map(|d| format!("{}:{}", d.attribute_id, m.value.text).to_lowercase());
    let subjects: Vec<String> = matches.filter_map(subject).collect();
    sqlx::query!("delete from resource_subject where identifier = $1", identifier).execute(&mut *tx).await?;
    sqlx::query!(
        "insert into resource_subject (identifier, subject_urn) select $1, unnest($2::text[]) on conflict do nothing",
        identifier,
        &subjects
    )
    .execute(tx)
    .await?;
    Ok(())
}
