//! What the register contains about a party, and finding parties by any of their names. All SQL
//! of the register's own endpoints.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{IdentityKeys, PartyKind, PartyStatus};
use foundation::{
    db::{Column, DbError},
    ids::{NationalId, OrgNumber},
};

/// What names a party from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartyRef {
    /// `urn:altinn:party:uuid` and its kin.
    Uuid(Uuid),
    /// `urn:altinn:party:id`
    PartyId(i32),
    /// `urn:altinn:organization:identifier-no`
    Organization(OrgNumber),
    /// `urn:altinn:person:identifier-no`
    Person(NationalId),
    /// `urn:altinn:user:id`
    UserId(i32),
    /// A name of a kind that no party here has.
    Unknown,
}

impl PartyRef {
    /// From a URN, in any of its spellings.
    #[must_use]
    pub fn from_urn(urn: &str) -> Option<Self> {
        let (attribute, value) = urn.rsplit_once(':')?;
        Self::from_attribute(attribute, value)
    }

    /// From an attribute and its value.
    #[must_use]
    pub fn from_attribute(attribute: &str, value: &str) -> Option<Self> {
        let number = || {
            value
                .parse::<u32>()
                .ok()
                .filter(|_| value.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|n| i32::try_from(n).ok())
        };
        match attribute {
            "urn:altinn:party:uuid"
            | "urn:altinn:person:uuid"
            | "urn:altinn:organization:uuid"
            | "urn:altinn:systemuser:uuid"
            | "urn:altinn:user:uuid" => Uuid::try_parse(value).ok().map(Self::Uuid),
            "urn:altinn:party:id" | "urn:altinn:partyid" => number().map(Self::PartyId),
            "urn:altinn:user:id" | "urn:altinn:userid" => number().map(Self::UserId),
            "urn:altinn:organization:identifier-no" | "urn:altinn:organizationnumber" => {
                OrgNumber::parse(value).ok().map(Self::Organization)
            }
            "urn:altinn:person:identifier-no" => NationalId::parse(value).ok().map(Self::Person),
            "urn:altinn:person:legacy-selfidentified" | "urn:altinn:person:idporten-email" => {
                (!value.is_empty()).then_some(Self::Unknown)
            }
            _ => None,
        }
    }
}

/// A party with everything that the register contains about it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct PartyDetails {
    pub key: i32,
    pub uuid: Uuid,
    pub party_id: Option<i32>,
    pub kind: PartyKind,
    pub form: Option<String>,
    pub is_deleted: bool,
    pub deleted_at: Option<DateTime<Utc>>,
    pub org_number: Option<String>,
    pub national_id: Option<NationalId>,
    pub user_id: Option<i32>,
    pub parent_key: Option<i32>,
    pub name: String,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub death_date: Option<NaiveDate>,
    pub address: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Uuid and number of a system user's owner.
    pub owner: Option<(Uuid, String)>,
    pub is_agent: bool,
    /// Blind indexes of earlier identity numbers.
    pub former: Vec<Vec<u8>>,
}

impl PartyDetails {
    /// Whether this is the party that a name means.
    #[must_use]
    pub fn answers_to(&self, name: &PartyRef, keys: &IdentityKeys) -> bool {
        match name {
            PartyRef::Uuid(uuid) => self.uuid == *uuid,
            PartyRef::PartyId(id) => self.party_id == Some(*id),
            PartyRef::UserId(id) => self.user_id == Some(*id),
            PartyRef::Organization(number) => self.org_number.as_deref() == Some(number.as_str()),
            PartyRef::Person(id) => {
                self.national_id.as_ref() == Some(id)
                    || (!self.former.is_empty() && self.former.contains(&keys.index(id)))
            }
            PartyRef::Unknown => false,
        }
    }
}

struct PartyDetailsRow {
    key: i32,
    uuid: Uuid,
    party_id: Option<i32>,
    kind: Column<PartyKind>,
    form: Option<String>,
    status: Column<PartyStatus>,
    deleted_at: Option<DateTime<Utc>>,
    org_number: Option<String>,
    person_id_enc: Option<Vec<u8>>,
    user_id: Option<i32>,
    parent_key: Option<i32>,
    name: String,
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    birth_date: Option<NaiveDate>,
    death_date: Option<NaiveDate>,
    address: Option<Value>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    owner_uuid: Option<Uuid>,
    owner_number: Option<String>,
    is_agent: Option<bool>,
    former: Vec<Vec<u8>>,
}

