//! Routes of this layer, and the state that their handlers take slices of.

use authorization::permissions::Permissions;
use foundation::routes;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    AccessManagement,
    client_delegations::{my_api, v1_api, v2_api},
    connections::{checks_api, packages_api, resources_api, rightholders_api, roles_api},
};

foundation::router_state! {
    /// What the handlers of this layer share.
    pub struct State of Slices {
        access: AccessManagement,
        permissions: Permissions,
    }
}

/// Client delegations and connections, with their description.
pub fn router(state: State) -> OpenApiRouter {
    client_delegations_v1()
        .merge(client_delegations_v2())
        .merge(connections())
        .with_state(state)
}

fn client_delegations_v1() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(v1_api::clients))
        .routes(routes!(
            v1_api::agents,
            v1_api::add_agent,
            v1_api::remove_agent
        ))
        .routes(routes!(v1_api::remove_client))
        .routes(routes!(
            v1_api::packages_of_agent,
            v1_api::give_packages,
            v1_api::take_packages
        ))
        .routes(routes!(v1_api::packages_of_client))
        .routes(routes!(my_api::clients_v1, my_api::give_up_client_v1))
        .routes(routes!(my_api::providers_v1, my_api::leave_provider_v1))
        .routes(routes!(my_api::give_up_packages_v1))
}

fn client_delegations_v2() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(v2_api::clients))
        .routes(routes!(
            v2_api::agents,
            v2_api::add_agent,
            v2_api::remove_agent
        ))
        .routes(routes!(v2_api::remove_client))
        .routes(routes!(v2_api::packages_of_agent, v2_api::give_packages))
        .routes(routes!(v2_api::take_packages))
        .routes(routes!(v2_api::packages_of_client))
        .routes(routes!(v2_api::resources_of_agent, v2_api::give_resources))
        .routes(routes!(v2_api::take_resources))
        .routes(routes!(v2_api::resources_of_client))
        .routes(routes!(my_api::clients_v2, my_api::give_up_client_v2))
        .routes(routes!(my_api::providers_v2, my_api::leave_provider_v2))
        .routes(routes!(my_api::give_up_packages_v2))
        .routes(routes!(my_api::give_up_resources_v2))
}

fn connections() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(
            rightholders_api::list,
            rightholders_api::add,
            rightholders_api::remove
        ))
        .routes(routes!(
            packages_api::list,
            packages_api::give,
            packages_api::take
        ))
        .routes(routes!(roles_api::list, roles_api::remove))
        .routes(routes!(roles_api::check))
        .routes(routes!(checks_api::packages))
        .routes(routes!(resources_api::list, resources_api::take))
        .routes(routes!(
            resources_api::rights,
            resources_api::give,
            resources_api::replace
        ))
        .routes(routes!(checks_api::resource))
}
