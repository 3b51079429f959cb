//! Requests that are made to cost much more than they weigh: the program answers or refuses them,
//! keeps within its memory, and goes on answering others.

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::multipart::{Form, Part};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{PROGRAM, Sandbox, free_base_port};
use crate::support::*;
use testkit::postgres::database;

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";
const DECISION: &str = "/authorization/api/v1/decision";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SEARCH: &str = "/access/v1/search/action";
const REGISTRY: &str = "/resourceregistry/api/v1/resource";
const WRITE: &str = "altinn:resourceregistry/resource.write";
const ACTION: &str = "urn:oasis:names:tc:xacml:1.0:action:action-id";
const XS: &str = "http://www.w3.org/2001/XMLSchema#";
const RESOURCE: &str = "sav-bombe";

/// Bytes of data that the process may have.
const DATA_LIMIT: u64 = 1_600_000_000;
/// Kilobytes that it may have used at most in the end.
///
/// The promise of 300 MB is about an optimised program: the same takes more space without, most of it while large
/// policies are read.
const PEAK_KILOBYTES: u64 = if cfg!(debug_assertions) {
    500_000
} else {
    300_000
};
/// How long a bomb may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How long others may wait, on a machine that does other things too.
const OTHERS_WAIT: Duration = Duration::from_secs(1);

