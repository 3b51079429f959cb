//! Recovery: no access that was ended comes alive again with an older state of the database.
//!
//! What ends or narrows an access is noted by triggers, and copied to a journal outside the
//! database within a second ([`Recovery::copy`]). At the start and whenever the database has
//! another history, the two are compared ([`Recovery::watch`]): a database that lacks what the
//! journal or the checkpoints of the audit trail know of is *recovering*, and nothing is decided on
//! it. What a fail-over lost is done again at once; after a restore an operator decides
//! ([`Loss::recover`]).

mod change;
mod copy;
mod journal;
mod kind;
mod loss;
mod state;
mod store;

pub use change::{Change, Entry, JournaledTable, What};
pub use copy::vanished;
pub use journal::{Head, Journal, JournalFault};
pub use kind::Kind;
pub use loss::{Damage, Loss, Outcome, Recovered, Unrecoverable, find, lost_checkpoint};
pub use state::Recovery;
pub use store::{Vanished, Waiting, not_before, waiting};
