//! The catalogue as files hold it: checked, compared with what is stored, and put in its place.

mod compare;
mod files;
mod model;
mod replace;
mod store;

pub use compare::{CatalogueChange, CatalogueChangeCounts, CataloguePart, ChangeKind};
pub use files::{CatalogueFile, MAX_FILE_BYTES};
pub use model::WholeCatalogue;
pub use replace::{
    CatalogueImportOptions, CatalogueImportOutcome, CatalogueStatus, MissingPackages, import,
    status, sync,
};
pub use store::{CatalogueVersion, ElementNeed, current, version};
