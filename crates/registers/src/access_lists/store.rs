//! All SQL of access lists. A writer locks the list first ([`lock`]), so that writers of one list
//! follow one another.

use std::collections::HashMap;

use foundation::db::{
    DbError,
    feed::{self, FeedEntryKind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{
    AccessList, AccessListConnection, AccessListMember, MemberName, MemberParty, MembersChange,
    Membership,
};

/// Members that a change names one by one in the change feed. Beyond, all lists are named at once.
const NAMED_MEMBERS: usize = 200;

macro_rules! lists_where {
    ($condition:literal, $($value:expr),+) => {
        sqlx::query_as!(
            AccessList,
            r#"select l.id as key, l.owner_orgcode as owner, l.identifier, l.name, l.description, l.version, l.created_at, l.updated_at
               from access_list l where "# + $condition,
            $($value),+
        )
    };
}

/// The code of a service owner as it is registered; letter case does not matter.
pub async fn registered_owner(
    db: &mut PgConnection,
    code: &str,
) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select orgcode from service_owner where lower(orgcode) = lower($1)",
        code
    )
    .fetch_optional(db)
    .await?)
}

/// Lists of an owner by identifier, from one on.
pub async fn lists(
    db: &mut PgConnection,
    owner: &str,
    from: Option<&str>,
    limit: i64,
) -> Result<Vec<AccessList>, DbError> {
    Ok(lists_where!(
        r#"l.owner_orgcode = $1 and ($2::text is null or l.identifier collate "C" >= $2)
           order by l.identifier collate "C" limit $3"#,
        owner,
        from,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// A list of an owner.
pub async fn find(
    db: &mut PgConnection,
    owner: &str,
    identifier: &str,
) -> Result<Option<AccessList>, DbError> {
    Ok(lists_where!(
        "l.owner_orgcode = $1 and l.identifier = $2",
        owner,
        identifier
    )
    .fetch_optional(db)
    .await?)
}

/// As [`find`], and locks the list until the transaction ends.
pub async fn lock(
    tx: &mut PgConnection,
    owner: &str,
    identifier: &str,
) -> Result<Option<AccessList>, DbError> {
    Ok(lists_where!(
        "l.owner_orgcode = $1 and l.identifier = $2 for update",
        owner,
        identifier
    )
    .fetch_optional(tx)
    .await?)
}

/// How many lists an owner has.
pub async fn count(db: &mut PgConnection, owner: &str) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from access_list where owner_orgcode = $1"#,
        owner
    )
    .fetch_one(db)
    .await?)
}

/// A new list; none when there is one of that identifier.
pub async fn create(
    tx: &mut PgConnection,
    owner: &str,
    identifier: &str,
    name: &str,
    description: &str,
) -> Result<Option<AccessList>, DbError> {
    Ok(sqlx::query_as!(
        AccessList,
        r#"insert into access_list (owner_orgcode, identifier, name, description) values ($1, $2, $3, $4)
           on conflict (owner_orgcode, identifier) do nothing
           returning id as key, owner_orgcode as owner, identifier, name, description, version, created_at, updated_at"#,
        owner,
        identifier,
        name,
        description
    )
    .fetch_optional(tx)
    .await?)
}

/// Gives a list another name and description, and its next version.
pub async fn update(
    tx: &mut PgConnection,
    key: i32,
    name: &str,
    description: &str,
) -> Result<AccessList, DbError> {
    Ok(sqlx::query_as!(
        AccessList,
        r#"update access_list set name = $2, description = $3, version = version + 1, updated_at = service_now() where id = $1
           returning id as key, owner_orgcode as owner, identifier, name, description, version, created_at, updated_at"#,
        key,
        name,
        description
    )
    .fetch_one(tx)
    .await?)
}

/// Gives a list its next version.
pub async fn touch(tx: &mut PgConnection, key: i32) -> Result<AccessList, DbError> {
    Ok(sqlx::query_as!(
        AccessList,
        r#"update access_list set version = version + 1, updated_at = service_now() where id = $1
           returning id as key, owner_orgcode as owner, identifier, name, description, version, created_at, updated_at"#,
        key
    )
    .fetch_one(tx)
    .await?)
}

/// Removes a list with its members and connections.
pub async fn delete(tx: &mut PgConnection, key: i32) -> Result<(), DbError> {
    sqlx::query!("delete from access_list where id = $1", key)
        .execute(&mut *tx)
        .await?;
    feed::append(tx, FeedEntryKind::AccessLists, "").await?;
    Ok(())
}

