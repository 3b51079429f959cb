//! Packages, single rights and the catalogue, as the portal's pages about right-holders ask.

use serde_json::{Value, json};
use testkit::prelude::*;

use crate::access::of_party;

const BASE: &str = "/accessmanagement/api/v1";
const UNEXPECTED: &str = "Unexpected HttpStatus response";
const UNKNOWN: &str = "11111111-1111-4111-8111-111111111111";

/// A path on what Tindevandrer gives Sifferhjelp.
fn given(path: &str) -> String {
    let (party, to) = (TINDEVANDRER.uuid, SIFFERHJELP.uuid);
    format!("{BASE}/{path}?party={party}&from={party}&to={to}")
}

/// Makes Sifferhjelp a right-holder of Tindevandrer.
async fn connects(world: &World) {
    let path = format!(
        "{BASE}/connection/reportee/{}/rightholder?rightholderPartyUuid={}",
        TINDEVANDRER.uuid, SIFFERHJELP.uuid
    );
    world.marit().post_empty(&path).await.assert_status(200);
}

/// Id of a package.
async fn id(world: &World, package: Package) -> String {
    let path = format!("{BASE}/meta/info/accesspackages/package/urn/{}", package.0);
    let found = world.marit().get(&path).await.assert_status(200).json();
    found["id"].as_str().unwrap().to_owned()
}

/// Keys of the rights on a resource that Marit may give for Tindevandrer.
async fn keys(world: &World, resource: Resource) -> Vec<Value> {
    let path = format!(
        "{BASE}/singleright/delegationcheck?from={}&resource={}",
        TINDEVANDRER.uuid, resource.0
    );
    let checked = world.marit().get(&path).await.assert_status(200).list();
    let may = checked.iter().filter(|one| one["result"] == true);
    may.map(|one| one["right"]["key"].clone()).collect()
}

#[track_caller]
fn assert_passed(answer: &Answer, title: &str, detail: Option<&str>) {
    let problem = answer.problem();
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(problem["title"], title, "{}", answer.text);
    let found = problem.get("detail").map(|text| text.as_str().unwrap());
    assert_eq!(found, detail, "{}", answer.text);
}

#[tokio::test]
async fn a_package_is_given_listed_by_area_and_taken_back() {
    let world = World::start().await;
    connects(&world).await;
    let (marit, lonn) = (world.marit(), id(&world, LONN).await);
    let path = format!("{}&packageId={lonn}", given("accesspackage/delegations"));

    let answer = marit.post_empty(&path).await.assert_status(200).json();

    // The stored object, as JSON in a text.
    let stored: Value = serde_json::from_str(answer.as_str().unwrap()).unwrap();
    assert_eq!(stored["packageId"], lonn);
    let areas = marit.get(&given("accesspackage/delegations/")).await;
    let areas = areas.assert_status(200).json();
    let found: Vec<&Value> = areas
        .as_object()
        .unwrap()
        .values()
        .flat_map(|list| list.as_array().unwrap())
        .filter(|one| one["package"]["id"] == lonn)
        .collect();
    assert_eq!(found.len(), 1);
    let area = found[0]["package"]["areaId"].as_str().unwrap();
    assert!(areas[area].as_array().unwrap().contains(found[0]));
    let permission = &found[0]["permissions"][0];
    assert_eq!(permission["to"]["id"], SIFFERHJELP.uuid);
    assert_eq!(permission["role"]["code"], "rettighetshaver");
    assert_eq!(permission["reason"]["items"][0]["name"], "direct");
    assert_eq!(permission["reason"].get("flag"), None);
    let one = given(&format!("accesspackage/permission/{lonn}"));
    let one = marit.get(&one).await.assert_status(200).json();
    assert_eq!(one["urn"], LONN.urn());
    assert_eq!(one["isDelegable"], true);
    assert_eq!(one["permissions"], found[0]["permissions"]);
    assert!(
        one["resources"]
            .as_array()
            .unwrap()
            .iter()
            .all(|r| r["identifier"].is_string())
    );
    for _ in 0..2 {
        let taken = marit.delete(&path).await;
        taken.assert_status(200).assert_empty();
    }
    let left = marit.get(&given("accesspackage/delegations")).await.json();
    assert_eq!(left, json!({}));
}

