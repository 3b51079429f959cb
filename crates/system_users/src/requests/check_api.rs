//! `POST /systembruker/api/v1/requests:check`: a vendor learns what would come of a request,
//! without making one.

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Requests;
use super::{
    api::{ExistingUnderKey, existing, owned_system},
    bind,
    changes::{self, bind_change},
    decide::customer,
    model::{RequestKind, RequestStatus, confirm_url},
    rules,
};
use crate::systems::{AccessPackage, Right};
use crate::users;
use authorization::{
    callers::Vendor,
    delegation::{self, Obstacle, WantedAccess},
    live_system_users::SystemUserKind,
};
use foundation::{
    db::DbError,
    http::{
        ApiResult, Json, ModelState, Problem, ProblemCode,
        bind::{Binder, MemberPresence},
        body::{self, JsonBytes},
        describe::AltinnProblem,
        problem_body,
        query::parse_uuid,
    },
    ids::OrgNumber,
    token::scopes::RequestWrite,
};
use registers::parties::Party;

/// Public name of the body.
const BODY: &str = "request";

/// What would come of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CheckedOutcome {
    /// A new request: 201.
    Created,
    /// The one that is there: 200.
    Existing,
    /// Nothing was asked for: 200, and nothing is stored.
    NoChangeNeeded,
    /// An error.
    Refused,
}

/// Answer to the question what would come of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckDto {
    /// Whether the request would be taken.
    pub accepted: bool,
    pub outcome: CheckedOutcome,
    /// The request that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RequestStatus>,
    /// Where the customer decides about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_url: Option<String>,
    /// Everything that blocks the request, each as the problem it would be answered with. The first
    /// is the one that the request itself would get.
    #[schema(value_type = Vec<AltinnProblem>)]
    pub problems: Vec<Map<String, Value>>,
    /// Whether a person of the customer could approve it, with all that persons can hold.
    pub approvable: bool,
    /// Everything that no person could approve, in the order of the request.
    pub obstacles: Vec<ObstacleDto>,
}

/// Something that no person could approve.
#[derive(Debug, Serialize, ToSchema)]
pub struct ObstacleDto {
    /// `resource` or `package`
    r#type: &'static str,
    /// Identifier of the resource, or URN of the package.
    id: String,
    /// Why, as one word.
    reason: &'static str,
    /// Code of the problem that an approval would be answered with.
    code: String,
    /// What would help, in English.
    cure: &'static str,
}

impl From<Obstacle> for ObstacleDto {
    fn from(obstacle: Obstacle) -> Self {
        Self {
            r#type: obstacle.kind.wire(),
            id: obstacle.id,
            reason: obstacle.reason.wire(),
            code: obstacle.reason.problem().code(),
            cure: obstacle.reason.cure(),
        }
    }
}

/// What no person at the customer could approve of these rights and packages.
async fn obstacles_of(
    requests: &Requests,
    db: &mut PgConnection,
    customer: Option<&Party>,
    rights: &[Right],
    packages: &[AccessPackage],
) -> Result<Vec<Obstacle>, DbError> {
    let Some(customer) = customer else {
        return Ok(Vec::new());
    };
    let resources: Vec<String> = rights
        .iter()
        .filter_map(|right| right.resource_id().map(str::to_owned))
        .collect();
    let packages: Vec<String> = packages.iter().map(|package| package.urn.clone()).collect();
    let wanted = WantedAccess {
        resources: &resources,
        packages: &packages,
    };
    delegation::obstacles(
        db,
        &requests.catalogue,
        &requests.policies,
        customer,
        wanted,
    )
    .await
}

impl CheckDto {
    fn plain(outcome: CheckedOutcome) -> Self {
        Self {
            accepted: true,
            outcome,
            request_id: None,
            status: None,
            confirm_url: None,
            problems: Vec::new(),
            approvable: true,
            obstacles: Vec::new(),
        }
    }

    /// The same, and what no person could approve.
    fn with_obstacles(self, obstacles: Vec<Obstacle>) -> Self {
        Self {
            approvable: self.accepted && obstacles.is_empty(),
            obstacles: obstacles.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// Refused for these problems; without any, a new request.
    fn of(problems: Vec<Problem>) -> Self {
        if problems.is_empty() {
            return Self::plain(CheckedOutcome::Created);
        }
        Self {
            accepted: false,
            approvable: false,
            problems: problems.into_iter().map(|p| problem_body(p).1).collect(),
            ..Self::plain(CheckedOutcome::Refused)
        }
    }
}

/// Says what would come of a request, and why. The body is that of the request itself, with
/// `userType` `standard` (also when it is left out) or `agent`; one with `systemUserId` is a change
/// request. Nothing is stored.
#[utoipa::path(post, operation_id = "checkRequest", path = "/systembruker/api/v1/requests:check", tag = "Vendor",
    request_body = crate::bodies::CheckedRequestBody,
    responses((status = 200, body = CheckDto), (status = 400, description = "Model state"),
        (status = 401, description = "No valid token, or AUTH-00023"), (status = 403)))]
