//! System users, as data and on the wire.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::time,
    systems::{AccessPackage, AttributePair, Right},
};

/// For whom a system user acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SystemUserKind {
    /// For its owner.
    Standard,
    /// For its owner's clients.
    Agent,
}

impl SystemUserKind {
    /// As stored and as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Agent => "agent",
        }
    }

    /// From the stored word.
    #[must_use]
    pub fn from_stored(word: &str) -> Self {
        if word == "agent" { Self::Agent } else { Self::Standard }
    }
}

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
    /// The owner's view, with the grants a standard user holds now.
    #[must_use]
    pub fn new(user: SystemUser, held: Option<crate::delegation::Held>) -> Self {
        let right = |value: String| Right { action: None, resource: vec![AttributePair { id: "urn:altinn:resource".to_owned(), value }] };
        let (packages, rights) = match held {
            Some(held) => {
                (held.packages.into_iter().map(|urn| AccessPackage { urn }).collect(), Some(held.resources.into_iter().map(right).collect()))
            }
            None => (user.access_packages, None),
        };
        Self {
            id: user.id,
            integration_title: user.integration_title,
            system_id: user.system_id,
            product_name: String::new(),
            system_internal_id: user.system_internal_id,
            party_id: user.owner_party_id.map(|id| id.to_string()).unwrap_or_default(),
            party_uu_id: String::new(),
            reportee_org_no: user.reportee_org_no,
            created: user.created,
            is_deleted: false,
            supplier_name: String::new(),
            supplier_orgno: user.vendor_org,
            external_ref: user.external_ref,
            user_type: user.kind,
            access_packages: packages,
            rights,
        }
    }
}
