//! The system register.

use serde_json::{Value, json};

use crate::support::*;

const VENDOR: &str = "/authentication/api/v1/systemregister/vendor";

fn body(id: &str) -> Value {
    json!({
        "id": id, "vendor": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
        "name": {"en": "Payroll", "nb": "Lønn", "nn": "Løn", "se": "Bálká"}, "description": {"en": "e", "nb": "æøå", "nn": ""},
        "rights": [{"action": "read", "resource": [{"id": "urn:altinn:resource", "value": "kravogbetaling"}]}],
        "accessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}, {"urn": "urn:altinn:accesspackage:a-ordning"}],
        "clientId": ["client-b", "client-a"], "isVisible": false,
        "allowedRedirectUrls": ["https://Lonn.Example", "https://lonn.example/a?b=1"], "softDeleted": true,
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = body("390198116_ny");
    change(&mut body);
    body
}

#[tokio::test]
async fn a_system_comes_back_as_it_was_sent() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let answer = app
        .post(
            &format!("{VENDOR}/"),
            &token,
            body(" 390198116_Ny: system ".replace(": ", ":").as_str()),
        )
        .await
        .expect(200);
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert!(uuid::Uuid::parse_str(answer.json().as_str().unwrap()).is_ok());
    let answer = app
        .get(&format!("{VENDOR}/390198116_Ny:system"), &token)
        .await
        .expect(200);
    insta::assert_snapshot!(answer.text, @r#"{"id":"390198116_Ny:system","vendor":{"ID":"0192:390198116"},"name":{"en":"Payroll","nb":"Lønn","nn":"Løn","se":"Bálká"},"description":{"en":"e","nb":"æøå","nn":""},"rights":[{"action":"read","resource":[{"id":"urn:altinn:resource","value":"kravogbetaling"}]}],"accessPackages":[{"urn":"urn:altinn:accesspackage:lonn"},{"urn":"urn:altinn:accesspackage:a-ordning"}],"isDeleted":false,"clientId":["client-b","client-a"],"isVisible":false,"allowedRedirectUrls":["https://lonn.example/","https://lonn.example/a?b=1"]}"#);
    assert_eq!(
        app.get(
            &format!("{VENDOR}/390198116_Ny%3Asystem/accesspackages"),
            &token
        )
        .await
        .expect(200)
        .json()
        .as_array()
        .unwrap()
        .len(),
        2
    );
    assert_eq!(
        app.get(&format!("{VENDOR}/390198116_Ny%3Asystem/rights"), &token)
            .await
            .expect(200)
            .json()[0]["action"],
        "read"
    );
    let log = app.count("select count(*) from system_change_log where change_type = 'create' and changed_data->>'Id' = '390198116_Ny:system'").await;
    let audit = app.count("select count(*) from audit_log where action = 'system.created' and object_id = '390198116_Ny:system'").await;
    assert_eq!((log, audit), (1, 1));
}

#[tokio::test]
async fn names_of_members_match_in_any_case_and_lists_may_be_left_out() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let texts = json!({"en": "a", "nb": "a", "nn": "a"});
    let pascal = json!({"Id": "390198116_pascal", "Vendor": {"id": "0192:390198116"}, "Name": texts, "Description": texts});
    app.post(VENDOR, &token, pascal).await.expect(200);
    let system = app
        .get(&format!("{VENDOR}/390198116_pascal"), &token)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&system["isVisible"], &system["rights"], &system["clientId"]),
        (&json!(true), &json!([]), &json!([]))
    );
    let nulls = with(|b| {
        b["id"] = json!("390198116_nulls");
        b["rights"] = json!(null);
        b["accessPackages"] = json!(null);
        b["clientId"] = json!([" "]);
    });
    app.post(VENDOR, &token, nulls).await.expect(200);
    let system = app
        .get(&format!("{VENDOR}/390198116_nulls"), &token)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &system["accessPackages"],
            &system["rights"],
            &system["clientId"]
        ),
        (&json!([]), &json!([]), &json!([]))
    );
}

