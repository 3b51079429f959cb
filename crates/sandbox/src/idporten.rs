//! An ID-porten of our own: the code flow with pushed requests and PKCE, and a page to choose a
//! test person on.

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::{
    Form, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, LOCATION},
};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{SharedService, keys::SandboxKeys};
use foundation::{
    crypto::{base64url, random_text, sha256},
    db::DbError,
    http::{ApiError, query::Query},
    ids::{ISO6523_AUTHORITY, NationalId},
    token::{KeySet, SignatureAlgorithm, parse},
};

/// What the issuer works with.
#[derive(Debug, Clone)]
pub struct IdPortenIssuer {
    /// The service.
    pub service: SharedService,
    /// Its keys.
    pub keys: Arc<SandboxKeys>,
    /// Its name, without slash.
    pub issuer: String,
    /// Logs this person in without asking.
    pub auto_login_pid: Option<String>,
}

impl IdPortenIssuer {
    /// Path in front of its routes: none, unless it shares a listener.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.issuer.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |at| &rest[at..])
    }
}

/// A registered OIDC client.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct OidcClient {
    pub client_id: String,
    pub org_number: Option<String>,
    pub secret_hash: Option<Vec<u8>>,
    pub jwks: Option<Value>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub scopes: Vec<String>,
}

const ACCESS_LIFE: i64 = 600;

pub(crate) async fn metadata(State(i): State<IdPortenIssuer>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", i.issuer);
    Json(json!({
        "issuer": i.issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "pushed_authorization_request_endpoint": at("par"), "userinfo_endpoint": at("userinfo"), "end_session_endpoint": at("logout"),
        "jwks_uri": at("jwks.json"), "scopes_supported": ["openid", "profile"],
        "acr_values_supported": ["idporten-loa-low", "idporten-loa-substantial", "idporten-loa-high", "selfregistered-email"],
        "response_types_supported": ["code"], "response_modes_supported": ["query"], "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"],
        "authorization_response_iss_parameter_supported": true, "frontchannel_logout_supported": true,
        "ui_locales_supported": ["nb", "nn", "en", "se"],
    }))
}

/// An OAuth error.
#[derive(Debug)]
pub struct OAuthError(pub StatusCode, pub &'static str, pub &'static str);

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        (
            self.0,
            [(CACHE_CONTROL, "no-store")],
            Json(json!({"error": self.1, "error_description": self.2})),
        )
            .into_response()
    }
}

impl From<DbError> for OAuthError {
    fn from(error: DbError) -> Self {
        if matches!(error, DbError::Unstorable) {
            return Self(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "A parameter contains a NUL character.",
            );
        }
        tracing::warn!(%error, "database");
        Self(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "The database cannot be asked.",
        )
    }
}

impl From<sqlx::Error> for OAuthError {
    fn from(error: sqlx::Error) -> Self {
        DbError::from(error).into()
    }
}

const fn bad(error: &'static str, text: &'static str) -> OAuthError {
    OAuthError(StatusCode::BAD_REQUEST, error, text)
}

/// A client by id.
pub async fn find_client(
    service: &SharedService,
    client_id: &str,
) -> Result<Option<OidcClient>, DbError> {
    Ok(sqlx::query_as!(
        OidcClient,
        r#"select client_id, org_number, secret_hash, jwks, redirect_uris, post_logout_redirect_uris, scopes
           from sandbox_oidc_client where client_id = $1"#,
        client_id
    )
    .fetch_optional(&service.db)
    .await?)
}

/// Stores a client, or replaces it.
pub async fn put_client(service: &SharedService, client: &OidcClient) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into sandbox_oidc_client (client_id, org_number, secret_hash, jwks, redirect_uris, post_logout_redirect_uris, scopes)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (client_id) do update set org_number = excluded.org_number, secret_hash = excluded.secret_hash, jwks = excluded.jwks,
             redirect_uris = excluded.redirect_uris, post_logout_redirect_uris = excluded.post_logout_redirect_uris, scopes = excluded.scopes"#,
        client.client_id,
        client.org_number,
        client.secret_hash,
        client.jwks,
        &client.redirect_uris,
        &client.post_logout_redirect_uris,
        &client.scopes
    )
    .execute(&service.db)
    .await?;
    Ok(())
}

