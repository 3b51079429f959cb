//! All SQL of the register.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};
use uuid::Uuid;

use super::{IdentityKeys, IdentityKeysError, Party, PartyKind, PartyStatus, Person};
use foundation::{
    db::{
        AdvisoryLock, Column, DbError,
        feed::{self, FeedEntryKind},
    },
    ids::NationalId,
    retention::BATCH,
    token::PersonNames,
};

struct PartyRow {
    key: i32,
    uuid: Uuid,
    party_id: Option<i32>,
    kind: Column<PartyKind>,
    form_id: Option<i16>,
    status: Column<PartyStatus>,
    org_number: Option<String>,
    user_id: Option<i32>,
    parent_key: Option<i32>,
    name: String,
    death_date: Option<chrono::NaiveDate>,
}

impl TryFrom<PartyRow> for Party {
    type Error = DbError;

    fn try_from(row: PartyRow) -> Result<Self, DbError> {
        let key = row.key;
        Ok(Self {
            key,
            uuid: row.uuid,
            party_id: row.party_id,
            kind: row.kind.read("party.kind", key)?,
            form: row.form_id,
            status: row.status.read("party.status", key)?,
            org_number: row.org_number,
            user_id: row.user_id,
            parent_key: row.parent_key,
            name: row.name,
            death_date: row.death_date,
        })
    }
}

macro_rules! party_where {
    ($executor:expr, $condition:literal, $value:expr) => {
        sqlx::query_as!(
            PartyRow,
            r#"select /* hot path */ key, uuid, party_id, kind as "kind: Column<PartyKind>", form_id, status as "status: Column<PartyStatus>", org_number, user_id, parent_key, name, death_date
               from party where "#
                + $condition,
            $value
        )
        .fetch_optional($executor)
        .await?
        .map(Party::try_from)
        .transpose()
    };
}

/// A party by its internal key.
pub async fn party_by_key(db: &mut PgConnection, key: i32) -> Result<Option<Party>, DbError> {
    party_where!(db, "key = $1", key)
}

/// A party by its uuid.
pub async fn party_by_uuid(db: &mut PgConnection, uuid: Uuid) -> Result<Option<Party>, DbError> {
    party_where!(db, "uuid = $1", uuid)
}

/// A party by its integer id.
pub async fn party_by_id(db: &mut PgConnection, party_id: i32) -> Result<Option<Party>, DbError> {
    party_where!(db, "party_id = $1", party_id)
}

/// A person by user id.
pub async fn party_by_user_id(
    db: &mut PgConnection,
    user_id: i32,
) -> Result<Option<Party>, DbError> {
    party_where!(db, "user_id = $1", user_id)
}

/// An organisation by its number.
pub async fn party_by_org_number(
    db: &mut PgConnection,
    org_number: &str,
) -> Result<Option<Party>, DbError> {
    party_where!(db, "org_number = $1", org_number)
}

/// A person by identity number, present or former.
pub async fn party_by_national_id(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    id: &NationalId,
) -> Result<Option<Party>, DbError> {
    party_where!(
        db,
        "person_id_hmac = $1 or key = (select f.key from person_former_id f where f.person_id_hmac = $1)",
        keys.index(id)
    )
}

/// The person a token names: by the first of its names that is a person's. None when none is.
///
/// # Errors
/// The database fails.
pub async fn person_named(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    names: &PersonNames,
) -> Result<Option<Person>, DbError> {
    let person = |party: Option<Party>| {
        party
            .filter(|party| party.kind == PartyKind::Person)
            .map(Person)
    };
    if let Some(id) = names.user_id
        && let Some(found) = person(party_by_user_id(&mut *db, id).await?)
    {
        return Ok(Some(found));
    }
    if let Some(uuid) = names.party_uuid
        && let Some(found) = person(party_by_uuid(&mut *db, uuid).await?)
    {
        return Ok(Some(found));
    }
    if let Some(id) = names.party_id
        && let Some(found) = person(party_by_id(&mut *db, id).await?)
    {
        return Ok(Some(found));
    }
    match &names.national_id {
        Some(id) => Ok(person(party_by_national_id(db, keys, id).await?)),
        None => Ok(None),
    }
}

