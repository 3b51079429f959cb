//! System users as their owners manage them, as vendors list them, and as the platform follows
//! them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

const BASE: &str = "/authentication/api/v1/systemuser";
const STREAM: &str = "/authentication/api/v1/systemuser/internal/systemusers";
const ADMIN: &str = "altinn:authentication/systemuser.admin";
const BYRA: &str = "390184387_skyregnskap_byra";
const TALLKNUSEREN: &str = "390784554";

fn packages(names: &[&str]) -> Value {
    names
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect()
}

/// Tallknuseren, its party id, its uuid, and its managing director.
async fn tallknuseren(app: &TestApp) -> (i64, String, String) {
    let party = app
        .count(&format!(
            "select party_id::bigint from party where org_number = '{TALLKNUSEREN}'"
        ))
        .await;
    let uuid = app
        .sql_text(&format!(
            "select uuid::text from party where org_number = '{TALLKNUSEREN}'"
        ))
        .await;
    (party, uuid, app.person(who::RANDI).await)
}

fn lookup(external_ref: &str) -> String {
    format!(
        "{BASE}/byexternalid?clientid={}&systemproviderorgno={}&systemuserownerorgno={}{external_ref}",
        who::FJORDLONN_CLIENT,
        who::FJORDLONN,
        who::NATTERGAL
    )
}

