//! How two parties stand to each other, in one round trip: who they are, and every relation that counts.

use chrono::NaiveDate;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Connection, IdentityKeys, Party, PartyKind, PartyRef, PartyStatus, Via};
use crate::{db::DbError, packages::VariantKey};

/// One of the ways to find a party, ready for a query.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    uuid: Option<Uuid>,
    party_id: Option<i32>,
    user_id: Option<i32>,
    org_number: Option<String>,
    person_id_hmac: Option<Vec<u8>>,
}

impl Lookup {
    /// By what names it.
    #[must_use]
    pub fn of(name: &PartyRef, keys: &IdentityKeys) -> Self {
        let mut out = Self::default();
        match name {
            PartyRef::Uuid(uuid) => out.uuid = Some(*uuid),
            PartyRef::PartyId(id) => out.party_id = Some(*id),
            PartyRef::UserId(id) => out.user_id = Some(*id),
            PartyRef::Organization(number) => out.org_number = Some(number.to_string()),
            PartyRef::Person(id) => out.person_id_hmac = Some(keys.index(id)),
            PartyRef::Nobody => {}
        }
        out
    }
}

impl From<Uuid> for Lookup {
    fn from(uuid: Uuid) -> Self {
        Self { uuid: Some(uuid), ..Self::default() }
    }
}

/// How a subject stands to a reportee.
#[derive(Debug, Default)]
pub struct Standing {
    /// The subject, when it is known.
    pub subject: Option<Party>,
    /// The reportee, when it is known.
    pub reportee: Option<Party>,
    /// Every relation that counts: direct, by key role, handed on; from the reportee, its main unit, or a sole
    /// proprietorship it owns.
    pub connections: Vec<Connection>,
}

const SUBJECT: i32 = 0;
const REPORTEE: i32 = 1;

struct Row {
    what: i32,
    key: Option<i32>,
    uuid: Option<Uuid>,
    party_id: Option<i32>,
    kind: Option<String>,
    form_id: Option<VariantKey>,
    status: Option<String>,
    org_number: Option<String>,
    user_id: Option<i32>,
    parent_key: Option<i32>,
    name: Option<String>,
    death_date: Option<NaiveDate>,
    main_unit: bool,
    own_firm: bool,
    role: Option<i16>,
    key_role: Option<i16>,
    key_form: Option<i16>,
    client: bool,
    packages: Option<Vec<i16>>,
    rights: Option<Value>,
}

impl Row {
    fn party(self) -> Option<Party> {
        Some(Party {
            key: self.key?,
            uuid: self.uuid?,
            party_id: self.party_id,
            kind: PartyKind::from_stored(&self.kind?),
            form: self.form_id,
            status: PartyStatus::from_stored(&self.status?),
            org_number: self.org_number,
            user_id: self.user_id,
            parent_key: self.parent_key,
            name: self.name?,
            death_date: self.death_date,
        })
    }

    fn connection(self) -> Option<Connection> {
        let pair = |r: &Value| Some((r.get(0)?.as_str()?.to_owned(), r.get(1)?.as_str()?.to_owned()));
        Some(Connection {
            from_form: self.form_id,
            from_main_unit: self.main_unit,
            from_own_firm: self.own_firm,
            role: self.role?,
            via: match (self.client, self.key_role) {
                (true, _) => Via::Client,
                (false, Some(role)) => Via::KeyRole { role, form: self.key_form },
                (false, None) => Via::Direct,
            },
            packages: self.packages.unwrap_or_default(),
            rights: self.rights.as_ref().and_then(Value::as_array).map(|list| list.iter().filter_map(pair).collect()).unwrap_or_default(),
        })
    }
}

