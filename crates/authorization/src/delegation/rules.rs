//! The delegation check, as rules over connections.

use serde_json::json;

use foundation::http::{Problem, ProblemCode};
use registers::{
    packages::{Catalogue, EntityKind, Package, RoleKey, VariantKey},
    parties::{
        Connection, Party, PartyKind, Via,
        rules::{EffectiveRole, held_roles},
    },
    resources::{Resource, RightKey, right_keys, right_keys_in_order},
};

/// A package that no system user may be given, whatever else holds.
pub(super) const NEVER_FOR_SYSTEM_USERS: &str =
    "urn:altinn:accesspackage:virksomhetens-representant-skjemaoppgaver";
const MAIN_ADMINISTRATOR: &str = "hovedadministrator";
const MAIN_ADMINISTRATOR_PACKAGE: &str = "urn:altinn:accesspackage:hovedadministrator";

/// Why something cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "words of the wire")]
pub enum DelegationReason {
    MissingPackageAccess,
    MissingRoleAccess,
    MissingDelegationAccess,
    ResourceNotDelegable,
    ResourceIsMaskinPortenSchema,
    AccessListValidationFail,
    Unknown,
}

impl DelegationReason {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingPackageAccess => "MissingPackageAccess",
            Self::MissingRoleAccess => "MissingRoleAccess",
            Self::MissingDelegationAccess => "MissingDelegationAccess",
            Self::ResourceNotDelegable => "ResourceNotDelegable",
            Self::ResourceIsMaskinPortenSchema => "ResourceIsMaskinPortenSchema",
            Self::AccessListValidationFail => "AccessListValidationFail",
            Self::Unknown => "Unknown",
        }
    }

    const fn problem(self) -> ProblemCode {
        match self {
            Self::MissingPackageAccess => ProblemCode::MissingPackageAccess,
            Self::MissingRoleAccess => ProblemCode::MissingRoleAccess,
            Self::MissingDelegationAccess => ProblemCode::MissingDelegationAccess,
            Self::ResourceNotDelegable => ProblemCode::ResourceNotDelegable,
            Self::ResourceIsMaskinPortenSchema => ProblemCode::ResourceIsMaskinportenSchema,
            Self::AccessListValidationFail => ProblemCode::AccessListValidationFail,
            Self::Unknown => ProblemCode::DelegationCheckUnknown,
        }
    }
}

/// What the check says about one resource.
#[derive(Debug, Clone)]
pub struct RightOutcome {
    /// The resource.
    pub resource: String,
    /// Keys that may be passed on.
    pub granted: Vec<RightKey>,
    /// Why none may; empty when some may.
    pub reasons: Vec<DelegationReason>,
}

/// What the check finds about one right.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, each an answer of its own"
)]
pub struct RightCheck {
    /// The right.
    pub key: RightKey,
    /// A package that may be given leads to it.
    pub by_package: bool,
    /// A role leads to it.
    pub by_role: bool,
    /// It was given as a single right.
    pub by_right: bool,
    /// A package would lead to it.
    pub asks_for_package: bool,
    /// A role would lead to it.
    pub asks_for_role: bool,
    /// Why no holder of it may give it.
    pub blocks: Vec<DelegationReason>,
}

impl RightCheck {
    /// Whether anything leads to it.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.by_package || self.by_role || self.by_right
    }

    /// Whether it may be given.
    #[must_use]
    pub fn may_be_given(&self) -> bool {
        self.is_held() && self.blocks.is_empty()
    }

    /// Why it may not be given; empty when it may.
    #[must_use]
    pub fn obstacles(&self) -> Vec<DelegationReason> {
        let mut out = Vec::new();
        if !self.is_held() {
            if self.asks_for_package {
                out.push(DelegationReason::MissingPackageAccess);
            }
            if self.asks_for_role {
                out.push(DelegationReason::MissingRoleAccess);
            }
            out.push(DelegationReason::MissingDelegationAccess);
        }
        out.extend(&self.blocks);
        out
    }
}

/// What the check says about one package.
#[derive(Debug, Clone)]
pub struct PackageOutcome {
    /// The package.
    pub urn: String,
    /// Why it may not be passed on; none when it may.
    pub refused: Option<PackageRefusal>,
}

/// Why a package may not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageRefusal {
    /// Unknown, or for another kind of party.
    NotForThisParty,
    /// The person lacks what it takes.
    Missing,
    /// System users never get it.
    NeverForSystemUsers,
}

/// The whole answer.
#[derive(Debug, Clone, Default)]
pub struct DelegationReport {
    /// One outcome per resource, in the order asked.
    pub rights: Vec<RightOutcome>,
    /// One outcome per package, in the order asked.
    pub packages: Vec<PackageOutcome>,
}

