//! The shape of a verified token: what it is a token of, and all that it says about that.
//!
//! The shape follows from the issuer whose key verified the token and from its claims alone. What a
//! shape does not list is never read, whatever the token carries.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{IssuerKind, SystemUserClaim, TokenRefusal, details};
use crate::{
    ids::{ISO6523_AUTHORITY, NationalId, OrgNumber},
    strict_json,
};

/// What a verified token is a token of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenShape {
    /// An organisation.
    Organization(OrganizationToken),
    /// A system user, used by its vendor.
    SystemUser(SystemUserToken),
    /// A person who has logged in.
    Person(PersonToken),
    /// A person who has registered without proof of identity: level 0.
    SelfIdentified(SelfIdentifiedToken),
    /// A user of an organisation that is no person.
    EnterpriseUser(EnterpriseUserToken),
    /// Scopes, and nothing else.
    Bare,
}

/// Name of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as the variants of Shape")]
pub enum ShapeName {
    Organization,
    SystemUser,
    Person,
    SelfIdentified,
    EnterpriseUser,
    Bare,
}

/// A token of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrganizationToken {
    /// Who calls (`consumer`); none when the claim is there but cannot be used.
    pub organization: Option<OrgNumber>,
    /// The organisation that acts for it, under scope delegation (`supplier`).
    pub supplier: Option<OrgNumber>,
    /// Service-owner code (`urn:altinn:org`), in Altinn's tokens.
    pub org_code: Option<String>,
    /// Prefixes of scopes that the organisation grants (`consumer_prefix`).
    pub scope_prefixes: Vec<String>,
}

/// A token of a system user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUserToken {
    /// The vendor.
    pub vendor: OrganizationToken,
    /// The system user, as the token says.
    pub system_user: SystemUserClaim,
    /// Who says so.
    pub source: SystemUserSource,
}

/// Who says which system user a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemUserSource {
    /// Maskinporten, directly or through our own exchange.
    Maskinporten,
    /// An issuer of Altinn's tokens.
    Altinn,
}

/// A token of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonToken {
    /// Who it is.
    pub names: PersonNames,
    /// Level of the login, 0 to 4.
    pub level: u8,
    /// Id of the browser session that the token was made for; the token ends with it.
    pub session: Option<String>,
}

/// A token of a self-identified person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfIdentifiedToken {
    /// Who it is.
    pub names: PersonNames,
}

/// A token of an enterprise user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnterpriseUserToken {
    /// The organisation it belongs to.
    pub organization: Option<OrgNumber>,
}

/// How a token names its person: the first that names a person in the register counts, in the order
/// of the members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonNames {
    /// `urn:altinn:userid`, or `nameid` in its place.
    pub user_id: Option<i32>,
    /// `urn:altinn:party:uuid`
    pub party_uuid: Option<Uuid>,
    /// `urn:altinn:partyid`
    pub party_id: Option<i32>,
    /// `pid`
    pub national_id: Option<NationalId>,
}

impl TokenShape {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> ShapeName {
        match self {
            Self::Organization(_) => ShapeName::Organization,
            Self::SystemUser(_) => ShapeName::SystemUser,
            Self::Person(_) => ShapeName::Person,
            Self::SelfIdentified(_) => ShapeName::SelfIdentified,
            Self::EnterpriseUser(_) => ShapeName::EnterpriseUser,
            Self::Bare => ShapeName::Bare,
        }
    }

    /// Reads the shape of a token of this kind of issuer.
    ///
    /// # Errors
    /// The claims fit no shape, contradict each other or cannot be read.
    pub(super) fn read(
        kind: IssuerKind,
        claims: &Map<String, Value>,
        sandbox: bool,
    ) -> Result<Self, TokenRefusal> {
        match kind {
            IssuerKind::Maskinporten => {
                let vendor = OrganizationToken {
                    organization: claims.get("consumer").and_then(organization),
                    supplier: claims.get("supplier").and_then(organization),
                    org_code: None,
                    scope_prefixes: texts(claims.get("consumer_prefix")),
                };
                of_maskinporten(vendor, claims, sandbox, SystemUserSource::Maskinporten)
            }
            IssuerKind::IdPorten => Ok(Self::Person(PersonToken {
                names: PersonNames {
                    national_id: Some(national_id(claims).ok_or(TokenRefusal::Malformed)?),
                    ..PersonNames::default()
                },
                level: acr_level(Some(text(claims, "acr").ok_or(TokenRefusal::Malformed)?)),
                session: None,
            })),
            IssuerKind::Own => match claims.get("urn:systembruker:src") {
                None => Self::of_altinn(claims, sandbox),
                Some(source) => match source.as_str() {
                    Some(SOURCE_MASKINPORTEN) => of_maskinporten(
                        OrganizationToken::of_altinn(claims)?,
                        claims,
                        sandbox,
                        SystemUserSource::Maskinporten,
                    ),
                    Some(SOURCE_ID_PORTEN) => Ok(Self::person(claims, None)),
                    Some(SOURCE_SESSION) => {
                        let session = text(claims, "sid").ok_or(TokenRefusal::Malformed)?;
                        Ok(Self::person(claims, Some(session.to_owned())))
                    }
                    Some(_) | None => Err(TokenRefusal::Malformed),
                },
            },
            IssuerKind::Altinn => Self::of_altinn(claims, sandbox),
        }
    }

