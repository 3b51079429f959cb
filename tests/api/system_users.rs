//! Looking system users up, reading and deleting them.

use serde_json::json;

use crate::support::*;

fn lookup(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("/authentication/api/v1/systemuser/byExternalId?{query}")
}

#[tokio::test]
async fn maskinporten_finds_exactly_one_or_none() {
    let app = TestApp::start().await;
    let token = app.organization("991825827", LOOKUP).await;
    let good = [
        ("clientId", who::FJORDLONN_CLIENT),
        ("systemProviderOrgNo", who::FJORDLONN),
        ("systemUserOwnerOrgNo", who::TINDEVANDRER),
    ];
    let answer = app.get(&lookup(&good), &token).await.expect(200);
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        ("no-store,no-cache", "no-cache")
    );
    let mut body = answer.json();
    body["created"].take();
    insta::assert_snapshot!(body.to_string(), @r#"{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","integrationTitle":"Fjordlønn","systemId":"390198116_fjordlonn","productName":"390198116_fjordlonn","reporteeOrgNo":"390367767","created":null,"isDeleted":false,"supplierName":"","supplierOrgno":"390198116","externalRef":"390367767","userType":"standard"}"#);
    let with = |name: &'static str, value: &'static str| {
        let mut parameters: Vec<(&str, &str)> = good.to_vec();
        parameters.retain(|(n, _)| *n != name);
        parameters.push((name, value));
        lookup(&parameters)
    };
    app.get(&with("externalRef", who::TINDEVANDRER), &token)
        .await
        .expect(200);
    app.get(&with("externalRef", ""), &token).await.expect(200);
    app.get(
        &lookup(&good)
            .replace("clientId", "CLIENTID")
            .replace("systemProviderOrgNo", "systemproviderorgno"),
        &token,
    )
    .await
    .expect(200);
    for (name, value) in [
        ("clientId", "08b08038-BE28-511d-9ee8-c25fec65e65e"),
        ("systemProviderOrgNo", who::SKYREGNSKAP),
        ("systemProviderOrgNo", "0192:390198116"),
        ("systemUserOwnerOrgNo", who::KERAMIKK),
        ("externalRef", "other"),
    ] {
        assert_eq!(
            app.get(&with(name, value), &token)
                .await
                .expect(404)
                .problem()["title"],
            "Not Found",
            "{name}={value}"
        );
    }
    for name in ["clientId", "systemProviderOrgNo", "systemUserOwnerOrgNo"] {
        assert_eq!(app.get(&with(name, ""), &token).await.error_keys(), [name]);
        let missing: Vec<(&str, &str)> = good.into_iter().filter(|(n, _)| *n != name).collect();
        assert_eq!(
            app.get(&lookup(&missing), &token).await.error_keys(),
            [name]
        );
    }
    app.get(&lookup(&good), &app.vendor(who::FJORDLONN).await)
        .await
        .expect(403);
    app.run_sql("update system set is_deleted = true where system_id = '390198116_fjordlonn'")
        .await;
    app.get(&lookup(&good), &token).await.expect(404);
    let own_ref = [
        ("clientId", who::FJORDLONN_CLIENT),
        ("systemProviderOrgNo", who::FJORDLONN),
        ("systemUserOwnerOrgNo", "390505078"),
    ];
    app.run_sql("update system set is_deleted = false").await;
    app.get(&lookup(&own_ref), &token).await.expect(404);
}

#[tokio::test]
async fn look_ups_can_be_kept_to_some_callers() {
    let app = TestApp::with(&[("byexternalid.allowed_consumers", "991825827")]).await;
    let good = lookup(&[
        ("clientId", who::FJORDLONN_CLIENT),
        ("systemProviderOrgNo", who::FJORDLONN),
        ("systemUserOwnerOrgNo", who::TINDEVANDRER),
    ]);
    app.get(&good, &app.organization("991825827", LOOKUP).await)
        .await
        .expect(200);
    app.get(&good, &app.organization(who::FJORDLONN, LOOKUP).await)
        .await
        .expect(403);
}

