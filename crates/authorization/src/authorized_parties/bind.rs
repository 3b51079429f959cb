//! Reading the question.

use serde_json::Value;

use super::model::{IncludeDefault, PartyFilter, PartyListParts, PartyListQuestion};
use foundation::http::{
    ApiError, ApiResult, ModelState,
    bind::{Binder, MemberPresence},
    query::{Query, parse_uuid},
};
use registers::parties::PartyRef;

/// Attributes that name a subject, and parties to be picked out.
const NAMES: [&str; 9] = [
    "urn:altinn:systemuser:uuid",
    "urn:altinn:person:identifier-no",
    "urn:altinn:person:uuid",
    "urn:altinn:organization:identifier-no",
    "urn:altinn:organization:uuid",
    "urn:altinn:party:uuid",
    "urn:altinn:partyid",
    "urn:altinn:party:id",
    "urn:altinn:userid",
];
const FILTER_LIMIT: usize = 1_000;

fn named(attribute: &str, value: &str) -> ApiResult<PartyRef> {
    let known = NAMES
        .iter()
        .find(|name| name.eq_ignore_ascii_case(attribute.trim()));
    known
        .and_then(|name| PartyRef::from_attribute(name, value.trim()))
        .ok_or_else(|| {
            ApiError::from(ModelState::of(
                "Argument exception",
                "The type is not known, or the value is none of that type.",
            ))
        })
}

/// Reads a body.
///
/// # Errors
/// Model state.
pub fn bind_question(body: &Value) -> ApiResult<PartyListQuestion> {
    let mut binder = Binder::new("subject");
    let root = binder.root(body)?;
    let (attribute, value) = (
        binder.non_blank(&root, "type")?,
        binder.non_blank(&root, "value")?,
    );
    let mut filter = None;
    if let Some(items) = binder
        .list(&root, "partyFilter", MemberPresence::Optional, FILTER_LIMIT)?
        .filter(|list| !list.is_empty())
    {
        let mut pairs = Vec::new();
        for item in &items {
            let item = binder.item_object(item)?;
            pairs.push((
                binder.non_blank(&item, "type")?,
                binder.non_blank(&item, "value")?,
            ));
        }
        filter = Some(pairs);
    }
    binder.finish()?;
    Ok(PartyListQuestion {
        subject: named(&attribute, &value)?,
        filter: filter
            .map(|pairs| {
                pairs
                    .iter()
                    .map(|(a, v)| named(a, v))
                    .collect::<ApiResult<_>>()
                    .map(PartyFilter::Only)
            })
            .transpose()?,
    })
}

/// Reads the parties that a list for the caller itself is about: uuids. A sub-unit is shown below its
/// main unit. None where there is no filter.
///
/// # Errors
/// Model state for what is no uuid, and for more than a list of a body may hold.
pub fn bind_own_filter(query: &Query) -> ApiResult<Option<PartyFilter>> {
    const NAME: &str = "partyFilter";
    let uuids: Vec<PartyRef> = query
        .all(NAME)
        .filter(|text| !text.trim().is_empty())
        .map(|text| parse_uuid(NAME, text).map(PartyRef::Uuid))
        .collect::<ApiResult<_>>()?;
    if uuids.len() > FILTER_LIMIT {
        return Err(ModelState::of(
            NAME,
            format!("At most {FILTER_LIMIT} parties can be named."),
        )
        .into());
    }
    Ok((!uuids.is_empty()).then_some(PartyFilter::WithMainUnits(uuids)))
}

/// Reads what the answer shall hold.
///
/// # Errors
/// Model state for a word that is none.
pub fn bind_include(query: &Query, default: IncludeDefault) -> ApiResult<PartyListParts> {
    // Sub-units and deleted organisations are always listed; what is said of them must be readable.
    let default = match default {
        IncludeDefault::Nothing => false,
        IncludeDefault::RolesAndResources => true,
    };
    // `auto` is yes: there are no profiles of users that could say otherwise.
    let reach = |name: &str| match query.get(name).map(str::trim) {
        Some(word) if word.eq_ignore_ascii_case("auto") => Ok(true),
        _ => query.flag_or(name, true),
    };
    query.flag("includeInstances")?;
    reach("includeSubParties")?;
    reach("includeInactiveParties")?;
    Ok(PartyListParts {
        roles: query.flag_or("includeRoles", default)?,
        access_packages: query.flag("includeAccessPackages")?,
        resources: query.flag_or("includeResources", default)?,
        via_key_roles: reach("includePartiesViaKeyRoles")?,
    })
}
