//! Whom a subject may act for.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, who};

const OWNER: &str = "/accessmanagement/api/v1/resourceowner/authorizedparties";
const END_USER: &str = "/accessmanagement/api/v1/enduser/authorizedparties";
const SCOPE: &str = "altinn:accessmanagement/authorizedparties.resourceowner";
const ADMIN: &str = "altinn:accessmanagement/authorizedparties.admin";
const TALLKNUSEREN: &str = "390784554";
const RANDI_FIRM_CLIENTS: [&str; 5] = [
    "390326572",
    "390367767",
    "390381492",
    "390614918",
    "390825749",
];

async fn ask(app: &TestApp, attribute: &str, value: &str, query: &str) -> Vec<Value> {
    let token = app.organization(who::SAV, SCOPE).await;
    let answer = app
        .post(
            &format!("{OWNER}{query}"),
            &token,
            json!({"Type": attribute, "value": value}),
        )
        .await
        .expect(200);
    answer.json().as_array().unwrap().clone()
}

fn party<'a>(list: &'a [Value], org: &str) -> &'a Value {
    list.iter()
        .find(|p| p["organizationNumber"] == org)
        .unwrap_or_else(|| panic!("{org} is not among {list:#?}"))
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_standard_system_user_acts_for_its_owner_and_the_owners_sub_units() {
    let app = TestApp::start().await;
    let user =
        app.sql_text("select id::text from \"system_user\" where reportee_org_no = '390326572' and kind = 'standard' and not is_deleted").await;
    let list = ask(
        &app,
        "urn:altinn:systemuser:uuid",
        &user,
        "?includeAccessPackages=true",
    )
    .await;
    assert_eq!(list.len(), 1);
    let owner = &list[0];
    let names: Vec<&String> = owner.as_object().unwrap().keys().collect();
    let expected = [
        "partyUuid",
        "name",
        "organizationNumber",
        "parentId",
        "personId",
        "dateOfBirth",
        "partyId",
        "emailId",
        "type",
        "unitType",
        "isDeleted",
        "onlyHierarchyElementWithNoAccess",
        "authorizedAccessPackages",
        "authorizedResources",
        "authorizedRoles",
        "authorizedInstances",
        "subunits",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        (
            &owner["organizationNumber"],
            &owner["type"],
            &owner["unitType"]
        ),
        (&json!(who::NATTERGAL), &json!("Organization"), &json!("AS"))
    );
    assert_eq!(texts(&owner["authorizedAccessPackages"]).len(), 3);
    assert_eq!(
        owner["authorizedResources"],
        json!(["arbeidstrening-avtale"])
    );
    assert_eq!(
        (
            &owner["authorizedRoles"],
            &owner["authorizedInstances"],
            &owner["personId"]
        ),
        (&json!([]), &json!([]), &Value::Null)
    );
    let units = owner["subunits"].as_array().unwrap();
    assert_eq!(
        (units.len(), &units[0]["unitType"], &units[0]["parentId"]),
        (2, &json!("BEDR"), &owner["partyUuid"])
    );
    assert_eq!(
        units[0]["authorizedAccessPackages"],
        owner["authorizedAccessPackages"]
    );
    let without = ask(
        &app,
        "urn:altinn:systemuser:uuid",
        &user,
        "?includeSubParties=false&includeResources=false",
    )
    .await;
    assert_eq!(
        (
            &without[0]["subunits"],
            &without[0]["authorizedResources"],
            &without[0]["authorizedAccessPackages"]
        ),
        (&json!([]), &json!([]), &json!([]))
    );
}

#[tokio::test]
async fn an_agent_acts_for_its_clients() {
    let app = TestApp::start().await;
    let list = ask(
        &app,
        "urn:altinn:systemuser:uuid",
        who::TALLKNUSEREN_AGENT,
        "?includeAccessPackages=true",
    )
    .await;
    let numbers: Vec<_> = list
        .iter()
        .filter_map(|p| p["organizationNumber"].as_str())
        .collect();
    assert!(
        numbers.contains(&who::NATTERGAL)
            && numbers.contains(&who::KERAMIKK)
            && !numbers.contains(&TALLKNUSEREN),
        "{numbers:?}"
    );
    let packages = texts(&party(&list, who::NATTERGAL)["authorizedAccessPackages"]);
    assert!(packages.iter().all(|p| p.starts_with("regnskapsforer-")) && !packages.is_empty());
    // The owner of a sole proprietorship is reached as a person too.
    assert!(
        list.iter()
            .any(|p| p["type"] == "Person" && p["personId"] == who::ODDNY)
    );
    app.run_sql(&format!(
        "update \"system_user\" set is_deleted = true where id = '{}'",
        who::TALLKNUSEREN_AGENT
    ))
    .await;
    assert!(
        ask(
            &app,
            "urn:altinn:systemuser:uuid",
            who::TALLKNUSEREN_AGENT,
            ""
        )
        .await
        .is_empty()
    );
}

