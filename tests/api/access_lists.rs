//! Access lists by API: who may write which, what conditions do, and what they mean for decisions.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{
    answer::Answer,
    app::TestApp,
    caller::Caller,
    facts::decision_request,
    organizations::{AYE, KERAMIKK, NATTERGAL, Organization, SAV, TINDEVANDRER},
    people::ODDNY,
    prelude::World,
};

use crate::{
    resources::{policy, upload},
    support::{ByHand as _, who},
};

const LISTS: &str = "/resourceregistry/api/v1/access-lists";
const WRITE: &str = "altinn:resourceregistry/accesslist.write";
const READ: &str = "altinn:resourceregistry/accesslist.read";
const PDP_READ: &str = "altinn:resourceregistry/pdp:accesslist.read";
const ADMIN: &str = "altinn:resourceregistry/resource.admin";
/// The list of the universe, connected to `saft-innsyn`.
const APPROVED: &str = "godkjente-innsendere";

fn sav(world: &World) -> Caller<'_> {
    Caller::organization(&world.app, SAV, WRITE)
}

fn path(owner: &str, identifier: &str) -> String {
    format!("{LISTS}/{owner}/{identifier}")
}

fn named(name: &str) -> Value {
    json!({"name": name, "description": "En liste."})
}

fn urn(organization: Organization) -> String {
    format!(
        "urn:altinn:organization:identifier-no:{}",
        organization.number
    )
}

fn members(organizations: &[Organization]) -> Value {
    let urns: Vec<String> = organizations.iter().map(|o| urn(*o)).collect();
    json!({"data": urns})
}

