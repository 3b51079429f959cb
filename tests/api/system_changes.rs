//! The system register: changing systems, and the log of it.

use serde_json::{Value, json};
use testkit::prelude::*;

const ID: &str = "390198116_endring";

fn system(clients: &[&str]) -> Value {
    json!({
        "id": ID,
        "vendor": {"ID": FJORDLONN.identifier()},
        "name": {"en": "a", "nb": "b", "nn": "c"},
        "description": {"en": "a", "nb": "b", "nn": "c"},
        "rights": rights([KRAVOGBETALING]),
        "accessPackages": packages([LONN]),
        "clientId": clients,
        "isVisible": false,
        "allowedRedirectUrls": ["https://Endring.example"],
    })
}

/// A world where Fjordlønn has registered the system with these clients.
async fn registered(clients: &[&str]) -> World {
    let world = World::start().await;
    world
        .fjordlonn()
        .registers(system(clients))
        .await
        .assert_status(200);
    world
}

async fn shown(world: &World) -> Value {
    let read = world.fjordlonn().reads_system(ID).await;
    read.assert_status(200).json()
}

async fn log(world: &World) -> Vec<Value> {
    let vendor = world.fjordlonn();
    let read = vendor.reads_system(&format!("{ID}/changelog")).await;
    read.assert_status(200).list()
}

fn a_melding_read() -> Value {
    json!([{"action": "read", "resource": [{"id": "urn:altinn:resource", "value": A_MELDING.0}]}])
}

/// Changes the system in each way, and deletes it.
async fn change_everything(world: &World) {
    let vendor = world.fjordlonn();
    let succeeded = json!({"succeeded": true});
    let changed = with(system(&["endring-2"]), "id", json!(format!("  {ID} ")));
    let packages = packages([A_ORDNING]);
    for (path, body) in [
        (ID.to_owned(), changed),
        (format!("{ID}/rights"), a_melding_read()),
        (format!("{ID}/accesspackages/"), packages),
    ] {
        vendor
            .replaces(&path, body)
            .await
            .assert_status(200)
            .assert_json(&succeeded);
    }
    vendor
        .deletes_system(&format!("{ID}/"))
        .await
        .assert_status(200)
        .assert_json(&succeeded);
}

#[tokio::test]
async fn a_system_is_changed_as_a_whole_and_in_parts() {
    let world = registered(&["endring-1"]).await;
    change_everything(&world).await;
    let shown = shown(&world).await;
    assert_eq!(shown["rights"], a_melding_read());
    assert_eq!(shown["accessPackages"], packages([A_ORDNING]));
    assert_eq!(shown["clientId"], json!(["endring-2"]));
}

#[tokio::test]
async fn the_log_has_every_change_newest_first() {
    let world = registered(&["endring-1"]).await;
    change_everything(&world).await;

    let log = log(&world).await;

    let kinds: Vec<_> = log
        .iter()
        .map(|entry| entry["changeType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "delete",
            "accesspackageupdate",
            "rightsupdate",
            "update",
            "create"
        ]
    );
}

#[tokio::test]
async fn an_entry_of_the_log_says_what_changed() {
    let world = registered(&["endring-1"]).await;
    change_everything(&world).await;

    let log = log(&world).await;

    assert_eq!(log[0].get("changedData"), None);
    assert_eq!(log[1]["changedData"], json!([{"Urn": A_ORDNING.urn()}]));
    assert_eq!(
        log[2]["changedData"],
        json!([{"Action": "read", "Resource": [{"id": "urn:altinn:resource", "value": "a-melding"}]}])
    );
    assert_eq!(log[3]["changedData"]["Id"], ID);
    assert_eq!(
        log[3]["changedData"]["AllowedRedirectUrls"],
        json!(["https://Endring.example"])
    );
    assert_eq!(
        log[4]["changedData"]["Rights"],
        json!([{"Action": null, "Resource": [{"id": "urn:altinn:resource", "value": "kravogbetaling"}]}])
    );
}

