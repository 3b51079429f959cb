//! What vendors follow: events about their requests and system users, in the order in which they
//! became visible.

pub(crate) mod api;

use foundation::http::BaseAddress;
use sqlx::PgPool;

/// A slice of state: the events that vendors follow. Clones are cheap.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each member is documented by its type")]
pub struct VendorEvents {
    pub address: BaseAddress,
    pub db: PgPool,
}
