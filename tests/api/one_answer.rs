//! One table of questions. Each is put to every decision endpoint, in every spelling that the
//! endpoint has for it, and has one answer.

use serde_json::{Map, Value, json};
use testkit::prelude::*;

const INTERNAL: &str = "/authorization/api/v1/decision";
const TOKEN: &str = "/authorization/api/v1/systemuser/authorize";
const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
const PERSON: &str = "urn:altinn:person:identifier-no";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
const PARTY_UUID: &str = "urn:altinn:party:uuid";
const ORGANIZATION_UUID: &str = "urn:altinn:organization:uuid";
const USER_UUID: &str = "urn:altinn:user:uuid";
const PARTY_ID: &str = "urn:altinn:partyid";
const PARTY_ID_NEWER: &str = "urn:altinn:party:id";
const ORG_NUMBER: &str = "urn:altinn:organization:identifier-no";
const ORG_NUMBER_LEGACY: &str = "urn:altinn:organizationnumber";
const ACTION: &str = "urn:oasis:names:tc:xacml:1.0:action:action-id";
const RESOURCE: &str = "urn:altinn:resource";
const ORG: &str = "urn:altinn:org";
const APP: &str = "urn:altinn:app";
const INSTANCE: &str = "urn:altinn:instance-id";
const RESOURCE_INSTANCE: &str = "urn:altinn:resource:instance-id";
const INSTANCE_UUID: &str = "6f1b6e2a-3d0c-4b7e-9c55-0a5f5d9f0c11";

/// Attributes in order: identifier and value.
type Attributes = Vec<(&'static str, String)>;

/// A question: the attributes of its three categories.
#[derive(Debug, Clone)]
struct Asked {
    subject: Attributes,
    action: Attributes,
    resource: Attributes,
}

impl Asked {
    /// May Tindevandrer's system user send the a-melding of this party?
    fn about(party: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut resource = vec![(RESOURCE, A_MELDING.0.to_owned())];
        resource.extend(party);
        Self {
            subject: vec![(SYSTEM_USER, TINDEVANDRER_USER.id.to_string())],
            action: vec![(ACTION, "write".to_owned())],
            resource,
        }
    }

    /// The same for Tindevandrer, with further attributes of the resource.
    fn and(further: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut asked = Self::about([(ORG_NUMBER, TINDEVANDRER.number.to_owned())]);
        asked.resource.extend(further);
        asked
    }

    fn by(mut self, subject: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.subject = subject.into_iter().collect();
        self
    }

    fn to(mut self, actions: &[&str]) -> Self {
        self.action = actions.iter().map(|a| (ACTION, (*a).to_owned())).collect();
        self
    }

    fn on(mut self, resource: &str) -> Self {
        resource.clone_into(&mut self.resource[0].1);
        self
    }
}

/// How a request in JSON spells a category with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// An attribute for each value, in one entry.
    Attributes,
    /// One attribute with all values of an identifier.
    Lists,
    /// An entry for each value.
    Entries,
    /// In the list of categories.
    Categories,
    /// Entries for each value, all of them named by one reference.
    Reference,
}

const CATEGORIES: [(&str, &str); 3] = [
    (
        "AccessSubject",
        "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject",
    ),
    (
        "Action",
        "urn:oasis:names:tc:xacml:3.0:attribute-category:action",
    ),
    (
        "Resource",
        "urn:oasis:names:tc:xacml:3.0:attribute-category:resource",
    ),
];

