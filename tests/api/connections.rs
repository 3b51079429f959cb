//! Connections: right-holders, packages and single resources that a party gives others, and what it
//! may give.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

use crate::access::{CONNECTIONS, V2, data, errors, hege, of_party, one, urns};

const TO_OTHERS_READ: &str = "altinn:accessmanagement/enduser:connections:toothers.read";
const TO_OTHERS_WRITE: &str = "altinn:accessmanagement/enduser:connections:toothers.write";
const FROM_OTHERS_READ: &str = "altinn:accessmanagement/enduser:connections:fromothers.read";
const FROM_OTHERS_WRITE: &str = "altinn:accessmanagement/enduser:connections:fromothers.write";

/// A package of persons.
const OF_PERSONS: Package = Package("innbygger-permisjon-oppsigelse");

/// A path on what a party gives another.
fn given(path: &str, from: &str, to: &str) -> String {
    format!("{CONNECTIONS}{path}?party={from}&from={from}&to={to}")
}

/// Gives a package.
async fn gives(caller: &EndUserCaller<'_>, from: &str, to: &str, package: Package) -> Answer {
    let path = given("/accesspackages", from, to);
    let named = format!("{path}&package={}", package.urn());
    caller.post_empty(&named).await
}

async fn adds(caller: &EndUserCaller<'_>, from: &str, to: &str) -> Answer {
    caller.post_empty(&given("", from, to)).await
}

/// Keys of the rights on a resource that the caller may give, by action.
async fn keys(
    caller: &EndUserCaller<'_>,
    from: &str,
    resource: Resource,
    actions: &[&str],
) -> Vec<Value> {
    let path = format!(
        "{CONNECTIONS}/resources/delegationcheck?party={from}&resource={}",
        resource.0
    );
    let checked = caller.get(&path).await.assert_status(200).json();
    let is_wanted = |right: &&Value| {
        let action = right["right"]["action"]["value"].as_str().unwrap();
        actions.contains(&action) && right["result"] == true
    };
    let rights = checked["rights"].as_array().unwrap();
    let found: Vec<Value> = rights
        .iter()
        .filter(is_wanted)
        .map(|right| right["right"]["key"].clone())
        .collect();
    assert_eq!(found.len(), actions.len(), "{checked}");
    found
}

fn rights_path(from: &str, to: &str, resource: Resource) -> String {
    format!(
        "{}&resource={}",
        given("/resources/rights", from, to),
        resource.0
    )
}

#[tokio::test]
async fn a_customer_without_a_role_in_the_register_becomes_a_client() {
    let world = World::start().await;
    let marit = world.marit();
    let olav = world.olav();
    let request = world.agent_request_to_sifferhjelp();
    olav.approves(&request).await.assert_status(200);
    let agent = request.system_user();
    let (customer, accountant) = (TINDEVANDRER.uuid, SIFFERHJELP.uuid);
    let before = adds(&marit, customer, accountant).await;
    let relation = before.assert_status(200).json();
    assert_eq!(relation["roleId"], "42cae370-2dc1-4fdc-9c67-c2f4b0f0f829");
    let again = adds(&marit, customer, accountant).await;
    assert_eq!(again.assert_status(200).json(), relation);
    let package = gives(&marit, customer, accountant, LONN).await;
    let package = package.assert_status(200).json();
    assert_eq!(package["assignmentId"], relation["id"]);
    let again = gives(&marit, customer, accountant, LONN).await;
    assert_eq!(again.assert_status(200).json(), package);
    let clients = format!("{V2}/clients?party={accountant}");
    let clients = data(olav.get(&clients).await);
    let client = of_party(&clients, "client", customer).unwrap();
    assert_eq!(urns(&client["access"][0]), [LONN.urn()]);
    world.app.require_of_agent(&agent, [LONN]).await;
    let system = olav.with_scopes(&format!("{CLIENTS_READ} {CLIENTS_WRITE}"));
    let available = system.lists_available_clients(&agent).await;
    assert!(available.assert_status(200).text.contains(customer));
    let added = system.adds_client(&agent, TINDEVANDRER).await;
    added.assert_status(200);
    let sav = world.sav();
    let decision = async || sav.decides(&agent, "write", A_MELDING, TINDEVANDRER).await;
    assert_eq!(decision().await, Permit);

    let path = given("/accesspackages", customer, accountant);
    let path = format!("{path}&package={}", LONN.urn());
    marit.delete(&path).await.assert_status(204);

    assert_eq!(decision().await, NotApplicable);
    let clients = format!("{V2}/clients?party={accountant}");
    let clients = data(world.olav().get(&clients).await);
    assert!(of_party(&clients, "client", customer).is_none());
    let event = world.app.last_event_of_client(TINDEVANDRER).await;
    assert_eq!(event.as_deref(), Some("systemuser_client_removed"));
}

#[tokio::test]
async fn a_stranger_becomes_a_right_holder_by_number_and_name_alone() {
    let world = World::start().await;
    let marit = world.marit();
    let by_uuid = adds(&marit, TINDEVANDRER.uuid, HEGE.uuid).await;
    assert_eq!(errors(&by_uuid), one("AM.VLD-00006", "QUERY/to"));
    let path = format!("{CONNECTIONS}?party={}", TINDEVANDRER.uuid);
    let by_number = marit.post(&path, hege()).await;
    assert_eq!(by_number.assert_status(200).json()["toId"], HEGE.uuid);
    let empty = marit.post_empty(&path).await;
    let all = "QUERY/to /PersonIdentifier /LastName";
    assert_eq!(errors(&empty), one("STD.VLD-00000", all));
}

