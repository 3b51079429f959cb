//! What no approver can give to a system user. This is known from
//! the catalogue, the policy and the customer alone.

use foundation::{db::DbError, http::ProblemCode};
use registers::{
    packages::{Catalogue, EntityKind},
    parties::{Party, PartyKind},
    resources::{self, CompiledPolicies, Resource, right_keys},
};
use sqlx::PgConnection;

use super::{WantedAccess, rules::NEVER_FOR_SYSTEM_USERS};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedKind {
    /// A right on a resource.
    Resource,
    /// An access package.
    Package,
}

impl WantedKind {
    /// As on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Package => "package",
        }
    }
}

macro_rules! reasons {
    ($($name:ident = ($word:literal, $problem:ident, $cure:literal);)*) => {
        /// Why no person can approve something.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ObstacleReason {
            $(#[doc = concat!("`", $word, "`")] $name,)*
        }

        impl ObstacleReason {
            /// As on the wire.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What an approval would be answered with.
            #[must_use]
            pub const fn problem(self) -> ProblemCode {
                match self { $(Self::$name => ProblemCode::$problem,)* }
            }

            /// What would help, in English.
            #[must_use]
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$name => $cure,)* }
            }
        }
    };
}

reasons! {
    UnknownResource = ("resource_unknown", DelegationCheckUnknown,
        "The resource registry has no resource of this spelling: spell it as the registry does, or take it out of the system and of the request.");
    NoPolicy = ("resource_without_policy", DelegationCheckUnknown,
        "The service owner has uploaded no policy that can be read: ask the service owner, or leave the resource out.");
    OnlyOwnerRules = ("only_owner_rules", DelegationCheckUnknown,
        "The policy gives nothing to roles or access packages, only to service owners: ask the service owner for a rule that does.");
    NotDelegable = ("resource_not_delegable", ResourceNotDelegable,
        "Rights on the resource cannot be given: ask for an access package that leads to it instead.");
    MaskinportenSchema = ("resource_is_maskinporten_schema", ResourceIsMaskinportenSchema,
        "The resource is an API that Maskinporten delegates between organisations: it is no right of a system user.");
    NotOnAccessList = ("customer_not_on_access_list", AccessListValidationFail,
        "The customer is on no access list of the resource: the service owner has to add it.");
    UnknownPackage = ("package_unknown", PackageCheckFailed,
        "The catalogue has no such access package: use one that it has.");
    OtherParty = ("package_for_other_party", PackageCheckFailed,
        "The access package is for another kind of party than the customer: use one for this kind.");
    NotAssignable = ("package_not_assignable", MissingPackagesToDelegate,
        "The access package cannot be given directly: use one that can, or ask for a system user for clients.");
    NeverForSystemUsers = ("package_never_for_system_users", PackageDelegationFailed,
        "No system user gets this access package: take it out of the system and of the request.");
}

/// Something that no person can approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is.
    pub kind: WantedKind,
    /// Identifier of the resource, or URN of the package.
    pub id: String,
    /// Why.
    pub reason: ObstacleReason,
}

/// What of the wanted rights and packages no person can approve for a customer, in order.
pub async fn obstacles(
    db: &mut PgConnection,
    catalogue: &Catalogue,
    policies: &CompiledPolicies,
    customer: &Party,
    wanted: WantedAccess<'_>,
) -> Result<Vec<Obstacle>, DbError> {
    let mut out = Vec::new();
    for identifier in wanted.resources {
        let resource = policies.resource(&mut *db, identifier).await?;
        let filters = match &resource {
            Some(resource) if resource.access_list_enabled => {
                resources::access_list_filters(&mut *db, identifier, customer.key).await?
            }
            Some(_) | None => Vec::new(),
        };
        let reasons = of_resource(resource.as_ref(), customer.kind, &filters);
        out.extend(reasons.into_iter().map(|reason| Obstacle {
            kind: WantedKind::Resource,
            id: identifier.clone(),
            reason,
        }));
    }
    for urn in wanted.packages {
        out.extend(
            of_package(catalogue, urn, customer.kind).map(|reason| Obstacle {
                kind: WantedKind::Package,
                id: urn.clone(),
                reason,
            }),
        );
    }
    Ok(out)
}

/// Why no person can give a resource; the same rules as [`super::check()`] has for an approver.
fn of_resource(
    resource: Option<&Resource>,
    customer: PartyKind,
    list_filters: &[Vec<String>],
) -> Vec<ObstacleReason> {
    let Some(resource) = resource else {
        return vec![ObstacleReason::UnknownResource];
    };
    let mut out = Vec::new();
    if !resource.delegable {
        out.push(ObstacleReason::NotDelegable);
    }
    if resource.resource_type == "MaskinportenSchema" {
        out.push(ObstacleReason::MaskinportenSchema);
    }
    let Some(policy) = &resource.policy else {
        out.push(ObstacleReason::NoPolicy);
        return out;
    };
    let keys = right_keys(&policy.policy, &resource.identifier);
    if keys.is_empty() {
        out.push(ObstacleReason::OnlyOwnerRules);
        return out;
    }
    let is_listed = |action: &String| {
        list_filters
            .iter()
            .any(|filter| filter.is_empty() || filter.contains(action))
    };
    if resource.access_list_enabled
        && customer == PartyKind::Organization
        && !keys.keys().any(|key| is_listed(&key.action))
    {
        out.push(ObstacleReason::NotOnAccessList);
    }
    out
}

/// Why no person can give a package.
fn of_package(catalogue: &Catalogue, urn: &str, customer: PartyKind) -> Option<ObstacleReason> {
    let Some(package) = catalogue.package_by_urn(urn) else {
        return Some(ObstacleReason::UnknownPackage);
    };
    let is_for = match customer {
        PartyKind::Organization => package.entity == EntityKind::Organization,
        PartyKind::Person => package.entity == EntityKind::Person,
        PartyKind::SystemUser | PartyKind::Other => false,
    };
    if !is_for {
        Some(ObstacleReason::OtherParty)
    } else if !package.is_assignable {
        Some(ObstacleReason::NotAssignable)
    } else if package.urn == NEVER_FOR_SYSTEM_USERS {
        Some(ObstacleReason::NeverForSystemUsers)
    } else {
        None
    }
}
