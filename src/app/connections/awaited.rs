//! The bodies of requests whose clients are awaited: how many there may be, and which is given up when
//! there are too many. Clients that send slowly keep no other client from being answered: of the
//! address that has most, the one that is awaited longest is given up.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use foundation::{config::Settings, limits::AddressKey};
use ipnet::IpNet;

/// How many bodies may be awaited.
#[derive(Debug)]
struct AwaitedLimits {
    max: usize,
    /// Of one address.
    max_per_address: usize,
    /// That came of them so far, together.
    max_bytes: usize,
    /// Networks whose addresses count in all alone.
    trusted_proxies: Arc<[IpNet]>,
}

/// The bodies that are awaited, of all listeners that share them.
#[derive(Debug)]
pub struct AwaitedBodies {
    limits: AwaitedLimits,
    bodies: Mutex<AwaitedBodyTable>,
}

#[derive(Debug, Default)]
struct AwaitedBodyTable {
    next_id: u64,
    /// The one that is awaited longest first.
    by_id: BTreeMap<u64, AwaitedBodyEntry>,
    /// None: those that are known by no address.
    by_address: HashMap<Option<AddressKey>, AddressUsage>,
    bytes: usize,
}

/// What an address has.
#[derive(Debug, Default, Clone, Copy)]
struct AddressUsage {
    bodies: usize,
    bytes: usize,
}

#[derive(Debug)]
struct AwaitedBodyEntry {
    /// None where it counts in all alone.
    address: Option<AddressKey>,
    bytes: usize,
    waker: Option<Waker>,
}

impl AwaitedBodies {
    /// None yet, with the limits of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Arc<Self> {
        let limits = &settings.limits;
        Arc::new(Self {
            limits: AwaitedLimits {
                max: limits.max_awaited_bodies,
                max_per_address: limits.max_awaited_bodies_per_address,
                max_bytes: limits.max_awaited_body_bytes,
                trusted_proxies: settings.server.trusted_proxies.clone().into(),
            },
            bodies: Mutex::default(),
        })
    }

    /// Bodies that are awaited now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bodies().by_id.len()
    }

    fn bodies(&self) -> MutexGuard<'_, AwaitedBodyTable> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A body from an address is awaited. At a limit, the one that is awaited longest is given
    /// up, of the address that has most.
    pub(super) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> AwaitedBody {
        let is_trusted = |address: &IpAddr| {
            let networks = &self.limits.trusted_proxies;
            networks
                .iter()
                .any(|network| network.contains(&address.to_canonical()))
        };
        let address = address
            .filter(|address| !is_trusted(address))
            .map(AddressKey::from);
        let mut bodies = self.bodies();
        let held = bodies.by_address.get(&address).copied().unwrap_or_default();
        if address.is_some() && held.bodies >= self.limits.max_per_address {
            bodies.give_up_oldest(|body| body.address == address);
        }
        if bodies.by_id.len() >= self.limits.max {
            bodies.give_up_of_greatest(|held| held.bodies, |_| true);
        }
        let id = bodies.next_id;
        bodies.next_id += 1;
        bodies.by_id.insert(
            id,
            AwaitedBodyEntry {
                address,
                bytes: 0,
                waker: None,
            },
        );
        bodies.by_address.entry(address).or_default().bodies += 1;
        AwaitedBody {
            id,
            bodies: Arc::clone(self),
        }
    }
}

impl AwaitedBodyTable {
    fn give_up_oldest(&mut self, is_eligible: impl Fn(&AwaitedBodyEntry) -> bool) {
        let found = self.by_id.iter().find(|(_, body)| is_eligible(body));
        let found = found.map(|(id, _)| *id);
        if let Some(waker) = found
            .and_then(|id| self.remove(id))
            .and_then(|body| body.waker)
        {
            waker.wake();
        }
    }

    /// Gives up the oldest eligible body of the address that has most: one that has few keeps them.
    fn give_up_of_greatest(
        &mut self,
        size: impl Fn(&AddressUsage) -> usize,
        is_eligible: impl Fn(&AwaitedBodyEntry) -> bool,
    ) {
        let greatest = self.by_address.iter().max_by_key(|(_, held)| size(held));
        if let Some(address) = greatest.map(|(address, _)| *address) {
            self.give_up_oldest(|body| body.address == address && is_eligible(body));
        }
    }

