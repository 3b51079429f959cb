//! Every route, and what stands in front of them.

use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt as _;
use http::{
    HeaderValue, Method, StatusCode, Uri,
    header::{ALLOW, HOST},
};
use tower::{Service, ServiceExt as _};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{AppState, health, openapi::Description, unbuilt};
use crate::{
    authorized_parties, clients,
    config::Profile,
    db::feed,
    events, exchange,
    http::{ApiError, Json, context, path},
    packages, pdp, register, requests, resources, system_users, systems, ui_backend, web,
};

/// The documented API: handlers with their description.
fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(systems::api::list_visible))
        .routes(routes!(systems::api::read))
        .routes(routes!(systems::api::read_rights))
        .routes(routes!(systems::api::read_packages))
        .routes(routes!(systems::api::list_of_vendor, systems::api::create))
        .routes(routes!(
            systems::api::read_as_vendor,
            systems::change_api::replace,
            systems::change_api::delete
        ))
        .routes(routes!(
            systems::api::read_rights_as_vendor,
            systems::change_api::replace_rights
        ))
        .routes(routes!(
            systems::api::read_packages_as_vendor,
            systems::change_api::replace_packages
        ))
        .routes(routes!(systems::change_api::change_log))
        .routes(routes!(requests::api::create))
        .routes(routes!(requests::api::create_for_agent))
        .routes(routes!(requests::api::read, requests::api::delete))
        .routes(routes!(requests::api::read_for_agent))
        .routes(routes!(requests::api::read_by_external_ref))
        .routes(routes!(requests::api::read_for_agent_by_external_ref))
        .routes(routes!(requests::api::list))
        .routes(routes!(requests::api::list_for_agents))
        .routes(routes!(requests::enduser_api::read_by_id))
        .routes(routes!(requests::enduser_api::read_agent_by_id))
        .routes(routes!(requests::enduser_api::read_for_party))
        .routes(routes!(requests::enduser_api::read_agent_for_party))
        .routes(routes!(requests::enduser_api::approve))
        .routes(routes!(requests::enduser_api::approve_agent))
        .routes(routes!(requests::enduser_api::reject))
        .routes(routes!(requests::enduser_api::reject_agent))
        .routes(routes!(requests::enduser_api::escalate))
        .routes(routes!(requests::enduser_api::escalate_agent))
        .routes(routes!(requests::enduser_api::pending))
        .routes(routes!(requests::enduser_api::pending_agents))
        .routes(routes!(requests::check_api::check))
        .routes(routes!(requests::changes::api::create))
        .routes(routes!(
            requests::changes::api::read,
            requests::changes::api::delete
        ))
        .routes(routes!(requests::changes::api::read_by_external_ref))
        .routes(routes!(requests::changes::api::list))
        .routes(routes!(requests::changes::enduser_api::read_by_id))
        .routes(routes!(requests::changes::enduser_api::read_for_party))
        .routes(routes!(requests::changes::enduser_api::approve))
        .routes(routes!(requests::changes::enduser_api::reject))
        .routes(routes!(requests::changes::enduser_api::pending))
        .routes(routes!(system_users::lookup_api::by_external_id))
        .routes(routes!(system_users::lookup_api::by_query))
        .routes(routes!(system_users::lookup_api::by_system))
        .routes(routes!(system_users::stream_api::stream))
        .routes(routes!(system_users::stream_api::read))
        .routes(routes!(system_users::enduser_api::list))
        .routes(routes!(system_users::enduser_api::list_agents))
        .routes(routes!(
            system_users::enduser_api::read,
            system_users::enduser_api::delete
        ))
        .routes(routes!(system_users::enduser_api::delegations))
        .routes(routes!(system_users::enduser_api::create))
        .routes(routes!(system_users::enduser_api::rename))
        .routes(routes!(
            system_users::enduser_api::give_own,
            system_users::enduser_api::take_own,
            system_users::enduser_api::has_own
        ))
        .routes(routes!(clients::portal_api::list))
        .routes(routes!(clients::portal_api::delegations))
        .routes(routes!(
            clients::portal_api::add,
            system_users::enduser_api::delete_agent
        ))
        .routes(routes!(clients::portal_api::remove))
        .routes(routes!(clients::enduser_api::agents))
        .routes(routes!(clients::enduser_api::available))
        .routes(routes!(clients::batch_api::batch))
        .routes(routes!(
            clients::enduser_api::delegated,
            clients::enduser_api::add,
            clients::enduser_api::remove
        ))
        .routes(routes!(events::api::list))
        .merge(portal_back_end())
        .routes(routes!(pdp::api::authorize))
        .routes(routes!(pdp::api::decision))
        .routes(routes!(pdp::token_api::authorize))
        .routes(routes!(pdp::decisions_api::read))
        .routes(routes!(pdp::authzen::api::evaluation))
        .routes(routes!(pdp::authzen::api::evaluations))
        .routes(routes!(pdp::authzen::search_api::subjects))
        .routes(routes!(pdp::authzen::search_api::resources))
        .routes(routes!(pdp::authzen::search_api::actions))
        .routes(routes!(pdp::authzen::api::metadata))
        .routes(routes!(authorized_parties::api::for_resource_owner))
        .routes(routes!(authorized_parties::api::for_service_owner))
        .routes(routes!(authorized_parties::api::for_end_user))
        .routes(routes!(register::api::party))
        .routes(routes!(register::api::party_by_uuid))
        .routes(routes!(register::api::lookup))
        .routes(routes!(register::api::names))
        .routes(routes!(register::api::party_list))
        .routes(routes!(register::api::party_list_by_uuid))
        .routes(routes!(register::api::identifiers))
        .routes(routes!(register::api::organization))
        .routes(routes!(register::api::query_for_access_management))
        .routes(routes!(register::api::query_for_dialogporten))
        .routes(routes!(register::api::query_internal))
        .routes(routes!(register::api::customers))
        .routes(routes!(register::api::managing_directors))
        .routes(routes!(register::api::external_roles))
        .routes(routes!(resources::api::resource_list))
        .routes(routes!(resources::api::search))
        .routes(routes!(resources::api::create))
        .routes(routes!(
            resources::api::read,
            resources::api::replace,
            resources::api::delete
        ))
        .merge(policy_files())
        .routes(routes!(resources::policy_api::subjects))
        .routes(routes!(resources::policy_api::policy_rules))
        .routes(routes!(resources::policy_api::policy_rights))
        .routes(routes!(resources::policy_api::named_rights))
        .routes(routes!(resources::policy_api::by_subjects))
        .routes(routes!(resources::policy_api::updated))
        .routes(routes!(packages::api::search))
        .routes(routes!(packages::api::export))
        .routes(routes!(packages::api::groups))
        .routes(routes!(packages::api::group))
        .routes(routes!(packages::api::areas_of_group))
        .routes(routes!(packages::api::area))
        .routes(routes!(packages::api::packages_of_area))
        .routes(routes!(packages::api::package))
        .routes(routes!(packages::api::resources_of_package))
        .routes(routes!(packages::api::package_by_urn))
        .routes(routes!(packages::api::roles))
        .routes(routes!(packages::api::role))
        .routes(routes!(packages::api::packages_by_role))
        .routes(routes!(packages::api::packages_of_role))
        .routes(routes!(packages::api::organisation_forms))
        .routes(routes!(exchange::api::exchange))
        .routes(routes!(exchange::api::metadata))
        .routes(routes!(exchange::api::keys))
        .routes(routes!(health::alive))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
}

