//! The test-token generator: tokens for any organisation, person or system user, for scripted
//! tests.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{SharedService, keys::SandboxKeys};
use foundation::{
    crypto::{random_text, sha256},
    http::query::Query,
    ids::{ISO6523_AUTHORITY, NationalId, OrgNumber},
    token::{SYSTEM_USER_TYPE, parse},
};

/// What the generator works with.
#[derive(Debug, Clone)]
pub struct TestTools {
    /// The service.
    pub service: SharedService,
    /// Its keys.
    pub keys: Arc<SandboxKeys>,
    /// Its own base address.
    pub base: String,
    /// `user:password` pairs.
    pub users: Vec<String>,
}

pub(crate) async fn metadata(State(t): State<TestTools>) -> Json<Value> {
    Json(
        json!({"issuer": none_issuer(&t.base), "jwks_uri": format!("{}/api/.well-known/jwks.json", t.base)}),
    )
}

/// Issuer of tokens for environment `none`.
#[must_use]
pub fn none_issuer(base: &str) -> String {
    format!("{base}/api/.well-known/oauth-authorization-server")
}

/// Issuer of a public environment for tests; none for those that are nowhere.
fn real_issuer(env: &str) -> Option<String> {
    let domain = match env {
        "tt02" => "altinn.no",
        "at21" | "at22" | "at23" | "at24" | "yt01" => "altinn.cloud",
        _ => return None,
    };
    Some(format!(
        "https://platform.{env}.{domain}/authentication/api/v1/openid/"
    ))
}

/// Issuers of all public environments for tests.
pub fn real_issuers() -> impl Iterator<Item = String> {
    ENVIRONMENTS.iter().filter_map(|env| real_issuer(env))
}

/// Issuer of the other kinds of tokens for environment `none`.
pub const NONE_ISSUER_OTHERS: &str = "https://tokengenerator";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TestTokenKind {
    Enterprise,
    Personal,
    SystemUser,
    EnterpriseUser,
    SelfIdentified,
    SelfRegisteredEmail,
    Platform,
    PlatformAccess,
}

impl TestTokenKind {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "getenterprisetoken" => Self::Enterprise,
            "getpersonaltoken" => Self::Personal,
            "getsystemusertoken" => Self::SystemUser,
            "getenterpriseusertoken" => Self::EnterpriseUser,
            "getselfidentifiedusertoken" => Self::SelfIdentified,
            "getselfregisteredemailusertoken" => Self::SelfRegisteredEmail,
            "getplatformtoken" => Self::Platform,
            "getplatformaccesstoken" => Self::PlatformAccess,
            _ => return None,
        })
    }

    const fn scope(self) -> &'static str {
        match self {
            Self::Enterprise => "altinn:testtools/tokengenerator/enterprise",
            Self::Personal | Self::SelfIdentified | Self::SelfRegisteredEmail => {
                "altinn:testtools/tokengenerator/personal"
            }
            Self::SystemUser | Self::EnterpriseUser => {
                "altinn:testtools/tokengenerator/enterpriseuser"
            }
            Self::Platform | Self::PlatformAccess => "altinn:testtools/tokengenerator/platform",
        }
    }

    const fn required(self) -> &'static [&'static str] {
        match self {
            Self::Enterprise => &["env", "scopes"],
            Self::Personal | Self::SelfIdentified => &["env"],
            Self::SystemUser => &["env", "systemUserId"],
            Self::EnterpriseUser => &["env", "orgNo", "partyId", "userId", "userName"],
            Self::SelfRegisteredEmail => &["env", "email"],
            Self::Platform | Self::PlatformAccess => &["env", "app"],
        }
    }
}

