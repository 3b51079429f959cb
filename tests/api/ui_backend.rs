//! What Altinn's portal asks its own back end: the same rules, with names put in and with the
//! portal's own codes.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::pages::Browser;
use crate::support::*;

const UI: &str = "/accessmanagement/api/v1";
const TALLKNUSEREN: &str = "390784554";

/// Any page that needs a login does.
async fn log_in(app: &TestApp, browser: &Browser, person: &str) {
    browser
        .open_as(
            &format!(
                "{}/authentication/api/v1/authentication?goto=%2Faccessmanagement%2Fui%2Fhelp",
                app.base
            ),
            person,
        )
        .await;
}

async fn request_with_right(app: &TestApp) -> String {
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["rights"] =
        json!([{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]);
    body["redirectUrl"] = json!("https://fjordlonn.example/kvittering");
    let answer = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &app.vendor(who::FJORDLONN).await,
            body,
        )
        .await
        .expect(201);
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_is_read_with_names_and_approved() {
    let app = TestApp::start().await;
    let id = request_with_right(&app).await;
    let oddny = app.person(who::ODDNY).await;
    let mut shown = app
        .get(&format!("{UI}/systemuser/request/{id}"), &oddny)
        .await
        .expect(200)
        .json();
    for volatile in ["id", "created", "partyUuid"] {
        assert!(!shown[volatile].take().is_null());
    }
    let package = shown["accessPackages"][0].as_object().unwrap().clone();
    let keys: Vec<&String> = package.keys().collect();
    assert_eq!(
        keys,
        [
            "id",
            "urn",
            "name",
            "description",
            "isAssignable",
            "isDelegable",
            "area",
            "resources"
        ]
    );
    assert!(
        package["resources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["identifier"] == "a-melding")
    );
    shown["accessPackages"].take();
    insta::assert_snapshot!(shown.to_string(), @r#"{"id":null,"partyId":52000091,"partyUuid":null,"status":"New","redirectUrl":"https://fjordlonn.example/kvittering","system":{"systemId":"390198116_fjordlonn","systemVendorOrgNumber":"390198116","systemVendorOrgName":"FJORDLØNN PROGRAMVARE AS","name":"Fjordlønn"},"resources":[{"identifier":"inntektsmelding","title":"Inntektsmelding","description":"Inntektsmelding.","rightDescription":"Gir tilgang til Inntektsmelding.","delegable":true,"resourceOwnerName":"Arbeids- og ytelseskontoret","resourceOwnerOrgNumber":"390042191","resourceOwnerOrgcode":"aye","resourceOwnerLogoUrl":"","resourceType":"GenericAccessResource","status":"Active","resourceReferences":[],"authorizationReference":[{"id":"urn:altinn:resource","value":"inntektsmelding"}],"keywords":[]}],"accessPackages":null,"created":null,"escalated":false,"userMayEscalateButNotApprove":false}"#);
    let english = app
        .http
        .get(format!("{}{UI}/systemuser/request/{id}", app.base))
        .bearer_auth(&oddny)
        .header("cookie", "selectedLanguage=en");
    let english: Value = english.send().await.unwrap().json().await.unwrap();
    assert_ne!(english["accessPackages"][0]["name"], package["name"]);

    let approve = format!(
        "{UI}/systemuser/request/{}/{id}/approve",
        who::KERAMIKK_PARTY
    );
    assert_eq!(
        app.post_empty(&approve, &oddny).await.expect(200).json(),
        json!(true)
    );
    assert_eq!(
        app.decide_system_user(&id, "write", "a-melding", who::KERAMIKK)
            .await,
        "Permit"
    );
    // A second time: the portal has no number of its own for it.
    let again = app.post_empty(&approve, &oddny).await.expect(400).problem();
    insta::assert_snapshot!(again.to_string(), @r#"{"type":"urn:altinn:error:AMUI-00005","title":"Default error at the end of logic chain. Not supposed to appear.","status":400,"detail":"Default error at the end of logic chain. Not supposed to appear.","code":"AMUI-00005","statusDescription":"Bad Request"}"#);
    assert_eq!(
        app.get(&format!("{UI}/systemuser/request/{id}"), &oddny)
            .await
            .expect(200)
            .json()["status"],
        "Accepted"
    );
    let user = format!("{UI}/systemuser/{}/{id}", who::KERAMIKK_PARTY);
    let held = app.get(&user, &oddny).await.expect(200).json();
    assert_eq!(
        (&held["system"]["name"], &held["resources"][0]["identifier"]),
        (&json!("Fjordlønn"), &json!("inntektsmelding"))
    );
    let listed = app
        .get(&format!("{UI}/systemuser/{}", who::KERAMIKK_PARTY), &oddny)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &listed[0]["id"],
            &listed[0]["system"]["name"],
            &listed[0]["resources"]
        ),
        (&json!(id), &json!("N/A"), &json!([]))
    );
    let deleted = app.delete(&user, &oddny).await.expect(202);
    assert_eq!(deleted.text, "");
    let gone = app.delete(&user, &oddny).await.expect(404);
    assert_eq!(gone.code(), "AMUI-00999");
    assert_eq!(
        app.get(&user, &oddny).await.expect(404).code(),
        "AMUI-00999"
    );
}

#[tokio::test]
async fn a_refused_caller_gets_the_answer_of_the_portal() {
    let app = TestApp::start().await;
    let id = request_with_right(&app).await;
    let (oddny, jostein) = (app.person(who::ODDNY).await, app.person(who::JOSTEIN).await);
    let read = format!("{UI}/systemuser/request/{id}");
    let approve = format!(
        "{UI}/systemuser/request/{}/{id}/approve",
        who::KERAMIKK_PARTY
    );
    for (method, path) in [(Method::GET, &read), (Method::POST, &approve)] {
        let anonymous = app.send(method.clone(), path, None, None).await.expect(401);
        assert_eq!(anonymous.text, "");
        let unscoped = app
            .token(
                "GetPersonalToken",
                &[("pid", who::ODDNY), ("scopes", "altinn:nothing")],
            )
            .await;
        app.send(method, path, Some(&unscoped), None)
            .await
            .expect(403);
    }
    assert_eq!(
        app.get(&read, &jostein).await.expect(403).code(),
        "AMUI-00066"
    );
    assert_eq!(
        app.get(
            &format!("{UI}/systemuser/request/{}", Uuid::new_v4()),
            &oddny
        )
        .await
        .expect(404)
        .code(),
        "AMUI-00010"
    );
    assert_eq!(
        app.get(&format!("{UI}/systemuser/agentrequest/{id}"), &oddny)
            .await
            .expect(404)
            .code(),
        "AMUI-00010"
    );
    assert_eq!(
        app.get(&format!("{UI}/systemuser/request/x"), &oddny)
            .await
            .error_keys(),
        ["id"]
    );
    assert_eq!(
        app.post_empty(&approve, &jostein).await.expect(403).code(),
        "AMUI-00999",
        "not for this party"
    );
    let other = format!(
        "{UI}/systemuser/request/{}/{id}/approve",
        who::TINDEVANDRER_PARTY
    );
    assert_eq!(
        app.post_empty(&other, &jostein).await.expect(400).code(),
        "AMUI-00005",
        "another party's request"
    );
    let unknown = format!(
        "{UI}/systemuser/request/{}/{}/approve",
        who::KERAMIKK_PARTY,
        Uuid::new_v4()
    );
    assert_eq!(
        app.post_empty(&unknown, &oddny).await.expect(400).code(),
        "AMUI-00005"
    );
    // A cookie is no credential here.
    let browser = app
        .http
        .post(format!("{}{approve}", app.base))
        .header("cookie", "sb_session=x");
    assert_eq!(browser.send().await.unwrap().status(), 401);
    assert_eq!(
        app.post_empty(
            &format!(
                "{UI}/systemuser/request/{}/{id}/reject",
                who::KERAMIKK_PARTY
            ),
            &oddny
        )
        .await
        .expect(200)
        .json(),
        json!(true)
    );
}

#[tokio::test]
async fn the_reasons_of_the_delegation_check_are_passed_on() {
    let app = TestApp::start().await;
    // A right-holder with tilgangsstyrer and lonn, not with pensjon.
    let borghild = app.person("05927921520").await;
    let mut body = request_body(who::NATTERGAL, &["lonn", "pensjon"]);
    body["externalRef"] = json!("with-pension");
    let answer = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &app.vendor(who::FJORDLONN).await,
            body,
        )
        .await
        .expect(201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let approve = format!(
        "{UI}/systemuser/request/{}/{id}/approve",
        who::NATTERGAL_PARTY
    );
    let problem = app
        .post_empty(&approve, &borghild)
        .await
        .expect(400)
        .problem();
    assert_eq!(problem["code"], "AMUI-00053");
    assert!(
        problem["delegationReasons"]
            .as_str()
            .is_some_and(|r| r.contains("pensjon")),
        "{problem}"
    );
}

#[tokio::test]
async fn a_change_request_is_read_and_answered() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let jostein = app.person(who::JOSTEIN).await;
    let ask = async || {
        let id = Uuid::new_v4();
        let path = format!(
            "/authentication/api/v1/systemuser/changerequest/vendor?correlation-id={id}&system-user-id={}",
            who::TINDEVANDRER_USER
        );
        let body = json!({"requiredAccessPackages": [{"urn": "urn:altinn:accesspackage:pensjon"}],
            "unwantedAccessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}],
            "requiredRights": [{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]});
        app.post(&path, &token, body).await.expect(201);
        id
    };
    let id = ask().await;
    let shown = app
        .get(&format!("{UI}/systemuser/changerequest/{id}"), &jostein)
        .await
        .expect(200)
        .json();
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "id",
            "partyId",
            "partyUuid",
            "status",
            "redirectUrl",
            "system",
            "requiredRights",
            "unwantedRights",
            "requiredAccessPackages",
            "unwantedAccessPackages"
        ]
    );
    assert_eq!(shown["requiredRights"][0]["identifier"], "inntektsmelding");
    assert_eq!(
        shown["unwantedAccessPackages"][0]["urn"],
        "urn:altinn:accesspackage:a-ordning"
    );
    let step = |id: Uuid, what: &str| {
        format!(
            "{UI}/systemuser/changerequest/{}/{id}/{what}",
            who::TINDEVANDRER_PARTY
        )
    };
    assert_eq!(
        app.post_empty(&step(id, "approve"), &jostein)
            .await
            .expect(200)
            .json(),
        json!(true)
    );
    let id = ask().await;
    assert_eq!(
        app.post_empty(&step(id, "reject"), &jostein)
            .await
            .expect(200)
            .json(),
        json!(true)
    );
    assert_eq!(
        app.get(
            &format!("{UI}/systemuser/changerequest/{}", Uuid::new_v4()),
            &jostein
        )
        .await
        .expect(404)
        .code(),
        "AMUI-00010"
    );
    assert_eq!(
        app.get(
            &format!("{UI}/systemuser/changerequest/{id}"),
            &app.person(who::ODDNY).await
        )
        .await
        .expect(403)
        .code(),
        "AMUI-00066"
    );
}

