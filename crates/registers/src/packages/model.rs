//! Roles, packages and organisation forms, indexed for the questions that are asked of them.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

/// Internal key of a role.
pub type RoleKey = i16;
/// Internal key of an access package.
pub type PackageKey = i16;
/// Internal key of an organisation form or other variant.
pub type VariantKey = i16;

/// Kind of party a package or role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityKind {
    /// Organisations.
    Organization,
    /// Persons.
    Person,
    /// Neither.
    Other,
}

impl EntityKind {
    /// From the catalogue's own words.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        match key {
            "organization" => Self::Organization,
            "person" => Self::Person,
            _ => Self::Other,
        }
    }
}

/// A role: of the register, of Altinn 3, or a code from Altinn 2 that only arises through the role
/// map.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the catalogue")]
pub struct Role {
    pub key: RoleKey,
    pub id: Uuid,
    pub urn: String,
    pub code: String,
    pub legacy_code: Option<String>,
    pub legacy_urn: Option<String>,
    pub register_code: Option<String>,
    pub provider: String,
    pub name: Value,
    pub description: Value,
    pub is_key_role: bool,
    pub is_available_for_service_owners: bool,
}

impl Role {
    /// Whether it is a code of Altinn 2, which is not given any more.
    #[must_use]
    pub fn is_of_altinn_2(&self) -> bool {
        self.provider == "sys-altinn2"
    }

    /// The code that Altinn 2 knows it by, where it does.
    #[must_use]
    pub fn older_code(&self) -> Option<&str> {
        let own = || self.is_of_altinn_2().then_some(self.code.as_str());
        self.legacy_code.as_deref().or_else(own)
    }
}

/// An access package.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the catalogue")]
pub struct Package {
    pub key: PackageKey,
    pub id: Uuid,
    pub urn: String,
    pub name: Value,
    pub description: Value,
    pub entity: EntityKind,
    /// The area it is listed in.
    pub area: Uuid,
    /// May be passed on, in particular to clients' agents.
    pub is_delegable: bool,
    /// May be given directly.
    pub is_assignable: bool,
    pub is_available_for_service_owners: bool,
    /// Kept for those who hold it, and no longer offered.
    pub is_retired: bool,
}

impl Package {
    /// Value of `urn:altinn:accesspackage` in policies: the last part of the URN.
    #[must_use]
    pub fn value(&self) -> &str {
        self.urn.rsplit(':').next().unwrap_or_default()
    }
}

/// What a role gives.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "columns of the catalogue")]
pub struct RolePackage {
    pub package: PackageKey,
    /// Only when the giving party has this form.
    pub variant: Option<VariantKey>,
    pub has_access: bool,
    pub can_delegate: bool,
}

/// An organisation form, or another kind of party.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the catalogue")]
pub struct Variant {
    pub key: VariantKey,
    pub code: String,
    pub is_sub_unit: bool,
}

/// Everything above, in memory. It does not change: a catalogue that is imported is another one.
#[derive(Debug, Default)]
pub struct Catalogue {
    roles: HashMap<RoleKey, Role>,
    roles_by_code: HashMap<String, RoleKey>,
    roles_by_register_code: HashMap<String, RoleKey>,
    packages: HashMap<PackageKey, Package>,
    /// By URN in lower case, retired ones apart.
    packages_by_urn: HashMap<String, PackageKey>,
    retired_by_urn: HashMap<String, PackageKey>,
    role_map: HashMap<RoleKey, Vec<RoleKey>>,
    role_packages: HashMap<RoleKey, Vec<RolePackage>>,
    variants: HashMap<VariantKey, Variant>,
    variants_by_code: HashMap<String, VariantKey>,
}

impl Catalogue {
    pub(super) fn new(
        roles: Vec<Role>,
        packages: Vec<Package>,
        role_map: Vec<(RoleKey, RoleKey)>,
        role_packages: Vec<(RoleKey, RolePackage)>,
        variants: Vec<Variant>,
    ) -> Self {
        let mut out = Self::default();
        for role in roles {
            out.roles_by_code.insert(role.code.clone(), role.key);
            if let Some(code) = &role.register_code {
                out.roles_by_register_code.insert(code.clone(), role.key);
            }
            out.roles.insert(role.key, role);
        }
        for package in packages {
            let by_urn = if package.is_retired {
                &mut out.retired_by_urn
            } else {
                &mut out.packages_by_urn
            };
            by_urn.insert(package.urn.to_ascii_lowercase(), package.key);
            out.packages.insert(package.key, package);
        }
        for (has, gets) in role_map {
            out.role_map.entry(has).or_default().push(gets);
        }
        for (role, row) in role_packages {
            out.role_packages.entry(role).or_default().push(row);
        }
        for variant in variants {
            out.variants_by_code
                .insert(variant.code.clone(), variant.key);
            out.variants.insert(variant.key, variant);
        }
        out
    }

