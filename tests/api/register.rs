//! The register's own endpoints: who may look whom up, and what answers contain.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, ByHand as _, TestApp, who};

const BASE: &str = "/register/api/v1";
const LOOKUP: &str = "altinn:register/partylookup.admin";
const NATTERGAL_UUID: &str = "a8baac14-c94e-5be8-bd91-30de41d8e1f9";
const SUB_UNIT: &str = "290340306";

async fn back_end(app: &TestApp) -> String {
    app.organization(who::SAV, LOOKUP).await
}

/// Nattergal, as it is read by its party id.
async fn nattergal(app: &TestApp, token: &str) -> Value {
    let path = format!("{BASE}/parties/{}", who::NATTERGAL_PARTY);
    app.get(&path, token).await.expect(200).json()
}

/// Torleif, as found by an identity number.
async fn torleif(app: &TestApp, token: &str) -> Value {
    let body = json!({"ssn": who::TORLEIF, "orgNo": null});
    let path = format!("{BASE}/parties/lookup");
    app.post(&path, token, body).await.expect(200).json()
}

#[tokio::test]
async fn a_party_of_the_first_generation_has_the_members_of_the_public_system() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let by_id = nattergal(&app, &token).await;
    let expected = json!({
        "partyId": who::NATTERGAL_PARTY, "partyUuid": NATTERGAL_UUID, "externalUrn": format!("urn:altinn:organization:identifier-no:{}", who::NATTERGAL),
        "partyTypeName": 2, "orgNumber": who::NATTERGAL, "ssn": null, "unitType": "AS", "name": "NATTERGAL BAKERI AS", "isDeleted": false,
        "onlyHierarchyElementWithNoAccess": false, "person": null,
        "organization": {"orgNumber": who::NATTERGAL, "name": "NATTERGAL BAKERI AS", "unitType": "AS", "telephoneNumber": null, "mobileNumber": null,
            "faxNumber": null, "eMailAddress": null, "internetAddress": null, "mailingAddress": null, "mailingPostalCode": null,
            "mailingPostalCity": null, "businessAddress": null, "businessPostalCode": null, "businessPostalCity": null, "unitStatus": null},
        "childParties": null, "lastChangedInAltinn": null, "lastChangedInExternalRegister": null,
    });
    assert_eq!(by_id, expected);
}

#[tokio::test]
async fn a_party_is_the_same_by_its_uuid() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let by_id = nattergal(&app, &token).await;
    assert_eq!(
        app.get(&format!("{BASE}/Parties/ByUuid/{NATTERGAL_UUID}"), &token)
            .await
            .json(),
        by_id
    );
}

#[tokio::test]
async fn a_party_is_the_same_by_its_organization_number() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let by_id = nattergal(&app, &token).await;
    assert_eq!(
        app.post(
            &format!("{BASE}/parties/lookup"),
            &token,
            json!({"orgNo": who::NATTERGAL})
        )
        .await
        .json(),
        by_id
    );
}

#[tokio::test]
async fn a_person_is_a_party_without_organization() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let person = torleif(&app, &token).await;
    assert_eq!(
        (
            &person["partyTypeName"],
            &person["ssn"],
            &person["organization"]
        ),
        (&json!(1), &json!(who::TORLEIF), &Value::Null)
    );
}

#[tokio::test]
async fn the_short_name_of_a_person_has_the_last_name_first() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let person = torleif(&app, &token).await;
    let (first, last) = (
        person["person"]["firstName"].as_str().unwrap(),
        person["person"]["lastName"].as_str().unwrap(),
    );
    assert!(
        person["name"].as_str().unwrap().starts_with(last)
            && person["name"].as_str().unwrap().contains(first)
    );
}

#[tokio::test]
async fn an_unknown_party_is_not_found_by_its_id() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let missing = app
        .get(&format!("{BASE}/parties/1"), &token)
        .await
        .expect(404);
    assert_eq!(missing.code(), "REG-00007");
}

