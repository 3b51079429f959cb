//! A Maskinporten of our own: grants in, tokens out, and the same errors for the same mistakes.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header::CACHE_CONTROL};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::SharedService;
use super::{
    clients::{self, MaskinportenClient},
    keys::SandboxKeys,
};
use foundation::{
    crypto::{random_text, sha256},
    http::{ApiError, query::Query},
    ids::{ExternalRef, ISO6523_AUTHORITY, NationalId, OrgNumber},
    token::{KeySet, ParsedToken, SANDBOX_AUTHORITY, SYSTEM_USER_TYPE, SignatureAlgorithm, parse},
};
use system_users::users;

/// What the issuer works with.
#[derive(Debug, Clone)]
pub struct MaskinportenIssuer {
    /// The service.
    pub service: SharedService,
    /// Its keys.
    pub keys: Arc<SandboxKeys>,
    /// Its name, with the slash at the end.
    pub issuer: String,
    /// Life of its tokens, in seconds.
    pub lifetime: i64,
    /// Further texts taken as audience of a grant.
    pub extra_audiences: Vec<String>,
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The issuer's metadata at another address.
pub fn metadata_router(path: &str, issuer: MaskinportenIssuer) -> Router {
    Router::new().route(path, get(metadata)).with_state(issuer)
}

/// The issuer's routes.
pub fn router(issuer: MaskinportenIssuer) -> Router {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route(
            "/jwk",
            get(async |State(m): State<MaskinportenIssuer>| {
                Json(m.keys.maskinporten.document().clone())
            }),
        )
        .route("/token", post(token))
        .route("/errors/{code}", get(explain))
        .with_state(issuer)
}

async fn metadata(State(m): State<MaskinportenIssuer>) -> Json<Value> {
    let issuer = &m.issuer;
    Json(json!({
        "issuer": issuer, "token_endpoint": format!("{issuer}token"), "jwks_uri": format!("{issuer}jwk"),
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "RS512"],
        "grant_types_supported": [GRANT_TYPE],
        "authorization_details_types_supported": [SYSTEM_USER_TYPE, "urn:altinn:consent"],
    }))
}

/// A refusal: code of the error table, OAuth error, and words.
#[derive(Debug, Clone, Copy)]
struct GrantRefusal {
    status: StatusCode,
    code: Option<&'static str>,
    error: &'static str,
    text: &'static str,
}

const fn refuse(
    code: Option<&'static str>,
    error: &'static str,
    text: &'static str,
) -> GrantRefusal {
    GrantRefusal {
        status: StatusCode::BAD_REQUEST,
        code,
        error,
        text,
    }
}

const ERRORS: [GrantRefusal; 15] = [
    refuse(
        Some("MP-011"),
        "invalid_request",
        "A claim of the grant has a value that cannot be used.",
    ),
    refuse(
        Some("MP-012"),
        "invalid_grant",
        "The grant has been used before.",
    ),
    refuse(
        Some("MP-100"),
        "invalid_grant",
        "The client is not known in this environment.",
    ),
    refuse(
        Some("MP-110"),
        "invalid_grant",
        "The audience of the grant is not this issuer.",
    ),
    refuse(
        Some("MP-120"),
        "invalid_grant",
        "The certificate is not valid here.",
    ),
    refuse(
        Some("MP-121"),
        "invalid_grant",
        "The registered key is older than one year.",
    ),
    refuse(
        Some("MP-123"),
        "invalid_grant",
        "The header x5c must be a list.",
    ),
    refuse(
        Some("MP-124"),
        "invalid_grant",
        "The signature of the grant is not valid.",
    ),
    refuse(Some("MP-130"), "invalid_grant", "The grant has expired."),
    refuse(
        Some("MP-200"),
        "invalid_scope",
        "A scope is not registered on the client.",
    ),
    GrantRefusal {
        status: StatusCode::FORBIDDEN,
        ..refuse(
            Some("MP-250"),
            "forbidden",
            "The organisation has not been granted a scope.",
        )
    },
    GrantRefusal {
        status: StatusCode::FORBIDDEN,
        ..refuse(
            Some("MP-251"),
            "forbidden",
            "The consumer has not delegated the scope to the supplier.",
        )
    },
    refuse(
        Some("MP-301"),
        "invalid_authorization_details",
        "The type of the authorization details is not supported.",
    ),
    refuse(
        Some("MP-302"),
        "invalid_authorization_details",
        "The authorization details hold members that are not supported.",
    ),
    refuse(
        Some("MP-303"),
        "invalid_altinn_customer_configuration",
        "The values do not lead to a system user: check client, vendor, owner and external reference, and that the request is approved.",
    ),
];

