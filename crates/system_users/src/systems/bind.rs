//! Reading system bodies, and the rights and packages that other bodies carry too.

use serde_json::Value;

use super::model::{AccessPackage, AttributePair, NewSystem, Right};
use foundation::http::{
    ApiResult,
    bind::{Binder, BoundItem, BoundObject, MemberPresence},
};

const LIST_LIMIT: usize = 500;

/// Reads a list of rights; absent and null give `None`, unlike an empty list.
///
/// # Errors
/// Model state.
pub fn bind_rights(
    binder: &mut Binder,
    object: &BoundObject<'_>,
    name: &str,
    presence: MemberPresence,
) -> ApiResult<Option<Vec<Right>>> {
    let Some(items) = binder.list(object, name, presence, LIST_LIMIT)? else {
        return Ok(None);
    };
    rights_of(binder, &items).map(Some)
}

fn rights_of(binder: &mut Binder, items: &[BoundItem<'_>]) -> ApiResult<Vec<Right>> {
    let mut rights = Vec::with_capacity(items.len());
    for item in items {
        let right = binder.item_object(item)?;
        let action = binder.text(&right, "action", MemberPresence::Optional)?;
        let mut resource = Vec::new();
        for pair in binder
            .list(&right, "resource", MemberPresence::NotNull, LIST_LIMIT)?
            .unwrap_or_default()
        {
            let pair = binder.item_object(&pair)?;
            resource.push(AttributePair {
                id: binder.non_blank(&pair, "id")?,
                value: binder.non_blank(&pair, "value")?,
            });
        }
        rights.push(Right { action, resource });
    }
    Ok(rights)
}

/// Reads a body that is a list of rights.
///
/// # Errors
/// Model state.
pub fn bind_rights_body(value: &Value) -> ApiResult<Vec<Right>> {
    let mut binder = Binder::new("rights");
    let items = binder.root_list(value, LIST_LIMIT)?;
    let rights = rights_of(&mut binder, &items)?;
    binder.finish()?;
    Ok(rights)
}

/// Reads a body that is a list of access packages.
///
/// # Errors
/// Model state.
pub fn bind_packages_body(value: &Value) -> ApiResult<Vec<AccessPackage>> {
    let mut binder = Binder::new("accessPackages");
    let items = binder.root_list(value, LIST_LIMIT)?;
    let packages = packages_of(&mut binder, &items)?;
    binder.finish()?;
    Ok(packages)
}

/// Reads a list of access packages.
///
/// # Errors
/// Model state.
pub fn bind_packages(
    binder: &mut Binder,
    object: &BoundObject<'_>,
    name: &str,
    presence: MemberPresence,
) -> ApiResult<Option<Vec<AccessPackage>>> {
    let Some(items) = binder.list(object, name, presence, LIST_LIMIT)? else {
        return Ok(None);
    };
    packages_of(binder, &items).map(Some)
}

fn packages_of(binder: &mut Binder, items: &[BoundItem<'_>]) -> ApiResult<Vec<AccessPackage>> {
    let mut packages = Vec::with_capacity(items.len());
    for item in items {
        let package = binder.item_object(item)?;
        packages.push(AccessPackage {
            urn: binder
                .text(&package, "urn", MemberPresence::Optional)?
                .unwrap_or_default(),
        });
    }
    Ok(packages)
}

fn texts(
    binder: &mut Binder,
    object: &BoundObject<'_>,
    name: &str,
    limit: usize,
) -> ApiResult<Vec<String>> {
    let items = binder
        .list(object, name, MemberPresence::NotNull, limit)?
        .unwrap_or_default();
    items.iter().map(|item| binder.item_text(item)).collect()
}

/// Reads the body of a whole system; `parameter` is the public name of the body.
///
/// # Errors
/// Model state.
pub fn bind_system(value: &Value, parameter: &'static str) -> ApiResult<NewSystem> {
    let mut binder = Binder::new(parameter);
    let root = binder.root(value)?;
    let id = binder
        .text(&root, "id", MemberPresence::Required)?
        .unwrap_or_default();
    let vendor = binder.object(&root, "vendor", MemberPresence::Required)?;
    let vendor_id = match &vendor {
        Some(vendor) => binder.non_blank(vendor, "ID")?,
        None => String::new(),
    };
    let system = NewSystem {
        id: id.trim().to_owned(),
        vendor_id: vendor_id.trim().to_owned(),
        name: binder.text_map(&root, "name", MemberPresence::Required)?,
        description: binder.text_map(&root, "description", MemberPresence::Required)?,
        rights: bind_rights(&mut binder, &root, "rights", MemberPresence::Optional)?
            .unwrap_or_default(),
        access_packages: bind_packages(
            &mut binder,
            &root,
            "accessPackages",
            MemberPresence::Optional,
        )?
        .unwrap_or_default(),
        client_ids: texts(&mut binder, &root, "clientId", 1_000)?,
        redirect_urls: texts(&mut binder, &root, "allowedRedirectUrls", 1_000)?,
        is_visible: binder
            .boolean(&root, "isVisible", MemberPresence::NotNull)?
            .unwrap_or(true),
    };
    for (name, texts) in [("name", &system.name), ("description", &system.description)] {
        binder.must_be_displayable_map(&root, name, texts);
    }
    binder.finish()?;
    Ok(system)
}
