//! Registering clients at the local Maskinporten and ID-porten.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    clients::{self, ClientMaterial, MaskinportenClient, VENDOR_SCOPES},
    idporten::{self, OidcClient},
    keys::new_rsa_key,
    testtools::{TestTools, authorize},
};
use foundation::{
    crypto::sha256,
    http::ApiError,
    ids::OrgNumber,
    token::{KeySet, SigningKey},
};

/// A client to be registered.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewClient {
    client_id: Option<String>,
    org_number: String,
    scopes: Option<Vec<String>>,
    ungranted_scopes: Vec<String>,
    delegated_by: Vec<String>,
    expired_kids: Vec<String>,
    jwks: Option<Value>,
    pem: Option<String>,
}

fn bad(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": text}))).into_response()
}

fn internal(error: impl Into<anyhow::Error>) -> Response {
    ApiError::internal(error).into_response()
}

/// The keys of a new client: given, or made here, then returned.
fn keys_of(new: &NewClient, client_id: &str) -> Result<(Value, Option<ClientMaterial>), Response> {
    if let Some(jwks) = &new.jwks {
        return if KeySet::read(jwks).is_empty() {
            Err(bad("jwks holds no usable RSA key with a kid"))
        } else {
            Ok((jwks.clone(), None))
        };
    }
    let key = match &new.pem {
        Some(pem) => {
            SigningKey::from_pem(pem, "").map_err(|_| bad("pem must be an RSA key in PKCS#8"))?
        }
        None => new_rsa_key().map_err(internal)?,
    };
    let material = if new.pem.is_some() {
        None
    } else {
        Some(ClientMaterial::new(client_id, &key).map_err(internal)?)
    };
    Ok((json!({"keys": [key.public_jwk()]}), material))
}

async fn store(
    t: &TestTools,
    new: NewClient,
    client_id: String,
) -> Result<(MaskinportenClient, Option<ClientMaterial>), Response> {
    if OrgNumber::parse(&new.org_number).is_err() {
        return Err(bad("orgNumber must have nine digits"));
    }
    let (jwks, material) = keys_of(&new, &client_id)?;
    let client = MaskinportenClient {
        client_id,
        org_number: new.org_number,
        scopes: new
            .scopes
            .unwrap_or_else(|| VENDOR_SCOPES.iter().map(|s| (*s).to_owned()).collect()),
        ungranted_scopes: new.ungranted_scopes,
        jwks,
        expired_kids: new.expired_kids,
        delegated_by: new.delegated_by,
    };
    clients::put(&t.service.db, &client)
        .await
        .map_err(|e| ApiError::from(e).into_response())?;
    Ok((client, material))
}

fn with_material(client: &MaskinportenClient, material: Option<ClientMaterial>) -> Value {
    let mut body = client.to_json();
    if let Some(material) = material {
        body["kid"] = material.kid.into();
        body["privatePem"] = material.private_pem.into();
        body["jwk"] = material.jwk;
    }
    body
}

/// `POST /sandbox/clients`
pub async fn create(
    State(t): State<TestTools>,
    headers: HeaderMap,
    Json(new): Json<NewClient>,
) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    let client_id = new
        .client_id
        .clone()
        .unwrap_or_else(|| Uuid::new_v4().to_string());
    let (client, material) = store(&t, new, client_id).await?;
    Ok((StatusCode::CREATED, Json(with_material(&client, material))).into_response())
}

/// `GET /sandbox/clients`
pub async fn list(State(t): State<TestTools>, headers: HeaderMap) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    let all = clients::all(&t.service.db)
        .await
        .map_err(|e| ApiError::from(e).into_response())?;
    Ok(Json(
        all.iter()
            .map(MaskinportenClient::to_json)
            .collect::<Vec<_>>(),
    )
    .into_response())
}

async fn existing(t: &TestTools, id: &str) -> Result<MaskinportenClient, Response> {
    let found = clients::find(&t.service.db, id)
        .await
        .map_err(|e| ApiError::from(e).into_response())?;
    found.ok_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// `GET /sandbox/clients/{clientId}`
pub async fn read(
    State(t): State<TestTools>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    Ok(Json(existing(&t, &id).await?.to_json()).into_response())
}

/// `PUT /sandbox/clients/{clientId}`: replaces everything but, when no key is given, the keys.
pub async fn replace(
    State(t): State<TestTools>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(mut new): Json<NewClient>,
) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    let known = existing(&t, &id).await?;
    if new.jwks.is_none() && new.pem.is_none() {
        new.jwks = Some(known.jwks);
    }
    let (client, material) = store(&t, new, id).await?;
    Ok(Json(with_material(&client, material)).into_response())
}

/// `PUT /sandbox/clients/{clientId}/jwks`
pub async fn replace_jwks(
    State(t): State<TestTools>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(jwks): Json<Value>,
) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    let known = existing(&t, &id).await?;
    if KeySet::read(&jwks).is_empty() {
        return Err(bad("the body holds no usable RSA key with a kid"));
    }
    let client = MaskinportenClient { jwks, ..known };
    clients::put(&t.service.db, &client)
        .await
        .map_err(|e| ApiError::from(e).into_response())?;
    Ok(Json(client.to_json()).into_response())
}

/// `DELETE /sandbox/clients/{clientId}`
pub async fn delete(
    State(t): State<TestTools>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    let removed = clients::remove(&t.service.db, &id)
        .await
        .map_err(|e| ApiError::from(e).into_response())?;
    Ok(if removed {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
    .into_response())
}

/// An OIDC client to be registered.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewOidcClient {
    client_id: Option<String>,
    org_number: Option<String>,
    client_secret: Option<String>,
    jwks: Option<Value>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    scopes: Vec<String>,
}

/// `POST /sandbox/oidc-clients`
pub async fn create_oidc(
    State(t): State<TestTools>,
    headers: HeaderMap,
    Json(new): Json<NewOidcClient>,
) -> Result<Response, Response> {
    authorize(&t, &headers, None).await?;
    if new.redirect_uris.is_empty() {
        return Err(bad("redirectUris must name at least one address"));
    }
    let client = OidcClient {
        client_id: new.client_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        org_number: new.org_number,
        secret_hash: new.client_secret.map(|s| sha256(s).to_vec()),
        jwks: new.jwks,
        redirect_uris: new.redirect_uris,
        post_logout_redirect_uris: new.post_logout_redirect_uris,
        scopes: new.scopes,
    };
    idporten::put_client(&t.service, &client)
        .await
        .map_err(|e| ApiError::from(e).into_response())?;
    Ok((
        StatusCode::CREATED,
        Json(json!({"clientId": client.client_id, "redirectUris": client.redirect_uris})),
    )
        .into_response())
}
