//! Requests of vendors, for sandboxes and for moving an installation. One that is there stays as it
//! is.

use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult, StagedDocuments};
use system_users::systems::{AccessPackage, Right};

/// A line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestLine {
    id: Option<String>,
    user_type: Option<String>,
    system_id: Option<String>,
    party_org_no: Option<String>,
    external_ref: Option<String>,
    integration_title: Option<String>,
    status: Option<String>,
    #[serde(default)]
    escalated: bool,
    #[serde(default)]
    access_packages: Vec<AccessPackage>,
    #[serde(default)]
    rights: Vec<Right>,
    redirect_url: Option<String>,
    #[serde(default)]
    created_days_ago: i32,
}

/// Checks a line alone.
pub fn check(line: &RequestLine, check: &mut LineCheck<'_>) {
    check.uuid("id", line.id.as_deref());
    check.required("systemId", line.system_id.as_deref());
    check.displayable("externalRef", line.external_ref.as_deref());
    check.displayable("integrationTitle", line.integration_title.as_deref());
    let party = check.required("partyOrgNo", line.party_org_no.as_deref());
    check.org_number("partyOrgNo", party);
    if !matches!(line.user_type.as_deref(), Some("standard" | "agent")) {
        check.wrong("userType", "REQUIRED", "userType is standard or agent");
    }
    if !matches!(
        line.status.as_deref(),
        None | Some("New" | "Accepted" | "Rejected" | "Denied" | "Timedout")
    ) {
        check.wrong(
            "status",
            "STATUS",
            "status is New, Accepted, Rejected, Denied or Timedout",
        );
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let mut lines = StagedDocuments::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: RequestLine = staged.read()?;
        let (Some(id), Some(party)) = (
            line.id.as_deref().and_then(|t| Uuid::try_parse(t).ok()),
            line.party_org_no.as_deref(),
        ) else {
            continue;
        };
        let mut packages = line.access_packages;
        AccessPackage::spell(&mut packages, &merge.context.catalogue);
        let stored = sqlx::query!(
            r#"insert into request (id, kind, system_id, party_org_no, external_ref, integration_title, rights, access_packages, status, escalated,
                 redirect_url, created)
               values ($1, $2, $3, $4, $5, coalesce($6, (select name->>'nb' from system where system_id = $3)), $7, $8, $9, $10, $11,
                 service_now() - make_interval(days => $12))
               on conflict do nothing returning id"#,
            id,
            line.user_type,
            line.system_id,
            party,
            line.external_ref.as_deref().unwrap_or(party),
            line.integration_title,
            serde_json::to_value(&line.rights).unwrap_or_default(),
            serde_json::to_value(&packages).unwrap_or_default(),
            line.status.as_deref().unwrap_or("New"),
            line.escalated,
            line.redirect_url,
            line.created_days_ago
        )
        .fetch_optional(&mut *tx)
        .await?;
        if stored.is_none()
            && sqlx::query!("select id from request where id = $1", id)
                .fetch_optional(&mut *tx)
                .await?
                .is_none()
        {
            merge.findings.add(
                staged.number(),
                "externalRef",
                "CONFLICT",
                "the party has another request for this system with this reference",
            );
        }
        counts.stored(stored.map(|_| true));
    }
    Ok(counts)
}