/// The request parameters that matter, checked against the client.
pub async fn checked_parameters(
    i: &IdPortenIssuer,
    given: &Query,
) -> Result<Map<String, Value>, OAuthError> {
    let client_id = given
        .get("client_id")
        .ok_or(bad("invalid_request", "client_id is missing"))?;
    let client = find_client(&i.service, client_id)
        .await?
        .ok_or(bad("invalid_client", "the client is not known"))?;
    let redirect_uri = given
        .get("redirect_uri")
        .ok_or(bad("invalid_request", "redirect_uri is missing"))?;
    if !client.redirect_uris.iter().any(|u| u == redirect_uri) {
        return Err(bad("invalid_request", "redirect_uri is not registered"));
    }
    if given.get("response_type") != Some("code") {
        return Err(bad("unsupported_response_type", "only code is supported"));
    }
    let scope = given.get("scope").unwrap_or_default();
    if !scope.split(' ').any(|s| s == "openid") {
        return Err(bad("invalid_scope", "openid is needed"));
    }
    if scope.split(' ').any(|s| {
        !s.is_empty()
            && !matches!(s, "openid" | "profile")
            && !client.scopes.iter().any(|own| own == s)
    }) {
        return Err(bad(
            "invalid_scope",
            "a scope is not registered on the client",
        ));
    }
    if given.get("code_challenge_method") != Some("S256")
        || given.get("code_challenge").is_none_or(|c| c.len() != 43)
    {
        return Err(bad("invalid_request", "PKCE with S256 is needed"));
    }
    let mut out = Map::new();
    for name in [
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "acr_values",
        "ui_locales",
        "login_hint",
        "prompt",
    ] {
        if let Some(value) = given.get(name) {
            out.insert(name.to_owned(), value.into());
        }
    }
    Ok(out)
}

/// Keeps checked parameters for so many seconds; returns the name to ask for them by.
pub async fn remember(
    service: &SharedService,
    parameters: Map<String, Value>,
    seconds: i32,
) -> Result<String, OAuthError> {
    let request_uri = format!("urn:idporten:{}", random_text(32));
    let client_id = parameters
        .get("client_id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    sqlx::query!(
        "insert into sandbox_pushed_request (request_uri, client_id, parameters, expires_at) values ($1, $2, $3, service_now() + make_interval(secs => $4))",
        request_uri,
        client_id,
        Value::Object(parameters),
        f64::from(seconds)
    )
    .execute(&service.db)
    .await?;
    Ok(request_uri)
}

/// Remembered parameters.
pub async fn remembered(
    service: &SharedService,
    request_uri: &str,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let found = sqlx::query_scalar!("select parameters from sandbox_pushed_request where request_uri = $1 and expires_at > service_now()", request_uri)
        .fetch_optional(&service.db)
        .await?;
    Ok(found.and_then(|p| p.as_object().cloned()))
}

pub(crate) async fn push(
    State(i): State<IdPortenIssuer>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, OAuthError> {
    let given = query_of(&form);
    authenticate(&i, &headers, &given).await?;
    let parameters = checked_parameters(&i, &given).await?;
    let request_uri = remember(&i.service, parameters, 120).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(json!({"request_uri": request_uri, "expires_in": 120})),
    )
        .into_response())
}

fn query_of(form: &[(String, String)]) -> Query {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        encoded.append_pair(name, value);
    }
    Query::parse(&encoded.finish())
}

/// The client behind a request: by signed assertion, by secret, or, with PKCE, by name alone.
async fn authenticate(
    i: &IdPortenIssuer,
    headers: &HeaderMap,
    given: &Query,
) -> Result<OidcClient, OAuthError> {
    let refused = || {
        OAuthError(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "the client did not prove who it is",
        )
    };
    let basic = headers
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Basic "))
        .map(|text| {
            STANDARD
                .decode(text)
                .ok()
                .and_then(|b| String::from_utf8(b).ok())
                .and_then(|t| {
                    let (id, secret) = t.split_once(':')?;
                    Some((form_decoded(id)?, form_decoded(secret)?))
                })
        });
    let (client_id, secret) = match basic {
        Some(None) => return Err(refused()),
        Some(Some((id, secret))) => (id, Some(secret)),
        None => {
            let by_assertion = given
                .get("client_assertion")
                .and_then(|a| parse(a, 8_192).ok())
                .and_then(|t| t.claims.get("iss")?.as_str().map(str::to_owned));
            let id = given
                .get("client_id")
                .map(str::to_owned)
                .or(by_assertion)
                .ok_or_else(refused)?;
            (id, given.get("client_secret").map(str::to_owned))
        }
    };
    let client = find_client(&i.service, &client_id)
        .await?
        .ok_or_else(refused)?;
    if let Some(secret) = secret {
        let known = client.secret_hash.as_deref().ok_or_else(refused)?;
        return if bool::from(known.ct_eq(&sha256(secret)[..])) {
            Ok(client)
        } else {
            Err(refused())
        };
    }
    if let Some(assertion) = given.get("client_assertion") {
        check_assertion(i, &client, assertion).map_err(|()| refused())?;
        return Ok(client);
    }
    // A public client: the code's PKCE proof is all it has.
    if client.secret_hash.is_none() && client.jwks.is_none() {
        Ok(client)
    } else {
        Err(refused())
    }
}

