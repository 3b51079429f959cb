//! Reading the body of a change request.

use serde_json::Value;

use super::model::{NewChange, RequestedChanges};
use crate::systems::{AccessPackage, bind_packages, bind_rights};
use foundation::http::{
    ApiResult,
    bind::{Binder, MemberPresence},
};
use registers::packages::Catalogue;

/// Public name of the body.
pub const BODY: &str = "request";

/// Reads a change request. Lists that are left out are empty; none may be null. Packages are spelt
/// as the catalogue does.
///
/// # Errors
/// Model state.
pub fn bind_change(value: &Value, catalogue: &Catalogue) -> ApiResult<NewChange> {
    let mut b = Binder::new(BODY);
    let root = b.root(value)?;
    let mut sets = RequestedChanges {
        required_rights: bind_rights(&mut b, &root, "requiredRights", MemberPresence::NotNull)?
            .unwrap_or_default(),
        unwanted_rights: bind_rights(&mut b, &root, "unwantedRights", MemberPresence::NotNull)?
            .unwrap_or_default(),
        required_access_packages: bind_packages(
            &mut b,
            &root,
            "requiredAccessPackages",
            MemberPresence::NotNull,
        )?
        .unwrap_or_default(),
        unwanted_access_packages: bind_packages(
            &mut b,
            &root,
            "unwantedAccessPackages",
            MemberPresence::NotNull,
        )?
        .unwrap_or_default(),
    };
    let redirect_url = b
        .text(&root, "redirectUrl", MemberPresence::Optional)?
        .map(|u| u.trim().to_owned());
    b.finish()?;
    AccessPackage::spell(&mut sets.required_access_packages, catalogue);
    AccessPackage::spell(&mut sets.unwanted_access_packages, catalogue);
    Ok(NewChange { sets, redirect_url })
}
