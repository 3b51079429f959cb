//! Runs conformance cases: folders that each hold a policy, a request and the expected response, such
//! as those of the OASIS suite for XACML 3.0.
//!
//! It is a part of the crate, so that a service can run the same cases by the engine it ships with.
//! Apart from it the crate reads no files.
//!
//! | file | content |
//! |---|---|
//! | `Policy.xml` | the root policy or policy set |
//! | `Policies/*.xml` | policies that others refer to; the candidates for the root when there is no `Policy.xml` |
//! | `Request.xml`, `Response.xml` | the request, and the expected response |
//! | `Request.json`, `Response.json` | the same in JSON, where they exist |

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Attribute, AttributeSource, Code, DataType, Decider, DecisionResult, Environment, Limits,
    LoadOptions, Obligation, PolicyResolver, PolicyTree, Program, Request, ResourceTree, Response,
    Scratch, Value, ids,
    policy::{Reference, Version},
    values::time::TimezoneOffset,
};

/// A conformance case.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConformanceCase {
    /// Name of the folder, such as `IIA001`.
    pub name: String,
    /// Path of the folder.
    pub dir: PathBuf,
    /// How the case is run, from the third column of `cases.tsv`: `decide`, `reject-policy`,
    /// `reject-request`, `refs`, `pip`, `multi-root`, `multi` or `hierarchy`. Empty without a line
    /// there; the case is then run as `decide`, and a policy with errors is loaded leniently.
    pub mode: String,
}

/// The cases in a folder, sorted by name: each folder in it with a `Request.xml`, or the folder
/// itself if it has one. `cases.tsv` in the folder gives their modes.
///
/// # Errors
/// The folder cannot be read, or holds no case.
pub fn cases(dir: &Path) -> io::Result<Vec<ConformanceCase>> {
    let modes: HashMap<String, String> = fs::read_to_string(dir.join("cases.tsv"))
        .unwrap_or_default()
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?.to_owned(), fields.nth(1)?.to_owned()))
        })
        .collect();
    let mut cases = Vec::new();
    let entries = fs::read_dir(dir)?;
    let mut folders: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    if dir.join("Request.xml").is_file() {
        folders = vec![dir.to_owned()];
    }
    for dir in folders {
        if !dir.join("Request.xml").is_file() {
            continue;
        }
        let name = dir
            .canonicalize()
            .ok()
            .and_then(|d| d.file_name().map(|n| n.to_string_lossy().into_owned()))
            .unwrap_or_default();
        let mode = modes.get(&name).cloned().unwrap_or_default();
        cases.push(ConformanceCase { name, dir, mode });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    if cases.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no folder has a Request.xml",
        ));
    }
    Ok(cases)
}

/// Runs a case: decides its request at an instant, in seconds since 1970-01-01T00:00:00Z, and
/// compares the response with the expected one, as it is and after it was written and read in XML and
/// in JSON. Status messages and details are not compared.
///
/// # Errors
/// A file cannot be read, or how the response differs, as an English phrase.
pub fn check(case: &ConformanceCase, now: i64) -> Result<(), String> {
    let read = |name: &str| fs::read(case.dir.join(name)).map_err(|e| format!("{name}: {e}"));
    let expected =
        Response::from_xml(&read("Response.xml")?).map_err(|e| format!("Response.xml: {e}"))?;
    let roots = roots(case)?;
    let repository = PolicyRepository::open(&case.dir.join("Policies"));
    let source = PhysicianSource;
    let mut environment = Environment::at(now);
    environment.resolver = Some(&repository);
    if case.mode == "pip" || (case.mode.is_empty() && case.name.starts_with("IIA002")) {
        environment.source = Some(&source);
    }
    let decider = Decider {
        roots: &roots,
        environment,
        tree: Some(&SuiteResourceTree),
    };
    let limits = Limits::DEFAULT;
    let body = read("Request.xml")?;
    let request = Request::from_xml(&body, &limits);
    if case.mode == "reject-request" && request.is_ok() {
        return Err("the request was accepted".to_owned());
    }
    let mut scratch = Scratch::default();
    let response = match &request {
        Ok(request) => decider.decide(request, &mut scratch),
        Err(error) => DecisionResult::indeterminate(Code::SyntaxError, error.to_string()).into(),
    };
    compare(&expected, &response)?;
    let again =
        Response::from_xml(&response.to_xml()).map_err(|e| format!("the response in XML: {e}"))?;
    compare(&expected, &again).map_err(|e| format!("the response in XML: {e}"))?;
    let again = Response::from_json(&response.to_json())
        .map_err(|e| format!("the response in JSON: {e}"))?;
    compare(&expected, &again).map_err(|e| format!("the response in JSON: {e}"))?;
    let expected_json = match fs::read(case.dir.join("Response.json")) {
        Ok(json) => Response::from_json(&json).map_err(|e| format!("Response.json: {e}"))?,
        Err(_) => expected,
    };
    compare(&expected_json, &again).map_err(|e| format!("Response.json: {e}"))?;
    if let Ok(body) = fs::read(case.dir.join("Request.json")) {
        let request =
            Request::from_json(&body, &limits).map_err(|e| format!("Request.json: {e}"))?;
        compare(&expected_json, &decider.decide(&request, &mut scratch))
            .map_err(|e| format!("Request.json: {e}"))?;
    }
    Ok(())
}

