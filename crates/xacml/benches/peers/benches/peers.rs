//! The same question for several engines in one process: may a user who holds ten packages of rights
//! and ten single rights read a resource that is open to three packages? A third of the questions is
//! permitted by package, a third by single right.
//!
//! Each engine has the data in the form that suits it best, loaded beforehand, and each question as
//! its own prepared request; "from texts" includes making that request. Every answer is checked
//! before anything is measured.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark stops at the first error"
)]

#[path = "../../support/json.rs"]
mod json;
#[path = "../../support/mod.rs"]
mod support;

use std::{collections::HashMap, hint::black_box, str::FromStr, sync::Arc};

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use cedar_policy::{
    Authorizer, Context, Decision as Cedar, Entities, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request,
};
use criterion::{Criterion, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use regorus::{Engine, Value, languages::rego::compiler::Compiler, rvm::RegoVM};
use serde_json::json;
use support::{Question, packages_of, questions, resource};
use xacml::{
    Binding, Decider, Decision, Environment, Limits, PreparedRequest, Program, Request as Xacml,
    Scratch,
};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// Checks every answer of an engine, then measures the answers in turn.
fn measure(
    c: &mut Criterion,
    name: &str,
    questions: &[Question],
    mut answer: impl FnMut(usize) -> bool,
) {
    for (n, question) in questions.iter().enumerate() {
        assert_eq!(
            answer(n),
            question.permit,
            "{name}: {} on {}",
            question.user,
            resource(question.resource)
        );
    }
    let mut n = 0;
    c.bench_function(name, |b| {
        b.iter(|| {
            n = (n + 1) % questions.len();
            black_box(answer(black_box(n)))
        });
    });
}

fn this_engine(c: &mut Criterion, size: usize) {
    let vocabulary = Arc::default();
    let programs: HashMap<String, Arc<Program>> = (0..size)
        .map(|n| {
            (
                resource(n),
                Arc::new(support::program(n, 10, 20, &vocabulary)),
            )
        })
        .collect();
    let questions = questions(size);
    let names: Vec<String> = questions.iter().map(|q| resource(q.resource)).collect();
    let now = Environment::at(1_700_000_000);
    let categories: Vec<_> = questions
        .iter()
        .zip(&names)
        .map(|(q, name)| q.categories(name))
        .collect();
    let mut bindings: Vec<Binding> = categories.iter().map(|_| Binding::default()).collect();
    let prepared: Vec<_> = categories
        .iter()
        .zip(&mut bindings)
        .zip(&names)
        .map(|((c, b), name)| PreparedRequest::new(&programs[name], c, now, b))
        .collect();
    let mut scratch = Scratch::default();
    measure(
        c,
        &format!("xacml, 10 rules x 20 subjects: {size}"),
        &questions,
        |n| prepared[n].evaluate(&mut scratch.work).decision() == Decision::Permit,
    );
    measure(c, &format!("xacml, from texts: {size}"), &questions, |n| {
        let categories = questions[n].categories(&names[n]);
        PreparedRequest::new(&programs[&names[n]], &categories, now, &mut scratch.binding)
            .evaluate(&mut scratch.work)
            .decision()
            == Decision::Permit
    });
    let bodies: Vec<String> = questions.iter().map(json::json).collect();
    let mut answer = |n: usize| {
        let request = Xacml::from_json(bodies[n].as_bytes(), &Limits::DEFAULT).unwrap();
        let roots = std::slice::from_ref(&programs[&names[n]]);
        let response = Decider {
            roots,
            environment: now,
            tree: None,
        }
        .decide(&request, &mut scratch);
        black_box(response.to_json());
        response.results[0].decision == Decision::Permit
    };
    measure(
        c,
        &format!("xacml, JSON body to JSON body: {size}"),
        &questions,
        &mut answer,
    );
}

fn uid(kind: &str, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).unwrap(), EntityId::new(name))
}

fn cedar_request(question: &Question) -> Request {
    let about = uid("Resource", &resource(question.resource));
    Request::new(
        uid("User", &question.user),
        uid("Action", "read"),
        about,
        Context::empty(),
        None,
    )
    .unwrap()
}

fn cedar_entities(questions: &[Question], size: usize) -> Entities {
    let reference = |name: &String| json!({"__entity": {"type": "Resource", "id": name}});
    let users = questions.iter().map(|q| {
        let rights: Vec<_> = q.rights.iter().map(reference).collect();
        json!({"uid": {"type": "User", "id": q.user}, "attrs": {"packages": q.packages, "rights": rights}, "parents": []})
    });
    let resources = (0..size).map(|n| json!({"uid": {"type": "Resource", "id": resource(n)}, "attrs": {"packages": packages_of(n)}, "parents": []}));
    Entities::from_json_value(users.chain(resources).collect(), None).unwrap()
}

