//! What is added to the description when every operation is known.

use utoipa::{
    ToSchema,
    openapi::{
        Components, OpenApi, RefOr, Schema,
        path::{Operation, Parameter},
        schema::{AdditionalProperties, Object, SchemaType, Type},
    },
};

use super::{
    answers::{complete_error, status_text},
    input::{answer, operations_of},
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
    merge_parts(components);
    for schema in components.schemas.values_mut() {
        close_either(schema);
    }
}

fn register<T: ToSchema>(components: &mut Components) {
    components
        .schemas
        .insert(T::name().into_owned(), T::schema());
}

/// Makes one object of each schema that is all of several, as `#[serde(flatten)]` is described: parts
/// that each name some of the members cannot be closed.
fn merge_parts(components: &mut Components) {
    let known = components.schemas.clone();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::AllOf(all)) = schema else {
            continue;
        };
        let mut merged = Object::with_type(Type::Object);
        merged.description.clone_from(&all.description);
        let found = |part: &RefOr<Schema>| match part {
            RefOr::T(Schema::Object(part)) => Some(part.clone()),
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next()?;
                match known.get(name) {
                    Some(RefOr::T(Schema::Object(part))) => Some(part.clone()),
                    _ => None,
                }
            }
            RefOr::T(_) => None,
        };
        if let Some(parts) = all.items.iter().map(found).collect::<Option<Vec<_>>>() {
            for part in parts {
                merged.properties.extend(part.properties);
                merged.required.extend(part.required);
            }
            *schema = RefOr::T(Schema::Object(merged));
        }
    }
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
        for content in response.content.values_mut() {
            if let RefOr::T(content) = content
                && let Some(schema) = &mut content.schema
            {
                close_either(schema);
            }
        }
    }
}

fn explain(path: &str, parameter: &mut Parameter) {
    if parameter.description.is_none() {
        parameter.description = meaning(path, &parameter.name).map(str::to_owned);
    }
}

fn close_either(schema: &mut RefOr<Schema>) {
    if let RefOr::T(schema) = schema {
        close(schema);
    }
}

fn close(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            if !object.properties.is_empty()
                && is_object(&object.schema_type)
                && object.additional_properties.is_none()
            {
                let none_but_these = AdditionalProperties::FreeForm(false);
                object.additional_properties = Some(Box::new(none_but_these));
            }
            for property in object.properties.values_mut() {
                close_either(property);
            }
            if let Some(AdditionalProperties::RefOr(values)) =
                object.additional_properties.as_deref_mut()
            {
                close_either(values);
            }
        }
        Schema::Array(array) => {
            if let utoipa::openapi::schema::ArrayItems::RefOrSchema(items) = &mut array.items {
                close_either(items);
            }
        }
        Schema::OneOf(choice) => choice.items.iter_mut().for_each(close_either),
        Schema::AnyOf(choice) => choice.items.iter_mut().for_each(close_either),
        // Each part names some of the members alone, so none of them may be closed.
        Schema::AllOf(_) => {}
        _ => {}
    }
}

fn is_object(kind: &SchemaType) -> bool {
    match kind {
        SchemaType::Type(kind) => *kind == Type::Object,
        SchemaType::Array(kinds) => kinds.contains(&Type::Object),
        SchemaType::AnyValue => false,
    }
}