/// Why a person who has logged in is not stored.
#[derive(Debug, thiserror::Error)]
pub enum NewPersonError {
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The number cannot be encrypted.
    #[error(transparent)]
    Keys(#[from] IdentityKeysError),
    /// The person is not there afterwards.
    #[error("a new person was not stored")]
    NotStored,
}

impl From<sqlx::Error> for NewPersonError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A person the register did not know, who has logged in.
///
/// # Errors
/// The database or the encryption fails.
pub async fn create_person(
    pool: &PgPool,
    keys: &IdentityKeys,
    id: &NationalId,
    source: &str,
) -> Result<Person, NewPersonError> {
    let mut tx = pool.begin().await?;
    let (index, earlier, sealed) = (keys.index(id), keys.earlier_indexes(id), keys.encrypt(id)?);
    if !earlier.is_empty() {
        // Another instance may take another key for the present one: the constraint alone would not
        // keep both from storing the person.
        let lowest = earlier
            .iter()
            .fold(&index, |lowest, index| lowest.min(index));
        AdvisoryLock::Person(lowest).take(&mut tx).await?;
        if let Some(known) = party_by_national_id(&mut tx, keys, id).await? {
            return Ok(Person(known));
        }
    }
    sqlx::query!(
        r#"with added as (
             insert into party (uuid, party_id, user_id, kind, person_id_hmac, person_id_enc, name, source)
             values ($1, nextval('party_id_seq')::int, nextval('user_id_seq')::int, 'person', $2, $3, $4, $5)
             on conflict (person_id_hmac) do nothing returning key)
           insert into person_former_id (person_id_hmac, key, person_id_enc)
           select unnest($6::bytea[]), key, $3 from added where true on conflict do nothing"#,
        Uuid::new_v4(),
        index,
        sealed,
        format!("*****{}", &id.expose()[6..]),
        source,
        &earlier
    )
    .execute(&mut *tx)
    .await?;
    let party = party_by_national_id(&mut tx, keys, id).await?;
    foundation::db::commit(tx).await?;
    party.map(Person).ok_or(NewPersonError::NotStored)
}

/// Sub-units that are asked about in one round trip.
const SUB_UNITS_PER_QUERY: usize = 500;

/// Whether the person has anything at all to do with the organisation, or with a sub-unit of it.
/// Ask it only of a person who may not do more: a large organisation has thousands of sub-units.
pub async fn has_relation(
    db: &mut PgConnection,
    catalogue: &crate::packages::Catalogue,
    person: &Party,
    party: &Party,
) -> Result<bool, DbError> {
    if person.is_gone() {
        return Ok(false);
    }
    let is_related = |standing: &super::Standing| {
        let found = &standing.connections;
        !super::rules::held_roles(catalogue, person, party, found).is_empty()
            || found
                .iter()
                .any(|c| !c.packages.is_empty() || !c.rights.is_empty())
    };
    let subject = person.uuid.into();
    // Most persons are related to the organisation itself.
    if is_related(&super::standing(&mut *db, &subject, &party.uuid.into()).await?) {
        return Ok(true);
    }
    let sub_units = sqlx::query_scalar!("select uuid from party where parent_key = $1", party.key)
        .fetch_all(&mut *db)
        .await?;
    for some in sub_units.chunks(SUB_UNITS_PER_QUERY) {
        let reportees: Vec<super::PartyLookupKey> =
            some.iter().map(|uuid| (*uuid).into()).collect();
        let pairs: Vec<_> = reportees.iter().map(|one| (&subject, one)).collect();
        if super::standings(&mut *db, &pairs)
            .await?
            .iter()
            .any(is_related)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Code of a service owner's organisation.
pub async fn service_owner_code(
    db: impl PgExecutor<'_>,
    org_number: &str,
) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select orgcode from service_owner where org_number = $1",
        org_number
    )
    .fetch_optional(db)
    .await?)
}

/// Names of organisations by their number. Those that the register does not know are left out.
pub async fn names_of_organizations(
    db: &mut PgConnection,
    org_numbers: &[String],
) -> Result<HashMap<String, String>, DbError> {
    let rows = sqlx::query!(
        r#"select org_number as "org_number!", name from party where org_number = any($1)"#,
        org_numbers
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.org_number, row.name))
        .collect())
}

