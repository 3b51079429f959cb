//! Work on policies that takes long, on threads of its own.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

/// How much is done at a time, in pieces of up to half a megabyte of policy.
const WORKERS: usize = 4;
/// Bytes of a policy for which one worker is enough.
const BYTES_OF_WORKER: usize = 512 * 1024;
/// How long somebody waits for a worker and its work.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a policy that is worked on where it is: this takes about a millisecond.
const INLINE_BYTES: usize = 16 * 1024;

/// The workers were busy for too long, or the work took too long.
#[derive(Debug, thiserror::Error)]
#[error("the work on a policy took too long")]
pub struct Busy;

/// A few workers. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Semaphore>);

impl Default for Workers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WORKERS)))
    }
}

impl Workers {
    /// Does work on a policy of so many bytes: two seconds of it, waiting included. Work that takes
    /// longer goes on, and keeps its worker until it is done.
    ///
    /// # Errors
    /// It took longer.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        if bytes <= INLINE_BYTES {
            return Ok(work());
        }
        let wanted = bytes.div_ceil(BYTES_OF_WORKER).min(WORKERS);
        let wanted = u32::try_from(wanted).unwrap_or(1);
        let workers = Arc::clone(&self.0);
        let done = async {
            let worker = workers.acquire_many_owned(wanted).await.map_err(|_| Busy)?;
            let work = move || {
                let done = work();
                drop(worker);
                done
            };
            tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
        };
        tokio::time::timeout(PATIENCE, done)
            .await
            .unwrap_or(Err(Busy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_policies_are_worked_on_where_they_are() {
        let here = std::thread::current().id();
        let workers = Workers::default();
        let thread = |bytes| workers.run(bytes, || std::thread::current().id());
        assert_eq!(thread(INLINE_BYTES).await.unwrap(), here);
        assert_ne!(thread(INLINE_BYTES + 1).await.unwrap(), here);
    }
}
