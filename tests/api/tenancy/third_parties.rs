//! What answers contain about third parties, by kind of caller: every operation that only reads is
//! called about an organisation, and its answer is searched for what the call did not name.
//!
//! The snapshot is the list of what each kind of caller learns. A row that is new is a decision
//! about privacy: accept it only when that kind of caller needs to know.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::prelude::{MARIT, RANDI, TINDEVANDRER_USER, World};
use uuid::Uuid;

use super::{Objects, Operation, furnish, operations};
use crate::support::{TestApp, who};

/// What an answer may contain about the organisation, each with the texts that show it.
struct Facts(BTreeMap<&'static str, Vec<String>>);

impl Facts {
    async fn of(app: &TestApp, objects: &Objects) -> Self {
        let object = |name: &str| objects.0[name].clone();
        let number = object("orgNo");
        Self(BTreeMap::from([
            ("organisation number", vec![number.clone()]),
            ("organisation name", vec![app.name_of(&number).await]),
            ("party id", vec![object("party")]),
            ("party uuid", vec![object("partyUuid")]),
            ("clients", app.clients_of_facilitator(&number).await),
            ("director", vec![RANDI.uuid.to_owned()]),
            (
                "director's national identity number",
                vec![RANDI.pid.to_owned()],
            ),
            ("system users", vec![object("user"), object("agent")]),
            (
                "requests",
                vec![object("request"), object("agentRequest"), object("change")],
            ),
        ]))
    }

    /// Facts that a text contains and another does not.
    fn in_text(&self, text: &str, asked: &str) -> BTreeSet<&'static str> {
        let has_fact = |texts: &Vec<String>| {
            texts
                .iter()
                .any(|fact| text.contains(fact) && !asked.contains(fact))
        };
        self.0
            .iter()
            .filter(|(_, texts)| has_fact(texts))
            .map(|(name, _)| *name)
            .collect()
    }
}

