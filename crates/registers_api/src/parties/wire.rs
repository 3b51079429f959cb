//! Parties of the first generation, as the register's endpoints write them: whole objects.

use serde_json::{Value, json};

use registers::parties::{PartyDetails, PartyKind};

/// A person's name with the last name first.
#[must_use]
pub fn short_name(party: &PartyDetails) -> String {
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
pub fn name_components(party: &PartyDetails) -> Value {
    json!({
        "firstName": party.first_name.as_deref().unwrap_or("Mangler"),
        "middleName": party.middle_name,
        "lastName": party.last_name.as_deref().unwrap_or("Navn"),
    })
}

pub(super) fn external_urn(party: &PartyDetails) -> Option<String> {
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
pub fn party_v1(party: &PartyDetails, children: Option<&[Value]>) -> Value {
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

fn person_v1(party: &PartyDetails) -> Value {
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
pub fn organization_v1(party: &PartyDetails) -> Value {
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
fn address(party: &PartyDetails, which: &str) -> [Option<String>; 3] {
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
