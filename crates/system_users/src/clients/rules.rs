//! Clients out of their relations, and what a filter leaves of them. Pure rules.

use authorization::delegation::{FacilitatorRole, roles_that_give};
use registers::packages::{Catalogue, PackageKey};

use super::model::{Client, FacilitatorRelation, RelationFilter, RelationRow};

/// The relation with the packages that may be delegated; none when it does not make a client.
fn relation(catalogue: &Catalogue, row: &RelationRow) -> Option<FacilitatorRelation> {
    let role = FacilitatorRole {
        role: row.role_id,
        form: row.form_id,
        assigned: &row.given,
    };
    role.makes_client(catalogue).then(|| FacilitatorRelation {
        role: row.role_id,
        packages: role.delegable(catalogue),
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
pub struct ClientAssembly<'a> {
    catalogue: &'a Catalogue,
    current: Option<Client>,
}

impl<'a> ClientAssembly<'a> {
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
        let relation = relation(self.catalogue, &row)?;
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
pub fn filter(catalogue: &Catalogue, wanted: Option<&[PackageKey]>) -> RelationFilter {
    let Some(wanted) = wanted else {
        return RelationFilter::default();
    };
    RelationFilter {
        roles: Some(roles_that_give(catalogue, wanted)),
        packages: Some(wanted.to_vec()),
    }
}
