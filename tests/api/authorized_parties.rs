//! Whom a subject may act for.

use serde_json::{Value, json};
use testkit::prelude::*;

const OWNER: &str = "/accessmanagement/api/v1/resourceowner/authorizedparties";
const OLDER: &str = "/accessmanagement/api/v1/ServiceOwner/AuthorizedParties";
const END_USER: &str = "/accessmanagement/api/v1/enduser/authorizedparties";
const OWN_PARTIES: &str = "altinn:accessmanagement/authorizedparties";
const ADMIN: &str = "altinn:accessmanagement/authorizedparties.admin";

const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
const PERSON: &str = "urn:altinn:person:identifier-no";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
const ORGANIZATION: &str = "urn:altinn:organization:identifier-no";

/// A service owner that may ask whom others may act for.
fn owner(world: &World) -> Caller<'_> {
    world.organization(SAV, AUTHORIZED_PARTIES)
}

fn subject(kind: &str, value: &str) -> Value {
    json!({"Type": kind, "value": value})
}

async fn ask(world: &World, query: &str, body: Value) -> Vec<Value> {
    let answer = owner(world).post(&format!("{OWNER}{query}"), body).await;
    answer.assert_status(200).list()
}

fn numbers(list: &[Value]) -> Vec<&str> {
    list.iter()
        .filter_map(|party| party["organizationNumber"].as_str())
        .collect()
}

fn party(list: &[Value], organization: Organization) -> &Value {
    list.iter()
        .find(|party| party["organizationNumber"] == organization.number)
        .unwrap_or_else(|| panic!("{organization:?} is not among {list:#?}"))
}

fn texts(value: &Value) -> Vec<&str> {
    let list = value.as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}

async fn of_nattergals_user(world: &World, query: &str) -> Value {
    let list = ask(world, query, subject(SYSTEM_USER, &NATTERGAL_USER.id)).await;
    assert_eq!(list.len(), 1, "{list:#?}");
    list[0].clone()
}

#[tokio::test]
async fn a_party_has_its_members_in_this_order() {
    let world = World::start().await;
    let owner = of_nattergals_user(&world, "").await;
    let members: Vec<&String> = owner.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "partyUuid",
            "name",
            "organizationNumber",
            "parentId",
            "personId",
            "dateOfBirth",
            "partyId",
            "emailId",
            "type",
            "unitType",
            "isDeleted",
            "onlyHierarchyElementWithNoAccess",
            "authorizedAccessPackages",
            "authorizedResources",
            "authorizedRoles",
            "authorizedInstances",
            "subunits",
        ]
    );
}

#[tokio::test]
async fn a_standard_system_user_acts_for_its_owner() {
    let world = World::start().await;
    let owner = of_nattergals_user(&world, "?includeAccessPackages=true").await;
    assert_eq!(owner["organizationNumber"], NATTERGAL.number);
    assert_eq!(owner["type"], "Organization");
    assert_eq!(owner["unitType"], "AS");
    assert_eq!(texts(&owner["authorizedAccessPackages"]).len(), 3);
    assert_eq!(
        owner["authorizedResources"],
        json!([ARBEIDSTRENING_AVTALE.0])
    );
    assert_eq!(owner["authorizedRoles"], json!([]));
    assert_eq!(owner["authorizedInstances"], json!([]));
    assert_eq!(owner["personId"], Value::Null);
}

#[tokio::test]
async fn a_standard_system_user_acts_for_the_sub_units_of_its_owner() {
    let world = World::start().await;
    let owner = of_nattergals_user(&world, "?includeAccessPackages=true").await;
    let units = owner["subunits"].as_array().unwrap();
    assert_eq!(
        numbers(units),
        [NATTERGAL_SENTRUM.number, NATTERGAL_HAVNA.number]
    );
    assert_eq!(units[0]["unitType"], "BEDR");
    assert_eq!(units[0]["parentId"], owner["partyUuid"]);
    assert_eq!(
        units[0]["authorizedAccessPackages"],
        owner["authorizedAccessPackages"]
    );
}

#[tokio::test]
async fn resources_and_packages_can_be_left_out_and_sub_units_cannot() {
    let world = World::start().await;
    let query = "?includeSubParties=false&includeResources=false";
    let owner = of_nattergals_user(&world, query).await;
    for member in ["authorizedResources", "authorizedAccessPackages"] {
        assert_eq!(owner[member], json!([]), "{member}");
    }
    assert_eq!(owner["subunits"].as_array().unwrap().len(), 2);
}

async fn of_the_agent(world: &World) -> Vec<Value> {
    let agent = subject(SYSTEM_USER, &TALLKNUSEREN_AGENT.id);
    ask(world, "?includeAccessPackages=true", agent).await
}

