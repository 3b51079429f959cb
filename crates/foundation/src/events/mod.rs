//! The outbox: what others should learn about a change, stored in the transaction that makes it.

mod store;

use serde_json::Value;
use uuid::Uuid;

pub use store::{Position, Stored, of_vendor, post, post_all};

/// Something worth telling.
#[derive(Debug)]
pub struct Message<'a> {
    /// Stable name, such as `systemuser_request_created`.
    pub event: &'static str,
    /// Kind of the subject: `request`, `change_request`, `system_user`.
    pub subject_kind: &'static str,
    /// Id of the subject. One message per event and subject.
    pub subject_id: Uuid,
    /// Customer organisation.
    pub party_org: &'a str,
    /// Vendor organisation.
    pub vendor_org: &'a str,
    /// Facts for the reader; no identity numbers.
    pub payload: Value,
}
