//! The log of the service as tests read it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Dispatch, Event, Subscriber,
    field::{Field, Visit},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
};

/// Fields of a line, as text.
pub type Line = BTreeMap<String, String>;

/// Keeps the lines with one target of everything that runs on this thread. A test of its own runtime
/// has its service there.
#[derive(Debug)]
pub struct TargetLog {
    lines: Arc<Mutex<Vec<Line>>>,
    _guard: DefaultGuard,
}

impl TargetLog {
    /// From now on, until it is dropped.
    #[must_use]
    pub fn capture(target: &'static str) -> Self {
        // Where there is but one subscriber, tracing asks the thread that first comes to an event
        // whether any subscriber wants it, and remembers a no for all. Tests without a log come
        // there too.
        static OTHER: OnceLock<Dispatch> = OnceLock::new();
        OTHER.get_or_init(|| Dispatch::new(Registry::default()));
        let lines = Arc::default();
        let layer = Capture {
            target,
            lines: Arc::clone(&lines),
        };
        let guard = tracing::subscriber::set_default(Registry::default().with(layer));
        Self {
            lines,
            _guard: guard,
        }
    }

    /// All lines so far, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().expect("no panic").clone()
    }
}

/// Keeps the security events of everything that runs on this thread.
#[derive(Debug)]
pub struct SecurityLog(TargetLog);

impl SecurityLog {
    /// From now on, until it is dropped.
    #[must_use]
    pub fn capture() -> Self {
        Self(TargetLog::capture("security"))
    }

    /// The events with this name, in order.
    #[must_use]
    pub fn events(&self, name: &str) -> Vec<Line> {
        let mut lines = self.0.lines();
        lines.retain(|line| line.get("event").is_some_and(|event| event == name));
        lines
    }

    /// The only event with this name.
    #[must_use]
    #[track_caller]
    pub fn only(&self, name: &str) -> Line {
        let mut events = self.events(name);
        assert_eq!(events.len(), 1, "{name}: {:#?}", self.0.lines());
        events.remove(0)
    }
}

struct Capture {
    target: &'static str,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl<S: Subscriber> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != self.target {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.lines.lock().expect("no panic").push(fields.0);
    }
}

#[derive(Default)]
struct Fields(Line);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
