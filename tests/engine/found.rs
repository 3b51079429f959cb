//! What fuzzing found once. Each stays right.

use systembruker::xacml::{Response, values::Content};

#[test]
fn a_processing_instruction_has_a_path() {
    let input = include_str!("found/xpath-processing-instruction");
    let (path, xml) = input.split_once('\0').unwrap();
    let (content, namespaces) = (
        Content::parse(xml).unwrap(),
        systembruker::xacml::values::Namespaces::default(),
    );
    let nodes = content.select(None, path, &namespaces).unwrap();
    assert_eq!(nodes.len(), 2);
    for node in nodes {
        assert_eq!(
            content
                .select(None, &content.path_of(node), &namespaces)
                .unwrap(),
            [node]
        );
    }
}

#[test]
fn a_double_survives_writing_and_reading() {
    let response = Response::from_json(include_bytes!("found/response-double.json")).unwrap();
    let written = response.to_json();
    assert_eq!(written, Response::from_json(&written).unwrap().to_json());
}
