//! Approving and rejecting changes: one transaction for everything, or nothing at all.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{ChangeRequest, Sets},
    store,
};
use crate::{
    requests::{RequestStatus, Requests},
    systems::{self, AccessPackage, System, rules::check_rights_subset},
    users::{self, SystemUser, SystemUserEvent},
};
use authorization::delegation::{self, Approver, DelegationReport, Held, Wanted};
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::{DbError, repeat_on_conflict},
    events::{self, EventKind},
    http::{ApiError, ApiResult, Problem, ProblemCode, context},
    telemetry::security::SecurityEvent,
};
use registers::{packages::PackageKey, parties};

/// What a change comes to, given what is held now.
struct Difference {
    /// Packages to be added.
    new: Vec<String>,
    /// Packages to be taken away.
    gone: Vec<String>,
}

impl Difference {
    fn of(sets: &Sets, held: &[String]) -> Self {
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

/// What a page showed, to be compared with what is approved.
pub type Seen<'a> = &'a (dyn Fn(&ChangeRequest, &System) -> bool + Send + Sync);

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
        seen: Option<Seen<'_>>,
    ) -> ApiResult<ChangeRequest> {
        repeat_on_conflict(|| self.approve_change_once(approver, id, seen)).await
    }

    async fn approve_change_once(
        &self,
        approver: Approver<'_>,
        id: Uuid,
        seen: Option<Seen<'_>>,
    ) -> ApiResult<ChangeRequest> {
        let mut tx = self.db.begin().await?;
        let request = self.locked_change(&mut tx, approver, id).await?;
        if !request.is_open() {
            return Err(ProblemCode::RequestNotNew.into());
        }
        let system = systems::by_id_for_share(&mut tx, &request.system_id)
            .await?
            .filter(|s| !s.is_deleted)
            .ok_or(ProblemCode::SystemNotFound)?;
        if seen.is_some_and(|same| !same(&request, &system)) {
            return Err(ApiError::Empty(http::StatusCode::CONFLICT));
        }
        users::lock_sequence(&mut tx).await?;
        let user = users::by_id(&mut tx, request.system_user_id)
            .await?
            .ok_or(ProblemCode::SystemUserNotFound)?;
        if approver.party.is_gone() {
            return Err(ProblemCode::OrganizationNotFound.into());
        }
        let held = delegation::held(&mut tx, user.owner_key, user.id).await?;
        let difference = Difference::of(&request.sets, &held.packages);
        let report = self
            .check_change(&mut tx, approver, &request, &system, &difference)
            .await?;
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
        let org_number = approver
            .party
            .org_number
            .as_deref()
            .ok_or(ProblemCode::OrganizationNotFound)?;
        if org_number == request.party_org_no {
            Ok(request)
        } else {
            context::report(SecurityEvent::TenantMismatch {
                object_kind: ObjectKind::ChangeRequest.wire(),
                object_id: &id.to_string(),
            });
            Err(ProblemCode::PartyMismatch.into())
        }
    }

    /// Whether the system still lists what is asked for, and the approver may give what is new.
    async fn check_change(
        &self,
        tx: &mut PgConnection,
        approver: Approver<'_>,
        request: &ChangeRequest,
        system: &System,
        difference: &Difference,
    ) -> ApiResult<DelegationReport> {
        let required = &request.sets.required_rights;
        if !required.is_empty() {
            check_rights_subset(required, &system.rights)?;
        }
        let missing: Vec<&str> = difference
            .new
            .iter()
            .filter(|urn| !system.access_packages.iter().any(|p| p.is(urn)))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return Err(ProblemCode::PackagesInvalid
                .with("Invalid Urn Details : ", missing.join(" | "))
                .into());
        }
        let report = self
            .report_on(tx, approver, &request.sets, difference)
            .await?;
        let alone = DelegationReport {
            rights: report.rights.clone(),
            packages: Vec::new(),
        };
        if let Some(found) = alone.problem() {
            // One code for every reason here; the extensions contain the reasons.
            let mut problem = Problem::from(ProblemCode::RightsNotFoundOrNotDelegable);
            problem.extensions = found.extensions;
            return Err(problem.into());
        }
        match (DelegationReport {
            rights: Vec::new(),
            packages: report.packages.clone(),
        })
        .problem()
        {
            Some(problem) => Err(problem.into()),
            None => Ok(report),
        }
    }

    /// What of a change the approver may give, given what the system user holds.
    pub async fn change_report(
        &self,
        db: &mut PgConnection,
        approver: Approver<'_>,
        request: &ChangeRequest,
        held: &Held,
    ) -> Result<DelegationReport, DbError> {
        self.report_on(
            db,
            approver,
            &request.sets,
            &Difference::of(&request.sets, &held.packages),
        )
        .await
    }

    async fn report_on(
        &self,
        db: &mut PgConnection,
        approver: Approver<'_>,
        sets: &Sets,
        difference: &Difference,
    ) -> Result<DelegationReport, DbError> {
        let resources = sets.required_resources();
        let wanted = Wanted {
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
        difference: &Difference,
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
    let event = audit::Event {
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
    let message = events::Message {
        event,
        subject_id: request.id,
        party_org: &request.party_org_no,
        vendor_org: &system.vendor_org,
        payload: json!({"systemId": request.system_id, "externalRef": request.external_ref, "systemUserId": request.system_user_id,
            "status": status.as_str()}),
    };
    events::post(tx, message).await
}
