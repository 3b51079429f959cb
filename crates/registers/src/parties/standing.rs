//! The connections between two parties, in one round trip: who they are, and every relation that
//! counts.

use chrono::NaiveDate;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Connection, IdentityKeys, Party, PartyKind, PartyRef, PartyStatus, SingleRight, Via};
use crate::packages::VariantKey;
use foundation::{db::DbError, ids::OrgNumber};

/// Names of one party, ready for a query. When there are several they ought to mean the same one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PartyLookupKey {
    uuid: Option<Uuid>,
    party_id: Option<i32>,
    user_id: Option<i32>,
    org_number: Option<OrgNumber>,
    person: Option<[u8; 32]>,
}

impl PartyLookupKey {
    /// By what names it.
    #[must_use]
    pub fn of(name: &PartyRef, keys: &IdentityKeys) -> Self {
        let mut out = Self::default();
        out.add(name, keys);
        out
    }

    /// And by another name.
    pub fn add(&mut self, name: &PartyRef, keys: &IdentityKeys) {
        match name {
            PartyRef::Uuid(uuid) => self.uuid = Some(*uuid),
            PartyRef::PartyId(id) => self.party_id = Some(*id),
            PartyRef::UserId(id) => self.user_id = Some(*id),
            PartyRef::Organization(number) => self.org_number = Some(*number),
            PartyRef::Person(id) => self.person = keys.index(id).try_into().ok(),
            PartyRef::Unknown => {}
        }
    }

    /// No name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The uuid, when it is the only name.
    #[must_use]
    pub fn only_uuid(&self) -> Option<Uuid> {
        self.uuid.filter(|uuid| *self == Self::from(*uuid))
    }

    /// Whether every name but the identity number, which is not kept in clear, is this party's.
    #[must_use]
    pub fn fits(&self, party: &Party) -> bool {
        self.uuid.is_none_or(|uuid| uuid == party.uuid)
            && self.party_id.is_none_or(|id| Some(id) == party.party_id)
            && self.user_id.is_none_or(|id| Some(id) == party.user_id)
            && self
                .org_number
                .is_none_or(|number| Some(number.as_str()) == party.org_number.as_deref())
    }
}

impl From<Uuid> for PartyLookupKey {
    fn from(uuid: Uuid) -> Self {
        Self {
            uuid: Some(uuid),
            ..Self::default()
        }
    }
}

/// What the register of system users says about one.
#[derive(Debug, Clone)]
pub struct SystemUserState {
    /// Public id of its system.
    pub system_id: String,
    /// Party that owns it.
    pub owner: Uuid,
    /// Organisation number of the owner.
    pub owner_org: String,
    /// Neither it nor its system nor its owner is deleted.
    pub is_active: bool,
}

/// An access list that a party is on, with the resource it opens. An empty filter admits every
/// action.
#[derive(Debug, Clone)]
pub struct AccessListEntry {
    /// Identifier of the resource.
    pub resource: String,
    /// Actions it is for.
    pub actions: Vec<String>,
}

/// The connections between a subject and a reportee.
#[derive(Debug, Default)]
pub struct Standing {
    /// The subject, when it is known.
    pub subject: Option<Party>,
    /// The subject has the identity number it was looked for by, now or formerly, if it was.
    pub subject_has_number: bool,
    /// The reportee, when it is known.
    pub reportee: Option<Party>,
    /// As for the subject.
    pub reportee_has_number: bool,
    /// The subject's state, when it is a system user.
    pub system_user: Option<SystemUserState>,
    /// Every relation that counts: direct, by key role, delegated; from the reportee, its main
    /// unit, or a sole proprietorship it owns.
    pub connections: Vec<Connection>,
    /// Access lists that the reportee is on.
    pub listings: Vec<AccessListEntry>,
    /// Access lists that the subject is on, as `{owner}:{identifier}`; read only when no reportee is
    /// asked about.
    pub subject_lists: Vec<String>,
    /// Main unit of the reportee.
    pub main_unit: Option<Uuid>,
    /// Further parties that the connections lead through.
    pub through: Vec<Uuid>,
    /// Facilitators that delegated the reportee, its main unit or its own firm to the subject.
    pub facilitators: Vec<Uuid>,
}

