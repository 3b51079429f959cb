//! What breaks clients between two versions of the API description.
//!
//! New operations, answers with further members and requests with further optional members break
//! no client. A change that does break clients is declared: `docs/breaking-changes.txt` has its
//! line.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

const DECLARED: &str = "docs/breaking-changes.txt";
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Prints what breaks clients of `old` in `docs/openapi.json` and is not declared; true without any.
pub fn breaking(root: &Path, old: &Path) -> Result<bool> {
    let read = |path: &Path| -> Result<String> {
        fs::read_to_string(path).with_context(|| path.display().to_string())
    };
    let old: Value = serde_json::from_str(&read(old)?).context("the old description")?;
    let new: Value = serde_json::from_str(&read(&root.join("docs/openapi.json"))?)
        .context("docs/openapi.json")?;
    let declared = read(&root.join(DECLARED))?;
    let declared: BTreeSet<&str> = declared.lines().map(str::trim).collect();
    let mut out = io::stdout().lock();
    let found = findings(&old, &new);
    let undeclared: Vec<&String> = found
        .iter()
        .filter(|finding| !declared.contains(finding.as_str()))
        .collect();
    for finding in &undeclared {
        writeln!(out, "{finding}")?;
    }
    let count = undeclared.len();
    writeln!(
        out,
        "breaking changes: {} found, {count} not declared in {DECLARED}",
        found.len()
    )?;
    Ok(count == 0)
}

/// What breaks clients, a line each.
pub fn findings(old: &Value, new: &Value) -> BTreeSet<String> {
    let mut compared = Compared {
        old,
        new,
        found: BTreeSet::new(),
    };
    for (path, item) in members(&old["paths"]) {
        for method in METHODS {
            if let Some(before) = item.get(method) {
                let name = format!("{} {path}", method.to_uppercase());
                compared.operation(&name, before, &new["paths"][path][method]);
            }
        }
    }
    compared.found
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The texts of a list, or the text itself.
fn texts(value: &Value) -> BTreeSet<&str> {
    let own = value.as_str().into_iter();
    own.chain(items(value).iter().filter_map(Value::as_str))
        .collect()
}

/// Who writes a value: the one who reads it must know all that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Client,
    Service,
}

struct Compared<'d> {
    old: &'d Value,
    new: &'d Value,
    found: BTreeSet<String>,
}

impl<'d> Compared<'d> {
    fn find(&mut self, place: &str, what: &str) {
        self.found.insert(format!("{place}: {what}"));
    }

    fn operation(&mut self, name: &str, old: &'d Value, new: &'d Value) {
        if new.is_null() {
            return self.find(name, "is gone");
        }
        if old["operationId"] != new["operationId"] {
            self.find(name, "has another operation id");
        }
        let now = items(&new["security"]);
        if items(&old["security"]).iter().any(|one| !now.contains(one)) {
            self.find(name, "no longer takes a kind of token, or a scope");
        }
        for parameter in items(&new["parameters"]) {
            let is_same = |other: &&Value| {
                other["name"] == parameter["name"] && other["in"] == parameter["in"]
            };
            let before = items(&old["parameters"]).iter().find(is_same);
            let was_required = before.is_some_and(|before| before["required"] == true);
            if parameter["required"] == true && !was_required {
                let text = format!("asks for the parameter {}", parameter["name"]);
                self.find(name, &text);
            }
        }
        let (body, body_now) = (&old["requestBody"], &new["requestBody"]);
        if body_now["required"] == true && body["required"] != true {
            self.find(name, "asks for a body");
        }
        self.contents(&format!("{name} body"), body, body_now, Writer::Client);
        for (status, answer) in members(&old["responses"]) {
            let now = &new["responses"][status];
            let place = format!("{name} {status}");
            if now.is_null() && status.starts_with('2') {
                self.find(&place, "is gone");
            }
            if !now.is_null() {
                self.contents(&place, answer, now, Writer::Service);
            }
        }
    }

    fn contents(&mut self, place: &str, old: &'d Value, new: &'d Value, writer: Writer) {
        for (media, content) in members(&old["content"]) {
            match new["content"].get(media) {
                None => self.find(place, &format!("{media} is gone")),
                Some(now) => {
                    let mut seen = BTreeSet::new();
                    self.schema(place, &content["schema"], &now["schema"], writer, &mut seen);
                }
            }
        }
    }

