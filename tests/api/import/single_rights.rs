//! Single rights decide for all who hold them.

use edges::import::ImportKind;
use serde_json::{Value, json};
use testkit::{facts::decision_request, prelude::*};

use super::files::good;

const INTERNAL: &str = "/authorization/api/v1/decision";
const PARTIES: &str = "/accessmanagement/api/v1/resourceowner/authorizedparties";
const ADMIN: &str = "altinn:authorization/authorize.admin";
const SAFT_INNSYN: Resource = Resource("saft-innsyn");

const PERSON: &str = "urn:altinn:person:identifier-no";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
const PARTY_UUID: &str = "urn:altinn:party:uuid";
const PARTY_ID: &str = "urn:altinn:partyid";
const USER_ID: &str = "urn:altinn:userid";
const ORG_NUMBER: &str = "urn:altinn:organization:identifier-no";
const ORG_NUMBER_LEGACY: &str = "urn:altinn:organizationnumber";
const ORGANIZATION_UUID: &str = "urn:altinn:organization:uuid";

/// The right to read agreements on work training.
fn reads() -> Value {
    json!([{"resource": ARBEIDSTRENING_AVTALE.0, "actions": ["read"]}])
}

fn to_person(from: Organization, to: Person) -> Value {
    json!({"from": from.number, "toPerson": to.pid, "rights": reads()})
}

fn to_organization(from: Organization, to: Organization) -> Value {
    json!({"from": from.number, "toOrg": to.number, "rights": reads()})
}

async fn given(lines: &[Value]) -> World {
    let world = World::start().await;
    good(&world.app, ImportKind::Rightholders, lines).await;
    world
}

async fn decides_at(
    world: &World,
    path: &str,
    subject: (&str, &str),
    resource: Resource,
    party: Organization,
) -> Value {
    let body = decision_request(subject, "read", resource.0, (ORG_NUMBER, party.number));
    let answer = world.sav().post(path, body).await.assert_status(200);
    answer.json()["response"][0].clone()
}

/// May this subject read agreements on work training for an organisation?
async fn decides(world: &World, subject: (&str, &str), party: Organization) -> Decision {
    let result = decides_at(world, AUTHORIZE_PATH, subject, ARBEIDSTRENING_AVTALE, party).await;
    Decision::of(&result["decision"])
}

#[tokio::test]
async fn a_right_of_a_main_unit_reaches_its_sub_units() {
    let world = given(&[to_person(NATTERGAL, PER)]).await;
    for party in [NATTERGAL, NATTERGAL_SENTRUM, NATTERGAL_HAVNA] {
        assert_eq!(decides(&world, (PERSON, PER.pid), party).await, Permit);
    }
    assert_eq!(
        decides(&world, (PERSON, PER.pid), TINDEVANDRER).await,
        NotApplicable
    );
}

#[tokio::test]
async fn a_right_of_a_sub_unit_reaches_no_other_party() {
    let world = given(&[to_person(NATTERGAL_SENTRUM, PER)]).await;
    assert_eq!(
        decides(&world, (PERSON, PER.pid), NATTERGAL_SENTRUM).await,
        Permit
    );
    for party in [NATTERGAL, NATTERGAL_HAVNA] {
        assert_eq!(
            decides(&world, (PERSON, PER.pid), party).await,
            NotApplicable
        );
    }
}

#[tokio::test]
async fn a_right_is_to_its_action_on_its_resource() {
    let world = given(&[to_person(NATTERGAL, PER)]).await;
    for (action, resource) in [("write", ARBEIDSTRENING_AVTALE), ("read", INNTEKTSMELDING)] {
        let party = (ORG_NUMBER, NATTERGAL.number);
        let body = decision_request((PERSON, PER.pid), action, resource.0, party);
        let answer = world.sav().asks(body).await.assert_status(200).json();
        assert_eq!(
            answer["response"][0]["decision"], "NotApplicable",
            "{action}"
        );
    }
}

