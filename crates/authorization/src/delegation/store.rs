//! Grants as rows. All SQL of what has been given.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::RightOutcome;
use foundation::db::DbError;
use registers::packages::PackageKey;

/// Gives packages and rights of the owner to a system user, directly. What it has already stays as
/// it is.
pub async fn give(
    tx: &mut PgConnection,
    owner_key: i32,
    system_user_key: i32,
    packages: &[PackageKey],
    rights: &[RightOutcome],
    by: &str,
) -> Result<(), DbError> {
    let assignment = sqlx::query_scalar!(
        r#"with given as (
             insert into assignment (id, from_key, to_key, role_id, created_by)
             select $1, $2, $3, key, $4 from role where code = 'rettighetshaver'
             on conflict (from_key, to_key, role_id) do nothing returning id)
           select id as "id!" from given
           union all
           select a.id from assignment a join role r on r.key = a.role_id and r.code = 'rettighetshaver' where a.from_key = $2 and a.to_key = $3
           limit 1"#,
        Uuid::now_v7(),
        owner_key,
        system_user_key,
        by
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into assignment_package (assignment_id, package_id, created_by) select $1, package, $3 from unnest($2::int2[]) as t(package) on conflict do nothing",
        assignment,
        packages,
        by
    )
    .execute(&mut *tx)
    .await?;
    for right in rights {
        for key in &right.granted {
            let extra: Value = key
                .extra
                .iter()
                .map(|(id, value)| json!([id, value]))
                .collect();
            sqlx::query!(
                r#"insert into assignment_right (assignment_id, resource_id, action, extra, created_by)
                   values ($1, $2, $3, $4, $5) on conflict do nothing"#,
                assignment,
                right.resource,
                key.action,
                extra,
                by
            )
            .execute(&mut *tx)
            .await?;
        }
    }
    Ok(())
}

/// Takes everything from a system user: direct grants, client delegations, its relations.
pub async fn revoke_all(tx: &mut PgConnection, system_user_key: i32) -> Result<(), DbError> {
    sqlx::query!(
        "delete from client_delegation where system_user_key = $1",
        system_user_key
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from assignment where to_key = $1", system_user_key)
        .execute(tx)
        .await?;
    Ok(())
}

/// What a system user holds directly.
#[derive(Debug, Clone, Default)]
pub struct SystemUserGrants {
    /// Package URNs, by URN.
    pub packages: Vec<String>,
    /// Resource identifiers, by identifier.
    pub resources: Vec<String>,
}

/// What the owner has given to the system user directly.
pub async fn held(
    db: &mut PgConnection,
    owner_key: i32,
    system_user_id: Uuid,
) -> Result<SystemUserGrants, DbError> {
    let packages = sqlx::query_scalar!(
        r#"select p.urn from assignment a join party s on s.key = a.to_key join assignment_package ap on ap.assignment_id = a.id
           join package p on p.key = ap.package_id where a.from_key = $1 and s.uuid = $2 order by p.urn"#,
        owner_key,
        system_user_id
    )
    .fetch_all(&mut *db)
    .await?;
    let resources = sqlx::query_scalar!(
        r#"select distinct ar.resource_id from assignment a join party s on s.key = a.to_key
           join assignment_right ar on ar.assignment_id = a.id where a.from_key = $1 and s.uuid = $2 order by ar.resource_id"#,
        owner_key,
        system_user_id
    )
    .fetch_all(db)
    .await?;
    Ok(SystemUserGrants {
        packages,
        resources,
    })
}

/// Takes single packages and all rights on single resources from a system user. What it does not
/// have is ignored.
pub async fn revoke(
    tx: &mut PgConnection,
    owner_key: i32,
    system_user_key: i32,
    resources: &[String],
    packages: &[PackageKey],
) -> Result<(), DbError> {
    sqlx::query!(
        r#"with relation as (
             select a.id from assignment a join role r on r.key = a.role_id and r.code = 'rettighetshaver' where a.from_key = $1 and a.to_key = $2
           ), packages as (
             delete from assignment_package p using relation where p.assignment_id = relation.id and p.package_id = any($3))
           delete from assignment_right g using relation where g.assignment_id = relation.id and g.resource_id = any($4)"#,
        owner_key,
        system_user_key,
        packages,
        resources
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Packages that the owner has given to its system users directly: id of the system user and URN,
/// by both.
pub async fn packages_held(
    db: &mut PgConnection,
    owner_key: i32,
) -> Result<Vec<(Uuid, String)>, DbError> {
    let rows = sqlx::query!(
        r#"select u.id, k.urn from "system_user" u join party s on s.uuid = u.id
           join assignment a on a.from_key = u.owner_key and a.to_key = s.key
           join assignment_package ap on ap.assignment_id = a.id join package k on k.key = ap.package_id
           where u.owner_key = $1 and not u.is_deleted order by u.id, k.urn"#,
        owner_key
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.urn)).collect())
}

