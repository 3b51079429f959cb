//! Persons. Identity numbers are stored as blind index and ciphertext; nothing else of the file
//! holds one.

use std::borrow::Cow;

use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult};
use crate::import::{ImportContext, ImportMode, copy::CopyRows, findings::ImportFindings};
use foundation::{db::DbError, ids::NationalId};
use registers::parties::{IdentityKeys, IdentityKeysError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersonLine<'a> {
    #[serde(borrow)]
    person_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    first_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    middle_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    last_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    birth_date: Option<Cow<'a, str>>,
    #[serde(borrow)]
    death_date: Option<Cow<'a, str>>,
    party_id: Option<i32>,
    party_uuid: Option<Uuid>,
    user_id: Option<i32>,
    #[serde(default)]
    replaces: Option<Vec<String>>,
}

/// Checks and stages a line.
pub fn stage(
    context: &ImportContext,
    line: u64,
    text: &[u8],
    rows: &mut CopyRows,
    findings: &mut ImportFindings,
) {
    let mut check = LineCheck::new(line, findings);
    let Some(parsed) = check.parse::<PersonLine<'_>>(text) else {
        return;
    };
    let id = check.required("personId", parsed.person_id.as_deref());
    let id = check.national_id(context, "personId", id);
    let first = check
        .required("firstName", parsed.first_name.as_deref())
        .trim();
    let last = check
        .required("lastName", parsed.last_name.as_deref())
        .trim();
    let middle = parsed
        .middle_name
        .as_deref()
        .map(str::trim)
        .filter(|m| !m.is_empty());
    let derived = id
        .as_ref()
        .and_then(foundation::ids::NationalId::birth_date);
    if id.is_some() && derived.is_none() {
        check.warn("DATE", "the identity number begins with no possible date");
    }
    let birth = check
        .date("birthDate", parsed.birth_date.as_deref())
        .or(derived);
    let death = check.date("deathDate", parsed.death_date.as_deref());
    let (party_id, user_id) = (
        check.positive("partyId", parsed.party_id),
        check.positive("userId", parsed.user_id),
    );
    let mut numbers = Vec::new();
    for earlier in parsed.replaces.iter().flatten() {
        numbers.extend(check.national_id(context, "replaces", earlier));
    }
    let Some(id) = id.filter(|_| check.is_good()) else {
        return;
    };
    let former = former(&context.identity, &id, &numbers);
    let (Ok(sealed), Ok((former, former_sealed))) = (context.identity.encrypt(&id), former) else {
        check.wrong(
            "personId",
            "ENCRYPTION",
            "the number could not be encrypted",
        );
        return;
    };
    rows.row()
        .line(line)
        .bytes(&context.identity.index(&id))
        .bytes(&sealed)
        .list_of_bytes(&former)
        .list_of_bytes(&former_sealed)
        .text(first)
        .optional_text(middle)
        .text(last)
        .optional_date(birth)
        .optional_date(death)
        .optional_integer(party_id)
        .optional_uuid(parsed.party_uuid)
        .optional_integer(user_id);
}

type IndexValues = Vec<Vec<u8>>;

/// Index values by which a person is found besides the present one, each with its number encrypted: of
/// earlier numbers, and of all numbers by the key before.
fn former(
    keys: &IdentityKeys,
    id: &NationalId,
    numbers: &[NationalId],
) -> Result<(IndexValues, IndexValues), IdentityKeysError> {
    let (mut values, mut sealed) = (Vec::new(), Vec::new());
    for number in numbers {
        values.push(keys.index(number));
        sealed.push(keys.encrypt(number)?);
    }
    for number in numbers.iter().chain([id]) {
        for value in keys.earlier_indexes(number) {
            values.push(value);
            sealed.push(keys.encrypt(number)?);
        }
    }
    Ok((values, sealed))
}

