//! The connections that are open, and which of them is closed when there are too many.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use foundation::{
    config::Settings,
    limits::{AddressKey, Limit},
};
use http::Version;
use ipnet::IpNet;
use tokio::sync::Notify;

use super::descriptors;

/// Connections of the internal listener. They are apart from the others, so that metrics can be read
/// when those are used up.
const MAX_INTERNAL: usize = 64;
/// Established connections that are looked at for one that is idle.
const MAX_SCANNED: usize = 64;

/// How many connections there may be.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// In all.
    pub max: usize,
    /// By one address.
    pub max_per_address: usize,
    /// Networks whose addresses count in all alone.
    pub trusted_proxies: Arc<[IpNet]>,
}

impl ConnectionLimits {
    /// Those of the settings, as far as the process may open so many files. The limit of files is
    /// raised as far as it may be; what holds is logged.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let limits = &settings.limits;
        // Two pools of the database, the log, key files, and listeners.
        let others = 64 + 2 * u64::from(settings.database.max_connections);
        let files = descriptors::raise();
        let possible = files.map_or(usize::MAX, |files| {
            descriptors::connections_within(files, others)
        });
        let max = limits.max_connections.min(possible);
        // One address never has all of them.
        let max_per_address = limits.max_connections_per_address.min((max / 2).max(1));
        tracing::info!(max, max_per_address, files, "connections");
        if max < limits.max_connections {
            tracing::warn!(
                max,
                wanted = limits.max_connections,
                files,
                "fewer connections than limits.max_connections, since the process may not open so many files"
            );
        }
        Self {
            max,
            max_per_address,
            trusted_proxies: settings.server.trusted_proxies.clone().into(),
        }
    }

    /// Those of the internal listener.
    #[must_use]
    pub fn internal() -> Self {
        Self {
            max: MAX_INTERNAL,
            max_per_address: MAX_INTERNAL,
            trusted_proxies: [].into(),
        }
    }
}

/// Why a connection is to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseCause {
    /// It is not.
    None,
    /// Others need its place: at once.
    Evicted,
    /// Its client asked for nothing for long: when what runs is done.
    Idle,
    /// The service stops: when what runs is done.
    Stopping,
}

/// A body of a request whose length is not said before it.
const UNKNOWN_LENGTH: u64 = u64::MAX;

/// What is known about an open connection, by all its parts.
#[derive(Debug)]
pub struct ConnectionState {
    id: u64,
    opened: Instant,
    peer: AddressKey,
    is_counted_by_address: bool,
    has_asked: AtomicBool,
    is_http2: AtomicBool,
    /// Requests so far.
    requests: AtomicU64,
    /// Bytes of the body of the last request; [`UNKNOWN_LENGTH`] where it is not said.
    body: AtomicU64,
    /// Requests that are being answered.
    in_flight: AtomicUsize,
    /// Whether its client takes nothing of what is written.
    is_blocked: AtomicBool,
    /// Milliseconds from `opened` to the end of the last answer.
    idle_since: AtomicU64,
    cause: AtomicU8,
    close: Notify,
}

impl ConnectionState {
    fn new(id: u64, peer: AddressKey, is_counted_by_address: bool) -> Self {
        Self {
            id,
            opened: Instant::now(),
            peer,
            is_counted_by_address,
            has_asked: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            body: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            is_blocked: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            cause: AtomicU8::new(CloseCause::None as u8),
            close: Notify::new(),
        }
    }

    /// The address at its other end.
    pub(super) const fn peer(&self) -> AddressKey {
        self.peer
    }

