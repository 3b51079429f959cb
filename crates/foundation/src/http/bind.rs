//! Reading a JSON body into a model, with the error keys that clients of the public API see.
//!
//! Member names match without case and the last of duplicates wins. A wrong type or a missing
//! required member ends the binding at once under its JSON path; a null where none may be is
//! collected under its property path.

use serde_json::{Map, Value};

use super::{ApiError, ApiResult, ModelState, body};
use crate::ids::is_displayable;

/// A JSON object being read, with its place in the document.
#[derive(Debug, Clone)]
pub struct BoundObject<'a> {
    members: &'a Map<String, Value>,
    /// Path in the caller's document: `$.rights[0]`.
    json_path: String,
    /// Path in the model: `Rights[0]`, empty at the root.
    property_path: String,
}

/// A list element with its place.
#[derive(Debug, Clone)]
pub struct BoundItem<'a> {
    /// The element.
    pub value: &'a Value,
    json_path: String,
    property_path: String,
}

/// Whether a member may be left out or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberPresence {
    /// Must be there; null is an error of its own.
    Required,
    /// May be left out, may not be null.
    NotNull,
    /// May be left out or null.
    Optional,
}

/// Collects what is wrong with one body.
#[derive(Debug)]
pub struct Binder {
    parameter: &'static str,
    missing: Vec<String>,
    state: ModelState,
}

impl Binder {
    /// A binder for the action's parameter of this name.
    #[must_use]
    pub fn new(parameter: &'static str) -> Self {
        Self {
            parameter,
            missing: Vec::new(),
            state: ModelState::default(),
        }
    }

