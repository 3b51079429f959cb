//! Service owners.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult, StagedDocuments};

/// A line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOwnerLine {
    orgcode: Option<String>,
    org_number: Option<String>,
    name: Option<Value>,
    logo: Option<String>,
    emblem: Option<String>,
    homepage: Option<String>,
    #[serde(default)]
    environments: Vec<String>,
    contact: Option<ServiceOwnerContact>,
}

/// Whom to ask.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ServiceOwnerContact {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Checks a line alone.
pub fn check(line: &ServiceOwnerLine, check: &mut LineCheck<'_>) {
    check.required("orgcode", line.orgcode.as_deref());
    let number = check.required("orgNumber", line.org_number.as_deref());
    check.org_number("orgNumber", number);
    if !line.name.as_ref().is_some_and(Value::is_object) {
        check.wrong("name", "REQUIRED", "name with nb, nn and en is required");
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let mut lines = StagedDocuments::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: ServiceOwnerLine = staged.read()?;
        let taken = sqlx::query_scalar!(
            "select orgcode from service_owner where org_number = $1 and orgcode <> $2",
            line.org_number.as_deref(),
            line.orgcode.as_deref()
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(other) = taken {
            merge.findings.add(
                staged.number(),
                "orgNumber",
                "CONFLICT",
                format!("the organisation is service owner {other} already"),
            );
            continue;
        }
        let stored = sqlx::query_scalar!(
            r#"insert into service_owner (orgcode, org_number, name, logo, emblem, homepage, environments, contact)
               values ($1, $2, $3, $4, $5, $6, $7, $8)
               on conflict (orgcode) do update set org_number = excluded.org_number, name = excluded.name, logo = excluded.logo,
                 emblem = excluded.emblem, homepage = excluded.homepage, environments = excluded.environments, contact = excluded.contact
               where (service_owner.org_number, service_owner.name, service_owner.logo, service_owner.emblem, service_owner.homepage,
                 service_owner.environments, service_owner.contact)
                 is distinct from (excluded.org_number, excluded.name, excluded.logo, excluded.emblem, excluded.homepage,
                 excluded.environments, excluded.contact)
               returning xmax = 0 as "is_new!""#,
            line.orgcode,
            line.org_number,
            line.name,
            line.logo,
            line.emblem,
            line.homepage,
            &line.environments,
            line.contact.as_ref().map(sqlx::types::Json) as Option<sqlx::types::Json<&ServiceOwnerContact>>
        )
        .fetch_optional(&mut *tx)
        .await?;
        counts.stored(stored);
    }
    Ok(counts)
}
