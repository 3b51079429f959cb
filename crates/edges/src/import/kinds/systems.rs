//! Registered systems, for sandboxes and for moving an installation. A system that is there stays
//! as it is.

use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::check::LineCheck;
use crate::import::merge::{Merge, MergeCounts, MergeResult, StagedDocuments};
use foundation::ids::OrgNumber;
use system_users::systems::{
    AccessPackage, Right,
    rules::{PlainHttp, canonical_redirect_url},
};

/// A line: a document of the system register.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemLine {
    id: Option<String>,
    vendor: Option<Value>,
    name: Option<Value>,
    description: Option<Value>,
    #[serde(default)]
    rights: Vec<Right>,
    #[serde(default)]
    access_packages: Vec<AccessPackage>,
    #[serde(default)]
    client_id: Vec<String>,
    #[serde(default)]
    allowed_redirect_urls: Vec<String>,
    #[serde(default)]
    is_visible: bool,
    #[serde(default)]
    is_deleted: bool,
}

impl SystemLine {
    fn vendor(&self) -> Option<OrgNumber> {
        let vendor = self.vendor.as_ref()?;
        OrgNumber::from_iso6523(
            vendor
                .as_str()
                .or_else(|| vendor.get("ID").and_then(Value::as_str))?,
        )
    }
}

/// Maskinporten clients that a line gives its system.
///
/// # Errors
/// The line is no system.
pub fn client_ids(line: &[u8]) -> serde_json::Result<Vec<String>> {
    Ok(serde_json::from_slice::<SystemLine>(line)?.client_id)
}

/// Checks a line alone.
pub fn check(line: &SystemLine, check: &mut LineCheck<'_>) {
    let id = check.required("id", line.id.as_deref());
    match line.vendor() {
        None => check.wrong(
            "vendor",
            "REQUIRED",
            "vendor with ID 0192: and nine digits is required",
        ),
        Some(vendor)
            if id
                .split_once('_')
                .is_none_or(|(owner, name)| owner != vendor.as_str() || name.is_empty()) =>
        {
            check.wrong(
                "id",
                "FORM",
                format!("{id} does not begin with its vendor's number and _"),
            );
        }
        Some(_) => {}
    }
    for (member, texts) in [("name", &line.name), ("description", &line.description)] {
        if !texts.as_ref().is_some_and(Value::is_object) {
            check.wrong(
                member,
                "REQUIRED",
                format!("{member} with nb, nn and en is required"),
            );
        }
        let texts = texts.as_ref().and_then(Value::as_object);
        for (language, text) in texts.into_iter().flatten() {
            check.displayable(member, Some(language));
            check.displayable(member, text.as_str());
        }
    }
    for url in line
        .allowed_redirect_urls
        .iter()
        .filter(|u| canonical_redirect_url(u, PlainHttp::Accepted).is_none())
    {
        check.wrong(
            "allowedRedirectUrls",
            "URL",
            format!("{url} is no address to redirect to"),
        );
    }
}

/// Merges what is staged.
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    let mut counts = MergeCounts::default();
    let mut lines = StagedDocuments::default();
    while let Some(staged) = lines.next(&mut *tx).await? {
        let line: SystemLine = staged.read()?;
        let (Some(vendor), Some(id)) = (line.vendor(), line.id.as_deref()) else {
            continue;
        };
        if !line.is_deleted {
            let taken = sqlx::query_scalar!(
                r#"select c.client_id from system_client c join system s on s.system_internal_id = c.system_internal_id
                   where c.released_at is null and s.system_id <> $1 and c.vendor_org_number = $3
                     and lower(c.client_id) in (select lower(x) from unnest($2::text[]) x)"#,
                id,
                &line.client_id,
                vendor.as_str()
            )
            .fetch_all(&mut *tx)
            .await?;
            if !taken.is_empty() {
                merge.findings.add(
                    staged.number(),
                    "clientId",
                    "CONFLICT",
                    format!(
                        "belongs to another system of this vendor: {}",
                        taken.join(", ")
                    ),
                );
                continue;
            }
        }
        let urls: Vec<String> = line
            .allowed_redirect_urls
            .iter()
            .filter_map(|u| canonical_redirect_url(u, PlainHttp::Accepted))
            .collect();
        let mut packages = line.access_packages;
        AccessPackage::spell(&mut packages, &merge.context.catalogue);
        let stored = sqlx::query!(
            r#"with stored as (
                 insert into system (system_internal_id, system_id, vendor_org_number, name, description, rights, access_packages,
                   allowed_redirect_urls, is_visible, is_deleted, created)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp()) on conflict (system_id) do nothing returning system_internal_id
               ), clients as (
                 insert into system_client (client_id, system_internal_id, vendor_org_number, position, released_at)
                 select c.id, stored.system_internal_id, $3, c.position::int, case when $10 then service_now() end
                 from stored cross join unnest($11::text[]) with ordinality as c(id, position))
               select system_internal_id from stored"#,
            Uuid::new_v4(),
            id,
            vendor.as_str(),
            line.name,
            line.description,
            serde_json::to_value(&line.rights).unwrap_or_default(),
            serde_json::to_value(&packages).unwrap_or_default(),
            &urls,
            line.is_visible,
            line.is_deleted,
            &line.client_id
        )
        .fetch_optional(&mut *tx)
        .await?;
        counts.stored(stored.map(|_| true));
    }
    Ok(counts)
}
