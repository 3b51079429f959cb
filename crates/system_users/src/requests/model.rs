//! Requests, as data and on the wire.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::systems::{AccessPackage, Right};
use authorization::live_system_users::SystemUserKind;
use foundation::{http::time, ids::ExternalRef};

/// Kind of a request: that of the system user it asks for.
pub type RequestKind = SystemUserKind;

/// The status of a request. A time-out is computed on reading and stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "words of the wire")]
pub enum RequestStatus {
    New,
    Accepted,
    Rejected,
    Denied,
    Timedout,
}

impl RequestStatus {
    /// From the stored word; none for another one.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        Some(match word {
            "New" => Self::New,
            "Accepted" => Self::Accepted,
            "Rejected" => Self::Rejected,
            "Denied" => Self::Denied,
            "Timedout" => Self::Timedout,
            _ => return None,
        })
    }

    /// As stored and as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Denied => "Denied",
            Self::Timedout => "Timedout",
        }
    }
}

foundation::text_column!(RequestStatus);

/// A stored request.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct SystemUserRequest {
    pub id: Uuid,
    pub kind: RequestKind,
    pub system_id: String,
    pub party_org_no: String,
    pub external_ref: String,
    pub integration_title: Option<String>,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
    pub status: RequestStatus,
    pub escalated: bool,
    pub redirect_url: Option<String>,
    pub created: DateTime<Utc>,
    /// It was not answered in time.
    pub timed_out: bool,
    pub is_deleted: bool,
}

impl SystemUserRequest {
    /// Resource ids of the rights, in order.
    #[must_use]
    pub fn resource_ids(&self) -> Vec<String> {
        self.rights
            .iter()
            .filter_map(|r| r.resource_id().map(str::to_owned))
            .collect()
    }

    /// URNs of the packages, in order.
    #[must_use]
    pub fn package_urns(&self) -> Vec<String> {
        self.access_packages.iter().map(|p| p.urn.clone()).collect()
    }

    /// Can still be approved.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == RequestStatus::New && !self.timed_out
    }
}

/// What a vendor asks for, trimmed.
#[derive(Debug)]
pub struct NewRequest {
    pub system_id: String,
    pub party_org_no: String,
    pub external_ref: Option<String>,
    pub integration_title: Option<String>,
    pub rights: Option<Vec<Right>>,
    pub access_packages: Option<Vec<AccessPackage>>,
    pub redirect_url: Option<String>,
}

impl NewRequest {
    /// The reference it is found by: the vendor's own, or else the customer's number.
    #[must_use]
    pub fn key_ref(&self) -> ExternalRef {
        ExternalRef::or_default(self.external_ref.as_deref(), &self.party_org_no)
    }
}

/// A request on the wire.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestDto {
    pub id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_title: Option<String>,
    pub external_ref: String,
    pub system_id: String,
    pub party_org_no: String,
    /// Absent in requests for agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<Vec<Right>>,
    pub access_packages: Vec<AccessPackage>,
    pub status: RequestStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// Where the customer decides. Vendors get it; it is absent in lists and in end-user answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_url: Option<String>,
    pub escalated: bool,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    pub timed_out: bool,
}

impl RequestDto {
    /// The wire form, with `confirmUrl` when the pages' base is given.
    #[must_use]
    pub fn new(request: SystemUserRequest, ui_base: Option<&str>) -> Self {
        Self {
            confirm_url: ui_base.map(|base| confirm_url(base, request.kind, request.id)),
            id: request.id,
            integration_title: request.integration_title,
            external_ref: request.external_ref,
            system_id: request.system_id,
            party_org_no: request.party_org_no,
            rights: (request.kind == RequestKind::Standard).then_some(request.rights),
            access_packages: request.access_packages,
            status: request.status,
            redirect_url: request.redirect_url,
            escalated: request.escalated,
            created: request.created,
            timed_out: request.timed_out,
        }
    }
}

/// Where the customer decides about a request.
#[must_use]
pub fn confirm_url(ui_base: &str, kind: RequestKind, id: Uuid) -> String {
    let page = match kind {
        RequestKind::Standard => "request",
        RequestKind::Agent => "agentrequest",
    };
    format!("{ui_base}/accessmanagement/ui/systemuser/{page}?id={id}&DONTCHOOSEREPORTEE=true")
}

/// A request as the approval page of a portal loads it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestInternalDto {
    pub id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_title: Option<String>,
    pub external_ref: String,
    pub system_id: String,
    pub party_org_no: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
    pub status: RequestStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    pub escalated: bool,
    /// The caller has to do with the organisation, but may not decide for it.
    pub user_may_escalate_but_not_approve: bool,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    /// `Standard` or `Agent`, with a capital.
    pub system_user_type: &'static str,
}

/// A request that has timed out, which has not been published to its vendor.
#[derive(Debug)]
pub struct TimedOutRequest {
    pub id: Uuid,
    /// None for a request for a new one.
    pub system_user_id: Option<Uuid>,
    pub system_id: String,
    pub vendor_org: String,
    pub party_org_no: String,
    pub external_ref: String,
}
