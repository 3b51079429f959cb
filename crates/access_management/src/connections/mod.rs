//! Connections: what a party gave others, and what others gave it. Access managers give packages and
//! single resources to organisations, persons and system users, and take them back.

mod bind;
mod checks;
pub(crate) mod checks_api;
mod held;
mod manage;
mod model;
pub(crate) mod packages_api;
mod permission;
mod read;
pub(crate) mod resources_api;
pub(crate) mod rightholders_api;
mod roles;
pub(crate) mod roles_api;
mod rules;
mod store;

pub use bind::{ConnectionParts, PackageName};
pub use manage::RightsChange;
pub use model::{
    ConnectionDto, FullResource, PackageCheck, PackagePermission, Permission, ReasonItem,
    RightCheckDto, RightDto, RightPermission, RightsOfResource, RoleCheck,
};
pub use read::ListEnds;
