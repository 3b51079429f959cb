//! What a decision is about, in the policy engine's terms.

use std::borrow::Cow;

use crate::xacml::{AttributeValue, Category, DataType, Value};

/// Attributes by category.
#[derive(Debug, Default)]
pub struct Attributes(Vec<Category<'static>>);

impl Attributes {
    /// Adds a value. One that its data type does not have can match nothing, and is left out.
    pub fn add(&mut self, category: &str, attribute_id: &str, data_type: &str, text: &str) {
        let Some(value) = DataType::from_uri(data_type).and_then(|t| Value::parse(t, Cow::Owned(text.to_owned()))) else { return };
        let known = self.0.iter().position(|c| c.category == category);
        let at = known.unwrap_or_else(|| {
            self.0.push(Category::new(category.to_owned()));
            self.0.len() - 1
        });
        self.0[at].add(attribute_id.to_owned(), value);
    }

    /// The texts of an attribute's values.
    pub fn texts(&self, category: &str, attribute_id: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let attributes = self.0.iter().filter(move |c| c.category == category).flat_map(|c| &c.attributes);
        attributes.filter(move |a| a.id == attribute_id).flat_map(|a| a.values.iter()).map(AttributeValue::text)
    }

    /// Whether an attribute has a value.
    pub fn has(&self, category: &str, attribute_id: &str) -> bool {
        self.texts(category, attribute_id).next().is_some()
    }

    /// For the engine.
    pub fn categories(&self) -> &[Category<'static>] {
        &self.0
    }
}
