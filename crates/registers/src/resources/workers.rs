//! Work on policies that takes long, on threads of its own.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

/// Bytes of a policy for which one worker is enough.
const BYTES_OF_WORKER: usize = 512 * 1024;
/// How long a request waits for a worker and its work.
const WORKER_TIMEOUT: Duration = Duration::from_secs(2);

/// The workers were busy for too long, or the work took too long.
#[derive(Debug, thiserror::Error)]
#[error("the work on a policy took too long")]
pub struct WorkersBusy;

/// A few workers. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct PolicyWorkers {
    free: Arc<Semaphore>,
    number: usize,
}

impl Default for PolicyWorkers {
    /// One for each processor but one, so that those who decide have it.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let number = processors.saturating_sub(1).max(1);
        Self {
            free: Arc::new(Semaphore::new(number)),
            number,
        }
    }
}

impl PolicyWorkers {
    /// Does work on a policy of so many bytes: two seconds of it, waiting included. Work that takes
    /// longer goes on, and keeps its worker until it is done.
    ///
    /// # Errors
    /// It took longer.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkersBusy> {
        let wanted = bytes.div_ceil(BYTES_OF_WORKER).clamp(1, self.number);
        let wanted = u32::try_from(wanted).unwrap_or(1);
        let workers = Arc::clone(&self.free);
        let done = async {
            let worker = workers
                .acquire_many_owned(wanted)
                .await
                .map_err(|_| WorkersBusy)?;
            let work = move || {
                let done = work();
                drop(worker);
                done
            };
            tokio::task::spawn_blocking(work)
                .await
                .map_err(|_| WorkersBusy)
        };
        tokio::time::timeout(WORKER_TIMEOUT, done)
            .await
            .unwrap_or(Err(WorkersBusy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_policy_is_worked_on_by_a_thread_that_answers() {
        let here = std::thread::current().id();
        let workers = PolicyWorkers::default();
        for bytes in [0, 1, 1 << 30] {
            let thread = workers.run(bytes, || std::thread::current().id()).await;
            assert_ne!(thread.unwrap(), here, "{bytes}");
        }
    }
}
