//! Parties of the second generation: what may be asked for, and how it is written.

use std::collections::BTreeSet;

use foundation::http::time;
use registers::parties::{PartyDetails, PartyKind};
use serde_json::{Map, Value, json};

use super::wire::{external_urn, short_name};

macro_rules! fields {
    ($($name:ident = $word:literal;)*) => {
        /// A part of a party that may be asked for, by its word in the parameter `fields`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field {
            $(#[doc = concat!("`", $word, "`")] $name,)*
        }

        const FIELDS: &[(&str, Field)] = &[$(($word, Field::$name)),*];
    };
}

fields! {
    Uuid = "uuid";
    Id = "id";
    Type = "type";
    ExternalUrn = "ext-urn";
    DisplayName = "display-name";
    PersonId = "person-id";
    OrgId = "org-id";
    Created = "created";
    Modified = "modified";
    Deleted = "deleted";
    DeletedAt = "deleted-at";
    Version = "version";
    Owner = "owner-uuid";
    PersonSource = "person.source";
    FirstName = "person.first-name";
    MiddleName = "person.middle-name";
    LastName = "person.last-name";
    ShortName = "person.short-name";
    PersonAddress = "person.address";
    PersonMailingAddress = "person.mailing-address";
    DateOfBirth = "person.date-of-birth";
    DateOfDeath = "person.date-of-death";
    OrgSource = "org.source";
    UnitStatus = "org.status";
    UnitType = "org.type";
    Telephone = "org.telephone";
    Mobile = "org.mobile";
    Fax = "org.fax";
    Email = "org.email";
    Internet = "org.internet";
    OrgMailingAddress = "org.mailing-address";
    OrgBusinessAddress = "org.business-address";
    SelfIdentifiedType = "si.type";
    SelfIdentifiedEmail = "si.email";
    SelfIdentifiedReference = "si.ext-ref";
    SystemUserType = "sysuser.type";
    UserId = "user.id";
    UserName = "user.name";
}

use Field as F;

const IDENTIFIERS: &[Field] = &[F::Uuid, F::Id, F::PersonId, F::OrgId, F::ExternalUrn];
const PARTY: &[Field] = &[
    F::Uuid,
    F::Id,
    F::PersonId,
    F::OrgId,
    F::ExternalUrn,
    F::Type,
    F::DisplayName,
    F::Created,
    F::Modified,
    F::Deleted,
    F::DeletedAt,
    F::Version,
    F::Owner,
];
const PERSON_NAME: &[Field] = &[F::FirstName, F::MiddleName, F::LastName, F::ShortName];

/// Words that mean all fields that begin with them and a dot.
const PREFIXES: &[&str] = &["person", "org", "si", "sysuser", "user"];
/// A word that is known and refused.
const SUB_UNITS: &str = "org.subunits";

/// Why a word cannot be asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum FieldFault<'w> {
    /// No such word.
    Unknown(&'w str),
    /// Sub-units are not among what can be asked for.
    SubUnits,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedFields(BTreeSet<Field>);

impl Default for RequestedFields {
    fn default() -> Self {
        let mut fields: BTreeSet<Field> = IDENTIFIERS.iter().copied().collect();
        fields.insert(Field::DisplayName);
        Self(fields)
    }
}

impl RequestedFields {
    /// From the values of a parameter, which come with commas or several times.
    ///
    /// # Errors
    /// The first word that is unknown, else that sub-units are asked for.
    pub fn read<'w>(values: impl Iterator<Item = &'w str>) -> Result<Self, FieldFault<'w>> {
        let (mut fields, mut is_given, mut has_sub_units) = (BTreeSet::new(), false, false);
        for value in values {
            is_given = true;
            let words = value.split(',').map(str::trim);
            for word in words.filter(|word| !word.is_empty()) {
                if word == SUB_UNITS {
                    has_sub_units = true;
                } else {
                    fields.extend(named(word).ok_or(FieldFault::Unknown(word))?);
                }
            }
        }
        if has_sub_units {
            return Err(FieldFault::SubUnits);
        }
        Ok(if is_given {
            Self(fields)
        } else {
            Self::default()
        })
    }

    /// The same and one more.
    #[must_use]
    pub fn with(&self, field: Field) -> Self {
        let mut fields = self.clone();
        fields.0.insert(field);
        fields
    }

    fn has(&self, field: Field) -> bool {
        self.0.contains(&field)
    }
}