/// How a subject stands to a reportee, in one round trip.
///
/// # Errors
/// As the database says.
pub async fn standing(db: &mut PgConnection, subject: &Lookup, reportee: &Lookup) -> Result<Standing, DbError> {
    let rows = sqlx::query_as!(
        Row,
        r#"with /* hot path */ subject as materialized (
             select * from party where key = (
               select key from party where uuid = $1 union all select key from party where party_id = $2
               union all select key from party where user_id = $3 union all select key from party where org_number = $4
               union all select key from party where person_id_hmac = $5
               union all select key from person_former_id where person_id_hmac = $5 limit 1)
           ), reportee as materialized (
             select * from party where key = (
               select key from party where uuid = $6 union all select key from party where party_id = $7
               union all select key from party where user_id = $8 union all select key from party where org_number = $9
               union all select key from party where person_id_hmac = $10
               union all select key from person_former_id where person_id_hmac = $10 limit 1)
           ), source as materialized (
             select key, form_id, false as main_unit, false as own_firm from reportee
             union all
             select m.key, m.form_id, true, false from reportee r join party m on m.key = r.parent_key
             union all
             select firm.key, firm.form_id, false, true
             from reportee owner
             join register_role owns on owns.to_key = owner.key
             join role on role.key = owns.role_id and role.code = 'innehaver'
             join party firm on firm.key = owns.from_key
             join entity_variant form on form.key = firm.form_id and form.code = 'ENK'
             where owner.kind = 'person' and owner.death_date is null
               and (firm.deleted_at is null or firm.deleted_at > now() - interval '2 years')
           ), holder as materialized (
             select key, null::int2 as key_role, null::int2 as key_form from subject
             union all
             select k.from_key, k.role_id, o.form_id
             from subject s join register_role k on k.to_key = s.key join role on role.key = k.role_id and role.is_key_role
             join party o on o.key = k.from_key
           ), relation as materialized (
             select s.key as from_key, r.role_id, h.key_role, h.key_form, null::uuid as assignment_id, null::uuid as delegation_id
             from source s cross join holder h join register_role r on r.from_key = s.key and r.to_key = h.key
             union all
             select s.key, a.role_id, h.key_role, h.key_form, a.id, null
             from source s cross join holder h join assignment a on a.from_key = s.key and a.to_key = h.key
             union all
             select s.key, d.role_id, null, null, null, d.id
             from source s cross join subject u join client_delegation d on d.system_user_key = u.key and d.client_key = s.key)
           select 0 as "what!", key as "key?", uuid as "uuid?", party_id, kind as "kind?", form_id as "form_id?", status as "status?", org_number,
             user_id, parent_key, name as "name?", death_date, false as "main_unit!", false as "own_firm!", null::int2 as "role?",
             null::int2 as "key_role?", null::int2 as "key_form?", false as "client!", null::int2[] as "packages?", null::jsonb as "rights?"
           from subject
           union all
           select 1, key, uuid, party_id, kind, form_id, status, org_number, user_id, parent_key, name, death_date, false, false, null, null, null,
             false, null, null
           from reportee
           union all
           select 2, null, null, null, null, s.form_id, null, null, null, null, null, null, s.main_unit, s.own_firm, r.role_id, r.key_role, r.key_form,
             r.delegation_id is not null,
             case when r.assignment_id is not null then array(select package_id from assignment_package where assignment_id = r.assignment_id)
                  when r.delegation_id is not null then array(select package_id from client_delegation_package where delegation_id = r.delegation_id)
                  end,
             case when r.assignment_id is not null then
               (select jsonb_agg(jsonb_build_array(resource_id, action)) from assignment_right where assignment_id = r.assignment_id) end
           from relation r join source s on s.key = r.from_key"#,
        subject.uuid,
        subject.party_id,
        subject.user_id,
        subject.org_number,
        subject.person_id_hmac,
        reportee.uuid,
        reportee.party_id,
        reportee.user_id,
        reportee.org_number,
        reportee.person_id_hmac
    )
    .fetch_all(db)
    .await?;
    let mut out = Standing::default();
    for row in rows {
        match row.what {
            SUBJECT => out.subject = row.party(),
            REPORTEE => out.reportee = row.party(),
            _ => out.connections.extend(row.connection()),
        }
    }
    Ok(out)
}

/// Every relation that counts for a subject and a reportee.
///
/// # Errors
/// As the database says.
pub async fn connections(db: &mut PgConnection, subject: &Party, reportee: &Party) -> Result<Vec<Connection>, DbError> {
    Ok(standing(db, &subject.uuid.into(), &reportee.uuid.into()).await?.connections)
}
