//! What the portal's pages read.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use authorization::live_system_users::SystemUserKind;
use foundation::http::{Language, time};
use registers::{
    packages::{AreaDto, Catalogue, PackageDto},
    resources::document::{
        AuthorizationReference, Keyword, ResourceReference, authorization_reference,
    },
};
use system_users::{
    clients::{Client, ClientAccessDto, ClientDto},
    requests::RequestStatus,
};

/// A system, with names.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemRef {
    pub system_id: String,
    pub system_vendor_org_number: String,
    pub system_vendor_org_name: String,
    /// In the language asked for; `N/A` in lists of system users.
    pub name: String,
}

/// A resource, in the language asked for: `identifier`, `title`, `description`, `rightDescription`,
/// `delegable`, `resourceOwnerName`, `resourceOwnerOrgNumber`, `resourceOwnerOrgcode`,
/// `resourceOwnerLogoUrl`, `resourceType`, `status`, `resourceReferences`, `authorizationReference`,
/// `keywords`.
#[must_use]
pub fn resource_item(document: &Value, language: Language) -> Value {
    let text = |pointer: &str| {
        document
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let localized = |pointer: &str| {
        let own = text(&format!("{pointer}/{}", language.code()));
        if own.is_empty() {
            text(&format!("{pointer}/nb"))
        } else {
            own
        }
    };
    let list = |pointer: &str| {
        document
            .pointer(pointer)
            .filter(|v| v.is_array())
            .cloned()
            .unwrap_or_else(|| json!([]))
    };
    json!({
        "identifier": text("/identifier"),
        "title": localized("/title"),
        "description": localized("/description"),
        "rightDescription": localized("/rightDescription"),
        "delegable": document.pointer("/delegable").and_then(Value::as_bool).unwrap_or_default(),
        "resourceOwnerName": localized("/hasCompetentAuthority/name"),
        "resourceOwnerOrgNumber": text("/hasCompetentAuthority/organization"),
        "resourceOwnerOrgcode": text("/hasCompetentAuthority/orgcode"),
        // Logos are the portal's own.
        "resourceOwnerLogoUrl": "",
        "resourceType": text("/resourceType"),
        "status": document.pointer("/status").and_then(Value::as_str),
        "resourceReferences": list("/resourceReferences"),
        "authorizationReference": authorization_reference(text("/identifier")),
        "keywords": list("/keywords"),
    })
}

/// An access package with what it leads to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageItem {
    pub id: Uuid,
    pub urn: String,
    pub name: String,
    pub description: String,
    pub is_assignable: bool,
    pub is_delegable: bool,
    pub area: Option<Box<AreaDto>>,
    #[schema(value_type = Vec<PortalResource>)]
    pub resources: Vec<Value>,
}

impl PackageItem {
    /// A package of the catalogue, and what it leads to.
    #[must_use]
    pub fn new(package: PackageDto, resources: Vec<Value>) -> Self {
        Self {
            id: package.id,
            urn: package.urn,
            name: package.name,
            description: package.description,
            is_assignable: package.is_assignable,
            is_delegable: package.is_delegable,
            area: package.area,
            resources,
        }
    }
}

/// A request, as the page about it reads it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalRequest {
    pub id: Uuid,
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    pub status: RequestStatus,
    pub redirect_url: Option<String>,
    pub system: SystemRef,
    /// Absent in requests for agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<PortalResource>>)]
    pub resources: Option<Vec<Value>>,
    pub access_packages: Vec<PackageItem>,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    pub escalated: bool,
    pub user_may_escalate_but_not_approve: bool,
}

/// A change request, as the page about it reads it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalChangeRequest {
    pub id: Uuid,
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    pub status: RequestStatus,
    pub redirect_url: Option<String>,
    pub system: SystemRef,
    #[schema(value_type = Vec<PortalResource>)]
    pub required_rights: Vec<Value>,
    #[schema(value_type = Vec<PortalResource>)]
    pub unwanted_rights: Vec<Value>,
    pub required_access_packages: Vec<PackageItem>,
    pub unwanted_access_packages: Vec<PackageItem>,
}

/// A system user, or a forwarded request for one, as lists and pages read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalSystemUser {
    /// Of a request in the list of those that wait: the request's.
    pub id: Uuid,
    pub integration_title: String,
    /// Integer party id of the owner, as text.
    pub party_id: String,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    pub system: SystemRef,
    pub user_type: SystemUserKind,
    /// Empty in lists.
    #[schema(value_type = Vec<PortalResource>)]
    pub resources: Vec<Value>,
    /// Empty in lists.
    pub access_packages: Vec<PackageItem>,
}

/// The id of what was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedId {
    pub id: Uuid,
}

/// What a system may ask for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemRights {
    #[schema(value_type = Vec<PortalResource>)]
    pub resources: Vec<Value>,
    pub access_packages: Vec<PackageItem>,
}

/// A client that can be delegated to an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Party uuid.
    pub id: Uuid,
    pub name: String,
    /// Empty for a person.
    pub org_no: String,
    /// Organisation form, such as `AS`; empty for a person.
    pub unit_type: String,
    /// One per relation.
    pub access: Vec<ClientAccessDto>,
}

impl Customer {
    /// A client with names.
    #[must_use]
    pub fn new(client: Client, catalogue: &Catalogue) -> Self {
        let unit_type = client
            .form
            .and_then(|key| catalogue.variant(key))
            .map(|v| v.code.clone())
            .unwrap_or_default();
        let ClientDto {
            party_uuid,
            display_name,
            organization_identifier,
            access,
        } = ClientDto::new(client, catalogue);
        Self {
            id: party_uuid,
            name: display_name,
            org_no: organization_identifier,
            unit_type,
            access,
        }
    }
}

/// A client delegated to an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "members of the wire model")]
pub struct AgentDelegation {
    pub agent_system_user_id: Uuid,
    /// The client's party uuid.
    pub delegation_id: Uuid,
    /// The client's party uuid.
    pub customer_id: Uuid,
}

/// A resource, in the language asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalResource {
    pub identifier: String,
    pub title: String,
    pub description: String,
    pub right_description: String,
    pub delegable: bool,
    pub resource_owner_name: String,
    pub resource_owner_org_number: String,
    pub resource_owner_orgcode: String,
    /// Always empty: logos are the portal's own.
    pub resource_owner_logo_url: String,
    pub resource_type: String,
    /// Such as `Active` or `Deprecated`; null where the owner says none.
    pub status: Option<String>,
    pub resource_references: Vec<ResourceReference>,
    pub authorization_reference: Vec<AuthorizationReference>,
    pub keywords: Vec<Keyword>,
}

/// A client that an agent is given.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"customerId": "a8baac14-c94e-5be8-bd91-30de41d8e1f9"}))]
pub struct PortalClientBody {
    /// Party uuid of the client.
    pub customer_id: Uuid,
}

/// The party to act for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"partyUuid": "a8baac14-c94e-5be8-bd91-30de41d8e1f9"}))]
pub struct PortalReporteeBody {
    /// Its uuid.
    pub party_uuid: Uuid,
}