/// Finds out which stored person each line is about.
async fn resolve(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"update staging.person s set key = f.key from (
             select s.line, min(p.key) as key from (
               select line, hmac from staging.person union all select line, unnest(former) from staging.person where former <> '{}') s
             join (select person_id_hmac, key from party where person_id_hmac is not null
                   union all select person_id_hmac, key from person_former_id) p on p.person_id_hmac = s.hmac
             group by s.line) f where f.line = s.line"#
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Findings that need all lines together and what is stored. Repetitions with the same content are
/// dropped.
async fn check_together(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into staging.finding (line, member, code, reason)
           select line, 'personId', 'DUPLICATE', 'this person has other values in line ' || first
           from (select s.*, first_value(line) over w as first,
                   row(first_name, middle_name, last_name, birth_date, death_date, party_id, party_uuid, user_id)::text as said,
                   first_value(row(first_name, middle_name, last_name, birth_date, death_date, party_id, party_uuid, user_id)::text) over w as first_said
                 from staging.person s window w as (partition by hmac order by line)) d
           where line <> first and said <> first_said
           union all
           select s.line, 'replaces', 'CONFLICT', 'an earlier number belongs to another person'
           from (select line, key, unnest(former) as hmac from staging.person where former <> '{}') s
           join party p on p.person_id_hmac = s.hmac where p.key <> s.key
           union all
           select s.line, 'replaces', 'CONFLICT', 'the earlier and the present number belong to two persons' from staging.person s
           join party p on p.person_id_hmac = s.hmac where p.key <> s.key
           union all
           select max(line), 'replaces', 'CONFLICT', 'two lines are about the same person' from staging.person
           where key is not null group by key having count(distinct hmac) > 1
           union all
           select s.line, 'partyId', 'CONFLICT', 'this person has another party id' from staging.person s
           join party p on p.key = s.key where s.party_id is not null and p.party_id <> s.party_id
           union all
           select s.line, 'partyUuid', 'CONFLICT', 'this person has another uuid' from staging.person s
           join party p on p.key = s.key where s.party_uuid is not null and p.uuid <> s.party_uuid
           union all
           select s.line, 'partyId', 'CONFLICT', 'party id ' || s.party_id || ' belongs to another party' from staging.person s
           join party p on p.party_id = s.party_id where p.key is distinct from s.key
           union all
           select s.line, 'partyUuid', 'CONFLICT', 'uuid ' || s.party_uuid || ' belongs to another party' from staging.person s
           join party p on p.uuid = s.party_uuid where p.key is distinct from s.key
           union all
           select s.line, 'userId', 'CONFLICT', 'user id ' || s.user_id || ' belongs to another party' from staging.person s
           join party p on p.user_id = s.user_id where p.key is distinct from s.key
           union all
           select max(line), 'partyId', 'CONFLICT', 'party id ' || party_id || ' is given twice' from staging.person
           where party_id is not null group by party_id having count(distinct hmac) > 1
           union all
           select max(line), 'partyUuid', 'CONFLICT', 'uuid ' || party_uuid || ' is given twice' from staging.person
           where party_uuid is not null group by party_uuid having count(distinct hmac) > 1
           union all
           select max(line), 'userId', 'CONFLICT', 'user id ' || user_id || ' is given twice' from staging.person
           where user_id is not null group by user_id having count(distinct hmac) > 1"#
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"delete from staging.person s using staging.person f where f.hmac = s.hmac and f.line < s.line
             and not exists (select from staging.finding g where g.line = s.line)"#
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Merges what is staged. Persons that a snapshot does not name stay.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    resolve(&mut *tx).await?;
    check_together(&mut *tx).await?;
    merge.apply_findings(&mut *tx).await?;
    let source = merge.options.source.as_str();
    let ended = end_relations_of_deceased(&mut *tx, source).await?;
    note_dropped(&mut *tx, merge).await?;
    let source = merge.options.source.as_str();
    let added = sqlx::query!(
        r#"with added as (
             insert into party (uuid, party_id, user_id, kind, person_id_hmac, person_id_enc, name, birth_date, death_date, source)
             select coalesce(party_uuid, gen_random_uuid()), coalesce(party_id, nextval('party_id_seq')::int),
               coalesce(user_id, nextval('user_id_seq')::int), 'person', hmac, enc, concat_ws(' ', first_name, middle_name, last_name),
               birth_date, death_date, $1
             from staging.person where key is null order by line returning key, person_id_hmac
           ), former as (
             insert into person_former_id (person_id_hmac, person_id_enc, key)
             select unnest(s.former), unnest(s.former_enc), a.key from staging.person s join added a on a.person_id_hmac = s.hmac
             where s.former <> '{}' on conflict do nothing
           ), named as (
             insert into person_name (key, first_name, middle_name, last_name)
             select a.key, s.first_name, s.middle_name, s.last_name from added a join staging.person s on s.hmac = a.person_id_hmac)
           insert into staging.touched select key from added"#,
        source
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let changed = sqlx::query_scalar!(
        r#"with incoming as materialized (
             select s.key, s.hmac, s.enc, s.former, s.former_enc, concat_ws(' ', s.first_name, s.middle_name, s.last_name) as name, s.first_name, s.middle_name,
               s.last_name, coalesce(s.birth_date, p.birth_date) as birth_date, s.death_date, coalesce(s.user_id, p.user_id) as user_id,
               p.person_id_hmac as old_hmac, p.person_id_enc as old_enc
             from staging.person s join party p on p.key = s.key
           ), replaced as (
             insert into person_former_id (person_id_hmac, person_id_enc, key)
             select distinct on (f.hmac) f.hmac, f.enc, f.key from (
               select unnest(former) as hmac, unnest(former_enc) as enc, key from incoming where former <> '{}'
               union all select old_hmac, old_enc, key from incoming where old_hmac <> hmac) f
             on conflict (person_id_hmac) do update set person_id_enc = excluded.person_id_enc
             where person_former_id.person_id_enc is null and person_former_id.key = excluded.key
             returning key
           ), named as (
             insert into person_name (key, first_name, middle_name, last_name) select key, first_name, middle_name, last_name from incoming
             on conflict (key) do update
               set first_name = excluded.first_name, middle_name = excluded.middle_name, last_name = excluded.last_name
             where (person_name.first_name, person_name.middle_name, person_name.last_name)
               is distinct from (excluded.first_name, excluded.middle_name, excluded.last_name)
             returning key
           ), changed as (
             update party p set person_id_hmac = t.hmac, person_id_enc = case when p.person_id_hmac = t.hmac then p.person_id_enc else t.enc end,
               name = t.name, birth_date = t.birth_date, death_date = t.death_date, user_id = t.user_id, source = $1, updated_at = service_now()
             from incoming t where p.key = t.key
               and (p.person_id_hmac, p.name, p.birth_date, p.death_date, p.user_id, p.source)
                 is distinct from (t.hmac, t.name, t.birth_date, t.death_date, t.user_id, $1)
             returning p.key
           ), touched as (
             select key from changed union select key from named union select key from replaced
           ), noted as (insert into staging.touched select key from touched on conflict do nothing)
           select count(*) as "count!" from touched"#,
        source
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(MergeCounts {
        added,
        changed: changed.unsigned_abs(),
        ended,
    })
}

