//! The catalogue of roles and access packages: what there is, and what follows from what.
//!
//! The files in `data/` come with the program, and an operator's files can replace what is in them. The
//! last version is stored whole, with rows for other tables to refer to, and held in memory as
//! [`Catalogue`] and [`CatalogueMetadata`].

pub mod catalogue;
mod dto;
mod embedded;
mod in_force;
mod metadata;
mod model;
mod search;
mod store;

pub use catalogue::sync;
pub use dto::{
    AreaDto, FoundPackage, GroupDto, LedResource, PackageDto, ProviderDto, ResourceDto, RoleDto,
    SubtypeDto, resource_type_uuid, resource_uuid, service_owner_uuid,
};
pub use embedded::embedded;
pub use in_force::{CatalogueInForce, load_in_force};
pub use metadata::{CatalogueMetadata, PackageSearch, SearchFault, UnknownName};
pub use model::{
    Catalogue, EntityKind, Package, PackageKey, Role, RoleKey, RolePackage, Variant, VariantKey,
};
pub use search::WordComparison;
pub use store::{load, resources_led_to};
