//! Single rights that reach a person through the sub-units of organisations in which the person
//! holds a key role. Decisions ask for them last: lists of parties do not go so far.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Connection, SingleRight, Via};
use foundation::db::DbError;

/// What rights are looked for.
#[derive(Debug, Clone, Copy)]
pub struct SubUnitQuestion<'a> {
    /// Key of the person.
    pub person: i32,
    /// Key of the reportee.
    pub reportee: i32,
    /// Only rights on this resource.
    pub resource: Option<&'a str>,
    /// Only rights to this action.
    pub action: Option<&'a str>,
}

struct SubUnitRightsRow {
    place: i32,
    role: i16,
    main_unit: bool,
    key_role: i16,
    key_form: Option<i16>,
    rights: Value,
}

/// Relations with single rights from each reportee, or its main unit, to sub-units of organisations
/// in which the person holds a key role: with the number of their question, all in one round trip.
pub async fn rights_of_sub_units(
    db: &mut PgConnection,
    questions: &[SubUnitQuestion<'_>],
) -> Result<Vec<(usize, Connection)>, DbError> {
    let persons: Vec<i32> = questions.iter().map(|q| q.person).collect();
    let reportees: Vec<i32> = questions.iter().map(|q| q.reportee).collect();
    let resources: Vec<Option<&str>> = questions.iter().map(|q| q.resource).collect();
    let actions: Vec<Option<&str>> = questions.iter().map(|q| q.action).collect();
    let rows = sqlx::query_as!(
        SubUnitRightsRow,
        r#"select asked.place::int as "place!", found.role as "role!", found.main_unit as "main_unit!", found.key_role as "key_role!",
             found.key_form as "key_form?", found.rights as "rights!"
           from unnest($1::int[], $2::int[], $3::text[], $4::text[]) with ordinality as asked(person, reportee, resource, action, place)
           cross join lateral (
           with /* hot path */ source as materialized (
             select key, false as main_unit from party where key = asked.reportee
             union all
             select parent_key, true from party where key = asked.reportee and parent_key is not null
           ), unit as materialized (
             select unit.key, k.role_id as key_role, o.form_id as key_form
             from register_role k join role on role.key = k.role_id and role.is_key_role
             join party o on o.key = k.from_key join party unit on unit.parent_key = o.key
             where k.to_key = asked.person)
           select a.role_id as role, s.main_unit, u.key_role, u.key_form,
             jsonb_agg(jsonb_build_array(r.resource_id, r.action, r.extra, r.assignment_id)) as rights
           from source s cross join unit u join assignment a on a.from_key = s.key and a.to_key = u.key
           join assignment_right r on r.assignment_id = a.id
             and (asked.resource is null or r.resource_id = asked.resource) and (asked.action is null or r.action = asked.action)
           group by a.id, s.main_unit, u.key_role, u.key_form) found"#,
        &persons,
        &reportees,
        &resources as &[Option<&str>],
        &actions as &[Option<&str>],
    )
    .fetch_all(db)
    .await?;
    let connection = |row: SubUnitRightsRow| {
        let place = usize::try_from(row.place - 1).ok()?;
        let connection = Connection {
            from_form: None,
            from_main_unit: row.main_unit,
            from_own_firm: false,
            role: row.role,
            via: Via::KeyRole {
                role: row.key_role,
                form: row.key_form,
            },
            packages: Vec::new(),
            rights: SingleRight::list(&row.rights),
        };
        Some((place, connection))
    };
    Ok(rows.into_iter().filter_map(connection).collect())
}
