//! All SQL of connections.

use foundation::db::DbError;
use futures_util::stream::BoxStream;
use registers::packages::PackageKey;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{RightHolderRow, WayRow};

/// What is read of the ways in addition to their ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct WayContent<'a> {
    /// Rights on this resource.
    pub rights_on: Option<&'a str>,
}

macro_rules! ways {
    ($with:literal, $($value:expr),+) => {
        sqlx::query_as!(
            WayRow,
            r#"with /* hot path */ "# + $with + r#"
               select w.from_key as "from_key!", f.form_id as from_form, w.to_key as "to_key!", w.source_key as "source_key!", w.source_form as "source_form?",
                 w.is_main_unit as "is_main_unit!", w.is_own_firm as "is_own_firm!", w.role_id as "role_id!", w.via_key as "via_key?",
                 w.via_role as "via_role?", w.via_form as "via_form?", w.delegation is not null as "is_client!",
                 case when w.assignment is not null then array(select package_id from assignment_package where assignment_id = w.assignment)
                      when w.delegation is not null then array(select package_id from client_delegation_package where delegation_id = w.delegation)
                      else '{}' end as "packages!",
                 case when w.assignment is not null then
                        array(select distinct resource_id from assignment_right where assignment_id = w.assignment order by resource_id)
                      when w.delegation is not null then
                        array(select resource_id from client_delegation_resource where delegation_id = w.delegation order by resource_id)
                      else '{}' end as "resources!",
                 case when w.assignment is not null then
                        (select jsonb_agg(jsonb_build_array(resource_id, action, extra)) from assignment_right
                         where assignment_id = w.assignment and resource_id = $3)
                      when w.delegation is not null then
                        (select jsonb_agg(jsonb_build_array(g.resource_id, g.action, g.extra))
                         from client_delegation_resource k join client_delegation d on d.id = k.delegation_id
                         join assignment a on a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id
                         join assignment_right g on g.assignment_id = a.id and g.resource_id = k.resource_id
                         where k.delegation_id = w.delegation and k.resource_id = $3) end as "rights?"
               from way w join party f on f.key = w.from_key join party t on t.key = w.to_key
               join role on role.key = w.role_id
               where t.kind in ('organization', 'person', 'system-user') and f.kind in ('organization', 'person')
               order by f.name, f.uuid, t.name, t.uuid, role.code"#,
            $($value),+
        )
    };
}

/// Ways by which something of a party reaches others, or one other: relations of the party and of its
/// main unit, key roles in those that they lead to, client delegations.
pub(super) fn to_others<'a>(
    db: &'a mut PgConnection,
    from: i32,
    to: Option<i32>,
    content: WayContent<'a>,
) -> BoxStream<'a, Result<WayRow, sqlx::Error>> {
    ways!(
        r#"source as materialized (
             select key, form_id, false as is_main_unit, false as is_own_firm from party where key = $1
             union all
             select m.key, m.form_id, true, false from party p join party m on m.key = p.parent_key where p.key = $1
           ), relation as materialized (
             select s.*, r.to_key, r.role_id, null::uuid as assignment from source s join register_role r on r.from_key = s.key
             union all
             select s.*, a.to_key, a.role_id, a.id from source s join assignment a on a.from_key = s.key
           ), way as (
             select $1::int as from_key, to_key, key as source_key, form_id as source_form, is_main_unit, is_own_firm, role_id, null::int as via_key,
               null::int2 as via_role, null::int2 as via_form, assignment, null::uuid as delegation
             from relation where $2::int is null or to_key = $2
             union all
             select $1, k.to_key, r.key, r.form_id, r.is_main_unit, r.is_own_firm, r.role_id, o.key, k.role_id, o.form_id, r.assignment, null
             from relation r join party o on o.key = r.to_key and o.kind = 'organization'
             join register_role k on k.from_key = o.key join role kr on kr.key = k.role_id and kr.is_key_role
             where $2::int is null or k.to_key = $2
             union all
             select $1, d.system_user_key, s.key, s.form_id, s.is_main_unit, s.is_own_firm, d.role_id, d.facilitator_key, null, null, null, d.id
             from source s join client_delegation d on d.client_key = s.key
             where $2::int is null or d.system_user_key = $2)"#,
        from,
        to,
        content.rights_on
    )
    .fetch(db)
}

