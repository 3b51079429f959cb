//! The outbox: what others should learn about a change, stored in the transaction that makes it.

mod model;
mod store;

pub use model::{EventKind, EventSubjectKind, OutboxMessage};
pub use store::{
    EventCursor, EventList, HiddenMessages, StoredEvent, delete_old, hidden, number, of_vendor,
    post, post_all,
};
