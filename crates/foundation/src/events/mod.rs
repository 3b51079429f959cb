//! The outbox: what others should learn about a change, stored in the transaction that makes it.

mod model;
mod store;

pub use model::{EventKind, Message, SubjectKind};
pub use store::{
    Cursor, Events, HiddenMessages, Stored, delete_old, hidden, number, of_vendor, post, post_all,
};