/// The fields that a word means.
fn named(word: &str) -> Option<Vec<Field>> {
    match word {
        "identifiers" => Some(IDENTIFIERS.to_vec()),
        "party" => Some(PARTY.to_vec()),
        "person.name" => Some(PERSON_NAME.to_vec()),
        _ if PREFIXES.contains(&word) => {
            let of_group = |name: &str| {
                name.strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with('.'))
            };
            let group = FIELDS.iter().filter(|(name, _)| of_group(name));
            Some(group.map(|(_, field)| *field).collect())
        }
        _ => FIELDS
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, field)| vec![*field]),
    }
}

/// A party in the fields asked for. Some are always there; what is asked for and unknown is null.
#[must_use]
pub fn party_v2(party: &PartyDetails, fields: &RequestedFields) -> Value {
    let mut out = PartyMemberWriter {
        fields,
        members: Map::new(),
    };
    out.always("partyUuid", party.uuid.to_string());
    out.always("versionId", party.updated_at.timestamp_micros().max(1));
    out.always("urn", party_urn(party));
    out.always("partyType", party_type(party.kind));
    match party.kind {
        PartyKind::Person => {
            let id = party.national_id.as_ref().map(|id| id.expose().to_owned());
            out.always("personIdentifier", id);
        }
        PartyKind::Organization => {
            out.always("organizationIdentifier", party.org_number.clone());
        }
        PartyKind::SystemUser | PartyKind::Other => {}
    }
    out.put(F::ExternalUrn, "externalUrn", || external_urn(party).into());
    out.put(F::Id, "partyId", || party.party_id.into());
    out.put(F::DisplayName, "displayName", || party.name.clone().into());
    out.put(F::Created, "createdAt", || {
        time::format_with_offset(party.created_at).into()
    });
    out.put(F::Modified, "modifiedAt", || {
        time::format_with_offset(party.updated_at).into()
    });
    out.put(F::Deleted, "isDeleted", || party.is_deleted.into());
    out.put(F::DeletedAt, "deletedAt", || {
        party.deleted_at.map(time::format_with_offset).into()
    });
    match party.kind {
        PartyKind::Person => person(party, &mut out),
        PartyKind::Organization => organization(party, &mut out),
        PartyKind::SystemUser => system_user(party, &mut out),
        PartyKind::Other => {}
    }
    user(party, &mut out);
    Value::Object(out.members)
}

/// Members of a party that is being written.
struct PartyMemberWriter<'f> {
    fields: &'f RequestedFields,
    members: Map<String, Value>,
}

impl PartyMemberWriter<'_> {
    fn always(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.to_owned(), value.into());
    }

    fn put(&mut self, field: Field, name: &str, value: impl FnOnce() -> Value) {
        if self.fields.has(field) {
            self.members.insert(name.to_owned(), value());
        }
    }

    /// Members that nothing is known of.
    fn unknown(&mut self, all: &[(Field, &str)]) {
        for (field, name) in all {
            self.put(*field, name, || Value::Null);
        }
    }
}

fn person(party: &PartyDetails, out: &mut PartyMemberWriter<'_>) {
    out.put(F::PersonSource, "source", || "npr".into());
    out.put(F::FirstName, "firstName", || {
        party.first_name.clone().into()
    });
    out.put(F::MiddleName, "middleName", || {
        party.middle_name.clone().into()
    });
    out.put(F::LastName, "lastName", || party.last_name.clone().into());
    out.put(F::ShortName, "shortName", || short_name(party).into());
    out.unknown(&[
        (F::PersonAddress, "address"),
        (F::PersonMailingAddress, "mailingAddress"),
    ]);
    out.put(F::DateOfBirth, "dateOfBirth", || json!(party.birth_date));
    out.put(F::DateOfDeath, "dateOfDeath", || json!(party.death_date));
}

