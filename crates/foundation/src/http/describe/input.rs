//! What the type of a handler's argument says about its operation.

use axum::{
    extract::{Request, State},
    routing::MethodRouter,
};
use http::HeaderMap;
use utoipa::openapi::{
    RefOr, Required,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths},
    response::ResponseBuilder,
    schema::{Object, Schema, Type},
    security::SecurityRequirement,
};

use super::answers::{add_framework_problem, add_header, status_text};

/// An argument of a handler. What is particular to the type is added to the operation; a type that
/// concerns the handler alone adds nothing.
pub trait DescribeInput {
    /// Adds to the description of an operation whose handler takes this argument.
    fn describe(operation: &mut Operation);
}

/// How a caller proves who it is: the security schemes of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// An organisation's token from Maskinporten, raw or exchanged.
    Organization,
    /// A token from Maskinporten for a system user.
    SystemUser,
    /// A person's token from ID-porten, raw or exchanged.
    Person,
    /// `PlatformAccessToken` of a part of the platform.
    Platform,
}

impl Credential {
    /// Every credential.
    pub const ALL: [Self; 4] = [
        Self::Organization,
        Self::SystemUser,
        Self::Person,
        Self::Platform,
    ];

    /// Name of the security scheme.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Organization => "organizationToken",
            Self::SystemUser => "systemUserToken",
            Self::Person => "personToken",
            Self::Platform => "platformAccessToken",
        }
    }
}

/// Declares that a credential opens the operation, when its token has one of the scopes. Without
/// scopes every valid token does. Several calls are alternatives.
pub fn require(operation: &mut Operation, credential: Credential, scopes: &[&str]) {
    let name = credential.wire();
    let requirements = operation.security.get_or_insert_default();
    if scopes.is_empty() {
        requirements.push(SecurityRequirement::new(name, [""; 0]));
    }
    let each = |scope: &&str| SecurityRequirement::new(name, [*scope]);
    requirements.extend(scopes.iter().map(each));
}

/// Declares that the operation may answer with a status, whose text is the usual one.
pub fn answer(operation: &mut Operation, status: u16) {
    answer_with(operation, status, status_text(status).unwrap_or_default());
}

/// Adds a status with which the operation may answer. What the operation declares itself is kept.
pub fn answer_with(operation: &mut Operation, status: u16, text: &str) {
    operation
        .responses
        .responses
        .entry(status.to_string())
        .or_insert_with(|| RefOr::T(ResponseBuilder::new().description(text).build()));
}

/// Text of an answer that is left out of the description.
pub(super) const NEVER: &str = "never";

/// Declares that the operation never answers with a status with which others do.
pub fn never(operation: &mut Operation, status: u16) {
    let response = ResponseBuilder::new().description(NEVER).build();
    let responses = &mut operation.responses.responses;
    responses.insert(status.to_string(), RefOr::T(response));
}

/// Declares that the operation may answer with a problem without a code where it answers with a
/// status.
pub fn answer_problem(operation: &mut Operation, status: u16) {
    answer(operation, status);
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(&status.to_string()) {
        add_framework_problem(response);
    }
}

/// Declares that the operation answers with a header where it answers with a status.
pub fn answer_header(operation: &mut Operation, status: u16, name: &str, text: &str) {
    answer(operation, status);
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(&status.to_string()) {
        add_header(response, name, text);
    }
}

/// Declares that the operation reads a header that may be left out.
pub fn header(operation: &mut Operation, name: &str, text: &str) {
    optional(operation, ParameterIn::Header, name, text);
}

/// Declares that the operation reads a cookie that may be left out.
pub fn cookie(operation: &mut Operation, name: &str, text: &str) {
    optional(operation, ParameterIn::Cookie, name, text);
}

