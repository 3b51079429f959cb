//! What makes a party a client of a facilitator, and which of its packages the facilitator may delegate.
//! Pure rules.

use registers::packages::{Catalogue, PackageKey, RoleKey, VariantKey};

/// The relation of a supplier does not make a client.
const SUPPLIER: &str = "supplier";

/// What a delegated package rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageBasis {
    /// The facilitator's role has it.
    Role,
    /// The client assigned it.
    Assignment,
}

impl PackageBasis {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role-package",
            Self::Assignment => "assignment-package",
        }
    }
}

/// A role that a facilitator has for a client.
#[derive(Debug, Clone, Copy)]
pub struct FacilitatorRole<'a> {
    /// The role.
    pub role: RoleKey,
    /// Organisation form of the client; none for a person.
    pub form: Option<VariantKey>,
    /// Packages that the client assigned to the facilitator by this role.
    pub assigned: &'a [PackageKey],
}

impl FacilitatorRole<'_> {
    /// Whether it makes the party a client, single resources left aside.
    #[must_use]
    pub fn makes_client(&self, catalogue: &Catalogue) -> bool {
        let gives_packages =
            !self.assigned.is_empty() || !catalogue.packages_of(self.role).is_empty();
        gives_packages && !self.is_supplier(catalogue)
    }

    /// Whether it makes no client, whatever is assigned by it.
    #[must_use]
    pub fn is_supplier(&self, catalogue: &Catalogue) -> bool {
        catalogue
            .role(self.role)
            .is_some_and(|role| role.code == SUPPLIER)
    }

    /// On what a package rests that the role gives for this client; none when it does not give it. What
    /// the role has is not assigned on top of it.
    #[must_use]
    pub fn basis(&self, catalogue: &Catalogue, package: PackageKey) -> Option<PackageBasis> {
        if self.packages_of_role(catalogue).any(|key| key == package) {
            Some(PackageBasis::Role)
        } else {
            self.assigned
                .contains(&package)
                .then_some(PackageBasis::Assignment)
        }
    }

    /// The packages that the facilitator may delegate, by key, each once.
    #[must_use]
    pub fn delegable(&self, catalogue: &Catalogue) -> Vec<(PackageKey, PackageBasis)> {
        let mut keys: Vec<PackageKey> = self
            .packages_of_role(catalogue)
            .chain(self.assigned.iter().copied())
            .filter(|key| catalogue.package(*key).is_some_and(|p| p.is_delegable))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .filter_map(|key| self.basis(catalogue, key).map(|basis| (key, basis)))
            .collect()
    }

    fn packages_of_role(&self, catalogue: &Catalogue) -> impl Iterator<Item = PackageKey> {
        let form = self.form;
        catalogue
            .packages_of(self.role)
            .iter()
            .filter(move |row| row.has_access && row.variant.is_none_or(|v| Some(v) == form))
            .map(|row| row.package)
    }
}

/// The roles that give one of these packages for clients of some form.
#[must_use]
pub fn roles_that_give(catalogue: &Catalogue, wanted: &[PackageKey]) -> Vec<RoleKey> {
    let gives = |role: RoleKey| {
        let mut rows = catalogue.packages_of(role).iter();
        rows.any(|row| row.has_access && wanted.contains(&row.package))
    };
    let roles = catalogue.roles().map(|role| role.key);
    roles.filter(|role| gives(*role)).collect()
}

#[cfg(test)]
mod tests {
    use registers::packages;

    use super::*;

    fn of<'a>(catalogue: &Catalogue, role: &str, form: &str) -> FacilitatorRole<'a> {
        FacilitatorRole {
            role: catalogue.role_by_code(role).unwrap().key,
            form: catalogue.variant_by_code(form).map(|v| v.key),
            assigned: &[],
        }
    }

    #[test]
    fn a_business_manager_has_clients_of_every_form_and_packages_of_some() {
        let catalogue = packages::embedded().unwrap();
        for (form, count) in [("BRL", 1), ("ESEK", 1), ("AS", 0)] {
            let role = of(&catalogue, "forretningsforer", form);
            assert!(role.makes_client(&catalogue), "{form}");
            assert_eq!(role.delegable(&catalogue).len(), count, "{form}");
        }
    }

    #[test]
    fn sub_units_suppliers_and_right_holders_without_packages_are_no_clients() {
        let catalogue = packages::embedded().unwrap();
        for role in ["hovedenhet", "rettighetshaver", SUPPLIER] {
            let role_of_client = of(&catalogue, role, "AS");
            assert!(!role_of_client.makes_client(&catalogue), "{role}");
        }
    }

    #[test]
    fn an_assigned_package_makes_no_client_of_a_supplier() {
        let catalogue = packages::embedded().unwrap();
        let package = catalogue.package_named("lonn").unwrap().key;
        let supplier = FacilitatorRole {
            assigned: &[package],
            ..of(&catalogue, SUPPLIER, "AS")
        };
        assert!(!supplier.makes_client(&catalogue));
    }

    #[test]
    fn a_package_of_the_role_rests_on_it_though_it_is_assigned_too() {
        let catalogue = packages::embedded().unwrap();
        let accountant = of(&catalogue, "regnskapsforer", "AS");
        let of_role = accountant.delegable(&catalogue)[0].0;
        let both = FacilitatorRole {
            assigned: &[of_role],
            ..accountant
        };
        assert_eq!(both.basis(&catalogue, of_role), Some(PackageBasis::Role));
        assert_eq!(both.delegable(&catalogue), accountant.delegable(&catalogue));
    }

    #[test]
    fn an_assigned_package_rests_on_the_assignment() {
        let catalogue = packages::embedded().unwrap();
        let package = catalogue.package_named("lonn").unwrap().key;
        let holder = FacilitatorRole {
            assigned: &[package],
            ..of(&catalogue, "rettighetshaver", "AS")
        };
        let expected = vec![(package, PackageBasis::Assignment)];
        assert_eq!(holder.delegable(&catalogue), expected);
    }

    #[test]
    fn a_package_that_cannot_be_delegated_is_left_out() {
        let catalogue = packages::embedded().unwrap();
        let package = catalogue
            .packages()
            .find(|package| !package.is_delegable)
            .unwrap()
            .key;
        let holder = FacilitatorRole {
            assigned: &[package],
            ..of(&catalogue, "rettighetshaver", "AS")
        };
        assert_eq!(holder.delegable(&catalogue), []);
    }
}
