//! Graphs of who depends on whom, and the cycles in them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

/// Code in one file that names items of another.
#[derive(Debug, Clone)]
pub struct Reason {
    pub from: String,
    /// The first line that does.
    pub line: usize,
    pub to: String,
    pub names: BTreeSet<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let (from, line, to, names) = (&self.from, self.line, &self.to, names.join(", "));
        write!(out, "{from}:{line} -> {to} ({names})")
    }
}

/// What each node depends on, and why.
#[derive(Debug, Default)]
pub struct Graph(BTreeMap<String, BTreeMap<String, Vec<Reason>>>);

impl Graph {
    /// Adds a node, if it is new.
    pub fn node(&mut self, name: &str) {
        self.0.entry(name.to_owned()).or_default();
    }

    /// Adds an arrow between two nodes, for this reason where there is one.
    pub fn arrow(&mut self, from: &str, to: &str, reason: Option<Reason>) {
        self.node(to);
        let arrows = self.0.entry(from.to_owned()).or_default();
        let reasons = arrows.entry(to.to_owned()).or_default();
        let Some(reason) = reason else { return };
        let mut same = reasons.iter_mut();
        match same.find(|one| one.from == reason.from && one.to == reason.to) {
            Some(one) => {
                one.line = one.line.min(reason.line);
                one.names.extend(reason.names);
            }
            None => reasons.push(reason),
        }
    }

    /// All arrows' reasons.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.0.values().flat_map(BTreeMap::values).flatten()
    }

    /// What a node depends on.
    pub fn below(&self, node: &str) -> impl Iterator<Item = &str> {
        let arrows = self.0.get(node).into_iter().flat_map(BTreeMap::keys);
        arrows.map(String::as_str)
    }

    /// The reasons of an arrow.
    pub fn why(&self, from: &str, to: &str) -> &[Reason] {
        let arrow = self.0.get(from).and_then(|arrows| arrows.get(to));
        arrow.map_or(&[], Vec::as_slice)
    }

    /// Everything a node depends on, over others too, and itself.
    fn reach<'a>(&'a self, node: &'a str) -> BTreeSet<&'a str> {
        let (mut reached, mut open) = (BTreeSet::from([node]), vec![node]);
        while let Some(node) = open.pop() {
            open.extend(self.below(node).filter(|next| reached.insert(next)));
        }
        reached
    }

    /// The nodes, each after those it depends on; nodes in a cycle side by side.
    pub fn order(&self) -> Vec<Vec<&str>> {
        let mut by_reach: BTreeMap<(usize, BTreeSet<&str>), Vec<&str>> = BTreeMap::new();
        for node in self.0.keys() {
            let reach = self.reach(node);
            let nodes = by_reach.entry((reach.len(), reach)).or_default();
            nodes.push(node);
        }
        by_reach.into_values().collect()
    }

    /// The sets of nodes that depend on each other.
    pub fn cycles(&self) -> Vec<Vec<&str>> {
        let mut cycles = self.order();
        cycles.retain(|nodes| nodes.len() > 1);
        cycles
    }

    /// A shortest way from one of the nodes back to it, through nodes of `within`.
    pub fn shortest<'a>(&'a self, starts: &[&'a str], within: &[&'a str]) -> Vec<&'a str> {
        let ways = starts.iter().filter_map(|start| {
            let mut open = VecDeque::from([vec![*start]]);
            let mut seen = BTreeSet::new();
            while let Some(way) = open.pop_front() {
                for next in self.below(way[way.len() - 1]) {
                    let longer = [way.as_slice(), &[next]].concat();
                    if next == *start {
                        return Some(longer);
                    }
                    if within.contains(&next) && seen.insert(next) {
                        open.push_back(longer);
                    }
                }
            }
            None
        });
        ways.min_by_key(Vec::len).unwrap_or_default()
    }
}