#[tokio::test]
async fn a_permit_by_a_right_has_the_obligations_of_the_policy() {
    let world = given(&[to_person(NATTERGAL, PER)]).await;
    let subject = (PERSON, PER.pid);
    let by_right = decides_at(
        &world,
        AUTHORIZE_PATH,
        subject,
        ARBEIDSTRENING_AVTALE,
        NATTERGAL,
    )
    .await;
    let director = (PERSON, TORLEIF.pid);
    let by_policy = decides_at(
        &world,
        AUTHORIZE_PATH,
        director,
        ARBEIDSTRENING_AVTALE,
        NATTERGAL,
    )
    .await;
    assert_ne!(by_right["obligations"], Value::Null);
    assert_eq!(by_right["obligations"], by_policy["obligations"]);
}

#[tokio::test]
async fn a_person_has_its_rights_by_every_name_of_persons() {
    let world = given(&[to_person(NATTERGAL, PER)]).await;
    let user_id = world.app.user_id_of_uuid(PER.uuid).await;
    for subject in [
        (PERSON, PER.pid),
        (PERSON_UUID, PER.uuid),
        (PARTY_UUID, PER.uuid),
        (USER_ID, &user_id),
    ] {
        for path in [AUTHORIZE_PATH, INTERNAL] {
            if (path, subject.0) == (INTERNAL, PERSON) {
                continue;
            }
            let result = decides_at(&world, path, subject, ARBEIDSTRENING_AVTALE, NATTERGAL).await;
            assert_eq!(result["decision"], "Permit", "{} at {path}", subject.0);
        }
    }
}

#[tokio::test]
async fn a_person_has_none_by_party_id() {
    let world = given(&[to_person(NATTERGAL, PER)]).await;
    let party_id = world.app.party_id_of_uuid(PER.uuid).await;
    assert_eq!(
        decides(&world, (PARTY_ID, &party_id), NATTERGAL).await,
        NotApplicable
    );
}

#[tokio::test]
async fn an_organisation_has_its_rights_by_every_name() {
    let world = given(&[to_organization(NATTERGAL, KERAMIKK)]).await;
    let party_id = KERAMIKK.party.to_string();
    for subject in [
        (ORG_NUMBER, KERAMIKK.number),
        (ORG_NUMBER_LEGACY, KERAMIKK.number),
        (ORGANIZATION_UUID, KERAMIKK.uuid),
        (PARTY_UUID, KERAMIKK.uuid),
        (PARTY_ID, &party_id),
    ] {
        for path in [AUTHORIZE_PATH, INTERNAL] {
            for party in [NATTERGAL, NATTERGAL_HAVNA] {
                let result = decides_at(&world, path, subject, ARBEIDSTRENING_AVTALE, party).await;
                assert_eq!(result["decision"], "Permit", "{} at {path}", subject.0);
            }
        }
    }
}

#[tokio::test]
async fn a_right_of_an_organisation_reaches_who_holds_a_key_role_in_it() {
    let world = given(&[to_organization(NATTERGAL, KERAMIKK)]).await;
    for party in [NATTERGAL, NATTERGAL_SENTRUM] {
        assert_eq!(decides(&world, (PERSON, ODDNY.pid), party).await, Permit);
    }
}

#[tokio::test]
async fn a_right_of_an_organisation_reaches_only_persons_with_a_key_role() {
    let world = given(&[to_organization(KERAMIKK, NATTERGAL)]).await;
    // A board member, and one who was given packages.
    for person in [ESKIL, BORGHILD] {
        assert_eq!(
            decides(&world, (PERSON, person.pid), KERAMIKK).await,
            NotApplicable
        );
    }
    assert_eq!(
        decides(&world, (PERSON, TORLEIF.pid), KERAMIKK).await,
        Permit
    );
}

#[tokio::test]
async fn a_right_of_a_sub_unit_reaches_who_holds_a_key_role_in_its_main_unit() {
    let world = given(&[to_organization(NATTERGAL, KERAMIKK_VERKSTED)]).await;
    for party in [NATTERGAL, NATTERGAL_SENTRUM] {
        for subject in [(PERSON, ODDNY.pid), (ORG_NUMBER, KERAMIKK_VERKSTED.number)] {
            assert_eq!(decides(&world, subject, party).await, Permit);
        }
        assert_eq!(
            decides(&world, (ORG_NUMBER, KERAMIKK.number), party).await,
            NotApplicable
        );
    }
    assert_eq!(
        decides(&world, (PERSON, ODDNY.pid), TINDEVANDRER).await,
        NotApplicable
    );
}