/// What an agent lost of a client because the client gives it to the facilitator no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedDelegation {
    /// The delegation.
    pub delegation: Uuid,
    /// Party key of the agent.
    pub agent: i32,
    /// URNs of the packages that are lost, by URN.
    pub packages: Vec<String>,
    /// Identifiers of the resources that are lost, by identifier.
    pub resources: Vec<String>,
}

/// Ends what a facilitator delegated of a client and what the client gives it no more: packages that
/// rest on an assigned package, single resources, and whole delegations when their right-holder
/// relation has ended or when nothing of them is left. Everything that takes something from a
/// right-holder calls it in the same transaction, after the change.
pub async fn end_dependent_delegations(
    tx: &mut PgConnection,
    client_key: i32,
    facilitator_key: i32,
) -> Result<Vec<EndedDelegation>, DbError> {
    let lost = sqlx::query!(
        r#"with delegation as materialized (
             select d.id, d.system_user_key as agent, a.id as assignment
             from client_delegation d join role r on r.key = d.role_id
             left join assignment a on a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id
             where d.client_key = $1 and d.facilitator_key = $2 and r.code = 'rettighetshaver'
           ), packages as (
             delete from client_delegation_package p using delegation d
             where p.delegation_id = d.id and not exists (
               select from assignment_package g where g.assignment_id = d.assignment and g.package_id = p.package_id)
             returning d.id, p.package_id
           ), resources as (
             delete from client_delegation_resource k using delegation d
             where k.delegation_id = d.id and not exists (
               select from assignment_right g where g.assignment_id = d.assignment and g.resource_id = k.resource_id)
             returning d.id, k.resource_id)
           select d.id as "id!", d.agent as "agent!", d.assignment is null as "is_relation_lost!",
             array(select k.urn from packages p join package k on k.key = p.package_id where p.id = d.id order by k.urn) as "packages!",
             array(select resource_id from resources r where r.id = d.id order by resource_id) as "resources!"
           from delegation d
           where d.assignment is null or d.id in (select id from packages union select id from resources) order by d.id"#,
        client_key,
        facilitator_key
    )
    .fetch_all(&mut *tx)
    .await?;
    let ids = |is_relation_lost: bool| -> Vec<Uuid> {
        lost.iter()
            .filter(|row| row.is_relation_lost == is_relation_lost)
            .map(|row| row.id)
            .collect()
    };
    sqlx::query!(
        r#"delete from client_delegation d
           where d.id = any($1) or (d.id = any($2)
             and not exists (select from client_delegation_package where delegation_id = d.id)
             and not exists (select from client_delegation_resource where delegation_id = d.id))"#,
        &ids(true),
        &ids(false)
    )
    .execute(tx)
    .await?;
    Ok(lost
        .into_iter()
        .map(|row| EndedDelegation {
            delegation: row.id,
            agent: row.agent,
            packages: row.packages,
            resources: row.resources,
        })
        .collect())
}
