//! Organisations.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::check::LineCheck;
use crate::import::{
    ImportFormat, ImportMode,
    merge::{Merge, MergeCounts, MergeResult},
};
use crate::import::{copy::CopyRows, findings::ImportFindings};
use foundation::db::DbError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrganizationLine<'a> {
    #[serde(borrow)]
    org_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    form: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    deleted_at: Option<Cow<'a, str>>,
    party_id: Option<i32>,
    party_uuid: Option<Uuid>,
    address: Option<Value>,
}

/// Checks and stages a line.
pub fn stage(line: u64, text: &[u8], rows: &mut CopyRows, findings: &mut ImportFindings) {
    let mut check = LineCheck::new(line, findings);
    let Some(parsed) = check.parse::<OrganizationLine<'_>>(text) else {
        return;
    };
    let unit = OrganizationUnit {
        number: parsed.org_number.as_deref(),
        name: parsed.name.as_deref(),
        form: parsed.form.as_deref(),
        parent: parsed.parent.as_deref(),
        status: parsed.status.as_deref(),
        deleted_at: parsed.deleted_at.as_deref(),
        party_id: parsed.party_id,
        party_uuid: parsed.party_uuid,
        address: parsed.address.as_ref(),
    };
    unit.stage(line, &mut check, rows);
}

/// An organisation, whatever file contains it.
#[derive(Debug, Default)]
pub struct OrganizationUnit<'a> {
    pub number: Option<&'a str>,
    pub name: Option<&'a str>,
    pub form: Option<&'a str>,
    pub parent: Option<&'a str>,
    pub status: Option<&'a str>,
    pub deleted_at: Option<&'a str>,
    pub party_id: Option<i32>,
    pub party_uuid: Option<Uuid>,
    pub address: Option<&'a Value>,
}

impl OrganizationUnit<'_> {
    /// Checks and stages it.
    pub fn stage(&self, line: u64, check: &mut LineCheck<'_>, rows: &mut CopyRows) {
        let text = check.required("orgNumber", self.number);
        let number = check.org_number("orgNumber", text);
        let name = check.required("name", self.name);
        let form = check.required("form", self.form);
        let is_form = (2..=5).contains(&form.chars().count())
            && form.chars().all(|c| c.is_uppercase() || c.is_ascii_digit());
        if !form.trim().is_empty() && !is_form {
            check.wrong("form", "FORM", format!("{form} is no organisation form"));
        }
        let parent = self.parent.and_then(|p| check.org_number("parent", p));
        if parent.is_some() && parent == number {
            check.wrong("parent", "PARENT", "a unit is not its own main unit");
        }
        let deleted_at = check.date("deletedAt", self.deleted_at);
        let status = match self.status {
            None => {
                if deleted_at.is_some() {
                    "deleted"
                } else {
                    "active"
                }
            }
            Some(word @ ("active" | "bankrupt" | "winding-up" | "deleted")) => word,
            Some(word) => {
                check.wrong(
                    "status",
                    "STATUS",
                    format!("{word} is none of active, bankrupt, winding-up and deleted"),
                );
                "active"
            }
        };
        let party_id = check.positive("partyId", self.party_id);
        let Some(number) = number.filter(|_| check.is_good()) else {
            return;
        };
        rows.row()
            .line(line)
            .text(number.as_str())
            .text(name.trim())
            .text(form)
            .optional_text(parent.as_ref().map(foundation::ids::OrgNumber::as_str))
            .text(status)
            .optional_date(deleted_at.filter(|_| status == "deleted"))
            .optional_integer(party_id)
            .optional_uuid(self.party_uuid)
            .optional_json(self.address);
    }
}

/// Adds forms that the catalogue does not have, by their codes alone; says which.
async fn add_forms(tx: &mut PgConnection) -> Result<Vec<(String, i64, i64)>, DbError> {
    let rows = sqlx::query!(
        r#"with unknown as (
             select form, count(*) as lines, min(line) as line from staging.organization s
             where not exists (select from entity_variant v where v.code = s.form and v.entity_type = 'organization') group by form
           ), added as (
             insert into entity_variant (id, code, entity_type, name, is_sub_unit)
             select gen_random_uuid(), form, 'organization', jsonb_build_object('nb', form, 'nn', form, 'en', form), false from unknown)
           select form, lines as "lines!", line as "line!" from unknown"#
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.form, r.lines, r.line))
        .collect())
}

