//! What a change request must hold. Pure rules.

use super::model::{ChangeRequest, GrantDifference, NewChange};
use crate::systems::{
    System,
    rules::{PackageAudience, check_packages_subset, check_redirect_url, check_rights_subset},
};
use authorization::delegation::DelegationReport;
use foundation::http::{Problem, ProblemCode};
use registers::packages::Catalogue;

/// What is wrong with a new change request, given the system of its system user, in the order of
/// the answer.
#[must_use]
pub fn findings(new: &NewChange, system: &System, catalogue: &Catalogue) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    let (rights, packages) = (
        &new.sets.required_rights,
        &new.sets.required_access_packages,
    );
    out.extend(
        check_redirect_url(new.redirect_url.as_deref(), &system.redirect_urls)
            .err()
            .map(Problem::from),
    );
    if !rights.is_empty() {
        out.extend(
            check_rights_subset(rights, &system.rights)
                .err()
                .map(Problem::from),
        );
    }
    if !packages.is_empty() {
        out.extend(
            check_packages_subset(
                packages,
                &system.access_packages,
                PackageAudience::Own,
                catalogue,
            )
            .err(),
        );
    }
    out
}

/// Checks a new change request.
///
/// # Errors
/// The first finding.
pub fn check_new(new: &NewChange, system: &System, catalogue: &Catalogue) -> Result<(), Problem> {
    findings(new, system, catalogue)
        .into_iter()
        .next()
        .map_or(Ok(()), Err)
}

/// Whether a change, asked for some time ago, still fits its system.
///
/// # Errors
/// The system lists less now.
pub fn check_still_fits(
    change: &ChangeRequest,
    difference: &GrantDifference,
    system: &System,
) -> Result<(), Problem> {
    let rights = &change.sets.required_rights;
    if !rights.is_empty() {
        check_rights_subset(rights, &system.rights)?;
    }
    let missing: Vec<&str> = difference
        .new
        .iter()
        .filter(|urn| !system.access_packages.iter().any(|p| p.is(urn)))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ProblemCode::PackagesInvalid.with("Invalid Urn Details : ", missing.join(" | ")))
}

/// The problem to answer with when the approver may not give all of a change. Rights have one code for
/// every reason here; the extensions contain the reasons.
#[must_use]
pub fn problem_of(report: &DelegationReport) -> Option<Problem> {
    let of_rights = DelegationReport {
        rights: report.rights.clone(),
        packages: Vec::new(),
    };
    if let Some(found) = of_rights.problem() {
        let mut problem = Problem::from(ProblemCode::RightsNotFoundOrNotDelegable);
        problem.extensions = found.extensions;
        return Some(problem);
    }
    let of_packages = DelegationReport {
        rights: Vec::new(),
        packages: report.packages.clone(),
    };
    of_packages.problem()
}
