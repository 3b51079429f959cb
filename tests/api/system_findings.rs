//! The system register: what is wrong with a system.

use serde_json::{Value, json};
use testkit::prelude::*;

/// A good system of Fjordlønn, with a change.
fn system(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({
        "id": "390198116_ny",
        "vendor": {"authority": "iso6523-actorid-upis", "ID": FJORDLONN.identifier()},
        "name": {"en": "Payroll", "nb": "Lønn", "nn": "Løn", "se": "Bálká"},
        "description": {"en": "e", "nb": "æøå", "nn": ""},
        "rights": [{"action": "read", "resource": [{"id": "urn:altinn:resource", "value": KRAVOGBETALING.0}]}],
        "accessPackages": packages([LONN, A_ORDNING]),
        "clientId": ["client-b", "client-a"],
        "isVisible": false,
        "allowedRedirectUrls": ["https://Lonn.Example", "https://lonn.example/a?b=1"],
        "softDeleted": true,
    });
    change(&mut body);
    body
}

/// The system that each change makes is refused with this finding alone.
async fn assert_each_refused(code: &str, changes: impl IntoIterator<Item = Value>) {
    let world = World::start().await;
    for body in changes {
        world
            .fjordlonn()
            .registers(body)
            .await
            .assert_validation([code]);
    }
}

#[tokio::test]
async fn a_vendor_is_named_by_0192_and_its_number() {
    let vendors = ["0198:390198116", "9908:390198116", "0192:39019811x"];
    let bodies = vendors.map(|vendor| system(|b| b["vendor"]["ID"] = json!(vendor)));
    Box::pin(assert_each_refused("AUTH.VLD-00000", bodies)).await;
}

#[tokio::test]
async fn a_system_id_has_no_spaces() {
    let body = system(|b| b["id"] = json!("390198116_ny system"));
    assert_each_refused("AUTH.VLD-00013", [body]).await;
}

#[tokio::test]
async fn a_system_id_begins_with_the_number_of_its_vendor() {
    let bodies = ["390198117_ny", FJORDLONN.number].map(|id| system(|b| b["id"] = json!(id)));
    assert_each_refused("AUTH.VLD-00001", bodies).await;
}

#[tokio::test]
async fn a_system_id_is_used_once_even_by_a_deleted_system() {
    let taken = [FJORDLONN_SYSTEM, FJORDLONN_DELETED_SYSTEM];
    let bodies = taken.map(|taken| system(|b| b["id"] = json!(taken.id)));
    assert_each_refused("AUTH.VLD-00002", bodies).await;
}

#[tokio::test]
async fn a_system_id_has_a_length() {
    let body = system(|b| b["id"] = json!(format!("390198116_{}", "x".repeat(250))));
    assert_each_refused("STD.VLD-00005", [body]).await;
}

#[tokio::test]
async fn a_redirect_url_is_an_https_address() {
    let urls = ["http://lonn.example", "lonn"];
    let bodies = urls.map(|url| system(|b| b["allowedRedirectUrls"] = json!([url])));
    assert_each_refused("AUTH.VLD-00005", bodies).await;
}

#[tokio::test]
async fn outside_production_a_redirect_url_may_lead_to_this_machine_by_http() {
    let world = World::start().await;
    let url = "http://localhost:8081/tilbake";
    let body = system(|b| b["allowedRedirectUrls"] = json!([url]));
    world.fjordlonn().registers(body).await.assert_status(200);
}

#[tokio::test]
async fn a_client_belongs_to_one_system_of_its_vendor_in_whatever_case() {
    let client = FJORDLONN_SYSTEM.client.to_uppercase();
    let body = system(|b| b["clientId"] = json!([client]));
    assert_each_refused("AUTH.VLD-00004", [body]).await;
}

#[tokio::test]
async fn a_client_is_listed_once() {
    let body = system(|b| b["clientId"] = json!(["a", "A"]));
    assert_each_refused("AUTH.VLD-00011", [body]).await;
}

fn right(id: &str, value: &str) -> Value {
    json!([{"resource": [{"id": id, "value": value}]}])
}

#[tokio::test]
async fn a_right_names_a_resource() {
    let body = system(|b| b["rights"] = right("urn:altinn:app", "kravogbetaling"));
    assert_each_refused("AUTH.VLD-00009", [body]).await;
}

#[tokio::test]
async fn a_right_is_for_a_resource_that_exists() {
    let body = system(|b| b["rights"] = rights([UNKNOWN_RESOURCE]));
    assert_each_refused("AUTH.VLD-00003", [body]).await;
}

#[tokio::test]
async fn a_right_is_for_a_type_of_resource_that_system_users_may_have() {
    let body = system(|b| b["rights"] = rights([Resource("skatt-maskinporten-api")]));
    assert_each_refused("AUTH.VLD-00017", [body]).await;
}

#[tokio::test]
async fn a_right_is_listed_once() {
    let body = system(|b| b["rights"] = json!([b["rights"][0], b["rights"][0]]));
    assert_each_refused("AUTH.VLD-00006", [body]).await;
}

#[tokio::test]
async fn a_right_has_a_resource() {
    let body = system(|b| b["rights"] = json!([{"resource": []}]));
    assert_each_refused("STD.VLD-00000", [body]).await;
}

