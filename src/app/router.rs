//! Every route, and what runs before them.

use std::{
    any::Any, convert::Infallible, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration,
};

use arc_swap::ArcSwap;
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
        ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use sqlx::PgPool;
use tokio::sync::broadcast::{self, error::RecvError};
use tower::Service;
use utoipa::{
    OpenApi as _,
    openapi::{
        path::{Operation, PathItem},
        security::SecurityRequirement,
    },
};
use utoipa_axum::router::OpenApiRouter;

use super::{
    AppState,
    attempts::AttemptCall,
    calls::CallRecorder,
    credential, health,
    hosts::AllowedHosts,
    limits::{LimitGuard, LimitedRoute, RequestRule, RouteAccess, RouteRules},
    openapi::{self, ApiDescription},
    request_log::RequestLog,
    unbuilt,
};
use foundation::{
    audit::Attempts,
    config::Profile,
    db::feed,
    http::{
        ApiError, BaseAddress, context,
        path::{self, RouteId},
    },
    limits::RequestClass,
    recovery::Recovery,
    telemetry::security::SecurityEvent,
};

/// The documented API: handlers of all layers with their description, and probes.
fn api(state: &AppState) -> OpenApiRouter {
    let probes = OpenApiRouter::new()
        .routes(foundation::routes!(health::alive))
        .routes(foundation::routes!(health::health))
        .routes(foundation::routes!(health::ready))
        .with_state(state.clone());
    let aliases = state.config.settings.compat.delegation_aliases;
    OpenApiRouter::with_openapi(ApiDescription::openapi())
        .merge(system_users::router(state.for_system_users(), aliases))
        .merge(access_management::router(state.for_access_management()))
        .merge(edges::portal_router(state.for_portal()))
        .merge(authorization::router(state.for_authorization()))
        .merge(registers_api::router(state.for_registers()))
        .merge(probes)
}

/// Not offered unless it is switched on.
const REFRESH: &str = "/authentication/api/v1/refresh";

/// The router, and the templates of all its routes with who may call them.
pub fn routes(state: &AppState) -> (Router, Vec<(String, RouteAccess)>) {
    let (router, mut description) = api(state).split_for_parts();
    openapi::complete(&mut description);
    let mut templates: Vec<(String, RouteAccess)> = description
        .paths
        .paths
        .iter()
        .map(|(template, item)| (template.clone(), access(item)))
        .collect();
    let public = |template: String| (template, RouteAccess::Public);
    let has_refresh = state.config.settings.compat.refresh;
    let unbuilt: Vec<String> = unbuilt::templates()
        .chain((!has_refresh).then(|| REFRESH.to_owned()))
        .collect();
    templates.extend(unbuilt.iter().cloned().map(public));
    let (pages, of_pages) = edges::pages_router(state.for_pages());
    templates.extend(
        of_pages
            .into_iter()
            .map(|template| (template, RouteAccess::Browsers)),
    );
    let served = openapi::ServedDescription::new(&description, BaseAddress::new(&state.config));
    let (for_json, for_yaml) = match served {
        Ok(served) => (Some(served.clone()), Some(served)),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "no description of the API");
            (None, None)
        }
    };
    let absent = || ApiError::Status(StatusCode::NOT_FOUND).into_response();
    let json = get(async move |headers: HeaderMap| {
        for_json.map_or_else(absent, |served| served.json(&headers))
    });
    let yaml = get(async move |headers: HeaderMap| {
        for_yaml.map_or_else(absent, |served| served.yaml(&headers))
    });
    let mut router = router
        .merge(unbuilt::router(&unbuilt))
        .merge(pages)
        .route("/openapi.json", json.clone())
        .route("/openapi/v1.json", json)
        .route("/openapi/v1.yaml", yaml);
    let description = ["/openapi.json", "/openapi/v1.json", "/openapi/v1.yaml"];
    templates.extend(description.map(|template| public(template.to_owned())));
    if state.config.profile() == Profile::Sandbox {
        // Everything of a sandbox listens on loopback, so its metrics may be had where the
        // newcomer looks first.
        router = router.route("/metrics", get(super::metrics::render));
        templates.push(public("/metrics".to_owned()));
    }
    (router.fallback(async || StatusCode::NOT_FOUND), templates)
}

