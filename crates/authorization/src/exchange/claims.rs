//! Which claims an exchanged token carries: a list per shape, and nothing that is not on it. Pure.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use foundation::{
    ids::OrgNumber,
    token::{SOURCE_ID_PORTEN, SOURCE_MASKINPORTEN, Scopes},
};
use registers::parties::Person;

/// When an exchanged token is issued and ends, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct TokenIssuance<'a> {
    /// Our issuer.
    pub issuer: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// Seconds since 1970.
    pub expires: i64,
}

/// Claims of an organisation's or a system user's token that keep their values.
pub const KEPT_OF_ORGANIZATIONS: [&str; 8] = [
    "client_id",
    "jti",
    "scope",
    "token_type",
    "consumer",
    "consumer_prefix",
    "supplier",
    "delegation_source",
];

/// Claims of a person's token that keep their values.
pub const KEPT_OF_PERSONS: [&str; 9] = [
    "scope",
    "token_type",
    "client_id",
    "jti",
    "pid",
    "acr",
    "amr",
    "auth_time",
    "locale",
];

fn kept(claims: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), claims.get(*name)?.clone())))
        .collect()
}

fn finish(claims: &mut Map<String, Value>, issue: TokenIssuance<'_>) {
    claims.insert("iss".into(), issue.issuer.into());
    claims.insert("sid".into(), Uuid::new_v4().to_string().into());
    claims.insert("iat".into(), issue.now.into());
    claims.insert("nbf".into(), issue.now.into());
    claims.insert("exp".into(), issue.expires.into());
}

/// A token of an organisation, or of a system user when `original` names one. `org_code` is the
/// organisation's service-owner code, when a scope asks for it.
#[must_use]
pub fn organization_token(
    original: &Map<String, Value>,
    organization: OrgNumber,
    org_code: Option<&str>,
    issue: TokenIssuance<'_>,
) -> Map<String, Value> {
    let mut claims = kept(original, &KEPT_OF_ORGANIZATIONS);
    match original.get("authorization_details") {
        Some(details @ Value::Object(_)) => {
            claims.insert("authorization_details".into(), json!([details]));
        }
        Some(details) => {
            claims.insert("authorization_details".into(), details.clone());
        }
        None => {}
    }
    claims.insert("urn:altinn:orgNumber".into(), organization.as_str().into());
    claims.insert(
        "urn:altinn:authenticatemethod".into(),
        "maskinporten".into(),
    );
    claims.insert("urn:altinn:authlevel".into(), 3.into());
    if let Some(code) = org_code {
        claims.insert("urn:altinn:org".into(), code.into());
    }
    claims.insert("urn:systembruker:src".into(), SOURCE_MASKINPORTEN.into());
    finish(&mut claims, issue);
    claims
}

/// Whether a scope makes the caller's service-owner code part of the token.
#[must_use]
pub fn asks_for_org_code(scopes: &Scopes) -> bool {
    scopes
        .iter()
        .any(|s| s == "altinn:serviceowner" || s.starts_with("altinn:serviceowner/"))
}

/// A token of a person who logged in at this level.
#[must_use]
pub fn person_token(
    original: &Map<String, Value>,
    person: &Person,
    level: u8,
    issue: TokenIssuance<'_>,
) -> Map<String, Value> {
    let party = &person.0;
    let mut claims = kept(original, &KEPT_OF_PERSONS);
    if let Some(user_id) = party.user_id {
        claims.insert("nameid".into(), user_id.to_string().into());
        claims.insert("urn:altinn:userid".into(), user_id.to_string().into());
    }
    claims.insert("urn:altinn:username".into(), "".into());
    if let Some(party_id) = party.party_id {
        claims.insert("urn:altinn:partyid".into(), party_id.into());
    }
    claims.insert(
        "urn:altinn:party:uuid".into(),
        party.uuid.to_string().into(),
    );
    claims.insert(
        "urn:altinn:authenticatemethod".into(),
        method(original.get("amr")).into(),
    );
    claims.insert("urn:altinn:authlevel".into(), level.into());
    claims.insert("urn:systembruker:src".into(), SOURCE_ID_PORTEN.into());
    finish(&mut claims, issue);
    claims
}

