//! Requests of vendors: bodies, and handles of those that were made.

use serde_json::{Value, json};

use crate::{
    app::TestApp,
    caller::Caller,
    organizations::Organization,
    packages::{Package, packages},
    scopes::REQUEST_READ,
    systems::{System, SystemUser},
};

/// Requests, as vendors make them.
pub const VENDOR_REQUESTS: &str = "/authentication/api/v1/systemuser/request/vendor";
/// Requests for agents, as vendors make them.
pub const VENDOR_AGENT_REQUESTS: &str = "/authentication/api/v1/systemuser/request/vendor/agent";
/// Change requests, as vendors make them.
pub const VENDOR_CHANGES: &str = "/authentication/api/v1/systemuser/changerequest/vendor";
/// Requests, as customers see them.
pub const REQUESTS: &str = "/authentication/api/v1/systemuser/request";
/// Requests for agents, as customers see them.
pub const AGENT_REQUESTS: &str = "/authentication/api/v1/systemuser/request/agent";
/// Change requests, as customers see them.
pub const CHANGES: &str = "/authentication/api/v1/systemuser/changerequest";

/// Status of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "words of the API")]
pub enum RequestStatus {
    New,
    Accepted,
    Rejected,
}

impl RequestStatus {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A system user that acts for its owner.
    Standard,
    /// A system user that acts for its owner's clients.
    Agent,
    /// More or less for a system user that exists.
    Change,
}

/// A request that was made.
#[derive(Debug, Clone)]
pub struct RequestHandle<'a> {
    pub(crate) app: &'a TestApp,
    /// Its id.
    pub id: String,
    /// What it asks for.
    pub kind: RequestKind,
    /// Who made it.
    pub vendor: Organization,
    /// Who answers it.
    pub customer: Organization,
}

impl RequestHandle<'_> {
    /// Path under which its vendor reads it and takes it back.
    #[must_use]
    pub fn vendor_path(&self) -> String {
        let base = match self.kind {
            RequestKind::Standard => VENDOR_REQUESTS,
            RequestKind::Agent => VENDOR_AGENT_REQUESTS,
            RequestKind::Change => VENDOR_CHANGES,
        };
        format!("{base}/{}", self.id)
    }

    fn base(&self) -> &'static str {
        match self.kind {
            RequestKind::Standard => REQUESTS,
            RequestKind::Agent => AGENT_REQUESTS,
            RequestKind::Change => CHANGES,
        }
    }

    /// Path under which its customer reads and answers it.
    #[must_use]
    pub fn customer_path(&self) -> String {
        format!("{}/{}/{}", self.base(), self.customer.party, self.id)
    }

    /// Path of the page's data, by the id alone.
    #[must_use]
    pub fn page_path(&self) -> String {
        format!("{}/{}", self.base(), self.id)
    }

    /// The same request, addressed as if another party should answer it.
    #[must_use]
    pub fn as_if_for(&self, customer: Organization) -> Self {
        Self {
            customer,
            ..self.clone()
        }
    }

    /// The same id, addressed as a request of another kind.
    #[must_use]
    pub fn as_if_of_kind(&self, kind: RequestKind) -> Self {
        Self {
            kind,
            ..self.clone()
        }
    }

    /// The system user that its approval makes.
    #[must_use]
    pub fn system_user(&self) -> SystemUser {
        SystemUser {
            id: self.id.clone().into(),
            owner: self.customer,
        }
    }

    /// The request, as its vendor reads it.
    pub async fn shown(&self) -> Value {
        let vendor = Caller::organization(self.app, self.vendor, REQUEST_READ);
        vendor
            .get(&self.vendor_path())
            .await
            .assert_status(200)
            .json()
    }

    /// Its vendor reads this status.
    pub async fn assert_status(&self, status: RequestStatus) {
        let shown = self.shown().await;
        assert_eq!(shown["status"], status.word(), "{shown}");
    }

    /// Its vendor reads that it waited too long, or that it did not.
    pub async fn assert_timed_out(&self, expected: bool) {
        let shown = self.shown().await;
        assert_eq!(shown["timedOut"], expected, "{shown}");
    }
}

/// Body of a request for a system.
#[must_use]
pub fn request_for(
    system: System,
    customer: Organization,
    list: impl IntoIterator<Item = Package>,
) -> Value {
    json!({"systemId": system.id, "partyOrgNo": customer.number, "accessPackages": packages(list)})
}

/// A body with one member set.
#[must_use]
pub fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// A body without one member.
#[must_use]
pub fn without(mut body: Value, member: &str) -> Value {
    if let Some(object) = body.as_object_mut() {
        object.shift_remove(member);
    }
    body
}