/// Who may call the operations of a path: all callers, when one of them asks for no credential.
fn access(item: &PathItem) -> RouteAccess {
    let operations = [&item.get, &item.put, &item.post, &item.delete];
    let is_open = |operation: &Operation| {
        let none = SecurityRequirement::default();
        operation
            .security
            .as_ref()
            .is_none_or(|alternatives| alternatives.is_empty() || alternatives.contains(&none))
    };
    if operations.into_iter().flatten().any(is_open) {
        RouteAccess::Public
    } else {
        RouteAccess::Callers
    }
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
    let surrounded = Arc::new(ArcSwap::from_pointee(LayeredRouter::of(state, is_alias)));
    follow_successors(&surrounded, state.successors.subscribe(), is_alias);
    // All of it is outside the router: paths are rewritten before any other code reads them,
    // and a layer would be a copy for every route.
    tower::service_fn(move |mut request: Request| {
        let surrounded = surrounded.load_full();
        // The server moves the future of a request several times, and this one is large.
        Box::pin(async move {
            let LayeredRouter {
                router,
                table,
                rules,
                around,
            } = &*surrounded;
            let method = request.method().clone();
            let route = path::rewrite(table, &mut request);
            let is_api = path::is_api(request.uri().path());
            let rule = rules.of(route.ok().flatten(), request.method());
            let call = RoutedRequest {
                method,
                route,
                rule,
            };
            let response = surround(around, call, request, async |request| {
                // A router is always ready.
                let Ok(response) = router.clone().call(request).await;
                response
            });
            let response = response.await;
            Ok(if is_api {
                without_head(response)
            } else {
                response
            })
        })
    })
}

