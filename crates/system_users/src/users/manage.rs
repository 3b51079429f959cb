//! What persons do with the system users of their organisation: one transaction for each step, or
//! nothing at all.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    SystemUsers,
    model::{NewSystemUser, SystemUser, SystemUserDetail},
    store,
};
use crate::systems::{
    self, AccessPackage, Right,
    rules::{PackageAudience, check_packages_subset},
};
use authorization::delegation::{self, Approver, WantedAccess};
use authorization::live_system_users::SystemUserKind;
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::{DbError, repeat_on_conflict},
    events::{self, EventKind},
    http::{ApiError, ApiResult, ProblemCode},
};
use registers::{packages::PackageKey, parties};

impl SystemUsers {
    /// Creates a standard system user with everything its system lists, for the owner's own number
    /// as reference.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn create(
        &self,
        by: Approver<'_>,
        title: &str,
        system_id: &str,
    ) -> ApiResult<SystemUserDetail> {
        repeat_on_conflict(|| self.create_once(by, title, system_id)).await
    }

    async fn create_once(
        &self,
        by: Approver<'_>,
        title: &str,
        system_id: &str,
    ) -> ApiResult<SystemUserDetail> {
        let mut tx = self.db.begin().await?;
        let system = systems::by_id_for_share(&mut tx, system_id)
            .await?
            .filter(|s| !s.is_deleted)
            .ok_or(ProblemCode::SystemNotFound)?;
        let org_number = by
            .party
            .org_number
            .as_deref()
            .filter(|_| !by.party.is_gone())
            .ok_or(ProblemCode::OrganizationNotFound)?;
        if store::active_with_key(&mut tx, &system.id, org_number, org_number)
            .await?
            .is_some()
        {
            return Err(ProblemCode::SystemUserExists.into());
        }
        let resources: Vec<String> = system
            .rights
            .iter()
            .filter_map(Right::resource_id)
            .map(str::to_owned)
            .collect();
        let packages: Vec<String> = system
            .access_packages
            .iter()
            .map(|p| p.urn.clone())
            .collect();
        let wanted = WantedAccess {
            resources: &resources,
            packages: &packages,
        };
        let report = delegation::check(
            &mut tx,
            &self.catalogue,
            &self.policies,
            &by.person.0,
            by.party,
            wanted,
        )
        .await?;
        if let Some(problem) = report.problem() {
            return Err(problem.into());
        }
        let name = by.name();
        let new = NewSystemUser {
            id: Uuid::new_v4(),
            integration_title: title,
            system_internal_id: system.internal_id,
            owner_key: by.party.key,
            reportee_org_no: org_number,
            kind: SystemUserKind::Standard,
            external_ref: org_number,
            access_packages: &[],
            created_by: &name,
        };
        let taken = |error: DbError| -> ApiError {
            if error.violates("system_user_active_key") {
                ProblemCode::SystemUserExists.into()
            } else {
                error.into()
            }
        };
        let key = parties::system_user_party(&mut tx, new.id, title).await?;
        delegation::give(
            &mut tx,
            by.party.key,
            key,
            &self.keys(&system.access_packages),
            &report.rights,
            &name,
        )
        .await?;
        store::insert(&mut tx, &new).await.map_err(taken)?;
        let user = store::by_id(&mut tx, new.id)
            .await?
            .ok_or(ProblemCode::SystemUserNotCreated)?;
        note(
            &mut tx,
            by,
            &user,
            &[Action::SystemUserCreated, Action::DelegationGranted],
            SystemUserEvent::Created,
        )
        .await?;
        let held = delegation::held(&mut tx, user.owner_key, user.id).await?;
        foundation::db::commit(tx).await?;
        Ok(SystemUserDetail::summary(user, held.packages))
    }

    /// Gives a system user of the party another title. False when the party has none with this id.
    pub async fn rename(&self, by: Approver<'_>, id: Uuid, title: &str) -> ApiResult<bool> {
        repeat_on_conflict(|| self.rename_once(by, id, title)).await
    }

    async fn rename_once(&self, by: Approver<'_>, id: Uuid, title: &str) -> ApiResult<bool> {
        let mut tx = self.db.begin().await?;
        store::lock_sequence(&mut tx).await?;
        let Some(user) = store::by_id(&mut tx, id)
            .await?
            .filter(|u| u.owner_key == by.party.key)
        else {
            return Ok(false);
        };
        store::rename(&mut tx, id, title).await?;
        store::touch(&mut tx, id, &by.name()).await?;
        note(
            &mut tx,
            by,
            &user,
            &[Action::SystemUserUpdated],
            SystemUserEvent::Changed,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(true)
    }

    /// Deletes a standard system user with everything it holds, and the request it came from. False
    /// when there is none.
    ///
    /// # Errors
    /// It is another party's, or an agent.
    pub async fn delete_standard(&self, by: Approver<'_>, id: Uuid) -> ApiResult<bool> {
        repeat_on_conflict(|| self.delete_standard_once(by, id)).await
    }

    async fn delete_standard_once(&self, by: Approver<'_>, id: Uuid) -> ApiResult<bool> {
        let mut tx = self.db.begin().await?;
        let Some(user) = store::by_id(&mut tx, id).await? else {
            return Ok(false);
        };
        by.party
            .org_number
            .as_ref()
            .ok_or(ProblemCode::OrganizationNotFound)?;
        if user.owner_key != by.party.key {
            return Err(ProblemCode::NotYourSystemUser.into());
        }
        if user.kind == SystemUserKind::Agent {
            return Err(ProblemCode::NotStandard.into());
        }
        self.delete(tx, by, &user).await
    }

    /// Deletes an agent with its clients and everything else it holds, and the request it came
    /// from.
    ///
    /// # Errors
    /// There is none, it is another party's, it is no agent, or `facilitator` is not its owner.
    pub async fn delete_agent(
        &self,
        by: Approver<'_>,
        id: Uuid,
        facilitator: Option<Uuid>,
    ) -> ApiResult<()> {
        repeat_on_conflict(|| self.delete_agent_once(by, id, facilitator)).await
    }

    async fn delete_agent_once(
        &self,
        by: Approver<'_>,
        id: Uuid,
        facilitator: Option<Uuid>,
    ) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        let user = store::by_id(&mut tx, id)
            .await?
            .ok_or(ProblemCode::SystemUserNotFound)?;
        if user.owner_key != by.party.key {
            return Err(ProblemCode::NotYourSystemUser.into());
        }
        if user.kind != SystemUserKind::Agent {
            return Err(ProblemCode::NotAnAgent.into());
        }
        if facilitator != Some(by.party.uuid) {
            return Err(ProblemCode::AgentNotDeleted.into());
        }
        if self.delete(tx, by, &user).await? {
            Ok(())
        } else {
            Err(ProblemCode::SystemUserNotFound.into())
        }
    }

    async fn delete(
        &self,
        mut tx: sqlx::PgTransaction<'static>,
        by: Approver<'_>,
        user: &SystemUser,
    ) -> ApiResult<bool> {
        // Another transaction may have deleted it.
        if !store::delete(&mut tx, user, &by.name()).await? {
            return Ok(false);
        }
        note(
            &mut tx,
            by,
            user,
            &[Action::SystemUserDeleted, Action::DelegationRevoked],
            SystemUserEvent::Deleted,
        )
        .await?;
        foundation::db::commit(tx).await?;
        Ok(true)
    }

    /// Lets an agent act for its owner too: it gets all its packages from the owner, or none.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn give_own(&self, by: Approver<'_>, id: Uuid, owner: Option<Uuid>) -> ApiResult<()> {
        repeat_on_conflict(|| self.give_own_once(by, id, owner)).await
    }

    async fn give_own_once(
        &self,
        by: Approver<'_>,
        id: Uuid,
        owner: Option<Uuid>,
    ) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        store::lock_sequence(&mut tx).await?;
        let user = self.own_agent(&mut tx, by, id).await?;
        if owner != Some(by.party.uuid) {
            return Err(ProblemCode::PartyWithoutUuid.into());
        }
        if user.access_packages.is_empty() {
            return Err(ProblemCode::PackageNotInSystem.into());
        }
        let system = systems::by_id_for_share(&mut tx, &user.system_id)
            .await?
            .filter(|s| !s.is_deleted)
            .ok_or(ProblemCode::SystemNotFound)?;
        check_packages_subset(
            &user.access_packages,
            &system.access_packages,
            PackageAudience::Own,
            &self.catalogue,
        )?;
        let packages: Vec<String> = user.access_packages.iter().map(|p| p.urn.clone()).collect();
        let wanted = WantedAccess {
            resources: &[],
            packages: &packages,
        };
        let report = delegation::check(
            &mut tx,
            &self.catalogue,
            &self.policies,
            &by.person.0,
            by.party,
            wanted,
        )
        .await?;
        if report.problem().is_some() {
            return Err(ProblemCode::PackageDelegationFailed.into());
        }
        let key = party_key(&mut tx, &user).await?;
        delegation::give(
            &mut tx,
            user.owner_key,
            key,
            &self.keys(&user.access_packages),
            &[],
            &by.name(),
        )
        .await?;
        store::touch(&mut tx, id, &by.name()).await?;
        note(
            &mut tx,
            by,
            &user,
            &[Action::DelegationGranted],
            SystemUserEvent::Changed,
        )
        .await?;
        Ok(foundation::db::commit(tx).await?)
    }

    /// Takes from an agent what it may do for its owner. Its clients stay.
    ///
    /// # Errors
    /// The problem of the first step that fails.
    pub async fn take_own(&self, by: Approver<'_>, id: Uuid) -> ApiResult<()> {
        repeat_on_conflict(|| self.take_own_once(by, id)).await
    }

    async fn take_own_once(&self, by: Approver<'_>, id: Uuid) -> ApiResult<()> {
        let mut tx = self.db.begin().await?;
        store::lock_sequence(&mut tx).await?;
        let user = self.own_agent(&mut tx, by, id).await?;
        systems::by_id(&mut tx, &user.system_id)
            .await?
            .ok_or(ProblemCode::SystemNotFound)?;
        let held = delegation::held(&mut tx, user.owner_key, id).await?;
        if held.packages.is_empty() {
            return Ok(());
        }
        let held: Vec<AccessPackage> = held
            .packages
            .into_iter()
            .map(|urn| AccessPackage { urn })
            .collect();
        let key = party_key(&mut tx, &user).await?;
        delegation::revoke(&mut tx, user.owner_key, key, &[], &self.keys(&held)).await?;
        store::touch(&mut tx, id, &by.name()).await?;
        note(
            &mut tx,
            by,
            &user,
            &[Action::DelegationRevoked],
            SystemUserEvent::Changed,
        )
        .await?;
        Ok(foundation::db::commit(tx).await?)
    }

    /// Whether an agent may do something for its owner.
    ///
    /// # Errors
    /// There is none, or it is another party's.
    pub async fn has_own(&self, by: Approver<'_>, id: Uuid) -> ApiResult<bool> {
        let mut db = self.db.acquire().await?;
        let user = self.own(&mut db, by, id).await?;
        Ok(!delegation::held(&mut db, user.owner_key, id)
            .await?
            .packages
            .is_empty())
    }

    async fn own(
        &self,
        db: &mut PgConnection,
        by: Approver<'_>,
        id: Uuid,
    ) -> ApiResult<SystemUser> {
        let unknown = || {
            foundation::http::ModelState::of("return", format!("SystemUser with Id {id} Not Found"))
        };
        let user = store::by_id(db, id).await?.ok_or_else(unknown)?;
        if user.owner_key == by.party.key {
            Ok(user)
        } else {
            Err(ApiError::Empty(http::StatusCode::FORBIDDEN))
        }
    }

    async fn own_agent(
        &self,
        db: &mut PgConnection,
        by: Approver<'_>,
        id: Uuid,
    ) -> ApiResult<SystemUser> {
        let user = self.own(db, by, id).await?;
        if user.kind == SystemUserKind::Agent {
            Ok(user)
        } else {
            Err(ProblemCode::NotAnAgent.into())
        }
    }

    fn keys(&self, packages: &[AccessPackage]) -> Vec<PackageKey> {
        self.catalogue
            .keys_of(packages.iter().map(|p| p.urn.as_str()))
    }
}