#[tokio::test]
async fn what_was_passed_on_waits_in_the_list() {
    let app = TestApp::start().await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let oddny = app.person(who::ODDNY).await;
    let list = format!(
        "{UI}/systemuser/{}/pending",
        app.uuid_of(who::KERAMIKK).await
    );
    assert_eq!(app.get(&list, &oddny).await.expect(200).json(), json!([]));
    let forward = format!(
        "{UI}/systemuser/request/{}/{id}/escalate",
        who::KERAMIKK_PARTY
    );
    assert_eq!(
        app.post_empty(&forward, &app.person(who::JOSTEIN).await)
            .await
            .expect(200)
            .json(),
        json!(false),
        "a stranger"
    );
    assert_eq!(
        app.post_empty(&forward, &oddny).await.expect(200).json(),
        json!(true)
    );
    let waiting = app.get(&list, &oddny).await.expect(200).json();
    assert_eq!(
        (
            &waiting[0]["id"],
            &waiting[0]["userType"],
            &waiting[0]["integrationTitle"]
        ),
        (&json!(id), &json!("standard"), &json!("Fjordlønn"))
    );
    assert_eq!(
        app.get(&list, &app.person(who::JOSTEIN).await)
            .await
            .expect(403)
            .code(),
        "AMUI-00999"
    );
}

