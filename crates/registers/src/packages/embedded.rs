//! The embedded catalogue without a database: with keys of its own, for those who only need names
//! and rules.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    model::{Catalogue, EntityKind, Package, Role, RolePackage, Variant},
    store::{PACKAGES, ROLE_PACKAGES, ROLES, VARIANTS, part},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleRow {
    id: Uuid,
    urn: String,
    code: String,
    legacy_code: Option<String>,
    legacy_urn: Option<String>,
    register_code: Option<String>,
    provider: String,
    name: Value,
    description: Value,
    is_key_role: bool,
    is_available_for_service_owners: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageRow {
    id: Uuid,
    urn: String,
    name: Value,
    description: Value,
    entity_type: String,
    area: String,
    is_delegable: bool,
    is_assignable: bool,
    is_available_for_service_owners: bool,
}

#[derive(Deserialize)]
struct AreaRow {
    id: Uuid,
    urn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolePackageRow {
    role: String,
    package: String,
    variant: Option<String>,
    has_access: bool,
    can_delegate: bool,
}

#[derive(Deserialize)]
struct RoleMapRow {
    has: String,
    gets: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantRow {
    code: String,
    entity_type: String,
    is_sub_unit: bool,
}

fn rows<T: serde::de::DeserializeOwned>(file: &str, member: &str) -> anyhow::Result<Vec<T>> {
    serde_json::from_value(part(file, member)?)
        .with_context(|| format!("{member} in an embedded catalogue"))
}

/// The embedded catalogue.
///
/// # Errors
/// A file cannot be read, or names what it does not hold.
pub fn embedded() -> anyhow::Result<Catalogue> {
    let (mut roles, mut role_keys) = (Vec::new(), HashMap::new());
    for (key, row) in (1..).zip(rows::<RoleRow>(ROLES, "roles")?) {
        role_keys.insert(row.code.clone(), key);
        roles.push(Role {
            key,
            id: row.id,
            urn: row.urn,
            code: row.code,
            legacy_code: row.legacy_code,
            legacy_urn: row.legacy_urn,
            register_code: row.register_code,
            provider: row.provider,
            name: row.name,
            description: row.description,
            is_key_role: row.is_key_role,
            is_available_for_service_owners: row.is_available_for_service_owners,
        });
    }
    let areas: HashMap<String, Uuid> = rows::<AreaRow>(PACKAGES, "areas")?
        .into_iter()
        .map(|area| (area.urn, area.id))
        .collect();
    let (mut packages, mut package_keys) = (Vec::new(), HashMap::new());
    for (key, row) in (1..).zip(rows::<PackageRow>(PACKAGES, "packages")?) {
        package_keys.insert(row.urn.clone(), key);
        packages.push(Package {
            key,
            id: row.id,
            urn: row.urn,
            name: row.name,
            description: row.description,
            entity: EntityKind::from_key(&row.entity_type),
            area: *areas
                .get(&row.area)
                .with_context(|| format!("area {}", row.area))?,
            is_delegable: row.is_delegable,
            is_assignable: row.is_assignable,
            is_available_for_service_owners: row.is_available_for_service_owners,
            is_retired: false,
        });
    }
    let (mut variants, mut variant_keys) = (Vec::new(), HashMap::new());
    for (key, row) in (1..).zip(
        rows::<VariantRow>(VARIANTS, "variants")?
            .into_iter()
            .filter(|v| matches!(v.entity_type.as_str(), "organization" | "person")),
    ) {
        variant_keys.insert(row.code.clone(), key);
        variants.push(Variant {
            key,
            code: row.code,
            is_sub_unit: row.is_sub_unit,
        });
    }
    let role = |code: &str| {
        role_keys
            .get(code)
            .copied()
            .with_context(|| format!("role {code}"))
    };
    let map = rows::<RoleMapRow>(ROLES, "roleMap")?
        .iter()
        .map(|m| Ok((role(&m.has)?, role(&m.gets)?)))
        .collect::<anyhow::Result<_>>()?;
    let mut given = Vec::new();
    for row in rows::<RolePackageRow>(ROLE_PACKAGES, "rolePackages")? {
        let package = package_keys
            .get(&row.package)
            .copied()
            .with_context(|| row.package.clone())?;
        let variant = row
            .variant
            .as_ref()
            .map(|code| {
                variant_keys
                    .get(code)
                    .copied()
                    .with_context(|| code.clone())
            })
            .transpose()?;
        given.push((
            role(&row.role)?,
            RolePackage {
                package,
                variant,
                has_access: row.has_access,
                can_delegate: row.can_delegate,
            },
        ));
    }
    Ok(Catalogue::new(roles, packages, map, given, variants))
}
