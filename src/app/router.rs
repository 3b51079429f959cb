//! Every route, and what stands in front of them.

use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt as _;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use tower::{Service, ServiceExt as _};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    AppState, attempts::Call, health, hosts::Hosts, openapi::Description, request_log::RequestLog,
    unbuilt,
};
use foundation::{
    audit::Attempts,
    config::Profile,
    db::feed,
    http::{
        ApiError, Json, context,
        path::{self, RouteId},
    },
    telemetry::security::SecurityEvent,
};

/// The documented API: handlers of all layers with their description, and probes.
fn api(state: &AppState) -> OpenApiRouter {
    let probes = OpenApiRouter::new()
        .routes(routes!(health::alive))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .with_state(state.clone());
    let aliases = state.config.settings.compat.delegation_aliases;
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(system_users::router(state.for_system_users(), aliases))
        .merge(edges::portal_router(state.for_portal()))
        .merge(authorization::router(state.for_authorization()))
        .merge(registers_api::router(state.for_registers()))
        .merge(probes)
}

/// Not offered unless it is switched on.
const REFRESH: &str = "/authentication/api/v1/refresh";

/// The router, and the templates of all its routes.
pub fn routes(state: &AppState) -> (Router, Vec<String>) {
    let (router, mut description) = api(state).split_for_parts();
    env!("CARGO_PKG_VERSION").clone_into(&mut description.info.version);
    let mut templates: Vec<String> = description.paths.paths.keys().cloned().collect();
    let has_refresh = state.config.settings.compat.refresh;
    let unbuilt: Vec<String> = unbuilt::templates()
        .chain((!has_refresh).then(|| REFRESH.to_owned()))
        .collect();
    templates.extend(unbuilt.iter().cloned());
    let (pages, of_pages) = edges::pages_router(state.for_pages());
    templates.extend(of_pages);
    let description = Arc::new(description);
    let json = {
        let description = Arc::clone(&description);
        get(async move || Json((*description).clone()))
    };
    let yaml = get(async move || match description.to_yaml() {
        Ok(text) => ([(http::header::CONTENT_TYPE, "application/yaml")], text).into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    });
    let mut router = router
        .merge(unbuilt::router(&unbuilt))
        .merge(pages)
        .route("/openapi.json", json.clone())
        .route("/openapi/v1.json", json)
        .route("/openapi/v1.yaml", yaml);
    templates.extend(["/openapi.json", "/openapi/v1.json", "/openapi/v1.yaml"].map(str::to_owned));
    if state.config.profile() == Profile::Sandbox {
        // Everything of a sandbox listens on loopback, so its metrics may be had where the
        // newcomer looks first.
        router = router.route("/metrics", get(super::metrics::render));
        templates.push("/metrics".to_owned());
    }
    (router.fallback(async || StatusCode::NOT_FOUND), templates)
}

/// The whole service: path rewriting, the request's context, limits, and the routes. `is_alias`
/// names hosts that it answers to besides those of the settings.
#[must_use]
pub fn service(
    state: &AppState,
    is_alias: fn(&str) -> bool,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let (router, templates) = routes(state);
    let table = Arc::new(path::RouteTable::new(templates.iter().map(String::as_str)));
    let log = &state.config.settings.log;
    let around = Arc::new(Around {
        log: Arc::new(RequestLog::new(table.texts(), log.access)),
        context: context::ContextSettings {
            trusted_proxies: state.config.settings.server.trusted_proxies.clone().into(),
            problem_detail: state.config.settings.compat.problem_detail,
            database: state.condition.clone(),
        },
        hosts: Hosts::of(&state.config, is_alias),
        is_sandbox: state.config.profile() == Profile::Sandbox,
        feed: Arc::clone(&state.feed),
        attempts: state.attempts.clone(),
    });
    let surrounded = Arc::new((router, table, around));
    // All of it stands outside the router: paths are rewritten before anybody looks at them, and a
    // layer would be a copy for every route.
    tower::service_fn(move |mut request: Request| {
        let surrounded = Arc::clone(&surrounded);
        async move {
            let (router, table, around) = &*surrounded;
            let method = request.method().clone();
            let route = path::rewrite(table, &mut request);
            let is_api = path::is_api(request.uri().path());
            let call = Routed { method, route };
            let response = surround(around, call, request, async |request| {
                let Ok(response) = router.clone().oneshot(request).await;
                response
            });
            let response = response.await;
            Ok(if is_api {
                without_head(response)
            } else {
                response
            })
        }
    })
}

/// A request's method, as it came, and its route: none when the path is no route's, or the status
/// with which a path is refused.
#[derive(Debug)]
struct Routed {
    method: Method,
    route: Result<Option<RouteId>, StatusCode>,
}

/// What stands in front of every route.
#[derive(Debug)]
struct Around {
    log: Arc<RequestLog>,
    context: context::ContextSettings,
    hosts: Hosts,
    is_sandbox: bool,
    feed: Arc<feed::Feed>,
    attempts: Attempts,
}

