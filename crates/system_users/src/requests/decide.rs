//! Approving and rejecting: one transaction for everything that follows, or nothing at all.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Requests,
    model::{RequestKind, RequestStatus, SystemUserRequest},
    review::check_addressee,
    store,
};
use crate::{
    systems::{self, System},
    users::{self, NewSystemUser, SystemUserEvent, SystemUserEventSubject},
};
use authorization::{
    delegation::{self, Approver, DelegationReport, WantedAccess},
    live_system_users::SystemUserKind,
};
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::{DbError, repeat_on_conflict},
    events::{self, EventKind},
    http::{ApiError, ApiResult, ProblemCode},
};
use registers::parties::{self, Party};

/// What a page showed, to be compared with what is approved.
pub type ShownRequestCheck<'a> = &'a (dyn Fn(&SystemUserRequest, &System) -> bool + Send + Sync);

impl Requests {
    /// Approves: the system user with the request's id, its grants, the answer, the trail and the
    /// message, or nothing.
    ///
    /// `seen`, when given, must hold for what is in the database under lock.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn approve(
        &self,
        approver: Approver<'_>,
        kind: RequestKind,
        id: Uuid,
        seen: Option<ShownRequestCheck<'_>>,
    ) -> ApiResult<SystemUserRequest> {
        repeat_on_conflict(|| self.approve_once(approver, kind, id, seen)).await
    }

    async fn approve_once(
        &self,
        approver: Approver<'_>,
        kind: RequestKind,
        id: Uuid,
        seen: Option<ShownRequestCheck<'_>>,
    ) -> ApiResult<SystemUserRequest> {
        let mut tx = self.db.begin().await?;
        let request = self.locked(&mut tx, approver, kind, id).await?;
        let system = systems::by_id_for_share(&mut tx, &request.system_id).await?;
        if let (Some(same), Some(system)) = (seen, &system)
            && !same(&request, system)
        {
            return Err(ApiError::Empty(http::StatusCode::CONFLICT));
        }
        let report = self
            .review(&mut tx, approver, &request, system.as_ref())
            .await??;
        let system = system.ok_or(ProblemCode::SystemNotFound)?;
        let title = system
            .name
            .get("nb")
            .and_then(serde_json::Value::as_str)
            .ok_or(ProblemCode::SystemNameNotFound)?;
        let title = request.integration_title.as_deref().unwrap_or(title);
        if !store::answer(&mut tx, id, RequestStatus::Accepted, &approver.name()).await? {
            return Err(ProblemCode::RequestNotUpdated.into());
        }
        let with_it = [
            (Action::SystemUserCreated, ObjectKind::SystemUser),
            (Action::DelegationGranted, ObjectKind::SystemUser),
        ];
        record(
            &mut tx,
            approver,
            &request,
            &system,
            Action::RequestApproved,
            &with_it,
        )
        .await?;
        publish(
            &mut tx,
            &request,
            &system,
            EventKind::RequestAnswered,
            RequestStatus::Accepted,
        )
        .await?;
        let subject = SystemUserEventSubject {
            id,
            system_id: &system.id,
            vendor_org: &system.vendor_org,
            party_org: &request.party_org_no,
            external_ref: &request.external_ref,
        };
        users::publish(&mut tx, subject, SystemUserEvent::Created).await?;
        self.create(&mut tx, approver, &request, &system, title, &report)
            .await?;
        foundation::db::commit(tx).await?;
        Ok(SystemUserRequest {
            status: RequestStatus::Accepted,
            ..request
        })
    }

    /// Rejects. A timed-out request may be rejected too.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn reject(
        &self,
        approver: Approver<'_>,
        kind: RequestKind,
        id: Uuid,
    ) -> ApiResult<SystemUserRequest> {
        repeat_on_conflict(|| self.reject_once(approver, kind, id)).await
    }

    async fn reject_once(
        &self,
        approver: Approver<'_>,
        kind: RequestKind,
        id: Uuid,
    ) -> ApiResult<SystemUserRequest> {
        let mut tx = self.db.begin().await?;
        let request = self.locked(&mut tx, approver, kind, id).await?;
        if request.status != RequestStatus::New
            || !store::answer(&mut tx, id, RequestStatus::Rejected, &approver.name()).await?
        {
            return Err(ProblemCode::RequestNotNew.into());
        }
        if let Some(system) = systems::by_id(&mut tx, &request.system_id).await? {
            record(
                &mut tx,
                approver,
                &request,
                &system,
                Action::RequestRejected,
                &[],
            )
            .await?;
            publish(
                &mut tx,
                &request,
                &system,
                EventKind::RequestAnswered,
                RequestStatus::Rejected,
            )
            .await?;
        }
        foundation::db::commit(tx).await?;
        Ok(SystemUserRequest {
            status: RequestStatus::Rejected,
            ..request
        })
    }

    /// Passes an open request on to those who may decide. A repeat changes nothing.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn escalate(&self, by: Approver<'_>, kind: RequestKind, id: Uuid) -> ApiResult<()> {
        repeat_on_conflict(|| self.escalate_once(by, kind, id)).await
    }

    async fn escalate_once(&self, by: Approver<'_>, kind: RequestKind, id: Uuid) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        let request = store::by_id_for_update(&mut tx, kind, id, self.lifetime_days())
            .await?
            .ok_or(ProblemCode::RequestNotFound)?;
        check_party(&request, by.party)?;
        if !request.is_open() {
            return Err(ProblemCode::RequestNotNew.into());
        }
        if request.escalated {
            return Ok(());
        }
        store::escalate(&mut tx, id, &by.name()).await?;
        if let Some(system) = systems::by_id(&mut tx, &request.system_id).await? {
            record(
                &mut tx,
                by,
                &request,
                &system,
                Action::RequestEscalated,
                &[],
            )
            .await?;
            publish(
                &mut tx,
                &request,
                &system,
                EventKind::RequestEscalated,
                RequestStatus::New,
            )
            .await?;
        }
        foundation::db::commit(tx).await?;
        Ok(())
    }

    /// What of the request the approver may give. Agents hold nothing themselves, so nothing is
    /// checked for them.
    pub async fn delegation_report(
        &self,
        db: &mut PgConnection,
        approver: Approver<'_>,
        request: &SystemUserRequest,
    ) -> Result<DelegationReport, DbError> {
        if request.kind == SystemUserKind::Agent {
            return Ok(DelegationReport::default());
        }
        let (resources, packages) = (request.resource_ids(), request.package_urns());
        let wanted = WantedAccess {
            resources: &resources,
            packages: &packages,
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

    async fn locked(
        &self,
        tx: &mut PgConnection,
        approver: Approver<'_>,
        kind: RequestKind,
        id: Uuid,
    ) -> ApiResult<SystemUserRequest> {
        let unknown = match kind {
            RequestKind::Standard => ProblemCode::RequestNotFound,
            RequestKind::Agent => ProblemCode::AgentRequestNotFound,
        };
        let request = store::by_id_for_update(tx, kind, id, self.lifetime_days())
            .await?
            .ok_or(unknown)?;
        check_party(&request, approver.party)?;
        Ok(request)
    }

    async fn create(
        &self,
        tx: &mut PgConnection,
        approver: Approver<'_>,
        request: &SystemUserRequest,
        system: &System,
        title: &str,
        report: &DelegationReport,
    ) -> ApiResult<()> {
        let by = approver.name();
        let user = NewSystemUser {
            id: request.id,
            integration_title: title,
            system_internal_id: system.internal_id,
            owner_key: approver.party.key,
            reportee_org_no: &request.party_org_no,
            kind: request.kind,
            external_ref: &request.external_ref,
            access_packages: &request.access_packages,
            created_by: &by,
        };
        let key = parties::system_user_party(&mut *tx, request.id, title).await?;
        if request.kind == SystemUserKind::Standard {
            let packages = self
                .catalogue
                .keys_of(request.access_packages.iter().map(|p| p.urn.as_str()));
            delegation::give(
                &mut *tx,
                approver.party.key,
                key,
                &packages,
                &report.rights,
                &by,
            )
            .await?;
        }
        let taken = |error: DbError| {
            if error.violates("system_user_active_key") {
                ProblemCode::SystemUserExists.into()
            } else {
                ApiError::from(error)
            }
        };
        users::insert(tx, &user).await.map_err(taken)?;
        Ok(())
    }
}

async fn record(
    tx: &mut PgConnection,
    approver: Approver<'_>,
    request: &SystemUserRequest,
    system: &System,
    action: Action,
    with_it: &[(Action, ObjectKind)],
) -> Result<(), DbError> {
    let event = audit::AuditEvent {
        actor: Actor::Person(approver.person.0.uuid),
        action,
        object_kind: ObjectKind::Request,
        object_id: request.id.to_string(),
        party_org: Some(&request.party_org_no),
        vendor_org: Some(&system.vendor_org),
        detail: Some(
            json!({"systemId": request.system_id, "externalRef": request.external_ref,
            "packages": request.package_urns(), "resources": request.resource_ids()}),
        ),
    };
    audit::record_with(tx, event, with_it).await
}

/// Puts a message about a request into the outbox.
pub async fn publish(
    tx: &mut PgConnection,
    request: &SystemUserRequest,
    system: &System,
    event: EventKind,
    status: RequestStatus,
) -> Result<(), DbError> {
    let message = events::OutboxMessage {
        event,
        subject_id: request.id,
        party_org: &request.party_org_no,
        vendor_org: &system.vendor_org,
        payload: json!({"systemId": request.system_id, "externalRef": request.external_ref, "status": status.as_str()}),
    };
    events::post(tx, message).await
}

fn check_party(request: &SystemUserRequest, party: &Party) -> Result<(), ProblemCode> {
    let object = (ObjectKind::Request, request.id);
    check_addressee(request.kind, object, &request.party_org_no, party)
}

/// The customer of a request, unless it is unknown or deleted.
pub async fn customer(db: &mut PgConnection, org_no: &str) -> Result<Option<Party>, DbError> {
    Ok(parties::party_by_org_number(db, org_no)
        .await?
        .filter(|p| !p.is_gone()))
}
