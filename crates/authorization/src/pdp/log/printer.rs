//! Decisions on standard output: what the database does not take.

use std::{
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use foundation::telemetry::metrics::{DECISION_LOG_LOST, DECISION_LOG_UNWRITTEN};
use serde_json::json;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::Line;

/// Lines that wait for whoever reads standard output. What comes when so many wait is lost: a reader
/// that stops must not stop decisions.
const QUEUE: usize = 16 * 1024;

/// Prints lines from a thread of its own.
#[derive(Debug, Clone)]
pub struct Printer {
    out: NonBlocking,
    guard: Arc<Mutex<Option<WorkerGuard>>>,
}

impl Printer {
    /// A printer with a thread.
    pub fn new() -> Self {
        let (out, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(QUEUE)
            .lossy(true)
            .thread_name("decisions")
            .finish(std::io::stdout());
        Self {
            out,
            guard: Arc::new(Mutex::new(Some(guard))),
        }
    }

    /// Prints lines, an object of JSON each. `stored` is what `decisions import` stores.
    pub fn print(&self, lines: &[Line]) {
        metrics::counter!(DECISION_LOG_UNWRITTEN.name).increment(lines.len() as u64);
        let lost = self.out.error_counter();
        let before = lost.dropped_lines();
        let mut out = self.out.clone();
        for line in lines {
            let printed = json!({"decisionLog": line.told(), "stored": line.text});
            // A line that does not fit is counted.
            let _ = out.write_all(format!("{printed}\n").as_bytes());
        }
        let lost = lost.dropped_lines().saturating_sub(before);
        if lost > 0 {
            metrics::counter!(DECISION_LOG_LOST.name).increment(lost as u64);
            tracing::error!(
                lost,
                "decisions are lost: neither the database nor standard output takes them"
            );
        }
    }

    /// Prints what waits, for a second at most. What is printed afterwards is lost.
    pub async fn close(&self) {
        let guard = self
            .guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The thread of the printer answers in time, or is left behind.
        let _ = tokio::task::spawn_blocking(move || drop(guard)).await;
    }
}
