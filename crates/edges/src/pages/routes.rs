//! Routes of the pages.

use axum::{
    Router,
    handler::Handler,
    response::Redirect,
    routing::{MethodRouter, get},
};

use super::{
    Pages, assets, change_page, docs, information, login, logout, portal_links, request_page,
    sandbox, shell,
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
    "/accessmanagement/ui/party",
    "/accessmanagement/ui/session/extend",
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
    "/docs/tours/calls",
    "/docs/tours/receipt",
    "/docs/tours/{name}",
    "/swagger",
    "/swagger/index.html",
    "/authentication/swagger/v1/swagger.json",
];

/// Templates of the routes that are there with Altinn's front end alone.
pub const FRONT_END_TEMPLATES: &[&str] = &[
    "/accessmanagement",
    "/accessmanagement/assets/{*file}",
    "/assets/{*file}",
    "/accessmanagement/localizations/{*file}",
];

/// What is shown below `/accessmanagement/ui`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessManagementUi {
    /// Our own pages.
    OwnPages,
    /// Altinn's front end.
    FrontEnd,
}

impl AccessManagementUi {
    /// A route of a page of ours that the front end has too.
    fn page<H: Handler<T, Pages>, T: 'static, F: Handler<U, Pages>, U: 'static>(
        self,
        own: H,
        of_front_end: F,
    ) -> MethodRouter<Pages> {
        match self {
            Self::OwnPages => get(own),
            Self::FrontEnd => get(of_front_end),
        }
    }
}

/// The files of Altinn's front end, and its first page.
pub fn front_end_router() -> Router<Pages> {
    Router::new()
        .route("/accessmanagement", get(shell::show))
        .route("/accessmanagement/assets/{*file}", get(shell::asset))
        .route("/assets/{*file}", get(shell::asset))
        .route(
            "/accessmanagement/localizations/{*file}",
            get(shell::localization),
        )
}

/// The pages.
pub fn router(shown: AccessManagementUi) -> Router<Pages> {
    const A: &str = "/authentication/api/v1";
    const UI: &str = "/accessmanagement/ui";
    let ui = |path: &str| format!("{UI}{path}");
    Router::new()
        .route("/", get(information::start))
        .route(UI, shown.page(information::not_built, shell::show))
        .route(
            &ui("/systemuser/request"),
            shown.page(request_page::show_standard, shell::show_standard),
        )
        .route(
            &ui("/systemuser/request/{id}"),
            shown
                .page(request_page::back_to_standard, shell::show)
                .post(request_page::decide_standard),
        )
        .route(
            &ui("/systemuser/agentrequest"),
            shown.page(request_page::show_agent, shell::show_agent),
        )
        .route(
            &ui("/systemuser/agentrequest/{id}"),
            shown
                .page(request_page::back_to_agent, shell::show)
                .post(request_page::decide_agent),
        )
        .route(
            &ui("/systemuser/changerequest"),
            shown.page(change_page::show, shell::show_change),
        )
        .route(
            &ui("/systemuser/changerequest/{id}"),
            shown
                .page(change_page::back, shell::show)
                .post(change_page::decide),
        )
        .route(
            &ui("/systemuser/{*rest}"),
            shown.page(information::not_built, shell::show),
        )
        .route(&ui("/loggedout"), get(logout::logged_out_page))
        .route(&ui("/help"), get(information::help))
        .route(&ui("/privacy"), get(information::privacy))
        .route(&ui("/accessibility"), get(information::accessibility))
        .route(&ui("/lang"), get(information::change_language))
        // Our own, also where Altinn's front end is served.
        .route(&ui("/party"), get(information::not_built))
        .route(&ui("/session/extend"), get(information::not_built))
        .route(
            &ui("/{*rest}"),
            shown.page(information::not_built, shell::show),
        )
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
        .route(
            &ui("/errorpage/reportee"),
            shown.page(portal_links::not_yours, shell::show),
        )
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
        .route("/docs/tours/calls", get(sandbox::calls))
        .route("/docs/tours/receipt", get(sandbox::receipt))
        .route("/docs/tours/{name}", get(sandbox::tour))
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
