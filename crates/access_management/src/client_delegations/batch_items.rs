//! What a batch delegates: access packages, or single resources.

use std::collections::HashSet;

use authorization::delegation::{FacilitatorRole, PackageBasis};
use foundation::db::DbError;
use registers::packages::{Catalogue, PackageKey, RoleKey, VariantKey, resource_uuid};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    bind::BatchItems,
    model::{DelegationEnds, PackageDelegation, ResourceDelegation},
    store::{self, HeldRelation},
    words::{BatchDirection, BatchWording},
};
use crate::errors::InvalidCode;

/// An item of a batch that cannot be delegated or taken back.
pub(super) struct Unfit {
    pub(super) code: InvalidCode,
    /// What the finding calls it.
    pub(super) name: String,
    pub(super) text: &'static str,
}

/// One kind of what a batch delegates.
pub(super) trait Delegable {
    /// As the body has it.
    const ITEMS: BatchItems;
    /// Its name in the audit trail.
    const MEMBER_OF_AUDIT: &'static str;
    /// Whether a vendor's events say that a client was added by it.
    const IS_PUBLISHED: bool;
    /// Identifies one of them.
    type Key: PartialEq + Send + Sync;
    /// One of them, as it is stored.
    type Given: Send + Sync;
    /// One of them in an answer.
    type Delegation: Send;

    /// What the database knows of these names.
    fn registered(
        tx: &mut PgConnection,
        names: &[String],
    ) -> impl Future<Output = Result<HashSet<String>, DbError>> + Send;

    /// The one with this name.
    fn named(
        catalogue: &Catalogue,
        registered: &HashSet<String>,
        name: &str,
        words: &BatchWording,
    ) -> Result<Self::Key, Unfit>;

    /// The one as it is delegated by this relation, or what a finding calls it where the client does not
    /// give it.
    fn given(
        catalogue: &Catalogue,
        role: RoleKey,
        form: Option<VariantKey>,
        relation: &HeldRelation,
        key: &Self::Key,
    ) -> Result<Self::Given, String>;

    /// The client does not give it by the role with this URN.
    fn not_given(ends: DelegationEnds, role: &str) -> String;

    /// Delegates them. Returns those that were not delegated before.
    fn add(
        tx: &mut PgConnection,
        delegation: Uuid,
        given: &[Self::Given],
    ) -> impl Future<Output = Result<Vec<Self::Key>, DbError>> + Send;

    /// Takes them back. Returns those that were delegated.
    fn remove(
        tx: &mut PgConnection,
        delegation: Uuid,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Self::Key>, DbError>> + Send;

    /// Its public name.
    fn name<'a>(catalogue: &'a Catalogue, key: &'a Self::Key) -> Option<&'a str>;

    /// As an answer has it.
    fn shown(
        catalogue: &Catalogue,
        ends: DelegationEnds,
        role_id: Uuid,
        key: &Self::Key,
        changed: bool,
    ) -> Self::Delegation;
}

/// Access packages.
pub(super) struct Packages;

impl Delegable for Packages {
    const ITEMS: BatchItems = BatchItems::Packages;
    const MEMBER_OF_AUDIT: &'static str = "package";
    const IS_PUBLISHED: bool = true;
    type Key = PackageKey;
    type Given = (PackageKey, PackageBasis);
    type Delegation = PackageDelegation;

    async fn registered(_: &mut PgConnection, _: &[String]) -> Result<HashSet<String>, DbError> {
        // All of them are in the catalogue.
        Ok(HashSet::new())
    }

    fn named(
        catalogue: &Catalogue,
        _: &HashSet<String>,
        name: &str,
        words: &BatchWording,
    ) -> Result<PackageKey, Unfit> {
        let package = match words.direction {
            BatchDirection::Give => catalogue.package_named(name),
            BatchDirection::Take => catalogue.held_package_named(name),
        };
        let package = package.ok_or_else(|| Unfit {
            code: InvalidCode::InvalidPackage,
            name: name.to_owned(),
            text: words.unknown_package(),
        })?;
        if words.direction == BatchDirection::Give && !package.is_delegable {
            return Err(Unfit {
                code: InvalidCode::PackageNotDelegable,
                name: package.urn.clone(),
                text: "Package is not delegable.",
            });
        }
        Ok(package.key)
    }

