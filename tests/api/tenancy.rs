//! The wall between tenants, built from the route table: every operation without a credential, with
//! one that lacks the scope, and with a good credential on what belongs to another tenant. An
//! operation that is new is in here by itself; one with a parameter of an unknown name
//! fails until its value is given here.

mod third_parties;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

const RESOURCE_WRITE: &str = "altinn:resourceregistry/resource.write";
const TALLKNUSEREN: &str = "390784554";
pub(crate) const AYE: &str = "390042191";

/// Operations that every caller may use.
pub(crate) const PUBLIC: &[&str] = &[
    "GET /accessmanagement/api/v1/meta/",
    "GET /.well-known/authzen-configuration",
    "GET /alive",
    "GET /health",
    "GET /authentication/api/v1/exchange/",
    "GET /authentication/api/v1/openid/.well-known/",
    "GET /resourceregistry/api/v1/resource/",
    "GET /resourceregistry/api/v2/resource/",
    "POST /resourceregistry/api/v1/resource/bysubjects",
];

/// Operations that answer otherwise than 403 to a token without scope.
const ANY_CALLER: &[(&str, u16)] = &[
    (
        "GET /authentication/api/v1/systemuser/changerequest/{requestId}",
        404,
    ),
    // Without its scope a token counts for nothing there: a subscription key or a platform token
    // may do.
    ("POST /authorization/api/v1/decision", 401),
    // A person may look itself up without a scope, and no other caller may.
    ("GET /register/api/v1/parties/{partyId}", 401),
    ("GET /register/api/v1/parties/byuuid/{uuid}", 401),
    // A person's own parties need no scope, and no other caller has any.
    ("GET /accessmanagement/api/v1/authorizedparties", 401),
    (
        "GET /accessmanagement/api/v1/authorizedparty/{partyId}",
        401,
    ),
];

