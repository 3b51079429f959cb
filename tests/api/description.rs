//! The API description: that it is whole, that the committed one is served, that each example is
//! taken, and that operations refuse as they document.

use std::{collections::BTreeSet, env, fs};

use foundation::http::{ProblemCode, describe::codes_in};
use futures::future::join;
use reqwest::{
    Method,
    header::AUTHORIZATION,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use testkit::{
    description::{self, Description, Operation},
    prelude::*,
};

use crate::limits::with_long_database_timeouts;

/// Where the committed description says that the service is.
const SANDBOX: &str = "http://127.0.0.1:8080";

async fn served(world: &World) -> String {
    let served = world.anonymous().get("/openapi.json").await;
    let document: Value = served.assert_status(200).json();
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    text.replace(&world.app.base, SANDBOX)
}

/// `make description` writes the file.
#[tokio::test]
async fn the_committed_description_is_the_one_that_is_served() {
    let served = served(&World::start().await).await;
    if env::var_os("UPDATE_DESCRIPTION").is_some() {
        fs::write(description::file(), &served).unwrap();
    }
    let committed = fs::read_to_string(description::file()).unwrap();
    assert!(
        served == committed,
        "docs/openapi.json is not what is served: `make description` writes it anew"
    );
}

#[tokio::test]
async fn the_server_is_the_address_that_the_client_called() {
    let world = World::start().await;
    let localhost = world.app.base.replace("127.0.0.1", "localhost");
    for (path, server) in [
        ("/openapi.json", format!("\"url\":\"{localhost}\"")),
        ("/openapi/v1.yaml", format!("url: {localhost}\n")),
    ] {
        let answer = world
            .app
            .http
            .get(format!("{localhost}{path}"))
            .send()
            .await;
        let text = answer.unwrap().text().await.unwrap();
        assert!(text.contains(&server), "{path}");
    }
}

#[tokio::test]
async fn the_public_systems_addresses_lead_to_reference_and_file() {
    let world = World::start().await;
    for (old, new) in [
        ("/swagger", "/docs/api/"),
        (
            "/authentication/swagger/v1/swagger.json",
            "/openapi/v1.json",
        ),
    ] {
        let answer = world.anonymous().get(old).await.assert_status(302);
        answer.assert_header("location", new);
        world.anonymous().get(new).await.assert_status(200);
    }
}

#[tokio::test]
async fn the_reference_has_a_title_and_a_way_without_scripts() {
    let page = World::start().await.anonymous().get("/docs/api").await.text;
    assert!(page.contains("<title>systembruker: API</title>"), "{page}");
    assert!(
        page.contains("<noscript>") && page.contains("href=\"/openapi.json\""),
        "{page}"
    );
}

// That it is whole

fn described() -> &'static Description {
    description::committed()
}

/// Calls `look` with each member of the document and where it is.
fn walk(value: &Value, place: &str, look: &mut dyn FnMut(&str, &Value)) {
    look(place, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, &format!("{place}/{name}"), look);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}/{index}"), look);
            }
        }
        _ => {}
    }
}

#[test]
fn each_reference_leads_to_a_schema() {
    let document = described().document();
    walk(document, "", &mut |place, value| {
        if let Some(name) = value["$ref"].as_str() {
            let pointer = name.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{place}: {name}");
        }
    });
}

#[test]
fn each_operation_has_an_id_of_verb_and_noun_and_one_reader() {
    let tags = described().document()["tags"].as_array().unwrap();
    let readers: Vec<&Value> = tags.iter().map(|tag| &tag["name"]).collect();
    assert!(tags.iter().all(|tag| tag["description"].is_string()));
    let mut ids = BTreeSet::new();
    for operation in described().operations() {
        let id = operation.id();
        assert!(ids.insert(id), "{id} is there twice");
        let has_form = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.contains(|c: char| c.is_ascii_uppercase())
            && id.bytes().all(|c| c.is_ascii_alphanumeric());
        assert!(has_form, "{id}");
        let tags = operation.value["tags"].as_array().unwrap();
        assert!(
            tags.len() == 1 && readers.contains(&&tags[0]),
            "{id}: {tags:?}"
        );
        assert!(operation.value["summary"].is_string(), "{id}");
    }
}