#[tokio::test]
async fn a_party_is_not_read_by_what_is_no_id() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    app.get(&format!("{BASE}/parties/x"), &token)
        .await
        .expect(400);
    app.get(&format!("{BASE}/parties/byuuid/x"), &token)
        .await
        .expect(400);
}

#[tokio::test]
async fn a_look_up_by_anything_but_one_number_is_refused() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    for body in [
        json!({}),
        json!({"ssn": who::TORLEIF, "orgNo": who::NATTERGAL}),
        json!({"orgNo": "39032657"}),
        json!([]),
    ] {
        app.post(&format!("{BASE}/parties/lookup"), &token, body)
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn an_unknown_party_is_not_found_by_its_number() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    assert_eq!(
        app.post(
            &format!("{BASE}/parties/lookup"),
            &token,
            json!({"orgNo": "390326573"})
        )
        .await
        .expect(404)
        .code(),
        "REG-00007"
    );
}

#[tokio::test]
async fn an_organization_is_what_its_party_says_of_it() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let by_id = nattergal(&app, &token).await;
    let organization = app
        .get(&format!("{BASE}/organizations/{}", who::NATTERGAL), &token)
        .await
        .expect(200)
        .json();
    assert_eq!(organization, by_id["organization"]);
}

#[tokio::test]
async fn an_unknown_organization_is_not_found() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    assert_eq!(
        app.get(&format!("{BASE}/organizations/390326573"), &token)
            .await
            .expect(404)
            .code(),
        "REG-00006"
    );
}

#[tokio::test]
async fn an_organization_is_not_read_by_what_is_no_number() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    app.get(&format!("{BASE}/organizations/39032657"), &token)
        .await
        .expect(400);
}

#[tokio::test]
async fn who_may_look_up() {
    let app = TestApp::start().await;
    let path = format!("{BASE}/parties/{}", who::NATTERGAL_PARTY);
    app.send(Method::GET, &path, None, None).await.expect(401);
    app.get(
        &path,
        &app.organization(who::SAV, "altinn:register/partylookup")
            .await,
    )
    .await
    .expect(403);
    // A person reads what they represent, and their own party.
    let torleif = app.person(who::TORLEIF).await;
    app.get(&path, &torleif).await.expect(200);
    for other in [who::KERAMIKK_PARTY, 1] {
        app.get(&format!("{BASE}/parties/{other}"), &torleif)
            .await
            .expect(401);
    }
    let own = app
        .post(
            &format!("{BASE}/parties/lookup"),
            &back_end(&app).await,
            json!({"ssn": who::TORLEIF}),
        )
        .await
        .json();
    app.get(
        &format!(
            "{BASE}/parties/byuuid/{}",
            own["partyUuid"].as_str().unwrap()
        ),
        &torleif,
    )
    .await
    .expect(200);
    // Everything else is for back ends.
    app.post(
        &format!("{BASE}/parties/lookup"),
        &torleif,
        json!({"orgNo": who::NATTERGAL}),
    )
    .await
    .expect(403);
    let platform = app
        .token("GetPlatformAccessToken", &[("app", "test")])
        .await;
    let with = async |token: &str| {
        let request = app
            .http
            .get(format!("{}{path}", app.base))
            .header("PlatformAccessToken", token);
        Answer::of(request.send().await.unwrap()).await
    };
    with(&platform).await.expect(200);
    with("x").await.expect(401);
    app.get(&format!("{BASE}/no/such/thing"), &torleif)
        .await
        .expect(404);
}

