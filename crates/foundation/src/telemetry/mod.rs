//! The log: one line an event, and never an identity number in it.

pub mod faults;
mod mask;
pub mod metrics;
pub mod security;
pub mod traces;

pub use mask::{identity_numbers, masked};

use std::{
    io::{self, IsTerminal as _},
    sync::OnceLock,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

/// Lines that wait to be written. What comes when so many wait is counted and lost: a reader of the
/// log that stops must not stop requests.
const QUEUE: usize = 64 * 1024;

/// Counts the lines that were lost. The log is the process's.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Writes what waits when it is dropped, at the end of the program.
#[derive(Debug)]
#[must_use = "lines that wait are lost without it"]
pub struct LogGuard(#[expect(dead_code, reason = "dropping it writes what waits")] WorkerGuard);

/// Installs the log for the whole process: lines on standard error, written by a thread of its own.
/// A second call changes nothing.
pub fn init(settings: &Log) -> LogGuard {
    security::sample();
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .lossy(true)
        .thread_name("log")
        .finish(Masked(io::stderr()));
    let _ = LOST.set(writer.error_counter());
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // A second call finds a log installed.
    let _ = match settings.format {
        LogFormat::Json => registry.with(json(writer)).try_init(),
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .compact()
                    .with_target(false)
                    .with_ansi(io::stderr().is_terminal())
                    .with_writer(writer),
            )
            .try_init(),
    };
    LogGuard(guard)
}

fn json<S>(writer: NonBlocking) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer().json().with_writer(writer)
}

/// Lines of the log that were lost so far.
#[must_use]
pub fn dropped_lines() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
}

/// Characters of a text of a client that a line carries.
const LONGEST_TEXT: usize = 200;

/// A text of a client, cut to the length that a line carries.
#[must_use]
pub fn shortened(text: &str) -> &str {
    text.char_indices()
        .nth(LONGEST_TEXT)
        .map_or(text, |(end, _)| &text[..end])
}

/// Standard error, behind the mask.
struct Masked(io::Stderr);

impl io::Write for Masked {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The formatter hands over a whole event at once.
        self.0.write_all(&mask::identity_numbers(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
