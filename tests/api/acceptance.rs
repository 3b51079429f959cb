//! What the contract's checklists ask for besides what the other files prove, each item by its own
//! test.

use edges::import::{ImportKind, ImportMode};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::import::files::{file, import, ndjson, options};
use crate::support::*;

const REGISTER: &str = "/authentication/api/v1/systemregister/vendor";
const REQUEST: &str = "/authentication/api/v1/systemuser/request";
const ENDUSER: &str = "/authentication/api/v1/enduser/systemuser";
const BYRA: &str = "390184387_skyregnskap_byra";

fn packages(names: &[&str]) -> Value {
    names
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect()
}

fn rights(resources: &[&str]) -> Value {
    resources
        .iter()
        .map(|r| json!({"resource": [{"id": "urn:altinn:resource", "value": r}]}))
        .collect()
}

async fn ask(app: &TestApp, vendor: &str, path: &str, body: Value) -> String {
    app.post(
        &format!("{REQUEST}/{path}"),
        &app.vendor(vendor).await,
        body,
    )
    .await
    .expect(201)
    .json()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_decided_request_is_readable_after_five_years() {
    let app = TestApp::start().await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let oddny = app.person(who::ODDNY).await;
    app.post_empty(
        &format!("{REQUEST}/{}/{id}/approve", who::KERAMIKK_PARTY),
        &oddny,
    )
    .await
    .expect(200);
    app.age_request(&id, 5 * 366).await;
    let read = app
        .get(
            &format!("{REQUEST}/vendor/{id}"),
            &app.vendor(who::FJORDLONN).await,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(read["status"], "Accepted");
}

#[tokio::test]
async fn a_deleted_customer_is_asked_for_nothing_and_its_system_users_do_nothing() {
    let app = TestApp::start().await;
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "a-melding",
            who::TINDEVANDRER
        )
        .await,
        "Permit"
    );
    app.mark_organization_deleted(who::TINDEVANDRER).await;
    let mut body = request_body(who::TINDEVANDRER, &["a-ordning"]);
    body["externalRef"] = json!("another");
    let answer = app
        .post(
            &format!("{REQUEST}/vendor"),
            &app.vendor(who::FJORDLONN).await,
            body,
        )
        .await
        .expect(400);
    assert_eq!(answer.code(), "AUTH-00000");
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "a-melding",
            who::TINDEVANDRER
        )
        .await,
        "NotApplicable"
    );
}

#[tokio::test]
async fn a_change_that_fails_leaves_everything_as_it_was() {
    let app = TestApp::start().await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let jostein = app.person(who::JOSTEIN).await;
    let id = Uuid::new_v4();
    let path = format!(
        "/authentication/api/v1/systemuser/changerequest/vendor?correlation-id={id}&system-user-id={}",
        who::TINDEVANDRER_USER
    );
    let body = json!({"requiredAccessPackages": packages(&["pensjon"]), "unwantedAccessPackages": packages(&["a-ordning"])});
    app.post(&path, &vendor, body).await.expect(201);
    let user = format!(
        "/authentication/api/v1/systemuser/{}/{}",
        who::TINDEVANDRER_PARTY,
        who::TINDEVANDRER_USER
    );
    let before = app.get(&user, &jostein).await.expect(200).text;
    // The last step of the approval fails: the trail cannot be written.
    app.fail_inserts("outbox", "53100", None).await;
    let approve = format!(
        "/authentication/api/v1/systemuser/changerequest/{}/{id}/approve",
        who::TINDEVANDRER_PARTY
    );
    let failed = app.post_empty(&approve, &jostein).await;
    assert!(
        failed.status >= 500 && !failed.text.contains("room"),
        "{} {}",
        failed.status,
        failed.text
    );
    assert_eq!(app.get(&user, &jostein).await.expect(200).text, before);
    app.mend("outbox").await;
    app.post_empty(&approve, &jostein).await.expect(200);
    assert_ne!(app.get(&user, &jostein).await.expect(200).text, before);
}

