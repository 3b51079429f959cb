//! Register roles: who holds what for whom.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::Deserialize;
use sqlx::PgConnection;

use super::check::LineCheck;
use crate::import::{ImportContext, copy::CopyRows, findings::ImportFindings};
use crate::import::{
    ImportFormat, ImportMode, PersonMatch,
    merge::{Merge, MergeCounts, MergeResult},
};
use foundation::db::DbError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleLine<'a> {
    #[serde(borrow)]
    from: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_person: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_org: Option<Cow<'a, str>>,
    #[serde(borrow)]
    valid_from: Option<Cow<'a, str>>,
    #[serde(borrow)]
    op: Option<Cow<'a, str>>,
}

/// Checks and stages a line.
pub fn stage(
    context: &ImportContext,
    mode: ImportMode,
    line: u64,
    text: &[u8],
    rows: &mut CopyRows,
    findings: &mut ImportFindings,
) {
    let mut check = LineCheck::new(line, findings);
    let Some(parsed) = check.parse::<RoleLine<'_>>(text) else {
        return;
    };
    let from = check.required("from", parsed.from.as_deref());
    let from = check.org_number("from", from);
    let code = check.required("role", parsed.role.as_deref());
    let role = context.catalogue.role_by_register_code(code).map(|r| r.key);
    if role.is_none() && !code.trim().is_empty() {
        check.wrong(
            "role",
            "UNKNOWN_ROLE",
            format!("{code} is no code of a register role"),
        );
    }
    let to_org = parsed
        .to_org
        .as_deref()
        .and_then(|t| check.org_number("toOrg", t));
    let to_person = parsed
        .to_person
        .as_deref()
        .and_then(|t| check.national_id(context, "toPerson", t));
    if parsed.to_org.is_some() == parsed.to_person.is_some() {
        check.wrong(
            "toPerson",
            "REQUIRED",
            "exactly one of toPerson and toOrg is required",
        );
    }
    if from.is_some() && from == to_org {
        check.wrong("toOrg", "SELF", "no party holds a register role for itself");
    }
    let valid_from = check.date("validFrom", parsed.valid_from.as_deref());
    let ends = match (parsed.op.as_deref(), mode) {
        (None | Some("add"), _) => false,
        (Some("end"), ImportMode::Delta) => true,
        (Some("end"), ImportMode::Snapshot) => {
            check.wrong("op", "OPERATION", "only a delta ends what it names");
            false
        }
        (Some(word), _) => {
            check.wrong("op", "OPERATION", format!("{word} is neither add nor end"));
            false
        }
    };
    let (Some(from), Some(role)) = (from, role) else {
        return;
    };
    if check.is_good() {
        let hmac = to_person.map(|id| context.identity.index(&id));
        let holder = RoleHolder {
            org: to_org.as_ref().map(foundation::ids::OrgNumber::as_str),
            hmac: hmac.as_deref(),
            ..RoleHolder::default()
        };
        write(rows, line, from.as_str(), role, &holder, valid_from, ends);
    }
}

/// Who holds a role: an organisation, a person by blind index, or a person by name and birth date.
#[derive(Debug, Default)]
pub struct RoleHolder<'a> {
    pub org: Option<&'a str>,
    pub hmac: Option<&'a [u8]>,
    pub name: Option<&'a str>,
    pub birth: Option<NaiveDate>,
}

/// Stages a role.
pub fn write(
    rows: &mut CopyRows,
    line: u64,
    from: &str,
    role: i16,
    holder: &RoleHolder<'_>,
    valid_from: Option<NaiveDate>,
    ends: bool,
) {
    rows.row()
        .line(line)
        .text(from)
        .small(role)
        .optional_text(holder.org)
        .optional_bytes(holder.hmac)
        .optional_text(holder.name)
        .optional_date(holder.birth)
        .optional_date(valid_from)
        .flag(ends);
}

/// What a contact person is besides, by organisation form. Ending the contact person ends all of
/// them.
const DERIVED: [(&str, &str); 5] = [
    ("KOMM", "KOMK"),
    ("FYLK", "KOMK"),
    ("REV", "SREVA"),
    ("NUF", "KNUF"),
    ("ADOS", "KEMN"),
];

/// Open data is never quite whole: roles of unknown parties are counted and left out.
async fn leave_unknown_parties(
    tx: &mut PgConnection,
    merge: &mut Merge<'_>,
) -> Result<(), DbError> {
    let left_out = sqlx::query!(
        r#"with unknown as (
             delete from staging.role s where not exists (select from party p where p.org_number = s.from_org)
               or (s.to_org is not null and not exists (select from party p where p.org_number = s.to_org))
               or (s.to_hmac is not null and not exists (select from party p where p.person_id_hmac = s.to_hmac)
                 and not exists (select from person_former_id f where f.person_id_hmac = s.to_hmac))
             returning line, from_org)
           select count(*) as "count!", min(line) as line, min(from_org) as from_org from unknown"#
    )
    .fetch_one(tx)
    .await?;
    if let (Some(line), Some(from)) = (left_out.line, left_out.from_org) {
        let reason = format!(
            "{} roles are left out, since the unit or the holder is not known; such as one of {from}",
            left_out.count
        );
        merge
            .findings
            .warn(line.unsigned_abs(), "UNKNOWN_PARTY", reason);
    }
    Ok(())
}