#[tokio::test]
async fn a_system_user_is_chosen_and_created() {
    let app = TestApp::start().await;
    let oddny = app.person(who::ODDNY).await;
    let systems = app
        .get(&format!("{UI}/systemregister"), &oddny)
        .await
        .expect(200)
        .json();
    let names: Vec<String> = systems
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap().to_uppercase())
        .collect();
    assert!(names.is_sorted() && !names.is_empty());
    assert!(
        systems
            .as_array()
            .unwrap()
            .iter()
            .any(|s| s["systemId"] == who::FJORDLONN_SYSTEM && s["systemVendorOrgName"] != "")
    );
    let rights = app
        .get(
            &format!("{UI}/systemregister/rights/{}", who::FJORDLONN_SYSTEM),
            &oddny,
        )
        .await
        .expect(200)
        .json();
    assert!(
        rights["accessPackages"]
            .as_array()
            .is_some_and(|p| !p.is_empty())
            && rights["resources"].is_array()
    );
    let unknown = app
        .get(&format!("{UI}/systemregister/rights/none"), &oddny)
        .await
        .expect(200)
        .json();
    assert_eq!(unknown, json!({"resources": [], "accessPackages": []}));
    let create = format!("{UI}/systemuser/{}", who::KERAMIKK_PARTY);
    let body = json!({"integrationTitle": "Lønn", "systemId": who::FJORDLONN_SYSTEM});
    let created = app
        .post(&create, &oddny, body.clone())
        .await
        .expect(200)
        .json();
    assert_eq!(created.as_object().unwrap().len(), 1);
    assert!(Uuid::try_parse(created["id"].as_str().unwrap()).is_ok());
    assert_eq!(
        app.post(&create, &oddny, body).await.expect(400).code(),
        "AMUI-00004"
    );
    let missing = json!({"integrationTitle": "Lønn", "systemId": "none"});
    assert_eq!(
        app.post(&create, &oddny, missing).await.expect(404).code(),
        "AMUI-00011"
    );
}

