//! Giving others access, and taking it back: one transaction for each step, or nothing at all.

use std::collections::HashMap;

use authorization::{
    delegation::rules::{Delegator, RightCheck},
    live_system_users::SystemUserKind,
};
use foundation::http::Language;
use foundation::{
    audit::{Action, ObjectKind},
    db::repeat_on_conflict,
};
use registers::{
    packages::{Package, resource_uuid},
    parties::{self, Party, PartyKind},
    resources::rights::named_right,
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use system_users::users::{self, SystemUser};
use uuid::Uuid;

use super::{
    bind::PackageName,
    model::AssignmentPackageDto,
    read::{GIVERS, RECEIVERS, wrong_type},
    rules,
    store::{self, StoredRight},
};
use crate::{
    AccessManagement,
    callers::{AccessManagerCaller, AccessPolicy, ActingParty},
    changes::{self, lock_system_user},
    client_delegations::{AssignmentDto, Cascade, is_connected},
    errors::{AccessError, AccessProblem, AccessResult, InvalidCode, InvalidInput, refuse},
    person_lookup::PersonInput,
};

/// Which rights on a resource a receiver has afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsChange {
    /// Those it has, and these.
    Add,
    /// These alone.
    Replace,
}

/// The ends of a removal, found.
pub(super) struct RemovalEnds {
    pub(super) from: Party,
    pub(super) to: Party,
}

impl AccessManagement {
    /// The party that is to receive something: by its uuid, or a person by number and last name.
    ///
    /// # Errors
    /// 400 for a party that is not known and a person who cannot be found, 429 for too many look-ups.
    async fn receiver(
        &self,
        by: &ActingParty,
        to: Option<Uuid>,
        input: Option<&PersonInput>,
    ) -> AccessResult<Party> {
        if let Some(uuid) = to {
            let mut db = self.db.acquire().await?;
            let found = parties::party_by_uuid(&mut db, uuid).await?;
            return found.ok_or_else(|| unknown_end("to").into());
        }
        self.person_described(by.party.uuid, input, "to").await
    }

