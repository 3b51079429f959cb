//! The catalogue of packages and roles, as anybody reads it.

use serde_json::{Value, json};

use crate::support::*;

const PACKAGES: &str = "/accessmanagement/api/v1/meta/info/accesspackages";
const ROLES: &str = "/accessmanagement/api/v1/meta/info/roles";

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(
        app.http.get(format!("{}{path}", app.base)),
        |r, (name, value)| r.header(*name, *value),
    );
    Answer::of(request.send().await.unwrap()).await
}

async fn read(app: &TestApp, path: &str) -> Value {
    get(app, path, &[]).await.expect(200).json()
}

#[tokio::test]
async fn everything_hangs_together() {
    let app = TestApp::start().await;
    let groups = read(&app, &format!("{PACKAGES}/export")).await;
    let catalogue: Value =
        serde_json::from_str(include_str!("../../data/access-packages.json")).unwrap();
    let mut seen = 0;
    for group in groups.as_array().unwrap() {
        let alone = read(
            &app,
            &format!("{PACKAGES}/group/{}", group["id"].as_str().unwrap()),
        )
        .await;
        assert_eq!(
            (&alone["name"], &alone["areas"]),
            (&group["name"], &Value::Null)
        );
        let areas = read(
            &app,
            &format!("{PACKAGES}/group/{}/areas", group["id"].as_str().unwrap()),
        )
        .await;
        assert_eq!(
            areas.as_array().unwrap().len(),
            group["areas"].as_array().unwrap().len()
        );
        for area in group["areas"].as_array().unwrap() {
            seen += area["packages"].as_array().unwrap().len();
        }
    }
    assert_eq!(seen, catalogue["packages"].as_array().unwrap().len());
    assert_eq!(
        read(&app, &format!("{PACKAGES}/group"))
            .await
            .as_array()
            .unwrap()
            .len(),
        groups.as_array().unwrap().len()
    );
    let area = &groups[0]["areas"][0];
    let id = area["id"].as_str().unwrap();
    assert_eq!(
        read(&app, &format!("{PACKAGES}/area/{id}")).await["group"]["id"],
        groups[0]["id"]
    );
    let packages = read(&app, &format!("{PACKAGES}/area/{id}/packages")).await;
    assert_eq!(packages[0]["area"]["id"], area["id"]);
    assert!(area["iconUrl"].as_str().unwrap().starts_with("https://"));
    let id = packages[0]["id"].as_str().unwrap();
    let mut alone = read(&app, &format!("{PACKAGES}/package/{id}")).await;
    assert!(
        alone
            .as_object_mut()
            .unwrap()
            .shift_remove("resources")
            .is_some_and(|r| r.is_array())
    );
    assert_eq!(alone, packages[0]);
}

#[tokio::test]
async fn a_package_by_its_urn_or_the_end_of_it() {
    let app = TestApp::start().await;
    let whole = read(
        &app,
        &format!("{PACKAGES}/package/urn/urn:altinn:accesspackage:lonn"),
    )
    .await;
    assert_eq!(whole["urn"], "urn:altinn:accesspackage:lonn");
    assert_eq!(
        (&whole["isAssignable"], &whole["type"]["name"]),
        (&json!(true), &json!("Organisasjon"))
    );
    for urn in [
        ":lonn",
        "lonn",
        "LONN",
        "URN:altinn:accesspackage:Lonn",
        "urn%3Aaltinn%3Aaccesspackage%3Alonn",
    ] {
        assert_eq!(
            read(&app, &format!("{PACKAGES}/package/urn/{urn}")).await,
            whole,
            "{urn}"
        );
    }
    // The end of the last part is not enough.
    for urn in ["onn", ":onn", "accesspackage:lonn", "nothing"] {
        get(&app, &format!("{PACKAGES}/package/urn/{urn}"), &[])
            .await
            .expect(404);
    }
}

