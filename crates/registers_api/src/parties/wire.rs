//! Parties as the register's endpoints write them: the first generation in whole objects, the
//! second in the fields asked for.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use registers::parties::{Details, PartyKind};

/// A person's name with the last name first.
#[must_use]
pub fn short_name(party: &Details) -> String {
    match (&party.last_name, &party.first_name) {
        (Some(last), Some(first)) => [
            Some(last.as_str()),
            Some(first.as_str()),
            party.middle_name.as_deref(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" "),
        _ => party.name.clone(),
    }
}

/// A person's name in parts. What the register does not know has words of its own.
pub fn name_components(party: &Details) -> Value {
    json!({
        "firstName": party.first_name.as_deref().unwrap_or("Mangler"),
        "middleName": party.middle_name,
        "lastName": party.last_name.as_deref().unwrap_or("Navn"),
    })
}

fn external_urn(party: &Details) -> Option<String> {
    match party.kind {
        PartyKind::Person => party
            .national_id
            .as_ref()
            .map(|id| format!("urn:altinn:person:identifier-no:{}", id.expose())),
        PartyKind::Organization => party
            .org_number
            .as_ref()
            .map(|number| format!("urn:altinn:organization:identifier-no:{number}")),
        PartyKind::SystemUser => Some(format!("urn:altinn:systemuser:uuid:{}", party.uuid)),
        PartyKind::Other => None,
    }
}

/// A party of the first generation.
#[must_use]
pub fn party_v1(party: &Details, children: Option<&[Value]>) -> Value {
    let is_person = party.kind == PartyKind::Person;
    json!({
        "partyId": party.party_id.unwrap_or_default(),
        "partyUuid": party.uuid,
        "externalUrn": external_urn(party),
        "partyTypeName": if is_person { 1 } else { 2 },
        "orgNumber": party.org_number,
        "ssn": party.national_id.as_ref().map(|id| id.expose().to_owned()),
        "unitType": party.form.as_ref().filter(|_| !is_person),
        "name": if is_person { short_name(party) } else { party.name.clone() },
        "isDeleted": party.is_deleted,
        "onlyHierarchyElementWithNoAccess": false,
        "person": is_person.then(|| person_v1(party)),
        "organization": (party.kind == PartyKind::Organization).then(|| organization_v1(party)),
        "childParties": children,
        "lastChangedInAltinn": null,
        "lastChangedInExternalRegister": null,
    })
}

fn person_v1(party: &Details) -> Value {
    json!({
        "ssn": party.national_id.as_ref().map(|id| id.expose().to_owned()),
        "name": short_name(party), "firstName": party.first_name, "middleName": party.middle_name, "lastName": party.last_name,
        "telephoneNumber": null, "mobileNumber": null, "mailingAddress": null, "mailingPostalCode": null, "mailingPostalCity": null,
        "addressMunicipalNumber": null, "addressMunicipalName": null, "addressStreetName": null, "addressHouseNumber": null,
        "addressHouseLetter": null, "addressPostalCode": null, "addressCity": null, "dateOfDeath": party.death_date,
    })
}

/// An organisation of the first generation.
#[must_use]
pub fn organization_v1(party: &Details) -> Value {
    let [mailing, business] =
        ["postadresse", "forretningsadresse"].map(|which| address(party, which));
    json!({
        "orgNumber": party.org_number, "name": party.name, "unitType": party.form,
        "telephoneNumber": null, "mobileNumber": null, "faxNumber": null, "eMailAddress": null, "internetAddress": null,
        "mailingAddress": mailing[0], "mailingPostalCode": mailing[1], "mailingPostalCity": mailing[2],
        "businessAddress": business[0], "businessPostalCode": business[1], "businessPostalCity": business[2],
        "unitStatus": null,
    })
}

/// Street, postal code and city of an address in the shape of the Central Coordinating Register.
fn address(party: &Details, which: &str) -> [Option<String>; 3] {
    let found = party.address.as_ref().and_then(|a| {
        a.get(which).or_else(|| {
            a.get("beliggenhetsadresse")
                .filter(|_| which == "forretningsadresse")
        })
    });
    let text = |name: &str| {
        found
            .and_then(|a| a.get(name))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let lines = found
        .and_then(|a| a.get("adresse"))
        .and_then(Value::as_array);
    let street = lines
        .map(|lines| {
            lines
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        })
        .filter(|s| !s.is_empty());
    [street, text("postnummer"), text("poststed")]
}

/// Which parts of a party are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the words of the parameter `fields`"
)]
pub struct Fields {
    pub uuid: bool,
    pub id: bool,
    pub identifiers: bool,
    pub display_name: bool,
    pub party: bool,
    pub person: bool,
    pub org: bool,
    pub user: bool,
}

