//! Looking system users up, reading and deleting them.

use serde_json::json;
use testkit::{callers::MaskinportenCaller, prelude::*};

/// Parameters that find Tindevandrer's system user.
const FOUND: [(&str, &str); 3] = [
    ("clientId", FJORDLONN_SYSTEM.client),
    ("systemProviderOrgNo", FJORDLONN.number),
    ("systemUserOwnerOrgNo", TINDEVANDRER.number),
];

/// Those parameters with one of them changed or added.
fn found_but(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut parameters = FOUND.to_vec();
    parameters.retain(|(known, _)| *known != name);
    parameters.push((name, value));
    parameters
}

#[tokio::test]
async fn maskinporten_finds_a_system_user() {
    let world = World::start().await;

    let answer = world
        .maskinporten()
        .looks_up(FJORDLONN_SYSTEM, TINDEVANDRER)
        .await;

    let answer = answer
        .assert_status(200)
        .assert_header("cache-control", "no-store,no-cache")
        .assert_header("pragma", "no-cache");
    let mut body = answer.json();
    body["created"].take();
    insta::assert_snapshot!(body.to_string(), @r#"{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","integrationTitle":"Fjordlønn","systemId":"390198116_fjordlonn","productName":"390198116_fjordlonn","reporteeOrgNo":"390367767","created":null,"isDeleted":false,"supplierName":"","supplierOrgno":"390198116","externalRef":"390367767","userType":"standard"}"#);
}

#[tokio::test]
async fn the_external_reference_of_a_look_up_is_the_owner_unless_it_says_otherwise() {
    let world = World::start().await;
    for external_ref in [TINDEVANDRER.number, ""] {
        world
            .maskinporten()
            .looks_up_by(&found_but("externalRef", external_ref))
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn names_of_parameters_match_in_any_case() {
    let world = World::start().await;
    world
        .maskinporten()
        .looks_up_by(&[
            ("CLIENTID", FJORDLONN_SYSTEM.client),
            ("systemproviderorgno", FJORDLONN.number),
            ("systemUserOwnerOrgNo", TINDEVANDRER.number),
        ])
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_look_up_finds_nothing_when_one_parameter_differs() {
    let world = World::start().await;
    for (name, value) in [
        ("clientId", "08b08038-BE28-511d-9ee8-c25fec65e65e"),
        ("systemProviderOrgNo", SKYREGNSKAP.number),
        ("systemProviderOrgNo", "0192:390198116"),
        ("systemUserOwnerOrgNo", KERAMIKK.number),
        ("externalRef", "other"),
    ] {
        let answer = world
            .maskinporten()
            .looks_up_by(&found_but(name, value))
            .await
            .assert_status(404);
        assert_eq!(answer.problem()["title"], "Not Found", "{name}={value}");
    }
}

#[tokio::test]
async fn a_look_up_names_the_parameter_that_is_missing_or_empty() {
    let world = World::start().await;
    for (name, _) in FOUND {
        let mut missing = FOUND.to_vec();
        missing.retain(|(known, _)| *known != name);
        for parameters in [found_but(name, ""), missing] {
            world
                .maskinporten()
                .looks_up_by(&parameters)
                .await
                .assert_error_keys([name]);
        }
    }
}

#[tokio::test]
async fn a_vendor_looks_no_person_up() {
    let world = World::start().await;
    MaskinportenCaller::of_organization(&world.app, FJORDLONN)
        .with_scopes(REQUEST_READ)
        .looks_up(FJORDLONN_SYSTEM, TINDEVANDRER)
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_system_user_of_a_deleted_system_is_not_found() {
    let world = World::start().await;
    world
        .fjordlonn()
        .deletes_system(FJORDLONN_SYSTEM.id)
        .await
        .assert_status(200);
    world
        .maskinporten()
        .looks_up(FJORDLONN_SYSTEM, TINDEVANDRER)
        .await
        .assert_status(404);
}

#[tokio::test]
async fn a_system_user_with_an_external_reference_of_its_own_is_not_found_without_it() {
    let world = World::start().await;
    world
        .maskinporten()
        .looks_up(FJORDLONN_SYSTEM, LYNGMARK)
        .await
        .assert_status(404);
}

#[tokio::test]
async fn look_ups_can_be_kept_to_some_callers() {
    let world = World::with(&[("byexternalid.allowed_consumers", DIGDIR.number)]).await;
    let look_up = async |caller: MaskinportenCaller<'_>| {
        caller.looks_up(FJORDLONN_SYSTEM, TINDEVANDRER).await
    };
    look_up(world.maskinporten()).await.assert_status(200);
    look_up(MaskinportenCaller::of_organization(&world.app, FJORDLONN))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn an_owner_reads_its_system_user_whole() {
    let world = World::start().await;

    let answer = world.marit().reads_user(&TINDEVANDRER_USER).await;

    let mut body = answer.assert_status(200).json();
    body["created"].take();
    body["systemInternalId"].take();
    insta::assert_snapshot!(body.to_string(), @r#"{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","integrationTitle":"Fjordlønn","systemId":"390198116_fjordlonn","productName":"","systemInternalId":null,"partyId":"52000084","partyUuId":"","reporteeOrgNo":"390367767","created":null,"isDeleted":false,"supplierName":"","supplierOrgno":"390198116","externalRef":"390367767","userType":"standard","accessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"},{"urn":"urn:altinn:accesspackage:lonn"}],"rights":[]}"#);
}

#[tokio::test]
async fn a_stranger_reads_no_system_user() {
    let world = World::start().await;
    world
        .oddny()
        .reads_user(&TINDEVANDRER_USER)
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_system_user_is_not_found_at_another_owner() {
    let world = World::start().await;
    let agent = TALLKNUSEREN_AGENT.as_if_owned_by(TINDEVANDRER);
    world.marit().reads_user(&agent).await.assert_status(404);
}

#[tokio::test]
async fn the_path_of_a_system_user_has_a_number_and_a_uuid() {
    let world = World::start().await;
    let base = "/authentication/api/v1/systemuser";
    let marit = world.marit();
    marit
        .get(&format!("{base}/{}/x", TINDEVANDRER.party))
        .await
        .assert_error_keys(["systemUserId"]);
    marit
        .get(&format!("{base}/tinde/{}", TINDEVANDRER_USER.id))
        .await
        .assert_error_keys(["party"]);
}

#[tokio::test]
async fn an_agent_is_shown_without_rights() {
    let world = World::start().await;
    let read = world.randi().reads_user(&TALLKNUSEREN_AGENT).await;
    let body = read.assert_status(200).json();
    assert_eq!(body["userType"], "agent");
    assert_eq!(body.get("rights"), None);
}

#[tokio::test]
async fn an_agent_is_not_deleted_as_a_standard_system_user() {
    let world = World::start().await;
    world
        .randi()
        .deletes(&TALLKNUSEREN_AGENT)
        .await
        .assert_problem(400, "AUTH-00036");
}

#[tokio::test]
async fn a_system_user_of_another_organisation_is_not_deleted() {
    let world = World::start().await;
    let foreign = TINDEVANDRER_USER.as_if_owned_by(TALLKNUSEREN);
    world
        .randi()
        .deletes(&foreign)
        .await
        .assert_problem(403, "AUTH-00024");
}

#[tokio::test]
async fn of_four_deletions_at_once_one_counts() {
    let world = World::start().await;
    let torleif = world.torleif();

    let held = world.app.hold_user(&NATTERGAL_USER).await;

    let answers = held
        .race((0..4).map(|_| torleif.deletes(&NATTERGAL_USER)))
        .await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 202);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for answer in won {
        answer.assert_text("1");
    }
    for answer in lost {
        answer.assert_status(404).assert_text("0");
    }
}

#[tokio::test]
async fn a_deleted_system_user_holds_nothing_and_decides_nothing() {
    let world = World::start().await;
    let sav = world.sav();
    let decide = || sav.decides(&NATTERGAL_USER, "read", ARBEIDSTRENING_AVTALE, NATTERGAL);
    assert_eq!(decide().await, Permit);

    world
        .torleif()
        .deletes(&NATTERGAL_USER)
        .await
        .assert_status(202);

    assert_eq!(decide().await, NotApplicable);
    assert_eq!(world.app.stored_assignments(&NATTERGAL_USER).await, 0);
}

#[tokio::test]
async fn a_deleted_system_user_is_not_found_by_its_owner() {
    let world = World::start().await;
    let torleif = world.torleif();
    torleif.deletes(&NATTERGAL_USER).await.assert_status(202);
    torleif.reads_user(&NATTERGAL_USER).await.assert_status(404);
}

#[tokio::test]
async fn the_request_of_a_deleted_system_user_is_not_found_by_its_vendor() {
    let world = World::start().await;
    let path = format!("{VENDOR_REQUESTS}/{}", NATTERGAL_USER.id);
    world.skyregnskap().get(&path).await.assert_status(200);

    world
        .torleif()
        .deletes(&NATTERGAL_USER)
        .await
        .assert_status(202);

    world.skyregnskap().get(&path).await.assert_status(404);
}

#[tokio::test]
async fn the_seeded_system_user_of_lyngmark_is_found_by_its_external_reference() {
    let world = World::start().await;
    let answer = world
        .maskinporten()
        .looks_up_by(&[
            ("clientId", FJORDLONN_SYSTEM.client),
            ("systemProviderOrgNo", FJORDLONN.number),
            ("systemUserOwnerOrgNo", LYNGMARK.number),
            ("externalRef", "kommune-lonn-1"),
        ])
        .await
        .assert_status(200);
    assert_eq!(answer.json()["id"], json!(LYNGMARK_USER.id));
}