/// Randi before the pages about the agent of Tallknuseren.
struct Facilitator {
    app: TestApp,
    randi: String,
    uuid: String,
    base: String,
    /// Path of the agent itself.
    one: String,
}

impl Facilitator {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let party = app.party_id_of(TALLKNUSEREN).await;
        let agent = who::TALLKNUSEREN_AGENT;
        Self {
            randi: app.person(who::RANDI).await,
            uuid: app.uuid_of(TALLKNUSEREN).await,
            base: format!("{UI}/systemuser/agentdelegation/{party}/{agent}"),
            one: format!("{UI}/systemuser/agent/{party}/{agent}"),
            app,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{path}?partyuuid={}", self.base, self.uuid)
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.get(&self.at(path), &self.randi).await
    }

    async fn post(&self, body: Value) -> Answer {
        let path = self.at("delegation");
        self.app.post(&path, &self.randi, body).await
    }

    /// The first client of the agent, as it is shown, and its id.
    async fn client(&self) -> (Value, String) {
        let delegated = self.get("delegation").await.expect(200).json();
        let id = delegated[0]["customerId"].as_str().unwrap().to_owned();
        (delegated[0].clone(), id)
    }

    async fn delete(&self, client: &str) -> Answer {
        let path = self.at(&format!("delegation/{client}"));
        self.app.delete(&path, &self.randi).await
    }

    async fn has(&self, client: &str) -> bool {
        let list = self.get("delegation").await.expect(200).list();
        list.iter().any(|one| one["customerId"] == client)
    }
}

#[tokio::test]
async fn possible_clients_of_an_agent_have_the_members_of_the_portal() {
    let page = Facilitator::start().await;
    let customers = page.get("customers").await.expect(200).json();
    let keys: Vec<&String> = customers[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "orgNo", "unitType", "access"]);
}

#[tokio::test]
async fn a_client_of_an_agent_is_one_of_its_possible_clients() {
    let page = Facilitator::start().await;
    let (_, client) = page.client().await;
    let customers = page.get("customers").await.expect(200).list();
    assert!(customers.iter().any(|one| one["id"] == client.as_str()));
}

#[tokio::test]
async fn a_client_of_an_agent_is_shown_with_the_agent() {
    let page = Facilitator::start().await;
    let (shown, client) = page.client().await;
    assert_eq!(
        shown,
        json!({"agentSystemUserId": who::TALLKNUSEREN_AGENT, "delegationId": client, "customerId": client})
    );
}

