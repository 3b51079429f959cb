//! Which routes take tokens of which shape: every operation of the API's description, with a token
//! of every shape that has all its scopes. An operation that no row of the table is about fails.

use serde_json::{Value, json};
use testkit::{organizations::TALLKNUSEREN, people::RANDI};

use crate::{
    support::*,
    tenancy::{AYE, Operation, PUBLIC, body, operations, unknown},
};

/// Shapes of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Organization,
    SystemUser,
    Person,
    SelfIdentified,
    EnterpriseUser,
    Bare,
}

use Shape::{Bare, EnterpriseUser, Organization, Person, SelfIdentified, SystemUser};

const EVERY: [Shape; 6] = [
    Organization,
    SystemUser,
    Person,
    SelfIdentified,
    EnterpriseUser,
    Bare,
];

/// Which shapes a route takes, and how it answers the others.
struct Row {
    /// Begins of names of operations; the longest that fits counts.
    begins: &'static [&'static str],
    takes: &'static [Shape],
    /// Status for other shapes.
    refuses: u16,
    /// Whether that answer says why.
    explains: bool,
}

const TABLE: &[Row] = &[
    Row {
        begins: &[
            "GET /authentication/api/v1/systemregister/vendor",
            "POST /authentication/api/v1/systemregister/vendor",
            "PUT /authentication/api/v1/systemregister/vendor",
            "DELETE /authentication/api/v1/systemregister/vendor",
            "GET /authentication/api/v1/systemuser/request/vendor",
            "POST /authentication/api/v1/systemuser/request/vendor",
            "DELETE /authentication/api/v1/systemuser/request/vendor",
            "GET /authentication/api/v1/systemuser/changerequest/vendor",
            "POST /authentication/api/v1/systemuser/changerequest/vendor",
            "DELETE /authentication/api/v1/systemuser/changerequest/vendor",
            "GET /authentication/api/v1/systemuser/vendor/",
            "GET /systembruker/api/v1/events",
            "POST /systembruker/api/v1/requests:check",
            "POST /systembruker/api/v1/token:explain",
        ],
        takes: &[Organization, SystemUser],
        refuses: 403,
        explains: false,
    },
    Row {
        begins: &[
            "POST /resourceregistry/api/v1/resource",
            "PUT /resourceregistry/api/v1/resource",
            "DELETE /resourceregistry/api/v1/resource",
            "GET /resourceregistry/api/v1/access-lists/",
            "PUT /resourceregistry/api/v1/access-lists/",
            "PATCH /resourceregistry/api/v1/access-lists/",
            "POST /resourceregistry/api/v1/access-lists/",
            "DELETE /resourceregistry/api/v1/access-lists/",
        ],
        takes: &[Organization],
        refuses: 403,
        explains: false,
    },
    Row {
        begins: &[
            "GET /authentication/api/v1/systemuser/",
            "POST /authentication/api/v1/systemuser/",
            "PUT /authentication/api/v1/systemuser",
            "DELETE /authentication/api/v1/systemuser/",
            "GET /accessmanagement/api/v1/",
            "GET /authorization/api/v1/parties",
            "GET /authorization/api/v1/roles",
            "POST /accessmanagement/api/v1/",
            "PUT /accessmanagement/api/v1/",
            "DELETE /accessmanagement/api/v1/",
        ],
        takes: &[Person, SelfIdentified],
        refuses: 403,
        explains: false,
    },
    Row {
        begins: &[
            "GET /register/api/v1/parties/{partyId}",
            "GET /register/api/v1/parties/byuuid/{uuid}",
            "GET /authentication/api/v1/systemregister",
            "GET /authentication/api/v1/systemuser/changerequest/{requestId}",
            "GET /authentication/api/v1/systemuser/byExternalId",
            "GET /authentication/api/v1/systemuser/internal/",
            "POST /register/api/",
            "GET /register/api/",
            "POST /accessmanagement/api/v1/resourceowner/authorizedparties",
            "POST /accessmanagement/api/v1/serviceowner/authorizedparties",
            "POST /authorization/api/v1/",
            "POST /access/v1/",
            "GET /systembruker/api/v1/decisions/",
        ],
        takes: &EVERY,
        refuses: 0,
        explains: false,
    },
    Row {
        begins: &[
            "GET /authentication/api/v1/enduser/systemuser/",
            "POST /authentication/api/v1/enduser/systemuser/",
            "DELETE /authentication/api/v1/enduser/systemuser/",
            "POST /systembruker/api/v1/enduser/systemuser/",
        ],
        takes: &[Person, SystemUser],
        refuses: 403,
        explains: false,
    },
    Row {
        begins: &["GET /resourceregistry/api/v1/access-lists/memberships"],
        takes: &EVERY,
        refuses: 0,
        explains: false,
    },
    Row {
        // Platform access tokens alone.
        begins: &["GET /resourceregistry/api/v1/access-lists/get-by-member"],
        takes: &[],
        refuses: 403,
        explains: false,
    },
    Row {
        begins: &[
            "GET /accessmanagement/api/v1/enduser/authorizedparties",
            "GET /accessmanagement/api/v1/enduser/clientdelegations/my/",
            "DELETE /accessmanagement/api/v1/enduser/clientdelegations/my/",
            "GET /accessmanagement/api/v2/enduser/clientdelegations/my/",
            "POST /accessmanagement/api/v2/enduser/clientdelegations/my/",
            "DELETE /accessmanagement/api/v2/enduser/clientdelegations/my/",
        ],
        takes: &[Person, SystemUser],
        refuses: 401,
        explains: true,
    },
    Row {
        begins: &[
            "GET /accessmanagement/api/v1/authorizedparties",
            "GET /accessmanagement/api/v1/authorizedparty/",
            "GET /accessmanagement/api/v1/clientdelegations/my/",
            "DELETE /accessmanagement/api/v1/clientdelegations/my/",
        ],
        takes: &[Person],
        refuses: 401,
        explains: true,
    },
    Row {
        begins: &[
            "GET /accessmanagement/api/v1/enduser/clientdelegations/",
            "POST /accessmanagement/api/v1/enduser/clientdelegations/",
            "DELETE /accessmanagement/api/v1/enduser/clientdelegations/",
            "GET /accessmanagement/api/v2/enduser/clientdelegations/",
            "POST /accessmanagement/api/v2/enduser/clientdelegations/",
            "DELETE /accessmanagement/api/v2/enduser/clientdelegations/",
            "GET /accessmanagement/api/v1/enduser/connections",
            "POST /accessmanagement/api/v1/enduser/connections",
            "PUT /accessmanagement/api/v1/enduser/connections",
            "DELETE /accessmanagement/api/v1/enduser/connections",
        ],
        takes: &[Person, SystemUser],
        refuses: 403,
        explains: false,
    },
    Row {
        // The portal's back end asks access management, which takes no person of level 0.
        begins: &[
            "GET /accessmanagement/api/v1/clientdelegations/",
            "POST /accessmanagement/api/v1/clientdelegations/",
            "DELETE /accessmanagement/api/v1/clientdelegations/",
            "GET /accessmanagement/api/v1/connection/",
            "POST /accessmanagement/api/v1/connection/",
            "DELETE /accessmanagement/api/v1/connection/",
            "GET /accessmanagement/api/v1/accesspackage/delegat",
            "GET /accessmanagement/api/v1/accesspackage/permission/",
            "POST /accessmanagement/api/v1/accesspackage/",
            "DELETE /accessmanagement/api/v1/accesspackage/",
            "GET /accessmanagement/api/v1/singleright/delegation",
            "POST /accessmanagement/api/v1/singleright/",
            "PUT /accessmanagement/api/v1/singleright/",
            "DELETE /accessmanagement/api/v1/singleright/",
        ],
        takes: &[Person],
        refuses: 403,
        explains: false,
    },
];

