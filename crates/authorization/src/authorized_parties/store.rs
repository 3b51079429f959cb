//! All SQL of authorized parties.

use chrono::NaiveDate;
use futures_util::stream::BoxStream;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Include;
use foundation::db::DbError;

/// One relation that reaches one party. All relations of a party follow each other, and so do all
/// units of a main unit.
#[derive(Debug, Clone)]
pub struct ReachRow {
    pub key: i32,
    pub uuid: Uuid,
    pub party_id: Option<i32>,
    pub kind: String,
    pub form_id: Option<i16>,
    pub status: String,
    pub org_number: Option<String>,
    pub person_id_enc: Option<Vec<u8>>,
    pub parent_key: Option<i32>,
    pub name: String,
    pub birth_date: Option<NaiveDate>,
    pub death_date: Option<NaiveDate>,
    pub main_uuid: Option<Uuid>,
    pub main_party_id: Option<i32>,
    pub main_form: Option<i16>,
    pub main_status: Option<String>,
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

/// Every relation that counts for a subject, in the order described at [`ReachRow`]; `only` picks
/// parties out.
pub fn reach<'a>(
    db: &'a mut PgConnection,
    subject: i32,
    include: Include,
    only: Option<&'a [i32]>,
) -> BoxStream<'a, Result<ReachRow, sqlx::Error>> {
    sqlx::query_as!(
        ReachRow,
        r#"with /* hot path */ holder as (
             select $1::int as key, null::int2 as key_role, null::int2 as key_form
             union all
             select k.from_key, k.role_id, o.form_id
             from register_role k join role on role.key = k.role_id and role.is_key_role join party o on o.key = k.from_key
             where k.to_key = $1 and $2
           ), relation as (
             select r.from_key, r.role_id, h.key_role, h.key_form, null::uuid as assignment, null::uuid as delegation
             from holder h join register_role r on r.to_key = h.key
             union all
             select a.from_key, a.role_id, h.key_role, h.key_form, a.id, null from holder h join assignment a on a.to_key = h.key
             union all
             select d.client_key, d.role_id, null, null, null, d.id
             from client_delegation d join party f on f.key = d.facilitator_key and f.status <> 'deleted' and f.death_date is null
             where d.system_user_key = $1
           ), reached as (
             select r.from_key as key, false as main_unit, false as own_firm, r.* from relation r
             union all
             select c.key, true, false, r.* from relation r join party c on c.parent_key = r.from_key
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
           select p.key, p.uuid, p.party_id, p.kind, p.form_id, p.status, p.org_number, p.person_id_enc, p.parent_key, p.name, p.birth_date,
             p.death_date, m.uuid as "main_uuid?", m.party_id as "main_party_id?", m.form_id as "main_form?", m.status as "main_status?",
             m.org_number as "main_org_number?", m.name as "main_name?", f.form_id as "from_form?", r.main_unit as "from_main_unit!",
             r.own_firm as "from_own_firm!", r.role_id as "role?", r.key_role as "key_role?", r.key_form as "key_form?",
             r.delegation is not null as "client!",
             case when r.assignment is not null then array(select package_id from assignment_package where assignment_id = r.assignment)
                  when r.delegation is not null then array(select package_id from client_delegation_package where delegation_id = r.delegation)
                  else '{}' end as "packages!",
             case when r.assignment is not null then coalesce((
                    select jsonb_agg(jsonb_build_array(resource_id, action)) from assignment_right where assignment_id = r.assignment), '[]')
                  when r.delegation is not null then coalesce((
                    select jsonb_agg(jsonb_build_array(g.resource_id, g.action))
                    from client_delegation_resource k join client_delegation d on d.id = k.delegation_id
                    join assignment a on a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id
                    join assignment_right g on g.assignment_id = a.id and g.resource_id = k.resource_id
                    where k.delegation_id = r.delegation), '[]')
                  else '[]' end as "rights!"
           from reached r
           join party p on p.key = r.key and p.kind in ('person', 'organization')
           join party f on f.key = r.from_key
           left join party m on m.key = p.parent_key
           where ($3::int[] is null or p.key = any($3))
           order by coalesce(p.parent_key, p.key), p.parent_key nulls first, p.key"#,
        subject,
        include.via_key_roles,
        only
    )
    .fetch(db)
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