#[tokio::test]
async fn an_owner_creates_lists_reads_renames_and_deletes() {
    let app = TestApp::start().await;
    let torleif = app.person(who::TORLEIF).await;
    let party = format!("{BASE}/{}", who::NATTERGAL_PARTY);
    let maskinporten = app.organization("991825827", LOOKUP).await;
    app.run_sql(&format!(
        "update request set is_deleted = true where id = '{}'",
        who::NATTERGAL_REQUEST
    ))
    .await;
    let before = app
        .get(&party, &torleif)
        .await
        .expect(200)
        .json()
        .as_array()
        .unwrap()
        .len();
    let body = json!({"IntegrationTitle": "Lønn hos Nattergal", "systemId": who::FJORDLONN_SYSTEM, "more": 1});
    let created = app
        .post(&format!("{party}/create"), &torleif, body.clone())
        .await
        .expect(200)
        .json();
    let id = created["id"].as_str().unwrap().to_owned();
    let mut shown = created.clone();
    for member in ["id", "created", "systemInternalId"] {
        shown[member].take();
    }
    insta::assert_snapshot!(shown.to_string(), @r#"{"id":null,"integrationTitle":"Lønn hos Nattergal","systemId":"390198116_fjordlonn","productName":"","systemInternalId":null,"partyId":"52000063","partyUuId":"","reporteeOrgNo":"390326572","created":null,"isDeleted":false,"supplierName":"","supplierOrgno":"390198116","externalRef":"390326572","userType":"standard","accessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"},{"urn":"urn:altinn:accesspackage:lonn"},{"urn":"urn:altinn:accesspackage:pensjon"},{"urn":"urn:altinn:accesspackage:sykefravaer"}]}"#);
    assert_eq!(
        app.post(&format!("{party}/create"), &torleif, body.clone())
            .await
            .expect(400)
            .code(),
        "AUTH-00004"
    );

    let listed = app.get(&party, &torleif).await.expect(200).json();
    let listed = listed.as_array().unwrap();
    assert_eq!((listed.len(), listed.last()), (before + 1, Some(&created)));
    let detail = app
        .get(&format!("{party}/{id}"), &torleif)
        .await
        .expect(200)
        .json();
    assert_eq!(detail["accessPackages"], created["accessPackages"]);
    let rights = json!([{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]);
    assert_eq!(detail["rights"], rights);
    let held = app
        .get(&format!("{party}/{id}/delegations"), &torleif)
        .await
        .expect(200)
        .text;
    let expected =
        json!({"systemUserId": id, "rights": rights, "accessPackages": created["accessPackages"]});
    assert_eq!(held, expected.to_string());
    for reference in ["", "&externalref=", "&externalref=390326572"] {
        assert_eq!(
            app.get(&lookup(reference), &maskinporten)
                .await
                .expect(200)
                .json()["id"],
            id.as_str()
        );
    }
    app.get(&lookup("&externalref=other"), &maskinporten)
        .await
        .expect(404);
    assert_eq!(
        app.decide_system_user(&id, "write", "a-melding", who::NATTERGAL)
            .await,
        "Permit"
    );

    // Another title, and nothing else.
    let change = json!({"id": id, "partyId": who::NATTERGAL_PARTY.to_string(), "reporteeOrgNo": "1", "integrationTitle": " Ny tittel ", "systemId": "x"});
    let put =
        async |token: &str, body: Value| app.send(Method::PUT, BASE, Some(token), Some(body)).await;
    assert_eq!(put(&torleif, change.clone()).await.expect(200).text, "");
    let detail = app.get(&format!("{party}/{id}"), &torleif).await.json();
    assert_eq!(
        (&detail["integrationTitle"], &detail["systemId"]),
        (&json!("Ny tittel"), &json!(who::FJORDLONN_SYSTEM))
    );
    put(&app.person(who::ODDNY).await, change.clone())
        .await
        .expect(403);
    let with = |member: &str, value: Value| {
        let mut body = change.clone();
        body[member] = value;
        body
    };
    put(&torleif, with("id", json!(who::TINDEVANDRER_USER)))
        .await
        .expect(404);
    assert_eq!(
        put(&torleif, with("id", json!("x"))).await.error_keys(),
        ["Id"]
    );
    assert_eq!(
        put(&torleif, with("partyId", json!("x")))
            .await
            .error_keys(),
        ["PartyId"]
    );
    assert_eq!(
        put(&torleif, with("integrationTitle", json!("  ")))
            .await
            .error_keys(),
        ["IntegrationTitle"]
    );
    assert_eq!(
        put(&torleif, with("integrationTitle", json!("x".repeat(256))))
            .await
            .error_keys(),
        ["IntegrationTitle"]
    );
    put(&torleif, json!({"id": id})).await.expect(400);

    assert_eq!(
        app.delete(&format!("{party}/{id}"), &torleif)
            .await
            .expect(202)
            .text,
        "1"
    );
    assert_eq!(
        app.delete(&format!("{party}/{id}"), &torleif)
            .await
            .expect(404)
            .text,
        "0"
    );
    app.get(&lookup(""), &maskinporten).await.expect(404);
    assert_eq!(
        app.decide_system_user(&id, "write", "a-melding", who::NATTERGAL)
            .await,
        "NotApplicable"
    );
    assert_eq!(
        app.get(&format!("{party}/{id}/delegations"), &torleif)
            .await
            .expect(404)
            .code(),
        "AUTH-00015"
    );
    let again = app
        .post(&format!("{party}/create"), &torleif, body)
        .await
        .expect(200)
        .json();
    assert_ne!(again["id"], id.as_str());
    assert_eq!(
        app.count("select count(*) from audit_log where action = 'systemuser.created'")
            .await,
        2
    );
}

#[tokio::test]
async fn what_stops_a_creation_leaves_nothing() {
    let app = TestApp::start().await;
    let torleif = app.person(who::TORLEIF).await;
    let create = format!("{BASE}/{}/create", who::NATTERGAL_PARTY);
    let users = async || app.count("select count(*) from \"system_user\"").await;
    let before = users().await;
    let ask = async |system: &str| {
        app.post(
            &create,
            &torleif,
            json!({"integrationTitle": "", "systemId": system}),
        )
        .await
    };
    assert_eq!(
        ask("390198116_finnes_ikke").await.expect(404).code(),
        "AUTH-00011"
    );
    assert_eq!(
        ask("390198116_fjordlonn_klassisk").await.expect(404).code(),
        "AUTH-00011"
    );
    // Meant for clients only.
    assert_eq!(ask(BYRA).await.expect(400).code(), "AUTH-00053");
    app.run_sql(&format!(
        "update system set rights = '[{{\"resource\": [{{\"id\": \"urn:altinn:resource\", \"value\": \"finnes-ikke\"}}]}}]' where system_id = '{}'",
        who::FJORDLONN_SYSTEM
    ))
    .await;
    let problem = ask(who::FJORDLONN_SYSTEM).await.expect(403);
    assert_eq!(problem.code(), "AUTH-00014");
    assert!(
        problem.problem()["delegationReasons"]
            .as_str()
            .unwrap()
            .contains("finnes-ikke")
    );
    for body in [
        json!({}),
        json!({"integrationTitle": "x"}),
        json!({"systemId": null, "integrationTitle": "x"}),
        json!([]),
    ] {
        app.post(&create, &torleif, body).await.expect(400);
    }
    app.post(
        &create,
        &app.person(who::ODDNY).await,
        json!({"integrationTitle": "x", "systemId": BYRA}),
    )
    .await
    .expect(403);
    app.send(Method::POST, &create, None, Some(json!({})))
        .await
        .expect(401);
    assert_eq!(users().await, before);
    // Nothing listed, nothing held: that is allowed.
    app.run_sql(&format!(
        "update system set rights = '[]', access_packages = '[]' where system_id = '{}'",
        who::FJORDLONN_SYSTEM
    ))
    .await;
    assert_eq!(
        ask(who::FJORDLONN_SYSTEM).await.expect(200).json()["accessPackages"],
        json!([])
    );
    let mut racing = Vec::new();
    app.run_sql(&format!(
        "update system set is_deleted = false where system_id = '{}_klassisk'",
        who::FJORDLONN_SYSTEM
    ))
    .await;
    for answer in
        futures::future::join_all((0..8).map(|_| ask("390198116_fjordlonn_klassisk"))).await
    {
        racing.push(answer.status);
    }
    racing.sort_unstable();
    assert_eq!(racing, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test]
async fn agents_are_listed_apart_and_deleted_with_their_clients() {
    let app = TestApp::start().await;
    let (party, uuid, randi) = tallknuseren(&app).await;
    let agent = who::TALLKNUSEREN_AGENT;
    let listed = app
        .get(&format!("{BASE}/agent/{party}"), &randi)
        .await
        .expect(200)
        .json();
    let listed: Vec<&Value> = listed.as_array().unwrap().iter().collect();
    let shown = listed.iter().find(|u| u["id"] == agent).unwrap();
    assert_eq!(
        shown["accessPackages"],
        packages(&[
            "regnskapsforer-med-signeringsrettighet",
            "regnskapsforer-lonn"
        ])
    );
    assert!(
        listed
            .iter()
            .all(|u| u["userType"] == "agent" && u.get("rights").is_none())
    );
    let standard = app
        .get(&format!("{BASE}/{party}"), &randi)
        .await
        .expect(200)
        .json();
    assert!(
        standard
            .as_array()
            .unwrap()
            .iter()
            .all(|u| u["userType"] == "standard")
    );
    assert_eq!(
        app.get(&format!("{BASE}/{party}/{agent}/delegations"), &randi)
            .await
            .expect(200)
            .json()["accessPackages"],
        json!([])
    );

    let path = format!("{BASE}/agent/{party}/{agent}");
    let delete =
        async |path: &str, query: &str| app.delete(&format!("{path}{query}"), &randi).await;
    let good = format!("?FacilitatorId={uuid}");
    assert_eq!(
        delete(&format!("{BASE}/agent/{party}/{}", Uuid::nil()), &good)
            .await
            .expect(404)
            .code(),
        "AUTH-00015"
    );
    assert_eq!(
        delete(
            &format!("{BASE}/agent/{party}/{}", who::TINDEVANDRER_USER),
            &good
        )
        .await
        .expect(403)
        .code(),
        "AUTH-00024"
    );
    assert_eq!(delete(&path, "").await.expect(400).code(), "AUTH-00033");
    assert_eq!(
        delete(&path, &format!("?facilitatorId={}", Uuid::new_v4()))
            .await
            .expect(400)
            .code(),
        "AUTH-00033"
    );
    assert_eq!(
        delete(&path, "?facilitatorId=x").await.error_keys(),
        ["facilitatorId"]
    );
    assert_eq!(
        app.decide_system_user(agent, "sign", "mva-melding", who::NATTERGAL)
            .await,
        "Permit"
    );
    assert_eq!(delete(&path, &good).await.expect(200).text, "");
    assert_eq!(delete(&path, &good).await.expect(404).code(), "AUTH-00015");
    assert_eq!(
        app.decide_system_user(agent, "sign", "mva-melding", who::NATTERGAL)
            .await,
        "NotApplicable"
    );
    let left =
        app.count(&format!("select count(*) from client_delegation d join party p on p.key = d.system_user_key where p.uuid = '{agent}'")).await;
    assert_eq!(left, 0);
    app.get(
        &format!("{STREAM}/{agent}"),
        &app.organization("991825827", ADMIN).await,
    )
    .await
    .expect(410);
}

#[tokio::test]
async fn an_agent_may_be_let_act_for_its_owner() {
    let app = TestApp::start().await;
    let (party, uuid, randi) = tallknuseren(&app).await;
    let agent = who::TALLKNUSEREN_AGENT;
    let path = format!("{BASE}/agent/{party}/{agent}/self/?partyUuid={uuid}");
    assert_eq!(app.get(&path, &randi).await.expect(200).text, "false");
    // Packages of an accountant are for clients.
    let refused = app.post_empty(&path, &randi).await.expect(400);
    assert_eq!(
        (
            refused.code().as_str(),
            refused.problem()["NotDelegablePackages"].is_string()
        ),
        ("AUTH-00064", true)
    );
    for statement in [
        format!(
            "update \"system_user\" set access_packages = '{}' where id = '{agent}'",
            packages(&["skatt-naering"])
        ),
        format!(
            "update system set access_packages = '{}' where system_id = '{BYRA}'",
            packages(&["skatt-naering", "lonn"])
        ),
    ] {
        app.run_sql(&statement).await;
    }
    assert_eq!(
        app.post_empty(&path.replace(&uuid, &Uuid::new_v4().to_string()), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00049"
    );
    for _ in 0..2 {
        assert_eq!(app.post_empty(&path, &randi).await.expect(200).text, "true");
        assert_eq!(app.get(&path, &randi).await.expect(200).text, "true");
    }
    let held = app
        .get(&format!("{BASE}/{party}/{agent}/delegations"), &randi)
        .await
        .expect(200)
        .json();
    assert_eq!(held["accessPackages"], packages(&["skatt-naering"]));
    for _ in 0..2 {
        assert_eq!(app.delete(&path, &randi).await.expect(200).text, "true");
        assert_eq!(app.get(&path, &randi).await.expect(200).text, "false");
    }
    assert_eq!(
        app.decide_system_user(agent, "sign", "mva-melding", who::NATTERGAL)
            .await,
        "Permit"
    );
    let with = |id: &str| path.replace(agent, id);
    let unknown = app
        .post_empty(&with(&Uuid::nil().to_string()), &randi)
        .await;
    assert_eq!(
        unknown.problem()["errors"]["return"][0],
        format!("SystemUser with Id {} Not Found", Uuid::nil())
    );
    app.post_empty(&with(who::TINDEVANDRER_USER), &randi)
        .await
        .expect(403);
    app.run_sql(&format!(
        "update system set access_packages = '{}' where system_id = '{BYRA}'",
        packages(&["lonn"])
    ))
    .await;
    let gone = app.post_empty(&path, &randi).await.expect(400);
    assert_eq!(
        (
            gone.code().as_str(),
            gone.problem()["NotFoundPackages"].is_string()
        ),
        ("AUTH-00063", true)
    );
    app.run_sql(&format!(
        "update \"system_user\" set access_packages = '[]' where id = '{agent}'"
    ))
    .await;
    assert_eq!(
        app.post_empty(&path, &randi).await.expect(400).code(),
        "AUTH-00063"
    );
    app.run_sql(&format!(
        "update \"system_user\" set kind = 'standard' where id = '{agent}'"
    ))
    .await;
    assert_eq!(
        app.post_empty(&path, &randi).await.expect(400).code(),
        "AUTH-00034"
    );
    app.get(&path, &app.person(who::ODDNY).await)
        .await
        .expect(403);
}

#[tokio::test]
async fn a_vendor_finds_its_own_by_key() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let find = |rest: &str| {
        format!(
            "{BASE}/vendor/byquery?system-id={}&orgno={}{rest}",
            who::FJORDLONN_SYSTEM,
            who::TINDEVANDRER
        )
    };
    let found = app.get(&find(""), &token).await.expect(200).json();
    assert_eq!(
        (&found["id"], &found["productName"], found.get("partyId")),
        (&json!(who::TINDEVANDRER_USER), &json!(""), None)
    );
    app.get(
        &find(&format!("&external-ref={}", who::TINDEVANDRER)),
        &token,
    )
    .await
    .expect(200);
    app.get(&find("&external-ref=other"), &token)
        .await
        .expect(404);
    assert_eq!(
        app.get(&find(""), &app.vendor(who::SKYREGNSKAP).await)
            .await
            .expect(404)
            .problem()["title"],
        "Not Found"
    );
    app.get(
        &find(""),
        &app.organization(who::FJORDLONN, REQUEST_READ).await,
    )
    .await
    .expect(403);
    assert_eq!(
        app.get(&format!("{BASE}/vendor/byquery?orgno=1"), &token)
            .await
            .error_keys(),
        ["system-id"]
    );
    assert_eq!(
        app.get(&format!("{BASE}/vendor/byquery?system-id=x&orgno="), &token)
            .await
            .error_keys(),
        ["orgno"]
    );
    app.run_sql("update system set is_deleted = true").await;
    app.get(&find(""), &token).await.expect(200);
}

/// Makes copies of a system user, each with a reference of its own.
async fn copies(app: &TestApp, count: u32) {
    let copy = format!(
        "insert into \"system_user\" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, created_by, sequence_no)
         select gen_random_uuid(), 'Kopi', system_internal_id, owner_key, reportee_org_no, 'standard', 'kopi ' || n, 'test', nextval('system_user_sequence')
         from \"system_user\", generate_series(1, {count}) n where id = '{}'",
        who::TINDEVANDRER_USER
    );
    app.run_sql(&copy).await;
}

#[tokio::test]
async fn a_vendor_pages_through_the_users_of_a_system() {
    let app = TestApp::with(&[
        ("pagination.page_size", "2"),
        ("server.trusted_proxies", "127.0.0.0/8"),
    ])
    .await;
    let token = app.organization(who::FJORDLONN, REGISTER_WRITE).await;
    copies(&app, 5).await;
    let first = format!("{BASE}/vendor/bysystem/{}", who::FJORDLONN_SYSTEM);
    let (mut next, mut seen, mut sizes) = (Some(first.clone()), Vec::new(), Vec::new());
    while let Some(path) = next {
        let page = app.get(&path, &token).await.expect(200);
        let keys: Vec<String> = page.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["links", "data"]);
        let page = page.json();
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|u| u["id"].as_str().unwrap().to_owned()),
        );
        sizes.push(page["data"].as_array().unwrap().len());
        next = page["links"]["next"]
            .as_str()
            .map(|n| n.strip_prefix(&app.base).unwrap().to_owned());
        // What comes and goes meanwhile does not move the pages.
        app.run_sql("update \"system_user\" set is_deleted = true where external_ref = 'kopi 1'")
            .await;
    }
    assert!(sizes.iter().rev().skip(1).all(|s| *s == 2), "{sizes:?}");
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len());
    let living = app
        .sql_text(&format!(
            "select string_agg(u.id::text, ' ') from \"system_user\" u join system s using (system_internal_id) where system_id = '{}' and not u.is_deleted",
            who::FJORDLONN_SYSTEM
        ))
        .await;
    assert!(
        living.split(' ').count() > 5 && living.split(' ').all(|id| seen.iter().any(|s| s == id))
    );

    let proxied = app
        .http
        .get(format!("{}{first}", app.base))
        .bearer_auth(&token)
        .header(
            "x-forwarded-host",
            "first.example,second.example,third.example:8443",
        )
        .header("x-forwarded-proto", "https");
    let page = Answer::of(proxied.send().await.unwrap())
        .await
        .expect(200)
        .json();
    assert!(
        page["links"]["next"]
            .as_str()
            .unwrap()
            .starts_with(&format!(
                "https://third.example:8443{BASE}/vendor/bysystem/"
            )),
        "{page}"
    );

    for path in [
        format!("{BASE}/vendor/bysystem/{BYRA}"),
        format!("{BASE}/vendor/bysystem/none"),
    ] {
        assert_eq!(
            app.get(&path, &token).await.expect(404).code(),
            "AUTH-00011"
        );
    }
    assert_eq!(
        app.get(&format!("{first}?token=%21"), &token)
            .await
            .error_keys(),
        ["token"]
    );
    assert_eq!(
        app.get(&format!("{first}?token=LTU"), &token)
            .await
            .expect(200)
            .json()["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    app.get(
        &first,
        &app.organization(who::FJORDLONN, REQUEST_WRITE).await,
    )
    .await
    .expect(403);
    app.run_sql("update system set is_deleted = true").await;
    app.get(&first, &token).await.expect(200);
}

