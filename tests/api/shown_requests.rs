//! The audit trail says which person of the customer was shown a request.

use testkit::prelude::*;

use crate::pages::Browser;

/// Object id, kind of actor and person of each row with an action.
async fn shown(world: &World, action: &str) -> Vec<(String, String, Option<String>)> {
    let rows = world.app.rows_of(action).await;
    rows.into_iter()
        .map(|row| {
            let person = row.actor_party_uuid.map(|uuid| uuid.to_string());
            (row.object_id, row.actor_kind, person)
        })
        .collect()
}

fn by(request: &RequestHandle<'_>, person: Person) -> (String, String, Option<String>) {
    (
        request.id.clone(),
        "person".to_owned(),
        Some(person.uuid.to_owned()),
    )
}

#[tokio::test]
async fn a_request_read_under_its_party_leaves_a_row() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.torleif().reads(&request).await.assert_status(200);

    let rows = shown(&world, "request.read_by_party").await;

    assert_eq!(rows, [by(&request, TORLEIF)]);
}

#[tokio::test]
async fn a_request_read_by_its_id_leaves_a_row() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.torleif().opens(&request).await.assert_status(200);

    let rows = shown(&world, "request.read_by_party").await;

    assert_eq!(rows, [by(&request, TORLEIF)]);
}

#[tokio::test]
async fn an_agent_request_leaves_a_row_too() {
    let world = World::start().await;
    let request = world.agent_request_to_sifferhjelp();
    world.olav().reads(&request).await.assert_status(200);

    let rows = shown(&world, "request.read_by_party").await;

    assert_eq!(rows, [by(&request, OLAV)]);
}

#[tokio::test]
async fn a_confirm_page_leaves_a_row_once_the_person_has_logged_in() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    let address = format!(
        "{}/accessmanagement/ui/systemuser/request?id={}",
        world.app.base, request.id
    );
    let browser = Browser::new();
    browser.open(&address).await.expect(200, "Velg testperson");
    assert_eq!(shown(&world, "request.read_by_party").await, []);

    browser.open_as(&address, TORLEIF.pid).await;

    let rows = shown(&world, "request.read_by_party").await;
    assert_eq!(rows, [by(&request, TORLEIF)]);
}

#[tokio::test]
async fn a_person_who_may_not_see_a_request_was_not_shown_it() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.oddny().reads(&request).await.assert_forbidden();

    assert_eq!(shown(&world, "request.read_by_party").await, []);
}

#[tokio::test]
async fn the_vendor_is_not_the_party_that_was_asked() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.fjordlonn().reads(&request).await.assert_status(200);

    assert_eq!(shown(&world, "request.read_by_party").await, []);
}
