//! What a resource and its policy must be to be stored.

use std::fmt;

use super::{
    compiled::UPLOAD,
    document::{
        ReferenceSource, ReferenceType, ResourceType, ServiceResource, TextsByLanguage, app_of,
    },
    policy_warning::PolicyWarning,
    rights::{ListingSize, ResourceNaming, naming, packages, resources_of_rules},
    warnings::warnings,
};
use crate::packages::Catalogue;
use foundation::{http::ModelState, ids::is_displayable};
use xacml::{LoadErrors, Policy, PolicyTree, Program};

/// How a resource comes to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceStoreMode {
    /// For the first time.
    Create,
    /// As a new version.
    Replace,
}

/// Everything that is wrong with a resource, by the members' names.
#[must_use]
pub fn findings(resource: &ServiceResource, change: ResourceStoreMode) -> ModelState {
    let mut found = ModelState::default();
    identifier(resource, change, &mut found);
    if resource.resource_type == ResourceType::Default {
        found.add("ResourceType", "A resource type must be chosen.");
    }
    authority(resource, &mut found);
    references(resource, &mut found);
    texts(resource.title.as_ref(), "Title", "title", &mut found);
    displayable_title(resource.title.as_ref(), &mut found);
    texts(
        resource.description.as_ref(),
        "Description",
        "Description",
        &mut found,
    );
    if resource.delegable {
        texts(
            resource.right_description.as_ref(),
            "RightDescription",
            "RightDescription",
            &mut found,
        );
    }
    if change == ResourceStoreMode::Replace && resource.contact_points.is_none() {
        found.add(
            "ContactPoints",
            "The ContactPoints field is required; it may be an empty list.",
        );
    }
    found
}

fn identifier(resource: &ServiceResource, change: ResourceStoreMode, found: &mut ModelState) {
    let id = resource.identifier.as_str();
    if id.trim().is_empty() {
        found.add("Identifier", "The Identifier field is required.");
        return;
    }
    // What is stored already keeps its name, whatever rules it was given by.
    if change == ResourceStoreMode::Create && !is_well_formed(id) && !is_migrated_app(id) {
        found.add(
            "Identifier",
            "The identifier must be at least four of the characters a-z, 0-9, _ and -.",
        );
    }
    let refers = |kind| resource.references(kind).next().is_some();
    if id.starts_with("se_")
        && !(refers(ReferenceType::ServiceCode) && refers(ReferenceType::ServiceEditionCode))
    {
        found.add("Identifier", "An identifier that begins with se_ needs references ServiceCode and ServiceEditionCode.");
    }
    let is_app = matches!(
        resource.resource_type,
        ResourceType::AltinnApp | ResourceType::MigratedApp
    );
    if id.starts_with("app_") && !is_app {
        found.add(
            "Identifier",
            "Only the identifier of an app begins with app_.",
        );
    }
    if is_app {
        let code = resource
            .has_competent_authority
            .as_ref()
            .and_then(|a| a.orgcode.as_deref())
            .unwrap_or_default()
            .to_lowercase();
        match app_of(id).filter(|(org, app)| *org == code && !app.is_empty()) {
            None => found.add(
                "Identifier",
                "The identifier of an app begins with app_, its owner's code and _.",
            ),
            Some((org, app)) => {
                let names_app = |r: &super::document::ResourceReference| {
                    r.reference_source == ReferenceSource::Altinn3
                        && r.reference
                            .as_deref()
                            .is_some_and(|text| text.eq_ignore_ascii_case(&format!("{org}/{app}")))
                };
                if !resource
                    .references(ReferenceType::ApplicationId)
                    .any(names_app)
                {
                    found.add(
                        "ResourceReferences",
                        format!("An app needs a reference of source Altinn3 and type ApplicationId with the text {org}/{app}."),
                    );
                }
            }
        }
    }
}

fn is_well_formed(id: &str) -> bool {
    id.len() >= 4
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// `app_{org}_a1-{service}:{edition}`: an app that was moved over from the first generation.
fn is_migrated_app(id: &str) -> bool {
    let plain = |text: &str, also: u8| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == also)
    };
    app_of(id).is_some_and(|(org, app)| {
        plain(org, b'0')
            && app
                .strip_prefix("a1-")
                .and_then(|rest| rest.rsplit_once(':'))
                .is_some_and(|(code, edition)| !code.is_empty() && plain(edition, b'.'))
    })
}

fn authority(resource: &ServiceResource, found: &mut ModelState) {
    let Some(authority) = &resource.has_competent_authority else {
        found.add(
            "HasCompetentAuthority",
            "The HasCompetentAuthority field is required.",
        );
        return;
    };
    let is_test_owner = authority
        .orgcode
        .as_deref()
        .is_some_and(|code| code.eq_ignore_ascii_case("ttd"));
    if resource.owner_org().trim().is_empty() && !is_test_owner {
        found.add(
            "HasCompetentAuthority.Organization",
            "The organisation number of the owner is required.",
        );
    }
}

