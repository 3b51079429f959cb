//! System users: non-human users that an organisation empowers to act for it through one registered system.

pub(crate) mod api;
mod live;
mod model;
mod store;

pub use live::live_check;
pub use model::{ExternalSystemUser, NewSystemUser, SystemUser, SystemUserDetail, SystemUserKind};
pub use store::{SystemUserFacts, active_with_key, by_external_id, by_id, delete, facts, insert, lock_sequence, touch};
