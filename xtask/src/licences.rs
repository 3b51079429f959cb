//! The licences of what ends up in the program, as its authors want them to be shown: checked against
//! the committed file, or written anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The committed file, which archives and images carry.
const NOTICES: &str = "THIRD-PARTY-NOTICES.txt";
/// What releases are built for; the same list as in deny.toml.
const PLATFORMS: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
];
/// The package whose program is shipped.
const PROGRAM: &str = "systembruker";
/// Texts of what is served to browsers, below the root.
const OF_PAGES: &str = "static/vendor/licenses.txt";
/// How deep the sources of another language lie in a crate.
const MAX_DEPTH: usize = 4;

const HEADER: &str = "\
Systembruker is under the MIT licence (LICENSE). It contains the software that is listed here, under the licences that follow.
Where a crate offers several licences, one of which is MIT, it is taken under that one.

Written by `cargo xtask licences --update`.
";

/// The licence of crates that name it and come without its text.
const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";

/// A crate that is compiled into the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// SPDX expression.
    pub licence: String,
    pub authors: Vec<String>,
    pub repository: String,
    folder: PathBuf,
    /// Whether it brings sources of another language, with licences of their own.
    is_native: bool,
}

/// Compares the committed file with the dependencies, or writes it; true when they agree.
pub fn check(root: &Path, update: bool) -> Result<bool> {
    let packages = packages(&metadata(root)?)?;
    let of_pages = fs::read_to_string(root.join(OF_PAGES)).context(OF_PAGES)?;
    let mut texts = Vec::new();
    for package in &packages {
        texts.push(texts_of(package).with_context(|| package.name.clone())?);
    }
    let notices = notices(&packages, &texts, &of_pages)?;
    let path = root.join(NOTICES);
    if update {
        fs::write(&path, notices).context(NOTICES)?;
        println!("licences: {} crates", packages.len());
        return Ok(true);
    }
    let agrees = fs::read_to_string(&path).is_ok_and(|committed| committed == notices);
    if agrees {
        println!(
            "licences: {} crates, {NOTICES} is up to date",
            packages.len()
        );
    } else {
        println!("licences: {NOTICES} is stale; `cargo xtask licences --update` writes it");
    }
    Ok(agrees)
}

/// What cargo knows of the crates for all platforms.
fn metadata(root: &Path) -> Result<Value> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(root);
    for platform in PLATFORMS {
        command.args(["--filter-platform", platform]);
    }
    let output = command.output().context("running cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata fails:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The crates of others that the program is built from, without those for building and for tests.
pub fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let of = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let all: BTreeMap<String, &Value> = items(&metadata["packages"])
        .map(|package| (of(package, "id"), package))
        .collect();
    let nodes: BTreeMap<String, &Value> = items(&metadata["resolve"]["nodes"])
        .map(|node| (of(node, "id"), node))
        .collect();
    let (program, _) = all
        .iter()
        .find(|(_, package)| package["name"] == PROGRAM)
        .context("the program's own package is not there")?;
    let mut waiting = vec![program.clone()];
    let mut reached = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        let node = nodes.get(&id).with_context(|| id.clone())?;
        if reached.insert(id) {
            let needed = items(&node["deps"]).filter(|needed| is_compiled_in(needed));
            waiting.extend(needed.map(|needed| of(needed, "pkg")));
        }
    }
    let mut found = Vec::new();
    for id in reached {
        let package = all.get(&id).with_context(|| id.clone())?;
        // Those of this workspace come from no registry.
        if package["source"].is_null() {
            continue;
        }
        let manifest = PathBuf::from(of(package, "manifest_path"));
        found.push(Package {
            name: of(package, "name"),
            version: of(package, "version"),
            licence: of(package, "license"),
            authors: items(&package["authors"])
                .filter_map(|author| author.as_str().map(str::to_owned))
                .collect(),
            repository: of(package, "repository"),
            folder: manifest.parent().unwrap_or(Path::new("")).to_owned(),
            is_native: !package["links"].is_null(),
        });
    }
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(found)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Whether a dependency is one of the program itself, and not of its build or its tests.
fn is_compiled_in(needed: &Value) -> bool {
    items(&needed["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

/// The texts that a crate brings, of those that are needed.
fn texts_of(package: &Package) -> Result<Vec<String>> {
    let depth = if package.is_native { MAX_DEPTH } else { 1 };
    let mut files = Vec::new();
    find(&package.folder, depth, &mut files)?;
    files.sort();
    let names: Vec<String> = files.iter().map(|path| name_of(path)).collect();
    let mut texts = Vec::new();
    for (path, name) in files.iter().zip(&names) {
        if is_needed(&package.licence, name, &names) {
            let text = fs::read(path).with_context(|| path.display().to_string())?;
            texts.push(cleaned(&String::from_utf8_lossy(&text)));
        }
    }
    Ok(texts)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_uppercase()
}

/// Files that are called as licences and notices are.
fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = name_of(&path);
        if path.is_dir() {
            let is_shipped = !name.starts_with("TEST") && !name.starts_with('.');
            if is_shipped && (depth > 1 || name == "LICENSES") {
                find(&path, depth.saturating_sub(1), files)?;
            }
        } else if is_licence(&name) || path.parent().is_some_and(|dir| name_of(dir) == "LICENSES") {
            files.push(path);
        }
    }
    Ok(())
}

fn is_licence(name: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "LICENSE",
        "LICENCE",
        "COPYING",
        "COPYRIGHT",
        "NOTICE",
        "UNLICENSE",
    ];
    let is_code = [".RS", ".C", ".H", ".PY", ".GO"]
        .iter()
        .any(|end| name.ends_with(end));
    BEGINNINGS.iter().any(|word| name.starts_with(word)) && !is_code
}

