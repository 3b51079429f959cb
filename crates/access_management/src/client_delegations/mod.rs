//! Client delegations: a facilitator's clients, its agents, and what it delegates of the ones to the
//! others. Agents are persons, and system users for clients.

mod bind;
mod lists;
mod manage;
mod model;
pub(crate) mod my_api;
mod read;
mod rules;
mod store;
pub(crate) mod v1_api;
pub(crate) mod v2_api;

pub use bind::{BatchItems, bind_batch};
pub use manage::{Cascade, Ends};
pub use model::{
    AgentOfFacilitator, AgentWithResources, AssignmentDto, BatchValue, ClientAccess,
    ClientOfFacilitator, ClientWithResources, EndNames, PackageBatch, PackageDelegation,
    PersonInputDto, ResourceAccess, ResourceBatch, ResourceDelegation, Version,
};
pub(crate) use store::{is_connected, known_resources};
