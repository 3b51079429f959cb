//! Headers that every answer carries, whatever it is about.

use testkit::prelude::*;

use crate::journey::Client;

#[tokio::test]
async fn an_exchanged_token_is_kept_out_of_caches() {
    let world = World::start().await;
    let raw = Client::seeded(FJORDLONN_SYSTEM.client)
        .token(&world.app, REQUEST_READ)
        .await;
    world
        .bearer(&raw)
        .get("/authentication/api/v1/exchange/maskinporten")
        .await
        .assert_status(200)
        .assert_header("cache-control", "no-store")
        .assert_header("x-content-type-options", "nosniff");
}

#[tokio::test]
async fn an_answer_with_an_identity_number_is_kept_out_of_caches() {
    let world = World::start().await;
    let path = format!("/register/api/v1/parties/{}", KERAMIKK.party);
    world
        .oddny()
        .get(&path)
        .await
        .assert_status(200)
        .assert_header("cache-control", "no-store");
}

#[tokio::test]
async fn a_refusal_is_kept_out_of_caches() {
    let world = World::start().await;
    world
        .bearer("x")
        .get("/authentication/api/v1/exchange/maskinporten")
        .await
        .assert_unauthorized()
        .assert_header("cache-control", "no-store");
}

#[tokio::test]
async fn a_json_answer_forbids_browsers_to_guess_its_type() {
    let world = World::start().await;
    world
        .fjordlonn()
        .get(SYSTEMS)
        .await
        .assert_status(200)
        .assert_header("x-content-type-options", "nosniff");
}

#[tokio::test]
async fn public_keys_may_be_kept_by_caches() {
    let world = World::start().await;
    world
        .anonymous()
        .get("/authentication/api/v1/openid/.well-known/openid-configuration/jwks")
        .await
        .assert_status(200)
        .assert_header("cache-control", "public, max-age=3600");
}

#[tokio::test]
async fn the_reference_of_the_api_keeps_its_address_from_other_sites() {
    let world = World::start().await;
    world
        .anonymous()
        .get("/docs/api")
        .await
        .assert_status(200)
        .assert_header("referrer-policy", "same-origin")
        .assert_header("x-content-type-options", "nosniff");
}

#[tokio::test]
async fn a_refusal_without_a_body_names_its_trace() {
    let world = World::start().await;
    let path = "/authentication/api/v1/systemregister/vendor";
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let anonymous = world.anonymous().with_header("traceparent", caller);
    let unscoped = world
        .organization(FJORDLONN, "some:scope")
        .with_header("traceparent", caller);
    for (refused, status) in [
        (anonymous.get(path).await, 401),
        (unscoped.get(path).await, 403),
    ] {
        let refused = refused.assert_status(status).assert_empty();
        let trace = refused.header("traceresponse");
        assert!(
            trace.starts_with("00-0af7651916cd43dd8448eb211c80319c-")
                && trace.len() == caller.len(),
            "{trace}"
        );
    }
}
