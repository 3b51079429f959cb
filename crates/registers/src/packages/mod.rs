//! The catalogue of roles and access packages: what there is, and what follows from what.
//!
//! The files in `data/` are the source. They are embedded, stored at start, and held in memory as
//! [`Catalogue`].

mod embedded;
mod metadata;
mod model;
mod store;

pub use embedded::embedded;
pub use metadata::{
    AreaDto, FoundPackage, GroupDto, Metadata, PackageDto, ResourceDto, RoleDto, SubtypeDto,
    resource_type_uuid, resource_uuid, service_owner_uuid,
};
pub use model::{
    Catalogue, EntityKind, Package, PackageKey, Role, RoleKey, RolePackage, Variant, VariantKey,
};
pub use store::{load, sync};
