//! How many requests are answered at the same time, by class.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use foundation::{config::Limits, limits::Limit};

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
    decisions: Gauge,
    /// All but decisions and probes.
    others: Gauge,
    writes: Gauge,
}

impl InFlight {
    /// With these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Arc<Self> {
        let (all, decisions) = (limits.max_in_flight, limits.max_decisions_in_flight);
        Arc::new(Self {
            decisions: Gauge::new(decisions),
            // What is set aside for decisions is theirs, also while they do not need it.
            others: Gauge::new(all.saturating_sub(decisions)),
            writes: Gauge::new(limits.max_writes_in_flight),
        })
    }

    /// Counts a request until the permit is dropped; none for a probe.
    pub(super) fn enter(self: &Arc<Self>, class: RequestClass) -> Result<Option<Permit>, Limit> {
        match class {
            RequestClass::Probe => return Ok(None),
            RequestClass::Decision => self.decisions.enter(Limit::DecisionsInFlight)?,
            RequestClass::Write => {
                self.writes.enter(Limit::WritesInFlight)?;
                self.others
                    .enter(Limit::InFlight)
                    .inspect_err(|_| self.writes.leave())?;
            }
            RequestClass::Read | RequestClass::Page => self.others.enter(Limit::InFlight)?,
        }
        Ok(Some(Permit {
            in_flight: Arc::clone(self),
            class,
        }))
    }

    /// Requests of a class that are being answered; reads and pages count as one.
    #[must_use]
    pub fn running(&self, class: RequestClass) -> usize {
        match class {
            RequestClass::Probe => 0,
            RequestClass::Decision => self.decisions.current(),
            RequestClass::Write => self.writes.current(),
            RequestClass::Read | RequestClass::Page => {
                self.others.current().saturating_sub(self.writes.current())
            }
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Permit {
    in_flight: Arc<InFlight>,
    class: RequestClass,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let in_flight = &self.in_flight;
        match self.class {
            RequestClass::Probe => {}
            RequestClass::Decision => in_flight.decisions.leave(),
            RequestClass::Write => {
                in_flight.others.leave();
                in_flight.writes.leave();
            }
            RequestClass::Read | RequestClass::Page => in_flight.others.leave(),
        }
    }
}

#[derive(Debug)]
struct Gauge {
    current: AtomicUsize,
    max: usize,
}

impl Gauge {
    const fn new(max: usize) -> Self {
        Self {
            current: AtomicUsize::new(0),
            max,
        }
    }

    fn enter(&self, limit: Limit) -> Result<(), Limit> {
        if self.current.fetch_add(1, Ordering::Relaxed) < self.max {
            return Ok(());
        }
        self.leave();
        Err(limit)
    }

    fn leave(&self) {
        self.current.fetch_sub(1, Ordering::Relaxed);
    }

    fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_flight() -> Arc<InFlight> {
        Arc::new(InFlight {
            decisions: Gauge::new(2),
            others: Gauge::new(3),
            writes: Gauge::new(1),
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