/// Whether the caller may use the tools, by password or by token.
///
/// # Errors
/// The answer to give instead.
pub async fn authorize(
    t: &TestTools,
    headers: &HeaderMap,
    scope: Option<&str>,
) -> Result<(), Response> {
    let Some(given) = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()) else {
        return Err(ask_for_password());
    };
    if let Some(text) = given.strip_prefix("Basic ") {
        let pair = STANDARD
            .decode(text.trim())
            .ok()
            .and_then(|b| String::from_utf8(b).ok())
            .filter(|p| p.contains(':'));
        let Some(pair) = pair else {
            return Err(StatusCode::BAD_REQUEST.into_response());
        };
        let good = t
            .users
            .iter()
            .any(|user| bool::from(sha256(user).ct_eq(&sha256(&pair))));
        return if good {
            Ok(())
        } else {
            Err(ask_for_password())
        };
    }
    let (Some(token), Some(scope)) = (given.strip_prefix("Bearer "), scope) else {
        return Err(ask_for_password());
    };
    let text = |status: StatusCode, text: String| Err((status, text).into_response());
    if parse(token, 8_192).is_ok_and(|p| p.alg != "RS256") {
        return text(
            StatusCode::BAD_REQUEST,
            "Expected RsaSha256 signature".to_owned(),
        );
    }
    let Ok(verified) = t.service.verifier.verify(token).await else {
        return text(StatusCode::FORBIDDEN, "Invalid bearer token".to_owned());
    };
    // A parent scope counts for what is below its slash.
    let covers = |own: &str| {
        own == scope
            || scope
                .strip_prefix(own)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    if verified.principal.scopes.iter().any(covers) {
        Ok(())
    } else {
        text(
            StatusCode::FORBIDDEN,
            format!("Missing required scope: {scope}"),
        )
    }
}

fn ask_for_password() -> Response {
    (
        StatusCode::UNAUTHORIZED,
        [(
            WWW_AUTHENTICATE,
            "Basic realm=\"AltinnTestTools - TokenGenerator\"",
        )],
    )
        .into_response()
}

/// As the original says it.
const INVALID: &str = "Parameter was supplied with an invalid value";
/// Bytes that `scopes` may have.
const MAX_SCOPES_BYTES: usize = 500;

/// Parameters, read and checked; what is wrong is collected by name.
struct TestTokenParameters<'a> {
    query: &'a Query,
    errors: Map<String, Value>,
}

impl TestTokenParameters<'_> {
    fn raw(&self, name: &str) -> Option<String> {
        self.query
            .get(name)
            .map(str::trim)
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
    }

    fn checked(&mut self, name: &str, good: impl Fn(&str) -> bool) -> Option<String> {
        let value = self.raw(name)?;
        if good(&value) {
            return Some(value);
        }
        self.errors.insert(name.to_owned(), INVALID.into());
        None
    }

    fn word(&mut self, name: &str) -> Option<String> {
        self.checked(name, |v| {
            (1..=50).contains(&v.len())
                && v.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        })
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        self.checked(name, |v| v.parse::<u32>().is_ok())
            .and_then(|v| v.parse().ok())
    }

    fn uuid(&mut self, name: &str) -> Option<Uuid> {
        self.checked(name, |v| Uuid::try_parse(v).is_ok())
            .and_then(|v| Uuid::try_parse(&v).ok())
    }

    fn org(&mut self, name: &str) -> Option<String> {
        self.checked(name, |v| OrgNumber::parse(v).is_ok())
    }

    fn scopes(&mut self, default: &str) -> String {
        let good = |v: &str| {
            v.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b":/_-,. ".contains(&b))
        };
        let length = self.raw("scopes").map_or(0, |scopes| scopes.len());
        if length > MAX_SCOPES_BYTES {
            let text =
                format!("{INVALID}: {length} characters, and {MAX_SCOPES_BYTES} are possible");
            self.errors.insert("scopes".to_owned(), text.into());
            return String::new();
        }
        let scopes = self
            .checked("scopes", good)
            .unwrap_or_else(|| default.to_owned());
        scopes
            .replace(',', " ")
            .split(' ')
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

