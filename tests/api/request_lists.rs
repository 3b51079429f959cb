//! Requests for agents, lists, taking back, passing on, and what is open.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const VENDOR: &str = "/authentication/api/v1/systemuser/request/vendor";
const BASE: &str = "/authentication/api/v1/systemuser/request";
const BYRA: &str = "390184387_skyregnskap_byra";
const SIFFERHJELP: &str = "390798288";
/// Tallknuseren's largest competitor in the universe asks for an agent of its own.
const GRANSKEREN: &str = "390812019";

fn agent_body(org: &str, packages: &[&str]) -> Value {
    let packages: Vec<Value> = packages
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect();
    json!({"systemId": BYRA, "partyOrgNo": org, "externalRef": "ny", "accessPackages": packages, "rights": [{"resource": []}]})
}

async fn party_id(app: &TestApp, org: &str) -> i64 {
    app.count(&format!(
        "select party_id::bigint from party where org_number = '{org}'"
    ))
    .await
}

#[tokio::test]
async fn an_agent_is_asked_for_and_approved() {
    let app = TestApp::start().await;
    let token = app.vendor(who::SKYREGNSKAP).await;
    let answer = app
        .post(
            &format!("{VENDOR}/agent"),
            &token,
            agent_body(SIFFERHJELP, &["regnskapsforer-lonn"]),
        )
        .await
        .expect(201);
    let request = answer.json();
    let id = request["id"].as_str().unwrap().to_owned();
    assert!(
        request.get("rights").is_none()
            && request["confirmUrl"]
                .as_str()
                .unwrap()
                .contains("/systemuser/agentrequest?id=")
    );
    assert_eq!(
        answer.header("location"),
        format!("{}{BASE}/{id}", app.base)
    );
    app.post(
        &format!("{VENDOR}/agent"),
        &token,
        agent_body(SIFFERHJELP, &[]),
    )
    .await
    .expect(200);
    assert_eq!(
        app.get(&format!("{VENDOR}/agent/{id}"), &token)
            .await
            .expect(200)
            .json(),
        request
    );
    assert_eq!(
        app.get(
            &format!("{VENDOR}/agent/byexternalref/{BYRA}/{SIFFERHJELP}/ny"),
            &token
        )
        .await
        .expect(200)
        .json(),
        request
    );
    // A request of one kind is none of the other.
    assert_eq!(
        app.get(&format!("{VENDOR}/{id}"), &token)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );

    let party = party_id(&app, SIFFERHJELP).await;
    let olav = app.person(who::OLAV).await;
    assert_eq!(
        app.get(&format!("{BASE}/agent/{party}/{id}"), &olav)
            .await
            .expect(200)
            .json()["id"],
        id.as_str()
    );
    let page = app
        .get(&format!("{BASE}/agent/{id}"), &olav)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &page["systemUserType"],
            &page["rights"],
            &page["userMayEscalateButNotApprove"]
        ),
        (&json!("Agent"), &json!([]), &json!(false))
    );
    assert_eq!(
        app.post_empty(&format!("{BASE}/{party}/{id}/approve"), &olav)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );
    let nattergal = app.person(who::TORLEIF).await;
    let elsewhere = app
        .post_empty(
            &format!("{BASE}/agent/{}/{id}/approve", who::NATTERGAL_PARTY),
            &nattergal,
        )
        .await
        .expect(403);
    assert_eq!(elsewhere.code(), "AUTH-00042");
    assert_eq!(
        app.post_empty(&format!("{BASE}/agent/{party}/{id}/approve"), &olav)
            .await
            .expect(200)
            .json(),
        json!(true)
    );
    assert_eq!(
        app.post_empty(&format!("{BASE}/agent/{party}/{id}/approve"), &olav)
            .await
            .expect(409)
            .code(),
        "AUTH-00013"
    );
    assert_eq!(
        app.post_empty(
            &format!("{BASE}/agent/{party}/{}/reject", uuid::Uuid::nil()),
            &olav
        )
        .await
        .expect(404)
        .code(),
        "AUTH-00030"
    );
    assert_eq!(app.count(&format!("select count(*) from \"system_user\" where id = '{id}' and kind = 'agent' and not is_deleted")).await, 1);
    // It holds nothing until clients are handed to it.
    assert_eq!(
        app.decide_system_user(&id, "read", "mva-melding", SIFFERHJELP)
            .await,
        "NotApplicable"
    );
    assert_eq!(
        app.post(
            &format!("{VENDOR}/agent"),
            &token,
            agent_body(SIFFERHJELP, &["regnskapsforer-lonn"])
        )
        .await
        .code(),
        "AUTH-00004"
    );
}

