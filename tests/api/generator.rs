//! The test-token generator.

use foundation::token::TokenRefusal;
use serde_json::{Value, json};

use crate::{
    journey::{Client, claims_of},
    support::*,
};

async fn ask(app: &TestApp, path: &str) -> Answer {
    Answer::of(
        app.http
            .get(format!("{}/api/{path}", app.testtools))
            .basic_auth("sandbox", Some("sandbox"))
            .send()
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn each_kind_has_its_claims() {
    let app = TestApp::start().await;
    let cases: Vec<(&str, Value)> = vec![
        (
            "GetEnterpriseToken?env=tt02&scopes=a:b,c:d&orgNo=390198116&org=ttd&supplierOrgNo=390184387",
            json!({"scope": "a:b c:d", "urn:altinn:orgNumber": "390198116", "urn:altinn:org": "ttd", "urn:altinn:authlevel": 3,
                "supplier": {"authority": "iso6523-actorid-upis", "ID": "0192:390184387"}, "actual_iss": "altinn-test-tools"}),
        ),
        (
            "GetPersonalToken?env=at22&USERID=7&partyid=8&pid=11859024884&authLvl=4&scopes=x:y",
            json!({"urn:altinn:userid": 7, "nameid": 7, "urn:altinn:partyid": 8, "pid": "11859024884", "urn:altinn:authlevel": "4", "acr": "idporten-loa-high"}),
        ),
        (
            "GetPersonalToken?env=at22&userId=&partyuuid=",
            json!({"scope": "altinn:enduser", "acr": "idporten-loa-substantial"}),
        ),
        (
            "GetSystemUserToken?env=tt02&systemUserId=3f794e70-3593-53d5-8174-1a3371cf43dc",
            json!({"client_id": who::FJORDLONN_CLIENT, "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
                "authorization_details": [{"type": "urn:altinn:systemuser", "systemuser_id": [who::TINDEVANDRER_USER],
                    "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": "0192:390367767"}, "system_id": who::FJORDLONN_SYSTEM}]}),
        ),
        (
            "GetSystemUserToken?env=tt02&systemUserId=3f794e70-3593-53d5-8174-1a3371cf43dc&systemUserOrg=390381492",
            json!({"consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:991825827"}}),
        ),
        (
            "GetEnterpriseUserToken?env=tt02&orgNo=390198116&partyId=1&userId=2&userName=navn",
            json!({"urn:altinn:authenticatemethod": "virksomhetsbruker", "urn:altinn:userid": 2, "urn:altinn:username": "navn"}),
        ),
        (
            "GetSelfIdentifiedUserToken?env=tt02&userId=5",
            json!({"urn:altinn:authlevel": 0, "urn:altinn:userid": 5, "amr": ["SelfIdentified"]}),
        ),
        (
            "GetSelfRegisteredEmailUserToken?env=tt02&email=a@b.example",
            json!({"urn:altinn:username": "epost:a@b.example", "acr": "selfregistered-email"}),
        ),
        (
            "GetPlatformToken?env=tt02&app=min.app",
            json!({"urn:altinn:app": "min.app", "iss": app.running.config.own_issuer}),
        ),
        (
            "GetPlatformAccessToken?env=tt02&app=x&ttl=200000000",
            json!({"urn:altinn:app": "x", "iss": "platform"}),
        ),
    ];
    for (path, expected) in cases {
        let answer = ask(&app, path).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        let claims = claims_of(&answer.text);
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&claims[name], value, "{path}: {name}");
        }
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(
            life,
            if path.contains("ttl=") {
                200_000_000
            } else {
                1800
            }
        );
    }
    let header = foundation::token::parse(
        &ask(&app, "getenterprisetoken?env=tt02&scopes=a").await.text,
        9_000,
    )
    .unwrap()
    .header;
    assert_eq!(
        header["x5c"], header["kid"],
        "as the original, a text where a list belongs"
    );
}

#[tokio::test]
async fn scopes_that_are_too_long_are_refused_with_their_length() {
    let app = TestApp::start().await;
    let path = format!("GetEnterpriseToken?env=local&scopes={}", "a".repeat(501));
    let refused = ask(&app, &path).await.expect(400).json();
    assert_eq!(
        refused,
        json!({"scopes": "Parameter was supplied with an invalid value: 501 characters, and 500 are possible"})
    );
}