/// The candidates for the root policy. One that must be refused is loaded leniently afterwards.
fn roots(case: &ConformanceCase) -> Result<Vec<Arc<Program>>, String> {
    let strict = LoadOptions::default();
    let policy = case.dir.join("Policy.xml");
    let files = if policy.is_file() {
        vec![policy]
    } else {
        xml_files(&case.dir.join("Policies"))
    };
    let load = |path: PathBuf| {
        let xml = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let loaded = match (case.mode.as_str(), Program::load(&xml, &strict)) {
            ("reject-policy", Ok(_)) => return Err("the policy was accepted".to_owned()),
            ("reject-policy" | "", Err(_)) => Program::load(
                &xml,
                &LoadOptions {
                    lenient: true,
                    ..strict
                },
            ),
            (_, loaded) => loaded,
        };
        loaded
            .map(Arc::new)
            .map_err(|e| format!("{}: {e}", path.display()))
    };
    files.into_iter().map(load).collect()
}

fn xml_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|e| e.path())
        .collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "xml"));
    files.sort();
    files
}

/// Policies that others refer to. They are compiled when a decision needs them, not before.
struct PolicyRepository(Vec<(bool, String, Version, Vec<u8>)>);

impl PolicyRepository {
    fn open(dir: &Path) -> Self {
        let options = LoadOptions {
            lenient: true,
            ..LoadOptions::default()
        };
        let read = |path: PathBuf| {
            let xml = fs::read(path).ok()?;
            let (tree, _) = PolicyTree::read(&xml, &options).ok()?;
            let head = tree.head()?;
            Some((
                matches!(tree, PolicyTree::PolicySet(_)),
                head.id.clone(),
                head.version.clone(),
                xml,
            ))
        };
        Self(xml_files(dir).into_iter().filter_map(read).collect())
    }
}

impl PolicyResolver for PolicyRepository {
    fn resolve(&self, reference: &Reference) -> Option<Arc<Program>> {
        let fits = |(is_set, id, version, _): &&(bool, String, Version, Vec<u8>)| {
            *is_set == reference.to_set && *id == reference.id && reference.versions.admits(version)
        };
        let (_, _, _, xml) = self.0.iter().filter(fits).max_by(|a, b| a.2.cmp(&b.2))?;
        Program::load(xml, &LoadOptions::default())
            .ok()
            .map(Arc::new)
    }
}

/// The attribute source of the suite: every subject is a physician.
struct PhysicianSource;

impl AttributeSource for PhysicianSource {
    fn values(
        &self,
        category: &str,
        attribute_id: &str,
        data_type: DataType,
    ) -> Vec<Value<'static>> {
        let asked = category == ids::SUBJECT
            && attribute_id == "urn:oasis:names:tc:xacml:1.0:example:attribute:role"
            && data_type == DataType::String;
        if asked {
            vec![Value::String("Physician".into())]
        } else {
            Vec::new()
        }
    }
}

/// The hierarchy of resources of the suite.
struct SuiteResourceTree;