#[test]
fn each_answer_and_parameter_says_what_it_means() {
    for operation in described().operations() {
        let id = operation.id();
        for status in operation.statuses() {
            let text = operation.answer(status).unwrap()["description"].as_str();
            assert!(text.is_some_and(|text| !text.is_empty()), "{id} {status}");
        }
        for parameter in operation.value["parameters"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let text = parameter["description"].as_str();
            assert!(text.is_some_and(|text| text.len() > 5), "{id}: {parameter}");
        }
    }
}

#[test]
fn each_body_is_closed() {
    let described = described().document();
    let schemas = ["/paths", "/components/schemas"];
    for part in schemas {
        walk(
            described.pointer(part).unwrap(),
            part,
            &mut |place, value| {
                let is_object = value["type"] == "object"
                    || value["type"]
                        .as_array()
                        .is_some_and(|kinds| kinds.contains(&json!("object")));
                if !is_object || place.ends_with("/properties") {
                    return;
                }
                let members = &value["additionalProperties"];
                let is_closed = value["properties"].is_object() && *members == json!(false);
                let is_map = members.is_object() && *members != json!({});
                assert!(is_closed || is_map, "{place}: {value}");
            },
        );
    }
    for operation in described_bodies() {
        let (operation, schema) = operation;
        assert_ne!(schema, &json!({}), "{}", operation.id());
    }
}

/// Every schema of a body or an answer, with its operation.
fn described_bodies() -> Vec<(Operation<'static>, &'static Value)> {
    let mut found = Vec::new();
    for operation in described().operations() {
        let answers = operation.value["responses"].as_object().unwrap().values();
        for part in answers.chain([&operation.value["requestBody"]]) {
            let contents = part["content"].as_object().into_iter().flatten();
            found.extend(contents.map(|(_, content)| (operation, &content["schema"])));
        }
    }
    found
}

#[test]
fn no_text_is_written_for_readers_of_the_code() {
    walk(described().document(), "", &mut |place, value| {
        if let Some(text) = value["description"].as_str() {
            assert!(
                !text.contains("[`") && !text.contains("::"),
                "{place}: {text}"
            );
        }
    });
}

/// Codes that are not of the system users' own family.
const OTHER_CODES: [&str; 18] = [
    "STD-00000",
    "REG-00003",
    "REG-00006",
    "REG-00007",
    "RR-00000",
    "RR-00001",
    "RR-00002",
    "RR-00004",
    "AM-00008",
    "AM-00022",
    "AM-00026",
    "AM-00027",
    "AM-00028",
    "AM-00033",
    "AM-00039",
    "AM-00040",
    "AM-00041",
    "AMUI-00999",
];

#[test]
fn each_code_that_an_answer_names_exists() {
    let known: Vec<String> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
    for operation in described().operations() {
        for status in operation.statuses() {
            let text = operation.answer(status).unwrap()["description"]
                .as_str()
                .unwrap();
            for code in codes_in(text) {
                let own = code.replace("AMUI-", "AUTH-");
                let is_known = known.contains(&own) || OTHER_CODES.contains(&&*code);
                assert!(is_known, "{} {status}: {code}", operation.id());
            }
        }
    }
}

// That the examples are taken

/// The example of an operation's JSON body.
fn example(operation: Operation<'_>) -> Option<Value> {
    let content = &operation.value["requestBody"]["content"]["application/json"];
    let of_body = content.get("example").cloned();
    // A body that may be left out is one of null and the schema.
    let choices = content["schema"]["oneOf"].as_array().into_iter().flatten();
    let name = choices
        .chain([&content["schema"]])
        .find_map(|schema| schema["$ref"].as_str());
    let of_schema = || {
        let schema = described().document().pointer(name?.strip_prefix('#')?)?;
        schema.get("example").cloned()
    };
    of_body.or_else(of_schema)
}

