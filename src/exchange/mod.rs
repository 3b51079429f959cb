//! Token exchange: a Maskinporten or ID-porten token becomes one of our own.

pub mod api;
mod claims;
