//! Right-holder relations: packages and single rights that parties gave each other.

use serde::Deserialize;
use sqlx::PgConnection;

use super::check::{LineCheck, RightLine};
use crate::import::ImportContext;
use crate::import::{
    ImportMode,
    merge::{self, Merge, MergeCounts, MergeResult, StagedDocuments},
};
use authorization::delegation::{self, RightOutcome};
use foundation::{
    db::DbError,
    ids::{NationalId, OrgNumber},
};
use registers::{parties::PartyRef, resources::RightKey};

/// A line: all that one party gave another.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RightHolderLine {
    from: Option<String>,
    to_person: Option<String>,
    to_org: Option<String>,
    #[serde(default)]
    access_packages: Vec<String>,
    #[serde(default)]
    rights: Vec<RightLine>,
}

/// Checks a line alone.
pub fn check(context: &ImportContext, line: &RightHolderLine, check: &mut LineCheck<'_>) {
    let from = check.required("from", line.from.as_deref());
    check.org_number("from", from);
    if line.to_org.is_some() == line.to_person.is_some() {
        check.wrong(
            "toPerson",
            "REQUIRED",
            "exactly one of toPerson and toOrg is required",
        );
    }
    line.to_org
        .as_deref()
        .and_then(|t| check.org_number("toOrg", t));
    line.to_person
        .as_deref()
        .and_then(|t| check.national_id(context, "toPerson", t));
    check.packages(context, "accessPackages", &line.access_packages);
}

/// The rights of a line, as grants.
pub fn outcomes(rights: &[RightLine]) -> Vec<RightOutcome> {
    let keys = |actions: &[String]| {
        actions
            .iter()
            .map(|a| RightKey {
                action: a.clone(),
                extra: Vec::new(),
            })
            .collect()
    };
    rights
        .iter()
        .map(|r| RightOutcome {
            resource: r.resource.clone(),
            granted: keys(&r.actions),
            reasons: Vec::new(),
        })
        .collect()
}

/// Unknown resources among these rights.
pub async fn unknown_resources(
    tx: &mut PgConnection,
    rights: &[RightLine],
) -> Result<Vec<String>, DbError> {
    let resources: Vec<String> = rights.iter().map(|r| r.resource.clone()).collect();
    Ok(sqlx::query_scalar!(
        r#"select r as "resource!" from unnest($1::text[]) r where not exists (select from resource where identifier = r and deleted is null)"#,
        &resources
    )
    .fetch_all(tx)
    .await?)
}

/// What a relation carries, as a text to be compared.
async fn signature(tx: &mut PgConnection, from: i32, to: i32) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select concat(
             (select string_agg(package_id::text, ',' order by package_id) from assignment_package where assignment_id = a.id), '|',
             (select string_agg(resource_id || ':' || action, ',' order by resource_id, action) from assignment_right where assignment_id = a.id)) as "it!"
           from assignment a join role r on r.key = a.role_id and r.code = 'rettighetshaver' where a.from_key = $1 and a.to_key = $2"#,
        from,
        to
    )
    .fetch_optional(tx)
    .await?)
}

/// Merges what is staged.
///
/// # Errors
/// The database fails, or more would be deleted than the limit allows.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let actor = format!("import:{}", merge.options.source);
    let mut lines = StagedDocuments::default();
    let mut named: (Vec<i32>, Vec<i32>) = (Vec::new(), Vec::new());
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: RightHolderLine = staged.read()?;
        let number = staged.number();
        let org = |text: &Option<String>| {
            text.as_deref()
                .and_then(|t| OrgNumber::parse(t).ok())
                .map(PartyRef::Organization)
        };
        let to = org(&line.to_org).or_else(|| {
            line.to_person
                .as_deref()
                .and_then(|t| NationalId::parse(t).ok())
                .map(PartyRef::Person)
        });
        let from = merge::party(&mut *tx, merge, number, "from", org(&line.from)).await?;
        let to = merge::party(&mut *tx, merge, number, "to", to).await?;
        let unknown = unknown_resources(&mut *tx, &line.rights).await?;
        if !unknown.is_empty() {
            merge.findings.add(
                number,
                "rights",
                "UNKNOWN_RESOURCE",
                format!("not known: {}", unknown.join(", ")),
            );
        }
        let (Some(from), Some(to)) = (from, to) else {
            continue;
        };
        if !unknown.is_empty() {
            continue;
        }
        let packages: Vec<i16> = merge
            .context
            .catalogue
            .keys_of(line.access_packages.iter().map(String::as_str));
        let before = signature(&mut *tx, from, to).await?;
        delegation::give(
            &mut *tx,
            from,
            to,
            &packages,
            &outcomes(&line.rights),
            &actor,
        )
        .await?;
        let resources: Vec<String> = line
            .rights
            .iter()
            .flat_map(|r| r.actions.iter().map(|a| format!("{} {a}", r.resource)))
            .collect();
        take_unnamed(&mut *tx, from, to, &packages, &resources, &actor).await?;
        let after = signature(&mut *tx, from, to).await?;
        if before != after {
            merge::touch(&mut *tx, from).await?;
            merge::touch(&mut *tx, to).await?;
        }
        counts.stored((before != after).then_some(before.is_none()));
        named.0.push(from);
        named.1.push(to);
    }
    if merge.options.mode == ImportMode::Snapshot {
        counts.ended = end_absent(tx, merge, &actor, &named).await?;
    }
    Ok(counts)
}