/// Older addresses, where they are switched on.
fn delegation_aliases() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(clients::legacy_api::add))
        .routes(routes!(clients::legacy_api::remove))
}

/// What Altinn's portal asks its own back end.
fn portal_back_end() -> OpenApiRouter<AppState> {
    use ui_backend::{clients_api, requests_api, system_users_api, user_api};
    OpenApiRouter::new()
        .routes(routes!(requests_api::read))
        .routes(routes!(requests_api::read_agent))
        .routes(routes!(requests_api::read_change))
        .routes(routes!(requests_api::approve))
        .routes(routes!(requests_api::reject))
        .routes(routes!(requests_api::escalate))
        .routes(routes!(requests_api::approve_agent))
        .routes(routes!(requests_api::reject_agent))
        .routes(routes!(requests_api::escalate_agent))
        .routes(routes!(requests_api::approve_change))
        .routes(routes!(requests_api::reject_change))
        .routes(routes!(system_users_api::list, system_users_api::create))
        .routes(routes!(system_users_api::list_agents))
        .routes(routes!(system_users_api::read, system_users_api::delete))
        .routes(routes!(
            system_users_api::read_agent,
            system_users_api::delete_agent
        ))
        .routes(routes!(system_users_api::pending))
        .routes(routes!(system_users_api::systems))
        .routes(routes!(system_users_api::rights))
        .routes(routes!(clients_api::customers))
        .routes(routes!(clients_api::delegations, clients_api::add))
        .routes(routes!(clients_api::remove))
        .routes(routes!(
            clients_api::has_own,
            clients_api::give_own,
            clients_api::take_own
        ))
        .routes(routes!(user_api::is_admin))
        .routes(routes!(user_api::is_client_admin))
        .routes(routes!(user_api::change_reportee))
}