#[tokio::test]
async fn what_is_wrong_with_packages_is_passed_on() {
    let world = World::start().await;
    let (marit, lonn) = (world.marit(), id(&world, LONN).await);
    let path = given("accesspackage/delegations");
    let title = "Unexpected exception occurred during access package delegation";
    // No connection yet.
    let refused = marit.post_empty(&format!("{path}&packageId={lonn}")).await;
    assert_passed(&refused, title, None);
    connects(&world).await;
    let main = id(&world, Package("hovedadministrator")).await;
    let refused = marit.post_empty(&format!("{path}&packageId={main}")).await;
    let problem = refused.problem();
    assert_eq!(problem["detail"], "AM.VLD-00028");
    let known = problem["title"].as_str().unwrap();
    assert!(known.starts_with("Validation error ("), "{known}");
    let refused = marit.post_empty(&format!("{path}&packageId=x")).await;
    assert!(refused.assert_status(400).problem()["errors"]["packageId"].is_array());
    let refused = marit.delete(&path).await.assert_status(400);
    assert!(refused.text.contains("PackageId is required"));
    let (party, to) = (TINDEVANDRER.uuid, SIFFERHJELP.uuid);
    let neither = format!("{BASE}/accesspackage/delegations?party={party}&from={to}&to={to}");
    let refused = marit.delete(&format!("{neither}&packageId={lonn}")).await;
    assert!(refused.assert_status(400).problem()["errors"]["party"].is_array());
    let unknown = path.replace(to, UNKNOWN);
    let refused = marit.delete(&format!("{unknown}&packageId={lonn}")).await;
    assert_passed(&refused, UNEXPECTED, Some(""));
}

#[tokio::test]
async fn a_list_of_packages_names_an_end() {
    let world = World::start().await;
    let marit = world.marit();
    let party = TINDEVANDRER.uuid;
    for path in [
        format!("{BASE}/accesspackage/delegations?party={party}"),
        format!("{BASE}/accesspackage/permission/{UNKNOWN}?party={party}"),
    ] {
        let refused = marit.get(&path).await.assert_status(400);
        assert!(refused.text.contains("'from' or 'to'"), "{}", refused.text);
    }
    let unknown = given(&format!("accesspackage/permission/{UNKNOWN}"));
    marit.get(&unknown).await.assert_status(404);
    world.oddny().get(&unknown).await.assert_forbidden();
}

#[tokio::test]
async fn who_may_not_see_access_learns_nothing_about_the_query() {
    let world = World::start().await;
    let (party, to) = (TINDEVANDRER.uuid, SIFFERHJELP.uuid);
    let oddny = world.oddny();
    for path in [
        format!("connection/rightholders?party={party}"),
        format!("accesspackage/delegations?party={party}"),
        format!("accesspackage/permission/{UNKNOWN}?party={party}"),
        "connection/rightholders".to_owned(),
    ] {
        let refused = oddny.get(&format!("{BASE}/{path}")).await;
        assert_eq!((refused.status, refused.text.as_str()), (403, ""), "{path}");
    }
    let neither = format!("{BASE}/accesspackage/delegations?party={party}&from={to}&to={to}");
    oddny.delete(&neither).await.assert_forbidden();
}

#[tokio::test]
async fn packages_are_searched_by_area() {
    let world = World::start().await;
    let search = |query: &str| format!("{BASE}/accesspackage/search?{query}");
    let marit = world.marit();
    let path = search("searchString=jordbruk&typeName=organisasjon");
    let found = marit.get(&path).await.assert_status(200).list();
    let first = &found[0];
    assert_eq!(first["typeName"], "Organisasjon");
    assert_eq!(first["accessPackages"][0]["urn"], Package("jordbruk").urn());
    assert!(first["iconUrl"].is_string() && first["id"].is_string());
    let every = marit.get(&search("")).await.assert_status(200).list();
    assert!(every.len() > found.len());
    let none = marit.get(&search("searchString=qqqqqq")).await;
    assert_eq!(none.assert_status(200).list(), Vec::<Value>::new());
    let wrong = marit.get(&search("typeName=nothing")).await;
    assert_eq!(wrong.assert_status(400).problem()["status"], 400);
}

