//! What would come of a request: the question, without the request.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

const CHECK: &str = "/systembruker/api/v1/requests:check";

fn for_keramikk() -> Value {
    request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING])
}

async fn check(vendor: &VendorCaller<'_>, body: Value) -> Value {
    vendor.post(CHECK, body).await.assert_status(200).json()
}

fn codes(checked: &Value) -> Vec<&str> {
    let problems = checked["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}

fn without_trace(problem: &Value) -> Value {
    without(problem.clone(), "traceId")
}

/// Wrong in four ways.
fn wrong() -> Value {
    let mut body = request_for(FJORDLONN_SYSTEM, UNKNOWN, [JORDBRUK, A_ORDNING]);
    body["redirectUrl"] = json!("https://fjordlonn.example/annet");
    body["rights"] = rights([KRAVOGBETALING]);
    body
}

#[tokio::test]
async fn a_good_request_would_be_created() {
    let world = World::start().await;
    assert_eq!(
        check(&world.fjordlonn(), for_keramikk()).await,
        json!({"accepted": true, "outcome": "created", "problems": []})
    );
}

#[tokio::test]
async fn a_check_makes_no_request() {
    let world = World::start().await;
    check(&world.fjordlonn(), for_keramikk()).await;
    // Had the check made one, this would be 200.
    world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
}

#[tokio::test]
async fn a_check_names_everything_that_is_wrong_in_order() {
    let world = World::start().await;

    let checked = check(&world.fjordlonn(), wrong()).await;

    assert_eq!(checked["accepted"], false);
    assert_eq!(checked["outcome"], "refused");
    assert_eq!(
        codes(&checked),
        ["AUTH-00000", "AUTH-00021", "AUTH-00001", "AUTH-00063"]
    );
    assert_eq!(checked["problems"][3]["NotFoundPackages"], JORDBRUK.urn());
}

#[tokio::test]
async fn the_first_problem_of_a_check_is_what_the_request_gets() {
    let world = World::start().await;
    let checked = check(&world.fjordlonn(), wrong()).await;
    let refused = world.fjordlonn().sends_request(wrong()).await;
    assert_eq!(without_trace(&checked["problems"][0]), refused.problem());
}

#[tokio::test]
async fn a_check_refuses_for_the_reasons_of_the_request() {
    let world = World::start().await;
    let agent = with(
        request_for(FJORDLONN_SYSTEM, KERAMIKK, NO_PACKAGES),
        "userType",
        json!("agent"),
    );
    for (code, body) in [
        (
            "AUTH-00004",
            request_for(FJORDLONN_SYSTEM, TINDEVANDRER, [A_ORDNING]),
        ),
        (
            "AUTH-00059",
            request_for(FJORDLONN_SYSTEM, KERAMIKK, NO_PACKAGES),
        ),
        (
            "AUTH-00011",
            request_for(SKYREGNSKAP_SYSTEM, KERAMIKK, NO_PACKAGES),
        ),
        ("AUTH-00058", agent),
    ] {
        let checked = check(&world.fjordlonn(), body).await;
        assert_eq!(checked["problems"][0]["code"], code);
    }
}

#[tokio::test]
async fn a_check_finds_the_request_that_exists() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;

    let checked = check(&world.fjordlonn(), for_keramikk()).await;

    assert_eq!(checked["outcome"], "existing");
    assert_eq!(checked["requestId"], request.id);
    assert_eq!(checked["status"], "New");
    let confirm_url = checked["confirmUrl"].as_str().unwrap();
    assert!(confirm_url.contains(&request.id), "{confirm_url}");
}

#[tokio::test]
async fn a_check_that_cannot_be_bound_names_the_member() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .post(CHECK, json!({"userType": "robot"}))
        .await
        .assert_error_keys(["UserType"]);
    vendor
        .post(CHECK, json!({"partyOrgNo": KERAMIKK.number}))
        .await
        .assert_error_keys(["$", "createRequest"]);
}

#[tokio::test]
async fn a_check_needs_the_scope_of_the_request() {
    let world = World::start().await;
    world
        .fjordlonn()
        .with_scopes(REQUEST_READ)
        .post(CHECK, json!({}))
        .await
        .assert_forbidden();
    world
        .anonymous()
        .post(CHECK, json!({}))
        .await
        .assert_unauthorized();
}

/// A change of a system user, with further members.
fn change_of(user: &SystemUser, members: Value) -> Value {
    let mut body = members;
    body["systemUserId"] = json!(user.id);
    body
}

fn pension() -> Value {
    json!({"requiredAccessPackages": packages([PENSJON])})
}

#[tokio::test]
async fn a_change_of_nothing_would_be_no_request() {
    let world = World::start().await;
    let body = change_of(&TINDEVANDRER_USER, json!({}));
    let checked = check(&world.fjordlonn(), body).await;
    assert_eq!(checked["outcome"], "noChangeNeeded");
}

#[tokio::test]
async fn a_good_change_would_be_created() {
    let world = World::start().await;
    let body = change_of(&TINDEVANDRER_USER, pension());
    let checked = check(&world.fjordlonn(), body).await;
    assert_eq!(checked["outcome"], "created");
}

#[tokio::test]
async fn a_check_of_a_change_names_everything_that_is_wrong() {
    let world = World::start().await;
    let wrong = json!({
        "requiredAccessPackages": packages([JORDBRUK]),
        "redirectUrl": "kvittering",
    });
    let body = change_of(&TINDEVANDRER_USER, wrong);
    let checked = check(&world.fjordlonn(), body).await;
    assert_eq!(codes(&checked), ["AUTH-00021", "AUTH-00063"]);
}

#[tokio::test]
async fn a_check_does_not_tell_another_vendors_system_user_from_none() {
    let world = World::start().await;
    let unknown = SystemUser {
        id: Uuid::new_v4().to_string().into(),
        owner: TINDEVANDRER,
    };
    let foreign = check(
        &world.skyregnskap(),
        change_of(&TINDEVANDRER_USER, pension()),
    )
    .await;
    let none = check(&world.fjordlonn(), change_of(&unknown, pension())).await;
    assert_eq!(codes(&foreign), ["AUTH-00015"]);
    assert_eq!(
        without_trace(&foreign["problems"][0]),
        without_trace(&none["problems"][0])
    );
}

#[tokio::test]
async fn a_check_makes_no_change_request() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    check(&vendor, change_of(&TINDEVANDRER_USER, pension())).await;
    let path = format!("{VENDOR_CHANGES}/bysystem/{}", FJORDLONN_SYSTEM.id);
    let listed = vendor.get(&path).await.assert_status(200).json();
    assert_eq!(listed["data"], json!([]));
}