const SUBJECT: i32 = 0;
const REPORTEE: i32 = 1;
const CONNECTION: i32 = 2;
const SUBJECT_LIST: i32 = 5;
const FACILITATOR: i32 = 6;

struct StandingRow {
    place: i32,
    what: i32,
    key: Option<i32>,
    uuid: Option<Uuid>,
    party_id: Option<i32>,
    kind: Option<PartyKind>,
    form_id: Option<VariantKey>,
    status: Option<PartyStatus>,
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
    system_id: Option<String>,
    owner: Option<Uuid>,
    owner_org: Option<String>,
    alive: Option<bool>,
    resource: Option<String>,
    actions: Option<Vec<String>>,
    /// Of the subject and the reportee: it has the identity number it was looked for by, if it was.
    has_number: Option<bool>,
}

impl StandingRow {
    fn party(self) -> Option<Party> {
        Some(Party {
            key: self.key?,
            uuid: self.uuid?,
            party_id: self.party_id,
            kind: self.kind?,
            form: self.form_id,
            status: self.status?,
            org_number: self.org_number,
            user_id: self.user_id,
            parent_key: self.parent_key,
            name: self.name?,
            death_date: self.death_date,
        })
    }

    fn system_user(&mut self) -> Option<SystemUserState> {
        Some(SystemUserState {
            system_id: self.system_id.take()?,
            owner: self.owner?,
            owner_org: self.owner_org.take()?,
            is_active: self.alive?,
        })
    }

    fn connection(self) -> Option<Connection> {
        Some(Connection {
            from_form: self.form_id,
            from_main_unit: self.main_unit,
            from_own_firm: self.own_firm,
            role: self.role?,
            via: match (self.client, self.key_role) {
                (true, _) => Via::Client,
                (false, Some(role)) => Via::KeyRole {
                    role,
                    form: self.key_form,
                },
                (false, None) => Via::Direct,
            },
            packages: self.packages.unwrap_or_default(),
            rights: self
                .rights
                .as_ref()
                .map(SingleRight::list)
                .unwrap_or_default(),
        })
    }
}

/// Lookups as a query takes them.
struct LookupColumns<'a> {
    uuids: Vec<Option<Uuid>>,
    party_ids: Vec<Option<i32>>,
    user_ids: Vec<Option<i32>>,
    org_numbers: Vec<Option<&'a str>>,
    persons: Vec<Option<&'a [u8]>>,
}

