//! Resources with their policies.

use serde_json::Value;
use sqlx::PgConnection;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult, StagedDocuments};
use registers::resources::{
    self, bind_resource,
    rules::{self, ResourceStoreMode},
};

/// Checks a line alone.
pub fn check(line: &Value, check: &mut LineCheck<'_>) {
    match bind_resource(line) {
        Ok(resource) => {
            for (member, sentences) in
                rules::findings(&resource, ResourceStoreMode::Replace).into_errors()
            {
                for sentence in sentences.as_array().into_iter().flatten() {
                    // Registers of old hold what would not be taken today.
                    if member == "Identifier" && resource.identifier.trim().is_empty() {
                        check.wrong(&member, "REQUIRED", sentence.as_str().unwrap_or_default());
                    } else {
                        check.warn(
                            "INCOMPLETE",
                            format!("{member}: {}", sentence.as_str().unwrap_or_default()),
                        );
                    }
                }
            }
        }
        Err(_) => check.wrong(
            "",
            "JSON",
            "a member has the wrong type, or a word that is not known",
        ),
    }
    let file = line.get("policyFile").and_then(Value::as_str);
    let path = check.required("policyFile", file);
    if path.starts_with('/') || path.split(['/', '\\']).any(|part| part == "..") {
        check.wrong(
            "policyFile",
            "PATH",
            "the path must lead into the folder of the file",
        );
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let mut lines = StagedDocuments::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line = staged.number();
        let Ok(resource) = bind_resource(&staged.document) else {
            continue;
        };
        let path = staged
            .document
            .get("policyFile")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let xml = match (merge.files)(path) {
            Ok(xml) => xml,
            Err(error) => {
                merge
                    .findings
                    .add(line, "policyFile", "FILE", format!("{error:#}"));
                continue;
            }
        };
        match rules::check_policy(&xml, &resource.identifier, &merge.context.catalogue, true) {
            Ok(accepted) => {
                accepted.log_warnings(&resource.identifier);
                for warning in accepted.warnings {
                    merge.findings.warn(
                        line,
                        "POLICY",
                        format!(
                            "{path}:{}: {} ({})",
                            warning.line,
                            warning.text,
                            warning.kind.wire()
                        ),
                    );
                }
            }
            Err(refusal) => {
                merge
                    .findings
                    .add(line, "policyFile", "POLICY", format!("{path}: {refusal}"));
                continue;
            }
        }
        let before = sqlx::query!(
            "select deleted is not null as \"deleted!\" from resource where identifier = $1",
            resource.identifier
        )
        .fetch_optional(&mut *tx)
        .await?;
        if before.as_ref().is_some_and(|r| r.deleted) {
            merge.findings.add(
                line,
                "identifier",
                "CONFLICT",
                format!(
                    "{} was deleted; its name is not given away again",
                    resource.identifier
                ),
            );
            continue;
        }
        let changed = resources::upsert(&mut *tx, &resource.document(), &xml, None).await?;
        counts.stored(changed.then_some(before.is_none()));
    }
    Ok(counts)
}