#[tokio::test]
async fn the_stream_shows_every_change_to_the_last() {
    let app = TestApp::start().await;
    let token = app.organization("991825827", ADMIN).await;
    let platform = app
        .token(
            "GetPlatformAccessToken",
            &[("env", "tt02"), ("app", "register")],
        )
        .await;
    let start = app
        .count("select last_value from system_user_sequence")
        .await;
    copies(&app, 102).await;
    let mut next = format!("{STREAM}/stream?token={}", token_of(start));
    let mut sizes = Vec::new();
    loop {
        let page = app.get(&next, &token).await.expect(200).json();
        let data = page["data"].as_array().unwrap();
        sizes.push(data.len());
        assert_eq!(page["stats"]["sequenceMax"], start + 102);
        let Some(link) = page["links"]["next"].as_str() else {
            assert_eq!(
                (&page["stats"]["pageStart"], &page["links"]),
                (&json!(start + 102), &json!({}))
            );
            break;
        };
        assert_eq!(
            (&page["stats"]["pageStart"], &page["stats"]["pageEnd"]),
            (&data[0]["sequenceNo"], &data.last().unwrap()["sequenceNo"])
        );
        next = link.strip_prefix(&app.base).unwrap().to_owned();
    }
    assert_eq!(sizes, [100, 2, 0]);
    let shown = app
        .http
        .get(format!("{}{STREAM}/{}", app.base, who::TINDEVANDRER_USER))
        .header("PlatformAccessToken", &platform)
        .send()
        .await
        .unwrap();
    let mut shown = Answer::of(shown).await.expect(200).json();
    for member in ["created", "lastChanged", "sequenceNo"] {
        assert!(!shown[member].take().is_null());
    }
    insta::assert_snapshot!(shown.to_string(), @r#"{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","partyOrgNo":"390367767","partyId":"52000084","integrationTitle":"Fjordlønn","isDeleted":false,"lastChanged":null,"created":null,"sequenceNo":null,"systemUserType":"standard"}"#);

    // A deletion comes again, at the end.
    let jostein = app.person(who::JOSTEIN).await;
    app.delete(
        &format!(
            "{BASE}/{}/{}",
            who::TINDEVANDRER_PARTY,
            who::TINDEVANDRER_USER
        ),
        &jostein,
    )
    .await
    .expect(202);
    let page = app.get(&next, &token).await.expect(200).json();
    let last = &page["data"][0];
    assert_eq!(
        (&last["id"], &last["isDeleted"]),
        (&json!(who::TINDEVANDRER_USER), &json!(true))
    );
    app.get(&format!("{STREAM}/{}", who::TINDEVANDRER_USER), &token)
        .await
        .expect(410);
    app.get(&format!("{STREAM}/{}", Uuid::nil()), &token)
        .await
        .expect(410);
    app.get(&format!("{STREAM}/x"), &token).await.expect(404);
    app.get(
        &format!("{STREAM}/stream"),
        &app.vendor(who::FJORDLONN).await,
    )
    .await
    .expect(403);
    app.send(Method::GET, &format!("{STREAM}/stream"), None, None)
        .await
        .expect(401);
    app.run_sql("truncate \"system_user\" cascade").await;
    let empty = app
        .get(&format!("{STREAM}/stream"), &token)
        .await
        .expect(200)
        .json();
    assert_eq!(
        empty,
        json!({"stats": {"pageStart": 0, "pageEnd": 0, "sequenceMax": 0}, "links": {}, "data": []})
    );
}

fn token_of(number: i64) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(number.to_string())
}

