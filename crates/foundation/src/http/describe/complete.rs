//! What is added to the description when every operation is known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        Components, OpenApi, RefOr, Schema,
        path::{Operation, Parameter},
        schema::{AdditionalProperties, AllOf, ArrayItems, Object, SchemaType, Type},
    },
};

use super::{
    answers::{complete_error, status_text},
    input::{NEVER, answer, operations_of},
    parameters::meaning,
    schemas::{
        AltinnProblem, CodedValidationError, FrameworkProblem, ModelStateProblem, ValidationProblem,
    },
};

/// Adds texts, error bodies and headers, and closes the schemas: an object has the members that it
/// names and no others. `is_limited` says whether the operations of a path template refuse callers
/// that ask too often.
pub fn complete(description: &mut OpenApi, is_limited: impl Fn(&str) -> bool) {
    for (path, item) in &mut description.paths.paths {
        let is_limited = is_limited(path);
        for operation in operations_of(item) {
            complete_operation(path, operation, is_limited);
        }
    }
    let components = description.components.get_or_insert_default();
    register::<AltinnProblem>(components);
    register::<CodedValidationError>(components);
    register::<FrameworkProblem>(components);
    register::<ModelStateProblem>(components);
    register::<ValidationProblem>(components);
    let known: SchemasByName = components.schemas.clone().into_iter().collect();
    for schema in components.schemas.values_mut() {
        close_either(schema, &known);
    }
    prune(description);
}

/// Takes out the schemas that no operation names, nor another schema that stays.
fn prune(description: &mut OpenApi) {
    let components = description.components.get_or_insert_default();
    let mut schemas = std::mem::take(&mut components.schemas);
    let mut named = BTreeSet::new();
    let mut waiting = references(description);
    while let Some(name) = waiting.pop() {
        if let Some(schema) = schemas.get(&name)
            && named.insert(name)
        {
            waiting.extend(references(schema));
        }
    }
    schemas.retain(|name, _| named.contains(name));
    description.components.get_or_insert_default().schemas = schemas;
}

/// Names of the schemas that a part of the description refers to; some of them more than once.
fn references(part: &impl Serialize) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => {
                found.extend(
                    text.strip_prefix("#/components/schemas/")
                        .map(str::to_owned),
                );
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(members) => members.values().for_each(|value| collect(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    // What cannot be written as JSON is described nowhere, and names nothing.
    collect(&serde_json::to_value(part).unwrap_or_default(), &mut found);
    found
}

fn register<T: ToSchema>(components: &mut Components) {
    components
        .schemas
        .insert(T::name().into_owned(), T::schema());
}

/// Schemas by name.
type SchemasByName = BTreeMap<String, RefOr<Schema>>;

/// The object that a schema which is all of several represents, as `#[serde(flatten)]` is
/// described: parts that each name some of the members cannot be closed.
fn merged(all: &AllOf, known: &SchemasByName) -> Option<Object> {
    let mut merged = Object::with_type(Type::Object);
    merged.description.clone_from(&all.description);
    for part in &all.items {
        let part = match part {
            RefOr::T(Schema::Object(part)) => part,
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next()?;
                match known.get(name)? {
                    RefOr::T(Schema::Object(part)) => part,
                    RefOr::T(_) | RefOr::Ref(_) => return None,
                }
            }
            RefOr::T(_) => return None,
        };
        merged.properties.extend(part.properties.clone());
        merged.required.extend(part.required.clone());
    }
    Some(merged)
}

fn complete_operation(path: &str, operation: &mut Operation, is_limited: bool) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            explain(path, parameter);
        }
    }
    // An empty list says that nothing is asked for.
    if !operation.security.get_or_insert_default().is_empty() {
        for status in [400, 401, 403] {
            answer(operation, status);
        }
    }
    if is_limited {
        for status in [429, 503] {
            answer(operation, status);
        }
    }
    operation.responses.responses.retain(
        |_, response| !matches!(response, RefOr::T(response) if response.description == NEVER),
    );
    for (status, response) in &mut operation.responses.responses {
        let (Ok(status), RefOr::T(response)) = (status.parse::<u16>(), response) else {
            continue;
        };
        if response.description.is_empty() {
            status_text(status)
                .unwrap_or_default()
                .clone_into(&mut response.description);
        }
        if status >= 400 {
            complete_error(status, response);
        }
    }
}

fn explain(path: &str, parameter: &mut Parameter) {
    if parameter.description.is_none() {
        parameter.description = meaning(path, &parameter.name).map(str::to_owned);
    }
}

fn close_either(schema: &mut RefOr<Schema>, known: &SchemasByName) {
    if let RefOr::T(schema) = schema {
        close(schema, known);
    }
}

fn close(schema: &mut Schema, known: &SchemasByName) {
    if let Schema::AllOf(all) = schema
        && let Some(object) = merged(all, known)
    {
        *schema = Schema::Object(object);
    }
    match schema {
        Schema::Object(object) => close_object(object, known),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                close_either(items, known);
            }
        }
        Schema::OneOf(choice) => {
            for item in &mut choice.items {
                close_either(item, known);
            }
        }
        Schema::AnyOf(choice) => {
            for item in &mut choice.items {
                close_either(item, known);
            }
        }
        // None are left that could be merged.
        _ => {}
    }
}

fn close_object(object: &mut Object, known: &SchemasByName) {
    if !object.properties.is_empty()
        && is_object(&object.schema_type)
        && object.additional_properties.is_none()
    {
        let none_but_these = AdditionalProperties::FreeForm(false);
        object.additional_properties = Some(Box::new(none_but_these));
    }
    for property in object.properties.values_mut() {
        close_either(property, known);
    }
    if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref_mut() {
        close_either(values, known);
    }
}

fn is_object(kind: &SchemaType) -> bool {
    match kind {
        SchemaType::Type(kind) => *kind == Type::Object,
        SchemaType::Array(kinds) => kinds.contains(&Type::Object),
        SchemaType::AnyValue => false,
    }
}
