//! Routes of the local ID-porten and of the test-token generator.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};

use crate::{
    idporten::{self, IdPortenIssuer},
    idporten_page,
    testtools::{self, TestTools},
    testtools_clients,
};

/// The local ID-porten's metadata at another address.
pub fn idporten_metadata(path: &str, issuer: IdPortenIssuer) -> Router {
    Router::new()
        .route(path, get(idporten::metadata))
        .with_state(issuer)
}

/// The local ID-porten's routes.
pub fn idporten(issuer: IdPortenIssuer) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(idporten::metadata))
        .route(
            "/jwks.json",
            get(async |State(i): State<IdPortenIssuer>| Json(i.keys.idporten.document().clone())),
        )
        .route(
            "/authorize",
            get(idporten_page::ask).post(idporten_page::answer),
        )
        .route("/par", post(idporten::push))
        .route("/token", post(idporten::token))
        .route("/userinfo", get(idporten::userinfo))
        .route("/logout", get(idporten::logout))
        .route("/static/{hash}/{file}", get(edges::pages::static_file))
        .with_state(issuer)
}

/// The test-token generator's routes.
pub fn testtools(tools: TestTools) -> Router {
    Router::new()
        .route(
            "/api/.well-known/oauth-authorization-server",
            get(testtools::metadata),
        )
        .route(
            "/api/.well-known/jwks.json",
            get(async |State(t): State<TestTools>| Json(t.keys.none.document())),
        )
        .route("/api/{name}", get(testtools::generate))
        .route(
            "/sandbox/clients",
            post(testtools_clients::create).get(testtools_clients::list),
        )
        .route(
            "/sandbox/clients/{clientId}",
            get(testtools_clients::read)
                .put(testtools_clients::replace)
                .delete(testtools_clients::delete),
        )
        .route(
            "/sandbox/clients/{clientId}/jwks",
            axum::routing::put(testtools_clients::replace_jwks),
        )
        .route(
            "/sandbox/oidc-clients",
            post(testtools_clients::create_oidc),
        )
        .with_state(tools)
}
