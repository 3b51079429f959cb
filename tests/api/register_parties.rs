//! Parties of the register's second generation: every address, what is shown of them, and what is
//! refused.

use serde_json::{Value, json};
use testkit::{
    answer::Answer,
    app::TestApp,
    caller::Caller,
    organizations::{KERAMIKK, NATTERGAL, NATTERGAL_SENTRUM, SAV, TALLKNUSEREN},
    people::TORLEIF,
};

use crate::support::who;

const V1: &str = "/register/api/v1";
const V2: &str = "/register/api/v2/internal";

fn reader(app: &TestApp) -> Caller<'_> {
    Caller::organization(app, SAV, "altinn:register/partylookup.admin")
}

fn number(text: &str) -> String {
    format!("urn:altinn:organization:identifier-no:{text}")
}

fn person() -> String {
    format!("urn:altinn:person:identifier-no:{}", TORLEIF.pid)
}

async fn query(app: &TestApp, fields: &str, urns: &[String]) -> Answer {
    let path = format!("{V2}/parties/query{fields}");
    reader(app).post(&path, json!({"data": urns})).await
}

fn members(party: &Value) -> Vec<&str> {
    party
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[rstest::rstest]
#[case("/register/api/v2/internal/parties/query")]
#[case("/register/api/v1/access-management/parties/query")]
#[case("/register/api/v1/dialogporten/parties/query")]
#[case("/register/api/v1/apps/parties/query")]
#[case("/register/api/v1/correspondence/parties/query")]
#[tokio::test]
async fn a_query_is_the_same_at_every_address(#[case] path: &str) {
    let app = TestApp::start().await;
    let reader = reader(&app);
    let agent = format!("urn:altinn:systemuser:uuid:{}", who::TALLKNUSEREN_AGENT);
    let twice = format!("urn:altinn:partyid:{}", NATTERGAL.party);
    let urns = [person(), number(NATTERGAL.number), twice, agent];
    let answer = reader.post(path, json!({"data": urns})).await;
    let kinds: Vec<Value> = answer.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["partyType"].clone())
        .collect();
    assert_eq!(
        (answer.status, kinds),
        (
            200,
            vec![json!("person"), json!("organization"), json!("system-user")]
        )
    );
    let none = reader.post(path, json!({"data": []})).await;
    assert_eq!((none.status, none.json()), (200, json!({"data": []})));
}

