//! Whether a request can be approved, and why not. Whatever approves asks under lock; pages ask what they
//! show. The same for change requests: `changes/review.rs`.

use authorization::delegation::{Approver, DelegationReport};
use foundation::{
    audit::ObjectKind,
    db::DbError,
    http::{ApiError, Problem, ProblemCode, context},
    telemetry::security::SecurityEvent,
};
use registers::parties::Party;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Requests,
    model::{RequestKind, SystemUserRequest},
    rules,
};
use crate::{systems::System, users};

/// Why a request cannot be approved: the first reason, in the order in which they are looked for.
#[derive(Debug)]
pub enum ApprovalObstacle {
    /// It was answered, or not answered in time.
    NotOpen,
    /// The system is deleted.
    SystemGone,
    /// The system user that a change is about is deleted.
    SystemUserGone,
    /// The organisation is deleted.
    PartyGone,
    /// The organisation has a system user of this system with this reference.
    SystemUserExists,
    /// The system does not list any more what is asked for.
    Unfit(Problem),
    /// The approver may not give all of it.
    NotDelegable(DelegationReport, Problem),
}

impl ApprovalObstacle {
    /// What the approver may give, where that is what is in the way.
    #[must_use]
    pub fn into_report(self) -> Option<DelegationReport> {
        match self {
            Self::NotDelegable(report, _) => Some(report),
            Self::NotOpen
            | Self::SystemGone
            | Self::SystemUserGone
            | Self::PartyGone
            | Self::SystemUserExists
            | Self::Unfit(_) => None,
        }
    }

    /// The problem that the API answers with.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        match self {
            Self::NotOpen => ProblemCode::RequestNotNew.into(),
            Self::SystemGone => ProblemCode::SystemNotFound.into(),
            Self::SystemUserGone => ProblemCode::SystemUserNotFound.into(),
            Self::PartyGone => ProblemCode::OrganizationNotFound.into(),
            Self::SystemUserExists => ProblemCode::SystemUserExists.into(),
            Self::Unfit(problem) | Self::NotDelegable(_, problem) => problem,
        }
    }
}

impl From<ApprovalObstacle> for ApiError {
    fn from(obstacle: ApprovalObstacle) -> Self {
        obstacle.into_problem().into()
    }
}

/// What the approver gives, where nothing is in the way.
pub type RequestReview = Result<DelegationReport, ApprovalObstacle>;

impl Requests {
    /// Whether the approver can approve the request. `system` is the one that it names.
    ///
    /// # Errors
    /// The database fails.
    pub async fn review(
        &self,
        db: &mut PgConnection,
        approver: Approver<'_>,
        request: &SystemUserRequest,
        system: Option<&System>,
    ) -> Result<RequestReview, DbError> {
        let system = match open_request(request, system, approver.party) {
            Ok(system) => system,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        let exists = users::active_with_key(
            &mut *db,
            &request.system_id,
            &request.party_org_no,
            &request.external_ref,
        );
        if exists.await?.is_some() {
            return Ok(Err(ApprovalObstacle::SystemUserExists));
        }
        if let Err(problem) = rules::check_still_fits(request, system, &self.catalogue) {
            return Ok(Err(ApprovalObstacle::Unfit(problem)));
        }
        let report = self.delegation_report(db, approver, request).await?;
        Ok(match report.problem() {
            Some(problem) => Err(ApprovalObstacle::NotDelegable(report, problem)),
            None => Ok(report),
        })
    }
}

/// What is looked at first, and is in the way of every approver; the system when nothing is.
///
/// # Errors
/// The first obstacle.
pub fn open_request<'a>(
    request: &SystemUserRequest,
    system: Option<&'a System>,
    party: &Party,
) -> Result<&'a System, ApprovalObstacle> {
    let system = open(request.is_open(), system)?;
    if party.is_gone() {
        return Err(ApprovalObstacle::PartyGone);
    }
    Ok(system)
}

/// What is looked at first for both kinds of requests; the system when nothing is in the way.
pub(super) fn open(is_open: bool, system: Option<&System>) -> Result<&System, ApprovalObstacle> {
    if !is_open {
        return Err(ApprovalObstacle::NotOpen);
    }
    system
        .filter(|system| !system.is_deleted)
        .ok_or(ApprovalObstacle::SystemGone)
}

/// Whether a request to the organisation with this number may be answered for this party. Another one
/// is a security event.
///
/// # Errors
/// The party is no organisation, or another one.
pub(super) fn check_addressee(
    kind: RequestKind,
    object: (ObjectKind, Uuid),
    party_org_no: &str,
    party: &Party,
) -> Result<(), ProblemCode> {
    let Some(org_number) = &party.org_number else {
        return Err(ProblemCode::OrganizationNotFound);
    };
    if org_number == party_org_no {
        return Ok(());
    }
    context::report(SecurityEvent::TenantMismatch {
        object_kind: object.0.wire(),
        object_id: &object.1.to_string(),
    });
    Err(match kind {
        RequestKind::Standard => ProblemCode::PartyMismatch,
        RequestKind::Agent => ProblemCode::AgentPartyMismatch,
    })
}