fn row_of(operation: &Operation) -> &'static Row {
    let name = operation.name();
    let fits = TABLE.iter().flat_map(|row| {
        let begins = row.begins.iter().filter(|begin| name.starts_with(**begin));
        begins.map(move |begin| (begin.len(), row))
    });
    fits.max_by_key(|(length, _)| *length)
        .unwrap_or_else(|| panic!("{name}: which shapes does it take?"))
        .1
}

/// A token of our own issuer, of a shape, with these scopes; the organisation is whose token it is,
/// where it is an organisation's.
fn token(app: &TestApp, shape: Shape, organization: &str, scopes: &str) -> String {
    let own = match shape {
        Organization => json!({
            "urn:systembruker:src": "maskinporten", "urn:altinn:orgNumber": organization,
        }),
        SystemUser => json!({
            "urn:systembruker:src": "maskinporten", "urn:altinn:orgNumber": who::FJORDLONN,
            "authorization_details": [{"type": "urn:altinn:systemuser", "systemuser_id": [who::TINDEVANDRER_USER],
                "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{}", who::TINDEVANDRER)},
                "system_id": who::FJORDLONN_SYSTEM}],
        }),
        Person => person(who::ODDNY, 4),
        SelfIdentified => json!({
            "urn:altinn:authenticatemethod": "SelfIdentified", "urn:altinn:userid": 1, "urn:altinn:authlevel": 4,
        }),
        EnterpriseUser => json!({
            "urn:altinn:authenticatemethod": "virksomhetsbruker", "urn:altinn:orgNumber": who::FJORDLONN,
            "urn:altinn:userid": 1,
        }),
        Bare => json!({}),
    };
    signed(app, own, scopes)
}

