//! Why Maskinporten gives a vendor no token.

use serde_json::{Value, json};
use testkit::prelude::*;

use crate::journey::Client;

const EXPLAIN: &str = "/systembruker/api/v1/token:explain";
const SKYREGNSKAP_CLIENT: &str = "600a4c3c-20b5-5b52-a2a0-e5f5e6d37d5f";
const BYRA_CLIENT: &str = "38d3e084-f613-525a-9ec5-b8228a9f1ff1";
const FJORDLONN_CLIENT: &str = "08b08038-be28-511d-9ee8-c25fec65e65e";
const KLASSISK_CLIENT: &str = "97cd25d0-3f2d-55cd-93d3-9a0d1dc193a0";

async fn explain(vendor: &VendorCaller<'_>, client: &str, customer: Organization) -> Value {
    let body = json!({"clientId": client, "systemUserOrg": customer.number});
    let answer = vendor.post(EXPLAIN, body).await;
    answer.assert_status(200).json()
}

#[tokio::test]
async fn every_cause_is_known() {
    let world = World::start().await;
    let (skyregnskap, fjordlonn) = (world.skyregnskap(), world.fjordlonn());
    for (vendor, client, customer, cause) in [
        (&skyregnskap, "finnes-ikke", NATTERGAL, "client_unknown"),
        (
            &fjordlonn,
            KLASSISK_CLIENT,
            HELLESYN_DRIFT,
            "system_deleted",
        ),
        (
            &fjordlonn,
            FJORDLONN_CLIENT,
            LYNGMARK,
            "external_reference_missing",
        ),
        (
            &skyregnskap,
            BYRA_CLIENT,
            NATTERGAL,
            "organization_is_a_client",
        ),
        (
            &skyregnskap,
            SKYREGNSKAP_CLIENT,
            HELLESYN_DRIFT,
            "request_open",
        ),
        (
            &skyregnskap,
            SKYREGNSKAP_CLIENT,
            TINDEVANDRER,
            "request_rejected",
        ),
        (
            &skyregnskap,
            SKYREGNSKAP_CLIENT,
            KERAMIKK,
            "never_requested",
        ),
    ] {
        let explained = explain(vendor, client, customer).await;
        assert_eq!(explained["found"], false, "{cause}");
        assert_eq!(explained["cause"], cause);
        assert!(!explained["hint"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_system_user_that_is_there_is_found() {
    let world = World::start().await;
    assert_eq!(
        explain(&world.skyregnskap(), SKYREGNSKAP_CLIENT, NATTERGAL).await,
        json!({"found": true})
    );
}

#[tokio::test]
async fn the_organisation_may_be_named_as_maskinporten_does() {
    let world = World::start().await;
    let body = json!({
        "clientId": FJORDLONN_CLIENT,
        "systemUserOrg": format!("0192:{}", LYNGMARK.number),
        "externalRef": "kommune-lonn-1",
    });
    let answer = world.fjordlonn().post(EXPLAIN, body).await;
    answer.assert_json(&json!({"found": true}));
}

#[tokio::test]
async fn another_external_reference_is_a_cause() {
    let world = World::start().await;
    let body = json!({
        "clientId": FJORDLONN_CLIENT, "systemUserOrg": LYNGMARK.number, "externalRef": "Kommune-lonn-1",
    });
    let explained = world.fjordlonn().post(EXPLAIN, body).await.json();
    assert_eq!(explained["cause"], "external_reference_differs");
}

#[tokio::test]
async fn a_deleted_system_user_is_a_cause() {
    let world = World::start().await;
    world
        .marit()
        .deletes(&TINDEVANDRER_USER)
        .await
        .assert_status(202);
    let explained = explain(&world.fjordlonn(), FJORDLONN_CLIENT, TINDEVANDRER).await;
    assert_eq!(explained["cause"], "system_user_deleted");
}

#[tokio::test]
async fn a_client_of_another_vendor_is_unknown() {
    let world = World::start().await;
    let explained = explain(&world.fjordlonn(), SKYREGNSKAP_CLIENT, NATTERGAL).await;
    assert_eq!(explained["cause"], "client_unknown");
}

#[tokio::test]
async fn a_question_that_cannot_be_bound_names_the_member() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .post(EXPLAIN, json!({"clientId": "x", "systemUserOrg": "0192:1"}))
        .await
        .assert_error_keys(["SystemUserOrg"]);
    vendor
        .post(EXPLAIN, json!({"systemUserOrg": KERAMIKK.number}))
        .await
        .assert_error_keys(["$", "question"]);
}

#[tokio::test]
async fn a_question_needs_the_scope_of_reading_requests() {
    let world = World::start().await;
    world
        .fjordlonn()
        .with_scopes(REQUEST_WRITE)
        .post(EXPLAIN, json!({}))
        .await
        .assert_forbidden();
    world
        .anonymous()
        .post(EXPLAIN, json!({}))
        .await
        .assert_unauthorized();
}

#[tokio::test]
async fn the_sandboxs_maskinporten_says_the_same() {
    let world = World::start().await;
    let client = Client::seeded(SKYREGNSKAP_CLIENT);
    for (customer, cause) in [
        (HELLESYN_DRIFT, "request_open: "),
        (KERAMIKK, "never_requested: "),
    ] {
        let mut claims = client.claims(&world.app, "altinn:systembruker.demo");
        claims["authorization_details"] = json!([{
            "type": "urn:altinn:systemuser",
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{}", customer.number)},
        }]);
        let body = client.send(&world.app, &claims).await.json();
        let description = body["error_description"].as_str().unwrap();
        assert!(description.contains(cause), "{description}");
    }
}
