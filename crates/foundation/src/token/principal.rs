//! The canonical caller that a verified token is reduced to.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{IssuerKind, Scopes, SystemUserClaim, details};
use crate::crypto::{base64url, sha256};
use crate::{
    ids::{ISO6523_AUTHORITY, NationalId, OrgNumber},
    strict_json,
};

/// How a token names its person. To be looked up in the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonRef {
    /// `urn:altinn:party:uuid`
    PartyUuid(Uuid),
    /// `urn:altinn:userid`
    UserId(i32),
    /// `urn:altinn:partyid`
    PartyId(i32),
    /// `pid`
    NationalId(NationalId),
}

/// A verified caller.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Whose key verified the token.
    pub issuer_kind: IssuerKind,
    /// Exact issuer.
    pub issuer: String,
    /// The organisation that owns the call.
    pub org: Option<OrgNumber>,
    /// The organisation that acts for it, under scope delegation.
    pub supplier: Option<OrgNumber>,
    /// Service-owner code, in Altinn's tokens.
    pub org_code: Option<String>,
    /// The person.
    pub person: Option<PersonRef>,
    /// The system user.
    pub system_user: Option<SystemUserClaim>,
    /// Came out of our own exchange of a Maskinporten token.
    pub exchanged_from_maskinporten: bool,
    /// Id of the browser session that the token was made for, as it says; such a token ends with
    /// the session.
    pub session: Option<String>,
    /// What the token may be used for.
    pub scopes: Scopes,
    /// Prefixes of scopes that the organisation hands out (`consumer_prefix`).
    pub scope_prefixes: Vec<String>,
    /// 0 to 4.
    pub auth_level: u8,
    /// Client at the issuer.
    pub client_id: Option<String>,
    /// Token id.
    pub jti: Option<String>,
    /// Seconds since 1970.
    pub exp: i64,
}

/// What the audit trail keeps of a caller.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the audit trail")]
pub struct CallerTrace {
    pub org: Option<String>,
    pub supplier: Option<String>,
    pub client_id: Option<String>,
    pub issuer: String,
    pub token_id: Option<String>,
    pub auth_level: u8,
}

impl Principal {
    /// Reduces verified claims.
    ///
    /// # Errors
    /// The fixed reason to tell when claims contradict each other or cannot be read.
    pub fn from_claims(
        kind: IssuerKind,
        claims: &Map<String, Value>,
        sandbox: bool,
    ) -> Result<Self, &'static str> {
        let altinn = kind == IssuerKind::Altinn;
        let claim = |name: &str| claims.get(name);
        let text = |name: &str| claim(name).and_then(Value::as_str).map(str::to_owned);
        let scope_claim = if altinn {
            claim("urn:altinn:scope").or_else(|| claim("scope"))
        } else {
            claim("scope")
        };
        let enterprise_user =
            altinn && text("urn:altinn:authenticatemethod").as_deref() == Some("virksomhetsbruker");
        Ok(Self {
            issuer_kind: kind,
            issuer: text("iss").unwrap_or_default(),
            org: organization_of(kind, claims)?,
            supplier: claim("supplier").and_then(organization),
            org_code: text("urn:altinn:org").filter(|_| altinn),
            person: match kind {
                IssuerKind::Altinn if !enterprise_user => altinn_person(claims),
                IssuerKind::IdPorten => text("pid")
                    .and_then(|pid| NationalId::parse(&pid).ok())
                    .map(PersonRef::NationalId),
                _ => None,
            },
            system_user: if kind == IssuerKind::IdPorten {
                None
            } else {
                details::read(claims, sandbox)?
            },
            exchanged_from_maskinporten: altinn
                && text("urn:systembruker:src").as_deref() == Some("maskinporten"),
            session: text("sid")
                .filter(|_| altinn && text("urn:systembruker:src").as_deref() == Some("session")),
            scope_prefixes: texts(claim("consumer_prefix")),
            scopes: Scopes::read(scope_claim).ok_or("malformed")?,
            auth_level: match kind {
                IssuerKind::Maskinporten => 3,
                IssuerKind::IdPorten => acr_level(text("acr").as_deref()),
                IssuerKind::Altinn => altinn_level(claim("urn:altinn:authlevel")),
            },
            client_id: text("client_id"),
            jti: text("jti"),
            exp: claim("exp").and_then(Value::as_f64).unwrap_or_default() as i64,
        })
    }

    /// What the audit trail keeps.
    #[must_use]
    pub fn trace(&self) -> CallerTrace {
        CallerTrace {
            org: self.org.map(|o| o.to_string()),
            supplier: self.supplier.map(|o| o.to_string()),
            client_id: self.client_id.clone(),
            issuer: self.issuer.clone(),
            token_id: self.jti.as_ref().map(|jti| {
                sha256(jti)[..8]
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect()
            }),
            auth_level: self.auth_level,
        }
    }

    /// A short name for logs that tells callers apart without telling who they are.
    #[must_use]
    pub fn log_name(&self) -> String {
        self.org.map_or_else(
            || {
                format!(
                    "p:{}",
                    &base64url(sha256(format!("{:?}", self.person)))[..12]
                )
            },
            |org| org.to_string(),
        )
    }
}

