//! Reading batches and filters.

use foundation::http::{
    ApiResult, ModelState,
    bind::{Binder, BoundObject, MemberPresence},
    body,
    query::Query,
};
use registers::packages::Catalogue;

use super::model::{BatchValue, ClientFilter, DelegationApiVersion};

/// Public name of the body.
const BODY: &str = "payload";
/// Values of a batch.
const MAX_VALUES: usize = 100;
/// Packages or resources of a value.
const MAX_ITEMS_OF_VALUE: usize = 200;
/// Packages or resources of a batch.
const MAX_ITEMS: usize = 1_000;
/// Values of a filter.
const MAX_FILTER_VALUES: usize = 1_000;

/// What the values of a batch list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchItems {
    /// Packages.
    Packages,
    /// Single resources.
    Resources,
}

impl BatchItems {
    /// Member of a value.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Resources => "resources",
        }
    }
}

/// Reads a batch.
///
/// # Errors
/// Model state for what cannot be read, what is missing, and more than the limits.
pub fn bind_batch(bytes: &[u8], items: BatchItems) -> ApiResult<Vec<BatchValue>> {
    let value = body::parse(bytes, BODY)?;
    let mut binder = Binder::new(BODY);
    let root = binder.root(&value)?;
    let Some(values) = binder.list(&root, "values", MemberPresence::Optional, MAX_VALUES)? else {
        return Err(ModelState::required("values").into());
    };
    let mut out = Vec::with_capacity(values.len());
    let mut missing = ModelState::default();
    for (index, value) in values.iter().enumerate() {
        let object = binder.item_object(value)?;
        if let Some(value) = bind_value(&mut binder, &object, items)? {
            out.push(value);
        } else {
            let key = format!("values[{index}].{}", items.member());
            missing.add(&key, format!("The {key} field is required."));
        }
    }
    binder.finish()?;
    if !missing.is_empty() {
        return Err(missing.into());
    }
    if out.iter().map(|value| value.items.len()).sum::<usize>() > MAX_ITEMS {
        let sentence = format!("At most {MAX_ITEMS} {} can be named.", items.member());
        return Err(ModelState::of("values", sentence).into());
    }
    Ok(out)
}

/// One value; none where its list is missing.
fn bind_value(
    binder: &mut Binder,
    object: &BoundObject<'_>,
    items: BatchItems,
) -> ApiResult<Option<BatchValue>> {
    let role = binder
        .text(object, "role", MemberPresence::Optional)?
        .unwrap_or_default();
    let list = binder.list(
        object,
        items.member(),
        MemberPresence::Optional,
        MAX_ITEMS_OF_VALUE,
    )?;
    let Some(list) = list else {
        return Ok(None);
    };
    let items = list
        .iter()
        .map(|item| binder.item_text(item))
        .collect::<ApiResult<_>>()?;
    Ok(Some(BatchValue { role, items }))
}

/// Reads a batch that may be left out; none where there is no body.
///
/// # Errors
/// As [`bind_batch`].
pub fn bind_optional_batch(bytes: &[u8], items: BatchItems) -> ApiResult<Option<Vec<BatchValue>>> {
    if body::without_mark(bytes)
        .iter()
        .all(u8::is_ascii_whitespace)
    {
        Ok(None)
    } else {
        bind_batch(bytes, items).map(Some)
    }
}

/// Reads what a list of clients is narrowed to. Unknown values are left out; a filter of unknown values
/// alone lets nothing through.
///
/// # Errors
/// Model state for too many values.
pub fn bind_client_filter(
    query: &Query,
    catalogue: &Catalogue,
    version: DelegationApiVersion,
) -> ApiResult<ClientFilter> {
    let roles = values(query, "roles")?;
    let packages = values(query, "packages")?;
    let resources = match version {
        DelegationApiVersion::V1 => None,
        DelegationApiVersion::V2 => values(query, "resources")?,
    };
    Ok(ClientFilter {
        roles: roles.map(|names| {
            names
                .iter()
                .filter_map(|name| catalogue.role_named(name))
                .map(|role| role.key)
                .collect()
        }),
        packages: packages.map(|names| {
            names
                .iter()
                .filter_map(|name| catalogue.package_named(name))
                .map(|package| package.key)
                .collect()
        }),
        resources: resources.map(|names| names.into_iter().map(str::to_owned).collect()),
    })
}

/// Values of a repeated parameter; none where there is no such.
fn values<'q>(query: &'q Query, name: &'static str) -> ApiResult<Option<Vec<&'q str>>> {
    let found: Vec<&str> = query
        .all(name)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    if found.len() > MAX_FILTER_VALUES {
        let sentence = format!("At most {MAX_FILTER_VALUES} values can be given.");
        return Err(ModelState::of(name, sentence).into());
    }
    Ok((!found.is_empty()).then_some(found))
}