/// Serves requests with each state that another catalogue makes, from when it is there.
fn follow_successors(
    surrounded: &Arc<ArcSwap<LayeredRouter>>,
    mut successors: broadcast::Receiver<AppState>,
    is_alias: fn(&str) -> bool,
) {
    // It ends with the service, or with the last state.
    let surrounded = Arc::downgrade(surrounded);
    tokio::spawn(async move {
        loop {
            let state = match successors.recv().await {
                Ok(state) => state,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let Some(surrounded) = surrounded.upgrade() else {
                return;
            };
            // Every route is built anew: not on a thread that answers requests.
            let building = tokio::task::spawn_blocking(move || LayeredRouter::of(&state, is_alias));
            match building.await {
                Ok(built) => surrounded.store(Arc::new(built)),
                Err(error) => tracing::error!(%error, "the imported catalogue is not used"),
            }
        }
    });
}

/// The routes, and what runs before and after them.
struct LayeredRouter {
    router: Router,
    table: path::RouteTable,
    rules: RouteRules,
    around: OuterMiddleware,
}

impl LayeredRouter {
    fn of(state: &AppState, is_alias: fn(&str) -> bool) -> Self {
        let (router, templates) = routes(state);
        let names = || templates.iter().map(|(template, _)| template.as_str());
        let rules = templates.iter().map(|(template, access)| LimitedRoute {
            template,
            access: *access,
        });
        let rules = RouteRules::new(rules);
        let table = path::RouteTable::new(names());
        let pages = state.for_pages();
        let around = OuterMiddleware {
            log: Arc::new(RequestLog::new(
                table.texts(),
                state.config.settings.log.access,
            )),
            guard: state.guard.clone(),
            refusal_page: Box::new(move |headers, target, status, retry_after| {
                edges::pages::refusal(&pages, headers, target, status, retry_after)
            }),
            hosts: AllowedHosts::of(&state.config, is_alias),
            is_sandbox: state.config.profile() == Profile::Sandbox,
            feed: Arc::clone(&state.feed),
            db: state.db.clone(),
            recovery: Arc::clone(&state.recovery),
            attempts: state.attempts.clone(),
            recorder: state
                .recent_calls
                .clone()
                .map(|calls| CallRecorder::new(calls, state.clock.clone())),
        };
        Self {
            router,
            table,
            rules,
            around,
        }
    }
}

/// A request's method, as it came, its route and what holds for it. There is no route when the path
/// is none's, and a status when the path is refused.
#[derive(Debug)]
struct RoutedRequest {
    method: Method,
    route: Result<Option<RouteId>, StatusCode>,
    rule: RequestRule,
}

/// Middleware that runs before every route.
struct OuterMiddleware {
    log: Arc<RequestLog>,
    guard: LimitGuard,
    refusal_page: RefusalPage,
    hosts: AllowedHosts,
    is_sandbox: bool,
    feed: Arc<feed::ChangeFeed>,
    db: PgPool,
    recovery: Arc<Recovery>,
    attempts: Attempts,
    /// For the page about the last calls, in a sandbox.
    recorder: Option<CallRecorder>,
}

/// When to ask again while nothing is decided, in seconds.
const RECOVERING_RETRY_S: u32 = 5;
/// An answer waits no longer than this for the position of what its call changed.
const POSITION_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers within the request's context. A panic below is an answer too.
async fn surround(
    around: &OuterMiddleware,
    RoutedRequest {
        method,
        route,
        rule,
    }: RoutedRequest,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let guarded = async |request: Request| {
        let is_for_one_caller = credential::is_given(request.headers());
        let mut response = if let Err(status) = route {
            status.into_response()
        } else if around.is_misdirected(&request) {
            ApiError::Plain(StatusCode::MISDIRECTED_REQUEST).into_response()
        } else if rule.decides() && !around.recovery.is_complete() {
            ApiError::Unavailable(RECOVERING_RETRY_S).into_response()
        } else {
            let page = (rule.class == RequestClass::Page).then(|| RequestedPage::of(&request));
            let answer = async |request| around.attempt(request, answer).await;
            let response = around.guard.answer(rule, request, answer).await;
            // What was read meanwhile may be of a history that lacks something.
            if rule.decides() && !around.recovery.is_complete() {
                return ApiError::Unavailable(RECOVERING_RETRY_S).into_response();
            }
            match page {
                Some(page) => page.refusal_or(&around.refusal_page, response),
                None => response,
            }
        };
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
        let context = context::current();
        let recorder = around.recorder.as_ref();
        let recorder = recorder.filter(|_| path::is_api(request.uri().path()));
        let recorded = recorder.map(|recorder| (recorder, method.clone(), context.clone()));
        let exchange = around.log.begin(context, method, route, &request);
        let response = guarded(request).await;
        let response = match recorded {
            Some((recorder, method, context)) => {
                let call = (method, around.log.template(route));
                Box::pin(recorder.record(call, context.as_deref(), response)).await
            }
            None => response,
        };
        exchange.answer(response)
    };
    context::within(around.guard.context(), rule.by_consumer, request, measured).await
}

/// Makes a page of a refusal: for headers and target of a request, a status, and `Retry-After`.
type RefusalPage =
    Box<dyn Fn(&HeaderMap, &str, StatusCode, &HeaderValue) -> Response + Send + Sync>;

/// What a browser asked for, as far as a page that refuses it shows.
struct RequestedPage {
    headers: HeaderMap,
    target: String,
}

impl RequestedPage {
    fn of(request: &Request) -> Self {
        Self {
            headers: request.headers().clone(),
            target: request.uri().to_string(),
        }
    }

    /// An answer; one by which a limit refuses the browser becomes a page.
    fn refusal_or(&self, page: &RefusalPage, response: Response) -> Response {
        let status = response.status();
        let is_refusal = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/problem+json");
        let takes_pages = self
            .headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        match response.headers().get(RETRY_AFTER) {
            Some(retry_after) if is_refusal && is_problem && takes_pages => {
                page(&self.headers, &self.target, status, retry_after)
            }
            Some(_) | None => response,
        }
    }
}

impl OuterMiddleware {
    /// Whether a request asks for a name that is not ours. Probes come by address.
    fn is_misdirected(&self, request: &Request) -> bool {
        let is_probe = matches!(request.uri().path(), "/alive" | "/health" | "/health/ready");
        !is_probe && !self.hosts.admit(request)
    }

    /// Answers a request that is within the limits, and notes what it attempted.
    async fn attempt(
        &self,
        request: Request,
        answer: impl AsyncFnOnce(Request) -> Response,
    ) -> Response {
        let is_safe = request.method().is_safe();
        let call = AttemptCall::of(&request);
        let answer = AssertUnwindSafe(answer(request)).catch_unwind();
        let answer = pin!(async { answer.await.unwrap_or_else(|panic| panicked(&*panic)) });
        let response = if is_safe {
            answer.await
        } else {
            self.with_position(answer).await
        };
        if response.status() == StatusCode::FORBIDDEN {
            note_denial();
        }
        if let Some(call) = call {
            call.note(&self.attempts, &response);
        }
        response
    }

    /// What a call wrote is known here before it is answered, and elsewhere by the position that
    /// the answer names.
    async fn with_position(&self, answer: impl Future<Output = Response>) -> Response {
        // When another history begins meanwhile, the position belongs to none that is followed then,
        // and is answered from the database.
        let epoch = self.feed.epoch();
        let (mut response, notes) = feed::noting(answer).await;
        self.feed.take(&notes);
        let status = response.status();
        if notes.is_empty() || status.is_client_error() || status.is_server_error() {
            return response;
        }
        // On the heap, since the future of every request is moved with room for it.
        let number = Box::pin(feed::number(&self.db));
        let numbered = tokio::time::timeout(POSITION_TIMEOUT, number).await;
        match numbered {
            Ok(Ok(number)) => {
                feed::FeedPosition { epoch, number }.answer(response.headers_mut());
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a change was made, and its position could not be read");
            }
            Err(_) => tracing::warn!("a change was made, and its position was not there in time"),
        }
        response
    }
}

/// Reports that a caller was denied something. A form of another site has an event of its
/// own.
fn note_denial() {
    let refusal = context::current().and_then(|context| context.first_refusal());
    let reason = refusal.map_or_else(|| "403".to_owned(), |refusal| refusal.code);
    if reason != context::CSRF {
        context::report(SecurityEvent::AuthzDenied { reason: &reason });
    }
}

/// Keeps answers for one caller out of caches, since tokens and identity numbers may be in them,
/// and browsers from guessing what an answer is. A header that a handler has set is kept.
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
    use std::{collections::HashMap, mem::size_of_val};

    use foundation::{config, db::DatabaseCondition, token::RestoreFence};
    use http::header::HOST;
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    const MAX_SURROUNDING_BYTES: usize = 6_000;

    /// Without a database that could be asked.
    fn around() -> OuterMiddleware {
        let settings = config::load(config::SettingsSource::Sandbox, &HashMap::new(), &[]).unwrap();
        let config = config::check(settings).unwrap();
        let feed = Arc::new(feed::ChangeFeed::new(Duration::from_secs(1)));
        let db = || {
            PgPoolOptions::new()
                .connect_lazy("postgres:///none")
                .unwrap()
        };
        OuterMiddleware {
            log: Arc::new(RequestLog::new(&[], false)),
            guard: LimitGuard::new(&config, DatabaseCondition::default()),
            refusal_page: Box::new(|_, _, status, _| status.into_response()),
            hosts: AllowedHosts::loopback(),
            is_sandbox: true,
            feed: Arc::clone(&feed),
            db: db(),
            recovery: Arc::new(Recovery::new(None, 40, None, feed, RestoreFence::default())),
            attempts: Attempts::new(db()),
            recorder: None,
        }
    }

    fn call_and_request(method: Method) -> (RoutedRequest, Request) {
        let mut request = Request::new(axum::body::Body::empty());
        *request.method_mut() = method.clone();
        let host = HeaderValue::from_static("localhost");
        request.headers_mut().insert(HOST, host);
        let call = RoutedRequest {
            method,
            route: Ok(None),
            rule: RequestRule::OTHER,
        };
        (call, request)
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let around = around();
        for method in [Method::GET, Method::POST] {
            let (call, request) = call_and_request(method);
            let answer = async |_| panic!("a fault of ours");
            let response = surround(&around, call, request, answer).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()["x-sandbox"], "true");
        }
    }

    /// The future of a request is moved once for each, decisions included: what only some requests
    /// need is on the heap.
    #[tokio::test]
    async fn what_surrounds_an_answer_is_small() {
        let around = around();
        let (call, request) = call_and_request(Method::POST);
        let answer = async |_| StatusCode::OK.into_response();
        let future = surround(&around, call, request, answer);
        let bytes = size_of_val(&future);
        assert!(bytes <= MAX_SURROUNDING_BYTES, "{bytes} bytes");
    }
}