impl DelegationReport {
    /// The problem to answer with; none when everything may be passed on. Every failing item is
    /// named in `delegationReasons`, the code comes from the first.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let code = self.failing_right().or_else(|| self.failing_package())?;
        let with_reasons = !matches!(
            code,
            ProblemCode::PackageCheckFailed | ProblemCode::PackageDelegationFailed
        );
        let problem = Problem::from(code);
        Some(if with_reasons {
            problem.with("delegationReasons", self.reasons())
        } else {
            problem
        })
    }

    fn failing_right(&self) -> Option<ProblemCode> {
        let failing = self.rights.iter().find(|r| r.granted.is_empty())?;
        Some(
            failing
                .reasons
                .first()
                .copied()
                .unwrap_or(DelegationReason::Unknown)
                .problem(),
        )
    }

    fn failing_package(&self) -> Option<ProblemCode> {
        let refused =
            |which: PackageRefusal| self.packages.iter().any(|p| p.refused == Some(which));
        if refused(PackageRefusal::NotForThisParty) {
            Some(ProblemCode::PackageCheckFailed)
        } else if refused(PackageRefusal::Missing) {
            Some(ProblemCode::MissingPackagesToDelegate)
        } else if refused(PackageRefusal::NeverForSystemUsers) {
            Some(ProblemCode::PackageDelegationFailed)
        } else {
            None
        }
    }

    /// Every failing item with its codes, as the JSON text that the approval page of the public
    /// system reads.
    fn reasons(&self) -> String {
        let rights = self
            .rights
            .iter()
            .filter(|r| r.granted.is_empty())
            .map(|r| {
                let codes: Vec<&str> = if r.reasons.is_empty() {
                    vec!["Unknown"]
                } else {
                    r.reasons.iter().map(|x| x.as_str()).collect()
                };
                json!({"type": "resource", "id": r.resource, "codes": codes})
            });
        let packages = self
            .packages
            .iter()
            .filter(|p| p.refused.is_some())
            .map(|p| {
                let code = if p.refused == Some(PackageRefusal::Missing) {
                    "MissingPackageAccess"
                } else {
                    "Unknown"
                };
                json!({"type": "package", "id": p.urn, "codes": [code]})
            });
        serde_json::Value::Array(rights.chain(packages).collect()).to_string()
    }
}

/// What a person holds for an organisation, arranged for the check.
#[derive(Debug)]
pub struct Delegator<'a> {
    catalogue: &'a Catalogue,
    owner: &'a Party,
    connections: &'a [Connection],
    roles: Vec<EffectiveRole>,
    gone: bool,
}

impl<'a> Delegator<'a> {
    /// A person, an organisation, and the connections between them.
    #[must_use]
    pub fn new(
        catalogue: &'a Catalogue,
        person: &'a Party,
        owner: &'a Party,
        connections: &'a [Connection],
    ) -> Self {
        Self {
            catalogue,
            owner,
            connections,
            roles: held_roles(catalogue, person, owner, connections),
            gone: person.is_gone() || owner.is_gone(),
        }
    }

    /// Whether this package may be given to a system user.
    #[must_use]
    pub fn package(&self, urn: &str) -> PackageOutcome {
        let refused = match self.catalogue.package_by_urn(urn) {
            Some(package) if self.fits(package) => {
                if !(package.is_assignable && self.may_pass_on(package)) {
                    Some(PackageRefusal::Missing)
                } else if package.urn == NEVER_FOR_SYSTEM_USERS {
                    Some(PackageRefusal::NeverForSystemUsers)
                } else {
                    None
                }
            }
            _ => Some(PackageRefusal::NotForThisParty),
        };
        PackageOutcome {
            urn: urn.to_owned(),
            refused,
        }
    }

    fn fits(&self, package: &Package) -> bool {
        match self.owner.kind {
            PartyKind::Organization => package.entity == EntityKind::Organization,
            PartyKind::Person => package.entity == EntityKind::Person,
            _ => false,
        }
    }

    /// Explicitly, by role, through an organisation, from the main unit, or as main administrator.
    fn may_pass_on(&self, package: &Package) -> bool {
        let explicit = package.urn != MAIN_ADMINISTRATOR_PACKAGE && self.assigned(package);
        let by_role = self
            .roles
            .iter()
            .any(|held| self.role_delegates(held.role, held.form, package));
        !self.gone && (explicit || by_role || self.main_administrator_delegates(package))
    }

    fn assigned(&self, package: &Package) -> bool {
        self.connections
            .iter()
            .any(|c| c.via != Via::Client && c.packages.contains(&package.key))
    }

    fn role_delegates(&self, role: RoleKey, form: Option<VariantKey>, package: &Package) -> bool {
        self.catalogue.packages_of(role).iter().any(|row| {
            row.package == package.key
                && row.can_delegate
                && row.variant.is_none_or(|v| Some(v) == form)
        })
    }

    fn main_administrator_delegates(&self, package: &Package) -> bool {
        self.holds_main_administrator_package()
            && self
                .catalogue
                .role_by_code(MAIN_ADMINISTRATOR)
                .is_some_and(|role| self.role_delegates(role.key, self.owner.form, package))
    }