#[tokio::test]
async fn bad_parameters_bad_credentials_and_other_forms() {
    let app = TestApp::start().await;
    let bad = ask(&app, "GetEnterpriseToken?env=nope&orgNo=12")
        .await
        .expect(400)
        .json();
    assert_eq!(
        bad,
        json!({"scopes": "Parameter must be supplied", "env": "Parameter was supplied with an invalid value", "orgNo": "Parameter was supplied with an invalid value"})
    );
    ask(&app, "GetPlatformAccessToken?env=tt02&app=x&org=skd")
        .await
        .expect(400);
    ask(&app, "GetConsentToken?env=tt02").await.expect(404);
    let address = format!("{}/api/GetEnterpriseToken?env=tt02&scopes=a", app.testtools);
    let anonymous = Answer::of(app.http.get(&address).send().await.unwrap())
        .await
        .expect(401);
    assert_eq!(
        anonymous.header("www-authenticate"),
        "Basic realm=\"AltinnTestTools - TokenGenerator\""
    );
    app.http
        .get(&address)
        .basic_auth("sandbox", Some("wrong"))
        .send()
        .await
        .map(|r| assert_eq!(r.status(), 401))
        .unwrap();
    app.http
        .get(&address)
        .header("authorization", "Basic ###")
        .send()
        .await
        .map(|r| assert_eq!(r.status(), 400))
        .unwrap();
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    let token = client
        .token(&app, "altinn:testtools/tokengenerator/enterprise")
        .await;
    app.http
        .get(&address)
        .bearer_auth(&token)
        .send()
        .await
        .map(|r| assert_eq!(r.status(), 200))
        .unwrap();
    let token = client
        .token(&app, "altinn:testtools/tokengenerator/personal")
        .await;
    let refused = Answer::of(
        app.http
            .get(&address)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap(),
    )
    .await
    .expect(403);
    assert_eq!(
        refused.text,
        "Missing required scope: altinn:testtools/tokengenerator/enterprise"
    );
    let bulk = ask(&app, "GetPersonalToken?env=tt02&bulkCount=3")
        .await
        .expect(200)
        .json();
    for (pid, token) in bulk.as_object().unwrap() {
        assert_eq!(claims_of(token.as_str().unwrap())["pid"], json!(pid));
    }
    assert_eq!(bulk.as_object().unwrap().len(), 3);
    let dump = ask(&app, "GetEnterpriseToken?env=tt02&scopes=a&dump=1")
        .await
        .expect(200);
    assert!(dump.text.contains("\n.\n") && dump.text.starts_with("{\n"));
    // A token of environment `none` is signed with another key and taken all the same.
    let token = ask(
        &app,
        &format!(
            "GetEnterpriseToken?env=none&orgNo={}&scopes={REGISTER_WRITE}",
            who::FJORDLONN
        ),
    )
    .await
    .text;
    app.get("/authentication/api/v1/systemregister/vendor", &token)
        .await
        .expect(200);
}

#[tokio::test]
async fn platform_tokens_are_verified_by_their_own_rules() {
    let app = TestApp::start().await;
    let verify = |values: &[&str]| {
        let mut headers = http::HeaderMap::new();
        for value in values {
            headers.append("PlatformAccessToken", value.parse().unwrap());
        }
        app.running
            .state
            .authenticator
            .platform_tokens()
            .verify(&headers, app.clock.seconds())
    };
    let token = ask(&app, "GetPlatformAccessToken?env=tt02&app=min-app")
        .await
        .text;
    assert_eq!(verify(&[&token]), Ok(Some("min-app".to_owned())));
    assert_eq!(verify(&[]), Ok(None));
    assert_eq!(verify(&[&token, &token]), Err(TokenRefusal::Malformed));
    let own = ask(&app, "GetPlatformToken?env=tt02&app=min-app")
        .await
        .text;
    assert_eq!(verify(&[&own]), Ok(Some("min-app".to_owned())));
    let ttd = ask(&app, "GetPlatformAccessToken?env=tt02&app=x&org=ttd")
        .await
        .text;
    assert_eq!(verify(&[&ttd]), Err(TokenRefusal::UnknownIssuer));
    let expired = ask(&app, "GetPlatformAccessToken?env=tt02&app=x&ttl=0")
        .await
        .text;
    assert_eq!(
        verify(&[&expired]),
        Err(TokenRefusal::Expired),
        "without leeway"
    );
    app.get("/authentication/api/v1/systemregister/vendor", &token)
        .await
        .expect(401);
}
