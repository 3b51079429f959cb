//! Open connections: how many there may be, and for how long they may wait for their clients.

mod awaited;
mod bodies;
mod clocked;
mod descriptors;
mod frames;
mod held;
mod registry;
mod streams;
mod unparsed;
mod unread;

pub use awaited::AwaitedBodies;
pub use bodies::{AnswerBody, BodyLimits, RequestBody};
pub use clocked::{Clocked, Clocks, MAX_HEAD_BYTES};
pub use held::Held;
pub use registry::{
    CloseCause, Connection, ConnectionLimits, Connections, OpenConnection, Running,
};
pub use streams::{StreamExecutor, StreamProgress};