/// Claims about a person who logged in at this level.
fn person(pid: &str, level: u8) -> Value {
    json!({"urn:systembruker:src": "id-porten", "pid": pid, "urn:altinn:authlevel": level})
}

/// A token of our own issuer with these claims and scopes.
fn signed(app: &TestApp, own: Value, scopes: &str) -> String {
    let now = app.clock.seconds();
    let mut claims = json!({"iss": app.running.config.own_issuer, "iat": now, "exp": now + 600, "jti": "j",
        "client_id": who::FJORDLONN_CLIENT, "scope": scopes});
    let (Value::Object(claims_), Value::Object(own)) = (&mut claims, own) else {
        unreachable!("objects")
    };
    claims_.extend(own);
    app.running
        .state
        .own_keys
        .signing_key()
        .sign(&claims, &[])
        .unwrap()
}

#[tokio::test]
async fn every_route_takes_the_shapes_of_the_table_alone() {
    let app = TestApp::start().await;
    let profile = app
        .get(
            "/accessmanagement/api/v1/user/profile",
            &app.person(who::ODDNY).await,
        )
        .await
        .expect(200)
        .json();
    let objects = unknown().with(&[
        ("userId", profile["userId"].to_string()),
        ("party", who::KERAMIKK_PARTY.to_string()),
        ("partyUuid", app.uuid_of(who::KERAMIKK).await),
        ("vendor", who::FJORDLONN.to_owned()),
        ("partyId", who::KERAMIKK_PARTY.to_string()),
        ("uuid", uuid::Uuid::new_v4().to_string()),
        ("orgNr", "399999999".to_owned()),
        ("role", "revisor".to_owned()),
        ("urnValue", "urn:altinn:party:id:1".to_owned()),
    ]);
    let mut wrong = Vec::new();
    for operation in operations(&app).await {
        let name = operation.name();
        let Some((_, scopes)) = &operation.credential else {
            assert!(PUBLIC.iter().any(|p| name.starts_with(p)), "{name}");
            continue;
        };
        // An admin scope lifts the question whose the resource is, and with it that of the shape.
        let plain: Vec<&str> = scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| scope.rsplit('.').next() != Some("admin") && !scope.contains("/pdp:"))
            .collect();
        let scopes = if plain.is_empty() {
            scopes.join(" ")
        } else {
            plain.join(" ")
        };
        let row = row_of(&operation);
        // The owner of the resource that bodies describe.
        let organization = if operation.path.starts_with("/resourceregistry/") {
            AYE
        } else {
            who::FJORDLONN
        };
        for shape in EVERY.into_iter().filter(|shape| !row.takes.contains(shape)) {
            // What a query names counts for a caller alone that may call.
            let path = operation.path_alone(&|o, name| objects.fill(o, name));
            let answer = app
                .send(
                    operation.method.clone(),
                    &path,
                    Some(&token(&app, shape, organization, &scopes)),
                    body(&operation, &|o, name| objects.named(o, name)),
                )
                .await;
            if answer.status != row.refuses {
                let found = (answer.status, answer.text);
                wrong.push(format!("{name} without a query takes {shape:?}: {found:?}"));
            }
        }
        for shape in EVERY {
            let answer = app
                .send(
                    operation.method.clone(),
                    // What the query names is read after the caller is known.
                    &operation.address(&|o, name| {
                        let is_in_path = o.path.contains(&format!("{{{name}}}"));
                        // Without the person they are about, no caller may use these.
                        let is_about_a_person = o.path.contains("/user/is")
                            || o.path.ends_with("/role/permissions")
                            || o.path == "/authorization/api/v1/roles";
                        // These are read before: whose clients or access it is about.
                        let is_access = o.path.contains("/clientdelegations/")
                            || o.path.contains("/enduser/connections")
                            || o.path.contains("/v1/connection/")
                            || o.path.contains("/v1/accesspackage/")
                            || o.path.contains("/v1/singleright/");
                        let is_party = name == "party"
                            || name == "from" && !o.path.contains("/clientdelegations/");
                        if is_in_path || is_about_a_person || is_access && is_party {
                            objects.fill(o, name)
                        } else {
                            String::new()
                        }
                    }),
                    Some(&token(&app, shape, organization, &scopes)),
                    body(&operation, &|o, name| objects.named(o, name)),
                )
                .await;
            let status = answer.status;
            // What the public system does not build either answers 501.
            assert!(
                status < 500 || status == 501,
                "{name} {shape:?}: {status} {}",
                answer.text
            );
            if !row.takes.contains(&shape)
                && (status != row.refuses || answer.text.is_empty() == row.explains)
            {
                wrong.push(format!("{name} takes {shape:?}: {status} {}", answer.text));
            }
            // An unknown person, and one who is no client administrator, may not, whatever the
            // shape.
            let is_known = matches!(shape, Organization | Person);
            if row.takes.contains(&shape)
                && is_known
                && matches!(status, 401 | 403)
                && answer.text.is_empty()
            {
                wrong.push(format!("{name} refuses {shape:?}: {status}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Operations that take persons and are no `GET`, but change nothing.
const CHANGES_NOTHING: [&str; 5] = [
    "POST /accessmanagement/api/v1/reportee/change",
    "POST /accessmanagement/api/v1/resourceowner/authorizedparties",
    "POST /accessmanagement/api/v1/serviceowner/authorizedparties",
    "POST /authorization/api/v1/authorize",
    "POST /authorization/api/v1/systemuser/authorize",
];

#[tokio::test]
async fn every_change_by_a_person_needs_level_3() {
    let app = TestApp::start().await;
    // What Randi may do at a sufficient level is not found, or says nothing that can be read.
    let objects = unknown().with(&[
        ("party", TALLKNUSEREN.party.to_string()),
        ("partyUuid", TALLKNUSEREN.uuid.to_owned()),
        ("agent", who::TALLKNUSEREN_AGENT.to_owned()),
        ("client", uuid::Uuid::new_v4().to_string()),
        ("uuid", uuid::Uuid::new_v4().to_string()),
    ]);
    let takes_persons = |operation: &Operation| operation.scopes_of("personToken").is_some();
    let mut changes = operations(&app).await;
    changes.retain(|operation| {
        takes_persons(operation)
            && operation.method != reqwest::Method::GET
            && !CHANGES_NOTHING.contains(&operation.name().as_str())
    });
    let mut wrong = Vec::new();
    // What is good enough may change what the others are about: it comes last.
    for level in 0..=3 {
        for operation in &changes {
            let scopes = operation.scopes_of("personToken").unwrap().join(" ");
            let token = signed(&app, person(RANDI.pid, level), &scopes);
            let address = operation.address(&|o, name| objects.fill(o, name));
            // A batch is read before it is known whose agent it is about.
            let body = if operation.path.ends_with("clients:batch") {
                Some(json!({"action": "add", "clients": [uuid::Uuid::new_v4()]}))
            } else {
                body(operation, &|o, name| objects.named(o, name))
            };
            let method = operation.method.clone();
            let answer = app.send(method, &address, Some(&token), body).await;
            if (answer.status == 403) != (level < 3) {
                wrong.push(format!(
                    "{} at level {level}: {} {}",
                    operation.name(),
                    answer.status,
                    answer.text
                ));
            }
        }
    }
    assert!(changes.len() > 60, "{} operations", changes.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn with_an_admin_scope_any_shape_writes_resources() {
    let app = TestApp::start().await;
    let path = "/resourceregistry/api/v1/resource/no-such-resource/policy";
    for shape in EVERY {
        let plain = token(
            &app,
            shape,
            who::FJORDLONN,
            "altinn:resourceregistry/resource.write",
        );
        let admin = token(
            &app,
            shape,
            who::FJORDLONN,
            "altinn:resourceregistry/resource.admin",
        );
        let plain = app.post(path, &plain, json!({})).await.status;
        let admin = app.post(path, &admin, json!({})).await.status;
        let expected = if shape == Organization { 415 } else { 403 };
        assert_eq!((plain, admin), (expected, 415), "{shape:?}");
    }
}
