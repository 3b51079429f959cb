//! Clients: who is one, handing them to agents, and what agents may do then.

use reqwest::Method;
use serde_json::{Value, json};
use systembruker::import::Kind;
use uuid::Uuid;

use crate::{import::files::good, support::*};

const ENDUSER: &str = "/authentication/api/v1/enduser/systemuser";
const AGENT: &str = "/authentication/api/v1/systemuser/agent";
const READ: &str = "altinn:clientdelegations.read";
const WRITE: &str = "altinn:clientdelegations.write";

const TALLKNUSEREN: &str = "390784554";
/// Was given the package of client administrators by Tallknuseren.
const ADMINISTRATOR: &str = "21919148982";
/// Has given Tallknuseren two packages, and is no client by any register role.
const GIVER: &str = "390422687";

async fn uuid_of(app: &TestApp, org: &str) -> String {
    app.sql_text(&format!(
        "select uuid::text from party where org_number = '{org}'"
    ))
    .await
}

async fn party_of(app: &TestApp, org: &str) -> i64 {
    app.count(&format!(
        "select party_id::bigint from party where org_number = '{org}'"
    ))
    .await
}

async fn as_person(app: &TestApp, pid: &str, scopes: &str) -> String {
    app.token("GetPersonalToken", &[("pid", pid), ("scopes", scopes)])
        .await
}

fn numbers(list: &Value) -> Vec<&str> {
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["clientOrganizationNumber"].as_str().unwrap())
        .collect()
}

/// Makes the agent require these packages, on a system that lists them.
async fn require(app: &TestApp, packages: &[&str]) {
    let urns: Value = packages
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect();
    app.run_sql(&format!(
        "update \"system_user\" set access_packages = '{urns}' where id = '{}'",
        who::TALLKNUSEREN_AGENT
    ))
    .await;
}

#[tokio::test]
async fn a_client_is_found_handed_over_decided_about_and_taken_back() {
    let app = TestApp::start().await;
    let (reads, writes) = (
        as_person(&app, ADMINISTRATOR, READ).await,
        as_person(&app, ADMINISTRATOR, WRITE).await,
    );
    let agents = app
        .get(&format!("{ENDUSER}/agents?party={TALLKNUSEREN}"), &reads)
        .await
        .expect(200)
        .json();
    let agent = agents[0]["id"].as_str().unwrap();
    assert_eq!(agent, who::TALLKNUSEREN_AGENT);
    let available = app
        .get(
            &format!("{ENDUSER}/clients/available?agent={agent}"),
            &reads,
        )
        .await
        .expect(200);
    let first: Value = available.json()["data"][0].clone();
    let shown = available.text.split("\"data\"").next().unwrap().to_owned();
    insta::assert_snapshot!(shown, @r#"{"links":{},"systemUserInformation":{"systemUserId":"05042226-1aa3-5372-87bc-b03f76163fdf","systemUserOwnerOrg":"390784554"},"#);
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "clientId",
            "clientOrganizationNumber",
            "clientOrganizationName"
        ]
    );
    let mut found = available.json();
    let names: Vec<String> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["clientOrganizationName"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let mut found_numbers = numbers(&found);
    found_numbers.sort_unstable();
    assert_eq!(
        found_numbers,
        [
            "390326572",
            "390367767",
            "390381492",
            "390614918",
            "390825749"
        ]
    );
    found["data"].take();

    let list = format!("{ENDUSER}/clients?agent={agent}");
    let before = app.get(&list, &reads).await.expect(200).json();
    assert!(!numbers(&before).contains(&who::TINDEVANDRER));
    assert_eq!(
        app.decide_system_user(agent, "read", "mva-melding", who::TINDEVANDRER)
            .await,
        "NotApplicable"
    );
    let client = uuid_of(&app, who::TINDEVANDRER).await;
    let change = format!("{ENDUSER}/clients/?Agent={agent}&CLIENT={client}");
    for _ in 0..2 {
        let answer = app
            .post(&change, &writes, json!({"ignored": true}))
            .await
            .expect(200);
        assert_eq!(
            answer.text,
            json!({"agent": agent, "client": client}).to_string()
        );
        assert!(numbers(&app.get(&list, &reads).await.json()).contains(&who::TINDEVANDRER));
        assert_eq!(
            app.decide_system_user(agent, "read", "mva-melding", who::TINDEVANDRER)
                .await,
            "Permit"
        );
    }
    for _ in 0..2 {
        let answer = app.delete(&change, &writes).await.expect(200);
        assert_eq!(
            answer.text,
            json!({"agent": agent, "client": client}).to_string()
        );
        assert_eq!(
            app.decide_system_user(agent, "read", "mva-melding", who::TINDEVANDRER)
                .await,
            "NotApplicable"
        );
    }
    assert_eq!(app.get(&list, &reads).await.json(), before);
    // Each change is told once, repeats are not.
    for action in ["client.added", "client.removed"] {
        assert_eq!(
            app.count(&format!(
                "select count(*) from audit_log where action = '{action}'"
            ))
            .await,
            1,
            "{action}"
        );
    }
    assert_eq!(
        app.count("select count(*) from outbox where subject_kind = 'client_change'")
            .await,
        2
    );
}