const ENVIRONMENTS: [&str; 9] = [
    "none", "dev", "local", "at21", "at22", "at23", "at24", "yt01", "tt02",
];

pub(crate) async fn generate(
    State(t): State<TestTools>,
    Path(name): Path<String>,
    headers: HeaderMap,
    query: Query,
) -> Response {
    let Some(kind) = TestTokenKind::from_name(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Err(refused) = authorize(&t, &headers, Some(kind.scope())).await {
        return refused;
    }
    let mut p = TestTokenParameters {
        query: &query,
        errors: Map::new(),
    };
    for required in kind.required() {
        if p.raw(required).is_none() {
            p.errors
                .insert((*required).to_owned(), "Parameter must be supplied".into());
        }
    }
    let env = p
        .checked("env", |v| ENVIRONMENTS.contains(&v))
        .unwrap_or_default();
    let bulk = p.number("bulkCount").unwrap_or(0);
    let count = if matches!(kind, TestTokenKind::Enterprise | TestTokenKind::Personal) {
        bulk.min(10_000)
    } else {
        0
    };
    let first = match claims(&t, kind, &env, &mut p).await {
        Ok(claims) => claims,
        Err(error) => return error.into_response(),
    };
    if !p.errors.is_empty() {
        return (StatusCode::BAD_REQUEST, Json(Value::Object(p.errors))).into_response();
    }
    if count > 0 {
        return bulk_tokens(&t, kind, &env, &first, count);
    }
    match sign(&t, &env, &first) {
        Ok(token) if query.get("dump").is_some() => dump(&token),
        Ok(token) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], token).into_response(),
        Err(error) => foundation::http::ApiError::Internal(error).into_response(),
    }
}

fn bulk_tokens(
    t: &TestTools,
    kind: TestTokenKind,
    env: &str,
    first: &Value,
    count: u32,
) -> Response {
    let mut out = Map::new();
    while out.len() < count as usize {
        let mut claims = first.clone();
        let key = if kind == TestTokenKind::Enterprise {
            let org = random_org();
            claims["consumer"] = organization(&org);
            claims["urn:altinn:orgNumber"] = org.clone().into();
            org
        } else {
            let pid = random_pid();
            claims["pid"] = pid.clone().into();
            pid
        };
        match sign(t, env, &claims) {
            Ok(token) => out.insert(key, token.into()),
            Err(error) => return foundation::http::ApiError::Internal(error).into_response(),
        };
    }
    Json(Value::Object(out)).into_response()
}

fn sign(t: &TestTools, env: &str, claims: &Value) -> anyhow::Result<String> {
    if env == "none" {
        return t.keys.none.sign(claims);
    }
    // The original writes the thumbprint as plain text where a list belongs; clients and we must
    // bear it.
    let key = t.service.own_keys.signing_key();
    key.sign(claims, &[("x5c", key.kid())])
}

fn dump(token: &str) -> Response {
    let Ok(parsed) = parse(token, 64 * 1024) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let pretty = |map: Map<String, Value>| {
        serde_json::to_string_pretty(&Value::Object(map)).unwrap_or_default()
    };
    (
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        format!("{}\n.\n{}", pretty(parsed.header), pretty(parsed.claims)),
    )
        .into_response()
}

fn organization(number: &str) -> Value {
    json!({"authority": ISO6523_AUTHORITY, "ID": format!("0192:{number}")})
}

fn digits(count: usize) -> String {
    sha256(random_text(16))
        .iter()
        .cycle()
        .take(count)
        .map(|b| char::from(b'0' + b % 10))
        .collect()
}

fn random_org() -> String {
    loop {
        let candidate = format!("3{}", digits(8));
        if OrgNumber::parse_checked(&candidate).is_ok() {
            return candidate;
        }
    }
}

