//! Access packages in another letter case than the catalogue's.

use edges::import::ImportKind;
use serde_json::{Value, json};
use testkit::prelude::*;

use crate::import::files::good;

/// The packages of a system that Fjordlønn registers, as it spells them.
fn system(urns: &[&str]) -> Value {
    let texts = json!({"nb": "a", "nn": "a", "en": "a"});
    let packages: Value = urns.iter().map(|urn| json!({"urn": urn})).collect();
    json!({"id": NEW_SYSTEM, "vendor": {"ID": FJORDLONN.identifier()}, "name": texts, "description": texts,
        "accessPackages": packages, "clientId": [], "allowedRedirectUrls": [], "isVisible": true})
}

const NEW_SYSTEM: &str = "390198116_store-bokstaver";
const LOUD: &str = "urn:altinn:accesspackage:LONN";

fn request(urn: &str) -> Value {
    json!({"systemId": NEW_SYSTEM, "partyOrgNo": NATTERGAL.number, "accessPackages": [{"urn": urn}]})
}

async fn stored_packages(world: &World) -> Value {
    let shown = world.fjordlonn().reads_system(NEW_SYSTEM).await;
    shown.assert_status(200).json()["accessPackages"].clone()
}

#[tokio::test]
async fn a_system_is_stored_in_the_catalogues_spelling() {
    let world = World::start().await;
    world
        .fjordlonn()
        .registers(system(&[LOUD]))
        .await
        .assert_status(200);
    assert_eq!(stored_packages(&world).await, packages([LONN]));
}

#[tokio::test]
async fn changed_packages_are_stored_in_the_catalogues_spelling() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor.registers(system(&[])).await.assert_status(200);
    let path = format!("{NEW_SYSTEM}/accesspackages");
    vendor
        .replaces(&path, json!([{"urn": LOUD}]))
        .await
        .assert_status(200);
    assert_eq!(stored_packages(&world).await, packages([LONN]));
    vendor
        .replaces(NEW_SYSTEM, system(&["urn:altinn:AccessPackage:a-ordning"]))
        .await
        .assert_status(200);
    assert_eq!(stored_packages(&world).await, packages([A_ORDNING]));
}

#[tokio::test]
async fn a_package_in_another_letter_case_is_a_repetition() {
    let world = World::start().await;
    world
        .fjordlonn()
        .registers(system(&[LOUD, "urn:altinn:accesspackage:lonn"]))
        .await
        .assert_status(400);
}

#[tokio::test]
async fn what_was_asked_for_in_another_letter_case_is_approved() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor.registers(system(&[LOUD])).await.assert_status(200);
    let asked = vendor
        .requests_as(NATTERGAL, request("urn:altinn:accesspackage:Lonn"))
        .await;
    assert_eq!(asked.shown().await["accessPackages"], packages([LONN]));
    world.torleif().approves(&asked).await.assert_status(200);
}

#[tokio::test]
async fn what_was_stored_in_another_letter_case_is_approved() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .registers(system(&["urn:altinn:accesspackage:lonn"]))
        .await
        .assert_status(200);
    let asked = vendor
        .requests_as(NATTERGAL, request("urn:altinn:accesspackage:lonn"))
        .await;
    let stored = |urn: &str| json!([{"urn": urn}]);
    let id = "390198116_store-bokstaver";
    let of_system = stored("urn:altinn:accesspackage:LONN");
    world.app.set_packages_of_system(id, &of_system).await;
    let of_request = stored("urn:altinn:accesspackage:Lonn");
    world
        .app
        .set_packages_of_request(&asked.id, &of_request)
        .await;
    world.torleif().approves(&asked).await.assert_status(200);
}

#[tokio::test]
async fn a_change_is_asked_for_in_any_letter_case() {
    let world = World::start().await;
    let body = json!({"requiredAccessPackages": [{"urn": "urn:altinn:accesspackage:PENSJON"}]});
    let asked = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, body)
        .await;
    assert_eq!(
        asked.shown().await["requiredAccessPackages"],
        packages([PENSJON])
    );
    world.marit().approves(&asked).await.assert_status(200);
}

#[tokio::test]
async fn imported_packages_are_stored_in_the_catalogues_spelling() {
    let world = World::start().await;
    let mut line = system(&[LOUD]);
    line["vendor"] = json!(FJORDLONN.identifier());
    good(&world.app, ImportKind::Systems, &[line]).await;
    assert_eq!(stored_packages(&world).await, packages([LONN]));
    let line = json!({"id": uuid::Uuid::new_v4(), "userType": "standard", "systemId": NEW_SYSTEM, "partyOrgNo": NATTERGAL.number,
        "accessPackages": [{"urn": LOUD}]});
    good(&world.app, ImportKind::Requests, &[line]).await;
    let path = format!("{VENDOR_REQUESTS}/bysystem/{NEW_SYSTEM}");
    let list = world.fjordlonn().get(&path).await.assert_status(200).json();
    assert_eq!(list["data"][0]["accessPackages"], packages([LONN]));
}
