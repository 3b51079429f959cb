//! The log: one line an event, and never an identity number in it.

mod driver_lines;
pub mod faults;
mod mask;
pub mod metrics;
pub mod per_thread;
pub mod security;
mod text;
pub mod traces;

pub use mask::{identity_numbers, masked};
pub use text::{one_line, shortened};

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::OnceLock,
    time::Duration,
};

use tracing::{Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, Targets},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};
use driver_lines::DriverLines;
use traces::SpanExport;

/// Lines that wait to be written. What comes when so many wait is counted and lost: a reader of the
/// log that stops must not stop requests.
const QUEUE: usize = 64 * 1024;

/// Counts the lines that were lost. The log is the process's.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Writes what waits when it is dropped, at the end of the program.
#[derive(Debug)]
#[must_use = "lines that wait are lost without it"]
pub struct LogGuard(Option<WorkerGuard>);

/// How long it may take to write what waits at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl Drop for LogGuard {
    /// In a thread that is not waited for without end: the reader of the log may have stopped.
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, written) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(guard);
            let _ = done.send(());
        });
        let _ = written.recv_timeout(CLOSE_TIMEOUT);
    }
}

/// Installs the log for the whole process: lines on standard error, written by a thread of its own.
/// With an export, requests and queries become spans. A second call changes nothing.
pub fn init(settings: &Log, export: Option<SpanExport>) -> LogGuard {
    security::sample();
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .lossy(true)
        .thread_name("log")
        .finish(MaskedStderr {
            out: io::stderr(),
            gathered: Vec::new(),
        });
    let _ = LOST.set(writer.error_counter());
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second call finds a log installed.
    let _ = match export {
        // The filter of the log is that of the process: what it leaves out costs nothing.
        None => tracing_subscriber::registry()
            .with(lines(settings.format, writer))
            .with(filter)
            .with(DriverLines::default())
            .try_init(),
        Some(export) => {
            traces::install(export);
            let statements = Targets::new().with_target(traces::STATEMENTS, Level::DEBUG);
            tracing_subscriber::registry()
                .with(
                    lines(settings.format, writer).with_filter(filter.and(DriverLines::default())),
                )
                .with(traces::QuerySpans.with_filter(statements))
                .try_init()
        }
    };
    LogGuard(Some(guard))
}

/// Prints warnings of a command to standard error, as plain lines: what it waits for, and how far long work is.
/// A second call changes nothing.
pub fn print_warnings() {
    let lines = tracing_subscriber::fmt::layer()
        .compact()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(|| MaskedLine);
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(EnvFilter::new("warn"))
        .try_init();
}

/// The layer that writes lines.
fn lines<S>(format: LogFormat, writer: NonBlocking) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer();
    match format {
        LogFormat::Json => layer.json().with_writer(writer).boxed(),
        LogFormat::Text => layer
            .compact()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .with_writer(writer)
            .boxed(),
    }
}

/// Lines of the log that were lost so far.
#[must_use]
pub fn dropped_lines() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
}

/// Standard error of a command, after the mask.
struct MaskedLine;

impl io::Write for MaskedLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut masked = Vec::with_capacity(line.len());
        // The formatter writes a whole event at once.
        mask::append(line, &mut masked);
        io::stderr().write_all(&masked)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Standard error, after the mask. Lines are gathered: a wake-up and a system call for each would
/// cost a request as much as its line.
struct MaskedStderr {
    out: io::Stderr,
    gathered: Vec<u8>,
}

/// How long lines are gathered after those before were written.
const GATHER: Duration = Duration::from_millis(10);
/// Bytes that are written without waiting for more.
const MAX_GATHERED: usize = 64 * 1024;

impl MaskedStderr {
    fn write_out(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.gathered);
        self.gathered.clear();
        written
    }
}

impl io::Write for MaskedStderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The formatter writes a whole event at once.
        mask::append(line, &mut self.gathered);
        if self.gathered.len() > MAX_GATHERED {
            self.write_out()?;
        }
        Ok(line.len())
    }

    /// Called by the thread of the log when no line waits. Those that come meanwhile are written
    /// together.
    fn flush(&mut self) -> io::Result<()> {
        self.write_out()?;
        std::thread::sleep(GATHER);
        Ok(())
    }
}
