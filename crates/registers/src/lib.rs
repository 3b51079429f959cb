//! The registers, as data and rules: who exists and who holds what for whom ([`parties`]), which
//! roles and access packages there are ([`packages`]), what can be given access to and by which
//! policy ([`resources`]). Their HTTP endpoints are in the crate `registers_api`, since those need
//! to know the caller.

pub mod packages;
pub mod parties;
pub mod resources;
