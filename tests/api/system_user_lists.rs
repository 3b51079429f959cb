//! System users as their owners create, list, rename and delete them.

use serde_json::{Value, json};
use testkit::prelude::*;

const BASE: &str = "/authentication/api/v1/systemuser";

fn create_path() -> String {
    format!("{BASE}/{}/create", NATTERGAL.party)
}

async fn create(world: &World, system_id: &str) -> Answer {
    let body = json!({
        "IntegrationTitle": "Lønn hos Nattergal",
        "systemId": system_id,
        "more": 1,
    });
    world.torleif().post(&create_path(), body).await
}

/// A world without a request to Nattergal for a system user of Fjordlønn.
async fn without_request() -> World {
    let world = World::start().await;
    world
        .fjordlonn()
        .takes_back(&world.request_to_nattergal())
        .await
        .assert_status(202);
    world
}

/// Nattergal's new system user at Fjordlønn, and how it was shown.
async fn created(world: &World) -> (SystemUser, Value) {
    let answer = create(world, FJORDLONN_SYSTEM.id).await;
    let shown = answer.assert_status(200).json();
    let id = shown["id"].as_str().unwrap().to_owned().into();
    let user = SystemUser {
        id,
        owner: NATTERGAL,
    };
    (user, shown)
}

async fn listed(world: &World) -> Vec<Value> {
    let path = format!("{BASE}/{}", NATTERGAL.party);
    let list = world.torleif().get(&path).await;
    list.assert_status(200).list()
}