#[tokio::test]
async fn what_cannot_be_asked_for_an_agent() {
    let app = TestApp::start().await;
    let token = app.vendor(who::SKYREGNSKAP).await;
    let ask = async |change: &dyn Fn(&mut Value)| {
        let mut body = agent_body(GRANSKEREN, &["ansvarlig-revisor"]);
        change(&mut body);
        app.post(&format!("{VENDOR}/agent"), &token, body).await
    };
    assert_eq!(
        ask(&|b| b["accessPackages"] = json!([])).await.code(),
        "AUTH-00058"
    );
    assert!(
        ask(&|b| b["accessPackages"] = json!(null))
            .await
            .error_keys()
            .contains(&"AccessPackages".to_owned())
    );
    assert_eq!(
        ask(&|b| b["accessPackages"] = json!([{"urn": "urn:altinn:accesspackage:lonn"}]))
            .await
            .code(),
        "AUTH-00063"
    );
    assert_eq!(
        ask(&|b| b["systemId"] = json!(who::FJORDLONN_SYSTEM))
            .await
            .code(),
        "AUTH-00011"
    );
    assert_eq!(
        ask(&|b| b["partyOrgNo"] = json!("999999999")).await.code(),
        "AUTH-00000"
    );
    // A package that is not for clients, on a system that lists it.
    app.run_sql(&format!("update system set access_packages = access_packages || '[{{\"urn\": \"urn:altinn:accesspackage:tilgangsstyrer\"}}]' where system_id = '{BYRA}'")).await;
    let problem =
        ask(&|b| b["accessPackages"] = json!([{"urn": "urn:altinn:accesspackage:tilgangsstyrer"}]))
            .await;
    assert_eq!(
        (
            problem.code().as_str(),
            problem.problem()["NotDelegablePackages"].as_str()
        ),
        (
            "AUTH-00065",
            Some("urn:altinn:accesspackage:tilgangsstyrer")
        )
    );
}

