//! JSON as tokens and decision requests must have it: no member twice in one object, no deep
//! nesting.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep the JSON of tokens may nest.
const TOKEN_DEPTH: usize = 16;

/// When two members of an object are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberNames {
    /// When their names are equal.
    Exact,
    /// When their names are equal but for the case of letters.
    IgnoringCase,
}

/// Parses an object. None when it is not one, nests deeper than 16, or names a member twice.
#[must_use]
pub fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match value(bytes, TOKEN_DEPTH, MemberNames::Exact).ok()? {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Parses a document.
///
/// # Errors
/// The text is no JSON (a syntax or end-of-file error), or it nests deeper than `depth` or names a
/// member twice in one object (a data error).
pub fn value(bytes: &[u8], depth: usize, names: MemberNames) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = StrictJson { depth, names }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct StrictJson {
    depth: usize,
    names: MemberNames,
}

impl<'de> DeserializeSeed<'de> for StrictJson {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictJson {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut out = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut out = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if out.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        if self.names == MemberNames::IgnoringCase && has_twins(&out) {
            return Err(A::Error::custom(TWICE));
        }
        Ok(Value::Object(out))
    }
}

impl StrictJson {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }
}

const TWICE: &str = "a member is named twice";

/// Whether two names differ in the case of letters alone.
fn has_twins(members: &Map<String, Value>) -> bool {
    if members.len() < 2 {
        return false;
    }
    let mut names: Vec<String> = members.keys().map(|name| name.to_lowercase()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[{"b":{"a":1,"a":2}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let error = value(text.as_bytes(), 32, MemberNames::Exact).unwrap_err();
            assert!(
                error.is_data() && error.to_string().contains(TWICE),
                "{text}"
            );
        }
    }

    #[test]
    fn the_case_of_letters_counts_where_it_is_said_to() {
        let text = br#"{"x":{"Resource":1,"resource":2}}"#;
        assert!(value(text, 32, MemberNames::Exact).is_ok());
        assert!(value(text, 32, MemberNames::IgnoringCase).is_err());
    }
}
