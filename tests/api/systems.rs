//! The system register: registering systems and reading them.

use serde_json::{Value, json};
use testkit::prelude::*;

const VISIBLE_SYSTEMS: &str = "/authentication/api/v1/systemregister";

fn system(id: &str) -> Value {
    json!({
        "id": id,
        "vendor": {"authority": "iso6523-actorid-upis", "ID": FJORDLONN.identifier()},
        "name": {"en": "Payroll", "nb": "Lønn", "nn": "Løn", "se": "Bálká"},
        "description": {"en": "e", "nb": "æøå", "nn": ""},
        "rights": [{"action": "read", "resource": [{"id": "urn:altinn:resource", "value": KRAVOGBETALING.0}]}],
        "accessPackages": packages([LONN, A_ORDNING]),
        "clientId": ["client-b", "client-a"],
        "isVisible": false,
        "allowedRedirectUrls": ["https://Lonn.Example", "https://lonn.example/a?b=1"],
        "softDeleted": true,
    })
}

#[tokio::test]
async fn a_system_is_registered_under_an_id_of_its_own() {
    let world = World::start().await;

    let answer = world
        .fjordlonn()
        .post(&format!("{SYSTEMS}/"), system("390198116_ny"))
        .await
        .assert_status(200)
        .assert_header("content-type", "application/json; charset=utf-8");

    assert!(uuid::Uuid::parse_str(answer.json().as_str().unwrap()).is_ok());
}

#[tokio::test]
async fn a_system_comes_back_as_it_was_sent() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .registers(system(" 390198116_Ny:system "))
        .await
        .assert_status(200);

    let read = vendor.reads_system("390198116_Ny:system").await;

    insta::assert_snapshot!(read.assert_status(200).text, @r#"{"id":"390198116_Ny:system","vendor":{"ID":"0192:390198116"},"name":{"en":"Payroll","nb":"Lønn","nn":"Løn","se":"Bálká"},"description":{"en":"e","nb":"æøå","nn":""},"rights":[{"action":"read","resource":[{"id":"urn:altinn:resource","value":"kravogbetaling"}]}],"accessPackages":[{"urn":"urn:altinn:accesspackage:lonn"},{"urn":"urn:altinn:accesspackage:a-ordning"}],"isDeleted":false,"clientId":["client-b","client-a"],"isVisible":false,"allowedRedirectUrls":["https://lonn.example/","https://lonn.example/a?b=1"]}"#);
}

#[tokio::test]
async fn a_client_id_of_another_vendor_is_free() {
    let world = World::start().await;
    let mut same_client = system("390198116_same");
    same_client["clientId"] = json!([SKYREGNSKAP_SYSTEM.client]);

    world
        .fjordlonn()
        .registers(same_client)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_client_id_that_another_vendor_has_too_finds_the_system_user_of_the_vendor_asked_for() {
    let world = World::start().await;
    let mut same_client = system("390198116_same");
    same_client["clientId"] = json!([SKYREGNSKAP_SYSTEM.client]);
    world
        .fjordlonn()
        .registers(same_client)
        .await
        .assert_status(200);
    let looked_up = async |vendor: Organization| {
        world
            .maskinporten()
            .looks_up_by(&[
                ("clientId", SKYREGNSKAP_SYSTEM.client),
                ("systemProviderOrgNo", vendor.number),
                ("systemUserOwnerOrgNo", NATTERGAL.number),
            ])
            .await
    };

    let found = looked_up(SKYREGNSKAP).await.assert_status(200);
    assert_eq!(found.json()["id"], json!(NATTERGAL_USER.id));
    looked_up(FJORDLONN).await.assert_status(404);
}

#[tokio::test]
async fn the_packages_and_rights_of_a_system_can_be_read_alone() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .registers(system("390198116_Ny:system"))
        .await
        .assert_status(200);

    let list = vendor
        .reads_system("390198116_Ny%3Asystem/accesspackages")
        .await;
    assert_eq!(list.assert_status(200).list().len(), 2);
    let list = vendor.reads_system("390198116_Ny%3Asystem/rights").await;
    assert_eq!(list.assert_status(200).list()[0]["action"], "read");
}

