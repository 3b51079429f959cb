//! Reading a resource from JSON. What is missing is found by [`super::rules::findings`]; here only
//! types count.

use serde_json::{Map, Value};

use super::document::{
    AccessListMode, CompetentAuthority, ContactPoint, Keyword, PartyType, ReferenceSource,
    ReferenceType, ResourceReference, ResourceType, ServiceResource, TextsByLanguage,
};
use foundation::http::{
    ApiResult,
    bind::{Binder, BoundObject, MemberPresence},
};

const LIST_LIMIT: usize = 500;
const OPTIONAL: MemberPresence = MemberPresence::Optional;

/// Reads a resource.
///
/// # Errors
/// Model state, for members of the wrong type and unknown words.
pub fn bind_resource(value: &Value) -> ApiResult<ServiceResource> {
    let mut b = Binder::new("serviceResource");
    let root = b.root(value)?;
    let resource = ServiceResource {
        identifier: b.text(&root, "identifier", OPTIONAL)?.unwrap_or_default(),
        version: b.text(&root, "version", OPTIONAL)?,
        title: texts(&mut b, &root, "title")?,
        description: texts(&mut b, &root, "description")?,
        right_description: texts(&mut b, &root, "rightDescription")?,
        homepage: b.text(&root, "homepage", OPTIONAL)?,
        status: b.text(&root, "status", OPTIONAL)?,
        spatial: list_of_texts(&mut b, &root, "spatial")?,
        contact_points: list(&mut b, &root, "contactPoints", |b, o| {
            Ok(ContactPoint {
                category: b.text(o, "category", OPTIONAL)?,
                email: b.text(o, "email", OPTIONAL)?,
                telephone: b.text(o, "telephone", OPTIONAL)?,
                contact_page: b.text(o, "contactPage", OPTIONAL)?,
            })
        })?,
        produces: list_of_texts(&mut b, &root, "produces")?,
        is_part_of: b.text(&root, "isPartOf", OPTIONAL)?,
        thematic_areas: list_of_texts(&mut b, &root, "thematicAreas")?,
        resource_references: list(&mut b, &root, "resourceReferences", |b, o| {
            Ok(ResourceReference {
                reference_source: b
                    .word(o, "referenceSource", ReferenceSource::read)?
                    .unwrap_or_default(),
                reference: b.text(o, "reference", OPTIONAL)?,
                reference_type: b
                    .word(o, "referenceType", ReferenceType::read)?
                    .unwrap_or_default(),
            })
        })?,
        delegable: flag(&mut b, &root, "delegable", true)?,
        visible: flag(&mut b, &root, "visible", true)?,
        has_competent_authority: authority(&mut b, &root)?,
        keywords: list(&mut b, &root, "keywords", |b, o| {
            Ok(Keyword {
                word: b.text(o, "word", OPTIONAL)?,
                language: b.text(o, "language", OPTIONAL)?,
            })
        })?,
        access_list_mode: b
            .word(&root, "accessListMode", AccessListMode::read)?
            .unwrap_or_default(),
        self_identified_user_enabled: flag(&mut b, &root, "selfIdentifiedUserEnabled", false)?,
        enterprise_user_enabled: flag(&mut b, &root, "enterpriseUserEnabled", false)?,
        resource_type: b
            .word(&root, "resourceType", ResourceType::read)?
            .unwrap_or_default(),
        available_for_type: b.words(&root, "availableForType", LIST_LIMIT, PartyType::read)?,
        consent_template: b.text(&root, "consentTemplate", OPTIONAL)?,
        consent_text: texts(&mut b, &root, "consentText")?,
        consent_metadata: consent_metadata(&mut b, &root)?,
        is_one_time_consent: flag(&mut b, &root, "isOneTimeConsent", false)?,
    };
    b.finish()?;
    Ok(resource)
}

fn flag(b: &mut Binder, object: &BoundObject<'_>, name: &str, default: bool) -> ApiResult<bool> {
    Ok(b.boolean(object, name, MemberPresence::NotNull)?
        .unwrap_or(default))
}

fn texts(
    b: &mut Binder,
    object: &BoundObject<'_>,
    name: &str,
) -> ApiResult<Option<TextsByLanguage>> {
    Ok(Some(b.text_map(object, name, OPTIONAL)?).filter(|map| !map.is_empty()))
}

fn list_of_texts(
    b: &mut Binder,
    object: &BoundObject<'_>,
    name: &str,
) -> ApiResult<Option<Vec<String>>> {
    let Some(items) = b.list(object, name, OPTIONAL, LIST_LIMIT)? else {
        return Ok(None);
    };
    items
        .iter()
        .map(|item| b.item_text(item))
        .collect::<ApiResult<_>>()
        .map(Some)
}

fn list<T>(
    b: &mut Binder,
    object: &BoundObject<'_>,
    name: &str,
    read: impl Fn(&mut Binder, &BoundObject<'_>) -> ApiResult<T>,
) -> ApiResult<Option<Vec<T>>> {
    let Some(items) = b.list(object, name, OPTIONAL, LIST_LIMIT)? else {
        return Ok(None);
    };
    let mut out = Vec::with_capacity(items.len());
    for item in &items {
        let item = b.item_object(item)?;
        out.push(read(b, &item)?);
    }
    Ok(Some(out))
}

fn authority(b: &mut Binder, root: &BoundObject<'_>) -> ApiResult<Option<CompetentAuthority>> {
    let Some(object) = b.object(root, "hasCompetentAuthority", OPTIONAL)? else {
        return Ok(None);
    };
    Ok(Some(CompetentAuthority {
        name: texts(b, &object, "name")?,
        organization: b.text(&object, "organization", OPTIONAL)?,
        orgcode: b.text(&object, "orgcode", OPTIONAL)?,
    }))
}

fn consent_metadata(
    b: &mut Binder,
    root: &BoundObject<'_>,
) -> ApiResult<Option<Map<String, Value>>> {
    let Some(object) = b.object(root, "consentMetadata", OPTIONAL)? else {
        return Ok(None);
    };
    let mut out = Map::new();
    for name in object.names() {
        if let Some(entry) = b.object(&object, &name, OPTIONAL)? {
            out.insert(
                name,
                serde_json::json!({"optional": flag(b, &entry, "optional", false)?}),
            );
        }
    }
    Ok(Some(out))
}
