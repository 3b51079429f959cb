//! Whether the process wants requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the process wants requests. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on no new requests are wanted.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