#[test]
fn each_body_has_an_example_that_fits_its_schema() {
    for operation in described().operations() {
        let content = &operation.value["requestBody"]["content"]["application/json"];
        if content.is_null() {
            continue;
        }
        let example = example(operation).unwrap_or_else(|| panic!("{}", operation.id()));
        let fits = described().validate(&content["schema"], &example);
        assert_eq!(fits, Ok(()), "{}", operation.id());
    }
}

/// Who sends the example of an operation, and where to.
fn sender<'w>(world: &'w World, operation: Operation<'_>) -> (Caller<'w>, String) {
    let organization = |who: Organization, scope: &str| world.organization(who, scope);
    let person = |who: Person, scope: &str| Caller::person(&world.app, who, scope);
    let path = operation.path.to_owned();
    let at = |from: &str, to: &str| path.replace(from, to);
    let scope = scopes(operation).into_iter().next();
    let scope = scope.unwrap_or_else(|| "demo:scope".to_owned());
    match operation.id() {
        "createAgentRequest" => (organization(SKYREGNSKAP, &scope), path),
        "createChangeRequest" => (
            organization(FJORDLONN, &scope),
            format!(
                "{path}?correlation-id=2f6f7c4e-0d0b-4b4c-8f0e-2d1b5a0a7c11&system-user-id={}",
                TINDEVANDRER_USER.id
            ),
        ),
        "createRequest" | "checkRequest" | "createSystem" => {
            (organization(FJORDLONN, &scope), path)
        }
        "replaceSystem" => (
            organization(FJORDLONN, &scope),
            at("{systemId}", "390198116_fjordlonn-eksempel"),
        ),
        "replaceRightsOfSystem" | "replaceAccessPackagesOfSystem" => (
            organization(FJORDLONN, &scope),
            at("{systemId}", FJORDLONN_SYSTEM.id),
        ),
        "createResource" => (organization(FOK, &scope), path),
        "replaceResource" => (organization(FOK, &scope), at("{id}", "fok-eksempel")),
        "createSystemUser" => (
            person(MARIT, PORTAL),
            at("{party}", &TINDEVANDRER.party.to_string()),
        ),
        "createPortalSystemUser" => (
            person(ODDNY, PORTAL),
            at("{party}", &KERAMIKK.party.to_string()),
        ),
        "renameSystemUser"
        | "changePortalReportee"
        | "setPortalLanguage"
        | "setPortalShowsDeleted" => (person(TORLEIF, PORTAL), path),
        "addClientDelegation" | "addPortalClient" => {
            let path = at("{party}", &TALLKNUSEREN.party.to_string())
                .replace("{systemUserId}", &TALLKNUSEREN_AGENT.id)
                .replace("{id}", &TALLKNUSEREN_AGENT.id);
            (
                person(RANDI, PORTAL),
                format!("{path}?partyuuid={}", TALLKNUSEREN.uuid),
            )
        }
        "changeClientsBatch" => (
            person(RANDI, CLIENTS_WRITE),
            format!("{path}?agent={}", TALLKNUSEREN_AGENT.id),
        ),
        "addDelegationAgentV1" | "addDelegationAgentV2" | "addPortalAgent" => (
            person(STIAN, &scope),
            format!("{path}?party={}", TALLKNUSEREN.uuid),
        ),
        "addPortalRightHolder" | "validatePortalPerson" => {
            (person(MARIT, &scope), at("{partyUuid}", TINDEVANDRER.uuid))
        }
        "givePortalRights" | "replacePortalRights" => (
            person(SYNNOVE, &scope),
            format!(
                "{path}?party={}&to={}&resourceId={}",
                ROTFAST.uuid, TALLKNUSEREN.uuid, INNTEKTSMELDING.0
            ),
        ),
        "addRightHolder" => (
            person(MARIT, &scope),
            format!("{path}?party={}", TINDEVANDRER.uuid),
        ),
        "giveConnectionPackage" => (
            person(MARIT, &scope),
            format!("{path}?party={}&package={}", TINDEVANDRER.uuid, LONN.urn()),
        ),
        "giveConnectionRights" | "replaceConnectionRights" => (
            person(SYNNOVE, &scope),
            format!(
                "{path}?party={}&to={}&resource={}",
                ROTFAST.uuid, TALLKNUSEREN.uuid, INNTEKTSMELDING.0
            ),
        ),
        "addClientPackagesV1"
        | "removeClientPackagesV1"
        | "addPortalClientPackages"
        | "addPortalClientResources"
        | "removePortalClientPackages"
        | "removePortalClientResources" => (
            person(STIAN, &scope),
            format!(
                "{path}?party={}&from={}&to={}",
                TALLKNUSEREN.uuid, ROTFAST.uuid, HEGE.uuid
            ),
        ),
        "addClientPackagesV2"
        | "addClientResourcesV2"
        | "removeClientPackagesV2"
        | "removeClientResourcesV2" => (
            person(STIAN, &scope),
            format!(
                "{path}?party={}&client={}&agent={}",
                TALLKNUSEREN.uuid, ROTFAST.uuid, HEGE.uuid
            ),
        ),
        "leaveClientV1"
        | "leaveClientPackagesV1"
        | "leavePortalClientPackages"
        | "leavePortalClientResources" => (
            person(HEGE, &scope),
            format!(
                "{path}?provider={}&from={}",
                TALLKNUSEREN.uuid, ROTFAST.uuid
            ),
        ),
        "leaveClientPackagesV2" | "leaveClientResourcesV2" => (
            person(HEGE, &scope),
            format!(
                "{path}?provider={}&client={}",
                TALLKNUSEREN.uuid, ROTFAST.uuid
            ),
        ),
        "putAccessList"
        | "putAccessListConnection"
        | "addAccessListMembers"
        | "replaceAccessListMembers"
        | "removeAccessListMembers" => (
            organization(SAV, "altinn:resourceregistry/accesslist.write"),
            at("{owner}", "sav")
                .replace("{identifier}", "leverandorer")
                .replace("{resourceIdentifier}", A_MELDING.0),
        ),
        "explainToken" => (organization(FJORDLONN, &scope), path),
        _ => (organization(SAV, &scope), path),
    }
}

