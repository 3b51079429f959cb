//! Which packages and rights a caller may give for a party.

use authorization::delegation::rules::{DelegationReason, Delegator, RightCheck};
use foundation::http::Language;
use futures_util::TryStreamExt as _;
use registers::{
    packages::{Package, RoleDto},
    parties,
    resources::{
        self, Resource, right_keys_in_order,
        rights::{NamedRight, named_right},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{
        CheckReason, FullResource, PackageCheck, ProviderKind, ResourceCheck, RightCheckDto,
        RightDto, RoleCheck, WayRow,
    },
    read::logo_of,
    rules,
    store::{self, WayContent},
};
use crate::{
    AccessManagement,
    callers::AccessManagerCaller,
    changes::parties_by_key,
    entities::{CompactPackage, Envelope},
    errors::{AccessError, AccessProblem, AccessResult, InvalidCode, InvalidInput},
};

impl AccessManagement {
    /// Which packages the caller may give for the party: of all that are for parties of its kind, or of
    /// those that are named.
    ///
    /// # Errors
    /// 400 for packages that are not known, or not for this kind of party.
    pub async fn check_packages<P>(
        &self,
        caller: &AccessManagerCaller<P>,
        ids: &[Uuid],
        names: &[&str],
    ) -> AccessResult<Envelope<PackageCheck>> {
        let packages = self.packages_to_check(caller, ids, names)?;
        let mut db = self.db.acquire().await?;
        let (subject, party) = (&caller.by.party, &caller.party);
        let connections = parties::connections(&mut db, subject, party).await?;
        let delegator = Delegator::new(&self.catalogue, subject, party, &connections);
        let (ways, name) = self.ways_of_caller(&mut db, caller).await?;
        let reasons = |package: &Package| {
            let mut reasons = Vec::new();
            for way in &ways {
                for description in rules::givable_by(&self.catalogue, way, package, party.form) {
                    reasons.push(self.reason(way, description, &name));
                }
            }
            reasons
        };
        let check = |package: &Package| {
            let result = delegator.may_give(package);
            let found = if result { reasons(package) } else { Vec::new() };
            PackageCheck {
                package: CompactPackage::from(package),
                result,
                reasons: or_no_access(found),
            }
        };
        Ok(Envelope::of(packages.into_iter().map(check).collect()))
    }

    /// The ways by which anything of the party reaches the caller, and uuids and names of the parties that
    /// they lead through.
    async fn ways_of_caller<P>(
        &self,
        db: &mut PgConnection,
        caller: &AccessManagerCaller<P>,
    ) -> AccessResult<(Vec<WayRow>, impl Fn(i32) -> Option<(Uuid, String)> + use<P>)> {
        let (subject, party) = (&caller.by.party, &caller.party);
        let content = WayContent { rights_on: None };
        let ways = store::to_others(&mut *db, party.key, Some(subject.key), content);
        let mut ways: Vec<WayRow> = ways.try_collect().await?;
        ways.retain(|way| rules::counts(&self.catalogue, way));
        // A person has the role of a private person at the person's own party, without a relation.
        if subject.key == party.key
            && let Some(own) = self.catalogue.role_by_code("privatperson")
        {
            ways.push(WayRow::of_own_party(party.key, own.key));
        }
        let mut keys: Vec<i32> = vec![party.key, subject.key];
        keys.extend(
            ways.iter()
                .flat_map(|way| [Some(way.source_key), way.via_key])
                .flatten(),
        );
        let named = parties_by_key(db, &keys).await?;
        let name = move |key: i32| {
            named
                .get(&key)
                .map(|party| (party.uuid, party.name.clone()))
        };
        Ok((ways, name))
    }

    /// Which roles that policies name the caller has for the party.
    ///
    /// # Errors
    /// The database fails.
    pub async fn check_roles<P>(
        &self,
        caller: &AccessManagerCaller<P>,
        language: Language,
    ) -> AccessResult<Envelope<RoleCheck>> {
        let mut db = self.db.acquire().await?;
        let (ways, name) = self.ways_of_caller(&mut db, caller).await?;
        let roles = self.metadata.roles(language);
        let named = roles
            .into_iter()
            .filter(|role| role.is_resource_policy_available);
        let check = |role: RoleDto| {
            let key = self
                .catalogue
                .role_by_code(&role.code)
                .map(|found| found.key);
            let by = |way: &WayRow| {
                let description = rules::holds_role_by(&self.catalogue, way, key?)?;
                Some(self.reason(way, description, &name))
            };
            let reasons: Vec<CheckReason> = ways.iter().filter_map(by).collect();
            RoleCheck {
                role,
                result: !reasons.is_empty(),
                reasons: or_no_access(reasons),
            }
        };
        Ok(Envelope::of(named.map(check).collect()))
    }

    fn packages_to_check<P>(
        &self,
        caller: &AccessManagerCaller<P>,
        ids: &[Uuid],
        names: &[&str],
    ) -> AccessResult<Vec<&Package>> {
        let is_for_party = |package: &&Package| rules::is_for_giver(package, caller.party.kind);
        if ids.is_empty() && names.is_empty() {
            let mut all: Vec<&Package> = self.catalogue.packages().filter(is_for_party).collect();
            all.sort_by(|one, other| one.urn.cmp(&other.urn));
            return Ok(all);
        }
        let unknown: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| self.catalogue.package_named(name).is_none())
            .collect();
        if !unknown.is_empty() {
            let text = if unknown.len() == names.len() {
                format!(
                    "No packages were found with the names '{}'.",
                    unknown.join(", ")
                )
            } else {
                format!(
                    "Packages with name(s) was not found '{}'.",
                    unknown.join(", ")
                )
            };
            let code = InvalidCode::InvalidQuery;
            return Err(InvalidInput::new(code, "QUERY/package", "packages", text).into());
        }
        let by_id = ids.iter().map(|id| self.catalogue.package_by_id(*id));
        let by_name = names.iter().map(|name| self.catalogue.package_named(name));
        let mut found = Vec::new();
        for package in by_id.chain(by_name) {
            let package = package
                .filter(is_for_party)
                .ok_or(AccessProblem::PackageNotForGiver)?;
            found.push(package);
        }
        found.sort_by(|one, other| one.urn.cmp(&other.urn));
        found.dedup_by_key(|package| package.key);
        Ok(found)
    }

    fn reason(
        &self,
        way: &WayRow,
        description: String,
        name: &impl Fn(i32) -> Option<(Uuid, String)>,
    ) -> CheckReason {
        let role = self.catalogue.role(way.role_id);
        let via_role = way.via_role.and_then(|role| self.catalogue.role(role));
        let (from_id, from_name) = name(way.source_key).unzip();
        let (to_id, to_name) = name(way.to_key).unzip();
        let (via_id, via_name) = way.via_key.and_then(name).unzip();
        CheckReason {
            description,
            role_id: role.map(|role| role.id),
            role_urn: role.map(|role| role.urn.clone()),
            from_id,
            from_name,
            to_id,
            to_name,
            via_id,
            via_name,
            via_role_id: via_role.map(|role| role.id),
            via_role_urn: via_role.map(|role| role.urn.clone()),
        }
    }

    /// Which rights on a resource the caller may give for the party.
    ///
    /// # Errors
    /// 400 for a resource that does not exist, has no policy, or has one without rights of people.
    pub async fn check_resource<P>(
        &self,
        caller: &AccessManagerCaller<P>,
        identifier: &str,
        language: Language,
    ) -> AccessResult<ResourceCheck> {
        let document = self.document(identifier).await?;
        let mut db = self.db.acquire().await?;
        let checks = self.right_checks(&mut db, caller, identifier).await?;
        if checks.is_empty() {
            return Err(AccessProblem::MissingMetadata.into());
        }
        let logo = logo_of(&mut db, &document).await?;
        let rights = checks.into_iter().map(|check| {
            let (result, reason_codes) = (check.may_be_given(), reason_codes(&check));
            RightCheckDto {
                right: RightDto::named(named_right(check.key, identifier, language)),
                result,
                reason_codes,
            }
        });
        Ok(ResourceCheck {
            resource: FullResource::of(identifier, &document, logo, language, ProviderKind::Shown),
            rights: rights.collect(),
        })
    }

    /// The rights that the policy of a resource has for people; none of a resource that does not exist or
    /// has no policy.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rights_of_policy(
        &self,
        identifier: &str,
        language: Language,
    ) -> AccessResult<Option<Vec<NamedRight>>> {
        let mut db = self.db.acquire().await?;
        let found = self.policies.resource(&mut db, identifier).await?;
        let policy = found.and_then(|resource| resource.policy);
        Ok(policy.map(|policy| {
            let keys = right_keys_in_order(&policy.policy, identifier);
            let named = keys
                .into_iter()
                .map(|(key, _)| named_right(key, identifier, language));
            named.collect()
        }))
    }

    /// What the delegation check finds about each right of a resource.
    ///
    /// # Errors
    /// 400 for a resource that does not exist, or has no policy.
    pub(super) async fn right_checks<P>(
        &self,
        db: &mut PgConnection,
        caller: &AccessManagerCaller<P>,
        identifier: &str,
    ) -> AccessResult<Vec<RightCheck>> {
        let (subject, party) = (&caller.by.party, &caller.party);
        let resource: Resource = self
            .policies
            .resource(&mut *db, identifier)
            .await?
            .filter(|resource| resource.policy.is_some())
            .ok_or_else(|| AccessError::InvalidResource(identifier.to_owned()))?;
        let filters = if resource.access_list_enabled {
            resources::access_list_filters(&mut *db, identifier, party.key).await?
        } else {
            Vec::new()
        };
        let connections = parties::connections(db, subject, party).await?;
        Ok(Delegator::new(&self.catalogue, subject, party, &connections).keys(&resource, &filters))
    }
}

/// The ways, or that there is none.
fn or_no_access(ways: Vec<CheckReason>) -> Vec<CheckReason> {
    if ways.is_empty() {
        vec![CheckReason::no_access()]
    } else {
        ways
    }
}

/// What leads to a right, or is missing, and then what forbids to give it.
fn reason_codes(check: &RightCheck) -> Vec<&'static str> {
    let mut out = Vec::new();
    if check.is_held() {
        for (leads, code) in [
            (check.by_package, "PackageAccess"),
            (check.by_role, "RoleAccess"),
            (check.by_right, "DelegationAccess"),
        ] {
            if leads {
                out.push(code);
            }
        }
        out.extend(check.blocks.iter().map(|reason| reason.as_str()));
    } else {
        out.extend(check.obstacles().into_iter().map(DelegationReason::as_str));
    }
    out
}
