//! Requests and change requests: reading one by its id, and deciding about it.

use axum::extract::State;
use uuid::Uuid;

use super::{PortalBackEnd, PortalUser};
use super::{
    describe::{Describer, PageLanguage},
    model::{PortalChangeRequest, PortalRequest},
    problem::{PortalError, PortalResult},
};
use authorization::permissions::{PermittedPerson, PortalAccessManagementWrite};
use foundation::http::{Json, path::PathValues};
use system_users::requests::{RequestKind, changes, enduser_api};

/// A request by its id, with names.
#[utoipa::path(get, operation_id = "getPortalRequest", path = "/accessmanagement/api/v1/systemuser/request/{id}", tag = "Portal", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = PortalRequest), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00066"),
        (status = 404, description = "AMUI-00010")))]
pub async fn read(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<PortalRequest>> {
    read_of(&portal, &user, language, RequestKind::Standard, &path).await
}

/// A request for an agent by its id, with names.
#[utoipa::path(get, operation_id = "getPortalAgentRequest", path = "/accessmanagement/api/v1/systemuser/agentrequest/{id}", tag = "Portal", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = PortalRequest), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00066"),
        (status = 404, description = "AMUI-00010")))]
pub async fn read_agent(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<PortalRequest>> {
    read_of(&portal, &user, language, RequestKind::Agent, &path).await
}

async fn read_of(
    portal: &PortalBackEnd,
    user: &PortalUser,
    language: PageLanguage,
    kind: RequestKind,
    path: &PathValues,
) -> PortalResult<Json<PortalRequest>> {
    let request = enduser_api::for_person(&portal.requests, user, kind, path.uuid("id")?)
        .await
        .map_err(PortalError::of_read)?;
    let mut describe = Describer::new(&portal.metadata, language);
    let mut db = portal.db.acquire().await?;
    Ok(Json(PortalRequest {
        system: describe.system(&mut db, &request.system_id).await?,
        resources: match kind {
            RequestKind::Standard => Some(describe.resources(&mut db, &request.rights).await?),
            RequestKind::Agent => None,
        },
        access_packages: describe.packages(&mut db, &request.access_packages).await?,
        id: request.id,
        party_id: request.party_id,
        party_uuid: request.party_uuid,
        status: request.status,
        redirect_url: request.redirect_url,
        created: request.created,
        escalated: request.escalated,
        user_may_escalate_but_not_approve: request.user_may_escalate_but_not_approve,
    }))
}

/// A change request by its id, with names.
#[utoipa::path(get, operation_id = "getPortalChangeRequest", path = "/accessmanagement/api/v1/systemuser/changerequest/{id}", tag = "Portal", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = PortalChangeRequest), (status = 400), (status = 401), (status = 403, description = "Scope, or AMUI-00066"),
        (status = 404, description = "AMUI-00010")))]
pub async fn read_change(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: PageLanguage,
    path: PathValues,
) -> PortalResult<Json<PortalChangeRequest>> {
    let request = changes::enduser_api::for_person(&portal.requests, &user, path.uuid("id")?)
        .await
        .map_err(PortalError::of_read)?;
    let mut describe = Describer::new(&portal.metadata, language);
    let mut db = portal.db.acquire().await?;
    let sets = &request.sets;
    Ok(Json(PortalChangeRequest {
        system: describe.system(&mut db, &request.system_id).await?,
        required_rights: describe.resources(&mut db, &sets.required_rights).await?,
        unwanted_rights: describe.resources(&mut db, &sets.unwanted_rights).await?,
        required_access_packages: describe
            .packages(&mut db, &sets.required_access_packages)
            .await?,
        unwanted_access_packages: describe
            .packages(&mut db, &sets.unwanted_access_packages)
            .await?,
        id: request.id,
        party_id: request.party_id,
        party_uuid: request.party_uuid,
        status: request.status,
        redirect_url: request.redirect_url,
    }))
}

/// What is done about a request.
enum RequestStep {
    Approve,
    Reject,
}

/// A step of a person for the party of the route.
struct RequestStepCall<'a> {
    portal: &'a PortalBackEnd,
    user: PortalUser,
    path: &'a PathValues,
}