/// An agent of this owner that requires one package; its id.
async fn agent(app: &TestApp, owner: &str, director: &str, package: &str) -> String {
    app.add_packages_to_system(BYRA, &packages(&[package]))
        .await;
    let body = json!({"systemId": BYRA, "partyOrgNo": owner, "externalRef": package, "accessPackages": packages(&[package])});
    let id = ask(app, who::SKYREGNSKAP, "vendor/agent", body).await;
    let approve = format!(
        "{REQUEST}/agent/{}/{id}/approve",
        app.party_id_of(owner).await
    );
    app.post_empty(&approve, &app.person(director).await)
        .await
        .expect(200);
    id
}

/// Accountant, auditor and business manager: their role for clients, and the packages it gives.
const PROVIDERS: [(&str, &str, &[&str]); 3] = [
    (
        "390784554",
        "regnskapsforer",
        &[
            "regnskapsforer-med-signeringsrettighet",
            "regnskapsforer-uten-signeringsrettighet",
            "regnskapsforer-lonn",
        ],
    ),
    (
        "390812019",
        "revisor",
        &["ansvarlig-revisor", "revisormedarbeider"],
    ),
    (
        "390825749",
        "forretningsforer",
        &["forretningsforer-eiendom"],
    ),
];

#[tokio::test]
async fn agents_of_each_single_package_get_clients_of_the_right_relation_alone() {
    let app = TestApp::start().await;
    let scopes = format!("{PORTAL} altinn:clientdelegations.read altinn:clientdelegations.write");
    for (owner, role, required) in PROVIDERS {
        let director = director_of(owner);
        let token = app
            .token(
                "GetPersonalToken",
                &[("pid", &director), ("scopes", &scopes)],
            )
            .await;
        for package in required {
            let id = agent(&app, owner, &director, package).await;
            let agents = app
                .get(&format!("{ENDUSER}/agents?party={owner}"), &token)
                .await
                .expect(200)
                .json();
            assert!(
                agents
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|a| a["id"] == id.as_str()),
                "{package}"
            );
            let available = app
                .get(&format!("{ENDUSER}/clients/available?agent={id}"), &token)
                .await
                .expect(200)
                .json();
            let available = available["data"].as_array().unwrap().clone();
            assert!(!available.is_empty(), "{package}");
            for client in &available {
                let org = client["clientOrganizationNumber"].as_str().unwrap();
                let related = app.roles_between(org, role, owner).await;
                assert_eq!(related, 1, "{package}: {org}");
            }
            let change = |client: &Value| {
                format!(
                    "{ENDUSER}/clients?agent={id}&client={}",
                    client["clientId"].as_str().unwrap()
                )
            };
            for client in available.iter().take(3) {
                app.post_empty(&change(client), &token).await.expect(200);
            }
            let listed = app
                .get(&format!("{ENDUSER}/clients?agent={id}"), &token)
                .await
                .expect(200)
                .json();
            assert_eq!(
                listed["data"].as_array().unwrap().len(),
                available.len().min(3),
                "{package}"
            );
            for client in available.iter().take(3) {
                app.delete(&change(client), &token).await.expect(200);
            }
            let none = app
                .get(&format!("{ENDUSER}/clients?agent={id}"), &token)
                .await
                .expect(200)
                .json();
            assert_eq!(none["data"], json!([]), "{package}");
        }
    }
}

