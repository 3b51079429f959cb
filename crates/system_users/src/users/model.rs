//! System users, as data and on the wire.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::systems::{AccessPackage, AttributePair, Right};
use authorization::delegation::SystemUserGrants;
use authorization::live_system_users::SystemUserKind;
use foundation::http::{paging::Links, time};

/// A system user with what its system and owner add.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct SystemUser {
    pub id: Uuid,
    pub integration_title: String,
    pub system_id: String,
    pub system_internal_id: Uuid,
    pub vendor_org: String,
    pub owner_key: i32,
    pub owner_party_id: Option<i32>,
    pub reportee_org_no: String,
    pub kind: SystemUserKind,
    pub external_ref: String,
    pub access_packages: Vec<AccessPackage>,
    pub created: DateTime<Utc>,
}

/// A system user to be stored.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct NewSystemUser<'a> {
    pub id: Uuid,
    pub integration_title: &'a str,
    pub system_internal_id: Uuid,
    pub owner_key: i32,
    pub reportee_org_no: &'a str,
    pub kind: SystemUserKind,
    pub external_ref: &'a str,
    pub access_packages: &'a [AccessPackage],
    pub created_by: &'a str,
}

/// A system user as vendors and Maskinporten see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct ExternalSystemUser {
    pub id: Uuid,
    pub integration_title: String,
    pub system_id: String,
    /// Empty, but the system id where Maskinporten asks.
    pub product_name: String,
    pub reportee_org_no: String,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    pub is_deleted: bool,
    pub supplier_name: String,
    pub supplier_orgno: String,
    pub external_ref: String,
    pub user_type: SystemUserKind,
}

impl ExternalSystemUser {
    /// The external view; `product_name` is what the endpoint puts there.
    #[must_use]
    pub fn new(user: SystemUser, product_name: String) -> Self {
        Self {
            id: user.id,
            integration_title: user.integration_title,
            system_id: user.system_id,
            product_name,
            reportee_org_no: user.reportee_org_no,
            created: user.created,
            is_deleted: false,
            supplier_name: String::new(),
            supplier_orgno: user.vendor_org,
            external_ref: user.external_ref,
            user_type: user.kind,
        }
    }
}

/// A system user as its owner's portal sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct SystemUserDetail {
    pub id: Uuid,
    pub integration_title: String,
    pub system_id: String,
    pub product_name: String,
    pub system_internal_id: Uuid,
    /// The owner's integer party id, as text.
    pub party_id: String,
    #[serde(rename = "partyUuId")]
    pub party_uu_id: String,
    pub reportee_org_no: String,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    pub is_deleted: bool,
    pub supplier_name: String,
    pub supplier_orgno: String,
    pub external_ref: String,
    pub user_type: SystemUserKind,
    /// What it holds (standard), or what a client must offer (agent).
    pub access_packages: Vec<AccessPackage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<Vec<Right>>,
}

impl SystemUserDetail {
    /// The owner's view in a list: the packages that a standard user holds now, or that a client
    /// must offer an agent.
    #[must_use]
    pub fn summary(user: SystemUser, packages: Vec<String>) -> Self {
        Self::with(user, packages, None)
    }

    /// The owner's view, with the grants a standard user holds now.
    #[must_use]
    pub fn new(user: SystemUser, held: SystemUserGrants) -> Self {
        let rights = (user.kind == SystemUserKind::Standard).then(|| rights_on(held.resources));
        Self::with(user, held.packages, rights)
    }

    fn with(user: SystemUser, packages: Vec<String>, rights: Option<Vec<Right>>) -> Self {
        let access_packages = match user.kind {
            SystemUserKind::Standard => by_urn(packages),
            SystemUserKind::Agent => user.access_packages,
        };
        Self {
            id: user.id,
            integration_title: user.integration_title,
            system_id: user.system_id,
            product_name: String::new(),
            system_internal_id: user.system_internal_id,
            party_id: user
                .owner_party_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            party_uu_id: String::new(),
            reportee_org_no: user.reportee_org_no,
            created: user.created,
            is_deleted: false,
            supplier_name: String::new(),
            supplier_orgno: user.vendor_org,
            external_ref: user.external_ref,
            user_type: user.kind,
            access_packages,
            rights,
        }
    }
}

fn by_urn(urns: Vec<String>) -> Vec<AccessPackage> {
    urns.into_iter().map(|urn| AccessPackage { urn }).collect()
}

fn rights_on(resources: Vec<String>) -> Vec<Right> {
    let right = |value| Right {
        action: None,
        resource: vec![AttributePair {
            id: "urn:altinn:resource".to_owned(),
            value,
        }],
    };
    resources.into_iter().map(right).collect()
}

/// What a system user holds directly from its owner. For an agent that is what it may do for the
/// owner itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StandardDelegations {
    pub system_user_id: Uuid,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
}

impl StandardDelegations {
    /// What is held.
    #[must_use]
    pub fn new(system_user_id: Uuid, held: SystemUserGrants) -> Self {
        Self {
            system_user_id,
            rights: rights_on(held.resources),
            access_packages: by_urn(held.packages),
        }
    }
}

/// A system user as the platform's other parts follow it, deleted ones included.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterSystemUser {
    pub id: Uuid,
    pub party_org_no: String,
    /// The owner's integer party id, as text.
    pub party_id: String,
    pub integration_title: String,
    pub is_deleted: bool,
    #[serde(serialize_with = "time::serialize")]
    pub last_changed: DateTime<Utc>,
    #[serde(serialize_with = "time::serialize")]
    pub created: DateTime<Utc>,
    pub sequence_no: i64,
    pub system_user_type: SystemUserKind,
}

/// A page of the stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemUserStream {
    pub stats: StreamStats,
    pub links: Links,
    pub data: Vec<RegisterSystemUser>,
}

/// Sequence numbers of a page, and the highest there is. All are the highest when the page is
/// empty.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamStats {
    pub page_start: i64,
    pub page_end: i64,
    pub sequence_max: i64,
}
