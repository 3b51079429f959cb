//! The log: one line an event, and never an identity number in it.

mod mask;
pub mod security;

pub use mask::{identity_numbers, masked};

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{
    EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Installs the log for the whole process. A second call does nothing.
pub fn init(settings: &Log) {
    security::sample();
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match settings.format {
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().with_writer(Masked))
            .try_init(),
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .compact()
                    .with_target(false)
                    .with_ansi(io::stderr().is_terminal())
                    .with_writer(Masked),
            )
            .try_init(),
    };
}

/// Standard error, behind the mask.
struct Masked;

struct MaskedLine(io::Stderr);

impl<'a> MakeWriter<'a> for Masked {
    type Writer = MaskedLine;

    fn make_writer(&'a self) -> MaskedLine {
        MaskedLine(io::stderr())
    }
}

impl io::Write for MaskedLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The formatter hands over a whole event at once.
        self.0.write_all(&mask::identity_numbers(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