#[tokio::test]
async fn identity_numbers_are_shown_of_those_alone_who_are_connected_themselves() {
    let world = World::start().await;
    let per = world.person(PER);
    adds(&per, PER.uuid, TALLKNUSEREN.uuid)
        .await
        .assert_status(200);
    let path = format!("{CONNECTIONS}?party={}", PER.uuid);
    per.post(&path, hege()).await.assert_status(200);

    let list = format!("{path}&from={}", PER.uuid);
    let list = data(per.get(&list).await);

    let hege = of_party(&list, "party", HEGE.uuid).unwrap();
    assert_eq!(hege["party"]["personIdentifier"], HEGE.pid);
    let tallknuseren = of_party(&list, "party", TALLKNUSEREN.uuid).unwrap();
    let people = tallknuseren["connections"].as_array().unwrap();
    let randi = of_party(people, "party", RANDI.uuid).unwrap();
    for member in ["personIdentifier", "dateOfBirth", "dateOfDeath"] {
        assert_eq!(randi["party"][member], Value::Null, "{member}");
    }
}

#[tokio::test]
async fn a_package_needs_a_connection() {
    let world = World::start().await;
    let marit = world.marit();
    let refused = gives(&marit, TINDEVANDRER.uuid, SIFFERHJELP.uuid, LONN).await;
    assert_eq!((refused.status, refused.code()), (400, "AM-00022".into()));
    let problem = refused.problem();
    assert_eq!(problem["title"], "Bad Request");
    assert_eq!(
        problem["type"],
        "https://tools.ietf.org/html/rfc9110#section-15.5.1"
    );
    // The person that a body describes is bound by that too, and is a receiver once connected.
    let path = format!(
        "{CONNECTIONS}/accesspackages?party={}&package={}",
        TINDEVANDRER.uuid,
        LONN.urn()
    );
    let refused = marit.post(&path, hege()).await;
    assert_eq!(refused.code(), "AM-00022");
    let added = format!("{CONNECTIONS}?party={}", TINDEVANDRER.uuid);
    marit.post(&added, hege()).await.assert_status(200);
    marit.post(&path, hege()).await.assert_status(200);
    let sav = world.sav();
    let decision = sav.decides_for(HEGE, "write", A_MELDING, TINDEVANDRER);
    assert_eq!(decision.await, Permit);
}

