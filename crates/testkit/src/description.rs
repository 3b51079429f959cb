//! The committed API description, and what holds of every answer that a test gets: its operation
//! documents the status, the media type, the body and the problem code.
//!
//! With `RECORD_ANSWERS=FILE` each answer is noted in that file, a line each: operation, status and
//! code. `cargo xtask answers FILE` says what is documented and was not seen.

use std::{
    collections::HashMap,
    env,
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::Url;
use serde_json::{Map, Value, json};

/// Statuses that HTTP itself or a fault of ours leads to. No operation documents them.
const OF_ANY: [u16; 7] = [405, 408, 414, 421, 431, 500, 501];

/// An answer, as far as the description is about it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Method, where it is known, and URL.
    pub asked: &'a str,
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media: &'a str,
    /// The body.
    pub text: &'a str,
}

/// Where the description is committed.
#[must_use]
pub fn file() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/openapi.json"
    ))
}

/// The committed description.
pub fn committed() -> &'static Description {
    static COMMITTED: LazyLock<Description> = LazyLock::new(|| {
        let text = fs::read_to_string(file()).expect("docs/openapi.json is there");
        Description::new(serde_json::from_str(&text).expect("docs/openapi.json is JSON"))
    });
    &COMMITTED
}

/// A description.
#[derive(Debug)]
pub struct Description {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'d> {
    /// In capitals.
    pub method: &'d str,
    /// Template of the path.
    pub path: &'d str,
    /// What is said of it.
    pub value: &'d Value,
}

impl<'d> Operation<'d> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'d str {
        self.value["operationId"].as_str().expect("an id")
    }

    /// The answer that it documents for a status.
    #[must_use]
    pub fn answer(&self, status: u16) -> Option<&'d Value> {
        self.value["responses"].get(status.to_string())
    }

    /// Statuses that it documents.
    pub fn statuses(&self) -> impl Iterator<Item = u16> + use<'d> {
        let answers = self.value["responses"].as_object().expect("answers");
        answers
            .keys()
            .map(|status| status.parse().expect("a status"))
    }
}

fn method_of(name: &str) -> Option<&'static str> {
    ["GET", "PUT", "POST", "DELETE", "PATCH"]
        .into_iter()
        .find(|method| method.eq_ignore_ascii_case(name))
}