/// Whether a text has to be shown: of licences to choose from, MIT is chosen.
pub fn is_needed(licence: &str, name: &str, all: &[String]) -> bool {
    let is_choice = licence.contains(" OR ") || licence.contains('/');
    let offers_mit = is_choice && licence.contains("MIT") && !licence.contains(" AND ");
    let has_mit = all.iter().any(|name| name.contains("MIT"));
    !(offers_mit && has_mit) || name.contains("MIT") || name.contains("NOTICE")
}

/// Without what differs between otherwise equal texts.
fn cleaned(text: &str) -> String {
    let lines: Vec<&str> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_end)
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// The whole file.
pub fn notices(packages: &[Package], texts: &[Vec<String>], of_pages: &str) -> Result<String> {
    let mut out = HEADER.to_owned();
    out.push_str("\nCrates\n\n");
    for package in packages {
        let Package {
            name,
            version,
            licence,
            repository,
            ..
        } = package;
        let line = format!("  {name} {version}: {licence}  {repository}");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("\nBesides them\n\n  Swagger UI, Copyright SmartBear Software Inc.: Apache-2.0  https://github.com/swagger-api/swagger-ui\n");
    let is_apache = |text: &&String| text.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION");
    let apache = texts.iter().flatten().find(is_apache);
    let apache = apache.context("no crate has the text of Apache-2.0")?;
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (package, own) in packages.iter().zip(texts) {
        let name = format!("{} {}", package.name, package.version);
        let own = if own.is_empty() {
            vec![standard(package, apache)?]
        } else {
            own.clone()
        };
        for text in own {
            by_text.entry(text).or_default().push(name.clone());
        }
    }
    by_text
        .entry(apache.clone())
        .or_default()
        .push("Swagger UI".to_owned());
    let mut sections: Vec<(Vec<String>, String)> = by_text
        .into_iter()
        .map(|(text, names)| (names, text))
        .collect();
    sections.sort();
    for (names, text) in &sections {
        section(&mut out, &names.join(", "), text);
    }
    section(&mut out, "Pages", &cleaned(of_pages));
    Ok(out)
}

fn section(out: &mut String, of: &str, text: &str) {
    let line = "-".repeat(100);
    let _ = write!(out, "\n{line}\n{of}\n{line}\n\n{text}\n");
}

/// The text of a licence that a crate names and does not bring.
fn standard(package: &Package, apache: &str) -> Result<String> {
    if package.licence.contains("MIT") {
        let authors = if package.authors.is_empty() {
            format!("the authors of {}", package.name)
        } else {
            package.authors.join(", ")
        };
        return Ok(format!("MIT License\n\nCopyright (c) {authors}\n\n{MIT}"));
    }
    ensure!(
        package.licence == "Apache-2.0",
        "{} {} has no text of its licence, {}",
        package.name,
        package.version,
        package.licence
    );
    Ok(apache.to_owned())
}