/// Identity number of an organisation's managing director, by the universe's own file.
fn director_of(org: &str) -> String {
    let lines = include_str!("../../data/universe/roles.ndjson").lines();
    let role = lines
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .find(|r| r["from"] == org && r["role"] == "DAGL");
    role.unwrap()["toPerson"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_relation_that_came_back_gives_nothing_back() {
    let app = TestApp::start().await;
    let agent = who::TALLKNUSEREN_AGENT;
    let role = async |op: &str| {
        let line = json!({"from": who::NATTERGAL, "role": "REGN", "toOrg": "390784554", "op": op});
        let mut options = options(ImportKind::Roles, file(ndjson(&[line])));
        (options.mode, options.source) = (ImportMode::Delta, "sandbox".to_owned());
        assert_eq!(import(&app, &options).await.unwrap().refused, None);
    };
    assert_eq!(
        app.decide_system_user(agent, "read", "mva-melding", who::NATTERGAL)
            .await,
        "Permit"
    );
    for op in ["end", "add"] {
        role(op).await;
        assert_eq!(
            app.decide_system_user(agent, "read", "mva-melding", who::NATTERGAL)
                .await,
            "NotApplicable",
            "{op}"
        );
    }
    // The vendor gets an event.
    let nattergal = app.uuid_of(who::NATTERGAL).await;
    let published = app.published_of_client("systemuser_client_removed", &nattergal);
    assert_eq!(published.await, 1);
}

#[tokio::test]
async fn an_agent_needs_no_powers_of_its_approver_and_packages_have_their_audience() {
    let app = TestApp::start().await;
    // No person at an accountant holds its clients' packages.
    let id = agent(&app, "390784554", who::RANDI, "ansvarlig-revisor").await;
    assert_eq!(app.kind_of_user(&id).await, "agent");
    let system = "390184387_skyregnskap";
    for system in [system, BYRA] {
        let more = packages(&["klientadministrator", "ansvarlig-revisor"]);
        app.add_packages_to_system(system, &more).await;
    }
    let vendor = app.vendor(who::SKYREGNSKAP).await;
    let body = |system: &str, package: &str| json!({"systemId": system, "partyOrgNo": who::HAVBLIKK, "accessPackages": packages(&[package])});
    let for_clients = app
        .post(
            &format!("{REQUEST}/vendor/agent"),
            &vendor,
            body(BYRA, "klientadministrator"),
        )
        .await
        .expect(400);
    assert_eq!(for_clients.code(), "AUTH-00065");
    let own = app
        .post(
            &format!("{REQUEST}/vendor"),
            &vendor,
            body(system, "ansvarlig-revisor"),
        )
        .await
        .expect(400);
    assert_eq!(own.code(), "AUTH-00064");
}

#[tokio::test]
async fn a_client_id_given_up_is_free_for_another_system() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let client = Uuid::new_v4();
    let system = |name: &str, clients: Value| {
        json!({"id": format!("390198116_{name}"), "vendor": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
            "name": {"nb": "a", "nn": "a", "en": "a"}, "description": {"nb": "a", "nn": "a", "en": "a"},
            "allowedRedirectUrls": [], "rights": rights(&["inntektsmelding"]), "isVisible": false, "clientId": clients})
    };
    app.post(REGISTER, &token, system("first", json!([client])))
        .await
        .expect(200);
    let taken = app
        .post(REGISTER, &token, system("second", json!([client])))
        .await;
    assert_eq!(taken.validation_codes(), ["AUTH.VLD-00004"]);
    let given_up = system("first", json!([]));
    app.send(
        Method::PUT,
        &format!("{REGISTER}/390198116_first"),
        Some(&token),
        Some(given_up),
    )
    .await
    .expect(200);
    app.post(REGISTER, &token, system("second", json!([client])))
        .await
        .expect(200);
    let back = system("first", json!([client]));
    let taken = app
        .send(
            Method::PUT,
            &format!("{REGISTER}/390198116_first"),
            Some(&token),
            Some(back),
        )
        .await;
    assert_eq!(taken.validation_codes(), ["AUTH.VLD-00004"]);
}

/// Asks for one right or package of Fjordlønn's system, which is made to list it, and lets a person
/// answer.
async fn approved_by(app: &TestApp, org: &str, party: i64, person: &str, wanted: Value) -> Answer {
    if let Some(list) = wanted.get("rights") {
        app.set_rights_of_system(who::FJORDLONN_SYSTEM, list).await;
    }
    if let Some(list) = wanted.get("accessPackages") {
        app.set_packages_of_system(who::FJORDLONN_SYSTEM, list)
            .await;
    }
    let mut body = json!({"systemId": who::FJORDLONN_SYSTEM, "partyOrgNo": org, "externalRef": Uuid::new_v4()});
    body.as_object_mut()
        .unwrap()
        .extend(wanted.as_object().unwrap().clone());
    let id = ask(app, who::FJORDLONN, "vendor", body).await;
    app.post_empty(
        &format!("{REQUEST}/{party}/{id}/approve"),
        &app.person(person).await,
    )
    .await
}

#[tokio::test]
async fn each_right_that_cannot_be_passed_on_has_its_code() {
    let app = TestApp::start().await;
    let (nattergal, keramikk) = (
        i64::from(who::NATTERGAL_PARTY),
        i64::from(who::KERAMIKK_PARTY),
    );
    for (code, resource, org, party, person) in [
        (
            "AUTH-00070",
            "gammelt-skjema",
            who::NATTERGAL,
            nattergal,
            who::TORLEIF,
        ),
        (
            "AUTH-00071",
            "skatt-maskinporten-api",
            who::NATTERGAL,
            nattergal,
            who::TORLEIF,
        ),
        (
            "AUTH-00069",
            "saft-innsyn",
            who::KERAMIKK,
            keramikk,
            who::ODDNY,
        ),
        (
            "AUTH-00068",
            "konkurs-dokumenter",
            who::KERAMIKK,
            keramikk,
            who::ODDNY,
        ),
        (
            "AUTH-00016",
            "uforetrygd-privat",
            who::KERAMIKK,
            keramikk,
            who::ODDNY,
        ),
        (
            "AUTH-00014",
            "finnes-ikke",
            who::KERAMIKK,
            keramikk,
            who::ODDNY,
        ),
    ] {
        let answer = approved_by(
            &app,
            org,
            party,
            person,
            json!({"rights": rights(&[resource])}),
        )
        .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, code),
            "{resource}: {}",
            answer.text
        );
    }
    // Who is on the list may pass it on.
    let listed = approved_by(
        &app,
        who::NATTERGAL,
        nattergal,
        who::TORLEIF,
        json!({"rights": rights(&["saft-innsyn"])}),
    )
    .await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    assert_eq!(app.users_with_uuid_as_reference().await, 1);
}

