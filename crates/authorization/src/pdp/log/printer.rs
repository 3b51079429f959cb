//! Decisions on standard output: what the database does not take.

use std::{
    fs::File,
    io::Write as _,
    os::fd::AsFd as _,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use foundation::telemetry::metrics::{DECISION_LOG_LOST, DECISION_LOG_UNWRITTEN};
use serde_json::json;
use tokio::sync::oneshot;

use super::Line;

/// Lines that wait for the reader of standard output. What comes when so many wait is lost: a reader
/// that stops must not stop decisions.
const QUEUE: usize = 16 * 1024;
/// How long it may take to print what waits at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Message {
    Line(Line),
    Flush(oneshot::Sender<()>),
}

/// Prints lines from a thread of its own, which nobody waits for at the end: it may hang for good.
#[derive(Debug, Clone)]
pub struct Printer(SyncSender<Message>);

impl Printer {
    /// A printer with a thread.
    pub fn new() -> Self {
        let (sender, receiver) = sync_channel(QUEUE);
        let started = std::thread::Builder::new()
            .name("decisions".to_owned())
            .spawn(move || print_all(&receiver));
        if let Err(error) = started {
            // Then every line is counted as lost.
            tracing::error!(%error, "decisions cannot be printed");
        }
        Self(sender)
    }

    /// Prints lines, an object of JSON each. `stored` is what `decisions import` stores.
    pub fn print(&self, lines: &[Line]) {
        let mut lost = 0;
        for line in lines {
            if self.0.try_send(Message::Line(line.clone())).is_err() {
                lost += 1;
            }
        }
        note_lost(lost);
    }

    /// Prints what waits, for a second at most.
    pub async fn close(&self) {
        let (done, printed) = oneshot::channel();
        if self.0.try_send(Message::Flush(done)).is_ok() {
            // What is not printed in time is lost with the process.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, printed).await;
        }
    }
}

fn print_all(lines: &Receiver<Message>) {
    // Not by the handle of the standard library: everything else that prints would wait for its lock.
    let out = std::io::stdout().as_fd().try_clone_to_owned();
    let mut out = out.map(File::from).ok();
    for message in lines {
        match message {
            Message::Line(line) => {
                let printed = json!({"decisionLog": line.told(), "stored": line.text});
                let text = format!("{printed}\n");
                let written = out.as_mut().map(|out| out.write_all(text.as_bytes()));
                if matches!(written, Some(Ok(()))) {
                    metrics::counter!(DECISION_LOG_UNWRITTEN.name).increment(1);
                } else {
                    note_lost(1);
                }
            }
            Message::Flush(done) => {
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
