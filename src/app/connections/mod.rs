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
pub use bodies::{AnswerBody, BodyLimits, LimitedRequestBody};
pub use clocked::{ClientTimeouts, MAX_HEAD_BYTES, TimedStream};
pub use held::HeldMemory;
pub use registry::{
    CloseCause, ConnectionLimits, ConnectionRegistry, ConnectionState, OpenConnection,
    RunningRequest,
};
pub use streams::{StreamExecutor, StreamProgress};