/// Bodies of operations that are posted and only read.
fn question(operation: &Operation, objects: &Objects) -> Option<Value> {
    let object = |name: &str| objects.0[name].as_str();
    let user = json!({"type": "systemuser", "id": object("user")});
    let resource = json!({"type": "resource", "id": "a-melding"});
    let party = json!({"type": "party", "properties": {"resource": "a-melding"}});
    let organization =
        json!({"type": "urn:altinn:organization:identifier-no", "value": object("orgNo")});
    let read = json!({"name": "read"});
    Some(match operation.name().as_str() {
        "POST /access/v1/search/subject" => {
            let owned = json!({"type": "resource", "id": "a-melding", "properties": {"organization": object("orgNo")}});
            json!({"subject": {"type": "systemuser"}, "action": read, "resource": owned})
        }
        "POST /access/v1/search/resource" => {
            json!({"subject": user, "action": read, "resource": party})
        }
        "POST /access/v1/search/action" => json!({"subject": user, "resource": resource}),
        "POST /access/v1/evaluation" => {
            json!({"subject": user, "action": read, "resource": resource})
        }
        "POST /access/v1/evaluations" => {
            json!({"evaluations": [{"subject": user, "action": read, "resource": resource}]})
        }
        "POST /accessmanagement/api/v1/resourceowner/authorizedparties"
        | "POST /accessmanagement/api/v1/serviceowner/authorizedparties" => organization,
        "POST /register/api/v1/access-management/parties/query"
        | "POST /register/api/v1/dialogporten/parties/query"
        | "POST /register/api/v1/apps/parties/query"
        | "POST /register/api/v1/correspondence/parties/query"
        | "POST /register/api/v2/internal/parties/query" => {
            json!({"data": [format!("urn:altinn:organization:identifier-no:{}", object("orgNo"))]})
        }
        "POST /register/api/v1/correspondence/parties/main-units"
        | "POST /register/api/v2/internal/parties/main-units" => {
            json!({"data": format!("urn:altinn:organization:identifier-no:{}", object("orgNo"))})
        }
        "POST /register/api/v1/parties/lookup" => json!({"OrgNo": object("orgNo")}),
        "POST /register/api/v1/parties/nameslookup" => {
            json!({"parties": [{"orgNo": object("orgNo")}]})
        }
        "POST /register/api/v1/parties/partylist" => {
            json!([object("party").parse::<i32>().unwrap()])
        }
        "POST /register/api/v1/parties/partylistbyuuid" => json!([object("partyUuid")]),
        "POST /resourceregistry/api/v1/resource/bysubjects" => {
            json!(["urn:altinn:accesspackage:lonn"])
        }
        "POST /systembruker/api/v1/requests:check" => {
            json!({"systemId": object("systemId"), "partyOrgNo": object("orgNo"), "externalRef": object("externalRef"),
                "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}]})
        }
        _ => return None,
    })
}

/// What a parameter gets: everything about the organisation that a caller may know. Filters that the
/// question does not need are left out.
fn parameter(objects: &Objects, operation: &Operation, name: &str) -> String {
    let object = |key: &str| objects.0[key].clone();
    let in_path = operation.path.contains(&format!("{{{name}}}"));
    match name {
        "clientId" => who::FJORDLONN_CLIENT.to_owned(),
        "systemProviderOrgNo" => object("vendor"),
        "systemUserOwnerOrgNo" | "orgs" | "orgNr" => object("orgNo"),
        "partyId" => object("party"),
        "uuid" => object("partyUuid"),
        "includeSsn" => "true".to_owned(),
        "role" if in_path => "revisor".to_owned(),
        "urnValue" => "lonn".to_owned(),
        "tokenProvider" => "maskinporten".to_owned(),
        "externalRef" | "external-ref" if !in_path => "approved".to_owned(),
        "id" if operation.path.contains("/meta/info/")
            || operation.path.contains("/decisions/") =>
        {
            Uuid::nil().to_string()
        }
        "orgno" | "agent" | "client" | "facilitator" | "facilitatorId" | "party" | "partyUuid"
        | "partyuuid" | "provider" | "system-id" | "system-user-id" => {
            objects.fill(operation, name)
        }
        _ if in_path => objects.fill(operation, name),
        _ => String::new(),
    }
}

/// Tokens by kind of caller; none for an anonymous one.
async fn callers(world: &World) -> Vec<(&'static str, Option<String>)> {
    let app = &world.app;
    let organization = async |number: &str, scopes: &[&str]| {
        let parameters = [("orgNo", number), ("scopes", &*scopes.join(" "))];
        Some(app.token("GetEnterpriseToken", &parameters).await)
    };
    let person = async |pid: &str| {
        let scopes = "altinn:portal/enduser altinn:clientdelegations.read";
        Some(
            app.token("GetPersonalToken", &[("pid", pid), ("scopes", scopes)])
                .await,
        )
    };
    let vendor = [
        "altinn:authentication/systemregister.write",
        "altinn:authentication/systemuser.request.write",
        "altinn:authentication/systemuser.request.read",
    ];
    let owner = [
        "altinn:authorization/authorize",
        "altinn:resourceregistry/resource.write",
    ];
    let of_system_user = [
        ("systemUserId", &*TINDEVANDRER_USER.id),
        ("orgNo", who::FJORDLONN),
        (
            "scopes",
            "altinn:accessmanagement/authorizedparties altinn:clientdelegations.read",
        ),
    ];
    vec![
        ("anonymous", None),
        (
            "vendor of the organisation",
            organization(who::FJORDLONN, &vendor).await,
        ),
        ("other vendor", organization(who::HAVBLIKK, &vendor).await),
        ("service owner", organization(who::SAV, &owner).await),
        ("director of the organisation", person(RANDI.pid).await),
        ("other person", person(MARIT.pid).await),
        (
            "system user of another organisation",
            Some(app.token("GetSystemUserToken", &of_system_user).await),
        ),
        (
            "service owner that may ask for authorized parties",
            organization(
                who::SAV,
                &["altinn:accessmanagement/authorizedparties.resourceowner"],
            )
            .await,
        ),
        (
            "reader of the register",
            organization(who::SAV, &["altinn:register/partylookup.admin"]).await,
        ),
        (
            "Maskinporten",
            organization(who::SAV, &["altinn:maskinporten/systemuser.read"]).await,
        ),
        (
            "follower of system users",
            organization(who::SAV, &["altinn:authentication/systemuser.admin"]).await,
        ),
    ]
}

/// The answer's text if the call succeeded, and what was asked.
async fn asked(
    app: &TestApp,
    operation: &Operation,
    objects: &Objects,
    token: Option<&str>,
) -> Option<(String, String)> {
    let body = match operation.method {
        Method::GET => None,
        Method::POST => Some(question(operation, objects)?),
        _ => return None,
    };
    let address = operation.address(&|o, name| parameter(objects, o, name));
    let question = format!(
        "{address} {}",
        body.as_ref().map(Value::to_string).unwrap_or_default()
    );
    let answer = app
        .send(operation.method.clone(), &address, token, body)
        .await;
    assert!(answer.status < 500, "{}: {}", operation.name(), answer.text);
    (answer.status < 300).then_some((answer.text, question))
}

#[tokio::test]
async fn what_answers_contain_about_third_parties() {
    let world = World::start().await;
    let app = &world.app;
    let [objects, _] = furnish(app).await;
    let facts = Facts::of(app, &objects).await;
    let callers = callers(&world).await;
    let mut rows = Vec::new();
    for operation in operations(app).await {
        let mut learnt: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
        for (caller, token) in &callers {
            let answer = asked(app, &operation, &objects, token.as_deref()).await;
            let Some((text, question)) = answer else {
                continue;
            };
            let found = facts.in_text(&text, &question);
            if !found.is_empty() {
                learnt.entry(found).or_default().push(caller);
            }
        }
        for (found, callers) in learnt {
            let found: Vec<&str> = found.into_iter().collect();
            rows.push(format!(
                "{}\n    {}: {}\n",
                operation.name(),
                callers.join(", "),
                found.join(", ")
            ));
        }
    }
    insta::assert_snapshot!(rows.concat());
}