/// Operations that distinguish a foreign object from an unknown one, because a client may depend on
/// it: status and code for the foreign one.
const DISTINGUISHED: &[(&str, u16, &str)] = &[
    // Resources, and the packages that lead to them, are public.
    ("GET /accessmanagement/api/v1/accesspackage/search", 200, ""),
    ("GET /accessmanagement/api/v1/resources", 200, ""),
    // Number and name of an organisation are public.
    (
        "GET /accessmanagement/api/v1/lookup/org/{orgNumber}",
        200,
        "",
    ),
    (
        "GET /authentication/api/v1/systemregister/vendor/{systemId}",
        403,
        "",
    ),
    (
        "PUT /authentication/api/v1/systemregister/vendor/{systemId}",
        403,
        "",
    ),
    (
        "DELETE /authentication/api/v1/systemregister/vendor/{systemId}",
        403,
        "",
    ),
    (
        "GET /authentication/api/v1/systemregister/vendor/{systemId}/accesspackages",
        403,
        "",
    ),
    (
        "PUT /authentication/api/v1/systemregister/vendor/{systemId}/accesspackages",
        403,
        "",
    ),
    (
        "GET /authentication/api/v1/systemregister/vendor/{systemId}/changelog",
        403,
        "",
    ),
    (
        "GET /authentication/api/v1/systemregister/vendor/{systemId}/rights",
        403,
        "",
    ),
    (
        "PUT /authentication/api/v1/systemregister/vendor/{systemId}/rights",
        403,
        "",
    ),
    (
        "POST /authentication/api/v1/systemuser/changerequest/vendor",
        401,
        "",
    ),
    (
        "GET /authentication/api/v1/systemuser/changerequest/{requestId}",
        403,
        "AUTH-00066",
    ),
    (
        "GET /authentication/api/v1/systemuser/request/agent/{requestId}",
        403,
        "AUTH-00066",
    ),
    (
        "GET /authentication/api/v1/systemuser/request/{requestId}",
        403,
        "AUTH-00066",
    ),
    (
        "GET /accessmanagement/api/v1/systemuser/agentrequest/{id}",
        403,
        "AMUI-00066",
    ),
    (
        "GET /accessmanagement/api/v1/systemuser/changerequest/{id}",
        403,
        "AMUI-00066",
    ),
    (
        "GET /accessmanagement/api/v1/systemuser/request/{id}",
        403,
        "AMUI-00066",
    ),
    (
        "GET /authentication/api/v1/enduser/systemuser/agents",
        403,
        "",
    ),
    (
        "GET /authentication/api/v1/enduser/systemuser/clients",
        403,
        "",
    ),
    (
        "POST /authentication/api/v1/enduser/systemuser/clients",
        403,
        "",
    ),
    (
        "DELETE /authentication/api/v1/enduser/systemuser/clients",
        403,
        "",
    ),
    (
        "GET /authentication/api/v1/enduser/systemuser/clients/available",
        403,
        "",
    ),
    (
        "POST /authentication/api/v1/systemuser/changerequest/{party}/{requestId}/approve",
        403,
        "AUTH-00041",
    ),
    (
        "POST /authentication/api/v1/systemuser/changerequest/{party}/{requestId}/reject",
        403,
        "AUTH-00041",
    ),
    (
        "POST /authentication/api/v1/systemuser/request/agent/{party}/{requestId}/approve",
        403,
        "AUTH-00042",
    ),
    (
        "POST /authentication/api/v1/systemuser/request/{party}/{requestId}/approve",
        403,
        "AUTH-00041",
    ),
    (
        "POST /authentication/api/v1/systemuser/request/agent/{party}/{requestId}/escalate",
        403,
        "AUTH-00042",
    ),
    (
        "POST /authentication/api/v1/systemuser/request/{party}/{requestId}/escalate",
        403,
        "AUTH-00041",
    ),
    (
        "POST /authentication/api/v1/systemuser/request/agent/{party}/{requestId}/reject",
        403,
        "AUTH-00042",
    ),
    (
        "POST /authentication/api/v1/systemuser/request/{party}/{requestId}/reject",
        403,
        "AUTH-00041",
    ),
    (
        "DELETE /authentication/api/v1/systemuser/{party}/{systemUserId}",
        403,
        "AUTH-00024",
    ),
    (
        "DELETE /authentication/api/v1/systemuser/agent/{party}/{systemUserId}",
        403,
        "AUTH-00024",
    ),
    (
        "DELETE /authentication/api/v1/systemuser/agent/{party}/{systemUserId}/client",
        400,
        "AUTH-00031",
    ),
    (
        "POST /authentication/api/v1/systemuser/agent/{party}/{systemUserId}",
        403,
        "",
    ),
    (
        "GET /authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self",
        403,
        "",
    ),
    (
        "GET /accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self",
        403,
        "AMUI-00999",
    ),
    (
        "POST /authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self",
        403,
        "",
    ),
    (
        "POST /accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self",
        403,
        "AMUI-00999",
    ),
    (
        "DELETE /authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self",
        403,
        "",
    ),
    (
        "DELETE /accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self",
        403,
        "AMUI-00999",
    ),
    (
        "POST /accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation",
        403,
        "AMUI-00999",
    ),
    (
        "DELETE /accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation/{delegationId}",
        400,
        "AMUI-00005",
    ),
    (
        "DELETE /accessmanagement/api/v1/systemuser/{party}/{id}",
        400,
        "AMUI-00005",
    ),
];

