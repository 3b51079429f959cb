//! The shapes of request bodies, for the description. [`foundation::http::bind`] reads the bodies
//! themselves, since what is wrong with them is answered as the public system does; tests hold each
//! shape against what is read.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    clients::batch_api::{Action, Mode},
    systems::{AccessPackage, Right, VendorInfo},
};

/// A system to be registered, or as it shall be from now on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "390198116_fjordlonn-eksempel",
    "vendor": {"ID": "0192:390198116"},
    "name": {"nb": "Fjordlønn", "nn": "Fjordløn", "en": "Fjordlønn"},
    "description": {"nb": "Lønn for små bedrifter", "nn": "Løn for små bedrifter", "en": "Payroll for small firms"},
    "rights": [{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}],
    "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}, {"urn": "urn:altinn:accesspackage:lonn"}],
    "clientId": ["6f1c1f0e-9f5b-4a35-9d3f-0d3c5a0f6f2b"],
    "allowedRedirectUrls": ["https://fjordlonn.example/kvittering"],
    "isVisible": true
}))]
pub struct SystemBody {
    /// The vendor's organisation number, `_`, and a name of the vendor's own. No spaces.
    pub id: String,
    /// The vendor.
    pub vendor: VendorInfo,
    /// Name by language: `nb`, `nn` and `en`.
    pub name: BTreeMap<String, String>,
    /// What the system is for, by language.
    pub description: BTreeMap<String, String>,
    /// Single rights that the system may ask for.
    #[serde(default)]
    pub rights: Vec<Right>,
    /// Access packages that the system may ask for.
    #[serde(default)]
    pub access_packages: Vec<AccessPackage>,
    /// Clients at Maskinporten that may have tokens for the system's users.
    #[serde(default)]
    pub client_id: Vec<String>,
    /// Where customers may be sent back to: `https` alone.
    #[serde(default)]
    pub allowed_redirect_urls: Vec<String>,
    /// Whether customers may choose the system themselves. `true` when left out.
    #[serde(default)]
    pub is_visible: bool,
}

/// A request for a system user of the customer's own. It asks for at least one right or package.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "systemId": "390198116_fjordlonn",
    "partyOrgNo": "390381492",
    "externalRef": "kunde-4711",
    "integrationTitle": "Fjordlønn for keramikkverkstedet",
    "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}]
}))]
pub struct RequestBody {
    /// The vendor's reference; the customer's organisation number when left out.
    pub external_ref: Option<String>,
    /// Id of the system.
    pub system_id: String,
    /// Organisation number of the customer.
    pub party_org_no: String,
    /// Title of the system user; the system's name when left out.
    pub integration_title: Option<String>,
    /// Single rights asked for, of those that the system has.
    pub rights: Option<Vec<Right>>,
    /// Access packages asked for, of those that the system has.
    pub access_packages: Option<Vec<AccessPackage>>,
    /// Where the customer is sent after the answer: one of the system's addresses.
    pub redirect_url: Option<String>,
}

/// A request for a system user that acts for the customer's clients.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "systemId": "390184387_skyregnskap_byra",
    "partyOrgNo": "390784554",
    "externalRef": "kontor-2",
    "accessPackages": [{"urn": "urn:altinn:accesspackage:regnskapsforer-lonn"}]
}))]
pub struct AgentRequestBody {
    /// The vendor's reference; the customer's organisation number when left out.
    pub external_ref: Option<String>,
    /// Id of the system.
    pub system_id: String,
    /// Organisation number of the customer.
    pub party_org_no: String,
    /// Title of the system user; the system's name when left out.
    pub integration_title: Option<String>,
    /// Access packages asked for: those for clients, of those that the system has.
    pub access_packages: Vec<AccessPackage>,
    /// Where the customer is sent after the answer: one of the system's addresses.
    pub redirect_url: Option<String>,
}

/// What a system user shall hold more and less.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "requiredRights": [{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}],
    "unwantedAccessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}]
}))]
pub struct ChangeRequestBody {
    /// Single rights that it shall have.
    #[serde(default)]
    pub required_rights: Vec<Right>,
    /// Single rights that it shall lose.
    #[serde(default)]
    pub unwanted_rights: Vec<Right>,
    /// Access packages that it shall have.
    #[serde(default)]
    pub required_access_packages: Vec<AccessPackage>,
    /// Access packages that it shall lose.
    #[serde(default)]
    pub unwanted_access_packages: Vec<AccessPackage>,
    /// Where the customer is sent after the answer: one of the system's addresses.
    pub redirect_url: Option<String>,
}

/// Which kind of system user is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckedKind {
    /// One of the customer's own.
    Standard,
    /// One that acts for the customer's clients.
    Agent,
}