/// Makes a system user known as a party, with the system user's id as uuid.
pub async fn system_user_party(
    tx: &mut PgConnection,
    id: Uuid,
    name: &str,
) -> Result<i32, DbError> {
    Ok(sqlx::query_scalar!("insert into party (uuid, kind, name, source) values ($1, 'system-user', $2, 'system-user') returning key", id, name)
        .fetch_one(tx)
        .await?)
}

/// Gives the party of a system user another name.
pub async fn rename_system_user_party(
    tx: &mut PgConnection,
    id: Uuid,
    name: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "update party set name = $2 where uuid = $1 and kind = 'system-user'",
        id,
        name
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A person to choose at the sandbox's login.
#[derive(Debug, Clone)]
pub struct LoginPerson {
    /// Who.
    pub party: Party,
    /// Identity number, encrypted.
    pub person_id_enc: Vec<u8>,
    /// What they hold: role name in nb, organisation name.
    pub roles: Vec<(Value, String)>,
}

/// Persons of the sandbox who are alive, with what they hold, by name.
pub async fn persons_for_login(pool: &PgPool) -> Result<Vec<LoginPerson>, DbError> {
    let rows = sqlx::query!(
        r#"select p.key, p.uuid, p.party_id, p.kind as "kind: Column<PartyKind>", p.form_id, p.status as "status: Column<PartyStatus>", p.org_number, p.user_id, p.parent_key, p.name, p.death_date,
             p.person_id_enc as "person_id_enc!",
             coalesce(jsonb_agg(jsonb_build_array(role.name, o.name) order by o.name, role.key) filter (where o.key is not null), '[]')
               as "roles!: Column<Json<Vec<(Value, String)>>>"
           from party p
           left join (select to_key, role_id, from_key from register_role union all select to_key, role_id, from_key from assignment) r
             on r.to_key = p.key
           left join role on role.key = r.role_id
           left join party o on o.key = r.from_key
           where p.kind = 'person' and p.death_date is null and p.person_id_enc is not null and p.source = 'sandbox'
           group by p.key order by p.name limit 200"#
    )
    .fetch_all(pool)
    .await?;
    let mut out = Vec::with_capacity(rows.len());
    for r in rows {
        let roles = r.roles.read("role.name", r.key)?.0;
        let party = PartyRow {
            key: r.key,
            uuid: r.uuid,
            party_id: r.party_id,
            kind: r.kind,
            form_id: r.form_id,
            status: r.status,
            org_number: r.org_number,
            user_id: r.user_id,
            parent_key: r.parent_key,
            name: r.name,
            death_date: r.death_date,
        };
        out.push(LoginPerson {
            party: party.try_into()?,
            person_id_enc: r.person_id_enc,
            roles,
        });
    }
    Ok(out)
}

/// Persons that may be deleted: their register dropped them so many days ago, and nothing rests on
/// them.
pub async fn delete_dropped_persons(tx: &mut PgConnection, days: i32) -> Result<u64, DbError> {
    let persons = sqlx::query!(
        r#"select p.key, p.uuid from party p
           where p.kind = 'person' and p.dropped_at < service_now() - make_interval(days => $1)
             and not exists (select from register_role r where r.to_key = p.key or r.from_key = p.key)
             and not exists (select from assignment a where a.to_key = p.key or a.from_key = p.key)
             and not exists (select from client_delegation d where d.client_key = p.key or d.facilitator_key = p.key)
             and not exists (select from access_list_member m where m.party_key = p.key)
             and not exists (select from "system_user" u where u.owner_key = p.key)
             and not exists (select from session s where s.person_uuid = p.uuid)
           order by p.dropped_at limit $2 for update skip locked"#,
        days,
        BATCH
    )
    .fetch_all(&mut *tx)
    .await?;
    let keys: Vec<i32> = persons.iter().map(|person| person.key).collect();
    sqlx::query!("delete from person_former_id where key = any($1)", &keys)
        .execute(&mut *tx)
        .await?;
    sqlx::query!("delete from party where key = any($1)", &keys)
        .execute(&mut *tx)
        .await?;
    for person in &persons {
        feed::append(tx, FeedEntryKind::Party, &person.uuid.to_string()).await?;
    }
    Ok(keys.len() as u64)
}
