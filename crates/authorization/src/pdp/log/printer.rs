//! Decisions on standard output: what the database does not take.

use std::{
    fs::File,
    io::Write as _,
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use foundation::telemetry::metrics::{DECISION_LOG_LOST, DECISION_LOG_UNWRITTEN};
use serde_json::json;
use tokio::sync::oneshot;

use super::DecisionRecord;

/// Lines that wait for the reader of standard output: more than the queue of the log holds, which is
/// printed at the end. What comes when so many wait is lost: a reader that stops must not stop
/// decisions.
const QUEUE: usize = 40_000;
/// Bytes of them.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// How long it may take to print what waits at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum PrinterMessage {
    Line(DecisionRecord),
    Flush(oneshot::Sender<()>),
}

/// Prints lines from a thread of its own, which is not waited for at the end: it may hang for good.
#[derive(Debug, Clone)]
pub struct DecisionPrinter {
    queue: SyncSender<PrinterMessage>,
    /// Bytes that wait.
    bytes: Arc<AtomicUsize>,
}

impl DecisionPrinter {
    /// A printer with a thread.
    pub fn new() -> Self {
        let (queue, receiver) = sync_channel(QUEUE);
        let bytes = Arc::<AtomicUsize>::default();
        let waiting = Arc::clone(&bytes);
        let started = std::thread::Builder::new()
            .name("decisions".to_owned())
            .spawn(move || print_all(&receiver, &waiting));
        if let Err(error) = started {
            // Then every line is counted as lost.
            tracing::error!(%error, "decisions cannot be printed");
        }
        Self { queue, bytes }
    }

    /// Prints lines, an object of JSON each. `stored` is what `decisions import` stores.
    pub fn print(&self, lines: &[DecisionRecord]) {
        let mut lost = 0;
        for line in lines {
            let size = line.text.len();
            let waiting = self.bytes.fetch_add(size, Ordering::Relaxed);
            let fits = waiting + size <= QUEUE_BYTES
                && self
                    .queue
                    .try_send(PrinterMessage::Line(line.clone()))
                    .is_ok();
            if !fits {
                self.bytes.fetch_sub(size, Ordering::Relaxed);
                lost += 1;
            }
        }
        note_lost(lost);
    }

    /// Prints what waits, for a second at most.
    pub async fn close(&self) {
        let (done, printed) = oneshot::channel();
        if self.queue.try_send(PrinterMessage::Flush(done)).is_ok() {
            // What is not printed in time is lost with the process.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, printed).await;
        }
    }
}

fn print_all(lines: &Receiver<PrinterMessage>, waiting: &AtomicUsize) {
    // Not by the handle of the standard library: everything else that prints would wait for its lock.
    let out = std::io::stdout().as_fd().try_clone_to_owned();
    let mut out = out.map(File::from).ok();
    for message in lines {
        match message {
            PrinterMessage::Line(line) => {
                waiting.fetch_sub(line.text.len(), Ordering::Relaxed);
                let printed = json!({"decisionLog": line.to_json(), "stored": line.text});
                let text = format!("{printed}\n");
                let written = out.as_mut().map(|out| out.write_all(text.as_bytes()));
                if matches!(written, Some(Ok(()))) {
                    metrics::counter!(DECISION_LOG_UNWRITTEN.name).increment(1);
                } else {
                    note_lost(1);
                }
            }
            PrinterMessage::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

fn note_lost(lines: u64) {
    if lines > 0 {
        metrics::counter!(DECISION_LOG_LOST.name).increment(lines);
        tracing::error!(
            lines,
            "decisions are lost: neither the database nor standard output takes them"
        );
    }
}