impl RequestStepCall<'_> {
    async fn permitted(self) -> PortalResult<(PermittedPerson<PortalAccessManagementWrite>, Uuid)> {
        let (party, id) = (self.path.party_id()?, self.path.uuid("id")?);
        Ok((
            self.portal.permissions.permitted(self.user, party).await?,
            id,
        ))
    }

    async fn decide(self, kind: RequestKind, step: RequestStep) -> PortalResult<bool> {
        let decisions = &self.portal.requests;
        let (permitted, id) = self.permitted().await?;
        let approver = permitted.approver();
        match step {
            RequestStep::Approve => decisions.approve(approver, kind, id, None).await?,
            RequestStep::Reject => decisions.reject(approver, kind, id).await?,
        };
        Ok(true)
    }

    async fn decide_change(self, step: RequestStep) -> PortalResult<bool> {
        let decisions = &self.portal.requests;
        let (permitted, id) = self.permitted().await?;
        let approver = permitted.approver();
        match step {
            RequestStep::Approve => decisions.approve_change(approver, id, None).await?,
            RequestStep::Reject => decisions.reject_change(approver, id).await?,
        };
        Ok(true)
    }

    async fn pass_on(self, kind: RequestKind) -> PortalResult<bool> {
        Ok(enduser_api::pass_on(
            &self.portal.requests,
            &self.user,
            self.path.party_id()?,
            kind,
            self.path.uuid("id")?,
        )
        .await?)
    }
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident($id:literal, $path:literal $(, $status:literal $text:literal)?) = |$call:ident| $step:expr;)*) => {
        $($(#[$doc])*
        #[utoipa::path(post, operation_id = $id, path = $path, tag = "Portal", params(("party" = i32, Path), ("id" = uuid::Uuid, Path)),
            responses((status = 200, body = bool, content_type = "application/json"), (status = 400, description = "Model state, AMUI-00001, -00004, -00005, -00050, -00051 or -00053"), (status = 401),
                (status = 403, description = "Scope, AMUI-00999, or the delegation check: AMUI-00014, -00016, -00018, -00068, -00069, -00070 or -00071")$(, (status = $status, description = $text))?))]
        pub async fn $name(State(portal): State<PortalBackEnd>, user: PortalUser, path: PathValues) -> PortalResult<Json<bool>> {
            let $call = RequestStepCall { portal: &portal, user, path: &path };
            Ok(Json($step.await?))
        })*
    };
}

steps! {
    /// Approves a request.
    approve("approvePortalRequest", "/accessmanagement/api/v1/systemuser/request/{party}/{id}/approve", 404 "AMUI-00011") = |call| call.decide(RequestKind::Standard, RequestStep::Approve);
    /// Rejects a request.
    reject("rejectPortalRequest", "/accessmanagement/api/v1/systemuser/request/{party}/{id}/reject") = |call| call.decide(RequestKind::Standard, RequestStep::Reject);
    /// Passes a request on to those who may decide.
    escalate("escalatePortalRequest", "/accessmanagement/api/v1/systemuser/request/{party}/{id}/escalate") = |call| call.pass_on(RequestKind::Standard);
    /// Approves a request for an agent.
    approve_agent("approvePortalAgentRequest", "/accessmanagement/api/v1/systemuser/agentrequest/{party}/{id}/approve", 404 "AMUI-00011") = |call| call.decide(RequestKind::Agent, RequestStep::Approve);
    /// Rejects a request for an agent.
    reject_agent("rejectPortalAgentRequest", "/accessmanagement/api/v1/systemuser/agentrequest/{party}/{id}/reject") = |call| call.decide(RequestKind::Agent, RequestStep::Reject);
    /// Passes a request for an agent on to those who may decide.
    escalate_agent("escalatePortalAgentRequest", "/accessmanagement/api/v1/systemuser/agentrequest/{party}/{id}/escalate") = |call| call.pass_on(RequestKind::Agent);
    /// Approves a change request.
    approve_change("approvePortalChangeRequest", "/accessmanagement/api/v1/systemuser/changerequest/{party}/{id}/approve", 404 "AMUI-00011") = |call| call.decide_change(RequestStep::Approve);
    /// Rejects a change request.
    reject_change("rejectPortalChangeRequest", "/accessmanagement/api/v1/systemuser/changerequest/{party}/{id}/reject") = |call| call.decide_change(RequestStep::Reject);
}