#[tokio::test]
async fn a_person_acts_through_roles_firms_and_for_himself() {
    let app = TestApp::start().await;
    let director = app.sql_text("select p.uuid::text from party p join register_role r on r.to_key = p.key join party o on o.key = r.from_key where o.org_number = '390784554' limit 1").await;
    let list = ask(
        &app,
        "urn:altinn:person:uuid",
        &director,
        "?includeAccessPackages=true",
    )
    .await;
    for client in RANDI_FIRM_CLIENTS {
        let packages = texts(&party(&list, client)["authorizedAccessPackages"]);
        assert!(
            packages.contains(&"regnskapsforer-lonn"),
            "{client}: {packages:?}"
        );
    }
    assert!(texts(&party(&list, TALLKNUSEREN)["authorizedRoles"]).contains(&"DAGL"));
    assert!(
        list.iter().any(|p| p["partyUuid"] == director.as_str()
            && texts(&p["authorizedRoles"]).contains(&"PRIV"))
    );
    let direct = ask(
        &app,
        "urn:altinn:person:uuid",
        &director,
        "?includePartiesViaKeyRoles=false&includeSubParties=AUTO",
    )
    .await;
    assert!(direct.len() == 2, "{direct:#?}");
    // As an organisation, the firm reaches its clients itself.
    let firm = ask(
        &app,
        "urn:altinn:organization:identifier-no",
        TALLKNUSEREN,
        "?includeRoles=false",
    )
    .await;
    assert_eq!(party(&firm, who::NATTERGAL)["authorizedRoles"], json!([]));
}

#[tokio::test]
async fn the_list_can_be_narrowed() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, SCOPE).await;
    let subject = json!({"type": "urn:altinn:person:identifier-no", "value": who::TORLEIF});
    let ask = async |query: &str, body: Value| {
        app.post(&format!("{OWNER}?{query}"), &token, body)
            .await
            .expect(200)
            .json()
    };
    let all = ask("", subject.clone()).await;
    assert!(all.as_array().unwrap().len() >= 2);
    let mut filtered = subject.clone();
    filtered["partyFilter"] =
        json!([{"type": "urn:altinn:organization:identifier-no", "value": who::NATTERGAL}]);
    let one = ask("", filtered.clone()).await;
    assert_eq!(
        (one.as_array().unwrap().len(), &one[0]["organizationNumber"]),
        (1, &json!(who::NATTERGAL))
    );
    // A sub-unit alone stands below its main unit, which has no part in it.
    filtered["partyFilter"] =
        json!([{"type": "urn:altinn:organization:identifier-no", "value": "290340306"}]);
    let unit = ask("", filtered).await;
    assert_eq!(
        (
            &unit[0]["onlyHierarchyElementWithNoAccess"],
            &unit[0]["organizationNumber"]
        ),
        (&json!(true), &json!(who::NATTERGAL))
    );
    assert_eq!(
        (
            unit[0]["subunits"].as_array().unwrap().len(),
            &unit[0]["authorizedRoles"]
        ),
        (1, &json!([]))
    );
    // Only where something leads to a resource.
    let leads = ask(
        "anyOfResourceIds=mva-melding&anyOfResourceIds=finnes-ikke",
        subject.clone(),
    )
    .await;
    assert!(
        leads
            .as_array()
            .unwrap()
            .iter()
            .all(|p| p["type"] == "Organization")
            && !leads.as_array().unwrap().is_empty()
    );
    assert_eq!(
        ask("anyOfResourceIds=finnes-ikke", subject.clone()).await,
        json!([])
    );
    assert!(
        !ask("orgCode=SAV", subject.clone())
            .await
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        app.post(&format!("{OWNER}?orgCode=fok"), &token, subject.clone())
            .await
            .error_keys(),
        ["orgCode"]
    );
    let admin = app.organization(who::SAV, ADMIN).await;
    app.post(&format!("{OWNER}?orgCode=fok"), &admin, subject)
        .await
        .expect(200);
}

