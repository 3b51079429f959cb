//! Questions of the `OpenID` `AuthZEN` Authorization API 1.0, and what they are in the words of the
//! decision point. Pure.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::pdp::{
    DecisionReason, PartialRequest,
    budget::{ExceededBound, MAX_ATTRIBUTES},
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
/// Member of `context` that asks for an explanation.
const EXPLAIN: &str = "explain";

/// Members of an object.
type JsonMembers = Map<String, Value>;

/// The members of an object that was left out.
static NONE: LazyLock<JsonMembers> = LazyLock::new(JsonMembers::new);

/// A subject or a resource. It borrows what was asked, which may be part of many questions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuestionEntity<'q> {
    /// `type`
    pub kind: &'q str,
    pub id: &'q str,
    pub properties: &'q JsonMembers,
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AuthzenQuestion<'q> {
    pub subject: QuestionEntity<'q>,
    pub action: &'q str,
    pub action_properties: &'q JsonMembers,
    pub resource: QuestionEntity<'q>,
    pub context: &'q JsonMembers,
}

/// What is asserted about a system user: its system, and the organisation number of its owner.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SystemUserAssertions {
    pub system_id: Option<String>,
    pub owner: Option<String>,
}

/// Why a question is answered with no, without a decision.
pub type QuestionRefusal = DecisionReason;

pub fn object<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a JsonMembers, String> {
    match value {
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(format!("{name} must be an object")),
        None => Err(format!("{name} is required")),
    }
}

pub fn text<'a>(members: &'a JsonMembers, name: &str, path: &str) -> Result<&'a str, String> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) | None => Err(format!("{path}.{name} is required")),
        Some(_) => Err(format!("{path}.{name} must be a string")),
    }
}

fn optional_object<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a JsonMembers, String> {
    match value {
        None | Some(Value::Null) => Ok(&NONE),
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(format!("{path} must be an object")),
    }
}

/// An entity. One that is looked for has the id of a candidate, whatever its own is.
fn entity<'a>(
    value: Option<&'a Value>,
    name: &str,
    candidate: Option<&'a str>,
) -> Result<QuestionEntity<'a>, String> {
    let members = object(value, name)?;
    Ok(QuestionEntity {
        kind: text(members, "type", name)?,
        id: match candidate {
            Some(candidate) => candidate,
            None => text(members, "id", name)?,
        },
        properties: optional_object(members.get("properties"), &format!("{name}.properties"))?,
    })
}

/// What a search leaves open, with a candidate for it.
#[derive(Debug, Clone, Copy)]
pub enum SearchCandidate<'q> {
    Subject(&'q str),
    Action(&'q str),
    Resource(&'q str),
}

/// The members that a question is read from, wherever each of them is located: subject, action,
/// resource, context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionSources<'q>([Option<&'q Value>; 4]);

impl<'q> QuestionSources<'q> {
    /// All of these members.
    pub fn of(members: &'q JsonMembers) -> Self {
        Self(NAMES.map(|name| members.get(name)))
    }

    /// These members, and the defaults of those that were left out.
    fn or(self, defaults: Self) -> Self {
        let mut out = self;
        for (own, default) in out.0.iter_mut().zip(defaults.0) {
            *own = own.or(default);
        }
        out
    }

    /// How many values of attributes each of them makes, at most.
    fn sizes(self) -> [usize; 4] {
        let [subject, action, resource, context] = self.0;
        let named = |value: Option<&Value>| {
            value.map_or(0, |value| 1 + value.get("properties").map_or(0, members))
        };
        let context = context.map_or(0, members);
        [named(subject), named(action), named(resource), context]
    }

    /// How many values of attributes a question out of them has, at most.
    pub fn attributes(self) -> usize {
        self.sizes().iter().sum()
    }
}

/// The members of a question.
const NAMES: [&str; 4] = ["subject", "action", "resource", "context"];

/// How many values the members of an object have.
fn members(value: &Value) -> usize {
    value
        .as_object()
        .map_or(0, |members| members.values().map(values).sum())
}

fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(values).sum::<usize>().max(1),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => 1,
    }
}

impl<'q> AuthzenQuestion<'q> {
    /// Reads a question.
    ///
    /// # Errors
    /// What is missing or of the wrong type, in words.
    pub fn read(sources: QuestionSources<'q>) -> Result<Self, String> {
        Self::with(sources, None)
    }

    /// Reads a question that leaves something open, with a candidate for it.
    ///
    /// # Errors
    /// What is missing or of the wrong type, in words.
    pub fn with(
        sources: QuestionSources<'q>,
        candidate: Option<SearchCandidate<'q>>,
    ) -> Result<Self, String> {
        let (mut subject, mut action, mut resource) = (None, None, None);
        match candidate {
            None => {}
            Some(SearchCandidate::Subject(id)) => subject = Some(id),
            Some(SearchCandidate::Action(name)) => action = Some(name),
            Some(SearchCandidate::Resource(id)) => resource = Some(id),
        }
        let QuestionSources([its_subject, its_action, its_resource, its_context]) = sources;
        let subject = entity(its_subject, "subject", subject)?;
        let (action, action_properties) = if let Some(name) = action {
            (name, &*NONE)
        } else {
            let members = object(its_action, "action")?;
            (
                text(members, "name", "action")?,
                optional_object(members.get("properties"), "action.properties")?,
            )
        };
        Ok(Self {
            subject,
            action,
            action_properties,
            resource: entity(its_resource, "resource", resource)?,
            context: optional_object(its_context, "context")?,
        })
    }