    /// The root, which must be an object.
    ///
    /// # Errors
    /// Model state under `$`.
    pub fn root<'a>(&self, value: &'a Value) -> ApiResult<BoundObject<'a>> {
        match value {
            Value::Object(members) => Ok(BoundObject {
                members,
                json_path: "$".into(),
                property_path: String::new(),
            }),
            _ => Err(self.wrong_type("$")),
        }
    }

    /// A text member; numbers and booleans are not text.
    ///
    /// # Errors
    /// Model state under the JSON path when it is not text.
    pub fn text(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        presence: MemberPresence,
    ) -> ApiResult<Option<String>> {
        match self.member(object, name, presence) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong_type(&object.json_child(name))),
        }
    }

    /// A text member that must be there and not blank, of at most 255 characters after trimming.
    ///
    /// # Errors
    /// As [`Binder::text`].
    pub fn key_text(&mut self, object: &BoundObject<'_>, name: &str) -> ApiResult<String> {
        let Some(text) = self.text(object, name, MemberPresence::Required)? else {
            return Ok(String::new());
        };
        let text = text.trim();
        if text.is_empty() {
            self.required(&object.property_child(name));
        }
        self.at_most_255(object, name, text);
        Ok(text.to_owned())
    }

    /// A text member that must be there, though it may be empty, of at most 255 characters after
    /// trimming.
    ///
    /// # Errors
    /// As [`Binder::text`].
    pub fn short_text(&mut self, object: &BoundObject<'_>, name: &str) -> ApiResult<String> {
        let text = self
            .text(object, name, MemberPresence::Required)?
            .unwrap_or_default();
        self.at_most_255(object, name, text.trim());
        Ok(text.trim().to_owned())
    }

    /// An optional text member, trimmed, of at most 255 characters.
    ///
    /// # Errors
    /// As [`Binder::text`].
    pub fn optional_text(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
    ) -> ApiResult<Option<String>> {
        let text = self
            .text(object, name, MemberPresence::Optional)?
            .map(|t| t.trim().to_owned());
        if let Some(text) = &text {
            self.at_most_255(object, name, text);
        }
        Ok(text)
    }

    /// Collects that a text member cannot be shown to people as it is.
    pub fn must_be_displayable(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        text: Option<&str>,
    ) {
        if !text.is_none_or(is_displayable) {
            let path = object.property_child(name);
            self.state.add(
                &path,
                format!("The field {path} must not contain control characters, line breaks or characters that change the direction of text."),
            );
        }
    }

    /// Collects that a text of a map from language to text cannot be shown to people as it is.
    pub fn must_be_displayable_map(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        map: &Map<String, Value>,
    ) {
        let text = map
            .iter()
            .flat_map(|(language, text)| [Some(language.as_str()), text.as_str()])
            .flatten()
            .find(|text| !is_displayable(text));
        self.must_be_displayable(object, name, text);
    }

    /// A boolean member.
    ///
    /// # Errors
    /// Model state under the JSON path when it is not a boolean.
    pub fn boolean(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        presence: MemberPresence,
    ) -> ApiResult<Option<bool>> {
        match self.member(object, name, presence) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong_type(&object.json_child(name))),
        }
    }

    /// An object member.
    ///
    /// # Errors
    /// Model state under the JSON path when it is not an object.
    pub fn object<'a>(
        &mut self,
        object: &BoundObject<'a>,
        name: &str,
        presence: MemberPresence,
    ) -> ApiResult<Option<BoundObject<'a>>> {
        match self.member(object, name, presence) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(BoundObject {
                members,
                json_path: object.json_child(name),
                property_path: object.property_child(name),
            })),
            Some(_) => Err(self.wrong_type(&object.json_child(name))),
        }
    }

    /// A list member of at most `limit` elements; null elements are errors.
    ///
    /// # Errors
    /// Model state under the JSON path when it is not a list, or too long.
    pub fn list<'a>(
        &mut self,
        object: &BoundObject<'a>,
        name: &str,
        presence: MemberPresence,
        limit: usize,
    ) -> ApiResult<Option<Vec<BoundItem<'a>>>> {
        match self.member(object, name, presence) {
            None => Ok(None),
            Some(Value::Array(items)) if items.len() <= limit => Ok(Some(self.items(
                items,
                &object.json_child(name),
                &object.property_child(name),
            ))),
            Some(_) => Err(self.wrong_type(&object.json_child(name))),
        }
    }

    /// A root that is a list of at most `limit` items. Nulls among them are noted.
    ///
    /// # Errors
    /// Model state under `$` when it is none.
    pub fn root_list<'a>(
        &mut self,
        value: &'a Value,
        limit: usize,
    ) -> ApiResult<Vec<BoundItem<'a>>> {
        match value {
            Value::Array(items) if items.len() <= limit => Ok(self.items(items, "$", "")),
            _ => Err(self.wrong_type("$")),
        }
    }

    fn items<'a>(
        &mut self,
        items: &'a [Value],
        json_path: &str,
        property_path: &str,
    ) -> Vec<BoundItem<'a>> {
        let mut out = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            let item = BoundItem {
                value,
                json_path: format!("{json_path}[{index}]"),
                property_path: format!("{property_path}[{index}]"),
            };
            if value.is_null() {
                self.required(&item.property_path);
            } else {
                out.push(item);
            }
        }
        out
    }

    /// A list element that must be an object.
    ///
    /// # Errors
    /// Model state under the JSON path.
    pub fn item_object<'a>(&self, item: &BoundItem<'a>) -> ApiResult<BoundObject<'a>> {
        match item.value {
            Value::Object(members) => Ok(BoundObject {
                members,
                json_path: item.json_path.clone(),
                property_path: item.property_path.clone(),
            }),
            _ => Err(self.wrong_type(&item.json_path)),
        }
    }

    /// A list element that must be text.
    ///
    /// # Errors
    /// Model state under the JSON path.
    pub fn item_text(&self, item: &BoundItem<'_>) -> ApiResult<String> {
        item.value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| self.wrong_type(&item.json_path))
    }

    /// A text member of a nested object that must be there, not null and not blank.
    ///
    /// # Errors
    /// As [`Binder::text`].
    pub fn non_blank(&mut self, object: &BoundObject<'_>, name: &str) -> ApiResult<String> {
        let text = self
            .text(object, name, MemberPresence::Optional)?
            .unwrap_or_default();
        if text.trim().is_empty() {
            self.required(&object.property_child(name));
        }
        Ok(text)
    }

    /// A text member that is one of a set of words.
    ///
    /// # Errors
    /// Model state under the JSON path for another type or an unknown word.
    pub fn word<T>(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> ApiResult<Option<T>> {
        let Some(text) = self.text(object, name, MemberPresence::Optional)? else {
            return Ok(None);
        };
        read(text.trim())
            .map(Some)
            .ok_or_else(|| self.wrong_type(&object.json_child(name)))
    }

    /// A list of at most `limit` such words.
    ///
    /// # Errors
    /// As [`Binder::word`].
    pub fn words<T>(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        limit: usize,
        read: impl Fn(&str) -> Option<T>,
    ) -> ApiResult<Option<Vec<T>>> {
        let Some(items) = self.list(object, name, MemberPresence::Optional, limit)? else {
            return Ok(None);
        };
        let word = |item: &BoundItem<'_>| {
            read(self.item_text(item)?.trim()).ok_or_else(|| self.wrong_type(&item.json_path))
        };
        items.iter().map(word).collect::<ApiResult<_>>().map(Some)
    }

    /// A map from language to text, kept as it is.
    ///
    /// # Errors
    /// Model state under the JSON path when it is no such map.
    pub fn text_map(
        &mut self,
        object: &BoundObject<'_>,
        name: &str,
        presence: MemberPresence,
    ) -> ApiResult<Map<String, Value>> {
        let Some(map) = self.object(object, name, presence)? else {
            return Ok(Map::new());
        };
        for (key, value) in map.members {
            if !value.is_string() && !value.is_null() {
                return Err(self.wrong_type(&format!("{}.{key}", map.json_path)));
            }
        }
        Ok(map.members.clone())
    }

    /// Ends the binding.
    ///
    /// # Errors
    /// Missing members first, all in one sentence; else everything that was collected.
    pub fn finish(self) -> ApiResult<()> {
        if !self.missing.is_empty() {
            let names = self
                .missing
                .iter()
                .map(|n| format!("'{n}'"))
                .collect::<Vec<_>>()
                .join(", ");
            return Err(body::fault(
                self.parameter,
                "$",
                &format!("JSON was missing required properties, including: {names}."),
            ));
        }
        if self.state.is_empty() {
            Ok(())
        } else {
            Err(self.state.into())
        }
    }

    /// Adds the error that a property must have a value.
    pub fn required(&mut self, property_path: &str) {
        let member = property_path.rsplit('.').next().unwrap_or(property_path);
        self.state
            .add(property_path, format!("The {member} field is required."));
    }

    fn at_most_255(&mut self, object: &BoundObject<'_>, name: &str, text: &str) {
        if text.chars().count() > 255 {
            let path = object.property_child(name);
            self.state.add(
                &path,
                format!("The field {path} must be a string with a maximum length of 255."),
            );
        }
    }

    fn member<'a>(
        &mut self,
        object: &BoundObject<'a>,
        name: &str,
        presence: MemberPresence,
    ) -> Option<&'a Value> {
        match object.find(name) {
            None => {
                if presence == MemberPresence::Required {
                    self.missing.push(name.to_owned());
                }
                None
            }
            Some(Value::Null) => {
                if presence != MemberPresence::Optional {
                    self.required(&object.property_child(name));
                }
                None
            }
            Some(value) => Some(value),
        }
    }

    fn wrong_type(&self, json_path: &str) -> ApiError {
        body::fault(
            self.parameter,
            json_path,
            "The JSON value could not be converted to the type that belongs here.",
        )
    }
}

