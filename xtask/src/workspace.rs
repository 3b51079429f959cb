//! The crates of this workspace, as they are on disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::parse::Sources;

/// A crate with its sources, by paths from the root of the workspace.
#[derive(Debug)]
pub struct Member {
    pub name: String,
    /// Crates of the workspace it depends on.
    pub depends: Vec<String>,
    pub sources: Sources,
}

impl Member {
    /// The root files it has: library, program, and further programs.
    pub fn roots(&self) -> Vec<&str> {
        let files = self.sources.keys().map(String::as_str);
        files.filter(|path| is_root(path)).collect()
    }
}

fn is_root(path: &str) -> bool {
    let at = path.rfind("src/").map_or(path, |at| &path[at + 4..]);
    let program = path.rsplit_once("src/bin/").map(|(_, name)| name);
    ["lib.rs", "main.rs"].contains(&at)
        || program.is_some_and(|name| !name.contains('/') || name.ends_with("/main.rs"))
}

/// The members: the root package, `crates/*` and `xtask`, those that there are.
pub fn members(root: &Path) -> Result<Vec<Member>> {
    let mut folders = vec![root.to_owned(), root.join("xtask")];
    if let Ok(crates) = fs::read_dir(root.join("crates")) {
        for entry in crates {
            folders.push(entry?.path());
        }
    }
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else {
            continue;
        };
        let (name, depends) = read_manifest(&manifest);
        let Some(name) = name else { continue };
        let mut sources = BTreeMap::new();
        read_sources(&folder.join("src"), root, &mut sources)?;
        let member = Member {
            name,
            depends,
            sources,
        };
        if member.roots().is_empty() {
            bail!("{}: no src/lib.rs and no src/main.rs", folder.display());
        }
        found.push(member);
    }
    if found.is_empty() {
        bail!("{}: no package here", root.display());
    }
    let names: Vec<String> = found.iter().map(|member| member.name.clone()).collect();
    for member in &mut found {
        member.depends.retain(|name| names.contains(name));
    }
    Ok(found)
}

/// The package's name and what it depends on, tests aside. Reads manifests as they are written
/// here: a dependency a line, under its own name.
pub fn read_manifest(text: &str) -> (Option<String>, Vec<String>) {
    let (mut section, mut name, mut depends) = ("", None, Vec::new());
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let key = key.trim().trim_end_matches(".workspace");
            match section.rsplit('.').next() {
                Some("package") if key == "name" => {
                    name = Some(value.trim_matches(&[' ', '"'][..]));
                }
                Some("dependencies" | "build-dependencies") => depends.push(key.to_owned()),
                _ => {}
            }
        }
    }
    (name.map(str::to_owned), depends)
}

fn read_sources(folder: &Path, root: &Path, sources: &mut Sources) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            read_sources(&path, root, sources)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let name = path.strip_prefix(root).unwrap_or(&path);
            sources.insert(name.to_string_lossy().replace('\\', "/"), text);
        }
    }
    Ok(())
}