#[tokio::test]
async fn rights_of_sub_units_decide_in_a_request_for_several_decisions() {
    let world = given(&[
        to_organization(NATTERGAL, KERAMIKK_VERKSTED),
        to_person(TINDEVANDRER, PER),
    ])
    .await;
    let attribute = |id: &str, value: &str| json!([{"AttributeId": id, "Value": value}]);
    let resource = |party: Organization| json!([{"AttributeId": "urn:altinn:resource", "Value": ARBEIDSTRENING_AVTALE.0}, {"AttributeId": ORG_NUMBER, "Value": party.number}]);
    let body = json!({"Request": {
        "AccessSubject": [{"Id": "oddny", "Attribute": attribute(PERSON, ODDNY.pid)}, {"Id": "per", "Attribute": attribute(PERSON, PER.pid)}],
        "Action": [{"Id": "read", "Attribute": attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "read")}],
        "Resource": [{"Id": "tindevandrer", "Attribute": resource(TINDEVANDRER)}, {"Id": "nattergal", "Attribute": resource(NATTERGAL)}],
        "MultiRequests": {"RequestReference": [
            {"ReferenceId": ["oddny", "read", "tindevandrer"]}, {"ReferenceId": ["per", "read", "tindevandrer"]},
            {"ReferenceId": ["oddny", "read", "nattergal"]}, {"ReferenceId": ["per", "read", "nattergal"]}]}}});
    let answer = world.sav().asks(body).await.assert_status(200).json();
    let decisions: Vec<Decision> = answer["response"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| Decision::of(&result["decision"]))
        .collect();
    assert_eq!(decisions, [NotApplicable, Permit, Permit, NotApplicable]);
}

#[tokio::test]
async fn who_has_died_has_no_right() {
    let world = given(&[to_person(NATTERGAL, DAGNY)]).await;
    assert_eq!(
        decides(&world, (PERSON, DAGNY.pid), NATTERGAL).await,
        NotApplicable
    );
}

#[tokio::test]
async fn a_right_that_is_taken_back_decides_nothing() {
    let world = given(&[
        to_person(NATTERGAL, PER),
        to_organization(NATTERGAL, KERAMIKK),
        to_organization(TINDEVANDRER, KERAMIKK_VERKSTED),
    ])
    .await;
    let asked = [
        (PER, NATTERGAL),
        (ODDNY, NATTERGAL_SENTRUM),
        (ODDNY, TINDEVANDRER),
    ];
    for (person, party) in asked {
        assert_eq!(decides(&world, (PERSON, person.pid), party).await, Permit);
    }
    let mut options = super::files::options(
        ImportKind::Rightholders,
        super::files::file(super::files::ndjson(&[to_person(KERAMIKK, BJARNE)])),
    );
    options.max_shrink = 100.0;
    let outcome = super::files::import(&world.app, &options).await.unwrap();
    assert_eq!(outcome.counts.ended, 3);
    for (person, party) in asked {
        assert_eq!(
            decides(&world, (PERSON, person.pid), party).await,
            NotApplicable
        );
    }
}

#[tokio::test]
async fn a_right_does_not_open_an_access_list() {
    let lines = [(NATTERGAL, PER), (KERAMIKK, PER)].map(|(from, to)| {
        json!({"from": from.number, "toPerson": to.pid, "rights": [{"resource": SAFT_INNSYN.0, "actions": ["read"]}]})
    });
    let world = given(&lines).await;
    let subject = (PERSON, PER.pid);
    let listed = decides_at(&world, AUTHORIZE_PATH, subject, SAFT_INNSYN, NATTERGAL).await;
    let unlisted = decides_at(&world, AUTHORIZE_PATH, subject, SAFT_INNSYN, KERAMIKK).await;
    assert_eq!(
        (&listed["decision"], &unlisted["decision"]),
        (&json!("Permit"), &json!("Deny"))
    );
}