#[tokio::test]
async fn who_follows_the_stream_beside_writers_misses_nobody() {
    let app = TestApp::start().await;
    let token = app.organization("991825827", ADMIN).await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let torleif = app.person(who::TORLEIF).await;
    let start = app
        .count("select last_value from system_user_sequence")
        .await;
    let write = async |n: usize| {
        let mut body = request_body(who::NATTERGAL, &["lonn"]);
        body["externalRef"] = json!(format!("ref {n}"));
        let id = app
            .post(
                "/authentication/api/v1/systemuser/request/vendor",
                &vendor,
                body,
            )
            .await
            .expect(201)
            .json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        app.post_empty(
            &format!("{BASE}/request/{}/{id}/approve", who::NATTERGAL_PARTY),
            &torleif,
        )
        .await
        .expect(200);
        id
    };
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let mut next = format!("{STREAM}/stream?token={}", token_of(start));
    let writers = futures::future::join_all((0..16).map(write));
    tokio::pin!(writers);
    let mut written = None;
    loop {
        let page = if written.is_some() {
            app.get(&next, &token).await
        } else {
            tokio::select! {
                ids = &mut writers => { written = Some(ids); continue }
                page = app.get(&next, &token) => page,
            }
        };
        let page = page.expect(200).json();
        for user in page["data"].as_array().unwrap() {
            seen.insert(
                user["id"].as_str().unwrap().to_owned(),
                user["sequenceNo"].as_i64().unwrap(),
            );
        }
        match page["links"]["next"].as_str() {
            Some(link) => next = link.strip_prefix(&app.base).unwrap().to_owned(),
            None if written.is_some() => break,
            None => {}
        }
    }
    for id in written.unwrap() {
        assert!(seen.contains_key(&id), "{id} was passed by");
    }
}
