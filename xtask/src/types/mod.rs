//! Whether each type of the service has a name of its own.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};

use crate::{
    parse::{Crate, Sources, TYPE, definition, text},
    workspace,
};

/// Crates for tests and checks alone: their names do not meet those of the service.
const NOT_READ: &[&str] = &["testkit", "xtask"];

/// Prints each name of a type that two modules define, with its places; true when there is none.
pub fn check(root: &Path) -> Result<bool> {
    let mut types = Types::default();
    for member in workspace::members(root)? {
        if NOT_READ.contains(&member.name.as_str()) {
            continue;
        }
        for file in member.roots() {
            let read = types.read(&member.sources, file);
            read.with_context(|| member.name.clone())?;
        }
    }
    let mut out = io::stdout().lock();
    let shared = types.shared();
    for line in &shared {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "names: {} names of types, {} that two modules define",
        types.places.len(),
        shared.len()
    )?;
    Ok(shared.is_empty())
}

/// The types of some crates: structs, enums, unions, traits and aliases.
///
/// Not seen: types for tests alone, types within functions, and types that only exist after a macro
/// has run.
#[derive(Debug, Default)]
struct Types {
    /// Where a name is defined: file and line, by module. A module that defines a type under several
    /// conditions has it once.
    places: BTreeMap<String, BTreeMap<(String, Vec<String>), String>>,
}

impl Types {
    /// Reads the crate with this root file.
    fn read(&mut self, sources: &Sources, root: &str) -> Result<()> {
        let read = Crate::read(sources, root)?;
        for module in &read.modules {
            for item in &module.items {
                let Some((name, spaces)) = definition(item) else {
                    continue;
                };
                if spaces & TYPE == 0 {
                    continue;
                }
                let line = name.span().start().line;
                let place = format!("{}:{line}", read.files[module.file]);
                let places = self.places.entry(text(name)).or_default();
                let module = (root.to_owned(), module.path.clone());
                places.entry(module).or_insert(place);
            }
        }
        Ok(())
    }

    /// A line for each name that two modules define.
    fn shared(&self) -> Vec<String> {
        let shared = self.places.iter().filter(|(_, places)| places.len() > 1);
        let lines = shared.map(|(name, places)| {
            let places: Vec<&str> = places.values().map(String::as_str).collect();
            format!("`{name}`: {}", places.join(", "))
        });
        lines.collect()
    }
}