/// An operation of the API's description.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub method: Method,
    pub path: String,
    query: Vec<String>,
    /// Kind of credential and the scopes of which one is enough; none when the operation is public.
    pub credential: Option<(String, Vec<String>)>,
    /// Each kind of credential with one scope that is enough.
    alternatives: Vec<(String, Option<String>)>,
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn scheme(&self) -> &str {
        self.credential
            .as_ref()
            .map(|c| c.0.as_str())
            .unwrap_or_default()
    }

    /// The scopes of which one is enough with a kind of credential, when the operation takes it.
    pub(crate) fn scopes_of(&self, scheme: &str) -> Option<Vec<&str>> {
        let fitting = self.alternatives.iter().filter(|(kind, _)| kind == scheme);
        let scopes: Vec<Option<&str>> = fitting.map(|(_, scope)| scope.as_deref()).collect();
        (!scopes.is_empty()).then(|| scopes.into_iter().flatten().collect())
    }

    /// The address with the parameters of its path filled.
    pub(crate) fn path_alone(&self, fill: &dyn Fn(&Self, &str) -> String) -> String {
        let mut path = self.path.clone();
        while let Some((before, rest)) = path.split_once('{') {
            let (name, after) = rest.split_once('}').unwrap();
            path = format!("{before}{}{after}", fill(self, name));
        }
        path
    }

    /// The address with every parameter filled.
    pub(crate) fn address(&self, fill: &dyn Fn(&Self, &str) -> String) -> String {
        let path = self.path_alone(fill);
        let query: Vec<String> = self
            .query
            .iter()
            .map(|name| format!("{name}={}", fill(self, name)))
            .filter(|p| !p.ends_with('='))
            .collect();
        format!("{path}?{}", query.join("&"))
    }
}

pub(crate) async fn operations(app: &TestApp) -> Vec<Operation> {
    let description: Value = app
        .http
        .get(format!("{}/openapi/v1.json", app.base))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut out = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            if !operation.is_object() {
                continue;
            }
            let queries = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|p| p["in"] == "query");
            let credential = credential(&operation["security"]);
            let alternatives = alternatives(&operation["security"]);
            let query = queries
                .map(|p| p["name"].as_str().unwrap().to_owned())
                .collect();
            out.push(Operation {
                method,
                path: path.clone(),
                query,
                credential,
                alternatives,
            });
        }
    }
    assert!(
        out.len() > 140,
        "the description lists {} operations",
        out.len()
    );
    out
}

fn alternatives(security: &Value) -> Vec<(String, Option<String>)> {
    let each = security.as_array().into_iter().flatten();
    each.filter_map(|one| one.as_object().unwrap().iter().next())
        .flat_map(|(scheme, scopes)| {
            let scopes = scopes.as_array().unwrap();
            let named = scopes.iter().map(|scope| scope.as_str().map(str::to_owned));
            let named: Vec<_> = if scopes.is_empty() {
                vec![None]
            } else {
                named.collect()
            };
            named.into_iter().map(|scope| (scheme.clone(), scope))
        })
        .collect()
}

/// The first kind of credential among the alternatives of an operation, with all scopes that do for
/// it; none when nothing is asked for.
fn credential(alternatives: &Value) -> Option<(String, Vec<String>)> {
    let alternatives: Vec<(&String, &Value)> = alternatives
        .as_array()
        .expect("every operation says who may call it")
        .iter()
        .map(|one| one.as_object().unwrap().iter().next())
        .collect::<Option<_>>()?;
    let (first, _) = alternatives.first()?;
    let scopes = alternatives
        .iter()
        .filter(|(scheme, _)| scheme == first)
        .flat_map(|(_, scopes)| scopes.as_array().unwrap())
        .map(|scope| scope.as_str().unwrap().to_owned());
    Some(((*first).clone(), scopes.collect()))
}

