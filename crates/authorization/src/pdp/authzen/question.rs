//! Questions of the `OpenID` `AuthZEN` Authorization API 1.0, and what they are in the words of the
//! decision point. Pure.

use std::borrow::Cow;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::pdp::{
    DecisionReason, PartialRequest,
    question::{
        INSTANCE, ORG, ORGANIZATION, PARTY_ID, PARTY_UUID, PERSON, RESOURCE, SYSTEM_USER, TASK,
        named_party,
    },
};
use xacml::{DataType, ids};

/// Prefix of members of `context` that are no URNs.
const CONTEXT: &str = "urn:openid:authzen:context:";
/// Member of `context` that holds the token of the system user.
const ACCESS_TOKEN: &str = "access_token";
/// Member of `context` that asks for an account.
const EXPLAIN: &str = "explain";

/// A subject or a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// `type`
    pub kind: String,
    pub id: String,
    pub properties: Map<String, Value>,
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub subject: Entity,
    pub action: String,
    pub action_properties: Map<String, Value>,
    pub resource: Entity,
    pub context: Map<String, Value>,
}

/// What is asserted about a system user: its system, and the organisation number of its owner.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Assertions {
    pub system_id: Option<String>,
    pub owner: Option<String>,
}

/// Why a question is answered with no before anybody decides.
pub type Refusal = DecisionReason;

pub fn object<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a Map<String, Value>, String> {
    match value {
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(format!("{name} must be an object")),
        None => Err(format!("{name} is required")),
    }
}

pub fn text(members: &Map<String, Value>, name: &str, path: &str) -> Result<String, String> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::String(_)) | None => Err(format!("{path}.{name} is required")),
        Some(_) => Err(format!("{path}.{name} must be a string")),
    }
}

fn optional_object(
    members: &Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Map<String, Value>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members.clone()),
        Some(_) => Err(format!("{path} must be an object")),
    }
}

fn entity(value: Option<&Value>, name: &str) -> Result<Entity, String> {
    let members = object(value, name)?;
    Ok(Entity {
        kind: text(members, "type", name)?,
        id: text(members, "id", name)?,
        properties: optional_object(members, "properties", &format!("{name}.properties"))?,
    })
}

impl Question {
    /// Reads a question out of these members.
    ///
    /// # Errors
    /// What is missing or of the wrong type, in words.
    pub fn read(members: &Map<String, Value>) -> Result<Self, String> {
        let subject = entity(members.get("subject"), "subject")?;
        let action = object(members.get("action"), "action")?;
        Ok(Self {
            subject,
            action: text(action, "name", "action")?,
            action_properties: optional_object(action, "properties", "action.properties")?,
            resource: entity(members.get("resource"), "resource")?,
            context: optional_object(members, "context", "context")?,
        })
    }

    /// The token of the system user, when one was handed over.
    ///
    /// # Errors
    /// It is no text.
    pub fn access_token(&self) -> Result<Option<&str>, String> {
        match self.context.get(ACCESS_TOKEN) {
            None => Ok(None),
            Some(Value::String(token)) => Ok(Some(token)),
            Some(_) => Err(format!("context.{ACCESS_TOKEN} must be a string")),
        }
    }

