//! Routes of the portal's back end and of the pages, and the state that handlers take slices of.

use authorization::{
    callers::Authenticator, permissions::Permissions, session_cookies::TakesPageSession,
};
use axum::{Extension, Router, extract::FromRef as _};
use foundation::routes;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    pages::{self, AccessManagementUi, Pages},
    portal::{self, PortalBackEnd},
};

foundation::router_state! {
    /// What the handlers of the portal's back end share.
    pub struct PortalState of PortalSlices {
        authenticator: Authenticator,
        permissions: Permissions,
        portal: PortalBackEnd,
    }
}

/// What Altinn's portal asks its own back end, with its description.
///
/// Where the front end is served here, these routes take the session of its browser too.
pub fn portal_router(state: PortalState) -> OpenApiRouter {
    let back_end = PortalBackEnd::from_ref(&state);
    let is_served = back_end.config.settings.portal.dist_dir.is_some();
    let router = rows().with_state(state);
    if is_served {
        router.route_layer(Extension(TakesPageSession))
    } else {
        router
    }
}

fn rows() -> OpenApiRouter<PortalState> {
    use portal::{access_api, clients_api, requests_api, system_users_api, user_api};
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
        .routes(routes!(access_api::right_holders))
        .routes(routes!(access_api::clients))
        .routes(routes!(access_api::check_packages))
        .merge(access())
        .merge(frame())
        .routes(routes!(user_api::change_reportee))
}

/// Client administration and right-holders.
fn access() -> OpenApiRouter<PortalState> {
    use portal::{
        access_api, access_packages_api, catalogue_api, client_delegations_api as delegations,
        rightholders_api, single_rights_api,
    };
    OpenApiRouter::new()
        .routes(routes!(
            access_api::agents,
            delegations::add_agent,
            delegations::remove_agent
        ))
        .routes(routes!(
            delegations::packages_of_agent,
            delegations::give_packages,
            delegations::take_packages
        ))
        .routes(routes!(delegations::packages_of_client))
        .routes(routes!(
            delegations::resources_of_agent,
            delegations::give_resources,
            delegations::take_resources
        ))
        .routes(routes!(delegations::resources_of_client))
        .routes(routes!(
            delegations::my_clients,
            delegations::give_up_packages
        ))
        .routes(routes!(delegations::give_up_resources))
        .routes(routes!(delegations::leave_provider))
        .routes(routes!(rightholders_api::add))
        .routes(routes!(rightholders_api::validate_person))
        .routes(routes!(rightholders_api::remove))
        .routes(routes!(access_packages_api::search))
        .routes(routes!(
            access_packages_api::list,
            access_packages_api::give,
            access_packages_api::take
        ))
        .routes(routes!(access_packages_api::permission))
        .routes(routes!(single_rights_api::check))
        .routes(routes!(single_rights_api::rights_of))
        .routes(routes!(single_rights_api::list))
        .routes(routes!(single_rights_api::held))
        .routes(routes!(single_rights_api::give))
        .routes(routes!(single_rights_api::replace))
        .routes(routes!(single_rights_api::take))
        .routes(routes!(catalogue_api::roles))
        .routes(routes!(catalogue_api::owners))
        .routes(routes!(catalogue_api::resource))
        .routes(routes!(catalogue_api::search))
}

/// What the frame around the pages asks and keeps.
fn frame() -> OpenApiRouter<PortalState> {
    use portal::frame_api;
    OpenApiRouter::new()
        .routes(routes!(frame_api::refresh))
        .routes(routes!(frame_api::profile))
        .routes(routes!(frame_api::keep_shows_deleted))
        .routes(routes!(frame_api::keep_language))
        .routes(routes!(frame_api::reportee))
        .routes(routes!(frame_api::actors))
        .routes(routes!(frame_api::connections))
        .routes(routes!(frame_api::favorites))
        .routes(routes!(frame_api::add_favorite, frame_api::remove_favorite))
        .routes(routes!(frame_api::own_person))
        .routes(routes!(frame_api::party))
        .routes(routes!(frame_api::organization))
        .routes(routes!(frame_api::is_admin))
        .routes(routes!(frame_api::is_client_admin))
        .routes(routes!(frame_api::is_main_admin))
        .routes(routes!(frame_api::is_company_profile_admin))
        .routes(routes!(frame_api::is_maskinporten_admin))
        .routes(routes!(frame_api::is_instance_admin))
        .routes(routes!(frame_api::received_requests))
        .routes(routes!(frame_api::sent_requests))
        .routes(routes!(frame_api::consents))
        .routes(routes!(frame_api::owners))
        .routes(routes!(portal::frame_roles::role_permissions))
}

/// The pages, and the templates of their routes.
pub fn pages_router(pages: Pages) -> (Router, Vec<String>) {
    let mut templates: Vec<String> = pages::TEMPLATES.iter().map(|t| (*t).to_owned()).collect();
    let mut router = if pages.front_end.is_some() {
        templates.extend(pages::FRONT_END_TEMPLATES.iter().map(|t| (*t).to_owned()));
        pages::router(AccessManagementUi::FrontEnd).merge(pages::front_end_router())
    } else {
        pages::router(AccessManagementUi::OwnPages)
    };
    for (name, handle) in pages::docs_routes() {
        templates.push(name.clone());
        router = router.route(&name, handle);
    }
    (router.with_state(pages), templates)
}