#[tokio::test]
async fn what_cannot_be_asked() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, SCOPE).await;
    for (attribute, value) in [
        ("urn:altinn:resource", "x"),
        ("urn:altinn:systemuser:uuid", "x"),
        ("urn:altinn:partyid", "-1"),
        ("urn:altinn:userid", "1.5"),
    ] {
        let answer = app
            .post(OWNER, &token, json!({"type": attribute, "value": value}))
            .await;
        assert_eq!(answer.error_keys(), ["Argument exception"]);
    }
    for body in [
        json!({}),
        json!({"type": "urn:altinn:partyid"}),
        json!({"type": null, "value": "1"}),
        json!([]),
        json!({"type": 1, "value": "1"}),
    ] {
        app.post(OWNER, &token, body).await.expect(400);
    }
    app.post(
        &format!("{OWNER}?includeRoles=ja"),
        &token,
        json!({"type": "urn:altinn:partyid", "value": "1"}),
    )
    .await
    .expect(400);
    for (attribute, value) in [
        ("urn:altinn:partyid", "1"),
        ("urn:altinn:person:identifier-no", "01010112345"),
        (
            "urn:altinn:systemuser:uuid",
            "00000000-0000-0000-0000-000000000001",
        ),
    ] {
        assert_eq!(
            app.post(
                "/accessmanagement/api/v1/ServiceOwner/AuthorizedParties",
                &token,
                json!({"type": attribute, "value": value})
            )
            .await
            .expect(200)
            .json(),
            json!([])
        );
    }
    app.send(Method::POST, OWNER, None, Some(json!({})))
        .await
        .expect(401);
    app.post(
        OWNER,
        &app.organization(who::SAV, "altinn:accessmanagement/authorizedparties")
            .await,
        json!({}),
    )
    .await
    .expect(403);
}

#[tokio::test]
async fn callers_ask_for_themselves() {
    let app = TestApp::start().await;
    let person = app
        .token(
            "GetPersonalToken",
            &[("pid", who::TORLEIF), ("scopes", "altinn:portal/enduser")],
        )
        .await;
    let own = app
        .get(&format!("{END_USER}?includeRoles=true"), &person)
        .await
        .expect(200)
        .json();
    assert_eq!(own["links"], json!({"next": null}));
    assert!(
        texts(&party(own["data"].as_array().unwrap(), who::NATTERGAL)["authorizedRoles"])
            .contains(&"DAGL")
    );
    let bare = app.get(END_USER, &person).await.json();
    assert_eq!(
        party(bare["data"].as_array().unwrap(), who::NATTERGAL)["authorizedRoles"],
        json!([])
    );
    // A token without user or system user.
    app.get(
        END_USER,
        &app.organization(who::SAV, "altinn:accessmanagement/authorizedparties")
            .await,
    )
    .await
    .expect(401);
    app.get(END_USER, &app.organization(who::SAV, SCOPE).await)
        .await
        .expect(403);
}

#[tokio::test]
async fn the_dead_and_the_deleted_hold_nothing() {
    let app = TestApp::start().await;
    app.run_sql(&format!(
        "update party set status = 'deleted', deleted_at = now() where org_number = '{}'",
        who::NATTERGAL
    ))
    .await;
    let list = ask(
        &app,
        "urn:altinn:person:identifier-no",
        who::TORLEIF,
        "?includeAccessPackages=true",
    )
    .await;
    let gone = party(&list, who::NATTERGAL);
    assert_eq!(
        (
            &gone["isDeleted"],
            &gone["authorizedAccessPackages"],
            &gone["authorizedRoles"]
        ),
        (&json!(true), &json!([]), &json!([]))
    );
    let active = ask(
        &app,
        "urn:altinn:person:identifier-no",
        who::TORLEIF,
        "?includeInactiveParties=false",
    )
    .await;
    assert!(
        active
            .iter()
            .all(|p| p["organizationNumber"] != who::NATTERGAL
                || p["onlyHierarchyElementWithNoAccess"] == true)
    );
    app.run_sql("update party set death_date = now() where key in (select to_key from register_role r join party o on o.key = r.from_key where o.org_number = '390326572')").await;
    assert!(
        ask(&app, "urn:altinn:person:identifier-no", who::TORLEIF, "")
            .await
            .is_empty()
    );
}
