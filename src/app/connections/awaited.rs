//! The bodies of requests whose clients are awaited: how many there may be, and which is given up when
//! there are too many. Clients that send slowly keep nobody else from being answered: the one that is
//! awaited longest makes room.

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
    bodies: Mutex<Bodies>,
}

#[derive(Debug, Default)]
struct Bodies {
    next_id: u64,
    /// The one that is awaited longest first.
    by_id: BTreeMap<u64, Body>,
    by_address: HashMap<AddressKey, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Body {
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

    fn bodies(&self) -> MutexGuard<'_, Bodies> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A body from an address is awaited. At a limit, the one that is awaited longest is given up.
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
        let of_address = address.and_then(|address| bodies.by_address.get(&address));
        if of_address.is_some_and(|count| *count >= self.limits.max_per_address) {
            bodies.give_up_oldest(|body| body.address == address);
        }
        if bodies.by_id.len() >= self.limits.max {
            bodies.give_up_oldest(|_| true);
        }
        let id = bodies.next_id;
        bodies.next_id += 1;
        bodies.by_id.insert(
            id,
            Body {
                address,
                bytes: 0,
                waker: None,
            },
        );
        if let Some(address) = address {
            *bodies.by_address.entry(address).or_default() += 1;
        }
        AwaitedBody {
            id,
            bodies: Arc::clone(self),
        }
    }
}

impl Bodies {
    fn give_up_oldest(&mut self, is_eligible: impl Fn(&Body) -> bool) {
        let found = self.by_id.iter().find(|(_, body)| is_eligible(body));
        let found = found.map(|(id, _)| *id);
        if let Some(waker) = found
            .and_then(|id| self.remove(id))
            .and_then(|body| body.waker)
        {
            waker.wake();
        }
    }

    /// A second call does nothing.
    fn remove(&mut self, id: u64) -> Option<Body> {
        let body = self.by_id.remove(&id)?;
        self.bytes -= body.bytes;
        if let Some(address) = body.address
            && let Some(count) = self.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
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
        bodies.bytes += added;
        while bodies.bytes > self.bodies.limits.max_bytes && !bodies.by_id.is_empty() {
            bodies.give_up_oldest(|body| body.bytes > 0);
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
    fn the_one_awaited_longest_makes_room() {
        let bodies = bodies();
        let all = [1, 2, 3, 4].map(|last| bodies.enter(Some(address(last))));
        assert_eq!(
            all.each_ref().map(|body| waits(body, 0)),
            [false, true, true, true]
        );
    }

    #[test]
    fn an_address_makes_room_for_itself() {
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
        assert!(!waits(&second, 101));
        assert_eq!(bodies.bodies().bytes, 0);
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
