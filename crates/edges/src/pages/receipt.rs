//! How a visit to the page of a request ended, as it is kept until the browser is out.

use chrono::{DateTime, Utc};
use registers::parties::Party;
use serde::{Deserialize, Serialize};
use system_users::requests::RequestStatus;

use super::display;

/// How a visit to the page of a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VisitOutcome {
    /// A system user was made.
    Approved,
    /// A system user was changed.
    Changed,
    Rejected,
    /// Passed on to those who may decide.
    Escalated,
    /// Nothing was decided.
    Closed,
}

impl VisitOutcome {
    /// The outcome of a request that is not decided now.
    pub const fn of_request(status: RequestStatus, escalated: bool) -> Self {
        match status {
            RequestStatus::Accepted => Self::Approved,
            RequestStatus::Rejected => Self::Rejected,
            RequestStatus::New if escalated => Self::Escalated,
            RequestStatus::New | RequestStatus::Denied | RequestStatus::Timedout => Self::Closed,
        }
    }

    /// The same of a change request, which is never passed on.
    pub const fn of_change_request(status: RequestStatus) -> Self {
        match Self::of_request(status, false) {
            Self::Approved => Self::Changed,
            other => other,
        }
    }

    /// Key of the heading; none where the outcome is one sentence among others.
    pub const fn heading(self) -> Option<&'static str> {
        match self {
            Self::Approved => Some("out.approved"),
            Self::Changed => Some("out.changed"),
            Self::Rejected => Some("out.rejected"),
            Self::Escalated => Some("out.escalated"),
            Self::Closed => None,
        }
    }
}

/// What the pages on the way out say about a decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub outcome: VisitOutcome,
    /// Name of the system; older rows have none.
    #[serde(default)]
    pub system: Option<String>,
    pub system_id: String,
    /// Name of the organisation.
    pub org: String,
    pub org_number: Option<String>,
    pub at: DateTime<Utc>,
}

impl Receipt {
    /// For a request of this organisation.
    pub fn new(
        outcome: VisitOutcome,
        system: &str,
        system_id: &str,
        party: &Party,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            outcome,
            system: Some(system.to_owned()),
            system_id: system_id.to_owned(),
            org: display::name(&party.name),
            org_number: party.org_number.clone(),
            at,
        }
    }

    /// Name of the system, or its id.
    pub fn system_name(&self) -> &str {
        self.system.as_deref().unwrap_or(&self.system_id)
    }
}
