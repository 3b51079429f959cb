//! The catalogue as files hold it: checked, compared with what is stored, and put in its place.

mod compare;
mod files;
mod model;
mod replace;
mod store;

pub use compare::{Change, ChangeKind, Counts, Part};
pub use files::{CatalogueFile, MAX_FILE_BYTES};
pub use model::Whole;
pub use replace::{CatalogueStatus, ImportOptions, Missing, Outcome, import, status, sync};
pub use store::{Need, Version, current, version};