    /// Makes a party a right-holder. A repeat changes nothing and answers the same.
    ///
    /// # Errors
    /// 400 for who cannot be one, 429 for too many look-ups of persons.
    pub async fn add_right_holder<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        to: Option<Uuid>,
        input: Option<&PersonInput>,
    ) -> AccessResult<AssignmentDto> {
        let to = match to {
            Some(uuid) => self.acquaintance(&caller.party, uuid, "to").await?,
            None => self.receiver(&caller.by, None, input).await?,
        };
        repeat_on_conflict(|| self.add_right_holder_once(&caller.by, &caller.party, &to)).await
    }

    async fn add_right_holder_once(
        &self,
        by: &ActingParty,
        from: &Party,
        to: &Party,
    ) -> AccessResult<AssignmentDto> {
        let mut tx = self.db.begin().await?;
        let user = may_receive(&mut tx, from, to).await?;
        let id = self.right_holder(&mut tx, by, from, to).await?;
        if let Some(user) = user {
            changes::publish_holdings(&mut tx, by, &user).await?;
        }
        foundation::db::commit(tx).await?;
        Ok(AssignmentDto {
            id,
            role_id: self.role_id("rettighetshaver"),
            from_id: from.uuid,
            to_id: to.uuid,
        })
    }

    /// The right-holder relation between two parties, locked; made when there is none.
    async fn right_holder(
        &self,
        tx: &mut PgConnection,
        by: &ActingParty,
        from: &Party,
        to: &Party,
    ) -> AccessResult<Uuid> {
        if let Some(relation) = store::lock_right_holder(&mut *tx, from.key, to.key).await? {
            return Ok(relation.id);
        }
        let made = store::add_right_holder(&mut *tx, from.key, to.key, &by.name()).await?;
        let Some(id) = made else {
            // Another call made it in the meantime, and may have removed it again.
            let relation = store::lock_right_holder(tx, from.key, to.key).await?;
            return relation
                .map(|relation| relation.id)
                .ok_or_else(|| AccessProblem::NoConnection.into());
        };
        let about = (ObjectKind::Delegation, id);
        let details = vec![json!({"to": to.uuid})];
        changes::record(&mut *tx, by, Action::RightholderAdded, about, from, details).await?;
        changes::touch(&mut *tx, from).await?;
        changes::touch(tx, to).await?;
        Ok(id)
    }

    /// Ends a right-holder relation. One that does not exist is no error.
    ///
    /// # Errors
    /// 400 for ends that are not known or of the wrong kind, and without cascade when the relation still
    /// carries something.
    pub async fn remove_right_holder<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        from: Uuid,
        to: Uuid,
        cascade: Cascade,
    ) -> AccessResult<()> {
        repeat_on_conflict(|| self.remove_right_holder_once(&caller.by, from, to, cascade)).await
    }

    async fn remove_right_holder_once(
        &self,
        by: &ActingParty,
        from: Uuid,
        to: Uuid,
        cascade: Cascade,
    ) -> AccessResult<()> {
        let mut tx = self.db.begin().await?;
        let RemovalEnds { from, to } = removal_ends(&mut tx, from, to).await?;
        let user = lock_own_user(&mut tx, &to).await?;
        let Some(relation) = store::lock_right_holder(&mut tx, from.key, to.key).await? else {
            return Ok(());
        };
        let carried = store::carried(&mut tx, relation.id).await?;
        if cascade == Cascade::No {
            refuse(in_use(&carried))?;
        }
        store::remove_relation(&mut tx, relation.id).await?;
        let about = (ObjectKind::Delegation, relation.id);
        let packages = carried
            .packages
            .iter()
            .filter_map(|(_, key)| self.catalogue.package(*key))
            .map(|package| json!({"to": to.uuid, "package": package.urn}));
        let resources = carried
            .resources
            .iter()
            .map(|resource| json!({"to": to.uuid, "resource": resource}));
        let details: Vec<Value> = packages.chain(resources).collect();
        changes::record(
            &mut tx,
            by,
            Action::DelegationRevoked,
            about,
            &from,
            details,
        )
        .await?;
        let details = vec![json!({"to": to.uuid})];
        changes::record(
            &mut tx,
            by,
            Action::RightholderRemoved,
            about,
            &from,
            details,
        )
        .await?;
        self.finish_removal(&mut tx, by, &from, &to, user.as_ref())
            .await?;
        Ok(foundation::db::commit(tx).await?)
    }

    /// Ends what depended on what was taken back, and appends to the feed.
    async fn finish_removal(
        &self,
        tx: &mut PgConnection,
        by: &ActingParty,
        from: &Party,
        to: &Party,
        user: Option<&SystemUser>,
    ) -> AccessResult<()> {
        changes::end_dependents(&mut *tx, by, from, to).await?;
        changes::touch(&mut *tx, from).await?;
        changes::touch(&mut *tx, to).await?;
        if let Some(user) = user {
            changes::publish_holdings(tx, by, user).await?;
        }
        Ok(())
    }

    /// The package that a call names.
    ///
    /// # Errors
    /// 400 for a name that no package has. An id that no package has is another error, and comes later.
    fn package_to_give(&self, name: &PackageName) -> AccessResult<Option<&Package>> {
        let missing = |text: &str| {
            let text = format!("No packages with name '{text}' do not exists.");
            let code = InvalidCode::PackageNotFound;
            InvalidInput::new(code, "QUERY/package", "packages", text)
        };
        match name {
            PackageName::Id(id) => Ok(self.catalogue.package_by_id(*id)),
            PackageName::Text(text) => {
                let found = self.catalogue.package_named(text);
                Ok(Some(found.ok_or_else(|| missing(text))?))
            }
            PackageName::Missing => Err(missing("").into()),
        }
    }

    /// The package that a call names for taking it back, be it retired.
    ///
    /// # Errors
    /// As [`Self::package_to_give`].
    fn package_to_take(&self, name: &PackageName) -> AccessResult<Option<&Package>> {
        let held = match name {
            PackageName::Id(id) => self.catalogue.held_package_by_id(*id),
            PackageName::Text(text) => self.catalogue.held_package_named(text),
            PackageName::Missing => None,
        };
        match held {
            Some(package) => Ok(Some(package)),
            None => self.package_to_give(name),
        }
    }

    /// Gives a package. A repeat changes nothing and answers the same.
    ///
    /// # Errors
    /// 400 for a package or a receiver that cannot be, and when the caller may not give it.
    pub async fn give_package<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        to: Option<Uuid>,
        input: Option<&PersonInput>,
        name: &PackageName,
    ) -> AccessResult<AssignmentPackageDto> {
        let package = self.package_to_give(name)?;
        let to = self.receiver(&caller.by, to, input).await?;
        repeat_on_conflict(|| self.give_package_once(caller, &to, package, name)).await
    }

    async fn give_package_once<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        to: &Party,
        package: Option<&Package>,
        name: &PackageName,
    ) -> AccessResult<AssignmentPackageDto> {
        let (by, from) = (&caller.by, &caller.party);
        let mut tx = self.db.begin().await?;
        let user = may_receive(&mut tx, from, to).await?;
        must_be_connected(&mut tx, from, to).await?;
        let package = package
            .filter(|package| rules::is_for_giver(package, from.kind))
            .ok_or(AccessProblem::PackageNotForGiver)?;
        let kind = user.as_ref().map(|user| user.kind);
        self.must_be_givable(&mut tx, caller, (to, kind), package, name)
            .await?;
        let relation = self.right_holder(&mut tx, by, from, to).await?;
        let added = store::add_package(&mut tx, relation, package.key, &by.name()).await?;
        let dto = |id: Uuid| AssignmentPackageDto {
            id,
            assignment_id: relation,
            package_id: package.id,
        };
        let Some(id) = added else {
            let id = store::package_row(&mut tx, relation, package.key).await?;
            return Ok(dto(id.ok_or(AccessProblem::NoConnection)?));
        };
        let about = (ObjectKind::Delegation, relation);
        let details = vec![json!({"to": to.uuid, "package": package.urn})];
        changes::record(&mut tx, by, Action::DelegationGranted, about, from, details).await?;
        finish_giving(&mut tx, by, from, to, user.as_ref()).await?;
        foundation::db::commit(tx).await?;
        Ok(dto(id))
    }

    async fn must_be_givable<P: AccessPolicy>(
        &self,
        tx: &mut PgConnection,
        caller: &AccessManagerCaller<P>,
        (to, system_user): (&Party, Option<SystemUserKind>),
        package: &Package,
        name: &PackageName,
    ) -> AccessResult<()> {
        let (subject, party) = (&caller.by.party, &caller.party);
        let connections = parties::connections(tx, subject, party).await?;
        let delegator = Delegator::new(&self.catalogue, subject, party, &connections);
        let mut findings = Vec::new();
        if !delegator.may_give(package) {
            let text = format!(
                "User is not allowed to assign the following package(s) '{}'.",
                package.urn
            );
            let code = InvalidCode::NotAuthorized;
            findings.push(InvalidInput::new(code, "QUERY/packageId", "packages", text));
        }
        if rules::is_refused_to_receiver(package, to.kind, system_user) {
            let path = match name {
                PackageName::Id(_) => "QUERY/packageId",
                PackageName::Text(_) | PackageName::Missing => "QUERY/package",
            };
            let text = format!(
                "{} are not assignable to the given entitytype in input.",
                package.urn
            );
            let code = InvalidCode::NotAssignableToReceiver;
            findings.push(InvalidInput::new(code, path, "Packages", text));
        }
        refuse(findings)
    }

    /// Takes a package back. One that was not given is no error.
    ///
    /// # Errors
    /// 400 for a package or ends that are not known, or of the wrong kind.
    pub async fn take_package<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        from: Uuid,
        to: Uuid,
        name: &PackageName,
    ) -> AccessResult<()> {
        let package = self.package_to_take(name)?;
        repeat_on_conflict(|| self.take_package_once(&caller.by, from, to, package)).await
    }

    async fn take_package_once(
        &self,
        by: &ActingParty,
        from: Uuid,
        to: Uuid,
        package: Option<&Package>,
    ) -> AccessResult<()> {
        let mut tx = self.db.begin().await?;
        let RemovalEnds { from, to } = removal_ends(&mut tx, from, to).await?;
        let Some(package) = package else {
            return Ok(());
        };
        let user = lock_own_user(&mut tx, &to).await?;
        let Some(relation) = store::lock_right_holder(&mut tx, from.key, to.key).await? else {
            return Ok(());
        };
        if !store::remove_package(&mut tx, relation.id, package.key).await? {
            return Ok(());
        }
        let about = (ObjectKind::Delegation, relation.id);
        let details = vec![json!({"to": to.uuid, "package": package.urn})];
        changes::record(
            &mut tx,
            by,
            Action::DelegationRevoked,
            about,
            &from,
            details,
        )
        .await?;
        self.finish_removal(&mut tx, by, &from, &to, user.as_ref())
            .await?;
        Ok(foundation::db::commit(tx).await?)
    }

    /// Gives rights on a resource, by their keys: all or none.
    ///
    /// # Errors
    /// 400 for a resource or a receiver that cannot be, and when the caller may not give one of them.
    pub async fn give_rights<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        to: Uuid,
        resource: &str,
        keys: &[String],
        change: RightsChange,
    ) -> AccessResult<()> {
        self.document(resource).await?;
        if keys.is_empty() && change == RightsChange::Add {
            return Err(AccessProblem::NoRightKey.into());
        }
        let to = self.receiver(&caller.by, Some(to), None).await?;
        repeat_on_conflict(|| self.give_rights_once(caller, &to, resource, keys, change)).await
    }

    async fn give_rights_once<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        to: &Party,
        resource: &str,
        keys: &[String],
        change: RightsChange,
    ) -> AccessResult<()> {
        let (by, from) = (&caller.by, &caller.party);
        let mut tx = self.db.begin().await?;
        let user = may_receive(&mut tx, from, to).await?;
        let checks = self.right_checks(&mut tx, caller, resource).await?;
        let givable: HashMap<String, StoredRight> = checks
            .into_iter()
            .filter(RightCheck::may_be_given)
            .map(|check| {
                let stored = StoredRight {
                    action: check.key.action.clone(),
                    extra: check
                        .key
                        .extra
                        .iter()
                        .map(|(id, value)| json!([id, value]))
                        .collect(),
                };
                (named_right(check.key, resource, Language::Nb).key, stored)
            })
            .collect();
        let mut rights = Vec::new();
        for key in keys {
            let right = givable
                .get(key)
                .ok_or(AccessProblem::NotAuthorizedForDelegation)?;
            rights.push(right.clone());
        }
        must_be_connected(&mut tx, from, to).await?;
        // A replacement by nothing changes nothing: what is to end is taken back.
        if rights.is_empty() {
            return Ok(());
        }
        let relation = self.right_holder(&mut tx, by, from, to).await?;
        let removed = match change {
            RightsChange::Add => 0,
            RightsChange::Replace => {
                store::remove_other_rights(&mut tx, relation, resource, &rights).await?
            }
        };
        let added = store::add_rights(&mut tx, relation, resource, &rights, &by.name()).await?;
        if added + removed > 0 {
            let about = (ObjectKind::Delegation, relation);
            let actions: Vec<&str> = rights.iter().map(|right| right.action.as_str()).collect();
            let details = vec![json!({"to": to.uuid, "resource": resource, "actions": actions})];
            changes::record(&mut tx, by, Action::DelegationGranted, about, from, details).await?;
            finish_giving(&mut tx, by, from, to, user.as_ref()).await?;
        }
        Ok(foundation::db::commit(tx).await?)
    }

    /// Takes all rights on a resource back. Rights that were not given are no error.
    ///
    /// # Errors
    /// 400 for a resource or ends that are not known, and for a resource that the receiver has through a
    /// client delegation.
    pub async fn take_resource<P: AccessPolicy>(
        &self,
        caller: &AccessManagerCaller<P>,
        from: Uuid,
        to: Uuid,
        resource: Option<&str>,
    ) -> AccessResult<()> {
        repeat_on_conflict(|| self.take_resource_once(&caller.by, from, to, resource)).await
    }

    async fn take_resource_once(
        &self,
        by: &ActingParty,
        from: Uuid,
        to: Uuid,
        resource: Option<&str>,
    ) -> AccessResult<()> {
        let mut tx = self.db.begin().await?;
        let unknown = || {
            let text = format!(
                "No resources with name '{}' exists.",
                resource.unwrap_or_default()
            );
            let code = InvalidCode::ResourceToRevokeNotFound;
            InvalidInput::new(code, "QUERY/resource", "resources", text)
        };
        let resource = resource.ok_or_else(unknown)?;
        let wanted = [resource.to_owned()];
        if crate::client_delegations::known_resources(&mut tx, &wanted)
            .await?
            .is_empty()
        {
            return Err(unknown().into());
        }
        let RemovalEnds { from, to } = removal_ends(&mut tx, from, to).await?;
        let user = lock_own_user(&mut tx, &to).await?;
        let relation = store::lock_right_holder(&mut tx, from.key, to.key).await?;
        let removed = match relation {
            Some(relation) => {
                store::remove_other_rights(&mut tx, relation.id, resource, &[]).await?
            }
            None => 0,
        };
        let Some(relation) = relation.filter(|_| removed > 0) else {
            if store::is_delegated_by_client(&mut tx, from.key, to.key, resource).await? {
                let text = "Resources delegated through a client delegation cannot be revoked on this endpoint. Use the client delegation API to revoke them.";
                let code = InvalidCode::DelegatedByClient;
                return Err(InvalidInput::new(code, "QUERY/resource", "resource", text).into());
            }
            return Ok(());
        };
        let about = (ObjectKind::Delegation, relation.id);
        let details = vec![json!({"to": to.uuid, "resource": resource})];
        changes::record(
            &mut tx,
            by,
            Action::DelegationRevoked,
            about,
            &from,
            details,
        )
        .await?;
        self.finish_removal(&mut tx, by, &from, &to, user.as_ref())
            .await?;
        Ok(foundation::db::commit(tx).await?)
    }
}