#[tokio::test]
async fn a_new_system_is_in_the_change_log_and_in_the_audit_trail() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let id = "390198116_Ny:system";
    vendor.registers(system(id)).await.assert_status(200);

    let log = vendor.reads_system(&format!("{id}/changelog")).await.list();

    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["changeType"], "create");
    assert_eq!(log[0]["changedData"]["Id"], id);
    assert_eq!(world.app.audited_of("system.created", id).await, 1);
}

#[tokio::test]
async fn names_of_members_match_in_any_case_and_lists_may_be_left_out() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let texts = json!({"en": "a", "nb": "a", "nn": "a"});
    let pascal = json!({
        "Id": "390198116_pascal",
        "Vendor": {"id": FJORDLONN.identifier()},
        "Name": texts,
        "Description": texts,
    });
    vendor.registers(pascal).await.assert_status(200);

    let shown = vendor.reads_system("390198116_pascal").await;

    let shown = shown.assert_status(200).json();
    assert_eq!(shown["isVisible"], true);
    assert_eq!(shown["rights"], json!([]));
    assert_eq!(shown["clientId"], json!([]));
}

#[tokio::test]
async fn lists_may_be_null_and_empty_clients_are_none() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let mut nulls = system("390198116_nulls");
    nulls["rights"] = json!(null);
    nulls["accessPackages"] = json!(null);
    nulls["clientId"] = json!([" "]);
    vendor.registers(nulls).await.assert_status(200);

    let shown = vendor.reads_system("390198116_nulls").await;

    let shown = shown.assert_status(200).json();
    for member in ["accessPackages", "rights", "clientId"] {
        assert_eq!(shown[member], json!([]), "{member}");
    }
}

/// All have been checked when the first is stored, so that the others hear it from the database.
#[tokio::test]
async fn of_four_registrations_at_once_one_counts() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let id = "390198116_kappløp";
    let held = world.app.hold_writes("system").await;

    let answers = held
        .race((0..4).map(|_| vendor.registers(system(id))))
        .await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for answer in lost {
        answer
            .assert_status(409)
            .assert_text(&format!("The System already exist: {id}"));
    }
}

#[tokio::test]
async fn a_system_that_is_registered_already_is_a_finding() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let id = "390198116_igjen";
    vendor.registers(system(id)).await.assert_status(200);

    let again = vendor.registers(system(id)).await;

    again.assert_validation(["AUTH.VLD-00002", "AUTH.VLD-00004"]);
}