/// Ways by which something of others, or of one other, reaches a party: relations to the party and to
/// organisations in which it holds a key role, client delegations; from the givers, their sub-units and
/// the owners of sole proprietorships.
pub(super) fn from_others<'a>(
    db: &'a mut PgConnection,
    to: i32,
    from: Option<i32>,
    content: WayContent<'a>,
) -> BoxStream<'a, Result<WayRow, sqlx::Error>> {
    ways!(
        r#"holder as materialized (
             select $1::int as key, null::int as via_key, null::int2 as via_role, null::int2 as via_form
             union all
             select o.key, o.key, k.role_id, o.form_id
             from register_role k join role on role.key = k.role_id and role.is_key_role join party o on o.key = k.from_key
             where k.to_key = $1
           ), relation as materialized (
             select r.from_key as source_key, r.role_id, h.via_key, h.via_role, h.via_form, null::uuid as assignment, null::uuid as delegation
             from holder h join register_role r on r.to_key = h.key
             union all
             select a.from_key, a.role_id, h.via_key, h.via_role, h.via_form, a.id, null from holder h join assignment a on a.to_key = h.key
             union all
             select d.client_key, d.role_id, d.facilitator_key, null, null, null, d.id from client_delegation d where d.system_user_key = $1
           ), way as (
             select r.source_key as from_key, $1::int as to_key, r.source_key, s.form_id as source_form, false as is_main_unit,
               false as is_own_firm, r.role_id, r.via_key, r.via_role, r.via_form, r.assignment, r.delegation
             from relation r join party s on s.key = r.source_key where $2::int is null or r.source_key = $2
             union all
             select c.key, $1, r.source_key, s.form_id, true, false, r.role_id, r.via_key, r.via_role, r.via_form, r.assignment, r.delegation
             from relation r join party s on s.key = r.source_key join party c on c.parent_key = s.key where $2::int is null or c.key = $2
             union all
             select owner.key, $1, r.source_key, s.form_id, false, true, r.role_id, r.via_key, r.via_role, r.via_form, r.assignment, r.delegation
             from relation r
             join party s on s.key = r.source_key and (s.deleted_at is null or s.deleted_at > service_now() - interval '2 years')
             join entity_variant form on form.key = s.form_id and form.code = 'ENK'
             join register_role owns on owns.from_key = s.key join role on role.key = owns.role_id and role.code = 'innehaver'
             join party owner on owner.key = owns.to_key and owner.kind = 'person' and owner.death_date is null
             where $2::int is null or owner.key = $2)"#,
        to,
        from,
        content.rights_on
    )
    .fetch(db)
}

/// The right-holder relation between two parties, kept as it is until the transaction ends.
pub(super) async fn lock_right_holder(
    tx: &mut PgConnection,
    from: i32,
    to: i32,
) -> Result<Option<RightHolderRow>, DbError> {
    Ok(sqlx::query_as!(
        RightHolderRow,
        r#"select a.id from assignment a join role r on r.key = a.role_id and r.code = 'rettighetshaver'
           where a.from_key = $1 and a.to_key = $2 for update of a"#,
        from,
        to
    )
    .fetch_optional(tx)
    .await?)
}

/// Makes a right-holder relation. None when there is one already.
pub(super) async fn add_right_holder(
    tx: &mut PgConnection,
    from: i32,
    to: i32,
    by: &str,
) -> Result<Option<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"insert into assignment (id, from_key, to_key, role_id, created_by)
           select $1, $2, $3, key, $4 from role where code = 'rettighetshaver' on conflict do nothing returning id"#,
        Uuid::now_v7(),
        from,
        to,
        by
    )
    .fetch_optional(tx)
    .await?)
}

/// What a right-holder relation carries.
#[derive(Debug, Default)]
pub(super) struct RightHolderGrants {
    /// Rows by which packages were given: id and package.
    pub packages: Vec<(Uuid, PackageKey)>,
    /// Identifiers of single resources.
    pub resources: Vec<String>,
    /// Client delegations that rest on it.
    pub delegations: Vec<Uuid>,
}