#[tokio::test]
async fn each_example_is_taken_by_the_service() {
    let world = World::start().await;
    let mut sent = 0;
    // What an example changes is made before it is changed.
    let mut operations: Vec<Operation<'_>> = described().operations().collect();
    let verbs = ["addPortal", "replace", "remove", "leave"];
    operations.sort_by_key(|operation| {
        verbs
            .iter()
            .position(|verb| operation.id().starts_with(verb))
            .map_or(0, |place| place + 1)
    });
    for operation in operations {
        let Some(example) = example(operation) else {
            continue;
        };
        let (caller, path) = sender(&world, operation);
        let answer = match operation.method {
            "PUT" => caller.put(&path, example).await,
            "DELETE" => caller.delete_named(&path, example).await,
            _ => caller.post(&path, example).await,
        };
        let status = answer.status;
        assert!(
            (200..300).contains(&status),
            "{}: {answer:?}",
            operation.id()
        );
        sent += 1;
    }
    assert!(sent > 30, "{sent} examples");
}

// How operations refuse

/// Scopes of which one opens an operation to an organisation, else to a person.
fn scopes(operation: Operation<'_>) -> Vec<String> {
    let alternatives = operation.value["security"].as_array().unwrap();
    let first = alternatives
        .iter()
        .find_map(|one| one.as_object()?.values().next());
    let first = first
        .into_iter()
        .flat_map(|scopes| scopes.as_array().unwrap());
    first
        .map(|scope| scope.as_str().unwrap().to_owned())
        .collect()
}

