//! Client delegations: clients that a facilitator delegated to an agent, a system user or a person.

use std::borrow::Cow;

use serde::Deserialize;
use sqlx::PgConnection;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult};
use crate::import::{ImportContext, copy::CopyRows, findings::ImportFindings};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientDelegationLine<'a> {
    #[serde(borrow)]
    system_user_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_person: Option<Cow<'a, str>>,
    #[serde(borrow)]
    facilitator: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(default)]
    access_packages: Vec<String>,
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
    let Some(parsed) = check.parse::<ClientDelegationLine<'_>>(text) else {
        return;
    };
    let (user, person) = match (&parsed.system_user_id, &parsed.to_person) {
        (Some(_), Some(_)) => {
            check.wrong(
                "toPerson",
                "CONFLICT",
                "exactly one of systemUserId and toPerson is required",
            );
            (None, None)
        }
        (None, Some(number)) => (
            None,
            check
                .national_id(context, "toPerson", number)
                .map(|id| context.identity.index(&id)),
        ),
        (id, None) => (check.uuid("systemUserId", id.as_deref()), None),
    };
    let mut number = |member: &str, text: Option<&str>| {
        let text = check.required(member, text).to_owned();
        check.org_number(member, &text)
    };
    let (facilitator, client) = (
        number("facilitator", parsed.facilitator.as_deref()),
        number("client", parsed.client.as_deref()),
    );
    let code = check.required("role", parsed.role.as_deref());
    let role = context
        .catalogue
        .role_by_register_code(code)
        .or_else(|| context.catalogue.role_by_code(code))
        .map(|r| r.key);
    if role.is_none() && !code.trim().is_empty() {
        check.wrong("role", "UNKNOWN_ROLE", format!("{code} is no role"));
    }
    let packages = check.packages(context, "accessPackages", &parsed.access_packages);
    if parsed.access_packages.is_empty() {
        check.wrong(
            "accessPackages",
            "REQUIRED",
            "a client delegation contains at least one package",
        );
    }
    let (Some(facilitator), Some(client), Some(role)) = (facilitator, client, role) else {
        return;
    };
    if check.is_good() {
        rows.row()
            .line(line)
            .optional_uuid(user)
            .optional_bytes(person.as_deref())
            .text(facilitator.as_str())
            .text(client.as_str())
            .small(role)
            .list_of_small(&packages);
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    sqlx::query!(
        r#"insert into staging.finding (line, member, code, reason)
           select line, 'systemUserId', 'UNKNOWN_SYSTEM_USER', 'there is no agent system user ' || s.system_user from staging.client_delegation s
           where s.system_user is not null and not exists (select from "system_user" u where u.id = s.system_user and u.kind = 'agent')
           union all
           select line, 'toPerson', 'UNKNOWN_PARTY', 'this person is not known' from staging.client_delegation s
           where s.person is not null and not exists (select from party p where p.person_id_hmac = s.person)
             and not exists (select from person_former_id f where f.person_id_hmac = s.person)
           union all
           select line, 'facilitator', 'UNKNOWN_PARTY', 'organisation ' || facilitator || ' is not known' from staging.client_delegation s
           where not exists (select from party p where p.org_number = s.facilitator)
           union all
           select line, 'client', 'UNKNOWN_PARTY', 'organisation ' || client || ' is not known' from staging.client_delegation s
           where not exists (select from party p where p.org_number = s.client)
           union all
           select max(line), 'client', 'DUPLICATE', 'this client is delegated twice' from staging.client_delegation
           group by "system_user", person, facilitator, client, role_id having count(*) > 1"#
    )
    .execute(&mut *tx)
    .await?;
    merge.apply_findings(&mut *tx).await?;
    let actor = format!("import:{}", merge.options.source);
    let counted = sqlx::query!(
        r#"with incoming as materialized (
             select u.key as system_user_key, f.key as facilitator_key, c.key as client_key, s.role_id, s.packages,
               case r.code when 'rettighetshaver' then 'assignment-package' else 'role-package' end as basis
             from staging.client_delegation s
             left join person_former_id former on former.person_id_hmac = s.person
             join party u on u.uuid = s.system_user or u.person_id_hmac = s.person or u.key = former.key
             join party f on f.org_number = s.facilitator
             join party c on c.org_number = s.client join role r on r.key = s.role_id
           ), agents as (
             insert into assignment (id, from_key, to_key, role_id, created_by)
             select gen_random_uuid(), t.facilitator_key, t.system_user_key, r.key, $1
             from (select distinct facilitator_key, system_user_key from incoming) t join role r on r.code = 'agent' on conflict do nothing
           ), delegated as (
             insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
             select gen_random_uuid(), system_user_key, facilitator_key, client_key, role_id, $1 from incoming
             on conflict do nothing returning id, system_user_key, facilitator_key, client_key, role_id
           ), all_delegated as (
             select h.id, t.packages, t.basis, t.system_user_key, true as is_new from delegated h
             join incoming t using (system_user_key, facilitator_key, client_key, role_id)
             union all
             select d.id, t.packages, t.basis, t.system_user_key, false from client_delegation d
             join incoming t using (system_user_key, facilitator_key, client_key, role_id)
           ), taken as (
             delete from client_delegation_package p using all_delegated h
             where p.delegation_id = h.id and not h.is_new and p.package_id <> all(h.packages) returning p.delegation_id
           ), given as (
             insert into client_delegation_package (delegation_id, package_id, basis)
             select h.id, package, h.basis from all_delegated h cross join unnest(h.packages) as package
             on conflict do nothing returning delegation_id
           ), touched as (
             insert into staging.touched select distinct h.system_user_key from all_delegated h
             where h.id in (select delegation_id from taken union select delegation_id from given) on conflict do nothing)
           select (select count(*) from delegated) as "added!",
             (select count(distinct h.id) from all_delegated h where not h.is_new
               and h.id in (select delegation_id from taken union select delegation_id from given)) as "changed!""#,
        actor
    )
    .fetch_one(tx)
    .await?;
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(MergeCounts {
        added: count(counted.added),
        changed: count(counted.changed),
        ended: 0,
    })
}