/// Findings for what a relation that is to be ended still carries.
fn in_use(carried: &store::RightHolderGrants) -> Vec<InvalidInput> {
    let finding = |name: &str, text: String| {
        InvalidInput::new(InvalidCode::RelationInUse, "QUERY/cascade", name, text)
    };
    let mut findings = Vec::new();
    let joined = |ids: Vec<String>| ids.join(", ");
    if !carried.packages.is_empty() {
        let ids = carried.packages.iter().map(|(id, _)| id.to_string());
        let text = format!(
            "following packages have active assignments [{}].",
            joined(ids.collect())
        );
        findings.push(finding("packages", text));
    }
    if !carried.resources.is_empty() {
        let ids = carried
            .resources
            .iter()
            .map(|id| resource_uuid(id).to_string());
        let text = format!(
            "following resources have active assignments [{}].",
            joined(ids.collect())
        );
        findings.push(finding("resources", text));
    }
    if !carried.delegations.is_empty() {
        let ids = carried.delegations.iter().map(Uuid::to_string);
        findings.push(finding("delegations", joined(ids.collect())));
    }
    findings
}

fn unknown_end(end: &str) -> InvalidInput {
    InvalidInput::bare(InvalidCode::UnknownParty, format!("QUERY/{end}"))
}

/// Refuses parties that may not give or receive. A system user that receives is returned, and is not
/// deleted before the transaction ends.
async fn may_receive(
    tx: &mut PgConnection,
    from: &Party,
    to: &Party,
) -> AccessResult<Option<SystemUser>> {
    let findings = wrong_type(from, "from", &GIVERS)
        .into_iter()
        .chain(wrong_type(to, "to", &RECEIVERS));
    refuse(findings.collect())?;
    if from.key == to.key {
        let text = "Self-delegation not allowed. From and To cannot be the same party";
        let findings = ["from", "to"].map(|end| {
            let path = format!("QUERY/{end}");
            InvalidInput::new(InvalidCode::InvalidQuery, path, end, text)
        });
        return Err(AccessError::Invalid(findings.into()));
    }
    if to.is_gone() {
        return Err(unknown_end("to").into());
    }
    if to.kind != PartyKind::SystemUser {
        return Ok(None);
    }
    let user = lock_own_user(tx, to).await?;
    match user {
        Some(user) if user.owner_key == from.key => Ok(Some(user)),
        Some(_) | None => Err(unknown_end("to").into()),
    }
}

