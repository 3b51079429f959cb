//! The public description of a resource, as service owners write and read it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($word:ident),+ $(,)? })*) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
        #[expect(missing_docs, reason = "words of the registry")]
        pub enum $name { #[default] $($word),+ }

        impl $name {
            /// The value that a word names, in any case; none for an unknown word.
            #[must_use]
            pub fn read(word: &str) -> Option<Self> {
                $(if word.eq_ignore_ascii_case(stringify!($word)) { return Some(Self::$word); })+
                None
            }

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),+ }
            }
        })*
    };
}

words! {
    /// What kind of thing a resource is.
    ResourceType {
        Default, Systemresource, MaskinportenSchema, Altinn2Service, AltinnApp, GenericAccessResource, BrokerService, CorrespondenceService, Consent,
        MigratedApp,
    }
    /// Whether only parties on a connected access list may be decided about.
    AccessListMode { Disabled, Enabled }
    /// Kind of party that may use a resource.
    PartyType { PrivatePerson, LegalEntityEnterprise, Company, BankruptcyEstate, SelfRegisteredUser }
    /// Where a reference points to.
    ReferenceSource { Default, Altinn1, Altinn2, Altinn3, ExternalPlatform }
    /// What a reference is.
    ReferenceType {
        Default, Uri, DelegationSchemeId, MaskinportenScope, ServiceCode, ServiceEditionCode, ApplicationId, ServiceEditionVersion,
    }
}

/// Language to text.
pub type TextsByLanguage = Map<String, Value>;

/// A resource, as it is posted, stored and read. Members that are null are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "identifier": "fok-eksempel",
    "title": {"nb": "Eksempel", "nn": "Døme", "en": "Example"},
    "description": {"nb": "En tjeneste.", "nn": "Ei teneste.", "en": "A service."},
    "rightDescription": {"nb": "Gir tilgang til tjenesten.", "nn": "Gjev tilgang til tenesta.", "en": "Gives access to the service."},
    "status": "Active",
    "contactPoints": [{"category": "Support", "email": "hjelp@fok.example", "telephone": "", "contactPage": ""}],
    "delegable": true,
    "visible": true,
    "hasCompetentAuthority": {"name": {"nb": "Foretakskontoret", "nn": "Føretakskontoret", "en": "Company Registry Office"}, "organization": "390055927", "orgcode": "fok"},
    "resourceType": "GenericAccessResource",
    "availableForType": ["LegalEntityEnterprise"]
}))]
#[expect(missing_docs, reason = "members of the registry's own model")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "members of the registry's own model"
)]
pub struct ServiceResource {
    pub identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub title: Option<TextsByLanguage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub description: Option<TextsByLanguage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub right_description: Option<TextsByLanguage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spatial: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_points: Option<Vec<ContactPoint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub produces: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_part_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thematic_areas: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_references: Option<Vec<ResourceReference>>,
    #[schema(required = false)]
    pub delegable: bool,
    #[schema(required = false)]
    pub visible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_competent_authority: Option<CompetentAuthority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<Keyword>>,
    #[schema(required = false)]
    pub access_list_mode: AccessListMode,
    #[schema(required = false)]
    pub self_identified_user_enabled: bool,
    #[schema(required = false)]
    pub enterprise_user_enabled: bool,
    #[schema(required = false)]
    pub resource_type: ResourceType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_for_type: Option<Vec<PartyType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub consent_text: Option<TextsByLanguage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, ConsentField>>)]
    pub consent_metadata: Option<Map<String, Value>>,
    #[schema(required = false)]
    pub is_one_time_consent: bool,
}

/// A field of a consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConsentField {
    /// Whether it may be left out.
    pub optional: bool,
}

/// A resource as it is read: with its version, and with the attributes that name it in a decision
/// request.
#[derive(Debug)]
pub struct PublishedResource;

impl PartialSchema for PublishedResource {
    fn schema() -> RefOr<Schema> {
        let mut schema = ServiceResource::schema();
        if let RefOr::T(Schema::Object(members)) = &mut schema {
            members.description = Some("A resource as it is read.".to_owned());
            members.properties.extend([
                (
                    "authorizationReference".to_owned(),
                    <Vec<AuthorizationReference>>::schema(),
                ),
                ("versionId".to_owned(), i32::schema()),
            ]);
        }
        schema
    }
}

impl ToSchema for PublishedResource {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ServiceResource::schemas(schemas);
        schemas.push((
            AuthorizationReference::name().into_owned(),
            AuthorizationReference::schema(),
        ));
    }
}

/// An attribute that names a resource in a decision request.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorizationReference {
    /// Attribute id.
    pub id: String,
    /// Its value.
    pub value: String,
}

/// Whom to ask about a resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the registry's own model")]
pub struct ContactPoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_page: Option<String>,
}

/// Another name of the resource, elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the registry's own model")]
pub struct ResourceReference {
    #[schema(required = false)]
    pub reference_source: ReferenceSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[schema(required = false)]
    pub reference_type: ReferenceType,
}

/// Who owns a resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the registry's own model")]
pub struct CompetentAuthority {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub name: Option<TextsByLanguage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orgcode: Option<String>,
}

/// A word to find a resource by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "members of the registry's own model")]
pub struct Keyword {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl ServiceResource {
    /// As it is stored.
    #[must_use]
    pub fn document(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Organisation number of the owner; empty when none is given.
    #[must_use]
    pub fn owner_org(&self) -> &str {
        self.has_competent_authority
            .as_ref()
            .and_then(|a| a.organization.as_deref())
            .unwrap_or_default()
    }

    /// Code of the owner; empty when none is given.
    #[must_use]
    pub fn owner_code(&self) -> &str {
        self.has_competent_authority
            .as_ref()
            .and_then(|a| a.orgcode.as_deref())
            .unwrap_or_default()
            .trim()
    }

    /// Maskinporten scopes the resource represents.
    pub fn maskinporten_scopes(&self) -> impl Iterator<Item = &str> {
        self.references(ReferenceType::MaskinportenScope)
            .filter_map(|r| r.reference.as_deref())
    }

    /// The references of one type.
    pub fn references(&self, kind: ReferenceType) -> impl Iterator<Item = &ResourceReference> {
        self.resource_references
            .iter()
            .flatten()
            .filter(move |r| r.reference_type == kind)
    }
}

/// A stored document as it is read: with its version, and with the attributes that name it in a
/// decision request.
#[must_use]
pub fn published(mut document: Value, version_id: i32) -> Value {
    let identifier = document
        .get("identifier")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if let Some(members) = document.as_object_mut() {
        members.insert(
            "authorizationReference".to_owned(),
            authorization_reference(&identifier),
        );
        members.insert("versionId".to_owned(), version_id.into());
    }
    document
}

/// What rights of other systems call the resource: an app by owner and name, others by their
/// identifier.
#[must_use]
pub fn authorization_reference(identifier: &str) -> Value {
    match app_of(identifier) {
        Some((org, app)) => {
            json!([{"id": "urn:altinn:org", "value": org}, {"id": "urn:altinn:app", "value": app}])
        }
        None => json!([{"id": "urn:altinn:resource", "value": identifier}]),
    }
}

/// Organisation and app of an identifier `app_{org}_{app}`.
#[must_use]
pub fn app_of(identifier: &str) -> Option<(&str, &str)> {
    identifier
        .strip_prefix("app_")
        .and_then(|rest| rest.split_once('_'))
}