    /// When it was accepted.
    pub(super) const fn opened(&self) -> Instant {
        self.opened
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of the body of the last request, where they are said before it.
    pub(super) fn last_body(&self) -> Option<u64> {
        Some(self.body.load(Ordering::Relaxed)).filter(|length| *length != UNKNOWN_LENGTH)
    }

    /// Requests that are being answered.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Notes whether its client takes nothing of what is written.
    pub(super) fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::Relaxed);
    }

    /// Whether nothing is being answered, or written.
    fn is_idle(&self) -> bool {
        self.in_flight() == 0 && !self.is_blocked.load(Ordering::Relaxed)
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Relaxed)
    }

    /// The end of the last answer.
    pub(super) fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.idle_since.load(Ordering::Relaxed))
    }

    /// Begins a request with a body of so many bytes, where that is said; it runs until the value is
    /// dropped.
    pub fn begin(self: &Arc<Self>, version: Version, body: Option<u64>) -> RunningRequest {
        self.body
            .store(body.unwrap_or(UNKNOWN_LENGTH), Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        if version == Version::HTTP_2 {
            self.is_http2.store(true, Ordering::Relaxed);
        }
        RunningRequest(Arc::clone(self))
    }

    /// Asks the connection to close. The first cause stays, unless it is to close at once.
    pub(super) fn close(&self, cause: CloseCause) {
        let current = self.cause();
        if current == CloseCause::None || cause == CloseCause::Evicted {
            self.cause.store(cause as u8, Ordering::Relaxed);
            self.close.notify_one();
        }
    }

    /// Why it is to close.
    pub fn cause(&self) -> CloseCause {
        match self.cause.load(Ordering::Relaxed) {
            1 => CloseCause::Evicted,
            2 => CloseCause::Idle,
            3 => CloseCause::Stopping,
            _ => CloseCause::None,
        }
    }

    /// Resolves when it is asked to close.
    pub async fn asked_to_close(&self) {
        self.close.notified().await;
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct RunningRequest(Arc<ConnectionState>);

impl RunningRequest {
    /// The connection that it came by.
    pub(super) const fn connection(&self) -> &Arc<ConnectionState> {
        &self.0
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        let connection = &self.0;
        let since = connection.opened.elapsed().as_millis();
        connection
            .idle_since
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        connection.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The open connections of some listeners.
#[derive(Debug)]
pub struct ConnectionRegistry {
    limits: ConnectionLimits,
    open: Mutex<OpenConnectionTable>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct OpenConnectionTable {
    next_id: u64,
    all: BTreeMap<u64, Arc<ConnectionState>>,
    /// Those that have not asked for anything, oldest first.
    silent: BTreeSet<u64>,
    /// The same by address.
    silent_by_peer: BTreeSet<(AddressKey, u64)>,
    by_peer: HashMap<AddressKey, usize>,
    /// All that count by address.
    all_by_peer: BTreeSet<(AddressKey, u64)>,
    /// The addresses by how many they have.
    by_count: BTreeSet<(usize, AddressKey)>,
    /// Where the search for an idle one goes on.
    scanned: u64,
}

impl ConnectionRegistry {
    /// None yet.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            open: Mutex::default(),
            closed: Notify::new(),
        })
    }

    fn open(&self) -> MutexGuard<'_, OpenConnectionTable> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in. At a limit, one that has not asked for anything is closed for it, or
    /// one that is idle: at that of an address its own, at that of all one of the address that has
    /// most.
    ///
    /// # Errors
    /// There are too many, and all are in use.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<OpenConnection, Limit> {
        let is_trusted = self
            .limits
            .trusted_proxies
            .iter()
            .any(|network| network.contains(&peer.to_canonical()));
        let peer = AddressKey::from(peer);
        let mut open = self.open();
        let of_peer = open.by_peer.get(&peer).copied().unwrap_or(0);
        if !is_trusted && of_peer >= self.limits.max_per_address && !open.evict_of(peer) {
            return Err(Limit::AddressConnections);
        }
        if open.all.len() >= self.limits.max && !open.evict() {
            return Err(Limit::Connections);
        }
        let connection = open.insert(peer, !is_trusted);
        drop(open);
        Ok(OpenConnection {
            connection,
            connections: Arc::clone(self),
        })
    }

    /// Closes an idle connection, where there is one: the process cannot open more.
    pub fn close_idle(&self) {
        self.open().evict();
    }

    /// Asks all connections to close when what runs is done.
    pub fn stop(&self) {
        for connection in self.open().all.values() {
            connection.close(CloseCause::Stopping);
        }
    }

    /// Resolves when no connection is open.
    pub async fn drained(&self) {
        loop {
            let closed = self.closed.notified();
            if self.open().all.is_empty() {
                return;
            }
            closed.await;
        }
    }

    fn remove(&self, connection: &ConnectionState) {
        let mut open = self.open();
        open.remove(connection);
        if open.all.is_empty() {
            self.closed.notify_waiters();
        }
    }
}

impl OpenConnectionTable {
    fn insert(&mut self, peer: AddressKey, is_counted_by_address: bool) -> Arc<ConnectionState> {
        let id = self.next_id;
        self.next_id += 1;
        let connection = Arc::new(ConnectionState::new(id, peer, is_counted_by_address));
        self.all.insert(id, Arc::clone(&connection));
        self.silent.insert(id);
        if is_counted_by_address {
            self.silent_by_peer.insert((peer, id));
            self.all_by_peer.insert((peer, id));
            self.count_of(peer, |count| count + 1);
        }
        connection
    }

    /// A second call does nothing.
    fn remove(&mut self, connection: &ConnectionState) {
        if self.all.remove(&connection.id).is_none() {
            return;
        }
        self.no_longer_silent(connection);
        if connection.is_counted_by_address {
            self.all_by_peer.remove(&(connection.peer, connection.id));
            self.count_of(connection.peer, |count| count - 1);
        }
    }

    fn count_of(&mut self, peer: AddressKey, change: impl Fn(usize) -> usize) {
        let before = self.by_peer.remove(&peer).unwrap_or(0);
        self.by_count.remove(&(before, peer));
        let count = change(before);
        if count > 0 {
            self.by_peer.insert(peer, count);
            self.by_count.insert((count, peer));
        }
    }

    fn no_longer_silent(&mut self, connection: &ConnectionState) {
        self.silent.remove(&connection.id);
        self.silent_by_peer
            .remove(&(connection.peer, connection.id));
    }

    /// Closes the oldest connection of an address that has not asked for anything, else one of its
    /// that is idle.
    fn evict_of(&mut self, peer: AddressKey) -> bool {
        let oldest = self
            .silent_by_peer
            .range((peer, 0)..=(peer, u64::MAX))
            .next()
            .map(|(_, id)| *id);
        let chosen = oldest.or_else(|| self.find_idle_of(peer));
        self.evict_one(chosen)
    }

    /// The oldest of an address that is idle, among the first.
    fn find_idle_of(&self, peer: AddressKey) -> Option<u64> {
        self.all_by_peer
            .range((peer, 0)..=(peer, u64::MAX))
            .take(MAX_SCANNED)
            .map(|(_, id)| *id)
            .find(|id| self.all.get(id).is_some_and(|open| open.is_idle()))
    }

    /// Closes the oldest connection that has not asked for anything, else one that is idle: of the
    /// address that has most, so that others keep theirs, else any.
    fn evict(&mut self) -> bool {
        let oldest = self.silent.first().copied();
        let greatest = self.by_count.last().map(|(_, peer)| *peer);
        let chosen = oldest
            .or_else(|| self.find_idle_of(greatest?))
            .or_else(|| self.find_idle());
        self.evict_one(chosen)
    }

    fn find_idle(&mut self) -> Option<u64> {
        let (after, before) = (
            self.all.range(self.scanned..),
            self.all.range(..self.scanned),
        );
        let mut last = self.scanned;
        let found = after
            .chain(before)
            .take(MAX_SCANNED)
            .inspect(|(id, _)| last = **id)
            .find(|(_, connection)| connection.is_idle())
            .map(|(id, _)| *id);
        self.scanned = last.wrapping_add(1);
        found
    }

    fn evict_one(&mut self, id: Option<u64>) -> bool {
        let Some(connection) = id.and_then(|id| self.all.get(&id)).map(Arc::clone) else {
            return false;
        };
        // Its place is free at once; its task ends soon.
        self.remove(&connection);
        connection.close(CloseCause::Evicted);
        true
    }
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct OpenConnection {
    connection: Arc<ConnectionState>,
    connections: Arc<ConnectionRegistry>,
}

impl OpenConnection {
    /// What is known about it.
    #[must_use]
    pub const fn connection(&self) -> &Arc<ConnectionState> {
        &self.connection
    }

    /// Begins a request with a body of so many bytes, where that is said; it runs until the value is
    /// dropped.
    #[must_use]
    pub fn begin(&self, version: Version, body: Option<u64>) -> RunningRequest {
        if !self.connection.has_asked.swap(true, Ordering::Relaxed) {
            self.connections.open().no_longer_silent(&self.connection);
        }
        self.connection.begin(version, body)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.remove(&self.connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(max: usize, max_per_address: usize) -> Arc<ConnectionRegistry> {
        ConnectionRegistry::new(ConnectionLimits {
            max,
            max_per_address,
            trusted_proxies: ["10.0.0.0/8".parse().unwrap()].into(),
        })
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn is_evicted(open: &OpenConnection) -> bool {
        open.connection.cause() == CloseCause::Evicted
    }

    #[test]
    fn one_that_has_not_asked_is_closed_before_one_that_is_idle() {
        let connections = connections(2, 2);
        let idle = connections.admit(address(1)).unwrap();
        drop(idle.begin(Version::HTTP_11, Some(0)));
        let silent = connections.admit(address(2)).unwrap();
        let _third = connections.admit(address(3)).unwrap();
        assert!(is_evicted(&silent) && !is_evicted(&idle));
        drop(silent);
        assert_eq!(connections.open().all.len(), 2);
    }

    #[test]
    fn one_that_is_in_use_is_never_closed_for_another() {
        let connections = connections(1, 2);
        let open = connections.admit(address(1)).unwrap();
        let running = open.begin(Version::HTTP_11, Some(0));
        assert_eq!(
            connections.admit(address(2)).err(),
            Some(Limit::Connections)
        );
        drop(running);
        let _second = connections.admit(address(2)).unwrap();
        assert!(is_evicted(&open));
    }

    #[test]
    fn an_address_closes_its_own_connections_and_no_others() {
        let connections = connections(10, 2);
        let other = connections.admit(address(1)).unwrap();
        let first = connections.admit(address(2)).unwrap();
        let second = connections.admit(address(2)).unwrap();
        let third = connections.admit(address(2)).unwrap();
        assert!(is_evicted(&first) && !is_evicted(&second) && !is_evicted(&other));
        let running = second.begin(Version::HTTP_11, Some(0));
        drop(third.begin(Version::HTTP_11, Some(0)));
        let fourth = connections.admit(address(2)).unwrap();
        assert!(is_evicted(&third) && !is_evicted(&second) && !is_evicted(&other));
        let also_running = fourth.begin(Version::HTTP_11, Some(0));
        assert_eq!(
            connections.admit(address(2)).err(),
            Some(Limit::AddressConnections)
        );
        drop((running, also_running));
    }

    #[test]
    fn of_idle_ones_the_address_that_has_most_loses_one() {
        let connections = connections(4, 4);
        let all = [1, 2, 2, 3].map(|last| connections.admit(address(last)).unwrap());
        for open in &all {
            drop(open.begin(Version::HTTP_11, Some(0)));
        }
        let new = connections.admit(address(4)).unwrap();
        let running = new.begin(Version::HTTP_11, Some(0));
        assert_eq!(all.each_ref().map(is_evicted), [false, true, false, false]);
        drop((all, running, new));
        let left = connections.open();
        assert!(left.by_count.is_empty() && left.all_by_peer.is_empty());
    }

    #[test]
    fn one_whose_client_does_not_take_its_answer_is_in_use() {
        let connections = connections(2, 1);
        let open = connections.admit(address(1)).unwrap();
        drop(open.begin(Version::HTTP_11, Some(0)));
        open.connection().set_blocked(true);
        assert!(connections.admit(address(1)).is_err());
        open.connection().set_blocked(false);
        assert!(connections.admit(address(1)).is_ok() && is_evicted(&open));
    }

    #[test]
    fn proxies_count_in_all_alone() {
        let connections = connections(10, 1);
        let proxied: Vec<_> = (0..5)
            .map(|_| connections.admit([10, 0, 0, 1].into()).unwrap())
            .collect();
        assert!(!proxied.iter().any(is_evicted));
        drop(proxied);
        assert!(connections.open().by_peer.is_empty() && connections.open().silent.is_empty());
    }
}
