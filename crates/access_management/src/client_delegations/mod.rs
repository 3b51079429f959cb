//! Client delegations: a facilitator's clients, its agents, and what it delegates of the ones to the
//! others. Agents are persons, and system users for clients.

mod agents;
mod batch;
mod batch_items;
mod bind;
mod lists;
mod model;
pub(crate) mod my_api;
mod read;
mod rules;
mod store;
pub(crate) mod v1_api;
pub(crate) mod v2_api;
mod words;

pub use bind::{BatchItems, bind_batch};
pub use model::{
    AgentOfFacilitator, AgentWithResources, AssignmentDto, BatchValue, Cascade, ClientAccess,
    ClientOfFacilitator, ClientWithResources, DelegationApiVersion, DelegationEnds,
    DelegationPartyNames, PackageBatch, PackageDelegation, PersonInputDto, ResourceAccess,
    ResourceBatch, ResourceDelegation,
};
pub(crate) use store::{is_connected, known_resources};
