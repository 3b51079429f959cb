//! Change requests: a system user gets more, or less.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

/// More of everything, and less of one package.
fn more() -> Value {
    json!({
        "requiredAccessPackages": packages([PENSJON, LONN]),
        "unwantedAccessPackages": packages([A_ORDNING]),
        "requiredRights": rights([INNTEKTSMELDING]),
        "redirectUrl": "https://fjordlonn.example/kvittering",
    })
}

fn pension() -> Value {
    json!({"requiredAccessPackages": packages([PENSJON])})
}

#[tokio::test]
async fn a_new_change_request_is_shown_whole() {
    let world = World::start().await;
    let id = Uuid::new_v4();

    let answer = world
        .fjordlonn()
        .sends_change(id, &TINDEVANDRER_USER, more())
        .await;

    let answer = answer.assert_status(201);
    assert_eq!(
        world.app.path_of(answer.header("location")),
        format!("/authentication/api/v1/systemuser/changerequest/{id}")
    );
    let mut shown = answer.json();
    shown["created"].take();
    let text = world
        .app
        .without_base(&shown)
        .replace(&id.to_string(), "ID");
    insta::assert_snapshot!(text, @r#"{"id":"ID","externalRef":"390367767","systemId":"390198116_fjordlonn","systemUserId":"3f794e70-3593-53d5-8174-1a3371cf43dc","partyOrgNo":"390367767","requiredRights":[{"resource":[{"id":"urn:altinn:resource","value":"inntektsmelding"}]}],"unwantedRights":[],"requiredAccessPackages":[{"urn":"urn:altinn:accesspackage:pensjon"},{"urn":"urn:altinn:accesspackage:lonn"}],"unwantedAccessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"}],"status":"New","redirectUrl":"https://fjordlonn.example/kvittering","confirmUrl":"BASE/accessmanagement/ui/systemuser/changerequest?id=ID&DONTCHOOSEREPORTEE=true","created":null,"timedOut":false}"#);
}

#[tokio::test]
async fn a_repeated_change_request_gets_the_stored_one() {
    let world = World::start().await;
    let id = Uuid::new_v4();
    let send = async |body: Value| {
        world
            .fjordlonn()
            .sends_change(id, &TINDEVANDRER_USER, body)
            .await
    };
    send(more()).await.assert_status(201);

    let repeat = send(json!({"requiredAccessPackages": packages([UNKNOWN_PACKAGE])})).await;

    assert_eq!(repeat.assert_status(200).json()["id"], id.to_string());
}

#[tokio::test]
async fn a_vendor_reads_its_change_request_by_id_and_by_external_reference() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let request = vendor.requests_change(&TINDEVANDRER_USER, more()).await;
    let (system, customer) = (FJORDLONN_SYSTEM.id, TINDEVANDRER.number);
    for path in [
        request.vendor_path(),
        format!("{VENDOR_CHANGES}/byexternalref/{system}/{customer}/{customer}"),
    ] {
        let read = vendor.get(&path).await.assert_status(200).json();
        assert_eq!(
            world.app.path_of(read["confirmUrl"].as_str().unwrap()),
            format!(
                "/accessmanagement/ui/systemuser/changerequest?id={}&DONTCHOOSEREPORTEE=true",
                request.id
            )
        );
    }
}

#[tokio::test]
async fn a_vendor_lists_the_change_requests_of_a_system() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor.requests_change(&TINDEVANDRER_USER, more()).await;

    let path = format!("{VENDOR_CHANGES}/bysystem/{}", FJORDLONN_SYSTEM.id);
    let listed = vendor.get(&path).await.assert_status(200).json();

    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed["links"], json!({}));
}

#[tokio::test]
async fn a_customer_reads_a_change_request() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;

    let read = world.jostein().reads(&request).await.assert_status(200);

    assert_eq!(read.json()["id"], request.id);
}

#[tokio::test]
async fn the_page_of_a_change_request_knows_its_party() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;

    let opened = world.jostein().opens(&request).await.assert_status(200);

    assert_eq!(opened.json()["partyId"], TINDEVANDRER.party);
}

#[tokio::test]
async fn the_page_of_a_change_request_shows_a_stranger_nothing() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;
    world
        .oddny()
        .opens(&request)
        .await
        .assert_problem(403, "AUTH-00066");
}

#[tokio::test]
async fn a_customer_lists_its_open_change_requests() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;

    let path = format!(
        "{CHANGES}/{}/{}/pending",
        TINDEVANDRER.party, TINDEVANDRER.number
    );
    let open = world.jostein().get(&path).await.assert_status(200);

    assert_eq!(open.json()[0]["id"], request.id);
}

/// What Tindevandrer's system user holds, as its owner reads it.
async fn held(world: &World) -> (Value, Value) {
    let read = world.jostein().reads_user(&TINDEVANDRER_USER).await;
    let user = read.assert_status(200).json();
    (user["accessPackages"].clone(), user["rights"].clone())
}

#[tokio::test]
async fn an_approved_change_gives_and_takes() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;

    world
        .jostein()
        .approves(&request)
        .await
        .assert_status(200)
        .assert_json(&json!(true));

    assert_eq!(
        held(&world).await,
        (packages([LONN, PENSJON]), rights([INNTEKTSMELDING]))
    );
    request.assert_status(Accepted).await;
}

#[tokio::test]
async fn a_change_that_takes_everything_decides_at_once() {
    let world = World::start().await;
    let sav = world.sav();
    let decide = || sav.decides(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER);
    assert_eq!(decide().await, Permit);
    let less = json!({"unwantedAccessPackages": packages([A_ORDNING, LONN, JORDBRUK])});
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, less)
        .await;

    world.jostein().approves(&request).await.assert_status(200);

    assert_eq!(decide().await, NotApplicable);
    assert_eq!(held(&world).await, (json!([]), json!([])));
}

