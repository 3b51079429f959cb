//! The catalogue of roles and access packages: what there is, and what follows from what.
//!
//! The files in `data/` are the source. They are embedded, stored at start, and held in memory as
//! [`Catalogue`].

pub(crate) mod api;
mod embedded;
mod metadata;
mod model;
mod store;

pub use embedded::embedded;
pub use metadata::{AreaDto, Metadata, PackageDto};
pub use model::{
    Catalogue, EntityKind, Package, PackageKey, Role, RoleKey, RolePackage, Variant, VariantKey,
};
pub use store::{load, sync};
