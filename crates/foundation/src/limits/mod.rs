//! How much callers may ask for: the names of the limits, rates, and what one consumer may have in
//! flight.

mod consumers;
mod limit;
mod rates;

pub use consumers::{ConsumerKey, ConsumerLimits, ConsumerPermit, ConsumerRate};
pub use limit::{Limit, Refused};
pub use rates::{AddressKey, RateTable, Wait};