#[tokio::test]
async fn texts_are_in_the_language_that_was_asked_for() {
    let app = TestApp::start().await;
    let path = format!("{PACKAGES}/package/urn/jordbruk");
    for (accepted, language, name) in [
        ("", "nb", "Jordbruk"),
        ("nn", "nn", "Jordbruk"),
        ("de, en-GB;q=0.8", "en", "Agriculture"),
        ("se", "nb", "Jordbruk"),
    ] {
        let answer = get(&app, &path, &[("accept-language", accepted)])
            .await
            .expect(200);
        assert_eq!(
            (
                answer.header("content-language"),
                answer.json()["name"].as_str().unwrap()
            ),
            (language, name)
        );
        assert_eq!(
            (answer.header("vary"), answer.header("cache-control")),
            ("Accept-Language", "public, max-age=3600")
        );
    }
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let app = TestApp::start().await;
    let path = format!("{PACKAGES}/export");
    let tag = get(&app, &path, &[])
        .await
        .expect(200)
        .header("etag")
        .to_owned();
    for known in [tag.clone(), format!("\"other\", W/{tag}")] {
        let answer = get(&app, &path, &[("if-none-match", &known)])
            .await
            .expect(304);
        assert_eq!(
            (answer.text.as_str(), answer.header("etag")),
            ("", tag.as_str())
        );
    }
    get(
        &app,
        &path,
        &[("if-none-match", &tag), ("accept-language", "en")],
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn a_search_finds_the_best_first() {
    let app = TestApp::start().await;
    let found = read(&app, &format!("{PACKAGES}/search?term=L%C3%B8nn")).await;
    assert_eq!(found[0]["object"]["urn"], "urn:altinn:accesspackage:lonn");
    assert!(
        found[0]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["field"] == "name")
    );
    let scores: Vec<u64> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["score"].as_u64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.last() > Some(&0));
    get(&app, &format!("{PACKAGES}/search?term=xyzzy"), &[])
        .await
        .expect(204);
    get(&app, &format!("{PACKAGES}/search"), &[])
        .await
        .expect(400);
}

#[tokio::test]
async fn roles_and_what_they_give() {
    let app = TestApp::start().await;
    let roles = read(&app, ROLES).await;
    let leader = roles
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["code"] == "daglig-leder")
        .unwrap();
    assert_eq!(
        (&leader["isKeyRole"], &leader["provider"]["code"]),
        (&json!(true), &json!("sys-ccr"))
    );
    let id = leader["id"].as_str().unwrap();
    assert_eq!(&read(&app, &format!("{ROLES}/{id}")).await, leader);
    let given = read(
        &app,
        &format!("{ROLES}/packages?role=daglig-leder&variant=AS"),
    )
    .await;
    assert!(
        given
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["urn"] == "urn:altinn:accesspackage:lonn")
    );
    assert_eq!(
        read(&app, &format!("{ROLES}/{id}/packages?variant=as")).await,
        given
    );
    let catalogue: Value =
        serde_json::from_str(include_str!("../../data/role-packages.json")).unwrap();
    let special = catalogue["rolePackages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| !r["variant"].is_null() && r["hasAccess"] == true)
        .unwrap();
    let (role, variant, package) = (
        special["role"].as_str().unwrap(),
        special["variant"].as_str().unwrap(),
        &special["package"],
    );
    let holds = async |query: String| {
        let answer = get(&app, &format!("{ROLES}/packages?role={role}{query}"), &[]).await;
        answer.status == 200
            && answer
                .json()
                .as_array()
                .unwrap()
                .iter()
                .any(|p| p["urn"] == *package)
    };
    assert!(holds(format!("&variant={variant}")).await && !holds(String::new()).await);
    for path in [
        "packages?role=nobody",
        "packages?role=daglig-leder&variant=XYZ",
        "00000000-0000-0000-0000-000000000000",
    ] {
        get(&app, &format!("{ROLES}/{path}"), &[]).await.expect(404);
    }
    for path in ["packages", "not-a-uuid"] {
        get(&app, &format!("{ROLES}/{path}"), &[]).await.expect(400);
    }
    let forms = read(
        &app,
        "/accessmanagement/api/v1/meta/types/organization/subtypes",
    )
    .await;
    assert!(forms.as_array().unwrap().iter().any(|f| {
        f["name"] == "AS"
            && f["description"]
                .as_str()
                .is_some_and(|d| d.contains("ksjeselskap"))
    }));
}

#[tokio::test]
async fn a_package_tells_what_it_leads_to() {
    let app = TestApp::start().await;
    let package = read(&app, &format!("{PACKAGES}/package/urn/krav-og-utlegg")).await;
    let resources = package["resources"].as_array().unwrap();
    let claims = resources
        .iter()
        .find(|r| r["refId"] == "kravogbetaling")
        .unwrap();
    assert_eq!(
        (
            &claims["name"],
            &claims["provider"]["code"],
            &claims["type"]["name"]
        ),
        (
            &json!("Krav og betalinger"),
            &json!("sav"),
            &json!("GenericAccessResource")
        )
    );
    let id = package["id"].as_str().unwrap();
    assert_eq!(
        &read(&app, &format!("{PACKAGES}/package/{id}/resources")).await,
        &package["resources"]
    );
    let english = get(
        &app,
        &format!("{PACKAGES}/package/{id}/resources"),
        &[("accept-language", "en")],
    )
    .await
    .json();
    assert!(
        english
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["name"] == "Claims and payments")
    );
    get(
        &app,
        &format!("{PACKAGES}/package/00000000-0000-0000-0000-000000000000/resources"),
        &[],
    )
    .await
    .expect(404);
}
