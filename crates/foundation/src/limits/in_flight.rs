//! How many requests are answered at the same time, by class.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::Limit;
use crate::config::LimitSettings;

/// What kind of work a request is. It decides how long the answer may take, and what is refused
/// first when there is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestClass {
    /// Asks whether the process is well. Never refused.
    Probe,
    /// Asks for decisions. Refused for other decisions alone.
    Decision,
    /// Changes something.
    Write,
    /// Reads something.
    Read,
    /// Asks for a page.
    Page,
}

impl RequestClass {
    /// Every class there is.
    pub const ALL: [Self; 5] = [
        Self::Probe,
        Self::Decision,
        Self::Write,
        Self::Read,
        Self::Page,
    ];

    /// As metrics name it.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Decision => "decision",
            Self::Write => "write",
            Self::Read => "read",
            Self::Page => "page",
        }
    }
}

/// Counts the requests that are being answered.
#[derive(Debug)]
pub struct InFlight {
    probes: InFlightPlaces,
    decisions: InFlightPlaces,
    writes: InFlightPlaces,
    reads: InFlightPlaces,
    pages: InFlightPlaces,
    /// Writes, reads and pages together.
    others: InFlightPlaces,
    /// Bytes of the bodies of all.
    body_bytes: InFlightPlaces,
}

impl InFlight {
    /// With these limits.
    #[must_use]
    pub fn new(limits: &LimitSettings) -> Arc<Self> {
        let (all, decisions) = (limits.max_in_flight, limits.max_decisions_in_flight);
        Arc::new(Self {
            probes: InFlightPlaces::unlimited(),
            decisions: InFlightPlaces::new(decisions),
            writes: InFlightPlaces::new(limits.max_writes_in_flight),
            reads: InFlightPlaces::unlimited(),
            pages: InFlightPlaces::unlimited(),
            // What is set aside for decisions is theirs, also while they do not need it.
            others: InFlightPlaces::new(all.saturating_sub(decisions)),
            body_bytes: InFlightPlaces::new(limits.max_body_bytes_in_flight),
        })
    }

    /// A place for a request of a class, until it is dropped.
    ///
    /// # Errors
    /// All places are taken. Probes are never refused.
    pub fn enter(self: &Arc<Self>, class: RequestClass) -> Result<InFlightPlace, Limit> {
        self.take(class)?;
        Ok(InFlightPlace {
            in_flight: Arc::clone(self),
            class,
            is_taken: AtomicBool::new(true),
            body_bytes: AtomicUsize::new(0),
        })
    }

    fn places(&self, class: RequestClass) -> &InFlightPlaces {
        match class {
            RequestClass::Probe => &self.probes,
            RequestClass::Decision => &self.decisions,
            RequestClass::Write => &self.writes,
            RequestClass::Read => &self.reads,
            RequestClass::Page => &self.pages,
        }
    }

    const fn is_other(class: RequestClass) -> bool {
        match class {
            RequestClass::Probe | RequestClass::Decision => false,
            RequestClass::Write | RequestClass::Read | RequestClass::Page => true,
        }
    }

    fn take(&self, class: RequestClass) -> Result<(), Limit> {
        let limit = match class {
            RequestClass::Decision => Limit::DecisionsInFlight,
            RequestClass::Write => Limit::WritesInFlight,
            RequestClass::Probe | RequestClass::Read | RequestClass::Page => Limit::InFlight,
        };
        let places = self.places(class);
        places.take(limit)?;
        if Self::is_other(class) {
            self.others
                .take(Limit::InFlight)
                .inspect_err(|_| places.leave())?;
        }
        Ok(())
    }

    fn leave(&self, class: RequestClass) {
        if Self::is_other(class) {
            self.others.leave();
        }
        self.places(class).leave();
    }

    /// Requests of a class that are being answered. Those whose bodies are awaited do not count.
    #[must_use]
    pub fn running(&self, class: RequestClass) -> usize {
        self.places(class).taken()
    }
}

/// The place of a request among those that are being answered.
#[derive(Debug)]
pub struct InFlightPlace {
    in_flight: Arc<InFlight>,
    class: RequestClass,
    /// Whether it is this request's; not while the client is awaited.
    is_taken: AtomicBool,
    /// Bytes of its body that count.
    body_bytes: AtomicUsize,
}

/// A body up to this size is not counted: there is no more of them than there are requests.
const UNCOUNTED_BODY: usize = 16 * 1024;