impl<'a> LookupColumns<'a> {
    fn of(lookups: &[&'a PartyLookupKey]) -> Self {
        Self {
            uuids: lookups.iter().map(|l| l.uuid).collect(),
            party_ids: lookups.iter().map(|l| l.party_id).collect(),
            user_ids: lookups.iter().map(|l| l.user_id).collect(),
            org_numbers: lookups
                .iter()
                .map(|l| l.org_number.as_ref().map(OrgNumber::as_str))
                .collect(),
            persons: lookups
                .iter()
                .map(|l| l.person.as_ref().map(<[u8; 32]>::as_slice))
                .collect(),
        }
    }
}

/// The connections between a subject and a reportee, in one round trip.
pub async fn standing(
    db: &mut PgConnection,
    subject: &PartyLookupKey,
    reportee: &PartyLookupKey,
) -> Result<Standing, DbError> {
    let mut all = standings(db, &[(subject, reportee)]).await?;
    Ok(all.pop().unwrap_or_default())
}

/// The connections between each subject and its reportee, in order, all of it in one round trip and
/// as of one instant.
pub async fn standings(
    db: &mut PgConnection,
    pairs: &[(&PartyLookupKey, &PartyLookupKey)],
) -> Result<Vec<Standing>, DbError> {
    let (subjects, reportees): (Vec<&PartyLookupKey>, Vec<&PartyLookupKey>) =
        pairs.iter().copied().unzip();
    let (subjects, reportees) = (LookupColumns::of(&subjects), LookupColumns::of(&reportees));
    let rows = sqlx::query_as!(
        StandingRow,
        r#"select asked.place::int as "place!", found.what as "what!", found.key as "key?", found.uuid as "uuid?", found.party_id as "party_id?",
             found.kind as "kind?: PartyKind", found.form_id as "form_id?", found.status as "status?: PartyStatus", found.org_number as "org_number?",
             found.user_id as "user_id?", found.parent_key as "parent_key?", found.name as "name?", found.death_date as "death_date?",
             found.main_unit as "main_unit!", found.own_firm as "own_firm!", found.role as "role?", found.key_role as "key_role?",
             found.key_form as "key_form?", found.client as "client!", found.packages as "packages?: Vec<i16>", found.rights as "rights?",
             found.system_id as "system_id?", found.owner as "owner?", found.owner_org as "owner_org?", found.alive as "alive?",
             found.resource as "resource?", found.actions as "actions?: Vec<String>", found.has_number as "has_number?"
           from unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::bytea[], $6::uuid[], $7::int[], $8::int[], $9::text[], $10::bytea[])
             with ordinality as asked(s_uuid, s_party, s_user, s_org, s_person, r_uuid, r_party, r_user, r_org, r_person, place)
           cross join lateral (
           with /* hot path */ subject as materialized (
             select * from party where key = (
               select key from party where uuid = s_uuid union all select key from party where party_id = s_party
               union all select key from party where user_id = s_user union all select key from party where org_number = s_org
               union all select key from party where person_id_hmac = s_person
               union all select key from person_former_id where person_id_hmac = s_person limit 1)
           ), reportee as materialized (
             select * from party where key = (
               select key from party where uuid = r_uuid union all select key from party where party_id = r_party
               union all select key from party where user_id = r_user union all select key from party where org_number = r_org
               union all select key from party where person_id_hmac = r_person
               union all select key from person_former_id where person_id_hmac = r_person limit 1)
           ), owned as materialized (
             select firm.key, firm.form_id,
               owner.death_date is null and coalesce(form.code = 'ENK', false)
                 and (firm.deleted_at is null or firm.deleted_at > service_now() - interval '2 years') as counts
             from reportee owner
             join register_role owns on owns.to_key = owner.key
             join role on role.key = owns.role_id and role.code = 'innehaver'
             join party firm on firm.key = owns.from_key
             left join entity_variant form on form.key = firm.form_id
             where owner.kind = 'person'
           ), source as materialized (
             select key, form_id, false as main_unit, false as own_firm from reportee
             union all
             select m.key, m.form_id, true, false from reportee r join party m on m.key = r.parent_key
             union all
             select key, form_id, false, true from owned where counts
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
             from source s cross join subject u join client_delegation d on d.system_user_key = u.key and d.client_key = s.key
             join party f on f.key = d.facilitator_key and f.status <> 'deleted' and f.death_date is null)
           select 0 as what, p.key, p.uuid, p.party_id, p.kind, p.form_id, p.status, p.org_number, p.user_id, p.parent_key, p.name, p.death_date,
             false as main_unit, false as own_firm, null::int2 as role, null::int2 as key_role, null::int2 as key_form, false as client,
             null::int2[] as packages, null::jsonb as rights, s.system_id, o.uuid as owner, o.org_number as owner_org,
             not u.is_deleted and not s.is_deleted and o.status <> 'deleted' as alive, null::text as resource, null::text[] as actions,
             s_person is null or p.person_id_hmac is not distinct from s_person
               or exists (select from person_former_id f where f.person_id_hmac = s_person and f.key = p.key) as has_number
           from subject p left join "system_user" u on u.id = p.uuid left join system s on s.system_internal_id = u.system_internal_id
           left join party o on o.key = u.owner_key
           union all
           select 1, r.key, uuid, party_id, kind, form_id, status, org_number, user_id, parent_key, name, death_date, false, false, null, null, null,
             false, null, null, null, null, null, null, null, null,
             r_person is null or r.person_id_hmac is not distinct from r_person
               or exists (select from person_former_id f where f.person_id_hmac = r_person and f.key = r.key)
           from reportee r
           union all
           select 2, null, null, null, null, s.form_id, null, null, null, null, null, null, s.main_unit, s.own_firm, r.role_id, r.key_role, r.key_form,
             r.delegation_id is not null,
             case when r.assignment_id is not null then array(select package_id from assignment_package where assignment_id = r.assignment_id)
                  when r.delegation_id is not null then array(select package_id from client_delegation_package where delegation_id = r.delegation_id)
                  end,
             case when r.assignment_id is not null then
               (select jsonb_agg(jsonb_build_array(resource_id, action, extra, assignment_id)) from assignment_right where assignment_id = r.assignment_id)
                  when r.delegation_id is not null then
               (select jsonb_agg(jsonb_build_array(g.resource_id, g.action, g.extra, g.assignment_id))
                from client_delegation_resource k join client_delegation d on d.id = k.delegation_id
                join assignment a on a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id
                join assignment_right g on g.assignment_id = a.id and g.resource_id = k.resource_id
                where k.delegation_id = r.delegation_id) end,
             null, null, null, null, null, null, null
           from relation r join source s on s.key = r.from_key
           union all
           select 3, null, null, null, null, null, null, null, null, null, null, null, false, false, null, null, null, false, null, null,
             null, null, null, null, c.resource, c.action_filters, null
           from reportee r join access_list_member m on m.party_key = r.key join access_list_connection c on c.list = m.list
           union all
           select 4, null, p.uuid, null, null, null, null, null, null, null, null, null, t.main_unit, false, null, null, null, false, null, null,
             null, null, null, null, null, null, null
           from (select key, main_unit from source union select key, false from holder union select key, false from owned) t
           join party p on p.key = t.key
           union all
           select 5, null, null, null, null, null, null, null, null, null, null, null, false, false, null, null, null, false, null, null,
             null, null, null, null, l.owner_orgcode || ':' || l.identifier, null, null
           from subject s join access_list_member m on m.party_key = s.key join access_list l on l.id = m.list
           where r_uuid is null and r_party is null and r_user is null and r_org is null and r_person is null
           union all
           select 6, null, f.uuid, null, null, null, null, null, null, null, null, null, false, false, null, null, null, false, null, null,
             null, null, null, null, null, null, null
           from source s cross join subject u join client_delegation d on d.system_user_key = u.key and d.client_key = s.key
           join party f on f.key = d.facilitator_key) found"#,
        &subjects.uuids as &[Option<Uuid>],
        &subjects.party_ids as &[Option<i32>],
        &subjects.user_ids as &[Option<i32>],
        &subjects.org_numbers as &[Option<&str>],
        &subjects.persons as &[Option<&[u8]>],
        &reportees.uuids as &[Option<Uuid>],
        &reportees.party_ids as &[Option<i32>],
        &reportees.user_ids as &[Option<i32>],
        &reportees.org_numbers as &[Option<&str>],
        &reportees.persons as &[Option<&[u8]>],
    )
    .fetch_all(db)
    .await?;
    let mut out: Vec<Standing> = pairs.iter().map(|_| Standing::default()).collect();
    for mut row in rows {
        let Some(standing) = usize::try_from(row.place - 1)
            .ok()
            .and_then(|place| out.get_mut(place))
        else {
            continue;
        };
        match row.what {
            SUBJECT => {
                standing.system_user = row.system_user();
                standing.subject_has_number = row.has_number == Some(true);
                standing.subject = row.party();
            }
            REPORTEE => {
                standing.reportee_has_number = row.has_number == Some(true);
                standing.reportee = row.party();
            }
            CONNECTION => standing.connections.extend(row.connection()),
            SUBJECT_LIST => standing.subject_lists.extend(row.resource),
            FACILITATOR => standing.facilitators.extend(row.uuid),
            _ => match (row.resource, row.uuid) {
                (Some(resource), _) => standing.listings.push(AccessListEntry {
                    resource,
                    actions: row.actions.unwrap_or_default(),
                }),
                (None, uuid) => {
                    if row.main_unit {
                        standing.main_unit = uuid;
                    }
                    standing.through.extend(uuid);
                }
            },
        }
    }
    Ok(out)
}

/// Every relation that counts for a subject and a reportee; none for a subject that is deceased or
/// deleted.
pub async fn connections(
    db: &mut PgConnection,
    subject: &Party,
    reportee: &Party,
) -> Result<Vec<Connection>, DbError> {
    if subject.is_gone() {
        return Ok(Vec::new());
    }
    Ok(standing(db, &subject.uuid.into(), &reportee.uuid.into())
        .await?
        .connections)
}
