//! What makes a party a client, and what of it can be delegated. Pure rules.

use authorization::delegation::FacilitatorRole;
use registers::packages::{Catalogue, PackageKey, RoleKey};
use serde_json::Value;

use super::model::{ClientFilter, ClientRelationRow, DelegationApiVersion};

/// What a client gives its facilitator by one relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRelation {
    /// Role of the relation.
    pub role: RoleKey,
    /// Packages that can be delegated, by URN.
    pub packages: Vec<PackageKey>,
    /// Single resources, by identifier.
    pub resources: Vec<String>,
}

/// A relation with what can be delegated of it; none when it does not make a client. Single
/// resources make a client in version 2 alone.
#[must_use]
pub fn relation(
    catalogue: &Catalogue,
    row: ClientRelationRow,
    version: DelegationApiVersion,
) -> Option<ClientRelation> {
    let role = FacilitatorRole {
        role: row.role_id,
        form: row.form_id,
        assigned: &row.packages,
    };
    let by_resources = version == DelegationApiVersion::V2
        && !row.resources.is_empty()
        && !role.is_supplier(catalogue);
    if !by_resources && !role.makes_client(catalogue) {
        return None;
    }
    let packages = role.delegable(catalogue).into_iter().map(|(key, _)| key);
    let packages = packages.collect();
    Some(ClientRelation {
        role: row.role_id,
        packages: by_urn(catalogue, packages),
        resources: row.resources,
    })
}

/// Packages in the order of their URNs, each once.
#[must_use]
pub fn by_urn(catalogue: &Catalogue, mut packages: Vec<PackageKey>) -> Vec<PackageKey> {
    packages.sort_by_key(|key| catalogue.package(*key).map(|package| package.urn.as_str()));
    packages.dedup();
    packages
}

/// A client's relations as a filter lets them through; none when it lets nothing through.
#[must_use]
pub fn filtered(
    mut relations: Vec<ClientRelation>,
    filter: &ClientFilter,
) -> Option<Vec<ClientRelation>> {
    if let Some(roles) = &filter.roles {
        relations.retain(|relation| roles.contains(&relation.role));
    }
    if let Some(wanted) = &filter.packages {
        for relation in &mut relations {
            relation.packages.retain(|key| wanted.contains(key));
        }
        if relations
            .iter()
            .all(|relation| relation.packages.is_empty())
        {
            return None;
        }
    }
    if let Some(wanted) = &filter.resources {
        for relation in &mut relations {
            relation.resources.retain(|id| wanted.contains(id));
        }
        if relations
            .iter()
            .all(|relation| relation.resources.is_empty())
        {
            return None;
        }
    }
    if filter.packages.is_some() || filter.resources.is_some() {
        let is_match = |relation: &ClientRelation| {
            (filter.packages.is_some() && !relation.packages.is_empty())
                || (filter.resources.is_some() && !relation.resources.is_empty())
        };
        relations.retain(is_match);
    }
    (!relations.is_empty()).then_some(relations)
}

/// A text of the catalogue or of the registry in Bokmål.
#[must_use]
pub fn in_bokmaal(texts: &Value) -> &str {
    texts.get("nb").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use registers::packages;

    use super::*;

    fn row(catalogue: &Catalogue, role: &str, form: &str) -> ClientRelationRow {
        ClientRelationRow {
            form_id: catalogue.variant_by_code(form).map(|v| v.key),
            role_id: catalogue.role_by_code(role).unwrap().key,
            packages: Vec::new(),
            resources: Vec::new(),
        }
    }

    #[test]
    fn a_single_resource_makes_a_client_in_version_2() {
        let catalogue = packages::embedded().unwrap();
        let with_resource = || ClientRelationRow {
            resources: vec!["a".to_owned()],
            ..row(&catalogue, "rettighetshaver", "AS")
        };
        assert_eq!(
            relation(&catalogue, with_resource(), DelegationApiVersion::V1),
            None
        );
        assert!(relation(&catalogue, with_resource(), DelegationApiVersion::V2).is_some());
    }

    #[test]
    fn a_client_matches_every_filter() {
        let relations = || {
            vec![
                ClientRelation {
                    role: 1,
                    packages: vec![1, 2],
                    resources: Vec::new(),
                },
                ClientRelation {
                    role: 2,
                    packages: vec![3],
                    resources: vec!["a".to_owned()],
                },
            ]
        };
        let filter = |packages: Option<&[i16]>, resources: Option<&str>| ClientFilter {
            roles: None,
            packages: packages.map(<[i16]>::to_vec),
            resources: resources.map(|id| vec![id.to_owned()]),
        };
        let of = |filter| filtered(relations(), &filter);
        assert_eq!(of(filter(Some(&[2]), None)).unwrap()[0].packages, [2]);
        assert_eq!(of(filter(Some(&[2]), None)).unwrap().len(), 1);
        assert_eq!(of(filter(Some(&[2]), Some("a"))).unwrap().len(), 2);
        assert_eq!(of(filter(Some(&[4]), Some("a"))), None);
        assert_eq!(of(filter(Some(&[]), None)), None);
    }
}