#[tokio::test]
async fn an_entry_of_the_log_says_who_changed_which_system_when() {
    let world = registered(&["endring-1"]).await;
    change_everything(&world).await;
    let log = log(&world).await;
    for entry in &log {
        assert_eq!(entry["changedByOrgNumber"], FJORDLONN.number);
        assert!(entry["created"].as_str().unwrap().ends_with("+00:00"));
        assert_eq!(entry["systemInternalId"], log[0]["systemInternalId"]);
    }
}

#[tokio::test]
async fn the_log_of_an_unknown_system_is_not_found() {
    let world = World::start().await;
    let path = format!("{}/changelog", UNKNOWN_SYSTEM.id);
    world
        .fjordlonn()
        .reads_system(&path)
        .await
        .assert_status(404)
        .assert_text("System with ID 390198116_finnes-ikke not found.");
}

#[tokio::test]
async fn the_log_is_not_shown_to_another_vendor() {
    let world = registered(&[]).await;
    world
        .skyregnskap()
        .reads_system(&format!("{ID}/changelog"))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_replacement_is_whole() {
    let world = registered(&["endring-1", "endring-2"]).await;
    let bare = json!({
        "Id": ID,
        "vendor": {"id": FJORDLONN.identifier()},
        "name": {"en": "x", "nb": "y", "nn": "z"},
        "description": {"en": "a", "nb": "b", "nn": "c"},
        "isDeleted": true,
        "rights": null,
        "accessPackages": null,
    });

    world
        .fjordlonn()
        .replaces(ID, bare)
        .await
        .assert_status(200);

    let shown = shown(&world).await;
    for member in [
        "rights",
        "accessPackages",
        "clientId",
        "allowedRedirectUrls",
    ] {
        assert_eq!(shown[member], json!([]), "{member}");
    }
    assert_eq!(shown["isVisible"], true);
    assert_eq!(shown["isDeleted"], false);
    assert_eq!(shown["name"]["nb"], "y");
}

#[tokio::test]
async fn a_client_that_a_system_gave_up_is_free_for_another() {
    let world = registered(&["endring-1", "endring-2"]).await;
    let vendor = world.fjordlonn();
    vendor
        .replaces(ID, system(&["endring-2"]))
        .await
        .assert_status(200);
    let mut other = system(&["ENDRING-1"]);
    other["id"] = json!("390198116_annen");

    vendor.registers(other).await.assert_status(200);

    vendor
        .replaces(ID, system(&["endring-2", "endring-1"]))
        .await
        .assert_validation(["AUTH.VLD-00004"]);
}

#[tokio::test]
async fn a_replacement_may_have_a_redirect_url_with_http() {
    let world = registered(&["endring-1"]).await;
    let urls = json!(["http://localhost:8081/x"]);
    let local = with(system(&["endring-1"]), "allowedRedirectUrls", urls.clone());
    world
        .fjordlonn()
        .replaces(ID, local)
        .await
        .assert_status(200);
    assert_eq!(shown(&world).await["allowedRedirectUrls"], urls);
}

#[tokio::test]
async fn a_system_is_not_given_to_another_vendor() {
    let world = registered(&["endring-1"]).await;
    let mut body = system(&["endring-1"]);
    body["vendor"]["ID"] = json!(SKYREGNSKAP.identifier());
    world
        .fjordlonn()
        .replaces(ID, body)
        .await
        .assert_status(404)
        .assert_text("System with ID '390198116_endring' not found.");
}

#[tokio::test]
async fn an_unknown_system_is_not_changed() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let unknown = UNKNOWN_SYSTEM.id;
    vendor
        .replaces(unknown, system(&[]))
        .await
        .assert_status(404)
        .assert_text("System with ID '390198116_finnes-ikke' not found.");
    for part in ["rights", "accesspackages"] {
        vendor
            .replaces(&format!("{unknown}/{part}"), json!([]))
            .await
            .assert_status(404);
    }
}