    /// Whether an account of the decision is wanted.
    ///
    /// # Errors
    /// It is neither yes nor no.
    pub fn explain(&self) -> Result<bool, String> {
        match self.context.get(EXPLAIN) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(explain)) => Ok(*explain),
            Some(_) => Err(format!("context.{EXPLAIN} must be true or false")),
        }
    }

    /// The system user it is about; none for another kind of subject.
    ///
    /// # Errors
    /// The id is none of a system user.
    pub fn system_user(&self) -> Result<Option<Uuid>, Refusal> {
        match self.subject.kind.as_str() {
            "systemuser" | SYSTEM_USER => Uuid::try_parse(&self.subject.id)
                .map(Some)
                .map_err(|_| DecisionReason::UnknownSubject),
            _ => Ok(None),
        }
    }

    /// What is asserted about the system user.
    #[must_use]
    pub fn assertions(&self) -> Assertions {
        // What is no text agrees with nothing.
        let property = |name: &str| {
            let value = self.subject.properties.get(name)?;
            Some(value.as_str().unwrap_or_default().to_owned())
        };
        Assertions {
            system_id: property("system_id"),
            owner: property("owner"),
        }
    }

    /// The question as the decision point takes it.
    ///
    /// # Errors
    /// The outer: what is wrong, in words. The inner: the answer is no, and why.
    pub fn request(&self) -> Result<Result<PartialRequest<'_>, Refusal>, String> {
        let mut request = PartialRequest::default();
        let subject = match self.subject.kind.as_str() {
            "systemuser" | SYSTEM_USER => SYSTEM_USER,
            "person" => PERSON,
            "organization" => ORGANIZATION,
            "service_owner" => ORG,
            _ => return Ok(Err(DecisionReason::UnknownSubject)),
        };
        request.add(ids::SUBJECT, subject, self.subject.id.as_str());
        request.add(ids::ACTION, ids::ACTION_ID, self.action.as_str());
        add_urns(
            &mut request,
            ids::ACTION,
            &self.action_properties,
            "action.properties",
        )?;
        let properties = &self.resource.properties;
        match self.resource.kind.as_str() {
            "resource" | RESOURCE => {
                request.add(ids::RESOURCE, RESOURCE, self.resource.id.as_str());
                match reportee(properties)? {
                    Some((attribute, value)) => request.add(ids::RESOURCE, attribute, value),
                    None => return Ok(Err(DecisionReason::MissingParty)),
                }
            }
            "party" => {
                request.add(
                    ids::RESOURCE,
                    RESOURCE,
                    text(properties, "resource", "resource.properties")?,
                );
                match named_party(&self.resource.id) {
                    Some((attribute, value)) => request.add(ids::RESOURCE, attribute, value),
                    None => return Ok(Err(DecisionReason::UnknownParty)),
                }
                // A party named beside it must be the same one: the decision point compares them.
                if let Some((attribute, value)) = reportee(properties)? {
                    request.add(ids::RESOURCE, attribute, value);
                }
            }
            _ => return Ok(Err(DecisionReason::UnknownResource)),
        }
        for (name, attribute) in [("instance_id", INSTANCE), ("task", TASK)] {
            match properties.get(name) {
                None => {}
                Some(Value::String(value)) => request.add(ids::RESOURCE, attribute, value.as_str()),
                Some(_) => return Err(format!("resource.properties.{name} must be a string")),
            }
        }
        add_urns(
            &mut request,
            ids::RESOURCE,
            properties,
            "resource.properties",
        )?;
        for (key, value) in self
            .context
            .iter()
            .filter(|(key, _)| *key != ACCESS_TOKEN && *key != EXPLAIN)
        {
            let id = if key.starts_with("urn:") {
                Cow::Borrowed(key.as_str())
            } else {
                Cow::Owned(format!("{CONTEXT}{key}"))
            };
            add_environment(&mut request, &id, value);
        }
        Ok(Ok(request))
    }
}

/// The reportee that the properties of a resource name.
fn reportee(properties: &Map<String, Value>) -> Result<Option<(&'static str, String)>, String> {
    let mut found = None;
    for (name, attribute) in [
        ("organization", ORGANIZATION),
        ("party_id", PARTY_ID),
        ("party_uuid", PARTY_UUID),
        ("person", PERSON),
    ] {
        let value = match properties.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(value)) => value.strip_prefix("0192:").unwrap_or(value).to_owned(),
            Some(Value::Number(value)) if name == "party_id" => value.to_string(),
            Some(_) => return Err(format!("resource.properties.{name} must be a string")),
        };
        if found.replace((attribute, value)).is_some() {
            return Err("resource.properties must name one party: organization, party_id, party_uuid or person".to_owned());
        }
    }
    Ok(found)
}

/// Members whose names are URNs, as attributes of a category.
fn add_urns<'a>(
    request: &mut PartialRequest<'a>,
    category: &'static str,
    members: &'a Map<String, Value>,
    path: &str,
) -> Result<(), String> {
    for (key, value) in members.iter().filter(|(key, _)| key.starts_with("urn:")) {
        let values: Vec<&Value> = match value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        for value in values {
            let text = value
                .as_str()
                .ok_or_else(|| format!("{path}.{key} must be a string or an array of strings"))?;
            request.add(category, key.as_str(), text);
        }
    }
    Ok(())
}

