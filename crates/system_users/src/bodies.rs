//! The shapes of request bodies, for the description. [`foundation::http::bind`] reads the bodies
//! themselves, since what is wrong with them is answered as the public system does; tests hold each
//! shape against what is read.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::systems::{AccessPackage, Right};

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
    /// Of a request or a change request: its status then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The system user, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_user_id: Option<Uuid>,
    /// Of `client.added` and `client.removed`: party uuid of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Uuid>,
}