impl ResourceTree for SuiteResourceTree {
    fn children(&self, resource: &Value<'_>) -> Vec<Value<'static>> {
        let id = resource.text();
        let names: &[&str] = match &*id {
            "urn:root" => &["child1", "child2"],
            "urn:root:child1" | "urn:root:child2" => &["descendant1", "descendant2"],
            _ => &[],
        };
        names
            .iter()
            .map(|name| Value::AnyUri(format!("{id}:{name}").into()))
            .collect()
    }
}

fn compare(expected: &Response, actual: &Response) -> Result<(), String> {
    if expected.results.len() != actual.results.len() {
        return Err(format!(
            "{} results instead of {}",
            actual.results.len(),
            expected.results.len()
        ));
    }
    expected
        .results
        .iter()
        .zip(&actual.results)
        .try_for_each(|(e, a)| compare_results(e, a))
}

fn compare_results(expected: &DecisionResult, actual: &DecisionResult) -> Result<(), String> {
    if expected.decision != actual.decision || expected.status.code != actual.status.code {
        let message = actual.status.message.as_deref().unwrap_or("no message");
        return Err(format!(
            "{} {} instead of {} {} ({message})",
            actual.decision.as_str(),
            actual.status.code.name(),
            expected.decision.as_str(),
            expected.status.code.name()
        ));
    }
    compare_obligations("obligations", &expected.obligations, &actual.obligations)?;
    compare_obligations("advice", &expected.advice, &actual.advice)?;
    let attributes = |r: &DecisionResult| -> Vec<(String, Attribute<'static>)> {
        r.attributes
            .iter()
            .flat_map(|c| {
                c.attributes
                    .iter()
                    .map(|a| (c.category.to_string(), a.clone()))
            })
            .collect()
    };
    let (expected_attributes, actual_attributes) = (attributes(expected), attributes(actual));
    if flat(&expected_attributes).any(|e| !flat(&actual_attributes).any(|a| same_attribute(&e, &a)))
        || flat(&actual_attributes)
            .any(|a| !flat(&expected_attributes).any(|e| same_attribute(&e, &a)))
    {
        return Err("the attributes differ".to_owned());
    }
    let policies =
        |a: &DecisionResult, b: &DecisionResult| a.policies.iter().all(|p| b.policies.contains(p));
    if !policies(expected, actual) || !policies(actual, expected) {
        return Err(format!(
            "policies {:?} instead of {:?}",
            actual.policies, expected.policies
        ));
    }
    Ok(())
}

type FlatValue<'a> = (&'a str, &'a str, Option<&'a str>, &'a Value<'static>);

fn flat<'a>(attributes: &'a [(String, Attribute<'static>)]) -> impl Iterator<Item = FlatValue<'a>> {
    attributes.iter().flat_map(|(category, a)| {
        a.values
            .iter()
            .map(move |v| (category.as_str(), &*a.id, a.issuer.as_deref(), &v.value))
    })
}

fn same_attribute(a: &FlatValue<'_>, b: &FlatValue<'_>) -> bool {
    a.0 == b.0 && a.1 == b.1 && a.2 == b.2 && same_value(a.3, b.3)
}

fn same_value(a: &Value<'_>, b: &Value<'_>) -> bool {
    a.data_type() == b.data_type()
        && if a.data_type().has_equality() {
            a.equals(b, TimezoneOffset::UTC)
        } else {
            one_port(&a.text()) == one_port(&b.text())
        }
}

/// An address with `host:80-80` as `host:80`.
fn one_port(address: &str) -> &str {
    match address.rsplit_once('-') {
        Some((rest, port)) if rest.rsplit_once(':').is_some_and(|(_, from)| from == port) => rest,
        _ => address,
    }
}

fn compare_obligations(
    what: &str,
    expected: &[Obligation],
    actual: &[Obligation],
) -> Result<(), String> {
    let same = |(e, a): (&Obligation, &Obligation)| {
        e.id == a.id
            && e.assignments.len() == a.assignments.len()
            && e.assignments.iter().zip(&a.assignments).all(|(e, a)| {
                e.attribute_id == a.attribute_id
                    && e.category == a.category
                    && e.issuer == a.issuer
                    && same_value(&e.value, &a.value)
            })
    };
    if expected.len() != actual.len() || !expected.iter().zip(actual).all(same) {
        return Err(format!("{what} {actual:?} instead of {expected:?}"));
    }
    Ok(())
}