fn method(amr: Option<&Value>) -> String {
    match amr {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(many)) => many
            .first()
            .and_then(Value::as_str)
            .unwrap_or("NotDefined")
            .to_owned(),
        _ => "NotDefined".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use foundation::token::{IssuerKind, Principal, ShapeName};
    use proptest::prelude::*;
    use registers::parties::{Party, PartyKind, PartyStatus};

    use super::*;

    const ISSUE: TokenIssuance<'_> = TokenIssuance {
        issuer: "https://issuer.example/",
        now: 1_000,
        expires: 2_000,
    };
    /// Claims that an exchange adds to a token of any shape.
    const ADDED: [&str; 8] = [
        "iss",
        "sid",
        "iat",
        "nbf",
        "exp",
        "urn:altinn:authenticatemethod",
        "urn:altinn:authlevel",
        "urn:systembruker:src",
    ];

    fn person() -> Person {
        Person(Party {
            key: 1,
            uuid: Uuid::from_u128(1),
            party_id: Some(2),
            kind: PartyKind::Person,
            form: None,
            status: PartyStatus::Active,
            org_number: None,
            user_id: Some(3),
            parent_key: None,
            name: "N".to_owned(),
            death_date: None,
        })
    }

    /// Any claims: known ones of every shape, ours, and unknown ones.
    fn claims() -> impl Strategy<Value = Map<String, Value>> {
        let names = KEPT_OF_ORGANIZATIONS
            .iter()
            .chain(&KEPT_OF_PERSONS)
            .chain(&ADDED)
            .copied()
            .chain([
                "nameid",
                "sub",
                "email",
                "at_hash",
                "authorization_details",
                "urn:altinn:userid",
                "urn:altinn:partyid",
                "urn:altinn:party:uuid",
                "urn:altinn:orgNumber",
                "urn:altinn:org",
                "urn:altinn:scope",
                "urn:systembruker:other",
            ])
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let value = prop_oneof![
            Just(json!("x")),
            Just(json!(7)),
            Just(json!("11859024884")),
            Just(json!(["a"])),
            Just(json!({"authority": "iso6523-actorid-upis", "ID": "0192:390198116"})),
        ];
        prop::collection::btree_map(prop::sample::select(names), value, 0..20)
            .prop_map(|claims| claims.into_iter().collect())
    }

    fn shape(claims: &Map<String, Value>) -> Option<ShapeName> {
        Principal::from_claims(IssuerKind::Own, claims, false)
            .ok()
            .map(|principal| principal.shape.name())
    }

    #[test]
    fn what_is_listed_keeps_its_value() {
        let all = |names: &[&str]| -> Map<String, Value> {
            names
                .iter()
                .map(|name| ((*name).to_owned(), json!(format!("the {name}"))))
                .collect()
        };
        let organization = OrgNumber::parse("390198116").unwrap();
        let original = all(&KEPT_OF_ORGANIZATIONS);
        let made = organization_token(&original, organization, None, ISSUE);
        for name in KEPT_OF_ORGANIZATIONS.iter().chain(&ADDED) {
            assert!(made.contains_key(*name), "{name}");
        }
        assert_eq!(
            (made["exp"].clone(), made["jti"].clone()),
            (json!(2_000), json!("the jti"))
        );
        let mut original = all(&KEPT_OF_PERSONS);
        for (amr, method) in [
            (json!("BankID"), "BankID"),
            (json!(["MinID", "x"]), "MinID"),
            (json!(7), "NotDefined"),
        ] {
            original.insert("amr".to_owned(), amr);
            let made = person_token(&original, &person(), 3, ISSUE);
            for name in KEPT_OF_PERSONS.iter().chain(&ADDED) {
                assert!(made.contains_key(*name), "{name}");
            }
            assert_eq!(made["urn:altinn:authenticatemethod"], method);
        }
    }

    #[test]
    fn scopes_of_service_owners_ask_for_the_code() {
        for (scope, asks) in [
            ("altinn:serviceowner", true),
            ("altinn:serviceowner/instances.read", true),
            ("altinn:serviceowner2", false),
            ("x:altinn:serviceowner", false),
        ] {
            let scopes = Scopes::read(Some(&json!(scope))).unwrap();
            assert_eq!(asks_for_org_code(&scopes), asks, "{scope}");
        }
    }

    proptest! {
        #[test]
        fn an_organisations_token_carries_the_listed_claims_and_is_no_persons(original in claims()) {
            let organization = OrgNumber::parse("390198116").unwrap();
            let made = organization_token(&original, organization, Some("sav"), ISSUE);
            for name in made.keys() {
                let name = name.as_str();
                prop_assert!(
                    KEPT_OF_ORGANIZATIONS.contains(&name)
                        || ADDED.contains(&name)
                        || ["authorization_details", "urn:altinn:orgNumber", "urn:altinn:org"].contains(&name),
                    "{name}"
                );
            }
            prop_assert!(matches!(shape(&made), None | Some(ShapeName::Organization | ShapeName::SystemUser)));
        }

        #[test]
        fn a_persons_token_carries_the_listed_claims_and_is_a_persons(original in claims()) {
            let made = person_token(&original, &person(), 3, ISSUE);
            for name in made.keys() {
                let name = name.as_str();
                prop_assert!(
                    KEPT_OF_PERSONS.contains(&name)
                        || ADDED.contains(&name)
                        || ["nameid", "urn:altinn:userid", "urn:altinn:username", "urn:altinn:partyid", "urn:altinn:party:uuid"]
                            .contains(&name),
                    "{name}"
                );
            }
            // Scopes that cannot be read make the token unusable.
            prop_assert!(matches!(shape(&made), None | Some(ShapeName::Person)));
        }
    }
}
