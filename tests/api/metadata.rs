//! The catalogue of packages and roles, as every caller reads it.

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
            (&group["name"], &json!([]))
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
    assert!(alone["resources"].take().is_array());
    assert_eq!(alone["area"], packages[0]["area"]);
    assert_eq!(alone["description"], packages[0]["description"]);
}

#[tokio::test]
async fn an_area_may_have_no_package() {
    let app = TestApp::start().await;
    let groups = read(&app, &format!("{PACKAGES}/export")).await;
    let mut areas = groups
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["areas"].as_array().unwrap());
    let empty = areas
        .find(|area| area["packages"] == json!([]))
        .expect("an area without packages");
    let path = format!("{PACKAGES}/area/{}/packages", empty["id"].as_str().unwrap());
    get(&app, &path, &[]).await.expect(204);
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
        ("en-GB;q=0.8, nn", "en", "Agriculture"),
        // Only the first entry counts.
        ("de, en-GB;q=0.8", "nb", "Jordbruk"),
        ("nno", "nn", "Jordbruk"),
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
    let scores: Vec<f64> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["score"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.last() > Some(&0.0));
    get(&app, &format!("{PACKAGES}/search?term=xyzzy"), &[])
        .await
        .expect(204);
}

/// Package URNs that a search finds.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let answer = get(app, &format!("{PACKAGES}/search?{query}"), &[]).await;
    if answer.status == 204 {
        return Vec::new();
    }
    let list = answer.expect(200).list();
    let urn = |f: &Value| f["object"]["urn"].as_str().unwrap().to_owned();
    list.iter().map(urn).collect()
}

#[rstest::rstest]
#[case("")]
#[case("term=")]
#[case("term=%20")]
#[tokio::test]
async fn without_a_term_every_package_is_found(#[case] query: &str) {
    let app = TestApp::start().await;
    let all = get(&app, &format!("{PACKAGES}/search?{query}"), &[])
        .await
        .expect(200)
        .list();
    assert_eq!(all.len(), 223);
    assert_eq!(
        (&all[0]["score"], &all[0]["fields"]),
        (&json!(0.0), &json!([]))
    );
}

#[tokio::test]
async fn a_search_is_narrowed_by_kind_of_party() {
    let app = TestApp::start().await;
    let (all, persons) = (found(&app, "").await, found(&app, "typeName=PERSON").await);
    let organizations = found(&app, "typeName=organisasjon").await;
    assert!(!persons.is_empty() && persons.len() + organizations.len() == all.len());
    assert_eq!(found(&app, "typeName=organization").await, organizations);
    let unknown = get(&app, &format!("{PACKAGES}/search?typeName=x"), &[]).await;
    assert_eq!(
        unknown.problem()["detail"],
        "Type 'x' not found. Try organization, organisasjon or person"
    );
}

#[tokio::test]
async fn a_search_has_twenty_words() {
    let app = TestApp::start().await;
    let term = |words: usize| format!("{PACKAGES}/search?term={}", vec!["a"; words].join("+"));
    get(&app, &term(20), &[]).await.expect(200);
    for suffix in ["", "&simpleSearch=false"] {
        let long = get(&app, &(term(3_900) + suffix), &[]).await.expect(400);
        assert_eq!(
            long.problem()["detail"],
            "Term is too long. It may have 20 words and 256 characters"
        );
    }
}

#[tokio::test]
async fn a_search_is_narrowed_by_service_owner() {
    let app = TestApp::start().await;
    let of_sav = found(&app, "resourceProviderCode=SAV").await;
    assert!(!of_sav.is_empty() && of_sav.len() < 223);
    assert_eq!(
        found(&app, "resourceProviderCode=zzz").await,
        Vec::<String>::new()
    );
    let both = found(&app, "resourceProviderCode=zzz&resourceProviderCode=sav").await;
    assert_eq!(both, of_sav);
    let list = get(
        &app,
        &format!("{PACKAGES}/search?resourceProviderCode=sav"),
        &[],
    )
    .await
    .list();
    let owners = list
        .iter()
        .flat_map(|f| f["object"]["resources"].as_array().unwrap().clone());
    assert!(owners.into_iter().all(|r| r["provider"]["code"] == "sav"));
}

#[tokio::test]
async fn a_search_looks_into_resources_when_asked_to() {
    let app = TestApp::start().await;
    let term = "term=HMS-rapport&strict=true";
    assert!(
        !found(&app, term)
            .await
            .contains(&"urn:altinn:accesspackage:sikkerhet-og-internkontroll".to_owned())
    );
    let inside = found(&app, &format!("{term}&searchInResources=true")).await;
    assert!(inside.contains(&"urn:altinn:accesspackage:sikkerhet-og-internkontroll".to_owned()));
}