impl Fields {
    /// What is told when nothing is asked for.
    pub const DEFAULT: Self = Self {
        identifiers: true,
        display_name: true,
        uuid: false,
        id: false,
        party: false,
        person: false,
        org: false,
        user: false,
    };
    /// Everything.
    pub const ALL: Self = Self {
        uuid: true,
        id: true,
        identifiers: true,
        display_name: true,
        party: true,
        person: true,
        org: true,
        user: true,
    };

    /// From words, in any case.
    ///
    /// # Errors
    /// The word that is none.
    pub fn read<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut out = Self::default();
        let mut any = false;
        for word in words
            .flat_map(|w| w.split(','))
            .map(str::trim)
            .filter(|w| !w.is_empty())
        {
            any = true;
            match word.to_ascii_lowercase().as_str() {
                "uuid" => out.uuid = true,
                "id" => out.id = true,
                "identifiers" => out.identifiers = true,
                "display-name" => out.display_name = true,
                "party" => out.party = true,
                "person" => out.person = true,
                "org" | "organization" => out.org = true,
                "user" => out.user = true,
                _ => return Err(word),
            }
        }
        Ok(if any { out } else { Self::DEFAULT })
    }
}

/// A party of the second generation. Fields that were not asked for are absent.
#[must_use]
pub fn party_v2(party: &Details, fields: Fields) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    let instant = |at: &chrono::DateTime<chrono::Utc>| {
        Value::from(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    };
    put("partyType", party_type(party.kind).into());
    put("partyUuid", party.uuid.to_string().into());
    if fields.party {
        put("versionId", party.updated_at.timestamp_micros().into());
        put(
            "urn",
            format!("urn:altinn:party:uuid:{}", party.uuid).into(),
        );
    }
    if fields.party || fields.identifiers {
        put("externalUrn", external_urn(party).into());
        match party.kind {
            PartyKind::Person => put(
                "personIdentifier",
                party
                    .national_id
                    .as_ref()
                    .map(|id| id.expose().to_owned())
                    .into(),
            ),
            PartyKind::Organization => {
                put("organizationIdentifier", party.org_number.clone().into());
            }
            _ => {}
        }
    }
    if fields.party || fields.identifiers || fields.id {
        put("partyId", party.party_id.into());
    }
    if fields.party || fields.display_name {
        put("displayName", party.name.clone().into());
    }
    if fields.party {
        put("createdAt", instant(&party.created_at));
        put("modifiedAt", instant(&party.updated_at));
        put("isDeleted", party.is_deleted.into());
        put(
            "deletedAt",
            party.deleted_at.as_ref().map_or(Value::Null, instant),
        );
    }
    match party.kind {
        PartyKind::Person if fields.person => {
            put("firstName", party.first_name.clone().into());
            put("middleName", party.middle_name.clone().into());
            put("lastName", party.last_name.clone().into());
            put("shortName", short_name(party).into());
            put("dateOfBirth", json!(party.birth_date));
            put("dateOfDeath", json!(party.death_date));
        }
        PartyKind::Organization if fields.org => {
            put("unitStatus", Value::Null);
            put("unitType", party.form.clone().into());
        }
        PartyKind::SystemUser if fields.party => {
            if let Some((uuid, _)) = &party.owner {
                put(
                    "owner",
                    json!({"partyUuid": uuid, "urn": format!("urn:altinn:party:uuid:{uuid}")}),
                );
            }
            put(
                "systemUserType",
                if party.is_agent {
                    "client-party-system-user"
                } else {
                    "first-party-system-user"
                }
                .into(),
            );
        }
        _ => {}
    }
    if fields.user
        && let Some(id) = party.user_id
    {
        put(
            "user",
            json!({"userId": id, "userIds": [id], "usernames": []}),
        );
    }
    Value::Object(out)
}

const fn party_type(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Person => "person",
        PartyKind::Organization => "organization",
        PartyKind::SystemUser => "system-user",
        PartyKind::Other => "self-identified-user",
    }
}