/// Values by identifier, in the order of the first of each.
fn grouped(attributes: &Attributes) -> Vec<(&'static str, Vec<&str>)> {
    let mut out: Vec<(&'static str, Vec<&str>)> = Vec::new();
    for (id, value) in attributes {
        match out.iter_mut().find(|(known, _)| known == id) {
            Some((_, values)) => values.push(value),
            None => out.push((id, vec![value])),
        }
    }
    out
}

fn in_json(asked: &Asked, spelling: Spelling) -> Value {
    let mut request = Map::new();
    let (mut categories, mut names) = (Vec::new(), Vec::new());
    let one = |(id, value): &(&str, String)| json!({"AttributeId": id, "Value": value});
    let parts = [&asked.subject, &asked.action, &asked.resource];
    for ((list, category), attributes) in CATEGORIES.into_iter().zip(parts) {
        let entries: Vec<Value> = match spelling {
            Spelling::Attributes | Spelling::Categories => {
                let all: Vec<Value> = attributes.iter().map(one).collect();
                vec![json!({"Attribute": all})]
            }
            Spelling::Lists => {
                let all = grouped(attributes);
                let all = all.iter().map(|(id, values)| json!({"AttributeId": id, "Value": values}));
                vec![json!({"Attribute": all.collect::<Vec<_>>()})]
            }
            Spelling::Entries | Spelling::Reference => attributes
                .iter()
                .enumerate()
                .map(|(n, attribute)| json!({"Id": format!("{list}{n}"), "Attribute": [one(attribute)]}))
                .collect(),
        };
        names.extend(entries.iter().map(|entry| entry["Id"].clone()));
        if spelling == Spelling::Categories {
            categories.extend(entries.into_iter().map(|mut entry| {
                entry["CategoryId"] = json!(category);
                entry
            }));
        } else {
            request.insert(list.to_owned(), json!(entries));
        }
    }
    if spelling == Spelling::Categories {
        request.insert("Category".to_owned(), json!(categories));
    }
    if spelling == Spelling::Reference {
        let reference = json!({"RequestReference": [{"ReferenceId": names}]});
        request.insert("MultiRequests".to_owned(), reference);
    }
    json!({"Request": request})
}

/// A request in XML: all values of an identifier in one attribute, or an element `Attributes` for
/// each value.
fn in_xml(asked: &Asked, is_apart: bool) -> String {
    // Blanks around an xs:anyURI are no part of it.
    let blank = if is_apart { " " } else { "" };
    let attribute = |id: &str, values: &[&str]| {
        let values: String = values
            .iter()
            .map(|value| format!("<AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#string\">{value}</AttributeValue>"))
            .collect();
        format!(
            "<Attribute IncludeInResult=\"false\" AttributeId=\"{blank}{id}{blank}\">{values}</Attribute>"
        )
    };
    let mut out = String::from(
        "<Request xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" ReturnPolicyIdList=\"false\" CombinedDecision=\"false\">",
    );
    let parts = [&asked.subject, &asked.action, &asked.resource];
    for ((_, category), attributes) in CATEGORIES.into_iter().zip(parts) {
        let elements: Vec<String> = if is_apart {
            let each = attributes.iter();
            each.map(|(id, value)| attribute(id, &[value])).collect()
        } else {
            let all = grouped(attributes);
            vec![
                all.iter()
                    .map(|(id, values)| attribute(id, values))
                    .collect(),
            ]
        };
        for element in elements {
            out.extend([
                "<Attributes Category=\"",
                blank,
                category,
                "\">",
                &element,
                "</Attributes>",
            ]);
        }
    }
    out + "</Request>"
}

/// Names of a reportee as `AuthZEN` has members for them.
const REPORTEES: [(&str, &str); 4] = [
    (ORG_NUMBER, "organization"),
    (PARTY_ID, "party_id"),
    (PARTY_UUID, "party_uuid"),
    (PERSON, "person"),
];

/// An `AuthZEN` question from the viewpoint of the resource or of the party; none when it cannot be
/// asked so.
fn in_authzen(asked: &Asked, from_party: bool) -> Option<Value> {
    let [(kind, subject)] = asked.subject.as_slice() else {
        return None;
    };
    let kind = match *kind {
        SYSTEM_USER => "systemuser",
        PERSON => "person",
        ORG_NUMBER => "organization",
        ORG => "service_owner",
        _ => return None,
    };
    let (action, actions) = asked.action.split_first()?;
    let [(RESOURCE, resource), further @ ..] = asked.resource.as_slice() else {
        return None;
    };
    let at = further
        .iter()
        .position(|(id, _)| REPORTEES.iter().any(|(known, _)| known == id))?;
    let (reportee, party) = &further[at];
    let mut properties = Map::new();
    let rest: Attributes = further
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != at)
        .map(|(_, attribute)| attribute.clone())
        .collect();
    for (id, values) in grouped(&rest) {
        let name = if id == INSTANCE && values.len() == 1 {
            "instance_id"
        } else {
            id
        };
        let value = if values.len() == 1 {
            json!(values[0])
        } else {
            json!(values)
        };
        properties.insert(name.to_owned(), value);
    }
    let resource = if from_party {
        properties.insert("resource".to_owned(), json!(resource));
        json!({"type": "party", "id": format!("{reportee}:{party}"), "properties": properties})
    } else {
        let member = REPORTEES.iter().find(|(known, _)| known == reportee)?.1;
        properties.insert(member.to_owned(), json!(party));
        json!({"type": "resource", "id": resource, "properties": properties})
    };
    let mut action = json!({"name": action.1});
    if !actions.is_empty() {
        let values: Vec<&str> = actions.iter().map(|(_, value)| value.as_str()).collect();
        action["properties"] = json!({ACTION: values});
    }
    Some(json!({"subject": {"type": kind, "id": subject}, "action": action, "resource": resource}))
}

