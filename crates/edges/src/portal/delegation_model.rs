//! What was delegated in client administration, as the portal's pages read it.

use std::collections::HashMap;

use access_management::{
    client_delegations::{
        AgentWithResources, ClientWithResources, PackageDelegation, ResourceAccess,
        ResourceDelegation,
    },
    entities::{CompactPackage, Entity},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access_model::{PortalClient, PortalEntity, PortalRole},
    describe::PageLanguage,
    model::{PortalResource, resource_item},
};

/// Documents of resources, by identifier.
pub type ResourceDocuments = HashMap<String, Value>;

/// A package of a client that an agent was delegated.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "members of the wire model")]
pub struct PortalPackageDelegation {
    pub role_id: Uuid,
    pub package_id: Uuid,
    /// The facilitator.
    pub via_id: Uuid,
    /// The client.
    pub from_id: Uuid,
    /// The agent.
    pub to_id: Uuid,
}

impl From<PackageDelegation> for PortalPackageDelegation {
    fn from(given: PackageDelegation) -> Self {
        Self {
            role_id: given.role_id,
            package_id: given.package_id,
            via_id: given.via_id,
            from_id: given.from_id,
            to_id: given.to_id,
        }
    }
}

/// A single resource of a client that an agent was delegated.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "members of the wire model")]
pub struct PortalResourceDelegation {
    pub role_id: Uuid,
    pub resource_id: Uuid,
    /// The facilitator.
    pub via_id: Uuid,
    /// The client.
    pub from_id: Uuid,
    /// The agent.
    pub to_id: Uuid,
}

impl From<ResourceDelegation> for PortalResourceDelegation {
    fn from(given: ResourceDelegation) -> Self {
        Self {
            role_id: given.role_id,
            resource_id: given.resource_id,
            via_id: given.via_id,
            from_id: given.from_id,
            to_id: given.to_id,
        }
    }
}

/// A facilitator, before its clients.
#[derive(Debug, Serialize)]
pub struct PortalProvider {
    provider: PortalEntity,
}

impl PortalProvider {
    /// A facilitator as the portal shows it.
    pub fn new(provider: Entity) -> Self {
        Self {
            provider: provider.into(),
        }
    }
}

/// A facilitator with the clients that the caller has from it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalProviderClients {
    pub provider: PortalEntity,
    pub clients: Vec<PortalClient>,
}

/// A single resource, with what pages show of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalDelegatedResource {
    pub id: Uuid,
    pub ref_id: String,
    /// Null where the registry does not have it any more.
    #[schema(value_type = Option<PortalResource>)]
    pub details: Option<Value>,
}

/// Single resources that a relation gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalResourceAccess {
    pub role: PortalRole,
    /// Always empty.
    pub packages: Vec<CompactPackage>,
    pub resources: Vec<PortalDelegatedResource>,
}

impl PortalResourceAccess {
    fn list(
        access: Vec<ResourceAccess>,
        documents: &ResourceDocuments,
        language: PageLanguage,
    ) -> Vec<Self> {
        let details = |identifier: &str| {
            let document = documents.get(identifier)?;
            Some(resource_item(document, language.language()))
        };
        let one = |access: ResourceAccess| Self {
            role: access.role.into(),
            packages: Vec::new(),
            resources: access
                .resources
                .into_iter()
                .map(|resource| PortalDelegatedResource {
                    details: details(&resource.ref_id),
                    id: resource.id,
                    ref_id: resource.ref_id,
                })
                .collect(),
        };
        access.into_iter().map(one).collect()
    }
}

/// A client with the single resources that an agent has of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalClientResources {
    pub client: PortalEntity,
    pub access: Vec<PortalResourceAccess>,
}

impl PortalClientResources {
    /// Makes a client as the portal shows it.
    pub fn shape(
        documents: ResourceDocuments,
        language: PageLanguage,
    ) -> impl Fn(ClientWithResources) -> Self {
        move |one| Self {
            client: one.client.into(),
            access: PortalResourceAccess::list(one.access, &documents, language),
        }
    }
}

/// An agent with the single resources that it has of a client.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalAgentResources {
    pub agent: PortalEntity,
    pub access: Vec<PortalResourceAccess>,
}

impl PortalAgentResources {
    /// Makes an agent as the portal shows it.
    pub fn shape(
        documents: ResourceDocuments,
        language: PageLanguage,
    ) -> impl Fn(AgentWithResources) -> Self {
        move |one| Self {
            agent: one.agent.into(),
            access: PortalResourceAccess::list(one.access, &documents, language),
        }
    }
}
