//! The time of one decision: of a prepared request, from texts, and from a request in JSON to a
//! response in JSON; and the time to load policies.
//!
//! Compare figures of one run; those of two runs on a shared machine are not comparable.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark stops at the first error"
)]

#[path = "support/json.rs"]
mod json;
mod support;

use std::{collections::HashMap, hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use support::{Question, questions, resource};
use xacml::{
    Binding, Decider, Decision, Environment, EvaluationMemory, Limits, LoadOptions,
    PreparedRequest, Program, Request, Scratch,
};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const NOW: Environment<'static> = Environment::at(1_700_000_000);

/// Programs by resource, and questions with their categories.
struct Bench {
    programs: HashMap<String, Arc<Program>>,
    questions: Vec<Question>,
    names: Vec<String>,
}

impl Bench {
    fn new(resources: usize, rules: usize) -> Self {
        let vocabulary = Arc::default();
        let programs = (0..resources)
            .map(|n| {
                (
                    resource(n),
                    Arc::new(support::program(n, rules, 20, &vocabulary)),
                )
            })
            .collect();
        let questions = questions(resources);
        let names = questions.iter().map(|q| resource(q.resource)).collect();
        Self {
            programs,
            questions,
            names,
        }
    }

    fn prepared(&self, c: &mut Criterion, name: &str) {
        let categories: Vec<_> = self
            .questions
            .iter()
            .zip(&self.names)
            .map(|(q, name)| q.categories(name))
            .collect();
        let mut bindings: Vec<_> = categories.iter().map(|_| Binding::default()).collect();
        let prepared: Vec<_> = categories
            .iter()
            .zip(&mut bindings)
            .zip(&self.names)
            .map(|((categories, binding), name)| {
                PreparedRequest::new(&self.programs[name], categories, NOW, binding)
            })
            .collect();
        let mut work = EvaluationMemory::default();
        for (prepared, question) in prepared.iter().zip(&self.questions) {
            assert_eq!(
                prepared.evaluate(&mut work).decision() == Decision::Permit,
                question.permit,
                "{}",
                question.user
            );
        }
        let mut n = 0;
        c.bench_function(name, |b| {
            b.iter(|| {
                n = (n + 1) % prepared.len();
                black_box(prepared[n].evaluate(&mut work).decision())
            });
        });
    }

    fn texts(&self, c: &mut Criterion, name: &str) {
        let Scratch {
            mut binding,
            mut work,
        } = Scratch::default();
        let mut n = 0;
        c.bench_function(name, |b| {
            b.iter(|| {
                n = (n + 1) % self.questions.len();
                let name = &self.names[n];
                let categories = self.questions[n].categories(black_box(name));
                black_box(
                    PreparedRequest::new(&self.programs[name], &categories, NOW, &mut binding)
                        .evaluate(&mut work)
                        .decision(),
                )
            });
        });
    }

    fn body_to_body(&self, c: &mut Criterion, name: &str) {
        let bodies: Vec<String> = self.questions.iter().map(json::json).collect();
        let mut scratch = Scratch::default();
        let mut n = 0;
        let mut answer = |n: usize| {
            let request =
                Request::from_json(black_box(bodies[n].as_bytes()), &Limits::DEFAULT).unwrap();
            let roots = std::slice::from_ref(&self.programs[&self.names[n]]);
            Decider {
                roots,
                environment: NOW,
                tree: None,
            }
            .decide(&request, &mut scratch)
            .to_json()
        };
        assert!(String::from_utf8(answer(0)).unwrap().contains("Permit"));
        c.bench_function(name, |b| {
            b.iter(|| {
                n = (n + 1) % bodies.len();
                black_box(answer(n))
            });
        });
    }
}

fn decide(c: &mut Criterion) {
    let one = Bench::new(1, 10);
    one.prepared(c, "decide: 10 rules x 20 subjects, prepared");
    one.texts(c, "decide: 10 rules x 20 subjects, from texts");
    one.body_to_body(c, "decide: 10 rules x 20 subjects, JSON body to JSON body");
    Bench::new(1, 100).prepared(c, "decide: 100 rules x 20 subjects, prepared");
    Bench::new(1, 1_000).prepared(c, "decide: 1000 rules x 20 subjects, prepared");
    for policies in [100, 1_000, 10_000] {
        let many = Bench::new(policies, 10);
        many.prepared(c, &format!("decide: among {policies} policies, prepared"));
        many.texts(c, &format!("decide: among {policies} policies, from texts"));
        many.body_to_body(
            c,
            &format!("decide: among {policies} policies, JSON body to JSON body"),
        );
    }
}

fn load(c: &mut Criterion) {
    let policies: Vec<String> = (0..2_000).map(|n| support::policy(n, 5, 2)).collect();
    println!(
        "policies to load: {} of {} bytes",
        policies.len(),
        policies[0].len()
    );
    let mut group = c.benchmark_group("load");
    group.sample_size(10).throughput(Throughput::Bytes(
        policies.iter().map(|p| p.len() as u64).sum(),
    ));
    group.bench_function("2000 policies of 10 KiB", |b| {
        b.iter_batched(
            || (),
            |()| {
                policies
                    .iter()
                    .map(|xml| Program::load(xml.as_bytes(), &LoadOptions::default()).unwrap())
                    .collect::<Vec<_>>()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, decide, load);
criterion_main!(benches);
