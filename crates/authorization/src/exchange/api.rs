//! `/authentication/api/v1/exchange/…`, and our own issuer's metadata and keys.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;
use utoipa::ToSchema;

use super::TokenExchange;
use super::claims::{self, TokenIssuance};
use foundation::{
    config::Profile,
    http::{
        ApiError, ApiResult, Json,
        describe::{FrameworkProblem, ModelStateProblem},
        negotiated_text,
        path::PathValues,
        query::Query,
    },
    token::{
        IssuerKind, OrganizationToken, PersonToken, SystemUserToken, TokenShape, VerifiedToken,
    },
};
use registers::parties;

const UNAUTHORIZED: ApiError = ApiError::NotExchanged;

/// Exchanges a Maskinporten or ID-porten token for one of our own. Never required: the originals
/// are taken too.
#[utoipa::path(get, operation_id = "exchangeToken", path = "/authentication/api/v1/exchange/{tokenProvider}", tag = "Vendor",
    params(("tokenProvider" = String, Path, description = "maskinporten or id-porten"), ("test" = Option<bool>, Query)),
    responses((status = 200, content((String = "text/plain"), (String = "application/json")), description = "The token: as a JSON string for a client that accepts JSON alone, else as plain text"),
        (status = 400, content((String = "text/plain"), (String = "application/json"), (ModelStateProblem = "application/problem+json")), description = "No such provider, or a query that cannot be read"), (status = 401, body = FrameworkProblem, content_type = "application/problem+json"), (status = 403, body = FrameworkProblem, content_type = "application/problem+json", description = "No accepted scope"),
        (status = 410, description = "Enterprise users are gone"), (status = 503)),
    security((), ("organizationToken" = []), ("personToken" = [])))]
pub async fn exchange(
    State(exchange): State<TokenExchange>,
    path: PathValues,
    query: Query,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let provider = path.get("tokenProvider").to_ascii_lowercase();
    let issuer_kind = match provider.as_str() {
        "maskinporten" => IssuerKind::Maskinporten,
        "id-porten" => IssuerKind::IdPorten,
        // Known by name, but its tokens are not exchanged here.
        "altinnstudio" => return Err(UNAUTHORIZED),
        _ => return Err(unknown_provider(path.get("tokenProvider"))),
    };
    let verified = exchange
        .authenticator
        .verify_for_exchange(&headers, || None)
        .await?;
    let principal = &verified.principal;
    if principal.issuer_kind != issuer_kind {
        return Err(UNAUTHORIZED);
    }
    let token = match &principal.shape {
        TokenShape::Organization(token)
        | TokenShape::SystemUser(SystemUserToken { vendor: token, .. }) => {
            let test = query.flag("test").unwrap_or(false);
            exchange_organization(&exchange, &verified, token, &headers, test).await?
        }
        TokenShape::Person(token) => exchange_person(&exchange, &verified, token).await?,
        TokenShape::SelfIdentified(_) | TokenShape::EnterpriseUser(_) | TokenShape::Bare => {
            return Err(UNAUTHORIZED);
        }
    };
    Ok(negotiated_text(&token))
}

fn unknown_provider(given: &str) -> ApiError {
    let shown: String = given.chars().filter(|c| !c.is_control()).take(50).collect();
    let text = format!(
        "Invalid token provider: {shown}. Trusted token providers are 'Maskinporten', 'Id-porten' and 'AltinnStudio'."
    );
    ApiError::Text(StatusCode::BAD_REQUEST, text)
}

async fn exchange_organization(
    exchange: &TokenExchange,
    verified: &VerifiedToken,
    token: &OrganizationToken,
    headers: &HeaderMap,
    test: bool,
) -> ApiResult<String> {
    if headers
        .get("X-Altinn-EnterpriseUser-Authentication")
        .is_some_and(|v| !v.is_empty())
    {
        return Err(ApiError::Gone("Virksomhetsbruker is no longer available"));
    }
    let org = token.organization.ok_or(UNAUTHORIZED)?;
    let mut code = if claims::asks_for_org_code(&verified.principal.scopes) {
        parties::service_owner_code(&exchange.db, org.as_str()).await?
    } else {
        None
    };
    if test && exchange.config.profile() != Profile::Prod && code.as_deref() == Some("digdir") {
        code = Some("ttd".to_owned());
    }
    let settings = &exchange.config.settings.exchange;
    let now = exchange.clock.seconds();
    let mut expires = now + settings.lifetime_s;
    if settings.cap_to_original {
        expires = expires.min(verified.principal.exp);
    }
    let issue = TokenIssuance {
        issuer: &exchange.config.own_issuer,
        now,
        expires,
    };
    let claims = claims::organization_token(verified.claims(), org, code.as_deref(), issue);
    exchange
        .own_keys
        .signing_key()
        .sign(&claims, &[])
        .map_err(ApiError::internal)
}

async fn exchange_person(
    exchange: &TokenExchange,
    verified: &VerifiedToken,
    token: &PersonToken,
) -> ApiResult<String> {
    let principal = &verified.principal;
    let partner = &exchange.config.settings.exchange.partner_scopes;
    if !principal
        .scopes
        .iter()
        .any(|s| s.starts_with("altinn:") || partner.iter().any(|p| p == s))
    {
        return Err(ApiError::Status(StatusCode::FORBIDDEN));
    }
    let person = exchange
        .authenticator
        .person_named(&token.names)
        .await?
        .ok_or(UNAUTHORIZED)?;
    let issue = TokenIssuance {
        issuer: &exchange.config.own_issuer,
        now: exchange.clock.seconds(),
        expires: principal.exp,
    };
    let claims = claims::person_token(verified.claims(), &person, token.level, issue);
    exchange
        .own_keys
        .signing_key()
        .sign(&claims, &[])
        .map_err(ApiError::internal)
}

fn cacheable() -> [(http::HeaderName, HeaderValue); 1] {
    [(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    )]
}

/// Metadata of our own issuer.
#[utoipa::path(get, operation_id = "getIssuerMetadata", path = "/authentication/api/v1/openid/.well-known/openid-configuration", tag = "Service owner",
    responses((status = 200, body = IssuerMetadata)))]
pub async fn metadata(State(exchange): State<TokenExchange>) -> impl IntoResponse {
    let issuer = &exchange.config.own_issuer;
    let document = IssuerMetadata {
        issuer: issuer.clone(),
        jwks_uri: format!("{issuer}.well-known/openid-configuration/jwks"),
        response_types_supported: ["token"],
        subject_types_supported: ["pairwise"],
        id_token_signing_alg_values_supported: ["RS256"],
    };
    (cacheable(), Json(document))
}

/// Keys of our own issuer.
#[utoipa::path(get, operation_id = "getIssuerKeys", path = "/authentication/api/v1/openid/.well-known/openid-configuration/jwks", tag = "Service owner",
    responses((status = 200, body = PublishedKeys)))]
pub async fn keys(State(exchange): State<TokenExchange>) -> impl IntoResponse {
    (cacheable(), Json(exchange.own_keys.document().clone()))
}

/// Metadata of the issuer (`OpenID` Connect Discovery).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuerMetadata {
    issuer: String,
    jwks_uri: String,
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
}

/// Keys that verify the issuer's tokens (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublishedKeys {
    keys: Vec<PublishedKey>,
}

/// An RSA key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublishedKey {
    kty: String,
    r#use: String,
    alg: String,
    kid: String,
    /// Modulus, base64url.
    n: String,
    /// Exponent, base64url.
    e: String,
    /// The certificate, when the key has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<Vec<String>>,
}