#[tokio::test]
async fn names_in_the_order_asked() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let body = json!({"parties": [{"ssn": who::TORLEIF}, {"orgNo": "999999999"}, {"orgNo": who::NATTERGAL}]});
    let plain = app
        .post(&format!("{BASE}/parties/nameslookup"), &token, body.clone())
        .await
        .expect(200)
        .json();
    assert_eq!(
        plain["partyNames"][1],
        json!({"ssn": null, "orgNo": "999999999", "name": null})
    );
    assert_eq!(plain["partyNames"][2]["name"], "NATTERGAL BAKERI AS");
    assert!(plain["partyNames"][0].get("personName").is_none());
    let parts = app
        .post(
            &format!("{BASE}/parties/nameslookup?partyComponentOption=NameComponents"),
            &token,
            body,
        )
        .await
        .json();
    assert!(
        parts["partyNames"][0]["personName"]["firstName"]
            .as_str()
            .is_some_and(|n| plain["partyNames"][0]["name"]
                .as_str()
                .unwrap()
                .ends_with(n))
    );
    app.post(
        &format!("{BASE}/parties/nameslookup?partyComponentOption=x"),
        &token,
        json!({"parties": []}),
    )
    .await
    .expect(400);
    let many = vec![json!({"orgNo": who::NATTERGAL}); 1_001];
    app.post(
        &format!("{BASE}/parties/nameslookup"),
        &token,
        json!({"parties": many}),
    )
    .await
    .expect(400);
    let many = vec![json!({"orgNo": who::NATTERGAL}); 1_000];
    let all = app
        .post(
            &format!("{BASE}/parties/nameslookup"),
            &token,
            json!({"parties": many}),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(all["partyNames"].as_array().unwrap().len(), 1_000);
}

#[tokio::test]
async fn lists_and_identifiers() {
    let app = TestApp::start().await;
    let token = back_end(&app).await;
    let list = app
        .post(
            &format!("{BASE}/parties/partylist?fetchSubUnits=true"),
            &token,
            json!([who::NATTERGAL_PARTY, 1]),
        )
        .await
        .expect(200)
        .json();
    let children = list[0]["childParties"].as_array().unwrap();
    assert_eq!((list.as_array().unwrap().len(), children.len()), (1, 2));
    assert_eq!(
        (
            &children[0]["orgNumber"],
            &children[0]["unitType"],
            &children[0]["partyTypeName"]
        ),
        (&json!(SUB_UNIT), &json!("BEDR"), &json!(2))
    );
    app.post(&format!("{BASE}/parties/partylist"), &token, json!([1]))
        .await
        .expect(404);
    app.post(&format!("{BASE}/parties/partylist"), &token, json!(["x"]))
        .await
        .expect(400);
    let by_uuid = app
        .post(
            &format!("{BASE}/parties/partylistbyuuid"),
            &token,
            json!([NATTERGAL_UUID]),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&by_uuid[0]["partyId"], &by_uuid[0]["childParties"]),
        (&json!(who::NATTERGAL_PARTY), &Value::Null)
    );
    assert_eq!(
        app.post(
            &format!("{BASE}/parties/partylistbyuuid"),
            &token,
            json!([])
        )
        .await
        .expect(200)
        .json(),
        json!([])
    );

    let person = app
        .post(
            &format!("{BASE}/parties/lookup"),
            &token,
            json!({"ssn": who::TORLEIF}),
        )
        .await
        .json();
    let person_id = person["partyId"].as_i64().unwrap();
    let found = app
        .get(
            &format!(
                "{BASE}/parties/identifiers?ids={person_id},1&orgs={}&uuids={NATTERGAL_UUID}",
                who::NATTERGAL
            ),
            &token,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(found.as_array().unwrap().len(), 2);
    let nattergal = json!({"partyId": who::NATTERGAL_PARTY, "partyUuid": NATTERGAL_UUID, "orgNumber": who::NATTERGAL});
    assert!(found.as_array().unwrap().contains(&nattergal));
    assert!(!found.to_string().contains(who::TORLEIF));
    for wrong in [
        "",
        "?ids=x",
        "?orgs=1",
        &format!("?ids={}", vec!["1"; 101].join(",")),
    ] {
        app.get(&format!("{BASE}/parties/identifiers{wrong}"), &token)
            .await
            .expect(400);
    }
}