fn references(resource: &ServiceResource, found: &mut ModelState) {
    if resource.resource_type == ResourceType::MaskinportenSchema
        && resource.maskinporten_scopes().next().is_none()
    {
        found.add(
            "ResourceReferences",
            "Missing maskinporten scopen for MaskinportenSchema resource",
        );
    }
}

fn texts(map: Option<&TextsByLanguage>, key: &str, called: &str, found: &mut ModelState) {
    for (language, name) in [
        ("en", "english en"),
        ("nb", "bokmal nb"),
        ("nn", "nynorsk nn"),
    ] {
        let text = map
            .and_then(|m| m.get(language))
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        if text.trim().is_empty() {
            found.add(key, format!("Missing {called} in {name}"));
        }
    }
}

/// A title is shown on one line, where a description may have several.
fn displayable_title(title: Option<&TextsByLanguage>, found: &mut ModelState) {
    let texts = title.into_iter().flatten();
    if texts
        .filter_map(|(_, text)| text.as_str())
        .any(|text| !is_displayable(text))
    {
        found.add(
            "Title",
            "A title must not contain control characters, line breaks or characters that change the direction of text.",
        );
    }
}

/// Scopes of a resource whose prefix is none of those that the caller may grant.
#[must_use]
pub fn foreign_scopes(resource: &ServiceResource, prefixes: &[String]) -> Vec<String> {
    let foreign = |scope: &str| {
        !scope
            .split_once(':')
            .is_some_and(|(prefix, _)| prefixes.iter().any(|p| p == prefix))
    };
    resource
        .maskinporten_scopes()
        .filter(|scope| foreign(scope))
        .map(str::to_owned)
        .collect()
}

/// Why a policy is not taken.
#[derive(Debug)]
pub enum PolicyRefusal {
    /// It cannot be read or compiled.
    Unreadable(LoadErrors),
    /// A rule is about something else, perhaps in addition to the resource.
    OtherResource,
    /// A rule names the resource in other letter case.
    OtherCase {
        /// As the rule has it.
        named: String,
        /// As it is called.
        identifier: String,
    },
    /// A rule says nothing about its resource.
    NoResource,
    /// It names packages that service owners' policies may not name.
    ReservedPackages(Vec<String>),
    /// The list of its rules and rights would be too long.
    TooManyCombinations(ListingSize),
}

impl fmt::Display for PolicyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(errors) => write!(f, "Policy not accepted: {errors}"),
            Self::OtherResource => {
                f.write_str("Policy not accepted: Contains rules for a different registry resource")
            }
            Self::OtherCase { named, identifier } => write!(
                f,
                "Policy not accepted: Contains rules for a different registry resource: {named} is not {identifier}; letter case counts"
            ),
            Self::NoResource => f.write_str(
                "Policy not accepted: Contains rule without reference to registry resource id",
            ),
            Self::ReservedPackages(names) => write!(
                f,
                "Policy not accepted: Access packages not available for service owners: {}",
                names.join(", ")
            ),
            Self::TooManyCombinations(size) => write!(f, "Policy not accepted: {size}"),
        }
    }
}

/// A policy that may be stored.
#[derive(Debug)]
pub struct AcceptedPolicy {
    /// As it was written.
    pub policy: Policy,
    /// What its author should know about it.
    pub warnings: Vec<PolicyWarning>,
}

impl AcceptedPolicy {
    /// Logs the warnings, if there are any.
    pub fn log_warnings(&self, identifier: &str) {
        if let [first, ..] = self.warnings.as_slice() {
            let warnings = self.warnings.len();
            let first = first.text.as_str();
            tracing::info!(
                identifier,
                warnings,
                first,
                "a policy was accepted with warnings"
            );
        }
    }
}

/// Checks a policy before it is stored for this resource.
///
/// # Errors
/// What is wrong with it; of several things the first.
pub fn check_policy(
    xml: &[u8],
    identifier: &str,
    catalogue: &Catalogue,
    may_reserve: bool,
) -> Result<AcceptedPolicy, PolicyRefusal> {
    let (tree, errors) =
        PolicyTree::read(xml, &UPLOAD).map_err(|error| PolicyRefusal::Unreadable(error.into()))?;
    let program = Program::compile(&tree, errors, &UPLOAD, &std::sync::Arc::default())
        .map_err(PolicyRefusal::Unreadable)?;
    let PolicyTree::Policy(policy) = tree else {
        return Err(PolicyRefusal::Unreadable(
            Policy::parse(xml, &UPLOAD)
                .err()
                .map_or(LoadErrors(Vec::new()), Into::into),
        ));
    };
    let size = ListingSize::of(&policy);
    if !size.is_listable() {
        return Err(PolicyRefusal::TooManyCombinations(size));
    }
    check_resource(&policy, identifier)?;
    let reserved: Vec<String> = packages(&policy)
        .into_iter()
        .filter(|value| {
            catalogue
                .package_by_value(value)
                .is_some_and(|p| !p.is_available_for_service_owners)
        })
        .collect();
    if !may_reserve && !reserved.is_empty() {
        return Err(PolicyRefusal::ReservedPackages(reserved));
    }
    Ok(AcceptedPolicy {
        warnings: warnings(&policy, &program, catalogue),
        policy,
    })
}

