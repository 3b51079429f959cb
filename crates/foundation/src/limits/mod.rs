//! How much callers may ask for: the names of the limits, rates, and what may be in flight, in all and
//! by consumer.

mod consumers;
mod in_flight;
mod limit;
mod rates;

pub use consumers::{ConsumerKey, ConsumerLimits, ConsumerPermit, ConsumerRate, LargeCallPermit};
pub use in_flight::{InFlight, InFlightPlace, RequestClass};
pub use limit::{Limit, LimitRefusal};
pub use rates::{AddressKey, RateTable, RetryAfter};