/// A body that the operation takes, naming what `fill` names.
pub(crate) fn body(
    operation: &Operation,
    fill: &dyn Fn(&Operation, &str) -> String,
) -> Option<Value> {
    let system = fill(operation, "systemId");
    let packages = json!([{"urn": "urn:altinn:accesspackage:a-ordning"}]);
    Some(match operation.name().as_str() {
        "POST /authentication/api/v1/systemuser/request/vendor"
        | "POST /authentication/api/v1/systemuser/request/vendor/agent"
        | "POST /systembruker/api/v1/requests:check" => {
            json!({"systemId": system, "partyOrgNo": fill(operation, "orgNo"), "externalRef": "matrix", "accessPackages": packages})
        }
        "POST /systembruker/api/v1/token:explain" => {
            json!({"clientId": "b4d3c5de-0000-4000-8000-000000000000", "systemUserOrg": fill(operation, "orgNo")})
        }
        "POST /authentication/api/v1/systemuser/changerequest/vendor" => {
            json!({"unwantedAccessPackages": packages})
        }
        "POST /authentication/api/v1/systemregister/vendor"
        | "PUT /authentication/api/v1/systemregister/vendor/{systemId}" => {
            json!({"id": system, "vendor": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{}", fill(operation, "vendor"))},
                "name": {"nb": "a", "nn": "a", "en": "a"}, "description": {"nb": "a", "nn": "a", "en": "a"}, "isVisible": false})
        }
        "PUT /authentication/api/v1/systemregister/vendor/{systemId}/rights"
        | "PUT /authentication/api/v1/systemregister/vendor/{systemId}/accesspackages" => json!([]),
        "PUT /authentication/api/v1/systemuser" => {
            json!({"id": fill(operation, "systemUserId"), "partyId": fill(operation, "party"), "integrationTitle": "x", "reporteeOrgNo": "1",
                "systemId": "x"})
        }
        "POST /authentication/api/v1/systemuser/{party}/create"
        | "POST /accessmanagement/api/v1/systemuser/{party}" => {
            json!({"integrationTitle": "x", "systemId": "390198116_none"})
        }
        "POST /accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation" => {
            json!({"customerId": fill(operation, "client")})
        }
        "POST /accessmanagement/api/v1/reportee/change" => {
            json!({"partyUuid": fill(operation, "partyUuid")})
        }
        "PUT /resourceregistry/api/v1/resource/{id}" | "POST /resourceregistry/api/v1/resource" => {
            json!({"identifier": fill(operation, "id"), "title": {"nb": "a", "nn": "a", "en": "a"}, "description": {"nb": "a", "nn": "a", "en": "a"},
                "rightDescription": {"nb": "a", "nn": "a", "en": "a"}, "delegable": false, "status": "Active",
                "contactPoints": [{"category": "a", "email": "a@a.example", "telephone": "1", "contactPage": ""}],
                "hasCompetentAuthority": {"name": {"nb": "a", "nn": "a", "en": "a"}, "organization": AYE, "orgcode": "aye"},
                "resourceType": "GenericAccessResource", "availableForType": ["Company"]})
        }
        "PUT /resourceregistry/api/v1/access-lists/{owner}/{identifier}" => json!({"name": "x"}),
        "PUT /resourceregistry/api/v1/access-lists/{owner}/{identifier}/members"
        | "POST /resourceregistry/api/v1/access-lists/{owner}/{identifier}/members"
        | "DELETE /resourceregistry/api/v1/access-lists/{owner}/{identifier}/members" => {
            json!({"data": []})
        }
        _ if operation.method == Method::POST || operation.method == Method::PUT => json!({}),
        _ => return None,
    })
}

fn any(_: &Operation, name: &str) -> String {
    match name {
        "party" => "52000091".to_owned(),
        "partyId" => "59999999".to_owned(),
        _ => Uuid::nil().to_string(),
    }
}