impl PartyDetailsRow {
    fn into_details(self, keys: &IdentityKeys) -> Result<PartyDetails, DbError> {
        Ok(PartyDetails {
            key: self.key,
            uuid: self.uuid,
            party_id: self.party_id,
            kind: self.kind.read("party.kind", self.key)?,
            form: self.form,
            is_deleted: self.status.read("party.status", self.key)? == PartyStatus::Deleted,
            deleted_at: self.deleted_at,
            org_number: self.org_number,
            national_id: self
                .person_id_enc
                .and_then(|sealed| keys.decrypt(&sealed).ok()),
            user_id: self.user_id,
            parent_key: self.parent_key,
            name: self.name,
            first_name: self.first_name,
            middle_name: self.middle_name,
            last_name: self.last_name,
            birth_date: self.birth_date,
            death_date: self.death_date,
            address: self.address,
            created_at: self.created_at,
            updated_at: self.updated_at,
            owner: self.owner_uuid.zip(self.owner_number),
            is_agent: self.is_agent.unwrap_or(false),
            former: self.former,
        })
    }
}

/// Names by kind, as arrays for a query.
struct PartyRefArrays {
    uuids: Vec<Uuid>,
    ids: Vec<i32>,
    users: Vec<i32>,
    orgs: Vec<String>,
    persons: Vec<Vec<u8>>,
}

impl PartyRefArrays {
    fn of(names: &[PartyRef], keys: &IdentityKeys) -> Self {
        let mut out = Self {
            uuids: Vec::new(),
            ids: Vec::new(),
            users: Vec::new(),
            orgs: Vec::new(),
            persons: Vec::new(),
        };
        for name in names {
            match name {
                PartyRef::Uuid(uuid) => out.uuids.push(*uuid),
                PartyRef::PartyId(id) => out.ids.push(*id),
                PartyRef::UserId(id) => out.users.push(*id),
                PartyRef::Organization(number) => out.orgs.push(number.to_string()),
                PartyRef::Person(id) => out.persons.push(keys.index(id)),
                PartyRef::Unknown => {}
            }
        }
        out
    }
}

/// Internal keys of the parties that answer to any of these names.
pub async fn keys(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    names: &[PartyRef],
) -> Result<Vec<i32>, DbError> {
    let split = PartyRefArrays::of(names, keys);
    Ok(sqlx::query_scalar!(
        r#"select /* hot path */ key as "key!" from party where uuid = any($1) union select key from party where party_id = any($2)
           union select key from party where user_id = any($3) union select key from party where org_number = any($4)
           union select key from party where person_id_hmac = any($5) union select key from person_former_id where person_id_hmac = any($5)"#,
        &split.uuids,
        &split.ids,
        &split.users,
        &split.orgs,
        &split.persons
    )
    .fetch_all(db)
    .await?)
}

macro_rules! details_where {
    ($db:expr, $keys:expr, $condition:literal, $($value:expr),+) => {
        sqlx::query_as!(
            PartyDetailsRow,
            r#"select p.key, p.uuid, p.party_id, p.kind as "kind: Column<PartyKind>", f.code as "form?", p.status as "status: Column<PartyStatus>", p.deleted_at, p.org_number, p.person_id_enc, p.user_id,
                 p.parent_key, p.name, n.first_name as "first_name?", n.middle_name, n.last_name as "last_name?", p.birth_date, p.death_date,
                 a.address as "address?", p.created_at, p.updated_at, o.uuid as "owner_uuid?", o.org_number as owner_number,
                 u.kind = 'agent' as is_agent,
                 array(select person_id_hmac from person_former_id where key = p.key) as "former!"
               from party p left join entity_variant f on f.key = p.form_id left join person_name n on n.key = p.key
               left join party_address a on a.key = p.key left join "system_user" u on u.id = p.uuid and p.kind = 'system-user'
               left join party o on o.key = u.owner_key
               where "# + $condition,
            $($value),+
        )
        .fetch_all($db)
        .await?
        .into_iter()
        .map(|row| row.into_details($keys))
        .collect()
    };
}