#[tokio::test]
async fn a_client_that_is_taken_from_an_agent_is_not_shown() {
    let page = Facilitator::start().await;
    let (_, client) = page.client().await;
    let deleted = page.delete(&client).await.expect(200);
    assert_eq!(deleted.json(), json!(true));
    assert!(!page.has(&client).await);
}

#[tokio::test]
async fn a_client_that_is_given_back_to_an_agent_is_shown_as_before() {
    let page = Facilitator::start().await;
    let (shown, client) = page.client().await;
    page.delete(&client).await.expect(200);
    let body = json!({"customerId": client, "access": []});
    assert_eq!(page.post(body).await.expect(200).json(), shown);
    assert!(page.has(&client).await);
}

#[tokio::test]
async fn an_agent_gets_no_client_without_its_id() {
    let page = Facilitator::start().await;
    let refused = page.post(json!({})).await;
    assert_eq!(refused.error_keys(), ["$", "delegationRequest"]);
}

#[tokio::test]
async fn an_agent_gets_no_unknown_client() {
    let page = Facilitator::start().await;
    let refused = page.post(json!({"customerId": Uuid::new_v4()})).await;
    assert_eq!(refused.expect(400).code(), "AMUI-00005");
}

#[tokio::test]
async fn possible_clients_are_not_shown_for_the_uuid_of_another_party() {
    let page = Facilitator::start().await;
    let wrong = format!("{}/customers?partyuuid={}", page.base, Uuid::new_v4());
    let refused = page.app.get(&wrong, &page.randi).await;
    assert_eq!(refused.expect(403).code(), "AMUI-00044");
}

#[tokio::test]
async fn a_stranger_sees_no_possible_clients_of_an_agent() {
    let page = Facilitator::start().await;
    let oddny = page.app.person(who::ODDNY).await;
    page.app
        .get(&page.at("customers"), &oddny)
        .await
        .expect(403);
}

#[tokio::test]
async fn an_agent_does_not_act_for_its_owner_by_itself() {
    let page = Facilitator::start().await;
    let answer = page.get("self").await.expect(200);
    assert_eq!(answer.json(), json!(false));
}

#[tokio::test]
async fn agents_of_a_party_are_listed() {
    let page = Facilitator::start().await;
    let (path, _) = page.one.rsplit_once('/').unwrap();
    let agents = page.app.get(path, &page.randi).await.expect(200).list();
    let is_it =
        |agent: &Value| agent["id"] == who::TALLKNUSEREN_AGENT && agent["userType"] == "agent";
    assert!(agents.iter().any(is_it));
}

#[tokio::test]
async fn an_agent_is_shown_with_the_packages_that_it_requires() {
    let page = Facilitator::start().await;
    let shown = page.app.get(&page.one, &page.randi).await.expect(200);
    assert_ne!(shown.json()["accessPackages"], json!([]));
}

#[tokio::test]
async fn an_agent_that_is_deleted_is_not_found() {
    let page = Facilitator::start().await;
    let path = format!("{}?partyuuid={}", page.one, page.uuid);
    page.app.delete(&path, &page.randi).await.expect(202);
    page.app.get(&page.one, &page.randi).await.expect(404);
}

#[tokio::test]
async fn what_a_person_may_do_for_a_party() {
    let app = TestApp::start().await;
    let (keramikk, oddny) = (
        app.uuid_of(who::KERAMIKK).await,
        app.person(who::ODDNY).await,
    );
    for (name, party, expected) in [
        ("isAdmin", keramikk.as_str(), true),
        ("isAdmin", &app.uuid_of(who::TINDEVANDRER).await, false),
        ("isClientAdmin", &keramikk, true),
    ] {
        assert_eq!(
            app.get(&format!("{UI}/user/{name}?party={party}"), &oddny)
                .await
                .expect(200)
                .json(),
            json!(expected),
            "{name} {party}"
        );
    }
    for without_party in ["isAdmin?party=x", "isAdmin", "isHovedadmin"] {
        app.get(&format!("{UI}/user/{without_party}"), &oddny)
            .await
            .expect(403);
    }
    let change = format!("{UI}/reportee/change");
    assert_eq!(
        app.post(&change, &oddny, json!({"partyUuid": keramikk}))
            .await
            .expect(200)
            .json(),
        json!(true)
    );
    let other = json!({"partyUuid": app.uuid_of(who::TINDEVANDRER).await});
    assert_eq!(
        app.post(&change, &oddny, other).await.expect(403).code(),
        "AMUI-00999"
    );
    assert_eq!(
        app.post(&change, &oddny, json!({"partyUuid": "x"}))
            .await
            .error_keys(),
        ["PartyUuid"]
    );
}

