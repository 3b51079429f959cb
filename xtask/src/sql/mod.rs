//! Which constructs beyond plain SQL the migrations and the service use, and whether `docs/scale.md`
//! says for each what would replace it on an engine that lacks it; and whether tests have SQL of their own.

mod constructs;
mod in_tests;
mod listed;
mod sources;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};

use constructs::Found;

/// The page that lists them.
const PAGE: &str = "docs/scale.md";

/// Prints what is not listed, what is listed and not used any more, and where tests use the database; true
/// when everything is listed and no test does.
pub fn check(root: &Path, show: bool) -> Result<bool> {
    let mut found = Found::default();
    let mut statements = 0;
    for source in sources::all(root)? {
        statements += found
            .read(&source.place, &source.text)
            .with_context(|| source.place.clone())?;
        if source.listens {
            found.note("listen, notify", &source.place);
        }
    }
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| PAGE.to_owned())?;
    let Comparison { missing, unused } = compare(&found.places, &listed::names(&page));
    let mut out = io::stdout().lock();
    if show {
        for (name, places) in &found.places {
            let first = places.iter().next().map_or("", String::as_str);
            writeln!(out, "{name}\t{}\t{first}", places.len())?;
        }
    }
    for line in missing.iter().chain(&unused) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "sql: {statements} statements, {} constructs beyond plain SQL, {} of them not in {PAGE}",
        found.places.len(),
        missing.len()
    )?;
    let of_tests = in_tests::all(root)?;
    for place in &of_tests {
        writeln!(
            out,
            "{place}: SQL is in the test kit, behind a function named after what it means"
        )?;
    }
    Ok(missing.is_empty() && of_tests.is_empty())
}

/// How the page differs from the statements, in lines to be printed.
#[derive(Debug)]
struct Comparison {
    /// What is used and not listed.
    missing: Vec<String>,
    /// What is listed and not used.
    unused: Vec<String>,
}

fn compare(used: &BTreeMap<String, BTreeSet<String>>, listed: &BTreeSet<String>) -> Comparison {
    let missing = used.iter().filter(|(name, _)| !listed.contains(*name));
    let missing = missing.map(|(name, places)| {
        let places: Vec<&str> = places.iter().take(3).map(String::as_str).collect();
        format!(
            "{PAGE} does not list `{name}`, used in {}",
            places.join(", ")
        )
    });
    let unused = listed.iter().filter(|name| !used.contains_key(*name));
    let unused = unused.map(|name| format!("{PAGE} lists `{name}`, which nothing uses any more"));
    Comparison {
        missing: missing.collect(),
        unused: unused.collect(),
    }
}
