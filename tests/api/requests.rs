//! Vendors make requests and read them.

use serde_json::{Value, json};
use testkit::prelude::*;

fn for_keramikk() -> Value {
    request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING])
}

fn path(id: &str) -> String {
    format!("{VENDOR_REQUESTS}/{id}")
}

#[tokio::test]
async fn a_new_request_is_shown_whole() {
    let world = World::start().await;
    let mut body = for_keramikk();
    body["redirectUrl"] = json!(" https://fjordlonn.example/kvittering?ref=7 ");
    body["rights"] = json!([{"action": null, "resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]);
    body["externalReference"] = json!("ignored");

    let answer = world.fjordlonn().sends_request(body).await;

    let answer = answer.assert_status(201);
    let mut shown = answer.json();
    let id = shown["id"].as_str().unwrap().to_owned();
    assert!(shown["created"].take().as_str().unwrap().ends_with('Z'));
    let text = world.app.without_base(&shown).replace(&id, "ID");
    insta::assert_snapshot!(text, @r#"{"id":"ID","integrationTitle":"Fjordlønn","externalRef":"390381492","systemId":"390198116_fjordlonn","partyOrgNo":"390381492","rights":[{"resource":[{"id":"urn:altinn:resource","value":"inntektsmelding"}]}],"accessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"}],"status":"New","redirectUrl":"https://fjordlonn.example/kvittering?ref=7","confirmUrl":"BASE/accessmanagement/ui/systemuser/request?id=ID&DONTCHOOSEREPORTEE=true","escalated":false,"created":null,"timedOut":false}"#);
    assert_eq!(
        world.app.path_of(answer.header("location")),
        format!("/authentication/api/v1/systemuser/request/{id}")
    );
}

#[tokio::test]
async fn a_repeated_request_gets_the_stored_one_whatever_else_it_says() {
    let world = World::start().await;
    let first = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    for external_ref in [json!(null), json!(""), json!("  "), json!(KERAMIKK.number)] {
        let repeat = request_for(FJORDLONN_SYSTEM, KERAMIKK, [UNKNOWN_PACKAGE]);
        let repeat = with(repeat, "externalRef", external_ref);

        let answer = world.fjordlonn().sends_request(repeat).await;

        let answer = answer.assert_status(200).assert_header("location", "");
        assert_eq!(answer.json()["id"], first.id);
    }
}

#[tokio::test]
async fn a_request_with_another_external_reference_is_another_request() {
    let world = World::start().await;
    let first = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;

    let second = with(for_keramikk(), "externalRef", json!("second"));
    let second = world.fjordlonn().requests_as(KERAMIKK, second).await;

    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn each_new_request_is_published_once() {
    let world = World::start().await;
    world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world
        .fjordlonn()
        .sends_request(for_keramikk())
        .await
        .assert_status(200);
    world.fjordlonn().requests(HAVBLIKK, [A_ORDNING]).await;

    assert_eq!(world.app.published("systemuser_request_created").await, 2);
}

#[tokio::test]
async fn a_vendor_reads_its_request_by_id_and_by_external_reference() {
    let world = World::start().await;
    let made = world
        .fjordlonn()
        .sends_request(for_keramikk())
        .await
        .assert_status(201)
        .json();
    let (system, customer) = (FJORDLONN_SYSTEM.id, KERAMIKK.number);
    for path in [
        path(made["id"].as_str().unwrap()),
        format!("{VENDOR_REQUESTS}/byexternalref/{system}/{customer}/{customer}"),
    ] {
        let read = world.fjordlonn().get(&path).await.assert_status(200);
        assert_eq!(read.json()["confirmUrl"], made["confirmUrl"]);
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_bound_names_the_member() {
    let world = World::start().await;
    let wrong = [
        (json!({}), "$"),
        (json!({"systemId": " ", "partyOrgNo": "1"}), "SystemId"),
        (json!({"systemId": "a", "partyOrgNo": null}), "PartyOrgNo"),
        (json!({"systemId": 7, "partyOrgNo": "1"}), "$.systemId"),
        (
            json!({"systemId": "a", "partyOrgNo": "1", "externalRef": "x".repeat(256)}),
            "ExternalRef",
        ),
        (
            json!({"SYSTEMID": "a", "partyorgno": "1", "accesspackages": [{"urn": 1}]}),
            "$.accesspackages[0].urn",
        ),
        (
            json!({"systemId": "a", "partyOrgNo": "1", "rights": [null]}),
            "Rights[0]",
        ),
    ];
    for (body, member) in wrong {
        world
            .fjordlonn()
            .sends_request(body)
            .await
            .assert_error_key(member);
    }
}

#[tokio::test]
async fn a_redirect_url_may_be_as_long_as_an_address_line() {
    let world = World::start().await;
    let url = format!(
        "https://fjordlonn.example/kvittering?x={}",
        "y".repeat(8_150)
    );
    let body = with(for_keramikk(), "redirectUrl", json!(url));
    world
        .fjordlonn()
        .sends_request(body)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_request_without_a_token_is_asked_for_one() {
    let world = World::start().await;
    world
        .anonymous()
        .post(VENDOR_REQUESTS, for_keramikk())
        .await
        .assert_unauthorized()
        .assert_empty()
        .assert_header("www-authenticate", "Bearer realm=\"systembruker\"");
}

#[tokio::test]
async fn a_token_that_only_reads_makes_no_request_and_learns_the_scope() {
    let world = World::start().await;
    let reader = world.fjordlonn().with_scopes(REQUEST_READ);
    reader
        .sends_request(json!("nonsense"))
        .await
        .assert_forbidden()
        .assert_header(
            "www-authenticate",
            "Bearer realm=\"systembruker\", error=\"insufficient_scope\", scope=\"altinn:authentication/systemuser.request.write\"",
        );
}

#[tokio::test]
async fn a_token_that_only_writes_reads_no_request() {
    let world = World::start().await;
    let writer = world.fjordlonn().with_scopes(REQUEST_WRITE);
    writer
        .reads(&world.request_to_nattergal())
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_token_that_only_reads_reads_a_request() {
    let world = World::start().await;
    let reader = world.fjordlonn().with_scopes(REQUEST_READ);
    reader
        .reads(&world.request_to_nattergal())
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_vendor_cannot_read_the_request_of_another_vendor() {
    let world = World::start().await;
    world
        .skyregnskap()
        .reads(&world.request_to_nattergal())
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn a_request_that_does_not_exist_is_not_found() {
    let world = World::start().await;
    let unknown = path(&uuid::Uuid::new_v4().to_string());
    world
        .skyregnskap()
        .get(&unknown)
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn an_agent_request_is_not_found_among_the_standard_ones() {
    let world = World::start().await;
    let request = world
        .agent_request_to_sifferhjelp()
        .as_if_of_kind(RequestKind::Standard);
    world
        .skyregnskap()
        .reads(&request)
        .await
        .assert_problem(404, "AUTH-00010");
}

#[tokio::test]
async fn a_request_id_is_a_uuid() {
    let world = World::start().await;
    world
        .skyregnskap()
        .get(&path("not-a-uuid"))
        .await
        .assert_error_keys(["requestId"]);
}

/// A token of Maskinporten whose organisation cannot be read.
fn without_organization(world: &World, scopes: &str) -> String {
    let (keys, _) = sandbox::SandboxKeys::load(&testkit::settings::sandbox_dir()).unwrap();
    let now = world.app.clock.seconds();
    let claims = json!({"iss": format!("{}/", world.app.maskinporten), "iat": now, "exp": now + 100, "scope": scopes,
        "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:unknown"}});
    keys.maskinporten.signing_key().sign(&claims, &[]).unwrap()
}

#[tokio::test]
async fn a_token_without_organisation_makes_no_request() {
    let world = World::start().await;
    let token = without_organization(&world, &format!("{REQUEST_READ} {REQUEST_WRITE}"));
    world
        .bearer(&token)
        .post(VENDOR_REQUESTS, for_keramikk())
        .await
        .assert_problem(401, "AUTH-00023");
}

#[tokio::test]
async fn a_token_without_organisation_reads_no_request() {
    let world = World::start().await;
    let answer = world
        .bearer(&without_organization(&world, REQUEST_READ))
        .get(&world.request_to_nattergal().vendor_path())
        .await
        .assert_unauthorized();
    assert_eq!(answer.problem()["title"], "Unauthorized");
    assert!(
        answer
            .header("www-authenticate")
            .contains("no organisation in token")
    );
}

#[tokio::test]
async fn a_person_makes_no_request_as_a_vendor() {
    let world = World::start().await;
    world
        .oddny()
        .with_scopes(&format!("{REQUEST_READ} {REQUEST_WRITE}"))
        .post(VENDOR_REQUESTS, for_keramikk())
        .await
        .assert_status(403);
}

#[tokio::test]
async fn five_posts_at_once_make_one_request() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let posts = (0..5).map(|_| vendor.sends_request(for_keramikk()));
    let held = world.app.hold_writes("request").await;

    let answers = held.race(posts).await;

    let with_status = |status| answers.iter().filter(|a| a.status == status).count();
    assert_eq!((with_status(201), with_status(200)), (1, 4));
    let id = answers[0].json()["id"].clone();
    assert!(answers.iter().all(|answer| answer.json()["id"] == id));
}
