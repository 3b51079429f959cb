//! Access management as the portal's pages read it: the same objects with other names of some members.

use access_management::{
    client_delegations::{AgentOfFacilitator, ClientAccess, ClientOfFacilitator},
    connections::{ConnectionDto, PackageCheck},
    entities::{CompactPackage, CompactRole, Entity, ResourceRef},
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use foundation::http::time;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

fn with_offset<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time::format_with_offset(*instant))
}

/// A party.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalEntity {
    pub id: Uuid,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub variant: String,
    #[schema(no_recursion)]
    pub parent: Option<Box<PortalEntity>>,
    #[schema(value_type = Option<Vec<String>>)]
    pub children: Option<()>,
    pub party_id: Option<i32>,
    pub user_id: Option<i32>,
    pub username: Option<String>,
    pub organization_identifier: Option<String>,
    pub date_of_birth: Option<NaiveDate>,
    pub date_of_death: Option<NaiveDate>,
    pub is_deleted: bool,
    /// Without an offset.
    pub deleted_at: Option<NaiveDateTime>,
}

impl From<Entity> for PortalEntity {
    fn from(entity: Entity) -> Self {
        Self {
            id: entity.id,
            name: entity.name,
            kind: entity.kind,
            variant: entity.variant,
            parent: entity.parent.map(|parent| Box::new((*parent).into())),
            children: None,
            party_id: entity.party_id,
            user_id: entity.user_id,
            username: entity.username,
            organization_identifier: entity.organization_identifier,
            date_of_birth: entity.date_of_birth,
            date_of_death: entity.date_of_death,
            is_deleted: entity.is_deleted,
            deleted_at: entity.deleted_at.map(|instant| instant.naive_utc()),
        }
    }
}

/// A party in a list of right-holders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalConnectedParty {
    pub id: Uuid,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub variant: String,
    #[schema(no_recursion)]
    pub parent: Option<Box<PortalConnectedParty>>,
    #[schema(value_type = Option<Vec<String>>)]
    pub children: Option<()>,
    pub party_id: Option<i32>,
    pub organization_identifier: Option<String>,
    pub date_of_birth: Option<NaiveDate>,
    pub is_deleted: bool,
}

impl From<Entity> for PortalConnectedParty {
    fn from(entity: Entity) -> Self {
        Self {
            id: entity.id,
            name: entity.name,
            kind: entity.kind,
            variant: entity.variant,
            parent: entity.parent.map(|parent| Box::new((*parent).into())),
            children: None,
            party_id: entity.party_id,
            organization_identifier: entity.organization_identifier,
            date_of_birth: entity.date_of_birth,
            is_deleted: entity.is_deleted,
        }
    }
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalRole {
    pub id: Uuid,
    pub code: String,
    pub urn: String,
    /// Always null.
    pub legacy_urn: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    pub children: Option<()>,
}

impl From<CompactRole> for PortalRole {
    fn from(role: CompactRole) -> Self {
        Self {
            id: role.id,
            code: role.code,
            urn: role.urn,
            legacy_urn: None,
            children: None,
        }
    }
}

/// What a relation gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalAccess {
    pub role: PortalRole,
    pub packages: Vec<CompactPackage>,
    pub resources: Vec<ResourceRef>,
}

impl From<ClientAccess> for PortalAccess {
    fn from(access: ClientAccess) -> Self {
        Self {
            role: access.role.into(),
            packages: access.packages,
            resources: access.resources.unwrap_or_default(),
        }
    }
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalAgent {
    pub agent: PortalEntity,
    #[serde(serialize_with = "with_offset")]
    pub agent_added_at: DateTime<Utc>,
    pub access: Vec<PortalAccess>,
}

/// An agent as the portal shows it.
pub(super) fn portal_agent(agent: AgentOfFacilitator) -> PortalAgent {
    PortalAgent {
        agent: agent.agent.into(),
        agent_added_at: agent.agent_added_at,
        access: agent.access.into_iter().map(Into::into).collect(),
    }
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalClient {
    pub client: PortalEntity,
    pub access: Vec<PortalAccess>,
}

/// A client as the portal shows it.
pub(super) fn portal_client(client: ClientOfFacilitator) -> PortalClient {
    PortalClient {
        client: client.client.into(),
        access: client.access.into_iter().map(Into::into).collect(),
    }
}

/// Id and code of a role.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalRoleRef {
    pub id: Uuid,
    pub code: String,
}

/// A right-holder, or who has one.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalRightHolder {
    pub party: PortalConnectedParty,
    pub roles: Vec<PortalRoleRef>,
    #[schema(no_recursion)]
    pub connections: Vec<PortalRightHolder>,
}

/// A connection as the portal shows it.
pub(super) fn portal_right_holder(connection: ConnectionDto) -> PortalRightHolder {
    let roles = connection.roles.into_iter().map(|role| PortalRoleRef {
        id: role.id,
        code: role.code,
    });
    PortalRightHolder {
        party: connection.party.into(),
        roles: roles.collect(),
        connections: connection
            .connections
            .into_iter()
            .map(portal_right_holder)
            .collect(),
    }
}

/// A way by which a package may be given, or that there is none.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalCheckReason {
    pub description: String,
}

/// Whether the caller may give a package.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalPackageCheck {
    pub package: CompactPackage,
    pub result: bool,
    pub reasons: Vec<PortalCheckReason>,
}

/// A check as the portal shows it.
pub(super) fn portal_package_check(check: PackageCheck) -> PortalPackageCheck {
    let reasons = check.reasons.into_iter().map(|reason| PortalCheckReason {
        description: reason.description,
    });
    PortalPackageCheck {
        package: check.package,
        result: check.result,
        reasons: reasons.collect(),
    }
}