#[tokio::test]
async fn an_agent_acts_for_its_clients_and_has_nothing_of_its_facilitator() {
    let world = World::start().await;
    let list = of_the_agent(&world).await;
    let found = numbers(&list);
    assert!(found.contains(&NATTERGAL.number), "{found:?}");
    assert!(found.contains(&KERAMIKK.number), "{found:?}");
    let facilitator = party(&list, TALLKNUSEREN);
    for member in [
        "authorizedAccessPackages",
        "authorizedResources",
        "authorizedRoles",
    ] {
        assert_eq!(facilitator[member], json!([]), "{member}");
    }
}

#[tokio::test]
async fn an_agent_has_the_packages_that_a_client_was_delegated_with() {
    let world = World::start().await;
    let list = of_the_agent(&world).await;
    let mut packages = texts(&party(&list, NATTERGAL)["authorizedAccessPackages"]);
    packages.sort_unstable();
    let expected = [REGNSKAPSFORER_LONN, REGNSKAPSFORER_MED_SIGNERING];
    assert_eq!(packages, expected.map(|package| package.0));
}

#[tokio::test]
async fn an_agent_reaches_the_owner_of_a_sole_proprietorship_as_a_person_too() {
    let world = World::start().await;
    let list = of_the_agent(&world).await;
    let oddny = list.iter().find(|party| party["personId"] == ODDNY.pid);
    assert_eq!(oddny.unwrap()["type"], "Person");
}