/// Answers within the request's context. A panic below is an answer too.
async fn surround(
    around: &Around,
    Routed { method, route }: Routed,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let guarded = async |request: Request| {
        if let Some(refused) = route.err().or_else(|| around.refusal(&request)) {
            return refused.into_response();
        }
        let is_safe = request.method().is_safe();
        let call = Call::of(&request);
        let is_for_one_caller = has_credential(request.headers());
        let answer = AssertUnwindSafe(answer(request)).catch_unwind();
        // Everything around it would hold it again.
        let answer = Box::pin(async { answer.await.unwrap_or_else(|panic| panicked(&*panic)) });
        let mut response = if is_safe {
            answer.await
        } else {
            around.with_position(answer).await
        };
        if response.status() == StatusCode::FORBIDDEN {
            note_denial();
        }
        if let Some(call) = call {
            call.note(&around.attempts, &response);
        }
        protect(response.headers_mut(), is_for_one_caller);
        if around.is_sandbox {
            response
                .headers_mut()
                .insert("X-Sandbox", HeaderValue::from_static("true"));
        }
        response
    };
    let measured = async |request: Request| {
        let route = route.ok().flatten();
        let exchange = around
            .log
            .begin(context::current(), method, route, &request);
        exchange.answer(guarded(request).await)
    };
    context::within(&around.context, request, measured).await
}

impl Around {
    /// Limits of headers, and host names.
    fn refusal(&self, request: &Request) -> Option<StatusCode> {
        const MAX_TARGET: usize = 8 * 1024;
        const MAX_HEADERS: usize = 32 * 1024;
        if request
            .uri()
            .path_and_query()
            .is_some_and(|p| p.as_str().len() > MAX_TARGET)
        {
            return Some(StatusCode::URI_TOO_LONG);
        }
        let size: usize = request
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if size > MAX_HEADERS || request.headers().len() > 100 {
            return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        // Probes come by address.
        let is_probe = matches!(request.uri().path(), "/alive" | "/health" | "/health/ready");
        (!is_probe && !self.hosts.admit(request)).then_some(StatusCode::MISDIRECTED_REQUEST)
    }

    /// What a call wrote is known here before it is answered, and elsewhere by the position that
    /// the answer names.
    async fn with_position(&self, answer: impl Future<Output = Response>) -> Response {
        // When another history begins meanwhile, the position belongs to none that is followed then,
        // and is answered from the database.
        let epoch = self.feed.epoch();
        let (mut response, notes) = feed::noting(answer).await;
        self.feed.take(&notes);
        if let Some(number) = notes.number
            && !response.status().is_client_error()
            && !response.status().is_server_error()
        {
            feed::Position { epoch, number }.answer(response.headers_mut());
        }
        response
    }
}

/// Tells who watches that a caller was denied something. A form of another site has an event of its
/// own.
fn note_denial() {
    let refusal = context::current().and_then(|context| context.first_refusal());
    let reason = refusal.map_or_else(|| "403".to_owned(), |refusal| refusal.code);
    if reason != context::CSRF {
        context::report(SecurityEvent::AuthzDenied { reason: &reason });
    }
}

/// Whether a request says who sends it.
fn has_credential(headers: &HeaderMap) -> bool {
    const KEY: &str = "ocp-apim-subscription-key";
    const PLATFORM: &str = "platformaccesstoken";
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key(COOKIE)
        || headers.contains_key(PLATFORM)
        || headers.contains_key(KEY)
}

/// Keeps answers for one caller out of caches, since tokens and identity numbers may be in them,
/// and browsers from guessing what an answer is. What a handler says itself stands.
fn protect(headers: &mut HeaderMap, is_for_one_caller: bool) {
    if is_for_one_caller && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let is_html = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_html && !headers.contains_key(REFERRER_POLICY) {
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// 405 names what is offered; HEAD is not, on the APIs.
fn without_head(mut response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(allow) = response.headers().get(ALLOW).and_then(|v| v.to_str().ok())
    {
        let offered: Vec<&str> = allow
            .split(',')
            .filter(|m| *m != Method::HEAD.as_str())
            .collect();
        if let Ok(value) = HeaderValue::from_str(&offered.join(",")) {
            response.headers_mut().insert(ALLOW, value);
        }
    }
    response
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default();
    ApiError::internal(anyhow::anyhow!("panic: {text}")).into_response()
}

#[cfg(test)]
mod tests {
    use foundation::db::DatabaseCondition;
    use http::header::HOST;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let around = Around {
            log: Arc::new(RequestLog::new(&[], false)),
            context: context::ContextSettings {
                trusted_proxies: [].into(),
                problem_detail: true,
                database: DatabaseCondition::default(),
            },
            hosts: Hosts::loopback(),
            is_sandbox: true,
            feed: Arc::new(feed::Feed::new(std::time::Duration::from_secs(1))),
            attempts: Attempts::new(sqlx::PgPool::connect_lazy("postgres:///none").unwrap()),
        };
        for method in [Method::GET, Method::POST] {
            let mut request = Request::new(axum::body::Body::empty());
            *request.method_mut() = method;
            request
                .headers_mut()
                .insert(HOST, HeaderValue::from_static("localhost"));
            let call = Routed {
                method: request.method().clone(),
                route: Ok(None),
            };
            let answer = async |_| panic!("a fault of ours");
            let response = surround(&around, call, request, answer).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()["x-sandbox"], "true");
        }
    }
}
