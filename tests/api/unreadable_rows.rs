//! Stored rows that this release cannot read are errors, not empty lists.

use serde_json::json;
use testkit::prelude::*;
use uuid::Uuid;

#[tokio::test]
async fn a_request_with_unreadable_rights_is_not_shown_without_them() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.app.make_unreadable("request", "rights").await;

    let shown = world
        .fjordlonn()
        .get(&format!("{VENDOR_REQUESTS}/{}", request.id))
        .await;

    shown.assert_status(500);
}

#[tokio::test]
async fn a_request_with_unreadable_packages_is_not_approved() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    let packages = ("request", "access_packages");
    world.app.make_unreadable(packages.0, packages.1).await;

    world.oddny().approves(&request).await.assert_status(500);

    assert_eq!(world.app.stored_users(&request.system_user()).await, 0);
}

#[tokio::test]
async fn a_change_request_with_unreadable_rights_is_not_shown_without_them() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let (id, body) = (
        Uuid::new_v4(),
        json!({"requiredAccessPackages": packages([PENSJON])}),
    );
    let sent = vendor.sends_change(id, &TINDEVANDRER_USER, body).await;
    sent.assert_status(201);
    let rights = ("change_request", "required_rights");
    world.app.make_unreadable(rights.0, rights.1).await;

    vendor
        .get(&format!("{VENDOR_CHANGES}/{id}"))
        .await
        .assert_status(500);
}

#[tokio::test]
async fn a_system_with_unreadable_packages_is_not_shown_without_them() {
    let world = World::start().await;
    world.app.make_unreadable("system", "access_packages").await;

    let shown = world.fjordlonn().reads_system(FJORDLONN_SYSTEM.id).await;

    shown.assert_status(500);
}

#[tokio::test]
async fn a_system_user_with_unreadable_packages_is_not_listed_without_them() {
    let world = World::start().await;
    let users = ("\"system_user\"", "access_packages");
    world.app.make_unreadable(users.0, users.1).await;

    let path = format!(
        "/authentication/api/v1/systemuser/vendor/bysystem/{}",
        FJORDLONN_SYSTEM.id
    );
    world.fjordlonn().get(&path).await.assert_status(500);
}
