//! The constructs that the page lists.

use std::collections::BTreeSet;

/// The heading of the tables that list constructs.
const HEADING: &str = "## Constructs beyond plain SQL";

/// Names in backticks of the first column of each table below the heading.
pub fn names(page: &str) -> BTreeSet<String> {
    let section = page
        .split_once(HEADING)
        .map_or("", |(_, rest)| rest)
        .split("\n## ")
        .next()
        .unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let columns = rows.filter_map(|row| row.split('|').nth(1));
    columns
        .flat_map(|column| column.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}