fn optional(operation: &mut Operation, place: ParameterIn, name: &str, text: &str) {
    let parameters = operation.parameters.get_or_insert_default();
    let is_there = |known: &RefOr<Parameter>| match known {
        RefOr::T(known) => known.name.eq_ignore_ascii_case(name),
        RefOr::Ref(_) => false,
    };
    if parameters.iter().any(is_there) {
        return;
    }
    let text_schema = Schema::Object(Object::with_type(Type::String));
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(text_schema));
    parameters.push(RefOr::T(parameter.build()));
}

/// Declares that the operation answers in the language of `Accept-Language`.
pub fn answers_in_languages(operation: &mut Operation) {
    // OpenAPI ignores `Accept` alone; this header is an ordinary one.
    header(
        operation,
        "Accept-Language",
        "Languages of the reader in order of preference: `nb`, `nn` or `en`. `nb` when none of them is named.",
    );
}

macro_rules! says_nothing {
    ($([$($generic:ident)?] $Type:ty),* $(,)?) => {
        $(impl$(<$generic>)? DescribeInput for $Type {
            fn describe(_: &mut Operation) {}
        })*
    };
}

says_nothing!([T] State<T>, [] HeaderMap, [] Request);

/// The handler answers itself when the argument cannot be had.
impl<T: DescribeInput, E> DescribeInput for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// A handler with arguments that are described.
pub trait HandlerSignature<Arguments> {
    /// Adds what the arguments say.
    fn describe(operation: &mut Operation);
}

macro_rules! signatures {
    ($($Argument:ident)*) => {
        impl<Function, Answer, $($Argument: DescribeInput),*> HandlerSignature<($($Argument,)*)> for Function
        where
            Function: Fn($($Argument),*) -> Answer,
        {
            fn describe(operation: &mut Operation) {
                let _ = &operation;
                $($Argument::describe(operation);)*
            }
        }
    };
}

signatures!();
signatures!(A);
signatures!(A B);
signatures!(A B C);
signatures!(A B C D);
signatures!(A B C D E);
signatures!(A B C D E F);
signatures!(A B C D E F G);
signatures!(A B C D E F G H);

/// What the arguments of a handler say.
pub type DescribeInputs = fn(&mut Operation);

/// What the arguments of this handler say.
pub fn inputs<Arguments, Function: HandlerSignature<Arguments>>(_: &Function) -> DescribeInputs {
    Function::describe
}

/// Routes with their description: schemas, paths and handlers.
pub type DescribedRoutes<S> = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<S>);

/// Adds what the arguments of a handler say to the description of its operation. What they say about
/// the caller replaces what the annotation says.
pub fn described<S>(
    (schemas, mut paths, router): DescribedRoutes<S>,
    inputs: DescribeInputs,
) -> DescribedRoutes<S> {
    for item in paths.paths.values_mut() {
        for operation in operations_of(item) {
            let annotated = operation.security.take();
            inputs(operation);
            if operation.security.is_none() {
                operation.security = annotated;
            }
        }
    }
    (schemas, paths, router)
}

/// Routes of several handlers of one path.
pub fn together<S: Clone + Send + Sync + 'static>(
    all: impl IntoIterator<Item = DescribedRoutes<S>>,
) -> DescribedRoutes<S> {
    let (mut schemas, mut paths, mut router) = (Vec::new(), Paths::new(), MethodRouter::new());
    for (more_schemas, more_paths, more_router) in all {
        schemas.extend(more_schemas);
        for (path, item) in more_paths.paths {
            match paths.paths.get_mut(&path) {
                Some(known) => known.merge_operations(item),
                None => {
                    paths.paths.insert(path, item);
                }
            }
        }
        router = router.merge(more_router);
    }
    (schemas, paths, router)
}

/// The operations of a path.
pub(super) fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

/// Routes of handlers that `#[utoipa::path]` annotates, with what the types of their arguments say
/// about the operations. The handlers of one call have one path.
#[macro_export]
macro_rules! routes {
    ($($handler:path),+ $(,)?) => {
        $crate::http::describe::together([$(
            $crate::http::describe::described(
                ::utoipa_axum::routes!($handler),
                $crate::http::describe::inputs(&$handler),
            )
        ),+])
    };
}
