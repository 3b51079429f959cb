//! Addresses of the pages about requests and change requests.

use system_users::requests::RequestKind;
use uuid::Uuid;

/// Last part of the address of a request's page.
pub const fn name(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Standard => "request",
        RequestKind::Agent => "agentrequest",
    }
}

/// Address of the page about a request.
pub fn of_request(kind: RequestKind, id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/accessmanagement/ui/systemuser/{}?id={id}", name(kind))
}

/// Address of the page about a change request.
pub fn of_change_request(id: Uuid) -> String {
    format!("/accessmanagement/ui/systemuser/changerequest?id={id}")
}
