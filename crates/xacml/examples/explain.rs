//! Prints how decisions come about: which rules apply, and why the others do not.
//!
//! ```sh
//! cargo run --example explain
//! ```

use std::error::Error;

use xacml::{Category, Environment, LoadOptions, PreparedRequest, Program, Scratch, ids};

const SUBJECT_ID: &str = "urn:oasis:names:tc:xacml:1.0:subject:subject-id";

/// The categories of a request: who wants to do what with which document.
fn request<'a>(user: &'a str, role: &'a str, action: &'a str, state: &'a str) -> [Category<'a>; 3] {
    let mut subject = Category::new(ids::SUBJECT);
    subject.add_text(SUBJECT_ID, user);
    subject.add_text("urn:example:role", role);
    let mut resource = Category::new(ids::RESOURCE);
    resource.add_text(ids::RESOURCE_ID, "report-7");
    resource.add_text("urn:example:owner", "ann");
    resource.add_text("urn:example:state", state);
    let mut operation = Category::new(ids::ACTION);
    operation.add_text(ids::ACTION_ID, action);
    [subject, resource, operation]
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = Program::load(
        include_bytes!("data/documents.xml"),
        &LoadOptions::default(),
    )?;
    let requests = [
        ("ann", "author", "write", "draft"),
        ("ann", "author", "write", "archived"),
        ("bob", "guest", "read", "draft"),
    ];
    let mut scratch = Scratch::default();
    for (user, role, action, state) in requests {
        let categories = request(user, role, action, state);
        let prepared = PreparedRequest::new(
            &program,
            &categories,
            Environment::at(1_700_000_000),
            &mut scratch.binding,
        );
        let evaluation = prepared.explain(false, &mut scratch.work);
        println!(
            "{user} ({role}) wants to {action} a document in state {state}: {}",
            evaluation.decision().as_str()
        );
        for step in &evaluation.trace().steps {
            println!(
                "{:indent$}{} {}: {} ({})",
                "",
                step.element,
                step.id,
                step.outcome.as_str(),
                step.because,
                indent = 2 + step.depth * 2
            );
        }
    }
    Ok(())
}
