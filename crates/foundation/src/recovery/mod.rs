//! Recovery: no access that was ended comes alive again with an older state of the database.
//!
//! What ends or narrows an access is noted by triggers, and copied to a journal outside the
//! database within a second ([`Recovery::copy`]). At the start and whenever the database has
//! another history, the two are compared ([`Recovery::watch`]): a database that lacks what the
//! journal or the checkpoints of the audit trail know of is *recovering*, and nothing is decided on
//! it. What a fail-over lost is done again at once; after a restore an operator decides
//! ([`DatabaseLoss::recover`]).

mod change;
mod copy;
mod journal;
mod kind;
mod loss;
mod state;
mod store;

pub use change::{JournalEntry, JournaledChange, JournaledTable, RowChange};
pub use copy::vanished;
pub use journal::{Journal, JournalFault, JournalHead};
pub use kind::LossKind;
pub use loss::{
    DamageHandling, DatabaseLoss, RecoveredChanges, RecoveryOutcome, UnrecoverableChange, find,
    lost_checkpoint,
};
pub use state::Recovery;
pub use store::{VanishedObject, WaitingEntries, not_before, waiting};