/// The active system user that a party is, not deleted before the transaction ends.
async fn lock_own_user(tx: &mut PgConnection, party: &Party) -> AccessResult<Option<SystemUser>> {
    if party.kind != PartyKind::SystemUser || !lock_system_user(&mut *tx, party.uuid).await? {
        return Ok(None);
    }
    Ok(users::by_id(tx, party.uuid).await?)
}

/// Refuses to give anything to a party that has nothing to do with the giver. System users are the
/// giver's own.
async fn must_be_connected(tx: &mut PgConnection, from: &Party, to: &Party) -> AccessResult<()> {
    if to.kind == PartyKind::SystemUser || is_connected(tx, from.key, to.key).await? {
        Ok(())
    } else {
        Err(AccessProblem::NoConnection.into())
    }
}

async fn finish_giving(
    tx: &mut PgConnection,
    by: &ActingParty,
    from: &Party,
    to: &Party,
    user: Option<&SystemUser>,
) -> AccessResult<()> {
    changes::touch(&mut *tx, from).await?;
    changes::touch(&mut *tx, to).await?;
    if let Some(user) = user {
        changes::publish_holdings(tx, by, user).await?;
    }
    Ok(())
}

/// The ends of a removal.
///
/// # Errors
/// 400 for ends that are not known or of the wrong kind.
pub(super) async fn removal_ends(
    tx: &mut PgConnection,
    from: Uuid,
    to: Uuid,
) -> AccessResult<RemovalEnds> {
    let giver = parties::party_by_uuid(&mut *tx, from).await?;
    let receiver = parties::party_by_uuid(&mut *tx, to).await?;
    let mut findings = Vec::new();
    if giver.is_none() {
        findings.push(unknown_end("from"));
    }
    if receiver.is_none() {
        findings.push(unknown_end("to"));
    }
    refuse(findings)?;
    let (Some(from), Some(to)) = (giver, receiver) else {
        return Err(unknown_end("from").into());
    };
    let findings = wrong_type(&from, "from", &GIVERS)
        .into_iter()
        .chain(wrong_type(&to, "to", &RECEIVERS));
    refuse(findings.collect())?;
    Ok(RemovalEnds { from, to })
}
