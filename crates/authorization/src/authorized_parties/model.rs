//! What is asked and what is answered.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use registers::parties::PartyRef;

/// What an answer shall hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "parameters of the public endpoint"
)]
pub struct PartyListParts {
    /// Codes of roles.
    pub roles: bool,
    /// Codes of access packages.
    pub access_packages: bool,
    /// Identifiers of resources.
    pub resources: bool,
    /// Parties that are reached through an organisation.
    pub via_key_roles: bool,
}

/// A question.
#[derive(Debug, Clone)]
pub struct PartyListQuestion {
    /// About whom.
    pub subject: PartyRef,
    /// Only some parties, when given.
    pub filter: Option<PartyFilter>,
}

/// Which parties a list is about.
#[derive(Debug, Clone)]
pub enum PartyFilter {
    /// These.
    Only(Vec<PartyRef>),
    /// These, and the main units of those that are sub-units.
    WithMainUnits(Vec<PartyRef>),
}

/// What an answer to a caller about itself holds where the caller leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeDefault {
    /// Names of the parties alone.
    Nothing,
    /// Roles and resources.
    RolesAndResources,
}

/// What leads to the resources that a caller asks about.
#[derive(Debug, Clone, Default)]
pub struct ResourceAccessFilter {
    /// The resources themselves.
    pub resources: BTreeSet<String>,
    /// Subjects that their policies name, in lower case.
    pub subjects: BTreeSet<String>,
}

/// An element of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizedParty {
    /// Its uuid.
    pub party_uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Nine digits, of organisations.
    pub organization_number: Option<String>,
    /// Uuid of the main unit, of sub-units.
    pub parent_id: Option<Uuid>,
    /// Identity number, of persons.
    pub person_id: Option<String>,
    /// Birth date, of persons.
    pub date_of_birth: Option<NaiveDate>,
    /// Integer id.
    pub party_id: Option<i32>,
    /// Never known here.
    pub email_id: Option<String>,
    /// `Person`, `Organization` or `None`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Organisation form.
    pub unit_type: Option<String>,
    /// The organisation is deleted.
    pub is_deleted: bool,
    /// It is in the list for its sub-units alone.
    pub only_hierarchy_element_with_no_access: bool,
    /// Codes of the access packages held for it.
    pub authorized_access_packages: Vec<String>,
    /// Resources of single rights held for it.
    pub authorized_resources: Vec<String>,
    /// Codes of the roles held for it.
    pub authorized_roles: Vec<String>,
    /// Single instances; none are known here.
    #[schema(value_type = Vec<AuthorizedInstance>)]
    pub authorized_instances: Vec<serde_json::Value>,
    /// Its sub-units.
    #[schema(no_recursion)]
    pub subunits: Vec<AuthorizedParty>,
}

/// What a person or system user may act for.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorizedPartyList {
    /// `next` is always null: the list is whole.
    pub links: NextLink,
    /// The parties.
    pub data: Vec<AuthorizedParty>,
}

/// Where a list goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextLink {
    /// Address of the next page.
    pub next: Option<String>,
}

/// An instance that a party was given alone. None are known here, so lists of them are empty.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizedInstance {
    /// Identifier of the resource.
    pub resource_id: String,
    /// Id of the instance.
    pub instance_id: String,
}