fn numbers(page: &Answer) -> Vec<String> {
    let data = page.json()["data"].as_array().unwrap().clone();
    data.iter()
        .map(|member| {
            member["identifiers"]["urn:altinn:organization:identifier-no"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// What the decision point says to a person about `saft-innsyn`.
async fn decision(app: &TestApp, subject: &str, action: &str, party: Organization) -> String {
    let owner = Caller::organization(app, SAV, "altinn:authorization/authorize");
    let question = decision_request(
        ("urn:altinn:person:identifier-no", subject),
        action,
        "saft-innsyn",
        ("urn:altinn:organization:identifier-no", party.number),
    );
    let answer = owner
        .post("/authorization/api/v1/authorize", question)
        .await;
    answer.json()["response"][0]["decision"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_list_is_made_once_and_renamed() {
    let world = World::start().await;
    let sav = sav(&world);
    let made = sav.put(&path("SAV", "ny"), named("Ny")).await;
    assert_eq!(made.status, 200);
    assert_eq!(made.json()["urn"], "urn:altinn:access-list:sav:ny");
    assert!(made.json().get("resourceConnections").is_none());
    let again = sav.put(&path("sav", "ny"), named("Ny")).await;
    assert_eq!(again.header("etag"), made.header("etag"));
    let renamed = sav.put(&path("sav", "ny"), named("Nyere")).await;
    assert_ne!(renamed.header("etag"), made.header("etag"));
    assert_eq!(renamed.json()["name"], "Nyere");
    assert_eq!(renamed.json()["createdAt"], made.json()["createdAt"]);
}

#[tokio::test]
async fn members_and_connections_are_changed_at_the_version_that_is_named() {
    let world = World::start().await;
    sav(&world)
        .put(&path("sav", "ny"), named("Ny"))
        .await
        .assert_status(200);
    let members_path = path("sav", "ny") + "/members";
    let connection = path("sav", "ny") + "/resource-connections/saft-innsyn";
    // Version 12.
    let stale = sav(&world).with_header("if-match", "W/\"eyJ2ZXJzaW9uIjoiMTIifQ\"");
    let nattergal = || members(&[NATTERGAL]);
    let filters = json!({"actionFilters": []});
    for answer in [
        stale.put(&members_path, nattergal()).await,
        stale.post(&members_path, nattergal()).await,
        stale.delete_named(&members_path, nattergal()).await,
        stale.put(&connection, filters).await,
        stale.delete(&connection).await,
    ] {
        assert_eq!(answer.status, 412, "{answer:?}");
    }
}

#[tokio::test]
async fn a_write_asks_for_the_version_it_names() {
    let world = World::start().await;
    let sav = || sav(&world);
    let list = path("sav", "ny");
    let none = "*";
    sav()
        .with_header("if-match", none)
        .put(&list, named("Ny"))
        .await
        .assert_status(412);
    sav()
        .with_header("if-none-match", none)
        .put(&list, named("Ny"))
        .await
        .assert_status(200);
    sav()
        .with_header("if-none-match", none)
        .put(&list, named("Ny"))
        .await
        .assert_status(412);
    let first = sav().get(&list).await.header("etag").to_owned();
    sav()
        .with_header("if-match", &first)
        .put(&list, named("B"))
        .await
        .assert_status(200);
    let stale = sav()
        .with_header("if-match", &first)
        .put(&list, named("C"))
        .await;
    assert_eq!(
        (stale.status, &stale.problem()["title"]),
        (412, &json!("Precondition Failed"))
    );
    let strong = first.trim_start_matches("W/").to_owned();
    let refused = sav()
        .with_header("if-match", &strong)
        .put(&list, named("C"))
        .await;
    assert_eq!(refused.error_keys(), ["conditions"]);
    let deleted = sav().with_header("if-match", &first).delete(&list).await;
    deleted.assert_status(412);
    assert_eq!(sav().get(&list).await.json()["name"], "B");
}

#[tokio::test]
async fn a_reader_that_has_the_version_gets_no_body() {
    let world = World::start().await;
    let sav = || sav(&world);
    for address in ["", "/members", "/resource-connections"] {
        let address = format!("{}{address}", path("sav", APPROVED));
        let shown = sav().get(&address).await;
        assert_eq!(shown.status, 200);
        let (tag, date) = (shown.header("etag"), shown.header("last-modified"));
        let again = sav().with_header("if-none-match", tag).get(&address).await;
        assert_eq!(
            (again.status, again.text.as_str(), again.header("etag")),
            (304, "", tag)
        );
        let since = sav()
            .with_header("if-modified-since", date)
            .get(&address)
            .await;
        assert_eq!((since.status, since.header("last-modified")), (304, date));
        let other = sav().with_header("if-match", "W/\"eyJ2ZXJzaW9uIjoiOTkifQ\"");
        other.get(&address).await.assert_status(412);
    }
    let strong = sav().with_header("if-none-match", "\"x\"");
    let refused = strong
        .get(&format!("{}/members", path("sav", APPROVED)))
        .await;
    assert_eq!(refused.error_keys(), ["requestConditions"]);
}

#[tokio::test]
async fn of_three_writers_with_one_tag_one_wins() {
    let world = World::start().await;
    let list = path("sav", APPROVED);
    let tag = sav(&world).get(&list).await.header("etag").to_owned();
    let writers = ["A", "B", "C"].map(async |name| {
        let caller = sav(&world).with_header("if-match", &tag);
        caller.put(&list, named(name)).await.status
    });
    let held = world.app.hold_writes("access_list").await;

    let mut statuses = held.race(writers).await;

    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412]);
}

#[tokio::test]
async fn writers_of_one_list_without_conditions_follow_one_another() {
    let world = World::start().await;
    let list = path("sav", "ny");
    let writers =
        ["A", "B", "C", "D"].map(async |name| sav(&world).put(&list, named(name)).await.status);
    let held = world.app.hold_writes("access_list").await;

    let statuses = held.race(writers).await;

    assert_eq!(statuses, [200; 4]);
}

#[rstest::rstest]
#[case::foreign(AYE, WRITE, "sav", 403)]
#[case::foreign_reader(AYE, READ, "sav", 403)]
#[case::of_an_unknown_owner(SAV, WRITE, "unknown", 403)]
#[case::own(SAV, READ, "Sav", 200)]
#[case::admin(AYE, ADMIN, "sav", 200)]
#[case::decision_point(AYE, PDP_READ, "sav", 200)]
#[case::no_scope(SAV, "altinn:resourceregistry/resource.write", "sav", 403)]
#[tokio::test]
async fn lists_are_read_by_their_owner(
    #[case] caller: Organization,
    #[case] scope: &str,
    #[case] owner: &str,
    #[case] status: u16,
) {
    let world = World::start().await;
    let answer = Caller::organization(&world.app, caller, scope)
        .get(&path(owner, APPROVED))
        .await;
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.text.is_empty(), status == 403);
}

#[tokio::test]
async fn reading_scopes_write_nothing() {
    let world = World::start().await;
    for (caller, scope) in [(SAV, READ), (AYE, PDP_READ)] {
        let caller = Caller::organization(&world.app, caller, scope);
        caller
            .put(&path("sav", "ny"), named("x"))
            .await
            .assert_status(403);
    }
    let both = Caller::organization(&world.app, AYE, &format!("{PDP_READ} {WRITE}"));
    both.get(&path("sav", APPROVED)).await.assert_status(200);
    both.put(&path("sav", "ny"), named("x"))
        .await
        .assert_status(403);
    Caller::anonymous(&world.app)
        .put(&path("unknown", "ny"), json!([]))
        .await
        .assert_status(401);
}

#[tokio::test]
async fn an_owner_must_be_registered() {
    let world = World::start().await;
    let admin = Caller::organization(&world.app, AYE, ADMIN);
    for owner in ["unknown", SAV.number] {
        let refused = admin.put(&path(owner, "ny"), json!([])).await;
        let errors = refused.validation_errors();
        assert_eq!(errors[0]["code"], "RR.VLD-00010");
        assert_eq!(errors[0]["paths"], json!(["/$PATH/owner"]));
    }
}

#[rstest::rstest]
#[case(json!({"description": "x"}), "Name")]
#[case(json!({"name": null}), "Name")]
#[case(json!({"name": "x".repeat(201)}), "Name")]
#[case(json!({"name": "a\u{202e}b"}), "Name")]
#[case(json!({"name": "x", "description": "y".repeat(2001)}), "Description")]
#[case(json!({"name": 7}), "$.name")]
#[case(json!([]), "$")]
#[tokio::test]
async fn a_list_that_cannot_be_named_so_is_refused(#[case] body: Value, #[case] key: &str) {
    let world = World::start().await;
    let refused = sav(&world).put(&path("sav", "ny"), body).await;
    assert_eq!(refused.error_keys()[0], key);
}

#[tokio::test]
async fn the_name_may_be_empty_and_the_description_left_out() {
    let world = World::start().await;
    let made = sav(&world)
        .put(&path("sav", "ny"), json!({"name": ""}))
        .await;
    assert_eq!(
        (
            made.json()["name"].clone(),
            made.json()["description"].clone()
        ),
        (json!(""), json!(""))
    );
}

#[tokio::test]
async fn json_patch_is_not_built() {
    let world = World::start().await;
    let answer = sav(&world).patch(&path("sav", APPROVED), json!([])).await;
    assert_eq!(
        (answer.status, &answer.problem()["title"]),
        (501, &json!("Not Implemented"))
    );
}

#[tokio::test]
async fn a_deleted_list_is_shown_once_more() {
    let world = World::start().await;
    let sav = sav(&world);
    let deleted = sav.delete(&path("sav", APPROVED)).await;
    assert_eq!(deleted.status, 200);
    assert_eq!(deleted.json()["identifier"], APPROVED);
    sav.delete(&path("sav", APPROVED)).await.assert_status(204);
    sav.get(&path("sav", APPROVED)).await.assert_status(404);
    sav.get(&format!("{}/members", path("sav", APPROVED)))
        .await
        .assert_status(404);
    let conditional = sav.with_header("if-match", "*");
    conditional
        .delete(&path("sav", APPROVED))
        .await
        .assert_status(204);
}

#[tokio::test]
async fn lists_come_in_pages_with_the_connection_asked_for() {
    let world = World::with(&[("accesslists.page_size", "2")]).await;
    let sav = sav(&world);
    for identifier in ["a", "b", "z"] {
        sav.put(&path("sav", identifier), named("x"))
            .await
            .assert_status(200);
    }
    let address = format!("{LISTS}/sav?include=resource-actions&resource=saft-innsyn");
    let first = sav.get(&address).await;
    assert_eq!(first.json()["data"][0]["identifier"], "a");
    assert_eq!(first.json()["data"][0]["resourceConnections"], json!([]));
    let next = world
        .app
        .path_of(first.json()["links"]["next"].as_str().unwrap());
    let second = sav.get(&next).await;
    let list = &second.json()["data"][0];
    assert_eq!(
        (
            &list["identifier"],
            &list["resourceConnections"][0]["resourceIdentifier"]
        ),
        (&json!(APPROVED), &json!("saft-innsyn"))
    );
    assert_eq!(second.json()["links"], json!({}));
    let plain = sav.get(&format!("{LISTS}/sav")).await;
    assert!(plain.json()["data"][0].get("resourceConnections").is_none());
    let none = Caller::organization(&world.app, AYE, WRITE)
        .get(&format!("{LISTS}/aye"))
        .await;
    assert_eq!(none.json(), json!({"links": {}, "data": []}));
}

#[tokio::test]
async fn what_lists_include_is_checked() {
    let world = World::start().await;
    let sav = sav(&world);
    let needed = sav
        .get(&format!("{LISTS}/sav?include=resources"))
        .await
        .validation_errors();
    assert_eq!(needed[0]["code"], "RR.VLD-00002");
    assert_eq!(
        needed[0]["paths"],
        json!(["/$QUERY/include", "/$QUERY/resource"])
    );
    let members = sav
        .get(&format!("{LISTS}/sav?include=members,resources"))
        .await;
    assert_eq!(
        (members.status, members.code()),
        (501, "RR-00000".to_owned())
    );
    let unknown = sav.get(&format!("{LISTS}/sav?include=Resources")).await;
    assert_eq!(
        unknown.problem()["errors"]["include"],
        json!(["Invalid value: 'Resources'"])
    );
    let token = sav.get(&format!("{LISTS}/sav?token=!")).await;
    assert_eq!(token.error_keys(), ["token"]);
    let whole = sav
        .get(&format!(
            "{}?include=resources&include=members",
            path("sav", APPROVED)
        ))
        .await;
    assert_eq!(
        whole.json()["resourceConnections"][0]["resourceIdentifier"],
        "saft-innsyn"
    );
}

#[tokio::test]
async fn members_are_replaced_added_and_removed() {
    let world = World::start().await;
    let sav = sav(&world);
    let address = format!("{}/members", path("sav", APPROVED));
    let before = sav.get(&address).await;
    let added = sav
        .post(&address, members(&[KERAMIKK, KERAMIKK, NATTERGAL]))
        .await;
    assert_eq!(numbers(&added).len(), 3);
    assert_ne!(added.header("etag"), before.header("etag"));
    let again = sav.post(&address, members(&[KERAMIKK])).await;
    assert_eq!(again.header("etag"), added.header("etag"));
    let removed = sav.delete_named(&address, members(&[KERAMIKK, AYE])).await;
    assert_eq!(numbers(&removed), numbers(&before));
    let replaced = sav.put(&address, members(&[NATTERGAL])).await;
    assert_eq!(numbers(&replaced), [NATTERGAL.number]);
    let since = |page: &Answer| {
        let data = page.json()["data"].as_array().unwrap().clone();
        let own = data
            .iter()
            .find(|m| m["identifiers"]["urn:altinn:party:id"] == NATTERGAL.party);
        own.unwrap()["since"].clone()
    };
    assert_eq!(since(&replaced), since(&before));
    let emptied = sav.put(&address, json!({"data": []})).await;
    assert_eq!(emptied.json()["data"], json!([]));
    sav.delete_named(&address, members(&[NATTERGAL]))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_member_is_named_by_number_id_or_uuid() {
    let world = World::start().await;
    let sav = sav(&world);
    let address = format!("{}/members", path("sav", "ny"));
    sav.put(&path("sav", "ny"), named("Ny"))
        .await
        .assert_status(200);
    let body = json!({"data": [urn(NATTERGAL), format!("urn:altinn:party:id:{}", TINDEVANDRER.party),
        format!("urn:altinn:party:uuid:{}", ODDNY.uuid)]});
    let page = sav.post(&address, body).await;
    assert_eq!(page.status, 200);
    let data = page.json()["data"].as_array().unwrap().clone();
    assert_eq!(data.len(), 3);
    let person = data
        .iter()
        .find(|m| m["id"] == format!("urn:altinn:party:uuid:{}", ODDNY.uuid))
        .unwrap();
    assert!(
        person["identifiers"]
            .get("urn:altinn:organization:identifier-no")
            .is_none()
    );
    assert!(!page.text.contains(ODDNY.pid));
}

#[tokio::test]
async fn a_call_names_at_most_a_hundred_members() {
    let world = World::start().await;
    let sav = sav(&world);
    let address = format!("{}/members", path("sav", APPROVED));
    let many = json!({"data": vec![urn(NATTERGAL); 101]});
    for (answer, code) in [
        (sav.put(&address, many.clone()).await, "RR.VLD-00000"),
        (sav.post(&address, many.clone()).await, "RR.VLD-00001"),
        (sav.delete_named(&address, many).await, "RR.VLD-00001"),
    ] {
        let errors = answer.validation_errors();
        assert_eq!(
            (&errors[0]["code"], &errors[0]["paths"]),
            (&json!(code), &json!(["/data"]))
        );
    }
}

#[tokio::test]
async fn one_unknown_party_changes_nothing() {
    let world = World::start().await;
    let sav = sav(&world);
    let address = format!("{}/members", path("sav", APPROVED));
    let before = sav.get(&address).await;
    let body = json!({"data": [urn(KERAMIKK), "urn:altinn:party:id:1"]});
    let refused = sav.post(&address, body).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "RR-00001".to_owned())
    );
    let after = sav.get(&address).await;
    assert_eq!(
        (after.header("etag"), after.text.clone()),
        (before.header("etag"), before.text.clone())
    );
}

#[rstest::rstest]
#[case(json!([]), "$")]
#[case(json!({}), "$")]
#[case(json!({"data": [], "more": 1}), "$")]
#[case(json!({"more": 1, "data": []}), "$")]
#[case(json!({"data": [null]}), "$.data[0]")]
#[case(json!({"data": ["urn:altinn:party:id:1", "urn:altinn:person:identifier-no:11859024884"]}), "$.data[1]")]
#[tokio::test]
async fn a_body_that_names_no_members_is_refused(#[case] body: Value, #[case] key: &str) {
    let world = World::start().await;
    let refused = sav(&world)
        .post(&format!("{}/members", path("sav", APPROVED)), body)
        .await;
    let mut keys = refused.error_keys();
    keys.sort();
    let mut expected = [key.to_owned(), "members".to_owned()];
    expected.sort();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn bodies_are_json_and_small() {
    let world = World::start().await;
    let token = sav(&world).token().await.unwrap();
    let address = format!("{}/members", path("sav", APPROVED));
    let send = async |kind: &str, body: String| {
        let request = world
            .app
            .http
            .request(Method::POST, format!("{}{address}", world.app.base));
        let request = request
            .bearer_auth(&token)
            .header("content-type", kind)
            .body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("text/plain", "{\"data\":[]}".to_owned()).await, 415);
    let padded = format!("{{\"data\":[]{}}}", " ".repeat(70 * 1024));
    assert_eq!(send("application/json", padded).await, 413);
}

#[tokio::test]
async fn members_come_in_pages_of_one_version() {
    let world = World::with(&[("accesslists.large_page_size", "1")]).await;
    let sav = sav(&world);
    let address = format!("{}/members", path("sav", APPROVED));
    let first = sav.get(&address).await;
    let next = world
        .app
        .path_of(first.json()["links"]["next"].as_str().unwrap());
    let second = sav.get(&next).await;
    let mut all = [numbers(&first), numbers(&second)].concat();
    all.sort();
    assert_eq!(all, [NATTERGAL.number, TINDEVANDRER.number]);
    assert_eq!(second.json()["links"], json!({}));
    sav.post(&address, members(&[KERAMIKK]))
        .await
        .assert_status(200);
    sav.get(&next).await.assert_status(412);
}

#[tokio::test]
async fn a_connection_has_a_set_of_actions() {
    let world = World::start().await;
    let sav = sav(&world);
    sav.put(&path("sav", "ny"), named("Ny"))
        .await
        .assert_status(200);
    let address = format!("{}/resource-connections/saft-innsyn", path("sav", "ny"));
    let made = sav
        .put(
            &address,
            json!({"actionFilters": ["write", "read", "read"]}),
        )
        .await;
    assert_eq!(made.json()["actionFilters"], json!(["read", "write"]));
    let same = sav
        .put(&address, json!({"actionFilters": ["read", "write"]}))
        .await;
    assert_eq!(
        (same.header("etag"), same.text.clone()),
        (made.header("etag"), made.text.clone())
    );
    let open = sav.put(&address, json!({"actionFilters": null})).await;
    assert!(open.json().get("actionFilters").is_none());
    assert_eq!(open.json()["createdAt"], made.json()["createdAt"]);
    assert_ne!(open.header("etag"), made.header("etag"));
    let listed = sav
        .get(&format!("{}/resource-connections", path("sav", "ny")))
        .await;
    assert_eq!(listed.json()["data"], json!([open.json()]));
    let ended = sav.delete(&address).await;
    assert_eq!(ended.json()["resourceIdentifier"], "saft-innsyn");
    sav.delete(&address).await.assert_status(204);
    let none = format!("{}/resource-connections/saft-innsyn", path("sav", "none"));
    sav.delete(&none).await.assert_status(404);
    sav.put(&none, json!({})).await.assert_status(404);
    let wrong = sav.put(&address, json!({"actionFilters": [7]})).await;
    assert_eq!(wrong.error_keys()[0], "$.actionFilters[0]");
}

#[tokio::test]
async fn connections_come_in_pages() {
    let world = World::with(&[("accesslists.large_page_size", "1")]).await;
    let sav = sav(&world);
    let of_list = format!("{}/resource-connections", path("sav", APPROVED));
    sav.put(&format!("{of_list}/a-melding"), json!({}))
        .await
        .assert_status(200);
    let first = sav.get(&of_list).await;
    assert_eq!(first.json()["data"][0]["resourceIdentifier"], "a-melding");
    let next = world
        .app
        .path_of(first.json()["links"]["next"].as_str().unwrap());
    let second = sav.get(&next).await;
    assert_eq!(
        second.json()["data"][0]["resourceIdentifier"],
        "saft-innsyn"
    );
    assert_eq!(second.json()["links"], json!({}));
}

#[tokio::test]
async fn a_list_is_connected_to_resources_of_its_owner_alone() {
    let world = World::start().await;
    let sav = sav(&world);
    let to = |resource: &str| format!("{}/resource-connections/{resource}", path("sav", APPROVED));
    let foreign = sav.put(&to("inntektsmelding"), json!({})).await;
    assert_eq!(
        (foreign.status, foreign.code()),
        (403, "RR-00004".to_owned())
    );
    let unknown = sav.put(&to("no-such-resource"), json!({})).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (400, "RR-00002".to_owned())
    );
}

#[tokio::test]
async fn the_platform_asks_what_lists_open_to_a_party() {
    let world = World::start().await;
    let app = &world.app;
    let platform = app
        .token("GetPlatformAccessToken", &[("app", "test")])
        .await;
    let platform = Caller::anonymous(app).with_header("platformaccesstoken", &platform);
    let question = |query: &str| format!("{LISTS}/memberships?{query}");
    let party = urn(NATTERGAL);
    let all = platform.get(&question(&format!("party={party}"))).await;
    let first = &all.json()["data"][0];
    assert_eq!(first["resource"], "urn:altinn:resource:saft-innsyn");
    assert!(first.get("actionFilters").is_none() && all.json().get("links").is_none());
    let one = platform
        .get(&question(&format!(
            "party={party}&resource=urn:altinn:resource:a-melding"
        )))
        .await;
    assert_eq!(one.json(), json!({"data": []}));
    let stranger = platform
        .get(&question(&format!(
            "party=urn:altinn:party:uuid:{}",
            uuid::Uuid::new_v4()
        )))
        .await;
    assert_eq!(stranger.json(), json!({"data": []}));
    let unknown = platform.get(&question("party=urn:altinn:party:id:1")).await;
    assert_eq!(unknown.code(), "RR-00001");
    for (query, codes) in [
        ("", vec!["RR.VLD-00003"]),
        ("party=x", vec!["RR.VLD-00004", "RR.VLD-00003"]),
        (
            "party=urn:altinn:party:id:1,urn:altinn:party:id:1",
            vec!["RR.VLD-00006"],
        ),
        (
            "party=urn:altinn:party:id:1&resource=x&resource=urn:altinn:resource:a,urn:altinn:resource:b",
            vec!["RR.VLD-00005", "RR.VLD-00007"],
        ),
    ] {
        assert_eq!(
            platform.get(&question(query)).await.validation_codes(),
            codes,
            "{query}"
        );
    }
    let admin = Caller::organization(app, AYE, ADMIN);
    admin
        .get(&question(&format!("party={party}")))
        .await
        .assert_status(200);
    sav(&world)
        .get(&question(&format!("party={party}")))
        .await
        .assert_status(403);
}

#[tokio::test]
async fn the_platform_asks_which_lists_a_party_is_on() {
    let world = World::start().await;
    let app = &world.app;
    let platform = app
        .token("GetPlatformAccessToken", &[("app", "test")])
        .await;
    let platform = Caller::anonymous(app).with_header("platformaccesstoken", &platform);
    let question = |party: &str| format!("{LISTS}/get-by-member?party={party}");
    let lists = platform
        .get(&question(&format!(
            "urn:altinn:party:uuid:{}",
            NATTERGAL.uuid
        )))
        .await
        .list();
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0]["identifier"], APPROVED);
    let none = platform
        .get(&question(&format!("urn:altinn:party:uuid:{}", ODDNY.uuid)))
        .await;
    assert_eq!(none.json(), json!([]));
    let wrong = platform.get(&question(&urn(NATTERGAL))).await;
    assert_eq!(wrong.error_keys(), ["party"]);
    let admin = Caller::organization(app, AYE, ADMIN);
    admin.get(&question("x")).await.assert_status(403);
    Caller::anonymous(app)
        .get(&question("x"))
        .await
        .assert_status(401);
}

