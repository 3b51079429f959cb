//! A decision allocates nothing, and policies take little memory.

use allocation_counter::{AllocationInfo, measure};
use xacml::{Decision, Environment, LoadOptions, PreparedRequest, Program, Scratch};

use super::support::{policy, program, questions, resource};

const NOW: Environment<'static> = Environment::at(1_700_000_000);

#[test]
fn a_decision_allocates_nothing() {
    let program = program(0, 10, 20, &std::sync::Arc::default());
    let questions: Vec<_> = questions(1).into_iter().take(30).collect();
    let name = resource(questions[0].resource);
    let categories: Vec<_> = questions.iter().map(|q| q.categories(&name)).collect();
    let Scratch {
        mut binding,
        mut work,
    } = Scratch::default();
    // The first decisions grow the scratch.
    for c in &categories {
        PreparedRequest::new(&program, c, NOW, &mut binding).evaluate(&mut work);
    }
    let mut permits = 0;
    let info = measure(|| {
        for c in &categories {
            permits += usize::from(
                PreparedRequest::new(&program, c, NOW, &mut binding)
                    .evaluate(&mut work)
                    .decision()
                    == Decision::Permit,
            );
        }
    });
    let expected: Vec<&str> = questions
        .iter()
        .filter(|q| q.permit)
        .map(|q| q.user.as_str())
        .collect();
    assert_eq!(
        (info.count_total, permits),
        (0, expected.len()),
        "{expected:?}"
    );
}

#[test]
fn two_thousand_policies_of_ten_kib_take_less_than_fifty_mb() {
    let xml: Vec<String> = (0..2_000).map(|n| policy(n, 5, 2)).collect();
    assert!(xml[0].len() > 10_000, "{}", xml[0].len());
    let mut programs = Vec::with_capacity(xml.len());
    let AllocationInfo { bytes_current, .. } = measure(|| {
        programs.extend(
            xml.iter()
                .map(|xml| Program::load(xml.as_bytes(), &LoadOptions::default()).unwrap()),
        );
    });
    assert!(bytes_current < 50_000_000, "{bytes_current}");
}