/// A check of the token of Tindevandrer's system user; none when it cannot be asked so.
fn as_check(asked: &Asked) -> Option<Value> {
    if asked.subject != [(SYSTEM_USER, TINDEVANDRER_USER.id.to_string())] {
        return None;
    }
    let [(_, action)] = asked.action.as_slice() else {
        return None;
    };
    let [(RESOURCE, resource), further @ ..] = asked.resource.as_slice() else {
        return None;
    };
    let mut check = json!({"resource": resource, "action": action});
    for (id, value) in further {
        let (member, value) = match *id {
            INSTANCE => ("instance", value.clone()),
            PARTY_ID | PARTY_ID_NEWER | PARTY_UUID | PERSON_UUID | ORGANIZATION_UUID
            | USER_UUID | ORG_NUMBER | ORG_NUMBER_LEGACY | PERSON => {
                ("party", format!("{id}:{value}"))
            }
            _ => return None,
        };
        if check.get(member).is_some() {
            return None;
        }
        check[member] = json!(value);
    }
    Some(check)
}

/// The endpoints, and a service owner that asks them.
struct Endpoints {
    world: World,
    /// Of Tindevandrer's system user.
    token: String,
    asked: usize,
}

impl Endpoints {
    async fn start() -> Self {
        let world = World::start().await;
        let parameters = [
            ("systemUserId", &*TINDEVANDRER_USER.id),
            ("systemUserOrg", TINDEVANDRER.number),
            ("scopes", "test:scope"),
        ];
        let token = world.app.token("GetSystemUserToken", &parameters).await;
        Self {
            world,
            token,
            asked: 0,
        }
    }

    async fn decides_json(&self, path: &str, body: Value) -> Decision {
        let answer = self.world.sav().post(path, body).await.assert_status(200);
        Decision::of(&answer.json()["response"][0]["decision"])
    }

    async fn decides_xml(&self, path: &str, body: String) -> Decision {
        let app = &self.world.app;
        let request = app
            .http
            .post(format!("{}{path}", app.base))
            .bearer_auth(self.world.sav().token().await.unwrap())
            .header("content-type", "application/xml")
            .body(body);
        let answer = Answer::of(request.send().await.unwrap()).await;
        let answer = answer.assert_status(200);
        let read = xacml::Response::from_xml(answer.text.as_bytes()).unwrap();
        Decision::of(&json!(read.results[0].decision.as_str()))
    }

    async fn decides_token(&self, check: Value) -> Decision {
        let body = json!({"token": self.token, "checks": [check]});
        let answer = self.world.sav().post(TOKEN, body).await;
        let answer = answer.assert_status(200).json();
        assert_eq!(answer["active"], true, "{answer}");
        let decision = Decision::of(&answer["results"][0]["decision"]);
        assert_eq!(answer["authorized"], decision == Permit, "{answer}");
        decision
    }