    /// Altinn's tokens, by the method of authentication.
    fn of_altinn(claims: &Map<String, Value>, sandbox: bool) -> Result<Self, TokenRefusal> {
        match text(claims, "urn:altinn:authenticatemethod") {
            Some("maskinporten") => of_maskinporten(
                OrganizationToken::of_altinn(claims)?,
                claims,
                sandbox,
                SystemUserSource::Altinn,
            ),
            Some("virksomhetsbruker") => Ok(Self::EnterpriseUser(EnterpriseUserToken {
                organization: altinn_organization(claims)?,
            })),
            Some("SelfIdentified" | "IdportenEpost") => {
                Ok(Self::SelfIdentified(SelfIdentifiedToken {
                    names: PersonNames::of_altinn(claims),
                }))
            }
            Some(_) | None => {
                let is_there = |name: &&str| claims.get(*name).is_some_and(|v| !v.is_null());
                if is_there(&"urn:altinn:orgNumber") || details::has_entries(claims) {
                    Err(TokenRefusal::Malformed)
                } else if PERSON_CLAIMS.iter().any(is_there) {
                    Ok(Self::person(claims, None))
                } else {
                    Ok(Self::Bare)
                }
            }
        }
    }

    fn person(claims: &Map<String, Value>, session: Option<String>) -> Self {
        Self::Person(PersonToken {
            names: PersonNames::of_altinn(claims),
            level: altinn_level(claims.get("urn:altinn:authlevel")),
            session,
        })
    }
}

/// `urn:systembruker:src` of what our exchange makes of Maskinporten's tokens.
pub const SOURCE_MASKINPORTEN: &str = "maskinporten";
/// `urn:systembruker:src` of what our exchange makes of ID-porten's tokens.
pub const SOURCE_ID_PORTEN: &str = "id-porten";
/// `urn:systembruker:src` of the tokens of our browser sessions.
pub const SOURCE_SESSION: &str = "session";

/// Claims by any of which Altinn's tokens name a person.
const PERSON_CLAIMS: [&str; 5] = [
    "urn:altinn:userid",
    "nameid",
    "urn:altinn:party:uuid",
    "urn:altinn:partyid",
    "pid",
];

/// A token of Maskinporten, or what an exchange made of one.
fn of_maskinporten(
    vendor: OrganizationToken,
    claims: &Map<String, Value>,
    sandbox: bool,
    source: SystemUserSource,
) -> Result<TokenShape, TokenRefusal> {
    Ok(match details::read(claims, sandbox)? {
        Some(system_user) => TokenShape::SystemUser(SystemUserToken {
            vendor,
            system_user,
            source,
        }),
        None => TokenShape::Organization(vendor),
    })
}

impl OrganizationToken {
    fn of_altinn(claims: &Map<String, Value>) -> Result<Self, TokenRefusal> {
        Ok(Self {
            organization: altinn_organization(claims)?,
            supplier: claims.get("supplier").and_then(organization),
            org_code: text(claims, "urn:altinn:org").map(str::to_owned),
            scope_prefixes: texts(claims.get("consumer_prefix")),
        })
    }
}

impl PersonNames {
    fn of_altinn(claims: &Map<String, Value>) -> Self {
        let number = |name: &str| {
            let value = match claims.get(name)? {
                Value::Number(n) => n.as_i64(),
                Value::String(s) => s.parse().ok(),
                _ => None,
            };
            value.filter(|n| *n > 0).and_then(|n| i32::try_from(n).ok())
        };
        Self {
            user_id: number("urn:altinn:userid").or_else(|| number("nameid")),
            party_uuid: text(claims, "urn:altinn:party:uuid")
                .and_then(|s| Uuid::try_parse(s).ok())
                .filter(|u| !u.is_nil()),
            party_id: number("urn:altinn:partyid"),
            national_id: national_id(claims),
        }
    }
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str)
}