#[tokio::test]
async fn a_list_loses_no_row_at_the_border_of_a_page() {
    let app = TestApp::with(&[("pagination.page_size", "3")]).await;
    let token = app.vendor(who::FJORDLONN).await;
    let mut made = Vec::new();
    for at in 0..7 {
        let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
        body["externalRef"] = json!(format!("liste-{at}"));
        made.push(
            app.post(VENDOR, &token, body).await.expect(201).json()["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let total = app
        .count(&format!("select count(*) from request where system_id = '{}' and kind = 'standard' and not is_deleted", who::FJORDLONN_SYSTEM))
        .await;
    let mut seen = Vec::new();
    let mut next = Some(format!(
        "{}{VENDOR}/bysystem/{}",
        app.base,
        who::FJORDLONN_SYSTEM
    ));
    while let Some(url) = next {
        assert!(url.starts_with(&format!("{}/authentication/", app.base)));
        let page = Answer::of(app.http.get(&url).bearer_auth(&token).send().await.unwrap())
            .await
            .expect(200)
            .json();
        assert!(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .all(|r| r.get("confirmUrl").is_none())
        );
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| r["id"].as_str().unwrap().to_owned()),
        );
        next = page["links"]
            .get("next")
            .map(|n| n.as_str().unwrap().to_owned());
        if let Some(url) = &next {
            // Rows that come and go meanwhile cost nobody else a place.
            assert!(url.contains("?token="));
        }
    }
    assert_eq!(i64::try_from(seen.len()).unwrap(), total);
    assert!(seen.is_sorted() && made.iter().all(|id| seen.contains(id)));
    let agents = app
        .get(
            &format!("{VENDOR}/agent/bysystem/{BYRA}"),
            &app.vendor(who::SKYREGNSKAP).await,
        )
        .await
        .expect(200)
        .json();
    assert!(!agents["data"].as_array().unwrap().is_empty() && agents["links"] == json!({}));
    assert_eq!(
        app.get(&format!("{VENDOR}/bysystem/{BYRA}"), &token)
            .await
            .expect(404)
            .code(),
        "AUTH-00011"
    );
    for bad in ["x", "NzM0Ng", "%21"] {
        assert_eq!(
            app.get(
                &format!("{VENDOR}/bysystem/{}?token={bad}", who::FJORDLONN_SYSTEM),
                &token
            )
            .await
            .error_keys(),
            ["token"],
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_request_is_taken_back_by_its_vendor_alone() {
    let app = TestApp::start().await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let path = format!("{VENDOR}/{id}");
    assert_eq!(
        app.delete(&path, &app.vendor(who::SKYREGNSKAP).await)
            .await
            .expect(404)
            .code(),
        "AUTH-00010"
    );
    let token = app.vendor(who::FJORDLONN).await;
    app.delete(&path, &app.organization(who::FJORDLONN, REQUEST_READ).await)
        .await
        .expect(403);
    assert_eq!(app.delete(&path, &token).await.expect(202).text, "");
    assert_eq!(
        app.delete(&path, &token).await.expect(404).code(),
        "AUTH-00010"
    );
    app.delete(&format!("{VENDOR}/x"), &token).await.expect(400);
    app.get(&path, &token).await.expect(404);
    let again = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    assert_ne!(again, id);
    // A rejected one must be taken back before there can be another.
    let oddny = app.person(who::ODDNY).await;
    app.post_empty(
        &format!("{BASE}/{}/{again}/reject", who::KERAMIKK_PARTY),
        &oddny,
    )
    .await
    .expect(200);
    assert_eq!(
        app.post(VENDOR, &token, request_body(who::KERAMIKK, &["a-ordning"]))
            .await
            .expect(200)
            .json()["status"],
        "Rejected"
    );
    app.delete(&format!("{VENDOR}/{again}"), &token)
        .await
        .expect(202);
    app.post(VENDOR, &token, request_body(who::KERAMIKK, &["a-ordning"]))
        .await
        .expect(201);
}

#[tokio::test]
async fn who_may_not_decide_passes_it_on() {
    let app = TestApp::start().await;
    let id = who::NATTERGAL_REQUEST;
    let escalate = format!("{BASE}/{}/{id}/escalate", who::NATTERGAL_PARTY);
    // Jostein has to do with Nattergal; Oddny has not.
    let (jostein, oddny, torleif) = (
        app.person(who::JOSTEIN).await,
        app.person(who::ODDNY).await,
        app.person(who::TORLEIF).await,
    );
    assert_eq!(
        app.post_empty(&escalate, &oddny).await.expect(200).json(),
        json!(false)
    );
    for _ in 0..2 {
        assert_eq!(
            app.post_empty(&escalate, &jostein).await.expect(200).json(),
            json!(true)
        );
    }
    assert_eq!(
        app.count("select count(*) from outbox where event = 'systemuser_request_escalated'")
            .await,
        1
    );
    let seen = app
        .get(&format!("{VENDOR}/{id}"), &app.vendor(who::FJORDLONN).await)
        .await
        .json();
    assert_eq!(
        (&seen["escalated"], &seen["status"]),
        (&json!(true), &json!("New"))
    );
    let unknown = format!(
        "{BASE}/{}/{}/escalate",
        who::NATTERGAL_PARTY,
        uuid::Uuid::nil()
    );
    assert_eq!(
        app.post_empty(&unknown, &jostein).await.expect(404).code(),
        "AUTH-00010"
    );
    let foreign = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    assert_eq!(
        app.post_empty(
            &format!("{BASE}/{}/{foreign}/escalate", who::NATTERGAL_PARTY),
            &jostein
        )
        .await
        .expect(403)
        .code(),
        "AUTH-00041"
    );
    app.post_empty(
        &format!("{BASE}/{}/{id}/reject", who::NATTERGAL_PARTY),
        &torleif,
    )
    .await
    .expect(200);
    assert_eq!(
        app.post_empty(&escalate, &jostein).await.expect(409).code(),
        "AUTH-00013"
    );
    app.send(Method::POST, &escalate, None, None)
        .await
        .expect(401);
}

#[tokio::test]
async fn what_is_open_for_an_organisation() {
    let app = TestApp::start().await;
    let torleif = app.person(who::TORLEIF).await;
    let pending = format!("{BASE}/{}/{}/pending", who::NATTERGAL_PARTY, who::NATTERGAL);
    let open = app.get(&pending, &torleif).await.expect(200).json();
    assert!(
        open.as_array()
            .unwrap()
            .iter()
            .any(|r| r["id"] == who::NATTERGAL_REQUEST)
    );
    assert!(
        open.as_array().unwrap().iter().all(|r| r["status"] == "New"
            && r["timedOut"] == false
            && r.get("confirmUrl").is_none())
    );
    let other = format!("{BASE}/{}/{}/pending", who::NATTERGAL_PARTY, who::KERAMIKK);
    assert_eq!(
        app.get(&other, &torleif).await.expect(403).code(),
        "AUTH-00041"
    );
    app.get(&pending, &app.person(who::JOSTEIN).await)
        .await
        .expect(403);
    app.run_sql(&format!(
        "update request set created = now() - interval '181 days' where id = '{}'",
        who::NATTERGAL_REQUEST
    ))
    .await;
    assert!(
        !app.get(&pending, &torleif)
            .await
            .json()
            .to_string()
            .contains(who::NATTERGAL_REQUEST)
    );
    // Of agents only those that were passed on.
    let party = party_id(&app, SIFFERHJELP).await;
    let agents = format!("{BASE}/agent/{party}/{SIFFERHJELP}/pending");
    let olav = app.person(who::OLAV).await;
    app.run_sql("update request set escalated = false where kind = 'agent'")
        .await;
    assert_eq!(app.get(&agents, &olav).await.expect(200).json(), json!([]));
    app.run_sql("update request set escalated = true where kind = 'agent'")
        .await;
    assert!(
        !app.get(&agents, &olav)
            .await
            .json()
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        app.get(
            &format!("{BASE}/agent/{party}/{}/pending", who::KERAMIKK),
            &olav
        )
        .await
        .expect(403)
        .code(),
        "AUTH-00042"
    );
}