#[tokio::test]
async fn a_deleted_agent_acts_for_no_party() {
    let world = World::start().await;
    world
        .randi()
        .deletes_agent(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(200);
    assert_eq!(of_the_agent(&world).await, Vec::<Value>::new());
}

async fn of_randi(world: &World, query: &str) -> Vec<Value> {
    ask(world, query, subject(PERSON_UUID, RANDI.uuid)).await
}

#[tokio::test]
async fn a_person_acts_for_the_clients_of_a_firm_that_the_person_directs() {
    let world = World::start().await;
    let list = of_randi(&world, "?includeAccessPackages=true").await;
    for client in [NATTERGAL, TINDEVANDRER, KERAMIKK, HELLESYN_DRIFT, GAARDSTUN] {
        let packages = texts(&party(&list, client)["authorizedAccessPackages"]);
        assert!(
            packages.contains(&REGNSKAPSFORER_LONN.0),
            "{client:?}: {packages:?}"
        );
    }
}

#[tokio::test]
async fn a_person_acts_for_the_firm_and_for_the_person() {
    let world = World::start().await;
    let list = of_randi(&world, "").await;
    let firm = party(&list, TALLKNUSEREN);
    assert!(texts(&firm["authorizedRoles"]).contains(&"DAGL"));
    let own = list.iter().find(|p| p["partyUuid"] == RANDI.uuid).unwrap();
    assert!(texts(&own["authorizedRoles"]).contains(&"PRIV"));
}

#[tokio::test]
async fn what_a_person_reaches_by_key_roles_can_be_left_out() {
    let world = World::start().await;
    let query = "?includePartiesViaKeyRoles=false&includeSubParties=AUTO";
    let direct = of_randi(&world, query).await;
    assert_eq!(direct.len(), 2, "{direct:#?}");
}

#[tokio::test]
async fn a_firm_reaches_its_clients_itself_and_roles_can_be_left_out() {
    let world = World::start().await;
    let firm = subject(ORGANIZATION, TALLKNUSEREN.number);
    let list = ask(&world, "?includeRoles=false", firm).await;
    assert_eq!(party(&list, NATTERGAL)["authorizedRoles"], json!([]));
}

fn torleif() -> Value {
    subject(PERSON, TORLEIF.pid)
}

/// Torleif, and only those parties that are this organisation.
fn torleif_at(organization: Organization) -> Value {
    let filter = json!([{"type": ORGANIZATION, "value": organization.number}]);
    with(torleif(), "partyFilter", filter)
}

#[tokio::test]
async fn without_a_filter_there_is_more_than_one_party() {
    let world = World::start().await;
    assert_eq!(ask(&world, "", torleif()).await.len(), 2);
}

#[tokio::test]
async fn parties_can_be_filtered() {
    let world = World::start().await;
    let list = ask(&world, "", torleif_at(NATTERGAL)).await;
    assert_eq!(numbers(&list), [NATTERGAL.number]);
    assert_eq!(list.len(), 1);
}

#[tokio::test]
async fn a_sub_unit_is_listed_below_its_main_unit_which_has_no_part_in_it() {
    let world = World::start().await;
    let list = ask(&world, "", torleif_at(NATTERGAL_SENTRUM)).await;
    let main = &list[0];
    assert_eq!(main["organizationNumber"], NATTERGAL.number);
    assert_eq!(main["onlyHierarchyElementWithNoAccess"], true);
    assert_eq!(main["authorizedRoles"], json!([]));
    assert_eq!(main["subunits"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn parties_can_be_those_where_something_leads_to_a_resource() {
    let world = World::start().await;
    let query = "?anyOfResourceIds=mva-melding&anyOfResourceIds=finnes-ikke";
    let list = ask(&world, query, torleif()).await;
    assert!(!list.is_empty());
    assert!(list.iter().all(|party| party["type"] == "Organization"));
    let none = ask(&world, "?anyOfResourceIds=finnes-ikke", torleif()).await;
    assert_eq!(none, Vec::<Value>::new());
}

#[tokio::test]
async fn a_service_owner_names_itself_and_an_administrator_names_any() {
    let world = World::start().await;
    assert!(!ask(&world, "?orgCode=SAV", torleif()).await.is_empty());
    let of_another = format!("{OWNER}?orgCode=fok");
    owner(&world)
        .post(&of_another, torleif())
        .await
        .assert_error_keys(["orgCode"]);
    world
        .organization(SAV, ADMIN)
        .post(&of_another, torleif())
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_subject_is_of_a_known_kind_and_has_its_form() {
    let world = World::start().await;
    for (kind, value) in [
        ("urn:altinn:resource", "x"),
        (SYSTEM_USER, "x"),
        ("urn:altinn:partyid", "-1"),
        ("urn:altinn:userid", "1.5"),
    ] {
        owner(&world)
            .post(OWNER, json!({"type": kind, "value": value}))
            .await
            .assert_error_keys(["Argument exception"]);
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_bound_is_refused() {
    let world = World::start().await;
    for body in [
        json!({}),
        json!({"type": "urn:altinn:partyid"}),
        json!({"type": null, "value": "1"}),
        json!([]),
        json!({"type": 1, "value": "1"}),
    ] {
        owner(&world).post(OWNER, body).await.assert_status(400);
    }
    owner(&world)
        .post(&format!("{OWNER}?includeRoles=ja"), torleif())
        .await
        .assert_status(400);
}

#[tokio::test]
async fn an_unknown_subject_acts_for_no_party() {
    let world = World::start().await;
    for (kind, value) in [
        ("urn:altinn:partyid", "1"),
        (PERSON, UNKNOWN_PERSON_ID),
        (SYSTEM_USER, UNKNOWN.uuid),
    ] {
        owner(&world)
            .post(OLDER, json!({"type": kind, "value": value}))
            .await
            .assert_status(200)
            .assert_json(&json!([]));
    }
}

#[tokio::test]
async fn service_owners_ask_about_others_with_the_scope_for_it() {
    let world = World::start().await;
    world
        .anonymous()
        .post(OWNER, json!({}))
        .await
        .assert_unauthorized();
    world
        .organization(SAV, OWN_PARTIES)
        .post(OWNER, json!({}))
        .await
        .assert_forbidden();
}

/// Nattergal, as Torleif reads the own parties.
async fn nattergal_of_torleif(world: &World, query: &str) -> Value {
    let own = world.torleif().get(&format!("{END_USER}{query}")).await;
    let own = own.assert_status(200).json();
    assert_eq!(own["links"], json!({"next": null}));
    party(own["data"].as_array().unwrap(), NATTERGAL).clone()
}

#[tokio::test]
async fn a_person_asks_for_the_persons_own_parties() {
    let world = World::start().await;
    let with_roles = nattergal_of_torleif(&world, "?includeRoles=true").await;
    assert!(texts(&with_roles["authorizedRoles"]).contains(&"DAGL"));
    let bare = nattergal_of_torleif(&world, "").await;
    assert_eq!(bare["authorizedRoles"], json!([]));
}

#[tokio::test]
async fn roles_come_with_their_code_and_the_older_one() {
    let world = World::start().await;
    let nattergal = nattergal_of_torleif(&world, "?includeRoles=true").await;
    let roles = texts(&nattergal["authorizedRoles"]);
    for code in ["daglig-leder", "DAGL", "ADMAI"] {
        assert!(roles.contains(&code), "{roles:?}");
    }
}

#[tokio::test]
async fn own_parties_are_those_of_the_filter_and_their_main_units() {
    let world = World::start().await;
    let numbers_of = async |filter: &str| {
        let own = world.torleif().get(&format!("{END_USER}?{filter}")).await;
        let list = own.assert_status(200).json()["data"].clone();
        let list = list.as_array().unwrap();
        let units = list
            .iter()
            .flat_map(|party| party["subunits"].as_array().unwrap());
        let mut found: Vec<String> = list
            .iter()
            .chain(units)
            .filter_map(|party| party["organizationNumber"].as_str())
            .map(str::to_owned)
            .collect();
        found.sort();
        found
    };
    let unit = format!("partyFilter={}", NATTERGAL_SENTRUM.uuid);
    assert_eq!(
        numbers_of(&unit).await,
        [NATTERGAL_SENTRUM.number, NATTERGAL.number]
    );
    let main = format!("partyFilter={}", NATTERGAL.uuid);
    assert_eq!(numbers_of(&main).await, [NATTERGAL.number]);
    let unknown = format!("partyFilter={}", UNKNOWN.uuid);
    assert_eq!(numbers_of(&unknown).await, Vec::<String>::new());
    let wrong = world
        .torleif()
        .get(&format!("{END_USER}?partyFilter=x"))
        .await;
    wrong.assert_error_keys(["partyFilter"]);
}

#[tokio::test]
async fn what_is_listed_for_a_resource_is_what_leads_to_it() {
    let world = World::start().await;
    let query = format!(
        "?includeAccessPackages=true&includeResources=true&anyOfResourceIds={}",
        ARBEIDSTRENING_AVTALE.0
    );
    let owner = of_nattergals_user(&world, &query).await;
    assert_eq!(
        owner["authorizedResources"],
        json!([ARBEIDSTRENING_AVTALE.0])
    );
    assert_eq!(owner["authorizedAccessPackages"], json!([]));
}

const OWN_LIST: &str = "/accessmanagement/api/v1/authorizedparties";
const OWN_PARTY: &str = "/accessmanagement/api/v1/authorizedparty";

#[tokio::test]
async fn the_platform_asks_for_a_persons_parties_without_a_scope() {
    let world = World::start().await;
    let torleif = world.torleif().with_scopes("altinn:nothing");
    let path = format!("{OWN_LIST}?includeAltinn2=true");
    let list = torleif.get(&path).await.assert_status(200).list();
    assert!(texts(&party(&list, NATTERGAL)["authorizedRoles"]).contains(&"DAGL"));
    let user = Caller::system_user(&world.app, &NATTERGAL_USER, SKYREGNSKAP);
    for path in [
        OWN_LIST.to_owned(),
        format!("{OWN_PARTY}/{}", NATTERGAL.party),
    ] {
        let refused = user.get(&path).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.problem()["title"], "Unauthorized");
    }
}

#[tokio::test]
async fn one_party_is_found_among_a_persons_parties() {
    let world = World::start().await;
    let torleif = world.torleif();
    for organization in [NATTERGAL, NATTERGAL_SENTRUM] {
        let found = torleif
            .get(&format!("{OWN_PARTY}/{}", organization.party))
            .await;
        let found = found.assert_status(200).json();
        assert_eq!(found["organizationNumber"], organization.number);
    }
    for wrong in [
        "0".to_owned(),
        TINDEVANDRER.party.to_string(),
        "1".to_owned(),
    ] {
        let refused = torleif.get(&format!("{OWN_PARTY}/{wrong}")).await;
        refused.assert_error_keys(["InvalidParty"]);
    }
    let no_number = torleif.get(&format!("{OWN_PARTY}/abc")).await;
    no_number.assert_error_keys(["partyId"]);
}

#[tokio::test]
async fn a_token_without_user_or_system_user_has_no_parties_of_its_own() {
    let world = World::start().await;
    let organization = world.organization(SAV, OWN_PARTIES).get(END_USER).await;
    organization
        .assert_status(401)
        .assert_text("\"Unknown user type\"");
    owner(&world).get(END_USER).await.assert_forbidden();
}

#[tokio::test]
async fn no_person_holds_anything_at_an_organisation_that_was_deleted() {
    let world = World::start().await;
    world.app.delete_organization(NATTERGAL).await;
    let list = ask(&world, "?includeAccessPackages=true", torleif()).await;
    let gone = party(&list, NATTERGAL);
    assert_eq!(gone["isDeleted"], true);
    assert_eq!(gone["authorizedAccessPackages"], json!([]));
    assert_eq!(gone["authorizedRoles"], json!([]));
}

#[tokio::test]
async fn organisations_that_were_deleted_are_always_listed() {
    let world = World::start().await;
    world.app.delete_organization(NATTERGAL).await;
    let list = ask(&world, "?includeInactiveParties=false", torleif()).await;
    let nattergal = party(&list, NATTERGAL);
    assert_eq!(nattergal["isDeleted"], true);
    assert_eq!(nattergal["onlyHierarchyElementWithNoAccess"], false);
}

#[tokio::test]
async fn who_has_died_acts_for_no_party() {
    let world = World::start().await;
    world.app.record_death(TORLEIF).await;
    let list = ask(&world, "", torleif()).await;
    assert_eq!(list, Vec::<Value>::new());
}
