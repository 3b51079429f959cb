//! Routes of this layer, and the state that their handlers take slices of.

use axum::extract::FromRef;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    authorized_parties::{self, PartyLists},
    callers::Authenticator,
    exchange::{self, Exchange},
    pdp::{self, DecisionEndpoints},
};

/// What the handlers of this layer share.
#[derive(Debug, Clone, FromRef)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct State {
    pub authenticator: Authenticator,
    pub decisions: DecisionEndpoints,
    pub exchange: Exchange,
    pub party_lists: PartyLists,
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
        .routes(routes!(exchange::api::exchange))
        .routes(routes!(exchange::api::metadata))
        .routes(routes!(exchange::api::keys));
    if state.exchange.config.settings.compat.refresh {
        router = router.routes(routes!(exchange::session_tokens::refresh));
    }
    router.with_state(state)
}