    /// A second call does nothing.
    fn remove(&mut self, id: u64) -> Option<AwaitedBodyEntry> {
        let body = self.by_id.remove(&id)?;
        self.bytes -= body.bytes;
        if let Some(held) = self.by_address.get_mut(&body.address) {
            held.bodies -= 1;
            held.bytes -= body.bytes;
            if held.bodies == 0 {
                self.by_address.remove(&body.address);
            }
        }
        Some(body)
    }
}

/// A body that is awaited until this is dropped.
#[derive(Debug)]
pub(super) struct AwaitedBody {
    id: u64,
    bodies: Arc<AwaitedBodies>,
}

impl AwaitedBody {
    /// Waits on, with so many bytes so far. False when it was given up; the task is woken then.
    #[must_use]
    pub(super) fn wait(&self, bytes: usize, waker: &Waker) -> bool {
        let mut bodies = self.bodies.bodies();
        let Some(body) = bodies.by_id.get_mut(&self.id) else {
            return false;
        };
        let added = bytes - body.bytes;
        body.bytes = bytes;
        match &mut body.waker {
            Some(known) => known.clone_from(waker),
            none @ None => *none = Some(waker.clone()),
        }
        let address = body.address;
        bodies.bytes += added;
        bodies.by_address.entry(address).or_default().bytes += added;
        while bodies.bytes > self.bodies.limits.max_bytes {
            // One without bytes would free nothing.
            bodies.give_up_of_greatest(|held| held.bytes, |body| body.bytes > 0);
        }
        bodies.by_id.contains_key(&self.id)
    }
}

impl Drop for AwaitedBody {
    fn drop(&mut self) {
        self.bodies.bodies().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Arc<AwaitedBodies> {
        Arc::new(AwaitedBodies {
            limits: AwaitedLimits {
                max: 3,
                max_per_address: 2,
                max_bytes: 100,
                trusted_proxies: ["10.0.0.0/8".parse().unwrap()].into(),
            },
            bodies: Mutex::default(),
        })
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn waits(body: &AwaitedBody, bytes: usize) -> bool {
        body.wait(bytes, Waker::noop())
    }

    #[test]
    fn the_address_that_has_most_loses_one() {
        let bodies = bodies();
        let other = bodies.enter(Some(address(1)));
        let most = [2, 2].map(|last| bodies.enter(Some(address(last))));
        let new = bodies.enter(Some(address(3)));
        assert_eq!(most.each_ref().map(|body| waits(body, 0)), [false, true]);
        assert!(waits(&other, 0) && waits(&new, 0));
    }

    #[test]
    fn an_address_loses_its_own_oldest() {
        let bodies = bodies();
        let other = bodies.enter(Some(address(1)));
        let own = [2, 2, 2].map(|last| bodies.enter(Some(address(last))));
        assert!(waits(&other, 0));
        assert_eq!(
            own.each_ref().map(|body| waits(body, 0)),
            [false, true, true]
        );
    }

    #[test]
    fn proxies_and_unknown_addresses_count_in_all_alone() {
        let bodies = bodies();
        let proxy = Some([10, 0, 0, 1].into());
        let all = [proxy, proxy, None].map(|address| bodies.enter(address));
        assert!(all.iter().all(|body| waits(body, 0)));
    }

    #[test]
    fn the_bytes_of_all_are_bounded() {
        let bodies = bodies();
        let (empty, first, second) = (
            bodies.enter(Some(address(1))),
            bodies.enter(Some(address(2))),
            bodies.enter(Some(address(3))),
        );
        assert!(waits(&first, 60) && waits(&second, 40) && waits(&second, 40));
        assert!(waits(&second, 41) && waits(&empty, 0) && !waits(&first, 60));
        assert!(waits(&empty, 1) && !waits(&second, 101));
        assert_eq!(bodies.bodies().bytes, 1);
    }

    #[test]
    fn nothing_is_kept_of_what_is_over() {
        let bodies = bodies();
        let body = bodies.enter(Some(address(1)));
        assert!(waits(&body, 10));
        drop(body);
        let left = bodies.bodies();
        assert!(left.by_id.is_empty() && left.by_address.is_empty() && left.bytes == 0);
    }
}
