//! Storing the embedded catalogue, and reading it back with its keys.

use anyhow::Context as _;
use foundation::db::{DbError, Lock};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::dto::LedResource;
use super::model::{Catalogue, EntityKind, Package, Role, RolePackage, Variant};

pub(super) const ROLES: &str = include_str!("../../../../data/roles.json");
pub(super) const PACKAGES: &str = include_str!("../../../../data/access-packages.json");
pub(super) const ROLE_PACKAGES: &str = include_str!("../../../../data/role-packages.json");
pub(super) const VARIANTS: &str = include_str!("../../../../data/entity-variants.json");

/// Brings the stored catalogue in line with the embedded files. Rows that vanished from a file are
/// reported and kept. One starting instance does it at a time; one that finds nothing to change
/// writes nothing.
///
/// # Errors
/// A file cannot be read, or the database fails.
pub async fn sync(pool: &PgPool) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    Lock::Start.take(&mut tx).await?;
    let roles = part(ROLES, "roles")?;
    sqlx::query!(
        r#"insert into role (id, urn, code, legacy_code, legacy_urn, register_code, provider, entity_type, name, description,
             is_key_role, is_assignable, is_available_for_service_owners)
           select id, urn, code, "legacyCode", "legacyUrn", "registerCode", provider, "entityType", name, description,
             "isKeyRole", "isAssignable", "isAvailableForServiceOwners"
           from jsonb_to_recordset($1) as f(id uuid, urn text, code text, "legacyCode" text, "legacyUrn" text, "registerCode" text,
             provider text, "entityType" text, name jsonb, description jsonb, "isKeyRole" bool, "isAssignable" bool,
             "isAvailableForServiceOwners" bool)
           on conflict (id) do update set urn = excluded.urn, code = excluded.code, legacy_code = excluded.legacy_code,
             legacy_urn = excluded.legacy_urn, register_code = excluded.register_code, provider = excluded.provider,
             entity_type = excluded.entity_type, name = excluded.name, description = excluded.description,
             is_key_role = excluded.is_key_role, is_assignable = excluded.is_assignable,
             is_available_for_service_owners = excluded.is_available_for_service_owners
           where (role.urn, role.code, role.legacy_code, role.legacy_urn, role.register_code, role.provider, role.entity_type, role.name,
             role.description, role.is_key_role, role.is_assignable, role.is_available_for_service_owners)
             is distinct from (excluded.urn, excluded.code, excluded.legacy_code, excluded.legacy_urn, excluded.register_code,
             excluded.provider, excluded.entity_type, excluded.name, excluded.description, excluded.is_key_role, excluded.is_assignable,
             excluded.is_available_for_service_owners)"#,
        roles
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into role_map (has_role, gets_role)
           select h.key, g.key from jsonb_to_recordset($1) as f(has text, gets text)
           join role h on h.code = f.has join role g on g.code = f.gets on conflict do nothing"#,
        part(ROLES, "roleMap")?
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into entity_variant (id, code, entity_type, name, is_sub_unit)
           select id, code, "entityType", name, "isSubUnit"
           from jsonb_to_recordset($1) as f(id uuid, code text, "entityType" text, name jsonb, "isSubUnit" bool)
           on conflict (id) do update set code = excluded.code, entity_type = excluded.entity_type, name = excluded.name,
             is_sub_unit = excluded.is_sub_unit
           where (entity_variant.code, entity_variant.entity_type, entity_variant.name, entity_variant.is_sub_unit)
             is distinct from (excluded.code, excluded.entity_type, excluded.name, excluded.is_sub_unit)"#,
        part(VARIANTS, "variants")?
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into entity_variant_role (variant, role)
           select v.key, r.key from jsonb_to_recordset($1) as f(id uuid, roles jsonb)
           cross join lateral jsonb_array_elements_text(f.roles) as held(code)
           join entity_variant v on v.id = f.id join role r on r.code = held.code on conflict do nothing"#,
        part(VARIANTS, "variants")?
    )
    .execute(&mut *tx)
    .await?;
    sync_packages(&mut tx).await?;
    report_vanished(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn sync_packages(tx: &mut sqlx::PgConnection) -> anyhow::Result<()> {
    sqlx::query!(
        r#"insert into area_group (id, key, name, entity_type)
           select id, key, name, "entityType" from jsonb_to_recordset($1) as f(id uuid, key text, name jsonb, "entityType" text)
           on conflict (id) do update set key = excluded.key, name = excluded.name, entity_type = excluded.entity_type
           where (area_group.key, area_group.name, area_group.entity_type) is distinct from (excluded.key, excluded.name, excluded.entity_type)"#,
        part(PACKAGES, "areaGroups")?
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into area (id, urn, name, group_key, icon)
           select id, urn, name, "group", icon from jsonb_to_recordset($1) as f(id uuid, urn text, name jsonb, "group" text, icon text)
           on conflict (id) do update set urn = excluded.urn, name = excluded.name, group_key = excluded.group_key, icon = excluded.icon
           where (area.urn, area.name, area.group_key, area.icon) is distinct from (excluded.urn, excluded.name, excluded.group_key, excluded.icon)"#,
        part(PACKAGES, "areas")?
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into package (id, urn, code, name, description, entity_type, area_urn, provider, is_delegable, is_assignable,
             is_available_for_service_owners)
           select id, urn, code, name, description, "entityType", area, provider, "isDelegable", "isAssignable", "isAvailableForServiceOwners"
           from jsonb_to_recordset($1) as f(id uuid, urn text, code text, name jsonb, description jsonb, "entityType" text, area text,
             provider text, "isDelegable" bool, "isAssignable" bool, "isAvailableForServiceOwners" bool)
           on conflict (id) do update set urn = excluded.urn, code = excluded.code, name = excluded.name, description = excluded.description,
             entity_type = excluded.entity_type, area_urn = excluded.area_urn, provider = excluded.provider,
             is_delegable = excluded.is_delegable, is_assignable = excluded.is_assignable,
             is_available_for_service_owners = excluded.is_available_for_service_owners
           where (package.urn, package.code, package.name, package.description, package.entity_type, package.area_urn, package.provider,
             package.is_delegable, package.is_assignable, package.is_available_for_service_owners)
             is distinct from (excluded.urn, excluded.code, excluded.name, excluded.description, excluded.entity_type, excluded.area_urn,
             excluded.provider, excluded.is_delegable, excluded.is_assignable, excluded.is_available_for_service_owners)"#,
        part(PACKAGES, "packages")?
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into role_package (role, package, variant, has_access, can_delegate, can_assign)
           select r.key, p.key, v.key, f."hasAccess", f."canDelegate", f."canAssign"
           from jsonb_to_recordset($1) as f(role text, package text, variant text, "hasAccess" bool, "canDelegate" bool, "canAssign" bool)
           join role r on r.code = f.role join package p on p.urn = f.package
           left join entity_variant v on v.entity_type = 'organization' and v.code = f.variant
           on conflict (role, package, variant) do update
             set has_access = excluded.has_access, can_delegate = excluded.can_delegate, can_assign = excluded.can_assign
           where (role_package.has_access, role_package.can_delegate, role_package.can_assign)
             is distinct from (excluded.has_access, excluded.can_delegate, excluded.can_assign)"#,
        part(ROLE_PACKAGES, "rolePackages")?
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Rows that the files do not name any more stay until an operator removes them.
async fn report_vanished(tx: &mut sqlx::PgConnection) -> anyhow::Result<()> {
    let vanished = sqlx::query_scalar!(
        r#"select 'role ' || urn as "what!" from role where id not in (select id from jsonb_to_recordset($1) as f(id uuid))
           union all
           select 'package ' || urn from package where id not in (select id from jsonb_to_recordset($2) as f(id uuid))"#,
        part(ROLES, "roles")?,
        part(PACKAGES, "packages")?
    )
    .fetch_all(tx)
    .await?;
    for what in vanished {
        tracing::warn!(what, "stored, but no longer in the catalogue; kept");
    }
    Ok(())
}

/// Live resources whose current policies name one of these subjects, once for each, by identifier.
/// Those of owners that are not known are left out.
pub async fn resources_led_to(
    db: &mut PgConnection,
    subjects: &[String],
) -> Result<Vec<LedResource>, DbError> {
    Ok(sqlx::query_as!(
        LedResource,
        r#"select s.subject_urn, r.identifier, coalesce(v.document->'title', '{}') as "title!",
             coalesce(v.document->'description', '{}') as "description!",
             coalesce(v.document->>'resourceType', 'Default') as "resource_type!",
             o.orgcode as owner_code, o.org_number as owner_number, o.name as owner_name, o.logo as owner_logo
           from resource_subject s join resource r on r.identifier = s.identifier and r.deleted is null
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           join service_owner o on lower(o.orgcode) = lower(v.document#>>'{hasCompetentAuthority,orgcode}')
           where s.subject_urn = any($1) and not s.deleted order by r.identifier"#,
        subjects
    )
    .fetch_all(db)
    .await?)
}

pub(super) fn part(file: &str, member: &str) -> anyhow::Result<Value> {
    let mut value: Value =
        serde_json::from_str(file).context("an embedded catalogue is not JSON")?;
    Ok(value.get_mut(member).map(Value::take).unwrap_or_default())
}

/// Reads the stored catalogue.
pub async fn load(pool: &PgPool) -> Result<Catalogue, sqlx::Error> {
    let roles = sqlx::query_as!(
        Role,
        r#"select key, id, urn, code, legacy_code, legacy_urn, register_code, provider, name, description, is_key_role,
             is_available_for_service_owners
           from role order by key"#
    )
    .fetch_all(pool)
    .await?;
    let packages = sqlx::query!(
        r#"select p.key, p.id, p.urn, p.name, p.description, p.entity_type, area.id as area, p.is_delegable, p.is_assignable,
             p.is_available_for_service_owners
           from package p join area on area.urn = p.area_urn order by p.key"#
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(|r| Package {
        key: r.key,
        id: r.id,
        urn: r.urn,
        name: r.name,
        description: r.description,
        entity: EntityKind::from_key(&r.entity_type),
        area: r.area,
        is_delegable: r.is_delegable,
        is_assignable: r.is_assignable,
        is_available_for_service_owners: r.is_available_for_service_owners,
    })
    .collect();
    let role_map = sqlx::query!("select has_role, gets_role from role_map")
        .fetch_all(pool)
        .await?;
    let role_packages =
        sqlx::query!("select role, package, variant, has_access, can_delegate from role_package")
            .fetch_all(pool)
            .await?;
    let variants = sqlx::query_as!(Variant, r#"select key, code, is_sub_unit from entity_variant where entity_type in ('organization', 'person')"#)
        .fetch_all(pool)
        .await?;
    Ok(Catalogue::new(
        roles,
        packages,
        role_map
            .into_iter()
            .map(|r| (r.has_role, r.gets_role))
            .collect(),
        role_packages
            .into_iter()
            .map(|r| {
                (
                    r.role,
                    RolePackage {
                        package: r.package,
                        variant: r.variant,
                        has_access: r.has_access,
                        can_delegate: r.can_delegate,
                    },
                )
            })
            .collect(),
        variants,
    ))
}