#[tokio::test]
async fn a_member_that_is_removed_is_decided_about_no_more() {
    let world = World::start().await;
    let app = &world.app;
    let person = "14827723674";
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Permit");
    let address = format!("{}/members", path("sav", APPROVED));
    let removed = sav(&world)
        .delete_named(&address, members(&[TINDEVANDRER]))
        .await;
    assert!(!removed.header("systembruker-position").is_empty());
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Deny");
    sav(&world)
        .post(&address, members(&[TINDEVANDRER]))
        .await
        .assert_status(200);
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Permit");
    sav(&world)
        .delete(&path("sav", APPROVED))
        .await
        .assert_status(200);
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Deny");
}

#[tokio::test]
async fn a_connection_opens_the_actions_that_it_names() {
    let world = World::start().await;
    let app = &world.app;
    let person = "14827723674";
    let to = format!("{}/resource-connections/saft-innsyn", path("sav", APPROVED));
    sav(&world)
        .put(&to, json!({"actionFilters": ["write"]}))
        .await
        .assert_status(200);
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Deny");
    sav(&world)
        .put(&to, json!({"actionFilters": ["Read"]}))
        .await
        .assert_status(200);
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Deny");
    sav(&world)
        .put(&to, json!({"actionFilters": ["read"]}))
        .await
        .assert_status(200);
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Permit");
    sav(&world).delete(&to).await.assert_status(200);
    assert_eq!(decision(app, person, "read", TINDEVANDRER).await, "Deny");
}