/// Stores since when the register does not name a person any more, for those who hold nothing and
/// are deleted some time later. A file that leaves out more than a snapshot may end is not
/// believed.
async fn note_dropped(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult<()> {
    sqlx::query!(
        "update party p set dropped_at = null from staging.person s where p.key = s.key and p.dropped_at is not null"
    )
    .execute(&mut *tx)
    .await?;
    if merge.options.mode == ImportMode::Delta {
        return Ok(());
    }
    let source = merge.options.source.as_str();
    let counted = sqlx::query!(
        r#"select count(*) as "all!", count(*) filter (where s.line is null) as "absent!"
           from party p left join staging.person s on s.key = p.key
           where p.kind = 'person' and p.source = $1 and p.dropped_at is null"#,
        source
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Err(shrink) = merge.guard_shrink(counted.absent, counted.all) {
        merge.findings.warn(1, "NOT_DROPPED", shrink.to_string());
        return Ok(());
    }
    sqlx::query!(
        r#"update party p set dropped_at = service_now()
           where p.kind = 'person' and p.source = $1 and p.dropped_at is null
             and not exists (select from staging.person s where s.key = p.key)"#,
        source
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends what people who have died gave and got: right-holder and agent relations, with all that
/// depends on them.
async fn end_relations_of_deceased(tx: &mut PgConnection, source: &str) -> Result<u64, DbError> {
    let actor = format!("import:{source}");
    Ok(sqlx::query!(
        r#"with deceased as materialized (
             select p.key from staging.person s join party p on p.key = s.key where s.death_date is not null and p.death_date is null
           ), revoked as (
             delete from client_delegation d using deceased
             where d.client_key = deceased.key or d.facilitator_key = deceased.key or d.system_user_key = deceased.key
             returning d.id, d.system_user_key, d.client_key
           ), noted as (
             insert into staging.unhanded select distinct system_user_key, client_key from revoked on conflict do nothing
           ), ended as (
             delete from assignment a using deceased, role r
             where r.key = a.role_id and r.code in ('rettighetshaver', 'agent') and (a.from_key = deceased.key or a.to_key = deceased.key)
             returning a.id, a.from_key, a.to_key
           ), trail as (
             insert into audit_log (instance, actor_kind, client_id, action, object_kind, object_id, outcome, detail)
             select $2, 'operator', $1, 'delegation.ended', 'client-delegation', id::text, 'ok', '{"reason": "death"}'::jsonb from revoked
             union all
             select $2, 'operator', $1, 'assignment.ended', 'assignment', id::text, 'ok', '{"reason": "death"}'::jsonb from ended
           ), touched as (
             insert into staging.touched
             select system_user_key from revoked union select client_key from revoked union select from_key from ended union select to_key from ended
             on conflict do nothing)
           select id from revoked union all select id from ended"#,
        actor,
        foundation::audit::instance()
    )
    .fetch_all(tx)
    .await?
    .len() as u64)
}
