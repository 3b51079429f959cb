//! All SQL of clients and their delegation.

use std::collections::{HashMap, HashSet};

use futures_util::{TryStreamExt as _, stream::BoxStream};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{Client, ClientCursor, DelegatedClient, RelationFilter, RelationRow},
    rules::ClientAssembly,
};
use foundation::db::DbError;
use registers::packages::Catalogue;

macro_rules! relation_rows {
    ($register:literal, $assignment:literal, $rest:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            RelationRow,
            r#"select p.key, p.uuid, p.name, p.org_number, p.form_id, r.role_id as "role_id!",
                 array(select package_id from assignment_package where assignment_id = r.assignment order by package_id) as "given!: Vec<i16>"
               from (
                 select from_key, role_id, null::uuid as assignment from register_role where to_key = $1 and "# + $register + r#"
                 union all
                 select a.from_key, a.role_id, a.id from assignment a where a.to_key = $1 and "# + $assignment + r#"
               ) r join party p on p.key = r.from_key
               where p.key <> $1 and p.kind in ('organization', 'person') and p.status <> 'deleted' and p.death_date is null "# + $rest + r#"
               order by p.name, p.uuid, r.role_id"#
            $(, $value)*
        )
    };
}

/// Relations of a provider's clients that the filter lets through, after a place: by the client's
/// name, its uuid, and the role.
pub fn relations<'a>(
    db: &'a mut PgConnection,
    provider: i32,
    filter: &'a RelationFilter,
    after: &'a ClientCursor,
) -> BoxStream<'a, Result<RelationRow, sqlx::Error>> {
    relation_rows!(
        "($2::int2[] is null or role_id = any($2))",
        "($3::int2[] is null or exists (select from assignment_package k where k.assignment_id = a.id and k.package_id = any($3)))",
        "and (p.name, p.uuid) > ($4, $5)",
        provider,
        filter.roles.as_deref(),
        filter.packages.as_deref(),
        after.name,
        after.uuid
    )
    .fetch(db)
}

/// The provider's clients among these parties, by name.
pub async fn of_provider(
    db: &mut PgConnection,
    catalogue: &Catalogue,
    provider: i32,
    only: &[i32],
) -> Result<Vec<Client>, DbError> {
    let mut assembly = ClientAssembly::new(catalogue);
    let mut clients = Vec::new();
    let mut rows = relation_rows!(
        "from_key = any($2)",
        "a.from_key = any($2)",
        "",
        provider,
        only
    )
    .fetch(db);
    while let Some(row) = rows.try_next().await? {
        clients.extend(assembly.push(row));
    }
    clients.extend(assembly.finish());
    Ok(clients)
}

/// How many relations of a provider may matter: those with one of these roles, and those that carry
/// one of these packages; with none of both, all. Counted up to `most`.
pub async fn count_relations(
    db: &mut PgConnection,
    provider: i32,
    filter: &RelationFilter,
    most: i64,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select 1 from register_role where to_key = $1 and ($2::int2[] is null or role_id = any($2))
             union all
             select 1 from assignment a where a.to_key = $1
               and ($3::int2[] is null or exists (select from assignment_package k where k.assignment_id = a.id and k.package_id = any($3)))
             limit $4) r"#,
        provider,
        filter.roles.as_deref(),
        filter.packages.as_deref(),
        most
    )
    .fetch_one(db)
    .await?)
}

/// Parties that may be clients of a provider, by name and uuid, after a place: organisations along
/// the index of their names, and persons, who are few. `offset 0` keeps Postgres from reading all
/// relations first.
pub async fn candidates(
    db: &mut PgConnection,
    provider: i32,
    filter: &RelationFilter,
    after: &ClientCursor,
    limit: i64,
) -> Result<Vec<(i32, ClientCursor)>, DbError> {
    let rows = sqlx::query!(
        r#"select key as "key!", name as "name!", uuid as "uuid!" from (
             (select p.key, p.name, p.uuid from party p
              where p.kind = 'organization' and (p.name, p.uuid) > ($4, $5) and p.status <> 'deleted' and p.key <> $1
                and (exists (
                    select from register_role r
                    where r.from_key = p.key and r.to_key = $1 and ($2::int2[] is null or r.role_id = any($2)) offset 0)
                  or exists (
                    select from assignment a where a.from_key = p.key and a.to_key = $1 and ($3::int2[] is null
                      or exists (select from assignment_package k where k.assignment_id = a.id and k.package_id = any($3))) offset 0))
              order by p.name, p.uuid limit $6)
             union all
             (select p.key, p.name, p.uuid from assignment a join party p on p.key = a.from_key
              where a.to_key = $1 and p.kind = 'person' and p.death_date is null and (p.name, p.uuid) > ($4, $5) and ($3::int2[] is null
                or exists (select from assignment_package k where k.assignment_id = a.id and k.package_id = any($3)))
              order by p.name, p.uuid limit $6)) c
           order by name, uuid limit $6"#,
        provider,
        filter.roles.as_deref(),
        filter.packages.as_deref(),
        after.name,
        after.uuid,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                row.key,
                ClientCursor {
                    name: row.name,
                    uuid: row.uuid,
                },
            )
        })
        .collect())
}