/// Every rule names this resource and no other.
fn check_resource(policy: &Policy, identifier: &str) -> Result<(), PolicyRefusal> {
    for alternatives in resources_of_rules(policy) {
        if alternatives.is_empty() {
            return Err(PolicyRefusal::NoResource);
        }
        for pairs in &alternatives {
            match naming(pairs, identifier) {
                ResourceNaming::This => {}
                ResourceNaming::Nothing => return Err(PolicyRefusal::NoResource),
                ResourceNaming::Other => return Err(PolicyRefusal::OtherResource),
                ResourceNaming::OtherCase(named) => {
                    return Err(PolicyRefusal::OtherCase {
                        named,
                        identifier: identifier.to_owned(),
                    });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resources::bind_resource;

    fn complete() -> Value {
        let texts = json!({"nb": "a", "nn": "b", "en": "c"});
        json!({"identifier": "min-ressurs", "title": texts, "description": texts, "rightDescription": texts, "resourceType": "genericaccessresource",
            "hasCompetentAuthority": {"organization": "390028466", "orgcode": "SAV"}, "contactPoints": []})
    }

    fn keys(change: impl FnOnce(&mut Value), how: ResourceStoreMode) -> Vec<String> {
        let mut body = complete();
        change(&mut body);
        findings(&bind_resource(&body).unwrap(), how)
            .into_errors()
            .keys()
            .cloned()
            .collect()
    }

    #[test]
    fn a_complete_resource_has_no_findings() {
        assert!(keys(|_| {}, ResourceStoreMode::Create).is_empty());
        assert!(keys(|_| {}, ResourceStoreMode::Replace).is_empty());
    }

    #[rstest::rstest]
    #[case::short("/identifier", json!("abc"), "Identifier")]
    #[case::capital("/identifier", json!("Min-ressurs"), "Identifier")]
    #[case::none("/identifier", json!(null), "Identifier")]
    #[case::service_edition("/identifier", json!("se_1234_1"), "Identifier")]
    #[case::app("/identifier", json!("app_sav_noe"), "Identifier")]
    #[case::type_missing("/resourceType", json!("Default"), "ResourceType")]
    #[case::owner("/hasCompetentAuthority", json!(null), "HasCompetentAuthority")]
    #[case::owner_number("/hasCompetentAuthority/organization", json!(" "), "HasCompetentAuthority.Organization")]
    #[case::title("/title/nn", json!(""), "Title")]
    #[case::description("/description", json!({}), "Description")]
    #[case::right("/rightDescription/en", json!(null), "RightDescription")]
    #[case::scope("/resourceType", json!("MaskinportenSchema"), "ResourceReferences")]
    fn each_finding_has_its_key(#[case] pointer: &str, #[case] value: Value, #[case] key: &str) {
        assert_eq!(
            keys(
                |body| *body.pointer_mut(pointer).unwrap() = value,
                ResourceStoreMode::Create
            ),
            [key]
        );
    }

    #[test]
    fn what_only_some_need() {
        assert!(
            keys(
                |b| b["hasCompetentAuthority"] = json!({"orgcode": "TTD"}),
                ResourceStoreMode::Create
            )
            .is_empty()
        );
        assert!(
            keys(
                |b| {
                    b["delegable"] = json!(false);
                    b["rightDescription"] = json!(null);
                },
                ResourceStoreMode::Create
            )
            .is_empty()
        );
        assert!(
            keys(
                |b| b["identifier"] = json!("Old Name"),
                ResourceStoreMode::Replace
            )
            .is_empty()
        );
        assert_eq!(
            keys(
                |b| b["contactPoints"] = json!(null),
                ResourceStoreMode::Replace
            ),
            ["ContactPoints"]
        );
        let app = |reference: &str| {
            let reference = json!([{"referenceSource": "Altinn3", "referenceType": "ApplicationId", "reference": reference}]);
            keys(
                |b| {
                    b["identifier"] = json!("app_sav_noe");
                    b["resourceType"] = json!("AltinnApp");
                    b["resourceReferences"] = reference;
                },
                ResourceStoreMode::Create,
            )
        };
        assert!(app("sav/noe").is_empty());
        assert_eq!(app("sav/annet"), ["ResourceReferences"]);
        assert!(is_migrated_app("app_skd_a1-1051-210:2.1") && !is_migrated_app("app_skd_a1-x"));
    }

    #[test]
    fn scopes_belong_to_their_prefix() {
        let mut body = complete();
        body["resourceReferences"] = json!([{"referenceType": "MaskinportenScope", "reference": "sav:a"}, {"referenceType": "maskinportenscope", "reference": "fok:b"}]);
        let resource = bind_resource(&body).unwrap();
        assert_eq!(foreign_scopes(&resource, &["sav".into()]), ["fok:b"]);
    }
}