fn random_pid() -> String {
    loop {
        // Born on the first of January 1970, month plus 80, which is the number of no person.
        let candidate = format!("018170{}", digits(5));
        if NationalId::parse_checked(&candidate).is_ok() {
            return candidate;
        }
    }
}

async fn claims(
    t: &TestTools,
    kind: TestTokenKind,
    env: &str,
    p: &mut TestTokenParameters<'_>,
) -> Result<Value, foundation::http::ApiError> {
    let now = t.service.clock.seconds();
    let ttl = i64::from(p.number("ttl").unwrap_or(1800));
    let issuer = match (env, kind) {
        ("none", TestTokenKind::Enterprise | TestTokenKind::Personal) => none_issuer(&t.base),
        ("none", _) => NONE_ISSUER_OTHERS.to_owned(),
        _ if t
            .service
            .config
            .settings
            .sandbox
            .as_ref()
            .is_some_and(|s| s.testtools.real_issuer_names) =>
        {
            real_issuer(env).unwrap_or_else(|| t.service.config.own_issuer.clone())
        }
        _ => t.service.config.own_issuer.clone(),
    };
    let mut claims = json!({"iss": issuer, "iat": now, "nbf": now, "exp": now + ttl, "actual_iss": "altinn-test-tools"});
    match kind {
        TestTokenKind::Enterprise | TestTokenKind::EnterpriseUser => {
            enterprise(kind, p, &mut claims);
        }
        TestTokenKind::Personal => personal(t, p, &mut claims).await?,
        TestTokenKind::SystemUser => system_user(t, p, &mut claims).await?,
        TestTokenKind::SelfIdentified | TestTokenKind::SelfRegisteredEmail => {
            self_identified(kind, p, &mut claims);
        }
        TestTokenKind::Platform | TestTokenKind::PlatformAccess => platform(kind, p, &mut claims),
    }
    Ok(claims)
}

fn set(claims: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        claims[name] = value.into();
    }
}

fn supplier(p: &mut TestTokenParameters<'_>, claims: &mut Value) {
    if let Some(number) = p.org("supplierOrgNo") {
        claims["supplier"] = organization(&number);
    }
    let source = p.checked("delegationSource", |v| url::Url::parse(v).is_ok());
    set(claims, "delegation_source", source);
}

fn enterprise(kind: TestTokenKind, p: &mut TestTokenParameters<'_>, claims: &mut Value) {
    let default = if kind == TestTokenKind::EnterpriseUser {
        "altinn:enduser"
    } else {
        ""
    };
    let org = p.org("orgNo").unwrap_or_else(random_org);
    claims["scope"] = p.scopes(default).into();
    claims["token_type"] = "Bearer".into();
    claims["client_id"] = p
        .word("clientId")
        .unwrap_or_else(|| Uuid::new_v4().to_string())
        .into();
    claims["jti"] = random_text(32).into();
    claims["consumer"] = organization(&org);
    claims["urn:altinn:orgNumber"] = org.into();
    claims["urn:altinn:authenticatemethod"] = if kind == TestTokenKind::EnterpriseUser {
        "virksomhetsbruker"
    } else {
        "maskinporten"
    }
    .into();
    claims["urn:altinn:authlevel"] = 3.into();
    let code = p.word("org");
    set(claims, "urn:altinn:org", code);
    supplier(p, claims);
    if kind == TestTokenKind::EnterpriseUser {
        let (user_id, party_id, name, uuid) = (
            p.number("userId"),
            p.number("partyId"),
            p.word("userName"),
            p.uuid("partyuuid"),
        );
        set(claims, "urn:altinn:userid", user_id);
        set(claims, "urn:altinn:partyid", party_id);
        set(claims, "urn:altinn:username", name);
        set(claims, "urn:altinn:party:uuid", uuid.map(|u| u.to_string()));
    }
}