    /// Every role, by key.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        let mut all: Vec<&Role> = self.roles.values().collect();
        all.sort_by_key(|role| role.key);
        all.into_iter()
    }

    /// A role by key.
    #[must_use]
    pub fn role(&self, key: RoleKey) -> Option<&Role> {
        self.roles.get(&key)
    }

    /// A role by its code, such as `daglig-leder`.
    #[must_use]
    pub fn role_by_code(&self, code: &str) -> Option<&Role> {
        self.roles_by_code.get(code).and_then(|key| self.role(*key))
    }

    /// A role by the register's own code, such as `DAGL`.
    #[must_use]
    pub fn role_by_register_code(&self, code: &str) -> Option<&Role> {
        self.roles_by_register_code
            .get(code)
            .and_then(|key| self.role(*key))
    }

    /// Roles implied by holding this one.
    #[must_use]
    pub fn implied_by(&self, role: RoleKey) -> &[RoleKey] {
        self.role_map
            .get(&role)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// A role as callers name it: by code, older code, URN, older URN or id, in any letter case.
    #[must_use]
    pub fn role_named(&self, name: &str) -> Option<&Role> {
        let name = name.trim();
        let id = Uuid::try_parse(name).ok();
        let is = |text: &str| text.eq_ignore_ascii_case(name);
        self.roles().find(|role| {
            is(&role.code)
                || is(&role.urn)
                || role.legacy_code.as_deref().is_some_and(is)
                || role.legacy_urn.as_deref().is_some_and(is)
                || Some(role.id) == id
        })
    }

    /// A package as callers name it: by URN, by its last part, or by that with a colon before it, in any
    /// letter case. Retired ones have no name any more.
    #[must_use]
    pub fn package_named(&self, name: &str) -> Option<&Package> {
        let name = name.trim();
        self.package_by_urn(name)
            .or_else(|| self.package_by_value(name.strip_prefix(':').unwrap_or(name)))
    }

    /// As [`Self::package_named`], retired ones too: for what takes something back.
    #[must_use]
    pub fn held_package_named(&self, name: &str) -> Option<&Package> {
        self.package_named(name).or_else(|| {
            let name = name.trim().to_ascii_lowercase();
            let value = name.strip_prefix(':').unwrap_or(&name);
            let key = self.retired_by_urn.get(&name).or_else(|| {
                let urn = format!("urn:altinn:accesspackage:{value}");
                self.retired_by_urn.get(&urn)
            });
            self.package(*key?)
        })
    }

    /// A package by its id; none that is retired.
    #[must_use]
    pub fn package_by_id(&self, id: Uuid) -> Option<&Package> {
        self.held_package_by_id(id)
            .filter(|package| !package.is_retired)
    }

    /// As [`Self::package_by_id`], retired ones too: for what takes something back.
    #[must_use]
    pub fn held_package_by_id(&self, id: Uuid) -> Option<&Package> {
        self.packages.values().find(|package| package.id == id)
    }

    /// What a role gives.
    #[must_use]
    pub fn packages_of(&self, role: RoleKey) -> &[RolePackage] {
        self.role_packages
            .get(&role)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Every package that is not retired, in no order.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| !package.is_retired)
    }

    /// A package by key, be it retired.
    #[must_use]
    pub fn package(&self, key: PackageKey) -> Option<&Package> {
        self.packages.get(&key)
    }

    /// A package by its URN in any letter case; none that is retired.
    #[must_use]
    pub fn package_by_urn(&self, urn: &str) -> Option<&Package> {
        let key = match self.packages_by_urn.get(urn) {
            Some(key) => key,
            None => self.packages_by_urn.get(&urn.to_ascii_lowercase())?,
        };
        self.package(*key)
    }

    /// Keys of packages by their URNs in any case, retired ones too: of what is held. Unknown ones are left
    /// out.
    #[must_use]
    pub fn keys_of<'u>(&self, urns: impl IntoIterator<Item = &'u str>) -> Vec<PackageKey> {
        urns.into_iter()
            .filter_map(|urn| self.held_package_named(urn))
            .map(|p| p.key)
            .collect()
    }

    /// A package by the value policies use, in any letter case.
    #[must_use]
    pub fn package_by_value(&self, value: &str) -> Option<&Package> {
        self.package_by_urn(&format!("urn:altinn:accesspackage:{value}"))
    }

    /// An organisation form by key.
    #[must_use]
    pub fn variant(&self, key: VariantKey) -> Option<&Variant> {
        self.variants.get(&key)
    }

    /// An organisation form by code, such as `AS`.
    #[must_use]
    pub fn variant_by_code(&self, code: &str) -> Option<&Variant> {
        self.variants_by_code
            .get(code)
            .and_then(|key| self.variant(*key))
    }
}
