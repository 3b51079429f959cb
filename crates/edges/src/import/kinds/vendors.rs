//! Vendors: who may use the vendor console.

use serde::Deserialize;
use sqlx::PgConnection;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult, StagedDocuments};

/// A line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VendorLine {
    org_number: Option<String>,
    status: Option<String>,
}

/// Checks a line alone.
pub fn check(line: &VendorLine, check: &mut LineCheck<'_>) {
    let number = check.required("orgNumber", line.org_number.as_deref());
    check.org_number("orgNumber", number);
    if !matches!(line.status.as_deref(), None | Some("active" | "closed")) {
        check.wrong("status", "STATUS", "the status is active or closed");
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, _: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let mut lines = StagedDocuments::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: VendorLine = staged.read()?;
        let stored = sqlx::query_scalar!(
            r#"insert into vendor (org_number, status) values ($1, $2) on conflict (org_number) do update set status = excluded.status
               where vendor.status <> excluded.status returning xmax = 0 as "is_new!""#,
            line.org_number,
            line.status.as_deref().unwrap_or("active")
        )
        .fetch_optional(&mut *tx)
        .await?;
        counts.stored(stored);
    }
    Ok(counts)
}
