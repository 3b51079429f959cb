//! Routes of this layer, and the state that their handlers take slices of.

use std::sync::Arc;

use authorization::callers::Authenticator;
use axum::extract::DefaultBodyLimit;
use foundation::routes;
use registers::packages::CatalogueMetadata;
use sqlx::PgPool;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    access_lists, packages,
    parties::{self, PartyLookups},
    resources::{self, ResourceRegistry},
};

foundation::router_state! {
    /// What the handlers of this layer share.
    pub struct State of Slices {
        authenticator: Authenticator,
        db: PgPool,
        metadata: Arc<CatalogueMetadata>,
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
        .merge(internal_register())
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
        .routes(routes!(resources::feed_api::changes))
        .routes(routes!(resources::feed_api::owners))
        .routes(routes!(resources::feed_api::export))
        .merge(access_lists())
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
        .routes(routes!(packages::resources_by_role))
        .routes(routes!(packages::resources_of_role))
        .routes(routes!(packages::organisation_forms))
        .with_state(state)
}

/// Look-ups of the register's second generation, each at every address that it has.
fn internal_register() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(parties::internal_api::query))
        .routes(routes!(parties::internal_api::query_for_access_management))
        .routes(routes!(parties::internal_api::query_for_dialogporten))
        .routes(routes!(parties::internal_api::query_for_apps))
        .routes(routes!(parties::internal_api::query_for_correspondence))
        .routes(routes!(parties::internal_api::party))
        .routes(routes!(parties::internal_api::party_for_access_management))
        .routes(routes!(parties::internal_api::party_for_correspondence))
        .routes(routes!(parties::internal_api::customers))
        .routes(routes!(parties::internal_api::customers_v1))
        .routes(routes!(parties::internal_api::managing_directors))
        .routes(routes!(parties::internal_api::managing_directors_v1))
        .routes(routes!(parties::internal_api::roles_of_party))
        .routes(routes!(parties::internal_api::correspondence_roles))
        .routes(routes!(parties::internal_api::main_units))
        .routes(routes!(
            parties::internal_api::main_units_for_correspondence
        ))
        .routes(routes!(parties::internal_api::external_roles))
}

fn access_lists() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(access_lists::lookups_api::memberships))
        .routes(routes!(access_lists::lookups_api::lists_of_member))
        .routes(routes!(access_lists::lists_api::lists))
        .routes(routes!(
            access_lists::lists_api::list,
            access_lists::lists_api::put_list,
            access_lists::lists_api::patch_list,
            access_lists::lists_api::delete_list
        ))
        .routes(routes!(
            access_lists::members_api::members,
            access_lists::members_api::replace_members,
            access_lists::members_api::add_members,
            access_lists::members_api::remove_members
        ))
        .routes(routes!(access_lists::connections_api::connections))
        .routes(routes!(
            access_lists::connections_api::put_connection,
            access_lists::connections_api::delete_connection
        ))
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
