//! Metrics: their names, types, help and labels are a contract, and their number is bounded.

use std::collections::{BTreeMap, BTreeSet};

use foundation::telemetry::metrics::ALL;
use systembruker::app::metrics;
use testkit::prelude::*;

/// A metric as Prometheus reads it.
#[derive(Debug, Default)]
struct Read {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
    /// Sets of labels without the bounds of buckets.
    sets: BTreeSet<String>,
}

/// Names of the labels of a line, without those of histograms.
fn labels(set: &str) -> impl Iterator<Item = &str> {
    set.split("\",")
        .filter_map(|label| label.split_once("=\""))
        .map(|(name, _)| name)
        .filter(|name| *name != "le" && *name != "quantile")
}

fn read(text: &str) -> BTreeMap<String, Read> {
    let mut all: BTreeMap<String, Read> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            help.clone_into(&mut all.entry(name.to_owned()).or_default().help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            kind.clone_into(&mut all.entry(name.to_owned()).or_default().kind);
        } else if !line.is_empty() {
            let (series, _) = line.rsplit_once(' ').unwrap();
            let (name, set) = series.split_once('{').unwrap_or((series, ""));
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|end| name.strip_suffix(end))
                .find(|family| all.contains_key(*family))
                .unwrap_or(name);
            let read = all.get_mut(family).unwrap_or_else(|| panic!("{line}"));
            read.labels.extend(labels(set).map(str::to_owned));
            let set = set.trim_end_matches('}');
            let without_bound = set.split(",le=").next().unwrap_or_default();
            if !without_bound.starts_with("le=") {
                read.sets.insert(without_bound.to_owned());
            }
        }
    }
    all
}

/// A row of the table in `docs/metrics.md`.
fn row(name: &str, kind: &str, labels: &[&str], help: &str) -> String {
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
}

/// Metrics of issuers appear with the first of their keys.
const LATER: [&str; 2] = ["jwks_age_seconds", "jwks_fetches_total"];

async fn metrics_of(world: &World) -> BTreeMap<String, Read> {
    read(
        &world
            .anonymous()
            .get("/metrics")
            .await
            .assert_status(200)
            .text,
    )
}

/// A world in which every metric has been touched.
async fn busy_world() -> World {
    metrics::install();
    let world = World::start().await;
    world
        .sav()
        .asks(question(
            &TINDEVANDRER_USER,
            "write",
            A_MELDING,
            TINDEVANDRER,
        ))
        .await
        .assert_status(200);
    world.anonymous().get("/nowhere").await.assert_status(404);
    world
}

#[tokio::test]
async fn every_metric_is_described_and_documented() {
    metrics::install();
    let world = World::start().await;
    let all = metrics_of(&world).await;
    let mut rows: Vec<String> = Vec::new();
    for family in ALL {
        let Some(read) = all.get(family.name) else {
            assert!(LATER.contains(&family.name), "{} is missing", family.name);
            continue;
        };
        assert_eq!(read.kind, family.kind.wire(), "{}", family.name);
        assert_eq!(read.help, family.help, "{}", family.name);
        let labels: BTreeSet<String> = family.labels.iter().map(|l| (*l).to_owned()).collect();
        assert_eq!(read.labels, labels, "{}", family.name);
    }
    for family in ALL {
        rows.push(row(
            family.name,
            family.kind.wire(),
            family.labels,
            family.help,
        ));
    }
    for (name, read) in &all {
        let is_of_process = name.starts_with("process_");
        let is_known = ALL.iter().any(|family| family.name == name);
        assert!(is_of_process || is_known, "{name} is not in the list");
        if is_of_process {
            assert!(!read.help.is_empty(), "{name}");
            rows.push(row(name, &read.kind, &[], &read.help));
        }
    }
    insta::assert_snapshot!(rows.join("\n"));
    let documented = include_str!("../../docs/metrics.md");
    for row in &rows {
        assert!(
            documented.contains(row.as_str()),
            "docs/metrics.md lacks\n{row}"
        );
    }
    let documented = documented.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(documented.count(), rows.len());
}

#[tokio::test]
async fn requests_are_counted_by_route_template_method_and_status() {
    let world = busy_world().await;
    world
        .fjordlonn()
        .reads_system(FJORDLONN_SYSTEM.id)
        .await
        .assert_status(200);
    let text = world
        .anonymous()
        .get("/metrics")
        .await
        .assert_status(200)
        .text;
    for series in [
        r#"http_requests_total{route="/authentication/api/v1/systemregister/vendor/{systemId}",method="GET",status="200"}"#,
        r#"http_requests_total{route="unmatched",method="GET",status="404"}"#,
        r#"http_request_duration_seconds_bucket{route="/authentication/api/v1/systemregister/vendor/{systemId}",method="GET",status="200",le="0.0005"}"#,
        r#"http_request_duration_seconds_bucket{route="/authentication/api/v1/systemregister/vendor/{systemId}",method="GET",status="200",le="30"}"#,
        "altinn_pdp_decisions_total{resource_owner_org=",
    ] {
        assert!(text.contains(series), "{series}\n{text}");
    }
}

#[tokio::test]
async fn no_metric_has_more_label_sets_than_a_thousand_whatever_is_asked_for() {
    let world = busy_world().await;
    for number in 0..1_200 {
        world
            .anonymous()
            .get(&format!("/authentication/api/v1/systemuser/{number}"))
            .await;
    }
    for (name, read) in metrics_of(&world).await {
        assert!(read.sets.len() <= 1_000, "{name}: {}", read.sets.len());
    }
}