#[tokio::test]
async fn a_created_system_user_is_shown_with_the_packages_of_its_system() {
    let world = without_request().await;
    let (_, mut shown) = created(&world).await;
    for member in ["id", "created", "systemInternalId"] {
        assert!(!shown[member].take().is_null(), "{member}");
    }
    insta::assert_snapshot!(shown.to_string(), @r#"{"id":null,"integrationTitle":"Lønn hos Nattergal","systemId":"390198116_fjordlonn","productName":"","systemInternalId":null,"partyId":"52000063","partyUuId":"","reporteeOrgNo":"390326572","created":null,"isDeleted":false,"supplierName":"","supplierOrgno":"390198116","externalRef":"390326572","userType":"standard","accessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"},{"urn":"urn:altinn:accesspackage:lonn"},{"urn":"urn:altinn:accesspackage:pensjon"},{"urn":"urn:altinn:accesspackage:sykefravaer"}]}"#);
}

#[tokio::test]
async fn a_system_user_is_created_once_for_each_system() {
    let world = without_request().await;
    created(&world).await;
    create(&world, FJORDLONN_SYSTEM.id)
        .await
        .assert_problem(400, "AUTH-00004");
}

#[tokio::test]
async fn a_created_system_user_is_the_last_in_the_list() {
    let world = without_request().await;
    let before = listed(&world).await.len();
    let (_, shown) = created(&world).await;
    let list = listed(&world).await;
    assert_eq!(list.len(), before + 1);
    assert_eq!(list.last(), Some(&shown));
}

#[tokio::test]
async fn a_created_system_user_holds_what_its_system_lists() {
    let world = without_request().await;
    let (user, shown) = created(&world).await;

    let read = world.torleif().reads_user(&user).await.assert_status(200);
    let detail = read.json();
    assert_eq!(detail["accessPackages"], shown["accessPackages"]);
    assert_eq!(detail["rights"], rights([INNTEKTSMELDING]));

    let path = format!("{}/delegations", user.path());
    let held = json!({
        "systemUserId": user.id,
        "rights": rights([INNTEKTSMELDING]),
        "accessPackages": shown["accessPackages"],
    });
    world
        .torleif()
        .get(&path)
        .await
        .assert_status(200)
        .assert_text(&held.to_string());
}

#[tokio::test]
async fn a_created_system_user_may_act_for_its_owner() {
    let world = without_request().await;
    let (user, _) = created(&world).await;
    let sav = world.sav();
    let decision = sav.decides(&user, "write", A_MELDING, NATTERGAL).await;
    assert_eq!(decision, Permit);
}

/// What Maskinporten sends to find it, in the letter case of older clients.
async fn look_up(world: &World, external_ref: Option<&str>) -> Answer {
    let mut parameters = vec![
        ("clientid", FJORDLONN_SYSTEM.client),
        ("systemproviderorgno", FJORDLONN.number),
        ("systemuserownerorgno", NATTERGAL.number),
    ];
    parameters.extend(external_ref.map(|value| ("externalref", value)));
    world.maskinporten().looks_up_by(&parameters).await
}

#[tokio::test]
async fn a_created_system_user_is_found_by_the_number_of_its_owner() {
    let world = without_request().await;
    let (user, _) = created(&world).await;
    for external_ref in [None, Some(""), Some(NATTERGAL.number)] {
        let found = look_up(&world, external_ref).await.assert_status(200);
        assert_eq!(found.json()["id"], json!(user.id));
    }
    look_up(&world, Some("other")).await.assert_status(404);
}

fn rename(user: &SystemUser) -> Value {
    json!({
        "id": user.id,
        "partyId": user.owner.party.to_string(),
        "reporteeOrgNo": "1",
        "integrationTitle": " Ny tittel ",
        "systemId": "x",
    })
}

#[tokio::test]
async fn an_owner_changes_the_title_and_nothing_else() {
    let world = World::start().await;
    let torleif = world.torleif();

    torleif
        .put(BASE, rename(&NATTERGAL_USER))
        .await
        .assert_status(200)
        .assert_empty();

    let detail = torleif.reads_user(&NATTERGAL_USER).await.json();
    assert_eq!(detail["integrationTitle"], "Ny tittel");
    assert_eq!(detail["systemId"], SKYREGNSKAP_SYSTEM.id);
}

#[tokio::test]
async fn a_title_is_changed_by_the_owner_of_the_system_user() {
    let world = World::start().await;
    world
        .oddny()
        .put(BASE, rename(&NATTERGAL_USER))
        .await
        .assert_forbidden();
    let foreign = TINDEVANDRER_USER.as_if_owned_by(NATTERGAL);
    world
        .torleif()
        .put(BASE, rename(&foreign))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn a_change_of_title_names_the_member_that_is_wrong() {
    let world = World::start().await;
    for (member, value, key) in [
        ("id", json!("x"), "Id"),
        ("partyId", json!("x"), "PartyId"),
        ("integrationTitle", json!("  "), "IntegrationTitle"),
        (
            "integrationTitle",
            json!("x".repeat(256)),
            "IntegrationTitle",
        ),
    ] {
        let body = with(rename(&NATTERGAL_USER), member, value);
        world
            .torleif()
            .put(BASE, body)
            .await
            .assert_error_keys([key]);
    }
    world
        .torleif()
        .put(BASE, json!({"id": NATTERGAL_USER.id}))
        .await
        .assert_status(400);
}

#[tokio::test]
async fn a_deleted_system_user_is_gone_everywhere() {
    let world = without_request().await;
    let (user, _) = created(&world).await;
    let torleif = world.torleif();

    torleif
        .deletes(&user)
        .await
        .assert_status(202)
        .assert_text("1");

    torleif
        .deletes(&user)
        .await
        .assert_status(404)
        .assert_text("0");
    look_up(&world, None).await.assert_status(404);
    let sav = world.sav();
    let decision = sav.decides(&user, "write", A_MELDING, NATTERGAL).await;
    assert_eq!(decision, NotApplicable);
    torleif
        .get(&format!("{}/delegations", user.path()))
        .await
        .assert_problem(404, "AUTH-00015");
}

#[tokio::test]
async fn after_a_deletion_a_new_system_user_is_created() {
    let world = without_request().await;
    let (first, _) = created(&world).await;
    world.torleif().deletes(&first).await.assert_status(202);

    let (second, _) = created(&world).await;

    assert_ne!(first.id, second.id);
    assert_eq!(world.app.audited("systemuser.created").await, 2);
}

#[tokio::test]
async fn a_system_user_is_created_at_a_system_that_exists() {
    let world = World::start().await;
    let before = listed(&world).await;
    for system in [UNKNOWN_SYSTEM, FJORDLONN_DELETED_SYSTEM] {
        create(&world, system.id)
            .await
            .assert_problem(404, "AUTH-00011");
    }
    assert_eq!(listed(&world).await, before);
}

#[tokio::test]
async fn a_standard_system_user_is_not_created_at_a_system_for_clients() {
    let world = World::start().await;
    let before = listed(&world).await;
    create(&world, SKYREGNSKAP_BYRA.id)
        .await
        .assert_problem(400, "AUTH-00053");
    assert_eq!(listed(&world).await, before);
}

#[tokio::test]
async fn a_creation_names_a_right_that_no_person_can_give() {
    let world = World::start().await;
    let before = listed(&world).await;
    world
        .app
        .list_rights_in_system(FJORDLONN_SYSTEM, [UNKNOWN_RESOURCE])
        .await;

    let refused = create(&world, FJORDLONN_SYSTEM.id).await;

    let problem = refused.assert_problem(403, "AUTH-00014").problem();
    let reasons = problem["delegationReasons"].as_str().unwrap();
    assert!(reasons.contains(UNKNOWN_RESOURCE.0), "{reasons}");
    assert_eq!(listed(&world).await, before);
}

#[tokio::test]
async fn a_creation_that_cannot_be_bound_is_refused() {
    let world = World::start().await;
    let before = listed(&world).await;
    for body in [
        json!({}),
        json!({"integrationTitle": "x"}),
        json!({"systemId": null, "integrationTitle": "x"}),
        json!([]),
    ] {
        world
            .torleif()
            .post(&create_path(), body)
            .await
            .assert_status(400);
    }
    assert_eq!(listed(&world).await, before);
}

#[tokio::test]
async fn a_system_user_is_created_by_an_access_manager_of_its_owner() {
    let world = World::start().await;
    let before = listed(&world).await;
    let body = json!({"integrationTitle": "x", "systemId": SKYREGNSKAP_BYRA.id});
    world
        .oddny()
        .post(&create_path(), body)
        .await
        .assert_forbidden();
    world
        .anonymous()
        .post(&create_path(), json!({}))
        .await
        .assert_unauthorized();
    assert_eq!(listed(&world).await, before);
}

#[tokio::test]
async fn a_system_that_lists_nothing_gives_a_system_user_that_holds_nothing() {
    let world = without_request().await;
    let vendor = world.fjordlonn();
    vendor.offers(FJORDLONN_SYSTEM, NO_PACKAGES).await;
    vendor.changes(FJORDLONN_SYSTEM, "rights", json!([])).await;
    let (_, shown) = created(&world).await;
    assert_eq!(shown["accessPackages"], json!([]));
}

#[tokio::test]
async fn of_four_creations_at_once_one_counts() {
    let world = without_request().await;

    let creations = (0..4).map(|_| create(&world, FJORDLONN_SYSTEM.id));
    let held = world.app.hold_writes("\"system_user\"").await;

    let answers = held.race(creations).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for answer in lost {
        answer.assert_status(400);
    }
}