/// A claim that is one text or a list of them.
pub(super) fn texts(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// Level of an ID-porten `acr`, ignoring case.
#[must_use]
pub fn acr_level(acr: Option<&str>) -> u8 {
    match acr.unwrap_or_default().to_ascii_lowercase().as_str() {
        "idporten-loa-high" | "level4" => 4,
        "idporten-loa-substantial" | "level3" => 3,
        "level2" => 2,
        "level1" => 1,
        _ => 0,
    }
}

fn altinn_level(claim: Option<&Value>) -> u8 {
    let level = match claim {
        Some(Value::Number(n)) => n.as_u64(),
        Some(Value::String(s)) => s.parse().ok(),
        _ => None,
    };
    level
        .filter(|l| *l <= 4)
        .and_then(|l| u8::try_from(l).ok())
        .unwrap_or(0)
}

/// The organisation that owns the call.
fn organization_of(
    kind: IssuerKind,
    claims: &Map<String, Value>,
) -> Result<Option<OrgNumber>, &'static str> {
    let consumer = claims.get("consumer").and_then(organization);
    if kind != IssuerKind::Altinn {
        return Ok(consumer);
    }
    let number = claims
        .get("urn:altinn:orgNumber")
        .and_then(Value::as_str)
        .and_then(|n| OrgNumber::parse(n).ok());
    match (consumer, number) {
        (Some(a), Some(b)) if a != b => Err("malformed"),
        (Some(org), _) => Ok(Some(org)),
        // A `consumer` that is there but unusable is not replaced by another claim.
        (None, number) => Ok(number.filter(|_| !claims.contains_key("consumer"))),
    }
}

/// Reads `consumer`, `supplier` and their like: an object, or a text that holds one.
pub fn organization(value: &Value) -> Option<OrgNumber> {
    let parsed;
    let object = match value {
        Value::Object(object) => object,
        Value::String(text) => {
            parsed = strict_json::object(text.as_bytes())?;
            &parsed
        }
        _ => return None,
    };
    let member = |name: &str| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    };
    (member("authority")?.as_str()? == ISO6523_AUTHORITY).then_some(())?;
    details::organization_in(object)
}

