//! Model-state errors: what a body or parameter that cannot be bound is answered with.

use serde_json::{Map, Value, json};

use crate::telemetry::masked;

/// Keys and the sentences under them, in the order they were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelState {
    errors: Map<String, Value>,
}

impl ModelState {
    /// One key, one sentence.
    #[must_use]
    pub fn of(key: &str, sentence: impl Into<String>) -> Self {
        let mut state = Self::default();
        state.add(key, sentence);
        state
    }

    /// A path or query value that cannot be read. It is shown without identity numbers.
    #[must_use]
    pub fn not_valid(key: &str, value: &str) -> Self {
        let shown: String = value.chars().filter(|c| !c.is_control()).take(50).collect();
        Self::of(key, format!("The value '{}' is not valid.", masked(shown)))
    }

    /// A member or parameter that must be there.
    #[must_use]
    pub fn required(key: &str) -> Self {
        Self::of(key, format!("The {key} field is required."))
    }

    /// Adds a sentence under a key.
    pub fn add(&mut self, key: &str, sentence: impl Into<String>) {
        let sentences = self.errors.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(list) = sentences {
            list.push(Value::String(sentence.into()));
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The `errors` member.
    #[must_use]
    pub fn into_errors(self) -> Map<String, Value> {
        self.errors
    }
}