#[tokio::test]
async fn a_system_keeps_its_id_in_the_same_case() {
    let world = registered(&["endring-1"]).await;
    let body = with(system(&["endring-1"]), "id", json!("390198116_Endring"));
    world
        .fjordlonn()
        .replaces(ID, body)
        .await
        .assert_validation(["AUTH.VLD-00012"]);
}

#[tokio::test]
async fn another_vendor_changes_nothing() {
    let world = registered(&[]).await;
    world
        .skyregnskap()
        .replaces(ID, system(&[]))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_replacement_hears_of_all_findings_in_order_and_changes_nothing() {
    let world = registered(&["endring-1"]).await;
    let before = shown(&world).await;
    let mut wrong = system(&["a", "A", FJORDLONN_SYSTEM.client]);
    wrong["allowedRedirectUrls"] = json!(["ftp://x"]);
    wrong["rights"] = json!([
        {"resource": [{"id": "urn:annet", "value": "x"}]},
        {"resource": [{"id": "urn:altinn:resource", "value": "finnes-ikke"}]},
    ]);
    wrong["accessPackages"] =
        json!([{"urn": "lonn"}, {"urn": "lonn"}, {"urn": REGNSKAPSFORER_LONN.urn()}]);
    wrong["isVisible"] = json!(true);
    wrong["name"] = json!({"en": "a", "nb": "b"});

    let refused = world.fjordlonn().replaces(ID, wrong).await;

    refused.assert_validation([
        "AUTH.VLD-00005",
        "AUTH.VLD-00009",
        "AUTH.VLD-00003",
        "AUTH.VLD-00008",
        "AUTH.VLD-00007",
        "AUTH.VLD-00018",
        "AUTH.VLD-00011",
        "AUTH.VLD-00004",
        "STD.VLD-00000",
    ]);
    assert_eq!(shown(&world).await, before);
    assert_eq!(log(&world).await.len(), 1);
}

#[tokio::test]
async fn a_part_that_cannot_be_bound_is_named_and_changes_nothing() {
    let world = registered(&["endring-1"]).await;
    let before = shown(&world).await;
    for (part, body) in [
        ("rights", json!({})),
        ("accesspackages", json!({"urn": "x"})),
        ("rights", json!([null])),
        ("rights", json!([{"resource": [{"id": "", "value": "x"}]}])),
    ] {
        let refused = world
            .fjordlonn()
            .replaces(&format!("{ID}/{part}"), body)
            .await;
        assert!(!refused.error_keys().is_empty());
    }
    assert_eq!(shown(&world).await, before);
}

#[tokio::test]
async fn a_part_hears_of_its_findings() {
    let world = registered(&["endring-1"]).await;
    let vendor = world.fjordlonn();
    vendor
        .replaces(&format!("{ID}/rights"), json!([{"resource": []}]))
        .await
        .assert_validation(["STD.VLD-00000"]);
    vendor
        .replaces(&format!("{ID}/accesspackages"), json!([{"urn": "x"}]))
        .await
        .assert_validation(["AUTH.VLD-00008"]);
    assert_eq!(log(&world).await.len(), 1);
}

#[tokio::test]
async fn an_administrator_of_the_register_changes_systems_of_others() {
    let world = registered(&["endring-1"]).await;
    world
        .vendor(SAV)
        .with_scopes(REGISTER_ADMIN)
        .replaces(&format!("{ID}/rights"), json!([]))
        .await
        .assert_status(200);
    assert_eq!(log(&world).await[0]["changedByOrgNumber"], SAV.number);
}

#[tokio::test]
async fn of_four_systems_at_once_one_takes_a_client() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let ids = [1, 2, 3, 4].map(|n| format!("390198116_lop-{n}"));
    for id in &ids {
        let body = with(system(&[]), "id", json!(id));
        vendor.registers(body).await.assert_status(200);
    }

    let changes = ids.iter().map(|id| {
        let body = with(system(&["omstridt"]), "id", json!(id));
        vendor.replaces(id, body)
    });
    let held = world.app.hold_writes("system_client").await;

    let answers = held.race(changes).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for answer in lost {
        answer.assert_validation(["AUTH.VLD-00004"]);
    }
}
