//! Which documented answers the tests have seen.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Prints the documented answers that no line of `record` is about; true without any. A line has the
/// id of an operation, a status, and a code or `-`.
pub fn unseen(root: &Path, record: &Path) -> Result<bool> {
    let file = root.join("docs/openapi.json");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let description: Value = serde_json::from_str(&text).context("docs/openapi.json")?;
    let record = fs::read_to_string(record).with_context(|| record.display().to_string())?;
    let seen: BTreeSet<(&str, &str)> = record
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?))
        })
        .collect();
    let mut out = io::stdout().lock();
    let (mut documented, mut unseen) = (0, 0);
    let items = description["paths"].as_object().into_iter().flatten();
    for (id, statuses) in items
        .filter_map(|(_, item)| item.as_object())
        .flat_map(|item| item.values())
        .filter_map(|operation| {
            let statuses = operation["responses"].as_object()?;
            Some((operation["operationId"].as_str()?, statuses))
        })
    {
        for status in statuses.keys() {
            documented += 1;
            if !seen.contains(&(id, status.as_str())) {
                unseen += 1;
                writeln!(out, "{id} {status} is documented, and no test has seen it")?;
            }
        }
    }
    writeln!(out, "answers: {documented} documented, {unseen} never seen")?;
    Ok(unseen == 0)
}