/// A request, or a change request, whose outcome is asked for. With `systemUserId` it is a change
/// request and has the members of one; else it has those of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "systemId": "390198116_fjordlonn",
    "partyOrgNo": "390381492",
    "accessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}]
}))]
pub struct CheckedRequestBody {
    /// Of a request: which kind. `standard` when left out.
    pub user_type: Option<CheckedKind>,
    /// Of a change request: the system user.
    pub system_user_id: Option<Uuid>,
    /// Of a request: the vendor's reference.
    pub external_ref: Option<String>,
    /// Of a request: id of the system.
    pub system_id: Option<String>,
    /// Of a request: organisation number of the customer.
    pub party_org_no: Option<String>,
    /// Of a request: title of the system user.
    pub integration_title: Option<String>,
    /// Of a request: single rights asked for.
    pub rights: Option<Vec<Right>>,
    /// Of a request: access packages asked for.
    pub access_packages: Option<Vec<AccessPackage>>,
    /// Of a change request: single rights that the system user shall have.
    #[serde(default)]
    pub required_rights: Vec<Right>,
    /// Of a change request: single rights that the system user shall lose.
    #[serde(default)]
    pub unwanted_rights: Vec<Right>,
    /// Of a change request: access packages that the system user shall have.
    #[serde(default)]
    pub required_access_packages: Vec<AccessPackage>,
    /// Of a change request: access packages that the system user shall lose.
    #[serde(default)]
    pub unwanted_access_packages: Vec<AccessPackage>,
    /// Where the customer is sent after the answer: one of the system's addresses.
    pub redirect_url: Option<String>,
}

/// A system user that the customer makes itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"integrationTitle": "Skyregnskap", "systemId": "390184387_skyregnskap"}))]
pub struct NewSystemUserBody {
    /// Title of the system user.
    #[schema(max_length = 255)]
    pub integration_title: String,
    /// Id of a visible system.
    #[schema(max_length = 255)]
    pub system_id: String,
}

/// A system user with another title. The other members name it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "615a6590-e017-589b-b3e6-1ebeeb860284",
    "partyId": "52000063",
    "reporteeOrgNo": "390326572",
    "systemId": "390184387_skyregnskap",
    "integrationTitle": "Regnskap for bakeriet"
}))]
pub struct RenamedSystemUserBody {
    /// Its id.
    pub id: String,
    /// Party id of its owner.
    pub party_id: String,
    /// Organisation number of its owner. Not looked at.
    pub reportee_org_no: String,
    /// Id of its system. Not looked at.
    pub system_id: String,
    /// The new title.
    pub integration_title: String,
}

/// A client for an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"customerId": "a8baac14-c94e-5be8-bd91-30de41d8e1f9"}))]
pub struct ClientDelegationBody {
    /// Party uuid of the client.
    pub customer_id: Uuid,
    /// Party uuid of the owner of the agent; the party of the path when left out.
    pub facilitator_id: Option<Uuid>,
}

/// Clients for an agent, or to be taken from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "action": "add",
    "mode": "each",
    "clients": ["a8baac14-c94e-5be8-bd91-30de41d8e1f9", "35e7e180-7518-5692-b145-cbfd99b30d66"]
}))]
pub struct ClientBatchBody {
    /// What is done with each client.
    pub action: Action,
    /// What happens when one cannot be handed over. `each` when left out.
    pub mode: Option<Mode>,
    /// Party uuids, at most 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub clients: Vec<Uuid>,
}

/// What of a system a change log entry keeps, in the spelling of the public system's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedSystem {
    /// Id of the system.
    pub id: String,
    /// Name by language.
    pub name: BTreeMap<String, Option<String>>,
    /// Single rights.
    pub rights: Vec<LoggedItem>,
    /// The vendor.
    pub vendor: VendorInfo,
    /// Clients at Maskinporten.
    pub client_id: Vec<String>,
    /// Whether customers may choose the system themselves.
    pub is_visible: bool,
    /// What the system is for, by language.
    pub description: BTreeMap<String, Option<String>>,
    /// Access packages.
    pub access_packages: Vec<LoggedItem>,
    /// Where customers may be sent back to.
    pub allowed_redirect_urls: Vec<String>,
}

/// A right or an access package, in the spelling of the public system's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedItem {
    /// Of a right: free text.
    pub action: Option<String>,
    /// Of a right: usually one pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Vec<crate::systems::AttributePair>>,
    /// Of an access package: its URN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urn: Option<String>,
}

/// What was sent: a system, rights or access packages, by the kind of change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChangedData {
    /// Of `create` and `update`.
    System(Box<LoggedSystem>),
    /// Of `rightsupdate` and `accesspackageupdate`.
    List(Vec<LoggedItem>),
}

/// The facts of an event. Which ones there are depends on its type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventData {
    /// Id of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_id: Option<String>,
    /// The vendor's reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Organisation number of the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_org_no: Option<String>,
    /// Of a request or a change request: where it stands then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The system user, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_user_id: Option<Uuid>,
    /// Of `client.added` and `client.removed`: party uuid of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Uuid>,
}
