//! Checks of this repository that cargo does not have.

mod answers;
mod breaking;
mod graph;
mod licences;
mod names;
mod parse;
mod report;
mod resolve;
mod sql;
#[cfg(test)]
mod tests;
mod types;
mod words;
mod workspace;

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};

use graph::Graph;
use report::Files;

const HELP: &str = "\
Checks of this repository that cargo does not have.

Usage: cargo xtask dependencies [--show] [--arrows]
       cargo xtask sql [--show]
       cargo xtask words [--write]
       cargo xtask names
       cargo xtask answers FILE
       cargo xtask breaking FILE
       cargo xtask licences [--update]

dependencies finds cycles between the files of each crate, and between what is in one folder. A file depends
on another when its code names an item that the other defines; a re-export represents the file
that defines the item. Code for tests alone is left out.

sql reads every statement of the migrations and of the service, and compares the constructs beyond
plain SQL that they use with those that docs/scale.md lists. It also finds the tests that use the
database themselves, past the test kit.

words reads code and documents, and prints each word of docs/words.txt that they contain, with its
place and what to write instead. The glossary's table of these words is compared with the list.

names prints each name of a type that two modules of the service define, with both places. The test
kit and these checks are left out.

answers prints what docs/openapi.json documents and no test has seen. FILE is what the tests wrote
with RECORD_ANSWERS=FILE.

breaking prints what of docs/openapi.json breaks clients of FILE, an older version of it, and is not
declared in docs/breaking-changes.txt.

licences compares THIRD-PARTY-NOTICES.txt with the crates that the program is built from.

Options:
  --update    writes the file anew
  --show      also lists crates and their top-level modules, lowest first; or each construct, how
              many places use it, and the first of them
  --write     writes the table of the glossary from the list
  --arrows    lists all arrows of a cycle of dependencies instead of one shortest way around
  -h, --help  shows this

Exit code: 0 when nothing is found, 1 when something is, 2 on wrong use or when files cannot be read.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if arguments.contains(&"-h") || arguments.contains(&"--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let found = match arguments.as_slice() {
        ["answers", record] => answers::unseen(&root(), Path::new(record)),
        ["breaking", old] => breaking::breaking(&root(), Path::new(old)),
        ["dependencies", options @ ..] if known(options, &["--show", "--arrows"]) => {
            dependencies(options.contains(&"--show"), options.contains(&"--arrows"))
        }
        ["licences", options @ ..] if known(options, &["--update"]) => {
            licences::check(&root(), options.contains(&"--update"))
        }
        ["names"] => types::check(&root()),
        ["sql", options @ ..] if known(options, &["--show"]) => {
            sql::check(&root(), options.contains(&"--show"))
        }
        ["words", options @ ..] if known(options, &["--write"]) => {
            words::check(&root(), options.contains(&"--write"))
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match found {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether a command knows each of the options; says which one it does not.
fn known(options: &[&str], known: &[&str]) -> bool {
    let wrong = options.iter().find(|one| !known.contains(one));
    if let Some(wrong) = wrong {
        eprintln!("unknown option {wrong}\n");
    }
    wrong.is_none()
}

/// The root of the workspace, where cargo says that this package is.
fn root() -> PathBuf {
    let own = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = own.as_deref().and_then(Path::parent);
    root.unwrap_or(Path::new(".")).to_owned()
}

/// Prints what was found; true without cycles.
fn dependencies(show: bool, arrows: bool) -> Result<bool> {
    let members = workspace::members(&root())?;
    let (mut files, mut cycles) = (0, Vec::new());
    let mut crates = Graph::default();
    let mut top_level = Vec::new();
    for member in &members {
        let name = &member.name;
        let read = Files::read(&member.sources, &member.roots()).with_context(|| name.clone())?;
        files += read.count();
        let found = read.cycles(arrows).into_iter();
        cycles.extend(found.map(|cycle| format!("{name}: {cycle}")));
        top_level.push((name, read.top_level()));
        crates.node(name);
        for other in &member.depends {
            crates.arrow(name, other, None);
        }
    }
    let mut out = io::stdout().lock();
    if show {
        writeln!(out, "crates, lowest first")?;
        for name in crates.order().into_iter().flatten() {
            writeln!(out, "  {name}: {}", report::listed(crates.below(name)))?;
        }
        for (name, lines) in &top_level {
            writeln!(out, "{name}, lowest first")?;
            for line in lines {
                writeln!(out, "  {line}")?;
            }
        }
    }
    for cycle in &cycles {
        writeln!(out, "{cycle}")?;
    }
    let found = match cycles.len() {
        0 => "no cycle".to_owned(),
        1 => "1 cycle".to_owned(),
        many => format!("{many} cycles"),
    };
    writeln!(
        out,
        "dependencies: {} crates, {files} files, {found}",
        members.len()
    )?;
    Ok(cycles.is_empty())
}
