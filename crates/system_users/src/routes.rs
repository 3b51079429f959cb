//! Routes of this layer, and the state that their handlers take slices of.

use authorization::{callers::Authenticator, permissions::Permissions};
use foundation::routes;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    clients::{self, Clients},
    requests::{self, Requests},
    systems::{self, Systems},
    users::{self, SystemUsers},
    vendor_events::{self, VendorEvents},
};

foundation::router_state! {
    /// What the handlers of this layer share.
    pub struct State of Slices {
        authenticator: Authenticator,
        clients: Clients,
        permissions: Permissions,
        requests: Requests,
        system_users: SystemUsers,
        systems: Systems,
        vendor_events: VendorEvents,
    }
}

/// The system register, requests, system users, their clients and vendors' events, with their
/// description. `delegation_aliases` adds the older addresses of client delegation.
pub fn router(state: State, delegation_aliases: bool) -> OpenApiRouter {
    let mut router = systems_routes()
        .merge(requests_routes())
        .merge(system_users_routes())
        .merge(clients_routes())
        .routes(routes!(vendor_events::api::list));
    if delegation_aliases {
        router = router
            .routes(routes!(clients::legacy_api::add))
            .routes(routes!(clients::legacy_api::remove));
    }
    router.with_state(state)
}

fn systems_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
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
}

fn requests_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
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
}

fn system_users_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(users::explain_api::explain))
        .routes(routes!(users::lookup_api::by_external_id))
        .routes(routes!(users::lookup_api::by_query))
        .routes(routes!(users::lookup_api::by_system))
        .routes(routes!(users::stream_api::stream))
        .routes(routes!(users::stream_api::read))
        .routes(routes!(users::enduser_api::list))
        .routes(routes!(users::enduser_api::list_agents))
        .routes(routes!(
            users::enduser_api::read,
            users::enduser_api::delete
        ))
        .routes(routes!(users::enduser_api::delegations))
        .routes(routes!(users::enduser_api::create))
        .routes(routes!(users::enduser_api::rename))
        .routes(routes!(
            users::enduser_api::give_own,
            users::enduser_api::take_own,
            users::enduser_api::has_own
        ))
}

fn clients_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(clients::portal_api::list))
        .routes(routes!(clients::portal_api::delegations))
        .routes(routes!(
            clients::portal_api::add,
            users::enduser_api::delete_agent
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
}
