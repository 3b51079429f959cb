//! Routes of this layer, and the state that their handlers take slices of.

use foundation::routes;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    authorized_parties::{self, PartyLists},
    callers::Authenticator,
    exchange::{self, TokenExchange},
    pdp::{self, DecisionEndpoints},
};

foundation::router_state! {
    /// What the handlers of this layer share.
    pub struct State of Slices {
        authenticator: Authenticator,
        decisions: DecisionEndpoints,
        exchange: TokenExchange,
        party_lists: PartyLists,
    }
}

/// Decisions, authorized parties and the exchange of tokens, with their description.
pub fn router(state: State) -> OpenApiRouter {
    let mut router = OpenApiRouter::new()
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
        .routes(routes!(authorized_parties::user_api::parties))
        .routes(routes!(authorized_parties::user_api::validate))
        .routes(routes!(authorized_parties::user_api::roles))
        .routes(routes!(authorized_parties::api::for_person))
        .routes(routes!(authorized_parties::api::one_for_person))
        .routes(routes!(exchange::api::exchange))
        .routes(routes!(exchange::api::metadata))
        .routes(routes!(exchange::api::keys));
    if state.0.exchange.config.settings.compat.refresh {
        router = router.routes(routes!(exchange::session_tokens::refresh));
    }
    router.with_state(state)
}
