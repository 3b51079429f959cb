//! Parties, roles, packages and resources as access management shows them.

mod model;
mod store;

pub use model::{
    Entity, EntityRow, EntityType, Envelope, PackageDto, ResourceRef, RoleDto, Wrapping,
    entity_type,
};
pub use store::{entities, entity_rows};
