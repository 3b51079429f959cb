//! The entrances for people, for Altinn's portal and for files: pages ([`pages`]), what the portal
//! asks its own back end ([`portal`]), imports ([`import`]).

pub mod import;
pub mod pages;
pub mod portal;
mod routes;

pub use routes::{PortalSlices, PortalState, pages_router, portal_router};