#[tokio::test]
async fn reading_one_as_its_owner() {
    let app = TestApp::start().await;
    // Marit runs Tindevandrer; the agent belongs to Tallknuseren, which Randi runs.
    let pid_of = async |name: &str| {
        let persons = systembruker::register::persons_for_login(&app.running.state.db)
            .await
            .unwrap();
        let person = persons
            .into_iter()
            .find(|p| p.party.name.starts_with(name))
            .unwrap();
        app.running
            .state
            .identity
            .decrypt(&person.person_id_enc)
            .unwrap()
            .expose()
            .to_owned()
    };
    let marit = app.person(&pid_of("Marit").await).await;
    let path = format!(
        "/authentication/api/v1/systemuser/{}/{}",
        who::TINDEVANDRER_PARTY,
        who::TINDEVANDRER_USER
    );
    let mut body = app.get(&path, &marit).await.expect(200).json();
    body["created"].take();
    body["systemInternalId"].take();
    insta::assert_snapshot!(body.to_string(), @r#"{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","integrationTitle":"Fjordlønn","systemId":"390198116_fjordlonn","productName":"","systemInternalId":null,"partyId":"52000084","partyUuId":"","reporteeOrgNo":"390367767","created":null,"isDeleted":false,"supplierName":"","supplierOrgno":"390198116","externalRef":"390367767","userType":"standard","accessPackages":[{"urn":"urn:altinn:accesspackage:a-ordning"},{"urn":"urn:altinn:accesspackage:lonn"}],"rights":[]}"#);
    app.get(&path, &app.person(who::ODDNY).await)
        .await
        .expect(403);
    app.get(
        &path.replace(who::TINDEVANDRER_USER, who::TALLKNUSEREN_AGENT),
        &marit,
    )
    .await
    .expect(404);
    assert_eq!(
        app.get(&path.replace(who::TINDEVANDRER_USER, "x"), &marit)
            .await
            .error_keys(),
        ["systemUserId"]
    );
    assert_eq!(
        app.get(&path.replace("52000084", "tinde"), &marit)
            .await
            .error_keys(),
        ["party"]
    );
    let randi = app.person(&pid_of("Randi").await).await;
    let party = app
        .count("select party_id::bigint from party where org_number = '390784554'")
        .await;
    let agent = format!(
        "/authentication/api/v1/systemuser/{party}/{}",
        who::TALLKNUSEREN_AGENT
    );
    let body = app.get(&agent, &randi).await.expect(200).json();
    assert_eq!(
        (&body["userType"], body.get("rights")),
        (&json!("agent"), None)
    );
    assert_eq!(
        app.delete(&agent, &randi).await.expect(400).code(),
        "AUTH-00036"
    );
    assert_eq!(
        app.delete(&path.replace("52000084", &party.to_string()), &randi)
            .await
            .expect(403)
            .code(),
        "AUTH-00024"
    );
}

#[tokio::test]
async fn deleting_takes_everything_with_it() {
    let app = TestApp::start().await;
    let torleif = app.person(who::TORLEIF).await;
    let user = "615a6590-e017-589b-b3e6-1ebeeb860284";
    let path = format!(
        "/authentication/api/v1/systemuser/{}/{user}",
        who::NATTERGAL_PARTY
    );
    assert_eq!(
        app.decide_system_user(user, "read", "arbeidstrening-avtale", who::NATTERGAL)
            .await,
        "Permit"
    );
    let deletes = futures::future::join_all((0..8).map(|_| app.delete(&path, &torleif))).await;
    assert_eq!(
        deletes
            .iter()
            .filter(|a| a.status == 202 && a.text == "1")
            .count(),
        1
    );
    assert!(
        deletes
            .iter()
            .filter(|a| a.status != 202)
            .all(|a| a.status == 404 && a.text == "0")
    );
    app.get(&path, &torleif).await.expect(404);
    let left = app.count(&format!("select count(*) from assignment a join party p on p.key = a.to_key where p.uuid = '{user}'")).await;
    assert_eq!(left, 0);
    assert_eq!(
        app.decide_system_user(user, "read", "arbeidstrening-avtale", who::NATTERGAL)
            .await,
        "NotApplicable"
    );
    let vendor = app.vendor(who::SKYREGNSKAP).await;
    app.get(
        &format!("/authentication/api/v1/systemuser/request/vendor/{user}"),
        &vendor,
    )
    .await
    .expect(404);
}
