//! Parties, roles, packages and resources as access management shows them.

mod model;
mod store;

pub use model::{
    CompactPackage, CompactRole, Entity, EntityRow, EntityType, Envelope, ListWrapping,
    ResourceRef, entity_type,
};
pub use store::{entities, entity_rows};