#[tokio::test]
async fn a_browser_leaves_by_the_old_links() {
    let app = TestApp::start().await;
    let id = request_with_right(&app).await;
    let logout = format!("{}{UI}/systemuser/request/{id}/logout", app.base);
    // Whose request it is: out, and to where the vendor waits.
    let browser = Browser::new();
    log_in(&app, &browser, who::ODDNY).await;
    let end = browser.open(&logout).await;
    assert_eq!(end.address.as_str(), "https://fjordlonn.example/kvittering");
    browser
        .open(&format!(
            "{}/accessmanagement/ui/systemuser/request?id={id}",
            app.base
        ))
        .await
        .expect(200, "Logg inn");
    // A stranger, an unknown id, and no person: logged out, and no further.
    for (person, address) in [
        (Some(who::JOSTEIN), logout.clone()),
        (
            Some(who::ODDNY),
            format!(
                "{}{UI}/systemuser/request/{}/logout",
                app.base,
                Uuid::new_v4()
            ),
        ),
        (
            Some(who::ODDNY),
            format!("{}{UI}/systemuser/agentrequest/x/logout", app.base),
        ),
        (None, logout.clone()),
    ] {
        let browser = Browser::new();
        if let Some(person) = person {
            log_in(&app, &browser, person).await;
        }
        let end = browser.open(&address).await;
        assert!(
            end.address.path().ends_with("/loggedout"),
            "{}",
            end.address
        );
    }
}

#[tokio::test]
async fn an_old_link_out_says_what_was_decided() {
    for (decision, said) in [
        ("reject", "Forespørselen fra Fjordlønn er avvist"),
        ("approve", "Systemtilgangen for Fjordlønn er godkjent"),
    ] {
        let app = TestApp::start().await;
        let id = request_with_right(&app).await;
        let browser = Browser::new();
        log_in(&app, &browser, who::ODDNY).await;
        let oddny = app.person(who::ODDNY).await;
        let party = app.party_id_of(who::KERAMIKK).await;
        app.post(
            &format!("{UI}/systemuser/request/{party}/{id}/{decision}"),
            &oddny,
            json!({}),
        )
        .await
        .expect(200);
        let logout = format!("{}{UI}/systemuser/request/{id}/logout", app.base);
        let end = browser.open(&logout).await;
        assert_eq!(end.address.as_str(), "https://fjordlonn.example/kvittering");
        assert!(end.text.contains(said), "{said}: {}", end.text);
    }
}

#[tokio::test]
async fn a_browser_acts_for_another_party() {
    let app = TestApp::start().await;
    let browser = Browser::new();
    log_in(&app, &browser, who::ODDNY).await;
    let change = |party: &str, rest: &str| {
        format!(
            "{}{UI}/reportee/changeandredirect?partyUuid={party}{rest}",
            app.base
        )
    };
    let keramikk = app.uuid_of(who::KERAMIKK).await;
    let page = browser
        .open(&change(&keramikk, "&goTo=%2Faccessmanagement%2Fui%2Fhelp"))
        .await;
    assert!(page.status == 200 && page.address.path() == "/accessmanagement/ui/help");
    assert_eq!(app.party_of_session().await, keramikk);
    let evil = browser
        .open(&change(&keramikk, "&goTo=https%3A%2F%2Fevil.example%2F"))
        .await;
    assert_eq!(
        evil.address.path(),
        "/accessmanagement/ui/systemuser/overview"
    );
    let refused = browser
        .open(&change(&app.uuid_of(who::TINDEVANDRER).await, ""))
        .await;
    assert!(
        refused.status == 403
            && refused.address.path() == "/accessmanagement/ui/errorpage/reportee"
    );
}
