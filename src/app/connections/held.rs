//! Bytes that the service holds for its clients: answers that they have not taken, heads of which the
//! rest has not come. When there are too many, the connection that has held some longest is closed,
//! of the address that has most.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use foundation::limits::{AddressKey, Limit};

use super::{CloseCause, ConnectionState};

/// Bytes of all answers that wait for their clients.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of all heads that are not whole.
const MAX_HEAD_BYTES: usize = 32 * 1024 * 1024;
/// Data of answers up to this size is not counted: there is no more of it than there are requests.
pub(super) const UNCOUNTED_ANSWER: usize = 16 * 1024;
/// Nor are heads below this size.
pub(super) const UNCOUNTED_HEAD: usize = 4 * 1024;

/// What is held for the connections of all listeners that share it.
#[derive(Debug)]
pub struct HeldMemory {
    pub(super) answers: Arc<HeldBytes>,
    pub(super) heads: Arc<HeldBytes>,
}

impl Default for HeldMemory {
    fn default() -> Self {
        Self {
            answers: HeldBytes::new(MAX_ANSWER_BYTES, Limit::UntakenAnswers),
            heads: HeldBytes::new(MAX_HEAD_BYTES, Limit::UnfinishedHeads),
        }
    }
}

impl HeldMemory {
    /// Bytes of answers that wait for their clients now, without small ones.
    #[must_use]
    pub fn answer_bytes(&self) -> usize {
        self.answers.pieces().bytes
    }

    /// Bytes of heads that are not whole now, without small ones.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        self.heads.pieces().bytes
    }
}

/// Bytes of one kind, and how many there may be.
#[derive(Debug)]
pub(super) struct HeldBytes {
    max: usize,
    limit: Limit,
    pieces: Mutex<HeldPieceTable>,
}

#[derive(Debug, Default)]
struct HeldPieceTable {
    next_id: u64,
    /// The one that is held longest first.
    by_id: BTreeMap<u64, HeldPieceEntry>,
    by_address: HashMap<AddressKey, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct HeldPieceEntry {
    connection: Arc<ConnectionState>,
    bytes: usize,
    /// It is held until the connection has more requests than this; none: until it is dropped.
    requests: Option<u64>,
}

impl HeldBytes {
    fn new(max: usize, limit: Limit) -> Arc<Self> {
        Arc::new(Self {
            max,
            limit,
            pieces: Mutex::default(),
        })
    }

    fn pieces(&self) -> MutexGuard<'_, HeldPieceTable> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes are held for a connection, until the result is dropped, and no longer than the
    /// connection has so many requests.
    pub(super) fn hold(
        self: &Arc<Self>,
        connection: &Arc<ConnectionState>,
        bytes: usize,
        requests: Option<u64>,
    ) -> HeldPiece {
        let mut pieces = self.pieces();
        let id = pieces.next_id;
        pieces.next_id += 1;
        let connection = Arc::clone(connection);
        pieces.by_id.insert(
            id,
            HeldPieceEntry {
                connection,
                bytes: 0,
                requests,
            },
        );
        pieces.resize(id, bytes);
        self.relieve(&mut pieces);
        drop(pieces);
        HeldPiece {
            id,
            held: Arc::clone(self),
        }
    }

    /// Closes connections until not more is held than may be.
    fn relieve(&self, pieces: &mut HeldPieceTable) {
        while pieces.bytes > self.max
            && let Some((id, connection)) = pieces.oldest_of_greatest()
        {
            if pieces.is_over(id) {
                pieces.remove(id);
                continue;
            }
            pieces.give_up(&connection);
            self.limit.count();
            connection.close(CloseCause::Evicted);
        }
    }
}

impl HeldPieceTable {
    /// The piece that is held longest, of the address that has most.
    fn oldest_of_greatest(&self) -> Option<(u64, Arc<ConnectionState>)> {
        let (address, _) = self.by_address.iter().max_by_key(|(_, bytes)| **bytes)?;
        let (id, oldest) = self
            .by_id
            .iter()
            .find(|(_, piece)| piece.connection.peer() == *address && piece.bytes > 0)?;
        Some((*id, Arc::clone(&oldest.connection)))
    }

    /// Whether a piece is not held any more: the request came.
    fn is_over(&self, id: u64) -> bool {
        let piece = self.by_id.get(&id);
        let until = piece.and_then(|piece| Some((piece.connection.requests(), piece.requests?)));
        until.is_some_and(|(requests, until)| requests > until)
    }

    /// Gives up all that is held for a connection.
    fn give_up(&mut self, connection: &Arc<ConnectionState>) {
        let of_it =
            |(_, piece): &(&u64, &HeldPieceEntry)| Arc::ptr_eq(&piece.connection, connection);
        let ids: Vec<u64> = self.by_id.iter().filter(of_it).map(|(id, _)| *id).collect();
        for id in ids {
            self.remove(id);
        }
    }

    /// Does nothing when it was given up.
    fn resize(&mut self, id: u64, bytes: usize) {
        let Some(piece) = self.by_id.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut piece.bytes, bytes);
        let address = piece.connection.peer();
        self.bytes = self.bytes - before + bytes;
        let of_address = self.by_address.entry(address).or_default();
        *of_address = *of_address - before + bytes;
        if *of_address == 0 {
            self.by_address.remove(&address);
        }
    }

