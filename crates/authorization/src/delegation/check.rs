//! The delegation check with its facts.

use sqlx::PgConnection;

use super::rules::{DelegationReason, DelegationReport, Delegator, RightOutcome};
use foundation::db::DbError;
use registers::{
    packages::Catalogue,
    parties::{self, Party},
    resources::{self, CompiledPolicies},
};

/// What would be given.
#[derive(Debug, Clone, Copy)]
pub struct WantedAccess<'a> {
    /// Resource identifiers, in order.
    pub resources: &'a [String],
    /// Package URNs, in order.
    pub packages: &'a [String],
}

/// Whether this person may give this for this organisation. An empty wish always passes.
pub async fn check(
    db: &mut PgConnection,
    catalogue: &Catalogue,
    policies: &CompiledPolicies,
    person: &Party,
    owner: &Party,
    wanted: WantedAccess<'_>,
) -> Result<DelegationReport, DbError> {
    let mut report = DelegationReport::default();
    if wanted.resources.is_empty() && wanted.packages.is_empty() {
        return Ok(report);
    }
    let connections = parties::connections(&mut *db, person, owner).await?;
    let delegator = Delegator::new(catalogue, person, owner, &connections);
    for identifier in wanted.resources {
        let outcome = match policies.resource(&mut *db, identifier).await? {
            None => RightOutcome {
                resource: identifier.clone(),
                granted: Vec::new(),
                reasons: vec![DelegationReason::Unknown],
            },
            Some(resource) => {
                let filters = if resource.access_list_enabled {
                    resources::access_list_filters(&mut *db, identifier, owner.key).await?
                } else {
                    Vec::new()
                };
                delegator.right(&resource, &filters)
            }
        };
        report.rights.push(outcome);
    }
    report.packages = wanted
        .packages
        .iter()
        .map(|urn| delegator.package(urn))
        .collect();
    Ok(report)
}
