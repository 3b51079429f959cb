//! Whether code and documents are free of the words that the glossary replaces.

mod list;
#[cfg(test)]
mod tests;
mod text;

use std::{
    collections::HashSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use list::List;
use text::Finder;

/// The words with their replacements, and the exceptions.
const LIST: &str = "docs/words.txt";
/// The page that contains the table of these words.
const GLOSSARY: &str = "docs/GLOSSARY.md";
/// From here on the glossary contains words that are replaced.
const HEADING: &str = "## Words we do not use";
/// The table is located between these lines.
const TABLE: (&str, &str) = (
    "<!-- table of docs/words.txt, written by `cargo xtask words --write` -->",
    "<!-- end of the table -->",
);
/// The history of releases keeps its words.
const NOT_READ: &[&str] = &["CHANGELOG.md"];
/// Code, documents and settings, by the end of their names.
const ENDS: &[&str] = &["rs", "md", "toml"];
/// Folders that are not read, by the end of their path: what builds and generators have written, and
/// the languages of the pages.
const NOT_ENTERED: &[&str] = &[
    "locales",
    "target",
    "node_modules",
    "dist",
    "clients/typescript/src/rest",
    "clients/python/src/systembruker/rest",
    "clients/java/rest",
    "clients/csharp/src",
];

/// Prints each word that is not used, with file and line, exceptions without a use, and whether the
/// table of the glossary differs from the list; true without such words and with the same table.
/// `write` writes the table.
pub fn check(root: &Path, write: bool) -> Result<bool> {
    let list = read(&root.join(LIST))?;
    let list = List::parse(&list).with_context(|| LIST.to_owned())?;
    let mut out = io::stdout().lock();
    let table_is_current = table(root, &list, write)?;
    if !table_is_current {
        writeln!(
            out,
            "{GLOSSARY}: its table differs from {LIST}; `cargo xtask words --write` writes it"
        )?;
    }
    let mut paths = Vec::new();
    files(root, &mut paths)?;
    paths.sort();
    let finder = Finder::new(&list);
    let mut used = vec![false; list.allowed.len()];
    // What to write instead is printed with the first place of each word.
    let mut explained = HashSet::new();
    let (mut count, mut found) = (0, 0);
    for path in &paths {
        let name = path.strip_prefix(root).unwrap_or(path);
        let name = name.to_string_lossy().replace('\\', "/");
        if NOT_READ.contains(&name.as_str()) {
            continue;
        }
        count += 1;
        let mut text = read(path)?;
        if name == GLOSSARY {
            text.truncate(text.find(HEADING).unwrap_or(text.len()));
        }
        for hit in finder.find(&name, &text, &mut used) {
            found += 1;
            let instead = if explained.insert(&hit.word.forms) {
                format!(": {}", hit.word.instead())
            } else {
                String::new()
            };
            writeln!(out, "{name}:{}: `{}`{instead}", hit.line, hit.text)?;
        }
    }
    let unused = list.allowed.iter().zip(&used);
    let unused: Vec<_> = unused.filter(|(_, used)| !**used).collect();
    for (allowed, _) in &unused {
        writeln!(
            out,
            "{LIST}: the exception `{}` in {} has no use any more",
            allowed.text, allowed.place
        )?;
    }
    writeln!(
        out,
        "words: {count} files, {} words that are not used, {found} places with one of them",
        list.words.len()
    )?;
    Ok(found == 0 && table_is_current)
}

/// Whether the table in the glossary is that of the list; it is after `write`.
fn table(root: &Path, list: &List, write: bool) -> Result<bool> {
    let path = root.join(GLOSSARY);
    let page = read(&path)?;
    let around = page.split_once(TABLE.0).and_then(|(before, rest)| {
        let (current, after) = rest.split_once(TABLE.1)?;
        Some((before, current, after))
    });
    let Some((before, current, after)) = around else {
        bail!("{GLOSSARY}: the line `{}` is missing", TABLE.0);
    };
    let table = format!("\n\n{}\n", list.table());
    if current == table {
        return Ok(true);
    }
    if write {
        let page = [before, TABLE.0, &table, TABLE.1, after].concat();
        fs::write(&path, page).context(GLOSSARY)?;
    }
    Ok(write)
}

/// What is read below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || NOT_ENTERED.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let is_read = path
            .extension()
            .is_some_and(|end| ENDS.iter().any(|one| end == *one));
        if path.is_dir() {
            files(&path, found)?;
        } else if is_read {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}
