//! SQL in tests: what no client can set up or see is a function of the test kit, named after what it
//! means.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};

/// The only way to the database from Rust, which tests do not use themselves.
const DATABASE: &str = "sqlx";

/// Places in the folder of tests that use the database.
pub fn all(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    collect(root, &root.join("tests"), &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            let shown = path.strip_prefix(root).unwrap_or(&path).display();
            let text = fs::read_to_string(&path).with_context(|| shown.to_string())?;
            let lines = uses(&text).with_context(|| shown.to_string())?;
            found.extend(lines.iter().map(|line| format!("{shown}:{line}")));
        }
    }
    Ok(())
}

/// Lines of a file that name the crate which talks to the database.
pub fn uses(text: &str) -> Result<Vec<usize>> {
    let tokens = text.parse().map_err(|error| anyhow!("{error}"))?;
    let mut lines = Vec::new();
    look(tokens, &mut lines);
    lines.dedup();
    Ok(lines)
}

fn look(tokens: TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => look(group.stream(), lines),
            TokenTree::Ident(name) if name == DATABASE => lines.push(name.span().start().line),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}
