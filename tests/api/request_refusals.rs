//! What a vendor cannot ask a customer for.

use serde_json::{Value, json};
use testkit::prelude::*;

fn for_keramikk() -> Value {
    request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING])
}

#[tokio::test]
async fn a_request_is_for_a_system_of_its_vendor_that_exists() {
    let world = World::start().await;
    for system in [UNKNOWN_SYSTEM, SKYREGNSKAP_SYSTEM, FJORDLONN_DELETED_SYSTEM] {
        world
            .fjordlonn()
            .sends_request(request_for(system, KERAMIKK, [A_ORDNING]))
            .await
            .assert_problem(404, "AUTH-00011");
    }
}

#[tokio::test]
async fn a_customer_that_has_a_system_user_is_not_asked_again() {
    let world = World::start().await;
    world
        .fjordlonn()
        .sends_request(request_for(FJORDLONN_SYSTEM, TINDEVANDRER, [A_ORDNING]))
        .await
        .assert_problem(400, "AUTH-00004");
}

#[tokio::test]
async fn an_organisation_that_is_unknown_or_deleted_is_not_asked() {
    let world = World::start().await;
    for customer in [UNKNOWN, GAMLEBYEN] {
        world
            .fjordlonn()
            .sends_request(request_for(FJORDLONN_SYSTEM, customer, [A_ORDNING]))
            .await
            .assert_problem(400, "AUTH-00000");
    }
}

#[tokio::test]
async fn a_redirect_url_is_one_of_the_systems() {
    let world = World::start().await;
    for url in ["https://fjordlonn.example/annet", "kvittering"] {
        let body = with(for_keramikk(), "redirectUrl", json!(url));
        world
            .fjordlonn()
            .sends_request(body)
            .await
            .assert_problem(400, "AUTH-00021");
    }
}

#[tokio::test]
async fn a_system_without_redirect_urls_takes_none_in_a_request() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .changes(FJORDLONN_SYSTEM, "allowedRedirectUrls", json!([]))
        .await;
    let url = json!("https://fjordlonn.example/kvittering");

    let refused = vendor
        .sends_request(with(for_keramikk(), "redirectUrl", url))
        .await;

    refused.assert_problem(400, "AUTH-00026");
}

#[tokio::test]
async fn a_system_without_redirect_urls_takes_a_request_with_an_empty_one() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .changes(FJORDLONN_SYSTEM, "allowedRedirectUrls", json!([]))
        .await;

    let made = vendor
        .sends_request(with(for_keramikk(), "redirectUrl", json!("")))
        .await;

    made.assert_status(201);
}

#[tokio::test]
async fn a_request_without_packages_and_rights_says_so() {
    let world = World::start().await;
    for (body, code) in [
        (without(for_keramikk(), "accessPackages"), "AUTH-00001"),
        (
            with(for_keramikk(), "accessPackages", json!([])),
            "AUTH-00059",
        ),
        (
            with(
                with(for_keramikk(), "accessPackages", json!([])),
                "rights",
                json!([]),
            ),
            "AUTH-00059",
        ),
    ] {
        world
            .fjordlonn()
            .sends_request(body)
            .await
            .assert_problem(400, code);
    }
}

#[tokio::test]
async fn a_right_is_one_that_the_system_lists() {
    let world = World::start().await;
    for wanted in [rights([KRAVOGBETALING]), json!([{"resource": []}])] {
        let body = with(for_keramikk(), "rights", wanted);
        world
            .fjordlonn()
            .sends_request(body)
            .await
            .assert_problem(400, "AUTH-00001");
    }
}

#[tokio::test]
async fn packages_that_the_system_does_not_list_are_named() {
    let world = World::start().await;
    let body = request_for(FJORDLONN_SYSTEM, KERAMIKK, [JORDBRUK, FISKE]);

    let answer = world.fjordlonn().sends_request(body).await;

    let answer = answer.assert_problem(400, "AUTH-00063");
    assert_eq!(
        answer.problem()["NotFoundPackages"],
        "urn:altinn:accesspackage:jordbruk, urn:altinn:accesspackage:fiske"
    );
}

#[tokio::test]
async fn a_package_for_clients_is_not_asked_for_by_a_standard_request() {
    let world = World::start().await;
    let body = request_for(SKYREGNSKAP_BYRA, KERAMIKK, [REGNSKAPSFORER_LONN]);

    let answer = world.skyregnskap().sends_request(body).await;

    let answer = answer.assert_problem(400, "AUTH-00064");
    assert_eq!(
        answer.problem()["NotDelegablePackages"],
        "urn:altinn:accesspackage:regnskapsforer-lonn"
    );
}
