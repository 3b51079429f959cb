//! Approving and rejecting changes: one transaction for everything, or nothing at all.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{ChangeRequest, GrantDifference, RequestedChanges},
    store,
};
use crate::{
    requests::{RequestKind, RequestStatus, Requests, review::check_addressee},
    systems::{self, System},
    users::{self, SystemUser, SystemUserEvent},
};
use authorization::delegation::{self, Approver, DelegationReport, SystemUserGrants, WantedAccess};
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::{DbError, repeat_on_conflict},
    events::{self, EventKind},
    http::{ApiError, ApiResult, ProblemCode},
};
use registers::{packages::PackageKey, parties};

/// What a page showed, to be compared with what is approved.
pub type ShownChangeCheck<'a> = &'a (dyn Fn(&ChangeRequest, &System) -> bool + Send + Sync);

impl Requests {
    /// Approves a change: what is new is given, what is unwanted is revoked.
    ///
    /// `seen`, when given, must hold for what is in the database under lock.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn approve_change(
        &self,
        approver: Approver<'_>,
        id: Uuid,
        seen: Option<ShownChangeCheck<'_>>,
    ) -> ApiResult<ChangeRequest> {
        repeat_on_conflict(|| self.approve_change_once(approver, id, seen)).await
    }

    async fn approve_change_once(
        &self,
        approver: Approver<'_>,
        id: Uuid,
        seen: Option<ShownChangeCheck<'_>>,
    ) -> ApiResult<ChangeRequest> {
        let mut tx = self.db.begin().await?;
        let request = self.locked_change(&mut tx, approver, id).await?;
        let system = systems::by_id_for_share(&mut tx, &request.system_id).await?;
        if let (Some(same), Some(system)) = (seen, &system)
            && !same(&request, system)
        {
            return Err(ApiError::Empty(http::StatusCode::CONFLICT));
        }
        users::lock_sequence(&mut tx).await?;
        let user = users::by_id(&mut tx, request.system_user_id).await?;
        let held = match &user {
            Some(user) => delegation::held(&mut tx, user.owner_key, user.id).await?,
            None => SystemUserGrants::default(),
        };
        let about = (system.as_ref(), user.as_ref(), &held);
        let report = self
            .review_change(&mut tx, approver, &request, about)
            .await??;
        let system = system.ok_or(ProblemCode::SystemNotFound)?;
        let user = user.ok_or(ProblemCode::SystemUserNotFound)?;
        let difference = GrantDifference::of(&request.sets, &held.packages);
        self.apply(&mut tx, approver, &request, &user, &difference, &report)
            .await?;
        if !store::answer(&mut tx, id, RequestStatus::Accepted, &approver.name()).await? {
            return Err(ProblemCode::RequestNotUpdated.into());
        }
        for action in [
            Action::ChangeRequestApproved,
            Action::DelegationGranted,
            Action::DelegationRevoked,
        ] {
            record(
                &mut tx,
                Actor::Person(approver.person.0.uuid),
                &request,
                &system,
                action,
            )
            .await?;
        }
        publish(
            &mut tx,
            &request,
            &system,
            EventKind::ChangeRequestAnswered,
            RequestStatus::Accepted,
        )
        .await?;
        users::publish(&mut tx, (&user).into(), SystemUserEvent::Changed).await?;
        foundation::db::commit(tx).await?;
        Ok(ChangeRequest {
            status: RequestStatus::Accepted,
            ..request
        })
    }

    /// Rejects a change. A timed-out one may be rejected too.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn reject_change(
        &self,
        approver: Approver<'_>,
        id: Uuid,
    ) -> ApiResult<ChangeRequest> {
        repeat_on_conflict(|| self.reject_change_once(approver, id)).await
    }

    async fn reject_change_once(
        &self,
        approver: Approver<'_>,
        id: Uuid,
    ) -> ApiResult<ChangeRequest> {
        let mut tx = self.db.begin().await?;
        let request = self.locked_change(&mut tx, approver, id).await?;
        if !store::answer(&mut tx, id, RequestStatus::Rejected, &approver.name()).await? {
            return Err(ProblemCode::RequestNotNew.into());
        }
        if let Some(system) = systems::by_id(&mut tx, &request.system_id).await? {
            record(
                &mut tx,
                Actor::Person(approver.person.0.uuid),
                &request,
                &system,
                Action::ChangeRequestRejected,
            )
            .await?;
            publish(
                &mut tx,
                &request,
                &system,
                EventKind::ChangeRequestAnswered,
                RequestStatus::Rejected,
            )
            .await?;
        }
        foundation::db::commit(tx).await?;
        Ok(ChangeRequest {
            status: RequestStatus::Rejected,
            ..request
        })
    }

    async fn locked_change(
        &self,
        tx: &mut PgConnection,
        approver: Approver<'_>,
        id: Uuid,
    ) -> ApiResult<ChangeRequest> {
        let request = store::by_id_for_update(tx, id, self.lifetime_days())
            .await?
            .ok_or(ProblemCode::RequestNotFound)?;
        let object = (ObjectKind::ChangeRequest, id);
        let number = &request.party_org_no;
        check_addressee(RequestKind::Standard, object, number, approver.party)?;
        Ok(request)
    }

    /// What of a change the approver may give.
    pub(in crate::requests) async fn change_report(
        &self,
        db: &mut PgConnection,
        approver: Approver<'_>,
        sets: &RequestedChanges,
        difference: &GrantDifference,
    ) -> Result<DelegationReport, DbError> {
        let resources = sets.required_resources();
        let wanted = WantedAccess {
            resources: &resources,
            packages: &difference.new,
        };
        delegation::check(
            db,
            &self.catalogue,
            &self.policies,
            &approver.person.0,
            approver.party,
            wanted,
        )
        .await
    }

    /// Gives and revokes.
    async fn apply(
        &self,
        tx: &mut PgConnection,
        approver: Approver<'_>,
        request: &ChangeRequest,
        user: &SystemUser,
        difference: &GrantDifference,
        report: &DelegationReport,
    ) -> ApiResult<()> {
        let party = parties::party_by_uuid(&mut *tx, user.id)
            .await?
            .ok_or(ProblemCode::SystemUserNotFound)?;
        let keys = |urns: &[String]| -> Vec<PackageKey> {
            self.catalogue.keys_of(urns.iter().map(String::as_str))
        };
        let by = approver.name();
        if !difference.new.is_empty() || !report.rights.is_empty() {
            delegation::give(
                &mut *tx,
                user.owner_key,
                party.key,
                &keys(&difference.new),
                &report.rights,
                &by,
            )
            .await?;
        }
        let unwanted = request.sets.unwanted_resources();
        delegation::revoke(
            &mut *tx,
            user.owner_key,
            party.key,
            &unwanted,
            &keys(&difference.gone),
        )
        .await?;
        Ok(users::touch(tx, user.id, &by).await?)
    }
}

/// Writes the audit row of a step.
pub async fn record(
    tx: &mut PgConnection,
    actor: Actor,
    request: &ChangeRequest,
    system: &System,
    action: Action,
) -> Result<(), DbError> {
    let event = audit::AuditEvent {
        actor,
        action,
        object_kind: ObjectKind::ChangeRequest,
        object_id: request.id.to_string(),
        party_org: Some(&request.party_org_no),
        vendor_org: Some(&system.vendor_org),
        detail: Some(
            json!({"systemId": request.system_id, "systemUserId": request.system_user_id, "sets": request.sets}),
        ),
    };
    audit::record(tx, event).await
}

/// Puts a message about a change request into the outbox.
pub async fn publish(
    tx: &mut PgConnection,
    request: &ChangeRequest,
    system: &System,
    event: EventKind,
    status: RequestStatus,
) -> Result<(), DbError> {
    let message = events::OutboxMessage {
        event,
        subject_id: request.id,
        party_org: &request.party_org_no,
        vendor_org: &system.vendor_org,
        payload: json!({"systemId": request.system_id, "externalRef": request.external_ref, "systemUserId": request.system_user_id,
            "status": status.as_str()}),
    };
    events::post(tx, message).await
}