#[tokio::test]
async fn a_package_is_given_by_those_alone_who_may() {
    let world = World::start().await;
    let from = NATTERGAL.uuid;
    adds(&world.torleif(), from, TALLKNUSEREN.uuid)
        .await
        .assert_status(200);
    // Borghild manages access, and holds `lonn`, not `pensjon`.
    let borghild = world.borghild();
    let refused = gives(&borghild, from, TALLKNUSEREN.uuid, PENSJON).await;
    assert_eq!(errors(&refused), one("AM.VLD-00026", "QUERY/packageId"));
    let text = &refused.json()["validationErrors"][0]["packages"];
    assert_eq!(
        *text,
        format!(
            "User is not allowed to assign the following package(s) '{}'.",
            PENSJON.urn()
        )
    );
    gives(&borghild, from, TALLKNUSEREN.uuid, LONN)
        .await
        .assert_status(200);
    gives(&world.torleif(), from, TALLKNUSEREN.uuid, PENSJON)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn some_packages_are_not_for_some_receivers_and_givers() {
    let world = World::start().await;
    let torleif = world.torleif();
    let (from, to) = (NATTERGAL.uuid, TALLKNUSEREN.uuid);
    for package in [
        Package("hovedadministrator"),
        Package("virksomhetens-representant-skjemaoppgaver"),
    ] {
        let refused = gives(&torleif, from, to, package).await;
        assert_eq!(errors(&refused), one("AM.VLD-00028", "QUERY/package"));
    }
    let unknown = gives(&torleif, from, to, UNKNOWN_PACKAGE).await;
    assert_eq!(errors(&unknown), one("AM.VLD-00011", "QUERY/package"));
    let none = torleif
        .post_empty(&given("/accesspackages", from, to))
        .await;
    assert_eq!(errors(&none), one("AM.VLD-00011", "QUERY/package"));
    let by_id = format!(
        "{}&packageId={}",
        given("/accesspackages", from, to),
        Uuid::new_v4()
    );
    let unknown = torleif.post_empty(&by_id).await;
    assert_eq!((unknown.status, unknown.code()), (400, "AM-00041".into()));
    // Packages of persons are not for organisations to give.
    let of_persons = gives(&torleif, from, to, OF_PERSONS).await;
    assert_eq!(of_persons.code(), "AM-00041");
}

#[tokio::test]
async fn a_person_gives_packages_of_persons() {
    let world = World::start().await;
    let checked = format!(
        "{CONNECTIONS}/accesspackages/delegationcheck?party={}",
        PER.uuid
    );
    let per = world.person(PER);
    let checked = data(per.get(&checked).await);
    let package = checked
        .iter()
        .find(|package| package["result"] == true)
        .unwrap_or_else(|| panic!("{checked:#?}"));
    adds(&per, PER.uuid, TALLKNUSEREN.uuid)
        .await
        .assert_status(200);
    let path = format!(
        "{}&packageId={}",
        given("/accesspackages", PER.uuid, TALLKNUSEREN.uuid),
        package["package"]["id"].as_str().unwrap()
    );
    per.post_empty(&path).await.assert_status(200);
}

#[tokio::test]
async fn no_person_gives_to_who_cannot_receive() {
    let world = World::start().await;
    let torleif = world.torleif();
    let from = NATTERGAL.uuid;
    let to_self = adds(&torleif, from, from).await;
    let both = [
        one("AM.VLD-00009", "QUERY/from"),
        one("AM.VLD-00009", "QUERY/to"),
    ];
    assert_eq!(errors(&to_self), both.concat());
    for to in [
        &*TINDEVANDRER_USER.id,
        GAMLEBYEN.uuid,
        &Uuid::new_v4().to_string(),
    ] {
        let refused = adds(&torleif, from, to).await;
        assert_eq!(errors(&refused), one("AM.VLD-00006", "QUERY/to"), "{to}");
        let refused = gives(&torleif, from, to, LONN).await;
        assert_eq!(errors(&refused), one("AM.VLD-00006", "QUERY/to"), "{to}");
    }
}

#[tokio::test]
async fn an_owner_gives_its_own_system_user_packages() {
    let world = World::start().await;
    let torleif = world.torleif();
    let user = &NATTERGAL_USER;
    gives(&torleif, NATTERGAL.uuid, &user.id, LONN)
        .await
        .assert_status(200);
    let sav = world.sav();
    let decision = async || sav.decides(user, "write", A_MELDING, NATTERGAL).await;
    assert_eq!(decision().await, Permit);
    assert_eq!(world.app.published("systemuser_changed").await, 1);
    let path = given("/accesspackages", NATTERGAL.uuid, &user.id);
    let path = format!("{path}&package={}", LONN.urn());
    torleif.delete(&path).await.assert_status(204);
    assert_eq!(decision().await, NotApplicable);
}

#[tokio::test]
async fn a_system_user_for_clients_gets_no_package_that_clients_do_not_delegate() {
    let world = World::start().await;
    let randi = world.randi();
    let agent = &*TALLKNUSEREN_AGENT.id;
    for package in [
        "klientadministrator",
        "tilgangsstyrer",
        "hovedadministrator",
    ] {
        let refused = gives(&randi, TALLKNUSEREN.uuid, agent, Package(package)).await;
        assert_eq!(
            errors(&refused),
            one("AM.VLD-00028", "QUERY/package"),
            "{package}"
        );
    }
    gives(&randi, TALLKNUSEREN.uuid, agent, LONN)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_right_holder_with_something_is_removed_by_cascade_alone() {
    let world = World::start().await;
    let synnove = world.person(SYNNOVE);
    let stian = world.stian();
    let agent = &TALLKNUSEREN_AGENT.id;
    let delegated = format!(
        "{V2}/agents/accesspackages?party={}&client={}&agent={agent}",
        TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    let body = json!({"values": [{"role": "rettighetshaver", "packages": [SKATT_NAERING.urn()]}]});
    stian.post(&delegated, body).await.assert_status(200);
    let path = given("", ROTFAST.uuid, TALLKNUSEREN.uuid);

    let refused = synnove.delete(&path).await;

    let list = errors(&refused);
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(list.iter().all(|error| error.0 == "AM.VLD-00010"));
    let names = refused.json()["validationErrors"].clone();
    assert!(names[0]["packages"].is_string() && names[1]["delegations"].is_string());
    let sav = world.sav();
    let resource = Resource("skattemelding-naering");
    let decision = async || {
        sav.decides(&TALLKNUSEREN_AGENT, "read", resource, ROTFAST)
            .await
    };
    assert_eq!(decision().await, Permit);
    let cascade = format!("{path}&cascade=true");
    for _ in 0..2 {
        synnove.delete(&cascade).await.assert_status(204);
    }
    assert_eq!(decision().await, NotApplicable);
    assert_eq!(world.app.audited("rightholder.removed").await, 1);
    assert_eq!(world.app.audited("client.removed").await, 1);
    assert_eq!(world.app.client_grants(ROTFAST).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_receiver_gives_back_what_it_got() {
    let world = World::start().await;
    let (from, to) = (ROTFAST.uuid, TALLKNUSEREN.uuid);
    let path = format!(
        "{CONNECTIONS}/accesspackages?party={to}&from={from}&to={to}&package={}",
        SKATT_NAERING.urn()
    );
    let randi = world.randi().with_scopes(FROM_OTHERS_WRITE);
    randi.delete(&path).await.assert_status(204);
    let sav = world.sav();
    let resource = Resource("skattemelding-naering");
    let decision = sav.decides_for(RANDI, "read", resource, ROTFAST).await;
    assert_eq!(decision, NotApplicable);
}

#[tokio::test]
async fn ends_of_a_removal_are_known_and_of_the_right_kind() {
    let world = World::start().await;
    let torleif = world.torleif();
    let from = NATTERGAL.uuid;
    let unknown = Uuid::new_v4().to_string();
    let unknown = torleif.delete(&given("", from, &unknown)).await;
    assert_eq!(errors(&unknown), one("AM.VLD-00006", "QUERY/to"));
    let user = &*NATTERGAL_USER.id;
    let path = format!("{CONNECTIONS}?party={from}&from={user}&to={from}");
    let wrong = torleif.delete(&path).await;
    assert_eq!(errors(&wrong), one("AM.VLD-00008", "QUERY/from"));
    let text = &wrong.json()["validationErrors"][0]["type"];
    assert_eq!(
        *text,
        "Got 'Systembruker', expected one of: 'Organisasjon, Person'."
    );
    let missing = format!("{CONNECTIONS}?party={from}&from={from}");
    torleif.delete(&missing).await.assert_error_keys(["to"]);
}

#[tokio::test]
async fn the_direction_decides_which_scope_is_needed() {
    let world = World::start().await;
    let (from, to) = (ROTFAST.uuid, TALLKNUSEREN.uuid);
    let given = format!("{CONNECTIONS}?party={from}&from={from}");
    let received = format!("{CONNECTIONS}?party={to}&to={to}");
    let neither = format!("{CONNECTIONS}?party={from}&from=&to=");
    for (scope, of_giver, of_receiver) in [
        (TO_OTHERS_READ, 200, 403),
        (FROM_OTHERS_READ, 403, 200),
        (PORTAL, 200, 200),
        (TO_OTHERS_WRITE, 403, 403),
    ] {
        let synnove = world.person(SYNNOVE).with_scopes(scope);
        let randi = world.randi().with_scopes(scope);
        synnove.get(&given).await.assert_status(of_giver);
        randi.get(&received).await.assert_status(of_receiver);
        synnove
            .get(&neither)
            .await
            .assert_forbidden()
            .assert_empty();
    }
    // The ends are compared as texts, without regard to letter case.
    let upper = given.replace(from, &from.to_uppercase());
    let mixed = format!("{CONNECTIONS}?PARTY={from}&from={}", from.to_uppercase());
    for path in [upper, mixed] {
        world.person(SYNNOVE).get(&path).await.assert_status(200);
    }
}

#[tokio::test]
async fn what_a_person_was_given_is_for_that_person_alone() {
    let world = World::start().await;
    let jostein = JOSTEIN.uuid;
    let path = format!("{CONNECTIONS}?party={jostein}&to={jostein}");
    world.jostein().get(&path).await.assert_status(200);
    world.marit().get(&path).await.assert_forbidden();
    let unknown = Uuid::new_v4();
    let path = format!("{CONNECTIONS}?party={unknown}&to={unknown}");
    world.jostein().get(&path).await.assert_forbidden();
}

#[tokio::test]
async fn receivers_come_with_their_roles_and_who_reaches_through_them() {
    let world = World::start().await;
    let from = ROTFAST.uuid;
    let path = format!(
        "{CONNECTIONS}?party={from}&from={from}&includeAccessPackages=true&includeResources=true"
    );
    let list = data(world.person(SYNNOVE).get(&path).await);
    let tallknuseren = of_party(&list, "party", TALLKNUSEREN.uuid).unwrap();
    assert_eq!(tallknuseren["roles"][0]["code"], "rettighetshaver");
    assert_eq!(
        urns(tallknuseren),
        [MERVERDIAVGIFT.urn(), SKATT_NAERING.urn()]
    );
    assert_eq!(tallknuseren["instances"], json!([]));
    let below = tallknuseren["connections"].as_array().unwrap();
    assert!(of_party(below, "party", RANDI.uuid).is_some());
    let names: Vec<&str> = list
        .iter()
        .map(|one| one["party"]["name"].as_str().unwrap())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    // One receiver alone, also one that is reached by a key role.
    let one = data(
        world
            .person(SYNNOVE)
            .get(&given("", from, RANDI.uuid))
            .await,
    );
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["party"]["id"], RANDI.uuid);
    let path = given("", from, &Uuid::new_v4().to_string());
    let parties = data(world.person(SYNNOVE).get(&path).await);
    assert_eq!(parties, Vec::<Value>::new());
}

#[tokio::test]
async fn givers_come_with_the_sub_units_that_are_reached_through_them() {
    let world = World::start().await;
    let to = TALLKNUSEREN.uuid;
    let path = format!("{CONNECTIONS}?party={to}&to={to}");
    let list = data(world.randi().get(&path).await);
    let nattergal = of_party(&list, "party", NATTERGAL.uuid).unwrap();
    let below = nattergal["connections"].as_array().unwrap();
    let unit = of_party(below, "party", NATTERGAL_SENTRUM.uuid).unwrap();
    assert_eq!(unit["party"]["parent"]["id"], NATTERGAL.uuid);
    assert!(of_party(&list, "party", NATTERGAL_SENTRUM.uuid).is_none());
    let path = format!("{path}&from={}", NATTERGAL_SENTRUM.uuid);
    let one = data(world.randi().get(&path).await);
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["party"]["id"], NATTERGAL_SENTRUM.uuid);
}

/// Flags of the ways by which a package of a giver reaches Randi or her firm.
async fn flags(world: &World, from: &str, to: &str, package: Package) -> Vec<i64> {
    let path = format!("{CONNECTIONS}/accesspackages?party={to}&from={from}&to={to}");
    let list = data(world.randi().get(&path).await);
    let mut flags: Vec<i64> = list
        .iter()
        .filter(|one| one["package"]["urn"] == package.urn())
        .flat_map(|one| one["permissions"].as_array().unwrap())
        .map(|permission| permission["reason"]["flag"].as_i64().unwrap())
        .collect();
    // Randi has two key roles in her firm.
    flags.dedup();
    flags
}

#[tokio::test]
async fn packages_come_with_the_ways_by_which_they_are_held() {
    let world = World::start().await;
    let package = REGNSKAPSFORER_LONN;
    let unit = NATTERGAL_SENTRUM.uuid;
    let firm = TALLKNUSEREN.uuid;
    assert_eq!(flags(&world, NATTERGAL.uuid, firm, package).await, [1]);
    assert_eq!(flags(&world, unit, firm, package).await, [16]);
    assert_eq!(
        flags(&world, NATTERGAL.uuid, RANDI.uuid, package).await,
        [4]
    );
    let path = format!(
        "{CONNECTIONS}/accesspackages?party={}&from={}&to={}",
        RANDI.uuid, NATTERGAL.uuid, RANDI.uuid
    );
    let list = data(world.randi().get(&path).await);
    let mut permissions = list[0]["permissions"].as_array().unwrap().iter();
    let permission = permissions
        .find(|one| one["viaRole"]["code"] == "daglig-leder")
        .unwrap();
    assert_eq!(permission["via"]["id"], TALLKNUSEREN.uuid);
    assert_eq!(permission["role"]["code"], "regnskapsforer");
    assert_eq!(
        permission["reason"]["items"],
        json!([{"name": "keyrole", "description": "Access granted through a key role"}])
    );
}

/// The element about a role.
fn of_role<'v>(list: &'v [Value], code: &str) -> &'v Value {
    let is = |one: &&Value| one["role"]["code"] == code;
    list.iter().find(is).unwrap_or_else(|| panic!("{list:#?}"))
}

/// Flags of the ways in which a role is held.
fn flags_of(role: &Value) -> Vec<i64> {
    let ways = role["permissions"].as_array().unwrap().iter();
    ways.map(|way| way["reason"]["flag"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn roles_come_with_the_ways_by_which_they_are_held() {
    let world = World::start().await;
    let marit = world.marit();
    let path = given("/roles", TINDEVANDRER.uuid, MARIT.uuid);
    let list = data(marit.get(&path).await);
    let director = of_role(&list, "daglig-leder");
    assert_eq!(flags_of(director), [1]);
    let way = &director["permissions"][0];
    assert_eq!(way["from"]["id"], TINDEVANDRER.uuid);
    assert_eq!(way["to"]["id"], MARIT.uuid);
    assert_eq!(way["role"]["code"], "daglig-leder");
    assert_eq!([&way["via"], &way["viaRole"]], [&Value::Null; 2]);
    let role = director["role"].as_object().unwrap();
    let members: Vec<&str> = role.keys().map(String::as_str).collect();
    assert_eq!(
        members,
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
            "provider",
            "isRevocable",
        ]
    );
    assert_eq!(role["isRevocable"], false);
    // What the role implies comes by it.
    let implied = of_role(&list, "admai");
    assert!(flags_of(implied).iter().all(|flag| *flag == 8));
    let mut ways = implied["permissions"].as_array().unwrap().iter();
    assert!(ways.any(|way| way["role"]["code"] == "daglig-leder"));
    let codes: Vec<&str> = list
        .iter()
        .map(|one| one["role"]["code"].as_str().unwrap())
        .collect();
    assert!(codes.is_sorted(), "{codes:?}");
}

#[tokio::test]
async fn roles_come_by_key_roles_and_from_the_main_unit_and_not_by_client_delegation() {
    let world = World::start().await;
    let randi = world.randi();
    let (firm, unit) = (TALLKNUSEREN.uuid, NATTERGAL_SENTRUM.uuid);
    let path = format!("{CONNECTIONS}/roles?party={firm}&to={firm}&from={unit}");
    let of_unit = data(randi.get(&path).await);
    assert_eq!(flags_of(of_role(&of_unit, "regnskapsforer")), [16]);
    let path = format!(
        "{CONNECTIONS}/roles?party={0}&to={0}&from={1}",
        RANDI.uuid, NATTERGAL.uuid
    );
    let by_key_role = data(randi.get(&path).await);
    let accountant = of_role(&by_key_role, "regnskapsforer");
    assert!(flags_of(accountant).iter().all(|flag| *flag == 4));
    assert_eq!(accountant["permissions"][0]["via"]["id"], firm);
    // An agent of a client has packages, and no role.
    let agent = given("/roles", NATTERGAL.uuid, &TALLKNUSEREN_AGENT.id);
    let of_agent = data(world.torleif().get(&agent).await);
    assert_eq!(of_agent, Vec::<Value>::new());
}

#[tokio::test]
async fn roles_have_ends_of_the_right_kind_and_scopes_of_their_direction() {
    let world = World::start().await;
    let torleif = world.torleif();
    let to = Uuid::new_v4().to_string();
    let unknown = given("/roles", NATTERGAL.uuid, &to);
    assert_eq!(data(torleif.get(&unknown).await), Vec::<Value>::new());
    let user = &*NATTERGAL_USER.id;
    let from_user = format!(
        "{CONNECTIONS}/roles?party={0}&from={user}&to={0}",
        NATTERGAL.uuid
    );
    let refused = torleif.get(&from_user).await;
    assert_eq!(errors(&refused), one("AM.VLD-00008", "QUERY/from"));
    let given = given("/roles", NATTERGAL.uuid, TALLKNUSEREN.uuid);
    for (scope, status) in [
        (TO_OTHERS_READ, 200),
        (FROM_OTHERS_READ, 403),
        (TO_OTHERS_WRITE, 403),
        (PORTAL, 200),
    ] {
        let caller = world.torleif().with_scopes(scope);
        caller.get(&given).await.assert_status(status);
    }
    world.oddny().get(&given).await.assert_forbidden();
}

#[tokio::test]
async fn no_role_is_taken_back() {
    let world = World::start().await;
    let marit = world.marit();
    let (from, to) = (TINDEVANDRER.uuid, MARIT.uuid);
    let removes = async |from: &str, to: &str, code: &str| {
        let path = format!("{}&rolecode={code}", given("/roles", from, to));
        marit.delete(&path).await
    };
    let code = async |role: &str| {
        let answer = removes(from, to, role).await;
        (answer.status, answer.code())
    };
    assert_eq!(code("no-such-role").await, (400, "AM-00039".into()));
    assert_eq!(code("daglig-leder").await, (400, "AM-00040".into()));
    // A code of Altinn 2 that a role of the register implies, in any letter case.
    assert_eq!(code("ADMAI").await, (400, "AM-00040".into()));
    // One that is not held.
    let none = removes(from, HEGE.uuid, "admai").await;
    none.assert_status(204).assert_empty();
    let unknown = Uuid::new_v4().to_string();
    let refused = removes(from, &unknown, "admai").await;
    assert_eq!(errors(&refused), one("AM.VLD-00006", "QUERY/to"));
    let refused = marit.delete(&given("/roles", from, to)).await;
    let missing = &refused.assert_status(400).problem()["errors"]["rolecode"];
    assert_eq!(*missing, json!(["The rolecode field is required."]));
    let path = format!("{}&rolecode=admai", given("/roles", from, to));
    for scope in [TO_OTHERS_READ, FROM_OTHERS_WRITE] {
        let caller = world.marit().with_scopes(scope);
        caller.delete(&path).await.assert_forbidden();
    }
}

#[tokio::test]
async fn roles_are_checked_with_every_way() {
    let world = World::start().await;
    let path = |party: &str| format!("{CONNECTIONS}/roles/delegationcheck?party={party}");
    let torleif = world.torleif();
    let list = data(torleif.get(&path(NATTERGAL.uuid)).await);
    let director = of_role(&list, "daglig-leder");
    assert_eq!(director["result"], true);
    let reason = &director["reasons"][0];
    assert_eq!(reason["description"], "Direct-AssignmentRole");
    assert_eq!(reason["fromId"], NATTERGAL.uuid);
    assert_eq!(director["role"].get("isRevocable"), None);
    let implied = &of_role(&list, "utinn")["reasons"][0];
    assert_eq!(implied["description"], "Direct-AssignmentRole-RoleMap");
    assert_eq!(implied["roleUrn"], reason["roleUrn"]);
    let other = of_role(&list, "revisor");
    assert_eq!(other["result"], false);
    assert_eq!(other["reasons"][0]["description"], "NoAccess");
    let of_unit = data(torleif.get(&path(NATTERGAL_SENTRUM.uuid)).await);
    let reason = &of_role(&of_unit, "daglig-leder")["reasons"][0];
    assert_eq!(reason["description"], "Direct-AssignmentRole-MainUnit");
    let reader = world.torleif().with_scopes(TO_OTHERS_READ);
    let refused = reader.get(&path(NATTERGAL.uuid)).await;
    refused.assert_forbidden();
    let foreign = torleif.get(&path(ROTFAST.uuid)).await;
    foreign.assert_forbidden();
}

#[tokio::test]
async fn single_resources_come_without_the_main_units_of_the_parties() {
    let world = World::start().await;
    let torleif = world.torleif();
    let (unit, to) = (NATTERGAL_SENTRUM.uuid, TALLKNUSEREN.uuid);
    let keys = keys(&torleif, unit, A_MELDING, &["read"]).await;
    let body = json!({"directRightKeys": keys});
    adds(&torleif, unit, to).await.assert_status(200);
    let path = rights_path(unit, to, A_MELDING);
    torleif.post(&path, body).await.assert_status(201);
    let list = torleif.get(&given("/resources", unit, to)).await;
    let list = list.assert_status(200).list();
    let given_to = &list[0]["permissions"][0];
    assert_eq!(given_to["from"]["id"], unit);
    assert_eq!(given_to["from"]["parent"], Value::Null);
    let rights = torleif.get(&path).await.assert_status(200).json();
    let right = &rights["directRights"][0]["permissions"][0];
    assert_eq!(right["from"]["id"], unit);
    assert_eq!(right["from"]["parent"], Value::Null);
}

#[tokio::test]
async fn rights_are_added_replaced_and_taken_back() {
    let world = World::start().await;
    let synnove = world.person(SYNNOVE);
    let (from, to) = (ROTFAST.uuid, TALLKNUSEREN.uuid);
    let path = rights_path(from, to, INNTEKTSMELDING);
    let read = keys(&synnove, from, INNTEKTSMELDING, &["read"]).await;
    let write = keys(&synnove, from, INNTEKTSMELDING, &["write"]).await;
    let body = |keys: &[Value]| json!({"directRightKeys": keys});
    synnove
        .post(&path, body(&read))
        .await
        .assert_status(201)
        .assert_empty();
    synnove.post(&path, body(&write)).await.assert_status(201);
    let sav = world.sav();
    let decisions = async || {
        let ask = |action| sav.decides_for(RANDI, action, INNTEKTSMELDING, ROTFAST);
        (ask("read").await, ask("write").await)
    };
    assert_eq!(decisions().await, (Permit, Permit));

    synnove
        .put(&path, body(&read))
        .await
        .assert_status(200)
        .assert_empty();

    assert_eq!(decisions().await, (Permit, NotApplicable));
    synnove.put(&path, body(&[])).await.assert_status(200);
    assert_eq!(decisions().await, (Permit, NotApplicable));
    let list = synnove.get(&path).await.assert_status(200).json();
    assert_eq!(list["directRights"][0]["right"]["key"], read[0]);
    assert_eq!(list["directRights"][0]["reason"]["flag"], 1);
    assert_eq!(list["indirectRights"], json!([]));
    let resource = &list["resource"];
    assert_eq!(resource["refId"], INNTEKTSMELDING.0);
    assert_eq!(resource["provider"]["type"], Value::Null);
    let taken = format!(
        "{}&resource={}",
        given("/resources", from, to),
        INNTEKTSMELDING.0
    );
    for _ in 0..2 {
        synnove.delete(&taken).await.assert_status(204);
    }
    assert_eq!(decisions().await, (NotApplicable, NotApplicable));
}

#[tokio::test]
async fn indirect_rights_have_the_flags_of_their_ways() {
    let world = World::start().await;
    let synnove = world.torleif();
    let (from, to) = (NATTERGAL.uuid, TALLKNUSEREN.uuid);
    let read = keys(&synnove, from, INNTEKTSMELDING, &["read"]).await;
    let path = rights_path(from, to, INNTEKTSMELDING);
    let body = json!({"directRightKeys": read});
    synnove.post(&path, body).await.assert_status(201);
    for (giver, flag) in [(NATTERGAL.uuid, 4), (NATTERGAL_SENTRUM.uuid, 20)] {
        let path = format!(
            "{CONNECTIONS}/resources/rights?party={}&from={giver}&to={}&resource={}",
            RANDI.uuid, RANDI.uuid, INNTEKTSMELDING.0
        );
        let list = world.randi().get(&path).await.assert_status(200).json();
        assert_eq!(list["directRights"], json!([]));
        assert_eq!(list["indirectRights"][0]["reason"]["flag"], flag);
    }
    let path = format!(
        "{CONNECTIONS}/resources?party={from}&from={from}&resource={}",
        INNTEKTSMELDING.0
    );
    let list = world.torleif().get(&path).await.assert_status(200).list();
    assert_eq!(list[0]["resource"]["refId"], INNTEKTSMELDING.0);
    let nil = Uuid::nil().to_string();
    assert_eq!(list[0]["resource"]["providerId"], nil);
}

#[tokio::test]
async fn rights_that_cannot_be_given_are_refused() {
    let world = World::start().await;
    let torleif = world.torleif();
    let from = NATTERGAL.uuid;
    let read = keys(&torleif, from, INNTEKTSMELDING, &["read"]).await;
    let body = |keys: &[Value]| json!({"directRightKeys": keys});
    let to = TALLKNUSEREN.uuid;
    let unknown = rights_path(from, to, UNKNOWN_RESOURCE);
    let unknown = torleif.post(&unknown, body(&read)).await;
    assert_eq!(unknown.code(), "AM-00027");
    assert_eq!(unknown.json()["resource"], UNKNOWN_RESOURCE.0);
    let path = rights_path(from, to, INNTEKTSMELDING);
    assert_eq!(torleif.post(&path, body(&[])).await.code(), "AM-00033");
    for missing in [json!({}), json!({"directRightKeys": null})] {
        let missing = torleif.put(&path, missing).await;
        missing.assert_error_keys(["directRightKeys"]);
    }
    let upper = json!(read[0].as_str().unwrap().to_uppercase());
    let wrong = torleif.post(&path, body(&[upper])).await;
    assert_eq!(wrong.code(), "AM-00028");
    let stranger = rights_path(from, SIFFERHJELP.uuid, INNTEKTSMELDING);
    let stranger = torleif.post(&stranger, body(&read)).await;
    assert_eq!(stranger.code(), "AM-00022");
    let path = rights_path(from, &Uuid::new_v4().to_string(), INNTEKTSMELDING);
    let unknown = torleif.post(&path, body(&read)).await;
    assert_eq!(errors(&unknown), one("AM.VLD-00006", "QUERY/to"));
    let taken = format!(
        "{}&resource={}",
        given("/resources", from, to),
        UNKNOWN_RESOURCE.0
    );
    let taken = torleif.delete(&taken).await;
    assert_eq!(errors(&taken), one("AM.VLD-00030", "QUERY/resource"));
    let detail = &taken.json()["validationErrors"][0]["detail"];
    assert_eq!(*detail, "Resource does not exist.");
}

#[tokio::test]
async fn packages_are_checked_with_every_way() {
    let world = World::start().await;
    let path = format!(
        "{CONNECTIONS}/accesspackages/delegationcheck?party={}",
        NATTERGAL.uuid
    );
    let of = |list: &[Value], package: Package| {
        let is = |one: &&Value| one["package"]["urn"] == package.urn();
        list.iter().find(is).unwrap().clone()
    };
    let all = data(world.borghild().get(&path).await);
    let lonn = of(&all, LONN);
    assert_eq!(lonn["result"], true);
    let reason = &lonn["reasons"][0];
    assert_eq!(reason["description"], "Direct-AssignmentPackage");
    assert_eq!(reason["fromId"], NATTERGAL.uuid);
    assert_eq!(reason["toId"], BORGHILD.uuid);
    assert_eq!(reason["viaId"], Value::Null);
    let pensjon = of(&all, PENSJON);
    assert_eq!(pensjon["result"], false);
    assert_eq!(pensjon["reasons"][0]["description"], "NoAccess");
    assert_eq!(pensjon["reasons"][0]["roleUrn"], Value::Null);
    // By name and by id.
    let named = format!("{path}&packages={}", PENSJON.urn());
    let named = data(world.torleif().get(&named).await);
    assert_eq!(named.len(), 1);
    let descriptions: Vec<&str> = named[0]["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["description"].as_str().unwrap())
        .collect();
    assert_eq!(
        descriptions,
        ["Direct-RolePackage", "Direct-RolePackage-HovedAdmin"]
    );
    let unknown = format!("{path}&packages={}&packages=x", PENSJON.urn());
    let unknown = world.torleif().get(&unknown).await;
    assert_eq!(errors(&unknown), one("AM.VLD-00009", "QUERY/package"));
    let text = &unknown.json()["validationErrors"][0]["packages"];
    assert_eq!(*text, "Packages with name(s) was not found 'x'.");
    let by_id = format!("{path}&packageIds={}", Uuid::new_v4());
    assert_eq!(world.torleif().get(&by_id).await.code(), "AM-00041");
}

#[tokio::test]
async fn resources_are_checked_right_by_right() {
    let world = World::start().await;
    let path = |resource: Resource| {
        format!(
            "{CONNECTIONS}/resources/delegationcheck?party={}&resource={}",
            NATTERGAL.uuid, resource.0
        )
    };
    let checked = world.torleif().get(&path(A_MELDING)).await;
    let checked = checked.assert_status(200).json();
    let right = &checked["rights"][0];
    assert_eq!(right["result"], true);
    assert!(right["right"]["name"].is_string());
    assert!(right["reasonCodes"].as_array().is_some_and(|codes| {
        codes
            .iter()
            .any(|code| ["PackageAccess", "RoleAccess"].contains(&code.as_str().unwrap()))
    }));
    assert_eq!(
        checked["resource"]["provider"]["type"]["name"],
        "Tjenesteeier"
    );
    // Borghild holds `lonn` and nothing that leads here.
    let missing = world.borghild().get(&path(MVA_MELDING)).await;
    let missing = missing.assert_status(200).json();
    let right = &missing["rights"][0];
    assert_eq!(right["result"], false);
    let codes = right["reasonCodes"].as_array().unwrap();
    assert_eq!(codes.last().unwrap(), "MissingDelegationAccess");
    let unknown = world.torleif().get(&path(UNKNOWN_RESOURCE)).await;
    assert_eq!(unknown.code(), "AM-00027");
}

#[tokio::test]
async fn a_resource_names_the_logo_of_its_owner() {
    let world = World::start().await;
    let torleif = world.torleif();
    let logo = "https://logo.example/sav.svg";
    let checked = format!(
        "{CONNECTIONS}/resources/delegationcheck?party={}&resource={}",
        NATTERGAL.uuid, A_MELDING.0
    );
    let held = rights_path(NATTERGAL.uuid, TALLKNUSEREN.uuid, A_MELDING);
    for path in [&checked, &held] {
        let answer = torleif.get(path).await.assert_status(200).json();
        assert_eq!(answer["resource"]["provider"]["logoUrl"], Value::Null);
    }
    world.app.give_logo("sav", logo).await;
    for path in [&checked, &held] {
        let answer = torleif.get(path).await.assert_status(200).json();
        assert_eq!(answer["resource"]["provider"]["logoUrl"], logo);
    }
}

#[tokio::test]
async fn a_system_user_manages_access_with_the_package_for_it() {
    let world = World::start().await;
    let user = world
        .app
        .standard_user_with(TINDEVANDRER, TILGANGSSTYRER)
        .await;
    let user = Caller::system_user(&world.app, &user, SKYREGNSKAP).with_scopes(TO_OTHERS_WRITE);
    let path = given("", TINDEVANDRER.uuid, TALLKNUSEREN.uuid);
    user.post_empty(&path).await.assert_status(200);
    let rows = world.app.rows_of("rightholder.added").await;
    assert_eq!(rows[0].actor_kind, "systemuser");
    let path = given("/accesspackages", TINDEVANDRER.uuid, TALLKNUSEREN.uuid);
    // It gives on what it holds, and nothing else.
    let held = format!("{path}&package={}", TILGANGSSTYRER.urn());
    user.post_empty(&held).await.assert_status(200);
    let other = format!("{path}&package={}", LONN.urn());
    let other = user.post_empty(&other).await;
    assert_eq!(errors(&other), one("AM.VLD-00026", "QUERY/packageId"));
    let foreign = given("", NATTERGAL.uuid, TALLKNUSEREN.uuid);
    user.post_empty(&foreign).await.assert_forbidden();
}

#[tokio::test]
async fn refused_writes_leave_a_row_and_calls_that_change_nothing_leave_none() {
    let world = World::start().await;
    let torleif = world.torleif();
    let refused = adds(&world.oddny(), NATTERGAL.uuid, TALLKNUSEREN.uuid).await;
    refused.assert_forbidden();
    let rows = world.app.refusals().await;
    let row = rows.iter().find(|row| row.action == "rightholder.added");
    assert_eq!(row.unwrap().outcome, "denied");
    let removed = torleif
        .delete(&given("", NATTERGAL.uuid, SIFFERHJELP.uuid))
        .await;
    removed.assert_status(204);
    assert_eq!(world.app.audited("rightholder.removed").await, 0);
}
