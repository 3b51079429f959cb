//! The resources that guard the service itself: shipped with it, and the operator's to change.

use testkit::prelude::*;

use crate::resources::{policy, upload};

const RESOURCE: &str = "altinn_client_administration";
const ADMIN: &str = "altinn:resourceregistry/resource.admin";
const REGISTRY: &str = "/resourceregistry/api/v1/resource";

async fn policy_of(world: &World) -> String {
    let path = format!("{REGISTRY}/{RESOURCE}/policy");
    world.anonymous().get(&path).await.assert_status(200).text
}

async fn title_of(world: &World) -> String {
    let path = format!("{REGISTRY}/{RESOURCE}");
    let shown = world.anonymous().get(&path).await.assert_status(200).json();
    shown["title"]["nb"].as_str().unwrap().to_owned()
}

/// Uploads another policy for the resource; the answer is its text.
async fn tightened(world: &World) -> String {
    let token = world.organization(PLF, ADMIN).token().await.unwrap();
    let xml = policy(RESOURCE, &["hovedadministrator"]);
    upload(&world.app, &token, RESOURCE, "policyFile", &xml)
        .await
        .assert_status(201);
    xml
}

#[tokio::test]
async fn the_operators_policy_survives_a_restart() {
    let world = World::start().await;
    let own = tightened(&world).await;
    let restarted = world.another_instance().await;
    assert_eq!(policy_of(&restarted).await, own);
}

#[tokio::test]
async fn the_operators_description_survives_a_restart() {
    let world = World::start().await;
    let admin = world.organization(PLF, ADMIN);
    let path = format!("{REGISTRY}/{RESOURCE}");
    let mut body = admin.get(&path).await.json();
    body["title"]["nb"] = "Vår klientadministrasjon".into();
    admin.put(&path, body).await.assert_status(200);
    let restarted = world.another_instance().await;
    assert_eq!(title_of(&restarted).await, "Vår klientadministrasjon");
}

#[tokio::test]
async fn a_policy_that_is_missing_is_stored_at_the_start() {
    let world = World::start().await;
    let shipped = policy_of(&world).await;
    world.app.remove_policy(RESOURCE).await;
    let restarted = world.another_instance().await;
    assert_eq!(policy_of(&restarted).await, shipped);
}

#[tokio::test]
async fn a_start_without_a_change_stores_nothing() {
    let world = World::start().await;
    let before = world.app.stored_versions().await;
    world.another_instance().await;
    assert_eq!(world.app.stored_versions().await, before);
}