/// Whose clients may be delegated: keeps an agent from being deleted, and others from changing
/// its clients, until the transaction ends. Returns the agent's party key; none when it is
/// deleted.
pub async fn lock_agent(tx: &mut PgConnection, agent: Uuid) -> Result<Option<i32>, DbError> {
    Ok(sqlx::query_scalar!(
        "select p.key from \"system_user\" u join party p on p.uuid = u.id where u.id = $1 and not u.is_deleted for update of u",
        agent
    )
    .fetch_optional(tx)
    .await?)
}

/// Keys of the parties with these uuids. Unknown ones are left out.
pub async fn keys(db: &mut PgConnection, parties: &[Uuid]) -> Result<HashMap<Uuid, i32>, DbError> {
    let rows = sqlx::query!("select uuid, key from party where uuid = any($1)", parties)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row.key)).collect())
}

/// Keeps the relations of clients to a provider as they are until the transaction ends.
pub async fn lock_relations(
    tx: &mut PgConnection,
    provider: i32,
    clients: &[i32],
) -> Result<(), DbError> {
    sqlx::query!(
        "select role_id from register_role where from_key = any($1) and to_key = $2 order by from_key, role_id for share",
        clients,
        provider
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!("select id from assignment where from_key = any($1) and to_key = $2 order by from_key, role_id for share", clients, provider)
        .fetch_all(&mut *tx)
        .await?;
    sqlx::query!(
        r#"select p.package_id from assignment_package p join assignment a on a.id = p.assignment_id
           where a.from_key = any($1) and a.to_key = $2 order by a.from_key, a.role_id, p.package_id for share of p"#,
        clients,
        provider
    )
    .fetch_all(tx)
    .await?;
    Ok(())
}

/// Delegates clients to an agent: a row per relation, and its packages. What is there stays.
/// Returns the keys of those that got something.
pub async fn add(
    tx: &mut PgConnection,
    agent: i32,
    provider: i32,
    clients: &[Client],
    by: &str,
) -> Result<HashSet<i32>, DbError> {
    if clients.is_empty() {
        return Ok(HashSet::new());
    }
    sqlx::query!(
        r#"insert into assignment (id, from_key, to_key, role_id, created_by)
           select gen_random_uuid(), $1, $2, key, $3 from role where code = 'agent' on conflict do nothing"#,
        provider,
        agent,
        by
    )
    .execute(&mut *tx)
    .await?;
    let relations = || {
        clients
            .iter()
            .flat_map(|c| c.relations.iter().map(|r| (c.key, r)))
    };
    sqlx::query!(
        r#"insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
           select gen_random_uuid(), $1, $2, client, role, $5 from unnest($3::int4[], $4::int2[]) as t(client, role) on conflict do nothing"#,
        agent,
        provider,
        &relations().map(|(client, _)| client).collect::<Vec<i32>>(),
        &relations().map(|(_, relation)| relation.role).collect::<Vec<i16>>(),
        by
    )
    .execute(&mut *tx)
    .await?;
    let rows = || {
        relations().flat_map(|(client, r)| {
            r.packages
                .iter()
                .map(move |(key, basis)| (client, r.role, *key, basis.as_str()))
        })
    };
    let added = sqlx::query_scalar!(
        r#"with added as (
             insert into client_delegation_package (delegation_id, package_id, basis)
             select d.id, t.package, t.basis from unnest($3::int4[], $4::int2[], $5::int2[], $6::text[]) as t(client, role, package, basis)
             join client_delegation d on d.system_user_key = $1 and d.facilitator_key = $2 and d.client_key = t.client and d.role_id = t.role
             on conflict do nothing returning delegation_id)
           select distinct d.client_key from added join client_delegation d on d.id = added.delegation_id"#,
        agent,
        provider,
        &rows().map(|r| r.0).collect::<Vec<i32>>(),
        &rows().map(|r| r.1).collect::<Vec<i16>>(),
        &rows().map(|r| r.2).collect::<Vec<i16>>(),
        &rows().map(|r| r.3.to_owned()).collect::<Vec<String>>(),
    )
    .fetch_all(tx)
    .await?;
    Ok(added.into_iter().collect())
}

/// Takes clients from an agent, with all relations. Returns those that were there.
pub async fn remove(
    tx: &mut PgConnection,
    agent: i32,
    provider: i32,
    clients: &[Uuid],
) -> Result<HashSet<Uuid>, DbError> {
    let removed = sqlx::query_scalar!(
        r#"delete from client_delegation d using party c
           where c.uuid = any($3) and d.system_user_key = $1 and d.facilitator_key = $2 and d.client_key = c.key
           returning c.uuid"#,
        agent,
        provider,
        clients
    )
    .fetch_all(tx)
    .await?;
    Ok(removed.into_iter().collect())
}