/// Turns numbers into keys. Unknown parties are findings.
async fn resolve(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult<()> {
    if merge.options.format == ImportFormat::BrregRoles {
        leave_unknown_parties(&mut *tx, merge).await?;
    }
    sqlx::query!(
        r#"insert into staging.finding (line, member, code, reason)
           select line, 'from', 'UNKNOWN_PARTY', 'organisation ' || from_org || ' is not known' from staging.role s
           where not exists (select from party p where p.org_number = s.from_org)
           union all
           select line, 'toOrg', 'UNKNOWN_PARTY', 'organisation ' || to_org || ' is not known' from staging.role s
           where to_org is not null and not exists (select from party p where p.org_number = s.to_org)
           union all
           select line, 'toPerson', 'UNKNOWN_PARTY', 'this person is not known' from staging.role s
           where to_hmac is not null and not exists (select from party p where p.person_id_hmac = s.to_hmac)
             and not exists (select from person_former_id f where f.person_id_hmac = s.to_hmac)
           union all
           select max(line), 'toOrg', 'PARENT', 'sub-unit ' || from_org || ' has two main units' from staging.role s
           join role r on r.key = s.role_id and r.code in ('hovedenhet', 'ikke-naeringsdrivende-hovedenhet')
           where not ends group by from_org having count(distinct to_org) > 1"#
    )
    .execute(&mut *tx)
    .await?;
    merge.apply_findings(&mut *tx).await?;
    let by_name = merge.options.person_match == PersonMatch::Unique;
    let catalogue = &merge.context.catalogue;
    let contact = catalogue.role_by_register_code("KONT").map(|r| r.key);
    let derived: Vec<(&str, i16)> = DERIVED
        .iter()
        .filter_map(|(form, code)| Some((*form, catalogue.role_by_register_code(code)?.key)))
        .collect();
    let (forms, roles): (Vec<String>, Vec<i16>) =
        derived.into_iter().map(|(f, r)| (f.to_owned(), r)).unzip();
    sqlx::query!("delete from staging.relation")
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        r#"with holder as (
             select s.*, coalesce(o.key, p.key, f.key, n.key) as to_key
             from staging.role s
             left join party o on o.org_number = s.to_org
             left join party p on p.person_id_hmac = s.to_hmac
             left join person_former_id f on f.person_id_hmac = s.to_hmac
             left join lateral (
               select min(p.key) as key from party p
               where $4 and s.to_name is not null and p.kind = 'person' and p.death_date is null and p.birth_date = s.to_birth
                 and staging.folded(p.name) = staging.folded(s.to_name) having count(*) = 1) n on true
           ), incoming as (
             select g.key as from_key, h.role_id, h.to_key, h.valid_from, h.ends, v.code as form
             from holder h join party g on g.org_number = h.from_org left join entity_variant v on v.key = g.form_id where h.to_key is not null)
           insert into staging.relation (from_key, role_id, to_key, valid_from, ends)
           select distinct on (from_key, role_id, to_key) * from (
             select from_key, role_id, to_key, valid_from, ends from incoming
             union all
             select t.from_key, d.role, t.to_key, t.valid_from, t.ends
             from incoming t join unnest($1::text[], $2::int2[]) as d(form, role) on t.ends or d.form = t.form where t.role_id = $3) r
           order by from_key, role_id, to_key, ends, valid_from nulls last"#,
        &forms,
        &roles,
        contact,
        by_name
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query("analyze staging.relation").execute(tx).await?;
    Ok(())
}

/// Merges what is staged. With a role ends what rests on it.
///
/// # Errors
/// The database fails, or more would be deleted than the limit allows.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    resolve(&mut *tx, merge).await?;
    let source = merge.options.source.as_str();
    let snapshot = merge.options.mode == ImportMode::Snapshot;
    if snapshot {
        let counted = sqlx::query!(
            r#"select count(*) as "all!", count(*) filter (where s.from_key is null) as "absent!" from register_role r
               left join staging.relation s on s.from_key = r.from_key and s.role_id = r.role_id and s.to_key = r.to_key where r.source = $1"#,
            source
        )
        .fetch_one(&mut *tx)
        .await?;
        merge.guard_shrink(counted.absent, counted.all)?;
    }
    let ended = end(&mut *tx, source, snapshot).await?;
    let counted = sqlx::query!(
        r#"with stored as (
             insert into register_role (from_key, role_id, to_key, source, valid_from)
             select s.from_key, s.role_id, s.to_key, $1, s.valid_from from staging.relation s where not s.ends
             on conflict (from_key, role_id, to_key) do update
               set source = excluded.source, valid_from = coalesce(excluded.valid_from, register_role.valid_from)
             where register_role.source <> excluded.source
               or (excluded.valid_from is not null and register_role.valid_from is distinct from excluded.valid_from)
             returning from_key, to_key, xmax = 0 as is_new
           ), touched as (
             insert into staging.touched select from_key from stored union select to_key from stored on conflict do nothing)
           select count(*) filter (where is_new) as "added!", count(*) filter (where not is_new) as "changed!" from stored"#,
        source
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!(
        r#"with main as (
             select r.from_key, r.to_key from staging.relation s
             join register_role r on r.from_key = s.from_key and r.role_id = s.role_id and r.to_key = s.to_key
             join role on role.key = r.role_id and role.code in ('hovedenhet', 'ikke-naeringsdrivende-hovedenhet')
           ), earlier as (
             delete from register_role e using main, role
             where e.from_key = main.from_key and e.to_key <> main.to_key and role.key = e.role_id
               and role.code in ('hovedenhet', 'ikke-naeringsdrivende-hovedenhet'))
           update party p set parent_key = main.to_key, updated_at = service_now() from main
           where p.key = main.from_key and p.parent_key is distinct from main.to_key"#
    )
    .execute(&mut *tx)
    .await?;
    if merge.options.format == ImportFormat::BrregRoles {
        keep_unresolved(&mut *tx, source).await?;
    }
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(MergeCounts {
        added: count(counted.added),
        changed: count(counted.changed),
        ended,
    })
}