async fn party_key(db: &mut PgConnection, user: &SystemUser) -> ApiResult<i32> {
    Ok(parties::party_by_uuid(db, user.id)
        .await?
        .ok_or(ProblemCode::SystemUserNotFound)?
        .key)
}

/// Writes the audit rows of a step, and publishes the event.
async fn note(
    tx: &mut PgConnection,
    by: Approver<'_>,
    user: &SystemUser,
    actions: &[Action],
    published: SystemUserEvent,
) -> Result<(), DbError> {
    for action in actions {
        audit::record(
            &mut *tx,
            event(Actor::Person(by.person.0.uuid), user, *action),
        )
        .await?;
    }
    publish(tx, user.into(), published).await
}

fn event(actor: Actor, user: &SystemUser, action: Action) -> audit::AuditEvent<'_> {
    audit::AuditEvent {
        actor,
        action,
        object_kind: ObjectKind::SystemUser,
        object_id: user.id.to_string(),
        party_org: Some(&user.reportee_org_no),
        vendor_org: Some(&user.vendor_org),
        detail: None,
    }
}

/// Writes the audit rows of something that was done to a system user of the organisation, one for
/// each detail.
pub async fn record_each(
    tx: &mut PgConnection,
    by: Actor,
    user: &SystemUser,
    action: Action,
    details: Vec<serde_json::Value>,
) -> Result<(), DbError> {
    audit::record_each(tx, event(by, user, action), details).await
}