/// The program with a limit on its memory.
fn spawn(dir: &Path, url: &str) -> Sandbox {
    let port = free_base_port();
    let process = Command::new("prlimit")
        .arg(format!("--data={DATA_LIMIT}"))
        .args(["--", PROGRAM, "sandbox", "--port", &port.to_string()])
        .arg("--data-dir")
        .arg(dir)
        .env("DATABASE_URL", url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    Sandbox { process, port }
}

/// The most memory that a process has used, in kilobytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Another client, which asks all the time whether the service is alive.
struct Other {
    longest: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    asking: tokio::task::JoinHandle<()>,
}

impl Other {
    fn start(base: String) -> Self {
        let (longest, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (noted, stop) = (Arc::clone(&longest), Arc::clone(&ended));
        let asking = tokio::spawn(async move {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let answer = http.get(format!("{base}/alive")).send().await;
                assert_eq!(answer.expect("the service is there").status(), 200);
                let took = u64::try_from(began.elapsed().as_millis()).unwrap();
                noted.fetch_max(took, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self {
            longest,
            ended,
            asking,
        }
    }

    /// The longest that it waited, since it was asked last.
    fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.swap(0, Ordering::Relaxed))
    }

    async fn stop(self) {
        self.ended.store(true, Ordering::Relaxed);
        self.asking.await.expect("others are answered");
    }
}

/// What is sent.
#[derive(Clone)]
struct Bomb {
    name: &'static str,
    path: String,
    content_type: &'static str,
    body: String,
    /// The status that it is answered with when it comes alone.
    status: u16,
}

fn json_bomb(name: &'static str, path: &str, body: &Value, status: u16) -> Bomb {
    Bomb {
        name,
        path: path.to_owned(),
        content_type: "application/json",
        body: body.to_string(),
        status,
    }
}

fn string(value: &str) -> String {
    format!(r#"<AttributeValue DataType="{XS}string">{value}</AttributeValue>"#)
}

fn matches(category: &str, id: &str, value: &str) -> String {
    format!(
        r#"<AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal">{}<AttributeDesignator AttributeId="{id}" Category="urn:oasis:names:tc:xacml:{category}" DataType="{XS}string" MustBePresent="false"/></Match></AllOf>"#,
        string(value)
    )
}

fn more() -> String {
    format!(
        r#"<AttributeDesignator AttributeId="urn:x:more" Category="urn:oasis:names:tc:xacml:3.0:attribute-category:environment" DataType="{XS}string" MustBePresent="false"/>"#
    )
}

fn policy(rules: &str, rest: &str) -> String {
    format!(
        r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:1" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>{rules}{rest}</Policy>"#
    )
}

/// A rule about the resource with so many alternatives of subject, resource and action each.
fn rule(alternatives: usize, condition: &str) -> String {
    let any = |make: &dyn Fn(usize) -> String| -> String {
        format!(
            "<AnyOf>{}</AnyOf>",
            (0..alternatives).map(make).collect::<String>()
        )
    };
    let subject = any(&|n| {
        matches(
            "1.0:subject-category:access-subject",
            "urn:altinn:rolecode",
            &format!("role{n}"),
        )
    });
    let resource = any(&|n| {
        let task = matches(
            "3.0:attribute-category:resource",
            "urn:altinn:task",
            &format!("t{n}"),
        );
        let this = matches(
            "3.0:attribute-category:resource",
            "urn:altinn:resource",
            RESOURCE,
        );
        format!(
            "{}{}",
            this.trim_end_matches("</AllOf>"),
            task.trim_start_matches("<AllOf>")
        )
    });
    let action = any(&|n| matches("3.0:attribute-category:action", ACTION, &format!("a{n}")));
    format!(
        r#"<Rule RuleId="r" Effect="Permit"><Target>{subject}{resource}{action}</Target>{condition}</Rule>"#
    )
}

/// A rule that permits everything with the resource on this condition.
fn on_condition(condition: &str) -> String {
    let this = matches(
        "3.0:attribute-category:resource",
        "urn:altinn:resource",
        RESOURCE,
    );
    format!(
        r#"<Rule RuleId="c" Effect="Permit"><Target><AnyOf>{this}</AnyOf></Target>{condition}</Rule>"#
    )
}

fn any_of_any() -> String {
    let literals: String = (0..900).map(|n| string(&format!("literal{n}"))).collect();
    format!(
        r#"<Condition><Apply FunctionId="urn:oasis:names:tc:xacml:3.0:function:any-of-any"><Function FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-equal"/><Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-bag">{literals}</Apply>{}</Apply></Condition>"#,
        more()
    )
}

fn pattern() -> String {
    format!(
        r#"<Condition><Apply FunctionId="urn:oasis:names:tc:xacml:3.0:function:any-of"><Function FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-regexp-match"/>{}{}</Apply></Condition>"#,
        string("([ab]*a[ab]{400}c)|x"),
        more()
    )
}

/// Obligations of nearly a megabyte.
fn obligations() -> String {
    let assignments = (0..20).fold(String::new(), |mut all, n| {
        let _ = write!(
            all,
            r#"<AttributeAssignmentExpression AttributeId="urn:x:{n}">{}</AttributeAssignmentExpression>"#,
            string(&"o".repeat(45_000))
        );
        all
    });
    format!(
        r#"<ObligationExpressions><ObligationExpression ObligationId="urn:x" FulfillOn="Permit">{assignments}</ObligationExpression></ObligationExpressions>"#
    )
}

/// A multi-request with these further values in each part. The parts differ in their actions, if
/// they are to differ.
fn multi(parts: usize, differ: bool, more: &[String], echoed: bool) -> Value {
    let entry = |id: &str, attributes: Vec<Value>| json!({"Id": id, "Attribute": attributes});
    let attribute = |id: &str, value: &str| json!({"AttributeId": id, "Value": value});
    let actions: Vec<Value> = (0..parts)
        .map(|n| entry(&format!("a{n}"), vec![attribute(ACTION, &format!("a{n}"))]))
        .collect();
    let references: Vec<Value> = (0..parts)
        .map(|n| format!("a{}", if differ { n } else { 0 }))
        .map(|action| json!({"ReferenceId": ["s", action, "r", "e"]}))
        .collect();
    let more: Vec<Value> = more
        .iter()
        .map(
            |value| json!({"AttributeId": "urn:x:more", "Value": value, "IncludeInResult": echoed}),
        )
        .collect();
    json!({"Request": {
        "AccessSubject": [entry("s", vec![attribute("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER)])],
        "Action": actions,
        "Resource": [entry("r", vec![attribute("urn:altinn:resource", RESOURCE),
            attribute("urn:altinn:organization:identifier-no", who::TINDEVANDRER)])],
        "Environment": [entry("e", more)],
        "MultiRequests": {"RequestReference": references},
    }})
}

fn authzen(context: &Value, items: &[Value]) -> Value {
    json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": "a0"},
        "resource": {"type": "resource", "id": RESOURCE, "properties": {"organization": who::TINDEVANDRER}},
        "context": context, "evaluations": items})
}

fn members(count: usize) -> Map<String, Value> {
    (0..count).map(|n| (format!("x{n}"), json!(1))).collect()
}

/// The service, with another client that asks all the time.
struct Scene {
    sandbox: Sandbox,
    other: Other,
    http: reqwest::Client,
    owner: String,
    writer: String,
}

impl Scene {
    async fn start() -> Self {
        let url = database().await;
        let dir = home().join("bombs");
        std::fs::create_dir_all(&dir).unwrap();
        let mut sandbox = spawn(&dir, url.expose_secret());
        sandbox.ready().await;
        let token = async |scopes| {
            let parameters = [("orgNo", who::SAV), ("scopes", scopes)];
            sandbox.token("GetEnterpriseToken", &parameters).await
        };
        let (owner, writer) = (token(AUTHORIZE).await, token(WRITE).await);
        let other = Other::start(sandbox.base());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let scene = Self {
            sandbox,
            other,
            http,
            owner,
            writer,
        };
        let texts = json!({"nb": "a", "nn": "a", "en": "a"});
        let resource = json!({"identifier": RESOURCE, "title": texts, "description": texts, "rightDescription": texts,
            "resourceType": "genericAccessResource", "contactPoints": [],
            "hasCompetentAuthority": {"name": texts, "organization": who::SAV, "orgcode": "sav"}});
        let method = reqwest::Method::POST;
        let made = scene
            .sandbox
            .call(method, REGISTRY, &scene.writer, Some(resource))
            .await
            .unwrap();
        assert_eq!(made.status, 201, "{}", made.text);
        scene
    }

    async fn upload(&self, xml: String) -> u16 {
        let form = Form::new().part("policyFile", Part::text(xml).file_name("policy.xml"));
        let address = format!("{}{REGISTRY}/{RESOURCE}/policy", self.sandbox.base());
        let request = self.http.post(address).bearer_auth(&self.writer);
        let answer = request.multipart(form).send().await.expect("an answer");
        answer.status().as_u16()
    }

    async fn send(&self, bomb: &Bomb) -> (u16, usize) {
        let request = self
            .http
            .post(format!("{}{}", self.sandbox.base(), bomb.path))
            .bearer_auth(&self.owner)
            .header("content-type", bomb.content_type)
            .body(bomb.body.clone());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.bytes().await.expect("a whole answer").len())
    }

    /// Work in the time that it may take, while no other client waits.
    async fn measured<T>(&self, name: &str, work: impl Future<Output = T>) -> T {
        self.other.longest();
        let began = Instant::now();
        let done = tokio::time::timeout(ANSWERED_WITHIN, work).await;
        let (took, waited) = (began.elapsed(), self.other.longest());
        let peak = peak(self.sandbox.process.id()) / 1000;
        println!("{name}: {took:?}, others waited {waited:?}, peak {peak} MB");
        assert!(waited < OTHERS_WAIT, "{name}: others waited {waited:?}");
        done.unwrap_or_else(|_| panic!("{name}: no answer"))
    }

    /// A bomb alone, and then several at once.
    async fn throw(&self, bomb: &Bomb) {
        let (status, bytes) = self.measured(bomb.name, self.send(bomb)).await;
        assert_eq!(status, bomb.status, "{}: {bytes} bytes", bomb.name);
        let several = futures::future::join_all((0..6).map(|_| self.send(bomb)));
        for (status, _) in self.measured(&format!("{} x 6", bomb.name), several).await {
            assert_ne!(status, 500, "{}", bomb.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_takes_it_down() {
    let mut scene = Scene::start().await;
    let deep = format!(
        "<Request xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" ReturnPolicyIdList=\"false\" CombinedDecision=\"false\">{}",
        "<a>".repeat(300_000)
    );
    let soup = format!("{{\"context\":{{\"x\":[{}{{}}]}}}}", "{},".repeat(340_000));
    let anonymous = [
        json_bomb(
            "a context for a thousand questions",
            EVALUATIONS,
            &authzen(&members(20_000).into(), &vec![json!({}); 1_000]),
            400,
        ),
        json_bomb(
            "a large search",
            SEARCH,
            &authzen(&members(20_000).into(), &[]),
            200,
        ),
        json_bomb(
            "a long name with many values",
            EVALUATIONS,
            &authzen(&json!({"n".repeat(400_000): vec![1; 49_000]}), &[]),
            200,
        ),
        Bomb {
            name: "many small objects",
            path: EVALUATIONS.to_owned(),
            content_type: "application/json",
            body: soup,
            status: 400,
        },
        Bomb {
            name: "deep XML",
            path: DECISION.to_owned(),
            content_type: "application/xml",
            body: deep,
            status: 200,
        },
        json_bomb(
            "a large text echoed by each part",
            AUTHORIZE_PATH,
            &multi(890, true, &vec!["x".repeat(16_000); 50], true),
            400,
        ),
        json_bomb(
            "ten thousand references",
            AUTHORIZE_PATH,
            &multi(1_000, true, &["x".to_owned()], false),
            200,
        ),
    ];
    for bomb in &anonymous {
        scene.throw(bomb).await;
    }
    let values: Vec<String> = (0..950).map(|n| format!("value{n}")).collect();
    let texts: Vec<String> = vec!["ab".repeat(8_000); 50];
    let thousand: Vec<Value> = (0..1_000)
        .map(|n| json!({"action": {"name": format!("b{n}")}}))
        .collect();
    let rules: String = (0..500)
        .map(|n| on_condition("").replace("\"c\"", &format!("\"c{n}\"")))
        .collect();
    let policies = [
        (
            "pairs of values",
            policy(&on_condition(&any_of_any()), ""),
            vec![
                json_bomb(
                    "pairs, one part",
                    AUTHORIZE_PATH,
                    &multi(200, false, &values[..50], false),
                    200,
                ),
                json_bomb(
                    "pairs, many parts",
                    AUTHORIZE_PATH,
                    &multi(50, true, &values, false),
                    400,
                ),
            ],
        ),
        (
            "a pattern on long texts",
            policy(&on_condition(&pattern()), ""),
            vec![json_bomb(
                "patterns",
                AUTHORIZE_PATH,
                &multi(900, true, &texts, false),
                400,
            )],
        ),
        (
            "large obligations",
            policy(&on_condition(""), &obligations()),
            vec![json_bomb(
                "obligations",
                AUTHORIZE_PATH,
                &multi(1_000, true, &[], false),
                400,
            )],
        ),
        (
            "many rules",
            policy(&rules, ""),
            vec![
                json_bomb(
                    "explanations",
                    EVALUATIONS,
                    &authzen(&json!({"explain": true}), &thousand),
                    400,
                ),
                json_bomb(
                    "many rules",
                    EVALUATIONS,
                    &authzen(&json!({}), &thousand),
                    200,
                ),
            ],
        ),
    ];
    for (name, xml, bombs) in policies {
        assert_eq!(scene.measured(name, scene.upload(xml)).await, 201, "{name}");
        for bomb in &bombs {
            scene.throw(bomb).await;
        }
    }
    // 130³ combinations, and a policy of the greatest size.
    let product = scene.upload(policy(&rule(130, ""), ""));
    assert_eq!(scene.measured("a product", product).await, 400);
    let largest: String = (0..4_300)
        .map(|n| on_condition("").replace("\"c\"", &format!("\"c{n}\"")))
        .collect();
    let largest = policy(&largest, "");
    assert!(largest.len() > 1_900_000, "{}", largest.len());
    let uploads = futures::future::join_all((0..4).map(|_| scene.upload(largest.clone())));
    for status in scene.measured("large policies", uploads).await {
        assert_ne!(status, 500);
    }
    // As many combinations as a policy may have, read by many who do not take what they asked for.
    let stored = scene.upload(policy(&rule(21, ""), ""));
    assert_eq!(scene.measured("a large product", stored).await, 201);
    for list in ["/policy/rules", "/policy/rights", "/policy"] {
        let address = format!("{}{REGISTRY}/{RESOURCE}{list}", scene.sandbox.base());
        let readers = futures::future::join_all((0..50).map(|_| scene.http.get(&address).send()));
        let unread = scene.measured(list, readers).await;
        let is_good = |answer: &reqwest::Result<reqwest::Response>| {
            answer.as_ref().is_ok_and(|answer| answer.status() == 200)
        };
        assert!(unread.iter().all(is_good), "{list}");
    }
    // As many at once as a consumer may have requests: their bodies alone are 120 MB.
    let uploads = futures::future::join_all((0..60).map(|_| scene.upload(largest.clone())));
    let statuses = scene.measured("large policies x 60", uploads).await;
    assert!(
        statuses.iter().all(|status| [201, 503].contains(status)),
        "{statuses:?}"
    );
    let peak = peak(scene.sandbox.process.id());
    assert!(peak < PEAK_KILOBYTES, "{peak} kB");
    assert!(scene.sandbox.process.try_wait().unwrap().is_none());
    scene.other.stop().await;
}
