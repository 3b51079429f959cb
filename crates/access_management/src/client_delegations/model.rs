//! Client delegations on the wire.

use chrono::{DateTime, Utc};
use foundation::http::time;
use registers::packages::{PackageKey, RoleKey, VariantKey};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::entities::{CompactPackage, CompactRole, Entity, ResourceRef};

/// Versions of the API. They differ in names, and the newer one has single resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelegationApiVersion {
    /// The client is `from`, the agent is `to`.
    V1,
    /// The client is `client`, the agent is `agent`.
    V2,
}

impl DelegationApiVersion {
    /// Query parameter that names the client.
    #[must_use]
    pub const fn client(self) -> &'static str {
        match self {
            Self::V1 => "from",
            Self::V2 => "client",
        }
    }

    /// Query parameter that names the agent.
    #[must_use]
    pub const fn agent(self) -> &'static str {
        match self {
            Self::V1 => "to",
            Self::V2 => "agent",
        }
    }
}

/// The ends of a delegation, as a call names them.
#[derive(Debug, Clone, Copy)]
pub struct DelegationEnds {
    /// The facilitator.
    pub party: Uuid,
    /// The client.
    pub client: Uuid,
    /// The agent.
    pub agent: Uuid,
}

/// Who is removed from what, and whether with what is delegated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cascade {
    /// What is delegated goes too.
    Yes,
    /// Nothing may be delegated any more.
    No,
}

impl Cascade {
    /// From a flag of the query.
    #[must_use]
    pub const fn of(flag: bool) -> Self {
        if flag { Self::Yes } else { Self::No }
    }
}

/// By which names errors call the parties of a delegation.
#[derive(Debug, Clone, Copy)]
pub struct DelegationPartyNames {
    /// The facilitator.
    pub party: &'static str,
    /// The client.
    pub client: &'static str,
    /// The agent.
    pub agent: &'static str,
}

impl DelegationPartyNames {
    /// On the routes of facilitators.
    #[must_use]
    pub const fn of_facilitator(version: DelegationApiVersion) -> Self {
        Self {
            party: "party",
            client: version.client(),
            agent: version.agent(),
        }
    }

    /// On the routes of agents.
    #[must_use]
    pub const fn of_agent(version: DelegationApiVersion) -> Self {
        match version {
            // The facilitator is the parameter `provider` there, and errors name it so all the same.
            DelegationApiVersion::V1 => Self {
                party: "party",
                client: "from",
                agent: "to",
            },
            DelegationApiVersion::V2 => Self {
                party: "provider",
                client: "client",
                agent: "provider",
            },
        }
    }
}

fn instant<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time::format_with_offset(*instant))
}

/// What a client gives by one relation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientAccess {
    /// The relation's role.
    pub role: CompactRole,
    /// Packages.
    pub packages: Vec<CompactPackage>,
    /// Single resources; only in some answers of version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<ResourceRef>>,
}

/// Single resources that a client gives by one relation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceAccess {
    /// The relation's role.
    pub role: CompactRole,
    /// Single resources.
    pub resources: Vec<ResourceRef>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientOfFacilitator {
    /// The party.
    pub client: Entity,
    /// One element for each relation.
    pub access: Vec<ClientAccess>,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentOfFacilitator {
    /// The party.
    pub agent: Entity,
    /// When it became an agent.
    #[serde(serialize_with = "instant")]
    pub agent_added_at: DateTime<Utc>,
    /// What it has.
    pub access: Vec<ClientAccess>,
}

/// A client with the single resources that an agent has of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientWithResources {
    /// The party.
    pub client: Entity,
    /// One element for each relation.
    pub access: Vec<ResourceAccess>,
}

/// An agent with the single resources that it has of a client.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentWithResources {
    /// The party.
    pub agent: Entity,
    /// One element for each relation.
    pub access: Vec<ResourceAccess>,
}

/// A facilitator with the clients that the caller has from it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderWithClients {
    /// The facilitator.
    pub provider: Entity,
    /// The clients.
    pub clients: Vec<ClientOfFacilitator>,
}

/// A facilitator, before its clients.
#[derive(Debug, Serialize)]
pub struct ProviderHead {
    /// The facilitator.
    pub provider: Entity,
}

/// A facilitator whose agent the caller is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderOfAgent {
    /// The facilitator.
    pub provider: Entity,
    /// When the caller became its agent.
    #[serde(serialize_with = "instant")]
    pub provider_added_at: DateTime<Utc>,
}