/// A member of `context`, with the type that its JSON has.
fn add_environment<'a>(request: &mut PartialRequest<'a>, id: &str, value: &'a Value) {
    let (data_type, text): (_, Cow<'a, str>) = match value {
        Value::Null => return,
        Value::Array(values) => {
            return values
                .iter()
                .for_each(|value| add_environment(request, id, value));
        }
        Value::Bool(flag) => (DataType::Boolean, flag.to_string().into()),
        Value::Number(number) if number.is_f64() => (DataType::Double, number.to_string().into()),
        Value::Number(number) => (DataType::Integer, number.to_string().into()),
        Value::String(text) => (DataType::String, text.as_str().into()),
        Value::Object(_) => (DataType::String, value.to_string().into()),
    };
    request.add_typed(ids::ENVIRONMENT, id.to_owned(), data_type, text);
}

/// The questions of a batch, each with what it leaves out taken whole from the members at the top.
///
/// # Errors
/// What is wrong with the whole, in words.
pub fn batch(members: &Map<String, Value>, most: usize) -> Result<Vec<Map<String, Value>>, String> {
    for name in ["subject", "action", "resource", "context"] {
        if members.get(name).is_some_and(|value| !value.is_object()) {
            return Err(format!("{name} must be an object"));
        }
    }
    let items = match members.get("evaluations") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= most => items,
        Some(Value::Array(_)) => {
            return Err(format!("evaluations must hold at most {most} elements"));
        }
        Some(_) => return Err("evaluations must be an array".to_owned()),
    };
    let whole = |item: &Value| {
        let own = item
            .as_object()
            .ok_or_else(|| "each evaluation must be an object".to_owned())?;
        let member = |name: &str| {
            own.get(name)
                .or_else(|| members.get(name))
                .map(|value| (name.to_owned(), value.clone()))
        };
        Ok(["subject", "action", "resource", "context"]
            .into_iter()
            .filter_map(member)
            .collect())
    };
    items.iter().map(whole).collect()
}

/// When a batch stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantic {
    /// Never.
    ExecuteAll,
    /// Behind the first no.
    DenyOnFirstDeny,
    /// Behind the first yes.
    PermitOnFirstPermit,
}

impl Semantic {
    /// What `options` asks for.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(members: &Map<String, Value>) -> Result<Self, String> {
        match optional_object(members, "options", "options")?.get("evaluations_semantic") {
            None => Ok(Self::ExecuteAll),
            Some(Value::String(word)) => match word.as_str() {
                "execute_all" => Ok(Self::ExecuteAll),
                "deny_on_first_deny" => Ok(Self::DenyOnFirstDeny),
                "permit_on_first_permit" => Ok(Self::PermitOnFirstPermit),
                _ => Err("options.evaluations_semantic is none of execute_all, deny_on_first_deny and permit_on_first_permit".to_owned()),
            },
            Some(_) => Err("options.evaluations_semantic must be a string".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Question, String> {
        Question::read(value.as_object().unwrap())
    }

    fn good() -> Value {
        json!({"subject": {"type": "systemuser", "id": "3f794e70-3593-53d5-8174-1a3371cf43dc"}, "action": {"name": "read"},
            "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": "0192:390367767"}}})
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(read(&good()).is_ok());
        for (pointer, value, expected) in [
            ("/subject", json!(null), "subject must be an object"),
            ("/subject/id", json!(7), "subject.id must be a string"),
            ("/subject/type", json!(""), "subject.type is required"),
            ("/action/name", json!(null), "action.name must be a string"),
            (
                "/resource/properties",
                json!([]),
                "resource.properties must be an object",
            ),
        ] {
            let mut question = good();
            *question.pointer_mut(pointer).unwrap() = value;
            assert_eq!(read(&question).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_party_is_named_once() {
        let mut question = good();
        question["resource"]["properties"]["party_id"] = json!(52_000_084);
        assert!(
            read(&question)
                .unwrap()
                .request()
                .unwrap_err()
                .contains("one party")
        );
        question["resource"]["properties"] = json!({});
        assert_eq!(
            read(&question).unwrap().request().unwrap().unwrap_err(),
            DecisionReason::MissingParty
        );
    }

    #[test]
    fn an_item_replaces_a_default_whole() {
        let mut whole = good();
        whole["evaluations"] = json!([{}, {"resource": {"type": "party", "id": "390367767"}}]);
        let items = batch(whole.as_object().unwrap(), 10).unwrap();
        assert_eq!(items[0]["resource"], whole["resource"]);
        assert_eq!(
            items[1]["resource"],
            json!({"type": "party", "id": "390367767"})
        );
        assert!(batch(whole.as_object().unwrap(), 1).is_err());
    }
}
