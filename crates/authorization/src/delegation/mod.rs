//! Who may give what, and what has been given.
//!
//! [`check()`] answers whether a person may pass rights and packages of an organisation on to a
//! system user; the grants themselves are rows, written and removed by the functions of the store.

mod approver;
mod check;
mod facilitator_role;
mod obstacles;
pub mod rules;
mod store;

pub use approver::{Administrator, Approver, ClientAdministrator};
pub use check::{WantedAccess, check};
pub use facilitator_role::{FacilitatorRole, PackageBasis, roles_that_give};
pub use obstacles::{Obstacle, ObstacleReason, WantedKind, obstacles};
pub use rules::{DelegationReason, DelegationReport, RightOutcome};
pub use store::{
    EndedDelegation, SystemUserGrants, end_dependent_delegations, give, held, packages_held,
    revoke, revoke_all,
};