impl<'a> BoundObject<'a> {
    /// Names of the members, as they were written.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    fn find(&self, name: &str) -> Option<&'a Value> {
        self.members
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn json_child(&self, name: &str) -> String {
        let spelled = self
            .members
            .keys()
            .rev()
            .find(|key| key.eq_ignore_ascii_case(name))
            .map_or(name, String::as_str);
        format!("{}.{spelled}", self.json_path)
    }

    fn property_child(&self, name: &str) -> String {
        let mut chars = name.chars();
        let pascal: String = chars
            .next()
            .map(|c| c.to_ascii_uppercase())
            .into_iter()
            .chain(chars)
            .collect();
        if self.property_path.is_empty() {
            pascal
        } else {
            format!("{}.{pascal}", self.property_path)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(result: ApiResult<()>) -> Map<String, Value> {
        match result {
            Err(ApiError::ModelState(state)) => state.into_errors(),
            other => panic!("expected model state, got {other:?}"),
        }
    }

    #[test]
    fn names_match_without_case_and_the_last_wins() {
        let value = json!({"SYSTEMID": "a", "systemId": "b"});
        let mut binder = Binder::new("createRequest");
        let root = binder.root(&value).unwrap();
        assert_eq!(binder.key_text(&root, "systemId").unwrap(), "b");
        binder.finish().unwrap();
    }

    #[test]
    fn missing_beats_null_and_names_all() {
        let value = json!({"name": null});
        let mut binder = Binder::new("registerNewSystem");
        let root = binder.root(&value).unwrap();
        for name in ["id", "vendor", "name"] {
            binder.text(&root, name, MemberPresence::Required).unwrap();
        }
        let errors = errors(binder.finish());
        assert_eq!(
            errors["$"][0],
            "JSON was missing required properties, including: 'id', 'vendor'."
        );
        assert!(errors.contains_key("registerNewSystem"));
    }

    #[test]
    fn null_elements_are_reported_by_property_path() {
        let value = json!({"clientId": ["a", null]});
        let mut binder = Binder::new("registerNewSystem");
        let root = binder.root(&value).unwrap();
        binder
            .list(&root, "clientId", MemberPresence::NotNull, 10)
            .unwrap();
        assert!(errors(binder.finish()).contains_key("ClientId[1]"));
    }
}
