//! The catalogue of packages and roles on the wire: members in the order of the public system, with
//! nulls.

use foundation::{crypto::uuid_v5, http::Language};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Namespace of the ids of resources.
const RESOURCES: Uuid = Uuid::from_u128(0x5c2a_9c7e_61b4_4d0e_9a35_0f0d_8f1f_6a01);
/// Namespace of the ids of service owners.
const OWNERS: Uuid = Uuid::from_u128(0x5c2a_9c7e_61b4_4d0e_9a35_0f0d_8f1f_6a02);
/// Namespace of the ids of types of resources.
const RESOURCE_TYPES: Uuid = Uuid::from_u128(0x5c2a_9c7e_61b4_4d0e_9a35_0f0d_8f1f_6a03);
/// Id of the type of providers that are service owners.
const SERVICE_OWNER: Uuid = Uuid::from_u128(0x0195_efb8_7c80_713e_ad96_a989_6d12_f444);
/// Id of the type of providers that are systems.
const SYSTEM: Uuid = Uuid::from_u128(0x0195_efb8_7c80_7bb5_a35c_11d5_8ea3_6695);
/// Where a resource has no description.
const NO_DESCRIPTION: &str = "-";

/// The uuid by which the catalogue and access management name a resource, in addition to its
/// identifier. It follows from the identifier.
#[must_use]
pub fn resource_uuid(identifier: &str) -> Uuid {
    uuid_v5(RESOURCES, identifier)
}

/// The uuid by which they name a service owner: of its code, in any letter case.
#[must_use]
pub fn service_owner_uuid(code: &str) -> Uuid {
    uuid_v5(OWNERS, &code.to_lowercase())
}

/// The uuid by which they name a type of resources.
#[must_use]
pub fn resource_type_uuid(name: &str) -> Uuid {
    uuid_v5(RESOURCE_TYPES, name)
}

/// A kind of party.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeDto {
    pub id: Uuid,
    pub provider_id: Uuid,
    pub name: String,
    /// Always null.
    pub provider: Option<ProviderDto>,
}

/// A group of areas. Its areas are there in the export.
#[derive(Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct GroupDto {
    pub id: Uuid,
    pub name: String,
    /// Always null.
    pub urn: Option<String>,
    pub description: String,
    /// `Organisasjon` or `Person`, in every language.
    pub r#type: String,
    #[schema(no_recursion)]
    pub areas: Vec<AreaDto>,
}

/// An area of packages. Its packages are there in the export, its group where one area is read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct AreaDto {
    pub id: Uuid,
    pub name: String,
    pub urn: String,
    pub description: String,
    pub icon_url: String,
    #[schema(no_recursion)]
    pub packages: Vec<PackageDto>,
    #[schema(no_recursion)]
    pub group: Option<Box<GroupDto>>,
}

/// An access package.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct PackageDto {
    pub id: Uuid,
    pub name: String,
    pub urn: String,
    pub description: String,
    /// May be passed on, in particular to clients' agents.
    pub is_delegable: bool,
    /// May be given directly.
    pub is_assignable: bool,
    /// Service owners may use it in policies.
    pub is_resource_policy_available: bool,
    #[schema(no_recursion)]
    pub area: Option<Box<AreaDto>>,
    /// Kind of party that it is about.
    pub r#type: Option<TypeDto>,
    /// What it leads to; null where that was not asked for.
    pub resources: Option<Vec<ResourceDto>>,
}

/// Who a role, a kind of party or a resource comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct ProviderDto {
    pub id: Uuid,
    pub name: String,
    /// Organisation number of a service owner; empty for systems.
    pub ref_id: String,
    pub logo_url: Option<String>,
    /// `sys-ccr` and the like, or the code of a service owner in lower case.
    pub code: String,
    pub type_id: Uuid,
    pub r#type: ProviderTypeDto,
}

/// What a provider is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProviderTypeDto {
    pub id: Uuid,
    pub name: String,
}

impl ProviderTypeDto {
    fn system() -> Self {
        Self {
            id: SYSTEM,
            name: "System".to_owned(),
        }
    }

    fn service_owner(language: Language) -> Self {
        Self {
            id: SERVICE_OWNER,
            name: match language {
                Language::Nb => "Tjenesteeier",
                Language::Nn => "Tenesteeigar",
                Language::En => "ServiceOwner",
            }
            .to_owned(),
        }
    }
}