fn organization(party: &PartyDetails, out: &mut PartyMemberWriter<'_>) {
    out.put(F::OrgSource, "source", || "ccr".into());
    out.unknown(&[(F::UnitStatus, "unitStatus")]);
    out.put(F::UnitType, "unitType", || party.form.clone().into());
    out.unknown(&[
        (F::Telephone, "telephoneNumber"),
        (F::Mobile, "mobileNumber"),
        (F::Fax, "faxNumber"),
        (F::Email, "emailAddress"),
        (F::Internet, "internetAddress"),
    ]);
    out.put(F::OrgMailingAddress, "mailingAddress", || {
        postal_address(party, &["postadresse"])
    });
    out.put(F::OrgBusinessAddress, "businessAddress", || {
        postal_address(party, &["forretningsadresse", "beliggenhetsadresse"])
    });
}

/// The first of an organisation's addresses that was imported, in the shape of the Central
/// Coordinating Register.
fn postal_address(party: &PartyDetails, kinds: &[&str]) -> Value {
    let found = kinds
        .iter()
        .find_map(|kind| party.address.as_ref()?.get(kind));
    let Some(found) = found else {
        return Value::Null;
    };
    let lines = found.get("adresse").and_then(Value::as_array);
    let street: Vec<&str> = lines
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    json!({
        "address": street.join(", "),
        "postalCode": found.get("postnummer"),
        "city": found.get("poststed"),
    })
}

fn system_user(party: &PartyDetails, out: &mut PartyMemberWriter<'_>) {
    out.put(F::Owner, "owner", || match &party.owner {
        Some((uuid, _)) => {
            json!({"partyUuid": uuid, "urn": format!("urn:altinn:party:uuid:{uuid}")})
        }
        None => Value::Null,
    });
    out.put(F::SystemUserType, "systemUserType", || {
        if party.is_agent {
            "client-party-system-user".into()
        } else {
            "first-party-system-user".into()
        }
    });
}

fn user(party: &PartyDetails, out: &mut PartyMemberWriter<'_>) {
    let (has_id, has_name) = (out.fields.has(F::UserId), out.fields.has(F::UserName));
    if !has_id && !has_name {
        return;
    }
    let Some(id) = party.user_id else {
        out.always("user", Value::Null);
        return;
    };
    let mut user = Map::new();
    if has_id {
        user.insert("userId".into(), id.into());
        user.insert("userIds".into(), json!([id]));
    }
    if has_name {
        // There are no user names here.
        user.insert("username".into(), Value::Null);
        user.insert("usernames".into(), Value::Null);
    }
    out.always("user", user);
}

/// `urn:altinn:party:uuid:{uuid}`
#[must_use]
fn party_urn(party: &PartyDetails) -> String {
    format!("urn:altinn:party:uuid:{}", party.uuid)
}

const fn party_type(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Person => "person",
        PartyKind::Organization => "organization",
        PartyKind::SystemUser => "system-user",
        PartyKind::Other => "self-identified-user",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RequestedFields, FieldFault<'_>> {
        RequestedFields::read(std::iter::once(text))
    }

    #[rstest::rstest]
    #[case("uuid", 1)]
    #[case("identifiers", 5)]
    #[case("party", 13)]
    #[case("person.name", 4)]
    #[case("person", 9)]
    #[case("org", 10)]
    #[case("si", 3)]
    #[case("sysuser", 1)]
    #[case("user", 2)]
    #[case(" id , id,, user.id ", 2)]
    #[case("", 0)]
    fn words_mean_fields(#[case] text: &str, #[case] count: usize) {
        assert_eq!(read(text).unwrap().0.len(), count);
    }

    #[rstest::rstest]
    #[case("none", FieldFault::Unknown("none"))]
    #[case("UUID", FieldFault::Unknown("UUID"))]
    #[case("party.uuid", FieldFault::Unknown("party.uuid"))]
    #[case("org.subunits", FieldFault::SubUnits)]
    #[case("org.subunits,x", FieldFault::Unknown("x"))]
    fn other_words_are_refused(#[case] text: &str, #[case] fault: FieldFault<'_>) {
        assert_eq!(read(text), Err(fault));
    }

    #[test]
    fn without_the_parameter_there_are_identifiers_and_the_name() {
        assert_eq!(
            RequestedFields::read(std::iter::empty()).unwrap().0.len(),
            6
        );
    }
}