#[tokio::test]
async fn no_operation_answers_without_its_credential() {
    let app = TestApp::start().await;
    let organization = app.organization(who::FJORDLONN, "altinn:nothing").await;
    let person = app
        .token(
            "GetPersonalToken",
            &[("pid", who::ODDNY), ("scopes", "altinn:nothing")],
        )
        .await;
    for operation in operations(&app).await {
        let name = operation.name();
        let Some((scheme, scopes)) = &operation.credential else {
            assert!(
                PUBLIC.iter().any(|p| name.starts_with(p)),
                "{name}: who may call this?"
            );
            continue;
        };
        let (address, body) = (operation.address(&any), body(&operation, &any));
        let anonymous = app
            .send(operation.method.clone(), &address, None, body.clone())
            .await;
        assert_eq!(
            (anonymous.status, anonymous.text.as_str()),
            (401, ""),
            "{name} without a token"
        );
        assert!(
            anonymous.header("www-authenticate").starts_with("Bearer"),
            "{name}"
        );
        let garbage = app
            .send(
                operation.method.clone(),
                &address,
                Some("a.b.c"),
                body.clone(),
            )
            .await;
        assert_eq!(garbage.status, 401, "{name} with garbage");
        let wrong = if scheme == "personToken" {
            vec![&organization]
        } else {
            vec![&organization, &person]
        };
        let wrong = if scopes.is_empty() {
            wrong
        } else {
            [wrong, vec![&person]].concat()
        };
        for token in wrong {
            let refused = app
                .send(
                    operation.method.clone(),
                    &address,
                    Some(token),
                    body.clone(),
                )
                .await;
            if let Some((_, status)) = ANY_CALLER.iter().find(|(op, _)| *op == name) {
                assert!(
                    refused.status == *status || refused.status == 403,
                    "{name}: {}",
                    refused.status
                );
                continue;
            }
            assert_eq!(
                (refused.status, refused.text.as_str()),
                (403, ""),
                "{name} without its scope"
            );
        }
    }
}

