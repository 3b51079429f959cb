//! Routes of this layer, and the state that their handlers take slices of.

use std::sync::Arc;

use authorization::callers::Authenticator;
use axum::extract::DefaultBodyLimit;
use foundation::routes;
use registers::packages::Metadata;
use sqlx::PgPool;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    packages,
    parties::{self, PartyLookups},
    resources::{self, ResourceRegistry},
};

foundation::router_state! {
    /// What the handlers of this layer share.
    pub struct State of Slices {
        authenticator: Authenticator,
        db: PgPool,
        metadata: Arc<Metadata>,
        party_lookups: PartyLookups,
        resource_registry: ResourceRegistry,
    }
}

/// Look-ups of parties, the resource registry and metadata, with their description.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(parties::api::party))
        .routes(routes!(parties::api::party_by_uuid))
        .routes(routes!(parties::api::lookup))
        .routes(routes!(parties::api::names))
        .routes(routes!(parties::api::party_list))
        .routes(routes!(parties::api::party_list_by_uuid))
        .routes(routes!(parties::api::identifiers))
        .routes(routes!(parties::api::organization))
        .routes(routes!(parties::api::query_for_access_management))
        .routes(routes!(parties::api::query_for_dialogporten))
        .routes(routes!(parties::api::query_internal))
        .routes(routes!(parties::api::customers))
        .routes(routes!(parties::api::managing_directors))
        .routes(routes!(parties::api::external_roles))
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
        .routes(routes!(resources::policy_api::policy_warnings))
        .routes(routes!(resources::policy_api::named_rights))
        .routes(routes!(resources::policy_api::by_subjects))
        .routes(routes!(resources::policy_api::updated))
        .routes(routes!(packages::search))
        .routes(routes!(packages::export))
        .routes(routes!(packages::groups))
        .routes(routes!(packages::group))
        .routes(routes!(packages::areas_of_group))
        .routes(routes!(packages::area))
        .routes(routes!(packages::packages_of_area))
        .routes(routes!(packages::package))
        .routes(routes!(packages::resources_of_package))
        .routes(routes!(packages::package_by_urn))
        .routes(routes!(packages::roles))
        .routes(routes!(packages::role))
        .routes(routes!(packages::packages_by_role))
        .routes(routes!(packages::packages_of_role))
        .routes(routes!(packages::organisation_forms))
        .with_state(state)
}

/// Policy files may be larger than other bodies.
fn policy_files() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(
            resources::policy_api::read_policy,
            resources::policy_api::create_policy,
            resources::policy_api::replace_policy
        ))
        .layer(DefaultBodyLimit::max(resources::policy_api::UPLOAD_LIMIT))
}
