//! What a relation lets a provider pass on. Pure rules.

use super::model::{Basis, Client, Filter, Relation, RelationRow};
use registers::packages::{Catalogue, PackageKey, RoleKey, VariantKey};

/// The supplier relation does not make a client.
const SUPPLIER: &str = "supplier";

/// One relation, as stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The provider's role for the client.
    pub role: RoleKey,
    /// Organisation form of the client.
    pub form: Option<VariantKey>,
    /// What the client gave to the provider in this relation.
    pub given: &'a [PackageKey],
}

/// The relation with the packages that may be passed on; none when it does not make a client.
#[must_use]
pub fn relation(catalogue: &Catalogue, stored: Stored<'_>) -> Option<Relation> {
    let of_role = catalogue.packages_of(stored.role);
    let is_supplier = catalogue
        .role(stored.role)
        .is_some_and(|r| r.code == SUPPLIER);
    if is_supplier || (of_role.is_empty() && stored.given.is_empty()) {
        return None;
    }
    let delegable = |key: &PackageKey| catalogue.package(*key).is_some_and(|p| p.is_delegable);
    let valid = of_role
        .iter()
        .filter(|row| row.has_access && row.variant.is_none_or(|v| Some(v) == stored.form))
        .map(|row| row.package);
    let mut packages: Vec<(PackageKey, Basis)> = valid
        .filter(delegable)
        .map(|key| (key, Basis::Role))
        .collect();
    // What the role has already rests on the role.
    let given = stored
        .given
        .iter()
        .copied()
        .filter(delegable)
        .filter(|key| !packages.iter().any(|(known, _)| known == key));
    let given: Vec<_> = given.map(|key| (key, Basis::Assignment)).collect();
    packages.extend(given);
    packages.sort_unstable_by_key(|(key, _)| *key);
    packages.dedup_by_key(|(key, _)| *key);
    Some(Relation {
        role: stored.role,
        packages,
    })
}

/// The client with only these packages, and only the relations that have one of them; none when
/// there is no such.
#[must_use]
pub fn narrowed(mut client: Client, wanted: &[PackageKey]) -> Option<Client> {
    for relation in &mut client.relations {
        relation.packages.retain(|(key, _)| wanted.contains(key));
    }
    client.relations.retain(|r| !r.packages.is_empty());
    (!client.relations.is_empty()).then_some(client)
}

/// Puts clients together out of their relations, which come client by client.
pub struct Assembly<'a> {
    catalogue: &'a Catalogue,
    current: Option<Client>,
}

impl<'a> Assembly<'a> {
    /// Nothing yet.
    #[must_use]
    pub const fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            current: None,
        }
    }

    /// Takes a relation; gives the client that is whole now.
    pub fn push(&mut self, row: RelationRow) -> Option<Client> {
        let stored = Stored {
            role: row.role_id,
            form: row.form_id,
            given: &row.given,
        };
        let relation = relation(self.catalogue, stored)?;
        if let Some(client) = self.current.as_mut().filter(|c| c.key == row.key) {
            client.relations.push(relation);
            return None;
        }
        let (key, uuid, form) = (row.key, row.uuid, row.form_id);
        self.current.replace(Client {
            key,
            uuid,
            name: row.name,
            org_number: row.org_number,
            form,
            relations: vec![relation],
        })
    }

    /// The last client.
    pub fn finish(self) -> Option<Client> {
        self.current
    }
}

/// What a provider's relations must have for a list: none of both for every client.
#[must_use]
pub fn filter(catalogue: &Catalogue, wanted: Option<&[PackageKey]>) -> Filter {
    let Some(wanted) = wanted else {
        return Filter::default();
    };
    let gives = |role: RoleKey| {
        catalogue
            .packages_of(role)
            .iter()
            .any(|row| row.has_access && wanted.contains(&row.package))
    };
    Filter {
        roles: Some(
            catalogue
                .roles()
                .filter(|role| gives(role.key))
                .map(|role| role.key)
                .collect(),
        ),
        packages: Some(wanted.to_vec()),
    }
}