#[tokio::test]
async fn the_older_addresses_are_gone() {
    let app = TestApp::start().await;
    let path = format!("{V1}/v2/internal/parties/query");
    reader(&app)
        .post(&path, json!({"data": []}))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn some_members_are_always_there() {
    let app = TestApp::start().await;
    let few = query(&app, "?fields=", &[number(NATTERGAL.number), person()])
        .await
        .json();
    assert_eq!(
        members(&few["data"][0]),
        [
            "partyUuid",
            "versionId",
            "urn",
            "partyType",
            "organizationIdentifier"
        ]
    );
    assert_eq!(
        members(&few["data"][1]),
        [
            "partyUuid",
            "versionId",
            "urn",
            "partyType",
            "personIdentifier"
        ]
    );
    let first = &few["data"][0];
    assert!(first["versionId"].as_i64().unwrap() > 0);
    assert_eq!(
        first["urn"],
        format!("urn:altinn:party:uuid:{}", NATTERGAL.uuid)
    );
    let usual = query(&app, "", &[number(NATTERGAL.number)]).await.json();
    assert_eq!(
        members(&usual["data"][0]),
        [
            "partyUuid",
            "versionId",
            "urn",
            "partyType",
            "organizationIdentifier",
            "externalUrn",
            "partyId",
            "displayName"
        ]
    );
}

#[tokio::test]
async fn what_is_asked_for_and_unknown_is_null() {
    let app = TestApp::start().await;
    let fields = "?fields=party,person,org,si,sysuser,user";
    let all = query(&app, fields, &[number(NATTERGAL.number), person()])
        .await
        .json();
    let (organization, person) = (&all["data"][0], &all["data"][1]);
    assert_eq!(
        (&organization["source"], &organization["unitType"]),
        (&json!("ccr"), &json!("AS"))
    );
    for name in [
        "unitStatus",
        "telephoneNumber",
        "mobileNumber",
        "faxNumber",
        "emailAddress",
        "internetAddress",
        "mailingAddress",
        "businessAddress",
        "deletedAt",
        "user",
    ] {
        assert_eq!(organization.get(name), Some(&Value::Null), "{name}");
    }
    assert!(organization.get("firstName").is_none() && organization.get("owner").is_none());
    assert_eq!(
        (&person["source"], &person["lastName"]),
        (&json!("npr"), &json!("Morgenrød"))
    );
    assert_eq!(person["shortName"], "Morgenrød Torleif");
    assert_eq!(
        person["user"],
        json!({"userId": person["user"]["userId"], "userIds": [person["user"]["userId"]],
        "username": null, "usernames": null})
    );
    assert_eq!(person.get("address"), Some(&Value::Null));
}

#[tokio::test]
async fn a_system_user_has_an_owner_and_a_type() {
    let app = TestApp::start().await;
    let agent = format!("urn:altinn:systemuser:uuid:{}", who::TALLKNUSEREN_AGENT);
    let answer = query(
        &app,
        "?fields=party,sysuser.type",
        std::slice::from_ref(&agent),
    )
    .await
    .json();
    let user = &answer["data"][0];
    assert_eq!(
        (&user["systemUserType"], &user["partyId"]),
        (&json!("client-party-system-user"), &Value::Null)
    );
    assert_eq!(user["owner"]["partyUuid"], TALLKNUSEREN.uuid);
    assert_eq!(user["externalUrn"], agent);
}

#[tokio::test]
async fn what_names_a_party_is_shown_of_it() {
    let app = TestApp::start().await;
    let id = format!("urn:altinn:party:id:{}", NATTERGAL.party);
    let by_id = query(&app, "?fields=", &[id]).await.json();
    assert_eq!(by_id["data"][0]["partyId"], NATTERGAL.party);
    let user = query(&app, "?fields=user.id", &[person()]).await.json();
    let user_id = user["data"][0]["user"]["userId"].as_i64().unwrap();
    let by_user = query(&app, "?fields=", &[format!("urn:altinn:user:id:{user_id}")])
        .await
        .json();
    assert_eq!(
        by_user["data"][0]["user"],
        json!({"userId": user_id, "userIds": [user_id]})
    );
}

#[rstest::rstest]
#[case("urn:altinn:party:id:1")]
#[case("urn:altinn:party:username:Vegard")]
#[case("urn:altinn:username:a%20b")]
#[case("urn:altinn:person:legacy-selfidentified:x")]
#[case("urn:altinn:person:idporten-email:a%40b.example")]
#[tokio::test]
async fn a_name_that_no_party_has_is_206(#[case] urn: &str) {
    let app = TestApp::start().await;
    let answer = query(&app, "", &[urn.to_owned()]).await;
    assert_eq!((answer.status, answer.json()), (206, json!({"data": []})));
}

#[rstest::rstest]
#[case("access-management")]
#[case("dialogporten")]
#[case("apps")]
#[case("correspondence")]
#[tokio::test]
async fn a_query_for_an_unknown_party_is_206_at_the_other_addresses_too(#[case] who: &str) {
    let app = TestApp::start().await;
    let path = format!("/register/api/v1/{who}/parties/query");
    let body = json!({"data": ["urn:altinn:party:id:1"]});
    let answer = reader(&app).post(&path, body).await;
    assert_eq!((answer.status, answer.json()), (206, json!({"data": []})));
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused() {
    let app = TestApp::start().await;
    for urn in [
        "390326572",
        "urn:altinn:party:id:x",
        "urn:altinn:party:username:",
        "urn:altinn:organizationnumber:390326572",
    ] {
        let refused = query(&app, "", &[number(NATTERGAL.number), urn.to_owned()]).await;
        assert_eq!(refused.error_keys()[0], "$.data[1]", "{urn}");
    }
    let path = format!("{V2}/parties/query");
    for body in [
        json!({}),
        json!({"data": null}),
        json!({"data": "x"}),
        json!([]),
    ] {
        reader(&app).post(&path, body).await.assert_status(400);
    }
    for word in ["x", "none", "UUID", "party.uuid"] {
        let refused = query(&app, &format!("?fields={word}"), &[]).await;
        assert_eq!(
            refused.problem()["errors"]["fields"],
            json!([format!("Invalid value: '{word}'")])
        );
    }
}

#[tokio::test]
async fn sub_units_and_too_many_names_are_refused_together() {
    let app = TestApp::start().await;
    let many = vec![number(NATTERGAL.number); 101];
    let both = query(&app, "?fields=org.subunits", &many)
        .await
        .validation_errors();
    let found: Vec<(&Value, &Value)> = both.iter().map(|e| (&e["code"], &e["paths"])).collect();
    assert_eq!(
        found,
        [
            (&json!("REG.VLD-00000"), &json!(["/$QUERY/fields"])),
            (&json!("REG.VLD-00001"), &json!(["/data"]))
        ]
    );
    query(&app, "", &many[..100]).await.assert_status(200);
}

#[rstest::rstest]
#[case("/register/api/v2/internal/parties")]
#[case("/register/api/v1/access-management/parties")]
#[case("/register/api/v1/correspondence/parties")]
#[tokio::test]
async fn a_party_is_read_by_uuid(#[case] base: &str) {
    let app = TestApp::start().await;
    let reader = reader(&app);
    let found = reader
        .get(&format!("{base}/{}?fields=display-name", NATTERGAL.uuid))
        .await;
    assert_eq!(found.json()["displayName"], "NATTERGAL BAKERI AS");
    let uuid = uuid::Uuid::new_v4();
    let unknown = reader.get(&format!("{base}/{uuid}")).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (400, "REG-00003".to_owned())
    );
    assert_eq!(unknown.json()["partyUuid"], uuid.to_string());
    assert_eq!(
        reader.get(&format!("{base}/x")).await.error_keys(),
        ["uuid"]
    );
    let sub_units = reader
        .get(&format!("{base}/{}?fields=org.subunits", NATTERGAL.uuid))
        .await;
    assert_eq!(sub_units.validation_codes(), ["REG.VLD-00000"]);
}

#[rstest::rstest]
#[case("/register/api/v1/internal/parties")]
#[case("/register/api/v2/internal/parties")]
#[tokio::test]
async fn clients_and_directors_are_listed(#[case] base: &str) {
    let app = TestApp::start().await;
    let reader = reader(&app);
    let clients = |role: &str, uuid: &str| format!("{base}/{uuid}/customers/ccr/{role}?fields=");
    let found = reader
        .get(&clients("regnskapsforer", TALLKNUSEREN.uuid))
        .await
        .json();
    let found = found["data"].as_array().unwrap();
    let mut uuids: Vec<&str> = found
        .iter()
        .map(|p| p["partyUuid"].as_str().unwrap())
        .collect();
    assert!(uuids.len() == 5 && uuids.contains(&NATTERGAL.uuid));
    assert!(uuids.is_sorted());
    uuids.clear();
    let none = reader.get(&clients("revisor", TALLKNUSEREN.uuid)).await;
    assert_eq!(none.json(), json!({"data": []}));
    let unknown = reader
        .get(&clients("revisor", &uuid::Uuid::new_v4().to_string()))
        .await;
    assert_eq!((unknown.status, unknown.json()), (200, json!({"data": []})));
    reader
        .get(&clients("daglig-leder", TALLKNUSEREN.uuid))
        .await
        .assert_status(404);
    let directors = reader
        .get(&format!(
            "{base}/{}/holders/ccr/daglig-leder",
            NATTERGAL.uuid
        ))
        .await;
    assert_eq!(directors.json()["data"][0]["personIdentifier"], TORLEIF.pid);
}

#[tokio::test]
async fn roles_of_a_party_are_listed_with_their_holders() {
    let app = TestApp::start().await;
    let reader = reader(&app);
    let roles = reader
        .get(&format!("{V2}/parties/{}/external-roles", NATTERGAL.uuid))
        .await
        .json();
    let leader = json!({"source": "ccr", "identifier": "daglig-leder", "fromParty": NATTERGAL.uuid, "toParty": TORLEIF.uuid});
    assert!(
        roles["data"].as_array().unwrap().contains(&leader),
        "{roles}"
    );
    let none = reader
        .get(&format!(
            "{V2}/parties/{}/external-roles",
            uuid::Uuid::new_v4()
        ))
        .await;
    assert_eq!(none.json(), json!({"data": []}));
    let path = format!(
        "{V1}/correspondence/parties/{}/roles/correspondence-roles",
        NATTERGAL.uuid
    );
    let written = reader.get(&path).await.json();
    assert_eq!(written["links"], json!({}));
    let codes: Vec<&str> = written["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["role"]["identifier"].as_str().unwrap())
        .collect();
    assert!(
        codes.contains(&"daglig-leder") && !codes.contains(&"regnskapsforer"),
        "{codes:?}"
    );
    let first = &written["data"][0];
    assert_eq!(
        first["role"]["urn"],
        format!("urn:altinn:external-role:ccr:{}", codes[0])
    );
    assert_eq!(
        first["from"],
        json!({"partyUuid": NATTERGAL.uuid, "urn": format!("urn:altinn:party:uuid:{}", NATTERGAL.uuid)})
    );
}

#[tokio::test]
async fn kinds_of_roles_have_an_envelope() {
    let app = TestApp::start().await;
    let roles = reader(&app)
        .get(&format!("{V2}/metadata/external-roles"))
        .await
        .json();
    let leader = roles["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["identifier"] == "daglig-leder")
        .unwrap()
        .clone();
    assert_eq!(
        (&leader["source"], &leader["code"], &leader["urn"]),
        (
            &json!("ccr"),
            &json!("DAGL"),
            &json!("urn:altinn:external-role:ccr:daglig-leder")
        )
    );
    assert!(leader["name"]["nb"].is_string() && leader["description"].is_object());
}

#[rstest::rstest]
#[case("/register/api/v2/internal/parties/main-units")]
#[case("/register/api/v1/correspondence/parties/main-units")]
#[tokio::test]
async fn the_main_unit_of_a_unit(#[case] path: &str) {
    let app = TestApp::start().await;
    let reader = reader(&app);
    let asks = async |urn: &str| reader.post(path, json!({"data": urn})).await;
    for urn in [
        number(NATTERGAL_SENTRUM.number),
        format!("urn:altinn:party:uuid:{}", NATTERGAL_SENTRUM.uuid),
        format!("urn:altinn:party:id:{}", NATTERGAL_SENTRUM.party),
    ] {
        let found = asks(&urn).await.json();
        assert_eq!(found["data"][0]["organizationIdentifier"], NATTERGAL.number);
    }
    assert_eq!(
        asks(&number(KERAMIKK.number)).await.json(),
        json!({"data": []})
    );
    assert_eq!(
        asks("urn:altinn:party:id:1").await.json(),
        json!({"data": []})
    );
    assert_eq!(
        asks(&format!("urn:altinn:party:uuid:{}", TORLEIF.uuid))
            .await
            .json(),
        json!({"data": []})
    );
    assert_eq!(asks("x").await.error_keys()[0], "$.data");
}

#[tokio::test]
async fn readers_of_the_register_have_the_scope_or_are_the_platform() {
    let app = TestApp::start().await;
    let path = format!("{V2}/parties/{}", NATTERGAL.uuid);
    Caller::anonymous(&app).get(&path).await.assert_status(401);
    Caller::organization(&app, SAV, "altinn:nothing")
        .get(&path)
        .await
        .assert_status(403);
    let platform = app
        .token("GetPlatformAccessToken", &[("app", "test")])
        .await;
    Caller::anonymous(&app)
        .with_header("platformaccesstoken", &platform)
        .get(&path)
        .await
        .assert_status(200);
}