    fn holds_main_administrator_package(&self) -> bool {
        let Some(package) = self.catalogue.package_by_urn(MAIN_ADMINISTRATOR_PACKAGE) else {
            return false;
        };
        let by_role = self.roles.iter().any(|held| {
            self.catalogue.packages_of(held.role).iter().any(|row| {
                row.package == package.key
                    && row.has_access
                    && row.variant.is_none_or(|v| Some(v) == held.form)
            })
        });
        by_role || self.assigned(package)
    }

    /// Whether a package may be given to others at all.
    #[must_use]
    pub fn may_give(&self, package: &Package) -> bool {
        self.fits(package) && package.is_assignable && self.may_pass_on(package)
    }

    /// What of this resource may be given to a system user. `list_filters` are those of the access
    /// lists the owner is on for it.
    #[must_use]
    pub fn right(&self, resource: &Resource, list_filters: &[Vec<String>]) -> RightOutcome {
        let mut outcome = RightOutcome {
            resource: resource.identifier.clone(),
            granted: Vec::new(),
            reasons: Vec::new(),
        };
        let keys = resource
            .policy
            .as_ref()
            .map(|p| right_keys(&p.policy, &resource.identifier))
            .unwrap_or_default();
        for (key, subjects) in keys {
            let check = self.key(resource, key, &subjects, list_filters);
            if check.may_be_given() {
                outcome.granted.push(check.key);
            } else if outcome.reasons.is_empty() {
                outcome.reasons = check.obstacles();
            }
        }
        if !outcome.granted.is_empty() {
            outcome.reasons.clear();
        }
        outcome
    }

    /// What the check finds about each right of a resource, in the order of its policy.
    #[must_use]
    pub fn keys(&self, resource: &Resource, list_filters: &[Vec<String>]) -> Vec<RightCheck> {
        let Some(policy) = &resource.policy else {
            return Vec::new();
        };
        right_keys_in_order(&policy.policy, &resource.identifier)
            .into_iter()
            .map(|(key, subjects)| self.key(resource, key, &subjects, list_filters))
            .collect()
    }

    fn key(
        &self,
        resource: &Resource,
        key: RightKey,
        subjects: &[(String, String)],
        list_filters: &[Vec<String>],
    ) -> RightCheck {
        let is_package = |subject: &&(String, String)| subject.0 == "urn:altinn:accesspackage";
        let holds = |wanted_package: bool| {
            !self.gone
                && subjects
                    .iter()
                    .filter(|subject| is_package(subject) == wanted_package)
                    .any(|subject| self.holds_subject(subject))
        };
        RightCheck {
            by_package: holds(true),
            by_role: holds(false),
            by_right: !self.gone && self.holds_right(resource, &key),
            asks_for_package: subjects.iter().any(|subject| is_package(&subject)),
            asks_for_role: subjects.iter().any(|subject| !is_package(&subject)),
            blocks: self.blocks(resource, &key, list_filters),
            key,
        }
    }

    fn blocks(
        &self,
        resource: &Resource,
        key: &RightKey,
        list_filters: &[Vec<String>],
    ) -> Vec<DelegationReason> {
        let mut out = Vec::new();
        if !resource.delegable {
            out.push(DelegationReason::ResourceNotDelegable);
        }
        if resource.resource_type == "MaskinportenSchema" {
            out.push(DelegationReason::ResourceIsMaskinPortenSchema);
        }
        let listed = list_filters
            .iter()
            .any(|filter| filter.is_empty() || filter.contains(&key.action));
        if resource.access_list_enabled && self.owner.kind == PartyKind::Organization && !listed {
            out.push(DelegationReason::AccessListValidationFail);
        }
        out
    }

    /// Whether this very right was given, other than by a client delegation.
    fn holds_right(&self, resource: &Resource, key: &RightKey) -> bool {
        self.connections.iter().any(|c| {
            c.via != Via::Client
                && c.rights.iter().any(|r| {
                    r.resource == resource.identifier
                        && r.action == key.action
                        && r.further == key.extra
                })
        })
    }

    fn holds_subject(&self, (attribute, value): &(String, String)) -> bool {
        if attribute == "urn:altinn:accesspackage" {
            return self
                .catalogue
                .package_by_value(value)
                .is_some_and(|package| {
                    self.fits(package)
                        && ((package.is_assignable && self.may_pass_on(package))
                            || self.main_administrator_delegates(package))
                });
        }
        let urn = format!("{attribute}:{value}").to_lowercase();
        let names = |role: RoleKey| {
            self.catalogue.role(role).is_some_and(|r| {
                r.is_available_for_service_owners
                    && (r.urn.to_lowercase() == urn
                        || r.legacy_urn
                            .as_ref()
                            .is_some_and(|l| l.to_lowercase() == urn))
            })
        };
        if self.roles.iter().any(|held| names(held.role)) {
            return true;
        }
        let hadm = self.roles.iter().any(|held| {
            self.catalogue
                .role(held.role)
                .is_some_and(|r| r.code == "hadm")
        });
        (hadm || self.holds_main_administrator_package())
            && self
                .catalogue
                .role_by_code(MAIN_ADMINISTRATOR)
                .is_some_and(|role| {
                    self.catalogue
                        .implied_by(role.key)
                        .iter()
                        .any(|r| names(*r))
                })
    }
}