#[tokio::test]
async fn a_right_of_a_sub_unit_has_the_obligations_and_the_access_list_of_the_resource() {
    let lines = [NATTERGAL, TALLKNUSEREN].map(|from| {
        let rights = [ARBEIDSTRENING_AVTALE, SAFT_INNSYN]
            .map(|resource| json!({"resource": resource.0, "actions": ["read"]}));
        json!({"from": from.number, "toOrg": KERAMIKK_VERKSTED.number, "rights": rights})
    });
    let world = given(&lines).await;
    let oddny = (PERSON, ODDNY.pid);
    let of = async |subject, resource, party| {
        decides_at(&world, AUTHORIZE_PATH, subject, resource, party).await
    };
    let by_right = of(oddny, ARBEIDSTRENING_AVTALE, NATTERGAL).await;
    let by_policy = of((PERSON, TORLEIF.pid), ARBEIDSTRENING_AVTALE, NATTERGAL).await;
    assert_ne!(by_right["obligations"], Value::Null);
    assert_eq!(by_right["obligations"], by_policy["obligations"]);
    let listed = of(oddny, SAFT_INNSYN, NATTERGAL).await;
    let unlisted = of(oddny, SAFT_INNSYN, TALLKNUSEREN).await;
    assert_eq!(
        (&listed["decision"], &unlisted["decision"]),
        (&json!("Permit"), &json!("Deny"))
    );
}

#[tokio::test]
async fn a_right_of_a_sub_unit_is_to_the_part_of_the_resource_that_it_names() {
    let world = given(&[to_organization(NATTERGAL, KERAMIKK_VERKSTED)]).await;
    world.app.restrict_rights_to_task("Task_1").await;
    for (task, decision) in [("Task_1", "Permit"), ("Task_2", "NotApplicable")] {
        let mut body = decision_request(
            (PERSON, ODDNY.pid),
            "read",
            ARBEIDSTRENING_AVTALE.0,
            (ORG_NUMBER, NATTERGAL.number),
        );
        let resource = &mut body["Request"]["Resource"][0]["Attribute"];
        let attribute = json!({"AttributeId": "urn:altinn:task", "Value": task});
        resource.as_array_mut().unwrap().push(attribute);
        let answer = world.sav().asks(body).await.assert_status(200).json();
        assert_eq!(answer["response"][0]["decision"], decision, "{task}");
    }
}

#[tokio::test]
async fn authzen_decides_by_single_rights_and_names_them() {
    let world = given(&[to_person(NATTERGAL, PER)]).await;
    let body = json!({"subject": {"type": "person", "id": PER.pid}, "action": {"name": "read"},
        "resource": {"type": "resource", "id": ARBEIDSTRENING_AVTALE.0, "properties": {"organization": NATTERGAL.number}}});
    let answer = world.sav().post("/access/v1/evaluation", body).await;
    let answer = answer.assert_status(200).json();
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["reason"], "single_right");
    let granted_by = answer["context"]["granted_by"].as_str().unwrap();
    assert!(granted_by.starts_with("single_right:"), "{granted_by}");
}

#[tokio::test]
async fn a_search_finds_resources_by_single_rights_through_a_sub_unit() {
    let world = given(&[to_organization(NATTERGAL, KERAMIKK_VERKSTED)]).await;
    let admin = world.organization(AYE, ADMIN);
    let subject = json!({"type": "person", "id": ODDNY.pid});
    let properties = json!({"organization": NATTERGAL.number});
    let resources = json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": "resource", "properties": properties}});
    let found = admin.post("/access/v1/search/resource", resources).await;
    assert_eq!(
        found.assert_status(200).json()["results"],
        json!([{"type": "resource", "id": ARBEIDSTRENING_AVTALE.0}])
    );
    let actions = json!({"subject": subject, "resource": {"type": "resource", "id": ARBEIDSTRENING_AVTALE.0, "properties": properties}});
    let found = admin.post("/access/v1/search/action", actions).await;
    assert_eq!(
        found.assert_status(200).json()["results"],
        json!([{"name": "read"}])
    );
}

