//! What a request must hold. Pure rules.

use super::model::{NewRequest, Request, RequestKind};
use crate::{
    http::{Problem, ProblemCode},
    packages::Catalogue,
    register::Party,
    systems::{
        System,
        rules::{Audience, check_packages_subset, check_redirect_url, check_rights_subset},
    },
};

/// Checks a new request against the system it names.
///
/// # Errors
/// The first finding.
pub fn check_new(kind: RequestKind, request: &NewRequest, system: &System, catalogue: &Catalogue) -> Result<(), Problem> {
    check_redirect_url(request.redirect_url.as_deref(), &system.redirect_urls)?;
    if kind == RequestKind::Agent {
        let packages = request.access_packages.as_deref().unwrap_or_default();
        if packages.is_empty() {
            return Err(ProblemCode::AgentWithoutPackages.into());
        }
        return check_packages_subset(packages, &system.access_packages, Audience::Clients, catalogue);
    }
    if request.rights.is_none() && request.access_packages.is_none() {
        return Err(ProblemCode::RightsNotFoundOrNotDelegable.into());
    }
    let rights = request.rights.as_deref().unwrap_or_default();
    let packages = request.access_packages.as_deref().unwrap_or_default();
    if rights.is_empty() && packages.is_empty() {
        return Err(ProblemCode::NoRightsOrPackages.into());
    }
    if !rights.is_empty() {
        check_rights_subset(rights, &system.rights)?;
    }
    if packages.is_empty() { Ok(()) } else { check_packages_subset(packages, &system.access_packages, Audience::Own, catalogue) }
}

/// Whether a request may be decided for this party at all.
///
/// # Errors
/// It belongs to another party.
pub fn check_party(request: &Request, party: &Party) -> Result<(), ProblemCode> {
    let Some(org_number) = &party.org_number else { return Err(ProblemCode::OrganizationNotFound) };
    match (*org_number == request.party_org_no, request.kind) {
        (true, _) => Ok(()),
        (false, RequestKind::Standard) => Err(ProblemCode::PartyMismatch),
        (false, RequestKind::Agent) => Err(ProblemCode::AgentPartyMismatch),
    }
}

/// Whether a request, made some time ago, still fits its system.
///
/// # Errors
/// The system lists less now.
pub fn check_still_fits(request: &Request, system: &System, catalogue: &Catalogue) -> Result<(), Problem> {
    if !request.rights.is_empty() {
        check_rights_subset(&request.rights, &system.rights)?;
    }
    if request.access_packages.is_empty() {
        return Ok(());
    }
    let audience = match request.kind {
        RequestKind::Standard => Audience::Own,
        RequestKind::Agent => Audience::Clients,
    };
    check_packages_subset(&request.access_packages, &system.access_packages, audience, catalogue)
}