async fn personal(
    t: &TestTools,
    p: &mut TestTokenParameters<'_>,
    claims: &mut Value,
) -> Result<(), foundation::http::ApiError> {
    let level = p
        .checked("authLvl", |v| matches!(v, "1" | "2" | "3" | "4"))
        .unwrap_or_else(|| "3".to_owned());
    let (user_id, party_id, uuid) = (p.number("userId"), p.number("partyId"), p.uuid("partyuuid"));
    let pid = p.checked("pid", |v| NationalId::parse(v).is_ok());
    let pid = match pid {
        Some(pid) => pid,
        None => seeded_pid(t, user_id, party_id, uuid)
            .await?
            .unwrap_or_else(random_pid),
    };
    claims["urn:altinn:authenticatemethod"] = "NotDefined".into();
    claims["acr"] = match level.as_str() {
        "4" => "idporten-loa-high",
        "3" => "idporten-loa-substantial",
        _ => "idporten-loa-low",
    }
    .into();
    claims["urn:altinn:authlevel"] = level.into();
    claims["client_amr"] = p
        .word("clientAmr")
        .unwrap_or_else(|| "virksomhetssertifikat".to_owned())
        .into();
    claims["pid"] = pid.into();
    claims["token_type"] = "Bearer".into();
    claims["client_id"] = Uuid::new_v4().to_string().into();
    claims["scope"] = p.scopes("altinn:enduser").into();
    if let Some(number) = p.checked("consumerOrgNo", |v| {
        OrgNumber::parse(v).is_ok() || NationalId::parse(v).is_ok()
    }) {
        claims["client_orgno"] = number.clone().into();
        claims["consumer"] = organization(&number);
    }
    set(claims, "nameid", user_id.filter(|id| *id != 0));
    set(claims, "urn:altinn:userid", user_id.filter(|id| *id != 0));
    set(claims, "urn:altinn:partyid", party_id);
    let name = p.word("userName");
    set(claims, "urn:altinn:username", name);
    set(
        claims,
        "urn:altinn:party:uuid",
        uuid.filter(|u| !u.is_nil()).map(|u| u.to_string()),
    );
    let source = p.checked("delegationSource", |v| url::Url::parse(v).is_ok());
    set(claims, "delegation_source", source);
    Ok(())
}

/// Identity number of the person that other parameters point at.
async fn seeded_pid(
    t: &TestTools,
    user_id: Option<u32>,
    party_id: Option<u32>,
    uuid: Option<Uuid>,
) -> Result<Option<String>, foundation::http::ApiError> {
    let stored = sqlx::query_scalar!(
        r#"select person_id_enc as "enc!" from party
           where person_id_enc is not null and (uuid = $1 or user_id = $2 or party_id = $3) order by uuid = $1 desc, user_id = $2 desc limit 1"#,
        uuid,
        user_id.and_then(|id| i32::try_from(id).ok()),
        party_id.and_then(|id| i32::try_from(id).ok())
    )
    .fetch_optional(&t.service.db)
    .await?;
    Ok(stored
        .and_then(|enc| t.service.identity.decrypt(&enc).ok())
        .map(|pid| pid.expose().to_owned()))
}

