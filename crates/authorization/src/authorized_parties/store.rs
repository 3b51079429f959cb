//! All SQL of authorized parties.

use std::vec;

use chrono::NaiveDate;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::PartyListParts;
use foundation::db::DbError;
use registers::parties::{PartyKind, PartyStatus};

/// One relation that reaches one party. All relations of a party follow each other, and so do all
/// units of a main unit.
#[derive(Debug, Clone)]
pub struct ReachRow {
    pub key: i32,
    pub uuid: Uuid,
    pub party_id: Option<i32>,
    pub kind: PartyKind,
    pub form_id: Option<i16>,
    pub status: PartyStatus,
    pub org_number: Option<String>,
    pub person_id_enc: Option<Vec<u8>>,
    pub parent_key: Option<i32>,
    pub name: String,
    pub birth_date: Option<NaiveDate>,
    pub death_date: Option<NaiveDate>,
    pub main_uuid: Option<Uuid>,
    pub main_party_id: Option<i32>,
    pub main_form: Option<i16>,
    pub main_status: Option<PartyStatus>,
    pub main_org_number: Option<String>,
    pub main_name: Option<String>,
    pub from_form: Option<i16>,
    pub from_main_unit: bool,
    pub from_own_firm: bool,
    /// None: the party is the subject itself.
    pub role: Option<i16>,
    pub key_role: Option<i16>,
    pub key_form: Option<i16>,
    pub client: bool,
    pub packages: Vec<i16>,
    pub rights: Value,
}

/// Parties whose relations are read at once: no statement waits for a slow reader.
const PARTIES_PER_QUERY: usize = 1_000;

/// Every relation that counts for a subject, in the order described at [`ReachRow`]; `only` picks
/// parties out.
pub fn reach<'a>(
    db: &'a mut PgConnection,
    subject: i32,
    include: PartyListParts,
    only: Option<&'a [i32]>,
) -> BoxStream<'a, Result<ReachRow, sqlx::Error>> {
    let chunks = async move {
        let chunks: Vec<Vec<i32>> = match only {
            Some(keys) => vec![keys.to_vec()],
            None => reached_keys(&mut *db, subject, include)
                .await?
                .chunks(PARTIES_PER_QUERY)
                .map(<[i32]>::to_vec)
                .collect(),
        };
        let next = move |(db, mut rest): (&'a mut PgConnection, vec::IntoIter<Vec<i32>>)| async move {
            let Some(keys) = rest.next() else {
                return Ok::<_, sqlx::Error>(None);
            };
            let rows = reach_of(&mut *db, subject, include, &keys).await?;
            Ok(Some((
                stream::iter(rows.into_iter().map(Ok::<_, sqlx::Error>)),
                (db, rest),
            )))
        };
        let rows = stream::try_unfold((db, chunks.into_iter()), next).try_flatten();
        Ok::<_, sqlx::Error>(rows)
    };
    stream::once(chunks).try_flatten().boxed()
}

/// Keys of every party that a relation of a subject reaches, in the order described at [`ReachRow`].
async fn reached_keys(
    db: &mut PgConnection,
    subject: i32,
    include: PartyListParts,
) -> Result<Vec<i32>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with holder as (
             select $1::int as key
             union
             select k.from_key from register_role k join role on role.key = k.role_id and role.is_key_role where k.to_key = $1 and $2
           ), source as (
             select r.from_key as key from holder h join register_role r on r.to_key = h.key
             union
             select a.from_key from holder h join assignment a on a.to_key = h.key
             union
             select client_key from client_delegation where system_user_key = $1
           ), reached as (
             select key from source
             union
             select c.key from source s join party c on c.parent_key = s.key
             union
             select owns.to_key from source s join party firm on firm.key = s.key
             join entity_variant form on form.key = firm.form_id and form.code = 'ENK'
             join register_role owns on owns.from_key = firm.key
             join role on role.key = owns.role_id and role.code = 'innehaver'
             union
             select $1
           )
           select p.key from reached r join party p on p.key = r.key and p.kind in ('person', 'organization')
           order by coalesce(p.parent_key, p.key), p.parent_key nulls first, p.key"#,
        subject,
        include.via_key_roles
    )
    .fetch_all(db)
    .await
}

