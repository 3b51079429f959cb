//! Change requests, as data and on the wire.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    requests::RequestStatus,
    systems::{AccessPackage, Right},
    users::SystemUser,
};
use foundation::http::time;

/// What shall be added and taken away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestedChanges {
    /// Rights to be added.
    pub required_rights: Vec<Right>,
    /// Rights to be taken away.
    pub unwanted_rights: Vec<Right>,
    /// Access packages to be added.
    pub required_access_packages: Vec<AccessPackage>,
    /// Access packages to be taken away.
    pub unwanted_access_packages: Vec<AccessPackage>,
}

impl RequestedChanges {
    /// Nothing shall change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.required_rights.is_empty()
            && self.unwanted_rights.is_empty()
            && self.required_access_packages.is_empty()
            && self.unwanted_access_packages.is_empty()
    }
}

impl RequestedChanges {
    /// Resources of the rights to be added.
    #[must_use]
    pub fn required_resources(&self) -> Vec<String> {
        self.required_rights
            .iter()
            .filter_map(|r| r.resource_id().map(str::to_owned))
            .collect()
    }

    /// Resources of the rights to be taken away, by the first pair of each.
    #[must_use]
    pub fn unwanted_resources(&self) -> Vec<String> {
        self.unwanted_rights
            .iter()
            .filter_map(|r| r.resource.first())
            .map(|p| p.value.clone())
            .collect()
    }
}

/// A stored change request.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct ChangeRequest {
    pub id: Uuid,
    pub system_user_id: Uuid,
    pub system_id: String,
    pub party_org_no: String,
    pub external_ref: String,
    pub sets: RequestedChanges,
    pub status: RequestStatus,
    pub redirect_url: Option<String>,
    pub created: DateTime<Utc>,
    /// It was not answered in time.
    pub timed_out: bool,
    pub is_deleted: bool,
}

impl ChangeRequest {
    /// Can still be approved.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == RequestStatus::New && !self.timed_out
    }
}

/// What a vendor sends.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// What shall change.
    pub sets: RequestedChanges,
    /// Where the customer's browser goes afterwards.
    pub redirect_url: Option<String>,
}

/// A change request on the wire.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRequestDto {
    pub id: Uuid,
    pub external_ref: String,
    pub system_id: String,
    pub system_user_id: Uuid,
    pub party_org_no: String,
    #[serde(flatten)]
    pub sets: RequestedChanges,
    /// `New`, `Accepted`, `Rejected`; `NoChangeNeeded` where nothing was asked for.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// Where the customer decides. Vendors get it; it is absent in lists and in end-user answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_url: Option<String>,
    pub created: String,
    pub timed_out: bool,
}

impl ChangeRequestDto {
    /// The wire form, with `confirmUrl` when the pages' base is given.
    #[must_use]
    pub fn new(request: ChangeRequest, ui_base: Option<&str>) -> Self {
        Self {
            confirm_url: ui_base.map(|base| format!("{base}/accessmanagement/ui/systemuser/changerequest?id={}&DONTCHOOSEREPORTEE=true", request.id)),
            id: request.id,
            external_ref: request.external_ref,
            system_id: request.system_id,
            system_user_id: request.system_user_id,
            party_org_no: request.party_org_no,
            sets: request.sets,
            status: request.status.as_str(),
            redirect_url: request.redirect_url,
            created: time::format(request.created),
            timed_out: request.timed_out,
        }
    }

    /// The answer to a question for nothing. It is stored nowhere.
    #[must_use]
    pub fn no_change_needed(id: Uuid, user: SystemUser, new: NewChange) -> Self {
        Self {
            id,
            external_ref: user.external_ref,
            system_id: user.system_id,
            system_user_id: user.id,
            party_org_no: user.reportee_org_no,
            sets: new.sets,
            status: "NoChangeNeeded",
            redirect_url: new.redirect_url,
            confirm_url: Some(String::new()),
            created: "0001-01-01T00:00:00".to_owned(),
            timed_out: false,
        }
    }
}

/// A change request as the approval page of a portal loads it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRequestInternalDto {
    pub id: Uuid,
    pub external_ref: String,
    pub system_id: String,
    pub system_user_id: Uuid,
    pub party_org_no: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    #[serde(flatten)]
    pub sets: RequestedChanges,
    pub status: RequestStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
}

/// What a change comes to, given what is held now.
#[derive(Debug)]
pub struct GrantDifference {
    /// Packages to be added.
    pub new: Vec<String>,
    /// Packages to be taken away.
    pub gone: Vec<String>,
}

impl GrantDifference {
    /// What the sets come to where these packages are held, by URN.
    #[must_use]
    pub fn of(sets: &RequestedChanges, held: &[String]) -> Self {
        let holds = |p: &&AccessPackage| held.iter().any(|urn| p.is(urn));
        let urns = |list: &[AccessPackage], wanted: bool| {
            list.iter()
                .filter(|p| holds(p) == wanted)
                .map(|p| p.urn.clone())
                .collect()
        };
        // What is asked for and unwanted at once is taken away, whether it is held yet or not.
        let mut gone: Vec<String> = urns(&sets.unwanted_access_packages, true);
        let new: Vec<String> = urns(&sets.required_access_packages, false);
        gone.extend(
            new.iter()
                .filter(|urn| sets.unwanted_access_packages.iter().any(|p| p.is(urn)))
                .cloned(),
        );
        Self { new, gone }
    }
}
