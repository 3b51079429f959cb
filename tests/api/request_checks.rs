//! What would come of a request: the question, without the request.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

use crate::resources;

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
        json!({"accepted": true, "outcome": "created", "problems": [], "approvable": true, "obstacles": []})
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

/// What no person can approve, with why.
fn obstacles(checked: &Value) -> Vec<(&str, &str)> {
    let obstacles = checked["obstacles"].as_array().unwrap();
    obstacles
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_check_names_the_resources_that_no_person_can_approve() {
    let world = World::start().await;
    let mut body = for_keramikk();
    body["rights"] = rights([
        Resource("gammelt-skjema"),
        INNTEKTSMELDING,
        Resource("skatt-maskinporten-api"),
        Resource("saft-innsyn"),
        UNKNOWN_RESOURCE,
    ]);

    let checked = check(&world.fjordlonn(), body).await;

    assert_eq!(
        obstacles(&checked),
        [
            ("gammelt-skjema", "resource_not_delegable"),
            ("skatt-maskinporten-api", "resource_is_maskinporten_schema"),
            ("saft-innsyn", "customer_not_on_access_list"),
            ("finnes-ikke", "resource_unknown"),
        ]
    );
    assert_eq!(checked["approvable"], false);
    let first = &checked["obstacles"][0];
    assert_eq!(first["type"], "resource");
    assert!(!first["code"].as_str().unwrap().is_empty());
    assert!(first["cure"].as_str().unwrap().contains("access package"));
}

#[tokio::test]
async fn a_customer_on_the_access_list_can_approve() {
    let world = World::start().await;
    let mut body = request_for(FJORDLONN_SYSTEM, NATTERGAL, NO_PACKAGES);
    body["rights"] = rights([Resource("saft-innsyn")]);
    let checked = check(&world.fjordlonn(), body).await;
    assert_eq!(obstacles(&checked), []);
}

#[tokio::test]
async fn a_check_names_the_packages_that_no_person_can_approve() {
    let world = World::start().await;
    let wanted = [
        A_ORDNING,
        REGNSKAPSFORER_LONN,
        Package("virksomhetens-representant-skjemaoppgaver"),
        Package("vergemal-nav-arbeid"),
        UNKNOWN_PACKAGE,
    ];
    let body = request_for(FJORDLONN_SYSTEM, KERAMIKK, wanted);

    let checked = check(&world.fjordlonn(), body).await;

    assert_eq!(
        obstacles(&checked),
        [
            (&*REGNSKAPSFORER_LONN.urn(), "package_not_assignable"),
            (&*wanted[2].urn(), "package_never_for_system_users"),
            (&*wanted[3].urn(), "package_for_other_party"),
            (&*UNKNOWN_PACKAGE.urn(), "package_unknown"),
        ]
    );
}

fn delegable(id: &str) -> Value {
    with(resources::resource(id), "delegable", json!(true))
}

#[tokio::test]
async fn a_resource_without_rules_for_persons_cannot_be_approved() {
    let world = World::start().await;
    let owner = resources::owner(&world.app).await;
    for id in ["uten-regler", "for-eieren"] {
        world
            .bearer(&owner)
            .post("/resourceregistry/api/v1/resource", delegable(id))
            .await
            .assert_status(201);
    }
    let policy = resources::policy("for-eieren", &["sav"]);
    let policy = policy.replace("urn:altinn:accesspackage", "urn:altinn:org");
    resources::upload(&world.app, &owner, "for-eieren", "policyFile", &policy)
        .await
        .assert_status(201);
    let mut body = for_keramikk();
    body["rights"] = rights([Resource("uten-regler"), Resource("for-eieren")]);

    let checked = check(&world.fjordlonn(), body).await;

    assert_eq!(
        obstacles(&checked),
        [
            ("uten-regler", "resource_without_policy"),
            ("for-eieren", "only_owner_rules"),
        ]
    );
}

#[tokio::test]
async fn a_good_request_that_no_person_can_approve_is_accepted_all_the_same() {
    let world = World::start().await;
    let owner = world.organization(AYE, "altinn:resourceregistry/resource.write");
    let path = "/resourceregistry/api/v1/resource/inntektsmelding";
    let mut resource = owner.get(path).await.json();
    resource["delegable"] = json!(false);
    owner.put(path, resource).await.assert_status(200);
    let mut body = for_keramikk();
    body["rights"] = rights([INNTEKTSMELDING]);

    let checked = check(&world.fjordlonn(), body).await;

    assert_eq!(checked["accepted"], true);
    assert_eq!(checked["approvable"], false);
    assert_eq!(
        obstacles(&checked),
        [("inntektsmelding", "resource_not_delegable")]
    );
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
async fn what_no_person_can_approve_of_a_change_is_known() {
    let world = World::start().await;
    let wanted = json!({"requiredRights": rights([Resource("gammelt-skjema")])});
    let checked = check(&world.fjordlonn(), change_of(&TINDEVANDRER_USER, wanted)).await;
    assert_eq!(
        obstacles(&checked),
        [("gammelt-skjema", "resource_not_delegable")]
    );
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
async fn a_check_does_not_distinguish_another_vendors_system_user_from_none() {
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
