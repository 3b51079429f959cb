//! The queries of the hot paths use indexes. Those that are meant say so in their text:
//! `/* hot path */`.

use std::{collections::BTreeSet, fs, path::Path};

use edges::import::ImportKind;
use indicatif::ProgressBar;
use serde_json::Value;

use super::files::{import, options};
use crate::support::{TestApp, home};

/// Tables that are large in a whole nation.
const LARGE: [&str; 12] = [
    "party",
    "person_name",
    "person_former_id",
    "party_address",
    "register_role",
    "assignment",
    "assignment_package",
    "assignment_right",
    "client_delegation",
    "client_delegation_package",
    "system_user",
    "request",
];

/// Texts of the queries on hot paths, as the compiler checked them.
fn hot_queries() -> Vec<(String, usize)> {
    let mut out = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx")).unwrap() {
        let described: Value =
            serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        let text = described["query"].as_str().unwrap();
        if text.contains("/* hot path */") {
            out.push((
                text.to_owned(),
                described["describe"]["parameters"]["Left"]
                    .as_array()
                    .unwrap()
                    .len(),
            ));
        }
    }
    out
}

/// Large tables that a plan reads from end to end.
fn scanned(plan: &Value, out: &mut BTreeSet<String>) {
    match plan {
        Value::Array(items) => items.iter().for_each(|item| scanned(item, out)),
        Value::Object(members) => {
            let table = members
                .get("Relation Name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if members
                .get("Node Type")
                .is_some_and(|kind| kind == "Seq Scan")
                && LARGE.contains(&table)
            {
                out.insert(table.to_owned());
            }
            members.values().for_each(|value| scanned(value, out));
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_hot_query_reads_a_large_table_from_end_to_end() {
    let app = TestApp::start().await;
    let out = home().join("nation");
    let made = sandbox::generate(
        &app.running.state.catalogue,
        &sandbox::NationOptions {
            out: out.clone(),
            seed: 7,
            scale: 0.005,
        },
        &ProgressBar::hidden(),
    )
    .unwrap();
    for (kind, lines) in made {
        let mut options = options(kind, out.join(format!("{}.ndjson", kind.as_str())));
        options.source = "nation".to_owned();
        let outcome = import(&app, &options).await.unwrap();
        assert_eq!(
            (outcome.refused, outcome.findings.list),
            (None, vec![]),
            "{kind:?}"
        );
        assert_eq!(outcome.lines, lines);
        assert!(
            outcome.counts.added > 0 || kind == ImportKind::AccessLists,
            "{kind:?}"
        );
    }
    let queries = hot_queries();
    assert!(
        queries.len() >= 16,
        "only {} queries are marked",
        queries.len()
    );
    let plans = app.plans(&queries).await;
    let mut wrong = Vec::new();
    let mut look = |plans: &[Value], passed_over: &[String]| {
        for ((text, _), plan) in queries.iter().zip(plans) {
            let mut tables = BTreeSet::new();
            scanned(plan, &mut tables);
            tables.retain(|table| !passed_over.contains(table));
            if !tables.is_empty() {
                wrong.push(format!("{tables:?} in\n{text}"));
            }
        }
    };
    // Of a table that is small here, the planner rightly reads all; then an index must at least be
    // there to be used.
    look(&plans.usual, &plans.small_tables);
    look(&plans.without_scans, &[]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Words after which a statement names a table.
const BEFORE_TABLES: [&str; 3] = ["from", "join", ","];

#[tokio::test]
async fn what_hot_paths_read_is_published_when_it_changes_past_the_service() {
    let app = TestApp::start().await;
    let tables: BTreeSet<String> = app.tables().await.into_iter().collect();
    let published: BTreeSet<String> = app.published_tables().await.into_iter().collect();
    let mut read = BTreeSet::new();
    for (text, _) in hot_queries() {
        let text = text.replace(',', " , ").replace('"', "");
        let words: Vec<&str> = text.split_whitespace().collect();
        for pair in words.windows(2) {
            let is_table = BEFORE_TABLES.contains(&pair[0]) && tables.contains(pair[1]);
            read.extend(is_table.then(|| pair[1].to_owned()));
        }
    }

    let silent: Vec<_> = read.difference(&published).collect();

    assert!(read.len() > 20, "{read:?}");
    assert!(silent.is_empty(), "{silent:?}");
}