/// The first identifier that is there and not zero; they may contradict each other in test tokens.
fn altinn_person(claims: &Map<String, Value>) -> Option<PersonRef> {
    let number = |name: &str| {
        let value = match claims.get(name)? {
            Value::Number(n) => n.as_i64(),
            Value::String(s) => s.parse().ok(),
            _ => None,
        };
        value.filter(|n| *n > 0).and_then(|n| i32::try_from(n).ok())
    };
    let uuid = claims
        .get("urn:altinn:party:uuid")
        .and_then(Value::as_str)
        .and_then(|s| Uuid::try_parse(s).ok())
        .filter(|u| !u.is_nil());
    uuid.map(PersonRef::PartyUuid)
        .or_else(|| {
            number("urn:altinn:userid")
                .or_else(|| number("nameid"))
                .map(PersonRef::UserId)
        })
        .or_else(|| number("urn:altinn:partyid").map(PersonRef::PartyId))
        .or_else(|| {
            claims
                .get("pid")
                .and_then(Value::as_str)
                .and_then(|p| NationalId::parse(p).ok())
                .map(PersonRef::NationalId)
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn principal(kind: IssuerKind, claims: &Value) -> Result<Principal, &'static str> {
        Principal::from_claims(kind, claims.as_object().unwrap(), false)
    }

    const CONSUMER: &str = r#"{"authority":"iso6523-actorid-upis","ID":"0192:390198116"}"#;

    #[rstest]
    #[case::object(serde_json::from_str(CONSUMER).unwrap(), true)]
    #[case::text(json!(CONSUMER), true)]
    #[case::lower_case(json!({"authority": "iso6523-actorid-upis", "id": "0192:390198116"}), true)]
    #[case::old_prefix(json!({"authority": "iso6523-actorid-upis", "ID": "9908:390198116"}), true)]
    #[case::authority(json!({"authority": "ISO6523-actorid-upis", "ID": "0192:390198116"}), false)]
    #[case::prefix(json!({"authority": "iso6523-actorid-upis", "ID": "0193:390198116"}), false)]
    #[case::letters(json!({"authority": "iso6523-actorid-upis", "ID": "0192:39019811x"}), false)]
    #[case::missing_id(json!({"authority": "iso6523-actorid-upis"}), false)]
    #[case::duplicate_in_text(json!(r#"{"authority":"iso6523-actorid-upis","ID":"0192:390198116","ID":"0192:390198116"}"#), false)]
    fn consumer_forms(#[case] consumer: Value, #[case] usable: bool) {
        let p = principal(IssuerKind::Maskinporten, &json!({"consumer": consumer})).unwrap();
        assert_eq!(p.org.is_some(), usable);
    }

    #[test]
    fn altinn_claims_mean_nothing_in_other_tokens() {
        let claims = json!({"urn:altinn:userid": 7, "urn:altinn:authlevel": 4, "urn:altinn:org": "sav", "urn:altinn:orgNumber": "390028466",
            "urn:altinn:scope": "x", "pid": "11859024884"});
        let p = principal(IssuerKind::Maskinporten, &claims).unwrap();
        assert!(
            p.person.is_none()
                && p.org.is_none()
                && p.org_code.is_none()
                && p.auth_level == 3
                && !p.scopes.contains("x")
        );
    }

    #[test]
    fn contradicting_organisations_are_malformed() {
        let claims = json!({"consumer": serde_json::from_str::<Value>(CONSUMER).unwrap(), "urn:altinn:orgNumber": "390028466"});
        assert_eq!(
            principal(IssuerKind::Altinn, &claims).unwrap_err(),
            "malformed"
        );
    }

    #[rstest]
    #[case(json!({"urn:altinn:party:uuid": "c3f8cf7c-6b6f-4d2b-8f6e-0f6e4b1c8a11", "urn:altinn:userid": 5, "pid": "11859024884"}), "PartyUuid")]
    #[case(json!({"urn:altinn:party:uuid": "00000000-0000-0000-0000-000000000000", "urn:altinn:userid": "5"}), "UserId")]
    #[case(json!({"urn:altinn:userid": 0, "nameid": 6}), "UserId")]
    #[case(json!({"urn:altinn:partyid": 9, "pid": "11859024884"}), "PartyId")]
    #[case(json!({"pid": "11859024884"}), "NationalId")]
    fn the_first_identifier_wins(#[case] claims: Value, #[case] which: &str) {
        let person = principal(IssuerKind::Altinn, &claims)
            .unwrap()
            .person
            .unwrap();
        assert!(format!("{person:?}").starts_with(which), "{person:?}");
    }

    #[test]
    fn an_enterprise_user_is_no_person() {
        let p = principal(
            IssuerKind::Altinn,
            &json!({"urn:altinn:authenticatemethod": "virksomhetsbruker", "urn:altinn:userid": 5}),
        )
        .unwrap();
        assert!(p.person.is_none());
    }

    #[test]
    fn levels_are_read_from_numbers_and_texts() {
        for (claim, level) in [
            (json!(3), 3),
            (json!("4"), 4),
            (json!(9), 0),
            (json!("x"), 0),
        ] {
            assert_eq!(
                principal(IssuerKind::Altinn, &json!({"urn:altinn:authlevel": claim}))
                    .unwrap()
                    .auth_level,
                level
            );
        }
        assert_eq!(
            (
                acr_level(Some("Level3")),
                acr_level(Some("idporten-loa-high")),
                acr_level(None)
            ),
            (3, 4, 0)
        );
    }
}
