//! Inputs that fuzzing found to fail. Each has a test, so that it stays fixed.

use xacml::Response;

/// A request for one decision for each node that a path selects names each node by a path of its own,
/// here of a comment and a processing instruction.
#[cfg(feature = "xpath")]
#[test]
fn a_processing_instruction_has_a_path() {
    use std::sync::Arc;

    use xacml::{
        Category, Decider, Decision, Environment, LoadOptions, Program, Request, Scratch, Value,
        ids,
        values::{Content, Namespaces, XPathExpression},
    };

    let program = Program::load(include_bytes!("one-node.xml"), &LoadOptions::default()).unwrap();
    let input = include_str!("found/xpath-processing-instruction");
    let (path, xml) = input.split_once('\0').unwrap();
    let mut resource = Category::new(ids::RESOURCE);
    resource.content = Some(Arc::new(Content::parse(xml).unwrap()));
    let selector = XPathExpression {
        path: path.into(),
        category: ids::RESOURCE.into(),
        namespaces: Namespaces::default(),
    };
    resource.add(
        ids::MULTIPLE_CONTENT_SELECTOR[0],
        Value::XPathExpression(Arc::new(selector)),
    );
    let request = Request {
        categories: vec![resource],
        ..Request::default()
    };
    let response = Decider {
        roots: &[program.into()],
        environment: Environment::at(0),
        tree: None,
    }
    .decide(&request, &mut Scratch::default());
    let decisions: Vec<_> = response.results.iter().map(|r| r.decision).collect();
    assert_eq!(decisions, [Decision::Permit, Decision::Permit]);
}

#[test]
fn a_double_survives_writing_and_reading() {
    let response = Response::from_json(include_bytes!("found/response-double.json")).unwrap();
    let written = response.to_json();
    assert_eq!(written, Response::from_json(&written).unwrap().to_json());
}