/// Ends roles: those a delta names, or those a snapshot of their source does not. The client
/// delegations that rest on them end with them.
async fn end(tx: &mut PgConnection, source: &str, snapshot: bool) -> Result<u64, DbError> {
    sqlx::query!("delete from staging.gone")
        .execute(&mut *tx)
        .await?;
    let ended = if snapshot {
        sqlx::query!(
            r#"with gone as (
                 delete from register_role r where r.source = $1 and not exists (
                   select from staging.relation s where s.from_key = r.from_key and s.role_id = r.role_id and s.to_key = r.to_key)
                 returning r.from_key, r.role_id, r.to_key)
               insert into staging.gone select * from gone"#,
            source
        )
        .execute(&mut *tx)
        .await?
    } else {
        sqlx::query!(
            r#"with gone as (
                 delete from register_role r using staging.relation s
                 where s.ends and s.from_key = r.from_key and s.role_id = r.role_id and s.to_key = r.to_key
                 returning r.from_key, r.role_id, r.to_key)
               insert into staging.gone select * from gone"#
        )
        .execute(&mut *tx)
        .await?
    };
    if ended.rows_affected() == 0 {
        return Ok(0);
    }
    sqlx::query!(
        r#"with revoked as (
             delete from client_delegation d using staging.gone g
             where d.client_key = g.from_key and d.facilitator_key = g.to_key and d.role_id = g.role_id
             returning d.id, d.system_user_key, d.client_key
           ), trail as (
             insert into audit_log (instance, actor_kind, client_id, action, object_kind, object_id, party_org, outcome, detail)
             select $2, 'operator', $1, 'delegation.ended', 'client-delegation', h.id::text, c.org_number, 'ok', '{"reason": "role ended"}'
             from revoked h join party c on c.key = h.client_key
           ), noted as (
             insert into staging.unhanded select distinct system_user_key, client_key from revoked on conflict do nothing
           ), unlinked as (
             update party p set parent_key = null, updated_at = service_now() from staging.gone g join role r on r.key = g.role_id
             where p.key = g.from_key and p.parent_key = g.to_key and r.code in ('hovedenhet', 'ikke-naeringsdrivende-hovedenhet'))
           insert into staging.touched
           select from_key from staging.gone union select to_key from staging.gone union select system_user_key from revoked on conflict do nothing"#,
        format!("import:{source}"),
        foundation::audit::instance()
    )
    .execute(tx)
    .await?;
    Ok(ended.rows_affected())
}

/// Stores holders for whom no person was found: they are shown, and give no access.
async fn keep_unresolved(tx: &mut PgConnection, source: &str) -> Result<(), DbError> {
    sqlx::query!(
        r#"with incoming as materialized (
             select distinct g.key as org_key, s.role_id, s.to_name as name, s.to_birth as birth_date
             from staging.role s join party g on g.org_number = s.from_org
             where s.to_name is not null and s.to_birth is not null and not exists (
               select from staging.relation r join party p on p.key = r.to_key
               where r.from_key = g.key and r.role_id = s.role_id and p.birth_date = s.to_birth and staging.folded(p.name) = staging.folded(s.to_name))
           ), removed as (
             delete from unresolved_holder u where u.source = $1 and not exists (
               select from incoming t where (t.org_key, t.role_id, t.name, t.birth_date) = (u.org_key, u.role_id, u.name, u.birth_date)))
           insert into unresolved_holder (org_key, role_id, name, birth_date, source)
           select t.org_key, t.role_id, t.name, t.birth_date, $1 from incoming t where not exists (
             select from unresolved_holder u
             where u.source = $1 and (t.org_key, t.role_id, t.name, t.birth_date) = (u.org_key, u.role_id, u.name, u.birth_date))"#,
        source
    )
    .execute(tx)
    .await?;
    Ok(())
}
