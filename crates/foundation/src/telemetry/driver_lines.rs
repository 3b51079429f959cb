//! Lines of the database's driver: each of its kinds at most once a second. While the database is away, a
//! driver writes one for each call that waits and each connection that breaks, and what it says is the
//! cause that our own lines name.

use std::time::Instant;

use tracing::{
    Event, Level, Metadata, Subscriber, callsite::Identifier, level_filters::LevelFilter,
};
use tracing_subscriber::layer::{Context, Filter, Layer};

use super::faults::FaultThrottle;

/// How the targets of the driver begin.
const DRIVER: &str = "sqlx";

/// Leaves out what comes more often. Lines below `INFO` stay: they are asked for.
#[derive(Debug, Default)]
pub(super) struct DriverLines(FaultThrottle<Identifier>);

impl DriverLines {
    fn admits(&self, metadata: &Metadata<'_>) -> bool {
        let is_limited = metadata.target().starts_with(DRIVER) && *metadata.level() <= Level::INFO;
        !is_limited || self.0.pass(metadata.callsite(), Instant::now()).is_some()
    }
}

/// For the log alone, where spans are made of the same events.
impl<S: Subscriber> Filter<S> for DriverLines {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.admits(event.metadata())
    }
}

/// For the whole process.
impl<S: Subscriber> Layer<S> for DriverLines {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.admits(event.metadata())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Counts the events that reach it.
    #[derive(Debug, Clone, Default)]
    struct Written(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Written {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn events() {
        for _ in 0..100 {
            tracing::warn!(target: "sqlx::pool::acquire", "slow");
            tracing::error!(target: "sqlx_core::pool::inner", "broken");
        }
        tracing::warn!("ours");
        tracing::warn!("ours");
        tracing::debug!(target: "sqlx::query", "asked for");
    }

    #[test]
    fn each_kind_of_the_driver_is_written_once_a_second() {
        let written = Written::default();
        let whole = tracing_subscriber::registry()
            .with(written.clone())
            .with(DriverLines::default());
        tracing::subscriber::with_default(whole, events);
        assert_eq!(written.0.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn the_log_alone_can_be_limited() {
        let (log, spans) = (Written::default(), Written::default());
        let both = tracing_subscriber::registry()
            .with(log.clone().with_filter(DriverLines::default()))
            .with(spans.clone());
        tracing::subscriber::with_default(both, events);
        assert_eq!(log.0.load(Ordering::Relaxed), 5);
        assert_eq!(spans.0.load(Ordering::Relaxed), 203);
    }
}
