//! Access lists: who may be decided about, for resources that ask.

use serde::Deserialize;
use sqlx::PgConnection;

use super::check::Check;
use crate::import::merge::{Counts, Documents, Merge, Merged};
use foundation::db::feed::{self, Touched};

/// A line: the whole of one list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    owner: Option<String>,
    identifier: Option<String>,
    name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    resources: Vec<ListedResource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedResource {
    resource: String,
    #[serde(default)]
    action_filters: Vec<String>,
}

/// Checks a line alone.
pub fn check(line: &Line, check: &mut Check<'_>) {
    check.required("owner", line.owner.as_deref());
    check.required("identifier", line.identifier.as_deref());
    for member in &line.members {
        check.org_number("members", member);
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> Merged {
    let mut counts = Counts::default();
    let mut lines = Documents::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: Line = staged.read()?;
        let resources: Vec<String> = line.resources.iter().map(|r| r.resource.clone()).collect();
        let missing = sqlx::query_scalar!(
            r#"select 'service owner ' || $1 as "what!" where not exists (select from service_owner where orgcode = $1)
               union all select 'organisation ' || m from unnest($2::text[]) m where not exists (select from party where org_number = m)
               union all select 'resource ' || r from unnest($3::text[]) r
               where not exists (select from resource where identifier = r and deleted is null)"#,
            line.owner,
            &line.members,
            &resources
        )
        .fetch_all(&mut *tx)
        .await?;
        if !missing.is_empty() {
            merge.findings.add(
                staged.number(),
                "",
                "UNKNOWN",
                format!("not known: {}", missing.join(", ")),
            );
            continue;
        }
        let name = line.name.as_deref().or(line.identifier.as_deref());
        let list = sqlx::query!(
            r#"insert into access_list (owner_orgcode, identifier, name, description) values ($1, $2, $3, $4)
               on conflict (owner_orgcode, identifier) do update set name = excluded.name, description = excluded.description
               returning id, xmax = 0 as "is_new!""#,
            line.owner,
            line.identifier,
            name,
            line.description.as_deref().unwrap_or_default()
        )
        .fetch_one(&mut *tx)
        .await?;
        let members = sqlx::query!(
            r#"with gone as (
                 delete from access_list_member m using party p
                 where m.list = $1 and p.key = m.party_key and p.org_number <> all($2) returning m.party_key
               ), come as (
                 insert into access_list_member (list, party_key) select $1, key from party where org_number = any($2)
                 on conflict do nothing returning party_key)
               select count(*) as "count!" from (select party_key from gone union all select party_key from come) c"#,
            list.id,
            &line.members
        )
        .fetch_one(&mut *tx)
        .await?;
        let mut connections = sqlx::query!(
            "delete from access_list_connection where list = $1 and resource <> all($2)",
            list.id,
            &resources
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        for connected in &line.resources {
            connections += sqlx::query!(
                r#"insert into access_list_connection (resource, list, action_filters) values ($1, $2, $3)
                   on conflict (resource, list) do update set action_filters = excluded.action_filters
                   where access_list_connection.action_filters <> excluded.action_filters"#,
                connected.resource,
                list.id,
                &connected.action_filters
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
        }
        let changed = list.is_new || members.count > 0 || connections > 0;
        if changed {
            feed::append(&mut *tx, Touched::AccessLists, "").await?;
        }
        counts.stored(changed.then_some(list.is_new));
    }
    Ok(counts)
}