fn known(code: &str) -> GrantRefusal {
    ERRORS
        .into_iter()
        .find(|e| e.code == Some(code))
        .unwrap_or(ERRORS[0])
}

async fn explain(Path(code): Path<String>) -> Response {
    match ERRORS.iter().find(|e| e.code == Some(code.as_str())) {
        Some(error) => format!("{code}: {}\n", error.text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn token(State(m): State<MaskinportenIssuer>, body: Body) -> Response {
    let Ok(bytes) = to_bytes(body, 32 * 1024).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let form = Query::parse(&String::from_utf8_lossy(&bytes));
    match grant(&m, &form).await {
        Ok(answer) => ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err(GrantFailure::Refused(refusal)) => refusal.into_answer(&m.issuer),
        Err(GrantFailure::Other(error)) => error.into_response(),
    }
}

impl GrantRefusal {
    fn into_answer(self, issuer: &str) -> Response {
        let mut body = json!({
            "error": self.error,
            "error_description": format!("{}{} (trace_id: {})", self.code.map(|c| format!("{c}: ")).unwrap_or_default(), self.text, Uuid::new_v4().simple()),
        });
        if let Some(code) = self.code {
            body["error_uri"] = format!("{issuer}errors/{code}").into();
        }
        (self.status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}

enum GrantFailure {
    Refused(GrantRefusal),
    Other(ApiError),
}

impl From<GrantRefusal> for GrantFailure {
    fn from(refusal: GrantRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<foundation::db::DbError>> From<E> for GrantFailure {
    fn from(error: E) -> Self {
        Self::Other(error.into().into())
    }
}

async fn grant(m: &MaskinportenIssuer, form: &Query) -> Result<Value, GrantFailure> {
    if form.get("grant_type") != Some(GRANT_TYPE) {
        return Err(refuse(
            None,
            "unsupported_grant_type",
            "Only the JWT bearer grant is supported.",
        )
        .into());
    }
    let unusable = known("MP-011");
    let assertion = form.get("assertion").ok_or(unusable)?;
    let token = parse(assertion, 30 * 1024).map_err(|_| unusable)?;
    let client = client_of(m, &token).await?;
    check_signature(&token, &client)?;
    check_claims(m, &token)?;
    use_once(m, &token, assertion, &client).await?;
    let scope = check_scope(&token, &client)?;
    let consumer = match token.claims.get("consumer_org") {
        None => client.org_number.clone(),
        Some(org) => {
            let org = org
                .as_str()
                .and_then(|o| OrgNumber::parse(o).ok())
                .ok_or(unusable)?;
            if org.as_str() == client.org_number {
                return Err(unusable.into());
            }
            if !client.delegated_by.iter().any(|d| d == org.as_str()) {
                return Err(known("MP-251").into());
            }
            org.to_string()
        }
    };
    let person = match token.claims.get("pid") {
        None => None,
        Some(pid) => {
            let pid = pid.as_str().and_then(|pid| NationalId::parse(pid).ok());
            Some(pid.ok_or(unusable)?)
        }
    };
    let details = match token.claims.get("authorization_details") {
        None => None,
        Some(details) => Some(system_user(m, details, &client).await?),
    };
    let granted = GrantContent {
        consumer,
        scope,
        person,
        details,
    };
    issue(m, &token, &client, granted).map_err(|e| GrantFailure::Other(ApiError::Internal(e)))
}

async fn client_of(
    m: &MaskinportenIssuer,
    token: &ParsedToken<'_>,
) -> Result<MaskinportenClient, GrantFailure> {
    let id = token
        .claims
        .get("iss")
        .and_then(Value::as_str)
        .ok_or(known("MP-011"))?;
    let client = clients::find(&m.service.db, id)
        .await?
        .ok_or(known("MP-100"))?;
    match (token.header.get("x5c"), &token.kid) {
        (Some(Value::Array(_)), _) => Err(known("MP-120").into()),
        (Some(_), _) => Err(known("MP-123").into()),
        (None, None) => Err(refuse(
            None,
            "invalid_grant",
            "The grant names no key although the client has registered keys.",
        )
        .into()),
        (None, Some(_)) => Ok(client),
    }
}

fn check_signature(
    token: &ParsedToken<'_>,
    client: &MaskinportenClient,
) -> Result<(), GrantRefusal> {
    let wrong = known("MP-124");
    let kid = token.kid.as_deref().unwrap_or_default();
    if client.expired_kids.iter().any(|k| k == kid) {
        return Err(known("MP-121"));
    }
    let algorithm = SignatureAlgorithm::parse(&token.alg)
        .filter(|a| *a != SignatureAlgorithm::ES256)
        .ok_or(wrong)?;
    let key = KeySet::read(&any_rsa_algorithm(&client.jwks))
        .get(kid)
        .ok_or(wrong)?;
    let key = key.for_algorithm(algorithm).ok_or(wrong)?;
    match jsonwebtoken::crypto::verify(
        token.signature,
        token.signed.as_bytes(),
        key,
        algorithm.library(),
    ) {
        Ok(true) => Ok(()),
        _ => Err(wrong),
    }
}

/// A registered key may sign with any of the three algorithms, whatever its `alg` says.
fn any_rsa_algorithm(jwks: &Value) -> Value {
    let mut jwks = jwks.clone();
    for key in jwks
        .get_mut("keys")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(key) = key.as_object_mut() {
            key.remove("alg");
        }
    }
    jwks
}

fn check_claims(m: &MaskinportenIssuer, token: &ParsedToken<'_>) -> Result<(), GrantRefusal> {
    let unusable = known("MP-011");
    let bare = m.issuer.trim_end_matches('/');
    let accepted = |aud: &str| {
        aud == m.issuer
            || aud == bare
            || aud == format!("{bare}/token")
            || m.extra_audiences.iter().any(|e| e == aud)
    };
    let audience = match token.claims.get("aud") {
        Some(Value::String(one)) => accepted(one),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).any(accepted),
        _ => false,
    };
    if !audience {
        return Err(known("MP-110"));
    }
    let number = |name: &str| token.claims.get(name).and_then(Value::as_f64);
    let (Some(iat), Some(exp)) = (number("iat"), number("exp")) else {
        return Err(unusable);
    };
    let now = m.service.clock.seconds() as f64;
    if iat > now + 10.0 {
        return Err(refuse(
            None,
            "invalid_grant",
            "The issue time of the grant is in the future.",
        ));
    }
    if exp <= now - 10.0 {
        return Err(known("MP-130"));
    }
    if exp - iat > 120.0 || iat < now - 130.0 {
        Err(unusable)
    } else {
        Ok(())
    }
}

async fn use_once(
    m: &MaskinportenIssuer,
    token: &ParsedToken<'_>,
    assertion: &str,
    client: &MaskinportenClient,
) -> Result<(), GrantFailure> {
    let id = match token.claims.get("jti").and_then(Value::as_str) {
        Some(jti) => sha256(format!("{} {jti}", client.client_id)),
        None => sha256(assertion),
    };
    let exp = token
        .claims
        .get("exp")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    let stored = sqlx::query!(
        "insert into used_once (kind, id, expires_at) values ('grant', $1, to_timestamp($2::float8 + 10)) on conflict do nothing",
        &id[..],
        exp
    )
    .execute(&m.service.db)
    .await?;
    if stored.rows_affected() == 1 {
        Ok(())
    } else {
        Err(known("MP-012").into())
    }
}

fn check_scope(
    token: &ParsedToken<'_>,
    client: &MaskinportenClient,
) -> Result<String, GrantRefusal> {
    let scope = token
        .claims
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let asked: Vec<&str> = scope.split(' ').filter(|s| !s.is_empty()).collect();
    if asked.is_empty()
        || asked
            .iter()
            .any(|s| !client.scopes.iter().any(|own| own == s))
    {
        return Err(known("MP-200"));
    }
    if asked
        .iter()
        .any(|s| client.ungranted_scopes.iter().any(|u| u == s))
    {
        return Err(known("MP-250"));
    }
    Ok(asked.join(" "))
}

/// The system user that the details lead to, found by the same function as over HTTP.
async fn system_user(
    m: &MaskinportenIssuer,
    details: &Value,
    client: &MaskinportenClient,
) -> Result<Value, GrantFailure> {
    let wrong_type = known("MP-301");
    let [entry] = details.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err(wrong_type.into());
    };
    let entry = entry.as_object().ok_or(wrong_type)?;
    if entry.get("type").and_then(Value::as_str) != Some(SYSTEM_USER_TYPE) {
        return Err(wrong_type.into());
    }
    let surplus = known("MP-302");
    let only = |object: &Map<String, Value>, names: &[&str]| {
        object.keys().all(|k| names.contains(&k.as_str()))
    };
    if !only(entry, &["type", "systemuser_org", "externalRef"]) {
        return Err(surplus.into());
    }
    let no_match = known("MP-303");
    let org = entry
        .get("systemuser_org")
        .and_then(Value::as_object)
        .ok_or(no_match)?;
    if !only(org, &["authority", "ID", "id"]) {
        return Err(surplus.into());
    }
    let authority = org
        .get("authority")
        .and_then(Value::as_str)
        .ok_or(no_match)?;
    if authority != ISO6523_AUTHORITY && authority != SANDBOX_AUTHORITY {
        return Err(no_match.into());
    }
    let canonical = json!({"authority": ISO6523_AUTHORITY, "ID": org.get("ID").or_else(|| org.get("id")).cloned().unwrap_or_default()});
    let owner = foundation::token::organization(&canonical).ok_or(no_match)?;
    let external_ref = match entry.get("externalRef") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() <= 255 && !text.contains('\0') => {
            Some(text.as_str())
        }
        Some(_) => return Err(no_match.into()),
    };
    let key = ExternalRef::exact_or_default(external_ref, owner.as_str());
    let (client_id, vendor) = (client.client_id.as_str(), client.org_number.as_str());
    let mut db = m.service.db.acquire().await?;
    let user =
        users::by_external_id(&mut db, client_id, vendor, owner.as_str(), key.as_str()).await?;
    let Some(user) = user else {
        let days = m.service.config.settings.requests.lifetime_days;
        let facts = users::token_facts(&mut db, client_id, vendor, owner.as_str(), days).await?;
        let cause = users::missing_token_cause(facts.as_ref(), external_ref, owner.as_str());
        return Err(GrantRefusal {
            text: cause.map_or(no_match.text, users::MissingTokenCause::description),
            ..no_match
        }
        .into());
    };
    Ok(json!([{
        "type": SYSTEM_USER_TYPE, "systemuser_id": [user.id],
        "systemuser_org": {"authority": ISO6523_AUTHORITY, "ID": owner.iso6523()}, "system_id": user.system_id,
    }]))
}

/// What a grant has been found to be about.
struct GrantContent {
    /// Number of the organisation.
    consumer: String,
    scope: String,
    /// The person to whom the token is restricted. It has not logged in.
    person: Option<NationalId>,
    /// `authorization_details` of the token.
    details: Option<Value>,
}

fn issue(
    m: &MaskinportenIssuer,
    token: &ParsedToken<'_>,
    client: &MaskinportenClient,
    granted: GrantContent,
) -> anyhow::Result<Value> {
    let GrantContent {
        consumer,
        scope,
        person,
        details,
    } = granted;
    let organization =
        |number: &str| json!({"authority": ISO6523_AUTHORITY, "ID": format!("0192:{number}")});
    let now = m.service.clock.seconds();
    let mut claims = Map::new();
    if let Some(details) = details {
        claims.insert("authorization_details".into(), details);
    }
    claims.insert("scope".into(), scope.clone().into());
    claims.insert("iss".into(), m.issuer.clone().into());
    claims.insert("client_amr".into(), "private_key_jwt".into());
    claims.insert("token_type".into(), "Bearer".into());
    claims.insert("exp".into(), (now + m.lifetime).into());
    claims.insert("iat".into(), now.into());
    claims.insert("client_id".into(), client.client_id.clone().into());
    claims.insert("jti".into(), random_text(32).into());
    claims.insert("consumer".into(), organization(&consumer));
    if let Some(person) = person {
        claims.insert("pid".into(), person.expose().into());
    }
    if consumer != client.org_number {
        claims.insert("supplier".into(), organization(&client.org_number));
        claims.insert(
            "delegation_source".into(),
            format!("{}/", m.service.config.public_base).into(),
        );
    }
    if let Some(resource) = token.claims.get("resource") {
        claims.insert("aud".into(), resource.clone());
    }
    let access_token = m.keys.maskinporten.signing_key().sign(&claims, &[])?;
    Ok(
        json!({"access_token": access_token, "token_type": "Bearer", "expires_in": m.lifetime - 1, "scope": scope}),
    )
}