#[tokio::test]
async fn a_package_is_a_urn_of_one_that_can_be_delegated() {
    let urns = ["lonn", "urn:altinn:accesspackage:eksplisitt"];
    let bodies = urns.map(|urn| system(|b| b["accessPackages"] = json!([{"urn": urn}])));
    assert_each_refused("AUTH.VLD-00008", bodies).await;
}

#[tokio::test]
async fn a_package_is_listed_once_in_whatever_case() {
    let body = system(|b| b["accessPackages"] = packages([LONN, Package("LONN")]));
    assert_each_refused("AUTH.VLD-00007", [body]).await;
}

#[tokio::test]
async fn a_name_is_in_three_languages() {
    let body = system(|b| b["name"] = without(b["name"].take(), "nn"));
    assert_each_refused("STD.VLD-00000", [body]).await;
}

#[tokio::test]
async fn a_system_with_packages_for_clients_is_not_visible() {
    let body = system(|b| {
        b["isVisible"] = json!(true);
        b["accessPackages"] = packages([REGNSKAPSFORER_LONN]);
    });
    assert_each_refused("AUTH.VLD-00018", [body]).await;
}

/// Wrong in many ways.
fn wrong() -> Value {
    system(|b| {
        b["id"] = json!("1 x");
        b["allowedRedirectUrls"] = json!(["x"]);
        b["clientId"] = json!([FJORDLONN_SYSTEM.client]);
        b["rights"] = json!([{"resource": [{"id": "x", "value": "skd-a"}, {"id": "urn:altinn:resource", "value": "ukjent"}]}]);
        b["accessPackages"] =
            json!([{"urn": "lonn"}, {"urn": "urn:altinn:accesspackage:finnes-ikke"}]);
    })
}

#[tokio::test]
async fn all_findings_are_in_one_answer_in_order() {
    let world = World::start().await;
    let answer = world
        .fjordlonn()
        .registers(wrong())
        .await
        .assert_header("content-type", "application/problem+json");
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
}

#[tokio::test]
async fn a_refused_system_is_not_stored() {
    let world = World::start().await;
    let body = system(|b| b["allowedRedirectUrls"] = json!(["x"]));
    world
        .fjordlonn()
        .registers(body)
        .await
        .assert_validation(["AUTH.VLD-00005"]);
    world
        .fjordlonn()
        .reads_system("390198116_ny")
        .await
        .assert_status(404);
}

#[tokio::test]
async fn another_vendor_hears_of_no_finding() {
    let world = World::start().await;
    world
        .skyregnskap()
        .registers(wrong())
        .await
        .assert_forbidden()
        .assert_empty();
}

#[tokio::test]
async fn a_vendor_that_cannot_be_read_is_reported_before_its_owner_is_checked() {
    let world = World::start().await;
    world
        .skyregnskap()
        .registers(system(|b| b["vendor"]["ID"] = json!("0198:1")))
        .await
        .assert_validation(["AUTH.VLD-00000"]);
}

#[tokio::test]
async fn an_empty_body_is_missing() {
    let world = World::start().await;
    world
        .fjordlonn()
        .post_text(SYSTEMS, "")
        .await
        .assert_error_keys(["", "registerNewSystem"]);
}

#[tokio::test]
async fn a_body_that_is_no_system_is_400() {
    let world = World::start().await;
    for body in [
        "{",
        "{\"id\":\"a\",}",
        "nul",
        "{\"id\":\"\\ud800\"}",
        "[]",
        "\"x\"",
        &format!("{}1{}", "[".repeat(40), "]".repeat(40)),
        r#"{"id":"390198116_x"}"#,
    ] {
        world
            .fjordlonn()
            .post_text(SYSTEMS, body)
            .await
            .assert_error_keys(["$", "registerNewSystem"]);
    }
}

#[tokio::test]
async fn a_member_that_cannot_be_bound_is_named() {
    let world = World::start().await;
    let blank = right("urn:altinn:resource", " ");
    for (body, key) in [
        (system(|b| b["isVisible"] = json!("true")), "$.isVisible"),
        (system(|b| b["clientId"] = json!("a")), "$.clientId"),
        (
            system(|b| b["rights"] = json!([{"resource": {}}])),
            "$.rights[0].resource",
        ),
        (system(|b| b["name"] = json!(null)), "Name"),
        (system(|b| b["vendor"] = json!({"ID": null})), "Vendor.ID"),
        (
            system(|b| b["clientId"] = json!(["a", null])),
            "ClientId[1]",
        ),
        (
            system(|b| b["rights"] = blank),
            "Rights[0].Resource[0].Value",
        ),
        (
            system(|b| b["allowedRedirectUrls"] = json!([null])),
            "AllowedRedirectUrls[0]",
        ),
        (system(|b| b["id"] = json!("390198116_a\u{0}b")), "$"),
        (system(|b| b["clientId"] = json!(vec!["x"; 1001])), "$"),
    ] {
        world
            .fjordlonn()
            .registers(body)
            .await
            .assert_error_key(key);
    }
}

#[tokio::test]
async fn a_body_has_a_length() {
    let world = World::start().await;
    let large = system(|b| b["description"]["nb"] = json!("x".repeat(300_000)));
    world.fjordlonn().registers(large).await.assert_status(413);
}
