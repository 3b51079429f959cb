//! Streams of HTTP/2: one whose client takes nothing of its answer is given up.
//!
//! A client that opens no window is seen nowhere else: the connection goes on, and the body of the
//! answer is not asked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::{sleep, sleep_until};

tokio::task_local! {
    static STREAM: Arc<StreamProgress>;
}

/// How far the answer of a stream has come.
#[derive(Debug)]
pub struct StreamProgress {
    began: Instant,
    /// Milliseconds from `began` to the last progress, plus one; zero until there is an answer.
    last: AtomicU64,
}

impl StreamProgress {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
        })
    }

    /// The stream of the current task; none on HTTP/1.1.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        STREAM.try_with(Arc::clone).ok()
    }

    /// More of the answer was asked for.
    pub fn note(&self) {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed.saturating_add(1), Ordering::Relaxed);
    }

    fn last(&self) -> Option<Instant> {
        let last = self.last.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.began + Duration::from_millis(last))
    }

    /// Resolves when there is an answer of which nothing was asked for during `timeout`.
    async fn stalled(&self, timeout: Duration) {
        loop {
            match self.last() {
                None => sleep(timeout).await,
                Some(last) if last.elapsed() >= timeout => return,
                Some(last) => sleep_until((last + timeout).into()).await,
            }
        }
    }
}

/// Runs the streams of HTTP/2 connections.
#[derive(Debug, Clone, Copy)]
pub struct StreamExecutor {
    timeout: Duration,
}

impl StreamExecutor {
    /// `timeout`: for how long a client may take nothing.
    #[must_use]
    pub const fn new(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let progress = StreamProgress::new();
        let timeout = self.timeout;
        tokio::spawn(STREAM.scope(Arc::clone(&progress), async move {
            tokio::select! {
                biased;
                _ = stream => {}
                // What is dropped here is reset.
                () = progress.stalled(timeout) => {}
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_stalls_when_nothing_is_asked_for_any_more() {
        let (progress, timeout) = (StreamProgress::new(), Duration::from_millis(20));
        let began = Instant::now();
        progress.note();
        progress.stalled(timeout).await;
        assert!(began.elapsed() >= timeout);
    }
}