#[tokio::test]
async fn only_the_keys_that_may_be_passed_on_are() {
    let app = TestApp::start().await;
    // Owner of a sole proprietorship: some actions of the form are for managing directors alone.
    let answer = approved_by(
        &app,
        who::KERAMIKK,
        i64::from(who::KERAMIKK_PARTY),
        who::ODDNY,
        json!({"rights": rights(&["arbeidstrening-avtale"])}),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = app.newest_user().await;
    let held = app.actions_held_by(&id).await;
    for action in ["read", "write"] {
        let expected = if held.contains(&action.to_owned()) {
            "Permit"
        } else {
            "NotApplicable"
        };
        assert_eq!(
            app.decide_system_user(&id, action, "arbeidstrening-avtale", who::KERAMIKK)
                .await,
            expected,
            "{action} of {held:?}"
        );
    }
}

#[tokio::test]
async fn who_may_pass_a_package_on() {
    let app = TestApp::start().await;
    let nattergal = i64::from(who::NATTERGAL_PARTY);
    let package = |name: &str| json!({"accessPackages": packages(&[name])});
    // The managing director has what managing directors have, and no more.
    assert_eq!(
        approved_by(
            &app,
            who::NATTERGAL,
            nattergal,
            who::TORLEIF,
            package("jordbruk")
        )
        .await
        .status,
        200
    );
    let two = json!({"accessPackages": packages(&["jordbruk", "tjenester-nuf"])});
    assert_eq!(
        approved_by(&app, who::NATTERGAL, nattergal, who::TORLEIF, two)
            .await
            .expect(400)
            .code(),
        "AUTH-00053"
    );
    // Who was given access management and one package passes on that one alone.
    let borghild = "05927921520";
    assert_eq!(
        approved_by(&app, who::NATTERGAL, nattergal, borghild, package("lonn"))
            .await
            .status,
        200
    );
    assert_eq!(
        approved_by(
            &app,
            who::NATTERGAL,
            nattergal,
            borghild,
            package("pensjon")
        )
        .await
        .expect(400)
        .code(),
        "AUTH-00053"
    );
    // A main administrator delegates what they do not hold themselves.
    let tindevandrer = i64::from(who::TINDEVANDRER_PARTY);
    assert_eq!(
        approved_by(
            &app,
            who::TINDEVANDRER,
            tindevandrer,
            who::JOSTEIN,
            package("jordbruk")
        )
        .await
        .status,
        200
    );
    // The accountant's managing director decides nothing for a client.
    approved_by(
        &app,
        who::KERAMIKK,
        i64::from(who::KERAMIKK_PARTY),
        who::RANDI,
        package("lonn"),
    )
    .await
    .expect(403);
    // A sub-unit's request is for the main unit's managing director.
    let sub_unit = "290340306";
    let party = app.party_id_of(sub_unit).await;
    assert_eq!(
        approved_by(&app, sub_unit, party, who::TORLEIF, package("lonn"))
            .await
            .status,
        200
    );
}