    fn schema(
        &mut self,
        place: &str,
        old: &'d Value,
        new: &'d Value,
        writer: Writer,
        seen: &mut BTreeSet<String>,
    ) {
        let names = (&old["$ref"], &new["$ref"]);
        if names.0.is_string() && !seen.insert(format!("{} {}", names.0, names.1)) {
            return;
        }
        let (old, new) = (resolved(self.old, old), resolved(self.new, new));
        // All that the writer may write now must have been known to the reader before.
        let widened = |before: BTreeSet<&str>, now: BTreeSet<&str>| match writer {
            Writer::Service => !now.is_subset(&before),
            Writer::Client => !before.is_subset(&now),
        };
        if widened(texts(&old["type"]), texts(&new["type"])) {
            self.find(place, "has another type");
        }
        if widened(texts(&old["enum"]), texts(&new["enum"])) {
            self.find(place, "has other words");
        }
        let (must, must_now) = (texts(&old["required"]), texts(&new["required"]));
        let newly = match writer {
            Writer::Service => must.difference(&must_now),
            Writer::Client => must_now.difference(&must),
        };
        for name in newly {
            let what = match writer {
                Writer::Service => "may be missing",
                Writer::Client => "is asked for",
            };
            self.find(&format!("{place}.{name}"), what);
        }
        for (name, member) in members(&old["properties"]) {
            let place = format!("{place}.{name}");
            match new["properties"].get(name) {
                None => self.find(&place, "is gone"),
                Some(now) => self.schema(&place, member, now, writer, seen),
            }
        }
        for part in ["items", "additionalProperties"] {
            if old[part].is_object() && new[part].is_object() {
                self.schema(&format!("{place}[]"), &old[part], &new[part], writer, seen);
            }
        }
        let (choices, now) = (items(&old["oneOf"]), items(&new["oneOf"]));
        if choices.len() != now.len() {
            self.find(place, "has other alternatives");
        }
        for (before, now) in choices.iter().zip(now) {
            self.schema(place, before, now, writer, seen);
        }
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let pointer = schema["$ref"]
        .as_str()
        .and_then(|name| name.strip_prefix('#'));
    pointer.map_or(schema, |pointer| {
        document.pointer(pointer).unwrap_or(&Value::Null)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An operation with a body and an answer of these schemas.
    fn with(body: &Value, answer: &Value) -> Value {
        json!({"paths": {"/a": {"post": {
            "operationId": "makeA",
            "security": [{"token": ["a"]}],
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {"200": {"content": {"application/json": {"schema": answer}}}},
        }}}})
    }

    fn object(properties: &Value, required: &Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required})
    }

    #[test]
    fn further_members_break_no_client() {
        let old = object(&json!({"a": {"type": "string"}}), &json!(["a"]));
        let new = object(
            &json!({"a": {"type": "string"}, "b": {"type": "string"}}),
            &json!(["a"]),
        );
        assert_eq!(
            findings(&with(&old, &old), &with(&new, &new)),
            BTreeSet::new()
        );
    }

    #[test]
    fn members_that_go_and_members_that_are_asked_for_break_clients() {
        let old = object(
            &json!({"a": {"type": "string"}, "b": {"type": "string"}}),
            &json!(["a"]),
        );
        let new = object(&json!({"b": {"type": "string"}}), &json!(["b"]));
        let found: Vec<String> = findings(&with(&old, &old), &with(&new, &new))
            .into_iter()
            .collect();
        assert_eq!(
            found,
            [
                "POST /a 200.a: is gone",
                "POST /a 200.a: may be missing",
                "POST /a body.a: is gone",
                "POST /a body.b: is asked for",
            ]
        );
    }

    #[test]
    fn words_may_be_added_to_requests_and_taken_from_answers() {
        let (few, many) = (json!({"enum": ["a"]}), json!({"enum": ["a", "b"]}));
        assert_eq!(
            findings(&with(&few, &many), &with(&many, &few)),
            BTreeSet::new()
        );
        assert_eq!(findings(&with(&many, &few), &with(&few, &many)).len(), 2);
    }

    #[test]
    fn an_operation_that_goes_is_named() {
        let old = with(&json!({}), &json!({}));
        let found = findings(&old, &json!({"paths": {}}));
        assert_eq!(found, BTreeSet::from(["POST /a: is gone".to_owned()]));
    }
}
