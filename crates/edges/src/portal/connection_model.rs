//! Packages and single rights of right-holders, as the portal's pages read them.

use access_management::{
    connections::{
        FullResource, Permission, ReasonItem, RightCheckDto, RightDto, RightPermission,
        RightsOfResource,
    },
    entities::CompactPackage,
};
use registers::{
    packages::{AreaDto, PackageDto},
    resources::rights::NamedRight,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access_model::{PortalEntity, PortalRole},
    model::PortalResource,
};

/// An area with packages that a search found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalArea {
    pub id: Uuid,
    pub urn: String,
    pub name: String,
    pub description: String,
    pub icon_url: String,
    /// Kind of party that its packages are about.
    pub type_name: String,
    pub access_packages: Vec<PackageDto>,
}

impl PortalArea {
    /// An area with its first package.
    pub fn new(area: AreaDto, first: PackageDto) -> Self {
        Self {
            id: area.id,
            urn: area.urn,
            name: area.name,
            description: area.description,
            icon_url: area.icon_url,
            type_name: first
                .r#type
                .as_ref()
                .map_or_else(String::new, |kind| kind.name.clone()),
            access_packages: vec![first],
        }
    }
}

/// By which ways a party has something.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalReason {
    pub items: Vec<ReasonItem>,
}

/// One way by which a package or a resource reaches a party.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalPermission {
    pub from: PortalEntity,
    pub to: PortalEntity,
    pub via: Option<PortalEntity>,
    pub role: Option<PortalRole>,
    pub via_role: Option<PortalRole>,
    pub reason: PortalReason,
}

impl From<Permission> for PortalPermission {
    fn from(permission: Permission) -> Self {
        Self {
            from: permission.from.into(),
            to: permission.to.into(),
            via: permission.via.map(Into::into),
            role: permission.role.map(Into::into),
            via_role: permission.via_role.map(Into::into),
            reason: PortalReason {
                items: permission.reason.items,
            },
        }
    }
}

/// A package with the ways by which it is held.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes an answer")]
pub struct PortalPackagePermission {
    pub package: CompactPackage,
    pub permissions: Vec<PortalPermission>,
}

/// A package with what it leads to and the ways by which it is held.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalPackageDetails {
    pub id: Uuid,
    pub urn: String,
    pub name: String,
    pub is_assignable: bool,
    pub is_delegable: bool,
    pub description: String,
    #[schema(value_type = Vec<PortalResource>)]
    pub resources: Vec<Value>,
    pub permissions: Vec<PortalPermission>,
}

impl PortalPackageDetails {
    /// A package of the catalogue with what a page shows of it.
    pub fn new(package: PackageDto, resources: Vec<Value>, permissions: Vec<Permission>) -> Self {
        Self {
            id: package.id,
            urn: package.urn,
            name: package.name,
            is_assignable: package.is_assignable,
            is_delegable: package.is_delegable,
            description: package.description,
            resources,
            permissions: permissions.into_iter().map(Into::into).collect(),
        }
    }
}

/// A right of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalRight {
    /// Names the right in other calls.
    pub key: String,
    /// In words; null of a right that is held.
    pub name: Option<String>,
}

impl From<RightDto> for PortalRight {
    fn from(right: RightDto) -> Self {
        Self {
            key: right.key,
            name: right.name,
        }
    }
}

impl From<NamedRight> for PortalRight {
    fn from(right: NamedRight) -> Self {
        Self {
            key: right.key,
            name: Some(right.name),
        }
    }
}

/// Whether the caller may give a right.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalRightCheck {
    pub right: PortalRight,
    pub result: bool,
    /// What leads to the right, or is missing, and what forbids to give it.
    pub reason_codes: Vec<&'static str>,
}

impl From<RightCheckDto> for PortalRightCheck {
    fn from(check: RightCheckDto) -> Self {
        Self {
            right: check.right.into(),
            result: check.result,
            reason_codes: check.reason_codes,
        }
    }
}

/// A single resource with the ways by which it is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalResourcePermission {
    #[schema(value_type = PortalResource)]
    pub resource: Value,
    pub permissions: Vec<PortalPermission>,
}

/// A right with the ways by which it is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortalRightPermission {
    pub right: PortalRight,
    pub reason: PortalReason,
    pub permissions: Vec<PortalPermission>,
}

impl From<RightPermission> for PortalRightPermission {
    fn from(one: RightPermission) -> Self {
        Self {
            right: one.right.into(),
            reason: PortalReason {
                items: one.reason.items,
            },
            permissions: one.permissions.into_iter().map(Into::into).collect(),
        }
    }
}

/// Rights on a resource that a party holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalRightsOfResource {
    pub resource: FullResource,
    pub direct_rights: Vec<PortalRightPermission>,
    pub indirect_rights: Vec<PortalRightPermission>,
}

impl From<RightsOfResource> for PortalRightsOfResource {
    fn from(rights: RightsOfResource) -> Self {
        let list = |rights: Vec<RightPermission>| rights.into_iter().map(Into::into).collect();
        Self {
            resource: rights.resource,
            direct_rights: list(rights.direct_rights),
            indirect_rights: list(rights.indirect_rights),
        }
    }
}