/// Policy files may be larger than other bodies.
fn policy_files() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(
            resources::policy_api::read_policy,
            resources::policy_api::create_policy,
            resources::policy_api::replace_policy
        ))
        .layer(DefaultBodyLimit::max(resources::policy_api::UPLOAD_LIMIT))
}

/// Not offered unless it is switched on.
const REFRESH: &str = "/authentication/api/v1/refresh";

/// The router, and the templates of all its routes.
pub fn routes(state: &AppState) -> (Router, Vec<String>) {
    let compat = &state.config.settings.compat;
    let mut api = api();
    if compat.delegation_aliases {
        api = api.merge(delegation_aliases());
    }
    if compat.refresh {
        api = api.routes(routes!(web::session_tokens::refresh));
    }
    let (router, mut description) = api.split_for_parts();
    env!("CARGO_PKG_VERSION").clone_into(&mut description.info.version);
    let mut templates: Vec<String> = description.paths.paths.keys().cloned().collect();
    let unbuilt: Vec<String> = unbuilt::templates()
        .chain((!compat.refresh).then(|| REFRESH.to_owned()))
        .collect();
    templates.extend(unbuilt.iter().cloned());
    templates.extend(web::TEMPLATES.iter().map(|t| (*t).to_owned()));
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
        .merge(web::router())
        .route("/openapi.json", json.clone())
        .route("/openapi/v1.json", json)
        .route("/openapi/v1.yaml", yaml);
    for (name, handle) in web::docs_routes() {
        templates.push(name.clone());
        router = router.route(&name, handle);
    }
    templates.extend(["/openapi.json", "/openapi/v1.json", "/openapi/v1.yaml"].map(str::to_owned));
    if state.config.profile() == Profile::Sandbox {
        // Everything of a sandbox listens on loopback, so its metrics may be had where the newcomer
        // looks first.
        router = router.route("/metrics", get(super::serve::metrics));
        templates.push("/metrics".to_owned());
    }
    let router = router
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(state.clone());
    (router, templates)
}

