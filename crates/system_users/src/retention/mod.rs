//! What is kept of requests and system users for a limited time. Requests that were answered are kept
//! unless the operator wants otherwise; deleted ones move to an archive that no caller reads.

mod store;

pub use store::{archive_requests, delete_requests, delete_system_users, remove_persons};

/// When a request is old.
#[derive(Debug, Clone, Copy)]
pub struct ClosedRequests {
    /// After so many days a request without an answer has timed out.
    pub lifetime_days: i32,
    /// So many days after it was answered, was deleted or timed out, a request is old.
    pub days: i32,
}