/// The parties that answer to any of these names, in one round trip. A person also answers to
/// earlier identity numbers; the result has the present one.
pub async fn find(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    names: &[PartyRef],
) -> Result<Vec<PartyDetails>, DbError> {
    let split = PartyRefArrays::of(names, keys);
    details_where!(
        db,
        keys,
        r#"/* hot path */ p.key in (
             select key from party where uuid = any($1) union all select key from party where party_id = any($2)
             union all select key from party where user_id = any($3) union all select key from party where org_number = any($4)
             union all select key from party where person_id_hmac = any($5)
             union all select key from person_former_id where person_id_hmac = any($5))
           order by p.key"#,
        &split.uuids,
        &split.ids,
        &split.users,
        &split.orgs,
        &split.persons
    )
}

/// The party that answers to a name.
pub async fn find_one(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    name: &PartyRef,
) -> Result<Option<PartyDetails>, DbError> {
    Ok(find(db, keys, std::slice::from_ref(name))
        .await?
        .into_iter()
        .next())
}

/// Sub-units of these main units.
pub async fn sub_units(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    main_units: &[i32],
) -> Result<Vec<PartyDetails>, DbError> {
    details_where!(
        db,
        keys,
        "p.parent_key = any($1) order by p.org_number",
        main_units
    )
}

/// Parties that gave this party a register role.
pub async fn givers(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    holder: Uuid,
    role_code: &str,
) -> Result<Vec<PartyDetails>, DbError> {
    details_where!(
        db,
        keys,
        r#"p.key in (select r.from_key from party h join register_role r on r.to_key = h.key join role on role.key = r.role_id
                     where h.uuid = $1 and role.code = $2) order by p.uuid"#,
        holder,
        role_code
    )
}

/// Parties that hold a register role of this party.
pub async fn holders(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    giver: Uuid,
    role_code: &str,
) -> Result<Vec<PartyDetails>, DbError> {
    details_where!(
        db,
        keys,
        r#"p.key in (select r.to_key from party g join register_role r on r.from_key = g.key join role on role.key = r.role_id
                     where g.uuid = $1 and role.code = $2) order by p.uuid"#,
        giver,
        role_code
    )
}

/// Main units of these parties, by uuid.
pub async fn main_units(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    of: &[i32],
) -> Result<Vec<PartyDetails>, DbError> {
    details_where!(
        db,
        keys,
        "p.key in (select parent_key from party where key = any($1)) order by p.uuid",
        of
    )
}

/// A register role that a party holds of another.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct HeldRegisterRole {
    pub provider: String,
    pub code: String,
    pub from: Uuid,
    pub to: Uuid,
}

/// Register roles that others hold of a party, by role and holder.
pub async fn register_roles(
    db: &mut PgConnection,
    giver: Uuid,
) -> Result<Vec<HeldRegisterRole>, DbError> {
    Ok(sqlx::query_as!(
        HeldRegisterRole,
        r#"select role.provider, role.code, g.uuid as "from!", h.uuid as "to!"
           from party g join register_role r on r.from_key = g.key join role on role.key = r.role_id join party h on h.key = r.to_key
           where g.uuid = $1 order by role.code, h.uuid"#,
        giver
    )
    .fetch_all(db)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name() {
        let uuid = Uuid::from_u128(7);
        for attribute in ["party", "person", "organization", "systemuser", "user"] {
            assert_eq!(
                PartyRef::from_urn(&format!("urn:altinn:{attribute}:uuid:{uuid}")),
                Some(PartyRef::Uuid(uuid))
            );
        }
        assert_eq!(
            PartyRef::from_urn("urn:altinn:partyid:52"),
            PartyRef::from_urn("urn:altinn:party:id:52")
        );
        assert_eq!(
            PartyRef::from_urn("urn:altinn:userid:52"),
            Some(PartyRef::UserId(52))
        );
        assert!(matches!(
            PartyRef::from_urn("urn:altinn:organizationnumber:390326572"),
            Some(PartyRef::Organization(_))
        ));
        for wrong in [
            "",
            "390326572",
            "urn:altinn:partyid:-1",
            "urn:altinn:partyid:+1",
            "urn:altinn:party:id: 1",
            "urn:altinn:party:id:99999999999",
            "urn:altinn:organization:identifier-no:39032657",
            "urn:altinn:person:identifier-no:x",
            "urn:altinn:resource:x",
            "urn:altinn:party:uuid:x",
        ] {
            assert_eq!(PartyRef::from_urn(wrong), None, "{wrong}");
        }
    }
}