    fn given(
        catalogue: &Catalogue,
        role: RoleKey,
        form: Option<VariantKey>,
        relation: &HeldRelation,
        key: &PackageKey,
    ) -> Result<Self::Given, String> {
        let role = FacilitatorRole {
            role,
            form,
            assigned: &relation.assigned,
        };
        role.basis(catalogue, *key)
            .map(|basis| (*key, basis))
            .ok_or_else(|| {
                let package = catalogue.package(*key);
                package.map(|p| p.urn.clone()).unwrap_or_default()
            })
    }

    fn not_given(ends: DelegationEnds, role: &str) -> String {
        format!(
            "Can't delegate package from client '{}' as they haven't been assigned to '{}' through role '{role}'.",
            ends.client, ends.party
        )
    }

    async fn add(
        tx: &mut PgConnection,
        delegation: Uuid,
        given: &[Self::Given],
    ) -> Result<Vec<PackageKey>, DbError> {
        store::add_packages(tx, delegation, given).await
    }

    async fn remove(
        tx: &mut PgConnection,
        delegation: Uuid,
        keys: &[PackageKey],
    ) -> Result<Vec<PackageKey>, DbError> {
        store::remove_packages(tx, delegation, keys).await
    }

    fn name<'a>(catalogue: &'a Catalogue, key: &'a PackageKey) -> Option<&'a str> {
        catalogue.package(*key).map(|package| package.urn.as_str())
    }

    fn shown(
        catalogue: &Catalogue,
        ends: DelegationEnds,
        role_id: Uuid,
        key: &PackageKey,
        changed: bool,
    ) -> PackageDelegation {
        PackageDelegation {
            role_id,
            package_id: catalogue.package(*key).map_or(Uuid::nil(), |p| p.id),
            via_id: ends.party,
            from_id: ends.client,
            to_id: ends.agent,
            changed,
        }
    }
}

/// Single resources.
pub(super) struct Resources;

impl Delegable for Resources {
    const ITEMS: BatchItems = BatchItems::Resources;
    const MEMBER_OF_AUDIT: &'static str = "resource";
    const IS_PUBLISHED: bool = false;
    type Key = String;
    type Given = String;
    type Delegation = ResourceDelegation;

    async fn registered(
        tx: &mut PgConnection,
        names: &[String],
    ) -> Result<HashSet<String>, DbError> {
        let known = store::known_resources(tx, names).await?;
        Ok(known.into_iter().collect())
    }

    fn named(
        _: &Catalogue,
        registered: &HashSet<String>,
        name: &str,
        _: &BatchWording,
    ) -> Result<String, Unfit> {
        registered.get(name).cloned().ok_or_else(|| Unfit {
            code: InvalidCode::ResourceNotFound,
            name: name.to_owned(),
            text: "Resource does not exist.",
        })
    }

    fn given(
        _: &Catalogue,
        _: RoleKey,
        _: Option<VariantKey>,
        relation: &HeldRelation,
        key: &String,
    ) -> Result<String, String> {
        if relation.resources.contains(key) {
            Ok(key.clone())
        } else {
            Err(resource_uuid(key).to_string())
        }
    }

    fn not_given(ends: DelegationEnds, role: &str) -> String {
        format!(
            "Can't delegate resource from client '{}' as it hasn't been delegated to '{}' as a single resource through role '{role}'.",
            ends.client, ends.party
        )
    }

    async fn add(
        tx: &mut PgConnection,
        delegation: Uuid,
        given: &[String],
    ) -> Result<Vec<String>, DbError> {
        store::add_resources(tx, delegation, given).await
    }

    async fn remove(
        tx: &mut PgConnection,
        delegation: Uuid,
        keys: &[String],
    ) -> Result<Vec<String>, DbError> {
        store::remove_resources(tx, delegation, keys).await
    }

    fn name<'a>(_: &'a Catalogue, key: &'a String) -> Option<&'a str> {
        Some(key)
    }

    fn shown(
        _: &Catalogue,
        ends: DelegationEnds,
        role_id: Uuid,
        key: &String,
        changed: bool,
    ) -> ResourceDelegation {
        ResourceDelegation {
            role_id,
            resource_id: resource_uuid(key),
            via_id: ends.party,
            from_id: ends.client,
            to_id: ends.agent,
            changed,
        }
    }
}
