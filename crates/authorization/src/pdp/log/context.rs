//! What was decided about, in the short form in which it is stored, and in the form of Altinn's log
//! in which answers contain it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::pdp::question::PERSON;
use foundation::ids::NationalId;
use xacml::{DataType, ids};

/// A stored context that grows beyond this is replaced by a word on its size.
pub const MAX_BYTES: usize = 64 * 1024;

/// A context as it is stored: `[[category, [[attribute, value, data type or null, echoed]]]]`,
/// written one value after the other. Identity numbers never get into it.
#[derive(Debug)]
pub struct StoredContext<'a> {
    out: String,
    category: Option<&'a str>,
    max_bytes: usize,
    /// Bytes of what did not fit.
    omitted: usize,
}

impl Default for StoredContext<'_> {
    fn default() -> Self {
        Self::within(MAX_BYTES)
    }
}

impl<'a> StoredContext<'a> {
    /// One that is replaced by a word on its size when it grows beyond so many bytes.
    #[must_use]
    pub const fn within(max_bytes: usize) -> Self {
        Self {
            out: String::new(),
            category: None,
            max_bytes,
            omitted: 0,
        }
    }

    /// Adds a value. `person` replaces an identity number.
    pub fn add(
        &mut self,
        category: &'a str,
        id: &str,
        data_type: DataType,
        value: &str,
        echoed: bool,
        person: Option<Uuid>,
    ) {
        if self.omitted > 0 || self.out.len() + id.len() + value.len() > self.max_bytes {
            self.omitted += id.len() + value.len();
            return;
        }
        if self.category == Some(category) {
            self.out.push(',');
        } else {
            self.out.push_str(if self.category.is_some() {
                "]],["
            } else {
                "[["
            });
            text(&mut self.out, short(category));
            self.out.push_str(",[");
            self.category = Some(category);
        }
        self.out.push('[');
        text(&mut self.out, id);
        self.out.push(',');
        if id == PERSON || is_identity_number(value) {
            let mut buffer = Uuid::encode_buffer();
            let replacement = person.map_or("withheld", |uuid| {
                uuid.as_hyphenated().encode_lower(&mut buffer)
            });
            text(&mut self.out, replacement);
        } else {
            text(&mut self.out, value);
        }
        if data_type != DataType::String || echoed {
            self.out.push(',');
            if data_type == DataType::String {
                self.out.push_str("null");
            } else {
                text(&mut self.out, data_type.uri());
            }
        }
        self.out.push_str(if echoed { ",true]" } else { "]" });
    }

    /// The whole.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.omitted > 0 || self.out.len() > self.max_bytes {
            return format!("{{\"tooLarge\":{}}}", self.out.len() + self.omitted);
        }
        self.out
            .push_str(if self.category.is_some() { "]]]" } else { "[]" });
        self.out
    }
}

/// Eleven digits that may name a person, wherever they are.
fn is_identity_number(value: &str) -> bool {
    value.len() == 11 && NationalId::parse(value).is_ok()
}

/// JSON text. The database stores no NUL.
fn text(out: &mut String, value: &str) {
    out.push('"');
    // Counting has no early end, so that many bytes are looked at at once.
    if value
        .bytes()
        .filter(|b| *b < 0x20 || matches!(b, b'"' | b'\\'))
        .count()
        == 0
    {
        out.push_str(value);
    } else {
        for c in value.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\0' => out.push('\u{fffd}'),
                c if c < ' ' => {
                    use std::fmt::Write as _;
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
    }
    out.push('"');
}

const SHORT: [(&str, &str); 4] = [
    ("subject", ids::SUBJECT),
    ("action", ids::ACTION),
    ("resource", ids::RESOURCE),
    ("environment", ids::ENVIRONMENT),
];

fn short(category: &str) -> &str {
    SHORT
        .iter()
        .find(|(_, long)| *long == category)
        .map_or(category, |(short, _)| short)
}

/// The request as Altinn's log has it (`contextRequestJson`).
#[must_use]
pub fn to_json(stored: &Value) -> Value {
    let Some(categories) = stored.as_array() else {
        return stored.clone();
    };
    let category = |stored: &Value| {
        let name = stored.get(0).and_then(Value::as_str).unwrap_or_default();
        let long = SHORT
            .iter()
            .find(|(short, _)| *short == name)
            .map_or(name, |(_, long)| long);
        let values = stored
            .get(1)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        json!({"id": null, "content": null, "attributes": values.iter().map(attribute).collect::<Vec<_>>(), "category": long})
    };
    json!({
        "returnPolicyIdList": false, "combinedDecision": false, "xPathVersion": null,
        "attributes": categories.iter().map(category).collect::<Vec<_>>(), "requestReferences": [],
    })
}

fn attribute(stored: &Value) -> Value {
    let at = |n: usize| stored.get(n).filter(|v| !v.is_null());
    let data_type = at(2).cloned().unwrap_or_else(|| json!(ids::STRING));
    json!({
        "issuer": null, "attributeId": at(0), "includeInResult": at(3).is_some(),
        "attributeValues": [{"value": at(1), "dataType": data_type, "attributes": [], "elements": []}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_json_with_everything_but_identity_numbers() {
        let person = Uuid::from_u128(7);
        let mut written = StoredContext::default();
        written.add(
            ids::SUBJECT,
            PERSON,
            DataType::String,
            "08856497381",
            false,
            Some(person),
        );
        written.add(
            ids::RESOURCE,
            "urn:altinn:resource",
            DataType::String,
            "a\"b\\c\u{1}\0",
            true,
            None,
        );
        written.add(
            ids::RESOURCE,
            "urn:free",
            DataType::String,
            "08856497381",
            false,
            None,
        );
        written.add("urn:own", "urn:n", DataType::Integer, "7", true, None);
        let stored: Value = serde_json::from_str(&written.finish()).unwrap();
        assert_eq!(
            stored,
            json!([
                ["subject", [[PERSON, person]]],
                [
                    "resource",
                    [
                        ["urn:altinn:resource", "a\"b\\c\u{1}\u{fffd}", null, true],
                        ["urn:free", "withheld"]
                    ]
                ],
                ["urn:own", [["urn:n", "7", DataType::Integer.uri(), true]]],
            ])
        );
        let json = to_json(&stored);
        assert_eq!(json["attributes"][0]["category"], ids::SUBJECT);
        assert_eq!(
            json["attributes"][1]["attributes"][0]["includeInResult"],
            true
        );
        assert_eq!(
            json["attributes"][2]["attributes"][0]["attributeValues"][0]["dataType"],
            DataType::Integer.uri()
        );
    }

    #[test]
    fn a_context_without_bounds_is_not_stored() {
        let mut written = StoredContext::default();
        for _ in 0..10_000 {
            written.add(
                ids::RESOURCE,
                "urn:a",
                DataType::String,
                &"x".repeat(100),
                false,
                None,
            );
        }
        let stored: Value = serde_json::from_str(&written.finish()).unwrap();
        assert!(stored["tooLarge"].as_u64().unwrap() > 1_000_000);
        assert_eq!(
            serde_json::from_str::<Value>(&StoredContext::default().finish()).unwrap(),
            json!([])
        );
    }
}