/// The party that each name means, in order; none where there is no such party.
pub async fn resolve(
    db: &mut PgConnection,
    names: &[MemberName],
) -> Result<Vec<Option<MemberParty>>, DbError> {
    let (mut uuids, mut ids, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        match name {
            MemberName::Organization(number) => numbers.push(number.to_string()),
            MemberName::PartyId(id) => ids.push(*id),
            MemberName::Uuid(uuid) => uuids.push(*uuid),
        }
    }
    let rows = sqlx::query!(
        r#"select key as "key!", uuid as "uuid!", party_id, org_number from party where uuid = any($1)
           union select key, uuid, party_id, org_number from party where party_id = any($2)
           union select key, uuid, party_id, org_number from party where org_number = any($3)"#,
        &uuids,
        &ids,
        &numbers
    )
    .fetch_all(db)
    .await?;
    let (mut by_uuid, mut by_id, mut by_number) = (HashMap::new(), HashMap::new(), HashMap::new());
    for row in rows {
        let party = MemberParty {
            key: row.key,
            uuid: row.uuid,
        };
        by_uuid.insert(row.uuid, party);
        if let Some(id) = row.party_id {
            by_id.insert(id, party);
        }
        if let Some(number) = row.org_number {
            by_number.insert(number, party);
        }
    }
    let party = |name: &MemberName| match name {
        MemberName::Organization(number) => by_number.get(number.as_str()).copied(),
        MemberName::PartyId(id) => by_id.get(id).copied(),
        MemberName::Uuid(uuid) => by_uuid.get(uuid).copied(),
    };
    Ok(names.iter().map(party).collect())
}

/// Members of a list by uuid, from one on.
pub async fn members(
    db: &mut PgConnection,
    list: i32,
    from: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AccessListMember>, DbError> {
    Ok(sqlx::query_as!(
        AccessListMember,
        r#"select m.party_uuid, p.party_id, p.org_number, m.since
           from (select party_uuid, party_key, since from access_list_member
                 where list = $1 and party_uuid >= coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
                 order by party_uuid limit $3) m
           join party p on p.key = m.party_key order by m.party_uuid"#,
        list,
        from,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Whether a list has more members than a number.
pub async fn is_larger(db: &mut PgConnection, list: i32, members: i64) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from access_list_member where list = $1 offset $2) as "larger!""#,
        list,
        members
    )
    .fetch_one(db)
    .await?)
}

/// Adds parties to a list; those that are on it stay as they are.
pub async fn add_members(
    tx: &mut PgConnection,
    list: i32,
    parties: &[i32],
) -> Result<MembersChange, DbError> {
    let added = sqlx::query_scalar!(
        r#"insert into access_list_member (list, party_key) select $1, key from unnest($2::int[]) as key
           on conflict do nothing returning party_uuid"#,
        list,
        parties
    )
    .fetch_all(&mut *tx)
    .await?;
    let change = MembersChange {
        added,
        removed: Vec::new(),
    };
    append_change(tx, &change).await?;
    Ok(change)
}

/// Removes parties from a list; those that are not on it do not matter.
pub async fn remove_members(
    tx: &mut PgConnection,
    list: i32,
    parties: &[i32],
) -> Result<MembersChange, DbError> {
    let removed = sqlx::query_scalar!(
        "delete from access_list_member where list = $1 and party_key = any($2) returning party_uuid",
        list,
        parties
    )
    .fetch_all(&mut *tx)
    .await?;
    let change = MembersChange {
        added: Vec::new(),
        removed,
    };
    append_change(tx, &change).await?;
    Ok(change)
}

/// Makes these parties the members of a list; those that stay keep the time since when they are.
pub async fn replace_members(
    tx: &mut PgConnection,
    list: i32,
    parties: &[i32],
) -> Result<MembersChange, DbError> {
    let removed = sqlx::query_scalar!(
        "delete from access_list_member where list = $1 and party_key <> all($2) returning party_uuid",
        list,
        parties
    )
    .fetch_all(&mut *tx)
    .await?;
    let added = add_members(&mut *tx, list, parties).await?.added;
    let removal = MembersChange {
        added: Vec::new(),
        removed,
    };
    append_change(tx, &removal).await?;
    Ok(MembersChange { added, ..removal })
}

/// What is known of a party for decisions includes the lists that it is on.
async fn append_change(tx: &mut PgConnection, change: &MembersChange) -> Result<(), DbError> {
    if change.added.len() + change.removed.len() > NAMED_MEMBERS {
        feed::append(tx, FeedEntryKind::AccessLists, "").await?;
        return Ok(());
    }
    for uuid in change.added.iter().chain(&change.removed) {
        feed::append(&mut *tx, FeedEntryKind::Party, &uuid.to_string()).await?;
    }
    Ok(())
}