fn is_secured(operation: Operation<'_>) -> bool {
    let alternatives = operation.value["security"].as_array().unwrap();
    alternatives
        .first()
        .is_some_and(|first| first != &json!({}))
}

/// The path with something in place of each parameter.
fn filled(operation: Operation<'_>) -> String {
    let parts = operation.path.split('/').map(|part| match part {
        "{party}" | "{partyId}" => NATTERGAL.party.to_string(),
        "{tokenProvider}" => "maskinporten".to_owned(),
        "{owner}" => "sav".to_owned(),
        "{partyUuid}" => NATTERGAL.uuid.to_owned(),
        part if part.starts_with('{') => "6f1c1f0e-9f5b-4a35-9d3f-0d3c5a0f6f2b".to_owned(),
        part => part.to_owned(),
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let parameters = operation.value["parameters"].as_array();
    let is_party = |parameter: &&Value| parameter["name"] == "party" && parameter["in"] == "query";
    match parameters.into_iter().flatten().find(is_party) {
        Some(_) => format!("{path}?party={}", NATTERGAL.uuid),
        None => path,
    }
}

fn method(operation: Operation<'_>) -> Method {
    operation.method.parse().unwrap()
}

async fn ask(world: &World, operation: Operation<'_>, token: Option<&str>) -> Answer {
    let path = filled(operation);
    world.app.send(method(operation), &path, token, None).await
}

#[tokio::test]
async fn two_credentials_are_400_wherever_one_is_asked_for() {
    let world = World::start().await;
    for operation in described().operations().filter(|one| is_secured(*one)) {
        let url = format!("{}{}", world.app.base, filled(operation));
        let request = world.app.http.request(method(operation), url);
        let request = request
            .header(AUTHORIZATION, "Bearer a.b.c")
            .header(AUTHORIZATION, "Bearer a.b.c");
        let answer = Answer::to(&method(operation), request.send().await.unwrap()).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_400_where_nothing_is_asked_for() {
    let world = World::start().await;
    for operation in described().operations().filter(|one| !is_secured(*one)) {
        if operation.answer(400).is_none() {
            continue;
        }
        let path = match operation.path.split_once('{') {
            Some((before, rest)) => {
                let after = rest.split_once('}').unwrap().1.replace(['{', '}'], "");
                format!("{before}%FF{after}")
            }
            None => format!("{}?x=%00", operation.path),
        };
        let answer = world.app.send(method(operation), &path, None, None).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

/// A token that opens an operation.
async fn token_for(world: &World, operation: Operation<'_>) -> Option<String> {
    let alternatives = operation.value["security"].as_array().unwrap();
    let scheme = alternatives.first()?.as_object()?.keys().next()?;
    let scope = scopes(operation).into_iter().next().unwrap_or_default();
    let caller = match scheme.as_str() {
        "personToken" => Caller::person(&world.app, TORLEIF, &scope),
        _ => world.organization(SAV, &scope),
    };
    caller.token().await
}

/// Sends a body of a media type to each operation that documents a status, and expects that one.
async fn send_everywhere(world: &World, status: u16, media: &str, body: &str) {
    for operation in described().operations() {
        if operation.answer(status).is_none() {
            continue;
        }
        let url = format!("{}{}", world.app.base, filled(operation));
        let mut request = world.app.http.request(method(operation), url);
        if let Some(token) = token_for(world, operation).await {
            request = request.bearer_auth(token);
        }
        let takes_files =
            !operation.value["requestBody"]["content"]["multipart/form-data"].is_null();
        let request = if takes_files && status == 413 {
            let larger = "x".repeat(17 * 1024 * 1024);
            request.multipart(
                Form::new().part("policyFile", Part::text(larger).file_name("policy.xml")),
            )
        } else {
            request.header("content-type", media).body(body.to_owned())
        };
        let answer = Answer::to(&method(operation), request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_of_another_media_type_are_415_where_that_is_documented() {
    let world = World::start().await;
    send_everywhere(&world, 415, "text/plain", "a").await;
}

#[tokio::test]
async fn bodies_that_are_too_large_are_413_where_that_is_documented() {
    let settings = [
        ("limits.max_json_bytes", "1024"),
        ("pdp.max_body_bytes", "1024"),
    ];
    let world = World::with(&settings).await;
    send_everywhere(&world, 413, "application/json", &" ".repeat(1_025)).await;
}

const RATES: [&str; 11] = [
    "vendor_writes",
    "vendor_reads",
    "decisions",
    "external_id_lookups",
    "exchange",
    "logins",
    "page_reads",
    "page_writes",
    "page_misses",
    "failed_credentials",
    "anonymous",
];

#[tokio::test]
async fn who_asks_too_often_gets_429_where_that_is_documented() {
    let keys: Vec<[String; 3]> = RATES
        .iter()
        .map(|rate| ["burst", "requests", "per_s"].map(|key| format!("limits.rates.{rate}.{key}")))
        .collect();
    let mut settings = vec![("limits.rates_enabled", "true")];
    for [burst, requests, per_s] in &keys {
        settings.extend([(burst.as_str(), "2"), (requests, "1"), (per_s, "3600")]);
    }
    let world = World::with(&settings).await;
    for operation in described().operations() {
        if operation.answer(429).is_none() {
            continue;
        }
        // An address whose credentials are refused is slowed down wherever one is asked for.
        let is_open = operation.value["security"] == json!([]);
        let token = (!is_open).then_some("a.b.c");
        let mut last = 0;
        for _ in 0..4 {
            last = ask(&world, operation, token).await.status;
            if last == 429 {
                break;
            }
        }
        assert_eq!(last, 429, "{}", operation.id());
    }
}

#[tokio::test]
async fn too_much_at_once_is_503_where_that_is_documented() {
    let world = with_long_database_timeouts(&[
        ("limits.max_consumer_in_flight", "1"),
        ("limits.max_in_flight", "2"),
        ("limits.max_decisions_in_flight", "1"),
        ("limits.max_writes_in_flight", "1"),
    ])
    .await;
    let scopes = format!("{REGISTER_WRITE} {AUTHORIZE}");
    let vendor = world.organization(FJORDLONN, &scopes);
    let token = vendor.token().await;
    let mut held = world.app.hold("system").await;
    let meanwhile = async {
        held.wait_for_waiting(1).await;
        for operation in described().operations() {
            let is_probe = operation.path == "/health" || operation.path == "/health/ready";
            if operation.answer(503).is_none() || is_probe {
                continue;
            }
            let answer = ask(&world, operation, token.as_deref()).await;
            assert_eq!(answer.status, 503, "{}: {answer:?}", operation.id());
        }
        held.release().await;
    };
    let (waited, ()) = join(vendor.get(SYSTEMS), meanwhile).await;
    waited.assert_status(200);
}

#[tokio::test]
async fn who_has_the_answer_already_gets_304_where_that_is_documented() {
    let world = World::start().await;
    let nothing = world.anonymous();
    for operation in described().operations() {
        let is_catalogue = operation.path.contains("/meta/");
        if operation.answer(304).is_none() || !is_catalogue {
            continue;
        }
        let catalogue = "/accessmanagement/api/v1/meta/info";
        let first = |list: &Value| list[0]["id"].as_str().unwrap().to_owned();
        let path = match operation.path.strip_prefix(catalogue).unwrap_or_default() {
            path if path.contains("/group/{id}") => {
                let groups = nothing
                    .get(&format!("{catalogue}/accesspackages/group"))
                    .await;
                operation.path.replace("{id}", &first(&groups.json()))
            }
            path if path.contains("/area/{id}") || path.contains("/package/{id}") => {
                let found = format!("{catalogue}/accesspackages/search?term=l%C3%B8nn");
                let package = nothing.get(&found).await.json()[0]["object"].clone();
                let id = if path.contains("/area/") {
                    &package["area"]["id"]
                } else {
                    &package["id"]
                };
                operation.path.replace("{id}", id.as_str().unwrap())
            }
            path if path.contains("/roles/{id}") => {
                let query = match path.rsplit_once('/') {
                    Some((_, "packages" | "resources")) => "?variant=AS",
                    _ => "",
                };
                let roles = nothing.get(&format!("{catalogue}/roles")).await.json();
                let director = roles
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|r| r["code"] == "daglig-leder");
                operation
                    .path
                    .replace("{id}", director.unwrap()["id"].as_str().unwrap())
                    + query
            }
            path if path.contains("/roles/") => {
                format!("{}?role=daglig-leder&variant=AS", operation.path)
            }
            path if path.contains("/search") => format!("{}?term=l%C3%B8nn", operation.path),
            _ => operation.path.replace("{urnValue}", "a-ordning"),
        };
        let tag = nothing.get(&path).await.assert_status(200);
        let again = world
            .anonymous()
            .with_header("If-None-Match", tag.header("etag"));
        again.get(&path).await.assert_status(304);
    }
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_422_for_vendors() {
    let world = World::start().await;
    let vendor = world.fjordlonn().with_header("Idempotency-Key", "one-key");
    let first = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
    vendor.post(VENDOR_REQUESTS, first).await.assert_status(201);
    let system = example(operation("createSystem")).unwrap();
    vendor.post(SYSTEMS, system).await.assert_status(422);
    let (_, path) = sender(&world, operation("createChangeRequest"));
    let change = example(operation("createChangeRequest")).unwrap();
    vendor.post(&path, change).await.assert_status(422);
    let others = world
        .skyregnskap()
        .with_header("Idempotency-Key", "one-key");
    let agent = example(operation("createAgentRequest")).unwrap();
    others
        .post(VENDOR_AGENT_REQUESTS, agent)
        .await
        .assert_status(201);
    let another = with(
        example(operation("createAgentRequest")).unwrap(),
        "externalRef",
        json!("kontor-3"),
    );
    others
        .post(VENDOR_AGENT_REQUESTS, another)
        .await
        .assert_status(422);
}

fn operation(id: &str) -> Operation<'static> {
    described()
        .operations()
        .find(|operation| operation.id() == id)
        .unwrap_or_else(|| panic!("{id}"))
}

// Answers that no other test is about

#[tokio::test]
async fn an_explanation_of_another_owners_decision_is_403_for_the_platforms_own_parts() {
    let world = World::start().await;
    let question = example(operation("decideForPlatform")).unwrap();
    let stranger = world.organization(AYE, AUTHORIZE);
    let answer = stranger
        .post("/authorization/api/v1/decision?explain=true", question)
        .await;
    answer.assert_forbidden();
}

#[tokio::test]
async fn agent_requests_that_were_answered_are_409() {
    let world = World::start().await;
    let request = world.agent_request_to_sifferhjelp();
    let person = world.olav();
    person.rejects(&request).await.assert_status(200);
    person.rejects(&request).await.assert_status(409);
    person.escalates(&request).await.assert_status(409);
}

#[tokio::test]
async fn a_policy_is_replaced_or_refused_by_put() {
    let world = World::start().await;
    let path = "/resourceregistry/api/v1/resource/a-melding/policy";
    let policy = world.anonymous().get(path).await.assert_status(200).text;
    let token = world
        .organization(SAV, "altinn:resourceregistry/resource.write")
        .token()
        .await;
    let put = async |xml: String| {
        let file = Part::text(xml).file_name("policy.xml");
        let url = format!("{}{path}", world.app.base);
        let request = world.app.http.put(url).bearer_auth(token.clone().unwrap());
        let request = request.multipart(Form::new().part("policyFile", file));
        Answer::to(&Method::PUT, request.send().await.unwrap()).await
    };
    put(policy).await.assert_status(201);
    put("<Policy/>".to_owned()).await.assert_status(400);
}

#[tokio::test]
async fn packages_without_resources_are_204() {
    let world = World::start().await;
    let nothing = world.anonymous();
    let catalogue = "/accessmanagement/api/v1/meta/info";
    let ids = |list: Vec<Value>| -> Vec<String> {
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        list.iter().map(id).collect()
    };
    let groups = nothing
        .get(&format!("{catalogue}/accesspackages/export"))
        .await
        .list();
    let members = |list: &[Value], name: &str| -> Vec<Value> {
        list.iter()
            .flat_map(|one| one[name].as_array().unwrap().clone())
            .collect()
    };
    let packages = ids(members(&members(&groups, "areas"), "packages"));
    let mut statuses = BTreeSet::new();
    for id in packages {
        let path = format!("{catalogue}/accesspackages/package/{id}/resources");
        statuses.insert(nothing.get(&path).await.status);
    }
    assert_eq!(Vec::from_iter(statuses), [200, 204]);
}

#[tokio::test]
async fn what_belongs_to_a_deleted_system_is_404_for_those_who_decide() {
    let world = World::start().await;
    let skyregnskap = world.skyregnskap();
    skyregnskap
        .delete(&format!("{SYSTEMS}/{}", SKYREGNSKAP_BYRA.id))
        .await
        .assert_status(200);
    let request = world.agent_request_to_sifferhjelp();
    world
        .olav()
        .approves(&request)
        .await
        .assert_problem(404, "AUTH-00011");
    let portal = "/accessmanagement/api/v1/systemuser";
    let approval = format!(
        "{portal}/agentrequest/{}/{}/approve",
        SIFFERHJELP.party, request.id
    );
    world
        .olav()
        .post_empty(&approval)
        .await
        .assert_problem(404, "AMUI-00011");
    let agent = &TALLKNUSEREN_AGENT.id;
    let (party, uuid) = (TALLKNUSEREN.party, TALLKNUSEREN.uuid);
    let own =
        format!("/authentication/api/v1/systemuser/agent/{party}/{agent}/self?partyUuid={uuid}");
    world
        .randi()
        .post_empty(&own)
        .await
        .assert_problem(404, "AUTH-00011");
    let own = format!("{portal}/agentdelegation/{party}/{agent}/self?partyuuid={uuid}");
    world
        .randi()
        .post_empty(&own)
        .await
        .assert_problem(404, "AMUI-00011");
}

#[tokio::test]
async fn the_portal_approves_nothing_for_a_deleted_system() {
    let world = World::start().await;
    let (vendor, portal) = (world.fjordlonn(), "/accessmanagement/api/v1/systemuser");
    let (_, path) = sender(&world, operation("createChangeRequest"));
    let change = example(operation("createChangeRequest")).unwrap();
    let change = vendor.post(&path, change).await.assert_status(201).json();
    let system = format!("{SYSTEMS}/{}", FJORDLONN_SYSTEM.id);
    vendor.delete(&system).await.assert_status(200);
    let request = world.request_to_nattergal();
    let path = format!(
        "{portal}/request/{}/{}/approve",
        NATTERGAL.party, request.id
    );
    let answer = world.torleif().post_empty(&path).await;
    answer.assert_problem(404, "AMUI-00011");
    let id = change["id"].as_str().unwrap();
    let path = format!("{portal}/changerequest/{}/{id}/approve", TINDEVANDRER.party);
    let answer = world.marit().post_empty(&path).await;
    answer.assert_problem(404, "AMUI-00011");
}

#[tokio::test]
async fn agent_requests_are_answered_in_the_portal_too() {
    for step in ["approve", "reject"] {
        let world = World::start().await;
        let request = world.agent_request_to_sifferhjelp();
        let path = format!(
            "/accessmanagement/api/v1/systemuser/agentrequest/{}/{}/{step}",
            SIFFERHJELP.party, request.id
        );
        world.olav().post_empty(&path).await.assert_status(200);
    }
}
