//! System users: non-human users that an organisation empowers to act for it through one registered
//! system.

pub(crate) mod enduser_api;
mod live;
pub(crate) mod lookup_api;
mod manage;
mod model;
mod store;
pub(crate) mod stream_api;

pub use live::{Live, Living};
pub use manage::{Management, Subject, SystemUserEvent, record_each, tell};
pub use model::{ExternalSystemUser, NewSystemUser, SystemUser, SystemUserDetail, SystemUserKind};
pub use store::{
    LiveFacts, SystemUserFacts, active_with_key, by_external_id, by_id, facts, insert,
    lock_sequence, of_owner, touch,
};