    async fn decides_authzen(&self, path: &str, body: Value) -> Decision {
        let answer = self.world.sav().post(path, body).await;
        let mut answer = answer.assert_status(200).json();
        if path == EVALUATIONS {
            answer = answer["evaluations"][0].take();
        }
        let decision = Decision::of(&answer["context"]["xacml"]["decision"]);
        assert_eq!(answer["decision"], decision == Permit, "{answer}");
        decision
    }

    /// What every endpoint answers that the question can be put to.
    async fn answers(&mut self, asked: &Asked) -> Vec<(String, Decision)> {
        let mut out = Vec::new();
        let names_person = asked.subject.iter().chain(&asked.resource);
        let names_person = names_person.into_iter().any(|(id, _)| *id == PERSON);
        for path in [AUTHORIZE_PATH, INTERNAL] {
            if path == INTERNAL && names_person {
                continue;
            }
            for spelling in [
                Spelling::Attributes,
                Spelling::Lists,
                Spelling::Entries,
                Spelling::Categories,
                Spelling::Reference,
            ] {
                let decision = self.decides_json(path, in_json(asked, spelling)).await;
                out.push((format!("{path} {spelling:?}"), decision));
            }
            for is_apart in [false, true] {
                let decision = self.decides_xml(path, in_xml(asked, is_apart)).await;
                out.push((format!("{path} XML, apart: {is_apart}"), decision));
            }
        }
        if let Some(check) = as_check(asked) {
            out.push((TOKEN.to_owned(), self.decides_token(check).await));
        }
        for from_party in [false, true] {
            let Some(question) = in_authzen(asked, from_party) else {
                continue;
            };
            let decision = self.decides_authzen(EVALUATION, question.clone()).await;
            out.push((format!("{EVALUATION} {question}"), decision));
            let mut by_default = question.clone();
            by_default["evaluations"] = json!([{}]);
            let mut by_item = json!({"subject": {"type": "organization", "id": "x"}});
            by_item["evaluations"] = json!([question]);
            for batch in [by_default, by_item] {
                let decision = self.decides_authzen(EVALUATIONS, batch.clone()).await;
                out.push((format!("{EVALUATIONS} {batch}"), decision));
            }
        }
        self.asked += out.len();
        out
    }

