//! Token exchange: a Maskinporten or ID-porten token becomes one of our own.

pub(crate) mod api;
mod claims;