#[tokio::test]
async fn a_system_is_read_by_its_vendor_and_by_an_administrator_of_the_register() {
    let world = World::start().await;
    let id = FJORDLONN_SYSTEM.id;
    world.fjordlonn().reads_system(id).await.assert_status(200);
    world
        .vendor(SAV)
        .with_scopes(REGISTER_ADMIN)
        .reads_system(id)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_system_is_not_shown_to_another_vendor_nor_to_a_person() {
    let world = World::start().await;
    let id = FJORDLONN_SYSTEM.id;
    world
        .skyregnskap()
        .reads_system(id)
        .await
        .assert_forbidden()
        .assert_empty();
    world
        .oddny()
        .get(&format!("{SYSTEMS}/{id}"))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn an_unknown_system_is_not_found() {
    let world = World::start().await;
    let missing = world.fjordlonn().reads_system("finnes-ikke").await;
    let problem = missing.assert_status(404).problem();
    assert_eq!(problem["title"], "Not Found");
    assert_eq!(problem.get("code"), None);
}

#[tokio::test]
async fn a_deleted_system_is_shown_to_its_vendor() {
    let world = World::start().await;
    let id = FJORDLONN_DELETED_SYSTEM.id;
    let shown = world.fjordlonn().reads_system(id).await.assert_status(200);
    assert_eq!(shown.json()["isDeleted"], true);
}

fn ids(answer: &Answer) -> Vec<String> {
    answer
        .list()
        .iter()
        .map(|system| system["systemId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_vendor_lists_its_own_systems_that_are_not_deleted() {
    let world = World::start().await;
    let list = world
        .fjordlonn()
        .get(SYSTEMS)
        .await
        .assert_status(200)
        .assert_header("cache-control", "no-store,no-cache")
        .assert_header("pragma", "no-cache");
    assert_eq!(ids(&list), [FJORDLONN_SYSTEM.id]);
}

#[tokio::test]
async fn an_administrator_of_the_register_lists_its_own_systems_too() {
    let world = World::start().await;
    let admin = world.vendor(SAV).with_scopes(REGISTER_ADMIN);
    let list = admin.get(SYSTEMS).await.assert_status(200);
    assert_eq!(ids(&list), [""; 0]);
}

#[tokio::test]
async fn a_person_lists_the_systems_that_are_visible() {
    let world = World::start().await;
    let visible = world.oddny().get(VISIBLE_SYSTEMS).await.assert_status(200);
    assert_eq!(ids(&visible), [SKYREGNSKAP_SYSTEM.id, FJORDLONN_SYSTEM.id]);
}

#[tokio::test]
async fn a_vendor_does_not_list_the_systems_that_are_visible() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor.get(VISIBLE_SYSTEMS).await.assert_forbidden();
    vendor
        .get(&format!("{VISIBLE_SYSTEMS}/{}/rights", FJORDLONN_SYSTEM.id))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_person_reads_a_deleted_system() {
    let world = World::start().await;
    let path = format!("{VISIBLE_SYSTEMS}/{}", FJORDLONN_DELETED_SYSTEM.id);
    let shown = world.oddny().get(&path).await.assert_status(200);
    insta::assert_snapshot!(shown.text, @r#"{"systemId":"390198116_fjordlonn_klassisk","systemVendorOrgNumber":"390198116","systemVendorOrgName":"","name":{"en":"Fjordlønn Klassisk","nb":"Fjordlønn Klassisk","nn":"Fjordlønn Klassisk"},"description":{"en":"Fjordlønn Klassisk for the sandbox.","nb":"Fjordlønn Klassisk for prøvekjøring.","nn":"Fjordlønn Klassisk for prøvekøyring."},"rights":[],"accessPackages":[{"urn":"urn:altinn:accesspackage:lonn"}],"isVisible":false}"#);
}

#[tokio::test]
async fn an_unknown_system_is_not_found_by_a_person_and_has_no_rights_and_packages() {
    let world = World::start().await;
    let oddny = world.oddny();
    let unknown = format!("{VISIBLE_SYSTEMS}/finnes-ikke");
    oddny.get(&unknown).await.assert_status(404);
    for part in ["rights", "accesspackages"] {
        oddny
            .get(&format!("{unknown}/{part}"))
            .await
            .assert_status(200)
            .assert_text("[]");
    }
}

#[tokio::test]
async fn an_app_can_be_named_in_the_older_way() {
    let world = World::start().await;
    let id = "390198116_app";
    let body = with(
        system(id),
        "rights",
        rights([Resource("app_fok_endring-av-navn")]),
    );
    world.fjordlonn().registers(body).await.assert_status(200);

    let path = format!("{VISIBLE_SYSTEMS}/{id}/rights?useoldformatforapp=TRUE");
    let shown = world.oddny().get(&path).await;

    shown.assert_status(200).assert_text(
        r#"[{"resource":[{"id":"urn:altinn:org","value":"fok"},{"id":"urn:altinn:app","value":"endring-av-navn"}]}]"#,
    );
}

#[tokio::test]
async fn the_older_way_is_asked_for_with_yes_or_no() {
    let world = World::start().await;
    let path = format!(
        "{VISIBLE_SYSTEMS}/{}/rights?useOldFormatForApp=kanskje",
        FJORDLONN_SYSTEM.id
    );
    world
        .oddny()
        .get(&path)
        .await
        .assert_error_keys(["useOldFormatForApp"]);
}

#[tokio::test]
async fn a_token_without_organisation_owns_no_system() {
    let world = World::start().await;
    let person = world.oddny().with_scopes(REGISTER_WRITE);
    for path in [
        SYSTEMS.to_owned(),
        format!("{SYSTEMS}/{}", FJORDLONN_SYSTEM.id),
    ] {
        person.get(&path).await.assert_forbidden().assert_empty();
    }
    person
        .post(SYSTEMS, system("390198116_x"))
        .await
        .assert_forbidden();
}