/// Findings that need all lines together and what is stored. Repetitions with the same content are
/// dropped.
async fn check_together(tx: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into staging.finding (line, member, code, reason)
           select line, 'orgNumber', 'DUPLICATE', 'organisation ' || org_number || ' has other values in line ' || first
           from (select s.*, first_value(line) over w as first,
                   row(name, form, parent, status, deleted_at, party_id, party_uuid, address)::text as said,
                   first_value(row(name, form, parent, status, deleted_at, party_id, party_uuid, address)::text) over w as first_said
                 from staging.organization s window w as (partition by org_number order by line)) d
           where line <> first and said <> first_said
           union all
           select s.line, 'partyId', 'CONFLICT', 'organisation ' || s.org_number || ' has another party id' from staging.organization s
           join party p on p.org_number = s.org_number where s.party_id is not null and p.party_id <> s.party_id
           union all
           select s.line, 'partyUuid', 'CONFLICT', 'organisation ' || s.org_number || ' has another uuid' from staging.organization s
           join party p on p.org_number = s.org_number where s.party_uuid is not null and p.uuid <> s.party_uuid
           union all
           select s.line, 'partyId', 'CONFLICT', 'party id ' || s.party_id || ' belongs to another party' from staging.organization s
           join party p on p.party_id = s.party_id where p.org_number is distinct from s.org_number
           union all
           select s.line, 'partyUuid', 'CONFLICT', 'uuid ' || s.party_uuid || ' belongs to another party' from staging.organization s
           join party p on p.uuid = s.party_uuid where p.org_number is distinct from s.org_number
           union all
           select max(line), 'partyId', 'CONFLICT', 'party id ' || party_id || ' is given twice' from staging.organization
           where party_id is not null group by party_id having count(distinct org_number) > 1
           union all
           select max(line), 'partyUuid', 'CONFLICT', 'uuid ' || party_uuid || ' is given twice' from staging.organization
           where party_uuid is not null group by party_uuid having count(distinct org_number) > 1
           union all
           select s.line, 'parent', 'UNKNOWN_PARTY', 'main unit ' || s.parent || ' is not known' from staging.organization s
           where s.parent is not null and not exists (select from party p where p.org_number = s.parent)
             and not exists (select from staging.organization m where m.org_number = s.parent)
           union all
           select s.line, 'parent', 'PARENT', 'main unit ' || s.parent || ' is a sub-unit itself' from staging.organization s
           join staging.organization m on m.org_number = s.parent
           join entity_variant v on v.code = m.form and v.entity_type = 'organization' and v.is_sub_unit
           join entity_variant c on c.code = s.form and c.entity_type = 'organization' and c.is_sub_unit"#
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"delete from staging.organization s using staging.organization f where f.org_number = s.org_number and f.line < s.line
             and not exists (select from staging.finding g where g.line = s.line)"#
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Open data is never quite whole: a unit whose main unit is not known is taken without it.
async fn leave_unknown_parents(
    tx: &mut PgConnection,
    merge: &mut Merge<'_>,
) -> Result<(), DbError> {
    let found = sqlx::query!(
        r#"with unknown as (delete from staging.finding where member = 'parent' returning line, reason),
           left_out as (update staging.organization s set parent = null from unknown u where u.line = s.line)
           select count(*) as "count!", min(line) as line, min(reason) as reason from unknown"#
    )
    .fetch_one(tx)
    .await?;
    if let (Some(line), Some(reason)) = (found.line, found.reason) {
        merge.findings.warn(
            line.unsigned_abs(),
            "UNKNOWN_PARTY",
            format!(
                "{} units are taken without their main unit; such as: {reason}",
                found.count
            ),
        );
    }
    Ok(())
}

/// Merges what is staged.
///
/// # Errors
/// The database fails, or more would be deleted than the limit allows.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    check_together(&mut *tx).await?;
    if merge.options.format != ImportFormat::Ndjson {
        leave_unknown_parents(&mut *tx, merge).await?;
    }
    merge.apply_findings(&mut *tx).await?;
    for (form, lines, line) in add_forms(&mut *tx).await? {
        let first = u64::try_from(line).unwrap_or_default();
        merge.findings.warn(
            first,
            "UNKNOWN_FORM",
            format!("organisation form {form} was not known and is added; {lines} lines have it"),
        );
    }
    let ended = if merge.options.mode == ImportMode::Snapshot {
        end_absent(&mut *tx, merge).await?
    } else {
        0
    };
    let source = merge.options.source.as_str();
    let added = sqlx::query!(
        r#"with added as (
             insert into party (uuid, party_id, kind, form_id, status, org_number, name, deleted_at, source)
             select coalesce(s.party_uuid, gen_random_uuid()), coalesce(s.party_id, nextval('party_id_seq')::int), 'organization', v.key, s.status,
               s.org_number, s.name, case when s.status = 'deleted' then coalesce(s.deleted_at::timestamptz, service_now()) end, $1
             from staging.organization s join entity_variant v on v.code = s.form and v.entity_type = 'organization'
             where not exists (select from party p where p.org_number = s.org_number)
             order by s.line returning key)
           insert into staging.touched select key from added"#,
        source
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let changed = sqlx::query_scalar!(
        r#"with incoming as (
             select p.key, s.name, v.key as form_id, s.status,
               case when s.status = 'deleted' then coalesce(s.deleted_at::timestamptz, p.deleted_at, service_now()) end as deleted_at
             from staging.organization s join entity_variant v on v.code = s.form and v.entity_type = 'organization'
             join party p on p.org_number = s.org_number
           ), changed as (
             update party p set name = t.name, form_id = t.form_id, status = t.status, deleted_at = t.deleted_at, source = $1, updated_at = service_now()
             from incoming t where p.key = t.key
               and (p.name, p.form_id, p.status, p.deleted_at, p.source) is distinct from (t.name, t.form_id, t.status, t.deleted_at, $1)
             returning p.key
           ), noted as (insert into staging.touched select key from changed on conflict do nothing)
           select count(*) as "count!" from changed"#,
        source
    )
    .fetch_one(&mut *tx)
    .await?
    .unsigned_abs();
    let moved = link(&mut *tx, source).await?;
    let addresses = sqlx::query!(
        r#"insert into party_address (key, address)
           select p.key, s.address from staging.organization s join party p on p.org_number = s.org_number where s.address is not null
           on conflict (key) do update set address = excluded.address where party_address.address is distinct from excluded.address"#
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(MergeCounts {
        added,
        changed: changed
            .max(moved)
            .max(if added == 0 { addresses } else { 0 }),
        ended,
    })
}

