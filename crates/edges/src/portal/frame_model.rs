//! What the frame around the portal's pages shows: who is logged in, for whom, and for whom else.

use std::collections::HashMap;

use authorization::authorized_parties::AuthorizedParty;
use chrono::NaiveDate;
use registers::parties::{PartyDetails, PartyKind};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A party, without any identity number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyFe {
    pub party_id: Option<i32>,
    pub party_uuid: Uuid,
    /// 1 for a person, 2 for an organisation.
    pub party_type_name: u8,
    pub org_number: Option<String>,
    pub unit_type: Option<String>,
    pub name: String,
    pub is_deleted: bool,
    pub date_of_birth: Option<NaiveDate>,
    pub only_hierarchy_element_with_no_access: bool,
    /// Only in the profile.
    pub person: Option<PersonFe>,
    /// Only of organisations that are looked up.
    pub organization: Option<OrganizationFe>,
    #[schema(no_recursion)]
    pub child_parties: Option<Vec<PartyFe>>,
}

/// Names of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonFe {
    pub name: String,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: Option<String>,
}

/// An organisation as it is looked up; what is not imported is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationFe {
    pub org_number: Option<String>,
    pub name: String,
    pub unit_type: Option<String>,
    pub telephone_number: Option<String>,
    pub mobile_number: Option<String>,
    pub fax_number: Option<String>,
    pub e_mail_address: Option<String>,
    pub internet_address: Option<String>,
    pub mailing_address: Option<String>,
    pub business_address: Option<String>,
    pub unit_status: Option<String>,
}

impl PartyFe {
    /// A party of the register.
    #[must_use]
    pub fn new(party: &PartyDetails) -> Self {
        let is_person = party.kind == PartyKind::Person;
        Self {
            party_id: party.party_id,
            party_uuid: party.uuid,
            party_type_name: if is_person { 1 } else { 2 },
            org_number: party.org_number.clone(),
            unit_type: party.form.clone().filter(|_| !is_person),
            name: party.name.clone(),
            is_deleted: party.is_deleted,
            date_of_birth: party.birth_date,
            only_hierarchy_element_with_no_access: false,
            person: None,
            organization: None,
            child_parties: None,
        }
    }

    /// With the names of a person.
    #[must_use]
    pub fn with_person(mut self, party: &PartyDetails) -> Self {
        self.person = Some(PersonFe {
            name: party.name.clone(),
            first_name: party.first_name.clone(),
            middle_name: party.middle_name.clone(),
            last_name: party.last_name.clone(),
        });
        self
    }

    /// With what is known of an organisation.
    #[must_use]
    pub fn with_organization(mut self, party: &PartyDetails) -> Self {
        if party.kind == PartyKind::Organization {
            self.organization = Some(OrganizationFe {
                org_number: party.org_number.clone(),
                name: party.name.clone(),
                unit_type: party.form.clone(),
                telephone_number: None,
                mobile_number: None,
                fax_number: None,
                e_mail_address: None,
                internet_address: None,
                mailing_address: None,
                business_address: None,
                unit_status: None,
            });
        }
        self
    }
}

/// What a person chose.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "members of the wire model")]
pub struct ProfileSettingPreference {
    pub language: &'static str,
    pub pre_selected_party_id: i32,
    pub do_not_prompt_for_party: bool,
    pub preselected_party_uuid: Option<Uuid>,
    pub show_client_units: bool,
    pub should_show_sub_entities: bool,
    pub should_show_deleted_entities: bool,
}

impl ProfileSettingPreference {
    /// With what is kept: the language and whether deleted parties are shown.
    #[must_use]
    pub const fn new(language: &'static str, shows_deleted: bool) -> Self {
        Self {
            language,
            pre_selected_party_id: 0,
            do_not_prompt_for_party: true,
            preselected_party_uuid: None,
            show_client_units: false,
            should_show_sub_entities: true,
            should_show_deleted_entities: shows_deleted,
        }
    }
}

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    pub user_id: i32,
    pub user_uuid: Uuid,
    pub user_name: &'static str,
    pub external_identity: &'static str,
    pub is_reserved: bool,
    pub phone_number: Option<String>,
    pub email: Option<String>,
    pub party_id: Option<i32>,
    pub party: PartyFe,
    pub user_type: u8,
    pub profile_setting_preference: ProfileSettingPreference,
}

