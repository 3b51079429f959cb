//! The key files that settings name: whether an installation may start with them. Production starts
//! with none that others can read, that serves two purposes, that can be guessed, or that is known
//! from elsewhere; and no installation but a sandbox starts with a sandbox's keys.

mod fault;
mod inspect;
mod randomness;

pub use fault::{KeyFault, KeyFileFinding};
pub use inspect::inspect;
