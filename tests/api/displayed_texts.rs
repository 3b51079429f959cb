//! Titles and references that people are shown: on one line, in one direction.

use edges::import::ImportKind;
use serde_json::{Value, json};
use testkit::prelude::*;

use crate::{
    import::files::{codes, file, import, ndjson, options},
    resources::resource,
};

const RENAME: &str = "/authentication/api/v1/systemuser";

fn texts(nb: &str) -> Value {
    json!({"nb": nb, "nn": "a", "en": "a"})
}

fn system(name: &str, description: &str) -> Value {
    json!({"id": "390198116_tekster", "vendor": {"ID": FJORDLONN.identifier()}, "name": texts(name), "description": texts(description)})
}

fn request_with(member: &str, value: &str) -> Value {
    with(
        request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]),
        member,
        json!(value),
    )
}

/// A control character, line breaks, and characters that change the direction of text.
const NOT_DISPLAYABLE: [&str; 6] = [
    "a\u{1}b",
    "a\nb",
    "a\u{2028}b",
    "a\u{202e}b",
    "a\u{2066}b",
    "a\u{61c}b",
];

#[tokio::test]
async fn a_request_with_such_a_title_is_refused() {
    let world = World::start().await;
    for text in NOT_DISPLAYABLE {
        world
            .fjordlonn()
            .sends_request(request_with("integrationTitle", text))
            .await
            .assert_error_keys(["IntegrationTitle"]);
    }
}

#[tokio::test]
async fn a_request_with_such_a_reference_is_refused() {
    let world = World::start().await;
    for text in NOT_DISPLAYABLE {
        world
            .fjordlonn()
            .sends_request(request_with("externalRef", text))
            .await
            .assert_error_keys(["ExternalRef"]);
    }
}

#[tokio::test]
async fn a_request_for_an_agent_with_such_a_text_is_refused() {
    let world = World::start().await;
    let body = request_for(SKYREGNSKAP_BYRA, SIFFERHJELP, [REGNSKAPSFORER_LONN]);
    world
        .skyregnskap()
        .sends_agent_request(with(body, "integrationTitle", json!("a\u{202e}b")))
        .await
        .assert_error_keys(["IntegrationTitle"]);
}

#[tokio::test]
async fn letters_of_any_script_are_shown() {
    let world = World::start().await;
    let body = request_with("integrationTitle", "Lønn – Blåbær & Çelik, שלום (№ 1)");
    world
        .fjordlonn()
        .sends_request(body)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_system_with_such_a_name_is_refused() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .registers(system("a\u{202e}b", "a"))
        .await
        .assert_error_keys(["Name"]);
    vendor
        .registers(system("a", "a\nb"))
        .await
        .assert_error_keys(["Description"]);
    vendor.registers(system("a", "a")).await.assert_status(200);
    vendor
        .replaces("390198116_tekster", system("a\u{7}", "a"))
        .await
        .assert_error_keys(["Name"]);
}

#[tokio::test]
async fn a_system_user_gets_no_such_title() {
    let world = World::start().await;
    let rename = json!({"id": TINDEVANDRER_USER.id, "partyId": TINDEVANDRER.party.to_string(), "integrationTitle": "a\u{202e}b",
        "reporteeOrgNo": TINDEVANDRER.number, "systemId": FJORDLONN_SYSTEM.id});
    world
        .marit()
        .put(RENAME, rename)
        .await
        .assert_error_keys(["IntegrationTitle"]);
    let create = json!({"integrationTitle": "a\nb", "systemId": FJORDLONN_SYSTEM.id});
    for path in [
        format!("{RENAME}/{}/create", TINDEVANDRER.party),
        format!("/accessmanagement/api/v1/systemuser/{}", TINDEVANDRER.party),
    ] {
        world
            .marit()
            .post(&path, create.clone())
            .await
            .assert_error_keys(["IntegrationTitle"]);
    }
}

#[tokio::test]
async fn a_resource_with_such_a_title_is_refused() {
    let world = World::start().await;
    let mut body = resource("sav-fangst");
    body["title"]["nb"] = json!("a\u{202e}b");
    world
        .organization(SAV, "altinn:resourceregistry/resource.write")
        .post("/resourceregistry/api/v1/resource", body)
        .await
        .assert_error_keys(["Title"]);
}

#[tokio::test]
async fn such_texts_are_not_imported() {
    let world = World::start().await;
    let system = json!({"id": "390198116_tekster", "vendor": FJORDLONN.identifier(), "name": texts("a\nb"), "description": texts("a")});
    let request = json!({"id": uuid::Uuid::new_v4(), "userType": "standard", "systemId": FJORDLONN_SYSTEM.id,
        "partyOrgNo": KERAMIKK.number, "integrationTitle": "a\u{202e}b"});
    let user = json!({"id": uuid::Uuid::new_v4(), "userType": "standard", "systemId": FJORDLONN_SYSTEM.id,
        "ownerOrgNo": KERAMIKK.number, "externalRef": "a\u{1}b"});
    for (kind, line) in [
        (ImportKind::Systems, system),
        (ImportKind::Requests, request),
        (ImportKind::SystemUsers, user),
    ] {
        let outcome = import(&world.app, &options(kind, file(ndjson(&[line])))).await;
        assert_eq!(codes(&outcome.unwrap()), [(1, "TEXT")], "{kind:?}");
    }
}
