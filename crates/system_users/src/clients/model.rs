//! Clients, as data and on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use authorization::delegation::PackageBasis;
use foundation::http::{ProblemCode, paging::Links};
use registers::packages::{Catalogue, PackageKey, RoleKey, VariantKey};

/// One relation of a client to its provider, with the packages the provider may delegate to an
/// agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacilitatorRelation {
    /// The role that the provider has for the client.
    pub role: RoleKey,
    /// The packages, by key.
    pub packages: Vec<(PackageKey, PackageBasis)>,
}

/// A client with all its relations.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct Client {
    pub key: i32,
    pub uuid: Uuid,
    pub name: String,
    /// None for a person.
    pub org_number: Option<String>,
    /// Organisation form; none for a person.
    pub form: Option<VariantKey>,
    pub relations: Vec<FacilitatorRelation>,
}

impl Client {
    /// Its place in lists.
    #[must_use]
    pub fn place(&self) -> ClientCursor {
        ClientCursor {
            name: self.name.clone(),
            uuid: self.uuid,
        }
    }

    /// Whether one of the relations has the package.
    #[must_use]
    pub fn has(&self, package: PackageKey) -> bool {
        self.relations
            .iter()
            .any(|r| r.packages.iter().any(|(key, _)| *key == package))
    }
}

/// The place of a client in lists: by name, then by uuid. The default is before all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCursor {
    /// Its name.
    pub name: String,
    /// Its party uuid.
    pub uuid: Uuid,
}

/// What the relations of a list must have; none: everything will do.
#[derive(Debug, Clone, Default)]
pub struct RelationFilter {
    /// One of these roles,
    pub roles: Option<Vec<RoleKey>>,
    /// or one of these packages, given by the client.
    pub packages: Option<Vec<PackageKey>>,
}

/// The outcome of delegating or taking back one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelegationOutcome {
    /// It was done.
    Done,
    /// It was so already.
    Unchanged,
    /// It cannot be done.
    Refused(ProblemCode),
}

/// A client that was delegated to an agent.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct DelegatedClient {
    pub uuid: Uuid,
    pub name: String,
    pub org_number: Option<String>,
}

impl DelegatedClient {
    /// Its place in lists.
    #[must_use]
    pub fn place(&self) -> ClientCursor {
        ClientCursor {
            name: self.name.clone(),
            uuid: self.uuid,
        }
    }
}

/// A client in the provider's portal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientDto {
    /// Party uuid.
    pub party_uuid: Uuid,
    /// Name.
    pub display_name: String,
    /// Organisation number; empty for a person.
    pub organization_identifier: String,
    /// One per relation.
    pub access: Vec<ClientAccessDto>,
}

impl ClientDto {
    /// A client with the names of its roles and packages.
    #[must_use]
    pub fn new(client: Client, catalogue: &Catalogue) -> Self {
        let access = |relation: FacilitatorRelation| ClientAccessDto {
            role: catalogue
                .role(relation.role)
                .map(|r| r.urn.clone())
                .unwrap_or_default(),
            packages: relation
                .packages
                .into_iter()
                .filter_map(|(key, _)| catalogue.package(key))
                .map(|p| p.urn.clone())
                .collect(),
        };
        Self {
            party_uuid: client.uuid,
            display_name: client.name,
            organization_identifier: client.org_number.unwrap_or_default(),
            access: client.relations.into_iter().map(access).collect(),
        }
    }
}

/// What one relation gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientAccessDto {
    /// URN of the role.
    pub role: String,
    /// URNs of the packages.
    pub packages: Vec<String>,
}

/// A client delegated to an agent, in the provider's portal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DelegationDto {
    /// The agent.
    pub agent_system_user_id: Uuid,
    /// The client's party uuid.
    pub delegation_id: Uuid,
    /// The client's party uuid.
    pub customer_id: Uuid,
    /// All zeros.
    pub assignment_id: Uuid,
    /// Name, in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// Organisation number in lists; empty for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_organization_number: Option<String>,
}

impl DelegationDto {
    /// A client of an agent; `shown` is its name and number.
    #[must_use]
    pub fn new(agent: Uuid, client: Uuid, shown: Option<(String, String)>) -> Self {
        let (customer_name, customer_organization_number) = shown.unzip();
        Self {
            agent_system_user_id: agent,
            delegation_id: client,
            customer_id: client,
            assignment_id: Uuid::nil(),
            customer_name,
            customer_organization_number,
        }
    }
}

/// Clients for an end-user system.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientList {
    /// `next` where a page was asked for and there is more.
    pub links: Links,
    /// The agent.
    pub system_user_information: AgentInformation,
    /// The clients, by name.
    pub data: Vec<ListedClient>,
}

/// Which agent a list is about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentInformation {
    /// Its id.
    pub system_user_id: Uuid,
    /// Organisation number of its owner.
    pub system_user_owner_org: String,
}

/// A client for an end-user system.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedClient {
    /// Party uuid: the value to send as `client`.
    #[serde(rename = "clientId")]
    pub uuid: Uuid,
    /// Organisation number; empty for a person.
    #[serde(rename = "clientOrganizationNumber")]
    pub org_number: String,
    /// Name.
    #[serde(rename = "clientOrganizationName")]
    pub name: String,
}

impl ListedClient {
    /// A party as it is listed.
    #[must_use]
    pub fn new(uuid: Uuid, name: String, org_number: Option<String>) -> Self {
        Self {
            uuid,
            org_number: org_number.unwrap_or_default(),
            name,
        }
    }
}

/// What was added or removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentAndClient {
    /// The agent.
    pub agent: Uuid,
    /// The client's party uuid.
    pub client: Uuid,
}

/// A relation of a client to its provider.
#[derive(Debug)]
pub struct RelationRow {
    pub key: i32,
    pub uuid: Uuid,
    pub name: String,
    pub org_number: Option<String>,
    pub form_id: Option<i16>,
    pub role_id: i16,
    /// What the client gave to the provider in this relation.
    pub given: Vec<i16>,
}