/// Id and secret are encoded as forms have it before they are joined (RFC 6749, 2.3.1).
fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

fn check_assertion(i: &IdPortenIssuer, client: &OidcClient, assertion: &str) -> Result<(), ()> {
    let token = parse(assertion, 8_192).map_err(|_| ())?;
    let claim = |name: &str| token.claims.get(name).and_then(Value::as_str);
    let same = claim("iss") == Some(&client.client_id) && claim("sub") == Some(&client.client_id);
    let audience = match token.claims.get("aud") {
        Some(Value::String(one)) => {
            one.trim_end_matches('/') == i.issuer || *one == format!("{}/token", i.issuer)
        }
        Some(Value::Array(many)) => many.iter().any(|a| a.as_str() == Some(&i.issuer)),
        _ => false,
    };
    let now = i.service.clock.seconds();
    let number = |name: &str| token.claims.get(name).and_then(Value::as_i64);
    let (Some(iat), Some(exp)) = (number("iat"), number("exp")) else {
        return Err(());
    };
    let in_time = exp > now - 10 && iat <= now + 10 && exp - iat <= 120;
    let kid = token.kid.as_deref().ok_or(())?;
    let key = KeySet::read(client.jwks.as_ref().ok_or(())?)
        .get(kid)
        .ok_or(())?;
    let key = key
        .for_algorithm(SignatureAlgorithm::RS256)
        .filter(|_| token.alg == "RS256")
        .ok_or(())?;
    let signed = jsonwebtoken::crypto::verify(
        token.signature,
        token.signed.as_bytes(),
        key,
        jsonwebtoken::Algorithm::RS256,
    );
    if same && audience && in_time && matches!(signed, Ok(true)) {
        Ok(())
    } else {
        Err(())
    }
}

/// A login that a person has made, waiting for its code to be redeemed.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct LoginGrant {
    pub client_id: String,
    pub redirect_uri: String,
    pub person_uuid: Uuid,
    pub pid_enc: Vec<u8>,
    pub acr: String,
    pub scope: String,
    pub nonce: Option<String>,
    pub code_challenge: String,
    pub locale: String,
    pub sid: String,
    pub auth_time: DateTime<Utc>,
}

/// Stores a login under a code or refresh token.
pub async fn store_grant(
    service: &SharedService,
    code: &str,
    grant: &LoginGrant,
    seconds: i32,
) -> Result<(), OAuthError> {
    sqlx::query!(
        r#"insert into sandbox_authorization (code_hash, client_id, redirect_uri, person_uuid, pid_enc, acr, scope, nonce, code_challenge, locale,
             sid, auth_time, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, service_now() + make_interval(secs => $13))"#,
        &sha256(code)[..],
        grant.client_id,
        grant.redirect_uri,
        grant.person_uuid,
        grant.pid_enc,
        grant.acr,
        grant.scope,
        grant.nonce,
        grant.code_challenge,
        grant.locale,
        grant.sid,
        grant.auth_time,
        f64::from(seconds)
    )
    .execute(&service.db)
    .await?;
    Ok(())
}

