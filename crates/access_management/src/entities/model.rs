//! The objects that several answers contain.

use authorization::live_system_users::SystemUserKind;
use chrono::{DateTime, NaiveDate, Utc};
use foundation::http::time;
use registers::{
    packages::{Package, Role, resource_uuid},
    parties::{PartyKind, PartyStatus},
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::{Uuid, uuid};

/// A list that is whole: `links` names no next page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// There is no next page.
    pub links: NoNext,
    /// The elements.
    pub data: Vec<T>,
}

/// `{"next": null}`
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct NoNext {
    /// Always null.
    pub next: Option<String>,
}

/// How a list that is written while it is read is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListWrapping {
    /// As an [`Envelope`].
    Envelope,
    /// Not at all.
    Bare,
}

impl ListWrapping {
    /// How the text begins and ends.
    #[must_use]
    pub const fn ends(self) -> (&'static str, &'static str) {
        match self {
            Self::Envelope => (r#"{"links":{"next":null},"data":["#, "]}"),
            Self::Bare => ("[", "]"),
        }
    }
}

impl<T> Envelope<T> {
    /// A list.
    #[must_use]
    pub fn of(data: Vec<T>) -> Self {
        Self {
            links: NoNext::default(),
            data,
        }
    }
}

/// Kinds of parties that take part in access management.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityType {
    /// An organisation.
    Organization,
    /// A person.
    Person,
    /// A system user.
    SystemUser,
    /// Another kind of user.
    Other,
}

impl EntityType {
    /// As on the wire, in every language.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Organization => "Organisasjon",
            Self::Person => "Person",
            Self::SystemUser => "Systembruker",
            Self::Other => "Internal",
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Organization => uuid!("8c216e2f-afdd-4234-9ba2-691c727bb33d"),
            Self::Person => uuid!("bfe09e70-e868-44b3-8d81-dfe0e13e058a"),
            Self::SystemUser => uuid!("fe643898-2f47-4080-85e3-86bf6fe39630"),
            Self::Other => uuid!("4557cc81-c10d-40b4-8134-f8825060016e"),
        }
    }
}

/// The type of a kind of party.
#[must_use]
pub const fn entity_type(kind: PartyKind) -> EntityType {
    match kind {
        PartyKind::Organization => EntityType::Organization,
        PartyKind::Person => EntityType::Person,
        PartyKind::SystemUser => EntityType::SystemUser,
        PartyKind::Other => EntityType::Other,
    }
}

/// A party as stored, with what an answer shows of it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct EntityRow {
    pub key: i32,
    pub uuid: Uuid,
    pub party_id: Option<i32>,
    pub kind: PartyKind,
    pub form: Option<String>,
    pub status: PartyStatus,
    pub deleted_at: Option<DateTime<Utc>>,
    pub org_number: Option<String>,
    pub person_id_enc: Option<Vec<u8>>,
    pub user_id: Option<i32>,
    pub parent_key: Option<i32>,
    pub name: String,
    pub birth_date: Option<NaiveDate>,
    pub death_date: Option<NaiveDate>,
    pub system_user_kind: Option<SystemUserKind>,
}

impl EntityRow {
    /// The kind of party.
    #[must_use]
    pub fn entity_type(&self) -> EntityType {
        entity_type(self.kind)
    }
}

/// A party.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// Party uuid.
    pub id: Uuid,
    /// Name; of a system user its title.
    pub name: String,
    /// `Organisasjon`, `Person` or `Systembruker`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Organisation form, `Person`, `AgentSystem` or `StandardSystem`.
    pub variant: String,
    /// Main unit, where the answer shows it.
    #[schema(no_recursion)]
    pub parent: Option<Box<Entity>>,
    /// Always null.
    #[schema(value_type = Option<Vec<String>>)]
    pub children: Option<()>,
    /// Party id; none of a system user.
    #[serde(rename = "partyid")]
    pub party_id: Option<i32>,
    /// User id of a person.
    pub user_id: Option<i32>,
    /// Always null: user names do not exist here.
    pub username: Option<String>,
    /// Organisation number.
    pub organization_identifier: Option<String>,
    /// Identity number of a person.
    pub person_identifier: Option<String>,
    /// Birth date of a person.
    pub date_of_birth: Option<NaiveDate>,
    /// Date of death of a person.
    pub date_of_death: Option<NaiveDate>,
    /// The organisation is deleted.
    pub is_deleted: bool,
    /// When it was deleted.
    #[serde(serialize_with = "with_offset")]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Writes an instant with its offset.
///
/// # Errors
/// The serializer's.
#[expect(clippy::ref_option, reason = "serde passes a reference to the member")]
pub fn with_offset<S: Serializer>(
    instant: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match instant {
        Some(instant) => serializer.serialize_str(&time::format_with_offset(*instant)),
        None => serializer.serialize_none(),
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CompactRole {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its URN.
    pub urn: String,
    /// Its older URN. The name of the member ends in a blank: so it is sent by the public service.
    #[serde(rename = "legacyurn ")]
    pub legacy_urn: Option<String>,
    /// Always null.
    #[schema(value_type = Option<Vec<String>>)]
    pub children: Option<()>,
}

impl From<&Role> for CompactRole {
    fn from(role: &Role) -> Self {
        Self {
            id: role.id,
            code: role.code.clone(),
            urn: role.urn.clone(),
            legacy_urn: role.legacy_urn.clone(),
            children: None,
        }
    }
}

/// An access package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompactPackage {
    /// Its id.
    pub id: Uuid,
    /// Its URN.
    pub urn: String,
    /// The area it is listed in.
    pub area_id: Uuid,
}

impl From<&Package> for CompactPackage {
    fn from(package: &Package) -> Self {
        Self {
            id: package.id,
            urn: package.urn.clone(),
            area_id: package.area,
        }
    }
}

/// A resource, by both of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRef {
    /// Its uuid.
    pub id: Uuid,
    /// Its identifier in the registry.
    pub ref_id: String,
}

impl ResourceRef {
    /// A resource by its identifier.
    #[must_use]
    pub fn of(identifier: &str) -> Self {
        Self {
            id: resource_uuid(identifier),
            ref_id: identifier.to_owned(),
        }
    }
}
