//! Texts, bodies and headers of answers that are the same for all operations.

use std::collections::BTreeSet;

use utoipa::{
    ToSchema as _,
    openapi::{
        Content, Ref, RefOr,
        header::{Header, HeaderBuilder},
        response::Response,
        schema::{Object, OneOfBuilder, Schema, Type},
    },
};

use super::{
    codes::codes_in,
    schemas::{AltinnProblem, FrameworkProblem, ModelStateProblem, ValidationProblem},
};

/// Media type of errors.
pub const PROBLEM: &str = "application/problem+json";

/// What a status means where the operation says nothing of its own; none for a status that needs a
/// text of its own.
#[must_use]
pub const fn status_text(status: u16) -> Option<&'static str> {
    Some(match status {
        200 | 202 => "Done.",
        201 => "Made.",
        204 => "There is nothing.",
        206 => "Some of them. The others were not found.",
        400 => "A parameter, a header or the body cannot be read.",
        401 => "No valid token. `WWW-Authenticate` says what is wrong with the one that was sent.",
        403 => {
            "The token does not have a scope of the operation, is of another kind, or the caller may not do this."
        }
        404 => "There is none.",
        409 => "It changed meanwhile.",
        304 => "The client has the answer already.",
        412 => "A condition of the request does not hold: it changed meanwhile.",
        413 => "The body is too large.",
        415 => "The body is of another media type.",
        422 => "The idempotency key was used before, with another request.",
        429 => "Too many requests. `Retry-After` says when to try again.",
        503 => {
            "Something that the service needs is away, or it answers too much at once. Try again after `Retry-After`."
        }
        _ => return None,
    })
}

/// Kinds of error bodies, by name of their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ErrorBodyKind {
    Coded,
    Validation,
    ModelState,
    Framework,
}

impl ErrorBodyKind {
    fn schema(self) -> String {
        let name = match self {
            Self::Coded => AltinnProblem::name(),
            Self::Validation => ValidationProblem::name(),
            Self::ModelState => ModelStateProblem::name(),
            Self::Framework => FrameworkProblem::name(),
        };
        name.into_owned()
    }
}

/// The bodies that an answer with this status may have, when it says nothing of them but its text.
fn bodies(status: u16, text: &str) -> BTreeSet<ErrorBodyKind> {
    let mut bodies = BTreeSet::new();
    for code in codes_in(text) {
        bodies.insert(if code.starts_with("STD-") {
            ErrorBodyKind::Validation
        } else {
            ErrorBodyKind::Coded
        });
    }
    match status {
        400 => bodies.extend([ErrorBodyKind::ModelState, ErrorBodyKind::Framework]),
        422 => bodies.extend([ErrorBodyKind::ModelState]),
        // A token that names no organisation is a problem too.
        401 if !bodies.is_empty() => bodies.extend([ErrorBodyKind::Framework]),
        404 if text.contains("unknown") => bodies.extend([ErrorBodyKind::Framework]),
        404 | 409 if !bodies.is_empty() => {}
        404 | 409 | 410 | 412 | 413 | 415 | 429 | 501 | 503 => {
            bodies.extend([ErrorBodyKind::Framework]);
        }
        // 401 and 403 have no body, unless they name a code.
        _ => {}
    }
    bodies
}

/// Fills in the body and the headers of an error.
pub fn complete_error(status: u16, response: &mut Response) {
    let says_more =
        response.description.contains("Model state") || !codes_in(&response.description).is_empty();
    if response.content.is_empty() || (says_more && !response.content.contains_key(PROBLEM)) {
        let bodies = bodies(status, &response.description);
        let references: Vec<RefOr<Schema>> = bodies
            .iter()
            .map(|body| RefOr::Ref(Ref::from_schema_name(body.schema())))
            .collect();
        let schema = match references.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => {
                let choice = several
                    .iter()
                    .fold(OneOfBuilder::new(), |choice, one| choice.item(one.clone()));
                Some(RefOr::T(Schema::OneOf(choice.build())))
            }
        };
        if let Some(schema) = schema {
            let content = Content::new(Some(schema));
            response
                .content
                .insert(PROBLEM.to_owned(), RefOr::T(content));
        }
    }
    if !codes_in(&response.description).is_empty() {
        add_header(response, "Link", HELP);
    }
    match status {
        401 | 403 => {
            add_header(response, "WWW-Authenticate", CHALLENGE);
            add_header(response, "traceresponse", TRACE);
        }
        429 | 503 => add_header(response, "Retry-After", "Seconds until the next try."),
        _ => {}
    }
}

const TRACE: &str = "W3C trace context of the request, for support, where the answer has no body.";
const HELP: &str = "Page about the code, and about those of the findings, with `rel=\"help\"`.";
const CHALLENGE: &str = "How to prove who calls, with the reason of the refusal (RFC 6750).";

/// Adds a header that may be there.
pub fn add_header(response: &mut Response, name: &str, text: &str) {
    let header: Header = HeaderBuilder::new()
        .schema(Some(Schema::Object(Object::with_type(Type::String))))
        .description(Some(text))
        .build();
    response
        .headers
        .entry(name.to_owned())
        .or_insert(RefOr::T(header));
}

/// Adds the body of a problem without a code. Where the text names codes, [`complete_error`] adds it.
pub fn add_framework_problem(response: &mut Response) {
    if !codes_in(&response.description).is_empty() {
        return;
    }
    let schema = Ref::from_schema_name(ErrorBodyKind::Framework.schema());
    response
        .content
        .entry(PROBLEM.to_owned())
        .or_insert_with(|| RefOr::T(Content::new(Some(schema))));
}