#[tokio::test]
async fn single_rights_are_checked_given_listed_replaced_and_taken_back() {
    let world = World::start().await;
    connects(&world).await;
    let marit = world.marit();
    let keys = keys(&world, A_MELDING).await;
    assert!(keys.len() > 1, "{keys:?}");
    let named = |path: &str| format!("{}&resourceId={}", given(path), A_MELDING.0);

    let answer = marit
        .post(&named("singleright/delegate"), json!(keys))
        .await;

    answer.assert_status(200).assert_json(&json!(""));
    let list = marit.get(&given("singleright/delegation/resources")).await;
    let list = list.assert_status(200).list();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["resource"]["identifier"], A_MELDING.0);
    assert_eq!(list[0]["permissions"][0]["to"]["id"], SIFFERHJELP.uuid);
    let held = async || {
        let path = named("singleright/delegation/resources/rights");
        marit.get(&path).await.assert_status(200).json()
    };
    let rights = held().await;
    assert_eq!(rights["resource"]["refId"], A_MELDING.0);
    assert_eq!(rights["indirectRights"], json!([]));
    assert_eq!(rights["directRights"].as_array().unwrap().len(), keys.len());
    let members = rights["directRights"][0]["right"].as_object().unwrap();
    assert_eq!(members.keys().collect::<Vec<_>>(), ["key", "name"]);
    let first = json!([keys[0]]);
    let replaced = marit.put(&named("singleright/update"), first).await;
    replaced.assert_status(200).assert_json(&json!(""));
    let rights = held().await["directRights"].as_array().unwrap().clone();
    assert_eq!(rights.len(), 1);
    assert_eq!(rights[0]["right"]["key"], keys[0]);
    for _ in 0..2 {
        let taken = marit.delete(&named("singleright/revoke")).await;
        taken.assert_status(200).assert_empty();
    }
    let list = marit.get(&given("singleright/delegation/resources")).await;
    assert_eq!(list.list(), Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_wrong_with_single_rights_is_passed_on() {
    let world = World::start().await;
    let marit = world.marit();
    let unknown = |path: &str| format!("{}&resourceId=no-such-resource", given(path));
    let title = "Error returned from backend";
    for answer in [
        marit
            .post(&unknown("singleright/delegate"), json!(["x"]))
            .await,
        marit
            .put(&unknown("singleright/update"), json!(["x"]))
            .await,
    ] {
        assert_passed(&answer, title, None);
    }
    for answer in [
        marit.delete(&unknown("singleright/revoke")).await,
        marit
            .get(&unknown("singleright/delegation/resources/rights"))
            .await,
    ] {
        assert_passed(&answer, UNEXPECTED, Some(""));
    }
    for body in [json!({}), json!([1]), json!(vec!["x"; 501])] {
        let refused = marit.post(&unknown("singleright/delegate"), body).await;
        let problem = refused.assert_status(400).problem();
        assert!(problem["errors"]["actionKeys"].is_array(), "{problem}");
        let refused = marit.put(&unknown("singleright/update"), json!("x")).await;
        assert!(refused.assert_status(400).problem()["errors"].is_object());
    }
    let from = TINDEVANDRER.uuid;
    let path = format!("{BASE}/singleright/delegationcheck?from={from}&resource=no-such");
    let refused = marit.get(&path).await;
    let of_backend = "Unexpected HttpStatus response from backend";
    assert_passed(&refused, of_backend, Some(""));
    let party = format!("?party={from}&from={from}");
    let path = format!("{BASE}/singleright/delegation/resources{party}");
    let refused = marit.get(&path).await.assert_status(400);
    assert!(refused.problem()["errors"]["to"].is_array());
}

#[tokio::test]
async fn the_check_of_single_rights_has_names_and_reasons() {
    let world = World::start().await;
    let path = format!(
        "{BASE}/singleright/delegationcheck?from={}&resource={}",
        TINDEVANDRER.uuid, A_MELDING.0
    );
    let checked = world.marit().get(&path).await.assert_status(200).list();
    let members: Vec<&String> = checked[0]["right"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["key", "name"]);
    assert!(checked[0]["reasonCodes"][0].is_string());
    let rights = format!("{BASE}/singleright/rightsmeta?resource={}", A_MELDING.0);
    let rights = world.marit().get(&rights).await.assert_status(200).list();
    let rights_of = |list: &[Value]| {
        list.iter()
            .map(|one| one["right"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(rights, rights_of(&checked));
    let unknown = format!("{BASE}/singleright/rightsmeta?resource=no-such-resource");
    world.marit().get(&unknown).await.assert_status(404);
}

#[tokio::test]
async fn every_role_is_listed_in_the_language_of_the_page() {
    let world = World::start().await;
    let path = format!("{BASE}/role/meta");
    let marit = world.marit();
    let roles = marit.get(&path).await.assert_status(200).list();
    let is_director = |role: &&Value| role["code"] == "daglig-leder";
    let director = roles.iter().find(is_director).unwrap();
    assert_eq!(director["isKeyRole"], true);
    assert_eq!(director["isRevocable"], false);
    assert!(director["provider"]["code"].is_string());
    let english = marit.with_header("Cookie", "selectedLanguage=en");
    let roles = english.get(&path).await.list();
    let in_english = roles.iter().find(is_director).unwrap();
    assert_ne!(in_english["name"], director["name"]);
}

#[tokio::test]
async fn service_owners_are_listed_and_those_of_some_types_alone() {
    let world = World::start().await;
    let marit = world.marit();
    let path = format!("{BASE}/resources/resourceowners");
    let all = marit.get(&path).await.assert_status(200).list();
    let names: Vec<&str> = all
        .iter()
        .map(|owner| owner["organisationName"].as_str().unwrap())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_by_key(|name| name.to_lowercase());
    assert_eq!(names, sorted);
    let of_types = |query: &str| format!("{path}?{query}");
    let type_of = format!("{BASE}/resources?resourceId={}", A_MELDING.0);
    let resource = marit.get(&type_of).await.assert_status(200).json();
    let kind = resource["resourceType"].as_str().unwrap();
    let some = marit
        .get(&of_types(&format!("relevantResourceTypes={kind}")))
        .await;
    let some = some.assert_status(200).list();
    let code = &resource["resourceOwnerOrgcode"];
    assert_eq!(
        some.iter()
            .filter(|one| one["organisationCode"] == *code)
            .count(),
        1
    );
    let none = marit
        .get(&of_types("relevantResourceTypes=NoSuchType"))
        .await;
    assert_eq!(none.assert_status(200).list(), Vec::<Value>::new());
    let many = vec!["relevantResourceTypes=x"; 51].join("&");
    let refused = marit.get(&of_types(&many)).await.assert_status(400);
    assert!(refused.problem()["errors"]["relevantResourceTypes"].is_array());
}

#[tokio::test]
async fn a_resource_is_shown_by_its_identifier() {
    let world = World::start().await;
    let path = |id: &str| format!("{BASE}/resources?resourceId={id}");
    let marit = world.marit();
    let found = marit
        .get(&path(A_MELDING.0))
        .await
        .assert_status(200)
        .json();
    assert_eq!(found["identifier"], A_MELDING.0);
    assert!(found["title"].is_string());
    assert_eq!(found["status"], "Active");
    marit
        .get(&path("no-such-resource"))
        .await
        .assert_status(404);
    let missing = marit.get(&path("")).await.assert_status(400);
    assert!(missing.problem()["errors"]["resourceId"].is_array());
}

/// Identifiers of a page of a search, and how many resources it found.
fn identifiers(page: &Value) -> (Vec<&str>, u64) {
    let list = page["pageList"].as_array().unwrap();
    let identifiers = list.iter().map(|one| one["identifier"].as_str().unwrap());
    (
        identifiers.collect(),
        page["numEntriesTotal"].as_u64().unwrap(),
    )
}

#[tokio::test]
async fn resources_are_searched_page_by_page() {
    let world = World::start().await;
    let marit = world.marit();
    let finds = async |query: &str| {
        let path = format!("{BASE}/resources/search?{query}");
        marit.get(&path).await.assert_status(200).json()
    };
    let all = finds("Page=1&ResultsPerPage=1000").await;
    let (every, total) = identifiers(&all);
    assert_eq!(total, every.len() as u64);
    assert!(every.is_sorted() && every.contains(&A_MELDING.0));
    let second = finds("page=2&resultsPerPage=7").await;
    assert_eq!(second["page"], 2);
    assert_eq!(identifiers(&second), (every[7..14].to_vec(), total));
    let behind = finds("Page=999&ResultsPerPage=7").await;
    assert_eq!(identifiers(&behind), (vec![], total));
    // A resource whose identifier is the search itself comes first.
    let named = finds("Page=1&ResultsPerPage=7&SearchString=%20A-MELDING%20").await;
    assert_eq!(identifiers(&named).0[0], A_MELDING.0);
    let both = "Page=1&ResultsPerPage=1000&SearchString=merverdiavgift+a-melding";
    let both = finds(both).await;
    let found = identifiers(&both).0;
    assert!(
        found.contains(&"mva-melding") && found.contains(&A_MELDING.0),
        "{found:?}"
    );
    let none = finds("Page=1&ResultsPerPage=7&SearchString=qqqq").await;
    assert_eq!(identifiers(&none), (vec![], 0));
    // In the language of the page alone.
    let english = world.marit().with_header("Cookie", "selectedLanguage=en");
    let path =
        format!("{BASE}/resources/search?Page=1&ResultsPerPage=1000&SearchString=merverdiavgift");
    let in_english = english.get(&path).await.assert_status(200).json();
    assert!(!identifiers(&in_english).0.contains(&"mva-melding"));
    let owned = finds("Page=1&ResultsPerPage=1000&ROFilters=SAV&ROFilters=fok").await;
    let owners: Vec<&str> = owned["pageList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["resourceOwnerOrgcode"].as_str().unwrap())
        .collect();
    assert!(owners.contains(&"sav") && owners.contains(&"fok"));
    assert!(
        owners.iter().all(|owner| ["sav", "fok"].contains(owner)),
        "{owners:?}"
    );
}

#[tokio::test]
async fn a_search_leaves_out_what_people_are_not_given() {
    let world = World::start().await;
    let marit = world.marit();
    let kinds = async |more: &str| {
        let path = format!("{BASE}/resources/search?Page=1&ResultsPerPage=1000{more}");
        let page = marit.get(&path).await.assert_status(200).json();
        let list = page["pageList"].as_array().unwrap().clone();
        let has = |member: &str, value: &str| list.iter().any(|one| one[member] == value);
        [
            has("resourceType", "Systemresource"),
            has("resourceType", "MaskinportenSchema"),
            has("resourceType", "Altinn2Service"),
            has("status", "Deprecated"),
        ]
    };
    assert_eq!(
        kinds("&IncludeExpired=true").await,
        [false, false, true, true]
    );
    assert_eq!(kinds("").await, [false; 4]);
    assert_eq!(
        kinds("&IncludeExpired=true&IncludeA2Services=false").await,
        [false; 4]
    );
}

#[tokio::test]
async fn a_search_that_cannot_be_read_is_refused() {
    let world = World::start().await;
    let marit = world.marit();
    let words = format!("SearchString={}", vec!["x"; 51].join("+"));
    let owners = vec!["ROFilters=x"; 501].join("&");
    for (query, name) in [
        ("ResultsPerPage=7".to_owned(), "Page"),
        ("Page=0&ResultsPerPage=7".to_owned(), "Page"),
        ("Page=x&ResultsPerPage=7".to_owned(), "Page"),
        ("Page=1".to_owned(), "ResultsPerPage"),
        ("Page=1&ResultsPerPage=1001".to_owned(), "ResultsPerPage"),
        (format!("Page=1&ResultsPerPage=7&{words}"), "SearchString"),
        (format!("Page=1&ResultsPerPage=7&{owners}"), "ROFilters"),
    ] {
        let path = format!("{BASE}/resources/search?{query}");
        let refused = marit.get(&path).await.assert_status(400);
        assert!(refused.problem()["errors"][name].is_array(), "{query}");
    }
    let flag = format!("{BASE}/resources/search?Page=1&ResultsPerPage=7&IncludeExpired=maybe");
    marit.get(&flag).await.assert_status(400);
    let search = format!("{BASE}/resources/search?Page=1&ResultsPerPage=7");
    let scoped = marit.with_scopes("altinn:clientdelegations.read");
    scoped.get(&search).await.assert_forbidden();
}

#[tokio::test]
async fn the_party_itself_shows_what_others_gave_it() {
    let world = World::start().await;
    connects(&world).await;
    let olav = world.olav();
    let party = SIFFERHJELP.uuid;
    let list = format!("{BASE}/connection/rightholders?party={party}&to={party}");
    let list = olav.get(&list).await.assert_status(200).list();
    assert!(of_party(&list, "party", TINDEVANDRER.uuid).is_some());
    let packages = format!("{BASE}/accesspackage/delegations?party={party}&to={party}");
    let packages = olav.get(&packages).await.assert_status(200).json();
    assert!(packages.is_object());
}
