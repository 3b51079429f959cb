//! Work grows no faster than what is sent: every route with a body gets bodies of several kinds in
//! two sizes, one four times the other, and the processor time of the program is counted. Work that
//! grows with the square of the body would be sixteenfold.

use std::{fmt::Write as _, time::Duration};

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use testkit::postgres::database;

use crate::{Sandbox, free_base_port, support::*};

/// How much larger the larger body is.
const TIMES: usize = 4;
/// How much more the larger body may take: twice its share, as processor time varies.
const MOST: u32 = 2 * TIMES as u32;
/// What a body may take in any case: less says nothing about growth.
const LITTLE: Duration = Duration::from_millis(15);
/// The least of so many attempts counts.
const ATTEMPTS: usize = 3;

/// Processor time that a process took so far.
fn processor_time(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds = threads.map(|thread| {
        // A thread may end meanwhile.
        let path = thread.unwrap().path().join("schedstat");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let first = text.split(' ').next().and_then(|field| field.parse().ok());
        first.unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
enum By {
    Organization,
    Person,
    Anonymous,
}

/// A program with tokens that have every scope.
struct Program {
    sandbox: Sandbox,
    http: reqwest::Client,
    organization: String,
    person: String,
}

impl Program {
    async fn start() -> Self {
        let database = database().await;
        let dir = home().join(format!("growth-{}", uuid::Uuid::new_v4()));
        let mut sandbox = Sandbox::spawn(free_base_port(), &dir, Some(database.expose_secret()));
        sandbox.ready().await;
        let scopes = description(&sandbox).await.scopes();
        let named = |who, value| [(who, value), ("scopes", scopes.as_str()), ("ttl", "36000")];
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            organization: sandbox
                .token("GetEnterpriseToken", &named("orgNo", who::FJORDLONN))
                .await,
            person: sandbox
                .token("GetPersonalToken", &named("pid", who::TORLEIF))
                .await,
            sandbox,
        }
    }

    /// Processor time that a call takes. The answer may be a refusal, and is none of ours.
    async fn took(&self, by: By, method: &Method, path: &str, kind: &str, body: &str) -> Duration {
        let mut least = Duration::MAX;
        for _ in 0..ATTEMPTS {
            let before = processor_time(self.sandbox.process.id());
            let address = format!("{}{path}", self.sandbox.base());
            let mut request = self.http.request(method.clone(), address);
            request = match by {
                By::Organization => request.bearer_auth(&self.organization),
                By::Person => request.bearer_auth(&self.person),
                By::Anonymous => request,
            };
            let sent = request.header("content-type", kind).body(body.to_owned());
            let answer = Answer::of(sent.send().await.unwrap()).await;
            assert_ne!(answer.status, 500, "{method} {path}: {}", answer.text);
            let took = processor_time(self.sandbox.process.id()).saturating_sub(before);
            least = least.min(took);
        }
        least
    }

    /// What is wrong with how the work of a call grows; none when nothing is.
    async fn grows_too_fast(
        &self,
        by: By,
        (method, path): (&Method, &str),
        kind: &str,
        size: usize,
        body: impl Fn(usize) -> String,
    ) -> Option<String> {
        let small = self.took(by, method, path, kind, &body(size)).await;
        let large = self.took(by, method, path, kind, &body(size * TIMES)).await;
        let most = small.max(LITTLE) * MOST;

        (large > most).then(|| {
            format!(
                "{method} {path} by {by:?}: {small:?} at {size}, {large:?} at {TIMES} times that"
            )
        })
    }
}

/// The API's description of itself.
struct Description(Value);

async fn description(sandbox: &Sandbox) -> Description {
    let address = format!("{}/openapi/v1.json", sandbox.base());
    let answer = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = answer.get(address).send().await.unwrap();
    Description(answer.json().await.unwrap())
}

impl Description {
    fn operations(&self) -> impl Iterator<Item = (Method, &String, &Value)> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.filter_map(move |(method, operation)| {
                let method: Method = method.to_uppercase().parse().ok()?;
                ["POST", "PUT", "DELETE"]
                    .contains(&method.as_str())
                    .then_some((method, path, operation))
            })
        })
    }

    /// Every scope that is named, parted by blanks.
    fn scopes(&self) -> String {
        let mut all: Vec<&str> = Vec::new();
        for (_, _, operation) in self.operations() {
            let schemes = operation["security"].as_array().into_iter().flatten();
            let scopes = schemes.flat_map(|scheme| scheme.as_object().unwrap().values());
            all.extend(
                scopes
                    .flat_map(|list| list.as_array().unwrap())
                    .filter_map(Value::as_str),
            );
        }
        all.sort_unstable();
        all.dedup();
        all.join(" ")
    }
}

