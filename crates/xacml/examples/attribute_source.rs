//! Supplies what a request and a policy leave out: an [`AttributeSource`] knows the roles of users and
//! the owners of documents, and a [`PolicyResolver`] finds the policy that a policy set refers to.
//!
//! ```sh
//! cargo run --example attribute_source
//! ```

use std::{collections::HashMap, error::Error, sync::Arc};

use xacml::{
    AttributeSource, Category, DataType, Environment, LoadOptions, PolicyResolver, PreparedRequest,
    Program, Scratch, Value, ids,
    policy::{Reference, Version},
};

const SUBJECT_ID: &str = "urn:oasis:names:tc:xacml:1.0:subject:subject-id";

/// What a service knows about users and documents.
struct Directory {
    roles: HashMap<&'static str, Vec<&'static str>>,
    owners: HashMap<&'static str, &'static str>,
}

/// The directory for one request. The engine names the attribute that it wants; whose it is follows
/// from the request.
struct Lookup<'r> {
    directory: &'r Directory,
    categories: &'r [Category<'r>],
}

impl Lookup<'_> {
    fn in_request(&self, category: &str, attribute_id: &str) -> Option<String> {
        let category = self.categories.iter().find(|c| c.category == category)?;
        Some(category.first(attribute_id)?.text().into_owned())
    }
}

impl AttributeSource for Lookup<'_> {
    fn values(
        &self,
        category: &str,
        attribute_id: &str,
        data_type: DataType,
    ) -> Vec<Value<'static>> {
        println!("  asked for {attribute_id} ({})", data_type.short_name());
        let texts = match (category, attribute_id) {
            (ids::SUBJECT, "urn:example:role") => self
                .in_request(ids::SUBJECT, SUBJECT_ID)
                .and_then(|user| self.directory.roles.get(&*user).cloned()),
            (ids::RESOURCE, "urn:example:owner") => self
                .in_request(ids::RESOURCE, ids::RESOURCE_ID)
                .and_then(|document| self.directory.owners.get(&*document).map(|o| vec![*o])),
            _ => None,
        };
        texts
            .unwrap_or_default()
            .into_iter()
            .map(|text| Value::String(text.into()))
            .collect()
    }
}

/// Policies that others may refer to, by identifier, with their versions.
struct Repository(HashMap<String, Vec<(Version, Arc<Program>)>>);

impl PolicyResolver for Repository {
    fn resolve(&self, reference: &Reference) -> Option<Arc<Program>> {
        // This repository has no policy sets.
        if reference.to_set {
            return None;
        }
        let versions = self.0.get(&reference.id)?;
        let (version, program) = versions
            .iter()
            .filter(|(version, _)| reference.versions.admits(version))
            .max_by_key(|(version, _)| version)?;
        println!("  {} is resolved to version {version}", reference.id);
        Some(Arc::clone(program))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Directory {
        roles: HashMap::from([("bob", vec!["reader"])]),
        owners: HashMap::from([("report-7", "ann")]),
    };
    let documents = Program::load(
        include_bytes!("data/documents.xml"),
        &LoadOptions::default(),
    )?;
    let (id, version) = documents.name();
    let (id, version) = (
        id.to_owned(),
        Version::parse(version).ok_or("the policy has no version")?,
    );
    let repository = Repository(HashMap::from([(id, vec![(version, Arc::new(documents))])]));
    let root = Program::load(include_bytes!("data/all.xml"), &LoadOptions::default())?;

    let mut scratch = Scratch::default();
    for (user, action) in [("ann", "write"), ("bob", "read"), ("bob", "write")] {
        println!("{user} wants to {action} report-7");
        let mut subject = Category::new(ids::SUBJECT);
        subject.add_text(SUBJECT_ID, user);
        let mut resource = Category::new(ids::RESOURCE);
        resource.add_text(ids::RESOURCE_ID, "report-7");
        let mut operation = Category::new(ids::ACTION);
        operation.add_text(ids::ACTION_ID, action);
        let categories = [subject, resource, operation];

        let lookup = Lookup {
            directory: &directory,
            categories: &categories,
        };
        let mut environment = Environment::at(1_700_000_000);
        environment.source = Some(&lookup);
        environment.resolver = Some(&repository);
        let prepared = PreparedRequest::new(&root, &categories, environment, &mut scratch.binding);
        let decision = prepared.evaluate(&mut scratch.work).decision();
        println!("  {}", decision.as_str());
    }
    Ok(())
}
