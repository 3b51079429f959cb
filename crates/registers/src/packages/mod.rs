//! The catalogue of roles and access packages: what there is, and what follows from what.
//!
//! The files in `data/` are the source. They are embedded, stored at start, and held in memory as
//! [`Catalogue`].

mod dto;
mod embedded;
mod metadata;
mod model;
mod search;
mod store;

pub use dto::{
    AreaDto, FoundPackage, GroupDto, LedResource, PackageDto, ProviderDto, ResourceDto, RoleDto,
    SubtypeDto, resource_type_uuid, resource_uuid, service_owner_uuid,
};
pub use embedded::embedded;
pub use metadata::{Metadata, PackageSearch, SearchFault, UnknownName};
pub use model::{
    Catalogue, EntityKind, Package, PackageKey, Role, RoleKey, RolePackage, Variant, VariantKey,
};
pub use search::Comparison;
pub use store::{load, resources_led_to, sync};
