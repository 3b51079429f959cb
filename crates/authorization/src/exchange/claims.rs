//! Which claims an exchanged token carries. Pure.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use foundation::token::{Principal, Verified};
use registers::parties::Person;

/// When an exchanged token is issued and ends, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Issue<'a> {
    /// Our issuer.
    pub issuer: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// Seconds since 1970.
    pub expires: i64,
}

/// Claims that are kept: not those of the old issuer, and none that only we may state.
fn copied(verified: &Verified, dropped: &[&str]) -> Map<String, Value> {
    verified
        .claims()
        .iter()
        .filter(|(name, _)| {
            !dropped.contains(&name.as_str())
                && !name.starts_with("urn:altinn:")
                && !name.starts_with("urn:systembruker:")
                && *name != "nbf"
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn finish(claims: &mut Map<String, Value>, issue: Issue<'_>) {
    claims.insert("iss".into(), issue.issuer.into());
    claims.insert("sid".into(), Uuid::new_v4().to_string().into());
    claims.insert("iat".into(), issue.now.into());
    claims.insert("nbf".into(), issue.now.into());
    claims.insert("exp".into(), issue.expires.into());
}

/// An organisation's token. `org_code` is its service-owner code, when a scope asks for one.
#[must_use]
pub fn organization_token(
    verified: &Verified,
    org_code: Option<&str>,
    issue: Issue<'_>,
) -> Option<Map<String, Value>> {
    let org = verified.principal.org?;
    let mut claims = copied(verified, &["aud", "iss", "client_amr", "sid"]);
    if let Some(details @ Value::Object(_)) = claims.get("authorization_details") {
        let details = json!([details]);
        claims.insert("authorization_details".into(), details);
    }
    claims.insert("urn:altinn:orgNumber".into(), org.as_str().into());
    claims.insert(
        "urn:altinn:authenticatemethod".into(),
        "maskinporten".into(),
    );
    claims.insert("urn:altinn:authlevel".into(), 3.into());
    if let Some(code) = org_code {
        claims.insert("urn:altinn:org".into(), code.into());
    }
    claims.insert("urn:systembruker:src".into(), "maskinporten".into());
    finish(&mut claims, issue);
    Some(claims)
}

/// Whether a scope makes the caller's service-owner code part of the token.
#[must_use]
pub fn asks_for_org_code(principal: &Principal) -> bool {
    principal
        .scopes
        .iter()
        .any(|s| s == "altinn:serviceowner" || s.starts_with("altinn:serviceowner/"))
}

/// A person's token.
#[must_use]
pub fn person_token(verified: &Verified, person: &Person, issue: Issue<'_>) -> Map<String, Value> {
    let party = &person.0;
    let mut claims = copied(verified, &["aud", "iss", "at_hash", "sid", "sub"]);
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
        method(verified.claims().get("amr")).into(),
    );
    claims.insert(
        "urn:altinn:authlevel".into(),
        verified.principal.auth_level.into(),
    );
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