fn national_id(claims: &Map<String, Value>) -> Option<NationalId> {
    text(claims, "pid").and_then(|pid| NationalId::parse(pid).ok())
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

/// The organisation of a token of Altinn: `consumer`, else `urn:altinn:orgNumber`; they must agree.
fn altinn_organization(claims: &Map<String, Value>) -> Result<Option<OrgNumber>, TokenRefusal> {
    let consumer = claims.get("consumer").and_then(organization);
    let number = text(claims, "urn:altinn:orgNumber").and_then(|n| OrgNumber::parse(n).ok());
    match (consumer, number) {
        (Some(a), Some(b)) if a != b => Err(TokenRefusal::Malformed),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const CONSUMER: &str = r#"{"authority":"iso6523-actorid-upis","ID":"0192:390198116"}"#;
    const PID: &str = "11859024884";

    fn shape(kind: IssuerKind, claims: &Value) -> Result<TokenShape, TokenRefusal> {
        TokenShape::read(kind, claims.as_object().unwrap(), false)
    }

    fn system_user_entry() -> Value {
        json!({"type": "urn:altinn:systemuser", "systemuser_id": ["3f794e70-3593-53d5-8174-1a3371cf43dc"],
            "system_id": "390198116_fjordlonn",
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": "0192:390367767"}})
    }

    /// What the table of shapes says, row by row.
    fn by_the_table(kind: IssuerKind, claims: &Map<String, Value>) -> Option<ShapeName> {
        let entries = match claims.get("authorization_details") {
            Some(Value::Array(entries)) => entries.len(),
            Some(_) => 1,
            None => 0,
        };
        let organization = || {
            Some(if entries > 0 {
                ShapeName::SystemUser
            } else {
                ShapeName::Organization
            })
        };
        let is_there = |name: &str| claims.contains_key(name);
        if kind == IssuerKind::Maskinporten {
            return organization();
        }
        if kind == IssuerKind::IdPorten {
            return (is_there("pid") && claims.get("acr").is_some_and(Value::is_string))
                .then_some(ShapeName::Person);
        }
        if kind == IssuerKind::Own && is_there("urn:systembruker:src") {
            return match claims["urn:systembruker:src"].as_str() {
                Some("maskinporten") => organization(),
                Some("id-porten") => Some(ShapeName::Person),
                Some("session") => is_there("sid").then_some(ShapeName::Person),
                _ => None,
            };
        }
        match claims
            .get("urn:altinn:authenticatemethod")
            .and_then(Value::as_str)
        {
            Some("maskinporten") => organization(),
            Some("virksomhetsbruker") => Some(ShapeName::EnterpriseUser),
            Some("SelfIdentified" | "IdportenEpost") => Some(ShapeName::SelfIdentified),
            _ if is_there("urn:altinn:orgNumber") || entries > 0 => None,
            _ if [
                "urn:altinn:userid",
                "nameid",
                "urn:altinn:party:uuid",
                "urn:altinn:partyid",
                "pid",
            ]
            .iter()
            .any(|name| is_there(name)) =>
            {
                Some(ShapeName::Person)
            }
            _ => Some(ShapeName::Bare),
        }
    }

    /// The claims that a shape lists, of this kind of issuer.
    fn listed(kind: IssuerKind, shape: ShapeName) -> &'static [&'static str] {
        match (kind, shape) {
            (_, ShapeName::Organization) => &[
                "consumer",
                "supplier",
                "consumer_prefix",
                "urn:altinn:orgNumber",
                "urn:altinn:org",
                "urn:altinn:authenticatemethod",
                "urn:systembruker:src",
            ],
            (_, ShapeName::SystemUser) => &[
                "consumer",
                "supplier",
                "consumer_prefix",
                "authorization_details",
                "urn:altinn:orgNumber",
                "urn:altinn:org",
                "urn:altinn:authenticatemethod",
                "urn:systembruker:src",
            ],
            (IssuerKind::IdPorten, ShapeName::Person) => &["pid", "acr"],
            (_, ShapeName::Person | ShapeName::SelfIdentified) => &[
                "urn:altinn:userid",
                "nameid",
                "urn:altinn:party:uuid",
                "urn:altinn:partyid",
                "pid",
                "urn:altinn:authlevel",
                "urn:altinn:authenticatemethod",
                "urn:systembruker:src",
                "sid",
            ],
            (_, ShapeName::EnterpriseUser) => &[
                "consumer",
                "urn:altinn:orgNumber",
                "urn:altinn:authenticatemethod",
            ],
            (_, ShapeName::Bare) => &[],
        }
    }

    /// Each known claim, with a value that it may have; or not there.
    fn claims() -> impl Strategy<Value = Map<String, Value>> {
        let values: Vec<(&str, Vec<Value>)> = vec![
            (
                "consumer",
                vec![serde_json::from_str(CONSUMER).unwrap(), json!(CONSUMER)],
            ),
            ("supplier", vec![serde_json::from_str(CONSUMER).unwrap()]),
            ("consumer_prefix", vec![json!("a"), json!(["a", "b"])]),
            (
                "authorization_details",
                vec![
                    json!([system_user_entry()]),
                    system_user_entry(),
                    json!([{"type": "urn:altinn:consent"}, system_user_entry()]),
                ],
            ),
            ("pid", vec![json!(PID)]),
            (
                "acr",
                vec![json!("idporten-loa-high"), json!("level3"), json!(4)],
            ),
            ("amr", vec![json!(["BankID"])]),
            ("sid", vec![json!("s")]),
            ("nameid", vec![json!("7"), json!(7)]),
            ("urn:altinn:userid", vec![json!(7), json!("8"), json!(0)]),
            (
                "urn:altinn:party:uuid",
                vec![
                    json!("c3f8cf7c-6b6f-4d2b-8f6e-0f6e4b1c8a11"),
                    json!(Uuid::nil()),
                ],
            ),
            ("urn:altinn:partyid", vec![json!(9)]),
            ("urn:altinn:authlevel", vec![json!(4), json!("3")]),
            ("urn:altinn:orgNumber", vec![json!("390198116")]),
            ("urn:altinn:org", vec![json!("sav")]),
            ("urn:altinn:scope", vec![json!("a:b")]),
            ("scope", vec![json!("altinn:portal/enduser")]),
            (
                "urn:altinn:authenticatemethod",
                [
                    "maskinporten",
                    "virksomhetsbruker",
                    "SelfIdentified",
                    "IdportenEpost",
                    "BankID",
                    "NotDefined",
                ]
                .map(Value::from)
                .into(),
            ),
            (
                "urn:systembruker:src",
                ["maskinporten", "id-porten", "session", "other"]
                    .map(Value::from)
                    .into(),
            ),
        ];
        let each: Vec<_> = values
            .into_iter()
            .map(|(name, values)| {
                prop::option::of(prop::sample::select(values))
                    .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
                    .boxed()
            })
            .collect();
        each.prop_map(|claims| claims.into_iter().flatten().collect())
    }

    fn kinds() -> impl Strategy<Value = IssuerKind> {
        prop::sample::select(vec![
            IssuerKind::Maskinporten,
            IssuerKind::IdPorten,
            IssuerKind::Own,
            IssuerKind::Altinn,
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn every_set_of_claims_has_the_shape_of_the_table(kind in kinds(), claims in claims()) {
            let found = TokenShape::read(kind, &claims, false).ok().map(|shape| shape.name());
            prop_assert_eq!(found, by_the_table(kind, &claims));
        }

        #[test]
        fn what_a_shape_does_not_list_is_not_read(kind in kinds(), claims in claims()) {
            let Ok(shape) = TokenShape::read(kind, &claims, false) else {
                return Ok(());
            };
            let mut kept = claims.clone();
            kept.retain(|name, _| listed(kind, shape.name()).contains(&name.as_str()));
            prop_assert_eq!(TokenShape::read(kind, &kept, false), Ok(shape));
        }
    }

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
        let found = shape(IssuerKind::Maskinporten, &json!({"consumer": consumer})).unwrap();
        let TokenShape::Organization(token) = found else {
            panic!("{found:?}")
        };
        assert_eq!(token.organization.is_some(), usable);
    }

    #[rstest]
    #[case(json!("a"), &["a"])]
    #[case(json!(["a", 7, "b"]), &["a", "b"])]
    #[case(json!(7), &[])]
    fn prefixes_of_scopes_are_one_text_or_a_list(#[case] claim: Value, #[case] prefixes: &[&str]) {
        for (kind, method) in [
            (IssuerKind::Maskinporten, Value::Null),
            (IssuerKind::Altinn, json!("maskinporten")),
        ] {
            let claims = json!({"consumer_prefix": claim, "urn:altinn:authenticatemethod": method});
            let Ok(TokenShape::Organization(token)) = shape(kind, &claims) else {
                panic!("an organisation")
            };
            assert_eq!(token.scope_prefixes, prefixes);
        }
    }

    #[test]
    fn contradicting_organisations_are_malformed() {
        let claims = json!({"urn:altinn:authenticatemethod": "maskinporten", "urn:altinn:orgNumber": "390028466",
            "consumer": serde_json::from_str::<Value>(CONSUMER).unwrap()});
        assert_eq!(
            shape(IssuerKind::Altinn, &claims),
            Err(TokenRefusal::Malformed)
        );
    }

    #[test]
    fn a_consumer_that_cannot_be_used_is_not_replaced() {
        let mut claims = json!({"urn:altinn:authenticatemethod": "maskinporten", "urn:altinn:orgNumber": "390198116"});
        let organization = |claims: &Value| match shape(IssuerKind::Altinn, claims) {
            Ok(TokenShape::Organization(token)) => {
                token.organization.map(|number| number.to_string())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(organization(&claims).as_deref(), Some("390198116"));
        claims["consumer"] = json!({"authority": "iso6523-actorid-upis", "ID": "unknown"});
        assert_eq!(organization(&claims), None);
    }

    #[test]
    fn our_private_claims_mean_nothing_in_other_issuers_tokens() {
        let claims = json!({"urn:systembruker:src": "session", "sid": "s", "pid": PID});
        let Ok(TokenShape::Person(person)) = shape(IssuerKind::Altinn, &claims) else {
            panic!("a person")
        };
        assert_eq!(person.session, None);
        let maskinporten = json!({"urn:systembruker:src": "maskinporten"});
        assert_eq!(
            shape(IssuerKind::Altinn, &maskinporten),
            Ok(TokenShape::Bare)
        );
    }

    #[test]
    fn altinns_exchange_is_not_maskinporten_itself() {
        let claims = json!({"urn:altinn:authenticatemethod": "maskinporten", "authorization_details": [system_user_entry()]});
        for (kind, source) in [
            (IssuerKind::Maskinporten, SystemUserSource::Maskinporten),
            (IssuerKind::Altinn, SystemUserSource::Altinn),
            (IssuerKind::Own, SystemUserSource::Altinn),
        ] {
            let Ok(TokenShape::SystemUser(token)) = shape(kind, &claims) else {
                panic!("a system user")
            };
            assert_eq!(token.source, source, "{kind:?}");
        }
    }

    #[rstest]
    #[case(json!({"urn:altinn:userid": 5, "nameid": 6}), Some(5))]
    #[case(json!({"urn:altinn:userid": 0, "nameid": "6"}), Some(6))]
    #[case(json!({"urn:altinn:userid": -1}), None)]
    #[case(json!({"urn:altinn:userid": "x"}), None)]
    fn the_user_id_is_a_positive_number(#[case] claims: Value, #[case] user_id: Option<i32>) {
        let Ok(TokenShape::Person(person)) = shape(IssuerKind::Altinn, &claims) else {
            panic!("a person")
        };
        assert_eq!(person.names.user_id, user_id);
    }

    #[rstest]
    #[case("c3f8cf7c-6b6f-4d2b-8f6e-0f6e4b1c8a11", true)]
    #[case("00000000-0000-0000-0000-000000000000", false)]
    #[case("c3f8cf7c", false)]
    fn the_party_uuid_is_not_nil(#[case] uuid: &str, #[case] is_read: bool) {
        let claims = json!({"urn:altinn:party:uuid": uuid});
        let Ok(TokenShape::Person(person)) = shape(IssuerKind::Altinn, &claims) else {
            panic!("a person")
        };
        assert_eq!(person.names.party_uuid.is_some(), is_read);
    }

    #[test]
    fn levels_are_read_from_numbers_and_texts() {
        for (claim, level) in [
            (json!(3), 3),
            (json!("4"), 4),
            (json!(9), 0),
            (json!("x"), 0),
        ] {
            assert_eq!(altinn_level(Some(&claim)), level);
        }
        for (acr, level) in [
            (Some("idporten-loa-high"), 4),
            (Some("level4"), 4),
            (Some("idporten-loa-substantial"), 3),
            (Some("Level3"), 3),
            (Some("level2"), 2),
            (Some("level1"), 1),
            (Some("idporten-loa-low"), 0),
            (None, 0),
        ] {
            assert_eq!(acr_level(acr), level, "{acr:?}");
        }
    }
}
