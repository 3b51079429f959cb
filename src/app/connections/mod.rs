//! Open connections: how many there may be, and for how long they may wait for their clients.

mod awaited;
mod bodies;
mod clocked;
mod descriptors;
mod frames;
mod registry;
mod streams;

pub use awaited::AwaitedBodies;
pub use bodies::{AnswerBody, BodyLimits, RequestBody};
pub use clocked::{Clocked, Clocks};
pub use registry::{
    CloseCause, Connection, ConnectionLimits, Connections, OpenConnection, Running,
};
pub use streams::{StreamExecutor, StreamProgress};