/// Takes back what this source gave on the relation and names no more.
async fn take_unnamed(
    tx: &mut PgConnection,
    from: i32,
    to: i32,
    packages: &[i16],
    rights: &[String],
    actor: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"with relation as (
             select a.id from assignment a join role r on r.key = a.role_id and r.code = 'rettighetshaver' where a.from_key = $1 and a.to_key = $2
           ), packages as (
             delete from assignment_package p using relation where p.assignment_id = relation.id and p.created_by = $5 and p.package_id <> all($3))
           delete from assignment_right g using relation
           where g.assignment_id = relation.id and g.created_by = $5 and g.resource_id || ' ' || g.action <> all($4)"#,
        from,
        to,
        packages,
        rights,
        actor
    )
    .execute(&mut *tx)
    .await?;
    for ended in delegation::end_dependent_delegations(&mut *tx, from, to).await? {
        merge::touch(&mut *tx, ended.agent).await?;
        merge::mark_delegation_lost(&mut *tx, ended.agent, from).await?;
    }
    Ok(())
}

/// Ends relations of this source that the file does not name, with the client delegations that rest
/// on them.
async fn end_absent(
    tx: &mut PgConnection,
    merge: &Merge<'_>,
    actor: &str,
    named: &(Vec<i32>, Vec<i32>),
) -> MergeResult<u64> {
    let absent = sqlx::query_scalar!(
        r#"select a.id from assignment a join role r on r.key = a.role_id and r.code = 'rettighetshaver'
           join party t on t.key = a.to_key and t.kind in ('person', 'organization')
           where a.created_by = $1
             and not exists (select from unnest($2::int[], $3::int[]) as n(f, t) where n.f = a.from_key and n.t = a.to_key)"#,
        actor,
        &named.0,
        &named.1
    )
    .fetch_all(&mut *tx)
    .await?;
    let all = named.0.len() + absent.len();
    merge.guard_shrink(
        i64::try_from(absent.len()).unwrap_or(i64::MAX),
        i64::try_from(all).unwrap_or(i64::MAX),
    )?;
    if absent.is_empty() {
        return Ok(0);
    }
    // A transaction that delegates such a client now holds the relation: wait for its end.
    sqlx::query!(
        "select id from assignment where id = any($1) for update",
        &absent
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        r#"with ended as (
             delete from assignment where id = any($1) returning id, from_key, to_key, role_id
           ), revoked as (
             delete from client_delegation d using ended e
             where d.client_key = e.from_key and d.facilitator_key = e.to_key and d.role_id = e.role_id
             returning d.id, d.system_user_key, d.client_key
           ), noted as (
             insert into staging.unhanded select distinct system_user_key, client_key from revoked on conflict do nothing
           ), trail as (
             insert into audit_log (instance, actor_kind, client_id, action, object_kind, object_id, outcome, detail)
             select $3, 'operator', $2, 'assignment.ended', 'assignment', id::text, 'ok', '{"reason": "no longer in its source"}'::jsonb from ended
             union all
             select $3, 'operator', $2, 'delegation.ended', 'client-delegation', id::text, 'ok', '{"reason": "relation ended"}'::jsonb from revoked)
           insert into staging.touched
           select from_key from ended union select to_key from ended union select system_user_key from revoked on conflict do nothing"#,
        &absent,
        actor,
        foundation::audit::instance()
    )
    .execute(tx)
    .await?;
    Ok(absent.len() as u64)
}