#[tokio::test]
async fn each_finding_has_its_code_and_all_are_told_in_order() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let package = |urn: &str| json!([{"urn": urn}]);
    let right = |id: &str, value: &str| json!([{"resource": [{"id": id, "value": value}]}]);
    let cases: Vec<(&str, Value)> = vec![
        (
            "AUTH.VLD-00000",
            with(|b| b["vendor"]["ID"] = json!("0198:390198116")),
        ),
        (
            "AUTH.VLD-00000",
            with(|b| b["vendor"]["ID"] = json!("9908:390198116")),
        ),
        (
            "AUTH.VLD-00000",
            with(|b| b["vendor"]["ID"] = json!("0192:39019811x")),
        ),
        (
            "AUTH.VLD-00013",
            with(|b| b["id"] = json!("390198116_ny system")),
        ),
        ("AUTH.VLD-00001", with(|b| b["id"] = json!("390198117_ny"))),
        ("AUTH.VLD-00001", with(|b| b["id"] = json!("390198116"))),
        (
            "AUTH.VLD-00002",
            with(|b| b["id"] = json!(who::FJORDLONN_SYSTEM)),
        ),
        (
            "AUTH.VLD-00002",
            with(|b| b["id"] = json!("390198116_fjordlonn_klassisk")),
        ),
        (
            "STD.VLD-00005",
            with(|b| b["id"] = json!(format!("390198116_{}", "x".repeat(250)))),
        ),
        (
            "AUTH.VLD-00005",
            with(|b| b["allowedRedirectUrls"] = json!(["http://lonn.example"])),
        ),
        (
            "AUTH.VLD-00005",
            with(|b| b["allowedRedirectUrls"] = json!(["lonn"])),
        ),
        (
            "AUTH.VLD-00004",
            with(|b| b["clientId"] = json!([who::FJORDLONN_CLIENT.to_uppercase()])),
        ),
        (
            "AUTH.VLD-00011",
            with(|b| b["clientId"] = json!(["a", "A"])),
        ),
        (
            "AUTH.VLD-00009",
            with(|b| b["rights"] = right("urn:altinn:app", "kravogbetaling")),
        ),
        (
            "AUTH.VLD-00003",
            with(|b| b["rights"] = right("urn:altinn:resource", "finnes-ikke")),
        ),
        (
            "AUTH.VLD-00017",
            with(|b| b["rights"] = right("urn:altinn:resource", "skatt-maskinporten-api")),
        ),
        (
            "AUTH.VLD-00006",
            with(|b| b["rights"] = json!([b["rights"][0], b["rights"][0]])),
        ),
        (
            "STD.VLD-00000",
            with(|b| b["rights"] = json!([{"resource": []}])),
        ),
        (
            "AUTH.VLD-00008",
            with(|b| b["accessPackages"] = package("lonn")),
        ),
        (
            "AUTH.VLD-00008",
            with(|b| b["accessPackages"] = package("urn:altinn:accesspackage:eksplisitt")),
        ),
        (
            "AUTH.VLD-00007",
            with(
                |b| b["accessPackages"] = json!([{"urn": "urn:altinn:accesspackage:lonn"}, {"urn": "urn:altinn:accesspackage:LONN"}]),
            ),
        ),
        (
            "STD.VLD-00000",
            with(|b| drop(b["name"].as_object_mut().unwrap().remove("nn"))),
        ),
        (
            "AUTH.VLD-00018",
            with(|b| {
                b["isVisible"] = json!(true);
                b["accessPackages"] = package("urn:altinn:accesspackage:regnskapsforer-lonn");
            }),
        ),
    ];
    for (code, body) in cases {
        let codes = app
            .post(VENDOR, &token, body.clone())
            .await
            .validation_codes();
        assert_eq!(codes, [code], "{body}");
    }
    let many = with(|b| {
        b["id"] = json!("1 x");
        b["allowedRedirectUrls"] = json!(["x"]);
        b["clientId"] = json!([who::FJORDLONN_CLIENT]);
        b["rights"] = json!([{"resource": [{"id": "x", "value": "skd-a"}, {"id": "urn:altinn:resource", "value": "ukjent"}]}]);
        b["accessPackages"] =
            json!([{"urn": "lonn"}, {"urn": "urn:altinn:accesspackage:finnes-ikke"}]);
    });
    let answer = app.post(VENDOR, &token, many.clone()).await;
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "type": "urn:altinn:error:STD-00000",
      "title": "One or more validation errors occurred.",
      "status": 400,
      "detail": "One or more validation errors occurred.",
      "code": "STD-00000",
      "statusDescription": "Bad Request",
      "validationErrors": [
        {
          "code": "AUTH.VLD-00013",
          "title": "System ID cannot have spaces in id (leading, trailing or in between the id)",
          "detail": "System ID cannot have spaces in id (leading, trailing or in between the id)",
          "paths": [
            "/registersystemrequest/systemid"
          ]
        },
        {
          "code": "AUTH.VLD-00001",
          "title": "The system id does not match the format orgnumber_xxxx...",
          "detail": "The system id does not match the format orgnumber_xxxx...",
          "paths": [
            "/registersystemrequest/systemid"
          ]
        },
        {
          "code": "AUTH.VLD-00005",
          "title": "One or more of the redirect urls format is not valid. The valid format is https://xxx.xx",
          "detail": "One or more of the redirect urls format is not valid. The valid format is https://xxx.xx",
          "paths": [
            "/registersystemrequest/allowedredirecturls"
          ]
        },
        {
          "code": "AUTH.VLD-00004",
          "title": "One of the client id is already tagged with an existing system",
          "detail": "One of the client id is already tagged with an existing system",
          "paths": [
            "/registersystemrequest/clientid"
          ]
        },
        {
          "code": "AUTH.VLD-00009",
          "title": "One or more resource id is in wrong format. The valid format is urn:altinn:resource",
          "detail": "One or more resource id is in wrong format. The valid format is urn:altinn:resource",
          "paths": [
            "/registersystemrequest/rights/resource"
          ],
          "Invalid Resource Id Details : ": "skd-a"
        },
        {
          "code": "AUTH.VLD-00003",
          "title": "One or more resources specified in rights were not found in Altinn's resource register.",
          "detail": "One or more resources specified in rights were not found in Altinn's resource register.",
          "paths": [
            "/registersystemrequest/rights/resource"
          ],
          "ResourceIds Not Found : ": "ukjent"
        },
        {
          "code": "AUTH.VLD-00008",
          "title": "One or all the accesspackage(s) is not found in altinn's access packages or is not delegable",
          "detail": "One or all the accesspackage(s) is not found in altinn's access packages or is not delegable",
          "paths": [
            "/registersystemrequest/accesspackages"
          ],
          "Invalid Urn Details : ": "Invalid format: lonn | Not found: urn:altinn:accesspackage:finnes-ikke"
        }
      ]
    }
    "#);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let other = app.vendor(who::SKYREGNSKAP).await;
    assert_eq!(
        app.post(VENDOR, &other, many).await.expect(403).text,
        "",
        "the owner check hides findings"
    );
    let prefix = with(|b| b["vendor"]["ID"] = json!("0198:1"));
    assert_eq!(
        app.post(VENDOR, &other, prefix).await.validation_codes(),
        ["AUTH.VLD-00000"]
    );
    assert_eq!(
        app.count("select count(*) from system").await,
        5,
        "nothing was stored"
    );
}

