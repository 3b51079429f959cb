//! Routes of the pages.

use axum::{
    Router,
    response::Redirect,
    routing::{MethodRouter, get},
};

use super::{
    Pages, assets, change_page, docs, information, login, logout, portal_links, request_page,
};

/// Templates of the pages' routes.
pub const TEMPLATES: &[&str] = &[
    "/",
    "/accessmanagement/ui",
    "/accessmanagement/ui/systemuser/request",
    "/accessmanagement/ui/systemuser/request/{id}",
    "/accessmanagement/ui/systemuser/agentrequest",
    "/accessmanagement/ui/systemuser/agentrequest/{id}",
    "/accessmanagement/ui/systemuser/changerequest",
    "/accessmanagement/ui/systemuser/changerequest/{id}",
    "/accessmanagement/ui/systemuser/{*rest}",
    "/accessmanagement/ui/loggedout",
    "/accessmanagement/ui/help",
    "/accessmanagement/ui/privacy",
    "/accessmanagement/ui/accessibility",
    "/accessmanagement/ui/lang",
    "/accessmanagement/ui/{*rest}",
    "/authentication/api/v1/authentication",
    "/authentication/api/v1/upstream/callback",
    "/authentication/api/v1/upstream/frontchannel-logout",
    "/authentication/api/v1/frontchannel_logout",
    "/authentication/api/v1/logout",
    "/authentication/api/v1/logout/handleloggedout",
    "/accessmanagement/ui/errorpage/reportee",
    "/accessmanagement/api/v1/systemuser/request/{id}/logout",
    "/accessmanagement/api/v1/systemuser/agentrequest/{id}/logout",
    "/accessmanagement/api/v1/systemuser/changerequest/{id}/logout",
    "/accessmanagement/api/v1/reportee/changeandredirect",
    "/authfront/ui/{*rest}",
    "/static/licenses.txt",
    "/static/{hash}/{file}",
    "/favicon.ico",
    "/icon.svg",
    "/robots.txt",
    "/.well-known/security.txt",
    "/status",
    "/docs",
    "/docs/errors",
    "/docs/errors/{code}",
    "/docs/guides/{name}",
    "/swagger",
    "/swagger/index.html",
    "/authentication/swagger/v1/swagger.json",
];

/// The pages.
pub fn router() -> Router<Pages> {
    const A: &str = "/authentication/api/v1";
    const UI: &str = "/accessmanagement/ui";
    let ui = |path: &str| format!("{UI}{path}");
    Router::new()
        .route("/", get(information::start))
        .route(UI, get(information::not_built))
        .route(&ui("/systemuser/request"), get(request_page::show_standard))
        .route(
            &ui("/systemuser/request/{id}"),
            get(request_page::back_to_standard).post(request_page::decide_standard),
        )
        .route(
            &ui("/systemuser/agentrequest"),
            get(request_page::show_agent),
        )
        .route(
            &ui("/systemuser/agentrequest/{id}"),
            get(request_page::back_to_agent).post(request_page::decide_agent),
        )
        .route(&ui("/systemuser/changerequest"), get(change_page::show))
        .route(
            &ui("/systemuser/changerequest/{id}"),
            get(change_page::back).post(change_page::decide),
        )
        .route(&ui("/systemuser/{*rest}"), get(information::not_built))
        .route(&ui("/loggedout"), get(logout::logged_out_page))
        .route(&ui("/help"), get(information::help))
        .route(&ui("/privacy"), get(information::privacy))
        .route(&ui("/accessibility"), get(information::accessibility))
        .route(&ui("/lang"), get(information::change_language))
        .route(&ui("/{*rest}"), get(information::not_built))
        .route(&format!("{A}/authentication"), get(login::start))
        .route(&format!("{A}/upstream/callback"), get(login::callback))
        .route(
            &format!("{A}/upstream/frontchannel-logout"),
            get(logout::front_channel),
        )
        .route(
            &format!("{A}/frontchannel_logout"),
            get(logout::front_channel),
        )
        .route(
            &format!("{A}/logout"),
            get(logout::by_link).post(logout::by_form),
        )
        .route(
            &format!("{A}/logout/handleloggedout"),
            get(logout::finished),
        )
        .route(&ui("/errorpage/reportee"), get(portal_links::not_yours))
        .route(
            "/accessmanagement/api/v1/systemuser/request/{id}/logout",
            get(portal_links::leave_request),
        )
        .route(
            "/accessmanagement/api/v1/systemuser/agentrequest/{id}/logout",
            get(portal_links::leave_agent_request),
        )
        .route(
            "/accessmanagement/api/v1/systemuser/changerequest/{id}/logout",
            get(portal_links::leave_change_request),
        )
        .route(
            "/accessmanagement/api/v1/reportee/changeandredirect",
            get(portal_links::change_reportee),
        )
        .route("/authfront/ui/{*rest}", get(information::old_link))
        .route(
            "/static/licenses.txt",
            get(async || Redirect::temporary(assets::address("licenses.txt"))),
        )
        .route("/static/{hash}/{file}", get(assets::serve))
        .route("/favicon.ico", get(assets::icon))
        .route("/icon.svg", get(assets::icon))
        .route("/robots.txt", get(async || "User-agent: *\nDisallow: /\n"))
        .route("/.well-known/security.txt", get(information::security_txt))
        .route("/status", get(information::status))
        .route("/docs", get(docs::front))
        .route("/docs/errors", get(docs::error_pages::index))
        .route("/docs/errors/{code}", get(docs::error_pages::show))
        .route("/docs/guides/{name}", get(docs::guides::show))
        .route("/swagger", get(docs::to_reference))
        .route("/swagger/index.html", get(docs::to_reference))
        .route(
            "/authentication/swagger/v1/swagger.json",
            get(docs::to_file),
        )
}

/// The interactive API reference.
pub fn docs_routes() -> Vec<(String, MethodRouter<Pages>)> {
    docs::reference::routes()
}