/// A tenant's objects, by the name of the parameter that names them.
pub(crate) struct Objects(BTreeMap<&'static str, String>);

impl Objects {
    /// What an operation's parameter gets.
    pub(crate) fn fill(&self, operation: &Operation, name: &str) -> String {
        let path = operation.path.as_str();
        let key = match name {
            "requestId" | "id" if path.contains("changerequest") => "change",
            "requestId" if path.contains("/agent/") => "agentRequest",
            "requestId" => "request",
            "id" if path.contains("agentrequest") => "agentRequest",
            "id" if path.contains("/systemuser/request/") => "request",
            "id" if path.contains("agentdelegation") || path.contains("/agent/") => "agent",
            "id" if path.starts_with("/resourceregistry/") => "resource",
            "systemUserId" if path.contains("/agent/") => "agent",
            "id" | "systemUserId" | "system-user-id" => "user",
            "system-id" => "systemId",
            "orgno" | "orgNo" | "orgNumber" => "orgNo",
            "external-ref" => "externalRef",
            "party" if path.ends_with("/enduser/systemuser/agents") => "orgNo",
            "party"
                if path.contains("/user/is")
                    || path.ends_with("/role/permissions")
                    || path.contains("/consent/count/")
                    || path.starts_with("/accessmanagement/api/v1/request/")
                    || path.ends_with("{party}/pending")
                        && path.starts_with("/accessmanagement") =>
            {
                "partyUuid"
            }
            // Client delegations and connections name parties by uuid.
            "party" | "from" if path.contains("/enduser/connections") => "partyUuid",
            "to" if path.contains("/enduser/connections") => "client",
            "party" | "from"
                if path.contains("/v1/connection/")
                    || path.contains("/v1/accesspackage/")
                    || path.contains("/v1/singleright/") =>
            {
                "partyUuid"
            }
            "to" if path.contains("/v1/accesspackage/") || path.contains("/v1/singleright/") => {
                "client"
            }
            "packageId" if path.contains("/permission/") => {
                return "fef4aac0-d227-4ef6-834b-cc2eb4b942ed".to_owned();
            }
            "resourceId" => "resource",
            "to" if path.ends_with("/connection/rightholders") => return String::new(),
            "to" if path.ends_with("/connection/reportee") => "client",
            "party"
                if path.contains("/enduser/clientdelegations/")
                    || path.contains("/api/v1/clientdelegations/") =>
            {
                "partyUuid"
            }
            "from" if path.contains("/clientdelegations/") => "client",
            "to" if path.contains("/clientdelegations/") => "agent",
            "package" => return "urn:altinn:accesspackage:lonn".to_owned(),
            "facilitator" | "facilitatorId" | "provider" | "partyuuid" => "partyUuid",
            // Only the caller: left out as a rule.
            "userId" | "coveredByUserId" => {
                return self.0.get("userId").cloned().unwrap_or_default();
            }
            "offeredByPartyId" | "partyId" if path.starts_with("/authorization/") => "party",
            "from" | "to" if path.ends_with("/role/permissions") => "partyUuid",
            "uuid" if path.starts_with("/accessmanagement/api/v1/") => "partyUuid",
            "delegationId" | "rightholderPartyUuid" => "client",
            "correlation-id" => return Uuid::new_v4().to_string(),
            // Filters and pages: left out.
            "rolecode" => return "utinn".to_owned(),
            "Page" | "ResultsPerPage" => return "1".to_owned(),
            "resource"
            | "token"
            | "limit"
            | "packages"
            | "after"
            | "versionId"
            | "useOldFormatForApp"
            | "status"
            | "packageId"
            | "packageIds"
            | "roles"
            | "resources"
            | "cascade"
            | "partyFilter"
            | "anyOfResourceIds"
            | "searchString"
            | "typeName"
            | "relevantResourceTypes"
            | "SearchString"
            | "ROFilters"
            | "IncludeA2Services"
            | "IncludeExpired" => {
                return String::new();
            }
            name if name.starts_with("include") => return String::new(),
            other => other,
        };
        self.0
            .get(key)
            .unwrap_or_else(|| panic!("{}: what is `{name}`?", operation.name()))
            .clone()
    }

    /// What a body names.
    pub(crate) fn named(&self, operation: &Operation, name: &str) -> String {
        self.0
            .get(name)
            .cloned()
            .unwrap_or_else(|| self.fill(operation, name))
    }

    /// As these, with others in place of some.
    pub(crate) fn with(&self, others: &[(&'static str, String)]) -> Self {
        let mut out = self.0.clone();
        out.extend(others.iter().cloned());
        Self(out)
    }
}

pub(crate) fn unknown() -> Objects {
    let uuid = || Uuid::new_v4().to_string();
    Objects(BTreeMap::from([
        ("systemId", "390198116_none".to_owned()),
        ("vendor", "390198117".to_owned()),
        ("orgNo", "399999999".to_owned()),
        ("externalRef", "none".to_owned()),
        ("request", uuid()),
        ("agentRequest", uuid()),
        ("change", uuid()),
        ("user", uuid()),
        ("agent", uuid()),
        ("client", uuid()),
        ("party", "59999999".to_owned()),
        ("partyUuid", uuid()),
        ("partyId", "59999999".to_owned()),
        ("resource", "no-such-resource".to_owned()),
        ("resourceIdentifier", "no-such-resource".to_owned()),
        ("owner", "aye".to_owned()),
        ("identifier", "no-such-list".to_owned()),
    ]))
}

/// Digests of all tables that contain a tenant's data.
async fn everything(app: &TestApp) -> BTreeMap<String, String> {
    // What the service itself writes in the background, and what logging in does.
    const OWN: &[&str] = &[
        "attempt_batch",
        "audit_log",
        "audit_chain",
        "audit_checkpoint_file",
        "key_set",
        "session",
        "login_transaction",
        "post_logout",
        "used_once",
        "_sqlx_migrations",
    ];
    app.events_have_places().await;
    app.digests(OWN).await
}

/// Status and body, without what names the objects themselves.
async fn answer(
    app: &TestApp,
    operation: &Operation,
    token: &str,
    objects: &Objects,
) -> (u16, String) {
    let fill = |o: &Operation, name: &str| objects.fill(o, name);
    let needed = |o: &Operation, name: &str| objects.named(o, name);
    let answer = app
        .send(
            operation.method.clone(),
            &operation.address(&fill),
            Some(token),
            body(operation, &needed),
        )
        .await;
    let mut text = answer.text.clone();
    if let Ok(mut body) = serde_json::from_str::<Value>(&text) {
        remove_trace(&mut body);
        text = body.to_string();
    }
    for (name, value) in objects.0.iter().filter(|(_, v)| v.len() > 3) {
        text = text.replace(value.as_str(), name);
    }
    (answer.status, text)
}

fn remove_trace(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.shift_remove("traceId");
            members.values_mut().for_each(remove_trace);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_trace),
        _ => {}
    }
}

/// Calls each operation on a foreign tenant's objects and on none at all, and compares.
async fn compare(
    app: &TestApp,
    operations: &[Operation],
    token: &str,
    foreign: &Objects,
    none: &Objects,
    differences: &mut Vec<String>,
) {
    for operation in operations {
        let name = operation.name();
        let (theirs, unknown_answer) = (
            answer(app, operation, token, foreign).await,
            answer(app, operation, token, none).await,
        );
        assert!(
            theirs.0 < 500 && unknown_answer.0 < 500,
            "{name}: {theirs:?} {unknown_answer:?}"
        );
        if theirs == unknown_answer {
            continue;
        }
        let code = serde_json::from_str::<Value>(&theirs.1)
            .ok()
            .and_then(|b| Some(b["code"].as_str()?.to_owned()))
            .unwrap_or_default();
        let expected = DISTINGUISHED
            .iter()
            .any(|(op, status, c)| *op == name && *status == theirs.0 && *c == code);
        if !expected {
            differences.push(format!(
                "{name}\n    foreign {theirs:?}\n    none    {unknown_answer:?}"
            ));
        }
    }
}

/// Tallknuseren with a system user, an agent with a client, and an open request of each kind; by
/// vendor.
async fn furnish(app: &TestApp) -> [Objects; 2] {
    let randi = app.person(who::RANDI).await;
    let party = app.party_id_of(TALLKNUSEREN).await;
    let agent_packages = app.packages_of_agent(who::TALLKNUSEREN_AGENT).await;
    let client = app.client_of_agent(who::TALLKNUSEREN_AGENT).await;
    let mut out = Vec::new();
    for (vendor, system, package) in [
        (who::FJORDLONN, who::FJORDLONN_SYSTEM, "a-ordning"),
        (
            who::SKYREGNSKAP,
            "390184387_skyregnskap",
            "regnskap-okonomi-rapport",
        ),
    ] {
        let token = app.vendor(vendor).await;
        let ask = async |path: &str, body: Value| {
            let answer = app
                .post(
                    &format!("/authentication/api/v1/systemuser/{path}"),
                    &token,
                    body,
                )
                .await
                .expect(201);
            answer.json()["id"].as_str().unwrap().to_owned()
        };
        let body = |external_ref: &str| {
            json!({"systemId": system, "partyOrgNo": TALLKNUSEREN, "externalRef": external_ref,
                "accessPackages": [{"urn": format!("urn:altinn:accesspackage:{package}")}]})
        };
        let user = ask("request/vendor", body("approved")).await;
        app.post_empty(
            &format!("/authentication/api/v1/systemuser/request/{party}/{user}/approve"),
            &randi,
        )
        .await
        .expect(200);
        let request = ask("request/vendor", body("open")).await;
        let change = Uuid::new_v4();
        let unwanted = json!({"unwantedAccessPackages": [{"urn": format!("urn:altinn:accesspackage:{package}")}]});
        ask(
            &format!("changerequest/vendor?correlation-id={change}&system-user-id={user}"),
            unwanted,
        )
        .await;
        // Fjordlønn has no system for clients; one of its own replaces it.
        let agent_request = Uuid::new_v4().to_string();
        app.store_agent_request(&agent_request, system, TALLKNUSEREN, &agent_packages)
            .await;
        out.push(Objects(BTreeMap::from([
            ("systemId", system.to_owned()),
            ("vendor", vendor.to_owned()),
            ("orgNo", TALLKNUSEREN.to_owned()),
            ("externalRef", "open".to_owned()),
            ("request", request),
            ("agentRequest", agent_request),
            ("change", change.to_string()),
            ("user", user),
            ("agent", who::TALLKNUSEREN_AGENT.to_owned()),
            ("client", client.clone()),
            ("party", party.to_string()),
            ("partyId", party.to_string()),
            ("partyUuid", app.uuid_of(TALLKNUSEREN).await),
            ("resource", "skattemelding-naering".to_owned()),
            ("resourceIdentifier", "saft-innsyn".to_owned()),
            ("owner", "sav".to_owned()),
            ("identifier", "godkjente-innsendere".to_owned()),
        ])));
    }
    // In the background the events get their places some seconds later.
    app.number_events().await;
    out.try_into().ok().unwrap()
}

#[tokio::test]
async fn another_vendors_is_like_none() {
    let app = TestApp::start().await;
    let [of_fjordlonn, of_skyregnskap] = furnish(&app).await;
    let of_vendors = |o: &Operation| {
        o.scheme() == "organizationToken"
            && (o.path.contains("/vendor")
                || o.path.contains("requests:check")
                || o.path.contains("token:explain"))
    };
    let operations: Vec<Operation> = operations(&app)
        .await
        .into_iter()
        .filter(of_vendors)
        .collect();
    assert!(operations.len() > 25);
    let before = everything(&app).await;
    let mut differences = Vec::new();
    for (caller, foreign) in [
        (who::SKYREGNSKAP, of_fjordlonn),
        (who::FJORDLONN, of_skyregnskap),
    ] {
        compare(
            &app,
            &operations,
            &app.vendor(caller).await,
            &foreign,
            &unknown(),
            &mut differences,
        )
        .await;
    }
    assert_eq!(everything(&app).await, before);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn another_organisations_is_like_none() {
    let app = TestApp::start().await;
    let [foreign, _] = furnish(&app).await;
    // Systems are public.
    let of_persons =
        |o: &Operation| o.scheme() == "personToken" && !o.path.contains("/systemregister");
    let operations: Vec<Operation> = operations(&app)
        .await
        .into_iter()
        .filter(of_persons)
        .collect();
    assert!(operations.len() > 55);
    let before = everything(&app).await;
    let scopes = format!("{PORTAL} altinn:clientdelegations.read altinn:clientdelegations.write");
    let oddny = app
        .token(
            "GetPersonalToken",
            &[("pid", who::ODDNY), ("scopes", &scopes)],
        )
        .await;
    let mut differences = Vec::new();
    compare(
        &app,
        &operations,
        &oddny,
        &foreign,
        &unknown(),
        &mut differences,
    )
    .await;
    // In the name of the own organisation.
    let own = [
        ("party", who::KERAMIKK_PARTY.to_string()),
        ("partyUuid", app.uuid_of(who::KERAMIKK).await),
        ("orgNo", who::KERAMIKK.to_owned()),
    ];
    let needs_an_object = |o: &Operation| {
        o.path.matches('{').count() > 1 || o.name() == "PUT /authentication/api/v1/systemuser"
    };
    let operations: Vec<Operation> = operations.into_iter().filter(needs_an_object).collect();
    compare(
        &app,
        &operations,
        &oddny,
        &foreign.with(&own),
        &unknown().with(&own),
        &mut differences,
    )
    .await;
    assert_eq!(everything(&app).await, before);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn another_service_owners_resource_stays_as_it_is() {
    let app = TestApp::start().await;
    let [foreign, _] = furnish(&app).await;
    let of_owners = |o: &Operation| {
        o.scheme() == "organizationToken" && o.path.starts_with("/resourceregistry/")
    };
    let operations: Vec<Operation> = operations(&app)
        .await
        .into_iter()
        .filter(of_owners)
        .collect();
    assert!(operations.len() > 4);
    let before = everything(&app).await;
    let scopes = format!("{RESOURCE_WRITE} altinn:resourceregistry/accesslist.write");
    let token = app.organization(AYE, &scopes).await;
    for operation in operations {
        let (status, text) = answer(&app, &operation, &token, &foreign).await;
        assert!(
            (400..500).contains(&status),
            "{}: {status} {text}",
            operation.name()
        );
    }
    assert_eq!(everything(&app).await, before);
}
