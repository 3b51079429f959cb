//! The dependencies within one crate, and what is said of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::{
    graph::{Graph, Reason},
    names,
    parse::{Crate, Sources},
};

/// The files of a crate and the arrows between them.
#[derive(Debug, Default)]
pub struct Files {
    /// The folder of the root files.
    source: String,
    /// Each file's modules, from the root of its crate on.
    places: BTreeMap<String, Vec<String>>,
    graph: Graph,
}

impl Files {
    /// Reads the crates with these root files: a library, a program, or both.
    pub fn read(sources: &Sources, roots: &[&str]) -> Result<Self> {
        let mut files = Self::default();
        for root in roots {
            let read = Crate::read(sources, root)?;
            if let ([], Some((source, _))) = (files.source.as_bytes(), root.rsplit_once('/')) {
                source.clone_into(&mut files.source);
            }
            // Backwards, so that of the modules in a file the outermost stays.
            for module in read.modules.iter().rev() {
                let place = module.path.clone();
                files.places.insert(read.files[module.file].clone(), place);
            }
            for path in &read.files {
                files.graph.node(path);
            }
            for one in names::uses(&read) {
                let (from, to) = (read.files[one.from].clone(), read.files[one.to].clone());
                let reason = Reason {
                    from: from.clone(),
                    line: one.line,
                    to: to.clone(),
                    names: BTreeSet::from([one.name]),
                };
                files.graph.arrow(&from, &to, Some(reason));
            }
        }
        Ok(files)
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Why files depend on each other.
    #[cfg(test)]
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.graph.reasons()
    }

    /// Every cycle as text; with all its arrows, or with those of a shortest way around.
    pub fn cycles(&self, all: bool) -> Vec<String> {
        let files = self.graph.cycles().into_iter();
        let mut texts: Vec<String> = files
            .map(|nodes| describe(&self.graph, "files", &nodes, &nodes, all))
            .collect();
        for folder in self.folders() {
            let graph = self.within(&folder);
            for nodes in graph.cycles() {
                let mut folders = nodes.clone();
                folders.retain(|node| node.ends_with('/'));
                // Cycles between files alone are described above.
                if !folders.is_empty() {
                    texts.push(describe(&graph, "folders", &folders, &nodes, all));
                }
            }
        }
        texts
    }

    /// The top-level modules, lowest first, each with what it depends on.
    pub fn top_level(&self) -> Vec<String> {
        let graph = self.within(&[]);
        let mut lines = Vec::new();
        for nodes in graph.order() {
            let cycle = if nodes.len() > 1 { " (in a cycle)" } else { "" };
            for node in nodes {
                let below = listed(graph.below(node).map(short));
                lines.push(format!("{}{cycle}: {below}", short(node)));
            }
        }
        lines
    }

    /// The module paths below which there are files.
    fn folders(&self) -> BTreeSet<Vec<String>> {
        let places = self.places.values();
        places
            .flat_map(|place| (0..place.len()).map(|length| place[..length].to_vec()))
            .collect()
    }

    /// The graph of what is directly in a folder: files, and folders as one node each.
    fn within(&self, folder: &[String]) -> Graph {
        let folders = self.folders();
        let node = |file: &str| {
            let place = self.places[file].as_slice();
            if !place.starts_with(folder) {
                return None;
            }
            let child = place
                .get(..=folder.len())
                .filter(|child| folders.contains(*child));
            Some(match child {
                Some(child) => format!("{}/{}/", self.source, child.join("/")),
                None => file.to_owned(),
            })
        };
        let mut graph = Graph::default();
        for node in self.places.keys().filter_map(|file| node(file)) {
            graph.node(&node);
        }
        for reason in self.graph.reasons() {
            if let (Some(from), Some(to)) = (node(&reason.from), node(&reason.to))
                && from != to
            {
                graph.arrow(&from, &to, Some(reason.clone()));
            }
        }
        graph
    }
}

/// Names in a row, and a word when there are none.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.join(", ")
}

/// A file or folder as a module is called.
fn short(node: &str) -> &str {
    let node = node.trim_end_matches('/').trim_end_matches(".rs");
    node.rsplit_once('/').map_or(node, |(_, name)| name)
}

fn describe(graph: &Graph, what: &str, starts: &[&str], nodes: &[&str], all: bool) -> String {
    let mut lines = vec![format!("{what} in a cycle: {}", nodes.join(", "))];
    let mut add = |from: &str, to: &str| {
        let arrow = if what == "folders" {
            format!("{from} -> {to}: ")
        } else {
            String::new()
        };
        let reasons = graph.why(from, to);
        let shown = if all { reasons.len() } else { 1 };
        let more = match reasons.len() - shown {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        for reason in reasons.iter().take(shown) {
            lines.push(format!("  {arrow}{reason}{more}"));
        }
    };
    if all {
        for from in nodes {
            for to in graph.below(from).filter(|to| nodes.contains(to)) {
                add(from, to);
            }
        }
    } else {
        for pair in graph.shortest(starts, nodes).windows(2) {
            add(pair[0], pair[1]);
        }
    }
    lines.join("\n")
}