/// What a right-holder relation carries.
pub(super) async fn carried(
    db: &mut PgConnection,
    relation: Uuid,
) -> Result<RightHolderGrants, DbError> {
    let packages = sqlx::query!(
        "select id, package_id from assignment_package where assignment_id = $1 order by id",
        relation
    )
    .fetch_all(&mut *db)
    .await?;
    let resources = sqlx::query_scalar!(
        "select distinct resource_id from assignment_right where assignment_id = $1 order by resource_id",
        relation
    )
    .fetch_all(&mut *db)
    .await?;
    let delegations = sqlx::query_scalar!(
        r#"select d.id from client_delegation d join assignment a on a.from_key = d.client_key and a.to_key = d.facilitator_key
             and a.role_id = d.role_id where a.id = $1 order by d.id"#,
        relation
    )
    .fetch_all(db)
    .await?;
    Ok(RightHolderGrants {
        packages: packages
            .into_iter()
            .map(|row| (row.id, row.package_id))
            .collect(),
        resources,
        delegations,
    })
}

/// Ends a relation with what it carries.
pub(super) async fn remove_relation(tx: &mut PgConnection, relation: Uuid) -> Result<(), DbError> {
    sqlx::query!("delete from assignment where id = $1", relation)
        .execute(tx)
        .await?;
    Ok(())
}

/// Gives a package. None when it is given already.
pub(super) async fn add_package(
    tx: &mut PgConnection,
    relation: Uuid,
    package: PackageKey,
    by: &str,
) -> Result<Option<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"insert into assignment_package (id, assignment_id, package_id, created_by) values ($1, $2, $3, $4)
           on conflict (assignment_id, package_id) do nothing returning id"#,
        Uuid::now_v7(),
        relation,
        package,
        by
    )
    .fetch_optional(tx)
    .await?)
}

/// The row by which a package was given.
pub(super) async fn package_row(
    db: &mut PgConnection,
    relation: Uuid,
    package: PackageKey,
) -> Result<Option<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        "select id from assignment_package where assignment_id = $1 and package_id = $2",
        relation,
        package
    )
    .fetch_optional(db)
    .await?)
}

/// Takes a package back. False when it was not given.
pub(super) async fn remove_package(
    tx: &mut PgConnection,
    relation: Uuid,
    package: PackageKey,
) -> Result<bool, DbError> {
    Ok(sqlx::query!(
        "delete from assignment_package where assignment_id = $1 and package_id = $2",
        relation,
        package
    )
    .execute(tx)
    .await?
    .rows_affected()
        > 0)
}

/// A right, as it is stored: its action and its further attributes.
#[derive(Debug, Clone)]
pub(super) struct StoredRight {
    /// The action.
    pub action: String,
    /// Pairs of further resource attributes.
    pub extra: Value,
}

/// Gives rights on a resource. Returns how many were not given before.
pub(super) async fn add_rights(
    tx: &mut PgConnection,
    relation: Uuid,
    resource: &str,
    rights: &[StoredRight],
    by: &str,
) -> Result<u64, DbError> {
    let actions: Vec<String> = rights.iter().map(|right| right.action.clone()).collect();
    let extras: Vec<Value> = rights.iter().map(|right| right.extra.clone()).collect();
    Ok(sqlx::query!(
        r#"insert into assignment_right (assignment_id, resource_id, action, extra, created_by)
           select $1, $2, action, extra, $5 from unnest($3::text[], $4::jsonb[]) as t(action, extra) on conflict do nothing"#,
        relation,
        resource,
        &actions,
        &extras,
        by
    )
    .execute(tx)
    .await?
    .rows_affected())
}

/// Takes the rights on a resource back that are not among these. Returns how many there were.
pub(super) async fn remove_other_rights(
    tx: &mut PgConnection,
    relation: Uuid,
    resource: &str,
    rights: &[StoredRight],
) -> Result<u64, DbError> {
    let actions: Vec<String> = rights.iter().map(|right| right.action.clone()).collect();
    let extras: Vec<Value> = rights.iter().map(|right| right.extra.clone()).collect();
    Ok(sqlx::query!(
        r#"delete from assignment_right g where g.assignment_id = $1 and g.resource_id = $2
             and not exists (select from unnest($3::text[], $4::jsonb[]) as t(action, extra) where t.action = g.action and t.extra = g.extra)"#,
        relation,
        resource,
        &actions,
        &extras
    )
    .execute(tx)
    .await?
    .rows_affected())
}

/// Whether an agent was delegated a resource of a client.
pub(super) async fn is_delegated_by_client(
    db: &mut PgConnection,
    client: i32,
    agent: i32,
    resource: &str,
) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
             select from client_delegation d join client_delegation_resource k on k.delegation_id = d.id
             where d.client_key = $1 and d.system_user_key = $2 and k.resource_id = $3) as "exists!""#,
        client,
        agent,
        resource
    )
    .fetch_one(db)
    .await?)
}