#[tokio::test]
async fn a_right_that_was_given_can_be_taken() {
    let world = World::start().await;
    let change = async |body: Value| {
        let vendor = world.fjordlonn();
        let request = vendor.requests_change(&TINDEVANDRER_USER, body).await;
        world.jostein().approves(&request).await.assert_status(200);
    };
    change(json!({"requiredRights": rights([INNTEKTSMELDING])})).await;
    assert_eq!(held(&world).await.1, rights([INNTEKTSMELDING]));

    change(json!({"unwantedRights": rights([INNTEKTSMELDING])})).await;

    assert_eq!(held(&world).await.1, json!([]));
}

#[tokio::test]
async fn a_repeated_change_request_shows_that_it_was_approved() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    let request = vendor.requests_change(&TINDEVANDRER_USER, more()).await;
    world.jostein().approves(&request).await.assert_status(200);

    let id = request.id.parse().unwrap();
    let repeat = vendor.sends_change(id, &TINDEVANDRER_USER, more()).await;

    assert_eq!(repeat.assert_status(200).json()["status"], "Accepted");
}

#[tokio::test]
async fn an_approved_change_moves_the_system_user_to_the_end_of_the_stream() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;
    let before = world.app.sequence_number(&TINDEVANDRER_USER).await;

    world.jostein().approves(&request).await.assert_status(200);

    assert!(world.app.sequence_number(&TINDEVANDRER_USER).await > before);
}

#[tokio::test]
async fn an_approved_change_is_not_approved_again() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;
    let jostein = world.jostein();
    jostein.approves(&request).await.assert_status(200);
    jostein
        .approves(&request)
        .await
        .assert_problem(409, "AUTH-00013");
}

#[tokio::test]
async fn a_change_is_published_when_it_is_made_and_when_it_is_approved() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, more())
        .await;
    assert_eq!(world.app.published_about("change_request").await, 1);
    world.jostein().approves(&request).await.assert_status(200);
    assert_eq!(world.app.published_about("change_request").await, 2);
}

#[tokio::test]
async fn a_change_of_nothing_is_no_request() {
    let world = World::start().await;
    let id = Uuid::new_v4();

    let answer = world
        .fjordlonn()
        .sends_change(id, &TINDEVANDRER_USER, json!({}))
        .await;

    let answer = answer.assert_status(200).json();
    assert_eq!(answer["status"], "NoChangeNeeded");
    assert_eq!(answer["confirmUrl"], "");
    assert_eq!(answer["created"], "0001-01-01T00:00:00");
    assert_eq!(answer["systemUserId"], *TINDEVANDRER_USER.id);
    assert_eq!(answer["requiredRights"], json!([]));
    world
        .fjordlonn()
        .get(&format!("{VENDOR_CHANGES}/{id}"))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn an_agent_is_never_changed() {
    let world = World::start().await;
    let ask = async |body: Value| {
        world
            .skyregnskap()
            .sends_change(Uuid::new_v4(), &TALLKNUSEREN_AGENT, body)
            .await
    };
    let nothing = ask(json!({})).await.assert_status(200);
    assert_eq!(nothing.json()["status"], "NoChangeNeeded");
    ask(json!({"requiredAccessPackages": packages([LONN])}))
        .await
        .assert_problem(404, "AUTH-00015");
}

#[tokio::test]
async fn approve_refuses_an_access_manager_of_another_organisation() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    world.torleif().approves(&request).await.assert_forbidden();
}

#[tokio::test]
async fn a_change_request_is_not_answered_at_another_organisation() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    let elsewhere = request.as_if_for(NATTERGAL);
    let torleif = world.torleif();
    torleif
        .approves(&elsewhere)
        .await
        .assert_problem(403, "AUTH-00041");
    torleif
        .rejects(&elsewhere)
        .await
        .assert_problem(403, "AUTH-00041");
}

#[tokio::test]
async fn approve_refuses_a_change_that_the_system_offers_no_more() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    world
        .fjordlonn()
        .offers(FJORDLONN_SYSTEM, NO_PACKAGES)
        .await;

    let refused = world.jostein().approves(&request).await;

    let problem = refused.assert_problem(400, "AUTH-00052").problem();
    assert_eq!(problem["Invalid Urn Details : "], PENSJON.urn());
    request.assert_status(New).await;
}

#[tokio::test]
async fn a_change_request_that_timed_out_is_rejected_once_and_not_approved() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    world.app.advance(days(181)).await;
    request.assert_timed_out(true).await;
    let jostein = world.jostein();

    jostein
        .approves(&request)
        .await
        .assert_problem(409, "AUTH-00013");
    jostein.rejects(&request).await.assert_status(200);
    jostein
        .rejects(&request)
        .await
        .assert_problem(409, "AUTH-00013");
}

#[tokio::test]
async fn a_change_of_a_deleted_system_user_is_rejected_and_not_approved() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    let jostein = world.jostein();
    jostein.deletes(&TINDEVANDRER_USER).await.assert_status(202);

    jostein
        .approves(&request)
        .await
        .assert_problem(404, "AUTH-00015");
    jostein.rejects(&request).await.assert_status(200);
}

#[tokio::test]
async fn of_five_approvals_at_once_one_counts() {
    let world = World::start().await;
    let request = world
        .fjordlonn()
        .requests_change(&TINDEVANDRER_USER, pension())
        .await;
    let jostein = world.jostein();

    let held = world.app.hold_writes("change_request").await;

    let answers = held.race((0..5).map(|_| jostein.approves(&request))).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 4));
    for answer in lost {
        answer.assert_problem(409, "AUTH-00013");
    }
}