impl Description {
    /// Of a document.
    #[must_use]
    pub fn new(document: Value) -> Self {
        Self {
            document,
            validators: Mutex::default(),
        }
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let members = item.as_object().expect("operations");
            members.iter().filter_map(move |(method, value)| {
                Some(Operation {
                    method: method_of(method)?,
                    path,
                    value,
                })
            })
        })
    }

    /// The operations of a path that a client asked for: those of the template that fits best.
    fn of_path(&self, asked: &str) -> Option<(&str, &Map<String, Value>)> {
        let asked: Vec<&str> = asked.split('/').filter(|part| !part.is_empty()).collect();
        let paths = self.document["paths"].as_object().expect("paths");
        let fitting = paths.iter().filter_map(|(template, item)| {
            let parts: Vec<&str> = template
                .split('/')
                .filter(|part| !part.is_empty())
                .collect();
            let is_open = |part: &str| part.starts_with('{');
            let fits = parts.len() == asked.len()
                && parts
                    .iter()
                    .zip(&asked)
                    .all(|(part, asked)| is_open(part) || part.eq_ignore_ascii_case(asked));
            let literals: Vec<bool> = parts.iter().map(|part| !is_open(part)).collect();
            fits.then_some((literals, template, item))
        });
        let (_, template, item) = fitting.max_by_key(|(literals, ..)| literals.clone())?;
        Some((template, item.as_object()?))
    }

    /// The operation that an answer is of; none when none is described. A method that is not known
    /// any more is that of the only operation of the path.
    #[must_use]
    pub fn operation_of(&self, asked: &str) -> Option<Operation<'_>> {
        let (method, url) = match asked.split_once(' ') {
            Some((method, url)) => (Some(method), url),
            None => (None, asked),
        };
        let url = Url::parse(url).ok()?;
        let (path, item) = self.of_path(url.path())?;
        let mut operations = item.iter().filter_map(|(name, value)| {
            Some(Operation {
                method: method_of(name)?,
                path,
                value,
            })
        });
        match method {
            Some(method) => operations.find(|one| one.method.eq_ignore_ascii_case(method)),
            None => operations.next().filter(|_| operations.next().is_none()),
        }
    }

    /// What checks values of a schema of the document.
    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let key = schema.to_string();
        let mut known = self.validators.lock().expect("no panic");
        Arc::clone(known.entry(key).or_insert_with(|| {
            let whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "allOf": [schema],
                "components": {"schemas": self.document["components"]["schemas"]},
            });
            Arc::new(jsonschema::validator_for(&whole).expect("a schema"))
        }))
    }

    /// What is wrong with a value of a schema of the document.
    ///
    /// # Errors
    /// In words, with the place of the value.
    pub fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        self.validator(schema)
            .validate(value)
            .map_err(|error| format!("{error} (at {})", error.instance_path()))
    }

    /// The answer is documented.
    pub fn check(&self, answer: Seen<'_>) {
        let Some(operation) = self.operation_of(answer.asked) else {
            return;
        };
        let code = code_of(answer);
        record(operation, answer.status, code.as_deref());
        if OF_ANY.contains(&answer.status) {
            return;
        }
        if let Err(wrong) = self.find_fault(operation, answer, code.as_deref()) {
            let text: String = answer.text.chars().take(2_000).collect();
            panic!(
                "{} is not as docs/openapi.json describes {}: {wrong}\nstatus {}\n{text}",
                answer.asked,
                operation.id(),
                answer.status,
            );
        }
    }

    fn find_fault(
        &self,
        operation: Operation<'_>,
        answer: Seen<'_>,
        code: Option<&str>,
    ) -> Result<(), String> {
        let documented = operation
            .answer(answer.status)
            .ok_or("it does not have this status")?;
        if answer.text.is_empty() {
            return Ok(());
        }
        let media = answer.media.split(';').next().unwrap_or_default().trim();
        let content = documented["content"]
            .get(media)
            .ok_or_else(|| format!("{media} is not one of its media types"))?;
        if media.ends_with("json") {
            let body: Value = serde_json::from_str(answer.text)
                .map_err(|error| format!("the body is no JSON: {error}"))?;
            self.validate(&content["schema"], &body)?;
        }
        if let Some(code) = code {
            let text = documented["description"].as_str().unwrap_or_default();
            let named = foundation::http::describe::codes_in(text);
            if !named.iter().any(|named| named == code) {
                return Err(format!("{code} is not one of its codes: {named:?}"));
            }
        }
        Ok(())
    }
}

/// The code of a problem.
fn code_of(answer: Seen<'_>) -> Option<String> {
    if answer.status < 400 {
        return None;
    }
    let body: Value = serde_json::from_str(answer.text).ok()?;
    body.get("code")?.as_str().map(str::to_owned)
}

/// Records an answer where that is wanted.
fn record(operation: Operation<'_>, status: u16, code: Option<&str>) {
    static FILE: LazyLock<Option<Mutex<fs::File>>> = LazyLock::new(|| {
        let path = env::var_os("RECORD_ANSWERS")?;
        let file = OpenOptions::new().create(true).append(true).open(path);
        Some(Mutex::new(file.expect("a file to record answers in")))
    });
    if let Some(file) = &*FILE {
        let line = format!("{} {status} {}\n", operation.id(), code.unwrap_or("-"));
        let mut file = file.lock().expect("no panic");
        file.write_all(line.as_bytes())
            .expect("the answer is noted");
    }
}