pub async fn check(
    State(requests): State<Requests>,
    vendor: Vendor<RequestWrite>,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<CheckDto>> {
    let value = body::parse(&bytes, BODY)?;
    let (kind, user) = about(&value)?;
    let org = vendor
        .organization_if_any()
        .ok_or(ProblemCode::VendorNotInToken)?;
    let mut db = requests.db.acquire().await?;
    Ok(Json(match user {
        Some(user) => check_change(&requests, &mut db, org, user, &value).await?,
        None => check_request(&requests, &mut db, org, kind, &value).await?,
    }))
}

/// What the body is about: a kind of request, or a change to a system user.
fn about(value: &Value) -> ApiResult<(RequestKind, Option<Uuid>)> {
    let mut b = Binder::new(BODY);
    let root = b.root(value)?;
    let word = |text: &str| match text.to_ascii_lowercase().as_str() {
        "standard" => Some(SystemUserKind::Standard),
        "agent" => Some(SystemUserKind::Agent),
        _ => None,
    };
    let kind = match b.text(&root, "userType", MemberPresence::Optional)? {
        None => SystemUserKind::Standard,
        Some(text) => word(&text).ok_or_else(|| ModelState::not_valid("UserType", &text))?,
    };
    let user = b.text(&root, "systemUserId", MemberPresence::Optional)?;
    b.finish()?;
    Ok((
        kind,
        user.map(|text| parse_uuid("SystemUserId", &text))
            .transpose()?,
    ))
}

async fn check_request(
    requests: &Requests,
    db: &mut PgConnection,
    org: OrgNumber,
    kind: RequestKind,
    value: &Value,
) -> ApiResult<CheckDto> {
    let new = bind::bind_request(value, kind, &requests.catalogue)?;
    let Some(system) = owned_system(db, org, &new.system_id)
        .await?
        .filter(|s| !s.is_deleted)
    else {
        return Ok(CheckDto::of(vec![ProblemCode::SystemNotFound.into()]));
    };
    let customer = customer(db, &new.party_org_no).await?;
    // Agents hold nothing themselves: nothing is checked when they are approved.
    let obstacles = match kind {
        RequestKind::Standard => {
            let rights = new.rights.as_deref().unwrap_or_default();
            let packages = new.access_packages.as_deref().unwrap_or_default();
            obstacles_of(requests, db, customer.as_ref(), rights, packages).await?
        }
        RequestKind::Agent => Vec::new(),
    };
    let mut problems = Vec::new();
    match existing(db, kind, &new, requests.lifetime_days()).await? {
        ExistingUnderKey::SystemUser => problems.push(ProblemCode::SystemUserExists.into()),
        ExistingUnderKey::Request(there) => {
            return Ok(CheckDto {
                request_id: Some(there.id),
                status: Some(there.status),
                confirm_url: Some(confirm_url(&requests.config.ui_base, kind, there.id)),
                ..CheckDto::plain(CheckedOutcome::Existing)
            }
            .with_obstacles(obstacles));
        }
        ExistingUnderKey::Replaceable(_) => {}
    }
    if customer.is_none() {
        problems.push(ProblemCode::OrganizationNotFound.into());
    }
    problems.extend(rules::findings(kind, &new, &system, &requests.catalogue));
    Ok(CheckDto::of(problems).with_obstacles(obstacles))
}

async fn check_change(
    requests: &Requests,
    db: &mut PgConnection,
    org: OrgNumber,
    user: Uuid,
    value: &Value,
) -> ApiResult<CheckDto> {
    let new = bind_change(value, &requests.catalogue)?;
    let user = users::by_id(db, user)
        .await?
        .filter(|u| u.vendor_org == org.as_str());
    let Some(user) = user else {
        return Ok(CheckDto::of(vec![ProblemCode::SystemUserNotFound.into()]));
    };
    if new.sets.is_empty() {
        return Ok(CheckDto::plain(CheckedOutcome::NoChangeNeeded));
    }
    if user.kind == SystemUserKind::Agent {
        return Ok(CheckDto::of(vec![ProblemCode::SystemUserNotFound.into()]));
    }
    let Some(system) = owned_system(db, org, &user.system_id)
        .await?
        .filter(|s| !s.is_deleted)
    else {
        return Ok(CheckDto::of(vec![ProblemCode::SystemNotFound.into()]));
    };
    let mut problems = Vec::new();
    let customer = customer(db, &user.reportee_org_no).await?;
    if customer.is_none() {
        problems.push(ProblemCode::OrganizationNotFound.into());
    }
    problems.extend(changes::rules::findings(&new, &system, &requests.catalogue));
    let (rights, packages) = (
        &new.sets.required_rights,
        &new.sets.required_access_packages,
    );
    let obstacles = obstacles_of(requests, db, customer.as_ref(), rights, packages).await?;
    Ok(CheckDto::of(problems).with_obstacles(obstacles))
}