/// A relation between two parties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentDto {
    /// Its id.
    pub id: Uuid,
    /// Its role.
    pub role_id: Uuid,
    /// Who gives.
    pub from_id: Uuid,
    /// Who receives.
    pub to_id: Uuid,
}

/// A package of a client that an agent was delegated or that was taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageDelegation {
    /// Role of the relation it rests on.
    pub role_id: Uuid,
    /// The package.
    pub package_id: Uuid,
    /// The facilitator.
    pub via_id: Uuid,
    /// The client.
    pub from_id: Uuid,
    /// The agent.
    pub to_id: Uuid,
    /// Whether the call changed it.
    pub changed: bool,
}

/// A single resource of a client that an agent was delegated or that was taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDelegation {
    /// Role of the relation it rests on.
    pub role_id: Uuid,
    /// The resource.
    pub resource_id: Uuid,
    /// The facilitator.
    pub via_id: Uuid,
    /// The client.
    pub from_id: Uuid,
    /// The agent.
    pub to_id: Uuid,
    /// Whether the call changed it.
    pub changed: bool,
}

/// Packages, as a body names them.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"values": [{"role": "rettighetshaver", "packages": ["urn:altinn:accesspackage:skatt-naering"]}]}))]
#[expect(dead_code, reason = "describes a body")]
pub struct PackageBatch {
    /// At most 100.
    values: Vec<PackageBatchValue>,
}

/// Packages of one relation.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body")]
pub struct PackageBatchValue {
    /// Code, older code, URN or id of the role.
    role: String,
    /// URNs or codes; at most 200.
    packages: Vec<String>,
}

/// Single resources, as a body names them.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"values": [{"role": "rettighetshaver", "resources": ["inntektsmelding"]}]}))]
#[expect(dead_code, reason = "describes a body")]
pub struct ResourceBatch {
    /// At most 100.
    values: Vec<ResourceBatchValue>,
}

/// Single resources of one relation.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body")]
pub struct ResourceBatchValue {
    /// Code, older code, URN or id of the role.
    role: String,
    /// Identifiers in the registry; at most 200.
    resources: Vec<String>,
}

/// A person, as a body describes them.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"personIdentifier": "02820152908", "lastName": "Mellomregning"}))]
#[expect(dead_code, reason = "describes a body")]
pub struct PersonInputDto {
    /// Identity number.
    person_identifier: String,
    /// Last name; its first four characters count.
    last_name: String,
}

/// One value of a batch: a role, and names of packages or resources.
#[derive(Debug, Clone)]
pub struct BatchValue {
    /// The role, as the caller named it.
    pub role: String,
    /// Packages or resources, as the caller named them.
    pub items: Vec<String>,
}

/// What a client gives by one relation to its facilitator, or what of it was delegated, as stored.
#[derive(Debug)]
pub struct ClientRelationRow {
    /// Organisation form of the client.
    pub form_id: Option<VariantKey>,
    /// Role of the relation.
    pub role_id: RoleKey,
    /// Packages that the client assigned on it, or that were delegated.
    pub packages: Vec<PackageKey>,
    /// Single resources that the client gave on it, or that were delegated.
    pub resources: Vec<String>,
}

/// An agent relation, as stored.
#[derive(Debug)]
pub struct AgentRelationRow {
    /// Party key of the other end.
    pub key: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What an agent has of a client by one relation, as stored.
#[derive(Debug)]
pub struct DelegationRow {
    /// Its id.
    pub id: Uuid,
    /// Party key of the agent.
    pub agent: i32,
    /// Party key of the client.
    pub client: i32,
    /// Role of the relation it rests on.
    pub role_id: RoleKey,
    /// Packages.
    pub packages: Vec<PackageKey>,
    /// Single resources.
    pub resources: Vec<String>,
    /// When the agent became one.
    pub agent_added_at: Option<DateTime<Utc>>,
    /// Id of the assignment that the client's relation is; none of a role of the register.
    pub relation: Option<Uuid>,
}

/// What a list of clients is narrowed to.
#[derive(Debug, Default)]
pub struct ClientFilter {
    /// Relations with one of these roles.
    pub roles: Option<Vec<RoleKey>>,
    /// Clients with one of these packages, and no other packages.
    pub packages: Option<Vec<PackageKey>>,
    /// Clients with one of these single resources, and no other resources.
    pub resources: Option<Vec<String>>,
}