    /// The token of the system user, when there is one.
    ///
    /// # Errors
    /// It is no text.
    pub fn access_token(&self) -> Result<Option<&'q str>, String> {
        match self.context.get(ACCESS_TOKEN) {
            None => Ok(None),
            Some(Value::String(token)) => Ok(Some(token)),
            Some(_) => Err(format!("context.{ACCESS_TOKEN} must be a string")),
        }
    }

    /// Whether an explanation of the decision is wanted.
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
    pub fn system_user(&self) -> Result<Option<Uuid>, QuestionRefusal> {
        match self.subject.kind {
            "systemuser" | SYSTEM_USER => Uuid::try_parse(self.subject.id)
                .map(Some)
                .map_err(|_| DecisionReason::UnknownSubject),
            _ => Ok(None),
        }
    }

    /// What is asserted about the system user.
    #[must_use]
    pub fn assertions(&self) -> SystemUserAssertions {
        // What is no text agrees with nothing.
        let property = |name: &str| {
            let value = self.subject.properties.get(name)?;
            Some(value.as_str().unwrap_or_default().to_owned())
        };
        SystemUserAssertions {
            system_id: property("system_id"),
            owner: property("owner"),
        }
    }

    /// The question as the decision point takes it, with the attributes of its context.
    ///
    /// # Errors
    /// The outer: what is wrong, in words. The inner: the answer is no, and why.
    pub fn request(
        &self,
        context: &'q ContextEnvironment<'q>,
    ) -> Result<Result<PartialRequest<'q>, QuestionRefusal>, String> {
        let mut request = PartialRequest::default();
        let subject = match self.subject.kind {
            "systemuser" | SYSTEM_USER => SYSTEM_USER,
            "person" => PERSON,
            "organization" => ORGANIZATION,
            "service_owner" => ORG,
            _ => return Ok(Err(DecisionReason::UnknownSubject)),
        };
        request.add(ids::SUBJECT, subject, self.subject.id);
        request.add(ids::ACTION, ids::ACTION_ID, self.action);
        add_urns(
            &mut request,
            ids::ACTION,
            self.action_properties,
            "action.properties",
        )?;
        let properties = self.resource.properties;
        match self.resource.kind {
            "resource" | RESOURCE => {
                request.add(ids::RESOURCE, RESOURCE, self.resource.id);
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
                match named_party(self.resource.id) {
                    Some((attribute, value)) => request.add(ids::RESOURCE, attribute, value),
                    None => return Ok(Err(DecisionReason::UnknownParty)),
                }
                // A party that is named too must be the same one: the decision point compares them.
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
        for ContextMember { id, values } in &context.0 {
            for (data_type, text) in values {
                request.add_typed(ids::ENVIRONMENT, &**id, *data_type, &**text);
            }
        }
        Ok(Ok(request))
    }
}

/// The attributes that a context represents, made once for all questions that have it.
#[derive(Debug, Default)]
pub struct ContextEnvironment<'q>(Vec<ContextMember<'q>>);

/// A member of a context: the id of its attribute, which its values share, and these.
#[derive(Debug)]
struct ContextMember<'q> {
    id: Cow<'q, str>,
    values: Vec<(DataType, Cow<'q, str>)>,
}

impl<'q> ContextEnvironment<'q> {
    /// The attributes of a context.
    pub fn of(context: &'q JsonMembers) -> Self {
        let members = context
            .iter()
            .filter(|(key, _)| *key != ACCESS_TOKEN && *key != EXPLAIN)
            .map(|(key, value)| {
                let id = if key.starts_with("urn:") {
                    Cow::Borrowed(key.as_str())
                } else {
                    Cow::Owned(format!("{CONTEXT}{key}"))
                };
                let mut values = Vec::new();
                add_values(&mut values, value);
                ContextMember { id, values }
            });
        Self(members.collect())
    }
}

/// The values of a member, with the types that their JSON has.
// As deep as the JSON nests, which its reader bounds.
fn add_values<'q>(values: &mut Vec<(DataType, Cow<'q, str>)>, value: &'q Value) {
    values.push(match value {
        Value::Null => return,
        Value::Array(items) => {
            for item in items {
                add_values(values, item);
            }
            return;
        }
        Value::Bool(flag) => (DataType::Boolean, flag.to_string().into()),
        Value::Number(number) if number.is_f64() => (DataType::Double, number.to_string().into()),
        Value::Number(number) => (DataType::Integer, number.to_string().into()),
        Value::String(text) => (DataType::String, text.as_str().into()),
        Value::Object(_) => (DataType::String, value.to_string().into()),
    });
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

