//! Open connections: how many there may be, and for how long they may wait for their clients.

mod bodies;
mod clocked;
mod descriptors;
mod registry;
mod streams;

pub use bodies::{AnswerBody, TimedBody};
pub use clocked::{Clocked, Clocks};
pub use registry::{
    CloseCause, Connection, ConnectionLimits, Connections, OpenConnection, Running,
};
pub use streams::{StreamExecutor, StreamProgress};