/// Every relation that counts for a subject and reaches one of these parties.
async fn reach_of(
    db: &mut PgConnection,
    subject: i32,
    include: PartyListParts,
    parties: &[i32],
) -> Result<Vec<ReachRow>, sqlx::Error> {
    sqlx::query_as!(
        ReachRow,
        r#"with /* hot path */ wanted as (
             select unnest($3::int[]) as key
           ), source as materialized (
             select key from wanted
             union
             select p.parent_key from wanted w join party p on p.key = w.key where p.parent_key is not null
             union
             select owns.from_key from wanted w join register_role owns on owns.to_key = w.key
             join role on role.key = owns.role_id and role.code = 'innehaver'
           ), holder as (
             select $1::int as key, null::int2 as key_role, null::int2 as key_form
             union all
             select k.from_key, k.role_id, o.form_id
             from register_role k join role on role.key = k.role_id and role.is_key_role join party o on o.key = k.from_key
             where k.to_key = $1 and $2
           ), relation as (
             select r.from_key, r.role_id, h.key_role, h.key_form, null::uuid as assignment, null::uuid as delegation
             from source s join register_role r on r.from_key = s.key join holder h on h.key = r.to_key
             union all
             select a.from_key, a.role_id, h.key_role, h.key_form, a.id, null from source s join assignment a on a.from_key = s.key join holder h on h.key = a.to_key
             union all
             select d.client_key, d.role_id, null, null, null, d.id
             from source s join client_delegation d on d.system_user_key = $1 and d.client_key = s.key
             join party f on f.key = d.facilitator_key and f.status <> 'deleted' and f.death_date is null
           ), reached as (
             select r.from_key as key, false as main_unit, false as own_firm, r.* from relation r
             union all
             select c.key, true, false, r.* from relation r join party c on c.parent_key = r.from_key and c.key = any($3)
             union all
             select owner.key, false, true, r.*
             from relation r
             join party firm on firm.key = r.from_key and (firm.deleted_at is null or firm.deleted_at > service_now() - interval '2 years')
             join entity_variant form on form.key = firm.form_id and form.code = 'ENK'
             join register_role owns on owns.from_key = firm.key
             join role on role.key = owns.role_id and role.code = 'innehaver'
             join party owner on owner.key = owns.to_key and owner.kind = 'person' and owner.death_date is null
             union all
             select key, false, false, key, null, null, null, null, null from party where key = $1 and kind = 'person'
           )
           select p.key, p.uuid, p.party_id, p.kind as "kind: PartyKind", p.form_id, p.status as "status: PartyStatus", p.org_number, p.person_id_enc,
             p.parent_key, p.name, p.birth_date,
             p.death_date, m.uuid as "main_uuid?", m.party_id as "main_party_id?", m.form_id as "main_form?", m.status as "main_status?: PartyStatus",
             m.org_number as "main_org_number?", m.name as "main_name?",
             case when r.main_unit then m.form_id when r.own_firm then (select key from entity_variant where code = 'ENK') else p.form_id end as "from_form?", r.main_unit as "from_main_unit!",
             r.own_firm as "from_own_firm!", r.role_id as "role?", r.key_role as "key_role?", r.key_form as "key_form?",
             r.delegation is not null as "client!",
             case when r.assignment is not null then array(select package_id from assignment_package where assignment_id = r.assignment)
                  when r.delegation is not null then array(select package_id from client_delegation_package where delegation_id = r.delegation)
                  else '{}' end as "packages!",
             case when r.assignment is not null then coalesce((
                    select jsonb_agg(jsonb_build_array(resource_id, action)) from assignment_right where assignment_id = r.assignment), '[]')
                  when exists (select from client_delegation_resource where delegation_id = r.delegation) then coalesce((
                    select jsonb_agg(jsonb_build_array(g.resource_id, g.action))
                    from client_delegation_resource k join client_delegation d on d.id = k.delegation_id
                    join assignment a on a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id
                    join assignment_right g on g.assignment_id = a.id and g.resource_id = k.resource_id
                    where k.delegation_id = r.delegation), '[]')
                  else '[]' end as "rights!"
           from reached r
           join party p on p.key = r.key and p.kind in ('person', 'organization')
           left join party m on m.key = p.parent_key
           where p.key = any($3)
           order by coalesce(p.parent_key, p.key), p.parent_key nulls first, p.key"#,
        subject,
        include.via_key_roles,
        parties
    )
    .fetch_all(db)
    .await
}

/// Keys of the main units of those among these parties that are sub-units.
pub async fn main_units(db: &mut PgConnection, parties: &[i32]) -> Result<Vec<i32>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select distinct parent_key as "parent_key!" from party where key = any($1) and parent_key is not null"#,
        parties
    )
    .fetch_all(db)
    .await?)
}

/// Live resources of this owner and among these identifiers, as far as each is given.
pub async fn resources(
    db: &mut PgConnection,
    org_code: Option<&str>,
    any_of: Option<&[String]>,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select r.identifier from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.deleted is null and ($1::text is null or lower(v.document#>>'{hasCompetentAuthority,orgcode}') = lower($1))
             and ($2::text[] is null or r.identifier = any($2))"#,
        org_code,
        any_of
    )
    .fetch_all(db)
    .await?)
}

/// Subjects that the policies of these resources name.
pub async fn subjects(db: &mut PgConnection, resources: &[String]) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!("select /* hot path */ distinct subject_urn from resource_subject where identifier = any($1) and not deleted", resources)
        .fetch_all(db)
        .await?)
}
