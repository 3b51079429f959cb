//! What one consumer may ask for, once it is known: requests in flight, and rates.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{Limit, RateTable, Refused, Wait};
use crate::{
    config::Limits,
    ids::{NationalId, OrgNumber},
    token::Principal,
};

/// Who is counted as one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsumerKey {
    /// An organisation, with all its clients.
    Organization(OrgNumber),
    /// A person, a client of no organisation, or a part of the platform: a hash, under a key of
    /// this process, of what distinguishes it from others.
    Other(u64),
}

/// A rate by consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerRate {
    /// Changes by vendors.
    VendorWrites,
    /// Reads by vendors.
    VendorReads,
    /// Calls for decisions.
    Decisions,
    /// Look-ups by external id.
    ExternalIdLookups,
    /// Exchanged tokens.
    Exchange,
}

impl ConsumerRate {
    /// The limit that it is.
    #[must_use]
    pub const fn limit(self) -> Limit {
        match self {
            Self::VendorWrites => Limit::VendorWrites,
            Self::VendorReads => Limit::VendorReads,
            Self::Decisions => Limit::Decisions,
            Self::ExternalIdLookups => Limit::ExternalIdLookups,
            Self::Exchange => Limit::Exchange,
        }
    }
}

/// Limits by consumer. One for all requests of the process.
#[derive(Debug)]
pub struct ConsumerLimits {
    in_flight: InFlight,
    rates: Option<RatesByConsumer>,
    hasher: RandomState,
}

#[derive(Debug)]
struct RatesByConsumer {
    vendor_writes: RateTable<ConsumerKey>,
    vendor_reads: RateTable<ConsumerKey>,
    decisions: RateTable<ConsumerKey>,
    external_id_lookups: RateTable<ConsumerKey>,
    exchange: RateTable<ConsumerKey>,
}

impl RatesByConsumer {
    fn new(limits: &Limits) -> Self {
        let rates = &limits.rates;
        let table = |rate| RateTable::new(rate, limits.max_rate_keys);
        Self {
            vendor_writes: table(rates.vendor_writes),
            vendor_reads: table(rates.vendor_reads),
            decisions: table(rates.decisions),
            external_id_lookups: table(rates.external_id_lookups),
            exchange: table(rates.exchange),
        }
    }

    fn of(&self, rate: ConsumerRate) -> &RateTable<ConsumerKey> {
        match rate {
            ConsumerRate::VendorWrites => &self.vendor_writes,
            ConsumerRate::VendorReads => &self.vendor_reads,
            ConsumerRate::Decisions => &self.decisions,
            ConsumerRate::ExternalIdLookups => &self.external_id_lookups,
            ConsumerRate::Exchange => &self.exchange,
        }
    }
}

impl ConsumerLimits {
    /// With these settings.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            in_flight: InFlight::new(limits.max_consumer_in_flight),
            rates: limits.rates_enabled.then(|| RatesByConsumer::new(limits)),
            hasher: RandomState::new(),
        }
    }

    /// The consumer of a token: its organisation, else the person, else the client.
    #[must_use]
    pub fn key_of(&self, principal: &Principal) -> ConsumerKey {
        match (principal.organization(), principal.person()) {
            (Some(organization), _) => ConsumerKey::Organization(organization),
            (None, Some(names)) => self.key_of_other(&(
                names.user_id,
                names.party_uuid,
                names.party_id,
                names.national_id.as_ref().map(NationalId::expose),
            )),
            (None, None) => self.key_of_other(&(&principal.issuer, &principal.client_id)),
        }
    }

    /// The key of a consumer that is no organisation.
    pub fn key_of_other(&self, named: &impl Hash) -> ConsumerKey {
        ConsumerKey::Other(self.hasher.hash_one(named))
    }

    /// Begins a request of a consumer; it runs until the permit is dropped.
    ///
    /// # Errors
    /// It asks too often, or for too much at once.
    pub fn admit(
        self: &Arc<Self>,
        consumer: ConsumerKey,
        rate: Option<ConsumerRate>,
    ) -> Result<ConsumerPermit, Refused> {
        if let (Some(rates), Some(rate)) = (&self.rates, rate) {
            rates
                .of(rate)
                .take(&consumer)
                .map_err(|Wait(retry_after)| Refused::TooOften {
                    limit: rate.limit(),
                    retry_after,
                })?;
        }
        let cells = self.in_flight.cells(self.hasher.hash_one(consumer));
        if !self.in_flight.enter(cells) {
            return Err(Refused::Busy(Limit::ConsumerInFlight));
        }
        Ok(ConsumerPermit {
            limits: Arc::clone(self),
            cells,
        })
    }
}

/// A request of a consumer that is being answered.
#[derive(Debug)]
pub struct ConsumerPermit {
    limits: Arc<ConsumerLimits>,
    cells: [usize; 2],
}

impl Drop for ConsumerPermit {
    fn drop(&mut self) {
        self.limits.in_flight.leave(self.cells);
    }
}

const CELLS: usize = 1 << 16;

/// Counts requests of consumers without a lock and without knowing how many consumers there are:
/// each counts in two cells, which others may share, and has at most as many as the lesser says. So
/// one is refused too early only when both its cells are shared with others that are busy.
#[derive(Debug)]
struct InFlight {
    cells: Box<[AtomicU32]>,
    max: u32,
}

impl InFlight {
    fn new(max: u32) -> Self {
        Self {
            cells: (0..CELLS).map(|_| AtomicU32::new(0)).collect(),
            max,
        }
    }

    fn cells(&self, hash: u64) -> [usize; 2] {
        let most = self.cells.len() as u64;
        let (first, second) = (hash % most, (hash >> 32) % most);
        // The second is never the first, or the consumer would count twice there.
        let second = if first == second { second ^ 1 } else { second };
        [first as usize, second as usize]
    }

    fn enter(&self, cells: [usize; 2]) -> bool {
        let counts = cells.map(|cell| {
            self.cells
                .get(cell)
                .map_or(0, |count| count.fetch_add(1, Ordering::Relaxed))
        });
        let is_admitted = counts.iter().any(|count| *count < self.max);
        if !is_admitted {
            self.leave(cells);
        }
        is_admitted
    }

    fn leave(&self, cells: [usize; 2]) {
        for cell in cells {
            if let Some(count) = self.cells.get(cell) {
                count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_has_as_many_requests_as_it_may_and_others_have_theirs() {
        let in_flight = InFlight::new(3);
        let (one, other) = (in_flight.cells(7), in_flight.cells(1 << 33));
        for _ in 0..3 {
            assert!(in_flight.enter(one));
        }
        assert!(!in_flight.enter(one));
        assert!(in_flight.enter(other));
        in_flight.leave(one);
        assert!(in_flight.enter(one));
        assert!(!in_flight.enter(one));
    }

    #[test]
    fn a_consumer_is_not_refused_for_one_shared_cell() {
        let in_flight = InFlight::new(2);
        let busy = in_flight.cells(5 | (9 << 32));
        let shares_one = in_flight.cells(5 | (11 << 32));
        while in_flight.enter(busy) {}
        assert!(in_flight.enter(shares_one));
    }

    #[test]
    fn two_cells_are_never_the_same() {
        let in_flight = InFlight::new(1);
        for hash in [0, 5 | (5 << 32), u64::MAX] {
            let [first, second] = in_flight.cells(hash);
            assert_ne!(first, second);
        }
    }
}
