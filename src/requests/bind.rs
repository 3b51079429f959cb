//! Reading the body of a vendor's request.

use serde_json::Value;

use super::model::NewRequest;
use crate::{
    http::{
        ApiResult,
        bind::{Binder, Presence},
    },
    systems::{bind_packages, bind_rights},
};

/// Reads a request for a system user of the customer's own.
///
/// # Errors
/// Model state.
pub fn bind_request(value: &Value) -> ApiResult<NewRequest> {
    let mut binder = Binder::new("createRequest");
    let root = binder.root(value)?;
    let request = NewRequest {
        external_ref: binder.optional_text(&root, "externalRef")?,
        system_id: binder.key_text(&root, "systemId")?,
        party_org_no: binder.key_text(&root, "partyOrgNo")?,
        integration_title: binder.optional_text(&root, "integrationTitle")?.filter(|t| !t.is_empty()),
        rights: bind_rights(&mut binder, &root, "rights", Presence::Optional)?,
        access_packages: bind_packages(&mut binder, &root, "accessPackages", Presence::Optional)?,
        redirect_url: binder.text(&root, "redirectUrl", Presence::Optional)?.map(|u| u.trim().to_owned()),
    };
    binder.finish()?;
    Ok(request)
}