/// Ids of the rows by which a client was delegated to an agent, one for each relation.
pub async fn row_ids(
    db: &mut PgConnection,
    agent: Uuid,
    provider: i32,
    client: Uuid,
) -> Result<Vec<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select d.id from client_delegation d join party u on u.key = d.system_user_key join party c on c.key = d.client_key
           where u.uuid = $1 and d.facilitator_key = $2 and c.uuid = $3 order by d.role_id"#,
        agent,
        provider,
        client
    )
    .fetch_all(db)
    .await?)
}

/// Which agent and client a row is about, and who delegated the client; none when there is no
/// such row.
pub async fn row(db: &mut PgConnection, id: Uuid) -> Result<Option<DelegatedRow>, DbError> {
    Ok(sqlx::query_as!(
        DelegatedRow,
        r#"select u.uuid as agent, f.uuid as facilitator, c.uuid as client from client_delegation d join party u on u.key = d.system_user_key
           join party f on f.key = d.facilitator_key join party c on c.key = d.client_key where d.id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?)
}

/// A row by which a client was delegated to an agent.
#[derive(Debug, Clone, Copy)]
pub struct DelegatedRow {
    pub agent: Uuid,
    pub facilitator: Uuid,
    pub client: Uuid,
}

/// Deletes one such row. Returns whether it was there, and whether the client has nothing else at
/// this agent.
pub async fn remove_row(tx: &mut PgConnection, id: Uuid) -> Result<Option<bool>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"with gone as (delete from client_delegation where id = $1 returning system_user_key, client_key)
           select not exists (
             select from client_delegation d where d.id <> $1 and d.system_user_key = gone.system_user_key and d.client_key = gone.client_key)
             as "alone!" from gone"#,
        id
    )
    .fetch_optional(tx)
    .await?)
}

/// Clients of an agent that have at least one package left, after a place, by name: sorted. At
/// most `limit`, or all.
pub fn delegated<'a>(
    db: &'a mut PgConnection,
    agent: Uuid,
    provider: i32,
    after: &'a ClientCursor,
    limit: Option<i64>,
) -> BoxStream<'a, Result<DelegatedClient, sqlx::Error>> {
    sqlx::query_as!(
        DelegatedClient,
        r#"select c.uuid, c.name, c.org_number from party c
           where c.key in (
             select d.client_key from client_delegation d join party u on u.key = d.system_user_key
             where u.uuid = $1 and d.facilitator_key = $2 and exists (select from client_delegation_package p where p.delegation_id = d.id))
             and c.status <> 'deleted' and c.death_date is null and (c.name, c.uuid) > ($3, $4)
           order by c.name, c.uuid limit $5"#,
        agent,
        provider,
        after.name,
        after.uuid,
        limit
    )
    .fetch(db)
}

/// How many clients an agent has, counted up to `most`.
pub async fn count_delegated(
    db: &mut PgConnection,
    agent: Uuid,
    most: i64,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select 1 from client_delegation d join party u on u.key = d.system_user_key where u.uuid = $1 limit $2) d"#,
        agent,
        most
    )
    .fetch_one(db)
    .await?)
}

/// As [`delegated`], along the index of names, for an agent with many clients. Persons are clients
/// by what they gave their provider themselves. `offset 0` keeps Postgres from reading all clients
/// first.
pub async fn many_delegated(
    db: &mut PgConnection,
    agent: Uuid,
    provider: i32,
    after: &ClientCursor,
    limit: i64,
) -> Result<Vec<DelegatedClient>, DbError> {
    Ok(sqlx::query_as!(
        DelegatedClient,
        r#"with agent as materialized (select key from party where uuid = $1)
           select uuid as "uuid!", name as "name!", org_number from (
             (select c.uuid, c.name, c.org_number from party c
              where c.kind = 'organization' and (c.name, c.uuid) > ($3, $4) and c.status <> 'deleted' and exists (
                select from client_delegation d
                where d.system_user_key = (select key from agent) and d.client_key = c.key and d.facilitator_key = $2
                  and exists (select from client_delegation_package p where p.delegation_id = d.id) offset 0)
              order by c.name, c.uuid limit $5)
             union all
             (select c.uuid, c.name, c.org_number from assignment a join party c on c.key = a.from_key
              where a.to_key = $2 and c.kind = 'person' and c.death_date is null and (c.name, c.uuid) > ($3, $4) and exists (
                select from client_delegation d
                where d.system_user_key = (select key from agent) and d.client_key = c.key and d.facilitator_key = $2
                  and exists (select from client_delegation_package p where p.delegation_id = d.id) offset 0)
              group by c.uuid, c.name, c.org_number order by c.name, c.uuid limit $5)) c
           order by name, uuid limit $5"#,
        agent,
        provider,
        after.name,
        after.uuid,
        limit
    )
    .fetch_all(db)
    .await?)
}