/// What happens to a system user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemUserEvent {
    /// It was made.
    Created,
    /// It has another title, or holds more or less.
    Changed,
    /// It is no more.
    Deleted,
}

/// Whom a message is about.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct SystemUserEventSubject<'a> {
    pub id: Uuid,
    pub system_id: &'a str,
    pub vendor_org: &'a str,
    pub party_org: &'a str,
    pub external_ref: &'a str,
}

impl<'a> From<&'a SystemUser> for SystemUserEventSubject<'a> {
    fn from(user: &'a SystemUser) -> Self {
        Self {
            id: user.id,
            system_id: &user.system_id,
            vendor_org: &user.vendor_org,
            party_org: &user.reportee_org_no,
            external_ref: &user.external_ref,
        }
    }
}

/// Puts a message about a system user into the outbox.
pub async fn publish(
    tx: &mut PgConnection,
    user: SystemUserEventSubject<'_>,
    event: SystemUserEvent,
) -> Result<(), DbError> {
    // It is made and deleted once, and may change many times.
    let (event, subject_id) = match event {
        SystemUserEvent::Created => (EventKind::SystemUserCreated, user.id),
        SystemUserEvent::Changed => (EventKind::SystemUserChanged, Uuid::now_v7()),
        SystemUserEvent::Deleted => (EventKind::SystemUserDeleted, user.id),
    };
    let message = events::OutboxMessage {
        event,
        subject_id,
        party_org: user.party_org,
        vendor_org: user.vendor_org,
        payload: json!({"systemId": user.system_id, "externalRef": user.external_ref, "systemUserId": user.id}),
    };
    events::post(tx, message).await
}
