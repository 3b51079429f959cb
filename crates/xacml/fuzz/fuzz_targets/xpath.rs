//! A path, a zero byte and XML: any path on any content ends without a panic. A request for one
//! decision for each selected node names each node by a path of its own, which selects no other.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use xacml::{
    Category, Decider, Environment, LoadOptions, Program, Request, Scratch, Value, ids,
    values::{Content, Namespaces, XPathExpression},
};

static ROOTS: LazyLock<[Arc<Program>; 1]> = LazyLock::new(|| {
    let xml = include_bytes!("../../tests/engine/one-node.xml");
    [Program::load(xml, &LoadOptions::default())
        .expect("the policy is valid")
        .into()]
});

fuzz_target!(|input: &str| {
    let Some((path, xml)) = input.split_once('\0') else {
        return;
    };
    let Ok(content) = Content::parse(xml) else {
        return;
    };
    let mut resource = Category::new(ids::RESOURCE);
    resource.content = Some(Arc::new(content));
    let selector = XPathExpression {
        path: path.into(),
        category: ids::RESOURCE.into(),
        namespaces: Namespaces::default(),
    };
    resource.add(
        ids::MULTIPLE_CONTENT_SELECTOR[0],
        Value::XPathExpression(Arc::new(selector)),
    );
    if let Some(attribute) = resource.attributes.last_mut() {
        attribute.include_in_result = true;
    }
    let request = Request {
        categories: vec![resource],
        ..Request::default()
    };
    let response = Decider {
        roots: &*ROOTS,
        environment: Environment::at(0),
        tree: None,
    }
    .decide(&request, &mut Scratch::default());
    let mut paths = Vec::new();
    for result in &response.results {
        assert_ne!(
            result.status.message.as_deref(),
            Some("a context selector selects several nodes")
        );
        for attribute in result.attributes.iter().flat_map(|c| &c.attributes) {
            paths.extend(attribute.values.iter().map(|v| v.text().into_owned()));
        }
    }
    let before = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), before, "a path for two nodes");
});
