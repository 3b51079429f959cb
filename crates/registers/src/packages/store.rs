//! Storing a catalogue, and reading it back with its keys.

use anyhow::Context as _;
use foundation::db::DbError;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::dto::LedResource;
use super::model::{Catalogue, EntityKind, Package, Role, RolePackage, Variant};

pub(super) const ROLES: &str = include_str!("../../../../data/roles.json");
pub(super) const PACKAGES: &str = include_str!("../../../../data/access-packages.json");
pub(super) const ROLE_PACKAGES: &str = include_str!("../../../../data/role-packages.json");
pub(super) const VARIANTS: &str = include_str!("../../../../data/entity-variants.json");

/// Stores what a catalogue holds, as [`WholeCatalogue`](super::catalogue::WholeCatalogue) writes it. Rows that it does not hold stay.
///
/// # Errors
/// See [`DbError`].
pub(super) async fn store(tx: &mut PgConnection, catalogue: &Value) -> Result<(), DbError> {
    let part = |name: &str| catalogue.get(name).cloned().unwrap_or_default();
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
        part("roles")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into role_map (has_role, gets_role)
           select h.key, g.key from jsonb_to_recordset($1) as f(has text, gets text)
           join role h on h.code = f.has join role g on g.code = f.gets on conflict do nothing"#,
        part("roleMap")
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
        part("variants")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into entity_variant_role (variant, role)
           select v.key, r.key from jsonb_to_recordset($1) as f(id uuid, roles jsonb)
           cross join lateral jsonb_array_elements_text(f.roles) as held(code)
           join entity_variant v on v.id = f.id join role r on r.code = held.code on conflict do nothing"#,
        part("variants")
    )
    .execute(&mut *tx)
    .await?;
    store_packages(tx, catalogue).await
}

async fn store_packages(tx: &mut PgConnection, catalogue: &Value) -> Result<(), DbError> {
    let part = |name: &str| catalogue.get(name).cloned().unwrap_or_default();
    sqlx::query!(
        r#"insert into area_group (id, key, name, entity_type)
           select id, key, name, "entityType" from jsonb_to_recordset($1) as f(id uuid, key text, name jsonb, "entityType" text)
           on conflict (id) do update set key = excluded.key, name = excluded.name, entity_type = excluded.entity_type
           where (area_group.key, area_group.name, area_group.entity_type) is distinct from (excluded.key, excluded.name, excluded.entity_type)"#,
        part("areaGroups")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into area (id, urn, name, group_key, icon)
           select id, urn, name, "group", coalesce(icon, '') from jsonb_to_recordset($1) as f(id uuid, urn text, name jsonb, "group" text, icon text)
           on conflict (id) do update set urn = excluded.urn, name = excluded.name, group_key = excluded.group_key, icon = excluded.icon
           where (area.urn, area.name, area.group_key, area.icon) is distinct from (excluded.urn, excluded.name, excluded.group_key, excluded.icon)"#,
        part("areas")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into package (id, urn, code, name, description, entity_type, area_urn, provider, is_delegable, is_assignable,
             is_available_for_service_owners, retired)
           select id, urn, code, name, description, "entityType", area, provider, "isDelegable", "isAssignable", "isAvailableForServiceOwners",
             coalesce(retired, false)
           from jsonb_to_recordset($1) as f(id uuid, urn text, code text, name jsonb, description jsonb, "entityType" text, area text,
             provider text, "isDelegable" bool, "isAssignable" bool, "isAvailableForServiceOwners" bool, retired bool)
           on conflict (id) do update set urn = excluded.urn, code = excluded.code, name = excluded.name, description = excluded.description,
             entity_type = excluded.entity_type, area_urn = excluded.area_urn, provider = excluded.provider,
             is_delegable = excluded.is_delegable, is_assignable = excluded.is_assignable,
             is_available_for_service_owners = excluded.is_available_for_service_owners, retired = excluded.retired
           where (package.urn, package.code, package.name, package.description, package.entity_type, package.area_urn, package.provider,
             package.is_delegable, package.is_assignable, package.is_available_for_service_owners, package.retired)
             is distinct from (excluded.urn, excluded.code, excluded.name, excluded.description, excluded.entity_type, excluded.area_urn,
             excluded.provider, excluded.is_delegable, excluded.is_assignable, excluded.is_available_for_service_owners, excluded.retired)"#,
        part("packages")
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
        part("rolePackages")
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ids of elements that go.
#[derive(Debug, Default)]
pub(super) struct RemovedElements {
    pub packages: Vec<Uuid>,
    pub roles: Vec<Uuid>,
    pub variants: Vec<Uuid>,
    pub areas: Vec<Uuid>,
    pub area_groups: Vec<Uuid>,
}

/// Removes elements, and pairs that a catalogue does not hold.
///
/// # Errors
/// See [`DbError`]. Something still needs an element.
pub(super) async fn remove(
    tx: &mut PgConnection,
    catalogue: &Value,
    removed: &RemovedElements,
) -> Result<(), DbError> {
    let part = |name: &str| catalogue.get(name).cloned().unwrap_or_default();
    sqlx::query!(
        r#"delete from role_package g using role r, package p where r.key = g.role and p.key = g.package and not exists (
             select from jsonb_to_recordset($1) as f(role text, package text, variant text)
             left join entity_variant v on v.entity_type = 'organization' and v.code = f.variant
             where f.role = r.code and f.package = p.urn and v.key is not distinct from g.variant)"#,
        part("rolePackages")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"delete from role_map m using role h, role g where h.key = m.has_role and g.key = m.gets_role
             and (h.code, g.code) not in (select has, gets from jsonb_to_recordset($1) as f(has text, gets text))"#,
        part("roleMap")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"delete from entity_variant_role o using entity_variant v, role r where v.key = o.variant and r.key = o.role
             and (v.id, r.code) not in (
               select f.id, held.code from jsonb_to_recordset($1) as f(id uuid, roles jsonb)
               cross join lateral jsonb_array_elements_text(f.roles) as held(code))"#,
        part("variants")
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from package where id = any($1)", &removed.packages)
        .execute(&mut *tx)
        .await?;
    sqlx::query!("delete from role where id = any($1)", &removed.roles)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "delete from entity_variant where id = any($1)",
        &removed.variants
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("delete from area where id = any($1)", &removed.areas)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "delete from area_group where id = any($1)",
        &removed.area_groups
    )
    .execute(tx)
    .await?;
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

/// Reads the rows of the stored catalogue.
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
             p.is_available_for_service_owners, p.retired
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
        is_retired: r.retired,
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
