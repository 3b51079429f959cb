//! What one consumer may ask for, once it is known: requests in flight, and rates.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use super::{Limit, LimitRefusal, RateTable, RetryAfter};
use crate::{
    config::LimitSettings,
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
    /// Changes by vendors, of the clients of agents, and of the resource registry.
    VendorWrites,
    /// Reads by vendors.
    VendorReads,
    /// Decisions.
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
    in_flight: ConsumersInFlight,
    large: ConsumersInFlight,
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
    fn new(limits: &LimitSettings) -> Self {
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
    pub fn new(limits: &LimitSettings) -> Self {
        Self {
            in_flight: ConsumersInFlight::new(limits.max_consumer_in_flight),
            large: ConsumersInFlight::new(MAX_LARGE),
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
    ) -> Result<ConsumerPermit, LimitRefusal> {
        if let (Some(rates), Some(rate)) = (&self.rates, rate) {
            let taken = rates.of(rate).take(&consumer);
            taken.map_err(|wait| too_often(rate, wait))?;
        }
        let cells = ConsumerCells::of(self.hasher.hash_one(consumer));
        if !self.in_flight.enter(cells) {
            return Err(LimitRefusal::Busy(Limit::ConsumerInFlight));
        }
        Ok(ConsumerPermit {
            limits: Arc::clone(self),
            is_counted: AtomicBool::new(true),
            cells,
            consumer,
            rate,
        })
    }
}

const fn too_often(rate: ConsumerRate, RetryAfter(retry_after): RetryAfter) -> LimitRefusal {
    LimitRefusal::TooOften {
        limit: rate.limit(),
        retry_after,
    }
}

/// Large calls of one consumer at a time. They share space with those of all others.
const MAX_LARGE: u32 = 2;

/// A request of a consumer that is being answered.
#[derive(Debug)]
pub struct ConsumerPermit {
    limits: Arc<ConsumerLimits>,
    /// It counts as one that is being answered.
    is_counted: AtomicBool,
    cells: ConsumerCells,
    consumer: ConsumerKey,
    rate: Option<ConsumerRate>,
}

impl ConsumerPermit {
    /// A number that distinguishes the consumer from most others.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.cells.group
    }

    /// Does not count the request while its body is awaited.
    pub fn leave(&self) {
        if self.is_counted.swap(false, Ordering::Relaxed) {
            self.limits.in_flight.leave(self.cells);
        }
    }

    /// Counts it again.
    ///
    /// # Errors
    /// The consumer has too many others by now.
    pub fn take_again(&self) -> Result<(), Limit> {
        if self.is_counted.load(Ordering::Relaxed) {
            return Ok(());
        }
        if !self.limits.in_flight.enter(self.cells) {
            return Err(Limit::ConsumerInFlight);
        }
        self.is_counted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Counts the request as so many more.
    ///
    /// # Errors
    /// The consumer asks for too much.
    pub fn count_more(&self, more: u32) -> Result<(), LimitRefusal> {
        let (Some(rates), Some(rate)) = (&self.limits.rates, self.rate) else {
            return Ok(());
        };
        let taken = rates.of(rate).take_several(&self.consumer, more);
        taken.map_err(|wait| too_often(rate, wait))
    }

    /// Begins a large call of the consumer; it runs until the permit is dropped.
    ///
    /// # Errors
    /// It has too many already.
    pub fn begin_large(&self) -> Result<LargeCallPermit, LimitRefusal> {
        if !self.limits.large.enter(self.cells) {
            return Err(LimitRefusal::Busy(Limit::ConsumerLargeCalls));
        }
        Ok(LargeCallPermit {
            limits: Arc::clone(&self.limits),
            cells: self.cells,
        })
    }
}

/// A large call of a consumer.
#[derive(Debug)]
pub struct LargeCallPermit {
    limits: Arc<ConsumerLimits>,
    cells: ConsumerCells,
}

impl Drop for LargeCallPermit {
    fn drop(&mut self) {
        self.limits.large.leave(self.cells);
    }
}

impl Drop for ConsumerPermit {
    fn drop(&mut self) {
        self.leave();
    }
}

const GROUPS: usize = 1 << 12;
const CELLS_OF_GROUP: usize = 16;

/// Cells that are adjacent in memory: a processor that counts in two of them fetches them once.
#[derive(Debug, Default)]
#[repr(align(64))]
struct CellGroup([AtomicU32; CELLS_OF_GROUP]);

/// Counts requests of consumers without a lock and without knowing how many consumers there are:
/// each counts in two cells of a group, which others may share, and has at most as many as the lesser
/// says. So one is refused too early only when both its cells are shared with others that are busy.
#[derive(Debug)]
struct ConsumersInFlight {
    groups: Box<[CellGroup]>,
    max: u32,
}

/// The cells of a consumer.
#[derive(Debug, Clone, Copy)]
struct ConsumerCells {
    group: usize,
    places: [usize; 2],
}

impl ConsumerCells {
    const fn of(hash: u64) -> Self {
        let group = hash as usize % GROUPS;
        let first = (hash >> 32) as usize % CELLS_OF_GROUP;
        // The second is never the first, or the consumer would count twice there.
        let step = 1 + (hash >> 48) as usize % (CELLS_OF_GROUP - 1);
        Self {
            group,
            places: [first, (first + step) % CELLS_OF_GROUP],
        }
    }
}

impl ConsumersInFlight {
    fn new(max: u32) -> Self {
        Self {
            groups: (0..GROUPS).map(|_| CellGroup::default()).collect(),
            max,
        }
    }

    fn counts(&self, cells: ConsumerCells) -> impl Iterator<Item = &AtomicU32> {
        let group = self.groups.get(cells.group);
        group
            .into_iter()
            .flat_map(move |group| cells.places.map(|place| group.0.get(place)))
            .flatten()
    }

    fn enter(&self, cells: ConsumerCells) -> bool {
        let mut is_admitted = false;
        for count in self.counts(cells) {
            is_admitted |= count.fetch_add(1, Ordering::Relaxed) < self.max;
        }
        if !is_admitted {
            self.leave(cells);
        }
        is_admitted
    }

    fn leave(&self, cells: ConsumerCells) {
        for count in self.counts(cells) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_has_as_many_requests_as_it_may_and_others_have_theirs() {
        let in_flight = ConsumersInFlight::new(3);
        let (one, other) = (ConsumerCells::of(7), ConsumerCells::of(8));
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
    fn a_request_whose_body_is_awaited_is_none_of_its_consumer() {
        let limits = Arc::new(ConsumerLimits {
            in_flight: ConsumersInFlight::new(1),
            large: ConsumersInFlight::new(1),
            rates: None,
            hasher: RandomState::new(),
        });
        let admit = || limits.admit(ConsumerKey::Other(7), None);
        let slow = admit().expect("the first");
        slow.leave();
        let other = admit().expect("one while the body of the first is awaited");
        assert_eq!(slow.take_again(), Err(Limit::ConsumerInFlight));
        drop(other);
        assert_eq!(slow.take_again(), Ok(()));
        assert!(admit().is_err());
        drop(slow);
        assert!(admit().is_ok());
    }

    #[test]
    fn a_consumer_is_not_refused_for_one_shared_cell() {
        let in_flight = ConsumersInFlight::new(2);
        let busy = ConsumerCells::of(5);
        let shares_one = ConsumerCells::of(5 | (1 << 48));
        assert_eq!(busy.places[0], shares_one.places[0]);
        while in_flight.enter(busy) {}
        assert!(in_flight.enter(shares_one));
    }

    #[test]
    fn two_cells_are_never_the_same() {
        for high in 0..=u16::MAX {
            let [first, second] = ConsumerCells::of(u64::from(high) << 48 | 3 << 32).places;
            assert_ne!(first, second);
        }
        for hash in [0, 5 | (5 << 32), u64::MAX] {
            let [first, second] = ConsumerCells::of(hash).places;
            assert_ne!(first, second);
        }
    }
}
