//! The shapes of bodies, for the description. `wire` writes the answers.
#![expect(missing_docs, reason = "members of the register's own model")]

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One number: that of a person or that of an organisation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"orgNo": "390326572"}))]
pub struct PartyLookupBody {
    /// National identity number.
    pub ssn: Option<String>,
    /// Organisation number.
    pub org_no: Option<String>,
}

/// Numbers whose names are wanted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"parties": [{"orgNo": "390326572"}, {"ssn": "19867518188"}]}))]
pub struct NamesLookupBody {
    /// At most 1,000.
    #[schema(max_items = 1000)]
    pub parties: Vec<PartyLookupBody>,
}

/// The URN of an organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"data": "urn:altinn:organization:identifier-no:390326572"}))]
pub struct MainUnitsBody {
    /// By organisation number, party id or party uuid.
    pub data: String,
}

/// URNs of parties.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"data": ["urn:altinn:organization:identifier-no:390326572"]}))]
pub struct PartyQueryBody {
    /// Such as `urn:altinn:organization:identifier-no:390326572`; at most 100.
    #[schema(max_items = 100)]
    pub data: Vec<String>,
}

/// A party of the first generation of the register.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Party)]
pub struct FirstGenerationParty {
    /// Integer id.
    pub party_id: i32,
    pub party_uuid: Uuid,
    /// The party by its number.
    pub external_urn: Option<String>,
    /// 1: person; 2: organisation.
    pub party_type_name: u8,
    pub org_number: Option<String>,
    /// National identity number.
    pub ssn: Option<String>,
    /// Organisation form.
    pub unit_type: Option<String>,
    pub name: String,
    pub is_deleted: bool,
    /// Always false.
    pub only_hierarchy_element_with_no_access: bool,
    pub person: Option<RegisteredPerson>,
    pub organization: Option<RegisteredOrganization>,
    /// Sub-units, where they were asked for and there are any.
    #[schema(no_recursion)]
    pub child_parties: Option<Vec<FirstGenerationParty>>,
    /// Always null.
    pub last_changed_in_altinn: Option<String>,
    /// Always null.
    pub last_changed_in_external_register: Option<String>,
}

/// A person of the first generation of the register. What is not kept here is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredPerson {
    /// National identity number.
    pub ssn: Option<String>,
    pub name: String,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: Option<String>,
    pub telephone_number: Option<String>,
    pub mobile_number: Option<String>,
    pub mailing_address: Option<String>,
    pub mailing_postal_code: Option<String>,
    pub mailing_postal_city: Option<String>,
    pub address_municipal_number: Option<String>,
    pub address_municipal_name: Option<String>,
    pub address_street_name: Option<String>,
    pub address_house_number: Option<String>,
    pub address_house_letter: Option<String>,
    pub address_postal_code: Option<String>,
    pub address_city: Option<String>,
    /// A date.
    pub date_of_death: Option<String>,
}

/// An organisation of the first generation of the register. What is not kept here is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredOrganization {
    pub org_number: Option<String>,
    pub name: String,
    /// Organisation form.
    pub unit_type: Option<String>,
    pub telephone_number: Option<String>,
    pub mobile_number: Option<String>,
    pub fax_number: Option<String>,
    pub e_mail_address: Option<String>,
    pub internet_address: Option<String>,
    pub mailing_address: Option<String>,
    pub mailing_postal_code: Option<String>,
    pub mailing_postal_city: Option<String>,
    pub business_address: Option<String>,
    pub business_postal_code: Option<String>,
    pub business_postal_city: Option<String>,
    pub unit_status: Option<String>,
}

/// Names by number, in the order asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyNames {
    pub party_names: Vec<NamedParty>,
}

/// A number and its name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedParty {
    /// National identity number, as asked.
    pub ssn: Option<String>,
    /// Organisation number, as asked.
    pub org_no: Option<String>,
    /// Null when no party has the number.
    pub name: Option<String>,
    /// Of a person, where names in parts were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_name: Option<PersonName>,
}

/// A name in parts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonName {
    pub first_name: String,
    pub middle_name: Option<String>,
    pub last_name: String,
}

/// The identifiers of a party.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyIdentifiers {
    /// Integer id.
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_number: Option<String>,
    /// National identity number, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssn: Option<String>,
}

/// A party of the second generation of the register. Members that were not asked for are absent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyRecord {
    pub party_uuid: Uuid,
    /// Grows with each change.
    pub version_id: i64,
    /// `urn:altinn:party:uuid:{uuid}`
    pub urn: String,
    /// `person`, `organization`, `system-user` or `self-identified-user`.
    pub party_type: String,
    /// The party by its number.
    pub external_urn: Option<String>,
    /// National identity number.
    pub person_identifier: Option<String>,
    /// Organisation number.
    pub organization_identifier: Option<String>,
    /// Integer id.
    pub party_id: Option<i32>,
    pub display_name: Option<String>,
    pub created_at: Option<String>,
    pub modified_at: Option<String>,
    pub is_deleted: Option<bool>,
    pub deleted_at: Option<String>,
    /// Register that it comes from: `npr` of persons, `ccr` of organisations.
    pub source: Option<String>,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: Option<String>,
    pub short_name: Option<String>,
    /// Always null.
    pub address: Option<PostalAddress>,
    /// Of a person always null.
    pub mailing_address: Option<PostalAddress>,
    pub business_address: Option<PostalAddress>,
    /// A date.
    pub date_of_birth: Option<String>,
    /// A date.
    pub date_of_death: Option<String>,
    /// Always null.
    pub unit_status: Option<String>,
    /// Organisation form.
    pub unit_type: Option<String>,
    /// Always null.
    pub telephone_number: Option<String>,
    /// Always null.
    pub mobile_number: Option<String>,
    /// Always null.
    pub fax_number: Option<String>,
    /// Always null.
    pub email_address: Option<String>,
    /// Always null.
    pub internet_address: Option<String>,
    /// Of a system user.
    pub owner: Option<PartyOwner>,
    /// `first-party-system-user` or `client-party-system-user`.
    pub system_user_type: Option<String>,
    pub user: Option<PartyUser>,
}

/// An address as the Central Coordinating Register has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostalAddress {
    /// Its lines, with commas between them.
    pub address: String,
    pub postal_code: Option<String>,
    pub city: Option<String>,
}

/// Owner of a system user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyOwner {
    pub party_uuid: Uuid,
    pub urn: String,
}

/// User ids of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyUser {
    pub user_id: Option<i32>,
    pub user_ids: Option<Vec<i32>>,
    /// Always null.
    pub username: Option<String>,
    /// Always null.
    pub usernames: Option<Vec<String>>,
}