#[tokio::test]
async fn who_may_not_and_what_is_wrong() {
    let app = TestApp::start().await;
    let (reads, writes) = (
        as_person(&app, who::RANDI, READ).await,
        as_person(&app, who::RANDI, WRITE).await,
    );
    let agent = who::TALLKNUSEREN_AGENT;
    let client = uuid_of(&app, who::TINDEVANDRER).await;
    let codes = |answer: &Answer| {
        answer.json()["validationErrors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (e["code"].clone(), e["paths"].clone()))
            .collect::<Vec<_>>()
    };
    let both = app
        .post_empty(&format!("{ENDUSER}/clients"), &writes)
        .await
        .expect(400);
    assert_eq!(both.json()["code"], "STD-00000");
    assert_eq!(
        codes(&both),
        [
            (json!("AUTH.VLD-00014"), json!(["?agent"])),
            (json!("AUTH.VLD-00016"), json!(["?client"]))
        ]
    );
    let titles = |query: &str| {
        let path = format!("{ENDUSER}/clients?{query}");
        let (app, reads) = (&app, &reads);
        async move {
            app.get(&path, reads).await.expect(400).json()["validationErrors"][0]["title"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    assert_eq!(
        titles(&format!("agent={}", Uuid::nil())).await,
        "The agent query parameter is missing or invalid"
    );
    assert_eq!(
        titles(&format!("agent={}", Uuid::new_v4())).await,
        "System user not found"
    );
    assert_eq!(
        titles(&format!("agent={}", who::TINDEVANDRER_USER)).await,
        "SystemUser is not a valid system user of type agent"
    );
    assert_eq!(
        app.get(&format!("{ENDUSER}/clients?agent=x"), &reads)
            .await
            .error_keys(),
        ["agent"]
    );
    let all = format!("{ENDUSER}/clients?agent={agent}&client={client}");
    app.send(Method::POST, &all, None, None).await.expect(401);
    for scope in [PORTAL, READ] {
        app.post_empty(&all, &as_person(&app, who::RANDI, scope).await)
            .await
            .expect(403);
    }
    app.get(&all, &writes).await.expect(403);
    for stranger in [who::ODDNY, who::JOSTEIN] {
        app.post_empty(&all, &as_person(&app, stranger, WRITE).await)
            .await
            .expect(403);
    }
    let weak = app
        .token(
            "GetPersonalToken",
            &[("pid", who::RANDI), ("scopes", READ), ("authLvl", "2")],
        )
        .await;
    app.get(&all, &weak).await.expect(403);
    assert_eq!(
        app.get(&format!("{ENDUSER}/agents"), &reads)
            .await
            .error_keys(),
        ["party"]
    );
    let unknown = app
        .get(&format!("{ENDUSER}/agents?party=999999999"), &reads)
        .await
        .expect(404);
    let expected = json!({"title": "Party not found", "status": 404, "detail": "No associated party information found for organisation 999999999"});
    assert_eq!(
        (unknown.json(), unknown.header("content-type")),
        (expected, "application/problem+json")
    );
    app.get(
        &format!("{ENDUSER}/agents?party={}", who::TINDEVANDRER),
        &reads,
    )
    .await
    .expect(403);
    let add = async |client: String| {
        app.post_empty(
            &format!("{ENDUSER}/clients?agent={agent}&client={client}"),
            &writes,
        )
        .await
        .expect(400)
        .code()
    };
    assert_eq!(add(Uuid::new_v4().to_string()).await, "AUTH-00079");
    // Whom the agent's packages have nothing to do with, and the provider itself.
    assert_eq!(add(uuid_of(&app, GIVER).await).await, "AUTH-00079");
    assert_eq!(add(uuid_of(&app, TALLKNUSEREN).await).await, "AUTH-00079");
    require(&app, &["regnskapsforer-lonn", "skatt-naering"]).await;
    assert_eq!(add(client.clone()).await, "AUTH-00080");
    require(&app, &[]).await;
    assert_eq!(add(client).await, "AUTH-00063");
    app.run_sql(&format!(
        "update \"system_user\" set reportee_org_no = '999999999' where id = '{agent}'"
    ))
    .await;
    let gone = app
        .get(&format!("{ENDUSER}/clients?agent={agent}"), &reads)
        .await
        .expect(404)
        .json();
    let detail = "No associated party information found for systemuser owner 999999999";
    assert_eq!(
        gone,
        json!({"title": "System Owner not Found", "status": 404, "detail": detail})
    );
}

#[tokio::test]
async fn packages_may_come_through_two_relations() {
    let app = TestApp::start().await;
    let writes = as_person(&app, who::RANDI, &format!("{READ} {WRITE}")).await;
    let agent = who::TALLKNUSEREN_AGENT;
    require(&app, &["regnskapsforer-lonn", "skatt-naering"]).await;
    let (giver, provider) = (
        uuid_of(&app, GIVER).await,
        uuid_of(&app, TALLKNUSEREN).await,
    );
    let party = party_of(&app, TALLKNUSEREN).await;
    let change = format!("{ENDUSER}/clients?agent={agent}&client={giver}");
    // Some of the packages: it can be seen, and not handed over.
    let available = async || {
        app.get(
            &format!("{ENDUSER}/clients/available?agent={agent}"),
            &writes,
        )
        .await
        .expect(200)
        .json()
    };
    assert!(numbers(&available().await).contains(&GIVER));
    assert_eq!(
        app.post_empty(&change, &writes).await.expect(400).code(),
        "AUTH-00080"
    );
    app.run_sql(&format!(
        "insert into register_role (from_key, role_id, to_key, source) select f.key, r.key, t.key, 'test' from party f, party t, role r
         where f.org_number = '{GIVER}' and t.org_number = '{TALLKNUSEREN}' and r.register_code = 'REGN'"
    ))
    .await;
    app.post_empty(&change, &writes).await.expect(200);
    let rows =
        "select string_agg(r.code || ' ' || k.urn || ' ' || p.basis, ', ' order by r.code) from client_delegation d join role r on r.key = d.role_id
                join client_delegation_package p on p.delegation_id = d.id join package k on k.key = p.package_id
                join party c on c.key = d.client_key where c.org_number = '390422687'";
    let expected = "regnskapsforer urn:altinn:accesspackage:regnskapsforer-lonn role-package, \
                    rettighetshaver urn:altinn:accesspackage:skatt-naering assignment-package";
    assert_eq!(app.sql_text(rows).await, expected);
    let portal = app
        .post_empty(
            &format!("{AGENT}/{party}/{agent}?provider={provider}&client={giver}"),
            &app.person(who::RANDI).await,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(portal.as_array().unwrap().len(), 2);
    // Both relations go at once.
    app.delete(&change, &writes).await.expect(200);
    assert_eq!(
        app.count(&format!("select count(*) from client_delegation d join party c on c.key = d.client_key where c.org_number = '{GIVER}'")).await,
        0
    );
}

#[tokio::test]
async fn business_managers_have_clients_by_organisation_form() {
    let app = TestApp::start().await;
    let manager = "390825749";
    let pid = "15817104476";
    let token = as_person(&app, pid, READ).await;
    let available = app
        .get(
            &format!("{ENDUSER}/clients/available?agent=1fac451a-f998-509d-aeac-f6a9e0b7542a"),
            &token,
        )
        .await
        .expect(200)
        .json();
    let mut by_form = Vec::new();
    for number in numbers(&available) {
        by_form.push(
            app.sql_text(&format!("select v.code from party p join entity_variant v on v.key = p.form_id where org_number = '{number}'")).await,
        );
    }
    assert!(
        !by_form.is_empty()
            && by_form
                .iter()
                .all(|form| ["BRL", "ESEK"].contains(&form.as_str())),
        "{by_form:?}"
    );
    // Without a filter, those the role gives nothing for are listed too.
    let party = party_of(&app, manager).await;
    let uuid = uuid_of(&app, manager).await;
    let all = app
        .get(
            &format!("{AGENT}/{party}/clients?facilitator={uuid}"),
            &app.person(pid).await,
        )
        .await
        .expect(200)
        .json();
    let all = all.as_array().unwrap();
    assert!(all.len() >= by_form.len());
}

#[tokio::test]
async fn the_portal_lists_adds_and_removes() {
    let app = TestApp::start().await;
    let randi = app.person(who::RANDI).await;
    let (party, provider) = (
        party_of(&app, TALLKNUSEREN).await,
        uuid_of(&app, TALLKNUSEREN).await,
    );
    let agent = who::TALLKNUSEREN_AGENT;
    let client = uuid_of(&app, who::TINDEVANDRER).await;
    let clients = async |query: &str| {
        app.get(
            &format!("{AGENT}/{party}/clients?facilitator={provider}{query}"),
            &randi,
        )
        .await
        .expect(200)
        .json()
    };
    let lonn = clients("&packages=REGNSKAPSFORER-LONN").await;
    let tindevandrer = lonn
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["organizationIdentifier"] == who::TINDEVANDRER)
        .unwrap();
    insta::assert_snapshot!(tindevandrer.to_string().replace(&client, "UUID"), @r#"{"partyUuid":"UUID","displayName":"TINDEVANDRER SPORT AS","organizationIdentifier":"390367767","access":[{"role":"urn:altinn:external-role:ccr:regnskapsforer","packages":["urn:altinn:accesspackage:regnskapsforer-lonn"]}]}"#);
    assert_eq!(clients("&packages=:regnskapsforer-lonn").await, lonn);
    assert_eq!(
        clients(
            "&packages=urn:altinn:accesspackage:regnskapsforer-lonn&packages=ansvarlig-revisor"
        )
        .await,
        lonn
    );
    assert_eq!(clients("&packages=finnes-ikke").await, json!([]));
    let all = clients("").await;
    assert!(all.as_array().unwrap().len() > lonn.as_array().unwrap().len());
    assert_eq!(
        app.get(&format!("{AGENT}/{party}/clients"), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00000"
    );
    assert_eq!(
        app.get(
            &format!("{AGENT}/{party}/clients?facilitator={client}"),
            &randi
        )
        .await
        .expect(403)
        .code(),
        "AUTH-00044"
    );

    let listed = async || {
        app.get(
            &format!("{AGENT}/{party}/{provider}/{agent}/delegations"),
            &randi,
        )
        .await
        .expect(200)
        .json()
    };
    let before = listed().await;
    let add = |agent: &str, provider: &str, client: &str| {
        format!("{AGENT}/{party}/{agent}?provider={provider}&client={client}")
    };
    let added = app
        .post_empty(&add(agent, &provider, &client), &randi)
        .await
        .expect(200);
    let one = json!({"agentSystemUserId": agent, "delegationId": client, "customerId": client, "assignmentId": Uuid::nil()});
    assert_eq!(added.json(), json!([one, one]));
    let after = listed().await;
    let entry = after
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["customerId"] == client.as_str())
        .unwrap();
    insta::assert_snapshot!(entry.to_string().replace(&client, "UUID"), @r#"{"agentSystemUserId":"05042226-1aa3-5372-87bc-b03f76163fdf","delegationId":"UUID","customerId":"UUID","assignmentId":"00000000-0000-0000-0000-000000000000","customerName":"TINDEVANDRER SPORT AS","customerOrganizationNumber":"390367767"}"#);
    assert_eq!(
        app.get(
            &format!("{AGENT}/{party}/{client}/{agent}/delegations"),
            &randi
        )
        .await
        .expect(200)
        .json(),
        json!([])
    );
    assert_eq!(
        app.get(
            &format!("{AGENT}/{party}/{provider}/{}/delegations", Uuid::nil()),
            &randi
        )
        .await
        .expect(200)
        .json(),
        json!([])
    );

    let nil = Uuid::nil().to_string();
    let unknown = app
        .post_empty(&add(&nil, &provider, &client), &randi)
        .await
        .expect(400)
        .problem();
    assert_eq!(
        unknown["errors"]["return"][0],
        format!("SystemUser with Id {nil} Not Found")
    );
    assert_eq!(
        app.post_empty(&add(who::TINDEVANDRER_USER, &provider, &client), &randi)
            .await
            .expect(403)
            .text,
        ""
    );
    assert_eq!(
        app.post_empty(&add(agent, "", &client), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00000"
    );
    assert_eq!(
        app.post_empty(&add(agent, &client, &client), &randi)
            .await
            .expect(403)
            .code(),
        "AUTH-00044"
    );
    assert_eq!(
        app.post_empty(&add(agent, &provider, ""), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00079"
    );
    app.post_empty(
        &add(agent, &provider, &client),
        &app.person(who::ODDNY).await,
    )
    .await
    .expect(403);

    let remove = |agent: &str, provider: &str| {
        format!("{AGENT}/{party}/{agent}/client?client={client}&provider={provider}")
    };
    assert_eq!(
        app.delete(&remove(agent, &client), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00031"
    );
    assert_eq!(
        app.delete(&remove(who::TINDEVANDRER_USER, &provider), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00031"
    );
    for id in [agent, agent, nil.as_str()] {
        assert_eq!(
            app.delete(&remove(id, &provider), &randi)
                .await
                .expect(200)
                .text,
            ""
        );
    }
    assert_eq!(listed().await, before);
}

#[tokio::test]
async fn adding_removing_and_deleting_at_once_leave_one_truth() {
    let app = TestApp::start().await;
    let writes = as_person(&app, who::RANDI, WRITE).await;
    let randi = app.person(who::RANDI).await;
    let (party, provider) = (
        party_of(&app, TALLKNUSEREN).await,
        uuid_of(&app, TALLKNUSEREN).await,
    );
    let agent = who::TALLKNUSEREN_AGENT;
    let change = format!(
        "{ENDUSER}/clients?agent={agent}&client={}",
        uuid_of(&app, who::TINDEVANDRER).await
    );
    let both = (0..24).map(|n| {
        let method = if n % 2 == 0 {
            Method::POST
        } else {
            Method::DELETE
        };
        app.send(method, &change, Some(&writes), None)
    });
    assert!(
        futures::future::join_all(both)
            .await
            .iter()
            .all(|a| a.status == 200)
    );
    let rows = app.count("select count(*) from client_delegation d join party c on c.key = d.client_key where c.org_number = '390367767'").await;
    let decided = app
        .decide_system_user(agent, "read", "mva-melding", who::TINDEVANDRER)
        .await;
    assert_eq!(decided, if rows == 0 { "NotApplicable" } else { "Permit" });
    // An agent that is deleted meanwhile keeps nobody.
    let delete = format!("{AGENT}/{party}/{agent}?facilitatorId={provider}");
    let adds = futures::future::join_all((0..8).map(|_| app.post_empty(&change, &writes)));
    let (_, deleted) = futures::join!(adds, app.delete(&delete, &randi));
    deleted.expect(200);
    assert_eq!(
        app.count(&format!("select count(*) from client_delegation d join party u on u.key = d.system_user_key where u.uuid = '{agent}'")).await,
        0
    );
}

#[tokio::test]
async fn a_package_that_is_taken_back_is_gone_for_the_agent_too() {
    let app = TestApp::start().await;
    let writes = as_person(&app, who::RANDI, &format!("{READ} {WRITE}")).await;
    let agent = who::TALLKNUSEREN_AGENT;
    require(&app, &["regnskapsforer-lonn", "skatt-naering"]).await;
    let holds = |packages: &[&str]| {
        let urns: Vec<String> = packages
            .iter()
            .map(|p| format!("urn:altinn:accesspackage:{p}"))
            .collect();
        json!({"from": who::TINDEVANDRER, "toOrg": TALLKNUSEREN, "accessPackages": urns, "rights": []})
    };
    good(
        &app,
        Kind::Rightholders,
        &[holds(&["skatt-naering", "merverdiavgift"])],
    )
    .await;
    let change = format!(
        "{ENDUSER}/clients?agent={agent}&client={}",
        uuid_of(&app, who::TINDEVANDRER).await
    );
    app.post_empty(&change, &writes).await.expect(200);
    let left = "select coalesce(string_agg(k.urn, ' ' order by k.urn), '') from client_delegation d join client_delegation_package p on p.delegation_id = d.id
                join package k on k.key = p.package_id join party c on c.key = d.client_key where c.org_number = '390367767'";
    assert_eq!(
        app.sql_text(left).await,
        "urn:altinn:accesspackage:regnskapsforer-lonn urn:altinn:accesspackage:skatt-naering"
    );
    let told =
        format!("select count(*) from change_feed where kind = 'system-user' and key = '{agent}'");
    let before = app.count(&told).await;
    good(&app, Kind::Rightholders, &[holds(&["merverdiavgift"])]).await;
    // What rests on the register role stays.
    assert_eq!(
        app.sql_text(left).await,
        "urn:altinn:accesspackage:regnskapsforer-lonn"
    );
    assert!(app.count(&told).await > before, "caches are told");
    assert_eq!(
        app.post_empty(&change, &writes).await.expect(400).code(),
        "AUTH-00080"
    );
}

#[tokio::test]
async fn older_addresses_answer_where_they_are_switched_on() {
    let app = TestApp::with(&[("compat.delegation_aliases", "true")]).await;
    let randi = app.person(who::RANDI).await;
    let (party, provider) = (
        party_of(&app, TALLKNUSEREN).await,
        uuid_of(&app, TALLKNUSEREN).await,
    );
    let client = uuid_of(&app, who::TINDEVANDRER).await;
    let add = format!("{AGENT}/{party}/{}/delegation", who::TALLKNUSEREN_AGENT);
    let added = app
        .post(
            &add,
            &randi,
            json!({"CustomerId": client, "facilitatorid": provider, "access": []}),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        (added.as_array().unwrap().len(), &added[0]["customerId"]),
        (1, &json!(client))
    );
    let id = added[0]["delegationId"].as_str().unwrap().to_owned();
    assert_ne!(id, client);
    assert_eq!(
        app.decide_system_user(
            who::TALLKNUSEREN_AGENT,
            "read",
            "mva-melding",
            who::TINDEVANDRER
        )
        .await,
        "Permit"
    );
    for body in [
        json!({"facilitatorId": provider}),
        json!({"customerId": "x", "facilitatorId": provider}),
    ] {
        assert_eq!(
            app.post(&add, &randi, body).await.expect(400).code(),
            "AUTH-00028"
        );
    }
    let remove = |id: &str, facilitator: &str| {
        format!("{AGENT}/{party}/delegation/{id}?facilitatorId={facilitator}")
    };
    assert_eq!(
        app.delete(&remove(&Uuid::new_v4().to_string(), &provider), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00038"
    );
    assert_eq!(
        app.delete(&remove(&id, &client), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00039"
    );
    let auditors = "select d.id::text from client_delegation d join party f on f.key = d.facilitator_key where f.org_number = '390812019' limit 1";
    let theirs = app.sql_text(auditors).await;
    assert_eq!(
        app.delete(&remove(&theirs, &uuid_of(&app, "390812019").await), &randi)
            .await
            .expect(400)
            .code(),
        "AUTH-00040"
    );
    assert_eq!(
        app.delete(&remove(&id, &provider), &randi)
            .await
            .expect(200)
            .text,
        ""
    );
    assert_eq!(
        app.decide_system_user(
            who::TALLKNUSEREN_AGENT,
            "read",
            "mva-melding",
            who::TINDEVANDRER
        )
        .await,
        "NotApplicable"
    );
    app.post(&add, &app.person(who::ODDNY).await, json!({}))
        .await
        .expect(403);
    let off = TestApp::start().await;
    assert_eq!(
        off.post(&add, &off.person(who::RANDI).await, json!({}))
            .await
            .expect(404)
            .text,
        ""
    );
}