/// A party that a person may act for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorFe {
    pub party_uuid: Uuid,
    pub name: String,
    pub organization_number: Option<String>,
    pub date_of_birth: Option<NaiveDate>,
    pub party_id: Option<i32>,
    /// `None`, `Person`, `Organization`, `SelfIdentified`
    pub r#type: &'static str,
    pub unit_type: Option<String>,
    pub is_deleted: bool,
    pub only_hierarchy_element_with_no_access: bool,
    /// Always empty: no page reads them.
    pub authorized_resources: Vec<String>,
    /// Always empty: no page reads them.
    pub authorized_roles: Vec<String>,
    #[schema(no_recursion)]
    pub subunits: Vec<ActorFe>,
}

impl From<AuthorizedParty> for ActorFe {
    fn from(party: AuthorizedParty) -> Self {
        Self {
            party_uuid: party.party_uuid,
            name: party.name,
            organization_number: party.organization_number,
            date_of_birth: party.date_of_birth,
            party_id: party.party_id,
            r#type: party.kind,
            unit_type: party.unit_type,
            is_deleted: party.is_deleted,
            only_hierarchy_element_with_no_access: party.only_hierarchy_element_with_no_access,
            authorized_resources: Vec::new(),
            authorized_roles: Vec::new(),
            subunits: party.subunits.into_iter().map(Self::from).collect(),
        }
    }
}

/// A party in a list of relations.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityFe {
    pub id: Uuid,
    pub name: String,
    /// `Person` or `Organisasjon`
    pub r#type: &'static str,
    pub variant: Option<String>,
    /// Always null: sub-units come below their main unit.
    #[schema(value_type = Option<String>)]
    pub parent: Option<Value>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub children: Option<Value>,
    pub party_id: Option<i32>,
    pub organization_identifier: Option<String>,
    pub date_of_birth: Option<NaiveDate>,
    pub is_deleted: bool,
}

/// A role by its code.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleNameFe {
    pub id: Uuid,
    pub code: String,
}

/// A party that a person may act for, with the roles.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionFe {
    pub party: EntityFe,
    pub roles: Vec<RoleNameFe>,
    #[schema(no_recursion)]
    pub connections: Vec<ConnectionFe>,
}

impl ConnectionFe {
    /// A party with its roles, which it names as the keys of `roles` do.
    pub fn new(party: AuthorizedParty, roles: &HashMap<String, RoleNameFe>) -> Self {
        let is_person = party.organization_number.is_none();
        Self {
            roles: party
                .authorized_roles
                .iter()
                .filter_map(|code| roles.get(code).cloned())
                .collect(),
            connections: party
                .subunits
                .into_iter()
                .map(|sub_unit| Self::new(sub_unit, roles))
                .collect(),
            party: EntityFe {
                id: party.party_uuid,
                name: party.name,
                r#type: if is_person { "Person" } else { "Organisasjon" },
                variant: party.unit_type,
                parent: None,
                children: None,
                party_id: party.party_id,
                organization_identifier: party.organization_number,
                date_of_birth: party.date_of_birth,
                is_deleted: party.is_deleted,
            },
        }
    }
}

/// A language to show pages in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"languageCode": "no_nn"}))]
pub struct LanguageBody {
    /// `no_nb`, `no_nn` or `en`
    pub language_code: String,
}

/// A service owner, as pages show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrgData {
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub name: Value,
    /// Null: no picture is loaded from elsewhere.
    pub logo: Option<String>,
    /// Null: no picture is loaded from elsewhere.
    pub emblem: Option<String>,
    pub orgnr: String,
    pub homepage: Option<String>,
    pub environments: Vec<String>,
    pub contact: ContactFe,
}

/// Whom to ask.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ContactFe {
    pub phone: Option<String>,
    pub url: Option<String>,
}
