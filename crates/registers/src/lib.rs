//! The registers, as data and rules: who exists and who holds what for whom ([`parties`]), which
//! roles and access packages there are ([`packages`]), what can be given access to and by which
//! policy ([`resources`]), and which parties some of that is open to ([`access_lists`]). Their HTTP endpoints are in the crate `registers_api`, since those need
//! to know the caller.

pub mod access_lists;
pub mod packages;
pub mod parties;
pub mod resources;