impl InFlightPlace {
    /// The body of the request is there, with so many bytes. It counts until it is let go.
    ///
    /// # Errors
    /// The bodies of all have too many.
    pub fn hold_body(&self, bytes: usize) -> Result<(), Limit> {
        if bytes > UNCOUNTED_BODY {
            let all = &self.in_flight.body_bytes;
            all.take_many(bytes, Limit::BodiesInFlight)?;
            self.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The body is not needed any more.
    pub fn let_body_go(&self) {
        let bytes = self.body_bytes.swap(0, Ordering::Relaxed);
        if bytes > 0 {
            self.in_flight.body_bytes.leave_many(bytes);
        }
    }

    /// Leaves it to others.
    pub fn leave(&self) {
        if self.is_taken.swap(false, Ordering::Relaxed) {
            self.in_flight.leave(self.class);
        }
    }

    /// Takes one again.
    ///
    /// # Errors
    /// All are taken.
    pub fn take_again(&self) -> Result<(), Limit> {
        if !self.is_taken.load(Ordering::Relaxed) {
            self.in_flight.take(self.class)?;
            self.is_taken.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for InFlightPlace {
    fn drop(&mut self) {
        self.leave();
        self.let_body_go();
    }
}

/// Places of which some are taken.
#[derive(Debug)]
struct InFlightPlaces {
    taken: AtomicUsize,
    max: usize,
}

impl InFlightPlaces {
    const fn new(max: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            max,
        }
    }

    const fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    fn take(&self, limit: Limit) -> Result<(), Limit> {
        self.take_many(1, limit)
    }

    fn take_many(&self, number: usize, limit: Limit) -> Result<(), Limit> {
        let before = self.taken.fetch_add(number, Ordering::Relaxed);
        if before.saturating_add(number) <= self.max {
            return Ok(());
        }
        self.leave_many(number);
        Err(limit)
    }

    fn leave(&self) {
        self.leave_many(1);
    }

    fn leave_many(&self, number: usize) {
        self.taken.fetch_sub(number, Ordering::Relaxed);
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_flight() -> Arc<InFlight> {
        Arc::new(InFlight {
            probes: InFlightPlaces::unlimited(),
            decisions: InFlightPlaces::new(2),
            writes: InFlightPlaces::new(1),
            reads: InFlightPlaces::unlimited(),
            pages: InFlightPlaces::unlimited(),
            others: InFlightPlaces::new(3),
            body_bytes: InFlightPlaces::new(100 * 1024),
        })
    }

    #[test]
    fn decisions_are_taken_while_all_else_is_refused() {
        let in_flight = in_flight();
        let reads: Vec<_> = (0..3)
            .map(|_| in_flight.enter(RequestClass::Read).unwrap())
            .collect();
        assert_eq!(
            in_flight.enter(RequestClass::Page).err(),
            Some(Limit::InFlight)
        );
        let decisions: Vec<_> = (0..2)
            .map(|_| in_flight.enter(RequestClass::Decision).unwrap())
            .collect();
        assert_eq!(
            in_flight.enter(RequestClass::Decision).err(),
            Some(Limit::DecisionsInFlight)
        );
        assert!(in_flight.enter(RequestClass::Probe).is_ok());
        drop((reads, decisions));
        assert_eq!(in_flight.running(RequestClass::Read), 0);
        assert_eq!(in_flight.running(RequestClass::Decision), 0);
    }

    #[test]
    fn a_place_that_was_left_is_free_until_it_is_taken_again() {
        let in_flight = in_flight();
        let place = in_flight.enter(RequestClass::Write).unwrap();
        place.leave();
        place.leave();
        assert_eq!(in_flight.running(RequestClass::Write), 0);
        let other = in_flight.enter(RequestClass::Write).unwrap();
        assert_eq!(place.take_again(), Err(Limit::WritesInFlight));
        drop(other);
        assert_eq!(place.take_again(), Ok(()));
        assert_eq!(place.take_again(), Ok(()));
        assert_eq!(in_flight.running(RequestClass::Write), 1);
        drop(place);
        assert_eq!(in_flight.running(RequestClass::Write), 0);
    }

    #[test]
    fn the_bytes_of_large_bodies_are_bounded_until_they_are_let_go() {
        let in_flight = in_flight();
        let [first, second] = [0; 2].map(|_| in_flight.enter(RequestClass::Read).unwrap());
        assert_eq!(first.hold_body(60 * 1024), Ok(()));
        assert_eq!(second.hold_body(60 * 1024), Err(Limit::BodiesInFlight));
        assert_eq!(second.hold_body(UNCOUNTED_BODY), Ok(()));
        first.let_body_go();
        assert_eq!(second.hold_body(60 * 1024), Ok(()));
        drop((first, second));
        assert_eq!(in_flight.body_bytes.taken(), 0);
    }

    #[test]
    fn a_refused_change_leaves_nothing_counted() {
        let in_flight = in_flight();
        let change = in_flight.enter(RequestClass::Write).unwrap();
        assert_eq!(
            in_flight.enter(RequestClass::Write).err(),
            Some(Limit::WritesInFlight)
        );
        let _reads = [
            in_flight.enter(RequestClass::Read),
            in_flight.enter(RequestClass::Read),
        ];
        drop(change);
        let _third = in_flight.enter(RequestClass::Read).unwrap();
        assert_eq!(
            in_flight.enter(RequestClass::Write).err(),
            Some(Limit::InFlight)
        );
        assert_eq!(in_flight.running(RequestClass::Write), 0);
    }
}