fn cedar(c: &mut Criterion, size: usize) {
    let questions = questions(size);
    let entities = cedar_entities(&questions, size);
    let requests: Vec<Request> = questions.iter().map(cedar_request).collect();
    let authorizer = Authorizer::new();
    let generic = PolicySet::from_str(
        r#"permit(principal, action == Action::"read", resource)
           when { principal.packages.containsAny(resource.packages) || principal.rights.contains(resource) };"#,
    )
    .unwrap();
    let permits = |request: &Request, policies: &PolicySet| {
        authorizer
            .is_authorized(request, policies, &entities)
            .decision()
            == Cedar::Allow
    };
    measure(
        c,
        &format!("cedar, one generic policy: {size}"),
        &questions,
        |n| permits(&requests[n], &generic),
    );
    measure(
        c,
        &format!("cedar, one generic policy, from texts: {size}"),
        &questions,
        |n| permits(&cedar_request(&questions[n]), &generic),
    );
    let each: String = (0..size)
        .map(|n| {
            let (name, packages) = (resource(n), packages_of(n));
            format!(
                r#"permit(principal, action == Action::"read", resource == Resource::"{name}")
                   when {{ principal.packages.containsAny({packages:?}) || principal.rights.contains(resource) }};"#
            )
        })
        .collect();
    let each = PolicySet::from_str(&each).unwrap();
    measure(
        c,
        &format!("cedar, a policy per resource: {size}"),
        &questions,
        |n| permits(&requests[n], &each),
    );
}

const CASBIN_MODEL: &str = "
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.obj == p.obj && r.act == p.act && g(r.sub, p.sub)
";

fn casbin(c: &mut Criterion, size: usize) {
    let questions = questions(size);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let enforcer = runtime.block_on(async {
        let model = DefaultModel::from_str(CASBIN_MODEL).await.unwrap();
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default())
            .await
            .unwrap();
        let row = |subject: String, n: usize| vec![subject, resource(n), "read".to_owned()];
        let mut rows: Vec<Vec<String>> = (0..size)
            .flat_map(|n| packages_of(n).map(|p| row(p, n)))
            .collect();
        rows.extend((0..size).map(|n| row(format!("right-{}", resource(n)), n)));
        enforcer.add_policies(rows).await.unwrap();
        let held = |q: &Question| -> Vec<Vec<String>> {
            let rights = q.rights.iter().map(|r| format!("right-{r}"));
            q.packages
                .iter()
                .cloned()
                .chain(rights)
                .map(|role| vec![q.user.clone(), role])
                .collect()
        };
        enforcer
            .add_grouping_policies(questions.iter().flat_map(held).collect())
            .await
            .unwrap();
        enforcer
    });
    let names: Vec<String> = questions.iter().map(|q| resource(q.resource)).collect();
    measure(
        c,
        &format!("casbin, rows and roles: {size}"),
        &questions,
        |n| {
            enforcer
                .enforce((questions[n].user.as_str(), names[n].as_str(), "read"))
                .unwrap()
        },
    );
}

const REGO: &str = r"
package access
import rego.v1
default allow := false
allow if {
    input.action == 'read'
    some held in data.resources[input.resource].packages
    data.users[input.user].packages[held]
}
allow if {
    input.action == 'read'
    data.users[input.user].rights[input.resource]
}
";

fn regorus(c: &mut Criterion, size: usize) {
    let questions = questions(size);
    let set = |names: &[String]| {
        names
            .iter()
            .map(|n| (n.clone(), json!(true)))
            .collect::<serde_json::Map<_, _>>()
    };
    let users: serde_json::Map<_, _> = questions
        .iter()
        .map(|q| {
            (
                q.user.clone(),
                json!({"packages": set(&q.packages), "rights": set(&q.rights)}),
            )
        })
        .collect();
    let resources: serde_json::Map<_, _> = (0..size)
        .map(|n| (resource(n), json!({"packages": packages_of(n)})))
        .collect();
    let data =
        Value::from_json_str(&json!({"users": users, "resources": resources}).to_string()).unwrap();
    let input = |q: &Question| {
        Value::from_json_str(
            &json!({"user": q.user, "resource": resource(q.resource), "action": "read"})
                .to_string(),
        )
        .unwrap()
    };
    let inputs: Vec<Value> = questions.iter().map(input).collect();
    let rego = REGO.replace('\'', "\"");
    let mut engine = Engine::new();
    engine.add_policy("access.rego".to_owned(), rego).unwrap();
    engine.add_data(data.clone()).unwrap();
    measure(
        c,
        &format!("regorus, data-driven, interpreter: {size}"),
        &questions,
        |n| {
            engine.set_input(inputs[n].clone());
            engine.eval_rule("data.access.allow".to_owned()).unwrap() == Value::from(true)
        },
    );
    let compiled = engine
        .compile_with_entrypoint(&"data.access.allow".into())
        .unwrap();
    let program = Compiler::compile_from_policy(&compiled, &["data.access.allow"]).unwrap();
    let mut vm = RegoVM::new();
    vm.load_program(Arc::clone(&program));
    vm.set_data(data).unwrap();
    measure(
        c,
        &format!("regorus, data-driven, virtual machine: {size}"),
        &questions,
        |n| {
            vm.set_input(inputs[n].clone());
            vm.execute().unwrap() == Value::from(true)
        },
    );
}

fn peers(c: &mut Criterion) {
    for size in SIZES {
        this_engine(c, size);
        cedar(c, size);
        regorus(c, size);
    }
    // Last, since a decision takes a tenth of a second at the largest size.
    for size in SIZES {
        casbin(c, size);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = peers
}
criterion_main!(benches);
