//! Access lists: who may be decided about, for resources that ask.

use std::collections::{BTreeMap, BTreeSet};

use registers::access_lists::{self, MemberName};
use serde::Deserialize;
use sqlx::PgConnection;

use super::check::LineCheck;
use crate::import::{
    ImportMode,
    merge::{Merge, MergeCounts, MergeResult, StagedDocuments},
};

/// A line: the whole of one list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessListLine {
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
pub fn check(line: &AccessListLine, check: &mut LineCheck<'_>) {
    check.required("owner", line.owner.as_deref());
    check.required("identifier", line.identifier.as_deref());
    for member in &line.members {
        if !member.starts_with("urn:") {
            check.org_number("members", member);
        } else if MemberName::from_urn(member).is_none() {
            check.wrong(
                "members",
                "FORM",
                format!("{member} is no URN of a party by organisation number, party id or uuid"),
            );
        }
    }
}

/// A member by its URN or its organisation number.
fn member(text: &str) -> Option<MemberName> {
    if text.starts_with("urn:") {
        MemberName::from_urn(text)
    } else {
        MemberName::from_urn(&format!("urn:altinn:organization:identifier-no:{text}"))
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let mut lines = StagedDocuments::default();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: AccessListLine = staged.read()?;
        let owner = line.owner.as_deref().unwrap_or_default();
        let identifier = line.identifier.as_deref().unwrap_or_default();
        let names: Vec<MemberName> = line.members.iter().filter_map(|m| member(m)).collect();
        let parties = access_lists::resolve(&mut *tx, &names).await?;
        let missing = missing(&mut *tx, &line, &parties).await?;
        if !missing.is_empty() {
            merge.findings.add(
                staged.number(),
                "",
                "UNKNOWN",
                format!("not known: {}", missing.join(", ")),
            );
            continue;
        }
        named
            .entry(owner.to_owned())
            .or_default()
            .insert(identifier.to_owned());
        let parties: Vec<i32> = parties.into_iter().flatten().map(|p| p.key).collect();
        counts.stored(store(&mut *tx, &line, owner, identifier, &parties).await?);
    }
    if merge.options.mode == ImportMode::Snapshot {
        counts.ended = end_absent(tx, merge, &named).await?;
    }
    Ok(counts)
}

/// What a line names that is not there.
async fn missing(
    tx: &mut PgConnection,
    line: &AccessListLine,
    parties: &[Option<access_lists::MemberParty>],
) -> MergeResult<Vec<String>> {
    let resources: Vec<String> = line.resources.iter().map(|r| r.resource.clone()).collect();
    let mut missing = sqlx::query_scalar!(
        r#"select 'service owner ' || $1 as "what!" where not exists (select from service_owner where orgcode = $1)
           union all select 'resource ' || r from unnest($2::text[]) r
           where not exists (select from resource where identifier = r and deleted is null)"#,
        line.owner,
        &resources
    )
    .fetch_all(&mut *tx)
    .await?;
    let unknown = line
        .members
        .iter()
        .zip(parties)
        .filter(|(_, p)| p.is_none());
    missing.extend(unknown.map(|(member, _)| format!("party {member}")));
    Ok(missing)
}

/// Stores a list: whether it is new; none when nothing changed.
async fn store(
    tx: &mut PgConnection,
    line: &AccessListLine,
    owner: &str,
    identifier: &str,
    parties: &[i32],
) -> MergeResult<Option<bool>> {
    let name = line.name.as_deref().unwrap_or(identifier);
    let description = line.description.as_deref().unwrap_or_default();
    let (list, is_new) = if let Some(list) = access_lists::lock(&mut *tx, owner, identifier).await?
    {
        (list, false)
    } else {
        let made = access_lists::create(&mut *tx, owner, identifier, name, description).await?;
        let Some(list) = made else {
            return Err(crate::import::merge::MergeError::Other(anyhow::anyhow!(
                "the list {owner}:{identifier} was made meanwhile"
            )));
        };
        (list, true)
    };
    let is_renamed = list.name != name || list.description != description;
    let members = access_lists::replace_members(&mut *tx, list.key, parties).await?;
    let stored = access_lists::connections(&mut *tx, list.key, None, None).await?;
    let mut connections = 0;
    for connection in &stored {
        if !line
            .resources
            .iter()
            .any(|r| r.resource == connection.resource)
        {
            access_lists::delete_connection(&mut *tx, list.key, &connection.resource).await?;
            connections += 1;
        }
    }
    for connected in &line.resources {
        let filters: BTreeSet<String> = connected.action_filters.iter().cloned().collect();
        let filters: Vec<String> = filters.into_iter().collect();
        let is_stored = stored
            .iter()
            .any(|c| c.resource == connected.resource && c.action_filters == filters);
        if !is_stored {
            access_lists::put_connection(&mut *tx, list.key, &connected.resource, &filters).await?;
            connections += 1;
        }
    }
    let is_changed = is_renamed || !members.is_empty() || connections > 0;
    if !is_new && is_changed {
        access_lists::update(tx, list.key, name, description).await?;
    }
    Ok((is_new || is_changed).then_some(is_new))
}

/// Deletes the lists of owners in the file that the file does not name.
async fn end_absent(
    tx: &mut PgConnection,
    merge: &Merge<'_>,
    named: &BTreeMap<String, BTreeSet<String>>,
) -> MergeResult<u64> {
    let (mut absent, mut all) = (Vec::new(), 0);
    for (owner, identifiers) in named {
        let lists = access_lists::lists(&mut *tx, owner, None, i64::MAX).await?;
        all += i64::try_from(lists.len()).unwrap_or(i64::MAX);
        absent.extend(
            lists
                .into_iter()
                .filter(|list| !identifiers.contains(&list.identifier)),
        );
    }
    merge.guard_shrink(i64::try_from(absent.len()).unwrap_or(i64::MAX), all)?;
    for list in &absent {
        access_lists::delete(&mut *tx, list.key).await?;
    }
    Ok(absent.len() as u64)
}
