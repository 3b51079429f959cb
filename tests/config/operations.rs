//! What operators are given names metrics that there are, and every alert says what to do.

use std::{collections::BTreeSet, fs, path::Path};

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Words of a text that may be names of metrics.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        .filter(|word| word.contains('_'))
        .collect()
}

/// Names in the table of metrics, and those that a histogram has besides.
fn metrics() -> BTreeSet<String> {
    let documented = text("docs/metrics.md");
    let names = documented
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned());
    names
        .flat_map(|name| [format!("{name}_bucket"), name])
        .collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let known = metrics();
    let labels_and_functions = [
        "histogram_quantile",
        "pool_exhausted",
        "disk_full",
        "in_use",
    ];
    let alerts = text("ops/prometheus/alerts.yml");
    let dashboard = text("ops/grafana/systembruker.json");
    let expressions = alerts
        .lines()
        .filter(|line| line.trim_start().starts_with("expr:"))
        .chain(
            dashboard
                .lines()
                .filter(|line| line.trim_start().starts_with("\"expr\":")),
        );
    let mut count = 0;
    for expression in expressions {
        count += 1;
        for word in words(expression) {
            let is_known = known.contains(word) || labels_and_functions.contains(&word);
            assert!(is_known, "{word} in {expression}");
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn every_alert_says_what_to_do() {
    let (alerts, runbook) = (text("ops/prometheus/alerts.yml"), text("ops/README.md"));
    let named = |text: &str, begin: &str| -> BTreeSet<String> {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix(begin))
            .map(|name| name.trim().to_owned())
            .collect()
    };
    let alerts = named(&alerts, "- alert:");
    let explained = named(&runbook, "### ");
    assert_eq!(alerts, explained);
}