    /// Puts questions, and demands one answer of all endpoints.
    async fn all_answer(&mut self, expected: Decision, table: Vec<(&str, Asked)>) {
        let mut wrong = Vec::new();
        for (name, asked) in table {
            for (way, decision) in self.answers(&asked).await {
                if decision != expected {
                    wrong.push(format!("{name} at {way}: {decision:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "not {expected:?}:\n{}", wrong.join("\n"));
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "tables hold texts and numbers as they are"
)]
fn own(id: &'static str, value: impl ToString) -> (&'static str, String) {
    (id, value.to_string())
}

/// An instance of a party.
fn instance(party: Organization) -> String {
    format!("{}/{INSTANCE_UUID}", party.party)
}

#[tokio::test]
async fn a_question_that_means_one_thing_is_decided_however_it_is_written() {
    let mut endpoints = Endpoints::start().await;
    let prefixed = format!("urn:altinn:instance-id:{}", instance(TINDEVANDRER));
    let table = vec![
        ("an organisation number", Asked::and([])),
        (
            "an organisation number by its older name",
            Asked::about([own(ORG_NUMBER_LEGACY, TINDEVANDRER.number)]),
        ),
        (
            "a party id",
            Asked::about([own(PARTY_ID, TINDEVANDRER.party)]),
        ),
        (
            "a party uuid in capitals",
            Asked::about([own(PARTY_UUID, TINDEVANDRER.uuid.to_uppercase())]),
        ),
        (
            "an organisation by its uuid",
            Asked::about([own(ORGANIZATION_UUID, TINDEVANDRER.uuid)]),
        ),
        (
            "a party uuid by another of its names",
            Asked::about([own(USER_UUID, TINDEVANDRER.uuid)]),
        ),
        (
            "a party id by its newer name",
            Asked::about([own(PARTY_ID_NEWER, TINDEVANDRER.party)]),
        ),
        (
            "one party by its number and the uuid of organisations",
            Asked::and([
                own(ORGANIZATION_UUID, TINDEVANDRER.uuid.to_uppercase()),
                own(PARTY_ID_NEWER, TINDEVANDRER.party),
            ]),
        ),
        (
            "one party by all its names",
            Asked::and([
                own(ORG_NUMBER_LEGACY, TINDEVANDRER.number),
                own(PARTY_ID, TINDEVANDRER.party),
                own(PARTY_UUID, TINDEVANDRER.uuid),
            ]),
        ),
        (
            "one number twice, with blanks",
            Asked::and([own(ORG_NUMBER, format!(" {} ", TINDEVANDRER.number))]),
        ),
        (
            "one party uuid in two spellings",
            Asked::and([
                own(PARTY_UUID, TINDEVANDRER.uuid),
                own(PARTY_UUID, TINDEVANDRER.uuid.to_uppercase()),
            ]),
        ),
        (
            "one resource twice",
            Asked::and([own(RESOURCE, format!("{} ", A_MELDING.0))]),
        ),
        ("one action twice", Asked::and([]).to(&["write", " write"])),
        (
            "one system user in two spellings",
            Asked::and([]).by([
                own(SYSTEM_USER, &*TINDEVANDRER_USER.id),
                own(SYSTEM_USER, TINDEVANDRER_USER.id.to_uppercase()),
            ]),
        ),
        (
            "an instance of the party",
            Asked::and([own(INSTANCE, instance(TINDEVANDRER))]),
        ),
        (
            "an instance of the party, with a prefix",
            Asked::and([own(INSTANCE, &prefixed)]),
        ),
        (
            "an instance of the party as that of a resource",
            Asked::and([own(RESOURCE_INSTANCE, instance(TINDEVANDRER))]),
        ),
        (
            "an instance of the party as that of a resource, with a prefix",
            Asked::and([own(RESOURCE_INSTANCE, &prefixed)]),
        ),
        (
            "an instance that carries no party",
            Asked::and([own(RESOURCE_INSTANCE, INSTANCE_UUID)]),
        ),
        (
            "a director by identity number",
            Asked::and([])
                .by([own(PERSON, MARIT.pid)])
                .on("altinn_access_management"),
        ),
        (
            "a director by party uuid",
            Asked::and([])
                .by([own(PARTY_UUID, MARIT.uuid)])
                .on("altinn_access_management"),
        ),
        (
            "a director by the uuid of users",
            Asked::and([])
                .by([own(USER_UUID, MARIT.uuid)])
                .on("altinn_access_management"),
        ),
        (
            "a party that is named by nothing but its instance",
            Asked::about([own(RESOURCE_INSTANCE, &prefixed)]),
        ),
    ];

    endpoints.all_answer(Permit, table).await;

    assert!(endpoints.asked > 250, "{}", endpoints.asked);
}

#[tokio::test]
async fn a_question_that_nothing_permits_is_not_applicable() {
    let mut endpoints = Endpoints::start().await;
    let table = vec![
        (
            "another party",
            Asked::about([own(ORG_NUMBER, KERAMIKK.number)]),
        ),
        (
            "an instance of the other party that is asked about",
            Asked::about([
                own(INSTANCE, instance(KERAMIKK)),
                own(PARTY_ID, KERAMIKK.party),
            ]),
        ),
        (
            "an unknown party",
            Asked::about([own(ORG_NUMBER, UNKNOWN_ORG_NUMBER)]),
        ),
        ("another action", Asked::and([]).to(&["sign"])),
        (
            "a person without access",
            Asked::and([]).by([own(PERSON, ESKIL.pid)]),
        ),
        (
            "another organisation",
            Asked::and([]).by([own(ORG_NUMBER, NATTERGAL.number)]),
        ),
        (
            "a service owner that the policy does not name",
            Asked::and([]).by([own(ORG, "aye")]),
        ),
    ];

    endpoints.all_answer(NotApplicable, table).await;

    assert!(endpoints.asked > 100, "{}", endpoints.asked);
}

#[tokio::test]
async fn a_question_that_means_several_things_is_indeterminate() {
    let mut endpoints = Endpoints::start().await;
    let two =
        |one: (&'static str, String), other: (&'static str, String)| Asked::about([one, other]);
    let both_orders =
        |name: &'static str, one: (&'static str, String), other: (&'static str, String)| {
            [
                (name, two(one.clone(), other.clone())),
                (name, two(other, one)),
            ]
        };
    let mut table = Vec::new();
    table.extend(both_orders(
        "two organisation numbers",
        own(ORG_NUMBER, TINDEVANDRER.number),
        own(ORG_NUMBER, NATTERGAL.number),
    ));
    table.extend(both_orders(
        "two organisation numbers by two names",
        own(ORG_NUMBER, TINDEVANDRER.number),
        own(ORG_NUMBER_LEGACY, NATTERGAL.number),
    ));
    table.extend(both_orders(
        "two party ids",
        own(PARTY_ID, TINDEVANDRER.party),
        own(PARTY_ID, NATTERGAL.party),
    ));
    table.extend(both_orders(
        "two party uuids",
        own(PARTY_UUID, TINDEVANDRER.uuid),
        own(PARTY_UUID, NATTERGAL.uuid),
    ));
    table.extend(both_orders(
        "a number and a party id",
        own(ORG_NUMBER, TINDEVANDRER.number),
        own(PARTY_ID, NATTERGAL.party),
    ));
    table.extend(both_orders(
        "a number and a party uuid",
        own(ORG_NUMBER, TINDEVANDRER.number),
        own(PARTY_UUID, NATTERGAL.uuid),
    ));
    for other in [ORGANIZATION_UUID, PERSON_UUID, USER_UUID, SYSTEM_USER] {
        table.extend(both_orders(
            "a number and a uuid by another of its names",
            own(ORG_NUMBER, TINDEVANDRER.number),
            own(other, NATTERGAL.uuid),
        ));
        table.extend(both_orders(
            "two uuids by two names",
            own(PARTY_UUID, TINDEVANDRER.uuid),
            own(other, NATTERGAL.uuid),
        ));
    }
    table.extend(both_orders(
        "two party ids by two names",
        own(PARTY_ID, TINDEVANDRER.party),
        own(PARTY_ID_NEWER, NATTERGAL.party),
    ));
    table.extend(both_orders(
        "a number and a party id by its newer name",
        own(ORG_NUMBER, TINDEVANDRER.number),
        own(PARTY_ID_NEWER, NATTERGAL.party),
    ));
    for (name, id, value) in [
        ("a number and a person", ORG_NUMBER, TINDEVANDRER.number),
        (
            "an older number and a person",
            ORG_NUMBER_LEGACY,
            TINDEVANDRER.number,
        ),
        ("a party uuid and a person", PARTY_UUID, TINDEVANDRER.uuid),
    ] {
        table.extend(both_orders(name, own(id, value), own(PERSON, HEGE.pid)));
    }
    table.extend(both_orders(
        "a party id and a person",
        own(PARTY_ID, TINDEVANDRER.party),
        own(PERSON, HEGE.pid),
    ));
    table.extend(both_orders(
        "a person's party uuid and another person",
        own(PARTY_UUID, MARIT.uuid),
        own(PERSON, HEGE.pid),
    ));
    let prefixed = format!("urn:altinn:instance-id:{}", instance(NATTERGAL));
    for id in [INSTANCE, RESOURCE_INSTANCE] {
        for value in [instance(NATTERGAL), prefixed.clone()] {
            table.push((
                "an instance of another party",
                Asked::and([own(id, value.clone())]),
            ));
            table.push((
                "an instance of another party than the party id",
                Asked::about([own(PARTY_ID, TINDEVANDRER.party), own(id, value)]),
            ));
        }
    }
    table.push((
        "an instance of an unknown party",
        Asked::and([own(INSTANCE, format!("99999999999/{INSTANCE_UUID}"))]),
    ));
    for sign in ["+", "-", "0"] {
        table.push((
            "an instance of another party, by another spelling of its id",
            Asked::and([own(INSTANCE, format!("{sign}{}", instance(NATTERGAL)))]),
        ));
    }
    table.push((
        "two instances, one of another party",
        Asked::and([
            own(INSTANCE, instance(TINDEVANDRER)),
            own(RESOURCE_INSTANCE, instance(NATTERGAL)),
        ]),
    ));
    table.push(("two resources", Asked::and([own(RESOURCE, MVA_MELDING.0)])));
    table.push((
        "two resources in the other order",
        Asked::and([own(RESOURCE, A_MELDING.0)]).on(MVA_MELDING.0),
    ));
    table.push((
        "a resource and an app",
        Asked::and([own(ORG, "fok"), own(APP, "endring-av-navn")]),
    ));
    table.push((
        "an app and another organisation's",
        Asked::and([own(ORG, "sav")]).on("app_fok_endring-av-navn"),
    ));
    table.push(("two actions", Asked::and([]).to(&["write", "sign"])));
    table.push((
        "two actions in the other order",
        Asked::and([]).to(&["sign", "write"]),
    ));
    table.push((
        "two system users",
        Asked::and([]).by([
            own(SYSTEM_USER, &*TINDEVANDRER_USER.id),
            own(SYSTEM_USER, &*NATTERGAL_USER.id),
        ]),
    ));
    table.push((
        "two persons",
        Asked::and([]).by([own(PERSON, MARIT.pid), own(PERSON, TORLEIF.pid)]),
    ));
    table.push((
        "two persons by party uuid",
        Asked::and([]).by([own(PARTY_UUID, MARIT.uuid), own(PARTY_UUID, TORLEIF.uuid)]),
    ));
    for (name, one, other) in [
        (
            "a person and another's party uuid",
            own(PERSON, MARIT.pid),
            own(PARTY_UUID, TORLEIF.uuid),
        ),
        (
            "a party id and another's party uuid",
            own(PARTY_ID, TINDEVANDRER.party),
            own(PARTY_UUID, MARIT.uuid),
        ),
        (
            "an organisation and a person's party uuid",
            own(ORG_NUMBER, TINDEVANDRER.number),
            own(PARTY_UUID, MARIT.uuid),
        ),
        (
            "a party uuid and another's uuid of users",
            own(PARTY_UUID, MARIT.uuid),
            own(USER_UUID, TORLEIF.uuid),
        ),
        (
            "a person's uuid and another's party uuid",
            own(PERSON_UUID, MARIT.uuid),
            own(PARTY_UUID, TORLEIF.uuid),
        ),
    ] {
        table.push((name, Asked::and([]).by([one, other])));
    }
    table.push((
        "two service owners",
        Asked::and([]).by([own(ORG, "sav"), own(ORG, "aye")]),
    ));
    table.push((
        "a client of an agent and another party",
        two(
            own(ORG_NUMBER, NATTERGAL.number),
            own(ORG_NUMBER, SAV.number),
        )
        .by([own(SYSTEM_USER, &*TALLKNUSEREN_AGENT.id)]),
    ));

    endpoints.all_answer(Indeterminate, table).await;

    assert!(endpoints.asked > 500, "{}", endpoints.asked);
}

#[tokio::test]
async fn an_instance_of_another_party_is_not_authorized_where_the_owner_is_left_out() {
    let endpoints = Endpoints::start().await;
    let check =
        json!({"resource": A_MELDING.0, "action": "write", "instance": instance(NATTERGAL)});
    assert_eq!(endpoints.decides_token(check).await, Indeterminate);
    let check =
        json!({"resource": A_MELDING.0, "action": "write", "instance": instance(TINDEVANDRER)});
    assert_eq!(endpoints.decides_token(check).await, Permit);
}