/// The questions of a batch, each different one once.
#[derive(Debug)]
pub struct QuestionBatch<'q> {
    /// What each different question is read from.
    pub different: Vec<QuestionSources<'q>>,
    /// For each question its place among the different ones.
    pub places: Vec<usize>,
    /// Values of attributes over all questions.
    pub attributes: usize,
}

impl<'q> QuestionBatch<'q> {
    /// The questions of a batch. What one leaves out is taken whole from the members at the top, which
    /// all of them share.
    ///
    /// # Errors
    /// What is wrong with the whole, in words.
    pub fn of(members: &'q JsonMembers, max_questions: usize) -> Result<Self, String> {
        for name in NAMES {
            if members.get(name).is_some_and(|value| !value.is_object()) {
                return Err(format!("{name} must be an object"));
            }
        }
        let mut out = Self {
            different: Vec::new(),
            places: Vec::new(),
            attributes: 0,
        };
        let items = match members.get("evaluations") {
            None => return Ok(out),
            Some(Value::Array(items)) if items.len() <= max_questions => items,
            Some(Value::Array(_)) => {
                return Err(format!(
                    "evaluations must hold at most {max_questions} elements"
                ));
            }
            Some(_) => return Err("evaluations must be an array".to_owned()),
        };
        let defaults = QuestionSources::of(members);
        // A default counts each time that it is used, and is looked at once.
        let default_sizes = defaults.sizes();
        let mut known: HashMap<QuestionSources<'q>, usize> = HashMap::new();
        for item in items {
            let own = item
                .as_object()
                .ok_or_else(|| "each evaluation must be an object".to_owned())?;
            let own = QuestionSources::of(own);
            out.attributes += own.attributes();
            let left_out = own
                .0
                .iter()
                .zip(default_sizes)
                .filter(|(own, _)| own.is_none());
            out.attributes += left_out.map(|(_, size)| size).sum::<usize>();
            if out.attributes > MAX_ATTRIBUTES {
                return Err(ExceededBound::Attributes.to_string());
            }
            let place = *known.entry(own).or_insert_with(|| {
                out.different.push(own.or(defaults));
                out.different.len() - 1
            });
            out.places.push(place);
        }
        Ok(out)
    }
}

/// When a batch stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSemantic {
    /// Never.
    ExecuteAll,
    /// After the first no.
    DenyOnFirstDeny,
    /// After the first yes.
    PermitOnFirstPermit,
}

impl BatchSemantic {
    /// What `options` asks for.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(members: &Map<String, Value>) -> Result<Self, String> {
        match optional_object(members.get("options"), "options")?.get("evaluations_semantic") {
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

    fn read(value: &Value) -> Result<AuthzenQuestion<'_>, String> {
        AuthzenQuestion::read(QuestionSources::of(value.as_object().unwrap()))
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
        let nothing = ContextEnvironment::default();
        assert!(
            read(&question)
                .unwrap()
                .request(&nothing)
                .unwrap_err()
                .contains("one party")
        );
        question["resource"]["properties"] = json!({});
        assert_eq!(
            read(&question)
                .unwrap()
                .request(&nothing)
                .unwrap()
                .unwrap_err(),
            DecisionReason::MissingParty
        );
    }

    #[test]
    fn an_item_replaces_a_default_whole() {
        let mut whole = good();
        whole["evaluations"] = json!([{}, {"resource": {"type": "party", "id": "390367767"}}]);
        let items = QuestionBatch::of(whole.as_object().unwrap(), 10)
            .unwrap()
            .different;
        assert_eq!(items[0].0[2], Some(&whole["resource"]));
        assert_eq!(
            items[1].0[2],
            Some(&json!({"type": "party", "id": "390367767"}))
        );
        assert_eq!(items[1].0[0], Some(&whole["subject"]));
        assert!(QuestionBatch::of(whole.as_object().unwrap(), 1).is_err());
    }

    #[test]
    fn equal_questions_are_one() {
        let mut whole = good();
        whole["evaluations"] = json!([{}, {"action": {"name": "write"}}, {}, {"action": {"name": "write"}}, {"action": {"name": "sign"}}]);
        let batch = QuestionBatch::of(whole.as_object().unwrap(), 10).unwrap();
        assert_eq!(batch.places, [0, 1, 0, 1, 2]);
        assert_eq!(batch.different.len(), 3);
    }

    #[test]
    fn defaults_count_for_each_question() {
        let attributes = |context: usize, questions: usize| {
            let mut whole = good();
            let context: Map<String, Value> =
                (0..context).map(|n| (format!("x{n}"), json!(n))).collect();
            whole["context"] = context.into();
            whole["evaluations"] = vec![json!({}); questions].into();
            QuestionBatch::of(whole.as_object().unwrap(), 1_000).map(|batch| batch.attributes)
        };
        // Four more: subject, action, resource and party.
        assert_eq!(attributes(496, 100), Ok(50_000));
        let error = attributes(497, 100).unwrap_err();
        assert!(
            error.contains("attributes") && error.contains("50000"),
            "{error}"
        );
    }
}
