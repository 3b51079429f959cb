//! Every metric of the service: name, type, unit, help and labels. What operators read about them is
//! `docs/metrics.md`, which a test compares with this list.
//!
//! A counter ends with `_total`, a time with `_seconds`. No label has the id of a person, a path or
//! a text of a caller, and a metric has at most [`MAX_LABEL_SETS`] sets of labels.

use metrics::Unit;

/// Sets of labels that one metric may have.
pub const MAX_LABEL_SETS: usize = 1_000;

/// Type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, until the process ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by buckets, with a sum.
    Histogram,
}

impl MetricKind {
    /// As in the text that Prometheus reads.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug)]
pub struct MetricFamily {
    /// Name, with the unit and `_total` where they belong.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// What its number counts.
    pub unit: Unit,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it shows.
    pub help: &'static str,
}

macro_rules! families {
    ($($constant:ident: $kind:ident $unit:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help]
        pub const $constant: MetricFamily = MetricFamily {
            name: $name,
            kind: MetricKind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// Every metric but those of the process.
        pub const ALL: &[&MetricFamily] = &[$(&$constant),*];
    };
}

families! {
    BUILD_INFO: Gauge Count "systembruker_build_info" ["version", "profile"]
        "1; the labels name the running version and the kind of installation.";

    HTTP_REQUESTS: Counter Count "http_requests_total" ["route", "method", "status"]
        "Requests by route template, method and status. A path without a route is `unmatched`; status 499 is a client that did not wait.";
    HTTP_DURATION: Histogram Seconds "http_request_duration_seconds" ["route", "method", "status"]
        "Time from the head of a request to the head of its answer.";
    HTTP_IN_FLIGHT: Gauge Count "http_requests_in_flight" ["class"]
        "Requests that are being answered, by class.";

    REQUESTS_REFUSED: Counter Count "requests_refused_total" ["limit"]
        "Requests and connections that were refused, by limit.";

    PDP_DECISIONS: Counter Count "altinn_pdp_decisions_total" ["resource_owner_org", "pdp_api_kind", "decision"]
        "Decisions by owner of the resource, endpoint and outcome.";
    PDP_DURATION: Histogram Seconds "pdp_decision_seconds" ["pdp_api_kind"]
        "Time for all decisions of a call, without reading the request and writing the answer.";
    PDP_CACHE_HITS: Counter Count "pdp_cache_hits_total" ["cache"]
        "Sets of facts that decisions found in memory.";
    PDP_CACHE_MISSES: Counter Count "pdp_cache_misses_total" ["cache"]
        "Sets of facts that decisions read from the database.";
    DECISION_LOG_LINES: Counter Count "decision_log_lines_total" []
        "Decisions stored in the decision log.";
    DECISION_LOG_UNWRITTEN: Counter Count "decision_log_unwritten_total" []
        "Decisions printed on standard output, since the database refused them.";
    DECISION_LOG_WAITING: Gauge Count "decision_log_waiting_lines" []
        "Decisions that wait to be stored in the decision log; up to 32,768 may.";
    DECISION_LOG_LOST: Counter Count "decision_log_lost_total" []
        "Decisions lost, since neither the database nor standard output took them.";
    DECISION_LOG_WAITS: Counter Count "decision_log_waits_total" []
        "Answers that waited for space in the queue of the decision log.";

    CHANGE_FEED_LAG: Gauge Seconds "change_feed_lag_seconds" []
        "Time since the change feed was last read to its end.";
    CHANGE_FEED_ENTRIES: Counter Count "change_feed_entries_total" []
        "Entries of the change feed that were read.";
    CHANGE_FEED_FAILURES: Counter Count "change_feed_failures_total" []
        "Readings of the change feed that failed.";
    CHANGE_FEED_EPOCHS: Counter Count "change_feed_epochs_total" []
        "Changes of the database's history that were noticed, by a fail-over, a restore or a swap.";

    DATABASE_UP: Gauge Count "database_up" []
        "1 while the database answers the instance within a second.";
    DATABASE_READ_ONLY: Gauge Count "database_read_only" []
        "1 while new sessions of the database are read-only.";
    DATABASE_STANDBY_WAITS: Gauge Count "database_standby_waits" []
        "Connections of the service, of all instances, that wait for a synchronous standby for two seconds and more.";
    DATABASE_UNANSWERED: Gauge Count "database_unanswered_commits" []
        "Commits of the instance that it stopped waiting for and that the database has not answered yet.";
    DATABASE_ERRORS: Counter Count "database_errors_total" ["fault"]
        "Failed calls of the database that may succeed later, by fault.";
    TRANSACTIONS_REPEATED: Counter Count "database_transactions_repeated_total" ["fault"]
        "Transactions repeated after a serialization failure or a deadlock.";
    POOL_CONNECTIONS: Gauge Count "database_pool_connections" ["pool", "state"]
        "Open connections of a pool, idle and in use.";
    POOL_MAX: Gauge Count "database_pool_max_connections" ["pool"]
        "Connections that a pool may open.";
    CLOCK_SKEW: Gauge Seconds "clock_skew_seconds" []
        "Time by which this machine's clock is ahead of the database's.";

    AUDIT_UNSEALED_ROWS: Gauge Count "audit_unsealed_rows" []
        "Rows of the audit trail that have no number in the chain yet.";
    AUDIT_UNSEALED_AGE: Gauge Seconds "audit_unsealed_age_seconds" []
        "Age of the oldest row of the audit trail that has no number in the chain yet.";
    CHECKPOINT_AGE: Gauge Seconds "audit_checkpoint_age_seconds" []
        "Time since the newest checkpoint of the audit trail, while there are rows after it; else 0.";
    CHECKPOINTS_MISSING: Gauge Count "audit_checkpoints_missing" []
        "1 while the file of checkpoints has vanished, is an older copy, or was begun anew.";
    OUTBOX_HIDDEN: Gauge Count "outbox_hidden_messages" []
        "Messages that vendors cannot read yet, since they have no position.";
    OUTBOX_LAG: Gauge Seconds "outbox_lag_seconds" []
        "Age of the oldest message that vendors cannot read yet.";

    RECOVERING: Gauge Count "recovering" []
        "1 while nothing is decided, since the database is older than its journal or could not be compared with it.";
    JOURNAL_WAITING: Gauge Count "journal_waiting_entries" []
        "Changes that ended an access and are not in the journal yet.";
    JOURNAL_AGE: Gauge Seconds "journal_waiting_seconds" []
        "Age of the oldest of them.";
    JOURNAL_OBJECTS: Counter Count "journal_objects_total" []
        "Objects that were written to the journal.";
    JOURNAL_VANISHED: Gauge Count "journal_vanished_objects" []
        "Objects that were written to the journal and are not there any more, although they are not too old: what they hold would be lost with the database.";
    JOURNAL_FAILURES: Counter Count "journal_failures_total" []
        "Attempts to write to the journal that failed.";

    AUTH_FAILED: Counter Count "auth_failed_total" ["reason"]
        "Refused tokens by reason.";
    CSRF_REJECTED: Counter Count "csrf_rejected_total" []
        "Forms and calls that did not come from a page of ours.";
    FOREIGN_AUDIENCE: Counter Count "token_foreign_audience_total" []
        "Accepted tokens that name another audience.";
    JWKS_FETCHES: Counter Count "jwks_fetches_total" ["issuer"]
        "Attempts to fetch the keys of an issuer.";
    JWKS_AGE: Gauge Seconds "jwks_age_seconds" ["issuer"]
        "Time since the keys of an issuer were fetched last; absent before the first time.";

    TASK_FAILURES: Counter Count "background_task_failures_total" ["task"]
        "Runs of a background task that failed.";
    TASK_SUCCESS: Gauge Seconds "background_task_last_success_timestamp_seconds" ["task"]
        "When a background task last succeeded, in seconds since 1970.";
    RETENTION_ROWS: Counter Count "retention_rows_total" ["class"]
        "Rows that were deleted, or moved to an archive, since their time was over; of the decision log and the audit trail, partitions.";
    RETENTION_SUCCESS: Gauge Seconds "retention_last_success_timestamp_seconds" ["class"]
        "When the retention of a class was last applied, in seconds since 1970; 0 before the first time.";
    SECURITY_EVENTS: Counter Count "security_events_total" ["event"]
        "Security events, those that were not written to the log included.";
    SPAN_EXPORT_FAILURES: Counter Count "span_export_failures_total" []
        "Requests to the collector of traces that failed.";
    LOG_LINES_DROPPED: Counter Count "log_lines_dropped_total" []
        "Lines of the log that were lost, since standard error did not take them.";
}

/// Gives every metric its help in the recorder of the process.
pub fn describe() {
    for family in ALL {
        match family.kind {
            MetricKind::Counter => {
                metrics::describe_counter!(family.name, family.unit, family.help);
            }
            MetricKind::Gauge => metrics::describe_gauge!(family.name, family.unit, family.help),
            MetricKind::Histogram => {
                metrics::describe_histogram!(family.name, family.unit, family.help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_contain_type_and_unit() {
        let names: HashSet<&str> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), ALL.len(), "each name occurs once");
        for family in ALL {
            let is_plain = |text: &str| {
                text.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            assert!(is_plain(family.name), "{}", family.name);
            assert!(family.labels.iter().all(|l| is_plain(l)), "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
            let is_counter = family.kind == MetricKind::Counter;
            assert_eq!(
                family.name.ends_with("_total"),
                is_counter,
                "{}",
                family.name
            );
            let is_time = matches!(family.unit, Unit::Seconds);
            assert_eq!(
                family.name.ends_with("_seconds"),
                is_time,
                "{}",
                family.name
            );
        }
    }
}