/// Connections of a list by identifier of the resource, from one on.
pub async fn connections(
    db: &mut PgConnection,
    list: i32,
    from: Option<&str>,
    limit: Option<i64>,
) -> Result<Vec<AccessListConnection>, DbError> {
    Ok(sqlx::query_as!(
        AccessListConnection,
        r#"select list, resource, action_filters, created_at, updated_at from access_list_connection
           where list = $1 and ($2::text is null or resource collate "C" >= $2) order by resource collate "C" limit $3"#,
        list,
        from,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Connections of these lists to a resource.
pub async fn connections_to(
    db: &mut PgConnection,
    lists: &[i32],
    resource: &str,
) -> Result<Vec<AccessListConnection>, DbError> {
    Ok(sqlx::query_as!(
        AccessListConnection,
        r#"select list, resource, action_filters, created_at, updated_at from access_list_connection
           where list = any($1) and resource = $2"#,
        lists,
        resource
    )
    .fetch_all(db)
    .await?)
}

/// The connection of a list to a resource.
pub async fn connection(
    db: &mut PgConnection,
    list: i32,
    resource: &str,
) -> Result<Option<AccessListConnection>, DbError> {
    Ok(connections_to(db, &[list], resource).await?.pop())
}

/// Connects a list to a resource, or gives the connection other filters.
pub async fn put_connection(
    tx: &mut PgConnection,
    list: i32,
    resource: &str,
    action_filters: &[String],
) -> Result<AccessListConnection, DbError> {
    let connection = sqlx::query_as!(
        AccessListConnection,
        r#"insert into access_list_connection (list, resource, action_filters) values ($1, $2, $3)
           on conflict (resource, list) do update set action_filters = excluded.action_filters, updated_at = service_now()
           returning list, resource, action_filters, created_at, updated_at"#,
        list,
        resource,
        action_filters
    )
    .fetch_one(&mut *tx)
    .await?;
    append_connection(tx, resource).await?;
    Ok(connection)
}

/// Ends the connection of a list to a resource.
pub async fn delete_connection(
    tx: &mut PgConnection,
    list: i32,
    resource: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "delete from access_list_connection where list = $1 and resource = $2",
        list,
        resource
    )
    .execute(&mut *tx)
    .await?;
    append_connection(tx, resource).await
}

/// A connection counts for every member of the list.
async fn append_connection(tx: &mut PgConnection, resource: &str) -> Result<(), DbError> {
    feed::append(&mut *tx, FeedEntryKind::AccessLists, "").await?;
    feed::append(tx, FeedEntryKind::Resource, resource).await?;
    Ok(())
}

/// What lists open to a party: one element for each connection of a list that the party is on.
pub async fn memberships(
    db: &mut PgConnection,
    party: i32,
    resource: Option<&str>,
) -> Result<Vec<Membership>, DbError> {
    Ok(sqlx::query_as!(
        Membership,
        r#"select c.resource, m.since, c.action_filters from access_list_member m join access_list_connection c on c.list = m.list
           where m.party_key = $1 and ($2::text is null or c.resource = $2) order by c.resource collate "C", c.list"#,
        party,
        resource
    )
    .fetch_all(db)
    .await?)
}

/// Lists that a party is on, by owner and identifier.
pub async fn lists_of(db: &mut PgConnection, party: Uuid) -> Result<Vec<AccessList>, DbError> {
    Ok(lists_where!(
        r#"l.id in (select m.list from access_list_member m join party p on p.key = m.party_key where p.uuid = $1)
           order by l.owner_orgcode collate "C", l.identifier collate "C""#,
        party
    )
    .fetch_all(db)
    .await?)
}

/// Code and organisation number of the owner of a resource, each empty when it has none; none when
/// there is no such resource. The resource is not deleted before the transaction ends.
pub async fn resource_owner(
    tx: &mut PgConnection,
    resource: &str,
) -> Result<Option<(String, String)>, DbError> {
    Ok(sqlx::query!(
        r#"select coalesce(v.document#>>'{hasCompetentAuthority,orgcode}', '') as "code!",
             coalesce(v.document#>>'{hasCompetentAuthority,organization}', '') as "number!"
           from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.identifier = $1 and r.deleted is null for share of r"#,
        resource
    )
    .fetch_optional(tx)
    .await?
    .map(|row| (row.code, row.number)))
}