/// Links sub-units to their main units, and units of the public sector to those above them.
async fn link(tx: &mut PgConnection, source: &str) -> Result<u64, DbError> {
    // Links of these rows are theirs alone: a snapshot of roles by the same source does not end
    // them.
    let source = format!("{source}#parent");
    let linked = sqlx::query!(
        r#"with wanted as materialized (
             select c.key as child, m.key as main, v.is_sub_unit, r.key as role
             from staging.organization s
             join party c on c.org_number = s.org_number join party m on m.org_number = s.parent
             join entity_variant v on v.code = s.form and v.entity_type = 'organization'
             join role r on case when v.is_sub_unit
               then r.code = case s.form when 'AAFY' then 'ikke-naeringsdrivende-hovedenhet' else 'hovedenhet' end
               else r.register_code = s.form end
           ), moved as (
             update party p set parent_key = w.main, updated_at = service_now() from wanted w
             where p.key = w.child and w.is_sub_unit and p.parent_key is distinct from w.main returning p.key
           ), unlinked as (
             delete from register_role r using wanted w where r.from_key = w.child and r.role_id = w.role and r.to_key <> w.main
           ), linked as (
             insert into register_role (from_key, role_id, to_key, source) select child, role, main, $1 from wanted
             on conflict do nothing returning from_key)
           insert into staging.touched select key from moved union select from_key from linked on conflict do nothing"#,
        source
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(linked)
}

/// Marks organisations of this source that the file does not name as deleted.
async fn end_absent(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult<u64> {
    let source = merge.options.source.as_str();
    let counted = sqlx::query!(
        r#"select count(*) as "all!", count(*) filter (where s.line is null) as "absent!"
           from party p left join staging.organization s on s.org_number = p.org_number
           where p.kind = 'organization' and p.source = $1 and p.status <> 'deleted'"#,
        source
    )
    .fetch_one(&mut *tx)
    .await?;
    merge.guard_shrink(counted.absent, counted.all)?;
    if counted.absent == 0 {
        return Ok(0);
    }
    Ok(sqlx::query!(
        r#"with ended as (
             update party p set status = 'deleted', deleted_at = service_now(), updated_at = service_now()
             where p.kind = 'organization' and p.source = $1 and p.status <> 'deleted'
               and not exists (select from staging.organization s where s.org_number = p.org_number)
             returning key)
           insert into staging.touched select key from ended"#,
        source
    )
    .execute(tx)
    .await?
    .rows_affected())
}
