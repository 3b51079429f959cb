//! Reading the body of a vendor's request.

use serde_json::Value;

use super::model::{NewRequest, RequestKind};
use crate::systems::{AccessPackage, bind_packages, bind_rights};
use foundation::http::{
    ApiResult,
    bind::{Binder, MemberPresence},
};
use registers::packages::Catalogue;

/// Public name of the body of a request of a kind.
#[must_use]
pub const fn parameter(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Standard => "createRequest",
        RequestKind::Agent => "createAgentRequest",
    }
}

/// Reads a request. One for an agent must name packages, and has no rights. Packages are spelt as
/// the catalogue does.
///
/// # Errors
/// Model state.
pub fn bind_request(
    value: &Value,
    kind: RequestKind,
    catalogue: &Catalogue,
) -> ApiResult<NewRequest> {
    let agent = kind == RequestKind::Agent;
    let mut binder = Binder::new(parameter(kind));
    let root = binder.root(value)?;
    let mut request = NewRequest {
        external_ref: binder.optional_text(&root, "externalRef")?,
        system_id: binder.key_text(&root, "systemId")?,
        party_org_no: binder.key_text(&root, "partyOrgNo")?,
        integration_title: binder
            .optional_text(&root, "integrationTitle")?
            .filter(|t| !t.is_empty()),
        rights: if agent {
            None
        } else {
            bind_rights(&mut binder, &root, "rights", MemberPresence::Optional)?
        },
        access_packages: bind_packages(
            &mut binder,
            &root,
            "accessPackages",
            if agent {
                MemberPresence::Required
            } else {
                MemberPresence::Optional
            },
        )?,
        redirect_url: binder
            .text(&root, "redirectUrl", MemberPresence::Optional)?
            .map(|u| u.trim().to_owned()),
    };
    let texts = [
        ("externalRef", &request.external_ref),
        ("integrationTitle", &request.integration_title),
    ];
    for (name, text) in texts {
        binder.must_be_displayable(&root, name, text.as_deref());
    }
    binder.finish()?;
    AccessPackage::spell(
        request.access_packages.as_deref_mut().unwrap_or_default(),
        catalogue,
    );
    Ok(request)
}