#[tokio::test]
async fn what_cannot_be_bound_is_told_by_its_key() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let raw = async |text: &str| {
        let request = app
            .http
            .post(format!("{}{VENDOR}", app.base))
            .bearer_auth(&token)
            .header("content-type", "application/json");
        Answer::of(request.body(text.to_owned()).send().await.unwrap()).await
    };
    assert_eq!(raw("").await.error_keys(), ["", "registerNewSystem"]);
    for broken in [
        "{",
        "{\"id\":\"a\",}",
        "nul",
        "{\"id\":\"\\ud800\"}",
        "[]",
        "\"x\"",
        &format!("{}1{}", "[".repeat(40), "]".repeat(40)),
    ] {
        assert_eq!(
            raw(broken).await.error_keys(),
            ["$", "registerNewSystem"],
            "{broken}"
        );
    }
    assert_eq!(
        raw(r#"{"id":"390198116_x"}"#).await.error_keys(),
        ["$", "registerNewSystem"]
    );
    let cases = [
        (with(|b| b["isVisible"] = json!("true")), "$.isVisible"),
        (with(|b| b["clientId"] = json!("a")), "$.clientId"),
        (
            with(|b| b["rights"] = json!([{"resource": {}}])),
            "$.rights[0].resource",
        ),
        (with(|b| b["name"] = json!(null)), "Name"),
        (with(|b| b["vendor"] = json!({"ID": null})), "Vendor.ID"),
        (with(|b| b["clientId"] = json!(["a", null])), "ClientId[1]"),
        (
            with(|b| {
                b["rights"] = json!([{"resource": [{"id": "urn:altinn:resource", "value": " "}]}])
            }),
            "Rights[0].Resource[0].Value",
        ),
        (
            with(|b| b["allowedRedirectUrls"] = json!([null])),
            "AllowedRedirectUrls[0]",
        ),
        (with(|b| b["id"] = json!("390198116_a\u{0}b")), "$"),
        (with(|b| b["clientId"] = json!(vec!["x"; 1001])), "$"),
    ];
    for (body, key) in cases {
        assert!(
            app.post(VENDOR, &token, body)
                .await
                .error_keys()
                .contains(&key.to_owned()),
            "{key}"
        );
    }
    let large = with(|b| b["description"]["nb"] = json!(vec!["x".repeat(15_000); 20].join("")));
    app.post(VENDOR, &token, large).await.expect(413);
}

