//! What a request must hold. Pure rules.

use super::model::{NewRequest, RequestKind, SystemUserRequest};
use crate::systems::{
    System,
    rules::{PackageAudience, check_packages_subset, check_redirect_url, check_rights_subset},
};
use foundation::http::{Problem, ProblemCode};
use registers::packages::Catalogue;

/// What is wrong with a new request, given the system it names, in the order of the answer.
#[must_use]
pub fn findings(
    kind: RequestKind,
    request: &NewRequest,
    system: &System,
    catalogue: &Catalogue,
) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    out.extend(
        check_redirect_url(request.redirect_url.as_deref(), &system.redirect_urls)
            .err()
            .map(Problem::from),
    );
    let rights = request.rights.as_deref().unwrap_or_default();
    let packages = request.access_packages.as_deref().unwrap_or_default();
    let audience = match kind {
        RequestKind::Standard => PackageAudience::Own,
        RequestKind::Agent => PackageAudience::Clients,
    };
    if kind == RequestKind::Agent && packages.is_empty() {
        out.push(ProblemCode::AgentWithoutPackages.into());
    } else if kind == RequestKind::Standard
        && request.rights.is_none()
        && request.access_packages.is_none()
    {
        out.push(ProblemCode::RightsNotFoundOrNotDelegable.into());
    } else if kind == RequestKind::Standard && rights.is_empty() && packages.is_empty() {
        out.push(ProblemCode::NoRightsOrPackages.into());
    }
    if kind == RequestKind::Standard && !rights.is_empty() {
        out.extend(
            check_rights_subset(rights, &system.rights)
                .err()
                .map(Problem::from),
        );
    }
    if !packages.is_empty() {
        out.extend(
            check_packages_subset(packages, &system.access_packages, audience, catalogue).err(),
        );
    }
    out
}

/// Checks a new request against the system it names.
///
/// # Errors
/// The first finding.
pub fn check_new(
    kind: RequestKind,
    request: &NewRequest,
    system: &System,
    catalogue: &Catalogue,
) -> Result<(), Problem> {
    findings(kind, request, system, catalogue)
        .into_iter()
        .next()
        .map_or(Ok(()), Err)
}

/// Whether a request, made some time ago, still fits its system.
///
/// # Errors
/// The system lists less now.
pub fn check_still_fits(
    request: &SystemUserRequest,
    system: &System,
    catalogue: &Catalogue,
) -> Result<(), Problem> {
    if !request.rights.is_empty() {
        check_rights_subset(&request.rights, &system.rights)?;
    }
    if request.access_packages.is_empty() {
        return Ok(());
    }
    let audience = match request.kind {
        RequestKind::Standard => PackageAudience::Own,
        RequestKind::Agent => PackageAudience::Clients,
    };
    check_packages_subset(
        &request.access_packages,
        &system.access_packages,
        audience,
        catalogue,
    )
}