#[tokio::test]
async fn a_deleted_resource_is_connected_to_no_list() {
    let world = World::start().await;
    let owner = Caller::organization(&world.app, SAV, "altinn:resourceregistry/resource.write");
    owner
        .delete("/resourceregistry/api/v1/resource/saft-innsyn")
        .await
        .assert_status(204);
    let list = sav(&world)
        .get(&format!("{}/resource-connections", path("sav", APPROVED)))
        .await;
    assert_eq!(list.json()["data"], json!([]));
}

/// A policy that permits the parties on a list of the universe.
fn policy_for_list(resource: &str) -> String {
    policy(resource, &["sav:godkjente-innsendere"])
        .replace("urn:altinn:accesspackage", "urn:altinn:access-list")
}

#[tokio::test]
async fn a_policy_may_name_a_list_of_its_subjects() {
    let world = World::start().await;
    let app = &world.app;
    let resource = "altinn-liste-ressurs";
    let token = app
        .organization(who::SAV, "altinn:resourceregistry/resource.write")
        .await;
    app.post(
        "/resourceregistry/api/v1/resource",
        &token,
        crate::resources::resource(resource),
    )
    .await
    .assert_status(201);
    upload(
        app,
        &token,
        resource,
        "policyFile",
        &policy_for_list(resource),
    )
    .await
    .assert_status(201);
    let owner = Caller::organization(app, SAV, "altinn:authorization/authorize");
    let asks = async |subject: (&str, &str), about: &[(&str, &str)]| {
        let attribute = |(id, value): &(&str, &str)| json!({"AttributeId": id, "Value": value});
        let about: Vec<Value> = [("urn:altinn:resource", resource)]
            .iter()
            .chain(about)
            .map(attribute)
            .collect();
        let action = ("urn:oasis:names:tc:xacml:1.0:action:action-id", "read");
        let question = json!({"Request": {
            "AccessSubject": [{"Attribute": [attribute(&subject)]}],
            "Action": [{"Attribute": [attribute(&action)]}],
            "Resource": [{"Attribute": about}],
        }});
        let answer = owner
            .post("/authorization/api/v1/authorize", question)
            .await;
        answer.json()["response"][0]["decision"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let number = ("urn:altinn:organization:identifier-no", NATTERGAL.number);
    let uuid = ("urn:altinn:party:uuid", NATTERGAL.uuid);
    assert_eq!(asks(number, &[]).await, "Permit");
    assert_eq!(asks(uuid, &[]).await, "Permit");
    assert_eq!(
        asks(
            ("urn:altinn:organization:identifier-no", KERAMIKK.number),
            &[]
        )
        .await,
        "NotApplicable"
    );
    // With a reportee the lists of the subject are no attributes of it.
    assert_eq!(asks(number, &[number]).await, "NotApplicable");
    let address = format!("{}/members", path("sav", APPROVED));
    sav(&world)
        .delete_named(&address, members(&[NATTERGAL]))
        .await
        .assert_status(200);
    assert_eq!(asks(number, &[]).await, "NotApplicable");
    let subjects = app
        .send(
            Method::GET,
            &format!("/resourceregistry/api/v1/resource/{resource}/policy/subjects"),
            None,
            None,
        )
        .await;
    assert_eq!(
        subjects.json()["data"][0],
        json!({"type": "urn:altinn:access-list", "value": "sav:godkjente-innsendere",
        "urn": "urn:altinn:access-list:sav:godkjente-innsendere"})
    );
}

#[tokio::test]
async fn changes_of_lists_leave_rows_in_the_trail() {
    let world = World::start().await;
    let sav = sav(&world);
    sav.put(&path("sav", "ny"), named("Ny"))
        .await
        .assert_status(200);
    sav.put(&path("sav", "ny"), named("Nyere"))
        .await
        .assert_status(200);
    sav.post(
        &format!("{}/members", path("sav", "ny")),
        members(&[NATTERGAL]),
    )
    .await
    .assert_status(200);
    sav.put(
        &format!("{}/resource-connections/saft-innsyn", path("sav", "ny")),
        json!({}),
    )
    .await
    .assert_status(200);
    sav.delete(&path("sav", "ny")).await.assert_status(200);
    let actions = world.app.actions_on("access_list", "sav:ny").await;
    assert_eq!(
        actions,
        [
            "accesslist.created",
            "accesslist.updated",
            "accesslist.members_changed",
            "accesslist.connection_changed",
            "accesslist.deleted"
        ]
    );
}
