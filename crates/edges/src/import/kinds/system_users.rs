//! System users, for sandboxes and for moving an installation. One that is there stays as it is.

use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    check::{LineCheck, RightLine},
    rightholders::{outcomes, unknown_resources},
};
use crate::import::ImportContext;
use crate::import::merge::{self, Merge, MergeCounts, MergeResult, StagedDocuments};
use authorization::delegation;
use registers::parties;
use system_users::users;

/// A line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemUserLine {
    id: Option<String>,
    user_type: Option<String>,
    system_id: Option<String>,
    integration_title: Option<String>,
    owner_org_no: Option<String>,
    party_id: Option<i32>,
    external_ref: Option<String>,
    #[serde(default)]
    access_packages: Vec<String>,
    #[serde(default)]
    rights: Vec<RightLine>,
    #[serde(default)]
    is_deleted: bool,
    #[serde(default)]
    created_days_ago: i32,
}

/// Checks a line alone.
pub fn check(context: &ImportContext, line: &SystemUserLine, check: &mut LineCheck<'_>) {
    check.uuid("id", line.id.as_deref());
    check.required("systemId", line.system_id.as_deref());
    let owner = check.required("ownerOrgNo", line.owner_org_no.as_deref());
    check.org_number("ownerOrgNo", owner);
    if !matches!(line.user_type.as_deref(), Some("standard" | "agent")) {
        check.wrong("userType", "REQUIRED", "userType is standard or agent");
    }
    check.packages(context, "accessPackages", &line.access_packages);
    check.displayable("externalRef", line.external_ref.as_deref());
    check.displayable("integrationTitle", line.integration_title.as_deref());
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    users::lock_sequence(&mut *tx).await?;
    let actor = format!("import:{}", merge.options.source);
    let mut lines = StagedDocuments::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: SystemUserLine = staged.read()?;
        let number = staged.number();
        let (Some(id), Some(owner_org)) = (
            line.id.as_deref().and_then(|t| Uuid::try_parse(t).ok()),
            line.owner_org_no.as_deref(),
        ) else {
            continue;
        };
        let external_ref = line.external_ref.as_deref().unwrap_or(owner_org);
        let facts = sqlx::query!(
            r#"select (select key from party where org_number = $1) as owner_key, (select party_id from party where org_number = $1) as party_id,
                 (select system_internal_id from system where system_id = $2) as system,
                 exists (select from "system_user" where id = $3) or exists (select from party where uuid = $3) as "known!",
                 exists (select from "system_user" u join system s on s.system_internal_id = u.system_internal_id
                   where s.system_id = $2 and u.reportee_org_no = $1 and u.external_ref = $4 and not u.is_deleted) as "taken!""#,
            owner_org,
            line.system_id,
            id,
            external_ref
        )
        .fetch_one(&mut *tx)
        .await?;
        if facts.known {
            continue;
        }
        let mut wrong = |member: &str, code: &str, reason: &str| {
            merge.findings.add(number, member, code, reason);
        };
        let (Some(owner_key), Some(system)) = (facts.owner_key, facts.system) else {
            if facts.owner_key.is_none() {
                wrong(
                    "ownerOrgNo",
                    "UNKNOWN_PARTY",
                    "this organisation is not known",
                );
            }
            if facts.system.is_none() {
                wrong(
                    "systemId",
                    "UNKNOWN_SYSTEM",
                    "this system is not registered",
                );
            }
            continue;
        };
        if line.party_id.is_some() && line.party_id != facts.party_id {
            wrong("partyId", "CONFLICT", "the owner has another party id");
            continue;
        }
        if facts.taken && !line.is_deleted {
            wrong(
                "externalRef",
                "CONFLICT",
                "the owner has another system user of this system with this reference",
            );
            continue;
        }
        let unknown = unknown_resources(&mut *tx, &line.rights).await?;
        if !unknown.is_empty() {
            wrong(
                "rights",
                "UNKNOWN_RESOURCE",
                &format!("not known: {}", unknown.join(", ")),
            );
            continue;
        }
        let packages: Value = line
            .access_packages
            .iter()
            .filter_map(|urn| merge.context.catalogue.package_by_urn(urn))
            .map(|package| json!({"urn": package.urn}))
            .collect();
        let title = line.integration_title.as_deref().unwrap_or(external_ref);
        sqlx::query!(
            r#"insert into "system_user" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref,
                 access_packages, created, created_by, sequence_no, is_deleted, deleted_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, service_now() - make_interval(days => $9), $10, nextval('system_user_sequence'), $11,
                 case when $11 then service_now() end)"#,
            id,
            title,
            system,
            owner_key,
            owner_org,
            line.user_type,
            external_ref,
            packages,
            line.created_days_ago,
            actor,
            line.is_deleted
        )
        .execute(&mut *tx)
        .await?;
        let key = parties::system_user_party(&mut *tx, id, title).await?;
        if line.user_type.as_deref() == Some("standard") && !line.is_deleted {
            let keys: Vec<i16> = merge
                .context
                .catalogue
                .keys_of(line.access_packages.iter().map(String::as_str));
            delegation::give(
                &mut *tx,
                owner_key,
                key,
                &keys,
                &outcomes(&line.rights),
                &actor,
            )
            .await?;
        }
        merge::touch(&mut *tx, key).await?;
        counts.added += 1;
    }
    Ok(counts)
}