#[tokio::test]
async fn one_word_is_enough_unless_strict() {
    let app = TestApp::start().await;
    let one = found(&app, "term=underhold%20qqqqzzzz&strict=false").await;
    assert!(!one.is_empty());
    assert_eq!(
        found(&app, "term=underhold%20qqqqzzzz&strict=true").await,
        Vec::<String>::new()
    );
    assert_eq!(found(&app, "term=underholdnig").await, Vec::<String>::new());
    assert_eq!(
        found(&app, "term=underholdnig&simpleSearch=false").await[0],
        one[0]
    );
    let wrong = get(&app, &format!("{PACKAGES}/search?strict=maybe"), &[]).await;
    assert_eq!(wrong.error_keys(), ["strict"]);
}

#[tokio::test]
async fn answers_have_the_members_of_the_public_system() {
    let app = TestApp::start().await;
    let members = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let package = read(&app, &format!("{PACKAGES}/package/urn/krav-og-utlegg")).await;
    assert_eq!(
        members(&package),
        [
            "id",
            "name",
            "urn",
            "description",
            "isDelegable",
            "isAssignable",
            "isResourcePolicyAvailable",
            "area",
            "type",
            "resources"
        ]
    );
    assert_eq!(
        members(&package["area"]),
        [
            "id",
            "name",
            "urn",
            "description",
            "iconUrl",
            "packages",
            "group"
        ]
    );
    assert_eq!(
        (&package["area"]["packages"], &package["area"]["group"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(
        members(&package["type"]),
        ["id", "providerId", "name", "provider"]
    );
    let resource = &package["resources"][0];
    assert_eq!(
        members(resource),
        [
            "id",
            "providerId",
            "typeId",
            "name",
            "description",
            "refId",
            "provider",
            "type"
        ]
    );
    assert_eq!(
        members(&resource["provider"]),
        ["id", "name", "refId", "logoUrl", "code", "typeId", "type"]
    );
    assert_eq!(
        (&resource["providerId"], &resource["typeId"]),
        (&resource["provider"]["id"], &resource["type"]["id"])
    );
    let groups = read(&app, &format!("{PACKAGES}/group")).await;
    assert_eq!(
        members(&groups[0]),
        ["id", "name", "urn", "description", "type", "areas"]
    );
    assert!(
        groups[0]["urn"].is_null()
            && groups[0]["description"]
                .as_str()
                .is_some_and(|d| !d.is_empty())
    );
    let roles = read(&app, ROLES).await;
    assert_eq!(
        members(&roles[0]),
        [
            "id",
            "name",
            "code",
            "description",
            "isKeyRole",
            "urn",
            "legacyRoleCode",
            "legacyUrn",
            "isResourcePolicyAvailable",
            "provider"
        ]
    );
    let forms = read(
        &app,
        "/accessmanagement/api/v1/meta/types/organization/subtypes",
    )
    .await;
    assert_eq!(
        members(&forms[0]),
        ["id", "typeId", "name", "description", "type"]
    );
}

#[tokio::test]
async fn a_role_leads_to_resources() {
    let app = TestApp::start().await;
    let direct = read(
        &app,
        &format!("{ROLES}/resources?role=daglig-leder&variant=AS"),
    )
    .await;
    let with_packages = read(
        &app,
        &format!("{ROLES}/resources?role=daglig-leder&variant=AS&includePackageResources=true"),
    )
    .await;
    let ids = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|r| r["refId"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (direct, all) = (ids(&direct), ids(&with_packages));
    assert_eq!(all[..direct.len()], direct[..]);
    assert!(all.contains(&"a-melding".to_owned()) && all.len() > direct.len());
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all.len());
    let leader = read(&app, ROLES)
        .await
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["code"] == "daglig-leder")
        .unwrap()["id"]
        .clone();
    let by_id = read(
        &app,
        &format!("{ROLES}/{}/resources?variant=as", leader.as_str().unwrap()),
    )
    .await;
    assert_eq!(ids(&by_id), direct);
    let none = read(
        &app,
        &format!("{ROLES}/00000000-0000-0000-0000-000000000000/resources?variant=AS"),
    )
    .await;
    assert_eq!(none, json!([]));
    let unknown = get(&app, &format!("{ROLES}/resources?role=x&variant=y"), &[]).await;
    assert_eq!(
        (unknown.status, unknown.text.as_str()),
        (404, "Role 'x' not found")
    );
    let path = format!("{ROLES}/{}/resources?variant=y", leader.as_str().unwrap());
    let unknown = get(&app, &path, &[]).await;
    assert_eq!(
        (unknown.status, unknown.text.as_str()),
        (404, "Variant 'y' not found")
    );
    let missing = get(&app, &format!("{ROLES}/resources"), &[]).await;
    assert_eq!(missing.error_keys(), ["role", "variant"]);
}

/// The role of managing directors, as the list of roles has it.
async fn managing_director(app: &TestApp) -> Value {
    let roles = read(app, ROLES).await;
    let mut roles = roles.as_array().unwrap().iter();
    let found = roles.find(|role| role["code"] == "daglig-leder");
    found.unwrap().clone()
}

/// What the role of managing directors gives in a limited company.
async fn of_managing_director(app: &TestApp) -> Value {
    let path = format!("{ROLES}/packages?role=daglig-leder&variant=AS");
    read(app, &path).await
}

#[tokio::test]
async fn a_role_is_read_by_its_id_as_it_is_listed() {
    let app = TestApp::start().await;
    let leader = managing_director(&app).await;
    assert_eq!(
        (&leader["isKeyRole"], &leader["provider"]["code"]),
        (&json!(true), &json!("sys-ccr"))
    );
    let id = leader["id"].as_str().unwrap();
    assert_eq!(read(&app, &format!("{ROLES}/{id}")).await, json!([leader]));
}

#[tokio::test]
async fn packages_of_a_role_are_found_by_its_code_and_by_its_id() {
    let app = TestApp::start().await;
    let leader = managing_director(&app).await;
    let id = leader["id"].as_str().unwrap();
    let given = of_managing_director(&app).await;
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
}

#[tokio::test]
async fn a_package_of_one_form_of_organizations_is_given_in_that_form_alone() {
    let app = TestApp::start().await;
    let catalogue: Value =
        serde_json::from_str(include_str!("../../data/role-packages.json")).unwrap();
    let special = catalogue["rolePackages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| !r["variant"].is_null())
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
    assert!(
        holds(format!("&variant={variant}")).await && !holds("&variant=Person".to_owned()).await
    );
}

#[tokio::test]
async fn packages_of_a_role_come_with_their_resources_for_who_asks_for_them() {
    let app = TestApp::start().await;
    let given = of_managing_director(&app).await;
    let with_resources = read(
        &app,
        &format!("{ROLES}/packages?role=daglig-leder&variant=AS&includeResources=true"),
    )
    .await;
    assert!(with_resources[0]["resources"].is_array() && given[0]["resources"].is_null());
}

#[tokio::test]
async fn an_unknown_role_gives_nothing_in_a_known_form() {
    let app = TestApp::start().await;
    let none = read(
        &app,
        &format!("{ROLES}/00000000-0000-0000-0000-000000000000/packages?variant=ENK"),
    )
    .await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn packages_of_an_unknown_role_or_form_are_not_found() {
    let app = TestApp::start().await;
    for path in [
        "packages?role=unknown&variant=AS",
        "packages?role=daglig-leder&variant=XYZ",
        "00000000-0000-0000-0000-000000000000/packages?variant=XYZ",
        "00000000-0000-0000-0000-000000000000",
    ] {
        get(&app, &format!("{ROLES}/{path}"), &[]).await.expect(404);
    }
}

#[tokio::test]
async fn packages_of_a_role_are_not_asked_for_without_role_and_form() {
    let app = TestApp::start().await;
    for path in ["packages", "packages?role=daglig-leder", "not-a-uuid"] {
        get(&app, &format!("{ROLES}/{path}"), &[]).await.expect(400);
    }
}

#[tokio::test]
async fn forms_of_organizations_have_a_description() {
    let app = TestApp::start().await;
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
async fn a_package_contains_what_it_leads_to() {
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

#[test]
fn every_package_says_in_three_languages_what_it_opens() {
    let catalogue: Value =
        serde_json::from_str(include_str!("../../data/access-packages.json")).unwrap();
    let packages = catalogue["packages"].as_array().unwrap();
    for language in ["nb", "nn", "en"] {
        let mut seen = std::collections::HashSet::new();
        for package in packages {
            let text = package["description"][language].as_str().unwrap();
            assert!(
                text.contains(": e") || text.contains(": a system can "),
                "{text}"
            );
            assert!(text.len() > 60 && text.ends_with('.'), "{text}");
            assert!(seen.insert(text), "{language}: {text} is there twice");
        }
    }
}