impl ProviderDto {
    /// A system that roles come from.
    #[must_use]
    pub fn system(id: Uuid, code: &str, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            ref_id: String::new(),
            logo_url: None,
            code: code.to_owned(),
            type_id: SYSTEM,
            r#type: ProviderTypeDto::system(),
        }
    }
}

/// A resource that a package or a role leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the tables")]
pub struct LedResource {
    /// Subject whose policies name it, in lower case.
    pub subject_urn: String,
    pub identifier: String,
    /// Language to text.
    pub title: Value,
    /// Language to text.
    pub description: Value,
    pub resource_type: String,
    pub owner_code: String,
    pub owner_number: String,
    /// Language to text.
    pub owner_name: Value,
    pub owner_logo: Option<String>,
}

/// A resource that a package or a role leads to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct ResourceDto {
    /// Made of the identifier.
    pub id: Uuid,
    /// Made of the code of the owner.
    pub provider_id: Uuid,
    /// Made of the name of the type.
    pub type_id: Uuid,
    pub name: String,
    pub description: String,
    /// Identifier in the resource registry.
    pub ref_id: String,
    /// Its owner.
    pub provider: ProviderDto,
    /// Its type, such as `GenericAccessResource`.
    pub r#type: ResourceTypeDto,
}

/// Type of a resource.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ResourceTypeDto {
    pub id: Uuid,
    pub name: String,
}

/// A text in a language, else in Bokmål.
fn text(texts: &Value, language: Language) -> Option<&str> {
    let of = |code: &str| {
        texts
            .get(code)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    of(language.code()).or_else(|| of(Language::Nb.code()))
}

impl ResourceDto {
    /// A resource in a language.
    #[must_use]
    pub fn of(resource: &LedResource, language: Language) -> Self {
        let code = resource.owner_code.to_lowercase();
        let (provider_id, type_id) = (
            service_owner_uuid(&code),
            resource_type_uuid(&resource.resource_type),
        );
        Self {
            id: resource_uuid(&resource.identifier),
            provider_id,
            type_id,
            name: text(&resource.title, language)
                .unwrap_or_default()
                .to_owned(),
            description: text(&resource.description, language)
                .unwrap_or(NO_DESCRIPTION)
                .to_owned(),
            ref_id: resource.identifier.clone(),
            provider: ProviderDto {
                id: provider_id,
                name: text(&resource.owner_name, language)
                    .unwrap_or_default()
                    .to_owned(),
                ref_id: resource.owner_number.clone(),
                logo_url: resource.owner_logo.clone(),
                code,
                type_id: SERVICE_OWNER,
                r#type: ProviderTypeDto::service_owner(language),
            },
            r#type: ResourceTypeDto {
                id: type_id,
                name: resource.resource_type.clone(),
            },
        }
    }
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct RoleDto {
    pub id: Uuid,
    pub name: String,
    pub code: String,
    pub description: String,
    pub is_key_role: bool,
    pub urn: String,
    pub legacy_role_code: Option<String>,
    pub legacy_urn: Option<String>,
    /// Service owners may use it in policies.
    pub is_resource_policy_available: bool,
    pub provider: Option<ProviderDto>,
}

/// An organisation form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct SubtypeDto {
    pub id: Uuid,
    /// Id of the kind of party.
    pub type_id: Uuid,
    /// Its code, such as `AS`.
    pub name: String,
    /// Its name in words.
    pub description: String,
    /// Always null.
    pub r#type: Option<TypeDto>,
}

/// A package that a search found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundPackage {
    /// The package.
    pub object: PackageDto,
    /// How well it fits; the best come first.
    pub score: f64,
    /// Where the term was found.
    pub fields: Vec<FoundField>,
}

/// A text that holds the term of a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FoundField {
    /// Which text of the package.
    pub field: String,
    /// The text.
    pub value: String,
    /// What it adds to the score.
    pub score: f64,
    /// Its words, where words are compared one by one.
    pub words: Vec<FoundWord>,
}

/// A word of a text, compared with the words of a term.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundWord {
    pub content: String,
    pub lowercase_content: String,
    pub is_match: bool,
    pub score: f64,
}