/// A body of a size.
type Body = fn(usize) -> String;

/// Bodies that no route asks for, each of which must be read or refused in the time that its length
/// takes.
const STRANGE: [(&str, Body); 5] = [
    ("many members", |n| {
        let members: Map<String, Value> = (0..n).map(|i| (format!("x{i}"), json!(1))).collect();
        Value::Object(members).to_string()
    }),
    ("the same member", |n| {
        format!("{{{}\"a\":1}}", "\"a\":1,".repeat(n))
    }),
    ("a long list", |n| json!(vec![json!({}); n]).to_string()),
    ("deep lists", |n| "[".repeat(n) + &"]".repeat(n)),
    ("a long text", |n| json!("å".repeat(n)).to_string()),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_bodies_take_no_more_than_their_share() {
    let program = Program::start().await;
    let description = description(&program.sandbox).await;
    let mut found = Vec::new();
    for (method, path, operation) in description.operations() {
        if operation["requestBody"].is_null() {
            continue;
        }
        let address = path.replace(['{', '}'], "");
        for (_, body) in STRANGE {
            for by in [By::Organization, By::Person, By::Anonymous] {
                let call = (&method, address.as_str());
                let size = 10_000;
                let kind = "application/json";
                found.extend(program.grows_too_fast(by, call, kind, size, body).await);
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";
const DECISION: &str = "/authorization/api/v1/decision";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SYSTEM: &str = "/authentication/api/v1/systemregister/vendor";
const REQUEST: &str = "/authentication/api/v1/systemuser/request/vendor";
const RESOURCE: &str = "/resourceregistry/api/v1/resource";

fn attribute(id: &str, value: &str) -> Value {
    json!({"AttributeId": id, "Value": value})
}

/// A question with this much of everything.
struct Question {
    /// Attributes of the subject that no policy asks for.
    attributes: usize,
    /// Resources, each an entry.
    resources: usize,
    /// References to each resource.
    references: usize,
    /// How often each reference names its resource.
    repeats: usize,
}

const ONE: Question = Question {
    attributes: 0,
    resources: 1,
    references: 1,
    repeats: 1,
};

impl Question {
    fn json(&self) -> String {
        let mut subject = vec![attribute(
            "urn:altinn:systemuser:uuid",
            who::TINDEVANDRER_USER,
        )];
        subject.extend((0..self.attributes).map(|i| attribute(&format!("urn:x:{i}"), "y")));
        let resource = |i: usize| {
            json!({"Id": format!("r{i}"), "Attribute": [attribute("urn:altinn:resource", "a-melding"),
                attribute("urn:altinn:organization:identifier-no", who::TINDEVANDRER)]})
        };
        let references = (0..self.resources).flat_map(|i| {
            let mut ids = vec!["s".to_owned(), "a".to_owned()];
            ids.extend((0..self.repeats).map(|_| format!("r{i}")));
            (0..self.references).map(move |_| json!({"ReferenceId": ids}))
        });
        json!({"Request": {
            "AccessSubject": [{"Id": "s", "Attribute": subject}],
            "Action": [{"Id": "a", "Attribute": [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write")]}],
            "Resource": (0..self.resources).map(resource).collect::<Vec<_>>(),
            "MultiRequests": {"RequestReference": references.collect::<Vec<_>>()},
        }})
        .to_string()
    }
}

fn texts() -> Value {
    json!({"nb": "a", "nn": "a", "en": "a"})
}

fn system(change: impl FnOnce(&mut Value)) -> String {
    let mut body = json!({"id": "390198116_vekst", "vendor": {"authority": "iso6523-actorid-upis", "ID": "0192:390198116"},
        "name": texts(), "description": texts(), "isVisible": false});
    change(&mut body);
    body.to_string()
}

fn request(member: &str, list: Value) -> String {
    let mut body = json!({"systemId": who::FJORDLONN_SYSTEM, "partyOrgNo": who::NATTERGAL, "externalRef": "vekst"});
    body[member] = list;
    body.to_string()
}

fn right(i: usize) -> Value {
    json!({"resource": [{"id": "urn:altinn:resource", "value": format!("r-{i}")}]})
}

fn package(i: usize) -> Value {
    json!({"urn": format!("urn:altinn:accesspackage:p-{i}")})
}

fn many(n: usize, of: impl Fn(usize) -> Value) -> Value {
    (0..n).map(of).collect()
}

fn evaluations(shared: &str, members: usize, items: usize) -> String {
    let context: Map<String, Value> = (0..members).map(|i| (format!("x{i}"), json!(1))).collect();
    json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": "write"},
        "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": who::TINDEVANDRER}},
        shared: context, "evaluations": many(items, |_| json!({}))})
    .to_string()
}

fn xml_request(attributes: usize) -> String {
    let mut text = String::from(
        "<Request xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" CombinedDecision=\"false\" ReturnPolicyIdList=\"false\"><Attributes Category=\"urn:oasis:names:tc:xacml:1.0:subject-category:access-subject\">",
    );
    for i in 0..attributes {
        let _ = write!(
            text,
            "<Attribute AttributeId=\"urn:x:{i}\" IncludeInResult=\"false\"><AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#string\">y</AttributeValue></Attribute>"
        );
    }
    text + "</Attributes></Request>"
}

const POLICY: &str = "/resourceregistry/api/v1/resource/a-melding/policy";
const MULTIPART: &str = "multipart/form-data; boundary=boundary";

/// An upload of a policy with so many rules, of which each has so many subjects to choose from.
fn policy(rules: usize, subjects: usize) -> String {
    const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
    let matches = |category: &str, id: &str, value: &str| {
        format!(
            "<AllOf><Match MatchId=\"urn:oasis:names:tc:xacml:1.0:function:string-equal\"><AttributeValue DataType=\"{STRING}\">{value}</AttributeValue><AttributeDesignator AttributeId=\"{id}\" Category=\"{category}\" DataType=\"{STRING}\" MustBePresent=\"false\"/></Match></AllOf>"
        )
    };
    let mut text = String::from(
        "<Policy xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" PolicyId=\"urn:p\" Version=\"1.0\" RuleCombiningAlgId=\"urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides\"><Target/>",
    );
    for rule in 0..rules {
        let subjects: String = (0..subjects)
            .map(|i| {
                matches(
                    "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject",
                    "urn:altinn:rolecode",
                    &format!("r{i}"),
                )
            })
            .collect();
        let resource = matches(
            "urn:oasis:names:tc:xacml:3.0:attribute-category:resource",
            "urn:altinn:resource",
            "a-melding",
        );
        let action = matches(
            "urn:oasis:names:tc:xacml:3.0:attribute-category:action",
            "urn:oasis:names:tc:xacml:1.0:action:action-id",
            "read",
        );
        let _ = write!(
            text,
            "<Rule RuleId=\"urn:r:{rule}\" Effect=\"Permit\"><Target><AnyOf>{subjects}</AnyOf><AnyOf>{resource}</AnyOf><AnyOf>{action}</AnyOf></Target></Rule>"
        );
    }
    format!(
        "--boundary\r\ncontent-disposition: form-data; name=\"policyFile\"; filename=\"policy.xml\"\r\ncontent-type: application/xml\r\n\r\n{text}</Policy>\r\n--boundary--\r\n"
    )
}

/// A body that a route understands: who sends it, where, as what, the smaller size, and the text.
type Case = (By, Method, &'static str, usize, Body);

fn cases() -> Vec<Case> {
    use By::{Anonymous, Organization};
    let post = || Method::POST;
    vec![
        (Organization, post(), AUTHORIZE_PATH, 2_000, |n| {
            Question {
                attributes: n,
                ..ONE
            }
            .json()
        }),
        (Organization, post(), AUTHORIZE_PATH, 250, |n| {
            Question {
                resources: n,
                ..ONE
            }
            .json()
        }),
        (Organization, post(), AUTHORIZE_PATH, 250, |n| {
            Question {
                references: n,
                attributes: 20,
                ..ONE
            }
            .json()
        }),
        (Organization, post(), AUTHORIZE_PATH, 2_000, |n| {
            Question { repeats: n, ..ONE }.json()
        }),
        (Organization, post(), DECISION, 2_000, |n| {
            Question {
                attributes: n,
                ..ONE
            }
            .json()
        }),
        (Organization, post(), EVALUATIONS, 250, |n| {
            evaluations("context", 0, n)
        }),
        (Organization, post(), EVALUATIONS, 2_000, |n| {
            evaluations("context", n, 4)
        }),
        (Organization, post(), EVALUATIONS, 250, |n| {
            evaluations("context", n, n)
        }),
        (Organization, post(), AUTHORIZE_PATH, 250, |n| {
            Question {
                attributes: n,
                references: n,
                ..ONE
            }
            .json()
        }),
        (Organization, post(), AUTHORIZE_PATH, 250, |n| {
            Question {
                resources: n,
                repeats: n,
                ..ONE
            }
            .json()
        }),
        (Organization, post(), SYSTEM, 100, |n| {
            system(|body| body["rights"] = many(n, right))
        }),
        (Organization, post(), SYSTEM, 100, |n| {
            system(|body| body["accessPackages"] = many(n, package))
        }),
        (Organization, post(), SYSTEM, 200, |n| {
            system(|body| body["clientId"] = many(n, |i| json!(format!("c-{i}"))))
        }),
        (Organization, post(), SYSTEM, 200, |n| {
            system(|body| {
                body["allowedRedirectUrls"] = many(n, |i| json!(format!("https://a.example/{i}")));
            })
        }),
        (Organization, post(), REQUEST, 100, |n| {
            request("rights", many(n, right))
        }),
        (Organization, post(), REQUEST, 100, |n| {
            request("accessPackages", many(n, package))
        }),
        (
            Organization,
            post(),
            "/systembruker/api/v1/requests:check",
            100,
            |n| request("accessPackages", many(n, package)),
        ),
        (
            Anonymous,
            post(),
            "/resourceregistry/api/v1/resource/bysubjects",
            200,
            |n| many(n, |i| json!(format!("urn:altinn:rolecode:r{i}"))).to_string(),
        ),
        (Organization, post(), RESOURCE, 200, |n| {
            json!({"identifier": "vekst", "title": texts(), "description": texts(),
                "keywords": many(n, |i| json!({"word": format!("w{i}"), "language": "nb"}))})
            .to_string()
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_understood_take_no_more_than_their_share() {
    let program = Program::start().await;
    let mut found = Vec::new();
    for (place, (by, method, path, size, body)) in cases().into_iter().enumerate() {
        let call = (&method, path);
        let growth = program.grows_too_fast(by, call, "application/json", size, body);
        found.extend(growth.await.map(|text| format!("case {place}: {text}")));
    }
    let xml = (&Method::POST, DECISION);
    let growth =
        program.grows_too_fast(By::Organization, xml, "application/xml", 1_000, xml_request);
    found.extend(growth.await);
    let upload = (&Method::POST, POLICY);
    for (size, body) in [(200, (|n| policy(n, 1)) as Body), (200, |n| policy(1, n))] {
        let growth = program.grows_too_fast(By::Organization, upload, MULTIPART, size, body);
        found.extend(growth.await);
    }
    assert!(found.is_empty(), "{found:#?}");
}
