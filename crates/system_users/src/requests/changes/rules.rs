//! What a change request must hold. Pure rules.

use super::model::NewChange;
use crate::systems::{
    System,
    rules::{Audience, check_packages_subset, check_redirect_url, check_rights_subset},
};
use foundation::http::Problem;
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
            check_packages_subset(packages, &system.access_packages, Audience::Own, catalogue)
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