#[tokio::test]
async fn twenty_at_once_make_one_system() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let posts = (0..20).map(|_| app.post(VENDOR, &token, body("390198116_kappløp")));
    let answers = futures::future::join_all(posts).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    for lost in answers.iter().filter(|a| a.status != 200) {
        match lost.status {
            409 => assert_eq!(lost.text, "The System already exist: 390198116_kappløp"),
            _ => assert!(
                lost.validation_codes()
                    .iter()
                    .all(|c| c == "AUTH.VLD-00002" || c == "AUTH.VLD-00004")
            ),
        }
    }
}

#[tokio::test]
async fn who_may_see_what() {
    let app = TestApp::start().await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let other = app.vendor(who::SKYREGNSKAP).await;
    let admin = app
        .organization(who::SAV, "altinn:authentication/systemregister.admin")
        .await;
    let portal = app.person(who::ODDNY).await;
    let one = format!("{VENDOR}/{}", who::FJORDLONN_SYSTEM);
    app.get(&one, &vendor).await.expect(200);
    app.get(&one, &admin).await.expect(200);
    assert_eq!(app.get(&one, &other).await.expect(403).text, "");
    app.get(&one, &portal).await.expect(403);
    let missing = app
        .get(&format!("{VENDOR}/finnes-ikke"), &vendor)
        .await
        .expect(404);
    assert_eq!(
        (
            missing.problem()["title"].clone(),
            missing.problem().get("code")
        ),
        (json!("Not Found"), None)
    );
    let deleted = app
        .get(&format!("{VENDOR}/390198116_fjordlonn_klassisk"), &vendor)
        .await
        .expect(200)
        .json();
    assert_eq!(deleted["isDeleted"], true);
    let ids = |answer: &Answer| -> Vec<String> {
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["systemId"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = app.get(VENDOR, &vendor).await.expect(200);
    assert_eq!(ids(&list), [who::FJORDLONN_SYSTEM]);
    assert_eq!(
        (list.header("cache-control"), list.header("pragma")),
        ("no-store,no-cache", "no-cache")
    );
    assert_eq!(
        ids(&app.get(VENDOR, &admin).await.expect(200)),
        Vec::<String>::new(),
        "an admin sees its own here"
    );
    let root = "/authentication/api/v1/systemregister";
    let visible = app.get(root, &portal).await.expect(200);
    assert_eq!(
        ids(&visible),
        ["390184387_skyregnskap", who::FJORDLONN_SYSTEM]
    );
    app.get(root, &vendor).await.expect(403);
    let dto = app
        .get(&format!("{root}/390198116_fjordlonn_klassisk"), &portal)
        .await
        .expect(200);
    insta::assert_snapshot!(dto.text, @r#"{"systemId":"390198116_fjordlonn_klassisk","systemVendorOrgNumber":"390198116","systemVendorOrgName":"","name":{"en":"Fjordlønn Klassisk","nb":"Fjordlønn Klassisk","nn":"Fjordlønn Klassisk"},"description":{"en":"Fjordlønn Klassisk for the sandbox.","nb":"Fjordlønn Klassisk for prøvekjøring.","nn":"Fjordlønn Klassisk for prøvekøyring."},"rights":[],"accessPackages":[{"urn":"urn:altinn:accesspackage:lonn"}],"isVisible":false}"#);
    app.get(&format!("{root}/finnes-ikke"), &portal)
        .await
        .expect(404);
    assert_eq!(
        app.get(&format!("{root}/finnes-ikke/rights"), &portal)
            .await
            .expect(200)
            .text,
        "[]"
    );
    assert_eq!(
        app.get(&format!("{root}/finnes-ikke/accesspackages"), &portal)
            .await
            .expect(200)
            .text,
        "[]"
    );
    app.get(&format!("{root}/{}/rights", who::FJORDLONN_SYSTEM), &vendor)
        .await
        .expect(403);
    assert_eq!(
        app.get(
            &format!(
                "{root}/{}/rights?useOldFormatForApp=kanskje",
                who::FJORDLONN_SYSTEM
            ),
            &portal
        )
        .await
        .error_keys(),
        ["useOldFormatForApp"]
    );
}

#[tokio::test]
async fn apps_can_be_named_in_the_older_way() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let id = "390198116_app";
    let rights =
        json!([{"resource": [{"id": "urn:altinn:resource", "value": "app_fok_endring-av-navn"}]}]);
    let body = with(|b| {
        b["id"] = json!(id);
        b["rights"] = rights;
    });
    app.post(VENDOR, &token, body).await.expect(200);
    let portal = app.person(who::ODDNY).await;
    let answer = app
        .get(
            &format!("/authentication/api/v1/systemregister/{id}/rights?useoldformatforapp=TRUE"),
            &portal,
        )
        .await
        .expect(200);
    assert_eq!(
        answer.text,
        r#"[{"resource":[{"id":"urn:altinn:org","value":"fok"},{"id":"urn:altinn:app","value":"endring-av-navn"}]}]"#
    );
}

#[tokio::test]
async fn a_token_without_organisation_owns_nothing() {
    let app = TestApp::start().await;
    let token = app
        .token(
            "GetPersonalToken",
            &[("pid", who::ODDNY), ("scopes", REGISTER_WRITE)],
        )
        .await;
    for path in [
        VENDOR.to_owned(),
        format!("{VENDOR}/{}", who::FJORDLONN_SYSTEM),
    ] {
        assert_eq!(app.get(&path, &token).await.expect(403).text, "");
    }
    app.post(VENDOR, &token, body("390198116_x"))
        .await
        .expect(403);
}