async fn system_user(
    t: &TestTools,
    p: &mut TestTokenParameters<'_>,
    claims: &mut Value,
) -> Result<(), foundation::http::ApiError> {
    let id = p.uuid("systemUserId").unwrap_or_default();
    let (org_no, owner, client) = (p.org("orgNo"), p.org("systemUserOrg"), p.word("clientId"));
    let user = system_users::users::by_id(&mut *t.service.db.acquire().await?, id).await?;
    let known = user
        .as_ref()
        .filter(|_| org_no.is_none() && owner.is_none() && client.is_none());
    let registered_client = match known {
        Some(user) => {
            sqlx::query_scalar!(
                "select client_id from system_client where system_internal_id = $1 and released_at is null order by position limit 1",
                user.system_internal_id
            )
            .fetch_optional(&t.service.db)
            .await?
        }
        None => None,
    };
    let fallback = || "991825827".to_owned();
    let vendor = org_no
        .or_else(|| known.map(|u| u.vendor_org.clone()))
        .unwrap_or_else(fallback);
    let owner = owner
        .or_else(|| known.map(|u| u.reportee_org_no.clone()))
        .unwrap_or_else(fallback);
    let system_id = known.map_or_else(|| Uuid::new_v4().to_string(), |u| u.system_id.clone());
    claims["scope"] = p.scopes("altinn:enduser").into();
    claims["client_id"] = client
        .or(registered_client)
        .unwrap_or_else(|| Uuid::new_v4().to_string())
        .into();
    claims["consumer"] = organization(&vendor);
    claims["jti"] = random_text(32).into();
    claims["authorization_details"] = json!([{
        "type": SYSTEM_USER_TYPE, "systemuser_id": [id], "systemuser_org": organization(&owner), "system_id": system_id,
    }]);
    claims["urn:altinn:authenticatemethod"] = "maskinporten".into();
    claims["urn:altinn:authlevel"] = 3.into();
    claims["token_type"] = "Bearer".into();
    if let Some(number) = p.org("supplierOrgNo") {
        claims["supplier"] = organization(&number);
    }
    Ok(())
}

fn self_identified(kind: TestTokenKind, p: &mut TestTokenParameters<'_>, claims: &mut Value) {
    let jti = random_text(32);
    let uuid = p.uuid("partyuuid").unwrap_or_else(Uuid::new_v4);
    let numbers = (
        p.number("userId").unwrap_or(2_000_001),
        p.number("partyId").unwrap_or(2_000_002),
    );
    claims["sub"] = format!("urn:altinn:party:uuid:{uuid}").into();
    claims["sid"] = jti.clone().into();
    claims["jti"] = jti.into();
    claims["urn:altinn:party:uuid"] = uuid.to_string().into();
    claims["urn:altinn:userid"] = numbers.0.into();
    claims["urn:altinn:partyid"] = numbers.1.into();
    claims["urn:altinn:authlevel"] = 0.into();
    claims["scope"] = p.scopes("altinn:portal/enduser").into();
    if kind == TestTokenKind::SelfIdentified {
        claims["urn:altinn:username"] = p
            .word("username")
            .unwrap_or_else(|| format!("bruker{}", digits(6)))
            .into();
        claims["orignaliss"] = "altinn2".into();
        claims["acr"] = "idporten-loa-low".into();
        claims["amr"] = json!(["SelfIdentified"]);
        claims["urn:altinn:authenticatemethod"] = "SelfIdentified".into();
        return;
    }
    let mail = p
        .checked("email", |v| v.contains('@') && v.len() <= 100)
        .unwrap_or_default();
    claims["urn:altinn:username"] = format!("epost:{mail}").into();
    claims["orignaliss"] = "idporten".into();
    claims["email"] = mail.clone().into();
    claims["urn:altinn:party:external-identifier"] =
        format!("urn:altinn:person:idporten-email:{mail}").into();
    claims["acr"] = "selfregistered-email".into();
    claims["amr"] = json!(["Selfregistered-email"]);
    claims["urn:altinn:authenticatemethod"] = "IdportenEpost".into();
    claims["auth_time"] = claims["iat"].clone();
}

fn platform(kind: TestTokenKind, p: &mut TestTokenParameters<'_>, claims: &mut Value) {
    let app = p.checked("app", |v| {
        (1..=50).contains(&v.len())
            && v.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    });
    claims["urn:altinn:app"] = app.unwrap_or_default().into();
    if kind == TestTokenKind::PlatformAccess {
        let org = p
            .checked("org", |v| matches!(v, "platform" | "ttd"))
            .unwrap_or_else(|| "platform".to_owned());
        claims["iss"] = org.into();
    }
}