/// The whole service: path rewriting, the request's context, limits, and the routes.
#[must_use]
pub fn service(
    state: &AppState,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let (router, templates) = routes(state);
    let table = Arc::new(path::RouteTable::new(templates.iter().map(String::as_str)));
    let around = Arc::new(Around {
        context: context::ContextSettings {
            trusted_proxies: state.config.settings.server.trusted_proxies.clone().into(),
            problem_detail: state.config.settings.compat.problem_detail,
        },
        hosts: Hosts::of(state),
        is_sandbox: state.config.profile() == Profile::Sandbox,
        feed: Arc::clone(&state.feed),
    });
    let surrounded = Arc::new((router, table, around));
    // All of it stands outside the router: paths are rewritten before anybody looks at them, and a
    // layer would be a copy for every route.
    tower::service_fn(move |request: Request| {
        let surrounded = Arc::clone(&surrounded);
        async move {
            let (router, table, around) = &*surrounded;
            let request = match path::rewrite(table, request) {
                Ok(request) => request,
                Err(status) => return Ok(status.into_response()),
            };
            let is_api = path::is_api(request.uri().path());
            let response = surround(around, request, async |request| {
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

/// What stands in front of every route.
#[derive(Debug)]
struct Around {
    context: context::ContextSettings,
    hosts: Hosts,
    is_sandbox: bool,
    feed: Arc<feed::Feed>,
}

/// Answers within the request's context. A panic below is an answer too.
async fn surround(
    around: &Around,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let guarded = async |request: Request| {
        if let Some(refused) = around.refusal(&request) {
            return refused.into_response();
        }
        let is_safe = request.method().is_safe();
        let answer = AssertUnwindSafe(answer(request)).catch_unwind();
        // Everything around it would hold it again.
        let answer = Box::pin(async { answer.await.unwrap_or_else(|panic| panicked(&*panic)) });
        let mut response = if is_safe {
            answer.await
        } else {
            around.with_position(answer).await
        };
        if around.is_sandbox {
            response
                .headers_mut()
                .insert("X-Sandbox", HeaderValue::from_static("true"));
        }
        response
    };
    context::within(&around.context, request, guarded).await
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
        (!self.hosts.admit(request)).then_some(StatusCode::MISDIRECTED_REQUEST)
    }

    /// What a call wrote is known here before it is answered, and elsewhere by the position that
    /// the answer names.
    async fn with_position(&self, answer: impl Future<Output = Response>) -> Response {
        let (mut response, notes) = feed::noting(answer).await;
        self.feed.take(&notes);
        if let Some(position) = notes.position
            && !response.status().is_client_error()
            && !response.status().is_server_error()
        {
            response
                .headers_mut()
                .insert("Systembruker-Position", HeaderValue::from(position));
        }
        response
    }
}

/// Names by which clients may call.
#[derive(Debug)]
struct Hosts {
    /// In lower case.
    names: Vec<String>,
    loopback: bool,
    any: bool,
    /// A sandbox's TLS front is open.
    front: bool,
}

impl Hosts {
    fn of(state: &AppState) -> Self {
        let settings = &state.config.settings;
        let of_base = |base: &str| {
            base.parse::<Uri>()
                .ok()
                .and_then(|uri| uri.host().map(str::to_ascii_lowercase))
        };
        let names = if settings.server.allowed_hosts.is_empty() {
            [&state.config.public_base, &state.config.ui_base]
                .into_iter()
                .filter_map(|base| of_base(base))
                .collect()
        } else {
            settings
                .server
                .allowed_hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect()
        };
        let sandbox = settings.sandbox.as_ref();
        Self {
            names,
            loopback: sandbox.is_some(),
            any: sandbox.is_some_and(|sandbox| sandbox.allow_nonloopback),
            front: sandbox.is_some_and(|sandbox| sandbox.tls.listen.is_some()),
        }
    }

    fn admit(&self, request: &Request) -> bool {
        // Probes come by address.
        if matches!(request.uri().path(), "/alive" | "/health" | "/health/ready") {
            return true;
        }
        let header = || {
            request
                .headers()
                .get(HOST)
                .and_then(|value| value.to_str().ok())
                .and_then(host_name)
        };
        let Some(host) = request.uri().host().or_else(header) else {
            return false;
        };
        let is_loopback =
            host.eq_ignore_ascii_case("localhost") || host == "[::1]" || host.starts_with("127.");
        self.any
            || (self.loopback && is_loopback)
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
            || (self.front && is_fronted(host))
    }
}

/// Whether the front of a sandbox stands in for the service of this name.
#[cfg(feature = "sandbox")]
fn is_fronted(host: &str) -> bool {
    crate::sandbox::Place::named(host) == Some(crate::sandbox::Place::Main)
}

#[cfg(not(feature = "sandbox"))]
const fn is_fronted(_: &str) -> bool {
    false
}

/// The name in a `Host` header, without the port.
fn host_name(text: &str) -> Option<&str> {
    let name = match text.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => text.get(..end + 2)?,
        None => text.split(':').next()?,
    };
    let is_plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let port = text.get(name.len()..)?;
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    (!name.is_empty() && name.bytes().all(is_plain) && is_port).then_some(name)
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
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let around = Around {
            context: context::ContextSettings {
                trusted_proxies: [].into(),
                problem_detail: true,
            },
            hosts: Hosts {
                names: Vec::new(),
                loopback: true,
                any: false,
                front: false,
            },
            is_sandbox: true,
            feed: Arc::new(feed::Feed::new(std::time::Duration::from_secs(1))),
        };
        for method in [Method::GET, Method::POST] {
            let mut request = Request::new(axum::body::Body::empty());
            *request.method_mut() = method;
            request
                .headers_mut()
                .insert(HOST, HeaderValue::from_static("localhost"));
            let response = surround(&around, request, async |_| panic!("a fault of ours")).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()["x-sandbox"], "true");
        }
    }

    #[test]
    fn the_name_of_a_host_header_stands_before_its_port() {
        for (text, name) in [
            ("sb.example", Some("sb.example")),
            ("sb.example:8080", Some("sb.example")),
            ("[::1]:8080", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("", None),
            (":80", None),
            ("a@b", None),
            ("a/b", None),
            ("a:b", None),
            ("a b", None),
            ("[::1", None),
        ] {
            assert_eq!(host_name(text), name, "{text}");
        }
    }
}
