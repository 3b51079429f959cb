//! Callers of the service by their kind: what each does, as verbs.

mod end_user;
mod maskinporten;
mod service_owner;
mod vendor;

pub use end_user::{AGENTS, ENDUSER, EndUser, EndUserCaller};
pub use maskinporten::{LOOKUP_PATH, Maskinporten, MaskinportenCaller};
pub use service_owner::{AUTHORIZE_PATH, ServiceOwner, ServiceOwnerCaller};
pub use vendor::{SYSTEMS, Vendor, VendorCaller};