    fn remove(&mut self, id: u64) -> Option<HeldPieceEntry> {
        self.resize(id, 0);
        self.by_id.remove(&id)
    }
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub(super) struct HeldPiece {
    id: u64,
    held: Arc<HeldBytes>,
}

impl HeldPiece {
    /// So many bytes by now, no longer than the connection has so many requests.
    pub(super) fn resize(&self, bytes: usize, requests: Option<u64>) {
        let mut pieces = self.held.pieces();
        if let Some(piece) = pieces.by_id.get_mut(&self.id) {
            piece.requests = requests;
        }
        pieces.resize(self.id, bytes);
        self.held.relieve(&mut pieces);
    }
}

impl Drop for HeldPiece {
    fn drop(&mut self) {
        // What it holds is dropped without the lock.
        let piece = self.held.pieces().remove(self.id);
        drop(piece);
    }
}

/// Data of an answer, which counts until the last part of it is dropped.
struct CountedData {
    data: Bytes,
    _piece: HeldPiece,
}

impl AsRef<[u8]> for CountedData {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl HeldBytes {
    /// The same data, counted for a connection while any of it is there. Small data is not, nor what
    /// is shared: that is there anyway.
    pub(super) fn count(self: &Arc<Self>, connection: &Arc<ConnectionState>, data: Bytes) -> Bytes {
        if data.len() <= UNCOUNTED_ANSWER || !data.is_unique() {
            return data;
        }
        let piece = self.hold(connection, data.len(), None);
        Bytes::from_owner(CountedData {
            data,
            _piece: piece,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::Version;

    use super::{
        super::{ConnectionLimits, ConnectionRegistry, OpenConnection},
        *,
    };

    const KIB: usize = 1024;

    fn held() -> Arc<HeldBytes> {
        HeldBytes::new(100 * KIB, Limit::UntakenAnswers)
    }

    fn connections() -> Arc<ConnectionRegistry> {
        ConnectionRegistry::new(ConnectionLimits {
            max: 100,
            max_per_address: 100,
            trusted_proxies: [].into(),
        })
    }

    fn open(connections: &Arc<ConnectionRegistry>, last: u8) -> OpenConnection {
        connections
            .admit(IpAddr::from([192, 0, 2, last]))
            .expect("there is a place")
    }

    fn is_closed(open: &OpenConnection) -> bool {
        open.connection().cause() == CloseCause::Evicted
    }

    fn data(kib: usize) -> Bytes {
        vec![b'a'; kib * KIB].into()
    }

    #[test]
    fn the_address_that_has_most_loses_its_oldest_connection() {
        let (held, connections) = (held(), connections());
        let all = [1, 2, 2, 2].map(|last| open(&connections, last));
        let kept: Vec<Bytes> = [40, 25, 25, 20]
            .iter()
            .zip(&all)
            .map(|(kib, open)| held.count(open.connection(), data(*kib)))
            .collect();
        assert_eq!(all.each_ref().map(is_closed), [false, true, false, false]);
        assert_eq!(held.pieces().bytes, 85 * KIB);
        drop(kept);
        let left = held.pieces();
        assert!(left.by_id.is_empty() && left.by_address.is_empty() && left.bytes == 0);
    }

    #[test]
    fn all_that_a_closed_connection_has_is_given_up() {
        let (held, connections) = (held(), connections());
        let (one, other) = (open(&connections, 1), open(&connections, 2));
        let _many: Vec<Bytes> = (0..5)
            .map(|_| held.count(one.connection(), data(20)))
            .collect();
        assert!(!is_closed(&one));
        let _more = held.count(other.connection(), data(20));
        assert!(is_closed(&one) && !is_closed(&other));
        assert_eq!(held.pieces().bytes, 20 * KIB);
    }

    #[test]
    fn data_counts_until_its_last_part_is_dropped() {
        let (held, connections) = (held(), connections());
        let open = open(&connections, 1);
        let mut all = held.count(open.connection(), data(20));
        let last = all.split_off(19 * KIB);
        drop(all);
        assert_eq!(held.pieces().bytes, 20 * KIB);
        drop(last);
        assert_eq!(held.pieces().bytes, 0);
    }

    #[test]
    fn small_and_shared_data_is_not_counted() {
        let (held, connections) = (held(), connections());
        let open = open(&connections, 1);
        let shared = data(20);
        let _kept = [data(16), shared.clone()].map(|data| held.count(open.connection(), data));
        assert_eq!(held.pieces().bytes, 0);
    }

    #[test]
    fn a_head_is_over_when_its_request_begins() {
        let (held, connections) = (held(), connections());
        let (whole, half) = (open(&connections, 1), open(&connections, 1));
        let pieces = [&whole, &half].map(|open| held.hold(open.connection(), KIB, Some(0)));
        pieces[0].resize(60 * KIB, Some(0));
        let _running = whole.begin(Version::HTTP_11, Some(0));
        pieces[1].resize(60 * KIB, Some(0));
        assert!(!is_closed(&whole) && !is_closed(&half));
        pieces[1].resize(101 * KIB, Some(0));
        assert!(!is_closed(&whole) && is_closed(&half));
    }
}
