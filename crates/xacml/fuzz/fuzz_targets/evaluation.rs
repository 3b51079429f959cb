//! A policy, a zero byte and a request: the decision is the same with indexes and without, and the
//! response can be written and read.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use xacml::{
    Decider, Dialect, Environment, Limits, LoadOptions, PreparedRequest, Program, Request,
    Response, Scratch,
};

fuzz_target!(|input: &[u8]| {
    let Some(middle) = input.iter().position(|b| *b == 0) else {
        return;
    };
    let (xml, request) = (&input[..middle], &input[middle + 1..]);
    let Ok(program) = Program::load(
        xml,
        &LoadOptions {
            lenient: true,
            dialect: Dialect::TOLERANT,
            ..LoadOptions::default()
        },
    ) else {
        return;
    };
    let request = if request.first() == Some(&b'{') {
        Request::from_json(request, &Limits::DEFAULT).ok()
    } else {
        Request::from_xml(request, &Limits::DEFAULT).ok()
    };
    let Some(request) = request else { return };
    let environment = Environment::at(1_700_000_000);
    let mut scratch = Scratch::default();
    let Scratch { binding, work } = &mut scratch;
    let prepared = PreparedRequest::new(&program, &request.categories, environment, binding);
    let fast = Response::from(prepared.evaluate_with_policies(work).to_result());
    let plain = Response::from(prepared.explain(true, work).to_result());
    let out_of_steps =
        |r: &Response| String::from_utf8_lossy(&r.to_xml()).contains("too many steps");
    if !out_of_steps(&fast) && !out_of_steps(&plain) {
        assert_eq!(
            String::from_utf8_lossy(&fast.to_xml()),
            String::from_utf8_lossy(&plain.to_xml()),
            "indexes change nothing"
        );
    }
    let response = Decider {
        roots: &[Arc::new(program)],
        environment,
        tree: None,
    }
    .decide(&request, &mut scratch);
    let again = Response::from_json(&response.to_json()).expect("what is written can be read");
    assert_eq!(response.results.len(), again.results.len());
    let again = Response::from_xml(&response.to_xml()).expect("what is written can be read");
    assert_eq!(response.results.len(), again.results.len());
});
