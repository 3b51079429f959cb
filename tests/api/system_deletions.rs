//! The system register: deleting systems, and what that ends.

use serde_json::{Value, json};
use testkit::prelude::*;

const ID: &str = FJORDLONN_SYSTEM.id;

/// A world where Fjordlønn has deleted its system, and the system as it was.
async fn deleted() -> (World, Value) {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let system = vendor.reads_system(ID).await.assert_status(200).json();
    vendor.deletes_system(ID).await.assert_status(200);
    (world, system)
}

#[tokio::test]
async fn a_deleted_system_is_shown_as_deleted() {
    let (world, _) = deleted().await;
    let shown = world.fjordlonn().reads_system(ID).await.assert_status(200);
    assert_eq!(shown.json()["isDeleted"], true);
}

#[tokio::test]
async fn a_deleted_system_is_not_deleted_again() {
    let (world, _) = deleted().await;
    let again = world.fjordlonn().deletes_system(ID).await;
    assert_eq!(again.assert_status(400).problem()["title"], "Bad Request");
}

#[tokio::test]
async fn an_unknown_system_is_not_deleted() {
    let world = World::start().await;
    let refused = world
        .fjordlonn()
        .deletes_system(UNKNOWN_SYSTEM.id)
        .await
        .assert_error_keys(["return"]);
    assert_eq!(
        refused.problem()["errors"]["return"],
        json!(["System not found"])
    );
}

#[tokio::test]
async fn a_deleted_system_is_not_changed() {
    let (world, system) = deleted().await;
    for (path, body) in [(ID.to_owned(), system), (format!("{ID}/rights"), json!([]))] {
        world
            .fjordlonn()
            .replaces(&path, body)
            .await
            .assert_status(400)
            .assert_text("Cannot update a system marked as deleted.");
    }
}

#[tokio::test]
async fn the_id_of_a_deleted_system_is_not_used_again() {
    let (world, mut system) = deleted().await;
    system["clientId"] = json!([]);
    system["allowedRedirectUrls"] = json!(["https://fjordlonn.example/kvittering"]);
    world
        .fjordlonn()
        .registers(system)
        .await
        .assert_validation(["AUTH.VLD-00002"]);
}

#[tokio::test]
async fn system_users_of_a_deleted_system_decide_nothing() {
    let world = World::start().await;
    let sav = world.sav();
    let decide = || sav.decides(&TINDEVANDRER_USER, "write", INNTEKTSMELDING, TINDEVANDRER);
    assert_eq!(decide().await, Permit);
    world
        .fjordlonn()
        .with_scopes(REGISTER_WRITE)
        .deletes_system(ID)
        .await
        .assert_status(200);
    assert_eq!(decide().await, NotApplicable);
}

#[tokio::test]
async fn no_organisation_is_asked_for_a_deleted_system() {
    let (world, _) = deleted().await;
    world
        .fjordlonn()
        .sends_request(request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]))
        .await
        .assert_problem(404, "AUTH-00011");
}

#[tokio::test]
async fn a_request_of_a_deleted_system_is_not_approved() {
    let (world, _) = deleted().await;
    world
        .torleif()
        .approves(&world.request_to_nattergal())
        .await
        .assert_problem(404, "AUTH-00011");
}
