//! The `OpenID` `AuthZEN` Authorization API 1.0: evaluations, searches, and where they are.

pub(crate) mod api;
mod fixture;
mod page;
mod question;
mod search;
pub(crate) mod search_api;
mod store;