pub(crate) async fn token(
    State(i): State<IdPortenIssuer>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, OAuthError> {
    let given = query_of(&form);
    let client = authenticate(&i, &headers, &given).await?;
    let (name, is_code) = match given.get("grant_type") {
        Some("authorization_code") => ("code", true),
        Some("refresh_token") => ("refresh_token", false),
        _ => {
            return Err(bad(
                "unsupported_grant_type",
                "only authorization_code and refresh_token are supported",
            ));
        }
    };
    let invalid = || bad("invalid_grant", "the code is not valid, or has been used");
    let code = given
        .get(name)
        .ok_or_else(|| bad("invalid_request", "the code is missing"))?;
    let grant = sqlx::query_as!(
        LoginGrant,
        r#"update sandbox_authorization set used_at = service_now() where code_hash = $1 and used_at is null and expires_at > service_now()
           returning client_id, redirect_uri, person_uuid, pid_enc, acr, scope, nonce, code_challenge, locale, sid, auth_time"#,
        &sha256(code)[..]
    )
    .fetch_optional(&i.service.db)
    .await?;
    let Some(grant) = grant else {
        // A second use: what the first one gave is taken back.
        sqlx::query!("delete from sandbox_authorization where sid = (select sid from sandbox_authorization where code_hash = $1)", &sha256(code)[..])
            .execute(&i.service.db)
            .await?;
        return Err(invalid());
    };
    let proven = !is_code
        || given
            .get("code_verifier")
            .is_some_and(|v| base64url(sha256(v)) == grant.code_challenge);
    let same_address = !is_code || given.get("redirect_uri") == Some(grant.redirect_uri.as_str());
    if grant.client_id != client.client_id
        || !proven
        || !same_address
        || is_code == grant.code_challenge.is_empty()
    {
        return Err(invalid());
    }
    let pid = i
        .service
        .identity
        .decrypt(&grant.pid_enc)
        .map_err(|_| invalid())?;
    let refresh = random_text(32);
    let again = LoginGrant {
        code_challenge: String::new(),
        client_id: grant.client_id.clone(),
        redirect_uri: String::new(),
        pid_enc: grant.pid_enc.clone(),
        acr: grant.acr.clone(),
        scope: grant.scope.clone(),
        nonce: None,
        locale: grant.locale.clone(),
        sid: grant.sid.clone(),
        ..grant
    };
    store_grant(&i.service, &refresh, &again, 600).await?;
    answer(&i, &client, &grant, &pid, &refresh).map_err(|error| {
        tracing::error!(%error, "signing");
        OAuthError(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "signing failed",
        )
    })
}

fn answer(
    i: &IdPortenIssuer,
    client: &OidcClient,
    grant: &LoginGrant,
    pid: &NationalId,
    refresh: &str,
) -> anyhow::Result<Response> {
    let now = i.service.clock.seconds();
    let subject_key = hmac::Key::new(hmac::HMAC_SHA256, &i.keys.subject_secret);
    let sub = base64url(hmac::sign(
        &subject_key,
        format!("{} {}", client.client_id, pid.expose()).as_bytes(),
    ));
    let mut access = json!({
        "iss": i.issuer, "sub": sub, "aud": "unspecified", "client_id": client.client_id, "client_amr": "private_key_jwt", "scope": grant.scope,
        "pid": pid.expose(), "acr": grant.acr, "amr": ["TestID"], "iat": now, "exp": now + ACCESS_LIFE, "jti": random_text(16),
        "token_type": "Bearer",
    });
    if let Some(org) = &client.org_number {
        access["consumer"] = json!({"authority": ISO6523_AUTHORITY, "ID": format!("0192:{org}")});
    }
    let access_token = i.keys.idporten.signing_key().sign(&access, &[])?;
    let mut id = json!({
        "iss": i.issuer, "sub": sub, "aud": client.client_id, "iat": now, "exp": now + 120, "auth_time": grant.auth_time.timestamp(),
        "sid": grant.sid, "acr": grant.acr, "amr": ["TestID"], "locale": grant.locale, "pid": pid.expose(), "jti": random_text(16),
        "at_hash": base64url(&sha256(&access_token)[..16]),
    });
    if let Some(nonce) = &grant.nonce {
        id["nonce"] = nonce.clone().into();
    }
    let id_token = i.keys.idporten.signing_key().sign(&id, &[])?;
    let body = json!({"access_token": access_token, "id_token": id_token, "refresh_token": refresh, "token_type": "Bearer",
        "expires_in": ACCESS_LIFE - 1, "scope": grant.scope});
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

pub(crate) async fn userinfo(State(i): State<IdPortenIssuer>, headers: HeaderMap) -> Response {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "));
    let Some(token) = token else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match i.service.verifier.verify(token).await {
        Ok(verified) => Json(json!({"sub": verified.claims().get("sub")})).into_response(),
        Err(_) => StatusCode::UNAUTHORIZED.into_response(),
    }
}

pub(crate) async fn logout(State(i): State<IdPortenIssuer>, query: Query) -> Response {
    let from_hint = || {
        parse(query.get("id_token_hint")?, 8_192)
            .ok()?
            .claims
            .get("aud")?
            .as_str()
            .map(str::to_owned)
    };
    let client_id = query.get("client_id").map(str::to_owned).or_else(from_hint);
    let client = match client_id {
        Some(id) => find_client(&i.service, &id).await,
        None => Ok(None),
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let target = query
        .get("post_logout_redirect_uri")
        .filter(|uri| client.is_some_and(|c| c.post_logout_redirect_uris.iter().any(|u| u == uri)));
    match target.and_then(|t| url::Url::parse(t).ok()) {
        Some(mut address) => {
            if let Some(state) = query.get("state") {
                address.query_pairs_mut().append_pair("state", state);
            }
            (StatusCode::FOUND, [(LOCATION, address.to_string())]).into_response()
        }
        None => (StatusCode::OK, "Du er logget ut.").into_response(),
    }
}