#[tokio::test]
async fn an_explanation_names_the_right_its_holder_and_the_key_role() {
    let world = given(&[to_organization(NATTERGAL, KERAMIKK)]).await;
    let party = (ORG_NUMBER, NATTERGAL_SENTRUM.number);
    let body = decision_request((PERSON, ODDNY.pid), "read", ARBEIDSTRENING_AVTALE.0, party);
    let admin = world.organization(AYE, ADMIN);
    let answer = admin
        .post(&format!("{AUTHORIZE_PATH}?explain=true"), body)
        .await;
    let explanation = answer.assert_status(200).json()["response"][0]["explanation"].clone();
    assert_eq!(explanation["reason"], "single_right");
    let steps = explanation["steps"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|step| step["code"] == "single_right_permits")
        .unwrap();
    assert_eq!(step["facts"]["keyRole"], "innehaver");
    assert_eq!(step["facts"]["resource"], ARBEIDSTRENING_AVTALE.0);
    let grant = &explanation["grants"][0];
    assert_eq!(
        (&grant["kind"], &grant["from"], &grant["holder"]),
        (
            &json!("single_right"),
            &json!(NATTERGAL.uuid),
            &json!(KERAMIKK.uuid)
        )
    );
    assert_eq!(grant["id"], step["facts"]["assignment"]);
}

/// Organisations for which a list shows the resource.
fn with_resource(list: &[Value], out: &mut Vec<String>) {
    for party in list {
        let resources = party["authorizedResources"].as_array().unwrap();
        if resources.contains(&json!(ARBEIDSTRENING_AVTALE.0)) {
            out.extend(party["organizationNumber"].as_str().map(str::to_owned));
        }
        with_resource(party["subunits"].as_array().unwrap(), out);
    }
}

#[tokio::test]
async fn decisions_permit_what_lists_of_parties_show() {
    let world = given(&[
        to_person(NATTERGAL, PER),
        to_person(NATTERGAL_SENTRUM, BJARNE),
        to_organization(TINDEVANDRER, KERAMIKK),
        to_organization(KERAMIKK, NATTERGAL),
        to_organization(KERAMIKK_VERKSTED, SKJAERGAARD_REDERI),
        to_person(NATTERGAL, DAGNY),
    ])
    .await;
    let caller = world.organization(SAV, AUTHORIZED_PARTIES);
    let mut shown = 0;
    for subject in [
        (PERSON, PER.pid),
        (PERSON, BJARNE.pid),
        (PERSON, ODDNY.pid),
        (PERSON, ESKIL.pid),
        (PERSON, GUDRUN.pid),
        (PERSON, DAGNY.pid),
        (ORG_NUMBER, KERAMIKK.number),
        (ORG_NUMBER, NATTERGAL.number),
        (ORG_NUMBER, SKJAERGAARD_REDERI.number),
        (ORG_NUMBER, SKJAERGAARD_KOMPLEMENTAR.number),
    ] {
        let body = json!({"type": subject.0, "value": subject.1});
        let list = caller.post(PARTIES, body).await.assert_status(200).list();
        let mut listed = Vec::new();
        with_resource(&list, &mut listed);
        shown += listed.len();
        for party in [
            NATTERGAL,
            NATTERGAL_SENTRUM,
            NATTERGAL_HAVNA,
            TINDEVANDRER,
            KERAMIKK,
            KERAMIKK_VERKSTED,
            SKJAERGAARD_REDERI,
        ] {
            let party_number = (ORG_NUMBER, party.number);
            let body = decision_request(subject, "read", ARBEIDSTRENING_AVTALE.0, party_number);
            let admin = world.organization(AYE, ADMIN);
            let answer = admin
                .post(&format!("{AUTHORIZE_PATH}?explain=true"), body)
                .await;
            let result = answer.assert_status(200).json()["response"][0].clone();
            let by_right = result["explanation"]["reason"] == "single_right";
            let is_listed = listed.iter().any(|number| number == party.number);
            // Where a role permits too, the right has nothing to decide.
            assert!(
                by_right == is_listed || (is_listed && result["decision"] == "Permit"),
                "{subject:?} for {party:?}: listed {is_listed}, {result}"
            );
        }
    }
    assert_eq!(shown, 9);
}
